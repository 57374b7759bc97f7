/* trust.c - roots, intermediates and revocation lists, a set for each format. See attest.h. */
#include <stdlib.h>

#include "attest/format.h"
#include "pki/device_id.h"

struct attest_trust *
attest_trust_new(void)
{
	return xcalloc(1, sizeof(struct attest_trust));
}

void
attest_trust_free(struct attest_trust *trust)
{
	if (!trust)
		return;
	for (size_t i = 0; i < ATTEST__COUNT; i++) {
		anchors_done(&trust->of[i].anchors);
		revoked_free(trust->of[i].revoked);
	}
	free(trust);
}

bool
attest_trust_add_roots(
	struct attest_trust *trust, enum attest_format format, struct span pem, struct problem *pr)
{
	return anchors_add(&trust->of[format].anchors, true, pem, pr);
}

bool
attest_trust_add_intermediates(
	struct attest_trust *trust, enum attest_format format, struct span pem, struct problem *pr)
{
	return anchors_add(&trust->of[format].anchors, false, pem, pr);
}

bool
attest_trust_set_revoked(struct attest_trust *trust, enum attest_format format, struct span json,
	int64_t good_until_unix_s, struct problem *pr)
{
	struct revoked *list;

	if (!revoked_parse(json, good_until_unix_s, &list, pr))
		return false;
	revoked_free(trust->of[format].revoked);
	trust->of[format].revoked = list;
	return true;
}

bool
attest_trust_set_assigner(
	struct attest_trust *trust, enum attest_format format, const char *oid, struct problem *pr)
{
	if (format == ATTEST_TPM || strlen(oid) >= ATTEST_TEXT || !device_oid_ok(span_str(oid)))
		return problem_set(pr, PROBLEM_MALFORMED,
			"\"%s\" cannot be the assigner of %s identifiers", QUOTE(span_str(oid)),
			attest_format_name(format));
	snprintf(trust->of[format].assigner, ATTEST_TEXT, "%s", oid);
	return true;
}

void
attest_trust_apple_modules(struct attest_trust *trust, bool count)
{
	trust->apple_modules = count;
}
