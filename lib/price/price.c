/* price.c - see price.h. */
#include "price/price.h"

#include <stdio.h>

#include "base/mem.h"

static const char *const model_names[] = {
	[PRICE_FREE] = "free",
	[PRICE_PER_CERTIFICATE] = "per_certificate",
	[PRICE_PER_NAME] = "per_name",
	[PRICE_PER_NAME_YEAR] = "per_name_year",
	[PRICE_POOL_NAMES] = "pool_names_peak",
	[PRICE_POOL_SIGNATURES] = "pool_signatures",
	[PRICE_FLAT] = "flat",
};
_Static_assert(COUNT_OF(model_names) == PRICE_MODEL__COUNT, "each has a name");

static const char *const kind_names[] = {
	[PRICE_NEW] = "new",
	[PRICE_RENEWAL] = "renewal",
	[PRICE_REISSUE] = "reissue",
	[PRICE_INTERNAL] = "internal",
	[PRICE_REVOCATION] = "revocation",
	[PRICE_PURCHASE] = "purchase",
	[PRICE_CORRECTION] = "correction",
};
_Static_assert(COUNT_OF(kind_names) == PRICE_KIND__COUNT, "each has a name");

const char *
price_model_name(enum price_model model)
{
	return model_names[model];
}

const char *
price_kind_name(enum price_kind kind)
{
	return kind_names[kind];
}

bool
price_scale(int64_t a, int64_t b, int64_t c, int64_t *ret)
{
	__int128 product = (__int128)a * b, quotient = product / c, rest = product % c;
	__int128 twice = (rest < 0 ? -rest : rest) * 2;

	if (twice > c || (twice == c && quotient % 2 != 0))
		quotient += product < 0 ? -1 : 1;
	if (quotient > INT64_MAX || quotient < INT64_MIN)
		return false;
	*ret = (int64_t)quotient;
	return true;
}

/* ---- names ---- */

static bool
has_name(const struct idents *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->list[i].type == IDENT_DNS && strcmp(all->list[i].value, name) == 0)
			return true;
	}
	return false;
}

/* Is there a wildcard beside it that has it, or whose base it is? */
static bool
is_covered(const struct ident *id, const struct idents *all)
{
	char wildcard[IDENT_VALUE + 2];
	const char *parent = strchr(id->value, '.');

	snprintf(wildcard, sizeof(wildcard), "*.%s", id->value);
	if (has_name(all, wildcard))
		return true;
	snprintf(wildcard, sizeof(wildcard), "*%s", parent ? parent : "");
	return parent && has_name(all, wildcard);
}

int64_t
price_weight(const struct price_rate *rate, const struct ident *id, const struct idents *all)
{
	if (ident_is_device(id))
		return 0; /* no CA but one's own hears of it */
	if (ident_is_wildcard(id))
		return rate->wildcard_factor;
	if (id->type != IDENT_DNS)
		return PRICE_ONE;
	if (rate->www_free && strncmp(id->value, "www.", 4) == 0 && has_name(all, id->value + 4))
		return 0;
	return rate->same_level_free && is_covered(id, all) ? 0 : PRICE_ONE;
}

/* ---- models ---- */

static bool
is_charged(const struct price_rate *rate, enum price_kind kind)
{
	return kind == PRICE_RENEWAL ? rate->renewal_charged : kind != PRICE_REISSUE || rate->reissue_charged;
}

/* Of the quantity that lies beyond what is included. */
static int64_t
beyond(int64_t included, int64_t before, int64_t after)
{
	int64_t from = before > included ? before : included;

	return after > from ? after - from : 0;
}

static bool
weigh(const struct price_rate *rate, const struct price_facts *f, struct price *ret)
{
	int64_t weight = f->weight;

	switch (rate->model) {
	case PRICE_FREE:
	case PRICE_FLAT:
	case PRICE_MODEL__COUNT:
		*ret = (struct price){ .quantity = PRICE_ONE };
		return true;
	case PRICE_PER_CERTIFICATE:
		weight = PRICE_ONE;
		/* fall through */
	case PRICE_PER_NAME:
		*ret = (struct price){ .quantity = is_charged(rate, f->kind) ? weight : 0, .unit_price = rate->unit_price };
		return true;
	case PRICE_PER_NAME_YEAR:
		*ret = (struct price){ .quantity = weight, .unit_price = rate->unit_price };
		return !rate->full_days || rate->term_days == 0 || f->days_left >= rate->term_days ||
			price_scale(rate->unit_price, f->days_left, rate->term_days, &ret->unit_price);
	case PRICE_POOL_NAMES:
		*ret = (struct price){ .quantity = beyond(rate->included * PRICE_ONE, f->before, f->after), .unit_price = rate->overage_price };
		return true;
	case PRICE_POOL_SIGNATURES:
		*ret = (struct price){ .quantity = beyond(rate->included, f->before, f->before + 1) * PRICE_ONE, .unit_price = rate->overage_price };
		return true;
	}
	return false;
}

bool
price_of(const struct price_rate *rate, const struct price_facts *facts, struct price *ret, struct problem *pr)
{
	struct price p = { 0 };

	if (!weigh(rate, facts, &p) || !price_scale(p.quantity, p.unit_price, PRICE_ONE, &p.amount))
		return problem_internal(pr, "a price is out of range");
	*ret = p;
	return true;
}

/* ---- text ---- */

bool
price_parse(struct span s, int64_t *ret)
{
	bool negative = s.n && s.p[0] == '-';
	size_t i = negative, digits = 0, decimals = 0;
	int64_t v = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++, digits++) {
		if ((v = v * 10 + (s.p[i] - '0')) > PRICE_MAX / PRICE_ONE)
			return false;
	}
	if (i < s.n && s.p[i] == '.') {
		for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && decimals < 6; i++, decimals++)
			v = v * 10 + (s.p[i] - '0');
		if (decimals == 0)
			return false;
	}
	if (i != s.n || digits == 0)
		return false;
	for (; decimals < 6; decimals++)
		v *= 10;
	if (v > PRICE_MAX)
		return false;
	*ret = negative ? -v : v;
	return true;
}

const char *
price_text(int64_t micro, char dst[PRICE_TEXT])
{
	uint64_t v = micro < 0 ? 0 - (uint64_t)micro : (uint64_t)micro;
	int n = snprintf(dst, PRICE_TEXT, "%s%llu.%06llu", micro < 0 ? "-" : "", (unsigned long long)(v / PRICE_ONE), (unsigned long long)(v % PRICE_ONE));

	while (dst[n - 1] == '0')
		dst[--n] = '\0';
	if (dst[n - 1] == '.')
		dst[n - 1] = '\0';
	return dst;
}
