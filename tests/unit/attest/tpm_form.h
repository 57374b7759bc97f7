/* tpm_form.h - a TPM's statement in parts, made and signed as a TPM would; a test puts others for
 * some of them. */
#ifndef TESTS_ATTEST_TPM_FORM_H
#define TESTS_ATTEST_TPM_FORM_H

#include "lab.h"

#include <openssl/core_names.h>

#define ID "SN-1"
#define TCG(n, id) SPAN("\x06\x05\x67\x81\x05\x02" n "\x0c" id)
#define AIK "2.23.133.8.3"
#define ATTRIBUTES 0x00040072u

enum { EXT_SAN, EXT_EKU, EXT_CONSTRAINTS, EXT_USAGE };

static EVP_PKEY *app_ec, *app_rsa;

static struct parts {
	struct span ver;
	uint32_t magic;
	uint16_t type;
	struct span signer, extra, name, qualified,
		info_tail; /* n = 0: as it should be; SPAN(""): empty */
	uint16_t key_type, name_alg, curve, scheme, symmetric;
	uint32_t attributes, exponent;
	int key_bits;
	bool bare, pss, short_x, off_curve, long_x;
	uint16_t sig_hash;
	struct span pub_tail, sig_tail;
	EVP_PKEY *app, *named; /* the key in pubArea; `named`: another one's name in certInfo */
} parts;

static inline struct parts
good_parts(void)
{
	return (struct parts){.ver = SPAN("2.0"),
		.magic = 0xff544347,
		.type = 0x8017,
		.name_alg = 0x000b,
		.key_type = 0x0023,
		.curve = 3,
		.scheme = 0x0010,
		.symmetric = 0x0010,
		.attributes = ATTRIBUTES,
		.sig_hash = 0x000b,
		.app = app_ec};
}

static inline void
u16(struct buf *out, unsigned v)
{
	buf_addc(out, (char)(v >> 8));
	buf_addc(out, (char)v);
}

static inline void
u32(struct buf *out, uint32_t v)
{
	u16(out, v >> 16);
	u16(out, v & 0xffff);
}

static inline void
sized(struct buf *out, struct span s)
{
	u16(out, (unsigned)s.n);
	buf_addspan(out, s);
}

static inline void
bignum(struct buf *out, EVP_PKEY *key, const char *param, size_t n)
{
	unsigned char octets[512];
	BIGNUM *bn = NULL;

	EVP_PKEY_get_bn_param(key, param, &bn);
	if (!n)
		n = (size_t)BN_num_bytes(bn);
	BN_bn2binpad(bn, octets, (int)n);
	BN_free(bn);
	sized(out, span_of(octets, n));
}

static inline void
write_ecc(struct buf *out, EVP_PKEY *app)
{
	size_t at;

	u16(out, parts.curve);
	u16(out, 0x0010);
	at = out->n;
	bignum(out, app, OSSL_PKEY_PARAM_EC_PUB_X, parts.long_x ? 33 : 32);
	if (parts.short_x)
		out->p[at + 1]--, out->n--;
	if (parts.off_curve)
		out->p[at + 2] ^= 1;
	bignum(out, app, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
}

static inline void
write_public(struct buf *out, EVP_PKEY *app)
{
	u16(out, parts.key_type);
	u16(out, parts.name_alg);
	u32(out, parts.attributes);
	u16(out, 0); /* authPolicy */
	u16(out, parts.symmetric);
	u16(out, parts.scheme);
	if (parts.scheme != 0x0010)
		u16(out, 0x000b);
	if (parts.key_type == 0x0001) {
		u16(out, (unsigned)(parts.key_bits ? parts.key_bits : EVP_PKEY_get_bits(app)));
		u32(out, parts.exponent);
		bignum(out, app, OSSL_PKEY_PARAM_RSA_N, 0);
	} else {
		write_ecc(out, app);
	}
	buf_addspan(out, parts.pub_tail);
}

static inline void
write_name(struct buf *out, struct span public)
{
	unsigned char md[64];
	unsigned n = 32;

	EVP_Digest(public.p, public.n, md, &n,
		parts.name_alg == 0x000c   ? EVP_sha384()
		: parts.name_alg == 0x000d ? EVP_sha512()
					   : EVP_sha256(),
		NULL);
	u16(out, parts.name_alg);
	buf_add(out, md, n);
}

static inline void
write_info(struct buf *out, struct span public)
{
	static const char some_name[] = "\x00\x0b"
					"0123456789abcdef0123456789abcdef";
	unsigned char extra[32];
	AUTO_BUF name = BUF_MAX(128);

	write_name(&name, public);
	EVP_Digest(KEY_AUTH, strlen(KEY_AUTH), extra, NULL, EVP_sha256(), NULL);
	u32(out, parts.magic);
	u16(out, parts.type);
	sized(out, parts.signer.p ? parts.signer : SPAN(some_name));
	sized(out, parts.extra.p ? parts.extra : span_of(extra, 32));
	buf_add(out, "\0\0\0\0\0\0\x04\xe4\0\0\0\2\0\0\0\0\1\x20\x19\x10\x23\0\x16\x36\x36", 25);
	sized(out, parts.name.p ? parts.name : buf_span(&name));
	sized(out, parts.qualified.p ? parts.qualified : SPAN(some_name));
	buf_addspan(out, parts.info_tail);
}

static inline void
write_signature(struct buf *out, const struct form *form, struct span sig)
{
	bool is_rsa = EVP_PKEY_get_base_id(form->leaf.key) == EVP_PKEY_RSA;
	const unsigned char *p = (const unsigned char *)sig.p;
	unsigned char octets[66];
	ECDSA_SIG *pair;

	if (parts.bare) {
		buf_addspan(out, sig);
	} else if (is_rsa) {
		u16(out, parts.pss ? 0x0016 : 0x0014);
		u16(out, parts.sig_hash);
		sized(out, sig);
	} else {
		pair = d2i_ECDSA_SIG(NULL, &p, (long)sig.n);
		u16(out, 0x0018);
		u16(out, parts.sig_hash);
		BN_bn2binpad(ECDSA_SIG_get0_r(pair), octets, 32);
		sized(out, span_of(octets, 32));
		BN_bn2binpad(ECDSA_SIG_get0_s(pair), octets, 32);
		sized(out, span_of(octets, 32));
		ECDSA_SIG_free(pair);
	}
	buf_addspan(out, parts.sig_tail);
}

static inline struct span
kept(struct buf *b)
{
	return span_of(OPENSSL_memdup(b->p, b->n), b->n);
}

static inline void
finish(const struct form *form, struct model *m, struct span keep[4])
{
	AUTO_BUF public = BUF_MAX(4096), named = BUF_MAX(4096), info = BUF_MAX(4096),
		 sig = BUF_MAX(4096);

	write_public(&public, parts.app);
	write_public(&named, parts.named ? parts.named : parts.app);
	write_info(&info, buf_span(&named));
	keep[0] = form_sign(form, buf_span(&info));
	write_signature(&sig, form, keep[0]);
	keep[1] = kept(&public);
	keep[2] = kept(&info);
	keep[3] = kept(&sig);
	m->members[m->count++] = (struct member){"ver", CBOR_TEXT, 0, parts.ver};
	m->members[m->count++] = form_alg(form);
	m->members[m->count++] = (struct member){"sig", CBOR_BYTES, 0, keep[3]};
	m->members[m->count++] = (struct member){"certInfo", CBOR_BYTES, 0, keep[2]};
	m->members[m->count++] = (struct member){"pubArea", CBOR_BYTES, 0, keep[1]};
}

#define OTHER_PERMANENT "\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x03\xa0"
#define OTHER_MODULE "\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x04\xa0"

/* The AK certificate's SAN: attributes, each in an RDN of its own or all in one, and otherNames. */
struct san {
	struct span attributes[4], others[3];
	bool one_rdn, not_critical;
};

static inline struct san
good_san(void)
{
	return (struct san){.attributes = {TCG("\x01", "\x0bid:00001014"), TCG("\x02", "\x05swtpm"),
				    TCG("\x03", "\x0bid:20191023")},
		.others = {SPAN(OTHER_PERMANENT "\x08\x30\x06\x0c\x04SN-1"),
			SPAN(OTHER_MODULE "\x0f\x30\x0d\x06\x05\x67\x81\x05\x01\x02\x04\x04"
					  "A1B2")}};
}

static inline const char *
san_ext(const struct san *san)
{
	static char text[2048];
	AUTO_BUF rdns = BUF_MAX(1024), rdn = BUF_MAX(1024), name = BUF_MAX(1024),
		 all = BUF_MAX(1024);
	char *to = text;

	for (size_t i = 0; i < 4; i++) {
		if (!san->attributes[i].n)
			continue;
		tlv(&rdn, SPAN("\x30"), san->attributes[i]);
		if (!san->one_rdn) {
			tlv(&rdns, SPAN("\x31"), buf_span(&rdn));
			buf_clear(&rdn);
		}
	}
	if (rdn.n)
		tlv(&rdns, SPAN("\x31"), buf_span(&rdn));
	for (size_t i = 0; i < 3; i++) {
		if (san->others[i].n)
			tlv(&all, SPAN("\xa0"), san->others[i]);
	}
	tlv(&name, SPAN("\x30"), buf_span(&rdns));
	tlv(&all, SPAN("\xa4"), buf_span(&name));
	buf_clear(&name);
	tlv(&name, SPAN("\x30"), buf_span(&all));
	to += sprintf(to, "2.5.29.17=%sDER:", san->not_critical ? "" : "critical,");
	for (size_t i = 0; i < name.n; i++)
		to += sprintf(to, "%02x", name.p[i] & 0xff);
	return text;
}

static inline struct form
good_form(void)
{
	struct form f = {
		.fmt = "tpm", .leaf = lab_leaf(), .inter = lab_inter(), .alg = -257, .in = lab.in};
	struct san san = good_san();

	f.leaf.cn = NULL;
	f.leaf.key = lab.rsa_key;
	f.leaf.exts[EXT_SAN] = san_ext(&san);
	f.leaf.exts[EXT_EKU] = "extendedKeyUsage=" AIK;
	f.leaf.exts[EXT_CONSTRAINTS] = "basicConstraints=critical,CA:FALSE";
	f.leaf.exts[EXT_USAGE] = "keyUsage=critical,digitalSignature";
	return f;
}

static inline void
parts_refused(const char *what, const char *field)
{
	struct form f = good_form();

	form_refused(&f, finish, what, field);
	parts = good_parts();
}

static inline void
parts_accepted(const char *what)
{
	struct form f = good_form();

	form_accepted(&f, finish, what);
	parts = good_parts();
}

static inline void
san_refused(const struct san *san, const char *what, const char *field)
{
	struct form f = good_form();

	f.leaf.exts[EXT_SAN] = san_ext(san);
	form_refused(&f, finish, what, field);
}

static inline void
ext_refused(size_t at, const char *ext, const char *what, const char *field)
{
	struct form f = good_form();

	f.leaf.exts[at] = ext;
	form_refused(&f, finish, what, field);
}

/* Begin and end of a test program: a lab, and the keys that are attested. */
static inline void
tpm_init(void)
{
	struct form f;

	lab_init(ATTEST_TPM, ID);
	app_ec = EVP_EC_gen("P-256");
	app_rsa = EVP_RSA_gen(2048);
	parts = good_parts();
	f = good_form();
	form_accepted(&f, finish, "all parts good");
}

static inline int
tpm_done(void)
{
	EVP_PKEY_free(app_ec);
	EVP_PKEY_free(app_rsa);
	lab_done();
	return done_testing();
}
#endif
