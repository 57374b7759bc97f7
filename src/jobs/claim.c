/* claim.c - which jobs this node has: it claims what is due and free, and keeps its leases by a heartbeat. Leases of nodes that died
 * are ended by whoever sees them first. */
#include "jobs/jobs_int.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define CLAIM_MAX 64
#define ACTIVE_MAX 4096 /* jobs in memory; the rest waits in the table */

static void claim_task(void *arg);

void
claim_no_later(struct jobs *jobs, msec_t at)
{
	msec_t now = loop_now(jobs->loop);

	if (jobs->claim_at <= at)
		return;
	jobs->claim_at = at;
	timer_set(jobs->claim_timer, at > now ? at - now : 0);
}

struct wake {
	struct jobs *jobs;
	msec_t at;
};

static void
on_wake(void *arg)
{
	struct wake *wake = arg;

	claim_no_later(wake->jobs, wake->at);
	free(wake);
}

void
claim_in(struct jobs *jobs, msec_t in_ms)
{
	struct wake *wake;

	if (atomic_load(&jobs->stopping))
		return;
	wake = xmalloc(sizeof(*wake));
	*wake = (struct wake){ jobs, clock_ms() + in_ms };
	loop_post(jobs->loop, on_wake, wake);
}

void
on_claim_timer(void *arg)
{
	struct jobs *jobs = arg;

	jobs->claim_at = INT64_MAX;
	if (!atomic_load(&jobs->stopping) && !atomic_exchange(&jobs->claiming, true))
		pool_post(jobs->pool, claim_task, jobs);
}

struct claim {
	struct jobs *jobs;
	struct job_row rows[CLAIM_MAX];
	size_t count;
	int64_t next_due_ms;
};

static bool
claim_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct claim *c = arg;
	int64_t now = clock_unix_ms();

	return job_claim(db, c->jobs->node, now, now + c->jobs->times.lease_ms, CLAIM_MAX, c->rows, &c->count, pr) &&
		job_next_due(db, &c->next_due_ms, pr);
}

static msec_t
until_next_claim(struct jobs *jobs, const struct claim *c)
{
	msec_t poll = store_is_shared(jobs->store) ? jobs->times.shared_poll_ms : jobs->times.idle_poll_ms;
	int64_t now = clock_unix_ms();

	if (c->next_due_ms == INT64_MAX || c->next_due_ms - now > poll)
		return poll;
	return c->next_due_ms > now ? c->next_due_ms - now : 0;
}

/* Was our own lease ended while the job is at work here, because a heartbeat was late? Then we have it again, and it goes on. */
static bool
is_at_work(struct jobs *jobs, int64_t id)
{
	const struct job *job;

	pthread_mutex_lock(&jobs->lock);
	for (job = jobs->active; job && job->row.id != id; job = job->next)
		;
	pthread_mutex_unlock(&jobs->lock);
	return job != NULL;
}

/* A newer gateway of the cluster may have jobs that this one does not know: their lease ends, and that one takes them. */
static void
begin_claimed(struct jobs *jobs, const struct job_row *row)
{
	if (store_is_shared(jobs->store) && is_at_work(jobs, row->id))
		log_warning("job_lease_was_lost", LI("kind", row->kind), LI("id", row->id));
	else if ((unsigned)row->kind < JOB_KIND__COUNT && jobs->ops[row->kind].step)
		pool_post(jobs->pool, job_run, job_new(jobs, row));
	else
		log_error("job_of_unknown_kind", LI("kind", row->kind), LI("id", row->id));
}

/* Worker */
static void
claim_task(void *arg)
{
	struct jobs *jobs = arg;
	struct claim c = { .jobs = jobs };
	struct problem pr = { 0 };

	if (jobs_active(jobs) >= ACTIVE_MAX) {
		atomic_store(&jobs->claiming, false);
		claim_in(jobs, 200);
		return;
	}
	if (!store_write(jobs->store, claim_tx, &c, &pr)) {
		log_error("job_claim_failed", LPR(&pr));
		atomic_store(&jobs->claiming, false);
		claim_in(jobs, 2000);
		return;
	}
	for (size_t i = 0; i < c.count; i++)
		begin_claimed(jobs, &c.rows[i]);
	atomic_store(&jobs->claiming, false);
	claim_in(jobs, until_next_claim(jobs, &c));
}

struct heartbeat {
	struct jobs *jobs;
	int64_t *ids;
	size_t count;
};

/* Only what is in memory is kept leased: a row that was committed without our hearing of it is free again in time. */
static void
heartbeat_ids(struct heartbeat *h)
{
	struct jobs *jobs = h->jobs;

	pthread_mutex_lock(&jobs->lock);
	h->ids = xcalloc(jobs->active_count + 1, sizeof(*h->ids));
	for (const struct job *job = jobs->active; job; job = job->next)
		h->ids[h->count++] = job->row.id;
	pthread_mutex_unlock(&jobs->lock);
}

static bool
heartbeat_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct heartbeat *h = arg;
	int64_t now = clock_unix_ms();

	for (size_t i = 0; i < h->count; i++) {
		if (!job_extend(db, h->ids[i], h->jobs->node, now + h->jobs->times.lease_ms, pr))
			return false;
	}
	return job_release_expired(db, now, pr);
}

static void
heartbeat_task(void *arg)
{
	struct heartbeat h = { .jobs = arg };
	struct problem pr = { 0 };

	heartbeat_ids(&h);
	if (!store_write(h.jobs->store, heartbeat_tx, &h, &pr))
		log_error("job_heartbeat_failed", LPR(&pr));
	free(h.ids);
}

void
on_heartbeat(void *arg)
{
	struct jobs *jobs = arg;

	if (atomic_load(&jobs->stopping))
		return;
	/* one node alone needs no heartbeat: nobody else ends its leases */
	if (store_is_shared(jobs->store))
		pool_post(jobs->pool, heartbeat_task, jobs);
	timer_set(jobs->heartbeat, jobs->times.heartbeat_ms);
}
