/* tenants.c - GET /tenants, GET /tenants/NAME: whose the accounts are (U12, E8), as the configuration has them. */
#include "admin/call.h"

static void
write_tenant(struct jw *w, const struct tenant_conf *t)
{
	write_text(w, "owner", t->owner);
	write_text(w, "contact", t->contact);
	write_text(w, "cost_centre", t->cost_centre);
	jw_int(w, "share", t->share);
}

/* The list goes on behind the one named. */
static bool
read_before(struct call *c, size_t *ret)
{
	struct span before = call_query(c, "before");
	const struct tenant_conf *t;

	*ret = 0;
	while (before.p && (t = conf_tenant_at(c->conf, (*ret)++))) {
		if (span_is(before, t->name))
			return true;
	}
	return before.p ? call_not_found(&c->pr, "tenant", before) : true;
}

/* In the file's order. */
bool
call_tenant_list(struct call *c)
{
	const struct tenant_conf *t;
	size_t i, total = 0;
	struct list l;

	if (!list_begin(&l, c, &c->pr) || !read_before(c, &i))
		return false;
	for (; (t = conf_tenant_at(c->conf, i)) && list_item(&l, t->name); i++) {
		write_tenant(&c->w, t);
		jw_end(&c->w);
	}
	while (conf_tenant_at(c->conf, total))
		total++;
	list_end(&l, (int64_t)total);
	return true;
}

bool
call_tenant_query(struct call *c, char ret[TENANT_TEXT], struct problem *pr)
{
	struct span name = call_query(c, "tenant");

	ret[0] = '\0';
	/* one that is not in the configuration any more has still what it has */
	return !name.p || call_text(name, ret, TENANT_TEXT, pr);
}

static bool
write_counts(struct jw *w, struct sql *db, const char *name, struct problem *pr)
{
	const struct order_query q = { .state = -1, .tenant = name };
	int64_t keys, accounts, orders;

	if (!eab_list_count(db, name, LIST_COUNT_MAX, &keys, pr) || !account_list_count(db, name, LIST_COUNT_MAX, &accounts, pr) ||
		!order_list_count(db, &q, LIST_COUNT_MAX, &orders, pr))
		return false;
	jw_int(w, "eab_keys", keys);
	jw_int(w, "accounts", accounts);
	jw_int(w, "orders", orders);
	return true;
}

static bool
tenant_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	const struct tenant_conf *t;
	char name[TENANT_TEXT];
	bool good;

	call_restart(c);
	if (!call_text(c->ref, name, sizeof(name), pr))
		return false;
	t = conf_tenant(c->conf, name);
	if (!t)
		return call_not_found(pr, "tenant", c->ref);
	jw_object(&c->w, NULL);
	jw_str(&c->w, "id", t->name);
	write_tenant(&c->w, t);
	good = write_counts(&c->w, db, t->name, pr) && write_tenant_use(c, db, t->name, pr);
	jw_end(&c->w);
	return good;
}

bool
call_tenant(struct call *c)
{
	return store_read(c->admin->store, tenant_tx, c, &c->pr);
}
