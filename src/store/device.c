/* device.c - see device.h. */
#include "store/device.h"

#include <stdio.h>

#include "base/clock.h"
#include "pki/device_id.h"

#define COLUMNS                                                                                    \
	"id, ref, type, scope, name, state, kind, tags, owner, cost_centre, note, reason,"         \
	" blocked_at, created_at, changed_at, first_seen, last_seen, seen, account_id, key_hash"

static const char *const state_names[] = { [DEVICE_SEEN] = "seen", [DEVICE_INVENTORIED] = "inventoried", [DEVICE_BLOCKED] = "blocked" };

const char *
device_state_name(enum device_state state)
{
	return state_names[state];
}

bool
device_state_parse(struct span name, enum device_state *ret)
{
	for (int i = 0; i < DEVICE_STATE__COUNT; i++) {
		if (span_is(name, state_names[i])) {
			*ret = (enum device_state)i;
			return true;
		}
	}
	return false;
}

bool
device_key_of(const struct ident *id, const char *kind, struct device_key *ret)
{
	struct span name, oid;

	device_id_split(span_str(id->value), &name, &oid);
	*ret = (struct device_key){ .type = id->type };
	if (oid.n)
		span_copy(oid, ret->scope, sizeof(ret->scope));
	else if (*kind)
		snprintf(ret->scope, sizeof(ret->scope), ":%s", kind);
	return ret->scope[0] && span_copy(name, ret->name, sizeof(ret->name));
}

bool
device_key_has_oid(const struct device_key *k)
{
	return k->scope[0] != ':';
}

const char *
device_key_value(const struct device_key *k, char ret[DEVICE_VALUE_TEXT])
{
	bool has_oid = device_key_has_oid(k);

	snprintf(ret, DEVICE_VALUE_TEXT, "%s%s%s", k->name, has_oid ? "/" : "", has_oid ? k->scope : "");
	return ret;
}

static void
read_row(struct sql_stmt *st, struct device *d)
{
	d->id = sql_int(st, 0);
	sql_copy(st, 1, d->ref, sizeof(d->ref));
	d->key.type = (enum ident_type)sql_int(st, 2);
	sql_copy(st, 3, d->key.scope, sizeof(d->key.scope));
	sql_copy(st, 4, d->key.name, sizeof(d->key.name));
	d->state = (enum device_state)sql_int(st, 5);
	sql_copy(st, 6, d->about.kind, sizeof(d->about.kind));
	sql_copy(st, 7, d->about.tags, sizeof(d->about.tags));
	sql_copy(st, 8, d->about.owner, sizeof(d->about.owner));
	sql_copy(st, 9, d->about.cost_centre, sizeof(d->about.cost_centre));
	sql_copy(st, 10, d->about.note, sizeof(d->about.note));
	sql_copy(st, 11, d->reason, sizeof(d->reason));
	d->blocked_at = sql_int(st, 12);
	d->created_at = sql_int(st, 13);
	d->changed_at = sql_int(st, 14);
	d->first_seen = sql_int(st, 15);
	d->last_seen = sql_int(st, 16);
	d->seen = sql_int(st, 17);
	d->account_id = sql_int(st, 18);
	sql_copy(st, 19, d->key_hash, sizeof(d->key_hash));
}

static bool
one(struct sql_stmt *st, struct device *ret, bool *ret_found, struct problem *pr)
{
	struct device d = { 0 };
	bool found = sql_step(st);

	if (found)
		read_row(st, &d);
	if (!sql_end(st, pr))
		return false;
	*ret_found = found;
	if (found)
		*ret = d;
	return true;
}

static bool
each(struct sql_stmt *st, device_each_fn fn, void *arg, struct problem *pr)
{
	bool more = true;

	while (more && sql_step(st)) {
		struct device d = { 0 };

		read_row(st, &d);
		more = fn(&d, arg);
	}
	return sql_end(st, pr);
}

bool
device_by_ref(struct sql *db, struct span ref, struct device *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from device where ref=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_text(st, 1, ref);
	return one(st, ret, ret_found, pr);
}

bool
device_by_key(struct sql *db, const struct device_key *key, struct device *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from device where type=$1 and name=$2 and scope=$3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, key->type);
	sql_bind_str(st, 2, key->name);
	sql_bind_str(st, 3, key->scope);
	return one(st, ret, ret_found, pr);
}

bool
device_each_named(struct sql *db, enum ident_type type, const char *name, device_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from device where type=$1 and name=$2 order by scope";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, type);
	sql_bind_str(st, 2, name);
	return each(st, fn, arg, pr);
}

static void
bind_about(struct sql_stmt *st, int from, const struct device_about *a)
{
	sql_bind_str(st, from, a->kind);
	sql_bind_str(st, from + 1, a->tags);
	sql_bind_str(st, from + 2, a->owner);
	sql_bind_str(st, from + 3, a->cost_centre);
	sql_bind_str(st, from + 4, a->note);
}

bool
device_insert(struct sql *db, struct device *d, struct problem *pr)
{
	static const char SQL[] =
		"insert into device (ref, type, scope, name, state, kind, tags, owner, cost_centre, note, reason, blocked_at,"
		" created_at, changed_at, first_seen, last_seen, seen, account_id, key_hash)"
		" values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $14, $15, $16, $17) returning id";
	struct sql_stmt *st = sql_begin(db, SQL);

	rand_ref(d->ref);
	d->created_at = d->changed_at = clock_unix_s();
	sql_bind_str(st, 1, d->ref);
	sql_bind_int(st, 2, d->key.type);
	sql_bind_str(st, 3, d->key.scope);
	sql_bind_str(st, 4, d->key.name);
	sql_bind_int(st, 5, d->state);
	bind_about(st, 6, &d->about);
	sql_bind_str(st, 11, d->reason);
	sql_bind_int(st, 12, d->blocked_at);
	sql_bind_int(st, 13, d->created_at);
	sql_bind_int(st, 14, d->first_seen);
	sql_bind_int(st, 15, d->seen);
	sql_bind_int(st, 16, d->account_id);
	sql_bind_str(st, 17, d->key_hash);
	if (sql_step(st))
		d->id = sql_int(st, 0);
	return sql_end(st, pr);
}

bool
device_set_about(struct sql *db, int64_t id, const struct device_about *about, struct problem *pr)
{
	static const char SQL[] = "update device set kind=$2, tags=$3, owner=$4, cost_centre=$5, note=$6, changed_at=$7 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	bind_about(st, 2, about);
	sql_bind_int(st, 7, clock_unix_s());
	sql_step(st);
	return sql_end(st, pr);
}

bool
device_set_state(struct sql *db, int64_t id, enum device_state state, const char *reason, struct problem *pr)
{
	static const char SQL[] = "update device set state=$2, reason=$3, blocked_at=$4, changed_at=$5 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);
	int64_t now = clock_unix_s();

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, state);
	sql_bind_str(st, 3, state == DEVICE_BLOCKED ? reason : "");
	sql_bind_int(st, 4, state == DEVICE_BLOCKED ? now : 0);
	sql_bind_int(st, 5, now);
	sql_step(st);
	return sql_end(st, pr);
}

bool
device_set_seen(struct sql *db, int64_t id, const char *kind, int64_t account_id, const char *key_hash, int64_t at, struct problem *pr)
{
	static const char SQL[] =
		"update device set seen=seen+1, last_seen=$2, first_seen=case when first_seen=0 then $2 else first_seen end,"
		" kind=case when kind='' then $3 else kind end, account_id=$4, key_hash=$5 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, at);
	sql_bind_str(st, 3, kind);
	sql_bind_int(st, 4, account_id);
	sql_bind_str(st, 5, key_hash);
	sql_step(st);
	return sql_end(st, pr);
}

bool
device_delete(struct sql *db, int64_t id, struct problem *pr)
{
	static const char LINKS[] = "delete from device_authz where device_id=$1";
	static const char ROW[] = "delete from device where id=$1";
	struct sql_stmt *st = sql_begin(db, LINKS);

	sql_bind_int(st, 1, id);
	sql_step(st);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, ROW);
	sql_bind_int(st, 1, id);
	sql_step(st);
	return sql_end(st, pr);
}

/* ---- lists ---- */

/* `replace` tells the cases apart in both databases, which `like` does not. */
#define FILTER                                                                                     \
	" where id<$1 and ($2<0 or state=$2) and ($3='' or kind=$3)"                               \
	" and ($4='' or replace(tags, $4, '')<>tags) and ($5='' or owner=$5)"

static void
bind_filter(struct sql_stmt *st, const struct device_query *q, int64_t before)
{
	char tag[DEVICE_TAGS_TEXT] = "";

	if (q->tag[0])
		snprintf(tag, sizeof(tag), " %s ", q->tag);
	sql_bind_int(st, 1, before > 0 ? before : INT64_MAX);
	sql_bind_int(st, 2, q->state);
	sql_bind_str(st, 3, q->kind);
	sql_bind_str(st, 4, tag);
	sql_bind_str(st, 5, q->owner);
}

bool
device_list(struct sql *db, const struct device_query *q, device_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from device" FILTER " order by id desc limit $6";
	struct sql_stmt *st = sql_begin(db, SQL);

	bind_filter(st, q, q->before);
	sql_bind_int(st, 6, q->limit);
	return each(st, fn, arg, pr);
}

bool
device_list_count(struct sql *db, const struct device_query *q, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*) from (select 1 from device" FILTER " limit $6) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);

	bind_filter(st, q, 0);
	sql_bind_int(st, 6, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

/* ---- what it has proven itself for ---- */

bool
device_link(struct sql *db, int64_t device_id, int64_t authz_id, struct problem *pr)
{
	static const char SQL[] = "insert into device_authz (authz_id, device_id) values ($1, $2) on conflict do nothing";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, authz_id);
	sql_bind_int(st, 2, device_id);
	sql_step(st);
	return sql_end(st, pr);
}

bool
device_each_of_authz(struct sql *db, int64_t authz_id, device_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from device where id in (select device_id from device_authz where authz_id=$1) order by id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, authz_id);
	return each(st, fn, arg, pr);
}

bool
device_each_of_order(struct sql *db, int64_t order_id, device_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select " COLUMNS " from device where id in (select d.device_id from order_authz a join device_authz d on d.authz_id=a.authz_id"
		" where a.order_id=$1) order by id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	return each(st, fn, arg, pr);
}

#define ORDERS_OF                                                                                  \
	" from device_authz d join order_authz a on a.authz_id=d.authz_id join orders o on o.id=a.order_id"
#define CERT_LIVES " where d.device_id=$1 and c.not_after>$2 and c.revoked_at is null"
/* Those that its orders were given, and those that were made for one that had ended by then. */
#define CERTS_OF(COLUMNS_)                                                                         \
	"select " COLUMNS_ ORDERS_OF " join cert c on c.id=o.cert_id" CERT_LIVES                   \
	" union select " COLUMNS_ ORDERS_OF " join cert c on c.order_id=o.id" CERT_LIVES

static bool
count(struct sql *db, const char *text, int64_t id, int64_t now, int64_t most, int64_t *ret, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, now);
	sql_bind_int(st, 3, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
device_uses(struct sql *db, int64_t id, int64_t now, int64_t most, struct device_use *ret, struct problem *pr)
{
	static const char ORDERS[] =
		"select count(*) from (select distinct o.id" ORDERS_OF " where d.device_id=$1 and o.state<=2 and o.expires>$2 limit $3) bounded";
	static const char CERTS[] = "select count(*) from (" CERTS_OF("c.id") " limit $3) bounded";

	return count(db, ORDERS, id, now, most, &ret->orders, pr) && count(db, CERTS, id, now, most, &ret->certs, pr);
}

bool
device_each_cert(struct sql *db, int64_t id, int64_t now, int64_t limit, device_cert_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = CERTS_OF("c.id, c.ref, c.not_after") " order by 1 limit $3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, now);
	sql_bind_int(st, 3, limit);
	while (sql_step(st)) {
		char ref[REF_TEXT];

		sql_copy(st, 1, ref, sizeof(ref));
		fn(sql_int(st, 0), ref, sql_int(st, 2), arg);
	}
	return sql_end(st, pr);
}
