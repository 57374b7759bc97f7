/* ext.c - see ext.h. */
#include "pki/ext.h"

#include <netinet/in.h>

#include <openssl/err.h>

#include "base/addr.h"

void
x509_auto_free(X509 **x509)
{
	X509_free(*x509);
}

void
names_auto_free(GENERAL_NAMES **names)
{
	GENERAL_NAMES_free(*names);
}

/* X509V3_EXT_d2i does not look whether anything follows the value. */
void *
ext_decode(X509_EXTENSION *ext)
{
	const X509V3_EXT_METHOD *method = X509V3_EXT_get(ext);
	const ASN1_OCTET_STRING *octets = X509_EXTENSION_get_data(ext);
	const unsigned char *start = ASN1_STRING_get0_data(octets), *p = start;
	void *value;

	if (!method || !method->it)
		return NULL;
	value = ASN1_item_d2i(NULL, &p, ASN1_STRING_length(octets), ASN1_ITEM_ptr(method->it));
	if (value && p != start + ASN1_STRING_length(octets)) {
		ASN1_item_free(value, ASN1_ITEM_ptr(method->it));
		value = NULL;
	}
	ERR_clear_error();
	return value;
}

bool
exts_check(const STACK_OF(X509_EXTENSION) *exts, struct problem *pr)
{
	int count = exts ? sk_X509_EXTENSION_num(exts) : 0;

	if (count > EXTS_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "more than %d extensions", EXTS_MAX);
	for (int i = 1; i < count; i++) {
		const ASN1_OBJECT *oid =
			X509_EXTENSION_get_object(sk_X509_EXTENSION_value(exts, i));

		for (int j = 0; j < i; j++) {
			if (OBJ_cmp(oid,
				    X509_EXTENSION_get_object(sk_X509_EXTENSION_value(exts, j))) ==
				0) {
				char text[65];

				OBJ_obj2txt(text, sizeof(text), oid, 0);
				return problem_set(
					pr, PROBLEM_MALFORMED, "extension \"%s\" twice", text);
			}
		}
	}
	return true;
}

static bool
ip_text(const ASN1_OCTET_STRING *octets, char dst[ADDR_TEXT])
{
	struct addr a = { 0 };
	int n = ASN1_STRING_length(octets);

	if (n != 4 && n != 16)
		return false;
	a.family = n == 4 ? AF_INET : AF_INET6;
	memcpy(a.octet, ASN1_STRING_get0_data(octets), (size_t)n);
	addr_text(&a, dst);
	return true;
}

static bool
name_read(const GENERAL_NAME *name, struct ident *ret, struct problem *pr)
{
	char text[ADDR_TEXT];
	const ASN1_STRING *s;

	switch (name->type) {
	case GEN_DNS:
		s = name->d.dNSName;
		return ident_parse(SPAN("dns"),
			span_of(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s)), ret, pr);
	case GEN_IPADD:
		if (!ip_text(name->d.iPAddress, text))
			return problem_set(pr, PROBLEM_MALFORMED,
				"subjectAltName has an iPAddress that is not 4 or 16 octets long");
		return ident_parse(SPAN("ip"), span_str(text), ret, pr);
	case GEN_OTHERNAME:
		return device_name_read(name->d.otherName, ret, pr);
	default:
		return problem_set(pr, PROBLEM_MALFORMED,
			"subjectAltName has something else than dNSName, iPAddress and otherName");
	}
}

bool
names_read(const GENERAL_NAMES *san, struct idents *names, struct problem *pr)
{
	bool good = true;

	for (int i = 0; i < sk_GENERAL_NAME_num(san); i++) {
		struct ident id;

		if (names->count >= IDENTS_MAX) {
			if (good)
				problem_set(pr, PROBLEM_MALFORMED,
					"subjectAltName has more than %d names", IDENTS_MAX);
			return false;
		}
		if (name_read(sk_GENERAL_NAME_value(san, i), &id, good ? pr : NULL))
			idents_add(names, &id);
		else
			good = false;
	}
	return good;
}

static ASN1_STRING *
string_make(int type, const void *p, int n)
{
	ASN1_STRING *s = ASN1_STRING_type_new(type);

	if (s && ASN1_STRING_set(s, p, n))
		return s;
	ASN1_STRING_free(s);
	return NULL;
}

static void *
value_make(const struct ident *id, int *ret_type)
{
	struct addr a = { 0 };

	switch (id->type) {
	case IDENT_DNS:
		*ret_type = GEN_DNS;
		return string_make(V_ASN1_IA5STRING, id->value, -1);
	case IDENT_IP:
		*ret_type = GEN_IPADD;
		return addr_parse(span_str(id->value), &a) ? string_make(V_ASN1_OCTET_STRING, a.octet, a.family == AF_INET ? 4 : 16) : NULL;
	case IDENT_PERMANENT:
	case IDENT_HARDWARE:
		*ret_type = GEN_OTHERNAME;
		return device_name_make(id);
	default:
		return NULL;
	}
}

static GENERAL_NAME *
name_make(const struct ident *id)
{
	int type = GEN_DNS;
	void *value = value_make(id, &type);
	GENERAL_NAME *name = value ? GENERAL_NAME_new() : NULL;

	if (name)
		GENERAL_NAME_set0_value(name, type, value);
	return name;
}

GENERAL_NAMES *
names_make(const struct idents *names)
{
	AUTO_NAMES *san = GENERAL_NAMES_new();

	for (size_t i = 0; san && i < names->count; i++) {
		GENERAL_NAME *name = name_make(&names->list[i]);

		if (!name || !sk_GENERAL_NAME_push(san, name)) {
			GENERAL_NAME_free(name);
			return NULL;
		}
	}
	return TAKE(san);
}

bool
asn1_time_get(const ASN1_TIME *t, int64_t *ret_unix_s)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm))
		return false;
	*ret_unix_s = timegm(&tm);
	return true;
}

void
name_line(const X509_NAME *name, char dst[256])
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
	n = BIO_get_mem_data(bio, &text);
	if (n > 0)
		snprintf(dst, 256, "%.*s", (int)n, text);
	BIO_free(bio);
}

bool
signature_is_good(int signature_nid)
{
	int md, key;

	if (!OBJ_find_sigid_algs(signature_nid, &md, &key))
		return false;
	return md == NID_sha256 || md == NID_sha384 || md == NID_sha512 ||
	       (md == NID_undef && key == NID_ED25519);
}

bool
asn1_text(const ASN1_STRING *s, size_t max, char *dst)
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, s);
	bool good = n >= 0 && span_copy(span_of(utf8, (size_t)n), dst, max + 1);

	OPENSSL_free(utf8);
	ERR_clear_error();
	return good;
}

bool
ext_add(X509 *x509, int nid, bool critical, void *value)
{
	return value && X509_add1_ext_i2d(x509, nid, value, critical, X509V3_ADD_DEFAULT) == 1;
}

bool
ext_add_basic_constraints(X509 *x509, bool ca)
{
	BASIC_CONSTRAINTS *bc = BASIC_CONSTRAINTS_new();
	bool good = bc != NULL;

	if (good && ca) {
		bc->ca = 0xff;
		bc->pathlen = ASN1_INTEGER_new(); /* 0: no CA below this one */
		good = bc->pathlen != NULL;
	}
	good = good && ext_add(x509, NID_basic_constraints, true, bc);
	BASIC_CONSTRAINTS_free(bc);
	return good;
}

bool
ext_add_key_usage(X509 *x509, unsigned bits)
{
	ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
	bool good = usage != NULL;

	for (int i = 0; i < 8; i++) {
		if (bits & (1u << i))
			good = good && ASN1_BIT_STRING_set_bit(usage, i, 1);
	}
	good = good && ext_add(x509, NID_key_usage, true, usage);
	ASN1_BIT_STRING_free(usage);
	return good;
}

bool
keyid_of(const X509 *x509, unsigned char ret[KEYID_BYTES])
{
	unsigned char md[EVP_MAX_MD_SIZE];

	if (!X509_pubkey_digest(x509, EVP_sha256(), md, NULL))
		return false;
	memcpy(ret, md, KEYID_BYTES);
	return true;
}

bool
ext_add_ski(X509 *x509)
{
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	unsigned char keyid[KEYID_BYTES];
	bool good = id && keyid_of(x509, keyid) &&
		ASN1_OCTET_STRING_set(id, keyid, sizeof(keyid)) &&
		ext_add(x509, NID_subject_key_identifier, false, id);

	ASN1_OCTET_STRING_free(id);
	return good;
}

bool
x509_begin(X509 *x509, const unsigned char serial[16], int64_t not_before_unix_s,
	int64_t not_after_unix_s, EVP_PKEY *key)
{
	unsigned char octets[16];
	BIGNUM *bn;
	bool good;

	memcpy(octets, serial, sizeof(octets));
	octets[0] &= 0x7f; /* so that the INTEGER needs no 00 in front */
	bn = BN_bin2bn(octets, sizeof(octets), NULL);
	good = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x509)) &&
		X509_set_version(x509, X509_VERSION_3) &&
		ASN1_TIME_set(X509_getm_notBefore(x509), not_before_unix_s) &&
		ASN1_TIME_set(X509_getm_notAfter(x509), not_after_unix_s) &&
		X509_set_pubkey(x509, key);
	BN_free(bn);
	return good;
}

bool
mint_failed(struct problem *pr, const char *what)
{
	unsigned long code = ERR_get_error();

	ERR_clear_error();
	return problem_internal(pr, "minting %s: %s", what,
		code ? ERR_reason_error_string(code) : "no error queued");
}

bool
x509_write(X509 *x509, struct buf *ret_der)
{
	unsigned char *der = NULL;
	int n = i2d_X509(x509, &der);
	bool good = n > 0 && buf_add(ret_der, der, (size_t)n);

	OPENSSL_free(der);
	return good;
}

bool
crl_write(X509_CRL *crl, struct buf *ret_der)
{
	unsigned char *der = NULL;
	int n = i2d_X509_CRL(crl, &der);
	bool good = n > 0 && buf_add(ret_der, der, (size_t)n);

	OPENSSL_free(der);
	return good;
}
