/* refusal.c - what a CA's "rate limited" says of itself, in Boulder's words; see quota.h.
 *
 *   too many certificates (50) already issued for "corp.example" in the last 168h0m0s, retry after 2026-11-24 16:20:00 UTC: see
 *   https://letsencrypt.org/docs/rate-limits/#new-certificates-per-registered-domain
 *
 * The anchor is made for programs, the words may change: it is looked at first. */
#include "quota/quota.h"

#define TEN_YEARS_S (INT64_C(3650) * 86400)

static const struct {
	const char *anchor, *words;
	enum quota_kind kind;
	bool is_registration;
} known[] = {
	{ "#new-orders-per-account", "too many new orders", QUOTA_ORDERS, false },
	/* before the domain's, whose words it begins with */
	{ "#new-certificates-per-exact-set-of-identifiers", "for this exact set of identifiers", QUOTA_SET, false },
	{ "#new-certificates-per-exact-set-of-hostnames", "for this exact set of domains", QUOTA_SET, false },
	{ "#new-certificates-per-registered-domain", "already issued for \"", QUOTA_DOMAIN, false },
	{ "#authorization-failures-per-identifier-per-account", "too many failed authorizations", QUOTA_FAIL, false },
	{ "#new-registrations-per-ip-address", "too many new registrations", QUOTA_ORDERS, true },
	{ "#new-registrations-per-ipv6-range", "from this /48 subnet", QUOTA_ORDERS, true },
};
#define PAUSED "temporarily prevented from requesting certificates"

/* What follows the first `what` in the text; p NULL if it is not there. */
static struct span
after(struct span text, const char *what)
{
	size_t n = strlen(what);
	const char *at = text.n >= n ? memmem(text.p, text.n, what, n) : NULL;

	return at ? span_from(text, (size_t)(at - text.p) + n) : SPAN_NONE;
}

static bool
read_kind(struct span detail, struct quota_refusal *r)
{
	struct span link = after(detail, "/docs/rate-limits/");

	for (size_t i = 0; i < COUNT_OF(known); i++) {
		const char *anchor = known[i].anchor;

		if (link.p ? !span_starts(link, anchor) || link.n != strlen(anchor) : !after(detail, known[i].words).p)
			continue;
		r->kind = known[i].kind;
		r->is_registration = known[i].is_registration;
		return true;
	}
	return false;
}

/* Digits at the start of `*text`, and past them. */
static bool
read_number(struct span *text, uint64_t max, int64_t *ret)
{
	struct span digits = span_of(text->p, 0);
	uint64_t n;

	while (digits.n < text->n && digits.n < 20 && text->p[digits.n] >= '0' && text->p[digits.n] <= '9')
		digits.n++;
	if (!span_uint(digits, max, &n))
		return false;
	*ret = (int64_t)n;
	*text = span_from(*text, digits.n);
	return true;
}

bool
quota_duration_read(struct span text, int64_t *ret_s)
{
	static const struct { char unit; int64_t s; } units[] = { { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	int64_t sum = 0, n;
	size_t at = 0, seen = 0;

	while (text.n > 0) {
		if (!read_number(&text, TEN_YEARS_S, &n) || text.n == 0)
			return false;
		while (at < COUNT_OF(units) && units[at].unit != text.p[0])
			at++;
		if (at == COUNT_OF(units) || n > TEN_YEARS_S / units[at].s)
			return false;
		sum += n * units[at++].s;
		text = span_from(text, 1);
		seen++;
	}
	if (seen == 0 || sum > TEN_YEARS_S)
		return false;
	*ret_s = sum;
	return true;
}

/* "(50)" and "in the last 168h0m0s,"; half of it is worth nothing. */
static void
read_rate(struct span detail, struct quota_refusal *r)
{
	struct span number = after(detail, "("), period = after(detail, " in the last ");
	int64_t n, s;
	size_t end = 0;

	while (end < period.n && period.p[end] != ',' && period.p[end] != ' ')
		end++;
	if (!number.p || !period.p || !read_number(&number, 1000000000, &n) || n < 1 || !span_starts(number, ")") ||
		!quota_duration_read(span_of(period.p, end), &s) || s < 1)
		return;
	r->rate = (struct quota_rate){ n, n, s };
}

static void
read_subject(struct span detail, struct quota_refusal *r)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_*:/";
	struct span rest = after(detail, "\"");
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '\0' && strchr(allowed, rest.p[n]))
		n++;
	if (n == 0 || n >= rest.n || rest.p[n] != '"' || !span_copy(span_of(rest.p, n), r->subject, sizeof(r->subject)))
		r->subject[0] = '\0';
}

bool
quota_refusal_read(struct span detail, struct quota_refusal *ret)
{
	struct quota_refusal r = { 0 };

	if (after(detail, PAUSED).p) {
		r.kind = QUOTA_FAIL_PAUSE;
		r.is_paused = true;
		*ret = r;
		return true;
	}
	if (!read_kind(detail, &r))
		return false;
	read_rate(detail, &r);
	read_subject(detail, &r);
	*ret = r;
	return true;
}
