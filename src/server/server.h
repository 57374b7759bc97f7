/* server.h - the ACME server (RFC 8555): from a whole HTTP request to its reply.
 *
 * server_handle runs on a front thread: it finds the route, answers what needs neither store nor signature, and hands the rest to
 * the pool. The worker opens the envelope, runs the endpoint's function and replies. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdatomic.h>

#include "flow/issue.h"
#include "gate/holder.h"
#include "httpd/httpd.h"
#include "jobs/jobs.h"
#include "keeper/keeper.h"
#include "server/keycache.h"
#include "server/limits.h"
#include "server/nonce.h"
#include "sql/sql.h"

struct server_stats {
	_Atomic(uint64_t) requests, refused, overloaded;
};

struct server {
	struct store *store;
	struct jobs *jobs;
	struct pool *pool;
	struct keeper *keeper; /* checks the MACs of external account bindings */
	struct conf_holder *conf;
	struct nonce_window *nonces;
	struct keycache *keys;
	struct limits limits;
	issue_now_fn issue_now;
	void *issue_now_arg;
	/* GET /crl/NAME: takes the request over; false: busy */
	bool (*crl_reply)(struct http_req *rq, void *arg, struct span name);
	void *crl_reply_arg;
	struct server_stats stats;
};

/* The http_handler and http_refusal of the ACME face; arg is the struct server. */
void server_handle(struct http_req *rq, void *arg);
void server_refusal(const struct http_req *rq, const struct problem *pr, struct http_reply *rp, void *arg);
#endif
