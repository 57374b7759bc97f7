/* conn.c - the life of one connection: see enum conn_phase in server.h.
 *
 * handshake -> idle -> head -> body -> handler -> write -> idle ... -> linger -> closed. Each phase
 * has one deadline for the whole of it, so a peer that sends an octet now and then gains nothing.
 * Nothing is read while a request is at the handler or a reply on its way: the next pipelined
 * request waits in the kernel. */
#include "httpd/server.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <openssl/err.h>
#include <utlist.h>

#include "base/log.h"
#include "base/mem.h"
#include "httpd/tls.h"

/* How long a peer may take to see our last reply before its unread octets make the kernel reset
 * it. */
#define LINGER_MS 2000
/* And how much it may send meanwhile: who goes on longer has not been reading. */
#define LINGER_MAX_BYTES (1024 * 1024)
/* A connection without a request when the server stops: time for one that is just arriving. Closed at once it would be lost, for its
 * client cannot know whether it was heard. */
#define LAST_CALL_MS 1000

static msec_t
phase_ms(const struct conn *c, enum conn_phase phase)
{
	switch (phase) {
	case CONN_HANDSHAKE:
		return c->limits.handshake_ms;
	case CONN_IDLE:
		if (c->front->stopping)
			return LAST_CALL_MS;
		return c->served ? c->limits.idle_ms : c->limits.head_ms;
	case CONN_HEAD:
		return c->limits.head_ms;
	case CONN_BODY:
		return c->limits.body_ms;
	case CONN_WRITE:
		return c->limits.write_ms;
	case CONN_LINGER:
		return LINGER_MS;
	case CONN_HANDLER:
	case CONN_CLOSED:
		break;
	}
	return -1;
}

void
conn_phase_set(struct conn *c, enum conn_phase phase)
{
	msec_t ms = phase_ms(c, phase);

	c->phase = phase;
	if (ms < 0)
		timer_stop(c->deadline);
	else
		timer_set(c->deadline, ms);
}

void
conn_strip(struct conn *c)
{
	request_free(c->request);
	c->request = NULL;
	shake_free(c);
	timer_free(c->deadline);
	c->deadline = NULL;
}

/* What belongs to the front goes here; the acceptor frees the rest. */
static void
give_back(void *arg)
{
	struct conn *c = arg;

	DL_DELETE(c->front->conns, c);
	conn_strip(c);
	loop_post(c->front->httpd->acceptor, acceptor_take_back, c);
}

static void
goodbye(struct conn *c)
{
	if (c->ssl && !c->broken && c->phase != CONN_HANDSHAKE && c->phase != CONN_LINGER)
		tls_goodbye(c->ssl);
}

void
conn_close(struct conn *c)
{
	if (c->phase == CONN_CLOSED)
		return;
	goodbye(c);
	conn_phase_set(c, CONN_CLOSED);
	if (c->drop)
		event_free(c->drop);
	c->drop = NULL;
	if (c->bev)
		bufferevent_free(c->bev);
	else
		shake_close(c);
	c->bev = NULL;
	c->ssl = NULL;
	c->fd = -1;
	httpd_count_close(c->face);
	if (!c->held)
		loop_defer(c->front->loop, give_back, c);
}

void
conn_let_go(struct conn *c)
{
	loop_defer(c->front->loop, give_back, c);
}

void
conn_wind_up(struct conn *c)
{
	if (c->phase == CONN_IDLE)
		conn_phase_set(c, CONN_IDLE);
}

static void
on_drop(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	char scratch[16 * 1024];
	ssize_t n = recv(fd, scratch, sizeof(scratch), 0);

	(void)what;
	c->dropped += n > 0 ? (size_t)n : 0;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) || c->dropped > LINGER_MAX_BYTES)
		conn_close(c);
}

/* Closing a socket with unread octets resets it, and the peer may lose the reply that it has not
 * read yet. So say that nothing more will come, and drop what arrives until the peer closes or the
 * time is up (RFC 9112 9.6). */
static void
linger(struct conn *c)
{
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	goodbye(c);
	if (shutdown(c->fd, SHUT_WR) != 0) {
		conn_close(c);
		return;
	}
	conn_phase_set(c, CONN_LINGER);
	c->drop = event_new(loop_base(c->front->loop), c->fd, EV_READ | EV_PERSIST, on_drop, c);
	event_add(c->drop, NULL);
}

static void
on_deadline(void *arg)
{
	struct conn *c = arg;
	struct problem pr = { 0 };

	if (c->phase != CONN_LINGER && !(c->phase == CONN_IDLE && c->served))
		atomic_fetch_add(&c->front->httpd->timeouts, 1);
	if (c->phase != CONN_HEAD && c->phase != CONN_BODY) {
		/* a half-written record cannot be followed by an alert */
		c->broken = c->broken || c->phase == CONN_WRITE;
		conn_close(c);
		return;
	}
	problem_set(&pr, PROBLEM_REQUEST_TIMEOUT, "the request did not arrive in time");
	conn_refuse(c, &pr);
}

static void
on_readable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	conn_input(arg);
}

void
conn_replied(struct conn *c)
{
	/* a reply that has not said so does not end it, even if the server stops by now */
	if (c->last) {
		linger(c);
		return;
	}
	c->served = true;
	conn_phase_set(c, CONN_IDLE);
	bufferevent_enable(c->bev, EV_READ);
	/* what was pipelined is taken by whoever takes it now, not deeper and deeper on the stack */
	if (!c->eating)
		conn_input(c);
}

static void
on_drained(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	/* it also comes for "100 Continue", late */
	if (c->phase == CONN_WRITE && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		conn_replied(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;
	struct httpd *h = c->front->httpd;
	unsigned long error;

	if (what & BEV_EVENT_CONNECTED) {
		atomic_fetch_add(&h->handshakes, 1);
		conn_phase_set(c, CONN_IDLE);
		return;
	}
	if (c->ssl && (error = bufferevent_get_openssl_error(bev))) {
		char text[160];

		ERR_error_string_n(error, text, sizeof(text));
		log_debug("httpd_tls", LS("face", c->face->name), LS("error", text));
	}
	ERR_clear_error();
	if (c->phase == CONN_HANDSHAKE)
		atomic_fetch_add(&h->handshake_failed, 1);
	c->broken = c->broken || (what & BEV_EVENT_ERROR);
	conn_close(c);
}

/* One bufferevent whatever is below. It owns the socket, and the TLS session if there is one. */
static bool
attach(struct conn *c)
{
	struct event_base *base = loop_base(c->front->loop);
	struct httpd_tls *tls = face_tls(c->face);

	if (!tls) {
		c->bev = bufferevent_socket_new(base, c->fd, BEV_OPT_CLOSE_ON_FREE);
		return c->bev != NULL;
	}
	c->ssl = tls_session_new(tls);
	httpd_tls_unref(tls);
	if (!c->ssl)
		return false;
	c->bev = bufferevent_openssl_socket_new(
		base, c->fd, c->ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev) {
		SSL_free(c->ssl);
		c->ssl = NULL;
		return false;
	}
	/* every body says its length, so a peer that drops the line cannot cut one short */
	bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	return true;
}

void
conn_start(void *arg)
{
	struct conn *c = arg;

	DL_APPEND(c->front->conns, c);
	c->deadline = timer_new(c->front->loop, on_deadline, c);
	if (c->face->hello) {
		shake_start(c);
		return;
	}
	if (!attach(c)) {
		close(c->fd);
		conn_close(c);
		return;
	}
	bufferevent_setcb(c->bev, on_readable, on_drained, on_event, c);
	conn_phase_set(c, c->ssl ? CONN_HANDSHAKE : CONN_IDLE);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}
