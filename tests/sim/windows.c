/* windows.c - when devices are told to renew, by the daemon's own plans and windows (src/renewal); see sim.h. */
#include <stdio.h>
#include <stdlib.h>

#include "renewal/plan.h"
#include "sim.h"

#define POLL_S (66 * 360)       /* who asks every six hours, a tenth more or less, has heard by then */
#define WAVES_S (20 * 3600)     /* an incident that is to be over in a day */
#define WAVE_S 900

static void
need(bool good, const struct problem *pr)
{
	if (!good)
		die("plan: %s", pr->cause);
}

/* Its certificate as it is on record. */
static struct plan_row
row_of(const struct world *w, uint32_t who)
{
	const struct device *d = &w->devices[who];
	struct plan_row row = { .renewal = { .cert_id = (int64_t)who + 1, .not_before = d->issued_ns / NS,
		.not_after = (d->issued_ns + scenario_life_ns(w->sc)) / NS, .ca_start = d->ca_start_s, .ca_end = d->ca_end_s,
		.planned_start = d->planned_start_s, .planned_end = d->planned_end_s, .plan_why = d->plan_why }, .is_current = true };

	snprintf(row.renewal.certid, sizeof(row.renewal.certid), "AKI.%u-%lld", who, (long long)d->issued_ns);
	snprintf(row.profile, sizeof(row.profile), "p");
	snprintf(row.upstream, sizeof(row.upstream), "ca");
	return row;
}

static void
plan(struct world *w, uint32_t who)
{
	struct device *d = &w->devices[who];
	struct plan_row row = row_of(w, who);
	struct problem pr = { 0 };

	need(plan_of_row(w->db, w->conf, &row, &pr), &pr);
	d->planned_start_s = row.renewal.planned_start;
	d->planned_end_s = row.renewal.planned_end;
	d->plan_why = (uint8_t)row.renewal.plan_why;
}

/* The one before is replaced: as renewal_replaced does it. */
static void
release(struct world *w, struct device *d)
{
	struct problem pr = { 0 };

	if (d->plan_why & PLAN_COUNTED)
		need(plan_count_add(w->db, "ca", d->planned_start_s / WINDOW_HOUR_S, -1, &pr), &pr);
	d->planned_start_s = d->planned_end_s = 0;
	d->plan_why = 0;
}

static int64_t
some_time_ns(struct world *w, const struct window *at)
{
	int64_t ns = at->start * NS + dice(w, (at->end - at->start) * NS);

	return ns > w->now_ns ? ns : w->now_ns;
}

int64_t
windows_renewal_ns(struct world *w, uint32_t who)
{
	struct device *d = &w->devices[who];
	int64_t start_ns = 0, end_ns = 0, n;
	struct order_names on;
	struct window_facts f;
	enum window_from from;
	struct problem pr = { 0 };
	struct plan_row row;
	struct window told;

	device_names(w, who, &on);
	boulder_window(&w->ca, &on.names, w->now_ns, &start_ns, &end_ns);
	d->ca_start_s = (start_ns + NS - 1) / NS;
	d->ca_end_s = end_ns / NS;
	if (w->sc->renewing == RENEWING_CA)
		return some_time_ns(w, &(struct window){ d->ca_start_s, d->ca_end_s });
	release(w, d);
	plan(w, who);
	need(plan_count(w->db, "ca", d->planned_start_s / WINDOW_HOUR_S, &n, &pr), &pr);
	w->tally.most_planned = n > w->tally.most_planned ? n : w->tally.most_planned;
	w->tally.over += (d->plan_why & PLAN_OVER) != 0;
	row = row_of(w, who);
	f = plan_facts(&row.renewal);
	told = window_make(&f, &from);
	return some_time_ns(w, &told);
}

int64_t
windows_wave_ns(struct world *w, uint32_t who, size_t nth, size_t count)
{
	struct plan_row row = row_of(w, who);
	struct window_facts f = plan_facts(&row.renewal);
	int64_t begins = w->now_ns / NS + (int64_t)nth * WAVES_S / (int64_t)count, heard_ns = w->now_ns + dice(w, POLL_S * NS), at_ns;
	enum window_from from;
	struct window told;

	f.incident = (struct window){ begins, begins + WAVE_S };
	told = window_make(&f, &from);
	at_ns = some_time_ns(w, &told);
	return at_ns > heard_ns ? at_ns : heard_ns;
}

/* ---- what came of it ---- */

void
windows_count(struct world *w, uint32_t who)
{
	const struct device *d = &w->devices[who];
	size_t hour = (size_t)((w->now_ns - w->began_ns) / HOUR_NS);

	if (w->sc->renewing == RENEWING_MIXED || d->issued_ns == 0 || d->revoked)
		return;
	if (hour >= w->hour_count) {
		w->hours = xrealloc(w->hours, (hour + 1) * 2 * sizeof(*w->hours));
		memset(w->hours + w->hour_count, 0, ((hour + 1) * 2 - w->hour_count) * sizeof(*w->hours));
		w->hour_count = (hour + 1) * 2;
	}
	w->hours[hour]++;
	w->tally.renewals++;
	w->tally.in_window += d->ca_start_s <= w->now_ns / NS && w->now_ns / NS < d->ca_end_s;
}

void
windows_restart(struct world *w)
{
	for (uint32_t i = 0; i < w->device_count; i++) {
		struct device *d = &w->devices[i];
		int64_t start = d->planned_start_s, end = d->planned_end_s;

		if (d->issued_ns == 0 || d->revoked)
			continue;
		plan(w, i);
		w->tally.moved += d->planned_start_s != start || d->planned_end_s != end;
	}
}

void
windows_end(struct world *w)
{
	for (size_t i = 0; i < w->hour_count; i++)
		w->tally.peak_hour = w->hours[i] > w->tally.peak_hour ? w->hours[i] : w->tally.peak_hour;
	w->tally.budget = conf_renewals_per_hour(conf_upstream(w->conf, "ca"));
	w->tally.renewal_hours = (w->now_ns - w->began_ns) / HOUR_NS;
}
