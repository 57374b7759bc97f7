/* server.h - the ACME server (RFC 8555): from a whole HTTP request to its reply.
 *
 * server_handle runs on a front thread: it finds the route, answers what needs neither store nor signature, and hands the rest to
 * the pool. The worker opens the envelope, runs the endpoint's function and replies. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdatomic.h>

#include "gate/holder.h"
#include "httpd/httpd.h"
#include "jobs/jobs.h"
#include "pki/csr.h"
#include "server/keycache.h"
#include "server/nonce.h"
#include "sql/sql.h"
#include "store/order.h"

/* A certificate that can be had without waiting (driver `local`, O8). The function runs on a worker before the transaction, asks
 * the keeper, and gives the chain; false with a problem: the order goes to the engine instead, or is refused. */
struct issue_now {
	const struct gate_conf *conf;
	const struct profile_conf *profile;
	const struct upstream_conf *upstream;
	const struct order *order;
	const struct csr *csr;
};
typedef bool (*issue_now_fn)(void *arg, const struct issue_now *rq, struct buf *ret_chain_pem, struct problem *pr);

struct server_stats {
	_Atomic(uint64_t) requests, refused, overloaded;
};

struct server {
	struct store *store;
	struct jobs *jobs;
	struct pool *pool;
	struct conf_holder *conf;
	struct nonces *nonces;
	struct keycache *keys;
	issue_now_fn issue_now;
	void *issue_now_arg;
	struct server_stats stats;
};

/* The http_handler and http_refusal of the ACME face; arg is the struct server. */
void server_handle(struct http_req *rq, void *arg);
void server_refusal(const struct http_req *rq, const struct problem *pr, struct http_reply *rp, void *arg);
#endif
