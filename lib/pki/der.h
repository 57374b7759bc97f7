/* der.h - walking through DER (X.690 section 10) where no type of OpenSSL's fits: extensions with
 * high tags, unknown members, otherNames. Only definite lengths in their shortest form; nothing is
 * copied. Any thread. */
#ifndef PKI_DER_H
#define PKI_DER_H

#include "base/buf.h"

/* Identifier octets of what is read here. */
enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BITS = 0x03,
	DER_OCTETS = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTF8 = 0x0c,
	DER_PRINTABLE = 0x13,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
	DER_CONTEXT =
		0xa0 /* [n] EXPLICIT: constructed; the number in the low bits, or in `number` */
};

struct der {
	unsigned char id; /* first identifier octet; low bits 31 = the tag is in more octets */
	uint32_t number;  /* the tag */
	struct span body;
	struct span whole;
};

/* The next value. False at the end, with rest->n == 0, and on what is not DER, with rest->n != 0.
 */
bool der_next(struct span *rest, struct der *ret);
/* The next value, if its identifier is this single octet. */
bool der_take(struct span *rest, unsigned char id, struct span *ret_body);
/* `in` is exactly one value of this identifier. */
bool der_only(struct span in, unsigned char id, struct span *ret_body);
/* Is there a value of this identifier next? */
bool der_has(struct span rest, unsigned char id);
/* Contents of an INTEGER or ENUMERATED from 0 to `max`. */
bool der_uint(struct span body, uint64_t max, uint64_t *ret);
/* Identifier and length of a value that has n octets, at most 65535. */
bool der_write_head(struct buf *out, unsigned char id, size_t n);
/* An object identifier's contents in dotted decimal; false if malformed or too long. */
bool der_oid_text(struct span body, char *dst, size_t size);
#endif
