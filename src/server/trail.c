/* trail.c - what devices are refused, for the audit trail: who, from where, what, why.
 *
 * What changes something is noted in its own transaction, where it happens. A refusal changes nothing, and costs its asker next to
 * nothing: so only so many are noted, and the next one says how many were not. */
#include <stdio.h>

#include "base/log.h"
#include "server/api.h"

static const struct rate each_rate = { 60, 1000 };  /* of an account, or an address */
static const struct rate all_rate = { 1000, 200 };

struct audit_entry
api_entry(const struct api *api, enum audit_event event)
{
	return (struct audit_entry){ .event = event, .actor = AUDIT_ACME, .node = jobs_node(api->srv->jobs), .account = api->kid_ref,
		.address = api->peer_text, .profile = api->noted.profile, .rule = api->noted.rule, .names = buf_cstr((struct buf *)(uintptr_t)&api->noted.names),
		.kid = api->noted.kid };
}

/* A decision, not a misunderstanding, a full house or a question. */
static bool
is_decision(const struct problem *pr)
{
	switch (pr->kind) {
	case PROBLEM_MALFORMED:
	case PROBLEM_ORDER_NOT_READY:
	case PROBLEM_ACCOUNT_DOES_NOT_EXIST:
	case PROBLEM_NOT_FOUND:
	case PROBLEM_CONFLICT:
		return false;
	default:
		return problem_status(pr->kind) < 500 && problem_status(pr->kind) != 429;
	}
}

static bool
may_note(struct api *api)
{
	struct span who = span_str(api->kid_ref[0] ? api->kid_ref : api->peer_text);
	msec_t now = clock_ms(), wait;

	if (!api->srv->noted || (buckets_has(api->srv->noted, SPAN("*"), all_rate, now, &wait) && buckets_take(api->srv->noted, who, each_rate, now, &wait) &&
			buckets_take(api->srv->noted, SPAN("*"), all_rate, now, &wait)))
		return true;
	atomic_fetch_add(&api->srv->unnoted, 1);
	return false;
}

static bool
note_tx(struct sql *db, void *arg, struct problem *pr)
{
	return audit_note(db, arg, pr);
}

void
api_note_refusal(struct api *api)
{
	enum audit_event event = api->route->refusal;
	struct problem pr = { 0 };
	struct audit_entry e;
	uint64_t unnoted;
	char skipped[24];

	if (!event || !api->authentic || !is_decision(&api->pr) || !may_note(api))
		return;
	if (event == AUDIT_ACCOUNT_CREATE && api->noted.kid[0])
		event = AUDIT_EAB_USE_REFUSED;
	e = api_entry(api, event);
	e.outcome = AUDIT_REFUSED;
	e.problem = problem_type(api->pr.kind);
	e.detail = api->pr.detail;
	e.rule = api->rule;
	unnoted = atomic_exchange(&api->srv->unnoted, 0);
	snprintf(skipped, sizeof(skipped), "%llu", (unsigned long long)unnoted);
	e.skipped = unnoted ? skipped : NULL;
	if (!store_write(api->srv->store, note_tx, &e, &pr))
		log_error("audit_failed", LPR(&pr));
}
