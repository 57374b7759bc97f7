/* sign.c - the local CA's side inside the keeper: look at a template as at a stranger's, complete
 * it, sign it. See mint.h. */
#include "pki/mint.h"

#include <openssl/err.h>

#include "base/rand.h"
#include "pki/ext.h"

#define CA_LIFE_S (3650 * 86400LL)
#define CA_BACKDATE_S 86400
#define SERIAL_MAX_BITS 159 /* 20 octets with the sign */
#define SKI_MAX 64

static bool
refuse(struct problem *pr, const char *why)
{
	ERR_clear_error();
	return problem_internal(pr, "template refused: %s", why);
}

static const EVP_MD *
digest_for(EVP_PKEY *key)
{
	switch (key_type_of(key)) {
	case KEY_P384:
		return EVP_sha384();
	case KEY_P521:
		return EVP_sha512();
	case KEY_ED25519:
		return NULL;
	default:
		return EVP_sha256();
	}
}

static const char *
check_san(X509 *x509, void *value)
{
	struct idents names = { 0 };
	bool good = sk_GENERAL_NAME_num(value) > 0 && names_read(value, &names, NULL);
	const X509_NAME *subject = X509_get_subject_name(x509);
	const char *fault = good ? NULL : "a SAN that is not of names only";
	struct ident id;
	char cn[65];

	if (good && X509_NAME_entry_count(subject) > 0) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, 0);

		if (X509_NAME_entry_count(subject) != 1 ||
			OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) != NID_commonName ||
			!asn1_text(X509_NAME_ENTRY_get_data(entry), sizeof(cn) - 1, cn) ||
			!ident_parse(SPAN("dns"), span_str(cn), &id, NULL) ||
			!idents_has(&names, &id))
			fault = "a subject that is not a CN of the SAN";
	}
	idents_done(&names);
	return fault;
}

static const char *
check_basic_constraints(X509 *x509, void *value)
{
	const BASIC_CONSTRAINTS *bc = value;

	(void)x509;
	return bc->ca || bc->pathlen ? "basicConstraints of a CA" : NULL;
}

static const char *
check_key_usage(X509 *x509, void *value)
{
	const unsigned allowed =
		USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT | USAGE_KEY_AGREEMENT;

	(void)x509;
	for (int i = 0; i < 8 * ASN1_STRING_length(value); i++) {
		if (ASN1_BIT_STRING_get_bit(value, i) && (i > 7 || !(allowed & (1u << i))))
			return "a key usage that no leaf has";
	}
	return NULL;
}

static const char *
check_eku(X509 *x509, void *value)
{
	(void)x509;
	for (int i = 0; i < sk_ASN1_OBJECT_num(value); i++) {
		int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(value, i));

		if (nid != NID_server_auth && nid != NID_client_auth)
			return "another EKU than serverAuth and clientAuth";
	}
	return sk_ASN1_OBJECT_num(value) > 0 ? NULL : "an empty EKU";
}

static const char *
check_ski(X509 *x509, void *value)
{
	int n = ASN1_STRING_length(value);

	(void)x509;
	return n > 0 && n <= SKI_MAX ? NULL : "an SKI of strange length";
}

/* The only extensions of a leaf. */
static const struct {
	int nid;
	bool is_required, is_critical;
	const char *(*check)(X509 *x509, void *value); /* the fault or NULL */
} leaf_exts[] = {
	{ NID_subject_alt_name, true, false, check_san },
	{ NID_basic_constraints, true, true, check_basic_constraints },
	{ NID_key_usage, true, true, check_key_usage },
	{ NID_ext_key_usage, true, false, check_eku },
	{ NID_subject_key_identifier, false, false, check_ski },
	{ NID_authority_key_identifier, false, false, NULL }, /* replaced by ours */
	{ NID_crl_distribution_points, false, false, NULL },
};

static const char *
check_extension(X509 *x509, X509_EXTENSION *ext, unsigned *seen)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
	/* RFC 5280 4.2.1.6: the SAN is all the name there is */
	bool is_only_name = nid == NID_subject_alt_name &&
		X509_NAME_entry_count(X509_get_subject_name(x509)) == 0;

	for (size_t i = 0; i < COUNT_OF(leaf_exts); i++) {
		const char *fault = NULL;
		void *value;

		if (leaf_exts[i].nid != nid)
			continue;
		if ((leaf_exts[i].is_critical || is_only_name) && !X509_EXTENSION_get_critical(ext))
			return "an extension that should be critical";
		value = ext_decode(ext);
		if (!value)
			return "an extension that cannot be read";
		if (leaf_exts[i].check)
			fault = leaf_exts[i].check(x509, value);
		ASN1_item_free(value, ASN1_ITEM_ptr(X509V3_EXT_get(ext)->it));
		*seen |= 1u << i;
		return fault;
	}
	return "an extension outside of the list";
}

static const char *
check_extensions(X509 *x509)
{
	const STACK_OF(X509_EXTENSION) *exts = X509_get0_extensions(x509);
	unsigned seen = 0;

	if (!exts_check(exts, NULL))
		return "an extension twice";
	for (int i = 0; i < sk_X509_EXTENSION_num(exts); i++) {
		const char *fault = check_extension(x509, sk_X509_EXTENSION_value(exts, i), &seen);

		if (fault)
			return fault;
	}
	for (size_t i = 0; i < COUNT_OF(leaf_exts); i++) {
		if (leaf_exts[i].is_required && !(seen & (1u << i)))
			return "a required extension is absent";
	}
	return NULL;
}

static const char *
check_validity(const X509 *x509, const X509 *ca)
{
	const ASN1_TIME *from = X509_get0_notBefore(x509), *to = X509_get0_notAfter(x509);
	int days, secs;

	if (!ASN1_TIME_diff(&days, &secs, from, to) || days < 0 || secs < 0 || days + secs == 0)
		return "a validity that ends before it begins";
	if (days * 86400LL + secs > MINT_LEAF_MAX_S)
		return "a validity over 398 days";
	/* ASN1_TIME_compare answers -2 for what is no time */
	if (ASN1_TIME_compare(from, X509_get0_notBefore(ca)) < 0 ||
		ASN1_TIME_compare(X509_get0_notAfter(ca), to) < 0)
		return "a validity beyond the CA's";
	return NULL;
}

static const char *
check_serial(const X509 *x509)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509), NULL);
	bool good =
		bn && !BN_is_negative(bn) && !BN_is_zero(bn) && BN_num_bits(bn) <= SERIAL_MAX_BITS;

	BN_free(bn);
	return good ? NULL : "a serial that is not positive, or too long";
}

static const char *
check_leaf(X509 *x509, const X509 *ca, EVP_PKEY *ca_key)
{
	EVP_PKEY *key = X509_get0_pubkey(x509);
	const ASN1_BIT_STRING *issuer_id, *subject_id;
	const char *fault;

	X509_get0_uids(x509, &issuer_id, &subject_id);
	if (issuer_id || subject_id)
		return "a unique identifier";
	if (X509_get_version(x509) != X509_VERSION_3)
		return "another version than 3";
	if (!key || !key_check(key, PROBLEM_BAD_CSR, NULL))
		return "a key that is not acceptable";
	if (EVP_PKEY_eq(key, ca_key) == 1)
		return "the CA's own key";
	fault = check_serial(x509);
	if (!fault)
		fault = check_validity(x509, ca);
	if (!fault)
		fault = check_extensions(x509);
	return fault;
}

static bool
check_ca(X509 *ca, EVP_PKEY *ca_key, struct problem *pr)
{
	if (X509_check_ca(ca) != 1)
		return problem_internal(pr, "the certificate of the local CA is not one of a CA");
	if (X509_check_private_key(ca, ca_key) != 1) {
		ERR_clear_error();
		return problem_internal(pr, "the local CA's key is not that of its certificate");
	}
	return true;
}

/* The CA's SKI, or what it would be. */
static AUTHORITY_KEYID *
make_aki(X509 *ca)
{
	const ASN1_OCTET_STRING *ski = X509_get0_subject_key_id(ca);
	AUTHORITY_KEYID *aki = AUTHORITY_KEYID_new();
	unsigned char keyid[KEYID_BYTES];
	bool good = false;

	if (aki)
		aki->keyid = ASN1_OCTET_STRING_new();
	if (aki && aki->keyid) {
		if (ski)
			good = ASN1_STRING_copy(aki->keyid, ski);
		else
			good = keyid_of(ca, keyid) &&
				ASN1_OCTET_STRING_set(aki->keyid, keyid, sizeof(keyid));
	}
	if (!good) {
		AUTHORITY_KEYID_free(aki);
		aki = NULL;
	}
	return aki;
}

bool
mint_sign_leaf(struct span template_der, X509 *ca, EVP_PKEY *ca_key, struct buf *ret_der,
	struct problem *pr)
{
	const unsigned char *p = (const unsigned char *)template_der.p, *end = p + template_der.n;
	AUTO_X509 *x509 = NULL;
	AUTHORITY_KEYID *aki;
	const char *fault;
	bool good;

	if (!check_ca(ca, ca_key, pr))
		return false;
	if (template_der.n > 0 && template_der.n <= MINT_LEAF_MAX_BYTES)
		x509 = d2i_X509(NULL, &p, (long)template_der.n);
	if (!x509 || p != end)
		return refuse(pr, "not one certificate");
	fault = check_leaf(x509, ca, ca_key);
	if (fault)
		return refuse(pr, fault);
	aki = make_aki(ca);
	good = aki && X509_set_issuer_name(x509, X509_get_subject_name(ca)) &&
		X509_add1_ext_i2d(x509, NID_authority_key_identifier, aki, 0, X509V3_ADD_REPLACE) ==
			1 &&
		X509_sign(x509, ca_key, digest_for(ca_key)) && x509_write(x509, ret_der);
	AUTHORITY_KEYID_free(aki);
	return good || mint_failed(pr, "a leaf");
}

static const char *
check_revoked(const X509_REVOKED *entry)
{
	const STACK_OF(X509_EXTENSION) *exts = X509_REVOKED_get0_extensions(entry);
	ASN1_ENUMERATED *reason;
	X509_EXTENSION *ext;
	bool good;

	if (sk_X509_EXTENSION_num(exts) < 1)
		return NULL;
	ext = sk_X509_EXTENSION_value(exts, 0);
	if (sk_X509_EXTENSION_num(exts) > 1 ||
		OBJ_obj2nid(X509_EXTENSION_get_object(ext)) != NID_crl_reason)
		return "a CRL entry with another extension than the reason";
	reason = ext_decode(ext);
	/* RFC 5280 5.3.1: 0 is not written, 7 is not used, 8 is for delta CRLs */
	good = reason && ASN1_ENUMERATED_get(reason) > 0 && ASN1_ENUMERATED_get(reason) <= 10 &&
		ASN1_ENUMERATED_get(reason) != 7 && ASN1_ENUMERATED_get(reason) != 8;
	ASN1_ENUMERATED_free(reason);
	return good ? NULL : "a CRL entry with a strange reason";
}

static const char *
check_crl(X509_CRL *crl)
{
	const STACK_OF(X509_EXTENSION) *exts = X509_CRL_get0_extensions(crl);
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(crl);
	X509_EXTENSION *ext =
		sk_X509_EXTENSION_num(exts) == 1 ? sk_X509_EXTENSION_value(exts, 0) : NULL;
	ASN1_INTEGER *number;
	bool good;
	int days, secs;

	if (!ext || OBJ_obj2nid(X509_EXTENSION_get_object(ext)) != NID_crl_number)
		return "other CRL extensions than the number";
	number = ext_decode(ext);
	good = number && ASN1_STRING_type(number) == V_ASN1_INTEGER &&
		ASN1_STRING_length(number) <= 20;
	ASN1_INTEGER_free(number);
	if (!good || X509_CRL_get_version(crl) != X509_CRL_VERSION_2)
		return "a CRL number or version that is not one";
	if (!X509_CRL_get0_nextUpdate(crl) ||
		!ASN1_TIME_diff(&days, &secs, X509_CRL_get0_lastUpdate(crl),
			X509_CRL_get0_nextUpdate(crl)) ||
		days < 0 || secs < 0 || days + secs == 0 || days * 86400LL + secs > MINT_LEAF_MAX_S)
		return "a CRL's dates";
	for (int i = 0; i < sk_X509_REVOKED_num(entries); i++) {
		const char *fault = check_revoked(sk_X509_REVOKED_value(entries, i));

		if (fault)
			return fault;
	}
	return NULL;
}

bool
mint_sign_crl(struct span template_der, X509 *ca, EVP_PKEY *ca_key, struct buf *ret_der,
	struct problem *pr)
{
	const unsigned char *p = (const unsigned char *)template_der.p, *end = p + template_der.n;
	AUTHORITY_KEYID *aki = NULL;
	X509_CRL *crl = NULL;
	const char *fault = "not one CRL";
	bool good;

	if (!check_ca(ca, ca_key, pr))
		return false;
	if (template_der.n > 0 && template_der.n <= MINT_CRL_MAX_BYTES)
		crl = d2i_X509_CRL(NULL, &p, (long)template_der.n);
	if (crl && p == end)
		fault = check_crl(crl);
	if (fault) {
		X509_CRL_free(crl);
		return refuse(pr, fault);
	}
	aki = make_aki(ca);
	good = aki && X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca)) &&
		X509_CRL_add1_ext_i2d(
			crl, NID_authority_key_identifier, aki, 0, X509V3_ADD_DEFAULT) == 1 &&
		X509_CRL_sign(crl, ca_key, digest_for(ca_key)) && crl_write(crl, ret_der);
	AUTHORITY_KEYID_free(aki);
	X509_CRL_free(crl);
	return good || mint_failed(pr, "a CRL");
}

bool
mint_ca(EVP_PKEY *ca_key, const char *common_name, int64_t now_unix_s, struct buf *ret_der,
	struct problem *pr)
{
	AUTO_X509 *x509 = X509_new();
	unsigned char serial[16];

	rand_bytes(serial, sizeof(serial));
	if (!x509 || !common_name[0] ||
		!X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
			(const unsigned char *)common_name, -1, -1, 0)) {
		ERR_clear_error();
		return problem_set(pr, PROBLEM_MALFORMED,
			"the CA's common name must have 1 to 64 characters of UTF-8");
	}
	if (!x509_begin(x509, serial, now_unix_s - CA_BACKDATE_S, now_unix_s + CA_LIFE_S, ca_key) ||
		!X509_set_issuer_name(x509, X509_get_subject_name(x509)) ||
		!ext_add_basic_constraints(x509, true) ||
		!ext_add_key_usage(x509, USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN) ||
		!ext_add_ski(x509) || !X509_sign(x509, ca_key, digest_for(ca_key)) ||
		!x509_write(x509, ret_der))
		return mint_failed(pr, "a CA certificate");
	return true;
}
