/* http01_face.h - where the CAs look for our http-01 proofs (RFC 8555 8.3), and where anybody finds the local CAs' lists.
 *
 * Proofs are read from the store, so every gateway of a cluster answers for each other. */
#ifndef UPSTREAM_HTTP01_FACE_H
#define UPSTREAM_HTTP01_FACE_H

#include "httpd/httpd.h"
#include "upstream/upstreams.h"

/* An http_handler; arg is the struct upstreams. */
void http01_face_handle(struct http_req *rq, void *arg);
#endif
