/* answer.h - the answer of the DNS for one record type, and what A and AAAA say together. Pure. */
#ifndef DNS_ANSWER_H
#define DNS_ANSWER_H

#include "dns/dns.h"

struct answer {
	int type; /* ns_t_a, ns_t_aaaa, or one of enum dns_type */
	bool done;
	int status;  /* ARES_* */
	int refusal; /* that of the first round; ARES_SUCCESS = none */
	struct addr list[DNS_ADDRS_MAX]; /* A, AAAA */
	size_t count;
};

/* Any octets: 4 or 16 by the type. Beyond DNS_ADDRS_MAX they are left out. */
void answer_add(struct answer *answer, const void *octets);
/* Add the addresses of a whole DNS message; returns its ARES_* status. */
int answer_parse(struct answer *answer, const unsigned char *message, int n);
/* Did the server answer without looking? */
bool answer_is_refusal(int status);
/* A message without a record that is neither of the server's own knowledge (AA) nor asked of others (RA): it refers to those who
 * know, which says nothing about what they have. */
bool answer_is_referral(const unsigned char *message, int n);
/* Why this message is no answer to a question, whatever c-ares makes of it: not an answer, cut off, a code that is neither NOERROR nor
 * NXDOMAIN. NULL = it is one. What is taken for an absence of records must not be one of these. */
const char *answer_fault(const unsigned char *message, int n);
/* Is it of the server's own knowledge (AA)? */
bool answer_is_authoritative(const unsigned char *message, int n);
/* Is there a record in its answer section? */
bool answer_has_records(const unsigned char *message, int n);

/* IPv6 first; each family has at least half of the room if it needs it. */
void answers_merge(const struct answer *a, const struct answer *aaaa, struct dns_addrs *ret);
/* None of them (A and AAAA, or the only one) has what was asked for: say why, by the graver status. */
void answers_explain(const struct answer *answers, size_t count, const char *name,
	msec_t timeout_ms, struct problem *pr);

/* RDATA of all records of `type` at `name`, or, with `follow`, at the end of the aliases that the message has for it. None, but an
 * alias: its target, to be asked for next, in ret_alias, else "". The records borrow from the message. False: *ret_fault says what
 * is wrong with it. */
bool records_parse(struct span message, const char *name, int type, bool follow, struct dns_records *ret,
	char ret_alias[DNS_NAME_TEXT], const char **ret_fault) __attribute__((warn_unused_result));
/* The name that RDATA within a message is, as that of NS is. */
bool record_name_read(struct span message, struct span rdata, char ret[DNS_NAME_TEXT]) __attribute__((warn_unused_result));
#endif
