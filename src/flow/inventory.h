/* inventory.h - may this device enrol? Asked when an order names it, when it has proven itself, and before its order is finalized.
 *
 * In a store transaction on a worker. A profile with `devices = "inventoried"` wants a record that an operator made; a blocked device
 * is refused by all. What is refused is the name: rejectedIdentifier at newOrder and in the challenge; `unauthorized` at finalize (W18).
 * Nothing is told of other devices, nor an operator's reason. */
#ifndef FLOW_INVENTORY_H
#define FLOW_INVENTORY_H

#include "attest/attest.h"
#include "gate/conf.h"
#include "store/authz.h"
#include "store/device.h"

/* Of an order's identifier alone, before anything is proven; whatever is no device may. Without an OID it is not known yet who will
 * vouch for it: then it may if a device of this ID may, whoever vouches, and under `devices = "any"` unless all known ones are
 * blocked. */
bool inventory_may_order(struct sql *db, const struct profile_conf *p, const struct ident *id, struct problem *pr) MUST_CHECK;

/* It has proven itself: its record is made or brought up to date, and linked to the authorization, as are its records under other
 * names that the statement proves. */
bool inventory_note(struct sql *db, const struct profile_conf *p, const struct authz *a, const struct attest_facts *facts, int64_t now,
	struct problem *pr) MUST_CHECK;
/* Then may it? A block under any of its names counts, though its record be younger than the proof, and so does that its record was removed since. *ret_why: the problem for the device, or PROBLEM_NONE. */
bool inventory_judge(struct sql *db, const struct profile_conf *p, const struct authz *a, struct problem *ret_why, struct problem *pr) MUST_CHECK;

/* Before the order goes on: all devices of it, as they are by now. */
bool inventory_may_finalize(struct sql *db, const struct profile_conf *p, const struct order *o, struct problem *pr) MUST_CHECK;
/* Whatever its profile says, from now on: its orders that a CA works at end invalid, those that wait stay as they are. */
bool inventory_block(struct sql *db, int64_t device_id, const char *reason, const char *node, struct problem *pr) MUST_CHECK;
#endif
