/* ident.h - identifiers of orders: dns names, ip addresses, and devices (RFC 8555 7.1.4, RFC 8738,
 * draft-ietf-acme-device-attest-09 section 3). Any thread. */
#ifndef PKI_IDENT_H
#define PKI_IDENT_H

#include "base/buf.h"
#include "base/problem.h"

/* Stored by number: append. */
enum ident_type { IDENT_DNS, IDENT_IP, IDENT_PERMANENT, IDENT_HARDWARE, IDENT__COUNT };
#define IDENT_VALUE 254
#define IDENTS_MAX 1000 /* whoever fills a set from outside stops here */

struct ident {
	enum ident_type type;
	/* canonical: lower case A-labels, perhaps with "*."; RFC 5952 or dotted decimal; of a device as it was sent, see
	 * device_id.h */
	char value[IDENT_VALUE];
};

struct idents {
	struct ident *list; /* owned */
	size_t count;
};

const char *ident_type_name(enum ident_type type);
/* Unknown type: PROBLEM_UNSUPPORTED_IDENTIFIER. Bad value: PROBLEM_MALFORMED; a well-formed but disallowed name (bad IDNA,
 * reserved LDH label): PROBLEM_REJECTED_IDENTIFIER (W9). dns is lower-cased; ip must be canonical; a device's is
 * kept octet for octet. Says nothing of policy: a single label and "*.com" pass. */
bool ident_parse(struct span type, struct span value, struct ident *ret, struct problem *pr) __attribute__((warn_unused_result));
/* Does it name a device, and no place in a network? */
bool ident_is_device(const struct ident *id);
bool ident_is_wildcard(const struct ident *id);
/* A name as people write it ("bücher.example"), without "*.", in A-labels and lower case. A name has either U-labels or A-labels, not
 * both, and its A-labels are valid ones (RFC 5891 5.4). PROBLEM_MALFORMED. */
bool ident_name_ascii(struct span text, char ret[IDENT_VALUE], struct problem *pr) __attribute__((warn_unused_result));
/* Has the name an A-label? */
bool ident_is_international(const struct ident *id);
/* The name without "*.". */
const char *ident_base(const struct ident *id);
/* How a TLS client asks for it (SNI): the name, or of an address its name in the reverse tree (RFC 8738 6). In `ret`. */
void ident_server_name(const struct ident *id, char ret[IDENT_VALUE]);
bool ident_eq(const struct ident *a, const struct ident *b);

void idents_add(struct idents *set, const struct ident *id); /* drops a repeat, keeps the order of first mention (W17) */
bool idents_has(const struct idents *set, const struct ident *id);
bool idents_same(const struct idents *a, const struct idents *b); /* as sets */
void idents_done(struct idents *set);
/* One text per set, whatever its order: SHA-256 of the sorted "type:value\n", base64url, 43 characters. */
#define IDENTS_KEY_TEXT 44
void idents_key(const struct idents *set, char ret[IDENTS_KEY_TEXT]);
/* "dns:a.example,ip:10.0.0.1": how a set is stored, and read back (a stored text is trusted). Comma and percent sign of a
 * value are %2C and %25. */
#define IDENTS_TEXT_MAX (1024 * 1024) /* enough for IDENTS_MAX of them */
bool idents_write(const struct idents *set, struct buf *out);
bool idents_read(struct span text, struct idents *ret);
#endif
