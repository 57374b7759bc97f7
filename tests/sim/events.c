/* events.c - what happens next, and chance; see sim.h. A binary heap. */
#include <stdlib.h>

#include "sim.h"

static bool
is_before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

void
event_at(struct world *w, int64_t at_ns, enum event_kind kind, uint32_t who)
{
	struct event e = { at_ns < w->now_ns ? w->now_ns : at_ns, ++w->seq, kind, who };
	size_t at = w->event_count++;

	if (w->event_count > w->event_room) {
		w->event_room = w->event_room ? w->event_room * 2 : 1024;
		w->events = xrealloc(w->events, w->event_room * sizeof(w->events[0]));
	}
	while (at > 0 && is_before(&e, &w->events[(at - 1) / 2])) {
		w->events[at] = w->events[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	w->events[at] = e;
}

bool
event_next(struct world *w, struct event *ret)
{
	struct event last;
	size_t at = 0, child;

	if (w->event_count == 0)
		return false;
	*ret = w->events[0];
	last = w->events[--w->event_count];
	while ((child = 2 * at + 1) < w->event_count) {
		if (child + 1 < w->event_count && is_before(&w->events[child + 1], &w->events[child]))
			child++;
		if (!is_before(&w->events[child], &last))
			break;
		w->events[at] = w->events[child];
		at = child;
	}
	w->events[at] = last;
	return true;
}

/* splitmix64 */
int64_t
dice(struct world *w, int64_t below)
{
	uint64_t z = w->dice += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	z ^= z >> 31;
	return below > 0 ? (int64_t)(z % (uint64_t)below) : 0;
}

bool
dice_permille(struct world *w, int64_t permille)
{
	return permille > 0 && dice(w, 1000) < permille;
}
