/* Names that follow from devices: whose they are, and that they are proven with the device, at once or not at all. */
#include "flow/mapped.h"

#include "../store/world.h"
#include "store/device_name.h"

#define NODE "node-1"
#define PI "permanent-identifier:"

static char *templates[] = { "${id}.d.test", "x${id}.d.test" };
static struct profile_conf profile = { .name = "p", .valid_authz_s = 600, .device_names = { templates, 2 } };
static const unsigned char no_key[MAPPING_KEY_BYTES];

static struct idents
set(const char *text)
{
	struct idents s = { 0 };

	if (!idents_read(span_str(text), &s))
		abort();
	return s;
}

static struct ident
first(const char *text)
{
	struct idents s = set(text);
	struct ident id = s.list[0];

	idents_done(&s);
	return id;
}

static struct device_key
key_of(const char *device, const char *kind)
{
	struct ident id = first(device);
	struct device_key key;

	if (!device_key_of(&id, kind, &key))
		abort();
	return key;
}

/* An order with a pending authorization for each of its identifiers. */
static int64_t
put(struct sql *db, int64_t account, const char *idents, const char *mapped)
{
	struct order o = { .account_id = account, .state = ORDER_PENDING, .expires = NOW + 1000, .profile = "p", .upstream = "u",
		.idents = set(idents), .mapped = set(mapped) };
	struct problem pr = { 0 };

	must(order_insert(db, &o, &pr));
	for (size_t i = 0; i < o.idents.count; i++) {
		struct authz a = { .account_id = account, .ident = o.idents.list[i], .state = AUTHZ_PENDING, .expires = NOW + 1000,
			.profile = "p", .challenge_count = 1 };

		a.challenges[0].kind = ident_is_device(&a.ident) ? CHALLENGE_DEVICE_ATTEST_01 : CHALLENGE_HTTP_01;
		a.wildcard = ident_is_wildcard(&o.idents.list[i]);
		if (a.wildcard)
			span_copy(span_str(ident_base(&o.idents.list[i])), a.ident.value, sizeof(a.ident.value));
		must(authz_insert(db, &a, &pr));
		must(authz_link(db, o.id, a.id, &pr));
	}
	order_done(&o);
	return o.id;
}

/* The state of the order's authorization for this name, -1 if there is none. */
static int
state_of(struct sql *db, int64_t order, const char *ident)
{
	struct sql_stmt *st = sql_begin(db, "select a.state from order_authz oa join authz a on a.id=oa.authz_id where oa.order_id=$1 and a.ident=$2");
	struct problem pr = { 0 };
	int state = -1;

	sql_bind_int(st, 1, order);
	sql_bind_str(st, 2, ident);
	if (sql_step(st))
		state = (int)sql_int(st, 0);
	must(sql_end(st, &pr));
	return state;
}

struct proof {
	struct authz authz; /* owned */
	struct device_chall dc;
	struct problem refusal;
};

/* The device's challenge answered by a good statement, as far as device_conclude. */
static struct proof
begin(struct sql *db, int64_t order, const char *ident, const char *kind)
{
	struct sql_stmt *st = sql_begin(db, "select a.id from order_authz oa join authz a on a.id=oa.authz_id where oa.order_id=$1 and a.ident=$2");
	struct proof p = { .dc = { .profile = &profile, .now = NOW, .node = NODE, .key_auth = "token.thumb" } };
	struct problem pr = { 0 };
	struct device d = { .state = DEVICE_SEEN };
	bool found, moved;
	int64_t id;

	sql_bind_int(st, 1, order);
	sql_bind_str(st, 2, ident);
	must(sql_step(st));
	id = sql_int(st, 0);
	must(sql_end(st, &pr));
	must(authz_by_id(db, id, &p.authz, &found, &pr) && found);
	must(challenge_respond(db, p.authz.challenges[0].id, p.dc.key_auth, &moved, &pr) && moved);
	must(device_key_of(&p.authz.ident, kind, &d.key));
	must(device_by_key(db, &d.key, &d, &found, &pr));
	if (!found)
		must(device_insert(db, &d, &pr));
	must(device_link(db, d.id, id, &pr));
	return p;
}

static bool
conclude(struct sql *db, struct proof *p, struct problem *pr)
{
	struct evidence e = { .authz_id = p->authz.id, .key_hash = "key" };

	p->dc.authz = &p->authz;
	return device_conclude(db, &p->dc, &e, &p->refusal, pr);
}

/* A whole proof: true if the device was taken. */
static bool
prove(struct sql *db, int64_t order, const char *ident, const char *kind, struct problem *ret_refusal)
{
	struct proof p = begin(db, order, ident, kind);
	struct problem pr = { 0 };

	must(conclude(db, &p, &pr));
	*ret_refusal = p.refusal;
	authz_done(&p.authz);
	return p.refusal.kind == PROBLEM_NONE;
}

static bool
case_owner(struct sql *db, void *arg, struct problem *pr)
{
	struct device_key a = key_of(PI "SN1", "apple"), b = key_of(PI "sn1", "apple"), owner = { 0 };
	unsigned char k1[MAPPING_KEY_BYTES], k2[MAPPING_KEY_BYTES];
	bool found = true;

	(void)arg;
	ok(device_name_owner(db, "sn1.d.test", &owner, &found, pr) && !found, "a name is nobody's at first");
	need(device_name_claim(db, "sn1.d.test", &a, NOW, pr));
	need(device_name_claim(db, "sn1.d.test", &b, NOW, pr));
	ok(device_name_owner(db, "sn1.d.test", &owner, &found, pr) && found && strcmp(owner.name, "SN1") == 0 && strcmp(owner.scope, ":apple") == 0,
		"the first keeps it");
	need(device_name_release(db, &b, pr));
	ok(device_name_owner(db, "sn1.d.test", &owner, &found, pr) && found, "another does not release it");
	need(device_name_release(db, &a, pr));
	ok(device_name_owner(db, "sn1.d.test", &owner, &found, pr) && !found, "released, it is nobody's again");
	ok(device_name_key_find(db, k1, &found, pr) && !found, "there is no key of hashes at first");
	ok(device_name_key(db, k1, pr) && device_name_key(db, k2, pr) && memcmp(k1, k2, sizeof(k1)) == 0 && memcmp(k1, no_key, sizeof(k1)) != 0,
		"it is made once");
	ok(device_name_key_find(db, k2, &found, pr) && found && memcmp(k1, k2, sizeof(k1)) == 0, "and found from then on");
	return true;
}

static const struct {
	const char *what, *owner, *kind, *idents, *mapped;
	bool may;
} orders[] = {
	{ "a device may order its name", NULL, NULL, PI "SN1,dns:sn1.d.test", "", true },
	{ "again, too", PI "SN1", "apple", PI "SN1,dns:sn1.d.test", "", true },
	{ "and have it mapped", PI "SN1", "apple", PI "SN1", "dns:sn1.d.test,dns:xsn1.d.test", true },
	{ "a twin in other letters may not", PI "sn1", "apple", PI "SN1,dns:sn1.d.test", "", false },
	{ "nor have it mapped", PI "sn1", "apple", PI "SN1", "dns:sn1.d.test,dns:xsn1.d.test", false },
	{ "but order without it", PI "sn1", "apple", PI "SN1,dns:other.test", "", true },
	{ "one of another assigner may not", PI "SN1/1.2", "apple", PI "SN1/1.3,dns:sn1.d.test", "", false },
	{ "of the same it may", PI "SN1/1.2", "apple", PI "SN1/1.2,dns:sn1.d.test", "", true },
	{ "without an assigner it is another", PI "SN1/1.2", "apple", PI "SN1,dns:sn1.d.test", "", false },
	{ "and with one", PI "SN1", "apple", PI "SN1/1.2,dns:sn1.d.test", "", false },
	{ "of another type it is another", "hardware-module:SN1/1.2", "apple", PI "SN1/1.2,dns:sn1.d.test", "", false },
	{ "a name alone is not asked about", PI "sn1", "apple", "dns:sn1.d.test", "", true },
	{ "a wildcard is another name", PI "sn1", "apple", PI "SN1,dns:*.sn1.d.test", "", true },
};

static bool
case_may_order(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		struct order o = { .idents = set(orders[i].idents), .mapped = set(orders[i].mapped) };
		struct device_key owner = { 0 };
		struct problem why = { 0 };
		bool may;

		if (orders[i].owner) {
			owner = key_of(orders[i].owner, orders[i].kind);
			need(device_name_claim(db, "sn1.d.test", &owner, NOW, pr));
		}
		may = mapped_may_order(db, &profile, &o, no_key, &why);
		ok(may == orders[i].may && (may || why.kind == PROBLEM_REJECTED_IDENTIFIER), "%s%s%s", orders[i].what, may ? "" : ": ", why.detail);
		need(device_name_release(db, &owner, pr));
		order_done(&o);
	}
	return true;
}

static bool
case_list(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "list");
	int64_t o = put(db, account, PI "SN1,dns:sn1.d.test,dns:xsn1.d.test", "");
	int64_t other = put(db, account, "dns:sn1.d.test", "");
	int64_t more = put(db, account, PI "SN1,dns:sn1.d.test,dns:far.test,dns:*.sn1.d.test", "");
	struct ident name = first("dns:sn1.d.test");
	struct idents names = set("dns:sn1.d.test");
	struct problem why;
	struct story story;
	int64_t id = 0, expires = 0;
	bool covers = false;

	(void)arg;
	ok(prove(db, o, "SN1", "apple", &why), "a device proves itself");
	is_int(order_state_of(db, o), ORDER_READY, "with it its names are proven, and the order is ready");
	ok(state_of(db, o, "sn1.d.test") == AUTHZ_VALID && state_of(db, o, "xsn1.d.test") == AUTHZ_VALID, "their authorizations are valid");
	story = story_of(db, o);
	ok(strstr(story.text, "proven sn1.d.test, by the device\n"), "the order's story says by whom");
	is_int(state_of(db, other, "sn1.d.test"), AUTHZ_PENDING, "another order's stays as it is");
	is_int(state_of(db, more, "sn1.d.test"), AUTHZ_PENDING, "that of one with the device, too");
	ok(authz_find_valid(db, account, &name, false, "p", NOW, INT64_MAX, &id, &expires, pr) && id == 0,
		"it is for this order alone: a proof of one key is not used again");
	ok(authz_covers(db, account, &names, "p", NOW, &covers, pr) && covers, "but to revoke by it is fine");
	ok(prove(db, more, "SN1", "apple", &why), "the same device again");
	is_int(state_of(db, more, "far.test"), AUTHZ_PENDING, "a name that does not follow from it is not proven by it");
	is_int(order_state_of(db, more), ORDER_PENDING, "so the order waits");
	idents_done(&names);
	return true;
}

/* A wildcard has the same text in its authorization, and so has one for all names below. */
static bool
case_wider(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "wider");
	int64_t o = put(db, account, PI "SN1,dns:*.sn1.d.test", "");
	int64_t below = put(db, account, PI "SN1,dns:xsn1.d.test", "");
	struct sql_stmt *st;
	struct problem why;

	(void)arg;
	st = sql_begin(db, "update authz set subdomains=1 where ident='xsn1.d.test'");
	sql_step(st);
	need(sql_end(st, pr));
	ok(prove(db, o, "SN1", "apple", &why) && state_of(db, o, "sn1.d.test") == AUTHZ_PENDING, "a wildcard above the name is not proven by a device");
	ok(prove(db, below, "SN1", "apple", &why) && state_of(db, below, "xsn1.d.test") == AUTHZ_PENDING,
		"nor is an authorization that counts for all names below");
	return true;
}

static bool
case_mapped(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "mapped");
	int64_t o = put(db, account, PI "SN1", "dns:sn1.d.test,dns:xsn1.d.test"), twin, changed;
	struct order order = get_order(db, o);
	struct device_key owner;
	struct problem why = { 0 };
	bool found;

	(void)arg;
	ok(order.mapped.count == 2 && order.idents.count == 1, "mapped names are stored beside the identifiers");
	ok(!mapped_may_finalize(db, &order, &why) && why.kind == PROBLEM_UNAUTHORIZED, "unproven, they are nobody's: %s", why.detail);
	ok(prove(db, o, "SN1", "apple", &why) && order_state_of(db, o) == ORDER_READY, "the device alone proves itself: the order is ready");
	ok(device_name_owner(db, "xsn1.d.test", &owner, &found, pr) && found && strcmp(owner.name, "SN1") == 0, "and the names are its own");
	ok(mapped_may_finalize(db, &order, pr), "the order may be finalized");
	twin = put(db, account, PI "sn1", "dns:sn1.d.test,dns:xsn1.d.test");
	ok(!prove(db, twin, "sn1", "apple", &why) && why.kind == PROBLEM_REJECTED_IDENTIFIER, "a twin that proves itself later is refused: %s", why.detail);
	is_int(order_state_of(db, twin), ORDER_INVALID, "its order is invalid");
	is_int(state_of(db, twin, "sn1"), AUTHZ_INVALID, "and so is its authorization");
	ok(!prove(db, put(db, account, PI "SN1", "dns:sn1.d.test,dns:xsn1.d.test"), "SN1", "android", &why),
		"the same serial is another device if somebody else vouches for it (V9)");
	changed = put(db, account, PI "SN1", "dns:sn1.old.test");
	order_done(&order);
	order = get_order(db, changed);
	ok(prove(db, changed, "SN1", "apple", &why) && !mapped_may_finalize(db, &order, &why) && why.kind == PROBLEM_UNAUTHORIZED,
		"a name that the profile no longer gives is not given: %s", why.detail);
	order_done(&order);
	return true;
}

static bool
case_foreign_name(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "foreign");
	int64_t o = put(db, account, PI "SN1,dns:sn1.d.test", "");
	struct device_key owner = key_of(PI "sn1", "apple");
	struct problem why;

	(void)arg;
	need(device_name_claim(db, "sn1.d.test", &owner, NOW, pr));
	ok(!prove(db, o, "SN1", "apple", &why) && why.kind == PROBLEM_REJECTED_IDENTIFIER, "between order and proof another was faster: %s", why.detail);
	ok(order_state_of(db, o) == ORDER_INVALID && state_of(db, o, "sn1.d.test") == AUTHZ_PENDING, "the order is invalid, and nothing is proven");
	return true;
}

static bool
case_given_up(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "given-up");
	int64_t o = put(db, account, PI "SN1,dns:sn1.d.test", "");
	struct proof p = begin(db, o, "SN1", "apple");
	struct device_key owner;
	bool found, moved;

	(void)arg;
	need(authz_move(db, p.authz.id, AUTHZ_PENDING, AUTHZ_DEACTIVATED, 0, &moved, pr));
	ok(conclude(db, &p, pr), "a statement for an authorization that was given up meanwhile");
	is_int(state_of(db, o, "sn1.d.test"), AUTHZ_PENDING, "proves no name");
	ok(device_name_owner(db, "sn1.d.test", &owner, &found, pr) && !found, "and takes none");
	authz_done(&p.authz);
	return true;
}

static bool
case_unmapped(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "unmapped");
	int64_t o = put(db, account, PI "SN1,dns:sn1.d.test", "");
	struct profile_conf mapped = profile;
	struct problem why;

	(void)arg;
	(void)pr;
	profile.device_names.count = 0;
	ok(prove(db, o, "SN1", "apple", &why) && state_of(db, o, "sn1.d.test") == AUTHZ_PENDING, "without device_names a device proves itself alone");
	profile = mapped;
	return true;
}

/* What a crash in the middle leaves is what a transaction that fails leaves. */
struct undone {
	int64_t order, device_authz;
};

static bool
undone_begin(struct sql *db, void *arg, struct problem *pr)
{
	struct undone *u = arg;

	(void)pr;
	u->order = put(db, put_account(db, "undone"), PI "SN1,dns:sn1.d.test", "");
	return true;
}

static bool
undone_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct undone *u = arg;
	struct problem why;

	if (!prove(db, u->order, "SN1", "apple", &why) || order_state_of(db, u->order) != ORDER_READY)
		abort();
	return problem_internal(pr, "killed here");
}

static bool
undone_look(struct sql *db, void *arg, struct problem *pr)
{
	struct undone *u = arg;
	struct device_key owner;
	bool found = true;

	ok(order_state_of(db, u->order) == ORDER_PENDING && state_of(db, u->order, "SN1") == AUTHZ_PENDING &&
			state_of(db, u->order, "sn1.d.test") == AUTHZ_PENDING,
		"of a proof that is not committed nothing is left: device, name and order are pending");
	ok(device_name_owner(db, "sn1.d.test", &owner, &found, pr) && !found, "and the name is nobody's");
	return true;
}

static void
test_undone(struct store *store)
{
	struct undone u = { 0 };
	struct problem pr = { 0 };

	must(store_write(store, undone_begin, &u, &pr));
	ok(!store_write(store, undone_tx, &u, &pr), "a proof fails at its end");
	must(store_write(store, undone_look, &u, &pr));
}

static const struct {
	const char *name;
	sql_fn fn;
} cases[] = {
	{ "device_name", case_owner },
	{ "mapped_may_order", case_may_order },
	{ "names listed", case_list },
	{ "wildcards and subdomains", case_wider },
	{ "names mapped", case_mapped },
	{ "a name of another", case_foreign_name },
	{ "given up", case_given_up },
	{ "no device_names", case_unmapped },
};

int
main(void)
{
	if (!both_start())
		return done_testing();
	for (size_t s = 0; s < COUNT_OF(both); s++) {
		struct store *store;

		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			store = world_open(&both[s]);
			printf("# %s, %s\n", both[s].name, cases[i].name);
			world_case(store, cases[i].fn, NULL);
			store_close(store);
		}
		store = world_open(&both[s]);
		test_undone(store);
		store_close(store);
	}
	both_stop();
	return done_testing();
}
