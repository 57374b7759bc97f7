/* plan_job.c - see plan_job.h. */
#include "renewal/plan_job.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "renewal/plan.h"

#define BATCH 200
#define MORE_MS 50
#define PERIOD_MS 2000
#define WALK_EACH_MS (24 * 3600 * 1000) /* devices' tags change */
#define KEEP_HOURS (32 * 24)            /* for who asks how the last month was planned */

_Static_assert(BATCH <= PLAN_BATCH_MAX, "a batch is read at once");

/* Over all that lives. */
struct walk {
	bool began, ended;
	unsigned generation; /* of the configuration */
	msec_t began_ms;
	int64_t after;       /* row id up to which all have been seen */
};

struct round {
	struct job *job;
	struct gate_conf *conf;
	struct walk walk;
	int64_t missing, swept;
};

static bool
plan_all(struct sql *db, const struct gate_conf *conf, struct plan_row *rows, size_t count, struct problem *pr)
{
	for (size_t i = 0; i < count; i++) {
		if (!plan_of_row(db, conf, &rows[i], pr))
			return false;
	}
	return true;
}

static bool
walk_on(struct sql *db, const struct gate_conf *conf, struct plan_row *rows, struct walk *w, struct problem *pr)
{
	size_t n;

	if (w->ended)
		return true;
	if (!plan_each_live(db, clock_unix_s(), w->after, BATCH, rows, &n, pr) || !plan_all(db, conf, rows, n, pr))
		return false;
	w->ended = n < BATCH;
	if (n)
		w->after = rows[n - 1].renewal.cert_id;
	return true;
}

static bool
round_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct round *r = arg;
	AUTO_FREE struct plan_row *rows = xcalloc(BATCH, sizeof(*rows));
	struct walk w = r->walk;
	size_t n;

	if (!jobs_fence(r->job, db, pr) || !plan_each_missing(db, BATCH, rows, &n, pr) || !plan_all(db, r->conf, rows, n, pr) ||
		!walk_on(db, r->conf, rows, &w, pr) || !plan_sweep(db, clock_unix_s() / WINDOW_HOUR_S - KEEP_HOURS, BATCH, &r->swept, pr))
		return false;
	r->missing = (int64_t)n;
	r->walk = w;
	return true;
}

static struct walk
walk_of(struct job *job, const struct gate_conf *conf)
{
	const struct walk *w = job->state;
	msec_t now = clock_ms();

	if (w->began && w->generation == conf->generation && now - w->began_ms < WALK_EACH_MS)
		return *w;
	return (struct walk){ .began = true, .generation = conf->generation, .began_ms = now };
}

static enum job_next
step(struct job *job, void *arg)
{
	struct plan_job *p = arg;
	struct round r = { .job = job, .conf = conf_holder_take(p->conf) };
	struct problem pr = { 0 };
	bool more = false;

	if (!job->state)
		job->state = xcalloc(1, sizeof(struct walk));
	r.walk = walk_of(job, r.conf);
	if (store_write(p->store, round_tx, &r, &pr)) {
		*(struct walk *)job->state = r.walk;
		more = r.missing == BATCH || r.swept == BATCH || !r.walk.ended;
	} else {
		log_error("renewals_not_planned", LPR(&pr));
	}
	gate_conf_unref(r.conf);
	job->wait_ms = more ? MORE_MS : PERIOD_MS;
	return JOB_AGAIN;
}

void
plan_job_register(struct jobs *jobs, struct plan_job *p)
{
	jobs_register(jobs, JOB_PLAN, &(struct job_ops){ .step = step, .free_state = free, .arg = p });
}

static bool
begin_tx(struct sql *db, void *arg, struct problem *pr)
{
	int64_t id;

	(void)arg;
	return job_insert(db, JOB_PLAN, 0, clock_unix_ms(), NULL, 0, &id, pr);
}

bool
plan_job_begin(struct plan_job *p, struct problem *pr)
{
	return store_write(p->store, begin_tx, NULL, pr);
}
