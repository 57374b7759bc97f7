/* issuers.c - see issuers.h. The last few are kept; the oldest makes room. */
#include "pki/issuers.h"

#include <pthread.h>

#include <openssl/evp.h>

#define KEPT 32

static struct {
	pthread_mutex_t lock;
	struct {
		unsigned char sha256[32];
		struct cert *cert; /* NULL = free */
	} kept[KEPT];              /* under lock, as is the next */
	unsigned next;
} issuers = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct cert *
find(const unsigned char sha256[32])
{
	struct cert *cert = NULL;

	pthread_mutex_lock(&issuers.lock);
	for (size_t i = 0; i < KEPT && !cert; i++) {
		if (issuers.kept[i].cert && memcmp(issuers.kept[i].sha256, sha256, 32) == 0)
			cert = cert_ref(issuers.kept[i].cert);
	}
	pthread_mutex_unlock(&issuers.lock);
	return cert;
}

static void
keep(const unsigned char sha256[32], struct cert *cert)
{
	struct cert *old;

	pthread_mutex_lock(&issuers.lock);
	old = issuers.kept[issuers.next].cert;
	issuers.kept[issuers.next].cert = cert_ref(cert);
	memcpy(issuers.kept[issuers.next].sha256, sha256, 32);
	issuers.next = (issuers.next + 1) % KEPT;
	pthread_mutex_unlock(&issuers.lock);
	cert_free(old);
}

bool
issuer_parse(struct span der, struct cert **ret, struct problem *pr)
{
	unsigned char sha256[32];

	if (!EVP_Digest(der.p, der.n, sha256, NULL, EVP_sha256(), NULL))
		return problem_internal(pr, "SHA-256 of a certificate");
	*ret = find(sha256);
	if (*ret)
		return true;
	if (!cert_parse(der, ret, pr))
		return false;
	keep(sha256, *ret);
	return true;
}
