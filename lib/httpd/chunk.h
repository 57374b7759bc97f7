/* chunk.h - the chunked transfer coding, read strictly and piece by piece (RFC 9112 section 7.1).
 *
 * Pure: no I/O, no allocation. Refused: chunk extensions, trailers, blanks, bare LF, sizes of more
 * than 16 digits. */
#ifndef HTTPD_CHUNK_H
#define HTTPD_CHUNK_H

#include "base/span.h"

enum http_chunk_result {
	HTTP_CHUNK_MORE,      /* all of the input is eaten */
	HTTP_CHUNK_DATA,      /* a piece of the body */
	HTTP_CHUNK_DONE,      /* the body has ended; the rest of the input is the next request's */
	HTTP_CHUNK_BAD,       /* for good */
	HTTP_CHUNK_TOO_LARGE, /* for good; known when the size is announced */
};

struct http_chunk {
	int state;
	unsigned digits;
	uint64_t left; /* octets to come in this chunk */
	uint64_t room; /* octets that the following chunks may have */
};

/* Begin a body of at most that many octets. */
void http_chunk_init(struct http_chunk *chunk, uint64_t body_max_bytes);
/* Eat from the front of *in until there is something to say; call again while it says
 * HTTP_CHUNK_DATA. */
enum http_chunk_result http_chunk_next(
	struct http_chunk *chunk, struct span *in, struct span *ret_data);
#endif
