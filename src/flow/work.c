/* flow/work.c - see work.h. */
#include "flow/work.h"

#include "base/clock.h"
#include "flow/rank.h"
#include "pki/certid.h"
#include "store/cert.h"
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
	before = (struct rank_before){ c.not_before, c.not_after, c.revoked_at != 0 };
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

void
work_hurry(struct jobs *jobs)
{
	jobs_hurry(jobs, JOB_DISPATCH, 0);
}
