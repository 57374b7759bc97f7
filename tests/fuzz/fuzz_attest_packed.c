/* fuzz_attest_packed - always as WebAuthn, for as an answer to a challenge it is refused unread.
 * Pieces: authData and hash; the leaf's AAGUID extension. */
#include "attest.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size), pieces[FUZZ_PIECES];
	struct model m = {.fmt = SPAN("packed")};
	AUTO_BUF object = BUF_MAX(1 << 18);
	unsigned char sig[256];
	X509_NAME *name;
	X509 *leaf;

	fuzz_init(ATTEST_PACKED, "roots/yubico-u2f-root-ca-457200631-0fa1386f.pem");
	fuzz_cut(in, pieces);
	if (fuzz_is_object(in)) {
		fuzz_verify(in, SPAN(FUZZ_KEY_AUTH));
		return 0;
	}
	if (pieces[0].n < 32)
		return 0;
	leaf = fuzz_leaf("Serial 1");
	name = X509_NAME_dup(X509_get_subject_name(leaf));
	X509_NAME_add_entry_by_txt(name, "OU", V_ASN1_UTF8STRING,
		(const unsigned char *)"Authenticator Attestation", -1, -1, 0);
	X509_set_subject_name(leaf, name);
	X509_NAME_free(name);
	fuzz_ext(leaf, "1.3.6.1.4.1.45724.1.1.4", false, pieces[1]);
	fuzz_certs(&m, leaf);
	m.members[m.count++] = (struct member){"alg", CBOR_NINT, -7, SPAN_NONE};
	m.members[m.count++] = (struct member){"sig", CBOR_BYTES, 0, fuzz_sign(pieces[0], sig)};
	model_write(&m, &object);
	fuzz_verify(buf_span(&object), pieces[0]);
	forge_free(m.certs[0]);
	forge_free(m.certs[1]);
	return 0;
}
