/* fuzz_attest_step - pieces: firmware, serial, policy, form factor, smallstep's identifier (left
 * out if empty), what is put around the signature in sig. */
#include "attest.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const oids[] = {"1.3.6.1.4.1.41482.3.3", "1.3.6.1.4.1.41482.3.7",
		"1.3.6.1.4.1.41482.3.8", "1.3.6.1.4.1.41482.3.9", "1.3.6.1.4.1.37476.9000.64.4"};
	struct span in = span_of(data, size), pieces[FUZZ_PIECES];
	struct model m = {.fmt = SPAN("step")};
	AUTO_BUF sig = BUF_MAX(1 << 17);
	unsigned char bare[256];
	X509 *leaf;

	fuzz_init(ATTEST_STEP, "step/standin-root.pem");
	if (fuzz_is_object(in)) {
		fuzz_verify(in, SPAN_NONE);
		return 0;
	}
	fuzz_cut(in, pieces);
	leaf = fuzz_leaf("YubiKey PIV Attestation 9a");
	for (size_t i = 0; i < sizeof(oids) / sizeof(oids[0]); i++) {
		if (i < 4 || pieces[i].n)
			fuzz_ext(leaf, oids[i], false, pieces[i]);
	}
	fuzz_certs(&m, leaf);
	if (pieces[5].n)
		buf_addspan(&sig, pieces[5]);
	else
		cbor_bytes(&sig, fuzz_sign(fuzz.key_authorization, bare));
	m.members[m.count++] = (struct member){"alg", CBOR_NINT, -7, SPAN_NONE};
	m.members[m.count++] = (struct member){"sig", CBOR_BYTES, 0, buf_span(&sig)};
	fuzz_done(&m);
	return 0;
}
