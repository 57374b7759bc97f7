/* nonce.h - anti-replay nonces (RFC 8555 6.5): a counter and its keyed MAC, single use by a bitmap window. O(1), no table, no growth.
 *
 * A nonce of before a restart, or of another gateway, is simply not live: the client gets badNonce and tries again. Any thread. */
#ifndef SERVER_NONCE_H
#define SERVER_NONCE_H

#include "base/span.h"

struct nonces;

#define NONCE_TEXT 33 /* 24 octets as 32 characters and NUL */

struct nonces *nonces_new(void);
void nonces_free(struct nonces *n);
/* A new one into dst; returns dst. */
const char *nonce_make(struct nonces *n, char dst[NONCE_TEXT]);
/* Spend it: true exactly once for each one made among the last half million. */
bool nonce_spend(struct nonces *n, struct span text);
#endif
