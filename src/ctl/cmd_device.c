/* cmd_device.c - acmegatectl device list, show, add, block, allow, remove; import is in cmd_import.c. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"
#include "json/jw.h"

/* ---- what is shown ---- */

static char *
tags(const struct json_node *device)
{
	const struct json_node *list = json_get(device, "tags");
	AUTO_BUF text = BUF_MAX(8192);

	for (size_t i = 0; i < json_count(list); i++)
		buf_addf(&text, "%s%.*s", i ? " " : "", SPAN_FMT(json_text(json_at(list, i))));
	return xstrdup(buf_cstr(&text));
}

static void
print_certs(struct ctl *ctl, const struct json_node *device)
{
	const struct json_node *certs = json_get(device, "certs");
	static const struct column columns[] = { { "CERT" }, { "UNTIL" } };
	struct table t = table_of(columns, COUNT_OF(columns));

	if (json_count(certs) == 0)
		return;
	ctl_title(ctl, "Live certificates");
	for (size_t i = 0; i < json_count(certs); i++) {
		table_add(&t, ctl_text(json_get(json_at(certs, i), "id")));
		table_add(&t, ctl_text(json_get(json_at(certs, i), "not_after")));
	}
	table_write(&t, ctl->plain, ctl->width, &ctl->out);
	table_done(&t);
}

static void
print_names(struct ctl *ctl, const struct json_node *device)
{
	const struct json_node *names = json_get(device, "names");
	static const struct column columns[] = { { "NAME" }, { "SINCE" } };
	struct table t = table_of(columns, COUNT_OF(columns));

	if (json_count(names) == 0)
		return;
	ctl_title(ctl, "Names");
	for (size_t i = 0; i < json_count(names); i++) {
		table_add(&t, ctl_text(json_get(json_at(names, i), "name")));
		table_add(&t, ctl_text(json_get(json_at(names, i), "since")));
	}
	table_write(&t, ctl->plain, ctl->width, &ctl->out);
	table_done(&t);
}

static void
print_device(struct ctl *ctl, const struct json_node *d)
{
	AUTO_FREE char *words = tags(d);

	ctl_field_member(ctl, "Device", d, "id");
	ctl_field_member(ctl, "Identifier", d, "identifier");
	ctl_field_member(ctl, "Type", d, "type");
	ctl_field_member(ctl, "State", d, "status");
	ctl_field_member(ctl, "Reason", d, "reason");
	ctl_field_member(ctl, "Blocked", d, "blocked");
	ctl_field_member(ctl, "Kind", d, "kind");
	ctl_field(ctl, "Tags", span_str(words));
	ctl_field_member(ctl, "Owner", d, "owner");
	ctl_field_member(ctl, "Cost centre", d, "cost_centre");
	ctl_field_member(ctl, "Note", d, "note");
	ctl_field_member(ctl, "Created", d, "created");
	ctl_field_member(ctl, "Changed", d, "changed");
	ctl_field_member(ctl, "Proofs", d, "seen");
	ctl_field_member(ctl, "First seen", d, "first_seen");
	ctl_field_member(ctl, "Last seen", d, "last_seen");
	ctl_field_member(ctl, "Account", d, "account");
	ctl_field_member(ctl, "Key (SHA-256)", d, "key_hash");
	ctl_field_member(ctl, "Open orders", d, "open_orders");
	ctl_field_member(ctl, "Live certs", d, "live_certs");
	ctl_field_member(ctl, "Revoked", d, "revoked");
	print_names(ctl, d);
	print_certs(ctl, d);
}

static int
print_reply(struct ctl *ctl, int code, struct ctl_reply *rp)
{
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, rp);
	print_device(ctl, rp->root);
	ctl_reply_done(rp);
	return CTL_DONE;
}

/* ---- list ---- */

static void
add_parameters(struct ctl *ctl, const char *before, struct buf *target)
{
	static const char *const parameters[] = { "state", "kind", "tag", "owner", "limit", NULL };
	size_t n = ctl_add_query(ctl, target, parameters);

	if (ctl_opt(ctl, "all") && !ctl_opt(ctl, "limit"))
		buf_addf(target, "%climit=500", n++ ? '&' : '?');
	if (before)
		buf_addf(target, "%cbefore=%s", n ? '&' : '?', before);
}

static int
ask_page(struct ctl *ctl, const char *before, struct ctl_reply *ret)
{
	AUTO_BUF target = BUF_MAX(8192);

	buf_adds(&target, "/devices");
	add_parameters(ctl, before, &target);
	return ctl_ask(ctl, buf_cstr(&target), NULL, ret);
}

static void
add_rows(struct table *t, const struct json_node *items)
{
	static const char *const members[] = { "id", "status", "kind", "identifier", "last_seen", "owner" };

	for (size_t i = 0; i < json_count(items); i++) {
		const struct json_node *d = json_at(items, i);

		ctl_add_members(t, d, members, COUNT_OF(members));
		table_add(t, tags(d));
	}
}

/* Page after page, each printed as it comes. */
static int
list_all_json(struct ctl *ctl)
{
	AUTO_FREE char *before = NULL;
	struct ctl_reply rp;
	size_t count = 0;

	buf_adds(&ctl->out, "{\"items\":[");
	do {
		const struct json_node *items;
		int code = ask_page(ctl, before, &rp);

		if (code != CTL_DONE)
			return code;
		items = json_get(rp.root, "items");
		for (size_t i = 0; i < json_count(items); i++) {
			buf_adds(&ctl->out, count++ ? ",\n" : "\n");
			json_write(json_at(items, i), &ctl->out);
		}
		free(before);
		before = json_text(json_get(rp.root, "next")).n ? ctl_text(json_get(rp.root, "next")) : NULL;
		ctl_reply_done(&rp);
		code = ctl_flush(ctl);
		if (code != CTL_DONE)
			return code;
	} while (before);
	buf_addf(&ctl->out, "\n],\"next\":null,\"total\":%zu,\"total_is_exact\":true}\n", count);
	return CTL_DONE;
}

int
cmd_device_list(struct ctl *ctl)
{
	static const struct column columns[] = { { "DEVICE" }, { "STATE" }, { "KIND" }, { "IDENTIFIER", .may_cut = true }, { "LAST SEEN" },
		{ "OWNER", .may_cut = true }, { "TAGS", .may_cut = true } };
	struct table t = table_of(columns, COUNT_OF(columns));
	const char *before = ctl_opt(ctl, "before");
	struct ctl_reply rp;
	int code;

	if (before && ctl_check_id(ctl, before) != CTL_DONE)
		return CTL_USAGE;
	if (ctl_opt(ctl, "all") && !ctl->json)
		return ctl_fail(ctl, CTL_USAGE, "--all goes with --json");
	if (ctl_opt(ctl, "all"))
		return list_all_json(ctl);
	code = ask_page(ctl, before, &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	add_rows(&t, json_get(rp.root, "items"));
	return ctl_list_table(ctl, &t, &rp);
}

/* ---- one device ---- */

/* GET, or POST if there is a body, of the device that the first word names. */
static int
ask(struct ctl *ctl, const char *verb, const char *json, struct ctl_reply *ret)
{
	static const char *const parameters[] = { "type", "kind" };
	AUTO_BUF target = BUF_MAX(8192);
	char sep = '?';

	if (!*ctl->words[0])
		return ctl_fail(ctl, CTL_USAGE, "the device has no name");
	buf_adds(&target, "/devices/");
	ctl_add_escaped(&target, ctl->words[0]);
	buf_adds(&target, verb);
	for (size_t i = 0; i < COUNT_OF(parameters); i++) {
		const char *value = ctl_opt(ctl, parameters[i]);

		if (!value)
			continue;
		buf_addf(&target, "%c%s=", sep, parameters[i]);
		ctl_add_escaped(&target, value);
		sep = '&';
	}
	return ctl_ask(ctl, buf_cstr(&target), json, ret);
}

int
cmd_device_show(struct ctl *ctl)
{
	struct ctl_reply rp;
	int code = ask(ctl, "", NULL, &rp);

	return print_reply(ctl, code, &rp);
}

/* Revoking cannot be undone. */
static int
ask_first(struct ctl *ctl)
{
	AUTO_FREE char *certs = NULL;
	struct ctl_reply rp;
	int code;

	if (ctl_opt(ctl, "yes") || !ctl_opt(ctl, "revoke"))
		return CTL_DONE;
	code = ask(ctl, "", NULL, &rp);
	if (code != CTL_DONE)
		return code;
	certs = ctl_text(json_get(rp.root, "live_certs"));
	ctl_reply_done(&rp);
	return ctl_confirm(ctl, "block %s and revoke its certificates (%s)", ctl->words[0], certs);
}

static void
hint(struct ctl *ctl, const struct json_node *d)
{
	int64_t certs = 0;

	json_int(json_get(d, "live_certs"), &certs);
	if (certs > 0)
		ctl_note(ctl, "its certificates are still valid: `acmegatectl cert revoke` ends one, `device block --revoke` all of them");
}

int
cmd_device_block(struct ctl *ctl)
{
	const char *reason = ctl_opt(ctl, "reason"), *revoke = ctl_opt(ctl, "revoke");
	AUTO_BUF json = BUF_MAX(4096);
	struct jw w = jw_to(&json);
	struct ctl_reply rp;
	int code = ask_first(ctl);

	if (code != CTL_DONE)
		return code;
	jw_object(&w, NULL);
	if (reason)
		jw_str(&w, "reason", reason);
	jw_bool(&w, "revoke", revoke != NULL);
	if (revoke)
		jw_int(&w, "crl_reason", atoi(revoke)); /* one of the option's values */
	jw_end(&w);
	if (!jw_ok(&w))
		return ctl_fail(ctl, CTL_USAGE, "--reason is too long");
	code = ask(ctl, "/block", buf_cstr(&json), &rp);
	if (code == CTL_DONE)
		hint(ctl, rp.root);
	return print_reply(ctl, code, &rp);
}

int
cmd_device_allow(struct ctl *ctl)
{
	struct ctl_reply rp;
	int code = ask(ctl, "/allow", "{}", &rp);

	return print_reply(ctl, code, &rp);
}

int
cmd_device_remove(struct ctl *ctl)
{
	struct ctl_reply rp;
	int code = CTL_DONE;

	if (!ctl_opt(ctl, "yes"))
		code = ctl_confirm(ctl, "forget the device %s", ctl->words[0]);
	if (code == CTL_DONE)
		code = ask(ctl, "/remove", "{}", &rp);
	return print_reply(ctl, code, &rp);
}
