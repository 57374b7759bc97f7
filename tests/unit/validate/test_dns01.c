/* dns-01 (RFC 8555 8.4) against a scripted DNS server: what proves, what does not, with which problem and in which words (V2). */
#include "net.h"
#include "flag.h"
#include "tap.h"
#include "validate/validate.h"

/* RFC 8555 8.4's token and the RSA key of RFC 7638 3.1 */
#define KEY_AUTH "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
#define DIGEST "ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8"
#define AT "_acme-challenge."

static struct names names;
static struct loop *loop;
static struct dns *dns, *nobody;
static struct addr dns_at;

static const struct name_row rows[] = {
	{ .name = AT "good.test", .txt = { DIGEST } },
	{ .name = AT "several.test", .txt = { "old", DIGEST, "v=spf1 -all" } },
	{ .name = AT "other.test", .txt = { "ztrx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8", DIGEST "=" } },
	{ .name = AT "key-auth.test", .txt = { KEY_AUTH } },
	{ .name = AT "quoted.test", .txt = { "\"" DIGEST "\"" } },
	{ .name = AT "padded.test", .txt = { DIGEST " " } },
	{ .name = AT "empty.test", .v4 = "127.0.0.1" },
	{ .name = AT "fail.test", .rcode = 2 },
	{ .name = AT "refused.test", .rcode = 5 },
	{ .name = AT "silent.test", .rcode = -1 },
	{ .name = AT "forged.test", .txt = { DIGEST }, .forged = true },
	{ .name = "bare.test", .txt = { DIGEST } },
	{ .name = "_ujmmovf2vn55tgye." AT "own.test", .txt = { DIGEST } }, /* the draft's label for the URL below */
	{ .name = "_ujmmovf2vn55tgye." AT "good.test", .txt = { "x" } },
};

static const struct {
	const char *name;
	enum problem_kind want; /* PROBLEM_NONE = proven */
	const char *detail, *what;
} cases[] = {
	{ "good.test", PROBLEM_NONE, "", "one record, the digest" },
	{ "several.test", PROBLEM_NONE, "", "the digest among others" },
	{ "other.test", PROBLEM_UNAUTHORIZED, AT "other.test: none of 2 TXT records is the digest of this challenge's key authorization",
		"another case, or with padding" },
	{ "key-auth.test", PROBLEM_UNAUTHORIZED, "(one is the key authorization itself; its SHA-256 in base64url is expected)",
		"the key authorization itself" },
	{ "quoted.test", PROBLEM_UNAUTHORIZED, "(one has it between quotation marks)", "with quotation marks" },
	{ "padded.test", PROBLEM_UNAUTHORIZED, "none of 1 TXT records", "with a blank behind" },
	{ "empty.test", PROBLEM_UNAUTHORIZED, "\"_acme-challenge.empty.test\" has no TXT record", "a name without a TXT record" },
	{ "bare.test", PROBLEM_DNS, "no such name in the DNS: \"_acme-challenge.bare.test\" (NXDOMAIN)", "the record at the name itself" },
	{ "fail.test", PROBLEM_DNS, "(SERVFAIL)", "SERVFAIL" },
	{ "refused.test", PROBLEM_DNS, "(REFUSED)", "REFUSED" },
	{ "silent.test", PROBLEM_DNS, "(time-out)", "silence" },
	{ "forged.test", PROBLEM_DNS, "(time-out)", "answers with a wrong id, whatever they say" },
};

static struct flag done = FLAG;

static void
on_done(struct validation *v)
{
	(void)v;
	flag_raise(&done);
}

static void (*start)(struct validation *v) = dns01_start;

static void
validate(const char *name, struct dns *by, const struct addr *resolver, struct validation *v)
{
	struct validate_env env = { .loop = loop, .dns = by };

	*v = (struct validation){ .key_auth = KEY_AUTH, .account_url = "https://example.com/acme/acct/ExampleAccount", .resolvers = resolver, .resolver_count = resolver ? 1 : 0, .timeout_ms = 700,
		.done = on_done, .env = &env };
	snprintf(v->ident.value, sizeof(v->ident.value), "%s", name);
	start(v);
	flag_wait(&done, 1);
}

static void
test_account(void)
{
	struct validation v;

	start = dnsaccount01_start;
	validate("own.test", dns, NULL, &v);
	ok(v.proven, "dns-account-01: the record at the account's own label");
	validate("good.test", dns, NULL, &v);
	ok(!v.proven && v.problem.kind == PROBLEM_UNAUTHORIZED && strstr(v.problem.detail, "_ujmmovf2vn55tgye._acme-challenge.good.test"),
		"not that of dns-01: %s", v.problem.detail);
	start = dns01_start;
	validate("own.test", dns, NULL, &v);
	ok(!v.proven && v.problem.kind == PROBLEM_DNS, "dns-01: not at the account's label");
}

/* ---- a thousand at once, on the one loop ---- */

static void
test_thousand(void)
{
	struct validate_env env = { .loop = loop, .dns = dns };
	struct validation *all = xcalloc(1000, sizeof(*all));
	unsigned proven = 0;

	for (size_t i = 0; i < 1000; i++) {
		all[i] = (struct validation){ .ident = { .value = "good.test" }, .key_auth = KEY_AUTH, .timeout_ms = 60000, .done = on_done, .env = &env };
		dns01_start(&all[i]);
	}
	flag_wait(&done, 1000);
	for (size_t i = 0; i < 1000; i++)
		proven += all[i].proven;
	is_int(proven, 1000, "a thousand validations at once, without a thread for each");
	free(all);
}

int
main(void)
{
	struct addr closed = { .family = AF_INET, .octet = { 127, 0, 0, 1 }, .port = 1 };
	struct validation v;
	char longest[250];

	dns_at = names_start(&names, rows, COUNT_OF(rows));
	loop = loop_new("outbound");
	dns = dns_new(loop, &dns_at, 1);
	nobody = dns_new(loop, &closed, 1);
	loop_start(loop);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		validate(cases[i].name, dns, NULL, &v);
		ok(v.proven == (cases[i].want == PROBLEM_NONE) && v.problem.kind == cases[i].want && !v.final, "%s", cases[i].what);
		ok(strstr(v.problem.detail, cases[i].detail), "\"%s\"", v.problem.detail);
	}
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	validate(longest, dns, NULL, &v);
	ok(!v.proven && v.problem.kind == PROBLEM_DNS, "a name that leaves no room for the label in front");
	validate("good.test", nobody, NULL, &v);
	ok(!v.proven && v.problem.kind == PROBLEM_DNS, "nobody to ask: %s", v.problem.detail);
	validate("good.test", nobody, &dns_at, &v);
	ok(v.proven, "the profile's resolvers are asked instead of the gateway's");
	test_account();
	test_thousand();
	loop_stop(loop);
	loop_join(loop);
	dns_free(dns);
	dns_free(nobody);
	loop_free(loop);
	names_stop(&names);
	return done_testing();
}
