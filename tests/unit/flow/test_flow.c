/* What each event does to orders, authorizations and accounts, on both stores. */
#include "flow/authz.h"

#include "../store/world.h"

#define NODE "node-1"

static bool
case_step(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "step"), o = put_order(db, account, ORDER_READY, NOW + 10, "a.test");
	struct story story;
	bool moved = true;

	(void)arg;
	ok(order_step(db, o, ORDER_READY, ORDER_EV_ISSUED, NULL, NODE, &moved, pr) && !moved,
		"an event without a rule moves nothing");
	ok(order_step(db, o, ORDER_PENDING, ORDER_EV_ALL_VALID, NULL, NODE, &moved, pr) && !moved,
		"nor does one for a state the order is not in");
	is_int(order_state_of(db, o), ORDER_READY, "the order is as it was");
	story = story_of(db, o);
	is_str(story.text, "", "and its story does not mention it");
	ok(order_step(db, o, ORDER_READY, ORDER_EV_FINALIZE, NULL, NODE, &moved, pr) && moved, "the right event moves it");
	ok(order_step(db, o, ORDER_READY, ORDER_EV_FINALIZE, NULL, NODE, &moved, pr) && !moved, "once");
	story = story_of(db, o);
	is_str(story.text, "order ready->processing by finalize\n", "and its story says so");
	return true;
}

static bool
case_review(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "review");
	int64_t o = put_order(db, account, ORDER_PENDING, NOW + 10, "a.test,b.test");
	int64_t a = put_authz(db, account, o, "a.test", AUTHZ_VALID, NOW + 10);
	int64_t b = put_authz(db, account, o, "b.test", AUTHZ_PENDING, NOW + 10);
	struct order order;
	bool moved;

	(void)arg;
	ok(order_review(db, o, NOW, NODE, pr), "an order with a pending authorization is reviewed");
	is_int(order_state_of(db, o), ORDER_PENDING, "and stays pending");
	ok(authz_move(db, b, AUTHZ_PENDING, AUTHZ_VALID, 0, &moved, pr) && order_review(db, o, NOW, NODE, pr), "both are valid");
	is_int(order_state_of(db, o), ORDER_READY, "then the order is ready");
	ok(order_review(db, o, NOW + 10, NODE, pr), "at the last second of its authorizations");
	is_int(order_state_of(db, o), ORDER_READY, "it still is");
	ok(authz_move(db, a, AUTHZ_VALID, AUTHZ_DEACTIVATED, 0, &moved, pr) && order_review(db, o, NOW, NODE, pr), "one is given up");
	order = get_order(db, o);
	is_int(order.state, ORDER_INVALID, "then the order is invalid");
	ok(order.error && strstr(order.error, "\"" PROBLEM_URN "unauthorized\""), "and says why");
	order_done(&order);

	o = put_order(db, account, ORDER_PENDING, NOW + 10, "a.test");
	put_authz(db, account, o, "a.test", AUTHZ_VALID, NOW - 1);
	ok(order_review(db, o, NOW, NODE, pr) && order_state_of(db, o) == ORDER_INVALID,
		"a valid authorization past its time ends the order");
	o = put_order(db, account, ORDER_PENDING, NOW + 10, "a.test");
	ok(order_review(db, o, NOW, NODE, pr) && order_state_of(db, o) == ORDER_PENDING,
		"an order without authorizations never becomes ready");
	o = put_order(db, account, ORDER_PROCESSING, NOW + 10, "a.test");
	put_authz(db, account, o, "a.test", AUTHZ_DEACTIVATED, NOW + 10);
	ok(order_review(db, o, NOW, NODE, pr) && order_state_of(db, o) == ORDER_PROCESSING,
		"an authorization that ends after finalize changes nothing (O7)");
	return true;
}

/* A leader at work, two that joined it, one that joined it and ended, and one on its own. */
struct group {
	int64_t account, leader, joined[2], ended, lone;
};

static struct group
put_group(struct sql *db, const char *thumbprint)
{
	struct group g = { .account = put_account(db, thumbprint) };
	struct problem pr = { 0 };
	bool moved;
	int64_t *const all[] = { &g.leader, &g.joined[0], &g.joined[1], &g.ended, &g.lone };

	for (size_t i = 0; i < COUNT_OF(all); i++) {
		*all[i] = put_order(db, g.account, ORDER_READY, NOW + 10, "a.test");
		must(order_set_csr(db, *all[i], SPAN("csr"), "key", i >= 1 && i <= 3 ? g.leader : 0, NOW, NOW + 100, &moved, &pr));
		must(moved);
	}
	must(order_move(db, g.ended, ORDER_PROCESSING, ORDER_INVALID, "{\"type\":\"before\"}", &moved, &pr));
	must(upstream_order_insert(db, g.leader, "u", &pr));
	must(upstream_authz_put(db, g.leader,
		&(struct upstream_proof){ .url = "https://ca/authz/1", .challenge_url = "https://ca/chall/1", .token = "token", .key_auth = "token.thumb" }, &pr));
	return g;
}

static void
upstream_rows_are_gone(struct sql *db, int64_t order)
{
	AUTO_BUF key_auth = BUF_MAX(1000);
	struct upstream_order row;
	struct problem pr = { 0 };
	bool found = true;

	must(upstream_order_get(db, order, &row, &found, &pr));
	ok(!found, "the order's upstream row is gone");
	must(upstream_token_lookup(db, SPAN("token"), &key_auth, &found, &pr));
	ok(!found, "and the proofs laid out for it");
}

static bool
case_refuse(struct sql *db, void *arg, struct problem *pr)
{
	struct group g = put_group(db, "refuse");
	const int64_t refused[] = { g.leader, g.joined[0], g.joined[1] };
	struct order o;

	(void)arg;
	ok(order_refuse(db, g.leader, "{\"type\":\"caa\"}", NODE, pr), "the CA refuses an order that others joined");
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		o = get_order(db, refused[i]);
		is_int(o.state, ORDER_INVALID, "%s is invalid", i ? "one that joined" : "the order");
		is_str(o.error, "{\"type\":\"caa\"}", "with the CA's problem");
		order_done(&o);
	}
	o = get_order(db, g.ended);
	is_str(o.error, "{\"type\":\"before\"}", "one that had ended keeps its own problem");
	order_done(&o);
	is_int(order_state_of(db, g.lone), ORDER_PROCESSING, "one that had not joined goes on");
	upstream_rows_are_gone(db, g.leader);
	return true;
}

static bool
case_issued(struct sql *db, void *arg, struct problem *pr)
{
	struct group g = put_group(db, "issued");
	const int64_t given[] = { g.leader, g.joined[0], g.joined[1] };
	int64_t cert = put_cert(db, g.leader, g.account, "issued");
	struct order o;
	bool moved;

	(void)arg;
	ok(order_issued(db, g.leader, cert, NODE, pr), "an order that others joined is issued");
	for (size_t i = 0; i < COUNT_OF(given); i++) {
		o = get_order(db, given[i]);
		is_int(o.state, ORDER_VALID, "%s is valid", i ? "one that joined" : "the order");
		is_int(o.cert_id, cert, "with the certificate");
		ok(o.cert_ref[0] != '\0', "and its id for the URL");
		order_done(&o);
	}
	o = get_order(db, g.ended);
	ok(o.state == ORDER_INVALID && o.cert_id == 0, "one that had ended gets nothing");
	order_done(&o);
	is_int(order_state_of(db, g.lone), ORDER_PROCESSING, "one that had not joined goes on");
	upstream_rows_are_gone(db, g.leader);

	g = put_group(db, "issued late");
	need(order_move(db, g.leader, ORDER_PROCESSING, ORDER_INVALID, "{}", &moved, pr));
	ok(order_issued(db, g.leader, cert, NODE, pr), "the CA issues for an order that ended meanwhile (O3)");
	o = get_order(db, g.leader);
	ok(o.state == ORDER_INVALID && o.cert_id == 0, "it stays invalid and gets nothing");
	order_done(&o);
	is_int(order_state_of(db, g.joined[0]), ORDER_VALID, "those that joined it and live get the certificate");
	return true;
}

static bool
case_expire(struct sql *db, void *arg, struct problem *pr)
{
	static const struct {
		enum order_state from, to;
		int64_t expires;
		const char *type;
	} rows[] = {
		{ ORDER_PENDING, ORDER_INVALID, NOW - 3, "malformed" },
		{ ORDER_READY, ORDER_INVALID, NOW - 2, "malformed" },
		{ ORDER_PROCESSING, ORDER_INVALID, NOW - 1, "serverInternal" },
		{ ORDER_VALID, ORDER_VALID, NOW - 9, NULL },
		{ ORDER_INVALID, ORDER_INVALID, NOW - 9, NULL },
		{ ORDER_PENDING, ORDER_PENDING, NOW, NULL },
		{ ORDER_PROCESSING, ORDER_PROCESSING, NOW + 1, NULL },
	};
	int64_t account = put_account(db, "expire"), ids[COUNT_OF(rows)], count = 0;

	(void)arg;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ids[i] = put_order(db, account, rows[i].from, rows[i].expires, "a.test");
	ok(orders_expire(db, NOW, 1, NODE, &count, pr) && count == 1, "no more are ended than the limit says");
	is_int(order_state_of(db, ids[0]), ORDER_INVALID, "the one that is over for longest first");
	ok(orders_expire(db, NOW, 100, NODE, &count, pr) && count == 2, "then the rest");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct order o = get_order(db, ids[i]);

		is_int(o.state, rows[i].to, "%s at %lld is %s", order_state_name(rows[i].from),
			(long long)rows[i].expires - NOW, order_state_name(rows[i].to));
		if (rows[i].type)
			ok(o.error && strstr(o.error, rows[i].type), "with a problem %s", rows[i].type);
		else
			ok(!o.error, "without a problem");
		order_done(&o);
	}
	ok(orders_expire(db, NOW, 100, NODE, &count, pr) && count == 0, "nothing is left to end");
	return true;
}

static void
set_processing(struct sql *db, int64_t authz)
{
	struct authz a = get_authz(db, authz);
	struct problem pr = { 0 };
	bool moved;

	must(challenge_respond(db, a.challenges[0].id, "token.thumb", &moved, &pr));
	must(moved);
	authz_done(&a);
}

static bool
case_prove(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "prove");
	int64_t o = put_order(db, account, ORDER_PENDING, NOW + 10, "a.test,b.test");
	int64_t twin = put_order(db, account, ORDER_PENDING, NOW + 10, "a.test");
	int64_t ids[2] = { put_authz(db, account, o, "a.test", AUTHZ_PENDING, NOW + 10),
		put_authz(db, account, o, "b.test", AUTHZ_PENDING, NOW + 10) };
	struct authz a;
	struct story story;
	bool moved;

	(void)arg;
	need(authz_link(db, twin, ids[0], pr));
	a = get_authz(db, ids[0]);
	ok(authz_prove(db, &a, 0, NOW, NOW + 500, NODE, pr), "a proof for a challenge nobody responded to");
	is_int(authz_state_of(db, ids[0]), AUTHZ_PENDING, "changes nothing");
	set_processing(db, ids[0]);
	set_processing(db, ids[1]);
	ok(authz_prove(db, &a, 0, NOW, NOW + 500, NODE, pr), "one of two is proven");
	authz_done(&a);
	a = get_authz(db, ids[0]);
	ok(a.state == AUTHZ_VALID && a.expires == NOW + 500, "its authorization is valid for as long as was said");
	ok(a.challenges[0].state == CHALL_VALID && a.challenges[0].validated_at == NOW && !a.challenges[0].error,
		"its challenge too, with the time");
	is_int(order_state_of(db, o), ORDER_PENDING, "the order waits for the other");
	is_int(order_state_of(db, twin), ORDER_READY, "one that needed only this is ready");
	ok(authz_prove(db, &a, 0, NOW + 1, NOW + 900, NODE, pr), "proven again");
	authz_done(&a);
	a = get_authz(db, ids[0]);
	ok(a.expires == NOW + 500 && a.challenges[0].validated_at == NOW, "changes nothing");
	authz_done(&a);
	a = get_authz(db, ids[1]);
	ok(authz_prove(db, &a, 0, NOW, NOW + 500, NODE, pr), "the last one is proven");
	authz_done(&a);
	is_int(order_state_of(db, o), ORDER_READY, "then the order is ready, in the same transaction (O6)");
	story = story_of(db, o);
	is_str(story.text, "proven a.test\nproven b.test\norder pending->ready by all-authorizations-valid\n", "its story tells it all");

	o = put_order(db, account, ORDER_PENDING, NOW + 10, "c.test");
	ids[0] = put_authz(db, account, o, "c.test", AUTHZ_PENDING, NOW + 10);
	set_processing(db, ids[0]);
	a = get_authz(db, ids[0]);
	need(authz_move(db, ids[0], AUTHZ_PENDING, AUTHZ_DEACTIVATED, 0, &moved, pr));
	ok(authz_prove(db, &a, 0, NOW, NOW + 500, NODE, pr), "a proof that comes after its owner gave up");
	authz_done(&a);
	ok(authz_state_of(db, ids[0]) == AUTHZ_DEACTIVATED && order_state_of(db, o) == ORDER_PENDING, "revives nothing");
	return true;
}

static bool
case_fail(struct sql *db, void *arg, struct problem *pr)
{
	int64_t account = put_account(db, "fail");
	int64_t o = put_order(db, account, ORDER_PENDING, NOW + 10, "a.test"), twin = put_order(db, account, ORDER_READY, NOW + 10, "a.test");
	int64_t id = put_authz(db, account, o, "a.test", AUTHZ_PENDING, NOW + 10);
	struct authz a;

	(void)arg;
	need(authz_link(db, twin, id, pr));
	set_processing(db, id);
	a = get_authz(db, id);
	ok(authz_fail(db, &a, 0, "{\"type\":\"dns\"}", NOW, NODE, pr), "a challenge fails for good");
	authz_done(&a);
	a = get_authz(db, id);
	ok(a.state == AUTHZ_INVALID && a.challenges[0].state == CHALL_INVALID, "challenge and authorization are invalid (O5)");
	is_str(a.challenges[0].error, "{\"type\":\"dns\"}", "the challenge says why");
	ok(a.challenges[0].attempts == 1 && a.challenges[0].next_at == 0, "and no further attempt is planned");
	ok(order_state_of(db, o) == ORDER_INVALID && order_state_of(db, twin) == ORDER_INVALID, "every order that waits for it is invalid");
	ok(authz_prove(db, &a, 0, NOW, NOW + 5, NODE, pr) && authz_state_of(db, id) == AUTHZ_INVALID, "a proof that comes later changes nothing");
	authz_done(&a);
	return true;
}

static bool
case_deactivate(struct sql *db, void *arg, struct problem *pr)
{
	static const struct {
		enum authz_state from;
		bool good;
	} rows[] = { { AUTHZ_PENDING, true }, { AUTHZ_VALID, true }, { AUTHZ_DEACTIVATED, true }, { AUTHZ_INVALID, false },
		{ AUTHZ_EXPIRED, false }, { AUTHZ_REVOKED, false } };
	int64_t account = put_account(db, "deactivate");

	(void)arg;
	(void)pr;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t o = put_order(db, account, ORDER_PENDING, NOW + 10, "a.test");
		int64_t id = put_authz(db, account, o, "a.test", rows[i].from, NOW + 10);
		struct authz a = get_authz(db, id);
		const char *name = authz_state_name(rows[i].from);
		struct problem said = { 0 };

		is_int(authz_deactivate(db, &a, NOW, NODE, &said), rows[i].good, "a %s authorization %s be given up", name,
			rows[i].good ? "may" : "cannot");
		is_int(authz_state_of(db, id), rows[i].good ? AUTHZ_DEACTIVATED : rows[i].from, "its state is right after that");
		if (!rows[i].good)
			is_int(said.kind, PROBLEM_MALFORMED, "the refusal is malformed (W10)");
		if (rows[i].from <= AUTHZ_VALID)
			is_int(order_state_of(db, o), ORDER_INVALID, "the order that needs it is invalid");
		authz_done(&a);
	}
	return true;
}

static bool
case_account(struct sql *db, void *arg, struct problem *pr)
{
	static const enum order_state ends[ORDER__COUNT] = { [ORDER_PENDING] = ORDER_INVALID, [ORDER_READY] = ORDER_INVALID,
		[ORDER_PROCESSING] = ORDER_INVALID, [ORDER_VALID] = ORDER_VALID, [ORDER_INVALID] = ORDER_INVALID };
	int64_t account = put_account(db, "leaving"), other = put_account(db, "staying"), orders[ORDER__COUNT];
	int64_t theirs = put_order(db, other, ORDER_PENDING, NOW + 10, "a.test"), pending, valid, foreign;
	struct account a = { 0 };
	struct order o;
	bool moved, found;

	(void)arg;
	for (int s = 0; s < ORDER__COUNT; s++)
		orders[s] = put_order(db, account, (enum order_state)s, NOW + 10, "a.test");
	pending = put_authz(db, account, orders[ORDER_PENDING], "a.test", AUTHZ_PENDING, NOW + 10);
	valid = put_authz(db, account, orders[ORDER_READY], "a.test", AUTHZ_VALID, NOW + 10);
	foreign = put_authz(db, other, theirs, "a.test", AUTHZ_PENDING, NOW + 10);
	ok(account_deactivate(db, account, NODE, &moved, pr) && moved, "an account is deactivated");
	need(account_by_thumbprint(db, "leaving", &a, &found, pr));
	is_int(a.state, ACCOUNT_DEACTIVATED, "it is");
	account_done(&a);
	for (int s = 0; s < ORDER__COUNT; s++)
		is_int(order_state_of(db, orders[s]), ends[s], "its %s order is %s then", order_state_name((enum order_state)s), order_state_name(ends[s]));
	o = get_order(db, orders[ORDER_PENDING]);
	ok(o.error && strstr(o.error, "unauthorized") && strstr(o.error, "401"), "an order that ended so says why");
	order_done(&o);
	is_int(authz_state_of(db, pending), AUTHZ_DEACTIVATED, "its pending authorization is deactivated");
	is_int(authz_state_of(db, valid), AUTHZ_VALID, "a valid one is left as it is");
	ok(order_state_of(db, theirs) == ORDER_PENDING && authz_state_of(db, foreign) == AUTHZ_PENDING, "another account is not touched");
	ok(account_deactivate(db, account, NODE, &moved, pr) && !moved, "the second time nothing moves");
	return true;
}

static const struct {
	const char *name;
	sql_fn fn;
} cases[] = {
	{ "order_step", case_step },
	{ "order_review", case_review },
	{ "order_refuse", case_refuse },
	{ "order_issued", case_issued },
	{ "orders_expire", case_expire },
	{ "authz_prove", case_prove },
	{ "authz_fail", case_fail },
	{ "authz_deactivate", case_deactivate },
	{ "account_deactivate", case_account },
};

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
