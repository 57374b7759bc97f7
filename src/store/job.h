/* job.h - persisted jobs: what is slow, and what must be gone on with after a crash. Within a transaction.
 *
 * A row is leased to the node that works on it (lease_until > 0, unix ms) or free (lease_until = 0). Each lease has a number of its
 * own, the epoch, which grows: whoever knows an older one has lost the job, be it the same node. */
#ifndef STORE_JOB_H
#define STORE_JOB_H

#include "sql/sql.h"

/* Numbers are stored; subject in brackets. */
enum job_kind {
	JOB_VALIDATE = 0,   /* challenge id: prove a device's control of its name */
	JOB_ISSUE = 1,      /* order id: carry the order to its CA */
	JOB_REVOKE = 2,     /* certificate id: tell the CA */
	JOB_ACCOUNT = 3,    /* upstream id: our account at a CA */
	JOB_HOUSEKEEP = 4,  /* 0: expire and delete what is over */
	JOB_CLEAN = 5,      /* proof record id: remove it from the DNS when it is not wanted any more */
	JOB_DISPATCH = 6,   /* 0: lead the queue of orders that wait for their CAs */
	JOB_LOOKUP = 7,     /* upstream id: ask a CA when to renew its certificates */
	JOB_PLAN = 8,       /* 0: when certificates are renewed */
	JOB_INCIDENT = 9,   /* incident id: carry it through; 0: look for those of CAs */
	JOB_AUDIT = 10,     /* 0: number, sign, send and drop entries of the audit trail */
	JOB_KIND__COUNT
};
const char *job_kind_name(enum job_kind kind);

#define NODE_TEXT 33
struct job_row {
	int64_t id, subject, due_ms, attempts, epoch;
	enum job_kind kind;
};

#define JOB_EPOCH_FIRST 1
/* Insert; with `node` leased to it until lease_until_ms at once (the caller runs it after the commit; epoch JOB_EPOCH_FIRST), else
 * free. An existing row of this kind and subject stays as it is: *ret_id = 0. */
bool job_insert(struct sql *db, enum job_kind kind, int64_t subject, int64_t due_ms, const char *node, int64_t lease_until_ms, int64_t *ret_id, struct problem *pr) MUST_CHECK;
/* Lease up to `limit` free due jobs. */
bool job_claim(struct sql *db, const char *node, int64_t now_ms, int64_t lease_until_ms, int64_t limit, struct job_row *ret, size_t *ret_count, struct problem *pr) MUST_CHECK;
/* Still leased to us, by this lease? A step asks within its transaction, so that a job taken over by another node changes nothing
 * twice. */
bool job_is_mine(struct sql *db, int64_t id, const char *node, int64_t epoch, bool *ret, struct problem *pr) MUST_CHECK;
bool job_delete(struct sql *db, int64_t id, struct problem *pr) MUST_CHECK;
/* Lease one that is free, due or not; from then on it is due, so that somebody goes on with it if its node dies. *ret_taken false: there
 * is none, or somebody has it. */
bool job_take(struct sql *db, enum job_kind kind, int64_t subject, const char *node, int64_t now_ms, int64_t lease_until_ms, struct job_row *ret, bool *ret_taken, struct problem *pr) MUST_CHECK;
#define JOB_DUE_NEVER (INT64_MAX / 2) /* as a due time: somebody will take it */
/* Give back until due; counts an attempt; error NULL = none. */
bool job_release(struct sql *db, int64_t id, int64_t due_ms, const char *error, struct problem *pr) MUST_CHECK;
/* Make a free job due now. */
bool job_hurry(struct sql *db, enum job_kind kind, int64_t subject, int64_t now_ms, struct problem *pr) MUST_CHECK;
/* Gone, whoever has it: a step under way finds its lease gone. */
bool job_delete_of(struct sql *db, enum job_kind kind, int64_t subject, struct problem *pr) MUST_CHECK;
/* Extend this lease (heartbeat); *ret_kept false: it is over. */
bool job_extend(struct sql *db, int64_t id, const char *node, int64_t epoch, int64_t lease_until_ms, bool *ret_kept, struct problem *pr) MUST_CHECK;
/* End all leases of a node (at start: whatever an earlier run of it left). */
bool job_release_node(struct sql *db, const char *node, struct problem *pr) MUST_CHECK;
/* Leases of nodes that died. */
bool job_release_expired(struct sql *db, int64_t now_ms, struct problem *pr) MUST_CHECK;
/* When the next free job is due; INT64_MAX = none. */
bool job_next_due(struct sql *db, int64_t *ret_due_ms, struct problem *pr) MUST_CHECK;
/* The job of this kind and subject, for operators. */
struct job_view {
	struct job_row row;
	char node[NODE_TEXT]; /* who works on it, "" = nobody */
	char error[256];      /* why it waits, perhaps cut; "" = no reason known */
};
bool job_find(struct sql *db, enum job_kind kind, int64_t subject, struct job_view *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* The queue of one kind. */
struct job_queue {
	int64_t leased;  /* a node has them, at work or to wait a little */
	int64_t due, waiting; /* free */
	int64_t oldest_due_ms; /* of those that are due; 0 = none is */
};
/* Of each kind, as it is at now_ms. */
bool job_queues(struct sql *db, int64_t now_ms, struct job_queue ret[JOB_KIND__COUNT], struct problem *pr) MUST_CHECK;
/* counts[kind] of all rows. */
bool job_counts(struct sql *db, int64_t counts[JOB_KIND__COUNT], struct problem *pr) MUST_CHECK;
#endif
