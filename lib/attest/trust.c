/* trust.c - roots, intermediates and revocation lists, a set for each format. See attest.h. */
#include <stdlib.h>

#include "attest/format.h"
#include "pki/device_id.h"

struct attest_trust *
attest_trust_new(void)
{
	return xcalloc(1, sizeof(struct attest_trust));
}

static void
anchors_unref(struct attest_anchors *of)
{
	if (!of || atomic_fetch_sub_explicit(&of->refs, 1, memory_order_acq_rel) != 1)
		return;
	anchors_done(&of->anchors);
	revoked_free(of->revoked);
	crls_done(&of->crls);
	free(of);
}

void
attest_trust_free(struct attest_trust *trust)
{
	if (!trust)
		return;
	for (size_t i = 0; i < ATTEST__COUNT; i++)
		anchors_unref(trust->of[i]);
	free(trust);
}

static struct attest_anchors *
anchors_of(struct attest_trust *trust, enum attest_format format)
{
	if (!trust->of[format]) {
		trust->of[format] = xcalloc(1, sizeof(*trust->of[format]));
		atomic_init(&trust->of[format]->refs, 1);
	}
	return trust->of[format];
}

void
attest_trust_share(struct attest_trust *trust, const struct attest_trust *from)
{
	for (size_t i = 0; i < ATTEST__COUNT; i++) {
		if (!from->of[i])
			continue;
		atomic_fetch_add_explicit(&from->of[i]->refs, 1, memory_order_relaxed);
		anchors_unref(trust->of[i]);
		trust->of[i] = from->of[i];
	}
}

bool
attest_trust_add_roots(
	struct attest_trust *trust, enum attest_format format, struct span pem, struct problem *pr)
{
	return anchors_add(&anchors_of(trust, format)->anchors, true, pem, pr);
}

bool
attest_trust_add_intermediates(
	struct attest_trust *trust, enum attest_format format, struct span pem, struct problem *pr)
{
	return anchors_add(&anchors_of(trust, format)->anchors, false, pem, pr);
}

bool
attest_trust_set_revoked(struct attest_trust *trust, enum attest_format format, struct span json,
	int64_t good_until_unix_s, struct problem *pr)
{
	struct attest_anchors *of = anchors_of(trust, format);
	struct revoked *list;

	if (!revoked_parse(json, good_until_unix_s, &list, pr))
		return false;
	revoked_free(of->revoked);
	of->revoked = list;
	return true;
}

static const struct cert *
anchor_at(const struct attest_anchors *of, size_t i)
{
	const struct anchors *a = &of->anchors;

	if (i < a->root_count)
		return a->roots[i];
	return i - a->root_count < a->link_count ? a->links[i - a->root_count] : NULL;
}

bool
attest_trust_add_crls(
	struct attest_trust *trust, enum attest_format format, struct span file, struct problem *pr)
{
	struct attest_anchors *of = anchors_of(trust, format);
	size_t i = of->crls.count;
	const struct cert *signer;

	if (!crls_read(&of->crls, file, pr))
		return false;
	for (; i < of->crls.count; i++) {
		for (size_t j = 0; (signer = anchor_at(of, j)); j++) {
			if (crl_verify(of->crls.list[i], signer))
				break;
		}
		if (!signer)
			return problem_set(pr, PROBLEM_MALFORMED,
				"no root or intermediate signed the revocation list of \"%.200s\"",
				of->crls.list[i]->issuer);
	}
	return true;
}

bool
attest_trust_check_crls(const struct attest_trust *trust, enum attest_format format,
	int64_t *ret_good_until_unix_s, struct problem *pr)
{
	const struct attest_anchors *of = trust->of[format];
	int64_t good_until = INT64_MAX;
	const struct cert *signer;

	for (size_t i = 0; of && of->crls.count && (signer = anchor_at(of, i)); i++) {
		int64_t latest = INT64_MIN;

		for (size_t j = 0; j < of->crls.count; j++) {
			const struct crl *crl = of->crls.list[j];

			if (crl->next_update_unix_s > latest && crl_is_of(crl, signer))
				latest = crl->next_update_unix_s;
		}
		if (latest == INT64_MIN)
			return problem_set(pr, PROBLEM_MALFORMED,
				"\"%.200s\" has no revocation list, and each issuer must have one",
				signer->subject);
		good_until = latest < good_until ? latest : good_until;
	}
	*ret_good_until_unix_s = good_until;
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
	snprintf(anchors_of(trust, format)->assigner, ATTEST_TEXT, "%s", oid);
	return true;
}

void
attest_trust_apple_modules(struct attest_trust *trust, bool count)
{
	anchors_of(trust, ATTEST_APPLE)->modules = count;
}
