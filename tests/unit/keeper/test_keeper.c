/* test_keeper.c - the keeper's operations through its client: what keys do, and what they refuse.
 */
#include <pthread.h>
#include <signal.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/b64url.h"
#include "base/clock.h"
#include "base/rand.h"
#include "keeper/proto.h"
#include "pki/mint.h"
#include "scene.h"
#include "tlog/note.h"

static struct keeper *k;

/* Does the JOSE signature of input verify with the public key? */
static bool
verifies(struct span input, struct span signature, struct span spki)
{
	AUTO_BUF text = BUF_MAX(16 * 1024);
	struct problem pr = { 0 };
	struct jws jws;
	EVP_PKEY *key;
	bool good;

	if (!key_spki_parse(spki, &key, &pr) || !jws_assemble(&text, input, signature))
		return false;
	good = jws_parse(buf_span(&text), false, &jws, &pr);
	if (good) {
		good = jws_verify(&jws, key, &pr);
		jws_done(&jws);
	}
	EVP_PKEY_free(key);
	return good;
}

static bool
make_account(enum key_type type, struct buf *sealed, struct buf *spki)
{
	struct problem pr = { 0 };

	return keeper_make(
		k, type, PURPOSE_ACME_ACCOUNT, SPAN(CA_URL "/directory"), sealed, spki, &pr);
}

static const struct {
	enum key_type type;
	const char *alg;
	size_t signature_n;
} types[] = {
	{ KEY_P256, "ES256", 64 },
	{ KEY_P384, "ES384", 96 },
	{ KEY_RSA2048, "RS256", 256 },
};

static void
test_account_keys(void)
{
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		const char *name = key_type_name(types[i].type);
		AUTO_BUF sealed = BUF_MAX(8192), spki = BUF_MAX(2048), in = BUF_MAX(4096),
			 sig = BUF_MAX(1024);
		AUTO_BUF inner = BUF_MAX(4096), sig2 = BUF_MAX(1024);
		struct problem pr = { 0 };

		ok(make_account(types[i].type, &sealed, &spki), "%s: an account key is made", name);
		input_write(&in, types[i].alg, CA_URL "/acct/1", "nonce", CA_URL "/new-order");
		ok(keeper_sign_jws(k, buf_span(&sealed), buf_span(&in), &sig, &pr), "%s: it signs",
			name);
		is_int(sig.n, types[i].signature_n, "%s: in JOSE form", name);
		ok(verifies(buf_span(&in), buf_span(&sig), buf_span(&spki)),
			"%s: the signature is good", name);
		input_write(&inner, types[i].alg, NULL, NULL, CA_URL "/key-change");
		ok(keeper_sign_jws(k, buf_span(&sealed), buf_span(&inner), &sig2, &pr),
			"%s: it signs the inner JWS of a key change", name);
	}
}

static void
refused(struct span sealed, struct span input, const char *what)
{
	AUTO_BUF sig = BUF_MAX(1024);
	struct problem pr = { 0 };
	bool good = keeper_sign_jws(k, sealed, input, &sig, &pr);

	ok(!good && pr.kind == PROBLEM_SERVER_INTERNAL && pr.cause[0] && sig.n == 0,
		"an account key refuses %s", what);
}

static void
test_account_refusals(void)
{
	AUTO_BUF sealed = BUF_MAX(8192), spki = BUF_MAX(2048), in = BUF_MAX(8192),
		 sig = BUF_MAX(1024);
	struct problem pr = { 0 };

	if (!ok(make_account(KEY_P256, &sealed, &spki), "(an account key is made)"))
		return;
	input_write(&in, "ES256", CA_URL "/acct/1", "nonce", "https://evil.example/new-order");
	refused(buf_span(&sealed), buf_span(&in), "a foreign url");
	buf_clear(&in);
	input_write(&in, "ES384", CA_URL "/acct/1", "nonce", CA_URL "/new-order");
	refused(buf_span(&sealed), buf_span(&in), "an algorithm that is not its own");
	refused(buf_span(&sealed), SPAN("e30.e30"), "a header without url");
	refused(buf_span(&sealed), SPAN("garbage"), "garbage");
	refused(buf_span(&sealed), SPAN_NONE, "nothing");
	buf_clear(&in);
	input_write(&in, "ES256", CA_URL "/acct/1", "nonce", CA_URL "/new-order");
	refused(SPAN("no blob at all, but long enough for one"), buf_span(&in),
		"to be a blob nobody sealed");
	sealed.p[sealed.n - 1] ^= 1;
	refused(buf_span(&sealed), buf_span(&in), "to be a blob somebody changed");
	ok(!keeper_mac(k, buf_span(&sealed), JWA_HS256, SPAN("x"), &sig, &pr), "it makes no MAC");
}

static void
test_make_refusals(void)
{
	AUTO_BUF sealed = BUF_MAX(8192), spki = BUF_MAX(2048);
	struct problem pr = { 0 };

	ok(!keeper_make(k, KEY_P256, PURPOSE_ACME_ACCOUNT, SPAN("no url"), &sealed, &spki, &pr),
		"no account key is made without an origin");
	ok(!keeper_make(k, KEY_ED25519, PURPOSE_ACME_ACCOUNT, SPAN(CA_URL), &sealed, &spki, &pr),
		"no Ed25519 account key");
	ok(!keeper_make(k, KEY_P256, PURPOSE_TSIG, SPAN("x"), &sealed, &spki, &pr),
		"no key pair for TSIG");
	ok(!keeper_make(k, KEY_P256, PURPOSE_LOCAL_CA, SPAN_NONE, &sealed, &spki, &pr),
		"no CA without a name");
	ok(!keeper_seal(k, PURPOSE_LOCAL_CA, SPAN("x"), SPAN("0123456789abcdef"), &sealed, &pr),
		"no CA key is handed in");
	ok(!keeper_seal(k, PURPOSE_EAB_DEVICE, SPAN("x"), SPAN("0123456789abcde"), &sealed, &pr),
		"no EAB key of 15 octets");
	ok(!keeper_sealed_secret(k, "no such", PURPOSE_TSIG, SPAN_NONE, &sealed, &pr),
		"no secret it was not given");
	is_int(sealed.n + spki.n, 0, "nothing came out with any of these");
}

static const unsigned char mac_key[32] = "0123456789abcdef0123456789abcde";

static bool
mac_is(struct span mac, enum jwa alg, struct span data)
{
	AUTO_BUF want = BUF_MAX(64);
	struct problem pr = { 0 };

	return jws_mac_raw(alg, span_of(mac_key, 32), data, &want, &pr) &&
		span_eq(mac, buf_span(&want));
}

static void
test_upstream_eab(void)
{
	AUTO_BUF sealed = BUF_MAX(8192), in = BUF_MAX(4096), mac = BUF_MAX(64), none = BUF_MAX(64);
	struct problem pr = { 0 };
	bool good;

	ok(keeper_seal(k, PURPOSE_EAB_UPSTREAM, SPAN(CA_URL "/directory"), span_of(mac_key, 32),
		   &sealed, &pr),
		"a CA's EAB key is sealed");
	input_write(&in, "HS256", "key-1", NULL, CA_URL "/new-account");
	ok(keeper_mac(k, buf_span(&sealed), JWA_HS256, buf_span(&in), &mac, &pr) &&
			mac_is(buf_span(&mac), JWA_HS256, buf_span(&in)),
		"it makes the MAC of an account binding");
	ok(!keeper_mac(k, buf_span(&sealed), JWA_HS384, buf_span(&in), &none, &pr),
		"not with another alg");
	ok(!keeper_mac(k, buf_span(&sealed), JWA_ES256, buf_span(&in), &none, &pr),
		"nor with no MAC's alg");
	ok(!keeper_mac(k, buf_span(&sealed), JWA_HS256, SPAN("anything"), &none, &pr),
		"nor of anything else");
	ok(!keeper_mac_verify(
		   k, buf_span(&sealed), JWA_HS256, buf_span(&in), buf_span(&mac), &good, &pr),
		"it verifies none");
	buf_clear(&in);
	input_write(&in, "HS256", "key-1", NULL, "https://evil.example/new-account");
	ok(!keeper_mac(k, buf_span(&sealed), JWA_HS256, buf_span(&in), &none, &pr),
		"and none for a foreign url");
	is_int(none.n, 0, "no MAC came out with any of these");
}

static void
test_device_eab(void)
{
	AUTO_BUF sealed = BUF_MAX(8192), in = BUF_MAX(4096), mac = BUF_MAX(64), none = BUF_MAX(64);
	char long_mac[300] = "x";
	struct problem pr = { 0 };
	bool good = false;

	ok(keeper_seal(k, PURPOSE_EAB_DEVICE, SPAN("kid-1"), span_of(mac_key, 32), &sealed, &pr),
		"a device's EAB key is sealed");
	input_write(&in, "HS512", "kid-1", NULL, "https://acme.corp.example/new-account");
	ok(jws_mac_raw(JWA_HS512, span_of(mac_key, 32), buf_span(&in), &mac, &pr),
		"(the device makes a MAC)");
	ok(keeper_mac_verify(
		   k, buf_span(&sealed), JWA_HS512, buf_span(&in), buf_span(&mac), &good, &pr) &&
			good,
		"it verifies a good MAC");
	mac.p[0] ^= 1;
	ok(keeper_mac_verify(
		   k, buf_span(&sealed), JWA_HS512, buf_span(&in), buf_span(&mac), &good, &pr) &&
			!good,
		"a wrong one is answered as wrong");
	mac.p[0] ^= 1;
	ok(keeper_mac_verify(k, buf_span(&sealed), JWA_HS512, buf_span(&in), span_of(mac.p, 16),
		   &good, &pr) &&
			!good,
		"so is one cut short");
	good = true;
	ok(keeper_mac_verify(
		   k, buf_span(&sealed), JWA_HS512, buf_span(&in), SPAN_NONE, &good, &pr) &&
			!good,
		"and an empty one");
	good = true;
	ok(keeper_mac_verify(k, buf_span(&sealed), JWA_HS512, buf_span(&in), span_of(long_mac, 300),
		   &good, &pr) &&
			!good,
		"and one of 300 octets");
	ok(!keeper_mac(k, buf_span(&sealed), JWA_HS512, buf_span(&in), &none, &pr) && none.n == 0,
		"it makes no MAC itself");
	ok(!keeper_sign_jws(k, buf_span(&sealed), buf_span(&in), &none, &pr), "and no signature");
}

static void
test_tsig(void)
{
	AUTO_BUF sealed = BUF_MAX(8192), mac = BUF_MAX(64), none = BUF_MAX(64);
	struct problem pr = { 0 };
	bool good = false;

	ok(keeper_seal(k, PURPOSE_TSIG, SPAN("key.example."), span_of(mac_key, 32), &sealed, &pr),
		"a TSIG key is sealed");
	ok(keeper_mac(k, buf_span(&sealed), JWA_HS384, UPDATE, &mac, &pr) &&
			mac_is(buf_span(&mac), JWA_HS384, UPDATE),
		"it makes the MAC of an update of TXT records");
	ok(!keeper_mac(k, buf_span(&sealed), JWA_HS384, SPAN("any message"), &none, &pr) && none.n == 0 &&
			strstr(pr.cause, "for updates of TXT records"),
		"and of nothing else");
	ok(keeper_mac_verify(k, buf_span(&sealed), JWA_HS384, UPDATE, buf_span(&mac),
		   &good, &pr) &&
			good,
		"and verifies the answer's");
}

static bool
leaf_template(struct buf *ret)
{
	struct ident id = { .type = IDENT_DNS, .value = "device.corp.example" };
	struct idents names = { &id, 1 };
	struct mint_leaf leaf = { .names = &names,
		.not_before_unix_s = clock_unix_s() - 60,
		.not_after_unix_s = clock_unix_s() + 30 * 86400 };
	struct problem pr = { 0 };
	bool good = key_make(KEY_P256, &leaf.key, &pr);

	rand_bytes(leaf.serial, sizeof(leaf.serial));
	good = good && mint_leaf_template(&leaf, ret, &pr);
	EVP_PKEY_free(leaf.key);
	return good;
}

static X509 *
x509_of(const struct buf *der)
{
	const unsigned char *p = (const unsigned char *)der->p;

	return d2i_X509(NULL, &p, (long)der->n);
}

static void
test_local_ca(void)
{
	AUTO_BUF sealed = BUF_MAX(8192), ca_der = BUF_MAX(8192), sealed2 = BUF_MAX(8192),
		 ca2_der = BUF_MAX(8192);
	AUTO_BUF template = BUF_MAX(8192), leaf_der = BUF_MAX(8192), crl = BUF_MAX(8192),
		 crl_der = BUF_MAX(8192);
	const struct mint_revoked gone = { "0123456789abcdef", clock_unix_s(), 1 };
	const unsigned char *p;
	struct problem pr = { 0 };
	X509 *ca, *leaf;
	X509_CRL *list;

	ok(keeper_make(k, KEY_P256, PURPOSE_LOCAL_CA, SPAN("Corp CA"), &sealed, &ca_der, &pr),
		"a local CA is made");
	ok(keeper_make(k, KEY_P256, PURPOSE_LOCAL_CA, SPAN("Other CA"), &sealed2, &ca2_der, &pr),
		"and another");
	ca = x509_of(&ca_der);
	ok(ca && X509_verify(ca, X509_get0_pubkey(ca)) == 1, "its certificate is signed by itself");
	ok(leaf_template(&template), "(a leaf is prepared)");
	ok(keeper_sign_cert(
		   k, buf_span(&sealed), buf_span(&ca_der), buf_span(&template), &leaf_der, &pr),
		"the CA signs a leaf");
	leaf = x509_of(&leaf_der);
	ok(leaf && ca && X509_verify(leaf, X509_get0_pubkey(ca)) == 1, "the signature is good");
	ok(mint_crl_template(&gone, 1, 1, clock_unix_s(), clock_unix_s() + 86400, &crl, &pr),
		"(a CRL is prepared)");
	ok(keeper_sign_crl(k, buf_span(&sealed), buf_span(&ca_der), buf_span(&crl), &crl_der, &pr),
		"it signs a CRL");
	p = (const unsigned char *)crl_der.p;
	list = d2i_X509_CRL(NULL, &p, (long)crl_der.n);
	ok(list && ca && X509_CRL_verify(list, X509_get0_pubkey(ca)) == 1, "its signature is good");
	buf_clear(&leaf_der);
	ok(!keeper_sign_cert(
		   k, buf_span(&sealed), buf_span(&ca2_der), buf_span(&template), &leaf_der, &pr),
		"it signs nothing for the other CA's certificate");
	ok(!keeper_sign_cert(
		   k, buf_span(&sealed), SPAN("junk"), buf_span(&template), &leaf_der, &pr),
		"nor for something that is no certificate");
	ok(!keeper_sign_cert(k, buf_span(&sealed), buf_span(&ca_der), SPAN("junk"), &leaf_der, &pr),
		"nor a template that is none");
	ok(!keeper_sign_cert(
		   k, buf_span(&sealed), buf_span(&ca_der), buf_span(&ca2_der), &leaf_der, &pr),
		"nor a CA certificate");
	ok(!keeper_sign_crl(
		   k, buf_span(&sealed), buf_span(&ca_der), buf_span(&template), &leaf_der, &pr),
		"nor a certificate as a CRL");
	ok(!keeper_sign_jws(k, buf_span(&sealed), SPAN("e30.e30"), &leaf_der, &pr) &&
			leaf_der.n == 0,
		"nor a JWS");
	X509_CRL_free(list);
	X509_free(leaf);
	X509_free(ca);
}

/* More blobs than the cache holds, each used twice. */
static void
test_audit(void)
{
	static const char TEXT[] = "acme.test/audit/1\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n";
	static const char OTHER_ROOT[] = "acme.test/audit/1\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyk=\n";
	static const char *const refused[] = { "acme.test/audit/2\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n", "hello", "", OTHER_ROOT };
	AUTO_BUF sealed = BUF_MAX(8192), public = BUF_MAX(8192), signature = BUF_MAX(256), note = BUF_MAX(TLOG_NOTE_MAX);
	struct tlog_vkey key = { .name = "acme.test/audit/1" };
	struct tlog_checkpoint c;
	struct problem pr = { 0 };

	ok(keeper_make(k, KEY_ED25519, PURPOSE_AUDIT, SPAN("acme.test/audit/1"), &sealed, &public, &pr), "a trail's key is made: %s", pr.cause);
	is_int(public.n, 44, "its public side is that of Ed25519");
	memcpy(key.key, public.p + public.n - TLOG_KEY, TLOG_KEY);
	ok(keeper_sign_checkpoint(k, buf_span(&sealed), SPAN(TEXT), &signature, &pr) && signature.n == TLOG_SIGNATURE, "it signs a checkpoint: %s", pr.cause);
	tlog_note_write(SPAN(TEXT), &key, (unsigned char *)signature.p, &note);
	ok(tlog_note_open(buf_span(&note), &key, 1, &c, &pr) && c.size == 8, "which verifies: %s", pr.detail);
	ok(keeper_sign_checkpoint(k, buf_span(&sealed), SPAN(TEXT), &signature, &pr), "and the same again");
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		ok(!keeper_sign_checkpoint(k, buf_span(&sealed), span_str(refused[i]), &signature, &pr), "refused: %s", pr.cause);
	ok(!keeper_sign_jws(k, buf_span(&sealed), SPAN("e30.e30"), &signature, &pr), "it signs nothing else: %s", pr.cause);
	ok(!keeper_make(k, KEY_P256, PURPOSE_AUDIT, SPAN("acme.test/audit/1"), &sealed, &public, &pr), "it is of no other type");
	ok(!keeper_make(k, KEY_ED25519, PURPOSE_AUDIT, SPAN("a b"), &sealed, &public, &pr), "and has an origin");
}

static void
test_many_blobs(void)
{
	struct buf sealed[200];
	struct problem pr = { 0 };
	int good = 0;

	for (size_t i = 0; i < COUNT_OF(sealed); i++) {
		char key[32];

		snprintf(key, sizeof(key), "the key of number %zu", i);
		sealed[i] = BUF_MAX(1024);
		good += keeper_seal(k, PURPOSE_TSIG, SPAN("x"), span_str(key), &sealed[i], &pr);
	}
	for (size_t n = 0; n < 2 * COUNT_OF(sealed); n++) {
		size_t i = n % COUNT_OF(sealed);
		AUTO_BUF mac = BUF_MAX(64), want = BUF_MAX(64);
		char key[32];

		snprintf(key, sizeof(key), "the key of number %zu", i);
		good += keeper_mac(k, buf_span(&sealed[i]), JWA_HS256, UPDATE, &mac, &pr) &&
			jws_mac_raw(JWA_HS256, span_str(key), UPDATE, &want, &pr) &&
			span_eq(buf_span(&mac), buf_span(&want));
	}
	is_int(good, 3 * COUNT_OF(sealed), "each of 200 keys makes its own MACs, first and again");
	for (size_t i = 0; i < COUNT_OF(sealed); i++)
		buf_done(&sealed[i]);
}

static void *
sign_often(void *arg)
{
	unsigned number = *(unsigned *)arg;
	AUTO_BUF sealed = BUF_MAX(8192), spki = BUF_MAX(2048);
	intptr_t good = 0;

	keeper_use(k, number);
	if (!make_account(KEY_P256, &sealed, &spki))
		return NULL;
	for (int i = 0; i < 50; i++) {
		AUTO_BUF in = BUF_MAX(4096), sig = BUF_MAX(1024);
		struct problem pr = { 0 };
		char nonce[32];

		snprintf(nonce, sizeof(nonce), "nonce-%u-%d", number, i);
		input_write(&in, "ES256", CA_URL "/acct/1", nonce, CA_URL "/new-order");
		good += keeper_sign_jws(k, buf_span(&sealed), buf_span(&in), &sig, &pr) &&
			verifies(buf_span(&in), buf_span(&sig), buf_span(&spki));
	}
	return (void *)good;
}

/* Six threads on four connections: two of them share. */
static void
test_threads(void)
{
	pthread_t threads[6];
	unsigned numbers[6];
	intptr_t all = 0;

	for (unsigned i = 0; i < 6; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, sign_often, &numbers[i]);
	}
	for (unsigned i = 0; i < 6; i++) {
		void *good;

		pthread_join(threads[i], &good);
		all += (intptr_t)good;
	}
	is_int(all, 300, "six threads on four connections get their own signatures");
}

static void
test_speed(void)
{
	AUTO_BUF sealed = BUF_MAX(8192), spki = BUF_MAX(2048), in = BUF_MAX(4096);
	struct problem pr = { 0 };
	int64_t start;

	ok(make_account(KEY_P256, &sealed, &spki), "(an account key is made)");
	input_write(&in, "ES256", CA_URL "/acct/1", "nonce", CA_URL "/new-order");
	start = clock_us();
	for (int i = 0; i < 100; i++) {
		AUTO_BUF sig = BUF_MAX(1024);

		if (!keeper_sign_jws(k, buf_span(&sealed), buf_span(&in), &sig, &pr))
			return;
	}
	printf("# %lld us a signature\n", (long long)(clock_us() - start) / 100);
}

int
main(void)
{
	scene_begin();
	k = keeper_up(4, NULL, 0);
	test_account_keys();
	test_account_refusals();
	test_make_refusals();
	test_upstream_eab();
	test_device_eab();
	test_tsig();
	test_local_ca();
	test_audit();
	test_many_blobs();
	test_threads();
	test_speed();
	keeper_stop(k);
	scene_end();
	return done_testing();
}
