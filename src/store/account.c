/* account.c - see account.h. */
#include "store/account.h"

#include <stdlib.h>

#include "base/clock.h"

#define COLUMNS                                                                                    \
	"id, ref, thumbprint, state, terms, created_at, jwk, contact, eab_id, eab, terms_url, tenant," \
	" (select coalesce(e.root_id, e.id) from eab_key e where e.id=account.eab_id)"

static void
read_row(struct sql_stmt *st, struct account *a)
{
	a->id = sql_int(st, 0);
	sql_copy(st, 1, a->ref, sizeof(a->ref));
	sql_copy(st, 2, a->thumbprint, sizeof(a->thumbprint));
	a->state = (enum account_state)sql_int(st, 3);
	a->terms = sql_int(st, 4) != 0;
	a->created_at = sql_int(st, 5);
	a->jwk = span_dup(sql_text(st, 6));
	a->contact = span_dup(sql_text(st, 7));
	a->eab_id = sql_int(st, 8);
	a->eab = sql_is_null(st, 9) ? NULL : span_dup(sql_text(st, 9));
	a->terms_url = sql_is_null(st, 10) ? NULL : span_dup(sql_text(st, 10));
	sql_copy(st, 11, a->tenant, sizeof(a->tenant));
	a->eab_root = sql_int(st, 12);
}

void
account_done(struct account *a)
{
	free(a->jwk);
	free(a->contact);
	free(a->eab);
	free(a->terms_url);
	a->jwk = a->contact = a->eab = a->terms_url = NULL;
}

int64_t
account_principal(const struct account *a)
{
	return a->eab_id ? -a->eab_root : a->id;
}

static bool
one(struct sql_stmt *st, struct account *ret, bool *ret_found, struct problem *pr)
{
	struct account a = { 0 };
	bool found = sql_step(st);

	if (found)
		read_row(st, &a);
	if (!sql_end(st, pr)) {
		account_done(&a);
		return false;
	}
	*ret_found = found;
	if (found)
		*ret = a;
	return true;
}

bool
account_by_ref(struct sql *db, struct span ref, struct account *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from account where ref=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_text(st, 1, ref);
	return one(st, ret, ret_found, pr);
}

bool
account_by_id(struct sql *db, int64_t id, struct account *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from account where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return one(st, ret, ret_found, pr);
}

bool
account_by_thumbprint(struct sql *db, const char *thumbprint, struct account *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from account where thumbprint=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, thumbprint);
	return one(st, ret, ret_found, pr);
}

bool
account_check(struct sql *db, struct span ref, struct account *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] =
		"select a.id, a.thumbprint, a.state, a.eab_id, a.used_at,"
		" case when e.state>0 and e.keep_accounts=0 then 1 else 0 end, a.tenant, coalesce(e.root_id, a.eab_id)"
		" from account a left join eab_key e on e.id=a.eab_id where a.ref=$1";
	struct sql_stmt *st = sql_begin(db, SQL);
	struct account a = { 0 };
	bool found;

	sql_bind_text(st, 1, ref);
	found = sql_step(st);
	if (found) {
		a.id = sql_int(st, 0);
		sql_copy(st, 1, a.thumbprint, sizeof(a.thumbprint));
		a.state = (enum account_state)sql_int(st, 2);
		a.eab_id = sql_int(st, 3);
		a.used_at = sql_int(st, 4);
		a.eab_stopped = sql_int(st, 5) != 0;
		sql_copy(st, 6, a.tenant, sizeof(a.tenant));
		a.eab_root = sql_int(st, 7);
		span_copy(ref, a.ref, sizeof(a.ref));
	}
	if (!sql_end(st, pr))
		return false;
	*ret_found = found;
	if (found)
		*ret = a;
	return true;
}

bool
account_insert(struct sql *db, struct account *a, struct problem *pr)
{
	static const char SQL[] =
		"insert into account (ref, thumbprint, jwk, state, contact, terms, created_at, used_at,"
		" eab_id, eab, terms_url, tenant) values ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10, $11) returning id";
	struct sql_stmt *st = sql_begin(db, SQL);

	rand_ref(a->ref);
	a->created_at = clock_unix_s();
	sql_bind_str(st, 1, a->ref);
	sql_bind_str(st, 2, a->thumbprint);
	sql_bind_str(st, 3, a->jwk);
	sql_bind_int(st, 4, a->state);
	sql_bind_str(st, 5, a->contact);
	sql_bind_int(st, 6, a->terms);
	sql_bind_int(st, 7, a->created_at);
	if (a->eab_id)
		sql_bind_int(st, 8, a->eab_id);
	else
		sql_bind_null(st, 8);
	sql_bind_str(st, 9, a->eab);
	sql_bind_str(st, 10, a->terms_url);
	sql_bind_str(st, 11, a->tenant[0] ? a->tenant : TENANT_DEFAULT);
	if (sql_step(st))
		a->id = sql_int(st, 0);
	return sql_end(st, pr);
}

bool
account_set_contact(struct sql *db, int64_t id, const char *contact_json, struct problem *pr)
{
	static const char SQL[] = "update account set contact=$2 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, contact_json);
	sql_step(st);
	return sql_end(st, pr);
}

bool
account_set_terms(struct sql *db, int64_t id, const char *url, struct problem *pr)
{
	static const char SQL[] = "update account set terms=1, terms_url=$2 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, url);
	sql_step(st);
	return sql_end(st, pr);
}

bool
account_has_terms(struct sql *db, int64_t id, const char *url, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select 1 from account where id=$1 and terms_url=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, url);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
account_move(struct sql *db, int64_t id, enum account_state from, enum account_state to, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] = "update account set state=$3 where id=$1 and state=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, from);
	sql_bind_int(st, 3, to);
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
account_set_key(struct sql *db, int64_t id, const char *old_thumbprint, const char *thumbprint, const char *jwk, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] = "update account set thumbprint=$3, jwk=$4 where id=$1 and thumbprint=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, old_thumbprint);
	sql_bind_str(st, 3, thumbprint);
	sql_bind_str(st, 4, jwk);
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
account_rebind(struct sql *db, int64_t from_eab, int64_t to_eab, struct problem *pr)
{
	static const char SQL[] = "update account set eab_id=$2 where eab_id=$1 and eab_id is not null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, from_eab);
	sql_bind_int(st, 2, to_eab);
	sql_step(st);
	return sql_end(st, pr);
}

bool
account_touch(struct sql *db, const struct account *a, int64_t now, struct problem *pr)
{
	static const char SQL[] = "update account set used_at=$2 where id=$1";
	struct sql_stmt *st;

	if (a->used_at >= now - 86400)
		return true;
	st = sql_begin(db, SQL);
	sql_bind_int(st, 1, a->id);
	sql_bind_int(st, 2, now);
	sql_step(st);
	return sql_end(st, pr);
}

bool
account_has_key(struct sql *db, const char *thumbprint, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select 1 from account where thumbprint=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, thumbprint);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
account_list(struct sql *db, const char *tenant, int64_t before, int64_t limit, account_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from account where id<$1 order by id desc limit $2";
	static const char SQL_TENANT[] = "select " COLUMNS " from account where tenant=$3 and id<$1 order by id desc limit $2";
	struct sql_stmt *st = sql_begin(db, tenant ? SQL_TENANT : SQL);

	sql_bind_int(st, 1, before > 0 ? before : INT64_MAX);
	sql_bind_int(st, 2, limit);
	if (tenant)
		sql_bind_str(st, 3, tenant);
	while (sql_step(st)) {
		struct account a = { 0 };

		read_row(st, &a);
		fn(&a, arg);
		account_done(&a);
	}
	return sql_end(st, pr);
}

bool
account_list_count(struct sql *db, const char *tenant, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*) from (select 1 from account where id>0 limit $1) bounded";
	static const char SQL_TENANT[] = "select count(*) from (select 1 from account where tenant=$2 limit $1) bounded";
	struct sql_stmt *st = sql_begin(db, tenant ? SQL_TENANT : SQL);

	sql_bind_int(st, 1, most);
	if (tenant)
		sql_bind_str(st, 2, tenant);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}
