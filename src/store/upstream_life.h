/* upstream_life.h - the life of our accounts at CAs (RFC 8555 7.3): registered, told, rolled over, ended. In a transaction.
 *
 * A change of key, URL or state counts up the row's epoch: by that each gateway of a cluster knows that what it has in memory is
 * old. */
#ifndef STORE_UPSTREAM_LIFE_H
#define STORE_UPSTREAM_LIFE_H

#include "store/upstream.h"

/* What is to be done at the CA, bits of `wanted`. Numbers are stored. */
#define WANT_DEACTIVATE 1u /* an operator has asked for it */
#define WANT_TERMS 2u      /* the CA wants to hear that its terms are agreed to (7.3.3) */

/* As much as tells whether what is in memory is old; *ret_rolling_since: a key is on its way into the place of the present one. */
bool upstream_life_glance(struct sql *db, int64_t id, int64_t *ret_epoch, int64_t *ret_rolling_since, struct problem *pr) MUST_CHECK;

/* The CA has an account for the present key. contact "" = none was told; terms NULL = none were agreed to. */
bool upstream_life_registered(struct sql *db, int64_t id, const char *url, const char *contact, const char *terms, struct problem *pr) MUST_CHECK;
/* The CA does not know this account (any more). Another one that is on record by now stays. */
bool upstream_life_forgotten(struct sql *db, int64_t id, const char *url, struct problem *pr) MUST_CHECK;
/* The CA says how the account is. */
bool upstream_life_state(struct sql *db, int64_t id, enum account_state state, struct problem *pr) MUST_CHECK;
/* The CA has taken a contact, and an agreement to its terms if `terms` is not NULL. */
bool upstream_life_told(struct sql *db, int64_t id, const char *contact, const char *terms, struct problem *pr) MUST_CHECK;
/* The account was read, and is valid. A contact only where none is on record. */
bool upstream_life_checked(struct sql *db, int64_t id, const char *contact, struct problem *pr) MUST_CHECK;
/* Of WANT_*; unwant: done, or refused. */
bool upstream_life_want(struct sql *db, int64_t id, unsigned bits, struct problem *pr) MUST_CHECK;
bool upstream_life_unwant(struct sql *db, int64_t id, unsigned bits, struct problem *pr) MUST_CHECK;
/* "" = over. */
bool upstream_life_trouble(struct sql *db, int64_t id, const char *text, struct problem *pr) MUST_CHECK;

/* A key to take the place of the present one, sealed; nothing if there is such a one already (*ret_moved). */
bool upstream_next_key(struct sql *db, int64_t id, struct span sealed, const char *public_key, bool *ret_moved, struct problem *pr) MUST_CHECK;
/* From now on the CA may have it. */
bool upstream_next_sent(struct sql *db, int64_t id, struct problem *pr) MUST_CHECK;
/* The CA has it: the old one goes. */
bool upstream_next_promote(struct sql *db, int64_t id, struct problem *pr) MUST_CHECK;
/* The CA has not, and will not. */
bool upstream_next_drop(struct sql *db, int64_t id, struct problem *pr) MUST_CHECK;
/* A new account, with this key, in place of one that has ended. */
bool upstream_life_anew(struct sql *db, int64_t id, struct span sealed, const char *public_key, struct problem *pr) MUST_CHECK;

/* A binding for the next account; `sealed` SPAN_NONE: that of the configuration, and only its end is recorded. */
bool upstream_set_eab(struct sql *db, int64_t id, const char *kid, struct span sealed, int alg, int64_t expires, struct problem *pr) MUST_CHECK;

/* Orders that wait for an operator at this entry may go on: due now. */
bool upstream_orders_hurry(struct sql *db, const char *name, int64_t now_ms, struct problem *pr) MUST_CHECK;
/* Proofs laid out for it that its CA may still look at. */
bool upstream_proofs_out(struct sql *db, const char *name, int64_t *ret, struct problem *pr) MUST_CHECK;

/* What hangs on an account: what another one would begin without. */
struct upstream_stake {
	int64_t orders, waiting;  /* under way; of them, for a limit */
	int64_t certs;            /* valid, not revoked */
	int64_t proven;           /* of them, issued within the last 30 days: their authorizations may be used again */
	int64_t buckets;          /* limits of the account of which something is spent or learned */
	int64_t to_revoke;        /* revocations that the CA has not heard of */
};
bool upstream_stake_count(struct sql *db, const char *name, const char *account_url, struct upstream_stake *ret, struct problem *pr) MUST_CHECK;
#endif
