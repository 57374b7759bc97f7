/* authz.h - authorizations and their challenges in the store (RFC 8555 7.1.4, 8). Within a transaction. */
#ifndef STORE_AUTHZ_H
#define STORE_AUTHZ_H

#include "acme/status.h"
#include "base/rand.h"
#include "pki/ident.h"
#include "sql/sql.h"
#include "store/order.h"

/* Numbers are stored. */
enum challenge_kind {
	CHALLENGE_HTTP_01,
	CHALLENGE_DNS_01,
	CHALLENGE_TLS_ALPN_01,
	CHALLENGE_DNS_ACCOUNT_01,
	CHALLENGE_DNS_PERSIST_01,
	CHALLENGE_DEVICE_ATTEST_01,
	CHALLENGE_KIND__COUNT
};
const char *challenge_kind_name(enum challenge_kind kind);
bool challenge_kind_parse(struct span name, enum challenge_kind *ret);

#define KEY_AUTH_TEXT 88 /* token '.' thumbprint and NUL */

struct challenge {
	int64_t id, authz_id;
	char ref[REF_TEXT];
	enum challenge_kind kind;
	enum chall_state state;
	char token[TOKEN_TEXT];
	char key_auth[KEY_AUTH_TEXT]; /* "" before the device's response */
	int64_t validated_at, attempts, next_at;
	char *error;                  /* problem document; owned */
};

#define AUTHZ_CHALLENGES_MAX 8
struct authz {
	int64_t id, account_id;
	char ref[REF_TEXT];
	struct ident ident;           /* without "*." */
	bool wildcard;
	bool subdomains;              /* it counts for names below, too (RFC 9444) */
	bool by_rule;                 /* authz_insert: nothing need be proven, a rule of the policy says so; for its order alone */
	char profile[PROFILE_TEXT];
	enum authz_state state;
	int64_t expires, created_at;
	struct challenge challenges[AUTHZ_CHALLENGES_MAX];
	size_t challenge_count;
};
void challenge_done(struct challenge *c);
void authz_done(struct authz *a);

/* With its challenges. account_id 0 = any. Absent and foreign alike: *ret_found = false. */
bool authz_by_ref(struct sql *db, struct span ref, int64_t account_id, struct authz *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
bool authz_by_id(struct sql *db, int64_t id, struct authz *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* The authorization of a challenge, and which of its challenges it is. */
bool authz_by_challenge_ref(struct sql *db, struct span ref, int64_t account_id, struct authz *ret, size_t *ret_index, bool *ret_found, struct problem *pr) MUST_CHECK;
bool authz_by_challenge_id(struct sql *db, int64_t id, struct authz *ret, size_t *ret_index, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Inserts the authorization and its challenges; sets ids, refs and tokens. */
bool authz_insert(struct sql *db, struct authz *a, struct problem *pr) MUST_CHECK;
bool authz_link(struct sql *db, int64_t order_id, int64_t authz_id, struct problem *pr) MUST_CHECK;
/* A valid one of this account, name and profile living at least until expires_min (O2): id (0 = none) and its expiry. */
bool authz_find_valid(struct sql *db, int64_t account_id, const struct ident *base, bool wildcard, const char *profile, int64_t expires_min, int64_t expires_max, int64_t *ret_id, int64_t *ret_expires, struct problem *pr) MUST_CHECK;
/* The order's pending authorization of this very name is valid, since the device of authorization `by` has proven itself (V10). Such a
 * one is for this order alone: it is about one key. */
bool authz_give(struct sql *db, int64_t order_id, const struct ident *name, int64_t by, int64_t expires, bool *ret_moved, struct problem *pr) MUST_CHECK;
/* One with `subdomains` set, pending or valid, for this domain itself; likewise. */
bool authz_find_subdomains(struct sql *db, int64_t account_id, const char *domain, const char *profile, enum authz_state state, int64_t expires_min, int64_t expires_max, int64_t *ret_id, int64_t *ret_expires, struct problem *pr) MUST_CHECK;
bool authz_move(struct sql *db, int64_t id, enum authz_state from, enum authz_state to, int64_t expires, bool *ret_moved, struct problem *pr) MUST_CHECK;
bool challenge_move(struct sql *db, int64_t id, enum chall_state from, enum chall_state to, bool *ret_moved, struct problem *pr) MUST_CHECK;
/* pending -> processing with the key authorization of the key the account has now (8.3). */
bool challenge_respond(struct sql *db, int64_t id, const char *key_auth, bool *ret_moved, struct problem *pr) MUST_CHECK;
/* Note a failed attempt: counts up, keeps the problem and when the next one is due (0 = none). */
bool challenge_attempted(struct sql *db, int64_t id, const char *error, int64_t next_at, struct problem *pr) MUST_CHECK;
bool challenge_validated(struct sql *db, int64_t id, int64_t at, bool *ret_moved, struct problem *pr) MUST_CHECK;

/* Authorization refs of an order, in the order of its identifiers' first mention (row order). */
typedef void (*authz_ref_fn)(const char *ref, void *arg);
bool authz_refs_of_order(struct sql *db, int64_t order_id, authz_ref_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* How each valid authorization of an order was proven. fn answers false, with `pr` set, to end it. */
struct authz_proof {
	struct ident ident;        /* without "*." */
	bool wildcard, subdomains;
	bool by_rule;              /* a rule of the policy says so, no challenge */
	enum challenge_kind kind;  /* else; of a name that follows from a device, how the device was proven */
};
typedef bool (*authz_proof_fn)(const struct authz_proof *p, void *arg, struct problem *pr);
/* Of one. */
bool authz_proof_of(struct sql *db, int64_t authz_id, authz_proof_fn fn, void *arg, struct problem *pr) MUST_CHECK;
bool authz_each_proof(struct sql *db, int64_t order_id, authz_proof_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* States of an order's authorizations: how many are not valid, the earliest expiry of all, and how many are dead
 * (invalid, expired, deactivated, revoked, or past their time). */
struct authz_summary { int64_t count, not_valid, dead, first_expiry; };
bool authz_summary_of_order(struct sql *db, int64_t order_id, int64_t now, struct authz_summary *ret, struct problem *pr) MUST_CHECK;
/* Pending or valid authorizations past their time become expired; how many were (at most limit). */
bool authz_expire(struct sql *db, int64_t now, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;
/* Is there, for every name of the set, a valid authorization of this account? (RFC 8555 7.6) */
bool authz_covers(struct sql *db, int64_t account_id, const struct idents *names, const char *profile, int64_t now, bool *ret, struct problem *pr) MUST_CHECK;
/* Pending authorizations of an account, counted up to `most`. */
bool authz_count_pending(struct sql *db, int64_t account_id, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
/* All pending authorizations of an account become deactivated. */
bool authz_deactivate_pending_of(struct sql *db, int64_t account_id, struct problem *pr) MUST_CHECK;
#endif
