/* fuzz_csr.c - certificate requests. The signature is checked last, so that mutations get as far as
 * the names. */
#include "pki/csr.h"

#include <stdlib.h>

#include <openssl/x509v3.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct csr *csr = NULL;
	struct problem pr = { 0 };

	if (csr_parse(span_of(data, size), &csr, &pr)) {
		AUTO_BUF names = BUF_MAX(1024 * 1024);
		struct idents back;

		csr_wants_eku(csr, NID_client_auth);
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
