/* quota.c - see quota.h: kinds, tables, exemptions. */
#include "quota/quota.h"

#include <stdio.h>

#define HOUR (INT64_C(3600))
#define DAY (24 * HOUR)

static const struct {
	const char *name;
	bool of_account, of_requests;
	struct quota_rate letsencrypt, staging;
} kinds[] = {
	/* letsencrypt.org/docs/rate-limits of 2026-08-05, .../staging-environment of 2026-04-10; requests: rate a second, and burst */
	[QUOTA_ORDERS] = { "orders_acct", true, false, { 300, 300, 3 * HOUR }, { 1500, 1500, 3 * HOUR } },
	[QUOTA_DOMAIN] = { "certs_domain", false, false, { 50, 50, 7 * DAY }, { 30000, 30000, 1 } },
	[QUOTA_DOMAIN_ACCT] = { "certs_domain_acct", true, false, { 0 }, { 0 } },
	[QUOTA_SET] = { "certs_set", false, false, { 5, 5, 7 * DAY }, { 30000, 30000, 7 * DAY } },
	[QUOTA_FAIL] = { "fail_ident", true, false, { 5, 5, HOUR }, { 200, 200, HOUR } },
	[QUOTA_FAIL_PAUSE] = { "fail_pause", true, false, { 1, 1152, DAY }, { 1, 3600, 6 * HOUR } },
	[QUOTA_HTTP_NONCE] = { "http_new_nonce", false, true, { 20, 10, 1 }, { 20, 10, 1 } },
	[QUOTA_HTTP_ACCOUNT] = { "http_new_account", false, true, { 5, 15, 1 }, { 5, 15, 1 } },
	[QUOTA_HTTP_ORDER] = { "http_new_order", false, true, { 300, 200, 1 }, { 20, 40, 1 } },
	[QUOTA_HTTP_REVOKE] = { "http_revoke_cert", false, true, { 10, 100, 1 }, { 10, 100, 1 } },
	[QUOTA_HTTP_OTHER] = { "http_acme", false, true, { 250, 125, 1 }, { 20, 20, 1 } },
};

const char *
quota_kind_name(enum quota_kind kind)
{
	return kinds[kind].name;
}

bool
quota_kind_parse(struct span name, enum quota_kind *ret)
{
	for (int i = 0; i < QUOTA_KIND__COUNT; i++) {
		if (span_is(name, kinds[i].name)) {
			*ret = (enum quota_kind)i;
			return true;
		}
	}
	return false;
}

bool
quota_is_of_account(enum quota_kind kind)
{
	return kinds[kind].of_account;
}

bool
quota_is_of_requests(enum quota_kind kind)
{
	return kinds[kind].of_requests;
}

enum quota_table
quota_table_of(const char *directory)
{
	if (directory && span_starts(span_str(directory), "https://acme-v02.api.letsencrypt.org/"))
		return QUOTA_TABLE_LETSENCRYPT;
	if (directory && span_starts(span_str(directory), "https://acme-staging-v02.api.letsencrypt.org/"))
		return QUOTA_TABLE_LETSENCRYPT_STAGING;
	return QUOTA_TABLE_NONE;
}

struct quota_rate
quota_table_rate(enum quota_table table, enum quota_kind kind)
{
	return table == QUOTA_TABLE_LETSENCRYPT ? kinds[kind].letsencrypt :
		table == QUOTA_TABLE_LETSENCRYPT_STAGING ? kinds[kind].staging : (struct quota_rate){ 0 };
}

int64_t
quota_kept(enum quota_kind kind, int64_t burst, int64_t margin_percent, int64_t reserve_percent, bool urgent)
{
	int64_t percent = margin_percent;

	if ((kind == QUOTA_DOMAIN || kind == QUOTA_DOMAIN_ACCT) && !urgent)
		percent += reserve_percent;
	/* a person who mends what is wrong with a name has two tries of five left */
	if (kind == QUOTA_FAIL)
		percent = percent > 40 ? percent : 40;
	return burst / 100 * percent + burst % 100 * percent / 100;
}

enum quota_class
quota_classify(bool replaces, int64_t window_start, int64_t window_end, int64_t issued_at, int64_t now)
{
	bool exact = issued_at && issued_at > now - QUOTA_EXACT_S;

	/* the end is not in the window: that of a certificate revoked or in an incident lies in the past, and exempts nothing */
	if (replaces && window_start <= now && now < window_end)
		return exact ? QUOTA_ARI_EXACT : QUOTA_ARI;
	return exact ? QUOTA_EXACT : QUOTA_NEW;
}

bool
quota_at_new_order(enum quota_class c, enum quota_kind kind, bool acct_rate, enum quota_mode *ret)
{
	bool checked = c == QUOTA_NEW || c == QUOTA_EXACT, exact = c == QUOTA_EXACT || c == QUOTA_ARI_EXACT;

	switch (kind) {
	case QUOTA_ORDERS:
		*ret = QUOTA_CHECK_AND_SPEND;
		return c == QUOTA_NEW;
	case QUOTA_DOMAIN:
	case QUOTA_DOMAIN_ACCT:
		/* spent when issued, of a set that is new to the CA; a renewal by ARI is not asked whether it fits */
		*ret = checked && (kind == QUOTA_DOMAIN_ACCT || !acct_rate) ? QUOTA_CHECK_AND_SPEND : QUOTA_SPEND;
		return !exact && (kind == QUOTA_DOMAIN || acct_rate);
	case QUOTA_SET:
		*ret = checked ? QUOTA_CHECK_AND_SPEND : QUOTA_SPEND;
		return true;
	case QUOTA_FAIL:
	case QUOTA_FAIL_PAUSE:
		*ret = QUOTA_CHECK;
		return checked;
	default:
		return false;
	}
}
