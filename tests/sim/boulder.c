/* boulder.c - see boulder.h. */
#include "boulder.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* ---- one bucket ---- */

static int64_t
max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

struct spent
gcra_try(struct rate r, int64_t tat_ns, int64_t now_ns, int64_t cost)
{
	int64_t each = r.period_ns / r.count, capacity = each * r.burst;
	int64_t from = max(tat_ns, now_ns), after = from + cost * each;
	int64_t room = now_ns - (after - capacity);

	if (room < 0)
		return (struct spent){ false, (now_ns - (from - capacity)) / each, -room, tat_ns };
	return (struct spent){ true, room / each, 0, after };
}

int64_t
gcra_give_back(struct rate r, int64_t tat_ns, int64_t now_ns, int64_t cost)
{
	if (tat_ns <= now_ns)
		return tat_ns;
	return max(tat_ns - cost * (r.period_ns / r.count), now_ns);
}

/* ---- a CA ---- */

#define EXACT_NS (120 * DAY_NS) /* a set issued so recently is a renewal */

struct issued {
	int64_t at_ns, lifetime_ns;
	bool revoked, replaced;
};

void
boulder_init(struct boulder *b)
{
	*b = (struct boulder){ .rates = {
		[LIMIT_ORDERS] = { 300, 300, 3 * HOUR_NS },
		[LIMIT_DOMAIN] = { 50, 50, 7 * DAY_NS },
		[LIMIT_SET] = { 5, 5, 7 * DAY_NS },
		[LIMIT_FAIL] = { 5, 5, HOUR_NS },
		[LIMIT_PAUSE] = { 1, 1152, DAY_NS },
	} };
	map_init(&b->buckets, sizeof(int64_t));
	map_init(&b->sets, sizeof(struct issued));
}

void
boulder_done(struct boulder *b)
{
	map_done(&b->buckets);
	map_done(&b->sets);
}

static int
is_full(uint64_t key, void *value, void *arg)
{
	(void)key;
	return *(int64_t *)value <= *(int64_t *)arg;
}

void
boulder_sweep(struct boulder *b, int64_t now_ns)
{
	map_sweep(&b->buckets, is_full, &now_ns);
}

size_t
boulder_bytes(const struct boulder *b)
{
	return map_bytes(&b->buckets) + map_bytes(&b->sets);
}

/* A bucket of a limit; of `account`, 0 = of all. */
static uint64_t
bucket_of(enum limit limit, uint64_t account, const char *key)
{
	return hash_text(hash_number(account, (uint64_t)limit + 1), key);
}

static uint64_t
set_of(const struct names *names)
{
	uint64_t h = 1;

	for (size_t i = 0; i < names->count; i++)
		h = hash_text(h, names->list[i]);
	return h;
}

/* The last two labels. */
static const char *
registered_domain(const char *name)
{
	const char *last = strrchr(name, '.'), *p = last;

	while (p && p > name && p[-1] != '.')
		p--;
	return p ? p : name;
}

static int64_t
tat_of(const struct boulder *b, uint64_t bucket)
{
	const int64_t *tat = map_get(&b->buckets, bucket);

	return tat ? *tat : 0;
}

/* "Spend only": what does not fit is skipped. */
static void
spend(struct boulder *b, enum limit limit, uint64_t bucket, int64_t now_ns)
{
	int64_t *tat = map_put(&b->buckets, bucket);

	*tat = gcra_try(b->rates[limit], *tat, now_ns, 1).tat_ns;
}

/* ---- newOrder ---- */

struct batch {
	const struct boulder *b;
	int64_t now_ns;
	bool denied;
	enum limit limit;     /* the strictest */
	struct spent strictest;
	uint64_t bucket;
	const char *subject;
};

static void
check(struct batch *batch, enum limit limit, uint64_t bucket, const char *subject)
{
	struct spent s = gcra_try(batch->b->rates[limit], tat_of(batch->b, bucket), batch->now_ns, 1);

	if (s.allowed || (batch->denied && s.retry_ns <= batch->strictest.retry_ns))
		return;
	batch->denied = true;
	batch->limit = limit;
	batch->strictest = s;
	batch->bucket = bucket;
	batch->subject = subject;
}

/* As in its log of August 2026; the period as Go prints it. */
static void
say(const struct batch *batch, char *dst, size_t size)
{
	static const char *const anchors[] = { [LIMIT_ORDERS] = "new-orders-per-account",
		[LIMIT_DOMAIN] = "new-certificates-per-registered-domain",
		[LIMIT_SET] = "new-certificates-per-exact-set-of-identifiers",
		[LIMIT_FAIL] = "authorization-failures-per-identifier-per-account" };
	struct rate r = batch->b->rates[batch->limit];
	long long n = (long long)r.burst, s = (long long)(r.period_ns / NS);
	char what[200], time[TIME_TEXT];

	switch (batch->limit) {
	case LIMIT_ORDERS:
		snprintf(what, sizeof(what), "new orders (%lld) from this account", n);
		break;
	case LIMIT_DOMAIN:
		snprintf(what, sizeof(what), "certificates (%lld) already issued for \"%s\"", n, batch->subject);
		break;
	case LIMIT_SET:
		snprintf(what, sizeof(what), "certificates (%lld) already issued for this exact set of identifiers", n);
		break;
	case LIMIT_FAIL:
		snprintf(what, sizeof(what), "failed authorizations (%lld) for \"%s\"", n, batch->subject);
		break;
	default:
		snprintf(dst, size, "Your account is temporarily prevented from requesting certificates for %s", batch->subject);
		return;
	}
	time_rfc3339((batch->now_ns + batch->strictest.retry_ns) / NS, time);
	time[10] = ' ';
	time[19] = '\0';
	snprintf(dst, size, "too many %s in the last %lldh%lldm%llds, retry after %s UTC: see https://letsencrypt.org/docs/rate-limits/#%s",
		what, s / 3600, s / 60 % 60, s % 60, time, anchors[batch->limit]);
}

/* Each registered domain once. */
static bool
is_first_of_domain(const struct names *names, size_t i)
{
	const char *domain = registered_domain(names->list[i]);

	for (size_t k = 0; k < i; k++) {
		if (strcmp(registered_domain(names->list[k]), domain) == 0)
			return false;
	}
	return true;
}

static void
check_all(struct batch *batch, uint64_t account, const struct names *names, bool is_renewal)
{
	uint64_t set = set_of(names);

	if (!is_renewal)
		check(batch, LIMIT_ORDERS, bucket_of(LIMIT_ORDERS, account, ""), "");
	check(batch, LIMIT_SET, hash_number(set, LIMIT_SET), "");
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->list[i], *domain = registered_domain(name);

		check(batch, LIMIT_FAIL, bucket_of(LIMIT_FAIL, account, name), name);
		check(batch, LIMIT_PAUSE, bucket_of(LIMIT_PAUSE, account, name), name);
		if (!is_renewal && is_first_of_domain(names, i))
			check(batch, LIMIT_DOMAIN, bucket_of(LIMIT_DOMAIN, 0, domain), domain);
	}
}

/* Seconds, with up to 3 % added, so that not all come back at once. */
static int64_t
told_s(const struct batch *batch)
{
	int64_t ns = batch->strictest.retry_ns;
	uint64_t dice = hash_number(batch->bucket, (uint64_t)batch->now_ns) % 1000;

	return (ns + ns / 100000 * 3 * (int64_t)dice + NS / 2) / NS;
}

static bool
is_renewal_of(const struct boulder *b, const struct names *names, int64_t now_ns)
{
	const struct issued *last = map_get(&b->sets, set_of(names));

	return last && now_ns - last->at_ns < EXACT_NS;
}

/* A replacement at the time that we suggested. */
static bool
is_in_window(const struct boulder *b, const struct names *names, int64_t now_ns)
{
	int64_t start_ns, end_ns;

	return boulder_window(b, names, now_ns, &start_ns, &end_ns) && start_ns <= now_ns && now_ns < end_ns;
}

bool
boulder_new_order(struct boulder *b, uint64_t account, const struct names *names, bool replaces, int64_t now_ns, struct refusal *ret)
{
	struct batch batch = { .b = b, .now_ns = now_ns };
	bool is_renewal = is_renewal_of(b, names, now_ns);

	if (replaces && is_in_window(b, names, now_ns))
		return true;
	check_all(&batch, account, names, is_renewal);
	if (!batch.denied) {
		if (!is_renewal)
			spend(b, LIMIT_ORDERS, bucket_of(LIMIT_ORDERS, account, ""), now_ns);
		return true;
	}
	*ret = (struct refusal){ .limit = batch.limit, .retry_s = told_s(&batch), .bucket = batch.bucket };
	say(&batch, ret->detail, sizeof(ret->detail));
	return false;
}

int64_t
boulder_wait(const struct boulder *b, uint64_t account, const struct names *names, bool replaces, int64_t now_ns)
{
	struct batch batch = { .b = b, .now_ns = now_ns };

	if (replaces && is_in_window(b, names, now_ns))
		return 0;
	check_all(&batch, account, names, is_renewal_of(b, names, now_ns));
	return batch.denied ? batch.strictest.retry_ns : 0;
}

void
boulder_order_lost(struct boulder *b, uint64_t account, int64_t now_ns)
{
	int64_t *tat = map_put(&b->buckets, bucket_of(LIMIT_ORDERS, account, ""));

	*tat = gcra_give_back(b->rates[LIMIT_ORDERS], *tat, now_ns, 1);
}

void
boulder_authz_failed(struct boulder *b, uint64_t account, const char *name, int64_t now_ns)
{
	spend(b, LIMIT_FAIL, bucket_of(LIMIT_FAIL, account, name), now_ns);
	spend(b, LIMIT_PAUSE, bucket_of(LIMIT_PAUSE, account, name), now_ns);
}

void
boulder_authz_valid(struct boulder *b, uint64_t account, const char *name)
{
	map_drop(&b->buckets, bucket_of(LIMIT_PAUSE, account, name));
}

void
boulder_issue(struct boulder *b, const struct names *names, int64_t lifetime_ns, int64_t now_ns)
{
	uint64_t set = set_of(names);
	struct issued *last = map_get(&b->sets, set);

	if (!last || now_ns - last->at_ns >= EXACT_NS) {
		for (size_t i = 0; i < names->count; i++) {
			if (is_first_of_domain(names, i))
				spend(b, LIMIT_DOMAIN, bucket_of(LIMIT_DOMAIN, 0, registered_domain(names->list[i])), now_ns);
		}
	}
	spend(b, LIMIT_SET, hash_number(set, LIMIT_SET), now_ns);
	last = map_put(&b->sets, set);
	*last = (struct issued){ .at_ns = now_ns, .lifetime_ns = lifetime_ns };
}

void
boulder_stranger(struct boulder *b, const char *domain, int64_t now_ns)
{
	spend(b, LIMIT_DOMAIN, bucket_of(LIMIT_DOMAIN, 0, domain), now_ns);
}

static int
revoke(uint64_t key, void *value, void *arg)
{
	(void)key;
	(void)arg;
	((struct issued *)value)->revoked = true;
	return 0;
}

void
boulder_revoke_all(struct boulder *b)
{
	map_sweep(&b->sets, revoke, NULL);
}

bool
boulder_window(const struct boulder *b, const struct names *names, int64_t now_ns, int64_t *ret_start_ns, int64_t *ret_end_ns)
{
	const struct issued *last = map_get(&b->sets, set_of(names));
	int64_t ideal_ns, half_ns;

	if (!last)
		return false;
	/* that of a revoked one lies in the past, end included: it exempts nothing */
	if (last->revoked) {
		*ret_start_ns = now_ns - HOUR_NS;
		*ret_end_ns = now_ns - HOUR_NS / 2;
		return true;
	}
	ideal_ns = last->at_ns + (last->lifetime_ns < 10 * DAY_NS ? last->lifetime_ns / 2 : last->lifetime_ns / 3 * 2);
	half_ns = last->lifetime_ns / 100;
	*ret_start_ns = ideal_ns - half_ns;
	*ret_end_ns = ideal_ns + half_ns;
	return true;
}

void
boulder_told(struct boulder *b, const struct refusal *r, int64_t now_ns)
{
	struct rate rate = b->rates[r->limit];
	int64_t *tat = map_put(&b->buckets, r->bucket);

	*tat = max(*tat, now_ns + r->retry_s * NS + rate.period_ns / rate.count * (rate.burst - 1));
}
