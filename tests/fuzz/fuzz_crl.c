/* fuzz_crl.c - a file of revocation lists: what is taken says when it was made and when the next one
 * comes, and is the same list when it is written again. */
#include <stdlib.h>

#include "pki/crl.h"

#include <openssl/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct crl *crl)
{
	unsigned char *der = NULL;
	int n = i2d_X509_CRL(crl->x509, &der);
	struct crl *again = NULL;
	struct problem pr = {0};

	if (n <= 0 || !crl_parse(span_of(der, (size_t)n), &again, &pr))
		abort();
	if (again->this_update_unix_s != crl->this_update_unix_s ||
		again->next_update_unix_s != crl->next_update_unix_s ||
		strcmp(again->issuer, crl->issuer) != 0 || crl->key_hash[0])
		abort();
	crl_free(again);
	OPENSSL_free(der);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crls crls = {0};
	struct problem pr = {0};
	struct crl *crl;

	if (crls_read(&crls, span_of(data, size), &pr)) {
		if (!crls.count)
			abort();
		for (size_t i = 0; i < crls.count; i++)
			check(crls.list[i]);
	} else if (pr.kind != PROBLEM_MALFORMED || crls.count) {
		abort();
	}
	crls_done(&crls);
	if (crl_parse(span_of(data, size), &crl, &pr)) {
		check(crl);
		crl_free(crl);
	}
	return 0;
}
