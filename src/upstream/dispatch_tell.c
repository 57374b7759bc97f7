/* dispatch_tell.c - what is foretold to those that wait goes on record, see dispatch.h: devices are told by it when to ask again, and
 * operators where an order stands. */
#include <stdlib.h>

#include "base/log.h"
#include "store/event.h"
#include "store/quota.h"
#include "upstream/dispatch_int.h"

#define TELL_MS 10000      /* how often it is looked at */
#define UNTOLD_MS 250      /* where there is somebody who knows nothing yet */
#define COST_TIMES 20      /* what takes long is done more seldom */
#define MOVED_S 5          /* a time that moved by less, or by a twentieth of the wait, is not told anew */
#define NOTED_S 60         /* nor, if it became later by less, noted in the story */
#define NO_ACCOUNT_MS 10000 /* our account at a CA is made sooner than that, if all is well */
#define ROWS_MAX 1000      /* in one step */
#define ROWS_AT_ONCE 100   /* in one transaction */

struct word {
	struct ticket *ticket;
	int64_t bucket, until, place;
	bool urgent, noted; /* it belongs into the story */
	bool no_account;    /* that belongs there */
	char label[BUCKET_LABEL_TEXT]; /* of the bucket, once noted */
};

#define ELSEWHERE_MS (10 * 60 * 1000) /* who found no other CA looks again then */

struct telling {
	struct dispatch *d;
	struct seat *seat;
	int64_t now;
	struct word *words;
	size_t count, from, more;
	/* those that might go to another CA: */
	struct word far[DISPATCH_BATCH];
	size_t far_count;
};

static bool
has_moved(const struct word *w, int64_t now)
{
	const struct ticket *e = w->ticket;
	int64_t by = w->until > e->until ? w->until - e->until : e->until - w->until;
	int64_t wait = w->until > now ? w->until - now : 0;

	return !e->told || w->bucket != e->bucket || by > (wait / 20 > MOVED_S ? wait / 20 : MOVED_S);
}

/* It waits for longer than its profile allows, and there are other CAs. */
static bool
is_far(const struct telling *t, const struct word *w)
{
	const struct ticket *e = w->ticket;
	int64_t since_ms = clock_ms() - e->elsewhere_ms;

	return t->far_count < DISPATCH_BATCH && w->bucket && e->failover_limit_s && w->until > t->now + e->failover_limit_s &&
		(!e->elsewhere_ms || since_ms >= ELSEWHERE_MS);
}

static void
on_forecast(const struct sched_forecast *f, void *arg)
{
	struct telling *t = arg;
	struct ticket *e = dispatch_find(t->d, f->id);
	struct word w = { .ticket = e, .place = (int64_t)f->place, .urgent = f->class <= SCHED_EXPIRING };

	w.bucket = f->key ? seat_bucket_id(t->seat, f->key) : 0;
	w.until = f->known ? f->at_ns / NS_PER_S + (f->at_ns % NS_PER_S > 0) : 0;
	/* put back with a word of the CA's: that holds */
	if (!f->key && e->bucket && e->until > t->now) {
		w.bucket = e->bucket;
		w.until = e->until;
	}
	if (is_far(t, &w))
		t->far[t->far_count++] = w;
	w.no_account = f->key == dispatch_account_key(e->u) && !e->told_no_account && clock_ms() - e->since_ms >= NO_ACCOUNT_MS;
	if (!has_moved(&w, t->now) && !w.no_account)
		return;
	if (t->count == ROWS_MAX) {
		t->more++;
		return;
	}
	w.noted = w.bucket && (w.bucket != e->bucket || !e->told || w.until > e->until + NOTED_S);
	t->words[t->count++] = w;
}

static bool
note(struct sql *db, const struct telling *t, struct word *w, struct problem *pr)
{
	char time[TIME_TEXT];
	struct bucket b = { 0 };
	bool found;

	if (!bucket_by_id(db, w->bucket, &b, &found, pr) || !found)
		return found || pr->kind == 0;
	if (!w->until)
		return event_note(db, w->ticket->id, jobs_node(t->d->job->jobs), "limit", pr, "waits for %s at %s, %lld before it",
			ledger_label(&b, w->label), w->ticket->u->name, (long long)w->place);
	return event_note(db, w->ticket->id, jobs_node(t->d->job->jobs), "limit", pr, "waits for %s at %s until %s, %lld before it",
		ledger_label(&b, w->label), w->ticket->u->name, time_rfc3339(w->until, time), (long long)w->place);
}

static bool
note_no_account(struct sql *db, const struct telling *t, const struct word *w, struct problem *pr)
{
	return event_note(db, w->ticket->id, jobs_node(t->d->job->jobs), "upstream", pr, "there is no account at %s yet: the log says why", w->ticket->u->name);
}

static size_t
end_of_part(const struct telling *t)
{
	return t->count - t->from > ROWS_AT_ONCE ? t->from + ROWS_AT_ONCE : t->count;
}

static bool
tell_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct telling *t = arg;
	bool good = jobs_fence(t->d->job, db, pr);

	for (size_t i = t->from; good && i < end_of_part(t); i++) {
		struct word *w = &t->words[i];

		good = queue_tell(db, w->ticket->id, w->bucket, w->until, w->place, w->urgent, pr) && (!w->noted || note(db, t, w, pr)) &&
			(!w->no_account || note_no_account(db, t, w, pr));
	}
	return good;
}

static void
tell_log(const struct word *w)
{
	char time[TIME_TEXT];

	log_info("order_waits", LS("order", w->ticket->ref), LS("upstream", w->ticket->u->name), LS("limit", w->label),
		LS("until", w->until ? time_rfc3339(w->until, time) : ""), LI("ahead", w->place));
}

static bool
write_words(struct telling *t)
{
	struct problem pr = { 0 };

	while (t->from < t->count) {
		size_t end = end_of_part(t);

		if (!store_write(dispatch_store(t->d), tell_tx, t, &pr)) {
			log_error("queue_not_told", LPR(&pr));
			return false;
		}
		for (; t->from < end; t->from++) {
			struct ticket *e = t->words[t->from].ticket;

			t->d->untold -= !e->told;
			e->told = true;
			e->told_no_account = e->told_no_account || t->words[t->from].no_account;
			e->bucket = t->words[t->from].bucket;
			e->until = t->words[t->from].until;
			if (t->words[t->from].label[0])
				tell_log(&t->words[t->from]);
		}
	}
	return true;
}

static bool
is_due(const struct dispatch *d)
{
	int64_t after_ms = d->untold ? UNTOLD_MS : TELL_MS, cost_ms = d->tell_cost_ms * COST_TIMES;

	return clock_ms() - d->tell_ms >= (after_ms > cost_ms ? after_ms : cost_ms);
}

struct far_rq {
	struct telling *t;
	struct bucket buckets[DISPATCH_BATCH];
};

static bool
far_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct far_rq *r = arg;
	bool found;

	for (size_t i = 0; i < r->t->far_count; i++) {
		if (!bucket_by_id(db, r->t->far[i].bucket, &r->buckets[i], &found, pr))
			return false;
	}
	return true;
}

/* Their jobs look whether another CA takes them sooner. */
static void
send_far(struct telling *t)
{
	AUTO_FREE struct far_rq *r = xcalloc(1, sizeof(*r));
	int64_t ids[DISPATCH_BATCH], until[DISPATCH_BATCH];
	struct problem pr = { 0 };

	r->t = t;
	for (size_t i = 0; i < t->far_count; i++) {
		ids[i] = t->far[i].ticket->id;
		until[i] = t->far[i].until;
	}
	if (t->far_count && (!store_read(dispatch_store(t->d), far_tx, r, &pr) ||
			!dispatch_hand_over(t->d, ids, t->far_count, r->buckets, until, &pr)))
		log_error("queue_not_told", LPR(&pr));
	t->d->more = t->d->more || t->far_count == DISPATCH_BATCH;
}

void
dispatch_tell(struct dispatch *d)
{
	int64_t now_ns = clock_unix_ms() * 1000000, began_ms = clock_ms();
	AUTO_FREE struct telling *t = NULL;

	if (!is_due(d))
		return;
	t = xcalloc(1, sizeof(*t));
	t->d = d;
	t->now = now_ns / NS_PER_S;
	t->words = xcalloc(ROWS_MAX, sizeof(*t->words));
	for (t->seat = d->seats; t->seat; t->seat = t->seat->next)
		sched_forecast(t->seat->s, now_ns, on_forecast, t);
	d->tell_cost_ms = clock_ms() - began_ms;
	if (write_words(t))
		send_far(t);
	free(t->words);
	d->tell_ms = clock_ms();
}
