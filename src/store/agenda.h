/* agenda.h - how many certificates are to be renewed when, and were; who is late. Within a transaction; see account.h for the manner.
 *
 * A certificate is due in the hour in which its window ends: that of its incident, or as it was planned (store/renewal_plan.h). Counted by
 * indexes, over the rows of the span that is asked for alone. Times are unix seconds. */
#ifndef STORE_AGENDA_H
#define STORE_AGENDA_H

#include "sql/sql.h"
#include "store/order.h"

struct agenda_counts {
	int64_t due;     /* whose window ends then, revoked ones apart: */
	int64_t planned; /* it is not over, and they are not renewed yet */
	int64_t late;    /* it is over, and they live and are not renewed */
	int64_t lapsed;  /* they ran out without being renewed */
	int64_t done;    /* renewed then, whenever they were due */
};
struct agenda_span {
	int64_t from, until; /* from <= t < until */
	int64_t step_s;      /* of one slot */
	int64_t now;
};
#define AGENDA_SLOTS_MAX 2000
/* ret[i]: of slot i, as many as there are in the span. */
bool agenda_slots(struct sql *db, const struct agenda_span *span, struct agenda_counts *ret, struct problem *pr) MUST_CHECK;
/* Of the whole span, by profile or by tenant; all of `due` first, then again for `done`. */
enum agenda_by { AGENDA_BY_PROFILE, AGENDA_BY_TENANT };
typedef void (*agenda_fn)(struct span who, const struct agenda_counts *n, void *arg);
bool agenda_each(struct sql *db, const struct agenda_span *span, enum agenda_by by, agenda_fn fn, void *arg, struct problem *pr) MUST_CHECK;

/* Certificates that live and are not renewed: whose window was over at `late_before`; that run out before `ends_before`. 0 = not asked. */
struct agenda_alarm {
	int64_t late, expiring;
};
bool agenda_alarm(struct sql *db, int64_t now, int64_t late_before, int64_t ends_before, struct agenda_alarm *ret, struct problem *pr) MUST_CHECK;
/* The same by how long ago, and how soon; 0 = not asked. */
bool agenda_alarm_of(struct sql *db, int64_t now, int64_t late_after_s, int64_t soon_s, struct agenda_alarm *ret, struct problem *pr) MUST_CHECK;
#endif
