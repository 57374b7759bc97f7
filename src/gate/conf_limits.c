/* conf_limits.c - the limits of a CA as the configuration has them: checks, and which rate counts; see conf.h. */
#include <stdio.h>

#include "base/addr.h"
#include "base/mem.h"
#include "gate/conf.h"
#include "gate/url.h"

#define HOUR_S 3600
#define LABEL_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-:"

/* Lower case as in a certificate: a domain, an address or a /64. */
static bool
is_key(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-:/";

	return name[0] != '.' && name[0] != '\0' && name[strspn(name, letters)] == '\0';
}

static bool
has_names(enum quota_kind kind)
{
	return kind == QUOTA_DOMAIN || kind == QUOTA_DOMAIN_ACCT;
}

static bool
same_name(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void
check_override(const char *at, const struct upstream_conf *u, size_t i, struct conf_errors *errors)
{
	const struct limit_conf *list = u->overrides.list, *l = &list[i];
	enum quota_kind kind;
	struct gcra g;
	char where[160];

	if (!l->limit)
		return;
	snprintf(where, sizeof(where), "%s.overrides[%zu].limit", at, i);
	if (!quota_kind_parse(span_str(l->limit), &kind)) {
		conf_error(errors, where, "\"%s\" is no limit that this release knows", QUOTE(span_str(l->limit)));
		return;
	}
	for (size_t j = 0; j < i; j++) {
		if (list[j].limit && strcmp(list[j].limit, l->limit) == 0 && same_name(list[j].name, l->name))
			conf_error(errors, where, "overrides[%zu] is for the same", j);
	}
	if (l->count && l->period_s && !gcra_make(l->count, l->burst ? l->burst : l->count, l->period_s, &g))
		conf_error(errors, where, "count, burst and period make no rate that can be counted with");
	snprintf(where, sizeof(where), "%s.overrides[%zu].name", at, i);
	if (l->name && !has_names(kind))
		conf_error(errors, where, "only certs_domain and certs_domain_acct can be for one name");
	else if (l->name && !is_key(l->name))
		conf_error(errors, where, "\"%s\" is no domain or address in lower case", QUOTE(span_str(l->name)));
}

void
gate_conf_check_limits(const char *at, const struct upstream_conf *u, struct conf_errors *errors)
{
	char where[160];

	for (size_t i = 0; i < u->overrides.count; i++)
		check_override(at, u, i, errors);
	snprintf(where, sizeof(where), "%s.ca", at);
	if (u->ca && u->ca[strspn(u->ca, LABEL_LETTERS)] != '\0')
		conf_error(errors, where, "\"%s\" is no label: letters, digits, '.', '_', '-' and ':'", QUOTE(span_str(u->ca)));
	snprintf(where, sizeof(where), "%s.limits_reserve", at);
	if (u->limits_margin + u->limits_reserve > 95)
		conf_error(errors, where, "with limits_margin it leaves less than 5 percent");
}

static enum quota_table
table_of(const struct upstream_conf *u)
{
	static const enum quota_table tables[] = { [LIMITS_NONE] = QUOTA_TABLE_NONE, [LIMITS_LETSENCRYPT] = QUOTA_TABLE_LETSENCRYPT,
		[LIMITS_LETSENCRYPT_STAGING] = QUOTA_TABLE_LETSENCRYPT_STAGING };
	const struct ca_preset *preset = ca_preset_find(u->preset);
	int limits = u->limits == LIMITS_AUTO && preset ? (int)preset->limits : u->limits;

	return limits == LIMITS_AUTO ? quota_table_of(u->directory) : tables[limits];
}

struct quota_rate
conf_limit_rate(const struct upstream_conf *u, enum quota_kind kind, const char *name)
{
	const struct limit_conf *list = u->overrides.list, *found = NULL;

	for (size_t i = 0; i < u->overrides.count; i++) {
		if (strcmp(list[i].limit, quota_kind_name(kind)) != 0)
			continue;
		/* what is agreed for one name goes before what is for all */
		if (list[i].name ? name && strcmp(list[i].name, name) == 0 : !found)
			found = &list[i];
	}
	if (found)
		return (struct quota_rate){ found->count, found->burst ? found->burst : found->count, found->period_s };
	return quota_table_rate(table_of(u), kind);
}

int64_t
conf_renewals_per_hour(const struct upstream_conf *u)
{
	struct quota_rate rate = conf_limit_rate(u, QUOTA_ORDERS, NULL);
	int64_t n;

	if (u->renewals_per_hour || rate.count == 0)
		return u->renewals_per_hour;
	n = (int64_t)((double)rate.count * HOUR_S / (double)rate.period_s * (double)(100 - u->limits_margin - u->limits_reserve) / 100);
	return n > 0 ? n : 1;
}

char *
conf_ca_label(const char *directory)
{
	struct problem pr = { 0 };
	struct url url;

	if (!url_parse(span_str(directory), &url, &pr))
		return xstrdup("");
	if (url.port == (url.https ? 443 : 80))
		return span_dup(url.host);
	return xasprintf("%.*s:%u", SPAN_FMT(url.host), url.port);
}
