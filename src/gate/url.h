/* url.h - the parts of an http(s) URL that an operator wrote (RFC 3986), strictly. Pure; any
 * thread. */
#ifndef GATE_URL_H
#define GATE_URL_H

#include "base/problem.h"
#include "base/span.h"

/* Borrows from the text it was parsed from. */
struct url {
	bool https;
	struct span host;  /* without the brackets of an IPv6 address */
	uint16_t port;     /* the scheme's own if none was given */
	struct span path;  /* "" or "/..." */
	struct span query; /* behind '?'; SPAN_NONE if there is none */
};

/* Refused: other schemes, user information, fragments, octets that RFC 3986 does not allow, bad
 * hosts and ports. */
bool url_parse(struct span text, struct url *ret, struct problem *pr)
	__attribute__((warn_unused_result));
/* "localhost", 127.0.0.0/8 or ::1: what may be spoken to without TLS. */
bool url_is_loopback(const struct url *url);
#endif
