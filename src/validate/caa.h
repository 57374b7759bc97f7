/* caa.h - may a certificate be issued for this name? What the zones say in CAA records (RFC 8659, RFC 8657), for profiles that ask
 * for it (V5). Addresses have no CAA. */
#ifndef VALIDATE_CAA_H
#define VALIDATE_CAA_H

#include "dns/dns.h"
#include "gate/conf.h"

/* What a record is held against. */
struct caa_ask {
	const char *name;                   /* without "*." */
	bool wildcard;
	const struct conf_strings *issuers; /* names of ours */
	const char *account_url;            /* RFC 8657 3 */
	const char *method;                 /* the challenge type that proved the name (RFC 8657 4) */
};

/* Pure: the relevant record set, found at `at`. Refused with PROBLEM_CAA; a record that cannot be read forbids. */
bool caa_judge(const struct span *rdata, size_t count, const char *at, const struct caa_ask *ask, struct problem *pr)
	__attribute__((warn_unused_result));

struct caa_check {
	/* in; valid until the callback: */
	struct caa_ask ask;
	struct dns *dns;
	const struct addr *resolvers; /* none = those of dns */
	size_t resolver_count;
	msec_t timeout_ms;            /* of all look-ups */
	/* out: */
	bool allowed;
	struct problem problem;       /* PROBLEM_CAA: a zone forbids it; PROBLEM_DNS: it could not be found out */
	/* the caller's: */
	void (*done)(struct caa_check *c);
	void *arg;
	/* its own: */
	const char *at;
	msec_t deadline;
};
/* Climbs from the name to the top level until there are records (RFC 8659 3). Any thread; one callback, on the loop's thread,
 * never before it returns. */
void caa_start(struct caa_check *c);
#endif
