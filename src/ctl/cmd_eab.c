/* cmd_eab.c - acmegatectl eab create, rotate, list, show, disable, enable, revoke. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/secret.h"
#include "conf/conf.h"
#include "ctl/ctl.h"
#include "ctl/eab_formats.h"
#include "ctl/table.h"
#include "json/jw.h"

/* ---- what is asked for ---- */

static int
add_count(struct ctl *ctl, struct jw *w, const char *name)
{
	int64_t n = 0;
	int code = ctl_opt_count(ctl, name, &n);

	if (n)
		jw_int(w, name, n);
	return code;
}

static void
add_profiles(struct ctl *ctl, struct jw *w)
{
	struct span rest = span_str(ctl_opt(ctl, "profiles")), name;

	if (!rest.p)
		return;
	jw_array(w, "profiles");
	while (span_cut(&rest, ',', &name))
		jw_span(w, NULL, span_trim(name));
	jw_end(w);
}

static void
add_many(struct ctl *ctl, struct jw *w, const char *name)
{
	const char *value;

	if (!ctl_opt(ctl, name))
		return;
	jw_array(w, name);
	for (size_t i = 0; (value = ctl_opt_at(ctl, name, i)); i++)
		jw_str(w, NULL, value);
	jw_end(w);
}

static int
add_import(struct ctl *ctl, struct jw *w)
{
	AUTO_SECRET text = BUF_MAX(CTL_SECRET_MAX);
	int code;

	if (!ctl_opt(ctl, "import"))
		return CTL_DONE;
	code = ctl_read_secret(ctl, ctl_opt(ctl, "import"), &text);
	if (code == CTL_DONE)
		jw_span(w, "key", buf_span(&text));
	return code;
}

static int
write_create(struct ctl *ctl, struct buf *out)
{
	struct jw w = jw_to(out);
	char expires[TIME_TEXT];
	int code = ctl_opt_expires(ctl, expires);

	jw_object(&w, NULL);
	if (ctl_opt(ctl, "kid"))
		jw_str(&w, "kid", ctl_opt(ctl, "kid"));
	if (ctl_opt(ctl, "note"))
		jw_str(&w, "note", ctl_opt(ctl, "note"));
	if (ctl_opt(ctl, "tenant"))
		jw_str(&w, "tenant", ctl_opt(ctl, "tenant"));
	if (ctl_opt(ctl, "cost-centre"))
		jw_str(&w, "cost_centre", ctl_opt(ctl, "cost-centre"));
	if (expires[0])
		jw_str(&w, "expires", expires);
	jw_bool(&w, "keep_accounts", ctl_opt(ctl, "keep-accounts") != NULL);
	add_profiles(ctl, &w);
	add_many(ctl, &w, "names");
	add_many(ctl, &w, "networks");
	if (code == CTL_DONE)
		code = add_count(ctl, &w, "uses");
	if (code == CTL_DONE)
		code = add_count(ctl, &w, "accounts");
	if (code == CTL_DONE)
		code = add_import(ctl, &w);
	jw_end(&w);
	return code;
}

/* ---- what is shown ---- */

static char *
words(const struct json_node *key, const char *member, const char *none)
{
	const struct json_node *list = json_get(key, member);
	AUTO_BUF text = BUF_MAX(8192);

	for (size_t i = 0; i < json_count(list); i++)
		buf_addf(&text, "%s%.*s", i ? ", " : "", SPAN_FMT(json_text(json_at(list, i))));
	return xstrdup(text.n ? buf_cstr(&text) : none);
}

static char *
profiles(const struct json_node *key)
{
	return words(key, "profiles", "all");
}

/* What became of it. */
static void
print_history(struct ctl *ctl, const struct json_node *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_node *e = json_at(list, i);
		AUTO_FREE char *at = ctl_text(json_get(e, "at")), *what = ctl_text(json_get(e, "event")), *by = ctl_text(json_get(e, "by"));
		AUTO_FREE char *detail = ctl_text(json_get(e, "detail"));
		AUTO_FREE char *line = xasprintf("%s by %s%s%s", what, by, *detail ? ": " : "", detail);

		ctl_field(ctl, at, span_str(line));
	}
}

/* "3 of 10", "3" */
static char *
of(const struct json_node *key, const char *name, const char *name_max)
{
	int64_t n = 0, max = 0;

	json_int(json_get(key, name), &n);
	json_int(json_get(key, name_max), &max);
	return max ? xasprintf("%lld of %lld", (long long)n, (long long)max) : xasprintf("%lld", (long long)n);
}

static void
print_key(struct ctl *ctl, const struct json_node *k)
{
	AUTO_FREE char *names = words(k, "names", "as the rules allow"), *networks = words(k, "networks", "anywhere");
	AUTO_FREE char *profile_names = profiles(k), *uses = of(k, "uses", "uses_max"), *accounts = of(k, "accounts", "accounts_max");

	ctl_field_member(ctl, "kid", k, "id");
	ctl_field_member(ctl, "State", k, "status");
	ctl_field_member(ctl, "Note", k, "note");
	ctl_field_member(ctl, "Tenant", k, "tenant");
	ctl_field_member(ctl, "Cost centre", k, "cost_centre");
	ctl_field(ctl, "Profiles", span_str(profile_names));
	ctl_field(ctl, "Names", span_str(names));
	ctl_field(ctl, "From", span_str(networks));
	ctl_field(ctl, "Uses", span_str(uses));
	ctl_field(ctl, "Accounts", span_str(accounts));
	if (json_bool(json_get(k, "keep_accounts"), false))
		ctl_field(ctl, "Accounts stay", SPAN("also when the key is disabled or revoked"));
	ctl_field_member(ctl, "Created", k, "created");
	ctl_field_member(ctl, "Expires", k, "expires");
	ctl_field_member(ctl, "Last used", k, "used");
	ctl_field_member(ctl, "Changed", k, "changed");
}

/* The directory that such a key is for: the first of its profiles, or the common one. */
static char *
directory_of(struct ctl *ctl, const struct json_node *key)
{
	struct span profile = json_text(json_at(json_get(key, "profiles"), 0));
	struct ctl_reply conf;
	char *url;

	if (ctl_ask(ctl, "/status", NULL, &conf) != CTL_DONE)
		return NULL;
	url = profile.n ? xasprintf("%.*s/p/%.*s/directory", SPAN_FMT(json_text(json_get(conf.root, "external_url"))), SPAN_FMT(profile))
			: xasprintf("%.*s/directory", SPAN_FMT(json_text(json_get(conf.root, "external_url"))));
	ctl_reply_done(&conf);
	return url;
}

/* What clients take on their command lines. */
static void
print_lines(struct ctl *ctl, const char *url, struct span kid, struct span key)
{
	static const char *const shown[] = { "certbot", "lego", "acme.sh", "uacme" };

	buf_adds(&ctl->out, "\nThe key is shown this once. What clients take; --format has more of them:\n\n");
	for (size_t i = 0; i < COUNT_OF(shown); i++)
		eab_format_write(&ctl->out, shown[i], url, kid, key);
}

/* A key that was made, or imported: then its owner has it. */
static int
print_made(struct ctl *ctl, const struct ctl_reply *rp)
{
	struct span kid = json_text(json_get(rp->root, "id")), key = json_text(json_get(rp->root, "key"));
	AUTO_FREE char *url = NULL;

	/* grown in one step: no copy of the key stays behind */
	buf_reserve(&ctl->out, 32 * 1024);
	if (ctl_opt(ctl, "format")) {
		url = directory_of(ctl, rp->root);
		eab_format_write(&ctl->out, ctl_opt(ctl, "format"), url ? url : "URL", kid, key);
		return CTL_DONE;
	}
	print_key(ctl, rp->root);
	ctl_field(ctl, "Key", key);
	if (ctl->plain || key.n == 0)
		return CTL_DONE;
	url = directory_of(ctl, rp->root);
	print_lines(ctl, url ? url : "URL", kid, key);
	return CTL_DONE;
}

static bool
is_json(const struct ctl *ctl)
{
	return ctl->json || (ctl_opt(ctl, "format") && strcmp(ctl_opt(ctl, "format"), "json") == 0);
}

/* Before a key is made that nobody would see. */
static int
check_format(struct ctl *ctl)
{
	const char *format = ctl_opt(ctl, "format");

	if (!format || strcmp(format, "json") == 0 || eab_format_is_known(format))
		return CTL_DONE;
	return ctl_fail(ctl, CTL_USAGE, "--format is \"%s\", expected json or one of %s", format, EAB_FORMATS);
}

static int
make(struct ctl *ctl, const char *path, const char *json)
{
	struct ctl_reply rp;
	int code = check_format(ctl);

	if (code == CTL_DONE && ctl_opt(ctl, "format") && ctl_opt(ctl, "import"))
		code = ctl_fail(ctl, CTL_USAGE, "--format is for keys that are made here: an imported one is not shown");
	if (code == CTL_DONE)
		code = ctl_ask(ctl, path, json, &rp);
	if (code != CTL_DONE)
		return code;
	if (is_json(ctl)) {
		buf_reserve(&ctl->out, rp.body.n + 2);
		ctl_print_json(ctl, &rp);
	} else {
		code = print_made(ctl, &rp);
	}
	ctl_reply_done(&rp);
	return code;
}

int
cmd_eab_create(struct ctl *ctl)
{
	AUTO_SECRET json = BUF_MAX(32 * 1024);
	int code;

	buf_reserve(&json, 16 * 1024);
	code = write_create(ctl, &json);
	return code == CTL_DONE ? make(ctl, "/eab", buf_cstr(&json)) : code;
}

static int
write_rotate(struct ctl *ctl, struct buf *out)
{
	const char *overlap = ctl_opt(ctl, "overlap");
	struct jw w = jw_to(out);
	char expires[TIME_TEXT];
	int code = ctl_opt_expires(ctl, expires);
	int64_t s;

	if (code != CTL_DONE)
		return code;
	if (overlap && !conf_time_parse(span_str(overlap), &s))
		return ctl_fail(ctl, CTL_USAGE, "--overlap is \"%s\", expected a time such as 7d or 12h, or 0", overlap);
	jw_object(&w, NULL);
	if (ctl_opt(ctl, "kid"))
		jw_str(&w, "kid", ctl_opt(ctl, "kid"));
	if (expires[0])
		jw_str(&w, "expires", expires);
	if (overlap)
		jw_int(&w, "overlap_s", s);
	if (ctl_opt(ctl, "move-accounts"))
		jw_bool(&w, "move_accounts", true);
	jw_end(&w);
	return CTL_DONE;
}

int
cmd_eab_rotate(struct ctl *ctl)
{
	AUTO_BUF json = BUF_MAX(4096);
	AUTO_FREE char *path = xasprintf("/eab/%s/rotate", ctl->words[0]);
	int code = ctl_check_id(ctl, ctl->words[0]);

	if (code == CTL_DONE)
		code = write_rotate(ctl, &json);
	return code == CTL_DONE ? make(ctl, path, buf_cstr(&json)) : code;
}

int
cmd_eab_list(struct ctl *ctl)
{
	static const struct column columns[] = { { "KID" }, { "STATE" }, { "TENANT" }, { "USES" }, { "EXPIRES" }, { "USED" },
		{ "PROFILES", .may_cut = true }, { "NOTE", .may_cut = true } };
	static const char *const parameters[] = { "tenant", "before", "limit", NULL };
	struct table t = table_of(columns, COUNT_OF(columns));
	struct ctl_reply rp;
	int code = ctl_ask_list(ctl, "/eab", parameters, &rp);
	const struct json_node *items;

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		const struct json_node *k = json_at(items, i);

		table_add(&t, ctl_text(json_get(k, "id")));
		table_add(&t, ctl_text(json_get(k, "status")));
		table_add(&t, ctl_text(json_get(k, "tenant")));
		table_add(&t, of(k, "uses", "uses_max"));
		table_add(&t, ctl_text(json_get(k, "expires")));
		table_add(&t, ctl_text(json_get(k, "used")));
		table_add(&t, profiles(k));
		table_add(&t, ctl_text(json_get(k, "note")));
	}
	return ctl_list_table(ctl, &t, &rp);
}

int
cmd_eab_show(struct ctl *ctl)
{
	struct ctl_reply rp;
	int code = ctl_ask_one(ctl, "eab", "", &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	print_key(ctl, rp.root);
	print_history(ctl, json_get(rp.root, "history"));
	ctl_reply_done(&rp);
	return CTL_DONE;
}

/* ---- states ---- */

static int
move(struct ctl *ctl, const char *verb)
{
	AUTO_FREE char *path = xasprintf("/eab/%s/%s", ctl->words[0], verb);
	struct ctl_reply rp;
	int code = ctl_ask(ctl, path, "{}", &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	print_key(ctl, rp.root);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

int
cmd_eab_disable(struct ctl *ctl)
{
	int code = ctl_check_id(ctl, ctl->words[0]);

	return code == CTL_DONE ? move(ctl, "disable") : code;
}

int
cmd_eab_enable(struct ctl *ctl)
{
	int code = ctl_check_id(ctl, ctl->words[0]);

	return code == CTL_DONE ? move(ctl, "enable") : code;
}

static int
ask_first(struct ctl *ctl)
{
	AUTO_FREE char *accounts = NULL;
	struct ctl_reply rp;
	bool stay;
	int code;

	if (ctl_opt(ctl, "yes"))
		return CTL_DONE;
	code = ctl_ask_one(ctl, "eab", "", &rp);
	if (code != CTL_DONE)
		return code;
	accounts = ctl_text(json_get(rp.root, "accounts"));
	stay = json_bool(json_get(rp.root, "keep_accounts"), false);
	ctl_reply_done(&rp);
	return ctl_confirm(ctl, "revoke the key %s for ever; its accounts (%s) %s", ctl->words[0], accounts,
		stay ? "stay" : "can order nothing any more");
}

int
cmd_eab_revoke(struct ctl *ctl)
{
	int code = ctl_check_id(ctl, ctl->words[0]);

	if (code == CTL_DONE)
		code = ask_first(ctl);
	return code == CTL_DONE ? move(ctl, "revoke") : code;
}
