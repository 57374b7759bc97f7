/* flow/bill.c - see bill.h. */
#include "flow/bill.h"

#include <stdio.h>

#include "flow/names.h"
#include "store/upstream.h"

#define DAY_S 86400

struct charge {
	struct sql *db;
	const struct gate_conf *conf;
	const struct order *order;
	const struct cert_row *cert;
	const struct rate_conf *rate;   /* NULL = the card has none */
	int64_t now;
	char key[400];                  /* of the rate's term */
	struct bill_term term;
	struct bill_row row;
};

/* ---- what it is ---- */

/* The same names before, of the same principal at the same CA: again long before the end of that, or in its place. */
static bool
kind_of(struct charge *c, const struct upstream_conf *u, struct problem *pr)
{
	char key[IDENTS_KEY_TEXT];
	struct cert_row last = { 0 };
	bool found, early;

	c->row.kind = PRICE_NEW;
	if (u && u->driver == DRIVER_LOCAL) {
		c->row.kind = PRICE_INTERNAL;
		return true;
	}
	idents_key(&c->cert->idents, key);
	if (!cert_last_of_set(c->db, c->cert->principal, key, &last, &found, pr))
		return false;
	early = found && !last.revoked_at && strcmp(last.upstream, c->cert->upstream) == 0 &&
		c->now < last.not_before + (last.not_after - last.not_before) / 2;
	if (c->order->replaces || found)
		c->row.kind = early && !c->order->replaces ? PRICE_REISSUE : PRICE_RENEWAL;
	cert_row_done(&last);
	return true;
}

static bool
payer_of(struct charge *c, struct problem *pr)
{
	const struct tenant_conf *t = conf_tenant(c->conf, c->order->tenant);
	struct bill_row *r = &c->row;
	struct eab_key k = { 0 };
	bool found = false;

	span_copy(span_str(c->order->tenant), r->tenant, sizeof(r->tenant));
	if (c->order->principal < 0 && !eab_by_id(c->db, -c->order->principal, &k, &found, pr))
		return false;
	if (found)
		memcpy(r->eab, k.kid, sizeof(r->eab));
	if (found && k.cost_centre[0])
		memcpy(r->cost_centre, k.cost_centre, sizeof(r->cost_centre));
	else if (t && t->cost_centre)
		span_copy(span_str(t->cost_centre), r->cost_centre, sizeof(r->cost_centre));
	eab_key_done(&k);
	return true;
}

/* The order at the CA, which is known as long as the job has not ended. */
static bool
url_of(struct charge *c, struct problem *pr)
{
	struct upstream_order up = { 0 };
	bool found;

	if (!upstream_order_get(c->db, c->order->id, &up, &found, pr))
		return false;
	if (found)
		span_copy(span_str(up.url), c->row.url, sizeof(c->row.url));
	return true;
}

static void
describe(struct charge *c, const struct upstream_conf *u)
{
	const struct idents *names = &c->cert->idents;
	struct bill_row *r = &c->row;

	r->at = c->now;
	memcpy(r->upstream, c->cert->upstream, sizeof(r->upstream));
	span_copy(span_str(u && u->ca ? u->ca : c->cert->upstream), r->ca, sizeof(r->ca));
	memcpy(r->profile, c->cert->profile, sizeof(r->profile));
	memcpy(r->order_ref, c->order->ref, sizeof(r->order_ref));
	/* as invoices have it */
	span_copy(span_str(c->cert->serial + strspn(c->cert->serial, "0")), r->serial, sizeof(r->serial));
	memcpy(r->sha256, c->cert->sha256, sizeof(r->sha256));
	r->names = (int64_t)names->count;
	for (size_t i = 0; i < names->count; i++)
		r->wildcards += ident_is_wildcard(&names->list[i]);
	if (names->count)
		span_copy(span_str(names->list[0].value), r->name, sizeof(r->name));
}

/* ---- terms ---- */

static bool
has_terms(const struct price_rate *rate)
{
	return rate->model == PRICE_PER_NAME_YEAR || rate->model == PRICE_POOL_NAMES || rate->model == PRICE_POOL_SIGNATURES || rate->model == PRICE_FLAT;
}

/* By contract one after the other from the first day on; else from the midnight after what is first issued. */
static void
term_begin(struct charge *c)
{
	int64_t length = c->rate->term_days * DAY_S;

	c->term = (struct bill_term){ .active = c->term.active };
	if (c->rate->term_start == RATE_CONTRACT) {
		c->term.begin = c->rate->from + (c->now - c->rate->from) / length * length;
		c->term.end = c->term.begin + length;
	} else {
		c->term.begin = c->now;
		c->term.end = (c->now / DAY_S + 1) * DAY_S + length;
	}
}

/* The fee of a term. */
static bool
purchase(struct charge *c, struct problem *pr)
{
	const struct price_rate *rate = &c->rate->rate;
	struct bill_row fee = c->row;

	if (rate->model == PRICE_PER_NAME_YEAR || rate->unit_price == 0)
		return true;
	fee.kind = PRICE_PURCHASE;
	fee.price = (struct price){ .quantity = PRICE_ONE, .unit_price = rate->unit_price, .amount = rate->unit_price };
	fee.names = fee.wildcards = fee.refund_until = 0;
	fee.serial[0] = fee.sha256[0] = fee.name[0] = fee.url[0] = '\0';
	return bill_insert(c->db, &fee, pr);
}

static bool
term_load(struct charge *c, struct problem *pr)
{
	int64_t ended;
	bool found;

	snprintf(c->key, sizeof(c->key), "%s/%s", c->rate->ca, c->rate->product);
	if (!bill_term_get(c->db, c->key, &c->term, &found, pr) || !bill_names_end(c->db, c->key, c->now, &ended, pr))
		return false;
	c->term.active -= ended;
	if (found && c->now < c->term.end)
		return true;
	term_begin(c);
	return purchase(c, pr);
}

/* What the names count for that are not paid for, or did not live, yet. */
static bool
weigh_new(struct charge *c, int64_t *ret, struct problem *pr)
{
	int64_t until = c->rate->rate.model == PRICE_POOL_NAMES ? c->cert->not_after : c->term.end;
	const struct idents *names = &c->cert->idents;

	*ret = 0;
	for (size_t i = 0; i < names->count; i++) {
		int64_t weight = price_weight(&c->rate->rate, &names->list[i], names);
		bool is_new;

		if (weight == 0)
			continue;
		if (!bill_name_put(c->db, c->key, names->list[i].value, weight, until, &is_new, pr))
			return false;
		*ret += is_new ? weight : 0;
	}
	return true;
}

static bool
facts_of_term(struct charge *c, struct price_facts *f, struct problem *pr)
{
	struct bill_term *t = &c->term;
	enum price_model model = c->rate->rate.model;

	if (!term_load(c, pr))
		return false;
	if ((model == PRICE_PER_NAME_YEAR || model == PRICE_POOL_NAMES) && !weigh_new(c, &f->weight, pr))
		return false;
	f->days_left = (t->end - c->now) / DAY_S;
	if (model == PRICE_POOL_NAMES) {
		t->active += f->weight;
		f->before = t->peak;
		f->after = t->active;
		t->peak = t->active > t->peak ? t->active : t->peak;
	} else {
		f->before = t->used;
	}
	t->used++;
	return bill_term_put(c->db, c->key, t, pr);
}

/* ---- the price ---- */

static bool
charge(struct charge *c, struct problem *pr)
{
	const struct price_rate *rate = &c->rate->rate;
	const struct idents *names = &c->cert->idents;
	struct price_facts f = { .kind = c->row.kind };
	struct bill_row *r = &c->row;

	span_copy(span_str(c->rate->product), r->product, sizeof(r->product));
	span_copy(span_str(price_model_name(rate->model)), r->model, sizeof(r->model));
	span_copy(span_str(c->conf->prices->version), r->card, sizeof(r->card));
	span_copy(span_str(c->conf->prices->currency), r->currency, sizeof(r->currency));
	if (c->rate->refund_days)
		r->refund_until = c->now + c->rate->refund_days * DAY_S;
	for (size_t i = 0; i < names->count; i++)
		f.weight += price_weight(rate, &names->list[i], names);
	return (!has_terms(rate) || facts_of_term(c, &f, pr)) && price_of(rate, &f, &r->price, pr);
}

bool
bill_issue(struct sql *db, const struct gate_conf *conf, const struct order *o, const struct cert_row *cert, int64_t now, struct problem *pr)
{
	const struct upstream_conf *u = conf_upstream(conf, o->upstream);
	struct charge c = { .db = db, .conf = conf, .order = o, .cert = cert, .now = now, .rate = u ? conf_rate_find(conf, u, o->profile, now) : NULL };

	describe(&c, u);
	c.row.price.quantity = PRICE_ONE;
	return kind_of(&c, u, pr) && payer_of(&c, pr) && url_of(&c, pr) && (!c.rate || charge(&c, pr)) && bill_insert(db, &c.row, pr);
}

bool
bill_revoke(struct sql *db, const struct cert_row *cert, int64_t now, struct problem *pr)
{
	struct bill_row row;
	bool found;

	if (!bill_of_cert(db, cert->sha256, &row, &found, pr))
		return false;
	if (!found)
		return true;
	row.price.quantity = now < row.refund_until ? -row.price.quantity : 0;
	row.price.amount = now < row.refund_until ? -row.price.amount : 0;
	row.kind = PRICE_REVOCATION;
	row.corrects = row.id;
	row.at = now;
	row.refund_until = 0;
	return bill_insert(db, &row, pr);
}
