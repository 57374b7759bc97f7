/* dns01.c - the challenges dns-01 (RFC 8555 8.4) and dns-account-01 (draft-ietf-acme-dns-account-label-02), which differ in where
 * the record is.
 *
 * TXT records at "_acme-challenge." and the name, before it the account's own label or not, aliases followed by lib/dns: one of them must be the digest of the key
 * authorization; what else is there does not matter. Nothing connects to the device; where the zone's own name servers are asked, `networks` judges these. */
#include "validate/validate.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/b64url.h"
#include "base/mem.h"

#define PREFIX "_acme-challenge."
#define DIGEST_OCTETS 32
#define LABEL_OCTETS 10 /* of the digest of the account's URL */
#define LABEL_TEXT (1 + LABEL_OCTETS * 8 / 5 + 1)

struct state {
	char name[LABEL_TEXT + sizeof(PREFIX) + IDENT_VALUE]; /* where the record is looked for */
};

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
	const struct state *s = v->state;
	const char *hint = sight->is_key_auth ? " (one is the key authorization itself; its SHA-256 in base64url is expected)" :
			   sight->is_quoted   ? " (one has it between quotation marks)" :
						"";

	problem_set(&v->problem, PROBLEM_UNAUTHORIZED, "%s: none of %zu TXT records is the digest of this challenge's key authorization%s",
		s->name, sight->count, hint);
}

static void
sha256(const char *text, unsigned char ret[EVP_MAX_MD_SIZE])
{
	if (!EVP_Digest(text, strlen(text), ret, NULL, EVP_sha256(), NULL))
		abort();
}

static void
finish(struct validation *v)
{
	free(v->state);
	v->state = NULL;
	v->done(v);
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
		finish(v);
		return;
	}
	sha256(v->key_auth, octets);
	b64url_write(digest, octets, DIGEST_OCTETS);
	for (size_t i = 0; i < records->count; i++)
		look_at(records->list[i], digest, v->key_auth, &sight);
	v->proven = sight.proven;
	if (!v->proven)
		refuse(v, &sight);
	finish(v);
}

static void
start(struct validation *v, const char *label)
{
	struct state *s = xcalloc(1, sizeof(*s));

	snprintf(s->name, sizeof(s->name), "%s%s%s", label, PREFIX, v->ident.value);
	v->state = s;
	dns_records(v->env->dns, &(struct dns_ask){ s->name, v->resolvers, v->resolver_count, v->timeout_ms, v->authority }, DNS_TXT, on_records, v);
}

void
dns01_start(struct validation *v)
{
	start(v, "");
}

/* "_", the first 80 bits of the digest of the account's URL in base32 and lower case, "." */
static void
account_label(const char *account_url, char dst[LABEL_TEXT + 1])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char octets[EVP_MAX_MD_SIZE];
	char *p = dst;

	sha256(account_url, octets);
	*p++ = '_';
	for (unsigned bit = 0; bit < LABEL_OCTETS * 8; bit += 5) {
		unsigned two = (unsigned)octets[bit / 8] << 8 | octets[bit / 8 + 1];

		*p++ = letters[two >> (11 - bit % 8) & 31];
	}
	*p++ = '.';
	*p = '\0';
}

void
dnsaccount01_start(struct validation *v)
{
	char label[LABEL_TEXT + 1];

	account_label(v->account_url, label);
	start(v, label);
}
