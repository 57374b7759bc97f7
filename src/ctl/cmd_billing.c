/* cmd_billing.c - acmegatectl billing export, summary, close, correct, reconcile. */
#include <stdlib.h>

#include "ctl/ctl.h"
#include "ctl/focus.h"
#include "ctl/invoice.h"
#include "ctl/table.h"
#include "json/jw.h"

#define INVOICE_MAX_BYTES (64 * 1024 * 1024)

/* "2026-11" of --month, or this month. */
static int
month_of(struct ctl *ctl, char ret[8])
{
	const char *given = ctl_opt(ctl, "month");
	char now[TIME_TEXT], check[32];
	int64_t at;

	snprintf(ret, 8, "%.7s", given ? given : time_rfc3339(clock_unix_s(), now));
	snprintf(check, sizeof(check), "%s-01T00:00:00Z", ret);
	if ((given && strlen(given) != 7) || !time_rfc3339_parse(span_str(check), &at))
		return ctl_fail(ctl, CTL_USAGE, "--month is \"%s\", expected one such as 2026-11", given);
	return CTL_DONE;
}

/* ---- all rows of a month ---- */

/* CTL_DONE goes on. */
typedef int (*row_fn)(struct ctl *ctl, const struct json_node *row, void *arg);

static int
each_row(struct ctl *ctl, const char *month, row_fn fn, void *arg)
{
	AUTO_FREE char *after = xstrdup("");
	int code = CTL_DONE;

	while (code == CTL_DONE) {
		AUTO_FREE char *path = xasprintf("/billing?month=%s&limit=500%s%s", month, *after ? "&after=" : "", after);
		struct ctl_reply rp;
		const struct json_node *items;

		if ((code = ctl_ask(ctl, path, NULL, &rp)) != CTL_DONE)
			return code;
		items = json_get(rp.root, "items");
		for (size_t i = 0; code == CTL_DONE && i < json_count(items); i++)
			code = fn(ctl, json_at(items, i), arg);
		free(after);
		after = ctl_text(json_get(rp.root, "next"));
		ctl_reply_done(&rp);
		if (!*after)
			break;
	}
	return code;
}

/* ---- export ---- */

struct export {
	bool json;
	size_t rows;
};

static int
export_row(struct ctl *ctl, const struct json_node *row, void *arg)
{
	struct export *e = arg;

	if (e->json)
		buf_adds(&ctl->out, e->rows ? ",\n" : "\n");
	e->rows++;
	if (e->json)
		json_write(row, &ctl->out);
	else
		focus_row(row, &ctl->out);
	return ctl_flush(ctl);
}

int
cmd_billing_export(struct ctl *ctl)
{
	const char *format = ctl_opt(ctl, "format");
	struct export e = { .json = ctl->json || (format && strcmp(format, "json") == 0) };
	char month[8];
	int code = month_of(ctl, month);

	if (code == CTL_DONE && format && strcmp(format, "json") != 0 && strcmp(format, "focus-csv") != 0)
		return ctl_fail(ctl, CTL_USAGE, "--format is \"%s\", expected focus-csv or json", format);
	if (code != CTL_DONE)
		return code;
	if (e.json)
		buf_addf(&ctl->out, "{\"month\":\"%s\",\"items\":[", month);
	else
		focus_header(&ctl->out);
	code = each_row(ctl, month, export_row, &e);
	if (code == CTL_DONE && e.json)
		buf_adds(&ctl->out, "]}\n");
	return code;
}

/* ---- summary ---- */

int
cmd_billing_summary(struct ctl *ctl)
{
	static const struct column columns[] = { { "BY" }, { "CURRENCY" }, { "CERTIFICATES", .is_number = true }, { "NAMES", .is_number = true },
		{ "ROWS", .is_number = true }, { "AMOUNT", .is_number = true } };
	static const char *const names[] = { "id", "currency", "certificates", "names", "rows", "amount" };
	struct table t = table_of(columns, COUNT_OF(columns));
	AUTO_BUF target = BUF_MAX(1024);
	struct ctl_reply rp;
	char month[8];
	const struct json_node *items;
	int code = month_of(ctl, month);

	if (code != CTL_DONE)
		return code;
	buf_addf(&target, "/billing/summary?month=%s", month);
	if (ctl_opt(ctl, "by")) {
		buf_adds(&target, "&by=");
		ctl_add_escaped(&target, ctl_opt(ctl, "by"));
	}
	code = ctl_ask(ctl, buf_cstr(&target), NULL, &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++)
		ctl_add_members(&t, json_at(items, i), names, COUNT_OF(names));
	return ctl_list_table(ctl, &t, &rp);
}

/* ---- close, correct ---- */

static int
change(struct ctl *ctl, const char *path, struct buf *json, const char *label, const char *member)
{
	struct ctl_reply rp;
	int code = ctl_ask(ctl, path, buf_cstr(json), &rp);

	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	ctl_field_member(ctl, label, rp.root, member);
	ctl_field_member(ctl, "Rows", rp.root, "rows");
	ctl_field_member(ctl, "Amount", rp.root, "amount");
	ctl_reply_done(&rp);
	return CTL_DONE;
}

int
cmd_billing_close(struct ctl *ctl)
{
	AUTO_BUF json = BUF_MAX(1024);
	struct jw w = jw_to(&json);
	char month[8];
	int code = month_of(ctl, month);

	if (code == CTL_DONE && !ctl_opt(ctl, "yes"))
		code = ctl_confirm(ctl, "close %s for ever: what is wrong in it is corrected by rows of later months", month);
	if (code != CTL_DONE)
		return code;
	jw_object(&w, NULL);
	jw_str(&w, "month", month);
	jw_end(&w);
	return change(ctl, "/billing/close", &json, "Closed", "month");
}

int
cmd_billing_correct(struct ctl *ctl)
{
	AUTO_BUF json = BUF_MAX(4096);
	struct jw w = jw_to(&json);
	uint64_t row;

	if (!span_uint(span_str(ctl->words[0]), INT64_MAX, &row))
		return ctl_fail(ctl, CTL_USAGE, "\"%s\" is no row: the export has them as x_Row", ctl->words[0]);
	if (!ctl_opt(ctl, "amount") || !ctl_opt(ctl, "note"))
		return ctl_fail(ctl, CTL_USAGE, "--amount and --note are needed");
	jw_object(&w, NULL);
	jw_int(&w, "row", (int64_t)row);
	jw_str(&w, "amount", ctl_opt(ctl, "amount"));
	jw_str(&w, "note", ctl_opt(ctl, "note"));
	jw_end(&w);
	return change(ctl, "/billing/correct", &json, "Row", "id");
}

/* ---- reconcile ---- */

struct reconcile {
	struct table table;
	struct buf json;
	struct jw w;
	uint64_t *rows;  /* that a line was for, ascending */
	size_t count, room;
	int64_t matched, different, unknown, twice, missing;
};

/* The first that is not below it. */
static size_t
place_of(const struct reconcile *r, uint64_t id)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->rows[middle] < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
has_row(const struct reconcile *r, uint64_t id)
{
	size_t at = place_of(r, id);

	return at < r->count && r->rows[at] == id;
}

/* Mostly at the end: an invoice goes by time, too. */
static void
add_row(struct reconcile *r, uint64_t id)
{
	size_t at = place_of(r, id);

	if (r->count == r->room) {
		r->room = r->room ? r->room * 2 : 256;
		r->rows = xrealloc(r->rows, r->room * sizeof(*r->rows));
	}
	memmove(&r->rows[at + 1], &r->rows[at], (r->count - at) * sizeof(*r->rows));
	r->rows[at] = id;
	r->count++;
}

/* `line` 0: it is on no invoice. */
static void
note(struct reconcile *r, const char *state, unsigned line, const struct json_node *row, struct span what, const char *invoiced)
{
	char at[16] = "";

	if (line)
		snprintf(at, sizeof(at), "%u", line);
	table_add(&r->table, xstrdup(state));
	table_add(&r->table, xstrdup(at));
	table_add(&r->table, ctl_text(json_get(row, "id")));
	table_add(&r->table, xstrdup(invoiced));
	table_add(&r->table, ctl_text(json_get(row, "amount")));
	table_add(&r->table, span_dup(what));
	jw_object(&r->w, NULL);
	jw_str(&r->w, "state", state);
	if (line)
		jw_int(&r->w, "line", line);
	if (row)
		jw_span(&r->w, "row", json_text(json_get(row, "id")));
	if (*invoiced)
		jw_str(&r->w, "invoiced", invoiced);
	if (row)
		jw_span(&r->w, "amount", json_text(json_get(row, "amount")));
	jw_span(&r->w, "of", what);
	jw_end(&r->w);
}

static int
ask_line(struct ctl *ctl, const struct invoice_line *l, struct ctl_reply *ret)
{
	AUTO_FREE char *url = span_dup(l->url), *serial = span_dup(l->serial);
	AUTO_BUF target = BUF_MAX(8192);

	buf_adds(&target, "/billing/find?url=");
	ctl_add_escaped(&target, url);
	buf_adds(&target, "&serial=");
	ctl_add_escaped(&target, serial);
	return ctl_ask(ctl, buf_cstr(&target), NULL, ret);
}

static int
judge(struct ctl *ctl, struct reconcile *r, const struct invoice_line *l)
{
	struct span what = l->url.n ? l->url : l->serial;
	char invoiced[PRICE_TEXT] = "";
	const struct json_node *row;
	struct ctl_reply rp;
	int64_t ours;
	int code = ask_line(ctl, l, &rp);
	uint64_t id;

	if (code != CTL_DONE)
		return code;
	if (l->has_amount)
		price_text(l->amount, invoiced);
	row = json_at(json_get(rp.root, "items"), 0);
	if (!row || !span_uint(json_text(json_get(row, "id")), INT64_MAX, &id)) {
		note(r, "unknown", l->line, NULL, what, invoiced);
		r->unknown++;
		ctl_reply_done(&rp);
		return CTL_DONE;
	}
	if (has_row(r, id)) {
		note(r, "twice", l->line, row, what, invoiced);
		r->twice++;
	} else if (l->has_amount && price_parse(json_text(json_get(row, "amount")), &ours) && ours != l->amount) {
		note(r, "different", l->line, row, what, invoiced);
		r->different++;
	} else {
		r->matched++;
	}
	if (!has_row(r, id))
		add_row(r, id);
	ctl_reply_done(&rp);
	return CTL_DONE;
}

/* What was issued, costs something and is on no line. */
static int
look_missing(struct ctl *ctl, const struct json_node *row, void *arg)
{
	struct span kind = json_text(json_get(row, "kind")), url = json_text(json_get(row, "url"));
	struct reconcile *r = arg;
	uint64_t id;

	(void)ctl;
	if ((!span_is(kind, "new") && !span_is(kind, "renewal") && !span_is(kind, "reissue")) || span_is(json_text(json_get(row, "amount")), "0") ||
		!span_uint(json_text(json_get(row, "id")), INT64_MAX, &id))
		return CTL_DONE;
	if (has_row(r, id))
		return CTL_DONE;
	note(r, "missing", 0, row, url.n ? url : json_text(json_get(row, "serial")), "");
	r->missing++;
	return CTL_DONE;
}

static int
read_lines(struct ctl *ctl, struct reconcile *r, struct span text)
{
	struct invoice_line line;
	struct invoice v;
	struct problem pr = { 0 };
	int code = CTL_DONE;

	if (!invoice_open(&v, text, ctl_opt(ctl, "columns"), &pr))
		return ctl_fail(ctl, CTL_USAGE, "%s: %s", ctl->words[0], pr.detail);
	while (code == CTL_DONE && invoice_next(&v, &line, &pr))
		code = judge(ctl, r, &line);
	invoice_done(&v);
	return pr.kind ? ctl_fail(ctl, CTL_USAGE, "%s: %s", ctl->words[0], pr.detail) : code;
}

static void
print_result(struct ctl *ctl, struct reconcile *r)
{
	jw_end(&r->w);
	jw_int(&r->w, "matched", r->matched);
	jw_int(&r->w, "different", r->different);
	jw_int(&r->w, "unknown", r->unknown);
	jw_int(&r->w, "twice", r->twice);
	jw_int(&r->w, "missing", r->missing);
	jw_end(&r->w);
	if (ctl->json) {
		buf_addspan(&ctl->out, buf_span(&r->json));
		buf_addc(&ctl->out, '\n');
		return;
	}
	table_write(&r->table, ctl->plain, ctl->width, &ctl->out);
	if (!ctl->plain)
		buf_addf(&ctl->out, "%lld matched, %lld different, %lld unknown, %lld twice, %lld missing\n", (long long)r->matched, (long long)r->different,
			(long long)r->unknown, (long long)r->twice, (long long)r->missing);
}

int
cmd_billing_reconcile(struct ctl *ctl)
{
	static const struct column columns[] = { { "STATE" }, { "LINE" }, { "ROW" }, { "INVOICED", .is_number = true }, { "ON THE BILL", .is_number = true },
		{ "OF", .may_cut = true } };
	struct reconcile r = { .table = table_of(columns, COUNT_OF(columns)), .json = BUF_MAX(INVOICE_MAX_BYTES) };
	AUTO_BUF text = BUF_MAX(INVOICE_MAX_BYTES);
	char month[8];
	int code = month_of(ctl, month);

	r.w = jw_to(&r.json);
	jw_object(&r.w, NULL);
	jw_str(&r.w, "month", month);
	jw_array(&r.w, "items");
	if (code == CTL_DONE)
		code = ctl_read_file(ctl, ctl->words[0], &text);
	if (code == CTL_DONE)
		code = read_lines(ctl, &r, buf_span(&text));
	if (code == CTL_DONE)
		code = each_row(ctl, month, look_missing, &r);
	if (code == CTL_DONE) {
		print_result(ctl, &r);
		code = r.different || r.unknown || r.twice || r.missing ? CTL_FAILED : CTL_DONE;
	}
	free(r.rows);
	buf_done(&r.json);
	table_done(&r.table);
	return code;
}
