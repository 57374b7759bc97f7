/* rise.c - a class that others keep from its turns rises, see sched.h and sched_int.h. */
#include "sched/sched_int.h"

#define AGED_TIMES 10 /* of a class's target */

/* Has one of a class above been let through since? */
static bool
is_passed_over(const struct served *served, enum sched_class c, int64_t since_ns)
{
	for (int above = 0; above < (int)c; above++) {
		if (served->at_ns[above] > since_ns)
			return true;
	}
	return false;
}

enum sched_class
item_risen(const struct sched *s, struct item *it, int64_t now_ns)
{
	const struct gate *g = cell_home(s, it->cell);
	const struct served *served = g ? &g->served : &s->served;
	int c = it->cell->member.class;

	for (it->rises_ns = SCHED_NEVER; c > SCHED_RENEWAL; c--) {
		int64_t since_ns = it->level_ns > served->at_ns[c] ? it->level_ns : served->at_ns[c];
		int64_t patience_ns = AGED_TIMES * sched_target_ns((enum sched_class)c);

		it->rises_ns = later_by(since_ns, patience_ns);
		if (it->rises_ns > now_ns)
			break;
		if (!is_passed_over(served, (enum sched_class)c, since_ns)) {
			it->rises_ns = later_by(now_ns, patience_ns);
			break;
		}
		it->level_ns = now_ns;
		it->rises_ns = SCHED_NEVER;
	}
	return (enum sched_class)c;
}

void
item_served(struct sched *s, const struct item *it, int64_t now_ns)
{
	enum sched_class c = it->cell->member.class;

	s->served.at_ns[c] = now_ns;
	if (it->gate)
		it->gate->served.at_ns[c] = now_ns;
}
