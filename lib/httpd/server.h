/* server.h - what the files of this room share: the server, its fronts and its connections.
 *
 * A connection is made by the acceptor, belongs to its front while it lives, and comes back to the
 * acceptor, which counts it off and frees it. Two letters a connection, and no lock on the way of a
 * request. */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <uthash.h>

#include "httpd/chunk.h"
#include "httpd/head.h"
#include "httpd/httpd.h"
#include "loop/loop.h"

struct bufferevent;
struct event;

#define LISTEN_BACKLOG 1024

struct listener {
	struct httpd_face *face;
	int fd;
	bool held;           /* the socket outlives us: what is queued there is for the next process */
	struct event *ready; /* acceptor; NULL before the start */
};

struct httpd_face {
	struct httpd *httpd;
	struct httpd_face *next;
	struct listener *listeners;
	size_t listener_count;
	uint16_t port;
	char *name, *unix_path; /* unix_path: NULL unless we made the socket */
	struct httpd_tls *tls; /* under httpd->lock */
	uint32_t open;         /* likewise */
	http_handler handler;
	size_t (*body_max)(const struct http_req *rq, void *arg);
	http_refusal refusal;
	bool wipe;
	void *arg;
	http_hello_fn hello; /* NULL unless it only shakes hands; then: */
	char *protocol;
	SSL_CTX *hello_ctx;
	unsigned conns_max;  /* 0 = that of the limits */
};

/* A front thread. It owns its connections. */
struct front {
	struct loop *loop;
	struct httpd *httpd;
	struct conn *conns; /* utlist; until they are given back */
	bool stopping;
	int64_t date_unix_s; /* of `date` */
	char date[32];
	unsigned dealt; /* acceptor only: connections that are here */
};

/* Open connections of one address, or of one user of this machine; acceptor only. */
#define SOURCE_KEY 9
struct source {
	unsigned char key[SOURCE_KEY]; /* family, then octets of the address or the user's id */
	unsigned count;
	UT_hash_handle hh;
};

struct httpd {
	struct loop *acceptor;
	struct timer *accept_pause;
	msec_t warned_ms; /* acceptor: of being out of descriptors */
	struct source *sources;
	struct front *fronts;
	unsigned front_count;
	struct httpd_face *faces;
	bool started, stopped;

	pthread_mutex_t lock;
	pthread_cond_t changed;    /* open or fronts_closed; CLOCK_MONOTONIC */
	struct http_limits limits; /* under lock, as are the next four */
	uint32_t open;
	bool accepting;
	unsigned fronts_closed;

	_Atomic(uint64_t) accepted, refused_addr, refused_all, handshakes, handshake_failed;
	_Atomic(uint64_t) requests, framing_errors, timeouts, next_id;
};

enum conn_phase {
	CONN_HANDSHAKE,
	CONN_IDLE,    /* no octet of a request yet */
	CONN_HEAD,
	CONN_BODY,
	CONN_HANDLER, /* the handler has the request; nothing is read */
	CONN_WRITE,
	CONN_LINGER,  /* all said; what the peer still sends is dropped */
	CONN_CLOSED,
};

/* Lives from the whole head to the reply; freed then, so that an idle connection is small. */
struct request {
	struct http_req rq; /* first: http_reply goes from here to the request */
	struct conn *conn;
	struct http_head head;
	struct http_chunk chunk;
	struct buf text; /* the head's octets */
	struct buf body;
	size_t body_max;
	struct http_reply reply; /* on its way from another thread */
	struct http_field fields[];
};

struct conn {
	struct conn *prev, *next;
	struct front *front;
	struct httpd_face *face;
	struct http_limits limits; /* as they were when it was accepted */
	struct addr peer;
	uid_t peer_uid;
	gid_t peer_gid;
	int fd; /* closed by bev, or with the hello */
	enum conn_phase phase;
	bool served; /* a request was answered: idle_ms, not head_ms, until the next begins */
	bool last;   /* close after this reply */
	bool broken; /* no TLS alert can be sent any more */
	bool eating; /* conn_input is at work, and goes on by itself */
	bool held;   /* the handler has the request: the memory stays though the peer may go */
	bool blank_seen; /* the one empty line that may precede a request line (RFC 9112 2.2) */
	SSL *ssl; /* owned by bev; NULL = plain */
	struct bufferevent *bev;
	struct timer *deadline;
	struct event *drop; /* lingering */
	size_t dropped;     /* octets */
	struct http_scan scan;
	struct request *request;
	struct http_hello *hello; /* instead of bev: the face only shakes hands */
};

/* conn.c; on the connection's front thread */
void conn_start(void *arg); /* a letter from the acceptor; arg: struct conn */
void conn_phase_set(struct conn *c, enum conn_phase phase);
void conn_close(struct conn *c);
/* The reply is with the kernel: on to the next request, or the end. */
void conn_replied(struct conn *c);
/* The front is to stop: idle ones go, the others get their reply first. */
void conn_wind_up(struct conn *c);
/* After the reply to a held request: let go of a connection that was closed meanwhile. */
void conn_let_go(struct conn *c);
/* Free what hangs on it but the socket. */
void conn_strip(struct conn *c);

/* request.c; on the connection's front thread */
/* Eat what has come in until a request is whole or nothing is left. */
void conn_input(struct conn *c);
/* Answer through the face's refusal callback, then close. */
void conn_refuse(struct conn *c, const struct problem *pr);
void request_free(struct request *r);

/* reply.c; on the connection's front thread */
void conn_reply(struct conn *c, struct http_reply *rp);

/* accept.c */
bool face_listen(struct httpd_face *face, const struct httpd_face_conf *conf, struct problem *pr);
bool face_listen_fd(struct httpd_face *face, int fd, struct problem *pr);
void face_close(struct httpd_face *face); /* listeners and UNIX path */
/* By what connections are counted together. */
void source_key(const struct addr *peer, uid_t uid, unsigned char key[SOURCE_KEY]);
/* Letters to the acceptor. */
void acceptor_start(void *arg);   /* arg: struct httpd */
void acceptor_stop(void *arg);    /* arg: struct httpd; takes what is queued at our own sockets, then closes */
void acceptor_take_back(void *arg); /* arg: struct conn, closed */

/* shake.c; on the connection's front thread */
bool face_shakes(struct httpd_face *face, const char *protocol); /* make its context; false without memory */
void shake_start(struct conn *c);
void shake_close(struct conn *c); /* the socket and its session */
void shake_free(struct conn *c);  /* and what is left */

/* server.c */
void httpd_count_close(struct httpd_face *face);
struct httpd_tls *face_tls(struct httpd_face *face); /* a reference; NULL = plain */
void front_stop(void *arg); /* a letter; arg: struct front */
#endif
