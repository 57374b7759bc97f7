/* fuzz_attest_tpm - pieces: SAN and EKU of the attestation key's certificate, certInfo, pubArea,
 * and sig in place of the right one, if it is not empty. */
#include "attest.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), pieces[FUZZ_PIECES];
	struct model m = {.fmt = SPAN("tpm")};
	unsigned char sig[256];
	X509 *leaf;

	fuzz_init(ATTEST_TPM, "tpm-swtpm/ak-root.pem");
	if (fuzz_is_object(in)) {
		fuzz_verify(in, SPAN_NONE);
		return 0;
	}
	fuzz_cut(in, pieces);
	leaf = fuzz_leaf(NULL);
	fuzz_ext(leaf, "2.5.29.17", true, pieces[0]);
	fuzz_ext(leaf, "2.5.29.37", false, pieces[1]);
	fuzz_ext(leaf, "2.5.29.19", true, SPAN("\x30\x00"));
	fuzz_certs(&m, leaf);
	m.members[m.count++] = (struct member){"ver", CBOR_TEXT, 0, SPAN("2.0")};
	m.members[m.count++] = (struct member){"alg", CBOR_NINT, -7, SPAN_NONE};
	m.members[m.count++] = (struct member){"certInfo", CBOR_BYTES, 0, pieces[2]};
	m.members[m.count++] = (struct member){"pubArea", CBOR_BYTES, 0, pieces[3]};
	m.members[m.count++] = (struct member){
		"sig", CBOR_BYTES, 0, pieces[4].n ? pieces[4] : fuzz_sign(pieces[2], sig)};
	fuzz_done(&m);
	return 0;
}
