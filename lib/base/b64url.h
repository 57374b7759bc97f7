/* b64url.h - base64url without padding (RFC 7515 section 2), strict: one text for one value. Any thread. */
#ifndef BASE_B64URL_H
#define BASE_B64URL_H

#include "base/buf.h"
#include "base/span.h"

#define B64URL_LEN(n) (((n) * 4 + 2) / 3)

/* Write n octets as text with a final NUL: dst holds B64URL_LEN(n) + 1. Returns the length. */
size_t b64url_write(char *dst, const void *p, size_t n);
bool b64url_add(struct buf *b, const void *p, size_t n);
/* Decode all of s onto the end of b. False (b->failed untouched) on any octet outside the alphabet, `=`,
 * length = 1 mod 4 or non-zero unused bits; false with b->failed when b is full. */
bool b64url_read(struct span s, struct buf *b);
/* Decode into a fixed array; false unless exactly n octets come out. */
bool b64url_read_exact(struct span s, void *dst, size_t n);
/* Standard base64, padding and white space tolerated: for configuration only, never for the wire. */
bool b64_read_lenient(struct span s, struct buf *b);
/* Only characters of the base64url alphabet (may be empty)? */
bool b64url_is_alphabet(struct span s);
#endif
