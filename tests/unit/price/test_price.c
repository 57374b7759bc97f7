/* Prices: each model of a price list with its published example, rounding, and what must hold of any numbers. */
#include <stdlib.h>

#include "base/mem.h"
#include "price/price.h"
#include "tap.h"

static struct idents
names_of(const char *text)
{
	struct span rest = span_str(text), name;
	struct idents set = { 0 };
	struct problem pr = { 0 };
	struct ident id;

	while (rest.n && span_cut(&rest, ' ', &name)) {
		if (ident_parse(SPAN("dns"), name, &id, &pr))
			idents_add(&set, &id);
	}
	return set;
}

static int64_t
weight_of(const struct price_rate *rate, const struct idents *all)
{
	int64_t sum = 0;

	for (size_t i = 0; i < all->count; i++)
		sum += price_weight(rate, &all->list[i], all);
	return sum;
}

static void
weights(void)
{
	static const struct { const char *name, *names; struct price_rate rate; int64_t want; } rows[] = {
		{ "each name counts", "a.test b.test", { .wildcard_factor = PRICE_ONE }, 2 * PRICE_ONE },
		{ "a wildcard counts for five where the list says so", "*.a.test b.test", { .wildcard_factor = 5 * PRICE_ONE }, 6 * PRICE_ONE },
		{ "www is free beside its domain", "a.test www.a.test", { .wildcard_factor = PRICE_ONE, .www_free = true }, PRICE_ONE },
		{ "and not alone", "www.a.test", { .wildcard_factor = PRICE_ONE, .www_free = true }, PRICE_ONE },
		{ "what a wildcard covers is free where the list says so", "*.a.test a.test b.a.test c.b.a.test",
			{ .wildcard_factor = PRICE_ONE, .same_level_free = true }, 2 * PRICE_ONE },
		{ "and not otherwise", "*.a.test a.test b.a.test", { .wildcard_factor = PRICE_ONE }, 3 * PRICE_ONE },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct idents all = names_of(rows[i].names);

		is_int(weight_of(&rows[i].rate, &all), rows[i].want, "%s", rows[i].name);
		idents_done(&all);
	}
}

#define M PRICE_ONE

static void
models(void)
{
	static const struct { const char *name; struct price_rate rate; struct price_facts facts; int64_t quantity, unit, amount; } rows[] = {
		{ "free", { .model = PRICE_FREE, .unit_price = 5 * M }, { .weight = 3 * M }, M, 0, 0 },
		{ "15 and 149 for a wildcard, at each renewal", { .model = PRICE_PER_NAME, .unit_price = 15 * M, .renewal_charged = true },
			{ .kind = PRICE_RENEWAL, .weight = 2 * M }, 2 * M, 15 * M, 30 * M },
		{ "a renewal that is free", { .model = PRICE_PER_NAME, .unit_price = 15 * M }, { .kind = PRICE_RENEWAL, .weight = 2 * M }, 0, 15 * M, 0 },
		{ "a reissue that is free", { .model = PRICE_PER_CERTIFICATE, .unit_price = 200 * M, .renewal_charged = true },
			{ .kind = PRICE_REISSUE }, 0, 200 * M, 0 },
		{ "an order", { .model = PRICE_PER_CERTIFICATE, .unit_price = 200 * M }, { .kind = PRICE_NEW, .weight = 7 * M }, M, 200 * M, 200 * M },
		{ "a name of the first day of a term", { .model = PRICE_PER_NAME_YEAR, .unit_price = 365 * M, .term_days = 365, .full_days = true },
			{ .weight = M, .days_left = 365 }, M, 365 * M, 365 * M },
		{ "of its last", { .model = PRICE_PER_NAME_YEAR, .unit_price = 365 * M, .term_days = 365, .full_days = true },
			{ .weight = 2 * M, .days_left = 1 }, 2 * M, M, 2 * M },
		{ "of none that is full", { .model = PRICE_PER_NAME_YEAR, .unit_price = 365 * M, .term_days = 365, .full_days = true },
			{ .weight = M, .days_left = 0 }, M, 0, 0 },
		{ "of a leap year's", { .model = PRICE_PER_NAME_YEAR, .unit_price = 100 * M, .term_days = 366, .full_days = true },
			{ .weight = M, .days_left = 61 }, M, 16666667, 16666667 },
		{ "names that are paid for", { .model = PRICE_PER_NAME_YEAR, .unit_price = 49 * M, .term_days = 365 }, { .weight = 0, .days_left = 9 }, 0, 49 * M, 0 },
		{ "within the pool", { .model = PRICE_POOL_NAMES, .overage_price = 3 * M, .included = 10 }, { .before = 9 * M, .after = 10 * M }, 0, 3 * M, 0 },
		{ "beyond it", { .model = PRICE_POOL_NAMES, .overage_price = 3 * M, .included = 10 }, { .before = 9 * M, .after = 12 * M }, 2 * M, 3 * M, 6 * M },
		{ "not twice", { .model = PRICE_POOL_NAMES, .overage_price = 3 * M, .included = 10 }, { .before = 12 * M, .after = 11 * M }, 0, 3 * M, 0 },
		{ "0.90 for a signature past the pack", { .model = PRICE_POOL_SIGNATURES, .overage_price = 900000, .included = 100 }, { .before = 100 }, M, 900000, 900000 },
		{ "the last of the pack", { .model = PRICE_POOL_SIGNATURES, .overage_price = 900000, .included = 100 }, { .before = 99 }, 0, 900000, 0 },
		{ "flat", { .model = PRICE_FLAT, .unit_price = 9 * M }, { .weight = M }, M, 0, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct problem pr = { 0 };
		struct price p = { 0 };

		ok(price_of(&rows[i].rate, &rows[i].facts, &p, &pr), "%s", rows[i].name);
		is_int(p.quantity, rows[i].quantity, "its quantity");
		is_int(p.unit_price, rows[i].unit, "its unit price");
		is_int(p.amount, rows[i].amount, "its amount");
	}
}

static void
rounding(void)
{
	static const struct { int64_t a, b, c, want; } rows[] = { { 1, 1, 2, 0 }, { 3, 1, 2, 2 }, { 5, 1, 2, 2 }, { -1, 1, 2, 0 }, { -3, 1, 2, -2 }, { -5, 1, 2, -2 },
		{ 2, 1, 3, 1 }, { 1, 1, 3, 0 }, { -2, 1, 3, -1 }, { INT64_MAX, 7, 7, INT64_MAX }, { 7, 3, 1, 21 } };
	int64_t v;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ok(price_scale(rows[i].a, rows[i].b, rows[i].c, &v) && v == rows[i].want, "%lld * %lld / %lld", (long long)rows[i].a, (long long)rows[i].b,
			(long long)rows[i].c);
	ok(!price_scale(INT64_MAX, 2, 1, &v), "what is out of range is no number");
}

static void
texts(void)
{
	static const struct { const char *text; bool good; int64_t want; const char *back; } rows[] = { { "15", true, 15 * M, "15" }, { "0.90", true, 900000, "0.9" },
		{ "-1.000001", true, -1000001, "-1.000001" }, { "1000000", true, PRICE_MAX, "1000000" }, { "1000000.1", false, 0, NULL },
		{ "1000001", false, 0, NULL }, { "", false, 0, NULL }, { "-", false, 0, NULL }, { ".5", false, 0, NULL }, { "1.", false, 0, NULL },
		{ "1.1234567", false, 0, NULL }, { "+1", false, 0, NULL }, { "1e3", false, 0, NULL }, { "1,000", false, 0, NULL }, { "0", true, 0, "0" },
		{ "99999999999999999999", false, 0, NULL } };
	char back[PRICE_TEXT];

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t v = 0;
		bool good = price_parse(span_str(rows[i].text), &v);

		ok(good == rows[i].good && v == rows[i].want, "\"%s\"", rows[i].text);
		if (good)
			is_str(price_text(v, back), rows[i].back, "is written");
	}
	is_str(price_text(INT64_MIN, back), "-9223372036854.775808", "the least");
}

/* Whatever the numbers: a bill for names together is the bills for each, with a whole factor; and no bill is negative. */
static void
splits(void)
{
	uint64_t wrong = 0;

	srandom(11);
	for (int i = 0; i < 50000; i++) {
		struct price_rate rate = { .model = random() % 2 ? PRICE_PER_NAME : PRICE_PER_NAME_YEAR, .unit_price = random() % PRICE_MAX, .term_days = 365,
			.full_days = true, .renewal_charged = true };
		int64_t names = 1 + random() % 100, first = random() % (names + 1), days = random() % 400;
		struct price whole, one, rest;
		struct problem pr = { 0 };

		if (!price_of(&rate, &(struct price_facts){ .weight = names * M, .days_left = days }, &whole, &pr) ||
			!price_of(&rate, &(struct price_facts){ .weight = first * M, .days_left = days }, &one, &pr) ||
			!price_of(&rate, &(struct price_facts){ .weight = (names - first) * M, .days_left = days }, &rest, &pr)) {
			wrong++;
			continue;
		}
		wrong += whole.amount != one.amount + rest.amount || whole.amount < 0 || whole.quantity != one.quantity + rest.quantity;
	}
	is_int(wrong, 0, "the sum of any split is the whole");
	wrong = 0;
	for (int i = 0; i < 50000; i++) {
		struct price_rate rate = { .model = PRICE_POOL_NAMES, .overage_price = M, .included = random() % 50 };
		int64_t peak = 0, paid = 0, lives = 0;

		for (int step = 0; step < 8; step++) {
			struct problem pr = { 0 };
			struct price p;

			lives = random() % 80 * M;
			if (!price_of(&rate, &(struct price_facts){ .before = peak, .after = lives }, &p, &pr))
				wrong++;
			paid += p.amount;
			peak = lives > peak ? lives : peak;
		}
		wrong += paid != (peak > rate.included * M ? peak - rate.included * M : 0);
	}
	is_int(wrong, 0, "a pool costs what its peak is beyond what is included, however it came there");
}

int
main(void)
{
	weights();
	models();
	rounding();
	texts();
	splits();
	return done_testing();
}
