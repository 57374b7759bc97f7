/* persist.h - what a record of dns-persist-01 says (draft-ietf-acme-dns-persist-01, V30): "issuer; accounturi=URL", perhaps with
 * "policy=wildcard" and "persistUntil=SECONDS". Pure; any thread. */
#ifndef VALIDATE_PERSIST_H
#define VALIDATE_PERSIST_H

#include "dns/dns.h"
#include "gate/conf.h"

/* What records are held against. */
struct persist_ask {
	const struct conf_strings *issuers; /* names of ours */
	const char *account_url;            /* compared octet by octet */
	bool wide;                          /* they must have policy=wildcard */
	int64_t now_unix_s;
};

enum persist_verdict {
	PERSIST_NONE,   /* no record names us */
	PERSIST_PROVEN,
	PERSIST_REFUSED /* one does, and does not prove it */
};

#define PERSIST_FOREVER INT64_MAX
/* The TXT records at `at`. Proven by one of them: *ret_until_unix_s is when the last such one ends, or PERSIST_FOREVER. Refused:
 * PROBLEM_MALFORMED or PROBLEM_UNAUTHORIZED, for the first that names us. */
enum persist_verdict persist_judge(const struct span *rdata, size_t count, const char *at, const struct persist_ask *ask,
	int64_t *ret_until_unix_s, struct problem *pr);
#endif
