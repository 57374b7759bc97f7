/* local.h - driver `local`: an embedded CA, its key in the keeper; for labs, isolated sites and identities no public CA certifies. */
#ifndef UPSTREAM_LOCAL_H
#define UPSTREAM_LOCAL_H

#include "flow/issue.h"
#include "upstream/upstreams.h"

/* An issue_now_fn (flow/issue.h); arg is the struct upstreams. On a worker. */
bool local_issue_now(void *arg, const struct issue_now *rq, struct buf *ret_chain_pem, struct problem *pr) MUST_CHECK;
/* One of its certificates is on record: count it. */
void local_count_issued(void *arg, const char *name);
/* The gateway's own TLS certificate for `host`, from a CA of the gateway's own, into PEM texts: for a first start without files. */
bool local_tls_make(const struct upstream_env *env, const char *host, struct buf *ret_cert_pem, struct buf *ret_key_pem,
	struct buf *ret_root_pem, struct problem *pr) MUST_CHECK;
/* The present revocation list (DER) of a local CA by upstream name; *ret_found false if there is none. On a worker. */
bool local_crl(struct upstreams *ups, const char *name, struct buf *ret_der, bool *ret_found, struct problem *pr) MUST_CHECK;
#endif
