/* device.c - see device.h. One issuance is newOrder, authz, challenge, authz again, finalize, order
 * (unless finalize answered `valid`), certificate: seven signed requests, more only where a poll
 * came too early. */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "base/b64url.h"
#include "bench.h"
#include "jose/jws.h"
#include "json/json.h"
#include "json/jw.h"
#include "pki/key.h"

static const char *const step_names[] = {
	[STEP_DIRECTORY] = "directory",
	[STEP_NEW_NONCE] = "newNonce",
	[STEP_NEW_ACCOUNT] = "newAccount",
	[STEP_NEW_ORDER] = "newOrder",
	[STEP_AUTHZ] = "authz",
	[STEP_CHALLENGE] = "challenge",
	[STEP_AUTHZ_POLL] = "authz poll",
	[STEP_FINALIZE] = "finalize",
	[STEP_ORDER_POLL] = "order poll",
	[STEP_CERT] = "certificate",
};

const char *
step_name(enum step step)
{
	return step_names[step];
}

static void
new_account_key(struct device *d)
{
	struct problem pr = {0};

	jwk_free(d->jwk);
	EVP_PKEY_free(d->key);
	d->jwk = NULL;
	if (!key_make(KEY_P256, &d->key, &pr) || !jwk_from_key(d->key, &d->jwk, &pr))
		die("cannot make a key: %s", pr.cause);
}

void
device_init(struct device *d, unsigned index, uint16_t port, enum work work, const char *tag)
{
	struct problem pr = {0};

	*d = (struct device){.index = index, .work = work, .step = STEP_NEW_NONCE};
	snprintf(d->tag, sizeof(d->tag), "%s", tag);
	snprintf(d->base, sizeof(d->base), "https://127.0.0.1:%u", port);
	new_account_key(d);
	if (!key_make(KEY_P256, &d->cert_key, &pr))
		die("cannot make a key: %s", pr.cause);
}

void
device_done(struct device *d)
{
	jwk_free(d->jwk);
	EVP_PKEY_free(d->key);
	EVP_PKEY_free(d->cert_key);
}

/* ---- requests ---- */

static void
write_csr(struct device *d, struct buf *out)
{
	X509_REQ *req = X509_REQ_new();
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
	unsigned char *der = NULL;
	char san[80];
	int n;

	snprintf(san, sizeof(san), "DNS:%s", d->name);
	sk_X509_EXTENSION_push(exts, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san));
	X509_REQ_set_pubkey(req, d->cert_key);
	X509_REQ_add_extensions(req, exts);
	X509_REQ_sign(req, d->cert_key, EVP_sha256());
	n = i2d_X509_REQ(req, &der);
	if (n <= 0)
		die("cannot make a CSR");
	b64url_add(out, der, (size_t)n);
	OPENSSL_free(der);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	X509_REQ_free(req);
}

static void
write_payload(struct device *d, struct buf *out)
{
	AUTO_BUF csr = BUF_MAX(16 * 1024);

	switch (d->step) {
	case STEP_NEW_ACCOUNT:
		buf_adds(out,
			"{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:pki@bench.test\"]}");
		break;
	case STEP_NEW_ORDER:
		snprintf(d->name, sizeof(d->name), "d%u-%u.%s.bench.test", d->index, d->round,
			d->tag);
		buf_addf(out, "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"%s\"}]}", d->name);
		break;
	case STEP_CHALLENGE:
		buf_adds(out, "{}");
		break;
	case STEP_FINALIZE:
		write_csr(d, &csr);
		buf_addf(out, "{\"csr\":\"%s\"}", buf_cstr(&csr));
		break;
	default:
		break;
	}
}

static const char *
step_url(const struct device *d, char dst[URL_TEXT_MAX])
{
	static const char *const paths[STEP__COUNT] = {[STEP_DIRECTORY] = "/directory",
		[STEP_NEW_NONCE] = "/new-nonce",
		[STEP_NEW_ACCOUNT] = "/new-account",
		[STEP_NEW_ORDER] = "/new-order"};

	switch (d->step) {
	case STEP_AUTHZ:
	case STEP_AUTHZ_POLL:
		return d->authz;
	case STEP_CHALLENGE:
		return d->challenge;
	case STEP_FINALIZE:
		return d->finalize;
	case STEP_ORDER_POLL:
		return d->order;
	case STEP_CERT:
		return d->cert;
	default:
		snprintf(dst, URL_TEXT_MAX, "%s%s", d->base, paths[d->step]);
		return dst;
	}
}

static void
write_jws(struct device *d, const char *url, struct buf *out)
{
	AUTO_BUF header = BUF_MAX(4096), payload = BUF_MAX(16 * 1024), input = BUF_MAX(32 * 1024);
	AUTO_BUF signature = BUF_MAX(256), jwk = BUF_MAX(1024);
	bool with_jwk = d->step == STEP_NEW_ACCOUNT;
	struct problem pr = {0};

	write_payload(d, &payload);
	if (with_jwk)
		jwk_write(d->jwk, &jwk);
	if (!jws_header_write(&header, "ES256", with_jwk ? buf_span(&jwk) : SPAN_NONE,
		    with_jwk ? NULL : d->kid, d->nonce, url) ||
		!jws_input_write(&input, buf_span(&header), buf_span(&payload)) ||
		!jws_sign_raw(JWA_ES256, d->key, buf_span(&input), &signature, &pr) ||
		!jws_assemble(out, buf_span(&input), buf_span(&signature)))
		die("cannot sign a request: %s", pr.cause);
}

void
device_request(struct device *d, struct buf *out)
{
	AUTO_BUF jws = BUF_MAX(64 * 1024);
	char room[URL_TEXT_MAX];
	const char *url = step_url(d, room), *host = url + 8, *path = strchr(host, '/');

	buf_addf(out, "%s %s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: bench\r\n",
		d->step == STEP_DIRECTORY   ? "GET"
		: d->step == STEP_NEW_NONCE ? "HEAD"
					    : "POST",
		path, (int)(path - host), host);
	if (d->step > STEP_NEW_NONCE) {
		write_jws(d, url, &jws);
		buf_addf(out, "Content-Type: application/jose+json\r\nContent-Length: %zu\r\n",
			jws.n);
	}
	buf_adds(out, "\r\n");
	buf_addspan(out, buf_span(&jws));
}

/* ---- replies ---- */

bool
answer_parse(struct span in, struct reply *ret)
{
	struct reply r = {0};
	const char *end = memmem(in.p, in.n, "\r\n\r\n", 4);
	struct span head, line, name;
	uint64_t body = 0, wait = 0;

	if (!end)
		return false;
	head = span_of(in.p, (size_t)(end - in.p));
	r.status = head.n > 12 ? atoi(head.p + 9) : 0;
	while (span_cut(&head, '\n', &line)) {
		if (!span_cut(&line, ':', &name) || !line.p)
			continue;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = span_trim(line);
		if (span_is_nocase(name, "Replay-Nonce"))
			r.nonce = line;
		else if (span_is_nocase(name, "Location"))
			r.location = line;
		else if (span_is_nocase(name, "Content-Length"))
			span_uint(line, 1 << 24, &body);
		else if (span_is_nocase(name, "Retry-After"))
			span_uint(line, 1 << 20, &wait);
	}
	r.length = (size_t)(end - in.p) + 4 + (size_t)body;
	if (in.n < r.length)
		return false;
	r.body = span_of(end + 4, (size_t)body);
	r.retry_after_s = (int64_t)wait;
	*ret = r;
	return true;
}

static bool
take(const struct json_node *object, const char *member, char dst[URL_TEXT_MAX])
{
	return span_copy(json_text(json_get(object, member)), dst, URL_TEXT_MAX);
}

static bool
is_status(const struct json_node *object, const char *status)
{
	return span_is(json_text(json_get(object, "status")), status);
}

/* The order's object: newOrder's, finalize's or a poll's. */
static enum device_next
got_order(
	struct device *d, const struct json_node *order, int64_t *ret_wait_us, const char **ret_why)
{
	if (d->step == STEP_NEW_ORDER) {
		*ret_why = "the order lacks something";
		if (!take(order, "finalize", d->finalize) ||
			!span_copy(json_text(json_at(json_get(order, "authorizations"), 0)),
				d->authz, sizeof(d->authz)))
			return DEVICE_FAILED;
		d->step = STEP_AUTHZ;
		return DEVICE_GOES_ON;
	}
	if (is_status(order, "valid") && take(order, "certificate", d->cert)) {
		d->step = STEP_CERT;
		return DEVICE_GOES_ON;
	}
	*ret_why = "the order is invalid";
	if (!is_status(order, "processing"))
		return DEVICE_FAILED;
	d->step = STEP_ORDER_POLL;
	*ret_wait_us = d->order_wait_us;
	return DEVICE_GOES_ON;
}

static enum device_next
got_authz(
	struct device *d, const struct json_node *authz, int64_t *ret_wait_us, const char **ret_why)
{
	const struct json_node *challenge = json_at(json_get(authz, "challenges"), 0);

	if (is_status(authz, "valid")) {
		d->step = STEP_FINALIZE;
		return d->work == WORK_VALIDATE ? DEVICE_ROUND : DEVICE_GOES_ON;
	}
	*ret_why = "the authorization is invalid";
	if (!is_status(authz, "pending"))
		return DEVICE_FAILED;
	if (d->step == STEP_AUTHZ_POLL) {
		*ret_wait_us = d->authz_wait_us;
		return DEVICE_GOES_ON;
	}
	*ret_why = "the authorization has no challenge";
	if (!take(challenge, "url", d->challenge) ||
		!span_copy(json_text(json_get(challenge, "token")), d->token, sizeof(d->token)))
		return DEVICE_FAILED;
	d->step = STEP_CHALLENGE;
	return DEVICE_GOES_ON;
}

static enum device_next
got_object(struct device *d, const struct reply *r, int64_t *ret_wait_us, const char **ret_why)
{
	struct problem pr = {0};
	struct json *doc = NULL;
	enum device_next next;

	*ret_why = "the reply is no JSON";
	if (!json_parse(r->body, "reply", NULL, &doc, &pr))
		return DEVICE_FAILED;
	if (d->step == STEP_AUTHZ || d->step == STEP_AUTHZ_POLL)
		next = got_authz(d, json_root(doc), ret_wait_us, ret_why);
	else
		next = got_order(d, json_root(doc), ret_wait_us, ret_why);
	json_free(doc);
	return next;
}

static enum device_next
next_round(struct device *d)
{
	static const enum step first[] = {[WORK_DIRECTORY] = STEP_DIRECTORY,
		[WORK_NEW_NONCE] = STEP_NEW_NONCE,
		[WORK_NEW_ACCOUNT] = STEP_NEW_ACCOUNT,
		[WORK_NEW_ORDER] = STEP_NEW_ORDER,
		[WORK_VALIDATE] = STEP_NEW_ORDER,
		[WORK_ISSUE] = STEP_NEW_ORDER};

	d->round++;
	d->step = first[d->work];
	if (d->work == WORK_NEW_ACCOUNT)
		new_account_key(d);
	return DEVICE_ROUND;
}

/* 6.5: a nonce that came too late or was lost */
static bool
is_bad_nonce(const struct reply *r)
{
	return r->status == 400 && r->nonce.n && memmem(r->body.p, r->body.n, ":badNonce\"", 10);
}

enum device_next
device_reply(struct device *d, const struct reply *r, int64_t *ret_wait_us, const char **ret_why)
{
	static _Thread_local char text[160];

	*ret_wait_us = 0;
	if (r->nonce.n)
		span_copy(r->nonce, d->nonce, sizeof(d->nonce));
	if (is_bad_nonce(r))
		return DEVICE_GOES_ON;
	if (r->status == 503) {
		*ret_wait_us = (r->retry_after_s ? r->retry_after_s : 5) * 1000000;
		return DEVICE_GOES_ON;
	}
	if (r->status < 200 || r->status > 299) {
		snprintf(text, sizeof(text), "%d %.*s", r->status, SPAN_FMT(r->body));
		*ret_why = text;
		next_round(d);
		return DEVICE_FAILED;
	}
	switch (d->step) {
	case STEP_NEW_NONCE:
		if (d->work == WORK_NEW_NONCE || d->work == WORK_DIRECTORY)
			return next_round(d);
		d->step = STEP_NEW_ACCOUNT;
		return DEVICE_GOES_ON;
	case STEP_NEW_ACCOUNT:
		if (!span_copy(r->location, d->kid, sizeof(d->kid)))
			die("an account has no URL");
		return next_round(d);
	case STEP_CHALLENGE:
		d->step = STEP_AUTHZ_POLL;
		*ret_wait_us = d->authz_wait_us;
		return DEVICE_GOES_ON;
	case STEP_DIRECTORY:
	case STEP_CERT:
		return next_round(d);
	case STEP_NEW_ORDER:
		if (!span_copy(r->location, d->order, sizeof(d->order)))
			die("an order has no URL");
		break;
	default:
		break;
	}
	if (d->work == WORK_NEW_ORDER)
		return next_round(d);
	switch (got_object(d, r, ret_wait_us, ret_why)) {
	case DEVICE_FAILED:
		next_round(d);
		return DEVICE_FAILED;
	case DEVICE_ROUND:
		return next_round(d);
	default:
		return DEVICE_GOES_ON;
	}
}
