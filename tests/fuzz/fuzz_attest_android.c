/* fuzz_attest_android - pieces: keyDescription. */
#include "attest.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), pieces[FUZZ_PIECES];
	struct model m = {.fmt = SPAN("android-key")};
	unsigned char sig[256];
	X509 *leaf;

	fuzz_init(ATTEST_ANDROID, "android-key/standin-root.pem");
	if (fuzz_is_object(in)) {
		fuzz_verify(in, SPAN_NONE);
		return 0;
	}
	fuzz_cut(in, pieces);
	leaf = fuzz_leaf("Android Keystore Key");
	fuzz_ext(leaf, "1.3.6.1.4.1.11129.2.1.17", false, pieces[0]);
	fuzz_certs(&m, leaf);
	m.members[m.count++] = (struct member){"alg", CBOR_NINT, -7, SPAN_NONE};
	m.members[m.count++] =
		(struct member){"sig", CBOR_BYTES, 0, fuzz_sign(fuzz.key_authorization, sig)};
	fuzz_done(&m);
	return 0;
}
