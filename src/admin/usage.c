/* usage.c - GET /quotas: how much is used of each quota, by whom, and what is left. */
#include "admin/call.h"
#include "store/usage.h"

static const struct quota_conf *
quota_find(const struct gate_conf *conf, const char *name)
{
	const struct quota_conf *list = conf->quotas.list;

	for (size_t i = 0; i < conf->quotas.count; i++) {
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	}
	return NULL;
}

static void
write_use(struct jw *w, const struct quota_conf *q, const struct usage_count *c)
{
	jw_str(w, "quota", c->quota);
	jw_str(w, "subject", c->subject);
	jw_str(w, "counts", usage_counts_name(c->counts));
	jw_int(w, "used", c->used);
	/* one that the configuration does not have any more limits nothing */
	if (q && q->soft)
		jw_int(w, "soft", q->soft);
	if (q && q->hard) {
		jw_int(w, "hard", q->hard);
		jw_int(w, "left", usage_left(c->used, q->hard));
	}
	write_time(w, "since", c->begin);
	write_time(w, "until", c->end);
}

static void
on_count(const struct usage_count *c, void *arg)
{
	struct list *l = arg;
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)c->id);
	if (!list_item(l, id))
		return;
	write_use(&l->c->w, quota_find(l->c->conf, c->quota), c);
	jw_end(&l->c->w);
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct span before = call_query(c, "before");
	int64_t now = clock_unix_s(), total;
	char quota[QUOTA_TEXT] = "";
	uint64_t id = 0;
	struct list l;

	if (before.p && !span_uint(before, INT64_MAX, &id))
		return problem_set(pr, PROBLEM_MALFORMED, "before is \"%s\", expected what the list gave", QUOTE(before));
	if ((call_query(c, "quota").p && !call_text(call_query(c, "quota"), quota, sizeof(quota), pr)) || !list_begin(&l, c, pr) ||
		!usage_list(db, quota, now, (int64_t)id, l.limit + 1, on_count, &l, pr) || !usage_list_count(db, quota, now, LIST_COUNT_MAX, &total, pr))
		return false;
	if (total == 0 && quota[0] && !quota_find(c->conf, quota))
		return call_not_found(pr, "quota", span_str(quota));
	list_end(&l, total);
	return true;
}

bool
call_quota_use(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}

bool
write_tenant_use(struct call *c, struct sql *db, const char *tenant, struct problem *pr)
{
	const struct quota_conf *list = c->conf->quotas.list;

	jw_array(&c->w, "quotas");
	for (size_t i = 0; i < c->conf->quotas.count; i++) {
		struct usage_count u = { .counts = (enum usage_counts)list[i].counts };

		if (list[i].per != QUOTA_PER_TENANT || !conf_quota_is_of(&list[i], tenant))
			continue;
		span_copy(span_str(list[i].name), u.quota, sizeof(u.quota));
		span_copy(span_str(tenant), u.subject, sizeof(u.subject));
		usage_period(u.counts, clock_unix_s(), &u.begin, &u.end);
		if (!usage_used(db, u.quota, u.subject, u.begin, &u.used, pr))
			return false;
		jw_object(&c->w, NULL);
		write_use(&c->w, &list[i], &u);
		jw_end(&c->w);
	}
	jw_end(&c->w);
	return true;
}
