/* ca.c - see ca.h: the link itself, and what its requests have in common. The way of a call is in
 * ca_call.c. */
#include "upstream/ca.h"

#include <stdlib.h>

#include "base/log.h"
#include "keeper/guard.h"
#include "upstream/ca_int.h"

#define RATE_LIMIT_S 3600 /* of a rate limit that names no time (U5) */
#define CONNECT_MS 10000
#define SKEW_S 5

/* "https://host:port" of a URL, as it is written there */
static char *
origin_text(const char *url)
{
	const char *authority = strstr(url, "//");
	size_t n = authority ? (size_t)(authority - url) + 2 : 0;

	return span_dup(span_of(url, n + strcspn(url + n, "/?#")));
}

struct ca *
ca_new(const struct ca_conf *conf)
{
	struct ca *ca = xcalloc(1, sizeof(*ca));
	const struct upstream_conf *up = conf->upstream;

	ca->name = xstrdup(up->name);
	ca->directory_url = xstrdup(up->directory);
	ca->origin = origin_text(up->directory);
	ca->ca_file = up->ca_file && *up->ca_file ? xstrdup(up->ca_file) : NULL;
	ca->proxy = up->proxy && *up->proxy ? xstrdup(up->proxy) : NULL;
	ca->request_ms = up->request_ms > 0 ? up->request_ms : 60000;
	ca->httpc = conf->httpc;
	ca->gets = conf->gets;
	ca->pool = conf->pool;
	ca->keeper = conf->keeper;
	ca->loop = conf->loop;
	ca->pace = conf->pace;
	ca->on_directory = conf->on_directory;
	ca->arg = conf->arg;
	pthread_mutex_init(&ca->lock, NULL);
	return ca;
}

void
ca_stop(struct ca *ca)
{
	pthread_mutex_lock(&ca->lock);
	ca->stopped = true;
	pthread_mutex_unlock(&ca->lock);
	ca_pace_stop(ca);
}

void
ca_free(struct ca *ca)
{
	if (!ca)
		return;
	ca_directory_unref(ca->dir);
	timer_free(ca->pace_timer);
	timer_free(ca->probe_timer);
	pthread_mutex_destroy(&ca->lock);
	free(ca->name);
	free(ca->directory_url);
	free(ca->origin);
	free(ca->fault);
	free(ca->ca_file);
	free(ca->proxy);
	free(ca);
}

void
ca_set_fault(struct ca *ca, const char *text)
{
	free(ca->fault);
	ca->fault = xstrdup(text);
}

const char *
ca_fault(const struct ca *ca)
{
	return ca->fault;
}

const char *
ca_name(const struct ca *ca)
{
	return ca->name;
}

const char *
ca_origin(const struct ca *ca)
{
	return ca->origin;
}

void
ca_stats(struct ca *ca, struct ca_stats *ret)
{
	pthread_mutex_lock(&ca->lock);
	*ret = ca->stats;
	ret->is_open = circuit_is_open(&ca->circuit);
	pthread_mutex_unlock(&ca->lock);
}

void
ca_health(struct ca *ca, struct ca_health *ret)
{
	msec_t now = clock_ms();
	const struct circuit *c = &ca->circuit;

	pthread_mutex_lock(&ca->lock);
	*ret = (struct ca_health){ .is_ill = circuit_is_open(c), .is_probing = c->probing, .failures = c->failures,
		.failing_ms = c->failures ? now - c->since_ms + 1 : 0 };
	if (ret->is_ill && c->open_until_ms > now)
		ret->probe_in_ms = c->open_until_ms - now;
	pthread_mutex_unlock(&ca->lock);
}

/* What the keeper would not sign for either: a CA that names another server gets no request sent there. */
bool
ca_url_allowed(const struct ca *ca, const char *url)
{
	char theirs[ORIGIN_TEXT], ours[ORIGIN_TEXT];

	return origin_of(span_str(url), theirs) && origin_of(span_str(ca->origin), ours) && strcmp(theirs, ours) == 0;
}

void
ca_request_init(const struct ca *ca, struct httpc_request *rq, msec_t total_ms)
{
	*rq = (struct httpc_request){
		.ca_file = ca->ca_file,
		.proxy = ca->proxy,
		.http2 = true,
		.connect_ms = total_ms < CONNECT_MS ? total_ms : CONNECT_MS,
		.total_ms = total_ms,
	};
}

/* Under the lock, so that after ca_stop nothing is started any more. */
bool
ca_send(struct ca *ca, const struct httpc_request *rq, httpc_fn fn, void *arg)
{
	bool may;

	pthread_mutex_lock(&ca->lock);
	may = !ca->stopped;
	if (may)
		httpc_start(ca->httpc, rq, fn, arg);
	pthread_mutex_unlock(&ca->lock);
	return may;
}

/* A pause of Let's Encrypt names a page with a token in its URL, by which anybody could end it: not for logs. */
static void
hide_jwt(char *text)
{
	char *at = text;

	while ((at = strstr(at, "jwt="))) {
		at += strlen("jwt=");
		memmove(at, at + strcspn(at, " \"'<>&"), strlen(at + strcspn(at, " \"'<>&")) + 1);
	}
}

void
ca_read_problem(const struct httpc_reply *rp, struct acme_problem *ret)
{
	if (rp->result == HTTPC_OK) {
		acme_problem_read(buf_span(&rp->body), rp->status, ret);
		hide_jwt(ret->problem.detail);
		hide_jwt(ret->problem.cause);
		return;
	}
	*ret = (struct acme_problem){ 0 };
	problem_set(&ret->problem, PROBLEM_SERVER_INTERNAL, "the CA could not be reached (%s)",
		httpc_result_name(rp->result));
	problem_cause(&ret->problem, "%s: %s", httpc_result_name(rp->result), rp->error);
}

bool
ca_count_failure(struct ca *ca, const struct httpc_reply *rp)
{
	bool ill = (rp->result != HTTPC_OK && rp->result != HTTPC_BUSY) || rp->status >= 500;
	bool was_open, is_open;

	if (!ill)
		return false;
	pthread_mutex_lock(&ca->lock);
	was_open = circuit_is_open(&ca->circuit);
	circuit_failed(&ca->circuit, clock_ms());
	is_open = circuit_is_open(&ca->circuit);
	pthread_mutex_unlock(&ca->lock);
	if (is_open && !was_open)
		log_warning("upstream_down", LS("upstream", ca->name), LI("failures", CIRCUIT_FAILURES), LI("http_status", rp->status),
			LS("why", rp->result == HTTPC_OK ? "" : rp->error));
	if (is_open)
		ca_probe_later(ca);
	return true;
}

void
ca_count_success(struct ca *ca)
{
	msec_t failing_ms;
	bool was_open;

	pthread_mutex_lock(&ca->lock);
	was_open = circuit_is_open(&ca->circuit);
	failing_ms = clock_ms() - ca->circuit.since_ms;
	circuit_succeeded(&ca->circuit);
	pthread_mutex_unlock(&ca->lock);
	if (was_open)
		log_notice("upstream_up", LS("upstream", ca->name), LI("down_s", failing_ms / 1000));
}

/* "Try again in 12.47s.": Google's only place for it */
static bool
retry_in_detail(const char *detail, int64_t *ret)
{
	const char *at = strstr(detail, "ry again in ");
	uint64_t whole;

	if (!at)
		return false;
	at += strlen("ry again in ");
	if (!span_uint(span_of(at, strspn(at, "0123456789")), CA_RETRY_MAX_S, &whole))
		return false;
	*ret = (int64_t)whole + 1; /* the fraction */
	return true;
}

/* A date is relative to the CA's own clock where that differs from ours (RFC 9110 10.2.3). */
bool
ca_retry_after(
	const struct httpc_reply *rp, const struct problem *pr, int64_t max_s, int64_t *ret_s)
{
	int64_t now = clock_unix_s(), theirs, s;

	if (time_http_parse(httpc_field(rp, "Date", 0), &theirs) && llabs(theirs - now) > SKEW_S)
		now = theirs;
	if (!time_retry_after(httpc_field(rp, "Retry-After", 0), now, &s)) {
		if (pr->kind != PROBLEM_RATE_LIMITED)
			return false;
		if (!retry_in_detail(pr->detail, &s))
			s = RATE_LIMIT_S;
	}
	*ret_s = s < 1 ? 1 : s > max_s ? max_s : s;
	return true;
}

bool
ca_sign(struct ca *ca, const struct ca_signer *signer, const char *kid, const char *nonce,
	const char *url, struct span payload, struct buf *out, struct problem *pr)
{
	AUTO_BUF header = BUF_MAX(16 * 1024);
	AUTO_BUF input = BUF_MAX(256 * 1024);
	AUTO_BUF signature = BUF_MAX(2 * 1024);

	if (!jws_header_write(&header, jwa_name(signer->alg), kid ? SPAN_NONE : signer->jwk, kid,
		    nonce, url) ||
		!jws_input_write(&input, buf_span(&header), payload))
		return problem_internal(pr, "the request to %s is too long", url);
	if (!keeper_sign_jws(ca->keeper, signer->sealed, buf_span(&input), &signature, pr))
		return false;
	if (!jws_assemble(out, buf_span(&input), buf_span(&signature)))
		return problem_internal(pr, "the request to %s is too long", url);
	return true;
}

bool
ca_sign_inner(struct ca *ca, const struct ca_signer *signer, const char *url, struct span payload,
	struct buf *out, struct problem *pr)
{
	return ca_sign(ca, signer, NULL, NULL, url, payload, out, pr);
}

bool
ca_signer_public(struct span spki_der, struct buf *ret_jwk, enum jwa *ret_alg, struct problem *pr)
{
	AUTO_PKEY *key = NULL;
	struct jwk *jwk = NULL;
	bool good;

	if (!key_spki_parse(spki_der, &key, pr) || !jwk_from_key(key, &jwk, pr))
		return false;
	*ret_alg = jwa_for_key(key);
	good = jwk_write(jwk, ret_jwk);
	jwk_free(jwk);
	return good || problem_internal(pr, "no room for a public key");
}
