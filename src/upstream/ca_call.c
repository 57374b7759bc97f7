/* ca_call.c - see ca.h. The way of a call, every step on a worker, every wait on the outbound loop:
 *
 *   begin    the circuit lets it through, or it ends at once
 *   resolve  its URL from the directory, else wait for the directory
 *   nonce    from the pool, else wait for one (ca_nonce.c)
 *   send     signed by the keeper
 *   reply    badNonce: to `nonce`, 5 times; 404 on a URL of the directory: to `resolve`, once
 *
 * A call belongs to the step that handles it, then to httpc or the directory's waiters, one at a
 * time: it needs no lock. */
#include <stdlib.h>

#include "base/crash.h"
#include "base/log.h"
#include "upstream/ca_int.h"

#define FAULT_RETRY_S (15 * 60)
#define BAD_NONCES_MAX 5

static const char *const result_names[] = {
	[CA_OK] = "ok",
	[CA_PROBLEM] = "problem",
	[CA_UNREACHABLE] = "unreachable",
	[CA_LOST] = "lost",
};

static const enum acme_entry target_entry[] = {
	[CA_NEW_ACCOUNT] = ACME_NEW_ACCOUNT,
	[CA_NEW_ORDER] = ACME_NEW_ORDER,
	[CA_REVOKE] = ACME_REVOKE_CERT,
	[CA_KEY_CHANGE] = ACME_KEY_CHANGE,
};

const char *
ca_result_name(enum ca_result result)
{
	return result_names[result];
}

/* ---- the end of a call ---- */

static void
finish(struct ca_call *call, enum ca_result result)
{
	struct ca *ca = call->ca;

	call->result = result;
	call->problem.problem.retry_after_s =
		call->has_retry_after ? (unsigned)call->retry_after_s : 0;
	pthread_mutex_lock(&ca->lock);
	if (call->is_probe)
		circuit_give_up(&ca->circuit);
	ca->stats.good += result == CA_OK;
	ca->stats.problems += result == CA_PROBLEM;
	ca->stats.unreachable += result == CA_UNREACHABLE;
	ca->stats.lost += result == CA_LOST;
	pthread_mutex_unlock(&ca->lock);
	log_debug("upstream_call", LS("upstream", ca->name), LS("url", call->sent_url),
		LS("result", result_names[result]), LI("status", call->http_status),
		LI("bad_nonces", call->bad_nonces));
	call->done(call, call->arg);
}

void
ca_call_refuse(struct ca_call *call, const char *why)
{
	acme_problem_done(&call->problem);
	problem_internal(&call->problem.problem, "upstream %s: %s", call->ca->name, why);
	finish(call, CA_UNREACHABLE);
}

void
ca_call_retry_after(struct ca_call *call)
{
	int64_t max = call->retry_after_max_s ? call->retry_after_max_s
		      : call->target == CA_NEW_ORDER || call->target == CA_NEW_ACCOUNT
			      ? CA_RETRY_MAX_S
			      : 15 * 60;

	call->has_retry_after =
		ca_retry_after(&call->reply, &call->problem.problem, max, &call->retry_after_s);
}

static void
read_location(struct ca_call *call)
{
	struct span location = span_trim(httpc_field(&call->reply, "Location", 0));

	/* the CA compares an account URL octet for octet: never rewrite one that is complete */
	if (acme_url_ok(location))
		span_copy(location, call->location, sizeof(call->location));
	else if (!location.n || !httpc_url_resolve(call->sent_url, location, call->location,
					sizeof(call->location)))
		call->location[0] = '\0';
	if (call->location[0] && !ca_url_allowed(call->ca, call->location))
		call->location[0] = '\0';
}

/* A request that had to come first failed (directory, newNonce): ours was never sent. */
void
ca_call_unserved(struct ca_call *call)
{
	call->http_status = 0;
	finish(call, CA_UNREACHABLE);
}

/* ---- reply ---- */

void
ca_call_clear(struct ca_call *call)
{
	httpc_reply_done(&call->reply);
	acme_problem_done(&call->problem);
	call->http_status = 0;
	call->has_retry_after = false;
}

/* badNonce: the same again, with the nonce of this very reply (RFC 8555 6.5 MUST). */
static void
retry_nonce(struct ca_call *call, struct span nonce)
{
	call->bad_nonces++;
	call->has_nonce = nonce_ok(nonce) && span_copy(nonce, call->nonce, sizeof(call->nonce));
	pthread_mutex_lock(&call->ca->lock);
	call->ca->stats.bad_nonces++;
	pthread_mutex_unlock(&call->ca->lock);
	ca_call_clear(call);
	ca_nonce_get(call);
}

/* A URL of the directory that is not there: the directory may have changed. */
static bool
wants_refresh(struct ca_call *call)
{
	return call->http_status == 404 && call->target != CA_URL && !call->refreshed &&
	       !ca_directory_is_fresh(call->ca);
}

/* A complete reply: what does it say? */
static void
call_answered(struct ca_call *call)
{
	struct span nonce = httpc_field(&call->reply, "Replay-Nonce", 0);
	struct ca *ca = call->ca;

	call->http_status = call->reply.status;
	if (call->http_status < 200 || call->http_status > 299)
		ca_read_problem(&call->reply, &call->problem);
	if (call->problem.problem.kind == PROBLEM_BAD_NONCE && call->bad_nonces < BAD_NONCES_MAX) {
		retry_nonce(call, nonce);
		return;
	}
	ca_nonce_keep(ca, nonce);
	read_location(call);
	ca_call_retry_after(call);
	if (wants_refresh(call)) {
		call->refreshed = true;
		ca_directory_wait(ca, call);
		return;
	}
	finish(call, call->problem.problem.kind ? CA_PROBLEM : CA_OK);
}

static void
call_reply(void *arg)
{
	struct ca_call *call = arg;
	struct ca *ca = call->ca;
	enum httpc_result got = call->reply.result;

	/* a long queue of ours says nothing of the CA */
	if (got == HTTPC_BUSY) {
		ca_read_problem(&call->reply, &call->problem);
		finish(call, CA_UNREACHABLE);
		return;
	}
	if (!ca_count_failure(ca, &call->reply))
		ca_count_success(ca);
	call->is_probe = false; /* its outcome is told */
	if (got == HTTPC_OK) {
		call_answered(call);
		return;
	}
	ca_read_problem(&call->reply, &call->problem);
	finish(call, got == HTTPC_TIMEOUT || got == HTTPC_TOO_LARGE || got == HTTPC_BROKEN
			     ? CA_LOST
			     : CA_UNREACHABLE);
}

static void
on_reply(struct httpc_reply *rp, void *arg)
{
	struct ca_call *call = arg;

	crash_point("upstream replied");
	httpc_reply_take(rp, &call->reply);
	pool_post(call->ca->pool, call_reply, call);
}

/* ---- sign and send ---- */

static void
send_turn(void *arg)
{
	ca_call_send(arg);
}

void
ca_call_send(struct ca_call *call)
{
	struct ca *ca = call->ca;
	struct httpc_request rq;
	struct problem *pr = &call->problem.problem;
	AUTO_BUF made = BUF_MAX(128 * 1024);
	AUTO_BUF body = BUF_MAX(256 * 1024);
	struct span payload = call->payload;
	msec_t left_ms;

	switch (ca_pace(call, false, send_turn)) {
	case CA_TURN_LATER:
		return;
	case CA_TURN_NEVER:
		ca_call_refuse(call, "too many requests wait for their turn");
		return;
	default:
		break;
	}
	if (call->make_payload) {
		if (!call->make_payload(call, call->sent_url, &made, pr)) {
			finish(call, CA_PROBLEM);
			return;
		}
		payload = buf_span(&made);
	}
	if (!ca_sign(ca, &call->signer, call->signer.kid, call->nonce, call->sent_url, payload,
		    &body, pr)) {
		finish(call, CA_UNREACHABLE);
		return;
	}
	call->has_nonce = false; /* spent, whatever comes */
	left_ms = call->ends_ms - clock_ms();
	if (left_ms <= 0) {
		ca_call_refuse(call, "no time left to send the request");
		return;
	}
	ca_request_init(ca, &rq, left_ms);
	rq.method = "POST";
	rq.url = call->sent_url;
	rq.body = buf_span(&body);
	rq.content_type = "application/jose+json";
	rq.accept = call->accept ? call->accept : "application/json";
	rq.body_max_bytes = call->body_max_bytes ? call->body_max_bytes : ACME_BODY_MAX_BYTES;
	pthread_mutex_lock(&ca->lock);
	ca->stats.sent++;
	pthread_mutex_unlock(&ca->lock);
	crash_point("upstream request");
	if (!ca_send(ca, &rq, on_reply, call))
		ca_call_refuse(call, "being stopped");
}

/* ---- resolve ---- */

/* The URL of the call as the directory has it; NULL if it offers none. */
static const char *
resolve(const struct ca_call *call, const struct ca_directory *dir)
{
	return call->target == CA_URL ? call->url : dir->d.url[target_entry[call->target]];
}

static void
call_resolve(struct ca_call *call)
{
	struct ca *ca = call->ca;
	struct ca_directory *dir = ca_directory_ref(ca);
	const char *url;
	bool again = call->http_status == 404, good, same;

	if (!dir) {
		ca_directory_wait(ca, call);
		return;
	}
	url = resolve(call, dir);
	good = url && acme_url_ok(span_str(url)) && ca_url_allowed(ca, url);
	same = good && strcmp(url, call->sent_url) == 0;
	if (good)
		span_copy(span_str(url), call->sent_url, sizeof(call->sent_url));
	ca_directory_unref(dir);
	if (again && (same || !good)) {
		finish(call, CA_PROBLEM); /* the 404 stands */
		return;
	}
	if (!good) {
		if (call->target == CA_URL)
			problem_set(&call->problem.problem, PROBLEM_NOT_FOUND,
				"the CA names a URL that is none, or of another server: \"%.200s\"", QUOTE(span_str(call->url)));
		else
			problem_set(&call->problem.problem, PROBLEM_NOT_FOUND, "the CA does not offer %s", acme_entry_name(target_entry[call->target]));
		finish(call, CA_PROBLEM);
		return;
	}
	ca_call_clear(call);
	ca_nonce_get(call);
}

static void
call_resumed(void *arg)
{
	struct ca_call *call = arg;

	if (call->http_status == 404 && call->unserved)
		finish(call, CA_PROBLEM);
	else if (call->unserved)
		ca_call_unserved(call);
	else if (call->target == CA_DIRECTORY)
		finish(call, CA_OK);
	else
		call_resolve(call);
}

void
ca_call_resume(struct ca_call *call, const struct problem *why, int64_t retry_after_s)
{
	call->unserved = why != NULL;
	if (why && call->http_status != 404) {
		call->problem.problem = *why;
		call->has_retry_after = retry_after_s > 0;
		call->retry_after_s = retry_after_s;
	}
	pool_post(call->ca->pool, call_resumed, call);
}

/* ---- begin ---- */

/* Only an operator can mend it, by a restart (T6). */
static void
call_fault(struct ca_call *call)
{
	problem_set(&call->problem.problem, PROBLEM_SERVER_INTERNAL, "%s", call->ca->fault);
	call->has_retry_after = true;
	call->retry_after_s = FAULT_RETRY_S;
	finish(call, CA_UNREACHABLE);
}

static void
call_begin(void *arg)
{
	struct ca_call *call = arg;
	struct ca *ca = call->ca;
	msec_t wait_ms = 0;
	bool may;

	if (ca->fault) {
		call_fault(call);
		return;
	}
	if (call->target == CA_DIRECTORY) {
		ca_directory_wait(ca, call);
		return;
	}
	pthread_mutex_lock(&ca->lock);
	may = circuit_enter(&ca->circuit, clock_ms(), &call->is_probe, &wait_ms);
	ca->stats.calls++;
	pthread_mutex_unlock(&ca->lock);
	if (may) {
		ca_directory_check(ca);
		call_resolve(call);
		return;
	}
	problem_set(&call->problem.problem, PROBLEM_SERVER_INTERNAL,
		"the CA has not been answering for a while");
	problem_cause(&call->problem.problem, "upstream %s: circuit open for %lld ms", ca->name,
		(long long)wait_ms);
	call->has_retry_after = true;
	call->retry_after_s = wait_ms / 1000 + 1;
	finish(call, CA_UNREACHABLE);
}

void
ca_post(struct ca *ca, struct ca_call *call)
{
	call->ca = ca;
	call->ends_ms = clock_ms() + (call->deadline_ms ? call->deadline_ms : ca->request_ms);
	pool_post(ca->pool, call_begin, call);
}

void
ca_call_done(struct ca_call *call)
{
	httpc_reply_done(&call->reply);
	acme_problem_done(&call->problem);
}

struct span
ca_call_body(const struct ca_call *call)
{
	return buf_span(&call->reply.body);
}

bool
ca_call_link(const struct ca_call *call, const char *rel, unsigned nth, char ret[ACME_URL_TEXT])
{
	return httpc_link(&call->reply, rel, nth, call->sent_url, ret, ACME_URL_TEXT) &&
	       ca_url_allowed(call->ca, ret);
}

bool
ca_call_is_temporary(const struct ca_call *call)
{
	enum problem_kind kind = call->problem.problem.kind;

	if (call->result != CA_PROBLEM)
		return call->result != CA_OK;
	return call->http_status >= 500 || call->http_status == 408 || kind == PROBLEM_BAD_NONCE ||
	       kind == PROBLEM_RATE_LIMITED || kind == PROBLEM_OVERLOADED ||
	       kind == PROBLEM_SERVER_INTERNAL;
}
