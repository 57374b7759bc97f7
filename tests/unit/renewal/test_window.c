/* Windows (RFC 9773 4.2): inside what is allowed, a place for each certificate, never one that ends before it begins. */
#include "renewal/window.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/span.h"
#include "store/renewal.h"
#include "tap.h"

#define DAY 86400
#define T0 1800000000

static struct window
make(const struct window_facts *f)
{
	enum window_from from;

	return window_make(f, &from);
}

static bool
is_inside(struct window w, int64_t start, int64_t end)
{
	if (w.start >= start && w.end <= end && w.start < w.end)
		return true;
	printf("# [%" PRId64 ", %" PRId64 "] is not in [%" PRId64 ", %" PRId64 "]\n", w.start, w.end, start, end);
	return false;
}

static void
test_backstop(void)
{
	static const struct {
		int64_t life, centre; /* from notBefore */
		const char *what;
	} cases[] = {
		{ 90 * DAY, 60 * DAY, "two thirds of ninety days" },
		{ 10 * DAY, 20 * DAY / 3, "two thirds of ten days" },
		{ 10 * DAY - 2, 5 * DAY - 1, "half of less than ten days" },
		{ 160 * 3600, 80 * 3600, "half of 160 hours" },
		{ 3600, 1800, "half of an hour" },
		{ 60, 30, "half of a minute" },
		{ 1, 0, "of a second" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int64_t life = cases[i].life, half = life / 24 + 1;
		bool good = true;

		for (uint64_t place = 0; place < 1000; place++) {
			const struct window_facts f = { .not_before = T0, .not_after = T0 + life, .place = place * 0x9e3779b97f4a7c15u };

			good = good && is_inside(make(&f), T0 + cases[i].centre - half - 1, T0 + cases[i].centre + half + 1);
		}
		ok(good, "the back-stop is around %s", cases[i].what);
	}
}

static void
test_ca(void)
{
	const struct window ca = { T0 + 40 * DAY, T0 + 42 * DAY };
	struct window_facts f = { .not_before = T0, .not_after = T0 + 90 * DAY, .ca = ca };
	bool good = true;

	for (uint64_t place = 0; place < 1000; place++) {
		f.place = place * 0x9e3779b97f4a7c15u;
		good = good && is_inside(make(&f), ca.start, ca.end);
	}
	ok(good, "of the CA's window each certificate has a part");
	f.ca = (struct window){ T0 - 2 * DAY, T0 - 2 * DAY + 1800 };
	ok(is_inside(make(&f), f.ca.start, f.ca.end), "one that is over is passed on as over");
	f.ca = (struct window){ T0, T0 + 1 };
	ok(is_inside(make(&f), T0, T0 + 1), "one of a second is told as it is");
	f.ca = (struct window){ T0 + 89 * DAY, T0 + 99 * DAY };
	ok(is_inside(make(&f), T0 + 89 * DAY, T0 + 90 * DAY), "none is told that ends when the certificate has ended");
}

static void
test_unusable(void)
{
	static const struct {
		struct window ca;
		const char *what;
	} cases[] = {
		{ { T0 + 10, T0 + 10 }, "that ends when it begins" },
		{ { T0 + 10, T0 + 9 }, "that ends before it begins" },
		{ { T0 + 90 * DAY, T0 + 91 * DAY }, "that begins when the certificate has ended" },
		{ { -5, T0 }, "from before 1970" },
		{ { T0, INT64_MAX }, "that ends after the last year" },
		{ { INT64_MIN, INT64_MAX }, "of all time" },
		{ { INT64_MAX, INT64_MIN }, "the other way round" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct window_facts f = { .not_before = T0, .not_after = T0 + 90 * DAY, .ca = cases[i].ca, .place = 7 };

		ok(!window_is_usable(&cases[i].ca, f.not_after) && is_inside(make(&f), T0 + 56 * DAY, T0 + 64 * DAY),
			"instead of a window %s the back-stop is told", cases[i].what);
	}
}

static void
test_never_invalid(void)
{
	static const int64_t times[] = { INT64_MIN / 4, -62135596800, -1, 0, 1, 3599, T0, T0 + 1, T0 + 90 * DAY, 253402300799 };
	bool good = true;

	for (size_t a = 0; a < COUNT_OF(times); a++) {
		for (size_t b = 0; b < COUNT_OF(times); b++) {
			for (size_t c = 0; c < COUNT_OF(times); c++) {
				const struct window_facts f = { times[a], times[b], times[c], { times[c], times[b] }, { times[b], times[a] },
					{ times[a], times[c] }, 0x123456789abcdefu * (a + b + c) };
				struct window w = make(&f);
				int64_t retry_s = window_retry_s(&f, &w, T0);

				good = good && w.start >= 0 && w.start < w.end && w.end <= 253402300799 && retry_s >= 60 && retry_s <= DAY;
			}
		}
	}
	ok(good, "whatever the facts, no window ends before it has begun, and Retry-After is 60 to 86400");
}

static void
test_place(void)
{
	unsigned of_part[8] = { 0 };
	bool even = true;
	char id[32];

	for (int i = 0; i < 8000; i++) {
		struct window_facts f = { .not_before = T0, .not_after = T0 + 96 * DAY };
		struct window w;

		snprintf(id, sizeof(id), "AKI.%d", i);
		f.place = span_hash(span_str(id));
		w = make(&f);
		/* the back-stop is 8 days, and windows of one begin in the first seven of them */
		of_part[(w.start - (T0 + 60 * DAY)) * 8 / (7 * DAY + 1)]++;
	}
	for (int i = 0; i < 8; i++)
		even = even && of_part[i] > 800 && of_part[i] < 1200;
	ok(even, "a fleet of one day with serial numbers that count up is spread evenly");
	ok(span_hash(SPAN("AKI.1")) == span_hash(SPAN("AKI.1")), "and each stays where it is");
}

static void
test_revoked(void)
{
	const struct window_facts f = { .not_before = T0, .not_after = T0 + 90 * DAY, .revoked_at = T0 + DAY, .ca = { T0 + 40 * DAY, T0 + 42 * DAY },
		.place = 12345 };
	struct window w = make(&f);
	int64_t retry_s = window_retry_s(&f, &w, T0 + DAY);

	ok(w.end < T0 + DAY && w.start < w.end, "the window of a revoked certificate is over: at once");
	ok(retry_s >= 300 && retry_s <= 3600 * 11 / 10, "and who does not act is asked again within the hour");
}

static void
test_incident(void)
{
	struct window_facts f = { .not_before = T0, .not_after = T0 + 90 * DAY, .ca = { T0 + 40 * DAY, T0 + 42 * DAY },
		.incident = { T0 + DAY, T0 + DAY + 900 }, .place = 12345 };
	struct window w = make(&f);

	ok(w.start == f.incident.start && w.end == f.incident.end, "in an incident its wave is told, as it is and wherever the CA's window lies");
	f.incident = (struct window){ T0 + 90 * DAY, T0 + 91 * DAY };
	ok(is_inside(make(&f), f.ca.start, f.ca.end), "but no wave that comes when the certificate has ended");
	f.incident = (struct window){ T0 + DAY, T0 + DAY };
	ok(is_inside(make(&f), f.ca.start, f.ca.end), "nor one that ends when it begins");
	f.revoked_at = T0 + DAY;
	f.incident = (struct window){ T0 + 2 * DAY, T0 + 3 * DAY };
	ok(make(&f).end < T0 + DAY, "who is revoked does not wait for a wave");
}

static struct calendar *
calendar(const char *hours, const char *blackout)
{
	struct problem pr = { 0 };
	struct calendar *c;

	if (!calendar_new("Europe/Berlin", &c, &pr) || !calendar_add_hours(c, hours, &pr) || !calendar_add_blackout(c, blackout, &pr))
		abort();
	return c;
}

static int64_t
any(int64_t from, int64_t to)
{
	return from + (int64_t)((uint64_t)rand() << 16 ^ (uint64_t)rand()) % (to - from);
}

static struct window_facts
any_facts(void)
{
	int64_t life = any(600, any(0, 4) ? 100 * DAY : 5 * DAY), begins = T0 + any(0, 366 * DAY);
	struct window_facts f = { .not_before = begins, .not_after = begins + life, .place = (uint64_t)rand() << 32 ^ (uint64_t)rand() };

	if (any(0, 3)) {
		f.ca.start = any(begins - DAY, f.not_after);
		f.ca.end = f.ca.start + any(1, life + DAY);
	}
	return f;
}

/* Does all that is promised hold for these facts and this calendar? */
static bool
holds(const struct window_facts *f, const struct calendar *c, bool by_hour)
{
	static struct window_room all, room, again;
	struct calendar_span spans[WINDOW_SPANS_MAX];
	enum window_from from;
	struct window base, own, told;
	struct window_facts told_facts = *f;
	size_t n;

	window_room_of(f, NULL, &all);
	base = (struct window){ all.spans[0].start, all.spans[0].end };
	if (f->ca.end && (base.start < f->ca.start || base.end > f->ca.end))
		return false;
	window_room_of(f, c, &room);
	own = window_own(&room, f->place, by_hour);
	if (!is_inside(own, base.start, base.end) || base.end > f->not_after || !window_fits(&room, &own))
		return false;
	n = calendar_permits(c, base.start, base.end, spans, COUNT_OF(spans));
	if ((n == 0) != (room.why == PLAN_UNHEARD) || (by_hour && own.end - own.start > WINDOW_HOUR_S))
		return false;
	window_room_of(f, c, &again);
	told = window_own(&again, f->place, by_hour);
	if (told.start != own.start || told.end != own.end)
		return false;
	told_facts.planned = own;
	told = window_make(&told_facts, &from);
	if (told.start != own.start || told.end != own.end || from != (f->ca.end ? WINDOW_CA : WINDOW_BACKSTOP))
		return false;
	/* a part is cut off in front: still inside, and not before */
	window_room_from(&again, base.start + (base.end - base.start) / 2);
	told = window_own(&again, f->place, by_hour);
	return window_fits(&room, &told);
}

static void
test_property(void)
{
	struct calendar *calendars[] = { calendar("daily 01:00-05:00", "2028-01-01/2028-01-10"), calendar("sun 02:00-02:05", "2028-01-01/2028-01-02"),
		calendar("mon-fri 22:00-04:00", "2027-12-20/2028-01-06"), calendar("daily 00:00-24:00", "2030-01-01/2030-01-02") };
	bool good = true;

	srand(1);
	for (int i = 0; good && i < 40000; i++) {
		struct window_facts f = any_facts();

		good = holds(&f, calendars[i % 4], i % 3 == 0);
		if (!good)
			printf("# of certificate %d: not_before %" PRId64 " not_after %" PRId64 " ca [%" PRId64 ", %" PRId64 "] place %" PRIu64 "\n", i,
				f.not_before, f.not_after, f.ca.start, f.ca.end, f.place);
	}
	ok(good, "of any certificate, the CA's window and policy whatever they are: inside both, begins before it ends, and the same again");
	for (size_t i = 0; i < COUNT_OF(calendars); i++)
		calendar_free(calendars[i]);
}

static void
test_planned(void)
{
	struct window_facts f = { .not_before = T0, .not_after = T0 + 90 * DAY, .ca = { T0 + 40 * DAY, T0 + 42 * DAY },
		.planned = { T0 + 41 * DAY, T0 + 41 * DAY + 3600 }, .place = 99 };
	struct window w = make(&f);

	ok(w.start == f.planned.start && w.end == f.planned.end, "what was planned is told");
	f.ca = (struct window){ T0 + 50 * DAY, T0 + 52 * DAY };
	ok(is_inside(make(&f), f.ca.start, f.ca.end), "but not when the CA has said another window since");
	f.incident = (struct window){ T0 + DAY, T0 + DAY + 900 };
	ok(make(&f).start == T0 + DAY, "nor in an incident");
}

static void
test_retry(void)
{
	struct window_facts f = { .not_before = T0, .not_after = T0 + 90 * DAY };
	struct window w = make(&f);
	int64_t least = INT64_MAX, most = 0;

	for (f.place = 0; f.place < 10000; f.place++) {
		int64_t s = window_retry_s(&f, &w, T0);

		least = s < least ? s : least;
		most = s > most ? s : most;
	}
	ok(least == 19440 && most == 23760, "Retry-After is six hours, a tenth more or less");
	f.place = 0;
	is_int(window_retry_s(&f, &w, w.start), 3240, "an hour when the window is open");
	f.not_after = T0 + 3600;
	is_int(window_retry_s(&f, &w, T0), 203, "of an hour's life it is a sixteenth");
	f.not_after = T0 + 30;
	is_int(window_retry_s(&f, &w, T0), 60, "and never less than a minute (T2)");
}

int
main(void)
{
	test_backstop();
	test_ca();
	test_unusable();
	test_never_invalid();
	test_place();
	test_revoked();
	test_incident();
	test_property();
	test_planned();
	test_retry();
	return done_testing();
}
