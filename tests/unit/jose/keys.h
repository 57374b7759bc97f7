/* keys.h - private keys for tests, from JWK members. */
#ifndef TESTS_KEYS_H
#define TESTS_KEYS_H

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "base/b64url.h"

/* group is OpenSSL's name */
static inline EVP_PKEY *
key_ec(const char *group, struct span x, struct span y, struct span d)
{
	AUTO_BUF point = BUF_MAX(256), number = BUF_MAX(128);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM *params;
	EVP_PKEY *key = NULL;
	BIGNUM *secret;

	buf_addc(&point, 4);
	b64url_read(x, &point);
	b64url_read(y, &point);
	b64url_read(d, &number);
	secret = BN_bin2bn((unsigned char *)number.p, (int)number.n, NULL);
	OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, group, 0);
	OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n);
	OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, secret);
	params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_fromdata_init(ctx);
	EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	BN_free(secret);
	return key;
}

static inline EVP_PKEY *
key_ed25519(struct span d)
{
	unsigned char seed[32];

	if (!b64url_read_exact(d, seed, sizeof(seed)))
		return NULL;
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}
#endif
