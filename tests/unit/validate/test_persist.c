/* dns-persist-01 (draft-ietf-acme-dns-persist-01, V30): the record's text, and where it is looked for. */
#include "flag.h"
#include "net.h"
#include "tap.h"
#include "validate/persist.h"
#include "validate/validate.h"

#define OURS "https://gate.test/acct/me"
#define THEIRS "https://gate.test/acct/you"
#define NOW 1800000000
#define US "pki.corp.test; accounturi=" OURS

static char *issuer_list[] = { "pki.corp.test", "Second.test" };
static const struct conf_strings issuers = { .list = issuer_list, .count = 2 };

/* ---- the text ---- */

#define NONE PERSIST_NONE, 0, ""
#define GOOD PERSIST_PROVEN, PROBLEM_NONE, ""
#define BAD(words) PERSIST_REFUSED, PROBLEM_MALFORMED, words
#define NOT(words) PERSIST_REFUSED, PROBLEM_UNAUTHORIZED, words

static const struct {
	const char *records[3];
	bool wide;
	enum persist_verdict want;
	enum problem_kind kind;
	const char *words, *what;
	int64_t until;
} texts[] = {
	{ { US }, false, GOOD, "issuer and account", PERSIST_FOREVER },
	{ { "PKI.Corp.Test ;AccountURI =\t" OURS " " }, false, GOOD, "case and blanks", PERSIST_FOREVER },
	{ { "pki.corp.test.; accounturi=" OURS }, false, GOOD, "a final dot", PERSIST_FOREVER },
	{ { "second.test; accounturi=" OURS }, false, GOOD, "our second name", PERSIST_FOREVER },
	{ { US "; foo=bar; foo=baz" }, false, GOOD, "parameters of others", PERSIST_FOREVER },
	{ { US "; policy=wildcard" }, false, GOOD, "policy=wildcard for the name itself", PERSIST_FOREVER },
	{ { US "; policy=other" }, false, GOOD, "another policy is none", PERSIST_FOREVER },
	{ { US "; policy=wildcard" }, true, GOOD, "policy=wildcard for more", PERSIST_FOREVER },
	{ { US "; POLICY=WildCard" }, true, GOOD, "in capitals", PERSIST_FOREVER },
	{ { US }, true, NOT("needs policy=wildcard"), "no policy for more", 0 },
	{ { US "; policy=wildcards" }, true, NOT("needs policy=wildcard"), "another policy for more", 0 },
	{ { US "; policy=" }, true, NOT("needs policy=wildcard"), "an empty policy for more", 0 },
	{ { US "; persistUntil=1800000000" }, false, GOOD, "its last second", NOW },
	{ { US "; persistuntil=1800000001" }, false, GOOD, "one more", NOW + 1 },
	{ { US "; persistUntil=1799999999" }, false, NOT("past its persistUntil"), "a second ago", 0 },
	{ { US "; persistUntil=9223372036854775807" }, false, GOOD, "the last second there is", INT64_MAX },
	{ { US "; persistUntil=9223372036854775808" }, false, BAD("no number of seconds"), "beyond it", 0 },
	{ { US "; persistUntil=-1" }, false, BAD("no number of seconds"), "a sign", 0 },
	{ { US "; persistUntil=1.9e9" }, false, BAD("no number of seconds"), "no integer", 0 },
	{ { US "; persistUntil=2030-01-01" }, false, BAD("no number of seconds"), "a date", 0 },
	{ { US "; persistUntil=" }, false, BAD("no number of seconds"), "no time at all", 0 },
	{ { US "; persistUntil=1900000000; persistUntil=1900000000" }, false, BAD("persistUntil twice"), "persistUntil twice", 0 },
	{ { US "; policy=wildcard; Policy=wildcard" }, false, BAD("policy twice"), "policy twice", 0 },
	{ { US "; accounturi=" OURS }, false, BAD("accounturi twice"), "accounturi twice", 0 },
	{ { "pki.corp.test; accounturi=; accounturi=" OURS }, false, BAD("accounturi twice"), "the first of them empty", 0 },
	{ { "pki.corp.test" }, false, BAD("has no accounturi"), "an issuer alone", 0 },
	{ { "pki.corp.test; policy=wildcard" }, false, BAD("has no accounturi"), "no account", 0 },
	{ { US ";" }, false, BAD("last semicolon"), "a semicolon behind", 0 },
	{ { "pki.corp.test;; accounturi=" OURS }, false, BAD("not TAG=VALUE"), "an empty parameter", 0 },
	{ { US "; policy" }, false, BAD("not TAG=VALUE"), "a parameter without a value", 0 },
	{ { US " policy=wildcard" }, false, BAD("not TAG=VALUE"), "a blank instead of a semicolon", 0 },
	{ { "pki.corp.test; accounturi=\"" OURS "\"" }, false, NOT("another account"), "the account in quotation marks", 0 },
	{ { "pki.corp.test; accounturi=" }, false, NOT("another account"), "an empty account", 0 },
	{ { "pki.corp.test; accounturi=" THEIRS }, false, NOT("another account"), "another account", 0 },
	{ { "pki.corp.test; accounturi=" OURS "/" }, false, NOT("another account"), "a slash behind", 0 },
	{ { "pki.corp.test; accounturi=HTTPS://gate.test/acct/me" }, false, NOT("another account"), "another case", 0 },
	{ { "other.test; accounturi=" OURS }, false, NONE, "another issuer", 0 },
	{ { "sub.pki.corp.test; accounturi=" OURS }, false, NONE, "a name below ours", 0 },
	{ { "pki.corp.test..; accounturi=" OURS }, false, NONE, "two dots behind", 0 },
	{ { "; accounturi=" OURS }, false, NONE, "no issuer", 0 },
	{ { "pki corp test; accounturi=" OURS }, false, NONE, "no name", 0 },
	{ { "pki.corp.test accounturi=" OURS }, false, NONE, "no semicolon behind the issuer", 0 },
	{ { "other.test; ;;" }, false, NONE, "another issuer's broken record", 0 },
	{ { "" }, false, NONE, "an empty text", 0 },
	{ { "v=spf1 -all", "other.test; accounturi=x", US }, false, GOOD, "ours among others", PERSIST_FOREVER },
	{ { "pki.corp.test; accounturi=" THEIRS, US }, false, GOOD, "a record for each account", PERSIST_FOREVER },
	{ { "pki.corp.test;;", US }, false, GOOD, "a broken one and a good one", PERSIST_FOREVER },
	{ { US "; persistUntil=1900000000", US "; persistUntil=1950000000", US "; persistUntil=1910000000" }, false, GOOD,
		"the one that lasts longest counts", 1950000000 },
	{ { "pki.corp.test;;", "pki.corp.test; accounturi=" THEIRS }, false, BAD("TAG=VALUE"), "the first that names us tells why", 0 },
	{ { "pki.corp.test; accounturi=" THEIRS, "pki.corp.test;;" }, false, NOT("another account"), "the other way round", 0 },
};

/* One character-string of up to 100 octets after the other. */
static struct span
rdata_of(const char *text, char *dst)
{
	size_t n = strlen(text), out = 0;

	for (size_t i = 0; i < n || out == 0; i += 100) {
		size_t part = n - i < 100 ? n - i : 100;

		dst[out++] = (char)part;
		memcpy(dst + out, text + i, part);
		out += part;
	}
	return span_of(dst, out);
}

static void
test_texts(void)
{
	char room[3][512];
	struct span rdata[3];

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct persist_ask ask = { &issuers, OURS, texts[i].wide, NOW };
		struct problem pr = { 0 };
		int64_t until = 0;
		size_t n = 0;

		for (; n < 3 && texts[i].records[n]; n++)
			rdata[n] = rdata_of(texts[i].records[n], room[n]);
		ok(persist_judge(rdata, n, "_validation-persist.device.test", &ask, &until, &pr) == texts[i].want && pr.kind == texts[i].kind,
			"%s", texts[i].what);
		ok(strstr(pr.detail, texts[i].words) && !strstr(pr.detail, "you"), "\"%s\"", pr.detail);
		is_int(until, texts[i].until, "until then");
	}
}

static void
test_rdata(void)
{
	struct persist_ask ask = { &issuers, OURS, false, NOW };
	struct problem pr = { 0 };
	char large[6000], nul[] = "\x0epki.corp.test\0";
	int64_t until = 0;
	struct span rdata[] = { span_of("", 0), span_of("\x7fpki", 4), span_of(nul, sizeof(nul) - 1), span_of(large, sizeof(large)) };

	for (size_t i = 0; i < sizeof(large); i += 250) {
		memset(large + i, 'x', 250);
		large[i] = (char)249;
	}
	for (size_t i = 0; i < COUNT_OF(rdata); i++)
		ok(persist_judge(&rdata[i], 1, "a.test", &ask, &until, &pr) == PERSIST_NONE, "octets that are no text, or too long a one, name nobody");
}

/* ---- the look-ups ---- */

#define AT "_validation-persist."
static const struct name_row rows[] = {
	{ .name = AT "good.test", .txt = { US } },
	{ .name = AT "until.test", .txt = { US "; persistUntil=4000000000" } },
	{ .name = AT "wide.corp.test", .txt = { US "; policy=wildcard" } },
	{ .name = AT "narrow.corp.test", .txt = { US } },
	{ .name = AT "gap.wide.corp.test", .txt = { "other.test; accounturi=" OURS } },
	{ .name = AT "taken.wide.corp.test", .txt = { "pki.corp.test; accounturi=" THEIRS } },
	{ .name = AT "broken.wide.corp.test", .txt = { "pki.corp.test;;" } },
	{ .name = AT "fail.wide.corp.test", .rcode = 2 },
	{ .name = AT "silent.wide.corp.test", .rcode = -1 },
	{ .name = AT "empty.wide.corp.test", .v4 = "127.0.0.1" },
	{ .name = AT "test", .txt = { US "; policy=wildcard" } },
	{ .name = "_acme-challenge.elsewhere.test", .txt = { US } },
};

static const struct {
	const char *name;
	bool wide;
	enum problem_kind want;
	const char *detail, *what;
} cases[] = {
	{ "good.test", false, PROBLEM_NONE, "", "the record at the name" },
	{ "good.test", true, PROBLEM_UNAUTHORIZED, AT "good.test: the record for this gateway is for that name alone", "for its wildcard" },
	{ "wide.corp.test", true, PROBLEM_NONE, "", "policy=wildcard, for the wildcard" },
	{ "host.wide.corp.test", false, PROBLEM_NONE, "", "for a name below" },
	{ "host.wide.corp.test", true, PROBLEM_NONE, "", "for a wildcard below" },
	{ "a.b.c.wide.corp.test", false, PROBLEM_NONE, "", "three labels below" },
	{ "gap.wide.corp.test", false, PROBLEM_NONE, "", "past another issuer's record" },
	{ "empty.wide.corp.test", false, PROBLEM_NONE, "", "past a name without TXT records" },
	{ "host.narrow.corp.test", false, PROBLEM_UNAUTHORIZED, AT "narrow.corp.test: the record for this gateway is for that name alone",
		"not without policy=wildcard" },
	{ "taken.wide.corp.test", false, PROBLEM_UNAUTHORIZED, AT "taken.wide.corp.test: the record for this gateway is for another account",
		"the nearest that names us decides" },
	{ "broken.wide.corp.test", false, PROBLEM_MALFORMED, AT "broken.wide.corp.test", "be it broken" },
	{ "fail.wide.corp.test", false, PROBLEM_DNS, "(SERVFAIL)", "a failure on the way up ends it" },
	{ "silent.wide.corp.test", false, PROBLEM_DNS, "(time-out)", "and so does silence" },
	{ "other.test", false, PROBLEM_UNAUTHORIZED, AT "other.test: no TXT record names this gateway", "a top level is nobody's" },
	{ "elsewhere.test", false, PROBLEM_UNAUTHORIZED, "no TXT record names this gateway", "a record at the name of dns-01" },
	{ "host", false, PROBLEM_UNAUTHORIZED, AT "host: no TXT record names this gateway", "a single label" },
	{ "a.a.a.a.a.a.a.a.a.a.a.a.wide.corp.test", false, PROBLEM_UNAUTHORIZED, "no TXT record", "a dozen look-ups, and no more" },
	{ "a.a.a.a.a.a.a.a.a.a.a.wide.corp.test", false, PROBLEM_NONE, "", "the twelfth is the last" },
};

static struct flag done = FLAG;

static void
on_done(struct validation *v)
{
	(void)v;
	flag_raise(&done);
}

static void
test_lookups(void)
{
	struct names names;
	struct addr at = names_start(&names, rows, COUNT_OF(rows));
	struct loop *loop = loop_new("outbound");
	struct validate_env env = { .loop = loop, .dns = dns_new(loop, &at, 1) };
	struct validation v;

	loop_start(loop);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		v = (struct validation){ .account_url = OURS, .issuers = &issuers, .wide = cases[i].wide, .timeout_ms = 700, .done = on_done, .env = &env };
		snprintf(v.ident.value, sizeof(v.ident.value), "%s", cases[i].name);
		dnspersist01_start(&v);
		flag_wait(&done, 1);
		ok(v.proven == (cases[i].want == PROBLEM_NONE) && v.problem.kind == cases[i].want && !v.final, "%s", cases[i].what);
		ok(strstr(v.problem.detail, cases[i].detail), "\"%s\"", v.problem.detail);
	}
	v = (struct validation){ .ident = { .value = "until.test" }, .account_url = OURS, .issuers = &issuers, .timeout_ms = 700, .done = on_done,
		.env = &env };
	dnspersist01_start(&v);
	flag_wait(&done, 1);
	ok(v.proven && v.until_unix_s == 4000000000, "a proof lasts as long as its record says");
	loop_stop(loop);
	loop_join(loop);
	dns_free(env.dns);
	loop_free(loop);
	names_stop(&names);
}

int
main(void)
{
	test_texts();
	test_rdata();
	test_lookups();
	return done_testing();
}
