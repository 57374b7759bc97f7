/* inventory.c - see inventory.h. */
#include "flow/inventory.h"

#include "acme/problem_json.h"
#include "flow/order.h"
#include "json/json.h"
#include "pki/device_id.h"
#include "store/evidence.h"

static bool
refuse(struct problem *pr, enum problem_kind kind, bool is_blocked, const char *value)
{
	if (is_blocked)
		return problem_set(pr, kind, "device \"%s\" is blocked: its owner must ask the operator of this gateway", QUOTE(span_str(value)));
	return problem_set(pr, kind, "device \"%s\" is not in the inventory: the operator of this gateway must add it", QUOTE(span_str(value)));
}

/* By an operator, between proof and now: a block that comes later would find no order of it. */
static bool
refuse_gone(struct problem *pr, enum problem_kind kind, const char *value)
{
	return problem_set(pr, kind, "the record of device \"%s\" was removed since it has proven itself: order again", QUOTE(span_str(value)));
}

static bool
may(const struct profile_conf *p, const struct device *d)
{
	return d->state == DEVICE_INVENTORIED || (d->state == DEVICE_SEEN && p->devices == DEVICES_ANY);
}

/* ---- before a proof ---- */

/* Records that a value may turn out to be of. */
struct known {
	const struct profile_conf *p;
	struct span oid; /* without one: whoever vouches */
	size_t count, allowed, blocked;
};

static bool
on_known(const struct device *d, void *arg)
{
	struct known *k = arg;

	if (k->oid.n ? !span_is(k->oid, d->key.scope) : device_key_has_oid(&d->key))
		return true;
	k->count++;
	k->allowed += may(k->p, d);
	k->blocked += d->state == DEVICE_BLOCKED;
	return true;
}

bool
inventory_may_order(struct sql *db, const struct profile_conf *p, const struct ident *id, struct problem *pr)
{
	struct known k = { .p = p };
	char name[IDENT_VALUE];
	struct span part;

	if (!ident_is_device(id))
		return true;
	device_id_split(span_str(id->value), &part, &k.oid);
	if (!span_copy(part, name, sizeof(name)) || !device_each_named(db, id->type, name, on_known, &k, pr))
		return false;
	if (k.allowed || (k.count == 0 && p->devices == DEVICES_ANY))
		return true;
	return refuse(pr, PROBLEM_REJECTED_IDENTIFIER, k.blocked > 0, id->value);
}

/* ---- what a proof leaves ---- */

static bool
note_one(struct sql *db, const struct device_key *key, const char *kind, const struct authz *a, const char *key_hash, bool is_named,
	int64_t now, struct problem *pr)
{
	struct device d;
	bool found;

	if (!device_by_key(db, key, &d, &found, pr))
		return false;
	if (!found && !is_named)
		return true;
	if (!found) {
		d = (struct device){ .key = *key, .state = DEVICE_SEEN };
		if (!device_insert(db, &d, pr))
			return false;
	}
	return (!is_named || device_set_seen(db, d.id, kind, a->account_id, key_hash, now, pr)) && device_link(db, d.id, a->id, pr);
}

static bool
ident_of(const struct attest_id *id, struct ident *ret)
{
	ret->type = id->type == ATTEST_HARDWARE_MODULE ? IDENT_HARDWARE : IDENT_PERMANENT;
	return span_copy(span_str(id->value), ret->value, sizeof(ret->value));
}

bool
inventory_note(struct sql *db, const struct profile_conf *p, const struct authz *a, const struct attest_facts *facts, int64_t now,
	struct problem *pr)
{
	const char *kind = p->trust_names[facts->format];
	struct device_key key;

	if (!device_key_of(&a->ident, kind ? kind : "", &key))
		return problem_internal(pr, "nobody vouches for a device that has proven itself");
	if (!note_one(db, &key, kind, a, facts->key_hash, true, now, pr))
		return false;
	for (size_t i = 0; i < facts->id_count; i++) {
		struct ident id;

		/* one that no order could name has no record */
		if (ident_of(&facts->ids[i], &id) && device_key_of(&id, kind, &key) && !note_one(db, &key, kind, a, facts->key_hash, false, now, pr))
			return false;
	}
	return true;
}

/* ---- after a proof ---- */

struct judging {
	const struct profile_conf *p;
	const struct ident *idents;
	size_t count;
	size_t known, inventoried; /* of the identifiers */
	bool is_blocked;
};

static bool
on_proven(const struct device *d, void *arg)
{
	struct judging *j = arg;
	char value[DEVICE_VALUE_TEXT];

	device_key_value(&d->key, value);
	j->is_blocked = j->is_blocked || d->state == DEVICE_BLOCKED;
	for (size_t i = 0; i < j->count; i++) {
		if (d->key.type != j->idents[i].type || strcmp(value, j->idents[i].value) != 0)
			continue;
		j->known++;
		j->inventoried += d->state == DEVICE_INVENTORIED;
	}
	return true;
}

/* `value`: of one of them, for the detail. */
static bool
decide(const struct judging *j, const struct profile_conf *p, size_t devices, enum problem_kind kind, const char *value, struct problem *pr)
{
	if (j->is_blocked || (p->devices == DEVICES_INVENTORIED && j->inventoried < devices))
		return refuse(pr, kind, j->is_blocked, value);
	return j->known < devices ? refuse_gone(pr, kind, value) : true;
}

static bool
on_named(struct sql *db, const struct json_node *node, const char *kind, struct judging *j, struct problem *pr)
{
	struct problem why = { 0 };
	struct device_key key;
	struct device d = { 0 };
	struct ident id;
	bool found;

	if (!ident_parse(json_text(json_get(node, "type")), json_text(json_get(node, "value")), &id, &why) || !device_key_of(&id, kind, &key))
		return true;
	if (!device_by_key(db, &key, &d, &found, pr))
		return false;
	j->is_blocked = j->is_blocked || (found && d.state == DEVICE_BLOCKED);
	return true;
}

/* What was blocked since the proof under another of its names had no record then, and so it has no link. */
static bool
on_evidence(struct sql *db, const struct evidence *e, void *arg, struct problem *pr)
{
	struct judging *j = arg;
	enum attest_format format;
	const struct json_node *list;
	const char *kind = NULL;
	struct json *doc;
	bool good = true;

	if (!json_parse(span_str(e->facts), "evidence", NULL, &doc, pr))
		return problem_internal(pr, "evidence that cannot be read");
	list = json_get(json_root(doc), "identifiers");
	if (attest_format_parse(json_text(json_get(json_root(doc), "format")), &format))
		kind = j->p->trust_names[format];
	for (size_t i = 0; good && i < json_count(list); i++)
		good = on_named(db, json_at(list, i), kind ? kind : "", j, pr);
	json_free(doc);
	return good;
}

bool
inventory_judge(struct sql *db, const struct profile_conf *p, const struct authz *a, struct problem *ret_why, struct problem *pr)
{
	struct judging j = { .p = p, .idents = &a->ident, .count = 1 };
	struct evidence e = { 0 };
	bool found, good;

	if (!device_each_of_authz(db, a->id, on_proven, &j, pr) || !evidence_of_authz(db, a->id, &e, &found, pr))
		return false;
	good = !found || on_evidence(db, &e, &j, pr);
	evidence_done(&e);
	if (!good)
		return false;
	(void)decide(&j, p, 1, PROBLEM_REJECTED_IDENTIFIER, a->ident.value, ret_why);
	return true;
}

bool
inventory_may_finalize(struct sql *db, const struct profile_conf *p, const struct order *o, struct problem *pr)
{
	struct judging j = { .p = p, .idents = o->idents.list, .count = o->idents.count };
	const struct ident *device = NULL;
	size_t devices = 0;

	for (size_t i = 0; i < o->idents.count; i++) {
		if (!ident_is_device(&o->idents.list[i]))
			continue;
		device = &o->idents.list[i];
		devices++;
	}
	if (!device)
		return true;
	if (!device_each_of_order(db, o->id, on_proven, &j, pr) || !evidence_each_of_order(db, o->id, on_evidence, &j, pr))
		return false;
	return decide(&j, p, devices, PROBLEM_UNAUTHORIZED, device->value, pr);
}

/* ---- an operator's word ---- */

struct ending {
	const char *error, *node;
};

/* Its job finds that nobody waits any more (O3, O14). */
static bool
end_one(struct sql *db, int64_t order_id, void *arg, struct problem *pr)
{
	const struct ending *e = arg;
	bool moved;

	return order_step(db, order_id, ORDER_PROCESSING, ORDER_EV_REFUSED, e->error, e->node, &moved, pr) &&
		(moved || order_step(db, order_id, ORDER_READY, ORDER_EV_REFUSED, e->error, e->node, &moved, pr));
}

bool
inventory_block(struct sql *db, int64_t device_id, const char *reason, const char *node, struct problem *pr)
{
	AUTO_BUF error = BUF_MAX(4096);
	struct problem why = { 0 };

	problem_set(&why, PROBLEM_UNAUTHORIZED, "the device is blocked: its owner must ask the operator of this gateway");
	if (!problem_json(&error, &why, NULL))
		return problem_internal(pr, "a problem does not fit");
	return device_set_state(db, device_id, DEVICE_BLOCKED, reason, pr) &&
		order_each_working_of_device(db, device_id, end_one, &(struct ending){ buf_cstr(&error), node }, pr);
}
