/* Devices as records, and what the inventory says to them at newOrder, at a proof and at finalize; on both stores. */
#include "flow/inventory.h"

#include "../store/world.h"

static struct profile_conf any = { .name = (char *)(uintptr_t)"any", .devices = DEVICES_ANY, .trust_names = { [ATTEST_APPLE] = "fruit", [ATTEST_TPM] = "tpms" } },
	strict = { .name = (char *)(uintptr_t)"strict", .devices = DEVICES_INVENTORIED, .trust_names = { [ATTEST_APPLE] = "fruit", [ATTEST_TPM] = "tpms" } };

static struct ident
named(enum ident_type type, const char *value)
{
	struct ident id = { .type = type };

	snprintf(id.value, sizeof(id.value), "%s", value);
	return id;
}

static struct ident
permanent(const char *value)
{
	return named(IDENT_PERMANENT, value);
}

static int64_t
put(struct sql *db, const char *value, const char *kind, enum device_state state)
{
	struct ident id = permanent(value);
	struct device d = { .state = state };
	struct problem pr = { 0 };

	snprintf(d.about.kind, sizeof(d.about.kind), "%s", kind);
	must(device_key_of(&id, kind, &d.key));
	must(device_insert(db, &d, &pr));
	return d.id;
}

static struct device
get(struct sql *db, const char *value, const char *kind)
{
	struct ident id = permanent(value);
	struct device d = { 0 };
	struct device_key key;
	struct problem pr = { 0 };
	bool found;

	must(device_key_of(&id, kind, &key));
	must(device_by_key(db, &key, &d, &found, &pr));
	return d;
}

/* "" = it may, or "TYPE blocked", "TYPE not in". */
static const char *
verdict(bool may, const struct problem *why)
{
	static char text[600];

	if (may)
		return "";
	snprintf(text, sizeof(text), "%s %s", problem_type(why->kind), strstr(why->detail, "is blocked") ? "blocked" : strstr(why->detail, "not in") ? "unknown" :
		strstr(why->detail, "was removed") ? "gone" : why->detail);
	return text;
}

static const char *
ordered(struct sql *db, const struct profile_conf *p, const char *value)
{
	struct ident id = permanent(value);
	struct problem why = { 0 };
	bool may = inventory_may_order(db, p, &id, &why);

	return verdict(may, &why);
}

static bool
case_order(struct sql *db, void *arg, struct problem *pr)
{
	struct ident host = dns("a.test"), module = named(IDENT_HARDWARE, "A/1.2");
	int64_t a;

	(void)arg;
	ok(inventory_may_order(db, &strict, &host, pr), "names in a network are no affair of the inventory");
	is_str(ordered(db, &any, "A"), "", "any device may come");
	is_str(ordered(db, &strict, "A"), "rejectedIdentifier unknown", "or those alone that are known");
	a = put(db, "A", "fruit", DEVICE_INVENTORIED);
	is_str(ordered(db, &strict, "A"), "", "such as this one");
	is_str(ordered(db, &strict, "a"), "rejectedIdentifier unknown", "and not one that differs in case");
	is_str(ordered(db, &strict, "A/1.2"), "rejectedIdentifier unknown", "nor one of another assigner");
	ok(!inventory_may_order(db, &strict, &module, pr), "nor a module of that name");
	*pr = (struct problem){ 0 };
	put(db, "A/1.2", "", DEVICE_INVENTORIED);
	is_str(ordered(db, &strict, "A/1.2"), "", "which may have a record of its own");
	need(device_set_state(db, a, DEVICE_BLOCKED, "lost", pr));
	is_str(ordered(db, &strict, "A"), "rejectedIdentifier blocked", "a blocked one is refused, and the other record does not help");
	is_str(ordered(db, &any, "A"), "rejectedIdentifier blocked", "whatever the profile says");
	is_str(ordered(db, &any, "A/1.2"), "", "the other one is not");
	put(db, "A", "tpms", DEVICE_SEEN);
	is_str(ordered(db, &any, "A"), "", "an ID that two may have waits for the proof");
	is_str(ordered(db, &strict, "A"), "rejectedIdentifier blocked", "unless none of them is in the inventory");
	return true;
}

/* ---- proofs ---- */

struct proof {
	int64_t order, authz;
	struct authz a;
};

static struct proof
begin(struct sql *db, const char *value)
{
	struct problem pr = { 0 };
	struct order o = { .account_id = 77, .state = ORDER_PENDING, .expires = NOW + 1000, .profile = "p", .upstream = "u" };
	struct ident id = permanent(value);
	struct proof p = { .a = { .account_id = 77, .ident = id, .state = AUTHZ_PENDING, .expires = NOW + 1000, .profile = "p", .challenge_count = 1 } };

	idents_add(&o.idents, &id);
	must(order_insert(db, &o, &pr));
	order_done(&o);
	must(authz_insert(db, &p.a, &pr));
	must(authz_link(db, o.id, p.a.id, &pr));
	p.order = o.id;
	return p;
}

static const char *
prove(struct sql *db, struct proof *p, const struct profile_conf *conf, const struct attest_facts *facts)
{
	struct problem pr = { 0 }, why = { 0 };

	must(inventory_note(db, conf, &p->a, facts, NOW, &pr));
	must(inventory_judge(db, conf, &p->a, &why, &pr));
	return verdict(why.kind == PROBLEM_NONE, &why);
}

static const char *
finalized(struct sql *db, const struct proof *p, const struct profile_conf *conf)
{
	struct order o = get_order(db, p->order);
	struct problem why = { 0 };
	bool may = inventory_may_finalize(db, conf, &o, &why);

	order_done(&o);
	return verdict(may, &why);
}

static struct attest_facts
facts_of(enum attest_format format, const char *first, const char *second)
{
	struct attest_facts f = { .format = format, .key_hash = "key" };

	for (const char *id = first; id; id = id == first ? second : NULL)
		snprintf(f.ids[f.id_count++].value, ATTEST_ID_TEXT, "%s", id);
	return f;
}

static bool
case_any(struct sql *db, void *arg, struct problem *pr)
{
	struct proof first = begin(db, "A"), again = begin(db, "A"), other = begin(db, "A");
	struct attest_facts apple = facts_of(ATTEST_APPLE, "A", NULL), tpm = facts_of(ATTEST_TPM, "A", NULL);
	struct device d;

	(void)arg;
	is_str(prove(db, &first, &any, &apple), "", "any device may prove itself");
	d = get(db, "A", "fruit");
	ok(d.state == DEVICE_SEEN && d.seen == 1 && d.first_seen == NOW && d.last_seen == NOW, "and has a record from then on");
	ok(d.account_id == 77 && strcmp(d.key_hash, "key") == 0 && strcmp(d.about.kind, "fruit") == 0, "that says by whom, with which key, who vouches");
	is_str(prove(db, &again, &any, &apple), "", "it comes again");
	is_int(get(db, "A", "fruit").seen, 2, "which is counted");
	is_str(finalized(db, &first, &any), "", "its order goes on");
	need(device_set_state(db, d.id, DEVICE_BLOCKED, "", pr));
	is_str(finalized(db, &first, &any), "unauthorized blocked", "until it is blocked");
	is_str(prove(db, &again, &any, &apple), "rejectedIdentifier blocked", "a blocked one is refused");
	is_str(prove(db, &other, &any, &tpm), "", "and one of another maker with the same serial number is not");
	need(device_set_state(db, d.id, DEVICE_INVENTORIED, "", pr));
	is_str(finalized(db, &first, &any), "", "allowed again it goes on");
	need(device_delete(db, d.id, pr));
	is_str(finalized(db, &first, &strict), "unauthorized unknown", "a record that is gone lets nobody in");
	is_str(finalized(db, &first, &any), "unauthorized gone", "not where any device may come either");
	put(db, "A", "fruit", DEVICE_BLOCKED);
	is_str(finalized(db, &first, &any), "unauthorized gone", "so a block of the device made anew does not miss the order");
	return true;
}

static bool
case_strict(struct sql *db, void *arg, struct problem *pr)
{
	struct proof p = begin(db, "A"), twin = begin(db, "A"), oid = begin(db, "A/1.2");
	struct attest_facts apple = facts_of(ATTEST_APPLE, "A", NULL), tpm = facts_of(ATTEST_TPM, "A", NULL), with_oid = facts_of(ATTEST_TPM, "A/1.2", NULL);
	struct device d;

	(void)arg;
	is_str(prove(db, &p, &strict, &apple), "rejectedIdentifier unknown", "a device that is not known is refused");
	d = get(db, "A", "fruit");
	ok(d.id && d.state == DEVICE_SEEN, "but it was seen");
	need(device_set_state(db, d.id, DEVICE_INVENTORIED, "", pr));
	is_str(prove(db, &p, &strict, &apple), "", "and may be put into the inventory");
	is_str(prove(db, &twin, &strict, &tpm), "rejectedIdentifier unknown", "that others vouch for one of this ID does not help");
	is_str(prove(db, &oid, &strict, &with_oid), "rejectedIdentifier unknown", "nor the ID without its assigner");
	need(device_set_state(db, get(db, "A/1.2", "").id, DEVICE_INVENTORIED, "", pr));
	is_str(prove(db, &oid, &strict, &with_oid), "", "the assigner's own does");
	is_str(finalized(db, &p, &strict), "", "it may finalize");
	need(device_set_state(db, d.id, DEVICE_SEEN, "", pr));
	is_str(finalized(db, &p, &strict), "unauthorized unknown", "unless it has left the inventory");
	return true;
}

/* One device, several names. */
static bool
case_names(struct sql *db, void *arg, struct problem *pr)
{
	struct attest_facts apple = facts_of(ATTEST_APPLE, "SERIAL", "UDID");
	int64_t udid = put(db, "UDID", "fruit", DEVICE_BLOCKED);
	struct proof p = begin(db, "SERIAL"), q = begin(db, "SERIAL");

	(void)arg;
	is_str(prove(db, &p, &any, &apple), "rejectedIdentifier blocked", "a block on another of its names counts");
	need(device_set_state(db, udid, DEVICE_SEEN, "", pr));
	is_str(prove(db, &q, &any, &apple), "", "as long as it stands");
	is_int(get(db, "UDID", "fruit").seen, 0, "it was seen by the name that it gave");
	need(device_set_state(db, udid, DEVICE_BLOCKED, "", pr));
	is_str(finalized(db, &q, &any), "unauthorized blocked", "and counts after the proof, too");
	need(device_set_state(db, udid, DEVICE_INVENTORIED, "", pr));
	is_str(prove(db, &q, &strict, &apple), "rejectedIdentifier unknown", "in the inventory must be the name that is ordered");
	return true;
}

/* A name that nobody had a record of when the device proved itself. */
static bool
case_later(struct sql *db, void *arg, struct problem *pr)
{
	static const char facts[] = "{\"format\":\"apple\",\"identifiers\":[{\"type\":\"permanent-identifier\",\"value\":\"SERIAL\"},"
				    "{\"type\":\"permanent-identifier\",\"value\":\"UDID\"},{\"type\":\"permanent-identifier\",\"value\":\"UDID/1.2\"}]}";
	struct attest_facts apple = facts_of(ATTEST_APPLE, "SERIAL", "UDID");
	struct proof p = begin(db, "SERIAL");
	struct evidence e = { .authz_id = p.a.id, .at = NOW, .key_hash = "key", .facts = (char *)(uintptr_t)facts };
	struct problem why = { 0 };
	int64_t id;

	(void)arg;
	need(evidence_insert(db, &e, SPAN_NONE, pr));
	is_str(prove(db, &p, &any, &apple), "", "a device proves itself by one of its names");
	id = put(db, "UDID", "tpms", DEVICE_BLOCKED);
	is_str(finalized(db, &p, &any), "", "a block of another's of the second name is none of its");
	need(device_delete(db, id, pr));
	id = put(db, "UDID", "fruit", DEVICE_BLOCKED);
	is_str(finalized(db, &p, &any), "unauthorized blocked", "a block under the second name counts, whose record was made since");
	ok(inventory_judge(db, &any, &p.a, &why, pr) && why.kind == PROBLEM_REJECTED_IDENTIFIER, "while a hook is asked, too");
	need(device_set_state(db, id, DEVICE_INVENTORIED, "", pr));
	is_str(finalized(db, &p, &any), "", "lifted, the order goes on");
	put(db, "UDID/1.2", "", DEVICE_BLOCKED);
	is_str(finalized(db, &p, &any), "unauthorized blocked", "nor is one with an assigner passed over");
	return true;
}

/* ---- records ---- */

struct seen {
	size_t count;
	char names[256];
};

static bool
on_device(const struct device *d, void *arg)
{
	struct seen *s = arg;
	size_t n = strlen(s->names);

	s->count++;
	snprintf(s->names + n, sizeof(s->names) - n, "%s ", d->key.name);
	return true;
}

static const char *
listed(struct sql *db, struct device_query q)
{
	static struct seen s;
	struct problem pr = { 0 };
	int64_t total;

	s = (struct seen){ 0 };
	q.limit = 10;
	must(device_list(db, &q, on_device, &s, &pr));
	must(device_list_count(db, &q, 100, &total, &pr));
	is_int(total, (int64_t)s.count, "  and are counted so");
	return s.names;
}

static bool
case_list(struct sql *db, void *arg, struct problem *pr)
{
	struct device_query q = { .state = -1, .kind = "", .tag = "", .owner = "" };
	struct device_about about = { .kind = "tpms", .tags = " a.b Hall ", .owner = "ann" };
	int64_t b = put(db, "B", "tpms", DEVICE_INVENTORIED);

	(void)arg;
	put(db, "C", "fruit", DEVICE_BLOCKED);
	put(db, "D/1.2", "", DEVICE_SEEN);
	need(device_set_about(db, b, &about, pr));
	is_str(listed(db, q), "D C B ", "all, newest first");
	q.state = DEVICE_BLOCKED;
	is_str(listed(db, q), "C ", "by state");
	q.state = -1;
	q.kind = "tpms";
	is_str(listed(db, q), "B ", "by kind");
	q.kind = "";
	q.tag = "Hall";
	is_str(listed(db, q), "B ", "by tag");
	q.tag = "hall";
	is_str(listed(db, q), "", "not by its letters in another case");
	q.tag = "a_b";
	is_str(listed(db, q), "", "nor by a pattern");
	q.tag = "a";
	is_str(listed(db, q), "", "nor by a part of it");
	q.tag = "";
	q.owner = "ann";
	is_str(listed(db, q), "B ", "by owner");
	return true;
}

static bool
case_uses(struct sql *db, void *arg, struct problem *pr)
{
	struct attest_facts apple = facts_of(ATTEST_APPLE, "A", NULL);
	struct proof p = begin(db, "A");
	struct device_use use;
	struct device d;
	int64_t cert;
	bool moved;

	(void)arg;
	prove(db, &p, &any, &apple);
	d = get(db, "A", "fruit");
	ok(device_uses(db, d.id, NOW, 10, &use, pr) && use.orders == 1 && use.certs == 0, "an order under way is its");
	cert = put_cert(db, p.order, 77, "1");
	need(order_set_cert(db, p.order, cert, pr));
	need(order_move(db, p.order, ORDER_PENDING, ORDER_VALID, NULL, &moved, pr));
	ok(device_uses(db, d.id, NOW, 10, &use, pr) && use.orders == 0 && use.certs == 1, "then a certificate is");
	ok(device_uses(db, d.id, NOW + 2000, 10, &use, pr) && use.certs == 0, "as long as it lives");
	need(cert_revoke(db, cert, NOW, 1, &moved, pr));
	ok(device_uses(db, d.id, NOW, 10, &use, pr) && use.certs == 0, "and is not revoked");
	return true;
}

static bool
case_block(struct sql *db, void *arg, struct problem *pr)
{
	struct attest_facts apple = facts_of(ATTEST_APPLE, "A", NULL);
	struct proof waits = begin(db, "A"), works = begin(db, "A"), done = begin(db, "A");
	struct device_use use;
	struct device d;
	struct order o;
	bool moved;

	(void)arg;
	prove(db, &waits, &any, &apple);
	prove(db, &works, &any, &apple);
	prove(db, &done, &any, &apple);
	need(order_move(db, works.order, ORDER_PENDING, ORDER_PROCESSING, NULL, &moved, pr));
	need(order_move(db, done.order, ORDER_PENDING, ORDER_VALID, NULL, &moved, pr));
	d = get(db, "A", "fruit");
	ok(inventory_block(db, d.id, "lost", "node", pr) && get(db, "A", "fruit").state == DEVICE_BLOCKED, "a device is blocked");
	is_int(order_state_of(db, waits.order), ORDER_PENDING, "an order that waits stays");
	is_int(order_state_of(db, done.order), ORDER_VALID, "so does one that has ended");
	o = get_order(db, works.order);
	ok(o.state == ORDER_INVALID && o.error && strstr(o.error, "unauthorized") && !strstr(o.error, "lost"), "one that a CA works at ends");
	order_done(&o);
	put_cert(db, works.order, 77, "late");
	ok(device_uses(db, d.id, NOW, 10, &use, pr) && use.certs == 1, "a certificate that came of it nevertheless is shown as the device's");
	return true;
}

static const struct {
	const char *name;
	sql_fn fn;
} cases[] = { { "newOrder", case_order }, { "any device", case_any }, { "inventoried devices", case_strict }, { "names", case_names }, { "names that came later", case_later },
	{ "the list", case_list }, { "orders and certificates", case_uses }, { "a block", case_block } };

int
main(void)
{
	if (!both_start())
		return done_testing();
	for (size_t s = 0; s < COUNT_OF(both); s++) {
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			struct store *store = world_open(&both[s]);

			printf("# %s, %s\n", both[s].name, cases[i].name);
			world_case(store, cases[i].fn, NULL);
			store_close(store);
		}
	}
	both_stop();
	return done_testing();
}
