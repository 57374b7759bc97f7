/* table.c - see table.h: open addressing, linear probing; who is taken out is not marked, but the others close up. */
#include "sched/table.h"

#include <stdlib.h>

#include "base/mem.h"

void
table_done(struct table *t)
{
	free(t->slots);
	*t = (struct table){ 0 };
}

/* splitmix64's last steps */
uint64_t
table_mix(uint64_t n)
{
	n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
	return n ^ (n >> 31);
}

/* Where the key is, or would be. */
static size_t
find(const struct table *t, uint64_t key)
{
	size_t at = table_mix(key) & (t->room - 1);

	while (t->slots[at].value && t->slots[at].key != key)
		at = (at + 1) & (t->room - 1);
	return at;
}

void *
table_get(const struct table *t, uint64_t key)
{
	return t->room ? t->slots[find(t, key)].value : NULL;
}

static void
grow(struct table *t)
{
	struct table bigger = { .room = t->room ? t->room * 2 : 8, .count = t->count };

	bigger.slots = xcalloc(bigger.room, sizeof(*bigger.slots));
	for (size_t i = 0; i < t->room; i++) {
		if (t->slots[i].value)
			bigger.slots[find(&bigger, t->slots[i].key)] = t->slots[i];
	}
	free(t->slots);
	*t = bigger;
}

void
table_put(struct table *t, uint64_t key, void *value)
{
	if (t->count >= t->room / 4 * 3)
		grow(t);
	t->slots[find(t, key)] = (struct table_slot){ key, value };
	t->count++;
}

void
table_remove(struct table *t, uint64_t key)
{
	size_t mask = t->room - 1, hole, at;

	if (t->room == 0)
		return;
	hole = at = find(t, key);
	if (!t->slots[hole].value)
		return;
	t->slots[hole].value = NULL;
	t->count--;
	for (at = (at + 1) & mask; t->slots[at].value; at = (at + 1) & mask) {
		size_t home = table_mix(t->slots[at].key) & mask;

		/* may it lie in the hole: is the hole on its way from home to here? */
		if (((at - home) & mask) < ((at - hole) & mask))
			continue;
		t->slots[hole] = t->slots[at];
		t->slots[at].value = NULL;
		hole = at;
	}
}
