/* ledger.c - see ledger.h: admission. */
#include "ledger/ledger.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/rand.h"
#include "ledger/ledger_int.h"
#include "store/queue.h"

bool
ledger_open(const struct gate_conf *conf, struct ledger **ret, struct problem *pr)
{
	struct ledger *l = xcalloc(1, sizeof(*l));

	atomic_init(&l->well, true);
	pthread_mutex_init(&l->crowds_lock, NULL);
	rand_bytes(l->salt, sizeof(l->salt));
	if (!psl_open(conf->public_suffix_list, &l->psl, pr)) {
		pthread_mutex_destroy(&l->crowds_lock);
		free(l);
		return false;
	}
	*ret = l;
	return true;
}

void
ledger_close(struct ledger *l)
{
	if (!l)
		return;
	psl_close(l->psl);
	pthread_mutex_destroy(&l->crowds_lock);
	free(l);
}

bool
ledger_is_well(const struct ledger *l)
{
	return atomic_load(&l->well);
}

void
ledger_set_well(struct ledger *l, bool well)
{
	atomic_store(&l->well, well);
}

const char *
ledger_scope(const struct ledger_ask *ask, enum quota_kind kind)
{
	return quota_is_of_account(kind) ? ask->account_url : ask->upstream->ca;
}

const char *
ledger_ident(const struct ident *id)
{
	return id->value;
}

const char *
ledger_label(const struct bucket *b, char dst[BUCKET_LABEL_TEXT])
{
	if (b->kind == QUOTA_SET)
		snprintf(dst, BUCKET_LABEL_TEXT, "%s", quota_kind_name(b->kind));
	else
		snprintf(dst, BUCKET_LABEL_TEXT, "%s%s%s", quota_kind_name(b->kind), b->name[0] ? " of " : "", b->name);
	return dst;
}

struct quota_rate
ledger_rate(const struct upstream_conf *u, const struct bucket *b)
{
	struct quota_rate conf = conf_limit_rate(u, b->kind, b->name);

	/* what the operator has changed since is newer */
	return b->learned.count && b->learned_instead == conf.burst ? b->learned : conf;
}

bool
ledger_find(struct sql *db, const struct ledger_ask *ask, enum quota_kind kind, const char *name, struct bucket *b, struct quota_item *it, struct problem *pr)
{
	const char *scope = ledger_scope(ask, kind);
	int64_t most_ns = gcra_add(ask->now_ns, LEDGER_FROZEN_MAX_NS);
	struct quota_rate rate;
	struct bucket any;

	if (!bucket_find(db, scope, kind, name, b, pr))
		return false;
	rate = ledger_rate(ask->upstream, b);
	if (rate.count == 0) {
		if (!bucket_find(db, scope, kind, LEDGER_ANY, &any, pr))
			return false;
		rate = ledger_rate(ask->upstream, &any);
	}
	*it = (struct quota_item){ .cost = 1 };
	it->limited = gcra_make(rate.count, rate.burst, rate.period_s, &it->gcra);
	it->tat_ns = it->limited ? gcra_clamp(&it->gcra, b->tat_ns, ask->now_ns) : 0;
	/* a clock that went back freezes nothing for longer than a CA may */
	it->frozen_ns = b->frozen_ns > most_ns ? most_ns : b->frozen_ns;
	return true;
}

bool
ledger_domain(const struct ledger *l, struct sql *db, const struct ledger_ask *ask, const struct ident *id, char ret[QUOTA_KEY_TEXT], bool *ret_has, struct problem *pr)
{
	char adopted[QUOTA_KEY_TEXT];

	*ret_has = psl_domain(l->psl, id, ret);
	if (!*ret_has || id->type != IDENT_DNS)
		return true;
	if (!bucket_adopted(db, ask->upstream->ca, ident_base(id), adopted, pr))
		return false;
	if (adopted[0])
		memcpy(ret, adopted, sizeof(adopted));
	return true;
}

/* ---- one admission ---- */

struct entry {
	struct bucket bucket;
	bool is_newer; /* what is known of it is less than was stored: another clock, or another rate */
	int64_t ahead;
};

struct admission {
	struct ledger *l;
	struct sql *db;
	const struct ledger_ask *ask;
	bool foresees;         /* only asked when, behind those that wait */
	int64_t since;
	enum quota_class class;
	struct entry *entries; /* of items, in the same order; owned, as are these */
	struct quota_item *items;
	size_t count;
};

static size_t
entries_max(const struct idents *idents)
{
	return 2 + 4 * idents->count;
}

static bool
is_there(const struct admission *a, enum quota_kind kind, const char *name)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->entries[i].bucket.kind == kind && strcmp(a->entries[i].bucket.name, name) == 0)
			return true;
	}
	return false;
}

static bool
crowd_recall(struct ledger *l, int64_t bucket, bool urgent, int64_t *ret)
{
	const struct crowd *c = &l->crowds[(uint64_t)bucket % LEDGER_CROWDS];
	bool known;

	pthread_mutex_lock(&l->crowds_lock);
	known = c->bucket == bucket && c->urgent == urgent && clock_ms() - c->at_ms < LEDGER_CROWD_MS;
	*ret = known ? c->count : 0;
	pthread_mutex_unlock(&l->crowds_lock);
	return known;
}

static void
crowd_keep(struct ledger *l, int64_t bucket, bool urgent, int64_t count)
{
	pthread_mutex_lock(&l->crowds_lock);
	l->crowds[(uint64_t)bucket % LEDGER_CROWDS] = (struct crowd){ bucket, count, clock_ms(), urgent };
	pthread_mutex_unlock(&l->crowds_lock);
}

/* Of an order that is to be made, behind all of them. */
static bool
count_all(struct ledger *l, struct sql *db, int64_t bucket, bool urgent, int64_t *ret, struct problem *pr)
{
	if (crowd_recall(l, bucket, urgent, ret))
		return true;
	if (!waiters_ahead(db, bucket, 0, urgent, ret, pr))
		return false;
	if (*ret >= LEDGER_CROWD)
		crowd_keep(l, bucket, urgent, *ret);
	return true;
}

/* Orders in the queue for the bucket, and places kept for it. */
static bool
count_ahead(struct admission *a, struct entry *e, struct problem *pr)
{
	const struct ledger_ask *ask = a->ask;
	int64_t places;

	if (!(ask->order_id ? waiters_ahead(a->db, e->bucket.id, ask->order_id, ask->urgent, &e->ahead, pr) :
			      count_all(a->l, a->db, e->bucket.id, ask->urgent, &e->ahead, pr)) ||
		!places_ahead(a->db, e->bucket.id, a->since, ask->now_ns / NS_PER_S, &places, pr))
		return false;
	e->ahead += places;
	return true;
}

/* Tokens that are promised to others: to orders under way; and, where it is foretold, to those that wait before it. */
static bool
count_held(struct admission *a, struct entry *e, struct quota_item *it, struct problem *pr)
{
	int64_t held;

	if (e->bucket.id == 0)
		return true;
	if (a->foresees && !count_ahead(a, e, pr))
		return false;
	if (it->mode == QUOTA_CHECK)
		return true;
	if (!hold_count(a->db, e->bucket.id, a->ask->order_id, &held, pr))
		return false;
	it->held = held + e->ahead;
	return true;
}

static bool
add(struct admission *a, enum quota_kind kind, const char *name, bool acct_rate, struct problem *pr)
{
	struct entry *e = &a->entries[a->count];
	struct quota_item *it = &a->items[a->count];
	const struct upstream_conf *u = a->ask->upstream;
	enum quota_mode mode;

	if (!quota_at_new_order(a->class, kind, acct_rate, &mode) || is_there(a, kind, name))
		return true;
	if (!ledger_find(a->db, a->ask, kind, name, &e->bucket, it, pr))
		return false;
	it->mode = mode;
	e->is_newer = it->limited && e->bucket.id && it->tat_ns < e->bucket.tat_ns;
	if (!it->limited && it->frozen_ns <= a->ask->now_ns)
		return true;
	if (!count_held(a, e, it, pr))
		return false;
	if (it->limited)
		it->kept = quota_kept(kind, it->gcra.burst, u->limits_margin, u->limits_reserve, a->ask->urgent);
	a->count++;
	return true;
}

static bool
add_name(struct admission *a, const struct ident *id, struct problem *pr)
{
	char domain[QUOTA_KEY_TEXT];
	bool has, acct;

	if (!ledger_domain(a->l, a->db, a->ask, id, domain, &has, pr))
		return false;
	if (has) {
		acct = conf_limit_rate(a->ask->upstream, QUOTA_DOMAIN_ACCT, domain).count > 0;
		if (!add(a, QUOTA_DOMAIN, domain, acct, pr) || !add(a, QUOTA_DOMAIN_ACCT, domain, acct, pr))
			return false;
	}
	return add(a, QUOTA_FAIL, ledger_ident(id), false, pr) && add(a, QUOTA_FAIL_PAUSE, ledger_ident(id), false, pr);
}

/* Everything that newOrder is checked against. */
static bool
collect(struct admission *a, struct problem *pr)
{
	char key[IDENTS_KEY_TEXT];

	idents_key(a->ask->idents, key);
	if (!add(a, QUOTA_ORDERS, "", false, pr) || !add(a, QUOTA_SET, key, false, pr))
		return false;
	for (size_t i = 0; i < a->ask->idents->count; i++) {
		if (!add_name(a, &a->ask->idents->list[i], pr))
			return false;
	}
	return true;
}

/* When the same set was last certified by this CA, through whichever entry. */
bool
ledger_class(struct sql *db, const struct ledger_ask *ask, enum quota_class *ret, struct problem *pr)
{
	const struct upstream_conf *list = ask->conf->upstreams.list;
	AUTO_FREE const char **names = xcalloc(ask->conf->upstreams.count + 1, sizeof(*names));
	int64_t now = ask->now_ns / NS_PER_S, issued_at;
	char key[IDENTS_KEY_TEXT];
	size_t n = 0;

	for (size_t i = 0; i < ask->conf->upstreams.count; i++) {
		if (list[i].ca && strcmp(list[i].ca, ask->upstream->ca) == 0)
			names[n++] = list[i].name;
	}
	idents_key(ask->ordered, key);
	if (!cert_set_issued_at(db, key, names, n, now - QUOTA_EXACT_S, &issued_at, pr))
		return false;
	*ret = quota_classify(ask->replaces, ask->window_start, ask->window_end, issued_at, now);
	return true;
}

static bool
hold_all(struct admission *a, struct problem *pr)
{
	for (size_t i = 0; i < a->count; i++) {
		struct bucket *b = &a->entries[i].bucket;

		if (a->items[i].mode == QUOTA_CHECK || !a->items[i].limited)
			continue;
		if ((b->id == 0 && !bucket_save(a->db, b, pr)) || !hold_add(a->db, a->ask->order_id, b->id, pr))
			return false;
	}
	return true;
}

/* A rate that was raised counts from now on, not from when the old one would have filled the bucket. */
static bool
keep_newer(struct admission *a, struct problem *pr)
{
	for (size_t i = 0; i < a->count; i++) {
		if (!a->entries[i].is_newer)
			continue;
		a->entries[i].bucket.tat_ns = a->items[i].tat_ns;
		if (!bucket_save(a->db, &a->entries[i].bucket, pr))
			return false;
	}
	return true;
}

static void
fill_blocked(const struct admission *a, const struct quota_decision *d, struct ledger_answer *ret)
{
	const struct entry *e = &a->entries[d->strictest];
	const struct quota_item *it = &a->items[d->strictest];

	ret->blocked = e->bucket;
	ret->ahead = e->ahead;
	ret->each_ns = it->limited ? it->gcra.emission_ns : 0;
	ret->wait_ns = d->retry_ns;
	ret->until = gcra_add(gcra_add(a->ask->now_ns, d->retry_ns), NS_PER_S - 1) / NS_PER_S;
}

static bool
decide(struct admission *a, struct ledger_answer *ret, struct problem *pr)
{
	struct quota_decision d = quota_batch(a->items, a->count, a->ask->now_ns);
	struct entry *e = a->count ? &a->entries[d.strictest] : NULL;

	*ret = (struct ledger_answer){ .admitted = d.answer == GCRA_ALLOWED, .class = a->class };
	if (d.answer == GCRA_MISUSED)
		return problem_internal(pr, "the ledger was asked for more than bucket %s ever holds", quota_kind_name(e->bucket.kind));
	if (ret->admitted)
		return a->foresees || hold_all(a, pr);
	/* whoever waits names the bucket by its row */
	if (!a->foresees && ((e->bucket.id == 0 && !bucket_save(a->db, &e->bucket, pr)) || !keep_newer(a, pr)))
		return false;
	fill_blocked(a, &d, ret);
	return true;
}

static bool
look(struct admission *a, struct ledger_answer *ret, struct problem *pr)
{
	bool good;

	a->entries = xcalloc(entries_max(a->ask->idents), sizeof(*a->entries));
	a->items = xcalloc(entries_max(a->ask->idents), sizeof(*a->items));
	good = ledger_class(a->db, a->ask, &a->class, pr) && collect(a, pr) && decide(a, ret, pr);
	free(a->entries);
	free(a->items);
	return good;
}

bool
ledger_admit(struct ledger *l, struct sql *db, const struct ledger_ask *ask, struct ledger_answer *ret, struct problem *pr)
{
	struct admission a = { .l = l, .db = db, .ask = ask };

	/* an earlier newOrder whose outcome is not known: the CA has counted it */
	return ledger_ordered(db, ask, pr) && hold_delete_all(db, ask->order_id, pr) && look(&a, ret, pr);
}

bool
ledger_forecast(struct ledger *l, struct sql *db, const struct ledger_ask *ask, int64_t since, struct ledger_answer *ret, struct problem *pr)
{
	struct admission a = { .l = l, .db = db, .ask = ask, .foresees = true, .since = since };

	return look(&a, ret, pr);
}

static void
fill_due(const struct entry *e, const struct quota_item *it, struct ledger_due *ret)
{
	*ret = (struct ledger_due){ .kind = e->bucket.kind, .spends = it->mode != QUOTA_CHECK, .limited = it->limited, .gcra = it->gcra,
		.tat_ns = it->tat_ns, .frozen_ns = it->frozen_ns, .held = it->held, .kept = it->kept };
	memcpy(ret->name, e->bucket.name, sizeof(ret->name));
}

bool
ledger_dues(struct ledger *l, struct sql *db, const struct ledger_ask *ask, enum quota_class class, struct ledger_due *ret, size_t max, size_t *ret_count, struct problem *pr)
{
	struct admission a = { .l = l, .db = db, .ask = ask, .foresees = true, .since = ask->now_ns / NS_PER_S, .class = class };
	bool good;

	a.entries = xcalloc(entries_max(ask->idents), sizeof(*a.entries));
	a.items = xcalloc(entries_max(ask->idents), sizeof(*a.items));
	good = collect(&a, pr);
	*ret_count = a.count < max ? a.count : max;
	for (size_t i = 0; good && i < *ret_count; i++)
		fill_due(&a.entries[i], &a.items[i], &ret[i]);
	free(a.entries);
	free(a.items);
	return good;
}
