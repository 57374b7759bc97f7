/* evidence.c - see evidence.h. */
#include "store/evidence.h"

#include <stdlib.h>

#include "store/authz.h"

void
evidence_done(struct evidence *e)
{
	free(e->facts);
	*e = (struct evidence){ 0 };
}

bool
evidence_insert(struct sql *db, const struct evidence *e, struct span statement, struct problem *pr)
{
	static const char SQL[] =
		"insert into evidence (authz_id, at, key_hash, facts, address, statement) values ($1, $2, $3, $4, $5, $6)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, e->authz_id);
	sql_bind_int(st, 2, e->at);
	sql_bind_str(st, 3, e->key_hash);
	sql_bind_str(st, 4, e->facts);
	sql_bind_str(st, 5, e->address);
	if (statement.p)
		sql_bind_blob(st, 6, statement);
	else
		sql_bind_null(st, 6);
	sql_step(st);
	return sql_end(st, pr);
}

bool
evidence_of_authz(struct sql *db, int64_t authz_id, struct evidence *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] =
		"select at, key_hash, facts, case when statement is null then 0 else 1 end, address from evidence where authz_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);
	struct evidence e = { .authz_id = authz_id };
	bool found;

	sql_bind_int(st, 1, authz_id);
	found = sql_step(st);
	if (found) {
		e.at = sql_int(st, 0);
		sql_copy(st, 1, e.key_hash, sizeof(e.key_hash));
		e.facts = span_dup(sql_text(st, 2));
		e.has_statement = sql_int(st, 3) != 0;
		sql_copy(st, 4, e.address, sizeof(e.address));
	}
	if (!sql_end(st, pr)) {
		evidence_done(&e);
		return false;
	}
	*ret_found = found;
	if (found)
		*ret = e;
	return true;
}

static bool
each_of_authz(struct sql *db, int64_t authz_id, evidence_fn fn, void *arg, struct problem *pr)
{
	struct evidence e;
	bool found, good;

	if (!evidence_of_authz(db, authz_id, &e, &found, pr))
		return false;
	if (!found)
		return true;
	good = fn(db, &e, arg, pr);
	evidence_done(&e);
	return good;
}

bool
evidence_each_of_order(struct sql *db, int64_t order_id, evidence_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select e.authz_id from order_authz oa join evidence e on e.authz_id=oa.authz_id where oa.order_id=$1 order by 1";
	struct sql_stmt *st = sql_begin(db, SQL);
	AUTO_FREE int64_t *ids = NULL;
	size_t count = 0;

	sql_bind_int(st, 1, order_id);
	while (sql_step(st)) {
		ids = xrealloc(ids, (count + 1) * sizeof(*ids));
		ids[count++] = sql_int(st, 0);
	}
	if (!sql_end(st, pr))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!each_of_authz(db, ids[i], fn, arg, pr))
			return false;
	}
	return true;
}

bool
evidence_statement(struct sql *db, int64_t authz_id, struct buf *ret, struct problem *pr)
{
	static const char SQL[] = "select statement from evidence where authz_id=$1 and statement is not null";
	struct sql_stmt *st = sql_begin(db, SQL);

	buf_clear(ret);
	sql_bind_int(st, 1, authz_id);
	if (sql_step(st))
		buf_addspan(ret, sql_blob(st, 0));
	return sql_end(st, pr);
}

bool
evidence_has_key(struct sql *db, int64_t order_id, const char *key_hash, bool *ret, struct problem *pr)
{
	/* one without evidence would be a fault of ours, and counts as another key */
	static const char SQL[] =
		"select count(*) from order_authz oa join challenge c on c.authz_id=oa.authz_id and c.kind=$3 and c.state=$4"
		" left join evidence e on e.authz_id=oa.authz_id"
		" where oa.order_id=$1 and (e.key_hash is null or e.key_hash<>$2)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_bind_str(st, 2, key_hash);
	sql_bind_int(st, 3, CHALLENGE_DEVICE_ATTEST_01);
	sql_bind_int(st, 4, CHALL_VALID);
	*ret = sql_step(st) && sql_int(st, 0) == 0;
	return sql_end(st, pr);
}
