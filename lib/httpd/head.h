/* head.h - the head of an HTTP/1 request: one span in, one struct out (RFC 9112 sections 2-6).
 *
 * Pure: no I/O, no allocation, spans of the result borrow from the text. Strict: lines end in CRLF,
 * no folding, no control octets, no blank before a colon, one Host, one way to say the body's
 * length. What is doubtful is refused, because two readers that disagree about a message are how
 * requests get smuggled. */
#ifndef HTTPD_HEAD_H
#define HTTPD_HEAD_H

#include "httpd/httpd.h"

struct http_head {
	enum http_method method;
	unsigned minor; /* HTTP/1.minor: 0 or 1 */
	struct span target, path, query; /* as in struct http_req */
	struct span host;                /* SPAN_NONE: HTTP/1.0 without Host */
	struct http_field *fields;
	size_t field_count;
	bool close;           /* HTTP/1.0, or `Connection: close` */
	bool chunked;
	bool expect_continue; /* wants 100 before it sends the body */
	uint64_t length;      /* Content-Length; 0 without, UINT64_MAX when it does not fit */
};

/* Where the search for the end of a head has come to; all zero at the start. */
struct http_scan {
	size_t at;      /* octets looked at; when done, the length of the head, empty line included */
	size_t line;    /* where the current line begins */
	unsigned lines; /* whole lines so far: the request line and the fields */
};

/* Look at what is new in `text`, which begins as it did last time. False: no head of ours will come
 * out of this (a bare CR or LF, a control octet, not HTTP/1.x), known as soon as it is there. */
MUST_CHECK bool http_head_scan(
	struct http_scan *scan, struct span text, bool *ret_done, struct problem *pr);
/* `text` is a whole head with its empty line. `fields` has room for every field line, at most
 * limits->fields_max. Problem: malformed, HEADERS_TOO_LARGE (too many fields) or EXPECTATION. Does
 * not look at head_max_bytes and body_max_bytes. */
MUST_CHECK bool http_head_parse(struct span text, const struct http_limits *limits,
	struct http_field *fields, struct http_head *ret, struct problem *pr);
#endif
