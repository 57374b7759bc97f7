/* certid.h - names of certificates as people and RFC 9773 write them: certIDs and serial numbers. Pure; any thread. */
#ifndef PKI_CERTID_H
#define PKI_CERTID_H

#include <stdint.h>

#include "base/problem.h"
#include "base/span.h"

#define SERIAL_MAX 21  /* content octets of the DER INTEGER: 20 (RFC 5280 4.1.2.2) and the one that says "positive" */
#define SERIAL_TEXT 43 /* those in lower-case hex, and NUL */
#define KEYID_MAX 64   /* octets of an AKI's keyIdentifier; more is nothing that anyone hashes */
#define CERTID_TEXT 128

struct certid {
	char text[CERTID_TEXT];   /* canonical: the one form we write and keep */
	char bare[CERTID_TEXT];   /* without the 00, as R3 has it; the same if there is none */
	char serial[SERIAL_TEXT]; /* as struct cert has it */
	unsigned char octets[SERIAL_MAX]; /* the same, of the INTEGER */
	uint8_t octet_count;
	uint8_t keyid_chars;      /* of text, before its dot */
};

/* b64url(keyIdentifier) '.' b64url(content octets of the serial's INTEGER), RFC 9773 4.1. False: one of them is empty or too
 * long. */
bool certid_write(struct span keyid, struct span serial, char ret[CERTID_TEXT]);
/* Strict: one dot, base64url without padding, an INTEGER in its shortest form. The one liberty is R3: a serial without the 00
 * that makes it positive is taken, and ret->text has it. Else PROBLEM_MALFORMED, and *ret is untouched. */
bool certid_parse(struct span text, struct certid *ret, struct problem *pr) __attribute__((warn_unused_result));
/* A serial number as tools print it: hex of either case, with colons between octets or without, with or without leading
 * zeros. False: it is none. */
bool serial_parse(struct span text, char ret[SERIAL_TEXT]) __attribute__((warn_unused_result));
#endif
