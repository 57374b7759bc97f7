/* flow/mapped.h - names that follow from what a device is (profile's device_names, V10, V11): who may order them, and that a device
 * which has proven itself has proven them, too.
 *
 * In a store transaction on a worker. An order lists them beside the device, and their authorizations are valid with the device's; or
 * it names the device alone, where the profile has csr_names = "mapped", and they are its order->mapped. */
#ifndef FLOW_MAPPED_H
#define FLOW_MAPPED_H

#include "flow/device.h"
#include "policy/mapping.h"

/* Does the profile have names for one of these? Pure. */
bool mapped_is_wanted(const struct profile_conf *p, const struct idents *idents);
/* The names of all devices among the identifiers; `key` is device_name_key's. Owned by the caller. Pure. */
void mapped_names(const struct profile_conf *p, const struct idents *idents, const unsigned char key[MAPPING_KEY_BYTES], struct idents *ret);

/* newOrder: PROBLEM_REJECTED_IDENTIFIER if one of its names follows from a device of it, and belongs to another. */
bool mapped_may_order(struct sql *db, const struct profile_conf *p, const struct order *o, const unsigned char key[MAPPING_KEY_BYTES],
	struct problem *pr) MUST_CHECK;
/* The device has proven itself: may it have the names of its orders? *ret_why: the problem for the device, or PROBLEM_NONE. */
bool mapped_judge(struct sql *db, const struct device_chall *dc, struct problem *ret_why, struct problem *pr) MUST_CHECK;
/* If its authorization is valid by now, they are its own from now on, and their pending authorizations are valid for as long; an order
 * whose last one that was is ready. */
bool mapped_give(struct sql *db, const struct device_chall *dc, struct problem *pr) MUST_CHECK;
/* Before the order goes on: its mapped names are still those of its devices. */
bool mapped_may_finalize(struct sql *db, const struct order *o, struct problem *pr) MUST_CHECK;
#endif
