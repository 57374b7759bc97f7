/* test_buckets.c - token buckets: burst, refill, bounds, threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/buckets.h"
#include "tap.h"

static struct buckets *shared;
static _Atomic(int) got;

static void *
take_many(void *arg)
{
	msec_t wait;

	(void)arg;
	for (int i = 0; i < 1000; i++)
		got += buckets_take(shared, SPAN("one"), (struct rate){ 500, 1000 }, 1000, &wait);
	return NULL;
}

static void
test_rate(void)
{
	struct buckets *b = buckets_new(100);
	struct rate rate = { 3, 1000 };
	msec_t wait;
	int taken = 0;

	for (int i = 0; i < 5; i++)
		taken += buckets_take(b, SPAN("a"), rate, 10000, &wait);
	is_int(taken, 3, "a burst is what it says");
	ok(!buckets_take(b, SPAN("a"), rate, 10000, &wait) && wait == 1000, "then one must wait for the next token");
	ok(!buckets_take(b, SPAN("a"), rate, 10999, &wait) && wait == 1, "to the millisecond");
	ok(buckets_has(b, SPAN("a"), rate, 11000, &wait) && buckets_take(b, SPAN("a"), rate, 11000, &wait), "which comes in time, and asking takes none");
	ok(!buckets_take(b, SPAN("a"), rate, 11000, &wait), "one only");
	ok(buckets_take(b, SPAN("b"), rate, 11000, &wait), "another key has its own");
	taken = 0;
	for (int i = 0; i < 5; i++)
		taken += buckets_take(b, SPAN("a"), rate, 100000, &wait);
	is_int(taken, 3, "a long rest fills it, not more");
	taken = 0;
	for (int i = 0; i < 50; i++)
		taken += buckets_take(b, SPAN("a"), (struct rate){ 0, 1000 }, 100000, &wait);
	is_int(taken, 50, "burst 0 is no limit");
	buckets_free(b);
}

static void
test_bounds(void)
{
	struct buckets *b = buckets_new(1000);
	struct buckets_stats stats;
	char key[32];
	msec_t wait;

	for (int i = 0; i < 100000; i++) {
		int n = snprintf(key, sizeof(key), "key-%d", i);

		buckets_take(b, span_of(key, (size_t)n), (struct rate){ 1, 1000000 }, 1, &wait);
	}
	buckets_stats(b, &stats);
	ok(stats.keys <= 1016 && stats.taken == 100000, "a flood of keys does not grow it (%llu held)", (unsigned long long)stats.keys);
	buckets_free(b);
	b = buckets_new(100000);
	for (int i = 0; i < 50000; i++) {
		int n = snprintf(key, sizeof(key), "key-%d", i);

		buckets_take(b, span_of(key, (size_t)n), (struct rate){ 1, 10 }, i, &wait);
	}
	buckets_stats(b, &stats);
	ok(stats.keys < 1000, "keys at rest are forgotten (%llu held)", (unsigned long long)stats.keys);
	buckets_free(b);
}

static void
test_threads(void)
{
	pthread_t threads[4];

	shared = buckets_new(10);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, take_many, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	is_int(got, 500, "four threads together get the burst, no more");
	buckets_free(shared);
}

int
main(void)
{
	test_rate();
	test_bounds();
	test_threads();
	return done_testing();
}
