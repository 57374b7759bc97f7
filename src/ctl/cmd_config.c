/* cmd_config.c - acmegatectl config check, config show, config keys. */
#include <stdlib.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/table.h"
#include "gate/conf_case.h"
#include "json/jw.h"

static const char *
file_of(const struct ctl *ctl)
{
	const char *file = ctl_opt(ctl, "config");

	if (ctl->word_count)
		return ctl->words[0];
	return file ? file : CTL_CONFIG_FILE;
}

static void
write_check(struct ctl *ctl, const char *file, const struct conf_errors *errors)
{
	struct span rest = buf_span(&errors->text), line;
	struct jw w = jw_to(&ctl->out);

	jw_object(&w, NULL);
	jw_str(&w, "file", file);
	jw_bool(&w, "good", errors->count == 0);
	jw_array(&w, "errors");
	while (rest.n && span_cut(&rest, '\n', &line)) {
		if (line.n)
			jw_span(&w, NULL, line);
	}
	jw_end(&w);
	jw_end(&w);
	buf_addc(&ctl->out, '\n');
}

/* No fault of the configuration, but somebody should know. */
static void
note_lists(struct ctl *ctl, const struct gate_conf *conf)
{
	const struct trust_conf *list = conf->attestation_trust.list;
	char until[TIME_TEXT];

	for (size_t i = 0; i < conf->attestation_trust.count; i++) {
		if (list[i].good_until_unix_s && list[i].good_until_unix_s < clock_unix_s())
			ctl_note(ctl, "attestation_trust %s: its revocation lists were good until %s", list[i].name,
				time_rfc3339(list[i].good_until_unix_s, until));
	}
}

/* Orders that may end at a CA of the other kind. */
static void
note_kinds(struct ctl *ctl, const struct gate_conf *conf)
{
	const struct profile_conf *list = conf->profiles.list;

	for (size_t i = 0; i < conf->profiles.count; i++) {
		const struct upstream_conf *first = conf_profile_ca(conf, &list[i], 0), *u = first;

		for (size_t j = 1; u && u->kind == first->kind && j < conf_profile_ca_count(&list[i]); j++)
			u = conf_profile_ca(conf, &list[i], j);
		if (u && u->kind != first->kind)
			ctl_note(ctl, "profile %s: orders may go from a %s CA to a %s one, %s", list[i].name,
				first->kind == CA_KIND_PUBLIC ? "public" : "private", u->kind == CA_KIND_PUBLIC ? "public" : "private", u->name);
	}
}

int
cmd_config_check(struct ctl *ctl)
{
	const char *file = file_of(ctl);
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = gate_conf_load(file, &errors);
	struct span rest, line;
	int code = conf && conf_policy_tests(conf, clock_unix_s(), &errors) ? CTL_DONE : CTL_FAILED;

	if (ctl->json)
		write_check(ctl, file, &errors);
	else if (code == CTL_DONE)
		buf_addf(&ctl->out, "%s is good\n", file);
	if (conf) {
		note_lists(ctl, conf);
		note_kinds(ctl, conf);
	}
	rest = buf_span(&errors.text);
	while (rest.n && span_cut(&rest, '\n', &line)) {
		if (line.n)
			ctl_note(ctl, "%.*s", SPAN_FMT(line));
	}
	if (code != CTL_DONE && !ctl->json)
		ctl_fail(ctl, code, "%s has %u fault%s", file, errors.count, errors.count == 1 ? "" : "s");
	conf_errors_done(&errors);
	gate_conf_unref(conf);
	return code;
}

/* ---- the configuration in force, in the file's own language ---- */

static void
add_value(struct buf *out, const struct json_node *n)
{
	AUTO_FREE char *text = ctl_text(n);

	if (json_type(n) != JSON_STRING) {
		buf_adds(out, text);
		return;
	}
	buf_addc(out, '"');
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			buf_addc(out, '\\');
		ctl_add_clean(out, span_of(p, 1));
	}
	buf_addc(out, '"');
}

static void add_members(struct buf *out, const struct json_node *group, unsigned depth);

static void
add_indent(struct buf *out, unsigned depth)
{
	while (depth--)
		buf_addc(out, '\t');
}

static void
add_groups(struct buf *out, const struct json_node *list, unsigned depth)
{
	buf_adds(out, "(\n");
	for (size_t i = 0; i < json_count(list); i++) {
		add_indent(out, depth + 1);
		buf_adds(out, "{\n");
		add_members(out, json_at(list, i), depth + 2);
		add_indent(out, depth + 1);
		buf_adds(out, i + 1 < json_count(list) ? "},\n" : "}\n");
	}
	add_indent(out, depth);
	buf_adds(out, ")");
}

static void
add_array(struct buf *out, const struct json_node *list)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < json_count(list); i++) {
		buf_adds(out, i ? ", " : " ");
		add_value(out, json_at(list, i));
	}
	buf_adds(out, " ]");
}

static void
add_member(struct buf *out, struct span name, const struct json_node *n, unsigned depth)
{
	/* a key that is not set has no text in the file */
	if (json_type(n) == JSON_NULL)
		return;
	add_indent(out, depth);
	buf_addf(out, "%.*s = ", SPAN_FMT(name));
	if (json_type(n) == JSON_OBJECT) {
		buf_adds(out, "{\n");
		add_members(out, n, depth + 1);
		add_indent(out, depth);
		buf_addc(out, '}');
	} else if (json_type(n) == JSON_ARRAY && json_type(json_at(n, 0)) == JSON_OBJECT) {
		add_groups(out, n, depth);
	} else if (json_type(n) == JSON_ARRAY) {
		add_array(out, n);
	} else {
		add_value(out, n);
	}
	buf_adds(out, ";\n");
}

static void
add_members(struct buf *out, const struct json_node *group, unsigned depth)
{
	for (size_t i = 0; i < json_count(group); i++) {
		struct span name;
		const struct json_node *n = json_member(group, i, &name);

		add_member(out, name, n, depth);
	}
}

int
cmd_config_show(struct ctl *ctl)
{
	struct ctl_reply rp;
	int code = ctl_ask(ctl, "/config", NULL, &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	add_members(&ctl->out, rp.root, 0);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

/* ---- all keys ---- */

typedef void (*key_fn)(const char *name, const struct conf_key *key, void *arg);

/* "limits.head_max", "profiles[].name" */
static void
each_key(const struct conf_key *keys, const char *prefix, key_fn fn, void *arg)
{
	for (const struct conf_key *k = keys; k->name; k++) {
		AUTO_FREE char *name = xasprintf("%s%s%s", prefix, k->name, k->kind == CONF_LIST ? "[]" : "");
		AUTO_FREE char *deeper = xasprintf("%s.", name);

		if (k->sub)
			each_key(k->sub, deeper, fn, arg);
		else
			fn(name, k, arg);
	}
}

static void
key_json(const char *name, const struct conf_key *key, void *arg)
{
	struct jw *w = arg;

	jw_object(w, NULL);
	jw_str(w, "name", name);
	jw_str(w, "default", key->def);
	jw_bool(w, "required", key->flags & CONF_REQUIRED);
	jw_bool(w, "reload", key->flags & CONF_RELOAD);
	if (key->lo)
		jw_str(w, "lowest", key->lo);
	if (key->hi)
		jw_str(w, "highest", key->hi);
	if (key->choices)
		jw_str(w, "choices", key->choices);
	jw_str(w, "help", key->help);
	jw_end(w);
}

static void
key_row(const char *name, const struct conf_key *key, void *arg)
{
	struct table *t = arg;

	table_add(t, xstrdup(name));
	table_add(t, xstrdup(key->flags & CONF_REQUIRED ? "required" : key->def ? key->def : ""));
	table_add(t, xstrdup(key->flags & CONF_RELOAD ? "reload" : "restart"));
	table_add(t, xstrdup(key->help));
}

int
cmd_config_keys(struct ctl *ctl)
{
	static const struct column columns[] = { { "KEY" }, { "DEFAULT", .may_cut = true }, { "TAKEN BY" },
		{ "WHAT IT IS", .may_cut = true } };
	struct table t = table_of(columns, COUNT_OF(columns));
	struct jw w = jw_to(&ctl->out);

	if (!ctl->json) {
		each_key(gate_conf_keys, "", key_row, &t);
		table_write(&t, ctl->plain, ctl->width, &ctl->out);
		table_done(&t);
		return CTL_DONE;
	}
	jw_object(&w, NULL);
	jw_array(&w, "items");
	each_key(gate_conf_keys, "", key_json, &w);
	jw_end(&w);
	jw_null(&w, "next");
	jw_end(&w);
	buf_addc(&ctl->out, '\n');
	return CTL_DONE;
}
