/* In which wave of an incident a certificate is renewed. */
#include "incident/wave.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tap.h"

#define T0 2000000000
#define HOUR 3600
#define DAY (24 * HOUR)

static void
test_plan(void)
{
	static const struct {
		const char *name;
		int64_t count, within, per_hour, per_wave, last_at; /* after T0 */
		bool full;
	} cases[] = {
		{ "a handful goes at once", 5, DAY, 6000, 250, 0, false },
		{ "none is a plan, too", 0, DAY, 6000, 250, 0, false },
		{ "a fleet is spread over two thirds of the time, no faster", 96 * 800, DAY, 6000, 800, 95 * 600, false },
		{ "one more than fits takes larger waves", 96 * 800 + 1, DAY, 6000, 801, 95 * 600, false },
		{ "the network is not asked for more than it carries", 1000000, DAY, 6000, 1000, 999 * 600, true },
		{ "a rate of less than one in ten minutes is one", 3, DAY, 1, 1, 2 * 600, true },
		{ "no time at all is one wave", 1000, 0, 6000, 1000, 0, true },
		{ "a time that is over, too", 1000, -DAY, 60000, 2500, 0, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct wave_plan p = wave_plan_make(cases[i].count, T0, T0 + cases[i].within, cases[i].per_hour);
		int64_t last = wave_at(&p, cases[i].count ? cases[i].count - 1 : 0);

		ok(p.begin == T0 && p.per_wave == cases[i].per_wave, "%s (%lld)", cases[i].name, (long long)p.per_wave);
		ok(last == T0 + cases[i].last_at && wave_plan_is_full(&p, cases[i].per_hour) == cases[i].full, "  its last wave is when it should be");
	}
}

static void
test_windows(void)
{
	struct wave_plan p = { T0, 2 };
	struct window first = wave_window(wave_at(&p, 1)), second = wave_window(wave_at(&p, 2));

	ok(first.end == T0 && first.start < first.end, "the first wave is over when it is told: whoever asks renews at once");
	ok(second.start == first.end && second.end == T0 + WAVE_S, "the second follows without a hole");
	ok(wave_finish(&p, T0) == T0 + WAVE_ASKED_S, "nothing is over before all have asked");
	ok(wave_finish(&p, T0 + DAY) == T0 + DAY + WAVE_S, "nor before the last wave is");
}

static struct wave_bucket
bucket(int64_t count, int64_t burst, int64_t period_s)
{
	struct wave_bucket b = { .limited = true, .spends = true };

	if (!gcra_make(count, burst, period_s, &b.gcra))
		abort();
	return b;
}

static void
test_limits(void)
{
	struct wave_bucket b[2];
	size_t strictest;
	int64_t at;

	ok(wave_take(NULL, 0, T0, &strictest) == T0 && strictest == 0, "where nothing is limited the place is the wave");

	b[0] = bucket(3, 3, 3 * HOUR);
	for (int i = 0; i < 3; i++)
		ok(wave_take(b, 1, T0, &strictest) == T0 && strictest == 1, "token %d of the burst is there at once", i + 1);
	ok(wave_take(b, 1, T0, &strictest) == T0 + HOUR && strictest == 0, "the next is when one has come back");
	ok(wave_take(b, 1, T0, &strictest) == T0 + 2 * HOUR, "and one more an hour later");
	ok(wave_take(b, 1, T0 + 5 * HOUR, &strictest) == T0 + 5 * HOUR && strictest == 1, "whose place is later finds one there");

	b[0] = bucket(10, 10, 10 * HOUR);
	b[1] = bucket(1, 1, DAY);
	at = wave_take(b, 2, T0, &strictest);
	ok(at == T0 && strictest == 2, "two limits that let one through");
	at = wave_take(b, 2, T0, &strictest);
	ok(at == T0 + DAY && strictest == 1, "the stricter decides");

	b[0] = bucket(10, 10, 10 * HOUR);
	b[0].held = 4;
	b[0].kept = 3;
	for (int i = 0; i < 3; i++)
		ok(wave_take(b, 1, T0, &strictest) == T0, "what is promised and kept is left alone: %d of 3", i + 1);
	ok(wave_take(b, 1, T0, &strictest) == T0 + HOUR, "  and then it is waited");

	b[0] = bucket(10, 10, 10 * HOUR);
	b[0].frozen_ns = (T0 + 7) * NS_PER_S + 1;
	ok(wave_take(b, 1, T0, &strictest) == T0 + 8 && strictest == 0, "a frozen one is open in the second after");
	b[0] = (struct wave_bucket){ .limited = false, .frozen_ns = (T0 + 9) * NS_PER_S };
	ok(wave_take(b, 1, T0, &strictest) == T0 + 9, "one without a rate is, too");

	b[0] = bucket(1, 1, HOUR);
	b[0].spends = false;
	ok(wave_take(b, 1, T0, &strictest) == T0 && wave_take(b, 1, T0, &strictest) == T0, "what is only looked at is not spent");
}

static void
test_called_back(void)
{
	static const struct {
		const char *name;
		int64_t life, age; /* of the certificate, now */
		struct window ca;  /* after its start */
		bool want;
	} cases[] = {
		{ "Boulder's window of an incident, after ten days of ninety", 90 * DAY, 10 * DAY, { 10 * DAY - HOUR, 10 * DAY - HOUR / 2 }, true },
		{ "Pebble's, right after it was issued", 90 * DAY, HOUR, { 0, 1 }, true },
		{ "one before it was issued", 90 * DAY, HOUR, { -DAY, -HOUR }, true },
		{ "an ordinary one that is to come", 90 * DAY, 10 * DAY, { 59 * DAY, 61 * DAY }, false },
		{ "an ordinary one that is over: a device is late", 90 * DAY, 70 * DAY, { 59 * DAY, 61 * DAY }, false },
		{ "an early one that is not over", 90 * DAY, 10 * DAY, { 10 * DAY - HOUR, 10 * DAY + HOUR }, false },
		{ "none", 90 * DAY, 10 * DAY, { 0, 0 }, false },
		{ "one that ends before it begins", 90 * DAY, 10 * DAY, { 9 * DAY, 8 * DAY }, false },
		{ "an ordinary one of six days that is over", 6 * DAY, 4 * DAY, { 3 * DAY - HOUR, 3 * DAY + HOUR }, false },
		{ "of six days, on the first", 6 * DAY, DAY, { DAY - HOUR, DAY - HOUR / 2 }, true },
		{ "of a certificate that has ended", 90 * DAY, 91 * DAY, { DAY, 2 * DAY }, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct window ca = cases[i].ca;

		if (ca.end) {
			ca.start += T0;
			ca.end += T0;
		}
		ok(wave_is_called_back(&ca, T0, T0 + cases[i].life, T0 + cases[i].age) == cases[i].want, "%s: %s", cases[i].name,
			cases[i].want ? "the CA calls it back" : "nobody calls it back");
	}
}

int
main(void)
{
	test_plan();
	test_windows();
	test_limits();
	test_called_back();
	return done_testing();
}
