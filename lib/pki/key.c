/* key.c - see key.h. */
#include "pki/key.h"

#include <pthread.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/b64url.h"
#include "pki/der.h"

#define KEY_MAX_BYTES (16 * 1024)
#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 8192

static const struct {
	const char *name;
	const char *make;  /* EVP's name of the type */
	const char *group; /* curve as EVP names it */
	int bits;
	struct span spki; /* all octets before the point (RFC 5480, RFC 8410) */
} types[KEY__COUNT] = {
	[KEY_P256] = { "p256", "EC", "prime256v1", 256,
		SPAN("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce"
		     "\x3d\x03\x01\x07\x03\x42\x00") },
	[KEY_P384] = { "p384", "EC", "secp384r1", 384,
		SPAN("\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00"
		     "\x22\x03\x62\x00") },
	[KEY_P521] = { "p521", "EC", "secp521r1", 521,
		SPAN("\x30\x81\x9b\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04"
		     "\x00\x23\x03\x81\x86\x00") },
	[KEY_ED25519] = { "ed25519", "ED25519", NULL, 253,
		SPAN("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00") },
	[KEY_RSA2048] = { "rsa2048", "RSA", NULL, 2048, SPAN_NONE },
	[KEY_RSA3072] = { "rsa3072", "RSA", NULL, 3072, SPAN_NONE },
	[KEY_RSA4096] = { "rsa4096", "RSA", NULL, 4096, SPAN_NONE },
	[KEY_OTHER] = { "other", NULL, NULL, 0, SPAN_NONE },
};

void
key_auto_free(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
}

const char *
key_type_name(enum key_type type)
{
	return types[type].name;
}

bool
key_type_parse(struct span name, enum key_type *ret)
{
	for (size_t i = 0; i < KEY_OTHER; i++) {
		if (span_is(name, types[i].name)) {
			*ret = (enum key_type)i;
			return true;
		}
	}
	return false;
}

bool
key_make(enum key_type type, EVP_PKEY **ret, struct problem *pr)
{
	EVP_PKEY *key = NULL;

	if (types[type].group)
		key = EVP_EC_gen(types[type].group);
	else if (type == KEY_ED25519)
		key = EVP_PKEY_Q_keygen(NULL, NULL, types[type].make);
	else if (type != KEY_OTHER)
		key = EVP_RSA_gen((unsigned)types[type].bits);
	if (!key) {
		problem_internal(pr, "making a key");
		problem_cause_openssl(pr, "making a key");
		return false;
	}
	*ret = key;
	return true;
}

/* A curve spelled out as parameters is another key to whoever reads it less carefully, even if it
 * is a known one (RFC 5480 2.1.1: namedCurve only). */
static bool
is_named_curve(EVP_PKEY *key)
{
	int explicit_params = 0;

	if (!EVP_PKEY_get_int_param(
		    key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit_params))
		return false;
	return !explicit_params;
}

enum key_type
key_type_of(EVP_PKEY *key)
{
	int id = EVP_PKEY_get_base_id(key), bits = EVP_PKEY_get_bits(key);
	char group[32];
	size_t n;

	if (id == EVP_PKEY_ED25519)
		return KEY_ED25519;
	if (id == EVP_PKEY_RSA) {
		for (size_t i = KEY_RSA2048; i <= KEY_RSA4096; i++) {
			if (types[i].bits == bits)
				return (enum key_type)i;
		}
	}
	if (id == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
		is_named_curve(key)) {
		for (size_t i = KEY_P256; i <= KEY_P521; i++) {
			if (strcmp(types[i].group, group) == 0)
				return (enum key_type)i;
		}
	}
	ERR_clear_error();
	return KEY_OTHER;
}

int
key_bits(EVP_PKEY *key)
{
	return EVP_PKEY_get_bits(key);
}

/* Both numbers at once: each question to a key costs OpenSSL 15 us. The caller frees them. */
static bool
rsa_numbers(EVP_PKEY *key, BIGNUM **ret_n, BIGNUM **ret_e)
{
	unsigned char n[RSA_MAX_BITS / 8], e[RSA_MAX_BITS / 8];
	OSSL_PARAM params[] = { OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, sizeof(n)),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, sizeof(e)),
		OSSL_PARAM_construct_end() };
	bool good = EVP_PKEY_get_params(key, params) == 1 &&
		OSSL_PARAM_get_BN(&params[0], ret_n) && OSSL_PARAM_get_BN(&params[1], ret_e);

	ERR_clear_error();
	return good;
}

static bool
rsa_check(EVP_PKEY *key, enum problem_kind kind, struct problem *pr)
{
	int bits = EVP_PKEY_get_bits(key);
	BIGNUM *n = NULL, *e = NULL;
	bool good;

	if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
		return problem_set(pr, kind, "an RSA key must have %d to %d bits, this one has %d",
			RSA_MIN_BITS, RSA_MAX_BITS, bits);
	good = rsa_numbers(key, &n, &e) && BN_is_odd(n) &&
		BN_is_odd(e) && BN_num_bits(e) >= 17 && BN_num_bits(e) <= 32;
	BN_free(n);
	BN_free(e);
	ERR_clear_error();
	if (!good)
		return problem_set(pr, kind, "the RSA key's modulus or exponent is not acceptable");
	return true;
}

/* On the curve and not the point at infinity, with which any signature would verify. */
static bool
ec_check(EVP_PKEY *key, enum problem_kind kind, struct problem *pr)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool good = ctx && EVP_PKEY_public_check_quick(ctx) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	if (!good)
		return problem_set(pr, kind, "the EC key is not a point of its curve");
	return true;
}

bool
key_check(EVP_PKEY *key, enum problem_kind kind, struct problem *pr)
{
	switch (key_type_of(key)) {
	case KEY_P256:
	case KEY_P384:
	case KEY_P521:
		return ec_check(key, kind, pr);
	case KEY_ED25519:
		return true;
	default:
		if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
			return rsa_check(key, kind, pr);
		return problem_set(pr, kind,
			"keys must be RSA, EC on P-256, P-384 or P-521 (named curve), or Ed25519");
	}
}

size_t
key_point(const EVP_PKEY *key, size_t width, unsigned char dst[static KEY_POINT_MAX])
{
	BIGNUM *x = NULL, *y = NULL;
	size_t n = 0;

	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, dst, KEY_POINT_MAX, &n) &&
		n == 1 + 2 * width && dst[0] == 4)
		return n;
	/* it came compressed */
	n = 0;
	dst[0] = 4;
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) &&
		EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) &&
		BN_bn2binpad(x, dst + 1, (int)width) > 0 &&
		BN_bn2binpad(y, dst + 1 + width, (int)width) > 0)
		n = 1 + 2 * width;
	BN_free(x);
	BN_free(y);
	return n;
}

static struct span
strip_zeros(struct span octets)
{
	while (octets.n && octets.p[0] == 0)
		octets = span_from(octets, 1);
	return octets;
}

/* A number of any octets, the highest first. */
static void
integer_write(struct buf *out, struct span octets)
{
	struct span number = strip_zeros(octets);
	/* a zero in front, where the number would be negative without (X.690 8.3) */
	bool zero = number.n == 0 || number.p[0] & 0x80;

	der_write_head(out, DER_INTEGER, number.n + zero);
	if (zero)
		buf_addc(out, 0);
	buf_addspan(out, number);
}

/* RFC 8017 A.1.1, RFC 3279 2.3.1 */
#define RSA_ALGORITHM SPAN("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00")

static bool
numbers_write(struct span n, struct span e, struct buf *out)
{
	AUTO_BUF numbers = BUF_MAX(KEY_MAX_BYTES), bits = BUF_MAX(KEY_MAX_BYTES);

	integer_write(&numbers, n);
	integer_write(&numbers, e);
	buf_addc(&bits, 0); /* unused bits */
	der_write_head(&bits, DER_SEQUENCE, numbers.n);
	buf_addspan(&bits, buf_span(&numbers));
	buf_clear(&numbers);
	der_write_head(&numbers, DER_SEQUENCE, RSA_ALGORITHM.n);
	buf_addspan(&numbers, RSA_ALGORITHM);
	der_write_head(&numbers, DER_BITS, bits.n);
	der_write_head(out, DER_SEQUENCE, numbers.n + bits.n);
	buf_addspan(out, buf_span(&numbers));
	return buf_addspan(out, buf_span(&bits)) && buf_ok(out);
}

bool
key_rsa_spki_write(struct span n, uint32_t e, struct buf *out)
{
	const unsigned char octets[] = { (unsigned char)(e >> 24), (unsigned char)(e >> 16), (unsigned char)(e >> 8), (unsigned char)e };

	return numbers_write(n, span_of(octets, sizeof(octets)), out);
}

bool
key_point_spki_write(enum key_type type, struct span point, struct buf *out)
{
	return types[type].spki.n && buf_addspan(out, types[type].spki) && buf_addspan(out, point);
}

static bool
rsa_spki_write(EVP_PKEY *key, struct buf *out)
{
	unsigned char n_octets[RSA_MAX_BITS / 8], e_octets[RSA_MAX_BITS / 8];
	BIGNUM *n = NULL, *e = NULL;
	bool good = rsa_numbers(key, &n, &e) &&
		numbers_write(span_of(n_octets, (size_t)BN_bn2bin(n, n_octets)), span_of(e_octets, (size_t)BN_bn2bin(e, e_octets)), out);

	BN_free(n);
	BN_free(e);
	ERR_clear_error();
	return good;
}

/* OpenSSL 3.0's encoder takes 60 us for what is a constant and a number or two. */
bool
key_spki_write(EVP_PKEY *key, struct buf *out)
{
	enum key_type type = key_type_of(key);
	unsigned char point[KEY_POINT_MAX], *der = NULL;
	size_t n = sizeof(point);
	bool good;
	int len;

	if (types[type].spki.n) {
		if (type != KEY_ED25519)
			n = key_point(key, ((size_t)types[type].bits + 7) / 8, point);
		else if (!EVP_PKEY_get_raw_public_key(key, point, &n))
			n = 0;
		ERR_clear_error();
		return n && buf_addspan(out, types[type].spki) && buf_add(out, point, n);
	}
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) <= RSA_MAX_BITS)
		return rsa_spki_write(key, out);
	len = i2d_PUBKEY(key, &der);
	good = len > 0 && buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	ERR_clear_error();
	return good;
}

static EVP_PKEY *
key_from_params(const char *type, int what, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
		EVP_PKEY_fromdata(ctx, &key, what, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* A key without its point, for each curve: OpenSSL takes 15 us to make the curve anew, and 1 us to
 * copy it. */
static EVP_PKEY *curves[KEY__COUNT];
static pthread_once_t curves_once = PTHREAD_ONCE_INIT;

static void
curves_make(void)
{
	OSSL_PARAM params[2];

	for (size_t i = KEY_P256; i <= KEY_P521; i++) {
		/* OpenSSL does not write to what it is given here */
		params[0] = OSSL_PARAM_construct_utf8_string(
			OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)types[i].group, 0);
		params[1] = OSSL_PARAM_construct_end();
		curves[i] = key_from_params("EC", EVP_PKEY_KEY_PARAMETERS, params);
	}
}

EVP_PKEY *
key_from_point(enum key_type type, struct span point)
{
	AUTO_PKEY *key = NULL;

	if (type == KEY_ED25519)
		return EVP_PKEY_new_raw_public_key(
			EVP_PKEY_ED25519, NULL, (const unsigned char *)point.p, point.n);
	pthread_once(&curves_once, curves_make);
	key = curves[type] ? EVP_PKEY_dup(curves[type]) : NULL;
	if (!key ||
		EVP_PKEY_set1_encoded_public_key(key, (const unsigned char *)point.p, point.n) != 1)
		return NULL;
	return TAKE(key);
}

EVP_PKEY *
key_from_rsa(struct span n, uint32_t e)
{
	unsigned char native[RSA_MAX_BITS / 8];
	OSSL_PARAM params[3];
	BIGNUM *number;
	EVP_PKEY *key = NULL;

	if (n.n == 0 || n.n > sizeof(native))
		return NULL;
	number = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL);
	if (number && BN_bn2nativepad(number, native, (int)n.n) > 0) {
		params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, native, n.n);
		params[1] = OSSL_PARAM_construct_uint32(OSSL_PKEY_PARAM_RSA_E, &e);
		params[2] = OSSL_PARAM_construct_end();
		key = key_from_params("RSA", EVP_PKEY_PUBLIC_KEY, params);
	}
	BN_free(number);
	return key;
}

/* A positive number in DER. */
static bool
take_number(struct span *rest, struct span *ret)
{
	struct span body;

	if (!der_take(rest, DER_INTEGER, &body) || body.n == 0 || body.p[0] & 0x80 || (body.p[0] == 0 && (body.n == 1 || !(body.p[1] & 0x80))))
		return false;
	*ret = strip_zeros(body);
	return true;
}

/* Modulus and exponent, if these octets are what key_spki_write has for an RSA key. Any exponent that key_check would refuse for its
 * size is left to OpenSSL. */
static bool
rsa_in_spki(struct span der, struct span *ret_n, uint32_t *ret_e)
{
	struct span all, algorithm, bits, numbers, e;

	if (!der_only(der, DER_SEQUENCE, &all) || !der_take(&all, DER_SEQUENCE, &algorithm) || !span_eq(algorithm, RSA_ALGORITHM) ||
		!der_only(all, DER_BITS, &bits) || bits.n == 0 || bits.p[0] != 0 || !der_only(span_from(bits, 1), DER_SEQUENCE, &numbers) ||
		!take_number(&numbers, ret_n) || !take_number(&numbers, &e) || numbers.n || e.n > 4)
		return false;
	*ret_e = 0;
	for (size_t i = 0; i < e.n; i++)
		*ret_e = *ret_e << 8 | (unsigned char)e.p[i];
	return true;
}

static bool
is_good_rsa(struct span n, uint32_t e)
{
	return n.n >= RSA_MIN_BITS / 8 && n.n <= RSA_MAX_BITS / 8 && (n.n > RSA_MIN_BITS / 8 || n.p[0] & 0x80) && n.p[n.n - 1] & 1 &&
		e & 1 && e >= 0x10000;
}

static EVP_PKEY *
rsa_from_spki(struct span der)
{
	struct span n;
	uint32_t e;

	return rsa_in_spki(der, &n, &e) ? key_from_rsa(n, e) : NULL;
}

/* The point, if these octets are what key_spki_write has for a key on a curve. */
static struct span
point_in_spki(struct span der, enum key_type *ret)
{
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct span head = types[i].spki;
		size_t point_n = i == KEY_ED25519 ? 32 : 1 + ((size_t)types[i].bits + 7) / 8 * 2;

		if (head.n && der.n == head.n + point_n && memcmp(der.p, head.p, head.n) == 0 &&
			(i == KEY_ED25519 || der.p[head.n] == 4)) {
			*ret = (enum key_type)i;
			return span_from(der, head.n);
		}
	}
	return SPAN_NONE;
}

/* OpenSSL 3.0's decoder takes 100 us to find out what these octets say. NULL: let it. */
static EVP_PKEY *
known_from_spki(struct span der)
{
	enum key_type type;
	struct span point = point_in_spki(der, &type);

	return point.p ? key_from_point(type, point) : rsa_from_spki(der);
}

bool
key_spki_parse(struct span der, EVP_PKEY **ret, struct problem *pr)
{
	const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;
	AUTO_PKEY *key = NULL;

	if (der.n > 0 && der.n <= KEY_MAX_BYTES) {
		key = known_from_spki(der);
		if (key)
			p = end;
		else
			key = d2i_PUBKEY(NULL, &p, (long)der.n);
	}
	if (!key || p != end) {
		problem_cause_openssl(pr, "reading a public key");
		return problem_set(pr, PROBLEM_BAD_PUBLIC_KEY, "not one SubjectPublicKeyInfo");
	}
	ERR_clear_error();
	*ret = TAKE(key);
	return true;
}

/* A point was looked at when it became a key (key_from_point): on its curve, and not at infinity, which is written otherwise. */
bool
key_spki_check(struct span der, EVP_PKEY *key, enum problem_kind kind, struct problem *pr)
{
	enum key_type type;
	struct span n;
	uint32_t e;

	if (point_in_spki(der, &type).p || (rsa_in_spki(der, &n, &e) && is_good_rsa(n, e)))
		return true;
	return key_check(key, kind, pr);
}

static bool
hash_write(struct span spki, char ret[KEY_HASH_TEXT])
{
	unsigned char md[32];

	if (!EVP_Digest(spki.p, spki.n, md, NULL, EVP_sha256(), NULL))
		return false;
	b64url_write(ret, md, sizeof(md));
	return true;
}

bool
key_hash(EVP_PKEY *key, char ret[KEY_HASH_TEXT])
{
	AUTO_BUF spki = BUF_MAX(KEY_MAX_BYTES);

	return key_spki_write(key, &spki) && hash_write(buf_span(&spki), ret);
}

bool
key_spki_hash(struct span der, EVP_PKEY *key, char ret[KEY_HASH_TEXT], struct problem *pr)
{
	AUTO_PKEY *made = NULL;
	enum key_type type;
	struct span n;
	uint32_t e;

	if (point_in_spki(der, &type).p || rsa_in_spki(der, &n, &e))
		return hash_write(der, ret) || problem_internal(pr, "SHA-256 of a key");
	/* RSA's can be spelled in several ways */
	if (!key && !key_spki_parse(der, &made, pr))
		return false;
	return key_hash(key ? key : made, ret) || problem_internal(pr, "the hash of a key");
}
