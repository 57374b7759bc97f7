/* key.h - key pairs and public keys (OpenSSL 3). Any thread. */
#ifndef PKI_KEY_H
#define PKI_KEY_H

#include <openssl/types.h>

#include "base/buf.h"
#include "base/problem.h"

enum key_type { KEY_P256, KEY_P384, KEY_P521, KEY_ED25519, KEY_RSA2048, KEY_RSA3072, KEY_RSA4096, KEY_OTHER, KEY__COUNT };
const char *key_type_name(enum key_type type);                 /* "p256", "rsa2048", ... */
bool key_type_parse(struct span name, enum key_type *ret);
/* KEY_OTHER cannot be made. RSA takes up to seconds. */
bool key_make(enum key_type type, EVP_PKEY **ret, struct problem *pr) __attribute__((warn_unused_result));
enum key_type key_type_of(EVP_PKEY *key); /* KEY_OTHER for anything else, other RSA sizes included */
int key_bits(EVP_PKEY *key);
/* May a certificate be made for this key? P-256, P-384, P-521, Ed25519, RSA of 2048-8192 bits with an odd
 * 65537 <= e < 2^32 (W7); anything else is refused with `kind`. */
bool key_check(EVP_PKEY *key, enum problem_kind kind, struct problem *pr) __attribute__((warn_unused_result));
/* DER; the same octets for one key however it was encoded when it came (EC points uncompressed). */
bool key_spki_write(EVP_PKEY *key, struct buf *out);
/* A public key from its numbers; NULL if it is none. `point`: 04 || x || y, checked to lie on the
 * curve; 32 octets for Ed25519. `n`: big-endian without leading zeros. What key_check refuses is
 * not looked for. */
EVP_PKEY *key_from_point(enum key_type type, struct span point);
EVP_PKEY *key_from_rsa(struct span n, uint32_t e);
/* 04 || x || y of an EC key on a curve whose coordinates have `width` octets, however it was encoded when it came. Returns its
 * length, 0 = failed. */
#define KEY_POINT_MAX (1 + 2 * 66)
size_t key_point(const EVP_PKEY *key, size_t width, unsigned char dst[static KEY_POINT_MAX]);
/* Exactly one SubjectPublicKeyInfo; else PROBLEM_BAD_PUBLIC_KEY. */
bool key_spki_parse(struct span der, EVP_PKEY **ret, struct problem *pr) __attribute__((warn_unused_result));
/* key_check of a key that key_spki_parse made of these octets: in their usual form they say all of it, and OpenSSL, which takes 15 us
 * for a question, is not asked. */
bool key_spki_check(struct span der, EVP_PKEY *key, enum problem_kind kind, struct problem *pr) __attribute__((warn_unused_result));
/* The SubjectPublicKeyInfo of what key_from_rsa and key_from_point are made of. */
bool key_rsa_spki_write(struct span n, uint32_t e, struct buf *out);
bool key_point_spki_write(enum key_type type, struct span point, struct buf *out);
bool key_private_write(EVP_PKEY *key, struct buf *out);         /* PKCS#8 DER; the caller wipes */
/* PKCS#8 or the older forms, not encrypted; else PROBLEM_MALFORMED. */
bool key_private_parse(struct span der_or_pem, EVP_PKEY **ret, struct problem *pr) __attribute__((warn_unused_result));
/* SHA-256 of the SPKI as 43 characters of base64url: our name for a public key. */
#define KEY_HASH_TEXT 44
bool key_hash(EVP_PKEY *key, char ret[KEY_HASH_TEXT]);
/* The same of a key in DER; `key` is what key_spki_parse made of it, NULL if nobody asked it to. However the octets spell a key,
 * it has one hash. A point on a curve is hashed as it came, and need not be on it: whoever did not parse it compares the hash
 * with that of a key that was checked. */
bool key_spki_hash(struct span der, EVP_PKEY *key, char ret[KEY_HASH_TEXT], struct problem *pr) __attribute__((warn_unused_result));
#define AUTO_PKEY __attribute__((cleanup(key_auto_free))) EVP_PKEY
void key_auto_free(EVP_PKEY **key);
#endif
