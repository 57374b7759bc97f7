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
 * thread; what they start ends likewise, so they must come to an end. */
void dns_free(struct dns *dns);

/* Records only: not the servers are asked but those of the zone, which the servers find: where they listen, and which addresses may
 * be asked. Valid until the callback. */
struct dns_authority {
	uint16_t port;
	const struct reach *reach;
};

enum dns_how {
	DNS_FOLLOW, /* resolvers; aliases are followed */
	DNS_HERE,   /* resolvers; only what is at the name itself, an alias is told */
	DNS_DIRECT, /* the servers are those of the zone: not recursive, an answer of their own knowledge (AA) or none; an alias is told */
};

/* What is asked for, and of whom; copied. The name is taken as absolute. */
struct dns_ask {
	const char *name;
	const struct addr *servers; /* as with dns_new; none = those of the struct dns */
	size_t server_count;
	msec_t timeout_ms;
	const struct dns_authority *authority; /* NULL = the servers' word is taken */
	enum dns_how how; /* records only */
};

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
 * query from a port of its own (no stale negative answer). An IP address is its own answer. */
void dns_addrs(struct dns *dns, const struct dns_ask *ask, dns_addrs_fn fn, void *arg);

enum dns_type { DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_TXT = 16, DNS_CAA = 257 };
enum dns_outcome { DNS_FOUND, DNS_NO_RECORD, DNS_NO_NAME, DNS_FAILED };

#define DNS_RECORDS_MAX 100
struct dns_records {
	enum dns_outcome outcome;
	struct span list[DNS_RECORDS_MAX]; /* RDATA, as it came */
	size_t count;                      /* one at least if DNS_FOUND, else none */
	const char *alias;                 /* DNS_HERE, DNS_DIRECT: what the name is an alias of, NULL = of nothing; then there are no records */
	struct span message;               /* they are a part of, for names within them */
};
/* pr is NULL with DNS_FOUND, else PROBLEM_DNS as above. Both are valid until the callback returns. */
typedef void (*dns_records_fn)(const struct dns_records *records, const struct problem *pr, void *arg);
/* All records of one type, as with dns_addrs; a truncated answer is asked for again over TCP. Aliases (CNAME, DNAME) are
 * followed, also where the server leaves that to us. More than DNS_RECORDS_MAX are a failure, not cut off.
 * With `authority` each of the zone's name servers (the first eight) must answer, at one of its addresses at least, and all must say
 * the same, else it is a failure: a change that has not come to all of them is no change yet. */
void dns_records(struct dns *dns, const struct dns_ask *ask, enum dns_type type, dns_records_fn fn, void *arg);

#define DNS_NAME_TEXT 1024 /* 255 octets, each perhaps written as \\DDD */
/* The name that the record at `i` is, as that of NS; false if it is none. */
bool dns_record_name(const struct dns_records *records, size_t i, char ret[DNS_NAME_TEXT]) __attribute__((warn_unused_result));
struct dns_soa {
	char primary[DNS_NAME_TEXT]; /* MNAME */
	uint32_t serial;
};
/* The record of type SOA at `i`; false if it is malformed. */
bool dns_record_soa(const struct dns_records *records, size_t i, struct dns_soa *ret) __attribute__((warn_unused_result));

/* The character-strings of a TXT record's RDATA joined (RFC 1035 3.3.14); false if it is malformed or longer than size - 1. */
bool dns_txt_join(struct span rdata, char *dst, size_t size);
#endif
