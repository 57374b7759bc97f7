/* cmd_queue.c - acmegatectl queue, queue ca: who waits for which CA, and until when. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/table.h"

static char *
or_unknown(const struct json_node *n)
{
	struct span text = json_text(n);

	return text.n ? span_dup(text) : xstrdup("unknown");
}

int
cmd_queue(struct ctl *ctl)
{
	static const struct column columns[] = { { "ORDER" }, { "PROFILE" }, { "CLASS" }, { "SINCE" }, { "CA" }, { "WAITS FOR", .may_cut = true },
		{ "PLACE", .is_number = true }, { "FORECAST" } };
	static const char *const names[] = { "id", "profile", "class", "since", "upstream", "waits_for", "place" };
	static const char *const parameters[] = { "upstream", "profile", "before", "limit", NULL };
	struct table t = table_of(columns, COUNT_OF(columns));
	const struct json_node *items;
	struct ctl_reply rp;
	int code = ctl_ask_list(ctl, "/queue", parameters, &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		ctl_add_members(&t, json_at(items, i), names, COUNT_OF(names));
		table_add(&t, or_unknown(json_get(json_at(items, i), "forecast")));
	}
	return ctl_list_table(ctl, &t, &rp);
}

int
cmd_queue_ca(struct ctl *ctl)
{
	static const struct column columns[] = { { "CA" }, { "INCIDENT", .is_number = true }, { "EXPIRING", .is_number = true },
		{ "RENEWAL", .is_number = true }, { "NEW", .is_number = true }, { "BULK", .is_number = true }, { "IN FLIGHT", .is_number = true },
		{ "AWAIT CSR", .is_number = true }, { "WIDTH", .is_number = true }, { "LIMITS IN THE WAY", .is_number = true } };
	static const char *const classes[] = { "incident", "expiring", "renewal", "new", "bulk" };
	static const char *const names[] = { "in_flight", "awaiting_csr", "width", "limits_in_the_way" };
	struct table t = table_of(columns, COUNT_OF(columns));
	struct ctl_reply rp;
	int code = ctl_ask(ctl, "/queue/ca", NULL, &rp);
	const struct json_node *items;

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++) {
		const struct json_node *item = json_at(items, i);

		table_add(&t, ctl_text(json_get(item, "ca")));
		ctl_add_members(&t, json_get(item, "waiting"), classes, COUNT_OF(classes));
		ctl_add_members(&t, item, names, COUNT_OF(names));
	}
	return ctl_list_table(ctl, &t, &rp);
}
