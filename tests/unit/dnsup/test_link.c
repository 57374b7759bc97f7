/* A connection to a DNS server: kept, made anew when it was closed, and each way that an exchange fails. */
#include <arpa/inet.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#include "dnsup/link.h"
#include "tap.h"

enum manner { ANSWERS, CLOSES_AFTER, SILENT, HALF, CLOSES_AT_ONCE, SPEAKS_FIRST, CLOSES_LATER };

struct server {
	int fd;
	uint16_t port;
	enum manner manner;
	pthread_t thread;
	int connections;
};

static bool
receive(int fd, char *p, size_t n)
{
	while (n > 0) {
		ssize_t got = recv(fd, p, n, 0);

		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

static void
serve(struct server *s, int fd)
{
	char octets[70000];

	while (s->manner != CLOSES_AT_ONCE && receive(fd, octets, 2)) {
		size_t n = (size_t)(unsigned char)octets[0] << 8 | (unsigned char)octets[1];

		if (!receive(fd, octets + 2, n) || s->manner == SILENT)
			continue;
		n += 2;
		if (s->manner == HALF) {
			(void)!send(fd, octets, n / 2, MSG_NOSIGNAL);
			break;
		}
		/* in two pieces */
		(void)!send(fd, octets, 1, MSG_NOSIGNAL);
		usleep(2000);
		(void)!send(fd, octets + 1, n - 1, MSG_NOSIGNAL);
		if (s->manner == SPEAKS_FIRST)
			(void)!send(fd, "\0\1x", 3, MSG_NOSIGNAL);
		if (s->manner == CLOSES_LATER)
			usleep(20000);
		if (s->manner == CLOSES_AFTER || s->manner == CLOSES_LATER)
			break;
	}
	close(fd);
}

static void *
server_main(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		s->connections++;
		serve(s, fd);
	}
	return NULL;
}

static struct server *
server_start(enum manner manner)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sin);
	struct server *s = xcalloc(1, sizeof(*s));

	s->manner = manner;
	s->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(s->fd, (void *)&sin, n) != 0 || listen(s->fd, 8) != 0 || getsockname(s->fd, (void *)&sin, &n) != 0 ||
		pthread_create(&s->thread, NULL, server_main, s) != 0)
		abort();
	s->port = ntohs(sin.sin_port);
	return s;
}

static void
server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	free(s);
}

static struct addr
loopback(uint16_t port)
{
	return (struct addr){ .family = AF_INET, .octet = { 127, 0, 0, 1 }, .port = port };
}

/* ---- one exchange, waited for ---- */

static struct loop *loop;

struct exchange {
	struct link *link;
	struct span message;
	msec_t timeout_ms;
	unsigned busy_us; /* the loop is, before it sends */
	enum link_result result;
	bool same, done, returned, early;
	unsigned connections;
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

static void
on_reply(enum link_result result, struct span reply, void *arg)
{
	struct exchange *e = arg;

	pthread_mutex_lock(&e->lock);
	e->result = result;
	e->same = span_eq(reply, e->message);
	e->early = !e->returned;
	e->connections = link_connections(e->link);
	e->done = true;
	pthread_cond_signal(&e->cond);
	pthread_mutex_unlock(&e->lock);
}

static void
start(void *arg)
{
	struct exchange *e = arg;

	usleep(e->busy_us);
	link_send(e->link, e->message, e->timeout_ms, on_reply, e);
	e->returned = true;
}

static struct exchange
exchange_after(struct link *link, struct span message, msec_t timeout_ms, unsigned busy_us)
{
	struct exchange e = { .link = link, .message = message, .timeout_ms = timeout_ms, .busy_us = busy_us, .lock = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER };

	loop_post(loop, start, &e);
	pthread_mutex_lock(&e.lock);
	while (!e.done)
		pthread_cond_wait(&e.cond, &e.lock);
	pthread_mutex_unlock(&e.lock);
	return e;
}

static struct exchange
exchange(struct link *link, struct span message, msec_t timeout_ms)
{
	return exchange_after(link, message, timeout_ms, 0);
}

struct made {
	struct addr addrs[2];
	size_t count;
	struct link *link;
	sem_t done;
};

static void
make(void *arg)
{
	struct made *m = arg;

	if (m->link)
		link_free(m->link);
	else
		m->link = link_new(loop, m->addrs, m->count);
	sem_post(&m->done);
}

static void
on_loop(struct made *m)
{
	sem_init(&m->done, 0, 0);
	loop_post(loop, make, m);
	while (sem_wait(&m->done) != 0)
		;
	sem_destroy(&m->done);
}

static struct exchange
once(enum manner manner, size_t times, unsigned *ret_connections)
{
	struct server *s = server_start(manner);
	struct made m = { .addrs = { loopback(s->port) }, .count = 1 };
	struct exchange e = { 0 };

	on_loop(&m);
	for (size_t i = 0; i < times; i++) {
		/* of this one the end arrives while the loop is at something else: it finds the end and what is to be sent at once */
		e = exchange_after(m.link, SPAN("message"), 300, manner == CLOSES_LATER && i ? 60000 : 0);
		/* let the end of the connection arrive, or not */
		usleep(manner == CLOSES_AFTER && i == 0 ? 30000 : 0);
	}
	*ret_connections = e.connections;
	on_loop(&m);
	server_stop(s);
	return e;
}

int
main(void)
{
	struct exchange e;
	struct server *s;
	struct made m;
	char *large = xcalloc(1, 65535);
	unsigned n;
	msec_t began;

	loop = loop_new("link");
	loop_start(loop);
	e = once(ANSWERS, 5, &n);
	ok(e.result == LINK_OK && e.same && !e.early, "a reply comes, after link_send has returned");
	is_int(n, 1, "five messages use one connection");
	e = once(CLOSES_AFTER, 3, &n);
	ok(e.result == LINK_OK && e.same, "where the server closes after each reply");
	is_int(n, 3, "each has a connection of its own");
	e = once(SPEAKS_FIRST, 3, &n);
	ok(e.result == LINK_OK && e.same, "octets that nobody asked for are no reply to what is sent next");
	alarm(20);
	e = once(CLOSES_LATER, 2, &n);
	ok(e.result == LINK_OK && e.same && n == 2, "nor is what is sent lost with a connection that ends in that very moment");
	alarm(0);
	began = clock_ms();
	e = once(SILENT, 1, &n);
	ok(e.result == LINK_TIMEOUT && clock_ms() - began < 2000, "silence ends in time");
	e = once(HALF, 1, &n);
	is_int(e.result, LINK_CLOSED, "half a reply is none");
	e = once(CLOSES_AT_ONCE, 1, &n);
	is_int(e.result, LINK_CLOSED, "a connection closed at once");
	is_int(n, 1, "is not tried again and again");
	s = server_start(ANSWERS);
	m = (struct made){ .addrs = { loopback(1), loopback(s->port) }, .count = 2 };
	on_loop(&m);
	e = exchange(m.link, span_of(large, 65535), 1000);
	ok(e.result == LINK_OK && e.same, "the second address is tried when the first refuses, and the longest message passes");
	on_loop(&m);
	server_stop(s);
	m = (struct made){ .addrs = { loopback(1) }, .count = 1 };
	on_loop(&m);
	e = exchange(m.link, SPAN("message"), 1000);
	is_int(e.result, LINK_CONNECT, "nobody listens");
	on_loop(&m);
	loop_stop(loop);
	loop_join(loop);
	loop_free(loop);
	free(large);
	return done_testing();
}
