/* attest.h - the response to a challenge of type device-attest-01 (draft-ietf-acme-device-attest-09 section 5). A worker's.
 *
 *   attest_is_given -> in a read transaction: the challenge, pending -> attest_answer_read, outside of transactions -> in the write
 *   transaction, the challenge being pending still: attest_answer_store -> attest_answer_count */
#ifndef SERVER_ATTEST_H
#define SERVER_ATTEST_H

#include "flow/device.h"
#include "server/api.h"

struct attest_answer {
	bool is_read;
	struct buf object;           /* attObj; owned */
	struct problem refusal;      /* why the device is not proven; PROBLEM_NONE: it is */
	struct attest_facts facts;   /* what the statement proves, if it is good; owned */
	const struct profile_conf *profile;
	char key_auth[KEY_AUTH_TEXT];
	char address[ADDR_TEXT];     /* of the device */
	enum attest_format format;   /* ATTEST__COUNT = unknown */
	bool stored;                 /* a verdict of it is on record, or that somebody else has his say first */
	int64_t job_id;              /* that asks him, to be run after the commit; 0 = nobody is asked */
	bool began;                  /* work at a CA, for work_hurry after the commit (U1) */
};
void attest_answer_done(struct attest_answer *a);

/* Has the payload a statement, or the client's word that it has none? */
bool attest_is_given(const struct api *api);
/* Read and verify it; what is wrong with it becomes its refusal. False: it cannot be read, which says nothing about the device
 * (PROBLEM_MALFORMED, V8), or cannot be judged now (PROBLEM_SERVER_INTERNAL, V14; PROBLEM_RATE_LIMITED): the challenge stays as it
 * is. */
bool attest_answer_read(struct api *api, const struct authz *authz, size_t index, struct attest_answer *ret) MUST_CHECK;
/* Draw the verdict (flow/device.h). */
bool attest_answer_store(struct sql *db, const struct api *api, const struct authz *authz, size_t index, struct attest_answer *a,
	struct problem *pr) MUST_CHECK;
/* When that is on record: metrics, the limit of failures (T8), the log. */
void attest_answer_count(struct api *api, const struct authz *authz, const struct attest_answer *a);
#endif
