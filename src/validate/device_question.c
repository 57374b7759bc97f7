/* device_question.c - see device_question.h. */
#include "validate/device_question.h"

#include "json/jw.h"
#include "store/account.h"
#include "store/device.h"
#include "store/eab.h"
#include "store/evidence.h"
#include "store/order.h"

static void
write_ident(struct jw *w, const char *name, const struct ident *id)
{
	jw_object(w, name);
	jw_str(w, "type", ident_type_name(id->type));
	jw_str(w, "value", id->value);
	jw_end(w);
}

static bool
write_account(struct sql *db, int64_t id, struct jw *w, struct problem *pr)
{
	struct account a = { 0 };
	struct eab_key key = { 0 };
	bool found, bound = false;

	if (!account_by_id(db, id, &a, &found, pr) || (a.eab_id && !eab_by_id(db, a.eab_id, &key, &bound, pr))) {
		account_done(&a);
		return false;
	}
	jw_object(w, "account");
	jw_str(w, "id", a.ref);
	if (found)
		jw_raw(w, "contact", span_str(a.contact));
	if (bound)
		jw_str(w, "eab_kid", key.kid);
	jw_end(w);
	eab_key_done(&key);
	account_done(&a);
	return true;
}

/* Of its records the one by the name that the order has. */
struct naming {
	const struct ident *ident;
	struct device d;
};

static bool
on_device(const struct device *d, void *arg)
{
	struct naming *n = arg;
	char value[DEVICE_VALUE_TEXT];

	if (d->key.type == n->ident->type && strcmp(device_key_value(&d->key, value), n->ident->value) == 0)
		n->d = *d;
	return true;
}

static bool
write_device(struct sql *db, const struct authz *a, struct jw *w, struct problem *pr)
{
	struct naming n = { .ident = &a->ident };
	struct span rest, tag;

	if (!device_each_of_authz(db, a->id, on_device, &n, pr))
		return false;
	rest = span_str(n.d.about.tags);
	jw_object(w, "device");
	jw_str(w, "id", n.d.ref);
	jw_str(w, "status", device_state_name(n.d.state));
	jw_str(w, "kind", n.d.about.kind);
	jw_array(w, "tags");
	while (span_cut(&rest, ' ', &tag)) {
		if (tag.n)
			jw_span(w, NULL, tag);
	}
	jw_end(w);
	jw_str(w, "owner", n.d.about.owner);
	jw_str(w, "cost_centre", n.d.about.cost_centre);
	jw_str(w, "note", n.d.about.note);
	jw_int(w, "seen", n.d.seen);
	jw_end(w);
	return true;
}

static bool
write_order(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	struct jw *w = arg;
	struct order o = { 0 };
	bool found;

	if (!order_by_id(db, id, &o, &found, pr))
		return false;
	jw_object(w, NULL);
	jw_str(w, "id", o.ref);
	jw_array(w, "identifiers");
	for (size_t i = 0; i < o.idents.count; i++)
		write_ident(w, NULL, &o.idents.list[i]);
	jw_end(w);
	/* what the certificate has besides (V10) */
	jw_array(w, "mapped");
	for (size_t i = 0; i < o.mapped.count; i++)
		jw_str(w, NULL, o.mapped.list[i].value);
	jw_end(w);
	jw_end(w);
	order_done(&o);
	return true;
}

static bool
write_evidence(struct sql *db, int64_t authz_id, struct jw *w, struct problem *pr)
{
	struct evidence e = { 0 };
	bool found;

	if (!evidence_of_authz(db, authz_id, &e, &found, pr))
		return false;
	if (found) {
		jw_str(w, "address", e.address);
		jw_raw(w, "proven", span_str(e.facts));
	}
	evidence_done(&e);
	return true;
}

bool
device_question_write(struct sql *db, const struct authz *a, struct buf *ret, struct problem *pr)
{
	struct jw w = jw_to(ret);

	buf_clear(ret);
	jw_object(&w, NULL);
	jw_str(&w, "question", "may this device have this?");
	jw_int(&w, "version", 1);
	jw_str(&w, "profile", a->profile);
	write_ident(&w, "identifier", &a->ident);
	if (!write_device(db, a, &w, pr) || !write_account(db, a->account_id, &w, pr) || !write_evidence(db, a->id, &w, pr))
		return false;
	jw_array(&w, "orders");
	if (!order_each_with_authz(db, a->id, write_order, &w, pr))
		return false;
	jw_end(&w);
	jw_end(&w);
	return jw_ok(&w) ? true : problem_internal(pr, "the question about a device is too long");
}
