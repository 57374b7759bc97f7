/* alpn_cert.c - see alpn_cert.h. */
#include "pki/alpn_cert.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/addr.h"
#include "base/rand.h"
#include "pki/ext.h"
#include "pki/key.h"

/* id-pe-acmeIdentifier, 1.3.6.1.5.5.7.1.31 (RFC 8737 6.1), and what stands before the digest: an OCTET STRING of 32 */
static const unsigned char acme_identifier[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f };
static const unsigned char octet_string[] = { 0x04, ALPN_DIGEST_OCTETS };

#define EXTENSIONS_MAX 64
#define MADE_EARLIER_S 3600 /* a CA whose clock is behind */
#define MADE_FOR_S (24 * 3600)

static bool
refuse(struct problem *pr, const char *what)
{
	return problem_set(pr, PROBLEM_UNAUTHORIZED, "%s", what);
}

static X509 *
read_der(struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509 *x = der.n > 0 && der.n < 0x10000 ? d2i_X509(NULL, &p, (long)der.n) : NULL;

	if (x && p != (const unsigned char *)der.p + der.n) {
		X509_free(x);
		x = NULL;
	}
	ERR_clear_error();
	return x;
}

static bool
is_acme_identifier(X509_EXTENSION *ext)
{
	const ASN1_OBJECT *oid = X509_EXTENSION_get_object(ext);

	return OBJ_length(oid) == sizeof(acme_identifier) && memcmp(OBJ_get0_data(oid), acme_identifier, sizeof(acme_identifier)) == 0;
}

/* The one acmeIdentifier; and no other extension that makes the whole doubtful. */
static X509_EXTENSION *
find_extension(const X509 *x, struct problem *pr)
{
	int n = X509_get_ext_count(x);
	X509_EXTENSION *found = NULL;

	if (n > EXTENSIONS_MAX) {
		refuse(pr, "the certificate has too many extensions");
		return NULL;
	}
	for (int i = 0; i < n; i++) {
		X509_EXTENSION *ext = X509_get_ext(x, i);

		if (X509_get_ext_by_OBJ(x, X509_EXTENSION_get_object(ext), i) >= 0) {
			refuse(pr, "the certificate has an extension twice");
			return NULL;
		}
		if (is_acme_identifier(ext)) {
			found = ext;
		} else if (X509_EXTENSION_get_critical(ext) && !X509_supported_extension(ext)) {
			refuse(pr, "the certificate has a critical extension that is unknown");
			return NULL;
		}
	}
	if (!found)
		refuse(pr, "the certificate has no acmeIdentifier extension (1.3.6.1.5.5.7.1.31): the server answers acme-tls/1 with another "
			   "certificate than the challenge's");
	return found;
}

static bool
check_extension(X509_EXTENSION *ext, const unsigned char digest[ALPN_DIGEST_OCTETS], bool *ret_final, struct problem *pr)
{
	const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(ext);
	const unsigned char *p = ASN1_STRING_get0_data(value);

	if (!X509_EXTENSION_get_critical(ext))
		return refuse(pr, "the acmeIdentifier extension is not critical (RFC 8737 section 3)");
	if (ASN1_STRING_length(value) != (int)sizeof(octet_string) + ALPN_DIGEST_OCTETS || memcmp(p, octet_string, sizeof(octet_string)) != 0)
		return refuse(pr, "the acmeIdentifier extension is not an OCTET STRING of 32 octets");
	if (memcmp(p + sizeof(octet_string), digest, ALPN_DIGEST_OCTETS) == 0)
		return true;
	*ret_final = true;
	return refuse(pr, "the acmeIdentifier extension is not the digest of this challenge's key authorization");
}

static bool
name_is(const GENERAL_NAME *name, const struct ident *ident)
{
	const ASN1_STRING *s = name->type == GEN_DNS ? name->d.dNSName : name->type == GEN_IPADD ? name->d.iPAddress : NULL;
	struct span octets = s ? span_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)) : SPAN_NONE;
	struct addr addr;

	if (ident->type == IDENT_DNS) /* RFC 4343 */
		return name->type == GEN_DNS && span_is_nocase(octets, ident->value);
	return name->type == GEN_IPADD && addr_parse(span_str(ident->value), &addr) &&
		span_eq(octets, span_of(addr.octet, addr.family == AF_INET6 ? 16 : 4));
}

static bool
check_names(const X509 *x, const struct ident *ident, struct problem *pr)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	int n = names ? sk_GENERAL_NAME_num(names) : 0;
	bool good = n == 1 && name_is(sk_GENERAL_NAME_value(names, 0), ident);

	GENERAL_NAMES_free(names);
	ERR_clear_error();
	if (n > 1)
		return refuse(pr, "the certificate's subjectAltName has more than one name");
	if (!good)
		return problem_set(pr, PROBLEM_UNAUTHORIZED, "the certificate's subjectAltName is not %s \"%s\" alone",
			ident->type == IDENT_DNS ? "dNSName" : "iPAddress", ident->value);
	return true;
}

static bool
is_self_signed(X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(x);
	bool good = key && X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0 && X509_verify(x, key) == 1;

	ERR_clear_error();
	return good;
}

static bool
check(X509 *x, const struct ident *ident, const unsigned char digest[ALPN_DIGEST_OCTETS], bool *ret_final, struct problem *pr)
{
	X509_EXTENSION *ext = find_extension(x, pr);

	if (!ext || !check_extension(ext, digest, ret_final, pr) || !check_names(x, ident, pr))
		return false;
	return is_self_signed(x) ? true : refuse(pr, "the certificate is not signed by itself");
}

bool
alpn_cert_check(struct span der, const struct ident *ident, const unsigned char digest[ALPN_DIGEST_OCTETS], bool *ret_final,
	struct problem *pr)
{
	X509 *x = read_der(der);
	bool good;

	*ret_final = false;
	if (!x)
		return refuse(pr, "the certificate cannot be read");
	good = check(x, ident, digest, ret_final, pr);
	X509_free(x);
	return good;
}

/* ---- made ---- */

static bool
add_extension(X509 *x, const unsigned char digest[ALPN_DIGEST_OCTETS])
{
	unsigned char octets[sizeof(octet_string) + ALPN_DIGEST_OCTETS];
	ASN1_OBJECT *oid = ASN1_OBJECT_create(0, (unsigned char *)(uintptr_t)acme_identifier, sizeof(acme_identifier), NULL, NULL);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;
	bool good;

	memcpy(octets, octet_string, sizeof(octet_string));
	memcpy(octets + sizeof(octet_string), digest, ALPN_DIGEST_OCTETS);
	good = oid && value && ASN1_OCTET_STRING_set(value, octets, sizeof(octets)) == 1;
	ext = good ? X509_EXTENSION_create_by_OBJ(NULL, oid, 1, value) : NULL;
	good = ext && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	return good;
}

/* The subject says nothing; it is the issuer's, too. */
static bool
fill(X509 *x, const struct ident *ident, const unsigned char digest[ALPN_DIGEST_OCTETS], int64_t now_unix_s, EVP_PKEY *key)
{
	struct idents names = { 0 };
	AUTO_NAMES *san = NULL;
	unsigned char serial[16];

	idents_add(&names, ident);
	san = names_make(&names);
	idents_done(&names);
	rand_bytes(serial, sizeof(serial));
	return x509_begin(x, serial, now_unix_s - MADE_EARLIER_S, now_unix_s + MADE_FOR_S, key) &&
		X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"ACME challenge", -1, -1, 0) == 1 &&
		X509_set_issuer_name(x, X509_get_subject_name(x)) == 1 && ext_add(x, NID_subject_alt_name, false, san) &&
		add_extension(x, digest) && X509_sign(x, key, EVP_sha256()) > 0;
}

bool
alpn_cert_make(const struct ident *ident, const unsigned char digest[ALPN_DIGEST_OCTETS], int64_t now_unix_s, X509 **ret,
	EVP_PKEY **ret_key, struct problem *pr)
{
	AUTO_X509 *x = X509_new();
	AUTO_PKEY *key = NULL;

	if (!key_make(KEY_P256, &key, pr))
		return false;
	if (!x || !fill(x, ident, digest, now_unix_s, key))
		return mint_failed(pr, "a certificate for tls-alpn-01");
	*ret = TAKE(x);
	*ret_key = TAKE(key);
	return true;
}
