/* flow/work.c - see work.h. */
#include "flow/work.h"

#include "base/clock.h"
#include "flow/rank.h"
#include "pki/certid.h"
#include "store/cert.h"
#include "store/incident.h"
#include "store/upstream.h"

static bool
find_replaced(struct sql *db, const struct order *o, struct cert_row *ret, bool *ret_found, struct problem *pr)
{
	struct problem unreadable = { 0 };
	char key[IDENTS_KEY_TEXT];
	struct certid id;
	struct idents names;

	*ret_found = false;
	if (o->replaces && certid_parse(span_str(o->replaces), &id, &unreadable) && !cert_by_certid(db, id.text, ret, ret_found, pr))
		return false;
	if (*ret_found && ret->principal == o->principal)
		return true;
	if (*ret_found)
		cert_row_done(ret);
	order_names(o, &names);
	idents_key(&names, key);
	idents_done(&names);
	return cert_last_of_set(db, o->principal, key, ret, ret_found, pr);
}

bool
work_rank(struct sql *db, const struct gate_conf *conf, const struct order *o, int64_t now, struct queue_row *q, struct problem *pr)
{
	const struct profile_conf *p = conf_profile(conf, span_str(o->profile));
	struct cert_row c = { 0 };
	struct rank_before before;
	bool found;

	if (!find_replaced(db, o, &c, &found, pr))
		return false;
	before = (struct rank_before){ c.not_before, c.not_after, c.revoked_at != 0 && !c.revoked_by_holder, false };
	if (found && !member_is_affected(db, c.id, &before.is_in_incident, pr)) {
		cert_row_done(&c);
		return false;
	}
	q->since = now;
	q->class = rank_class(found ? &before : NULL, p && p->bulk, now, &q->urgent_at);
	q->deadline = q->class < SCHED_NEW ? c.not_after : p ? now + p->order_life_s : o->expires;
	cert_row_done(&c);
	return true;
}

/* A place that was kept for it counts from when it was given. */
static bool
take_place(struct sql *db, const struct order *o, const char *upstream, struct queue_row *q, struct problem *pr)
{
	char key[IDENTS_KEY_TEXT];
	struct idents names;
	int64_t since;

	order_names(o, &names);
	idents_key(&names, key);
	idents_done(&names);
	if (!place_find(db, o->principal, upstream, key, q->since, &since, pr))
		return false;
	if (since == 0)
		return true;
	if (q->class >= SCHED_NEW)
		q->deadline -= q->since - since;
	q->since = since;
	return place_drop(db, o->principal, upstream, key, pr);
}

bool
work_begin(struct sql *db, const struct gate_conf *conf, const struct order *o, const char *upstream, struct problem *pr)
{
	struct queue_row q = { .order_id = o->id };
	int64_t job;

	return work_rank(db, conf, o, clock_unix_s(), &q, pr) && take_place(db, o, upstream, &q, pr) &&
		upstream_order_insert(db, o->id, upstream, pr) && queue_enter(db, &q, pr) &&
		job_insert(db, JOB_ISSUE, o->id, JOB_DUE_NEVER, NULL, 0, &job, pr);
}

/* ---- before the CSR is there ---- */

static bool
begins_early(const struct gate_conf *conf, const struct order *o)
{
	const struct profile_conf *p = conf_profile(conf, span_str(o->profile));
	const struct upstream_conf *u = conf_upstream(conf, o->upstream);

	return o->state == ORDER_READY && p && p->upstream_start == UPSTREAM_START_READY && u && u->driver == DRIVER_ACME;
}

bool
work_begin_early(struct sql *db, const struct gate_conf *conf, int64_t order_id, bool *ret_began, struct problem *pr)
{
	struct upstream_order row;
	struct order o = { 0 };
	bool found, begun, good = order_by_id(db, order_id, &o, &found, pr);

	*ret_began = false;
	if (good && found && begins_early(conf, &o)) {
		good = upstream_order_get(db, order_id, &row, &begun, pr) && (begun || work_begin(db, conf, &o, o.upstream, pr));
		*ret_began = good && !begun;
	}
	order_done(&o);
	return good;
}

struct early {
	const struct gate_conf *conf;
	bool began;
};

static bool
begin_one(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	struct early *e = arg;
	bool began;

	if (!work_begin_early(db, e->conf, id, &began, pr))
		return false;
	e->began = e->began || began;
	return true;
}

bool
work_begin_ready(struct sql *db, const struct gate_conf *conf, int64_t authz_id, bool *ret_began, struct problem *pr)
{
	struct early e = { .conf = conf };
	bool good = order_each_with_authz(db, authz_id, begin_one, &e, pr);

	*ret_began = e.began;
	return good;
}

bool
work_finalized(struct sql *db, const struct gate_conf *conf, const struct order *o, const char *upstream, struct problem *pr)
{
	struct upstream_order row;
	bool begun;

	if (!upstream_order_get(db, o->id, &row, &begun, pr))
		return false;
	if (!begun)
		return work_begin(db, conf, o, upstream, pr);
	/* whoever works on it finds the CSR; who waits in the queue need not be hurried for it */
	return !row.parked || job_hurry(db, JOB_ISSUE, o->id, clock_unix_ms(), pr);
}

bool
work_unwanted(struct sql *db, int64_t order_id, struct problem *pr)
{
	return job_hurry(db, JOB_ISSUE, order_id, clock_unix_ms(), pr);
}

void
work_wake(struct jobs *jobs)
{
	jobs_look_in(jobs, 0);
}

void
work_hurry(struct jobs *jobs)
{
	jobs_hurry(jobs, JOB_DISPATCH, 0);
}
