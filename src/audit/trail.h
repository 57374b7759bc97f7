/* trail.h - the job of the audit trail: gives entries their numbers, signs checkpoints, sends entries to syslog, drops what is old.
 *
 * One gateway of those that share a store does it (a leased job); numbers would be dense even if several did (store/audit_trail.h). */
#ifndef AUDIT_TRAIL_H
#define AUDIT_TRAIL_H

#include "audit/syslog.h"
#include "gate/holder.h"
#include "jobs/jobs.h"
#include "keeper/keeper.h"
#include "store/audit_trail.h"

struct trail_env {
	struct store *store;
	struct keeper *keeper;
	struct conf_holder *conf;
	const char *node;
	struct syslog *syslog;    /* the job's own; owned by who owns this */
	int64_t prune_at_ms;      /* likewise: when to look next for what is old */
	bool is_syslog_down;      /* likewise: it was told */
};

/* Register the step of JOB_AUDIT; `t` lives as long as the engine. */
void trail_register(struct jobs *jobs, struct trail_env *t);
/* Make the trail's key and its job, if there are none yet. On the main thread, before requests. */
bool trail_begin(struct trail_env *t, struct problem *pr) MUST_CHECK;
/* All that waits gets its number, and a checkpoint, now. Worker. */
bool trail_checkpoint(struct trail_env *t, struct problem *pr) MUST_CHECK;
#endif
