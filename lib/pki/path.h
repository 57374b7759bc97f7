/* path.h - certification paths that end in a pinned root (RFC 5280 section 6), as attestation
 * statements bring them.
 *
 * The order is the one that was given: leaf first, each signed by the next; nothing is searched for
 * but the way from the last one to a root, over intermediates that were configured. Any thread:
 * anchors are constant once they are filled. */
#ifndef PKI_PATH_H
#define PKI_PATH_H

#include "pki/cert.h"

#define PATH_MAX_CERTS 16 /* given */
#define PATH_MAX_LINKS 4  /* configured intermediates added to them */
#define ANCHORS_MAX 1024

/* A root is its name and its key: other certificates of the same root, an expired one too, stand
 * for it, and its own dates are not looked at (RFC 5280 6.1.1 d). */
struct anchors {
	struct cert **roots, **links; /* owned; links are intermediates that devices do not send */
	size_t root_count, link_count;
};

/* Add the certificates of a PEM text, at least one; text between them is skipped. Keys must pass
 * key_check. PROBLEM_MALFORMED with the number of the certificate that is not good; none of the
 * text's is added then. */
bool anchors_add(
	struct anchors *anchors, bool are_roots, struct span pem, struct problem *pr) MUST_CHECK;
void anchors_done(struct anchors *anchors);

struct path {
	struct cert *certs[PATH_MAX_CERTS + PATH_MAX_LINKS]; /* leaf first; owned */
	size_t given;                                        /* how many came */
	size_t count; /* how many lie below the root: after path_check */
	size_t held;
	const struct cert *root; /* the anchor; after path_check */
};

/* What a format forgives. */
struct path_rules {
	int64_t now_unix_s;
	bool leaf_any_time;   /* the leaf's dates mean nothing */
	bool expired_issuers; /* an issuer's notAfter means nothing */
	bool plain_issuers;   /* an issuer needs no CA flag and no keyCertSign */
};

/* Read them, verify nothing. Here and below refusals are PROBLEM_BAD_ATTESTATION, and the detail
 * begins with the place: "x5c[1]: ...". */
bool path_parse(
	const struct span *ders, size_t count, struct path *ret, struct problem *pr) MUST_CHECK;
/* Version 3, valid now, signed with SHA-2 or Ed25519, no critical extension that we do not know, no
 * CA as leaf; issuers are CAs with keys of key_check, within their path lengths; names chain,
 * signatures verify, and the last one is, or was issued by, a root of `anchors`. */
bool path_check(struct path *path, const struct anchors *anchors, const struct path_rules *rules,
	struct problem *pr) MUST_CHECK;
void path_done(struct path *path);
#endif
