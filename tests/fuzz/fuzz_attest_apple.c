/* fuzz_attest_apple - pieces: serial, UDID, OS version, Secure Enclave's version, security mode. */
#include "attest.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const oids[] = {"9.1", "9.2", "10.1", "10.2", "13.2"};
	struct span in = span_of(data, size), pieces[FUZZ_PIECES];
	struct model m = {.fmt = SPAN("apple")};
	unsigned char md[32];
	char oid[40];
	X509 *leaf;

	fuzz_init(ATTEST_APPLE, "apple/standin-root.pem");
	if (fuzz_is_object(in)) {
		fuzz_verify(in, SPAN_NONE);
		return 0;
	}
	fuzz_cut(in, pieces);
	leaf = fuzz_leaf("Apple");
	for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
		snprintf(oid, sizeof(oid), "1.2.840.113635.100.8.%s", oids[i]);
		fuzz_ext(leaf, oid, false, pieces[i]);
	}
	EVP_Digest(FUZZ_TOKEN, sizeof(FUZZ_TOKEN) - 1, md, NULL, EVP_sha256(), NULL);
	fuzz_ext(leaf, "1.2.840.113635.100.8.11.1", false, span_of(md, sizeof(md)));
	fuzz_certs(&m, leaf);
	fuzz_done(&m);
	return 0;
}
