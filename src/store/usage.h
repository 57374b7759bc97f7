/* usage.h - what is used of quotas (quota/usage.h): counters, and what each order and certificate holds of them. In a transaction.
 *
 * A hold is one of a counter; it is given back when its order ends invalid, or what it stands for is over. Those of a day or month are
 * spent when there is a certificate. */
#ifndef STORE_USAGE_H
#define STORE_USAGE_H

#include "quota/usage.h"
#include "sql/sql.h"

#define QUOTA_TEXT 65
#define SUBJECT_TEXT 1100 /* a tenant, a kid, an account, a device */

struct usage_count {
	int64_t id;
	char quota[QUOTA_TEXT], subject[SUBJECT_TEXT];
	enum usage_counts counts;
	int64_t begin, end; /* of the period, 0 = it has none */
	int64_t used;
};

/* One more: sets id and used. */
bool usage_take(struct sql *db, struct usage_count *c, struct problem *pr) MUST_CHECK;
/* ... which the order holds. */
bool usage_hold(struct sql *db, int64_t order_id, const struct usage_count *c, struct problem *pr) MUST_CHECK;
/* The order has ended without a certificate: all it holds is given back. */
bool usage_give_back(struct sql *db, int64_t order_id, struct problem *pr) MUST_CHECK;
/* It has one: what counts pending orders is given back, what counts certificates of a time is spent, and what counts live ones is the
 * certificate's from now on; of one that holds it already, by another order, it is given back. */
bool usage_settle(struct sql *db, int64_t order_id, int64_t cert_id, struct problem *pr) MUST_CHECK;
/* The certificate is over, revoked or, by its certID (canonical), replaced. */
bool usage_end_cert(struct sql *db, int64_t cert_id, struct problem *pr) MUST_CHECK;
bool usage_end_certid(struct sql *db, const char *certid, struct problem *pr) MUST_CHECK;
/* Those whose time is over, at most `limit`; and counters of periods that ended before `before`, and of nothing. */
bool usage_sweep(struct sql *db, int64_t now, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;

/* How much is used in the period that begins then; 0 if nothing is on record. */
bool usage_used(struct sql *db, const char *quota, const char *subject, int64_t begin, int64_t *ret, struct problem *pr) MUST_CHECK;
/* For operators: counters of a quota ("" = all) whose period has not ended, newest first, below the row id `before` (0 = from the top). */
typedef void (*usage_each_fn)(const struct usage_count *c, void *arg);
bool usage_list(struct sql *db, const char *quota, int64_t now, int64_t before, int64_t limit, usage_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
bool usage_list_count(struct sql *db, const char *quota, int64_t now, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
#endif
