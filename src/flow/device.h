/* flow/device.h - a device has shown who it is (device-attest-01, draft-ietf-acme-device-attest-09): the one place that decides what
 * follows from it. Within a transaction, with the challenge pending until then.
 *
 * The statement was verified before (attest/attest.h), outside of any transaction. Here it is put on record (device_record), and the
 * verdict is drawn (device_conclude); what must be asked in between, of somebody who takes his time, finds the challenge processing
 * and the evidence in the store. A refusal (device_refuse) needs neither. */
#ifndef FLOW_DEVICE_H
#define FLOW_DEVICE_H

#include "attest/attest.h"
#include "flow/authz.h"
#include "gate/conf.h"
#include "store/evidence.h"

/* The challenge at hand; all borrowed. */
struct device_chall {
	const struct profile_conf *profile; /* of the authorization */
	const struct authz *authz;
	size_t index;                       /* of the challenge in it */
	const char *key_auth;               /* that the device answered with (RFC 8555 8.1) */
	const char *address;                /* where its answer came from */
	int64_t now;
	const char *node;
};

/* Pending to processing, and what was proven into the store: *ret_evidence is the caller's, to be ended by evidence_done. *ret_moved
 * false: the challenge is no longer pending, and nothing was done. */
bool device_record(struct sql *db, const struct device_chall *dc, const struct attest_facts *facts, struct span statement,
	struct evidence *ret_evidence, bool *ret_moved, struct problem *pr) MUST_CHECK;
/* Would device_conclude refuse it? *ret_refusal says why, or PROBLEM_NONE. */
bool device_judge(struct sql *db, const struct device_chall *dc, const struct evidence *e, struct problem *ret_refusal,
	struct problem *pr) MUST_CHECK;
/* Somebody is asked before the verdict: for the story of the orders. */
bool device_note_asked(struct sql *db, const struct device_chall *dc, const char *whom, struct problem *pr) MUST_CHECK;
/* Processing to valid, with the authorization and each order whose last one it was (O6), or to invalid with them (O5) if the device
 * is none of ours. *ret_refusal says why, its kind is PROBLEM_NONE if the device is proven. */
bool device_conclude(struct sql *db, const struct device_chall *dc, const struct evidence *e, struct problem *ret_refusal,
	struct problem *pr) MUST_CHECK;
/* Pending to invalid, with the authorization and its orders (O5): the statement does not prove what it should. */
bool device_refuse(struct sql *db, const struct device_chall *dc, const struct problem *why, bool *ret_moved, struct problem *pr) MUST_CHECK;
#endif
