/* flow/issue.h - the end of an order's way: a checked chain becomes a stored certificate, and the orders valid. In a transaction. */
#ifndef FLOW_ISSUE_H
#define FLOW_ISSUE_H

#include "flow/order.h"
#include "gate/conf.h"
#include "pki/cert.h"

struct issued {
	const struct chain *chain; /* checked (chain_check) */
	struct span chain_pem;     /* as the device gets it */
	const struct span *alternates; /* PEM */
	size_t alternate_count;
};

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

/* Store the certificate, with its row of the bill (or find it, if it is there already), plan its renewal, and give it to the order and to all
 * that joined it. */
bool issue_store(struct sql *db, const struct gate_conf *conf, const struct order *order, const struct issued *issued, const char *node, struct problem *pr) MUST_CHECK;
#endif
