/* cmd_policy.c - acmegatectl policy check, explain, list, replay: what rules say, and why. All but the facts of orders is the
 * configuration's, which is read here: so one that is not in force yet can be asked, too. */
#include <stdlib.h>

#include "base/rand.h"
#include "ctl/ctl.h"
#include "ctl/table.h"
#include "gate/conf_case.h"

static struct gate_conf *
load(struct ctl *ctl, const char *file)
{
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = gate_conf_load(file, &errors);

	if (!conf)
		ctl_fail(ctl, CTL_FAILED, "%s", buf_cstr(&errors.text));
	conf_errors_done(&errors);
	return conf;
}

static const char *
config_of(const struct ctl *ctl)
{
	const char *file = ctl_opt(ctl, "config");

	return file ? file : CTL_CONFIG_FILE;
}

/* ---- facts of the command line ---- */

static bool
add_options(const struct ctl *ctl, struct conf_case *c, struct problem *pr)
{
	for (int cond = 0; cond <= POLICY_HOURS; cond++) {
		const char *word = conf_facts_word((enum policy_cond)cond), *value = ctl_option_find(ctl->command->options, word) ? ctl_opt(ctl, word) : NULL;
		AUTO_FREE char *fact = value ? xasprintf("%s=%s", word, value) : NULL;

		if (fact && !conf_case_add(c, span_str(fact), pr))
			return false;
	}
	for (size_t i = 0; ctl_opt_at(ctl, "name", i); i++) {
		if (!conf_case_add(c, span_str(ctl_opt_at(ctl, "name", i)), pr))
			return false;
	}
	return true;
}

static int
read_case(struct ctl *ctl, const struct gate_conf *conf, struct conf_case *ret)
{
	struct problem pr = { 0 };
	bool good;

	*ret = conf_case_new();
	good = add_options(ctl, ret, &pr);
	for (size_t i = 0; good && i < ctl->word_count; i++)
		good = conf_case_add(ret, span_str(ctl->words[i]), &pr);
	if (good && ret->idents.count == 0)
		good = problem_set(&pr, PROBLEM_MALFORMED, "no identifier is asked about: add a name");
	if (!good) {
		conf_case_done(ret);
		return ctl_fail(ctl, CTL_USAGE, "%s", pr.detail);
	}
	conf_case_settle(ret, conf, clock_unix_s());
	return CTL_DONE;
}

/* ---- check ---- */

static void
add_effects(const struct rule_conf *r, struct buf *out)
{
	const struct { const char *word; const struct conf_strings *list; } lists[] = { { "challenges", &r->challenges }, { "upstreams", &r->upstreams } };

	if (r->already_proven)
		buf_adds(out, "already proven");
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		for (size_t j = 0; j < lists[i].list->count; j++)
			buf_addf(out, "%s%s%s", j ? " " : out->n ? "; " : "", j ? "" : i ? "CAs " : "challenges ", lists[i].list->list[j]);
	}
	if (r->longest_wait_s)
		buf_addf(out, "%swaits at most %llds", out->n ? "; " : "", (long long)r->longest_wait_s);
}

static const struct rule_conf *
rule_at(const struct gate_conf *conf, uint32_t number)
{
	return number == POLICY_NO_RULE ? NULL : (const struct rule_conf *)conf->rules.list + number;
}

static void
check_json(struct ctl *ctl, const struct gate_conf *conf, const struct conf_case *c, const struct policy_verdict *v, bool all)
{
	struct jw w = jw_to(&ctl->out);

	jw_object(&w, NULL);
	jw_bool(&w, "allowed", all);
	jw_array(&w, "identifiers");
	for (size_t i = 0; i < c->idents.count; i++) {
		const struct rule_conf *warned = rule_at(conf, v[i].warned);

		jw_object(&w, NULL);
		jw_str(&w, "value", c->idents.list[i].value);
		jw_bool(&w, "allowed", v[i].allow);
		jw_str(&w, "rule", v[i].rule);
		jw_str(&w, "say", v[i].say);
		jw_str(&w, "warned", warned ? warned->name : NULL);
		jw_end(&w);
	}
	jw_end(&w);
	jw_end(&w);
	buf_addc(&ctl->out, '\n');
}

static void
check_people(struct ctl *ctl, const struct gate_conf *conf, const struct conf_case *c, const struct policy_verdict *v)
{
	static const struct column columns[] = { { "NAME" }, { "VERDICT" }, { "RULE" }, { "ON TRIAL" }, { "SAYS", .may_cut = true } };
	struct table t = table_of(columns, COUNT_OF(columns));

	for (size_t i = 0; i < c->idents.count; i++) {
		const struct rule_conf *rule = rule_at(conf, v[i].number), *warned = rule_at(conf, v[i].warned);
		AUTO_BUF says = BUF_MAX(4096);

		if (v[i].allow)
			add_effects(rule, &says);
		table_add(&t, xstrdup(c->idents.list[i].value));
		table_add(&t, xstrdup(v[i].allow ? "allowed" : "refused"));
		table_add(&t, xstrdup(v[i].rule ? v[i].rule : "none"));
		table_add(&t, xstrdup(warned ? warned->name : ""));
		table_add(&t, xstrdup(v[i].allow ? buf_cstr(&says) : v[i].say));
	}
	table_write(&t, ctl->plain, ctl->width, &ctl->out);
	table_done(&t);
}

int
cmd_policy_check(struct ctl *ctl)
{
	struct gate_conf *conf = load(ctl, config_of(ctl));
	struct policy_verdict *v;
	struct conf_case c;
	int code = conf ? read_case(ctl, conf, &c) : CTL_FAILED;
	bool all;

	if (code != CTL_DONE) {
		gate_conf_unref(conf);
		return code;
	}
	v = xcalloc(c.idents.count, sizeof(*v));
	all = policy_decide(conf->policy, conf_facts_of(&c.facts), c.idents.list, c.idents.count, v);
	if (ctl->json)
		check_json(ctl, conf, &c, v, all);
	else
		check_people(ctl, conf, &c, v);
	free(v);
	conf_case_done(&c);
	gate_conf_unref(conf);
	return all ? CTL_DONE : CTL_REFUSED;
}

/* ---- explain ---- */

#define OTHER_NAMES (POLICY_BIT(POLICY_NAME) | POLICY_BIT(POLICY_TYPE) | POLICY_BIT(POLICY_WILDCARD))

struct why {
	struct ctl *ctl;
	const struct gate_conf *conf;
	struct conf_case *c;
	size_t others; /* rules for other names */
	struct jw *w;  /* --json */
};

static void
tell_miss(const struct why *y, const struct rule_conf *r, enum policy_cond cond)
{
	AUTO_BUF wanted = BUF_MAX(4096);
	char is[CONF_FACT_TEXT] = "";

	conf_rule_says(r, cond, &wanted);
	if (cond <= POLICY_HOURS)
		conf_facts_text(&y->c->facts, cond, is);
	if (y->w) {
		jw_object(y->w, NULL);
		jw_str(y->w, "condition", policy_cond_name(cond));
		jw_str(y->w, "is", is);
		jw_str(y->w, "wanted", buf_cstr(&wanted));
		jw_end(y->w);
	} else {
		buf_addf(&y->ctl->out, "      %s is %s, it would have to be %s\n", conf_facts_word(cond), is[0] ? is : "none", buf_cstr(&wanted));
	}
}

static void
on_rule(uint32_t number, unsigned misses, void *arg)
{
	struct why *y = arg;
	const struct rule_conf *r = rule_at(y->conf, number);

	if (misses & OTHER_NAMES) {
		y->others++;
		return;
	}
	if (y->w) {
		jw_object(y->w, NULL);
		jw_str(y->w, "rule", r->name);
		jw_bool(y->w, "matches", misses == 0);
		jw_array(y->w, "misses");
	} else {
		buf_addf(&y->ctl->out, "  rule %s, to %s%s: %s\n", r->name, r->action == 0 ? "allow" : "refuse", r->mode ? ", on trial" : "",
			misses ? "does not match" : r->mode ? "matches, and decides nothing" : "matches, and decides");
	}
	for (int cond = 0; cond < POLICY_NAME; cond++) {
		if (misses & POLICY_BIT(cond))
			tell_miss(y, r, (enum policy_cond)cond);
	}
	if (y->w) {
		jw_end(y->w);
		jw_end(y->w);
	}
}

static void
explain_one(struct why *y, const struct ident *id)
{
	struct policy_verdict v;

	policy_decide(y->conf->policy, conf_facts_of(&y->c->facts), id, 1, &v);
	y->others = 0;
	if (y->w) {
		jw_object(y->w, NULL);
		jw_str(y->w, "value", id->value);
		jw_bool(y->w, "allowed", v.allow);
		jw_str(y->w, "rule", v.rule);
		jw_array(y->w, "rules");
	} else {
		buf_addf(&y->ctl->out, "%s is %s by %s%s\n", id->value, v.allow ? "allowed" : "refused", v.rule ? "rule " : "no rule", v.rule ? v.rule : "");
	}
	policy_explain(y->conf->policy, conf_facts_of(&y->c->facts), id, on_rule, y);
	if (y->w) {
		jw_end(y->w);
		jw_int(y->w, "for_other_names", (int64_t)y->others);
		jw_end(y->w);
	} else if (y->others) {
		buf_addf(&y->ctl->out, "  %zu rule%s before that %s for other names\n", y->others, y->others == 1 ? "" : "s", y->others == 1 ? "is" : "are");
	}
}

static void
explain(struct ctl *ctl, const struct gate_conf *conf, struct conf_case *c)
{
	struct jw w = jw_to(&ctl->out);
	struct why y = { .ctl = ctl, .conf = conf, .c = c, .w = ctl->json ? &w : NULL };

	if (ctl->json) {
		jw_object(&w, NULL);
		jw_array(&w, "identifiers");
	}
	for (size_t i = 0; i < c->idents.count; i++)
		explain_one(&y, &c->idents.list[i]);
	if (ctl->json) {
		jw_end(&w);
		jw_end(&w);
		buf_addc(&ctl->out, '\n');
	}
}

/* Facts and names of an order, as the daemon tells them. */
static bool
case_of_order(const struct json_node *order, struct conf_case *ret, struct problem *pr)
{
	const struct json_node *idents = json_get(order, "identifiers"), *mapped = json_get(order, "mapped");
	struct ident id;

	*ret = conf_case_new();
	if (!conf_facts_read(json_get(order, "facts"), &ret->facts, pr))
		return false;
	for (size_t i = 0; i < json_count(idents); i++) {
		if (!ident_parse(json_text(json_get(json_at(idents, i), "type")), json_text(json_get(json_at(idents, i), "value")), &id, pr))
			return false;
		idents_add(&ret->idents, &id);
	}
	for (size_t i = 0; i < json_count(mapped); i++) {
		if (!ident_parse(SPAN("dns"), json_text(json_at(mapped, i)), &id, pr))
			return false;
		idents_add(&ret->idents, &id);
	}
	return true;
}

static bool
is_order(const struct ctl *ctl)
{
	return ctl->word_count == 1 && strlen(ctl->words[0]) == REF_TEXT - 1 && !strpbrk(ctl->words[0], ".:=");
}

static int
read_order(struct ctl *ctl, struct conf_case *ret)
{
	AUTO_FREE char *path = xasprintf("/orders/%s/policy", ctl->words[0]);
	struct problem pr = { 0 };
	struct ctl_reply rp;
	int code = ctl_ask(ctl, path, NULL, &rp);

	if (code != CTL_DONE)
		return code;
	if (!case_of_order(rp.root, ret, &pr)) {
		conf_case_done(ret);
		code = ctl_fail(ctl, CTL_FAILED, "%s", pr.detail);
	}
	ctl_reply_done(&rp);
	return code;
}

int
cmd_policy_explain(struct ctl *ctl)
{
	struct gate_conf *conf = load(ctl, config_of(ctl));
	struct conf_case c;
	int code = !conf ? CTL_FAILED : is_order(ctl) ? read_order(ctl, &c) : read_case(ctl, conf, &c);

	if (code == CTL_DONE) {
		explain(ctl, conf, &c);
		conf_case_done(&c);
	}
	gate_conf_unref(conf);
	return code;
}

/* ---- list ---- */

int
cmd_policy_list(struct ctl *ctl)
{
	static const struct column columns[] = { { "RULE" }, { "ACTION" }, { "MODE" }, { "ALLOWED", .is_number = true }, { "REFUSED", .is_number = true },
		{ "WARNED", .is_number = true } };
	static const char *const names[] = { "id", "action", "mode", "allowed", "refused", "warned" };
	static const char *const parameters[] = { "before", "limit", NULL };
	struct table t = table_of(columns, COUNT_OF(columns));
	const struct json_node *items;
	struct ctl_reply rp;
	int code = ctl_ask_list(ctl, "/policy", parameters, &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++)
		ctl_add_members(&t, json_at(items, i), names, COUNT_OF(names));
	return ctl_list_table(ctl, &t, &rp);
}

/* ---- replay ---- */

struct replay {
	struct gate_conf *conf;
	int64_t since, seen, changed;
	struct table t;
	struct jw w;
};

/* One name whose verdict, or rule, is another than it was. */
static void
note_change(struct ctl *ctl, struct replay *r, const struct json_node *order, const char *name, const char *was, const struct policy_verdict *v)
{
	AUTO_FREE char *id = ctl_text(json_get(order, "id"));

	r->changed++;
	if (ctl->json) {
		jw_object(&r->w, NULL);
		jw_str(&r->w, "order", id);
		jw_str(&r->w, "name", name);
		jw_str(&r->w, "was", was);
		jw_bool(&r->w, "allowed", v->allow);
		jw_str(&r->w, "rule", v->rule);
		jw_end(&r->w);
		return;
	}
	table_add(&r->t, xstrdup(id));
	table_add(&r->t, xstrdup(name));
	table_add(&r->t, xstrdup(was));
	table_add(&r->t, xstrdup(v->allow ? "allowed" : "refused"));
	table_add(&r->t, xstrdup(v->rule ? v->rule : "none"));
}

static bool
replay_one(struct ctl *ctl, struct replay *r, const struct json_node *order, struct problem *pr)
{
	const struct json_node *rules = json_get(order, "rules");
	struct conf_case c;
	bool good = case_of_order(order, &c, pr);

	for (size_t i = 0; good && i < c.idents.count; i++) {
		AUTO_FREE char *was = ctl_text(json_at(rules, i));
		struct policy_verdict v;

		policy_decide(r->conf->policy, conf_facts_of(&c.facts), &c.idents.list[i], 1, &v);
		if (!v.allow || (ctl_opt(ctl, "rules") && strcmp(v.rule, was) != 0))
			note_change(ctl, r, order, c.idents.list[i].value, was, &v);
	}
	conf_case_done(&c);
	r->seen++;
	return good;
}

/* *ret_next: where the next page begins; NULL at the end. On the heap. */
static int
replay_page(struct ctl *ctl, struct replay *r, const char *before, char **ret_next)
{
	AUTO_FREE char *path = xasprintf("/policy/orders?since=%lld&limit=200%s%s", (long long)r->since, before ? "&before=" : "", before ? before : "");
	const struct json_node *items, *next;
	struct problem pr = { 0 };
	struct ctl_reply rp;
	int code = ctl_ask(ctl, path, NULL, &rp);

	*ret_next = NULL;
	if (code != CTL_DONE)
		return code;
	items = json_get(rp.root, "items");
	next = json_get(rp.root, "next");
	for (size_t i = 0; code == CTL_DONE && i < json_count(items); i++) {
		if (!replay_one(ctl, r, json_at(items, i), &pr))
			code = ctl_fail(ctl, CTL_FAILED, "%s", pr.detail);
	}
	if (json_type(next) == JSON_STRING)
		*ret_next = span_dup(json_text(next));
	ctl_reply_done(&rp);
	return code;
}

static int
replay_all(struct ctl *ctl, struct replay *r)
{
	char *before = NULL, *next;
	int code;

	do {
		code = replay_page(ctl, r, before, &next);
		free(before);
		before = next;
	} while (code == CTL_DONE && before);
	free(before);
	return code;
}

int
cmd_policy_replay(struct ctl *ctl)
{
	static const struct column columns[] = { { "ORDER" }, { "NAME", .may_cut = true }, { "WAS ALLOWED BY" }, { "NOW" }, { "BY" } };
	const char *since = ctl_opt(ctl, "since");
	struct replay r = { .t = table_of(columns, COUNT_OF(columns)) };
	int64_t back_s = 30 * 86400;
	int code;

	if (since && !conf_time_parse(span_str(since), &back_s))
		return ctl_fail(ctl, CTL_USAGE, "--since is \"%s\", expected a time such as 30d", since);
	r.since = clock_unix_s() - back_s;
	r.conf = load(ctl, ctl->words[0]);
	if (!r.conf)
		return CTL_FAILED;
	r.w = jw_to(&ctl->out);
	if (ctl->json) {
		jw_object(&r.w, NULL);
		jw_array(&r.w, "items");
	}
	code = replay_all(ctl, &r);
	if (ctl->json) {
		jw_end(&r.w);
		jw_int(&r.w, "orders", r.seen);
		jw_end(&r.w);
		buf_addc(&ctl->out, '\n');
	} else if (r.t.cell_count) {
		table_write(&r.t, ctl->plain, ctl->width, &ctl->out);
	}
	table_done(&r.t);
	gate_conf_unref(r.conf);
	if (code == CTL_DONE)
		ctl_note(ctl, "%lld orders, %lld of their names are decided otherwise", (long long)r.seen, (long long)r.changed);
	return code;
}
