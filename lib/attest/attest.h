/* attest.h - device attestation statements (draft-ietf-acme-device-attest-09): who the device is,
 * and that its key is kept by hardware. Pure: bytes, roots and time in, verdict and facts out; no
 * I/O, no clock of its own. Any thread.
 *
 * What is proven, in short: the leaf of x5c leads to a root that was pinned for this format; the
 * statement was made for this challenge; it names the device that the order names; the key it is
 * about is `key`, and finalize must find that key in the CSR. A refusal is PROBLEM_BAD_ATTESTATION,
 * and its detail begins with the field that is at fault ("certInfo.extraData: ..."). What is
 * missing of our own (a format without revocation list where it must have one, a list too old) is
 * PROBLEM_SERVER_INTERNAL: the device may try again. */
#ifndef ATTEST_ATTEST_H
#define ATTEST_ATTEST_H

#include "pki/key.h"

#define ATTEST_MAX_BYTES (32 * 1024) /* of an attestation object (W29) */
#define ATTEST_LIST_MAX_BYTES (16 * 1024 * 1024) /* of a revocation list */
#define ATTEST_MAX_IDS 16
#define ATTEST_TEXT 129
#define ATTEST_ID_TEXT (2 * ATTEST_TEXT)

enum attest_format {
	ATTEST_TPM,
	ATTEST_APPLE,
	ATTEST_ANDROID,
	ATTEST_STEP,
	ATTEST_PACKED,
	ATTEST__COUNT
};
const char *attest_format_name(enum attest_format format); /* "android-key": `fmt` on the wire */
bool attest_format_parse(struct span name, enum attest_format *ret);
/* What an attestation object says it is; false if it is none, or of no format of ours. */
bool attest_object_format(struct span object, enum attest_format *ret);

/* Roots, intermediates, revocation lists: one set for each format, never shared. Filled, then
 * constant. */
struct attest_trust;
struct attest_trust *attest_trust_new(void);
void attest_trust_free(struct attest_trust *trust);
/* Roots in PEM. A format is accepted if it has any. Vendors' intermediates that devices do not send
 * come by the second. */
bool attest_trust_add_roots(struct attest_trust *trust, enum attest_format format, struct span pem,
	struct problem *pr) __attribute__((warn_unused_result));
bool attest_trust_add_intermediates(struct attest_trust *trust, enum attest_format format,
	struct span pem, struct problem *pr) __attribute__((warn_unused_result));
/* Serial numbers that are no longer good, in the form of Google's status list: {"entries":
 * {"6681...": {"status": "REVOKED"}}}, keys in hex. Whatever the status says, the serial is refused
 * (V14). Behind `good_until_unix_s` the list is too old to verify anything of this format with.
 * android-key must have one. Takes the place of the one before. */
bool attest_trust_set_revoked(struct attest_trust *trust, enum attest_format format,
	struct span json, int64_t good_until_unix_s, struct problem *pr)
	__attribute__((warn_unused_result));
/* X.509 CRLs, in DER or PEM; after all roots and intermediates. With any, each certificate below the
 * root must have one in force of its issuer, and not be on it: so each root and each intermediate
 * that was given must have signed one (attest_trust_check_crls), and an intermediate that was not
 * given is none that statements can come by. */
bool attest_trust_add_crls(struct attest_trust *trust, enum attest_format format, struct span file,
	struct problem *pr) __attribute__((warn_unused_result));
/* *ret_good_until_unix_s: when the first of them is too old, INT64_MAX without CRLs. */
bool attest_trust_check_crls(const struct attest_trust *trust, enum attest_format format,
	int64_t *ret_good_until_unix_s, struct problem *pr) __attribute__((warn_unused_result));
/* The assigner that "ID/OID" may name for this format's devices, whose statements name none (V9).
 * Not for tpm. */
bool attest_trust_set_assigner(struct attest_trust *trust, enum attest_format format,
	const char *oid, struct problem *pr) __attribute__((warn_unused_result));
/* What `from` has of each format, in place of what `trust` has: they have it together then, and it
 * lives as long as one of them. */
void attest_trust_share(struct attest_trust *trust, const struct attest_trust *from);
/* Apple's UDID counts as hardware-module of type 1.2.840.113635.100.8.9.2 (V15). */
void attest_trust_apple_modules(struct attest_trust *trust, bool count);

enum attest_id_type { ATTEST_PERMANENT_IDENTIFIER, ATTEST_HARDWARE_MODULE };

struct attest_input {
	const struct attest_trust *trust;
	struct span object;            /* attObj, decoded from base64url */
	struct span token;             /* of the challenge */
	struct span key_authorization; /* RFC 8555 8.1, of the key the account has now */
	enum attest_id_type id_type;
	struct span id; /* value of the order's identifier: "ID" or "ID/OID" */
	int64_t now_unix_s;
	/* For test vectors of real hardware only: authData || SHA-256(clientDataJSON), in place of
	 * token and key authorization. Then no identifier is asked for, tpm may sign with SHA-1,
	 * and packed is verified. */
	struct span webauthn;
};

enum attest_protection {
	ATTEST_TEE,
	ATTEST_STRONGBOX,
	ATTEST_SECURE_ENCLAVE,
	ATTEST_IN_TPM,
	ATTEST_YUBIKEY,
	ATTEST_AUTHENTICATOR
};

struct attest_id {
	enum attest_id_type type;
	char value[ATTEST_ID_TEXT];
};

/* Texts are printable, "" = not said; numbers are -1 then. */
struct attest_facts {
	enum attest_format format;
	EVP_PKEY *key; /* attested; owned; passes key_check */
	char key_hash[KEY_HASH_TEXT];
	enum attest_protection protection;
	struct attest_id ids[ATTEST_MAX_IDS]; /* all that the statement proves, in the form of order
						 identifiers */
	size_t id_count;
	char manufacturer[ATTEST_TEXT]; /* tpm: "id:494E5443" */
	char model[ATTEST_TEXT];
	char firmware[ATTEST_TEXT]; /* tpm: "id:13"; YubiKey "5.4.3"; apple: Secure Enclave's */
	char os_version[ATTEST_TEXT];
	int os_patch, vendor_patch, boot_patch; /* android: 202611 or 20261105 */
	char boot[ATTEST_TEXT];                 /* android: "verified"; apple: "Full Security" */
	int device_locked;                      /* android */
	int pin_policy,
		touch_policy; /* YubiKey: 1 never, 2 once, 3 always; 1 never, 2 always, 3 cached */
	int form_factor;      /* YubiKey; bit 0x80 = FIPS */
	char serial[64];      /* of the leaf certificate, hex */
	char root[KEY_HASH_TEXT]; /* key of the root that vouches for it */
	char sha256[65]; /* of the attestation object, hex: evidence without keeping it (V16) */
};

/* One statement. On success the facts are the caller's, to be ended by attest_facts_done. */
bool attest_verify(const struct attest_input *in, struct attest_facts *ret, struct problem *pr)
	__attribute__((warn_unused_result));
void attest_facts_done(struct attest_facts *facts);
/* Members of an object: "format", "protection", "identifiers", ..., without what is not said. */
struct jw;
void attest_facts_write(const struct attest_facts *facts, struct jw *w);
const char *attest_id_type_name(enum attest_id_type type); /* "permanent-identifier" */
const char *attest_protection_name(
	enum attest_protection protection); /* "tee", "secure-enclave", ... */
#endif
