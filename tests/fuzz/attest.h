/* attest.h - for the fuzz targets of attestation formats. Two kinds of input. One that begins with
 * 0xa1 to 0xbf (a CBOR map) is an attestation object, verified under the roots of tests/data;
 * mutations of it rarely get past the signatures. Any other is cut into pieces, each behind its
 * length in two octets; the target makes a certificate and statement around them, signed anew, so
 * that what they say is looked at to the end. */
#ifndef TESTS_FUZZ_ATTEST_H
#define TESTS_FUZZ_ATTEST_H

#include <stdlib.h>

#include "attest/attest.h"
#include "base/secret.h"
#include "forge.h"
#include "model.h"

#define FUZZ_NOW 1796083200 /* 2026-12-01, of the software vectors */
#define FUZZ_PIECES 8
#define FUZZ_TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define FUZZ_KEY_AUTH FUZZ_TOKEN ".nP1qzpXGymHBrUEepNY9HCsQk7K8KhOypzEt62jcerQ"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz {
	struct attest_trust *trust;
	EVP_PKEY *ca_key, *leaf_key;
	X509 *root, *inter;
	enum attest_format format;
	struct span key_authorization, id; /* of the target's vector */
} fuzz;

static inline X509 *
fuzz_ca(const char *cn, X509 *issuer)
{
	struct forge_cert f = {.cn = cn,
		.key = fuzz.ca_key,
		.issuer = issuer,
		.issuer_key = fuzz.ca_key,
		.not_before_unix_s = 0,
		.not_after_unix_s = 2 * (int64_t)FUZZ_NOW,
		.exts = {"basicConstraints=critical,CA:TRUE"}};

	return forge_x509(&f);
}

static inline void
fuzz_init(enum attest_format format, const char *root_file)
{
	AUTO_BUF pem = BUF_MAX(1 << 16), path = BUF_MAX(4096);
	struct problem pr = {0};

	if (fuzz.trust)
		return;
	fuzz.format = format;
	fuzz.trust = attest_trust_new();
	fuzz.ca_key = EVP_EC_gen("P-256");
	fuzz.leaf_key = EVP_EC_gen("P-256");
	fuzz.root = fuzz_ca("Root", NULL);
	fuzz.inter = fuzz_ca("Inter", fuzz.root);
	forge_pem(&pem, fuzz.root);
	buf_addf(&path, "%s/attestation/%s", TESTDATA, root_file);
	if (!attest_trust_add_roots(fuzz.trust, format, buf_span(&pem), &pr))
		abort();
	buf_clear(&pem);
	if (!file_load(buf_cstr(&path), &pem, &pr) ||
		!attest_trust_add_roots(fuzz.trust, format, buf_span(&pem), &pr) ||
		!attest_trust_set_revoked(fuzz.trust, format,
			SPAN("{\"entries\":{\"0bad\":{\"status\":\"REVOKED\"}}}"), INT64_MAX, &pr))
		abort();
	attest_trust_apple_modules(fuzz.trust, true);
	fuzz.key_authorization = SPAN(FUZZ_KEY_AUTH);
	fuzz.id = format == ATTEST_TPM       ? SPAN("SN-ACMEGATE-0001")
		  : format == ATTEST_ANDROID ? SPAN("R5CTACMEGATE")
					     : SPAN("SN-1");
}

/* A refusal names a field; what is accepted has a key and the identifier. */
static inline void
fuzz_verify(struct span object, struct span webauthn)
{
	struct attest_input in = {.trust = fuzz.trust,
		.object = object,
		.token = SPAN(FUZZ_TOKEN),
		.key_authorization = fuzz.key_authorization,
		.id = fuzz.id,
		.now_unix_s = FUZZ_NOW,
		.webauthn = webauthn};
	struct attest_facts facts = {0};
	struct problem pr = {0};
	bool found = webauthn.n > 0;

	if (!attest_verify(&in, &facts, &pr)) {
		if (pr.kind != PROBLEM_BAD_ATTESTATION || !strstr(pr.detail, ": ") || facts.key)
			abort();
		return;
	}
	if (!facts.key || facts.format != fuzz.format)
		abort();
	for (size_t i = 0; i < facts.id_count; i++)
		found = found || span_is(in.id, facts.ids[i].value);
	if (!found)
		abort();
	attest_facts_done(&facts);
}

/* Cuts off the pieces; those that are not there are empty. */
static inline void
fuzz_cut(struct span in, struct span pieces[FUZZ_PIECES])
{
	for (size_t i = 0; i < FUZZ_PIECES; i++) {
		size_t n = in.n < 2 ? 0 : (size_t)((in.p[0] & 0xff) << 8 | (in.p[1] & 0xff));

		in = span_from(in, 2);
		pieces[i] = span_of(in.p, n < in.n ? n : in.n);
		in = span_from(in, pieces[i].n);
	}
}

static inline bool
fuzz_is_object(struct span in)
{
	return in.n && (in.p[0] & 0xe0) == 0xa0;
}

static inline void
fuzz_ext(X509 *x509, const char *oid, bool critical, struct span value)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	ASN1_OCTET_STRING *octets = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;

	ASN1_OCTET_STRING_set(octets, (const unsigned char *)value.p, (int)value.n);
	ext = X509_EXTENSION_create_by_OBJ(NULL, object, critical, octets);
	X509_add_ext(x509, ext, -1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(octets);
	ASN1_OBJECT_free(object);
}

/* An unsigned leaf. */
static inline X509 *
fuzz_leaf(const char *cn)
{
	struct forge_cert f = {.cn = cn,
		.key = fuzz.leaf_key,
		.issuer = fuzz.inter,
		.issuer_key = fuzz.ca_key,
		.not_before_unix_s = 0,
		.not_after_unix_s = 2 * (int64_t)FUZZ_NOW};

	return forge_x509(&f);
}

/* x5c of the leaf, signed now (and freed), and its issuer; to be ended by fuzz_done. */
static inline void
fuzz_certs(struct model *m, X509 *leaf)
{
	X509_sign(leaf, fuzz.ca_key, EVP_sha256());
	m->certs[0] = forge_x509_der(leaf);
	m->certs[1] = forge_x509_der(fuzz.inter);
	m->cert_count = 2;
	m->members[m->count++] = (struct member){"x5c", CBOR_ARRAY, 0, SPAN_NONE};
	X509_free(leaf);
}

static inline void
fuzz_done(struct model *m)
{
	AUTO_BUF object = BUF_MAX(1 << 18);

	model_write(m, &object);
	fuzz_verify(buf_span(&object), SPAN_NONE);
	forge_free(m->certs[0]);
	forge_free(m->certs[1]);
}

/* The leaf's signature over `data` into `dst`. */
static inline struct span
fuzz_sign(struct span data, unsigned char dst[256])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 256;

	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, fuzz.leaf_key) != 1 ||
		EVP_DigestSign(ctx, dst, &n, (const unsigned char *)data.p, data.n) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	return span_of(dst, n);
}
#endif
