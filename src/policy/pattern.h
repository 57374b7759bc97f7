/* pattern.h - one pattern of a rule, read (policy.h says which there are). Inside src/policy. */
#ifndef POLICY_PATTERN_H
#define POLICY_PATTERN_H

#include "base/addr.h"
#include "base/mem.h"
#include "pki/ident.h"

/* The first octet of a key of the compiled policy. */
enum entry_kind {
	ENTRY_ALL = 'a',      /* "*" */
	ENTRY_NAME = 'n',     /* the name itself */
	ENTRY_BELOW = 'b',    /* names and wildcards below */
	ENTRY_COVERING = 'c', /* the wildcard one label above a refused name */
	ENTRY_NET = 'i',
	/* devices; a text begins with the octet of pattern_device_types[] */
	ENTRY_DEVICE = 'd',        /* the value */
	ENTRY_DEVICE_ID = 'e',     /* a refused ID, whatever OID follows */
	ENTRY_DEVICE_PREFIX = 'p', /* how the value begins */
	ENTRY_DEVICE_OF = 'o',     /* OID, '/', and how the value begins */
	/* facts; a text begins with '0' + enum policy_cond */
	ENTRY_FACT = 'f',
	ENTRY_FACT_PREFIX = 'q',
	ENTRY_FACT_BELOW = 'r', /* a name below this one */
};

extern const char pattern_device_types[IDENT__COUNT];

struct pattern {
	enum entry_kind kind;
	struct span text; /* name, octets of a network, or what stands in the hash for a device */
	char lower[IDENT_VALUE];
	struct net net;
	char device[2 * IDENT_VALUE];
	size_t prefix_bytes; /* ENTRY_DEVICE_PREFIX, _OF */
};

/* PROBLEM_MALFORMED. */
bool pattern_parse(const char *text, struct pattern *ret, struct problem *pr) MUST_CHECK;
/* A device as the hash has it, in dst: type, then OID and '/' if there is one, then the value. */
struct span pattern_device_text(char *dst, size_t size, enum ident_type type, struct span oid, struct span value);
/* A network's text in the hash: prefix length, then the octets before it. */
struct span pattern_net_key(const struct addr *a, unsigned bits, char dst[17]);
#endif
