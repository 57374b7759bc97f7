/* tls.h - the server's TLS contexts, within the room; the public part is in httpd.h. Any thread. */
#ifndef HTTPD_TLS_H
#define HTTPD_TLS_H

#include <openssl/ssl.h>

#include "httpd/httpd.h"

/* A session for an accepted socket, not yet tied to it; NULL when memory is out. */
SSL *tls_session_new(struct httpd_tls *tls);
/* DER of its certificate, added to ret_der. */
bool tls_cert_der(struct httpd_tls *tls, struct buf *ret_der);
/* Send close_notify if the socket takes it now; never waits. The handshake must be over and the
 * session unbroken. */
void tls_goodbye(SSL *ssl);
#endif
