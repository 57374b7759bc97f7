/* quota.c - see quota.h. */
#include "store/quota.h"

#include <stdlib.h>

#include "base/clock.h"

#define COLUMNS "id, scope, kind, name, tat, frozen, learned_burst, learned_period, learned_instead, adopted"

static void
read_row(struct sql_stmt *st, struct bucket *b)
{
	int64_t burst = sql_int(st, 6);

	b->id = sql_int(st, 0);
	sql_copy(st, 1, b->scope, sizeof(b->scope));
	b->kind = (enum quota_kind)sql_int(st, 2);
	sql_copy(st, 3, b->name, sizeof(b->name));
	b->tat_ns = sql_int(st, 4);
	b->frozen_ns = sql_int(st, 5);
	b->learned = (struct quota_rate){ burst, burst, sql_int(st, 7) };
	b->learned_instead = sql_int(st, 8);
	b->adopted = sql_int(st, 9) != 0;
}

/* A number that no release of ours stored: better nothing goes out than too much. */
static bool
check_row(const struct bucket *b, struct problem *pr)
{
	if (b->kind < QUOTA_KIND__COUNT && b->tat_ns >= 0 && b->frozen_ns >= 0 && b->learned.count >= 0 && b->learned.period_s >= 0)
		return true;
	return problem_internal(pr, "bucket %lld of the ledger cannot be right", (long long)b->id);
}

static bool
one(struct sql_stmt *st, struct bucket *ret, bool *ret_found, struct problem *pr)
{
	*ret_found = sql_step(st);
	if (*ret_found)
		read_row(st, ret);
	return sql_end(st, pr) && (!*ret_found || check_row(ret, pr));
}

bool
bucket_find(struct sql *db, const char *scope, enum quota_kind kind, const char *name, struct bucket *ret, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from quota_bucket where scope=$1 and kind=$2 and name=$3";
	struct sql_stmt *st = sql_begin(db, SQL);
	bool found;

	*ret = (struct bucket){ .kind = kind };
	sql_bind_str(st, 1, scope);
	sql_bind_int(st, 2, kind);
	sql_bind_str(st, 3, name);
	if (!one(st, ret, &found, pr))
		return false;
	if (found || (span_copy(span_str(scope), ret->scope, sizeof(ret->scope)) && span_copy(span_str(name), ret->name, sizeof(ret->name))))
		return true;
	return problem_internal(pr, "the name of a bucket is too long");
}

bool
bucket_by_id(struct sql *db, int64_t id, struct bucket *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from quota_bucket where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return one(st, ret, ret_found, pr);
}

bool
bucket_save(struct sql *db, struct bucket *b, struct problem *pr)
{
	static const char SQL[] =
		"insert into quota_bucket (scope, kind, name, tat, frozen, learned_burst, learned_period, learned_instead, adopted, changed_at)"
		" values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (scope, kind, name) do update set tat=excluded.tat,"
		" frozen=excluded.frozen, learned_burst=excluded.learned_burst, learned_period=excluded.learned_period,"
		" learned_instead=excluded.learned_instead, adopted=excluded.adopted, changed_at=excluded.changed_at returning id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, b->scope);
	sql_bind_int(st, 2, b->kind);
	sql_bind_str(st, 3, b->name);
	sql_bind_int(st, 4, b->tat_ns);
	sql_bind_int(st, 5, b->frozen_ns);
	sql_bind_int(st, 6, b->learned.count);
	sql_bind_int(st, 7, b->learned.period_s);
	sql_bind_int(st, 8, b->learned_instead);
	sql_bind_int(st, 9, b->adopted);
	sql_bind_int(st, 10, clock_unix_s());
	if (sql_step(st))
		b->id = sql_int(st, 0);
	return sql_end(st, pr);
}

/* A statement whose parameters are numbers. */
static bool
run(struct sql *db, const char *text, size_t count, const int64_t *numbers, int64_t *ret_changes, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);

	for (size_t i = 0; i < count; i++)
		sql_bind_int(st, (int)i + 1, numbers[i]);
	sql_step(st);
	if (ret_changes)
		*ret_changes = sql_changes(st);
	return sql_end(st, pr);
}

/* A query of one number. */
static bool
ask(struct sql *db, const char *text, size_t count, const int64_t *numbers, int64_t *ret, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);

	for (size_t i = 0; i < count; i++)
		sql_bind_int(st, (int)i + 1, numbers[i]);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
bucket_adopted(struct sql *db, const char *scope, const char *name, char ret[QUOTA_KEY_TEXT], struct problem *pr)
{
	static const char SQL[] = "select name from quota_bucket where scope=$1 and kind=$2 and adopted=1 order by id limit 1000";
	struct sql_stmt *st = sql_begin(db, SQL);

	ret[0] = '\0';
	sql_bind_str(st, 1, scope);
	sql_bind_int(st, 2, QUOTA_DOMAIN);
	while (sql_step(st)) {
		char domain[QUOTA_KEY_TEXT];

		sql_copy(st, 0, domain, sizeof(domain));
		if (strlen(domain) > strlen(ret) && quota_domain_has(domain, name))
			memcpy(ret, domain, sizeof(domain));
	}
	return sql_end(st, pr);
}

bool
bucket_sweep(struct sql *db, int64_t now_ns, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char SQL[] =
		"delete from quota_bucket where id in (select b.id from quota_bucket b where b.tat<=$1 and b.frozen<=$1 and b.learned_burst=0"
		" and b.adopted=0 and not exists (select 1 from quota_hold h where h.bucket_id=b.id)"
		" and not exists (select 1 from upstream_order u where u.wait_bucket=b.id)"
		" and not exists (select 1 from queue_place p where p.bucket=b.id) limit $2)";

	return run(db, SQL, 2, (int64_t[]){ now_ns, limit }, ret_count, pr);
}

bool
hold_add(struct sql *db, int64_t order_id, int64_t bucket_id, struct problem *pr)
{
	static const char SQL[] = "insert into quota_hold (order_id, bucket_id) values ($1, $2) on conflict (order_id, bucket_id) do nothing";

	return run(db, SQL, 2, (int64_t[]){ order_id, bucket_id }, NULL, pr);
}

bool
hold_delete(struct sql *db, int64_t order_id, int64_t bucket_id, struct problem *pr)
{
	static const char SQL[] = "delete from quota_hold where order_id=$1 and bucket_id=$2";

	return run(db, SQL, 2, (int64_t[]){ order_id, bucket_id }, NULL, pr);
}

bool
hold_delete_all(struct sql *db, int64_t order_id, struct problem *pr)
{
	static const char SQL[] = "delete from quota_hold where order_id=$1";

	return run(db, SQL, 1, &order_id, NULL, pr);
}

bool
hold_count(struct sql *db, int64_t bucket_id, int64_t order_id, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*) from quota_hold where bucket_id=$1 and order_id<>$2";

	return ask(db, SQL, 2, (int64_t[]){ bucket_id, order_id }, ret, pr);
}

bool
hold_buckets(struct sql *db, int64_t order_id, int64_t ret_ids[HOLDS_MAX], size_t *ret_count, struct problem *pr)
{
	static const char SQL[] = "select bucket_id from quota_hold where order_id=$1 order by bucket_id limit 512";
	struct sql_stmt *st = sql_begin(db, SQL);
	size_t n = 0;

	sql_bind_int(st, 1, order_id);
	while (n < HOLDS_MAX && sql_step(st))
		ret_ids[n++] = sql_int(st, 0);
	*ret_count = n;
	return sql_end(st, pr);
}

bool
waiters_ahead(struct sql *db, int64_t bucket_id, int64_t order_id, bool urgent, int64_t *ret, struct problem *pr)
{
	static const char SQL[] =
		"select count(*) from upstream_order where wait_bucket=$1 and order_id<>$2 and wait_urgent>=$3"
		" and ($2=0 or order_id<$2 or wait_urgent>$3)";

	return ask(db, SQL, 3, (int64_t[]){ bucket_id, order_id, urgent }, ret, pr);
}

bool
upstream_order_intend(struct sql *db, int64_t order_id, int64_t now, struct problem *pr)
{
	static const char SQL[] = "update upstream_order set intent_at=$2, queue=0, wait_bucket=null, wait_until=null where order_id=$1";

	return run(db, SQL, 2, (int64_t[]){ order_id, now }, NULL, pr);
}

bool
upstream_order_unintend(struct sql *db, int64_t order_id, struct problem *pr)
{
	static const char SQL[] = "update upstream_order set intent_at=null where order_id=$1";

	return run(db, SQL, 1, &order_id, NULL, pr);
}

/* A condition on the state makes an index do: orders_set, orders_set_ready. */
#define IN_THE_WAY                                                                                 \
	" join upstream_order u on u.order_id=o.id where o.idents_key=$1 and o.id<>$2 and u.upstream=$3 and (u.state=1 or"         \
	" (u.intent_at is not null and (o.id<$2 or not exists"                                     \
	" (select 1 from upstream_order me where me.order_id=$2 and me.intent_at is not null))))"

bool
upstream_order_same_set(struct sql *db, int64_t order_id, const char *upstream, const char *idents_key, bool *ret, struct problem *pr)
{
	/* of two whose newOrder may have gone out, as an older release left them, the older is in the newer one's way and not it in its */
	static const char SQL[] =
		"select 1 from orders o" IN_THE_WAY " and o.state=2 union all select 1 from orders o" IN_THE_WAY " and o.state=1 limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, idents_key);
	sql_bind_int(st, 2, order_id);
	sql_bind_str(st, 3, upstream);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

static bool
is_one_of(struct span name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (span_is(name, list[i]))
			return true;
	}
	return false;
}

bool
cert_set_issued_at(struct sql *db, const char *idents_key, const char *const *upstreams, size_t count, int64_t since, int64_t *ret, struct problem *pr)
{
	static const char SQL[] =
		"select upstream, max(created_at) from cert where idents_key=$1 and created_at>$2 group by upstream";
	struct sql_stmt *st = sql_begin(db, SQL);

	*ret = 0;
	sql_bind_str(st, 1, idents_key);
	sql_bind_int(st, 2, since);
	while (sql_step(st)) {
		int64_t at = sql_int(st, 1);

		if (at > *ret && is_one_of(sql_text(st, 0), upstreams, count))
			*ret = at;
	}
	return sql_end(st, pr);
}

bool
cert_set_idents(struct sql *db, const char *idents_key, struct idents *ret, struct problem *pr)
{
	static const char SQL[] = "select idents from cert where idents_key=$1 order by created_at desc limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	*ret = (struct idents){ 0 };
	sql_bind_str(st, 1, idents_key);
	if (sql_step(st))
		idents_read(sql_text(st, 0), ret);
	return sql_end(st, pr);
}

bool
bucket_count(struct sql *db, const struct bucket_query *q, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] =
		"select count(*) from (select id from quota_bucket where ($1=-1 or kind=$1) and ($2='' or scope=$2) and ($3='' or name=$3)"
		" limit $4) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, q->kind);
	sql_bind_str(st, 2, q->scope ? q->scope : "");
	sql_bind_str(st, 3, q->name ? q->name : "");
	sql_bind_int(st, 4, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
bucket_list(struct sql *db, const struct bucket_query *q, bucket_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select " COLUMNS " from quota_bucket where id<$1 and ($2=-1 or kind=$2) and ($3='' or scope=$3) and ($4='' or name=$4)"
		" order by id desc limit $5";
	size_t most = (size_t)q->limit, n = 0;
	AUTO_FREE struct bucket *list = xcalloc(most + 1, sizeof(*list));
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, q->before ? q->before : INT64_MAX);
	sql_bind_int(st, 2, q->kind);
	sql_bind_str(st, 3, q->scope ? q->scope : "");
	sql_bind_str(st, 4, q->name ? q->name : "");
	sql_bind_int(st, 5, q->limit);
	while (n < most && sql_step(st))
		read_row(st, &list[n++]);
	if (!sql_end(st, pr))
		return false;
	/* the function asks the store itself */
	for (size_t i = 0; i < n; i++) {
		if (!check_row(&list[i], pr) || !fn(db, &list[i], arg, pr))
			return false;
	}
	return true;
}

bool
waiting_counts(struct sql *db, waiting_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select u.upstream, b.kind, count(*) from upstream_order u join quota_bucket b on b.id=u.wait_bucket"
		" where u.wait_bucket is not null group by u.upstream, b.kind";
	struct sql_stmt *st = sql_begin(db, SQL);

	while (sql_step(st)) {
		char upstream[UPSTREAM_TEXT];
		int64_t kind = sql_int(st, 1);

		sql_copy(st, 0, upstream, sizeof(upstream));
		if (kind >= 0 && kind < QUOTA_KIND__COUNT)
			fn(upstream, (enum quota_kind)kind, sql_int(st, 2), arg);
	}
	return sql_end(st, pr);
}
