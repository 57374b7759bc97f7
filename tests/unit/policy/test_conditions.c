/* Conditions of rules: each of them holds or does not, what is not known yet, trial, international names; and that all of it does what
 * a slow evaluator of random rules does, which knows nothing of how it is compiled. */
#include "policy/policy.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tap.h"

#define LIST(...) { (const char *const[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *) }
#define NAMES(...) .names = (const char *const[]){ __VA_ARGS__ }, .name_count = sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *)
#define ALL NAMES("*")

static struct ident
ident_of(const char *value)
{
	struct ident id = { .type = IDENT_DNS };
	struct addr addr;

	if (strncmp(value, "permanent-identifier:", 21) == 0) {
		id.type = IDENT_PERMANENT;
		value += 21;
	} else if (addr_parse(span_str(value), &addr)) {
		id.type = IDENT_IP;
	}
	snprintf(id.value, sizeof(id.value), "%s", value);
	return id;
}

static struct policy *
compile(const struct policy_rule *rules, size_t count)
{
	struct problem pr = { 0 };
	struct policy *p = NULL;

	if (!policy_new(rules, count, &p, &pr))
		printf("# %s\n", pr.detail);
	return p;
}

static struct policy_verdict
ask(const struct policy *p, const struct policy_facts *f, const char *name)
{
	struct ident id = ident_of(name);
	struct policy_verdict v;

	policy_decide(p, f, &id, 1, &v);
	return v;
}

/* ---- one condition at a time ---- */

static struct addr inside, outside, six;

static const struct policy_rule one_rules[] = {
	{ .allow = true, ALL, .lists[POLICY_TENANT] = LIST("plant", "lab-*") },
	{ .allow = true, ALL, .lists[POLICY_EAB_KEY] = LIST("*") },
	{ .allow = true, ALL, .lists[POLICY_ADDRESS] = LIST("10.1.0.0/16", "2001:db8::/32") },
	{ .allow = true, ALL, .lists[POLICY_SOURCE_NAME] = LIST("gw.corp.example", "*.plant.example") },
	{ .allow = true, ALL, .lists[POLICY_DEVICE_TAG] = LIST("red", "floor-*") },
	{ .allow = true, ALL, .lists[POLICY_KEY_TYPE] = LIST("p256", "p384") },
	{ .allow = true, ALL, .ranges[POLICY_NAME_COUNT - POLICY_LISTS] = { 2, 3 } },
	{ .allow = true, ALL, .ranges[POLICY_LIFETIME - POLICY_LISTS] = { 0, 100 } },
	{ .allow = true, ALL, .ranges[POLICY_OUTSTANDING - POLICY_LISTS] = { 5, 0 } },
	{ .allow = true, ALL, .types = 1u << IDENT_IP },
	{ .allow = true, NAMES("*", "*.a.example"), .wildcard = POLICY_WILDCARD_ONLY },
	{ .allow = true, NAMES("*", "*.a.example"), .wildcard = POLICY_WILDCARD_NEVER },
	{ .allow = true, ALL, .no_idn = true },
	{ .allow = true, NAMES("b\303\274cher.example", "*.M\303\234NCHEN.example") },
};
enum { TENANT, EAB, ADDRESS, SOURCE, TAG, KEY, COUNT, LIFE, HAS, TYPE, ONLY, NEVER, IDN, UNICODE };

static const struct {
	int rule;
	struct policy_facts f;
	const char *name;
	bool allow;
	const char *what;
} ones[] = {
	{ TENANT, { .texts[POLICY_TENANT] = "plant" }, "a.example", true, "the tenant is named" },
	{ TENANT, { .texts[POLICY_TENANT] = "plan" }, "a.example", false, "another tenant" },
	{ TENANT, { .texts[POLICY_TENANT] = "plants" }, "a.example", false, "a tenant that begins with it" },
	{ TENANT, { .texts[POLICY_TENANT] = "lab-3" }, "a.example", true, "a tenant of those that begin so" },
	{ TENANT, { .texts[POLICY_TENANT] = "lab-" }, "a.example", true, "with nothing behind it" },
	{ TENANT, { .texts[POLICY_TENANT] = "lab" }, "a.example", false, "one that is shorter" },
	{ TENANT, { .texts[POLICY_TENANT] = "" }, "a.example", false, "no tenant" },
	{ EAB, { .texts[POLICY_EAB_KEY] = "k" }, "a.example", true, "any key" },
	{ EAB, { .texts[POLICY_EAB_KEY] = NULL }, "a.example", false, "no key" },
	{ ADDRESS, { .address = &inside }, "a.example", true, "an address in the network" },
	{ ADDRESS, { .address = &six }, "a.example", true, "one of IPv6" },
	{ ADDRESS, { .address = &outside }, "a.example", false, "one outside" },
	{ ADDRESS, { .address = NULL }, "a.example", false, "no address" },
	{ SOURCE, { .texts[POLICY_SOURCE_NAME] = "gw.corp.example" }, "a.example", true, "a name of the source" },
	{ SOURCE, { .texts[POLICY_SOURCE_NAME] = "x.gw.corp.example" }, "a.example", false, "one below it" },
	{ SOURCE, { .texts[POLICY_SOURCE_NAME] = "a.b.plant.example" }, "a.example", true, "one below a domain" },
	{ SOURCE, { .texts[POLICY_SOURCE_NAME] = "plant.example" }, "a.example", false, "the domain itself" },
	{ SOURCE, { .texts[POLICY_SOURCE_NAME] = "xplant.example" }, "a.example", false, "a name that ends like it" },
	{ TAG, { .texts[POLICY_DEVICE_TAG] = "blue red" }, "a.example", true, "one of several tags" },
	{ TAG, { .texts[POLICY_DEVICE_TAG] = "blue floor-2" }, "a.example", true, "one that begins so" },
	{ TAG, { .texts[POLICY_DEVICE_TAG] = "reddish" }, "a.example", false, "another tag" },
	{ TAG, { .texts[POLICY_DEVICE_TAG] = "" }, "a.example", false, "no tag" },
	{ KEY, { .texts[POLICY_KEY_TYPE] = "p384" }, "a.example", true, "a key that may be" },
	{ KEY, { .texts[POLICY_KEY_TYPE] = "rsa2048" }, "a.example", false, "another key" },
	{ KEY, { .unknown = POLICY_BIT(POLICY_KEY_TYPE) }, "a.example", true, "a key that is not known yet" },
	{ COUNT, { .numbers[0] = 1 }, "a.example", false, "too few names" },
	{ COUNT, { .numbers[0] = 2 }, "a.example", true, "just enough" },
	{ COUNT, { .numbers[0] = 3 }, "a.example", true, "just not too many" },
	{ COUNT, { .numbers[0] = 4 }, "a.example", false, "too many" },
	{ LIFE, { .numbers[1] = 100 }, "a.example", true, "a life that is short enough" },
	{ LIFE, { .numbers[1] = 101 }, "a.example", false, "one that is too long" },
	{ LIFE, { .unknown = POLICY_BIT(POLICY_LIFETIME) }, "a.example", true, "one that is not known yet" },
	{ HAS, { .numbers[2] = 5 }, "a.example", true, "enough certificates" },
	{ HAS, { .numbers[2] = 4 }, "a.example", false, "too few of them" },
	{ TYPE, { .now_unix_s = 0 }, "10.0.0.1", true, "an address as identifier" },
	{ TYPE, { .now_unix_s = 0 }, "a.example", false, "a name, where addresses are wanted" },
	{ ONLY, { .now_unix_s = 0 }, "*.a.example", true, "a wildcard, where only those are" },
	{ ONLY, { .now_unix_s = 0 }, "x.a.example", false, "a name, there" },
	{ NEVER, { .now_unix_s = 0 }, "*.a.example", false, "a wildcard, where none may be" },
	{ NEVER, { .now_unix_s = 0 }, "x.a.example", true, "a name, there" },
	{ IDN, { .now_unix_s = 0 }, "a.example", true, "a plain name, where international ones are refused" },
	{ IDN, { .now_unix_s = 0 }, "www.xn--bcher-kva.example", false, "an international one" },
	{ UNICODE, { .now_unix_s = 0 }, "xn--bcher-kva.example", true, "a pattern in Unicode matches A-labels" },
	{ UNICODE, { .now_unix_s = 0 }, "x.xn--mnchen-3ya.example", true, "a domain in capitals of Unicode, too" },
	{ UNICODE, { .now_unix_s = 0 }, "bucher.example", false, "and nothing that looks like it" },
};

static void
test_ones(void)
{
	addr_parse(SPAN("10.1.2.3"), &inside);
	addr_parse(SPAN("10.2.2.3"), &outside);
	addr_parse(SPAN("2001:db8:1::1"), &six);
	for (size_t i = 0; i < COUNT_OF(ones); i++) {
		struct policy_rule rule = one_rules[ones[i].rule], refuse = rule;
		struct policy *p, *q;
		struct policy_verdict v;

		rule.name = "one";
		p = compile(&rule, 1);
		v = ask(p, &ones[i].f, ones[i].name);
		ok(v.allow == ones[i].allow, "%s: %s", ones[i].what, ones[i].allow ? "allowed" : "refused");
		policy_free(p);
		/* refused by the same condition, it is what it says that is refused, but for what is not known */
		refuse.name = "not";
		refuse.allow = false;
		refuse.no_idn = false;
		q = compile((struct policy_rule[]){ refuse, { .name = "all", .allow = true, ALL, }, { .name = "wild", .allow = true, NAMES("*.a.example") } }, 3);
		v = ask(q, &ones[i].f, ones[i].name);
		if (ones[i].f.unknown)
			ok(v.allow, "  refusing, it waits until it is known");
		else if (ones[i].rule != IDN)
			ok(v.allow != ones[i].allow, "  refusing, it does the contrary");
		policy_free(q);
	}
}

static void
test_trial(void)
{
	const struct policy_rule rules[] = {
		{ .name = "trial", .warn = true, NAMES("*.a.example") },
		{ .name = "second", .warn = true, .allow = true, ALL },
		{ .name = "here", .allow = true, NAMES("*.a.example") },
		{ .name = "asker", ALL, .lists[POLICY_TENANT] = LIST("x") },
	};
	struct policy *p = compile(rules, COUNT_OF(rules));
	struct policy_facts f = { .texts[POLICY_TENANT] = "x" };
	struct policy_verdict v = ask(p, &f, "x.a.example");

	ok(v.allow && v.number == 2 && v.warned == 0, "a rule on trial decides nothing, and is told of");
	v = ask(p, &f, "b.example");
	ok(!v.allow && v.warned == 1 && v.number == 3 && v.is_of_asker, "one that would allow neither; a refusal of who asks says so");
	f.texts[POLICY_TENANT] = "y";
	v = ask(p, &f, "b.example");
	ok(!v.allow && v.number == POLICY_NO_RULE && !v.rule && !v.is_of_asker, "without a rule that matches it is refused");
	ok(policy_asks(p) == POLICY_BIT(POLICY_TENANT), "it is known what is asked for");
	policy_free(p);
}

struct seen { unsigned misses[8]; size_t count; };

static void
on_why(uint32_t rule, unsigned misses, void *arg)
{
	struct seen *s = arg;

	if (rule < COUNT_OF(s->misses))
		s->misses[s->count++] = misses;
}

static void
test_explain(void)
{
	const struct policy_rule rules[] = {
		{ .name = "a", .allow = true, NAMES("*.b.example"), .lists[POLICY_TENANT] = LIST("x") },
		{ .name = "b", .allow = true, ALL, .lists[POLICY_KEY_TYPE] = LIST("p384"), .ranges[0] = { 0, 1 }, .hours = { .days = 1 } },
		{ .name = "t", .warn = true, ALL },
		{ .name = "c", .allow = true, ALL, .types = 1u << IDENT_DNS },
		{ .name = "d", .allow = true, ALL },
	};
	struct policy *p = compile(rules, COUNT_OF(rules));
	/* a Thursday */
	struct policy_facts f = { .texts[POLICY_TENANT] = "y", .texts[POLICY_KEY_TYPE] = "p256", .numbers[0] = 2 };
	struct ident id = ident_of("a.example");
	struct seen s = { .count = 0 };

	policy_explain(p, &f, &id, on_why, &s);
	is_int((int)s.count, 4, "all rules are explained up to the one that decides");
	is_int((int)s.misses[0], POLICY_BIT(POLICY_NAME) | POLICY_BIT(POLICY_TENANT), "name and tenant do not fit the first");
	is_int((int)s.misses[1], POLICY_BIT(POLICY_KEY_TYPE) | POLICY_BIT(POLICY_NAME_COUNT) | POLICY_BIT(POLICY_HOURS), "key, number and day not the second");
	ok(s.misses[2] == 0 && s.misses[3] == 0, "the one on trial fits, and the one that decides");
	policy_free(p);
}

static void
test_refusals(void)
{
	static const struct { enum policy_cond cond; const char *text; } bad[] = {
		{ POLICY_TENANT, "" }, { POLICY_TENANT, "a*b" }, { POLICY_TENANT, "**" }, { POLICY_ADDRESS, "10.0.0.1/8" }, { POLICY_ADDRESS, "x" },
		{ POLICY_SOURCE_NAME, "a..b" }, { POLICY_SOURCE_NAME, "10.0.0.0/8" }, { POLICY_SOURCE_NAME, "permanent-identifier:a" },
	};
	char text[300];
	struct problem pr = { 0 };

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ok(!policy_text_check(bad[i].cond, bad[i].text, &pr), "%s \"%s\" is refused", policy_cond_name(bad[i].cond), bad[i].text);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	ok(!policy_text_check(POLICY_TENANT, text, &pr), "so is a text that is endless");
	struct policy_rule rule = { .name = "x", .allow = true, ALL, .lists[POLICY_EAB_KEY] = LIST("*") };
	struct policy *p = compile(&rule, 1);
	ok(ask(p, &(struct policy_facts){ .texts[POLICY_EAB_KEY] = text }, "a.b").allow, "an endless one that is asked about does no harm");
	policy_free(p);
}

/* ---- random rules, and a slow evaluator of them ---- */

static unsigned state = 1;

static unsigned
pick(unsigned n)
{
	state = state * 1103515245u + 12345u;
	return (state >> 16) % n;
}

static const char *const patterns[] = { "a.x.example", "*.x.example", "*.example", "b.x.example", "*", "10.0.0.0/8", "10.1.2.3", "permanent-identifier:SN-1", "permanent-identifier:SN-*" };
static const char *const names[] = { "a.x.example", "b.x.example", "c.b.x.example", "x.example", "*.x.example", "*.b.x.example", "y.test", "10.1.2.3", "10.9.9.9", "11.0.0.1",
	"permanent-identifier:SN-1", "permanent-identifier:SN-2", "permanent-identifier:XX" };
static const char *const texts[] = { "one", "two", "on*", "*", "three" };
static const char *const given[] = { "one", "two", "three", "on", NULL };
static const enum policy_cond some[] = { POLICY_PROFILE, POLICY_TENANT, POLICY_EAB_KEY, POLICY_MODEL, POLICY_KEY_TYPE };

static bool
slow_text(const char *pattern, const char *text)
{
	size_t n = strlen(pattern);

	if (!text || !*text)
		return false;
	return pattern[n - 1] == '*' ? strncmp(pattern, text, n - 1) == 0 : strcmp(pattern, text) == 0;
}

static bool
ends_below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return n > d && name[n - d - 1] == '.' && strcmp(name + n - d, domain) == 0;
}

static bool
slow_name(const char *pattern, bool refuse, const struct ident *id)
{
	bool wildcard = ident_is_wildcard(id), is_device = ident_is_device(id);
	struct net net;
	struct addr addr;
	struct problem pr = { 0 };

	if (strncmp(pattern, "permanent-identifier:", 21) == 0)
		return is_device && slow_text(pattern + 21, id->value);
	if (strcmp(pattern, "*") == 0)
		return !is_device || refuse;
	if (net_parse(span_str(pattern), &net, &pr))
		return id->type == IDENT_IP && addr_parse(span_str(id->value), &addr) && net_has(&net, &addr);
	if (id->type != IDENT_DNS)
		return false;
	if (strncmp(pattern, "*.", 2) == 0)
		return ends_below(id->value, pattern + 2);
	return wildcard ? refuse && strcmp(strchr(pattern, '.') + 1, ident_base(id)) == 0 : strcmp(pattern, id->value) == 0;
}

static bool
slow_matches(const struct policy_rule *r, const struct policy_facts *f, const struct ident *id)
{
	bool named = false;

	for (size_t i = 0; i < r->name_count; i++)
		named = named || slow_name(r->names[i], !r->allow, id);
	for (size_t i = 0; i < COUNT_OF(some); i++) {
		const struct policy_strings *list = some[i] == POLICY_PROFILE ? &(struct policy_strings){ r->profiles, r->profile_count } : &r->lists[some[i]];
		bool fits = list->count == 0;

		for (size_t j = 0; j < list->count; j++)
			fits = fits || slow_text(list->list[j], f->texts[some[i]]);
		if (list->count && f->unknown & POLICY_BIT(some[i]))
			fits = r->allow;
		named = named && fits;
	}
	if (r->ranges[0].max && !(f->numbers[0] >= r->ranges[0].min && f->numbers[0] <= r->ranges[0].max))
		return false;
	return named && (!r->types || r->types >> id->type & 1) && !(r->wildcard == POLICY_WILDCARD_ONLY && !ident_is_wildcard(id)) &&
		!(r->wildcard == POLICY_WILDCARD_NEVER && ident_is_wildcard(id));
}

static uint32_t
slow_decide(const struct policy_rule *rules, size_t count, const struct policy_facts *f, const struct ident *id, uint32_t *ret_warned)
{
	*ret_warned = POLICY_NO_RULE;
	for (uint32_t i = 0; i < count; i++) {
		if (!slow_matches(&rules[i], f, id))
			continue;
		if (!rules[i].warn)
			return i;
		if (*ret_warned == POLICY_NO_RULE)
			*ret_warned = i;
	}
	return POLICY_NO_RULE;
}

struct random_rule { const char *names[3], *lists[COUNT_OF(some)][2]; };

static void
make_rule(struct policy_rule *r, struct random_rule *room)
{
	*r = (struct policy_rule){ .name = "r", .allow = pick(2), .warn = pick(8) == 0, .names = room->names, .name_count = 1 + pick(3) };
	for (size_t i = 0; i < r->name_count; i++)
		room->names[i] = patterns[pick(COUNT_OF(patterns))];
	for (size_t i = 0; i < COUNT_OF(some); i++) {
		size_t n = pick(3) ? 0 : 1 + pick(2);

		for (size_t j = 0; j < n; j++)
			room->lists[i][j] = texts[pick(COUNT_OF(texts))];
		if (some[i] == POLICY_PROFILE) {
			r->profiles = room->lists[i];
			r->profile_count = n;
		} else {
			r->lists[some[i]] = (struct policy_strings){ room->lists[i], n };
		}
	}
	if (pick(4) == 0)
		r->ranges[0] = (struct policy_range){ pick(3), 3 + pick(3) };
	r->types = pick(6) ? 0 : 1 + pick(7);
	r->wildcard = pick(5) ? POLICY_WILDCARD_ANY : (enum policy_wildcard)pick(3);
}

static void
make_facts(struct policy_facts *f)
{
	*f = (struct policy_facts){ .unknown = pick(3) ? 0 : POLICY_BIT(some[pick(COUNT_OF(some))]) };
	for (size_t i = 0; i < COUNT_OF(some); i++)
		f->texts[some[i]] = given[pick(COUNT_OF(given))];
	f->numbers[0] = pick(7);
}

static void
test_random(void)
{
	enum { RULES = 150, ROUNDS = 60, ASKS = 60 };
	struct random_rule *room = xcalloc(RULES + 1, sizeof(*room));
	struct policy_rule *rules = xcalloc(RULES + 1, sizeof(*rules)), refuse;
	size_t wrong = 0, changed = 0, widened = 0, later_widened = 0, allowed = 0;

	for (int round = 0; round < ROUNDS; round++) {
		size_t n = 1 + pick(RULES), at = pick((unsigned)n);
		struct policy *p, *longer, *more;

		for (size_t i = 0; i < n + 1; i++)
			make_rule(&rules[i], &room[i]);
		p = compile(rules, n);
		longer = compile(rules, n + 1);
		/* a refusal put in anywhere */
		refuse = rules[at];
		rules[at].allow = rules[at].warn = false;
		more = compile(rules, n);
		rules[at] = refuse;
		for (int i = 0; i < ASKS; i++) {
			struct ident id = ident_of(names[pick(COUNT_OF(names))]);
			struct policy_facts f, known;
			struct policy_verdict v, w, x, k;
			uint32_t warned, want;

			make_facts(&f);
			want = slow_decide(rules, n, &f, &id, &warned);
			policy_decide(p, &f, &id, 1, &v);
			policy_decide(longer, &f, &id, 1, &w);
			policy_decide(more, &f, &id, 1, &x);
			wrong += v.number != want || v.warned != warned || v.allow != (want != POLICY_NO_RULE && rules[want].allow);
			changed += v.number != POLICY_NO_RULE && (w.number != v.number || w.allow != v.allow);
			widened += x.allow && !v.allow && !refuse.warn;
			/* the same with all known: what was refused before cannot be allowed then */
			known = f;
			known.unknown = 0;
			policy_decide(p, &known, &id, 1, &k);
			later_widened += k.allow && !v.allow;
			allowed += v.allow;
		}
		policy_free(p);
		policy_free(longer);
		policy_free(more);
	}
	is_int((int)wrong, 0, "random rules decide as the slow evaluator does");
	is_int((int)changed, 0, "a rule below never changes what one above decides");
	is_int((int)widened, 0, "a rule that refuses instead of what it did never allows more");
	is_int((int)later_widened, 0, "what is known later never allows more");
	ok(allowed > 100, "some were allowed (%zu)", allowed);
	free(room);
	free(rules);
}

/* ---- hours ---- */

#define THURSDAY 0
#define HOUR 3600
static const struct {
	const char *hours, *days;
	int64_t at;
	bool want;
} hours[] = {
	{ "08:00-18:00", NULL, THURSDAY + 8 * HOUR, true }, { "08:00-18:00", NULL, THURSDAY + 8 * HOUR - 1, false },
	{ "08:00-18:00", NULL, THURSDAY + 18 * HOUR, false }, { "08:00-18:00", NULL, THURSDAY + 18 * HOUR - 1, true },
	{ "22:00-06:00", NULL, THURSDAY + 23 * HOUR, true }, { "22:00-06:00", NULL, THURSDAY + 5 * HOUR, true }, { "22:00-06:00", NULL, THURSDAY + 6 * HOUR, false },
	{ "22:00-06:00", "thu", THURSDAY + 5 * HOUR, false }, { "22:00-06:00", "wed", THURSDAY + 5 * HOUR, true }, { "22:00-06:00", "thu", THURSDAY + 23 * HOUR, true },
	{ NULL, "thu", THURSDAY, true }, { NULL, "mon-wed", THURSDAY, false }, { NULL, "sat-thu", THURSDAY, true }, { NULL, "fri", THURSDAY + 24 * HOUR, true },
	{ NULL, "wed", THURSDAY - 1, true }, { "18:00-24:00", NULL, THURSDAY - 1, true }, { "00:00-24:00", NULL, THURSDAY, true },
};
static const char *const bad_hours[] = { "", "8-18", "08:00", "08:00-", "08:00-08:00", "25:00-26:00", "08:60-09:00", "24:01-25:00", "24:00-08:00", "08:00-18:00-", "0800-1800", "+8:00-18:00" };
static const char *const bad_days[] = { "", "monday", "mon-", "-mon", "mon-fri-sun", "MON", "mon,tue" };

static void
test_hours(void)
{
	struct problem pr = { 0 };

	for (size_t i = 0; i < COUNT_OF(hours); i++) {
		struct policy_hours h = { 0 };
		bool good = (!hours[i].hours || policy_hours_parse(span_str(hours[i].hours), &h, &pr)) && (!hours[i].days || policy_days_parse(span_str(hours[i].days), &h, &pr));

		ok(good && policy_hours_are_set(&h) && policy_hours_have(&h, hours[i].at) == hours[i].want, "%s %s %s %lld", hours[i].days ? hours[i].days : "", hours[i].hours ? hours[i].hours : "",
			hours[i].want ? "has" : "has not", (long long)hours[i].at);
	}
	for (size_t i = 0; i < COUNT_OF(bad_hours); i++)
		ok(!policy_hours_parse(span_str(bad_hours[i]), &(struct policy_hours){ 0 }, &pr), "hours \"%s\" are refused", bad_hours[i]);
	for (size_t i = 0; i < COUNT_OF(bad_days); i++)
		ok(!policy_days_parse(span_str(bad_days[i]), &(struct policy_hours){ 0 }, &pr), "days \"%s\" are refused", bad_days[i]);
}

/* A zone of two transitions: an hour from 1000 on, none from 2000 on, before them half an hour west. */
static struct buf
zone_file(void)
{
	static const unsigned char body[] = { 'T', 'Z', 'i', 'f', '2', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		'T', 'Z', 'i', 'f', '2', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1,
		0, 0, 0, 0, 0, 0, 0x03, 0xe8, 0, 0, 0, 0, 0, 0, 0x07, 0xd0, 1, 2,
		0xff, 0xff, 0xf8, 0xf8, 0, 0, 0, 0, 0x0e, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct buf b = BUF_MAX(1024);

	buf_add(&b, body, sizeof(body));
	return b;
}

static void
test_zone(void)
{
	AUTO_BUF file = zone_file();
	struct problem pr = { 0 };
	struct policy_zone *z = NULL;

	ok(policy_zone_parse(buf_span(&file), &z, &pr), "a zone is read");
	is_int((int)policy_zone_offset(z, 999), -1800, "before its first transition");
	is_int((int)policy_zone_offset(z, 1000), 3600, "from it on");
	is_int((int)policy_zone_offset(z, 1999), 3600, "until the next");
	is_int((int)policy_zone_offset(z, INT64_MAX), 0, "and for ever after the last");
	ok(policy_hours_have(&(struct policy_hours){ .from_min = 60, .to_min = 90, .zone = z }, 1500), "hours are those of the zone");
	policy_zone_free(z);
	for (size_t n = 0; n < file.n; n++) {
		if (policy_zone_parse(span_of(file.p, n), &z, &pr)) {
			ok(false, "cut at %zu it is refused", n);
			policy_zone_free(z);
		}
	}
	file.p[88 + 7] = (char)0xd8;
	file.p[88 + 6] = 0x07;
	ok(!policy_zone_parse(buf_span(&file), &z, &pr), "transitions that are not in order are refused");
	is_int((int)policy_zone_offset(NULL, 5), 0, "no zone is UTC");
}

int
main(void)
{
	test_ones();
	test_trial();
	test_explain();
	test_refusals();
	test_random();
	test_hours();
	test_zone();
	return done_testing();
}
