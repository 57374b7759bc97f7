/* sweep.c - see sweep.h. Victims are found by an index on their end, then each goes with what hangs on it. */
#include "store/sweep.h"

#define BATCH_MAX 500

/* Ids of at most BATCH_MAX victims; parameters $1, $2 are two times, $3 the limit. */
static bool
find(struct sql *db, const char *text, int64_t a, int64_t b, int64_t limit, int64_t *ids, size_t *ret_count, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);
	size_t n = 0;

	sql_bind_int(st, 1, a);
	sql_bind_int(st, 2, b);
	sql_bind_int(st, 3, limit < BATCH_MAX ? limit : BATCH_MAX);
	while (n < BATCH_MAX && sql_step(st))
		ids[n++] = sql_int(st, 0);
	*ret_count = n;
	return sql_end(st, pr);
}

static bool
delete_by_id(struct sql *db, const char *text, int64_t id, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);

	sql_bind_int(st, 1, id);
	sql_step(st);
	return sql_end(st, pr);
}

static bool
sweep(struct sql *db, const char *finder, const char *const *deleters, int64_t a, int64_t b, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	int64_t ids[BATCH_MAX];
	size_t count;

	if (!find(db, finder, a, b, limit, ids, &count, pr))
		return false;
	for (size_t i = 0; i < count; i++) {
		for (const char *const *text = deleters; *text; text++) {
			if (!delete_by_id(db, *text, ids[i], pr))
				return false;
		}
	}
	*ret_count = (int64_t)count;
	return true;
}

bool
sweep_orders(struct sql *db, int64_t now, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char FIND[] =
		"select o.id from orders o where o.state>=3 and o.expires<$2 and not exists"
		" (select 1 from cert c where c.id=o.cert_id and c.not_after>=$1) and not exists"
		/* its job has yet to see that it is over: the number must not be another order's meanwhile */
		" (select 1 from upstream_order u where u.order_id=o.id) order by o.expires limit $3";
	static const char EVENTS[] = "delete from event where order_id=$1";
	static const char LINKS[] = "delete from order_authz where order_id=$1";
	static const char POLICY[] = "delete from order_policy where order_id=$1";
	static const char ORDER[] = "delete from orders where id=$1";
	static const char *const all[] = { EVENTS, LINKS, POLICY, ORDER, NULL };

	return sweep(db, FIND, all, now, before, limit, ret_count, pr);
}

bool
sweep_authzs(struct sql *db, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char FIND[] =
		"select a.id from authz a where a.state>=2 and a.expires<$1 and a.expires<$2 and not exists"
		" (select 1 from order_authz oa where oa.authz_id=a.id) order by a.expires limit $3";
	static const char CHALLENGES[] = "delete from challenge where authz_id=$1";
	static const char EVIDENCE[] = "delete from evidence where authz_id=$1";
	static const char DEVICES[] = "delete from device_authz where authz_id=$1";
	static const char AUTHZ[] = "delete from authz where id=$1";
	static const char *const all[] = { CHALLENGES, EVIDENCE, DEVICES, AUTHZ, NULL };

	return sweep(db, FIND, all, before, before, limit, ret_count, pr);
}

bool
sweep_certs(struct sql *db, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char FIND[] =
		"select c.id from cert c where c.not_after<$1 and c.not_after<$2 and not exists"
		" (select 1 from orders o where o.id=c.order_id) order by c.not_after limit $3";
	static const char ALTERNATES[] = "delete from cert_alternate where cert_id=$1";
	static const char RENEWAL[] = "delete from renewal where cert_id=$1";
	static const char CERT[] = "delete from cert where id=$1";
	static const char *const all[] = { ALTERNATES, RENEWAL, CERT, NULL };

	return sweep(db, FIND, all, before, before, limit, ret_count, pr);
}

bool
sweep_accounts(struct sql *db, int64_t now, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char FIND[] =
		"select a.id from account a where a.used_at<$2 and a.eab_id is null"
		" and not exists (select 1 from orders o where o.account_id=a.id)"
		" and not exists (select 1 from cert c where c.account_id=a.id and c.not_after>=$1)"
		" order by a.used_at limit $3";
	static const char ACCOUNT[] = "delete from account where id=$1";
	static const char *const all[] = { ACCOUNT, NULL };

	return sweep(db, FIND, all, now, before, limit, ret_count, pr);
}

/* Ids of those that may go among the next `limit` behind the cursor. */
static bool
find_devices(struct sql *db, int64_t before, int64_t limit, struct sweep_cursor *cursor, int64_t *ids, size_t *ret_count, struct problem *pr)
{
	static const char SQL[] =
		"select d.id, d.last_seen, case when exists (select 1 from device_authz a where a.device_id=d.id) or exists"
		" (select 1 from device_name n where n.device=d.name and n.type=d.type and n.scope=d.scope) then 1 else 0 end"
		" from device d where d.state=0 and d.last_seen<$1 and d.last_seen>=$2 and (d.last_seen>$2 or d.id>$3)"
		" order by d.last_seen, d.id limit $4";
	struct sql_stmt *st = sql_begin(db, SQL);
	struct sweep_cursor last = { 0 };
	int64_t looked_at = 0;
	size_t n = 0;

	sql_bind_int(st, 1, before);
	sql_bind_int(st, 2, cursor->last_seen);
	sql_bind_int(st, 3, cursor->id);
	sql_bind_int(st, 4, limit);
	while (n < BATCH_MAX && sql_step(st)) {
		last = (struct sweep_cursor){ .id = sql_int(st, 0), .last_seen = sql_int(st, 1) };
		if (!sql_int(st, 2))
			ids[n++] = last.id;
		looked_at++;
	}
	*cursor = looked_at < limit ? (struct sweep_cursor){ 0 } : last;
	*ret_count = n;
	return sql_end(st, pr);
}

bool
sweep_devices(struct sql *db, int64_t before, int64_t limit, struct sweep_cursor *cursor, int64_t *ret_count, struct problem *pr)
{
	static const char DEVICE[] = "delete from device where id=$1";
	int64_t ids[BATCH_MAX];
	size_t count;

	if (!find_devices(db, before, limit < BATCH_MAX ? limit : BATCH_MAX, cursor, ids, &count, pr))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!delete_by_id(db, DEVICE, ids[i], pr))
			return false;
	}
	*ret_count = (int64_t)count;
	return true;
}
