/* Abuse limits (T8, RFC 8555 6.6): who asks too often is told what, and for how long; others are served meanwhile. */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>

#include "flow/authz.h"
#include "tap.h"

static struct lab lab;

#define PROFILES "default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; } );"
/* All off but these. */
#define RATES(these)                                                                               \
	"rates = { " these " }; " PROFILES
#define OFF_REQUESTS "requests_burst = 0; "
#define OFF_ACCOUNTS "new_account_burst = 0; "
#define OFF_ORDERS "new_order_burst = 0; "
#define OFF_CHALLENGES "challenge_burst = 0; "
#define OFF_FAILED "failed_burst = 0; "
#define OFF_PENDING "pending_authz_max = 0; "
#define REPLY AUTO_BUF reply = BUF_MAX(1 << 20)
#define ORDER(name) "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"" name "\"}]}"

/* 429 as RFC 8555 6.6 has it, Retry-After within these, and what the detail says. */
static void
is_limited(const struct buf *reply, int least_s, int most_s, const char *says, const char *name)
{
	const char *after = reply_field(reply, "Retry-After", 0), *detail = reply_get(reply, "detail");

	ok(reply_is_problem(reply, "rateLimited", 429, true), "%s: 429 rateLimited", name);
	ok(after && atoi(after) >= least_s && atoi(after) <= most_s, "  with the true Retry-After, %s", after ? after : "none");
	ok(detail && strstr(detail, says), "  and what it is: %s", detail ? detail : "none");
}

static int
new_account(const char *by, const char *payload, struct buf *reply)
{
	lab_send(&lab, &(struct rq){ .path = "/new-account", .by = by, .jwk = true, .payload = payload }, reply);
	return reply_status(reply);
}

static int
new_order(const char *by, const char *payload, struct buf *reply)
{
	lab_post(&lab, by, "/new-order", payload, reply);
	return reply_status(reply);
}

static void
test_requests(void)
{
	REPLY;
	int good = 0;

	lab_conf(&lab, RATES("requests_burst = 3; requests_every = \"1h\"; " OFF_ACCOUNTS OFF_ORDERS OFF_CHALLENGES OFF_FAILED OFF_PENDING));
	lab_from(&lab, "127.0.0.2");
	for (int i = 0; i < 3; i++) {
		lab_send(&lab, &(struct rq){ .method = i == 1 ? "HEAD" : "GET", .path = i == 1 ? "/new-nonce" : "/directory", .type = "" }, &reply);
		good += reply_status(&reply) == 200;
	}
	is_int(good, 3, "a burst of 3 requests");
	lab_post(&lab, "A", "/new-order", ORDER("a.test"), &reply);
	is_limited(&reply, 3590, 3600, "too many requests from this address, try again in 3", "the fourth of one address");
	lab_send(&lab, &(struct rq){ .method = "GET", .path = "/directory", .type = "" }, &reply);
	ok(reply_is_problem(&reply, "rateLimited", 429, false), "also for what needs no account");
	lab_from(&lab, "127.0.0.3");
	is_int(new_order("A", ORDER("a.test"), &reply), 201, "another address is served");
	lab_from(&lab, "127.0.0.2");
	clock_turn(3600);
	is_int(new_order("A", ORDER("a.test"), &reply), 201, "after that time so is the first");
	is_int(new_order("A", ORDER("a.test"), &reply), 429, "once");
	lab_conf(&lab, RATES("requests_burst = 5; requests_every = \"1h\"; " OFF_ACCOUNTS OFF_ORDERS OFF_CHALLENGES OFF_FAILED OFF_PENDING));
	is_int(new_order("A", ORDER("a.test"), &reply), 201, "a reload that allows more is in force at once");
	lab_conf(&lab, RATES(OFF_REQUESTS OFF_ACCOUNTS OFF_ORDERS OFF_CHALLENGES OFF_FAILED OFF_PENDING));
	for (good = 0; good < 20 && new_order("A", ORDER("a.test"), &reply) == 201;)
		good++;
	is_int(good, 20, "a burst of 0 is no limit");
	lab_from(&lab, NULL);
}

static void
test_new_account(void)
{
	REPLY;

	lab_conf(&lab, RATES("new_account_burst = 2; new_account_every = \"10m\"; " OFF_REQUESTS OFF_ORDERS OFF_CHALLENGES OFF_FAILED OFF_PENDING));
	lab_actor("n1", KEY_P256, "ES256");
	lab_actor("n2", KEY_P256, "ES256");
	lab_actor("n3", KEY_P256, "ES256");
	lab_from(&lab, "127.0.0.4");
	ok(new_account("n1", "{}", &reply) == 201 && new_account("n2", "{}", &reply) == 201, "two accounts from one address");
	new_account("n3", "{}", &reply);
	is_limited(&reply, 590, 600, "too many new accounts from this address, try again in", "a third");
	is_int(new_account("n1", "{}", &reply), 200, "one that is there is found");
	is_int(new_account("n3", "{\"onlyReturnExisting\":true}", &reply), 400, "to look costs nothing");
	is_int(new_order("A", ORDER("a.test"), &reply), 201, "accounts order on");
	lab_from(&lab, "127.0.0.5");
	is_int(new_account("n3", "{}", &reply), 201, "another address is served");
	lab_from(&lab, NULL);
}

static void
test_new_order(void)
{
	REPLY;

	lab_conf(&lab, RATES("new_order_burst = 2; new_order_every = \"5m\"; " OFF_REQUESTS OFF_ACCOUNTS OFF_CHALLENGES OFF_FAILED OFF_PENDING));
	ok(new_order("B", ORDER("b1.test"), &reply) == 201 && new_order("B", ORDER("b2.test"), &reply) == 201, "two orders of one account");
	new_order("B", ORDER("b3.test"), &reply);
	is_limited(&reply, 290, 300, "too many new orders of this account, try again in", "a third");
	lab_from(&lab, "127.0.0.6");
	is_int(new_order("B", ORDER("b3.test"), &reply), 429, "from elsewhere, too");
	lab_from(&lab, NULL);
	is_int(new_order("A", ORDER("b3.test"), &reply), 201, "another account is served");
	clock_turn(300);
	is_int(new_order("B", ORDER("b3.test"), &reply), 201, "after that time so is the first");
}

static void
test_challenge(void)
{
	REPLY;

	lab_conf(&lab, RATES("challenge_burst = 1; challenge_every = \"2m\"; " OFF_REQUESTS OFF_ACCOUNTS OFF_ORDERS OFF_FAILED OFF_PENDING));
	lab_order(&lab, "A", "CA", "slow-c.test", NULL);
	lab_order(&lab, "B", "CB", "slow-c.test", NULL);
	lab_post(&lab, "A", "$CA_CHALL0", "{}", &reply);
	is_int(reply_status(&reply), 200, "a response to a challenge");
	lab_post(&lab, "A", "$CA_CHALL0", "{}", &reply);
	is_limited(&reply, 110, 120, "too many challenge responses of this account, try again in", "a second");
	lab_post(&lab, "A", "$CA_CHALL0", NULL, &reply);
	is_int(reply_status(&reply), 200, "to look at it costs nothing");
	lab_post(&lab, "B", "$CB_CHALL0", "{}", &reply);
	is_int(reply_status(&reply), 200, "another account is served");
}

static void
test_failed(void)
{
	REPLY;
	char key[FAILURE_KEY_TEXT];
	msec_t wait_ms;
	struct gate_conf *conf;

	lab_conf(&lab, RATES("failed_burst = 3; failed_every = \"3m\"; " OFF_REQUESTS OFF_ACCOUNTS OFF_ORDERS OFF_CHALLENGES OFF_PENDING));
	conf = conf_holder_take(lab.conf);
	lab_order(&lab, "A", "FA", "failing.test,fine.test", NULL);
	authz_failure_key(lab_number(&lab, "select account_id from orders where idents like '%failing.test%'"), "failing.test", key);
	for (int i = 0; i < 3; i++) {
		is_int(new_order("A", ORDER("failing.test"), &reply), 201, "after %d failed validations the name can be ordered", i);
		buckets_take(lab.server.limits.by[LIMIT_FAILED], span_str(key), limit_rate(conf, LIMIT_FAILED), clock_ms(), &wait_ms);
		/* an order that can be had again would not be asked about (O1) */
		lab_sql(&lab, "update orders set state=4 where state<3");
	}
	new_order("A", ORDER("failing.test"), &reply);
	is_limited(&reply, 170, 180, "too many failed validations of this name, try again in", "after three");
	is_int(new_order("A", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"fine.test\"},{\"type\":\"dns\",\"value\":\"failing.test\"}]}", &reply), 429, "among others, too");
	is_int(new_order("A", ORDER("fine.test"), &reply), 201, "the others alone can be ordered");
	is_int(new_order("B", ORDER("failing.test"), &reply), 201, "and the name by another account");
	clock_turn(180);
	is_int(new_order("A", ORDER("failing.test"), &reply), 201, "after that time it can be tried again");
	gate_conf_unref(conf);
}

#define BELOW(name, domain) "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"" name "\",\"ancestorDomain\":\"" domain "\"}]}"

/* RFC 9444: what is proven, or not, is the ancestor domain. */
static void
test_failed_above(void)
{
	REPLY;
	char key[FAILURE_KEY_TEXT], location[512];
	msec_t wait_ms;
	struct gate_conf *conf;

	lab_conf(&lab, "rates = { failed_burst = 3; failed_every = \"3m\"; " OFF_REQUESTS OFF_ACCOUNTS OFF_ORDERS OFF_CHALLENGES OFF_PENDING " }; "
		"default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; challenges = [ \"http-01\", \"dns-01\" ]; subdomains = true; } );");
	conf = conf_holder_take(lab.conf);
	is_int(new_order("B", ORDER("r0.above.test"), &reply), 201, "a name");
	snprintf(location, sizeof(location), "%s", reply_field(&reply, "Location", 0));
	is_int(new_order("B", BELOW("r0.above.test", "above.test"), &reply), 201, "the same by the domain above it");
	ok(strcmp(location, reply_field(&reply, "Location", 0)) != 0, "is another order, for it wants another authorization");
	authz_failure_key(lab_number(&lab, "select max(account_id) from orders where idents like '%r0.above.test%'"), "above.test", key);
	for (int i = 0; i < 3; i++)
		buckets_take(lab.server.limits.by[LIMIT_FAILED], span_str(key), limit_rate(conf, LIMIT_FAILED), clock_ms(), &wait_ms);
	new_order("B", BELOW("r1.above.test", "above.test"), &reply);
	is_limited(&reply, 170, 180, "too many failed validations of this name, try again in", "after three, by another name below it");
	is_int(new_order("B", ORDER("r1.above.test"), &reply), 201, "by itself that name can be ordered");
	gate_conf_unref(conf);
}

static void
test_pending(void)
{
	REPLY;

	lab_actor("P", KEY_P256, "ES256");
	lab_actor("Q", KEY_P256, "ES256");
	lab_register(&lab, "P");
	lab_register(&lab, "Q");
	lab_conf(&lab, RATES("pending_authz_max = 3; " OFF_REQUESTS OFF_ACCOUNTS OFF_ORDERS OFF_CHALLENGES OFF_FAILED));
	lab_order(&lab, "P", "P1", "p1.test,p2.test", NULL);
	is_int(new_order("P", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"p3.test\"},{\"type\":\"dns\",\"value\":\"p4.test\"}]}", &reply), 429, "two and two proofs are more than three");
	is_limited(&reply, 1, 600, "2 authorizations of this account wait for their proof, at most 3 may: respond to them, or deactivate them", "with what to do");
	is_int(new_order("P", ORDER("p3.test"), &reply), 201, "three are three");
	is_int(new_order("P", ORDER("p4.test"), &reply), 429, "four are not");
	is_int(new_order("P", ORDER("p3.test"), &reply), 201, "an order of before is no more");
	is_int(new_order("Q", ORDER("p4.test"), &reply), 201, "another account is served");
	lab_prove(&lab, "P", "P1", "ready");
	is_int(new_order("P", ORDER("p4.test"), &reply), 201, "what is proven waits no longer");
}

int
main(void)
{
	lab_start(&lab, LAB_NO_RATES PROFILES, NULL);
	lab_actor("A", KEY_P256, "ES256");
	lab_actor("B", KEY_P256, "ES256");
	lab_register(&lab, "A");
	lab_register(&lab, "B");
	test_requests();
	test_new_account();
	test_new_order();
	test_challenge();
	test_failed();
	test_failed_above();
	test_pending();
	lab_stop(&lab);
	return done_testing();
}
