/* flow/issue.h - the end of an order's way: a checked chain becomes a stored certificate, and the orders valid. In a transaction. */
#ifndef FLOW_ISSUE_H
#define FLOW_ISSUE_H

#include "flow/order.h"
#include "pki/cert.h"

struct issued {
	const struct chain *chain; /* checked (chain_check) */
	struct span chain_pem;     /* as the device gets it */
	const struct span *alternates; /* PEM */
	size_t alternate_count;
};

/* Store the certificate (or find it, if it is there already) and give it to the order and to all that joined it. */
bool issue_store(struct sql *db, const struct order *order, const struct issued *issued, const char *node, struct problem *pr) MUST_CHECK;
#endif
