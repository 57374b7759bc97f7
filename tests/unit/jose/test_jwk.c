#include "jose/jwk.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/b64url.h"
#include "jsonl.h"
#include "tap.h"

#define X256 "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y256 "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC256(more)                                                                                \
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "\",\"y\":\"" Y256 "\"" more "}"
#define XED "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define OKP(x) "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"" x "\"}"
#define KEY_EC(crv, x, y) "{\"kty\":\"EC\",\"crv\":\"" crv "\",\"x\":\"" x "\",\"y\":\"" y "\"}"

static const struct {
	const char *name, *jwk;
	enum problem_kind want;
} refused[] = {
	{ "not an object", "[]", PROBLEM_MALFORMED },
	{ "a string", "\"" X256 "\"", PROBLEM_MALFORMED },
	{ "no kty", "{\"crv\":\"P-256\",\"x\":\"" X256 "\",\"y\":\"" Y256 "\"}",
		PROBLEM_MALFORMED },
	{ "kty a number", "{\"kty\":1}", PROBLEM_MALFORMED },
	{ "kty oct", "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umjw\"}", PROBLEM_BAD_PUBLIC_KEY },
	{ "kty in small letters", "{\"kty\":\"ec\"}", PROBLEM_BAD_PUBLIC_KEY },
	{ "kty unknown", "{\"kty\":\"AKP\"}", PROBLEM_BAD_PUBLIC_KEY },
	{ "EC without crv", "{\"kty\":\"EC\",\"x\":\"" X256 "\",\"y\":\"" Y256 "\"}",
		PROBLEM_MALFORMED },
	{ "EC without x", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"" Y256 "\"}",
		PROBLEM_MALFORMED },
	{ "EC without y", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "\"}",
		PROBLEM_MALFORMED },
	{ "x a number", "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":1,\"y\":\"" Y256 "\"}",
		PROBLEM_MALFORMED },
	{ "P-224", KEY_EC("P-224", X256, Y256), PROBLEM_BAD_PUBLIC_KEY },
	{ "secp256k1", KEY_EC("secp256k1", X256, Y256), PROBLEM_BAD_PUBLIC_KEY },
	{ "crv in small letters", KEY_EC("p-256", X256, Y256), PROBLEM_BAD_PUBLIC_KEY },
	{ "crv of another type", KEY_EC("Ed25519", X256, Y256), PROBLEM_BAD_PUBLIC_KEY },
	{ "coordinates of P-256 for P-384", KEY_EC("P-384", X256, Y256), PROBLEM_BAD_PUBLIC_KEY },
	{ "x one octet longer",
		KEY_EC("P-256", "AH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF", Y256),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "x empty", KEY_EC("P-256", "", Y256), PROBLEM_BAD_PUBLIC_KEY },
	{ "x padded", KEY_EC("P-256", X256 "=", Y256), PROBLEM_BAD_PUBLIC_KEY },
	{ "x with unused bits set",
		KEY_EC("P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV", Y256),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "y in standard base64",
		KEY_EC("P-256", X256, "x/FEzRu9m36HLN/tue659LNpXW6pCyStikYjKIWI5a0"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "x with white space",
		KEY_EC("P-256", " 83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", Y256),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "x = p", KEY_EC("P-256", "_____wAAAAEAAAAAAAAAAAAAAAD_______________8", Y256),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "all ones",
		KEY_EC("P-256", "__________________________________________8",
			"__________________________________________8"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "all zero (no infinity)",
		KEY_EC("P-256", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
			"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "x and y exchanged", KEY_EC("P-256", Y256, X256), PROBLEM_BAD_PUBLIC_KEY },
	{ "private d", EC256(",\"d\":\"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI\""),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "private d of another JSON type", EC256(",\"d\":null"), PROBLEM_BAD_PUBLIC_KEY },
	{ "a stray k", EC256(",\"k\":\"AAAA\""), PROBLEM_BAD_PUBLIC_KEY },
	{ "a stray oth", EC256(",\"oth\":[]"), PROBLEM_BAD_PUBLIC_KEY },
	{ "use enc", EC256(",\"use\":\"enc\""), PROBLEM_BAD_PUBLIC_KEY },
	{ "use a number", EC256(",\"use\":1"), PROBLEM_BAD_PUBLIC_KEY },
	{ "key_ops without verify", EC256(",\"key_ops\":[\"sign\",\"Verify\"]"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "key_ops empty", EC256(",\"key_ops\":[]"), PROBLEM_BAD_PUBLIC_KEY },
	{ "key_ops a string", EC256(",\"key_ops\":\"verify\""), PROBLEM_BAD_PUBLIC_KEY },
	{ "alg of another", EC256(",\"alg\":\"ES384\""), PROBLEM_MALFORMED },
	{ "alg in small letters", EC256(",\"alg\":\"es256\""), PROBLEM_MALFORMED },
	{ "alg an array", EC256(",\"alg\":[\"ES256\"]"), PROBLEM_MALFORMED },
	{ "a member twice", EC256(",\"x\":\"" X256 "\""), PROBLEM_MALFORMED },
	{ "OKP without crv", "{\"kty\":\"OKP\",\"x\":\"" XED "\"}", PROBLEM_MALFORMED },
	{ "OKP without x", "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"}", PROBLEM_MALFORMED },
	{ "X25519", "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" XED "\"}",
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed448", "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"" XED "\"}",
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed25519 of 31 octets", OKP("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed25519 of 33 octets", OKP("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURoA"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed25519 with unused bits set", OKP("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURp"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed25519 zero", OKP("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed25519 one, the neutral point", OKP("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed25519 one with the sign bit", OKP("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed25519 of order 2", OKP("7P_______________________________________38"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed25519 of order 8", OKP("JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed25519 of order 8, the other", OKP("xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "Ed25519 not below p", OKP("7v_______________________________________38"),
		PROBLEM_BAD_PUBLIC_KEY },
	{ "RSA without n", "{\"kty\":\"RSA\",\"e\":\"AQAB\"}", PROBLEM_MALFORMED },
	{ "RSA without e", "{\"kty\":\"RSA\",\"n\":\"AQAB\"}", PROBLEM_MALFORMED },
	{ "RSA n empty", "{\"kty\":\"RSA\",\"n\":\"\",\"e\":\"AQAB\"}", PROBLEM_BAD_PUBLIC_KEY },
	{ "RSA n padded", "{\"kty\":\"RSA\",\"n\":\"AQ==\",\"e\":\"AQAB\"}",
		PROBLEM_BAD_PUBLIC_KEY },
};

static const char *const accepted[] = {
	EC256(""),
	EC256(",\"use\":\"sig\",\"kid\":\"1\",\"x5c\":7"),
	EC256(",\"key_ops\":[\"sign\",\"verify\"],\"ext\":true"),
	EC256(",\"alg\":\"ES256\""),
	"{\"y\":\"" Y256 "\", \"x\":\"" X256 "\" ,\"crv\":\"P\\u002d256\",\"kty\":\"EC\"}",
};

/* PROBLEM_NONE if taken */
static enum problem_kind
verdict(struct span text, struct problem *pr)
{
	struct json *doc = NULL;
	struct jwk *jwk = NULL;

	*pr = (struct problem){ 0 };
	if (json_parse(text, "jwk", NULL, &doc, pr) &&
		jwk_parse(json_root(doc), SPAN("ES256"), &jwk, pr))
		jwk_free(jwk);
	json_free(doc);
	return pr->kind;
}

static void
test_refusals(void)
{
	struct problem pr;

	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		if (!ok(verdict(span_str(refused[i].jwk), &pr) == refused[i].want, "refused: %s",
			    refused[i].name))
			printf("# %s %s\n", problem_type(pr.kind), pr.detail);
	}
	for (size_t i = 0; i < COUNT_OF(accepted); i++) {
		struct jwk *jwk = NULL;

		ok(verdict(span_str(accepted[i]), &pr) == PROBLEM_NONE, "key %zu is taken", i);
		ok(jwk_parse_text(span_str(accepted[i]), &jwk, &pr) &&
				strcmp(jwk->thumbprint,
					"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U") == 0,
			"and its thumbprint ignores all but the key");
		jwk_free(jwk);
	}
	ok(verdict(SPAN(EC256(",\"d\":\"AA\"")), &pr) && strstr(pr.detail, "compromised"),
		"who sends a private key is told that it is compromised");
	jwk_free(NULL);
}

/* An RSA key of n octets with this first and last octet of the modulus, and this exponent. */
static enum problem_kind
rsa(size_t octets, unsigned char first, unsigned char last, const char *e, struct problem *pr)
{
	AUTO_BUF n = BUF_MAX(4096), text = BUF_MAX(8192);

	for (size_t i = 0; i < octets; i++)
		buf_addc(&n, (char)(i == 0 ? first : i == octets - 1 ? last : 0xa5));
	buf_adds(&text, "{\"kty\":\"RSA\",\"n\":\"");
	b64url_add(&text, n.p, n.n);
	buf_addf(&text, "\",\"e\":\"%s\"}", e);
	return verdict(buf_span(&text), pr);
}

static void
test_rsa_limits(void)
{
	static const struct {
		const char *name;
		size_t octets;
		unsigned char first, last;
		const char *e;
		bool good;
	} cases[] = {
		{ "2048 bits", 256, 0x80, 0xff, "AQAB", true },
		{ "2047 bits", 256, 0x7f, 0xff, "AQAB", false },
		{ "2048 bits and a leading zero", 257, 0x00, 0xff, "AQAB", false },
		{ "2049 bits", 257, 0x01, 0xff, "AQAB", true },
		{ "1024 bits", 128, 0x80, 0xff, "AQAB", false },
		{ "4096 bits", 512, 0x80, 0xff, "AQAB", true },
		{ "8192 bits", 1024, 0xff, 0xff, "AQAB", true },
		{ "8193 bits", 1025, 0x01, 0xff, "AQAB", false },
		{ "16384 bits", 2048, 0x80, 0xff, "AQAB", false },
		{ "16392 bits", 2049, 0x80, 0xff, "AQAB", false },
		{ "even modulus", 256, 0x80, 0xfe, "AQAB", false },
		{ "e = 0", 256, 0x80, 0xff, "AA", false },
		{ "e empty", 256, 0x80, 0xff, "", false },
		{ "e = 1", 256, 0x80, 0xff, "AQ", false },
		{ "e = 3", 256, 0x80, 0xff, "Aw", false },
		{ "e = 65535", 256, 0x80, 0xff, "__8", false },
		{ "e = 65536", 256, 0x80, 0xff, "AQAA", false },
		{ "e = 65538", 256, 0x80, 0xff, "AQAC", false },
		{ "e = 65537 with a leading zero", 256, 0x80, 0xff, "AAEAAQ", false },
		{ "e = 2^32 - 1", 256, 0x80, 0xff, "_____w", true },
		{ "e = 2^32 + 1", 256, 0x80, 0xff, "AQAAAAE", false },
		{ "e = 2^33 + 1", 256, 0x80, 0xff, "AgAAAAE", false },
		{ "e padded", 256, 0x80, 0xff, "AQAB==", false },
	};
	struct problem pr;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		enum problem_kind want = cases[i].good ? PROBLEM_NONE : PROBLEM_BAD_PUBLIC_KEY;

		if (!ok(rsa(cases[i].octets, cases[i].first, cases[i].last, cases[i].e, &pr) ==
				    want,
			    "RSA, %s: %s", cases[i].name, cases[i].good ? "taken" : "refused"))
			printf("# %s %s\n", problem_type(pr.kind), pr.detail);
	}
	rsa(128, 0x80, 0xff, "AQAB", &pr);
	ok(strstr(pr.detail, "1024 bits"), "the detail says how many bits came: %s", pr.detail);
}

/* Read, written, read again: the same key. */
static void
round_trip(const struct json_node *node, const char *id, struct span want)
{
	char thumbprint[THUMBPRINT_TEXT];
	struct jwk *jwk = NULL, *again = NULL, *from_key = NULL;
	struct problem pr = { 0 };
	AUTO_BUF text = BUF_MAX(4096);

	if (!ok(jwk_parse(node, SPAN_NONE, &jwk, &pr), "%s is taken", id)) {
		printf("# %s\n", pr.detail);
		return;
	}
	ok(span_is(want, jwk->thumbprint), "%s has its thumbprint", id);
	ok(jwk_write(jwk, &text), "%s is written", id);
	ok(jwk_parse_text(buf_span(&text), &again, &pr) &&
			strcmp(again->thumbprint, jwk->thumbprint) == 0 &&
			EVP_PKEY_eq(again->key, jwk->key) == 1,
		"%s is the same when read again", id);
	ok(jwk_from_key(jwk->key, &from_key, &pr) &&
			strcmp(from_key->thumbprint, jwk->thumbprint) == 0,
		"%s is the same when taken from OpenSSL's key", id);
	ok(jwk_thumbprint_of(jwk->key, thumbprint) && strcmp(thumbprint, jwk->thumbprint) == 0,
		"%s has the thumbprint without being made JSON", id);
	jwk_free(jwk);
	jwk_free(again);
	jwk_free(from_key);
}

static void
test_vectors(void)
{
	struct jsonl keys = jsonl_load("jose/thumbprint.jsonl"),
		     bad = jsonl_load("jose/reject.jsonl"), jws = jsonl_load("jose/jws.jsonl");
	struct problem pr;

	for (size_t i = 0; i < jws.count; i++) {
		AUTO_FREE char *id = span_dup(json_text(jsonl_get(&jws, i, "id")));

		if (jsonl_get(&jws, i, "thumbprint"))
			round_trip(jsonl_get(&jws, i, "jwk"), id,
				json_text(jsonl_get(&jws, i, "thumbprint")));
	}
	for (size_t i = 0; i < keys.count; i++) {
		AUTO_FREE char *id = span_dup(json_text(jsonl_get(&keys, i, "id")));
		const struct json_node *jwk = jsonl_get(&keys, i, "jwk");
		struct span x = json_text(jsonl_get(&keys, i, "must_reject_x")),
			    y = json_text(jsonl_get(&keys, i, "must_reject_y"));
		AUTO_BUF text = BUF_MAX(4096);

		round_trip(jwk, id, json_text(jsonl_get(&keys, i, "thumbprint")));
		if (!x.p && !y.p)
			continue;
		x = x.p ? x : json_text(json_get(jwk, "x"));
		y = y.p ? y : json_text(json_get(jwk, "y"));
		buf_addf(&text, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%.*s\",\"y\":\"%.*s\"}",
			SPAN_FMT(x), SPAN_FMT(y));
		ok(verdict(buf_span(&text), &pr) == PROBLEM_BAD_PUBLIC_KEY &&
				strstr(pr.detail, "leading zeros"),
			"%s without its leading zero is refused, and why is said", id);
	}
	for (size_t i = 0; i < bad.count; i++) {
		AUTO_FREE char *id = span_dup(json_text(jsonl_get(&bad, i, "id")));
		AUTO_BUF text = BUF_MAX(4096);

		json_write(jsonl_get(&bad, i, "jwk"), &text);
		ok(verdict(buf_span(&text), &pr) ==
				problem_kind_of(json_text(jsonl_get(&bad, i, "reject"))),
			"%s is refused: %s", id, pr.detail);
	}
	jsonl_done(&keys);
	jsonl_done(&bad);
	jsonl_done(&jws);
}

static void
test_from_key(const char *what, EVP_PKEY *key, bool good)
{
	struct jwk *jwk = NULL;
	struct problem pr = { 0 };
	AUTO_BUF text = BUF_MAX(4096);
	bool got = jwk_from_key(key, &jwk, &pr);

	ok(got == good && (good || pr.kind == PROBLEM_BAD_PUBLIC_KEY), "key from OpenSSL, %s: %s",
		what, good ? "taken" : "refused");
	if (got) {
		size_t n = 0;

		ok(EVP_PKEY_eq(jwk->key, key) == 1 && strlen(jwk->thumbprint) == 43,
			"the same key");
		ok(EVP_PKEY_get_octet_string_param(jwk->key, "priv", NULL, 0, &n) == 0 &&
				jwk_write(jwk, &text) && !strstr(buf_cstr(&text), "\"d\""),
			"without its private half");
	}
	jwk_free(jwk);
	EVP_PKEY_free(key);
}

int
main(void)
{
	test_refusals();
	test_rsa_limits();
	test_vectors();
	test_from_key("P-256", EVP_EC_gen("P-256"), true);
	test_from_key("P-384", EVP_EC_gen("P-384"), true);
	test_from_key("P-521", EVP_EC_gen("P-521"), true);
	test_from_key("RSA 2048", EVP_RSA_gen(2048), true);
	test_from_key("Ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), true);
	test_from_key("RSA 1024", EVP_RSA_gen(1024), false);
	test_from_key("P-224", EVP_EC_gen("P-224"), false);
	test_from_key("secp256k1", EVP_EC_gen("secp256k1"), false);
	test_from_key("Ed448", EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), false);
	return done_testing();
}
