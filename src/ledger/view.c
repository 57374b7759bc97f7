/* view.c - a bucket as an operator sees it; see ledger.h. */
#include "ledger/ledger_int.h"

static const char *
source_of(const struct upstream_conf *u, const struct bucket *b, const struct quota_rate *rate)
{
	const struct limit_conf *list = u->overrides.list;

	if (rate->count == 0)
		return "none";
	if (b->learned.count && rate->burst == b->learned.burst && rate->period_s == b->learned.period_s)
		return "learned";
	for (size_t i = 0; i < u->overrides.count; i++) {
		if (strcmp(list[i].limit, quota_kind_name(b->kind)) == 0 && (!list[i].name || strcmp(list[i].name, b->name) == 0))
			return "override";
	}
	return "table";
}

static int64_t
seconds_up(int64_t ns)
{
	return gcra_add(ns, NS_PER_S - 1) / NS_PER_S;
}

bool
ledger_view(struct sql *db, const struct upstream_conf *u, const struct bucket *b, int64_t now_ns, struct ledger_view *ret, struct problem *pr)
{
	struct ledger_ask ask = { .upstream = u, .account_url = b->scope, .now_ns = now_ns };
	struct ledger_view v = { 0 };
	struct quota_item it;
	struct bucket same;
	struct gcra_verdict one, behind;

	if (!ledger_find(db, &ask, b->kind, b->name, &same, &it, pr) || !hold_count(db, b->id, 0, &v.held, pr) ||
		!waiters_ahead(db, b->id, 0, false, &v.waiting, pr))
		return false;
	v.rate = ledger_rate(u, b);
	v.source = source_of(u, b, &v.rate);
	v.frozen_until = it.frozen_ns > now_ns ? seconds_up(it.frozen_ns) : 0;
	if (it.limited) {
		v.kept = quota_kept(b->kind, it.gcra.burst, u->limits_margin, u->limits_reserve, false);
		one = gcra_spend(&it.gcra, it.tat_ns, now_ns, 0, 0, 0);
		v.used = it.gcra.burst - one.remaining;
		v.full_at = it.tat_ns > now_ns ? seconds_up(it.tat_ns) : 0;
		v.left = one.remaining - v.held - v.kept > 0 && !v.frozen_until ? one.remaining - v.held - v.kept : 0;
		it.held = v.held + v.waiting;
		it.kept = v.kept;
	}
	behind = quota_ask(&it, now_ns);
	v.next_at = behind.answer == GCRA_DENIED ? seconds_up(gcra_add(now_ns, behind.retry_ns)) : 0;
	*ret = v;
	return true;
}
