/* fair.c - see fair.h. A share is a unit in a queue, a line its members of one class. */
#include "sched/fair.h"

#include <stdlib.h>

#include "base/mem.h"

#define STEP (INT64_C(1) << 20) /* of cost 1 at weight 1; weights up to that still move the clock */

struct share;
struct line {
	struct heap_node node; /* in the lines of its class */
	struct share *share;
	struct heap members;
};
struct share {
	int64_t time;
	size_t count; /* members in all classes */
	struct line lines[SCHED_CLASS__COUNT];
};

bool
rank_less(const struct rank *a, const struct rank *b)
{
	if (a->deadline_ns != b->deadline_ns)
		return a->deadline_ns < b->deadline_ns;
	if (a->since_ns != b->since_ns)
		return a->since_ns < b->since_ns;
	return a->id < b->id;
}

bool
fair_is_shared(enum sched_class c)
{
	return c > SCHED_EXPIRING;
}

static bool
member_less(const struct heap_node *a, const struct heap_node *b)
{
	return rank_less(&HEAP_OF(a, struct member, node)->rank, &HEAP_OF(b, struct member, node)->rank);
}

static const struct member *
head(const struct line *l)
{
	return HEAP_OF(heap_top(&l->members), struct member, node);
}

static bool
line_less(const struct heap_node *na, const struct heap_node *nb)
{
	const struct line *a = HEAP_OF(na, struct line, node), *b = HEAP_OF(nb, struct line, node);

	if (fair_is_shared(head(a)->class) && a->share->time != b->share->time)
		return a->share->time < b->share->time;
	return rank_less(&head(a)->rank, &head(b)->rank);
}

void
fair_init(struct fair *f)
{
	*f = (struct fair){ .clock = 0 };
	for (int c = 0; c < SCHED_CLASS__COUNT; c++)
		f->lines[c].less = line_less;
}

void
fair_done(struct fair *f)
{
	for (size_t i = 0; i < f->shares.room; i++) {
		struct share *sh = f->shares.slots[i].value;

		for (int c = 0; sh && c < SCHED_CLASS__COUNT; c++)
			heap_done(&sh->lines[c].members);
		free(sh);
	}
	table_done(&f->shares);
	for (int c = 0; c < SCHED_CLASS__COUNT; c++)
		heap_done(&f->lines[c]);
}

static struct share *
share_of(struct fair *f, const struct unit *u)
{
	struct share *sh = table_get(&f->shares, u->id);

	if (sh)
		return sh;
	sh = xcalloc(1, sizeof(*sh));
	sh->time = f->clock;
	for (int c = 0; c < SCHED_CLASS__COUNT; c++) {
		sh->lines[c].share = sh;
		sh->lines[c].members.less = member_less;
	}
	table_put(&f->shares, u->id, sh);
	return sh;
}

static void
set_time(struct fair *f, struct share *sh, int64_t time)
{
	sh->time = time;
	for (int c = 0; c < SCHED_CLASS__COUNT; c++) {
		if (sh->lines[c].node.at)
			heap_moved(&f->lines[c], &sh->lines[c].node);
	}
}

void
fair_add(struct fair *f, struct member *m)
{
	struct share *sh = share_of(f, m->unit);
	struct line *l = &sh->lines[m->class];

	if (sh->count++ == 0 && sh->time < f->clock)
		set_time(f, sh, f->clock);
	m->line = l;
	heap_add(&l->members, &m->node);
	if (l->node.at)
		heap_moved(&f->lines[m->class], &l->node);
	else
		heap_add(&f->lines[m->class], &l->node);
}

void
fair_remove(struct fair *f, struct member *m)
{
	struct line *l = m->line;

	/* the line must go before it is empty: it is compared by its first */
	if (l->members.count == 1)
		heap_remove(&f->lines[m->class], &l->node);
	heap_remove(&l->members, &m->node);
	if (l->node.at)
		heap_moved(&f->lines[m->class], &l->node);
	l->share->count--;
	m->line = NULL;
}

void
fair_moved(struct fair *f, struct member *m)
{
	heap_moved(&m->line->members, &m->node);
	heap_moved(&f->lines[m->class], &m->line->node);
}

struct member *
fair_best(const struct fair *f)
{
	for (int c = 0; c < SCHED_CLASS__COUNT; c++) {
		struct heap_node *top = heap_top(&f->lines[c]);

		if (top)
			return HEAP_OF(heap_top(&HEAP_OF(top, struct line, node)->members), struct member, node);
	}
	return NULL;
}

int64_t
fair_step(const struct unit *u, uint32_t cost)
{
	int64_t step = STEP * cost / u->weight;

	return step ? step : 1;
}

void
fair_charge(struct fair *f, const struct unit *u, enum sched_class c, uint32_t cost)
{
	struct share *sh = share_of(f, u);

	/* the queue's clock is where the one that is served began */
	if (fair_is_shared(c) && sh->time > f->clock)
		f->clock = sh->time;
	set_time(f, sh, sh->time + fair_step(u, cost));
}

void
fair_refund(struct fair *f, const struct unit *u, uint32_t cost)
{
	struct share *sh = share_of(f, u);

	set_time(f, sh, sh->time - fair_step(u, cost));
}

int64_t
fair_time(const struct fair *f, const struct unit *u)
{
	const struct share *sh = table_get(&f->shares, u->id);

	return sh && sh->time > f->clock ? sh->time : f->clock;
}

void
fair_each(const struct fair *f, fair_each_fn fn, void *arg)
{
	for (int c = 0; c < SCHED_CLASS__COUNT; c++) {
		for (uint32_t i = 0; i < f->lines[c].count; i++) {
			const struct line *l = HEAP_OF(f->lines[c].nodes[i], struct line, node);

			for (uint32_t k = 0; k < l->members.count; k++)
				fn(HEAP_OF(l->members.nodes[k], struct member, node), arg);
		}
	}
}
