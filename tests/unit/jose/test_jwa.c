#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/buf.h"
#include "jose/jws.h"
#include "json/jw.h"
#include "tap.h"

static void
test_names(void)
{
	static const char *const unknown[] = { "none", "None", "NONE", "", "es256", "ES256 ",
		"ES256K", "Ed448", "RSA1_5", "RSA-OAEP", "HS1", "A128KW", "XX99" };

	for (enum jwa alg = JWA_NONE + 1; alg < JWA__COUNT; alg++)
		ok(jwa_parse(span_str(jwa_name(alg))) == alg, "%s is found by its name",
			jwa_name(alg));
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		ok(jwa_parse(span_str(unknown[i])) == JWA_NONE, "\"%s\" is no algorithm",
			unknown[i]);
	ok(jwa_parse((struct span){ "ES256\0", 6 }) == JWA_NONE, "nor is ES256 with a NUL");
	is_str(jwa_name(JWA_NONE), "none", "the name of none");
	ok(jwa_is_mac(JWA_HS256) && jwa_is_mac(JWA_HS384) && jwa_is_mac(JWA_HS512), "HS are MACs");
	ok(!jwa_is_mac(JWA_NONE) && !jwa_is_mac(JWA_ES256) && !jwa_is_mac(JWA_ED25519),
		"others are not");
}

static void
test_list(void)
{
	AUTO_BUF b = BUF_MAX(1024);
	struct jw w = jw_to(&b);

	jw_array(&w, NULL);
	for (enum jwa alg = JWA_NONE + 1; alg < JWA__COUNT; alg++) {
		if (!jwa_is_mac(alg))
			jw_str(&w, NULL, jwa_name(alg));
	}
	jw_end(&w);
	is_str(jwa_list_json(), buf_cstr(&b), "the list for clients is the table's");
}

static void
test_fits(const char *what, EVP_PKEY *key, const char *fitting, enum jwa ours)
{
	for (enum jwa alg = JWA_NONE; alg <= JWA__COUNT; alg++) {
		bool listed =
			alg != JWA_NONE && alg != JWA__COUNT && strstr(fitting, jwa_name(alg));

		ok(jwa_fits(alg, key) == listed, "%s %s %s", what, listed ? "fits" : "does not fit",
			jwa_name(alg));
	}
	ok(jwa_for_key(key) == ours, "%s is signed with by %s", what, jwa_name(ours));
	EVP_PKEY_free(key);
}

int
main(void)
{
	test_names();
	test_list();
	test_fits("P-256", EVP_EC_gen("P-256"), "ES256", JWA_ES256);
	test_fits("P-384", EVP_EC_gen("P-384"), "ES384", JWA_ES384);
	test_fits("P-521", EVP_EC_gen("P-521"), "ES512", JWA_ES512);
	test_fits("P-224", EVP_EC_gen("P-224"), "", JWA_NONE);
	test_fits("secp256k1", EVP_EC_gen("secp256k1"), "", JWA_NONE);
	test_fits("brainpoolP256r1", EVP_EC_gen("brainpoolP256r1"), "", JWA_NONE);
	test_fits("RSA", EVP_RSA_gen(2048), "RS256 RS384 RS512 PS256 PS384 PS512", JWA_RS256);
	test_fits("Ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "EdDSA Ed25519", JWA_EDDSA);
	test_fits("Ed448", EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), "", JWA_NONE);
	test_fits("X25519", EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), "", JWA_NONE);
	test_fits("no key", NULL, "", JWA_NONE);
	return done_testing();
}
