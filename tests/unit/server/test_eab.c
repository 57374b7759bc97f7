/* External account binding (RFC 8555 7.3.4, E1-E5, W13): what a binding is good for, how often, and for how long. The refusals of
 * its form are in test_reject.c. */
#include "lab.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/eab.h"
#include "tap.h"

static struct lab lab;

static const char conf[] = LAB_NO_RATES
	"default_profile = \"open\"; profiles = ("
	" { name = \"open\"; upstream = \"own\"; }," /* optional */
	" { name = \"none\"; upstream = \"own\"; eab = \"none\"; },"
	" { name = \"bound\"; upstream = \"own\"; eab = \"required\"; },"
	" { name = \"far\"; upstream = \"far\"; eab = \"required\"; } );";

#define BOUND "/p/bound/new-account"

/* A new actor with a new key. */
static void
actor(const char *name)
{
	lab_actor(name, KEY_P256, "ES256");
}

/* newAccount with this payload; the status. Sets $KID_actor if it was good. */
static int
new_account(const char *by, const char *path, const char *payload, struct buf *reply)
{
	AUTO_FREE char *kid = xasprintf("KID_%s", by);

	lab_send(&lab, &(struct rq){ .path = path, .by = by, .jwk = true, .payload = payload }, reply);
	if (reply_status(reply) < 300)
		lab_set(kid, reply_field(reply, "Location", 0));
	return reply_status(reply);
}

/* The same with a good binding to the key `kid`. */
static int
bind_account(const char *by, const char *kid, const char *path, struct buf *reply)
{
	lab_eab(&(struct eab_jws){ "BINDING", kid, by, path });
	return new_account(by, path, "{\"externalAccountBinding\":$BINDING}", reply);
}

/* A literal: statements are kept by the address of their text. */
#define USES(kid) (int)lab_number(&lab, "select uses from eab_key where kid='" kid "'")
#define NEW(...) "{\"externalAccountBinding\":$BINDING" __VA_ARGS__ "}"
#define ORDER(name, ...) "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"" name "\"}]" __VA_ARGS__ "}"
#define REPLY AUTO_BUF reply = BUF_MAX(1 << 20)

/* ---- verifying ---- */

static void
test_algorithms(void)
{
	static const char *const algs[] = { "HS256", "HS384", "HS512" };
	REPLY;

	lab_eab_key(&lab, "algs");
	actor("mac");
	for (size_t i = 0; i < 3; i++) {
		AUTO_FREE char *header = xasprintf("{\"alg\":\"%s\",\"kid\":\"algs\",\"url\":\"$BASE" BOUND "\"}", algs[i]);

		for (size_t j = 0; j < 3; j++) {
			lab_eab(&(struct eab_jws){ "BINDING", "algs", "mac", BOUND, .header = header, .alg = algs[j] });
			if (i == j)
				continue;
			new_account("mac", BOUND, NEW(), &reply);
			ok(reply_is_problem(&reply, "unauthorized", 403, true), "a MAC of %s is none of %s", algs[j], algs[i]);
		}
		actor(algs[i]);
		lab_eab(&(struct eab_jws){ "BINDING", "algs", algs[i], BOUND, .header = header, .alg = algs[i] });
		is_int(new_account(algs[i], BOUND, NEW(), &reply), 201, "%s binds an account", algs[i]);
	}
	is_int(USES("algs"), 3, "each good one is a use, no bad one is");
}

/* The binding with another signature, given as base64url. */
static void
with_signature(const char *signature, const char *name, struct buf *reply)
{
	AUTO_FREE char *jws = NULL;
	const char *at;

	lab_eab(&(struct eab_jws){ "BINDING", "cut", "cut", BOUND });
	at = strstr(lab_var("BINDING"), "\"signature\":\"");
	if (!at)
		lab_die("no signature");
	jws = xasprintf("%.*s\"signature\":\"%s\"}", (int)(at - lab_var("BINDING")), lab_var("BINDING"), signature);
	lab_set("BINDING", jws);
	new_account("cut", BOUND, NEW(), reply);
	ok(reply_status(reply) == 403 || reply_status(reply) == 400, "%s is refused", name);
	if (reply_status(reply) == 403)
		ok(reply_is_problem(reply, "unauthorized", 403, true), "  as a wrong MAC");
	else
		ok(reply_is_problem(reply, "malformed", 400, true), "  as malformed");
}

static void
test_cut(void)
{
	AUTO_FREE char *mac = NULL, *half = NULL, *more = NULL;
	const char *at;
	REPLY;

	lab_eab_key(&lab, "cut");
	actor("cut");
	lab_eab(&(struct eab_jws){ "BINDING", "cut", "cut", BOUND });
	at = strstr(lab_var("BINDING"), "\"signature\":\"") + 13;
	mac = xasprintf("%.43s", at);
	half = xasprintf("%.22s", "AAAAAAAAAAAAAAAAAAAAAA");
	memcpy(half, mac, 20);
	more = xasprintf("%.42sAAAA", mac);
	with_signature("", "an empty MAC", &reply);
	with_signature(half, "half a MAC", &reply);
	with_signature(more, "a longer MAC", &reply);
	is_int(USES("cut"), 0, "none of them is a use");
}

/* ---- what the directory wants ---- */

static void
test_directories(void)
{
	REPLY;

	lab_send(&lab, &(struct rq){ .method = "GET", .path = "/p/bound/directory", .type = "" }, &reply);
	is_str(reply_get(&reply, "meta.externalAccountRequired"), "true", "a directory says that it needs a binding (9.7.6)");
	lab_send(&lab, &(struct rq){ .method = "GET", .path = "/directory", .type = "" }, &reply);
	ok(!reply_get(&reply, "meta.externalAccountRequired") || strcmp(reply_get(&reply, "meta.externalAccountRequired"), "false") == 0,
		"another does not");
	lab_eab_key(&lab, "wants");
	actor("w1");
	new_account("w1", BOUND, "{}", &reply);
	ok(reply_is_problem(&reply, "externalAccountRequired", 403, true), "row 64: newAccount without a binding where one is needed");
	is_int(new_account("w1", "/new-account", "{}", &reply), 201, "where it is optional an account is made without");
	ok(!reply_get(&reply, "externalAccountBinding"), "and shows none");
	actor("w2");
	lab_eab(&(struct eab_jws){ "BINDING", "wants", "w2", "/new-account", .wrong_mac = true });
	new_account("w2", "/new-account", NEW(), &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true), "a wrong one is refused there, too");
	is_int(bind_account("w2", "wants", "/new-account", &reply), 201, "a good one is taken");
	is_str(reply_get(&reply, "externalAccountBinding"), lab_var("BINDING"), "and shown, unchanged");
	lab_post(&lab, "w2", lab_path(lab_var("KID_w2")), NULL, &reply);
	is_str(reply_get(&reply, "externalAccountBinding"), lab_var("BINDING"), "also later (7.1.2)");
	actor("w3");
	lab_eab(&(struct eab_jws){ "BINDING", "nobody", "w3", "/p/none/new-account", .wrong_mac = true });
	is_int(new_account("w3", "/p/none/new-account", NEW(), &reply), 201, "where none is wanted it is not looked at");
	ok(!reply_get(&reply, "externalAccountBinding"), "nor shown: it was not verified (7.3.4)");
	is_int(USES("wants"), 1, "one use in all");
}

/* W13 */
static void
test_known(void)
{
	REPLY;

	lab_eab_key(&lab, "known");
	actor("known");
	actor("unknown");
	is_int(new_account("known", "/new-account", "{}", &reply), 201, "an account without a binding");
	lab_eab(&(struct eab_jws){ "BINDING", "known", "known", "/new-account", .wrong_mac = true });
	is_int(new_account("known", "/new-account", NEW(), &reply), 200, "its key with a bad binding finds it (W13)");
	is_int(bind_account("known", "known", BOUND, &reply), 200, "with a good one, too");
	ok(!reply_get(&reply, "externalAccountBinding"), "which binds nothing");
	is_int(USES("known"), 0, "and uses nothing");
	is_int(new_account("known", BOUND, "{}", &reply), 200, "also by the directory that needs a binding");
	lab_eab(&(struct eab_jws){ "BINDING", "known", "unknown", BOUND });
	new_account("unknown", BOUND, NEW(",\"onlyReturnExisting\":true"), &reply);
	ok(reply_is_problem(&reply, "accountDoesNotExist", 400, true), "onlyReturnExisting makes none, whatever comes along");
	new_account("unknown", BOUND, NEW(",\"contact\":[\"tel:1\"]"), &reply);
	ok(reply_is_problem(&reply, "unsupportedContact", 400, true), "what is refused for something else");
	is_int(USES("known"), 0, "is no use either");
	is_int(new_account("unknown", BOUND, NEW(), &reply), 201, "the binding is still good");
	lab_eab(&(struct eab_jws){ "BINDING", "known", "unknown", BOUND, .wrong_mac = true });
	is_int(new_account("unknown", BOUND, NEW(), &reply), 200, "a bound account is found with a bad one, too");
	ok(reply_get(&reply, "externalAccountBinding") && strcmp(reply_get(&reply, "externalAccountBinding"), lab_var("BINDING")) != 0,
		"and shows the one that was verified");
	is_int(USES("known"), 1, "one use in all");
}

/* ---- how often ---- */

struct racer {
	struct buf request, reply;
	pthread_t thread;
};

static void *
race(void *arg)
{
	struct racer *r = arg;

	lab_raw(&lab, r->request.p, r->request.n, &r->reply);
	return NULL;
}

#define RACERS 6

static void
test_last_use(void)
{
	struct racer r[RACERS];
	int made = 0, refused = 0;
	char name[16];

	lab_eab_key(&lab, "last");
	lab_sql(&lab, "update eab_key set uses=2, uses_max=3 where kid='last'");
	for (int i = 0; i < RACERS; i++) {
		snprintf(name, sizeof(name), "race%d", i);
		actor(name);
		r[i] = (struct racer){ .request = BUF_MAX(1 << 20), .reply = BUF_MAX(1 << 20) };
		lab_eab(&(struct eab_jws){ "BINDING", "last", name, BOUND });
		lab_render(&lab, &(struct rq){ .path = BOUND, .by = name, .jwk = true, .payload = NEW() }, &r[i].request);
	}
	for (int i = 0; i < RACERS; i++) {
		if (pthread_create(&r[i].thread, NULL, race, &r[i]) != 0)
			abort();
	}
	for (int i = 0; i < RACERS; i++) {
		pthread_join(r[i].thread, NULL);
		made += reply_status(&r[i].reply) == 201;
		refused += reply_status(&r[i].reply) == 403 && reply_is_problem(&r[i].reply, "unauthorized", 403, true) &&
			strstr(reply_get(&r[i].reply, "detail"), "\"last\" is used-up");
		buf_done(&r[i].request);
		buf_done(&r[i].reply);
	}
	is_int(made, 1, "of %d newAccounts at once with the last use one makes an account", RACERS);
	is_int(refused, RACERS - 1, "the others hear that it is used up");
	is_int(USES("last"), 3, "one use was spent");
	is_int(lab_number(&lab, "select count(*) from account a join eab_key e on e.id=a.eab_id where e.kid='last'"), 1, "one account is there");
}

static void
test_accounts_max(void)
{
	REPLY;

	lab_eab_key(&lab, "two");
	lab_sql(&lab, "update eab_key set accounts_max=2 where kid='two'");
	actor("t1");
	actor("t2");
	actor("t3");
	ok(bind_account("t1", "two", BOUND, &reply) == 201 && bind_account("t2", "two", BOUND, &reply) == 201, "two accounts of a key that has two");
	bind_account("t3", "two", BOUND, &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true) && strstr(reply_get(&reply, "detail"), "has its 2 accounts already"), "a third is refused, and why");
	is_int(USES("two"), 2, "that was no use");
	lab_post(&lab, "t1", lab_path(lab_var("KID_t1")), "{\"status\":\"deactivated\"}", &reply);
	is_int(reply_status(&reply), 200, "one is deactivated");
	is_int(bind_account("t3", "two", BOUND, &reply), 201, "then there is room");
	is_int(USES("two"), 3, "that was one");
}

/* ---- for what, how long ---- */

static void
test_profiles(void)
{
	REPLY;

	lab_eab_key(&lab, "any");
	lab_eab_key(&lab, "one");
	lab_sql(&lab, "update eab_key set profiles='bound' where kid='one'");
	actor("p0");
	actor("p1");
	actor("p2");
	new_account("p0", "/new-account", "{}", &reply);
	bind_account("p1", "any", BOUND, &reply);
	bind_account("p2", "one", BOUND, &reply);
	lab_post(&lab, "p0", "/p/bound/new-order", ORDER("p.test"), &reply);
	ok(reply_is_problem(&reply, "externalAccountRequired", 403, true), "an unbound account orders nothing where a binding is needed (E1)");
	lab_post(&lab, "p0", "/new-order", ORDER("p.test", ",\"profile\":\"bound\""), &reply);
	ok(reply_is_problem(&reply, "externalAccountRequired", 403, true), "also not by the profile's name");
	lab_post(&lab, "p0", "/new-order", ORDER("p.test"), &reply);
	is_int(reply_status(&reply), 201, "but where none is");
	lab_post(&lab, "p1", "/p/bound/new-order", ORDER("p.test"), &reply);
	is_int(reply_status(&reply), 201, "a bound one does");
	lab_post(&lab, "p1", "/new-order", ORDER("p.test"), &reply);
	is_int(reply_status(&reply), 201, "everywhere");
	lab_post(&lab, "p2", "/new-order", ORDER("p.test", ",\"profile\":\"bound\""), &reply);
	is_int(reply_status(&reply), 201, "one of a key for some profiles orders there");
	lab_post(&lab, "p2", "/new-order", ORDER("p.test"), &reply);
	ok(reply_is_problem(&reply, "invalidProfile", 400, true), "nowhere else");
	is_str(reply_get(&reply, "detail"), "profile \"open\" is not offered", "as if there were no such profile (W19)");
}

static void
finalize(const char *by, const char *order, struct buf *reply)
{
	AUTO_FREE char *path = xasprintf("$%s/finalize", order);

	lab_post(&lab, by, path, "{\"csr\":\"$CSR\"}", reply);
}

/* E3; revokeCert and what was made stay within reach. */
static void
test_stopped(void)
{
	REPLY;

	lab_eab_key(&lab, "stop");
	actor("s1");
	actor("device");
	bind_account("s1", "stop", BOUND, &reply);
	lab_order(&lab, "s1", "DONE", "done.stop.test", "\"profile\":\"bound\"");
	lab_prove(&lab, "s1", "DONE", "ready");
	lab_finalize(&lab, "s1", "DONE", "done.stop.test");
	lab_order(&lab, "s1", "READY", "ready.stop.test", "\"profile\":\"bound\"");
	lab_prove(&lab, "s1", "READY", "ready");
	lab_csr("CSR", lab_key("device"), "ready.stop.test");
	for (int state = EAB_SUSPENDED; state <= EAB_REVOKED; state++) {
		const char *name = eab_state_name((enum eab_state)state);

		lab_sql(&lab, state == EAB_SUSPENDED ? "update eab_key set state=1 where kid='stop'" : "update eab_key set state=2 where kid='stop'");
		lab_post(&lab, "s1", "/p/bound/new-order", ORDER("more.stop.test"), &reply);
		ok(reply_is_problem(&reply, "unauthorized", 403, true), "%s: newOrder is refused", name);
		ok(strstr(reply_get(&reply, "detail"), "suspended or revoked: ask who handed it out"), "  and who can help");
		finalize("s1", "READY", &reply);
		ok(reply_is_problem(&reply, "unauthorized", 403, true), "%s: finalize is refused", name);
		lab_post(&lab, "s1", lab_var("DONE_CERT"), NULL, &reply);
		is_int(reply_status(&reply), 200, "%s: what there is can be fetched", name);
	}
	lab_sql(&lab, "update eab_key set keep_accounts=1 where kid='stop'");
	finalize("s1", "READY", &reply);
	is_int(reply_status(&reply), 200, "of a key that keeps its accounts finalize goes on");
	lab_post(&lab, "s1", "/p/bound/new-order", ORDER("more.stop.test"), &reply);
	is_int(reply_status(&reply), 201, "newOrder too");
	actor("s2");
	bind_account("s2", "stop", BOUND, &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true) && strstr(reply_get(&reply, "detail"), "is revoked"), "but it makes no accounts any more");
	lab_sql(&lab, "update eab_key set state=0, keep_accounts=0, expires=1000 where kid='stop'");
	lab_post(&lab, "s1", "/p/bound/new-order", ORDER("late.stop.test"), &reply);
	is_int(reply_status(&reply), 201, "accounts of an expired key go on");
	lab_sql(&lab, "update eab_key set expires=null, uses_max=1 where kid='stop'");
	lab_post(&lab, "s1", "/p/bound/new-order", ORDER("later.stop.test"), &reply);
	is_int(reply_status(&reply), 201, "of one that is used up, too");
	lab_sql(&lab, "update eab_key set state=2 where kid='stop'");
	lab_post(&lab, "s1", lab_path(lab_var("KID_s1")), "{\"status\":\"deactivated\"}", &reply);
	is_int(reply_status(&reply), 200, "an account of a revoked key may still end itself");
}

/* ---- whose things they are ---- */

/* E5, O4: orders at a CA that does not answer stay at work. */
static void
test_principal(void)
{
	REPLY;

	lab_eab_key(&lab, "fleet");
	lab_eab_key(&lab, "other");
	actor("f1");
	actor("f2");
	actor("f3");
	bind_account("f1", "fleet", BOUND, &reply);
	bind_account("f2", "fleet", BOUND, &reply);
	bind_account("f3", "other", BOUND, &reply);
	lab_order(&lab, "f1", "F1", "fleet.test", "\"profile\":\"far\"");
	lab_order(&lab, "f2", "F2", "fleet.test", "\"profile\":\"far\"");
	lab_order(&lab, "f3", "F3", "fleet.test", "\"profile\":\"far\"");
	ok(strcmp(lab_var("F1"), lab_var("F2")) != 0, "each account has an order of its own");
	lab_prove(&lab, "f1", "F1", "ready");
	lab_post(&lab, "f2", "$F2", NULL, &reply);
	is_str(reply_get(&reply, "status"), "pending", "a proof is the account's alone");
	lab_prove(&lab, "f2", "F2", "ready");
	lab_prove(&lab, "f3", "F3", "ready");
	lab_csr("CSR", lab_key("device"), "fleet.test");
	finalize("f1", "F1", &reply);
	is_str(reply_get(&reply, "status"), "processing", "the first is at work");
	finalize("f2", "F2", &reply);
	is_str(reply_get(&reply, "status"), "processing", "another account of the key, with the same CSR,");
	is_int(lab_number(&lab, "select count(*) from orders where joined_to is not null"), 1, "waits for that work (O4)");
	finalize("f3", "F3", &reply);
	is_str(reply_get(&reply, "status"), "processing", "one of another key");
	is_int(lab_number(&lab, "select count(*) from upstream_order"), 2, "is work of its own");
	lab_post(&lab, "f2", "$F1", NULL, &reply);
	ok(reply_is_problem(&reply, "malformed", 404, true), "the order itself is its account's alone");
}

int
main(void)
{
	lab_start(&lab, conf, NULL);
	test_algorithms();
	test_cut();
	test_directories();
	test_known();
	test_last_use();
	test_accounts_max();
	test_profiles();
	test_stopped();
	test_principal();
	lab_stop(&lab);
	return done_testing();
}
