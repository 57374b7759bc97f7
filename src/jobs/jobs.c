/* jobs.c - see jobs.h.
 *
 * The way of a job: claimed from the table (claim.c) or handed in leased (jobs_run) -> step on a worker -> I/O and
 * jobs_resume, or parked on a timer of the loop, or given back to the table (release) -> step ... -> done (forgotten).
 * `active` holds every job in memory. */
#include "jobs/jobs_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define RETRY_MS 5000 /* after the store failed */

const struct jobs_times jobs_default_times = {
	.lease_ms = 30 * 1000,
	.heartbeat_ms = 10 * 1000,
	.park_max_ms = 60 * 1000,
	.idle_poll_ms = 60 * 1000,
	.shared_poll_ms = 2000,
};

struct job *
job_new(struct jobs *jobs, const struct job_row *row)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->row = *row;
	job->jobs = jobs;
	atomic_init(&job->epoch, row->epoch);
	pthread_mutex_lock(&jobs->lock);
	job->next = jobs->active;
	job->prev = &jobs->active;
	if (job->next)
		job->next->prev = &job->next;
	jobs->active = job;
	jobs->active_count++;
	pthread_mutex_unlock(&jobs->lock);
	return job;
}

static void
job_forget(struct job *job)
{
	struct jobs *jobs = job->jobs;
	const struct job_ops *ops = &jobs->ops[job->row.kind];

	pthread_mutex_lock(&jobs->lock);
	*job->prev = job->next;
	if (job->next)
		job->next->prev = job->prev;
	jobs->active_count--;
	pthread_mutex_unlock(&jobs->lock);
	if (job->state && ops->free_state)
		ops->free_state(job->state);
	free(job);
}

struct release {
	struct job *job;
	int64_t due_ms;
};

static bool
is_mine(struct job *job, struct sql *db, bool *ret, struct problem *pr)
{
	*ret = true;
	/* one node alone: nobody takes its jobs over */
	return !store_is_shared(job->jobs->store) ||
		job_is_mine(db, job->row.id, job->jobs->node, atomic_load(&job->epoch), ret, pr);
}

static bool
release_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct release *r = arg;
	bool mine;

	if (!is_mine(r->job, db, &mine, pr))
		return false;
	/* a lease that another node has by now is not ours to end */
	return !mine || job_release(db, r->job->row.id, r->due_ms, r->job->error[0] ? r->job->error : NULL, pr);
}

/* Back to the table. If the store fails now the lease ends by itself once we stop or restart; until then try again. */
static bool
release(struct job *job)
{
	struct release r = { job, clock_unix_ms() + job->wait_ms };
	struct problem pr = { 0 };

	if (store_write(job->jobs->store, release_tx, &r, &pr))
		return true;
	log_error("job_release_failed", LS("kind", job_kind_name(job->row.kind)),
		LI("subject", job->row.subject), LPR(&pr));
	return false;
}

/* Loop thread */
static void
on_park_timer(void *arg)
{
	struct job *job = arg;

	timer_free(job->timer);
	job->timer = NULL;
	pool_post(job->jobs->pool, job_run, job);
}

/* Loop thread. A job parked while we stop keeps its row; only its memory goes. */
static void
park(void *arg)
{
	struct job *job = arg;

	if (atomic_load(&job->jobs->stopping)) {
		job_forget(job);
		return;
	}
	job->timer = timer_new(job->jobs->loop, on_park_timer, job);
	timer_set(job->timer, job->hurried ? 0 : job->wait_ms);
	job->hurried = false;
}

static void
again(struct job *job)
{
	struct jobs *jobs = job->jobs;
	int64_t wait_ms = job->wait_ms;

	if (wait_ms <= jobs->times.park_max_ms) {
		loop_post(jobs->loop, park, job);
		return;
	}
	if (!release(job)) {
		job->wait_ms = RETRY_MS;
		loop_post(jobs->loop, park, job);
		return;
	}
	job_forget(job);
	claim_in(jobs, wait_ms);
}

void
job_run(void *arg)
{
	struct job *job = arg;
	struct jobs *jobs = job->jobs;
	const struct job_ops *ops = &jobs->ops[job->row.kind];
	enum job_next next;

	if (atomic_load(&jobs->stopping) || atomic_load(&job->lost)) {
		job_forget(job);
		return;
	}
	job->error[0] = '\0';
	next = ops->step(job, ops->arg);
	/* with JOB_IO the job may already run on another worker: it is not ours to touch */
	if (next == JOB_IO)
		return;
	job->resumed = true;
	if (next == JOB_AGAIN && !atomic_load(&job->lost))
		again(job);
	else
		job_forget(job);
}

void
jobs_resume(struct job *job)
{
	job->resumed = true;
	pool_post(job->jobs->pool, job_run, job);
}

struct jobs *
jobs_new(struct loop *loop, struct pool *pool, struct store *store, const char *node)
{
	struct jobs *jobs = xcalloc(1, sizeof(*jobs));

	jobs->loop = loop;
	jobs->pool = pool;
	jobs->store = store;
	jobs->times = jobs_default_times;
	jobs->claim_at = INT64_MAX;
	snprintf(jobs->node, sizeof(jobs->node), "%s", node);
	pthread_mutex_init(&jobs->lock, NULL);
	return jobs;
}

void
jobs_set_times(struct jobs *jobs, const struct jobs_times *times)
{
	jobs->times = *times;
}

void
jobs_register(struct jobs *jobs, enum job_kind kind, const struct job_ops *ops)
{
	jobs->ops[kind] = *ops;
}

static void
begin(void *arg)
{
	struct jobs *jobs = arg;

	jobs->claim_timer = timer_new(jobs->loop, on_claim_timer, jobs);
	jobs->heartbeat = timer_new(jobs->loop, on_heartbeat, jobs);
	claim_no_later(jobs, loop_now(jobs->loop));
	timer_set(jobs->heartbeat, jobs->times.heartbeat_ms);
}

static bool
release_node_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct jobs *jobs = arg;

	return job_release_node(db, jobs->node, pr);
}

/* A node alone takes all leases back: it may have had another name before, and no heartbeat will end them. */
static bool
start_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct jobs *jobs = arg;

	return store_is_shared(jobs->store) ? job_release_node(db, jobs->node, pr) : job_release_expired(db, INT64_MAX, pr);
}

bool
jobs_start(struct jobs *jobs, struct problem *pr)
{
	if (!store_write(jobs->store, start_tx, jobs, pr))
		return false;
	loop_post(jobs->loop, begin, jobs);
	return true;
}

/* Loop thread: parked jobs go; those at a worker or in I/O end by themselves. */
static void
end(void *arg)
{
	struct jobs *jobs = arg;
	struct job *parked = NULL, *job;

	timer_free(jobs->claim_timer);
	timer_free(jobs->heartbeat);
	jobs->claim_timer = jobs->heartbeat = NULL;
	jobs->claim_at = 0; /* earlier than any wish: no claim is planned any more */
	do {
		pthread_mutex_lock(&jobs->lock);
		parked = NULL;
		for (job = jobs->active; job && !parked; job = job->next) {
			if (job->timer)
				parked = job;
		}
		pthread_mutex_unlock(&jobs->lock);
		if (parked) {
			timer_free(parked->timer);
			job_forget(parked);
		}
	} while (parked);
}

void
jobs_stop(struct jobs *jobs)
{
	if (!atomic_exchange(&jobs->stopping, true))
		loop_post(jobs->loop, end, jobs);
}

void
jobs_free(struct jobs *jobs)
{
	struct problem pr = { 0 };

	if (!jobs)
		return;
	if (!store_write(jobs->store, release_node_tx, jobs, &pr))
		log_error("job_release_failed", LPR(&pr));
	while (jobs->active)
		job_forget(jobs->active);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}

const char *
jobs_node(const struct jobs *jobs)
{
	return jobs->node;
}

int64_t
jobs_lease_ms(const struct jobs *jobs)
{
	return clock_unix_ms() + jobs->times.lease_ms;
}

bool
jobs_insert(struct jobs *jobs, struct sql *db, enum job_kind kind, int64_t subject, int64_t *ret_id, struct problem *pr)
{
	return job_insert(db, kind, subject, clock_unix_ms(), jobs->node, jobs_lease_ms(jobs), ret_id, pr);
}

void
jobs_run(struct jobs *jobs, int64_t id, enum job_kind kind, int64_t subject)
{
	struct job_row row = { .id = id, .kind = kind, .subject = subject, .epoch = JOB_EPOCH_FIRST };

	if (id != 0 && !atomic_load(&jobs->stopping))
		pool_post(jobs->pool, job_run, job_new(jobs, &row));
}

bool
jobs_take(struct jobs *jobs, struct sql *db, enum job_kind kind, int64_t subject, struct job_row *ret, bool *ret_taken, struct problem *pr)
{
	return job_take(db, kind, subject, jobs->node, clock_unix_ms(), jobs_lease_ms(jobs), ret, ret_taken, pr);
}

struct job *
jobs_adopt(struct jobs *jobs, const struct job_row *row)
{
	return job_new(jobs, row);
}

void
jobs_go(struct job *job)
{
	pool_post(job->jobs->pool, job_run, job);
}

bool
jobs_yield(struct job *job, struct sql *db, struct problem *pr)
{
	return jobs_fence(job, db, pr) && job_release(db, job->row.id, JOB_DUE_NEVER, job->error[0] ? job->error : NULL, pr);
}

struct hurry {
	struct jobs *jobs;
	enum job_kind kind;
	int64_t subject;
};

static bool
hurry_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct hurry *h = arg;

	return job_hurry(db, h->kind, h->subject, clock_unix_ms(), pr);
}

static void
hurry_task(void *arg)
{
	struct hurry *h = arg;
	struct problem pr = { 0 };

	if (!store_write(h->jobs->store, hurry_tx, h, &pr))
		log_error("job_hurry_failed", LPR(&pr));
	claim_in(h->jobs, 0);
	free(h);
}

/* Loop thread: parked here? Then its timer ends now; else look in the table. */
static void
hurry(void *arg)
{
	struct hurry *h = arg;
	struct jobs *jobs = h->jobs;
	struct job *job;

	pthread_mutex_lock(&jobs->lock);
	for (job = jobs->active; job; job = job->next) {
		if (job->row.kind == h->kind && job->row.subject == h->subject)
			break;
	}
	/* a job without a timer is at work already, and may have looked before there was something; only this thread frees one that has
	 * it */
	if (job && job->timer)
		timer_set(job->timer, 0);
	else if (job && jobs->ops[h->kind].looks_again)
		job->hurried = true;
	pthread_mutex_unlock(&jobs->lock);
	if (job)
		free(h);
	else
		pool_post(jobs->pool, hurry_task, h);
}

void
jobs_hurry(struct jobs *jobs, enum job_kind kind, int64_t subject)
{
	struct hurry *h;

	if (atomic_load(&jobs->stopping))
		return;
	h = xmalloc(sizeof(*h));
	*h = (struct hurry){ jobs, kind, subject };
	loop_post(jobs->loop, hurry, h);
}

void
jobs_look_in(struct jobs *jobs, msec_t in_ms)
{
	claim_in(jobs, in_ms);
}

bool
jobs_fence(struct job *job, struct sql *db, struct problem *pr)
{
	bool mine;

	if (!is_mine(job, db, &mine, pr))
		return false;
	if (mine)
		return true;
	atomic_store(&job->lost, true);
	return problem_internal(pr, "the lease of job %lld is over: it may be another node's by now", (long long)job->row.id);
}

static bool
drop_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct job *job = arg;

	return jobs_fence(job, db, pr) && job_delete(db, job->row.id, pr);
}

enum job_next
jobs_drop(struct job *job)
{
	struct problem pr = { 0 };

	if (store_write(job->jobs->store, drop_tx, job, &pr))
		return JOB_DONE;
	log_error("job_not_dropped", LS("kind", job_kind_name(job->row.kind)), LI("subject", job->row.subject), LPR(&pr));
	job->wait_ms = RETRY_MS;
	return JOB_AGAIN;
}

size_t
jobs_active(struct jobs *jobs)
{
	size_t n;

	pthread_mutex_lock(&jobs->lock);
	n = jobs->active_count;
	pthread_mutex_unlock(&jobs->lock);
	return n;
}
