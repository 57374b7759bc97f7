/* answer.h - the answer of the DNS for one record type, and what A and AAAA say together. */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include "dns/dns.h"

struct answer {
	int family;
	bool done;
	int status;  /* ARES_* */
	int refusal; /* that of the first round; ARES_SUCCESS = none */
	struct addr list[DNS_ADDRS_MAX];
	size_t count;
};

/* Any octets: 4 or 16 by the family. Beyond DNS_ADDRS_MAX they are left out. */
void answer_add(struct answer *answer, const void *octets);
/* Add the addresses of a whole DNS message; returns its ARES_* status. */
int answer_parse(struct answer *answer, const unsigned char *message, int n);
/* Did the server answer without looking? */
bool answer_is_refusal(int status);

/* IPv6 first; each family has at least half of the room if it needs it. */
void answers_merge(const struct answer *a, const struct answer *aaaa, struct dns_addrs *ret);
/* Neither has an address: say why. */
void answers_explain(const struct answer *a, const struct answer *aaaa, const char *name,
	msec_t timeout_ms, struct problem *pr);
#endif
