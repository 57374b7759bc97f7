/* renewal.c - see renewal.h. */
#include "store/renewal.h"

#include "store/incident.h"
#include "store/renewal_plan.h"

#define SELECT                                                                                     \
	"select cert_id, principal, not_before, not_after, changed_at, revoked_at, replaced_at, certid,"     \
	" ca_start, ca_end, explanation, planned_start, planned_end, plan_why,"\
	" wave_start, wave_end, (select i.explanation from incident i where i.id=incident_id) from renewal"

static void
read_row(struct sql_stmt *st, struct renewal_row *r)
{
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
	r->explanation = sql_text(st, 10);
	r->planned_start = sql_int(st, 11);
	r->planned_end = sql_int(st, 12);
	r->plan_why = sql_int(st, 13);
	r->wave_start = sql_int(st, 14);
	r->wave_end = sql_int(st, 15);
	r->page = sql_text(st, 16);
}

static bool
each(struct sql_stmt *st, renewal_fn fn, void *arg, struct problem *pr)
{
	while (sql_step(st)) {
		struct renewal_row row;

		read_row(st, &row);
		fn(&row, arg);
	}
	return sql_end(st, pr);
}

bool
renewal_insert(struct sql *db, int64_t cert_id, struct problem *pr)
{
	/* a CA of our own is not asked about its certificates */
	static const char SQL[] = "insert into renewal (cert_id, certid, principal, not_before, not_after, changed_at, upstream_id, next_at)"
				  " select c.id, c.certid, c.principal, c.not_before, c.not_after, c.created_at, u.id,"
				  " case when c.certid<>'' and u.id is not null and u.ca_cert is null then c.created_at end"
				  " from cert c left join upstream u on u.name=c.upstream where c.id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, cert_id);
	sql_step(st);
	return sql_end(st, pr);
}

bool
renewal_revoked(struct sql *db, int64_t cert_id, int64_t at, struct problem *pr)
{
	static const char SQL[] = "update renewal set revoked_at=$2, changed_at=$2, next_at=null where cert_id=$1";
	struct sql_stmt *st;

	if (!plan_release(db, cert_id, pr))
		return false;
	st = sql_begin(db, SQL);
	sql_bind_int(st, 1, cert_id);
	sql_bind_int(st, 2, at);
	sql_step(st);
	return sql_end(st, pr) && member_settle(db, cert_id, MEMBER_REVOKED, at, pr);
}

/* An update that says whom it marked, of at most one. */
static bool
end_replaced(struct sql *db, struct sql_stmt *st, int64_t at, struct problem *pr)
{
	int64_t cert_id = sql_step(st) ? sql_int(st, 0) : 0;

	return sql_end(st, pr) && (cert_id == 0 || (member_settle(db, cert_id, MEMBER_RENEWED, at, pr) && plan_release(db, cert_id, pr)));
}

bool
renewal_replaced(struct sql *db, const char *certid, int64_t at, struct problem *pr)
{
	static const char SQL[] = "update renewal set replaced_at=$2, changed_at=$2, next_at=null, urged_at=null"
				  " where cert_id=(select id from cert where certid=$1 order by id limit 1) and replaced_at is null returning cert_id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, certid);
	sql_bind_int(st, 2, at);
	return end_replaced(db, st, at, pr);
}

bool
renewal_followed(struct sql *db, int64_t cert_id, int64_t at, struct problem *pr)
{
	/* one that is young, and well, belongs to another device with the same names */
	static const char SQL[] =
		"update renewal set replaced_at=$2, changed_at=$2, next_at=null, urged_at=null where cert_id=(select r.cert_id from cert n"
		" join cert c on c.idents_key=n.idents_key and c.principal=n.principal and c.id<n.id join renewal r on r.cert_id=c.id"
		" where n.id=$1 and r.not_after>$2 and r.replaced_at is null and (r.incident_id is not null or r.revoked_at is not null"
		" or 2*($2-r.not_before)>=r.not_after-r.not_before) order by r.not_after, r.cert_id limit 1) returning cert_id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, cert_id);
	sql_bind_int(st, 2, at);
	return end_replaced(db, st, at, pr);
}

bool
renewal_by_certid(struct sql *db, const char *certid, renewal_fn fn, void *arg, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = SELECT " where cert_id=(select id from cert where certid=$1 order by id limit 1)";
	struct sql_stmt *st = sql_begin(db, SQL);
	struct renewal_row row;

	sql_bind_str(st, 1, certid);
	*ret_found = sql_step(st);
	if (*ret_found) {
		read_row(st, &row);
		fn(&row, arg);
	}
	return sql_end(st, pr);
}

bool
renewal_each_live(struct sql *db, int64_t now, int64_t after, int64_t limit, renewal_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = SELECT " where cert_id>$2 and not_after>$1 order by cert_id limit $3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, now);
	sql_bind_int(st, 2, after);
	sql_bind_int(st, 3, limit);
	return each(st, fn, arg, pr);
}

bool
renewal_each_changed(struct sql *db, struct renewal_mark after, int64_t limit, renewal_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = SELECT " where (changed_at, cert_id)>($1, $2) order by changed_at, cert_id limit $3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, after.at);
	sql_bind_int(st, 2, after.id);
	sql_bind_int(st, 3, limit);
	return each(st, fn, arg, pr);
}

/* $1 to $5 of those below */
static bool
each_of(struct sql_stmt *st, int64_t principal, struct renewal_mark after, int64_t until, int64_t limit, renewal_fn fn, void *arg, struct problem *pr)
{
	sql_bind_int(st, 1, principal);
	sql_bind_int(st, 2, after.at);
	sql_bind_int(st, 3, after.id);
	sql_bind_int(st, 4, until);
	sql_bind_int(st, 5, limit);
	return each(st, fn, arg, pr);
}

bool
renewal_each_changed_of(struct sql *db, int64_t principal, struct renewal_mark after, int64_t until, int64_t limit, renewal_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = SELECT " where principal=$1 and (changed_at, cert_id)>($2, $3) and changed_at<=$4"
					 " order by changed_at, cert_id limit $5";

	return each_of(sql_begin(db, SQL), principal, after, until, limit, fn, arg, pr);
}

bool
renewal_each_ended_of(struct sql *db, int64_t principal, struct renewal_mark after, int64_t until, int64_t limit, renewal_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = SELECT " where principal=$1 and (not_after, cert_id)>($2, $3) and not_after<=$4"
					 " order by not_after, cert_id limit $5";

	return each_of(sql_begin(db, SQL), principal, after, until, limit, fn, arg, pr);
}
