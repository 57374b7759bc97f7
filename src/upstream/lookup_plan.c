/* lookup_plan.c - see lookup_plan.h. */
#include "upstream/lookup_plan.h"

#include <stdlib.h>

#define DAY_S 86400
#define RETRY_MIN_S 60           /* U6 */
#define RETRY_MAX_S DAY_S
#define LONG_S (6 * 3600)        /* RFC 9773 4.3.3 */
#define SHORT_TRIES 5            /* 1, 2, 4, 8, 16 minutes */
#define LATE_PART 20             /* up to a 20th later than told */
#define SPREAD_S 3600
#define SPREAD_AHEAD_S (30 * DAY_S)
#define PAUSE_DOUBLINGS 4        /* a minute, up to 16 */
#define GROW_MS 10000
#define GROW_PART 10

/* ---- when ---- */

static int64_t
clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

static int64_t
later(int64_t now, int64_t s, uint32_t chance)
{
	return now + s + (int64_t)(chance % (uint64_t)(s / LATE_PART + 1));
}

/* The first answer is followed by a look at any time until then: who was enrolled in an hour does not ask together for ever. */
static int64_t
after_answer(const struct lookup_row *row, int64_t retry_s, int64_t now, uint32_t chance)
{
	int64_t s = retry_s > 0 ? clamp(retry_s, RETRY_MIN_S, RETRY_MAX_S) : LONG_S;

	return row->fetched_at == 0 && retry_s > 0 ? now + 1 + (int64_t)(chance % (uint64_t)s) : later(now, s, chance);
}

static bool
is_temporary(enum lookup_result result)
{
	return result == LOOKUP_BUSY || result == LOOKUP_BROKEN;
}

/* Failures of one class count together. */
static bool
same_class(enum lookup_result a, enum lookup_result b)
{
	return a == b || (is_temporary(a) && is_temporary(b));
}

static int64_t
after_failure(const struct lookup_row *row, int64_t retry_s, int64_t now, uint32_t chance)
{
	int64_t s = is_temporary(row->result) && row->failures <= SHORT_TRIES ? 60 << (row->failures - 1) : LONG_S;
	int64_t told = retry_s > 0 ? clamp(retry_s, RETRY_MIN_S, RETRY_MAX_S) : 0;

	/* a busy CA says when; nobody is asked earlier than told */
	if (told && (told > s || row->result == LOOKUP_BUSY))
		s = told;
	return later(now, s, chance);
}

/* ---- what is told ---- */

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void
set_text(char **at, const char *text)
{
	char *copy = text ? xstrdup(text) : NULL;

	free(*at);
	*at = copy;
}

static void
forget_window(struct lookup_row *row, struct lookup_change *ret)
{
	ret->told = row->ca_end != 0;
	row->ca_start = row->ca_end = row->urged_at = 0;
	row->etag[0] = '\0';
	set_text(&row->explanation, NULL);
}

/* Over before the certificate would have been renewed: of one with a window that lay ahead, by that; of one that was never asked about,
 * before half of its life. */
static bool
is_urged(const struct lookup_row *row, const struct lookup_answer *a, int64_t now)
{
	int64_t usual = row->ca_end ? row->ca_end : row->not_before + (row->not_after - row->not_before) / 2;

	return a->end <= now && usual > now;
}

static void
take_window(struct lookup_row *row, const struct lookup_answer *a, int64_t now, struct lookup_change *ret)
{
	bool over = a->end <= now && row->ca_end && row->ca_end <= now;

	ret->urged = is_urged(row, a, now);
	if (ret->urged)
		row->urged_at = now;
	else if (a->end > now)
		row->urged_at = 0;
	/* some CAs make a window that is over anew each time that they are asked: it says the same */
	if (!over && (row->ca_start != a->start || row->ca_end != a->end)) {
		row->ca_start = a->start;
		row->ca_end = a->end;
		ret->told = true;
	}
	if (!same_text(row->explanation, a->explanation)) {
		set_text(&row->explanation, a->explanation);
		ret->told = true;
	}
}

static void
take_etag(struct lookup_row *row, const char *etag)
{
	if (etag && strlen(etag) < sizeof(row->etag))
		memcpy(row->etag, etag, strlen(etag) + 1);
	else
		row->etag[0] = '\0';
}

/* As it was, but of what? And a window behind the certificate's end is none. */
static enum lookup_result
judge(const struct lookup_row *row, const struct lookup_answer *a)
{
	if (a->result == LOOKUP_SAME && row->ca_end == 0)
		return LOOKUP_UNUSABLE;
	if (a->result == LOOKUP_WINDOW && (a->end <= a->start || a->start < 0 || a->start >= row->not_after))
		return LOOKUP_UNUSABLE;
	return a->result;
}

static void
take_failure(struct lookup_row *row, enum lookup_result result, int64_t retry_s, int64_t now, uint32_t chance, struct lookup_change *ret)
{
	row->failures = same_class(row->result, result) ? row->failures + 1 : 1;
	row->result = result;
	row->next_at = after_failure(row, retry_s, now, chance);
	/* what it was asked with brought no answer: without, the next time */
	if (result == LOOKUP_UNUSABLE)
		row->etag[0] = '\0';
	if (row->ca_end && row->fetched_at < now - LOOKUP_STALE_S)
		forget_window(row, ret);
	ret->unknown = result == LOOKUP_UNKNOWN && row->failures == LOOKUP_UNKNOWN_ALARM;
}

void
lookup_take(struct lookup_row *row, const struct lookup_answer *a, int64_t now, uint32_t chance, struct lookup_change *ret)
{
	enum lookup_result result = judge(row, a);

	*ret = (struct lookup_change){ 0 };
	if (result != LOOKUP_WINDOW && result != LOOKUP_SAME) {
		take_failure(row, result, a->retry_s, now, chance, ret);
		return;
	}
	if (result == LOOKUP_WINDOW)
		take_window(row, a, now, ret);
	if (result == LOOKUP_WINDOW || a->etag)
		take_etag(row, a->etag);
	row->next_at = after_answer(row, a->retry_s, now, chance);
	row->fetched_at = now;
	row->failures = 0;
	row->result = result;
}

int64_t
lookup_spread(const struct lookup_row *row, int64_t now)
{
	int64_t start = row->ca_end ? row->ca_start : row->not_after - (row->not_after - row->not_before) / 3;
	int64_t retry_s = row->fetched_at && row->next_at > row->fetched_at ? row->next_at - row->fetched_at : SPREAD_S;
	int64_t span = clamp(retry_s, RETRY_MIN_S, SPREAD_S);

	return now + clamp(start - now, 0, SPREAD_AHEAD_S) * span / SPREAD_AHEAD_S;
}

/* ---- how fast ---- */

void
lookup_pace_init(struct lookup_pace *p, int64_t rate, int64_t most, msec_t now)
{
	*p = (struct lookup_pace){ .rate = clamp(rate, 1, most), .most = most, .filled_ms = now, .grown_ms = now, .halved_ms = now - 1000 };
	p->tokens_milli = 1000;
}

void
lookup_pace_limit(struct lookup_pace *p, int64_t most)
{
	p->most = most;
	p->rate = clamp(p->rate, 1, most);
}

size_t
lookup_pace_may(struct lookup_pace *p, size_t most, msec_t now)
{
	int64_t milli = p->tokens_milli + (now - p->filled_ms) * p->rate;
	int64_t burst = 1000 * clamp(p->rate, 1, LOOKUP_STREAMS);

	p->tokens_milli = milli > burst ? burst : milli;
	p->filled_ms = now;
	return p->tokens_milli / 1000 < (int64_t)most ? (size_t)(p->tokens_milli / 1000) : most;
}

void
lookup_pace_sent(struct lookup_pace *p, size_t count)
{
	p->tokens_milli -= (int64_t)count * 1000;
}

msec_t
lookup_pace_wait(const struct lookup_pace *p, msec_t now)
{
	int64_t want = 1000 * clamp(p->rate / 2, 1, LOOKUP_STREAMS), have = p->tokens_milli + (now - p->filled_ms) * p->rate;

	return have >= want ? 0 : (want - have + p->rate - 1) / p->rate;
}

void
lookup_pace_busy(struct lookup_pace *p, msec_t now)
{
	p->grown_ms = now;
	/* requests that were under way together are refused together */
	if (now - p->halved_ms < 1000)
		return;
	p->rate = clamp(p->rate / 2, 1, p->most);
	p->halved_ms = now;
	p->tokens_milli = 0;
	p->filled_ms = now;
}

void
lookup_pace_good(struct lookup_pace *p, msec_t now)
{
	int64_t part = p->most / GROW_PART > 0 ? p->most / GROW_PART : 1;

	if (p->rate >= p->most || now - p->grown_ms < GROW_MS)
		return;
	p->rate = clamp(p->rate + part, 1, p->most);
	p->grown_ms = now;
}

/* ---- when nothing goes any more ---- */

void
lookup_tally_add(struct lookup_tally *t, const struct lookup_answer *a)
{
	t->asked++;
	t->busy += a->result == LOOKUP_BUSY;
	t->failed += a->result == LOOKUP_BUSY || a->result == LOOKUP_BROKEN || a->result == LOOKUP_UNREACHED;
	if (a->result == LOOKUP_BUSY && a->retry_s > t->retry_s)
		t->retry_s = a->retry_s;
}

int64_t
lookup_pause_s(struct lookup_tally *t, int64_t pauses)
{
	const struct lookup_tally page = *t;
	bool bad = page.failed > 0 && page.failed * 2 >= page.asked;
	size_t in_row = page.before + page.failed;

	*t = (struct lookup_tally){ .before = bad ? in_row : page.asked ? 0 : page.before };
	if (!bad || (in_row < LOOKUP_PAUSE_FAILURES && pauses == 0))
		return 0;
	t->before = 0;
	if (page.retry_s > 0)
		return clamp(page.retry_s, RETRY_MIN_S, RETRY_MAX_S);
	return 60 << (pauses < PAUSE_DOUBLINGS ? pauses : PAUSE_DOUBLINGS);
}
