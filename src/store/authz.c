/* authz.c - see authz.h. */
#include "store/authz.h"

#include <stdlib.h>

#include "base/clock.h"

static const char *const kind_names[] = { [CHALLENGE_HTTP_01] = "http-01", [CHALLENGE_DNS_01] = "dns-01",
	[CHALLENGE_TLS_ALPN_01] = "tls-alpn-01", [CHALLENGE_DNS_ACCOUNT_01] = "dns-account-01",
	[CHALLENGE_DNS_PERSIST_01] = "dns-persist-01", [CHALLENGE_DEVICE_ATTEST_01] = "device-attest-01" };

const char *
challenge_kind_name(enum challenge_kind kind)
{
	return kind_names[kind];
}

bool
challenge_kind_parse(struct span name, enum challenge_kind *ret)
{
	for (size_t i = 0; i < COUNT_OF(kind_names); i++) {
		if (span_is(name, kind_names[i])) {
			*ret = (enum challenge_kind)i;
			return true;
		}
	}
	return false;
}

void
challenge_done(struct challenge *c)
{
	free(c->error);
	c->error = NULL;
}

void
authz_done(struct authz *a)
{
	for (size_t i = 0; i < a->challenge_count; i++)
		challenge_done(&a->challenges[i]);
	a->challenge_count = 0;
}

/* The authorization and its challenges in one read: a row per challenge. */
#define COLUMNS                                                                                    \
	"a.id, a.account_id, a.ref, a.ident_type, a.ident, a.wildcard, a.profile, a.state,"        \
	" a.expires, a.created_at,"                                                                \
	" c.id, c.ref, c.kind, c.state, c.token, c.key_auth, c.validated_at, c.attempts,"          \
	" c.next_at, c.error, a.subdomains"
#define FROM " from authz a left join challenge c on c.authz_id = a.id"

static void
read_authz(struct sql_stmt *st, struct authz *a)
{
	a->id = sql_int(st, 0);
	a->account_id = sql_int(st, 1);
	sql_copy(st, 2, a->ref, sizeof(a->ref));
	a->ident.type = (enum ident_type)sql_int(st, 3);
	sql_copy(st, 4, a->ident.value, sizeof(a->ident.value));
	a->wildcard = sql_int(st, 5) != 0;
	sql_copy(st, 6, a->profile, sizeof(a->profile));
	a->state = (enum authz_state)sql_int(st, 7);
	a->expires = sql_int(st, 8);
	a->created_at = sql_int(st, 9);
	a->subdomains = sql_int(st, 20) != 0;
}

static void
read_challenge(struct sql_stmt *st, struct challenge *c)
{
	struct span error = sql_text(st, 19);

	c->authz_id = sql_int(st, 0);
	c->id = sql_int(st, 10);
	sql_copy(st, 11, c->ref, sizeof(c->ref));
	c->kind = (enum challenge_kind)sql_int(st, 12);
	c->state = (enum chall_state)sql_int(st, 13);
	sql_copy(st, 14, c->token, sizeof(c->token));
	sql_copy(st, 15, c->key_auth, sizeof(c->key_auth));
	c->validated_at = sql_int(st, 16);
	c->attempts = sql_int(st, 17);
	c->next_at = sql_int(st, 18);
	c->error = error.p ? span_dup(error) : NULL;
}

static bool
one(struct sql_stmt *st, struct authz *ret, bool *ret_found, struct problem *pr)
{
	struct authz a = { 0 };
	bool found = false;

	while (sql_step(st)) {
		read_authz(st, &a);
		found = true;
		if (a.challenge_count < AUTHZ_CHALLENGES_MAX && !sql_is_null(st, 10))
			read_challenge(st, &a.challenges[a.challenge_count++]);
	}
	if (!sql_end(st, pr)) {
		authz_done(&a);
		return false;
	}
	*ret_found = found;
	if (found)
		*ret = a;
	return true;
}

bool
authz_by_ref(struct sql *db, struct span ref, int64_t account_id, struct authz *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS FROM
		" where a.ref=$1 and ($2=0 or a.account_id=$2) order by c.id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_text(st, 1, ref);
	sql_bind_int(st, 2, account_id);
	return one(st, ret, ret_found, pr);
}

bool
authz_by_id(struct sql *db, int64_t id, struct authz *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS FROM " where a.id=$1 order by c.id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	return one(st, ret, ret_found, pr);
}

/* Which of its challenges has this id or (id 0) this ref? */
static size_t
index_of(const struct authz *a, struct span ref, int64_t id)
{
	for (size_t i = 0; i < a->challenge_count; i++) {
		if (id ? a->challenges[i].id == id : span_is(ref, a->challenges[i].ref))
			return i;
	}
	return 0;
}

bool
authz_by_challenge_ref(struct sql *db, struct span ref, int64_t account_id, struct authz *ret, size_t *ret_index, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS FROM
		" where a.id=(select authz_id from challenge where ref=$1)"
		" and ($2=0 or a.account_id=$2) order by c.id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_text(st, 1, ref);
	sql_bind_int(st, 2, account_id);
	if (!one(st, ret, ret_found, pr))
		return false;
	if (*ret_found)
		*ret_index = index_of(ret, ref, 0);
	return true;
}

bool
authz_by_challenge_id(struct sql *db, int64_t id, struct authz *ret, size_t *ret_index, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select " COLUMNS FROM
		" where a.id=(select authz_id from challenge where id=$1) order by c.id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	if (!one(st, ret, ret_found, pr))
		return false;
	if (*ret_found)
		*ret_index = index_of(ret, SPAN_NONE, id);
	return true;
}

static bool
challenge_insert(struct sql *db, struct challenge *c, struct problem *pr)
{
	static const char SQL[] =
		"insert into challenge (ref, authz_id, kind, state, token, attempts, next_at)"
		" values ($1, $2, $3, $4, $5, 0, 0) returning id";
	struct sql_stmt *st = sql_begin(db, SQL);

	rand_ref(c->ref);
	rand_token(c->token);
	sql_bind_str(st, 1, c->ref);
	sql_bind_int(st, 2, c->authz_id);
	sql_bind_int(st, 3, c->kind);
	sql_bind_int(st, 4, c->state);
	sql_bind_str(st, 5, c->token);
	if (sql_step(st))
		c->id = sql_int(st, 0);
	return sql_end(st, pr);
}

bool
authz_insert(struct sql *db, struct authz *a, struct problem *pr)
{
	static const char SQL[] =
		"insert into authz (ref, account_id, ident_type, ident, wildcard, profile, state,"
		" expires, created_at, subdomains, proven_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning id";
	struct sql_stmt *st = sql_begin(db, SQL);

	rand_ref(a->ref);
	a->created_at = clock_unix_s();
	sql_bind_str(st, 1, a->ref);
	sql_bind_int(st, 2, a->account_id);
	sql_bind_int(st, 3, a->ident.type);
	sql_bind_str(st, 4, a->ident.value);
	sql_bind_int(st, 5, a->wildcard);
	sql_bind_str(st, 6, a->profile);
	sql_bind_int(st, 7, a->state);
	sql_bind_int(st, 8, a->expires);
	sql_bind_int(st, 9, a->created_at);
	sql_bind_int(st, 10, a->subdomains);
	if (a->by_rule)
		sql_bind_int(st, 11, 0);
	else
		sql_bind_null(st, 11);
	if (sql_step(st))
		a->id = sql_int(st, 0);
	if (!sql_end(st, pr))
		return false;
	for (size_t i = 0; i < a->challenge_count; i++) {
		a->challenges[i].authz_id = a->id;
		if (!challenge_insert(db, &a->challenges[i], pr))
			return false;
	}
	return true;
}

bool
authz_link(struct sql *db, int64_t order_id, int64_t authz_id, struct problem *pr)
{
	static const char SQL[] =
		"insert into order_authz (order_id, authz_id) values ($1, $2) on conflict do nothing";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_bind_int(st, 2, authz_id);
	sql_step(st);
	return sql_end(st, pr);
}

bool
authz_find_valid(struct sql *db, int64_t account_id, const struct ident *base, bool wildcard, const char *profile, int64_t expires_min, int64_t expires_max, int64_t *ret_id, int64_t *ret_expires, struct problem *pr)
{
	static const char SQL[] =
		"select id, expires from authz where account_id=$1 and ident=$2 and wildcard=$3"
		" and profile=$4 and state=1 and ident_type=$5 and expires>=$6 and expires<=$7"
		" and proven_by is null order by expires desc limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, account_id);
	sql_bind_str(st, 2, base->value);
	sql_bind_int(st, 3, wildcard);
	sql_bind_str(st, 4, profile);
	sql_bind_int(st, 5, base->type);
	sql_bind_int(st, 6, expires_min);
	sql_bind_int(st, 7, expires_max);
	*ret_id = 0;
	if (sql_step(st)) {
		*ret_id = sql_int(st, 0);
		*ret_expires = sql_int(st, 1);
	}
	return sql_end(st, pr);
}

bool
authz_give(struct sql *db, int64_t order_id, const struct ident *name, int64_t by, int64_t expires, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] =
		"update authz set state=1, expires=$4, proven_by=$5 where state=0 and ident=$2 and ident_type=$3"
		" and wildcard=0 and subdomains=0 and id in (select authz_id from order_authz where order_id=$1)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	sql_bind_str(st, 2, name->value);
	sql_bind_int(st, 3, name->type);
	sql_bind_int(st, 4, expires);
	sql_bind_int(st, 5, by);
	sql_step(st);
	*ret_moved = sql_changes(st) > 0;
	return sql_end(st, pr);
}

bool
authz_find_subdomains(struct sql *db, int64_t account_id, const char *domain, const char *profile, enum authz_state state, int64_t expires_min, int64_t expires_max, int64_t *ret_id, int64_t *ret_expires, struct problem *pr)
{
	/* a text for each state: those are what the indexes are for */
	static const char VALID[] =
		"select id, expires from authz where account_id=$1 and ident=$2 and wildcard=0 and profile=$3"
		" and subdomains=1 and state=1 and expires>=$4 and expires<=$5 order by expires desc limit 1";
	static const char PENDING[] =
		"select id, expires from authz where account_id=$1 and ident=$2 and wildcard=0 and profile=$3"
		" and subdomains=1 and state=0 and expires>=$4 and expires<=$5 order by expires desc limit 1";
	struct sql_stmt *st = sql_begin(db, state == AUTHZ_VALID ? VALID : PENDING);

	sql_bind_int(st, 1, account_id);
	sql_bind_str(st, 2, domain);
	sql_bind_str(st, 3, profile);
	sql_bind_int(st, 4, expires_min);
	sql_bind_int(st, 5, expires_max);
	*ret_id = 0;
	if (sql_step(st)) {
		*ret_id = sql_int(st, 0);
		*ret_expires = sql_int(st, 1);
	}
	return sql_end(st, pr);
}

bool
authz_move(struct sql *db, int64_t id, enum authz_state from, enum authz_state to, int64_t expires, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] =
		"update authz set state=$3, expires=case when $4>0 then $4 else expires end"
		" where id=$1 and state=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, from);
	sql_bind_int(st, 3, to);
	sql_bind_int(st, 4, expires);
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
challenge_move(struct sql *db, int64_t id, enum chall_state from, enum chall_state to, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] = "update challenge set state=$3 where id=$1 and state=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, from);
	sql_bind_int(st, 3, to);
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
challenge_respond(struct sql *db, int64_t id, const char *key_auth, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] = "update challenge set state=$3, key_auth=$4 where id=$1 and state=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, CHALL_PENDING);
	sql_bind_int(st, 3, CHALL_PROCESSING);
	sql_bind_str(st, 4, key_auth);
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
challenge_attempted(struct sql *db, int64_t id, const char *error, int64_t next_at, struct problem *pr)
{
	static const char SQL[] =
		"update challenge set attempts=attempts+1, error=$2, next_at=$3 where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_str(st, 2, error);
	sql_bind_int(st, 3, next_at);
	sql_step(st);
	return sql_end(st, pr);
}

bool
challenge_validated(struct sql *db, int64_t id, int64_t at, bool *ret_moved, struct problem *pr)
{
	static const char SQL[] =
		"update challenge set state=$3, validated_at=$4, attempts=attempts+1, error=null"
		" where id=$1 and state=$2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_bind_int(st, 2, CHALL_PROCESSING);
	sql_bind_int(st, 3, CHALL_VALID);
	sql_bind_int(st, 4, at);
	sql_step(st);
	*ret_moved = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
authz_refs_of_order(struct sql *db, int64_t order_id, authz_ref_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select a.ref from order_authz oa join authz a on a.id = oa.authz_id"
		" where oa.order_id=$1 order by a.id";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	while (sql_step(st)) {
		char ref[REF_TEXT];

		sql_copy(st, 0, ref, sizeof(ref));
		fn(ref, arg);
	}
	return sql_end(st, pr);
}

bool
authz_summary_of_order(struct sql *db, int64_t order_id, int64_t now, struct authz_summary *ret, struct problem *pr)
{
	static const char SQL[] =
		"select count(*), count(case when a.state<>1 then 1 end),"
		" count(case when a.state>1 or a.expires<$2 then 1 end), min(a.expires)"
		" from order_authz oa join authz a on a.id = oa.authz_id where oa.order_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);
	struct authz_summary s = { 0 };

	sql_bind_int(st, 1, order_id);
	sql_bind_int(st, 2, now);
	if (sql_step(st))
		s = (struct authz_summary){ sql_int(st, 0), sql_int(st, 1), sql_int(st, 2), sql_int(st, 3) };
	*ret = s;
	return sql_end(st, pr);
}

bool
authz_expire(struct sql *db, int64_t now, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	static const char SQL[] =
		"update authz set state=$1 where id in"
		" (select id from authz where state<=1 and expires<$2 order by expires limit $3)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, AUTHZ_EXPIRED);
	sql_bind_int(st, 2, now);
	sql_bind_int(st, 3, limit);
	sql_step(st);
	*ret_count = sql_changes(st);
	return sql_end(st, pr);
}

/* One that a rule has given is no proof that the account holds the name. */
static bool
has_valid(struct sql *db, int64_t account_id, const struct ident *id, const char *profile, int64_t now, bool *ret, struct problem *pr)
{
	static const char SQL[] =
		"select 1 from authz where account_id=$1 and ident=$2 and wildcard=$3 and state=1"
		" and profile=$6 and ident_type=$4 and expires>=$5 and coalesce(proven_by, 1)<>0 limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, account_id);
	sql_bind_str(st, 2, ident_base(id));
	sql_bind_int(st, 3, ident_is_wildcard(id));
	sql_bind_int(st, 4, id->type);
	sql_bind_int(st, 5, now);
	sql_bind_str(st, 6, profile);
	*ret = sql_step(st);
	return sql_end(st, pr);
}

bool
authz_covers(struct sql *db, int64_t account_id, const struct idents *names, const char *profile, int64_t now, bool *ret, struct problem *pr)
{
	bool all = names->count > 0;

	for (size_t i = 0; all && i < names->count; i++) {
		if (!has_valid(db, account_id, &names->list[i], profile, now, &all, pr))
			return false;
	}
	*ret = all;
	return true;
}

bool
authz_count_pending(struct sql *db, int64_t account_id, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] =
		"select count(*) from (select 1 from authz where account_id=$1 and state=0 limit $2) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, account_id);
	sql_bind_int(st, 2, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
authz_deactivate_pending_of(struct sql *db, int64_t account_id, struct problem *pr)
{
	static const char SQL[] =
		"update authz set state=$2 where state=0 and account_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, account_id);
	sql_bind_int(st, 2, AUTHZ_DEACTIVATED);
	sql_step(st);
	return sql_end(st, pr);
}
