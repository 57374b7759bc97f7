/* give.c - waves: the most urgent first, as many at a time as the network carries, each when the CA's limits let it through. */
#include <stdio.h>

#include "base/clock.h"
#include "incident/incident_int.h"
#include "store/upstream.h"

#define DUES_MAX 64
#define LAST_S 3600 /* a wave that would be later than so long before the end comes before that */

struct planning {
	struct incidents *ins;
	const struct gate_conf *conf;
	struct incident *in;
	int64_t now, slot, at;        /* of the certificate at hand: what the network has for it, and its wave */
	char held_by[INCIDENT_WHY_TEXT];
	char upstream[UPSTREAM_TEXT]; /* whose account this is: */
	char account_url[URL_TEXT];
};

void
incident_plan_begin(struct incident *in, const struct gate_conf *conf, int64_t count, int64_t now)
{
	struct wave_plan plan = wave_plan_make(count, now, in->finish_by, conf->incident_rate);

	in->planned_at = plan.begin;
	in->per_wave = plan.per_wave;
}

static bool
find_account(struct planning *p, struct sql *db, const char *upstream, struct problem *pr)
{
	struct upstream_row row = { 0 };

	if (strcmp(p->upstream, upstream) == 0)
		return true;
	if (!upstream_row_get(db, upstream, &row, pr))
		return false;
	snprintf(p->upstream, sizeof(p->upstream), "%s", upstream);
	memcpy(p->account_url, row.account_url, sizeof(p->account_url));
	upstream_row_done(&row);
	return true;
}

/* Those that others of the incident use, too. Sets are renewed once, and what failed is no plan's affair. */
static bool
is_shared(enum quota_kind kind)
{
	return kind == QUOTA_ORDERS || kind == QUOTA_DOMAIN || kind == QUOTA_DOMAIN_ACCT;
}

/* Entries of one CA have accounts of their own. */
static void
bucket_name(const struct planning *p, const struct ledger_due *d, char *dst, size_t size)
{
	snprintf(dst, size, "%s%s%s", quota_is_of_account(d->kind) ? p->upstream : "", quota_is_of_account(d->kind) ? " " : "", d->name);
}

static bool
load_bucket(struct planning *p, struct sql *db, const struct ledger_due *d, struct wave_bucket *ret, struct problem *pr)
{
	char name[UPSTREAM_TEXT + QUOTA_KEY_TEXT + 1];
	bool found;

	*ret = (struct wave_bucket){ .limited = d->limited, .spends = d->spends, .gcra = d->gcra, .tat_ns = d->tat_ns, .frozen_ns = d->frozen_ns,
		.held = d->held, .kept = d->kept };
	if (!is_shared(d->kind))
		return true;
	bucket_name(p, d, name, sizeof(name));
	return incident_bucket_get(db, p->in->id, d->kind, name, &ret->tat_ns, &found, pr);
}

static bool
save_bucket(struct planning *p, struct sql *db, const struct ledger_due *d, const struct wave_bucket *b, struct problem *pr)
{
	char name[UPSTREAM_TEXT + QUOTA_KEY_TEXT + 1];

	if (!is_shared(d->kind) || !b->limited || !b->spends)
		return true;
	bucket_name(p, d, name, sizeof(name));
	return incident_bucket_set(db, p->in->id, d->kind, name, b->tat_ns, pr);
}

static bool
take(struct planning *p, struct sql *db, const struct ledger_ask *ask, enum quota_class class, struct problem *pr)
{
	struct ledger_due dues[DUES_MAX];
	struct wave_bucket buckets[DUES_MAX];
	size_t count, strictest;

	if (!ledger_dues(p->ins->ledger, db, ask, class, dues, DUES_MAX, &count, pr))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!load_bucket(p, db, &dues[i], &buckets[i], pr))
			return false;
	}
	p->at = wave_take(buckets, count, p->slot, &strictest);
	for (size_t i = 0; i < count; i++) {
		if (!save_bucket(p, db, &dues[i], &buckets[i], pr))
			return false;
	}
	if (strictest < count)
		snprintf(p->held_by, sizeof(p->held_by), "%s%s%s", quota_kind_name(dues[strictest].kind),
			is_shared(dues[strictest].kind) && dues[strictest].name[0] ? " of " : "", is_shared(dues[strictest].kind) ? dues[strictest].name : "");
	return true;
}

/* Names that a CA hears of. */
static void
ca_names(const struct idents *all, struct idents *ret)
{
	for (size_t i = 0; i < all->count; i++) {
		if (!ident_is_device(&all->list[i]))
			idents_add(ret, &all->list[i]);
	}
}

static bool
ask_limits(struct planning *p, struct sql *db, const struct candidate *c, const struct upstream_conf *u, struct problem *pr)
{
	struct idents all = { 0 }, names = { 0 };
	struct ledger_ask ask = { .conf = p->conf, .upstream = u, .account_url = p->account_url, .idents = &names, .ordered = &all, .urgent = true,
		.now_ns = p->now * NS_PER_S };
	bool good;

	idents_read(c->idents, &all);
	ca_names(&all, &names);
	/* whether `replaces` will exempt it is the CA's affair, and in an incident it does not */
	good = take(p, db, &ask, quota_classify(false, 0, 0, c->created_at, p->slot), pr);
	idents_done(&all);
	idents_done(&names);
	return good;
}

static bool
on_candidate(struct sql *db, const struct candidate *c, void *arg, struct problem *pr)
{
	struct planning *p = arg;
	const struct upstream_conf *u = conf_upstream(p->conf, c->upstream);

	if (!u || u->driver != DRIVER_ACME)
		return true;
	return find_account(p, db, c->upstream, pr) && ask_limits(p, db, c, u, pr);
}

/* Better a crowd at the CA than a device without a certificate. */
static int64_t
before_end(int64_t at, int64_t not_after, int64_t now)
{
	if (at <= not_after - LAST_S)
		return at;
	return not_after - LAST_S > now ? not_after - LAST_S : now;
}

static bool
plan_one(struct planning *p, struct sql *db, const struct member *m, struct problem *pr)
{
	const struct wave_plan plan = { p->in->planned_at, p->in->per_wave };

	p->slot = p->at = wave_at(&plan, p->in->planned);
	snprintf(p->held_by, sizeof(p->held_by), "%s", wave_plan_is_full(&plan, p->conf->incident_rate) ? "incident_rate" : "");
	if (!candidate_by_id(db, m->cert_id, on_candidate, p, pr))
		return false;
	p->at = before_end(p->at, m->not_after, p->now);
	p->in->planned++;
	if (p->at > p->in->last_wave) {
		p->in->last_wave = p->at;
		memcpy(p->in->held_by, p->held_by, sizeof(p->held_by));
	}
	return member_set_wave(db, p->in->id, m->cert_id, p->at, pr);
}

/* Places that nobody took are gone: who is found late begins where the time is. */
static void
catch_up(struct incident *in, int64_t now)
{
	const struct wave_plan plan = { in->planned_at, in->per_wave };
	int64_t next = wave_at(&plan, in->planned);

	if (next + WAVE_S <= now)
		in->planned_at += now - next;
}

bool
incident_plan_page(struct sql *db, struct incidents *ins, const struct gate_conf *conf, struct incident *in, size_t limit, int64_t now, size_t *ret_count, struct problem *pr)
{
	struct planning p = { .ins = ins, .conf = conf, .in = in, .now = now };
	AUTO_FREE struct member *page = xcalloc(limit, sizeof(*page));
	bool good = member_next(db, in->id, MEMBER_FOUND, (int64_t)limit, page, ret_count, pr);

	/* of a plan that nobody was added to nothing is late */
	if (good && *ret_count)
		catch_up(in, now);
	for (size_t i = 0; good && i < *ret_count; i++)
		good = plan_one(&p, db, &page[i], pr);
	return good;
}
