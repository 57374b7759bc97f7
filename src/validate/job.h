/* validate/job.h - the job that proves a challenge: attempts at the profile's intervals until proven or given up (T7). */
#ifndef VALIDATE_JOB_H
#define VALIDATE_JOB_H

#include "base/buckets.h"
#include "gate/holder.h"
#include "jobs/jobs.h"
#include "validate/validate.h"

/* Attempts since the start, by how they ended. */
struct validate_stats {
	_Atomic(uint64_t) proven, again, failed; /* again: there will be another attempt */
};

struct validate_job_env {
	struct validate_env net;
	struct store *store;
	struct conf_holder *conf;
	struct buckets *failures; /* failed validations by account and identifier; NULL = not counted */
	struct validate_stats stats[CHALLENGE_KIND__COUNT];
};
/* Register the step of JOB_VALIDATE; env lives as long as the engine. */
void validate_job_register(struct jobs *jobs, struct validate_job_env *env);
#endif
