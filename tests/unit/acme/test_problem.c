/* test_problem.c - problem documents: written for devices, read from CAs in all the forms they
 * come. */
#include "acme/problem_json.h"

#include "tap.h"

#define URN "urn:ietf:params:acme:error:"

static void
test_write(void)
{
	struct problem pr = {
		.kind = PROBLEM_NOT_FOUND, .detail = "no \"such\" order\n", .cause = "secret cause"
	};
	struct acme_subproblem subs[2] = {
		{ { .kind = PROBLEM_REJECTED_IDENTIFIER, .detail = "not yours" },
			{ IDENT_DNS, "a.test" } },
		{ { .kind = PROBLEM_CAA, .detail = "no" }, { 0 } },
	};
	struct problem_more more = { .subs = subs,
		.sub_count = 2,
		.algorithms_json = "[\"ES256\"]",
		.instance = "https://gw.test/terms" };
	AUTO_BUF out = BUF_MAX(4096);
	AUTO_BUF small = BUF_MAX(20);

	ok(problem_json(&out, &pr, NULL), "a problem is written");
	is_str(buf_cstr(&out),
		"{\"type\":\"" URN
		"malformed\",\"detail\":\"no \\\"such\\\" order\\n\",\"status\":404}",
		"type, detail, status; never the cause");
	buf_clear(&out);
	pr.kind = PROBLEM_BAD_SIGNATURE_ALGORITHM;
	ok(problem_json(&out, &pr, &more), "a problem with all that may go with it is written");
	ok(strstr(buf_cstr(&out), "\"algorithms\":[\"ES256\"]") != NULL, "algorithms");
	ok(strstr(buf_cstr(&out), "\"instance\":\"https://gw.test/terms\"") != NULL, "instance");
	ok(strstr(buf_cstr(&out),
		   "\"subproblems\":[{\"type\":\"" URN
		   "rejectedIdentifier\",\"detail\":\"not yours\","
		   "\"status\":400,\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"}},"
		   "{\"type\":\"" URN "caa\",\"detail\":\"no\",\"status\":403}]") != NULL,
		"sub-problems, with an identifier where there is one");
	ok(!problem_json(&small, &pr, NULL), "a full buffer is told");
}

static const struct {
	const char *name, *body;
	int status;
	enum problem_kind want;
	const char *detail;
} cases[] = {
	{ "registered type", "{\"type\":\"" URN "badCSR\",\"detail\":\"weak\"}", 400,
		PROBLEM_BAD_CSR, "weak" },
	{ "type and status choose the row", "{\"type\":\"" URN "malformed\",\"detail\":\"x\"}", 404,
		PROBLEM_NOT_FOUND, "x" },
	{ "unauthorized 401", "{\"type\":\"" URN "unauthorized\",\"detail\":\"x\"}", 401,
		PROBLEM_ACCOUNT_NOT_VALID, "x" },
	{ "rateLimited 503",
		"{\"type\":\"" URN "rateLimited\",\"detail\":\"Service busy; retry later.\"}", 503,
		PROBLEM_OVERLOADED, "Service busy; retry later." },
	{ "rateLimited with a strange status", "{\"type\":\"" URN "rateLimited\",\"detail\":\"x\"}",
		403, PROBLEM_RATE_LIMITED, "x" },
	{ "badNonce", "{\"type\":\"" URN "badNonce\",\"detail\":\"x\"}", 400, PROBLEM_BAD_NONCE,
		"x" },
	{ "legacy URN", "{\"type\":\"urn:acme:error:badCSR\",\"detail\":\"x\"}", 400,
		PROBLEM_BAD_CSR, "x" },
	{ "type without URN is none of ours", "{\"type\":\"badCSR\",\"detail\":\"x\"}", 403,
		PROBLEM_UNAUTHORIZED, "x" },
	{ "type in other letter case is none of ours",
		"{\"type\":\"" URN "BadCSR\",\"detail\":\"x\"}", 400, PROBLEM_MALFORMED, "x" },
	{ "unregistered type", "{\"type\":\"" URN "conflict\",\"detail\":\"x\"}", 409,
		PROBLEM_CONFLICT, "x" },
	{ "about:blank", "{\"type\":\"about:blank\",\"title\":\"Too Many Requests\"}", 429,
		PROBLEM_RATE_LIMITED, "Too Many Requests" },
	{ "type a number, detail an object", "{\"type\":5,\"detail\":{},\"status\":\"x\"}", 404,
		PROBLEM_NOT_FOUND, "no detail was given" },
	{ "status member differs from the reply's",
		"{\"type\":\"" URN "malformed\",\"detail\":\"x\",\"status\":404}", 400,
		PROBLEM_MALFORMED, "x" },
	{ "sub-problems not an array",
		"{\"type\":\"" URN "caa\",\"detail\":\"x\",\"subproblems\":{\"a\":1}}", 403,
		PROBLEM_CAA, "x" },
	{ "another JSON object", "{\"message\":\"Missing Authentication Token\"}", 403,
		PROBLEM_UNAUTHORIZED, "no detail was given" },
	{ "a bare JSON string", "\"Invalid\\u0007 domain\"", 400, PROBLEM_MALFORMED,
		"Invalid  domain" },
	{ "an empty JSON string", "\"\"", 400, PROBLEM_MALFORMED,
		"the CA answered with status 400" },
	{ "a JSON array", "[1,2]", 500, PROBLEM_SERVER_INTERNAL,
		"the CA answered with status 500" },
	{ "HTML", "<html><body>\"503\"</body></html>", 503, PROBLEM_OVERLOADED,
		"the CA answered with status 503" },
	{ "nothing", "", 504, PROBLEM_SERVER_INTERNAL, "the CA answered with status 504" },
	{ "truncated JSON", "{\"type\":\"" URN "caa\"", 403, PROBLEM_UNAUTHORIZED,
		"the CA answered with status 403" },
	{ "a detail with line breaks", "{\"type\":\"" URN "caa\",\"detail\":\"a\\r\\nb\\u007fc\"}",
		403, PROBLEM_CAA, "a  b c" },
	{ "an unexpected redirect", "", 302, PROBLEM_SERVER_INTERNAL,
		"the CA answered with status 302" },
};

static void
test_read(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct acme_problem p;

		acme_problem_read(span_str(cases[i].body), cases[i].status, &p);
		ok(p.problem.kind == cases[i].want && p.status == cases[i].status &&
				strcmp(p.problem.detail, cases[i].detail) == 0,
			"problem read: %s", cases[i].name);
		if (p.problem.kind != cases[i].want ||
			strcmp(p.problem.detail, cases[i].detail) != 0)
			printf("#  got kind %d, detail %s\n", (int)p.problem.kind,
				p.problem.detail);
		acme_problem_done(&p);
	}
}

static void
test_parts(void)
{
	static const char body[] =
		"{\"type\":\"" URN
		"compound\",\"detail\":\"several\",\"instance\":\"https://ca.test/why\","
		"\"algorithms\":[\"ES256\",7,\"RS256\"],\"subproblems\":[5,"
		"{\"type\":\"" URN
		"caa\",\"detail\":\"one\",\"identifier\":{\"type\":\"dns\",\"value\":\"A.test\"}},"
		"{\"type\":\"" URN
		"malformed\",\"status\":404,\"identifier\":{\"type\":\"email\",\"value\":\"x\"}},"
		"{\"type\":[],\"identifier\":\"a.test\"}]}";
	struct acme_problem p;

	acme_problem_read(span_str(body), 403, &p);
	is_int(p.problem.kind, PROBLEM_COMPOUND, "a compound problem is read");
	is_str(p.type, URN "compound", "its type is kept as sent");
	is_str(p.instance, "https://ca.test/why", "instance is read");
	is_str(p.algorithms, "ES256 RS256", "algorithms are read, others than strings left out");
	is_int(p.sub_count, 3, "sub-problems that are no objects are left out");
	is_str(p.subs[0].ident.value, "a.test",
		"the identifier of a sub-problem is read, in lower case");
	is_int(p.subs[0].problem.kind, PROBLEM_CAA, "and its kind");
	is_int(p.subs[1].problem.kind, PROBLEM_NOT_FOUND, "its own status counts");
	is_str(p.subs[1].ident.value, "", "an identifier of a foreign type is left out");
	is_str(p.subs[2].ident.value, "", "an identifier that is a string is left out");
	acme_problem_done(&p);
}

static void
test_bounds(void)
{
	AUTO_BUF body = BUF_MAX(256 * 1024);
	struct acme_problem p;

	buf_adds(&body, "{\"type\":\"" URN "caa\",\"detail\":\"");
	for (int i = 0; i < 300; i++)
		buf_adds(&body, "\xc3\xa9");
	buf_adds(&body, "\xe2\x82\xac\",\"subproblems\":[");
	for (int i = 0; i < 150; i++)
		buf_adds(&body, i ? ",{\"detail\":\"s\"}" : "{\"detail\":\"s\"}");
	buf_adds(&body, "]}");
	acme_problem_read(buf_span(&body), 403, &p);
	is_int(strlen(p.problem.detail), 512, "a detail is cut at 512 octets");
	is_int(p.sub_count, 100, "at most 100 sub-problems are read");
	acme_problem_done(&p);

	buf_clear(&body);
	buf_adds(&body, "{\"type\":\"" URN "caa\",\"detail\":\"x");
	for (int i = 0; i < 256; i++)
		buf_adds(&body, "\xc3\xa9");
	buf_adds(&body, "\"}");
	acme_problem_read(buf_span(&body), 403, &p);
	is_int(strlen(p.problem.detail), 511, "and never within a character");
	acme_problem_done(&p);

	buf_clear(&body);
	buf_adds(&body, "{\"type\":\"" URN "caa\",\"x\":\"");
	while (body.n < ACME_PROBLEM_MAX_BYTES)
		buf_adds(&body, "0123456789abcdef0123456789abcdef");
	buf_adds(&body, "\"}");
	acme_problem_read(buf_span(&body), 403, &p);
	is_int(p.problem.kind, PROBLEM_UNAUTHORIZED,
		"a body over 64 KiB is not read as a problem document");
	acme_problem_done(&p);
}

int
main(void)
{
	test_write();
	test_read();
	test_parts();
	test_bounds();
	return done_testing();
}
