/* fuzz_path.c - certificates as an attestation statement brings them: one after the other in DER,
 * checked under two roots, by the strict rules and by the laxest. A byte in front chooses which. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/secret.h"
#include "pki/der.h"
#include "pki/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct anchors anchors;

static void
load(const char *name, bool are_roots)
{
	AUTO_BUF pem = BUF_MAX(1 << 16), path = BUF_MAX(4096);
	struct problem pr = {0};

	buf_addf(&path, "%s/attestation/%s", TESTDATA, name);
	if (!file_load(buf_cstr(&path), &pem, &pr) ||
		!anchors_add(&anchors, are_roots, buf_span(&pem), &pr))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), ders[PATH_MAX_CERTS + 1];
	struct path_rules rules = {.now_unix_s = 1796083200};
	struct problem pr = {0};
	struct path path;
	struct der der;
	size_t n = 0;

	if (!anchors.root_count) {
		load("android-key/standin-root.pem", true);
		load("roots/yubico-attestation-root-1-62760c6a.pem", true);
		load("roots/intermediate-yubico-attestation-intermediate-a-1-4698a1d3.pem", false);
	}
	if (size && data[0] & 1)
		rules.leaf_any_time = rules.expired_issuers = rules.plain_issuers = true;
	rest = span_from(rest, 1);
	while (n <= PATH_MAX_CERTS && der_next(&rest, &der))
		ders[n++] = der.whole;
	if (path_parse(ders, n, &path, &pr)) {
		if (path_check(&path, &anchors, &rules, &pr)) {
			if (!path.root || path.count < 1)
				abort();
		} else if (pr.kind != PROBLEM_BAD_ATTESTATION) {
			abort();
		}
		path_done(&path);
	} else if (pr.kind != PROBLEM_BAD_ATTESTATION) {
		abort();
	}
	return 0;
}
