/* upstreams.h - the CAs of the configuration: the link to each, our key and account there, the local CA's key.
 *
 * Made once at start (the entries change only with a restart); an account is an immutable snapshot, counted by reference, that a
 * job keeps to its end while another may be put in its place. Any thread. */
#ifndef UPSTREAM_UPSTREAMS_H
#define UPSTREAM_UPSTREAMS_H

#include <pthread.h>

#include "gate/holder.h"
#include "jobs/jobs.h"
#include "ledger/ledger.h"
#include "store/lookup.h"
#include "store/upstream.h"
#include "upstream/ca.h"

struct upstreams;
struct solve;

struct upstream_env {
	struct store *store;
	struct jobs *jobs;
	struct keeper *keeper;
	struct pool *pool;
	struct httpc *httpc;
	struct conf_holder *conf;
	struct solve *solve; /* how names are proven to CAs */
	struct loop *loop; /* httpc's; NULL: requests are not paced */
	struct httpc *gets; /* for ca_get; NULL = httpc */
};

/* Look-ups of renewal information at a CA (lookup.h). */
struct lookup_stats {
	_Atomic(uint64_t) results[LOOKUP_RESULT__COUNT]; /* of certificates, since the start */
	_Atomic(uint64_t) requests; /* for these: one may be for many */
	_Atomic(uint64_t) alarms;   /* that the CA moved windows into the past */
	/* as the gateway that asks saw it last; all 0 on the others: */
	_Atomic(bool) leads;
	_Atomic(int64_t) rate, due, oldest_at, paused_until, urged;
};

/* Our account at a CA. */
struct ca_account {
	atomic_uint refs;
	int64_t epoch;           /* of the row that it was read from */
	enum account_state state;
	struct buf sealed;
	char *jwk;
	char thumbprint[THUMBPRINT_TEXT];
	enum jwa alg;
	char kid[URL_TEXT]; /* "" = not registered yet */
};
void ca_account_unref(struct ca_account *a);
struct ca_signer ca_account_signer(const struct ca_account *a); /* borrows from it */
/* Of a key as the store has it; url "" = it is not registered. */
bool ca_account_make(struct span sealed, const char *public_key, const char *url, struct ca_account **ret, struct problem *pr) MUST_CHECK;

struct upstream {
	int64_t id;                    /* of its row */
	char name[UPSTREAM_TEXT];
	enum upstream_driver driver;
	struct ca *ca;                 /* acme */
	struct buf sealed_ca, ca_cert; /* local */
	char *ca_pem;                  /* local: the CA certificate, PEM */
	struct buf crl;                /* local: the last list made, DER; local.c's, under its lock */
	int64_t crl_at;
	_Atomic(uint64_t) issued, refused; /* certificates from it, orders that it would not fulfil, since the start */
	_Atomic(uint64_t) replaces_refused; /* orders that it would not take as the successor of a certificate, made without (RFC 9773 5) */
	_Atomic(uint64_t) moved[FAILOVER__COUNT]; /* orders that left it for another CA */
	_Atomic(uint64_t) bad_answers; /* that were not ACME, or not what was asked for */
	struct ledger_stats limits;    /* acme */
	struct lookup_stats lookups;   /* acme */
	_Atomic(int64_t) eab_expires;  /* acme: of its account binding, as far as an operator has said; 0 = not known */
	_Atomic(uint64_t) overloads;   /* acme: times that it was too busy, or silent, since the start */
	/* private: */
	struct upstreams *all;
	struct ca_account *account;
	pthread_mutex_t account_lock; /* that pointer */
	_Atomic(int64_t) warned_at;   /* of that end */
};

/* Rows, keys and links of all entries; makes keys that are missing. Runs at start on a thread with a keeper connection. Registers
 * the steps of JOB_ACCOUNT, JOB_ISSUE and JOB_REVOKE. */
bool upstreams_open(const struct upstream_env *env, struct upstreams **ret, struct problem *pr) MUST_CHECK;
/* After jobs_start: see to the accounts. */
bool upstreams_begin(struct upstreams *ups, struct problem *pr) MUST_CHECK;
#define ACCOUNT_STALE_S 3600 /* at a start or reload; otherwise once a day is enough */
/* After a reload, and now and then: have done what the configuration, an operator or time has made due about our accounts. */
bool upstreams_see_to(struct upstreams *ups, int64_t stale_s, struct problem *pr) MUST_CHECK;
/* Within 30 days, or it has: an operator should ask for another binding. */
bool upstream_eab_ends(struct upstream *u, int64_t now);
/* Send nothing any more (before the outbound loop ends). */
void upstreams_stop(struct upstreams *ups);
void upstreams_free(struct upstreams *ups);

/* What the CAs still allow. */
struct ledger *upstreams_ledger(const struct upstreams *ups);
struct board;
/* What of the queue that we lead others may see: dispatch.h. */
struct board *upstreams_board(const struct upstreams *ups);
/* What it was opened with. */
const struct upstream_env *upstreams_env(const struct upstreams *ups);
struct upstream *upstreams_get(struct upstreams *ups, const char *name); /* NULL if none */
struct upstream *upstreams_by_id(struct upstreams *ups, int64_t id);
size_t upstreams_count(const struct upstreams *ups);
struct upstream *upstreams_at(struct upstreams *ups, size_t i);
/* ---- account.c: our account at a CA, as it is in memory. What holds is its row: another gateway of the cluster, or an operator, may
 * have changed it. ---- */

/* A reference, never NULL for driver acme. */
struct ca_account *upstream_account(struct upstream *u);
/* Take what the row says. */
bool upstream_account_take(struct upstream *u, const struct upstream_row *row, struct problem *pr) MUST_CHECK;
/* Look into the store and take what is new; *ret_changed: since `seen`, key, URL or state. *ret_rolling: a key is on its way into the
 * place of the present one. */
bool upstream_account_look(struct upstream *u, const struct ca_account *seen, bool *ret_changed, bool *ret_rolling, struct problem *pr) MUST_CHECK;
/* The account with which requests may be made now, or NULL: *ret_state says whether there is none yet (valid) or it has ended. */
struct ca_account *upstream_account_registered(struct upstream *u, enum account_state *ret_state);
enum key_type upstream_key_type(const struct upstream_conf *conf);
/* A key pair for an account at this CA; of its public half the canonical JWK. */
bool upstream_make_key(struct upstream *u, const struct upstream_conf *conf, struct buf *ret_sealed, struct buf *ret_jwk, struct problem *pr) MUST_CHECK;

/* The steps, one file each. */
void account_job_register(struct upstreams *ups);
/* The job of the account, by the id that jobs_insert gave (0: it was there), runs now. After the commit. */
void account_job_run(struct upstream *u, int64_t id);
void issue_job_register(struct upstreams *ups);
void revoke_job_register(struct upstreams *ups);
#endif
