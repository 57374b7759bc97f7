/* Hours of the week and dates: what is permitted, by local clocks, on days that have 23 or 25 hours too. */
#include "cal/calendar.h"

#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "tap.h"

#define HOUR 3600
#define DAY 86400
#define YEAR_END 1893456000

static struct calendar *
calendar(const char *zone, const char *hours, const char *blackout)
{
	struct problem pr = { 0 };
	struct calendar *c;

	if (!calendar_new(zone, &c, &pr) || (hours && !calendar_add_hours(c, hours, &pr)) || (blackout && !calendar_add_blackout(c, blackout, &pr)))
		abort();
	return c;
}

static int64_t
at(const char *text)
{
	int64_t t;

	if (!time_rfc3339_parse(span_str(text), &t))
		abort();
	return t;
}

/* What is permitted, as text. */
static char *
permitted(const struct calendar *c, const char *start, const char *end)
{
	struct calendar_span spans[64];
	size_t n = calendar_permits(c, at(start), at(end), spans, COUNT_OF(spans));
	AUTO_BUF text = BUF_MAX(4096);

	for (size_t i = 0; i < n; i++) {
		char from[TIME_TEXT], to[TIME_TEXT];

		buf_addf(&text, "%s%.16s %.16s", i ? ", " : "", time_rfc3339(spans[i].start, from), time_rfc3339(spans[i].end, to));
	}
	return xstrdup(buf_cstr(&text));
}

static void
test_permits(void)
{
	static const struct {
		const char *zone, *hours, *blackout, *start, *end, *want, *what;
	} cases[] = {
		{ "UTC", NULL, NULL, "2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z", "2027-03-01T00:00 2027-03-02T00:00", "without hours all of them" },
		{ "UTC", "daily 01:00-05:00", NULL, "2027-03-01T02:00:00Z", "2027-03-02T03:00:00Z",
			"2027-03-01T02:00 2027-03-01T05:00, 2027-03-02T01:00 2027-03-02T03:00", "each night, cut at both ends" },
		{ "UTC", "mon-fri 22:00-04:00", NULL, "2027-03-05T00:00:00Z", "2027-03-09T00:00:00Z",
			"2027-03-05T00:00 2027-03-05T04:00, 2027-03-05T22:00 2027-03-06T04:00, 2027-03-08T22:00 2027-03-09T00:00",
			"the night after Friday, and none before Monday" },
		{ "UTC", "fri-mon 00:00-24:00", NULL, "2027-03-01T00:00:00Z", "2027-03-10T00:00:00Z",
			"2027-03-01T00:00 2027-03-02T00:00, 2027-03-05T00:00 2027-03-09T00:00", "days over the week's end are one span" },
		{ "UTC", "sat,tue 12:00-13:00", NULL, "2027-03-01T00:00:00Z", "2027-03-08T00:00:00Z",
			"2027-03-02T12:00 2027-03-02T13:00, 2027-03-06T12:00 2027-03-06T13:00", "single days" },
		{ "Europe/Berlin", "daily 01:00-05:00", NULL, "2027-03-27T12:00:00Z", "2027-03-29T12:00:00Z",
			"2027-03-28T00:00 2027-03-28T03:00, 2027-03-28T23:00 2027-03-29T03:00", "three hours in the night that has lost one, and summer time from then on" },
		{ "Europe/Berlin", "daily 02:15-02:45", NULL, "2027-03-27T00:00:00Z", "2027-03-29T12:00:00Z",
			"2027-03-27T01:15 2027-03-27T01:45, 2027-03-29T00:15 2027-03-29T00:45", "nothing where clocks leave it out" },
		{ "Europe/Berlin", "daily 02:30-04:00", NULL, "2027-03-28T00:00:00Z", "2027-03-28T12:00:00Z",
			"2027-03-28T01:00 2027-03-28T02:00", "what is left of one that begins in the hour left out" },
		{ "Europe/Berlin", "daily 02:00-03:00", NULL, "2027-10-30T12:00:00Z", "2027-10-31T12:00:00Z",
			"2027-10-31T01:00 2027-10-31T02:00", "an hour that comes twice: once" },
		{ "Europe/Berlin", "daily 01:00-02:30", NULL, "2027-10-30T12:00:00Z", "2027-10-31T12:00:00Z",
			"2027-10-30T23:00 2027-10-31T00:30", "one that ends in it ends the first time" },
		{ "America/New_York", "sun 00:00-24:00", NULL, "2027-11-06T00:00:00Z", "2027-11-09T00:00:00Z",
			"2027-11-07T04:00 2027-11-08T05:00", "a Sunday of 25 hours" },
		{ "Asia/Kathmandu", "daily 00:00-01:00", NULL, "2027-03-01T12:00:00Z", "2027-03-02T12:00:00Z",
			"2027-03-01T18:15 2027-03-01T19:15", "offsets that are no whole hours" },
		{ "Pacific/Kiritimati", "mon 00:00-01:00", NULL, "2027-02-28T00:00:00Z", "2027-03-02T00:00:00Z",
			"2027-02-28T10:00 2027-02-28T11:00", "Monday where it comes first" },
		{ "Pacific/Pago_Pago", "mon 23:00-24:00", NULL, "2027-03-01T00:00:00Z", "2027-03-03T00:00:00Z",
			"2027-03-02T10:00 2027-03-02T11:00", "and last" },
		{ "Europe/Berlin", NULL, "2026-12-20/2027-01-06", "2026-12-01T00:00:00Z", "2027-02-01T00:00:00Z",
			"2026-12-01T00:00 2026-12-19T23:00, 2027-01-06T23:00 2027-02-01T00:00", "a blackout ends with its last day" },
		{ "UTC", "daily 01:00-05:00", "2027-03-01T02:00/2027-03-01T03:30", "2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z",
			"2027-03-01T01:00 2027-03-01T02:00, 2027-03-01T03:30 2027-03-01T05:00", "one in the middle of the hours" },
		{ "UTC", "daily 01:00-05:00", "2027-03-01/2027-03-01", "2027-03-01T00:00:00Z", "2027-03-02T00:00:00Z", "", "one that leaves nothing" },
		{ "UTC", NULL, "2027-03-01/2027-03-02", "2027-03-02T12:00:00Z", "2027-03-03T12:00:00Z", "2027-03-03T00:00 2027-03-03T12:00",
			"one that has begun" },
		{ "UTC", "daily 01:00-02:00", NULL, "2027-03-01T00:00:00Z", "2027-03-01T00:00:00Z", "", "of no time nothing" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct calendar *c = calendar(cases[i].zone, cases[i].hours, cases[i].blackout);
		AUTO_FREE char *is = permitted(c, cases[i].start, cases[i].end);

		ok(strcmp(is, cases[i].want) == 0, "%s", cases[i].what);
		if (strcmp(is, cases[i].want) != 0)
			printf("# is %s, not %s\n", is, cases[i].want);
		calendar_free(c);
	}
}

/* The whole year, by what the C library says of the same zone: an independent judge. */
static bool
is_open(const char *hours, int64_t t)
{
	struct tm tm;
	time_t when = t;

	localtime_r(&when, &tm);
	return strcmp(hours, "sat,sun 01:00-05:00") != 0 || ((tm.tm_wday == 6 || tm.tm_wday == 0) && tm.tm_hour >= 1 && tm.tm_hour < 5);
}

static void
test_year(void)
{
	static const char *const zones[] = { "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/Santiago", "UTC" };

	for (size_t z = 0; z < COUNT_OF(zones); z++) {
		struct calendar *c = calendar(zones[z], "sat,sun 01:00-05:00", NULL);
		struct calendar_span spans[128];
		size_t n = calendar_permits(c, YEAR_END - 366 * DAY, YEAR_END, spans, COUNT_OF(spans)), seconds = 0;
		bool good = n > 100, ordered = true;

		setenv("TZ", zones[z], 1);
		tzset();
		for (size_t i = 0; i < n; i++) {
			ordered = ordered && spans[i].start < spans[i].end && (i == 0 || spans[i - 1].end < spans[i].start);
			seconds += (size_t)(spans[i].end - spans[i].start);
			for (int64_t t = spans[i].start; t < spans[i].end; t += 300)
				good = good && is_open("sat,sun 01:00-05:00", t);
		}
		ok(good && ordered, "%s: in a year nothing is permitted but hours that clocks there show", zones[z]);
		/* 104 or 105 nights of four hours, but for an hour or two */
		ok(seconds >= 102 * 4 * HOUR && seconds <= 106 * 4 * HOUR, "and nearly all of them");
		calendar_free(c);
	}
}

static void
test_room(void)
{
	struct calendar *c = calendar("UTC", "daily 01:00-02:00", NULL);
	struct calendar_span spans[3];

	is_int((int64_t)calendar_permits(c, YEAR_END, YEAR_END + 10 * DAY, spans, 3), 3, "no more than there is room for");
	ok(spans[2].end == YEAR_END + 2 * DAY + 2 * HOUR, "from the first on");
	is_int((int64_t)calendar_permits(c, YEAR_END, YEAR_END + 10 * DAY, spans, 0), 0, "which may be none");
	calendar_free(c);
}

static void
test_refusals(void)
{
	static const char *const zones[] = { "", "Europe/Nowhere", "../../etc/passwd", "/etc/localtime", "+01:00", "europe/berlin\n" };
	static const char *const hours[] = { "", "daily", "daily 01:00", "daily 1:00-5:00", "daily 01:00-25:00", "daily 01:60-05:00",
		"daily 24:01-05:00", "day 01:00-05:00", "mon- 01:00-05:00", "mon, 01:00-05:00", "mon 01:00-05:00 ", "mon  01:00-05:00",
		"Mon 01:00-05:00", "daily 03:00-03:00", "daily 24:00-05:00" };
	static const char *const blackouts[] = { "", "2027-03-01", "2027-03-01/", "2027-03-01/2027-02-28", "2027-02-29/2027-03-01", "2027-13-01/2027-12-01",
		"2027-00-01/2027-12-01", "2027-03-00/2027-12-01", "27-03-01/27-03-02", "2027-03-01T10:00/2027-03-01T10:00", "2027-03-01T1000/2027-03-02",
		"2027-03-01/2027-03-02 ", "1969-01-01/1969-01-02" };
	struct calendar *c;
	struct problem pr = { 0 };
	bool good = true;

	for (size_t i = 0; i < COUNT_OF(zones); i++)
		ok(!calendar_new(zones[i], &c, &pr), "no zone: %s", zones[i]);
	c = calendar("UTC", NULL, NULL);
	for (size_t i = 0; i < COUNT_OF(hours); i++)
		ok(!calendar_add_hours(c, hours[i], &pr), "no hours: %s", hours[i]);
	for (size_t i = 0; i < COUNT_OF(blackouts); i++)
		ok(!calendar_add_blackout(c, blackouts[i], &pr), "no blackout: %s", blackouts[i]);
	for (int i = 0; i < CALENDAR_HOURS_MAX; i++)
		good = good && calendar_add_hours(c, "daily 01:00-02:00", &pr);
	ok(good && !calendar_add_hours(c, "daily 01:00-02:00", &pr), "no more hours than there is room for");
	for (int i = 0; i < CALENDAR_BLACKOUTS_MAX; i++)
		good = good && calendar_add_blackout(c, "2027-03-01/2027-03-02", &pr);
	ok(good && !calendar_add_blackout(c, "2027-03-01/2027-03-02", &pr), "nor more dates");
	calendar_free(c);
}

int
main(void)
{
	test_permits();
	test_year();
	test_room();
	test_refusals();
	return done_testing();
}
