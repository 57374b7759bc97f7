/* policy.c - see policy.h.
 *
 * Compiled, a policy is one hash: (kind, profile or "" for all, name or network) -> number of the
 * first rule that says it. An identifier asks once for itself, once per suffix, once for "*"; the
 * lowest number wins. A device asks once for its value, and once per length of a prefix in use. */
#include "policy/policy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include <uthash.h>

#include "base/addr.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "pki/device_id.h"

#define ENTRIES_MAX 1000000
#define KEY_MAX 512
#define NO_RULE UINT32_MAX

enum entry_kind {
	ENTRY_ALL = 'a',      /* "*" */
	ENTRY_NAME = 'n',     /* the name itself */
	ENTRY_BELOW = 'b',    /* names and wildcards below */
	ENTRY_COVERING = 'c', /* the wildcard one label above a refused name */
	ENTRY_NET = 'i',
	/* devices; a text begins with the octet of device_types[] */
	ENTRY_DEVICE = 'd',        /* the value */
	ENTRY_DEVICE_ID = 'e',     /* a refused ID, whatever OID follows */
	ENTRY_DEVICE_PREFIX = 'p', /* how the value begins */
	ENTRY_DEVICE_OF = 'o'      /* OID, '/', and how the value begins */
};

static const char device_types[IDENT__COUNT] = {
	[IDENT_PERMANENT] = 'p',
	[IDENT_HARDWARE] = 'h',
};

struct entry {
	UT_hash_handle hh;
	uint32_t rule; /* the first that says it */
	size_t n;
	char key[];
};

struct policy {
	struct entry *entries;
	size_t entry_count;
	struct compiled_rule {
		char *name, *say;
		bool allow;
	} *rules;
	size_t rule_count;
	bool has_bits4[33], has_bits6[129]; /* prefix lengths in use */
	bool has_prefix[IDENT_VALUE];       /* of devices, octets */
};

struct pattern {
	enum entry_kind kind;
	struct span text; /* name, octets of a network, or what stands in the hash for a device */
	char lower[254];
	struct net net;
	char device[2 * IDENT_VALUE];
	size_t prefix_bytes; /* ENTRY_DEVICE_PREFIX, _OF */
};

static bool
parse_name(struct span text, struct pattern *ret, const char *pattern, struct problem *pr)
{
	struct span rest = text, label;

	if (!span_copy(text, ret->lower, sizeof(ret->lower)))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is longer than a name can be",
			QUOTE(span_str(pattern)));
	while (span_cut(&rest, '.', &label)) {
		bool good = label.n > 0 && label.n <= 63 && label.p[0] != '-' &&
			    label.p[label.n - 1] != '-';

		for (size_t i = 0; good && i < label.n; i++)
			good = isalnum((unsigned char)label.p[i]) || label.p[i] == '-';
		if (!good)
			return problem_set(pr, PROBLEM_MALFORMED,
				"\"%s\" is neither a name, *.NAME, a network, a device nor * "
				"(international names are written as xn--...)",
				QUOTE(span_str(pattern)));
	}
	for (char *c = ret->lower; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	ret->text = span_str(ret->lower);
	return true;
}

static struct span
device_text(char *dst, size_t size, enum ident_type type, struct span oid, struct span value)
{
	int n = snprintf(dst, size, "%c%.*s%s%.*s", device_types[type], SPAN_FMT(oid), oid.n ? "/" : "", SPAN_FMT(value));

	return span_of(dst, n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1);
}

/* VALUE, PREFIX*, or the latter and /OID behind it */
static bool
parse_device(struct span text, enum ident_type type, struct pattern *ret, const char *pattern, struct problem *pr)
{
	const char *star = text.n ? memchr(text.p, '*', text.n) : NULL;
	struct span prefix = span_of(text.p, star ? (size_t)(star - text.p) : text.n);
	struct span oid = star ? span_from(text, prefix.n + 1) : SPAN_NONE;

	if (text.n >= IDENT_VALUE)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is longer than an identifier can be", QUOTE(span_str(pattern)));
	ret->kind = !star ? ENTRY_DEVICE : oid.n ? ENTRY_DEVICE_OF : ENTRY_DEVICE_PREFIX;
	ret->prefix_bytes = prefix.n;
	if (!star && !device_id_check(text, type == IDENT_HARDWARE, pr))
		return false;
	if (oid.n) {
		bool good = oid.p[0] == '/' && device_oid_ok(span_from(oid, 1)) && !memchr(prefix.p, '/', prefix.n);

		oid = span_from(oid, 1);
		if (!good)
			return problem_set(pr, PROBLEM_MALFORMED,
				"\"%s\": after '*' there may be nothing but '/' and an object identifier", QUOTE(span_str(pattern)));
	}
	if (!utf8_is_text(prefix))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is not UTF-8 without control characters", QUOTE(span_str(pattern)));
	ret->text = device_text(ret->device, sizeof(ret->device), type, oid, prefix);
	return true;
}

/* Does it begin with the type of a device? */
static bool
cut_device_type(struct span *text, enum ident_type *ret)
{
	for (int t = 0; t < IDENT__COUNT; t++) {
		const char *name = ident_type_name((enum ident_type)t);
		size_t n = strlen(name);

		if (device_types[t] && text->n > n && span_starts(*text, name) && text->p[n] == ':') {
			*text = span_from(*text, n + 1);
			*ret = (enum ident_type)t;
			return true;
		}
	}
	return false;
}

static bool
parse_pattern(const char *pattern, struct pattern *ret, struct problem *pr)
{
	struct span text = span_str(pattern);
	enum ident_type type;
	struct addr addr;

	*ret = (struct pattern){ .kind = ENTRY_NAME };
	if (span_is(text, "*")) {
		ret->kind = ENTRY_ALL;
		return true;
	}
	if (cut_device_type(&text, &type))
		return parse_device(text, type, ret, pattern, pr);
	if (memchr(text.p, '/', text.n) || addr_parse(text, &addr)) {
		ret->kind = ENTRY_NET;
		return net_parse(text, &ret->net, pr);
	}
	if (span_starts(text, "*.")) {
		ret->kind = ENTRY_BELOW;
		text = span_from(text, 2);
	}
	return parse_name(text, ret, pattern, pr);
}

bool
policy_pattern_check(const char *pattern, struct problem *pr)
{
	struct pattern parsed;

	return parse_pattern(pattern, &parsed, pr);
}

/* Returns the length, 0 if it is too long to be in the hash. */
static size_t
write_key(char dst[KEY_MAX], enum entry_kind kind, const char *profile, struct span text)
{
	size_t n = strlen(profile);

	if (2 + n + text.n > KEY_MAX)
		return 0;
	dst[0] = (char)kind;
	memcpy(dst + 1, profile, n + 1);
	if (text.n)
		memcpy(dst + n + 2, text.p, text.n);
	return n + 2 + text.n;
}

/* A network's text in the hash: prefix length, then the octets before it. */
static struct span
net_key(const struct addr *a, unsigned bits, char dst[17])
{
	size_t octets = a->family == AF_INET ? 4 : 16;

	memset(dst, 0, 17);
	dst[0] = (char)bits;
	memcpy(dst + 1, a->octet, (bits + 7) / 8);
	if (bits % 8)
		dst[1 + bits / 8] = (char)(dst[1 + bits / 8] & (0xff << (8 - bits % 8)));
	return span_of(dst, 1 + octets);
}

static bool
add_entry(struct policy *p, enum entry_kind kind, const char *profile, struct span text,
	uint32_t rule, struct problem *pr)
{
	char key[KEY_MAX];
	size_t n = write_key(key, kind, profile, text);
	struct entry *e = NULL;

	if (n == 0)
		return problem_set(pr, PROBLEM_MALFORMED, "the profile's name \"%s\" is too long",
			QUOTE(span_str(profile)));
	HASH_FIND(hh, p->entries, key, n, e);
	if (e)
		return true; /* an earlier rule has it */
	if (p->entry_count == ENTRIES_MAX)
		return problem_set(pr, PROBLEM_MALFORMED,
			"more than %d names and profiles in the rules", ENTRIES_MAX);
	e = xcalloc(1, sizeof(*e) + n);
	e->rule = rule;
	e->n = n;
	memcpy(e->key, key, n);
	HASH_ADD_KEYPTR(hh, p->entries, e->key, e->n, e);
	p->entry_count++;
	return true;
}

/* Refused, it is refused for more than was said; see policy.h. */
static bool
add_refused(struct policy *p, const char *profile, const struct pattern *pattern, uint32_t rule, struct problem *pr)
{
	struct span above = pattern->text;

	switch (pattern->kind) {
	case ENTRY_NAME:
		/* *.example.com would be good for the name refused here */
		return !span_cut(&above, '.', &(struct span){ 0 }) || !above.n ||
		       add_entry(p, ENTRY_COVERING, profile, above, rule, pr);
	case ENTRY_DEVICE:
		return memchr(above.p, '/', above.n) || add_entry(p, ENTRY_DEVICE_ID, profile, above, rule, pr);
	case ENTRY_ALL:
		p->has_prefix[0] = true;
		return add_entry(p, ENTRY_DEVICE_PREFIX, profile, span_of(&device_types[IDENT_PERMANENT], 1), rule, pr) &&
		       add_entry(p, ENTRY_DEVICE_PREFIX, profile, span_of(&device_types[IDENT_HARDWARE], 1), rule, pr);
	default:
		return true;
	}
}

static bool
add_pattern(
	struct policy *p, const char *profile, const char *text, uint32_t rule, struct problem *pr)
{
	struct pattern pattern;
	char octets[17];

	if (!parse_pattern(text, &pattern, pr))
		return false;
	if (pattern.kind == ENTRY_DEVICE_PREFIX || pattern.kind == ENTRY_DEVICE_OF)
		p->has_prefix[pattern.prefix_bytes] = true;
	if (pattern.kind == ENTRY_NET) {
		bool *used = pattern.net.base.family == AF_INET ? p->has_bits4 : p->has_bits6;

		used[pattern.net.bits] = true;
		pattern.text = net_key(&pattern.net.base, pattern.net.bits, octets);
	}
	return add_entry(p, pattern.kind, profile, pattern.text, rule, pr) &&
	       (p->rules[rule].allow || add_refused(p, profile, &pattern, rule, pr));
}

static bool
add_rule(struct policy *p, const struct policy_rule *rule, struct problem *pr)
{
	uint32_t number = (uint32_t)p->rule_count++;

	p->rules[number] = (struct compiled_rule){ xstrdup(rule->name),
		rule->say ? xstrdup(rule->say) : NULL, rule->allow };
	for (size_t i = 0; i < rule->name_count; i++) {
		if (rule->profile_count == 0 && !add_pattern(p, "", rule->names[i], number, pr))
			return false;
		for (size_t j = 0; j < rule->profile_count; j++) {
			if (!add_pattern(p, rule->profiles[j], rule->names[i], number, pr))
				return false;
		}
	}
	return true;
}

bool
policy_new(const struct policy_rule *rules, size_t count, struct policy **ret, struct problem *pr)
{
	struct policy *p = xcalloc(1, sizeof(*p));

	p->rules = xcalloc(count ? count : 1, sizeof(*p->rules));
	for (size_t i = 0; i < count; i++) {
		if (!add_rule(p, &rules[i], pr)) {
			policy_free(p);
			return false;
		}
	}
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
		free(e);
	}
	for (size_t i = 0; i < p->rule_count; i++) {
		free(p->rules[i].name);
		free(p->rules[i].say);
	}
	free(p->rules);
	free(p);
}

/* Lower *best to the first rule that says this, for the profile or for all. */
static void
ask(const struct policy *p, enum entry_kind kind, const char *profile, struct span text,
	uint32_t *best)
{
	const char *const profiles[] = { "", profile };
	char key[KEY_MAX];

	for (size_t i = 0; i < COUNT_OF(profiles); i++) {
		size_t n = write_key(key, kind, profiles[i], text);
		const struct entry *e = NULL;

		HASH_FIND(hh, p->entries, key, n, e);
		if (e && e->rule < *best)
			*best = e->rule;
	}
}

static void
ask_name(const struct policy *p, const char *profile, struct span name, uint32_t *best)
{
	bool wildcard = span_starts(name, "*.");
	struct span above = wildcard ? span_from(name, 2) : name, label;

	if (wildcard) {
		ask(p, ENTRY_COVERING, profile, above, best);
		ask(p, ENTRY_BELOW, profile, above, best);
	} else {
		ask(p, ENTRY_NAME, profile, name, best);
	}
	while (span_cut(&above, '.', &label) && above.p)
		ask(p, ENTRY_BELOW, profile, above, best);
}

static void
ask_addr(const struct policy *p, const char *profile, const char *value, uint32_t *best)
{
	const bool *used = p->has_bits6;
	unsigned most = 128;
	struct addr addr;
	char octets[17];

	if (!addr_parse(span_str(value), &addr))
		return;
	if (addr.family == AF_INET) {
		used = p->has_bits4;
		most = 32;
	}
	for (unsigned bits = 0; bits <= most; bits++) {
		if (used[bits])
			ask(p, ENTRY_NET, profile, net_key(&addr, bits, octets), best);
	}
}

static void
ask_device(const struct policy *p, const char *profile, const struct ident *device, uint32_t *best)
{
	struct span value = span_str(device->value), id, oid;
	char text[2 * IDENT_VALUE];

	device_id_split(value, &id, &oid);
	ask(p, ENTRY_DEVICE, profile, device_text(text, sizeof(text), device->type, SPAN_NONE, value), best);
	ask(p, ENTRY_DEVICE_ID, profile, device_text(text, sizeof(text), device->type, SPAN_NONE, id), best);
	for (size_t n = 0; n <= value.n; n++) {
		struct span prefix = span_of(value.p, n);

		if (!p->has_prefix[n])
			continue;
		ask(p, ENTRY_DEVICE_PREFIX, profile, device_text(text, sizeof(text), device->type, SPAN_NONE, prefix), best);
		if (oid.n && n <= id.n)
			ask(p, ENTRY_DEVICE_OF, profile, device_text(text, sizeof(text), device->type, oid, prefix), best);
	}
}

static struct policy_verdict
decide(const struct policy *p, const char *profile, const struct ident *id)
{
	const struct compiled_rule *rule = NULL;
	uint32_t best = NO_RULE;

	if (ident_is_device(id))
		ask_device(p, profile, id, &best);
	else
		ask(p, ENTRY_ALL, profile, SPAN_NONE, &best);
	if (id->type == IDENT_IP)
		ask_addr(p, profile, id->value, &best);
	else if (id->type == IDENT_DNS)
		ask_name(p, profile, span_str(id->value), &best);
	if (best != NO_RULE)
		rule = &p->rules[best];
	if (rule && rule->allow)
		return (struct policy_verdict){ true, NULL, rule->name };
	return (struct policy_verdict){ false,
		rule && rule->say ? rule->say
				  : "the policy of this gateway does not allow this identifier",
		rule ? rule->name : NULL };
}

bool
policy_names(const struct policy *policy, const char *profile, const struct ident *ids,
	size_t count, struct policy_verdict *ret)
{
	bool all = true;

	for (size_t i = 0; i < count; i++) {
		ret[i] = decide(policy, profile, &ids[i]);
		all = all && ret[i].allow;
	}
	return all;
}
