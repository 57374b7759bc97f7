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
			if (OBJ_cmp(oid, X509_EXTENSION_get_object(
						 sk_X509_EXTENSION_value(exts, j))) == 0) {
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
	default:
		return problem_set(pr, PROBLEM_MALFORMED,
			"subjectAltName has something else than dNSName and iPAddress");
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

static GENERAL_NAME *
name_make(const struct ident *id)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *s = id->type == IDENT_DNS ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();
	struct addr a = { 0 };
	bool good;

	if (id->type == IDENT_DNS)
		good = name && s && ASN1_STRING_set(s, id->value, -1);
	else
		good = name && s && addr_parse(span_str(id->value), &a) &&
		       ASN1_STRING_set(s, a.octet, a.family == AF_INET ? 4 : 16);
	if (!good) {
		GENERAL_NAME_free(name);
		ASN1_STRING_free(s);
		return NULL;
	}
	GENERAL_NAME_set0_value(name, id->type == IDENT_DNS ? GEN_DNS : GEN_IPADD, s);
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
asn1_text(const ASN1_STRING *s, size_t max, char *dst)
{
	unsigned char *utf8 = NULL;
	int n = ASN1_STRING_to_UTF8(&utf8, s);
	bool good = n >= 0 && span_copy(span_of(utf8, (size_t)n), dst, max + 1);

	OPENSSL_free(utf8);
	ERR_clear_error();
	return good;
}
