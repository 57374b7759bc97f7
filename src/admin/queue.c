/* queue.c - GET /queue: the orders that wait for their CAs, the first to be let through first, and what is foretold of them; GET
 * /queue/ca: how many, by CA. */
#include "admin/call.h"
#include "ledger/ledger.h"
#include "store/queue.h"
#include "store/quota.h"
#include "upstream/dispatch.h"

struct page {
	struct list list;
	struct queue_query query;
	int64_t at; /* rows before the one at hand */
	bool full;
};

static bool
write_bucket(struct jw *w, struct sql *db, int64_t id, struct problem *pr)
{
	char label[BUCKET_LABEL_TEXT];
	struct bucket b = { 0 };
	bool found;

	if (!id)
		return true;
	if (!bucket_by_id(db, id, &b, &found, pr))
		return false;
	if (found) {
		jw_str(w, "waits_for", ledger_label(&b, label));
		jw_str(w, "limit", quota_kind_name(b.kind));
	}
	return true;
}

static bool
on_item(struct sql *db, const struct queue_item *item, void *arg, struct problem *pr)
{
	struct page *p = arg;
	const struct queue_row *q = &item->row;
	struct jw *w = &p->list.c->w;

	if (p->full || !list_item(&p->list, item->ref)) {
		p->full = true;
		return true;
	}
	/* the next page begins after so many */
	snprintf(p->list.last, sizeof(p->list.last), "%lld", (long long)++p->at);
	jw_str(w, "upstream", q->upstream);
	jw_str(w, "profile", item->profile);
	jw_str(w, "class", (unsigned)q->class < SCHED_CLASS__COUNT ? sched_class_name((enum sched_class)q->class) : "");
	write_time(w, "since", q->since);
	write_time(w, "deadline", q->deadline);
	write_time(w, "not_before", q->not_before);
	if (!write_bucket(w, db, q->bucket, pr))
		return false;
	if (q->state == QUEUE_TOLD)
		jw_int(w, "place", q->place);
	write_time(w, "forecast", q->until);
	jw_end(w);
	return true;
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	char upstream[UPSTREAM_TEXT] = "", profile[PROFILE_TEXT] = "";
	struct span before = call_query(c, "before");
	struct page p = { 0 };
	uint64_t after = 0;
	int64_t total;

	if (before.p && !span_uint(before, INT32_MAX, &after))
		return problem_set(pr, PROBLEM_MALFORMED, "before is \"%s\", expected what the list gave", QUOTE(before));
	if ((call_query(c, "upstream").p && !call_text(call_query(c, "upstream"), upstream, sizeof(upstream), pr)) ||
		(call_query(c, "profile").p && !call_text(call_query(c, "profile"), profile, sizeof(profile), pr)) ||
		!list_begin(&p.list, c, pr))
		return false;
	p.at = (int64_t)after;
	p.query = (struct queue_query){ .upstream = upstream[0] ? upstream : NULL, .profile = profile[0] ? profile : NULL, .after = p.at,
		.limit = p.list.limit + 1 };
	if (!queue_list_count(db, &p.query, LIST_COUNT_MAX, &total, pr))
		return false;
	/* what still waits outlives its entry in the configuration */
	if (total == 0 && p.query.upstream && !conf_upstream(c->conf, upstream))
		return call_not_found(pr, "upstream", span_str(upstream));
	if (total == 0 && p.query.profile && !conf_profile(c->conf, span_str(profile)))
		return call_not_found(pr, "profile", span_str(profile));
	if (!queue_list(db, &p.query, on_item, &p, pr))
		return false;
	list_end(&p.list, total);
	return true;
}

bool
call_queue(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}

/* ---- by CA ---- */

struct sums {
	const struct gate_conf *conf;
	const char *ca;
	int64_t waiting[SCHED_CLASS__COUNT], in_flight, awaiting_csr;
	const struct dispatch_view *view; /* NULL: another gateway leads */
};

static void
on_count(const char *upstream, int64_t class, int64_t count, void *arg)
{
	struct sums *s = arg;
	const struct upstream_conf *u = conf_upstream(s->conf, upstream);

	if (!u || !u->ca || strcmp(u->ca, s->ca) != 0)
		return;
	if (class == QUEUE_CLASS_FLYING)
		s->in_flight += count;
	else if (class == QUEUE_CLASS_PARKED)
		s->awaiting_csr += count;
	else if (class < SCHED_CLASS__COUNT)
		s->waiting[class] += count;
}

static void
write_ca(struct jw *w, const struct sums *s)
{
	jw_object(w, NULL);
	jw_str(w, "ca", s->ca);
	jw_object(w, "waiting");
	for (int i = 0; i < SCHED_CLASS__COUNT; i++)
		jw_int(w, sched_class_name((enum sched_class)i), s->waiting[i]);
	jw_end(w);
	jw_int(w, "in_flight", s->in_flight);
	jw_int(w, "awaiting_csr", s->awaiting_csr);
	if (s->view) {
		jw_int(w, "width", s->view->stats.width);
		jw_int(w, "limits_in_the_way", (int64_t)s->view->stats.closed);
	}
	jw_end(w);
}

struct views {
	const char *ca;
	struct dispatch_view found;
	bool has;
};

static void
on_view(const struct dispatch_view *v, void *arg)
{
	struct views *views = arg;

	if (strcmp(v->ca, views->ca) != 0)
		return;
	views->found = *v;
	views->has = true;
}

static bool
is_first_of_ca(const struct gate_conf *conf, size_t i)
{
	const struct upstream_conf *list = conf->upstreams.list;

	for (size_t k = 0; k < i; k++) {
		if (list[k].ca && list[i].ca && strcmp(list[k].ca, list[i].ca) == 0)
			return false;
	}
	return list[i].driver == DRIVER_ACME;
}

static bool
cas_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	const struct upstream_conf *list = c->conf->upstreams.list;
	struct job_view leader;
	int64_t total = 0;
	bool found;

	call_restart(c);
	if (!job_find(db, JOB_DISPATCH, 0, &leader, &found, pr))
		return false;
	jw_object(&c->w, NULL);
	jw_str(&c->w, "leader", found && leader.node[0] ? leader.node : NULL);
	jw_array(&c->w, "items");
	for (size_t i = 0; i < c->conf->upstreams.count; i++) {
		struct views views = { .ca = list[i].ca };
		struct sums s = { .conf = c->conf, .ca = list[i].ca };

		if (!is_first_of_ca(c->conf, i))
			continue;
		dispatch_each(c->admin->ups, on_view, &views);
		s.view = views.has ? &views.found : NULL;
		if (!queue_counts(db, on_count, &s, pr))
			return false;
		write_ca(&c->w, &s);
		total++;
	}
	jw_end(&c->w);
	jw_int(&c->w, "total", total);
	jw_end(&c->w);
	return true;
}

bool
call_queue_cas(struct call *c)
{
	return store_read(c->admin->store, cas_tx, c, &c->pr);
}
