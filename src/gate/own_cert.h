/* own_cert.h - the gateway's own TLS certificate from one of its upstreams (conf key tls_upstream): ordered like a device's, by
 * an account of the gateway's own in the store, so that a restart finds the order or the certificate again and orders nothing twice.
 *
 * The key lies in STATE_DIR/tls/next-key.pem until its certificate is there; then both take their places. */
#ifndef GATE_OWN_CERT_H
#define GATE_OWN_CERT_H

#include "gate/conf.h"
#include "jobs/jobs.h"
#include "store/order.h"

/* NOTHING: no tls_upstream, or its certificate is in place; WAITING: it is on its way; CHANGED: STATE_DIR/tls/cert.pem and key.pem are new. */
enum own_cert { OWN_CERT_NOTHING, OWN_CERT_WAITING, OWN_CERT_CHANGED };
/* See to it; called now and then, on a thread that may wait for the store. */
bool own_cert_tick(struct store *store, struct jobs *jobs, const struct gate_conf *conf, enum own_cert *ret, struct problem *pr) MUST_CHECK;
/* The last order of it. */
struct own_cert_order {
	char ref[REF_TEXT];            /* "" = none yet */
	char upstream[UPSTREAM_TEXT];
	enum order_state state;
	int64_t again_at;              /* when it was invalid: not before */
	struct buf error;              /* its problem document, or empty; the caller's */
};
/* *ret zeroed but for the buffer's ceiling. */
bool own_cert_last_order(struct store *store, const char *node, struct own_cert_order *ret, struct problem *pr) MUST_CHECK;
/* Is STATE_DIR/tls/cert.pem unreadable, for another name, or has it less than 1/parts of its life left (parts 0: is it over)? */
bool own_cert_is_due(const struct gate_conf *conf, int parts);
/* Is it from the upstream, rather than of our own making? */
bool own_cert_is_from_upstream(const struct gate_conf *conf);
/* It is of our own making now. */
void own_cert_forget_upstream(const struct gate_conf *conf);
/* The identifier of external_url's host. */
bool own_cert_ident(const struct gate_conf *conf, struct ident *ret, struct problem *pr) MUST_CHECK;
#endif
