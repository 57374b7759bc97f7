/* link.c - see link.h.
 *
 * closed -> connecting -> writing -> reading -> idle -> writing ... One event waits for the socket, one timer for the deadline. */
#include "dnsup/link.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>

#define MESSAGE_MAX 65535
#define LENGTH_OCTETS 2

enum state { CLOSED, CONNECTING, WRITING, READING, IDLE };

struct link {
	struct loop *loop;
	struct addr addrs[LINK_ADDRS_MAX];
	size_t addr_count, next;
	enum state state;
	int fd;
	struct event *event;
	struct timer *timer;
	msec_t deadline_ms;
	bool is_reused; /* this connection has served before, and may be closed at the other end by now */
	unsigned connections;
	struct buf out, in; /* with their lengths in front */
	size_t sent;
	link_fn fn; /* NULL = nothing under way */
	void *arg;
};

static void
disconnect(struct link *l)
{
	if (l->event)
		event_free(l->event);
	l->event = NULL;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->state = CLOSED;
}

/* The one place where an exchange ends: the callee may free the link, so nothing of it is touched afterwards. */
static void
finish(struct link *l, enum link_result result)
{
	link_fn fn = l->fn;
	struct span reply = SPAN_NONE;

	l->fn = NULL;
	if (result == LINK_OK) {
		reply = span_from(buf_span(&l->in), LENGTH_OCTETS);
		l->state = IDLE;
		timer_set(l->timer, LINK_IDLE_MS);
	} else {
		disconnect(l);
		timer_stop(l->timer);
	}
	fn(result, reply, l->arg);
}

static void on_event(evutil_socket_t fd, short what, void *arg);

static void
watch(struct link *l, short what)
{
	if (l->event)
		event_free(l->event);
	l->event = event_new(loop_base(l->loop), l->fd, (short)(what | EV_PERSIST), on_event, l);
	if (!l->event || event_priority_set(l->event, 0) != 0 || event_add(l->event, NULL) != 0)
		abort();
}

static bool
connect_to(struct link *l, const struct addr *addr)
{
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(addr, &ss);
	int on = 1;

	disconnect(l);
	l->fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || (connect(l->fd, (void *)&ss, n) != 0 && errno != EINPROGRESS))
		return false;
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	l->state = CONNECTING;
	watch(l, EV_WRITE);
	return true;
}

/* The next address that may take a connection; what time there is, is shared among those left. */
static void
connect_next(struct link *l)
{
	while (l->next < l->addr_count) {
		msec_t left_ms = l->deadline_ms - clock_ms();
		size_t left = l->addr_count - l->next;

		if (left_ms <= 0)
			break;
		if (connect_to(l, &l->addrs[l->next++])) {
			timer_set(l->timer, left_ms / (msec_t)(left + 1) + 1);
			return;
		}
	}
	finish(l, LINK_CONNECT);
}

static void
begin(struct link *l)
{
	l->sent = 0;
	buf_clear(&l->in);
	l->next = 0;
	l->is_reused = false;
	connect_next(l);
}

/* One that was kept: the server may have closed it just before. */
static void
broken(struct link *l)
{
	if (l->is_reused && l->in.n == 0)
		begin(l);
	else
		finish(l, LINK_CLOSED);
}

static void
write_on(struct link *l)
{
	while (l->sent < l->out.n) {
		ssize_t n = send(l->fd, l->out.p + l->sent, l->out.n - l->sent, MSG_NOSIGNAL);

		if (n > 0) {
			l->sent += (size_t)n;
		} else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			return;
		} else {
			broken(l);
			return;
		}
	}
	l->state = READING;
	watch(l, EV_READ);
}

static void
start_writing(struct link *l)
{
	msec_t left_ms = l->deadline_ms - clock_ms();

	l->state = WRITING;
	timer_set(l->timer, left_ms > 0 ? left_ms : 0);
	watch(l, EV_WRITE);
}

/* How many octets the reply has with its length; LENGTH_OCTETS until that is known. */
static size_t
wanted(const struct link *l)
{
	const unsigned char *p = (const unsigned char *)l->in.p;

	return l->in.n < LENGTH_OCTETS ? LENGTH_OCTETS : LENGTH_OCTETS + ((size_t)p[0] << 8 | p[1]);
}

static void
read_on(struct link *l)
{
	while (l->in.n < wanted(l)) {
		size_t want = wanted(l) - l->in.n;
		ssize_t n;

		if (!buf_reserve(&l->in, want))
			abort(); /* it has room for the longest message */
		n = recv(l->fd, l->in.p + l->in.n, want, 0);
		if (n > 0) {
			l->in.n += (size_t)n;
		} else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			return;
		} else {
			broken(l);
			return;
		}
		if (l->in.n == LENGTH_OCTETS && wanted(l) == LENGTH_OCTETS)
			break;
	}
	finish(l, LINK_OK);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct link *l = arg;
	socklen_t n = sizeof(int);
	int fault = 0;

	(void)what;
	switch (l->state) {
	case CONNECTING:
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &n) != 0 || fault != 0) {
			connect_next(l);
			return;
		}
		l->connections++;
		start_writing(l);
		return;
	case WRITING:
		write_on(l);
		return;
	case READING:
		read_on(l);
		return;
	default:
		/* closed, or octets that nobody asked for; what is about to be sent gets a new connection by the timer that is set */
		disconnect(l);
		if (!l->fn)
			timer_stop(l->timer);
	}
}

static void
on_timer(void *arg)
{
	struct link *l = arg;

	if (!l->fn)
		disconnect(l);
	else if (l->state == IDLE)
		start_writing(l);
	else if (l->state == CLOSED)
		begin(l);
	else if (l->state == CONNECTING)
		connect_next(l);
	else
		finish(l, LINK_TIMEOUT);
}

void
link_send(struct link *l, struct span message, msec_t timeout_ms, link_fn fn, void *arg)
{
	unsigned char length[LENGTH_OCTETS] = { (unsigned char)(message.n >> 8), (unsigned char)message.n };

	l->fn = fn;
	l->arg = arg;
	l->deadline_ms = clock_ms() + timeout_ms;
	l->sent = 0;
	l->is_reused = l->state == IDLE;
	buf_clear(&l->in);
	buf_clear(&l->out);
	buf_add(&l->out, length, sizeof(length));
	if (message.n > MESSAGE_MAX || !buf_addspan(&l->out, message))
		abort(); /* the callers' messages have that ceiling */
	/* by the timer, so that nobody is called back from here */
	timer_set(l->timer, 0);
}

unsigned
link_connections(const struct link *l)
{
	return l->connections;
}

struct link *
link_new(struct loop *loop, const struct addr *addrs, size_t count)
{
	struct link *l = xcalloc(1, sizeof(*l));

	l->loop = loop;
	l->fd = -1;
	l->addr_count = count < LINK_ADDRS_MAX ? count : LINK_ADDRS_MAX;
	for (size_t i = 0; i < l->addr_count; i++)
		l->addrs[i] = addrs[i];
	l->out = BUF_MAX(LENGTH_OCTETS + MESSAGE_MAX);
	l->in = BUF_MAX(LENGTH_OCTETS + MESSAGE_MAX);
	l->timer = timer_new(loop, on_timer, l);
	return l;
}

void
link_free(struct link *l)
{
	if (!l)
		return;
	disconnect(l);
	timer_free(l->timer);
	buf_done(&l->out);
	buf_done(&l->in);
	free(l);
}
