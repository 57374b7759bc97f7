/* claim.c - which jobs this node has: it claims what is due and free, and keeps its leases by a heartbeat. Leases of nodes that died
 * are ended by whoever sees them first. */
#include "jobs/jobs_int.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define CLAIM_MAX 64
#define BEATS_AT_ONCE 64
#define ACTIVE_MAX 4096 /* jobs in memory; the rest waits in the table */

static void claim_task(void *arg);

void
claim_no_later(struct jobs *jobs, msec_t at)
{
	msec_t now = loop_now(jobs->loop);

	/* a request may be sooner than jobs_start, whose first act is to claim */
	if (!jobs->claim_timer || jobs->claim_at <= at)
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

	/* one node alone: nobody's lease ends */
	return (!store_is_shared(c->jobs->store) || job_release_expired(db, now, pr)) &&
		job_claim(db, c->jobs->node, now, jobs_lease_ms(c->jobs), CLAIM_MAX, c->rows, &c->count, pr) &&
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

/* Our own lease had ended while the job is at work here, because a heartbeat was late. If nobody else had it in between it goes on
 * under the new one. Else what it remembers may be old: it ends when it next would do something, and the job begins anew. */
static bool
goes_on(struct jobs *jobs, const struct job_row *row)
{
	bool on = false;

	pthread_mutex_lock(&jobs->lock);
	for (struct job *job = jobs->active; job; job = job->next) {
		if (job->row.id != row->id || atomic_load(&job->lost))
			continue;
		on = atomic_load(&job->epoch) == row->epoch - 1;
		if (on)
			atomic_store(&job->epoch, row->epoch);
		else
			atomic_store(&job->lost, true);
	}
	pthread_mutex_unlock(&jobs->lock);
	return on;
}

/* A newer gateway of the cluster may have jobs that this one does not know: their lease ends, and that one takes them. */
static void
begin_claimed(struct jobs *jobs, const struct job_row *row)
{
	if (store_is_shared(jobs->store) && goes_on(jobs, row))
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

struct beat {
	int64_t id, epoch;
	bool kept;
};

struct heartbeat {
	struct jobs *jobs;
	struct beat *beats;
	size_t count, done; /* the next BEATS_AT_ONCE go into one transaction */
};

/* Only what is in memory is kept leased: a row that was committed without our hearing of it is free again in time. */
static void
heartbeat_begin(struct heartbeat *h)
{
	struct jobs *jobs = h->jobs;

	pthread_mutex_lock(&jobs->lock);
	h->beats = xcalloc(jobs->active_count + 1, sizeof(*h->beats));
	for (struct job *job = jobs->active; job; job = job->next) {
		if (job->seen && !atomic_load(&job->lost))
			h->beats[h->count++] = (struct beat){ job->row.id, atomic_load(&job->epoch), false };
		job->seen = true;
	}
	pthread_mutex_unlock(&jobs->lock);
}

static size_t
heartbeat_end_of_part(const struct heartbeat *h)
{
	return h->count - h->done > BEATS_AT_ONCE ? h->done + BEATS_AT_ONCE : h->count;
}

static bool
heartbeat_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct heartbeat *h = arg;
	int64_t until = jobs_lease_ms(h->jobs);

	for (size_t i = h->done; i < heartbeat_end_of_part(h); i++) {
		if (!job_extend(db, h->beats[i].id, h->jobs->node, h->beats[i].epoch, until, &h->beats[i].kept, pr))
			return false;
	}
	return true;
}

/* The lease is over, or the job. If it still is in memory it does nothing any more. */
static void
lose(struct jobs *jobs, const struct beat *beat)
{
	pthread_mutex_lock(&jobs->lock);
	for (struct job *job = jobs->active; job; job = job->next) {
		if (job->row.id == beat->id && atomic_load(&job->epoch) == beat->epoch)
			atomic_store(&job->lost, true);
	}
	pthread_mutex_unlock(&jobs->lock);
}

/* Worker. A few rows at a time: a step that changes one of them makes the whole transaction run again. */
static void
heartbeat_task(void *arg)
{
	struct heartbeat h = { .jobs = arg };
	struct problem pr = { 0 };

	heartbeat_begin(&h);
	while (h.done < h.count) {
		size_t end = heartbeat_end_of_part(&h);

		if (!store_write(h.jobs->store, heartbeat_tx, &h, &pr)) {
			log_error("job_heartbeat_failed", LPR(&pr));
			break;
		}
		for (; h.done < end; h.done++) {
			if (!h.beats[h.done].kept)
				lose(h.jobs, &h.beats[h.done]);
		}
	}
	free(h.beats);
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
