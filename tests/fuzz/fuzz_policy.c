/* fuzz_policy.c - what rules are made of: lists of patterns, conditions, hours, time zones. Whatever is taken compiles, and a decision on it
 * has a rule behind it if it allows; a rule that refuses in front of it all refuses all. The first octet says what the rest is. */
#include <stdlib.h>

#include "base/mem.h"
#include "gate/conf_case.h"
#include "policy/lines.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 64

static void
zone(struct span file)
{
	struct problem pr = { 0 };
	struct policy_zone *z;

	if (!policy_zone_parse(file, &z, &pr))
		return;
	for (int64_t at = INT64_MIN / 2; at < INT64_MAX / 4; at += INT64_MAX / 8) {
		int64_t offset = policy_zone_offset(z, at);

		if (offset < -100000 || offset > 100000)
			abort();
	}
	policy_zone_free(z);
}

static void
hours(struct span text)
{
	struct policy_hours h = { 0 };
	struct problem pr = { 0 };
	struct span from;

	if (span_cut(&text, ' ', &from) && policy_hours_parse(from, &h, &pr) && (h.from_min == h.to_min || h.from_min > 1439 || h.to_min > 1440))
		abort();
	if (policy_days_parse(text, &h, &pr) && (h.days == 0 || h.days > 0x7f))
		abort();
	for (int64_t at = -400000; at < 400000; at += 3600)
		policy_hours_have(&h, at);
}

struct lists {
	char *names[LINES_MAX], *texts[LINES_MAX];
	size_t name_count, text_count;
};

/* Patterns, then a line "--", then texts of the condition. */
static void
read_lists(struct span text, enum policy_cond cond, struct lists *ret)
{
	struct lines lines = lines_of(text);
	struct span line;
	bool behind = false;

	while (lines_next(&lines, &line)) {
		AUTO_FREE char *s = span_dup(line);
		struct problem pr = { 0 };

		if (span_is(line, "--"))
			behind = true;
		else if (!behind && ret->name_count < LINES_MAX && policy_pattern_check(s, &pr))
			ret->names[ret->name_count++] = xstrdup(s);
		else if (behind && ret->text_count < LINES_MAX && policy_text_check(cond, s, &pr))
			ret->texts[ret->text_count++] = xstrdup(s);
	}
}

static void
decide(struct span text, enum policy_cond cond)
{
	struct lists l = { .name_count = 0 };
	struct policy_rule rules[2] = { { .name = "a", .allow = true }, { .name = "b" } };
	struct policy_facts facts = { .now_unix_s = 0 };
	struct policy *p, *q;
	struct problem pr = { 0 };

	read_lists(text, cond, &l);
	rules[0].names = rules[1].names = (const char *const *)l.names;
	rules[0].name_count = rules[1].name_count = l.name_count;
	rules[0].lists[cond] = (struct policy_strings){ (const char *const *)l.texts, l.text_count };
	if (!policy_new(rules, 2, &p, &pr) || !policy_new(rules + 1, 1, &q, &pr))
		abort();
	for (size_t i = 0; i < l.name_count; i++) {
		struct ident id = { .type = IDENT_DNS };
		struct policy_verdict v, w;

		if (!span_copy(span_str(l.names[i]), id.value, sizeof(id.value)))
			continue;
		facts.texts[cond] = l.text_count ? l.texts[0] : NULL;
		policy_decide(p, &facts, &id, 1, &v);
		policy_decide(q, &facts, &id, 1, &w);
		if ((v.allow && v.number != 0) || w.allow)
			abort();
	}
	policy_free(p);
	policy_free(q);
	for (size_t i = 0; i < LINES_MAX; i++) {
		free(l.names[i]);
		free(l.texts[i]);
	}
}

static void
name(struct span text)
{
	char ascii[IDENT_VALUE], again[IDENT_VALUE];
	struct problem pr = { 0 };

	if (memchr(text.p ? text.p : "", '\0', text.n) || !ident_name_ascii(text, ascii, &pr))
		return;
	if (!ident_name_ascii(span_str(ascii), again, &pr) || strcmp(ascii, again) != 0)
		abort();
}

static void
words(struct span text)
{
	struct problem pr = { 0 };
	struct conf_case c;

	if (memchr(text.p ? text.p : "", '\0', text.n) || !conf_case_read(text, &c, &pr))
		return;
	if (c.idents.count == 0)
		abort();
	conf_case_done(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size);

	if (size == 0)
		return 0;
	rest = span_from(rest, 1);
	if (data[0] == 'z')
		zone(rest);
	else if (data[0] == 'h')
		hours(rest);
	else if (data[0] == 'n')
		name(rest);
	else if (data[0] == 'w')
		words(rest);
	else if (data[0] >= '0' && data[0] < '0' + POLICY_LISTS && data[0] != '0' + POLICY_PROFILE)
		decide(rest, (enum policy_cond)(data[0] - '0'));
	return 0;
}
