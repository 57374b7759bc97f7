/* width.h - inside lib/sched only: how many may be in flight (additive increase, multiplicative decrease). */
#ifndef SCHED_WIDTH_H
#define SCHED_WIDTH_H

#include "sched/sched.h"

struct width {
	int64_t now, max;
	int64_t successes;  /* since it last changed */
	int64_t halved_ns;  /* who began before then, halves it no more */
};

/* max 0 = SCHED_WIDTH_MAX */
void width_init(struct width *w, int64_t max);
/* One that began at began_ns, of in_flight with itself, has ended so. */
void width_learn(struct width *w, enum sched_outcome outcome, int64_t began_ns, size_t in_flight, int64_t now_ns);
#endif
