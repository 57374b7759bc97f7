/* sched.c - see sched.h and sched_int.h. */
#include "sched/sched.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sched/sched_int.h"

#define S_NS (INT64_C(1000000000))
#define CREDIT_MAX 64
#define AGAIN_NS (S_NS / 1000) /* a bucket that says "not now" without a time */
#define OVERLOAD_NS (10 * S_NS)
#define SHARE_MAX (1U << 20)   /* of weights and costs */

static const struct {
	const char *name;
	int64_t target_ns;
} classes[] = {
	[SCHED_INCIDENT] = { "incident", 60 * S_NS },
	[SCHED_EXPIRING] = { "expiring", 600 * S_NS },
	[SCHED_RENEWAL] = { "renewal", 3600 * S_NS },
	[SCHED_NEW] = { "new", 4 * 3600 * S_NS },
	[SCHED_BULK] = { "bulk", 24 * 3600 * S_NS },
};

const char *
sched_class_name(enum sched_class c)
{
	return classes[c].name;
}

int64_t
sched_target_ns(enum sched_class c)
{
	return classes[c].target_ns;
}

static bool
later_less(const struct heap_node *a, const struct heap_node *b)
{
	return ITEM_OF(a, queue)->not_before_ns < ITEM_OF(b, queue)->not_before_ns;
}

static bool
rising_less(const struct heap_node *a, const struct heap_node *b)
{
	return ITEM_OF(a, timer)->rises_ns < ITEM_OF(b, timer)->rises_ns;
}

static bool
closed_less(const struct heap_node *a, const struct heap_node *b)
{
	return HEAP_OF(a, struct gate, timer)->until_ns < HEAP_OF(b, struct gate, timer)->until_ns;
}

struct sched *
sched_new(int64_t width_max)
{
	struct sched *s = xcalloc(1, sizeof(*s));

	fair_init(&s->root);
	width_init(&s->width, width_max);
	s->later.less = later_less;
	s->rising.less = rising_less;
	s->closed.less = closed_less;
	s->stopped_ns = INT64_MIN;
	return s;
}

static void
free_all(struct table *t)
{
	for (size_t i = 0; i < t->room; i++)
		free(t->slots[i].value);
	table_done(t);
}

void
sched_free(struct sched *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->gates.room; i++) {
		if (s->gates.slots[i].value)
			fair_done(&((struct gate *)s->gates.slots[i].value)->cells);
	}
	for (size_t i = 0; i < s->cells.room; i++) {
		if (s->cells.slots[i].value)
			heap_done(&((struct cell *)s->cells.slots[i].value)->items);
	}
	free_all(&s->items);
	free_all(&s->cells);
	free_all(&s->gates);
	free_all(&s->units);
	heap_done(&s->later);
	heap_done(&s->rising);
	heap_done(&s->closed);
	fair_done(&s->root);
	free(s);
}

/* ---- items ---- */

static void
item_enter(struct sched *s, struct item *it)
{
	struct cell *c = it->cell;

	it->state = ITEM_WAITS;
	heap_add(&c->items, &it->queue);
	if (c->member.line) {
		if (c->gate)
			c->gate->waiting++;
		cell_moved(s, c);
		return;
	}
	c->member.rank = it->rank;
	c->gate = cell_home(s, c);
	cell_enter(s, c);
}

static void
item_leave(struct sched *s, struct item *it)
{
	struct cell *c = it->cell;

	if (c->items.count == 1) {
		cell_leave(s, c);
		heap_remove(&c->items, &it->queue);
		return;
	}
	heap_remove(&c->items, &it->queue);
	if (c->gate)
		c->gate->waiting--;
	cell_moved(s, c);
}

/* To the cell of the class that it has by now. It is in no queue. */
static void
item_rise(struct sched *s, struct item *it, int64_t now_ns)
{
	struct cell *old = it->cell;
	enum sched_class c = item_risen(s, it, now_ns);

	if (it->rises_ns != SCHED_NEVER)
		heap_add(&s->rising, &it->timer);
	if (c == old->member.class)
		return;
	it->cell = cell_get(s, c, old->member.unit, old->keys, old->key_count);
	cell_unref(s, old);
}

/* It waits, from now on or from its time on. */
static void
item_wait(struct sched *s, struct item *it, int64_t not_before_ns, int64_t now_ns)
{
	s->waiting[it->class]++;
	if (not_before_ns > now_ns) {
		it->state = ITEM_LATER;
		it->not_before_ns = not_before_ns;
		heap_add(&s->later, &it->queue);
		return;
	}
	it->blocked_by = 0;
	item_rise(s, it, now_ns);
	item_enter(s, it);
}

/* It waits no more; what it becomes is the caller's affair. */
static void
item_take(struct sched *s, struct item *it)
{
	s->waiting[it->class]--;
	if (it->state == ITEM_LATER)
		heap_remove(&s->later, &it->queue);
	else
		item_leave(s, it);
	if (it->timer.at)
		heap_remove(&s->rising, &it->timer);
}

static void
item_free(struct sched *s, struct item *it)
{
	table_remove(&s->items, (uint64_t)it->rank.id);
	cell_unref(s, it->cell);
	free(it);
}

static struct unit *
unit_get(struct sched *s, uint64_t id, uint32_t weight)
{
	struct unit *u = table_get(&s->units, id);

	if (!u) {
		u = xcalloc(1, sizeof(*u));
		u->id = id;
		table_put(&s->units, id, u);
	}
	u->weight = weight == 0 ? 1 : weight > SHARE_MAX ? SHARE_MAX : weight;
	return u;
}

/* Sorted, each once, without 0. */
static size_t
tidy_keys(const struct sched_item *item, uint64_t ret[SCHED_KEYS_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < item->key_count && i < SCHED_KEYS_MAX; i++) {
		uint64_t key = item->keys[i];
		size_t at = 0;

		while (at < n && ret[at] < key)
			at++;
		if (key == 0 || (at < n && ret[at] == key))
			continue;
		memmove(&ret[at + 1], &ret[at], (n - at) * sizeof(*ret));
		ret[at] = key;
		n++;
	}
	return n;
}

static struct item *
item_new(struct sched *s, const struct sched_item *item)
{
	struct item *it = xcalloc(1, sizeof(*it));
	uint64_t keys[SCHED_KEYS_MAX];
	size_t count = tidy_keys(item, keys);

	it->rank = (struct rank){ item->deadline_ns, item->since_ns, item->id };
	it->class = (unsigned char)item->class;
	it->level_ns = item->since_ns;
	it->cost = item->cost == 0 ? 1 : item->cost > SHARE_MAX ? SHARE_MAX : item->cost;
	it->cell = cell_get(s, item->class, unit_get(s, item->unit, item->weight), keys, count);
	table_put(&s->items, (uint64_t)item->id, it);
	return it;
}

bool
sched_has(const struct sched *s, int64_t id)
{
	return table_get(&s->items, (uint64_t)id) != NULL;
}

bool
sched_add(struct sched *s, const struct sched_item *item, int64_t now_ns)
{
	if (sched_has(s, item->id))
		return false;
	item_wait(s, item_new(s, item), item->not_before_ns, now_ns);
	return true;
}

bool
sched_add_flying(struct sched *s, const struct sched_item *item, int64_t now_ns)
{
	struct item *it;

	if (sched_has(s, item->id))
		return false;
	it = item_new(s, item);
	it->state = ITEM_FLIES;
	it->began_ns = now_ns;
	s->flying++;
	return true;
}

bool
sched_get(const struct sched *s, int64_t id, struct sched_item *ret)
{
	const struct item *it = table_get(&s->items, (uint64_t)id);
	const struct cell *c;

	if (!it || it->state == ITEM_FLIES || it->state == ITEM_OFFERED)
		return false;
	c = it->cell;
	*ret = (struct sched_item){ .id = id, .class = (enum sched_class)it->class, .unit = c->member.unit->id, .weight = c->member.unit->weight,
		.cost = it->cost, .deadline_ns = it->rank.deadline_ns, .since_ns = it->rank.since_ns,
		.not_before_ns = it->state == ITEM_LATER ? it->not_before_ns : 0, .key_count = c->key_count };
	if (c->key_count)
		memcpy(ret->keys, c->keys, c->key_count * sizeof(*c->keys));
	return true;
}

/* ---- time ---- */

/* All that has come due. */
static void
catch_up(struct sched *s, int64_t now_ns)
{
	struct heap_node *n;

	while ((n = heap_top(&s->closed)) && HEAP_OF(n, struct gate, timer)->until_ns <= now_ns)
		gate_open(s, HEAP_OF(n, struct gate, timer));
	while ((n = heap_top(&s->later)) && ITEM_OF(n, queue)->not_before_ns <= now_ns) {
		struct item *it = ITEM_OF(n, queue);

		item_take(s, it);
		item_wait(s, it, 0, now_ns);
	}
	while ((n = heap_top(&s->rising)) && ITEM_OF(n, timer)->rises_ns <= now_ns) {
		struct item *it = ITEM_OF(n, timer);

		item_take(s, it);
		item_wait(s, it, 0, now_ns);
	}
}

/* When something could be offered that cannot now. */
static int64_t
look_at(const struct sched *s, int64_t now_ns)
{
	struct heap_node *later = heap_top(&s->later), *closed = heap_top(&s->closed);
	int64_t at = SCHED_NEVER;

	if ((int64_t)(s->offered + s->flying) >= s->width.now)
		return SCHED_NEVER;
	if (s->stopped_ns > now_ns)
		return s->stopped_ns;
	if (later)
		at = ITEM_OF(later, queue)->not_before_ns;
	if (closed && HEAP_OF(closed, struct gate, timer)->until_ns < at)
		at = HEAP_OF(closed, struct gate, timer)->until_ns;
	return at;
}

/* ---- who is next ---- */

static struct item *
item_by_id(const struct sched *s, int64_t id, enum item_state state)
{
	struct item *it = table_get(&s->items, (uint64_t)id);

	return it && it->state == state ? it : NULL;
}

/* What is offered is counted as taken at once: a unit cannot be best twice for the same. */
static void
offer(struct sched *s, struct item *it, struct gate *g, int64_t now_ns)
{
	const struct member *m = &it->cell->member;

	fair_charge(&s->root, m->unit, m->class, it->cost);
	if (g) {
		fair_charge(&g->cells, m->unit, m->class, it->cost);
		g->out++;
	}
	item_take(s, it);
	it->state = ITEM_OFFERED;
	it->gate = g;
	it->began_ns = now_ns;
	s->offered++;
}

size_t
sched_offer(struct sched *s, int64_t now_ns, int64_t *ret_ids, size_t max, int64_t *ret_look_ns)
{
	struct member *best;
	size_t n = 0;

	catch_up(s, now_ns);
	while (n < max && s->stopped_ns <= now_ns && (int64_t)(s->offered + s->flying) < s->width.now && (best = fair_best(&s->root))) {
		struct gate *from = best->is_gate ? HEAP_OF(best, struct gate, member) : NULL;
		struct cell *c = from ? cell_best(from) : HEAP_OF(best, struct cell, member);
		struct gate *closed = cell_closed_by(s, c);
		struct item *it;

		if (closed) {
			cell_move(s, c, closed);
			continue;
		}
		it = ITEM_OF(heap_top(&c->items), queue);
		offer(s, it, from, now_ns);
		ret_ids[n++] = it->rank.id;
	}
	if (n < max)
		*ret_look_ns = look_at(s, now_ns);
	return n;
}

/* The offer is over; what it took is given back, unless it was let through. */
static void
offer_end(struct sched *s, struct item *it, bool admitted)
{
	const struct unit *u = it->cell->member.unit;
	struct gate *g = it->gate;

	s->offered--;
	it->gate = NULL;
	if (!admitted)
		fair_refund(&s->root, u, it->cost);
	if (!g)
		return;
	g->out--;
	if (admitted)
		g->credit += g->credit < CREDIT_MAX;
	else
		fair_refund(&g->cells, u, it->cost);
	gate_review(s, g);
}

static void
blocked(struct sched *s, struct item *it, const struct sched_answer *a, int64_t now_ns)
{
	int64_t until_ns = a->until_ns > now_ns ? a->until_ns : later_by(now_ns, AGAIN_NS);

	for (size_t i = 0; a->key && i < it->cell->key_count; i++) {
		if (it->cell->keys[i] != a->key)
			continue;
		gate_close(s, a->key, until_ns, a->each_ns);
		item_wait(s, it, 0, now_ns);
		cell_move(s, it->cell, table_get(&s->gates, a->key));
		return;
	}
	it->blocked_by = a->key;
	item_wait(s, it, until_ns, now_ns);
}

void
sched_answer(struct sched *s, int64_t id, const struct sched_answer *a, int64_t now_ns)
{
	struct item *it = item_by_id(s, id, ITEM_OFFERED);

	if (!it)
		return;
	if (a->verdict == SCHED_ADMITTED)
		item_served(s, it, now_ns);
	offer_end(s, it, a->verdict == SCHED_ADMITTED);
	switch (a->verdict) {
	case SCHED_ADMITTED:
		it->state = ITEM_FLIES;
		s->flying++;
		break;
	case SCHED_BLOCKED:
		blocked(s, it, a, now_ns);
		break;
	case SCHED_GONE:
		item_free(s, it);
		break;
	case SCHED_STOP:
		s->stopped_ns = a->until_ns;
		item_wait(s, it, 0, now_ns);
		break;
	}
}

int64_t
sched_next(struct sched *s, int64_t now_ns, sched_admit_fn admit, void *arg, int64_t *ret_look_ns)
{
	int64_t id;

	while (sched_offer(s, now_ns, &id, 1, ret_look_ns) == 1) {
		struct sched_answer a = admit(id, arg);

		sched_answer(s, id, &a, now_ns);
		if (a.verdict == SCHED_ADMITTED)
			return id;
	}
	return 0;
}

/* ---- how it ended ---- */

static struct item *
land(struct sched *s, int64_t id, enum sched_outcome outcome, int64_t now_ns)
{
	struct item *it = item_by_id(s, id, ITEM_FLIES);

	if (!it)
		return NULL;
	width_learn(&s->width, outcome, it->began_ns, s->flying + s->offered, now_ns);
	s->flying--;
	return it;
}

void
sched_done(struct sched *s, int64_t id, enum sched_outcome outcome, int64_t now_ns)
{
	struct item *it = land(s, id, outcome, now_ns);

	if (it)
		item_free(s, it);
}

void
sched_back(struct sched *s, int64_t id, enum sched_outcome outcome, int64_t not_before_ns, int64_t now_ns)
{
	struct item *it = land(s, id, outcome, now_ns);

	if (it)
		item_wait(s, it, not_before_ns, now_ns);
}

bool
sched_remove(struct sched *s, int64_t id)
{
	struct item *it = table_get(&s->items, (uint64_t)id);

	if (!it)
		return false;
	if (it->state == ITEM_FLIES)
		s->flying--;
	else if (it->state == ITEM_OFFERED)
		offer_end(s, it, false);
	else
		item_take(s, it);
	item_free(s, it);
	return true;
}

void
sched_overload(struct sched *s, int64_t now_ns)
{
	if (s->width.halved_ns == INT64_MIN || now_ns >= later_by(s->width.halved_ns, OVERLOAD_NS))
		width_learn(&s->width, SCHED_OVERLOAD, now_ns, s->flying + s->offered, now_ns);
}

void
sched_set_width(struct sched *s, int64_t width)
{
	s->width.now = width < 1 ? 1 : width < s->width.max ? width : s->width.max;
}

void
sched_close(struct sched *s, uint64_t key, int64_t until_ns, int64_t each_ns, int64_t now_ns)
{
	if (until_ns > now_ns)
		gate_close(s, key, until_ns, each_ns);
}

void
sched_stats(const struct sched *s, int64_t now_ns, struct sched_stats *ret)
{
	*ret = (struct sched_stats){ .later = s->later.count, .in_flight = s->offered + s->flying, .width = s->width.now };
	memcpy(ret->waiting, s->waiting, sizeof(ret->waiting));
	for (size_t i = 0; i < s->closed.count; i++)
		ret->closed += HEAP_OF(s->closed.nodes[i], struct gate, timer)->until_ns > now_ns;
}
