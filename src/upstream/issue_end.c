/* issue_end.c - the transactions of the issue job; see issue.h. Each asks first whether the job is still ours. */
#include "upstream/issue.h"

#include <stdlib.h>

#include "base/log.h"
#include "flow/issue.h"
#include "flow/names.h"
#include "store/event.h"
#include "store/queue.h"
#include "store/upstream_life.h"

static struct store *
store_of(const struct issue *is)
{
	return upstreams_env(is->ups)->store;
}

static const char *
node_of(const struct issue *is)
{
	return jobs_node(is->job->jobs);
}

/* The order at the CA is over, and with it go its records in the DNS. */
static bool
write_end(struct issue *is, bool (*fn)(struct sql *db, void *arg, struct problem *pr), void *arg, struct problem *pr)
{
	if (!store_write(store_of(is), fn, arg, pr))
		return false;
	if (is->has_records)
		jobs_look_in(is->job->jobs, ISSUE_LINGER_MS);
	return true;
}

bool
issue_look_tx(struct sql *db, struct issue *is, struct problem *pr)
{
	bool awaited;

	if (!jobs_fence(is->job, db, pr) || !order_is_awaited(db, is->job->row.subject, &awaited, pr))
		return false;
	is->late = !awaited;
	return true;
}

static bool
look_tx(struct sql *db, void *arg, struct problem *pr)
{
	return issue_look_tx(db, arg, pr);
}

bool
issue_look(struct issue *is, struct problem *pr)
{
	return store_read(store_of(is), look_tx, is, pr);
}

bool
issue_load_tx(struct sql *db, struct issue *is, struct problem *pr)
{
	order_done(&is->order);
	return order_by_id(db, is->job->row.subject, &is->order, &is->has_order, pr) && issue_look_tx(db, is, pr) &&
		upstream_order_get(db, is->job->row.subject, &is->row, &is->has_row, pr) &&
		order_csr(db, is->job->row.subject, &is->csr, pr);
}

static bool
load_tx(struct sql *db, void *arg, struct problem *pr)
{
	return issue_load_tx(db, arg, pr);
}

bool
issue_load(struct issue *is, struct problem *pr)
{
	if (!store_read(store_of(is), load_tx, is, pr))
		return false;
	idents_done(&is->names);
	idents_done(&is->ordered);
	order_ca_names(&is->order, &is->names);
	order_names(&is->order, &is->ordered);
	return true;
}

/* What of the limits' tokens that the order holds is spent, and what is not. Without its entry of upstreams nothing is known of them. */
static bool
settle(struct sql *db, struct issue *is, bool (*fn)(struct sql *, const struct ledger_ask *, struct problem *), struct problem *pr)
{
	struct ledger_ask ask = issue_ledger_ask(is);

	return !ask.upstream || fn(db, &ask, pr);
}

/* No certificate comes of it, or one that is not as ordered, which the CA counts as any other; the names that it could not validate are
 * counted. */
static bool
settle_failed(struct sql *db, struct issue *is, struct problem *pr)
{
	struct ledger_ask ask = issue_ledger_ask(is);
	bool issued = is->phase == ISSUE_CERT;

	return !ask.upstream || ((issued ? ledger_issued(db, &ask, pr) : ledger_released(db, &ask, pr)) && ledger_failed(db, &ask, &is->failed, pr));
}

struct url_rq {
	struct issue *is;
	const char *url;
	bool taken;
};

static bool
ordered_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct url_rq *r = arg;
	struct issue *is = r->is;
	const char *finalize = is->ca_order.finalize ? is->ca_order.finalize : "";

	return jobs_fence(is->job, db, pr) && settle(db, is, ledger_ordered, pr) &&
		upstream_order_ordered(db, is->order.id, r->url, finalize, is->ca_order.expires_unix_s, pr) &&
		event_note(db, is->order.id, node_of(is), "upstream", pr, "ordered at %s: %s (attempt %lld, status %s)", is->u->name, r->url,
			(long long)is->row.attempt, order_state_name(is->ca_order.state));
}

bool
issue_ordered(struct issue *is, const char *url, struct problem *pr)
{
	struct url_rq r = { is, url, false };

	if (!store_write(store_of(is), ordered_tx, &r, pr))
		return false;
	is->row.state = UPSTREAM_ORDERED;
	is->row.expires = is->ca_order.expires_unix_s;
	span_copy(span_str(url), is->row.url, sizeof(is->row.url));
	if (is->ca_order.finalize)
		span_copy(span_str(is->ca_order.finalize), is->row.finalize_url, sizeof(is->row.finalize_url));
	return true;
}

static bool
taken_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct url_rq *r = arg;

	return upstream_order_url_known(db, r->url, &r->taken, pr);
}

bool
issue_url_taken(struct issue *is, const char *url, bool *ret, struct problem *pr)
{
	struct url_rq r = { is, url, false };

	if (!store_read(store_of(is), taken_tx, &r, pr))
		return false;
	*ret = r.taken;
	return true;
}

struct end_rq {
	struct issue *is;
	bool failed, pinned;
	int64_t wait_ms;
	const char *why;
	struct buf error;
};

static bool
restart_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct end_rq *r = arg;
	struct issue *is = r->is;

	return jobs_yield(is->job, db, pr) && settle_failed(db, is, pr) && upstream_order_restart(db, is->order.id, r->failed, r->pinned, r->why, pr) &&
		queue_back(db, is->order.id, clock_unix_s() + (r->wait_ms + 999) / 1000, 0, pr) &&
		event_note(db, is->order.id, node_of(is), "upstream", pr, "new order at %s needed: %s", is->u->name, r->why);
}

/* The CA's order is not known to be invalid, and it may have the CSR. */
static bool
may_yet_issue(const struct issue *is)
{
	return is->row.state == UPSTREAM_ORDERED && (is->finalized || is->taken_over) && !issue_csr_unsent(is);
}

bool
issue_restart(struct issue *is, bool validation_failed, const char *why, int64_t wait_ms, struct problem *pr)
{
	struct end_rq r = { .is = is, .failed = validation_failed, .pinned = !validation_failed && may_yet_issue(is), .why = why, .wait_ms = wait_ms };

	if (!write_end(is, restart_tx, &r, pr))
		return false;
	idents_done(&is->failed);
	return true;
}

static bool
let_go_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct issue *is = arg;

	return jobs_fence(is->job, db, pr) && upstream_server_names_free(db, is->order.id, pr);
}

bool
issue_let_go(struct issue *is, struct problem *pr)
{
	if (!store_write(store_of(is), let_go_tx, is, pr))
		return false;
	is->has_names = false;
	return true;
}

struct gone_rq {
	struct issue *is;
	int64_t job_id;
};

static bool
gone_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct gone_rq *r = arg;
	struct issue *is = r->is;

	return jobs_fence(is->job, db, pr) && settle(db, is, ledger_released, pr) && upstream_life_forgotten(db, is->u->id, is->account->kid, pr) &&
		upstream_order_restart(db, is->order.id, false, may_yet_issue(is), "account unknown to the CA", pr) &&
		event_note(db, is->order.id, node_of(is), "upstream", pr, "%s does not know our account any more", is->u->name) &&
		jobs_insert(is->job->jobs, db, JOB_ACCOUNT, is->u->id, &r->job_id, pr);
}

bool
issue_account_gone(struct issue *is, struct problem *pr)
{
	struct gone_rq r = { is, 0 };

	if (!store_write(store_of(is), gone_tx, &r, pr))
		return false;
	log_error("upstream_account_forgotten", LS("upstream", is->u->name), LS("url", is->account->kid));
	account_job_run(is->u, r.job_id);
	return true;
}

static bool
terms_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct gone_rq *r = arg;
	struct issue *is = r->is;

	return jobs_fence(is->job, db, pr) && upstream_life_want(db, is->u->id, WANT_TERMS, pr) &&
		jobs_insert(is->job->jobs, db, JOB_ACCOUNT, is->u->id, &r->job_id, pr);
}

bool
issue_terms_wanted(struct issue *is, struct problem *pr)
{
	struct gone_rq r = { is, 0 };

	if (!store_write(store_of(is), terms_tx, &r, pr))
		return false;
	account_job_run(is->u, r.job_id);
	return true;
}

static bool
leave_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct issue *is = arg;
	bool note = is->has_order;

	/* a newOrder that was sent and not answered may have been counted */
	return jobs_fence(is->job, db, pr) && (is->go || settle(db, is, ledger_ordered, pr)) &&
		(!note || event_note(db, is->order.id, node_of(is), "upstream", pr, "given up before the CA had the CSR: no order waits for it")) &&
		upstream_order_delete(db, is->job->row.subject, pr) && job_delete(db, is->job->row.id, pr);
}

bool
issue_leave(struct issue *is, struct problem *pr)
{
	return write_end(is, leave_tx, is, pr);
}

static bool
refuse_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct end_rq *r = arg;
	struct issue *is = r->is;

	return jobs_fence(is->job, db, pr) && settle_failed(db, is, pr) &&
		event_note(db, is->order.id, node_of(is), "upstream", pr, "%s refused: %s", is->u->name, r->why) &&
		order_refuse(db, is->order.id, buf_cstr(&r->error), node_of(is), pr) && job_delete(db, is->job->row.id, pr);
}

bool
issue_refuse(struct issue *is, const struct problem *why, const struct acme_problem *ca, struct problem *pr)
{
	struct end_rq r = { .is = is, .why = why->detail, .error = BUF_MAX(128 * 1024) };
	struct issue_told told;
	bool good;

	issue_tell(why, ca, &told);
	problem_json(&r.error, &told.problem, &(struct problem_more){ .subs = told.subs, .sub_count = told.sub_count });
	issue_told_done(&told);
	good = write_end(is, refuse_tx, &r, pr);
	buf_done(&r.error);
	return good;
}

static bool
finish_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct issue *is = arg;
	struct span alternates[ISSUE_ALTERNATES_MAX];
	struct issued issued = { &is->chains[0], buf_span(&is->pems[0]), alternates, is->chain_count - 1 };

	for (size_t i = 1; i < is->chain_count; i++)
		alternates[i - 1] = buf_span(&is->pems[i]);
	return jobs_fence(is->job, db, pr) && settle(db, is, ledger_issued, pr) && issue_store(db, is->conf, &is->order, &issued, node_of(is), pr) &&
		job_delete(db, is->job->row.id, pr);
}

bool
issue_finish(struct issue *is, struct problem *pr)
{
	return write_end(is, finish_tx, is, pr);
}

static bool
note_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct end_rq *r = arg;

	return jobs_fence(r->is->job, db, pr) && event_note(db, r->is->order.id, node_of(r->is), "upstream", pr, "%s", r->why);
}

bool
issue_note(struct issue *is, const char *text, struct problem *pr)
{
	struct end_rq r = { .is = is, .why = text };

	return store_write(store_of(is), note_tx, &r, pr);
}
