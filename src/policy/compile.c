/* compile.c - from rules to a compiled policy; see policy.h and compiled.h. */
#include <stdio.h>
#include <stdlib.h>

#include "policy/compiled.h"

#define ENTRIES_MAX 1000000

/* Who asks, from where, with what: a refusal for that is not about the name. */
#define OF_ASKER (POLICY_BIT(POLICY_TENANT) | POLICY_BIT(POLICY_EAB_KEY) | POLICY_BIT(POLICY_ACCOUNT) | POLICY_BIT(POLICY_ADDRESS) | \
	POLICY_BIT(POLICY_SOURCE_NAME) | POLICY_BIT(POLICY_OUTSTANDING) | POLICY_BIT(POLICY_HOURS))

static bool
add_entry(struct policy *p, enum entry_kind kind, struct span text, uint32_t rule, struct problem *pr)
{
	char key[KEY_MAX];
	size_t n = write_key(key, kind, text);
	struct entry *e = NULL;

	if (n == 0)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is too long for a rule", QUOTE(text));
	HASH_FIND(hh, p->entries, key, n, e);
	if (!e) {
		e = xcalloc(1, sizeof(*e) + n);
		e->n = n;
		memcpy(e->key, key, n);
		HASH_ADD_KEYPTR(hh, p->entries, e->key, e->n, e);
	}
	if (e->count && e->rules[e->count - 1] == rule)
		return true; /* it says so twice */
	if (p->entry_count++ == ENTRIES_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "more than %d names and conditions in the rules", ENTRIES_MAX);
	if (e->count == e->cap) {
		e->cap = e->cap ? 2 * e->cap : 1;
		e->rules = xrealloc(e->rules, e->cap * sizeof(*e->rules));
	}
	e->rules[e->count++] = rule;
	return true;
}

/* Refused, it is refused for more than was said; see policy.h. */
static bool
add_refused(struct policy *p, const struct pattern *pattern, uint32_t rule, struct problem *pr)
{
	struct span above = pattern->text;

	switch (pattern->kind) {
	case ENTRY_NAME:
		/* *.example.com would be good for the name refused here */
		return !span_cut(&above, '.', &(struct span){ 0 }) || !above.n || add_entry(p, ENTRY_COVERING, above, rule, pr);
	case ENTRY_DEVICE:
		return memchr(above.p, '/', above.n) || add_entry(p, ENTRY_DEVICE_ID, above, rule, pr);
	case ENTRY_ALL:
		p->name.has_prefix[0] = true;
		return add_entry(p, ENTRY_DEVICE_PREFIX, span_of(&pattern_device_types[IDENT_PERMANENT], 1), rule, pr) &&
		       add_entry(p, ENTRY_DEVICE_PREFIX, span_of(&pattern_device_types[IDENT_HARDWARE], 1), rule, pr);
	default:
		return true;
	}
}

static struct span
note_net(struct cond *c, const struct net *net, char octets[17])
{
	bool *used = net->base.family == AF_INET ? c->has_bits4 : c->has_bits6;

	used[net->bits] = true;
	return pattern_net_key(&net->base, net->bits, octets);
}

static bool
add_pattern(struct policy *p, const char *text, uint32_t rule, struct problem *pr)
{
	struct pattern pattern;
	char octets[17];

	if (!pattern_parse(text, &pattern, pr))
		return false;
	if (pattern.kind == ENTRY_DEVICE_PREFIX || pattern.kind == ENTRY_DEVICE_OF)
		p->name.has_prefix[pattern.prefix_bytes] = true;
	if (pattern.kind == ENTRY_NET)
		pattern.text = note_net(&p->name, &pattern.net, octets);
	return add_entry(p, pattern.kind, pattern.text, rule, pr) && (p->rules[rule].allow || add_refused(p, &pattern, rule, pr));
}

struct fact {
	enum entry_kind kind;
	struct span text; /* of pattern, or what was given */
	struct pattern pattern;
};

static bool
fact_parse(enum policy_cond cond, const char *text, struct fact *ret, struct problem *pr)
{
	struct span s = span_str(text);

	*ret = (struct fact){ .kind = ENTRY_FACT, .text = s };
	if (s.n == 0 || s.n >= TEXT_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "is empty, or longer than %d octets", TEXT_MAX - 1);
	if (cond == POLICY_ADDRESS)
		return net_parse(s, &ret->pattern.net, pr);
	/* a device's tags are words with blanks between: such a refusal would refuse nobody */
	if (cond == POLICY_DEVICE_TAG && memchr(s.p, ' ', s.n))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" has a blank, which no tag of a device has", QUOTE(s));
	if (cond == POLICY_SOURCE_NAME && !span_is(s, "*")) {
		if (!pattern_parse(text, &ret->pattern, pr))
			return false;
		if (ret->pattern.kind != ENTRY_NAME && ret->pattern.kind != ENTRY_BELOW)
			return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is neither a name nor *.NAME", QUOTE(s));
		ret->kind = ret->pattern.kind == ENTRY_NAME ? ENTRY_FACT : ENTRY_FACT_BELOW;
		ret->text = ret->pattern.text;
	} else if (memchr(s.p, '*', s.n)) {
		ret->kind = ENTRY_FACT_PREFIX;
		ret->text = span_of(s.p, s.n - 1);
		if (s.p[s.n - 1] != '*' || memchr(s.p, '*', s.n - 1))
			return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" has a * that is not its end", QUOTE(s));
	}
	return true;
}

bool
policy_text_check(enum policy_cond cond, const char *text, struct problem *pr)
{
	struct fact fact;

	return fact_parse(cond, text, &fact, pr);
}

static bool
add_text(struct policy *p, enum policy_cond cond, const char *text, uint32_t rule, struct problem *pr)
{
	char key[TEXT_MAX + 1], octets[17];
	struct fact fact;

	if (!fact_parse(cond, text, &fact, pr))
		return false;
	if (cond == POLICY_ADDRESS)
		fact.text = note_net(&p->conds[cond], &fact.pattern.net, octets);
	if (fact.kind == ENTRY_FACT_PREFIX)
		p->conds[cond].has_prefix[fact.text.n] = true;
	return add_entry(p, fact.kind, fact_key(key, cond, fact.text), rule, pr);
}

static bool
add_list(struct policy *p, enum policy_cond cond, const struct policy_strings *list, uint32_t rule, struct problem *pr)
{
	if (list->count == 0)
		return true;
	p->rules[rule].asks |= POLICY_BIT(cond);
	for (size_t i = 0; i < list->count; i++) {
		if (!add_text(p, cond, list->list[i], rule, pr))
			return false;
	}
	return true;
}

static void
add_ranges(struct policy *p, const struct policy_rule *rule, uint32_t number)
{
	struct compiled_rule *r = &p->rules[number];

	memcpy(r->ranges, rule->ranges, sizeof(r->ranges));
	r->hours = rule->hours;
	for (int i = 0; i < POLICY_NUMBERS; i++) {
		p->most[i] = r->ranges[i].min > p->most[i] ? r->ranges[i].min : p->most[i];
		p->most[i] = r->ranges[i].max > p->most[i] ? r->ranges[i].max : p->most[i];
		r->asks |= range_is_set(&r->ranges[i]) ? POLICY_BIT(POLICY_LISTS + i) : 0;
	}
	r->asks |= policy_hours_are_set(&r->hours) ? POLICY_BIT(POLICY_HOURS) : 0;
	for (int cond = POLICY_LISTS; cond <= POLICY_HOURS; cond++) {
		if (r->asks & POLICY_BIT(cond)) {
			set_add(p->ranged, number);
			return;
		}
	}
}

static void
add_kinds(struct policy *p, const struct policy_rule *rule, uint32_t number)
{
	for (int t = 0; t < IDENT__COUNT; t++) {
		if (rule->types == 0 || rule->types >> t & 1)
			set_add(p->types[t], number);
	}
	if (rule->wildcard != POLICY_WILDCARD_ONLY)
		set_add(p->wildcards[false], number);
	if (rule->wildcard != POLICY_WILDCARD_NEVER)
		set_add(p->wildcards[true], number);
	p->rules[number].asks |= (rule->types ? POLICY_BIT(POLICY_TYPE) : 0) | (rule->wildcard ? POLICY_BIT(POLICY_WILDCARD) : 0);
}

static bool
add_rule(struct policy *p, const struct policy_rule *rule, uint32_t number, struct problem *pr)
{
	const struct policy_strings profiles = { rule->profiles, rule->profile_count };

	p->rules[number] = (struct compiled_rule){ .name = xstrdup(rule->name), .say = rule->say ? xstrdup(rule->say) : NULL,
		.allow = rule->allow, .warn = rule->warn, .no_idn = rule->no_idn };
	for (size_t i = 0; i < rule->name_count; i++) {
		if (!add_pattern(p, rule->names[i], number, pr))
			return false;
	}
	if (!add_list(p, POLICY_PROFILE, &profiles, number, pr))
		return false;
	for (int cond = POLICY_PROFILE + 1; cond < POLICY_LISTS; cond++) {
		if (!add_list(p, (enum policy_cond)cond, &rule->lists[cond], number, pr))
			return false;
	}
	add_ranges(p, rule, number);
	add_kinds(p, rule, number);
	if (rule->allow)
		set_add(p->allows, number);
	p->rules[number].is_of_asker = (p->rules[number].asks & OF_ASKER) != 0;
	p->asks |= p->rules[number].asks;
	return true;
}

/* What most rules say is a row of bits, too. */
static void
pack(struct policy *p)
{
	struct entry *e, *next;

	HASH_ITER(hh, p->entries, e, next)
	{
		if (e->count <= p->words)
			continue;
		e->bits = set_new(p);
		for (uint32_t i = 0; i < e->count; i++)
			set_add(e->bits, e->rules[i]);
		free(e->rules);
		e->rules = NULL;
	}
	for (int cond = 0; cond < POLICY_LISTS; cond++) {
		p->conds[cond].asked = p->asks & POLICY_BIT(cond);
		p->conds[cond].rest = set_new(p);
		for (size_t i = 0; i < p->rule_count; i++) {
			if (!(p->rules[i].asks & POLICY_BIT(cond)))
				set_add(p->conds[cond].rest, (uint32_t)i);
		}
	}
}

bool
policy_new(const struct policy_rule *rules, size_t count, struct policy **ret, struct problem *pr)
{
	struct policy *p = xcalloc(1, sizeof(*p));

	p->rule_count = count;
	p->words = (count + WORD - 1) / WORD;
	p->rules = xcalloc(count ? count : 1, sizeof(*p->rules));
	p->ranged = set_new(p);
	p->allows = set_new(p);
	for (int t = 0; t < IDENT__COUNT; t++)
		p->types[t] = set_new(p);
	p->wildcards[false] = set_new(p);
	p->wildcards[true] = set_new(p);
	for (size_t i = 0; i < count; i++) {
		if (!add_rule(p, &rules[i], (uint32_t)i, pr)) {
			policy_free(p);
			return false;
		}
	}
	pack(p);
	*ret = p;
	return true;
}

void
policy_free(struct policy *p)
{
	struct entry *e, *next;

	if (!p)
		return;
	HASH_ITER(hh, p->entries, e, next)
	{
		HASH_DELETE(hh, p->entries, e);
		free(e->rules);
		free(e->bits);
		free(e);
	}
	for (size_t i = 0; i < p->rule_count; i++) {
		free(p->rules[i].name);
		free(p->rules[i].say);
	}
	for (int cond = 0; cond < POLICY_LISTS; cond++)
		free(p->conds[cond].rest);
	for (int t = 0; t < IDENT__COUNT; t++)
		free(p->types[t]);
	free(p->wildcards[false]);
	free(p->wildcards[true]);
	free(p->allows);
	free(p->ranged);
	free(p->rules);
	free(p);
}
