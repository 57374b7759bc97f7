/* issue_ledger.c - the issue job and what its CA still allows: the question before each newOrder, and what a refusal means; see issue.h
 * and ledger/ledger.h. One transaction each. */
#include "upstream/issue.h"

#include <stdio.h>

#include "base/log.h"
#include "store/cert.h"
#include "store/event.h"

#define SAME_SET_MS 5000
#define MOVED_S 60               /* a wait that grew by less is not told anew */

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

/* It replaces a certificate that is revoked, or has a quarter of its life or two days left. */
static bool
look_urgent(struct sql *db, const struct order *o, int64_t now, bool *ret, struct problem *pr)
{
	struct cert_row c = { 0 };
	struct certid id;
	struct problem unreadable = { 0 };
	int64_t left;
	bool found = false;

	*ret = false;
	if (!o->replaces || !certid_parse(span_str(o->replaces), &id, &unreadable))
		return true;
	if (!cert_by_certid(db, id.text, &c, &found, pr))
		return false;
	left = c.not_after - now;
	*ret = found && (c.revoked_at || left < 2 * 86400 || left < (c.not_after - c.not_before) / 4);
	cert_row_done(&c);
	return true;
}

/* Told once, and again when another limit is in the way, or the wait has become longer. */
static bool
tell_wait(struct sql *db, const struct admit_rq *r, struct problem *pr)
{
	const struct issue *is = r->is;
	const struct ledger_answer *a = &r->answer;
	char label[BUCKET_LABEL_TEXT], time[TIME_TEXT];

	if (is->row.wait_bucket == a->blocked.id && a->until <= is->row.wait_until + MOVED_S)
		return true;
	return event_note(db, is->order.id, jobs_node(is->job->jobs), "limit", pr, "waits for %s at %s until %s, %lld before it",
		ledger_label(&a->blocked, label), is->u->name, time_rfc3339(a->until, time), (long long)a->ahead);
}

static bool
admit_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct admit_rq *r = arg;
	struct issue *is = r->is;
	struct ledger_ask ask = issue_ledger_ask(is);
	char key[IDENTS_KEY_TEXT];
	bool awaited;

	r->asking = false;
	if (!ask.upstream)
		return problem_internal(pr, "the limits of %s are in no configuration", is->row.upstream);
	if (!jobs_fence(is->job, db, pr) || !order_is_awaited(db, ask.order_id, &awaited, pr))
		return false;
	is->late = !awaited;
	idents_key(&is->order.idents, key); /* as orders are on record */
	if (is->late || !upstream_order_same_set(db, ask.order_id, is->row.upstream, key, &r->same_set, pr) || r->same_set)
		return is->late || r->same_set;
	r->asking = true;
	if (!look_urgent(db, &is->order, ask.now_ns / NS_PER_S, &ask.urgent, pr) || !issue_find_replaces(is, db, &ask, pr) ||
		!ledger_admit(upstreams_ledger(is->ups), db, &ask, &r->answer, pr))
		return false;
	r->asking = false;
	if (r->answer.admitted)
		return upstream_order_intend(db, ask.order_id, ask.now_ns / NS_PER_S, pr);
	return upstream_order_wait(db, ask.order_id, r->answer.blocked.id, r->answer.until, ask.urgent, pr) && tell_wait(db, r, pr);
}

static enum job_next
waits(struct issue *is, const struct ledger_answer *a)
{
	char label[BUCKET_LABEL_TEXT], time[TIME_TEXT];
	int64_t wait_ms = a->wait_ns / 1000000 + 1, look_ms = issue_look_ms(is);
	enum job_next moved;

	if (issue_moves_for_limit(is, &a->blocked, a->until, &moved))
		return moved;
	ledger_label(&a->blocked, label);
	time_rfc3339(a->until, time);
	atomic_fetch_add(&is->u->limits.waited[a->blocked.kind], 1);
	is->row.wait_bucket = a->blocked.id;
	is->row.wait_until = a->until;
	snprintf(is->job->error, sizeof(is->job->error), "waits for %.120s until %s", label, time);
	log_info("order_waits", LS("order", is->order.ref), LS("upstream", is->u->name), LS("limit", label), LS("until", time),
		LI("ahead", a->ahead), LS("class", quota_class_name(a->class)));
	return issue_again(is, wait_ms < look_ms ? wait_ms : look_ms, ISSUE_NEW_ORDER);
}

bool
issue_admitted(struct issue *is, enum job_next *ret_next)
{
	struct admit_rq r = { .is = is };
	struct ledger *ledger = upstreams_ledger(is->ups);
	struct problem pr = { 0 };

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
	else if (!r.answer.admitted)
		*ret_next = waits(is, &r.answer);
	else {
		is->row.wait_bucket = is->row.wait_until = 0;
		atomic_fetch_add(&is->u->limits.admitted, 1);
		return true;
	}
	return false;
}

/* ---- it did not become an order ---- */

static bool
withdraw_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct issue *is = arg;
	struct ledger_ask ask = issue_ledger_ask(is);

	return jobs_fence(is->job, db, pr) && ledger_released(db, &ask, pr) && upstream_order_unintend(db, ask.order_id, pr);
}

bool
issue_withdraw(struct issue *is, struct problem *pr)
{
	return store_write(upstreams_env(is->ups)->store, withdraw_tx, is, pr);
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
		upstream_order_wait(db, ask.order_id, r->refusal.bucket.id, r->until, false, pr) &&
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
	int64_t wait_ms = (is->call.retry_after_s + 1) * 1000, look_ms = issue_look_ms(is);
	enum job_next moved;

	if (!store_write(upstreams_env(is->ups)->store, limited_tx, &r, &pr)) {
		/* what the CA said is not lost: the same order hears it again */
		return issue_store_trouble(is, &pr);
	}
	tell_refusal(is, &r);
	if (issue_moves_for_limit(is, &r.refusal.bucket, r.until, &moved))
		return moved;
	is->row.wait_bucket = r.refusal.bucket.id;
	is->row.wait_until = r.until;
	snprintf(is->job->error, sizeof(is->job->error), "newOrder: %.150s", is->call.problem.problem.detail);
	return issue_again(is, wait_ms < look_ms ? wait_ms : look_ms, ISSUE_NEW_ORDER);
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
