/* solve.h - how names are proven to CAs: a table of solvers, a file each, chosen by the configuration (`solvers`).
 *
 *   proof_locate    which solver, and where the proof will lie: look-ups alone
 *   the caller puts proof->record into the store (proof_record_put): from then on JOB_CLEAN sees to its removal
 *   proof_place     lay it out, and wait until the CA will see it
 *   the caller tells the CA
 *   proof_remove    JOB_CLEAN, when the order at the CA is over
 *
 * Each ends with one call of proof->done, on any thread, never before it returns. Nothing is ever replaced or removed but our own
 * records, by their value. */
#ifndef SOLVE_SOLVE_H
#define SOLVE_SOLVE_H

#include "dns/dns.h"
#include "gate/holder.h"
#include "jobs/jobs.h"
#include "keeper/keeper.h"
#include "pki/ident.h"
#include "store/authz.h"
#include "store/proof_record.h"

struct solve;
struct proc;
struct httpc;

const char *solver_kind_name(enum solver_kind kind); /* "rfc2136" */

struct solve_env {
	struct loop *loop;
	struct dns *dns;
	struct pool *pool;
	struct store *store;
	struct jobs *jobs;
	struct keeper *keeper;
	struct conf_holder *conf;
	struct proc *proc;
	struct httpc *httpc;
};

/* At start, on a thread with a keeper connection: has the keeper seal the TSIG secrets it was given ("solvers.NAME.secret").
 * Registers JOB_CLEAN. */
bool solve_open(const struct solve_env *env, struct solve **ret, struct problem *pr) MUST_CHECK;
/* When loop, dns and pool have ended, before the jobs are freed. No callbacks. NULL is fine. */
void solve_free(struct solve *solve);

/* Counters of one solver of the configuration, since the start. Any thread. */
struct solver_stats {
	_Atomic(uint64_t) good, refused, failed;   /* messages */
	_Atomic(uint64_t) added, removed;          /* records that a server has taken, or taken back */
	_Atomic(uint64_t) visible, invisible;      /* proofs that all servers had in time, and that some had not */
};
/* NULL if there is none of this name. */
struct solver_stats *solve_stats(struct solve *solve, const char *solver);

enum proof_result {
	PROOF_GOOD,
	PROOF_LATER, /* trouble that may pass */
	PROOF_SETUP, /* an operator must look */
	PROOF_NONE   /* no solver is for it */
};

struct proof {
	/* in: */
	struct ident ident;            /* without "*." */
	bool wildcard;
	const char *upstream;          /* valid until the callback, as is the next */
	const struct gate_conf *conf;
	bool offered[CHALLENGE_KIND__COUNT]; /* by the CA */
	const char *account_url;       /* dns-persist-01: ours at the CA, and the names that the CA offers; likewise */
	struct conf_strings issuers;
	/* located: */
	enum challenge_kind kind;
	bool is_recorded;              /* it has a record of ours in the DNS */
	bool has_work;                 /* it is to be placed; else what the caller puts into the store is all */
	struct proof_record record;    /* solver, zone, server, owner; value and id are the caller's to fill */
	/* out: */
	enum proof_result result;
	struct problem problem;        /* unless good: in words for an operator */
	char told[2 * DNS_TEXT + 64];           /* placed: what is where, for the story */
	/* the caller's: */
	void (*done)(struct proof *p);
	void *arg;
	/* inside src/solve: */
	struct solve *solve;
};

/* Any thread; `p` must live until its callback. */
void proof_locate(struct solve *solve, struct proof *p);
void proof_place(struct solve *solve, struct proof *p);
void proof_remove(struct solve *solve, struct proof *p);
/* Of one that was located: would its server take it, as far as can be known without laying it out? PROOF_NONE: there is nobody to ask. */
void proof_ask(struct solve *solve, struct proof *p);
#endif
