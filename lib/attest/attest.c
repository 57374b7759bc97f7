/* attest.c - the one entry: the attestation object is read, its format's function verifies the
 * statement, and the order's identifier must be among those that are proven. See attest.h. */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "attest/format.h"
#include "base/b64url.h"

static const struct {
	const char *name,
		*ids; /* `ids`: where the format keeps them, for the detail of a refusal */
	attest_fn *verify;
	bool needs_revocation;
} formats[ATTEST__COUNT] = {
	[ATTEST_TPM] = {"tpm", "x5c[0].subjectAltName", attest_tpm},
	[ATTEST_APPLE] = {"apple", "x5c[0]", attest_apple},
	[ATTEST_ANDROID] = {"android-key", "keyDescription.hardwareEnforced", attest_android,
		.needs_revocation = true},
	[ATTEST_STEP] = {"step", "x5c[0]", attest_step},
	[ATTEST_PACKED] = {"packed", "x5c[0]", attest_packed},
};

const char *
attest_format_name(enum attest_format format)
{
	return formats[format].name;
}

bool
attest_format_parse(struct span name, enum attest_format *ret)
{
	for (size_t i = 0; i < ATTEST__COUNT; i++) {
		if (span_is(name, formats[i].name)) {
			*ret = (enum attest_format)i;
			return true;
		}
	}
	return false;
}

bool
attest_is_webauthn(const struct statement *st)
{
	return st->in->webauthn.n > 0;
}

bool
attest_object_format(struct span object, enum attest_format *ret)
{
	struct problem pr = {0};
	struct cbor map, fmt;

	return object.n <= ATTEST_MAX_BYTES &&
	       cbor_parse(object, PROBLEM_BAD_ATTESTATION, &map, &pr) && map.type == CBOR_MAP &&
	       cbor_get(&map, "fmt", &fmt) && fmt.type == CBOR_TEXT &&
	       attest_format_parse(fmt.data, ret);
}

static bool
read_object(struct statement *st, struct problem *pr)
{
	struct cbor object, fmt;

	if (st->in->object.n > ATTEST_MAX_BYTES)
		return attest_refuse(pr, "attObj", "has %zu octets, at most %d are accepted",
			st->in->object.n, ATTEST_MAX_BYTES);
	if (!cbor_parse(st->in->object, PROBLEM_BAD_ATTESTATION, &object, pr))
		return false;
	if (object.type != CBOR_MAP)
		return attest_refuse(pr, "cbor", "%s, not a map", cbor_type_name(object.type));
	if (!cbor_get(&object, "fmt", &fmt) || fmt.type != CBOR_TEXT)
		return attest_refuse(pr, "fmt", "missing, or not text");
	if (!attest_format_parse(fmt.data, &st->facts.format))
		return attest_refuse(pr, "fmt", "\"%s\" is not supported", QUOTE(fmt.data));
	if (!cbor_get(&object, "attStmt", &st->members) || st->members.type != CBOR_MAP)
		return attest_refuse(pr, "attStmt", "missing, or not a map");
	return true;
}

/* Our side of it, before the device's. */
static bool
check_trust(struct statement *st, struct problem *pr)
{
	const char *name = formats[st->facts.format].name;

	/* V12: of no use, whatever the roots are */
	if (st->facts.format == ATTEST_PACKED && !attest_is_webauthn(st))
		return attest_refuse(pr, "fmt",
			"\"packed\" names a model, not a device, and its key is not the CSR's; it "
			"proves nothing here");
	st->trust = st->in->trust->of[st->facts.format];
	if (!st->trust || !st->trust->anchors.root_count)
		return attest_refuse(pr, "fmt", "\"%s\" is not accepted here", name);
	if (formats[st->facts.format].needs_revocation && !st->trust->revoked)
		return problem_internal(pr, "no revocation list for %s", name);
	if (st->trust->revoked && st->trust->revoked->good_until_unix_s < st->in->now_unix_s)
		return problem_internal(pr, "the revocation list for %s is too old", name);
	return true;
}

/* Octet for octet (draft section 3). */
static bool
check_id(const struct statement *st, struct problem *pr)
{
	const struct attest_facts *facts = &st->facts;

	for (size_t i = 0; i < facts->id_count; i++) {
		if (facts->ids[i].type == st->in->id_type &&
			span_is(st->in->id, facts->ids[i].value))
			return true;
	}
	return problem_set(pr, PROBLEM_BAD_ATTESTATION,
		"identifier: the statement does not prove %s \"%s\"; %s has %zu identifiers%s%s%s",
		attest_id_type_name(st->in->id_type),
		QUOTE(st->in->id), formats[facts->format].ids, facts->id_count,
		facts->id_count ? ", the first is \"" : "",
		facts->id_count ? QUOTE(span_str(facts->ids[0].value)) : "",
		facts->id_count ? "\"" : "");
}

static bool
digests(struct statement *st, struct problem *pr)
{
	unsigned char md[32];

	st->data = attest_is_webauthn(st) ? st->in->webauthn : st->in->key_authorization;
	if (st->data.n < sizeof(md))
		return problem_internal(pr, "no challenge to compare a statement with");
	if (!EVP_Digest(st->data.p, st->data.n, st->sha256, NULL, EVP_sha256(), NULL) ||
		!EVP_Digest(st->in->object.p, st->in->object.n, md, NULL, EVP_sha256(), NULL))
		return problem_internal(pr, "SHA-256 of a statement");
	for (size_t i = 0; i < sizeof(md); i++)
		snprintf(st->facts.sha256 + 2 * i, 3, "%02x", md[i]);
	return true;
}

bool
stmt_verify(struct statement *st, struct problem *pr)
{
	if (!read_object(st, pr) || !check_trust(st, pr) || !digests(st, pr))
		return false;
	if (!formats[st->facts.format].verify(st, pr))
		return false;
	snprintf(st->facts.serial, sizeof(st->facts.serial), "%s", stmt_leaf(st)->serial);
	memcpy(st->facts.root, st->path.root->key_hash, sizeof(st->facts.root));
	return attest_is_webauthn(st) || check_id(st, pr);
}

bool
attest_verify(const struct attest_input *in, struct attest_facts *ret, struct problem *pr)
{
	struct statement st = {.in = in,
		.facts = {.os_patch = -1,
			.vendor_patch = -1,
			.boot_patch = -1,
			.device_locked = -1,
			.pin_policy = -1,
			.touch_policy = -1,
			.form_factor = -1}};
	bool good = stmt_verify(&st, pr);

	if (good)
		*ret = st.facts;
	else
		attest_facts_done(&st.facts);
	path_done(&st.path);
	ERR_clear_error();
	return good;
}
