/* tlsc.c - see tlsc.h.
 *
 * next address -> TCP connect -> handshake -> the leaf. One event waits for the socket, one timer for the deadlines: that of
 * the TCP connection first, then that of it all. */
#include "tlsc/tlsc.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/mem.h"

/* octets of a peer's chain that are read at most; OpenSSL's own default is more */
#define CHAIN_MAX_BYTES (32 * 1024)

struct shake {
	TAILQ_ENTRY(shake) entry;
	struct tlsc *tlsc;
	struct addr addrs[TLSC_ADDRS_MAX];
	size_t addr_count, next;
	msec_t connect_ms, deadline_ms;
	tlsc_fn fn;
	void *arg;
	int fd;
	bool is_connected, is_too_many;
	struct event *event;
	struct timer *timer;
	SSL *ssl;
	struct tlsc_reply reply;
};
TAILQ_HEAD(shakes, shake);

struct tlsc {
	struct loop *loop;
	SSL_CTX *ctx;
	struct shakes running;
	unsigned count, conns_max;
};

static void
shake_close(struct shake *s)
{
	if (s->event)
		event_free(s->event);
	s->event = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void
shake_free(struct shake *s)
{
	shake_close(s);
	timer_free(s->timer);
	SSL_free(s->ssl);
	free(s);
}

/* The one place where it ends. */
static void
shake_end(struct shake *s, enum tlsc_result result)
{
	unsigned char *der = NULL;
	int n = result == TLSC_OK ? i2d_X509(SSL_get0_peer_certificate(s->ssl), &der) : 0;

	s->reply.result = result;
	s->reply.leaf_der = span_of(der, n > 0 ? (size_t)n : 0);
	TAILQ_REMOVE(&s->tlsc->running, s, entry);
	s->tlsc->count--;
	shake_close(s);
	s->fn(&s->reply, s->arg);
	OPENSSL_free(der);
	shake_free(s);
}

static void
note_fault(struct shake *s, const char *otherwise)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	snprintf(s->reply.fault, sizeof(s->reply.fault), "%s", reason ? reason : otherwise);
	ERR_clear_error();
}

static void on_event(evutil_socket_t fd, short what, void *arg);

/* Wait for this on the socket, once. */
static void
watch(struct shake *s, short what)
{
	if (s->event)
		event_free(s->event);
	s->event = event_new(loop_base(s->tlsc->loop), s->fd, what, on_event, s);
	if (!s->event || event_priority_set(s->event, 0) != 0 || event_add(s->event, NULL) != 0)
		abort();
}

static msec_t
left_ms(const struct shake *s)
{
	msec_t left = s->deadline_ms - clock_ms();

	return left > 0 ? left : 0;
}

/* Our close_notify goes out with the end of the connection: data is not for this protocol (RFC 8737 4). */
static void
shake_done(struct shake *s)
{
	const unsigned char *alpn = NULL;
	unsigned n = 0;

	SSL_get0_alpn_selected(s->ssl, &alpn, &n);
	/* the peer can choose only what was offered */
	if (n < sizeof(s->reply.alpn))
		memcpy(s->reply.alpn, alpn ? (const char *)alpn : "", n);
	SSL_shutdown(s->ssl);
	ERR_clear_error();
	if (SSL_get0_peer_certificate(s->ssl)) {
		shake_end(s, TLSC_OK);
		return;
	}
	note_fault(s, "no certificate was sent");
	shake_end(s, TLSC_TLS);
}

static void
handshake(struct shake *s)
{
	int n;

	ERR_clear_error();
	n = SSL_do_handshake(s->ssl);
	switch (SSL_get_error(s->ssl, n)) {
	case SSL_ERROR_NONE:
		shake_done(s);
		return;
	case SSL_ERROR_WANT_READ:
		watch(s, EV_READ);
		return;
	case SSL_ERROR_WANT_WRITE:
		watch(s, EV_WRITE);
		return;
	default:
		note_fault(s, "the connection ended");
		shake_end(s, TLSC_TLS);
	}
}

static void
on_connected(struct shake *s)
{
	s->is_connected = true;
	timer_set(s->timer, left_ms(s));
	if (SSL_set_fd(s->ssl, s->fd) != 1)
		abort();
	handshake(s);
}

static bool
try_next(struct shake *s)
{
	struct sockaddr_storage ss;
	socklen_t n;

	shake_close(s);
	s->reply.connected = s->addrs[s->next++];
	n = addr_to_sockaddr(&s->reply.connected, &ss);
	s->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || (connect(s->fd, (void *)&ss, n) != 0 && errno != EINPROGRESS))
		return false;
	watch(s, EV_WRITE);
	timer_set(s->timer, s->connect_ms < left_ms(s) ? s->connect_ms : left_ms(s));
	return true;
}

/* The next address that takes a connection, or the end with `result`. */
static void
go_on(struct shake *s, enum tlsc_result result)
{
	while (s->next < s->addr_count && left_ms(s) > 0) {
		if (try_next(s))
			return;
		result = TLSC_CONNECT;
	}
	shake_end(s, result);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct shake *s = arg;
	socklen_t n = sizeof(int);
	int fault = 0;

	(void)what;
	if (s->is_connected)
		handshake(s);
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &n) == 0 && fault == 0)
		on_connected(s);
	else
		go_on(s, TLSC_CONNECT);
}

static void
on_timer(void *arg)
{
	struct shake *s = arg;

	if (s->is_connected)
		shake_end(s, TLSC_TIMEOUT);
	else if (s->is_too_many)
		shake_end(s, TLSC_BUSY);
	else
		go_on(s, s->next == 0 ? TLSC_DENIED : TLSC_TIMEOUT);
}

static SSL *
ssl_of(struct tlsc *tlsc, const struct tlsc_request *rq)
{
	size_t n = strlen(rq->alpn);
	unsigned char wire[TLSC_ALPN_TEXT + 1];
	SSL *ssl = SSL_new(tlsc->ctx);

	if (!ssl || n >= TLSC_ALPN_TEXT)
		abort();
	wire[0] = (unsigned char)n;
	memcpy(wire + 1, rq->alpn, n);
	/* the one call of OpenSSL where 0 is success */
	if (SSL_set_alpn_protos(ssl, wire, (unsigned)n + 1) != 0 || SSL_set_tlsext_host_name(ssl, rq->server_name) != 1)
		abort();
	SSL_set_connect_state(ssl);
	return ssl;
}

void
tlsc_start(struct tlsc *tlsc, const struct tlsc_request *rq, tlsc_fn fn, void *arg)
{
	struct shake *s = xcalloc(1, sizeof(*s));

	s->tlsc = tlsc;
	s->fd = -1;
	s->connect_ms = rq->connect_ms;
	s->deadline_ms = clock_ms() + rq->total_ms;
	s->fn = fn;
	s->arg = arg;
	for (size_t i = 0; i < rq->addr_count && s->addr_count < TLSC_ADDRS_MAX; i++) {
		struct addr addr = rq->addrs[i];

		/* what is connected to is this very address: no name is looked up in between */
		addr.port = rq->port;
		if (reach_allows(rq->reach, &addr))
			s->addrs[s->addr_count++] = addr;
	}
	s->ssl = ssl_of(tlsc, rq);
	s->timer = timer_new(tlsc->loop, on_timer, s);
	s->is_too_many = tlsc->count++ >= tlsc->conns_max;
	TAILQ_INSERT_TAIL(&tlsc->running, s, entry);
	timer_set(s->timer, 0);
}

struct tlsc *
tlsc_new(struct loop *loop, unsigned conns_max)
{
	struct tlsc *tlsc = xcalloc(1, sizeof(*tlsc));

	/* OpenSSL writes to sockets that the other side has closed */
	signal(SIGPIPE, SIG_IGN);
	tlsc->loop = loop;
	tlsc->conns_max = conns_max;
	TAILQ_INIT(&tlsc->running);
	tlsc->ctx = SSL_CTX_new(TLS_client_method());
	/* no finite-field Diffie-Hellman: a hostile peer chooses how much work its group is */
	if (!tlsc->ctx || SSL_CTX_set_min_proto_version(tlsc->ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(tlsc->ctx, "HIGH:!aNULL:!eNULL:!kDHE:!kPSK:!kSRP") != 1)
		abort();
	SSL_CTX_set_verify(tlsc->ctx, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(tlsc->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(tlsc->ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_max_cert_list(tlsc->ctx, CHAIN_MAX_BYTES);
	return tlsc;
}

void
tlsc_free(struct tlsc *tlsc)
{
	struct shake *s;

	if (!tlsc)
		return;
	while ((s = TAILQ_FIRST(&tlsc->running)))
		shake_end(s, TLSC_TIMEOUT);
	SSL_CTX_free(tlsc->ctx);
	free(tlsc);
}
