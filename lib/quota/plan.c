/* plan.c - see plan.h. */
#include "quota/plan.h"

#define DAY_S (INT64_C(86400))
#define NUMBER_MAX (INT64_C(1000000000))
#define SHORT_LIFE_S (10 * DAY_S)

static int64_t
divide_up(int64_t a, int64_t b)
{
	return a / b + (a % b != 0);
}

/* When the last of `certs` may be asked for, the first ones being asked for now. */
static bool
until_last(struct quota_rate rate, int64_t certs, int64_t *ret_s)
{
	struct gcra g;
	int64_t ns;

	*ret_s = 0;
	if (rate.count == 0 || certs <= rate.burst)
		return true;
	if (!gcra_make(rate.count, rate.burst, rate.period_s, &g) || __builtin_mul_overflow(certs - rate.burst, g.emission_ns, &ns))
		return false;
	*ret_s = divide_up(ns, NS_PER_S);
	return true;
}

/* The rate, in the limit's own period, that lets `certs` through in time: with the burst that there is. */
static struct quota_rate
needed(struct quota_rate rate, int64_t certs, int64_t takes_s, int64_t within_s)
{
	if (within_s == 0 || takes_s <= within_s)
		return (struct quota_rate){ 0 };
	return (struct quota_rate){ (int64_t)((double)certs * (double)rate.period_s / (double)within_s + 0.999999), rate.burst, rate.period_s };
}

bool
plan_make(const struct plan_rq *rq, struct plan *ret)
{
	struct plan p = { 0 };
	int64_t names;

	if (rq->devices < 1 || rq->devices > NUMBER_MAX || rq->domains < 1 || rq->domains > NUMBER_MAX || rq->names_per_cert < 1 ||
		rq->names_per_cert > NUMBER_MAX || rq->lifetime_s < 1 || rq->lifetime_s > 36500 * DAY_S || rq->within_s < 0)
		return false;
	names = divide_up(rq->devices, rq->domains);
	p.certs_per_domain = divide_up(names, rq->names_per_cert);
	p.certs = divide_up(rq->devices, rq->names_per_cert);
	if (!until_last(rq->by_domain, p.certs_per_domain, &p.by_domain_s) || !until_last(rq->by_orders, p.certs, &p.by_orders_s))
		return false;
	p.renew_at_s = rq->lifetime_s < SHORT_LIFE_S ? rq->lifetime_s / 2 : rq->lifetime_s / 3 * 2 + rq->lifetime_s % 3 * 2 / 3;
	p.renew_at_s += p.renew_at_s == 0;
	p.window_s = rq->lifetime_s / 50;
	p.renewals_per_day = (double)p.certs * DAY_S / (double)p.renew_at_s;
	p.renewals_per_hour = p.renewals_per_day / 24;
	p.need_domain = needed(rq->by_domain, p.certs_per_domain, p.by_domain_s, rq->within_s);
	p.need_orders = needed(rq->by_orders, p.certs, p.by_orders_s, rq->within_s);
	*ret = p;
	return true;
}
