/* ca_pace.c - requests that have to wait for their turn (pace.h): a list by time, and one timer on the outbound loop. */
#include "upstream/ca_int.h"

#define PACE_MOST_MS 60000 /* whose turn is later is told so instead */

static enum quota_kind
kind_of(const struct ca_call *call)
{
	switch (call->target) {
	case CA_NEW_ACCOUNT:
		return QUOTA_HTTP_ACCOUNT;
	case CA_NEW_ORDER:
		return QUOTA_HTTP_ORDER;
	case CA_REVOKE:
		return QUOTA_HTTP_REVOKE;
	default:
		return QUOTA_HTTP_OTHER;
	}
}

/* Take those whose turn it is off the list; all of them once the ca is stopped. */
static struct ca_call *
take_due(struct ca *ca, msec_t now, msec_t *ret_wait_ms)
{
	struct ca_call *due = NULL, **end = &due;

	pthread_mutex_lock(&ca->lock);
	while (ca->paced && (ca->stopped || ca->paced->turn_ms <= now)) {
		*end = ca->paced;
		ca->paced = ca->paced->next;
		end = &(*end)->next;
	}
	*end = NULL;
	*ret_wait_ms = ca->paced ? ca->paced->turn_ms - now : -1;
	pthread_mutex_unlock(&ca->lock);
	return due;
}

/* The loop's thread. */
static void
on_turn(void *arg)
{
	struct ca *ca = arg;
	msec_t wait_ms;
	struct ca_call *call = take_due(ca, clock_ms(), &wait_ms);

	if (!ca->pace_timer)
		ca->pace_timer = timer_new(ca->loop, on_turn, ca);
	if (wait_ms >= 0)
		timer_set(ca->pace_timer, wait_ms);
	while (call) {
		struct ca_call *next = call->next;

		pool_post(ca->pool, call->turn, call);
		call = next;
	}
}

static bool
enqueue(struct ca *ca, struct ca_call *call)
{
	struct ca_call **at = &ca->paced;
	bool waits;

	pthread_mutex_lock(&ca->lock);
	waits = !ca->stopped;
	while (waits && *at && (*at)->turn_ms <= call->turn_ms)
		at = &(*at)->next;
	if (waits) {
		call->next = *at;
		*at = call;
		ca->stats.paced++;
	}
	pthread_mutex_unlock(&ca->lock);
	return waits;
}

enum ca_turn
ca_pace(struct ca_call *call, bool nonce, void (*turn)(void *call))
{
	struct ca *ca = call->ca;
	msec_t wait_ms;

	if (call->turn) {
		call->turn = NULL;
		return CA_TURN_NOW;
	}
	wait_ms = ca->loop ? pace_take(ca->pace, nonce ? QUOTA_HTTP_NONCE : kind_of(call), clock_ms(), PACE_MOST_MS) : 0;
	if (wait_ms <= 0)
		return CA_TURN_NOW;
	if (wait_ms > PACE_MOST_MS) {
		call->has_retry_after = true;
		call->retry_after_s = wait_ms / 1000 + 1;
		return CA_TURN_NEVER;
	}
	call->turn_ms = clock_ms() + wait_ms;
	call->ends_ms += wait_ms; /* the deadline is the request's */
	call->turn = turn;
	if (!enqueue(ca, call)) {
		call->turn = NULL;
		return CA_TURN_NOW;
	}
	loop_post(ca->loop, on_turn, ca);
	return CA_TURN_LATER;
}

void
ca_pace_stop(struct ca *ca)
{
	if (ca->loop)
		loop_post(ca->loop, on_turn, ca);
}
