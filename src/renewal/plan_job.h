/* plan_job.h - one job a store: plans certificates whose CA has said another window, and walks over all that live at its start, after a reload,
 * and once a day, for those whose plan the configuration no longer permits. */
#ifndef RENEWAL_PLAN_JOB_H
#define RENEWAL_PLAN_JOB_H

#include "gate/holder.h"
#include "jobs/jobs.h"
#include "sql/sql.h"

struct plan_job {
	struct store *store;
	struct conf_holder *conf;
};
/* Before jobs_start; p lives as long as the engine. */
void plan_job_register(struct jobs *jobs, struct plan_job *p);
/* Its row, if it is not there yet. */
bool plan_job_begin(struct plan_job *p, struct problem *pr) MUST_CHECK;
#endif
