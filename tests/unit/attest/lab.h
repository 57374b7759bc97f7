/* lab.h - a CA of our own for statements made to order: each fault alone, and everything around it
 * signed as it should be. */
#ifndef TESTS_ATTEST_LAB_H
#define TESTS_ATTEST_LAB_H

#include "attest/attest.h"
#include "forge.h"
#include "model.h"
#include "tap.h"

#define NOW 1796000000
#define DAY 86400LL
#define TOKEN "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
#define KEY_AUTH TOKEN ".nP1qzpXGymHBrUEepNY9HCsQk7K8KhOypzEt62jcerQ"
#define CA_EXTS "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"
#define LAB_CERTS 8

static struct lab {
	EVP_PKEY *root_key, *inter_key, *leaf_key, *other_key, *rsa_key, *weak_key;
	X509 *root, *inter;
	struct attest_trust *trust;
	struct attest_input in; /* good */
	enum attest_format format;
} lab;

static inline struct forge_cert
lab_root(void)
{
	return (struct forge_cert){.cn = "Root",
		.key = lab.root_key,
		.not_before_unix_s = NOW - 1000 * DAY,
		.not_after_unix_s = NOW + 1000 * DAY,
		.exts = {CA_EXTS}};
}

static inline struct forge_cert
lab_inter(void)
{
	return (struct forge_cert){.cn = "Inter",
		.key = lab.inter_key,
		.issuer = lab.root,
		.issuer_key = lab.root_key,
		.not_before_unix_s = NOW - 100 * DAY,
		.not_after_unix_s = NOW + 100 * DAY,
		.serial = "0x1234",
		.exts = {CA_EXTS}};
}

static inline struct forge_cert
lab_leaf(void)
{
	return (struct forge_cert){.cn = "Leaf",
		.key = lab.leaf_key,
		.issuer = lab.inter,
		.issuer_key = lab.inter_key,
		.not_before_unix_s = NOW - DAY,
		.not_after_unix_s = NOW + DAY,
		.serial = "0x10"};
}

static inline void
lab_trust(struct attest_trust *trust, X509 *root)
{
	AUTO_BUF pem = BUF_MAX(1 << 16);
	struct problem pr = {0};

	forge_pem(&pem, root);
	if (!attest_trust_add_roots(trust, lab.format, buf_span(&pem), &pr) ||
		!attest_trust_set_revoked(
			trust, lab.format, SPAN("{\"entries\":{}}"), INT64_MAX, &pr)) {
		printf("Bail out! %s\n", pr.detail);
		exit(1);
	}
}

static inline void
lab_init(enum attest_format format, const char *id)
{
	struct forge_cert f;

	lab.format = format;
	lab.root_key = EVP_EC_gen("P-384");
	lab.inter_key = EVP_EC_gen("P-256");
	lab.leaf_key = EVP_EC_gen("P-256");
	lab.other_key = EVP_EC_gen("P-256");
	lab.rsa_key = EVP_RSA_gen(2048);
	lab.weak_key = EVP_RSA_gen(1024);
	f = lab_root();
	lab.root = forge_x509(&f);
	f = lab_inter();
	lab.inter = forge_x509(&f);
	lab.trust = attest_trust_new();
	lab_trust(lab.trust, lab.root);
	lab.in = (struct attest_input){.trust = lab.trust,
		.token = SPAN(TOKEN),
		.key_authorization = SPAN(KEY_AUTH),
		.id = span_str(id),
		.now_unix_s = NOW};
}

static inline void
lab_done(void)
{
	EVP_PKEY *keys[] = {lab.root_key, lab.inter_key, lab.leaf_key, lab.other_key, lab.rsa_key,
		lab.weak_key};

	for (size_t i = 0; i < COUNT_OF(keys); i++)
		EVP_PKEY_free(keys[i]);
	X509_free(lab.root);
	X509_free(lab.inter);
	attest_trust_free(lab.trust);
}

/* Signature by a key; the caller frees it by forge_free. */
static inline struct span
lab_sign(EVP_PKEY *key, const EVP_MD *md, struct span data)
{
	unsigned char *sig = OPENSSL_malloc(1024);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 1024;

	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519)
		md = NULL;
	if (EVP_DigestSignInit(ctx, NULL, md, NULL, key) != 1 ||
		EVP_DigestSign(ctx, sig, &n, (const unsigned char *)data.p, data.n) != 1)
		abort();
	EVP_MD_CTX_free(ctx);
	return span_of(sig, n);
}

/* A value in DER; `id` may have more than one octet. */
static inline void
tlv(struct buf *out, struct span id, struct span body)
{
	buf_addspan(out, id);
	if (body.n >= 128)
		buf_addc(out, (char)(body.n >= 256 ? 0x82 : 0x81));
	if (body.n >= 256)
		buf_addc(out, (char)(body.n >> 8));
	buf_addc(out, (char)body.n);
	buf_addspan(out, body);
}

/* What a statement is made of; each test changes one thing of it. */
struct form {
	const char *fmt;
	struct forge_cert leaf, inter;
	bool new_inter; /* make `inter` anew; else the lab's */
	bool with_root; /* send the root as well */
	bool no_inter, swapped;
	int64_t alg;
	EVP_PKEY *signer; /* NULL = the leaf's key */
	const EVP_MD *md; /* NULL = SHA-256 */
	struct span data; /* signed */
	struct attest_input in;
};

/* By the leaf's key, unless the form says otherwise; to be freed with forge_free. */
static inline struct span
form_sign(const struct form *form, struct span data)
{
	return lab_sign(form->signer ? form->signer : form->leaf.key, form->md ? form->md : EVP_sha256(), data);
}

static inline struct member
form_alg(const struct form *form)
{
	return (struct member){"alg", form->alg < 0 ? CBOR_NINT : CBOR_UINT, form->alg, SPAN_NONE};
}

/* Adds the format's members, signatures and all, to the model; spans in `keep` are freed with
 * forge_free. */
typedef void form_fn(const struct form *form, struct model *m, struct span keep[4]);

static inline void
form_object(const struct form *form, form_fn *finish, struct buf *out)
{
	struct span keep[4] = {{0}};
	struct forge_cert leaf = form->leaf;
	X509 *inter = lab.inter, *x509;
	struct model m = {.fmt = span_str(form->fmt)};

	if (form->new_inter) {
		inter = forge_x509(&form->inter);
		if (leaf.issuer == lab.inter) {
			leaf.issuer = inter;
			leaf.issuer_key = form->inter.key;
		}
	}
	x509 = forge_x509(&leaf);
	m.certs[m.cert_count++] = forge_x509_der(x509);
	if (!form->no_inter)
		m.certs[m.cert_count++] = forge_x509_der(inter);
	if (form->with_root)
		m.certs[m.cert_count++] = forge_x509_der(lab.root);
	if (form->swapped) {
		struct span first = m.certs[0];

		m.certs[0] = m.certs[1];
		m.certs[1] = first;
	}
	m.members[m.count++] = (struct member){"x5c", CBOR_ARRAY, 0, SPAN_NONE};
	finish(form, &m, keep);
	model_write(&m, out);
	for (size_t i = 0; i < 4; i++)
		forge_free(keep[i]);
	for (size_t i = 0; i < m.cert_count; i++)
		forge_free(m.certs[i]);
	X509_free(x509);
	if (inter != lab.inter)
		X509_free(inter);
}

static inline bool
form_verify(const struct form *form, form_fn *finish, struct attest_facts *ret, struct problem *pr)
{
	AUTO_BUF object = BUF_MAX(1 << 17);
	struct attest_input in = form->in;

	memset(pr, 0, sizeof(*pr));
	form_object(form, finish, &object);
	in.object = buf_span(&object);
	return attest_verify(&in, ret, pr);
}

/* The detail must begin with `field`. */
static inline void
form_refused(const struct form *form, form_fn *finish, const char *what, const char *field)
{
	struct attest_facts facts;
	struct problem pr;
	bool accepted = form_verify(form, finish, &facts, &pr);

	ok(!accepted && pr.kind == PROBLEM_BAD_ATTESTATION &&
			strncmp(pr.detail, field, strlen(field)) == 0,
		"%s: refused, %s", what, pr.detail);
	if (accepted)
		attest_facts_done(&facts);
}

static inline void
form_accepted(const struct form *form, form_fn *finish, const char *what)
{
	struct attest_facts facts;
	struct problem pr;

	if (ok(form_verify(form, finish, &facts, &pr), "%s: accepted %s", what, pr.detail))
		attest_facts_done(&facts);
}

/* One more extension of the leaf. */
static inline void
form_ext(struct form *form, const char *ext)
{
	size_t i = 0;

	while (form->leaf.exts[i])
		i++;
	form->leaf.exts[i] = ext;
}

/* What is true of each format's chain and challenge; `good` is accepted. */
static inline void
form_common(const struct form *good, form_fn *finish)
{
	struct form f = *good;
	struct attest_trust *other;
	struct problem pr = {0};
	struct attest_facts facts;
	X509 *alien;
	struct forge_cert alien_form = lab_root();

#define REFUSED(what, field) (form_refused(&f, finish, what, field), f = *good)
	form_accepted(&f, finish, "as it should be");
	f.with_root = true;
	form_accepted(&f, finish, "with its root in x5c");
	f = *good;
	f.no_inter = true;
	REFUSED("no intermediate", "x5c: no root");
	f.swapped = true;
	REFUSED("leaf and issuer swapped", "x5c[0]: ");
	f.leaf.issuer_key = lab.other_key;
	REFUSED("leaf signed by another key", "x5c[1]: did not sign");
	f.leaf.issuer = lab.root;
	REFUSED("leaf signed by the issuer in the root's name", "x5c[1]: is not the issuer");
	f.new_inter = true;
	f.inter.issuer_key = lab.other_key;
	REFUSED("issuer signed by another key", "x5c: no root");
	f.new_inter = true;
	f.inter.issuer = NULL;
	f.inter.issuer_key = NULL;
	REFUSED("an issuer that is a root of its own", "x5c: no root");
	f.new_inter = f.with_root = true;
	f.inter.issuer_key = lab.other_key;
	REFUSED("issuer signed by another key, the root sent along", "x5c[2]: did not sign");
	f.new_inter = true;
	f.inter.not_before_unix_s = NOW + 1;
	REFUSED("issuer not yet valid", "x5c[1]: is not yet valid");
	f.new_inter = true;
	f.inter.not_after_unix_s = NOW - 1;
	REFUSED("issuer expired", "x5c[1]: has expired");
	f.new_inter = true;
	f.inter.md = EVP_sha1();
	REFUSED("issuer signed with SHA-1", "x5c[1]: is not signed with");
	f.leaf.md = EVP_sha1();
	REFUSED("leaf signed with SHA-1", "x5c[0]: is not signed with");
	f.new_inter = true;
	f.inter.key = lab.weak_key;
	REFUSED("issuer with RSA of 1024 bits", "x5c[1]: has a key that is too weak");
	f.leaf.is_v1 = true;
	REFUSED("leaf of version 1", "x5c[0]: ");
	f.new_inter = true;
	f.inter.exts[2] = "1.2.3.4=critical,DER:0500";
	REFUSED("issuer with an unknown critical extension", "x5c[1]: has a critical extension");
	f.new_inter = true;
	f.inter.exts[2] = "nameConstraints=critical,permitted;DNS:a.example";
	REFUSED("issuer with name constraints", "x5c[1]: has a critical extension");
	form_ext(&f, "1.2.3.4=critical,DER:0500");
	REFUSED("leaf with an unknown critical extension", "x5c[0]: has a critical extension");
	form_ext(&f, "1.2.3.4=DER:0500");
	form_accepted(&f, finish, "leaf with an unknown extension that is not critical");
	f = *good;
	alien_form.key = lab.other_key;
	alien = forge_x509(&alien_form);
	other = attest_trust_new();
	lab_trust(other, alien);
	f.in.trust = other;
	REFUSED("another root of the same name", "x5c: no root");
	f.in.trust = other;
	f.with_root = true;
	REFUSED("another root of the same name, ours sent along", "x5c: no root");
	attest_trust_free(other);
	X509_free(alien);
	f.in.id = SPAN("somebody else");
	REFUSED("another identifier", "identifier: ");
	f.in.id_type = ATTEST_HARDWARE_MODULE;
	REFUSED("another type of identifier", "identifier: ");
	f.in.key_authorization = SPAN(TOKEN "x.nP1qzpXGymHBrUEepNY9HCsQk7K8KhOypzEt62jcerQ");
	f.in.token = SPAN(TOKEN "x");
	form_refused(&f, finish, "another challenge", "");
	f = *good;
	/* revocation: in hex, whole chain, too old, absent */
	if (!attest_trust_set_revoked(lab.trust, lab.format,
		    SPAN("{\"entries\":{\"10\":{\"status\":\"REVOKED\"}}}"), NOW, &pr))
		abort();
	REFUSED("leaf revoked", "x5c[0]: serial 10 is revoked");
	if (!attest_trust_set_revoked(lab.trust, lab.format,
		    SPAN("{\"entries\":{\"1234\":{\"status\":\"SUSPENDED\"}}}"), NOW, &pr))
		abort();
	REFUSED("issuer suspended", "x5c[1]: serial 1234 is revoked");
	if (!attest_trust_set_revoked(lab.trust, lab.format,
		    SPAN("{\"entries\":{\"16\":{\"status\":\"REVOKED\"},\"4660\":{\"status\":"
			 "\"REVOKED\"}}}"),
		    NOW, &pr))
		abort();
	form_accepted(&f, finish, "the same numbers in decimal are other serials");
	if (!attest_trust_set_revoked(
		    lab.trust, lab.format, SPAN("{\"entries\":{}}"), NOW - 1, &pr))
		abort();
	ok(!form_verify(&f, finish, &facts, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL &&
			strstr(pr.cause, "too old"),
		"a list that is too old is our own fault");
	if (!attest_trust_set_revoked(
		    lab.trust, lab.format, SPAN("{\"entries\":{}}"), INT64_MAX, &pr))
		abort();
	form_accepted(&f, finish, "and again as it should be");
#undef REFUSED
}
/* A good form: neither too late nor too early, and its issuer must be one. */
static inline void
form_times_refused(struct form form, form_fn *finish)
{
	form.leaf.not_after_unix_s = form.in.now_unix_s - 1;
	form_refused(&form, finish, "the leaf expired", "x5c[0]: has expired");
	form.leaf.not_after_unix_s = form.in.now_unix_s + 2;
	form.leaf.not_before_unix_s = form.in.now_unix_s + 1;
	form_refused(&form, finish, "the leaf not yet valid", "x5c[0]: is not yet valid");
}

static inline void
form_issuer_refused(struct form form, form_fn *finish)
{
	form.new_inter = true;
	form.inter.exts[0] = "basicConstraints=critical,CA:FALSE";
	form.inter.exts[1] = NULL;
	form_refused(&form, finish, "an issuer that is no CA", "x5c[1]: is an issuer, but no CA");
}
#endif
