/* agenda.c - see agenda.h. */
#include "store/agenda.h"

#define WINDOW_END "coalesce(r.wave_end, r.planned_end)" /* as the indexes have it */

static const char COUNTS_OF_SLOT[] =
	"select (" WINDOW_END "-$1)/$3 as slot, count(*),"
	" cast(sum(case when r.replaced_at is null and " WINDOW_END ">$4 and r.not_after>$4 then 1 else 0 end) as bigint),"
	" cast(sum(case when r.replaced_at is null and " WINDOW_END "<=$4 and r.not_after>$4 then 1 else 0 end) as bigint),"
	" cast(sum(case when r.replaced_at is null and r.not_after<=$4 then 1 else 0 end) as bigint)"
	" from renewal r where " WINDOW_END ">=$1 and " WINDOW_END "<$2 and r.revoked_at is null group by slot";

static void
read_counts(struct sql_stmt *st, struct agenda_counts *n)
{
	n->due = sql_int(st, 1);
	n->planned = sql_int(st, 2);
	n->late = sql_int(st, 3);
	n->lapsed = sql_int(st, 4);
}

bool
agenda_slots(struct sql *db, const struct agenda_span *span, struct agenda_counts *ret, struct problem *pr)
{
	static const char DONE[] = "select (r.replaced_at-$1)/$3 as slot, count(*) from renewal r where r.replaced_at>=$1 and r.replaced_at<$2 group by slot";
	int64_t slots = (span->until - span->from + span->step_s - 1) / span->step_s, slot;
	struct sql_stmt *st = sql_begin(db, COUNTS_OF_SLOT);

	memset(ret, 0, (size_t)slots * sizeof(*ret));
	sql_bind_int(st, 1, span->from);
	sql_bind_int(st, 2, span->until);
	sql_bind_int(st, 3, span->step_s);
	sql_bind_int(st, 4, span->now);
	while (sql_step(st)) {
		slot = sql_int(st, 0);
		if (slot >= 0 && slot < slots)
			read_counts(st, &ret[slot]);
	}
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, DONE);
	sql_bind_int(st, 1, span->from);
	sql_bind_int(st, 2, span->until);
	sql_bind_int(st, 3, span->step_s);
	while (sql_step(st)) {
		slot = sql_int(st, 0);
		if (slot >= 0 && slot < slots)
			ret[slot].done = sql_int(st, 1);
	}
	return sql_end(st, pr);
}

#define DUE_OF(column)                                                                             \
	"select c." column ", count(*),"                                                           \
	" cast(sum(case when r.replaced_at is null and " WINDOW_END ">$3 and r.not_after>$3 then 1 else 0 end) as bigint),"  \
	" cast(sum(case when r.replaced_at is null and " WINDOW_END "<=$3 and r.not_after>$3 then 1 else 0 end) as bigint)," \
	" cast(sum(case when r.replaced_at is null and r.not_after<=$3 then 1 else 0 end) as bigint)"\
	" from renewal r join cert c on c.id=r.cert_id where " WINDOW_END ">=$1 and " WINDOW_END "<$2 and r.revoked_at is null" \
	" group by c." column " order by c." column
#define DONE_OF(column)                                                                            \
	"select c." column ", count(*) from renewal r join cert c on c.id=r.cert_id where r.replaced_at>=$1 and r.replaced_at<$2" \
	" group by c." column " order by c." column

bool
agenda_each(struct sql *db, const struct agenda_span *span, enum agenda_by by, agenda_fn fn, void *arg, struct problem *pr)
{
	static const char DUE_PROFILE[] = DUE_OF("profile");
	static const char DUE_TENANT[] = DUE_OF("tenant");
	static const char DONE_PROFILE[] = DONE_OF("profile");
	static const char DONE_TENANT[] = DONE_OF("tenant");
	struct sql_stmt *st = sql_begin(db, by == AGENDA_BY_PROFILE ? DUE_PROFILE : DUE_TENANT);

	sql_bind_int(st, 1, span->from);
	sql_bind_int(st, 2, span->until);
	sql_bind_int(st, 3, span->now);
	while (sql_step(st)) {
		struct agenda_counts n = { 0 };

		read_counts(st, &n);
		fn(sql_text(st, 0), &n, arg);
	}
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, by == AGENDA_BY_PROFILE ? DONE_PROFILE : DONE_TENANT);
	sql_bind_int(st, 1, span->from);
	sql_bind_int(st, 2, span->until);
	while (sql_step(st)) {
		const struct agenda_counts n = { .done = sql_int(st, 1) };

		fn(sql_text(st, 0), &n, arg);
	}
	return sql_end(st, pr);
}

static bool
count(struct sql *db, const char *text, int64_t now, int64_t before, int64_t *ret, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);

	sql_bind_int(st, 1, now);
	sql_bind_int(st, 2, before);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
agenda_alarm(struct sql *db, int64_t now, int64_t late_before, int64_t ends_before, struct agenda_alarm *ret, struct problem *pr)
{
	static const char LATE[] = "select count(*) from renewal r where r.replaced_at is null and r.revoked_at is null and r.not_after>$1"
				   " and " WINDOW_END "<=$2";
	static const char EXPIRING[] = "select count(*) from renewal r where r.replaced_at is null and r.revoked_at is null and r.not_after>$1"
				       " and r.not_after<=$2";

	*ret = (struct agenda_alarm){ 0 };
	return (!late_before || count(db, LATE, now, late_before, &ret->late, pr)) &&
		(!ends_before || count(db, EXPIRING, now, ends_before, &ret->expiring, pr));
}

bool
agenda_alarm_of(struct sql *db, int64_t now, int64_t late_after_s, int64_t soon_s, struct agenda_alarm *ret, struct problem *pr)
{
	return agenda_alarm(db, now, late_after_s ? now - late_after_s : 0, soon_s ? now + soon_s : 0, ret, pr);
}
