/* server.c - see server.h.
 *
 * A connection reads its frame's length, then the frame into memory made once for it, answers, and
 * reads on only when the whole reply is out: so it holds at most one request and one reply. All
 * that a request brought is wiped. */
#include "keeper/server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "keeper/ops.h"

#define BATCH 16

struct conn {
	int fd; /* -1 = closed */
	unsigned char head[PROTO_HEAD];
	size_t head_n;
	size_t want; /* octets of the frame */
	struct buf in;
	struct buf out;
	size_t sent;  /* octets of out */
	bool blocked; /* waits for room to send */
};

struct server {
	struct vault *vault;
	int epoll;
	struct conn *conns;
};

static void
conn_close(struct conn *c)
{
	close(c->fd); /* epoll forgets it */
	c->fd = -1;
	buf_wipe(&c->in);
	buf_done(&c->out);
}

static void
conn_block(struct server *s, struct conn *c, bool blocked)
{
	struct epoll_event ev = { .events = blocked ? EPOLLOUT : EPOLLIN, .data.ptr = c };

	if (c->blocked != blocked)
		epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev);
	c->blocked = blocked;
}

/* Send what is left of the reply; the connection reads again once all is out. */
static void
conn_flush(struct server *s, struct conn *c)
{
	while (c->sent < c->out.n) {
		ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);

		if (n > 0) {
			c->sent += (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			conn_block(s, c, true);
			return;
		} else if (n == 0 || errno != EINTR) {
			conn_close(c);
			return;
		}
	}
	buf_done(&c->out);
	c->sent = 0;
	conn_block(s, c, false);
}

static void
conn_refuse(struct server *s, struct conn *c, const char *why)
{
	log_warning("keeper_request_malformed", LI("connection", c - s->conns), LS("why", why));
	conn_close(c);
}

static void
conn_answer(struct server *s, struct conn *c)
{
	struct proto_request rq;
	struct problem pr = { 0 };

	if (!proto_request_read(buf_span(&c->in), &rq, &pr)) {
		conn_refuse(s, c, pr.detail);
		return;
	}
	ops_answer(s->vault, &rq, &c->out);
	buf_wipe(&c->in);
	c->head_n = 0;
	conn_flush(s, c);
}

/* One piece of what we wait for: false when there is no more now (or ever: then the connection is
 * closed). */
static bool
conn_read(struct conn *c, void *dst, size_t n, size_t *have)
{
	ssize_t got = recv(c->fd, (char *)dst + *have, n - *have, 0);

	if (got > 0)
		*have += (size_t)got;
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		conn_close(c);
	return got > 0;
}

static void
conn_readable(struct server *s, struct conn *c)
{
	if (c->head_n < PROTO_HEAD) {
		if (!conn_read(c, c->head, PROTO_HEAD, &c->head_n) || c->head_n < PROTO_HEAD)
			return;
		c->want = proto_length(c->head);
		if (c->want == 0 || !buf_reserve(&c->in, c->want)) {
			conn_refuse(s, c, "impossible length");
			return;
		}
	}
	while (c->in.n < c->want && conn_read(c, c->in.p, c->want, &c->in.n))
		;
	if (c->fd >= 0 && c->in.n == c->want)
		conn_answer(s, c);
}

static bool
watch(struct server *s, int fd, void *ptr)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = ptr };

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

/* False when life is at its end. */
static bool
turn(struct server *s)
{
	struct epoll_event ev[BATCH];
	int n = epoll_wait(s->epoll, ev, BATCH, -1);

	for (int i = 0; i < n; i++) {
		struct conn *c = ev[i].data.ptr;

		if (!c)
			return false;
		if (c->fd < 0)
			continue;
		if (c->out.n)
			conn_flush(s, c);
		else
			conn_readable(s, c);
	}
	return n >= 0 || errno == EINTR;
}

void
server_run(struct vault *v, int life, const int *fds, size_t count)
{
	struct server s = { .vault = v, .epoll = epoll_create1(EPOLL_CLOEXEC) };
	bool good = s.epoll >= 0 && watch(&s, life, NULL);

	s.conns = xcalloc(count, sizeof(*s.conns));
	for (size_t i = 0; i < count; i++) {
		s.conns[i] = (struct conn){ .fd = fds[i],
			.in = BUF_MAX(PROTO_FRAME_MAX),
			.out = BUF_MAX(PROTO_FRAME_MAX + PROTO_HEAD) };
		good = good && watch(&s, fds[i], &s.conns[i]);
	}
	if (!good)
		log_error("keeper_epoll_failed", LS("cause", strerror(errno)));
	while (good && turn(&s))
		;
	for (size_t i = 0; i < count; i++) {
		if (s.conns[i].fd >= 0)
			conn_close(&s.conns[i]);
	}
	free(s.conns);
	close(s.epoll);
}
