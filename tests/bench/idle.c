/* idle.c - see idle.h. */
#include "idle.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "base/mem.h"

#define PER_SOURCE 5000

static SSL *
open_one(const struct daemon *d, SSL_CTX *ctx, unsigned i)
{
	static const char rq[] = "HEAD /new-nonce HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	char from[20], reply[1024];
	SSL *ssl = SSL_new(ctx);
	int fd;

	snprintf(from, sizeof(from), "127.0.2.%u", 1 + i / PER_SOURCE);
	fd = tcp_connect(d->port, from);
	SSL_set_fd(ssl, fd);
	if (fd < 0 || SSL_connect(ssl) != 1 || SSL_write(ssl, rq, sizeof(rq) - 1) <= 0 ||
		SSL_read(ssl, reply, sizeof(reply)) <= 0)
		die("connection %u is refused", i);
	return ssl;
}

static void
close_one(SSL *ssl)
{
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
}

void
idle_measure(const struct daemon *d, unsigned conns)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL **list = xcalloc(conns, sizeof(SSL *));
	double before, after, seconds;
	int64_t begin, cpu;

	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	/* what the first ones cost the process once is not theirs */
	for (unsigned i = 0; i < 20; i++)
		close_one(open_one(d, ctx, 0));
	before = resident_kib(d->pid);
	begin = wall_ns();
	cpu = cpu_process_ns(d->pid);
	for (unsigned i = 0; i < conns; i++)
		list[i] = open_one(d, ctx, i);
	seconds = (double)(wall_ns() - begin) / 1e9;
	cpu = cpu_process_ns(d->pid) - cpu;
	after = resident_kib(d->pid);
	printf("\n%u idle TLS connections: %.1f KiB each (the daemon went from %.0f to %.0f KiB)\n",
		conns, (after - before) / conns, before, after);
	printf("  made one after the other in %.1f s, each with a handshake and a nonce: %.0f us "
	       "of the daemon's CPU\n",
		seconds, (double)cpu / 1e3 / conns);
	for (unsigned i = 0; i < conns; i++)
		close_one(list[i]);
	free(list);
	SSL_CTX_free(ctx);
}
