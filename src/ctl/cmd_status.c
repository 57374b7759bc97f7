/* cmd_status.c - acmegatectl status, version. */
#include <stdio.h>
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"
#include "json/jw.h"

/* "3 d 4 h", "5 min 6 s": the two largest units */
static char *
duration(int64_t s)
{
	if (s >= 86400)
		return xasprintf("%lld d %lld h", (long long)(s / 86400), (long long)(s % 86400 / 3600));
	if (s >= 3600)
		return xasprintf("%lld h %lld min", (long long)(s / 3600), (long long)(s % 3600 / 60));
	return xasprintf("%lld min %lld s", (long long)(s / 60), (long long)(s % 60));
}

/* All members of an object in one line: "pending 3, ready 0". */
static void
field_counts(struct ctl *ctl, const char *label, const struct json_node *object)
{
	AUTO_BUF text = BUF_MAX(4096);

	for (size_t i = 0; i < json_count(object); i++) {
		struct span name;
		AUTO_FREE char *value = ctl_text(json_member(object, i, &name));

		buf_addf(&text, "%s%.*s %s", i ? ", " : "", SPAN_FMT(name), value);
	}
	ctl_field(ctl, label, buf_span(&text));
}

static void
print_ledger(struct ctl *ctl, const struct json_node *ledger)
{
	AUTO_FREE char *waiting = ctl_text(json_get(ledger, "waiting"));
	AUTO_FREE char *text = xasprintf("%s waiting", waiting);

	if (json_bool(json_get(ledger, "readable"), true))
		ctl_field(ctl, "CAs' limits", span_str(text));
	else
		ctl_field(ctl, "CAs' limits", SPAN("cannot be read: nothing is ordered"));
}

static void
print_gate(struct ctl *ctl, const struct json_node *root)
{
	const struct json_node *conf = json_get(root, "configuration");
	AUTO_FREE char *file = ctl_text(json_get(conf, "file")), *generation = ctl_text(json_get(conf, "generation"));
	AUTO_FREE char *from = xasprintf("%s, generation %s", file, generation), *up = NULL;
	int64_t uptime = 0;

	json_int(json_get(root, "uptime_s"), &uptime);
	up = duration(uptime);
	ctl_field_member(ctl, "Version", root, "version");
	ctl_field_member(ctl, "Node", root, "node");
	ctl_field_member(ctl, "URL", root, "external_url");
	ctl_field_member(ctl, "Started", root, "started");
	ctl_field(ctl, "Up", span_str(up));
	ctl_field(ctl, "Configuration", span_str(from));
	field_counts(ctl, "Connections", json_get(root, "connections"));
	field_counts(ctl, "ACME", json_get(root, "acme"));
	field_counts(ctl, "Store", json_get(root, "store"));
	field_counts(ctl, "Workers", json_get(root, "workers"));
	field_counts(ctl, "Jobs", json_get(root, "jobs"));
	field_counts(ctl, "Open orders", json_get(root, "orders"));
	print_ledger(ctl, json_get(root, "ledger"));
}

static void
print_upstreams(struct ctl *ctl, const struct json_node *list)
{
	static const struct column columns[] = { { "UPSTREAM" }, { "DRIVER" }, { "CIRCUIT" }, { "ORDERS", .is_number = true },
		{ "SENT", .is_number = true }, { "PROBLEMS", .is_number = true }, { "UNREACHABLE", .is_number = true },
		{ "ACCOUNT" } };
	static const char *const names[] = { "name", "driver", "circuit", "orders", "sent", "problems", "unreachable",
		"account" };
	struct table t = table_of(columns, COUNT_OF(columns));

	for (size_t i = 0; i < json_count(list); i++)
		ctl_add_members(&t, json_at(list, i), names, COUNT_OF(names));
	ctl_title(ctl, "Upstreams");
	table_write(&t, ctl->plain, ctl->width, &ctl->out);
	table_done(&t);
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_node *u = json_at(list, i);
		AUTO_FREE char *name = ctl_text(json_get(u, "name")), *fault = ctl_text(json_get(u, "fault"));
		AUTO_FREE char *state = ctl_text(json_get(u, "account_state")), *ends = ctl_text(json_get(u, "eab_expires"));
		int64_t bad = 0;

		if (json_get(u, "fault"))
			buf_addf(&ctl->out, "%s: %s\n", name, fault);
		if (*state && strcmp(state, "valid") != 0)
			buf_addf(&ctl->out, "%s: our account is %s, orders wait: upstream register makes another one\n", name, state);
		if (json_bool(json_get(u, "eab_expires_soon"), false))
			buf_addf(&ctl->out, "%s: its external account binding ends %s: upstream set-eab takes another one\n", name, ends);
		if (json_int(json_get(u, "bad_answers"), &bad) && bad > 0)
			buf_addf(&ctl->out, "%s: %lld answers since the start could not be used, see the log\n", name, (long long)bad);
	}
}

static void
print_renewals(struct ctl *ctl, const struct json_node *r)
{
	int64_t late = 0, expiring = 0;

	json_int(json_get(r, "late"), &late);
	json_int(json_get(r, "expiring"), &expiring);
	if (late)
		buf_addf(&ctl->out, "%lld certificates are not renewed though their window is over: renewals tells when, cert list --expiring which\n",
			(long long)late);
	if (expiring)
		buf_addf(&ctl->out, "%lld certificates run out soon and are not renewed\n", (long long)expiring);
}

/* Only where there is something to do. */
static void
print_trust(struct ctl *ctl, const struct json_node *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_node *t = json_at(list, i);
		AUTO_FREE char *name = ctl_text(json_get(t, "name")), *until = ctl_text(json_get(t, "lists_good_until"));

		if (json_bool(json_get(t, "lists_too_old"), false))
			buf_addf(&ctl->out, "attestation_trust %s: its revocation lists were good until %s, devices are not verified\n", name, until);
	}
}

static void
print_solvers(struct ctl *ctl, const struct json_node *list)
{
	static const struct column columns[] = { { "SOLVER" }, { "KIND" }, { "RECORDS", .is_number = true }, { "TO REMOVE", .is_number = true },
		{ "UPDATES", .is_number = true }, { "REFUSED", .is_number = true }, { "FAILED", .is_number = true } };
	static const char *const names[] = { "name", "kind", "records", "records_to_remove", "updates", "updates_refused", "updates_failed" };
	struct table t = table_of(columns, COUNT_OF(columns));

	if (json_count(list) == 0)
		return;
	for (size_t i = 0; i < json_count(list); i++)
		ctl_add_members(&t, json_at(list, i), names, COUNT_OF(names));
	ctl_title(ctl, "Solvers");
	table_write(&t, ctl->plain, ctl->width, &ctl->out);
	table_done(&t);
}

int
cmd_status(struct ctl *ctl)
{
	struct ctl_reply rp;
	int code = ctl_ask(ctl, "/status", NULL, &rp);

	if (code != CTL_DONE)
		return code;
	if (ctl->json) {
		ctl_print_json(ctl, &rp);
	} else {
		print_gate(ctl, rp.root);
		print_upstreams(ctl, json_get(rp.root, "upstreams"));
		print_solvers(ctl, json_get(rp.root, "solvers"));
		print_trust(ctl, json_get(rp.root, "attestation_trust"));
		print_renewals(ctl, json_get(rp.root, "renewals"));
	}
	ctl_reply_done(&rp);
	return CTL_DONE;
}

int
cmd_metrics(struct ctl *ctl)
{
	struct ctl_reply rp;
	struct jw w = jw_to(&ctl->out);
	int code = ctl_ask_text(ctl, "/metrics", &rp);

	if (code != CTL_DONE)
		return code;
	if (ctl->json) {
		jw_object(&w, NULL);
		jw_span(&w, "metrics", buf_span(&rp.body));
		jw_end(&w);
		buf_addc(&ctl->out, '\n');
	} else {
		buf_addspan(&ctl->out, buf_span(&rp.body));
	}
	ctl_reply_done(&rp);
	return CTL_DONE;
}
