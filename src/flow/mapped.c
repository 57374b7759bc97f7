/* flow/mapped.c - see mapped.h. */
#include "flow/mapped.h"

#include "pki/device_id.h"
#include "store/device_name.h"
#include "store/event.h"

_Static_assert(DEVICE_NAME_KEY_BYTES == MAPPING_KEY_BYTES, "one key, two rooms");

bool
mapped_is_wanted(const struct profile_conf *p, const struct idents *idents)
{
	for (size_t i = 0; p->device_names.count && i < idents->count; i++) {
		if (ident_is_device(&idents->list[i]))
			return true;
	}
	return false;
}

static void
names_of(const struct profile_conf *p, const struct ident *device, const unsigned char key[MAPPING_KEY_BYTES], struct idents *ret)
{
	mapping_names((const char *const *)p->device_names.list, p->device_names.count, device, key, ret);
}

void
mapped_names(const struct profile_conf *p, const struct idents *idents, const unsigned char key[MAPPING_KEY_BYTES], struct idents *ret)
{
	*ret = (struct idents){ 0 };
	for (size_t i = 0; i < idents->count; i++) {
		if (ident_is_device(&idents->list[i]))
			names_of(p, &idents->list[i], key, ret);
	}
}

/* May this key turn out to be of the identifier? Without an OID whoever vouches for it stands in (V9). */
static bool
may_be_of(const struct device_key *k, const struct ident *id)
{
	struct span name, oid;

	device_id_split(span_str(id->value), &name, &oid);
	return k->type == id->type && span_is(name, k->name) && (oid.n ? span_is(oid, k->scope) : !device_key_has_oid(k));
}

static bool
belongs_to_another(struct problem *pr, const char *name)
{
	return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER, "the name \"%s\" belongs to another device, until the operator of this gateway removes that one",
		name);
}

bool
mapped_may_order(struct sql *db, const struct profile_conf *p, const struct order *o, const unsigned char key[MAPPING_KEY_BYTES],
	struct problem *pr)
{
	bool good = true;

	for (size_t i = 0; good && i < o->idents.count; i++) {
		const struct ident *id = &o->idents.list[i];
		struct idents names = { 0 };
		struct device_key owner;
		bool found;

		if (!ident_is_device(id))
			continue;
		names_of(p, id, key, &names);
		for (size_t j = 0; good && j < names.count; j++) {
			const struct ident *name = &names.list[j];

			if (!idents_has(&o->idents, name) && !idents_has(&o->mapped, name))
				continue;
			good = device_name_owner(db, name->value, &owner, &found, pr) &&
				(!found || may_be_of(&owner, id) || belongs_to_another(pr, name->value));
		}
		idents_done(&names);
	}
	return good;
}

/* ---- after a proof ---- */

struct giving {
	const struct device_chall *dc;
	struct idents names;     /* of the device; owned */
	struct device_key key;   /* as it was proven */
	bool has_key;
	struct problem *ret_why; /* while it is judged; else NULL */
};

static bool
on_device(const struct device *d, void *arg)
{
	struct giving *g = arg;
	char value[DEVICE_VALUE_TEXT];

	g->has_key = d->key.type == g->dc->authz->ident.type && strcmp(device_key_value(&d->key, value), g->dc->authz->ident.value) == 0;
	if (g->has_key)
		g->key = d->key;
	return !g->has_key;
}

static bool
judge_name(struct sql *db, struct giving *g, const char *name, struct problem *pr)
{
	struct device_key owner;
	bool found;

	if (!device_name_owner(db, name, &owner, &found, pr))
		return false;
	if (found && (owner.type != g->key.type || strcmp(owner.scope, g->key.scope) != 0 || strcmp(owner.name, g->key.name) != 0))
		belongs_to_another(g->ret_why, name);
	return true;
}

static bool
give_name(struct sql *db, struct giving *g, int64_t order_id, const struct ident *name, struct problem *pr)
{
	const struct device_chall *dc = g->dc;
	bool moved;

	return device_name_claim(db, name->value, &g->key, dc->now, pr) &&
		authz_give(db, order_id, name, dc->authz->id, dc->now + dc->profile->valid_authz_s, &moved, pr) &&
		(!moved || event_note(db, order_id, dc->node, "proven", pr, "%s, by the device", name->value));
}

static bool
each_order(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	struct giving *g = arg;
	struct order o = { 0 };
	bool found, good = order_by_id(db, id, &o, &found, pr);

	for (size_t i = 0; good && found && i < g->names.count; i++) {
		const struct ident *name = &g->names.list[i];

		if (!idents_has(&o.idents, name) && !idents_has(&o.mapped, name))
			continue;
		good = g->ret_why ? judge_name(db, g, name->value, pr) : give_name(db, g, id, name, pr);
	}
	order_done(&o);
	return good && (g->ret_why || order_review(db, id, g->dc->now, g->dc->node, pr));
}

static bool
each_name(struct sql *db, struct giving *g, struct problem *pr)
{
	const struct authz *a = g->dc->authz;
	unsigned char key[MAPPING_KEY_BYTES];
	bool good;

	if (!g->dc->profile->device_names.count)
		return true;
	if (!device_name_key(db, key, pr) || !device_each_of_authz(db, a->id, on_device, g, pr))
		return false;
	if (!g->has_key)
		return problem_internal(pr, "no record of a device that has proven itself");
	names_of(g->dc->profile, &a->ident, key, &g->names);
	good = order_each_with_authz(db, a->id, each_order, g, pr);
	idents_done(&g->names);
	return good;
}

bool
mapped_judge(struct sql *db, const struct device_chall *dc, struct problem *ret_why, struct problem *pr)
{
	struct giving g = { .dc = dc, .ret_why = ret_why };

	return each_name(db, &g, pr);
}

bool
mapped_give(struct sql *db, const struct device_chall *dc, struct problem *pr)
{
	struct giving g = { .dc = dc };
	struct authz now = { 0 };
	bool found, is_valid;

	/* it may have been given up meanwhile, or be over */
	if (!authz_by_id(db, dc->authz->id, &now, &found, pr))
		return false;
	is_valid = found && now.state == AUTHZ_VALID;
	authz_done(&now);
	return !is_valid || each_name(db, &g, pr);
}

/* ---- before the end ---- */

bool
mapped_may_finalize(struct sql *db, const struct order *o, struct problem *pr)
{
	for (size_t i = 0; i < o->mapped.count; i++) {
		struct device_key owner;
		bool found, is_own = false;

		if (!device_name_owner(db, o->mapped.list[i].value, &owner, &found, pr))
			return false;
		for (size_t j = 0; found && j < o->idents.count; j++)
			is_own = is_own || may_be_of(&owner, &o->idents.list[j]);
		if (!is_own)
			return problem_set(pr, PROBLEM_UNAUTHORIZED, "the name \"%s\" does not belong to the device of this order: order again",
				o->mapped.list[i].value);
	}
	return true;
}
