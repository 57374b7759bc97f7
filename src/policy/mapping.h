/* mapping.h - names that follow from what a device is (V10, V11): templates such as "${id}.devices.example.com". Pure. Any thread.
 *
 * ${id} is the device's identifier without its OID, in lower case, if that can be a label or a part of one: letters, digits and
 * hyphens. For a device whose identifier cannot, it is the same as ${hash}: 16 characters of base32 of an HMAC over type and value,
 * which nobody can compute who has not the key, nor lead back to the device. */
#ifndef POLICY_MAPPING_H
#define POLICY_MAPPING_H

#include "base/problem.h"
#include "pki/ident.h"

#define MAPPING_KEY_BYTES 32

/* One variable at least, no other, and with them filled in a name of two labels and more that is no wildcard. PROBLEM_MALFORMED. */
bool mapping_check(const char *template, struct problem *pr) MUST_CHECK;
/* The names of a device by these templates, which mapping_check has passed, added to *ret. One that a template makes too long for a
 * name is left out. */
void mapping_names(const char *const *templates, size_t count, const struct ident *device, const unsigned char key[MAPPING_KEY_BYTES],
	struct idents *ret);
#endif
