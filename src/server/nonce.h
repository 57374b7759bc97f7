/* nonce.h - anti-replay nonces (RFC 8555 6.5): a counter and its keyed MAC, single use by a bitmap window. O(1), no table, no growth.
 *
 * A nonce of before a restart, or of another gateway, is simply not live: the client gets badNonce and tries again. Any thread. */
#ifndef SERVER_NONCE_H
#define SERVER_NONCE_H

#include "base/span.h"

struct nonce_window;

#define REPLAY_NONCE_TEXT 33 /* 24 octets as 32 characters and NUL */

struct nonce_window *nonce_window_new(void);
void nonce_window_free(struct nonce_window *n);
/* A new one into dst; returns dst. */
const char *nonce_make(struct nonce_window *n, char dst[REPLAY_NONCE_TEXT]);
/* Spend it: true exactly once for each one made among the last half million. */
bool nonce_spend(struct nonce_window *n, struct span text);
#endif
