/* jobs.h - the engine: everything slow is a persisted job, run step by step on workers.
 *
 * A job row is leased to this node while it is worked on. A step is straight-line code on a worker: it does at most one
 * transaction, or starts one I/O, and says what comes next. Whatever happens, the row says where to go on: after a crash
 * the job's first step runs again with no memory of I/O, and acts on what the store (or the CA) knows.
 *
 *   finalize's transaction: job_insert(db, JOB_ISSUE, order, now, node, lease, &id) ... commit
 *   jobs_run(jobs, id, JOB_ISSUE, order)            the step runs on a worker, no claim needed
 *   step -> JOB_IO     an I/O was started; its end calls jobs_resume(job), and the step runs again
 *   step -> JOB_AGAIN  in job->wait_ms; short waits stay in memory, long ones go back to the table
 *   step -> JOB_DONE   the step's own transaction deleted the row (job_delete) */
#ifndef JOBS_JOBS_H
#define JOBS_JOBS_H

#include <stdatomic.h>

#include "loop/loop.h"
#include "loop/pool.h"
#include "store/job.h"

struct jobs;

enum job_next { JOB_DONE, JOB_AGAIN, JOB_IO };

struct job {
	struct job_row row;
	struct jobs *jobs;
	void *state;      /* the kind's own memory from step to step; freed by its free_state */
	int64_t wait_ms;  /* for JOB_AGAIN */
	char error[200];  /* for JOB_AGAIN: why, kept in the row when it goes back to the table */
	bool resumed;     /* true from the second step on: state and the I/O's result are of this run */
	/* the engine's: */
	_Atomic(int64_t) epoch; /* of our lease */
	_Atomic(bool) lost;  /* it has ended: no step any more */
	bool seen;           /* by a heartbeat: then it is older than one */
	bool hurried;        /* while it was at work: it runs again at once. Loop thread */
	struct timer *timer;
	struct job *next, **prev;
};

struct job_ops {
	/* Worker thread. Must set job->wait_ms with JOB_AGAIN. */
	enum job_next (*step)(struct job *job, void *arg);
	void (*free_state)(void *state); /* may be NULL */
	void *arg;
	bool looks_again; /* hurried while it is at work, it runs once more when it is done */
};

struct jobs_times {
	msec_t lease_ms;       /* a node that says nothing for so long has lost its jobs */
	msec_t heartbeat_ms;   /* how often it says that it lives; leases younger than that are let be */
	msec_t park_max_ms;    /* longer waits go back to the table */
	msec_t idle_poll_ms;   /* how often the table is looked at, on a store of one's own */
	msec_t shared_poll_ms; /* and on one where other gateways may have added jobs */
};
extern const struct jobs_times jobs_default_times;

/* `loop` runs the timers; `node` names this gateway among those that share the store. */
struct jobs *jobs_new(struct loop *loop, struct pool *pool, struct store *store, const char *node);
/* Before jobs_start. */
void jobs_set_times(struct jobs *jobs, const struct jobs_times *times);
void jobs_register(struct jobs *jobs, enum job_kind kind, const struct job_ops *ops);
/* Take back what an earlier run of this node had leased, and begin to claim. */
bool jobs_start(struct jobs *jobs, struct problem *pr) MUST_CHECK;
/* Claim no more and forget parked jobs (their rows stay); steps under way end by themselves. Then, when I/O and pool have
 * ended, jobs_free gives the leases back. */
void jobs_stop(struct jobs *jobs);
void jobs_free(struct jobs *jobs);

/* The name given to jobs_new. */
const char *jobs_node(const struct jobs *jobs);
/* Lease end to give to job_insert for a job that jobs_run will run. */
int64_t jobs_lease_ms(const struct jobs *jobs);
/* Insert within a transaction, leased to this node; the caller calls jobs_run(id) after the commit if *ret_id is not 0. */
bool jobs_insert(struct jobs *jobs, struct sql *db, enum job_kind kind, int64_t subject, int64_t *ret_id, struct problem *pr) MUST_CHECK;
/* Any thread, after the commit. id 0: nothing. */
void jobs_run(struct jobs *jobs, int64_t id, enum job_kind kind, int64_t subject);
/* Lease a free job of this kind and subject, due or not, within a transaction; *ret_taken false: there is none. After the commit the
 * caller gets it into memory, gives it a state, and lets it run. */
bool jobs_take(struct jobs *jobs, struct sql *db, enum job_kind kind, int64_t subject, struct job_row *ret, bool *ret_taken, struct problem *pr) MUST_CHECK;
struct job *jobs_adopt(struct jobs *jobs, const struct job_row *row);
void jobs_go(struct job *job);
/* Within a step's transaction: the row is nobody's until somebody takes it. The step ends with JOB_DONE. */
bool jobs_yield(struct job *job, struct sql *db, struct problem *pr) MUST_CHECK;
/* The I/O of a step has ended: run the step again. Any thread, once per JOB_IO. */
void jobs_resume(struct job *job);
/* A parked job of this kind and subject on this node runs now, one at work perhaps (looks_again) once more; a free one is claimed now. Any thread. */
void jobs_hurry(struct jobs *jobs, enum job_kind kind, int64_t subject);
/* A transaction has made jobs of this store due in so many ms. Any thread, after the commit. */
void jobs_look_in(struct jobs *jobs, msec_t in_ms);
/* Is the row still ours, by the lease that this step works under? To be asked in each transaction of a step, and before anything
 * that must not be done twice; false with a problem if not: then the job is forgotten when the step ends. */
bool jobs_fence(struct job *job, struct sql *db, struct problem *pr) MUST_CHECK;
/* Nothing left to do: delete the row. A step ends with `return jobs_drop(job);`. */
enum job_next jobs_drop(struct job *job);
/* Jobs in memory, for status. */
size_t jobs_active(struct jobs *jobs);
#endif
