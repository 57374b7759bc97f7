/* account.h - device accounts in the store. All functions run within a transaction (sql.h) and return false on a fault of
 * the store; "not there" is an answer, not a fault. */
#ifndef STORE_ACCOUNT_H
#define STORE_ACCOUNT_H

#include "acme/status.h"
#include "base/rand.h"
#include "jose/jwk.h"
#include "sql/sql.h"

#define TENANT_TEXT 65
#define TENANT_DEFAULT "default" /* of accounts without a binding (E8) */

struct account {
	int64_t id;
	char ref[REF_TEXT];
	char thumbprint[THUMBPRINT_TEXT];
	enum account_state state;
	bool terms;      /* it agreed to some */
	char *terms_url; /* which, NULL = not on record; owned */
	int64_t created_at;
	int64_t used_at; /* within a day, see account_touch */
	char *jwk;     /* canonical JSON; owned */
	char *contact; /* JSON array text; owned */
	char tenant[TENANT_TEXT]; /* that of its EAB key when it was bound; "" = TENANT_DEFAULT, to insert */
	int64_t eab_id;   /* the device EAB key it is bound to, 0 = none */
	int64_t eab_root; /* the first key that this one took the place of by rotation, or itself */
	bool eab_stopped; /* that key is suspended or revoked, and its accounts with it (E3) */
	char *eab;        /* the verified externalAccountBinding, JSON; owned, NULL = none */
};
/* Whose things these are (E5): the EAB key's if the account is bound, and those of its rotations; else the account's. One number for
 * both. */
int64_t account_principal(const struct account *a);
void account_done(struct account *a);

/* *ret_found false: no such row, *ret untouched. */
bool account_by_ref(struct sql *db, struct span ref, struct account *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
bool account_by_thumbprint(struct sql *db, const char *thumbprint, struct account *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Only id, state, thumbprint, used_at, tenant, eab_id, eab_root and eab_stopped: what each request asks. */
bool account_check(struct sql *db, struct span ref, struct account *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Sets a->id and a->ref; sql_is_conflict(pr) if the key has an account by now. */
bool account_insert(struct sql *db, struct account *a, struct problem *pr) MUST_CHECK;
bool account_set_contact(struct sql *db, int64_t id, const char *contact_json, struct problem *pr) MUST_CHECK;
/* It agrees to the terms at this URL. */
bool account_set_terms(struct sql *db, int64_t id, const char *url, struct problem *pr) MUST_CHECK;
/* Are the terms at this URL those it agreed to last? */
bool account_has_terms(struct sql *db, int64_t id, const char *url, bool *ret, struct problem *pr) MUST_CHECK;
bool account_move(struct sql *db, int64_t id, enum account_state from, enum account_state to, bool *ret_moved, struct problem *pr) MUST_CHECK;
/* Compare-and-set of the key (RFC 8555 7.3.5). sql_is_conflict(pr) if another account has it. */
bool account_set_key(struct sql *db, int64_t id, const char *old_thumbprint, const char *thumbprint, const char *jwk, bool *ret_moved, struct problem *pr) MUST_CHECK;
/* All accounts of one EAB key are another's from now on. */
bool account_rebind(struct sql *db, int64_t from_eab, int64_t to_eab, struct problem *pr) MUST_CHECK;
/* Note that it is in use, at most once a day: accounts idle for long may go (E4). */
bool account_touch(struct sql *db, const struct account *a, int64_t now, struct problem *pr) MUST_CHECK;
/* Is this public key (by JWK thumbprint) some account's key? RFC 8555 11.1. */
bool account_has_key(struct sql *db, const char *thumbprint, bool *ret, struct problem *pr) MUST_CHECK;

/* For operators, who come from an order or certificate. */
bool account_by_id(struct sql *db, int64_t id, struct account *ret, bool *ret_found, struct problem *pr) MUST_CHECK;

/* For operators: newest first, of a tenant (NULL = all), below the row id `before` (0 = from the top). */
typedef void (*account_each_fn)(const struct account *a, void *arg);
/* How many there are, counted up to `most`. */
bool account_list_count(struct sql *db, const char *tenant, int64_t most, int64_t *ret, struct problem *pr) MUST_CHECK;
bool account_list(struct sql *db, const char *tenant, int64_t before, int64_t limit, account_each_fn fn, void *arg, struct problem *pr) MUST_CHECK;
#endif
