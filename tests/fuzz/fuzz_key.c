/* fuzz_key.c - public and private keys as files and messages bring them: what is taken is written, and read again as the same. A public
 * key is what OpenSSL's own reader says it is. */
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "pki/key.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(EVP_PKEY *key, bool is_private)
{
	AUTO_BUF out = BUF_MAX(1 << 20);
	AUTO_PKEY *again = NULL;
	struct problem pr = { 0 };
	bool good;

	/* a key that no certificate is made for need not be writable */
	if (!key_check(key, PROBLEM_BAD_PUBLIC_KEY, &pr))
		return;
	good = is_private ? key_private_write(key, &out) && key_private_parse(buf_span(&out), &again, &pr) :
			    key_spki_write(key, &out) && key_spki_parse(buf_span(&out), &again, &pr);
	if (!good || EVP_PKEY_eq(key, again) != 1)
		abort();
}

static void
compare(EVP_PKEY *key, struct span der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	AUTO_PKEY *other = d2i_PUBKEY(NULL, &p, (long)der.n);

	if (!other || p != (const unsigned char *)der.p + der.n || EVP_PKEY_eq(key, other) != 1)
		abort();
	ERR_clear_error();
}

/* What the octets say is what OpenSSL says of the key. */
static void
compare_verdicts(EVP_PKEY *key, struct span der)
{
	struct problem pr = { 0 }, other = { 0 };
	char hash[KEY_HASH_TEXT], again[KEY_HASH_TEXT];
	bool good = key_check(key, PROBLEM_BAD_PUBLIC_KEY, &pr);

	if (key_spki_check(der, key, PROBLEM_BAD_PUBLIC_KEY, &other) != good || pr.kind != other.kind)
		abort();
	if (good && (!key_hash(key, hash) || !key_spki_hash(der, key, again, &pr) || strcmp(hash, again) != 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_PKEY *public = NULL, *private = NULL;
	struct span text = span_of(data, size);
	struct problem pr = { 0 };

	if (key_spki_parse(text, &public, &pr)) {
		compare(public, text);
		compare_verdicts(public, text);
		check(public, false);
	} else if (pr.kind != PROBLEM_BAD_PUBLIC_KEY) {
		abort();
	}
	pr = (struct problem){ 0 };
	if (key_private_parse(text, &private, &pr))
		check(private, true);
	else if (pr.kind != PROBLEM_MALFORMED)
		abort();
	return 0;
}
