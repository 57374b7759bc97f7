/* cmd_account.c - acmegatectl account list, account show. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

/* "mailto:a@b.example, ..." */
static char *
contacts(const struct json_node *list)
{
	AUTO_BUF text = BUF_MAX(64 * 1024);

	for (size_t i = 0; i < json_count(list); i++)
		buf_addf(&text, "%s%.*s", i ? ", " : "", SPAN_FMT(json_text(json_at(list, i))));
	return xstrdup(buf_cstr(&text));
}

int
cmd_account_list(struct ctl *ctl)
{
	static const struct column columns[] = { { "ACCOUNT" }, { "STATE" }, { "TENANT" }, { "CREATED" }, { "CONTACT", .may_cut = true } };
	static const char *const names[] = { "id", "status", "tenant", "created" };
	static const char *const parameters[] = { "tenant", "before", "limit", NULL };
	struct table t = table_of(columns, COUNT_OF(columns));
	struct ctl_reply rp;
	int code = ctl_ask_list(ctl, "/accounts", parameters, &rp);
	const struct json_node *items;

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		ctl_add_members(&t, json_at(items, i), names, COUNT_OF(names));
		table_add(&t, contacts(json_get(json_at(items, i), "contact")));
	}
	return ctl_list_table(ctl, &t, &rp);
}

int
cmd_account_show(struct ctl *ctl)
{
	AUTO_FREE char *contact = NULL;
	struct ctl_reply rp;
	int code = ctl_ask_one(ctl, "accounts", "", &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	contact = contacts(json_get(rp.root, "contact"));
	ctl_field_member(ctl, "Account", rp.root, "id");
	ctl_field_member(ctl, "State", rp.root, "status");
	ctl_field_member(ctl, "Tenant", rp.root, "tenant");
	ctl_field_member(ctl, "Created", rp.root, "created");
	ctl_field(ctl, "Contact", span_str(contact));
	ctl_field_member(ctl, "Terms agreed", rp.root, "terms_agreed");
	if (json_get(rp.root, "terms"))
		ctl_field_member(ctl, "Terms", rp.root, "terms");
	ctl_field_member(ctl, "Thumbprint", rp.root, "thumbprint");
	ctl_field_member(ctl, "Bound to", rp.root, "eab");
	ctl_field_member(ctl, "Orders", rp.root, "orders");
	ctl_field_member(ctl, "Certificates", rp.root, "certificates");
	ctl_reply_done(&rp);
	return CTL_DONE;
}
