/* hours.c - see hours.h. */
#include "policy/hours.h"

#include <stdlib.h>
#include <string.h>

#define DAY_S 86400
#define DAY_MIN 1440
#define WEEK_ALL 0x7f

/* ---- zones ---- */

#define HEAD_BYTES 44
#define TYPES_MAX 256
#define OFFSET_MAX_S 93599 /* RFC 8536 3.2: -25:59:59 to 26:00:00 */

struct policy_zone {
	size_t count;
	int64_t *at;        /* from then on, ascending */
	int32_t *offset_s;
	int32_t first_s;    /* before all of them */
};

static uint32_t
read32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t
read64(const unsigned char *p)
{
	return (int64_t)((uint64_t)read32(p) << 32 | read32(p + 4));
}

/* The six counts of a header, in their order: isutcnt isstdcnt leapcnt timecnt typecnt charcnt. */
static bool
read_head(struct span file, size_t counts[6])
{
	const unsigned char *p = (const unsigned char *)file.p;

	if (file.n < HEAD_BYTES || !span_starts(file, "TZif") || p[4] < '2')
		return false;
	for (size_t i = 0; i < 6; i++) {
		counts[i] = read32(p + 20 + 4 * i);
		if (counts[i] > POLICY_ZONE_MAX_BYTES)
			return false;
	}
	return true;
}

static size_t
block_bytes(const size_t c[6], size_t time_bytes)
{
	return c[3] * (time_bytes + 1) + c[4] * 6 + c[5] + c[2] * (time_bytes + 4) + c[1] + c[0];
}

/* Transitions and types of the 64 bit block, which is all of the file that counts. What the footer says of times behind the last
 * transition is not read: Debian's files have them till 2037. */
static bool
read_block(const unsigned char *p, const size_t c[6], struct policy_zone *z)
{
	const unsigned char *index = p + c[3] * 8, *types = index + c[3];

	z->at = xcalloc(c[3] + 1, sizeof(*z->at));
	z->offset_s = xcalloc(c[3] + 1, sizeof(*z->offset_s));
	z->first_s = (int32_t)read32(types);
	for (size_t i = 0; i < c[3]; i++) {
		if (index[i] >= c[4])
			return false;
		z->at[i] = read64(p + 8 * i);
		z->offset_s[i] = (int32_t)read32(types + 6 * index[i]);
		if (i > 0 && z->at[i] <= z->at[i - 1])
			return false;
		if (z->offset_s[i] < -OFFSET_MAX_S || z->offset_s[i] > OFFSET_MAX_S)
			return false;
	}
	z->count = c[3];
	return z->first_s >= -OFFSET_MAX_S && z->first_s <= OFFSET_MAX_S;
}

bool
policy_zone_parse(struct span file, struct policy_zone **ret, struct problem *pr)
{
	size_t c[6];
	struct policy_zone *z;

	if (!read_head(file, c) || file.n < HEAD_BYTES + block_bytes(c, 4))
		return problem_set(pr, PROBLEM_MALFORMED, "is no file of a time zone (RFC 8536)");
	file = span_from(file, HEAD_BYTES + block_bytes(c, 4));
	if (!read_head(file, c) || c[4] == 0 || c[4] > TYPES_MAX || file.n < HEAD_BYTES + block_bytes(c, 8))
		return problem_set(pr, PROBLEM_MALFORMED, "is no file of a time zone (RFC 8536)");
	z = xcalloc(1, sizeof(*z));
	if (!read_block((const unsigned char *)file.p + HEAD_BYTES, c, z)) {
		policy_zone_free(z);
		return problem_set(pr, PROBLEM_MALFORMED, "has times that are none of a time zone");
	}
	*ret = z;
	return true;
}

void
policy_zone_free(struct policy_zone *z)
{
	if (!z)
		return;
	free(z->at);
	free(z->offset_s);
	free(z);
}

int64_t
policy_zone_offset(const struct policy_zone *z, int64_t unix_s)
{
	size_t low = 0, high = z ? z->count : 0;

	if (!z)
		return 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (z->at[mid] <= unix_s)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? z->offset_s[low - 1] : z->first_s;
}

/* ---- hours and days ---- */

static bool
read_minute(struct span text, int *ret)
{
	struct span hour, minute;
	uint64_t h, m;

	if (!span_cut(&text, ':', &hour) || !span_cut(&text, ':', &minute) || text.p || hour.n != 2 || minute.n != 2 ||
		!span_uint(hour, 24, &h) || !span_uint(minute, 59, &m) || h * 60 + m > DAY_MIN)
		return false;
	*ret = (int)(h * 60 + m);
	return true;
}

bool
policy_hours_parse(struct span text, struct policy_hours *ret, struct problem *pr)
{
	struct span rest = text, from, to;
	int a, b;

	if (!span_cut(&rest, '-', &from) || !span_cut(&rest, '-', &to) || rest.p || !read_minute(from, &a) || !read_minute(to, &b) || a == b ||
		a == DAY_MIN)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is not from when to when, such as \"08:00-18:00\"", QUOTE(text));
	ret->from_min = a;
	ret->to_min = b;
	return true;
}

static int
read_day(struct span text)
{
	static const char *const names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

	for (int i = 0; i < 7; i++) {
		if (span_is(text, names[i]))
			return i;
	}
	return -1;
}

bool
policy_days_parse(struct span text, struct policy_hours *ret, struct problem *pr)
{
	struct span rest = text, first, last;
	int from, to;

	if (!span_cut(&rest, '-', &first))
		first = text;
	if (!rest.p || !span_cut(&rest, '-', &last))
		last = first;
	from = read_day(first);
	to = read_day(last);
	if (rest.p || from < 0 || to < 0)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is none of mon, tue, wed, thu, fri, sat, sun, and no span of them such as mon-fri", QUOTE(text));
	for (int day = from;; day = (day + 1) % 7) {
		ret->days |= 1u << day;
		if (day == to)
			return true;
	}
}

bool
policy_hours_are_set(const struct policy_hours *h)
{
	return h->days != 0 || h->from_min != h->to_min;
}

bool
policy_hours_have(const struct policy_hours *h, int64_t unix_s)
{
	int64_t local = unix_s + policy_zone_offset(h->zone, unix_s);
	int64_t day = local >= 0 ? local / DAY_S : -((-local + DAY_S - 1) / DAY_S);
	int minute = (int)((local - day * DAY_S) / 60);
	unsigned days = h->days ? h->days : WEEK_ALL;
	/* 1970-01-01 was a Thursday */
	unsigned today = (unsigned)(((day % 7) + 10) % 7), yesterday = (today + 6) % 7;

	if (h->from_min == h->to_min)
		return days >> today & 1;
	if (h->from_min < h->to_min)
		return minute >= h->from_min && minute < h->to_min && (days >> today & 1);
	return minute >= h->from_min ? days >> today & 1 : minute < h->to_min && (days >> yesterday & 1);
}
