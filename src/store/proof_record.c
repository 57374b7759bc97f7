/* proof_record.c - see proof_record.h. */
#include "store/proof_record.h"

#include "base/clock.h"
#include "store/job.h"

#define LOOK_AFTER_MS (3600 * 1000)
/* CAs may look from elsewhere once more */
#define LINGER_MS 3000

static bool
run(struct sql_stmt *st, struct problem *pr)
{
	sql_step(st);
	return sql_end(st, pr);
}

bool
proof_record_put(struct sql *db, const struct proof_record *record, int64_t *ret_id, struct problem *pr)
{
	static const char SQL[] =
		"insert into proof_record (order_id, solver, zone, server, owner, value, wanted, created_at)"
		" values ($1, $2, $3, $4, $5, $6, 1, $7) on conflict (order_id, owner, value) do update set wanted=1,"
		" solver=excluded.solver, zone=excluded.zone, server=excluded.server returning id";
	struct sql_stmt *st = sql_begin(db, SQL);
	int64_t id = 0, job;

	sql_bind_int(st, 1, record->order_id);
	sql_bind_str(st, 2, record->solver);
	sql_bind_str(st, 3, record->zone);
	sql_bind_str(st, 4, record->server);
	sql_bind_str(st, 5, record->owner);
	sql_bind_str(st, 6, record->value);
	sql_bind_int(st, 7, clock_unix_s());
	if (sql_step(st))
		id = sql_int(st, 0);
	if (!sql_end(st, pr) || !job_insert(db, JOB_CLEAN, id, clock_unix_ms() + LOOK_AFTER_MS, NULL, 0, &job, pr))
		return false;
	*ret_id = id;
	return true;
}

bool
proof_record_get(struct sql *db, int64_t id, struct proof_record *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select id, order_id, wanted, solver, zone, server, owner, value from proof_record where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	*ret_found = sql_step(st);
	if (*ret_found) {
		ret->id = sql_int(st, 0);
		ret->order_id = sql_int(st, 1);
		ret->wanted = sql_int(st, 2) != 0;
		sql_copy(st, 3, ret->solver, sizeof(ret->solver));
		sql_copy(st, 4, ret->zone, sizeof(ret->zone));
		sql_copy(st, 5, ret->server, sizeof(ret->server));
		sql_copy(st, 6, ret->owner, sizeof(ret->owner));
		sql_copy(st, 7, ret->value, sizeof(ret->value));
	}
	return sql_end(st, pr);
}

bool
proof_records_unwant(struct sql *db, int64_t order_id, struct problem *pr)
{
	static const char SQL_RECORDS[] = "update proof_record set wanted=0 where order_id=$1 and wanted=1";
	static const char SQL_JOBS[] =
		"update job set due=$3 where kind=$2 and lease_until=0 and due>$3"
		" and subject in (select id from proof_record where order_id=$1)";
	struct sql_stmt *st = sql_begin(db, SQL_RECORDS);
	bool any;

	sql_bind_int(st, 1, order_id);
	sql_step(st);
	any = sql_changes(st) > 0;
	if (!sql_end(st, pr))
		return false;
	if (!any)
		return true;
	st = sql_begin(db, SQL_JOBS);
	sql_bind_int(st, 1, order_id);
	sql_bind_int(st, 2, JOB_CLEAN);
	sql_bind_int(st, 3, clock_unix_ms() + LINGER_MS);
	return run(st, pr);
}

bool
proof_record_look(struct sql *db, int64_t id, bool *ret_wanted, bool *ret_shared, struct problem *pr)
{
	static const char SQL[] =
		"select r.wanted, (select count(*) from proof_record o where o.owner=r.owner and o.value=r.value and o.id<>r.id and o.wanted=1)"
		" from proof_record r where r.id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	*ret_wanted = *ret_shared = false;
	if (sql_step(st)) {
		*ret_wanted = sql_int(st, 0) != 0;
		*ret_shared = sql_int(st, 1) != 0;
	}
	return sql_end(st, pr);
}

bool
proof_record_ahead(struct sql *db, int64_t id, int64_t *ret, struct problem *pr)
{
	static const char SQL[] =
		"select count(*) from proof_record r join proof_record o on o.owner=r.owner and o.wanted=1 and o.id<r.id where r.id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
proof_record_delete(struct sql *db, int64_t id, bool *ret_wanted, struct problem *pr)
{
	static const char SQL[] = "delete from proof_record where id=$1 and wanted=0";
	struct sql_stmt *st = sql_begin(db, SQL);
	bool shared;

	sql_bind_int(st, 1, id);
	return run(st, pr) && proof_record_look(db, id, ret_wanted, &shared, pr);
}

bool
proof_record_counts(struct sql *db, proof_record_count_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select solver, count(case when wanted=1 then 1 end), count(case when wanted=0 then 1 end) from proof_record group by solver";
	struct sql_stmt *st = sql_begin(db, SQL);

	while (sql_step(st)) {
		char solver[sizeof(((struct proof_record *)0)->solver)];

		sql_copy(st, 0, solver, sizeof(solver));
		fn(solver, sql_int(st, 1), sql_int(st, 2), arg);
	}
	return sql_end(st, pr);
}
