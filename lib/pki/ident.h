/* ident.h - identifiers of orders: dns names and ip addresses (RFC 8555 7.1.4, RFC 8738). Any thread. */
#ifndef PKI_IDENT_H
#define PKI_IDENT_H

#include "base/buf.h"
#include "base/problem.h"

enum ident_type { IDENT_DNS, IDENT_IP, IDENT__COUNT };
#define IDENT_VALUE 254
#define IDENTS_MAX 1000 /* whoever fills a set from outside stops here */

struct ident {
	enum ident_type type;
	char value[IDENT_VALUE]; /* canonical: lower case A-labels, perhaps with "*."; or RFC 5952 / dotted decimal */
};

struct idents {
	struct ident *list; /* owned */
	size_t count;
};

const char *ident_type_name(enum ident_type type);
/* Unknown type: PROBLEM_UNSUPPORTED_IDENTIFIER. Bad value: PROBLEM_MALFORMED; a well-formed but disallowed name (bad IDNA,
 * reserved LDH label): PROBLEM_REJECTED_IDENTIFIER (W9). dns is lower-cased; ip must be canonical. Says nothing of
 * policy: a single label and "*.com" pass. */
bool ident_parse(struct span type, struct span value, struct ident *ret, struct problem *pr) __attribute__((warn_unused_result));
bool ident_is_wildcard(const struct ident *id);
/* The name without "*.". */
const char *ident_base(const struct ident *id);
bool ident_eq(const struct ident *a, const struct ident *b);

void idents_add(struct idents *set, const struct ident *id); /* drops a repeat, keeps the order of first mention (W17) */
bool idents_has(const struct idents *set, const struct ident *id);
bool idents_same(const struct idents *a, const struct idents *b); /* as sets */
void idents_done(struct idents *set);
/* One text per set, whatever its order: SHA-256 of the sorted "type:value\n", base64url, 43 characters. */
#define IDENTS_KEY_TEXT 44
void idents_key(const struct idents *set, char ret[IDENTS_KEY_TEXT]);
/* "dns:a.example,ip:10.0.0.1": how a set is stored, and read back (a stored text is trusted). */
bool idents_write(const struct idents *set, struct buf *out);
bool idents_read(struct span text, struct idents *ret);
#endif
