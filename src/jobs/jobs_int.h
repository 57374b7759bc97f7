/* jobs_int.h - inside src/jobs only: what jobs.c (the life of a job) and claim.c (which jobs we have) share. */
#ifndef JOBS_JOBS_INT_H
#define JOBS_JOBS_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "jobs/jobs.h"

struct jobs {
	struct loop *loop;
	struct pool *pool;
	struct store *store;
	char node[NODE_TEXT];
	struct job_ops ops[JOB_KIND__COUNT];
	struct jobs_times times;
	_Atomic(bool) stopping;
	_Atomic(bool) claiming;      /* a claim task is queued or running */
	struct timer *claim_timer, *heartbeat; /* loop thread */
	msec_t claim_at;             /* loop thread: when claim_timer fires, monotonic */
	pthread_mutex_t lock;
	struct job *active;          /* under lock, as is the next */
	size_t active_count;
};

/* Into memory; it is then either run (job_run on a worker) or freed by jobs_free. Any thread. */
struct job *job_new(struct jobs *jobs, const struct job_row *row);
/* Its next step, for the pool; arg is the struct job. */
void job_run(void *arg);

/* Loop thread: make sure a claim happens no later than `at` (monotonic). */
void claim_no_later(struct jobs *jobs, msec_t at);
/* The same from any thread, in so many ms. */
void claim_in(struct jobs *jobs, msec_t in_ms);
/* Timers of the loop; arg is the struct jobs. */
void on_claim_timer(void *arg);
void on_heartbeat(void *arg);
#endif
