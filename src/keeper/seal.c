/* seal.c - see seal.h. */
#include "keeper/seal.h"

#include <openssl/evp.h>

#include "base/rand.h"
#include "keeper/proto.h"

#define VERSION 1
#define HEAD 4
#define NONCE 12
#define TAG 16
/* a PKCS#8 RSA key of 4096 bits has 2.4 KiB */
#define PLAIN_MAX (PROTO_SEALED_MAX - HEAD - PROTO_SCOPE_MAX - NONCE - TAG)

static void
cipher_auto_free(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}
#define AUTO_CIPHER __attribute__((cleanup(cipher_auto_free))) EVP_CIPHER_CTX

static bool
encrypt(const unsigned char *master, const unsigned char *nonce, struct span head,
	struct span plain, unsigned char *out, unsigned char *tag)
{
	AUTO_CIPHER *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	return ctx && EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), master, nonce, NULL) == 1 &&
		EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)head.p, (int)head.n) == 1 &&
		EVP_EncryptUpdate(ctx, out, &n, (const unsigned char *)plain.p, (int)plain.n) ==
		1 &&
		EVP_EncryptFinal_ex(ctx, out + n, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1;
}

static bool
decrypt(const unsigned char *master, const unsigned char *nonce, struct span head,
	struct span sealed, const unsigned char *tag, unsigned char *out)
{
	AUTO_CIPHER *ctx = EVP_CIPHER_CTX_new();
	unsigned char tag_copy[TAG];
	int n = 0;

	memcpy(tag_copy, tag, TAG);
	return ctx && EVP_DecryptInit_ex2(ctx, EVP_aes_256_gcm(), master, nonce, NULL) == 1 &&
		EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)head.p, (int)head.n) == 1 &&
		EVP_DecryptUpdate(ctx, out, &n, (const unsigned char *)sealed.p, (int)sealed.n) ==
		1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag_copy) == 1 &&
		EVP_DecryptFinal_ex(ctx, out + n, &n) == 1;
}

bool
seal_write(const unsigned char master[SEAL_MASTER], enum key_purpose purpose, struct span scope,
	struct span secret, struct buf *ret_sealed, struct problem *pr)
{
	AUTO_BUF out = BUF_MAX(PROTO_SEALED_MAX);
	const unsigned char head[HEAD] = { VERSION, (unsigned char)purpose,
		(unsigned char)(scope.n >> 8), (unsigned char)scope.n };
	unsigned char nonce[NONCE], *body;

	if (scope.n > PROTO_SCOPE_MAX || secret.n == 0 || secret.n > PLAIN_MAX)
		return problem_internal(pr, "cannot seal a secret of %zu octets for a scope of %zu",
			secret.n, scope.n);
	rand_bytes(nonce, NONCE);
	buf_add(&out, head, HEAD);
	buf_addspan(&out, scope);
	buf_add(&out, nonce, NONCE);
	buf_reserve(&out, secret.n + TAG);
	body = (unsigned char *)out.p + out.n;
	if (!encrypt(
		    master, nonce, span_of(out.p, HEAD + scope.n), secret, body, body + secret.n)) {
		problem_internal(pr, "cannot seal");
		problem_cause_openssl(pr, "cannot seal");
		return false;
	}
	out.n += secret.n + TAG;
	if (!buf_addspan(ret_sealed, buf_span(&out)))
		return problem_internal(pr, "no room for a sealed secret of %zu octets", out.n);
	return true;
}

bool
seal_open(const unsigned char master[SEAL_MASTER], struct span sealed, struct unsealed *ret,
	struct problem *pr)
{
	const unsigned char *p = (const unsigned char *)sealed.p;
	struct unsealed u = { .scope = BUF_MAX(PROTO_SCOPE_MAX), .secret = BUF_MAX(PLAIN_MAX) };
	size_t scope_n, plain_n, head_n;

	if (sealed.n < HEAD + NONCE + TAG + 1 || sealed.n > PROTO_SEALED_MAX)
		return problem_internal(pr, "a sealed secret cannot have %zu octets", sealed.n);
	if (p[0] != VERSION)
		return problem_internal(pr, "sealed secret of unknown version %u", p[0]);
	scope_n = (size_t)p[2] << 8 | p[3];
	head_n = HEAD + scope_n;
	if (p[1] >= PURPOSE__COUNT || scope_n > PROTO_SCOPE_MAX || sealed.n <= head_n + NONCE + TAG)
		return problem_internal(pr, "sealed secret with a malformed head");
	plain_n = sealed.n - head_n - NONCE - TAG;
	if (!buf_reserve(&u.secret, plain_n))
		return problem_internal(pr, "sealed secret of %zu octets is too large", plain_n);
	if (!decrypt(master, p + head_n, span_of(p, head_n), span_of(p + head_n + NONCE, plain_n),
		    p + sealed.n - TAG, (unsigned char *)u.secret.p)) {
		unsealed_done(&u);
		return problem_internal(
			pr, "sealed secret was changed or is of another master key");
	}
	u.secret.n = plain_n;
	u.purpose = (enum key_purpose)p[1];
	buf_add(&u.scope, p + HEAD, scope_n);
	*ret = u;
	return true;
}

struct span
seal_scope(struct span sealed)
{
	const unsigned char *p = (const unsigned char *)sealed.p;
	size_t n = sealed.n > HEAD && p[0] == VERSION ? (size_t)p[2] << 8 | p[3] : 0;

	return n > 0 && n <= PROTO_SCOPE_MAX && sealed.n > HEAD + n ? span_of(sealed.p + HEAD, n) : SPAN_NONE;
}

void
unsealed_done(struct unsealed *u)
{
	buf_done(&u->scope);
	buf_wipe(&u->secret);
}
