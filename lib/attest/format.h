/* format.h - what the formats share. For lib/attest itself. */
#ifndef ATTEST_FORMAT_H
#define ATTEST_FORMAT_H

#include <stdatomic.h>

#include "attest/attest.h"
#include "attest/revoked.h"
#include "base/mem.h"
#include "cbor/cbor.h"
#include "pki/crl.h"
#include "pki/path.h"

/* Of one format; several sets may have them (attest_trust_share). */
struct attest_anchors {
	atomic_uint refs;
	struct anchors anchors;
	struct revoked *revoked; /* owned; NULL = no list */
	struct crls crls;        /* each signed by one of the anchors; none = they are not asked for */
	char assigner[ATTEST_TEXT];
	bool modules; /* apple: UDIDs count */
};

struct attest_trust {
	struct attest_anchors *of[ATTEST__COUNT]; /* a reference each; NULL = not accepted */
};

/* A statement while it is verified. */
struct statement {
	const struct attest_input *in;
	const struct attest_anchors *trust;
	struct cbor members; /* attStmt */
	struct path path;
	struct span data;          /* what was to be signed: key authorization, or WebAuthn's */
	unsigned char sha256[32];  /* of data */
	struct attest_facts facts; /* handed out if all is well */
};

/* Verifies all that the format says, and fills the facts, but for the comparison of identifiers. */
typedef bool attest_fn(struct statement *st, struct problem *pr);
attest_fn attest_tpm, attest_apple, attest_android, attest_step, attest_packed;

/* All of it, for attest_verify; the facts stay in `st`, whatever the verdict, for tests. */
bool stmt_verify(struct statement *st, struct problem *pr) MUST_CHECK;
/* What the extensions of Apple's leaf say. */
bool apple_device(struct statement *st, struct problem *pr) MUST_CHECK;

/* PROBLEM_BAD_ATTESTATION, "field: text". Always false. */
__attribute__((format(printf, 3, 4))) bool attest_refuse(
	struct problem *pr, const char *field, const char *fmt, ...);
bool attest_is_webauthn(const struct statement *st);

/* Members of attStmt; missing, empty or of another type is refused. */
bool stmt_bytes(const struct statement *st, const char *name, struct span *ret,
	struct problem *pr) MUST_CHECK;
bool stmt_text(const struct statement *st, const char *name, struct span *ret,
	struct problem *pr) MUST_CHECK;
/* x5c, read into st->path; then verified by the format's rules (their time is set here), revocation
 * too. */
bool stmt_certs(struct statement *st, struct problem *pr) MUST_CHECK;
bool stmt_path(struct statement *st, struct path_rules rules, struct problem *pr) MUST_CHECK;
struct cert *stmt_leaf(const struct statement *st);

/* A signature algorithm of COSE (RFC 9053, RFC 8812). `alg` must be one that is known; SHA-1 only
 * for WebAuthn. */
struct cose_alg {
	int64_t alg;
	int key;        /* EVP_PKEY_RSA, _EC, _ED25519 */
	const char *md; /* NULL for Ed25519 */
	size_t md_bytes;
};
bool stmt_alg(
	const struct statement *st, const struct cose_alg **ret, struct problem *pr) MUST_CHECK;
/* Does `sig` sign `data` by the key, whose type must be the algorithm's? */
bool stmt_signature(const struct cose_alg *alg, EVP_PKEY *key, struct span sig, struct span data,
	struct problem *pr) MUST_CHECK;
/* The same without looking at the key's type. */
bool signature_verifies(const char *md, EVP_PKEY *key, struct span sig, struct span data);

/* The attested key, which becomes the facts'; it must pass key_check, or `field` is at fault.
 * `spki`: what key_spki_write has for it. The second: the leaf's. */
bool facts_set_key(struct statement *st, EVP_PKEY *key, struct span spki, const char *field,
	struct problem *pr) MUST_CHECK;
bool facts_key_of_leaf(struct statement *st, struct problem *pr) MUST_CHECK;
/* UTF-8 without control characters, at most ATTEST_TEXT - 1 octets; false leaves dst alone. */
bool fact_text(struct span text, char dst[ATTEST_TEXT]);
/* One more identifier, "id" or "id/oid"; with the format's assigner, if it has one, also so.
 * Refuses what is no identifier: an empty one, a slash within, control characters, too many. */
bool facts_add_id(struct statement *st, enum attest_id_type type, struct span id, const char *oid,
	const char *field, struct problem *pr) MUST_CHECK;
#endif
