/* issue_ledger.c - the issue job and what its CA still allows: the question before each newOrder, and what a refusal means; see issue.h
 * and ledger/ledger.h. One transaction each. */
#include "upstream/issue.h"

#include <stdio.h>

#include "base/log.h"
#include "base/rand.h"
#include "flow/work.h"
#include "store/audit.h"
#include "store/event.h"

#define SAME_SET_MS 5000
#define PAUSE_MIN_MS INT64_C(1000)
#define PAUSE_MAX_MS INT64_C(300000)

static int64_t
now_ns(void)
{
	return clock_unix_ms() * 1000000;
}

struct ledger_ask
issue_ledger_ask(const struct issue *is)
{
	return (struct ledger_ask){ .conf = is->conf, .upstream = conf_upstream(is->conf, is->row.upstream),
		.account_url = is->account ? is->account->kid : "", .order_id = is->job->row.subject, .idents = &is->names,
		.ordered = &is->ordered, .now_ns = now_ns() };
}

/* ---- may newOrder go out? ---- */

struct admit_rq {
	struct issue *is;
	struct ledger_answer answer;
	bool same_set, asking;
};

/* Back to the queue, in the transaction that gives the job back; `until` unix s, `b` NULL = of no bucket. */
static bool
requeue(struct sql *db, struct issue *is, const struct bucket *b, int64_t until, struct problem *pr)
{
	return jobs_yield(is->job, db, pr) && queue_back(db, is->job->row.subject, until, b ? b->id : 0, pr);
}

struct wait_rq {
	struct issue *is;
	const struct bucket *bucket;
	int64_t until;
};

static bool
wait_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct wait_rq *r = arg;

	return requeue(db, r->is, r->bucket, r->until, pr);
}

/* In the queue, where it waits for a bucket until then; or NULL, 0. */
static enum job_next
wait_for(struct issue *is, const struct bucket *b, int64_t until)
{
	struct wait_rq r = { is, b, until };
	struct problem pr = { 0 };

	if (!store_write(upstreams_env(is->ups)->store, wait_tx, &r, &pr))
		return issue_store_trouble(is, &pr);
	work_hurry(is->job->jobs);
	return JOB_DONE;
}

/* Asked by the order itself where it is not known what became of its last newOrder (U8): it has been let through once. */
static bool
admit_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct admit_rq *r = arg;
	struct issue *is = r->is;
	struct ledger_ask ask = issue_ledger_ask(is);
	struct queue_row q;
	bool awaited, found;

	r->asking = false;
	if (!ask.upstream)
		return problem_internal(pr, "the limits of %s are in no configuration", is->row.upstream);
	if (!jobs_fence(is->job, db, pr) || !order_is_awaited(db, ask.order_id, &awaited, pr))
		return false;
	is->late = !awaited;
	if (is->late || !issue_in_the_way(db, &is->order, is->row.upstream, jobs_node(is->job->jobs), &r->same_set, pr) || r->same_set)
		return is->late || r->same_set;
	r->asking = true;
	if (!queue_get(db, ask.order_id, &q, &found, pr))
		return false;
	ask.urgent = found && q.class <= SCHED_EXPIRING;
	if (!issue_find_replaces(is, db, &ask, pr) || !ledger_admit(upstreams_ledger(is->ups), db, &ask, &r->answer, pr))
		return false;
	r->asking = false;
	if (r->answer.admitted)
		return upstream_order_intend(db, ask.order_id, ask.now_ns / NS_PER_S, pr);
	return upstream_order_unintend(db, ask.order_id, pr);
}

/* The queue gave it back, since it waits for long and its profile has other CAs. */
static bool
look_elsewhere(struct issue *is, enum job_next *ret_next)
{
	int64_t until = is->elsewhere_until;

	is->elsewhere_until = 0;
	return until && issue_moves_for_limit(is, &is->elsewhere, until, ret_next);
}

bool
issue_admitted(struct issue *is, enum job_next *ret_next)
{
	struct admit_rq r = { .is = is };
	struct ledger *ledger = upstreams_ledger(is->ups);
	struct problem pr = { 0 };

	if (is->go || !is->row.intent_at) {
		/* it has no business here before the queue lets it through: our account had to be made anew, or it comes from another CA */
		if (!is->go && !look_elsewhere(is, ret_next))
			*ret_next = wait_for(is, NULL, 0);
		return is->go;
	}
	if (!store_write(upstreams_env(is->ups)->store, admit_tx, &r, &pr)) {
		if (r.asking)
			ledger_set_well(ledger, false);
		*ret_next = issue_store_trouble(is, &pr);
		return false;
	}
	ledger_set_well(ledger, true);
	if (is->late)
		*ret_next = issue_left(is);
	else if (r.same_set)
		/* the CA would hand out that order again (U9), and count it */
		*ret_next = issue_again(is, SAME_SET_MS, ISSUE_NEW_ORDER);
	else if (!r.answer.admitted) {
		atomic_fetch_add(&is->u->limits.waited[r.answer.blocked.kind], 1);
		if (!issue_moves_for_limit(is, &r.answer.blocked, r.answer.until, ret_next))
			*ret_next = wait_for(is, &r.answer.blocked, r.answer.until);
	} else {
		atomic_fetch_add(&is->u->limits.admitted, 1);
		return true;
	}
	return false;
}

/* ---- it did not become an order ---- */

int64_t
issue_queue_pause_ms(const struct issue *is, int64_t at_least_ms)
{
	int64_t ms = is->row.pauses < 9 ? PAUSE_MIN_MS << is->row.pauses : PAUSE_MAX_MS;

	ms = ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
	ms = ms - ms / 5 + rand_below((uint32_t)(ms * 2 / 5));
	return ms > at_least_ms ? ms : at_least_ms;
}

struct withdraw_rq {
	struct issue *is;
	int64_t until;
};

static bool
withdraw_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct withdraw_rq *r = arg;
	struct ledger_ask ask = issue_ledger_ask(r->is);

	return requeue(db, r->is, NULL, r->until, pr) && ledger_released(db, &ask, pr);
}

enum job_next
issue_withdraw(struct issue *is, int64_t wait_ms)
{
	struct withdraw_rq r = { is, (clock_unix_ms() + wait_ms + 999) / 1000 };
	struct problem pr = { 0 };

	if (!store_write(upstreams_env(is->ups)->store, withdraw_tx, &r, &pr))
		return issue_store_trouble(is, &pr);
	work_hurry(is->job->jobs);
	return JOB_DONE;
}

struct limited_rq {
	struct issue *is;
	int64_t until;
	struct ledger_refusal refusal;
};

static bool
limited_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct limited_rq *r = arg;
	struct issue *is = r->is;
	struct ledger_ask ask = issue_ledger_ask(is);
	char label[BUCKET_LABEL_TEXT], time[TIME_TEXT];

	r->until = ask.now_ns / NS_PER_S + is->call.retry_after_s + 1;
	return jobs_fence(is->job, db, pr) &&
		ledger_refused(upstreams_ledger(is->ups), db, &ask, span_str(is->call.problem.problem.detail), is->call.retry_after_s,
			&r->refusal, pr) &&
		upstream_order_unintend(db, ask.order_id, pr) &&
		audit_note(db, &(struct audit_entry){ .event = r->refusal.is_paused ? AUDIT_CA_PAUSED : AUDIT_CA_LIMIT_HIT, .actor = AUDIT_UPSTREAM,
			.outcome = AUDIT_REFUSED, .node = jobs_node(is->job->jobs), .order = is->order.ref, .upstream = is->u->name,
			.detail = is->call.problem.problem.detail, .after = time_rfc3339(r->until, time) }, pr) &&
		event_note(db, is->order.id, jobs_node(is->job->jobs), "limit", pr, "%s refused for %s until %s%s: %s", is->u->name,
			ledger_label(&r->refusal.bucket, label), time_rfc3339(r->until, time),
			r->refusal.foreign ? " (not by our count: somebody else uses it)" : "", is->call.problem.problem.detail);
}

/* What operators must hear of a refusal. */
static void
tell_refusal(struct issue *is, const struct limited_rq *r)
{
	const struct ledger_refusal *f = &r->refusal;
	char label[BUCKET_LABEL_TEXT], time[TIME_TEXT];

	ledger_label(&f->bucket, label);
	time_rfc3339(r->until, time);
	atomic_fetch_add(&is->u->limits.refused[f->kind], 1);
	if (f->foreign)
		atomic_fetch_add(&is->u->limits.foreign[f->kind], 1);
	if (f->is_paused)
		log_error("upstream_identifier_paused", LS("order", is->order.ref), LS("upstream", is->u->name), LS("limit", label),
			LPR(&is->call.problem.problem));
	else if (f->foreign)
		log_warning("foreign_consumption", LS("order", is->order.ref), LS("upstream", is->u->name), LS("limit", label), LS("until", time),
			LPR(&is->call.problem.problem));
	else
		log_warning("upstream_rate_limited", LS("order", is->order.ref), LS("upstream", is->u->name), LS("limit", label),
			LS("until", time), LI("learned", f->learned ? f->burst : 0), LPR(&is->call.problem.problem));
}

enum job_next
issue_rate_limited(struct issue *is)
{
	struct limited_rq r = { .is = is };
	struct problem pr = { 0 };
	enum job_next moved;

	snprintf(is->job->error, sizeof(is->job->error), "newOrder: %.150s", is->call.problem.problem.detail);
	if (!store_write(upstreams_env(is->ups)->store, limited_tx, &r, &pr)) {
		/* what the CA said is not lost: the same order hears it again */
		return issue_store_trouble(is, &pr);
	}
	tell_refusal(is, &r);
	if (issue_moves_for_limit(is, &r.refusal.bucket, r.until, &moved))
		return moved;
	atomic_fetch_add(&is->u->overloads, 1);
	return wait_for(is, &r.refusal.bucket, r.until);
}

/* ---- failed proofs ---- */

void
issue_blame(struct issue *is, const struct acme_authz *authz)
{
	struct ident id = authz->ident;

	if (authz->wildcard)
		snprintf(id.value, sizeof(id.value), "*.%.*s", (int)sizeof(id.value) - 3, authz->ident.value);
	if (idents_has(&is->names, &id))
		idents_add(&is->failed, &id);
}

/* The CA's order does not say which: those that its problem names, or all of them. */
void
issue_blame_order(struct issue *is)
{
	const struct acme_order *o = &is->ca_order;
	const struct idents *ours = &is->names;

	/* with the CSR sent all names were proven, and it is something else */
	if (is->failed.count || is->finalized || is->proven)
		return;
	for (size_t i = 0; o->has_error && i < o->error.sub_count; i++) {
		if (idents_has(ours, &o->error.subs[i].ident))
			idents_add(&is->failed, &o->error.subs[i].ident);
	}
	for (size_t i = 0; is->failed.count == 0 && i < ours->count; i++)
		idents_add(&is->failed, &ours->list[i]);
}
