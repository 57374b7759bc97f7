/* incident.c - see incident.h: opening, closing, who is affected. */
#include "incident/incident.h"

#include <stdio.h>

#include "base/clock.h"
#include "flow/rank.h"
#include "incident/incident_int.h"
#include "incident/wave.h"

bool
incident_open(struct sql *db, struct incident *in, struct problem *pr)
{
	int64_t job;

	return incident_insert(db, in, pr) &&
		(in->state == INCIDENT_DRAFT || job_insert(db, JOB_INCIDENT, in->id, clock_unix_ms(), NULL, 0, &job, pr));
}

bool
incident_start(struct sql *db, struct incident *in, struct problem *pr)
{
	int64_t job;

	if (in->state != INCIDENT_DRAFT)
		return problem_set(pr, PROBLEM_CONFLICT, "the incident is %s: no more serial numbers can be added", incident_state_name(in->state));
	in->state = INCIDENT_GATHERING;
	return incident_save(db, in, pr) && job_insert(db, JOB_INCIDENT, in->id, clock_unix_ms(), NULL, 0, &job, pr);
}

bool
incident_close(struct sql *db, struct incident *in, const char *who, struct problem *pr)
{
	int64_t job;

	if (in->closed_at || in->state == INCIDENT_CLOSING)
		return problem_set(pr, PROBLEM_CONFLICT, "the incident is %s already", incident_state_name(in->state));
	in->state = INCIDENT_CLOSING;
	snprintf(in->closed_by, sizeof(in->closed_by), "%s", who);
	return incident_save(db, in, pr) && job_insert(db, JOB_INCIDENT, in->id, clock_unix_ms(), NULL, 0, &job, pr);
}

int64_t
incident_finish(const struct incident *in)
{
	const struct wave_plan plan = { in->planned_at, in->per_wave };

	return in->planned ? wave_finish(&plan, in->last_wave) : 0;
}

/* ---- who is affected ---- */

static bool
is_of_ca(const struct gate_conf *conf, const char *ca, const char *upstream)
{
	const struct upstream_conf *u = conf_upstream(conf, upstream);

	return strcmp(upstream, ca) == 0 || (u && u->ca && strcmp(u->ca, ca) == 0);
}

bool
incident_knows_ca(const struct gate_conf *conf, const char *ca)
{
	const struct upstream_conf *list = conf->upstreams.list;

	for (size_t i = 0; i < conf->upstreams.count; i++) {
		if (is_of_ca(conf, ca, list[i].name))
			return true;
	}
	return false;
}

/* When a CA issued it is not on record: at notBefore or later, and before it was here. Who may be affected is. */
static bool
is_affected(const struct gate_conf *conf, const struct incident *in, const struct candidate *c)
{
	if (!is_of_ca(conf, in->ca, c->upstream) || (in->profile[0] && strcmp(in->profile, c->profile) != 0))
		return false;
	return in->issued_until == 0 || (c->not_before <= in->issued_until && c->created_at >= in->issued_from);
}

bool
incident_consider(struct sql *db, const struct gate_conf *conf, const struct incident *in, const struct candidate *c, int64_t now, bool *ret_added, struct problem *pr)
{
	const struct rank_before before = { c->not_before, c->not_after, false, false };
	struct member m = { .cert_id = c->cert_id, .not_after = c->not_after };
	int64_t urgent_at;

	*ret_added = false;
	if (!is_affected(conf, in, c))
		return true;
	m.class = rank_class(&before, false, now, &urgent_at);
	return member_add(db, in->id, &m, ret_added, pr);
}

struct adding {
	const struct gate_conf *conf;
	const struct incident *in;
	int64_t now, count;
};

static bool
on_candidate(struct sql *db, const struct candidate *c, void *arg, struct problem *pr)
{
	struct adding *a = arg;
	bool added;

	if (!incident_consider(db, a->conf, a->in, c, a->now, &added, pr))
		return false;
	a->count += added;
	return true;
}

bool
incident_add_serial(struct sql *db, const struct gate_conf *conf, const struct incident *in, const char *serial, int64_t now, int64_t *ret_count, struct problem *pr)
{
	struct adding a = { conf, in, now, 0 };

	if (!candidates_by_serial(db, serial, now, on_candidate, &a, pr))
		return false;
	*ret_count = a.count;
	return true;
}
