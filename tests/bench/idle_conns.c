/* idle_conns - what an idle TLS connection costs the server in resident memory.
 *
 *   make idle_conns && ./idle_conns [connections] [limit in KiB]
 *
 * A child process serves; this one opens the connections from several loopback addresses, makes one
 * request on each and leaves them idle. Prints the child's growth per connection; fails when it is
 * over the limit. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "httpd/httpd.h"
#include "rig.h"

#define PER_SOURCE 2000

static void
on_request(struct http_req *rq, void *arg)
{
	struct http_reply rp = http_reply_new(200);

	(void)arg;
	buf_adds(&rp.body, "hello");
	http_reply(rq, &rp);
}

static struct httpd_tls *
new_tls(void)
{
	AUTO_BUF cert = BUF_MAX(8192);
	AUTO_BUF key = BUF_MAX(8192);
	struct httpd_tls *tls = NULL;
	struct problem pr = { 0 };

	rig_cert("idle", &cert, &key);
	if (!httpd_tls_from_pem(buf_span(&cert), buf_span(&key), &tls, &pr))
		abort();
	return tls;
}

/* The child: tell the port, then serve until the parent goes. */
static void
serve(int tell, int stop, unsigned conns)
{
	const struct addr loopback = { .family = AF_INET, .octet = { 127, 0, 0, 1 } };
	struct http_limits limits = http_default_limits;
	struct httpd_face_conf conf = { .name = "tls", .listen = &loopback, .listen_count = 1,
		.handler = on_request, .tls = new_tls() };
	struct httpd_face *face = NULL;
	struct problem pr = { 0 };
	struct httpd *h;
	uint16_t port;
	char c;

	limits.conns_max = conns + 1;
	limits.conns_per_addr = PER_SOURCE;
	limits.idle_ms = 60 * 60 * 1000;
	h = httpd_new(2, &limits);
	if (!httpd_face_add(h, &conf, &face, &pr))
		abort();
	httpd_tls_unref(conf.tls);
	httpd_start(h);
	port = httpd_face_port(face);
	if (write(tell, &port, sizeof(port)) != sizeof(port) || read(stop, &c, 1) < 0)
		abort();
	httpd_free(h);
}

static long
resident_kib(pid_t pid)
{
	char path[64];
	long pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		abort();
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct link
open_one(uint16_t port, unsigned i, SSL_CTX *ctx)
{
	AUTO_BUF r = BUF_MAX(4096);
	char from[16];
	struct link l;

	snprintf(from, sizeof(from), "127.0.0.%u", 2 + i / PER_SOURCE);
	l = rig_connect(port, from);
	if (l.fd < 0 || !rig_tls(&l, ctx, NULL)) {
		fprintf(stderr, "connection %u is refused\n", i);
		exit(1);
	}
	rig_say(&l, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
	if (!rig_reply(&l, false, &r) || rig_status(&r) != 200)
		abort();
	return l;
}

/* All of them, one after the other; returns KiB of the server for each. */
static double
measure(pid_t server, uint16_t port, unsigned conns)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct link *links = calloc(conns, sizeof(*links));
	long before, after;

	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	/* what the first ones cost the process once is not theirs */
	for (unsigned i = 0; i < 10; i++) {
		links[0] = open_one(port, 0, ctx);
		rig_close(&links[0]);
	}
	before = resident_kib(server);
	for (unsigned i = 0; i < conns; i++)
		links[i] = open_one(port, i, ctx);
	after = resident_kib(server);
	printf("%u idle TLS connections: %ld KiB before, %ld KiB after\n", conns, before, after);
	for (unsigned i = 0; i < conns; i++)
		rig_close(&links[i]);
	free(links);
	SSL_CTX_free(ctx);
	return (double)(after - before) / conns;
}

int
main(int argc, char **argv)
{
	unsigned conns = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
	double limit = argc > 2 ? atof(argv[2]) : 24, each;
	struct rlimit files;
	int tell[2], stop[2];
	uint16_t port;
	pid_t server;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (conns < 1 || pipe(tell) != 0 || pipe(stop) != 0 || (server = fork()) < 0)
		return 2;
	if (server == 0) {
		close(stop[1]);
		serve(tell[1], stop[0], conns);
		return 0;
	}
	if (read(tell[0], &port, sizeof(port)) != sizeof(port))
		return 2;
	each = measure(server, port, conns);
	close(stop[1]);
	waitpid(server, NULL, 0);
	printf("%.1f KiB each, limit %.1f\n", each, limit);
	return each > limit;
}
