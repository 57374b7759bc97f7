/* What the ACME server counts: each request raises the counter of its route and status, each refusal that of its type, each abuse limit
 * its own, and nothing else. */
#include "lab.h"

#include <stdlib.h>

#include "flow/authz.h"
#include "server/api.h"
#include "tap.h"

static struct lab lab;

#define RATES(these) "rates = { " these " }; default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; } );"
#define OFF "requests_burst = 0; new_account_burst = 0; challenge_burst = 0; "
#define ORDER(name) "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"" name "\"}]}"
#define ROUTES_MAX 64

/* All counters at one time. */
struct counts {
	uint64_t requests[ROUTES_MAX][SERVER_CODE__COUNT], took[ROUTES_MAX], refusals[PROBLEM__COUNT], limits[LIMIT__COUNT], pending;
};

static struct counts
counts_now(void)
{
	const struct server_stats *s = &lab.server.stats;
	struct counts c = { 0 };

	for (size_t i = 0; i < server_route_count(); i++) {
		for (int j = 0; j < SERVER_CODE__COUNT; j++)
			c.requests[i][j] = server_requests(s, i, j);
		for (size_t j = 0; j <= SERVER_BUCKETS; j++)
			c.took[i] += server_took(s, i, j);
	}
	for (int i = 0; i < PROBLEM__COUNT; i++)
		c.refusals[i] = server_refusals(s, i);
	for (int i = 0; i < LIMIT__COUNT; i++)
		c.limits[i] = limit_refused(&lab.server.limits, i);
	c.pending = atomic_load(&lab.server.limits.pending_refused);
	return c;
}

static size_t
route_of(const char *name)
{
	for (size_t i = 0; i < server_route_count(); i++) {
		if (strcmp(server_route_name(i), name) == 0)
			return i;
	}
	lab_die("no such route");
}

/* One more request of this route and code, refused as `kind`, and none of anything else. */
static void
one_more(struct counts *before, const char *route, enum server_code code, enum problem_kind kind, const char *name)
{
	struct counts now = counts_now(), want = *before;

	want.requests[route_of(route)][code]++;
	want.took[route_of(route)]++;
	if (kind)
		want.refusals[kind]++;
	ok(memcmp(&now, &want, sizeof(now)) == 0, "%s: one more of %s, %s, %s", name, route, server_code_name(code), kind ? problem_type(kind) : "not refused");
	*before = now;
}

/* The same after one more of a limit. */
static void
limited(struct counts *before, uint64_t *counter_before, const char *route, const char *name)
{
	(*counter_before)++;
	one_more(before, route, SERVER_4XX, PROBLEM_RATE_LIMITED, name);
}

static const struct {
	const char *name;
	struct rq rq;
	const char *route;
	enum server_code code;
	enum problem_kind kind;
} cases[] = {
	{ "directory", { .method = "GET", .path = "/directory", .type = "" }, "/directory", SERVER_2XX, PROBLEM_NONE },
	{ "directory of a profile", { .method = "GET", .path = "/p/default/directory", .type = "" }, "/directory", SERVER_2XX, PROBLEM_NONE },
	{ "newNonce", { .method = "HEAD", .path = "/new-nonce", .type = "" }, "/new-nonce", SERVER_2XX, PROBLEM_NONE },
	{ "no such path", { .method = "GET", .path = "/nowhere", .type = "" }, "none", SERVER_4XX, PROBLEM_NOT_FOUND },
	{ "not our base", { .method = "GET", .path = "!/x", .type = "" }, "none", SERVER_4XX, PROBLEM_NOT_FOUND },
	{ "GET of what is posted to", { .method = "GET", .path = "/new-order", .type = "" }, "/new-order", SERVER_4XX, PROBLEM_METHOD_NOT_ALLOWED },
	{ "another media type", { .path = "/new-order", .type = "text/plain", .by = "A" }, "/new-order", SERVER_4XX, PROBLEM_MEDIA_TYPE },
	{ "a bad nonce", { .path = "/new-order", .by = "A", .header = "{\"alg\":\"$ALG\",\"nonce\":\"AAAA\",\"url\":\"$URL\",$SIGNER}" }, "/new-order",
		SERVER_4XX, PROBLEM_BAD_NONCE },
	{ "another url", { .path = "/new-order", .by = "A", .header = "{\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",\"url\":\"$BASE/x\",$SIGNER}" },
		"/new-order", SERVER_4XX, PROBLEM_UNAUTHORIZED },
	{ "no JSON", { .path = "/new-order", .by = "A", .payload = "x" }, "/new-order", SERVER_4XX, PROBLEM_MALFORMED },
	{ "a name that policy refuses", { .path = "/new-order", .by = "A", .payload = ORDER("forbidden.test") }, "/new-order", SERVER_4XX,
		PROBLEM_REJECTED_IDENTIFIER },
	{ "an unknown order", { .path = "/order/AAAAAAAAAAAAAAAAAAAAAA", .by = "A" }, "/order/{}", SERVER_4XX, PROBLEM_NOT_FOUND },
	{ "a good order", { .path = "/new-order", .by = "A", .payload = ORDER("a.test") }, "/new-order", SERVER_2XX, PROBLEM_NONE },
	{ "its list", { .path = "/crl/own", .method = "GET", .type = "" }, "/crl/{}", SERVER_2XX, PROBLEM_NONE },
	{ "no such list", { .path = "/crl/other", .method = "GET", .type = "" }, "/crl/{}", SERVER_4XX, PROBLEM_NOT_FOUND },
};

static void
test_requests(void)
{
	static const char broken[] = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
	struct counts before = counts_now();
	AUTO_BUF reply = BUF_MAX(1 << 20);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		lab_send(&lab, &cases[i].rq, &reply);
		one_more(&before, cases[i].route, cases[i].code, cases[i].kind, cases[i].name);
	}
	lab_raw(&lab, broken, sizeof(broken) - 1, &reply);
	one_more(&before, "none", SERVER_4XX, PROBLEM_MALFORMED, "no HTTP");
}

static void
test_limits(void)
{
	struct counts before;
	AUTO_BUF reply = BUF_MAX(1 << 20);
	char key[FAILURE_KEY_TEXT];
	msec_t wait_ms;

	lab_conf(&lab, RATES(OFF "failed_burst = 1; new_order_burst = 0; pending_authz_max = 3;"));
	before = counts_now();
	lab_post(&lab, "A", "/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"b.test\"},{\"type\":\"dns\",\"value\":\"c.test\"},{\"type\":\"dns\",\"value\":\"d.test\"}]}",
		&reply);
	limited(&before, &before.pending, "/new-order", "too many proofs open");
	lab_conf(&lab, RATES(OFF "failed_burst = 1; failed_every = \"1h\"; new_order_burst = 0; pending_authz_max = 0;"));
	authz_failure_key(lab_number(&lab, "select max(id) from account"), "f.test", key);
	if (!buckets_take(lab.server.limits.by[LIMIT_FAILED], span_str(key), (struct rate){ 1, 3600000 }, clock_ms(), &wait_ms))
		lab_die("no token");
	before = counts_now();
	lab_post(&lab, "A", "/new-order", ORDER("f.test"), &reply);
	limited(&before, &before.limits[LIMIT_FAILED], "/new-order", "too many failed proofs");
	lab_conf(&lab, RATES(OFF "failed_burst = 0; new_order_burst = 1; new_order_every = \"1h\"; pending_authz_max = 0;"));
	lab_post(&lab, "A", "/new-order", ORDER("e.test"), &reply);
	before = counts_now();
	lab_post(&lab, "A", "/new-order", ORDER("e.test"), &reply);
	limited(&before, &before.limits[LIMIT_NEW_ORDER], "/new-order", "too many orders");
	lab_conf(&lab, RATES("requests_burst = 1; requests_every = \"1h\"; new_account_burst = 0; new_order_burst = 0; challenge_burst = 0; failed_burst = 0; pending_authz_max = 0;"));
	lab_send(&lab, &(struct rq){ .method = "GET", .path = "/directory", .type = "" }, &reply);
	before = counts_now();
	lab_send(&lab, &(struct rq){ .method = "GET", .path = "/directory", .type = "" }, &reply);
	limited(&before, &before.limits[LIMIT_REQUESTS], "/directory", "too many requests");
}

/* A fault of ours: one of 5xx, and worth another try in a minute (T2). */
static void
test_fault(void)
{
	struct counts before;
	const char *after;
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_conf(&lab, RATES(OFF "failed_burst = 0; new_order_burst = 0; pending_authz_max = 0;"));
	lab_sql(&lab, "alter table orders rename to hidden");
	before = counts_now();
	lab_post(&lab, "A", "/new-order", ORDER("g.test"), &reply);
	one_more(&before, "/new-order", SERVER_5XX, PROBLEM_SERVER_INTERNAL, "a table that is gone");
	after = reply_field(&reply, "Retry-After", 0);
	ok(reply_is_problem(&reply, "serverInternal", 500, true) && after && strcmp(after, "60") == 0, "a fault of ours is told to be tried again after a minute (T2)");
}

static void
test_durations(void)
{
	struct server_stats s = { NULL };
	size_t route = route_of("/order/{}");
	static const struct {
		int64_t us;
		size_t bucket;
	} took[] = { { -1, 0 }, { 0, 0 }, { 5000, 0 }, { 5001, 1 }, { 10000000, 10 }, { 10000001, 11 } };

	server_count(&s, NULL, 200, PROBLEM_NONE, 1);
	is_int(server_requests(&s, 0, SERVER_2XX), 0, "zeroed it counts nothing");
	server_stats_init(&s);
	for (size_t i = 0; i < COUNT_OF(took); i++) {
		uint64_t before = server_took(&s, route, took[i].bucket);

		server_count(&s, route_at(route), 200, PROBLEM_NONE, took[i].us);
		is_int(server_took(&s, route, took[i].bucket), before + 1, "%lld us are in bucket %zu", (long long)took[i].us, took[i].bucket);
	}
	is_int(server_took_us(&s, route), 5000 + 5001 + 10000000 + 10000001, "their sum");
	server_count(&s, route_at(route), 503, PROBLEM_OVERLOADED, 1);
	is_int(server_requests(&s, route, SERVER_5XX), 1, "a fault of ours is one of 5xx");
	server_stats_done(&s);
}

int
main(void)
{
	lab_start(&lab, RATES(OFF "failed_burst = 0; new_order_burst = 0; pending_authz_max = 0;"), NULL);
	lab_actor("A", KEY_P256, "ES256");
	lab_register(&lab, "A");
	test_durations();
	test_requests();
	test_limits();
	test_fault();
	lab_stop(&lab);
	return done_testing();
}
