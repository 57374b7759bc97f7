/* upstream_life.c - see upstream_life.h. */
#include "store/upstream_life.h"

#include "base/clock.h"
#include "store/job.h"

#define PROVEN_S (30 * 86400)

static bool
run(struct sql_stmt *st, struct problem *pr)
{
	sql_step(st);
	return sql_end(st, pr);
}

bool
upstream_life_glance(struct sql *db, int64_t id, int64_t *ret_epoch, int64_t *ret_rolling_since, struct problem *pr)
{
	static const char SQL[] = "select account_epoch, next_at from upstream where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	*ret_epoch = *ret_rolling_since = 0;
	sql_bind_int(st, 1, id);
	if (sql_step(st)) {
		*ret_epoch = sql_int(st, 0);
		*ret_rolling_since = sql_int(st, 1);
	}
	return sql_end(st, pr);
}

bool
upstream_life_registered(struct sql *db, int64_t id, const char *url, const char *contact, const char *terms, struct problem *pr)
{
	static const char SQL[] =
		"update upstream set account_url=$2, account_state=null, contact=$3, terms=$4, checked_at=$5, trouble=null, trouble_at=0,"
		" account_epoch=account_epoch+1 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, url);
	sql_bind_str(st, 3, contact);
	sql_bind_str(st, 4, terms);
	sql_bind_int(st, 5, clock_unix_s());
	return run(st, pr);
}

bool
upstream_life_forgotten(struct sql *db, int64_t id, const char *url, struct problem *pr)
{
	static const char SQL[] =
		"update upstream set account_url=null, account_state=null, contact=null, terms=null, checked_at=0,"
		" account_epoch=account_epoch+1 where id=$1 and account_url=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, url);
	return run(st, pr);
}

bool
upstream_life_state(struct sql *db, int64_t id, enum account_state state, struct problem *pr)
{
	static const char SQL[] =
		"update upstream set account_state=$2, wanted=0, next_key=null, next_public=null, next_at=0, next_sent=0, checked_at=$3,"
		" account_epoch=account_epoch+1 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, account_state_name(state));
	sql_bind_int(st, 3, clock_unix_s());
	return run(st, pr);
}

bool
upstream_life_told(struct sql *db, int64_t id, const char *contact, const char *terms, struct problem *pr)
{
	static const char SQL[] =
		"update upstream set contact=$2, terms=coalesce($3, terms), checked_at=$4, trouble=null, trouble_at=0 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, contact);
	sql_bind_str(st, 3, terms);
	sql_bind_int(st, 4, clock_unix_s());
	return run(st, pr);
}

bool
upstream_life_checked(struct sql *db, int64_t id, const char *contact, struct problem *pr)
{
	static const char SQL[] = "update upstream set checked_at=$2, contact=coalesce(contact, $3) where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, clock_unix_s());
	sql_bind_str(st, 3, contact);
	return run(st, pr);
}

bool
upstream_life_want(struct sql *db, int64_t id, unsigned bits, struct problem *pr)
{
	static const char SQL[] = "update upstream set wanted=wanted|$2 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, bits);
	return run(st, pr);
}

bool
upstream_life_unwant(struct sql *db, int64_t id, unsigned bits, struct problem *pr)
{
	static const char SQL[] = "update upstream set wanted=wanted&$2 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, ~(int64_t)bits);
	return run(st, pr);
}

bool
upstream_life_trouble(struct sql *db, int64_t id, const char *text, struct problem *pr)
{
	static const char SQL[] = "update upstream set trouble=$2, trouble_at=$3 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, *text ? text : NULL);
	sql_bind_int(st, 3, *text ? clock_unix_s() : 0);
	return run(st, pr);
}

bool
upstream_next_key(struct sql *db, int64_t id, struct span sealed, const char *public_key, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] =
		"update upstream set next_key=$2, next_public=$3, next_at=$4, next_sent=0, trouble=null, trouble_at=0"
		" where id=$1 and next_key is null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_blob(st, 2, sealed);
	sql_bind_str(st, 3, public_key);
	sql_bind_int(st, 4, clock_unix_s());
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
upstream_next_sent(struct sql *db, int64_t id, struct problem *pr)
{
	static const char SQL[] = "update upstream set next_sent=$2 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, clock_unix_s());
	return run(st, pr);
}

bool
upstream_next_promote(struct sql *db, int64_t id, struct problem *pr)
{
	static const char SQL[] =
		"update upstream set sealed_key=next_key, public_key=next_public, key_at=$2, next_key=null, next_public=null, next_at=0,"
		" next_sent=0, trouble=null, trouble_at=0, account_epoch=account_epoch+1 where id=$1 and next_key is not null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, clock_unix_s());
	return run(st, pr);
}

bool
upstream_next_drop(struct sql *db, int64_t id, struct problem *pr)
{
	static const char SQL[] = "update upstream set next_key=null, next_public=null, next_at=0, next_sent=0 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return run(st, pr);
}

bool
upstream_life_anew(struct sql *db, int64_t id, struct span sealed, const char *public_key, struct problem *pr)
{
	static const char SQL[] =
		"update upstream set sealed_key=$2, public_key=$3, key_at=$4, account_url=null, account_state=null, contact=null, terms=null,"
		" checked_at=0, wanted=0, next_key=null, next_public=null, next_at=0, next_sent=0, trouble=null, trouble_at=0,"
		" account_epoch=account_epoch+1 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_blob(st, 2, sealed);
	sql_bind_str(st, 3, public_key);
	sql_bind_int(st, 4, clock_unix_s());
	return run(st, pr);
}

bool
upstream_set_eab(struct sql *db, int64_t id, const char *kid, struct span sealed, int alg, int64_t expires, struct problem *pr)
{
	static const char KEY[] = "update upstream set eab_kid=$2, eab_key=$3, eab_alg=$4, eab_at=$5, eab_expires=$6 where id=$1";
	static const char END[] = "update upstream set eab_expires=$2 where id=$1";
	struct sql_stmt *st = sql_begin(db, sealed.p ? KEY : END);

	sql_bind_int(st, 1, id);
	if (sealed.p) {
		sql_bind_str(st, 2, kid);
		sql_bind_blob(st, 3, sealed);
		sql_bind_int(st, 4, alg);
		sql_bind_int(st, 5, clock_unix_s());
		sql_bind_int(st, 6, expires);
	} else {
		sql_bind_int(st, 2, expires);
	}
	return run(st, pr);
}

bool
upstream_orders_hurry(struct sql *db, const char *name, int64_t now_ms, struct problem *pr)
{
	static const char SQL[] =
		"update job set due=$3 where kind=$1 and lease_until=0 and due>$3 and subject in"
		" (select order_id from upstream_order where upstream=$2 and wait_bucket is null and (queue=0 or not_before>$4))";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, JOB_ISSUE);
	sql_bind_str(st, 2, name);
	sql_bind_int(st, 3, now_ms);
	sql_bind_int(st, 4, now_ms / 1000);
	return run(st, pr);
}

static bool
count(struct sql_stmt *st, int64_t *ret, struct problem *pr)
{
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
upstream_proofs_out(struct sql *db, const char *name, int64_t *ret, struct problem *pr)
{
	static const char SQL[] =
		"select count(*) from upstream_authz a join upstream_order o on o.order_id=a.order_id where o.upstream=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, name);
	return count(st, ret, pr);
}

static bool
count_certs(struct sql *db, const char *name, int64_t since, int64_t *ret, struct problem *pr)
{
	static const char SQL[] =
		"select count(*) from cert where not_after>$1 and upstream=$2 and revoked_at is null and created_at>=$3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, clock_unix_s());
	sql_bind_str(st, 2, name);
	sql_bind_int(st, 3, since);
	return count(st, ret, pr);
}

bool
upstream_stake_count(struct sql *db, const char *name, const char *account_url, struct upstream_stake *ret, struct problem *pr)
{
	static const char ORDERS[] = "select count(*), count(wait_bucket) from upstream_order where upstream=$1";
	static const char BUCKETS[] = "select count(*) from quota_bucket where scope=$1";
	static const char REVOKED[] =
		"select count(*) from cert where upstream=$1 and revoked_at is not null and revoked_upstream_at is null and not_after>$2";
	struct sql_stmt *st = sql_begin(db, ORDERS);

	*ret = (struct upstream_stake){ 0 };
	sql_bind_str(st, 1, name);
	if (sql_step(st)) {
		ret->orders = sql_int(st, 0);
		ret->waiting = sql_int(st, 1);
	}
	if (!sql_end(st, pr) || !count_certs(db, name, 0, &ret->certs, pr) ||
		!count_certs(db, name, clock_unix_s() - PROVEN_S, &ret->proven, pr))
		return false;
	st = sql_begin(db, BUCKETS);
	sql_bind_str(st, 1, account_url);
	if (!count(st, &ret->buckets, pr))
		return false;
	st = sql_begin(db, REVOKED);
	sql_bind_str(st, 1, name);
	sql_bind_int(st, 2, clock_unix_s());
	return count(st, &ret->to_revoke, pr);
}
