/* fuzz_csr.c - certificate requests. The signature is checked last, so that mutations get as far as
 * the names. What is taken, OpenSSL's own reader takes and verifies, too. */
#include "pki/csr.h"

#include <stdlib.h>

#include <openssl/x509v3.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
compare(const struct csr *csr, const uint8_t *data, size_t size)
{
	const uint8_t *p = data;
	X509_REQ *rq = d2i_X509_REQ(NULL, &p, (long)size);

	if (!rq || p != data + size || X509_REQ_verify(rq, csr->key) != 1 || EVP_PKEY_eq(X509_REQ_get0_pubkey(rq), csr->key) != 1)
		abort();
	X509_REQ_free(rq);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csr *csr = NULL;
	struct problem pr = { 0 };

	if (csr_parse(span_of(data, size), &csr, &pr)) {
		AUTO_BUF names = BUF_MAX(1024 * 1024);
		struct idents back;

		csr_wants_eku(csr, NID_client_auth);
		compare(csr, data, size);
		if (!idents_write(&csr->names, &names) || !idents_read(buf_span(&names), &back) ||
			!idents_same(&csr->names, &back))
			abort();
		idents_done(&back);
	} else if (csr || pr.kind == PROBLEM_NONE || !pr.detail[0]) {
		abort();
	}
	csr_free(csr);
	return 0;
}
