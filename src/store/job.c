/* job.c - see job.h. */
#include "store/job.h"

#include "base/clock.h"

static const char *const kind_names[] = { [JOB_VALIDATE] = "validate", [JOB_ISSUE] = "issue",
	[JOB_REVOKE] = "revoke", [JOB_ACCOUNT] = "account", [JOB_HOUSEKEEP] = "housekeep", [JOB_CLEAN] = "clean",
	[JOB_DISPATCH] = "dispatch", [JOB_LOOKUP] = "lookup", [JOB_PLAN] = "plan", [JOB_INCIDENT] = "incident", [JOB_AUDIT] = "audit" };

const char *
job_kind_name(enum job_kind kind)
{
	return kind_names[kind];
}

bool
job_insert(struct sql *db, enum job_kind kind, int64_t subject, int64_t due_ms, const char *node, int64_t lease_until_ms, int64_t *ret_id, struct problem *pr)
{
	static const char SQL[] =
		"insert into job (kind, subject, due, attempts, lease_node, lease_until, created_at, epoch)"
		" values ($1, $2, $3, 0, $4, $5, $6, $7) on conflict (kind, subject) do nothing returning id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, kind);
	sql_bind_int(st, 2, subject);
	sql_bind_int(st, 3, due_ms);
	sql_bind_str(st, 4, node);
	sql_bind_int(st, 5, node ? lease_until_ms : 0);
	sql_bind_int(st, 6, clock_unix_s());
	sql_bind_int(st, 7, node ? JOB_EPOCH_FIRST : 0);
	*ret_id = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
job_claim(struct sql *db, const char *node, int64_t now_ms, int64_t lease_until_ms, int64_t limit, struct job_row *ret, size_t *ret_count, struct problem *pr)
{
	static const char SQL[] =
		"update job set lease_node=$1, lease_until=$3, epoch=epoch+1 where id in (select id from job"
		" where lease_until=0 and due<=$2 order by due limit $4 {skip_locked})"
		" returning id, kind, subject, due, attempts, epoch";
	struct sql_stmt *st = sql_begin(db, SQL);
	size_t n = 0;

	sql_bind_str(st, 1, node);
	sql_bind_int(st, 2, now_ms);
	sql_bind_int(st, 3, lease_until_ms);
	sql_bind_int(st, 4, limit);
	while (n < (size_t)limit && sql_step(st)) {
		ret[n].id = sql_int(st, 0);
		ret[n].kind = (enum job_kind)sql_int(st, 1);
		ret[n].subject = sql_int(st, 2);
		ret[n].due_ms = sql_int(st, 3);
		ret[n].attempts = sql_int(st, 4);
		ret[n++].epoch = sql_int(st, 5);
	}
	*ret_count = n;
	return sql_end(st, pr);
}

bool
job_is_mine(struct sql *db, int64_t id, const char *node, int64_t epoch, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select 1 from job where id=$1 and lease_node=$2 and epoch=$3 and lease_until>0";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, node);
	sql_bind_int(st, 3, epoch);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
job_delete(struct sql *db, int64_t id, struct problem *pr)
{
	static const char SQL[] = "delete from job where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_step(st);
	return sql_end(st, pr);
}

bool
job_delete_of(struct sql *db, enum job_kind kind, int64_t subject, struct problem *pr)
{
	static const char SQL[] = "delete from job where kind=$1 and subject=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, kind);
	sql_bind_int(st, 2, subject);
	sql_step(st);
	return sql_end(st, pr);
}

bool
job_take(struct sql *db, enum job_kind kind, int64_t subject, const char *node, int64_t now_ms, int64_t lease_until_ms, struct job_row *ret, bool *ret_taken, struct problem *pr)
{
	static const char SQL[] =
		"update job set lease_node=$3, lease_until=$4, due=$5, epoch=epoch+1 where kind=$1 and subject=$2 and lease_until=0"
		" returning id, due, attempts, epoch";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, kind);
	sql_bind_int(st, 2, subject);
	sql_bind_str(st, 3, node);
	sql_bind_int(st, 4, lease_until_ms);
	sql_bind_int(st, 5, now_ms);
	*ret_taken = sql_step(st);
	if (*ret_taken)
		*ret = (struct job_row){ .id = sql_int(st, 0), .kind = kind, .subject = subject, .due_ms = sql_int(st, 1),
			.attempts = sql_int(st, 2), .epoch = sql_int(st, 3) };
	return sql_end(st, pr);
}

bool
job_release(struct sql *db, int64_t id, int64_t due_ms, const char *error, struct problem *pr)
{
	static const char SQL[] =
		"update job set lease_until=0, lease_node=null, due=$2, attempts=attempts+1, error=$3"
		" where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, due_ms);
	sql_bind_str(st, 3, error);
	sql_step(st);
	return sql_end(st, pr);
}

bool
job_hurry(struct sql *db, enum job_kind kind, int64_t subject, int64_t now_ms, struct problem *pr)
{
	static const char SQL[] =
		"update job set due=$3 where kind=$1 and subject=$2 and lease_until=0 and due>$3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, kind);
	sql_bind_int(st, 2, subject);
	sql_bind_int(st, 3, now_ms);
	sql_step(st);
	return sql_end(st, pr);
}

bool
job_extend(struct sql *db, int64_t id, const char *node, int64_t epoch, int64_t lease_until_ms, bool *ret_kept, struct problem *pr)
{
	static const char SQL[] = "update job set lease_until=$4 where id=$1 and lease_node=$2 and epoch=$3 and lease_until>0";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, node);
	sql_bind_int(st, 3, epoch);
	sql_bind_int(st, 4, lease_until_ms);
	sql_step(st);
	*ret_kept = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
job_release_node(struct sql *db, const char *node, struct problem *pr)
{
	static const char SQL[] =
		"update job set lease_until=0, lease_node=null where lease_until>0 and lease_node=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, node);
	sql_step(st);
	return sql_end(st, pr);
}

bool
job_release_expired(struct sql *db, int64_t now_ms, struct problem *pr)
{
	static const char SQL[] =
		"update job set lease_until=0, lease_node=null where lease_until>0 and lease_until<$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, now_ms);
	sql_step(st);
	return sql_end(st, pr);
}

bool
job_next_due(struct sql *db, int64_t *ret_due_ms, struct problem *pr)
{
	static const char SQL[] = "select due from job where lease_until=0 order by due limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	*ret_due_ms = sql_step(st) ? sql_int(st, 0) : INT64_MAX;
	return sql_end(st, pr);
}

bool
job_queues(struct sql *db, int64_t now_ms, struct job_queue ret[JOB_KIND__COUNT], struct problem *pr)
{
	static const char SQL[] = "select kind, count(case when lease_until>0 then 1 end),"
				  " count(case when lease_until=0 and due<=$1 then 1 end),"
				  " count(case when lease_until=0 and due>$1 then 1 end),"
				  " min(case when lease_until=0 and due<=$1 then due end) from job group by kind";
	struct sql_stmt *st = sql_begin(db, SQL);

	memset(ret, 0, sizeof(ret[0]) * JOB_KIND__COUNT);
	sql_bind_int(st, 1, now_ms);
	while (sql_step(st)) {
		int64_t kind = sql_int(st, 0);

		if (kind >= 0 && kind < JOB_KIND__COUNT)
			ret[kind] = (struct job_queue){ sql_int(st, 1), sql_int(st, 2), sql_int(st, 3), sql_int(st, 4) };
	}
	return sql_end(st, pr);
}

bool
job_counts(struct sql *db, int64_t counts[JOB_KIND__COUNT], struct problem *pr)
{
	static const char SQL[] = "select kind, count(*) from job group by kind";
	struct sql_stmt *st = sql_begin(db, SQL);

	memset(counts, 0, sizeof(counts[0]) * JOB_KIND__COUNT);
	while (sql_step(st)) {
		int64_t kind = sql_int(st, 0);

		if (kind >= 0 && kind < JOB_KIND__COUNT)
			counts[kind] = sql_int(st, 1);
	}
	return sql_end(st, pr);
}

bool
job_find(struct sql *db, enum job_kind kind, int64_t subject, struct job_view *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select id, due, attempts, lease_node, error from job where kind=$1 and subject=$2";
	struct sql_stmt *st = sql_begin(db, SQL);
	struct job_view v = { .row = { .kind = kind, .subject = subject } };
	struct span error;
	bool found;

	sql_bind_int(st, 1, kind);
	sql_bind_int(st, 2, subject);
	found = sql_step(st);
	if (found) {
		v.row.id = sql_int(st, 0);
		v.row.due_ms = sql_int(st, 1);
		v.row.attempts = sql_int(st, 2);
		sql_copy(st, 3, v.node, sizeof(v.node));
		error = sql_text(st, 4);
		span_copy(error.n < sizeof(v.error) ? error : span_of(error.p, sizeof(v.error) - 1), v.error, sizeof(v.error));
	}
	if (!sql_end(st, pr))
		return false;
	*ret_found = found;
	if (found)
		*ret = v;
	return true;
}
