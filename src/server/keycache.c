/* keycache.c - see keycache.h. The oldest entry goes when it is full; uthash keeps the order of insertion. */
#include "server/keycache.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <uthash.h>

#include "base/mem.h"

struct entry {
	char ref[REF_TEXT];
	char thumbprint[THUMBPRINT_TEXT];
	EVP_PKEY *key;
	UT_hash_handle hh;
};

struct keycache {
	pthread_mutex_t lock;
	struct entry *entries; /* under lock */
	size_t max;
};

struct keycache *
keycache_new(size_t max)
{
	struct keycache *c = xcalloc(1, sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	c->max = max;
	return c;
}

static void
entry_drop(struct keycache *c, struct entry *e)
{
	HASH_DEL(c->entries, e);
	EVP_PKEY_free(e->key);
	free(e);
}

void
keycache_free(struct keycache *c)
{
	if (!c)
		return;
	while (c->entries)
		entry_drop(c, c->entries);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

EVP_PKEY *
keycache_get(struct keycache *c, const char *account_ref, char ret_thumbprint[THUMBPRINT_TEXT])
{
	EVP_PKEY *key = NULL;
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	HASH_FIND_STR(c->entries, account_ref, e);
	if (e) {
		key = e->key;
		EVP_PKEY_up_ref(key);
		memcpy(ret_thumbprint, e->thumbprint, sizeof(e->thumbprint));
	}
	pthread_mutex_unlock(&c->lock);
	return key;
}

void
keycache_put(struct keycache *c, const char *account_ref, const char *thumbprint, EVP_PKEY *key)
{
	struct entry *e = xcalloc(1, sizeof(*e)), *old;

	span_copy(span_str(account_ref), e->ref, sizeof(e->ref));
	span_copy(span_str(thumbprint), e->thumbprint, sizeof(e->thumbprint));
	EVP_PKEY_up_ref(key);
	e->key = key;
	pthread_mutex_lock(&c->lock);
	HASH_FIND_STR(c->entries, account_ref, old);
	if (old)
		entry_drop(c, old);
	else if (HASH_COUNT(c->entries) >= c->max)
		entry_drop(c, c->entries);
	HASH_ADD_STR(c->entries, ref, e);
	pthread_mutex_unlock(&c->lock);
}

void
keycache_drop(struct keycache *c, const char *account_ref)
{
	struct entry *e;

	pthread_mutex_lock(&c->lock);
	HASH_FIND_STR(c->entries, account_ref, e);
	if (e)
		entry_drop(c, e);
	pthread_mutex_unlock(&c->lock);
}
