/* The arithmetic of a fleet of 10,000, as published limits give it. */
#include "base/mem.h"
#include "quota/plan.h"
#include "tap.h"

#define HOUR 3600
#define DAY 86400

static struct plan
plan(int64_t domains, int64_t names, int64_t lifetime_s, int64_t within_s)
{
	struct plan_rq rq = { 10000, domains, names, lifetime_s, within_s, quota_table_rate(QUOTA_TABLE_LETSENCRYPT, QUOTA_DOMAIN),
		quota_table_rate(QUOTA_TABLE_LETSENCRYPT, QUOTA_ORDERS) };
	struct plan p = { 0 };

	ok(plan_make(&rq, &p), "10,000 devices, %lld domains, %lld names", (long long)domains, (long long)names);
	return p;
}

static int64_t
rounded(int64_t s, int64_t unit)
{
	return (s + unit / 2) / unit;
}

static void
first_certificates(void)
{
	static const struct { int64_t names, certs, days, hours; } rows[] = {
		{ 1, 10000, 1393, 97 }, { 5, 2000, 273, 17 }, { 10, 1000, 133, 7 }, { 25, 400, 49, 1 }, { 50, 200, 21, 0 }, { 100, 100, 7, 0 },
	};
	static const struct { int64_t domains, days; } spread[] = { { 5, 273 }, { 10, 133 }, { 50, 21 }, { 100, 7 }, { 200, 0 } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct plan p = plan(1, rows[i].names, 90 * DAY, 0);

		ok(p.certs == rows[i].certs && rounded(p.by_domain_s, DAY) == rows[i].days && rounded(p.by_orders_s, HOUR) == rows[i].hours,
			"%lld names a certificate: %lld certificates, %lld d by domain, %lld h by orders", (long long)rows[i].names,
			(long long)p.certs, (long long)rounded(p.by_domain_s, DAY), (long long)rounded(p.by_orders_s, HOUR));
	}
	for (size_t i = 0; i < COUNT_OF(spread); i++)
		is_int(rounded(plan(spread[i].domains, 1, 90 * DAY, 0).by_domain_s, DAY), spread[i].days, "spread over %lld domains: days",
			(long long)spread[i].domains);
}

static void
overrides(void)
{
	struct plan p = plan(1, 1, 90 * DAY, 7 * DAY);

	ok(p.need_domain.count == 10000 && p.need_domain.period_s == 7 * DAY, "to be done in a week: 10,000 a week of the domain");
	is_int(p.need_orders.count, 0, "and the orders suffice");
	p = plan(1, 1, 90 * DAY, DAY);
	is_int(p.need_domain.count, 70000, "to be done in a day: 70,000 a week of the domain");
	is_int(p.need_orders.count, 1250, "and 1,250 orders in three hours: 10,000 a day");
	p = plan(200, 1, 90 * DAY, 7 * DAY);
	is_int(p.need_domain.count, 0, "spread over 200 domains nothing is needed");
}

static void
renewals(void)
{
	/* 3,000 a day: a round 3.33 days would make it 3,003 */
	static const struct { int64_t life; double day, hour, window_h; } rows[] = {
		{ 90 * DAY, 167, 6.9, 43.2 }, { 64 * DAY, 234, 9.8, 30.7 }, { 45 * DAY, 333, 13.9, 21.6 }, { 160 * HOUR, 3000, 125, 3.2 },
		{ 47 * DAY, 319, 13.3, 22.6 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct plan p = plan(1, 1, rows[i].life, 0);
		double day = p.renewals_per_day, hour = p.renewals_per_hour, window = (double)p.window_s / HOUR;

		ok(day > rows[i].day - 0.51 && day < rows[i].day + 0.51 && hour > rows[i].hour - 0.051 && hour < rows[i].hour + 0.051 &&
				window > rows[i].window_h - 0.051 && window < rows[i].window_h + 0.051,
			"a life of %lld h: %.1f renewals a day, %.2f an hour, a window of %.2f h", (long long)(rows[i].life / HOUR), day, hour, window);
	}
}

static void
refusals(void)
{
	struct plan_rq rq = { 1, 1, 1, 90 * DAY, 0, { 0 }, { 0 } };
	struct plan p;

	ok(plan_make(&rq, &p) && p.by_domain_s == 0 && p.by_orders_s == 0, "without limits all is at once");
	rq.devices = 0;
	ok(!plan_make(&rq, &p), "no device, no plan");
	rq = (struct plan_rq){ 1, 0, 1, 90 * DAY, 0, { 0 }, { 0 } };
	ok(!plan_make(&rq, &p), "nor without a domain");
	rq = (struct plan_rq){ 1, 1, 1, 0, 0, { 0 }, { 0 } };
	ok(!plan_make(&rq, &p), "nor with certificates of no life");
	rq = (struct plan_rq){ 1000000000, 1, 1, 90 * DAY, 0, { 1, 1, 10000000000 }, { 0 } };
	ok(!plan_make(&rq, &p), "nor beyond the years that can be counted");
	rq = (struct plan_rq){ 10, 1, 1, 1, 0, { 0 }, { 0 } };
	ok(plan_make(&rq, &p) && p.renew_at_s == 1, "a life of a second is no division by zero");
}

int
main(void)
{
	first_certificates();
	overrides();
	renewals();
	refusals();
	return done_testing();
}
