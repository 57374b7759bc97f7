/* upstream.c - see upstream.h. */
#include "store/upstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/proof_record.h"

#define COLUMNS                                                                                    \
	"id, name, sealed_key, public_key, ca_cert, account_url, directory, directory_at,"         \
	" account_epoch, account_state, wanted, contact, terms, checked_at, key_at, next_key, next_public, next_at, next_sent,"  \
	" trouble, trouble_at, eab_kid, eab_key, eab_alg, eab_at, eab_expires"
#define SEALED_MAX (64 * 1024)

void
upstream_row_done(struct upstream_row *u)
{
	buf_done(&u->sealed_key);
	buf_done(&u->ca_cert);
	buf_done(&u->life.next_key);
	buf_done(&u->life.eab_key);
	free(u->public_key);
	free(u->directory);
	free(u->life.terms);
	free(u->life.next_public);
	u->public_key = u->directory = u->life.terms = u->life.next_public = NULL;
}

static char *
dup_or_null(struct span s)
{
	return s.p ? span_dup(s) : NULL;
}

/* Columns from `at` on. */
static void
read_life(struct sql_stmt *st, int at, struct upstream_life *ret)
{
	ret->epoch = sql_int(st, at);
	if (!account_state_parse(sql_text(st, at + 1), &ret->state))
		ret->state = ACCOUNT_VALID;
	ret->wanted = (unsigned)sql_int(st, at + 2);
	ret->has_contact = sql_text(st, at + 3).p != NULL;
	sql_copy(st, at + 3, ret->contact, sizeof(ret->contact));
	ret->terms = dup_or_null(sql_text(st, at + 4));
	ret->checked_at = sql_int(st, at + 5);
	ret->key_at = sql_int(st, at + 6);
	ret->next_key = BUF_MAX(SEALED_MAX);
	buf_addspan(&ret->next_key, sql_blob(st, at + 7));
	ret->next_public = dup_or_null(sql_text(st, at + 8));
	ret->next_at = sql_int(st, at + 9);
	ret->next_sent = sql_int(st, at + 10);
	sql_copy(st, at + 11, ret->trouble, sizeof(ret->trouble));
	ret->trouble_at = sql_int(st, at + 12);
	sql_copy(st, at + 13, ret->eab_kid, sizeof(ret->eab_kid));
	ret->eab_key = BUF_MAX(SEALED_MAX);
	buf_addspan(&ret->eab_key, sql_blob(st, at + 14));
	ret->eab_alg = (int)sql_int(st, at + 15);
	ret->eab_at = sql_int(st, at + 16);
	ret->eab_expires = sql_int(st, at + 17);
}

static bool
one(struct sql_stmt *st, struct upstream_row *ret, bool *ret_found, struct problem *pr)
{
	struct upstream_row u = { .sealed_key = BUF_MAX(SEALED_MAX), .ca_cert = BUF_MAX(64 * 1024) };
	bool found = sql_step(st);

	if (found) {
		u.id = sql_int(st, 0);
		sql_copy(st, 1, u.name, sizeof(u.name));
		buf_addspan(&u.sealed_key, sql_blob(st, 2));
		u.public_key = dup_or_null(sql_text(st, 3));
		buf_addspan(&u.ca_cert, sql_blob(st, 4));
		sql_copy(st, 5, u.account_url, sizeof(u.account_url));
		u.directory = dup_or_null(sql_text(st, 6));
		u.directory_at = sql_int(st, 7);
		read_life(st, 8, &u.life);
	}
	*ret_found = false;
	if (!sql_end(st, pr)) {
		upstream_row_done(&u);
		return false;
	}
	*ret_found = found;
	if (found)
		*ret = u;
	else
		upstream_row_done(&u);
	return true;
}

bool
upstream_row_by_id(struct sql *db, int64_t id, struct upstream_row *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from upstream where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return one(st, ret, ret_found, pr);
}

bool
upstream_row_get(struct sql *db, const char *name, struct upstream_row *ret, struct problem *pr)
{
	static const char SQL_INSERT[] =
		"insert into upstream (name, created_at) values ($1, $2) on conflict do nothing";
	static const char SQL_SELECT[] = "select " COLUMNS " from upstream where name=$1";
	struct sql_stmt *st = sql_begin(db, SQL_INSERT);
	bool found;

	sql_bind_str(st, 1, name);
	sql_bind_int(st, 2, clock_unix_s());
	sql_step(st);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, SQL_SELECT);
	sql_bind_str(st, 1, name);
	if (!one(st, ret, &found, pr))
		return false;
	return found ? true : problem_internal(pr, "no row for upstream %s after insert", name);
}

bool
upstream_set_key(struct sql *db, int64_t id, struct span sealed, const char *public_key, struct span ca_cert, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] =
		"update upstream set sealed_key=$2, public_key=$3, ca_cert=$4, key_at=$5, account_epoch=account_epoch+1"
		" where id=$1 and sealed_key is null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_blob(st, 2, sealed);
	sql_bind_str(st, 3, public_key);
	sql_bind_blob(st, 4, ca_cert);
	sql_bind_int(st, 5, clock_unix_s());
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
upstream_drop_key(struct sql *db, int64_t id, struct span sealed, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] =
		"update upstream set sealed_key=null, public_key=null, directory=null, directory_at=null, account_epoch=account_epoch+1"
		" where id=$1 and sealed_key=$2 and account_url is null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_blob(st, 2, sealed);
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
upstream_set_directory(struct sql *db, const char *name, const char *directory, int64_t at, struct problem *pr)
{
	static const char SQL[] = "update upstream set directory=$2, directory_at=$3 where name=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, name);
	sql_bind_str(st, 2, directory);
	sql_bind_int(st, 3, at);
	sql_step(st);
	return sql_end(st, pr);
}

bool
upstream_order_get(struct sql *db, int64_t order_id, struct upstream_order *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] =
		"select order_id, attempt, expires, intent_at, failures, upstream, state, url, finalize_url, wait_until, wait_bucket,"
		" replaces_refused, trouble_at, pinned, refused_by, pauses, case when state=1 and queue=3 then 1 else 0 end"
		" from upstream_order where order_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	*ret_found = sql_step(st);
	if (*ret_found) {
		ret->order_id = sql_int(st, 0);
		ret->attempt = sql_int(st, 1);
		ret->expires = sql_int(st, 2);
		ret->intent_at = sql_int(st, 3);
		ret->failures = sql_int(st, 4);
		sql_copy(st, 5, ret->upstream, sizeof(ret->upstream));
		ret->state = (enum upstream_state)sql_int(st, 6);
		sql_copy(st, 7, ret->url, sizeof(ret->url));
		sql_copy(st, 8, ret->finalize_url, sizeof(ret->finalize_url));
		ret->wait_until = sql_int(st, 9);
		ret->wait_bucket = sql_int(st, 10);
		sql_copy(st, 11, ret->replaces_refused, sizeof(ret->replaces_refused));
		ret->trouble_at = sql_int(st, 12);
		ret->pinned = sql_int(st, 13) != 0;
		sql_copy(st, 14, ret->refused_by, sizeof(ret->refused_by));
		ret->pauses = sql_int(st, 15);
		ret->parked = sql_int(st, 16) != 0;
	}
	return sql_end(st, pr);
}

bool
upstream_order_insert(struct sql *db, int64_t order_id, const char *upstream, struct problem *pr)
{
	static const char SQL[] =
		"insert into upstream_order (order_id, upstream, attempt, state, failures) values ($1, $2, 1, 0, 0)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_bind_str(st, 2, upstream);
	sql_step(st);
	return sql_end(st, pr);
}

bool
upstream_order_refuse_replaces(struct sql *db, int64_t order_id, const char *upstream, struct problem *pr)
{
	static const char SQL[] = "update upstream_order set replaces_refused=$2 where order_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_bind_str(st, 2, upstream);
	sql_step(st);
	return sql_end(st, pr);
}

bool
upstream_order_ordered(struct sql *db, int64_t order_id, const char *url, const char *finalize_url, int64_t expires, struct problem *pr)
{
	static const char SQL[] =
		"update upstream_order set state=1, url=$2, finalize_url=$3, expires=$4, trouble_at=null, queue=0, pauses=0 where order_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_bind_str(st, 2, url);
	sql_bind_str(st, 3, finalize_url);
	sql_bind_int(st, 4, expires);
	sql_step(st);
	return sql_end(st, pr);
}

static bool
forget_proofs(struct sql *db, int64_t order_id, struct problem *pr)
{
	static const char SQL[] = "delete from upstream_authz where order_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_step(st);
	return sql_end(st, pr) && proof_records_unwant(db, order_id, pr);
}

bool
upstream_order_restart(struct sql *db, int64_t order_id, bool failed, bool pinned, const char *error, struct problem *pr)
{
	static const char SQL[] =
		"update upstream_order set attempt=attempt+1, state=0, url=null, finalize_url=null,"
		" intent_at=null, expires=null, failures=failures+$2, error=$3,"
		" pinned=case when $4=0 then pinned else 1 end where order_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_bind_int(st, 2, failed);
	sql_bind_str(st, 3, error);
	sql_bind_int(st, 4, pinned);
	sql_step(st);
	return sql_end(st, pr) && forget_proofs(db, order_id, pr);
}

bool
upstream_order_has_refused(const struct upstream_order *row, const char *upstream)
{
	char name[UPSTREAM_TEXT + 2];

	/* a name has no blank */
	snprintf(name, sizeof(name), " %s ", upstream);
	return strstr(row->refused_by, name) != NULL;
}

bool
upstream_order_move(struct sql *db, const struct upstream_order *row, const char *to, bool refused, const char *error, struct problem *pr)
{
	static const char SQL[] =
		"update upstream_order set upstream=$2, refused_by=$3, error=$4, attempt=attempt+1, state=0, url=null, finalize_url=null,"
		" intent_at=null, expires=null, wait_bucket=null, wait_until=null, trouble_at=null where order_id=$1";
	static const char ORDERS[] = "update orders set upstream=$2 where id=$1 or (joined_to=$1 and state=2)";
	AUTO_FREE char *more = xasprintf("%s%s ", row->refused_by[0] ? row->refused_by : " ", row->upstream);
	const char *refused_by = refused && !upstream_order_has_refused(row, row->upstream) ? more : row->refused_by;
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, row->order_id);
	sql_bind_str(st, 2, to);
	sql_bind_str(st, 3, refused_by);
	sql_bind_str(st, 4, error);
	sql_step(st);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, ORDERS);
	sql_bind_int(st, 1, row->order_id);
	sql_bind_str(st, 2, to);
	sql_step(st);
	return sql_end(st, pr) && forget_proofs(db, row->order_id, pr);
}

bool
upstream_order_trouble(struct sql *db, int64_t order_id, int64_t at, struct problem *pr)
{
	static const char SQL[] = "update upstream_order set trouble_at=nullif($2, 0) where order_id=$1 and (trouble_at is null or $2=0)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_bind_int(st, 2, at);
	sql_step(st);
	return sql_end(st, pr);
}

bool
upstream_order_delete(struct sql *db, int64_t order_id, struct problem *pr)
{
	static const char SQL[] = "delete from upstream_order where order_id=$1";
	static const char HOLDS[] = "delete from quota_hold where order_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_step(st);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, HOLDS);
	sql_bind_int(st, 1, order_id);
	sql_step(st);
	return sql_end(st, pr) && forget_proofs(db, order_id, pr);
}

bool
upstream_authz_put(struct sql *db, int64_t order_id, const struct upstream_proof *proof, struct problem *pr)
{
	static const char SQL[] =
		"insert into upstream_authz (order_id, url, challenge_url, token, key_auth, server_name, ident)"
		" values ($1, $2, $3, $4, $5, $6, $7) on conflict (order_id, url) do update set"
		" challenge_url=excluded.challenge_url, token=excluded.token, key_auth=excluded.key_auth,"
		" server_name=excluded.server_name, ident=excluded.ident";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_bind_str(st, 2, proof->url);
	sql_bind_str(st, 3, proof->challenge_url);
	sql_bind_str(st, 4, proof->token);
	sql_bind_str(st, 5, proof->key_auth);
	sql_bind_str(st, 6, proof->server_name);
	sql_bind_str(st, 7, proof->ident);
	sql_step(st);
	return sql_end(st, pr);
}

bool
upstream_server_name_taken(struct sql *db, int64_t order_id, const char *server_name, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select 1 from upstream_authz where server_name=$1 and server_name is not null and order_id<>$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, server_name);
	sql_bind_int(st, 2, order_id);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
upstream_server_names_free(struct sql *db, int64_t order_id, struct problem *pr)
{
	static const char SQL[] = "update upstream_authz set server_name=null where order_id=$1 and server_name is not null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_step(st);
	return sql_end(st, pr);
}

bool
upstream_server_name_lookup(struct sql *db, const char *server_name, struct buf *ret_ident, struct buf *ret_key_auth, bool *ret_found,
	struct problem *pr)
{
	/* the last of the order's own, if its CA has made a new authorization for the name */
	static const char SQL[] =
		"select ident, key_auth from upstream_authz where server_name=$1 and server_name is not null order by id desc limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	buf_clear(ret_ident);
	buf_clear(ret_key_auth);
	sql_bind_str(st, 1, server_name);
	*ret_found = sql_step(st);
	if (*ret_found) {
		buf_addspan(ret_ident, sql_text(st, 0));
		buf_addspan(ret_key_auth, sql_text(st, 1));
	}
	return sql_end(st, pr);
}

bool
upstream_order_url_known(struct sql *db, const char *url, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select 1 from upstream_order where url=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, url);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
upstream_token_lookup(struct sql *db, struct span token, struct buf *ret_key_auth, bool *ret_found, struct problem *pr)
{
	static const char SQL[] =
		"select key_auth from upstream_authz where token=$1 and token is not null limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	buf_clear(ret_key_auth);
	sql_bind_text(st, 1, token);
	*ret_found = sql_step(st);
	if (*ret_found)
		buf_addspan(ret_key_auth, sql_text(st, 0));
	return sql_end(st, pr);
}

bool
upstream_order_counts(struct sql *db, upstream_count_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select upstream, count(*) from upstream_order group by upstream";
	struct sql_stmt *st = sql_begin(db, SQL);

	while (sql_step(st)) {
		char name[UPSTREAM_TEXT];

		sql_copy(st, 0, name, sizeof(name));
		fn(name, sql_int(st, 1), arg);
	}
	return sql_end(st, pr);
}

bool
upstream_order_error(struct sql *db, int64_t order_id, struct buf *ret, struct problem *pr)
{
	static const char SQL[] = "select error from upstream_order where order_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	buf_clear(ret);
	sql_bind_int(st, 1, order_id);
	if (sql_step(st))
		buf_addspan(ret, sql_text(st, 0));
	return sql_end(st, pr);
}
