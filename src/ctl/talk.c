/* talk.c - HTTP with the daemon over its UNIX socket; see ctl.h. */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "gate/conf.h"

#define BODY_MAX (16 * 1024 * 1024)
#define CONNECT_S 10

static const struct json_limits limits = { .depth_max = 24, .nodes_max = 1000000 };

void
ctl_reply_done(struct ctl_reply *rp)
{
	/* a key perhaps, shown this once */
	json_wipe(rp->doc);
	buf_wipe(&rp->body);
	rp->doc = NULL;
	rp->root = NULL;
}

/* The file is read for this one key: whatever else is wrong with it must not keep us from the daemon. */
static char *
socket_of_file(struct ctl *ctl, const char *file)
{
	struct gate_conf *conf = xcalloc(1, sizeof(*conf));
	struct conf_errors errors = CONF_ERRORS;
	char *path = NULL;

	if (!conf_load(file, gate_conf_keys, conf, &errors) && !errors.parsed)
		ctl_fail(ctl, CTL_USAGE, "%.*s", (int)strcspn(buf_cstr(&errors.text), "\n"), buf_cstr(&errors.text));
	else if (conf->admin_socket)
		path = xstrdup(conf->admin_socket);
	else
		ctl_fail(ctl, CTL_USAGE, "%s has no admin_socket", file);
	conf_errors_done(&errors);
	conf_done(gate_conf_keys, conf);
	free(conf);
	return path;
}

static const char *
default_socket(void)
{
	for (const struct conf_key *k = gate_conf_keys; k->name; k++) {
		if (strcmp(k->name, "admin_socket") == 0)
			return k->def;
	}
	return "";
}

char *
ctl_socket_path(struct ctl *ctl)
{
	const char *path = ctl_opt(ctl, "socket"), *file = ctl_opt(ctl, "config");

	if (path)
		return xstrdup(path);
	if (file)
		return socket_of_file(ctl, file);
	if (access(CTL_CONFIG_FILE, R_OK) == 0)
		return socket_of_file(ctl, CTL_CONFIG_FILE);
	return xstrdup(default_socket());
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	return buf_add(arg, data, size * count) ? size * count : 0;
}

int
ctl_exit_of(int http_status, struct span type)
{
	if (http_status >= 200 && http_status < 300)
		return CTL_DONE;
	if (problem_kind_of(type) == PROBLEM_ALREADY_REVOKED)
		return CTL_CONFLICT;
	switch (http_status) {
	case 401:
	case 403:
		return CTL_REFUSED;
	case 404:
		return CTL_NOT_FOUND;
	case 409:
		return CTL_CONFLICT;
	case 429:
	case 503:
		return CTL_LATER;
	}
	return CTL_FAILED;
}

/* Say what the daemon said, its lines of errors first. */
static int
print_problem(struct ctl *ctl, int status, int64_t retry_after_s, const struct ctl_reply *rp)
{
	const struct json_node *errors = json_get(rp->root, "errors");
	struct span type = json_text(json_get(rp->root, "type")), detail = json_text(json_get(rp->root, "detail"));
	int code = ctl_exit_of(status, type);

	if (ctl->json && rp->root) {
		fprintf(stderr, "%s\n", buf_cstr((struct buf *)(uintptr_t)&rp->body));
		return code;
	}
	for (size_t i = 0; i < json_count(errors); i++)
		ctl_note(ctl, "%.*s", SPAN_FMT(json_text(json_at(errors, i))));
	if (detail.n && retry_after_s > 0)
		return ctl_fail(ctl, code, "%.*s (in %lld s)", SPAN_FMT(detail), (long long)retry_after_s);
	if (detail.n)
		return ctl_fail(ctl, code, "%.*s", SPAN_FMT(detail));
	return ctl_fail(ctl, code, "the daemon answered with status %d", status);
}

static int
print_curl(struct ctl *ctl, CURL *curl, CURLcode result, const char *path)
{
	long error = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
	if (result == CURLE_COULDNT_CONNECT && (error == EACCES || error == EPERM))
		return ctl_fail(ctl, CTL_REFUSED, "%s: %s; root, the gateway's user, admin_users and other roles may", path, strerror((int)error));
	if (result == CURLE_COULDNT_CONNECT)
		return ctl_fail(ctl, CTL_UNREACHABLE, "the daemon is not reachable at %s%s%s; does it run, and with this configuration?", path, error ? ": " : "",
			error ? strerror((int)error) : "");
	if (result == CURLE_OPERATION_TIMEDOUT)
		return ctl_fail(ctl, CTL_LATER, "the daemon has not answered in time");
	if (result == CURLE_WRITE_ERROR)
		return ctl_fail(ctl, CTL_FAILED, "the daemon's answer is too long");
	return ctl_fail(ctl, CTL_UNREACHABLE, "no answer from the daemon at %s: %s", path, curl_easy_strerror(result));
}

long
ctl_timeout_s(const struct ctl *ctl)
{
	const char *text = ctl_opt(ctl, "timeout");
	uint64_t n = 60;

	/* main has checked it */
	if (text && !span_uint(span_str(text), 86400, &n))
		return 60;
	return (long)n;
}

static void
prepare(struct ctl *ctl, CURL *curl, const char *socket, const char *url, const char *json, struct curl_slist *fields, struct ctl_reply *ret)
{
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, ctl_timeout_s(ctl));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &ret->body);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, fields);
	if (json) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(json));
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json);
	}
}

/* `text`: the answer is not JSON unless it is a refusal. */
static int
read_reply(struct ctl *ctl, CURL *curl, bool text, struct ctl_reply *ret)
{
	curl_off_t retry_after_s = 0;
	long status = 0;
	struct problem pr = { 0 };

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_s);
	if (text && status >= 200 && status < 300)
		return CTL_DONE;
	if (json_parse(buf_span(&ret->body), "answer", &limits, &ret->doc, &pr) && json_type(json_root(ret->doc)) == JSON_OBJECT)
		ret->root = json_root(ret->doc);
	if (status < 200 || status >= 300)
		return print_problem(ctl, (int)status, retry_after_s, ret);
	if (!ret->root)
		return ctl_fail(ctl, CTL_FAILED, "the daemon's answer cannot be read: %s", pr.detail);
	return CTL_DONE;
}

static int
ask(struct ctl *ctl, const char *path, const char *json, bool text, struct ctl_reply *ret)
{
	AUTO_FREE char *socket = ctl_socket_path(ctl), *url = xasprintf("http://localhost%s", path);
	CURLcode ready = curl_global_init(CURL_GLOBAL_NOTHING);
	struct curl_slist *fields = curl_slist_append(NULL, "Expect:");
	CURL *curl = ready == CURLE_OK ? curl_easy_init() : NULL;
	CURLcode result;
	int code = CTL_USAGE;

	*ret = (struct ctl_reply){ .body = BUF_MAX(BODY_MAX) };
	if (json)
		fields = curl_slist_append(fields, "Content-Type: application/json");
	if (socket && curl) {
		prepare(ctl, curl, socket, url, json, fields, ret);
		result = curl_easy_perform(curl);
		code = result == CURLE_OK ? read_reply(ctl, curl, text, ret) : print_curl(ctl, curl, result, socket);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(fields);
	curl_global_cleanup();
	if (code != CTL_DONE)
		ctl_reply_done(ret);
	return code;
}

int
ctl_ask(struct ctl *ctl, const char *path, const char *json, struct ctl_reply *ret)
{
	return ask(ctl, path, json, false, ret);
}

int
ctl_ask_text(struct ctl *ctl, const char *path, struct ctl_reply *ret)
{
	return ask(ctl, path, NULL, true, ret);
}
