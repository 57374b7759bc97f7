/* quota.h - the ledger of CAs' limits in the store: buckets, and what is reserved in them for orders under way. In a transaction.
 *
 * Times are nanoseconds since 1970. A bucket's scope is the URL of our account, or the label of the CA. */
#ifndef STORE_QUOTA_H
#define STORE_QUOTA_H

#include "quota/quota.h"
#include "store/upstream.h"

#define SCOPE_TEXT URL_TEXT
struct bucket {
	int64_t id; /* 0 = not in the store: full */
	char scope[SCOPE_TEXT];
	enum quota_kind kind;
	char name[QUOTA_KEY_TEXT]; /* domain, identifier, idents_key; "" where there is but one */
	int64_t tat_ns, frozen_ns;
	/* What a refusal told of it, count 0 = nothing; and the burst that the configuration had then (0 = none): if that changes, the
	 * operator knows better. */
	struct quota_rate learned;
	int64_t learned_instead;
	bool adopted; /* a domain that the CA counts by, and we would not */
};

/* id 0 if there is none; the rest is as asked for. */
bool bucket_find(struct sql *db, const char *scope, enum quota_kind kind, const char *name, struct bucket *ret, struct problem *pr) MUST_CHECK;
bool bucket_by_id(struct sql *db, int64_t id, struct bucket *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Insert or update; sets id. */
bool bucket_save(struct sql *db, struct bucket *b, struct problem *pr) MUST_CHECK;
/* The longest adopted domain of a scope that has this name; "" if none. */
bool bucket_adopted(struct sql *db, const char *scope, const char *name, char ret[QUOTA_KEY_TEXT], struct problem *pr) MUST_CHECK;
/* Buckets that are full and have nothing to remember, at most `limit`. */
bool bucket_sweep(struct sql *db, int64_t now_ns, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;

/* ---- reservations: one token of a bucket, for an order under way ---- */

/* Again for the same order: nothing. */
bool hold_add(struct sql *db, int64_t order_id, int64_t bucket_id, struct problem *pr) MUST_CHECK;
bool hold_delete(struct sql *db, int64_t order_id, int64_t bucket_id, struct problem *pr) MUST_CHECK;
bool hold_delete_all(struct sql *db, int64_t order_id, struct problem *pr) MUST_CHECK;
/* How many of others. order_id 0 = of all. */
bool hold_count(struct sql *db, int64_t bucket_id, int64_t order_id, int64_t *ret, struct problem *pr) MUST_CHECK;
#define HOLDS_MAX 512 /* of one order: its names, twice, and a few */
/* The buckets in which an order holds a token. */
bool hold_buckets(struct sql *db, int64_t order_id, int64_t ret_ids[HOLDS_MAX], size_t *ret_count, struct problem *pr) MUST_CHECK;

/* ---- who waits ---- */

/* Orders older than this one that wait for the bucket; of an urgent one only those that are urgent, too. order_id 0 = all. */
bool waiters_ahead(struct sql *db, int64_t bucket_id, int64_t order_id, bool urgent, int64_t *ret, struct problem *pr) MUST_CHECK;
/* newOrder may go out from now on: whoever finds this must look for its outcome. It waits no more, and is
 * in the queue no more; queue_back takes that back. */
bool upstream_order_intend(struct sql *db, int64_t order_id, int64_t now, struct problem *pr) MUST_CHECK;
/* It has not gone out, or nothing came of it. */
bool upstream_order_unintend(struct sql *db, int64_t order_id, struct problem *pr) MUST_CHECK;
/* Is an order for the same set under way at the same entry, beyond the point where the CA knows of it? It would be handed out again. */
bool upstream_order_same_set(struct sql *db, int64_t order_id, const char *upstream, const char *idents_key, bool *ret, struct problem *pr) MUST_CHECK;
/* When these identifiers were last certified by one of the entries in `upstreams`; 0 = never. */
bool cert_set_issued_at(struct sql *db, const char *idents_key, const char *const *upstreams, size_t count, int64_t since, int64_t *ret, struct problem *pr) MUST_CHECK;

/* ---- for operators ---- */

/* The identifiers of a certificate whose set has this key (idents_key); none if there is no such certificate. Owned by the caller. */
bool cert_set_idents(struct sql *db, const char *idents_key, struct idents *ret, struct problem *pr) MUST_CHECK;

struct bucket_query {
	const char *scope;        /* NULL = all */
	int kind;                 /* -1 = all */
	const char *name;         /* NULL = all */
	int64_t before;           /* row ids below this one; 0 = from the newest */
	int64_t limit;
};
typedef bool (*bucket_each_fn)(struct sql *db, const struct bucket *b, void *arg, struct problem *pr);
/* How many there are in all, counted up to `most`. */
bool bucket_count(struct sql *db, const struct bucket_query *q, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
/* Newest first. */
bool bucket_list(struct sql *db, const struct bucket_query *q, bucket_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* Orders that wait for a limit, by entry and kind. */
typedef void (*waiting_fn)(const char *upstream, enum quota_kind kind, int64_t count, void *arg);
bool waiting_counts(struct sql *db, waiting_fn fn, void *arg, struct problem *pr) MUST_CHECK;
#endif
