/* rand.c - see rand.h. */
#include "base/rand.h"

#include <stdlib.h>

#include <openssl/rand.h>

#include "base/b64url.h"

void
rand_bytes(void *dst, size_t n)
{
	if (RAND_bytes(dst, (int)n) != 1)
		abort();
}

uint32_t
rand_below(uint32_t below)
{
	uint32_t v, limit = UINT32_MAX - UINT32_MAX % below;

	do {
		rand_bytes(&v, sizeof(v));
	} while (v >= limit);
	return v % below;
}

void
rand_ref(char dst[REF_TEXT])
{
	unsigned char raw[16];

	/* an operator must be able to type it as a word of a command: not like an option */
	do {
		rand_bytes(raw, sizeof(raw));
		b64url_write(dst, raw, sizeof(raw));
	} while (dst[0] == '-');
}

void
rand_token(char dst[TOKEN_TEXT])
{
	unsigned char raw[32];

	rand_bytes(raw, sizeof(raw));
	b64url_write(dst, raw, sizeof(raw));
}
