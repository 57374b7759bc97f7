/* bill.c - see bill.h. */
#include "store/bill.h"

#include <stdio.h>

#include "base/clock.h"

#define COLUMNS                                                                                    \
	"b.id, b.at, b.month, b.kind, b.tenant, b.cost_centre, b.upstream, b.ca, b.product, b.model, b.card," \
	" b.currency, b.unit_price, b.quantity, b.amount, b.names, b.wildcards, b.name, b.profile,"\
	" b.order_ref, b.url, b.serial, b.sha256, b.eab, b.refund_until, b.corrects, b.note,"      \
	" (select 1 from bill o join bill_closed c on c.month=o.month where o.id=b.corrects)"

int64_t
bill_month(int64_t unix_s)
{
	char text[TIME_TEXT];
	struct span s = span_str(time_rfc3339(unix_s, text));

	return (s.p[0] - '0') * 100000 + (s.p[1] - '0') * 10000 + (s.p[2] - '0') * 1000 + (s.p[3] - '0') * 100 + (s.p[5] - '0') * 10 + (s.p[6] - '0');
}

bool
bill_month_parse(struct span text, int64_t *ret)
{
	char at[32];
	int64_t unix_s;

	if (text.n != 7)
		return false;
	snprintf(at, sizeof(at), "%.*s-01T00:00:00Z", SPAN_FMT(text));
	if (!time_rfc3339_parse(span_str(at), &unix_s))
		return false;
	*ret = bill_month(unix_s);
	return true;
}

static void
read_row(struct sql_stmt *st, struct bill_row *r)
{
	*r = (struct bill_row){ .id = sql_int(st, 0), .at = sql_int(st, 1), .month = sql_int(st, 2), .kind = (enum price_kind)sql_int(st, 3),
		.price = { .unit_price = sql_int(st, 12), .quantity = sql_int(st, 13), .amount = sql_int(st, 14) }, .names = sql_int(st, 15),
		.wildcards = sql_int(st, 16), .refund_until = sql_int(st, 24), .corrects = sql_int(st, 25), .corrects_closed = sql_int(st, 27) != 0 };
	sql_copy(st, 4, r->tenant, sizeof(r->tenant));
	sql_copy(st, 5, r->cost_centre, sizeof(r->cost_centre));
	sql_copy(st, 6, r->upstream, sizeof(r->upstream));
	sql_copy(st, 7, r->ca, sizeof(r->ca));
	sql_copy(st, 8, r->product, sizeof(r->product));
	sql_copy(st, 9, r->model, sizeof(r->model));
	sql_copy(st, 10, r->card, sizeof(r->card));
	sql_copy(st, 11, r->currency, sizeof(r->currency));
	sql_copy(st, 17, r->name, sizeof(r->name));
	sql_copy(st, 18, r->profile, sizeof(r->profile));
	sql_copy(st, 19, r->order_ref, sizeof(r->order_ref));
	sql_copy(st, 20, r->url, sizeof(r->url));
	sql_copy(st, 21, r->serial, sizeof(r->serial));
	sql_copy(st, 22, r->sha256, sizeof(r->sha256));
	sql_copy(st, 23, r->eab, sizeof(r->eab));
	sql_copy(st, 26, r->note, sizeof(r->note));
}

static bool
one(struct sql_stmt *st, struct bill_row *ret, bool *ret_found, struct problem *pr)
{
	*ret_found = sql_step(st);
	if (*ret_found)
		read_row(st, ret);
	return sql_end(st, pr);
}

bool
bill_insert(struct sql *db, struct bill_row *r, struct problem *pr)
{
	static const char SQL[] =
		"insert into bill (at, month, kind, tenant, cost_centre, upstream, ca, product, model, card, currency, unit_price, quantity,"
		" amount, names, wildcards, name, profile, order_ref, url, serial, sha256, eab, refund_until, corrects, note)"
		" values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,"
		" nullif($25, 0), $26) returning id";
	const char *const texts[] = { r->tenant, r->cost_centre, r->upstream, r->ca, r->product, r->model, r->card, r->currency };
	const char *const more[] = { r->name, r->profile, r->order_ref, r->url, r->serial, r->sha256, r->eab };
	struct sql_stmt *st = sql_begin(db, SQL);

	r->month = bill_month(r->at);
	sql_bind_int(st, 1, r->at);
	sql_bind_int(st, 2, r->month);
	sql_bind_int(st, 3, r->kind);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		sql_bind_str(st, 4 + (int)i, texts[i]);
	sql_bind_int(st, 12, r->price.unit_price);
	sql_bind_int(st, 13, r->price.quantity);
	sql_bind_int(st, 14, r->price.amount);
	sql_bind_int(st, 15, r->names);
	sql_bind_int(st, 16, r->wildcards);
	for (size_t i = 0; i < COUNT_OF(more); i++)
		sql_bind_str(st, 17 + (int)i, more[i]);
	sql_bind_int(st, 24, r->refund_until);
	sql_bind_int(st, 25, r->corrects);
	sql_bind_str(st, 26, r->note);
	if (sql_step(st))
		r->id = sql_int(st, 0);
	return sql_end(st, pr);
}

bool
bill_by_id(struct sql *db, int64_t id, struct bill_row *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from bill b where b.id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return one(st, ret, ret_found, pr);
}

bool
bill_of_cert(struct sql *db, const char *sha256, struct bill_row *ret, bool *ret_found, struct problem *pr)
{
	/* `kind<=4` is that of the index */
	static const char SQL[] = "select " COLUMNS " from bill b where b.sha256=$1 and b.kind<=4 and b.kind<4";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, sha256);
	return one(st, ret, ret_found, pr);
}

bool
bill_list(struct sql *db, int64_t month, int64_t after, int64_t limit, bill_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from bill b where b.month=$1 and b.id>$2 order by b.id limit $3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, month);
	sql_bind_int(st, 2, after);
	sql_bind_int(st, 3, limit);
	while (sql_step(st)) {
		struct bill_row r;

		read_row(st, &r);
		fn(&r, arg);
	}
	return sql_end(st, pr);
}

bool
bill_count(struct sql *db, int64_t month, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*) from (select 1 from bill where month=$1 limit $2) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, month);
	sql_bind_int(st, 2, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
bill_find(struct sql *db, struct span url, struct span serial, struct bill_row *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL_URL[] = "select " COLUMNS " from bill b where b.url=$1 and b.url<>'' and b.kind<4 order by b.id limit 1";
	static const char SQL_SERIAL[] = "select " COLUMNS " from bill b where b.serial=$1 and b.serial<>'' and b.kind<4 order by b.id limit 1";
	struct sql_stmt *st = sql_begin(db, SQL_URL);

	sql_bind_text(st, 1, url);
	if (!one(st, ret, ret_found, pr))
		return false;
	if (*ret_found)
		return true;
	st = sql_begin(db, SQL_SERIAL);
	sql_bind_text(st, 1, serial);
	return one(st, ret, ret_found, pr);
}

#define SUMS(WHAT)                                                                                 \
	"select " WHAT ", currency, count(*), count(case when kind<4 then 1 end),"                 \
	" cast(coalesce(sum(case when kind<4 then names end), 0) as bigint), cast(sum(amount) as bigint)" \
	" from bill where month=$1 group by " WHAT ", currency order by " WHAT ", currency"

bool
bill_sums(struct sql *db, int64_t month, enum bill_by by, bill_sum_fn fn, void *arg, struct problem *pr)
{
	static const char SQL_TENANT[] = SUMS("tenant");
	static const char SQL_COST_CENTRE[] = SUMS("cost_centre");
	static const char SQL_CA[] = SUMS("ca");
	static const char SQL_PRODUCT[] = SUMS("product");
	static const char SQL_KIND[] = SUMS("kind");
	static const char *const all[] = { [BILL_BY_TENANT] = SQL_TENANT, [BILL_BY_COST_CENTRE] = SQL_COST_CENTRE, [BILL_BY_CA] = SQL_CA,
		[BILL_BY_PRODUCT] = SQL_PRODUCT, [BILL_BY_KIND] = SQL_KIND };
	struct sql_stmt *st = sql_begin(db, all[by]);

	sql_bind_int(st, 1, month);
	while (sql_step(st)) {
		struct bill_sum s = { .rows = sql_int(st, 2), .certificates = sql_int(st, 3), .names = sql_int(st, 4), .amount = sql_int(st, 5) };

		if (by == BILL_BY_KIND)
			span_copy(span_str(price_kind_name((enum price_kind)sql_int(st, 0))), s.what, sizeof(s.what));
		else
			sql_copy(st, 0, s.what, sizeof(s.what));
		sql_copy(st, 1, s.currency, sizeof(s.currency));
		fn(&s, arg);
	}
	return sql_end(st, pr);
}

/* ---- terms ---- */

bool
bill_term_get(struct sql *db, const char *rate, struct bill_term *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select term_begin, term_end, used, peak, active from bill_term where rate=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, rate);
	*ret_found = sql_step(st);
	if (*ret_found)
		*ret = (struct bill_term){ sql_int(st, 0), sql_int(st, 1), sql_int(st, 2), sql_int(st, 3), sql_int(st, 4) };
	return sql_end(st, pr);
}

bool
bill_term_put(struct sql *db, const char *rate, const struct bill_term *t, struct problem *pr)
{
	static const char SQL[] =
		"insert into bill_term (rate, term_begin, term_end, used, peak, active) values ($1, $2, $3, $4, $5, $6)"
		" on conflict (rate) do update set term_begin=excluded.term_begin, term_end=excluded.term_end, used=excluded.used,"
		" peak=excluded.peak, active=excluded.active";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, rate);
	sql_bind_int(st, 2, t->begin);
	sql_bind_int(st, 3, t->end);
	sql_bind_int(st, 4, t->used);
	sql_bind_int(st, 5, t->peak);
	sql_bind_int(st, 6, t->active);
	sql_step(st);
	return sql_end(st, pr);
}

bool
bill_names_end(struct sql *db, const char *rate, int64_t now, int64_t *ret_weight, struct problem *pr)
{
	static const char SQL[] = "delete from bill_name where rate=$1 and until<=$2 returning weight";
	struct sql_stmt *st = sql_begin(db, SQL);
	int64_t sum = 0;

	sql_bind_str(st, 1, rate);
	sql_bind_int(st, 2, now);
	while (sql_step(st))
		sum += sql_int(st, 0);
	*ret_weight = sum;
	return sql_end(st, pr);
}

bool
bill_name_put(struct sql *db, const char *rate, const char *name, int64_t weight, int64_t until, bool *ret_new, struct problem *pr)
{
	static const char SQL_LONGER[] = "update bill_name set until=case when until<$3 then $3 else until end where rate=$1 and name=$2";
	static const char SQL[] = "insert into bill_name (rate, name, weight, until) values ($1, $2, $3, $4)";
	struct sql_stmt *st = sql_begin(db, SQL_LONGER);

	sql_bind_str(st, 1, rate);
	sql_bind_str(st, 2, name);
	sql_bind_int(st, 3, until);
	sql_step(st);
	*ret_new = sql_changes(st) == 0;
	if (!sql_end(st, pr))
		return false;
	if (!*ret_new)
		return true;
	st = sql_begin(db, SQL);
	sql_bind_str(st, 1, rate);
	sql_bind_str(st, 2, name);
	sql_bind_int(st, 3, weight);
	sql_bind_int(st, 4, until);
	sql_step(st);
	return sql_end(st, pr);
}

/* ---- months ---- */

bool
bill_is_closed(struct sql *db, int64_t month, int64_t *ret_at, struct problem *pr)
{
	static const char SQL[] = "select at from bill_closed where month=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, month);
	*ret_at = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
bill_close(struct sql *db, int64_t month, const char *who, struct problem *pr)
{
	static const char SQL[] =
		"insert into bill_closed (month, at, who, row_count) values ($1, $2, $3, (select count(*) from bill where month=$1))";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, month);
	sql_bind_int(st, 2, clock_unix_s());
	sql_bind_str(st, 3, who);
	sql_step(st);
	return sql_end(st, pr);
}
