/* fuzz_http_conn.c - whatever octets come over a connection: the server says the same to them in one piece and in many, each request has
 * one reply, nothing follows a refusal, and it never waits for what cannot come. First octet: the size of the pieces.
 *
 * Behind the input come so many NULs that any head or body it has begun comes to its end. */
#include <errno.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "httpd/httpd.h"
#include "loop/pool.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX 4096
#define TAIL (2 * BODY_MAX)
#define WAIT_S 20

static char where[100];
static struct httpd *server;
static struct pool *pool;

/* What one connection came to: a line for each request, then one for each reply. */
static struct {
	pthread_mutex_t lock;
	struct buf requests;
	unsigned count;
	bool heads[512]; /* which of them had the method HEAD */
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER, .requests = { .max = 1 << 22 } };

_Noreturn static void
die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

static void
answer(void *arg)
{
	struct http_req *rq = arg;
	struct http_reply rp = http_reply_new(200);

	rp.content_type = "text/plain";
	buf_addf(&rp.body, "%zu\n", rq->body.n);
	http_reply(rq, &rp);
}

static void
handle(struct http_req *rq, void *arg)
{
	uint32_t sum = 0;

	(void)arg;
	for (size_t i = 0; i < rq->body.n; i++)
		sum = sum * 31 + (unsigned char)rq->body.p[i];
	pthread_mutex_lock(&seen.lock);
	buf_addf(&seen.requests, "%d %.*s %zu %u\n", rq->method, SPAN_FMT(rq->target), rq->body.n, sum);
	if (seen.count < COUNT_OF(seen.heads))
		seen.heads[seen.count] = rq->method == HTTP_HEAD;
	seen.count++;
	pthread_mutex_unlock(&seen.lock);
	/* at once, or from another thread */
	if (rq->target.n % 2)
		answer(rq);
	else
		pool_post(pool, answer, rq);
}

static void
end(void)
{
	httpd_free(server);
	pool_free(pool);
	unlink(where);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct http_limits limits = http_default_limits;
	const char *tmp = getenv("TMPDIR");
	struct httpd_face *face;
	struct problem pr = { 0 };

	(void)argc;
	(void)argv;
	limits.head_max_bytes = 2048;
	limits.target_max_bytes = 512;
	limits.fields_max = 16;
	limits.body_max_bytes = BODY_MAX;
	snprintf(where, sizeof(where), "%s/fuzz-conn-%d", tmp && strlen(tmp) < 64 ? tmp : "/tmp", (int)getpid());
	pool = pool_new(1, 64);
	server = httpd_new(1, &limits);
	if (!httpd_face_add(server, &(struct httpd_face_conf){ .name = "fuzz", .unix_path = where, .unix_mode = 0600, .handler = handle }, &face, &pr))
		die(pr.cause);
	httpd_start(server);
	atexit(end);
	return 0;
}

static int
dial(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval tv = { .tv_sec = WAIT_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(to.sun_path, where, strlen(where) + 1);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) != 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) != 0 ||
		connect(fd, (void *)&to, sizeof(to)) != 0)
		die("no connection");
	return fd;
}

/* False: the server does not want any more. */
static bool
say(int fd, struct span text)
{
	while (text.n) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);

		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return false;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("the server does not read on");
		text = span_from(text, (size_t)n);
	}
	return true;
}

/* Until the server has taken what is there, if it does so soon. */
static void
wait_taken(int fd)
{
	int left = 1;

	for (int i = 0; i < 200 && left && ioctl(fd, SIOCOUTQ, &left) == 0; i++)
		sched_yield();
}

static void
listen_to(int fd, struct buf *replies)
{
	char text[8192];
	ssize_t n;

	/* EINTR: the fuzzer was stopped for a while */
	while ((n = recv(fd, text, sizeof(text), 0)) > 0 || (n < 0 && errno == EINTR))
		buf_add(replies, text, n > 0 ? (size_t)n : 0);
	if (n < 0 && errno != ECONNRESET)
		die("the server waits for what cannot come");
}

/* The status of each reply, a line each; what is not a sequence of whole replies is a fault. */
static void
judge(struct span text, struct buf *out)
{
	unsigned count = 0, good = 0;

	while (text.n) {
		const char *end = memmem(text.p, text.n, "\r\n\r\n", 4), *length;
		AUTO_FREE char *head = NULL;
		size_t head_n, body_n;
		int status;

		if (!end || sscanf(text.p, "HTTP/1.1 %3d ", &status) != 1)
			die("what comes is no reply");
		head_n = (size_t)(end - text.p) + 4;
		head = span_dup(span_of(text.p, head_n));
		length = strstr(head, "\r\nContent-Length: ");
		text = span_from(text, head_n);
		if (status == 100)
			continue;
		if (!length || good != count)
			die("a reply without length, or behind a refusal");
		body_n = count < COUNT_OF(seen.heads) && count < seen.count && seen.heads[count] ? 0 : strtoul(length + 18, NULL, 10);
		if (body_n > text.n)
			die("half a reply");
		text = span_from(text, body_n);
		good += status == 200;
		count++;
		buf_addf(out, "%d\n", status);
	}
	if (good != seen.count)
		die("not one reply for each request");
}

static void
run(struct span input, size_t piece, struct buf *out)
{
	static const char tail[TAIL];
	AUTO_BUF replies = BUF_MAX(1 << 22);
	int fd = dial();
	bool more = true;

	buf_clear(&seen.requests);
	seen.count = 0;
	while (more && input.n) {
		size_t n = input.n < piece ? input.n : piece;

		more = say(fd, span_of(input.p, n));
		input = span_from(input, n);
		if (more && input.n)
			wait_taken(fd);
	}
	if (more)
		say(fd, span_of(tail, sizeof(tail)));
	listen_to(fd, &replies);
	close(fd);
	pthread_mutex_lock(&seen.lock);
	buf_addspan(out, buf_span(&seen.requests));
	pthread_mutex_unlock(&seen.lock);
	buf_addc(&replies, '\0');
	judge(span_of(replies.p, replies.n - 1), out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF whole = BUF_MAX(1 << 22), pieces = BUF_MAX(1 << 22);
	struct span input;

	if (size < 2)
		return -1;
	input = span_of(data + 1, size - 1);
	run(input, input.n, &whole);
	run(input, 1 + data[0] % 64, &pieces);
	if (!span_eq(buf_span(&whole), buf_span(&pieces))) {
		fprintf(stderr, "in one piece:\n%.*sin many:\n%.*s", SPAN_FMT(buf_span(&whole)), SPAN_FMT(buf_span(&pieces)));
		die("not the same");
	}
	return 0;
}
