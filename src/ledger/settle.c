/* settle.c - what becomes of a token that was held, and what refusals teach; see ledger.h. */
#include <stdio.h>

#include "ledger/ledger_int.h"

/* As Boulder's "spend only": what does not fit is skipped, since the bucket is empty anyway. */
static bool
spend(struct sql *db, const struct ledger_ask *ask, const char *scope, enum quota_kind kind, const char *name, struct problem *pr)
{
	/* the account may be another by now */
	const struct ledger_ask there = { .upstream = ask->upstream, .account_url = scope, .now_ns = ask->now_ns };
	struct quota_item it;
	struct bucket b;
	struct gcra_verdict v;

	if (!ledger_find(db, &there, kind, name, &b, &it, pr))
		return false;
	if (!it.limited)
		return true;
	v = gcra_spend(&it.gcra, it.tat_ns, ask->now_ns, 1, 0, 0);
	b.tat_ns = v.answer == GCRA_ALLOWED ? v.tat_ns : it.tat_ns;
	return bucket_save(db, &b, pr);
}

/* Spend what the order holds; of one kind, or (QUOTA_KIND__COUNT) all. */
static bool
spend_held(struct sql *db, const struct ledger_ask *ask, enum quota_kind only, struct problem *pr)
{
	int64_t ids[HOLDS_MAX];
	size_t count;

	if (!hold_buckets(db, ask->order_id, ids, &count, pr))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct bucket b = { 0 };
		bool found;

		if (!bucket_by_id(db, ids[i], &b, &found, pr))
			return false;
		if (found && (only == QUOTA_KIND__COUNT || b.kind == only) &&
			(!spend(db, ask, b.scope, b.kind, b.name, pr) || !hold_delete(db, ask->order_id, ids[i], pr)))
			return false;
	}
	return true;
}

bool
ledger_ordered(struct sql *db, const struct ledger_ask *ask, struct problem *pr)
{
	return spend_held(db, ask, QUOTA_ORDERS, pr);
}

/* A name has proven itself: its failures in a row are over. */
static bool
forgive(struct sql *db, const struct ledger_ask *ask, const struct ident *id, struct problem *pr)
{
	struct bucket b;

	if (!bucket_find(db, ask->account_url, QUOTA_FAIL_PAUSE, ledger_ident(id), &b, pr))
		return false;
	if (b.id == 0 || (b.tat_ns == 0 && b.frozen_ns == 0))
		return true;
	b.tat_ns = b.frozen_ns = 0;
	return bucket_save(db, &b, pr);
}

bool
ledger_issued(struct sql *db, const struct ledger_ask *ask, struct problem *pr)
{
	if (!spend_held(db, ask, QUOTA_KIND__COUNT, pr))
		return false;
	for (size_t i = 0; i < ask->idents->count; i++) {
		if (!forgive(db, ask, &ask->idents->list[i], pr))
			return false;
	}
	return true;
}

bool
ledger_released(struct sql *db, const struct ledger_ask *ask, struct problem *pr)
{
	return hold_delete_all(db, ask->order_id, pr);
}

bool
ledger_failed(struct sql *db, const struct ledger_ask *ask, const struct idents *failed, struct problem *pr)
{
	for (size_t i = 0; i < failed->count; i++) {
		const char *name = ledger_ident(&failed->list[i]);

		if (!spend(db, ask, ask->account_url, QUOTA_FAIL, name, pr) || !spend(db, ask, ask->account_url, QUOTA_FAIL_PAUSE, name, pr))
			return false;
	}
	return true;
}

/* ---- refusals ---- */

struct refusal {
	struct ledger *l;
	struct sql *db;
	const struct ledger_ask *ask;
	const struct quota_refusal *said;
	int64_t retry_ns;
	struct ledger_refusal *ret;
	bool any; /* something was frozen */
};

/* A number that differs from ours: of this bucket, and where we knew none of any other one of this kind, too. */
static bool
learn(struct refusal *r, struct bucket *b, struct problem *pr)
{
	struct quota_rate known = ledger_rate(r->ask->upstream, b), conf = conf_limit_rate(r->ask->upstream, b->kind, b->name);
	const struct quota_rate *told = &r->said->rate;
	struct bucket any;

	if (told->count == 0 || (known.burst == told->burst && known.period_s == told->period_s))
		return true;
	b->learned = *told;
	b->learned_instead = conf.burst;
	r->ret->learned = true;
	if (conf.count || b->name[0] == '\0' || r->said->is_paused)
		return true;
	if (!bucket_find(r->db, b->scope, b->kind, LEDGER_ANY, &any, pr))
		return false;
	any.learned = *told;
	any.learned_instead = 0;
	return bucket_save(r->db, &any, pr);
}

static bool
freeze(struct refusal *r, enum quota_kind kind, const char *name, bool adopt, struct problem *pr)
{
	int64_t now_ns = r->ask->now_ns, until_ns = gcra_add(now_ns, r->retry_ns), tat_ns;
	struct quota_rate rate;
	struct quota_item it;
	struct bucket b;
	struct gcra g;
	bool known;

	if (!ledger_find(r->db, r->ask, kind, name, &b, &it, pr))
		return false;
	known = it.limited;
	if (!learn(r, &b, pr))
		return false;
	b.tat_ns = it.tat_ns;
	rate = ledger_rate(r->ask->upstream, &b);
	if (gcra_make(rate.count, rate.burst, rate.period_s, &g)) {
		/* never emptier than empty: what the CA says beyond that is what it is frozen for */
		tat_ns = gcra_clamp(&g, gcra_refused(&g, now_ns, r->retry_ns), now_ns);
		b.tat_ns = b.tat_ns > tat_ns ? b.tat_ns : tat_ns;
	}
	b.frozen_ns = b.frozen_ns > until_ns ? b.frozen_ns : until_ns;
	b.adopted = b.adopted || adopt;
	if (!bucket_save(r->db, &b, pr))
		return false;
	if (!r->any) {
		r->ret->bucket = b;
		/* we had asked our own count before, and it said yes; a smaller number than ours explains that as well */
		r->ret->foreign = known && !r->ret->learned && !r->said->is_paused;
	}
	r->any = true;
	return true;
}

/* The domain that the CA named, if it is one of ours: it is how the CA counts. */
static bool
freeze_domain(struct refusal *r, struct problem *pr)
{
	const struct idents *ids = r->ask->idents;
	const char *subject = r->said->subject;
	char domain[QUOTA_KEY_TEXT];
	bool has, ours = false, same = false;
	enum quota_kind kind = QUOTA_DOMAIN;

	for (size_t i = 0; i < ids->count; i++) {
		if (!ledger_domain(r->l, r->db, r->ask, &ids->list[i], domain, &has, pr))
			return false;
		same = same || (has && strcmp(domain, subject) == 0);
		ours = ours || same || (ids->list[i].type == IDENT_DNS && quota_domain_has(subject, ident_base(&ids->list[i])));
	}
	if (subject[0] && ours) {
		if (conf_limit_rate(r->ask->upstream, QUOTA_DOMAIN_ACCT, subject).count)
			kind = QUOTA_DOMAIN_ACCT;
		return freeze(r, kind, subject, !same, pr);
	}
	/* it does not say which of ours: all */
	for (size_t i = 0; i < ids->count; i++) {
		if (!ledger_domain(r->l, r->db, r->ask, &ids->list[i], domain, &has, pr) || (has && !freeze(r, QUOTA_DOMAIN, domain, false, pr)))
			return false;
	}
	return true;
}

/* "*." may have been cut off for display. */
static bool
freeze_idents(struct refusal *r, struct problem *pr)
{
	const struct idents *ids = r->ask->idents;
	const char *subject = r->said->subject;

	for (size_t i = 0; i < ids->count; i++) {
		const struct ident *id = &ids->list[i];

		if (subject[0] && strcmp(subject, id->value) != 0 && strcmp(subject, ident_base(id)) != 0)
			continue;
		if (!freeze(r, r->said->kind, ledger_ident(id), false, pr))
			return false;
	}
	return true;
}

static bool
freeze_what(struct refusal *r, struct problem *pr)
{
	char key[IDENTS_KEY_TEXT];

	switch (r->said->kind) {
	case QUOTA_DOMAIN:
		return freeze_domain(r, pr);
	case QUOTA_SET:
		idents_key(r->ask->idents, key);
		return freeze(r, QUOTA_SET, key, false, pr);
	case QUOTA_FAIL:
	case QUOTA_FAIL_PAUSE:
		return freeze_idents(r, pr);
	default:
		return true;
	}
}

bool
ledger_refused(struct ledger *l, struct sql *db, const struct ledger_ask *ask, struct span detail, int64_t retry_s, struct ledger_refusal *ret, struct problem *pr)
{
	struct quota_refusal said = { .kind = QUOTA_ORDERS };
	struct refusal r = { .l = l, .db = db, .ask = ask, .said = &said, .ret = ret };
	bool told = quota_refusal_read(detail, &said) && !said.is_registration;

	*ret = (struct ledger_refusal){ 0 };
	if (!told)
		said = (struct quota_refusal){ .kind = QUOTA_ORDERS };
	r.retry_ns = retry_s > LEDGER_FROZEN_MAX_NS / NS_PER_S ? LEDGER_FROZEN_MAX_NS : retry_s * NS_PER_S;
	if (!hold_delete_all(db, ask->order_id, pr) || !freeze_what(&r, pr))
		return false;
	/* not in words known here, or of nothing of ours: the whole account waits */
	if (!r.any && !freeze(&r, QUOTA_ORDERS, "", false, pr))
		return false;
	ret->kind = ret->bucket.kind;
	ret->is_paused = said.is_paused;
	ret->burst = said.rate.burst;
	/* nothing was said of orders: they are no more foreign than anything else */
	ret->foreign = ret->foreign && told;
	return true;
}
