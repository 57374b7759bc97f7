/* Counters that threads raise without meeting: no count is lost, whoever counts. */
#include "base/tally.h"

#include <pthread.h>

#include "tap.h"

#define THREADS (TALLY_SHARDS + 5) /* some share cells */
#define TIMES 20000
#define COUNTERS 11

static struct tally *tally;

static void *
count(void *arg)
{
	for (size_t i = 0; i < TIMES; i++)
		tally_add(tally, i % COUNTERS, i % COUNTERS);
	return arg;
}

int
main(void)
{
	pthread_t threads[THREADS];
	uint64_t want[COUNTERS] = { 0 }, low = 0;

	tally = tally_new(COUNTERS);
	for (size_t i = 0; i < COUNTERS; i++)
		low += tally_sum(tally, i);
	is_int(low, 0, "counters begin at zero");
	for (size_t i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, count, NULL) != 0)
			return 1;
	}
	for (size_t i = 0; i < TIMES; i++)
		want[i % COUNTERS] += (i % COUNTERS) * THREADS;
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < COUNTERS; i++)
		is_int(tally_sum(tally, i), want[i], "counter %zu has all that %d threads added", i, THREADS);
	tally_add(tally, COUNTERS - 1, UINT64_C(1) << 40);
	is_int(tally_sum(tally, COUNTERS - 1), (UINT64_C(1) << 40) + want[COUNTERS - 1], "and more than 32 bits");
	is_int(tally_sum(tally, 0), want[0], "its neighbour nothing of it");
	tally_free(tally);
	tally_add(NULL, 7, 1);
	is_int(tally_sum(NULL, 7), 0, "no tally counts nothing");
	tally_free(NULL);
	return done_testing();
}
