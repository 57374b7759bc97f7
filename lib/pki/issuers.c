/* issuers.c - see issuers.h. The last few are kept; the oldest makes room. */
#include "pki/issuers.h"

#include <pthread.h>

#include <openssl/evp.h>

#define KEPT 32

struct store {
	pthread_mutex_t lock;
	struct {
		unsigned char sha256[32];
		struct cert *cert; /* NULL = free */
	} kept[KEPT];              /* under lock, as is the next */
	unsigned next;
};

static struct store issuers = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct store links = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct cert *
find(struct store *store, const unsigned char sha256[32])
{
	struct cert *cert = NULL;

	pthread_mutex_lock(&store->lock);
	for (size_t i = 0; i < KEPT && !cert; i++) {
		if (store->kept[i].cert && memcmp(store->kept[i].sha256, sha256, 32) == 0)
			cert = cert_ref(store->kept[i].cert);
	}
	pthread_mutex_unlock(&store->lock);
	return cert;
}

static void
keep(struct store *store, const unsigned char sha256[32], struct cert *cert)
{
	struct cert *old;

	pthread_mutex_lock(&store->lock);
	old = store->kept[store->next].cert;
	store->kept[store->next].cert = cert_ref(cert);
	memcpy(store->kept[store->next].sha256, sha256, 32);
	store->next = (store->next + 1) % KEPT;
	pthread_mutex_unlock(&store->lock);
	cert_free(old);
}

static bool
parse(struct store *store, bool (*parser)(struct span, struct cert **, struct problem *),
	struct span der, struct cert **ret, struct problem *pr)
{
	unsigned char sha256[32];

	if (!EVP_Digest(der.p, der.n, sha256, NULL, EVP_sha256(), NULL))
		return problem_internal(pr, "SHA-256 of a certificate");
	*ret = find(store, sha256);
	if (*ret)
		return true;
	if (!parser(der, ret, pr))
		return false;
	keep(store, sha256, *ret);
	return true;
}

bool
issuer_parse(struct span der, struct cert **ret, struct problem *pr)
{
	return parse(&issuers, cert_parse, der, ret, pr);
}

bool
link_parse(struct span der, struct cert **ret, struct problem *pr)
{
	return parse(&links, signer_parse, der, ret, pr);
}
