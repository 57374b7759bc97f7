/* eab.h - the external account binding a CA asks for at newAccount (RFC 8555 7.3.4). Pure; any
 * thread.
 *
 *   eab_input(&input, "HS256", kid, new_account_url, account_jwk, &pr);
 *   keeper_mac(keeper, sealed, JWA_HS256, buf_span(&input), &mac, &pr);
 *   eab_assemble(&json, buf_span(&input), buf_span(&mac));
 *
 * json is the value of "externalAccountBinding". */
#ifndef UPSTREAM_EAB_H
#define UPSTREAM_EAB_H

#include "jose/jws.h"

/* b64url({"alg","kid","url"}) '.' b64url(account JWK): what the MAC is computed over. There is no
 * nonce. `url` is newAccount's exact octets, `account_jwk` the canonical JSON of our account key.
 * False (and a problem) unless alg is a MAC. */
bool eab_input(struct buf *out, enum jwa alg, const char *kid, const char *url,
	struct span account_jwk, struct problem *pr) MUST_CHECK;
/* The inner JWS as JSON; false when `out` is full. */
bool eab_assemble(struct buf *out, struct span input, struct span mac);
#endif
