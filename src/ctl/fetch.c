/* fetch.c - HTTPS with a gateway's public face, as any client of it: TLS is checked, nothing is followed; see ctl.h. */
#include <curl/curl.h>
#include <stdlib.h>

#include "ctl/ctl.h"

#define BODY_MAX (8 * 1024 * 1024)
#define CONNECT_S 10

static const struct json_limits limits = { .depth_max = 24, .nodes_max = 100000 };

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	return buf_add(arg, data, size * count) ? size * count : 0;
}

static void
prepare(struct ctl *ctl, CURL *curl, const char *url, struct ctl_reply *ret)
{
	const char *ca_file = ctl_opt(ctl, "ca-file");

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, ctl_timeout_s(ctl));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &ret->body);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "acmegatectl");
	if (ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
}

struct ctl_web {
	CURL *curl;
};

static const char *
advice(CURLcode result)
{
	if (result == CURLE_PEER_FAILED_VERIFICATION)
		return "; --ca-file takes the root that it is to be trusted by";
	return result == CURLE_SSL_CACERT_BADFILE ? "; --ca-file is no file of certificates in PEM that can be read" : "";
}

struct ctl_web *
ctl_web_new(void)
{
	struct ctl_web *web = xcalloc(1, sizeof(*web));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		web->curl = curl_easy_init();
	return web;
}

void
ctl_web_free(struct ctl_web *web)
{
	curl_easy_cleanup(web->curl);
	curl_global_cleanup();
	free(web);
}

int
ctl_web_get(struct ctl *ctl, struct ctl_web *web, const char *url, struct ctl_reply *ret, int *ret_status, int64_t *ret_retry_s)
{
	curl_off_t retry_after_s = 0;
	struct problem pr = { 0 };
	CURLcode result;
	long status = 0;

	*ret = (struct ctl_reply){ .body = BUF_MAX(BODY_MAX) };
	if (!web->curl)
		return ctl_fail(ctl, CTL_FAILED, "libcurl cannot be used");
	prepare(ctl, web->curl, url, ret);
	result = curl_easy_perform(web->curl);
	if (result != CURLE_OK) {
		ctl_reply_done(ret);
		return ctl_fail(ctl, CTL_UNREACHABLE, "%s: %s%s", url, curl_easy_strerror(result), advice(result));
	}
	curl_easy_getinfo(web->curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(web->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
	if (json_parse(buf_span(&ret->body), "answer", &limits, &ret->doc, &pr) && json_type(json_root(ret->doc)) == JSON_OBJECT)
		ret->root = json_root(ret->doc);
	*ret_status = (int)status;
	*ret_retry_s = retry_after_s > 0 ? (int64_t)retry_after_s : 0;
	return CTL_DONE;
}
