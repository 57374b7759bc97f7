/* offer.h - what a profile offers for an identifier, and to whom: what newOrder and newAuthz have in common. A worker's. */
#ifndef SERVER_OFFER_H
#define SERVER_OFFER_H

#include <stdatomic.h>

#include "policy/policy.h"
#include "server/api.h"

/* {"type":…,"value":…} of a request. */
bool offer_ident_read(const struct json_node *node, struct ident *ret, struct problem *pr) MUST_CHECK;
/* Has the profile a way to prove this identifier, and do the rules allow it? */
bool offer_check(const struct profile_conf *p, const struct ident *id, const struct policy_verdict *verdict, struct problem *pr) MUST_CHECK;
/* May this account use the profile (E1)? */
bool offer_account(struct sql *db, const struct profile_conf *p, const struct account *account, struct problem *pr) MUST_CHECK;
/* The abuse limits (T8): a name that this account failed to prove too often must wait, and there may be only so many proofs open
 * at a time. If not, *ret_refused_by is the counter to raise when the transaction is over; else it is left alone. */
bool offer_allows(struct api *api, struct sql *db, const struct idents *idents, int64_t account_id, _Atomic(uint64_t) **ret_refused_by,
	struct problem *pr) MUST_CHECK;
/* A still valid authorization of the account for the identifier (O2), or a new one: id, state and expires of *ret are set, all of it
 * if it is new. */
bool offer_authz(struct sql *db, const struct profile_conf *p, int64_t account_id, const struct ident *id, struct authz *ret,
	struct problem *pr) MUST_CHECK;
#endif
