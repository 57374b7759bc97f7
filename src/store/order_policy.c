/* order_policy.c - see order_policy.h. */
#include "store/order_policy.h"

#include <stdlib.h>

void
order_policy_done(struct order_policy *p)
{
	free(p->facts);
	free(p->rules);
	free(p->upstreams);
	*p = (struct order_policy){ 0 };
}

static bool
write_row(struct sql *db, const char *text, const struct order_policy *p, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, text);

	sql_bind_int(st, 1, p->order_id);
	sql_bind_str(st, 2, p->facts);
	sql_bind_str(st, 3, p->rules);
	sql_bind_str(st, 4, p->upstreams);
	sql_step(st);
	return sql_end(st, pr);
}

bool
order_policy_insert(struct sql *db, const struct order_policy *p, struct problem *pr)
{
	static const char SQL[] = "insert into order_policy (order_id, facts, rules, upstreams) values ($1, $2, $3, $4)";

	return write_row(db, SQL, p, pr);
}

bool
order_policy_update(struct sql *db, const struct order_policy *p, struct problem *pr)
{
	static const char SQL[] = "update order_policy set facts=$2, rules=$3, upstreams=$4 where order_id=$1";

	return write_row(db, SQL, p, pr);
}

static struct order_policy
read_row(struct sql_stmt *st)
{
	return (struct order_policy){ sql_int(st, 0), span_dup(sql_text(st, 1)), span_dup(sql_text(st, 2)), span_dup(sql_text(st, 3)) };
}

bool
order_policy_get(struct sql *db, int64_t order_id, struct order_policy *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select order_id, facts, rules, upstreams from order_policy where order_id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);
	struct order_policy p = { 0 };
	bool found;

	sql_bind_int(st, 1, order_id);
	found = sql_step(st);
	if (found)
		p = read_row(st);
	if (!sql_end(st, pr)) {
		order_policy_done(&p);
		return false;
	}
	*ret_found = found;
	if (found)
		*ret = p;
	return true;
}

bool
order_policy_each(struct sql *db, int64_t before, int64_t limit, order_policy_fn fn, void *arg, struct problem *pr)
{
	/* by row id, which is in the order of making but for what was made at once */
	static const char SQL[] =
		"select p.order_id, p.facts, p.rules, p.upstreams, o.ref, o.idents, o.mapped, o.created_at from order_policy p"
		" join orders o on o.id=p.order_id where p.order_id<$1 order by p.order_id desc limit $2";
	struct sql_stmt *st = sql_begin(db, SQL);
	bool more = true;

	sql_bind_int(st, 1, before ? before : INT64_MAX);
	sql_bind_int(st, 2, limit);
	while (more && sql_step(st)) {
		AUTO_FREE char *ref = span_dup(sql_text(st, 4)), *idents = span_dup(sql_text(st, 5)), *mapped = span_dup(sql_text(st, 6));
		struct order_policy_row row = { .ref = ref, .idents = idents, .mapped = mapped, .created_at = sql_int(st, 7), .p = read_row(st) };

		row.id = row.p.order_id;
		more = fn(&row, arg);
		order_policy_done(&row.p);
	}
	return sql_end(st, pr);
}

bool
order_policy_outstanding(struct sql *db, int64_t principal, int64_t now, int64_t most, int64_t *ret, struct problem *pr)
{
	static const char SQL[] =
		"select count(*) from (select 1 from renewal where principal=$1 and not_after>$2 and revoked_at is null limit $3) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, principal);
	sql_bind_int(st, 2, now);
	sql_bind_int(st, 3, most);
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}
