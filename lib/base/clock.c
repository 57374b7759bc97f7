/* clock.c - see clock.h. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

static _Atomic int64_t turned_s;

static int64_t
system_us(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts);
	return (ts.tv_sec + atomic_load_explicit(&turned_s, memory_order_relaxed)) * 1000000 +
		ts.tv_nsec / 1000;
}

msec_t
clock_ms(void)
{
	return system_us(CLOCK_MONOTONIC) / 1000;
}

int64_t
clock_us(void)
{
	return system_us(CLOCK_MONOTONIC);
}

int64_t
clock_unix_s(void)
{
	return system_us(CLOCK_REALTIME) / 1000000;
}

int64_t
clock_unix_ms(void)
{
	return system_us(CLOCK_REALTIME) / 1000;
}

void
clock_turn(int64_t by_s)
{
	atomic_fetch_add(&turned_s, by_s);
}

static void
put_two(char *dst, int64_t n)
{
	dst[0] = (char)('0' + n / 10);
	dst[1] = (char)('0' + n % 10);
}

const char *
time_rfc3339(int64_t unix_s, char dst[TIME_TEXT])
{
	int64_t t = unix_s < 0 ? 0 : unix_s > 253402300799 ? 253402300799 : unix_s, s = t % 86400;
	/* days since 0000-03-01, of an era of 400 years, of a year that begins in March: leap days come last (Howard Hinnant's way). By hand, since
	 * a list of certificates has thousands of times, and gmtime_r takes a lock */
	int64_t days = t / 86400 + 719468, era = days / 146097, of_era = days % 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
	int64_t day = of_year - (153 * month + 2) / 5 + 1;

	month += month < 10 ? 3 : -9;
	year += era * 400 + (month <= 2);
	memcpy(dst, "0000-00-00T00:00:00Z", TIME_TEXT);
	put_two(dst, year / 100);
	put_two(dst + 2, year % 100);
	put_two(dst + 5, month);
	put_two(dst + 8, day);
	put_two(dst + 11, s / 3600);
	put_two(dst + 14, s / 60 % 60);
	put_two(dst + 17, s % 60);
	return dst;
}

/* `n` digits at `at` as a number in [lo, hi]. */
static bool
digits(struct span s, size_t at, size_t n, int lo, int hi, int *ret)
{
	uint64_t v;

	if (at + n > s.n || !span_uint(span_of(s.p + at, n), (uint64_t)hi, &v) || (int)v < lo)
		return false;
	*ret = (int)v;
	return true;
}

static bool
to_unix(struct tm *tm, int64_t *ret)
{
	struct tm copy = *tm;
	time_t t = timegm(&copy);

	/* timegm accepts 31 February; the date must come back unchanged */
	if (t < 0 || copy.tm_mday != tm->tm_mday || copy.tm_mon != tm->tm_mon)
		return false;
	*ret = t;
	return true;
}

bool
time_rfc3339_parse(struct span s, int64_t *ret_unix_s)
{
	struct tm tm = { 0 };
	int year, mon, oh, om, leap;
	int64_t t, offset = 0;
	size_t at = 19;

	if (s.n < 20 || s.p[4] != '-' || s.p[7] != '-' || (s.p[10] != 'T' && s.p[10] != 't') ||
		s.p[13] != ':' || s.p[16] != ':')
		return false;
	if (!digits(s, 0, 4, 1970, 9999, &year) || !digits(s, 5, 2, 1, 12, &mon) ||
		!digits(s, 8, 2, 1, 31, &tm.tm_mday) || !digits(s, 11, 2, 0, 23, &tm.tm_hour) ||
		!digits(s, 14, 2, 0, 59, &tm.tm_min) || !digits(s, 17, 2, 0, 60, &tm.tm_sec))
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = mon - 1;
	/* a leap second has no number of its own: it is the next one's, which may be another day's */
	leap = tm.tm_sec == 60;
	tm.tm_sec -= leap;
	if (s.p[at] == '.') {
		size_t first = ++at;

		while (at < s.n && s.p[at] >= '0' && s.p[at] <= '9')
			at++;
		if (at == first || at == s.n)
			return false;
	}
	if (s.p[at] == 'Z' || s.p[at] == 'z') {
		at++;
	} else if (s.p[at] == '+' || s.p[at] == '-') {
		if (!digits(s, at + 1, 2, 0, 23, &oh) || at + 3 >= s.n || s.p[at + 3] != ':' ||
			!digits(s, at + 4, 2, 0, 59, &om))
			return false;
		offset = (oh * 3600 + om * 60) * (s.p[at] == '+' ? 1 : -1);
		at += 6;
	}
	if (at != s.n || !to_unix(&tm, &t) || t < offset)
		return false;
	*ret_unix_s = t + leap - offset;
	return true;
}

bool
time_http_parse(struct span s, int64_t *ret_unix_s)
{
	static const char *const forms[] = { "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
		"%a %b %d %H:%M:%S %Y" };
	char text[64];

	s = span_trim(s);
	if (!span_copy(s, text, sizeof(text)))
		return false;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = { 0 };
		const char *end = strptime(text, forms[i], &tm);

		if (end && *end == '\0')
			return to_unix(&tm, ret_unix_s);
	}
	return false;
}

bool
time_retry_after(struct span s, int64_t now_unix_s, int64_t *ret_delay_s)
{
	uint64_t v;
	int64_t at;
	bool all_digits = true;

	s = span_trim(s);
	for (size_t i = 0; i < s.n; i++)
		all_digits = all_digits && s.p[i] >= '0' && s.p[i] <= '9';
	if (s.n == 0)
		return false;
	if (all_digits) {
		/* saturate: a number of any length is a long time */
		*ret_delay_s = span_uint(s, INT32_MAX, &v) ? (int64_t)v : INT32_MAX;
		return true;
	}
	if (!time_http_parse(s, &at))
		return false;
	*ret_delay_s = at > now_unix_s ? at - now_unix_s : 0;
	return true;
}
