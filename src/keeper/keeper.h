/* keeper.h - the process that holds the keys: client side (HACKING.md "The keeper").
 *
 * A child forked before any thread starts holds the master key and every opened secret. What leaves it is a sealed blob
 * (AES-256-GCM under the master key, purpose and scope as associated data), public keys, signatures and MACs. A request
 * carries the sealed blob; the keeper opens it and keeps it in a bounded cache. The keeper has no network and no files.
 *
 * Threads: each calling thread uses a connection of its own (index 0..connections-1, see pool_self()); calls block for the
 * keeper's answer (tens of microseconds, a few ms for RSA; making an RSA key up to seconds), deadline 10 s.
 * If the keeper dies every call fails with PROBLEM_SERVER_INTERNAL and keeper_death_fd() becomes readable.
 *
 * Outputs are appended to the buffers given. Refusals are PROBLEM_SERVER_INTERNAL with the reason as `cause`: nothing but a
 * fault of ours asks the keeper for what a key is not meant for. Templates are judged by lib/pki, in its words. */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/problem.h"
#include "jose/jws.h"
#include "pki/key.h"

struct keeper;

enum key_purpose {
	PURPOSE_ACME_ACCOUNT, /* signs JWS whose protected `url` has the origin of the URL given as scope */
	PURPOSE_LOCAL_CA,     /* signs leaf certificates and CRLs for one CA certificate; scope: see keeper_make */
	PURPOSE_EAB_UPSTREAM, /* MAC key of an EAB handed to us by a CA; scope: as ACME_ACCOUNT */
	PURPOSE_EAB_DEVICE,   /* MAC key of an EAB we handed to devices: verify only; scope: any text */
	PURPOSE_TSIG,         /* MAC key for DNS updates of TXT records; verifies anything; scope: any text */
	PURPOSE_AUDIT,        /* Ed25519 key that signs checkpoints of one audit trail; scope: its origin */
	PURPOSE__COUNT
};

/* A secret of the configuration (EAB, TSIG), read by the child at its start: the calling process never sees it. */
struct keeper_secret {
	const char *name;     /* unique, e.g. "upstreams.letsencrypt.eab_key" */
	const char *where;    /* "file:PATH" or "credential:NAME" */
	const char *encoding; /* "base64url", "base64" (lenient), "double" (base64 of base64url) or "raw" (a text's final line end dropped) */
};

struct keeper_conf {
	const char *master;   /* where the 32-octet master key lies: file: or credential:, base64url (43 characters) or raw */
	bool create_master;   /* make the file (0600) if it does not exist */
	unsigned connections;
	unsigned call_ms;     /* deadline of a call; 0 = 10 s */
	const struct keeper_secret *secrets;
	size_t secret_count;
};

/* Fork the keeper. Only the child reads the master key and the secrets; what it cannot read is reported here. Must be
 * called before any thread exists, on a thread that lives as long as the process (the kernel kills the child when it ends).
 * The child: no core, not dumpable, NOTIFY_SOCKET, WATCHDOG_* and LISTEN_* unset, all other
 * fds closed, seccomp filter, ends when the parent does. */
bool keeper_start(const struct keeper_conf *conf, struct keeper **ret, struct problem *pr) __attribute__((warn_unused_result));
/* A file descriptor that becomes readable (EOF) when the keeper dies. */
int keeper_death_fd(const struct keeper *k);
pid_t keeper_pid(const struct keeper *k);
/* Round trips since the start, and how many of them failed or were refused. Any thread. */
struct keeper_stats {
	uint64_t calls, failed;
	bool dead;
};
void keeper_stats(struct keeper *k, struct keeper_stats *ret);
/* Ends the child and frees k; no call may be under way. NULL is fine. */
void keeper_stop(struct keeper *k);
/* Which connection the calling thread uses; a thread of the pool needs not call it (pool_self() is the default, 0 outside of
 * the pool). Threads that share one take turns. */
void keeper_use(struct keeper *k, unsigned connection);

/* Make a key pair of P-256, P-384 or RSA, Ed25519 for AUDIT alone; purpose ACME_ACCOUNT, LOCAL_CA or AUDIT; scope as described at key_purpose (for PURPOSE_LOCAL_CA: the CA's common name; the CA certificate comes
 * back in ret_public, the scope of the blob is bound to it). ret_public: SPKI DER or certificate DER. */
bool keeper_make(struct keeper *k, enum key_type type, enum key_purpose purpose, struct span scope, struct buf *ret_sealed, struct buf *ret_public, struct problem *pr) __attribute__((warn_unused_result));
/* Seal a MAC key handed in (EAB, TSIG), 16 to 1024 octets; the caller wipes its copy. */
bool keeper_seal(struct keeper *k, enum key_purpose purpose, struct span scope, struct span secret, struct buf *ret_sealed, struct problem *pr) __attribute__((warn_unused_result));
/* What a blob is for: its scope, which for keys of accounts and EAB is an origin. Told without asking the keeper, so nothing to rely
 * on for security. SPAN_NONE if it has none. Borrowed. Any thread. */
struct span keeper_scope(struct span sealed);
/* The sealed form of a secret named at keeper_start. */
bool keeper_sealed_secret(struct keeper *k, const char *name, enum key_purpose purpose, struct span scope, struct buf *ret_sealed, struct problem *pr) __attribute__((warn_unused_result));
/* Sign a JWS input (b64 '.' b64): refused unless its header's url lies in the blob's scope, it has exactly one of kid and jwk,
 * alg is jwa_for_key(), and it has a nonce or is the inner JWS of a keyChange. JOSE form. Purpose ACME_ACCOUNT. */
bool keeper_sign_jws(struct keeper *k, struct span sealed, struct span input, struct buf *ret_signature, struct problem *pr) __attribute__((warn_unused_result));
/* EAB_UPSTREAM: only the input of an EAB's inner JWS (alg, kid, url in scope, no nonce); TSIG: only a DNS update of TXT records (guard.h). */
bool keeper_mac(struct keeper *k, struct span sealed, enum jwa alg, struct span data, struct buf *ret_mac, struct problem *pr) __attribute__((warn_unused_result));
/* EAB_DEVICE, TSIG. A wrong MAC is an answer, not a failure. */
bool keeper_mac_verify(struct keeper *k, struct span sealed, enum jwa alg, struct span data, struct span mac, bool *ret_good, struct problem *pr) __attribute__((warn_unused_result));
/* Complete and sign a template of pki/mint.h. `ca_der` is the CA certificate (must be the one the blob is bound to). */
bool keeper_sign_cert(struct keeper *k, struct span sealed, struct span ca_der, struct span template_der, struct buf *ret_der, struct problem *pr) __attribute__((warn_unused_result));
/* The signature of a checkpoint's text (tlog/note.h), whose origin is the blob's scope. Never of another root for the size signed last:
 * a trail has one history. Purpose AUDIT. */
bool keeper_sign_checkpoint(struct keeper *k, struct span sealed, struct span text, struct buf *ret_signature, struct problem *pr) __attribute__((warn_unused_result));
bool keeper_sign_crl(struct keeper *k, struct span sealed, struct span ca_der, struct span template_der, struct buf *ret_der, struct problem *pr) __attribute__((warn_unused_result));
#endif
