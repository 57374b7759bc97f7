/* device_id.h - values of the identifier types permanent-identifier and hardware-module
 * (draft-ietf-acme-device-attest-09 section 3): "ID" or "ID/OID", compared octet for octet. Any thread. */
#ifndef PKI_DEVICE_ID_H
#define PKI_DEVICE_ID_H

#include "base/problem.h"

/* "1.2.840.113635": two arcs at least, the second below 40 under 0 and 1, none with a leading zero. */
bool device_oid_ok(struct span oid);
/* The parts of a value; no OID is an empty span. Says nothing of whether they are well-formed. */
void device_id_split(struct span value, struct span *ret_id, struct span *ret_oid);
/* UTF-8, an ID of one character at least, no control characters (stricter than the draft), and an OID where there must
 * be one; PROBLEM_MALFORMED. */
bool device_id_check(struct span value, bool needs_oid, struct problem *pr) __attribute__((warn_unused_result));
#endif
