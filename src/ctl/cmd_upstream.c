/* cmd_upstream.c - acmegatectl upstream list, show, test, move, persist-records: the CAs behind, and our account at each. What changes
 * something is in cmd_upstream_move.c. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"
#include "ctl/upstream.h"

char *
upstream_path(const char *name, const char *what)
{
	AUTO_BUF path = BUF_MAX(4000);

	buf_adds(&path, "/upstreams/");
	ctl_add_escaped(&path, name);
	buf_adds(&path, what);
	return xstrdup(buf_cstr(&path));
}

/* "12 of 300" */
static char *
left_of(const struct json_node *u)
{
	AUTO_FREE char *left = ctl_text(json_get(json_get(u, "orders_acct"), "left"));
	AUTO_FREE char *burst = ctl_text(json_get(json_get(u, "orders_acct"), "burst"));

	return *burst ? xasprintf("%s of %s", left, burst) : xstrdup("");
}

static char *
circuit_of(const struct json_node *u)
{
	if (!json_get(u, "circuit"))
		return xstrdup("");
	return xstrdup(span_is(json_text(json_get(u, "circuit")), "closed") ? "well" : "not answering");
}

int
cmd_upstream_list(struct ctl *ctl)
{
	static const struct column columns[] = { { "UPSTREAM" }, { "DRIVER" }, { "CA", .may_cut = true }, { "ACCOUNT" }, { "HEALTH" },
		{ "ORDERS", .is_number = true }, { "WAITING", .is_number = true }, { "LEFT" }, { "ISSUED", .is_number = true },
		{ "REFUSED", .is_number = true } };
	struct table t = table_of(columns, COUNT_OF(columns));
	const struct json_node *items;
	struct ctl_reply rp;
	int code = ctl_ask(ctl, "/upstreams", NULL, &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		const struct json_node *u = json_at(items, i);

		table_add(&t, ctl_text(json_get(u, "id")));
		table_add(&t, ctl_text(json_get(u, "driver")));
		table_add(&t, ctl_text(json_get(u, "ca")));
		table_add(&t, ctl_text(json_get(json_get(u, "account"), "state")));
		table_add(&t, circuit_of(u));
		table_add(&t, ctl_text(json_get(u, "orders")));
		table_add(&t, ctl_text(json_get(u, "waiting")));
		table_add(&t, left_of(u));
		table_add(&t, ctl_text(json_get(u, "issued")));
		table_add(&t, ctl_text(json_get(u, "refused")));
	}
	return ctl_list_table(ctl, &t, &rp);
}

/* ---- show ---- */

static void
field_names(struct ctl *ctl, const char *label, const struct json_node *list)
{
	AUTO_BUF text = BUF_MAX(16 * 1024);

	for (size_t i = 0; i < json_count(list); i++)
		buf_addf(&text, "%s%.*s", i ? ", " : "", SPAN_FMT(json_text(json_at(list, i))));
	ctl_field(ctl, label, buf_span(&text));
}

static void
print_account(struct ctl *ctl, const struct json_node *a)
{
	ctl_title(ctl, "Account");
	ctl_field_member(ctl, "State", a, "state");
	ctl_field_member(ctl, "Trouble", a, "trouble");
	ctl_field_member(ctl, "Since", a, "trouble_since");
	ctl_field_member(ctl, "URL", a, "url");
	ctl_field_member(ctl, "Key", a, "key_type");
	ctl_field_member(ctl, "Thumbprint", a, "thumbprint");
	ctl_field_member(ctl, "Key since", a, "key_since");
	ctl_field_member(ctl, "Key changes", a, "key_change_since");
	ctl_field_member(ctl, "Contact", a, "contact");
	if (!span_eq(json_text(json_get(a, "contact")), json_text(json_get(a, "contact_configured"))))
		ctl_field_member(ctl, "Contact to be", a, "contact_configured");
	ctl_field_member(ctl, "Looked at", a, "checked");
}

static void
print_terms(struct ctl *ctl, const struct json_node *t)
{
	ctl_field_member(ctl, "Terms", t, "url");
	if (json_bool(json_get(t, "changed"), false))
		ctl_field_member(ctl, "Agreed to", t, "agreed");
	if (json_bool(json_get(t, "wanted"), false))
		ctl_field(ctl, "To be done", SPAN("the CA wants its terms agreed to: read them, then set accept_terms"));
	else if (json_get(t, "url") && !json_bool(json_get(t, "accept_terms"), false))
		ctl_field(ctl, "To be done", SPAN("accept_terms is not set"));
}

static void
print_eab(struct ctl *ctl, const struct json_node *e)
{
	ctl_title(ctl, "External account binding");
	ctl_field(ctl, "Demanded", json_bool(json_get(e, "required"), false) ? SPAN("yes") : SPAN("no"));
	ctl_field_member(ctl, "Given by", e, "source");
	ctl_field_member(ctl, "kid", e, "kid");
	ctl_field_member(ctl, "Set", e, "set");
	ctl_field_member(ctl, "Expires", e, "expires");
	if (json_bool(json_get(e, "expired"), false))
		ctl_field(ctl, "To be done", SPAN("it has expired: set-eab gives another one"));
}

static void
print_directory(struct ctl *ctl, const struct json_node *d)
{
	ctl_title(ctl, "Directory");
	ctl_field_member(ctl, "URL", d, "url");
	ctl_field_member(ctl, "Fetched", d, "fetched");
	if (!json_get(d, "key_change"))
		return;
	ctl_field(ctl, "keyChange", json_bool(json_get(d, "key_change"), false) ? SPAN("offered") : SPAN("not offered"));
	ctl_field(ctl, "renewalInfo", json_bool(json_get(d, "renewal_info"), false) ? SPAN("offered") : SPAN("not offered"));
	field_names(ctl, "Profiles", json_get(d, "profiles"));
}

static void
print_lookups(struct ctl *ctl, const struct json_node *r)
{
	bool asked = json_bool(json_get(r, "asked"), false);

	ctl_title(ctl, "Renewal information");
	ctl_field(ctl, "Asked", !asked ? SPAN("no") : json_bool(json_get(r, "by_list"), false) ? SPAN("yes, in lists") : SPAN("yes"));
	if (asked) {
		ctl_field_member(ctl, "Rate", r, "rate");
		ctl_field_member(ctl, "Due", r, "due");
		ctl_field_member(ctl, "Due since", r, "due_since");
		ctl_field_member(ctl, "Paused until", r, "paused_until");
	}
	ctl_field_member(ctl, "At once", r, "urged");
	ctl_field_member(ctl, "Last alarm", r, "alarmed");
}

void
upstream_print(struct ctl *ctl, const struct json_node *u)
{
	AUTO_FREE char *left = left_of(u), *health = circuit_of(u);

	ctl_field_member(ctl, "Upstream", u, "id");
	ctl_field_member(ctl, "Driver", u, "driver");
	ctl_field_member(ctl, "CA", u, "ca");
	ctl_field_member(ctl, "Preset", u, "preset");
	ctl_field_member(ctl, "Kind", u, "kind");
	ctl_field_member(ctl, "Proxy", u, "proxy");
	ctl_field_member(ctl, "Fault", u, "fault");
	ctl_field(ctl, "Health", span_str(health));
	ctl_field_member(ctl, "Failing since", u, "failing_since");
	field_names(ctl, "For profiles", json_get(u, "profiles"));
	ctl_field_member(ctl, "Orders", u, "orders");
	ctl_field_member(ctl, "Waiting", u, "waiting");
	ctl_field(ctl, "Orders left", span_str(left));
	ctl_field_member(ctl, "Issued", u, "issued");
	ctl_field_member(ctl, "Refused", u, "refused");
	if (!json_get(u, "account"))
		return;
	print_account(ctl, json_get(u, "account"));
	print_terms(ctl, json_get(u, "terms"));
	print_eab(ctl, json_get(u, "eab"));
	print_directory(ctl, json_get(u, "directory"));
	print_lookups(ctl, json_get(u, "renewal_info"));
}

int
cmd_upstream_show(struct ctl *ctl)
{
	AUTO_FREE char *path = upstream_path(ctl->words[0], "");
	struct ctl_reply rp;
	int code = ctl_ask(ctl, path, NULL, &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	upstream_print(ctl, rp.root);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

/* ---- test ---- */

int
cmd_upstream_test(struct ctl *ctl)
{
	AUTO_FREE char *path = upstream_path(ctl->words[0], "/test");
	AUTO_BUF body = BUF_MAX(4096);
	struct jw w = jw_to(&body);
	const struct json_node *steps;
	struct ctl_reply rp;
	bool good;
	int code;

	jw_object(&w, NULL);
	if (ctl_opt(ctl, "name"))
		jw_str(&w, "name", ctl_opt(ctl, "name"));
	jw_end(&w);
	code = ctl_ask(ctl, path, buf_cstr(&body), &rp);
	if (code != CTL_DONE)
		return code;
	good = json_bool(json_get(rp.root, "good"), false);
	steps = json_get(rp.root, "steps");
	for (size_t i = 0; !ctl->json && i < json_count(steps); i++) {
		const struct json_node *s = json_at(steps, i);

		buf_addf(&ctl->out, "%-6s%s", json_bool(json_get(s, "good"), false) ? "OK" : "FAILED", ctl->plain ? "\t" : "  ");
		ctl_add_clean(&ctl->out, json_text(json_get(s, "step")));
		buf_adds(&ctl->out, ctl->plain ? "\t" : ": ");
		ctl_add_clean(&ctl->out, json_text(json_get(s, "text")));
		buf_addc(&ctl->out, '\n');
	}
	if (ctl->json)
		ctl_print_json(ctl, &rp);
	ctl_reply_done(&rp);
	return good ? CTL_DONE : CTL_FAILED;
}

/* ---- move, persist-records ---- */

void
upstream_print_stake(struct ctl *ctl, const struct json_node *root)
{
	const struct json_node *lost = json_get(root, "lost");

	for (size_t i = 0; i < json_count(lost); i++) {
		const struct json_node *l = json_at(lost, i);
		AUTO_FREE char *count = ctl_text(json_get(l, "count"));

		buf_addf(&ctl->out, ctl->plain ? "%s\t" : "%6s ", count);
		ctl_add_clean(&ctl->out, json_text(json_get(l, ctl->plain ? "what" : "text")));
		if (ctl->plain) {
			buf_addc(&ctl->out, '\t');
			ctl_add_clean(&ctl->out, json_text(json_get(l, "text")));
		}
		buf_addc(&ctl->out, '\n');
	}
	if (!json_count(lost) && !ctl->plain)
		buf_adds(&ctl->out, "nothing hangs on this account\n");
}

int
cmd_upstream_move(struct ctl *ctl)
{
	AUTO_FREE char *path = upstream_path(ctl->words[0], "/stake");
	struct ctl_reply rp;
	int code = ctl_ask(ctl, path, NULL, &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	upstream_print_stake(ctl, rp.root);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

static void
print_records(struct ctl *ctl, const struct json_node *records)
{
	for (size_t i = 0; i < json_count(records); i++) {
		const struct json_node *r = json_at(records, i);

		ctl_add_clean(&ctl->out, json_text(json_get(r, "name")));
		buf_adds(&ctl->out, ctl->plain ? "\t" : ". IN TXT \"");
		ctl_add_clean(&ctl->out, json_text(json_get(r, "value")));
		buf_adds(&ctl->out, ctl->plain ? "\n" : "\"\n");
	}
}

/* Of one entry; *solvers grows by those that need records there. */
static int
persist_of(struct ctl *ctl, const char *upstream, int64_t *solvers)
{
	AUTO_FREE char *path = upstream_path(upstream, "/persist-records");
	const char *name = ctl_opt(ctl, "name");
	AUTO_BUF target = BUF_MAX(4000);
	struct ctl_reply rp;
	int64_t n = 0;
	int code;

	buf_adds(&target, path);
	if (name) {
		buf_adds(&target, "?name=");
		ctl_add_escaped(&target, name);
	}
	code = ctl_ask(ctl, buf_cstr(&target), NULL, &rp);
	if (code != CTL_DONE)
		return code;
	json_int(json_get(rp.root, "solvers"), &n);
	*solvers += n;
	if (!ctl->json)
		print_records(ctl, json_get(rp.root, "records"));
	else if (n)
		ctl_print_json(ctl, &rp);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

/* The first that fails decides, the others are printed all the same. */
static int
persist_of_all(struct ctl *ctl, int64_t *solvers)
{
	struct ctl_reply rp;
	int code = ctl_ask(ctl, "/upstreams", NULL, &rp);
	const struct json_node *items;

	if (code != CTL_DONE)
		return code;
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		AUTO_FREE char *name = ctl_text(json_get(json_at(items, i), "id"));
		int one = CTL_DONE;

		if (span_is(json_text(json_get(json_at(items, i), "driver")), "acme"))
			one = persist_of(ctl, name, solvers);
		code = code == CTL_DONE ? one : code;
	}
	ctl_reply_done(&rp);
	return code;
}

int
cmd_upstream_persist(struct ctl *ctl)
{
	int64_t solvers = 0;
	int code = ctl->word_count ? persist_of(ctl, ctl->words[0], &solvers) : persist_of_all(ctl, &solvers);

	if (code == CTL_DONE && solvers == 0)
		ctl_note(ctl, "no solver of kind dns-persist-01 is for %s: no records are needed", ctl->word_count ? "this upstream" : "any upstream");
	return code;
}
