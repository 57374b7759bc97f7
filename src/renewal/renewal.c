/* renewal.c - see renewal.h. */
#include "renewal/renewal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "renewal/plan.h"

#define PAGE 2000
#define MORE_MS 20
#define PERIOD_MS 3000
#define OVERLAP_S 60 /* transactions commit later than they say, and other gateways' clocks differ */

struct renewal {
	struct store *store;
	struct renewal_cache *cache;
	_Atomic(uint64_t) hits, misses;
	atomic_bool warm;
	/* of the one refresh at a time: */
	int64_t filled;              /* row id up to which all that lives has been read, until warm */
	struct renewal_mark changed; /* up to which all that changed has been */
	int64_t round_at;            /* when this round of changes began */
	/* the ticker: */
	struct loop *loop;
	struct pool *pool;
	struct timer *timer;         /* the loop's */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	bool reading, stopped;       /* under lock, as is: */
	int64_t wait_ms;             /* until the next page */
};

struct renewal *
renewal_new(struct store *store)
{
	struct renewal *r = xcalloc(1, sizeof(*r));

	r->store = store;
	r->cache = renewal_cache_new();
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->idle, NULL);
	return r;
}

void
renewal_free(struct renewal *r)
{
	if (!r)
		return;
	timer_free(r->timer);
	renewal_cache_free(r->cache);
	pthread_cond_destroy(&r->idle);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ---- one certificate ---- */

struct renewal_info
renewal_of_row(struct renewal *r, const struct renewal_row *row)
{
	struct window_facts f = plan_facts(row);
	enum window_from from;
	struct window w = window_make(&f, &from);
	uint32_t open_s = (uint32_t)window_retry_s(&f, &w, w.start);

	return (struct renewal_info){ .window = w, .not_after = row->not_after, .principal = row->principal,
		.explanation = renewal_cache_text(r->cache, row->page.n ? row->page : row->explanation), .has_page = row->page.n != 0,
		/* its wave may be put earlier */
		.retry_s = row->wave_end ? open_s : (uint32_t)window_retry_s(&f, &w, w.start - 1), .retry_open_s = open_s,
		.revoked = row->revoked_at != 0, .from = (uint8_t)from, .why = (uint8_t)row->plan_why };
}

int64_t
renewal_retry_s(const struct renewal_info *info, int64_t now)
{
	return now < info->window.start ? info->retry_s : info->retry_open_s;
}

bool
renewal_peek(struct renewal *r, const struct certid *id, struct renewal_info *ret)
{
	bool found = renewal_cache_get(r->cache, id, ret);

	if (found)
		atomic_fetch_add_explicit(&r->hits, 1, memory_order_relaxed);
	return found;
}

static void
keep(struct renewal *r, const struct renewal_row *row, struct renewal_info *ret)
{
	struct problem unreadable = { 0 };
	struct certid id;

	*ret = renewal_of_row(r, row);
	if (certid_parse(span_str(row->certid), &id, &unreadable))
		renewal_cache_put(r->cache, &id, ret, clock_unix_s());
}

struct found {
	struct renewal *r;
	struct renewal_info *ret;
};

static void
take_found(const struct renewal_row *row, void *arg)
{
	struct found *f = arg;

	keep(f->r, row, f->ret);
}

bool
renewal_find(struct renewal *r, struct sql *db, const struct certid *id, struct renewal_info *ret, bool *ret_found, struct problem *pr)
{
	struct found f = { r, ret };

	atomic_fetch_add_explicit(&r->misses, 1, memory_order_relaxed);
	return renewal_by_certid(db, id->text, take_found, &f, ret_found, pr);
}

/* ---- all of them ---- */

struct page {
	struct renewal *r;
	int64_t now;
	struct renewal_mark last;
	int64_t count;
};

static void
take_row(const struct renewal_row *row, void *arg)
{
	struct renewal_info info;
	struct page *p = arg;

	keep(p->r, row, &info);
	p->last = (struct renewal_mark){ row->changed_at, row->cert_id };
	p->count++;
}

static bool
fill_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct page *p = arg;

	p->count = 0;
	return renewal_each_live(db, p->now, p->r->filled, PAGE, take_row, p, pr);
}

static bool
changes_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct page *p = arg;

	p->count = 0;
	return renewal_each_changed(db, p->r->changed, PAGE, take_row, p, pr);
}

static bool
fill(struct renewal *r, struct page *p, struct problem *pr)
{
	/* what changes meanwhile is read afterwards */
	if (r->filled == 0)
		r->round_at = p->now;
	if (!store_read(r->store, fill_tx, p, pr))
		return false;
	if (p->count > 0)
		r->filled = p->last.id;
	if (p->count < PAGE) {
		r->changed = (struct renewal_mark){ r->round_at - OVERLAP_S, 0 };
		r->round_at = 0;
		atomic_store(&r->warm, true);
	}
	return true;
}

bool
renewal_refresh(struct renewal *r, bool *ret_more, struct problem *pr)
{
	struct page p = { .r = r, .now = clock_unix_s() };

	*ret_more = false;
	if (!atomic_load(&r->warm)) {
		*ret_more = true;
		return fill(r, &p, pr);
	}
	if (r->round_at == 0)
		r->round_at = p.now;
	if (!store_read(r->store, changes_tx, &p, pr))
		return false;
	*ret_more = p.count == PAGE;
	if (*ret_more) {
		r->changed = p.last;
		return true;
	}
	r->changed = (struct renewal_mark){ r->round_at - OVERLAP_S, 0 };
	r->round_at = 0;
	return true;
}

/* ---- the ticker: a timer on the loop, a page on a worker, and again ---- */

/* Loop */
static void
set_timer(void *arg)
{
	struct renewal *r = arg;

	pthread_mutex_lock(&r->lock);
	if (!r->stopped)
		timer_set(r->timer, r->wait_ms);
	pthread_mutex_unlock(&r->lock);
}

/* Worker */
static void
read_on(void *arg)
{
	struct renewal *r = arg;
	struct problem pr = { 0 };
	bool more, was_warm = atomic_load(&r->warm);

	if (!renewal_refresh(r, &more, &pr)) {
		log_error("renewal_not_read", LPR(&pr));
		more = false;
	}
	if (!was_warm && atomic_load(&r->warm)) {
		struct renewal_cache_stats s;

		renewal_cache_stats(r->cache, &s);
		log_info("renewal_warm", LI("certificates", s.entries), LI("bytes", s.bytes));
	}
	pthread_mutex_lock(&r->lock);
	r->reading = false;
	r->wait_ms = more ? MORE_MS : PERIOD_MS;
	if (!r->stopped)
		loop_post(r->loop, set_timer, r);
	pthread_cond_broadcast(&r->idle);
	pthread_mutex_unlock(&r->lock);
}

/* Loop */
static void
on_timer(void *arg)
{
	struct renewal *r = arg;

	pthread_mutex_lock(&r->lock);
	if (!r->stopped) {
		r->reading = true;
		pool_post(r->pool, read_on, r);
	}
	pthread_mutex_unlock(&r->lock);
}

void
renewal_start(struct renewal *r, struct loop *loop, struct pool *pool)
{
	r->loop = loop;
	r->pool = pool;
	r->timer = timer_new(loop, on_timer, r);
	loop_post(loop, set_timer, r);
}

void
renewal_stop(struct renewal *r)
{
	pthread_mutex_lock(&r->lock);
	r->stopped = true;
	while (r->reading)
		pthread_cond_wait(&r->idle, &r->lock);
	pthread_mutex_unlock(&r->lock);
}

void
renewal_stats(struct renewal *r, struct renewal_stats *ret)
{
	*ret = (struct renewal_stats){ .warm = atomic_load(&r->warm), .hits = atomic_load(&r->hits), .misses = atomic_load(&r->misses) };
	renewal_cache_stats(r->cache, &ret->cache);
}
