/* upstreams.h - the CAs of the configuration: the link to each, our key and account there, the local CA's key.
 *
 * Made once at start (the entries change only with a restart); an account is an immutable snapshot, counted by reference, that a
 * job keeps to its end while another may be put in its place. Any thread. */
#ifndef UPSTREAM_UPSTREAMS_H
#define UPSTREAM_UPSTREAMS_H

#include "gate/holder.h"
#include "jobs/jobs.h"
#include "ledger/ledger.h"
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
};

/* Our account at a CA. */
struct ca_account {
	atomic_uint refs;
	struct buf sealed;
	char *jwk;
	char thumbprint[THUMBPRINT_TEXT];
	enum jwa alg;
	char kid[URL_TEXT]; /* "" = not registered yet */
};
void ca_account_unref(struct ca_account *a);
struct ca_signer ca_account_signer(const struct ca_account *a); /* borrows from it */

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
	struct ledger_stats limits;    /* acme */
	/* private: */
	struct upstreams *all;
	struct ca_account *account;
};

/* Rows, keys and links of all entries; makes keys that are missing. Runs at start on a thread with a keeper connection. Registers
 * the steps of JOB_ACCOUNT, JOB_ISSUE and JOB_REVOKE. */
bool upstreams_open(const struct upstream_env *env, struct upstreams **ret, struct problem *pr) MUST_CHECK;
/* After jobs_start: see to the accounts. */
bool upstreams_begin(struct upstreams *ups, struct problem *pr) MUST_CHECK;
/* Send nothing any more (before the outbound loop ends). */
void upstreams_stop(struct upstreams *ups);
void upstreams_free(struct upstreams *ups);

/* What the CAs still allow. */
struct ledger *upstreams_ledger(const struct upstreams *ups);
/* What it was opened with. */
const struct upstream_env *upstreams_env(const struct upstreams *ups);
struct upstream *upstreams_get(struct upstreams *ups, const char *name); /* NULL if none */
struct upstream *upstreams_by_id(struct upstreams *ups, int64_t id);
size_t upstreams_count(const struct upstreams *ups);
struct upstream *upstreams_at(struct upstreams *ups, size_t i);
/* A reference, never NULL for driver acme. */
struct ca_account *upstream_account(struct upstream *u);
/* The same once it is registered, else NULL: looks in the store too, since another gateway of the cluster may have done it. */
struct ca_account *upstream_account_registered(struct upstream *u);
/* The CA gave us this account URL, or (NULL) has forgotten it. */
void upstream_account_set(struct upstream *u, const char *kid);

/* The steps, one file each. */
void account_job_register(struct upstreams *ups);
void issue_job_register(struct upstreams *ups);
void revoke_job_register(struct upstreams *ups);
#endif
