/* cert.h - certificates and chains as a CA hands them out (RFC 5280, RFC 8555 9.1). Any thread. */
#ifndef PKI_CERT_H
#define PKI_CERT_H

#include <stdatomic.h>

#include <openssl/types.h>

#include "pki/certid.h"
#include "pki/csr.h"

#define CHAIN_MAX_BYTES (256 * 1024)
#define CHAIN_MAX_CERTS 10

struct cert {
	atomic_uint refs;
	X509 *x509;          /* owned */
	EVP_PKEY *key;       /* owned; NULL after leaf_parse */
	bool has_good_key;   /* and key_check takes it */
	struct idents names; /* SAN, as far as it consists of identifiers */
	bool is_ca;          /* says so in basicConstraints or in keyUsage */
	bool may_issue;      /* says so in basicConstraints, and in keyUsage if it has one */
	int path_length;     /* -1 = any */
	unsigned key_usage;  /* 1 << bit of RFC 5280 4.2.1.3; all of them without the extension */
	bool has_other_names; /* the SAN has something else as well: an email address, a name that is no identifier */
	char serial[SERIAL_TEXT]; /* the content octets of the DER INTEGER, with the leading 00 */
	char certid[CERTID_TEXT]; /* "" without an AKI */
	char key_hash[KEY_HASH_TEXT];
	char sha256[65];     /* of the DER, hex */
	char issuer[256];    /* one line of ASCII (RFC 4514), perhaps cut, for people */
	char subject[256];
	int64_t not_before_unix_s, not_after_unix_s;
};

struct chain {
	struct cert *certs[CHAIN_MAX_CERTS]; /* leaf first; owned */
	size_t count;
};

/* Exactly one certificate in DER. Refused with PROBLEM_MALFORMED: no key we can use, an extension
 * twice, one that is known and cannot be read, a serial over 21 octets. An empty subject, no SKI, a
 * negative serial are fine. Nothing is verified. */
bool cert_parse(struct span der, struct cert **ret, struct problem *pr) __attribute__((warn_unused_result));
/* As cert_parse, at a third of its price, for what is no issuer: OpenSSL finds no key in its x509,
 * and its own checks of it (X509_check_*, X509_verify) fail. */
bool leaf_parse(struct span der, struct cert **ret, struct problem *pr)
	__attribute__((warn_unused_result));
/* As leaf_parse, but the key is made. */
bool signer_parse(struct span der, struct cert **ret, struct problem *pr)
	__attribute__((warn_unused_result));
/* Signed by this key, and by the algorithm that the signed part names? Whatever it was parsed by. */
bool cert_is_signed_by(const struct cert *cert, EVP_PKEY *key);
/* One more holder: a parsed certificate is constant. */
struct cert *cert_ref(struct cert *cert);
void cert_free(struct cert *cert); /* by the last of its holders */
bool cert_der(const struct cert *cert, struct buf *out);
/* The contents of the extension with this object identifier (its contents octets in DER); false if there is none. */
bool cert_ext(const struct cert *cert, struct span oid, struct span *ret_value);

/* PEM, leaf first; any "-----BEGIN " that is not CERTIFICATE refuses all (RFC 8555 11.4); LF or CRLF, blank lines and
 * nothing else between, strict base64 in lines of 64 (RFC 7468 3). Problems are PROBLEM_SERVER_INTERNAL: the text comes
 * from a CA; the detail says what is wrong with it. On failure ret is untouched. */
bool chain_parse(struct span pem, struct chain *ret, struct problem *pr) __attribute__((warn_unused_result));
void chain_done(struct chain *chain);
/* Strict PEM again: "-----BEGIN CERTIFICATE-----\n" 64 columns, no blank lines. */
bool chain_write_pem(const struct chain *chain, struct buf *out);

/* Is this what we asked for? Leaf key = CSR key, SAN set = names and nothing else, valid at `now` (a notBefore up to 5 min
 * ahead is forgiven), not a precertificate, an AKI, each certificate signed by the next, names chaining; a CA flag on
 * issuers, none on the leaf; issuers valid too, but for a self-signed one on top. A leaf alone passes. Says what is wrong
 * (PROBLEM_SERVER_INTERNAL). */
bool chain_check(const struct chain *chain, const char *csr_key_hash, const struct idents *names,
	int64_t now_unix_s, struct problem *pr) __attribute__((warn_unused_result));
/* Does the topmost certificate or its issuer have this common name (any case), or the topmost this SPKI hash (hex
 * SHA-256)? */
bool chain_is_preferred(const struct chain *chain, const char *cn_or_sha256);
#endif
