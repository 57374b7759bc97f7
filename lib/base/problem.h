/* problem.h - the one error type: an ACME problem for the client and its cause for our log (RFC 8555 6.7, RFC 9457).
 *
 * `detail` goes to the client, `cause` never does. Set once where the fault is noticed; callers pass it up
 * unread. Texts: lower case, no full stop, say what was expected and what came, foreign text quoted. */
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#include <stdbool.h>

#include "base/span.h"

/* enum, type after "urn:ietf:params:acme:error:", HTTP status: one row per (type, status) pair. */
#define PROBLEM_KINDS(X)                                                                           \
	X(NONE, "", 200)                                                                           \
	X(ACCOUNT_DOES_NOT_EXIST, "accountDoesNotExist", 400)                                      \
	X(ALREADY_REPLACED, "alreadyReplaced", 409)                                                \
	X(ALREADY_REVOKED, "alreadyRevoked", 400)                                                  \
	X(BAD_ATTESTATION, "badAttestationStatement", 400)                                         \
	X(BAD_CSR, "badCSR", 400)                                                                  \
	X(BAD_NONCE, "badNonce", 400)                                                              \
	X(BAD_PUBLIC_KEY, "badPublicKey", 400)                                                     \
	X(BAD_REVOCATION_REASON, "badRevocationReason", 400)                                       \
	X(BAD_SIGNATURE_ALGORITHM, "badSignatureAlgorithm", 400)                                   \
	X(CAA, "caa", 403)                                                                         \
	X(COMPOUND, "compound", 400)                                                               \
	X(CONNECTION, "connection", 400)                                                           \
	X(DNS, "dns", 400)                                                                         \
	X(EXTERNAL_ACCOUNT_REQUIRED, "externalAccountRequired", 403)                               \
	X(INCORRECT_RESPONSE, "incorrectResponse", 400)                                            \
	X(INVALID_CONTACT, "invalidContact", 400)                                                  \
	X(INVALID_PROFILE, "invalidProfile", 400)                                                  \
	X(MALFORMED, "malformed", 400)                                                             \
	X(NOT_FOUND, "malformed", 404)                                                             \
	X(METHOD_NOT_ALLOWED, "malformed", 405)                                                    \
	X(REQUEST_TIMEOUT, "malformed", 408)                                                       \
	X(CONFLICT, "malformed", 409)                                                              \
	X(TOO_LARGE, "malformed", 413)                                                             \
	X(MEDIA_TYPE, "malformed", 415)                                                            \
	X(EXPECTATION, "malformed", 417)                                                           \
	X(HEADERS_TOO_LARGE, "malformed", 431)                                                     \
	X(ORDER_NOT_READY, "orderNotReady", 403)                                                   \
	X(RATE_LIMITED, "rateLimited", 429)                                                        \
	X(OVERLOADED, "rateLimited", 503)                                                          \
	X(REJECTED_IDENTIFIER, "rejectedIdentifier", 400)                                          \
	X(REJECTED_IDENTIFIER_403, "rejectedIdentifier", 403)                                      \
	X(SERVER_INTERNAL, "serverInternal", 500)                                                  \
	X(TLS, "tls", 400)                                                                         \
	X(UNAUTHORIZED, "unauthorized", 403)                                                       \
	X(ACCOUNT_NOT_VALID, "unauthorized", 401)                                                  \
	X(UNSUPPORTED_CONTACT, "unsupportedContact", 400)                                          \
	X(UNSUPPORTED_IDENTIFIER, "unsupportedIdentifier", 400)                                    \
	X(USER_ACTION_REQUIRED, "userActionRequired", 403)

enum problem_kind {
#define X(name, type, status) PROBLEM_##name,
	PROBLEM_KINDS(X)
#undef X
	PROBLEM__COUNT
};

#define PROBLEM_URN "urn:ietf:params:acme:error:"

struct problem {
	enum problem_kind kind;
	unsigned retry_after_s; /* 0 = none */
	char detail[513];       /* at most 512 octets */
	char cause[257];
};

/* Always false, so that a function can `return problem_set(pr, ...)`. Keeps `cause`. */
__attribute__((format(printf, 3, 4))) bool problem_set(
	struct problem *pr, enum problem_kind kind, const char *fmt, ...);
/* For our log only: errno, SQLSTATE, the OpenSSL queue. */
__attribute__((format(printf, 2, 3))) void problem_cause(struct problem *pr, const char *fmt, ...);
/* A fault of ours: serverInternal with a neutral detail, the text as cause. Always false. */
__attribute__((format(printf, 2, 3))) bool problem_internal(struct problem *pr, const char *fmt, ...);
/* Take the oldest error of this thread's OpenSSL queue as cause and empty the queue. */
void problem_cause_openssl(struct problem *pr, const char *what);

const char *problem_type(enum problem_kind kind); /* without the URN prefix */
int problem_status(enum problem_kind kind);
/* First kind with this type, with or without the URN prefix; PROBLEM_NONE if unknown. */
enum problem_kind problem_kind_of(struct span type);

/* Foreign text made safe to quote in a detail: printable ASCII, others as '?', cut at the size. */
const char *problem_quote(struct span foreign, char *dst, size_t size);
#define QUOTE(s) problem_quote((s), (char[65]){ 0 }, 65)
#endif
