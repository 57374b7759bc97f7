/* Rules over names: first match, default deny, wildcards, networks, profiles, and that many rules cost nothing. */
#include "policy/policy.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tap.h"

#define NAMES(...) .names = (const char *const[]){ __VA_ARGS__ }, .name_count = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)
#define FOR(...) .profiles = (const char *const[]){ __VA_ARGS__ }, .profile_count = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)

static struct policy_rule rules[] = {
	{ .name = "no-admin", .say = "admin names are made by hand", NAMES("admin.example.com", "secret.dev.example.com") },
	{ .name = "short", .allow = true, NAMES("*.short.example.com"), FOR("short", "shorter") },
	{ .name = "no-short", .say = "only by profile short", NAMES("*.short.example.com") },
	{ .name = "example", .allow = true, NAMES("*.Example.com", "example.net", "www.example.org") },
	{ .name = "lab", NAMES("10.1.0.0/16", "2001:db8:1::/48") },
	{ .name = "nets", .allow = true, NAMES("10.0.0.0/8", "192.0.2.7", "2001:db8::/33") },
	{ .name = "open", .allow = true, NAMES("*"), FOR("open") },
};

static const struct {
	const char *name, *profile, *rule;
	enum ident_type type;
	bool allow;
} cases[] = {
	{ "a.example.com", "default", "example", IDENT_DNS, true },
	{ "c.b.a.example.com", "default", "example", IDENT_DNS, true },
	{ "example.com", "default", NULL, IDENT_DNS, false },
	{ "badexample.com", "default", NULL, IDENT_DNS, false },
	{ "com", "default", NULL, IDENT_DNS, false },
	{ "example.net", "default", "example", IDENT_DNS, true },
	{ "a.example.net", "default", NULL, IDENT_DNS, false },
	{ "*.example.net", "default", NULL, IDENT_DNS, false },
	{ "admin.example.com", "default", "no-admin", IDENT_DNS, false },
	{ "x.admin.example.com", "default", "example", IDENT_DNS, true },
	{ "*.a.example.com", "default", "example", IDENT_DNS, true },
	{ "*.example.com", "default", "no-admin", IDENT_DNS, false },
	{ "*.dev.example.com", "default", "no-admin", IDENT_DNS, false },
	{ "*.com", "default", NULL, IDENT_DNS, false },
	{ "*.example.org", "default", NULL, IDENT_DNS, false },
	{ "*.admin.example.com", "default", "example", IDENT_DNS, true },
	{ "x.short.example.com", "short", "short", IDENT_DNS, true },
	{ "x.short.example.com", "shorter", "short", IDENT_DNS, true },
	{ "x.short.example.com", "default", "no-short", IDENT_DNS, false },
	{ "x.short.example.com", "Short", "no-short", IDENT_DNS, false },
	{ "short.example.com", "default", "example", IDENT_DNS, true },
	{ "10.2.3.4", "default", "nets", IDENT_IP, true },
	{ "10.1.3.4", "default", "lab", IDENT_IP, false },
	{ "11.2.3.4", "default", NULL, IDENT_IP, false },
	{ "192.0.2.7", "default", "nets", IDENT_IP, true },
	{ "192.0.2.8", "default", NULL, IDENT_IP, false },
	{ "2001:db8:2::1", "default", "nets", IDENT_IP, true },
	{ "2001:db8:1::1", "default", "lab", IDENT_IP, false },
	{ "2001:db8:8000::1", "default", NULL, IDENT_IP, false },
	{ "anything.test", "open", "open", IDENT_DNS, true },
	{ "203.0.113.1", "open", "open", IDENT_IP, true },
	{ "admin.example.com", "open", "no-admin", IDENT_DNS, false },
	{ "anything.test", "", NULL, IDENT_DNS, false },
};

static const char *const bad_patterns[] = { "", "*.", "*.*", "a.*.b", "**", "a..b", ".a", "a.", "-a.b", "a-.b", "a_b.c", "b\303\274cher.xn--bcher-kva.example", "xn--zzzzzzzzzzzzzzz99999.example", "xn--ls8h.example",
	"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "/8", "a/8", "a b", "a.b:443", "https://a.b",
	"a234567890123456789012345678901234567890123456789012345678901234.b" };

static struct ident
ident_of(enum ident_type type, const char *value)
{
	struct ident id = { .type = type };

	snprintf(id.value, sizeof(id.value), "%s", value);
	return id;
}

static void
test_cases(void)
{
	struct problem pr = { 0 };
	struct policy *p = NULL;

	ok(policy_new(rules, COUNT_OF(rules), &p, &pr), "the rules compile");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct ident id = ident_of(cases[i].type, cases[i].name);
		struct policy_verdict v = { 0 };
		bool all = policy_names(p, cases[i].profile, &id, 1, &v);

		ok(all == v.allow && v.allow == cases[i].allow &&
				(v.rule ? cases[i].rule && strcmp(v.rule, cases[i].rule) == 0 : !cases[i].rule),
			"%s by profile \"%s\" is %s by %s", cases[i].name, cases[i].profile,
			cases[i].allow ? "allowed" : "refused", cases[i].rule ? cases[i].rule : "default");
		ok(v.allow == !v.say, "  and %s", v.allow ? "nothing is said" : "the device is told why");
	}
	policy_free(p);
}

static void
test_set(void)
{
	struct ident ids[] = { ident_of(IDENT_DNS, "a.example.com"), ident_of(IDENT_DNS, "admin.example.com"),
		ident_of(IDENT_DNS, "example.com") };
	struct policy_verdict v[3];
	struct problem pr = { 0 };
	struct policy *p = NULL;

	ok(policy_new(rules, COUNT_OF(rules), &p, &pr), "the rules compile");
	ok(!policy_names(p, "default", ids, 3, v), "a set with a refused name is not allowed");
	ok(v[0].allow && !v[1].allow && !v[2].allow, "each identifier has its own verdict");
	is_str(v[1].say, "admin names are made by hand", "the rule's own words are said");
	is_str(v[2].say, "the policy of this gateway does not allow this identifier", "default deny has its words");
	ok(policy_names(p, "default", ids, 0, v), "an empty set is allowed");
	policy_free(p);
}

static void
test_refusals(void)
{
	char long_name[300], profile[600];
	struct problem pr = { 0 };
	struct policy *p = NULL;
	struct policy_rule rule = { .name = "x", .allow = true, NAMES("a.b") };

	for (size_t i = 0; i < COUNT_OF(bad_patterns); i++) {
		pr = (struct problem){ 0 };
		ok(!policy_pattern_check(bad_patterns[i], &pr) && pr.detail[0], "pattern \"%s\" is refused", bad_patterns[i]);
	}
	memset(long_name, 'a', sizeof(long_name));
	for (size_t i = 30; i < sizeof(long_name); i += 31)
		long_name[i] = '.';
	long_name[260] = '\0';
	ok(!policy_pattern_check(long_name, &pr), "a pattern longer than a name is refused");
	ok(policy_new(NULL, 0, &p, &pr), "no rules are a policy");
	struct ident id = ident_of(IDENT_DNS, "a.b");
	struct policy_verdict v;
	ok(!policy_names(p, "default", &id, 1, &v) && !v.rule, "that refuses everything");
	policy_free(p);
	rule.names = (const char *const[]){ "a.b", "c_d" };
	rule.name_count = 2;
	ok(!policy_new(&rule, 1, &p, &pr), "a bad pattern stops the compilation");
	memset(profile, 'p', sizeof(profile) - 1);
	profile[sizeof(profile) - 1] = '\0';
	rule.name_count = 1;
	rule.profiles = (const char *const[]){ profile };
	rule.profile_count = 1;
	ok(!policy_new(&rule, 1, &p, &pr), "an endless profile name is refused");
	rule.profile_count = 0;
	ok(policy_new(&rule, 1, &p, &pr) && policy_names(p, profile, &id, 1, &v), "an endless profile asked for does no harm");
	policy_free(p);
}

static void
test_many(void)
{
	enum { RULES = 10000, LOOKUPS = 20000 };
	struct policy_rule *many = xcalloc(RULES, sizeof(*many));
	const char **names = xcalloc(RULES, sizeof(*names));
	struct policy_verdict v;
	struct problem pr = { 0 };
	struct policy *p = NULL;
	int64_t began;
	bool right = true;

	for (int i = 0; i < RULES; i++) {
		names[i] = xasprintf(i % 2 ? "host-%d.example.com" : "*.zone-%d.example.com", i);
		many[i] = (struct policy_rule){ .name = names[i], .allow = true, .names = &names[i], .name_count = 1 };
	}
	ok(policy_new(many, RULES, &p, &pr), "ten thousand rules compile");
	began = clock_us();
	for (int i = 0; i < LOOKUPS; i++) {
		struct ident id = { .type = IDENT_DNS };
		int n = i % RULES;

		snprintf(id.value, sizeof(id.value), n % 2 ? "host-%d.example.com" : "a.b.zone-%d.example.com", n);
		right = policy_names(p, "default", &id, 1, &v) && strcmp(v.rule, names[n]) == 0 && right;
	}
	began = clock_us() - began;
	ok(right, "each name finds its rule");
	printf("# %d look-ups in %lld us\n", LOOKUPS, (long long)began);
	ok(began < LOOKUPS * 100LL, "a look-up costs microseconds");
	policy_free(p);
	for (int i = 0; i < RULES; i++)
		free((char *)names[i]);
	free(names);
	free(many);
}

static struct policy_rule device_rules[] = {
	{ .name = "stolen", NAMES("permanent-identifier:SN-13", "hardware-module:TPM-13/1.2.3", "permanent-identifier:SN-66/1.2") },
	{ .name = "one", .allow = true, NAMES("permanent-identifier:OTHER 1,2", "hardware-module:ABC/1.2.3") },
	{ .name = "ours", .allow = true, NAMES("permanent-identifier:SN-*") },
	{ .name = "apple", .allow = true, NAMES("hardware-module:*/1.2.840.113635.100.8.9.2", "permanent-identifier:C0*/1.2.840.113635") },
	{ .name = "phones", .allow = true, NAMES("permanent-identifier:*"), FOR("phones") },
	{ .name = "closed", NAMES("*"), FOR("closed") },
	{ .name = "late", .allow = true, NAMES("permanent-identifier:late"), FOR("closed") },
	{ .name = "rest", .allow = true, NAMES("*") },
};

static const struct {
	enum ident_type type;
	const char *value, *profile, *rule;
	bool allow;
} devices[] = {
	{ IDENT_PERMANENT, "SN-1", "default", "ours", true },
	{ IDENT_PERMANENT, "SN-", "default", "ours", true },
	{ IDENT_PERMANENT, "SN-1/1.2.3", "default", "ours", true },
	{ IDENT_PERMANENT, "sn-1", "default", NULL, false },
	{ IDENT_PERMANENT, "XSN-1", "default", NULL, false },
	{ IDENT_PERMANENT, "SN", "default", NULL, false },
	{ IDENT_PERMANENT, "SN-13", "default", "stolen", false },
	{ IDENT_PERMANENT, "SN-13/1.2.3", "default", "stolen", false },
	{ IDENT_PERMANENT, "SN-131", "default", "ours", true },
	{ IDENT_PERMANENT, "SN-66", "default", "ours", true },
	{ IDENT_PERMANENT, "SN-66/1.2", "default", "stolen", false },
	{ IDENT_HARDWARE, "SN-1/1.2", "default", NULL, false },
	{ IDENT_HARDWARE, "TPM-13/1.2.3", "default", "stolen", false },
	{ IDENT_PERMANENT, "OTHER 1,2", "default", "one", true },
	{ IDENT_PERMANENT, "OTHER 1,2/1.2", "default", NULL, false },
	{ IDENT_PERMANENT, "OTHER 1,23", "default", NULL, false },
	{ IDENT_HARDWARE, "ABC/1.2.3", "default", "one", true },
	{ IDENT_HARDWARE, "ABC/1.2.3.4", "default", NULL, false },
	{ IDENT_PERMANENT, "ABC/1.2.3", "default", NULL, false },
	{ IDENT_HARDWARE, "anything/1.2.840.113635.100.8.9.2", "default", "apple", true },
	{ IDENT_HARDWARE, "anything/1.2.840.113635.100.8.9", "default", NULL, false },
	{ IDENT_PERMANENT, "C02/1.2.840.113635", "default", "apple", true },
	{ IDENT_PERMANENT, "C02", "default", NULL, false },
	{ IDENT_PERMANENT, "C1/1.2.840.113635", "default", NULL, false },
	{ IDENT_PERMANENT, "whatever", "phones", "phones", true },
	{ IDENT_HARDWARE, "whatever/1.2", "phones", NULL, false },
	{ IDENT_PERMANENT, "whatever", "default", NULL, false },
	{ IDENT_PERMANENT, "late", "closed", "closed", false },
	{ IDENT_PERMANENT, "SN-1", "closed", "ours", true },
	{ IDENT_DNS, "SN-1", "default", "rest", true },
	{ IDENT_PERMANENT, "a.example.com", "default", NULL, false },
	{ IDENT_PERMANENT, "10.0.0.1", "default", NULL, false },
	{ IDENT_DNS, "a.example", "closed", "closed", false },
};

static const char *const bad_devices[] = { "permanent-identifier:", "hardware-module:a", "hardware-module:",
	"permanent-identifier:/1.2", "permanent-identifier:a/", "permanent-identifier:a/1.40", "permanent-identifier:*a",
	"permanent-identifier:a*b", "permanent-identifier:a**", "permanent-identifier:a*/", "permanent-identifier:a*/1", "permanent-identifier:a/1.2*/1.2",
	"permanent-identifier:a\n", "permanent-identifier:\xff*", "Permanent-Identifier:a", "dns:a.example", "serial:a" };
static const char *const good_devices[] = { "permanent-identifier:*", "hardware-module:*", "permanent-identifier:a*", "permanent-identifier:a/*",
	"hardware-module:a/*", "permanent-identifier:*/1.2", "permanent-identifier:a b,c%/2.999", "hardware-module:a/1.2" };

static void
test_devices(void)
{
	struct problem pr = { 0 };
	struct policy *p = NULL;
	char value[IDENT_VALUE + 40];

	ok(policy_new(device_rules, COUNT_OF(device_rules), &p, &pr), "rules over devices compile");
	for (size_t i = 0; i < COUNT_OF(devices); i++) {
		struct ident id = ident_of(devices[i].type, devices[i].value);
		struct policy_verdict v = { 0 };

		policy_names(p, devices[i].profile, &id, 1, &v);
		ok(v.allow == devices[i].allow && (v.rule ? devices[i].rule && strcmp(v.rule, devices[i].rule) == 0 : !devices[i].rule),
			"%s \"%s\" by profile \"%s\" is %s by %s", ident_type_name(devices[i].type), devices[i].value, devices[i].profile,
			devices[i].allow ? "allowed" : "refused", devices[i].rule ? devices[i].rule : "default");
	}
	policy_free(p);
	for (size_t i = 0; i < COUNT_OF(bad_devices); i++) {
		pr = (struct problem){ 0 };
		ok(!policy_pattern_check(bad_devices[i], &pr) && pr.detail[0], "pattern \"%s\" is refused: %s", bad_devices[i], pr.detail);
	}
	for (size_t i = 0; i < COUNT_OF(good_devices); i++)
		ok(policy_pattern_check(good_devices[i], &pr), "pattern \"%s\" is fine", good_devices[i]);
	memset(value, 'x', sizeof(value));
	memcpy(value, "permanent-identifier:", 21);
	value[21 + IDENT_VALUE] = '\0';
	ok(!policy_pattern_check(value, &pr), "a device longer than can be ordered is refused");
	value[21 + IDENT_VALUE - 1] = '\0';
	ok(policy_pattern_check(value, &pr), "one octet less is fine");
	value[21 + IDENT_VALUE - 2] = '*';
	ok(policy_pattern_check(value, &pr), "as a prefix too");
}

int
main(void)
{
	test_devices();
	test_cases();
	test_set();
	test_refusals();
	test_many();
	return done_testing();
}
