/* When a CA is asked again about a certificate, how fast, and what an answer changes (RFC 9773 4.3, U6, R7). */
#include "upstream/lookup_plan.h"

#include <stdlib.h>

#include "tap.h"

#define NOW 2000000000
#define DAY 86400
#define HOUR 3600

static struct lookup_row
row_of(int64_t age_s)
{
	return (struct lookup_row){ .cert_id = 1, .not_before = NOW - age_s, .not_after = NOW - age_s + 90 * DAY };
}

static void
test_next(void)
{
	static const struct {
		const char *what;
		enum lookup_result before;
		int64_t failures, fetched_at;
		enum lookup_result result;
		int64_t retry_s, least, most; /* seconds from now, both included */
	} cases[] = {
		{ "a first answer: any time until it is to be asked again", LOOKUP_NEVER, 0, 0, LOOKUP_WINDOW, 21600, 1, 21600 },
		{ "another one: as told, a 20th later at most", LOOKUP_WINDOW, 0, NOW - 1, LOOKUP_WINDOW, 21600, 21600, 22680 },
		{ "as it was: likewise", LOOKUP_WINDOW, 0, NOW - 1, LOOKUP_SAME, 21600, 21600, 22680 },
		{ "below a minute: a minute", LOOKUP_WINDOW, 0, NOW - 1, LOOKUP_WINDOW, 1, 60, 63 },
		{ "above a day: a day", LOOKUP_WINDOW, 0, NOW - 1, LOOKUP_WINDOW, 999999999, DAY, DAY + DAY / 20 },
		{ "no Retry-After: six hours", LOOKUP_WINDOW, 0, NOW - 1, LOOKUP_WINDOW, 0, 6 * HOUR, 6 * HOUR + 1080 },
		{ "nor of the first answer: not earlier", LOOKUP_NEVER, 0, 0, LOOKUP_WINDOW, 0, 6 * HOUR, 6 * HOUR + 1080 },
		{ "no answer in time: a minute", LOOKUP_WINDOW, 0, NOW - 1, LOOKUP_BROKEN, 0, 60, 63 },
		{ "twice: two", LOOKUP_BROKEN, 1, NOW - 1, LOOKUP_BROKEN, 0, 120, 126 },
		{ "three times: four", LOOKUP_BROKEN, 2, NOW - 1, LOOKUP_BROKEN, 0, 240, 252 },
		{ "four times: eight", LOOKUP_BUSY, 3, NOW - 1, LOOKUP_BROKEN, 0, 480, 504 },
		{ "five times: sixteen", LOOKUP_BROKEN, 4, NOW - 1, LOOKUP_BROKEN, 0, 960, 1008 },
		{ "then six hours", LOOKUP_BROKEN, 5, NOW - 1, LOOKUP_BROKEN, 0, 6 * HOUR, 6 * HOUR + 1080 },
		{ "and for ever", LOOKUP_BROKEN, 5000, NOW - 1, LOOKUP_BROKEN, 0, 6 * HOUR, 6 * HOUR + 1080 },
		{ "after another failure it begins anew", LOOKUP_UNKNOWN, 3, NOW - 1, LOOKUP_BROKEN, 0, 60, 63 },
		{ "too busy, and says until when", LOOKUP_BROKEN, 5, NOW - 1, LOOKUP_BUSY, 300, 300, 315 },
		{ "too busy for a second: a minute", LOOKUP_NEVER, 0, 0, LOOKUP_BUSY, 1, 60, 63 },
		{ "too busy for a year: a day", LOOKUP_NEVER, 0, 0, LOOKUP_BUSY, 366 * DAY, DAY, DAY + DAY / 20 },
		{ "too busy: a minute", LOOKUP_NEVER, 0, 0, LOOKUP_BUSY, 0, 60, 63 },
		{ "5xx with Retry-After: not earlier", LOOKUP_NEVER, 0, 0, LOOKUP_BROKEN, 900, 900, 945 },
		{ "no connection: six hours", LOOKUP_NEVER, 0, 0, LOOKUP_UNREACHED, 0, 6 * HOUR, 6 * HOUR + 1080 },
		{ "unknown certificate: six hours", LOOKUP_NEVER, 0, 0, LOOKUP_UNKNOWN, 0, 6 * HOUR, 6 * HOUR + 1080 },
		{ "refused: six hours", LOOKUP_NEVER, 0, 0, LOOKUP_REFUSED, 60, 6 * HOUR, 6 * HOUR + 1080 },
		{ "refused for half a day", LOOKUP_NEVER, 0, 0, LOOKUP_REFUSED, 12 * HOUR, 12 * HOUR, 12 * HOUR + 2160 },
		{ "unusable: six hours", LOOKUP_WINDOW, 0, NOW - 1, LOOKUP_UNUSABLE, 60, 6 * HOUR, 6 * HOUR + 1080 },
	};
	static const uint32_t chances[] = { 0, 1, 1234567, UINT32_MAX / 2, UINT32_MAX };

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		bool good = true;

		for (size_t j = 0; j < COUNT_OF(chances); j++) {
			struct lookup_row row = row_of(DAY);
			struct lookup_answer a = { .result = cases[i].result, .start = NOW + 50 * DAY, .end = NOW + 51 * DAY, .retry_s = cases[i].retry_s };
			struct lookup_change change;

			row.result = cases[i].before;
			row.failures = cases[i].failures;
			row.fetched_at = cases[i].fetched_at;
			if (row.fetched_at) {
				row.ca_start = NOW + 50 * DAY;
				row.ca_end = NOW + 51 * DAY;
			}
			lookup_take(&row, &a, NOW, chances[j], &change);
			good = good && row.next_at >= NOW + cases[i].least && row.next_at <= NOW + cases[i].most && row.result == cases[i].result;
			lookup_row_done(&row);
		}
		ok(good, "%s", cases[i].what);
	}
}

/* What a device is told changes only when it does. */
static void
test_told(void)
{
	struct lookup_row row = row_of(DAY);
	struct lookup_answer a = { .result = LOOKUP_WINDOW, .start = NOW + 50 * DAY, .end = NOW + 51 * DAY, .etag = "\"1\"", .retry_s = 600 };
	struct lookup_change c;

	lookup_take(&row, &a, NOW, 7, &c);
	ok(c.told && !c.urged && row.ca_start == a.start && row.ca_end == a.end && strcmp(row.etag, "\"1\"") == 0, "the first window is news");
	a.etag = "\"2\"";
	lookup_take(&row, &a, NOW + 600, 7, &c);
	ok(!c.told && strcmp(row.etag, "\"2\"") == 0 && row.fetched_at == NOW + 600, "the same one is none, whatever its ETag");
	lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_SAME, .retry_s = 600 }, NOW + 1200, 7, &c);
	ok(!c.told && row.fetched_at == NOW + 1200 && row.ca_end == a.end && strcmp(row.etag, "\"2\"") == 0, "304 keeps window and ETag, and makes them fresh");
	a.explanation = "https://ca.test/why";
	lookup_take(&row, &a, NOW, 7, &c);
	ok(c.told && row.explanation && strcmp(row.explanation, a.explanation) == 0, "another page is news");
	a.end += DAY;
	lookup_take(&row, &a, NOW, 7, &c);
	ok(c.told, "another end is");
	lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_BROKEN }, NOW + DAY, 7, &c);
	ok(!c.told && row.ca_end == a.end && row.explanation, "without an answer the last window is told on");
	lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_BROKEN }, NOW + LOOKUP_STALE_S, 7, &c);
	ok(!c.told && row.ca_end == a.end, "for two days");
	lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_UNREACHED }, NOW + LOOKUP_STALE_S + 1, 7, &c);
	ok(c.told && row.ca_start == 0 && row.ca_end == 0 && !row.explanation && !row.etag[0], "and then forgotten, its ETag too");
	lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_UNREACHED }, NOW + LOOKUP_STALE_S + 2, 7, &c);
	ok(!c.told, "once");
	lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_SAME }, NOW, 7, &c);
	ok(row.result == LOOKUP_UNUSABLE && row.ca_end == 0, "that it is as it was says nothing then");
	lookup_row_done(&row);
}

static void
test_unusable(void)
{
	static const struct {
		const char *what;
		int64_t start, end;
	} cases[] = {
		{ "end before start", NOW + 50, NOW }, { "end at start", NOW, NOW }, { "behind the certificate's end", NOW + 89 * DAY, NOW + 90 * DAY },
		{ "in the year 9999", 253402300000, 253402300799 }, { "before all time", -5, NOW + DAY },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct lookup_row row = row_of(DAY);
		struct lookup_change c;

		row.ca_start = NOW + 5;
		row.ca_end = NOW + 6;
		row.fetched_at = NOW - 1;
		lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_WINDOW, .start = cases[i].start, .end = cases[i].end, .etag = "\"x\"" }, NOW, 0, &c);
		ok(row.result == LOOKUP_UNUSABLE && !c.told && row.ca_start == NOW + 5 && !row.etag[0] && row.fetched_at == NOW - 1,
			"a window %s changes nothing", cases[i].what);
		lookup_row_done(&row);
	}
}

static void
test_urged(void)
{
	struct lookup_row row = row_of(DAY);
	struct lookup_answer past = { .result = LOOKUP_WINDOW, .start = NOW - HOUR, .end = NOW - 1800 };
	struct lookup_change c;

	lookup_take(&row, &past, NOW, 0, &c);
	ok(c.urged && c.told && row.urged_at == NOW, "over before half of its life, at the first look: at once");
	past.start += 600;
	past.end += 600;
	lookup_take(&row, &past, NOW + 600, 0, &c);
	ok(!c.urged && !c.told && row.urged_at == NOW && row.ca_start == NOW - HOUR, "once, though the CA makes the window anew each time");
	lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_WINDOW, .start = NOW + DAY, .end = NOW + 2 * DAY }, NOW + 600, 0, &c);
	ok(c.told && !c.urged && row.urged_at == 0, "a window that is ahead again ends it");
	lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_WINDOW, .start = NOW, .end = NOW + 700 }, NOW + 700, 0, &c);
	ok(c.urged, "a window that was ahead, and has been over for long: at once");
	lookup_row_done(&row);
	row = row_of(70 * DAY);
	lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_WINDOW, .start = NOW - 10 * DAY, .end = NOW - 9 * DAY }, NOW, 0, &c);
	ok(!c.urged && row.urged_at == 0, "a certificate that is late has a window in the past, too, which says nothing of the CA");
	row.ca_start = NOW - 10 * DAY;
	row.ca_end = NOW - 9 * DAY;
	lookup_take(&row, &past, NOW, 0, &c);
	ok(!c.urged, "nor when that is another one now");
	lookup_row_done(&row);
}

static void
test_unknown(void)
{
	struct lookup_row row = row_of(DAY);
	unsigned alarms = 0;
	struct lookup_change c;

	for (int i = 1; i <= 8; i++) {
		lookup_take(&row, &(struct lookup_answer){ .result = LOOKUP_UNKNOWN }, NOW, 0, &c);
		alarms += c.unknown;
		ok(c.unknown == (i == 4), "unknown at the CA %d times in a row: %s", i, i == 4 ? "alarm" : "none");
	}
	is_int(alarms, 1, "one alarm");
}

static void
test_spread(void)
{
	struct lookup_row near = row_of(59 * DAY), far = row_of(DAY), open = row_of(70 * DAY), brief = row_of(DAY);

	far.fetched_at = brief.fetched_at = NOW - DAY;
	far.next_at = far.fetched_at + 6 * HOUR;
	brief.next_at = brief.fetched_at + 600;
	is_int(lookup_spread(&open, NOW), NOW, "whose window is open is asked about at once");
	ok(lookup_spread(&near, NOW) < lookup_spread(&far, NOW), "the nearest window comes first");
	is_int(lookup_spread(&far, NOW), NOW + HOUR, "all within an hour");
	is_int(lookup_spread(&brief, NOW), NOW + 600, "or Retry-After, if that is less");
}

static void
test_pace(void)
{
	struct lookup_pace p;
	msec_t now = 1000000;

	lookup_pace_init(&p, 50, 50, now);
	is_int(lookup_pace_may(&p, 64, now), 1, "it begins with a single request");
	now += 10000;
	is_int(lookup_pace_may(&p, 64, now), 50, "after a while a second's worth may go at once");
	is_int(lookup_pace_may(&p, 7, now), 7, "or what there is");
	lookup_pace_sent(&p, 50);
	is_int(lookup_pace_may(&p, 64, now), 0, "then none");
	is_int(lookup_pace_wait(&p, now), 500, "for half a second");
	is_int(lookup_pace_may(&p, 64, now + 500), 25, "and 50 in a second");
	lookup_pace_busy(&p, now + 500);
	is_int(p.rate, 25, "a CA that is too busy is asked half as fast");
	lookup_pace_busy(&p, now + 600);
	is_int(p.rate, 25, "those that were under way together count once");
	for (int i = 2; i < 20; i++)
		lookup_pace_busy(&p, now + i * 1000);
	is_int(p.rate, 1, "down to one a second");
	now += 20000;
	is_int(lookup_pace_wait(&p, now), 0, "which is waited for");
	for (int i = 0; i < 9; i++)
		lookup_pace_good(&p, now + i * 1000);
	is_int(p.rate, 1, "it does not recover at once");
	for (int i = 0; i < 200; i++)
		lookup_pace_good(&p, now + i * 1000);
	is_int(p.rate, 50, "but in two minutes");
	lookup_pace_limit(&p, 7);
	is_int(p.rate, 7, "what is configured holds at once");
	lookup_pace_init(&p, 0, 1000, now);
	is_int(p.rate, 1, "it never stands still");
	p.rate = 1000;
	is_int(lookup_pace_may(&p, 5000, now + 60000), LOOKUP_STREAMS, "never more at once than a connection's streams");
}

static void
test_pause(void)
{
	static const struct {
		const char *what;
		size_t before, good, busy, broken, unreached;
		int64_t retry_s, pauses, want;
	} cases[] = {
		{ "all is well", 0, 10, 0, 0, 0, 0, 0, 0 }, { "a few are refused", 0, 10, 2, 1, 0, 600, 0, 0 },
		{ "half are", 0, 5, 5, 0, 0, 600, 0, 600 }, { "for a second", 0, 0, 5, 0, 0, 1, 0, 60 },
		{ "for a year", 0, 0, 5, 0, 0, 99999999, 0, DAY }, { "one certificate alone", 0, 0, 0, 1, 0, 0, 0, 0 },
		{ "another one", 1, 0, 0, 1, 0, 0, 0, 0 }, { "the third in a row", 2, 0, 0, 1, 0, 0, 0, 60 },
		{ "no connection", 0, 0, 0, 0, 5, 0, 0, 60 }, { "the second time", 0, 0, 0, 0, 1, 0, 1, 120 },
		{ "the fifth", 0, 0, 0, 1, 0, 0, 4, 960 }, { "for ever", 0, 0, 0, 1, 0, 0, 400, 960 },
		{ "nothing was asked", 2, 0, 0, 0, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct lookup_tally t = { .before = cases[i].before };

		for (size_t j = 0; j < cases[i].good; j++)
			lookup_tally_add(&t, &(struct lookup_answer){ .result = LOOKUP_WINDOW, .retry_s = 21600 });
		for (size_t j = 0; j < cases[i].busy; j++)
			lookup_tally_add(&t, &(struct lookup_answer){ .result = LOOKUP_BUSY, .retry_s = cases[i].retry_s });
		for (size_t j = 0; j < cases[i].broken; j++)
			lookup_tally_add(&t, &(struct lookup_answer){ .result = LOOKUP_BROKEN });
		for (size_t j = 0; j < cases[i].unreached; j++)
			lookup_tally_add(&t, &(struct lookup_answer){ .result = LOOKUP_UNREACHED });
		is_int(lookup_pause_s(&t, cases[i].pauses), cases[i].want, "pause: %s", cases[i].what);
		ok(t.asked == 0 && t.failed == 0 && t.busy == 0 && t.retry_s == 0, "  and the next page begins anew");
	}
}

static void
test_streak(void)
{
	static const struct lookup_answer bad = { .result = LOOKUP_BROKEN }, good = { .result = LOOKUP_SAME };
	struct lookup_tally t = { 0 };

	for (int i = 0; i < 2; i++) {
		lookup_tally_add(&t, &bad);
		ok(lookup_pause_s(&t, 0) == 0, "two bad pages of one: no pause");
	}
	lookup_tally_add(&t, &good);
	ok(lookup_pause_s(&t, 0) == 0, "a good one between");
	lookup_tally_add(&t, &bad);
	lookup_tally_add(&t, &bad);
	ok(lookup_pause_s(&t, 0) == 0, "begins the count anew");
	lookup_tally_add(&t, &bad);
	is_int(lookup_pause_s(&t, 0), 60, "three in a row are the CA's");
}

int
main(void)
{
	test_streak();
	test_next();
	test_told();
	test_unusable();
	test_urged();
	test_unknown();
	test_spread();
	test_pace();
	test_pause();
	return done_testing();
}
