/* housekeep.h - the job that ends what is over and removes what is old, once a minute. */
#ifndef GATE_HOUSEKEEP_H
#define GATE_HOUSEKEEP_H

#include "gate/holder.h"
#include "jobs/jobs.h"
#include "store/sweep.h"

struct housekeep {
	struct store *store;
	struct conf_holder *conf;
	struct sweep_cursor devices; /* the job's own */
};
/* Register the step of JOB_HOUSEKEEP; `h` lives as long as the engine. */
void housekeep_register(struct jobs *jobs, struct housekeep *h);
/* Make the job if there is none yet in the store. */
bool housekeep_begin(struct housekeep *h, struct problem *pr) MUST_CHECK;
#endif
