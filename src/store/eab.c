/* eab.c - see eab.h. */
#include "store/eab.h"

#include "base/clock.h"

#define COLUMNS                                                                                    \
	"id, kid, sealed, state, note, profiles, uses, uses_max, accounts_max, expires,"           \
	" keep_accounts, created_at, used_at, changed_at, tenant, cost_centre, names, networks, root_id"
#define SEALED_MAX 8192

static const char *const state_names[] = { [EAB_ACTIVE] = "active", [EAB_SUSPENDED] = "suspended", [EAB_REVOKED] = "revoked" };

const char *
eab_state_name(enum eab_state state)
{
	return state_names[state];
}

void
eab_key_done(struct eab_key *k)
{
	buf_done(&k->sealed);
}

const char *
eab_key_status(const struct eab_key *k, int64_t now)
{
	if (k->state != EAB_ACTIVE)
		return state_names[k->state];
	if (k->expires && k->expires <= now)
		return "expired";
	return k->uses_max && k->uses >= k->uses_max ? "used-up" : "active";
}

static void
read_row(struct sql_stmt *st, struct eab_key *k)
{
	k->id = sql_int(st, 0);
	sql_copy(st, 1, k->kid, sizeof(k->kid));
	k->sealed = BUF_MAX(SEALED_MAX);
	buf_addspan(&k->sealed, sql_blob(st, 2));
	k->state = (enum eab_state)sql_int(st, 3);
	sql_copy(st, 4, k->note, sizeof(k->note));
	sql_copy(st, 5, k->profiles, sizeof(k->profiles));
	k->uses = sql_int(st, 6);
	k->uses_max = sql_int(st, 7);
	k->accounts_max = sql_int(st, 8);
	k->expires = sql_int(st, 9);
	k->keep_accounts = sql_int(st, 10) != 0;
	k->created_at = sql_int(st, 11);
	k->used_at = sql_int(st, 12);
	k->changed_at = sql_int(st, 13);
	sql_copy(st, 14, k->tenant, sizeof(k->tenant));
	sql_copy(st, 15, k->cost_centre, sizeof(k->cost_centre));
	sql_copy(st, 16, k->names, sizeof(k->names));
	sql_copy(st, 17, k->networks, sizeof(k->networks));
	k->root_id = sql_int(st, 18);
}

static bool
one(struct sql_stmt *st, struct eab_key *ret, bool *ret_found, struct problem *pr)
{
	struct eab_key k = { 0 };
	bool found = sql_step(st);

	if (found)
		read_row(st, &k);
	if (!sql_end(st, pr)) {
		eab_key_done(&k);
		return false;
	}
	*ret_found = found;
	if (found)
		*ret = k;
	return true;
}

bool
eab_by_kid(struct sql *db, struct span kid, struct eab_key *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from eab_key where kid=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_text(st, 1, kid);
	return one(st, ret, ret_found, pr);
}

bool
eab_by_id(struct sql *db, int64_t id, struct eab_key *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from eab_key where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return one(st, ret, ret_found, pr);
}

bool
eab_insert(struct sql *db, struct eab_key *k, struct problem *pr)
{
	static const char SQL[] =
		"insert into eab_key (kid, sealed, state, note, profiles, uses, uses_max, accounts_max, expires,"
		" keep_accounts, created_at, changed_at, tenant, cost_centre, names, networks, root_id)"
		" values ($1, $2, $3, $4, $5, 0, $6, $7, $8, $9, $10, $10, $11, $12, $13, $14, nullif($15, 0)) returning id";
	struct sql_stmt *st = sql_begin(db, SQL);

	k->created_at = k->changed_at = clock_unix_s();
	sql_bind_str(st, 1, k->kid);
	sql_bind_blob(st, 2, buf_span(&k->sealed));
	sql_bind_int(st, 3, k->state);
	sql_bind_str(st, 4, k->note);
	sql_bind_str(st, 5, k->profiles);
	sql_bind_int(st, 6, k->uses_max);
	sql_bind_int(st, 7, k->accounts_max);
	if (k->expires)
		sql_bind_int(st, 8, k->expires);
	else
		sql_bind_null(st, 8);
	sql_bind_int(st, 9, k->keep_accounts);
	sql_bind_int(st, 10, k->created_at);
	sql_bind_str(st, 11, k->tenant[0] ? k->tenant : TENANT_DEFAULT);
	sql_bind_str(st, 12, k->cost_centre);
	sql_bind_str(st, 13, k->names);
	sql_bind_str(st, 14, k->networks);
	sql_bind_int(st, 15, k->root_id);
	if (sql_step(st))
		k->id = sql_int(st, 0);
	return sql_end(st, pr);
}

bool
eab_move(struct sql *db, int64_t id, enum eab_state from, enum eab_state to, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] = "update eab_key set state=$3, changed_at=$4 where id=$1 and state=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, from);
	sql_bind_int(st, 3, to);
	sql_bind_int(st, 4, clock_unix_s());
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
eab_set_expires(struct sql *db, int64_t id, int64_t expires, struct problem *pr)
{
	static const char SQL[] = "update eab_key set expires=$2, changed_at=$3 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, expires);
	sql_bind_int(st, 3, clock_unix_s());
	sql_step(st);
	return sql_end(st, pr);
}

bool
eab_use(struct sql *db, int64_t id, int64_t now, bool *ret_used, struct problem *pr)
{
	static const char SQL[] =
		"update eab_key set uses=uses+1, used_at=$2 where id=$1 and state=0"
		" and (expires is null or expires>$2) and (uses_max=0 or uses<uses_max)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, now);
	sql_step(st);
	*ret_used = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
eab_count_accounts(struct sql *db, int64_t id, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] =
		"select count(*) from (select 1 from account where eab_id=$1 and eab_id is not null and state=0 limit $2) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
eab_list_has(const char *list, const char *name)
{
	struct span rest = span_str(list), word;

	while (rest.n && span_cut(&rest, ' ', &word)) {
		if (span_is(word, name))
			return true;
	}
	return false;
}

bool
eab_list(struct sql *db, const char *tenant, int64_t before, int64_t limit, eab_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from eab_key where id<$1 order by id desc limit $2";
	static const char SQL_TENANT[] = "select " COLUMNS " from eab_key where tenant=$3 and id<$1 order by id desc limit $2";
	struct sql_stmt *st = sql_begin(db, tenant ? SQL_TENANT : SQL);

	sql_bind_int(st, 1, before > 0 ? before : INT64_MAX);
	sql_bind_int(st, 2, limit);
	if (tenant)
		sql_bind_str(st, 3, tenant);
	while (sql_step(st)) {
		struct eab_key k = { 0 };

		read_row(st, &k);
		fn(&k, arg);
		eab_key_done(&k);
	}
	return sql_end(st, pr);
}

bool
eab_list_count(struct sql *db, const char *tenant, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*) from (select 1 from eab_key where id>0 limit $1) bounded";
	static const char SQL_TENANT[] = "select count(*) from (select 1 from eab_key where tenant=$2 limit $1) bounded";
	struct sql_stmt *st = sql_begin(db, tenant ? SQL_TENANT : SQL);

	sql_bind_int(st, 1, most);
	if (tenant)
		sql_bind_str(st, 2, tenant);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

/* ---- what became of a key ---- */

static bool
forget_old(struct sql *db, int64_t eab_id, struct problem *pr)
{
	static const char SQL[] =
		"delete from eab_event where eab_id=$1 and id<="
		"(select id from eab_event where eab_id=$1 order by id desc limit 1 offset $2)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, eab_id);
	sql_bind_int(st, 2, EAB_EVENTS_KEPT);
	sql_step(st);
	return sql_end(st, pr);
}

bool
eab_event_note(struct sql *db, int64_t eab_id, const char *what, const char *who, const char *detail, struct problem *pr)
{
	static const char SQL[] = "insert into eab_event (eab_id, at, what, who, detail) values ($1, $2, $3, $4, $5)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, eab_id);
	sql_bind_int(st, 2, clock_unix_s());
	sql_bind_str(st, 3, what);
	sql_bind_str(st, 4, who);
	sql_bind_str(st, 5, detail);
	sql_step(st);
	return sql_end(st, pr) && forget_old(db, eab_id, pr);
}

bool
eab_events(struct sql *db, int64_t eab_id, eab_event_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select at, what, who, detail from eab_event where eab_id=$1 order by id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, eab_id);
	while (sql_step(st)) {
		struct eab_event e = { .at = sql_int(st, 0) };

		sql_copy(st, 1, e.what, sizeof(e.what));
		sql_copy(st, 2, e.who, sizeof(e.who));
		sql_copy(st, 3, e.detail, sizeof(e.detail));
		fn(&e, arg);
	}
	return sql_end(st, pr);
}
