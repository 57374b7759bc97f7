/* server.h - a scripted TCP or TLS server for tests: one thread accepts, one serves each connection. */
#ifndef TESTS_HTTPC_SERVER_H
#define TESTS_HTTPC_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/addr.h"
#include "base/mem.h"

struct peer {
	struct server *server;
	int fd;
	SSL *ssl;
	unsigned served;     /* requests read on this connection */
	char request[16384]; /* head and body of the last one */
};

struct server {
	int fd;
	uint16_t port;
	SSL_CTX *tls; /* NULL = plain */
	/* Answer p->request; false = close the connection. */
	bool (*answer)(struct peer *p);
	pthread_t thread;
	_Atomic(unsigned) accepted, requests, serving;
};

static inline int
peer_read(struct peer *p, void *dst, size_t n)
{
	return p->ssl ? SSL_read(p->ssl, dst, (int)n) : (int)recv(p->fd, dst, n, 0);
}

static inline void
peer_say_n(struct peer *p, const char *text, size_t n)
{
	if (p->ssl)
		SSL_write(p->ssl, text, (int)n);
	else
		(void)!send(p->fd, text, n, MSG_NOSIGNAL);
}

static inline void
peer_say(struct peer *p, const char *text)
{
	peer_say_n(p, text, strlen(text));
}

/* A whole request with Content-Length; false at the end of the connection. */
static inline bool
peer_next(struct peer *p)
{
	size_t n = 0, want = 0;

	for (;;) {
		char *end, *length;
		int got = peer_read(p, p->request + n, sizeof(p->request) - 1 - n);

		if (got <= 0)
			return false;
		n += (size_t)got;
		p->request[n] = '\0';
		end = strstr(p->request, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(p->request, "\r\nContent-Length:");
		want = (size_t)(end + 4 - p->request) + (length ? (size_t)atoi(length + 17) : 0);
		if (n >= want)
			return true;
	}
}

static inline bool
peer_path_is(struct peer *p, const char *path)
{
	const char *at = strchr(p->request, ' ');

	return at && strncmp(at + 1, path, strlen(path)) == 0 && at[1 + strlen(path)] == ' ';
}

static inline void *
peer_main(void *arg)
{
	struct peer *p = arg;
	struct server *s = p->server;

	if (s->tls) {
		p->ssl = SSL_new(s->tls);
		SSL_set_fd(p->ssl, p->fd);
		if (SSL_accept(p->ssl) != 1)
			goto end;
	}
	while (peer_next(p)) {
		p->served++;
		atomic_fetch_add(&s->requests, 1);
		if (!s->answer(p))
			break;
	}
	if (p->ssl)
		SSL_shutdown(p->ssl);
end:
	SSL_free(p->ssl);
	ERR_clear_error();
	close(p->fd);
	atomic_fetch_sub(&s->serving, 1);
	free(p);
	return NULL;
}

static inline void *
server_main(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct peer *p = xcalloc(1, sizeof(*p));
		struct timeval tv = { .tv_sec = 20 };
		pthread_t thread;

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		p->server = s;
		p->fd = fd;
		atomic_fetch_add(&s->accepted, 1);
		atomic_fetch_add(&s->serving, 1);
		if (pthread_create(&thread, NULL, peer_main, p) != 0)
			abort();
		pthread_detach(thread);
	}
	return NULL;
}

/* Listens on `text`, "127.0.0.1" or "::1", at this port (0 = a free one). */
static inline bool
server_start_at(struct server *s, const char *text, uint16_t port, SSL_CTX *tls, bool (*answer)(struct peer *p))
{
	struct sockaddr_storage ss;
	socklen_t n = sizeof(ss);
	struct addr a;

	memset(s, 0, sizeof(*s));
	if (!addr_parse(span_str(text), &a))
		abort();
	a.port = port;
	n = addr_to_sockaddr(&a, &ss);
	s->fd = socket(a.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (void *)&ss, n) != 0 || listen(s->fd, 64) != 0)
		return false;
	n = sizeof(ss);
	getsockname(s->fd, (void *)&ss, &n);
	addr_from_sockaddr((void *)&ss, &a);
	s->port = a.port;
	s->tls = tls;
	s->answer = answer;
	if (pthread_create(&s->thread, NULL, server_main, s) != 0)
		abort();
	return true;
}

/* The same at a free port. */
static inline bool
server_start(struct server *s, const char *text, SSL_CTX *tls, bool (*answer)(struct peer *p))
{
	return server_start_at(s, text, 0, tls, answer);
}

/* Waits for the connections to end: free the client before. */
static inline void
server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	while (atomic_load(&s->serving) > 0)
		usleep(1000);
}
#endif
