/* rand.h - randomness from OpenSSL; aborts rather than return weak octets. Any thread. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* n random octets. */
void rand_bytes(void *dst, size_t n);
/* Uniform in [0, below), below > 0. */
uint32_t rand_below(uint32_t below);

#define REF_TEXT 23 /* 128 bits as 22 characters of base64url and NUL */
/* An unguessable id for a URL; it does not begin with '-'. */
void rand_ref(char dst[REF_TEXT]);
#define TOKEN_TEXT 44 /* 256 bits as 43 characters and NUL (RFC 8555 8.1, 11.3) */
void rand_token(char dst[TOKEN_TEXT]);
#endif
