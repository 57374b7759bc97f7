/* keycache.h - verified account keys, bounded: the public key by account, so that a request costs no look-up and no parsing.
 *
 * Only the key is kept (H10): whether the account still has it, and its status, is read in each transaction. Any thread. */
#ifndef SERVER_KEYCACHE_H
#define SERVER_KEYCACHE_H

#include <openssl/types.h>

#include "base/rand.h"
#include "jose/jwk.h"

struct keycache;

struct keycache *keycache_new(size_t max);
void keycache_free(struct keycache *c);
/* A reference to the key (EVP_PKEY_free it) and its thumbprint; NULL if not here. */
EVP_PKEY *keycache_get(struct keycache *c, const char *account_ref, char ret_thumbprint[THUMBPRINT_TEXT]);
void keycache_put(struct keycache *c, const char *account_ref, const char *thumbprint, EVP_PKEY *key);
void keycache_drop(struct keycache *c, const char *account_ref);
#endif
