/* accounts.c - GET /accounts, GET /accounts/REF. */
#include "admin/call.h"

static void
write_account(struct jw *w, const struct account *a)
{
	jw_str(w, "status", account_state_name(a->state));
	jw_str(w, "tenant", a->tenant);
	jw_time(w, "created", a->created_at);
	jw_raw(w, "contact", span_str(a->contact));
	jw_bool(w, "terms_agreed", a->terms);
	if (a->terms_url)
		jw_str(w, "terms", a->terms_url);
	jw_str(w, "thumbprint", a->thumbprint);
}

static void
on_account(const struct account *a, void *arg)
{
	struct list *l = arg;

	if (!list_item(l, a->ref))
		return;
	write_account(&l->c->w, a);
	jw_end(&l->c->w);
}

static bool
read_before(struct call *c, struct sql *db, int64_t *ret_id, struct problem *pr)
{
	struct span ref = call_query(c, "before");
	struct account a = { 0 };
	bool found;

	*ret_id = 0;
	if (!ref.p)
		return true;
	if (!account_check(db, ref, &a, &found, pr))
		return false;
	*ret_id = a.id;
	return found ? true : call_not_found(pr, "account", ref);
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	char tenant[TENANT_TEXT];
	int64_t before, total;
	struct list l;

	if (!list_begin(&l, c, pr) || !call_tenant_query(c, tenant, pr) || !read_before(c, db, &before, pr) ||
		!account_list(db, tenant[0] ? tenant : NULL, before, l.limit + 1, on_account, &l, pr) ||
		!account_list_count(db, tenant[0] ? tenant : NULL, LIST_COUNT_MAX, &total, pr))
		return false;
	list_end(&l, total);
	return true;
}

bool
call_accounts(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}

static bool
write_counts(struct jw *w, struct sql *db, int64_t account_id, struct problem *pr)
{
	const struct order_query q = { .state = -1, .account_id = account_id };
	int64_t orders, certs;

	if (!order_list_count(db, &q, LIST_COUNT_MAX, &orders, pr) ||
		!cert_list_count(db, account_id, LIST_COUNT_MAX, &certs, pr))
		return false;
	jw_int(w, "orders", orders);
	jw_int(w, "certificates", certs);
	return true;
}

/* Which external account key it is bound to. */
static bool
write_binding(struct jw *w, struct sql *db, int64_t eab_id, struct problem *pr)
{
	struct eab_key k = { 0 };
	bool found = false;

	if (eab_id && !eab_by_id(db, eab_id, &k, &found, pr))
		return false;
	if (found)
		jw_str(w, "eab", k.kid);
	eab_key_done(&k);
	return true;
}

static bool
account_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct account a = { 0 };
	bool found, good;

	call_restart(c);
	if (!account_by_ref(db, c->ref, &a, &found, pr))
		return false;
	if (!found)
		return call_not_found(pr, "account", c->ref);
	jw_object(&c->w, NULL);
	jw_str(&c->w, "id", a.ref);
	write_account(&c->w, &a);
	jw_raw(&c->w, "key", span_str(a.jwk));
	good = write_binding(&c->w, db, a.eab_id, pr) && write_counts(&c->w, db, a.id, pr);
	jw_end(&c->w);
	account_done(&a);
	return good;
}

bool
call_account(struct call *c)
{
	return store_read(c->admin->store, account_tx, c, &c->pr);
}
