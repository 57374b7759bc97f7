/* conf_case.c - see conf_case.h. */
#include "gate/conf_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "policy/lines.h"

#define TESTS_MAX_BYTES (4 * 1024 * 1024)
#define WORDS_MAX 1000

struct conf_case
conf_case_new(void)
{
	return (struct conf_case){ .facts = conf_facts_new() };
}

void
conf_case_done(struct conf_case *c)
{
	conf_facts_done(&c->facts);
	idents_done(&c->idents);
}

/* ---- words ---- */

static bool
ident_read(struct span word, struct ident *ret, struct problem *pr)
{
	bool wildcard = span_starts(word, "*.");
	char ascii[IDENT_VALUE], name[IDENT_VALUE + 2];
	struct addr addr;

	for (int t = 0; t < IDENT__COUNT; t++) {
		const char *type = ident_type_name((enum ident_type)t);

		if (span_starts(word, type) && word.n > strlen(type) && word.p[strlen(type)] == ':')
			return ident_parse(span_str(type), span_from(word, strlen(type) + 1), ret, pr);
	}
	if (addr_parse(word, &addr))
		return ident_parse(SPAN("ip"), word, ret, pr);
	if (!ident_name_ascii(wildcard ? span_from(word, 2) : word, ascii, pr))
		return false;
	snprintf(name, sizeof(name), "%s%s", wildcard ? "*." : "", ascii);
	return ident_parse(SPAN("dns"), span_str(name), ret, pr);
}

static unsigned
bit_of(struct span fact)
{
	for (int cond = 0; cond <= POLICY_HOURS; cond++) {
		if (span_is(fact, conf_facts_word((enum policy_cond)cond)))
			return POLICY_BIT(cond);
	}
	return 0;
}

bool
conf_case_add(struct conf_case *c, struct span word, struct problem *pr)
{
	struct span value = word, fact;
	struct ident id;

	if (!memchr(word.p, '=', word.n)) {
		if (c->idents.count == WORDS_MAX || !ident_read(word, &id, pr))
			return c->idents.count < WORDS_MAX ? false : problem_set(pr, PROBLEM_MALFORMED, "more than %d identifiers", WORDS_MAX);
		idents_add(&c->idents, &id);
		return true;
	}
	if (!span_cut(&value, '=', &fact) || !conf_facts_set_word(&c->facts, fact, value.p ? value : SPAN(""), pr))
		return pr->kind ? false : problem_set(pr, PROBLEM_MALFORMED, "\"%s\" says nothing", QUOTE(word));
	c->given |= bit_of(fact);
	return true;
}

bool
conf_case_read(struct span words, struct conf_case *ret, struct problem *pr)
{
	struct conf_case c = conf_case_new();
	struct span word;
	bool good = true;

	while (good && words.n && span_cut(&words, ' ', &word)) {
		word = span_trim(word);
		good = word.n == 0 || conf_case_add(&c, word, pr);
	}
	if (good && c.idents.count == 0)
		good = problem_set(pr, PROBLEM_MALFORMED, "no identifier is asked about");
	if (good)
		*ret = c;
	else
		conf_case_done(&c);
	return good;
}

void
conf_case_settle(struct conf_case *c, const struct gate_conf *conf, int64_t now_unix_s)
{
	const struct profile_conf *p;
	const struct upstream_conf *first;
	bool has_device = false;

	if (!(c->given & POLICY_BIT(POLICY_PROFILE)))
		conf_facts_set(&c->facts, POLICY_PROFILE, conf->default_profile);
	p = conf_profile(conf, span_str(c->facts.texts[POLICY_PROFILE]));
	first = p ? conf_profile_ca(conf, p, 0) : NULL;
	if (!(c->given & POLICY_BIT(POLICY_LIFETIME)))
		conf_facts_set_number(&c->facts, POLICY_LIFETIME, first && first->driver == DRIVER_LOCAL ? p->validity_s : CONF_LIFETIME_ANY);
	if (!(c->given & POLICY_BIT(POLICY_NAME_COUNT)))
		conf_facts_set_number(&c->facts, POLICY_NAME_COUNT, (int64_t)c->idents.count);
	if (!(c->given & POLICY_BIT(POLICY_HOURS)))
		c->facts.f.now_unix_s = now_unix_s;
	for (size_t i = 0; i < c->idents.count; i++)
		has_device = has_device || ident_is_device(&c->idents.list[i]);
	/* of an order without a device nothing more will be known */
	for (int cond = POLICY_DEVICE_KIND; !has_device && cond <= POLICY_PROTECTION; cond++) {
		if (!(c->given & POLICY_BIT(cond)))
			conf_facts_set(&c->facts, (enum policy_cond)cond, NULL);
	}
}

/* ---- files of tests ---- */

struct expected { bool allow; struct span rule; };

/* "WORDS -> allow RULE" */
static bool
split(struct span line, struct span *ret_words, struct expected *ret, struct problem *pr)
{
	struct span rest, verdict;
	size_t at = 0;

	while (at + 1 < line.n && !(line.p[at] == '-' && line.p[at + 1] == '>'))
		at++;
	*ret_words = span_of(line.p, at);
	rest = span_trim(span_from(line, at + 2));
	if (at + 1 >= line.n || !span_cut(&rest, ' ', &verdict) || (!span_is(verdict, "allow") && !span_is(verdict, "refuse")))
		return problem_set(pr, PROBLEM_MALFORMED, "expected -> allow or -> refuse at the end, and perhaps the name of a rule");
	*ret = (struct expected){ span_is(verdict, "allow"), span_trim(rest) };
	return true;
}

static bool
is_as_expected(const struct gate_conf *conf, struct conf_case *c, const struct expected *want, struct problem *pr)
{
	struct policy_verdict *v = xcalloc(c->idents.count, sizeof(*v));
	bool all = policy_decide(conf->policy, conf_facts_of(&c->facts), c->idents.list, c->idents.count, v);
	size_t i = 0;

	/* the one that decides for the order: the first that is refused, or that another rule allows than is expected */
	while (i + 1 < c->idents.count && v[i].allow && (!want->allow || !want->rule.n || span_is(want->rule, v[i].rule)))
		i++;
	if (all != want->allow || (want->rule.n && !span_is(want->rule, v[i].rule ? v[i].rule : "")))
		problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is %s by %s%s%s, expected %s%s%.*s", c->idents.list[i].value, v[i].allow ? "allowed" : "refused",
			v[i].rule ? "rule \"" : "no rule", v[i].rule ? v[i].rule : "", v[i].rule ? "\"" : "", want->allow ? "allow" : "refuse",
			want->rule.n ? " by " : "", SPAN_FMT(want->rule));
	free(v);
	return pr->kind == PROBLEM_NONE;
}

static bool
run_line(const struct gate_conf *conf, int64_t now, struct span line, struct problem *pr)
{
	struct expected want = { 0 };
	struct span words;
	struct conf_case c;
	bool good;

	if (!split(line, &words, &want, pr) || !conf_case_read(words, &c, pr))
		return false;
	conf_case_settle(&c, conf, now);
	good = is_as_expected(conf, &c, &want, pr);
	conf_case_done(&c);
	return good;
}

bool
conf_policy_test(const struct gate_conf *conf, int64_t now, const char *where, const char *name, struct span text, struct conf_errors *errors)
{
	struct lines lines = lines_of(text);
	struct span line;
	bool good = true;

	while (lines_next(&lines, &line)) {
		struct problem pr = { 0 };

		if (run_line(conf, now, line, &pr))
			continue;
		conf_error(errors, where, "%s:%u: %s", name, lines.number, pr.detail);
		good = false;
	}
	return good;
}

static bool
run_file(const struct gate_conf *conf, size_t at, int64_t now, struct conf_errors *errors)
{
	const char *path = conf->policy_tests.list[at];
	AUTO_BUF text = BUF_MAX(TESTS_MAX_BYTES);
	AUTO_FREE char *where = xasprintf("policy_tests[%zu]", at);
	struct problem pr = { 0 };

	if (!file_load(path, &text, &pr)) {
		conf_error(errors, where, "%s", pr.cause);
		return false;
	}
	return conf_policy_test(conf, now, where, path, buf_span(&text), errors);
}

bool
conf_policy_tests(const struct gate_conf *conf, int64_t now_unix_s, struct conf_errors *errors)
{
	bool good = true;

	for (size_t i = 0; i < conf->policy_tests.count; i++)
		good = run_file(conf, i, now_unix_s, errors) && good;
	return good;
}
