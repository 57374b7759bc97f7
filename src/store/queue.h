/* queue.h - orders that wait for their CA, as the store has them: who they are in the queue, and what was last foretold. Columns of
 * upstream_order. In a transaction; times are unix seconds.
 *
 * A row is in the queue from queue_enter or queue_back on, until upstream_order_intend or queue_leave; all others are in flight, or parked. Who
 * leads the queue (upstream/dispatch.h) holds it in memory, and could make it anew from here at any time. */
#ifndef STORE_QUEUE_H
#define STORE_QUEUE_H

#include "sql/sql.h"
#include "store/order.h"

/* Numbers are stored. */
enum queue_state {
	QUEUE_OUT = 0,  /* in flight */
	QUEUE_NEW = 1,  /* nobody has foretold anything of it yet */
	QUEUE_TOLD = 2,
	QUEUE_PARKED = 3, /* in none, and nobody works on it: the CA's order is ready, has never had a CSR, and waits for the device's */
};

struct queue_row {
	int64_t order_id;
	enum queue_state state;
	int64_t class;       /* enum sched_class */
	int64_t since, deadline;
	int64_t urgent_at;   /* from then on it is urgent, since what it replaces runs out; 0 = never */
	int64_t not_before;  /* 0 = at once */
	int64_t pauses;      /* times in a row that it went out and came back */
	int64_t bucket, until, place; /* as foretold: waits for this bucket (0 = none), admitted then (0 = not known), so many before it */
	char upstream[UPSTREAM_TEXT];
};

/* Of a row that is there: class, since, deadline, urgent_at. */
bool queue_enter(struct sql *db, const struct queue_row *q, struct problem *pr) MUST_CHECK;
/* It has not become an order, or not a certificate: it waits again, its place kept, perhaps for a bucket of its own (0 = for none). Its
 * newOrder is not under way. */
bool queue_back(struct sql *db, int64_t order_id, int64_t not_before, int64_t bucket, struct problem *pr) MUST_CHECK;
/* Nobody needs to admit it: it is worked on as it is. */
bool queue_leave(struct sql *db, int64_t order_id, struct problem *pr) MUST_CHECK;
/* It was begun before the device's CSR (U1), which is all that it needs now; until queue_leave or queue_back. */
bool queue_park(struct sql *db, int64_t order_id, struct problem *pr) MUST_CHECK;
/* An order for these names that is parked at this entry of upstreams, and that nobody has finalized; 0 = there is none. */
bool queue_parked_of(struct sql *db, const char *upstream, const char *idents_key, int64_t *ret_order_id, struct problem *pr) MUST_CHECK;
/* Urgent by now. */
bool queue_set_class(struct sql *db, int64_t order_id, int64_t class, struct problem *pr) MUST_CHECK;
/* What is foretold of one that waits; nothing happens if it does not. `urgent` as ledger/ledger.h has it. */
bool queue_tell(struct sql *db, int64_t order_id, int64_t bucket, int64_t until, int64_t place, bool urgent, struct problem *pr) MUST_CHECK;
bool queue_get(struct sql *db, int64_t order_id, struct queue_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Rows in this state with ids above `after`, by id; at most `limit`. */
bool queue_rows(struct sql *db, enum queue_state state, int64_t after, int64_t limit, struct queue_row *ret, size_t *ret_count, struct problem *pr) MUST_CHECK;

/* ---- places kept (T3) ---- */

struct queue_place {
	int64_t principal, since, until, bucket;
	char upstream[UPSTREAM_TEXT], idents_key[IDENTS_KEY_TEXT];
};
/* Kept until then; of one that is kept already `since` stays. */
bool place_keep(struct sql *db, const struct queue_place *p, struct problem *pr) MUST_CHECK;
/* Since when it is kept; 0 = it is not. */
bool place_find(struct sql *db, int64_t principal, const char *upstream, const char *idents_key, int64_t now, int64_t *ret_since, struct problem *pr) MUST_CHECK;
bool place_drop(struct sql *db, int64_t principal, const char *upstream, const char *idents_key, struct problem *pr) MUST_CHECK;
/* How many are kept for a principal; of more than `most`, so many. */
bool places_of(struct sql *db, int64_t principal, int64_t now, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
/* Places kept for this bucket since before then. */
bool places_ahead(struct sql *db, int64_t bucket, int64_t since, int64_t now, int64_t *ret, struct problem *pr) MUST_CHECK;
/* Of which the time is over, at most `limit`. */
bool place_sweep(struct sql *db, int64_t now, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;

/* ---- for operators ---- */

struct queue_item {
	struct queue_row row;
	char ref[REF_TEXT], profile[PROFILE_TEXT];
};
struct queue_query {
	const char *upstream;  /* NULL = all */
	const char *profile;   /* NULL = all */
	int64_t after, limit;
};
typedef bool (*queue_each_fn)(struct sql *db, const struct queue_item *item, void *arg, struct problem *pr);
/* Those that wait, the first to be admitted first as far as was foretold; `after` is the number of those left out. */
bool queue_list(struct sql *db, const struct queue_query *q, queue_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
bool queue_list_count(struct sql *db, const struct queue_query *q, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
/* How many wait, how many are in flight, and how many are parked, by entry of upstreams. */
#define QUEUE_CLASS_FLYING (-1)
#define QUEUE_CLASS_PARKED (-2)
typedef void (*queue_count_fn)(const char *upstream, int64_t class, int64_t count, void *arg);
bool queue_counts(struct sql *db, queue_count_fn fn, void *arg, struct problem *pr) MUST_CHECK;
#endif
