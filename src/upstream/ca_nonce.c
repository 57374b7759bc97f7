/* ca_nonce.c - a nonce for each request (RFC 8555 6.5, 7.2): from the pool, else by HEAD newNonce.
 *
 * CAs limit newNonce harder than anything else, and a burst of calls finds the pool empty: so only
 * few ask at a time, and the others wait for whatever nonce comes first, by a HEAD or by the reply
 * of another call. */
#include "upstream/ca_int.h"

#define FETCHES_MAX 2

static void nonce_fetch(void *arg);

static void
waiters_add(struct ca *ca, struct ca_call *call)
{
	call->next = NULL;
	*(ca->nonce_first ? &ca->nonce_last->next : &ca->nonce_first) = call;
	ca->nonce_last = call;
}

static struct ca_call *
waiters_take(struct ca *ca)
{
	struct ca_call *first = ca->nonce_first;

	if (first)
		ca->nonce_first = first->next;
	return first;
}

static void
send_task(void *arg)
{
	ca_call_send(arg);
}

static void
unserved_task(void *arg)
{
	ca_call_unserved(arg);
}

void
ca_nonce_keep(struct ca *ca, struct span nonce)
{
	struct ca_call *waiter = NULL;

	pthread_mutex_lock(&ca->lock);
	if (nonce_ok(nonce))
		waiter = waiters_take(ca);
	if (waiter)
		waiter->has_nonce = span_copy(nonce, waiter->nonce, sizeof(waiter->nonce));
	else
		nonces_put(&ca->nonces, nonce, clock_ms());
	pthread_mutex_unlock(&ca->lock);
	if (waiter)
		pool_post(ca->pool, send_task, waiter);
}

/* A fetch is over: the next that waits may ask. */
static void
fetch_pass_on(struct ca *ca)
{
	struct ca_call *next;

	pthread_mutex_lock(&ca->lock);
	next = waiters_take(ca);
	if (!next)
		ca->nonce_fetches--;
	pthread_mutex_unlock(&ca->lock);
	if (next)
		pool_post(ca->pool, nonce_fetch, next);
}

/* A fetch failed: those that wait would hear the same. */
static void
fetch_give_up(struct ca *ca, const struct ca_call *failed)
{
	struct ca_call *waiters;

	pthread_mutex_lock(&ca->lock);
	waiters = ca->nonce_first;
	ca->nonce_first = NULL;
	ca->nonce_fetches--;
	pthread_mutex_unlock(&ca->lock);
	while (waiters) {
		struct ca_call *next = waiters->next;

		waiters->problem.problem = failed->problem.problem;
		waiters->has_retry_after = failed->has_retry_after;
		waiters->retry_after_s = failed->retry_after_s;
		pool_post(ca->pool, unserved_task, waiters);
		waiters = next;
	}
}

/* Worker: what newNonce said. */
static void
nonce_read(void *arg)
{
	struct ca_call *call = arg;
	struct ca *ca = call->ca;
	struct span nonce = httpc_field(&call->reply, "Replay-Nonce", 0);

	if (ca_count_failure(ca, &call->reply))
		call->is_probe = false; /* its outcome is told */
	/* any reply may bring one, whatever its status */
	if (call->reply.result == HTTPC_OK && nonce_ok(nonce)) {
		call->has_nonce = span_copy(nonce, call->nonce, sizeof(call->nonce));
		ca_call_clear(call);
		fetch_pass_on(ca);
		ca_call_send(call);
		return;
	}
	if (call->reply.status == 404 && !call->refreshed && !ca_directory_is_fresh(ca)) {
		call->refreshed = true;
		ca_call_clear(call);
		fetch_pass_on(ca);
		ca_directory_wait(ca, call);
		return;
	}
	if (call->reply.result == HTTPC_OK && call->reply.status < 300)
		problem_internal(
			&call->problem.problem, "upstream %s: newNonce gave no nonce", ca->name);
	else
		ca_read_problem(&call->reply, &call->problem);
	ca_call_retry_after(call);
	fetch_give_up(ca, call);
	ca_call_unserved(call);
}

static void
on_nonce(struct httpc_reply *rp, void *arg)
{
	struct ca_call *call = arg;

	httpc_reply_take(rp, &call->reply);
	pool_post(call->ca->pool, nonce_read, call);
}

/* The call holds one of the FETCHES_MAX places. */
static void
nonce_fetch(void *arg)
{
	struct ca_call *call = arg;
	struct ca *ca = call->ca;
	struct ca_directory *dir = ca_directory_ref(ca);
	msec_t left_ms = call->ends_ms - clock_ms();
	struct httpc_request rq;
	bool sent = false;
	enum ca_turn turn = ca_pace(call, true, nonce_fetch);

	if (turn != CA_TURN_NOW)
		ca_directory_unref(dir);
	if (turn == CA_TURN_NEVER) {
		fetch_pass_on(ca);
		ca_call_refuse(call, "too many requests wait for their turn");
	}
	if (turn != CA_TURN_NOW)
		return;
	if (left_ms > 0) {
		ca_request_init(ca, &rq, left_ms);
		rq.method = "HEAD";
		rq.url = dir->d.url[ACME_NEW_NONCE];
		rq.body_max_bytes = ACME_PROBLEM_MAX_BYTES;
		pthread_mutex_lock(&ca->lock);
		ca->stats.nonces_fetched++;
		pthread_mutex_unlock(&ca->lock);
		sent = ca_send(ca, &rq, on_nonce, call);
	}
	ca_directory_unref(dir);
	if (sent)
		return;
	fetch_pass_on(ca);
	ca_call_refuse(call, left_ms > 0 ? "being stopped" : "no time left to fetch a nonce");
}

void
ca_nonce_get(struct ca_call *call)
{
	struct ca *ca = call->ca;
	bool fetch;

	pthread_mutex_lock(&ca->lock);
	/* after a badNonce that brought none, those of the pool are no better */
	if (!call->has_nonce && call->bad_nonces == 0)
		call->has_nonce = nonces_take(&ca->nonces, clock_ms(), call->nonce);
	fetch = !call->has_nonce && ca->nonce_fetches < FETCHES_MAX;
	ca->nonce_fetches += fetch;
	if (!call->has_nonce && !fetch) {
		waiters_add(ca, call);
		call = NULL;
	}
	pthread_mutex_unlock(&ca->lock);
	if (fetch)
		nonce_fetch(call);
	else if (call)
		ca_call_send(call);
}
