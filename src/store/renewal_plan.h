/* renewal_plan.h - where in its window each certificate's place is, and how many are counted for an hour of a CA. Within a transaction; see
 * account.h for the manner.
 *
 * A plan is made for one window of the CA. Whoever writes another one into `renewal` need not know of plans: the row is among the unplanned
 * from then on. */
#ifndef STORE_RENEWAL_PLAN_H
#define STORE_RENEWAL_PLAN_H

#include "store/order.h"
#include "store/renewal.h"

/* What a plan is made from. */
struct plan_row {
	struct renewal_row renewal; /* without its explanation */
	bool is_current; /* the plan is for the window that the CA has said last */
	int64_t order_id;
	char profile[PROFILE_TEXT], upstream[UPSTREAM_TEXT];
};

/* *ret_found false: no such certificate. */
bool plan_by_cert(struct sql *db, int64_t cert_id, struct plan_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
#define PLAN_BATCH_MAX 500
/* Up to `max` (at most PLAN_BATCH_MAX) that have no plan for the window that the CA has said last. */
bool plan_each_missing(struct sql *db, size_t max, struct plan_row *ret, size_t *ret_count, struct problem *pr) MUST_CHECK;
/* Of those that live at `now` and are not replaced, by row id above `after`. */
bool plan_each_live(struct sql *db, int64_t now, int64_t after, size_t max, struct plan_row *ret, size_t *ret_count, struct problem *pr) MUST_CHECK;

/* The plan of row->renewal (planned_start, planned_end, plan_why) is for its ca_start and ca_end. changed_at 0: what is told of it stays as
 * it was. */
bool plan_set(struct sql *db, const struct plan_row *row, int64_t changed_at, struct problem *pr) MUST_CHECK;
/* It is no longer one of those that are counted: revoked, or replaced. */
bool plan_release(struct sql *db, int64_t cert_id, struct problem *pr) MUST_CHECK;

/* hour: unix s / 3600. */
bool plan_count(struct sql *db, const char *upstream, int64_t hour, int64_t *ret, struct problem *pr) MUST_CHECK;
bool plan_count_add(struct sql *db, const char *upstream, int64_t hour, int64_t n, struct problem *pr) MUST_CHECK;
/* Of hours from `first` on, ret[0] being that of `first`. */
bool plan_counts(struct sql *db, const char *upstream, int64_t first, size_t count, uint32_t *ret, struct problem *pr) MUST_CHECK;
/* Hours before `before` are deleted, at most `limit`. */
bool plan_sweep(struct sql *db, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;
#endif
