/* dns01.c - the dns-01 challenge (RFC 8555 8.4).
 *
 * TXT records at "_acme-challenge." and the name, aliases followed by lib/dns: one of them must be the digest of the key
 * authorization; what else is there does not matter. Nothing connects to the device, so `networks` has no say. */
#include "validate/validate.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/b64url.h"

#define PREFIX "_acme-challenge."
#define DIGEST_OCTETS 32

/* What was seen, for a detail that helps; the records' texts are not shown (RFC 8555 10.4). */
struct sight {
	bool proven;
	bool is_key_auth; /* the commonest fault of hand-made records */
	bool is_quoted;
	size_t count;
};

static void
look_at(struct span rdata, const char *digest, const char *key_auth, struct sight *sight)
{
	char text[256];

	sight->count++;
	if (!dns_txt_join(rdata, text, sizeof(text)))
		return;
	sight->proven = sight->proven || strcmp(text, digest) == 0;
	sight->is_key_auth = sight->is_key_auth || strcmp(text, key_auth) == 0;
	sight->is_quoted = sight->is_quoted || (text[0] == '"' && strstr(text, digest));
}

static void
refuse(struct validation *v, const struct sight *sight)
{
	const char *hint = sight->is_key_auth ? " (one is the key authorization itself; its SHA-256 in base64url is expected)" :
			   sight->is_quoted   ? " (one has it between quotation marks)" :
						"";

	problem_set(&v->problem, PROBLEM_UNAUTHORIZED, "%s%s: none of %zu TXT records is the digest of this challenge's key authorization%s",
		PREFIX, v->ident.value, sight->count, hint);
}

static void
on_records(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct validation *v = arg;
	unsigned char octets[EVP_MAX_MD_SIZE];
	char digest[B64URL_LEN(DIGEST_OCTETS) + 1];
	struct sight sight = { 0 };

	if (pr) {
		/* V2: a name that is there without a record of that type has not said anything wrong about the DNS */
		problem_set(&v->problem, records->outcome == DNS_NO_RECORD ? PROBLEM_UNAUTHORIZED : PROBLEM_DNS, "%s", pr->detail);
		v->done(v);
		return;
	}
	if (!EVP_Digest(v->key_auth, strlen(v->key_auth), octets, NULL, EVP_sha256(), NULL))
		abort();
	b64url_write(digest, octets, DIGEST_OCTETS);
	for (size_t i = 0; i < records->count; i++)
		look_at(records->list[i], digest, v->key_auth, &sight);
	v->proven = sight.proven;
	if (!v->proven)
		refuse(v, &sight);
	v->done(v);
}

void
dns01_start(struct validation *v)
{
	char name[sizeof(PREFIX) + sizeof(v->ident.value)];

	snprintf(name, sizeof(name), "%s%s", PREFIX, v->ident.value);
	dns_records(v->env->dns, &(struct dns_ask){ name, v->resolvers, v->resolver_count, v->timeout_ms }, DNS_TXT, on_records, v);
}
