/* jws.c - reading and verifying; see jws.h. The way of a request: jws_parse (shape, header,
 * base64url), the caller's look-up of the key by kid or jwk, jws_verify. The signature is checked
 * over the text as it came, never over something written again. */
#include "jose/jws.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/b64url.h"
#include "jose/jwa.h"
#include "json/json.h"

static bool
forbid(const struct json_node *node, const char *what, const char *name, struct problem *pr)
{
	return !json_get(node, name) ||
	       problem_set(pr, PROBLEM_MALFORMED, "\"%s\" of the %s is not accepted", name, what);
}

static bool
decode(struct span text, const char *name, struct buf *ret, struct problem *pr)
{
	*ret = BUF_MAX(text.n);
	return b64url_read(text, ret) ||
	       problem_set(pr, PROBLEM_MALFORMED,
		       "\"%s\" of the JWS is not base64url without padding", name);
}

/* RFC 8555 6.2: flattened, one signature, payload not detached, no unprotected header. Members that
 * we do not know are ignored (RFC 7515 7.2.1). */
static bool
read_envelope(struct jws *jws, struct problem *pr)
{
	const struct json_node *root = json_root(jws->doc);
	struct json_obj o = json_obj(root, "JWS", pr);

	jws->protected_b64 = json_req_str(&o, "protected", SIZE_MAX);
	jws->payload_b64 = json_req_str(&o, "payload", SIZE_MAX);
	jws->signature_b64 = json_req_str(&o, "signature", SIZE_MAX);
	if (!json_ok(&o) || !forbid(root, "JWS", "header", pr) ||
		!forbid(root, "JWS", "signatures", pr))
		return false;
	if (jws->protected_b64.n == 0 || jws->signature_b64.n == 0)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" of the JWS is empty",
			jws->protected_b64.n ? "signature" : "protected");
	return decode(jws->payload_b64, "payload", &jws->payload, pr) &&
	       decode(jws->signature_b64, "signature", &jws->signature, pr);
}

static bool
check_alg(struct jws *jws, bool allow_mac, struct problem *pr)
{
	jws->alg = jwa_parse(jws->alg_name);
	if (jws->alg != JWA_NONE && jwa_is_mac(jws->alg) == allow_mac)
		return true;
	if (allow_mac)
		return problem_set(pr, PROBLEM_MALFORMED,
			"the algorithm must be HS256, HS384 or HS512, not \"%s\"",
			QUOTE(jws->alg_name));
	return problem_set(pr, PROBLEM_BAD_SIGNATURE_ALGORITHM,
		"the algorithm \"%s\" is not accepted", QUOTE(jws->alg_name));
}

static bool
read_header(struct jws *jws, bool allow_mac, struct problem *pr)
{
	static const char what[] = "protected header";
	AUTO_BUF text = BUF_MAX(jws->protected_b64.n);
	struct json_obj o;

	if (!decode(jws->protected_b64, "protected", &text, pr) ||
		!json_parse(buf_span(&text), what, NULL, &jws->header_doc, pr))
		return false;
	o = json_obj(json_root(jws->header_doc), what, pr);
	/* whatever is wrong with the rest, the nonce is spent (RFC 8555 6.5) */
	jws->nonce = json_text(json_get(o.node, "nonce"));
	jws->has_nonce = jws->nonce.p != NULL;
	json_opt_str(&o, "nonce", SIZE_MAX);
	jws->alg_name = json_req_str(&o, "alg", SIZE_MAX);
	jws->url = json_opt_str(&o, "url", SIZE_MAX);
	jws->kid = json_opt_str(&o, "kid", SIZE_MAX);
	jws->jwk = json_opt_obj(&o, "jwk");
	if (!json_ok(&o))
		return false;
	jws->has_url = jws->url.p != NULL;
	jws->has_kid = jws->kid.p != NULL;
	/* We understand no extension, so any `crit` is one too many (RFC 7515 4.1.11); `b64` is
	 * forbidden outright. */
	return forbid(o.node, what, "crit", pr) && forbid(o.node, what, "b64", pr) &&
	       check_alg(jws, allow_mac, pr);
}

bool
jws_parse(struct span text, bool allow_mac, struct jws *ret, struct problem *pr)
{
	struct problem ignored = { 0 };

	*ret = (struct jws){ 0 };
	if (!json_parse(text, "JWS", NULL, &ret->doc, pr))
		return false;
	if (read_envelope(ret, pr))
		return read_header(ret, allow_mac, pr);
	/* the header may be read all the same: for its nonce */
	read_header(ret, allow_mac, &ignored);
	return false;
}

bool
jws_parse_node(const struct json_node *node, bool allow_mac, struct jws *ret, struct problem *pr)
{
	AUTO_BUF text = BUF_MAX(1 << 20);

	/* written again and read by the one reader, so that this jws too owns what it points to;
	 * strings are the same */
	json_write(node, &text);
	if (!buf_ok(&text))
		return problem_set(pr, PROBLEM_MALFORMED, "JWS is too long");
	return jws_parse(buf_span(&text), allow_mac, ret, pr);
}

void
jws_done(struct jws *jws)
{
	json_free(jws->doc);
	json_free(jws->header_doc);
	buf_done(&jws->payload);
	buf_done(&jws->signature);
	*jws = (struct jws){ 0 };
}

bool
jws_signing_input(const struct jws *jws, struct buf *out)
{
	return buf_addspan(out, jws->protected_b64) && buf_addc(out, '.') &&
	       buf_addspan(out, jws->payload_b64);
}

/* An unsigned number of n octets as DER INTEGER; returns its length. */
static size_t
der_integer(unsigned char *dst, const unsigned char *v, size_t n)
{
	size_t pad;

	for (; n > 1 && *v == 0; n--)
		v++;
	pad = *v >> 7;
	dst[0] = 0x02;
	dst[1] = (unsigned char)(n + pad);
	dst[2] = 0;
	memcpy(dst + 2 + pad, v, n);
	return 2 + pad + n;
}

#define DER_SIGNATURE_MAX (3 + 2 * (3 + 66))

/* r || s as OpenSSL wants it (RFC 7518 3.4; SEC 1 C.5). Returns the length. */
static size_t
der_signature(unsigned char dst[DER_SIGNATURE_MAX], const unsigned char *raw, size_t half)
{
	unsigned char body[2 * (3 + 66)];
	size_t n = der_integer(body, raw, half), head = 0;

	n += der_integer(body + n, raw + half, half);
	dst[head++] = 0x30;
	if (n > 0x7f)
		dst[head++] = 0x81;
	dst[head++] = (unsigned char)n;
	memcpy(dst + head, body, n);
	return head + n;
}

static bool
hash_input(const struct jws *jws, const EVP_MD *md, unsigned char *ret)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, md, NULL) > 0 &&
		    EVP_DigestUpdate(ctx, jws->protected_b64.p, jws->protected_b64.n) > 0 &&
		    EVP_DigestUpdate(ctx, ".", 1) > 0 &&
		    EVP_DigestUpdate(ctx, jws->payload_b64.p, jws->payload_b64.n) > 0 &&
		    EVP_DigestFinal_ex(ctx, ret, NULL) > 0;

	EVP_MD_CTX_free(ctx);
	return good;
}

/* PSS takes a salt of just the digest's length (RFC 7518 3.5); MGF1 uses the same digest when told
 * nothing else. */
static bool
set_rsa_rules(EVP_PKEY_CTX *ctx, const struct jwa_info *info, const EVP_MD *md)
{
	if (EVP_PKEY_CTX_set_rsa_padding(ctx,
		    info->kind == JWA_KIND_RSA_PSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) <=
			0 ||
		EVP_PKEY_CTX_set_signature_md(ctx, md) <= 0)
		return false;
	return info->kind != JWA_KIND_RSA_PSS ||
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) > 0;
}

enum verdict { GOOD, WRONG, BROKEN };

/* Hash, then verify: cheaper than EVP_DigestVerify, which looks its digest up by name for each
 * call. */
static enum verdict
verify_hashed(const struct jws *jws, const struct jwa_info *info, EVP_PKEY *key)
{
	const EVP_MD *md = jwa_digest(info->digest_octets);
	struct span sig = buf_span(&jws->signature);
	unsigned char hash[64], der[DER_SIGNATURE_MAX];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	enum verdict verdict = BROKEN;

	if (info->kind == JWA_KIND_EC) {
		size_t n = der_signature(der, (const unsigned char *)sig.p, sig.n / 2);

		sig = span_of(der, n);
	}
	if (ctx && EVP_PKEY_verify_init(ctx) > 0 &&
		(info->kind == JWA_KIND_EC || set_rsa_rules(ctx, info, md)) &&
		hash_input(jws, md, hash))
		verdict = EVP_PKEY_verify(ctx, (const unsigned char *)sig.p, sig.n, hash,
				  info->digest_octets) == 1
				  ? GOOD
				  : WRONG;
	EVP_PKEY_CTX_free(ctx);
	return verdict;
}

static enum verdict
verify_ed25519(const struct jws *jws, EVP_PKEY *key)
{
	AUTO_BUF input = BUF_MAX(jws->protected_b64.n + 1 + jws->payload_b64.n);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	enum verdict verdict = BROKEN;

	if (ctx && jws_signing_input(jws, &input) &&
		EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) > 0)
		verdict = EVP_DigestVerify(ctx, (const unsigned char *)jws->signature.p,
				  jws->signature.n, (const unsigned char *)input.p, input.n) == 1
				  ? GOOD
				  : WRONG;
	EVP_MD_CTX_free(ctx);
	return verdict;
}

bool
jws_verify(const struct jws *jws, EVP_PKEY *key, struct problem *pr)
{
	const struct jwa_info *info;
	size_t octets;
	enum verdict verdict;

	if (!jwa_fits(jws->alg, key))
		return problem_set(pr, PROBLEM_BAD_SIGNATURE_ALGORITHM,
			"the algorithm %s does not fit the key, which takes %s", jwa_name(jws->alg),
			jwa_name(jwa_for_key(key)));
	info = jwa_info(jws->alg);
	octets = info->signature_octets ? info->signature_octets : (size_t)EVP_PKEY_get_size(key);
	if (jws->signature.n != octets)
		return problem_set(pr, PROBLEM_MALFORMED,
			"the signature has %zu octets, %s with this key needs %zu",
			jws->signature.n, info->name, octets);
	verdict = info->kind == JWA_KIND_ED25519 ? verify_ed25519(jws, key)
						 : verify_hashed(jws, info, key);
	if (verdict == GOOD)
		return true;
	if (verdict == BROKEN)
		problem_internal(pr, "cannot verify %s", info->name);
	else
		problem_set(pr, PROBLEM_MALFORMED, "the signature of the JWS is wrong");
	problem_cause_openssl(pr, info->name);
	return false;
}
