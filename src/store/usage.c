/* usage.c - see usage.h. */
#include "store/usage.h"

static bool
run(struct sql *db, const char *text, size_t count, const int64_t *numbers, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);

	for (size_t i = 0; i < count; i++)
		sql_bind_int(st, (int)i + 1, numbers[i]);
	sql_step(st);
	return sql_end(st, pr);
}

bool
usage_take(struct sql *db, struct usage_count *c, struct problem *pr)
{
	static const char SQL[] =
		"insert into usage_count (quota, subject, counts, period_begin, period_end, used) values ($1, $2, $3, $4, $5, 1)"
		" on conflict (quota, subject, period_begin) do update set used=usage_count.used+1 returning id, used";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, c->quota);
	sql_bind_str(st, 2, c->subject);
	sql_bind_int(st, 3, c->counts);
	sql_bind_int(st, 4, c->begin);
	sql_bind_int(st, 5, c->end);
	if (sql_step(st)) {
		c->id = sql_int(st, 0);
		c->used = sql_int(st, 1);
	}
	return sql_end(st, pr);
}

bool
usage_hold(struct sql *db, int64_t order_id, const struct usage_count *c, struct problem *pr)
{
	static const char SQL[] =
		"insert into usage_hold (order_id, count_id, counts, cert_id) values ($1, $2, $3, null)"
		" on conflict (order_id, count_id) do nothing";

	return run(db, SQL, 3, (int64_t[]){ order_id, c->id, c->counts }, pr);
}

/* Most orders hold nothing, and then that is all that is asked. */
static bool
is_there(struct sql *db, const char *text, int64_t id, bool *ret, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);

	sql_bind_int(st, 1, id);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

/* One statement: the counters of the holds that go are lowered by them, however many there are of each. */
#define LOWER(WHICH)                                                                               \
	"update usage_count set used=used-(select count(*) from usage_hold h where h.count_id=usage_count.id and " WHICH ")" \
	" where id in (select h.count_id from usage_hold h where " WHICH ")"

static bool
let_go(struct sql *db, const char *lower, const char *forget, int64_t id, struct problem *pr)
{
	return run(db, lower, 1, &id, pr) && run(db, forget, 1, &id, pr);
}

bool
usage_give_back(struct sql *db, int64_t order_id, struct problem *pr)
{
	static const char SQL_LOWER[] = LOWER("h.order_id=$1 and h.cert_id is null");
	static const char SQL_FORGET[] = "delete from usage_hold where order_id=$1 and cert_id is null";
	static const char SQL_ANY[] = "select 1 from usage_hold where order_id=$1 and cert_id is null limit 1";
	bool any;

	return is_there(db, SQL_ANY, order_id, &any, pr) && (!any || let_go(db, SQL_LOWER, SQL_FORGET, order_id, pr));
}

bool
usage_settle(struct sql *db, int64_t order_id, int64_t cert_id, struct problem *pr)
{
	static const char SQL_PENDING_LOWER[] = LOWER("h.order_id=$1 and h.counts=3");
	static const char SQL_PENDING[] = "delete from usage_hold where order_id=$1 and counts=3";
	static const char SQL_SPENT[] = "delete from usage_hold where order_id=$1 and counts<2";
	/* unless another order has had it counted */
	static const char SQL_LIVE[] =
		"update usage_hold set cert_id=$2, until=(select not_after from cert where id=$2) where order_id=$1 and counts=2"
		" and not exists (select 1 from usage_hold h where h.cert_id=$2 and h.count_id=usage_hold.count_id)";
	static const char SQL_ANY[] = "select 1 from usage_hold where order_id=$1 limit 1";
	bool any;

	if (!is_there(db, SQL_ANY, order_id, &any, pr))
		return false;
	return !any || (let_go(db, SQL_PENDING_LOWER, SQL_PENDING, order_id, pr) && run(db, SQL_SPENT, 1, &order_id, pr) &&
		run(db, SQL_LIVE, 2, (int64_t[]){ order_id, cert_id }, pr) && usage_give_back(db, order_id, pr));
}

bool
usage_end_certid(struct sql *db, const char *certid, struct problem *pr)
{
	static const char SQL[] = "select id from cert where certid=$1 order by id limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);
	int64_t id;

	sql_bind_str(st, 1, certid);
	id = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr) && (!id || usage_end_cert(db, id, pr));
}

bool
usage_end_cert(struct sql *db, int64_t cert_id, struct problem *pr)
{
	static const char SQL_LOWER[] = LOWER("h.cert_id=$1");
	static const char SQL_FORGET[] = "delete from usage_hold where cert_id=$1";
	static const char SQL_ANY[] = "select 1 from usage_hold where cert_id=$1 limit 1";
	bool any;

	return is_there(db, SQL_ANY, cert_id, &any, pr) && (!any || let_go(db, SQL_LOWER, SQL_FORGET, cert_id, pr));
}

#define SWEEP_MAX 500

bool
usage_sweep(struct sql *db, int64_t now, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char SQL_FIND[] =
		"select distinct cert_id from usage_hold where until is not null and until<$1 limit $2";
	static const char SQL_OLD[] =
		"delete from usage_count where id in (select id from usage_count where period_end>0 and period_end<$1 order by period_end limit $2)"
		" and not exists (select 1 from usage_hold h where h.count_id=usage_count.id)";
	static const char SQL_UNUSED[] = "delete from usage_count where id in (select id from usage_count where used<=0 order by used limit $1)";
	struct sql_stmt *st = sql_begin(db, SQL_FIND);
	int64_t ids[SWEEP_MAX];
	size_t n = 0;

	sql_bind_int(st, 1, now);
	sql_bind_int(st, 2, limit < SWEEP_MAX ? limit : SWEEP_MAX);
	while (n < SWEEP_MAX && sql_step(st))
		ids[n++] = sql_int(st, 0);
	if (!sql_end(st, pr))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!usage_end_cert(db, ids[i], pr))
			return false;
	}
	*ret_count = (int64_t)n;
	return run(db, SQL_OLD, 2, (int64_t[]){ before, limit }, pr) && run(db, SQL_UNUSED, 1, &limit, pr);
}

bool
usage_used(struct sql *db, const char *quota, const char *subject, int64_t begin, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select used from usage_count where quota=$1 and subject=$2 and period_begin=$3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, quota);
	sql_bind_str(st, 2, subject);
	sql_bind_int(st, 3, begin);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

static void
bind_list(struct sql_stmt *st, const char *quota, int64_t now, int64_t before, int64_t limit)
{
	sql_bind_int(st, 1, before > 0 ? before : INT64_MAX);
	sql_bind_int(st, 2, limit);
	sql_bind_int(st, 3, now);
	if (quota[0])
		sql_bind_str(st, 4, quota);
}

#define LIST_FROM " from usage_count where id<$1 and (period_end=0 or period_end>$3)"
#define LIST_OF " and quota=$4"

bool
usage_list(struct sql *db, const char *quota, int64_t now, int64_t before, int64_t limit, usage_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select id, quota, subject, counts, period_begin, period_end, used" LIST_FROM " order by id desc limit $2";
	static const char SQL_OF[] = "select id, quota, subject, counts, period_begin, period_end, used" LIST_FROM LIST_OF " order by id desc limit $2";
	struct sql_stmt *st = sql_begin(db, quota[0] ? SQL_OF : SQL);

	bind_list(st, quota, now, before, limit);
	while (sql_step(st)) {
		struct usage_count c = { .id = sql_int(st, 0), .counts = (enum usage_counts)sql_int(st, 3), .begin = sql_int(st, 4),
			.end = sql_int(st, 5), .used = sql_int(st, 6) };

		sql_copy(st, 1, c.quota, sizeof(c.quota));
		sql_copy(st, 2, c.subject, sizeof(c.subject));
		fn(&c, arg);
	}
	return sql_end(st, pr);
}

bool
usage_list_count(struct sql *db, const char *quota, int64_t now, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*) from (select 1" LIST_FROM " limit $2) bounded";
	static const char SQL_OF[] = "select count(*) from (select 1" LIST_FROM LIST_OF " limit $2) bounded";
	struct sql_stmt *st = sql_begin(db, quota[0] ? SQL_OF : SQL);

	bind_list(st, quota, now, 0, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}
