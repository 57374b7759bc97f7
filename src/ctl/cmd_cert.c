/* cmd_cert.c - acmegatectl cert list, cert show, cert revoke. */
#include <stdlib.h>

#include "base/b64url.h"
#include "ctl/ctl.h"
#include "ctl/table.h"
#include "json/jw.h"

#define NAME_TEXT_MAX 128

int
cmd_cert_list(struct ctl *ctl)
{
	static const struct column columns[] = { { "CERT" }, { "STATE" }, { "UNTIL" }, { "SERIAL" },
		{ "UPSTREAM", .may_cut = true }, { "NAMES", .may_cut = true } };
	static const char *const names[] = { "id", "status", "not_after", "serial", "upstream" };
	static const char *const parameters[] = { "account", "expiring", "before", "limit", NULL };
	struct table t = table_of(columns, COUNT_OF(columns));
	struct ctl_reply rp;
	int code = ctl_ask_list(ctl, "/certs", parameters, &rp);
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

static void
print_renewal(struct ctl *ctl, const struct json_node *r)
{
	AUTO_FREE char *start = ctl_text(json_get(r, "start")), *end = ctl_text(json_get(r, "end")), *window = NULL;

	if (!r)
		return;
	window = xasprintf("%s to %s", start, end);
	ctl_field(ctl, "Renewal", span_str(window));
	ctl_field_member(ctl, "Why then", r, "why");
}

static void
print_cert(struct ctl *ctl, const struct json_node *c)
{
	AUTO_FREE char *names = ctl_idents(json_get(c, "identifiers"));

	ctl_field_member(ctl, "Certificate", c, "id");
	ctl_field_member(ctl, "State", c, "status");
	ctl_field(ctl, "Names", span_str(names));
	ctl_field_member(ctl, "Account", c, "account");
	ctl_field_member(ctl, "Order", c, "order");
	ctl_field_member(ctl, "Profile", c, "profile");
	ctl_field_member(ctl, "Upstream", c, "upstream");
	ctl_field_member(ctl, "Serial", c, "serial");
	ctl_field_member(ctl, "Issuer", c, "issuer");
	ctl_field_member(ctl, "SHA-256", c, "sha256");
	ctl_field_member(ctl, "ARI certID", c, "certid");
	ctl_field_member(ctl, "Not before", c, "not_before");
	ctl_field_member(ctl, "Not after", c, "not_after");
	print_renewal(ctl, json_get(c, "renewal"));
	ctl_field_member(ctl, "Created", c, "created");
	ctl_field_member(ctl, "Fetched", c, "fetched");
	ctl_field_member(ctl, "Revoked", c, "revoked");
	ctl_field_member(ctl, "Reason", c, "revocation_reason");
	ctl_field_member(ctl, "Told the CA", c, "revoked_upstream");
}

/* An id, a certID or a serial number: the daemon knows which. */
static int
check_name(struct ctl *ctl)
{
	const char *name = ctl->words[0];
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++) {
		if (!b64url_is_alphabet(span_of(name + i, 1)) && (i == 0 || !strchr(".:", name[i])))
			n = 0;
	}
	if (n > 0 && n <= NAME_TEXT_MAX)
		return CTL_DONE;
	return ctl_fail(ctl, CTL_USAGE, "\"%s\" is no id, certID or serial number: cert list shows them", name);
}

static int
ask_cert(struct ctl *ctl, struct ctl_reply *ret)
{
	AUTO_FREE char *path = xasprintf("/certs/%s", ctl->words[0]);
	int code = check_name(ctl);

	return code == CTL_DONE ? ctl_ask(ctl, path, NULL, ret) : code;
}

int
cmd_cert_show(struct ctl *ctl)
{
	struct ctl_reply rp;
	int code = ask_cert(ctl, &rp);

	if (code != CTL_DONE || (ctl->json && !ctl_opt(ctl, "pem")))
		return ctl_list_json(ctl, code, &rp);
	if (ctl_opt(ctl, "pem"))
		buf_addspan(&ctl->out, json_text(json_get(rp.root, "chain")));
	else
		print_cert(ctl, rp.root);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

static int
ask_first(struct ctl *ctl)
{
	AUTO_FREE char *names = NULL, *until = NULL;
	struct ctl_reply rp;
	int code;

	if (ctl_opt(ctl, "yes"))
		return CTL_DONE;
	code = ask_cert(ctl, &rp);
	if (code != CTL_DONE)
		return code;
	names = ctl_idents(json_get(rp.root, "identifiers"));
	until = ctl_text(json_get(rp.root, "not_after"));
	ctl_reply_done(&rp);
	return ctl_confirm(ctl, "revoke the certificate of %s, valid until %s", names, until);
}

int
cmd_cert_revoke(struct ctl *ctl)
{
	const char *reason = ctl_opt(ctl, "reason");
	AUTO_FREE char *path = NULL;
	AUTO_BUF json = BUF_MAX(256);
	struct jw w = jw_to(&json);
	struct ctl_reply rp;
	int code = check_name(ctl);

	if (code == CTL_DONE)
		code = ask_first(ctl);
	if (code != CTL_DONE)
		return code;
	jw_object(&w, NULL);
	if (reason)
		jw_int(&w, "reason", atoi(reason)); /* one of the option's values */
	jw_end(&w);
	path = xasprintf("/certs/%s/revoke", ctl->words[0]);
	code = ctl_ask(ctl, path, buf_cstr(&json), &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	print_cert(ctl, rp.root);
	ctl_reply_done(&rp);
	return CTL_DONE;
}
