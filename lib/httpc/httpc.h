/* httpc.h - HTTP client on libcurl multi, driven by a loop (the outbound reactor).
 *
 * Contract: httpc_start may be called from any thread and never calls back before it returns;
 * exactly one callback per request, on the loop's thread, with the reply that stays valid until
 * the callback returns (httpc_reply_take keeps it). Redirects are never followed; no cookies, no
 * netrc, no environment proxies, TLS 1.2 at least.
 *
 * A request that is neither GET nor HEAD goes out at most once: a kept connection that its
 * server has closed meanwhile is noticed before anything is sent and replaced; one that dies
 * later ends the request as HTTPC_BROKEN. */
#ifndef HTTPC_HTTPC_H
#define HTTPC_HTTPC_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/problem.h"
#include "loop/loop.h"

struct httpc; /* the client: connection cache, multi handle */

struct httpc_conf {
	const char *user_agent; /* "acmegate/0.1.0 libcurl/7.88.1" is made if NULL */
	/* 0 = no limit. Requests beyond them wait for a free connection (queue_ms). */
	unsigned connections_max; /* in all */
	unsigned per_host_max;
};
/* conf may be NULL. Before the loop starts, or on its thread. Ignores SIGPIPE for the process. */
struct httpc *httpc_new(struct loop *loop, const struct httpc_conf *conf);
/* After the loop has ended and before loop_free: each running request gets its callback,
 * HTTPC_BROKEN, on this thread; they must not start others. */
void httpc_free(struct httpc *h);

#define HTTPC_FIELDS_MAX 4
/* Everything is copied. */
struct httpc_request {
	const char *method;        /* "GET", "HEAD", "POST"; others as they are */
	const char *url;           /* http or https, no user part; the exact octets are used */
	struct span body;
	const char *content_type;  /* NULL = none */
	const char *accept;        /* NULL = "*" "/" "*" */
	const char *authorization; /* "Bearer ...", NULL = none */
	struct { const char *name, *value; } fields[HTTPC_FIELDS_MAX]; /* others; a NULL name ends them */
	/* PEM of trust anchors INSTEAD of the system's, read once an hour; NULL = the system's. */
	const char *ca_file;
	/* "http://host:port"; NULL = none. Not together with `pin`; `reach` judges the proxy. */
	const char *proxy;
	const char *host_header;   /* NULL = from the URL */
	bool tls_no_verify;        /* http-01 redirect targets only (V4) */
	bool fresh;                /* neither reuse nor keep a connection */
	bool http2;                /* may use HTTP/2 with multiplexing */
	msec_t queue_ms;           /* the wait for a free connection; 0 = total_ms */
	/* Names, TCP and TLS handshake, all pins together, from when that begins; 0 = 10 s. */
	msec_t connect_ms;
	msec_t total_ms;           /* from httpc_start to the last octet; 0 = 60 s */
	size_t body_max_bytes;     /* longer: HTTPC_TOO_LARGE; 0 = no body is accepted */
	/* Connect to these addresses, in this order (the next one only if TCP failed), instead
	 * of resolving; port 0 = the URL's. Pinned connections are kept apart from others. */
	const struct addr *pin;
	size_t pin_count;
	/* May we connect there? Judged on the address about to be connected to; NULL = everywhere. Valid until the callback. */
	const struct reach *reach;
};

enum httpc_result {
	HTTPC_OK,            /* a complete HTTP reply of any status */
	HTTPC_DNS,
	HTTPC_DENIED,        /* no address is allowed: nothing was sent */
	/* Bad URL, refused, unreachable, time-out, the proxy's refusal: nothing was sent. */
	HTTPC_CONNECT,
	HTTPC_TLS,           /* handshake or verification: nothing was sent */
	HTTPC_TIMEOUT,       /* the request may have been received */
	HTTPC_TOO_LARGE,     /* head or body; the request was received */
	HTTPC_BROKEN,        /* reset, truncated, bad framing: the request may have been received */
	HTTPC_BUSY           /* no connection was free in time: nothing was sent, nobody was asked */
};
/* The system's PEM file of trust anchors, NULL if libcurl knows none. */
const char *httpc_system_anchors(void);
const char *httpc_result_name(enum httpc_result result);

struct httpc_reply {
	enum httpc_result result;
	char error[128];           /* for our log */
	int status;
	struct buf head;           /* "name: value\n" each, no trailers; at most 64 KiB */
	struct buf body;
	struct addr connected;     /* the server's, or the proxy's; family 0 = not connected */
	msec_t took_ms;
};
/* The n-th field of this name (case-insensitive), from 0; SPAN_NONE if absent. */
struct span httpc_field(const struct httpc_reply *rp, const char *name, unsigned nth);
/* URL of the nth `Link` with this rel (RFC 8288), resolved against base into ret; false if none.
 * Links whose context is another resource (`anchor`) and those that do not resolve do not count. */
bool httpc_link(const struct httpc_reply *rp, const char *rel, unsigned nth, const char *base,
	char *ret, size_t size);
/* Resolve a reference (Location) against a base URL (RFC 3986 section 5), without fragment;
 * false if the result is not http(s), has a user part, or is too long. An absolute reference
 * stays as it is, octet by octet. */
bool httpc_url_resolve(const char *base, struct span reference, char *ret, size_t size);
/* Move a reply out of the callback; `to` is overwritten and then owned by the caller:
 * httpc_reply_done. */
void httpc_reply_take(struct httpc_reply *from, struct httpc_reply *to);
void httpc_reply_done(struct httpc_reply *rp);

typedef void (*httpc_fn)(struct httpc_reply *rp, void *arg);
/* Any thread; see the contract above. */
void httpc_start(struct httpc *h, const struct httpc_request *rq, httpc_fn fn, void *arg);

/* Requests started, connections opened, requests that ended with another result than OK. */
struct httpc_stats {
	uint64_t requests, connections, failed;
};
/* Any thread. */
void httpc_stats(struct httpc *h, struct httpc_stats *ret);
#endif
