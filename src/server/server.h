/* server.h - the ACME server (RFC 8555): from a whole HTTP request to its reply.
 *
 * server_handle runs on a front thread: it finds the route, answers what needs neither store nor signature, and hands the rest to
 * the pool. The worker opens the envelope, runs the endpoint's function and replies. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "flow/issue.h"
#include "flow/work.h"
#include "gate/holder.h"
#include "httpd/httpd.h"
#include "jobs/jobs.h"
#include "keeper/keeper.h"
#include "renewal/renewal.h"
#include "server/health.h"
#include "server/keycache.h"
#include "server/limits.h"
#include "server/nonce.h"
#include "server/stats.h"
#include "sql/sql.h"

struct server {
	struct store *store;
	struct jobs *jobs;
	struct pool *pool;
	struct keeper *keeper; /* checks the MACs of external account bindings */
	struct conf_holder *conf;
	struct nonce_window *nonces;
	struct keycache *keys;
	struct limits limits;
	struct renewal *renewal;
	issue_now_fn issue_now;
	void *issue_now_arg;
	work_foresee_fn foresee; /* NULL: nothing is foreseen */
	void *foresee_arg;
	void (*count_issued)(void *issue_now_arg, const char *upstream); /* one of issue_now is on record; NULL: nobody counts */
	/* The revocation list (DER) of the local CA `name`; *ret_found false if there is none. On a worker. */
	bool (*crl)(void *arg, const char *name, struct buf *ret_der, bool *ret_found, struct problem *pr);
	void *crl_arg;
	struct buf decoy; /* sealed; see eab_decoy_make */
	struct health health;
	_Atomic(uint64_t) quota_refused, quota_warned; /* orders */
	struct server_stats stats;
	struct attest_stats attested;
	struct buckets *noted;     /* how many refusals come into the audit trail; NULL: all */
	_Atomic(uint64_t) unnoted; /* that did not, since the last that did */
};

/* The http_handler and http_refusal of the ACME face; arg is the struct server. */
void server_handle(struct http_req *rq, void *arg);
void server_refusal(const struct http_req *rq, const struct problem *pr, struct http_reply *rp, void *arg);
/* The body_max of the ACME face: lists of certificates are longer than other bodies (W29). */
size_t server_body_max(const struct http_req *rq, void *arg);
/* A sealed EAB key that nobody has, of the form of those handed out: MACs by an unknown kid are checked against it, so that they cost
 * what a wrong MAC costs (W14). Once, before the face opens. */
bool eab_decoy_make(struct keeper *keeper, struct buf *ret_sealed, struct problem *pr) MUST_CHECK;
#endif
