/* jwk.c - see jwk.h.
 *
 * A key is read in three steps: the rules for every key (kty, private members, use, key_ops, alg),
 * those of its type (all octets checked here, so that one text stands for one key), then OpenSSL
 * makes the EVP_PKEY. Because the octets are canonical by then, the thumbprint is taken over the
 * members as they came. */
#include "jose/jwk.h"

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/b64url.h"
#include "jose/jwa.h"
#include "json/json.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define COORDINATE_MAX 66 /* P-521 */
/* The canonical JSON of an RSA key of RSA_BITS_MAX is the longest: 1366 characters of n. */
#define CANONICAL_MAX 1536

static bool
refuse(struct problem *pr, const char *why)
{
	return problem_set(pr, PROBLEM_BAD_PUBLIC_KEY, "jwk: %s", why);
}

/* A coordinate has the full width of its curve, leading zeros kept (RFC 7518 6.2.1.2). */
static bool
read_coordinate(const struct jwa_curve *curve, const char *name, struct span text,
	unsigned char *dst, struct problem *pr)
{
	if (b64url_read_exact(text, dst, curve->octets))
		return true;
	return problem_set(pr, PROBLEM_BAD_PUBLIC_KEY,
		"jwk: \"%s\" of %s is not %u octets in base64url (leading zeros are kept)", name,
		curve->crv, curve->octets);
}

static bool
parse_ec(struct json_obj *o, struct buf *canonical, EVP_PKEY **ret, struct problem *pr)
{
	struct span crv = json_req_str(o, "crv", SIZE_MAX);
	struct span x = json_req_str(o, "x", SIZE_MAX);
	struct span y = json_req_str(o, "y", SIZE_MAX);
	const struct jwa_curve *curve = jwa_curve_named(crv);
	unsigned char point[1 + 2 * COORDINATE_MAX] = {POINT_CONVERSION_UNCOMPRESSED};

	if (!json_ok(o))
		return false;
	if (!curve)
		return refuse(pr, "the curve is none of P-256, P-384, P-521");
	if (!read_coordinate(curve, "x", x, point + 1, pr) ||
		!read_coordinate(curve, "y", y, point + 1 + curve->octets, pr))
		return false;
	/* Reading the point checks that x, y < p and that it lies on the curve. Our curves have
	 * cofactor 1, so that EVP_PKEY_public_check would only multiply by the order, for the price
	 * of a verification. */
	*ret = key_from_point(curve->key, span_of(point, 1 + 2 * (size_t)curve->octets));
	if (!*ret) {
		problem_cause_openssl(pr, "EC public key");
		return refuse(pr, "the point is not on the curve");
	}
	buf_addf(canonical, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%.*s\",\"y\":\"%.*s\"}",
		curve->crv, SPAN_FMT(x), SPAN_FMT(y));
	return true;
}

/* Base64urlUInt (RFC 7518 2): no octet more than needed. */
static bool
read_uint(const char *name, struct span text, struct buf *ret, struct problem *pr)
{
	if (b64url_read(text, ret) && ret->n > 0 && ret->p[0] != 0)
		return true;
	return problem_set(pr, PROBLEM_BAD_PUBLIC_KEY,
		"jwk: \"%s\" is not a base64url number of at most %zu octets without leading zeros",
		name, ret->max);
}

static bool
check_modulus(const struct buf *n, struct problem *pr)
{
	size_t bits = n->n * 8;

	for (unsigned char top = (unsigned char)n->p[0]; !(top & 0x80);
		top = (unsigned char)(top << 1))
		bits--;
	if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX)
		return problem_set(pr, PROBLEM_BAD_PUBLIC_KEY,
			"jwk: the RSA modulus has %zu bits, %d to %d are accepted", bits,
			RSA_BITS_MIN, RSA_BITS_MAX);
	return (n->p[n->n - 1] & 1) || refuse(pr, "the RSA modulus is even");
}

static bool
check_exponent(const struct buf *e, uint32_t *ret, struct problem *pr)
{
	uint32_t v = 0;

	for (size_t i = 0; i < e->n; i++)
		v = v << 8 | (unsigned char)e->p[i];
	*ret = v;
	return (v >= 65537 && (v & 1)) || refuse(pr, "the RSA exponent is even, or below 65537");
}

static bool
parse_rsa(struct json_obj *o, struct buf *canonical, EVP_PKEY **ret, struct problem *pr)
{
	struct span n = json_req_str(o, "n", SIZE_MAX);
	struct span e = json_req_str(o, "e", SIZE_MAX);
	AUTO_BUF n_octets = BUF_MAX(2 * RSA_BITS_MAX / 8);
	AUTO_BUF e_octets = BUF_MAX(4);
	uint32_t exponent;

	if (!json_ok(o) || !read_uint("n", n, &n_octets, pr) || !check_modulus(&n_octets, pr) ||
		!read_uint("e", e, &e_octets, pr) || !check_exponent(&e_octets, &exponent, pr))
		return false;
	*ret = key_from_rsa(buf_span(&n_octets), exponent);
	if (!*ret) {
		problem_cause_openssl(pr, "RSA public key");
		return refuse(pr, "not an RSA public key");
	}
	buf_addf(canonical, "{\"e\":\"%.*s\",\"kty\":\"RSA\",\"n\":\"%.*s\"}", SPAN_FMT(e),
		SPAN_FMT(n));
	return true;
}

/* y of the points whose order divides 8, and of numbers from p up: with such a key a signature
 * proves nothing, or one key has two texts. Little-endian, without the sign bit of x. */
static bool
is_weak_ed25519(const unsigned char x[32])
{
	static const unsigned char order8[2][32] = {
		{ 0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2,
			0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1,
			0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05 },
		{ 0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d,
			0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e,
			0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a },
	};
	unsigned char y[32];
	size_t i = 1;

	memcpy(y, x, sizeof(y));
	y[31] &= 0x7f;
	if (memcmp(y, order8[0], 32) == 0 || memcmp(y, order8[1], 32) == 0)
		return true;
	/* 0 and 1; then p - 1 = 2^255 - 20 and all above */
	while (i < 32 && y[i] == 0)
		i++;
	if (i == 32)
		return y[0] <= 1;
	for (i = 1; i < 31 && y[i] == 0xff;)
		i++;
	return i == 31 && y[31] == 0x7f && y[0] >= 0xec;
}

static bool
parse_okp(struct json_obj *o, struct buf *canonical, EVP_PKEY **ret, struct problem *pr)
{
	struct span crv = json_req_str(o, "crv", SIZE_MAX);
	struct span x = json_req_str(o, "x", SIZE_MAX);
	unsigned char octets[32];

	if (!json_ok(o))
		return false;
	if (!span_is(crv, "Ed25519"))
		return refuse(pr, "the curve is not Ed25519");
	if (!b64url_read_exact(x, octets, sizeof(octets)))
		return refuse(pr, "\"x\" of Ed25519 is not 32 octets in base64url");
	if (is_weak_ed25519(octets))
		return refuse(pr, "a point of small order, or not in its canonical form");
	*ret = key_from_point(KEY_ED25519, span_of(octets, sizeof(octets)));
	if (!*ret) {
		problem_cause_openssl(pr, "Ed25519 public key");
		return refuse(pr, "not an Ed25519 public key");
	}
	buf_addf(canonical, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%.*s\"}", SPAN_FMT(x));
	return true;
}

static bool
has_verify(const struct json_node *key_ops)
{
	for (size_t i = 0; i < json_count(key_ops); i++) {
		if (span_is(json_text(json_at(key_ops, i)), "verify"))
			return true;
	}
	return false;
}

/* What holds for a key of any type. */
static bool
check_common(const struct json_node *node, struct span alg, struct problem *pr)
{
	static const char *const private_members[] = { "d", "p", "q", "dp", "dq", "qi", "oth",
		"k" };
	const struct json_node *use = json_get(node, "use"), *key_ops = json_get(node, "key_ops"),
			       *key_alg = json_get(node, "alg");

	for (size_t i = 0; i < COUNT_OF(private_members); i++) {
		if (json_get(node, private_members[i]))
			return problem_set(pr, PROBLEM_BAD_PUBLIC_KEY,
				"jwk: \"%s\" is part of a private key, which must never be sent: "
				"this key is compromised, make a new one",
				private_members[i]);
	}
	if (use && !span_is(json_text(use), "sig"))
		return refuse(pr, "\"use\" is not \"sig\"");
	if (key_ops && !(json_type(key_ops) == JSON_ARRAY && has_verify(key_ops)))
		return refuse(pr, "\"key_ops\" does not list \"verify\"");
	if (key_alg &&
		(json_type(key_alg) != JSON_STRING || (alg.p && !span_eq(json_text(key_alg), alg))))
		return problem_set(pr, PROBLEM_MALFORMED,
			"jwk: its \"alg\" is not the one of the protected header");
	return true;
}

static bool
thumbprint(const struct buf *canonical, char dst[THUMBPRINT_TEXT])
{
	unsigned char hash[32];

	if (!buf_ok(canonical) ||
		EVP_Digest(canonical->p, canonical->n, hash, NULL, jwa_digest(32), NULL) <= 0)
		return false;
	b64url_write(dst, hash, sizeof(hash));
	return true;
}

bool
jwk_parse(const struct json_node *node, struct span alg, struct jwk **ret, struct problem *pr)
{
	static const struct {
		const char *kty;
		bool (*parse)(struct json_obj *, struct buf *, EVP_PKEY **, struct problem *);
	} types[] = { { "EC", parse_ec }, { "RSA", parse_rsa }, { "OKP", parse_okp } };
	struct json_obj o = json_obj(node, "jwk", pr);
	struct span kty = json_req_str(&o, "kty", SIZE_MAX);
	AUTO_BUF canonical = BUF_MAX(CANONICAL_MAX);
	EVP_PKEY *key = NULL;
	size_t i = 0;

	if (!json_ok(&o))
		return false;
	while (i < COUNT_OF(types) && !span_is(kty, types[i].kty))
		i++;
	if (i == COUNT_OF(types))
		return refuse(pr, "\"kty\" is none of EC, RSA, OKP");
	if (!check_common(node, alg, pr))
		return false;
	if (types[i].parse(&o, &canonical, &key, pr)) {
		struct jwk *jwk = xcalloc(1, sizeof(*jwk));

		jwk->key = key;
		if (thumbprint(&canonical, jwk->thumbprint)) {
			*ret = jwk;
			return true;
		}
		jwk_free(jwk);
		return problem_internal(pr, "SHA-256 failed");
	}
	EVP_PKEY_free(key);
	return false;
}

bool
jwk_parse_text(struct span json, struct jwk **ret, struct problem *pr)
{
	struct json *doc = NULL;
	bool good;

	if (!json_parse(json, "jwk", NULL, &doc, pr))
		return false;
	good = jwk_parse(json_root(doc), SPAN_NONE, ret, pr);
	json_free(doc);
	return good;
}

void
jwk_free(struct jwk *jwk)
{
	if (!jwk)
		return;
	EVP_PKEY_free(jwk->key);
	free(jwk);
}

/* A number of the key in base64url, as short as it can be. */
static bool
add_number(struct buf *out, const EVP_PKEY *key, const char *param)
{
	unsigned char octets[RSA_BITS_MAX / 8];
	BIGNUM *v = NULL;
	bool good = EVP_PKEY_get_bn_param(key, param, &v) > 0 && (size_t)BN_num_bytes(v) <= sizeof(octets) &&
		b64url_add(out, octets, (size_t)BN_bn2bin(v, octets));

	BN_free(v);
	return good;
}

static bool
write_ec(const EVP_PKEY *key, const struct jwa_curve *curve, struct buf *out)
{
	unsigned char point[KEY_POINT_MAX];

	return key_point(key, curve->octets, point) &&
	       buf_addf(out, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"", curve->crv) &&
	       b64url_add(out, point + 1, curve->octets) && buf_adds(out, "\",\"y\":\"") &&
	       b64url_add(out, point + 1 + curve->octets, curve->octets) && buf_adds(out, "\"}");
}

static bool
write_rsa(const EVP_PKEY *key, struct buf *out)
{
	return buf_adds(out, "{\"e\":\"") && add_number(out, key, OSSL_PKEY_PARAM_RSA_E) &&
	       buf_adds(out, "\",\"kty\":\"RSA\",\"n\":\"") &&
	       add_number(out, key, OSSL_PKEY_PARAM_RSA_N) && buf_adds(out, "\"}");
}

static bool
write_ed25519(const EVP_PKEY *key, struct buf *out)
{
	unsigned char x[32];
	size_t n = sizeof(x);

	return EVP_PKEY_get_raw_public_key(key, x, &n) > 0 && n == sizeof(x) &&
	       buf_adds(out, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"") &&
	       b64url_add(out, x, n) && buf_adds(out, "\"}");
}

/* The canonical JSON (RFC 7638 3.2); false for keys that have none here. */
static bool
write_key(const EVP_PKEY *key, struct buf *out)
{
	const struct jwa_curve *curve;

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_EC:
		curve = jwa_curve_of(key);
		return curve && write_ec(key, curve, out);
	case EVP_PKEY_RSA:
		return write_rsa(key, out);
	case EVP_PKEY_ED25519:
		return write_ed25519(key, out);
	default:
		return false;
	}
}

bool
jwk_write(const struct jwk *jwk, struct buf *out)
{
	return write_key(jwk->key, out) && buf_ok(out);
}

bool
jwk_from_key(EVP_PKEY *key, struct jwk **ret, struct problem *pr)
{
	AUTO_BUF canonical = BUF_MAX(CANONICAL_MAX);

	if (!write_key(key, &canonical)) {
		problem_cause_openssl(pr, "public key");
		return problem_set(pr, PROBLEM_BAD_PUBLIC_KEY,
			"the key is none of EC P-256, P-384, P-521, RSA %d to %d bits, Ed25519",
			RSA_BITS_MIN, RSA_BITS_MAX);
	}
	/* by the same door as a client's key: one policy */
	return jwk_parse_text(buf_span(&canonical), ret, pr);
}

bool
jwk_thumbprint_of(EVP_PKEY *key, char ret[THUMBPRINT_TEXT])
{
	AUTO_BUF canonical = BUF_MAX(CANONICAL_MAX);

	return write_key(key, &canonical) && thumbprint(&canonical, ret);
}
