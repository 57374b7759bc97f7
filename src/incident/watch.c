/* watch.c - CAs' own incidents: windows that a CA has put into the past (RFC 9773 4.2 has clients renew at once then). What has
 * changed in renewal information is looked at, and old incidents are removed. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "incident/incident_int.h"
#include "store/agenda.h"

#define PAGE 500
#define MORE_MS 20
#define PERIOD_MS 5000
#define OVERLAP_S 60          /* transactions commit later than they say */
#define FINISH_S 86400        /* a CA revokes within a day, as a rule */
#define REOPEN_S 86400        /* one that was closed goes on */
#define DRY_RUN_KEPT_S 3600
#define SWEEP 500
#define ALARM_EACH_S 3600

struct watch {
	struct job *job;
	struct incidents *ins;
	struct gate_conf *conf;
	int64_t now;
	struct renewal_mark last;
	int64_t count;
	int64_t called_back[PAGE];
	size_t called_back_count;
	int64_t added, opened;
	char ca[UPSTREAM_TEXT];       /* of the last one added */
	bool sweeps_on;
	struct agenda_alarm alarm;
};

static void
on_row(const struct renewal_row *row, void *arg)
{
	const struct window ca = { row->ca_start, row->ca_end };
	struct watch *w = arg;

	w->count++;
	w->last = (struct renewal_mark){ row->changed_at, row->cert_id };
	if (row->revoked_at || row->replaced_at || !wave_is_called_back(&ca, row->not_before, row->not_after, w->now))
		return;
	w->called_back[w->called_back_count++] = row->cert_id;
}

static bool
look_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct watch *w = arg;

	w->count = 0;
	w->called_back_count = 0;
	return renewal_each_changed(db, w->ins->watched, PAGE, on_row, w, pr);
}

static bool
open_for(struct sql *db, struct watch *w, const char *upstream, struct incident *ret, struct problem *pr)
{
	*ret = (struct incident){ .kind = INCIDENT_CA, .state = INCIDENT_RUNNING, .opened_at = w->now, .finish_by = w->now + FINISH_S };
	snprintf(ret->ca, sizeof(ret->ca), "%s", upstream);
	if (!incident_open(db, ret, pr))
		return false;
	/* how many they will be nobody knows */
	incident_plan_begin(ret, w->conf, INT32_MAX, w->now);
	w->opened++;
	return incident_save(db, ret, pr);
}

/* The one that is there, or was closed not long ago, or a new one. */
static bool
on_called_back(struct sql *db, const struct candidate *c, void *arg, struct problem *pr)
{
	struct watch *w = arg;
	struct incident in;
	bool let_be, found, added;
	int64_t job;

	/* a start looks at all of them again */
	if (!member_is_let_be(db, c->cert_id, &let_be, pr))
		return false;
	if (let_be)
		return true;
	if (!incident_of_ca(db, c->upstream, w->now - REOPEN_S, &in, &found, pr) || (!found && !open_for(db, w, c->upstream, &in, pr)) ||
		!incident_consider(db, w->conf, &in, c, w->now, &added, pr))
		return false;
	if (!added)
		return true;
	w->added++;
	memcpy(w->ca, c->upstream, sizeof(w->ca));
	if (!in.closed_at)
		return true;
	in.state = INCIDENT_RUNNING;
	in.closed_at = 0;
	in.closed_by[0] = '\0';
	w->opened++;
	return incident_save(db, &in, pr) && job_insert(db, JOB_INCIDENT, in.id, clock_unix_ms(), NULL, 0, &job, pr);
}

static bool
add_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct watch *w = arg;

	w->added = w->opened = 0;
	if (!jobs_fence(w->job, db, pr))
		return false;
	for (size_t i = 0; i < w->called_back_count; i++) {
		if (!candidate_by_id(db, w->called_back[i], on_called_back, w, pr))
			return false;
	}
	return true;
}

static bool
sweep_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct watch *w = arg;

	return jobs_fence(w->job, db, pr) &&
		incident_sweep(db, w->now - w->conf->order_keep_s, w->now - DRY_RUN_KEPT_S, SWEEP, &w->sweeps_on, pr);
}

static bool
alarm_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct watch *w = arg;

	return agenda_alarm_of(db, w->now, w->conf->late_after_s, w->conf->expiry_alarm_s, &w->alarm, pr);
}

/* Who stopped asking: renewal information is asked for without a signature, so what is known is that the window is over and no certificate
 * came after this one. */
static bool
look_for_late(struct watch *w, struct problem *pr)
{
	struct incidents *ins = w->ins;

	if (w->now - ins->alarmed_at < ALARM_EACH_S)
		return true;
	if (!store_read(ins->store, alarm_tx, w, pr))
		return false;
	ins->alarmed_at = w->now;
	if (w->alarm.late || w->alarm.expiring)
		log_warning("renewals_late", LI("late", w->alarm.late), LI("expiring", w->alarm.expiring));
	return true;
}

/* Looked at up to where nothing has changed since: from there on, with an overlap. */
static void
move_on(struct watch *w)
{
	struct incidents *ins = w->ins;

	if (w->count == PAGE) {
		ins->watched = w->last;
		return;
	}
	ins->watched = (struct renewal_mark){ ins->round_at - OVERLAP_S, 0 };
	ins->round_at = 0;
}

enum job_next
incident_watch(struct job *job, struct incidents *ins)
{
	struct watch w = { .job = job, .ins = ins, .conf = conf_holder_take(ins->conf), .now = clock_unix_s() };
	struct problem pr = { 0 };

	if (ins->round_at == 0)
		ins->round_at = w.now;
	if (!store_read(ins->store, look_tx, &w, &pr) || (w.called_back_count && !store_write(ins->store, add_tx, &w, &pr)) ||
		(w.count < PAGE && (!store_write(ins->store, sweep_tx, &w, &pr) || !look_for_late(&w, &pr)))) {
		log_error("incident_watch_failed", LPR(&pr));
		w.count = 0;
	} else {
		if (w.opened)
			log_warning("incident_of_ca", LS("ca", w.ca));
		if (w.added) {
			log_notice("incident_grows", LS("ca", w.ca), LI("certificates", w.added));
			jobs_look_in(job->jobs, 0);
		}
		move_on(&w);
	}
	gate_conf_unref(w.conf);
	job->wait_ms = w.count == PAGE || w.sweeps_on ? MORE_MS : PERIOD_MS;
	return JOB_AGAIN;
}
