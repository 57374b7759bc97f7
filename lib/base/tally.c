/* tally.c - see tally.h. */
#include "base/tally.h"

#include <stdlib.h>

#include "base/mem.h"

#define LINE 64 /* octets that processors fetch together */
#define LINE_CELLS (LINE / sizeof(uint64_t))

_Thread_local unsigned tally_shard;

unsigned
tally_shard_choose(void)
{
	static atomic_uint next;

	tally_shard = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % TALLY_SHARDS + 1;
	return tally_shard;
}

struct tally *
tally_new(size_t count)
{
	struct tally *t = xcalloc(1, sizeof(*t));

	t->count = count;
	t->row = (count + LINE_CELLS - 1) / LINE_CELLS * LINE_CELLS;
	t->cells = aligned_alloc(LINE, TALLY_SHARDS * t->row * sizeof(*t->cells));
	if (!t->cells)
		abort();
	for (size_t i = 0; i < TALLY_SHARDS * t->row; i++)
		atomic_init(&t->cells[i], 0);
	return t;
}

void
tally_free(struct tally *t)
{
	if (t)
		free(t->cells);
	free(t);
}

uint64_t
tally_sum(const struct tally *t, size_t i)
{
	uint64_t sum = 0;

	for (size_t shard = 0; t && shard < TALLY_SHARDS; shard++)
		sum += atomic_load_explicit(&t->cells[shard * t->row + i], memory_order_relaxed);
	return sum;
}
