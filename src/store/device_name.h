/* device_name.h - names that follow from what devices are (policy/mapping.h): whose they are. In a transaction.
 *
 * Two devices may come to one name, such as those that differ in letter case alone. It belongs to the one that proved itself for it
 * first, until an operator removes that one's record (V11). */
#ifndef STORE_DEVICE_NAME_H
#define STORE_DEVICE_NAME_H

#include "store/device.h"

#define DEVICE_NAME_KEY_BYTES 32 /* MAPPING_KEY_BYTES */

/* *ret_found false: nobody's, *ret untouched. */
bool device_name_owner(struct sql *db, const char *name, struct device_key *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* It is this device's, if it was nobody's. */
bool device_name_claim(struct sql *db, const char *name, const struct device_key *key, int64_t now, struct problem *pr) MUST_CHECK;
typedef void (*device_name_fn)(const char *name, int64_t since, void *arg);
/* At most 100. */
bool device_name_each(struct sql *db, const struct device_key *key, device_name_fn fn, void *arg, struct problem *pr) MUST_CHECK;
bool device_name_release(struct sql *db, const struct device_key *key, struct problem *pr) MUST_CHECK;
/* The key of ${hash}, made when it is first asked for, and the same for all gateways of the store. */
bool device_name_key(struct sql *db, unsigned char ret[DEVICE_NAME_KEY_BYTES], struct problem *pr) MUST_CHECK;
/* The same without making it: *ret_found false, there is none yet. */
bool device_name_key_find(struct sql *db, unsigned char ret[DEVICE_NAME_KEY_BYTES], bool *ret_found, struct problem *pr) MUST_CHECK;
#endif
