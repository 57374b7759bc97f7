/* flow/names.h - what an order's certificate is for, who of the CAs may hear of it, and what a CSR may say. Pure. */
#ifndef FLOW_NAMES_H
#define FLOW_NAMES_H

#include "pki/csr.h"
#include "store/order.h"

/* The names that a CA outside may be asked for: never a device's, which would be public for ever. Owned by the caller; may be
 * none. */
void order_ca_names(const struct order *o, struct idents *ret);
/* Are the CSR's names those of the order (RFC 8555 7.4)? Devices may be left out, or be named by their value as common name
 * (draft-ietf-acme-device-attest-09); where the CSR goes to a CA outside, they must be. A device's mapped names must be there as a
 * whole, or, for a CA of our own, not at all. PROBLEM_BAD_CSR. */
bool order_csr_fits(const struct order *o, const struct csr *csr, bool goes_outside, struct problem *pr) MUST_CHECK;
#endif
