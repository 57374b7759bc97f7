/* account_job.h - the job of our account at a CA; what account_job.c (the steps), account_tell.c (what the CA is told) and
 * account_end.c (the transactions) share.
 *
 * One job does all that an account needs: its row says what that is (account_next). So whoever wants something writes it into the row
 * and has the job run; after a crash, or on another gateway, it goes on from there. */
#ifndef UPSTREAM_ACCOUNT_JOB_H
#define UPSTREAM_ACCOUNT_JOB_H

#include "store/upstream_life.h"
#include "upstream/upstreams.h"

/* What is asked of the CA next. */
enum account_phase {
	ACCOUNT_LOAD,       /* read the row, and decide */
	ACCOUNT_NEW,        /* newAccount */
	ACCOUNT_PROBE,      /* does the CA know the next key? newAccount with onlyReturnExisting, by that key */
	ACCOUNT_ROLL,       /* keyChange (RFC 8555 7.3.5) */
	ACCOUNT_TELL,       /* the contact, or that its terms are agreed to (7.3.2, 7.3.3) */
	ACCOUNT_READ,       /* is it valid? */
	ACCOUNT_DEACTIVATE, /* 7.3.6 */
	ACCOUNT_DONE        /* nothing, for now */
};
const char *account_phase_name(enum account_phase phase);
/* By what the row and the configuration say; pure. stale_s: since when it is read again. */
enum account_phase account_next(const struct upstream_row *row, const struct upstream_conf *conf, int64_t now, int64_t stale_s);

struct account_work {
	struct job *job;
	struct upstreams *ups;
	struct upstream *u;
	struct gate_conf *conf;
	const struct upstream_conf *entry; /* of conf */
	struct upstream_row row;
	struct ca_account *account, *next; /* by the row; next NULL = no key is to take its place */
	enum account_phase phase;
	char refusal[TROUBLE_TEXT];        /* of a keyChange of this run; "" = none */
	bool refused_unknown;              /* then: since the CA knows no such account */
	struct ca_call call;
	struct buf payload;
	bool called;
	int64_t pause_ms;
};

/* ---- account_tell.c: payloads, as struct ca_call wants them; arg is the struct account_work ---- */
bool account_tell_new(struct ca_call *call, const char *url, struct buf *out, struct problem *pr);
bool account_tell_change(struct ca_call *call, const char *url, struct buf *out, struct problem *pr);
/* Into w->payload. */
void account_tell_update(struct account_work *w);

/* ---- account_end.c: one transaction each, fenced; true = durable ---- */
/* *ret_found false: there is no such row. */
bool account_job_load(struct account_work *w, bool *ret_found, struct problem *pr) MUST_CHECK;
/* The job is deleted, unless there is something to do by now (*ret_done false). */
bool account_job_done(struct account_work *w, bool *ret_done, struct problem *pr) MUST_CHECK;
bool account_job_registered(struct account_work *w, const char *url, struct problem *pr) MUST_CHECK;
bool account_job_forgotten(struct account_work *w, struct problem *pr) MUST_CHECK;
/* *ret_may false: proofs are out that are bound to the present key, and it is not long that they are waited for. */
bool account_job_may_roll(struct account_work *w, bool *ret_may, struct problem *pr) MUST_CHECK;
bool account_job_rolled(struct account_work *w, struct problem *pr) MUST_CHECK;
/* The next key is given up, `why` is the trouble. */
bool account_job_not_rolled(struct account_work *w, const char *why, struct problem *pr) MUST_CHECK;
/* refusal "" = the CA has taken what it was told; else it is not told the same again. */
bool account_job_told(struct account_work *w, const char *refusal, struct problem *pr) MUST_CHECK;
bool account_job_checked(struct account_work *w, enum account_state state, const char *contact, struct problem *pr) MUST_CHECK;
/* The CA does not tell: on record, and that it was asked. */
bool account_job_not_read(struct account_work *w, const char *text, struct problem *pr) MUST_CHECK;
/* refusal "" = it is deactivated. */
bool account_job_deactivated(struct account_work *w, const char *refusal, struct problem *pr) MUST_CHECK;
bool account_job_trouble(struct account_work *w, const char *text, struct problem *pr) MUST_CHECK;
#endif
