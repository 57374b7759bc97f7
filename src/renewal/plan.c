/* plan.c - see plan.h. */
#include "renewal/plan.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/device.h"

#define HOURS_MAX (400 * 24)

struct window_facts
plan_facts(const struct renewal_row *r)
{
	return (struct window_facts){ .not_before = r->not_before, .not_after = r->not_after, .revoked_at = r->revoked_at,
		.ca = { r->ca_start, r->ca_end }, .incident = { r->wave_start, r->wave_end }, .planned = { r->planned_start, r->planned_end }, .place = span_hash(span_str(r->certid)) };
}

void
plan_words(const struct renewal_row *r, enum window_from from, const struct maintenance_conf *m, struct buf *ret)
{
	static const char *const words[] = { [WINDOW_CA] = "the CA's window", [WINDOW_BACKSTOP] = "the CA has said no window that is of use: late in its life",
		[WINDOW_INCIDENT] = "its wave of an incident", [WINDOW_REVOKED] = "it is revoked: at once" };

	buf_adds(ret, words[from]);
	if (from != WINDOW_CA && from != WINDOW_BACKSTOP)
		return;
	if (r->plan_why & PLAN_NARROWED)
		buf_addf(ret, ", in the hours of maintenance \"%s\"", m ? m->name : "");
	if (r->plan_why & PLAN_UNHEARD)
		buf_addf(ret, ", of which maintenance \"%s\" permits nothing, and is not heard", m ? m->name : "");
	if (r->plan_why & PLAN_OVER)
		buf_adds(ret, "; all its hours are full, this one is the emptiest");
	else if (r->plan_why & PLAN_MOVED)
		buf_adds(ret, "; its own hour is full");
}

/* ---- which hours are permitted ---- */

struct tagged {
	const struct gate_conf *conf;
	const char *profile;
	const struct maintenance_conf *found; /* by a tag */
};

/* A device without tags of its own leaves it to the next. */
static bool
take_device(const struct device *d, void *arg)
{
	struct tagged *t = arg;

	if (d->about.tags[0])
		t->found = conf_maintenance(t->conf, t->profile, d->about.tags);
	return !d->about.tags[0];
}

bool
plan_maintenance(struct sql *db, const struct gate_conf *conf, const struct plan_row *row, const struct maintenance_conf **ret, struct problem *pr)
{
	struct tagged t = { conf, row->profile, NULL };

	if (conf_maintenance_by_tag(conf) && !device_each_of_order(db, row->order_id, take_device, &t, pr))
		return false;
	*ret = t.found ? t.found : conf_maintenance(conf, row->profile, "");
	return true;
}

/* ---- the hour ---- */

struct choice {
	const char *upstream;
	int64_t budget; /* of an hour, 0 = none is known */
	uint64_t place;
	struct window w;
	unsigned why;
};

static bool
find_emptiest(struct sql *db, const struct window_room *room, struct choice *c, struct problem *pr)
{
	int64_t first = room->spans[0].start / WINDOW_HOUR_S, last = (room->spans[room->count - 1].end - 1) / WINDOW_HOUR_S, best = -1;
	AUTO_FREE uint32_t *counts = NULL;

	if (last - first >= HOURS_MAX)
		last = first + HOURS_MAX - 1;
	counts = xcalloc((size_t)(last - first + 1), sizeof(*counts));
	if (!plan_counts(db, c->upstream, first, (size_t)(last - first + 1), counts, pr))
		return false;
	for (size_t i = 0; i < room->count; i++) {
		for (int64_t hour = room->spans[i].start / WINDOW_HOUR_S; hour <= (room->spans[i].end - 1) / WINDOW_HOUR_S && hour <= last; hour++) {
			struct window w = window_of_hour(room, i, hour);
			int64_t at = w.start / WINDOW_HOUR_S - first;

			if (best < 0 || counts[at] < counts[best]) {
				best = at;
				c->w = w;
			}
		}
	}
	c->why |= PLAN_MOVED | (counts[best] >= c->budget ? PLAN_OVER : 0);
	return true;
}

/* Its own hour, or if that is full the emptiest. */
static bool
choose(struct sql *db, const struct window_room *room, struct choice *c, struct problem *pr)
{
	int64_t n;

	c->why = room->why;
	c->w = window_own(room, c->place, c->budget > 0);
	if (c->budget == 0)
		return true;
	c->why |= PLAN_COUNTED;
	if (!plan_count(db, c->upstream, c->w.start / WINDOW_HOUR_S, &n, pr) || (n >= c->budget && !find_emptiest(db, room, c, pr)))
		return false;
	return plan_count_add(db, c->upstream, c->w.start / WINDOW_HOUR_S, 1, pr);
}

/* ---- one certificate ---- */

/* What is on record still serves: only how policy sees it may be another. */
static bool
keep(struct sql *db, struct plan_row *row, unsigned room_why, struct problem *pr)
{
	int64_t why = (row->renewal.plan_why & ~(PLAN_NARROWED | PLAN_UNHEARD)) | room_why;

	if (row->is_current && row->renewal.plan_why == why)
		return true;
	row->renewal.plan_why = why;
	/* memory is told, too, which reads what has changed */
	return plan_set(db, row, row->is_current ? clock_unix_s() : 0, pr);
}

static bool
move(struct sql *db, struct plan_row *row, struct window_room *room, int64_t budget, struct problem *pr)
{
	struct renewal_row *r = &row->renewal;
	struct window_facts f = plan_facts(r);
	struct choice c = { .upstream = row->upstream, .budget = budget, .place = f.place };
	int64_t now = clock_unix_s();
	enum window_from from;
	struct window was = window_make(&f, &from);

	if ((r->plan_why & PLAN_COUNTED) && !plan_count_add(db, row->upstream, r->planned_start / WINDOW_HOUR_S, -1, pr))
		return false;
	window_room_from(room, now);
	if (!choose(db, room, &c, pr))
		return false;
	r->planned_start = c.w.start;
	r->planned_end = c.w.end;
	r->plan_why = c.why;
	return plan_set(db, row, was.start != c.w.start || was.end != c.w.end ? now : 0, pr);
}

bool
plan_of_row(struct sql *db, const struct gate_conf *conf, struct plan_row *row, struct problem *pr)
{
	struct renewal_row *r = &row->renewal;
	const struct window_facts f = plan_facts(r);
	const struct upstream_conf *u = conf_upstream(conf, row->upstream);
	const struct maintenance_conf *m;
	struct window_room room;
	int64_t budget = u ? conf_renewals_per_hour(u) : 0;

	/* nobody waits for these */
	if (r->revoked_at || r->replaced_at || r->not_after <= clock_unix_s())
		return plan_set(db, row, 0, pr);
	if (!plan_maintenance(db, conf, row, &m, pr))
		return false;
	window_room_of(&f, m ? m->calendar : NULL, &room);
	if (window_fits(&room, &f.planned) && !(r->plan_why & PLAN_COUNTED) == (budget == 0))
		return keep(db, row, room.why, pr);
	return move(db, row, &room, budget, pr);
}

bool
plan_cert(struct sql *db, const struct gate_conf *conf, int64_t cert_id, struct problem *pr)
{
	struct plan_row row;
	bool found;

	return plan_by_cert(db, cert_id, &row, &found, pr) && (!found || plan_of_row(db, conf, &row, pr));
}
