/* jwa.c - the algorithms that we know, and which key each one takes. Whatever has no row here does
 * not exist for us: the choice is by list of what is allowed, never of what is forbidden. */
#include "jose/jwa.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/mem.h"

static const struct jwa_info infos[JWA__COUNT] = {
	/* alg           name       kind              digest signature */
	[JWA_ES256] = { "ES256", JWA_KIND_EC, 32, 64 },
	[JWA_ES384] = { "ES384", JWA_KIND_EC, 48, 96 },
	[JWA_ES512] = { "ES512", JWA_KIND_EC, 64, 132 },
	[JWA_RS256] = { "RS256", JWA_KIND_RSA, 32, 0 },
	[JWA_RS384] = { "RS384", JWA_KIND_RSA, 48, 0 },
	[JWA_RS512] = { "RS512", JWA_KIND_RSA, 64, 0 },
	[JWA_PS256] = { "PS256", JWA_KIND_RSA_PSS, 32, 0 },
	[JWA_PS384] = { "PS384", JWA_KIND_RSA_PSS, 48, 0 },
	[JWA_PS512] = { "PS512", JWA_KIND_RSA_PSS, 64, 0 },
	[JWA_EDDSA] = { "EdDSA", JWA_KIND_ED25519, 0, 64 },
	/* RFC 9864 gives EdDSA with Ed25519 a name of its own */
	[JWA_ED25519] = { "Ed25519", JWA_KIND_ED25519, 0, 64 },
	[JWA_HS256] = { "HS256", JWA_KIND_MAC, 32, 32 },
	[JWA_HS384] = { "HS384", JWA_KIND_MAC, 48, 48 },
	[JWA_HS512] = { "HS512", JWA_KIND_MAC, 64, 64 },
};

static const struct jwa_curve curves[] = {
	{"P-256", "prime256v1", 32, JWA_ES256, KEY_P256},
	{"P-384", "secp384r1", 48, JWA_ES384, KEY_P384},
	{"P-521", "secp521r1", 66, JWA_ES512, KEY_P521},
};

static pthread_once_t digests_once = PTHREAD_ONCE_INIT;
static EVP_MD *sha256, *sha384, *sha512;

static EVP_MD *
fetch(const char *name)
{
	EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);

	if (!md) {
		fprintf(stderr, "OpenSSL has no %s\n", name);
		abort();
	}
	return md;
}

static void
fetch_digests(void)
{
	sha256 = fetch("SHA256");
	sha384 = fetch("SHA384");
	sha512 = fetch("SHA512");
}

const EVP_MD *
jwa_digest(unsigned octets)
{
	pthread_once(&digests_once, fetch_digests);
	return octets == 32 ? sha256 : octets == 48 ? sha384 : sha512;
}

const struct jwa_info *
jwa_info(enum jwa alg)
{
	return &infos[alg];
}

const struct jwa_curve *
jwa_curve_named(struct span crv)
{
	for (size_t i = 0; i < COUNT_OF(curves); i++) {
		if (span_is(crv, curves[i].crv))
			return &curves[i];
	}
	return NULL;
}

const struct jwa_curve *
jwa_curve_of(const EVP_PKEY *key)
{
	char group[64];

	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
		!EVP_PKEY_get_group_name(key, group, sizeof(group), NULL))
		return NULL;
	for (size_t i = 0; i < COUNT_OF(curves); i++) {
		if (strcmp(group, curves[i].group) == 0)
			return &curves[i];
	}
	return NULL;
}

const char *
jwa_name(enum jwa alg)
{
	return alg > JWA_NONE && alg < JWA__COUNT ? infos[alg].name : "none";
}

enum jwa
jwa_parse(struct span name)
{
	for (enum jwa alg = JWA_NONE + 1; alg < JWA__COUNT; alg++) {
		if (span_is(name, infos[alg].name))
			return alg;
	}
	return JWA_NONE;
}

bool
jwa_is_mac(enum jwa alg)
{
	return alg > JWA_NONE && alg < JWA__COUNT && infos[alg].kind == JWA_KIND_MAC;
}

bool
jwa_fits(enum jwa alg, EVP_PKEY *key)
{
	const struct jwa_curve *curve;

	if (alg <= JWA_NONE || alg >= JWA__COUNT || !key)
		return false;
	switch (infos[alg].kind) {
	case JWA_KIND_EC:
		curve = jwa_curve_of(key);
		return curve && curve->alg == alg;
	case JWA_KIND_RSA:
	case JWA_KIND_RSA_PSS:
		return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA;
	case JWA_KIND_ED25519:
		return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
	case JWA_KIND_MAC:
		break;
	}
	return false;
}

enum jwa
jwa_for_key(EVP_PKEY *key)
{
	static const enum jwa ours[] = { JWA_ES256, JWA_ES384, JWA_ES512, JWA_RS256, JWA_EDDSA };

	for (size_t i = 0; i < COUNT_OF(ours); i++) {
		if (jwa_fits(ours[i], key))
			return ours[i];
	}
	return JWA_NONE;
}

const char *
jwa_list_json(void)
{
	return "[\"ES256\",\"ES384\",\"ES512\",\"RS256\",\"RS384\",\"RS512\",\"PS256\",\"PS384\","
	       "\"PS512\",\"EdDSA\",\"Ed25519\"]";
}
