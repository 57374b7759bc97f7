/* cmd_face.c - what the ACME face shows and allows: acmegatectl limits local, tls show. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

/* "5/s" reads better than milliseconds: "1 per 200 ms", "1 per 3 min". */
static char *
interval(const struct json_node *limit)
{
	int64_t ms = 0;

	json_int(json_get(limit, "interval_ms"), &ms);
	if (ms && ms % 60000 == 0)
		return xasprintf("1 per %lld min", (long long)(ms / 60000));
	if (ms && ms % 1000 == 0)
		return xasprintf("1 per %lld s", (long long)(ms / 1000));
	return xasprintf("1 per %lld ms", (long long)ms);
}

static void
add_limit(struct table *t, const struct json_node *limit)
{
	static const char *const numbers[] = { "keys", "taken", "refused" };
	int64_t burst = 0;

	json_int(json_get(limit, "burst"), &burst);
	table_add(t, ctl_text(json_get(limit, "name")));
	table_add(t, ctl_text(json_get(limit, "per")));
	table_add(t, burst ? xasprintf("%lld", (long long)burst) : xstrdup("off"));
	table_add(t, burst ? interval(limit) : xstrdup("-"));
	ctl_add_members(t, limit, numbers, COUNT_OF(numbers));
}

int
cmd_limits_local(struct ctl *ctl)
{
	static const struct column columns[] = { { "LIMIT" }, { "PER" }, { "BURST", .is_number = true }, { "THEN" },
		{ "KEYS", .is_number = true }, { "TAKEN", .is_number = true }, { "REFUSED", .is_number = true } };
	struct table t = table_of(columns, COUNT_OF(columns));
	struct ctl_reply rp;
	int code = ctl_ask(ctl, "/limits", NULL, &rp);
	const struct json_node *list;

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	list = json_get(rp.root, "limits");
	for (size_t i = 0; i < json_count(list); i++)
		add_limit(&t, json_at(list, i));
	table_write(&t, ctl->plain, ctl->width, &ctl->out);
	table_done(&t);
	if (!ctl->plain)
		buf_addc(&ctl->out, '\n');
	ctl_field_member(ctl, "Pending authz", rp.root, "pending_authz_max");
	ctl_field_member(ctl, "Refused", rp.root, "pending_authz_refused");
	ctl_reply_done(&rp);
	return CTL_DONE;
}

static const char *
say_source(struct span source)
{
	if (span_is(source, "files"))
		return "files of the configuration";
	return span_is(source, "upstream") ? "an upstream, ordered by the gateway" : "the gateway's own CA";
}

static const char *
say_renewal(struct span state)
{
	static const struct {
		const char *state, *text;
	} rows[] = { { "manual", "by you: replace the files, then reload" }, { "scheduled", "scheduled" },
		{ "due", "due, it is about to be ordered" }, { "ordered", "ordered, on its way" }, { "failed", "failed, will be tried again" } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (span_is(state, rows[i].state))
			return rows[i].text;
	}
	return "";
}

int
cmd_tls_show(struct ctl *ctl)
{
	const struct json_node *cert, *renewal;
	AUTO_FREE char *names = NULL, *problem = NULL;
	struct ctl_reply rp;
	int code = ctl_ask(ctl, "/tls", NULL, &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	cert = json_get(rp.root, "certificate");
	renewal = json_get(rp.root, "renewal");
	names = ctl_idents(json_get(cert, "identifiers"));
	problem = ctl_problem(json_get(renewal, "error"));
	ctl_field_member(ctl, "Subject", cert, "subject");
	ctl_field(ctl, "Names", span_str(names));
	ctl_field_member(ctl, "Issuer", cert, "issuer");
	ctl_field_member(ctl, "Serial", cert, "serial");
	ctl_field_member(ctl, "SHA-256", cert, "sha256");
	ctl_field_member(ctl, "Not before", cert, "not_before");
	ctl_field_member(ctl, "Not after", cert, "not_after");
	ctl_field(ctl, "From", span_str(say_source(json_text(json_get(rp.root, "source")))));
	if (json_bool(json_get(rp.root, "file_differs"), false))
		ctl_field(ctl, "File", SPAN("holds another certificate: reload puts it in force"));
	ctl_field_member(ctl, "Upstream", rp.root, "upstream");
	ctl_field(ctl, "Renewal", span_str(say_renewal(json_text(json_get(renewal, "state")))));
	ctl_field_member(ctl, "Due", renewal, "due");
	ctl_field_member(ctl, "Order", renewal, "order");
	ctl_field(ctl, "Problem", span_str(problem));
	ctl_reply_done(&rp);
	return CTL_DONE;
}
