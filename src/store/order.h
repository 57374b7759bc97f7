/* order.h - device orders in the store (RFC 8555 7.1.3). Within a transaction; see account.h for the manner. */
#ifndef STORE_ORDER_H
#define STORE_ORDER_H

#include "acme/status.h"
#include "base/rand.h"
#include "pki/ident.h"
#include "pki/key.h"
#include "sql/sql.h"
#include "store/account.h"

#define PROFILE_TEXT 65
#define UPSTREAM_TEXT 65

struct order {
	int64_t id, account_id;
	int64_t principal;             /* account_principal() */
	char ref[REF_TEXT];
	char profile[PROFILE_TEXT], upstream[UPSTREAM_TEXT];
	char tenant[TENANT_TEXT];      /* who asked, frozen; "" = TENANT_DEFAULT, to insert */
	enum order_state state;
	int64_t expires, created_at, finalized_at;
	int64_t not_before, not_after; /* 0 = not asked for */
	int64_t cert_id, joined_to;    /* 0 = none */
	char key_hash[KEY_HASH_TEXT];  /* of the CSR's key, "" before finalize */
	char cert_ref[REF_TEXT];       /* "" without a certificate */
	struct idents idents;          /* owned */
	struct idents mapped;          /* names that a device among them has besides (V10); owned */
	char *error;                   /* problem document, NULL = none; owned */
	char *replaces;                /* certID as the device sent it, NULL = none; owned */
};
void order_done(struct order *o);
/* All that its certificate is for: identifiers and mapped names. Owned by the caller. */
void order_names(const struct order *o, struct idents *ret);

/* Only the account's own; absent and foreign alike give *ret_found = false. account_id 0 = any (jobs, operators). */
bool order_by_ref(struct sql *db, struct span ref, int64_t account_id, struct order *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
bool order_by_id(struct sql *db, int64_t id, struct order *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Sets id, ref and created_at. */
bool order_insert(struct sql *db, struct order *o, struct problem *pr) MUST_CHECK;
/* The one statement that moves an order: compare-and-set. `error` NULL leaves the column. */
bool order_move(struct sql *db, int64_t id, enum order_state from, enum order_state to, const char *error, bool *ret_moved, struct problem *pr) MUST_CHECK;
/* ready -> processing with the CSR. joined_to 0 = own work. */
bool order_set_csr(struct sql *db, int64_t id, struct span csr, const char *key_hash, int64_t joined_to, int64_t finalized_at, int64_t expires, bool *ret_moved, struct problem *pr) MUST_CHECK;
bool order_csr(struct sql *db, int64_t id, struct buf *ret_csr, struct problem *pr) MUST_CHECK;
bool order_set_expiry(struct sql *db, int64_t id, int64_t expires, struct problem *pr) MUST_CHECK;
bool order_set_cert(struct sql *db, int64_t id, int64_t cert_id, struct problem *pr) MUST_CHECK;
/* A pending or ready order of this account with the same set, profile, dates and replaces that has half its life left or more (O1). */
bool order_find_same(struct sql *db, const struct order *like, int64_t now, struct order *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* An order at work for the same principal, key, set, profile and CA, not itself joined (O4); its id or 0. */
bool order_find_working(struct sql *db, int64_t principal, const char *key_hash, const char *idents_key, const char *profile, const char *upstream, int64_t *ret_id, struct problem *pr) MUST_CHECK;

/* The order that replaces a certificate, by both ways to write its certID (RFC 9773 5): one that is not invalid, and not over. */
bool order_find_replacing(struct sql *db, const char *certid, const char *bare, int64_t now, struct order *ret, bool *ret_found, struct problem *pr) MUST_CHECK;

typedef bool (*order_id_fn)(struct sql *db, int64_t id, void *arg, struct problem *pr);
/* Orders that wait for order `id` (O4). */
bool order_each_joined(struct sql *db, int64_t id, order_id_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* Of an order with work at a CA: is it `processing`, or `ready` yet (U1), or is one `processing` that waits for it? */
bool order_is_awaited(struct sql *db, int64_t id, bool *ret, struct problem *pr) MUST_CHECK;
/* At most `limit` unfinished orders whose time is over. */
bool order_each_expired(struct sql *db, int64_t now, int64_t limit, order_id_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* Pending and ready orders that use the authorization. */
bool order_each_with_authz(struct sql *db, int64_t authz_id, order_id_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* Orders with work at a CA that a device has proven itself for. */
bool order_each_working_of_device(struct sql *db, int64_t device_id, order_id_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* Unfinished orders of an account (deactivation). */
bool order_each_open_of(struct sql *db, int64_t account_id, order_id_fn fn, void *arg, struct problem *pr) MUST_CHECK;

typedef void (*order_ref_fn)(const char *ref, int64_t id, void *arg);
/* The orders list (O11): newest first below row id `before`, at most `limit`. */
bool order_refs(struct sql *db, int64_t account_id, int64_t now, int64_t before, int64_t limit, order_ref_fn fn, void *arg, struct problem *pr) MUST_CHECK;

/* For operators: orders of a state (-1 = all) and of an account (0 = all) or a tenant (NULL = all), newest first, below the row id
 * `before` (0 = from the top), at most `limit`. */
struct order_query { int state; int64_t account_id; const char *tenant; int64_t before, limit; };
typedef void (*order_each_fn)(const struct order *o, const char *account_ref, void *arg);
bool order_list(struct sql *db, const struct order_query *q, order_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* How many there are in all, counted up to `most`. */
bool order_list_count(struct sql *db, const struct order_query *q, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
/* Orders by state, for status and metrics: counts[ORDER__COUNT]; only unfinished ones are counted exactly (index). */
bool order_counts(struct sql *db, int64_t counts[ORDER__COUNT], struct problem *pr) MUST_CHECK;
#endif
