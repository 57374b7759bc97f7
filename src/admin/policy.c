/* policy.c - GET /policy: the rules, and what each has decided; GET /orders/REF/policy, GET /policy/orders: by which rules orders were
 * made, and what was known then. */
#include "admin/call.h"
#include "admin/metrics.h"
#include "store/order_policy.h"

static uint64_t
count_of(const _Atomic(uint64_t) *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/* The list goes on behind the one named. */
static bool
read_behind(struct call *c, size_t *ret)
{
	const struct rule_conf *rules = c->conf->rules.list;
	struct span before = call_query(c, "before");

	*ret = 0;
	while (before.p && *ret < c->conf->rules.count) {
		if (span_is(before, rules[(*ret)++].name))
			return true;
	}
	return before.p ? call_not_found(&c->pr, "rule", before) : true;
}

/* In the file's order. */
bool
call_policy(struct call *c)
{
	const struct rule_conf *rules = c->conf->rules.list;
	struct list l;
	size_t i;

	if (!list_begin(&l, c, &c->pr) || !read_behind(c, &i))
		return false;
	for (; i < c->conf->rules.count && list_item(&l, rules[i].name); i++) {
		const struct rule_count *n = &c->conf->rule_counts[i];

		jw_str(&c->w, "action", rules[i].action == 0 ? "allow" : "refuse");
		jw_str(&c->w, "mode", rules[i].mode == 0 ? "decide" : "warn");
		jw_int(&c->w, "allowed", (int64_t)count_of(&n->allowed));
		jw_int(&c->w, "refused", (int64_t)count_of(&n->refused));
		jw_int(&c->w, "warned", (int64_t)count_of(&n->warned));
		jw_end(&c->w);
	}
	list_end(&l, (int64_t)c->conf->rules.count);
	return true;
}

/* Identifiers with the rule of each, then the mapped names. */
static bool
write_decision(struct jw *w, const struct order_policy *p, const struct idents *idents, const struct idents *mapped)
{
	write_idents(w, idents);
	jw_array(w, "mapped");
	for (size_t i = 0; i < mapped->count; i++)
		jw_str(w, NULL, mapped->list[i].value);
	jw_end(w);
	jw_raw(w, "rules", span_str(p->rules));
	write_text(w, "upstreams", p->upstreams);
	jw_raw(w, "facts", span_str(p->facts));
	return true;
}

static bool
order_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct order_policy p = { 0 };
	struct order o = { 0 };
	bool found, known = false, good;

	call_restart(c);
	if (!order_by_ref(db, c->ref, 0, &o, &found, pr))
		return false;
	good = found ? order_policy_get(db, o.id, &p, &known, pr) : call_not_found(pr, "order", c->ref);
	if (good && !known)
		good = problem_set(pr, PROBLEM_NOT_FOUND, "of order %s no rules are on record: nobody asked for it, or it is older than that", o.ref);
	if (good) {
		jw_object(&c->w, NULL);
		jw_str(&c->w, "id", o.ref);
		write_decision(&c->w, &p, &o.idents, &o.mapped);
		jw_end(&c->w);
	}
	order_policy_done(&p);
	order_done(&o);
	return good;
}

bool
call_order_policy(struct call *c)
{
	return store_read(c->admin->store, order_tx, c, &c->pr);
}

struct page {
	struct list list;
	int64_t since;
	bool unreadable;
};

static bool
on_order(const struct order_policy_row *row, void *arg)
{
	struct page *p = arg;
	struct idents idents = { 0 }, mapped = { 0 };
	bool more;

	if (row->created_at < p->since)
		return false;
	p->unreadable = p->unreadable || !idents_read(span_str(row->idents), &idents) || !idents_read(span_str(row->mapped), &mapped);
	more = !p->unreadable && list_item(&p->list, row->ref);
	if (more) {
		jw_time(&p->list.c->w, "created", row->created_at);
		write_decision(&p->list.c->w, &row->p, &idents, &mapped);
		jw_end(&p->list.c->w);
	}
	idents_done(&idents);
	idents_done(&mapped);
	return more;
}

static bool
orders_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct span since = call_query(c, "since"), before = call_query(c, "before");
	struct page p = { .since = 0 };
	struct order o = { 0 };
	uint64_t unix_s = 0;
	bool found = true;

	if (!list_begin(&p.list, c, pr))
		return false;
	if (since.p && !span_uint(since, INT64_MAX, &unix_s))
		return problem_set(pr, PROBLEM_MALFORMED, "since is \"%s\", expected seconds since 1970", QUOTE(since));
	if (before.p && !order_by_ref(db, before, 0, &o, &found, pr))
		return false;
	order_done(&o);
	if (!found)
		return call_not_found(pr, "order", before);
	p.since = (int64_t)unix_s;
	if (!order_policy_each(db, o.id, p.list.limit + 1, on_order, &p, pr))
		return false;
	list_end(&p.list, p.list.seen);
	return !p.unreadable || problem_internal(pr, "order with unreadable identifiers");
}

bool
call_policy_orders(struct call *c)
{
	return store_read(c->admin->store, orders_tx, c, &c->pr);
}

/* ---- metrics ---- */

#define RULES_SHOWN 500

static void
write_counts(struct expo *x, const char *rule, const struct rule_count *n)
{
	if (count_of(&n->allowed))
		expo_int(x, (int64_t)count_of(&n->allowed), "rule", rule, "decision", "allowed", NULL);
	if (count_of(&n->refused))
		expo_int(x, (int64_t)count_of(&n->refused), "rule", rule, "decision", "refused", NULL);
	if (count_of(&n->warned))
		expo_int(x, (int64_t)count_of(&n->warned), "rule", rule, "decision", "warned", NULL);
}

/* Of more rules than anybody looks at the first: `policy list` has all. */
void
metrics_write_policy(struct expo *x, const struct gate_conf *conf)
{
	const struct rule_conf *rules = conf->rules.list;

	expo_family(x, EXPO_COUNTER, "acmegate_policy_decisions", "What the rules have decided since the configuration was loaded, by identifiers.");
	for (size_t i = 0; i < conf->rules.count && i < RULES_SHOWN; i++)
		write_counts(x, rules[i].name, &conf->rule_counts[i]);
	/* a name that no rule can have */
	write_counts(x, "(none)", &conf->rule_counts[conf->rules.count]);
}
