/* look.c - the last look at the journal before a proof is laid out or removed; see solve_int.h. */
#include "solve/solve_int.h"

struct look {
	int64_t id;
	bool wanted, shared;
	int64_t ahead;
};

static bool
look_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct look *l = arg;

	return proof_record_look(db, l->id, &l->wanted, &l->shared, pr) && proof_record_ahead(db, l->id, &l->ahead, pr);
}

enum look_result
proof_look(const struct proof *p, bool is_delete, int64_t room, struct problem *pr)
{
	struct look l = { .id = p->record.id };

	if (!store_read(p->solve->env.store, look_tx, &l, pr)) {
		problem_set(pr, PROBLEM_DNS, "the journal cannot be read");
		return LOOK_LATER;
	}
	if (is_delete)
		return l.shared || l.wanted ? LOOK_NOTHING : LOOK_DO;
	if (!l.wanted) {
		problem_set(pr, PROBLEM_DNS, "the order does not want it any more");
		return LOOK_LATER;
	}
	if (l.ahead >= room) {
		problem_set(pr, PROBLEM_DNS, "\"%s\" has room for %lld records, which other orders have now", p->record.owner, (long long)room);
		return LOOK_LATER;
	}
	return LOOK_DO;
}
