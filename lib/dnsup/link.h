/* link.h - a TCP connection to a DNS server, made when there is something to send and kept a while for the next message (RFC 7766).
 * The loop's thread. */
#ifndef DNSUP_LINK_H
#define DNSUP_LINK_H

#include "base/addr.h"
#include "base/buf.h"
#include "loop/loop.h"

struct link;

#define LINK_ADDRS_MAX 16
#define LINK_IDLE_MS 20000 /* then it is closed */
/* Tried in this order until one connects; each with its port; at most LINK_ADDRS_MAX, copied. */
struct link *link_new(struct loop *loop, const struct addr *addrs, size_t count);
/* No callback after it; also from within one, and after the loop has ended. NULL is fine. */
void link_free(struct link *link);

enum link_result {
	LINK_OK,
	LINK_CONNECT, /* no TCP connection: nothing was sent */
	LINK_TIMEOUT, /* connected, and no whole reply in time */
	LINK_CLOSED   /* the connection ended before one */
};
/* Once, never before link_send returns; the reply is valid until it returns. */
typedef void (*link_fn)(enum link_result result, struct span reply, void *arg);
/* One at a time. The message (copied) is sent again on a new connection if one that was kept turns out to be closed: the sender must
 * not mind that it may have arrived. */
void link_send(struct link *link, struct span message, msec_t timeout_ms, link_fn fn, void *arg);
/* Connections made so far. */
unsigned link_connections(const struct link *link);
#endif
