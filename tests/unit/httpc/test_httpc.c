/* HTTP without TLS: every result, limits and deadlines, reuse of connections, pins and allowed networks, proxies. */
#include <dlfcn.h>
#include <netdb.h>

#include "client.h"
#include "server.h"

static struct server server, other, six; /* six: on ::1, if there is IPv6 */

/* In libcurl's place of the real one: a resolver that hangs. */
int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		(int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(
			RTLD_NEXT, "getaddrinfo");

	if (name && strcmp(name, "hang.invalid") == 0) {
		usleep(1000 * 1000);
		return EAI_AGAIN;
	}
	return real(name, service, hints, ret);
}

static bool
answer(struct peer *p)
{
	if (peer_path_is(p, "/ok") || peer_path_is(p, "/a/../b%2f%7e?x=%C3&y=1")) {
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A:  one \r\nx-a: two\r\n\r\nhello");
	} else if (peer_path_is(p, "/echo")) {
		char head[64];

		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			strlen(p->request));
		peer_say(p, head);
		peer_say(p, p->request);
	} else if (peer_path_is(p, "/missing")) {
		peer_say(p, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	} else if (peer_path_is(p, "/redirect")) {
		peer_say(p, "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n");
	} else if (peer_path_is(p, "/chunked")) {
		peer_say(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
			    "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-T: late\r\n\r\n");
	} else if (peer_path_is(p, "/interim")) {
		peer_say(p, "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
			    "HTTP/1.1 200 OK\r\nX-Final: a\r\n b\r\nContent-Length: 2\r\n\r\nok");
	} else if (peer_path_is(p, "/closed")) {
		peer_say(p, "HTTP/1.0 200 OK\r\n\r\nuntil the end");
		return false;
	} else if (peer_path_is(p, "/short")) {
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
		return false;
	} else if (peer_path_is(p, "/short-chunk")) {
		peer_say(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc");
		return false;
	} else if (peer_path_is(p, "/bad-chunk")) {
		peer_say(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n");
		return false;
	} else if (peer_path_is(p, "/old")) {
		peer_say(p, "this is HTTP/0.9\n");
		return false;
	} else if (peer_path_is(p, "/nothing")) {
		return false;
	} else if (peer_path_is(p, "/drip")) {
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
		for (int i = 0; i < 30; i++) {
			peer_say(p, "x");
			usleep(20000);
		}
		return false;
	} else if (peer_path_is(p, "/silent")) {
		char c;

		(void)!peer_read(p, &c, 1);
		return false;
	} else if (peer_path_is(p, "/endless-head")) {
		peer_say(p, "HTTP/1.1 200 OK\r\n");
		for (int i = 0; i < 2000; i++)
			peer_say(p, "X-Fill: 0123456789012345678901234567890123456789\r\n");
		return false;
	} else if (peer_path_is(p, "/gzip")) {
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
	} else if (peer_path_is(p, "/once")) {
		/* the second request of a connection is read, and the connection ends without a reply */
		if (p->served > 1)
			return false;
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	} else if (strncmp(p->request, "GET http://", 11) == 0) {
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied");
	} else if (strncmp(p->request, "CONNECT ", 8) == 0) {
		peer_say(p, "HTTP/1.1 403 Forbidden\r\nX-Proxy: 1\r\nContent-Length: 0\r\n\r\n");
	} else if (strncmp(p->request, "HEAD ", 5) == 0) {
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nReplay-Nonce: abc\r\n\r\n");
	} else {
		return false;
	}
	return true;
}

static struct httpc_request
get(const char *path)
{
	return (struct httpc_request){ .method = "GET", .url = url_of(server.port, path),
		.body_max_bytes = 4096 };
}

static struct httpc_request
post(const char *path)
{
	struct httpc_request rq = get(path);

	rq.method = "POST";
	rq.body = span_str("{}");
	rq.content_type = "application/jose+json";
	return rq;
}

static struct httpc_reply *
fetch_get(const char *path)
{
	struct httpc_request rq = get(path);

	return fetch(&rq);
}

static void
test_replies(void)
{
	struct httpc_request rq;
	struct httpc_reply *rp = fetch_get("/ok");
	char text[ADDR_TEXT];

	is_result(rp, HTTPC_OK, "a reply is ok");
	is_int(rp->status, 200, "its status is there");
	ok(span_is(buf_span(&rp->body), "hello"), "its body is there");
	ok(span_is(httpc_field(rp, "X-A", 0), "one"), "its first field of a name is there, trimmed");
	ok(span_is(httpc_field(rp, "X-A", 1), "two"), "and the second");
	ok(!httpc_field(rp, "X-A", 2).p, "and no third");
	is_str(addr_text(&rp->connected, text), "127.0.0.1", "the address is told");
	is_int(rp->connected.port, server.port, "and the port");

	rp = fetch_get("/a/../b%2f%7e?x=%C3&y=1");
	is_int(rp->status, 200, "the URL's octets go out as they are");
	rp = fetch_get("/missing");
	is_result(rp, HTTPC_OK, "404 is a reply as well");
	is_int(rp->status, 404, "with its status");
	rp = fetch_get("/redirect");
	is_int(rp->status, 302, "a redirect is not followed");
	ok(span_is(httpc_field(rp, "location", 0), "/ok"), "its Location is there");
	rp = fetch_get("/chunked");
	ok(span_is(buf_span(&rp->body), "abcdefg"), "a chunked body is put together");
	ok(!httpc_field(rp, "X-T", 0).p, "trailers are left out");
	rp = fetch_get("/interim");
	is_int(rp->status, 200, "an interim reply is passed over");
	ok(!httpc_field(rp, "X-Early", 0).p, "its fields too");
	ok(span_is(httpc_field(rp, "X-Final", 0), "a b"), "a folded field is unfolded");
	rp = fetch_get("/closed");
	ok(span_is(buf_span(&rp->body), "until the end"), "a body that ends with the connection");
	rp = fetch_get("/gzip");
	ok(span_is(buf_span(&rp->body), "abc"), "a coded body is not decoded");

	rq = get("/head");
	rq.method = "HEAD";
	rq.body_max_bytes = 0;
	rp = fetch(&rq);
	is_result(rp, HTTPC_OK, "HEAD has no body whatever its length says");
	ok(span_is(httpc_field(rp, "replay-nonce", 0), "abc"), "and its fields");
}

static void
test_request(void)
{
	struct httpc_request rq = post("/echo");
	struct httpc_reply *rp = fetch(&rq);
	const char *text = buf_cstr(&rp->body);

	ok(strncmp(text, "POST /echo HTTP/1.1\r\n", 21) == 0, "POST goes out as HTTP/1.1");
	ok(strstr(text, "\r\nContent-Type: application/jose+json\r\n"), "with its content type");
	ok(strstr(text, "\r\nAccept: */*\r\n"), "with any Accept");
	ok(strstr(text, "\r\nAccept-Language: en\r\n"), "with Accept-Language");
	ok(strstr(text, "\r\nUser-Agent: acmegate/"), "with User-Agent");
	ok(strstr(text, "libcurl/"), "that names libcurl");
	ok(!strcasestr(text, "\r\nExpect:"), "without Expect");
	ok(!strcasestr(text, "\r\nAuthorization:"), "without Authorization");
	ok(!strcasestr(text, "\r\nAccept-Encoding:"), "without Accept-Encoding");
	ok(strstr(text, "\r\n\r\n{}"), "with its body");

	rq.body = SPAN_NONE;
	rq.content_type = NULL;
	rq.accept = "application/pem-certificate-chain";
	rq.host_header = "device.example";
	rq.authorization = "Bearer t0ken";
	rp = fetch(&rq);
	text = buf_cstr(&rp->body);
	ok(strstr(text, "\r\nContent-Length: 0\r\n"), "POST without body says so");
	ok(!strcasestr(text, "\r\nContent-Type:"), "without content type if there is none");
	ok(strstr(text, "\r\nHost: device.example\r\n"), "with the given Host");
	ok(strstr(text, "\r\nAccept: application/pem-certificate-chain\r\n"), "with the given Accept");
	ok(strstr(text, "\r\nAuthorization: Bearer t0ken\r\n"), "with the given Authorization");

	rq = post("/echo");
	rq.method = "DELETE";
	rp = fetch(&rq);
	ok(strncmp(buf_cstr(&rp->body), "DELETE /echo ", 13) == 0, "other methods go out as they are");
}

static void
test_faults(void)
{
	struct httpc_request rq = get("/ok");
	struct httpc_reply *rp;
	struct server gone;

	rq.body_max_bytes = 5;
	is_result(fetch(&rq), HTTPC_OK, "a body of just the allowed size is ok");
	rq.body_max_bytes = 4;
	is_result(fetch(&rq), HTTPC_TOO_LARGE, "a body one octet longer is too large");
	is_result(fetch_get("/endless-head"), HTTPC_TOO_LARGE, "an endless head is too large");
	is_result(fetch_get("/short"), HTTPC_BROKEN, "a body short of its Content-Length is broken");
	is_result(fetch_get("/short-chunk"), HTTPC_BROKEN, "a cut chunk is broken");
	is_result(fetch_get("/bad-chunk"), HTTPC_BROKEN, "a bad chunk length is broken");
	is_result(fetch_get("/old"), HTTPC_BROKEN, "HTTP/0.9 is refused");
	is_result(fetch_get("/nothing"), HTTPC_BROKEN, "a close without a reply is broken");

	rq = get("/drip");
	rq.total_ms = 200;
	rp = fetch(&rq);
	is_result(rp, HTTPC_TIMEOUT, "a dripping reply meets the total deadline");
	ok(rp->took_ms >= 190 && rp->took_ms < 500, "in time");
	rq = get("/silent");
	rq.total_ms = 150;
	is_result(fetch(&rq), HTTPC_TIMEOUT, "so does a silent server");

	server_start(&gone, "127.0.0.1", NULL, answer);
	server_stop(&gone);
	rq = get("/ok");
	rq.url = url_of(gone.port, "/ok");
	rp = fetch(&rq);
	is_result(rp, HTTPC_CONNECT, "a closed port refuses");
	is_int(rp->connected.family, 0, "and is not connected");
	rq.url = "http://no-such-name.invalid/";
	rq.connect_ms = 3000;
	is_result(fetch(&rq), HTTPC_DNS, "an unknown name is a DNS fault");
	rq.url = "ftp://127.0.0.1/";
	is_result(fetch(&rq), HTTPC_CONNECT, "ftp is refused");
	rq.url = "http://user:pw@127.0.0.1/";
	is_result(fetch(&rq), HTTPC_CONNECT, "a URL with a user is refused");
	rq.url = "http://127.0.0.1:99999/";
	is_result(fetch(&rq), HTTPC_CONNECT, "a bad URL is refused");
}

static void
test_connect_timeout(void)
{
	struct sockaddr_storage ss;
	struct addr a = { .family = AF_INET, .octet = { 127, 0, 0, 1 } };
	socklen_t n = addr_to_sockaddr(&a, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0), fill[4];
	struct httpc_request rq = get("/");
	struct httpc_reply *rp;

	/* a listener that never accepts, its queue full: SYNs are dropped */
	if (bind(fd, (void *)&ss, n) != 0 || listen(fd, 0) != 0)
		abort();
	n = sizeof(ss);
	getsockname(fd, (void *)&ss, &n);
	addr_from_sockaddr((void *)&ss, &a);
	for (size_t i = 0; i < COUNT_OF(fill); i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fill[i], (void *)&ss, n);
	}
	rq.url = url_of(a.port, "/");
	rq.connect_ms = 150;
	rp = fetch(&rq);
	is_result(rp, HTTPC_CONNECT, "a connect time-out means that nothing was sent");
	ok(rp->took_ms < 1000, "after connect_ms");
	rq.connect_ms = 10000;
	rq.total_ms = 150;
	is_result(fetch(&rq), HTTPC_CONNECT, "so does the total deadline while connecting");
	for (size_t i = 0; i < COUNT_OF(fill); i++)
		close(fill[i]);
	close(fd);
}

static void
test_resolver(void)
{
	struct httpc_request rq = get("/");
	struct httpc_reply *rp;

	rq.url = "http://hang.invalid/";
	rq.connect_ms = 100;
	rp = fetch(&rq);
	is_result(rp, HTTPC_DNS, "a hanging resolver is a DNS fault after connect_ms");
	ok(rp->took_ms < 600, "nobody waits for it");
	rq.connect_ms = 10000;
	rq.total_ms = 100;
	rp = fetch(&rq);
	is_result(rp, HTTPC_DNS, "so it is at the total deadline");
	ok(rp->took_ms < 600, "nobody waits for it then either");
	usleep(1100 * 1000); /* its threads end, so that they leak nothing */
}

static void
test_reuse(void)
{
	struct httpc_request rq = get("/ok");
	struct httpc_stats before, after;
	unsigned accepted;

	fetch(&rq);
	accepted = server.accepted;
	httpc_stats(client, &before);
	for (int i = 0; i < 5; i++)
		fetch(&rq);
	httpc_stats(client, &after);
	is_int(server.accepted, accepted, "a connection is kept");
	is_int(after.requests - before.requests, 5, "requests are counted");
	is_int(after.connections, before.connections, "connections are counted");
	rq.fresh = true;
	fetch(&rq);
	is_int(server.accepted, accepted + 1, "a fresh request makes its own");
	rq.fresh = false;
	fetch(&rq);
	is_int(server.accepted, accepted + 1, "and leaves the kept one alone");
}

static bool
answer_and_close(struct peer *p)
{
	peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
	return false;
}

/* A kept connection may end at any moment. */
static void
test_resend(void)
{
	struct httpc_request rq = post("/once");
	unsigned requests;
	struct httpc_reply *rp;
	struct server closing;

	rq.url = url_of(other.port, "/once");
	is_result(fetch(&rq), HTTPC_OK, "a first POST leaves a connection");
	requests = other.requests;
	rp = fetch(&rq);
	is_result(rp, HTTPC_BROKEN, "a POST that the server has read and not answered is broken");
	is_int(other.requests, requests + 1, "it is not sent again");
	is_str(rp->error, "a kept connection ended before the reply", "the log says why");
	is_result(fetch(&rq), HTTPC_OK, "the next POST makes a new connection");
	requests = other.requests;
	rq.method = "GET";
	rq.body = SPAN_NONE;
	is_result(fetch(&rq), HTTPC_OK, "a GET in that case");
	is_int(other.requests, requests + 2, "is sent again");

	server_start(&closing, "127.0.0.1", NULL, answer_and_close);
	rq = post("/");
	rq.url = url_of(closing.port, "/");
	for (int i = 0; i < 3; i++) {
		is_result(fetch(&rq), HTTPC_OK, "a POST after the server closed is ok");
		while (atomic_load(&closing.serving) > 0)
			usleep(1000);
	}
	is_int(closing.accepted, 3, "each on a connection of its own");
	server_stop(&closing);
}

static struct addr
addr_of(const char *text, uint16_t port)
{
	struct addr a;

	if (!addr_parse(span_str(text), &a))
		abort();
	a.port = port;
	return a;
}

static struct net
net_of(const char *text)
{
	struct net net;

	if (!net_parse(span_str(text), &net, NULL))
		abort();
	return net;
}

static void
test_pins(void)
{
	struct addr pins[2] = { addr_of("127.0.0.9", 0), addr_of("127.0.0.1", 0) };
	struct httpc_request rq = get("/echo");
	struct httpc_reply *rp;
	char url[64], text[ADDR_TEXT], host[64];

	snprintf(url, sizeof(url), "http://pinned.invalid:%u/echo", server.port);
	snprintf(host, sizeof(host), "\r\nHost: pinned.invalid:%u\r\n", server.port);
	rq.url = url;
	rq.pin = pins;
	rq.pin_count = 2;
	rp = fetch(&rq);
	is_result(rp, HTTPC_OK, "of two pinned addresses the second serves when the first refuses");
	is_str(addr_text(&rp->connected, text), "127.0.0.1", "it is told");
	ok(strstr(buf_cstr(&rp->body), host), "the Host is the URL's");
	rq.pin = NULL;
	rq.pin_count = 0;
	rq.connect_ms = 3000;
	is_result(fetch(&rq), HTTPC_DNS, "a pin serves no other request");

	rq.pin = pins;
	rq.pin_count = 1;
	is_result(fetch(&rq), HTTPC_CONNECT, "a pin is not passed by");
	pins[0] = addr_of("127.0.0.1", other.port);
	rp = fetch(&rq);
	is_int(rp->connected.port, other.port, "a pin may carry a port");
	rq.proxy = "http://127.0.0.1:1";
	is_result(fetch(&rq), HTTPC_CONNECT, "pin and proxy exclude each other");
	rq.proxy = NULL;

	if (server_start(&six, "::1", NULL, answer)) {
		snprintf(url, sizeof(url), "http://pinned.invalid:%u/ok", six.port);
		pins[0] = addr_of("::1", 0);
		rp = fetch(&rq);
		is_result(rp, HTTPC_OK, "a pin may be IPv6");
		is_str(addr_text(&rp->connected, text), "::1", "it is told");
		snprintf(url, sizeof(url), "http://[::1]:%u/ok", six.port);
		rq.pin_count = 0;
		is_result(fetch(&rq), HTTPC_OK, "a URL may have an IPv6 literal");
	}
}

static void
test_allow(void)
{
	struct net nets[] = { net_of("127.0.0.0/8"), net_of("127.0.0.1"), net_of("0.0.0.0/0") };
	struct addr face = addr_of("127.0.0.1", server.port), wild = { .family = AF_INET6, .port = server.port };
	struct reach loopback = { nets, 1, NULL, 0 }, one = { nets + 1, 1, NULL, 0 }, all = { nets + 2, 1, NULL, 0 }, nothing = { 0 };
	struct reach own = { nets, 1, &face, 1 }, own_wild = { nets, 1, &wild, 1 }, listed = { nets, 2, &face, 1 };
	struct addr pins[2] = { addr_of("127.0.0.9", 0), addr_of("127.0.0.1", 0) };
	struct httpc_request rq = get("/ok");
	struct httpc_reply *rp;
	unsigned accepted, requests;

	rq.fresh = true;
	rq.reach = &loopback;
	is_result(fetch(&rq), HTTPC_OK, "an allowed address is connected to");
	accepted = server.accepted;
	rq.reach = &all;
	rp = fetch(&rq);
	is_result(rp, HTTPC_DENIED, "loopback is not opened by a wide rule");
	is_str(rp->error, "127.0.0.1 is not in an allowed network", "the log says which");
	rq.reach = &nothing;
	is_result(fetch(&rq), HTTPC_DENIED, "an empty list allows nothing");
	rq.reach = &own;
	is_result(fetch(&rq), HTTPC_DENIED, "a listener of our own is denied");
	rq.reach = &own_wild;
	is_result(fetch(&rq), HTTPC_DENIED, "one on all addresses, too");
	is_int(server.accepted, accepted, "nothing was connected");
	rq.reach = &listed;
	is_result(fetch(&rq), HTTPC_OK, "one whose very address is listed is connected to");

	rq = get("/ok");
	fetch(&rq);
	requests = server.requests;
	rq.reach = &all;
	is_result(fetch(&rq), HTTPC_DENIED, "a kept connection to a denied address is not used");
	is_int(server.requests, requests, "nothing was sent");

	rq = get("/ok");
	rq.pin = pins;
	rq.pin_count = 1;
	rq.reach = &one;
	is_result(fetch(&rq), HTTPC_DENIED, "a pinned denied address is denied");
	rq.pin_count = 2;
	is_result(fetch(&rq), HTTPC_OK, "the allowed one of two pins serves");
	rq.reach = &loopback;
	rq.pin_count = 1;
	is_result(fetch(&rq), HTTPC_CONNECT, "an allowed address that refuses is not a denial");
}

static void
test_proxy(void)
{
	struct httpc_request rq = get("/ok");
	struct net everywhere = net_of("0.0.0.0/0");
	struct reach all = { &everywhere, 1, NULL, 0 };
	struct httpc_reply *rp;
	char proxy[64];

	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", other.port);
	rq.proxy = proxy;
	rq.url = "http://target.invalid/x";
	rp = fetch(&rq);
	is_result(rp, HTTPC_OK, "an http URL goes through the proxy");
	ok(span_is(buf_span(&rp->body), "proxied"), "the proxy answered");
	is_int(rp->connected.port, other.port, "the proxy is connected");
	rq.url = "https://target.invalid/x";
	rp = fetch(&rq);
	is_result(rp, HTTPC_CONNECT, "a proxy that refuses to connect means that nothing was sent");
	is_int(rp->status, 0, "its status is not the server's");
	ok(!httpc_field(rp, "X-Proxy", 0).p, "nor are its fields");
	rq.reach = &all;
	is_result(fetch(&rq), HTTPC_DENIED, "the proxy's address is judged");
	rq = get("/ok");
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	is_result(fetch(&rq), HTTPC_OK, "the environment's proxy is not used");
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

#define THREADS 4
#define EACH 25

static void *
start_many(void *arg)
{
	struct fetch *fetches = arg;
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/ok", server.port);
	for (int i = 0; i < EACH; i++) {
		struct httpc_request rq = { .method = "GET", .url = url, .body_max_bytes = 100 };

		httpc_start(client, &rq, on_reply, &fetches[i]);
	}
	return NULL;
}

static void
test_threads(void)
{
	static struct fetch fetches[THREADS][EACH];
	pthread_t threads[THREADS];
	unsigned good = 0, on_loop = 0;

	for (int i = 0; i < THREADS; i++) {
		for (int j = 0; j < EACH; j++)
			fetch_init(&fetches[i][j]);
		pthread_create(&threads[i], NULL, start_many, fetches[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		for (int j = 0; j < EACH; j++) {
			struct fetch *f = &fetches[i][j];

			fetch_wait(f);
			good += f->reply.result == HTTPC_OK && f->calls == 1;
			on_loop += f->on_loop;
			fetch_done(f);
		}
	}
	is_int(good, THREADS * EACH, "requests from four threads each get their one reply");
	is_int(on_loop, THREADS * EACH, "on the loop's thread");
}

static void
on_final_reply(struct httpc_reply *rp, void *arg)
{
	unsigned *broken = arg;

	*broken += rp->result == HTTPC_BROKEN;
}

static void
test_free(void)
{
	struct httpc_request rq = get("/silent");
	unsigned broken = 0, requests = server.requests;

	for (int i = 0; i < 3; i++)
		httpc_start(client, &rq, on_final_reply, &broken);
	while (atomic_load(&server.requests) < requests + 3)
		usleep(1000);
	loop_stop(loop);
	loop_join(loop);
	httpc_start(client, &rq, on_final_reply, &broken); /* its letter is never read */
	httpc_free(client);
	loop_free(loop);
	is_int(broken, 4, "free calls back running requests as broken");
}

int
main(void)
{
	const struct httpc_conf conf = { .connections_max = 16, .per_host_max = 4 };

	server_start(&server, "127.0.0.1", NULL, answer);
	server_start(&other, "127.0.0.1", NULL, answer);
	client_start(&conf);
	test_replies();
	test_request();
	test_faults();
	test_connect_timeout();
	test_resolver();
	test_reuse();
	test_resend();
	test_pins();
	test_allow();
	test_proxy();
	test_threads();
	fetch(NULL);
	test_free();
	server_stop(&server);
	server_stop(&other);
	if (six.answer)
		server_stop(&six);
	return done_testing();
}
