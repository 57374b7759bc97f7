/* tlsc.h - a TLS client that shakes hands, looks at the peer's certificate and leaves: no octet of data is sent or read.
 * Nothing is verified: that is the caller's affair. */
#ifndef TLSC_TLSC_H
#define TLSC_TLSC_H

#include "base/addr.h"
#include "loop/loop.h"

struct tlsc;

/* conns_max: handshakes at a time. Ignores SIGPIPE for the process. */
struct tlsc *tlsc_new(struct loop *loop, unsigned conns_max);
/* After the loop has ended and before loop_free: who still waits is called back on this thread with TLSC_TIMEOUT. */
void tlsc_free(struct tlsc *tlsc);

#define TLSC_ADDRS_MAX 16
#define TLSC_ALPN_TEXT 32
struct tlsc_request { /* copied */
	const struct addr *addrs; /* tried in this order until TCP connects; at most TLSC_ADDRS_MAX; without port */
	size_t addr_count;
	uint16_t port;
	const struct reach *reach; /* where we may connect; others are passed over */
	const char *server_name;  /* SNI */
	const char *alpn;         /* the one protocol offered, at most TLSC_ALPN_TEXT - 1 */
	msec_t connect_ms;        /* TCP, each address */
	msec_t total_ms;
};

enum tlsc_result {
	TLSC_OK,
	TLSC_DENIED,  /* no address where we may connect */
	TLSC_BUSY,    /* conns_max are under way; nothing was tried */
	TLSC_CONNECT, /* no TCP connection */
	TLSC_TIMEOUT, /* of the last TCP connection or of it all */
	TLSC_TLS      /* the handshake failed, or the connection ended in it */
};

struct tlsc_reply {
	enum tlsc_result result;
	struct addr connected;     /* last address tried; family 0 = none */
	char alpn[TLSC_ALPN_TEXT]; /* what the peer chose, "" = nothing */
	struct span leaf_der;      /* TLSC_OK: the peer's certificate; of the rest of its chain nothing is told */
	char fault[128];           /* TLSC_TLS: what OpenSSL says */
};
/* Loop's thread, once; valid until it returns. */
typedef void (*tlsc_fn)(const struct tlsc_reply *reply, void *arg);

/* Loop's thread; never calls back before it returns. TLS 1.2 at least, no resumption, no client certificate. */
void tlsc_start(struct tlsc *tlsc, const struct tlsc_request *request, tlsc_fn fn, void *arg);
#endif
