/* dns.h - look-ups through c-ares, driven by a loop. Callbacks on the loop's thread, exactly one per look-up. */
#ifndef DNS_DNS_H
#define DNS_DNS_H

#include "base/addr.h"
#include "base/clock.h"
#include "base/problem.h"
#include "loop/loop.h"

struct dns;

/* servers: NULL or 0 = those of /etc/resolv.conf (and /etc/hosts); else only these, each with its port (0 = 53). */
struct dns *dns_new(struct loop *loop, const struct addr *servers, size_t count);
void dns_free(struct dns *dns);

#define DNS_ADDRS_MAX 16
struct dns_addrs {
	struct addr list[DNS_ADDRS_MAX]; /* IPv6 first; port 0 */
	size_t count;
};
/* pr is NULL on success; PROBLEM_DNS with a detail for the device's owner otherwise (NXDOMAIN, SERVFAIL, time-out, no address). */
typedef void (*dns_addrs_fn)(const struct dns_addrs *addrs, const struct problem *pr, void *arg);
/* Any thread; A and AAAA asked together; each with a fresh query (no stale negative answer). */
void dns_addrs(struct dns *dns, const char *name, msec_t timeout_ms, dns_addrs_fn fn, void *arg);
#endif
