/* The nonce window: each nonce once, whoever asks and however many at a time; and the cache of account keys. */
#include "server/nonce.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/b64url.h"
#include "pki/key.h"
#include "server/keycache.h"
#include "tap.h"

#define HALF (1u << 19) /* so many later a nonce is dead */
#define THREADS 8
#define EACH 20000

static void
test_single(void)
{
	struct nonce_window *w = nonce_window_new(), *other = nonce_window_new();
	char a[REPLAY_NONCE_TEXT], b[REPLAY_NONCE_TEXT], c[REPLAY_NONCE_TEXT], long_one[80];
	unsigned char raw[24];

	nonce_make(w, a);
	nonce_make(w, b);
	ok(strlen(a) == 32 && b64url_is_alphabet(span_str(a)), "a nonce is 32 characters of base64url (RFC 8555 6.5.1)");
	ok(strcmp(a, b) != 0, "no two are alike");
	ok(nonce_spend(w, span_str(a)), "it is good once");
	ok(!nonce_spend(w, span_str(a)), "and not twice");
	ok(nonce_spend(w, span_str(b)), "in any order");
	nonce_make(other, c);
	ok(!nonce_spend(w, span_str(c)), "another gateway's is not good");
	ok(nonce_spend(other, span_str(c)), "but for that gateway");

	nonce_make(w, a);
	for (size_t i = 0; i < 24; i++) {
		b64url_read_exact(span_str(a), raw, sizeof(raw));
		raw[i] ^= 1;
		b64url_write(c, raw, sizeof(raw));
		if (nonce_spend(w, span_str(c)))
			break;
		if (i == 23)
			ok(true, "one bit changed in any octet makes it a forgery");
	}
	ok(nonce_spend(w, span_str(a)), "which does not spend the true one");
	ok(!nonce_spend(w, SPAN("")) && !nonce_spend(w, SPAN("AAAA")), "too short ones are not good");
	nonce_make(w, a);
	snprintf(long_one, sizeof(long_one), "%sAAAA", a);
	ok(!nonce_spend(w, span_str(long_one)), "nor longer ones");
	a[31] = a[31] == 'A' ? 'B' : 'A';
	ok(!nonce_spend(w, span_str(a)), "nor one with another last character");
	nonce_window_free(w);
	nonce_window_free(other);
	nonce_window_free(NULL);
}

static void
test_age(void)
{
	struct nonce_window *w = nonce_window_new();
	char old[REPLAY_NONCE_TEXT], last[REPLAY_NONCE_TEXT], spent[REPLAY_NONCE_TEXT], text[REPLAY_NONCE_TEXT];
	bool good = true;

	nonce_make(w, spent);
	nonce_spend(w, span_str(spent));
	nonce_make(w, old);
	nonce_make(w, last);
	for (unsigned i = 0; i < HALF - 1; i++)
		nonce_make(w, text);
	ok(!nonce_spend(w, span_str(old)), "half a million later a nonce is too old");
	ok(nonce_spend(w, span_str(last)), "the one after it is the oldest that is not");
	for (unsigned i = 0; i < HALF + 16; i++) {
		nonce_make(w, text);
		if (i % 1000 == 0)
			good = good && nonce_spend(w, span_str(text)) && !nonce_spend(w, span_str(text));
	}
	ok(good, "when the window has wrapped each new one is good once");
	ok(!nonce_spend(w, span_str(spent)) && !nonce_spend(w, span_str(last)), "and those of before stay spent");
	nonce_window_free(w);
}

struct race {
	struct nonce_window *w;
	char (*texts)[REPLAY_NONCE_TEXT];
	pthread_barrier_t *start;
	_Atomic(int) *spent;
	unsigned seed;
};

static void *
spend_all(void *arg)
{
	struct race *r = arg;
	char text[REPLAY_NONCE_TEXT];

	pthread_barrier_wait(r->start);
	for (unsigned i = 0; i < EACH; i++) {
		/* each thread begins elsewhere, so that they meet at other nonces all the time */
		unsigned at = (i + r->seed * 7) % EACH;

		if (nonce_spend(r->w, span_str(r->texts[at])))
			atomic_fetch_add(&r->spent[at], 1);
		if (i % 8 == 0)
			nonce_make(r->w, text);
	}
	return NULL;
}

static void
test_threads(void)
{
	struct nonce_window *w = nonce_window_new();
	char (*texts)[REPLAY_NONCE_TEXT] = calloc(EACH, sizeof(*texts));
	_Atomic(int) *spent = calloc(EACH, sizeof(*spent));
	struct race races[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	int wrong = 0;

	for (unsigned i = 0; i < EACH; i++)
		nonce_make(w, texts[i]);
	pthread_barrier_init(&start, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++) {
		races[i] = (struct race){ w, texts, &start, spent, i };
		if (pthread_create(&threads[i], NULL, spend_all, &races[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < EACH; i++)
		wrong += atomic_load(&spent[i]) != 1;
	is_int(wrong, 0, "of %d threads that spend the same nonces exactly one succeeds for each", THREADS);
	pthread_barrier_destroy(&start);
	free(texts);
	free((void *)spent);
	nonce_window_free(w);
}

struct made {
	struct nonce_window *w;
	char (*texts)[REPLAY_NONCE_TEXT];
};

static void *
make_all(void *arg)
{
	struct made *m = arg;

	for (unsigned i = 0; i < EACH; i++)
		nonce_make(m->w, m->texts[i]);
	return NULL;
}

static void
test_making(void)
{
	struct nonce_window *w = nonce_window_new();
	struct made made[THREADS];
	pthread_t threads[THREADS];
	int wrong = 0;

	for (unsigned i = 0; i < THREADS; i++) {
		made[i] = (struct made){ w, calloc(EACH, sizeof(*made[i].texts)) };
		if (pthread_create(&threads[i], NULL, make_all, &made[i]) != 0)
			abort();
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < THREADS; i++) {
		for (unsigned n = 0; n < EACH; n++)
			wrong += !nonce_spend(w, span_str(made[i].texts[n]));
		free(made[i].texts);
	}
	is_int(wrong, 0, "%d threads make nonces at once, and every one of them is good", THREADS);
	nonce_window_free(w);
}

/* ---- the cache of keys ---- */

static void
ref_of(int i, char ref[REF_TEXT])
{
	snprintf(ref, REF_TEXT, "account-%014d", i);
}

static void
test_cache(void)
{
	struct keycache *c = keycache_new(3);
	struct problem pr = { 0 };
	EVP_PKEY *key = NULL, *second = NULL, *got;
	char ref[REF_TEXT], thumbprint[THUMBPRINT_TEXT] = "";

	if (!ok(key_make(KEY_P256, &key, &pr) && key_make(KEY_ED25519, &second, &pr), "two keys"))
		return;
	ref_of(1, ref);
	ok(!keycache_get(c, ref, thumbprint), "an empty cache has no key");
	keycache_put(c, ref, "thumb-1", key);
	got = keycache_get(c, ref, thumbprint);
	ok(got == key && strcmp(thumbprint, "thumb-1") == 0, "a key that was put is there, with its thumbprint");
	EVP_PKEY_free(got);
	keycache_put(c, ref, "thumb-2", second);
	got = keycache_get(c, ref, thumbprint);
	ok(got == second && strcmp(thumbprint, "thumb-2") == 0, "another key takes its place");
	EVP_PKEY_free(got);
	keycache_drop(c, ref);
	ok(!keycache_get(c, ref, thumbprint), "it is gone when dropped");
	keycache_drop(c, ref);
	for (int i = 1; i <= 4; i++) {
		ref_of(i, ref);
		keycache_put(c, ref, "t", key);
	}
	ref_of(1, ref);
	ok(!keycache_get(c, ref, thumbprint), "the oldest makes room when the cache is full");
	for (int i = 2; i <= 4; i++) {
		ref_of(i, ref);
		got = keycache_get(c, ref, thumbprint);
		ok(got == key, "number %d is still there", i);
		EVP_PKEY_free(got);
	}
	keycache_free(c);
	keycache_free(NULL);
	EVP_PKEY_free(key);
	EVP_PKEY_free(second);
}

struct hammer {
	struct keycache *c;
	EVP_PKEY *keys[2];
	bool bad;
};

static void *
hammer(void *arg)
{
	struct hammer *h = arg;
	char ref[REF_TEXT], thumbprint[THUMBPRINT_TEXT];

	for (int i = 0; i < 20000; i++) {
		int n = i % 7;
		EVP_PKEY *key;

		ref_of(n, ref);
		if (i % 3 == 0)
			keycache_put(h->c, ref, n % 2 ? "one" : "zero", h->keys[n % 2]);
		if (i % 11 == 0)
			keycache_drop(h->c, ref);
		key = keycache_get(h->c, ref, thumbprint);
		if (key && (key != h->keys[n % 2] || strcmp(thumbprint, n % 2 ? "one" : "zero") != 0))
			h->bad = true;
		EVP_PKEY_free(key);
	}
	return NULL;
}

static void
test_cache_threads(void)
{
	struct hammer h[4] = { { .c = keycache_new(5) } };
	pthread_t threads[4];
	struct problem pr = { 0 };
	bool bad = false;

	if (!key_make(KEY_P256, &h[0].keys[0], &pr) || !key_make(KEY_P256, &h[0].keys[1], &pr))
		abort();
	for (int i = 0; i < 4; i++) {
		h[i] = h[0];
		if (pthread_create(&threads[i], NULL, hammer, &h[i]) != 0)
			abort();
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		bad = bad || h[i].bad;
	}
	ok(!bad, "threads that put, get and drop at once see each key with its own thumbprint");
	keycache_free(h[0].c);
	EVP_PKEY_free(h[0].keys[0]);
	EVP_PKEY_free(h[0].keys[1]);
}

int
main(void)
{
	test_single();
	test_age();
	test_threads();
	test_making();
	test_cache();
	test_cache_threads();
	return done_testing();
}
