/* cmd_order.c - acmegatectl order list, order show. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

int
cmd_order_list(struct ctl *ctl)
{
	static const struct column columns[] = { { "ORDER" }, { "STATE" }, { "CREATED" }, { "PROFILE", .may_cut = true },
		{ "UPSTREAM", .may_cut = true }, { "ACCOUNT" }, { "NAMES", .may_cut = true } };
	static const char *const names[] = { "id", "status", "created", "profile", "upstream", "account" };
	static const char *const parameters[] = { "state", "account", "tenant", "before", "limit", NULL };
	struct table t = table_of(columns, COUNT_OF(columns));
	struct ctl_reply rp;
	int code = ctl_ask_list(ctl, "/orders", parameters, &rp);
	const struct json_node *items;

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		ctl_add_members(&t, json_at(items, i), names, COUNT_OF(names));
		table_add(&t, ctl_idents(json_get(json_at(items, i), "identifiers")));
	}
	return ctl_list_table(ctl, &t, &rp);
}

/* ---- one order ---- */

static void
print_order(struct ctl *ctl, const struct json_node *o)
{
	AUTO_FREE char *names = ctl_idents(json_get(o, "identifiers")), *problem = ctl_problem(json_get(o, "error"));
	const struct json_node *mapped = json_get(o, "mapped");
	AUTO_BUF besides = BUF_MAX(64 * 1024);

	for (size_t i = 0; i < json_count(mapped); i++)
		buf_addf(&besides, "%s%.*s", i ? ", " : "", SPAN_FMT(json_text(json_at(mapped, i))));
	ctl_field_member(ctl, "Order", o, "id");
	ctl_field_member(ctl, "State", o, "status");
	ctl_field(ctl, "Names", span_str(names));
	ctl_field(ctl, "Device's names", buf_span(&besides));
	ctl_field_member(ctl, "Account", o, "account");
	ctl_field_member(ctl, "Tenant", o, "tenant");
	ctl_field_member(ctl, "Profile", o, "profile");
	ctl_field_member(ctl, "Upstream", o, "upstream");
	ctl_field_member(ctl, "Created", o, "created");
	ctl_field_member(ctl, "Finalized", o, "finalized");
	ctl_field_member(ctl, "Expires", o, "expires");
	ctl_field_member(ctl, "Not before", o, "notBefore");
	ctl_field_member(ctl, "Not after", o, "notAfter");
	ctl_field_member(ctl, "Replaces", o, "replaces");
	ctl_field_member(ctl, "Joined to", o, "joined_to");
	ctl_field_member(ctl, "Certificate", o, "certificate");
	ctl_field(ctl, "Problem", span_str(problem));
}

static void
add_challenge(struct table *t, const struct json_node *a, const struct json_node *ch)
{
	const struct json_node *ident = json_get(a, "identifier");
	AUTO_FREE char *value = ctl_text(json_get(ident, "value"));

	table_add(t, xasprintf("%s%s", json_bool(json_get(a, "wildcard"), false) ? "*." : "", value));
	table_add(t, ctl_text(json_get(a, "status")));
	table_add(t, ctl_text(json_get(a, "expires")));
	table_add(t, ctl_text(json_get(ch, "type")));
	table_add(t, ctl_text(json_get(ch, "status")));
	table_add(t, ctl_text(json_get(ch, "attempts")));
	table_add(t, ctl_problem(json_get(ch, "error")));
}

static void
print_authzs(struct ctl *ctl, const struct json_node *list)
{
	static const struct column columns[] = { { "NAME", .may_cut = true }, { "STATE" }, { "EXPIRES" }, { "CHALLENGE" },
		{ "STATE" }, { "TRIES", .is_number = true }, { "PROBLEM" } };
	struct table t = table_of(columns, COUNT_OF(columns));

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_node *a = json_at(list, i), *challenges = json_get(a, "challenges");

		for (size_t j = 0; j < json_count(challenges); j++)
			add_challenge(&t, a, json_at(challenges, j));
	}
	ctl_title(ctl, "Authorizations");
	table_write(&t, ctl->plain, ctl->width, &ctl->out);
	table_done(&t);
}

/* What devices' statements proved, one block an authorization. */
static void
print_evidence(struct ctl *ctl, const struct json_node *list)
{
	static const struct {
		const char *label, *name;
	} fields[] = { { "Format", "format" }, { "Protection", "protection" }, { "Manufacturer", "manufacturer" }, { "Model", "model" },
		{ "Firmware", "firmware" }, { "System", "os_version" }, { "Boot", "boot" }, { "Locked", "device_locked" },
		{ "System patch", "os_patch" }, { "Vendor patch", "vendor_patch" }, { "Boot patch", "boot_patch" },
		{ "PIN policy", "pin_policy" }, { "Touch policy", "touch_policy" }, { "Form factor", "form_factor" },
		{ "Serial", "serial" }, { "Root", "root" }, { "Key", "key" }, { "SHA-256", "sha256" } };

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_node *e = json_get(json_at(list, i), "evidence"), *proven = json_get(e, "proven");
		AUTO_FREE char *ids = ctl_idents(json_get(proven, "identifiers"));

		if (!e)
			continue;
		ctl_title(ctl, "Evidence");
		ctl_field_member(ctl, "Device", json_get(json_at(list, i), "identifier"), "value");
		ctl_field_member(ctl, "Record", json_get(json_at(list, i), "device"), "id");
		ctl_field_member(ctl, "Record state", json_get(json_at(list, i), "device"), "status");
		ctl_field_member(ctl, "At", e, "at");
		ctl_field(ctl, "Proven", span_str(ids));
		for (size_t j = 0; j < COUNT_OF(fields); j++)
			ctl_field_member(ctl, fields[j].label, proven, fields[j].name);
		ctl_field(ctl, "Statement", json_get(e, "statement") ? SPAN("kept, see --json") : SPAN("not kept"));
	}
}

static void
print_upstream(struct ctl *ctl, const struct json_node *u)
{
	if (!u)
		return;
	ctl_title(ctl, "At the CA");
	ctl_field_member(ctl, "Order", u, "url");
	ctl_field_member(ctl, "State", u, "state");
	ctl_field_member(ctl, "Attempt", u, "attempt");
	ctl_field_member(ctl, "Waits until", u, "waits_until");
	ctl_field_member(ctl, "Trouble since", u, "trouble_since");
	ctl_field_member(ctl, "Refused by", u, "refused_by");
	ctl_field_member(ctl, "Failures", u, "failures");
	ctl_field_member(ctl, "Since", u, "since");
	ctl_field_member(ctl, "Expires", u, "expires");
	ctl_field_member(ctl, "Error", u, "error");
}

static void
print_job(struct ctl *ctl, const struct json_node *j)
{
	if (!j)
		return;
	ctl_title(ctl, "Job");
	ctl_field_member(ctl, "Kind", j, "kind");
	ctl_field_member(ctl, "Due", j, "due");
	ctl_field_member(ctl, "Attempts", j, "attempts");
	ctl_field_member(ctl, "Node", j, "node");
	ctl_field_member(ctl, "Error", j, "error");
}

static void
print_trace(struct ctl *ctl, const struct json_node *list)
{
	/* the details are what the command was given for: never cut */
	static const struct column columns[] = { { "TIME" }, { "NODE", .may_cut = true }, { "EVENT" }, { "DETAIL" } };
	static const char *const names[] = { "at", "node", "event", "detail" };
	struct table t = table_of(columns, COUNT_OF(columns));

	if (!list)
		return;
	for (size_t i = 0; i < json_count(list); i++)
		ctl_add_members(&t, json_at(list, i), names, COUNT_OF(names));
	ctl_title(ctl, "Trace");
	table_write(&t, ctl->plain, ctl->width, &ctl->out);
	table_done(&t);
}

int
cmd_order_show(struct ctl *ctl)
{
	struct ctl_reply rp;
	int code = ctl_ask_one(ctl, "orders", ctl_opt(ctl, "trace") ? "?trace=1" : "", &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	print_order(ctl, rp.root);
	print_authzs(ctl, json_get(rp.root, "authorizations"));
	print_evidence(ctl, json_get(rp.root, "authorizations"));
	print_upstream(ctl, json_get(rp.root, "upstream_order"));
	print_job(ctl, json_get(rp.root, "job"));
	print_trace(ctl, json_get(rp.root, "trace"));
	ctl_reply_done(&rp);
	return CTL_DONE;
}
