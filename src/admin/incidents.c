/* incidents.c - GET and POST /incidents, /incidents/ID, /incidents/ID/missing, POST /incidents/ID/serials and /close: certificates that must be
 * replaced soon (incident/incident.h).
 *
 *   {"ca": "letsencrypt", "profile": "default", "issued_from": "2027-03-01T00:00:00Z", "issued_until": "2027-03-02T00:00:00Z",
 *    "explanation": "https://...", "finish_within": 86400, "dry_run": false, "serials": ["04ab..."], "more": true}
 *
 * With "serials" only these are affected; while "more" is true others follow by POST /incidents/ID/serials, and nothing begins before. */
#include <stdio.h>

#include "admin/call.h"
#include "base/log.h"
#include "gate/url.h"
#include "incident/incident.h"

#define SERIALS_MAX 1000
#define FINISH_S 86400
#define FINISH_MIN_S 3600
#define FINISH_MAX_S (90 * 86400)

static int64_t
sum_of(const int64_t counts[MEMBER_STATE__COUNT], enum member_state from, enum member_state to)
{
	int64_t sum = 0;

	for (enum member_state i = from; i <= to; i++)
		sum += counts[i];
	return sum;
}

static void
write_counts(struct jw *w, const int64_t counts[MEMBER_STATE__COUNT])
{
	jw_int(w, "affected", sum_of(counts, MEMBER_FOUND, MEMBER_RELEASED));
	jw_int(w, "told", sum_of(counts, MEMBER_TOLD, MEMBER_REVOKED));
	jw_int(w, "renewed", counts[MEMBER_RENEWED]);
	jw_int(w, "revoked", counts[MEMBER_REVOKED]);
	jw_int(w, "expired", counts[MEMBER_EXPIRED]);
	jw_int(w, "missing", sum_of(counts, MEMBER_FOUND, MEMBER_TOLD));
}

static void
write_plan(struct jw *w, const struct incident *in)
{
	int64_t finish = incident_finish(in);

	write_time(w, "first_wave", in->planned_at);
	write_time(w, "last_wave", in->last_wave);
	jw_int(w, "per_wave", in->per_wave);
	write_time(w, "forecast", finish);
	if (finish)
		jw_bool(w, "in_time", finish <= in->finish_by);
	write_text(w, "held_by", in->held_by);
}

static bool
write_incident(struct call *c, struct sql *db, const struct incident *in, struct problem *pr)
{
	int64_t counts[MEMBER_STATE__COUNT];
	struct jw *w = &c->w;

	if (!member_counts(db, in->id, counts, pr))
		return false;
	jw_str(w, "state", incident_state_name(in->state));
	jw_str(w, "kind", incident_kind_name(in->kind));
	jw_str(w, "ca", in->ca);
	write_text(w, "profile", in->profile);
	write_time(w, "issued_from", in->issued_from);
	write_time(w, "issued_until", in->issued_until);
	jw_bool(w, "by_list", in->by_list);
	write_text(w, "explanation", in->explanation);
	write_time(w, "opened", in->opened_at);
	write_time(w, "finish_by", in->finish_by);
	jw_bool(w, "late", in->is_late);
	write_plan(w, in);
	write_counts(w, counts);
	write_time(w, "closed", in->closed_at);
	write_text(w, "closed_by", in->closed_by);
	return true;
}

static bool
find(struct call *c, struct sql *db, struct incident *ret, struct problem *pr)
{
	bool found;

	return incident_by_ref(db, c->ref, ret, &found, pr) && (found || call_not_found(pr, "incident", c->ref));
}

static bool
reply(struct call *c, struct sql *db, const struct incident *in, struct problem *pr)
{
	call_restart(c);
	jw_object(&c->w, NULL);
	jw_str(&c->w, "id", in->ref);
	if (!write_incident(c, db, in, pr))
		return false;
	jw_end(&c->w);
	return true;
}

/* ---- lists ---- */

static bool
on_incident(struct sql *db, const struct incident *in, void *arg, struct problem *pr)
{
	struct list *l = arg;

	if (!list_item(l, in->ref))
		return true;
	if (!write_incident(l->c, db, in, pr))
		return false;
	jw_end(&l->c->w);
	return true;
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct span before = call_query(c, "before");
	struct incident last = { 0 };
	bool found = true;
	int64_t total;
	struct list l;

	if (before.p && !incident_by_ref(db, before, &last, &found, pr))
		return false;
	if (!found)
		return call_not_found(pr, "incident", before);
	if (!list_begin(&l, c, pr) || !incident_list(db, last.id, l.limit + 1, on_incident, &l, pr) ||
		!incident_list_count(db, LIST_COUNT_MAX, &total, pr))
		return false;
	list_end(&l, total);
	return true;
}

bool
call_incidents(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}

static bool
on_device(const struct device *d, void *arg)
{
	struct jw *w = arg;
	char value[DEVICE_VALUE_TEXT];

	jw_object(w, NULL);
	jw_str(w, "identifier", device_key_value(&d->key, value));
	write_text(w, "owner", d->about.owner);
	write_text(w, "cost_centre", d->about.cost_centre);
	jw_end(w);
	return true;
}

static bool
on_missing(struct sql *db, const struct missing *m, void *arg, struct problem *pr)
{
	struct list *l = arg;
	struct jw *w = &l->c->w;
	struct idents names = { 0 };

	if (!list_item(l, m->ref))
		return true;
	idents_read(m->idents, &names);
	write_idents(w, &names);
	idents_done(&names);
	jw_str(w, "state", member_state_name(m->state));
	write_time(w, "wave", m->wave_at);
	jw_time(w, "not_after", m->not_after);
	jw_str(w, "serial", m->serial);
	write_text(w, "certid", m->certid);
	jw_str(w, "upstream", m->upstream);
	jw_str(w, "profile", m->profile);
	write_text(w, "account", m->account);
	write_text(w, "eab", m->eab);
	jw_array(w, "devices");
	if (!device_each_of_order(db, m->order_id, on_device, w, pr))
		return false;
	jw_end(w);
	jw_end(w);
	return true;
}

static bool
missing_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct span before = call_query(c, "before");
	int64_t counts[MEMBER_STATE__COUNT];
	struct cert_row last = { 0 };
	struct incident in;
	bool found = true;
	struct list l;

	if (!find(c, db, &in, pr) || (before.p && !cert_by_ref(db, before, 0, &last, &found, pr)))
		return false;
	cert_row_done(&last);
	if (!found)
		return call_not_found(pr, "certificate", before);
	if (!list_begin(&l, c, pr) || !missing_list(db, in.id, last.not_after, last.id, l.limit + 1, on_missing, &l, pr) ||
		!member_counts(db, in.id, counts, pr))
		return false;
	list_end(&l, sum_of(counts, MEMBER_FOUND, MEMBER_TOLD));
	return true;
}

bool
call_incident_missing(struct call *c)
{
	return store_read(c->admin->store, missing_tx, c, &c->pr);
}

static bool
show_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct incident in;

	return find(c, db, &in, pr) && reply(c, db, &in, pr);
}

bool
call_incident(struct call *c)
{
	return store_read(c->admin->store, show_tx, c, &c->pr);
}

/* ---- opening ---- */

struct opening {
	struct call *c;
	struct incident in;
	const struct json_node *serials; /* NULL = none given */
	bool more;
};

static bool
read_time(struct json_obj *o, const char *name, int64_t *ret)
{
	struct span text = json_opt_str(o, name, TIME_TEXT + 16);

	if (!json_ok(o) || !text.p)
		return json_ok(o);
	return time_rfc3339_parse(text, ret) ||
		problem_set(o->pr, PROBLEM_MALFORMED, "%s is \"%s\", expected a time as in RFC 3339", name, QUOTE(text));
}

static bool
read_explanation(struct json_obj *o, struct incident *in)
{
	struct span text = json_opt_str(o, "explanation", sizeof(in->explanation) - 1);
	struct url url;

	if (!json_ok(o) || !text.n)
		return json_ok(o);
	if (!url_parse(text, &url, o->pr))
		return false;
	return span_copy(text, in->explanation, sizeof(in->explanation));
}

static bool
read_ca(struct call *c, struct incident *in)
{
	struct span ca = json_req_str(&c->body, "ca", sizeof(in->ca) - 1), profile = json_opt_str(&c->body, "profile", sizeof(in->profile) - 1);

	if (!json_ok(&c->body))
		return false;
	span_copy(ca, in->ca, sizeof(in->ca));
	if (!incident_knows_ca(c->conf, in->ca))
		return problem_set(&c->pr, PROBLEM_NOT_FOUND, "no entry of upstreams is called \"%s\", nor its CA", QUOTE(ca));
	if (profile.n && !conf_profile(c->conf, profile))
		return problem_set(&c->pr, PROBLEM_NOT_FOUND, "no profile is called \"%s\"", QUOTE(profile));
	return !profile.n || span_copy(profile, in->profile, sizeof(in->profile));
}

static bool
read_span(struct call *c, struct incident *in)
{
	if (!read_time(&c->body, "issued_from", &in->issued_from) || !read_time(&c->body, "issued_until", &in->issued_until))
		return false;
	if ((in->issued_from != 0) != (in->issued_until != 0))
		return problem_set(&c->pr, PROBLEM_MALFORMED, "issued_from and issued_until belong together");
	return in->issued_from <= in->issued_until || problem_set(&c->pr, PROBLEM_MALFORMED, "issued_until is before issued_from");
}

static bool
read_opening(struct opening *o)
{
	struct call *c = o->c;
	struct incident *in = &o->in;
	int64_t within_s = json_opt_int(&c->body, "finish_within", FINISH_MIN_S, FINISH_MAX_S, FINISH_S);

	in->kind = json_opt_bool(&c->body, "dry_run", false) ? INCIDENT_DRY_RUN : INCIDENT_OPERATOR;
	o->more = json_opt_bool(&c->body, "more", false);
	o->serials = json_opt_arr(&c->body, "serials", SERIALS_MAX);
	if (!json_ok(&c->body) || !read_ca(c, in) || !read_span(c, in) || !read_explanation(&c->body, in))
		return false;
	in->by_list = o->serials != NULL;
	if (o->more && !in->by_list)
		return problem_set(&c->pr, PROBLEM_MALFORMED, "more without serials: more of what");
	in->state = o->more ? INCIDENT_DRAFT : INCIDENT_GATHERING;
	in->opened_at = clock_unix_s();
	in->finish_by = in->opened_at + within_s;
	return true;
}

static bool
add_serials(struct sql *db, struct opening *o, struct problem *pr)
{
	for (size_t i = 0; i < json_count(o->serials); i++) {
		struct span text = json_text(json_at(o->serials, i));
		char serial[SERIAL_TEXT];
		int64_t added;

		if (!serial_parse(text, serial))
			return problem_set(pr, PROBLEM_MALFORMED, "serial number \"%s\": expected hexadecimal digits", QUOTE(text));
		if (!incident_add_serial(db, o->c->conf, &o->in, serial, o->in.opened_at, &added, pr))
			return false;
	}
	return true;
}

static bool
open_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct opening *o = arg;

	return incident_open(db, &o->in, pr) && add_serials(db, o, pr) && reply(o->c, db, &o->in, pr);
}

bool
call_incident_open(struct call *c)
{
	struct opening o = { .c = c };

	c->audit.object = o.in.ref;
	if (!read_opening(&o) || !call_write(c, open_tx, &o))
		return false;
	log_notice("incident_opened", LS("incident", o.in.ref), LS("kind", incident_kind_name(o.in.kind)), LS("ca", o.in.ca),
		LI("uid", c->http->peer_uid));
	jobs_hurry(c->admin->jobs, JOB_INCIDENT, o.in.id);
	return true;
}

static bool
serials_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct opening *o = arg;

	if (!find(o->c, db, &o->in, pr))
		return false;
	if (o->in.state != INCIDENT_DRAFT)
		return problem_set(pr, PROBLEM_CONFLICT, "the incident is %s: no more serial numbers can be added", incident_state_name(o->in.state));
	return add_serials(db, o, pr) && (o->more || incident_start(db, &o->in, pr)) && reply(o->c, db, &o->in, pr);
}

bool
call_incident_serials(struct call *c)
{
	struct opening o = { .c = c, .more = json_opt_bool(&c->body, "more", false) };

	o.serials = json_req_arr(&c->body, "serials", SERIALS_MAX);
	if (!json_ok(&c->body) || !call_write(c, serials_tx, &o))
		return false;
	jobs_hurry(c->admin->jobs, JOB_INCIDENT, o.in.id);
	return true;
}

static bool
close_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct opening *o = arg;
	struct call *c = o->c;
	char who[64];

	snprintf(who, sizeof(who), "an operator, uid %lu", (unsigned long)c->http->peer_uid);
	return find(c, db, &o->in, pr) && incident_close(db, &o->in, who, pr) && reply(c, db, &o->in, pr);
}

bool
call_incident_close(struct call *c)
{
	struct opening o = { .c = c };

	if (!call_write(c, close_tx, &o))
		return false;
	jobs_hurry(c->admin->jobs, JOB_INCIDENT, o.in.id);
	return true;
}
