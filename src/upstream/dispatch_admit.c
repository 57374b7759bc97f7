/* dispatch_admit.c - who is best is asked about, and goes; see dispatch.h. */
#include "base/log.h"
#include "flow/names.h"
#include "store/event.h"
#include "upstream/dispatch_int.h"

#define BATCHES_AT_ONCE 8
#define SAME_SET_NS (5 * NS_PER_S)  /* another order of the same names is under way (U9) */
#define NO_ACCOUNT_NS (NS_PER_S / 2) /* ours is being made */
#define TROUBLE_NS NS_PER_S
#define NOTED_S 1                    /* whoever waited less has not waited */

bool
waiter_load(struct sql *db, int64_t id, struct waiter *c, bool *ret_found, struct problem *pr)
{
	*c = (struct waiter){ 0 };
	if (!order_by_id(db, id, &c->order, ret_found, pr))
		return false;
	if (!*ret_found)
		return true;
	order_ca_names(&c->order, &c->names);
	order_names(&c->order, &c->ordered);
	return true;
}

void
waiter_done(struct waiter *c)
{
	order_done(&c->order);
	idents_done(&c->names);
	idents_done(&c->ordered);
}

struct ledger_ask
waiter_ask(const struct dispatch *d, const struct waiter *c, const struct queue_row *q, const char *account_url)
{
	return (struct ledger_ask){ .conf = d->conf, .upstream = conf_upstream(d->conf, q->upstream), .account_url = account_url,
		.order_id = c->order.id, .idents = &c->names, .ordered = &c->ordered, .urgent = q->class <= SCHED_EXPIRING,
		.now_ns = clock_unix_ms() * 1000000 };
}

/* ---- a batch ---- */

struct one {
	struct ticket *ticket;
	struct ca_account *account; /* a reference; NULL = there is none to order with */
	enum account_state state;   /* then: VALID = it is being made */
	/* what came of it: */
	struct sched_answer answer;
	struct ledger_answer said;
	struct job_row job;
	bool runs;                  /* its job is ours now */
	int64_t waited_s;
	char replaces[CERTID_TEXT]; /* goes along with newOrder, "" = nothing does */
};

struct batch {
	struct dispatch *d;
	struct one list[DISPATCH_BATCH];
	size_t count;
	bool asking;
};

/* Whoever has its job does what is to be done. */
static bool
leave(struct sql *db, const struct batch *b, struct one *o, struct problem *pr)
{
	o->answer = (struct sched_answer){ .verdict = SCHED_GONE };
	return queue_leave(db, o->ticket->id, pr) &&
		jobs_take(b->d->job->jobs, db, JOB_ISSUE, o->ticket->id, &o->job, &o->runs, pr);
}

/* The job is taken with it; without one nothing is held. */
static bool
let_through(struct sql *db, const struct batch *b, struct one *o, const struct ledger_ask *ask, const struct queue_row *q, struct problem *pr)
{
	int64_t now = ask->now_ns / NS_PER_S;

	if (!jobs_take(b->d->job->jobs, db, JOB_ISSUE, o->ticket->id, &o->job, &o->runs, pr))
		return false;
	if (!o->runs) {
		o->answer = (struct sched_answer){ .verdict = SCHED_GONE };
		return ledger_released(db, ask, pr) && queue_leave(db, o->ticket->id, pr);
	}
	o->answer = (struct sched_answer){ .verdict = SCHED_ADMITTED };
	o->waited_s = now - (q->since > q->not_before ? q->since : q->not_before);
	return upstream_order_intend(db, o->ticket->id, now, pr) &&
		(o->waited_s < NOTED_S || event_note(db, o->ticket->id, jobs_node(b->d->job->jobs), "queue", pr,
			"let through to %s after %lld s", q->upstream, (long long)o->waited_s));
}

static bool
ask_ledger(struct sql *db, struct batch *b, struct one *o, const struct waiter *c, const struct queue_row *q, struct problem *pr)
{
	struct ledger *ledger = upstreams_ledger(b->d->ups);
	struct ledger_ask ask = waiter_ask(b->d, c, q, o->account->kid);
	struct upstream_order row = { 0 };
	bool found;

	if (!ask.upstream)
		return problem_internal(pr, "the limits of %s are in no configuration", q->upstream);
	if (!upstream_order_get(db, c->order.id, &row, &found, pr) ||
		!issue_choose_replaces(db, o->ticket->u, &c->order, row.replaces_refused, &ask, o->replaces, pr))
		return false;
	b->asking = true;
	if (!ledger_admit(ledger, db, &ask, &o->said, pr))
		return false;
	b->asking = false;
	if (o->said.admitted)
		return let_through(db, b, o, &ask, q, pr);
	o->answer = (struct sched_answer){ SCHED_BLOCKED, ledger_key(ledger, &o->said.blocked, ask.urgent), gcra_add(ask.now_ns, o->said.wait_ns),
		o->said.each_ns };
	return true;
}

/* Has its profile other CAs? */
static bool
has_others(const struct dispatch *d, const struct order *o)
{
	const struct profile_conf *p = conf_profile(d->conf, span_str(o->profile));

	return p && conf_profile_ca_count(p) > 1;
}

static bool
ask_one(struct sql *db, struct batch *b, struct one *o, struct waiter *c, struct problem *pr)
{
	int64_t id = o->ticket->id, now_ns = clock_unix_ms() * 1000000;
	struct queue_row q;
	bool found, awaited, same_set;

	if (!queue_get(db, id, &q, &found, pr))
		return false;
	/* it is at work, or over: somebody else has seen to it */
	if (!found || q.state == QUEUE_OUT)
		return true;
	if (!order_is_awaited(db, id, &awaited, pr) || !waiter_load(db, id, c, &found, pr))
		return false;
	/* the job tells what is the matter with the account, and whether it goes elsewhere */
	if (!awaited || !found || (!o->account && (o->state != ACCOUNT_VALID || has_others(b->d, &c->order))))
		return leave(db, b, o, pr);
	if (!issue_in_the_way(db, &c->order, q.upstream, jobs_node(b->d->job->jobs), &same_set, pr))
		return false;
	if (same_set || !o->account) {
		o->answer = (struct sched_answer){ SCHED_BLOCKED, same_set ? 0 : dispatch_account_key(o->ticket->u),
			now_ns + (same_set ? SAME_SET_NS : NO_ACCOUNT_NS), 0 };
		return true;
	}
	return ask_ledger(db, b, o, c, &q, pr);
}

static bool
batch_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct batch *b = arg;
	bool good = jobs_fence(b->d->job, db, pr);

	b->asking = false;
	for (size_t i = 0; good && i < b->count; i++) {
		struct one *o = &b->list[i];
		struct waiter c = { 0 };

		o->answer = (struct sched_answer){ .verdict = SCHED_GONE };
		o->said = (struct ledger_answer){ 0 };
		o->replaces[0] = '\0';
		o->runs = false;
		good = ask_one(db, b, o, &c, pr);
		waiter_done(&c);
	}
	return good;
}

static void
start(struct dispatch *d, const struct one *o)
{
	struct job *job = jobs_adopt(d->job->jobs, &o->job);
	struct issue *is = issue_new(job, d->ups);

	is->go = o->answer.verdict == SCHED_ADMITTED;
	memcpy(is->replaces, o->replaces, sizeof(is->replaces));
	job->state = is;
	jobs_go(job);
}

/* After the commit. */
static void
conclude(struct dispatch *d, struct one *o, int64_t now_ns)
{
	struct ticket *e = o->ticket;
	struct seat *seat = e->seat;

	if (o->runs)
		start(d, o);
	if (o->answer.verdict == SCHED_BLOCKED && o->said.blocked.id) {
		seat_bucket_set(seat, o->answer.key, o->said.blocked.id);
		atomic_fetch_add(&e->u->limits.waited[o->said.blocked.kind], 1);
	}
	sched_answer(seat->s, e->id, &o->answer, now_ns);
	if (o->answer.verdict == SCHED_ADMITTED) {
		atomic_fetch_add(&e->u->limits.admitted, 1);
		board_count(upstreams_board(d->ups), o->waited_s);
		dispatch_set_flying(d, e, true);
	} else if (o->answer.verdict == SCHED_GONE) {
		dispatch_forget(d, e);
	}
}

/* One look at each account is enough. */
static void
find_account(struct batch *b, struct one *o)
{
	for (const struct one *other = b->list; other < o; other++) {
		if (other->ticket->u != o->ticket->u)
			continue;
		o->account = other->account;
		o->state = other->state;
		if (o->account)
			atomic_fetch_add(&o->account->refs, 1);
		return;
	}
	if (o->ticket->u->ca)
		o->account = upstream_account_registered(o->ticket->u, &o->state);
}

static void
batch_fill(struct batch *b, struct dispatch *d, const int64_t *ids, size_t count)
{
	*b = (struct batch){ .d = d };
	for (size_t i = 0; i < count; i++) {
		struct one *o = &b->list[b->count++];

		*o = (struct one){ .ticket = dispatch_find(d, ids[i]) };
		find_account(b, o);
	}
}

static bool
batch_run(struct batch *b, int64_t now_ns)
{
	struct ledger *ledger = upstreams_ledger(b->d->ups);
	struct problem pr = { 0 };
	bool good = store_write(dispatch_store(b->d), batch_tx, b, &pr);

	/* while the ledger cannot be read nothing goes out (U14) */
	if (good || b->asking)
		ledger_set_well(ledger, good);
	if (!good)
		log_error("queue_not_asked", LI("orders", b->count), LPR(&pr));
	for (size_t i = 0; i < b->count; i++) {
		struct one *o = &b->list[i];

		if (!good)
			o->answer = (struct sched_answer){ .verdict = SCHED_STOP, .until_ns = now_ns + TROUBLE_NS };
		o->runs = o->runs && good;
		conclude(b->d, o, now_ns);
		ca_account_unref(o->account);
	}
	return good;
}

void
dispatch_pump(struct dispatch *d, int64_t *ret_look_ns)
{
	*ret_look_ns = SCHED_NEVER;
	for (struct seat *seat = d->seats; seat; seat = seat->next) {
		int64_t ids[DISPATCH_BATCH], look_ns = SCHED_NEVER;
		size_t n = 1;

		for (int i = 0; n && i < BATCHES_AT_ONCE; i++) {
			int64_t now_ns = clock_unix_ms() * 1000000;
			struct batch b;

			n = sched_offer(seat->s, now_ns, ids, DISPATCH_BATCH, &look_ns);
			batch_fill(&b, d, ids, n);
			if (n && !batch_run(&b, now_ns))
				break;
		}
		d->more = d->more || n == DISPATCH_BATCH;
		if (n < DISPATCH_BATCH && look_ns < *ret_look_ns)
			*ret_look_ns = look_ns;
	}
}

struct handing {
	struct dispatch *d;
	const int64_t *ids;
	size_t count;
	struct job_row jobs[DISPATCH_BATCH];
	bool taken[DISPATCH_BATCH];
};

static bool
hand_over_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct handing *h = arg;
	bool good = jobs_fence(h->d->job, db, pr);

	for (size_t i = 0; good && i < h->count; i++) {
		struct queue_row q;
		bool found;

		h->taken[i] = false;
		good = queue_get(db, h->ids[i], &q, &found, pr);
		if (good && found && q.state != QUEUE_OUT)
			good = queue_leave(db, h->ids[i], pr) &&
				jobs_take(h->d->job->jobs, db, JOB_ISSUE, h->ids[i], &h->jobs[i], &h->taken[i], pr);
	}
	return good;
}

bool
dispatch_hand_over(struct dispatch *d, const int64_t *ids, size_t count, const struct bucket *buckets, const int64_t *until, struct problem *pr)
{
	struct handing h = { .d = d, .ids = ids, .count = count };

	if (!store_write(dispatch_store(d), hand_over_tx, &h, pr))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct ticket *e = dispatch_find(d, ids[i]);

		if (e) {
			sched_remove(e->seat->s, e->id);
			dispatch_set_flying(d, e, true);
			e->counted = false;
			e->elsewhere_ms = until ? clock_ms() : e->elsewhere_ms;
		}
		if (!h.taken[i])
			continue;
		struct job *job = jobs_adopt(d->job->jobs, &h.jobs[i]);
		struct issue *is = issue_new(job, d->ups);

		if (until) {
			is->elsewhere = buckets[i];
			is->elsewhere_until = until[i];
		}
		job->state = is;
		jobs_go(job);
	}
	return true;
}
