/* test_server.c - the child's loop on sockets of the test's own: malformed octets cost the
 * connection and nothing else. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "keeper/proto.h"
#include "keeper/server.h"
#include "scene.h"

#define CONNS 4

static int mine[CONNS + 1], theirs[CONNS + 1];

static pid_t
serve(void)
{
	const struct keeper_conf conf = {
		.master = "file:master", .create_master = true, .connections = CONNS
	};
	struct vault *v;
	struct problem pr = { 0 };
	pid_t pid;

	for (int i = 0; i <= CONNS; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
			exit(1);
		mine[i] = pair[0];
		theirs[i] = pair[1];
	}
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i <= CONNS; i++)
			close(mine[i]);
		if (!vault_load(&conf, &v, &pr))
			_exit(1);
		server_run(v, theirs[CONNS], theirs, CONNS);
		vault_free(v);
		_exit(0);
	}
	for (int i = 0; i <= CONNS; i++)
		close(theirs[i]);
	return pid;
}

static void
put(int fd, struct span s)
{
	while (s.n) {
		ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);

		if (n > 0)
			s = span_from(s, (size_t)n);
		else if (errno != EAGAIN)
			return;
	}
}

/* Read one frame without its head; false when the connection was closed. */
static bool
get(int fd, struct buf *ret)
{
	unsigned char head[PROTO_HEAD];
	size_t want = PROTO_HEAD, have = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	buf_clear(ret);
	while (poll(&p, 1, 10000) == 1) {
		char c;

		if (recv(fd, &c, 1, 0) != 1)
			return false;
		if (have < PROTO_HEAD)
			head[have] = (unsigned char)c;
		else
			buf_addc(ret, c);
		if (++have == PROTO_HEAD)
			want += proto_length(head);
		if (have == want)
			return true;
	}
	return false;
}

static void
seal_request(struct buf *out, uint32_t id)
{
	const struct proto_request rq = { .id = id,
		.op = OP_SEAL,
		.purpose = PURPOSE_TSIG,
		.field = { SPAN("scope"), SPAN("sixteen octets !") } };
	struct problem pr = { 0 };

	ok(proto_request_write(out, &rq, &pr), "(a request is made)");
}

static bool
answers(int fd, uint32_t id)
{
	AUTO_BUF out = BUF_MAX(1024), in = BUF_MAX(PROTO_FRAME_MAX);
	struct proto_reply reply;

	seal_request(&out, id);
	put(fd, buf_span(&out));
	return get(fd, &in) && proto_reply_read(buf_span(&in), &reply) && reply.good &&
		reply.id == id;
}

static void
test_pieces(void)
{
	AUTO_BUF out = BUF_MAX(4096), in = BUF_MAX(PROTO_FRAME_MAX);
	struct proto_reply reply;
	size_t one;

	seal_request(&out, 11);
	for (size_t i = 0; i < out.n; i++)
		put(mine[0], span_of(out.p + i, 1));
	ok(get(mine[0], &in) && proto_reply_read(buf_span(&in), &reply) && reply.id == 11,
		"a request that comes octet by octet is answered");
	buf_clear(&out);
	seal_request(&out, 12);
	one = out.n;
	seal_request(&out, 13);
	put(mine[0], buf_span(&out));
	ok(get(mine[0], &in) && proto_reply_read(buf_span(&in), &reply) && reply.id == 12,
		"of two requests of %zu octets that come at once the first is answered first", one);
	ok(get(mine[0], &in) && proto_reply_read(buf_span(&in), &reply) && reply.id == 13,
		"then the second");
}

static void
test_malformed(void)
{
	AUTO_BUF in = BUF_MAX(PROTO_FRAME_MAX);

	put(mine[1], span_of("\xff\xff\xff\xff", 4));
	ok(!get(mine[1], &in), "a frame of 4 GiB closes the connection");
	put(mine[2], span_of("\0\0\0\x07\0\0\0\x01\xee\0\0", 11));
	ok(!get(mine[2], &in), "so does an unknown operation");
	put(mine[3], span_of("\0\0\x10\0\0\0", 6));
	shutdown(mine[3], SHUT_WR);
	ok(!get(mine[3], &in), "and a frame that ends early");
	ok(answers(mine[0], 14), "the other connection is served as before");
	put(mine[0], SPAN("GET / HTTP/1.1\r\n\r\n"));
	ok(!get(mine[0], &in), "a foreign protocol closes the last one");
}

int
main(void)
{
	pid_t pid;
	int status;

	scene_begin();
	pid = serve();
	test_pieces();
	test_malformed();
	is_int(waitpid(pid, &status, WNOHANG), 0, "the process has survived all that");
	close(mine[CONNS]);
	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"it ends in peace when the parent's end is closed");
	scene_end();
	return done_testing();
}
