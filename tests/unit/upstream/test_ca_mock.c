/* test_ca_mock.c - a CA's link against a mock: a script that says what real CAs cannot be made to
 * say. What a CA thinks of our requests is not tested here but in test_ca_pebble.c. Nothing waits
 * for time: the clock is turned instead. */
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "rig.h"
#include "upstream/circuit.h"
#include "tap.h"

#define P(type) "{\"type\":\"urn:ietf:params:acme:error:" type "\",\"detail\":\"d\"}"
#define SCRIPT(...)                                                                                \
	static const struct mock_step steps_[] = { __VA_ARGS__ };                                  \
	mock_script(mock, steps_, COUNT_OF(steps_))

static struct rig rig;
static struct mock *mock;
static struct ca *ca;
static struct rig_key key;
static unsigned kept; /* directories handed out to keep */

static void
on_directory(const char *name, struct span text, void *arg)
{
	(void)arg;
	kept += strcmp(name, "test") == 0 && span_starts(text, "{\"newNonce\"");
}

/* A POST-as-GET of a path on the mock. */
static void
get(const char *path, struct ca_call *call)
{
	static char url[128];

	*call = (struct ca_call){ .url = mock_url(mock, path, url),
		.payload = SPAN(""),
		.signer = rig_signer(&key, "k") };
	rig_call(ca, call);
}

static void
post_order(struct ca_call *call)
{
	*call = (struct ca_call){
		.target = CA_NEW_ORDER, .payload = SPAN("{}"), .signer = rig_signer(&key, "k")
	};
	rig_call(ca, call);
}

static void
test_first_call(void)
{
	struct ca_call call;
	struct mock_seen seen[2];
	unsigned directories, nonces;
	char link[ACME_URL_TEXT], want[128];

	SCRIPT({ MOCK_REPLY, 201,
		"Replay-Nonce: second\r\nLocation: /acct/1?x=%20\r\nLink: "
		"</tos>;rel=\"terms-of-service\"\r\nRetry-After: 7\r\n",
		"{\"status\":\"valid\"}" });
	call = (struct ca_call){ .target = CA_NEW_ACCOUNT,
		.payload = SPAN("{\"a\":1}"),
		.signer = rig_signer(&key, NULL) };
	rig_call(ca, &call);
	is_int(call.result, CA_OK,
		"mock: a first call fetches directory and nonce and is answered");
	is_int(mock_posts(mock, seen, 2), 1, "mock: by one POST");
	mock_counts(mock, &directories, &nonces);
	ok(directories == 1 && nonces == 1, "mock: after one GET and one HEAD");
	is_int(kept, 1, "mock: the directory is handed out to be kept");
	is_str(seen[0].path, "/acct", "mock: it goes where the directory says");
	is_str(seen[0].nonce, "mock1", "mock: with the nonce fetched");
	is_str(seen[0].content_type, "application/jose+json", "mock: as application/jose+json");
	ok(seen[0].has_jwk, "mock: without kid the header has the jwk");
	is_str(call.location, mock_url(mock, "/acct/1?x=%20", want),
		"mock: a relative Location is resolved");
	ok(call.has_retry_after && call.retry_after_s == 7,
		"mock: Retry-After of a good reply is told");
	ok(ca_call_link(&call, "terms-of-service", 0, link) &&
			strcmp(link, mock_url(mock, "/tos", want)) == 0,
		"mock: a Link is resolved");
	ok(span_is(ca_call_body(&call), "{\"status\":\"valid\"}"), "mock: the body is there");
	ca_call_done(&call);
}

static void
test_nonces(void)
{
	struct ca_call call;
	struct mock_seen seen[8];
	unsigned directories, before, after;

	SCRIPT({ MOCK_REPLY, 200, "Replay-Nonce: third\r\n", "{}" },
		{ MOCK_REPLY, 400, "Replay-Nonce: ofError\r\n", P("badNonce") },
		{ MOCK_REPLY, 400, "Replay-Nonce: ofError2\r\n", P("badNonce") },
		{ MOCK_REPLY, 403, "Replay-Nonce: four\r\n", P("caa") },
		{ MOCK_REPLY, 200, "", "{}" },
		{ MOCK_REPLY, 400, "Replay-Nonce: bad+nonce\r\n", P("badNonce") },
		{ MOCK_REPLY, 200, "", "{}" });
	mock_counts(mock, &directories, &before);
	get("/o/1", &call);
	ca_call_done(&call);
	get("/o/2", &call);
	mock_posts(mock, seen, 8);
	is_str(seen[0].nonce, "second",
		"mock: the nonce of one reply is used for the next request");
	is_str(seen[1].nonce, "third", "mock: and so on");
	is_str(seen[2].nonce, "ofError", "mock: after badNonce the nonce of that reply is used");
	is_str(seen[3].nonce, "ofError2", "mock: and again");
	ok(call.result == CA_PROBLEM && call.problem.problem.kind == PROBLEM_CAA &&
			call.bad_nonces == 2,
		"mock: until another answer comes");
	ok(!seen[3].has_jwk && strcmp(seen[3].path, "/o/2") == 0,
		"mock: it is the same request each time");
	ca_call_done(&call);
	get("/o/3", &call);
	ca_call_done(&call);
	mock_counts(mock, &directories, &after);
	is_int(after, before, "mock: so far no nonce was fetched, that of an error served");
	get("/o/4", &call);
	mock_counts(mock, &directories, &after);
	is_int(after, before + 2,
		"mock: a reply without a nonce, and a badNonce with a strange one, make us fetch "
		"one before the next POST");
	is_int(call.result, CA_OK, "mock: and all goes on");
	ca_call_done(&call);
}

static void
test_endless_bad_nonce(void)
{
	struct ca_call call;
	struct mock_seen seen[8];

	SCRIPT({ MOCK_REPLY, 400, NULL, P("badNonce") }, { MOCK_REPLY, 400, NULL, P("badNonce") },
		{ MOCK_REPLY, 400, NULL, P("badNonce") }, { MOCK_REPLY, 400, NULL, P("badNonce") },
		{ MOCK_REPLY, 400, NULL, P("badNonce") }, { MOCK_REPLY, 400, NULL, P("badNonce") },
		{ MOCK_REPLY, 400, NULL, P("badNonce") });
	get("/o", &call);
	is_int(mock_posts(mock, seen, 8), 6, "mock: after badNonce a request is repeated 5 times");
	ok(call.result == CA_PROBLEM && call.problem.problem.kind == PROBLEM_BAD_NONCE &&
			ca_call_is_temporary(&call),
		"mock: and then fails for now");
	ca_call_done(&call);
}

static void
date(int64_t unix_s, const char *format, char *ret, size_t size)
{
	struct tm tm;
	time_t t = unix_s;

	gmtime_r(&t, &tm);
	strftime(ret, size, format, &tm);
}

/* One reply with these fields to a newOrder (CA_NEW_ORDER) or to a poll. */
static void
one_reply(enum ca_target target, int status, const char *fields, const char *body,
	struct ca_call *call)
{
	struct mock_step step = { MOCK_REPLY, status, fields, body };

	mock_script(mock, &step, 1);
	if (target == CA_NEW_ORDER)
		post_order(call);
	else
		get("/o", call);
}

static void
test_retry_after(void)
{
	static const struct {
		const char *name, *fields, *body;
		int status;
		enum ca_target target;
		int64_t want; /* -1 = none */
	} cases[] = {
		{ "seconds", "Retry-After: 120\r\n", P("rateLimited"), 429, CA_URL, 120 },
		{ "seconds with blanks", "Retry-After:   90  \r\n", P("rateLimited"), 429, CA_URL,
			90 },
		{ "nought becomes 1", "Retry-After: 0\r\n", "{}", 200, CA_URL, 1 },
		{ "a poll is held at most 15 min", "Retry-After: 86400\r\n", "{}", 200, CA_URL,
			900 },
		{ "a newOrder as long as told", "Retry-After: 86400\r\n", P("rateLimited"), 429,
			CA_NEW_ORDER, 86400 },
		{ "but 7 d", "Retry-After: 99999999999999999999999\r\n", P("rateLimited"), 429,
			CA_NEW_ORDER, 604800 },
		{ "a rate limit without one: 1 h", "", P("rateLimited"), 429, CA_NEW_ORDER, 3600 },
		{ "words: 1 h", "Retry-After: soon\r\n", P("rateLimited"), 429, CA_NEW_ORDER,
			3600 },
		{ "negative: 1 h", "Retry-After: -5\r\n", P("rateLimited"), 429, CA_NEW_ORDER,
			3600 },
		{ "a number with letters: 1 h", "Retry-After: 120abc\r\n", P("rateLimited"), 429,
			CA_NEW_ORDER, 3600 },
		{ "in the detail", "",
			"{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"over "
			"quota. Try again in 12.47s.\"}",
			429, CA_NEW_ORDER, 13 },
		{ "429 without a document", "", "", 429, CA_NEW_ORDER, 3600 },
		{ "none", "", "{}", 200, CA_URL, -1 },
		{ "503 names none", "", "", 503, CA_URL, -1 },
		{ "a date in the past", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "{}", 200,
			CA_URL, 1 },
		{ "a date by the CA's clock of 2001",
			"Date: Thu, 06 Sep 2001 10:00:00 GMT\r\nRetry-After: Thu, 06 Sep 2001 "
			"10:05:00 GMT\r\n",
			"{}", 200, CA_URL, 300 },
		{ "the form of RFC 850",
			"Date: Thursday, 06-Sep-01 10:00:00 GMT\r\nRetry-After: Thursday, "
			"06-Sep-01 10:05:00 GMT\r\n",
			"{}", 200, CA_URL, 300 },
		{ "the form of asctime",
			"Date: Thu Sep  6 10:00:00 2001\r\nRetry-After: Thu Sep  6 10:04:00 "
			"2001\r\n",
			"{}", 200, CA_URL, 240 },
	};
	char when[64], fields[128];
	struct ca_call call;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		one_reply(cases[i].target, cases[i].status, cases[i].fields, cases[i].body, &call);
		is_int(call.has_retry_after ? call.retry_after_s : -1, cases[i].want,
			"mock: Retry-After: %s", cases[i].name);
		if (call.result == CA_PROBLEM)
			ok(call.problem.problem.retry_after_s ==
					(cases[i].want < 0 ? 0 : (unsigned)cases[i].want),
				"mock: and the problem says the same");
		ca_call_done(&call);
	}
	date(clock_unix_s() + 600, "%a, %d %b %Y %H:%M:%S GMT", when, sizeof(when));
	snprintf(fields, sizeof(fields), "Retry-After: %s\r\n", when);
	one_reply(CA_URL, 503, fields, "", &call);
	ok(call.retry_after_s >= 598 && call.retry_after_s <= 600,
		"mock: a date without Date is by our clock");
	ca_call_done(&call);
}

static void
test_bodies(void)
{
	static const struct {
		const char *name;
		int status;
		const char *body;
		enum problem_kind want;
		bool temporary;
	} cases[] = {
		{ "503 with HTML", 503, "<html>503</html>", PROBLEM_OVERLOADED, true },
		{ "503 rateLimited", 503, P("rateLimited"), PROBLEM_OVERLOADED, true },
		{ "400 with a JSON string", 400, "\"Invalid\"", PROBLEM_MALFORMED, false },
		{ "504 with nothing", 504, "", PROBLEM_SERVER_INTERNAL, true },
		{ "403 rateLimited", 403, P("rateLimited"), PROBLEM_RATE_LIMITED, true },
		{ "401 unauthorized", 401, P("unauthorized"), PROBLEM_ACCOUNT_NOT_VALID, false },
		{ "400 malformed for a url mismatch", 400, P("malformed"), PROBLEM_MALFORMED,
			false },
		{ "302, never followed", 302, "", PROBLEM_SERVER_INTERNAL, true },
		{ "409 alreadyReplaced", 409, P("alreadyReplaced"), PROBLEM_ALREADY_REPLACED,
			false },
	};
	struct ca_call call;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		one_reply(CA_URL, cases[i].status, "Location: http://127.0.0.1:1/elsewhere\r\n",
			cases[i].body, &call);
		ok(call.result == CA_PROBLEM && call.http_status == cases[i].status &&
				call.problem.problem.kind == cases[i].want &&
				ca_call_is_temporary(&call) == cases[i].temporary,
			"mock: %s", cases[i].name);
		ca_call_done(&call);
		one_reply(CA_URL, 200, "", "{}", &call); /* keeps the circuit closed */
		ca_call_done(&call);
	}
}

static void
test_lost(void)
{
	static const struct {
		const char *name;
		struct mock_step step;
	} cases[] = {
		{ "reset after the request was read", { MOCK_RESET, 0, NULL, NULL } },
		{ "a body cut short", { MOCK_HALF, 200, NULL, "0123456789" } },
		{ "no answer until the deadline", { MOCK_HANG, 0, NULL, NULL } },
		{ "a body over the cap",
			{ MOCK_REPLY, 200, NULL, "0123456789 0123456789 0123456789" } },
	};
	struct ca_call call;
	struct mock_seen seen[4];
	char url[128];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		mock_script(mock, &cases[i].step, 1);
		call = (struct ca_call){ .url = mock_url(mock, "/o", url),
			.payload = SPAN(""),
			.signer = rig_signer(&key, "k"),
			.deadline_ms = 400,
			.body_max_bytes = 16 };
		rig_call(ca, &call);
		ok(call.result == CA_LOST && call.http_status == 0 && ca_call_is_temporary(&call) &&
				call.problem.problem.cause[0],
			"mock: lost: %s", cases[i].name);
		is_int(mock_posts(mock, seen, 4), 1, "mock: and never sent again by itself");
		ca_call_done(&call);
		one_reply(CA_URL, 200, NULL, "{}", &call);
		ca_call_done(&call);
	}
}

static void
test_unreachable(void)
{
	struct ca_call call;
	struct mock_seen seen[4];

	SCRIPT({ MOCK_REPLY, 200, "", "{}" }, { MOCK_REPLY, 200, "", "{}" });
	clock_turn(600); /* the pool's nonces are too old now */
	mock_nonce(mock, 200, "");
	get("/o", &call);
	ok(call.result == CA_UNREACHABLE && call.http_status == 0 && mock_posts(mock, seen, 4) == 0,
		"mock: without a nonce nothing is sent");
	ca_call_done(&call);
	mock_nonce(mock, 503, "Retry-After: 30\r\n");
	get("/o", &call);
	ok(call.result == CA_UNREACHABLE && call.problem.problem.kind == PROBLEM_OVERLOADED &&
			call.retry_after_s == 30,
		"mock: what newNonce answered is told");
	ca_call_done(&call);
	mock_nonce(mock, 500, NULL);
	get("/o", &call);
	is_int(call.result, CA_OK, "mock: a nonce of an error serves");
	ca_call_done(&call);
	mock_nonce(mock, 0, NULL);
	call = (struct ca_call){
		.target = CA_KEY_CHANGE, .payload = SPAN("{}"), .signer = rig_signer(&key, "k")
	};
	rig_call(ca, &call);
	ok(call.result == CA_PROBLEM && call.http_status == 0 && !ca_call_is_temporary(&call),
		"mock: what the directory does not offer is refused for good");
	ca_call_done(&call);
	call = (struct ca_call){ .url = "https://elsewhere.test/o",
		.payload = SPAN(""),
		.signer = rig_signer(&key, "k") };
	rig_call(ca, &call);
	ok(call.result == CA_PROBLEM && call.http_status == 0 && strstr(call.problem.problem.detail, "of another server: \"https://elsewhere.test/o\""),
		"mock: nothing is sent to another host");
	ca_call_done(&call);
	call = (struct ca_call){
		.url = "/o", .payload = SPAN(""), .signer = rig_signer(&key, "k")
	};
	rig_call(ca, &call);
	ok(call.result == CA_PROBLEM && call.http_status == 0, "mock: what is no URL is refused");
	ca_call_done(&call);
}

static bool
refuse_payload(struct ca_call *call, const char *url, struct buf *out, struct problem *pr)
{
	(void)call;
	(void)out;
	return problem_set(pr, PROBLEM_USER_ACTION_REQUIRED, "nobody agreed to %s", url);
}

static bool
made_payload(struct ca_call *call, const char *url, struct buf *out, struct problem *pr)
{
	(void)call;
	(void)pr;
	return buf_addf(out, "{\"url\":\"%s\"}", url);
}

static void
test_payloads(void)
{
	struct ca_call call = { .target = CA_NEW_ACCOUNT,
		.make_payload = refuse_payload,
		.signer = rig_signer(&key, NULL) };
	struct mock_seen seen[2];

	SCRIPT({ MOCK_REPLY, 200, NULL, "{}" });
	rig_call(ca, &call);
	ok(call.result == CA_PROBLEM && call.problem.problem.kind == PROBLEM_USER_ACTION_REQUIRED &&
			mock_posts(mock, seen, 2) == 0,
		"mock: a payload that cannot be made ends the call");
	ca_call_done(&call);
	call = (struct ca_call){ .target = CA_NEW_ACCOUNT,
		.make_payload = made_payload,
		.signer = rig_signer(&key, NULL),
		.accept = "application/pem-certificate-chain" };
	rig_call(ca, &call);
	ok(call.result == CA_OK && mock_posts(mock, seen, 2) == 1,
		"mock: a payload is made with the URL at hand");
	is_str(seen[0].accept, "application/pem-certificate-chain", "mock: Accept is the caller's");
	ca_call_done(&call);
}

static void
test_directory_404(void)
{
	struct ca_call call;
	struct mock_seen seen[4];
	unsigned before, after, nonces;
	char moved[512], a[128], b[128], c[128];

	SCRIPT({ MOCK_REPLY, 404, NULL, P("malformed") }, { MOCK_REPLY, 404, NULL, P("malformed") },
		{ MOCK_REPLY, 201, NULL, "{}" }, { MOCK_REPLY, 404, NULL, P("malformed") },
		{ MOCK_REPLY, 404, NULL, P("malformed") });
	clock_turn(120);
	mock_counts(mock, &before, &nonces);
	post_order(&call);
	mock_counts(mock, &after, &nonces);
	ok(call.result == CA_PROBLEM && call.http_status == 404 && after == before + 1 &&
			mock_posts(mock, seen, 4) == 1,
		"mock: a 404 on a directory URL fetches the directory; when it says the same, the "
		"404 stands");
	ca_call_done(&call);
	snprintf(moved, sizeof(moved),
		"{\"newNonce\":\"%s\",\"newAccount\":\"%s\",\"newOrder\":\"%s\"}",
		mock_url(mock, "/n", a), mock_url(mock, "/a", b), mock_url(mock, "/moved", c));
	mock_directory(mock, 200, "", moved);
	clock_turn(120);
	post_order(&call);
	mock_posts(mock, seen, 4);
	ok(call.result == CA_OK, "mock: when the URL has moved, the request goes there");
	is_str(seen[2].path, "/moved", "mock: and only there");
	ca_call_done(&call);
	mock_counts(mock, &before, &nonces);
	post_order(&call);
	ca_call_done(&call);
	get("/gone", &call);
	mock_counts(mock, &after, &nonces);
	is_int(after, before,
		"mock: neither a directory just fetched nor a 404 elsewhere fetches it again");
	ca_call_done(&call);
	mock_directory(mock, 0, NULL, NULL);
}

static void
wait_for_directories(unsigned count)
{
	unsigned have = 0, nonces;

	for (int i = 0; i < 500 && have < count; i++) {
		struct timespec ms = { 0, 10000000 };

		nanosleep(&ms, NULL);
		mock_counts(mock, &have, &nonces);
	}
	is_int(have, count, "mock: the directory was asked for");
}

static void
test_directory_refresh(void)
{
	struct ca_call call;
	unsigned before, after, nonces;
	struct ca_directory *dir;

	SCRIPT({ MOCK_REPLY, 200, NULL, "{}" }, { MOCK_REPLY, 200, NULL, "{}" },
		{ MOCK_REPLY, 200, NULL, "{}" });
	mock_counts(mock, &before, &nonces);
	clock_turn(21 * 3600);
	get("/o", &call);
	ca_call_done(&call);
	mock_counts(mock, &after, &nonces);
	is_int(after, before, "mock: a directory of 21 h is used as it is");
	clock_turn(6 * 3600);
	mock_directory(mock, 500, "", "broken");
	get("/o", &call);
	is_int(call.result, CA_OK, "mock: one of 27 h too, while it is fetched again");
	ca_call_done(&call);
	wait_for_directories(before + 1);
	get("/o", &call);
	is_int(call.result, CA_OK, "mock: and on, when that fails");
	ca_call_done(&call);
	mock_counts(mock, &after, &nonces);
	is_int(after, before + 1, "mock: which is not tried again at once");
	mock_directory(mock, 0, NULL, NULL);
	ca_refresh(ca);
	wait_for_directories(before + 2);
	dir = ca_directory_ref(ca);
	ok(dir && !dir->d.url[ACME_KEY_CHANGE], "mock: the directory can be looked at");
	ca_directory_unref(dir);
}

static void
test_circuit(void)
{
	struct ca_call call;
	struct mock_seen seen[4];
	struct ca_stats stats;

	SCRIPT({ MOCK_REPLY, 500, NULL, "" }, { MOCK_RESET, 0, NULL, NULL },
		{ MOCK_REPLY, 502, NULL, "<html>" }, { MOCK_REPLY, 200, NULL, "{}" });
	for (int i = 0; i < 3; i++) {
		get("/o", &call);
		ca_call_done(&call);
	}
	ca_stats(ca, &stats);
	ok(stats.is_open, "mock: three failures in a row open the circuit");
	get("/o", &call);
	ok(call.result == CA_UNREACHABLE && call.retry_after_s >= 1 && call.retry_after_s <= 2 &&
			mock_posts(mock, seen, 4) == 3,
		"mock: calls fail at once then, and say when to come again");
	ca_call_done(&call);
	clock_turn(2);
	get("/o", &call);
	ca_stats(ca, &stats);
	ok(call.result == CA_OK && !stats.is_open, "mock: a probe that works closes it");
	ca_call_done(&call);
}

/* Another link, to a CA that is not there. */
static void
test_absent(struct ca *absent)
{
	struct ca_call calls[6];
	struct ca_stats stats;
	struct problem pr = { 0 };
	size_t unreachable = 0;

	for (size_t i = 0; i < COUNT_OF(calls); i++)
		calls[i] = (struct ca_call){ .target = CA_NEW_ORDER,
			.payload = SPAN("{}"),
			.signer = rig_signer(&key, "k") };
	rig_calls(absent, calls, COUNT_OF(calls));
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		unreachable +=
			calls[i].result == CA_UNREACHABLE && calls[i].problem.problem.detail[0];
		ca_call_done(&calls[i]);
	}
	is_int(unreachable, 6, "mock: a CA that is not there is unreachable for all who wait");
	ca_stats(absent, &stats);
	ok(stats.directories < 6 && stats.sent == 0,
		"mock: they share the look-up of the directory");
	ok(!ca_directory_restore(absent, SPAN("{}"), 0, &pr),
		"mock: a kept directory that is none is refused");
	ok(ca_directory_restore(absent,
		   SPAN("{\"newNonce\":\"http://127.0.0.1:1/n\",\"newAccount\":\"http://"
			"127.0.0.1:1/a\","
			"\"newOrder\":\"http://127.0.0.1:1/o\"}"),
		   clock_unix_s(), &pr),
		"mock: a good one is taken");
	clock_turn(10);
	rig_call(absent, calls);
	is_int(calls[0].result, CA_UNREACHABLE,
		"mock: and a CA whose newNonce is not there is unreachable");
	ca_call_done(calls);
}

/* The many at once: each is answered, and each once. */
static void
test_many(void)
{
	struct mock_step steps[40];
	struct ca_call calls[40];
	char url[128];
	size_t good = 0;
	unsigned directories, before, after;

	clock_turn(600); /* no nonce at hand */
	mock_counts(mock, &directories, &before);
	for (size_t i = 0; i < COUNT_OF(steps); i++)
		steps[i] = (struct mock_step){ MOCK_REPLY, 200, NULL, "{}" };
	mock_script(mock, steps, COUNT_OF(steps));
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		calls[i] = (struct ca_call){ .url = mock_url(mock, "/o", url),
			.payload = SPAN(""),
			.signer = rig_signer(&key, "k") };
	rig_calls(ca, calls, COUNT_OF(calls));
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		good += calls[i].result == CA_OK;
		ca_call_done(&calls[i]);
	}
	is_int(good, COUNT_OF(calls), "mock: forty calls at once are answered");
	mock_counts(mock, &directories, &after);
	ok(after - before < 40, "mock: and do not each fetch a nonce");
	printf("# %u nonces fetched for 40 calls\n", after - before);
}

/* The many, and newNonce fails: nobody is forgotten. */
static void
test_many_without_nonce(void)
{
	struct ca_call calls[20];
	char url[128];
	size_t good = 0;

	clock_turn(600);
	mock_nonce(mock, 503, "Retry-After: 3\r\n");
	for (size_t i = 0; i < COUNT_OF(calls); i++)
		calls[i] = (struct ca_call){ .url = mock_url(mock, "/o", url),
			.payload = SPAN(""),
			.signer = rig_signer(&key, "k") };
	rig_calls(ca, calls, COUNT_OF(calls));
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		good += calls[i].result == CA_UNREACHABLE && calls[i].has_retry_after;
		ca_call_done(&calls[i]);
	}
	is_int(good, COUNT_OF(calls), "mock: when newNonce is overloaded all that wait hear so");
	mock_nonce(mock, 0, NULL);
	clock_turn(400);
	one_reply(CA_URL, 200, NULL, "{}", calls);
	is_int(calls[0].result, CA_OK, "mock: and later calls go on");
	ca_call_done(calls);
}

#define CONNS 4 /* the rig's, per host */

/* All connections are taken by calls that wait for their answers. */
static void
test_busy(void)
{
	struct mock_seen seen[CONNS];
	struct ca_call call;
	struct ca_stats stats;
	char url[128];
	int good = 0;

	for (int i = 0; i < CIRCUIT_FAILURES + 1; i++) {
		call = (struct ca_call){ .url = mock_url(mock, "/o", url),
			.payload = SPAN(""),
			.signer = rig_signer(&key, "k"),
			.deadline_ms = 150 };
		rig_call(ca, &call);
		good += call.result == CA_UNREACHABLE && call.http_status == 0;
		ca_call_done(&call);
	}
	is_int(good, CIRCUIT_FAILURES + 1, "mock: who finds no free connection hears that nothing was sent");
	is_int(mock_posts(mock, seen, CONNS), CONNS, "mock: nor was it");
	ca_stats(ca, &stats);
	ok(!stats.is_open, "mock: which says nothing of the CA: the circuit stays closed");
}

/* Calls that wait for an answer when all ends. */
static void
test_stop(struct ca *absent)
{
	static const struct mock_step hang[CONNS] = { { MOCK_HANG, 0, NULL, NULL }, { MOCK_HANG, 0, NULL, NULL },
		{ MOCK_HANG, 0, NULL, NULL }, { MOCK_HANG, 0, NULL, NULL } };
	struct ca_call calls[CONNS];
	char url[128];
	struct ca *cas[] = { ca, absent };
	static bool was_done[CONNS];
	struct mock_seen seen[CONNS];
	int lost = 0;

	mock_script(mock, hang, CONNS);
	mock_url(mock, "/o", url);
	for (int i = 0; i < CONNS; i++) {
		calls[i] = (struct ca_call){ .url = url,
			.payload = SPAN(""),
			.signer = rig_signer(&key, "k"),
			.done = rig_note_done,
			.arg = &was_done[i] };
		ca_post(ca, &calls[i]);
	}
	for (int i = 0; i < 500 && mock_posts(mock, seen, CONNS) < CONNS; i++)
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	test_busy();
	rig_stop(&rig, cas, 2);
	for (int i = 0; i < CONNS; i++) {
		lost += was_done[i] && calls[i].result == CA_LOST;
		ca_call_done(&calls[i]);
	}
	is_int(lost, CONNS, "mock: calls under way at the end are told to be lost");
}

int
main(void)
{
	struct ca *absent;
	char url[128];

	rig_start(&rig);
	log_init(LOG_ERROR, LOG_LOGFMT);
	mock = mock_start();
	ca = rig_ca(&rig, mock_url(mock, "/dir", url), NULL, on_directory, NULL);
	absent = rig_ca(&rig, "http://127.0.0.1:1/dir", NULL, NULL, NULL);
	rig_key_make(&rig, ca, KEY_P256, &key);
	test_first_call();
	test_nonces();
	test_endless_bad_nonce();
	test_retry_after();
	test_bodies();
	test_lost();
	test_unreachable();
	test_payloads();
	test_directory_404();
	test_directory_refresh();
	test_circuit();
	test_many();
	test_many_without_nonce();
	test_absent(absent);
	ok(rig_calls_were_good(), "mock: every call was done once, on a worker");
	test_stop(absent);
	mock_stop(mock);
	rig_key_done(&key);
	return done_testing();
}
