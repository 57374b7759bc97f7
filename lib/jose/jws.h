/* jws.h - flattened JWS as ACME uses it (RFC 7515, RFC 8555 section 6.2).
 *
 * A struct jws owns copies of what it needs from the text; zeroed, it may be done as well. Any thread.
 *
 *   struct jws jws;
 *   if (!jws_parse(body, false, &jws, pr)) return false;    (then nonce, url, kid or jwk: the caller's rules)
 *   if (!jws_verify(&jws, account_key, pr)) ...;            (then buf_span(&jws.payload))
 *   jws_done(&jws); */
#ifndef JOSE_JWS_H
#define JOSE_JWS_H

#include "base/buf.h"
#include "base/problem.h"
#include "jose/jwk.h"

struct json;
struct json_node;

/* name, JWS name, kty/curve, digest bits, signature octets (0 = modulus), is a MAC */
enum jwa {
	JWA_NONE,
	JWA_ES256, JWA_ES384, JWA_ES512,
	JWA_RS256, JWA_RS384, JWA_RS512,
	JWA_PS256, JWA_PS384, JWA_PS512,
	JWA_EDDSA, JWA_ED25519,
	JWA_HS256, JWA_HS384, JWA_HS512,
	JWA__COUNT
};
const char *jwa_name(enum jwa alg);
enum jwa jwa_parse(struct span name); /* byte-exact; JWA_NONE if unknown */
bool jwa_is_mac(enum jwa alg);
/* May this key verify this algorithm? */
bool jwa_fits(enum jwa alg, EVP_PKEY *key);
/* The one we sign with for a key: ES256, ES384, ES512, RS256, EdDSA. */
enum jwa jwa_for_key(EVP_PKEY *key);
/* The asymmetric names as JSON array text, for `algorithms` of badSignatureAlgorithm. */
const char *jwa_list_json(void);

struct jws {
	struct json *doc, *header_doc; /* owned; the spans below borrow from them */
	struct span protected_b64, payload_b64, signature_b64;
	enum jwa alg;                  /* as named by the header; JWA_NONE never comes out of jws_parse */
	struct span alg_name, nonce, url, kid;
	bool has_nonce, has_url, has_kid;
	const struct json_node *jwk;   /* NULL if absent */
	struct buf payload;            /* decoded */
	struct buf signature;          /* decoded */
};

/* Strict reading of the envelope and of the protected header: exactly one signature, no `header`, `signatures`,
 * `crit`, `b64`; payload present; names unique. Types of known header members are checked, their values are not
 * (nonce, url, kid rules belong to the caller). Unknown or forbidden alg ("none" always; MACs unless allow_mac;
 * asymmetric ones if allow_mac): PROBLEM_BAD_SIGNATURE_ALGORITHM, or PROBLEM_MALFORMED with allow_mac (an EAB).
 * *ret holds what was read, on failure too (a nonce is spent whatever else is wrong, RFC 8555 6.5): jws_done in any case. */
bool jws_parse(struct span text, bool allow_mac, struct jws *ret, struct problem *pr) __attribute__((warn_unused_result));
/* The same from an object inside another payload (externalAccountBinding). */
bool jws_parse_node(const struct json_node *node, bool allow_mac, struct jws *ret, struct problem *pr)
	__attribute__((warn_unused_result));
void jws_done(struct jws *jws);

/* PROBLEM_BAD_SIGNATURE_ALGORITHM if alg does not fit the key, PROBLEM_MALFORMED if the signature is wrong.
 * Only the algorithms of jwa; raw r||s; PSS salt = digest length. Does not look at nonce or url. */
bool jws_verify(const struct jws *jws, EVP_PKEY *key, struct problem *pr) __attribute__((warn_unused_result));

/* protected '.' payload, for a MAC checked elsewhere (the keeper). */
bool jws_signing_input(const struct jws *jws, struct buf *out);

/* Producing: the two b64url parts, then the signature from wherever the key lives. */
/* {"alg":..,"jwk"|"kid":..,"nonce":..,"url":..}; nonce may be NULL (inner JWS); exactly one of jwk_json and kid. */
bool jws_header_write(struct buf *out, const char *alg, struct span jwk_json, const char *kid, const char *nonce, const char *url);
/* out gets b64url(header) '.' b64url(payload) */
bool jws_input_write(struct buf *out, struct span header, struct span payload);
/* {"protected":..,"payload":..,"signature":..} from that input and raw signature octets. */
bool jws_assemble(struct buf *out, struct span input, struct span signature);
/* Sign with a key at hand (keeper, tests); JOSE form (raw r||s for EC), added to ret_signature. PROBLEM_SERVER_INTERNAL
 * if alg does not fit. */
bool jws_sign_raw(enum jwa alg, EVP_PKEY *key, struct span input, struct buf *ret_signature, struct problem *pr)
	__attribute__((warn_unused_result));
/* HS256/384/512, added to ret_mac; compare with secret_eq. A key below 16 octets is PROBLEM_SERVER_INTERNAL. */
bool jws_mac_raw(enum jwa alg, struct span key, struct span input, struct buf *ret_mac, struct problem *pr)
	__attribute__((warn_unused_result));
#endif
