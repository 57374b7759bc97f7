/* cert.c - see cert.h. */
#include "store/cert.h"

#include "base/clock.h"
#include "store/renewal.h"

#define COLUMNS                                                                                    \
	"c.id, c.order_id, c.account_id, c.ref, c.profile, c.upstream, c.serial, c.certid,"        \
	" c.sha256, c.key_hash, c.issuer, c.not_before, c.not_after, c.created_at, c.fetched_at,"  \
	" c.revoked_at, c.revoked_reason, c.revoked_upstream_at, c.idents, c.principal, c.tenant,"   \
	" c.revoked_by_holder"

static void
read_row(struct sql_stmt *st, struct cert_row *c)
{
	c->id = sql_int(st, 0);
	c->order_id = sql_int(st, 1);
	c->account_id = sql_int(st, 2);
	sql_copy(st, 3, c->ref, sizeof(c->ref));
	sql_copy(st, 4, c->profile, sizeof(c->profile));
	sql_copy(st, 5, c->upstream, sizeof(c->upstream));
	sql_copy(st, 6, c->serial, sizeof(c->serial));
	sql_copy(st, 7, c->certid, sizeof(c->certid));
	sql_copy(st, 8, c->sha256, sizeof(c->sha256));
	sql_copy(st, 9, c->key_hash, sizeof(c->key_hash));
	sql_copy(st, 10, c->issuer, sizeof(c->issuer));
	c->not_before = sql_int(st, 11);
	c->not_after = sql_int(st, 12);
	c->created_at = sql_int(st, 13);
	c->fetched_at = sql_int(st, 14);
	c->revoked_at = sql_int(st, 15);
	c->revoked_reason = sql_is_null(st, 16) ? -1 : sql_int(st, 16);
	c->revoked_upstream_at = sql_int(st, 17);
	idents_read(sql_text(st, 18), &c->idents);
	c->principal = sql_int(st, 19);
	sql_copy(st, 20, c->tenant, sizeof(c->tenant));
	c->revoked_by_holder = sql_int(st, 21) != 0;
}

void
cert_row_done(struct cert_row *c)
{
	idents_done(&c->idents);
}

static bool
one(struct sql_stmt *st, struct cert_row *ret, bool *ret_found, struct problem *pr)
{
	struct cert_row c = { 0 };
	bool found = sql_step(st);

	if (found)
		read_row(st, &c);
	if (!sql_end(st, pr)) {
		cert_row_done(&c);
		return false;
	}
	*ret_found = found;
	if (found)
		*ret = c;
	return true;
}

bool
cert_by_ref(struct sql *db, struct span ref, int64_t account_id, struct cert_row *ret, bool *ret_found, struct problem *pr)
{
	/* of the account that ordered it, or of one whose order was given it (O4) */
	static const char SQL[] = "select " COLUMNS " from cert c where ref=$1 and ($2=0 or account_id=$2"
				  " or exists (select 1 from orders o where o.cert_id=c.id and o.account_id=$2))";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_text(st, 1, ref);
	sql_bind_int(st, 2, account_id);
	return one(st, ret, ret_found, pr);
}

bool
cert_is_of(struct sql *db, int64_t id, int64_t account_id, bool *ret, struct problem *pr)
{
	static const char SQL[] =
		"select 1 from cert where id=$1 and account_id=$2 union all"
		" select 1 from orders where cert_id=$1 and account_id=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, account_id);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
cert_by_id(struct sql *db, int64_t id, struct cert_row *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from cert c where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return one(st, ret, ret_found, pr);
}

bool
cert_by_sha256(struct sql *db, const char *sha256, struct cert_row *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from cert c where sha256=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, sha256);
	return one(st, ret, ret_found, pr);
}

bool
cert_by_certid(struct sql *db, const char *certid, struct cert_row *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from cert c where certid=$1 order by id limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, certid);
	return one(st, ret, ret_found, pr);
}

bool
cert_last_of_set(struct sql *db, int64_t principal, const char *idents_key, struct cert_row *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from cert c where idents_key=$1 and principal=$2 order by created_at desc, id desc limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, idents_key);
	sql_bind_int(st, 2, principal);
	return one(st, ret, ret_found, pr);
}

bool
cert_by_serial(struct sql *db, const char *serial, struct cert_row *ret, unsigned *ret_count, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS " from cert c where serial=$1 limit 2";
	struct sql_stmt *st = sql_begin(db, SQL);
	struct cert_row c = { 0 };
	unsigned count = 0;

	sql_bind_str(st, 1, serial);
	while (sql_step(st)) {
		if (count++ == 0)
			read_row(st, &c);
	}
	if (!sql_end(st, pr)) {
		cert_row_done(&c);
		return false;
	}
	*ret_count = count;
	if (count == 1)
		*ret = c;
	else
		cert_row_done(&c);
	return true;
}

bool
cert_chain(struct sql *db, int64_t id, int64_t n, struct buf *ret_pem, bool *ret_found, struct problem *pr)
{
	static const char SQL_DEFAULT[] = "select chain from cert where id=$1 and $2=0";
	static const char SQL_ALTERNATE[] = "select chain from cert_alternate where cert_id=$1 and n=$2";
	struct sql_stmt *st = sql_begin(db, n == 0 ? SQL_DEFAULT : SQL_ALTERNATE);

	buf_clear(ret_pem);
	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, n);
	*ret_found = sql_step(st);
	if (*ret_found)
		buf_addspan(ret_pem, sql_text(st, 0));
	return sql_end(st, pr);
}

bool
cert_alternates(struct sql *db, int64_t id, int64_t *ret_count, struct problem *pr)
{
	static const char SQL[] = "select count(*) from cert_alternate where cert_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	*ret_count = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
cert_insert(struct sql *db, struct cert_row *c, struct span chain_pem, struct problem *pr)
{
	static const char SQL[] =
		"insert into cert (ref, order_id, account_id, profile, upstream, serial, certid, sha256,"
		" key_hash, idents, idents_key, not_before, not_after, issuer, chain, created_at, principal, tenant)"
		" values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
		" returning id";
	struct sql_stmt *st = sql_begin(db, SQL);
	AUTO_BUF idents = BUF_MAX(IDENTS_TEXT_MAX);
	char key[IDENTS_KEY_TEXT];

	rand_ref(c->ref);
	c->created_at = clock_unix_s();
	idents_write(&c->idents, &idents);
	idents_key(&c->idents, key);
	sql_bind_str(st, 1, c->ref);
	sql_bind_int(st, 2, c->order_id);
	sql_bind_int(st, 3, c->account_id);
	sql_bind_str(st, 4, c->profile);
	sql_bind_str(st, 5, c->upstream);
	sql_bind_str(st, 6, c->serial);
	sql_bind_str(st, 7, c->certid);
	sql_bind_str(st, 8, c->sha256);
	sql_bind_str(st, 9, c->key_hash);
	sql_bind_text(st, 10, buf_span(&idents));
	sql_bind_str(st, 11, key);
	sql_bind_int(st, 12, c->not_before);
	sql_bind_int(st, 13, c->not_after);
	sql_bind_str(st, 14, c->issuer);
	sql_bind_text(st, 15, chain_pem);
	sql_bind_int(st, 16, c->created_at);
	sql_bind_int(st, 17, c->principal ? c->principal : c->account_id);
	sql_bind_str(st, 18, c->tenant[0] ? c->tenant : TENANT_DEFAULT);
	if (sql_step(st))
		c->id = sql_int(st, 0);
	return sql_end(st, pr) && renewal_insert(db, c->id, pr);
}

bool
cert_add_alternate(struct sql *db, int64_t id, int64_t n, struct span chain_pem, struct problem *pr)
{
	static const char SQL[] = "insert into cert_alternate (cert_id, n, chain) values ($1, $2, $3)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, n);
	sql_bind_text(st, 3, chain_pem);
	sql_step(st);
	return sql_end(st, pr);
}

bool
cert_set_fetched(struct sql *db, int64_t id, int64_t at, struct problem *pr)
{
	static const char SQL[] = "update cert set fetched_at=$2 where id=$1 and fetched_at is null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, at);
	sql_step(st);
	return sql_end(st, pr);
}

bool
cert_revoke(struct sql *db, int64_t id, int64_t at, int reason, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] =
		"update cert set revoked_at=$2, revoked_reason=$3 where id=$1 and revoked_at is null";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, at);
	if (reason < 0)
		sql_bind_null(st, 3);
	else
		sql_bind_int(st, 3, reason);
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr) && (!*ret_moved || renewal_revoked(db, id, at, pr));
}

bool
cert_set_revoked_by_holder(struct sql *db, int64_t id, struct problem *pr)
{
	static const char SQL[] = "update cert set revoked_by_holder=1 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_step(st);
	return sql_end(st, pr);
}

bool
cert_find_predecessor(struct sql *db, int64_t principal, const char *idents_key, const char *upstream, int64_t now, char ret_certid[CERTID_TEXT], struct problem *pr)
{
	static const char SQL[] =
		"select c.certid from cert c join renewal r on r.cert_id=c.id where c.principal=$1 and c.idents_key=$2"
		" and c.upstream=$3 and c.not_after>$4 and c.revoked_at is null and r.replaced_at is null order by c.id limit 2";
	struct sql_stmt *st = sql_begin(db, SQL);
	unsigned count = 0;

	ret_certid[0] = '\0';
	sql_bind_int(st, 1, principal);
	sql_bind_str(st, 2, idents_key);
	sql_bind_str(st, 3, upstream);
	sql_bind_int(st, 4, now);
	while (sql_step(st)) {
		if (count++ == 0)
			sql_copy(st, 0, ret_certid, CERTID_TEXT);
	}
	if (count != 1)
		ret_certid[0] = '\0';
	return sql_end(st, pr);
}

bool
cert_set_revoked_upstream(struct sql *db, int64_t id, int64_t at, struct problem *pr)
{
	static const char SQL[] = "update cert set revoked_upstream_at=$2 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, at);
	sql_step(st);
	return sql_end(st, pr);
}

bool
cert_find_again(struct sql *db, int64_t principal, const char *key_hash, const char *idents_key, const char *profile, const char *upstream, int64_t now, int64_t created_min, int left_percent, int64_t *ret_id, struct problem *pr)
{
	static const char SQL[] =
		"select id from cert where principal=$1 and key_hash=$2 and idents_key=$3"
		" and profile=$4 and upstream=$5 and revoked_at is null and not_after>$6"
		" and (not_after-$6)*100>=(not_after-not_before)*$8"
		" and (fetched_at is null or created_at>=$7)"
		/* one that must be replaced is none to have again */
		" and not exists (select 1 from renewal r where r.cert_id=cert.id and r.incident_id is not null) order by id desc limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, principal);
	sql_bind_str(st, 2, key_hash);
	sql_bind_str(st, 3, idents_key);
	sql_bind_str(st, 4, profile);
	sql_bind_str(st, 5, upstream);
	sql_bind_int(st, 6, now);
	sql_bind_int(st, 7, created_min);
	sql_bind_int(st, 8, left_percent);
	*ret_id = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

#define LIST "select " COLUMNS ", a.ref from cert c left join account a on a.id = c.account_id"

static bool
each_listed(struct sql_stmt *st, cert_list_fn fn, void *arg, struct problem *pr)
{
	while (sql_step(st)) {
		struct cert_row c = { 0 };
		char account_ref[REF_TEXT];

		read_row(st, &c);
		sql_copy(st, 22, account_ref, sizeof(account_ref));
		fn(&c, account_ref, arg);
		cert_row_done(&c);
	}
	return sql_end(st, pr);
}

bool
cert_list(struct sql *db, int64_t account_id, int64_t before, int64_t limit, cert_list_fn fn, void *arg, struct problem *pr)
{
	static const char SQL_ALL[] = LIST " where c.id<$1 order by c.id desc limit $2";
	static const char SQL_OF[] = LIST " where c.id<$1 and c.account_id=$3 order by c.id desc limit $2";
	struct sql_stmt *st = sql_begin(db, account_id ? SQL_OF : SQL_ALL);

	sql_bind_int(st, 1, before > 0 ? before : INT64_MAX);
	sql_bind_int(st, 2, limit);
	if (account_id)
		sql_bind_int(st, 3, account_id);
	return each_listed(st, fn, arg, pr);
}

bool
cert_list_expiring(struct sql *db, const struct cert_expiring *e, int64_t limit, cert_list_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = LIST " join renewal r on r.cert_id=c.id where r.replaced_at is null and r.revoked_at is null"
		" and (r.not_after, r.cert_id)>($1, $2) and r.not_after<=$3 and ($5=0 or c.account_id=$5) order by r.not_after, r.cert_id limit $4";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, e->after);
	sql_bind_int(st, 2, e->after_id);
	sql_bind_int(st, 3, e->until);
	sql_bind_int(st, 4, limit);
	sql_bind_int(st, 5, e->account_id);
	return each_listed(st, fn, arg, pr);
}

bool
cert_list_count(struct sql *db, int64_t account_id, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL_ALL[] = "select count(*) from (select 1 from cert where id>0 limit $1) bounded";
	static const char SQL_OF[] = "select count(*) from (select 1 from cert where account_id=$2 limit $1) bounded";
	struct sql_stmt *st = sql_begin(db, account_id ? SQL_OF : SQL_ALL);

	sql_bind_int(st, 1, most);
	if (account_id)
		sql_bind_int(st, 2, account_id);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
cert_each_revoked(struct sql *db, const char *upstream, int64_t now, cert_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS
		" from cert c where upstream=$1 and revoked_at is not null and not_after>=$2 order by id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, upstream);
	sql_bind_int(st, 2, now);
	while (sql_step(st)) {
		struct cert_row c = { 0 };

		read_row(st, &c);
		fn(&c, arg);
		cert_row_done(&c);
	}
	return sql_end(st, pr);
}

bool
denied_key_add(struct sql *db, const char *key_hash, const char *why, struct problem *pr)
{
	static const char SQL[] =
		"insert into denied_key (key_hash, since, why) values ($1, $2, $3) on conflict do nothing";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, key_hash);
	sql_bind_int(st, 2, clock_unix_s());
	sql_bind_str(st, 3, why);
	sql_step(st);
	return sql_end(st, pr);
}

bool
denied_key_has(struct sql *db, const char *key_hash, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select 1 from denied_key where key_hash=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, key_hash);
	*ret = sql_step(st);
	return sql_end(st, pr);
}
