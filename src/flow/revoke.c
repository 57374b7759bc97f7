/* flow/revoke.c - see revoke.h. */
#include "flow/revoke.h"

#include <stdio.h>

#include "base/clock.h"
#include "flow/bill.h"
#include "store/event.h"
#include "store/usage.h"

#define KEY_COMPROMISE 1

bool
revoke_reason_check(int64_t reason, struct problem *pr)
{
	/* what Let's Encrypt lets its users say */
	if (reason == 0 || reason == KEY_COMPROMISE || reason == 4 || reason == 5)
		return true;
	return problem_set(pr, PROBLEM_BAD_REVOCATION_REASON,
		"reason %lld is not allowed; 0 (unspecified), 1 (keyCompromise), 4 (superseded) and 5 (cessationOfOperation) are",
		(long long)reason);
}

static bool
note(struct sql *db, const char *node, const struct cert_row *cert, const struct revocation_rq *rq, struct problem *pr)
{
	struct audit_entry e = *rq->who;
	struct audit_order o;
	char reason[16];

	if (!audit_order_of(db, cert->order_id, &o, pr))
		return false;
	snprintf(reason, sizeof(reason), "%d", rq->reason < 0 ? 0 : rq->reason);
	e.event = AUDIT_CERT_REVOKE;
	e.node = node;
	e.order = o.order;
	e.cert = cert->ref;
	e.serial = cert->serial;
	e.issuer = cert->issuer;
	e.sha256 = cert->sha256;
	e.upstream = cert->upstream;
	e.reason = reason;
	return audit_note(db, &e, pr);
}

bool
revoke_cert(struct sql *db, struct jobs *jobs, const struct cert_row *cert, const struct revocation_rq *rq, int64_t *ret_job_id, struct problem *pr)
{
	bool moved;

	*ret_job_id = 0;
	if (!cert_revoke(db, cert->id, clock_unix_s(), rq->reason, &moved, pr))
		return false;
	if (!moved)
		return problem_set(pr, PROBLEM_ALREADY_REVOKED, "the certificate is revoked already");
	if (rq->reason == KEY_COMPROMISE && rq->deny_key &&
		!denied_key_add(db, cert->key_hash, "revoked as compromised", pr))
		return false;
	if (rq->by_holder && !cert_set_revoked_by_holder(db, cert->id, pr))
		return false;
	return usage_end_cert(db, cert->id, pr) && bill_revoke(db, cert, clock_unix_s(), pr) && event_note(db, cert->order_id, jobs_node(jobs), "revoked", pr, "serial=%s reason=%d by=\"%s\"",
		       cert->serial, rq->reason, rq->asker) &&
		note(db, jobs_node(jobs), cert, rq, pr) &&
		jobs_insert(jobs, db, JOB_REVOKE, cert->id, ret_job_id, pr);
}
