/* incident.c - see incident.h. */
#include "store/incident.h"

#define COLUMNS                                                                                    \
	"id, ref, kind, state, ca, profile, issued_from, issued_until, by_list, explanation,"       \
	" opened_at, finish_by, walked, planned_at, per_wave, planned, last_wave, held_by, is_late,"\
	" closed_at, closed_by"

static const char *const kind_names[] = { [INCIDENT_OPERATOR] = "operator", [INCIDENT_CA] = "ca", [INCIDENT_DRY_RUN] = "dry-run" };
static const char *const state_names[] = { [INCIDENT_DRAFT] = "draft", [INCIDENT_GATHERING] = "gathering", [INCIDENT_PLANNING] = "planning",
	[INCIDENT_RUNNING] = "running", [INCIDENT_CLOSING] = "closing", [INCIDENT_CLOSED] = "closed", [INCIDENT_FORESEEN] = "foreseen" };
static const char *const member_names[] = { [MEMBER_FOUND] = "found", [MEMBER_PLANNED] = "planned", [MEMBER_TOLD] = "told",
	[MEMBER_RENEWED] = "renewed", [MEMBER_REVOKED] = "revoked", [MEMBER_EXPIRED] = "expired", [MEMBER_RELEASED] = "released" };

const char *
incident_kind_name(enum incident_kind kind)
{
	return kind_names[kind];
}

const char *
incident_state_name(enum incident_state state)
{
	return state_names[state];
}

const char *
member_state_name(enum member_state state)
{
	return member_names[state];
}

static void
read_row(struct sql_stmt *st, struct incident *in)
{
	in->id = sql_int(st, 0);
	sql_copy(st, 1, in->ref, sizeof(in->ref));
	in->kind = (enum incident_kind)sql_int(st, 2);
	in->state = (enum incident_state)sql_int(st, 3);
	sql_copy(st, 4, in->ca, sizeof(in->ca));
	sql_copy(st, 5, in->profile, sizeof(in->profile));
	in->issued_from = sql_int(st, 6);
	in->issued_until = sql_int(st, 7);
	in->by_list = sql_int(st, 8) != 0;
	sql_copy(st, 9, in->explanation, sizeof(in->explanation));
	in->opened_at = sql_int(st, 10);
	in->finish_by = sql_int(st, 11);
	in->cursor = sql_int(st, 12);
	in->planned_at = sql_int(st, 13);
	in->per_wave = sql_int(st, 14);
	in->planned = sql_int(st, 15);
	in->last_wave = sql_int(st, 16);
	sql_copy(st, 17, in->held_by, sizeof(in->held_by));
	in->is_late = sql_int(st, 18) != 0;
	in->closed_at = sql_int(st, 19);
	sql_copy(st, 20, in->closed_by, sizeof(in->closed_by));
}

bool
incident_insert(struct sql *db, struct incident *in, struct problem *pr)
{
	static const char SQL[] =
		"insert into incident (ref, kind, state, ca, profile, issued_from, issued_until, by_list, explanation, opened_at, finish_by)"
		" values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id";
	struct sql_stmt *st = sql_begin(db, SQL);

	rand_ref(in->ref);
	sql_bind_str(st, 1, in->ref);
	sql_bind_int(st, 2, in->kind);
	sql_bind_int(st, 3, in->state);
	sql_bind_str(st, 4, in->ca);
	sql_bind_str(st, 5, in->profile);
	sql_bind_int(st, 6, in->issued_from);
	sql_bind_int(st, 7, in->issued_until);
	sql_bind_int(st, 8, in->by_list);
	sql_bind_str(st, 9, in->explanation);
	sql_bind_int(st, 10, in->opened_at);
	sql_bind_int(st, 11, in->finish_by);
	if (sql_step(st))
		in->id = sql_int(st, 0);
	return sql_end(st, pr);
}

static bool
one(struct sql_stmt *st, struct incident *ret, bool *ret_found, struct problem *pr)
{
	*ret_found = sql_step(st);
	if (*ret_found)
		read_row(st, ret);
	return sql_end(st, pr);
}

bool
incident_by_id(struct sql *db, int64_t id, struct incident *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from incident where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return one(st, ret, ret_found, pr);
}

bool
incident_by_ref(struct sql *db, struct span ref, struct incident *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from incident where ref=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_text(st, 1, ref);
	return one(st, ret, ret_found, pr);
}

bool
incident_of_ca(struct sql *db, const char *ca, int64_t closed_since, struct incident *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from incident where kind=1 and ca=$1 and (closed_at=0 or (state=5 and closed_at>=$2))"
				  " order by id desc limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, ca);
	sql_bind_int(st, 2, closed_since);
	return one(st, ret, ret_found, pr);
}

bool
incident_save(struct sql *db, const struct incident *in, struct problem *pr)
{
	static const char SQL[] = "update incident set state=$2, walked=$3, planned_at=$4, per_wave=$5, planned=$6, last_wave=$7, held_by=$8,"
				  " is_late=$9, closed_at=$10, closed_by=$11 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, in->id);
	sql_bind_int(st, 2, in->state);
	sql_bind_int(st, 3, in->cursor);
	sql_bind_int(st, 4, in->planned_at);
	sql_bind_int(st, 5, in->per_wave);
	sql_bind_int(st, 6, in->planned);
	sql_bind_int(st, 7, in->last_wave);
	sql_bind_str(st, 8, in->held_by);
	sql_bind_int(st, 9, in->is_late);
	sql_bind_int(st, 10, in->closed_at);
	sql_bind_str(st, 11, in->closed_by);
	return sql_end(st, pr);
}

bool
incident_list(struct sql *db, int64_t before, int64_t limit, incident_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from incident where id<$1 order by id desc limit $2";
	struct sql_stmt *st = sql_begin(db, SQL);
	bool good = true;

	sql_bind_int(st, 1, before > 0 ? before : INT64_MAX);
	sql_bind_int(st, 2, limit);
	while (good && sql_step(st)) {
		struct incident in = { 0 };

		read_row(st, &in);
		good = fn(db, &in, arg, pr);
	}
	return sql_end(st, pr) && good;
}

bool
incident_list_count(struct sql *db, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*) from (select 1 from incident where id>0 limit $1) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
incident_open_counts(struct sql *db, int64_t ret[INCIDENT_KIND__COUNT], int64_t *ret_late, struct problem *pr)
{
	static const char SQL[] = "select kind, count(*), cast(sum(is_late) as bigint) from incident where closed_at=0 group by kind";
	struct sql_stmt *st = sql_begin(db, SQL);

	memset(ret, 0, INCIDENT_KIND__COUNT * sizeof(*ret));
	*ret_late = 0;
	while (sql_step(st)) {
		int64_t kind = sql_int(st, 0);

		if (kind >= 0 && kind < INCIDENT_KIND__COUNT)
			ret[kind] = sql_int(st, 1);
		*ret_late += sql_int(st, 2);
	}
	return sql_end(st, pr);
}

/* ---- those that are long over ---- */

static bool
delete_by(struct sql *db, const char *text, int64_t id, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);

	sql_bind_int(st, 1, id);
	if (limit)
		sql_bind_int(st, 2, limit);
	*ret_count = sql_changes(st);
	return sql_end(st, pr);
}

bool
incident_sweep(struct sql *db, int64_t before, int64_t dry_before, int64_t limit, bool *ret_more, struct problem *pr)
{
	static const char FIND[] = "select id from incident where closed_at>0 and closed_at<$1"
				   " union all select id from incident where kind=2 and closed_at>0 and closed_at<$2"
				   " union all select id from incident where state=0 and opened_at<$2 limit 1";
	static const char MEMBERS[] = "delete from incident_cert where incident_id=$1 and cert_id in"
				      " (select cert_id from incident_cert where incident_id=$1 limit $2)";
	static const char BUCKETS[] = "delete from incident_bucket where incident_id=$1";
	static const char INCIDENT[] = "delete from incident where id=$1";
	struct sql_stmt *st = sql_begin(db, FIND);
	int64_t id, count;

	sql_bind_int(st, 1, before);
	sql_bind_int(st, 2, dry_before);
	id = sql_step(st) ? sql_int(st, 0) : 0;
	*ret_more = id != 0;
	if (!sql_end(st, pr))
		return false;
	if (id == 0)
		return true;
	if (!delete_by(db, MEMBERS, id, limit, &count, pr))
		return false;
	return count == limit || (delete_by(db, BUCKETS, id, 0, &count, pr) && delete_by(db, INCIDENT, id, 0, &count, pr));
}

/* ---- certificates of an incident ---- */

bool
member_add(struct sql *db, int64_t incident_id, const struct member *m, bool *ret_added, struct problem *pr)
{
	static const char SQL[] = "insert into incident_cert (incident_id, cert_id, state, class, not_after) values ($1, $2, 0, $3, $4)"
				  " on conflict do nothing";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, m->cert_id);
	sql_bind_int(st, 3, m->class);
	sql_bind_int(st, 4, m->not_after);
	*ret_added = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
member_next(struct sql *db, int64_t incident_id, enum member_state state, int64_t limit, struct member *ret, size_t *ret_count, struct problem *pr)
{
	static const char SQL[] = "select cert_id, not_after, wave_at, class from incident_cert where incident_id=$1 and state=$2"
				  " order by class, not_after, cert_id limit $3";
	struct sql_stmt *st = sql_begin(db, SQL);
	size_t n = 0;

	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, state);
	sql_bind_int(st, 3, limit);
	for (; (int64_t)n < limit && sql_step(st); n++)
		ret[n] = (struct member){ .cert_id = sql_int(st, 0), .not_after = sql_int(st, 1), .wave_at = sql_int(st, 2), .class = sql_int(st, 3) };
	*ret_count = n;
	return sql_end(st, pr);
}

bool
member_set_wave(struct sql *db, int64_t incident_id, int64_t cert_id, int64_t wave_at, struct problem *pr)
{
	static const char SQL[] = "update incident_cert set state=1, wave_at=$3 where incident_id=$1 and cert_id=$2 and state=0";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, cert_id);
	sql_bind_int(st, 3, wave_at);
	return sql_end(st, pr);
}

bool
member_tell(struct sql *db, int64_t incident_id, const struct member *m, int64_t wave_start, int64_t wave_end, int64_t now, struct problem *pr)
{
	static const char TOLD[] = "update incident_cert set state=2 where incident_id=$1 and cert_id=$2 and state=1";
	static const char ROW[] = "update renewal set incident_id=$1, wave_start=$3, wave_end=$4, changed_at=$5"
				  " where cert_id=$2 and (wave_end is null or wave_end>$4)";
	struct sql_stmt *st = sql_begin(db, TOLD);

	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, m->cert_id);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, ROW);
	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, m->cert_id);
	sql_bind_int(st, 3, wave_start);
	sql_bind_int(st, 4, wave_end);
	sql_bind_int(st, 5, now);
	return sql_end(st, pr);
}

bool
member_release(struct sql *db, int64_t incident_id, int64_t cert_id, int64_t wave_s, int64_t now, struct problem *pr)
{
	static const char RELEASED[] = "update incident_cert set state=6 where incident_id=$1 and cert_id=$2 and state<=2";
	static const char OTHER[] = "select m.incident_id, m.wave_at from incident_cert m join incident i on i.id=m.incident_id"
				    " where m.cert_id=$2 and m.state=2 and m.incident_id<>$1 and i.state=3 order by m.wave_at, m.incident_id limit 1";
	static const char ROW[] = "update renewal set incident_id=$3, wave_start=$4, wave_end=$5, changed_at=$6 where cert_id=$2 and incident_id=$1";
	struct sql_stmt *st = sql_begin(db, RELEASED);
	int64_t other, wave_at;

	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, cert_id);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, OTHER);
	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, cert_id);
	other = sql_step(st) ? sql_int(st, 0) : 0;
	wave_at = other ? sql_int(st, 1) : 0;
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, ROW);
	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, cert_id);
	for (int i = 3; i <= 5; i++)
		sql_bind_null(st, i);
	if (other) {
		sql_bind_int(st, 3, other);
		sql_bind_int(st, 4, wave_at - wave_s);
		sql_bind_int(st, 5, wave_at);
	}
	sql_bind_int(st, 6, now);
	return sql_end(st, pr);
}

bool
member_settle(struct sql *db, int64_t cert_id, enum member_state end, int64_t now, struct problem *pr)
{
	static const char SQL[] = "update incident_cert set state=$2, ended_at=$3 where cert_id=$1 and state<=2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, cert_id);
	sql_bind_int(st, 2, end);
	sql_bind_int(st, 3, now);
	return sql_end(st, pr);
}

bool
member_expire(struct sql *db, int64_t incident_id, int64_t now, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char SQL[] = "update incident_cert set state=5, ended_at=$2 where incident_id=$1 and state<=2 and cert_id in"
				  " (select cert_id from incident_cert where incident_id=$1 and state<=2 and not_after<=$2 order by not_after limit $3)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, now);
	sql_bind_int(st, 3, limit);
	*ret_count = sql_changes(st);
	return sql_end(st, pr);
}

bool
member_is_affected(struct sql *db, int64_t cert_id, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select 1 from incident_cert m join incident i on i.id=m.incident_id"
				  " where m.cert_id=$1 and m.state<=2 and i.kind<>2 and i.state in (1, 2, 3) limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, cert_id);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
member_is_let_be(struct sql *db, int64_t cert_id, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select 1 from incident_cert m join incident i on i.id=m.incident_id"
				  " where m.cert_id=$1 and m.state=6 and i.kind=1 limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, cert_id);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
member_any(struct sql *db, int64_t incident_id, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select 1 from incident_cert where incident_id=$1 and state<=2 limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, incident_id);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
member_counts(struct sql *db, int64_t incident_id, int64_t ret[MEMBER_STATE__COUNT], struct problem *pr)
{
	static const char SQL[] = "select state, count(*) from incident_cert where incident_id=$1 group by state";
	struct sql_stmt *st = sql_begin(db, SQL);

	memset(ret, 0, MEMBER_STATE__COUNT * sizeof(*ret));
	sql_bind_int(st, 1, incident_id);
	while (sql_step(st)) {
		int64_t state = sql_int(st, 0);

		if (state >= 0 && state < MEMBER_STATE__COUNT)
			ret[state] = sql_int(st, 1);
	}
	return sql_end(st, pr);
}

/* ---- who may be affected ---- */

#define CANDIDATE                                                                                  \
	"select c.id, c.not_before, c.not_after, c.created_at, c.upstream, c.profile, c.idents"     \
	" from renewal r join cert c on c.id=r.cert_id"

static bool
each_candidate(struct sql *db, struct sql_stmt *st, candidate_fn fn, void *arg, struct problem *pr)
{
	bool good = true;

	while (good && sql_step(st)) {
		struct candidate c = { .cert_id = sql_int(st, 0), .not_before = sql_int(st, 1), .not_after = sql_int(st, 2),
			.created_at = sql_int(st, 3), .idents = sql_text(st, 6) };

		sql_copy(st, 4, c.upstream, sizeof(c.upstream));
		sql_copy(st, 5, c.profile, sizeof(c.profile));
		good = fn(db, &c, arg, pr);
	}
	return sql_end(st, pr) && good;
}

bool
candidates_live(struct sql *db, int64_t now, int64_t after, int64_t limit, candidate_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = CANDIDATE " where r.cert_id>$2 and r.not_after>$1 and r.revoked_at is null and r.replaced_at is null"
					    " order by r.cert_id limit $3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, now);
	sql_bind_int(st, 2, after);
	sql_bind_int(st, 3, limit);
	return each_candidate(db, st, fn, arg, pr);
}

bool
candidates_by_serial(struct sql *db, const char *serial, int64_t now, candidate_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = CANDIDATE " where c.serial=$2 and r.not_after>$1 and r.revoked_at is null and r.replaced_at is null order by c.id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, now);
	sql_bind_str(st, 2, serial);
	return each_candidate(db, st, fn, arg, pr);
}

bool
candidate_by_id(struct sql *db, int64_t cert_id, candidate_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = CANDIDATE " where r.cert_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, cert_id);
	return each_candidate(db, st, fn, arg, pr);
}

bool
missing_list(struct sql *db, int64_t incident_id, int64_t not_after, int64_t after, int64_t limit, missing_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select c.id, c.account_id, c.order_id, c.ref, c.upstream, c.profile, c.serial, c.certid, a.ref, k.kid, m.not_after, m.wave_at,"
		" m.state, c.idents from incident_cert m join cert c on c.id=m.cert_id left join account a on a.id=c.account_id"
		" left join eab_key k on k.id=a.eab_id where m.incident_id=$1 and m.state<=2 and (m.not_after, m.cert_id)>($2, $3)"
		" order by m.not_after, m.cert_id limit $4";
	struct sql_stmt *st = sql_begin(db, SQL);
	bool good = true;

	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, not_after);
	sql_bind_int(st, 3, after);
	sql_bind_int(st, 4, limit);
	while (good && sql_step(st)) {
		struct missing m = { .cert_id = sql_int(st, 0), .account_id = sql_int(st, 1), .order_id = sql_int(st, 2),
			.not_after = sql_int(st, 10), .wave_at = sql_int(st, 11), .state = (enum member_state)sql_int(st, 12),
			.idents = sql_text(st, 13) };

		sql_copy(st, 3, m.ref, sizeof(m.ref));
		sql_copy(st, 4, m.upstream, sizeof(m.upstream));
		sql_copy(st, 5, m.profile, sizeof(m.profile));
		sql_copy(st, 6, m.serial, sizeof(m.serial));
		sql_copy(st, 7, m.certid, sizeof(m.certid));
		sql_copy(st, 8, m.account, sizeof(m.account));
		sql_copy(st, 9, m.eab, sizeof(m.eab));
		good = fn(db, &m, arg, pr);
	}
	return sql_end(st, pr) && good;
}

/* ---- the plan's count of limits ---- */

bool
incident_bucket_get(struct sql *db, int64_t incident_id, int64_t kind, const char *name, int64_t *ret_tat_ns, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select tat from incident_bucket where incident_id=$1 and kind=$2 and name=$3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, kind);
	sql_bind_str(st, 3, name);
	*ret_found = sql_step(st);
	if (*ret_found)
		*ret_tat_ns = sql_int(st, 0);
	return sql_end(st, pr);
}

bool
incident_bucket_set(struct sql *db, int64_t incident_id, int64_t kind, const char *name, int64_t tat_ns, struct problem *pr)
{
	static const char SQL[] = "insert into incident_bucket (incident_id, kind, name, tat) values ($1, $2, $3, $4)"
				  " on conflict (incident_id, kind, name) do update set tat=excluded.tat";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, incident_id);
	sql_bind_int(st, 2, kind);
	sql_bind_str(st, 3, name);
	sql_bind_int(st, 4, tat_ns);
	return sql_end(st, pr);
}
