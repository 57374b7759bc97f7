/* gate/tls.h - the gateway's own TLS certificate: from files, or made by a CA of its own for a first start. */
#ifndef GATE_TLS_H
#define GATE_TLS_H

#include "admin/admin.h"
#include "gate/conf.h"
#include "httpd/httpd.h"
#include "upstream/upstreams.h"

/* tls_cert and tls_key of the configuration; without them STATE_DIR/tls/{cert,key,root}.pem, made when missing or due. root.pem is what
 * devices must trust. On a thread that may ask the keeper. */
bool gate_tls_load(const struct upstream_env *env, const struct gate_conf *conf, struct httpd_tls **ret, struct problem *pr) MUST_CHECK;
/* For operators: what the face shows, and what becomes of it (admin.h). */
bool gate_tls_tell(const struct upstream_env *env, const struct gate_conf *conf, struct httpd_face *face, struct admin_tls *ret, struct problem *pr) MUST_CHECK;
/* Is the certificate one of our own making, and should it be made anew (a third of its life left)? */
bool gate_tls_is_due(const struct gate_conf *conf);
#endif
