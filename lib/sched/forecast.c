/* forecast.c - when those that wait will be admitted, see sched.h: each queue is put in the order in which it would be served, and its
 * bucket lets one through at a time. */
#include <stdlib.h>

#include "base/mem.h"
#include "sched/sched_int.h"

struct entry {
	const struct item *item;
	int64_t start; /* by the clock of its unit; 0 where shares do not count */
};

struct queue {
	const struct sched *s;
	const struct fair *fair;
	const struct gate *gate; /* NULL = the root */
	struct entry *entries;
	size_t count, room;
};

static void
take_cell(struct member *m, void *arg)
{
	struct queue *q = arg;
	const struct cell *c = HEAP_OF(m, struct cell, member);

	if (m->is_gate)
		return;
	while (q->count + c->items.count > q->room) {
		q->room = q->room ? q->room * 2 : 64;
		q->entries = xrealloc(q->entries, q->room * sizeof(*q->entries));
	}
	for (uint32_t i = 0; i < c->items.count; i++)
		q->entries[q->count++] = (struct entry){ .item = ITEM_OF(c->items.nodes[i], queue) };
}

static int
by(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

static int
by_rank(const struct item *a, const struct item *b)
{
	return rank_less(&a->rank, &b->rank) ? -1 : 1;
}

static enum sched_class
class_of(const struct item *it)
{
	return it->cell->member.class;
}

static int
by_unit(const void *pa, const void *pb)
{
	const struct item *a = ((const struct entry *)pa)->item, *b = ((const struct entry *)pb)->item;
	const struct unit *ua = a->cell->member.unit, *ub = b->cell->member.unit;

	if (ua != ub)
		return ua->id < ub->id ? -1 : 1;
	return class_of(a) != class_of(b) ? by(class_of(a), class_of(b)) : by_rank(a, b);
}

static int
by_service(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (class_of(a->item) != class_of(b->item))
		return by(class_of(a->item), class_of(b->item));
	return a->start != b->start ? by(a->start, b->start) : by_rank(a->item, b->item);
}

/* What each unit takes moves its clock on, in whatever class. */
static void
put_in_order(struct queue *q)
{
	const struct unit *u = NULL;
	int64_t time = 0;

	qsort(q->entries, q->count, sizeof(*q->entries), by_unit);
	for (size_t i = 0; i < q->count; i++) {
		const struct item *it = q->entries[i].item;

		if (it->cell->member.unit != u) {
			u = it->cell->member.unit;
			time = fair_time(q->fair, u);
		}
		q->entries[i].start = fair_is_shared(class_of(it)) ? time : 0;
		time += fair_step(u, it->cost);
	}
	qsort(q->entries, q->count, sizeof(*q->entries), by_service);
}

static int64_t
at_place(const struct gate *g, size_t place, int64_t now_ns)
{
	int64_t at = g->closed && g->until_ns > now_ns ? g->until_ns : now_ns, wait;

	return __builtin_mul_overflow((int64_t)place, g->each_ns, &wait) || __builtin_add_overflow(at, wait, &at) ? SCHED_NEVER : at;
}

/* Another of its buckets may be closed longer. */
static void
heed_others(const struct queue *q, const struct cell *c, struct sched_forecast *f)
{
	for (size_t i = 0; i < c->key_count; i++) {
		const struct gate *g = table_get(&q->s->gates, c->keys[i]);

		if (!g || g == q->gate || !g->closed || g->until_ns <= f->at_ns)
			continue;
		f->at_ns = g->until_ns;
		f->known = true;
	}
}

static void
tell_queue(const struct sched *s, const struct fair *fair, const struct gate *gate, int64_t now_ns, sched_forecast_fn fn, void *arg)
{
	struct queue q = { .s = s, .fair = fair, .gate = gate };

	fair_each(fair, take_cell, &q);
	if (q.count)
		put_in_order(&q);
	for (size_t i = 0; i < q.count; i++) {
		const struct item *it = q.entries[i].item;
		struct sched_forecast f = { .id = it->rank.id, .class = class_of(it), .place = i, .at_ns = now_ns };

		if (gate) {
			f.key = gate->key;
			f.known = gate->each_ns > 0 || i == 0;
			f.at_ns = at_place(gate, i, now_ns);
		}
		heed_others(&q, it->cell, &f);
		fn(&f, arg);
	}
	free(q.entries);
}

void
sched_forecast(const struct sched *s, int64_t now_ns, sched_forecast_fn fn, void *arg)
{
	tell_queue(s, &s->root, NULL, now_ns, fn, arg);
	for (size_t i = 0; i < s->gates.room; i++) {
		const struct gate *g = s->gates.slots[i].value;

		if (g)
			tell_queue(s, &g->cells, g, now_ns, fn, arg);
	}
	for (size_t i = 0; i < s->later.count; i++) {
		const struct item *it = ITEM_OF(s->later.nodes[i], queue);
		int64_t at_ns = it->not_before_ns > now_ns ? it->not_before_ns : now_ns;

		fn(&(struct sched_forecast){ .id = it->rank.id, .class = class_of(it), .key = it->blocked_by, .known = it->blocked_by != 0,
			   .at_ns = at_ns }, arg);
	}
}
