/* issue.h - the way of one device order at an ACME CA; what issue.c (the steps) and issue_end.c (the transactions) share. */
#ifndef UPSTREAM_ISSUE_H
#define UPSTREAM_ISSUE_H

#include "pki/cert.h"
#include "solve/solve.h"
#include "upstream/upstreams.h"

#define ISSUE_ALTERNATES_MAX 4
#define ISSUE_LINGER_MS 3500 /* until the records of an order that is over are removed; a bit more than in store/proof_record.c */

/* What the job asks for next, or waits for the answer of. The row knows only INTENT and ORDERED: every phase after that is
 * found again by reading the CA's order. */
enum issue_phase {
	ISSUE_LOAD,      /* read the rows; decide where to go on */
	ISSUE_NEW_ORDER, /* POST newOrder */
	ISSUE_FIND,      /* its answer was lost: read our account, for its orders list */
	ISSUE_FIND_LIST, /* a page of the orders list */
	ISSUE_FIND_LOOK, /* one order of the list: is it ours? */
	ISSUE_ORDER,     /* read the order */
	ISSUE_AUTHZ,     /* read authorization `at` */
	ISSUE_LOCATE,    /* its proofs: which solvers, and where */
	ISSUE_PLACE,     /* lay them out, and wait until the CA will see them */
	ISSUE_CHALLENGE, /* POST the response to the challenge of a proof */
	ISSUE_FINALIZE,  /* POST the CSR */
	ISSUE_CERT,      /* download the chain */
	ISSUE_ALTERNATE  /* download another chain */
};
const char *issue_phase_name(enum issue_phase phase);

struct issue {
	struct job *job;
	struct upstreams *ups;
	struct upstream *u;
	struct ca_account *account;
	struct gate_conf *conf;
	enum issue_phase phase;
	struct idents failed;     /* identifiers that the CA could not validate, not on record yet; owned */
	bool late;                /* no device waits for it any more: only a certificate in the making is waited for (O3, O14) */
	bool go;                  /* the queue has let it through in this run: its intent is on record, and newOrder has not been sent */
	struct bucket elsewhere;  /* it is to look for another CA, since this one's bucket lets it wait until then; 0 = it is not */
	int64_t elsewhere_until;
	bool taken_over;          /* an earlier run made the CA's order, and had a CSR: whether it sent that is not known */
	/* the rows: */
	struct order order;
	bool has_order;
	struct idents ordered;    /* all that it is for, as certificates are on record; owned */
	struct idents names;      /* of these, what the CA may hear of; owned */
	struct upstream_order row;
	bool has_row;
	struct buf csr;           /* DER; empty: the device has not finalized yet (U1) */
	/* the CA's side: */
	struct acme_order ca_order;
	size_t at;                /* authorization at hand */
	size_t open;              /* of this round: authorizations not valid yet */
	struct issue_proof *proofs[ACME_AUTHZS_MAX]; /* of this round; owned */
	size_t proof_count, proof_at; /* the next whose challenge is POSTed */
	atomic_uint proofs_open;  /* that have not called back */
	bool proved;              /* all have */
	bool key_changes;         /* of our account: they are not laid out yet */
	bool has_records;         /* some of this run lie in the DNS, or perhaps of an earlier one */
	bool has_names;           /* it may have names that no other order can prove by tls-alpn-01 meanwhile */
	char told_trouble[513];   /* the last that the story tells */
	unsigned bad_answers;     /* in this run */
	char told_answer[64];     /* the last bad answer that the story tells: phase and status */
	unsigned unregistered;    /* looks for our account that found none */
	struct acme_strings listed; /* orders list being searched */
	size_t listed_at;
	unsigned pages;
	char list_url[URL_TEXT];
	char cert_url[URL_TEXT];
	char alternate_urls[ISSUE_ALTERNATES_MAX][URL_TEXT];
	size_t alternate_count, alternate_at;
	struct chain chains[1 + ISSUE_ALTERNATES_MAX];
	struct buf pems[1 + ISSUE_ALTERNATES_MAX];
	size_t chain_count;
	unsigned undone_reads;    /* since finalize: reads that showed nothing of it (U7) */
	unsigned blind_orders;    /* newOrders sent without knowing what became of the one before */
	char replaces[CERTID_TEXT]; /* certID that newOrder names, "" = none */
	unsigned replaces_faults; /* HTTP 500 in answer to one that named it */
	int64_t same_ms;          /* since newOrder gave us the order of another: the pause after it */
	unsigned finalizes;       /* sent in this run */
	bool proven;              /* all authorizations were valid when last read */
	bool finalized;           /* a finalize was sent in this run */
	int64_t poll_ms, pause_ms;
	/* the request under way: */
	struct ca_call call;
	struct buf payload;
	bool called;
};

/* ---- issue.c ---- */
/* The job's memory; the job frees it. */
struct issue *issue_new(struct job *job, struct upstreams *ups);

/* ---- issue_ask.c ---- */
/* The step ends: go on with phase `then` in wait_ms. */
enum job_next issue_again(struct issue *is, int64_t wait_ms, enum issue_phase then);
/* The same after a fault: growing pauses with jitter (U5), at least at_least_ms. */
enum job_next issue_pause_then(struct issue *is, int64_t at_least_ms, enum issue_phase then);
enum job_next issue_store_trouble(struct issue *is, const struct problem *pr);
/* Send a request; its answer comes to phase `phase`. `url` and `payload` must live until then: they lie in *is. */
enum job_next issue_ask(struct issue *is, enum issue_phase phase, enum ca_target target, const char *url, struct span payload, const char *accept);
enum job_next issue_read_url(struct issue *is, enum issue_phase phase, const char *url);
/* The answer to this phase's request is not ACME, or not what was asked for: counted, in the log, and once in the order's story.
 * Then on with `then`, later and later, whatever was well meanwhile. */
enum job_next issue_bad_answer(struct issue *is, const char *why, enum issue_phase then);
enum job_next issue_begin_anew(struct issue *is, bool validation_failed, const char *why);
enum job_next issue_refused(struct issue *is, const struct problem *why, const struct acme_problem *ca);
/* Nobody waits for it any more, and the CA has not got the CSR. */
enum job_next issue_left(struct issue *is);
/* newOrder once more without knowing what became of the one before (U8). */
enum job_next issue_order_blindly(struct issue *is);
/* The request of this phase failed. */
enum job_next issue_failed(struct issue *is);
/* Our account at this CA has ended: an operator is needed (T6). */
enum job_next issue_no_account(struct issue *is, enum account_state state);
/* Types a device's owner can act on (U3). */
bool issue_is_for_device(enum problem_kind kind);

/* ---- issue_tell.c ---- */
struct issue_told {
	struct problem problem;
	struct acme_subproblem *subs; /* owned */
	size_t sub_count;
};
/* What the device hears: types that it can act on, without the CA's pages; `why` as it is if it is ours (ca NULL). */
void issue_tell(const struct problem *why, const struct acme_problem *ca, struct issue_told *ret);
void issue_told_done(struct issue_told *told);

/* ---- issue_early.c: it was begun before the device's CSR (U1) ---- */
/* No run, this one or an earlier, has had a CSR that it could have sent: nothing that the CA has of it can become a certificate. */
bool issue_csr_unsent(const struct issue *is);
/* The CA's order is ready. The CSR is there meanwhile: true, and it is in is->csr. Else the order is parked until the device finalizes, or
 * nobody waits any more; of a CA of ours nothing was begun, and finalize signs. */
bool issue_has_csr(struct issue *is, enum job_next *ret_next) MUST_CHECK;
/* Right before the CSR goes out, as issue_look: from then on the CA may have it, on record. */
bool issue_unpark(struct issue *is, struct problem *pr) MUST_CHECK;
/* In a transaction: is another order with its names in its way at this CA (U9)? One that is parked makes room for one with its CSR. */
bool issue_in_the_way(struct sql *db, const struct order *o, const char *upstream, const char *node, bool *ret, struct problem *pr) MUST_CHECK;

/* ---- issue_order.c ---- */
/* Read the order in the answer into is->ca_order, if it is for our identifiers. */
bool issue_read_order(struct issue *is, struct problem *pr) MUST_CHECK;
enum job_next issue_unreadable(struct issue *is, const struct problem *pr);
/* Do what is->ca_order asks for. */
enum job_next issue_act(struct issue *is);
enum job_next issue_got_new_order(struct issue *is);
enum job_next issue_got_order(struct issue *is);
enum job_next issue_got_authz(struct issue *is);
enum job_next issue_next_authz(struct issue *is);
/* The challenges are answered: look how the CA likes it. */
enum job_next issue_round_over(struct issue *is);

/* ---- issue_prove.c ---- */
/* An authorization that is pending: its proof joins those of this round. */
enum job_next issue_take_authz(struct issue *is, const struct acme_authz *authz);
/* All authorizations have been read: locate the proofs; what comes of it, and then of placing them, goes to issue_proved. */
enum job_next issue_prove(struct issue *is);
enum job_next issue_proved(struct issue *is);
enum job_next issue_next_challenge(struct issue *is);
void issue_forget_proofs(struct issue *is);

/* ---- issue_ledger.c ---- */
/* Who asks the ledger; borrows from *is. */
struct ledger_ask issue_ledger_ask(const struct issue *is);
/* Before each newOrder: the queue has let it through, or, if what became of one before is not known, the CA's limits allow another; that
 * it goes out is on record with what it may spend. False: *ret_next. */
bool issue_admitted(struct issue *is, enum job_next *ret_next) MUST_CHECK;
/* ---- issue_replaces.c ---- */
/* In the transaction that asks the ledger: which certificate newOrder names, into is->replaces, and what of it the ledger must know. */
bool issue_find_replaces(struct issue *is, struct sql *db, struct ledger_ask *ask, struct problem *pr) MUST_CHECK;
/* The same for the queue, which asks before there is a job; `refused`: replaces_refused of struct upstream_order. */
bool issue_choose_replaces(struct sql *db, const struct upstream *u, const struct order *o, const char *refused, struct ledger_ask *ask, char ret[CERTID_TEXT], struct problem *pr) MUST_CHECK;
/* newOrder failed: is it for what it named? */
bool issue_replaces_blamed(struct issue *is);
/* Then it is ordered without; first is looked whether an earlier newOrder of ours, whose answer was lost, is the one that replaced it. */
enum job_next issue_without_replaces(struct issue *is);
bool issue_replaces_looks(const struct issue *is);

/* ---- issue_ledger.c ---- */
/* newOrder was not sent, or refused: no order came of it. It waits in the queue again, for as long at least. */
enum job_next issue_withdraw(struct issue *is, int64_t wait_ms);
/* The pause before it may come again, growing with each time that it has come back (U5); at_least_ms at least. */
int64_t issue_queue_pause_ms(const struct issue *is, int64_t at_least_ms);
/* newOrder was refused for a limit of the CA. */
enum job_next issue_rate_limited(struct issue *is);
/* An authorization has failed; or only that the order has is known. */
void issue_blame(struct issue *is, const struct acme_authz *authz);
void issue_blame_order(struct issue *is);

/* ---- issue_move.c: to another CA of the profile, while nothing can become of the order at this one ---- */
/* Is the CA known to be down for long enough? True: the order has moved, *ret_next. */
bool issue_flees(struct issue *is, enum job_next *ret_next) MUST_CHECK;
/* This CA will not take it now (`dead`: nor go on with the order that it has made): is there another that will? `detail` is for its
 * story. False: it stays. */
bool issue_moves(struct issue *is, enum failover why, bool dead, const char *detail, enum job_next *ret_next) MUST_CHECK;
/* The same for what may pass. False: it stays for now, and *wait_ms is no longer than until it might move. */
bool issue_moves_in_time(struct issue *is, enum failover why, const char *detail, int64_t *wait_ms, enum job_next *ret_next) MUST_CHECK;
/* The CA answers: what was the trouble with an order that might still leave is over. */
void issue_trouble_over(struct issue *is);
/* The same for a limit that makes it wait until then (unix s), and for a refusal of the CA. */
bool issue_moves_for_limit(struct issue *is, const struct bucket *b, int64_t until, enum job_next *ret_next) MUST_CHECK;
bool issue_moves_refused(struct issue *is, enum problem_kind kind, bool dead, const char *detail, enum job_next *ret_next) MUST_CHECK;

/* ---- issue_find.c ---- */
enum job_next issue_got_account(struct issue *is);
enum job_next issue_got_list(struct issue *is);
enum job_next issue_got_listed(struct issue *is);

/* ---- issue_cert.c ---- */
enum job_next issue_got_cert(struct issue *is);
enum job_next issue_got_alternate(struct issue *is);
enum job_next issue_next_alternate(struct issue *is);
/* The order has moved to a CA of ours: sign. */
enum job_next issue_locally(struct issue *is);
void issue_forget_chains(struct issue *is);

/* ---- issue_guard.c: nothing of a device leaves the gateway. Asked last before it goes out; false: our fault, and nothing goes ---- */
bool issue_may_order(const struct issue *is, struct problem *pr) MUST_CHECK;
bool issue_may_finalize(const struct issue *is, struct problem *pr) MUST_CHECK;
/* The order ends for such a fault. */
enum job_next issue_guarded(struct issue *is, const struct problem *pr);

/* ---- issue_end.c: one transaction each; true = durable ---- */
bool issue_load(struct issue *is, struct problem *pr) MUST_CHECK;
/* The same in a transaction of the caller's. */
bool issue_load_tx(struct sql *db, struct issue *is, struct problem *pr) MUST_CHECK;
bool issue_look_tx(struct sql *db, struct issue *is, struct problem *pr) MUST_CHECK;
/* Is the job ours, and does a device still wait? Asked before each request that brings the certificate nearer; into is->late. */
bool issue_look(struct issue *is, struct problem *pr) MUST_CHECK;
/* The CA's order URL is known: on record before anything else is done with the answer. */
bool issue_ordered(struct issue *is, const char *url, struct problem *pr) MUST_CHECK;
/* Is the URL another device order's? */
bool issue_url_taken(struct issue *is, const char *url, bool *ret, struct problem *pr) MUST_CHECK;
/* Begin again with a new order at the CA, in the queue, after wait_ms; the job is nobody's then. */
bool issue_restart(struct issue *is, bool validation_failed, const char *why, int64_t wait_ms, struct problem *pr) MUST_CHECK;
/* All is proven: others may have the names (is->has_names). */
bool issue_let_go(struct issue *is, struct problem *pr) MUST_CHECK;
/* The CA wants to hear that its terms are agreed to: on record, for the job of the account. */
bool issue_terms_wanted(struct issue *is, struct problem *pr) MUST_CHECK;
/* The account is unknown to the CA: register again, and begin again. */
bool issue_account_gone(struct issue *is, struct problem *pr) MUST_CHECK;
/* The end: nobody waits, and the CA has no CSR. */
bool issue_leave(struct issue *is, struct problem *pr) MUST_CHECK;
/* The end: refused. What of `why` and the CA's words may reaches the device (U3), all of `why` the story. */
bool issue_refuse(struct issue *is, const struct problem *why, const struct acme_problem *ca, struct problem *pr) MUST_CHECK;
/* The end: the certificate. */
bool issue_finish(struct issue *is, struct problem *pr) MUST_CHECK;
/* A line in the order's story. */
bool issue_note(struct issue *is, const char *text, struct problem *pr) MUST_CHECK;
#endif
