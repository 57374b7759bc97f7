/* test_key.c - key pairs, their names and encodings. */
#include "pki/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/secret.h"
#include "tap.h"

static EVP_PKEY *
rsa_with(unsigned bits, unsigned e)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	BIGNUM *exponent = BN_new();
	EVP_PKEY *key = NULL;

	BN_set_word(exponent, e);
	EVP_PKEY_keygen_init(ctx);
	EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits);
	EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, exponent);
	EVP_PKEY_keygen(ctx, &key);
	BN_free(exponent);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void
test_type(enum key_type type)
{
	AUTO_PKEY *key = NULL, *back = NULL, *public = NULL;
	AUTO_SECRET private = BUF_MAX(16384);
	AUTO_BUF spki = BUF_MAX(4096);
	unsigned char *reference = NULL;
	char hash[KEY_HASH_TEXT], hash2[KEY_HASH_TEXT];
	const char *name = key_type_name(type);
	struct problem pr = { 0 };
	int n;

	ok(key_make(type, &key, &pr) && key_type_of(key) == type, "%s is made", name);
	ok(key_check(key, PROBLEM_BAD_CSR, &pr), "%s may be certified", name);
	ok(key_spki_write(key, &spki), "%s: public key written", name);
	n = i2d_PUBKEY(key, &reference);
	ok(span_eq(buf_span(&spki), span_of(reference, (size_t)n)), "%s: as OpenSSL writes it",
		name);
	OPENSSL_free(reference);
	ok(key_spki_parse(buf_span(&spki), &public, &pr) && EVP_PKEY_eq(key, public) == 1,
		"%s: and read back", name);
	ok(key_private_write(key, &private) && key_private_parse(buf_span(&private), &back, &pr) &&
			EVP_PKEY_eq(key, back) == 1,
		"%s: private key written and read back", name);
	ok(key_hash(key, hash) && key_hash(public, hash2) && strcmp(hash, hash2) == 0 &&
			strlen(hash) == KEY_HASH_TEXT - 1,
		"%s: the hash names the public key", name);
	ok(key_spki_hash(buf_span(&spki), NULL, hash2, &pr) && strcmp(hash, hash2) == 0, "%s: its octets have that hash", name);
}

static void
test_names(void)
{
	enum key_type type;

	for (int i = 0; i < KEY_OTHER; i++)
		ok(key_type_parse(span_str(key_type_name((enum key_type)i)), &type) &&
				(int)type == i,
			"%s is a name", key_type_name((enum key_type)i));
	ok(!key_type_parse(SPAN("other"), &type) && !key_type_parse(SPAN("P256"), &type) &&
			!key_type_parse(SPAN(""), &type),
		"\"other\", \"P256\" and \"\" are none");
}

static void
test_refused(void)
{
	static const struct {
		const char *name, *group;
	} curves[] = { { "secp256k1", "secp256k1" }, { "brainpoolP256r1", "brainpoolP256r1" },
		{ "P-224", "secp224r1" } };
	static const unsigned char infinity[] =
		"\x30\x19\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"
		"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x02\x00";
	AUTO_PKEY *small = rsa_with(1024, 65537), *e3 = rsa_with(2048, 3),
		  *odd = rsa_with(2056, 65537);
	AUTO_PKEY *made = NULL, *x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	AUTO_PKEY *ed448 = EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), *zero = NULL;
	struct problem pr = { 0 };

	ok(!key_make(KEY_OTHER, &made, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL,
		"\"other\" cannot be made");
	ok(!key_check(small, PROBLEM_BAD_CSR, &pr) && pr.kind == PROBLEM_BAD_CSR,
		"RSA 1024 is refused: %s", pr.detail);
	ok(!key_check(e3, PROBLEM_BAD_PUBLIC_KEY, &pr) && pr.kind == PROBLEM_BAD_PUBLIC_KEY,
		"RSA with e = 3 is refused with the kind asked for");
	ok(key_check(odd, PROBLEM_BAD_CSR, &pr) && key_type_of(odd) == KEY_OTHER &&
			key_bits(odd) == 2056,
		"RSA 2056 may be certified but has no name");
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++) {
		AUTO_PKEY *key = EVP_EC_gen(curves[i].group);

		ok(key_type_of(key) == KEY_OTHER && !key_check(key, PROBLEM_BAD_CSR, &pr),
			"%s is refused", curves[i].name);
	}
	ok(!key_check(x25519, PROBLEM_BAD_CSR, &pr), "X25519 is refused");
	ok(!key_check(ed448, PROBLEM_BAD_CSR, &pr), "Ed448 is refused");
	ok(!key_spki_parse(span_of(infinity, sizeof(infinity) - 1), &zero, &pr) ||
			!key_check(zero, PROBLEM_BAD_CSR, &pr),
		"the point at infinity is refused");
}

/* The same key with its point compressed, or with its curve spelled out */
static EVP_PKEY *
reencoded(EVP_PKEY *key, const char *param, const char *value)
{
	EVP_PKEY *copy = EVP_PKEY_dup(key), *back = NULL;
	unsigned char *der = NULL;
	const unsigned char *p;
	int n;

	EVP_PKEY_set_utf8_string_param(copy, param, value);
	n = i2d_PUBKEY(copy, &der);
	p = der;
	back = d2i_PUBKEY(NULL, &p, n);
	OPENSSL_free(der);
	EVP_PKEY_free(copy);
	return back;
}

static void
test_encodings(void)
{
	AUTO_PKEY *key = NULL, *explicit = NULL;
	char hash[KEY_HASH_TEXT], hash2[KEY_HASH_TEXT];
	struct problem pr = { 0 };

	for (int type = KEY_P256; type <= KEY_P521; type++) {
		AUTO_PKEY *k = NULL, *c = NULL;
		unsigned char *der = NULL;
		int n;

		ok(key_make((enum key_type)type, &k, &pr), "a key");
		c = reencoded(k, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
		ok(c && key_hash(k, hash) && key_hash(c, hash2) && strcmp(hash, hash2) == 0,
			"%s with a compressed point has the same hash",
			key_type_name((enum key_type)type));
		n = c ? i2d_PUBKEY(c, &der) : 0;
		ok(n > 0 && key_spki_hash(span_of(der, (size_t)n), NULL, hash2, &pr) && strcmp(hash, hash2) == 0, "its octets, too");
		OPENSSL_free(der);
	}
	ok(key_make(KEY_P256, &key, &pr), "a key");
	explicit = reencoded(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit");
	ok(explicit && key_type_of(explicit) == KEY_OTHER &&
			!key_check(explicit, PROBLEM_BAD_CSR, &pr),
		"a curve given by its parameters is refused");
}

static void
test_spki_refused(void)
{
	AUTO_PKEY *key = NULL, *ret = NULL;
	AUTO_BUF spki = BUF_MAX(32 * 1024);
	struct problem pr = { 0 };
	char hash[KEY_HASH_TEXT];

	ok(key_make(KEY_P256, &key, &pr) && key_spki_write(key, &spki), "a public key");
	ok(!key_spki_parse(span_of(spki.p, spki.n - 1), &ret, &pr) &&
			pr.kind == PROBLEM_BAD_PUBLIC_KEY && !ret,
		"a truncated public key is refused");
	buf_addc(&spki, 0);
	ok(!key_spki_parse(buf_span(&spki), &ret, &pr) && !ret, "an octet behind it is refused");
	while (spki.n < 20000)
		buf_addc(&spki, 0);
	ok(!key_spki_parse(buf_span(&spki), &ret, &pr) && !ret, "too many octets are refused");
	ok(!key_spki_parse(SPAN_NONE, &ret, &pr) && !ret, "none are refused");
	ok(!key_spki_hash(SPAN_NONE, NULL, hash, &pr) && !key_spki_hash(span_of(spki.p, 90), NULL, hash, &pr), "nor have they a hash");
}

/* What the octets say of a key is what OpenSSL says of it. */
static bool
same_verdict(struct span der, EVP_PKEY *key)
{
	struct problem pr = { 0 }, other = { 0 };
	char hash[KEY_HASH_TEXT] = "", again[KEY_HASH_TEXT] = "";
	bool good = key_check(key, PROBLEM_MALFORMED, &pr);

	return key_spki_check(der, key, PROBLEM_MALFORMED, &other) == good && strcmp(pr.detail, other.detail) == 0 &&
		(!good || (key_hash(key, hash) && key_spki_hash(der, key, again, &pr) && strcmp(hash, again) == 0));
}

/* We read the common forms ourselves: one octet changed, whatever we take OpenSSL takes for the same key. */
static void
test_spki_as_openssl_reads_it(enum key_type type)
{
	AUTO_PKEY *key = NULL;
	AUTO_BUF spki = BUF_MAX(4096);
	struct problem pr = { 0 };
	unsigned same = 0, other = 0;

	ok(key_make(type, &key, &pr) && key_spki_write(key, &spki), "a key, %s", key_type_name(type));
	for (size_t i = 0; i < spki.n; i++) {
		for (unsigned bit = 1; bit < 0x100; bit <<= 1) {
			AUTO_PKEY *ours = NULL, *theirs = NULL;
			const unsigned char *p = (unsigned char *)spki.p;

			spki.p[i] = (char)(spki.p[i] ^ (char)bit);
			if (key_spki_parse(buf_span(&spki), &ours, &pr)) {
				theirs = d2i_PUBKEY(NULL, &p, (long)spki.n);
				if (theirs && EVP_PKEY_eq(ours, theirs) == 1 && same_verdict(buf_span(&spki), ours))
					same++;
				else
					other++;
			}
			spki.p[i] = (char)(spki.p[i] ^ (char)bit);
		}
	}
	ERR_clear_error();
	ok(same > 0 || type != KEY_ED25519, "%u changes make another key", same);
	is_int(other, 0, "and none makes one that OpenSSL reads otherwise");
}

/* Our own writer and OpenSSL's. */
static void
test_spki_as_openssl_writes_it(EVP_PKEY *key, const char *name)
{
	AUTO_BUF ours = BUF_MAX(8192);
	unsigned char *theirs = NULL;
	int n = i2d_PUBKEY(key, &theirs);

	ok(key_spki_write(key, &ours) && span_eq(buf_span(&ours), span_of(theirs, (size_t)n)),
		"%s: written as OpenSSL writes it", name);
	ok(same_verdict(buf_span(&ours), key), "%s: good or not by its octets alone", name);
	OPENSSL_free(theirs);
}

/* Numbers at the edges of what key_check takes. */
static void
test_rsa_numbers(void)
{
	static const struct {
		size_t octets;
		unsigned char first, last;
		uint32_t e;
		bool good;
		const char *what;
	} cases[] = {
		{ 256, 0x80, 1, 65537, true, "2048 bits" },
		{ 256, 0x7f, 1, 65537, false, "2047 bits" },
		{ 257, 0x01, 1, 65537, true, "2049 bits" },
		{ 1024, 0xff, 1, 65537, true, "8192 bits" },
		{ 1025, 0x01, 1, 65537, false, "8193 bits" },
		{ 256, 0x80, 2, 65537, false, "an even modulus" },
		{ 256, 0x80, 1, 65536, false, "an even exponent" },
		{ 256, 0x80, 1, 65535, false, "one below 65537" },
		{ 256, 0x80, 1, 3, false, "exponent 3" },
		{ 256, 0x80, 1, 0xffffffff, true, "the largest exponent" },
	};
	unsigned char n[1025];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO_PKEY *key = NULL;
		AUTO_BUF spki = BUF_MAX(4096);
		struct problem pr = { 0 };

		memset(n, 0x55, sizeof(n));
		n[0] = cases[i].first;
		n[cases[i].octets - 1] = cases[i].last;
		ok(key_rsa_spki_write(span_of(n, cases[i].octets), cases[i].e, &spki) && key_spki_parse(buf_span(&spki), &key, &pr), "RSA: %s", cases[i].what);
		is_int(key && key_spki_check(buf_span(&spki), key, PROBLEM_MALFORMED, &pr), cases[i].good, "refused, or not");
		ok(key && same_verdict(buf_span(&spki), key), "as OpenSSL's numbers are");
	}
}

/* RSA of sizes whose lengths take one, two and three octets, and of a small exponent. */
static void
test_rsa_written(void)
{
	static const unsigned bits[] = { 512, 1024, 2047, 2048, 4096 };
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key;
	BIGNUM *three = BN_new();

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		char name[32];

		key = EVP_RSA_gen(bits[i]);
		snprintf(name, sizeof(name), "RSA of %u bits", bits[i]);
		test_spki_as_openssl_writes_it(key, name);
		EVP_PKEY_free(key);
	}
	key = NULL;
	BN_set_word(three, 3);
	if (EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, three) == 1)
		EVP_PKEY_generate(ctx, &key);
	test_spki_as_openssl_writes_it(key, "RSA with exponent 3");
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(ctx);
	BN_free(three);
}

/* Who is refused for his key must not come in with the same key spelled otherwise. */
static void
test_one_hash(void)
{
	AUTO_PKEY *key = NULL, *again = NULL;
	AUTO_BUF spki = BUF_MAX(4096), longer = BUF_MAX(4096);
	char hash[KEY_HASH_TEXT], hash2[KEY_HASH_TEXT];
	struct problem pr = { 0 };
	const size_t inner = 24; /* RSAPublicKey: 30 82 LL LL */

	ok(key_make(KEY_RSA2048, &key, &pr) && key_spki_write(key, &spki) && key_hash(key, hash) && spki.p[inner] == 0x30, "an RSA key");
	buf_add(&longer, spki.p, inner);
	buf_add(&longer, "\x30\x83\0", 3);
	buf_add(&longer, spki.p + inner + 2, spki.n - inner - 2);
	longer.p[3]++;
	longer.p[inner - 2]++;
	ok(key_spki_parse(buf_span(&longer), &again, &pr) && EVP_PKEY_eq(key, again) == 1, "with a length of three octets it is the same");
	ok(key_spki_hash(buf_span(&longer), again, hash2, &pr) && strcmp(hash, hash2) == 0, "and has the same hash");
	ok(key_spki_hash(buf_span(&longer), NULL, hash2, &pr) && strcmp(hash, hash2) == 0, "also when nobody has parsed it");
}

static void
test_private(void)
{
	AUTO_PKEY *key = NULL, *ret = NULL, *old = NULL, *pem = NULL;
	AUTO_SECRET der = BUF_MAX(4096);
	AUTO_SECRET tiny = BUF_MAX(16);
	struct problem pr = { 0 };
	unsigned char *sec1 = NULL;
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	ok(key_make(KEY_P384, &key, &pr) && key_private_write(key, &der), "a private key");
	ok(!key_private_write(key, &tiny), "a buffer too small is told");
	buf_addc(&der, 'x');
	ok(!key_private_parse(buf_span(&der), &ret, &pr) && pr.kind == PROBLEM_MALFORMED,
		"an octet behind it is refused");
	n = i2d_PrivateKey(key, &sec1);
	ok(key_private_parse(span_of(sec1, (size_t)n), &old, &pr) && EVP_PKEY_eq(key, old) == 1,
		"the older form (SEC 1) is read");
	OPENSSL_free(sec1);
	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(bio, &text);
	ok(key_private_parse(span_of(text, (size_t)n), &pem, &pr) && EVP_PKEY_eq(key, pem) == 1,
		"PEM is read");
	(void)BIO_reset(bio);
	PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
	n = BIO_get_mem_data(bio, &text);
	ok(!key_private_parse(span_of(text, (size_t)n), &ret, &pr) && pr.kind == PROBLEM_MALFORMED,
		"an encrypted key is refused without asking");
	BIO_free(bio);
	ok(!key_private_parse(SPAN("nonsense"), &ret, &pr), "nonsense is refused");
	ok(!key_private_parse(SPAN_NONE, &ret, &pr) && !ret, "nothing is refused");
}

int
main(void)
{
	static const enum key_type some[] = { KEY_P256, KEY_P384, KEY_P521, KEY_ED25519,
		KEY_RSA2048, KEY_RSA3072 };

	test_names();
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		test_type(some[i]);
	test_refused();
	test_encodings();
	test_spki_refused();
	test_rsa_numbers();
	test_one_hash();
	test_spki_as_openssl_reads_it(KEY_P256);
	test_spki_as_openssl_reads_it(KEY_P521);
	test_spki_as_openssl_reads_it(KEY_ED25519);
	test_spki_as_openssl_reads_it(KEY_RSA2048);
	test_rsa_written();
	test_private();
	return done_testing();
}
