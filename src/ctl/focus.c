/* focus.c - rows of the bill as CSV of FOCUS 1.4's data set Cost and Usage: its mandatory columns and those that we have, in its order
 * (alphabetical), then ours (x_). RFC 4180; null is a field without anything. Numbers have no exponent; times are UTC, periods end before
 * their end. */
#include "ctl/focus.h"

#include <stdio.h>
#include <stdlib.h>

#include "json/jw.h"
#include "price/price.h"

/* What stands in a column of a row, in `out`. */
typedef void (*cell_fn)(const struct json_node *row, struct buf *out);

static struct span
text_of(const struct json_node *row, const char *name)
{
	return json_text(json_get(row, name));
}

static void
add(const struct json_node *row, const char *name, struct buf *out)
{
	buf_addspan(out, text_of(row, name));
}

#define MEMBER(fn, name)                                                                           \
	static void fn(const struct json_node *row, struct buf *out)                               \
	{                                                                                          \
		add(row, name, out);                                                               \
	}
#define WORD(fn, text)                                                                             \
	static void fn(const struct json_node *row, struct buf *out)                               \
	{                                                                                          \
		(void)row;                                                                         \
		buf_adds(out, text);                                                               \
	}
#define NUMBER(fn, name)                                                                           \
	static void fn(const struct json_node *row, struct buf *out)                               \
	{                                                                                          \
		int64_t v;                                                                         \
                                                                                                   \
		if (json_int(json_get(row, name), &v))                                             \
			buf_addf(out, "%lld", (long long)v);                                       \
	}

MEMBER(amount, "amount")
MEMBER(ca, "ca")
MEMBER(upstream, "upstream")
MEMBER(cost_centre, "cost_centre")
MEMBER(at, "at")
MEMBER(unit_price, "unit_price")
MEMBER(quantity, "quantity")
MEMBER(sha256, "sha256")
MEMBER(name, "name")
MEMBER(product, "product")
MEMBER(rate_card, "rate_card")
MEMBER(eab, "eab")
MEMBER(kind, "kind")
MEMBER(order, "order")
MEMBER(profile, "profile")
MEMBER(row_id, "id")
MEMBER(serial, "serial")
NUMBER(names, "names")
NUMBER(wildcards, "wildcards")
NUMBER(corrects, "corrects")
WORD(nothing, "")
WORD(resource_type, "TLS certificate")
WORD(category, "Security")
WORD(subcategory, "Secret Management")
WORD(service, "Public TLS certificates")
WORD(sku_meter, "Certificates issued")

static bool
is(const struct json_node *row, const char *kind)
{
	return span_is(text_of(row, "kind"), kind);
}

static bool
is_usage(const struct json_node *row)
{
	return !is(row, "purchase") && !is(row, "revocation");
}

/* ISO 4217 for "none": where the rate card has no price. */
static void
currency(const struct json_node *row, struct buf *out)
{
	struct span s = text_of(row, "currency");

	buf_addspan(out, s.n ? s : SPAN("XXX"));
}

static void
charge_category(const struct json_node *row, struct buf *out)
{
	bool paid_back = is(row, "revocation") && text_of(row, "amount").n && text_of(row, "amount").p[0] == '-';

	buf_adds(out, is(row, "purchase") ? "Purchase" : paid_back ? "Credit" : "Usage");
}

/* Only of what was invoiced already. */
static void
charge_class(const struct json_node *row, struct buf *out)
{
	if (is(row, "correction") && json_bool(json_get(row, "corrects_closed"), false))
		buf_adds(out, "Correction");
}

static void
description(const struct json_node *row, struct buf *out)
{
	buf_addf(out, "%.*s%s%.*s", SPAN_FMT(text_of(row, "kind")), text_of(row, "product").n ? ", " : "", SPAN_FMT(text_of(row, "product")));
	if (text_of(row, "order").n)
		buf_addf(out, ", order %.*s, profile %.*s", SPAN_FMT(text_of(row, "order")), SPAN_FMT(text_of(row, "profile")));
	if (text_of(row, "note").n)
		buf_addf(out, ": %.*s", SPAN_FMT(text_of(row, "note")));
}

static void
frequency(const struct json_node *row, struct buf *out)
{
	buf_adds(out, is(row, "purchase") ? "Recurring" : is(row, "correction") ? "One-Time" : "Usage-Based");
}

static void
charge_end(const struct json_node *row, struct buf *out)
{
	char text[TIME_TEXT];
	int64_t unix_s;

	if (time_rfc3339_parse(text_of(row, "at"), &unix_s))
		buf_adds(out, time_rfc3339(unix_s + 1, text));
}

static void
period_start(const struct json_node *row, struct buf *out)
{
	buf_addf(out, "%.*s-01T00:00:00Z", 7, text_of(row, "at").p);
}

static void
period_end(const struct json_node *row, struct buf *out)
{
	struct span s = text_of(row, "at");
	int year = atoi(s.p), month = atoi(s.p + 5);

	buf_addf(out, "%04d-%02d-01T00:00:00Z", month == 12 ? year + 1 : year, month % 12 + 1);
}

static void
consumed(const struct json_node *row, struct buf *out)
{
	if (is_usage(row))
		buf_adds(out, "1");
}

static void
consumed_unit(const struct json_node *row, struct buf *out)
{
	if (is_usage(row))
		buf_adds(out, "Certificates");
}

static void
pricing_unit(const struct json_node *row, struct buf *out)
{
	struct span model = text_of(row, "model");
	bool by_name = span_is(model, "per_name") || span_is(model, "pool_names_peak");

	buf_adds(out, is(row, "purchase") || is(row, "correction") ? "Certificates" : span_is(model, "per_name_year") ? "Domains/Year" : by_name ? "Domains" : "Certificates");
}

static void
account_type(const struct json_node *row, struct buf *out)
{
	if (text_of(row, "cost_centre").n)
		buf_adds(out, "Cost centre");
}

static void
tags(const struct json_node *row, struct buf *out)
{
	AUTO_BUF json = BUF_MAX(4096);
	struct jw w = jw_to(&json);

	jw_object(&w, NULL);
	jw_span(&w, "tenant", text_of(row, "tenant"));
	if (text_of(row, "eab").n)
		jw_span(&w, "eab", text_of(row, "eab"));
	jw_end(&w);
	buf_addspan(out, buf_span(&json));
}

static const struct { const char *title; cell_fn fn; } columns[] = {
	{ "BilledCost", amount }, { "BillingAccountId", ca }, { "BillingAccountName", upstream }, { "BillingCurrency", currency },
	{ "BillingPeriodEnd", period_end }, { "BillingPeriodStart", period_start }, { "ChargeCategory", charge_category },
	{ "ChargeClass", charge_class }, { "ChargeDescription", description }, { "ChargeFrequency", frequency },
	{ "ChargePeriodEnd", charge_end }, { "ChargePeriodStart", at }, { "ConsumedQuantity", consumed }, { "ConsumedUnit", consumed_unit },
	{ "ContractedCost", amount }, { "ContractedUnitPrice", unit_price }, { "EffectiveCost", amount }, { "HostProviderName", nothing },
	{ "InvoiceIssuerName", ca }, { "ListCost", amount }, { "ListUnitPrice", unit_price }, { "PricingQuantity", quantity },
	{ "PricingUnit", pricing_unit }, { "ResourceId", sha256 }, { "ResourceName", name }, { "ResourceType", resource_type },
	{ "ServiceCategory", category }, { "ServiceName", service }, { "ServiceProviderName", ca }, { "ServiceSubcategory", subcategory },
	{ "SkuId", product }, { "SkuMeter", sku_meter }, { "SkuPriceId", rate_card }, { "SubAccountId", cost_centre },
	{ "SubAccountName", cost_centre }, { "SubAccountType", account_type }, { "Tags", tags },
	{ "x_Corrects", corrects }, { "x_Eab", eab }, { "x_Kind", kind }, { "x_Names", names }, { "x_OrderId", order }, { "x_Profile", profile },
	{ "x_Row", row_id }, { "x_Serial", serial }, { "x_Wildcards", wildcards },
};

static void
add_field(struct buf *out, struct span text)
{
	bool quoted = false;

	for (size_t i = 0; i < text.n && !quoted; i++)
		quoted = strchr(",\"\r\n", text.p[i]) && text.p[i];
	if (!quoted) {
		buf_addspan(out, text);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < text.n; i++)
		buf_adds(out, text.p[i] == '"' ? "\"\"" : (char[2]){ text.p[i], '\0' });
	buf_addc(out, '"');
}

void
focus_header(struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(columns); i++)
		buf_addf(out, "%s%s", i ? "," : "", columns[i].title);
	buf_addc(out, '\n');
}

void
focus_row(const struct json_node *row, struct buf *out)
{
	for (size_t i = 0; i < COUNT_OF(columns); i++) {
		AUTO_BUF cell = BUF_MAX(16 * 1024);

		if (i)
			buf_addc(out, ',');
		columns[i].fn(row, &cell);
		add_field(out, buf_span(&cell));
	}
	buf_addc(out, '\n');
}
