/* policy.c - deciding, and why; see policy.h and compiled.h. */
#include "policy/policy.h"

#include <stdlib.h>

#include "pki/device_id.h"
#include "policy/compiled.h"

const char *
policy_cond_name(enum policy_cond cond)
{
	static const char *const names[POLICY_COND__COUNT] = {
		[POLICY_PROFILE] = "profiles", [POLICY_TENANT] = "tenants", [POLICY_EAB_KEY] = "eab_keys", [POLICY_ACCOUNT] = "accounts",
		[POLICY_ADDRESS] = "networks", [POLICY_SOURCE_NAME] = "source_names", [POLICY_DEVICE_KIND] = "device_kinds",
		[POLICY_DEVICE_TAG] = "device_tags", [POLICY_DEVICE_OWNER] = "device_owners", [POLICY_FORMAT] = "device_formats",
		[POLICY_MODEL] = "device_models", [POLICY_FIRMWARE] = "device_firmware", [POLICY_PROTECTION] = "key_protection",
		[POLICY_KEY_TYPE] = "key_types", [POLICY_NAME_COUNT] = "name_count", [POLICY_LIFETIME] = "lifetime",
		[POLICY_OUTSTANDING] = "outstanding", [POLICY_HOURS] = "hours", [POLICY_TYPE] = "identifier_types",
		[POLICY_WILDCARD] = "wildcard", [POLICY_NAME] = "names",
	};

	return names[cond];
}

unsigned
policy_asks(const struct policy *p)
{
	return p->asks;
}

int64_t
policy_most(const struct policy *p, enum policy_cond cond)
{
	return p->most[cond - POLICY_LISTS];
}

/* ---- asking ---- */

/* Add the rules that say this. */
static void
ask(const struct policy *p, enum entry_kind kind, struct span text, uint64_t *set)
{
	char key[KEY_MAX];
	size_t n = write_key(key, kind, text);
	const struct entry *e = NULL;

	HASH_FIND(hh, p->entries, key, n, e);
	if (e && e->bits)
		set_or(p, set, e->bits);
	for (uint32_t i = 0; e && !e->bits && i < e->count; i++)
		set_add(set, e->rules[i]);
}

static void
ask_name(const struct policy *p, struct span name, uint64_t *set)
{
	bool wildcard = span_starts(name, "*.");
	struct span above = wildcard ? span_from(name, 2) : name, label;

	if (wildcard) {
		ask(p, ENTRY_COVERING, above, set);
		ask(p, ENTRY_BELOW, above, set);
	} else {
		ask(p, ENTRY_NAME, name, set);
	}
	while (span_cut(&above, '.', &label) && above.p)
		ask(p, ENTRY_BELOW, above, set);
}

static void
ask_device(const struct policy *p, const struct ident *device, uint64_t *set)
{
	struct span value = span_str(device->value), id, oid;
	char text[2 * IDENT_VALUE];

	device_id_split(value, &id, &oid);
	ask(p, ENTRY_DEVICE, pattern_device_text(text, sizeof(text), device->type, SPAN_NONE, value), set);
	ask(p, ENTRY_DEVICE_ID, pattern_device_text(text, sizeof(text), device->type, SPAN_NONE, id), set);
	for (size_t n = 0; n <= value.n; n++) {
		struct span prefix = span_of(value.p, n);

		if (!p->name.has_prefix[n])
			continue;
		ask(p, ENTRY_DEVICE_PREFIX, pattern_device_text(text, sizeof(text), device->type, SPAN_NONE, prefix), set);
		if (oid.n && n <= id.n)
			ask(p, ENTRY_DEVICE_OF, pattern_device_text(text, sizeof(text), device->type, oid, prefix), set);
	}
}

/* Networks with the address, in the patterns, or in the conditions. */
static void
ask_addr(const struct policy *p, const struct cond *c, const struct addr *addr, uint64_t *set)
{
	const bool *used = addr->family == AF_INET ? c->has_bits4 : c->has_bits6;
	unsigned most = addr->family == AF_INET ? 32 : addr->family == AF_INET6 ? 128 : 0;
	char octets[17], key[TEXT_MAX + 1];

	for (unsigned bits = 0; addr->family != AF_UNIX && bits <= most; bits++) {
		struct span net;

		if (!used[bits])
			continue;
		net = pattern_net_key(addr, bits, octets);
		if (c == &p->name)
			ask(p, ENTRY_NET, net, set);
		else
			ask(p, ENTRY_FACT, fact_key(key, POLICY_ADDRESS, net), set);
	}
}

static void
ask_text(const struct policy *p, enum policy_cond cond, struct span text, uint64_t *set)
{
	const struct cond *c = &p->conds[cond];
	char key[TEXT_MAX + 1];
	struct span above = text, label;

	/* what no rule can say none can mean */
	if (text.n < TEXT_MAX)
		ask(p, ENTRY_FACT, fact_key(key, cond, text), set);
	for (size_t n = 0; n < TEXT_MAX && n <= text.n; n++) {
		if (c->has_prefix[n])
			ask(p, ENTRY_FACT_PREFIX, fact_key(key, cond, span_of(text.p, n)), set);
	}
	while (cond == POLICY_SOURCE_NAME && text.n < TEXT_MAX && span_cut(&above, '.', &label) && above.p)
		ask(p, ENTRY_FACT_BELOW, fact_key(key, cond, above), set);
}

/* The rules for which this condition holds. */
static void
ask_cond(const struct policy *p, enum policy_cond cond, const struct policy_facts *f, uint64_t *set)
{
	struct span rest = span_str(f->texts[cond]), tag;

	memcpy(set, p->conds[cond].rest, p->words * sizeof(*set));
	if (f->unknown & POLICY_BIT(cond))
		set_or(p, set, p->allows);
	else if (cond == POLICY_ADDRESS && f->address)
		ask_addr(p, &p->conds[cond], f->address, set);
	else if (cond == POLICY_DEVICE_TAG) {
		while (rest.n && span_cut(&rest, ' ', &tag)) {
			if (tag.n)
				ask_text(p, cond, tag, set);
		}
	} else if (rest.n)
		ask_text(p, cond, rest, set);
}

/* Those of its numbers and hours that do not hold, as bits. */
static unsigned
misses_numbers(const struct compiled_rule *r, const struct policy_facts *f)
{
	unsigned misses = 0;

	for (int i = 0; i < POLICY_NUMBERS; i++) {
		const struct policy_range *range = &r->ranges[i];
		bool known = !(f->unknown & POLICY_BIT(POLICY_LISTS + i));
		bool fits = known ? f->numbers[i] >= range->min && (range->max == 0 || f->numbers[i] <= range->max) : r->allow;

		if (range_is_set(range) && !fits)
			misses |= POLICY_BIT(POLICY_LISTS + i);
	}
	if (policy_hours_are_set(&r->hours) && !(f->unknown & POLICY_BIT(POLICY_HOURS) ? r->allow : policy_hours_have(&r->hours, f->now_unix_s)))
		misses |= POLICY_BIT(POLICY_HOURS);
	return misses;
}

/* The rules that these facts are good for, whatever the identifier. `scratch` is of the same size. */
static void
ask_facts(const struct policy *p, const struct policy_facts *f, uint64_t *set, uint64_t *scratch)
{
	memset(set, 0xff, p->words * sizeof(*set));
	for (int cond = 0; cond < POLICY_LISTS; cond++) {
		if (!p->conds[cond].asked)
			continue;
		ask_cond(p, (enum policy_cond)cond, f, scratch);
		set_and(p, set, scratch);
	}
	for (size_t i = 0; i < p->words; i++) {
		for (uint64_t left = set[i] & p->ranged[i]; left; left &= left - 1) {
			if (misses_numbers(&p->rules[i * WORD + (size_t)__builtin_ctzll(left)], f))
				set[i] &= ~(left & -left);
		}
	}
}

/* The rules with a pattern for it. */
static void
ask_ident(const struct policy *p, const struct ident *id, uint64_t *set)
{
	struct addr addr;

	memset(set, 0, p->words * sizeof(*set));
	if (ident_is_device(id))
		ask_device(p, id, set);
	else
		ask(p, ENTRY_ALL, SPAN_NONE, set);
	if (id->type == IDENT_IP && addr_parse(span_str(id->value), &addr))
		ask_addr(p, &p->name, &addr, set);
	else if (id->type == IDENT_DNS)
		ask_name(p, span_str(id->value), set);
}

/* ---- deciding ---- */

static struct policy_verdict
verdict_of(const struct policy *p, uint32_t number, uint32_t warned, const struct ident *id)
{
	const struct compiled_rule *rule = number == POLICY_NO_RULE ? NULL : &p->rules[number];

	if (rule && rule->allow && rule->no_idn && ident_is_international(id))
		return (struct policy_verdict){ false, rule->say ? rule->say : "the policy of this gateway does not allow international names here",
			rule->name, number, warned, false };
	if (rule && rule->allow)
		return (struct policy_verdict){ true, NULL, rule->name, number, warned, false };
	return (struct policy_verdict){ false,
		rule && rule->say ? rule->say
				  : "the policy of this gateway does not allow this identifier",
		rule ? rule->name : NULL, number, warned, rule && rule->is_of_asker };
}

/* `good`: the rules that the facts are good for. */
static struct policy_verdict
decide(const struct policy *p, const uint64_t *good, const struct ident *id, uint64_t *set)
{
	const uint64_t *type = p->types[id->type], *wildcard = p->wildcards[ident_is_wildcard(id)];
	uint32_t warned = POLICY_NO_RULE;

	ask_ident(p, id, set);
	for (size_t i = 0; i < p->words; i++) {
		uint64_t left = set[i] & good[i] & type[i] & wildcard[i];

		for (; left; left &= left - 1) {
			uint32_t rule = (uint32_t)(i * WORD) + (uint32_t)__builtin_ctzll(left);

			if (!p->rules[rule].warn)
				return verdict_of(p, rule, warned, id);
			if (warned == POLICY_NO_RULE)
				warned = rule;
		}
	}
	return verdict_of(p, POLICY_NO_RULE, warned, id);
}

bool
policy_decide(const struct policy *p, const struct policy_facts *facts, const struct ident *ids, size_t count, struct policy_verdict *ret)
{
	uint64_t *good = set_new(p), *scratch = set_new(p);
	bool all = true;

	ask_facts(p, facts, good, scratch);
	for (size_t i = 0; i < count; i++) {
		ret[i] = decide(p, good, &ids[i], scratch);
		all = all && ret[i].allow;
	}
	free(good);
	free(scratch);
	return all;
}

bool
policy_names(const struct policy *policy, const char *profile, const struct ident *ids, size_t count, struct policy_verdict *ret)
{
	const struct policy_facts facts = { .texts[POLICY_PROFILE] = profile };

	return policy_decide(policy, &facts, ids, count, ret);
}

void
policy_explain(const struct policy *p, const struct policy_facts *f, const struct ident *id, policy_why_fn fn, void *arg)
{
	uint64_t *sets[POLICY_LISTS] = { NULL }, *names = set_new(p);
	unsigned misses = 1;

	ask_ident(p, id, names);
	for (int cond = 0; cond < POLICY_LISTS; cond++) {
		if (!p->conds[cond].asked)
			continue;
		sets[cond] = set_new(p);
		ask_cond(p, (enum policy_cond)cond, f, sets[cond]);
	}
	for (uint32_t i = 0; i < p->rule_count && (misses || p->rules[i - 1].warn); i++) {
		misses = misses_numbers(&p->rules[i], f);
		misses |= set_has(names, i) ? 0 : POLICY_BIT(POLICY_NAME);
		misses |= set_has(p->types[id->type], i) ? 0 : POLICY_BIT(POLICY_TYPE);
		misses |= set_has(p->wildcards[ident_is_wildcard(id)], i) ? 0 : POLICY_BIT(POLICY_WILDCARD);
		for (int cond = 0; cond < POLICY_LISTS; cond++)
			misses |= !sets[cond] || set_has(sets[cond], i) ? 0 : POLICY_BIT(cond);
		fn(i, misses, arg);
	}
	for (int cond = 0; cond < POLICY_LISTS; cond++)
		free(sets[cond]);
	free(names);
}
