/* cmd_agenda.c - acmegatectl renewals: what is to be renewed when, and was. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

/* A day stands for its first moment. */
static int
add_time(struct ctl *ctl, struct buf *target, const char *name)
{
	const char *text = ctl_opt(ctl, name);
	AUTO_FREE char *day = text ? xasprintf("%sT00:00:00Z", text) : NULL;
	char out[TIME_TEXT];
	int64_t at;

	if (!text)
		return CTL_DONE;
	if (!time_rfc3339_parse(span_str(text), &at) && !time_rfc3339_parse(span_str(day), &at))
		return ctl_fail(ctl, CTL_USAGE, "--%s is \"%s\", expected a date or time such as 2027-01-31", name, text);
	buf_addf(target, "&%s=", name);
	ctl_add_escaped(target, time_rfc3339(at, out));
	return CTL_DONE;
}

static int
print_items(struct ctl *ctl, struct ctl_reply *rp)
{
	static const char *const numbers[] = { "due", "planned", "done", "late", "lapsed" };
	const char *by = ctl_opt(ctl, "by");
	const struct column columns[] = { { by ? by : "BEGIN" }, { "DUE", .is_number = true }, { "PLANNED", .is_number = true },
		{ "DONE", .is_number = true }, { "LATE", .is_number = true }, { "LAPSED", .is_number = true } };
	struct table t = table_of(columns, COUNT_OF(columns));
	const struct json_node *items = json_get(rp->root, "items");
	int code;

	for (size_t i = 0; i < json_count(items); i++) {
		table_add(&t, ctl_text(json_get(json_at(items, i), by ? by : "begin")));
		ctl_add_members(&t, json_at(items, i), numbers, COUNT_OF(numbers));
	}
	if (t.cell_count)
		table_write(&t, ctl->plain, ctl->width, &ctl->out);
	code = ctl_flush(ctl);
	if (!ctl->plain)
		ctl_note(ctl, "from %.*s to %.*s", SPAN_FMT(json_text(json_get(rp->root, "from"))), SPAN_FMT(json_text(json_get(rp->root, "to"))));
	table_done(&t);
	ctl_reply_done(rp);
	return code;
}

int
cmd_renewals(struct ctl *ctl)
{
	AUTO_BUF target = BUF_MAX(4000);
	struct ctl_reply rp;
	int code;

	buf_addf(&target, "/renewals?per=%s", ctl_opt(ctl, "per") ? ctl_opt(ctl, "per") : "day");
	if (ctl_opt(ctl, "by"))
		buf_addf(&target, "&by=%s", ctl_opt(ctl, "by"));
	code = add_time(ctl, &target, "from");
	if (code == CTL_DONE)
		code = add_time(ctl, &target, "to");
	if (code == CTL_DONE)
		code = ctl_ask(ctl, buf_cstr(&target), NULL, &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	return print_items(ctl, &rp);
}
