/* key.c - see key.h. */
#include "pki/key.h"

#include <pthread.h>

#include <openssl/asn1t.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/b64url.h"
#include "base/secret.h"
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

static void
integer_write(struct buf *out, const BIGNUM *number)
{
	unsigned char octets[1 + RSA_MAX_BITS / 8] = { 0 };
	int n = BN_bn2bin(number, octets + 1);

	/* a zero in front, where the number would be negative without (X.690 8.3) */
	bool zero = n == 0 || octets[1] & 0x80;

	der_write_head(out, DER_INTEGER, (size_t)n + zero);
	buf_add(out, octets + !zero, (size_t)n + zero);
}

/* RFC 8017 A.1.1, RFC 3279 2.3.1 */
static bool
rsa_spki_write(EVP_PKEY *key, struct buf *out)
{
	static const struct span algorithm =
		SPAN("\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00");
	AUTO_BUF numbers = BUF_MAX(KEY_MAX_BYTES), bits = BUF_MAX(KEY_MAX_BYTES);
	BIGNUM *n = NULL, *e = NULL;
	bool good = rsa_numbers(key, &n, &e);

	if (good) {
		integer_write(&numbers, n);
		integer_write(&numbers, e);
		buf_addc(&bits, 0); /* unused bits */
		der_write_head(&bits, DER_SEQUENCE, numbers.n);
		buf_addspan(&bits, buf_span(&numbers));
		buf_clear(&numbers);
		der_write_head(&numbers, DER_BITS, bits.n);
		der_write_head(out, DER_SEQUENCE, algorithm.n + numbers.n + bits.n);
		buf_addspan(out, algorithm);
		buf_addspan(out, buf_span(&numbers));
		buf_addspan(out, buf_span(&bits));
	}
	BN_free(n);
	BN_free(e);
	ERR_clear_error();
	return good && buf_ok(out);
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

/* RSAPublicKey (RFC 8017 A.1.1). Any size of e that key_check would refuse is left to OpenSSL. */
typedef struct {
	ASN1_INTEGER *n;
	uint32_t e;
} RSA_NUMBERS;

ASN1_SEQUENCE(RSA_NUMBERS) =
	{
		ASN1_SIMPLE(RSA_NUMBERS, n, ASN1_INTEGER),
		ASN1_EMBED(RSA_NUMBERS, e, UINT32),
} static_ASN1_SEQUENCE_END(RSA_NUMBERS)

	/* SEQUENCE { SEQUENCE { rsaEncryption, NULL }, BIT STRING { RSAPublicKey } }, lengths in two octets: 1024 bits and more.
 * Returns RSAPublicKey. */
static struct span
rsa_in_spki(struct span der)
{
	static const unsigned char algorithm[] = { 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
		0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82 };
	const size_t at = 4 + sizeof(algorithm) + 3; /* outer head; algorithm; length and unused bits */
	const unsigned char *p = (const unsigned char *)der.p;

	if (der.n < at + 0x100 || p[0] != 0x30 || p[1] != 0x82 || (size_t)(p[2] << 8 | p[3]) != der.n - 4 ||
		memcmp(p + 4, algorithm, sizeof(algorithm)) != 0 ||
		(size_t)(p[at - 3] << 8 | p[at - 2]) != der.n - at + 1 || p[at - 1] != 0)
		return SPAN_NONE;
	return span_from(der, at);
}

static EVP_PKEY *
rsa_from_spki(struct span der)
{
	struct span rsa = rsa_in_spki(der);
	const unsigned char *p = (const unsigned char *)rsa.p;
	RSA_NUMBERS *numbers;
	EVP_PKEY *key = NULL;

	if (!rsa.p)
		return NULL;
	numbers = (RSA_NUMBERS *)ASN1_item_d2i(NULL, &p, (long)rsa.n, ASN1_ITEM_rptr(RSA_NUMBERS));
	if (numbers && p == (const unsigned char *)rsa.p + rsa.n && ASN1_STRING_type(numbers->n) == V_ASN1_INTEGER)
		key = key_from_rsa(span_of(ASN1_STRING_get0_data(numbers->n),
					   (size_t)ASN1_STRING_length(numbers->n)),
			numbers->e);
	ASN1_item_free((ASN1_VALUE *)numbers, ASN1_ITEM_rptr(RSA_NUMBERS));
	return key;
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

bool
key_private_write(EVP_PKEY *key, struct buf *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : 0;
	unsigned char *p;
	bool good = len > 0 && buf_reserve(out, (size_t)len);

	if (good) {
		/* straight into the caller's buffer: no second copy to wipe */
		p = (unsigned char *)out->p + out->n;
		i2d_PKCS8_PRIV_KEY_INFO(info, &p);
		out->n += (size_t)len;
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return good;
}

/* An encrypted key is refused; without this OpenSSL would ask on the terminal. */
static int
no_password(char *dst, int size, int writing, void *arg)
{
	(void)dst, (void)size, (void)writing, (void)arg;
	return -1;
}

static EVP_PKEY *
private_from_pem(struct span pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);

	BIO_free(bio);
	return key;
}

static EVP_PKEY *
private_from_der(struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.n);
	EVP_PKEY *key = NULL;

	if (info && p == end)
		key = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	if (key)
		return key;
	p = (const unsigned char *)der.p;
	key = d2i_AutoPrivateKey(NULL, &p, (long)der.n);
	if (key && p != end) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

bool
key_private_parse(struct span der_or_pem, EVP_PKEY **ret, struct problem *pr)
{
	EVP_PKEY *key = NULL;

	if (der_or_pem.n > 0 && der_or_pem.n <= KEY_MAX_BYTES)
		key = der_or_pem.p[0] == 0x30 && memchr(der_or_pem.p, '\0', der_or_pem.n)
			? private_from_der(der_or_pem)
			: private_from_pem(der_or_pem);
	if (!key) {
		problem_cause_openssl(pr, "reading a private key");
		return problem_set(pr, PROBLEM_MALFORMED,
			"not a private key in PEM or DER without a password");
	}
	ERR_clear_error();
	*ret = key;
	return true;
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

	if (point_in_spki(der, &type).p)
		return hash_write(der, ret) || problem_internal(pr, "SHA-256 of a key");
	/* lengths in RSA's can be spelled in several ways */
	if (!key && !key_spki_parse(der, &made, pr))
		return false;
	return key_hash(key ? key : made, ret) || problem_internal(pr, "the hash of a key");
}
