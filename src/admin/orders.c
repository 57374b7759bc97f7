/* orders.c - GET /orders, GET /orders/REF[?trace=1]: an order through both faces. */
#include "admin/call.h"
#include "attest/attest.h"
#include "base/b64url.h"
#include "store/authz.h"
#include "store/event.h"
#include "store/evidence.h"

static void
write_order(struct jw *w, const struct order *o, const char *account_ref)
{
	jw_str(w, "status", order_state_name(o->state));
	jw_str(w, "account", account_ref);
	jw_str(w, "tenant", o->tenant);
	jw_str(w, "profile", o->profile);
	jw_str(w, "upstream", o->upstream);
	write_idents(w, &o->idents);
	if (o->mapped.count) {
		jw_array(w, "mapped");
		for (size_t i = 0; i < o->mapped.count; i++)
			jw_str(w, NULL, o->mapped.list[i].value);
		jw_end(w);
	}
	jw_time(w, "created", o->created_at);
	write_time(w, "finalized", o->finalized_at);
	jw_time(w, "expires", o->expires);
	write_time(w, "notBefore", o->not_before);
	write_time(w, "notAfter", o->not_after);
	write_text(w, "replaces", o->replaces);
	write_text(w, "certificate", o->cert_ref);
	if (o->error)
		jw_raw(w, "error", span_str(o->error));
}

static void
on_order(const struct order *o, const char *account_ref, void *arg)
{
	struct list *l = arg;

	if (!list_item(l, o->ref))
		return;
	write_order(&l->c->w, o, account_ref);
	jw_end(&l->c->w);
}

static bool
read_state(struct call *c, int *ret, struct problem *pr)
{
	struct span name = call_query(c, "state");
	enum order_state state;

	*ret = -1;
	if (!name.p)
		return true;
	if (!order_state_parse(name, &state))
		return problem_set(pr, PROBLEM_MALFORMED,
			"state is \"%s\", expected pending, ready, processing, valid or invalid", QUOTE(name));
	*ret = (int)state;
	return true;
}

static bool
read_before(struct call *c, struct sql *db, int64_t *ret_id, struct problem *pr)
{
	struct span ref = call_query(c, "before");
	struct order o = { 0 };
	bool found;

	*ret_id = 0;
	if (!ref.p)
		return true;
	if (!order_by_ref(db, ref, 0, &o, &found, pr))
		return false;
	*ret_id = o.id;
	order_done(&o);
	return found ? true : call_not_found(pr, "order", ref);
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct order_query q = { .limit = 0 };
	char tenant[TENANT_TEXT];
	struct list l;
	int64_t total;

	if (!list_begin(&l, c, pr) || !call_tenant_query(c, tenant, pr) || !read_state(c, &q.state, pr) || !call_account_id(c, db, &q.account_id, pr) ||
		!read_before(c, db, &q.before, pr))
		return false;
	if (q.account_id && tenant[0])
		return problem_set(pr, PROBLEM_MALFORMED, "account and tenant cannot go together");
	q.tenant = tenant[0] ? tenant : NULL;
	q.limit = l.limit + 1;
	if (!order_list(db, &q, on_order, &l, pr) || !order_list_count(db, &q, LIST_COUNT_MAX, &total, pr))
		return false;
	list_end(&l, total);
	return true;
}

bool
call_orders(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}

/* ---- one order ---- */

static void
write_challenge(struct jw *w, const struct challenge *ch)
{
	jw_object(w, NULL);
	jw_str(w, "id", ch->ref);
	jw_str(w, "type", challenge_kind_name(ch->kind));
	jw_str(w, "status", chall_state_name(ch->state));
	jw_int(w, "attempts", ch->attempts);
	write_time(w, "next_attempt", ch->state == CHALL_PROCESSING ? ch->next_at : 0);
	write_time(w, "validated", ch->validated_at);
	if (ch->error)
		jw_raw(w, "error", span_str(ch->error));
	jw_end(w);
}

static bool
write_evidence(struct jw *w, struct sql *db, int64_t authz_id, struct problem *pr)
{
	struct evidence e = { 0 };
	AUTO_BUF statement = BUF_MAX(ATTEST_MAX_BYTES), text = BUF_MAX(B64URL_LEN(ATTEST_MAX_BYTES) + 1);
	bool found;

	if (!evidence_of_authz(db, authz_id, &e, &found, pr))
		return false;
	if (found) {
		jw_object(w, "evidence");
		jw_time(w, "at", e.at);
		jw_raw(w, "proven", span_str(e.facts));
	}
	if (found && e.has_statement) {
		if (!evidence_statement(db, authz_id, &statement, pr)) {
			evidence_done(&e);
			return false;
		}
		b64url_add(&text, statement.p, statement.n);
		jw_span(w, "statement", buf_span(&text));
	}
	if (found)
		jw_end(w);
	evidence_done(&e);
	return true;
}

struct authz_writing {
	struct jw *w;
	const struct authz *a;
};

/* Its record. */
static bool
on_device(const struct device *d, void *arg)
{
	struct authz_writing *aw = arg;
	char value[DEVICE_VALUE_TEXT];

	if (d->key.type != aw->a->ident.type || strcmp(device_key_value(&d->key, value), aw->a->ident.value) != 0)
		return true;
	jw_object(aw->w, "device");
	jw_str(aw->w, "id", d->ref);
	jw_str(aw->w, "status", device_state_name(d->state));
	jw_end(aw->w);
	return false;
}

static bool
write_authz(struct jw *w, struct sql *db, const struct authz *a, struct problem *pr)
{
	jw_object(w, NULL);
	jw_str(w, "id", a->ref);
	jw_object(w, "identifier");
	jw_str(w, "type", ident_type_name(a->ident.type));
	jw_str(w, "value", a->ident.value);
	jw_end(w);
	jw_bool(w, "wildcard", a->wildcard);
	jw_str(w, "status", authz_state_name(a->state));
	jw_time(w, "expires", a->expires);
	jw_array(w, "challenges");
	for (size_t i = 0; i < a->challenge_count; i++)
		write_challenge(w, &a->challenges[i]);
	jw_end(w);
	if (!write_evidence(w, db, a->id, pr) || !device_each_of_authz(db, a->id, on_device, &(struct authz_writing){ w, a }, pr))
		return false;
	jw_end(w);
	return true;
}

static void
add_ref(const char *ref, void *arg)
{
	buf_add(arg, ref, REF_TEXT - 1);
}

static bool
write_authzs(struct jw *w, struct sql *db, int64_t order_id, struct problem *pr)
{
	AUTO_BUF refs = BUF_MAX(256 * 1024);

	if (!authz_refs_of_order(db, order_id, add_ref, &refs, pr))
		return false;
	jw_array(w, "authorizations");
	for (size_t at = 0; at + REF_TEXT - 1 <= refs.n; at += REF_TEXT - 1) {
		struct authz a = { 0 };
		bool found, good;

		if (!authz_by_ref(db, span_of(refs.p + at, REF_TEXT - 1), 0, &a, &found, pr))
			return false;
		good = !found || write_authz(w, db, &a, pr);
		authz_done(&a);
		if (!good)
			return false;
	}
	jw_end(w);
	return true;
}

static bool
write_upstream(struct jw *w, struct sql *db, int64_t order_id, struct problem *pr)
{
	AUTO_BUF error = BUF_MAX(64 * 1024);
	struct upstream_order u = { 0 };
	bool found;

	if (!upstream_order_get(db, order_id, &u, &found, pr) || !upstream_order_error(db, order_id, &error, pr))
		return false;
	if (!found)
		return true;
	jw_object(w, "upstream_order");
	jw_str(w, "upstream", u.upstream);
	jw_str(w, "state", u.parked ? "awaiting_csr" : u.state == UPSTREAM_ORDERED ? "ordered" : "intent");
	write_text(w, "url", u.url);
	jw_int(w, "attempt", u.attempt);
	jw_int(w, "failures", u.failures);
	write_time(w, "since", u.intent_at);
	write_time(w, "waits_until", u.wait_until);
	write_time(w, "trouble_since", u.trouble_at);
	if (u.refused_by[0])
		jw_span(w, "refused_by", span_trim(span_str(u.refused_by)));
	write_time(w, "expires", u.expires);
	if (error.n)
		jw_span(w, "error", buf_span(&error));
	jw_end(w);
	return true;
}

static bool
write_job(struct jw *w, struct sql *db, int64_t order_id, struct problem *pr)
{
	struct job_view v;
	bool found;

	if (!job_find(db, JOB_ISSUE, order_id, &v, &found, pr))
		return false;
	if (!found)
		return true;
	jw_object(w, "job");
	jw_str(w, "kind", job_kind_name(v.row.kind));
	jw_time(w, "due", v.row.due_ms / 1000);
	jw_int(w, "attempts", v.row.attempts);
	write_text(w, "node", v.node);
	write_text(w, "error", v.error);
	jw_end(w);
	return true;
}

static bool
write_joined(struct jw *w, struct sql *db, int64_t joined_to, struct problem *pr)
{
	struct order o = { 0 };
	bool found;

	if (!joined_to)
		return true;
	if (!order_by_id(db, joined_to, &o, &found, pr))
		return false;
	if (found)
		jw_str(w, "joined_to", o.ref);
	order_done(&o);
	return true;
}

static void
on_event(const struct event_row *e, void *arg)
{
	struct jw *w = arg;
	char time[TIME_TEXT], text[32];

	time_rfc3339(e->at_ms / 1000, time);
	snprintf(text, sizeof(text), "%.19s.%03dZ", time, (int)(e->at_ms % 1000));
	jw_object(w, NULL);
	jw_str(w, "at", text);
	jw_str(w, "node", e->node);
	jw_str(w, "event", e->what);
	jw_str(w, "detail", e->detail);
	jw_end(w);
}

static bool
write_trace(struct jw *w, struct sql *db, int64_t order_id, struct problem *pr)
{
	jw_array(w, "trace");
	if (!event_each(db, order_id, on_event, w, pr))
		return false;
	jw_end(w);
	return true;
}

static bool
write_whole(struct call *c, struct sql *db, const struct order *o, struct problem *pr)
{
	struct account a = { 0 };
	struct jw *w = &c->w;
	bool found;

	if (!account_by_id(db, o->account_id, &a, &found, pr))
		return false;
	jw_object(w, NULL);
	jw_str(w, "id", o->ref);
	write_order(w, o, a.ref);
	account_done(&a);
	if (!write_joined(w, db, o->joined_to, pr) || !write_authzs(w, db, o->id, pr) ||
		!write_upstream(w, db, o->id, pr) || !write_job(w, db, o->id, pr))
		return false;
	if (call_query(c, "trace").p && !write_trace(w, db, o->id, pr))
		return false;
	jw_end(w);
	return true;
}

static bool
order_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct order o = { 0 };
	bool found, good;

	call_restart(c);
	if (!order_by_ref(db, c->ref, 0, &o, &found, pr))
		return false;
	if (!found)
		return call_not_found(pr, "order", c->ref);
	good = write_whole(c, db, &o, pr);
	order_done(&o);
	return good;
}

bool
call_order(struct call *c)
{
	return store_read(c->admin->store, order_tx, c, &c->pr);
}
