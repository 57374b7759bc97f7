/* check.c - does every name server of the zone have the record? Only then the CA is told, since each of its perspectives may ask
 * another one, and a failure counts there.
 *
 * NS of the zone -> their addresses -> TXT of each, not recursive, by UDP and then TCP, again after 1, 2, 3, 5, 5 ... s of those that
 * have not had it. When time is over, SOA of each, to say why. With check_via resolvers are asked instead. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "solve/solve_int.h"

#define SERVERS_MAX 16
#define TARGETS_MAX 32
/* Checks that look up at a time: each look-up has sockets of its own, and what answers at all does so in milliseconds. */
#define TURNS_MAX 16
#define ASK_MS 3000
#define LOOK_UP_MS 10000

static const msec_t pauses_ms[] = { 1000, 2000, 3000, 5000 };

struct check;

struct server {
	struct check *check;
	char name[DNS_NAME_TEXT];
};

/* An address that is asked. */
struct target {
	struct check *check;
	const struct server *server; /* NULL: of check_via */
	struct addr addr;
	bool has_record;
	char fault[200];
	bool has_serial;
	uint32_t serial;
};

struct check {
	struct pending pending; /* first */
	struct proof *p;
	const struct solver_conf *conf;
	struct server servers[SERVERS_MAX];
	size_t server_count;
	struct target targets[TARGETS_MAX];
	size_t target_count;
	size_t waiting; /* look-ups under way */
	unsigned rounds;
	bool is_delay;  /* all have it */
	TAILQ_ENTRY(check) due;
	void (*ask)(struct check *c); /* what it does when its turn comes */
	bool has_turn;
	msec_t deadline_ms;
	struct timer *timer;
	char fault[200];
};

static void
check_free(struct pending *pending)
{
	struct check *c = (struct check *)pending;

	timer_free(c->timer);
	free(c);
}

static void
turn_begin(struct check *c)
{
	c->has_turn = true;
	c->p->solve->turns++;
	c->ask(c);
}

static void
turn_wait(struct check *c, void (*ask)(struct check *c))
{
	struct solve *solve = c->p->solve;

	c->ask = ask;
	if (solve->turns < TURNS_MAX)
		turn_begin(c);
	else
		TAILQ_INSERT_TAIL(&solve->due, c, due);
}

static void
turn_end(struct check *c)
{
	struct solve *solve = c->p->solve;
	struct check *next = TAILQ_FIRST(&solve->due);

	c->has_turn = false;
	solve->turns--;
	if (!next)
		return;
	TAILQ_REMOVE(&solve->due, next, due);
	turn_begin(next);
}

static void
check_end(struct check *c)
{
	if (c->has_turn)
		turn_end(c);
	TAILQ_REMOVE(&c->p->solve->pending, &c->pending, entry);
	check_free(&c->pending);
}

static void
finish(struct check *c)
{
	struct proof *p = c->p;
	AUTO_FREE char *told = NULL;

	atomic_fetch_add_explicit(&solver_state(p->solve, p->record.solver)->stats.visible, 1, memory_order_relaxed);
	if (c->conf->check_via.count)
		told = xasprintf("record %s is seen by %zu servers of check_via", p->record.owner, c->target_count);
	else
		told = xasprintf("record %s is at all %zu name servers of %s", p->record.owner, c->server_count, p->record.zone);
	snprintf(p->told, sizeof(p->told), "%s", told);
	check_end(c);
	proof_done(p, PROOF_GOOD);
}

/* ---- time is over: why? ---- */

static const char *
target_text(const struct target *t, char dst[DNS_TEXT])
{
	char addr[ADDR_TEXT];

	snprintf(dst, DNS_TEXT, "%.180s%s%s%s", t->server ? t->server->name : addr_text(&t->addr, addr), t->server ? " (" : "",
		t->server ? addr_text(&t->addr, addr) : "", t->server ? ")" : "");
	return dst;
}

/* RFC 1982 */
static bool
is_behind(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* Of those without the record one whose serial is behind says most. */
static void
explain(const struct check *c, struct problem *ret)
{
	const struct target *bad = NULL, *newest = NULL;
	const char *owner = c->p->record.owner;
	char text[DNS_TEXT], other[DNS_TEXT];
	size_t count = 0;

	for (size_t i = 0; i < c->target_count; i++) {
		const struct target *t = &c->targets[i];

		if (t->has_serial && (!newest || is_behind(newest->serial, t->serial)))
			newest = t;
		count += t->has_record;
	}
	for (size_t i = 0; i < c->target_count; i++) {
		const struct target *t = &c->targets[i];

		if (!t->has_record && (!bad || (t->has_serial && is_behind(t->serial, newest->serial))))
			bad = t;
	}
	if (!bad)
		problem_set(ret, PROBLEM_DNS, "%s", c->fault);
	else if (bad->has_serial && is_behind(bad->serial, newest->serial))
		problem_set(ret, PROBLEM_DNS, "\"%s\" is not at %s: its serial %u is behind that of %s, %u: does it hear of changes (NOTIFY), and may "
			"it fetch them?", owner, target_text(bad, text), bad->serial, target_text(newest, other), newest->serial);
	else if (bad->has_serial && count)
		problem_set(ret, PROBLEM_DNS, "\"%s\" is not at %s, although no serial is newer than its %u: does it serve another view of the zone?",
			owner, target_text(bad, text), bad->serial);
	else if (bad->has_serial)
		problem_set(ret, PROBLEM_DNS, "\"%s\" is at none of the name servers of %s: is the server that was updated the one they have the "
			"zone from (serial %u)?", owner, c->p->record.zone, bad->serial);
	else
		problem_set(ret, PROBLEM_DNS, "\"%s\" is not at %s: %s", owner, target_text(bad, text), bad->fault);
}

static void
give_up(struct check *c)
{
	struct proof *p = c->p;

	explain(c, &p->problem);
	atomic_fetch_add_explicit(&solver_state(p->solve, p->record.solver)->stats.invisible, 1, memory_order_relaxed);
	check_end(c);
	proof_done(p, PROOF_LATER);
}

static void
on_serial(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct target *t = arg;
	struct check *c = t->check;
	struct dns_soa soa;

	(void)pr;
	t->has_serial = records->outcome == DNS_FOUND && dns_record_soa(records, 0, &soa);
	if (t->has_serial)
		t->serial = soa.serial;
	if (--c->waiting == 0)
		give_up(c);
}

static void
ask_serials(struct check *c)
{
	c->waiting = c->target_count;
	for (size_t i = 0; i < c->target_count; i++) {
		struct target *t = &c->targets[i];

		dns_records(c->p->solve->env.dns,
			&(struct dns_ask){ .name = c->p->record.zone, .servers = &t->addr, .server_count = 1, .timeout_ms = ASK_MS,
				.how = t->server ? DNS_DIRECT : DNS_FOLLOW },
			DNS_SOA, on_serial, t);
	}
}

/* ---- rounds ---- */

static void
after_round(struct check *c)
{
	size_t left = 0;
	msec_t pause = pauses_ms[c->rounds < COUNT_OF(pauses_ms) ? c->rounds : COUNT_OF(pauses_ms) - 1];

	turn_end(c);
	c->rounds++;
	for (size_t i = 0; i < c->target_count; i++)
		left += !c->targets[i].has_record;
	if (left == 0 && c->conf->extra_delay_ms == 0) {
		finish(c);
	} else if (left == 0) {
		c->is_delay = true;
		timer_set(c->timer, c->conf->extra_delay_ms);
	} else if (clock_ms() + pause > c->deadline_ms) {
		turn_wait(c, ask_serials);
	} else {
		timer_set(c->timer, pause);
	}
}

static bool
has_value(const struct dns_records *records, const char *value)
{
	char text[DNS_TEXT];

	for (size_t i = 0; i < records->count; i++) {
		if (dns_txt_join(records->list[i], text, sizeof(text)) && strcmp(text, value) == 0)
			return true;
	}
	return false;
}

static void
on_txt(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct target *t = arg;
	struct check *c = t->check;

	t->has_record = has_value(records, c->p->record.value);
	if (!t->has_record)
		snprintf(t->fault, sizeof(t->fault), "%.190s", pr ? pr->detail : records->alias ? "it says that the name is an alias" :
			"it has other records only");
	if (--c->waiting == 0)
		after_round(c);
}

static void
ask_all(struct check *c)
{
	for (size_t i = 0; i < c->target_count; i++)
		c->waiting += !c->targets[i].has_record;
	for (size_t i = 0; i < c->target_count; i++) {
		struct target *t = &c->targets[i];

		if (!t->has_record)
			dns_records(c->p->solve->env.dns,
				&(struct dns_ask){ .name = c->p->record.owner, .servers = &t->addr, .server_count = 1, .timeout_ms = ASK_MS,
					.how = t->server ? DNS_DIRECT : DNS_FOLLOW },
				DNS_TXT, on_txt, t);
	}
}

static void
on_timer(void *arg)
{
	struct check *c = arg;

	if (c->is_delay)
		finish(c);
	else
		turn_wait(c, ask_all);
}

/* ---- who they are ---- */

/* The fault is said already. */
static void
nobody_to_ask(struct check *c)
{
	c->target_count = 0;
	give_up(c);
}

static void
fail(struct check *c, const char *fault)
{
	snprintf(c->fault, sizeof(c->fault), "%.199s", fault);
	nobody_to_ask(c);
}

/* A machine without IPv6, say, cannot ask there; the name server's other addresses stand for it. */
static bool
has_route(const struct addr *addr)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(addr, &ss);
	int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool there = fd >= 0 && connect(fd, (void *)&ss, n) == 0;

	if (fd >= 0)
		close(fd);
	return there;
}

static void
on_addrs(const struct dns_addrs *addrs, const struct problem *pr, void *arg)
{
	struct server *s = arg;
	struct check *c = s->check;
	size_t before = c->target_count;
	const char *fault = pr ? pr->detail : before == TARGETS_MAX ? "there are too many addresses before its own" : "no way to its addresses";

	for (size_t i = 0; i < addrs->count && c->target_count < TARGETS_MAX; i++) {
		struct target *t = &c->targets[c->target_count];

		*t = (struct target){ .check = c, .server = s, .addr = addrs->list[i] };
		t->addr.port = (uint16_t)c->conf->ns_port;
		c->target_count += has_route(&t->addr);
	}
	if (c->target_count == before)
		snprintf(c->fault, sizeof(c->fault), "name server %.100s of the zone: %.70s", s->name, fault);
	if (--c->waiting > 0)
		return;
	if (c->fault[0])
		nobody_to_ask(c);
	else
		ask_all(c);
}

static void
on_ns(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct check *c = arg;
	const struct conf_addrs *resolvers = &c->p->conf->public_resolvers;

	if (pr) {
		fail(c, pr->detail);
		return;
	}
	for (size_t i = 0; i < records->count && c->server_count < SERVERS_MAX; i++) {
		struct server *s = &c->servers[c->server_count];

		s->check = c;
		c->server_count += dns_record_name(records, i, s->name);
	}
	if (c->server_count == 0) {
		fail(c, "the zone's name servers cannot be read");
		return;
	}
	c->waiting = c->server_count;
	for (size_t i = 0; i < c->server_count; i++)
		dns_addrs(c->p->solve->env.dns,
			&(struct dns_ask){ .name = c->servers[i].name, .servers = resolvers->list, .server_count = resolvers->count,
				.timeout_ms = LOOK_UP_MS },
			on_addrs, &c->servers[i]);
}

static void
ask_ns(struct check *c)
{
	const struct conf_addrs *resolvers = &c->p->conf->public_resolvers;

	dns_records(c->p->solve->env.dns,
		&(struct dns_ask){ .name = c->p->record.zone, .servers = resolvers->list, .server_count = resolvers->count,
			.timeout_ms = LOOK_UP_MS },
		DNS_NS, on_ns, c);
}

void
check_start(struct proof *p, const struct solver_conf *conf)
{
	struct check *c = xcalloc(1, sizeof(*c));
	const struct conf_addrs *via = &conf->check_via;

	c->pending.free = check_free;
	TAILQ_INSERT_TAIL(&p->solve->pending, &c->pending, entry);
	c->p = p;
	c->conf = conf;
	c->deadline_ms = clock_ms() + conf->propagation_ms;
	c->timer = timer_new(p->solve->env.loop, on_timer, c);
	for (size_t i = 0; i < via->count && i < TARGETS_MAX; i++)
		c->targets[c->target_count++] = (struct target){ .check = c, .addr = via->list[i] };
	/* resolvers remember for long what they asked too early (RFC 2308) */
	if (c->target_count)
		timer_set(c->timer, pauses_ms[0]);
	else
		turn_wait(c, ask_ns);
}
