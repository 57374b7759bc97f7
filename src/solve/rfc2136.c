/* rfc2136.c - dns-01 by updates of a zone (RFC 2136, 8945): where the zone is, the update, and then the wait until all its servers have
 * the record. */
#include "solve/solve_int.h"

void
rfc2136_find(struct proof *p, const struct solver_conf *conf)
{
	zone_find(p, conf->zone, conf->server != NULL);
}

static void
on_placed(struct proof *p, enum proof_result result)
{
	const struct solver_conf *conf = conf_solver(p->conf, p->record.solver);

	if (result == PROOF_GOOD)
		check_start(p, conf);
	else
		proof_done(p, result);
}

void
rfc2136_place(struct proof *p, const struct solver_conf *conf)
{
	batch_add(p, conf, false, on_placed);
}

void
rfc2136_remove(struct proof *p, const struct solver_conf *conf)
{
	batch_add(p, conf, true, proof_done);
}
