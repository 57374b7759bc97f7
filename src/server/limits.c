/* limits.c - see limits.h. */
#include "server/limits.h"

#include <stddef.h>

#define KEYS_MAX 100000

static const struct {
	const char *name, *scope, *what;
	size_t burst, interval; /* offsets in struct rates_conf */
} rows[] = {
#define ROW(field, n, s, w) { n, s, w, offsetof(struct rates_conf, field##_burst), offsetof(struct rates_conf, field##_ms) }
	[LIMIT_REQUESTS] = ROW(requests, "requests", "address", "requests from this address"),
	[LIMIT_NEW_ACCOUNT] = ROW(new_account, "new-account", "address", "new accounts from this address"),
	[LIMIT_NEW_ORDER] = ROW(new_order, "new-order", "account", "new orders of this account"),
	[LIMIT_CHALLENGE] = ROW(challenge, "challenge", "account", "challenge responses of this account"),
	[LIMIT_FAILED] = ROW(failed, "failed-validation", "account and name", "failed validations of this name"),
	[LIMIT_RENEWAL_ADDR] = ROW(renewal_address, "renewal-address", "address", "certificates asked about from this address"),
	[LIMIT_RENEWAL_ACCOUNT] = ROW(renewal_account, "renewal-account", "account", "certificates asked about by this account"),
#undef ROW
};

const char *
limit_name(enum limit limit)
{
	return rows[limit].name;
}

const char *
limit_scope(enum limit limit)
{
	return rows[limit].scope;
}

void
limits_init(struct limits *l)
{
	for (size_t i = 0; i < LIMIT__COUNT; i++)
		l->by[i] = buckets_new(KEYS_MAX);
}

void
limits_done(struct limits *l)
{
	for (size_t i = 0; i < LIMIT__COUNT; i++) {
		buckets_free(l->by[i]);
		l->by[i] = NULL;
	}
}

struct rate
limit_rate(const struct gate_conf *conf, enum limit limit)
{
	const char *rates = (const char *)&conf->rates;

	return (struct rate){ *(const int64_t *)(const void *)(rates + rows[limit].burst),
		*(const int64_t *)(const void *)(rates + rows[limit].interval) };
}

uint64_t
limit_refused(struct limits *l, enum limit limit)
{
	struct buckets_stats s;

	buckets_stats(l->by[limit], &s);
	return s.refused + (limit == LIMIT_FAILED ? atomic_load(&l->failed_refused) : 0);
}

static bool
refuse(enum limit limit, msec_t wait_ms, struct problem *pr)
{
	int64_t wait_s = (wait_ms + 999) / 1000;

	pr->retry_after_s = (unsigned)(wait_s < 1 ? 1 : wait_s > 7 * 86400 ? 7 * 86400 : wait_s);
	return problem_set(pr, PROBLEM_RATE_LIMITED, "too many %s, try again in %u s", rows[limit].what, pr->retry_after_s);
}

bool
limit_take(struct limits *l, const struct gate_conf *conf, enum limit limit, struct span key, struct problem *pr)
{
	msec_t wait_ms;

	return buckets_take(l->by[limit], key, limit_rate(conf, limit), clock_ms(), &wait_ms) || refuse(limit, wait_ms, pr);
}

bool
limit_take_many(struct limits *l, const struct gate_conf *conf, enum limit limit, struct span key, size_t count, struct problem *pr)
{
	msec_t wait_ms;

	return buckets_take_many(l->by[limit], key, limit_rate(conf, limit), (int64_t)count, clock_ms(), &wait_ms) || refuse(limit, wait_ms, pr);
}

bool
limit_allows(struct limits *l, const struct gate_conf *conf, enum limit limit, struct span key, struct problem *pr)
{
	msec_t wait_ms;

	return buckets_has(l->by[limit], key, limit_rate(conf, limit), clock_ms(), &wait_ms) || refuse(limit, wait_ms, pr);
}

/* A host in IPv6 has a whole /64. */
static struct span
addr_key(const struct addr *peer)
{
	return span_of(peer->octet, peer->family == AF_INET6 ? 8 : 4);
}

bool
limit_take_addr(struct limits *l, const struct gate_conf *conf, enum limit limit, const struct addr *peer, struct problem *pr)
{
	return limit_take(l, conf, limit, addr_key(peer), pr);
}

bool
limit_take_ids(struct limits *l, const struct gate_conf *conf, const struct addr *peer, size_t count, struct problem *pr)
{
	return limit_take_many(l, conf, LIMIT_RENEWAL_ADDR, addr_key(peer), count, pr);
}
