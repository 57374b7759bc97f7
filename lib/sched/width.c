/* width.c - see width.h. */
#include "sched/width.h"

#define SUCCESSES 20

void
width_init(struct width *w, int64_t max)
{
	int64_t most = max > 0 ? max : SCHED_WIDTH_MAX;

	*w = (struct width){ .now = most < SCHED_WIDTH_FIRST ? most : SCHED_WIDTH_FIRST, .max = most, .halved_ns = INT64_MIN };
}

void
width_learn(struct width *w, enum sched_outcome outcome, int64_t began_ns, size_t in_flight, int64_t now_ns)
{
	switch (outcome) {
	case SCHED_SUCCESS:
		/* what was not nearly used was not tried, either */
		if ((int64_t)in_flight * 2 < w->now || ++w->successes < SUCCESSES)
			return;
		w->now += w->now < w->max;
		w->successes = 0;
		break;
	case SCHED_OVERLOAD:
		/* all that were under way may hear the same */
		if (began_ns <= w->halved_ns)
			return;
		w->now = w->now > 1 ? w->now / 2 : 1;
		w->successes = 0;
		w->halved_ns = now_ns;
		break;
	case SCHED_FAILURE:
		break;
	}
}
