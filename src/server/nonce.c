/* nonce.c - see nonce.h. */
#include "server/nonce.h"

#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/b64url.h"
#include "base/rand.h"

#define WINDOW (1u << 20) /* nonces alive at once; a bit each: 128 KiB */
#define WORD_BITS 64u

struct nonce_window {
	unsigned char key[32];
	EVP_MAC *mac;
	EVP_MAC_CTX *keyed; /* to copy, never used itself */
	_Atomic(uint64_t) next;
	_Atomic(uint64_t) used[WINDOW / WORD_BITS];
};

struct nonce_window *
nonce_window_new(void)
{
	struct nonce_window *n = xcalloc(1, sizeof(*n));
	static const OSSL_PARAM params[] = { OSSL_PARAM_utf8_string("digest", (void *)(uintptr_t) "SHA256", 6),
		OSSL_PARAM_END };

	rand_bytes(n->key, sizeof(n->key));
	n->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	n->keyed = EVP_MAC_CTX_new(n->mac);
	if (!n->keyed || EVP_MAC_init(n->keyed, n->key, sizeof(n->key), params) != 1)
		abort();
	return n;
}

void
nonce_window_free(struct nonce_window *n)
{
	if (!n)
		return;
	EVP_MAC_CTX_free(n->keyed);
	EVP_MAC_free(n->mac);
	OPENSSL_cleanse(n->key, sizeof(n->key));
	free(n);
}

/* The first 16 octets of HMAC-SHA-256 over the counter. */
static void
seal(struct nonce_window *n, uint64_t counter, unsigned char out[16])
{
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_dup(n->keyed);
	unsigned char full[32];
	size_t len;

	if (!ctx || EVP_MAC_update(ctx, (const void *)&counter, sizeof(counter)) != 1 ||
		EVP_MAC_final(ctx, full, &len, sizeof(full)) != 1)
		abort();
	EVP_MAC_CTX_free(ctx);
	memcpy(out, full, 16);
}

static uint64_t
bit_of(uint64_t counter)
{
	return 1ull << (counter % WORD_BITS);
}

static _Atomic(uint64_t) *
word_of(struct nonce_window *n, uint64_t counter)
{
	return &n->used[counter % WINDOW / WORD_BITS];
}

const char *
nonce_make(struct nonce_window *n, char dst[REPLAY_NONCE_TEXT])
{
	unsigned char raw[24];
	uint64_t counter = atomic_fetch_add(&n->next, 1);

	/* the bit was that of the nonce a whole window ago, which is dead since half a window */
	atomic_fetch_and(word_of(n, counter), ~bit_of(counter));
	memcpy(raw, &counter, sizeof(counter));
	seal(n, counter, raw + 8);
	b64url_write(dst, raw, sizeof(raw));
	return dst;
}

bool
nonce_spend(struct nonce_window *n, struct span text)
{
	unsigned char raw[24], good[16];
	uint64_t counter, next = atomic_load(&n->next);

	if (!b64url_read_exact(text, raw, sizeof(raw)))
		return false;
	memcpy(&counter, raw, sizeof(counter));
	if (counter >= next || next - counter > WINDOW / 2)
		return false;
	seal(n, counter, good);
	if (CRYPTO_memcmp(good, raw + 8, sizeof(good)) != 0)
		return false;
	return (atomic_fetch_or(word_of(n, counter), bit_of(counter)) & bit_of(counter)) == 0;
}
