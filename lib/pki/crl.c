/* crl.c - see crl.h. OpenSSL reads; what it would take for another kind of list is refused here. */
#include "pki/crl.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki/ext.h"

static bool
bad(struct problem *pr, const char *fault)
{
	return problem_set(pr, PROBLEM_MALFORMED, "a revocation list %s", fault);
}

static bool
has_critical(const STACK_OF(X509_EXTENSION) *exts)
{
	for (int i = 0; i < sk_X509_EXTENSION_num(exts); i++) {
		if (X509_EXTENSION_get_critical(sk_X509_EXTENSION_value(exts, i)))
			return true;
	}
	return false;
}

/* An entry may say that it is another issuer's (RFC 5280 5.3.3), which is critical. */
static bool
check_entries(X509_CRL *x509, struct problem *pr)
{
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(x509);

	for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
		if (has_critical(X509_REVOKED_get0_extensions(sk_X509_REVOKED_value(entries, i))))
			return bad(pr, "has an entry with a critical extension");
	}
	/* else the first look-up would, under a lock */
	if (entries)
		sk_X509_REVOKED_sort(entries);
	return true;
}

static bool
check(struct crl *crl, struct problem *pr)
{
	X509_CRL *x509 = crl->x509;

	if (X509_CRL_get_ext_by_NID(x509, NID_issuing_distribution_point, -1) >= 0)
		return bad(pr, "is for some certificates only (issuingDistributionPoint)");
	if (X509_CRL_get_ext_by_NID(x509, NID_delta_crl, -1) >= 0)
		return bad(pr, "is a delta");
	if (has_critical(X509_CRL_get0_extensions(x509)))
		return bad(pr, "has a critical extension");
	if (!signature_is_good(X509_CRL_get_signature_nid(x509)))
		return bad(pr, "is not signed with SHA-256, SHA-384, SHA-512 or Ed25519");
	if (!X509_CRL_get0_nextUpdate(x509) ||
		!asn1_time_get(X509_CRL_get0_nextUpdate(x509), &crl->next_update_unix_s) ||
		!asn1_time_get(X509_CRL_get0_lastUpdate(x509), &crl->this_update_unix_s))
		return bad(pr, "does not say when it was made, and when the next one comes");
	return check_entries(x509, pr);
}

bool
crl_parse(struct span der, struct crl **ret, struct problem *pr)
{
	const unsigned char *p = (const unsigned char *)der.p;
	struct crl *crl = xcalloc(1, sizeof(*crl));
	bool good = false;

	if (der.n > 0 && der.n <= CRL_FILE_MAX_BYTES)
		crl->x509 = d2i_X509_CRL(NULL, &p, (long)der.n);
	if (!crl->x509 || p != (const unsigned char *)der.p + der.n)
		bad(pr, "is not one CRL in DER");
	else
		good = check(crl, pr);
	if (good) {
		name_line(X509_CRL_get_issuer(crl->x509), crl->issuer);
		*ret = crl;
	} else {
		crl_free(crl);
	}
	ERR_clear_error();
	return good;
}

void
crl_free(struct crl *crl)
{
	if (!crl)
		return;
	X509_CRL_free(crl->x509);
	free(crl);
}

static bool
has_name_of(const struct crl *crl, const struct cert *issuer)
{
	return X509_NAME_cmp(X509_CRL_get_issuer(crl->x509), X509_get_subject_name(issuer->x509)) == 0;
}

bool
crl_verify(struct crl *crl, const struct cert *issuer)
{
	bool good = (issuer->key_usage & USAGE_CRL_SIGN) && issuer->has_good_key &&
		    has_name_of(crl, issuer) && X509_CRL_verify(crl->x509, issuer->key) == 1;

	ERR_clear_error();
	if (good)
		memcpy(crl->key_hash, issuer->key_hash, sizeof(crl->key_hash));
	return good;
}

bool
crl_is_of(const struct crl *crl, const struct cert *issuer)
{
	return strcmp(crl->key_hash, issuer->key_hash) == 0 && has_name_of(crl, issuer);
}

bool
crl_has(const struct crl *crl, const struct cert *cert)
{
	X509_REVOKED *entry;

	return X509_CRL_get0_by_serial(crl->x509, &entry, X509_get0_serialNumber(cert->x509)) != 0;
}

static bool
add(struct crls *crls, struct span der, struct problem *pr)
{
	struct crl *crl;

	if (crls->count >= CRLS_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "more than %d revocation lists", CRLS_MAX);
	if (!crl_parse(der, &crl, pr))
		return false;
	crls->list = xrealloc(crls->list, (crls->count + 1) * sizeof(crls->list[0]));
	crls->list[crls->count++] = crl;
	return true;
}

static bool
add_pem(struct crls *crls, struct span pem, struct problem *pr)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	size_t before = crls->count;
	char *name, *header;
	unsigned char *der;
	bool good = bio != NULL;
	long n;

	while (good && PEM_read_bio(bio, &name, &header, &der, &n)) {
		good = strcmp(name, PEM_STRING_X509_CRL) == 0
			       ? add(crls, span_of(der, (size_t)n), pr)
			       : problem_set(pr, PROBLEM_MALFORMED, "a PEM block that is not an X509 CRL");
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	if (good && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		good = problem_set(pr, PROBLEM_MALFORMED, "a PEM block that cannot be read");
	if (good && crls->count == before)
		good = problem_set(pr, PROBLEM_MALFORMED, "no revocation list, in DER or PEM");
	BIO_free(bio);
	ERR_clear_error();
	return good;
}

bool
crls_read(struct crls *crls, struct span file, struct problem *pr)
{
	size_t before = crls->count;
	bool good;

	if (file.n > CRL_FILE_MAX_BYTES)
		return problem_set(pr, PROBLEM_MALFORMED, "more than %d octets of revocation lists",
			CRL_FILE_MAX_BYTES);
	good = file.n && file.p[0] == 0x30 ? add(crls, file, pr) : add_pem(crls, file, pr);
	while (!good && crls->count > before)
		crl_free(crls->list[--crls->count]);
	return good;
}

void
crls_done(struct crls *crls)
{
	while (crls->count)
		crl_free(crls->list[--crls->count]);
	free(crls->list);
	*crls = (struct crls){0};
}
