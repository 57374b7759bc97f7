/* csr.c - see csr.h.
 *
 * The cheap questions come first (form, extensions, names), the key and the signature last. The
 * request is not an X509_REQ: reading one, OpenSSL 3.0 decodes the key, at five times the price of
 * key_spki_parse. */
#include "pki/csr.h"

#include <stdlib.h>

#include <openssl/asn1t.h>
#include <openssl/err.h>

#include "pki/ext.h"

#define MUST_STAPLE 5 /* status_request, RFC 7633 */

/* RFC 2986 4.1 and 4.2. The octets that are signed are kept as they came. */
typedef struct {
	ASN1_ENCODING enc;
	ASN1_INTEGER *version;
	X509_NAME *subject;
	ASN1_STRING *spki; /* DER, head and all */
	STACK_OF(X509_ATTRIBUTE) * attributes;
} REQUEST_INFO;

ASN1_SEQUENCE_enc(REQUEST_INFO, enc, NULL) =
	{
		ASN1_SIMPLE(REQUEST_INFO, version, ASN1_INTEGER),
		ASN1_SIMPLE(REQUEST_INFO, subject, X509_NAME),
		ASN1_SIMPLE(REQUEST_INFO, spki, ASN1_SEQUENCE),
		/* RFC 2986 has no OPTIONAL; clients leave them out */
		ASN1_IMP_SET_OF_OPT(REQUEST_INFO, attributes, X509_ATTRIBUTE, 0),
} static_ASN1_SEQUENCE_END_ref(REQUEST_INFO, REQUEST_INFO)

		typedef struct {
	REQUEST_INFO *info;
	X509_ALGOR *algorithm;
	ASN1_BIT_STRING *signature;
} REQUEST;

ASN1_SEQUENCE(REQUEST) =
	{
		ASN1_SIMPLE(REQUEST, info, REQUEST_INFO),
		ASN1_SIMPLE(REQUEST, algorithm, X509_ALGOR),
		ASN1_SIMPLE(REQUEST, signature, ASN1_BIT_STRING),
} static_ASN1_SEQUENCE_END(REQUEST)

		static bool bad_csr(struct problem * pr, const char *what)
{
	return problem_set(pr, PROBLEM_BAD_CSR, "the CSR %s", what);
}

/* A fault found by the general functions, told as one of the CSR */
static bool
bad_csr_because(struct problem *pr, const struct problem *why)
{
	return problem_set(pr, PROBLEM_BAD_CSR, "the CSR is not acceptable: %.400s", why->detail);
}

#define AUTO_REQUEST __attribute__((cleanup(request_auto_free))) REQUEST

static void
request_auto_free(REQUEST **rq)
{
	ASN1_item_free((ASN1_VALUE *)*rq, ASN1_ITEM_rptr(REQUEST));
}

static bool
decode(struct span der, REQUEST **ret, struct problem *pr)
{
	const unsigned char *p = (const unsigned char *)der.p;
	unsigned char *again = NULL;
	bool is_der;
	int n;

	if (der.n == 0 || der.n > CSR_MAX_BYTES)
		return problem_set(pr, PROBLEM_BAD_CSR, "a CSR must have 1 to %d octets, not %zu",
			CSR_MAX_BYTES, der.n);
	*ret = (REQUEST *)ASN1_item_d2i(NULL, &p, (long)der.n, ASN1_ITEM_rptr(REQUEST));
	if (!*ret || p != (const unsigned char *)der.p + der.n) {
		problem_cause_openssl(pr, "reading a CSR");
		return bad_csr(pr, "is not exactly one PKCS#10 request in DER");
	}
	n = ASN1_item_i2d((ASN1_VALUE *)*ret, &again, ASN1_ITEM_rptr(REQUEST));
	is_der = n >= 0 && span_eq(der, span_of(again, (size_t)n));
	OPENSSL_free(again);
	if (!is_der)
		return bad_csr(pr, "is BER, not DER");
	if (ASN1_INTEGER_get((*ret)->info->version) != X509_REQ_VERSION_1)
		return bad_csr(pr, "has another version than 0");
	return true;
}

/* The extensions of the one attribute that may hold them. X509_REQ_get_extensions takes the first
 * and is silent about others, so that two readers could see two requests. */
static bool
find_extensions(const REQUEST *rq, STACK_OF(X509_EXTENSION) * *ret, struct problem *pr)
{
	X509_ATTRIBUTE *found = NULL;
	const ASN1_TYPE *value;
	const unsigned char *p, *end;

	for (int i = 0; i < sk_X509_ATTRIBUTE_num(rq->info->attributes); i++) {
		X509_ATTRIBUTE *attr = sk_X509_ATTRIBUTE_value(rq->info->attributes, i);
		int nid = OBJ_obj2nid(X509_ATTRIBUTE_get0_object(attr));

		if (nid != NID_ext_req && nid != NID_ms_ext_req)
			continue;
		if (found)
			return bad_csr(pr, "asks for extensions in more than one attribute");
		found = attr;
	}
	if (!found)
		return true;
	value = X509_ATTRIBUTE_get0_type(found, 0);
	if (X509_ATTRIBUTE_count(found) != 1 || !value || ASN1_TYPE_get(value) != V_ASN1_SEQUENCE)
		return bad_csr(pr, "has an extensionRequest that is not one list of extensions");
	p = value->value.sequence->data;
	end = p + value->value.sequence->length;
	*ret = d2i_X509_EXTENSIONS(NULL, &p, end - p);
	if (!*ret || p != end)
		return bad_csr(pr, "has an extensionRequest that cannot be read");
	return true;
}

static bool
read_san(struct csr *csr, X509_EXTENSION *ext, struct problem *pr)
{
	AUTO_NAMES *san = ext_decode(ext);
	struct problem why = { 0 };

	if (!san || sk_GENERAL_NAME_num(san) == 0)
		return bad_csr(pr, "has a subjectAltName that cannot be read");
	if (!names_read(san, &csr->names, &why))
		return bad_csr_because(pr, &why);
	return true;
}

static bool
read_basic_constraints(struct csr *csr, X509_EXTENSION *ext, struct problem *pr)
{
	BASIC_CONSTRAINTS *bc = ext_decode(ext);
	bool is_ca = bc && (bc->ca || bc->pathlen);

	(void)csr;
	if (!bc)
		return bad_csr(pr, "has basicConstraints that cannot be read");
	BASIC_CONSTRAINTS_free(bc);
	if (is_ca)
		return bad_csr(pr, "asks for a CA certificate");
	return true;
}

static bool
read_key_usage(struct csr *csr, X509_EXTENSION *ext, struct problem *pr)
{
	ASN1_BIT_STRING *usage = ext_decode(ext);
	/* bits 5 and 6, RFC 5280 4.2.1.3 */
	bool signs =
		usage && (ASN1_BIT_STRING_get_bit(usage, 5) || ASN1_BIT_STRING_get_bit(usage, 6));

	(void)csr;
	if (!usage)
		return bad_csr(pr, "has a keyUsage that cannot be read");
	ASN1_BIT_STRING_free(usage);
	if (signs)
		return bad_csr(pr, "asks for the keyUsage of a CA");
	return true;
}

static bool
read_eku(struct csr *csr, X509_EXTENSION *ext, struct problem *pr)
{
	csr->eku = ext_decode(ext);
	if (!csr->eku)
		return bad_csr(pr, "has an extendedKeyUsage that cannot be read");
	return true;
}

static bool
read_tls_feature(struct csr *csr, X509_EXTENSION *ext, struct problem *pr)
{
	TLS_FEATURE *features = ext_decode(ext);

	if (!features)
		return bad_csr(pr, "has a TLS feature extension that cannot be read");
	for (int i = 0; i < sk_ASN1_INTEGER_num(features); i++) {
		if (ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == MUST_STAPLE)
			csr->must_staple = true;
	}
	TLS_FEATURE_free(features);
	return true;
}

static const struct {
	int nid;
	bool (*read)(struct csr *csr, X509_EXTENSION *ext, struct problem *pr);
} readers[] = {
	{ NID_subject_alt_name, read_san },
	{ NID_basic_constraints, read_basic_constraints },
	{ NID_key_usage, read_key_usage },
	{ NID_ext_key_usage, read_eku },
	{ NID_tlsfeature, read_tls_feature },
};

static bool
read_extension(struct csr *csr, X509_EXTENSION *ext, struct problem *pr)
{
	int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));

	for (size_t i = 0; i < COUNT_OF(readers); i++) {
		if (readers[i].nid == nid)
			return readers[i].read(csr, ext, pr);
	}
	if (X509_EXTENSION_get_critical(ext)) {
		char text[65];

		OBJ_obj2txt(text, sizeof(text), X509_EXTENSION_get_object(ext), 0);
		return problem_set(pr, PROBLEM_BAD_CSR,
			"the CSR asks for the critical extension \"%s\", which is not supported",
			text);
	}
	return true;
}

static bool
read_extensions(struct csr *csr, const REQUEST *rq, struct problem *pr)
{
	STACK_OF(X509_EXTENSION) *exts = NULL;
	struct problem why = { 0 };
	bool good = find_extensions(rq, &exts, pr);

	if (good && !exts_check(exts, &why))
		good = bad_csr_because(pr, &why);
	for (int i = 0; good && i < sk_X509_EXTENSION_num(exts); i++)
		good = read_extension(csr, sk_X509_EXTENSION_value(exts, i), pr);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	return good;
}

/* An empty one is none. */
static bool
read_common_names(struct csr *csr, const REQUEST *rq, struct problem *pr)
{
	const X509_NAME *subject = rq->info->subject;
	int count = X509_NAME_entry_count(subject);

	csr->common_names = xcalloc(count > 0 ? (size_t)count : 1, sizeof(*csr->common_names));
	for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) {
		const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));

		if (ASN1_STRING_length(s) == 0)
			continue;
		if (!asn1_text(s, CSR_CN_TEXT - 1, csr->common_names[csr->common_name_count].text))
			return bad_csr(
				pr, "has a common name of more than 64 octets, or with a NUL");
		csr->common_name_count++;
	}
	return true;
}

/* Nothing is asked for by these. */
static void
read_rdns(struct csr *csr, const REQUEST *rq)
{
	const X509_NAME *subject = rq->info->subject;
	int count = X509_NAME_entry_count(subject);

	csr->rdns = xcalloc(count > 0 ? (size_t)count : 1, sizeof(*csr->rdns));
	for (int i = 0; i < count; i++) {
		const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, i);
		const ASN1_OBJECT *type = X509_NAME_ENTRY_get_object(entry);
		struct csr_rdn *rdn = &csr->rdns[csr->rdn_count];
		int nid = OBJ_obj2nid(type);

		if (nid == NID_commonName || !asn1_text(X509_NAME_ENTRY_get_data(entry), IDENT_VALUE - 1, rdn->text))
			continue;
		if (nid == NID_undef)
			OBJ_obj2txt(rdn->name, sizeof(rdn->name), type, 1);
		else
			span_copy(span_str(OBJ_nid2sn(nid)), rdn->name, sizeof(rdn->name));
		csr->rdn_count++;
	}
}

static bool
is_sha2(int nid)
{
	switch (nid) {
	case NID_sha256WithRSAEncryption:
	case NID_sha384WithRSAEncryption:
	case NID_sha512WithRSAEncryption:
	case NID_ecdsa_with_SHA256:
	case NID_ecdsa_with_SHA384:
	case NID_ecdsa_with_SHA512:
	case NID_ED25519:
		return true;
	default:
		return false;
	}
}

static bool
read_key(struct csr *csr, const REQUEST *rq, struct problem *pr)
{
	struct span spki = span_of(rq->info->spki->data, (size_t)rq->info->spki->length);
	struct problem why = { 0 };

	if (!key_spki_parse(spki, &csr->key, &why)) {
		problem_cause(pr, "%s", why.cause);
		return bad_csr(pr, "has a key that cannot be read");
	}
	if (!key_check(csr->key, PROBLEM_BAD_CSR, &why))
		return bad_csr_because(pr, &why);
	csr->key_type = key_type_of(csr->key);
	return key_spki_hash(spki, csr->key, csr->key_hash, pr);
}

static bool
verify(const struct csr *csr, const REQUEST *rq, struct problem *pr)
{
	if (!is_sha2(OBJ_obj2nid(rq->algorithm->algorithm)))
		return bad_csr(pr,
			"is not signed with SHA-256, SHA-384 or SHA-512 by RSA, ECDSA or Ed25519");
	if (ASN1_item_verify(ASN1_ITEM_rptr(REQUEST_INFO), rq->algorithm, rq->signature, rq->info,
		    csr->key) != 1) {
		problem_cause_openssl(pr, "verifying a CSR");
		return bad_csr(pr, "has a signature that does not verify");
	}
	return true;
}

bool
csr_parse(struct span der, struct csr **ret, struct problem *pr)
{
	struct csr *csr = xcalloc(1, sizeof(*csr));
	AUTO_REQUEST *rq = NULL;

	if (!decode(der, &rq, pr) || !read_extensions(csr, rq, pr) ||
		!read_common_names(csr, rq, pr) || !read_key(csr, rq, pr) || !verify(csr, rq, pr)) {
		ERR_clear_error();
		csr_free(csr);
		return false;
	}
	read_rdns(csr, rq);
	*ret = csr;
	return true;
}

void
csr_free(struct csr *csr)
{
	if (!csr)
		return;
	sk_ASN1_OBJECT_pop_free(csr->eku, ASN1_OBJECT_free);
	idents_done(&csr->names);
	free(csr->common_names);
	free(csr->rdns);
	EVP_PKEY_free(csr->key);
	free(csr);
}

bool
csr_wants_eku(const struct csr *csr, int nid)
{
	for (int i = 0; i < sk_ASN1_OBJECT_num(csr->eku); i++) {
		if (OBJ_obj2nid(sk_ASN1_OBJECT_value(csr->eku, i)) == nid)
			return true;
	}
	return false;
}
