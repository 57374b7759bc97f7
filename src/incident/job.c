/* job.c - the job of an incident; see incident.h. Each step is one transaction, which does a page of what the state asks for. */
#include <stdio.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/log.h"
#include "incident/incident_int.h"

#define WALK 500          /* certificates looked at in one transaction */
#define PAGE 200          /* and changed */
#define MORE_MS 10        /* others want to write, too */
#define WATCH_MS 5000

struct step {
	struct job *job;
	struct incidents *ins;
	struct gate_conf *conf;
	int64_t now;
	/* what came of it: */
	struct incident in;
	enum incident_state was;
	bool found, is_more, was_late;
	int64_t looked_at;
};

static bool
on_candidate(struct sql *db, const struct candidate *c, void *arg, struct problem *pr)
{
	struct step *s = arg;
	bool added;

	s->looked_at++;
	s->in.cursor = c->cert_id;
	return incident_consider(db, s->conf, &s->in, c, s->now, &added, pr);
}

static bool
begin_planning(struct sql *db, struct step *s, struct problem *pr)
{
	int64_t counts[MEMBER_STATE__COUNT];

	if (!member_counts(db, s->in.id, counts, pr))
		return false;
	incident_plan_begin(&s->in, s->conf, counts[MEMBER_FOUND], s->now);
	s->in.state = INCIDENT_PLANNING;
	return true;
}

static bool
gather(struct sql *db, struct step *s, struct problem *pr)
{
	s->is_more = true;
	s->looked_at = 0;
	if (!s->in.by_list && !candidates_live(db, s->now, s->in.cursor, WALK, on_candidate, s, pr))
		return false;
	return s->looked_at == WALK || begin_planning(db, s, pr);
}

static bool
plan(struct sql *db, struct step *s, struct problem *pr)
{
	size_t count;

	s->is_more = true;
	if (!incident_plan_page(db, s->ins, s->conf, &s->in, PAGE, s->now, &count, pr))
		return false;
	if (count == PAGE)
		return true;
	s->in.state = s->in.kind == INCIDENT_DRY_RUN ? INCIDENT_FORESEEN : INCIDENT_RUNNING;
	if (s->in.state == INCIDENT_FORESEEN)
		s->in.closed_at = s->now;
	return true;
}

/* Those that were found meanwhile get a wave, too: the CA's own incident grows while it is looked at. */
static bool
tell(struct sql *db, struct step *s, size_t *ret_count, struct problem *pr)
{
	struct member page[PAGE];

	if (!incident_plan_page(db, s->ins, s->conf, &s->in, PAGE, s->now, ret_count, pr))
		return false;
	if (*ret_count > 0)
		return true;
	if (!member_next(db, s->in.id, MEMBER_PLANNED, PAGE, page, ret_count, pr))
		return false;
	for (size_t i = 0; i < *ret_count; i++) {
		struct window w = wave_window(page[i].wave_at);

		if (!member_tell(db, s->in.id, &page[i], w.start, w.end, s->now, pr))
			return false;
	}
	return true;
}

static bool
end_if_all_are_done(struct sql *db, struct step *s, struct problem *pr)
{
	int64_t expired;
	bool any;

	if (!member_expire(db, s->in.id, s->now, WALK, &expired, pr) || !member_any(db, s->in.id, &any, pr))
		return false;
	s->is_more = expired == WALK;
	if (any) {
		s->in.is_late = s->in.is_late || s->now > s->in.finish_by;
		return true;
	}
	s->in.state = INCIDENT_CLOSED;
	s->in.closed_at = s->now;
	snprintf(s->in.closed_by, sizeof(s->in.closed_by), "none is missing");
	return true;
}

static bool
run(struct sql *db, struct step *s, struct problem *pr)
{
	size_t count;

	if (!tell(db, s, &count, pr))
		return false;
	s->is_more = count > 0;
	return count > 0 || end_if_all_are_done(db, s, pr);
}

static bool
let_be(struct sql *db, struct step *s, struct problem *pr)
{
	static const enum member_state missing[] = { MEMBER_FOUND, MEMBER_PLANNED, MEMBER_TOLD };
	struct member page[PAGE];
	size_t count = 0;

	for (size_t i = 0; count == 0 && i < COUNT_OF(missing); i++) {
		if (!member_next(db, s->in.id, missing[i], PAGE, page, &count, pr))
			return false;
	}
	for (size_t i = 0; i < count; i++) {
		if (!member_release(db, s->in.id, page[i].cert_id, WAVE_S, s->now, pr))
			return false;
	}
	s->is_more = count > 0;
	if (count == 0) {
		s->in.state = INCIDENT_CLOSED;
		s->in.closed_at = s->now;
	}
	return true;
}

static bool (*const acts[INCIDENT_STATE__COUNT])(struct sql *, struct step *, struct problem *) = { [INCIDENT_GATHERING] = gather,
	[INCIDENT_PLANNING] = plan, [INCIDENT_RUNNING] = run, [INCIDENT_CLOSING] = let_be };

static bool
is_over(const struct step *s)
{
	return !s->found || !acts[s->in.state];
}

static bool
step_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct step *s = arg;

	s->is_more = false;
	if (!jobs_fence(s->job, db, pr) || !incident_by_id(db, s->job->row.subject, &s->in, &s->found, pr))
		return false;
	s->was = s->in.state;
	s->was_late = s->in.is_late;
	if (s->found && acts[s->in.state] && !(acts[s->in.state](db, s, pr) && incident_save(db, &s->in, pr)))
		return false;
	/* with the end: whoever opens it again makes another job */
	return !is_over(s) || job_delete(db, s->job->row.id, pr);
}

/* ---- what is said ---- */

static void
say_plan(const struct incident *in)
{
	int64_t finish = incident_finish(in);
	char end[TIME_TEXT] = "", by[TIME_TEXT];

	if (finish)
		time_rfc3339(finish, end);
	log_at(finish > in->finish_by && in->kind != INCIDENT_DRY_RUN ? LOG_WARNING : LOG_NOTICE, "incident_planned", LS("incident", in->ref),
		LS("ca", in->ca), LI("certificates", in->planned), LS("ends", end), LS("finish_by", time_rfc3339(in->finish_by, by)),
		LS("held_by", in->held_by));
}

static void
say(const struct step *s)
{
	if (s->in.is_late && !s->was_late)
		log_warning("incident_late", LS("incident", s->in.ref), LS("ca", s->in.ca));
	if (s->was == s->in.state)
		return;
	if (s->was == INCIDENT_PLANNING)
		say_plan(&s->in);
	if (s->in.state == INCIDENT_CLOSED)
		log_notice("incident_closed", LS("incident", s->in.ref), LS("ca", s->in.ca), LS("by", s->in.closed_by));
}

static enum job_next
step(struct job *job, void *arg)
{
	struct incidents *ins = arg;
	struct step s = { .job = job, .ins = ins, .now = clock_unix_s() };
	struct problem pr = { 0 };
	bool good;

	if (job->row.subject == 0)
		return incident_watch(job, ins);
	s.conf = conf_holder_take(ins->conf);
	good = store_write(ins->store, step_tx, &s, &pr);
	gate_conf_unref(s.conf);
	crash_point("incident step");
	if (!good) {
		log_error("incident_step_failed", LI("id", job->row.subject), LPR(&pr));
		job->wait_ms = WATCH_MS;
		return JOB_AGAIN;
	}
	if (s.found)
		say(&s);
	if (is_over(&s))
		return JOB_DONE;
	job->wait_ms = s.is_more ? MORE_MS : WATCH_MS;
	return JOB_AGAIN;
}

void
incidents_register(struct jobs *jobs, struct incidents *ins)
{
	jobs_register(jobs, JOB_INCIDENT, &(struct job_ops){ .step = step, .arg = ins, .looks_again = true });
}

static bool
begin_tx(struct sql *db, void *arg, struct problem *pr)
{
	int64_t id;

	(void)arg;
	return job_insert(db, JOB_INCIDENT, 0, clock_unix_ms(), NULL, 0, &id, pr);
}

bool
incidents_begin(struct incidents *ins, struct problem *pr)
{
	return store_write(ins->store, begin_tx, NULL, pr);
}
