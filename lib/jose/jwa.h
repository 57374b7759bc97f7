/* jwa.h - inside lib/jose only: the tables of algorithms and curves behind jws.h and jwk.h (RFC 7518, RFC 8037). */
#ifndef JOSE_JWA_H
#define JOSE_JWA_H

#include <stddef.h>

#include <openssl/types.h>

#include "jose/jws.h"
#include "pki/key.h"

enum jwa_kind { JWA_KIND_EC, JWA_KIND_RSA, JWA_KIND_RSA_PSS, JWA_KIND_ED25519, JWA_KIND_MAC };

struct jwa_info {
	const char *name;
	enum jwa_kind kind;
	unsigned digest_octets;    /* 0 = the algorithm hashes by itself */
	unsigned signature_octets; /* 0 = as many as the modulus */
};

struct jwa_curve {
	const char *crv;   /* RFC 7518 6.2.1.1 */
	const char *group; /* OpenSSL's name */
	unsigned octets;   /* of a coordinate */
	enum jwa alg;
	enum key_type key;
};

/* alg is none of JWA_NONE, JWA__COUNT */
const struct jwa_info *jwa_info(enum jwa alg);
/* Fetched once for the process; 32, 48 or 64 octets. */
const EVP_MD *jwa_digest(unsigned octets);
const struct jwa_curve *jwa_curve_named(struct span crv);
/* NULL unless an EC key on one of our curves. */
const struct jwa_curve *jwa_curve_of(const EVP_PKEY *key);
#endif
