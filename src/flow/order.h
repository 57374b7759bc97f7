/* flow/order.h - the life of a device's order as a table of transitions (RFC 8555 7.1.6), and what each event does.
 *
 * All functions run within a store transaction on a worker. A state moves by compare-and-set: of two that race one wins, and
 * the other hears *ret_moved = false. */
#ifndef FLOW_ORDER_H
#define FLOW_ORDER_H

#include "store/authz.h"
#include "store/cert.h"
#include "store/order.h"

enum order_event {
	ORDER_EV_ALL_VALID,    /* the last authorization became valid */
	ORDER_EV_AUTHZ_DEAD,   /* one ended invalid, expired, deactivated or revoked */
	ORDER_EV_FINALIZE,     /* the CSR was accepted */
	ORDER_EV_ISSUED,       /* the certificate is stored */
	ORDER_EV_REFUSED,      /* the CA will not issue */
	ORDER_EV_EXPIRED,
	ORDER_EV_ACCOUNT_GONE, /* the account was deactivated */
	ORDER_EV__COUNT
};
const char *order_event_name(enum order_event ev);

/* Where the event leads from a state; false if the pair has no row (the event is refused). Pure. */
bool order_rule(enum order_state from, enum order_event ev, enum order_state *ret_to);

/* Move one order and note it in its story. No rule: *ret_moved = false. `error` (a problem document) goes with moves to invalid. */
bool order_step(struct sql *db, int64_t id, enum order_state from, enum order_event ev, const char *error, const char *node, bool *ret_moved, struct problem *pr) MUST_CHECK;

/* An authorization of a pending or ready order has changed: ready when all are valid, invalid when one is dead. */
bool order_review(struct sql *db, int64_t id, int64_t now, const char *node, struct problem *pr) MUST_CHECK;
/* The order and all that joined it (O4) end: invalid with this problem. Upstream rows go. */
bool order_refuse(struct sql *db, int64_t id, const char *error, const char *node, struct problem *pr) MUST_CHECK;
/* The order and all that joined it get this stored certificate. Upstream rows go. */
bool order_issued(struct sql *db, int64_t id, int64_t cert_id, const char *node, struct problem *pr) MUST_CHECK;
/* The order, which nothing has joined, gets a certificate of before (O4). */
bool order_give(struct sql *db, int64_t id, int64_t cert_id, const char *node, struct problem *pr) MUST_CHECK;
/* End what is over, at most `limit`: *ret_count says how many orders. */
bool orders_expire(struct sql *db, int64_t now, int64_t limit, const char *node, int64_t *ret_count, struct problem *pr) MUST_CHECK;
#endif
