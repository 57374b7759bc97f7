/* rig.h - for tests of the HTTP server: self-signed certificates and a blocking client that can
 * misbehave. */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <openssl/ssl.h>

#include "base/buf.h"

/* A P-256 key and a certificate for `name`, as PEM. */
void rig_cert(const char *name, struct buf *ret_cert, struct buf *ret_key);

/* One client connection; ssl is NULL when plain. */
struct link {
	int fd;
	SSL *ssl;
};

/* Reads give up after this long. */
#define RIG_WAIT_MS 5000

/* To 127.0.0.1; `from` is a loopback address to come from, or NULL. */
struct link rig_connect(uint16_t port, const char *from);
struct link rig_connect_unix(const char *path);
/* Do the TLS handshake; false when the server refuses. */
bool rig_tls(struct link *l, SSL_CTX *ctx, SSL_SESSION *resume);
void rig_send(struct link *l, const void *p, size_t n);
void rig_say(struct link *l, const char *text);
/* One reply: head and, unless `head_only`, the body that its Content-Length says. False at the end
 * of the stream. */
bool rig_reply(struct link *l, bool head_only, struct buf *ret);
/* All there is until the server closes; false if it does not. */
bool rig_rest(struct link *l, struct buf *ret);
/* Does the server close within RIG_WAIT_MS, saying nothing more? */
bool rig_is_closed(struct link *l);
void rig_close(struct link *l);

int rig_status(const struct buf *reply);
bool rig_has(const struct buf *reply, const char *text);
/* The reply's body. */
struct span rig_body(const struct buf *reply);
#endif
