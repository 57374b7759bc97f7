/* The vectors of tests/data/jose/jws.jsonl: parsed, verified, spoilt one bit at a time, signed
 * again. */
#include <openssl/evp.h>

#include "jose/jws.h"
#include "json/jw.h"
#include "jsonl.h"
#include "keys.h"
#include "tap.h"

static struct jsonl vectors;

/* "as ID" refers to an earlier line */
static const struct json_node *
jwk_of(size_t i)
{
	const struct json_node *jwk = jsonl_get(&vectors, i, "jwk");
	struct span as = json_text(jwk);

	if (!as.p)
		return jwk;
	for (size_t k = 0; k < i; k++) {
		if (span_eq(json_text(jsonl_get(&vectors, k, "id")), span_from(as, 3)))
			return jsonl_get(&vectors, k, "jwk");
	}
	return NULL;
}

static void
envelope(size_t i, struct buf *out)
{
	struct jw w = jw_to(out);

	jw_object(&w, NULL);
	jw_span(&w, "protected", json_text(jsonl_get(&vectors, i, "protected")));
	jw_span(&w, "payload", json_text(jsonl_get(&vectors, i, "payload")));
	jw_span(&w, "signature", json_text(jsonl_get(&vectors, i, "signature")));
	jw_end(&w);
}

/* A spoilt copy never verifies: every character of the three parts is replaced by its neighbour in
 * the alphabet. */
static void
test_spoilt(const char *id, struct span text, EVP_PKEY *key)
{
	AUTO_BUF copy = BUF_MAX(1 << 16);
	unsigned taken = 0, tried = 0;

	buf_addspan(&copy, text);
	for (size_t i = 0; i < copy.n; i += 1 + copy.n / 300) {
		char was = copy.p[i];
		struct problem pr = { 0 };
		struct jws jws;

		if (!b64url_is_alphabet(span_of(&was, 1)))
			continue;
		copy.p[i] = was == 'A'                 ? 'B'
			    : was == 'z'               ? 'y'
			    : was == '9'               ? '8'
			    : was == '-' || was == '_' ? 'A'
						       : (char)(was + 1);
		if (jws_parse(buf_span(&copy), false, &jws, &pr))
			taken += jws_verify(&jws, key, &pr);
		jws_done(&jws);
		tried++;
		copy.p[i] = was;
	}
	ok(taken == 0 && tried > 100, "%s with one character changed never verifies (%u tried)", id,
		tried);
}

static void
test_signature(size_t i, const char *id)
{
	bool good = json_bool(jsonl_get(&vectors, i, "ok"), false);
	AUTO_BUF text = BUF_MAX(1 << 16);
	struct problem pr = { 0 };
	struct jwk *jwk = NULL;
	struct jws jws = { 0 };

	envelope(i, &text);
	ok(jwk_parse(jwk_of(i), SPAN_NONE, &jwk, &pr), "%s: key", id);
	if (!ok(jws_parse(buf_span(&text), false, &jws, &pr), "%s: parsed", id)) {
		printf("# %s\n", pr.detail);
		jwk_free(jwk);
		return;
	}
	is_str(jwa_name(jws.alg),
		span_is(json_text(jsonl_get(&vectors, i, "alg")), jwa_name(jws.alg))
			? jwa_name(jws.alg)
			: "?",
		"%s: alg", id);
	ok(jws_verify(&jws, jwk->key, &pr) == good && (good || pr.kind == PROBLEM_MALFORMED),
		"%s: %s", id, good ? "verifies" : "does not verify");
	if (good)
		test_spoilt(id, buf_span(&text), jwk->key);
	jws_done(&jws);
	jwk_free(jwk);
}

static void
test_mac(size_t i, const char *id)
{
	AUTO_BUF text = BUF_MAX(1 << 16), key = BUF_MAX(256), input = BUF_MAX(1 << 16),
		 mac = BUF_MAX(64);
	struct problem pr = { 0 };
	struct jws jws = { 0 };

	envelope(i, &text);
	ok(!jws_parse(buf_span(&text), false, &jws, &pr) &&
			pr.kind == PROBLEM_BAD_SIGNATURE_ALGORITHM,
		"%s: a MAC is refused where a signature is wanted", id);
	jws_done(&jws);
	ok(jws_parse(buf_span(&text), true, &jws, &pr) && jws_signing_input(&jws, &input),
		"%s: parsed", id);
	b64url_read(json_text(json_get(jwk_of(i), "k")), &key);
	ok(jws_mac_raw(jws.alg, buf_span(&key), buf_span(&input), &mac, &pr) &&
			span_eq(buf_span(&mac), buf_span(&jws.signature)),
		"%s: the MAC is equal", id);
	buf_clear(&mac);
	ok(jws_mac_raw(jws.alg == JWA_HS256 ? JWA_HS512 : JWA_HS256, buf_span(&key),
		   buf_span(&input), &mac, &pr) &&
			!span_eq(buf_span(&mac), buf_span(&jws.signature)),
		"%s: another algorithm's is not", id);
	jws_done(&jws);
}

/* Produce what the vector has; equal for EdDSA, verified for ECDSA. */
static void
test_resigned(size_t i, const char *id)
{
	const struct json_node *jwk = jwk_of(i);
	struct span d = json_text(jsonl_get(&vectors, i, "d")),
		    crv = json_text(json_get(jwk, "crv"));
	AUTO_BUF text = BUF_MAX(1 << 16), input = BUF_MAX(1 << 16), sig = BUF_MAX(256),
		 out = BUF_MAX(1 << 16);
	struct problem pr = { 0 };
	struct jws jws = { 0 }, ours = { 0 };
	EVP_PKEY *key;

	if (span_is(crv, "Ed25519"))
		key = key_ed25519(d);
	else
		key = key_ec(span_is(crv, "P-256") ? "prime256v1" : "secp521r1",
			json_text(json_get(jwk, "x")), json_text(json_get(jwk, "y")), d);
	envelope(i, &text);
	ok(jws_parse(buf_span(&text), false, &jws, &pr) && jws_signing_input(&jws, &input) &&
			jws_sign_raw(jws.alg, key, buf_span(&input), &sig, &pr),
		"%s: signed again", id);
	ok(jws_assemble(&out, buf_span(&input), buf_span(&sig)) &&
			jws_parse(buf_span(&out), false, &ours, &pr) && jws_verify(&ours, key, &pr),
		"%s: and verified", id);
	if (span_is(crv, "Ed25519"))
		is_str(buf_cstr(&out), buf_cstr(&text), "%s: the very same text", id);
	jws_done(&jws);
	jws_done(&ours);
	EVP_PKEY_free(key);
}

/* A JWS within a payload: externalAccountBinding and the inner one of keyChange. */
static void
test_inner(size_t i, const char *member, bool mac)
{
	AUTO_BUF text = BUF_MAX(1 << 16);
	struct problem pr = { 0 };
	struct jws outer = { 0 }, inner = { 0 };
	struct json *payload = NULL;
	const struct json_node *node;
	struct jwk *jwk = NULL;

	envelope(i, &text);
	ok(jws_parse(buf_span(&text), false, &outer, &pr) &&
			json_parse(buf_span(&outer.payload), "payload", NULL, &payload, &pr),
		"payload with a JWS in it");
	node = member ? json_get(json_root(payload), member) : json_root(payload);
	ok(jws_parse_node(node, mac, &inner, &pr), "the inner JWS is parsed");
	json_free(payload);
	jws_done(&outer);
	/* payload and outer JWS are gone: what the inner one says is its own */
	ok(inner.has_url && !inner.has_nonce && inner.has_kid == mac && (inner.jwk != NULL) == !mac,
		"its header has url, no nonce, and %s", mac ? "kid" : "jwk");
	if (!mac) {
		ok(jwk_parse(inner.jwk, inner.alg_name, &jwk, &pr) &&
				jws_verify(&inner, jwk->key, &pr),
			"and verifies with its own key");
		jwk_free(jwk);
	}
	jws_done(&inner);
}

int
main(void)
{
	vectors = jsonl_load("jose/jws.jsonl");
	for (size_t i = 0; i < vectors.count; i++) {
		AUTO_FREE char *id = span_dup(json_text(jsonl_get(&vectors, i, "id")));
		bool is_mac = span_starts(json_text(jsonl_get(&vectors, i, "alg")), "HS");

		if (is_mac)
			test_mac(i, id);
		else
			test_signature(i, id);
		if (jsonl_get(&vectors, i, "d"))
			test_resigned(i, id);
		if (strcmp(id, "gen-newaccount-eab") == 0)
			test_inner(i, "externalAccountBinding", true);
		if (strcmp(id, "gen-keychange") == 0)
			test_inner(i, NULL, false);
	}
	jsonl_done(&vectors);
	return done_testing();
}
