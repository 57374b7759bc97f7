/* mint.c - what the local CA wants signed, made outside the keeper. See mint.h; the keeper's side
 * is sign.c. */
#include "pki/mint.h"

#include <openssl/err.h>

#include "pki/ext.h"

#define CN_MAX 64

static bool
add_eku(X509 *x509, bool client_auth)
{
	EXTENDED_KEY_USAGE *eku = EXTENDED_KEY_USAGE_new();
	bool good = eku && sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(NID_server_auth)) > 0;

	if (client_auth)
		good = good && sk_ASN1_OBJECT_push(eku, OBJ_nid2obj(NID_client_auth)) > 0;
	good = good && ext_add(x509, NID_ext_key_usage, false, eku);
	EXTENDED_KEY_USAGE_free(eku);
	return good;
}

static bool
add_crl_url(X509 *x509, const char *url)
{
	CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
	DIST_POINT *point = DIST_POINT_new();
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *uri = ASN1_IA5STRING_new();
	bool good = points && point && names && name && uri && ASN1_STRING_set(uri, url, -1) &&
		(point->distpoint = DIST_POINT_NAME_new()) &&
		sk_DIST_POINT_push(points, point) > 0 && sk_GENERAL_NAME_push(names, name) > 0;

	if (good) {
		GENERAL_NAME_set0_value(name, GEN_URI, uri);
		point->distpoint->type = 0; /* fullName */
		point->distpoint->name.fullname = names;
		good = ext_add(x509, NID_crl_distribution_points, false, points);
	} else {
		sk_DIST_POINT_zero(points);
		sk_GENERAL_NAME_zero(names);
		DIST_POINT_free(point);
		GENERAL_NAMES_free(names);
		GENERAL_NAME_free(name);
		ASN1_IA5STRING_free(uri);
	}
	CRL_DIST_POINTS_free(points);
	return good;
}

/* The subject, and with it whether the SAN must be critical. */
static bool
add_names(X509 *x509, const struct idents *names)
{
	AUTO_NAMES *san = names_make(names);
	const char *cn = NULL;

	for (size_t i = 0; i < names->count && !cn; i++) {
		if (names->list[i].type == IDENT_DNS)
			cn = names->list[i].value;
	}
	if (cn && strlen(cn) > CN_MAX)
		cn = NULL;
	if (cn &&
		!X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8,
			(const unsigned char *)cn, -1, -1, 0))
		return false;
	return ext_add(x509, NID_subject_alt_name, !cn, san);
}

bool
mint_leaf_template(const struct mint_leaf *leaf, struct buf *ret_der, struct problem *pr)
{
	AUTO_X509 *x509 = X509_new();
	AUTO_PKEY *throw_away = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	unsigned usage = USAGE_DIGITAL_SIGNATURE;

	if (EVP_PKEY_get_base_id(leaf->key) == EVP_PKEY_RSA)
		usage |= USAGE_KEY_ENCIPHERMENT;
	if (!x509 || !throw_away ||
		!x509_begin(x509, leaf->serial, leaf->not_before_unix_s, leaf->not_after_unix_s,
			leaf->key) ||
		!add_names(x509, leaf->names) || !ext_add_basic_constraints(x509, false) ||
		!ext_add_key_usage(x509, usage) || !add_eku(x509, leaf->client_auth) ||
		!ext_add_ski(x509) || (leaf->crl_url && !add_crl_url(x509, leaf->crl_url)) ||
		!X509_sign(x509, throw_away, NULL) || !x509_write(x509, ret_der))
		return mint_failed(pr, "a leaf's template");
	return true;
}

/* From hex of the DER content octets. */
static ASN1_INTEGER *
serial_read(const char *hex)
{
	unsigned char der[2 + SERIAL_TEXT / 2] = { 2 };
	const unsigned char *p = der;
	size_t n = 0;

	if (!OPENSSL_hexstr2buf_ex(der + 2, sizeof(der) - 2, &n, hex, '\0'))
		return NULL;
	der[1] = (unsigned char)n;
	return d2i_ASN1_INTEGER(NULL, &p, (long)n + 2);
}

static bool
add_revoked(X509_CRL *crl, const struct mint_revoked *revoked)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *serial = serial_read(revoked->serial);
	ASN1_TIME *at = ASN1_TIME_set(NULL, revoked->at_unix_s);
	ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
	bool good = entry && serial && at && reason &&
		X509_REVOKED_set_serialNumber(entry, serial) &&
		X509_REVOKED_set_revocationDate(entry, at);

	/* unspecified is said by saying nothing (RFC 5280 5.3.1) */
	if (revoked->reason > 0)
		good = good && ASN1_ENUMERATED_set(reason, revoked->reason) &&
			X509_REVOKED_add1_ext_i2d(
				entry, NID_crl_reason, reason, 0, X509V3_ADD_DEFAULT) == 1;
	good = good && X509_CRL_add0_revoked(crl, entry);
	if (!good)
		X509_REVOKED_free(entry);
	ASN1_INTEGER_free(serial);
	ASN1_TIME_free(at);
	ASN1_ENUMERATED_free(reason);
	return good;
}

static bool
crl_begin(X509_CRL *crl, int64_t number, int64_t this_unix_s, int64_t next_unix_s)
{
	ASN1_TIME *this_update = ASN1_TIME_set(NULL, this_unix_s);
	ASN1_TIME *next_update = ASN1_TIME_set(NULL, next_unix_s);
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	bool good = this_update && next_update && n &&
		X509_CRL_set_version(crl, X509_CRL_VERSION_2) &&
		X509_CRL_set1_lastUpdate(crl, this_update) &&
		X509_CRL_set1_nextUpdate(crl, next_update) && ASN1_INTEGER_set_int64(n, number) &&
		X509_CRL_add1_ext_i2d(crl, NID_crl_number, n, 0, X509V3_ADD_DEFAULT) == 1;

	ASN1_TIME_free(this_update);
	ASN1_TIME_free(next_update);
	ASN1_INTEGER_free(n);
	return good;
}

bool
mint_crl_template(const struct mint_revoked *list, size_t count, int64_t number,
	int64_t this_unix_s, int64_t next_unix_s, struct buf *ret_der, struct problem *pr)
{
	X509_CRL *crl = X509_CRL_new();
	AUTO_PKEY *throw_away = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	bool good = crl && throw_away && crl_begin(crl, number, this_unix_s, next_unix_s);

	for (size_t i = 0; good && i < count; i++)
		good = add_revoked(crl, &list[i]);
	good = good && X509_CRL_sort(crl) && X509_CRL_sign(crl, throw_away, NULL) &&
		crl_write(crl, ret_der);
	X509_CRL_free(crl);
	return good || mint_failed(pr, "a CRL's template");
}
