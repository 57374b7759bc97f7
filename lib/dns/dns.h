/* dns.h - look-ups through c-ares, driven by a loop. Callbacks on the loop's thread, exactly one
 * per look-up. */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/problem.h"
#include "loop/loop.h"

struct dns;

/* servers: NULL or 0 = those of /etc/resolv.conf (and /etc/hosts), read at each look-up; else
 * only these, in this order, each with its port (0 = 53); copied. */
struct dns *dns_new(struct loop *loop, const struct addr *servers, size_t count);
/* After the loop has ended and before loop_free: each running look-up gets its callback on this
 * thread; they must not start others. */
void dns_free(struct dns *dns);

#define DNS_ADDRS_MAX 16
struct dns_addrs {
	struct addr list[DNS_ADDRS_MAX]; /* IPv6 first; port 0 */
	size_t count;
};
/* pr is NULL on success, with one address at least; PROBLEM_DNS with a detail for the device's
 * owner otherwise (NXDOMAIN, SERVFAIL, time-out, no address). Both are valid until the callback
 * returns. */
typedef void (*dns_addrs_fn)(const struct dns_addrs *addrs, const struct problem *pr, void *arg);
/* Any thread, never calls back before it returns; A and AAAA asked together; each with a fresh
 * query from a port of its own (no stale negative answer). The name is taken as absolute; an IP
 * address is its own answer. */
void dns_addrs(struct dns *dns, const char *name, msec_t timeout_ms, dns_addrs_fn fn, void *arg);
#endif
