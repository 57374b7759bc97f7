/* csr_make.c - a certificate request of our own; see csr.h. */
#include "pki/csr.h"

#include "pki/ext.h"

static X509_EXTENSION *
san_of(const struct idents *names)
{
	AUTO_NAMES *san = names_make(names);

	return san ? X509V3_EXT_i2d(NID_subject_alt_name, 0, san) : NULL;
}

static bool
fill(X509_REQ *req, EVP_PKEY *key, const struct idents *names)
{
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	X509_EXTENSION *san = san_of(names);
	bool good = list && san && sk_X509_EXTENSION_push(list, san) > 0;

	if (!good)
		X509_EXTENSION_free(san);
	good = good && X509_REQ_add_extensions(req, list) == 1 && X509_REQ_set_pubkey(req, key) == 1 &&
		X509_REQ_sign(req, key, EVP_sha256()) > 0;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return good;
}

bool
csr_make(EVP_PKEY *key, const struct idents *names, struct buf *ret_der, struct problem *pr)
{
	X509_REQ *req = X509_REQ_new();
	unsigned char *der = NULL;
	int n = req && fill(req, key, names) ? i2d_X509_REQ(req, &der) : -1;
	bool good = n > 0 && buf_add(ret_der, der, (size_t)n);

	if (!good) {
		problem_internal(pr, "cannot make a CSR");
		problem_cause_openssl(pr, "CSR");
	}
	OPENSSL_free(der);
	X509_REQ_free(req);
	return good;
}
