/* renewal_plan.c - see renewal_plan.h. */
#include "store/renewal_plan.h"

#define COLUMNS                                                                                    \
	" r.cert_id, r.principal, r.not_before, r.not_after, r.changed_at, r.revoked_at, r.replaced_at," \
	" r.certid, r.ca_start, r.ca_end, r.planned_start, r.planned_end, r.plan_why, c.order_id, c.profile, c.upstream,"      \
	" r.plan_ca_start, r.plan_ca_end, r.wave_start, r.wave_end"
#define SELECT "select" COLUMNS " from renewal r join cert c on c.id=r.cert_id"

static void
read_row(struct sql_stmt *st, struct plan_row *ret)
{
	struct renewal_row *r = &ret->renewal;

	*ret = (struct plan_row){ 0 };
	r->cert_id = sql_int(st, 0);
	r->principal = sql_int(st, 1);
	r->not_before = sql_int(st, 2);
	r->not_after = sql_int(st, 3);
	r->changed_at = sql_int(st, 4);
	r->revoked_at = sql_int(st, 5);
	r->replaced_at = sql_int(st, 6);
	sql_copy(st, 7, r->certid, sizeof(r->certid));
	r->ca_start = sql_int(st, 8);
	r->ca_end = sql_int(st, 9);
	r->planned_start = sql_int(st, 10);
	r->planned_end = sql_int(st, 11);
	r->plan_why = sql_int(st, 12);
	ret->order_id = sql_int(st, 13);
	sql_copy(st, 14, ret->profile, sizeof(ret->profile));
	sql_copy(st, 15, ret->upstream, sizeof(ret->upstream));
	r->wave_start = sql_int(st, 18);
	r->wave_end = sql_int(st, 19);
	ret->is_current = sql_int(st, 16) == r->ca_start && sql_int(st, 17) == r->ca_end;
}

bool
plan_by_cert(struct sql *db, int64_t cert_id, struct plan_row *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = SELECT " where r.cert_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, cert_id);
	*ret_found = sql_step(st);
	if (*ret_found)
		read_row(st, ret);
	return sql_end(st, pr);
}

static bool
read_rows(struct sql_stmt *st, struct plan_row *ret, size_t *ret_count, struct problem *pr)
{
	*ret_count = 0;
	while (sql_step(st))
		read_row(st, &ret[(*ret_count)++]);
	return sql_end(st, pr);
}

bool
plan_each_missing(struct sql *db, size_t max, struct plan_row *ret, size_t *ret_count, struct problem *pr)
{
	static const char SQL[] = SELECT " where r.plan_ca_start<>coalesce(r.ca_start, 0) or r.plan_ca_end<>coalesce(r.ca_end, 0)"
					 " order by r.cert_id limit $1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, (int64_t)max);
	return read_rows(st, ret, ret_count, pr);
}

bool
plan_each_live(struct sql *db, int64_t now, int64_t after, size_t max, struct plan_row *ret, size_t *ret_count, struct problem *pr)
{
	static const char SQL[] = SELECT " where r.cert_id>$2 and r.not_after>$1 and r.revoked_at is null and r.replaced_at is null"
					 " order by r.cert_id limit $3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, now);
	sql_bind_int(st, 2, after);
	sql_bind_int(st, 3, (int64_t)max);
	return read_rows(st, ret, ret_count, pr);
}

bool
plan_set(struct sql *db, const struct plan_row *row, int64_t changed_at, struct problem *pr)
{
	static const char SQL[] = "update renewal set planned_start=$2, planned_end=$3, plan_why=$4, plan_ca_start=$5, plan_ca_end=$6,"
				  " changed_at=coalesce($7, changed_at) where cert_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);
	const struct renewal_row *r = &row->renewal;

	sql_bind_int(st, 1, r->cert_id);
	sql_bind_int(st, 2, r->planned_start);
	sql_bind_int(st, 3, r->planned_end);
	sql_bind_int(st, 4, r->plan_why);
	sql_bind_int(st, 5, r->ca_start);
	sql_bind_int(st, 6, r->ca_end);
	if (changed_at)
		sql_bind_int(st, 7, changed_at);
	else
		sql_bind_null(st, 7);
	sql_step(st);
	return sql_end(st, pr);
}

bool
plan_release(struct sql *db, int64_t cert_id, struct problem *pr)
{
	struct plan_row row;
	bool found;

	if (!plan_by_cert(db, cert_id, &row, &found, pr))
		return false;
	if (!found || !(row.renewal.plan_why & PLAN_COUNTED))
		return true;
	row.renewal.plan_why &= ~PLAN_COUNTED;
	return plan_count_add(db, row.upstream, row.renewal.planned_start / 3600, -1, pr) && plan_set(db, &row, 0, pr);
}

/* ---- counts ---- */

bool
plan_count(struct sql *db, const char *upstream, int64_t hour, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select count from renewal_plan where upstream=$1 and hour=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, upstream);
	sql_bind_int(st, 2, hour);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
plan_count_add(struct sql *db, const char *upstream, int64_t hour, int64_t n, struct problem *pr)
{
	static const char SQL[] = "insert into renewal_plan (upstream, hour, count) values ($1, $2, $3)"
				  " on conflict (upstream, hour) do update set count=renewal_plan.count+excluded.count";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, upstream);
	sql_bind_int(st, 2, hour);
	sql_bind_int(st, 3, n);
	sql_step(st);
	return sql_end(st, pr);
}

bool
plan_counts(struct sql *db, const char *upstream, int64_t first, size_t count, uint32_t *ret, struct problem *pr)
{
	static const char SQL[] = "select hour, count from renewal_plan where upstream=$1 and hour>=$2 and hour<$3";
	struct sql_stmt *st = sql_begin(db, SQL);

	memset(ret, 0, count * sizeof(*ret));
	sql_bind_str(st, 1, upstream);
	sql_bind_int(st, 2, first);
	sql_bind_int(st, 3, first + (int64_t)count);
	while (sql_step(st)) {
		int64_t n = sql_int(st, 1);

		ret[sql_int(st, 0) - first] = n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	}
	return sql_end(st, pr);
}

bool
plan_sweep(struct sql *db, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char SQL[] = "delete from renewal_plan where (upstream, hour) in"
				  " (select upstream, hour from renewal_plan where hour<$1 limit $2)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, before);
	sql_bind_int(st, 2, limit);
	sql_step(st);
	*ret_count = sql_changes(st);
	return sql_end(st, pr);
}
