/* alpn01_face.h - where CAs shake hands for our tls-alpn-01 proofs (RFC 8737).
 *
 * Proofs are read from the store, so every gateway that shares it answers for each other. A certificate is made for each
 * handshake, with a key of its own. */
#ifndef SOLVE_ALPN01_FACE_H
#define SOLVE_ALPN01_FACE_H

#include "httpd/httpd.h"
#include "solve/solve.h"

/* Handshakes at a time; a CA has a handful of them. */
#define ALPN01_CONNS_MAX 256

/* An http_hello_fn; arg is the struct solve. */
void alpn01_face_hello(struct http_hello *hello, const char *name, void *arg);
#endif
