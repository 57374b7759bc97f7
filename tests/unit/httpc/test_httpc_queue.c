/* The wait for a free connection, which is no part of connecting: how long it may last, and what begins after it. */
#include "client.h"
#include "server.h"

#define CONNECT_MS 100 /* shorter than the queue */
#define LONGER_MS 400

static struct server server;
static uint16_t deaf_port;
static _Atomic(bool) held; /* "/hold" is not answered */

static bool
answer(struct peer *p)
{
	while (peer_path_is(p, "/hold") && atomic_load(&held))
		usleep(1000);
	peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
	return true;
}

/* A listener that never accepts, its queue full: SYNs are dropped. */
static int
listen_deaf(int fill[4])
{
	struct sockaddr_storage ss;
	struct addr a = { .family = AF_INET, .octet = { 127, 0, 0, 1 } };
	socklen_t n = addr_to_sockaddr(&a, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (void *)&ss, n) != 0 || listen(fd, 0) != 0)
		abort();
	n = sizeof(ss);
	getsockname(fd, (void *)&ss, &n);
	addr_from_sockaddr((void *)&ss, &a);
	deaf_port = a.port;
	for (size_t i = 0; i < 4; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fill[i], (void *)&ss, n);
	}
	return fd;
}

static struct httpc_request
get(const char *path)
{
	return (struct httpc_request){ .method = "GET", .url = url_of(server.port, path), .body_max_bytes = 4096, .connect_ms = CONNECT_MS };
}

static unsigned
calls_of(struct fetch *f)
{
	unsigned calls;

	pthread_mutex_lock(&f->lock);
	calls = f->calls;
	pthread_mutex_unlock(&f->lock);
	return calls;
}

/* All connections are taken. */
static void
hold(struct fetch holders[2])
{
	unsigned before = server.requests;
	struct httpc_request rq = get("/hold");

	atomic_store(&held, true);
	for (int i = 0; i < 2; i++) {
		fetch_init(&holders[i]);
		httpc_start(client, &rq, on_reply, &holders[i]);
	}
	while (atomic_load(&server.requests) < before + 2)
		usleep(1000);
}

static void
let_go(struct fetch holders[2])
{
	atomic_store(&held, false);
	for (int i = 0; i < 2; i++) {
		fetch_wait(&holders[i]);
		is_result(&holders[i].reply, HTTPC_OK, "who holds a connection is served");
		fetch_done(&holders[i]);
	}
}

static void
test_wait(void)
{
	struct httpc_request rq = get("/next");
	struct fetch holders[2], f;

	hold(holders);
	fetch_init(&f);
	httpc_start(client, &rq, on_reply, &f);
	usleep(LONGER_MS * 1000);
	is_int(calls_of(&f), 0, "a request that waits for a connection longer than connect_ms goes on waiting");
	let_go(holders);
	fetch_wait(&f);
	is_result(&f.reply, HTTPC_OK, "and is served when one is free");
	ok(f.reply.took_ms >= LONGER_MS, "after its wait");
	fetch_done(&f);
}

static void
test_deadlines(void)
{
	struct httpc_request rq = get("/next");
	struct fetch holders[2];
	struct httpc_reply *rp;
	unsigned requests;

	hold(holders);
	requests = server.requests;
	rq.queue_ms = 150;
	rp = fetch(&rq);
	is_result(rp, HTTPC_BUSY, "the wait has a deadline of its own");
	ok(rp->took_ms >= 140 && rp->took_ms < 1500, "queue_ms");
	is_str(rp->error, "no connection was free before the deadline", "the log says what was the matter");
	rq.queue_ms = 0;
	rq.total_ms = 150;
	is_result(fetch(&rq), HTTPC_BUSY, "without one the whole deadline ends it");
	rq.queue_ms = 10000;
	is_result(fetch(&rq), HTTPC_BUSY, "a longer one, too");
	is_int(server.requests, requests, "none of them was sent");
	let_go(holders);
	rq.queue_ms = 150;
	rq.total_ms = 10000;
	is_result(fetch(&rq), HTTPC_OK, "with a free connection there is no wait");
}

/* Connecting has all of its time, however long the wait was. */
static void
test_after_the_wait(void)
{
	struct httpc_request rq = get("/");
	struct fetch holders[2], f;

	hold(holders);
	rq.url = url_of(deaf_port, "/");
	rq.connect_ms = 300;
	fetch_init(&f);
	httpc_start(client, &rq, on_reply, &f);
	usleep(LONGER_MS * 1000);
	is_int(calls_of(&f), 0, "a request waits");
	let_go(holders);
	fetch_wait(&f);
	is_result(&f.reply, HTTPC_CONNECT, "then it cannot connect");
	ok(f.reply.took_ms >= LONGER_MS + 290, "after the wait and connect_ms");
	fetch_done(&f);
}

static void
test_pins(void)
{
	struct addr pins[2] = { { .family = AF_INET, .octet = { 127, 0, 0, 1 }, .port = deaf_port },
		{ .family = AF_INET, .octet = { 127, 0, 0, 1 }, .port = server.port } };
	struct httpc_request rq = get("/");
	struct fetch holders[2], f;

	hold(holders);
	rq.pin = pins;
	rq.pin_count = 2;
	rq.connect_ms = 400;
	rq.fresh = true;
	fetch_init(&f);
	httpc_start(client, &rq, on_reply, &f);
	usleep(LONGER_MS * 1000);
	let_go(holders);
	fetch_wait(&f);
	is_result(&f.reply, HTTPC_OK, "after a wait, too, the second address has its turn when the first is silent");
	is_int(f.reply.connected.port, server.port, "and is told");
	fetch_done(&f);
}

int
main(void)
{
	const struct httpc_conf conf = { .connections_max = 2, .per_host_max = 2 };
	int fill[4], deaf = listen_deaf(fill);

	server_start(&server, "127.0.0.1", NULL, answer);
	client_start(&conf);
	test_wait();
	test_deadlines();
	test_after_the_wait();
	test_pins();
	fetch(NULL);
	client_stop();
	server_stop(&server);
	for (size_t i = 0; i < COUNT_OF(fill); i++)
		close(fill[i]);
	close(deaf);
	return done_testing();
}
