/* httpc.h - HTTP client on libcurl multi, driven by a loop (the outbound reactor).
 *
 * Contract: httpc_start may be called from any thread and never calls back before it returns; exactly one callback per
 * request, on the loop's thread, with the reply that stays valid until the callback returns (httpc_reply_take keeps it).
 * Redirects are never followed; no cookies, no netrc, no environment proxies. */
#ifndef HTTPC_HTTPC_H
#define HTTPC_HTTPC_H

#include "base/addr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/problem.h"
#include "loop/loop.h"

struct httpc;       /* the client: connection cache, multi handle */
struct httpc_trust; /* trust anchors, shared, reference counted: see httpc_trust_load */

struct httpc_conf {
	const char *user_agent;    /* "acmegate/0.1.0 libcurl/7.88.1" is made if NULL */
	unsigned connections_max;  /* in all */
	unsigned per_host_max;
};
struct httpc *httpc_new(struct loop *loop, const struct httpc_conf *conf);
void httpc_free(struct httpc *h); /* after the loop has ended: running transfers are dropped with a callback before */

/* NULL ca_file = the system's store; otherwise the file's certificates INSTEAD of it, or in addition if with_system. */
struct httpc_request {
	const char *method;        /* "GET", "HEAD", "POST" */
	const char *url;           /* the exact octets are used; copied */
	struct span body;          /* copied */
	const char *content_type;  /* NULL = none */
	const char *accept;        /* NULL = "*" "/" "*" */
	const char *ca_file;       /* PEM of trust anchors; NULL = system */
	const char *proxy;         /* "http://host:port", NULL = none */
	const char *host_header;   /* NULL = from the URL */
	bool tls_no_verify;        /* http-01 redirect targets only (validation.md 2) */
	bool fresh;                /* neither reuse nor keep a connection */
	bool http2;                /* may use HTTP/2 with multiplexing */
	msec_t connect_ms;         /* 10 s */
	msec_t total_ms;           /* 60 s, our own deadline */
	size_t body_max_bytes;     /* longer: HTTPC_TOO_LARGE */
	const struct addr *pin;    /* connect to these addresses, in this order, instead of resolving; copied */
	size_t pin_count;
	/* May we connect there? Judged on the address about to be connected to; NULL = everywhere. Copied. */
	const struct net *allow;
	size_t allow_count;
	bool allow_check;          /* use `allow` even when it is empty */
};

enum httpc_result {
	HTTPC_OK,            /* a complete HTTP reply of any status */
	HTTPC_DNS,
	HTTPC_DENIED,        /* the address is not allowed */
	HTTPC_CONNECT,       /* refused, unreachable, connect time-out: nothing was sent */
	HTTPC_TLS,           /* handshake or verification: nothing was sent */
	HTTPC_TIMEOUT,       /* the request may have been received */
	HTTPC_TOO_LARGE,
	HTTPC_BROKEN         /* reset, truncated, bad framing: the request may have been received */
};
const char *httpc_result_name(enum httpc_result result);

struct httpc_reply {
	enum httpc_result result;
	char error[128];           /* for our log */
	int status;
	struct buf head;           /* fields as received, "name: value\n" each; at most 64 KiB */
	struct buf body;
	struct addr connected;     /* family 0 = not connected */
	msec_t took_ms;
};
/* First field of this name (case-insensitive); SPAN_NONE if absent. The n-th: start at 0. */
struct span httpc_field(const struct httpc_reply *rp, const char *name, unsigned nth);
/* URL of the nth `Link` with this rel (RFC 8288), resolved against base into ret; false if none. */
bool httpc_link(const struct httpc_reply *rp, const char *rel, unsigned nth, const char *base, char *ret, size_t size);
/* Resolve a reference (Location) against a base URL (RFC 3986 section 5); false if not http(s) or too long. */
bool httpc_url_resolve(const char *base, struct span reference, char *ret, size_t size);
void httpc_reply_take(struct httpc_reply *from, struct httpc_reply *to);
void httpc_reply_done(struct httpc_reply *rp);

typedef void (*httpc_fn)(struct httpc_reply *rp, void *arg);
void httpc_start(struct httpc *h, const struct httpc_request *rq, httpc_fn fn, void *arg);

struct httpc_stats { uint64_t requests, connections, failed; };
void httpc_stats(struct httpc *h, struct httpc_stats *ret);
#endif
