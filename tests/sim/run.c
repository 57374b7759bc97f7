/* run.c - one scenario from its first device to its end; see sim.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "sim.h"

#define BEGAN_NS (INT64_C(1800000000) * NS)
#define OUTAGE_NS DAY_NS
#define LONG_NS (30 * DAY_NS)
#define SWEEP_NS DAY_NS
#define STRANGERS_BEFORE 30 /* certificates of each domain, in the day before */

void
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

static struct world *the_world;

/* What plans call now. */
int64_t __wrap_clock_unix_s(void);
int64_t
__wrap_clock_unix_s(void)
{
	return the_world->now_ns / NS;
}

/* In place of lib/base's (the linker is told so): chance is the same in each run. */
uint32_t __wrap_rand_below(uint32_t below);
uint32_t
__wrap_rand_below(uint32_t below)
{
	return (uint32_t)dice(the_world, below);
}

void __wrap_rand_bytes(void *dst, size_t n);
void
__wrap_rand_bytes(void *dst, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((unsigned char *)dst)[i] = (unsigned char)dice(the_world, 256);
}

int64_t
scenario_life_ns(const struct scenario *sc)
{
	return sc->life_days * DAY_NS + sc->life_hours * HOUR_NS;
}

int64_t
scenario_hear_ns(const struct scenario *sc)
{
	return sc->revocations ? 8 * HOUR_NS : DAY_NS;
}

size_t
scenario_units(const struct scenario *sc)
{
	size_t n = 0;

	while (n < UNITS_MAX && sc->weights[n])
		n++;
	return n;
}

/* ---- the least time ---- */

static struct rate
rate_of(const struct scenario *sc, enum limit limit)
{
	struct boulder published;
	struct rate r;

	boulder_init(&published);
	r = published.rates[limit];
	boulder_done(&published);
	if (limit == LIMIT_ORDERS && sc->orders.count)
		r = sc->orders;
	if (limit == LIMIT_DOMAIN && sc->by_domain.count)
		r = sc->by_domain;
	return r;
}

/* What is left of the burst. */
static int64_t
at_once(struct rate r, int64_t percent_kept)
{
	return r.burst - r.burst * percent_kept / 100;
}

static int64_t
takes_ns(struct rate r, int64_t percent_kept, int64_t tokens)
{
	int64_t left = tokens - at_once(r, percent_kept);

	return left > 0 ? left * (r.period_ns / r.count) : 0;
}

static int64_t
domain_takes_ns(const struct world *w, int64_t percent_kept)
{
	int64_t most = ((int64_t)w->device_count + w->sc->domains - 1) / w->sc->domains;

	return takes_ns(rate_of(w->sc, LIMIT_DOMAIN), percent_kept, most);
}

static int64_t
orders_take_ns(const struct world *w, int64_t percent_kept, int64_t orders)
{
	return takes_ns(rate_of(w->sc, LIMIT_ORDERS), percent_kept, orders);
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Also, nobody gets a certificate before he asks. */
static void
find_bounds(struct world *w)
{
	const struct scenario *sc = w->sc;
	int64_t last_ns = 0, orders = w->tally.orders_spent, kept = sc->margin + sc->reserve;

	for (size_t i = 0; i < w->shares.count; i++)
		last_ns = later(last_ns, w->shares.list[i].asked_ns - w->began_ns);
	w->tally.bound_ns = later(last_ns, later(domain_takes_ns(w, kept), orders_take_ns(w, sc->margin, orders)));
	w->tally.bound_bare_ns = later(last_ns, later(domain_takes_ns(w, 0), orders_take_ns(w, 0, orders)));
}

/* By the bucket that is the narrowest. */
static void
find_worst_share(struct world *w)
{
	const struct scenario *sc = w->sc;
	bool by_domain = domain_takes_ns(w, sc->margin + sc->reserve) >= orders_take_ns(w, sc->margin, w->tally.orders_spent);
	struct rate r = rate_of(sc, by_domain ? LIMIT_DOMAIN : LIMIT_ORDERS);

	for (size_t i = 0; i < w->shares.count && !by_domain; i++)
		w->shares.list[i].bucket = 0;
	w->tally.worst_share = fluid_worst(&w->shares, sc->weights, scenario_units(sc), by_domain ? (size_t)sc->domains : 1,
		r.period_ns / r.count);
}

/* ---- the run ---- */

static void
stranger_spends(struct world *w, uint32_t domain, int64_t at_ns)
{
	char text[TEXT_MAX];

	snprintf(text, sizeof(text), "fleet%u.example", domain);
	boulder_stranger(&w->ca, text, at_ns);
}

static void
stranger_comes(struct world *w, uint32_t domain)
{
	stranger_spends(w, domain, w->now_ns - WAY_NS);
	event_at(w, w->now_ns + dice(w, 14 * DAY_NS / w->sc->strangers_per_week), EVENT_STRANGER, domain);
}

/* They were there before us. */
static void
strangers_begin(struct world *w)
{
	for (uint32_t i = 0; i < w->sc->domains; i++) {
		for (int n = 0; n < STRANGERS_BEFORE; n++)
			stranger_spends(w, i, w->now_ns - DAY_NS + n * (DAY_NS / STRANGERS_BEFORE));
		event_at(w, w->now_ns + dice(w, DAY_NS), EVENT_STRANGER, i);
	}
}

static void
begin_world(struct world *w)
{
	const struct scenario *sc = w->sc;

	w->now_ns = w->began_ns = BEGAN_NS;
	w->dice = 5;
	boulder_init(&w->ca);
	boulder_init(&w->ours);
	w->ca.rates[LIMIT_ORDERS] = w->ours.rates[LIMIT_ORDERS] = rate_of(sc, LIMIT_ORDERS);
	w->ca.rates[LIMIT_DOMAIN] = w->ours.rates[LIMIT_DOMAIN] = rate_of(sc, LIMIT_DOMAIN);
	gateway_init(w);
	fleet_init(w);
	event_at(w, w->now_ns + SWEEP_NS, EVENT_SWEEP, 0);
	/* of a long roll-out the first outage is in the middle */
	if (domain_takes_ns(w, 0) > LONG_NS)
		event_at(w, w->now_ns + domain_takes_ns(w, 0) / 2, EVENT_OUTAGE, 0);
	if (sc->strangers_per_week)
		strangers_begin(w);
}

void
fleet_complete(struct world *w)
{
	const struct scenario *sc = w->sc;

	w->end_ns = w->now_ns + sc->after_days * DAY_NS;
	if (domain_takes_ns(w, 0) <= LONG_NS)
		event_at(w, w->now_ns + sc->after_days * DAY_NS / 8, EVENT_OUTAGE, 0);
	event_at(w, w->now_ns + sc->after_days * DAY_NS / 4, EVENT_OUTAGE, 0);
	if (sc->renewing == RENEWING_PLANNED)
		event_at(w, w->now_ns + sc->after_days * DAY_NS / 3, EVENT_RESTART, 0);
	for (int64_t i = 0; i == 0 || i < sc->revocations; i++)
		event_at(w, w->now_ns + sc->after_days * DAY_NS / 2 + i * scenario_hear_ns(sc), EVENT_REVOKE, 0);
}

static void
sweep(struct world *w)
{
	struct problem pr = { 0 };
	int64_t count;

	boulder_sweep(&w->ca, w->now_ns);
	boulder_sweep(&w->ours, w->now_ns);
	if (!bucket_sweep(w->db, w->now_ns, INT64_MAX, &count, &pr))
		die("sweep: %s", pr.cause);
	event_at(w, w->now_ns + SWEEP_NS, EVENT_SWEEP, 0);
}

static void
outage(struct world *w)
{
	w->outage_end_ns = w->now_ns + OUTAGE_NS;
	fleet_outage(w);
	event_at(w, w->outage_end_ns, EVENT_OVER, 0);
}

static void
happen(struct world *w, const struct event *e)
{
	switch ((enum event_kind)e->kind) {
	case EVENT_ASK: device_asks(w, e->who, e->at_ns); break;
	case EVENT_LOOK:
		/* of several the one that counts */
		if (e->at_ns == w->look_ns)
			gateway_look(w);
		break;
	case EVENT_ORDERED: gateway_ordered(w, e->who); break;
	case EVENT_ISSUED: gateway_issued(w, e->who); break;
	case EVENT_FAILED: gateway_failed(w, e->who); break;
	case EVENT_STRANGER: stranger_comes(w, e->who); break;
	case EVENT_OUTAGE: outage(w); break;
	case EVENT_OVER: w->outage_end_ns = 0; break;
	case EVENT_REVOKE:
		boulder_revoke_all(&w->ca);
		boulder_revoke_all(&w->ours);
		fleet_revoked(w);
		break;
	case EVENT_SWEEP: sweep(w); break;
	case EVENT_RESTART: windows_restart(w); break;
	case EVENT_TOLD: gateway_told(w, e->who); break;
	}
}

void
sim_run(const struct scenario *sc, struct tally *ret)
{
	struct world w = { .sc = sc };
	struct event e;

	the_world = &w;
	begin_world(&w);
	while (event_next(&w, &e) && (w.end_ns == 0 || e.at_ns <= w.end_ns)) {
		w.now_ns = e.at_ns;
		happen(&w, &e);
	}
	fleet_end(&w);
	windows_end(&w);
	find_bounds(&w);
	find_worst_share(&w);
	*ret = w.tally;
	gateway_done(&w);
	boulder_done(&w.ca);
	boulder_done(&w.ours);
	fluid_done(&w.shares);
	free(w.devices);
	free(w.events);
	free(w.hours);
}
