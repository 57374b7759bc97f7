/* lookup_end.c - what came of look-ups, into the store, and what operators are told of it. */
#include <stdlib.h>

#include "base/log.h"
#include "upstream/lookup_int.h"

#define SPREAD_BATCH 500
#define ALARM_S 3600
#define QUEUE_MOST 100000 /* more are not counted */

static struct store *
store_of(const struct lookup_work *w)
{
	return upstreams_env(w->ups)->store;
}

/* ---- a page ---- */

static bool
store_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct lookup_work *w = arg;
	int64_t now = clock_unix_s();
	bool good = jobs_fence(w->job, db, pr) && lookup_state_put(db, w->u->id, &w->state, pr);

	for (size_t i = 0; good && i < w->count; i++) {
		if (w->items[i].is_known)
			good = lookup_put(db, &w->items[i].row, w->items[i].change.told, now, pr);
	}
	return good;
}

static void
count_and_tell(struct lookup_work *w)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct lookup_item *item = &w->items[i];

		if (!item->is_known || item->has_ended)
			continue;
		atomic_fetch_add(&w->u->lookups.results[item->row.result], 1);
		w->urged = w->urged || item->change.urged;
		if (item->change.unknown)
			log_warning("renewal_unknown_at_ca", LS("upstream", w->u->name), LS("certid", item->row.certid), LI("times", item->row.failures));
	}
}

bool
lookup_store(struct lookup_work *w, struct problem *pr)
{
	if (!store_write(store_of(w), store_tx, w, pr))
		return false;
	count_and_tell(w);
	return true;
}

/* ---- those that waited for too long ---- */

struct spread {
	struct lookup_work *w;
	struct lookup_row *rows; /* owned, with what is in them */
	size_t count;
};

static bool
spread_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct spread *s = arg;
	int64_t now = clock_unix_s();
	bool good;

	for (size_t i = 0; i < s->count; i++)
		lookup_row_done(&s->rows[i]);
	s->count = 0;
	good = jobs_fence(s->w->job, db, pr) && lookup_due(db, s->w->u->id, s->w->spread_before, SPREAD_BATCH, s->rows, &s->count, pr);
	for (size_t i = 0; good && i < s->count; i++)
		good = lookup_set_next(db, s->rows[i].cert_id, lookup_spread(&s->rows[i], now), pr);
	return good;
}

bool
lookup_spread_some(struct lookup_work *w, struct problem *pr)
{
	struct spread s = { w, xcalloc(SPREAD_BATCH, sizeof(*s.rows)), 0 };
	bool good = store_write(store_of(w), spread_tx, &s, pr);

	if (good && s.count < SPREAD_BATCH)
		w->spread_before = 0;
	lookup_rows_free(s.rows, s.count);
	return good;
}

/* ---- the whole ---- */

struct survey {
	struct lookup_work *w;
	struct lookup_queue queue;
	int64_t urged, since; /* in all; since the last alarm */
};

static bool
count_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct survey *s = arg;
	struct lookup_work *w = s->w;
	int64_t now = clock_unix_s();

	return lookup_queue(db, w->u->id, now, QUEUE_MOST, &s->queue, pr) && lookup_urged(db, w->u->id, 1, now, &s->urged, pr) &&
		lookup_urged(db, w->u->id, w->state.alarmed_at + 1, now, &s->since, pr);
}

static bool
alarm_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct lookup_work *w = arg;

	return jobs_fence(w->job, db, pr) && lookup_state_put(db, w->u->id, &w->state, pr);
}

/* On record before it is told: one alarm an hour, whoever asks the CA by then. */
static bool
alarm_operator(struct lookup_work *w, const struct survey *s, struct problem *pr)
{
	w->state.alarmed_at = clock_unix_s();
	w->urged = false;
	if (!store_write(store_of(w), alarm_tx, w, pr))
		return false;
	atomic_fetch_add(&w->u->lookups.alarms, 1);
	log_warning("upstream_urges_renewal", LS("upstream", w->u->name), LI("certificates", s->since), LI("in_all", s->urged));
	return true;
}

bool
lookup_survey(struct lookup_work *w, struct problem *pr)
{
	struct survey s = { .w = w };
	struct lookup_stats *stats = &w->u->lookups;

	if (!store_read(store_of(w), count_tx, &s, pr))
		return false;
	atomic_store(&stats->leads, true);
	atomic_store(&stats->due, s.queue.due);
	atomic_store(&stats->oldest_at, s.queue.due ? s.queue.oldest_at : 0);
	atomic_store(&stats->urged, s.urged);
	return !w->urged || s.since == 0 || clock_unix_s() - w->state.alarmed_at < ALARM_S || alarm_operator(w, &s, pr);
}
