/* offer.h - what a profile offers for an identifier, and to whom: what newOrder and newAuthz have in common. A worker's. */
#ifndef SERVER_OFFER_H
#define SERVER_OFFER_H

#include <stdatomic.h>

#include "flow/decision.h"
#include "server/api.h"

/* An identifier of a request. */
struct offer_ask {
	struct ident ident;
	bool subdomains;            /* newAuthz: subdomainAuthAllowed (RFC 9444 4.2) */
	char ancestor[IDENT_VALUE]; /* newOrder: ancestorDomain (4.3), "" = none */
	const struct rule_conf *rule; /* that allows it (flow/decision.h); NULL = none is known yet */
};
/* {"type":…,"value":…} and what may stand beside them; an ancestor is one, of two labels at least. */
bool offer_ask_read(const struct json_node *node, struct offer_ask *ret, struct problem *pr) MUST_CHECK;
/* Has the profile a way to prove this identifier, and do the rules allow it? `rule` is the one behind the verdict. */
bool offer_check(const struct profile_conf *p, const struct ident *id, const struct policy_verdict *verdict, const struct rule_conf *rule, struct problem *pr) MUST_CHECK;
/* May this account use the profile, and its key be used for these identifiers and from where the request comes (E1)? Its tenant must be
 * served. */
bool offer_account(struct api *api, struct sql *db, const struct profile_conf *p, const struct account *account, const struct ident *idents,
	size_t count, struct problem *pr) MUST_CHECK;
/* The abuse limits (T8): a name that this account failed to prove too often must wait, and there may be only so many proofs open
 * at a time. If not, *ret_refused_by is the counter to raise when the transaction is over; else it is left alone. */
bool offer_allows(struct api *api, struct sql *db, const struct profile_conf *p, const struct offer_ask *asks, size_t count, int64_t account_id, _Atomic(uint64_t) **ret_refused_by,
	struct problem *pr) MUST_CHECK;
/* A still valid authorization of the account for the identifier (O2), where the profile has subdomains also one of a domain above it
 * (RFC 9444), or a new one, for the domain that was asked for; or one such that is pending: id, state and expires of *ret are set, all of it
 * if it is new. */
bool offer_authz(struct sql *db, const struct profile_conf *p, int64_t account_id, const struct offer_ask *ask, struct authz *ret,
	struct problem *pr) MUST_CHECK;
#endif
