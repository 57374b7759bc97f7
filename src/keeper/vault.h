/* vault.h - what only the child has: the master key, the configured secrets and a bounded cache of opened blobs.
 * One thread. */
#ifndef KEEPER_VAULT_H
#define KEEPER_VAULT_H

#include "keeper/seal.h"
#include "tlog/note.h"

#define VAULT_CACHE 128 /* opened blobs kept; the one unused longest goes first */

/* A blob that was opened. `key` for purposes with a key pair, else the MAC key in u.secret. */
struct opened {
	unsigned char hash[32]; /* SHA-256 of the blob */
	uint64_t used;          /* when last, in uses of the vault; 0 = free */
	struct unsealed u;
	EVP_PKEY *key;          /* owned */
};

struct named_secret {
	char *name;
	struct buf octets;
};

struct vault {
	unsigned char master[SEAL_MASTER];
	struct named_secret *secrets; /* owned */
	size_t secret_count;
	uint64_t uses;
	struct tlog_checkpoint signed_last; /* size 0: none */
	struct opened cache[VAULT_CACHE];
};

/* Reads the master key (making its file if wished) and the secrets. What could not be read is named in pr->cause. */
bool vault_load(const struct keeper_conf *conf, struct vault **ret, struct problem *pr) __attribute__((warn_unused_result));
void vault_free(struct vault *v);
/* Valid until the next call. NULL if the blob is not one of ours. */
const struct opened *vault_open(struct vault *v, struct span sealed, struct problem *pr);
/* NULL if there is none of this name. */
const struct buf *vault_secret(const struct vault *v, struct span name);

/* A configured secret in its encoding (struct keeper_secret); onto ret. */
bool secret_decode(struct span text, const char *encoding, struct buf *ret);
#endif
