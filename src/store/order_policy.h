/* order_policy.h - by which rules an order was made, what was known then, and which CAs may have it. In a transaction. */
#ifndef STORE_ORDER_POLICY_H
#define STORE_ORDER_POLICY_H

#include "sql/sql.h"

struct order_policy {
	int64_t order_id;
	char *facts;      /* JSON object (gate/conf_facts.h); owned */
	char *rules;      /* JSON array: the name of a rule for each identifier, then for each mapped name; owned */
	char *upstreams;  /* entries that may issue, with a blank between; "" = all of the profile; owned */
};
void order_policy_done(struct order_policy *p);

/* Once for an order. */
bool order_policy_insert(struct sql *db, const struct order_policy *p, struct problem *pr) MUST_CHECK;
/* *ret_found false: none is on record, *ret untouched. */
bool order_policy_get(struct sql *db, int64_t order_id, struct order_policy *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* At finalize more is known, and another rule may be the one. */
bool order_policy_update(struct sql *db, const struct order_policy *p, struct problem *pr) MUST_CHECK;

/* Orders, newest first, below the row id `before` (0 = from the top), at most `limit`; fn answers false to see no more. */
struct order_policy_row { int64_t id; const char *ref, *idents, *mapped; int64_t created_at; struct order_policy p; }; /* valid within the callback */
typedef bool (*order_policy_fn)(const struct order_policy_row *row, void *arg);
bool order_policy_each(struct sql *db, int64_t before, int64_t limit, order_policy_fn fn, void *arg, struct problem *pr) MUST_CHECK;

/* Certificates of a principal that are neither over nor revoked, counted up to `most`. */
bool order_policy_outstanding(struct sql *db, int64_t principal, int64_t now, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
#endif
