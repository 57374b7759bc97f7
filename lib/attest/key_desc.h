/* key_desc.h - Android's KeyDescription, the contents of extension 1.3.6.1.4.1.11129.2.1.17. For
 * lib/attest itself. Pure. */
#ifndef ATTEST_KEY_DESC_H
#define ATTEST_KEY_DESC_H

#include "base/mem.h"
#include "base/problem.h"

/* An AuthorizationList, as far as it matters; spans borrow from the extension. */
struct auth_list {
	int64_t origin, os_version, os_patch, vendor_patch, boot_patch; /* -1 = absent */
	struct span root_of_trust; /* contents of the SEQUENCE; n = 0: absent */
	struct span brand, serial, imei, meid, second_imei, manufacturer, model;
};

struct root_of_trust {
	bool device_locked;
	uint64_t boot_state; /* 0 verified, 1 self-signed, 2 unverified, 3 failed */
};

struct key_desc {
	uint64_t version; /* of the attestation: 1 to 4, then 100, 200, ... */
	uint64_t attestation_level, keymint_level; /* 0 software, 1 TEE, 2 StrongBox */
	struct span challenge;
	struct auth_list software, hardware;
	struct root_of_trust root_of_trust; /* of `hardware`, if that has one */
};

/* Tags must ascend, so none is there twice; unknown ones are passed over. PROBLEM_BAD_ATTESTATION;
 * the detail begins with the field: "keyDescription.hardwareEnforced: ...". */
bool key_desc_parse(struct span der, struct key_desc *ret, struct problem *pr) MUST_CHECK;
#endif
