/* cell.c - cells and gates, see sched_int.h: where they stand, and that what stands at the root is the best. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sched/sched_int.h"

static bool
item_less(const struct heap_node *a, const struct heap_node *b)
{
	return rank_less(&ITEM_OF(a, queue)->rank, &ITEM_OF(b, queue)->rank);
}

/* ---- gates ---- */

/* It stands at the root by its best cell, as long as it may offer one. */
static void
gate_show(struct sched *s, struct gate *g)
{
	struct cell *best = g->closed || g->out >= g->credit ? NULL : cell_best(g);

	if (g->member.line)
		fair_remove(&s->root, &g->member);
	if (!best)
		return;
	g->member.class = best->member.class;
	g->member.unit = best->member.unit;
	g->member.rank = best->member.rank;
	fair_add(&s->root, &g->member);
}

/* A gate that is open and has nothing to offer is forgotten. */
void
gate_review(struct sched *s, struct gate *g)
{
	gate_show(s, g);
	if (g->closed || g->count || g->out)
		return;
	fair_done(&g->cells);
	table_remove(&s->gates, g->key);
	free(g);
}

struct gate *
gate_close(struct sched *s, uint64_t key, int64_t until_ns, int64_t each_ns)
{
	struct gate *g = table_get(&s->gates, key);

	if (!g) {
		g = xcalloc(1, sizeof(*g));
		g->key = key;
		g->member.is_gate = true;
		g->served = s->served;
		fair_init(&g->cells);
		table_put(&s->gates, key, g);
	}
	g->until_ns = until_ns;
	g->each_ns = each_ns;
	if (g->closed)
		heap_moved(&s->closed, &g->timer);
	else
		heap_add(&s->closed, &g->timer);
	g->closed = true;
	gate_show(s, g);
	return g;
}

void
gate_open(struct sched *s, struct gate *g)
{
	heap_remove(&s->closed, &g->timer);
	g->closed = false;
	g->credit = 1;
	gate_review(s, g);
}

/* ---- cells ---- */

/* A cell with somebody in it stands where it stands. */
void
cell_enter(struct sched *s, struct cell *c)
{
	fair_add(c->gate ? &c->gate->cells : &s->root, &c->member);
	if (c->gate) {
		c->gate->count++;
		c->gate->waiting += c->items.count;
		gate_show(s, c->gate);
	}
}

void
cell_leave(struct sched *s, struct cell *c)
{
	fair_remove(c->gate ? &c->gate->cells : &s->root, &c->member);
	if (c->gate) {
		c->gate->count--;
		c->gate->waiting -= c->items.count;
		gate_review(s, c->gate);
	}
	c->gate = NULL;
}

void
cell_move(struct sched *s, struct cell *c, struct gate *to)
{
	if (c->gate == to)
		return;
	if (c->member.line)
		cell_leave(s, c);
	c->gate = to;
	cell_enter(s, c);
}

/* Of the buckets that it needs, the one that is closed longest; NULL = none is. */
struct gate *
cell_closed_by(const struct sched *s, const struct cell *c)
{
	struct gate *longest = NULL;

	for (size_t i = 0; i < c->key_count; i++) {
		struct gate *g = table_get(&s->gates, c->keys[i]);

		if (g && g->closed && (!longest || g->until_ns > longest->until_ns))
			longest = g;
	}
	return longest;
}

/* Where one that was empty goes: behind what is closed, or else to those that have waited at a gate before. */
struct gate *
cell_home(const struct sched *s, const struct cell *c)
{
	struct gate *g = cell_closed_by(s, c);

	for (size_t i = 0; !g && i < c->key_count; i++)
		g = table_get(&s->gates, c->keys[i]);
	return g;
}

static bool
cell_is(const struct cell *c, enum sched_class class, const struct unit *unit, const uint64_t *keys, size_t count)
{
	return c->member.class == class && c->member.unit == unit && c->key_count == count &&
		(count == 0 || memcmp(c->keys, keys, count * sizeof(*keys)) == 0);
}

/* Found or made; one reference more. */
struct cell *
cell_get(struct sched *s, enum sched_class class, struct unit *unit, const uint64_t *keys, size_t count)
{
	uint64_t hash = table_mix(unit->id * SCHED_CLASS__COUNT + class);
	struct cell *c;

	for (size_t i = 0; i < count; i++)
		hash = table_mix(hash ^ keys[i]);
	while ((c = table_get(&s->cells, hash)) && !cell_is(c, class, unit, keys, count))
		hash++;
	if (!c) {
		c = xcalloc(1, sizeof(*c) + count * sizeof(*keys));
		c->member.class = class;
		c->member.unit = unit;
		c->items.less = item_less;
		c->hash = hash;
		c->key_count = count;
		if (count)
			memcpy(c->keys, keys, count * sizeof(*keys));
		table_put(&s->cells, hash, c);
	}
	c->refs++;
	return c;
}

void
cell_unref(struct sched *s, struct cell *c)
{
	if (--c->refs)
		return;
	table_remove(&s->cells, c->hash);
	heap_done(&c->items);
	free(c);
}

/* Its first has changed. */
void
cell_moved(struct sched *s, struct cell *c)
{
	c->member.rank = ITEM_OF(heap_top(&c->items), queue)->rank;
	fair_moved(c->gate ? &c->gate->cells : &s->root, &c->member);
	if (c->gate)
		gate_show(s, c->gate);
}
