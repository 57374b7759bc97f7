/* devices.c - devices as records: GET /devices, GET /devices/NAME, where NAME is a ref or an identifier as orders have it. */
#include "admin/call.h"
#include "store/device_name.h"

#define CERTS_SHOWN 50

static void
write_tags(struct jw *w, const char *tags)
{
	struct span rest = span_str(tags), tag;

	jw_array(w, "tags");
	while (span_cut(&rest, ' ', &tag)) {
		if (tag.n)
			jw_span(w, NULL, tag);
	}
	jw_end(w);
}

/* What an import takes has the same names. */
static void
write_device(struct jw *w, const struct device *d, const char *account)
{
	char value[DEVICE_VALUE_TEXT];

	jw_str(w, "status", device_state_name(d->state));
	jw_str(w, "type", ident_type_name(d->key.type));
	jw_str(w, "identifier", device_key_value(&d->key, value));
	write_text(w, "kind", d->about.kind);
	write_tags(w, d->about.tags);
	jw_str(w, "owner", d->about.owner);
	jw_str(w, "cost_centre", d->about.cost_centre);
	jw_str(w, "note", d->about.note);
	write_time(w, "blocked", d->blocked_at);
	write_text(w, "reason", d->reason);
	jw_time(w, "created", d->created_at);
	jw_time(w, "changed", d->changed_at);
	jw_int(w, "seen", d->seen);
	write_time(w, "first_seen", d->first_seen);
	write_time(w, "last_seen", d->last_seen);
	write_text(w, "account", account);
	write_text(w, "key_hash", d->key_hash);
}

/* ---- the list ---- */

static bool
on_device(const struct device *d, void *arg)
{
	struct list *l = arg;

	if (!list_item(l, d->ref))
		return false;
	write_device(&l->c->w, d, NULL);
	jw_end(&l->c->w);
	return true;
}

struct filter {
	struct device_query q;
	char kind[DEVICE_KIND_TEXT], tag[DEVICE_TAGS_TEXT], owner[DEVICE_OWNER_TEXT];
};

static bool
read_filter(const struct call *c, struct filter *f, struct problem *pr)
{
	struct span state = call_query(c, "state");
	enum device_state n = DEVICE_SEEN;

	if (state.p && !device_state_parse(state, &n))
		return problem_set(pr, PROBLEM_MALFORMED, "state is \"%s\", expected seen, inventoried or blocked", QUOTE(state));
	if (!call_text(call_query(c, "kind"), f->kind, sizeof(f->kind), pr) || !call_text(call_query(c, "tag"), f->tag, sizeof(f->tag) - 2, pr) ||
		!call_text(call_query(c, "owner"), f->owner, sizeof(f->owner), pr))
		return false;
	f->q = (struct device_query){ .state = state.p ? (int)n : -1, .kind = f->kind, .tag = f->tag, .owner = f->owner };
	return true;
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct span before = call_query(c, "before");
	struct filter f;
	struct device d = { 0 };
	struct list l;
	int64_t total;
	bool found = true;

	if (!list_begin(&l, c, pr) || !read_filter(c, &f, pr) || (before.p && !device_by_ref(db, before, &d, &found, pr)))
		return false;
	if (!found)
		return call_not_found(pr, "device", before);
	f.q.before = d.id;
	f.q.limit = l.limit + 1;
	if (!device_list(db, &f.q, on_device, &l, pr) || !device_list_count(db, &f.q, LIST_COUNT_MAX, &total, pr))
		return false;
	list_end(&l, total);
	return true;
}

bool
call_device_list(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}

/* ---- one device ---- */

/* Those whose value it is, and those with an OID behind it. */
struct named {
	struct device exact, other;
	size_t exact_count, other_count;
};

static bool
on_named(const struct device *d, void *arg)
{
	struct named *n = arg;

	if (device_key_has_oid(&d->key)) {
		n->other = *d;
		n->other_count++;
	} else {
		n->exact = *d;
		n->exact_count++;
	}
	return true;
}

/* By the identifier alone, if it leaves no choice. */
static bool
find_named(struct sql *db, const struct ident *id, struct device *ret, bool *ret_found, struct problem *pr)
{
	struct named n = { .exact_count = 0 };
	size_t count;

	if (!device_each_named(db, id->type, id->value, on_named, &n, pr))
		return false;
	count = n.exact_count ? n.exact_count : n.other_count;
	if (count > 1)
		return problem_set(pr, PROBLEM_CONFLICT, "several devices are called \"%s\": say which by its id, its OID or its kind", QUOTE(span_str(id->value)));
	*ret_found = count == 1;
	*ret = n.exact_count ? n.exact : n.other;
	return true;
}

bool
device_is_kind(const struct gate_conf *conf, const char *kind)
{
	const struct trust_conf *list = conf->attestation_trust.list;

	for (size_t i = 0; i < conf->attestation_trust.count; i++) {
		if (strcmp(list[i].name, kind) == 0)
			return true;
	}
	return false;
}

static bool
read_name(struct call *c, struct ident *ret_id, char kind[DEVICE_KIND_TEXT], struct problem *pr)
{
	struct span type = call_query(c, "type");
	char value[IDENT_VALUE];

	if (!call_text(c->ref, value, sizeof(value), pr) || !call_text(call_query(c, "kind"), kind, DEVICE_KIND_TEXT, pr))
		return false;
	if (kind[0] && !device_is_kind(c->conf, kind))
		return problem_set(pr, PROBLEM_MALFORMED, "no entry of attestation_trust is named \"%s\"", QUOTE(span_str(kind)));
	if (!ident_parse(type.p ? type : SPAN("permanent-identifier"), span_str(value), ret_id, pr))
		return false;
	return ident_is_device(ret_id) ? true : problem_set(pr, PROBLEM_MALFORMED, "type is \"%s\", expected permanent-identifier or hardware-module", QUOTE(type));
}

bool
device_find(struct call *c, struct sql *db, struct device *ret, bool *ret_found, struct device_key *ret_key, struct problem *pr)
{
	char kind[DEVICE_KIND_TEXT];
	struct ident id;

	*ret_key = (struct device_key){ 0 };
	if (!device_by_ref(db, c->ref, ret, ret_found, pr))
		return false;
	if (*ret_found)
		return true;
	if (!read_name(c, &id, kind, pr))
		return false;
	if (device_key_of(&id, kind, ret_key))
		return device_by_key(db, ret_key, ret, ret_found, pr);
	*ret_key = (struct device_key){ 0 };
	return find_named(db, &id, ret, ret_found, pr);
}

static void
on_cert(int64_t id, const char *ref, int64_t not_after, void *arg)
{
	struct jw *w = arg;

	(void)id;
	jw_object(w, NULL);
	jw_str(w, "id", ref);
	jw_time(w, "not_after", not_after);
	jw_end(w);
}

static void
on_name(const char *name, int64_t since, void *arg)
{
	struct jw *w = arg;

	jw_object(w, NULL);
	jw_str(w, "name", name);
	jw_time(w, "since", since);
	jw_end(w);
}

bool
device_write(struct call *c, struct sql *db, const struct device *d, int64_t revoked, struct problem *pr)
{
	struct account a = { 0 };
	struct device_use use;
	int64_t now = clock_unix_s();
	bool found;

	call_restart(c);
	if (!account_by_id(db, d->account_id, &a, &found, pr) || !device_uses(db, d->id, now, LIST_COUNT_MAX, &use, pr))
		return false;
	jw_object(&c->w, NULL);
	jw_str(&c->w, "id", d->ref);
	write_device(&c->w, d, a.ref);
	account_done(&a);
	jw_int(&c->w, "open_orders", use.orders);
	jw_int(&c->w, "live_certs", use.certs);
	if (revoked >= 0)
		jw_int(&c->w, "revoked", revoked);
	jw_array(&c->w, "certs");
	if (!device_each_cert(db, d->id, now, CERTS_SHOWN, on_cert, &c->w, pr))
		return false;
	jw_end(&c->w);
	jw_array(&c->w, "names");
	if (!device_name_each(db, &d->key, on_name, &c->w, pr))
		return false;
	jw_end(&c->w);
	jw_end(&c->w);
	return true;
}

static bool
device_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct device_key key;
	struct device d;
	bool found;

	if (!device_find(c, db, &d, &found, &key, pr))
		return false;
	return found ? device_write(c, db, &d, -1, pr) : call_not_found(pr, "device", c->ref);
}

bool
call_device(struct call *c)
{
	return store_read(c->admin->store, device_tx, c, &c->pr);
}
