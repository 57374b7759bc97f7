/* bill.c - the bill: GET /billing (rows of a month, oldest first), GET /billing/summary, POST /billing/close, POST /billing/correct, GET
 * /billing/find (what a line of an invoice is for). */
#include "admin/call.h"
#include "base/log.h"
#include "store/bill.h"

static bool
read_month(struct span text, int64_t *ret, struct problem *pr)
{
	return bill_month_parse(text, ret) || problem_set(pr, PROBLEM_MALFORMED, "month is \"%s\", expected one such as 2026-11", QUOTE(text));
}

static void
write_money(struct jw *w, const char *name, int64_t micro)
{
	char text[PRICE_TEXT];

	/* as text: to many readers a JSON number is a double */
	jw_str(w, name, price_text(micro, text));
}

static void
write_row(struct jw *w, const struct bill_row *r)
{
	jw_time(w, "at", r->at);
	jw_str(w, "kind", price_kind_name(r->kind));
	jw_str(w, "tenant", r->tenant);
	write_text(w, "cost_centre", r->cost_centre);
	jw_str(w, "upstream", r->upstream);
	jw_str(w, "ca", r->ca);
	write_text(w, "product", r->product);
	write_text(w, "model", r->model);
	write_text(w, "rate_card", r->card);
	write_text(w, "currency", r->currency);
	write_money(w, "quantity", r->price.quantity);
	write_money(w, "unit_price", r->price.unit_price);
	write_money(w, "amount", r->price.amount);
	jw_int(w, "names", r->names);
	jw_int(w, "wildcards", r->wildcards);
	write_text(w, "name", r->name);
	write_text(w, "profile", r->profile);
	write_text(w, "order", r->order_ref);
	write_text(w, "url", r->url);
	write_text(w, "serial", r->serial);
	write_text(w, "sha256", r->sha256);
	write_text(w, "eab", r->eab);
	if (r->corrects)
		jw_int(w, "corrects", r->corrects);
	if (r->corrects_closed)
		jw_bool(w, "corrects_closed", true);
	write_text(w, "note", r->note);
}

static void
write_one(struct jw *w, const struct bill_row *r)
{
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)r->id);
	jw_object(w, NULL);
	jw_str(w, "id", id);
	write_row(w, r);
	jw_end(w);
}

static void
on_row(const struct bill_row *r, void *arg)
{
	struct list *l = arg;
	char id[24];

	snprintf(id, sizeof(id), "%lld", (long long)r->id);
	if (!list_item(l, id))
		return;
	write_row(&l->c->w, r);
	jw_end(&l->c->w);
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	struct span after = call_query(c, "after");
	int64_t month, total;
	uint64_t id = 0;
	struct list l;

	if (after.p && !span_uint(after, INT64_MAX, &id))
		return problem_set(pr, PROBLEM_MALFORMED, "after is \"%s\", expected what the list gave", QUOTE(after));
	if (!read_month(call_query(c, "month"), &month, pr) || !list_begin(&l, c, pr) ||
		!bill_list(db, month, (int64_t)id, l.limit + 1, on_row, &l, pr) || !bill_count(db, month, LIST_COUNT_MAX, &total, pr))
		return false;
	list_end(&l, total);
	return true;
}

bool
call_bill(struct call *c)
{
	return store_read(c->admin->store, list_tx, c, &c->pr);
}

/* ---- sums ---- */

static const char *const by_names[] = { [BILL_BY_TENANT] = "tenant", [BILL_BY_COST_CENTRE] = "cost_centre", [BILL_BY_CA] = "ca",
	[BILL_BY_PRODUCT] = "product", [BILL_BY_KIND] = "kind" };
_Static_assert(COUNT_OF(by_names) == BILL_BY__COUNT, "each has a name");

static bool
read_by(struct call *c, enum bill_by *ret, struct problem *pr)
{
	struct span by = call_query(c, "by");

	*ret = BILL_BY_TENANT;
	for (size_t i = 0; by.p && i < COUNT_OF(by_names); i++) {
		if (span_is(by, by_names[i])) {
			*ret = (enum bill_by)i;
			return true;
		}
	}
	return !by.p || problem_set(pr, PROBLEM_MALFORMED, "by is \"%s\", expected tenant, cost_centre, ca, product or kind", QUOTE(by));
}

static void
on_sum(const struct bill_sum *s, void *arg)
{
	struct jw *w = arg;

	jw_object(w, NULL);
	jw_str(w, "id", s->what);
	write_text(w, "currency", s->currency);
	jw_int(w, "rows", s->rows);
	jw_int(w, "certificates", s->certificates);
	jw_int(w, "names", s->names);
	write_money(w, "amount", s->amount);
	jw_end(w);
}

static bool
sums_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	int64_t month, closed;
	enum bill_by by;

	call_restart(c);
	if (!read_month(call_query(c, "month"), &month, pr) || !read_by(c, &by, pr) || !bill_is_closed(db, month, &closed, pr))
		return false;
	jw_object(&c->w, NULL);
	jw_span(&c->w, "month", call_query(c, "month"));
	write_time(&c->w, "closed", closed);
	jw_str(&c->w, "by", by_names[by]);
	jw_array(&c->w, "items");
	if (!bill_sums(db, month, by, on_sum, &c->w, pr))
		return false;
	jw_end(&c->w);
	jw_end(&c->w);
	return true;
}

bool
call_bill_summary(struct call *c)
{
	return store_read(c->admin->store, sums_tx, c, &c->pr);
}

/* ---- a month is closed ---- */

#define CLOSE_AFTER_S 3600 /* what was issued in its last second may not be on record yet, and other gateways have other clocks */

struct closing {
	struct call *c;
	int64_t month;
	char text[8];
};

static bool
close_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct closing *k = arg;
	struct call *c = k->c;
	int64_t closed, rows;
	char who[32];

	call_restart(c);
	if (!bill_is_closed(db, k->month, &closed, pr) || !bill_count(db, k->month, INT64_MAX, &rows, pr))
		return false;
	if (closed)
		return problem_set(pr, PROBLEM_CONFLICT, "%s is closed already", k->text);
	if (k->month >= bill_month(clock_unix_s() - CLOSE_AFTER_S))
		return problem_set(pr, PROBLEM_CONFLICT, "%s is not over yet, or not for an hour", k->text);
	snprintf(who, sizeof(who), "uid %lld", (long long)c->http->peer_uid);
	if (!bill_close(db, k->month, who, pr))
		return false;
	jw_object(&c->w, NULL);
	jw_str(&c->w, "month", k->text);
	jw_int(&c->w, "rows", rows);
	jw_end(&c->w);
	return true;
}

bool
call_bill_close(struct call *c)
{
	struct closing k = { .c = c };
	struct span month = json_req_str(&c->body, "month", 7);

	if (!json_ok(&c->body) || !read_month(month, &k.month, &c->pr))
		return false;
	span_copy(month, k.text, sizeof(k.text));
	if (!call_write(c, close_tx, &k))
		return false;
	log_notice("bill_closed", LS("month", k.text), LI("uid", c->http->peer_uid));
	return true;
}

/* ---- what was wrong is made good by a row of its own ---- */

struct correction {
	struct call *c;
	int64_t corrects, amount;
	char note[513];
};

static bool
correct_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct correction *k = arg;
	struct call *c = k->c;
	struct bill_row r;
	bool found;

	call_restart(c);
	if (!bill_by_id(db, k->corrects, &r, &found, pr))
		return false;
	if (!found)
		return problem_set(pr, PROBLEM_NOT_FOUND, "there is no row %lld", (long long)k->corrects);
	if (!r.currency[0])
		return problem_set(pr, PROBLEM_CONFLICT, "row %lld has no currency: the rate card had no price", (long long)k->corrects);
	r.kind = PRICE_CORRECTION;
	r.corrects = k->corrects;
	r.at = clock_unix_s();
	r.refund_until = 0;
	r.price = (struct price){ .quantity = PRICE_ONE, .unit_price = k->amount, .amount = k->amount };
	memcpy(r.note, k->note, sizeof(r.note));
	if (!bill_insert(db, &r, pr) || !bill_by_id(db, r.id, &r, &found, pr))
		return false;
	write_one(&c->w, &r);
	return true;
}

bool
call_bill_correct(struct call *c)
{
	struct correction k = { .c = c };
	struct span amount = json_req_str(&c->body, "amount", 32), note = json_req_str(&c->body, "note", sizeof(k.note) - 1);

	k.corrects = json_opt_int(&c->body, "row", 1, INT64_MAX, 0);
	if (!json_ok(&c->body))
		return false;
	if (!price_parse(amount, &k.amount) || k.amount == 0)
		return problem_set(&c->pr, PROBLEM_MALFORMED, "amount is \"%s\", expected one such as 15 or -0.90", QUOTE(amount));
	span_copy(note, k.note, sizeof(k.note));
	return call_write(c, correct_tx, &k);
}

/* ---- an invoice ---- */

static bool
find_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct call *c = arg;
	char url[BILL_URL_TEXT] = "", serial[SERIAL_TEXT] = "";
	struct bill_row r;
	bool found;

	call_restart(c);
	if ((call_query(c, "url").p && !call_text(call_query(c, "url"), url, sizeof(url), pr)) ||
		(call_query(c, "serial").p && !call_text(call_query(c, "serial"), serial, sizeof(serial), pr)) ||
		!bill_find(db, span_str(url), span_str(serial), &r, &found, pr))
		return false;
	jw_object(&c->w, NULL);
	jw_array(&c->w, "items");
	if (found)
		write_one(&c->w, &r);
	jw_end(&c->w);
	jw_end(&c->w);
	return true;
}

bool
call_bill_find(struct call *c)
{
	return store_read(c->admin->store, find_tx, c, &c->pr);
}
