#include "jose/jws.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/b64url.h"
#include "base/mem.h"
#include "json/json.h"
#include "keys.h"
#include "tap.h"

/* RFC 7515 A.3 */
#define X256 "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y256 "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define D256 "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define JWK256 "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X256 "\",\"y\":\"" Y256 "\"}"

/* {"alg":"ES256"} */
#define HEAD "eyJhbGciOiJFUzI1NiJ9"

static const struct {
	const char *name, *text;
} shapes[] = {
	{ "nothing", "" },
	{ "compact form", HEAD ".e30.AAAA" },
	{ "a string", "\"" HEAD ".e30.AAAA\"" },
	{ "an array", "[{\"protected\":\"" HEAD "\",\"payload\":\"e30\",\"signature\":\"AAAA\"}]" },
	{ "null", "null" },
	{ "trailing garbage",
		"{\"protected\":\"" HEAD "\",\"payload\":\"e30\",\"signature\":\"AAAA\"}x" },
	{ "truncated", "{\"protected\":\"" HEAD "\",\"payload\":\"e30\",\"signature\":\"AAAA\"" },
	{ "general form", "{\"payload\":\"e30\",\"signatures\":[{\"protected\":\"" HEAD
			  "\",\"signature\":\"AAAA\"}]}" },
	{ "signatures beside signature",
		"{\"protected\":\"" HEAD
		"\",\"payload\":\"e30\",\"signature\":\"AAAA\",\"signatures\":[]}" },
	{ "unprotected header",
		"{\"protected\":\"" HEAD
		"\",\"header\":{\"kid\":\"x\"},\"payload\":\"e30\",\"signature\":\"AAAA\"}" },
	{ "unprotected header, empty",
		"{\"protected\":\"" HEAD
		"\",\"header\":{},\"payload\":\"e30\",\"signature\":\"AAAA\"}" },
	{ "alg in an unprotected header", "{\"protected\":\"e30\",\"header\":{\"alg\":\"ES256\"},"
					  "\"payload\":\"e30\",\"signature\":\"AAAA\"}" },
	{ "no payload (detached)", "{\"protected\":\"" HEAD "\",\"signature\":\"AAAA\"}" },
	{ "payload null", "{\"protected\":\"" HEAD "\",\"payload\":null,\"signature\":\"AAAA\"}" },
	{ "payload an object",
		"{\"protected\":\"" HEAD "\",\"payload\":{},\"signature\":\"AAAA\"}" },
	{ "no protected", "{\"payload\":\"e30\",\"signature\":\"AAAA\"}" },
	{ "protected empty", "{\"protected\":\"\",\"payload\":\"e30\",\"signature\":\"AAAA\"}" },
	{ "protected an object",
		"{\"protected\":{\"alg\":\"ES256\"},\"payload\":\"e30\",\"signature\":\"AAAA\"}" },
	{ "no signature", "{\"protected\":\"" HEAD "\",\"payload\":\"e30\"}" },
	{ "signature empty",
		"{\"protected\":\"" HEAD "\",\"payload\":\"e30\",\"signature\":\"\"}" },
	{ "signature a number",
		"{\"protected\":\"" HEAD "\",\"payload\":\"e30\",\"signature\":1}" },
	{ "a member twice", "{\"protected\":\"" HEAD
			    "\",\"payload\":\"e30\",\"payload\":\"e30\",\"signature\":\"AAAA\"}" },
	{ "protected padded",
		"{\"protected\":\"" HEAD "==\",\"payload\":\"e30\",\"signature\":\"AAAA\"}" },
	{ "payload padded",
		"{\"protected\":\"" HEAD "\",\"payload\":\"e30=\",\"signature\":\"AAAA\"}" },
	{ "signature padded",
		"{\"protected\":\"" HEAD "\",\"payload\":\"e30\",\"signature\":\"AA==\"}" },
	{ "payload in standard base64",
		"{\"protected\":\"" HEAD "\",\"payload\":\"a+/b\",\"signature\":\"AAAA\"}" },
	{ "signature with a line feed",
		"{\"protected\":\"" HEAD "\",\"payload\":\"e30\",\"signature\":\"AAAA\\n\"}" },
	{ "signature with a blank",
		"{\"protected\":\"" HEAD "\",\"payload\":\"e30\",\"signature\":\"AA AA\"}" },
	{ "payload with unused bits set",
		"{\"protected\":\"" HEAD "\",\"payload\":\"e31\",\"signature\":\"AAAA\"}" },
	{ "signature with unused bits set",
		"{\"protected\":\"" HEAD "\",\"payload\":\"e30\",\"signature\":\"AB\"}" },
	{ "payload of 5 characters",
		"{\"protected\":\"" HEAD "\",\"payload\":\"AAAAA\",\"signature\":\"AAAA\"}" },
};

/* what the header must not be; all malformed unless said otherwise */
static const struct {
	const char *name;
	struct span header;
	enum problem_kind want;
} headers[] = {
	{ "no object", SPAN("[]"), PROBLEM_MALFORMED },
	{ "null", SPAN("null"), PROBLEM_MALFORMED },
	{ "a string", SPAN("\"ES256\""), PROBLEM_MALFORMED },
	{ "no JSON", SPAN("alg=ES256"), PROBLEM_MALFORMED },
	{ "truncated", SPAN("{\"alg\":\"ES256\""), PROBLEM_MALFORMED },
	{ "trailing garbage", SPAN("{\"alg\":\"ES256\"}{}"), PROBLEM_MALFORMED },
	{ "byte order mark", SPAN("\xef\xbb\xbf{\"alg\":\"ES256\"}"), PROBLEM_MALFORMED },
	{ "UTF-16", { "{\0\"\0a\0l\0g\0\"\0", 12 }, PROBLEM_MALFORMED },
	{ "invalid UTF-8", SPAN("{\"alg\":\"ES256\",\"kid\":\"\xff\"}"), PROBLEM_MALFORMED },
	{ "escaped NUL", SPAN("{\"alg\":\"ES256\\u0000\"}"), PROBLEM_MALFORMED },
	{ "raw NUL", { "{\"alg\":\"ES256\0\"}", 16 }, PROBLEM_MALFORMED },
	{ "alg twice", SPAN("{\"alg\":\"ES256\",\"alg\":\"ES256\"}"), PROBLEM_MALFORMED },
	{ "alg twice, once escaped", SPAN("{\"alg\":\"ES256\",\"\\u0061lg\":\"none\"}"),
		PROBLEM_MALFORMED },
	{ "no alg", SPAN("{}"), PROBLEM_MALFORMED },
	{ "alg an array", SPAN("{\"alg\":[\"ES256\"]}"), PROBLEM_MALFORMED },
	{ "alg null", SPAN("{\"alg\":null}"), PROBLEM_MALFORMED },
	{ "nonce a number", SPAN("{\"alg\":\"ES256\",\"nonce\":1}"), PROBLEM_MALFORMED },
	{ "url an array", SPAN("{\"alg\":\"ES256\",\"url\":[]}"), PROBLEM_MALFORMED },
	{ "kid an object", SPAN("{\"alg\":\"ES256\",\"kid\":{}}"), PROBLEM_MALFORMED },
	{ "jwk a string", SPAN("{\"alg\":\"ES256\",\"jwk\":\"x\"}"), PROBLEM_MALFORMED },
	{ "jwk null", SPAN("{\"alg\":\"ES256\",\"jwk\":null}"), PROBLEM_MALFORMED },
	{ "crit with an unknown name", SPAN("{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}"),
		PROBLEM_MALFORMED },
	{ "crit empty", SPAN("{\"alg\":\"ES256\",\"crit\":[]}"), PROBLEM_MALFORMED },
	{ "crit not an array", SPAN("{\"alg\":\"ES256\",\"crit\":\"alg\"}"), PROBLEM_MALFORMED },
	{ "crit lists alg", SPAN("{\"alg\":\"ES256\",\"crit\":[\"alg\"]}"), PROBLEM_MALFORMED },
	{ "b64 false", SPAN("{\"alg\":\"ES256\",\"b64\":false}"), PROBLEM_MALFORMED },
	{ "b64 false, said in crit", SPAN("{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}"),
		PROBLEM_MALFORMED },
	{ "b64 true", SPAN("{\"alg\":\"ES256\",\"b64\":true}"), PROBLEM_MALFORMED },
	{ "alg none", SPAN("{\"alg\":\"none\"}"), PROBLEM_BAD_SIGNATURE_ALGORITHM },
	{ "alg None", SPAN("{\"alg\":\"None\"}"), PROBLEM_BAD_SIGNATURE_ALGORITHM },
	{ "alg NONE", SPAN("{\"alg\":\"NONE\"}"), PROBLEM_BAD_SIGNATURE_ALGORITHM },
	{ "alg empty", SPAN("{\"alg\":\"\"}"), PROBLEM_BAD_SIGNATURE_ALGORITHM },
	{ "alg in small letters", SPAN("{\"alg\":\"es256\"}"), PROBLEM_BAD_SIGNATURE_ALGORITHM },
	{ "HS256", SPAN("{\"alg\":\"HS256\"}"), PROBLEM_BAD_SIGNATURE_ALGORITHM },
	{ "HS384", SPAN("{\"alg\":\"HS384\"}"), PROBLEM_BAD_SIGNATURE_ALGORITHM },
	{ "HS512", SPAN("{\"alg\":\"HS512\"}"), PROBLEM_BAD_SIGNATURE_ALGORITHM },
	{ "ES256K", SPAN("{\"alg\":\"ES256K\"}"), PROBLEM_BAD_SIGNATURE_ALGORITHM },
	{ "XX99", SPAN("{\"alg\":\"XX99\"}"), PROBLEM_BAD_SIGNATURE_ALGORITHM },
};

static void
build(struct buf *out, struct span header, struct span payload, struct span signature)
{
	AUTO_BUF input = BUF_MAX(4 << 20);

	buf_clear(out);
	jws_input_write(&input, header, payload);
	jws_assemble(out, buf_span(&input), signature);
}

/* PROBLEM_NONE if it is parsed */
static enum problem_kind
parse(struct span text, bool allow_mac, struct problem *pr)
{
	struct jws jws;

	*pr = (struct problem){ 0 };
	(void)!jws_parse(text, allow_mac, &jws, pr);
	jws_done(&jws);
	return pr->kind;
}

static void
test_shapes(void)
{
	struct problem pr;

	ok(parse(SPAN("{\"protected\":\"" HEAD "\",\"payload\":\"\",\"signature\":\"AAAA\"}"),
		   false, &pr) == PROBLEM_NONE,
		"the plain shape is taken, with an empty payload");
	ok(parse(SPAN("{\"x\":[1],\"signature\":\"AAAA\",\"payload\":\"e30\",\"protected\":\"" HEAD
		      "\"}"),
		   false, &pr) == PROBLEM_NONE,
		"in any order, unknown members ignored");
	for (size_t i = 0; i < COUNT_OF(shapes); i++) {
		if (!ok(parse(span_str(shapes[i].text), false, &pr) == PROBLEM_MALFORMED,
			    "refused: %s", shapes[i].name))
			printf("# %s\n", pr.detail);
	}
}

static void
test_headers(void)
{
	AUTO_BUF text = BUF_MAX(8 << 20), big = BUF_MAX(2 << 20);
	struct problem pr;

	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		build(&text, headers[i].header, SPAN("{}"), SPAN("sig"));
		if (!ok(parse(buf_span(&text), false, &pr) == headers[i].want, "header refused: %s",
			    headers[i].name))
			printf("# %s %s\n", problem_type(pr.kind), pr.detail);
	}
	buf_adds(&big, "{\"alg\":\"ES256\",\"x\":");
	for (int i = 0; i < 10000; i++)
		buf_addc(&big, '[');
	build(&text, buf_span(&big), SPAN("{}"), SPAN("sig"));
	ok(parse(buf_span(&text), false, &pr) == PROBLEM_MALFORMED && strstr(pr.detail, "nested"),
		"header refused: 10 000 levels");
	buf_clear(&big);
	buf_adds(&big, "{\"alg\":\"ES256\",\"x\":\"");
	for (int i = 0; i < 1 << 20; i++)
		buf_addc(&big, 'x');
	buf_adds(&big, "\"}");
	build(&text, buf_span(&big), SPAN("{}"), SPAN("sig"));
	ok(parse(buf_span(&text), false, &pr) == PROBLEM_NONE,
		"a header of 1 MiB does no harm: the body is bounded elsewhere");
}

static void
test_mac_policy(void)
{
	AUTO_BUF text = BUF_MAX(4096);
	struct problem pr;

	build(&text, SPAN("{\"alg\":\"HS256\",\"kid\":\"k\"}"), SPAN("{}"), SPAN("mac"));
	ok(parse(buf_span(&text), true, &pr) == PROBLEM_NONE, "a MAC where a MAC is wanted");
	build(&text, SPAN("{\"alg\":\"ES256\",\"kid\":\"k\"}"), SPAN("{}"), SPAN("sig"));
	ok(parse(buf_span(&text), true, &pr) == PROBLEM_MALFORMED,
		"a signature where a MAC is wanted is malformed");
	build(&text, SPAN("{\"alg\":\"none\",\"kid\":\"k\"}"), SPAN("{}"), SPAN("sig"));
	ok(parse(buf_span(&text), true, &pr) == PROBLEM_MALFORMED, "so is none");
}

static void
test_members(void)
{
	AUTO_BUF text = BUF_MAX(4096);
	struct problem pr = { 0 };
	struct jws jws, inner = { 0 };

	build(&text,
		SPAN("{\"typ\":1,\"alg\":\"ES256\",\"nonce\":\"n\",\"url\":\"https://a/"
		     "b\",\"jwk\":" JWK256 ",\"kid\":\"\",\"x5u\":\"http://evil\"}"),
		SPAN("pay\0load"), SPAN("sig"));
	ok(jws_parse(buf_span(&text), false, &jws, &pr), "parsed");
	memset(text.p, 'x', text.n);
	ok(jws.alg == JWA_ES256 && span_is(jws.alg_name, "ES256"), "alg");
	ok(jws.has_nonce && span_is(jws.nonce, "n") && jws.has_url &&
			span_is(jws.url, "https://a/b"),
		"nonce, url");
	ok(jws.has_kid && jws.kid.n == 0, "an empty kid is there");
	ok(span_is(json_text(json_get(jws.jwk, "x")), X256), "jwk");
	ok(span_eq(buf_span(&jws.payload), SPAN("pay\0load")), "payload, any octets");
	ok(span_is(buf_span(&jws.signature), "sig"), "signature; all of it owned");
	jws_done(&jws);
	jws_done(&inner);
	build(&text, SPAN("{\"alg\":\"ES256\"}"), SPAN(""), SPAN("sig"));
	ok(jws_parse(buf_span(&text), false, &jws, &pr) && !jws.has_nonce && !jws.has_url &&
			!jws.has_kid && !jws.jwk && jws.payload.n == 0,
		"a header with alg alone: the rest is the caller's affair");
	jws_done(&jws);
	ok(!jws_parse_node(NULL, false, &jws, &pr) && pr.kind == PROBLEM_MALFORMED,
		"no node, no JWS");
	jws_done(&jws);
	build(&text, SPAN("{\"alg\":\"none\",\"nonce\":\"abcd\"}"), SPAN(""), SPAN("sig"));
	ok(!jws_parse(buf_span(&text), false, &jws, &pr) && span_is(jws.nonce, "abcd"),
		"the nonce of a refused JWS is known: it is spent");
	jws_done(&jws);
}

/* One signature under `header` by r || s or whatever `sig` is */
static enum problem_kind
verify(const char *header, struct span sig, EVP_PKEY *key, struct problem *pr)
{
	AUTO_BUF text = BUF_MAX(1 << 16);
	struct jws jws;

	build(&text, span_str(header), SPAN("{}"), sig);
	*pr = (struct problem){ 0 };
	(void)!(jws_parse(buf_span(&text), false, &jws, pr) && jws_verify(&jws, key, pr));
	jws_done(&jws);
	return pr->kind;
}

static void
test_ecdsa(EVP_PKEY *key)
{
	static const char head[] = "{\"alg\":\"ES256\"}";
	/* the order of P-256 */
	static const unsigned char order[32] = { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
		0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51 };
	AUTO_BUF input = BUF_MAX(1024), sig = BUF_MAX(256);
	unsigned char bad[72], der[80];
	size_t der_n = sizeof(der);
	struct problem pr = { 0 };
	BIGNUM *n = BN_bin2bn(order, 32, NULL), *s;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	jws_input_write(&input, span_str(head), SPAN("{}"));
	ok(jws_sign_raw(JWA_ES256, key, buf_span(&input), &sig, &pr) && sig.n == 64,
		"signed, 64 octets");
	ok(verify(head, buf_span(&sig), key, &pr) == PROBLEM_NONE, "verified");

	s = BN_bin2bn((unsigned char *)sig.p + 32, 32, NULL);
	BN_sub(s, n, s);
	memcpy(bad, sig.p, 32);
	BN_bn2binpad(s, bad + 32, 32);
	ok(verify(head, span_of(bad, 64), key, &pr) == PROBLEM_NONE,
		"n - s verifies too: no rule of a low s");

	memcpy(bad, sig.p + 32, 32);
	memcpy(bad + 32, sig.p, 32);
	ok(verify(head, span_of(bad, 64), key, &pr) == PROBLEM_MALFORMED, "r and s exchanged");
	ok(verify(head, span_of(sig.p, 63), key, &pr) == PROBLEM_MALFORMED, "63 octets");
	memcpy(bad, sig.p, 64);
	bad[64] = 0;
	ok(verify(head, span_of(bad, 65), key, &pr) == PROBLEM_MALFORMED, "65 octets");
	memset(bad, 0, 64);
	ok(verify(head, span_of(bad, 64), key, &pr) == PROBLEM_MALFORMED, "all zero");
	memcpy(bad + 32, sig.p + 32, 32);
	ok(verify(head, span_of(bad, 64), key, &pr) == PROBLEM_MALFORMED, "r = 0");
	memcpy(bad, sig.p, 32);
	memset(bad + 32, 0, 32);
	ok(verify(head, span_of(bad, 64), key, &pr) == PROBLEM_MALFORMED, "s = 0");
	memcpy(bad + 32, order, 32);
	ok(verify(head, span_of(bad, 64), key, &pr) == PROBLEM_MALFORMED, "s = n");
	memcpy(bad, order, 32);
	memcpy(bad + 32, sig.p + 32, 32);
	ok(verify(head, span_of(bad, 64), key, &pr) == PROBLEM_MALFORMED, "r = n");
	memset(bad, 0xff, 64);
	ok(verify(head, span_of(bad, 64), key, &pr) == PROBLEM_MALFORMED, "all ones");

	EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key);
	EVP_DigestSign(ctx, der, &der_n, (unsigned char *)input.p, input.n);
	ok(verify(head, span_of(der, der_n), key, &pr) == PROBLEM_MALFORMED, "DER form");
	ok(verify("{ \"alg\":\"ES256\"}", buf_span(&sig), key, &pr) == PROBLEM_MALFORMED,
		"a header written otherwise, of the same meaning");
	BN_free(n);
	BN_free(s);
	EVP_MD_CTX_free(ctx);
}

static void
test_mismatch(EVP_PKEY *p256)
{
	EVP_PKEY *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048),
		 *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	char sig[96] = { 1 };
	struct problem pr;
	struct {
		const char *name, *header;
		EVP_PKEY *key;
	} cases[] = {
		{ "ES256 with P-384", "{\"alg\":\"ES256\"}", p384 },
		{ "ES384 with P-256", "{\"alg\":\"ES384\"}", p256 },
		{ "RS256 with P-256", "{\"alg\":\"RS256\"}", p256 },
		{ "ES256 with RSA", "{\"alg\":\"ES256\"}", rsa },
		{ "EdDSA with P-256", "{\"alg\":\"EdDSA\"}", p256 },
		{ "ES256 with Ed25519", "{\"alg\":\"ES256\"}", ed },
		{ "RS256 with Ed25519", "{\"alg\":\"RS256\"}", ed },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ok(verify(cases[i].header, span_of(sig, 64), cases[i].key, &pr) ==
				PROBLEM_BAD_SIGNATURE_ALGORITHM,
			"%s is refused", cases[i].name);
	ok(strstr(pr.detail, "EdDSA"), "and the detail says what would fit: %s", pr.detail);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ed);
}

static void
test_every_alg(void)
{
	EVP_PKEY *keys[] = { EVP_EC_gen("P-256"), EVP_EC_gen("P-384"), EVP_EC_gen("P-521"),
		EVP_RSA_gen(2048), EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };

	for (enum jwa alg = JWA_NONE + 1; alg < JWA__COUNT; alg++) {
		for (size_t i = 0; i < COUNT_OF(keys); i++) {
			AUTO_BUF head = BUF_MAX(256), input = BUF_MAX(1024), sig = BUF_MAX(512);
			struct problem pr = { 0 };

			if (!jwa_fits(alg, keys[i]))
				continue;
			jws_header_write(
				&head, jwa_name(alg), SPAN_NONE, "https://a/1", "n", "https://a/2");
			jws_input_write(&input, buf_span(&head), SPAN("{}"));
			ok(jws_sign_raw(alg, keys[i], buf_span(&input), &sig, &pr) &&
					verify(buf_cstr(&head), buf_span(&sig), keys[i], &pr) ==
						PROBLEM_NONE,
				"%s signs and verifies", jwa_name(alg));
			ok(verify(buf_cstr(&head), span_of(sig.p, sig.n - 1), keys[i], &pr) ==
					PROBLEM_MALFORMED,
				"%s one octet short", jwa_name(alg));
			sig.p[sig.n / 2] ^= 1;
			ok(verify(buf_cstr(&head), buf_span(&sig), keys[i], &pr) ==
					PROBLEM_MALFORMED,
				"%s one bit flipped", jwa_name(alg));
		}
	}
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		EVP_PKEY_free(keys[i]);
}

static void
test_producing(EVP_PKEY *key)
{
	AUTO_BUF b = BUF_MAX(4096), sig = BUF_MAX(256), tiny = BUF_MAX(8);
	struct problem pr = { 0 };
	unsigned char mac_key[16] = { 0 };

	ok(jws_header_write(&b, "ES256", SPAN(JWK256), NULL, "n\"1", "https://a/\xc3\xa9"),
		"a header with jwk");
	is_str(buf_cstr(&b),
		"{\"alg\":\"ES256\",\"jwk\":" JWK256
		",\"nonce\":\"n\\\"1\",\"url\":\"https://a/\xc3\xa9\"}",
		"as text");
	buf_clear(&b);
	ok(jws_header_write(&b, "HS256", SPAN_NONE, "kid-1", NULL, "https://a/b"),
		"a header with kid, without nonce");
	is_str(buf_cstr(&b), "{\"alg\":\"HS256\",\"kid\":\"kid-1\",\"url\":\"https://a/b\"}",
		"as text");
	buf_clear(&b);
	ok(jws_input_write(&b, SPAN("{}"), SPAN("")), "POST-as-GET");
	is_str(buf_cstr(&b), "e30.", "has an empty second part");
	buf_clear(&b);
	ok(jws_assemble(&b, SPAN("e30."), SPAN("\xff")), "assembled");
	is_str(buf_cstr(&b), "{\"protected\":\"e30\",\"payload\":\"\",\"signature\":\"_w\"}",
		"as text");
	ok(!jws_assemble(&tiny, SPAN("e30."), SPAN("\xff")), "a full buffer says so");
	ok(!jws_sign_raw(JWA_ES384, key, SPAN("x"), &sig, &pr) &&
			pr.kind == PROBLEM_SERVER_INTERNAL,
		"no signature by an algorithm that does not fit");
	ok(!jws_sign_raw(JWA_HS256, key, SPAN("x"), &sig, &pr) &&
			pr.kind == PROBLEM_SERVER_INTERNAL,
		"nor by a MAC");
	ok(!jws_sign_raw(JWA_ES256, key, SPAN("x"), &tiny, &pr) &&
			pr.kind == PROBLEM_SERVER_INTERNAL,
		"nor into a full buffer");
	ok(!jws_mac_raw(JWA_ES256, span_of(mac_key, 16), SPAN("x"), &sig, &pr),
		"a signature algorithm is no MAC");
	ok(!jws_mac_raw(JWA_HS256, span_of(mac_key, 15), SPAN("x"), &sig, &pr),
		"a MAC key below 16 octets is refused");
	ok(!jws_mac_raw(JWA_HS256, SPAN_NONE, SPAN("x"), &sig, &pr), "an empty one too");
	ok(jws_mac_raw(JWA_HS512, span_of(mac_key, 16), SPAN("x"), &sig, &pr) && sig.n == 64,
		"16 octets do");
}

int
main(void)
{
	EVP_PKEY *key = key_ec("prime256v1", SPAN(X256), SPAN(Y256), SPAN(D256));

	test_shapes();
	test_headers();
	test_mac_policy();
	test_members();
	test_ecdsa(key);
	test_mismatch(key);
	test_every_alg();
	test_producing(key);
	EVP_PKEY_free(key);
	return done_testing();
}
