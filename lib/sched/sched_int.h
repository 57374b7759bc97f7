/* sched_int.h - inside lib/sched only: what stands where.
 *
 * An item waits in a cell: all of one class, unit and set of keys. A cell stands at a gate, that of the bucket which was last in its way,
 * or at the root. A gate that is open stands at the root itself, by the best of its cells: so the root's best is the best of all. */
#ifndef SCHED_SCHED_INT_H
#define SCHED_SCHED_INT_H

#include "sched/fair.h"
#include "sched/width.h"

enum item_state { ITEM_LATER, ITEM_WAITS, ITEM_OFFERED, ITEM_FLIES };

struct gate;

struct cell {
	struct member member;  /* in the root or in a gate, while somebody waits */
	struct gate *gate;     /* where it stands, NULL = at the root */
	struct heap items;
	size_t refs;           /* items of it, waiting or not */
	uint64_t hash;
	size_t key_count;
	uint64_t keys[];
};

/* When somebody of a class was let through last, as risen. */
struct served {
	int64_t at_ns[SCHED_CLASS__COUNT];
};

struct gate {
	struct member member;  /* in the root, while it is open, may offer, and has cells */
	bool closed;
	struct served served;  /* from here; before it was closed first, of all */
	uint64_t key;
	struct fair cells;
	size_t count, waiting; /* cells; items in them */
	int64_t until_ns, each_ns;
	unsigned out, credit;  /* offers not answered, and how many may be: one at first, one more each time that one is let through */
	struct heap_node timer; /* closed: until_ns */
};

struct item {
	struct rank rank;
	struct heap_node queue;  /* of its cell, or of those that are later */
	struct heap_node timer;  /* when it rises */
	struct cell *cell;
	struct gate *gate;       /* ITEM_OFFERED: which offered it, NULL = the root */
	int64_t rises_ns;        /* when it is looked at whether it does */
	int64_t level_ns;        /* in the class of its cell since */
	int64_t began_ns;        /* ITEM_OFFERED, ITEM_FLIES */
	int64_t not_before_ns;   /* ITEM_LATER */
	uint64_t blocked_by;     /* ITEM_LATER: a bucket of its own, 0 = none */
	uint32_t cost;
	unsigned char class, state; /* the class given; that of its cell is as risen */
};

struct sched {
	struct fair root;
	struct table items, cells, gates, units;
	struct heap later, rising, closed;
	struct width width;
	size_t offered, flying;
	size_t waiting[SCHED_CLASS__COUNT];
	struct served served;
	int64_t stopped_ns;
};

#define ITEM_OF(p, node) HEAP_OF(p, struct item, node)

/* a + b, both of them times or spans that are not negative. */
static inline int64_t
later_by(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? SCHED_NEVER : sum;
}

/* ---- rise.c ---- */

/* The class that it has risen to by now; sets when to look again. A class that gets its turns, however long its queue, does not rise, nor
 * does one where nobody gets any. */
enum sched_class item_risen(const struct sched *s, struct item *it, int64_t now_ns);
/* One that was offered is let through. */
void item_served(struct sched *s, const struct item *it, int64_t now_ns);

/* ---- cell.c ---- */

/* Found or made, and closed until then. */
struct gate *gate_close(struct sched *s, uint64_t key, int64_t until_ns, int64_t each_ns);
/* Its time has come. It may be gone after it. */
void gate_open(struct sched *s, struct gate *g);
/* Something of it has changed: it stands at the root by its best, or not, or is gone. */
void gate_review(struct sched *s, struct gate *g);
/* Found or made; one reference more. It is in no queue as long as nobody waits in it. */
struct cell *cell_get(struct sched *s, enum sched_class class, struct unit *unit, const uint64_t *keys, size_t count);
void cell_unref(struct sched *s, struct cell *c);
/* Somebody waits in it: into the queue of c->gate, and out of it. */
void cell_enter(struct sched *s, struct cell *c);
void cell_leave(struct sched *s, struct cell *c);
void cell_move(struct sched *s, struct cell *c, struct gate *to);
/* Its first has changed. */
void cell_moved(struct sched *s, struct cell *c);
/* Of the buckets that it needs, the one that is closed longest; NULL = none is. */
struct gate *cell_closed_by(const struct sched *s, const struct cell *c);
/* Where one that was empty goes: behind what is closed, or else to those that have waited at a gate before. */
struct gate *cell_home(const struct sched *s, const struct cell *c);
/* The best of those at a gate; NULL = there is none. */
static inline struct cell *
cell_best(const struct gate *g)
{
	struct member *m = fair_best(&g->cells);

	return m ? HEAP_OF(m, struct cell, member) : NULL;
}
#endif
