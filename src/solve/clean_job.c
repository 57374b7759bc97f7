/* clean_job.c - JOB_CLEAN: remove a record from the DNS when the order it was for is over, and until it is gone there. It never delays
 * a certificate, and it stays in the store until a server has confirmed the removal. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "solve/solve_int.h"
#include "store/upstream.h"

#define LOOK_AGAIN_MS (3600 * 1000)
#define PAUSE_MIN_MS 5000
#define PAUSE_MAX_MS (3600 * 1000)

struct cleaning {
	struct job *job;
	struct solve *solve;
	struct gate_conf *conf;
	struct proof p; /* what it was; its record */
	bool is_found, is_shared, is_asked, is_wanted_again;
};

static void
cleaning_free(void *state)
{
	struct cleaning *c = state;

	gate_conf_unref(c->conf);
	free(c);
}

/* One that is wanted while nothing at its CA is under way has been forgotten by somebody. */
static bool
load_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct cleaning *c = arg;
	struct upstream_order row;
	bool wanted, is_under_way = false;

	return jobs_fence(c->job, db, pr) && proof_record_get(db, c->job->row.subject, &c->p.record, &c->is_found, pr) &&
		(!c->is_found || upstream_order_get(db, c->p.record.order_id, &row, &is_under_way, pr)) &&
		(!c->is_found || is_under_way || proof_records_unwant(db, c->p.record.order_id, pr)) &&
		proof_record_get(db, c->job->row.subject, &c->p.record, &c->is_found, pr) &&
		proof_record_look(db, c->job->row.subject, &wanted, &c->is_shared, pr);
}

static bool
gone_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct cleaning *c = arg;

	/* a CA may have handed out the same challenge again: then this job has the record to remove later, there is no other */
	return jobs_fence(c->job, db, pr) && proof_record_delete(db, c->job->row.subject, &c->is_wanted_again, pr) &&
		(c->is_wanted_again || job_delete(db, c->job->row.id, pr));
}

static enum job_next
again(struct job *job, int64_t wait_ms)
{
	job->wait_ms = wait_ms;
	return JOB_AGAIN;
}

static enum job_next
gone(struct cleaning *c)
{
	struct problem pr = { 0 };

	if (store_write(c->solve->env.store, gone_tx, c, &pr)) {
		if (c->is_wanted_again) {
			c->is_asked = false;
			return again(c->job, LOOK_AGAIN_MS);
		}
		log_info("dns_record_removed", LS("owner", c->p.record.owner), LS("solver", c->p.record.solver), LI("shared", c->is_shared));
		return JOB_DONE;
	}
	log_error("job_failed", LS("kind", "clean"), LPR(&pr));
	return again(c->job, PAUSE_MIN_MS);
}

/* Worse than untidy: a CA does not take an answer of too many records. */
static enum job_next
failed(struct cleaning *c)
{
	int64_t pause = PAUSE_MIN_MS << (c->job->row.attempts < 10 ? c->job->row.attempts : 10);

	c->is_asked = false;
	log_warning("dns_record_not_removed", LS("owner", c->p.record.owner), LS("solver", c->p.record.solver), LPR(&c->p.problem));
	snprintf(c->job->error, sizeof(c->job->error), "%.190s", c->p.problem.detail);
	/* parked it would not be counted as an attempt */
	c->job->row.attempts++;
	return again(c->job, pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
}

static void
on_removed(struct proof *p)
{
	struct cleaning *c = p->arg;

	jobs_resume(c->job);
}

static enum job_next
step(struct job *job, void *arg)
{
	struct solve *solve = arg;
	struct cleaning *c = job->state;
	struct problem pr = { 0 };

	if (!c) {
		c = job->state = xcalloc(1, sizeof(*c));
		*c = (struct cleaning){ .job = job, .solve = solve, .conf = conf_holder_take(solve->env.conf) };
	}
	if (c->is_asked)
		return c->p.result == PROOF_GOOD ? gone(c) : failed(c);
	if (!store_write(solve->env.store, load_tx, c, &pr)) {
		log_error("job_failed", LS("kind", "clean"), LPR(&pr));
		return again(job, PAUSE_MIN_MS);
	}
	if (c->is_found && c->p.record.wanted)
		return again(job, LOOK_AGAIN_MS);
	if (!c->is_found || c->is_shared)
		return gone(c);
	gate_conf_unref(c->conf);
	c->conf = conf_holder_take(solve->env.conf);
	c->p.conf = c->conf;
	c->p.done = on_removed;
	c->p.arg = c;
	c->is_asked = true;
	proof_remove(solve, &c->p);
	return JOB_IO;
}

void
clean_job_register(struct solve *solve)
{
	jobs_register(solve->env.jobs, JOB_CLEAN, &(struct job_ops){ step, cleaning_free, solve });
}
