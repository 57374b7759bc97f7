/* lookup.c - see lookup.h. */
#include "store/lookup.h"

#include <stdlib.h>

static const char *const result_names[LOOKUP_RESULT__COUNT] = {
	[LOOKUP_NEVER] = "never",
	[LOOKUP_WINDOW] = "window",
	[LOOKUP_SAME] = "same",
	[LOOKUP_BUSY] = "busy",
	[LOOKUP_BROKEN] = "broken",
	[LOOKUP_UNREACHED] = "unreached",
	[LOOKUP_UNKNOWN] = "unknown",
	[LOOKUP_REFUSED] = "refused",
	[LOOKUP_UNUSABLE] = "unusable",
};

const char *
lookup_result_name(enum lookup_result result)
{
	return result_names[result];
}

void
lookup_row_done(struct lookup_row *r)
{
	free(r->explanation);
	r->explanation = NULL;
}

void
lookup_rows_free(struct lookup_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		lookup_row_done(&rows[i]);
	free(rows);
}

static void
read_row(struct sql_stmt *st, struct lookup_row *r)
{
	struct span page = sql_text(st, 10);

	*r = (struct lookup_row){ .cert_id = sql_int(st, 0), .not_before = sql_int(st, 1), .not_after = sql_int(st, 2), .ca_start = sql_int(st, 3),
		.ca_end = sql_int(st, 4), .fetched_at = sql_int(st, 5), .next_at = sql_int(st, 6), .failures = sql_int(st, 7),
		.result = (enum lookup_result)sql_int(st, 8), .urged_at = sql_int(st, 9) };
	r->explanation = page.n ? span_dup(page) : NULL;
	sql_copy(st, 11, r->etag, sizeof(r->etag));
	sql_copy(st, 12, r->certid, sizeof(r->certid));
}

bool
lookup_due(struct sql *db, int64_t upstream_id, int64_t now, size_t limit, struct lookup_row *rows, size_t *ret_count, struct problem *pr)
{
	static const char SQL[] =
		"select cert_id, not_before, not_after, ca_start, ca_end, fetched_at, next_at, failures, result, urged_at, explanation, etag, certid"
		" from renewal where upstream_id=$1 and next_at<=$2 order by next_at, cert_id limit $3";
	struct sql_stmt *st = sql_begin(db, SQL);
	size_t n = 0;

	sql_bind_int(st, 1, upstream_id);
	sql_bind_int(st, 2, now);
	sql_bind_int(st, 3, (int64_t)limit);
	while (n < limit && sql_step(st))
		read_row(st, &rows[n++]);
	*ret_count = n;
	if (sql_end(st, pr))
		return true;
	while (n > 0)
		lookup_row_done(&rows[--n]);
	*ret_count = 0;
	return false;
}

bool
lookup_next(struct sql *db, int64_t upstream_id, int64_t *ret_at, struct problem *pr)
{
	static const char SQL[] = "select next_at from renewal where upstream_id=$1 and next_at is not null order by next_at limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, upstream_id);
	*ret_at = sql_step(st) ? sql_int(st, 0) : INT64_MAX;
	return sql_end(st, pr);
}

static void
bind_time(struct sql_stmt *st, int n, int64_t at)
{
	if (at)
		sql_bind_int(st, n, at);
	else
		sql_bind_null(st, n);
}

bool
lookup_put(struct sql *db, const struct lookup_row *r, bool told, int64_t now, struct problem *pr)
{
	static const char SQL[] = "update renewal set ca_start=$2, ca_end=$3, explanation=$4, fetched_at=$5, next_at=$6, failures=$7, result=$8,"
				  " urged_at=$9, etag=$10, changed_at=case when $11=1 then $12 else changed_at end"
				  " where cert_id=$1 and next_at is not null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, r->cert_id);
	bind_time(st, 2, r->ca_end ? r->ca_start : 0);
	bind_time(st, 3, r->ca_end);
	sql_bind_str(st, 4, r->explanation);
	bind_time(st, 5, r->fetched_at);
	bind_time(st, 6, r->next_at);
	sql_bind_int(st, 7, r->failures);
	sql_bind_int(st, 8, r->result);
	bind_time(st, 9, r->urged_at);
	sql_bind_str(st, 10, r->etag[0] ? r->etag : NULL);
	sql_bind_int(st, 11, told);
	sql_bind_int(st, 12, now);
	sql_step(st);
	return sql_end(st, pr);
}

bool
lookup_set_next(struct sql *db, int64_t cert_id, int64_t at, struct problem *pr)
{
	static const char SQL[] = "update renewal set next_at=$2 where cert_id=$1 and next_at is not null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, cert_id);
	bind_time(st, 2, at);
	sql_step(st);
	return sql_end(st, pr);
}

bool
lookup_lapse(struct sql *db, int64_t now, int64_t stale, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char SQL[] =
		"update renewal set ca_start=null, ca_end=null, explanation=null, etag=null, urged_at=null, changed_at=$1 where cert_id in"
		" (select cert_id from renewal where ca_end is not null and next_at is not null and fetched_at<$2 order by fetched_at, cert_id limit $3)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, now);
	sql_bind_int(st, 2, stale);
	sql_bind_int(st, 3, limit);
	*ret_count = sql_changes(st);
	return sql_end(st, pr);
}

/* ---- counts ---- */

bool
lookup_queue(struct sql *db, int64_t upstream_id, int64_t now, int64_t most, struct lookup_queue *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*), coalesce(min(next_at), 0) from"
				  " (select next_at from renewal where upstream_id=$1 and next_at<=$2 order by next_at limit $3) q";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, upstream_id);
	sql_bind_int(st, 2, now);
	sql_bind_int(st, 3, most);
	*ret = (struct lookup_queue){ 0 };
	if (sql_step(st))
		*ret = (struct lookup_queue){ sql_int(st, 0), sql_int(st, 1) };
	return sql_end(st, pr);
}

bool
lookup_urged(struct sql *db, int64_t upstream_id, int64_t since, int64_t now, int64_t *ret_count, struct problem *pr)
{
	static const char SQL[] = "select count(*) from renewal where upstream_id=$1 and urged_at>=$2 and not_after>$3"
				  " and replaced_at is null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, upstream_id);
	sql_bind_int(st, 2, since);
	sql_bind_int(st, 3, now);
	*ret_count = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

/* ---- a CA ---- */

bool
lookup_state_get(struct sql *db, int64_t upstream_id, struct lookup_state *ret, struct problem *pr)
{
	static const char SQL[] = "select rate, paused_until, pauses, alarmed_at from lookup where upstream_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, upstream_id);
	*ret = (struct lookup_state){ 0 };
	if (sql_step(st))
		*ret = (struct lookup_state){ sql_int(st, 0), sql_int(st, 1), sql_int(st, 2), sql_int(st, 3) };
	return sql_end(st, pr);
}

bool
lookup_state_put(struct sql *db, int64_t upstream_id, const struct lookup_state *s, struct problem *pr)
{
	static const char SQL[] = "insert into lookup (upstream_id, rate, paused_until, pauses, alarmed_at) values ($1, $2, $3, $4, $5)"
				  " on conflict (upstream_id) do update set rate=excluded.rate, paused_until=excluded.paused_until,"
				  " pauses=excluded.pauses, alarmed_at=excluded.alarmed_at";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, upstream_id);
	sql_bind_int(st, 2, s->rate);
	sql_bind_int(st, 3, s->paused_until);
	sql_bind_int(st, 4, s->pauses);
	sql_bind_int(st, 5, s->alarmed_at);
	sql_step(st);
	return sql_end(st, pr);
}
