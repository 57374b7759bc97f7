/* tally.h - counters that many threads raise without meeting: each adds in cells of its own, a reader adds those up. Any thread. */
#ifndef BASE_TALLY_H
#define BASE_TALLY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define TALLY_SHARDS 16 /* more threads than that share cells, which costs them time and no count */

/* `count` counters; one row for each shard, rows a cache line apart. */
struct tally {
	size_t count, row;
	_Atomic(uint64_t) *cells; /* owned */
};
struct tally *tally_new(size_t count);
void tally_free(struct tally *t);

extern _Thread_local unsigned tally_shard; /* counts from 1; 0 = this thread has none yet */
/* Give this thread one, the next in turn; returns it. */
unsigned tally_shard_choose(void);

/* Raise counter i. t NULL: nothing is counted. */
static inline void
tally_add(struct tally *t, size_t i, uint64_t n)
{
	unsigned shard = tally_shard ? tally_shard : tally_shard_choose();

	if (t)
		atomic_fetch_add_explicit(&t->cells[(shard - 1) * t->row + i], n, memory_order_relaxed);
}

/* Its sum so far; t NULL: 0. */
uint64_t tally_sum(const struct tally *t, size_t i);
#endif
