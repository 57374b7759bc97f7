/* jws_write.c - producing a JWS; see jws.h. Header and payload first, then the signature from
 * wherever the key lives. */
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "base/b64url.h"
#include "jose/jwa.h"
#include "jose/jws.h"
#include "json/jw.h"

#define MAC_KEY_MIN 16
/* of an RSA key of 16 384 bits, which OpenSSL allows at most */
#define SIGNATURE_MAX 2048

bool
jws_header_write(struct buf *out, const char *alg, struct span jwk_json, const char *kid,
	const char *nonce, const char *url)
{
	struct jw w = jw_to(out);

	jw_object(&w, NULL);
	jw_str(&w, "alg", alg);
	if (kid)
		jw_str(&w, "kid", kid);
	else
		jw_raw(&w, "jwk", jwk_json);
	if (nonce)
		jw_str(&w, "nonce", nonce);
	jw_str(&w, "url", url);
	jw_end(&w);
	return jw_ok(&w);
}

bool
jws_input_write(struct buf *out, struct span header, struct span payload)
{
	return b64url_add(out, header.p, header.n) && buf_addc(out, '.') &&
	       b64url_add(out, payload.p, payload.n);
}

bool
jws_assemble(struct buf *out, struct span input, struct span signature)
{
	AUTO_BUF text = BUF_MAX(B64URL_LEN(SIGNATURE_MAX));
	struct span header = SPAN_NONE;
	struct jw w = jw_to(out);

	if (!span_cut(&input, '.', &header) || !b64url_add(&text, signature.p, signature.n))
		return false;
	jw_object(&w, NULL);
	jw_span(&w, "protected", header);
	jw_span(&w, "payload", input);
	jw_span(&w, "signature", buf_span(&text));
	jw_end(&w);
	return jw_ok(&w);
}

/* OpenSSL's DER to r || s, each at full width. */
static bool
add_raw_ecdsa(struct buf *out, const unsigned char *der, size_t der_n, size_t half)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)der_n);
	unsigned char raw[2 * 66];
	bool good = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int)half) == (int)half &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + half, (int)half) == (int)half;

	ECDSA_SIG_free(sig);
	return good && buf_add(out, raw, 2 * half);
}

static bool
sign(EVP_MD_CTX *ctx, const struct jwa_info *info, EVP_PKEY *key, struct span input,
	struct buf *out)
{
	const EVP_MD *md = info->digest_octets ? jwa_digest(info->digest_octets) : NULL;
	unsigned char sig[SIGNATURE_MAX];
	size_t n = sizeof(sig);
	EVP_PKEY_CTX *rules;

	if (!ctx || EVP_DigestSignInit(ctx, &rules, md, NULL, key) <= 0)
		return false;
	if (info->kind == JWA_KIND_RSA_PSS &&
		(EVP_PKEY_CTX_set_rsa_padding(rules, RSA_PKCS1_PSS_PADDING) <= 0 ||
			EVP_PKEY_CTX_set_rsa_pss_saltlen(rules, RSA_PSS_SALTLEN_DIGEST) <= 0))
		return false;
	if (EVP_DigestSign(ctx, sig, &n, (const unsigned char *)input.p, input.n) <= 0)
		return false;
	if (info->kind == JWA_KIND_EC)
		return add_raw_ecdsa(out, sig, n, info->signature_octets / 2);
	return buf_add(out, sig, n);
}

bool
jws_sign_raw(enum jwa alg, EVP_PKEY *key, struct span input, struct buf *ret_signature,
	struct problem *pr)
{
	EVP_MD_CTX *ctx;
	bool good;

	if (!jwa_fits(alg, key))
		return problem_internal(pr, "%s does not fit the key to sign with", jwa_name(alg));
	ctx = EVP_MD_CTX_new();
	good = sign(ctx, jwa_info(alg), key, input, ret_signature);
	EVP_MD_CTX_free(ctx);
	if (good)
		return true;
	problem_internal(pr, "cannot sign with %s", jwa_name(alg));
	problem_cause_openssl(pr, jwa_name(alg));
	return false;
}

bool
jws_mac_raw(
	enum jwa alg, struct span key, struct span input, struct buf *ret_mac, struct problem *pr)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!jwa_is_mac(alg))
		return problem_internal(pr, "%s is no MAC", jwa_name(alg));
	/* RFC 7518 3.2 wants a key as long as the hash; keys handed out by others may be shorter,
	 * within reason */
	if (key.n < MAC_KEY_MIN || key.n > INT32_MAX)
		return problem_internal(pr, "a MAC key of %zu octets", key.n);
	if (!HMAC(jwa_digest(jwa_info(alg)->digest_octets), key.p, (int)key.n,
		    (const unsigned char *)input.p, input.n, mac, &n) ||
		!buf_add(ret_mac, mac, n))
		return problem_internal(pr, "cannot compute %s", jwa_name(alg));
	return true;
}
