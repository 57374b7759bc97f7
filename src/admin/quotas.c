/* quotas.c - GET /limits/ca: the buckets of CAs' limits as the ledger has them, newest first, and when the next order would be let
 * through. */
#include "admin/call.h"
#include "ledger/ledger.h"

#define BATCH 100
#define BATCHES_MAX 50 /* of rows that the filter drops */

struct page {
	struct list list;
	struct bucket_query query;
	const char *upstream; /* NULL = all */
	bool blocked;         /* only those that let nothing through now */
	bool full;
	int64_t seen;         /* rows of this batch */
	int64_t now_ns;
};

/* Does the bucket belong to this entry of upstreams? */
static bool
is_of(const struct call *c, const struct upstream_conf *u, const struct bucket *b)
{
	struct upstream *up = upstreams_get(c->admin->ups, u->name);
	struct ca_account *account;
	bool same;

	if (u->driver != DRIVER_ACME || !up)
		return false;
	if (!quota_is_of_account(b->kind))
		return strcmp(u->ca, b->scope) == 0;
	account = upstream_account(up);
	same = strcmp(account->kid, b->scope) == 0;
	ca_account_unref(account);
	return same;
}

/* The first entry that it belongs to, by whose numbers it counts; NULL if there is none any more. */
static const struct upstream_conf *
owner_of(const struct page *p, const struct bucket *b)
{
	const struct call *c = p->list.c;
	const struct upstream_conf *list = c->conf->upstreams.list, *found = NULL;
	bool wanted = !p->upstream;

	for (size_t i = 0; i < c->conf->upstreams.count; i++) {
		if (!is_of(c, &list[i], b))
			continue;
		found = found ? found : &list[i];
		wanted = wanted || strcmp(list[i].name, p->upstream) == 0;
	}
	return wanted ? found : NULL;
}

static void
write_bucket(const struct call *c, struct jw *w, const struct bucket *b, const struct ledger_view *v)
{
	const struct upstream_conf *list = c->conf->upstreams.list;

	jw_str(w, "limit", quota_kind_name(b->kind));
	jw_str(w, "name", b->name);
	jw_str(w, quota_is_of_account(b->kind) ? "account" : "ca", b->scope);
	jw_array(w, "upstreams");
	for (size_t i = 0; i < c->conf->upstreams.count; i++) {
		if (is_of(c, &list[i], b))
			jw_str(w, NULL, list[i].name);
	}
	jw_end(w);
	jw_str(w, "source", v->source);
	jw_int(w, "count", v->rate.count);
	jw_int(w, "burst", v->rate.burst);
	jw_int(w, "period_s", v->rate.period_s);
	jw_int(w, "used", v->used);
	jw_int(w, "reserved", v->held);
	jw_int(w, "kept", v->kept);
	jw_int(w, "left", v->left);
	jw_int(w, "waiting", v->waiting);
	write_time(w, "frozen_until", v->frozen_until);
	write_time(w, "resets", v->full_at);
	write_time(w, "next", v->next_at);
}

/* A set is known by its hash: its names, where a certificate has them. */
static bool
write_set(struct jw *w, struct sql *db, const struct bucket *b, struct problem *pr)
{
	struct idents set = { 0 };
	bool good = b->kind != QUOTA_SET || cert_set_idents(db, b->name, &set, pr);

	if (good && set.count)
		write_idents(w, &set);
	idents_done(&set);
	return good;
}

static bool
on_bucket(struct sql *db, const struct bucket *b, void *arg, struct problem *pr)
{
	struct page *p = arg;
	const struct upstream_conf *u = owner_of(p, b);
	struct ledger_view v;
	char id[24];

	p->seen++;
	if (p->full)
		return true;
	if (u && !ledger_view(db, u, b, p->now_ns, &v, pr))
		return false;
	snprintf(id, sizeof(id), "%lld", (long long)b->id);
	p->query.before = b->id;
	if (!u || (p->blocked && !v.next_at))
		return true;
	if (!list_item(&p->list, id)) {
		p->full = true;
		return true;
	}
	write_bucket(p->list.c, &p->list.c->w, b, &v);
	if (!write_set(&p->list.c->w, db, b, pr))
		return false;
	jw_end(&p->list.c->w);
	return true;
}

static bool
read_query(struct page *p, struct call *c, char name[QUOTA_KEY_TEXT], char upstream[UPSTREAM_TEXT], struct problem *pr)
{
	struct span kind = call_query(c, "kind"), before = call_query(c, "before");
	enum quota_kind k;
	uint64_t n = 0;

	if (kind.p && (!quota_kind_parse(kind, &k) || quota_is_of_requests(k)))
		return problem_set(pr, PROBLEM_MALFORMED, "kind is \"%s\", which is no limit", QUOTE(kind));
	if (before.p && !span_uint(before, INT64_MAX, &n))
		return problem_set(pr, PROBLEM_MALFORMED, "before is \"%s\", expected what the list gave", QUOTE(before));
	if (call_query(c, "name").p && !call_text(call_query(c, "name"), name, QUOTA_KEY_TEXT, pr))
		return false;
	if (call_query(c, "upstream").p && !call_text(call_query(c, "upstream"), upstream, UPSTREAM_TEXT, pr))
		return false;
	p->query = (struct bucket_query){ .kind = kind.p ? (int)k : -1, .name = name[0] ? name : NULL, .before = (int64_t)n, .limit = BATCH };
	p->upstream = upstream[0] ? upstream : NULL;
	p->blocked = call_query(c, "blocked").p != NULL;
	p->now_ns = clock_unix_ms() * 1000000;
	return true;
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	char name[QUOTA_KEY_TEXT] = "", upstream[UPSTREAM_TEXT] = "";
	struct page p = { 0 };
	int64_t total;
	int batches = 0;

	if (!list_begin(&p.list, c, pr) || !read_query(&p, c, name, upstream, pr))
		return false;
	if (p.upstream && !conf_upstream(c->conf, p.upstream))
		return call_not_found(pr, "upstream", span_str(p.upstream));
	if (!bucket_count(db, &p.query, LIST_COUNT_MAX, &total, pr))
		return false;
	do {
		p.seen = 0;
		if (!bucket_list(db, &p.query, on_bucket, &p, pr))
			return false;
	} while (!p.full && p.seen == BATCH && ++batches < BATCHES_MAX);
	list_end(&p.list, total);
	return true;
}

bool
call_quotas(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}
