/* status.h - the states of ACME's objects and their names on the wire (RFC 8555 7.1.6). Any thread.
 *
 * The numbers are stored (store/schema.h): a state keeps its number for ever, new ones go to the
 * end. */
#ifndef ACME_STATUS_H
#define ACME_STATUS_H

#include "base/span.h"

enum account_state { ACCOUNT_VALID, ACCOUNT_DEACTIVATED, ACCOUNT_REVOKED, ACCOUNT__COUNT };
enum order_state {
	ORDER_PENDING,
	ORDER_READY,
	ORDER_PROCESSING,
	ORDER_VALID,
	ORDER_INVALID,
	ORDER__COUNT
};
enum authz_state {
	AUTHZ_PENDING,
	AUTHZ_VALID,
	AUTHZ_INVALID,
	AUTHZ_DEACTIVATED,
	AUTHZ_EXPIRED,
	AUTHZ_REVOKED,
	AUTHZ__COUNT
};
enum chall_state { CHALL_PENDING, CHALL_PROCESSING, CHALL_VALID, CHALL_INVALID, CHALL__COUNT };

const char *account_state_name(enum account_state s);
const char *order_state_name(enum order_state s);
const char *authz_state_name(enum authz_state s);
const char *chall_state_name(enum chall_state s);

/* Octet for octet; false and *ret untouched if there is no such state. */
bool account_state_parse(struct span name, enum account_state *ret);
bool order_state_parse(struct span name, enum order_state *ret);
bool authz_state_parse(struct span name, enum authz_state *ret);
bool chall_state_parse(struct span name, enum chall_state *ret);

/* Will it never change again? (An authorization that is valid may still end, but nobody waits for
 * that.) */
bool order_state_is_final(enum order_state s);
bool authz_state_is_final(enum authz_state s);
#endif
