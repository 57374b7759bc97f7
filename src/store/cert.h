/* cert.h - issued certificates in the store. Within a transaction; see account.h for the manner. */
#ifndef STORE_CERT_H
#define STORE_CERT_H

#include "base/rand.h"
#include "pki/cert.h"
#include "sql/sql.h"
#include "store/order.h"

struct cert_row {
	int64_t id, order_id, account_id;
	int64_t principal; /* account_principal() of the one who ordered it */
	char ref[REF_TEXT];
	char profile[PROFILE_TEXT], upstream[UPSTREAM_TEXT];
	char tenant[TENANT_TEXT]; /* of the order it was made for; "" = TENANT_DEFAULT, to insert */
	char serial[SERIAL_TEXT], certid[CERTID_TEXT], sha256[65], key_hash[KEY_HASH_TEXT];
	char issuer[256];
	int64_t not_before, not_after, created_at;
	int64_t fetched_at, revoked_at, revoked_upstream_at; /* 0 = not */
	int64_t revoked_reason;                              /* -1 = none given */
	bool revoked_by_holder;                              /* whoever has it wanted that */
	struct idents idents;                                /* owned */
};
void cert_row_done(struct cert_row *c);

/* account_id 0 = any. Absent and foreign alike: *ret_found = false, *ret untouched. */
bool cert_by_ref(struct sql *db, struct span ref, int64_t account_id, struct cert_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Did this account order it, or was it given to an order of this account? */
bool cert_is_of(struct sql *db, int64_t id, int64_t account_id, bool *ret, struct problem *pr) MUST_CHECK;
bool cert_by_id(struct sql *db, int64_t id, struct cert_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
bool cert_by_sha256(struct sql *db, const char *sha256, struct cert_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* By certID in its canonical form (RFC 9773 4.1). */
bool cert_by_certid(struct sql *db, const char *certid, struct cert_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* The newest of this principal for this set. */
bool cert_last_of_set(struct sql *db, int64_t principal, const char *idents_key, struct cert_row *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* A serial number is unique for its issuer alone: *ret is set only if *ret_count, counted up to 2, is 1. */
bool cert_by_serial(struct sql *db, const char *serial, struct cert_row *ret, unsigned *ret_count, struct problem *pr) MUST_CHECK;
/* The chain as PEM: n = 0 the default one, from 1 the alternates. */
bool cert_chain(struct sql *db, int64_t id, int64_t n, struct buf *ret_pem, bool *ret_found, struct problem *pr) MUST_CHECK;
bool cert_alternates(struct sql *db, int64_t id, int64_t *ret_count, struct problem *pr) MUST_CHECK;
/* Sets id, ref, created_at. */
bool cert_insert(struct sql *db, struct cert_row *c, struct span chain_pem, struct problem *pr) MUST_CHECK;
bool cert_add_alternate(struct sql *db, int64_t id, int64_t n, struct span chain_pem, struct problem *pr) MUST_CHECK;
bool cert_set_fetched(struct sql *db, int64_t id, int64_t at, struct problem *pr) MUST_CHECK;
/* Compare-and-set: false in *ret_moved if it was revoked before. reason -1 = none. */
bool cert_revoke(struct sql *db, int64_t id, int64_t at, int reason, bool *ret_moved, struct problem *pr) MUST_CHECK;
/* Of one that was just revoked: whoever has it wanted that. */
bool cert_set_revoked_by_holder(struct sql *db, int64_t id, struct problem *pr) MUST_CHECK;
/* The one live certificate of this principal, set and CA that nothing has replaced yet (R8): its certID; "" if there is none, or more than
 * one, or it has no certID. */
bool cert_find_predecessor(struct sql *db, int64_t principal, const char *idents_key, const char *upstream, int64_t now, char ret_certid[CERTID_TEXT], struct problem *pr) MUST_CHECK;
bool cert_set_revoked_upstream(struct sql *db, int64_t id, int64_t at, struct problem *pr) MUST_CHECK;
/* The certificate a device may have again (O4): same principal, key, set, profile and CA, not revoked, not expired, in no incident,
 * left_percent of its life still ahead, and never fetched or created at or after created_min. Id or 0. */
bool cert_find_again(struct sql *db, int64_t principal, const char *key_hash, const char *idents_key, const char *profile, const char *upstream, int64_t now, int64_t created_min, int left_percent, int64_t *ret_id, struct problem *pr) MUST_CHECK;

/* For operators: of an account (0 = all), newest first, below the row id `before` (0 = from the top). */
typedef void (*cert_list_fn)(const struct cert_row *c, const char *account_ref, void *arg);
bool cert_list(struct sql *db, int64_t account_id, int64_t before, int64_t limit, cert_list_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* What runs out by then and is neither renewed nor revoked, the soonest first, behind (after, after_id). */
struct cert_expiring {
	int64_t after, after_id, until; /* unix s; of the first page now and 0 */
	int64_t account_id;             /* 0 = all */
};
bool cert_list_expiring(struct sql *db, const struct cert_expiring *e, int64_t limit, cert_list_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* How many there are in all, counted up to `most`. */
bool cert_list_count(struct sql *db, int64_t account_id, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
typedef void (*cert_each_fn)(const struct cert_row *c, void *arg);
/* Revoked, not yet expired certificates of an upstream, for its CRL. */
bool cert_each_revoked(struct sql *db, const char *upstream, int64_t now, cert_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;

/* Keys known to be compromised (W24), by SPKI hash. */
bool denied_key_add(struct sql *db, const char *key_hash, const char *why, struct problem *pr) MUST_CHECK;
bool denied_key_has(struct sql *db, const char *key_hash, bool *ret, struct problem *pr) MUST_CHECK;
#endif
