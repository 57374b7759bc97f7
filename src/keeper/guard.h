/* guard.h - what the keeper agrees to sign with an account key, an EAB key or a TSIG key. Pure; any thread.
 *
 * So a gateway taken over can use a key for no other server than the one it was made for, and for nothing but ACME. */
#ifndef KEEPER_GUARD_H
#define KEEPER_GUARD_H

#include "keeper/keeper.h"

#define ORIGIN_TEXT 320
/* scheme://host[:port] of an absolute http or https URL: lower case, the scheme's own port left out (RFC 6454 section 4).
 * False for anything else: no host, user information, odd octets, too long. */
bool origin_of(struct span url, char ret[ORIGIN_TEXT]);

/* b64 '.' b64 whose protected header is a JSON object with this `alg`, a `url` with the origin of `scope`, and exactly one
 * of `kid` and `jwk` (RFC 8555 section 6.2). It has a `nonce`; without one it is the inner JWS of a keyChange (7.3.5): `jwk`, and a
 * payload that is nothing but an `account` of that origin and an `oldKey`. PROBLEM_SERVER_INTERNAL: only a fault of ours brings anything else here. */
bool guard_account(struct span input, struct span scope, enum jwa alg, struct problem *pr) __attribute__((warn_unused_result));
/* The inner JWS of an external account binding (RFC 8555 section 7.3.4): a MAC's `alg`, `kid`, `url` of that origin, no `nonce`,
 * no `jwk`. */
bool guard_eab(struct span input, struct span scope, enum jwa alg, struct problem *pr) __attribute__((warn_unused_result));
/* A DNS update of TXT records, with the TSIG variables behind it (RFC 8945 4.3): in the server's eyes the key may be good for more. */
bool guard_tsig(struct span input, struct problem *pr) __attribute__((warn_unused_result));
#endif
