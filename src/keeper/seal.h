/* seal.h - a secret as it lies in the store: AES-256-GCM under the master key. Inside the keeper; pure but for the nonce.
 *
 *   version:8 (1) purpose:8 scope length:16 scope | nonce:96 | ciphertext | tag:128
 *
 * What stands before the nonce is associated data: readable without the key, not changeable without it. Nonces are random:
 * 2^32 blobs under one master key stay far below the bound of NIST SP 800-38D section 8.3. */
#ifndef KEEPER_SEAL_H
#define KEEPER_SEAL_H

#include "base/secret.h"
#include "keeper/keeper.h"

#define SEAL_MASTER 32

struct unsealed {
	enum key_purpose purpose;
	struct buf scope;
	struct buf secret; /* wiped by unsealed_done */
};

/* Onto the end of ret_sealed. */
bool seal_write(const unsigned char master[SEAL_MASTER], enum key_purpose purpose, struct span scope,
	struct span secret, struct buf *ret_sealed, struct problem *pr) __attribute__((warn_unused_result));
/* Any octet changed, another master key, something cut off or added: PROBLEM_SERVER_INTERNAL, and nothing comes out. */
bool seal_open(const unsigned char master[SEAL_MASTER], struct span sealed, struct unsealed *ret,
	struct problem *pr) __attribute__((warn_unused_result));
/* The scope as it stands there, without a look at the rest; SPAN_NONE if there is none. Borrowed. */
struct span seal_scope(struct span sealed);
void unsealed_done(struct unsealed *u);
#endif
