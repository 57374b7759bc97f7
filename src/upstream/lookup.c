/* lookup.c - see lookup.h: the job. */
#include "upstream/lookup.h"

#include <stdlib.h>

#include "base/log.h"
#include "upstream/lookup_int.h"

#define LOOK_MS 3000         /* is one due? */
#define NO_OFFER_MS 15000    /* does the CA tell by now? */
#define LIST_EVERY_MS 60000  /* a list that is not full waits for more */
#define SURVEY_MS 15000
#define PAUSE_LOOK_MS 30000
#define STORE_RETRY_MS 5000
#define OVERDUE_S 600        /* whoever comes so late was kept from it: by an outage, a pause */

/* ---- the page ---- */

static void
drop_page(struct lookup_work *w)
{
	for (size_t i = 0; i < w->count; i++) {
		lookup_row_done(&w->items[i].row);
		ca_get_done(&w->items[i].get);
	}
	free(w->items);
	w->items = NULL;
	w->count = 0;
	w->way = LOOKUP_IDLE;
}

static void
work_free(void *state)
{
	struct lookup_work *w = state;
	struct lookup_stats *stats = &w->u->lookups;

	atomic_store(&stats->leads, false);
	atomic_store(&stats->rate, 0);
	atomic_store(&stats->due, 0);
	atomic_store(&stats->oldest_at, 0);
	atomic_store(&stats->paused_until, 0);
	atomic_store(&stats->urged, 0);
	drop_page(w);
	ca_call_done(&w->call);
	ca_account_unref(w->account);
	buf_done(&w->payload);
	free(w->url);
	free(w);
}

struct picking {
	struct lookup_work *w;
	size_t limit;
	struct lookup_row *rows; /* owned, with what is in them */
	size_t count;
	int64_t next_at;         /* if there is none */
};

static bool
pick_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct picking *p = arg;

	for (size_t i = 0; i < p->count; i++)
		lookup_row_done(&p->rows[i]);
	p->count = 0;
	return lookup_due(db, p->w->u->id, clock_unix_s(), p->limit, p->rows, &p->count, pr) &&
		(p->count > 0 || lookup_next(db, p->w->u->id, &p->next_at, pr));
}

/* After its end nobody asks about a certificate (4.3): it is on the page to be struck off. */
static void
take_page(struct lookup_work *w, struct picking *p)
{
	int64_t now = clock_unix_s();

	w->items = xcalloc(p->count, sizeof(*w->items));
	w->count = p->count;
	for (size_t i = 0; i < p->count; i++) {
		struct lookup_item *item = &w->items[i];

		*item = (struct lookup_item){ .work = w, .row = p->rows[i], .has_ended = p->rows[i].not_after <= now };
		item->is_known = item->has_ended;
		if (item->has_ended)
			item->row.next_at = item->row.urged_at = 0;
	}
	p->count = 0;
}

static bool
pick(struct lookup_work *w, size_t limit, int64_t *ret_next_at, struct problem *pr)
{
	struct picking p = { .w = w, .limit = limit, .rows = xcalloc(limit, sizeof(*p.rows)), .next_at = INT64_MAX };
	bool good = store_read(upstreams_env(w->ups)->store, pick_tx, &p, pr);

	if (good && p.count)
		take_page(w, &p);
	*ret_next_at = p.next_at;
	lookup_rows_free(p.rows, p.count);
	return good;
}

/* ---- what came of it ---- */

static void
pause_or_go_on(struct lookup_work *w)
{
	const struct lookup_tally page = w->tally;
	int64_t pause_s = lookup_pause_s(&w->tally, w->state.pauses);

	if (page.busy)
		lookup_pace_busy(&w->pace, clock_ms());
	else
		lookup_pace_good(&w->pace, clock_ms());
	w->state.rate = w->pace.rate;
	if (pause_s) {
		w->state.paused_until = clock_unix_s() + pause_s;
		w->state.pauses++;
		log_warning("renewal_look_ups_paused", LS("upstream", w->u->name), LI("for_s", pause_s), LI("asked", page.asked),
			LI("failed", page.failed), LI("busy", page.busy));
	} else if (page.asked) {
		w->state.paused_until = w->state.pauses = 0;
	}
}

static bool
conclude(struct lookup_work *w, struct problem *pr)
{
	bool good;

	if (w->way == LOOKUP_ASKING)
		lookup_ask_read(w);
	else
		lookup_list_read(w);
	pause_or_go_on(w);
	good = lookup_store(w, pr);
	drop_page(w);
	return good;
}

/* ---- what is asked next ---- */

static enum job_next
again(struct lookup_work *w, msec_t wait_ms)
{
	w->job->wait_ms = wait_ms;
	return JOB_AGAIN;
}

/* Nothing may be asked for a while. */
static enum job_next
kept(struct lookup_work *w, msec_t wait_ms)
{
	w->was_kept = true;
	return again(w, wait_ms);
}

static bool
state_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct lookup_work *w = arg;

	return lookup_state_get(db, w->u->id, &w->state, pr);
}

/* On this node from now on: at the pace that another one, or an earlier run, came to. */
static bool
begin(struct lookup_work *w, const struct upstream_conf *entry, struct problem *pr)
{
	if (!store_read(upstreams_env(w->ups)->store, state_tx, w, pr))
		return false;
	lookup_pace_init(&w->pace, w->state.rate ? w->state.rate : entry->renewal_rate, entry->renewal_rate, clock_ms());
	w->begun = w->was_kept = w->urged = true;
	return true;
}

static enum job_next
not_stored(struct lookup_work *w, const struct problem *pr)
{
	if (!atomic_load(&w->job->lost))
		log_error("renewal_look_ups_not_stored", LS("upstream", w->u->name), LPR(pr));
	drop_page(w);
	return kept(w, STORE_RETRY_MS);
}

static enum job_next
ask_list(struct lookup_work *w, const char *url)
{
	msec_t now = clock_ms();

	if (w->count < LOOKUP_LIST_MAX && w->listed_ms && now - w->listed_ms < LIST_EVERY_MS) {
		drop_page(w);
		return again(w, LOOK_MS);
	}
	w->listed_ms = now;
	lookup_pace_sent(&w->pace, 1);
	if (lookup_list(w, url))
		return JOB_IO;
	w->no_list_until = now + NO_OFFER_MS;
	drop_page(w);
	return again(w, 0);
}

static size_t
count_live(const struct lookup_work *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->count; i++)
		n += !w->items[i].has_ended;
	return n;
}

static enum job_next
ask_page(struct lookup_work *w, const struct acme_directory *d)
{
	bool by_list = d->url[ACME_RENEWAL_LIST] && clock_ms() >= w->no_list_until;
	size_t may = lookup_pace_may(&w->pace, w->state.pauses ? 1 : LOOKUP_STREAMS, clock_ms()), live;
	int64_t next_at, now = clock_unix_s();
	struct problem pr = { 0 };

	if (may == 0)
		return again(w, lookup_pace_wait(&w->pace, clock_ms()) + 1);
	if (!pick(w, by_list ? LOOKUP_LIST_MAX : may, &next_at, &pr))
		return not_stored(w, &pr);
	if (w->count == 0)
		return again(w, next_at > now && next_at - now < LOOK_MS / 1000 ? (next_at - now) * 1000 : LOOK_MS);
	live = count_live(w);
	/* a list of none would be refused */
	if (by_list && live)
		return ask_list(w, d->url[ACME_RENEWAL_LIST]);
	lookup_pace_sent(&w->pace, live);
	lookup_ask(w, d->url[ACME_RENEWAL_INFO]);
	return JOB_IO; /* w may be another worker's by now */
}

/* After a time in which nobody was asked: what should have been is asked about in order, not all of it at once. */
static void
resume(struct lookup_work *w)
{
	if (!w->was_kept)
		return;
	w->was_kept = false;
	w->spread_before = clock_unix_s() - OVERDUE_S;
}

static enum job_next
go_on(struct lookup_work *w, const struct upstream_conf *entry, const struct acme_directory *d)
{
	int64_t pause_s = w->state.paused_until - clock_unix_s();
	struct problem pr = { 0 };
	struct ca_health health;

	atomic_store(&w->u->lookups.rate, w->pace.rate);
	atomic_store(&w->u->lookups.paused_until, pause_s > 0 ? w->state.paused_until : 0);
	if (w->surveyed_ms == 0 || clock_ms() - w->surveyed_ms >= SURVEY_MS) {
		w->surveyed_ms = clock_ms();
		if (!lookup_survey(w, &pr))
			return not_stored(w, &pr);
	}
	if (!entry->renewal_info || !d || !d->url[ACME_RENEWAL_INFO])
		return kept(w, NO_OFFER_MS);
	ca_health(w->u->ca, &health);
	if (health.is_ill)
		return kept(w, LOOK_MS);
	if (pause_s > 0)
		return kept(w, pause_s * 1000 < PAUSE_LOOK_MS ? pause_s * 1000 : PAUSE_LOOK_MS);
	resume(w);
	if (w->spread_before && !lookup_spread_some(w, &pr))
		return not_stored(w, &pr);
	return ask_page(w, d);
}

static enum job_next
run(struct lookup_work *w, const struct upstream_conf *entry)
{
	struct ca_directory *dir;
	struct problem pr = { 0 };
	enum job_next next;

	if ((w->way != LOOKUP_IDLE && !conclude(w, &pr)) || (!w->begun && !begin(w, entry, &pr)))
		return not_stored(w, &pr);
	lookup_pace_limit(&w->pace, entry->renewal_rate);
	dir = ca_directory_ref(w->u->ca);
	next = go_on(w, entry, dir ? &dir->d : NULL);
	ca_directory_unref(dir);
	return next;
}

static enum job_next
step(struct job *job, void *arg)
{
	struct upstream *u = upstreams_by_id(arg, job->row.subject);
	struct gate_conf *conf = conf_holder_take(upstreams_env(arg)->conf);
	const struct upstream_conf *entry = u ? conf_upstream(conf, u->name) : NULL;
	struct lookup_work *w = job->state;
	enum job_next next;

	if (!entry || !u->ca) {
		gate_conf_unref(conf);
		return jobs_drop(job);
	}
	if (!w) {
		w = job->state = xcalloc(1, sizeof(*w));
		w->job = job;
		w->ups = arg;
		w->u = u;
	}
	next = run(w, entry);
	gate_conf_unref(conf);
	return next;
}

void
lookups_register(struct upstreams *ups)
{
	jobs_register(upstreams_env(ups)->jobs, JOB_LOOKUP, &(struct job_ops){ .step = step, .free_state = work_free, .arg = ups });
}

bool
lookups_begin(struct upstreams *ups, struct sql *db, struct problem *pr)
{
	bool good = true;
	int64_t id;

	for (size_t i = 0; good && i < upstreams_count(ups); i++) {
		if (upstreams_at(ups, i)->ca)
			good = job_insert(db, JOB_LOOKUP, upstreams_at(ups, i)->id, clock_unix_ms(), NULL, 0, &id, pr);
	}
	return good;
}
