/* CAA (RFC 8659, RFC 8657): the table of cases, each value that the grammar does not know, and the way up the tree. */
#include "net.h"
#include "flag.h"
#include "tap.h"
#include "validate/caa.h"

#define OURS "https://gate.test/acct/me"
#define THEIRS "https://gate.test/acct/other"

enum { NO, YES };

static const struct {
	const char *records[4]; /* "FLAGS TAG VALUE" */
	int host, wild;         /* allowed? */
	const char *what;
} cases[] = {
	{ { "0 issue ca.test" }, YES, YES, "we are named" },
	{ { "0 issue other" }, NO, NO, "another is" },
	{ { "0 issue ;" }, NO, NO, "nobody is" },
	{ { "0 issue " }, NO, NO, "an empty value" },
	{ { "0 issue ;", "0 issue ca.test" }, YES, YES, "nobody, and we" },
	{ { "0 issue other", "0 issue second.test" }, YES, YES, "our second name" },
	{ { "0 issue %%%%%" }, NO, NO, "no name at all" },
	{ { "0 issue ca.test." }, NO, NO, "a final dot" },
	{ { "0 issue -ca.test" }, NO, NO, "a hyphen in front" },
	{ { "0 issue ca..test" }, NO, NO, "an empty label" },
	{ { "0 issue sub.ca.test" }, NO, NO, "a name below ours" },
	{ { "0 issue ca.test other" }, NO, NO, "two names" },
	{ { "0 issuewild ca.test" }, YES, YES, "issuewild for us alone" },
	{ { "0 issuewild other" }, YES, NO, "issuewild for another alone" },
	{ { "0 issue ca.test", "0 issuewild ;" }, YES, NO, "wildcards for nobody" },
	{ { "0 issue other", "0 issuewild ca.test" }, NO, YES, "wildcards for us" },
	{ { "0 issuewild %" }, YES, NO, "issuewild that is no name" },
	{ { "0 iodef mailto:a@b" }, YES, YES, "iodef alone" },
	{ { "128 iodef mailto:a@b" }, YES, YES, "iodef, critical" },
	{ { "0 tbs x" }, YES, YES, "an unknown property" },
	{ { "128 tbs x" }, NO, NO, "an unknown property, critical" },
	{ { "128 tbs x", "0 issue ca.test" }, NO, NO, "the same beside one that names us" },
	{ { "1 tbs x" }, YES, YES, "another bit of the flags" },
	{ { "128 issue ca.test" }, YES, YES, "issue, critical" },
	{ { "0 ISSUE CA.TEST" }, YES, YES, "in capitals" },
	{ { "0 issue  \t ca.test \t ; " }, YES, YES, "blanks around" },
	{ { "0 issue ca.test; accounturi=" OURS }, YES, YES, "our account" },
	{ { "0 issue ca.test; AccountURI=" OURS }, YES, YES, "its tag in capitals" },
	{ { "0 issue ca.test; accounturi=" THEIRS }, NO, NO, "another account" },
	{ { "0 issue ca.test; accounturi=" THEIRS, "0 issue ca.test; accounturi=" OURS }, YES, YES, "a record for each" },
	{ { "0 issue ca.test; accounturi=" OURS "; accounturi=" OURS }, NO, NO, "our account twice" },
	{ { "0 issue ca.test; accounturi=" }, NO, NO, "no account" },
	{ { "0 issue other; accounturi=" OURS }, NO, NO, "our account at another issuer" },
	{ { "0 issue ca.test; validationmethods=http-01" }, YES, YES, "the method that was used" },
	{ { "0 issue ca.test; validationmethods=dns-01,http-01" }, YES, YES, "among others" },
	{ { "0 issue ca.test; validationmethods=dns-01" }, NO, NO, "another method" },
	{ { "0 issue ca.test; validationmethods=" }, NO, NO, "no method" },
	{ { "0 issue ca.test; validationmethods=http-01," }, NO, NO, "a comma behind" },
	{ { "0 issue ca.test; validationmethods=http-01,a_b" }, NO, NO, "a label that is none" },
	{ { "0 issue ca.test; validationmethods=http-01; validationmethods=http-01" }, NO, NO, "methods twice" },
	{ { "0 issue ca.test; accounturi=" OURS "; validationmethods=http-01" }, YES, YES, "account and method" },
	{ { "0 issue ca.test; accounturi=" OURS "; validationmethods=dns-01" }, NO, NO, "account, but not method" },
	{ { "0 issue ca.test; x=y" }, YES, YES, "a parameter of others" },
	{ { "0 issue ca.test;x = y ;z=\t1" }, YES, YES, "blanks in parameters" },
	{ { "0 issue ca.test; x" }, NO, NO, "a parameter without a value" },
	{ { "0 issue ca.test; x=y;" }, NO, NO, "a semicolon behind the last" },
	{ { "0 issue ca.test; x=a b" }, NO, NO, "a blank in a value" },
	{ { "0 issue ca.test; -x=y" }, NO, NO, "a tag with a hyphen in front" },
	{ { "0 issue ca.test; =y" }, NO, NO, "a value without a tag" },
};

static char *issuer_list[] = { "ca.test", "second.test" };
static const struct conf_strings issuers = { .list = issuer_list, .count = 2 };

static bool
judge(const char *const *records, bool wildcard, struct problem *pr)
{
	static char data[4][512];
	struct span rdata[4];
	size_t n = 0;
	const struct caa_ask ask = { "device.corp.test", wildcard, &issuers, OURS, "http-01" };

	for (; n < 4 && records[n]; n++)
		rdata[n] = span_of(data[n], names_caa_rdata(records[n], data[n]));
	return caa_judge(rdata, n, "corp.test", &ask, pr);
}

static void
test_table(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		for (int wild = 0; wild < 2; wild++) {
			struct problem pr = { 0 };
			bool want = (wild ? cases[i].wild : cases[i].host) == YES;

			ok(judge(cases[i].records, wild, &pr) == want && pr.kind == (want ? PROBLEM_NONE : PROBLEM_CAA), "%s: %s for a %s",
				cases[i].what, want ? "allowed" : "refused", wild ? "wildcard" : "host");
		}
	}
}

static void
test_rdata(void)
{
	static const struct {
		const char *octets;
		size_t n;
		const char *what;
	} rows[] = { { "", 0, "no octet" }, { "\0", 1, "flags alone" }, { "\0\0", 2, "no tag" }, { "\0\6issue", 7, "a tag that is cut off" } };
	const struct caa_ask ask = { "device.corp.test", false, &issuers, OURS, "http-01" };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct span both[] = { span_of("\0\5issueca.test", 14), span_of(rows[i].octets, rows[i].n) };
		struct problem pr = { 0 };

		ok(!caa_judge(both, 2, "corp.test", &ask, &pr) && pr.kind == PROBLEM_CAA, "%s forbids: %s", rows[i].what, pr.detail);
	}
}

/* ---- up the tree ---- */

static const struct name_row rows[] = {
	{ .name = "own.corp.test", .caa = { "0 issue ca.test" } },
	{ .name = "denied.corp.test", .caa = { "0 issue other" } },
	{ .name = "below.corp.test", .v4 = "127.0.0.1" },
	{ .name = "corp.test", .caa = { "0 issue second.test" } },
	{ .name = "free.test", .v4 = "127.0.0.1" },
	{ .name = "fail.corp.test", .rcode = 2 },
	{ .name = "silent.corp.test", .rcode = -1 },
	{ .name = "x.foreign", .v4 = "127.0.0.1" },
	{ .name = "foreign", .caa = { "0 issue other" } },
	{ .name = "test", .v4 = "127.0.0.1" },
};

static const struct {
	const char *name;
	enum problem_kind want;
	const char *detail, *what;
} climbs[] = {
	{ "own.corp.test", PROBLEM_NONE, "", "records at the name itself" },
	{ "denied.corp.test", PROBLEM_CAA, "the CAA records at \"denied.corp.test\" do not allow a certificate for \"denied.corp.test\" from here",
		"they count before those above" },
	{ "below.corp.test", PROBLEM_NONE, "", "records above it" },
	{ "a.b.nowhere.corp.test", PROBLEM_NONE, "", "names that are not there have none" },
	{ "a.denied.corp.test", PROBLEM_CAA, "at \"denied.corp.test\"", "the first records on the way up count" },
	{ "free.test", PROBLEM_NONE, "", "no records up to the top" },
	{ "x.foreign", PROBLEM_CAA, "at \"foreign\"", "the top level is asked, too" },
	{ "fail.corp.test", PROBLEM_DNS, "CAA of \"fail.corp.test\": the name server failed", "SERVFAIL at the name, records above: refused" },
	{ "x.fail.corp.test", PROBLEM_DNS, "(SERVFAIL)", "SERVFAIL on the way up: refused" },
	{ "silent.corp.test", PROBLEM_DNS, "(time-out)", "silence: refused" },
};

static struct flag done = FLAG;

static void
on_done(struct caa_check *c)
{
	(void)c;
	flag_raise(&done);
}

static struct caa_check
check(const char *name, struct dns *by, const struct addr *resolver)
{
	struct caa_check c = { .ask = { name, false, &issuers, OURS, "http-01" }, .dns = by, .resolvers = resolver,
		.resolver_count = resolver ? 1 : 0, .timeout_ms = 700, .done = on_done };

	caa_start(&c);
	flag_wait(&done, 1);
	return c;
}

static void
test_climbs(void)
{
	struct names names;
	struct addr at = names_start(&names, rows, COUNT_OF(rows)), closed = { .family = AF_INET, .octet = { 127, 0, 0, 1 }, .port = 1 };
	struct loop *loop = loop_new("outbound");
	struct dns *dns = dns_new(loop, &at, 1), *nobody = dns_new(loop, &closed, 1);
	struct caa_check c;

	loop_start(loop);
	for (size_t i = 0; i < COUNT_OF(climbs); i++) {
		c = check(climbs[i].name, dns, NULL);
		ok(c.allowed == (climbs[i].want == PROBLEM_NONE) && c.problem.kind == climbs[i].want, "%s", climbs[i].what);
		ok(strstr(c.problem.detail, climbs[i].detail), "\"%s\"", c.problem.detail);
	}
	c = check("own.corp.test", nobody, NULL);
	ok(!c.allowed && c.problem.kind == PROBLEM_DNS, "nobody to ask: refused");
	c = check("own.corp.test", nobody, &at);
	ok(c.allowed, "the profile's resolvers are asked instead of the gateway's");
	loop_stop(loop);
	loop_join(loop);
	dns_free(dns);
	dns_free(nobody);
	loop_free(loop);
	names_stop(&names);
}

int
main(void)
{
	test_table();
	test_rdata();
	test_climbs();
	return done_testing();
}
