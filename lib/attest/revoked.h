/* revoked.h - serial numbers that are no longer good, from a status list in JSON. For lib/attest
 * itself. Any thread: constant once it is read. */
#ifndef ATTEST_REVOKED_H
#define ATTEST_REVOKED_H

#include "attest/attest.h"
#include "pki/cert.h"

struct revoked {
	char (*serials)[SERIAL_TEXT]; /* owned; lower-case hex without leading zeros, sorted */
	size_t count;
	int64_t good_until_unix_s;
};

/* {"entries": {"SERIAL": {"status": "REVOKED" or another}}}. PROBLEM_MALFORMED, also for a serial
 * that is not hex: a list half understood revokes too little. */
bool revoked_parse(struct span json, int64_t good_until_unix_s, struct revoked **ret,
	struct problem *pr) MUST_CHECK;
bool revoked_has(const struct revoked *revoked, const struct cert *cert);
void revoked_free(struct revoked *revoked);
#endif
