/* The server, live on loopback: what a client sees when it behaves, when it is slow, and when it does not behave. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/err.h>

#include "httpd/server.h"
#include "loop/pool.h"
#include "rig.h"
#include "tap.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST(path) "POST " path " HTTP/1.1\r\nHost: a\r\n"
#define BIG (4 * 1024 * 1024)

/* A server with a plain, a TLS and a UNIX face, all with the same handler. */
struct house {
	struct httpd *h;
	struct httpd_face *plain, *tls, *local;
	uint16_t port, tls_port;
	char path[64];
	struct pool *pool;
	SSL_CTX *client;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct http_req *held; /* under lock: a request that waits for release() */
	unsigned calls;        /* under lock: of the handler */
};

static void
reply_echo(struct http_req *rq)
{
	struct http_reply rp = http_reply_new(200);

	rp.content_type = "text/plain";
	buf_addf(&rp.body, "%d %.*s %.*s", (int)rq->method, SPAN_FMT(rq->target), SPAN_FMT(rq->body));
	http_reply(rq, &rp);
}

static void
echo_on_worker(void *arg)
{
	reply_echo(arg);
}

static void
hold(struct house *house, struct http_req *rq)
{
	pthread_mutex_lock(&house->lock);
	house->held = rq;
	pthread_cond_broadcast(&house->changed);
	pthread_mutex_unlock(&house->lock);
}

/* Wait until the handler holds a request. */
static struct http_req *
held(struct house *house)
{
	struct http_req *rq;

	pthread_mutex_lock(&house->lock);
	while (!house->held)
		pthread_cond_wait(&house->changed, &house->lock);
	rq = house->held;
	house->held = NULL;
	pthread_mutex_unlock(&house->lock);
	return rq;
}

static void
on_request(struct http_req *rq, void *arg)
{
	struct house *house = arg;
	struct http_reply rp = http_reply_new(200);

	pthread_mutex_lock(&house->lock);
	house->calls++;
	pthread_mutex_unlock(&house->lock);
	if (span_is(rq->path, "/pool")) {
		pool_post(house->pool, echo_on_worker, rq);
	} else if (span_is(rq->path, "/hold")) {
		hold(house, rq);
	} else if (span_is(rq->path, "/echo")) {
		reply_echo(rq);
	} else if (span_is(rq->path, "/204")) {
		rp.status = 204;
		http_reply(rq, &rp);
	} else if (span_is(rq->path, "/big")) {
		buf_reserve(&rp.body, BIG);
		memset(rp.body.p, 'x', BIG);
		rp.body.n = BIG;
		http_reply(rq, &rp);
	} else if (span_is(rq->path, "/too-big")) {
		rp.body.max = 10;
		buf_adds(&rp.body, "more than ten octets");
		http_reply(rq, &rp);
	} else if (span_is(rq->path, "/close")) {
		rp.close = true;
		http_reply(rq, &rp);
	} else if (span_is(rq->path, "/fields")) {
		http_reply_field(&rp, "X-Good", "%s", "1");
		http_reply_field(&rp, "X-Bad", "a\r\nX-Injected: %d", 1);
		http_reply_field(&rp, "X-Long", "%0600d", 7);
		http_reply(rq, &rp);
	} else if (span_is(rq->path, "/who")) {
		buf_addf(&rp.body, "%d %d", rq->peer.family, (int)rq->peer_uid);
		http_reply(rq, &rp);
	} else {
		rp.status = 404;
		http_reply(rq, &rp);
	}
}

static void
on_refusal(const struct http_req *rq, const struct problem *pr, struct http_reply *rp, void *arg)
{
	(void)arg;
	rp->content_type = "application/problem+json";
	buf_addf(&rp->body, "refused %s: %s", rq ? "request" : "head", pr->detail);
}

static struct httpd_tls *
new_tls(const char *name)
{
	AUTO_BUF cert = BUF_MAX(8192);
	AUTO_BUF key = BUF_MAX(8192);
	struct httpd_tls *tls = NULL;
	struct problem pr = { 0 };

	rig_cert(name, &cert, &key);
	if (!httpd_tls_from_pem(buf_span(&cert), buf_span(&key), &tls, &pr))
		abort();
	return tls;
}

static struct httpd_face *
face_add(struct house *house, struct httpd_face_conf *conf)
{
	static const struct addr loopback = { .family = AF_INET, .octet = { 127, 0, 0, 1 } };
	struct httpd_face *face;
	struct problem pr = { 0 };

	conf->handler = on_request;
	conf->refusal = on_refusal;
	conf->arg = house;
	if (!conf->unix_path) {
		conf->listen = &loopback;
		conf->listen_count = 1;
	}
	if (!httpd_face_add(house->h, conf, &face, &pr)) {
		printf("Bail out! %s %s\n", pr.detail, pr.cause);
		exit(1);
	}
	return face;
}

static void
house_open(struct house *house, const struct http_limits *limits)
{
	struct httpd_tls *tls = new_tls("one");

	*house = (struct house){ .h = httpd_new(2, limits), .pool = pool_new(2, 100) };
	pthread_mutex_init(&house->lock, NULL);
	pthread_cond_init(&house->changed, NULL);
	snprintf(house->path, sizeof(house->path), "test_httpd.%d.sock", (int)getpid());
	house->plain = face_add(house, &(struct httpd_face_conf){ .name = "plain" });
	house->tls = face_add(house, &(struct httpd_face_conf){ .name = "tls", .tls = tls });
	house->local = face_add(house, &(struct httpd_face_conf){
		.name = "local", .unix_path = house->path, .unix_mode = 0600 });
	house->port = httpd_face_port(house->plain);
	house->tls_port = httpd_face_port(house->tls);
	httpd_tls_unref(tls);
	house->client = SSL_CTX_new(TLS_client_method());
	httpd_start(house->h);
}

static void
house_close(struct house *house)
{
	httpd_stop(house->h, 100);
	pool_free(house->pool);
	httpd_free(house->h);
	SSL_CTX_free(house->client);
	pthread_mutex_destroy(&house->lock);
	pthread_cond_destroy(&house->changed);
}

static struct httpd_stats
stats(struct house *house)
{
	struct httpd_stats st;

	httpd_stats(house->h, &st);
	return st;
}

/* Wait until nobody but `n` is connected. */
static bool
open_becomes(struct house *house, unsigned n)
{
	for (int i = 0; i < RIG_WAIT_MS / 5; i++) {
		if (stats(house).open == n)
			return true;
		usleep(5000);
	}
	return false;
}

/* Say `text` on a new plain connection, keep the reply, and see whether the server closes behind it. */
static bool
ask_once(struct house *house, const char *text, struct buf *ret, bool *ret_closed)
{
	struct link l = rig_connect(house->port, NULL);
	bool good;

	rig_say(&l, text);
	good = rig_reply(&l, false, ret);
	*ret_closed = good && rig_is_closed(&l);
	rig_close(&l);
	return good;
}

static void
requests_are_answered(struct house *house)
{
	struct link l = rig_connect(house->port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);

	rig_say(&l, GET("/echo?q"));
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 200, "GET is answered");
	ok(span_is(rig_body(&r), "0 /echo?q "), "with its body");
	ok(rig_has(&r, "\r\nContent-Length: 10\r\n") && rig_has(&r, "\r\nContent-Type: text/plain\r\n"),
		"length and type");
	ok(rig_has(&r, "\r\nDate: ") && rig_has(&r, " GMT\r\n"), "and date (RFC 9110 6.6.1)");
	ok(!rig_has(&r, "Connection:"), "and the connection stays");
	rig_say(&l, "HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n");
	ok(rig_reply(&l, true, &r) && rig_status(&r) == 200 && rig_has(&r, "Content-Length: 8\r\n"),
		"HEAD is answered as GET");
	rig_say(&l, POST("/echo") "Content-Length: 5\r\n\r\nhello");
	ok(rig_reply(&l, false, &r) && span_is(rig_body(&r), "2 /echo hello"),
		"but without a body: the next reply follows at once, to a POST");
	rig_say(&l, GET("/204"));
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 204 && !rig_has(&r, "Content-Length"),
		"204 has neither body nor length");
	rig_say(&l, "\r\n" GET("/nothing"));
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 404, "an empty line before a request is forgiven");
	rig_say(&l, GET("/pool"));
	ok(rig_reply(&l, false, &r) && span_is(rig_body(&r), "0 /pool "), "another thread may reply");
	rig_say(&l, GET("/fields"));
	ok(rig_reply(&l, false, &r) && rig_has(&r, "\r\nX-Good: 1\r\n"), "fields are written");
	ok(!rig_has(&r, "X-Bad") && !rig_has(&r, "X-Injected"), "but none with a line break in it");
	ok(rig_has(&r, "000007\r\n"), "long ones too");
	rig_say(&l, GET("/too-big"));
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 500, "a reply that did not fit is a 500");
	rig_close(&l);
}

static void
octets_may_come_one_by_one(struct house *house)
{
	static const char text[] = POST("/echo") "Transfer-Encoding: chunked\r\n\r\n"
		"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n" GET("/echo");
	struct link l = rig_connect(house->port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		rig_send(&l, text + i, 1);
		if (i % 16 == 0)
			usleep(1000);
	}
	ok(rig_reply(&l, false, &r) && span_is(rig_body(&r), "2 /echo abcde"),
		"a chunked request that comes octet by octet is answered");
	ok(rig_reply(&l, false, &r) && span_is(rig_body(&r), "0 /echo "), "and so is the next");
	rig_close(&l);
}

static void
pipelined_requests_wait(struct house *house)
{
	struct link l = rig_connect(house->port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);
	unsigned before = house->calls;
	struct http_req *rq;

	rig_say(&l, GET("/hold") POST("/echo") "Content-Length: 1\r\n\r\n1" GET("/echo?2"));
	rq = held(house);
	usleep(30000);
	pthread_mutex_lock(&house->lock);
	is_int(house->calls - before, 1, "a pipelined request waits for the reply to the one before");
	pthread_mutex_unlock(&house->lock);
	reply_echo(rq);
	ok(rig_reply(&l, false, &r) && span_is(rig_body(&r), "0 /hold "), "the first reply");
	ok(rig_reply(&l, false, &r) && span_is(rig_body(&r), "2 /echo 1"), "the second reply");
	ok(rig_reply(&l, false, &r) && span_is(rig_body(&r), "0 /echo?2 "), "the third reply");
	rig_close(&l);
}

static void
expectations_are_met(struct house *house)
{
	struct link l = rig_connect(house->port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);
	bool closed;

	rig_say(&l, POST("/echo") "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 100, "100 comes before the body");
	rig_say(&l, "ok");
	ok(rig_reply(&l, false, &r) && span_is(rig_body(&r), "2 /echo ok"), "and the reply behind it");
	rig_say(&l, POST("/echo") "Content-Length: 2\r\nExpect: 100-continue\r\n\r\nno");
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 200, "no 100 when the body is there already");
	rig_close(&l);
	ok(ask_once(house, POST("/echo") "Content-Length: 70000\r\nExpect: 100-continue\r\n\r\n", &r,
		&closed) && rig_status(&r) == 413 && closed, "413 instead of 100 for a large body");
	ok(ask_once(house, POST("/echo") "Content-Length: 2\r\nExpect: magic\r\n\r\n", &r, &closed) &&
			rig_status(&r) == 417 && closed, "417 for another expectation");
}

static void
connections_end(struct house *house)
{
	AUTO_BUF r = BUF_MAX(64 * 1024);
	bool closed;

	ok(ask_once(house, "GET /echo HTTP/1.0\r\n\r\n", &r, &closed) && rig_status(&r) == 200 &&
			closed && rig_has(&r, "Connection: close\r\n"), "HTTP/1.0 is served and closes");
	ok(ask_once(house, "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &r, &closed) &&
			closed && rig_has(&r, "Connection: close\r\n"), "the client may ask to close");
	ok(ask_once(house, GET("/close"), &r, &closed) && closed, "and so may the handler");
}

static void
half_closed_is_served(struct house *house)
{
	struct link l = rig_connect(house->port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);

	rig_say(&l, GET("/pool"));
	shutdown(l.fd, SHUT_WR);
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 200 && rig_is_closed(&l),
		"a client that has closed its side still gets its reply");
	rig_close(&l);
}

static void
faults_are_refused(struct house *house)
{
	static const struct {
		const char *name, *text;
		int status;
	} cases[] = {
		{ "a bare LF", "GET / HTTP/1.1\n", 400 },
		{ "HTTP/0.9", "GET /\r\n", 400 },
		{ "the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400 },
		{ "CL and TE", POST("/") "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "no Host", "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "a ClientHello on a plain port", "\x16\x03\x01\x02", 400 },
		{ "a bad chunk", POST("/") "Transfer-Encoding: chunked\r\n\r\nx\r\n", 400 },
		{ "an endless chunk size", POST("/") "Transfer-Encoding: chunked\r\n\r\n000000000000000000", 400 },
		{ "a chunk that is too large", POST("/") "Transfer-Encoding: chunked\r\n\r\n10001\r\n", 413 },
		{ "a body that is too large", POST("/") "Content-Length: 65537\r\n\r\n", 413 },
		{ "two empty lines", "\r\n\r\n" GET("/"), 400 },
	};
	AUTO_BUF r = BUF_MAX(64 * 1024);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t before = stats(house).framing_errors;
		bool closed, good = ask_once(house, cases[i].text, &r, &closed);

		ok(good && rig_status(&r) == cases[i].status && closed &&
				rig_has(&r, "Connection: close\r\n") && rig_has(&r, "refused ") &&
				stats(house).framing_errors == before + 1,
			"%s: %d by the face, then close", cases[i].name, cases[i].status);
	}
}

static void
large_heads_are_refused(struct house *house)
{
	AUTO_BUF text = BUF_MAX(64 * 1024);
	AUTO_BUF r = BUF_MAX(64 * 1024);
	bool closed;

	buf_adds(&text, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
	for (int i = 0; i < 17 * 1024; i++)
		buf_addc(&text, 'x');
	ok(ask_once(house, buf_cstr(&text), &r, &closed) && rig_status(&r) == 431 && closed,
		"a head that does not end is 431");
	buf_adds(&text, "\r\n\r\n");
	ok(ask_once(house, buf_cstr(&text), &r, &closed) && rig_status(&r) == 431 && closed,
		"and so is one that ends too late");
	buf_clear(&text);
	buf_adds(&text, "GET / HTTP/1.1\r\nHost: a\r\n");
	for (int i = 0; i < 64; i++)
		buf_adds(&text, "X: x\r\n");
	buf_adds(&text, "\r\n");
	ok(ask_once(house, buf_cstr(&text), &r, &closed) && rig_status(&r) == 431 && closed,
		"so are too many fields");
}

static void
refusals_reach_who_still_sends(struct house *house)
{
	struct link l = rig_connect(house->port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);
	static char flood[1024 * 1024];

	rig_say(&l, POST("/echo") "Content-Length: 1000000000\r\n\r\n");
	rig_send(&l, flood, sizeof(flood));
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 413,
		"a client that goes on sending still reads why it was refused");
	rig_close(&l);
	ok(open_becomes(house, 0), "and is forgotten when it closes");
}

static void
late_replies_are_dropped(struct house *house)
{
	struct link l = rig_connect(house->port, NULL);
	struct http_req *rq;

	rig_say(&l, GET("/hold"));
	rq = held(house);
	rig_close(&l);
	usleep(20000);
	reply_echo(rq);
	ok(open_becomes(house, 0), "a reply to a client that has gone is dropped");

	l = rig_connect(house->tls_port, NULL);
	rig_tls(&l, house->client, NULL);
	rig_say(&l, GET("/hold"));
	rq = held(house);
	/* a reset, so that the write fails at once */
	setsockopt(l.fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	rig_close(&l);
	usleep(20000);
	reply_echo(rq);
	ok(open_becomes(house, 0), "over TLS as well");
}

static void
unix_sockets_work(struct house *house)
{
	struct link l = rig_connect_unix(house->path);
	AUTO_BUF r = BUF_MAX(64 * 1024);
	AUTO_BUF want = BUF_MAX(64);
	struct stat st;

	buf_addf(&want, "%d %d", AF_UNIX, (int)getuid());
	rig_say(&l, GET("/who"));
	ok(rig_reply(&l, false, &r) && span_eq(rig_body(&r), buf_span(&want)),
		"a UNIX socket says who the peer is");
	ok(stat(house->path, &st) == 0 && (st.st_mode & 0777) == 0600, "its file has the mode asked for");
	rig_close(&l);
	l = rig_connect(house->port, NULL);
	buf_clear(&want);
	buf_addf(&want, "%d -1", AF_INET);
	rig_say(&l, GET("/who"));
	ok(rig_reply(&l, false, &r) && span_eq(rig_body(&r), buf_span(&want)), "a TCP peer has no uid");
	rig_close(&l);
}

/* The descriptors are used up while a client waits: it is served once there are some again. */
static void
no_descriptors_no_spinning(struct house *house)
{
	struct link l = rig_connect(house->port, NULL), late;
	struct rlimit was, few;
	struct rusage before, after;
	int fds[256], n = 0;
	AUTO_BUF r = BUF_MAX(64 * 1024);
	long used_ms;

	rig_close(&l);
	ok(open_becomes(house, 0), "all is quiet");
	getrlimit(RLIMIT_NOFILE, &was);
	few = was;
	few.rlim_cur = 128;
	setrlimit(RLIMIT_NOFILE, &few);
	while (n < 256 && (fds[n] = dup(0)) >= 0)
		n++;
	close(fds[--n]);
	late = rig_connect(house->port, NULL);
	rig_say(&late, GET("/echo"));
	getrusage(RUSAGE_SELF, &before);
	usleep(300000);
	getrusage(RUSAGE_SELF, &after);
	used_ms = (after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec -
		before.ru_stime.tv_sec) * 1000 + (after.ru_utime.tv_usec - before.ru_utime.tv_usec +
		after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1000;
	ok(used_ms < 100, "out of descriptors the acceptor does not spin (%ld ms of 300)", used_ms);
	while (n > 0)
		close(fds[--n]);
	ok(rig_reply(&late, false, &r) && rig_status(&r) == 200, "and takes the waiting client later");
	setrlimit(RLIMIT_NOFILE, &was);
	rig_close(&late);
}

static void
replies_leave_in_one_record(struct house *house)
{
	struct link l = rig_connect(house->tls_port, NULL);
	char piece[16 * 1024];
	int n;

	ok(rig_tls(&l, house->client, NULL), "TLS works");
	rig_say(&l, GET("/echo"));
	n = SSL_read(l.ssl, piece, sizeof(piece));
	ok(n > 9 && memcmp(piece + n - 8, "0 /echo ", 8) == 0, "head and body come in one record");
	rig_close(&l);
}

static void
large_replies_arrive(struct house *house)
{
	AUTO_BUF r = BUF_MAX(2 * BIG);

	for (int tls = 0; tls < 2; tls++) {
		struct link l = rig_connect(tls ? house->tls_port : house->port, NULL);

		if (tls)
			rig_tls(&l, house->client, NULL);
		rig_say(&l, GET("/big"));
		ok(rig_reply(&l, false, &r) && rig_body(&r).n == BIG, "4 MiB arrive %s",
			tls ? "over TLS" : "in the clear");
		rig_say(&l, GET("/echo"));
		ok(rig_reply(&l, false, &r) && rig_status(&r) == 200, "and the connection goes on");
		rig_close(&l);
	}
}

/* RFC 6066 4: small devices may want no more than 512 octets in a record. */
static void
short_records_arrive(struct house *house)
{
	struct link l = rig_connect(house->tls_port, NULL);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	AUTO_BUF r = BUF_MAX(64 * 1024);

	SSL_CTX_set_tlsext_max_fragment_length(ctx, TLSEXT_max_fragment_length_512);
	ok(rig_tls(&l, ctx, NULL) &&
			SSL_SESSION_get_max_fragment_length(SSL_get_session(l.ssl)) == TLSEXT_max_fragment_length_512,
		"a client that wants short records");
	rig_say(&l, GET("/fields") GET("/echo"));
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 200 && r.n > 600 && rig_has(&r, "X-Long: 0000") &&
			!memmem(r.p + 1, r.n - 1, "HTTP/1.1", 8),
		"a reply that is longer arrives once");
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 200 && rig_has(&r, "0 /echo "), "and the next one behind it");
	rig_close(&l);
	SSL_CTX_free(ctx);
}

static void
tls_closes_with_notice(struct house *house)
{
	struct link l = rig_connect(house->tls_port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);

	rig_tls(&l, house->client, NULL);
	rig_say(&l, GET("/close"));
	ok(rig_rest(&l, &r) && rig_status(&r) == 200, "TLS ends with close_notify");
	rig_close(&l);
}

/* A handshake with this client; does it work? */
static bool
shakes(struct house *house, SSL_CTX *ctx)
{
	struct link l = rig_connect(house->tls_port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);
	bool good = rig_tls(&l, ctx, NULL);

	if (good) {
		rig_say(&l, GET("/echo"));
		good = rig_reply(&l, false, &r);
	}
	rig_close(&l);
	return good;
}

static void
tls_is_modern(struct house *house)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
	ok(shakes(house, ctx), "TLS 1.3 is spoken");
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	ok(shakes(house, ctx), "TLS 1.2 is spoken");
	SSL_CTX_set_cipher_list(ctx, "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0");
	ok(!shakes(house, ctx), "but not with CBC");
	SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION);
	ok(!shakes(house, ctx), "TLS 1.1 is not");
	SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION);
	SSL_CTX_set1_groups_list(ctx, "P-521");
	ok(!shakes(house, ctx), "P-521 is not among the groups");
	SSL_CTX_set1_groups_list(ctx, "P-384");
	ok(shakes(house, ctx), "P-384 is");
	SSL_CTX_free(ctx);
}

static void
alpn_is_http_1_1(struct house *house)
{
	static const unsigned char both[] = "\2h2\10http/1.1", h2[] = "\2h2", prefix[] = "\7http/1.";
	struct link l = rig_connect(house->tls_port, NULL);
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	const unsigned char *chosen;
	unsigned n;

	SSL_CTX_set_alpn_protos(ctx, both, sizeof(both) - 1);
	rig_tls(&l, ctx, NULL);
	SSL_get0_alpn_selected(l.ssl, &chosen, &n);
	ok(n == 8 && memcmp(chosen, "http/1.1", 8) == 0, "ALPN chooses http/1.1");
	rig_close(&l);
	SSL_CTX_set_alpn_protos(ctx, h2, sizeof(h2) - 1);
	l = rig_connect(house->tls_port, NULL);
	ok(!rig_tls(&l, ctx, NULL) && ERR_GET_REASON(ERR_peek_error()) ==
			SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL,
		"a client that wants only h2 gets the alert for it");
	rig_close(&l);
	SSL_CTX_set_alpn_protos(ctx, prefix, sizeof(prefix) - 1);
	ok(!shakes(house, ctx), "half a name is none");
	SSL_CTX_free(ctx);
}

static SSL_SESSION *kept_session;

/* A request on a new connection that tries to resume the session of the last one. */
static bool
resumes(struct house *house, SSL_CTX *ctx, struct buf *ret_name)
{
	struct link l = rig_connect(house->tls_port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);
	bool reused;
	X509 *cert;
	char name[64] = "";

	rig_tls(&l, ctx, kept_session);
	rig_say(&l, GET("/echo"));
	reused = rig_reply(&l, false, &r) && SSL_session_reused(l.ssl);
	cert = SSL_get1_peer_certificate(l.ssl);
	if (cert)
		X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof(name));
	X509_free(cert);
	buf_clear(ret_name);
	buf_adds(ret_name, name);
	SSL_SESSION_free(kept_session);
	kept_session = SSL_get1_session(l.ssl);
	SSL_shutdown(l.ssl);
	rig_close(&l);
	return reused;
}

static void
sessions_are_resumed(struct house *house, int version)
{
	const char *name = version == TLS1_3_VERSION ? "TLS 1.3" : "TLS 1.2";
	struct httpd_tls *two = new_tls("two"), *one = new_tls("one");
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	AUTO_BUF cert = BUF_MAX(64);

	SSL_CTX_set_max_proto_version(ctx, version);
	ok(!resumes(house, ctx, &cert) && span_is(buf_span(&cert), "one"), "%s: a full handshake", name);
	ok(resumes(house, ctx, &cert), "%s: the session is resumed", name);
	httpd_face_set_tls(house->tls, two);
	ok(resumes(house, ctx, &cert), "%s: also after the certificate was swapped", name);
	clock_turn(3601);
	ok(resumes(house, ctx, &cert), "%s: also when the ticket key is an hour old", name);
	clock_turn(3601);
	ok(resumes(house, ctx, &cert), "%s: and the new ticket an hour later", name);
	clock_turn(7300);
	ok(!resumes(house, ctx, &cert), "%s: but not when it is older than two", name);
	ok(span_is(buf_span(&cert), "two"), "%s: then the new certificate is shown", name);
	httpd_face_set_tls(house->tls, one);
	SSL_SESSION_free(kept_session);
	kept_session = NULL;
	ok(!resumes(house, ctx, &cert) && span_is(buf_span(&cert), "one"),
		"%s: and after another swap the next one", name);
	SSL_SESSION_free(kept_session);
	kept_session = NULL;
	httpd_tls_unref(one);
	httpd_tls_unref(two);
	SSL_CTX_free(ctx);
}

/* Is the face's certificate for this name? */
static bool
shows(struct httpd_face *face, const char *name)
{
	AUTO_BUF der = BUF_MAX(64 * 1024);
	const unsigned char *at;
	char cn[64] = "";
	X509 *cert;

	if (!httpd_face_cert(face, &der))
		return false;
	at = (const unsigned char *)der.p;
	cert = d2i_X509(NULL, &at, (long)der.n);
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, cn, sizeof(cn));
	X509_free(cert);
	return strcmp(cn, name) == 0;
}

static void
a_swap_leaves_running_connections(struct house *house)
{
	struct link l = rig_connect(house->tls_port, NULL);
	struct httpd_tls *next = new_tls("next");
	AUTO_BUF r = BUF_MAX(64 * 1024);

	rig_tls(&l, house->client, NULL);
	httpd_face_set_tls(house->tls, next);
	httpd_tls_unref(next);
	rig_say(&l, GET("/echo"));
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 200, "a running connection outlives a swap");
	ok(shows(house->tls, "next"), "the face tells what new ones are shown");
	ok(!shows(house->plain, "next"), "a face without TLS shows none");
	rig_close(&l);
}

static void
bad_pem_is_refused(void)
{
	AUTO_BUF cert = BUF_MAX(8192);
	AUTO_BUF key = BUF_MAX(8192);
	AUTO_BUF other_cert = BUF_MAX(8192);
	AUTO_BUF other_key = BUF_MAX(8192);
	struct httpd_tls *tls = NULL;
	struct problem pr = { 0 };

	rig_cert("a", &cert, &key);
	rig_cert("b", &other_cert, &other_key);
	ok(!httpd_tls_from_pem(SPAN("nonsense"), buf_span(&key), &tls, &pr) && !tls,
		"a certificate that is none is refused");
	ok(!httpd_tls_from_pem(buf_span(&cert), buf_span(&other_key), &tls, &pr) && !tls,
		"a key of another certificate is refused");
	ok(!httpd_tls_from_pem(buf_span(&cert), SPAN(""), &tls, &pr) && !tls, "no key is refused");
	buf_adds(&cert, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	ok(!httpd_tls_from_pem(buf_span(&cert), buf_span(&key), &tls, &pr) && !tls,
		"a chain with a broken certificate is refused");
	ok(!httpd_tls_load("/nonexistent/cert", "/nonexistent/key", &tls, &pr) && !tls && pr.cause[0],
		"files that are not there are refused with a cause");
}

static size_t
on_curl(char *p, size_t size, size_t n, void *arg)
{
	buf_add(arg, p, size * n);
	return size * n;
}

static void
curl_is_content(struct house *house)
{
	CURL *curl = curl_easy_init();
	AUTO_BUF r = BUF_MAX(64 * 1024);
	AUTO_BUF url = BUF_MAX(64);
	static char post[60000];
	long connects = 0, n;

	memset(post, 'p', sizeof(post));
	buf_addf(&url, "https://127.0.0.1:%u/echo", house->tls_port);
	curl_easy_setopt(curl, CURLOPT_URL, buf_cstr(&url));
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_curl);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &r);
	for (int i = 0; i < 3; i++) {
		if (curl_easy_perform(curl) != CURLE_OK)
			break;
		curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &n);
		connects += n;
	}
	ok(span_is(buf_span(&r), "0 /echo 0 /echo 0 /echo ") && connects == 1,
		"libcurl makes three requests on one connection");
	buf_clear(&r);
	/* libcurl sends Expect: 100-continue with a body of this size */
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)sizeof(post));
	ok(curl_easy_perform(curl) == CURLE_OK && r.n == 8 + sizeof(post), "and posts 60 kB");
	curl_easy_cleanup(curl);
}

#define HAMMER_ROUNDS 100

static void *
hammer(void *arg)
{
	struct house *house = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	AUTO_BUF r = BUF_MAX(64 * 1024);
	uintptr_t good = 0;

	for (int i = 0; i < HAMMER_ROUNDS / 10; i++) {
		bool tls = i % 2;
		struct link l = rig_connect(tls ? house->tls_port : house->port, NULL);

		if (tls && !rig_tls(&l, ctx, NULL))
			break;
		for (int j = 0; j < 10; j++) {
			rig_say(&l, j % 2 ? GET("/pool") : GET("/echo"));
			good += rig_reply(&l, false, &r) && rig_status(&r) == 200;
		}
		rig_close(&l);
	}
	SSL_CTX_free(ctx);
	return (void *)good;
}

static void
many_clients_at_once(struct house *house)
{
	struct httpd_tls *tls = new_tls("hammer");
	pthread_t threads[4];
	uintptr_t good = 0;
	void *one;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, hammer, house);
	for (int i = 0; i < 20; i++) {
		httpd_face_set_tls(house->tls, tls);
		httpd_set_limits(house->h, &http_default_limits);
		usleep(2000);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &one);
		good += (uintptr_t)one;
	}
	httpd_tls_unref(tls);
	is_int(good, 4 * HAMMER_ROUNDS, "four clients at once get all their replies");
	ok(open_becomes(house, 0), "and leave nothing behind");
}

static void
ordinary_life(void)
{
	struct house house;

	house_open(&house, &http_default_limits);
	requests_are_answered(&house);
	octets_may_come_one_by_one(&house);
	pipelined_requests_wait(&house);
	expectations_are_met(&house);
	connections_end(&house);
	half_closed_is_served(&house);
	faults_are_refused(&house);
	large_heads_are_refused(&house);
	refusals_reach_who_still_sends(&house);
	late_replies_are_dropped(&house);
	unix_sockets_work(&house);
	no_descriptors_no_spinning(&house);
	replies_leave_in_one_record(&house);
	large_replies_arrive(&house);
	short_records_arrive(&house);
	tls_closes_with_notice(&house);
	tls_is_modern(&house);
	alpn_is_http_1_1(&house);
	sessions_are_resumed(&house, TLS1_3_VERSION);
	sessions_are_resumed(&house, TLS1_2_VERSION);
	a_swap_leaves_running_connections(&house);
	curl_is_content(&house);
	many_clients_at_once(&house);
	house_close(&house);
	ok(access(house.path, F_OK) != 0, "the UNIX socket's file is gone");
}

/* Send an octet of `text` now and then until the server answers or closes; how long did it stand that? */
static msec_t
dribble(struct link *l, const char *text)
{
	msec_t start = clock_ms();
	char c;

	for (; *text && clock_ms() - start < RIG_WAIT_MS; text++) {
		rig_send(l, text, 1);
		usleep(10000);
		if (recv(l->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN)
			break;
	}
	return clock_ms() - start;
}

#define ABOUT(ms, want) ((ms) >= (want) - 50 && (ms) < (want) + 1500)

static void
slow_requests_time_out(struct house *house)
{
	static const char endless[] = "GET /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
	struct link l = rig_connect(house->port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);
	uint64_t before = stats(house).timeouts;
	msec_t ms = dribble(&l, endless);

	ok(ABOUT(ms, 300), "a head that dribbles in is cut off in time (%d ms)", (int)ms);
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 408 && rig_is_closed(&l), "with 408");
	ok(rig_has(&r, "refused head: "), "by the face");
	rig_close(&l);
	l = rig_connect(house->port, NULL);
	rig_say(&l, POST("/echo") "Content-Length: 1000\r\n\r\n");
	ms = dribble(&l, endless);
	ok(ABOUT(ms, 400), "so is a body (%d ms)", (int)ms);
	ok(rig_reply(&l, false, &r) && rig_status(&r) == 408 && rig_has(&r, "refused request: "),
		"with 408, and the face knows the request");
	rig_close(&l);
	is_int(stats(house).timeouts - before, 2, "and both are counted");
}

/* How long until the server closes. */
static msec_t
closed_after(struct link *l)
{
	msec_t start = clock_ms();

	return rig_is_closed(l) ? clock_ms() - start : -1;
}

static void
silent_clients_time_out(struct house *house)
{
	struct link l = rig_connect(house->port, NULL);
	AUTO_BUF r = BUF_MAX(64 * 1024);
	msec_t ms = closed_after(&l);

	ok(ABOUT(ms, 300), "a client that says nothing is let go (%d ms)", (int)ms);
	rig_close(&l);
	l = rig_connect(house->port, NULL);
	rig_say(&l, GET("/echo"));
	rig_reply(&l, false, &r);
	ms = closed_after(&l);
	ok(ABOUT(ms, 500), "one that has had its reply may be silent for longer (%d ms)", (int)ms);
	rig_close(&l);
	l = rig_connect(house->tls_port, NULL);
	ms = closed_after(&l);
	ok(ABOUT(ms, 200), "one that does not begin its handshake for shorter (%d ms)", (int)ms);
	rig_close(&l);
	l = rig_connect(house->tls_port, NULL);
	ms = dribble(&l, "\x16\x03\x01\x02\x01\x01\xfc\x03\x03 012345678901234567890123456789012345678901234");
	ok(ABOUT(ms, 200), "a handshake that dribbles in is cut off (%d ms)", (int)ms);
	rig_close(&l);
	l = rig_connect(house->tls_port, NULL);
	rig_tls(&l, house->client, NULL);
	rig_say(&l, GET("/echo"));
	rig_reply(&l, false, &r);
	ms = clock_ms();
	ok(rig_rest(&l, &r), "TLS: an idle connection ends with close_notify");
	ms = clock_ms() - ms;
	ok(ABOUT(ms, 500), "in time (%d ms)", (int)ms);
	rig_close(&l);
}

static void
slow_readers_time_out(struct house *house)
{
	for (int tls = 0; tls < 2; tls++) {
		struct link l = rig_connect(tls ? house->tls_port : house->port, NULL);
		uint64_t before = stats(house).timeouts;

		if (tls)
			rig_tls(&l, house->client, NULL);
		rig_say(&l, GET("/big") GET("/big") GET("/big") GET("/big"));
		for (int i = 0; i < RIG_WAIT_MS / 5 && stats(house).timeouts == before; i++)
			usleep(5000);
		ok(stats(house).timeouts == before + 1 && open_becomes(house, 0),
			"a client that does not read its reply is cut off%s", tls ? " over TLS" : "");
		rig_close(&l);
	}
}

static void
impatience(void)
{
	struct http_limits limits = http_default_limits;
	struct house house;

	limits.handshake_ms = 200;
	limits.head_ms = 300;
	limits.body_ms = 400;
	limits.idle_ms = 500;
	limits.write_ms = 300;
	house_open(&house, &limits);
	slow_requests_time_out(&house);
	silent_clients_time_out(&house);
	slow_readers_time_out(&house);
	house_close(&house);
}

static bool
answers(struct link *l)
{
	AUTO_BUF r = BUF_MAX(64 * 1024);

	rig_say(l, GET("/echo"));
	return rig_reply(l, false, &r) && rig_status(&r) == 200;
}

static void
connections_are_counted(void)
{
	struct http_limits limits = http_default_limits;
	struct house house;
	struct link l[5];

	limits.conns_max = 3;
	limits.conns_per_addr = 2;
	house_open(&house, &limits);
	for (int i = 0; i < 2; i++) {
		l[i] = rig_connect(house.port, NULL);
		answers(&l[i]);
	}
	l[2] = rig_connect(house.port, NULL);
	ok(rig_is_closed(&l[2]), "one connection too many from an address is closed");
	is_int(stats(&house).refused_addr, 1, "and counted");
	rig_close(&l[2]);
	l[2] = rig_connect(house.port, "127.0.0.2");
	ok(answers(&l[2]), "another address has its own count");
	l[3] = rig_connect_unix(house.path);
	ok(answers(&l[3]), "a UNIX socket is not counted by address");
	/* who fills one face must not lock out those at another */
	l[4] = rig_connect(house.port, "127.0.0.3");
	ok(rig_is_closed(&l[4]), "one connection too many of a face is closed");
	rig_close(&l[4]);
	l[4] = rig_connect_unix(house.path);
	ok(answers(&l[4]), "the operators' socket is still there");
	is_int(stats(&house).refused_all, 1, "and counted");
	rig_close(&l[4]);
	rig_close(&l[0]);
	rig_close(&l[3]);
	ok(open_becomes(&house, 2), "connections that end are counted off");
	/* the address is counted off by another thread than the sum */
	for (int i = 0; i < 100; i++) {
		l[0] = rig_connect(house.port, NULL);
		if (answers(&l[0]))
			break;
		rig_close(&l[0]);
		usleep(5000);
	}
	ok(answers(&l[0]), "and make room");
	limits.conns_per_addr = 0;
	limits.conns_max = 4;
	httpd_set_limits(house.h, &limits);
	l[3] = rig_connect(house.port, NULL);
	ok(answers(&l[3]), "limits may be changed while it runs");
	for (int i = 0; i < 4; i++)
		rig_close(&l[i]);
	house_close(&house);
}

/* The socket is open to every user of the machine: what one of them holds is bounded, and takes nothing from the network's. */
static void
users_are_counted(void)
{
	enum { MOST = 128 };
	struct http_limits limits = http_default_limits;
	struct house house;
	struct link l[MOST + 1], tcp;

	limits.conns_max = 2;
	house_open(&house, &limits);
	for (int i = 0; i < MOST; i++)
		l[i] = rig_connect_unix(house.path);
	ok(answers(&l[0]) && answers(&l[MOST - 1]), "a user of this machine may have 128 connections");
	l[MOST] = rig_connect_unix(house.path);
	ok(rig_is_closed(&l[MOST]), "and no more");
	tcp = rig_connect(house.port, NULL);
	ok(answers(&tcp), "they take no room from those by TCP");
	rig_close(&tcp);
	for (int i = 0; i <= MOST; i++)
		rig_close(&l[i]);
	house_close(&house);
}

static bool
same_source(const char *a, uid_t user_a, const char *b, uid_t user_b)
{
	unsigned char keys[2][SOURCE_KEY];
	struct addr local = { .family = AF_UNIX }, addr[2] = { local, local };

	if ((a && !addr_parse(span_str(a), &addr[0])) || (b && !addr_parse(span_str(b), &addr[1])))
		return false;
	addr[0].port = 1;
	source_key(&addr[0], user_a, keys[0]);
	source_key(&addr[1], user_b, keys[1]);
	return memcmp(keys[0], keys[1], SOURCE_KEY) == 0;
}

static void
sources_are_told_apart(void)
{
	ok(same_source("192.0.2.1", 0, "192.0.2.1", 0), "an address is one source, whatever its port");
	ok(!same_source("192.0.2.1", 0, "192.0.2.2", 0), "two addresses are two");
	ok(same_source("2001:db8::1", 0, "2001:db8::ffff:1:2:3", 0), "a /64 of IPv6 is one source");
	ok(!same_source("2001:db8::1", 0, "2001:db8:0:1::1", 0), "two of them are two");
	ok(!same_source("c000:201::", 0, "192.0.2.1", 0), "IPv6 is not taken for IPv4");
	ok(same_source(NULL, 1000, NULL, 1000) && !same_source(NULL, 1000, NULL, 1001), "users of UNIX sockets are told apart");
}

struct stopper {
	struct house *house;
	msec_t drain_ms, took_ms;
};

static void *
stop(void *arg)
{
	struct stopper *s = arg;
	msec_t start = clock_ms();

	httpd_stop(s->house->h, s->drain_ms);
	s->took_ms = clock_ms() - start;
	return NULL;
}

static void
a_stop_is_graceful(void)
{
	struct house house;
	struct stopper s = { .house = &house, .drain_ms = 5000 };
	struct link idle, busy, fresh, other, refused;
	AUTO_BUF r = BUF_MAX(64 * 1024);
	struct http_req *rq;
	pthread_t thread;

	house_open(&house, &http_default_limits);
	idle = rig_connect(house.port, NULL);
	answers(&idle);
	busy = rig_connect(house.tls_port, NULL);
	rig_tls(&busy, house.client, NULL);
	rig_say(&busy, GET("/hold"));
	rq = held(&house);
	fresh = rig_connect(house.port, NULL);
	/* connections are dealt evenly: this one is at the same front as `busy` */
	other = rig_connect(house.port, NULL);
	answers(&other);
	pthread_create(&thread, NULL, stop, &s);
	ok(answers(&fresh), "a connection that had no request yet when a stop begins may still send it");
	ok(answers(&other), "and one that had some may send another");
	ok(rig_is_closed(&idle) && rig_is_closed(&other), "a stop closes idle connections");
	refused = rig_connect(house.port, NULL);
	ok(refused.fd < 0, "no new one is taken");
	reply_echo(rq);
	ok(rig_reply(&busy, false, &r) && rig_status(&r) == 200 && rig_has(&r, "Connection: close\r\n"),
		"a request at its handler is answered");
	ok(rig_is_closed(&busy), "and then closed");
	rig_close(&idle);
	rig_close(&other);
	rig_close(&busy);
	rig_close(&fresh);
	pthread_join(thread, NULL);
	ok(s.took_ms < s.drain_ms, "a stop waits no longer than needed (%d ms)", (int)s.took_ms);
	is_int(stats(&house).open, 0, "and leaves no connection");
	house_close(&house);
}

static void
a_stop_does_not_wait_for_ever(void)
{
	struct house house;
	struct stopper s = { .house = &house, .drain_ms = 100 };
	struct link l;
	struct http_req *rq;

	house_open(&house, &http_default_limits);
	l = rig_connect(house.port, NULL);
	rig_say(&l, GET("/hold"));
	rq = held(&house);
	stop(&s);
	ok(ABOUT(s.took_ms, 100), "a stop ends when its time is up (%d ms)", (int)s.took_ms);
	ok(rig_is_closed(&l), "and closes what is left");
	reply_echo(rq);
	ok(true, "a reply after the stop is dropped");
	rig_close(&l);
	house_close(&house);
}

static void
requests_without_reply_are_freed(void)
{
	struct house house;
	struct link l;

	house_open(&house, &http_default_limits);
	l = rig_connect(house.port, NULL);
	rig_say(&l, POST("/hold") "Content-Length: 3\r\n\r\nabc");
	held(&house);
	house_close(&house);
	ok(rig_is_closed(&l), "the server can be freed with a request unanswered");
	rig_close(&l);
}

static void
sockets_are_handed_over(void)
{
	struct httpd *h = httpd_new(1, &http_default_limits);
	struct house house = { .h = h };
	struct httpd_face_conf conf = { .name = "fd", .handler = on_request, .arg = &house };
	struct sockaddr_storage sa;
	socklen_t n = addr_to_sockaddr(
		&(struct addr){ .family = AF_INET, .octet = { 127, 0, 0, 1 } }, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct httpd_face *face = NULL;
	struct problem pr = { 0 };
	struct link l;

	pthread_mutex_init(&house.lock, NULL);
	if (bind(fd, (struct sockaddr *)&sa, n) != 0 || listen(fd, 5) != 0)
		abort();
	ok(httpd_face_add_fd(h, &conf, fd, &face, &pr), "a listening socket can be handed over");
	ok(fcntl(fd, F_GETFD) == FD_CLOEXEC && (fcntl(fd, F_GETFL) & O_NONBLOCK), "and is made ours");
	/* it waits in the queue before anybody accepts */
	l = rig_connect(httpd_face_port(face), NULL);
	httpd_start(h);
	ok(answers(&l), "and serves");
	rig_close(&l);
	ok(!httpd_face_add(h, &(struct httpd_face_conf){ .name = "taken", .handler = on_request,
		.listen = &(struct addr){ .family = AF_INET, .octet = { 127, 0, 0, 1 },
			.port = httpd_face_port(face) }, .listen_count = 1 }, &face, &pr) && pr.cause[0],
		"an address that is taken is refused with a cause");
	httpd_free(h);
}

static int
listening_socket(struct addr *ret_where)
{
	struct sockaddr_storage sa;
	socklen_t n = addr_to_sockaddr(&(struct addr){ .family = AF_INET, .octet = { 127, 0, 0, 1 } }, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&sa, n) != 0 || listen(fd, 5) != 0 || getsockname(fd, (struct sockaddr *)&sa, &n) != 0)
		abort();
	addr_from_sockaddr((struct sockaddr *)&sa, ret_where);
	return fd;
}

/* A server on a copy of the descriptor, as a service manager hands it over. */
static struct httpd *
on_held(struct house *house, int fd, const struct addr *where)
{
	struct httpd *h = httpd_new(1, &http_default_limits);
	const int copy = dup(fd);
	struct httpd_face *face;
	struct problem pr = { 0 };

	if (!httpd_face_add(h, &(struct httpd_face_conf){ .name = "held", .handler = on_request, .arg = house, .listen = where, .listen_count = 1,
			.held = &copy, .held_count = 1 }, &face, &pr))
		abort();
	is_int(httpd_face_port(face), where->port, "a held socket serves in place of one of its own");
	return h;
}

static void
held_sockets_outlive_the_server(void)
{
	struct house house = { 0 };
	struct addr where;
	int fd = listening_socket(&where);
	struct link before, between;
	struct httpd *h;

	pthread_mutex_init(&house.lock, NULL);
	h = on_held(&house, fd, &where);
	httpd_start(h);
	before = rig_connect(where.port, NULL);
	ok(answers(&before), "a server answers on a held socket");
	httpd_free(h);
	/* nobody accepts now */
	between = rig_connect(where.port, NULL);
	ok(between.fd >= 0, "between two servers a connection waits");
	h = on_held(&house, fd, &where);
	httpd_start(h);
	ok(answers(&between), "and is served by the next");
	rig_close(&before);
	rig_close(&between);
	httpd_free(h);
	close(fd);
}

static void
foreign_sockets_are_refused(void)
{
	struct httpd *h = httpd_new(1, &http_default_limits);
	struct addr where, elsewhere;
	int good = listening_socket(&where), deaf = socket(AF_INET, SOCK_STREAM, 0), fds[2];
	struct httpd_face_conf fc = { .name = "held", .handler = on_request, .listen = &where, .listen_count = 1, .held = fds, .held_count = 2 };
	struct problem pr = { 0 };

	fds[0] = listening_socket(&elsewhere);
	fds[1] = dup(good);
	ok(!httpd_face_add(h, &fc, NULL, &pr) && strstr(pr.cause, "no address of this face"), "a held socket at another address is refused: %s", pr.cause);
	ok(fcntl(fds[0], F_GETFD) < 0 && fcntl(fds[1], F_GETFD) < 0, "and all of them are closed");
	fds[0] = deaf;
	fds[1] = good;
	ok(!httpd_face_add(h, &fc, NULL, &(struct problem){ 0 }), "so is one that does not listen");
	httpd_free(h);
}

static void
stale_sockets_are_replaced(void)
{
	struct httpd *h = httpd_new(1, &http_default_limits), *second;
	struct httpd_face_conf conf = { .name = "unix", .handler = on_request, .unix_mode = 0660 };
	char path[64], too_long[200];
	struct problem pr = { 0 };

	snprintf(path, sizeof(path), "test_stale.%d.sock", (int)getpid());
	conf.unix_path = path;
	ok(httpd_face_add(h, &conf, NULL, &pr), "a UNIX socket is made");
	second = httpd_new(1, &http_default_limits);
	ok(!httpd_face_add(second, &conf, NULL, &pr) && access(path, F_OK) == 0,
		"a second server does not take it away");
	httpd_free(h);
	ok(access(path, F_OK) != 0, "it goes with its server");
	if (mknod(path, S_IFREG | 0600, 0) != 0)
		abort();
	ok(!httpd_face_add(second, &conf, NULL, &pr) && access(path, F_OK) == 0, "a file is not overwritten");
	unlink(path);
	memset(too_long, 'x', sizeof(too_long));
	too_long[sizeof(too_long) - 1] = '\0';
	conf.unix_path = too_long;
	ok(!httpd_face_add(second, &conf, NULL, &pr) && pr.kind == PROBLEM_MALFORMED,
		"a path that is too long is refused");
	httpd_free(second);
}

int
main(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	bad_pem_is_refused();
	ordinary_life();
	impatience();
	connections_are_counted();
	users_are_counted();
	sources_are_told_apart();
	a_stop_is_graceful();
	a_stop_does_not_wait_for_ever();
	requests_without_reply_are_freed();
	sockets_are_handed_over();
	held_sockets_outlive_the_server();
	foreign_sockets_are_refused();
	stale_sockets_are_replaced();
	curl_global_cleanup();
	return done_testing();
}
