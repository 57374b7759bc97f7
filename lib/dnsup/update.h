/* update.h - DNS UPDATE messages that add and delete TXT records, and what a server's reply means (RFC 2136). Pure; any thread.
 *
 * A message is all or nothing. Records are added one by one and deleted by their value, never as a set: others may have theirs at
 * the same name. Adding one that is there, and deleting one that is not, is no error (3.4.2). */
#ifndef DNSUP_UPDATE_H
#define DNSUP_UPDATE_H

#include "dnsup/tsig.h"

#define UPDATE_TTL_S 60      /* one for all: another would be that of the whole set (RFC 2181 5.2) */
#define UPDATE_RECORDS_MAX 200
#define UPDATE_VALUE_MAX 255 /* octets: one character-string */

struct update_record {
	bool is_delete;
	const char *owner, *value; /* borrowed */
};
/* Without TSIG. False: PROBLEM_DNS, a name or value that cannot be sent. */
bool update_write(struct buf *out, unsigned id, const char *zone, const struct update_record *records, size_t count, struct problem *pr)
	MUST_CHECK;
/* Octets of the message at the start of `data` if it is one as update_write writes them: TXT records of class IN to add, NONE to delete,
 * in one zone, and nothing else; 0 if it is not. */
size_t update_txt_octets(struct span data);

enum update_outcome {
	UPDATE_DONE,
	UPDATE_REFUSED, /* for a record or the zone; another message with others may pass */
	UPDATE_SETUP,   /* key, clock, or what the server lets the key do: an operator must look */
	UPDATE_FAILED   /* it may be otherwise next time */
};
/* What a reply means to the request `id`, `tsig`; mac_good: its MAC was verified. In words for an operator, PROBLEM_DNS, unless done.
 * Nothing that is not signed is a success; an unsigned refusal is believed as such, since a server cannot sign with a key that it does
 * not know. */
enum update_outcome update_judge(const struct reply *reply, unsigned id, const struct tsig *tsig, bool mac_good, int64_t now_unix_s,
	struct problem *pr);
#endif
