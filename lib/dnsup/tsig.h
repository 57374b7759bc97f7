/* tsig.h - transaction signatures of DNS messages, the client's side (RFC 8945). Pure; any thread.
 *
 * The MAC itself is made by whoever has the key:
 *
 *   tsig_request_input(&input, message, &tsig) -> MAC -> tsig_append(&message, &tsig, mac)
 *   reply_parse(octets, &reply, &pr)           -> reply_mac_input(&input, &reply, mac of the request) -> compare with reply.mac */
#ifndef DNSUP_TSIG_H
#define DNSUP_TSIG_H

#include "base/problem.h"
#include "dnsup/wire.h"

/* No MD5, no SHA-1: a server that has nothing better has to be told otherwise. */
enum tsig_alg { TSIG_SHA256, TSIG_SHA384, TSIG_SHA512, TSIG_ALG__COUNT };
const char *tsig_alg_name(enum tsig_alg alg); /* "hmac-sha256" */
#define TSIG_MAC_MAX 64

#define TSIG_FUDGE_S 300
struct tsig {
	struct wire_name key;
	enum tsig_alg alg;
	int64_t time_unix_s;
};

#define DNS_MESSAGE_MAX 65535
/* What the MAC of a request is over; `message` is without TSIG (4.3). */
bool tsig_request_input(struct buf *out, struct span message, const struct tsig *tsig) MUST_CHECK;
/* The record at the message's end; counts it. */
bool tsig_append(struct buf *message, const struct tsig *tsig, struct span mac) MUST_CHECK;

/* Errors in a TSIG record (4.2, RFC 6895 2.3). */
enum tsig_error { TSIG_NONE = 0, TSIG_BADSIG = 16, TSIG_BADKEY = 17, TSIG_BADTIME = 18, TSIG_BADTRUNC = 22 };

/* A reply to an UPDATE. Borrows from its octets. */
struct reply {
	struct span message;
	unsigned id, opcode, rcode;
	bool is_reply, is_truncated;
	bool has_tsig;
	/* its TSIG: */
	size_t tsig_at;            /* where the record begins */
	unsigned additional;       /* as counted, it included */
	struct wire_name key, alg;
	int64_t time_unix_s, fudge_s;
	struct span mac, other;
	unsigned original_id, error;
};
/* False: PROBLEM_DNS, malformed. A TSIG that is not the last record is malformed (5.2). */
bool reply_parse(struct span message, struct reply *ret, struct problem *pr) MUST_CHECK;
/* What the MAC of a reply with TSIG is over (4.3, 5.3). */
bool reply_mac_input(struct buf *out, const struct reply *reply, struct span request_mac) MUST_CHECK;
#endif
