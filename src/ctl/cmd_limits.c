/* cmd_limits.c - acmegatectl limits, plan: what CAs still allow, and what that means for a fleet. */
#include <stdlib.h>

#include "base/clock.h"
#include "ctl/ctl.h"
#include "ctl/table.h"
#include "gate/conf.h"
#include "json/jw.h"
#include "quota/plan.h"

#define DAY_S (INT64_C(86400))

/* "7 d", "3 h", "90 s": the largest unit that leaves little. */
static char *
span_of_time(int64_t s)
{
	static const struct { int64_t s; const char *name; } units[] = { { DAY_S, "d" }, { 3600, "h" }, { 60, "min" } };

	for (size_t i = 0; i < COUNT_OF(units); i++) {
		if (s >= 3 * units[i].s || (s >= units[i].s && s % units[i].s == 0))
			return xasprintf("%lld %s", (long long)((s + units[i].s / 2) / units[i].s), units[i].name);
	}
	return xasprintf("%lld s", (long long)s);
}

/* "7 d", "200 s": exactly. */
static char *
exactly(int64_t s)
{
	static const struct { int64_t s; const char *name; } units[] = { { DAY_S, "d" }, { 3600, "h" }, { 60, "min" } };

	for (size_t i = 0; i < COUNT_OF(units); i++) {
		if (s && s % units[i].s == 0)
			return xasprintf("%lld %s", (long long)(s / units[i].s), units[i].name);
	}
	return xasprintf("%lld s", (long long)s);
}

static int64_t
number(const struct json_node *object, const char *name)
{
	int64_t n = 0;

	json_int(json_get(object, name), &n);
	return n;
}

/* ---- limits ---- */

static char *
rate_of(const struct json_node *b)
{
	AUTO_FREE char *period = exactly(number(b, "period_s"));

	if (!number(b, "count"))
		return xstrdup("unknown");
	if (number(b, "burst") != number(b, "count"))
		return xasprintf("%lld per %s, %lld at once", (long long)number(b, "count"), period, (long long)number(b, "burst"));
	return xasprintf("%lld per %s", (long long)number(b, "count"), period);
}

/* A set is better known by its names than by its hash. */
static char *
name_of(const struct json_node *b)
{
	const struct json_node *idents = json_get(b, "identifiers");

	return idents ? ctl_idents(idents) : ctl_text(json_get(b, "name"));
}

static char *
next_of(const struct json_node *b)
{
	struct span next = json_text(json_get(b, "next"));

	return next.n ? span_dup(next) : xstrdup("now");
}

static void
add_bucket(struct table *t, const struct json_node *b)
{
	static const char *const numbers[] = { "used", "reserved", "left", "waiting" };

	table_add(t, ctl_text(json_get(b, "limit")));
	table_add(t, name_of(b));
	table_add(t, rate_of(b));
	ctl_add_members(t, b, numbers, COUNT_OF(numbers));
	table_add(t, next_of(b));
	table_add(t, ctl_text(json_get(b, "resets")));
	table_add(t, ctl_text(json_get(b, "source")));
}

static void
write_target(const struct ctl *ctl, struct buf *out)
{
	static const char *const parameters[] = { "upstream", "kind", "name", "before", "limit", NULL };
	size_t n;

	buf_adds(out, "/limits/ca");
	n = ctl_add_query(ctl, out, parameters);
	if (ctl_opt(ctl, "blocked"))
		buf_addf(out, "%cblocked=1", n ? '&' : '?');
}

int
cmd_limits(struct ctl *ctl)
{
	static const struct column columns[] = { { "LIMIT" }, { "NAME", .may_cut = true }, { "ALLOWED" }, { "USED", .is_number = true },
		{ "RESERVED", .is_number = true }, { "LEFT", .is_number = true }, { "WAITING", .is_number = true }, { "NEXT" }, { "FULL" },
		{ "SOURCE" } };
	struct table t = table_of(columns, COUNT_OF(columns));
	AUTO_BUF target = BUF_MAX(4000);
	const struct json_node *items;
	struct ctl_reply rp;
	int code;

	write_target(ctl, &target);
	code = ctl_ask(ctl, buf_cstr(&target), NULL, &rp);
	if (code != CTL_DONE || ctl->json)
		return ctl_list_json(ctl, code, &rp);
	items = json_get(rp.root, "items");
	for (size_t i = 0; i < json_count(items); i++)
		add_bucket(&t, json_at(items, i));
	return ctl_list_table(ctl, &t, &rp);
}

/* ---- plan ---- */

static int
read_time(struct ctl *ctl, const char *name, int64_t *ret)
{
	const char *text = ctl_opt(ctl, name);
	int64_t s;

	if (!text)
		return CTL_DONE;
	if (!conf_time_parse(span_str(text), &s) || s < 1 || s > 36500 * DAY_S)
		return ctl_fail(ctl, CTL_USAGE, "--%s is \"%s\", expected a time such as 90d or 160h", name, text);
	*ret = s;
	return CTL_DONE;
}

/* The limits of an entry of the configuration, or of Let's Encrypt. */
static int
read_rates(struct ctl *ctl, struct plan_rq *rq)
{
	const char *name = ctl_opt(ctl, "upstream"), *file = ctl_opt(ctl, "config");
	struct conf_errors errors = CONF_ERRORS;
	const struct upstream_conf *u;
	struct gate_conf *conf;
	int code = CTL_DONE;

	rq->by_domain = quota_table_rate(QUOTA_TABLE_LETSENCRYPT, QUOTA_DOMAIN);
	rq->by_orders = quota_table_rate(QUOTA_TABLE_LETSENCRYPT, QUOTA_ORDERS);
	if (!name)
		return CTL_DONE;
	conf = gate_conf_load(file ? file : CTL_CONFIG_FILE, &errors);
	u = conf ? conf_upstream(conf, name) : NULL;
	if (!conf)
		code = ctl_fail(ctl, CTL_FAILED, "%s", buf_cstr(&errors.text));
	else if (!u)
		code = ctl_fail(ctl, CTL_NOT_FOUND, "no entry of upstreams is named \"%s\"", name);
	if (u) {
		rq->by_domain = conf_limit_rate(u, QUOTA_DOMAIN, NULL);
		rq->by_orders = conf_limit_rate(u, QUOTA_ORDERS, NULL);
	}
	conf_errors_done(&errors);
	gate_conf_unref(conf);
	return code;
}

static void
write_rate(struct jw *w, const char *name, struct quota_rate rate)
{
	if (rate.count == 0)
		return;
	jw_object(w, name);
	jw_int(w, "count", rate.count);
	jw_int(w, "burst", rate.burst);
	jw_int(w, "period_s", rate.period_s);
	jw_end(w);
}

static void
plan_json(struct ctl *ctl, const struct plan_rq *rq, const struct plan *p)
{
	struct jw w = jw_to(&ctl->out);

	jw_object(&w, NULL);
	jw_int(&w, "devices", rq->devices);
	jw_int(&w, "domains", rq->domains);
	jw_int(&w, "names_per_certificate", rq->names_per_cert);
	jw_int(&w, "lifetime_s", rq->lifetime_s);
	write_rate(&w, "certs_domain", rq->by_domain);
	write_rate(&w, "orders_acct", rq->by_orders);
	jw_int(&w, "certificates", p->certs);
	jw_int(&w, "certificates_per_domain", p->certs_per_domain);
	jw_int(&w, "by_domain_s", p->by_domain_s);
	jw_int(&w, "by_orders_s", p->by_orders_s);
	jw_int(&w, "renewed_after_s", p->renew_at_s);
	jw_int(&w, "window_s", p->window_s);
	jw_int(&w, "renewals_per_day", (int64_t)(p->renewals_per_day + 0.5));
	write_rate(&w, "needed_certs_domain", p->need_domain);
	write_rate(&w, "needed_orders_acct", p->need_orders);
	jw_end(&w);
	buf_addc(&ctl->out, '\n');
}

/* "1393 d, the last one 2030-09-23" */
static void
field_until(struct ctl *ctl, const char *label, struct quota_rate rate, int64_t takes_s)
{
	AUTO_FREE char *period = exactly(rate.period_s), *takes = span_of_time(takes_s), *text = NULL;
	char date[TIME_TEXT];

	if (rate.count == 0)
		text = xstrdup("no limit is known");
	else if (takes_s == 0)
		text = xasprintf("at once (%lld per %s)", (long long)rate.count, period);
	else
		text = xasprintf("%s, until %.10s (%lld per %s)", takes, time_rfc3339(clock_unix_s() + takes_s, date), (long long)rate.count, period);
	ctl_field(ctl, label, span_str(text));
}

static void
field_need(struct ctl *ctl, const char *label, struct quota_rate need)
{
	AUTO_FREE char *period = exactly(need.period_s);
	AUTO_FREE char *text = need.count ? xasprintf("%lld per %s", (long long)need.count, period) : xstrdup("what there is suffices");

	ctl_field(ctl, label, span_str(text));
}

static void
plan_people(struct ctl *ctl, const struct plan_rq *rq, const struct plan *p)
{
	AUTO_FREE char *certs = xasprintf("%lld, %lld for each of %lld domains", (long long)p->certs, (long long)p->certs_per_domain,
		(long long)rq->domains);
	AUTO_FREE char *after = xasprintf("%.1f d of %.1f d", (double)p->renew_at_s / DAY_S, (double)rq->lifetime_s / DAY_S);
	AUTO_FREE char *many = xasprintf("%.0f a day, %.1f an hour", p->renewals_per_day, p->renewals_per_hour);
	AUTO_FREE char *window = xasprintf("%.1f h", (double)p->window_s / 3600);

	ctl_title(ctl, "First certificates");
	ctl_field(ctl, "Certificates", span_str(certs));
	field_until(ctl, "By domain", rq->by_domain, p->by_domain_s);
	field_until(ctl, "By orders", rq->by_orders, p->by_orders_s);
	ctl_title(ctl, "Renewals, exempt from both");
	ctl_field(ctl, "Each after", span_str(after));
	ctl_field(ctl, "Renewals", span_str(many));
	ctl_field(ctl, "Window of ARI", span_str(window));
	if (!rq->within_s)
		return;
	ctl_title(ctl, "To be agreed with the CA");
	field_need(ctl, "By domain", p->need_domain);
	field_need(ctl, "By orders", p->need_orders);
}

int
cmd_plan(struct ctl *ctl)
{
	struct plan_rq rq = { .domains = 1, .names_per_cert = 1, .lifetime_s = 90 * DAY_S };
	struct plan p;
	int code;

	if ((code = ctl_opt_count(ctl, "devices", &rq.devices)) || (code = ctl_opt_count(ctl, "domains", &rq.domains)) ||
		(code = ctl_opt_count(ctl, "names", &rq.names_per_cert)) || (code = read_time(ctl, "lifetime", &rq.lifetime_s)) ||
		(code = read_time(ctl, "within", &rq.within_s)))
		return code;
	if (!rq.devices)
		return ctl_fail(ctl, CTL_USAGE, "--devices is missing: how many are there?");
	if ((code = read_rates(ctl, &rq)))
		return code;
	if (!plan_make(&rq, &p))
		return ctl_fail(ctl, CTL_USAGE, "these numbers are too large to count with");
	if (ctl->json)
		plan_json(ctl, &rq, &p);
	else
		plan_people(ctl, &rq, &p);
	return CTL_DONE;
}
