/* conf_rates.c - the rate card: what CAs charge, a file of its own that the configuration names; see conf.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "gate/conf.h"

#define KEY(k, n, f, d, l, h, fl, ...)                                                             \
	{                                                                                          \
		.kind = CONF_##k, .name = n, .offset = offsetof(struct rate_conf, f), .def = d,    \
		.lo = l, .hi = h, .flags = fl, .help = __VA_ARGS__                                 \
	}

static const struct conf_key rate_keys[] = {
	KEY(STRING, "ca", ca, NULL, "1", "256", CONF_REQUIRED, "an entry of upstreams, or the label of several (their key ca)"),
	KEY(STRING, "product", product, NULL, "1", "128", CONF_REQUIRED, "what the CA calls it"),
	KEY(STRINGS, "profiles", profiles, NULL, NULL, "1000", 0, "only for these profiles of ours"),
	KEY(STRING, "valid_from", valid_from, NULL, "1", "32", 0, "first day, such as 2026-11-01 (UTC)"),
	KEY(STRING, "valid_to", valid_to, NULL, "1", "32", 0, "first day after it"),
	KEY(CHOICE, "model", model, NULL, NULL, NULL, CONF_REQUIRED, "how it charges",
		.choices = "free|per_certificate|per_name|per_name_year|pool_names_peak|pool_signatures|flat"),
	KEY(STRING, "unit_price", unit_price, "0", "1", "32", 0, "of a certificate or a name; of pools and flat, of a term"),
	KEY(STRING, "overage_price", overage_price, "0", "1", "32", 0, "pools: of each more than included"),
	KEY(INT, "included", included, "0", "0", "1000000000", 0, "pools: names that may live, or signatures in a term"),
	KEY(INT, "wildcard_factor", wildcard_factor, "1", "0", "1000", 0, "names that a wildcard counts for"),
	KEY(BOOL, "www_free", www_free, "false", NULL, NULL, 0, "www.NAME beside NAME"),
	KEY(BOOL, "same_level_free", same_level_free, "false", NULL, NULL, 0, "what a wildcard beside it covers"),
	KEY(BOOL, "renewal_charged", renewal_charged, "true", NULL, NULL, 0, "renewals cost as much"),
	KEY(BOOL, "reissue_charged", reissue_charged, "true", NULL, NULL, 0, "so do the same names again long before the end"),
	KEY(CHOICE, "proration", proration, "none", NULL, NULL, 0, "of names that come later in a term", .choices = "none|full_days"),
	KEY(CHOICE, "term_start", term_start, "first_use", NULL, NULL, 0, "when terms begin", .choices = "first_use|contract"),
	KEY(INT, "term_days", term_days, "365", "1", "3660", 0, "how long they are"),
	KEY(INT, "refund_days", refund_days, "0", "0", "3660", 0, "what is revoked within so many days is paid back"),
	{ .name = NULL },
};

static const struct conf_key card_keys[] = {
	{ .kind = CONF_STRING, .name = "version", .offset = offsetof(struct rate_card, version), .lo = "1", .hi = "64", .flags = CONF_REQUIRED,
		.help = "kept with each row that a price of it is in" },
	{ .kind = CONF_STRING, .name = "currency", .offset = offsetof(struct rate_card, currency), .lo = "3", .hi = "3", .flags = CONF_REQUIRED,
		.help = "ISO 4217" },
	{ .kind = CONF_LIST, .name = "rates", .offset = offsetof(struct rate_card, rates), .flags = CONF_REQUIRED,
		.help = "the first that fits an order has its price", .lo = "1", .hi = "10000", .sub = rate_keys, .sub_size = sizeof(struct rate_conf) },
	{ .name = NULL },
};

static bool
read_day(const char *where, const char *text, int64_t *ret, struct conf_errors *errors)
{
	char at[32];

	if (!text)
		return true;
	snprintf(at, sizeof(at), "%.12sT00:00:00Z", text);
	if (strlen(text) == 10 && time_rfc3339_parse(span_str(at), ret))
		return true;
	conf_error(errors, where, "\"%s\" is no day such as 2026-11-01", QUOTE(span_str(text)));
	return false;
}

static void
read_price(const char *where, const char *text, int64_t *ret, struct conf_errors *errors)
{
	if (text && (!price_parse(span_str(text), ret) || *ret < 0))
		conf_error(errors, where, "\"%s\" is no price such as 15 or 0.90, at most 1000000", QUOTE(span_str(text)));
}

static void
derive(struct rate_conf *r, size_t i, struct conf_errors *errors)
{
	struct price_rate *p = &r->rate;
	char where[64];

	*p = (struct price_rate){ .model = (enum price_model)r->model, .included = r->included, .wildcard_factor = r->wildcard_factor * PRICE_ONE,
		.term_days = r->term_days, .www_free = r->www_free, .same_level_free = r->same_level_free, .renewal_charged = r->renewal_charged,
		.reissue_charged = r->reissue_charged, .full_days = r->proration == RATE_FULL_DAYS };
	snprintf(where, sizeof(where), "rates[%zu].unit_price", i);
	read_price(where, r->unit_price, &p->unit_price, errors);
	snprintf(where, sizeof(where), "rates[%zu].overage_price", i);
	read_price(where, r->overage_price, &p->overage_price, errors);
	snprintf(where, sizeof(where), "rates[%zu].valid_from", i);
	r->from = 0;
	r->to = INT64_MAX;
	if (!read_day(where, r->valid_from, &r->from, errors))
		return;
	snprintf(where, sizeof(where), "rates[%zu].valid_to", i);
	if (read_day(where, r->valid_to, &r->to, errors) && r->to <= r->from)
		conf_error(errors, where, "is not after valid_from");
	snprintf(where, sizeof(where), "rates[%zu].term_start", i);
	if (r->term_start == RATE_CONTRACT && !r->valid_from)
		conf_error(errors, where, "contract needs valid_from");
}

static void
card_free(struct rate_card *card)
{
	if (!card)
		return;
	conf_done(card_keys, card);
	free(card);
}

static bool
card_load(const char *path, struct span text, struct rate_card **ret, struct conf_errors *errors)
{
	struct rate_card *card = xcalloc(1, sizeof(*card));
	bool good = text.p ? conf_load_text(path, text, card_keys, card, errors) : conf_load(path, card_keys, card, errors);
	struct rate_conf *list = card->rates.list;

	for (size_t i = 0; good && i < card->rates.count; i++)
		derive(&list[i], i, errors);
	if (good && errors->count == 0) {
		*ret = card;
		return true;
	}
	card_free(card);
	return false;
}

bool
conf_rates_read(const char *name, struct span text, struct rate_card **ret, struct conf_errors *errors)
{
	return card_load(name, text, ret, errors);
}

bool
conf_rates_load(struct gate_conf *conf, struct conf_errors *errors)
{
	struct conf_errors inner = CONF_ERRORS;
	struct span lines, line;
	bool good;

	if (!conf->rate_card || !*conf->rate_card)
		return true;
	good = card_load(conf->rate_card, SPAN_NONE, &conf->prices, &inner);
	lines = buf_span(&inner.text);
	while (lines.n && span_cut(&lines, '\n', &line)) {
		if (line.n)
			conf_error(errors, "rate_card", "%.*s", SPAN_FMT(line));
	}
	conf_errors_done(&inner);
	return good;
}

void
conf_rates_free(struct rate_card *card)
{
	card_free(card);
}

static bool
is_for(const struct rate_conf *r, const struct upstream_conf *u, const char *profile, int64_t at)
{
	bool ca = strcmp(r->ca, u->name) == 0 || (u->ca && strcmp(r->ca, u->ca) == 0), found = r->profiles.count == 0;

	for (size_t i = 0; !found && i < r->profiles.count; i++)
		found = strcmp(r->profiles.list[i], profile) == 0;
	return ca && found && r->from <= at && at < r->to;
}

const struct rate_conf *
conf_rate_find(const struct gate_conf *conf, const struct upstream_conf *u, const char *profile, int64_t at)
{
	const struct rate_conf *list = conf->prices ? conf->prices->rates.list : NULL;

	for (size_t i = 0; list && i < conf->prices->rates.count; i++) {
		if (is_for(&list[i], u, profile, at))
			return &list[i];
	}
	return NULL;
}
