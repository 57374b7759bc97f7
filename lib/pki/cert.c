/* cert.c - one certificate: parsed once, and what is needed of it kept. See cert.h.
 *
 * While it reads a certificate OpenSSL 3.0 decodes the key, which takes it 100 us, because it asks
 * all decoders there are. In a library context without any it reads the rest only. The key is read
 * by key_spki_parse in any case. */
#include "pki/cert.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include "pki/der.h"
#include "pki/ext.h"

static bool
bad_cert(struct problem *pr, const char *what)
{
	return problem_set(pr, PROBLEM_MALFORMED, "the certificate %s", what);
}

static void
hex_write(char *dst, const unsigned char *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		dst[2 * i] = digits[p[i] >> 4];
		dst[2 * i + 1] = digits[p[i] & 15];
	}
	dst[2 * n] = '\0';
}

static OSSL_LIB_CTX *no_decoders;
static pthread_once_t no_decoders_once = PTHREAD_ONCE_INIT;

static void
no_decoders_make(void)
{
	no_decoders = OSSL_LIB_CTX_new();
	if (!no_decoders || !OSSL_PROVIDER_load(no_decoders, "null"))
		abort();
}

static bool
decode(struct span der, OSSL_LIB_CTX *lib, struct cert *cert, struct problem *pr)
{
	const unsigned char *p = (const unsigned char *)der.p;
	AUTO_BUF again = BUF_MAX(CHAIN_MAX_BYTES);
	unsigned char md[32];

	if (der.n == 0 || der.n > CHAIN_MAX_BYTES)
		return bad_cert(pr, "is empty or too large");
	cert->x509 = X509_new_ex(lib, NULL);
	/* what fails frees it */
	if (!cert->x509 || !d2i_X509(&cert->x509, &p, (long)der.n) ||
		p != (const unsigned char *)der.p + der.n) {
		problem_cause_openssl(pr, "reading a certificate");
		return bad_cert(pr, "is not exactly one X.509 certificate in DER");
	}
	if (!cert_der(cert, &again) || !span_eq(der, buf_span(&again)))
		return bad_cert(pr, "is BER, not DER");
	if (!EVP_Digest(der.p, der.n, md, NULL, EVP_sha256(), NULL))
		return problem_internal(pr, "SHA-256 of a certificate");
	hex_write(cert->sha256, md, sizeof(md));
	return true;
}

/* The content octets of the DER INTEGER, not OpenSSL's sign and magnitude (RFC 9773 4.1). Returns
 * their number, 0 = too many. */
static size_t
serial_octets(const X509 *x509, unsigned char dst[SERIAL_MAX])
{
	unsigned char *der = NULL;
	int n = i2d_ASN1_INTEGER(X509_get0_serialNumber(x509), &der);
	size_t len = 0;

	/* up to 127 octets the length is one octet */
	if (n > 2 && n <= 2 + SERIAL_MAX) {
		len = (size_t)n - 2;
		memcpy(dst, der + 2, len);
	}
	OPENSSL_free(der);
	return len;
}

static bool
read_san(struct cert *cert, X509_EXTENSION *ext, struct problem *pr)
{
	AUTO_NAMES *san = ext_decode(ext);

	if (!san)
		return bad_cert(pr, "has a subjectAltName that cannot be read");
	cert->has_other_names = !names_read(san, &cert->names, NULL);
	return true;
}

static bool
read_aki(struct cert *cert, X509_EXTENSION *ext, struct span serial, struct problem *pr)
{
	AUTHORITY_KEYID *aki = ext_decode(ext);

	if (!aki)
		return bad_cert(pr, "has an authorityKeyIdentifier that cannot be read");
	if (aki->keyid)
		certid_write(span_of(ASN1_STRING_get0_data(aki->keyid), (size_t)ASN1_STRING_length(aki->keyid)), serial, cert->certid);
	AUTHORITY_KEYID_free(aki);
	return true;
}

static bool
read_basic_constraints(struct cert *cert, X509_EXTENSION *ext, struct problem *pr)
{
	BASIC_CONSTRAINTS *bc = ext_decode(ext);
	long length;

	if (!bc)
		return bad_cert(pr, "has basicConstraints that cannot be read");
	cert->is_ca = cert->is_ca || bc->ca;
	cert->may_issue = bc->ca;
	if (bc->pathlen) {
		length = ASN1_INTEGER_get(bc->pathlen);
		/* a negative or a huge one allows nothing */
		cert->path_length = length < 0 || length > INT16_MAX ? 0 : (int)length;
	}
	BASIC_CONSTRAINTS_free(bc);
	return true;
}

static bool
read_key_usage(struct cert *cert, X509_EXTENSION *ext, struct problem *pr)
{
	ASN1_BIT_STRING *usage = ext_decode(ext);

	if (!usage)
		return bad_cert(pr, "has a keyUsage that cannot be read");
	/* keyCertSign, RFC 5280 4.2.1.3 */
	cert->is_ca = cert->is_ca || ASN1_BIT_STRING_get_bit(usage, 5);
	cert->key_usage = 0;
	for (int i = 0; i < 9; i++)
		cert->key_usage |= (unsigned)ASN1_BIT_STRING_get_bit(usage, i) << i;
	ASN1_BIT_STRING_free(usage);
	return true;
}

/* Of the extensions that nobody here looks into those that OpenSSL knows must be readable. */
static bool
is_readable(X509_EXTENSION *ext)
{
	const X509V3_EXT_METHOD *method = X509V3_EXT_get(ext);
	void *value;

	if (!method || !method->it)
		return true;
	value = ext_decode(ext);
	if (value)
		ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
	return value != NULL;
}

static bool
read_extension(struct cert *cert, X509_EXTENSION *ext, struct span serial, struct problem *pr)
{
	switch (OBJ_obj2nid(X509_EXTENSION_get_object(ext))) {
	case NID_subject_alt_name:
		return read_san(cert, ext, pr);
	case NID_authority_key_identifier:
		return read_aki(cert, ext, serial, pr);
	case NID_basic_constraints:
		return read_basic_constraints(cert, ext, pr);
	case NID_key_usage:
		return read_key_usage(cert, ext, pr);
	default:
		return is_readable(ext) || bad_cert(pr, "has an extension that cannot be read");
	}
}

static bool
read_extensions(struct cert *cert, struct problem *pr)
{
	const STACK_OF(X509_EXTENSION) *exts = X509_get0_extensions(cert->x509);
	unsigned char serial[SERIAL_MAX];
	size_t n = serial_octets(cert->x509, serial);
	struct problem why = { 0 };

	if (n == 0)
		return bad_cert(pr, "has a serial number of more than 21 octets");
	hex_write(cert->serial, serial, n);
	if (!exts_check(exts, &why))
		return problem_set(pr, PROBLEM_MALFORMED, "the certificate has %s", why.detail);
	cert->path_length = -1;
	cert->key_usage = UINT_MAX;
	for (int i = 0; i < sk_X509_EXTENSION_num(exts); i++) {
		if (!read_extension(cert, sk_X509_EXTENSION_value(exts, i), span_of(serial, n), pr))
			return false;
	}
	cert->may_issue = cert->may_issue && cert->key_usage & USAGE_KEY_CERT_SIGN;
	return true;
}

static bool
read_key(struct cert *cert, bool make_key, struct problem *pr)
{
	unsigned char *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert->x509), &spki);
	struct span der = span_of(spki, n > 0 ? (size_t)n : 0);
	struct problem why = { 0 };
	bool good = (!make_key || key_spki_parse(der, &cert->key, &why)) && key_spki_hash(der, cert->key, cert->key_hash, &why);

	if (good)
		cert->has_good_key = cert->key && key_spki_check(der, cert->key, PROBLEM_MALFORMED, &why);
	OPENSSL_free(spki);
	if (good)
		return true;
	problem_cause(pr, "%s", why.cause);
	return bad_cert(pr, "has a key that cannot be read");
}

static bool
read_rest(struct cert *cert, bool make_key, struct problem *pr)
{
	if (!asn1_time_get(X509_get0_notBefore(cert->x509), &cert->not_before_unix_s) ||
		!asn1_time_get(X509_get0_notAfter(cert->x509), &cert->not_after_unix_s))
		return bad_cert(pr, "has a validity that cannot be read");
	if (!read_key(cert, make_key, pr))
		return false;
	name_line(X509_get_issuer_name(cert->x509), cert->issuer);
	name_line(X509_get_subject_name(cert->x509), cert->subject);
	return true;
}

static bool
parse(struct span der, OSSL_LIB_CTX *lib, bool make_key, struct cert **ret, struct problem *pr)
{
	struct cert *cert = xcalloc(1, sizeof(*cert));
	bool good = decode(der, lib, cert, pr) && read_extensions(cert, pr) && read_rest(cert, make_key, pr);

	ERR_clear_error();
	atomic_init(&cert->refs, 1);
	if (!good) {
		cert_free(cert);
		return false;
	}
	*ret = cert;
	return true;
}

bool
cert_parse(struct span der, struct cert **ret, struct problem *pr)
{
	return parse(der, NULL, true, ret, pr);
}

bool
leaf_parse(struct span der, struct cert **ret, struct problem *pr)
{
	pthread_once(&no_decoders_once, no_decoders_make);
	return parse(der, no_decoders, false, ret, pr);
}

bool
signer_parse(struct span der, struct cert **ret, struct problem *pr)
{
	pthread_once(&no_decoders_once, no_decoders_make);
	return parse(der, no_decoders, true, ret, pr);
}

struct cert *
cert_ref(struct cert *cert)
{
	atomic_fetch_add(&cert->refs, 1);
	return cert;
}

void
cert_free(struct cert *cert)
{
	if (!cert || atomic_fetch_sub(&cert->refs, 1) != 1)
		return;
	idents_done(&cert->names);
	EVP_PKEY_free(cert->key);
	X509_free(cert->x509);
	free(cert);
}

bool
cert_der(const struct cert *cert, struct buf *out)
{
	unsigned char *der = NULL;
	int n = i2d_X509(cert->x509, &der);
	bool good = n > 0 && buf_add(out, der, (size_t)n);

	OPENSSL_free(der);
	return good;
}

bool
cert_ext(const struct cert *cert, struct span oid, struct span *ret_value)
{
	for (int i = 0; i < X509_get_ext_count(cert->x509); i++) {
		X509_EXTENSION *ext = X509_get_ext(cert->x509, i);
		const ASN1_OBJECT *object = X509_EXTENSION_get_object(ext);
		const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(ext);

		if (span_eq(span_of(OBJ_get0_data(object), OBJ_length(object)), oid)) {
			*ret_value = span_of(ASN1_STRING_get0_data(value),
				(size_t)ASN1_STRING_length(value));
			return true;
		}
	}
	return false;
}

/* X509_verify looks for the digest where it looked for the key: a leaf is read where there are
 * none. The octets are those that came: i2d_re_X509_tbs would write new ones, and mark a certificate
 * that others may be reading. */
bool
cert_is_signed_by(const struct cert *cert, EVP_PKEY *key)
{
	const ASN1_BIT_STRING *signature;
	const X509_ALGOR *algorithm;
	unsigned char *der = NULL;
	int n = i2d_X509(cert->x509, &der);
	ASN1_STRING tbs = { .type = V_ASN1_SEQUENCE };
	struct der part;
	struct span body;
	bool good;

	X509_get0_signature(&signature, &algorithm, cert->x509);
	good = n > 0 && der_only(span_of(der, (size_t)n), DER_SEQUENCE, &body) &&
		der_next(&body, &part) &&
		X509_ALGOR_cmp(algorithm, X509_get0_tbs_sigalg(cert->x509)) == 0;
	if (good) {
		tbs.data = der + (part.whole.p - (const char *)der);
		tbs.length = (int)part.whole.n;
		good = ASN1_item_verify(
			       ASN1_ITEM_rptr(ASN1_SEQUENCE), algorithm, signature, &tbs, key) == 1;
	}
	OPENSSL_free(der);
	ERR_clear_error();
	return good;
}
