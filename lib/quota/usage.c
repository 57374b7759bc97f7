/* usage.c - see usage.h. */
#include "quota/usage.h"

#include "base/mem.h"

#define DAY_S 86400

static const char *const names[] = {
	[USAGE_DAY] = "certificates_per_day",
	[USAGE_MONTH] = "certificates_per_month",
	[USAGE_LIVE] = "live_certificates",
	[USAGE_PENDING] = "pending_orders",
};
_Static_assert(COUNT_OF(names) == USAGE__COUNT, "each has a name");

const char *
usage_counts_name(enum usage_counts counts)
{
	return names[counts];
}

static bool
is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
days_of(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return days[month] + (month == 1 && is_leap(year));
}

/* By whole cycles of 400 years first, so that it takes some hundred steps at most. */
static void
month_of(int64_t day, int64_t *ret_first_day, int64_t *ret_next_day)
{
	const int64_t cycle = 146097; /* days of 400 years */
	int64_t year = 1970 + day / cycle * 400, at = day / cycle * cycle;
	int month = 0;

	while (at + 365 + is_leap(year) <= day)
		at += 365 + is_leap(year++);
	while (at + days_of(year, month) <= day)
		at += days_of(year, month++);
	*ret_first_day = at;
	*ret_next_day = at + days_of(year, month);
}

void
usage_period(enum usage_counts counts, int64_t now, int64_t *ret_begin, int64_t *ret_end)
{
	int64_t first = now / DAY_S, next = first + 1;

	*ret_begin = *ret_end = 0;
	if (counts != USAGE_DAY && counts != USAGE_MONTH)
		return;
	if (counts == USAGE_MONTH)
		month_of(now / DAY_S, &first, &next);
	*ret_begin = first * DAY_S;
	*ret_end = next * DAY_S;
}

enum usage_verdict
usage_judge(int64_t used, int64_t soft, int64_t hard, bool exempt)
{
	if (hard && used > hard && !exempt)
		return USAGE_REFUSE;
	return soft && used == soft + 1 ? USAGE_WARN : USAGE_FREE;
}

int64_t
usage_left(int64_t used, int64_t hard)
{
	if (!hard)
		return -1;
	return used < hard ? hard - used : 0;
}
