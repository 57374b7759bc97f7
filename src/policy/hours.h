/* hours.h - times of the week, in a zone: "mon-fri", "08:00-18:00", "Europe/Berlin". Pure. Any thread. */
#ifndef POLICY_HOURS_H
#define POLICY_HOURS_H

#include "base/mem.h"
#include "base/problem.h"
#include "base/span.h"

/* A time zone as in zoneinfo files (RFC 8536). */
struct policy_zone;
/* PROBLEM_MALFORMED: it is none, or too large. */
bool policy_zone_parse(struct span file, struct policy_zone **ret, struct problem *pr) MUST_CHECK;
void policy_zone_free(struct policy_zone *zone);
/* Seconds east of Greenwich then; zone NULL: 0. */
int64_t policy_zone_offset(const struct policy_zone *zone, int64_t unix_s);

#define POLICY_ZONE_MAX_BYTES (64 * 1024)

/* All zero: always. */
struct policy_hours {
	unsigned days;          /* bits, 1 = Monday; 0 = all. Of a night it is the day when it begins */
	int from_min, to_min;   /* of the day; the same: all of it; from later than to: over midnight */
	const struct policy_zone *zone; /* borrowed; NULL = UTC */
};
/* "08:00-18:00" into from_min and to_min; 24:00 is the end of a day. */
bool policy_hours_parse(struct span text, struct policy_hours *ret, struct problem *pr) MUST_CHECK;
/* "mon", or "mon-fri", or "sat-mon", added to days. */
bool policy_days_parse(struct span text, struct policy_hours *ret, struct problem *pr) MUST_CHECK;
bool policy_hours_are_set(const struct policy_hours *h);
bool policy_hours_have(const struct policy_hours *h, int64_t unix_s);
#endif
