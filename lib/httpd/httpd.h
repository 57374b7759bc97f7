/* httpd.h - strict HTTP/1.1 server over TLS 1.2/1.3, plain TCP or a UNIX socket (RFC 9110, 9112).
 *
 * One acceptor thread owns the listening sockets and the counts per address and deals connections to N front threads.
 * One request at a time per connection; a deadline per phase; a framing error answers 400 and closes.
 *
 * Contract: the handler is called on a front thread with the whole request and must not block; exactly one http_reply
 * per request, at once or later, from any thread. The request is valid until http_reply returns. If the peer has gone
 * meanwhile the reply is dropped.
 *
 * Connections over a limit are closed at accept, without a handshake or a reply; on UNIX sockets a user of this machine
 * may have 128. The first request of a connection has head_ms from the (TLS) connection on, the later ones idle_ms to
 * begin and then head_ms. */
#ifndef HTTPD_HTTPD_H
#define HTTPD_HTTPD_H

#include <sys/types.h>

#include <openssl/types.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/problem.h"

struct httpd;
struct httpd_face;
struct httpd_tls; /* a reference-counted server TLS context */

struct http_limits {
	size_t head_max_bytes;    /* request line and fields: 16 KiB */
	size_t target_max_bytes;  /* 4 KiB */
	unsigned fields_max;      /* 64 */
	size_t body_max_bytes;    /* 64 KiB */
	unsigned conns_max;       /* of each face, but those on UNIX sockets: 16384 */
	unsigned conns_per_addr;  /* 512; 0 = no limit; in IPv6 per /64; not for UNIX sockets */
	msec_t handshake_ms, head_ms, body_ms, idle_ms, write_ms; /* 10 s, 10, 20, 120, 30 */
};
extern const struct http_limits http_default_limits;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OPTIONS, HTTP_PUT, HTTP_DELETE, HTTP_PATCH, HTTP_OTHER };

struct http_field {
	struct span name, value; /* value trimmed */
};

struct http_req {
	enum http_method method;
	struct span target;      /* as sent (origin form, or the path of an absolute form) */
	struct span path;        /* before '?', not decoded */
	struct span query;       /* behind '?', SPAN_NONE if none */
	struct http_field *fields;
	size_t field_count;
	struct span body;
	struct addr peer;
	uid_t peer_uid;          /* UNIX sockets (SO_PEERCRED), else (uid_t)-1 */
	gid_t peer_gid;
	uint64_t id;             /* counts up; for logs */
	int64_t started_us;      /* clock_us() when the head was complete */
	void *face_arg;          /* of the face */
};
struct span http_req_field(const struct http_req *rq, const char *name); /* SPAN_NONE if absent */

struct http_reply {
	int status;
	struct buf head; /* further fields, each "Name: value\r\n"; see http_reply_field */
	struct buf body; /* Content-Length is written always but with 204 and 304; HEAD, 204 and 304 without body */
	const char *content_type; /* NULL = none */
	bool close;
};
struct http_reply http_reply_new(int status);
/* Name and value must be ours or checked: CR, LF and NUL in a value drop the field. */
__attribute__((format(printf, 3, 4))) void http_reply_field(struct http_reply *rp, const char *name, const char *fmt, ...);
/* Takes the buffers of *rp. Any thread. */
void http_reply(struct http_req *rq, struct http_reply *rp);

typedef void (*http_handler)(struct http_req *rq, void *arg);
/* Fill a reply to a request the server itself refuses (framing 400, 408, 413, 417, 431): gives the
 * face's error format. rq is NULL before a head was parsed. Front thread. */
typedef void (*http_refusal)(const struct http_req *rq, const struct problem *pr, struct http_reply *rp, void *arg);

/* ---- faces that shake hands and do nothing else (RFC 8737) ----
 *
 * Who offers the face's protocol (ALPN), and no other, for one name (SNI) gets the certificate that the handler has for it, and the
 * connection ends: no octet of data is read or sent. Everybody else gets an alert. TLS 1.2 at least, no resumption. */
struct http_hello; /* a handshake that waits for its certificate */
/* name: lower case, 1 to 253 letters, digits, hyphens, underscores and dots. Front thread, must not block. */
typedef void (*http_hello_fn)(struct http_hello *hello, const char *name, void *arg);
/* Exactly once per hello, at once or later, from any thread. Takes both; NULL = there is none for this name. If the peer has gone
 * meanwhile they are dropped. */
void http_hello_reply(struct http_hello *hello, X509 *cert, EVP_PKEY *key);

struct httpd_face_conf {
	const char *name;          /* "acme", "http01", "admin": for logs */
	const struct addr *listen; /* TCP addresses (port 0: chosen, see httpd_face_port) */
	size_t listen_count;
	const char *unix_path;     /* or a UNIX socket path (mode unix_mode) */
	mode_t unix_mode;
	/* Listening sockets that a service manager has made and holds, in place of those at the same address of the above; taken, also
	 * when that fails. One at another address is refused. When the server stops, who waits in their queues is left to the next. */
	const int *held;
	size_t held_count;
	struct httpd_tls *tls;     /* NULL = plain; a reference is taken */
	http_handler handler;
	http_refusal refusal;      /* NULL = empty body */
	/* Largest body of this request, whose head is known; NULL: the limits' body_max_bytes. Front thread; must not block. */
	size_t (*body_max)(const struct http_req *rq, void *arg);
	void *arg;
	bool wipe;                 /* bodies may hold secrets: they are wiped when they go */
	http_hello_fn hello;       /* instead of handler, refusal and tls */
	const char *protocol;      /* its protocol: "acme-tls/1" */
	unsigned conns_max;        /* fewer than the limits'; 0 = as these say */
};

/* threads: front threads, 1.. */
struct httpd *httpd_new(unsigned threads, const struct http_limits *limits);
bool httpd_face_add(struct httpd *h, const struct httpd_face_conf *conf, struct httpd_face **ret, struct problem *pr) __attribute__((warn_unused_result));
/* Use an already listening socket of our own instead of listen[]. Takes the descriptor, also when it fails. */
bool httpd_face_add_fd(struct httpd *h, const struct httpd_face_conf *conf, int fd, struct httpd_face **ret, struct problem *pr) __attribute__((warn_unused_result));
uint16_t httpd_face_port(const struct httpd_face *face); /* of the first address */
void httpd_start(struct httpd *h);
/* New connections use the new context; running ones keep theirs. Any thread. */
void httpd_face_set_tls(struct httpd_face *face, struct httpd_tls *tls);
/* DER of the certificate that new connections are shown; false if the face has none. Any thread. */
bool httpd_face_cert(struct httpd_face *face, struct buf *ret_der);
void httpd_set_limits(struct httpd *h, const struct http_limits *limits); /* for new connections; any thread */
/* Stop accepting (drain what is queued), let idle connections send one more request for a second, and requests end for at most
 * drain_ms, then close all.
 * Blocks; not on a front thread. */
void httpd_stop(struct httpd *h, msec_t drain_ms);
/* Stops it first if need be. Replies that come later than this are too late: end the handlers' threads before. */
void httpd_free(struct httpd *h);

struct httpd_stats { uint64_t accepted, refused_addr, refused_all, handshakes, handshake_failed, requests, framing_errors, timeouts; uint32_t open; };
void httpd_stats(struct httpd *h, struct httpd_stats *ret); /* any thread */

/* PEM chain and private key files. TLS 1.2 with AEAD+ECDHE suites and 1.3; session tickets with keys of this process
 * shared by all faces and renewed hourly; renegotiation and compression off; ALPN http/1.1. */
bool httpd_tls_load(const char *cert_file, const char *key_file, struct httpd_tls **ret, struct problem *pr) __attribute__((warn_unused_result));
bool httpd_tls_from_pem(struct span cert_pem, struct span key_pem, struct httpd_tls **ret, struct problem *pr) __attribute__((warn_unused_result));
void httpd_tls_ref(struct httpd_tls *tls);
void httpd_tls_unref(struct httpd_tls *tls);
#endif
