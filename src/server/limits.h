/* limits.h - abuse limits of the ACME face (T8): who asks too often is answered 429 rateLimited with Retry-After (RFC 8555 6.6). */
#ifndef SERVER_LIMITS_H
#define SERVER_LIMITS_H

#include <stdatomic.h>

#include "base/addr.h"
#include "base/buckets.h"
#include "base/problem.h"
#include "gate/conf.h"

enum limit { LIMIT_REQUESTS, LIMIT_NEW_ACCOUNT, LIMIT_NEW_ORDER, LIMIT_CHALLENGE, LIMIT_FAILED, LIMIT_RENEWAL_ADDR, LIMIT_RENEWAL_ACCOUNT, LIMIT__COUNT };
const char *limit_name(enum limit limit);
/* What has a bucket of its own: "address", "account", "account and name". */
const char *limit_scope(enum limit limit);

/* Zeroed before limits_init; limits_done frees. Any thread. */
struct limits {
	struct buckets *by[LIMIT__COUNT];
	/* orders refused for LIMIT_FAILED and for pending_authz_max; in a transaction, which may run twice, nothing is counted */
	_Atomic(uint64_t) failed_refused, pending_refused;
};
void limits_init(struct limits *l);
void limits_done(struct limits *l);
struct rate limit_rate(const struct gate_conf *conf, enum limit limit);
/* Take a token, or PROBLEM_RATE_LIMITED that says what and for how long. */
bool limit_take(struct limits *l, const struct gate_conf *conf, enum limit limit, struct span key, struct problem *pr) MUST_CHECK;
/* The same for an address. */
bool limit_take_addr(struct limits *l, const struct gate_conf *conf, enum limit limit, const struct addr *peer, struct problem *pr) MUST_CHECK;
/* Several tokens at once: more than a burst are taken when there is a whole one, and owed. */
bool limit_take_many(struct limits *l, const struct gate_conf *conf, enum limit limit, struct span key, size_t count, struct problem *pr) MUST_CHECK;
/* LIMIT_RENEWAL_ADDR: a token for each certificate asked about. */
bool limit_take_ids(struct limits *l, const struct gate_conf *conf, const struct addr *peer, size_t count, struct problem *pr) MUST_CHECK;
/* What this one has refused so far. */
uint64_t limit_refused(struct limits *l, enum limit limit);
/* Only look. */
bool limit_allows(struct limits *l, const struct gate_conf *conf, enum limit limit, struct span key, struct problem *pr) MUST_CHECK;
#endif
