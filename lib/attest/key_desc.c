/* key_desc.c - see key_desc.h. Walked by hand: OpenSSL's templates refuse tags that they do not
 * know, and each release of Android has more of them. */
#include "attest/key_desc.h"

#include <stddef.h>

#include "attest/format.h"
#include "pki/der.h"

enum { IS_INT, IS_OCTETS, IS_ROOT };

static const struct {
	uint32_t tag;
	int is;
	size_t at; /* in struct auth_list */
} tags[] = {
	{702, IS_INT, offsetof(struct auth_list, origin)},
	{704, IS_ROOT, offsetof(struct auth_list, root_of_trust)},
	{705, IS_INT, offsetof(struct auth_list, os_version)},
	{706, IS_INT, offsetof(struct auth_list, os_patch)},
	{710, IS_OCTETS, offsetof(struct auth_list, brand)},
	{713, IS_OCTETS, offsetof(struct auth_list, serial)},
	{714, IS_OCTETS, offsetof(struct auth_list, imei)},
	{715, IS_OCTETS, offsetof(struct auth_list, meid)},
	{716, IS_OCTETS, offsetof(struct auth_list, manufacturer)},
	{717, IS_OCTETS, offsetof(struct auth_list, model)},
	{718, IS_INT, offsetof(struct auth_list, vendor_patch)},
	{719, IS_INT, offsetof(struct auth_list, boot_patch)},
	{723, IS_OCTETS, offsetof(struct auth_list, second_imei)},
};

/* The value behind an explicit tag. */
static bool
read_value(uint32_t tag, struct span inner, struct auth_list *list)
{
	struct span body;
	uint64_t number;

	for (size_t i = 0; i < COUNT_OF(tags); i++) {
		char *to = (char *)list + tags[i].at;

		if (tags[i].tag != tag)
			continue;
		if (tags[i].is == IS_INT) {
			if (!der_only(inner, DER_INTEGER, &body) ||
				!der_uint(body, INT32_MAX, &number))
				return false;
			*(int64_t *)to = (int64_t)number;
			return true;
		}
		return der_only(inner, tags[i].is == IS_ROOT ? DER_SEQUENCE : DER_OCTETS,
			(struct span *)to);
	}
	return true;
}

static bool
read_list(struct span body, const char *field, struct auth_list *list, struct problem *pr)
{
	uint32_t last = 0;
	struct der item, inner;

	*list = (struct auth_list){.origin = -1,
		.os_version = -1,
		.os_patch = -1,
		.vendor_patch = -1,
		.boot_patch = -1};
	while (body.n) {
		struct span rest;

		if (!der_next(&body, &item) || (item.id & 0xe0) != DER_CONTEXT)
			return attest_refuse(pr, field, "not a list of tagged values in DER");
		if (item.number <= last)
			return attest_refuse(pr, field, "tag %u behind tag %u", item.number, last);
		last = item.number;
		rest = item.body;
		if (!der_next(&rest, &inner) || rest.n || !read_value(item.number, item.body, list))
			return attest_refuse(
				pr, field, "the value of tag %u is malformed", item.number);
	}
	return true;
}

static bool
read_root_of_trust(struct span body, uint64_t version, struct root_of_trust *ret)
{
	struct span key, locked, state, hash;
	unsigned char octet;

	if (!der_take(&body, DER_OCTETS, &key) || !der_take(&body, DER_BOOLEAN, &locked) ||
		locked.n != 1 || !der_take(&body, DER_ENUMERATED, &state) ||
		!der_uint(state, 3, &ret->boot_state))
		return false;
	octet = (unsigned char)locked.p[0];
	if (octet != 0 && octet != 0xff) /* BER's other trues are no DER (X.690 11.1) */
		return false;
	ret->device_locked = octet;
	if (version >= 3 && !der_take(&body, DER_OCTETS, &hash)) /* verifiedBootHash */
		return false;
	return body.n == 0;
}

bool
key_desc_parse(struct span der, struct key_desc *ret, struct problem *pr)
{
	struct span body, version, level, km_version, km_level, challenge, unique, software,
		hardware;
	struct key_desc desc = {0};
	uint64_t ignored;

	if (!der_only(der, DER_SEQUENCE, &body))
		return attest_refuse(pr, "keyDescription", "not one SEQUENCE in DER");
	if (!der_take(&body, DER_INTEGER, &version) || !der_uint(version, INT32_MAX, &desc.version))
		return attest_refuse(
			pr, "keyDescription.attestationVersion", "missing or malformed");
	if (!der_take(&body, DER_ENUMERATED, &level) ||
		!der_uint(level, 2, &desc.attestation_level))
		return attest_refuse(
			pr, "keyDescription.attestationSecurityLevel", "missing or malformed");
	if (!der_take(&body, DER_INTEGER, &km_version) ||
		!der_uint(km_version, INT32_MAX, &ignored))
		return attest_refuse(pr, "keyDescription.keyMintVersion", "missing or malformed");
	if (!der_take(&body, DER_ENUMERATED, &km_level) ||
		!der_uint(km_level, 2, &desc.keymint_level))
		return attest_refuse(
			pr, "keyDescription.keyMintSecurityLevel", "missing or malformed");
	if (!der_take(&body, DER_OCTETS, &challenge))
		return attest_refuse(
			pr, "keyDescription.attestationChallenge", "missing or malformed");
	if (!der_take(&body, DER_OCTETS, &unique))
		return attest_refuse(pr, "keyDescription.uniqueId", "missing or malformed");
	if (!der_take(&body, DER_SEQUENCE, &software))
		return attest_refuse(pr, "keyDescription.softwareEnforced", "missing or malformed");
	if (!der_take(&body, DER_SEQUENCE, &hardware))
		return attest_refuse(pr, "keyDescription.hardwareEnforced", "missing or malformed");
	if (body.n)
		return attest_refuse(
			pr, "keyDescription", "%zu octets behind hardwareEnforced", body.n);
	desc.challenge = challenge;
	if (!read_list(software, "keyDescription.softwareEnforced", &desc.software, pr) ||
		!read_list(hardware, "keyDescription.hardwareEnforced", &desc.hardware, pr))
		return false;
	if (desc.hardware.root_of_trust.n &&
		!read_root_of_trust(desc.hardware.root_of_trust, desc.version, &desc.root_of_trust))
		return attest_refuse(
			pr, "keyDescription.hardwareEnforced.rootOfTrust", "malformed");
	*ret = desc;
	return true;
}
