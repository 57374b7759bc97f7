/* batch.c - updates of one zone, many records in a message; see solve_int.h.
 *
 * collect (75 ms, or 200 records) -> a worker looks at the journal once more, writes the message and has the keeper sign it -> sent on
 * the zone's connection -> a worker has the keeper verify the reply. A message that is refused is divided in halves, until it is known
 * whose record is at fault. One message of a zone is under way at a time; what comes meanwhile is collected. */
#include <stdio.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "dnsup/link.h"
#include "dnsup/update.h"
#include "solve/solve_int.h"

#define COLLECT_MS 75
#define IDLE_MS 60000      /* then the zone's batcher goes */
#define LOOK_UP_MS 10000
#define DIVISIONS_MAX 40   /* of one batch: more records than that are hardly at fault one by one */
#define RANGES_MAX 64
#define DEFAULT_PORT 53

static const enum jwa mac_of[TSIG_ALG__COUNT] = { [TSIG_SHA256] = JWA_HS256, [TSIG_SHA384] = JWA_HS384, [TSIG_SHA512] = JWA_HS512 };

struct item {
	STAILQ_ENTRY(item) entry;
	struct proof *p;
	bool is_delete;
	bool is_left_out; /* of the message: not wanted any more, or another's */
	batch_fn fn;
};

struct range {
	size_t from, to;
};

struct batcher {
	TAILQ_ENTRY(batcher) entry;
	struct solve *solve;
	char solver[sizeof(((struct proof_record *)0)->solver)], server[DNS_TEXT], zone[DNS_TEXT];
	bool is_found; /* the server is that of the zone's SOA */
	STAILQ_HEAD(, item) waiting;
	size_t waiting_count;
	struct timer *timer;
	struct link *link;
	/* the batch under way: */
	bool is_busy;
	struct item *items[UPDATE_RECORDS_MAX];
	struct range ranges[RANGES_MAX]; /* to be sent, the last first */
	size_t range_count;
	unsigned divisions;
	struct range now; /* being sent */
	/* its message, between loop and worker: */
	unsigned id;
	struct tsig tsig;
	struct buf message, request_mac, reply;
	msec_t timeout_ms;
	enum update_outcome outcome;
	struct problem problem;
};

static struct solver_stats *
stats_of(const struct batcher *b)
{
	return &solver_state(b->solve, b->solver)->stats;
}

static void
count(_Atomic(uint64_t) *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static enum proof_result
result_of(enum update_outcome outcome)
{
	switch (outcome) {
	case UPDATE_DONE:
		return PROOF_GOOD;
	case UPDATE_FAILED:
		return PROOF_LATER;
	default:
		return PROOF_SETUP;
	}
}

static void
item_end(struct batcher *b, struct item *item, enum proof_result result)
{
	struct proof *p = item->p;
	batch_fn fn = item->fn;

	if (result != PROOF_GOOD)
		problem_set(&p->problem, PROBLEM_DNS, "update of zone \"%s\" at %s: %s", b->zone, b->server, b->problem.detail);
	free(item);
	fn(p, result);
}

static void next_message(struct batcher *b);

/* All of the range are done; those left out as well. */
static void
range_end(struct batcher *b, enum update_outcome outcome)
{
	struct range now = b->now;

	for (size_t i = now.from; i < now.to; i++) {
		struct item *item = b->items[i];
		bool good = outcome == UPDATE_DONE || (item->is_left_out && item->is_delete);

		/* what is only tried is in no journal */
		if (outcome == UPDATE_DONE && !item->is_left_out && item->p->record.id)
			count(item->is_delete ? &stats_of(b)->removed : &stats_of(b)->added, 1);
		if (outcome == UPDATE_DONE && item->is_left_out && !item->is_delete) {
			problem_set(&b->problem, PROBLEM_DNS, "the order does not want it any more");
			good = false;
		}
		item_end(b, item, good ? PROOF_GOOD : outcome == UPDATE_DONE ? PROOF_LATER : result_of(outcome));
	}
}

/* A record that a server refuses takes those beside it along. */
static bool
divide(struct batcher *b)
{
	size_t n = b->now.to - b->now.from, middle = b->now.from + n / 2;

	if (n < 2 || b->divisions >= DIVISIONS_MAX || b->range_count + 2 > RANGES_MAX)
		return false;
	b->divisions++;
	b->ranges[b->range_count++] = (struct range){ middle, b->now.to };
	b->ranges[b->range_count++] = (struct range){ b->now.from, middle };
	return true;
}

static void
on_judged(void *arg)
{
	struct batcher *b = arg;
	bool is_refusal = b->outcome == UPDATE_REFUSED || b->outcome == UPDATE_SETUP;

	if (b->outcome == UPDATE_DONE && b->message.n > 0) {
		count(&stats_of(b)->good, 1);
	} else if (b->outcome != UPDATE_DONE) {
		count(is_refusal ? &stats_of(b)->refused : &stats_of(b)->failed, 1);
		log_info("dns_update_failed", LS("solver", b->solver), LS("server", b->server), LS("zone", b->zone),
			LI("records", b->now.to - b->now.from), LPR(&b->problem));
	}
	if (!is_refusal || !divide(b))
		range_end(b, b->outcome);
	next_message(b);
}

/* ---- on a worker: signatures ---- */

static void
fail(struct batcher *b, enum update_outcome outcome)
{
	b->outcome = outcome;
	loop_post(b->solve->env.loop, on_judged, b);
}

static bool
verify(struct batcher *b, const struct reply *reply, bool *ret_good, struct problem *pr)
{
	AUTO_BUF input = BUF_MAX(2 * DNS_MESSAGE_MAX);

	*ret_good = false;
	return !reply->has_tsig || !reply_mac_input(&input, reply, buf_span(&b->request_mac)) ||
		keeper_mac_verify(b->solve->env.keeper, buf_span(&solver_state(b->solve, b->solver)->sealed), mac_of[b->tsig.alg],
			buf_span(&input), reply->mac, ret_good, pr);
}

static void
verify_task(void *arg)
{
	struct batcher *b = arg;
	struct reply reply;
	bool good;

	b->problem = (struct problem){ 0 };
	if (!reply_parse(buf_span(&b->reply), &reply, &b->problem)) {
		fail(b, UPDATE_FAILED);
		return;
	}
	if (!verify(b, &reply, &good, &b->problem)) {
		fail(b, UPDATE_FAILED);
		return;
	}
	fail(b, update_judge(&reply, b->id, &b->tsig, good, clock_unix_s(), &b->problem));
}

/* The last look before it goes out: what has been given up since is not laid out, and what another order has is not removed. */
static bool
look_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct batcher *b = arg;

	for (size_t i = b->now.from; i < b->now.to; i++) {
		struct item *item = b->items[i];
		bool wanted, shared;

		if (!proof_record_look(db, item->p->record.id, &wanted, &shared, pr))
			return false;
		item->is_left_out = item->is_delete ? shared || wanted : !wanted;
	}
	return true;
}

/* False: there is nothing to send, or b->problem says what is wrong. */
static bool
write_message(struct batcher *b, size_t *ret_count)
{
	struct update_record records[UPDATE_RECORDS_MAX];
	size_t n = 0;

	for (size_t i = b->now.from; i < b->now.to; i++) {
		const struct item *item = b->items[i];

		if (!item->is_left_out)
			records[n++] = (struct update_record){ item->is_delete, item->p->record.owner, item->p->record.value };
	}
	*ret_count = n;
	rand_bytes(&b->id, sizeof(b->id));
	b->id &= 0xffff;
	buf_clear(&b->message);
	return n > 0 && update_write(&b->message, b->id, b->zone, records, n, &b->problem);
}

static bool
sign(struct batcher *b, const struct solver_conf *conf)
{
	AUTO_BUF input = BUF_MAX(2 * DNS_MESSAGE_MAX);
	const struct solver_state *state = solver_state(b->solve, b->solver);

	b->tsig = (struct tsig){ .alg = (enum tsig_alg)conf->algorithm, .time_unix_s = clock_unix_s() };
	buf_clear(&b->request_mac);
	return (wire_name_parse(span_str(conf->key), &b->tsig.key) && tsig_request_input(&input, buf_span(&b->message), &b->tsig) &&
			keeper_mac(b->solve->env.keeper, buf_span(&state->sealed), mac_of[b->tsig.alg], buf_span(&input), &b->request_mac,
				&b->problem) &&
			tsig_append(&b->message, &b->tsig, buf_span(&b->request_mac))) ||
		problem_set(&b->problem, PROBLEM_DNS, "the update cannot be signed");
}

static void send_message(void *arg);

static void
sign_task(void *arg)
{
	struct batcher *b = arg;
	struct gate_conf *all = conf_holder_take(b->solve->env.conf);
	const struct solver_conf *conf = conf_solver(all, b->solver);
	size_t n = 0;

	b->problem = (struct problem){ 0 };
	if (!store_read(b->solve->env.store, look_tx, b, &b->problem)) {
		problem_set(&b->problem, PROBLEM_DNS, "the journal cannot be read");
		fail(b, UPDATE_FAILED);
	} else if (!conf) {
		problem_set(&b->problem, PROBLEM_DNS, "solver \"%s\" is not configured any more", b->solver);
		fail(b, UPDATE_SETUP);
	} else if (!write_message(b, &n)) {
		fail(b, n ? UPDATE_REFUSED : UPDATE_DONE);
	} else if (!sign(b, conf)) {
		fail(b, UPDATE_FAILED);
	} else {
		b->timeout_ms = conf->update_ms;
		crash_point("dns update signed");
		loop_post(b->solve->env.loop, send_message, b);
	}
	gate_conf_unref(all);
}

/* ---- on the loop: the connection ---- */

static const char *
link_words(enum link_result result)
{
	switch (result) {
	case LINK_CONNECT:
		return "no TCP connection to the server";
	case LINK_TIMEOUT:
		return "the server did not answer in time (PowerDNS drops what it does not allow)";
	default:
		return "the server closed the connection without an answer";
	}
}

static void
on_reply(enum link_result result, struct span reply, void *arg)
{
	struct batcher *b = arg;

	if (result != LINK_OK) {
		b->problem = (struct problem){ 0 };
		problem_set(&b->problem, PROBLEM_DNS, "%s", link_words(result));
		b->outcome = UPDATE_FAILED;
		/* its address may be another by now */
		link_free(b->link);
		b->link = NULL;
		on_judged(b);
		return;
	}
	crash_point("dns update answered");
	buf_clear(&b->reply);
	buf_addspan(&b->reply, reply);
	pool_post(b->solve->env.pool, verify_task, b);
}

static void
send_message(void *arg)
{
	struct batcher *b = arg;

	link_send(b->link, buf_span(&b->message), b->timeout_ms, on_reply, b);
}

static void
connected_to(struct batcher *b, const struct addr *addrs, size_t n)
{
	b->link = link_new(b->solve->env.loop, addrs, n);
	pool_post(b->solve->env.pool, sign_task, b);
}

/* HOST[:PORT]; the port is that of the zone's name servers if it is not given. */
static struct span
host_of(const char *server, uint16_t *port)
{
	struct span rest = span_str(server), host = rest;
	uint64_t number;

	if (span_cut(&rest, ':', &host) && span_uint(rest, 65535, &number))
		*port = (uint16_t)number;
	return host;
}

static uint16_t
ns_port(const struct batcher *b)
{
	struct gate_conf *all = conf_holder_take(b->solve->env.conf);
	const struct solver_conf *conf = conf_solver(all, b->solver);
	uint16_t port = conf ? (uint16_t)conf->ns_port : DEFAULT_PORT;

	gate_conf_unref(all);
	return port;
}

static void
on_addrs(const struct dns_addrs *addrs, const struct problem *pr, void *arg)
{
	struct batcher *b = arg;
	struct dns_addrs found = *addrs;
	uint16_t port = ns_port(b);

	host_of(b->server, &port);
	if (pr) {
		b->problem = (struct problem){ 0 };
		problem_set(&b->problem, PROBLEM_DNS, "%s", pr->detail);
		b->outcome = UPDATE_FAILED;
		on_judged(b);
		return;
	}
	for (size_t i = 0; i < found.count; i++)
		found.list[i].port = port;
	connected_to(b, found.list, found.count);
}

static void
find_server(struct batcher *b)
{
	struct gate_conf *all = conf_holder_take(b->solve->env.conf);
	struct problem pr = { 0 };
	struct addr addr;
	uint16_t port;

	if (addr_parse(span_str(b->server), &addr)) {
		addr.port = ns_port(b);
		connected_to(b, &addr, 1);
	} else if (addr_parse_port(span_str(b->server), &addr, &pr)) {
		connected_to(b, &addr, 1);
	} else {
		AUTO_FREE char *host = span_dup(host_of(b->server, &port));
		/* one of the configuration is as this machine sees it, one of the SOA as the world does */
		const struct conf_addrs *resolvers = b->is_found ? &all->public_resolvers : &all->resolvers;

		dns_addrs(b->solve->env.dns,
			&(struct dns_ask){ .name = host, .servers = resolvers->list, .server_count = resolvers->count, .timeout_ms = LOOK_UP_MS },
			on_addrs, b);
	}
	gate_conf_unref(all);
}

/* ---- batches ---- */

static void
begin_batch(struct batcher *b)
{
	size_t n = 0;
	struct item *item;

	while (n < UPDATE_RECORDS_MAX && (item = STAILQ_FIRST(&b->waiting))) {
		STAILQ_REMOVE_HEAD(&b->waiting, entry);
		b->items[n++] = item;
	}
	b->waiting_count -= n;
	b->is_busy = true;
	b->divisions = 0;
	b->ranges[0] = (struct range){ 0, n };
	b->range_count = 1;
	next_message(b);
}

static void
batcher_free(struct batcher *b)
{
	struct item *item;

	TAILQ_REMOVE(&b->solve->batchers, b, entry);
	while ((item = STAILQ_FIRST(&b->waiting))) {
		STAILQ_REMOVE_HEAD(&b->waiting, entry);
		free(item);
	}
	/* of a batch that was under way when the gateway stopped: those not told yet */
	for (size_t i = 0; b->is_busy && i < b->range_count; i++) {
		for (size_t j = b->ranges[i].from; j < b->ranges[i].to; j++)
			free(b->items[j]);
	}
	for (size_t j = b->now.from; b->is_busy && j < b->now.to; j++)
		free(b->items[j]);
	link_free(b->link);
	timer_free(b->timer);
	buf_done(&b->message);
	buf_done(&b->request_mac);
	buf_done(&b->reply);
	free(b);
}

static void
next_message(struct batcher *b)
{
	if (b->range_count > 0) {
		b->now = b->ranges[--b->range_count];
		if (b->link)
			pool_post(b->solve->env.pool, sign_task, b);
		else
			find_server(b);
		return;
	}
	b->is_busy = false;
	timer_set(b->timer, b->waiting_count >= UPDATE_RECORDS_MAX ? 0 : b->waiting_count ? COLLECT_MS : IDLE_MS);
}

static void
on_timer(void *arg)
{
	struct batcher *b = arg;

	if (b->waiting_count)
		begin_batch(b);
	else
		batcher_free(b);
}

static struct batcher *
batcher_of(struct solve *solve, const char *solver, const char *server, const char *zone, bool is_found)
{
	struct batcher *b;

	TAILQ_FOREACH(b, &solve->batchers, entry) {
		if (strcmp(b->solver, solver) == 0 && strcasecmp(b->server, server) == 0 && strcasecmp(b->zone, zone) == 0)
			return b;
	}
	b = xcalloc(1, sizeof(*b));
	b->solve = solve;
	snprintf(b->solver, sizeof(b->solver), "%s", solver);
	snprintf(b->server, sizeof(b->server), "%s", server);
	snprintf(b->zone, sizeof(b->zone), "%s", zone);
	b->is_found = is_found;
	STAILQ_INIT(&b->waiting);
	b->timer = timer_new(solve->env.loop, on_timer, b);
	b->message = b->reply = BUF_MAX(DNS_MESSAGE_MAX);
	b->request_mac = BUF_MAX(TSIG_MAC_MAX);
	TAILQ_INSERT_TAIL(&solve->batchers, b, entry);
	return b;
}

void
batch_add(struct proof *p, const struct solver_conf *conf, bool is_delete, batch_fn fn)
{
	struct batcher *b = batcher_of(p->solve, conf->name, conf->server ? conf->server : p->record.server, p->record.zone, !conf->server);
	struct item *item = xcalloc(1, sizeof(*item));

	*item = (struct item){ .p = p, .is_delete = is_delete, .fn = fn };
	STAILQ_INSERT_TAIL(&b->waiting, item, entry);
	b->waiting_count++;
	if (b->is_busy)
		return;
	if (b->waiting_count == 1)
		timer_set(b->timer, COLLECT_MS);
	else if (b->waiting_count == UPDATE_RECORDS_MAX)
		timer_set(b->timer, 0);
}

void
batchers_free(struct solve *solve)
{
	struct batcher *b;

	while ((b = TAILQ_FIRST(&solve->batchers)))
		batcher_free(b);
}
