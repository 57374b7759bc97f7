/* fuzz_mint.c - templates as the keeper gets them: whatever it signs is a leaf with names, never a
 * CA. */
#include "pki/mint.h"

#include <stdlib.h>

#include <openssl/x509v3.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* in the middle of the seeds' dates */
#define NOW 1790000000

static EVP_PKEY *key;
static X509 *ca;

static void
set_up(void)
{
	AUTO_BUF der = BUF_MAX(8192);
	const unsigned char *p;

	if (!key_make(KEY_ED25519, &key, NULL) || !mint_ca(key, "CA", NOW, &der, NULL))
		abort();
	p = (const unsigned char *)der.p;
	ca = d2i_X509(NULL, &p, (long)der.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF out = BUF_MAX(MINT_CRL_MAX_BYTES);
	AUTO_BUF crl = BUF_MAX(MINT_CRL_MAX_BYTES);
	struct problem pr = { 0 };
	struct cert *cert = NULL;

	if (!key)
		set_up();
	if (mint_sign_leaf(span_of(data, size), ca, key, &out, &pr)) {
		if (!cert_parse(buf_span(&out), &cert, &pr) || cert->has_other_names ||
			cert->names.count == 0 || !cert->certid[0] ||
			X509_check_ca(cert->x509) != 0 || X509_verify(cert->x509, key) != 1 ||
			cert->not_after_unix_s - cert->not_before_unix_s > MINT_LEAF_MAX_S)
			abort();
		cert_free(cert);
	} else if (out.n || pr.kind != PROBLEM_SERVER_INTERNAL) {
		abort();
	}
	if (!mint_sign_crl(span_of(data, size), ca, key, &crl, &pr) && crl.n)
		abort();
	return 0;
}
