/* jwk.h - public keys as JSON (RFC 7517, 7518, 8037) and their thumbprints (RFC 7638).
 *
 * Accepted: EC P-256, P-384, P-521; RSA 2048-8192 bits, e odd in [65537, 2^32); OKP Ed25519 but for points of small
 * order. One text for one key: full-width coordinates, numbers without leading zeros, strict base64url. A jwk is
 * constant once made. Any thread. */
#ifndef JOSE_JWK_H
#define JOSE_JWK_H

#include <openssl/types.h>

#include "base/buf.h"
#include "base/problem.h"

struct json_node;

#define THUMBPRINT_TEXT 44 /* 43 characters and NUL */

struct jwk {
	EVP_PKEY *key;                    /* owned */
	char thumbprint[THUMBPRINT_TEXT]; /* SHA-256, base64url */
};

/* From a parsed `jwk` object. Missing member or jwk.alg differing from `alg` (may be SPAN_NONE): PROBLEM_MALFORMED;
 * bad value, private member, wrong use or key_ops: PROBLEM_BAD_PUBLIC_KEY (W8). Free with jwk_free. */
bool jwk_parse(const struct json_node *node, struct span alg, struct jwk **ret, struct problem *pr)
	__attribute__((warn_unused_result));
/* The same from text, such as jwk_write's; jwk.alg is not compared. */
bool jwk_parse_text(struct span json, struct jwk **ret, struct problem *pr) __attribute__((warn_unused_result));
/* From an OpenSSL public key (reference is taken up); same key policy. */
bool jwk_from_key(EVP_PKEY *key, struct jwk **ret, struct problem *pr) __attribute__((warn_unused_result));
/* The thumbprint alone; false for a key that no jwk may have, though not for each of them. */
bool jwk_thumbprint_of(EVP_PKEY *key, char ret[THUMBPRINT_TEXT]);
void jwk_free(struct jwk *jwk);
/* The canonical JSON of the thumbprint; this is what is stored. */
bool jwk_write(const struct jwk *jwk, struct buf *out);
#endif
