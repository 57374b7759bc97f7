/* metrics_cas.c - what is counted of each CA; see metrics.h. */
#include "admin/call.h"
#include "admin/metrics.h"
#include "base/clock.h"
#include "upstream/dispatch.h"

static void
write_issued(struct expo *x, struct upstreams *ups)
{
	expo_family(x, EXPO_COUNTER, "acmegate_certificates_issued", "Certificates that a CA made for devices.");
	for (size_t i = 0; i < upstreams_count(ups); i++)
		expo_int(x, (int64_t)atomic_load(&upstreams_at(ups, i)->issued), "ca", upstreams_at(ups, i)->name, NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_replaces_refused", "Orders that a CA would not take as the successor of a certificate, made without that.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		if (upstreams_at(ups, i)->ca)
			expo_int(x, (int64_t)atomic_load(&upstreams_at(ups, i)->replaces_refused), "ca", upstreams_at(ups, i)->name, NULL);
	}
	expo_family(x, EXPO_COUNTER, "acmegate_orders_refused", "Orders that a CA would not fulfil.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		if (upstreams_at(ups, i)->ca)
			expo_int(x, (int64_t)atomic_load(&upstreams_at(ups, i)->refused), "ca", upstreams_at(ups, i)->name, NULL);
	}
	expo_family(x, EXPO_COUNTER, "acmegate_orders_moved", "Orders that left a CA for another one of their profile, by the class of the reason.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		struct upstream *u = upstreams_at(ups, i);

		for (int why = 0; why < FAILOVER__COUNT && u->ca; why++)
			expo_int(x, (int64_t)atomic_load(&u->moved[why]), "ca", u->name, "class", failover_name((enum failover)why), NULL);
	}
	expo_family(x, EXPO_COUNTER, "acmegate_upstream_bad_answers", "Answers of a CA that were not ACME, or not what was asked for.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		if (upstreams_at(ups, i)->ca)
			expo_int(x, (int64_t)atomic_load(&upstreams_at(ups, i)->bad_answers), "ca", upstreams_at(ups, i)->name, NULL);
	}
}

static void
write_upstreams(struct expo *x, struct upstreams *ups)
{
	static const char *const results[] = { "good", "problem", "unreachable", "lost" };
	size_t n = upstreams_count(ups);
	AUTO_FREE struct ca_stats *stats = xcalloc(n ? n : 1, sizeof(*stats));

	for (size_t i = 0; i < n; i++) {
		if (upstreams_at(ups, i)->ca)
			ca_stats(upstreams_at(ups, i)->ca, &stats[i]);
	}
	expo_family(x, EXPO_GAUGE, "acmegate_upstream_up", "0 while a CA is left alone because it does not answer.");
	for (size_t i = 0; i < n; i++) {
		if (upstreams_at(ups, i)->ca)
			expo_int(x, !stats[i].is_open, "ca", upstreams_at(ups, i)->name, NULL);
	}
	expo_family(x, EXPO_COUNTER, "acmegate_upstream_requests", "Signed requests to CAs, by how they ended; lost: without an answer.");
	for (size_t i = 0; i < n; i++) {
		const uint64_t counts[] = { stats[i].good, stats[i].problems, stats[i].unreachable, stats[i].lost };

		for (size_t j = 0; j < COUNT_OF(results) && upstreams_at(ups, i)->ca; j++)
			expo_int(x, (int64_t)counts[j], "ca", upstreams_at(ups, i)->name, "result", results[j], NULL);
	}
	expo_family(x, EXPO_COUNTER, "acmegate_upstream_bad_nonces", "Requests that a CA wanted again with another nonce.");
	for (size_t i = 0; i < n; i++) {
		if (upstreams_at(ups, i)->ca)
			expo_int(x, (int64_t)stats[i].bad_nonces, "ca", upstreams_at(ups, i)->name, NULL);
	}
}

static void
write_accounts(struct expo *x, struct upstreams *ups)
{
	expo_family(x, EXPO_GAUGE, "acmegate_upstream_account_up", "1 while there is an account at a CA that orders can be made with.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		struct upstream *u = upstreams_at(ups, i);
		struct ca_account *account = u->ca ? upstream_account(u) : NULL;

		if (account)
			expo_int(x, account->kid[0] && account->state == ACCOUNT_VALID, "ca", u->name, NULL);
		ca_account_unref(account);
	}
	expo_family(x, EXPO_GAUGE, "acmegate_upstream_eab_expiry_timestamp_seconds", "When the account binding that a CA gave us ends.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		int64_t expires = atomic_load(&upstreams_at(ups, i)->eab_expires);

		if (expires)
			expo_int(x, expires, "ca", upstreams_at(ups, i)->name, NULL);
	}
}

static void
write_paced(struct expo *x, struct upstreams *ups)
{
	expo_family(x, EXPO_COUNTER, "acmegate_upstream_paced", "Requests that waited a little, so that their CA need not refuse them.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		struct ca_stats s;

		if (!upstreams_at(ups, i)->ca)
			continue;
		ca_stats(upstreams_at(ups, i)->ca, &s);
		expo_int(x, (int64_t)s.paced, "ca", upstreams_at(ups, i)->name, NULL);
	}
}

/* ---- look-ups of renewal information ---- */

/* A number for each CA that is asked, at the gateway that asks. */
static void
write_led(struct expo *x, struct upstreams *ups, const char *family, const char *help, int64_t (*get)(const struct lookup_stats *s))
{
	expo_family(x, EXPO_GAUGE, family, help);
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		struct upstream *u = upstreams_at(ups, i);

		if (u->ca && atomic_load(&u->lookups.leads))
			expo_int(x, get(&u->lookups), "ca", u->name, NULL);
	}
}

static int64_t
get_led(const struct lookup_stats *s)
{
	return atomic_load(&s->leads);
}

static int64_t
get_rate(const struct lookup_stats *s)
{
	return atomic_load(&s->rate);
}

static int64_t
get_due(const struct lookup_stats *s)
{
	return atomic_load(&s->due);
}

static int64_t
get_late(const struct lookup_stats *s)
{
	int64_t since = atomic_load(&s->oldest_at), late = clock_unix_s() - since;

	return since && late > 0 ? late : 0;
}

static int64_t
get_pause(const struct lookup_stats *s)
{
	int64_t until = atomic_load(&s->paused_until), left = until - clock_unix_s();

	return until && left > 0 ? left : 0;
}

static int64_t
get_urged(const struct lookup_stats *s)
{
	return atomic_load(&s->urged);
}

static void
write_lookups(struct expo *x, struct upstreams *ups)
{
	expo_family(x, EXPO_COUNTER, "acmegate_upstream_lookups", "Certificates that a CA was asked about when to renew them, by what came of it.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		struct upstream *u = upstreams_at(ups, i);

		for (int r = LOOKUP_WINDOW; r < LOOKUP_RESULT__COUNT && u->ca; r++)
			expo_int(x, (int64_t)atomic_load(&u->lookups.results[r]), "ca", u->name, "result", lookup_result_name((enum lookup_result)r), NULL);
	}
	expo_family(x, EXPO_COUNTER, "acmegate_upstream_lookups_requests", "Requests that this took; one may be about a thousand certificates.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		if (upstreams_at(ups, i)->ca)
			expo_int(x, (int64_t)atomic_load(&upstreams_at(ups, i)->lookups.requests), "ca", upstreams_at(ups, i)->name, NULL);
	}
	expo_family(x, EXPO_COUNTER, "acmegate_upstream_lookups_alarms", "Times that a CA was found to have moved windows into the past.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		if (upstreams_at(ups, i)->ca)
			expo_int(x, (int64_t)atomic_load(&upstreams_at(ups, i)->lookups.alarms), "ca", upstreams_at(ups, i)->name, NULL);
	}
	write_led(x, ups, "acmegate_upstream_lookups_led", "1 at the gateway that asks the CA.", get_led);
	write_led(x, ups, "acmegate_upstream_lookups_rate", "Requests a second that it may get.", get_rate);
	write_led(x, ups, "acmegate_upstream_lookups_due", "Certificates that are due to be asked about, counted up to 100000.", get_due);
	write_led(x, ups, "acmegate_upstream_lookups_late_seconds", "For how long the first of them has been.", get_late);
	write_led(x, ups, "acmegate_upstream_lookups_pause_seconds", "For how long the CA is not asked, since it was too busy or silent.", get_pause);
	write_led(x, ups, "acmegate_upstream_lookups_urged", "Live certificates that the CA wants renewed at once.", get_urged);
}

/* ---- the queue ---- */

static void
on_width(const struct dispatch_view *v, void *arg)
{
	expo_int(arg, v->stats.width, "ca", v->ca, NULL);
}

/* Of the gateway that leads the queue. */
static void
write_dispatch(struct expo *x, struct upstreams *ups)
{
	struct dispatch_waits waits;

	expo_family(x, EXPO_GAUGE, "acmegate_queue_width", "Orders that may be under way at a CA at a time, as the leader of the queue has it.");
	dispatch_each(ups, on_width, x);
	dispatch_waits(ups, &waits);
	expo_family(x, EXPO_HISTOGRAM, "acmegate_queue_wait_seconds", "How long orders had waited when this gateway let them through to their CAs.");
	expo_histogram(x, dispatch_bounds_us, waits.counts, DISPATCH_BOUNDS, waits.sum_s * 1000000, NULL);
}

/* ---- the ledger of limits ---- */

/* A family of counters, an entry of upstreams and a limit each. */
static void
write_by_limit(struct expo *x, struct upstreams *ups, size_t offset, const char *family, const char *help)
{
	expo_family(x, EXPO_COUNTER, family, help);
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		struct upstream *u = upstreams_at(ups, i);
		const _Atomic(uint64_t) *counts = (const void *)((const char *)&u->limits + offset);

		for (int k = 0; u->ca && k < QUOTA_HTTP_NONCE; k++)
			expo_int(x, (int64_t)atomic_load(&counts[k]), "ca", u->name, "limit", quota_kind_name((enum quota_kind)k), NULL);
	}
}

static void
write_ledger(struct expo *x, struct upstreams *ups)
{
	expo_family(x, EXPO_GAUGE, "acmegate_ledger_up", "0 while the ledger of CAs' limits cannot be read or written: nothing is ordered.");
	expo_int(x, ledger_is_well(upstreams_ledger(ups)), NULL);
	expo_family(x, EXPO_COUNTER, "acmegate_ledger_admitted", "Orders that the limits of their CA let through.");
	for (size_t i = 0; i < upstreams_count(ups); i++) {
		if (upstreams_at(ups, i)->ca)
			expo_int(x, (int64_t)atomic_load(&upstreams_at(ups, i)->limits.admitted), "ca", upstreams_at(ups, i)->name, NULL);
	}
	write_by_limit(x, ups, offsetof(struct ledger_stats, waited), "acmegate_ledger_waits", "Times that an order was told to wait for a limit.");
	write_by_limit(x, ups, offsetof(struct ledger_stats, refused), "acmegate_ledger_refusals", "Orders that a CA refused for a limit.");
	write_by_limit(x, ups, offsetof(struct ledger_stats, foreign), "acmegate_ledger_foreign", "Those that only others' use of the limit explains.");
}

void
metrics_write_cas(struct expo *x, struct upstreams *ups)
{
	write_issued(x, ups);
	write_upstreams(x, ups);
	write_accounts(x, ups);
	write_paced(x, ups);
	write_lookups(x, ups);
	write_dispatch(x, ups);
	write_ledger(x, ups);
}
