/* cmd_tenant.c - acmegatectl tenant list, show, quotas. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

int
cmd_tenant_list(struct ctl *ctl)
{
	static const struct column columns[] = { { "TENANT" }, { "SHARE" }, { "COST CENTRE" }, { "OWNER", .may_cut = true }, { "CONTACT", .may_cut = true } };
	static const char *const names[] = { "id", "share", "cost_centre", "owner", "contact" };
	static const char *const parameters[] = { "before", "limit", NULL };
	struct table t = table_of(columns, COUNT_OF(columns));
	struct ctl_reply rp;
	int code = ctl_ask_list(ctl, "/tenants", parameters, &rp);
	const struct json_node *items;

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++)
		ctl_add_members(&t, json_at(items, i), names, COUNT_OF(names));
	return ctl_list_table(ctl, &t, &rp);
}

int
cmd_tenant_quotas(struct ctl *ctl)
{
	static const struct column columns[] = { { "QUOTA" }, { "SUBJECT" }, { "COUNTS" }, { "USED" }, { "SOFT" }, { "HARD" }, { "LEFT" }, { "UNTIL" } };
	static const char *const names[] = { "quota", "subject", "counts", "used", "soft", "hard", "left", "until" };
	static const char *const parameters[] = { "quota", "before", "limit", NULL };
	struct table t = table_of(columns, COUNT_OF(columns));
	struct ctl_reply rp;
	int code = ctl_ask_list(ctl, "/quotas", parameters, &rp);
	const struct json_node *items;

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++)
		ctl_add_members(&t, json_at(items, i), names, COUNT_OF(names));
	return ctl_list_table(ctl, &t, &rp);
}

static void
print_quotas(struct ctl *ctl, const struct json_node *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_node *q = json_at(list, i);
		AUTO_FREE char *used = ctl_text(json_get(q, "used")), *hard = ctl_text(json_get(q, "hard")), *soft = ctl_text(json_get(q, "soft"));
		AUTO_FREE char *counts = ctl_text(json_get(q, "counts")), *name = ctl_text(json_get(q, "quota")), *left = ctl_text(json_get(q, "left"));
		AUTO_FREE char *label = xasprintf("Quota %s", name);
		AUTO_FREE char *line = xasprintf("%s %s%s%s%s%s%s%s", used, counts, *soft ? ", warned of after " : "", soft, *hard ? ", at most " : "", hard,
			*left ? ", left " : "", left);

		ctl_field(ctl, label, span_str(line));
	}
}

int
cmd_tenant_show(struct ctl *ctl)
{
	struct ctl_reply rp;
	AUTO_BUF target = BUF_MAX(1024);
	int code;

	buf_adds(&target, "/tenants/");
	ctl_add_escaped(&target, ctl->words[0]);
	code = ctl_ask(ctl, buf_cstr(&target), NULL, &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	ctl_field_member(ctl, "Tenant", rp.root, "id");
	ctl_field_member(ctl, "Owner", rp.root, "owner");
	ctl_field_member(ctl, "Contact", rp.root, "contact");
	ctl_field_member(ctl, "Cost centre", rp.root, "cost_centre");
	ctl_field_member(ctl, "Share", rp.root, "share");
	ctl_field_member(ctl, "EAB keys", rp.root, "eab_keys");
	ctl_field_member(ctl, "Accounts", rp.root, "accounts");
	ctl_field_member(ctl, "Orders", rp.root, "orders");
	print_quotas(ctl, json_get(rp.root, "quotas"));
	ctl_reply_done(&rp);
	return CTL_DONE;
}
