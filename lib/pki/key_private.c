/* key_private.c - private keys written and read; see key.h. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/secret.h"
#include "pki/key.h"

#define KEY_MAX_BYTES (16 * 1024)

bool
key_private_write(EVP_PKEY *key, struct buf *out)
{
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
	int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : 0;
	unsigned char *p;
	bool good = len > 0 && buf_reserve(out, (size_t)len);

	if (good) {
		/* straight into the caller's buffer: no second copy to wipe */
		p = (unsigned char *)out->p + out->n;
		i2d_PKCS8_PRIV_KEY_INFO(info, &p);
		out->n += (size_t)len;
	}
	PKCS8_PRIV_KEY_INFO_free(info);
	ERR_clear_error();
	return good;
}

/* An encrypted key is refused; without this OpenSSL would ask on the terminal. */
static int
no_password(char *dst, int size, int writing, void *arg)
{
	(void)dst, (void)size, (void)writing, (void)arg;
	return -1;
}

static EVP_PKEY *
private_from_pem(struct span pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);

	BIO_free(bio);
	return key;
}

static EVP_PKEY *
private_from_der(struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p, *end = p + der.n;
	PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.n);
	EVP_PKEY *key = NULL;

	if (info && p == end)
		key = EVP_PKCS82PKEY(info);
	PKCS8_PRIV_KEY_INFO_free(info);
	if (key)
		return key;
	p = (const unsigned char *)der.p;
	key = d2i_AutoPrivateKey(NULL, &p, (long)der.n);
	if (key && p != end) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

bool
key_private_parse(struct span der_or_pem, EVP_PKEY **ret, struct problem *pr)
{
	EVP_PKEY *key = NULL;

	if (der_or_pem.n > 0 && der_or_pem.n <= KEY_MAX_BYTES)
		key = der_or_pem.p[0] == 0x30 && memchr(der_or_pem.p, '\0', der_or_pem.n)
			? private_from_der(der_or_pem)
			: private_from_pem(der_or_pem);
	if (!key) {
		problem_cause_openssl(pr, "reading a private key");
		return problem_set(pr, PROBLEM_MALFORMED,
			"not a private key in PEM or DER without a password");
	}
	ERR_clear_error();
	*ret = key;
	return true;
}
