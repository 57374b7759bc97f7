/* nonce.h - replay nonces a CA handed out (RFC 8555 6.5): a small stack, newest first, that forgets
 * the old. No locking. */
#ifndef UPSTREAM_NONCE_H
#define UPSTREAM_NONCE_H

#include "base/clock.h"
#include "base/span.h"

#define NONCES_MAX 32
#define NONCE_LIFE_MS (5 * 60 * 1000)
#define NONCE_TEXT 513 /* 512 octets and NUL */

struct nonces {
	struct {
		char text[NONCE_TEXT];
		msec_t born_ms;
	} list[NONCES_MAX];    /* a ring */
	unsigned first, count; /* the oldest; how many */
};

/* 1*base64url (RFC 8555 6.5.1) of a bearable length? */
bool nonce_ok(struct span nonce);
/* Keep it, in place of the oldest when full; what is no nonce is not kept. */
void nonces_put(struct nonces *n, struct span nonce, msec_t now_ms);
/* The newest; false if there is none younger than NONCE_LIFE_MS. */
bool nonces_take(struct nonces *n, msec_t now_ms, char ret[NONCE_TEXT]);
#endif
