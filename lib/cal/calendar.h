/* calendar.h - when something may be done: hours of the week by the clocks of a time zone, and dates on which it may not.
 *
 * A calendar is filled by one owner; from then on any number of threads may ask it. Zones are those of the system's tz database, read when
 * the calendar is made (GLib reads them: that of the C library is one for the whole process). */
#ifndef CAL_CALENDAR_H
#define CAL_CALENDAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/problem.h"

struct calendar;

#define CALENDAR_HOURS_MAX 32     /* entries each */
#define CALENDAR_BLACKOUTS_MAX 128

/* By IANA name: "Europe/Berlin". False: this machine does not know it. */
bool calendar_new(const char *zone, struct calendar **ret, struct problem *pr) MUST_CHECK;
void calendar_free(struct calendar *c);
/* "DAYS FROM-TO": "daily 01:00-05:00", "sat,sun 00:00-24:00", "mon-fri 22:00-04:00", which ends on the next day. Without hours all hours
 * are permitted. */
bool calendar_add_hours(struct calendar *c, const char *text, struct problem *pr) MUST_CHECK;
/* "FROM/TO", each a date ("2026-12-20/2027-01-06": TO is the last day of it) or a date and a time ("2026-12-20T18:00"). */
bool calendar_add_blackout(struct calendar *c, const char *text, struct problem *pr) MUST_CHECK;

/* Unix s; the end is not part of it. */
struct calendar_span {
	int64_t start, end;
};
/* The parts of [start, end) that it permits, one after the other, at most `max`: how many. Of an hour that clocks show twice only what is
 * surely meant counts, of one that they leave out nothing. */
size_t calendar_permits(const struct calendar *c, int64_t start, int64_t end, struct calendar_span *ret, size_t max);
#endif
