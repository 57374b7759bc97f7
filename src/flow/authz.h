/* flow/authz.h - what becomes of an authorization (RFC 8555 7.1.6), and of the orders that wait for it. Within a transaction. */
#ifndef FLOW_AUTHZ_H
#define FLOW_AUTHZ_H

#include "flow/order.h"

enum authz_event { AUTHZ_EV_PROVEN, AUTHZ_EV_FAILED, AUTHZ_EV_DEACTIVATE, AUTHZ_EV_EXPIRED, AUTHZ_EV_REVOKE, AUTHZ_EV__COUNT };
/* Pure; false: the event is refused in this state. */
bool authz_rule(enum authz_state from, enum authz_event ev, enum authz_state *ret_to);

/* What failed validations are counted by: "account/identifier" into dst. */
#define FAILURE_KEY_TEXT 300
const char *authz_failure_key(int64_t account_id, const char *ident, char dst[FAILURE_KEY_TEXT]);

/* The challenge `index` is proven: challenge and authorization valid (until `valid_until`), and each order whose last one
 * this was is ready, all in this transaction (O6). A challenge that is no longer processing changes nothing. */
bool authz_prove(struct sql *db, const struct authz *a, size_t index, int64_t now, int64_t valid_until, const char *node, struct problem *pr) MUST_CHECK;
/* The challenge failed for good: challenge, authorization (O5) and the orders that wait are invalid. */
bool authz_fail(struct sql *db, const struct authz *a, size_t index, const char *error, int64_t now, const char *node, struct problem *pr) MUST_CHECK;
/* The owner gives it up (7.5.2): PROBLEM_MALFORMED if it is over already. */
bool authz_deactivate(struct sql *db, const struct authz *a, int64_t now, const char *node, struct problem *pr) MUST_CHECK;
/* The account goes (7.3.6): its unfinished orders are invalid, its pending authorizations deactivated. What is at work at a CA is
 * left to its job, which asks for nothing more and keeps what was issued (O14). */
bool account_deactivate(struct sql *db, int64_t account_id, const char *node, bool *ret_moved, struct problem *pr) MUST_CHECK;
#endif
