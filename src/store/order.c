/* order.c - see order.h. */
#include "store/order.h"

#include <stdlib.h>

#include "base/clock.h"

#define COLUMNS                                                                                    \
	"o.id, o.account_id, o.ref, o.profile, o.upstream, o.state, o.expires, o.created_at,"      \
	" o.finalized_at, o.not_before, o.not_after, o.cert_id, o.joined_to, o.key_hash, c.ref,"   \
	" o.idents, o.error, o.replaces, o.principal, o.mapped, o.tenant"
#define FROM " from orders o left join cert c on c.id = o.cert_id"

static char *
dup_or_null(struct span s)
{
	return s.p ? span_dup(s) : NULL;
}

static bool
read_row(struct sql_stmt *st, struct order *o)
{
	o->id = sql_int(st, 0);
	o->account_id = sql_int(st, 1);
	sql_copy(st, 2, o->ref, sizeof(o->ref));
	sql_copy(st, 3, o->profile, sizeof(o->profile));
	sql_copy(st, 4, o->upstream, sizeof(o->upstream));
	o->state = (enum order_state)sql_int(st, 5);
	o->expires = sql_int(st, 6);
	o->created_at = sql_int(st, 7);
	o->finalized_at = sql_int(st, 8);
	o->not_before = sql_int(st, 9);
	o->not_after = sql_int(st, 10);
	o->cert_id = sql_int(st, 11);
	o->joined_to = sql_int(st, 12);
	sql_copy(st, 13, o->key_hash, sizeof(o->key_hash));
	sql_copy(st, 14, o->cert_ref, sizeof(o->cert_ref));
	o->error = dup_or_null(sql_text(st, 16));
	o->replaces = dup_or_null(sql_text(st, 17));
	o->principal = sql_int(st, 18);
	sql_copy(st, 20, o->tenant, sizeof(o->tenant));
	return idents_read(sql_text(st, 15), &o->idents) && idents_read(sql_text(st, 19), &o->mapped);
}

void
order_done(struct order *o)
{
	idents_done(&o->idents);
	idents_done(&o->mapped);
	free(o->error);
	free(o->replaces);
	o->error = o->replaces = NULL;
}

void
order_names(const struct order *o, struct idents *ret)
{
	*ret = (struct idents){ 0 };
	for (size_t i = 0; i < o->idents.count; i++)
		idents_add(ret, &o->idents.list[i]);
	for (size_t i = 0; i < o->mapped.count; i++)
		idents_add(ret, &o->mapped.list[i]);
}

static void
names_key(const struct order *o, char ret[IDENTS_KEY_TEXT])
{
	struct idents names;

	order_names(o, &names);
	idents_key(&names, ret);
	idents_done(&names);
}

static bool
one(struct sql_stmt *st, struct order *ret, bool *ret_found, struct problem *pr)
{
	struct order o = { 0 };
	bool good = true, found = sql_step(st);

	if (found)
		good = read_row(st, &o);
	if (!sql_end(st, pr) || !good) {
		order_done(&o);
		return good ? false : problem_internal(pr, "order with unreadable identifiers");
	}
	*ret_found = found;
	if (found)
		*ret = o;
	return true;
}

bool
order_by_ref(struct sql *db, struct span ref, int64_t account_id, struct order *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS FROM " where o.ref=$1 and ($2=0 or o.account_id=$2)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_text(st, 1, ref);
	sql_bind_int(st, 2, account_id);
	return one(st, ret, ret_found, pr);
}

bool
order_by_id(struct sql *db, int64_t id, struct order *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS FROM " where o.id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return one(st, ret, ret_found, pr);
}

static void
bind_time_or_null(struct sql_stmt *st, int n, int64_t v)
{
	if (v)
		sql_bind_int(st, n, v);
	else
		sql_bind_null(st, n);
}

bool
order_insert(struct sql *db, struct order *o, struct problem *pr)
{
	static const char SQL[] =
		"insert into orders (ref, account_id, profile, state, idents, idents_key, expires,"
		" not_before, not_after, replaces, upstream, created_at, principal, mapped, tenant)"
		" values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) returning id";
	struct sql_stmt *st = sql_begin(db, SQL);
	AUTO_BUF idents = BUF_MAX(IDENTS_TEXT_MAX), mapped = BUF_MAX(IDENTS_TEXT_MAX);
	char key[IDENTS_KEY_TEXT];

	rand_ref(o->ref);
	o->created_at = clock_unix_s();
	idents_write(&o->idents, &idents);
	idents_write(&o->mapped, &mapped);
	names_key(o, key);
	sql_bind_str(st, 1, o->ref);
	sql_bind_int(st, 2, o->account_id);
	sql_bind_str(st, 3, o->profile);
	sql_bind_int(st, 4, o->state);
	sql_bind_text(st, 5, buf_span(&idents));
	sql_bind_str(st, 6, key);
	sql_bind_int(st, 7, o->expires);
	bind_time_or_null(st, 8, o->not_before);
	bind_time_or_null(st, 9, o->not_after);
	sql_bind_str(st, 10, o->replaces);
	sql_bind_str(st, 11, o->upstream);
	sql_bind_int(st, 12, o->created_at);
	sql_bind_int(st, 13, o->principal ? o->principal : o->account_id);
	sql_bind_text(st, 14, span_of(mapped.n ? mapped.p : "", mapped.n));
	sql_bind_str(st, 15, o->tenant[0] ? o->tenant : TENANT_DEFAULT);
	if (sql_step(st))
		o->id = sql_int(st, 0);
	return sql_end(st, pr);
}

bool
order_move(struct sql *db, int64_t id, enum order_state from, enum order_state to, const char *error, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] =
		"update orders set state=$3, error=coalesce($4, error) where id=$1 and state=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, from);
	sql_bind_int(st, 3, to);
	sql_bind_str(st, 4, error);
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
order_set_csr(struct sql *db, int64_t id, struct span csr, const char *key_hash, int64_t joined_to, int64_t finalized_at, int64_t expires, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] =
		"update orders set state=$2, csr=$3, key_hash=$4, joined_to=$5, finalized_at=$6,"
		" expires=$7 where id=$1 and state=$8";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, ORDER_PROCESSING);
	sql_bind_blob(st, 3, csr);
	sql_bind_str(st, 4, key_hash);
	bind_time_or_null(st, 5, joined_to);
	sql_bind_int(st, 6, finalized_at);
	sql_bind_int(st, 7, expires);
	sql_bind_int(st, 8, ORDER_READY);
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
order_csr(struct sql *db, int64_t id, struct buf *ret_csr, struct problem *pr)
{
	static const char SQL[] = "select csr from orders where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	buf_clear(ret_csr);
	sql_bind_int(st, 1, id);
	if (sql_step(st))
		buf_addspan(ret_csr, sql_blob(st, 0));
	return sql_end(st, pr);
}

bool
order_set_expiry(struct sql *db, int64_t id, int64_t expires, struct problem *pr)
{
	static const char SQL[] = "update orders set expires=$2 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, expires);
	sql_step(st);
	return sql_end(st, pr);
}

bool
order_set_cert(struct sql *db, int64_t id, int64_t cert_id, struct problem *pr)
{
	static const char SQL[] = "update orders set cert_id=$2 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, cert_id);
	sql_step(st);
	return sql_end(st, pr);
}

bool
order_find_same(struct sql *db, const struct order *like, int64_t now, struct order *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS FROM
		" where o.account_id=$1 and o.idents_key=$2 and o.state<=1 and o.profile=$3"
		" and coalesce(o.replaces,'')=$4 and coalesce(o.not_before,0)=$5"
		" and coalesce(o.not_after,0)=$6 and o.created_at+o.expires>=2*$7 order by o.id desc limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);
	char key[IDENTS_KEY_TEXT];

	names_key(like, key);
	sql_bind_int(st, 1, like->account_id);
	sql_bind_str(st, 2, key);
	sql_bind_str(st, 3, like->profile);
	sql_bind_str(st, 4, like->replaces ? like->replaces : "");
	sql_bind_int(st, 5, like->not_before);
	sql_bind_int(st, 6, like->not_after);
	sql_bind_int(st, 7, now);
	if (!one(st, ret, ret_found, pr))
		return false;
	/* one that lists a device's names is another than one that leaves them to us */
	if (*ret_found && !idents_same(&ret->idents, &like->idents)) {
		order_done(ret);
		*ret_found = false;
	}
	return true;
}

bool
order_find_replacing(struct sql *db, const char *certid, const char *bare, int64_t now, struct order *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS FROM
		" where o.replaces in ($1, $2) and o.replaces is not null and o.state<>4"
		" and (o.state>=2 or o.expires>=$3) order by o.id limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, certid);
	sql_bind_str(st, 2, bare);
	sql_bind_int(st, 3, now);
	return one(st, ret, ret_found, pr);
}

bool
order_find_working(struct sql *db, int64_t principal, const char *key_hash, const char *idents_key, const char *profile, const char *upstream, int64_t *ret_id, struct problem *pr)
{
	static const char SQL[] =
		"select id from orders where principal=$1 and key_hash=$2 and state=2 and idents_key=$3"
		" and profile=$4 and upstream=$5 and joined_to is null and replaces is null order by id limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, principal);
	sql_bind_str(st, 2, key_hash);
	sql_bind_str(st, 3, idents_key);
	sql_bind_str(st, 4, profile);
	sql_bind_str(st, 5, upstream);
	*ret_id = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

/* Ids are read first: the callback may change the rows the statement walks. */
static bool
each_id(struct sql *db, struct sql_stmt *st, order_id_fn fn, void *arg, struct problem *pr)
{
	AUTO_FREE int64_t *ids = NULL;
	size_t count = 0;

	while (sql_step(st)) {
		if ((count & (count - 1)) == 0)
			ids = xrealloc(ids, (count ? count * 2 : 1) * sizeof(*ids));
		ids[count++] = sql_int(st, 0);
	}
	if (!sql_end(st, pr))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!fn(db, ids[i], arg, pr))
			return false;
	}
	return true;
}

bool
order_each_joined(struct sql *db, int64_t id, order_id_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select id from orders where joined_to=$1 and state=2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return each_id(db, st, fn, arg, pr);
}

bool
order_is_awaited(struct sql *db, int64_t id, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select 1 from orders where id=$1 and state in (1, 2) and joined_to is null union all"
				  " select 1 from orders where joined_to=$1 and state=2 limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
order_each_expired(struct sql *db, int64_t now, int64_t limit, order_id_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select id from orders where state<=2 and expires<$1 order by expires limit $2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, now);
	sql_bind_int(st, 2, limit);
	return each_id(db, st, fn, arg, pr);
}

bool
order_each_with_authz(struct sql *db, int64_t authz_id, order_id_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select o.id from order_authz oa join orders o on o.id = oa.order_id"
		" where oa.authz_id=$1 and o.state<=1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, authz_id);
	return each_id(db, st, fn, arg, pr);
}

bool
order_each_working_of_device(struct sql *db, int64_t device_id, order_id_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select distinct o.id from device_authz d join order_authz a on a.authz_id=d.authz_id join orders o on o.id=a.order_id"
		" where d.device_id=$1 and (o.state=2 or (o.state=1 and exists (select 1 from upstream_order u where u.order_id=o.id)))";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, device_id);
	return each_id(db, st, fn, arg, pr);
}

bool
order_each_open_of(struct sql *db, int64_t account_id, order_id_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select id from orders where account_id=$1 and state<=2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, account_id);
	return each_id(db, st, fn, arg, pr);
}

bool
order_refs(struct sql *db, int64_t account_id, int64_t now, int64_t before, int64_t limit, order_ref_fn fn, void *arg, struct problem *pr)
{
	/* pending, ready and processing while they live; valid until the certificate expires (O11) */
	static const char SQL[] =
		"select o.ref, o.id from orders o left join cert c on c.id = o.cert_id"
		" where o.account_id=$1 and o.id<$2"
		" and ((o.state<=2 and o.expires>=$3) or (o.state=3 and c.not_after>=$3))"
		" order by o.id desc limit $4";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, account_id);
	sql_bind_int(st, 2, before > 0 ? before : INT64_MAX);
	sql_bind_int(st, 3, now);
	sql_bind_int(st, 4, limit);
	while (sql_step(st)) {
		char ref[REF_TEXT];

		sql_copy(st, 0, ref, sizeof(ref));
		fn(ref, sql_int(st, 1), arg);
	}
	return sql_end(st, pr);
}

/* A text for each way to ask, so that each has an index: of an account or tenant all its orders are walked, of an unfinished or failed
 * state only those in it (the partial indexes need the number in the text); valid ones are most of the table, which is walked
 * from its end. */
#define LIST "select " COLUMNS ", a.ref" FROM " left join account a on a.id = o.account_id where o.id<$1"
#define COUNT "select count(*) from (select 1 from orders o where o.id<$1"
#define OF_ACCOUNT " and o.account_id=$3 and ($4<0 or o.state=$4)"
#define OF_TENANT " and o.tenant=$3 and ($4<0 or o.state=$4)"
#define OF_OPEN " and o.state<=2 and o.state=$3"
#define OF_VALID " and o.state=3"
#define OF_FAILED " and o.state=4"
#define LIST_END " order by o.id desc limit $2"
#define COUNT_END " limit $2) bounded"

static struct sql_stmt *
begin_list(struct sql *db, const struct order_query *q)
{
	static const char SQL_ACCOUNT[] = LIST OF_ACCOUNT LIST_END;
	static const char SQL_TENANT[] = LIST OF_TENANT LIST_END;
	static const char SQL_OPEN[] = LIST OF_OPEN LIST_END;
	static const char SQL_VALID[] = LIST OF_VALID LIST_END;
	static const char SQL_FAILED[] = LIST OF_FAILED LIST_END;
	static const char SQL_ALL[] = LIST LIST_END;

	if (q->account_id)
		return sql_begin(db, SQL_ACCOUNT);
	if (q->tenant)
		return sql_begin(db, SQL_TENANT);
	if (q->state < 0)
		return sql_begin(db, SQL_ALL);
	return sql_begin(db, q->state == ORDER_VALID ? SQL_VALID : q->state == ORDER_INVALID ? SQL_FAILED : SQL_OPEN);
}

static struct sql_stmt *
begin_count(struct sql *db, const struct order_query *q)
{
	static const char SQL_ACCOUNT[] = COUNT OF_ACCOUNT COUNT_END;
	static const char SQL_TENANT[] = COUNT OF_TENANT COUNT_END;
	static const char SQL_OPEN[] = COUNT OF_OPEN COUNT_END;
	static const char SQL_VALID[] = COUNT OF_VALID COUNT_END;
	static const char SQL_FAILED[] = COUNT OF_FAILED COUNT_END;
	static const char SQL_ALL[] = COUNT COUNT_END;

	if (q->account_id)
		return sql_begin(db, SQL_ACCOUNT);
	if (q->tenant)
		return sql_begin(db, SQL_TENANT);
	if (q->state < 0)
		return sql_begin(db, SQL_ALL);
	return sql_begin(db, q->state == ORDER_VALID ? SQL_VALID : q->state == ORDER_INVALID ? SQL_FAILED : SQL_OPEN);
}

static void
bind_query(struct sql_stmt *st, const struct order_query *q, int64_t before, int64_t limit)
{
	sql_bind_int(st, 1, before > 0 ? before : INT64_MAX);
	sql_bind_int(st, 2, limit);
	if (q->account_id || q->tenant) {
		if (q->account_id)
			sql_bind_int(st, 3, q->account_id);
		else
			sql_bind_str(st, 3, q->tenant);
		sql_bind_int(st, 4, q->state);
	} else if (q->state >= 0 && q->state != ORDER_VALID && q->state != ORDER_INVALID) {
		sql_bind_int(st, 3, q->state);
	}
}

bool
order_list(struct sql *db, const struct order_query *q, order_each_fn fn, void *arg, struct problem *pr)
{
	struct sql_stmt *st = begin_list(db, q);

	bind_query(st, q, q->before, q->limit);
	while (sql_step(st)) {
		struct order o = { 0 };
		char account_ref[REF_TEXT];

		sql_copy(st, 21, account_ref, sizeof(account_ref));
		if (read_row(st, &o))
			fn(&o, account_ref, arg);
		order_done(&o);
	}
	return sql_end(st, pr);
}

bool
order_list_count(struct sql *db, const struct order_query *q, int64_t most, int64_t *ret, struct problem *pr)
{
	struct sql_stmt *st = begin_count(db, q);

	bind_query(st, q, 0, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
order_counts(struct sql *db, int64_t counts[ORDER__COUNT], struct problem *pr)
{
	static const char SQL[] = "select state, count(*) from orders where state<=2 group by state";
	struct sql_stmt *st = sql_begin(db, SQL);

	memset(counts, 0, sizeof(counts[0]) * ORDER__COUNT);
	while (sql_step(st)) {
		int64_t state = sql_int(st, 0);

		if (state >= 0 && state < ORDER__COUNT)
			counts[state] = sql_int(st, 1);
	}
	return sql_end(st, pr);
}
