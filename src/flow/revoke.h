/* flow/revoke.h - a certificate is revoked (RFC 8555 7.6), whoever asked. Within a transaction. */
#ifndef FLOW_REVOKE_H
#define FLOW_REVOKE_H

#include "jobs/jobs.h"
#include "store/audit.h"
#include "store/cert.h"

/* May this be said as a reason (W24)? Else PROBLEM_BAD_REVOCATION_REASON. Pure. */
bool revoke_reason_check(int64_t reason, struct problem *pr) MUST_CHECK;

struct revocation_rq {
	int reason;        /* -1 = none given */
	bool deny_key;     /* the word of this asker suffices to call the key compromised, if that is the reason */
	const struct audit_entry *who; /* for the audit trail: actor and what tells of him */
	bool by_holder;    /* the device that has it, which is no incident (flow/rank.h) */
	const char *asker; /* for the order's story: "its account", "an operator (uid 0)" */
};
/* The durable mark, the order's story and the job that tells the CA. PROBLEM_ALREADY_REVOKED if somebody was faster. After the
 * commit: jobs_run(jobs, *ret_job_id, JOB_REVOKE, cert->id). */
bool revoke_cert(struct sql *db, struct jobs *jobs, const struct cert_row *cert, const struct revocation_rq *rq, int64_t *ret_job_id, struct problem *pr) MUST_CHECK;
#endif
