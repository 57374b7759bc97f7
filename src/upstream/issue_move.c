/* issue_move.c - to the next CA of the profile: whether, why, and to which; see issue.h and conf.h (enum failover).
 *
 * An order may leave its CA only while nothing that it has there can become a certificate: without our CSR nothing can, and an order that
 * is invalid cannot (RFC 8555 7.1.6). So it leaves from the state INTENT, whether newOrder was sent or lost (its order is left to expire,
 * U8), when its order is known to be dead, or when it was begun before the device's CSR, and no run has had that to send (U1); never from
 * one that is alive or unknown, for that may have the CSR. One transaction says where it is from then on, and the ledger of the CA that it leaves gets back what is held. */
#include "upstream/issue.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "store/event.h"
#include "store/order_policy.h"

#define CAS_MAX 8

static const struct profile_conf *
profile_of(const struct issue *is)
{
	return conf_profile(is->conf, span_str(is->order.profile));
}

/* ---- where to ---- */

struct candidate {
	const struct upstream_conf *conf;
	struct upstream *u;
	struct ca_account *account; /* a reference; NULL: driver local */
};

struct move_rq {
	struct issue *is;
	enum failover why;
	bool dead;
	const char *detail;
	struct candidate list[CAS_MAX];
	size_t count;
	const struct candidate *to; /* NULL = none takes it */
	char text[600];
};

static bool
is_well(struct upstream *u)
{
	struct ca_health h;

	if (ca_fault(u->ca))
		return false;
	ca_health(u->ca, &h);
	return !h.is_ill;
}

static void
consider(struct move_rq *r, const struct profile_conf *p, const struct upstream_conf *conf)
{
	struct issue *is = r->is;
	struct ca_wish wish = { .names = &is->names, .not_before = is->order.not_before, .not_after = is->order.not_after };
	struct candidate c = { .conf = conf, .u = conf ? upstreams_get(is->ups, conf->name) : NULL };
	struct problem why_not = { 0 };
	enum account_state state;

	if (!c.u || r->count == CAS_MAX || strcmp(conf->name, is->row.upstream) == 0 || !conf_ca_may_serve(is->conf, p, conf) ||
		!conf_ca_takes(conf, p, &wish, &why_not))
		return;
	if (c.u->driver == DRIVER_ACME && (!is_well(c.u) || !(c.account = upstream_account_registered(c.u, &state))))
		return;
	r->list[r->count++] = c;
}

static void
collect(struct move_rq *r)
{
	const struct profile_conf *p = profile_of(r->is);

	for (size_t i = 0; p && i < conf_profile_ca_count(p); i++)
		consider(r, p, conf_profile_ca(r->is->conf, p, i));
}

static void
forget(struct move_rq *r)
{
	for (size_t i = 0; i < r->count; i++)
		ca_account_unref(r->list[i].account);
}

/* ---- the transaction ---- */

/* Would its limits let the order through in good time? Nothing is held there yet: it asks for itself when it is there. */
static bool
is_let_in(struct sql *db, struct move_rq *r, const struct candidate *c, bool *ret, struct problem *pr)
{
	struct issue *is = r->is;
	struct ledger_ask ask = issue_ledger_ask(is);
	struct ledger_answer answer;

	*ret = true;
	if (c->u->driver == DRIVER_LOCAL)
		return true;
	ask.upstream = c->conf;
	ask.account_url = c->account->kid;
	if (!ledger_forecast(upstreams_ledger(is->ups), db, &ask, clock_unix_s(), &answer, pr))
		return false;
	*ret = answer.admitted || answer.until - clock_unix_s() <= profile_of(is)->failover_limit_s;
	return true;
}

/* What is held at the CA that it leaves: a newOrder whose outcome is unknown may have been counted. */
static bool
settle(struct sql *db, struct issue *is, const struct upstream_order *row, struct problem *pr)
{
	struct ledger_ask ask = issue_ledger_ask(is);

	if (ask.upstream && row->state == UPSTREAM_INTENT && row->intent_at && !is->go && !ledger_ordered(db, &ask, pr))
		return false;
	return ledger_released(db, &ask, pr) && (!ask.upstream || ledger_failed(db, &ask, &is->failed, pr));
}

static bool
choose(struct sql *db, struct move_rq *r, const struct upstream_order *row, struct problem *pr)
{
	struct order_policy policy = { 0 };
	bool found, let_in = false, good = order_policy_get(db, r->is->order.id, &policy, &found, pr);

	r->to = NULL;
	for (size_t i = 0; good && i < r->count && !r->to; i++) {
		const struct candidate *c = &r->list[i];

		/* nor where the rules that allowed the order do not have it */
		if (upstream_order_has_refused(row, c->conf->name) || !conf_ca_is_among(policy.upstreams, c->conf->name))
			continue;
		good = is_let_in(db, r, c, &let_in, pr);
		if (good && let_in)
			r->to = c;
	}
	order_policy_done(&policy);
	return good;
}

static bool
move_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct move_rq *r = arg;
	struct issue *is = r->is;
	struct upstream_order row = { 0 };
	bool found, refused = r->why == FAILOVER_REJECTED || r->why == FAILOVER_CAA;

	r->to = NULL;
	if (!jobs_fence(is->job, db, pr) || !upstream_order_get(db, is->order.id, &row, &found, pr))
		return false;
	if (!found || row.pinned || (row.state != UPSTREAM_INTENT && !r->dead && !issue_csr_unsent(is)))
		return true;
	/* first of all: a token that is held must not be spent by another CA's count */
	if (!settle(db, is, &row, pr) || !choose(db, r, &row, pr))
		return false;
	/* it stays, and so does what it holds: nothing of this is kept; who waits for a limit holds nothing */
	if (!r->to)
		return r->why == FAILOVER_LIMIT || problem_internal(pr, "no other CA of the profile takes the order");
	snprintf(r->text, sizeof(r->text), "from %s to %s (%s): %.400s", row.upstream, r->to->conf->name, failover_name(r->why), r->detail);
	return upstream_order_move(db, &row, r->to->conf->name, refused, r->detail, pr) &&
		event_note(db, is->order.id, jobs_node(is->job->jobs), "moved", pr, "%s", r->text);
}

static void
tell(const struct move_rq *r)
{
	struct issue *is = r->is;
	struct upstream *from = upstreams_get(is->ups, is->row.upstream);

	if (from)
		atomic_fetch_add(&from->moved[r->why], 1);
	log_notice("order_moved", LS("order", is->order.ref), LS("from", is->row.upstream), LS("to", r->to->conf->name),
		LS("class", failover_name(r->why)), LS("why", r->detail));
}

/* It begins at the other one as if it had never been here. */
static enum job_next
begin_there(struct issue *is)
{
	if (is->has_records)
		jobs_look_in(is->job->jobs, ISSUE_LINGER_MS);
	is->has_records = is->go = false;
	idents_done(&is->failed);
	is->blind_orders = 0;
	is->same_ms = is->pause_ms = 0;
	is->replaces_faults = 0;
	is->told_trouble[0] = is->told_answer[0] = is->job->error[0] = '\0';
	is->bad_answers = is->unregistered = 0;
	return issue_again(is, 0, ISSUE_LOAD);
}

bool
issue_moves(struct issue *is, enum failover why, bool dead, const char *detail, enum job_next *ret_next)
{
	struct move_rq r = { .is = is, .why = why, .dead = dead, .detail = detail };
	struct problem pr = { 0 };
	bool done, moved;

	if (is->late || is->row.pinned || !profile_of(is))
		return false;
	collect(&r);
	done = r.count > 0 && store_write(upstreams_env(is->ups)->store, move_tx, &r, &pr);
	moved = done && r.to;
	if (moved) {
		tell(&r);
		*ret_next = begin_there(is);
	}
	forget(&r);
	return moved;
}

/* ---- when ---- */

bool
issue_flees(struct issue *is, enum job_next *ret_next)
{
	const struct profile_conf *p = profile_of(is);
	struct ca_health h;
	char detail[100];

	if (!p || !conf_fails_over(p, FAILOVER_OUTAGE))
		return false;
	ca_health(is->u->ca, &h);
	if (!h.is_ill || h.failing_ms < p->failover_outage_s * 1000)
		return false;
	snprintf(detail, sizeof(detail), "it has not been answering for %lld s", (long long)(h.failing_ms / 1000));
	return issue_moves(is, FAILOVER_OUTAGE, false, detail, ret_next);
}

struct trouble_rq {
	struct issue *is;
	int64_t at;
};

static bool
trouble_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct trouble_rq *r = arg;

	return jobs_fence(r->is->job, db, pr) && upstream_order_trouble(db, r->is->order.id, r->at, pr);
}

/* Since when it has been so outlives a crash. */
static bool
note_trouble(struct issue *is, int64_t now, struct problem *pr)
{
	struct trouble_rq r = { is, now };

	if (is->row.trouble_at)
		return true;
	if (!store_write(upstreams_env(is->ups)->store, trouble_tx, &r, pr))
		return false;
	is->row.trouble_at = now;
	return true;
}

void
issue_trouble_over(struct issue *is)
{
	struct trouble_rq r = { is, 0 };
	struct problem pr = { 0 };

	if (is->row.state == UPSTREAM_ORDERED && is->row.trouble_at && store_write(upstreams_env(is->ups)->store, trouble_tx, &r, &pr))
		is->row.trouble_at = 0;
}

bool
issue_moves_in_time(struct issue *is, enum failover why, const char *detail, int64_t *wait_ms, enum job_next *ret_next)
{
	const struct profile_conf *p = profile_of(is);
	int64_t now = clock_unix_s(), left_ms;
	struct problem pr = { 0 };

	if (!p || is->row.pinned || (is->row.state != UPSTREAM_INTENT && !issue_csr_unsent(is)) || !conf_fails_over(p, why))
		return false;
	if (!note_trouble(is, now, &pr)) {
		*ret_next = issue_store_trouble(is, &pr);
		return true;
	}
	left_ms = (is->row.trouble_at + p->failover_outage_s - now) * 1000;
	if (left_ms <= 0)
		return issue_moves(is, why, false, detail, ret_next);
	*wait_ms = *wait_ms < left_ms ? *wait_ms : left_ms;
	return false;
}

bool
issue_moves_for_limit(struct issue *is, const struct bucket *b, int64_t until, enum job_next *ret_next)
{
	const struct profile_conf *p = profile_of(is);
	char label[BUCKET_LABEL_TEXT], time[TIME_TEXT], detail[BUCKET_LABEL_TEXT + TIME_TEXT + 40];

	if (!p || !conf_fails_over(p, FAILOVER_LIMIT) || until - clock_unix_s() <= p->failover_limit_s)
		return false;
	snprintf(detail, sizeof(detail), "%s lets nothing through before %s", ledger_label(b, label), time_rfc3339(until, time));
	return issue_moves(is, FAILOVER_LIMIT, false, detail, ret_next);
}

bool
issue_moves_refused(struct issue *is, enum problem_kind kind, bool dead, const char *detail, enum job_next *ret_next)
{
	const struct profile_conf *p = profile_of(is);
	enum failover why = FAILOVER_REJECTED;

	if (kind == PROBLEM_CAA)
		why = FAILOVER_CAA;
	else if (kind != PROBLEM_REJECTED_IDENTIFIER && kind != PROBLEM_REJECTED_IDENTIFIER_403 && kind != PROBLEM_UNSUPPORTED_IDENTIFIER)
		return false;
	return p && conf_fails_over(p, why) && issue_moves(is, why, dead, detail, ret_next);
}
