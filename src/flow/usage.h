/* flow/usage.h - may an order be made, by the quotas of the configuration? In newOrder's transaction. */
#ifndef FLOW_USAGE_H
#define FLOW_USAGE_H

#include "gate/conf.h"
#include "store/order.h"
#include "store/usage.h"

/* Soft limits that were passed, to be logged after the commit: more than so many are not told. */
#define USAGE_WARNED_MAX 4
struct usage_warned {
	size_t count;
	struct { char quota[QUOTA_TEXT], subject[SUBJECT_TEXT]; int64_t used; } list[USAGE_WARNED_MAX];
};

/* Before the order is made: is there one left of each quota that holds for it? `account_ref` stands for an account without a key. A
 * refusal is rateLimited with the time to come again where time heals it, else unauthorized (T5); the detail names the quota, how much
 * it is and whom to ask. */
bool usage_check(struct sql *db, const struct gate_conf *conf, const struct order *o, const char *account_ref, int64_t now, struct problem *pr) MUST_CHECK;
/* After: the order, which has its id, takes one of each. */
bool usage_claim(struct sql *db, const struct gate_conf *conf, const struct order *o, const char *account_ref, int64_t now, struct usage_warned *ret,
	struct problem *pr) MUST_CHECK;
#endif
