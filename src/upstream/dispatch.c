/* dispatch.c - see dispatch.h: what the leader holds, and where it comes from. */
#include "upstream/dispatch.h"

#include <search.h>
#include <stdlib.h>

#include "base/log.h"
#include "upstream/dispatch_int.h"

#define PAGE 200
#define POLL_MS 5000           /* a store of our own: whoever adds something says so */
#define SHARED_POLL_MS 1000    /* other gateways do not */
#define REVIEW_MS 60000        /* orders that nobody waits for any more, and those that have become urgent */
#define LONG_FLIGHT_MS 60000   /* takes no place of the width any more: the CA thinks, or waits for somebody */
#define GROWTH 8               /* of the width */

struct store *
dispatch_store(const struct dispatch *d)
{
	return upstreams_env(d->ups)->store;
}

/* ---- orders and buckets by number ---- */

static int
by_id(const void *a, const void *b)
{
	int64_t x = ((const struct ticket *)a)->id, y = ((const struct ticket *)b)->id;

	return x < y ? -1 : x > y;
}

static int
by_key(const void *a, const void *b)
{
	uint64_t x = ((const struct seat_bucket *)a)->key, y = ((const struct seat_bucket *)b)->key;

	return x < y ? -1 : x > y;
}

struct ticket *
dispatch_find(const struct dispatch *d, int64_t id)
{
	const struct ticket like = { .id = id };
	struct ticket **at = tfind(&like, (void *const *)&d->tickets, by_id);

	return at ? *at : NULL;
}

int64_t
seat_bucket_id(const struct seat *seat, uint64_t key)
{
	const struct seat_bucket like = { .key = key };
	struct seat_bucket **at = tfind(&like, (void *const *)&seat->buckets, by_key);

	return at ? (*at)->id : 0;
}

void
seat_bucket_set(struct seat *seat, uint64_t key, int64_t id)
{
	struct seat_bucket *b = xcalloc(1, sizeof(*b)), **at;

	b->key = key;
	at = tsearch(b, &seat->buckets, by_key);
	if (*at != b)
		free(b);
	(*at)->id = id;
}

void
dispatch_set_flying(struct dispatch *d, struct ticket *e, bool flies)
{
	if (e->flies == flies)
		return;
	e->flies = e->counted = flies;
	if (flies) {
		e->flies_since_ms = clock_ms();
		d->untold -= !e->told;
		e->told = true;
		e->next = d->flying;
		e->prev = &d->flying;
		if (e->next)
			e->next->prev = &e->next;
		d->flying = e;
		return;
	}
	*e->prev = e->next;
	if (e->next)
		e->next->prev = e->prev;
}

void
dispatch_forget(struct dispatch *d, struct ticket *e)
{
	dispatch_set_flying(d, e, false);
	d->untold -= !e->told;
	tdelete(e, &d->tickets, by_id);
	free(e);
}

static void
clear(struct dispatch *d)
{
	tdestroy(d->tickets, free);
	d->tickets = NULL;
	d->flying = NULL;
	d->untold = 0;
	d->loaded = false;
	while (d->seats) {
		struct seat *next = d->seats->next;

		tdestroy(d->seats->buckets, free);
		sched_free(d->seats->s);
		free(d->seats);
		d->seats = next;
	}
}

/* ---- CAs ---- */

static uint64_t
overloads_of(const struct dispatch *d, const char *ca)
{
	const struct upstream_conf *list = d->conf->upstreams.list;
	uint64_t n = 0;

	for (size_t i = 0; i < d->conf->upstreams.count; i++) {
		struct upstream *u = upstreams_get(d->ups, list[i].name);

		if (u && list[i].ca && strcmp(list[i].ca, ca) == 0)
			n += atomic_load(&u->overloads);
	}
	return n;
}

static struct seat *
seat_of(struct dispatch *d, const struct upstream_conf *u)
{
	struct seat *seat = d->seats;

	while (seat && strcmp(seat->ca, u->ca) != 0)
		seat = seat->next;
	if (seat)
		return seat;
	seat = xcalloc(1, sizeof(*seat));
	span_copy(span_str(u->ca), seat->ca, sizeof(seat->ca));
	seat->s = sched_new(u->in_flight * GROWTH);
	sched_set_width(seat->s, u->in_flight);
	seat->overloads = overloads_of(d, u->ca);
	seat->next = d->seats;
	d->seats = seat;
	return seat;
}

static void
heed_overloads(struct dispatch *d, int64_t now_ns)
{
	for (struct seat *seat = d->seats; seat; seat = seat->next) {
		uint64_t n = overloads_of(d, seat->ca);

		if (n != seat->overloads)
			sched_overload(seat->s, now_ns);
		seat->overloads = n;
	}
}

/* ---- orders come in ---- */

/* Any number of its own will do: names are the operator's. */
static uint64_t
number_of(const char *name)
{
	uint64_t n = UINT64_C(14695981039346656037);

	for (; *name; name++)
		n = (n ^ (unsigned char)*name) * UINT64_C(1099511628211);
	return n;
}

uint64_t
dispatch_account_key(const struct upstream *u)
{
	return number_of(u->name);
}

static bool
make_item(struct sql *db, const struct dispatch *d, const struct queue_row *q, struct upstream *u, struct sched_item *ret, char ret_ref[REF_TEXT], int64_t *ret_limit_s, bool *ret_found, struct problem *pr)
{
	struct ca_account *account = upstream_account(u);
	const struct profile_conf *p;
	const struct tenant_conf *tenant;
	struct waiter c = { 0 };
	struct ledger_ask ask;
	char replaces[CERTID_TEXT];
	enum quota_class class;
	bool good = waiter_load(db, q->order_id, &c, ret_found, pr);

	if (good && *ret_found) {
		p = conf_profile(d->conf, span_str(c.order.profile));
		tenant = conf_tenant(d->conf, c.order.tenant);
		ask = waiter_ask(d, &c, q, account->kid);
		memcpy(ret_ref, c.order.ref, REF_TEXT);
		if (p && conf_profile_ca_count(p) > 1 && conf_fails_over(p, FAILOVER_LIMIT))
			*ret_limit_s = p->failover_limit_s > 0 ? p->failover_limit_s : 1;
		good = issue_choose_replaces(db, u, &c.order, "", &ask, replaces, pr) && ledger_class(db, &ask, &class, pr);
		*ret = (struct sched_item){ .id = q->order_id, .class = (enum sched_class)q->class, .unit = number_of(c.order.tenant),
			.weight = tenant ? (uint32_t)tenant->share : 1, .deadline_ns = q->deadline * NS_PER_S, .since_ns = q->since * NS_PER_S,
			.not_before_ns = q->not_before * NS_PER_S };
		if (good)
			ret->key_count = ledger_keys(upstreams_ledger(d->ups), &ask, class, ret->keys, SCHED_KEYS_MAX - 1);
		ret->keys[ret->key_count++] = dispatch_account_key(u);
	}
	waiter_done(&c);
	ca_account_unref(account);
	return good;
}

static struct ticket *
ticket_new(struct dispatch *d, const struct queue_row *q, struct upstream *u, const struct upstream_conf *conf)
{
	struct ticket *e = xcalloc(1, sizeof(*e));

	*e = (struct ticket){ .id = q->order_id, .seat = seat_of(d, conf), .u = u, .not_before = q->not_before, .bucket = q->bucket,
		.until = q->until, .told = q->state != QUEUE_NEW, .since_ms = clock_ms() };
	d->untold += !e->told;
	tsearch(e, &d->tickets, by_id);
	return e;
}

/* There is no queue for it: whoever has its job does what is to be done. */
static void
stray(struct dispatch *d, const struct queue_row *q)
{
	if (q->state != QUEUE_OUT && d->homeless_count < DISPATCH_BATCH)
		d->homeless[d->homeless_count++] = q->order_id;
}

static bool take_in_anew(struct sql *db, struct dispatch *d, struct ticket *e, const struct queue_row *q, struct problem *pr);

/* Into memory; one that is there stays as it is, unless it need not wait any more for the time that it was put back for. An entry of
 * upstreams that is in the configuration no more has no queue, and an order that was swept away (its time was long over before anybody
 * led the queue) is in none. */
static bool
take_in(struct sql *db, struct dispatch *d, const struct queue_row *q, struct problem *pr)
{
	const struct upstream_conf *conf = conf_upstream(d->conf, q->upstream);
	struct upstream *u = upstreams_get(d->ups, q->upstream);
	int64_t now_ns = clock_unix_ms() * 1000000;
	char ref[REF_TEXT];
	int64_t limit_s = 0;
	struct sched_item item;
	struct ticket *e;
	bool found;

	e = dispatch_find(d, q->order_id);
	if (e)
		return e->flies || q->not_before >= e->not_before || take_in_anew(db, d, e, q, pr);
	if (!conf || !u || !u->ca) {
		stray(d, q);
		return true;
	}
	if ((unsigned)q->class >= SCHED_CLASS__COUNT)
		return problem_internal(pr, "order %lld waits in a class that there is not", (long long)q->order_id);
	if (!make_item(db, d, q, u, &item, ref, &limit_s, &found, pr))
		return false;
	if (!found) {
		stray(d, q);
		return true;
	}
	e = ticket_new(d, q, u, conf);
	memcpy(e->ref, ref, sizeof(ref));
	e->failover_limit_s = limit_s;
	if (q->state != QUEUE_OUT)
		return sched_add(e->seat->s, &item, now_ns);
	sched_add_flying(e->seat->s, &item, now_ns);
	dispatch_set_flying(d, e, true);
	return true;
}

/* What is in memory of it is old. */
static bool
take_in_anew(struct sql *db, struct dispatch *d, struct ticket *e, const struct queue_row *q, struct problem *pr)
{
	int64_t elsewhere_ms = e->elsewhere_ms;

	sched_remove(e->seat->s, e->id);
	dispatch_forget(d, e);
	if (!take_in(db, d, q, pr))
		return false;
	e = dispatch_find(d, q->order_id);
	if (e)
		e->elsewhere_ms = elsewhere_ms;
	return true;
}

struct pages {
	struct dispatch *d;
	enum queue_state state;
	int64_t after;
	bool done;
};

static bool
page_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct pages *p = arg;
	AUTO_FREE struct queue_row *rows = xcalloc(PAGE, sizeof(*rows));
	size_t count;

	if (!queue_rows(db, p->state, p->after, PAGE, rows, &count, pr))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!take_in(db, p->d, &rows[i], pr))
			return false;
	}
	p->done = count < PAGE;
	if (count)
		p->after = rows[count - 1].order_id;
	return true;
}

static bool
take_all(struct dispatch *d, enum queue_state state, struct problem *pr)
{
	struct pages p = { .d = d, .state = state };

	while (!p.done) {
		if (!store_read(dispatch_store(d), page_tx, &p, pr))
			return false;
	}
	return true;
}

/* ---- orders come back, or are over ---- */

static void
land(struct dispatch *d, struct ticket *e, enum sched_outcome outcome, int64_t now_ns)
{
	if (e->counted)
		sched_done(e->seat->s, e->id, outcome, now_ns);
	dispatch_forget(d, e);
}

static bool
look_at_flight(struct sql *db, struct dispatch *d, struct ticket *e, struct problem *pr)
{
	int64_t now_ns = clock_unix_ms() * 1000000;
	struct order o = { 0 };
	struct queue_row q;
	bool found, is_valid;

	if (!queue_get(db, e->id, &q, &found, pr))
		return false;
	if (found && q.state == QUEUE_OUT) {
		if (e->counted && clock_ms() - e->flies_since_ms > LONG_FLIGHT_MS) {
			sched_done(e->seat->s, e->id, SCHED_FAILURE, now_ns);
			e->counted = false;
		}
		return true;
	}
	/* the CA has done what it could do so far (U1) */
	if (found && q.state == QUEUE_PARKED) {
		land(d, e, SCHED_SUCCESS, now_ns);
		return true;
	}
	if (found) {
		if (e->counted)
			sched_done(e->seat->s, e->id, SCHED_FAILURE, now_ns);
		return take_in_anew(db, d, e, &q, pr);
	}
	if (!order_by_id(db, e->id, &o, &found, pr))
		return false;
	is_valid = found && o.state == ORDER_VALID;
	order_done(&o);
	land(d, e, is_valid ? SCHED_SUCCESS : SCHED_FAILURE, now_ns);
	return true;
}

static bool
flights_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct dispatch *d = arg;
	struct ticket *next;

	for (struct ticket *e = d->flying; e; e = next) {
		next = e->next;
		if (!look_at_flight(db, d, e, pr))
			return false;
	}
	return true;
}

/* ---- what changes while they wait ---- */

struct review {
	struct dispatch *d;
	int64_t gone[DISPATCH_BATCH], urgent[DISPATCH_BATCH];
	size_t gone_count, urgent_count;
	int64_t after;
	bool done;
};

static bool
review_row(struct sql *db, struct review *r, const struct queue_row *q, struct problem *pr)
{
	struct ticket *e;
	bool awaited;

	if (!take_in(db, r->d, q, pr) || !order_is_awaited(db, q->order_id, &awaited, pr))
		return false;
	e = dispatch_find(r->d, q->order_id);
	if (!e || e->flies)
		return true;
	if (!awaited)
		r->gone[r->gone_count++] = q->order_id;
	else if (q->urgent_at && q->urgent_at <= clock_unix_s() && q->class > SCHED_EXPIRING)
		r->urgent[r->urgent_count++] = q->order_id;
	return true;
}

static bool
review_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct review *r = arg;
	AUTO_FREE struct queue_row *rows = xcalloc(PAGE, sizeof(*rows));
	size_t count, i;

	r->gone_count = r->urgent_count = 0;
	r->after = r->d->review_after;
	if (!queue_rows(db, QUEUE_TOLD, r->after, PAGE, rows, &count, pr))
		return false;
	for (i = 0; i < count && r->gone_count < DISPATCH_BATCH && r->urgent_count < DISPATCH_BATCH && r->d->homeless_count < DISPATCH_BATCH; i++) {
		if (!review_row(db, r, &rows[i], pr))
			return false;
		r->after = rows[i].order_id;
	}
	r->done = i == count && count < PAGE;
	return true;
}

static bool
urgent_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct review *r = arg;
	bool good = jobs_fence(r->d->job, db, pr);

	for (size_t i = 0; good && i < r->urgent_count; i++)
		good = queue_set_class(db, r->urgent[i], SCHED_EXPIRING, pr);
	return good;
}

/* What is urgent waits for other buckets (ledger_keys), which have more for it: with the old ones' numbers, or none, each of them would be
 * asked about by itself. */
static bool
rise_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct review *r = arg;

	for (size_t i = 0; i < r->urgent_count; i++) {
		struct ticket *e = dispatch_find(r->d, r->urgent[i]);
		struct queue_row q;
		bool found;

		if (!queue_get(db, r->urgent[i], &q, &found, pr))
			return false;
		if (e && !e->flies && found && q.state != QUEUE_OUT && !take_in_anew(db, r->d, e, &q, pr))
			return false;
	}
	return true;
}

/* A page at a time, the whole of it once in a minute. */
static bool
review(struct dispatch *d, struct problem *pr)
{
	struct review r = { .d = d };

	if (d->review_after < 0) {
		if (clock_ms() - d->review_ms < REVIEW_MS)
			return true;
		d->review_after = 0;
		d->review_ms = clock_ms();
	}
	if (!store_read(dispatch_store(d), review_tx, &r, pr) || (r.gone_count && !dispatch_hand_over(d, r.gone, r.gone_count, NULL, NULL, pr)) ||
		(r.urgent_count && (!store_write(dispatch_store(d), urgent_tx, &r, pr) || !store_read(dispatch_store(d), rise_tx, &r, pr))))
		return false;
	d->review_after = r.done ? -1 : r.after;
	d->more = d->more || !r.done;
	return true;
}

/* ---- the job ---- */

/* With another configuration weights, limits and entries may be others: begin anew. */
static void
heed_conf(struct dispatch *d)
{
	struct gate_conf *conf = conf_holder_take(upstreams_env(d->ups)->conf);

	if (d->conf && d->conf->generation == conf->generation) {
		gate_conf_unref(conf);
		return;
	}
	clear(d);
	gate_conf_unref(d->conf);
	d->conf = conf;
}

static bool
look(struct dispatch *d, struct problem *pr)
{
	heed_conf(d);
	if (!d->loaded) {
		d->homeless_count = 0;
		if (!take_all(d, QUEUE_OUT, pr) || !take_all(d, QUEUE_TOLD, pr))
			return false;
		d->loaded = true;
		d->review_ms = clock_ms();
		d->review_after = d->homeless_count ? 0 : -1;
	}
	d->homeless_count = 0;
	if ((d->flying && !store_read(dispatch_store(d), flights_tx, d, pr)) || !take_all(d, QUEUE_NEW, pr) || !review(d, pr))
		return false;
	return !d->homeless_count || dispatch_hand_over(d, d->homeless, d->homeless_count, NULL, NULL, pr);
}

static int64_t
wait_ms(const struct dispatch *d, int64_t look_ns, int64_t now_ns)
{
	int64_t poll = store_is_shared(dispatch_store(d)) ? SHARED_POLL_MS : POLL_MS, ms;

	if (d->more)
		return 0;
	/* what nobody has been told yet */
	if (d->untold && poll > SHARED_POLL_MS / 2)
		poll = SHARED_POLL_MS / 2;
	if (look_ns == SCHED_NEVER)
		return poll;
	ms = look_ns > now_ns ? (look_ns - now_ns) / 1000000 + 1 : 1;
	return ms < poll ? ms : poll;
}

static enum job_next
step(struct job *job, void *arg)
{
	struct dispatch *d = job->state;
	int64_t look_ns = SCHED_NEVER, now_ns;
	struct problem pr = { 0 };

	if (!d) {
		d = job->state = xcalloc(1, sizeof(*d));
		d->job = job;
		d->ups = arg;
		log_notice("queue_led", LS("node", jobs_node(job->jobs)));
	}
	d->more = false;
	if (!look(d, &pr)) {
		log_error("queue_not_read", LPR(&pr));
		job->wait_ms = SHARED_POLL_MS;
		return JOB_AGAIN;
	}
	heed_overloads(d, clock_unix_ms() * 1000000);
	dispatch_pump(d, &look_ns);
	dispatch_tell(d);
	now_ns = clock_unix_ms() * 1000000;
	board_publish(upstreams_board(d->ups), d, now_ns);
	job->wait_ms = wait_ms(d, look_ns, now_ns);
	return JOB_AGAIN;
}

static void
free_state(void *state)
{
	struct dispatch *d = state;

	board_publish(upstreams_board(d->ups), NULL, 0);
	clear(d);
	gate_conf_unref(d->conf);
	free(d);
}

void
dispatch_register(struct upstreams *ups)
{
	jobs_register(upstreams_env(ups)->jobs, JOB_DISPATCH, &(struct job_ops){ step, free_state, ups, true });
}

bool
dispatch_begin(struct sql *db, struct problem *pr)
{
	int64_t id;

	return job_insert(db, JOB_DISPATCH, 0, clock_unix_ms(), NULL, 0, &id, pr);
}
