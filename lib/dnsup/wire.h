/* wire.h - names and integers of DNS messages (RFC 1035 3.1, 4.1). Pure; any thread. */
#ifndef DNSUP_WIRE_H
#define DNSUP_WIRE_H

#include "base/buf.h"

#define WIRE_NAME_MAX 255 /* octets, the root's among them */

/* A name in the canonical form of RFC 4034 6.2: lower case, not compressed. */
struct wire_name {
	unsigned char octet[WIRE_NAME_MAX];
	size_t n;
};
/* Of text, with or without the final dot: letters, digits, hyphens and underscores in labels of 63 octets at most. */
bool wire_name_parse(struct span text, struct wire_name *ret) MUST_CHECK;
bool wire_name_eq(const struct wire_name *a, const struct wire_name *b);
bool wire_name_add(struct buf *out, const struct wire_name *name);

/* Append in network order. */
void wire_add_u8(struct buf *out, unsigned v);
void wire_add_u16(struct buf *out, unsigned v);
void wire_add_u32(struct buf *out, uint32_t v);
/* 48 bits. */
void wire_add_u48(struct buf *out, int64_t v);
/* The 16 bits at `at`, which are there already. */
void wire_put_u16(struct buf *out, size_t at, unsigned v);

/* Reads straight through, and is asked once at the end whether all was there. */
struct wire_reader {
	struct span message;
	size_t at;
	bool failed;
};
unsigned wire_u8(struct wire_reader *r);
unsigned wire_u16(struct wire_reader *r);
uint32_t wire_u32(struct wire_reader *r);
int64_t wire_u48(struct wire_reader *r);
struct span wire_octets(struct wire_reader *r, size_t n);
/* Compressed or not; pointers lead backwards only (4.1.4). */
void wire_name(struct wire_reader *r, struct wire_name *ret);
#endif
