/* policy.c - bench_policy: what a decision of the rules costs, with ten thousand of them and a hundred thousand names, each with conditions.
 * Nothing here passes or fails by time.
 *
 *   bench_policy [SECONDS]      for each line, 1 by default */
#include <stdlib.h>

#include "base/mem.h"
#include "bench.h"
#include "policy/policy.h"

enum { RULES = 10000, NAMES = 10 };

struct set {
	struct policy_rule *rules;
	const char **names;       /* NAMES of each */
	const char *tenants[100]; /* of one rule in turn */
	struct policy *policy;
};

/* Each rule has ten names, a tenant, networks, keys and a number; none of them alone finds the one that decides. */
static void
make(struct set *s)
{
	static const char *const networks[] = { "10.0.0.0/8", "192.168.0.0/16", "2001:db8::/32" }, *const keys[] = { "p256", "p384" };

	s->rules = xcalloc(RULES, sizeof(*s->rules));
	s->names = xcalloc(RULES * NAMES, sizeof(*s->names));
	for (int i = 0; i < 100; i++)
		s->tenants[i] = xasprintf("tenant-%d", i);
	for (int i = 0; i < RULES; i++) {
		struct policy_rule *r = &s->rules[i];

		for (int j = 0; j < NAMES; j++)
			s->names[i * NAMES + j] = j ? xasprintf("host-%d.zone-%d.example.com", j, i) : xasprintf("*.zone-%d.example.com", i);
		*r = (struct policy_rule){ .name = "rule", .allow = i % 3 != 0, .names = s->names + (size_t)i * NAMES, .name_count = NAMES };
		r->lists[POLICY_TENANT] = (struct policy_strings){ &s->tenants[i % 100], 1 };
		r->lists[POLICY_ADDRESS] = (struct policy_strings){ networks, COUNT_OF(networks) };
		r->lists[POLICY_KEY_TYPE] = (struct policy_strings){ keys, COUNT_OF(keys) };
		r->ranges[POLICY_NAME_COUNT - POLICY_LISTS] = (struct policy_range){ 0, 100 };
	}
}

static void
measure(const struct set *s, const char *what, int rule, size_t count, double seconds)
{
	struct ident *ids = xcalloc(count, sizeof(*ids));
	struct policy_verdict *v = xcalloc(count, sizeof(*v));
	struct addr address;
	struct policy_facts f = { .texts[POLICY_TENANT] = s->tenants[rule % 100], .texts[POLICY_KEY_TYPE] = "p256", .address = &address, .numbers = { (int64_t)count } };
	int64_t began, end, n = 0;

	addr_parse(SPAN("10.1.2.3"), &address);
	for (size_t i = 0; i < count; i++)
		snprintf(ids[i].value, sizeof(ids[i].value), "a%zu.zone-%d.example.com", i, rule);
	began = wall_ns();
	do {
		for (int i = 0; i < 100; i++, n++)
			policy_decide(s->policy, &f, ids, count, v);
		end = wall_ns();
	} while ((double)(end - began) < seconds * 1e9);
	printf("  %-44s %8.2f us\n", what, (double)(end - began) / (double)n / 1e3);
	free(ids);
	free(v);
}

int
main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1;
	struct set s = { .rules = NULL };
	struct problem pr = { 0 };
	int64_t began;

	make(&s);
	began = wall_ns();
	if (!policy_new(s.rules, RULES, &s.policy, &pr))
		die("%s", pr.detail);
	printf("%d rules with %d names, each with four conditions: compiled in %.0f ms\n", RULES, RULES * NAMES, (double)(wall_ns() - began) / 1e6);
	measure(&s, "a name that the first rule decides", 1, 1, seconds);
	measure(&s, "a name that the last rule decides", RULES - 1, 1, seconds);
	measure(&s, "a name that no rule is for", RULES, 1, seconds);
	measure(&s, "an order of 100 names", RULES / 2, 100, seconds);
	policy_free(s.policy);
	for (int i = 0; i < RULES * NAMES; i++)
		free((char *)(uintptr_t)s.names[i]);
	for (int i = 0; i < 100; i++)
		free((char *)(uintptr_t)s.tenants[i]);
	free(s.names);
	free(s.rules);
	return 0;
}
