/* guard.c - see guard.h. */
#include "keeper/guard.h"

#include <stdio.h>

#include "base/b64url.h"
#include "dnsup/update.h"
#include "json/json.h"

#define HEADER_MAX (16 * 1024) /* octets; a jwk of RSA 8192 has 1.4 KiB */
#define PAYLOAD_MAX (16 * 1024) /* of a keyChange: an account URL and a public key */
#define URL_MAX 2048

static bool
is_host_octet(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* host or [v6] of an authority in lower case; the rest is "" or ":port" */
static bool
host_is_good(struct span host)
{
	bool v6 = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';

	if (v6)
		host = span_of(host.p + 1, host.n - 2);
	for (size_t i = 0; i < host.n; i++) {
		if (!is_host_octet((unsigned char)host.p[i]) && !(v6 && host.p[i] == ':'))
			return false;
	}
	return host.n > 0;
}

static void
lower(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + 'a' - 'A');
	}
}

bool
origin_of(struct span url, char ret[ORIGIN_TEXT])
{
	bool tls = url.n > 8 && strncasecmp(url.p, "https://", 8) == 0;
	size_t start = tls ? 8 : 7, n;
	char text[ORIGIN_TEXT];
	struct span host, port;
	uint64_t number = tls ? 443 : 80;
	int len;

	if (!tls && !(url.n > 7 && strncasecmp(url.p, "http://", 7) == 0))
		return false;
	url = span_from(url, start);
	for (n = 0; n < url.n && url.p[n] != '/' && url.p[n] != '?' && url.p[n] != '#'; n++)
		;
	if (!span_copy(span_of(url.p, n), text, sizeof(text)))
		return false;
	lower(text, n);
	host = port = span_of(text, n);
	while (host.n && host.p[host.n - 1] != ':' && host.p[host.n - 1] != ']')
		host.n--;
	if (host.n && host.p[host.n - 1] == ':') {
		port = span_from(port, host.n);
		host.n--;
		if (!span_uint(port, 65535, &number) || number == 0)
			return false;
	} else {
		host = span_of(text, n);
	}
	if (!host_is_good(host))
		return false;
	if (number == (tls ? 443 : 80))
		len = snprintf(ret, ORIGIN_TEXT, "http%s://%.*s", tls ? "s" : "", SPAN_FMT(host));
	else
		len = snprintf(ret, ORIGIN_TEXT, "http%s://%.*s:%u", tls ? "s" : "", SPAN_FMT(host),
			(unsigned)number);
	return len < ORIGIN_TEXT;
}

static bool
url_fits(struct span url, struct span scope, struct problem *pr)
{
	char have[ORIGIN_TEXT], want[ORIGIN_TEXT];

	if (!origin_of(scope, want))
		return problem_internal(pr, "the key has no origin as its scope");
	if (!origin_of(url, have))
		return problem_internal(
			pr, "the url \"%s\" in the protected header has no origin", QUOTE(url));
	if (strcmp(have, want) != 0)
		return problem_internal(
			pr, "the key is for %.100s, not for the url \"%s\"", want, QUOTE(url));
	return true;
}

/* The protected header of b64 '.' b64 as JSON, and what follows. */
static bool
header_read(struct span input, struct json **ret, struct span *ret_payload, struct problem *pr)
{
	AUTO_BUF text = BUF_MAX(HEADER_MAX);
	struct span rest = input, header = SPAN_NONE;

	span_cut(&rest, '.', &header);
	if (header.n == input.n || !b64url_is_alphabet(rest) || !b64url_read(header, &text))
		return problem_internal(pr, "what is to be signed is not two parts of base64url");
	if (!json_parse(buf_span(&text), "protected header", NULL, ret, pr))
		return problem_internal(pr, "the protected header to be signed is not JSON");
	*ret_payload = rest;
	return true;
}

/* What both kinds of header must have: alg, url; nothing that changes how the input is read. */
static bool
common_check(const struct json_node *header, struct span scope, enum jwa alg, struct problem *pr)
{
	struct json_obj o = json_obj(header, "protected header", pr);
	struct span name = json_req_str(&o, "alg", 32);
	struct span url = json_req_str(&o, "url", URL_MAX);

	if (!json_ok(&o))
		return problem_internal(
			pr, "the protected header to be signed has no fitting alg and url");
	if (json_get(header, "crit") || json_get(header, "b64"))
		return problem_internal(pr, "the protected header to be signed has crit or b64");
	if (alg == JWA_NONE || !span_is(name, jwa_name(alg)))
		return problem_internal(
			pr, "alg \"%s\" in the protected header is not the key's", QUOTE(name));
	return url_fits(url, scope, pr);
}

static bool
change_check(const struct json_node *payload, struct span scope, struct problem *pr)
{
	const struct json_node *key = json_get(payload, "oldKey");

	if (json_count(payload) != 2 || json_type(key) != JSON_OBJECT || json_text(json_get(payload, "account")).n == 0)
		return problem_internal(pr, "what is to be signed without a nonce is no change of an account's key");
	return url_fits(json_text(json_get(payload, "account")), scope, pr);
}

/* Without a nonce there is but one thing to sign: the inner JWS of a keyChange (RFC 8555 7.3.5). */
static bool
inner_check(struct span payload, struct span scope, struct problem *pr)
{
	AUTO_BUF text = BUF_MAX(PAYLOAD_MAX);
	struct json *doc;
	bool good;

	if (!b64url_read(payload, &text) || !json_parse(buf_span(&text), "payload", NULL, &doc, pr))
		return problem_internal(pr, "what is to be signed without a nonce is not JSON");
	good = json_type(json_root(doc)) == JSON_OBJECT ? change_check(json_root(doc), scope, pr)
							: problem_internal(pr, "what is to be signed without a nonce is no JSON object");
	json_free(doc);
	return good;
}

static bool
account_check(const struct json_node *header, struct span payload, struct span scope, enum jwa alg, struct problem *pr)
{
	const struct json_node *kid = json_get(header, "kid"), *jwk = json_get(header, "jwk"), *nonce = json_get(header, "nonce");

	if (!common_check(header, scope, alg, pr))
		return false;
	if (!kid == !jwk || (kid && json_type(kid) != JSON_STRING) ||
		(jwk && json_type(jwk) != JSON_OBJECT))
		return problem_internal(
			pr, "the protected header needs exactly one of kid and jwk");
	if (jwk && !nonce)
		return inner_check(payload, scope, pr);
	return json_text(nonce).n > 0 || problem_internal(pr, "the protected header needs a nonce");
}

static bool
eab_check(const struct json_node *header, struct span scope, enum jwa alg, struct problem *pr)
{
	if (!jwa_is_mac(alg))
		return problem_internal(pr, "an EAB key makes MACs only");
	if (!common_check(header, scope, alg, pr))
		return false;
	if (json_text(json_get(header, "kid")).n == 0 || json_get(header, "jwk") ||
		json_get(header, "nonce"))
		return problem_internal(
			pr, "the protected header is not one of an external account binding");
	return true;
}

bool
guard_account(struct span input, struct span scope, enum jwa alg, struct problem *pr)
{
	struct span payload;
	struct json *doc;
	bool good;

	if (!header_read(input, &doc, &payload, pr))
		return false;
	good = account_check(json_root(doc), payload, scope, alg, pr);
	json_free(doc);
	return good;
}

bool
guard_eab(struct span input, struct span scope, enum jwa alg, struct problem *pr)
{
	struct span payload;
	struct json *doc;
	bool good;

	if (!header_read(input, &doc, &payload, pr))
		return false;
	good = eab_check(json_root(doc), scope, alg, pr);
	json_free(doc);
	return good;
}

bool
guard_tsig(struct span input, struct problem *pr)
{
	size_t n = update_txt_octets(input);

	return (n > 0 && n < input.n) || problem_internal(pr, "a TSIG key is for updates of TXT records");
}
