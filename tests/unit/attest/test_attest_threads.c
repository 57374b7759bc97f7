/* test_attest_threads.c - one set of roots, many workers: statements of all formats verified at the
 * same time, good ones and bad ones in turn. */
#include <pthread.h>

#include "tap.h"
#include "vector.h"

#define THREADS 4
#define ROUNDS 8

static const struct {
	const char *file;
	bool good;
} some[] = {
	{"tpm-swtpm/ok-ecc-ak-p256.json", true},
	{"tpm-swtpm/ok-rsa-ak-rsa2048.json", true},
	{"tpm-swtpm/bad-signature.json", false},
	{"apple/standin-apple-good.json", true},
	{"apple/standin-apple-no-freshness.json", false},
	{"android-key/standin-android-key-good.json", true},
	{"android-key/android-key-rkp-2025.json", true},
	{"step/standin-step-good.json", true},
	{"step/standin-step-other-root.json", false},
	{"packed/packed-feitian-biopass.json", true},
};

static struct vector vectors[COUNT_OF(some)];

static void *
work(void *arg)
{
	size_t *wrong = arg;

	for (size_t i = 0; i < ROUNDS * COUNT_OF(some); i++) {
		struct attest_facts facts;
		struct problem pr = {0};
		bool good = attest_verify(&vectors[i % COUNT_OF(some)].in, &facts, &pr);

		*wrong += good != some[i % COUNT_OF(some)].good;
		if (good)
			attest_facts_done(&facts);
	}
	return NULL;
}

int
main(void)
{
	size_t wrong[THREADS] = {0};
	pthread_t threads[THREADS];

	for (size_t i = 0; i < COUNT_OF(some); i++) {
		if (!vector_load(some[i].file, &vectors[i]))
			return 1;
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, &wrong[i]);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		is_int(wrong[i], 0, "thread %zu had the verdicts that are recorded", i);
	}
	for (size_t i = 0; i < COUNT_OF(some); i++)
		vector_done(&vectors[i]);
	return done_testing();
}
