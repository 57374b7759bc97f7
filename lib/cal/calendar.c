/* calendar.c - see calendar.h. Local times are counted in seconds as if they were UTC. */
#include "cal/calendar.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/span.h"

#define DAY_S 86400
#define MINUTES_MAX (24 * 60)
#define EPOCH_WEEKDAY 3 /* 1 January 1970 was a Thursday; Monday is 0 */
#define ZONE_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/"

struct weekly {
	unsigned days; /* bit 0 = Monday */
	int from_min, to_min; /* of the day; from_min < to_min, which may be on the next */
};

struct calendar {
	GTimeZone *zone;
	struct weekly hours[CALENDAR_HOURS_MAX];
	size_t hour_count;
	struct calendar_span blackouts[CALENDAR_BLACKOUTS_MAX];
	size_t blackout_count;
};

bool
calendar_new(const char *zone, struct calendar **ret, struct problem *pr)
{
	GTimeZone *found = NULL;

	/* GLib takes paths and bare offsets as well */
	if (g_ascii_isalpha(zone[0]) && zone[strspn(zone, ZONE_LETTERS)] == '\0')
		found = g_time_zone_new_identifier(zone);
	if (!found)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is no time zone that this machine knows, as \"Europe/Berlin\" is one",
			QUOTE(span_str(zone)));
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->zone = found;
	return true;
}

void
calendar_free(struct calendar *c)
{
	if (!c)
		return;
	g_time_zone_unref(c->zone);
	free(c);
}

/* ---- local times ---- */

static int64_t
offset_at(const struct calendar *c, int64_t unix_s)
{
	return g_time_zone_get_offset(c->zone, g_time_zone_find_interval(c->zone, G_TIME_TYPE_UNIVERSAL, unix_s));
}

/* The moment at which the offset changes, between two of different offsets. */
static int64_t
change_between(const struct calendar *c, int64_t before, int64_t after)
{
	int64_t old = offset_at(c, before);

	while (after - before > 1) {
		int64_t middle = before + (after - before) / 2;

		if (offset_at(c, middle) == old)
			before = middle;
		else
			after = middle;
	}
	return after;
}

/* When clocks show `local`: of two moments the first or the last, of none the one at which they leave it out. */
static int64_t
unix_of(const struct calendar *c, int64_t local, bool last)
{
	int64_t old = offset_at(c, local - DAY_S), new = offset_at(c, local + DAY_S);
	int64_t by_old = local - old, by_new = local - new;
	bool old_fits = offset_at(c, by_old) == old, new_fits = offset_at(c, by_new) == new;

	if (old_fits && new_fits)
		return last == (by_old > by_new) ? by_old : by_new;
	if (old_fits || new_fits)
		return old_fits ? by_old : by_new;
	return change_between(c, local - DAY_S, local + DAY_S);
}

/* ---- texts ---- */

/* So many digits, which are a number up to `max`. */
static bool
take_number(const char **p, int digits, int max, int *ret)
{
	int n = 0;

	for (int i = 0; i < digits; i++, (*p)++) {
		if (!g_ascii_isdigit(**p))
			return false;
		n = n * 10 + (**p - '0');
	}
	*ret = n;
	return n <= max;
}

static bool
take(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* "HH:MM", up to 24:00, in minutes. */
static bool
take_time(const char **p, int *ret_min)
{
	int hour, minute;

	if (!take_number(p, 2, 24, &hour) || !take(p, ':') || !take_number(p, 2, 59, &minute))
		return false;
	*ret_min = hour * 60 + minute;
	return *ret_min <= MINUTES_MAX;
}

static bool
take_day(const char **p, int *ret)
{
	static const char names[7][4] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };

	for (int i = 0; i < 7; i++) {
		if (strncmp(*p, names[i], 3) == 0) {
			*p += 3;
			*ret = i;
			return true;
		}
	}
	return false;
}

/* "daily", or days and ranges of days with commas between them. */
static bool
take_days(const char **p, unsigned *ret)
{
	int from, to;

	*ret = 0;
	if (strncmp(*p, "daily", 5) == 0) {
		*p += 5;
		*ret = 0x7f;
		return true;
	}
	do {
		if (!take_day(p, &from))
			return false;
		to = from;
		if (take(p, '-') && !take_day(p, &to))
			return false;
		for (*ret |= 1u << from; from != to; *ret |= 1u << from)
			from = (from + 1) % 7;
	} while (take(p, ','));
	return true;
}

bool
calendar_add_hours(struct calendar *c, const char *text, struct problem *pr)
{
	struct weekly w;
	const char *p = text;

	if (!take_days(&p, &w.days) || !take(&p, ' ') || !take_time(&p, &w.from_min) || !take(&p, '-') || !take_time(&p, &w.to_min) || *p)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is no hours of the week, as \"mon-fri 01:00-05:00\" and \"daily 22:00-04:00\" are",
			QUOTE(span_str(text)));
	if (w.from_min == MINUTES_MAX || w.from_min == w.to_min)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is no time at all; a whole day is 00:00-24:00", QUOTE(span_str(text)));
	if (c->hour_count == CALENDAR_HOURS_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "there are more than %d entries", CALENDAR_HOURS_MAX);
	if (w.to_min < w.from_min)
		w.to_min += MINUTES_MAX;
	c->hours[c->hour_count++] = w;
	return true;
}

/* A date, or date and time, as local seconds; of a date alone its beginning, or with `end` its end. */
static bool
take_date(const char **p, bool end, int64_t *ret)
{
	int year, month, day, minute;
	struct tm tm = { 0 };
	time_t t;

	if (!take_number(p, 4, 9000, &year) || !take(p, '-') || !take_number(p, 2, 12, &month) || !take(p, '-') || !take_number(p, 2, 31, &day))
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	t = timegm(&tm);
	/* 31 June would be 1 July */
	if (year < 1970 || month < 1 || day < 1 || tm.tm_mday != day)
		return false;
	if (!take(p, 'T')) {
		*ret = t + (end ? DAY_S : 0);
		return true;
	}
	if (!take_time(p, &minute))
		return false;
	*ret = t + (int64_t)minute * 60;
	return true;
}

bool
calendar_add_blackout(struct calendar *c, const char *text, struct problem *pr)
{
	const char *p = text;
	int64_t from, to;

	if (!take_date(&p, false, &from) || !take(&p, '/') || !take_date(&p, true, &to) || *p)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is no time from one date to another, as \"2026-12-20/2027-01-06\" and "
			"\"2026-12-31T18:00/2027-01-01T06:00\" are", QUOTE(span_str(text)));
	if (from >= to)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" ends before it begins", QUOTE(span_str(text)));
	if (c->blackout_count == CALENDAR_BLACKOUTS_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "there are more than %d entries", CALENDAR_BLACKOUTS_MAX);
	c->blackouts[c->blackout_count++] = (struct calendar_span){ unix_of(c, from, false), unix_of(c, to, true) };
	return true;
}

/* ---- what is permitted ---- */

struct spans {
	struct calendar_span *list;
	size_t count, max;
};

/* In the order of their starts; what touches is one. False: there is no room. */
static bool
add_span(struct spans *s, struct calendar_span span)
{
	size_t i = s->count;

	while (i > 0 && s->list[i - 1].start > span.start)
		i--;
	if (i > 0 && s->list[i - 1].end >= span.start) {
		i--;
		if (s->list[i].end < span.end)
			s->list[i].end = span.end;
	} else {
		if (s->count == s->max)
			return false;
		memmove(s->list + i + 1, s->list + i, (s->count - i) * sizeof(*s->list));
		s->list[i] = span;
		s->count++;
	}
	while (i + 1 < s->count && s->list[i + 1].start <= s->list[i].end) {
		if (s->list[i].end < s->list[i + 1].end)
			s->list[i].end = s->list[i + 1].end;
		s->count--;
		memmove(s->list + i + 1, s->list + i + 2, (s->count - i - 1) * sizeof(*s->list));
	}
	return true;
}

static void
add_hours(const struct calendar *c, int64_t start, int64_t end, struct spans *s)
{
	/* from the day before: what begins late ends on the next; offsets are less than a day */
	for (int64_t day = start / DAY_S - 2; day <= end / DAY_S + 1; day++) {
		unsigned weekday = (unsigned)(((day + EPOCH_WEEKDAY) % 7 + 7) % 7);

		for (size_t i = 0; i < c->hour_count; i++) {
			const struct weekly *w = &c->hours[i];
			struct calendar_span span;

			if (!(w->days >> weekday & 1))
				continue;
			span.start = unix_of(c, day * DAY_S + (int64_t)w->from_min * 60, true);
			span.end = unix_of(c, day * DAY_S + (int64_t)w->to_min * 60, false);
			span.start = span.start < start ? start : span.start;
			span.end = span.end > end ? end : span.end;
			if (span.start < span.end && !add_span(s, span))
				return;
		}
	}
}

static void
take_off(struct spans *s, struct calendar_span off)
{
	for (size_t i = 0; i < s->count;) {
		struct calendar_span *span = &s->list[i], rest = { off.end, span->end };

		if (off.end <= span->start || off.start >= span->end) {
			i++;
		} else if (off.start > span->start) {
			span->end = off.start;
			i++;
			/* its other part comes next; without room for it less is permitted */
			if (rest.start < rest.end)
				add_span(s, rest);
		} else if (off.end < span->end) {
			span->start = off.end;
			i++;
		} else {
			s->count--;
			memmove(span, span + 1, (s->count - i) * sizeof(*span));
		}
	}
}

size_t
calendar_permits(const struct calendar *c, int64_t start, int64_t end, struct calendar_span *ret, size_t max)
{
	struct spans s = { ret, 0, max };

	if (start >= end || max == 0)
		return 0;
	if (c->hour_count)
		add_hours(c, start, end, &s);
	else
		add_span(&s, (struct calendar_span){ start, end });
	for (size_t i = 0; i < c->blackout_count; i++)
		take_off(&s, c->blackouts[i]);
	return s.count;
}
