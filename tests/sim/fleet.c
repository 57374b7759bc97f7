/* fleet.c - the devices: when they come, when they renew, when they are away; see sim.h. */
#include <stdio.h>
#include <stdlib.h>

#include "sim.h"

#define COME_NS HOUR_NS          /* all devices of a roll-out are switched on within */
#define SOON_NS HOUR_NS          /* who is back asks within */
#define AGAIN_NS DAY_NS          /* whose order has failed asks again in */
#define NOTICE_NS HOUR_NS        /* who asks later than this before it needs the certificate must not complain */
#define WEEK_NS (7 * DAY_NS)

void
device_names(const struct world *w, uint32_t who, struct order_names *ret)
{
	const struct device *d = &w->devices[who];
	size_t count = (size_t)w->sc->names;

	for (size_t i = 0; i < count; i++) {
		if (count == 1)
			snprintf(ret->text[i], TEXT_MAX, "d%u.fleet%u.example", who, d->domain);
		else
			snprintf(ret->text[i], TEXT_MAX, "s%zu.d%u.fleet%u.example", i, who, d->domain);
		ret->list[i] = ret->text[i];
		ret->ident_list[i].type = IDENT_DNS;
		snprintf(ret->ident_list[i].value, sizeof(ret->ident_list[i].value), "%s", ret->text[i]);
	}
	ret->names = (struct names){ ret->list, count };
	ret->idents = (struct idents){ ret->ident_list, count };
}

static void
ask_at(struct world *w, uint32_t who, int64_t at_ns)
{
	w->devices[who].next_ns = at_ns;
	event_at(w, at_ns, EVENT_ASK, who);
}

/* The next absence of one that travels. */
static void
plan_absence(struct world *w, struct device *d)
{
	d->away_ns = w->now_ns + 20 * DAY_NS + dice(w, 160 * DAY_NS);
	d->back_ns = d->away_ns + WEEK_NS + dice(w, 5 * WEEK_NS);
}

static bool
is_away(const struct device *d, int64_t at_ns)
{
	return d->away_ns <= at_ns && at_ns < d->back_ns;
}

void
fleet_init(struct world *w)
{
	const struct scenario *sc = w->sc;
	size_t units = scenario_units(sc), early = units - (sc->late_devices > 0);

	w->device_count = (size_t)(sc->devices + sc->late_devices);
	w->without = (int64_t)w->device_count;
	w->devices = xcalloc(w->device_count, sizeof(w->devices[0]));
	for (uint32_t i = 0; i < w->device_count; i++) {
		struct device *d = &w->devices[i];
		bool late = i >= sc->devices;

		d->domain = (uint32_t)(i % sc->domains);
		d->unit = (uint8_t)(late ? early : i / (size_t)sc->domains % early);
		d->replaces = sc->renewing != RENEWING_MIXED || dice_permille(w, 500);
		d->away_ns = INT64_MAX;
		if (dice_permille(w, sc->away_permille))
			plan_absence(w, d);
		ask_at(w, i, w->now_ns + (late ? sc->late_days * DAY_NS : 0) + dice(w, COME_NS));
	}
}

void
device_asks(struct world *w, uint32_t who, int64_t at_ns)
{
	struct device *d = &w->devices[who];
	struct order_names on;

	if (d->next_ns != at_ns || d->asked_ns)
		return; /* it has changed its mind since */
	if (is_away(d, w->now_ns) && d->issued_ns) {
		ask_at(w, who, d->back_ns + dice(w, SOON_NS));
		return;
	}
	if (w->now_ns >= d->back_ns && d->away_ns != INT64_MAX)
		plan_absence(w, d);
	windows_count(w, who);
	d->asked_ns = w->now_ns;
	d->possible_ns = w->outage_end_ns ? w->outage_end_ns : w->now_ns;
	if (d->issued_ns) {
		device_names(w, who, &on);
		d->possible_ns += boulder_wait(&w->ca, ACCOUNT, &on.names, d->replaces, d->possible_ns);
	}
	gateway_asked(w, who);
}

static int64_t
renewal_after(struct world *w, const struct device *d)
{
	int64_t life_ns = scenario_life_ns(w->sc), ideal_ns = life_ns < 10 * DAY_NS ? life_ns / 2 : life_ns / 3 * 2;
	/* by the CA's window, or as their own clocks have it */
	int64_t half_ns = life_ns / 100 * (d->replaces ? 1 : 3);

	return ideal_ns - half_ns + dice(w, 2 * half_ns);
}

/* Its last certificate has run out before another was there: whose fault is it? */
static void
judge_expiry(struct world *w, const struct device *d)
{
	int64_t ends_ns = d->issued_ns + scenario_life_ns(w->sc);

	if (d->issued_ns == 0 || d->revoked || w->now_ns <= ends_ns)
		return;
	if (d->asked_ns && d->possible_ns + NOTICE_NS < ends_ns)
		w->tally.expired_allowed++;
	else
		w->tally.expired_away++;
}

static void
first_one(struct world *w, uint32_t who)
{
	const struct device *d = &w->devices[who];

	w->tally.first_certs++;
	w->tally.span_ns = w->now_ns - w->began_ns;
	if (!d->hampered)
		fluid_add(&w->shares, &(struct fluid_grant){ d->domain, d->unit, d->asked_ns, d->admitted_ns });
	if (--w->without == 0)
		fleet_complete(w);
}

void
device_has_it(struct world *w, uint32_t who)
{
	struct device *d = &w->devices[who];

	judge_expiry(w, d);
	if (d->issued_ns == 0)
		first_one(w, who);
	if (d->revoked && d->asked_ns < w->revoked_at_ns + scenario_hear_ns(w->sc))
		w->tally.incident_ns = w->now_ns - w->revoked_at_ns;
	w->tally.certs++;
	d->issued_ns = w->now_ns;
	d->revoked = false;
	d->asked_ns = 0;
	d->fails = 0;
	ask_at(w, who, w->sc->renewing == RENEWING_MIXED ? w->now_ns + renewal_after(w, d) : windows_renewal_ns(w, who));
}

void
device_has_failed(struct world *w, uint32_t who)
{
	struct device *d = &w->devices[who];

	d->asked_ns = 0;
	d->fails = 0;
	ask_at(w, who, w->now_ns + AGAIN_NS);
}

void
fleet_revoked(struct world *w)
{
	w->revoked_at_ns = w->now_ns;
	for (uint32_t i = 0; i < w->device_count; i++) {
		struct device *d = &w->devices[i];

		if (d->issued_ns == 0)
			continue;
		d->revoked = true;
		if (!d->asked_ns)
			ask_at(w, i, w->sc->renewing == RENEWING_PLANNED ? windows_wave_ns(w, i, i, w->device_count)
								: w->now_ns + dice(w, scenario_hear_ns(w->sc)));
	}
}

void
fleet_outage(struct world *w)
{
	for (size_t i = 0; i < w->device_count; i++) {
		struct device *d = &w->devices[i];

		if (d->asked_ns && d->possible_ns < w->outage_end_ns)
			d->possible_ns = w->outage_end_ns;
	}
}

void
fleet_end(struct world *w)
{
	for (size_t i = 0; i < w->device_count; i++)
		judge_expiry(w, &w->devices[i]);
}
