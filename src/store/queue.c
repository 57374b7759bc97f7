/* queue.c - see queue.h. */
#include "store/queue.h"

#include "base/clock.h"

#define NO_DEADLINE_S (7 * 86400)

#define COLUMNS "order_id, queue, class, since, deadline, urgent_at, not_before, pauses, wait_bucket, wait_until, place, upstream"

static void
read_row(struct sql_stmt *st, int at, struct queue_row *q)
{
	q->order_id = sql_int(st, at);
	q->state = (enum queue_state)sql_int(st, at + 1);
	q->class = sql_int(st, at + 2);
	q->since = sql_int(st, at + 3);
	q->deadline = sql_int(st, at + 4);
	q->urgent_at = sql_int(st, at + 5);
	q->not_before = sql_int(st, at + 6);
	q->pauses = sql_int(st, at + 7);
	q->bucket = sql_int(st, at + 8);
	q->until = sql_int(st, at + 9);
	q->place = sql_int(st, at + 10);
	sql_copy(st, at + 11, q->upstream, sizeof(q->upstream));
}

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
queue_enter(struct sql *db, const struct queue_row *q, struct problem *pr)
{
	static const char SQL[] =
		"update upstream_order set queue=1, class=$2, since=$3, deadline=$4, urgent_at=$5, not_before=$6, pauses=0, place=0,"
		" wait_bucket=null, wait_until=null where order_id=$1";

	return run(db, SQL, 6, (int64_t[]){ q->order_id, q->class, q->since, q->deadline, q->urgent_at, q->not_before }, pr);
}

bool
queue_back(struct sql *db, int64_t order_id, int64_t not_before, int64_t bucket, struct problem *pr)
{
	static const char SQL[] =
		"update upstream_order set queue=1, not_before=$2, pauses=pauses+1, place=0, wait_bucket=nullif($3, 0),"
		" wait_until=case when $3=0 then null else $2 end, intent_at=null,"
		" deadline=case when since=0 then $5 else deadline end, since=case when since=0 then $4 else since end where order_id=$1";
	int64_t now = clock_unix_s();

	/* one of a release that had no queue comes into it here */
	return run(db, SQL, 5, (int64_t[]){ order_id, not_before, bucket, now, now + NO_DEADLINE_S }, pr);
}

bool
queue_leave(struct sql *db, int64_t order_id, struct problem *pr)
{
	static const char SQL[] = "update upstream_order set queue=0, wait_bucket=null, wait_until=null where order_id=$1";

	return run(db, SQL, 1, &order_id, pr);
}

bool
queue_park(struct sql *db, int64_t order_id, struct problem *pr)
{
	static const char SQL[] = "update upstream_order set queue=3, wait_bucket=null, wait_until=null where order_id=$1";

	return run(db, SQL, 1, &order_id, pr);
}

bool
queue_parked_of(struct sql *db, const char *upstream, const char *idents_key, int64_t *ret_order_id, struct problem *pr)
{
	static const char SQL[] =
		"select u.order_id from orders o join upstream_order u on u.order_id=o.id where o.idents_key=$1 and o.state=1"
		" and u.upstream=$2 and u.queue=3 limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, idents_key);
	sql_bind_str(st, 2, upstream);
	*ret_order_id = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
queue_set_class(struct sql *db, int64_t order_id, int64_t class, struct problem *pr)
{
	static const char SQL[] = "update upstream_order set class=$2 where order_id=$1 and queue in (1, 2)";

	return run(db, SQL, 2, (int64_t[]){ order_id, class }, pr);
}

bool
queue_tell(struct sql *db, int64_t order_id, int64_t bucket, int64_t until, int64_t place, bool urgent, struct problem *pr)
{
	static const char SQL[] =
		"update upstream_order set queue=2, wait_bucket=nullif($2, 0), wait_until=nullif($3, 0), place=$4, wait_urgent=$5"
		" where order_id=$1 and queue in (1, 2)";

	return run(db, SQL, 5, (int64_t[]){ order_id, bucket, until, place, urgent }, pr);
}

bool
queue_get(struct sql *db, int64_t order_id, struct queue_row *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from upstream_order where order_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	*ret_found = sql_step(st);
	if (*ret_found)
		read_row(st, 0, ret);
	return sql_end(st, pr);
}

bool
queue_rows(struct sql *db, enum queue_state state, int64_t after, int64_t limit, struct queue_row *ret, size_t *ret_count, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from upstream_order where queue=$1 and order_id>$2 order by order_id limit $3";
	struct sql_stmt *st = sql_begin(db, SQL);
	size_t n = 0;

	sql_bind_int(st, 1, state);
	sql_bind_int(st, 2, after);
	sql_bind_int(st, 3, limit);
	while (n < (size_t)limit && sql_step(st))
		read_row(st, 0, &ret[n++]);
	*ret_count = n;
	return sql_end(st, pr);
}

/* ---- places ---- */

bool
place_keep(struct sql *db, const struct queue_place *p, struct problem *pr)
{
	static const char SQL[] =
		"insert into queue_place (principal, upstream, idents_key, since, until, bucket) values ($1, $2, $3, $4, $5, $6)"
		" on conflict (principal, upstream, idents_key) do update set until=excluded.until, bucket=excluded.bucket,"
		" since=case when queue_place.until<$4 then excluded.since else queue_place.since end";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, p->principal);
	sql_bind_str(st, 2, p->upstream);
	sql_bind_str(st, 3, p->idents_key);
	sql_bind_int(st, 4, p->since);
	sql_bind_int(st, 5, p->until);
	sql_bind_int(st, 6, p->bucket);
	sql_step(st);
	return sql_end(st, pr);
}

bool
place_find(struct sql *db, int64_t principal, const char *upstream, const char *idents_key, int64_t now, int64_t *ret_since, struct problem *pr)
{
	static const char SQL[] = "select since from queue_place where principal=$1 and upstream=$2 and idents_key=$3 and until>=$4";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, principal);
	sql_bind_str(st, 2, upstream);
	sql_bind_str(st, 3, idents_key);
	sql_bind_int(st, 4, now);
	*ret_since = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
place_drop(struct sql *db, int64_t principal, const char *upstream, const char *idents_key, struct problem *pr)
{
	static const char SQL[] = "delete from queue_place where principal=$1 and upstream=$2 and idents_key=$3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, principal);
	sql_bind_str(st, 2, upstream);
	sql_bind_str(st, 3, idents_key);
	sql_step(st);
	return sql_end(st, pr);
}

bool
places_of(struct sql *db, int64_t principal, int64_t now, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*) from (select 1 from queue_place where principal=$1 and until>=$2 limit $3) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, principal);
	sql_bind_int(st, 2, now);
	sql_bind_int(st, 3, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
places_ahead(struct sql *db, int64_t bucket, int64_t since, int64_t now, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*) from queue_place where bucket=$1 and since<$2 and until>=$3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, bucket);
	sql_bind_int(st, 2, since);
	sql_bind_int(st, 3, now);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
place_sweep(struct sql *db, int64_t now, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char SQL[] =
		"delete from queue_place where (principal, upstream, idents_key) in"
		" (select principal, upstream, idents_key from queue_place where until<$1 limit $2)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, now);
	sql_bind_int(st, 2, limit);
	sql_step(st);
	*ret_count = sql_changes(st);
	return sql_end(st, pr);
}

/* ---- for operators ---- */

#define FILTER " u.queue in (1, 2) and ($1='' or u.upstream=$1) and ($2='' or o.profile=$2)"

bool
queue_list_count(struct sql *db, const struct queue_query *q, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] =
		"select count(*) from (select 1 from upstream_order u join orders o on o.id=u.order_id where" FILTER " limit $3) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, q->upstream ? q->upstream : "");
	sql_bind_str(st, 2, q->profile ? q->profile : "");
	sql_bind_int(st, 3, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
queue_list(struct sql *db, const struct queue_query *q, queue_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select u.order_id, u.queue, u.class, u.since, u.deadline, u.urgent_at, u.not_before, u.pauses, u.wait_bucket, u.wait_until,"
		" u.place, u.upstream, o.ref, o.profile from upstream_order u join orders o on o.id=u.order_id where" FILTER
		" order by case when u.wait_until is null then u.not_before else u.wait_until end, u.class, u.place, u.order_id"
		" limit $3 offset $4";
	size_t most = (size_t)q->limit, n = 0;
	AUTO_FREE struct queue_item *list = xcalloc(most + 1, sizeof(*list));
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, q->upstream ? q->upstream : "");
	sql_bind_str(st, 2, q->profile ? q->profile : "");
	sql_bind_int(st, 3, q->limit);
	sql_bind_int(st, 4, q->after);
	while (n < most && sql_step(st)) {
		read_row(st, 0, &list[n].row);
		sql_copy(st, 12, list[n].ref, sizeof(list[n].ref));
		sql_copy(st, 13, list[n].profile, sizeof(list[n].profile));
		n++;
	}
	if (!sql_end(st, pr))
		return false;
	/* the function asks the store itself */
	for (size_t i = 0; i < n; i++) {
		if (!fn(db, &list[i], arg, pr))
			return false;
	}
	return true;
}

bool
queue_counts(struct sql *db, queue_count_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select upstream, case queue when 0 then -1 when 3 then -2 else class end as what, count(*) from upstream_order"
		" group by upstream, what";
	struct sql_stmt *st = sql_begin(db, SQL);

	while (sql_step(st)) {
		char upstream[UPSTREAM_TEXT];

		sql_copy(st, 0, upstream, sizeof(upstream));
		fn(upstream, sql_int(st, 1), sql_int(st, 2), arg);
	}
	return sql_end(st, pr);
}
