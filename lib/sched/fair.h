/* fair.h - inside lib/sched only: a queue that shares among units.
 *
 * By virtual time (start-time fair queuing): each unit has a clock that what it takes moves on by cost / weight, and the unit whose clock
 * is behind is next. That is what a deficit round robin comes to, but it may be asked for one at a time, and a unit that is away for a
 * moment loses nothing. A unit that comes back after a rest starts at the queue's own clock: what it has not used is lent, not banked. */
#ifndef SCHED_FAIR_H
#define SCHED_FAIR_H

#include "sched/heap.h"
#include "sched/sched.h"
#include "sched/table.h"

struct unit {
	uint64_t id;
	uint32_t weight; /* >= 1 */
};

/* By what items and members are ordered inside a unit. */
struct rank {
	int64_t deadline_ns, since_ns, id;
};
bool rank_less(const struct rank *a, const struct rank *b);

/* Whatever waits in the queue. */
struct member {
	struct heap_node node;
	enum sched_class class;
	struct unit *unit;
	struct rank rank;
	struct line *line; /* where it is, NULL = nowhere */
	bool is_gate;      /* it lies in a struct gate, else in a struct cell (sched_int.h) */
};

struct fair {
	struct heap lines[SCHED_CLASS__COUNT];
	struct table shares; /* by unit */
	int64_t clock;
};

/* Nobody is in it, at the beginning and at the end. */
void fair_init(struct fair *f);
void fair_done(struct fair *f);
/* Class, unit and rank are set; it is in no queue. */
void fair_add(struct fair *f, struct member *m);
void fair_remove(struct fair *f, struct member *m);
/* Its rank has changed, nothing else. */
void fair_moved(struct fair *f, struct member *m);
struct member *fair_best(const struct fair *f);
/* The unit takes cost, in this class; or gives it back. It may have nobody here. */
void fair_charge(struct fair *f, const struct unit *u, enum sched_class c, uint32_t cost);
void fair_refund(struct fair *f, const struct unit *u, uint32_t cost);
/* Where the unit's clock stands, and how far cost moves it. */
int64_t fair_time(const struct fair *f, const struct unit *u);
int64_t fair_step(const struct unit *u, uint32_t cost);
/* Is this class shared by weight? */
bool fair_is_shared(enum sched_class c);
typedef void (*fair_each_fn)(struct member *m, void *arg);
void fair_each(const struct fair *f, fair_each_fn fn, void *arg);
#endif
