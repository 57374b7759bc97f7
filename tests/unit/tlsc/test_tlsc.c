/* One handshake with good, bad and hostile peers: what is told, and when it ends. */
#include <netinet/in.h>
#include <poll.h>

#include "../httpc/server.h"
#include "../pki/forge.h"
#include "base/clock.h"
#include "tap.h"
#include "tlsc/tlsc.h"

static struct loop *loop;
static struct tlsc *tlsc;
static EVP_PKEY *key;

/* ---- a peer that says octets of its own ---- */

enum manner { CLOSES, SILENT, GARBAGE, ALERT, ENDLESS, RESETS };

struct raw {
	int fd;
	uint16_t port;
	enum manner manner;
	pthread_t thread;
};

static void
raw_say(int fd, enum manner manner)
{
	static const char alert[] = { 21, 3, 3, 0, 2, 2, 120 }; /* fatal, no_application_protocol */
	static const char record[] = { 22, 3, 3, 0x3f, 0xff, 2, (char)0xff, (char)0xff, (char)0xff };
	struct linger abort_it = { 1, 0 };
	char octets[4096] = { 0 };
	struct pollfd p = { .fd = fd, .events = POLLIN };

	poll(&p, 1, 2000);
	if (manner == GARBAGE)
		(void)!send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL);
	else if (manner == ALERT)
		(void)!send(fd, alert, sizeof(alert), MSG_NOSIGNAL);
	else if (manner == ENDLESS && send(fd, record, sizeof(record), MSG_NOSIGNAL) > 0)
		while (send(fd, octets, sizeof(octets), MSG_NOSIGNAL) > 0)
			usleep(20000);
	else if (manner == RESETS)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
	else if (manner == SILENT) {
		while (recv(fd, octets, sizeof(octets), 0) > 0)
			;
	}
	close(fd);
}

static void *
raw_main(void *arg)
{
	struct raw *r = arg;
	int fd;

	while ((fd = accept(r->fd, NULL, NULL)) >= 0)
		raw_say(fd, r->manner);
	return NULL;
}

static void
raw_start(struct raw *r, enum manner manner)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sin);

	r->manner = manner;
	r->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(r->fd, (void *)&sin, n) != 0 || listen(r->fd, 8) != 0 || getsockname(r->fd, (void *)&sin, &n) != 0 ||
		pthread_create(&r->thread, NULL, raw_main, r) != 0)
		abort();
	r->port = ntohs(sin.sin_port);
}

static void
raw_stop(struct raw *r)
{
	shutdown(r->fd, SHUT_RDWR);
	pthread_join(r->thread, NULL);
	close(r->fd);
}

/* ---- one request ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

struct result {
	struct tlsc_request rq;
	struct tlsc_reply reply;
	X509 *leaf;
	unsigned calls;
	bool was_early;
};

static void
on_reply(const struct tlsc_reply *reply, void *arg)
{
	struct result *r = arg;
	const unsigned char *p = (const unsigned char *)reply->leaf_der.p;

	pthread_mutex_lock(&lock);
	r->reply = *reply;
	r->leaf = p ? d2i_X509(NULL, &p, (long)reply->leaf_der.n) : NULL;
	r->calls++;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&lock);
}

static void
begin(void *arg)
{
	struct result *r = arg;

	tlsc_start(tlsc, &r->rq, on_reply, r);
	r->was_early = r->calls > 0;
}

static const struct net loopback_net = { { .family = AF_INET, .octet = { 127 } }, 8 };
static const struct reach loopback = { &loopback_net, 1, NULL, 0 };

static struct result
shake(const struct addr *addrs, size_t count, uint16_t port, msec_t total_ms)
{
	struct result r = { .rq = { .addrs = addrs, .addr_count = count, .port = port, .reach = &loopback,
		.server_name = "device.test", .alpn = "acme-tls/1", .connect_ms = 500, .total_ms = total_ms } };

	loop_post(loop, begin, &r);
	pthread_mutex_lock(&lock);
	while (r.calls == 0)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	X509_free(r.leaf);
	return r;
}

static const struct addr here = { .family = AF_INET, .octet = { 127, 0, 0, 1 } };

/* ---- TLS servers ---- */

static char seen_name[256];

static int
choose(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in, unsigned in_n, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	snprintf(seen_name, sizeof(seen_name), "%s", name ? name : "");
	if (arg || in_n != 11 || memcmp(in, "\nacme-tls/1", 11) != 0)
		return arg ? SSL_TLSEXT_ERR_NOACK : SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = in + 1;
	*n = 10;
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *
server_ctx(int highest, bool without_alpn)
{
	struct forge_cert f = { .cn = "x", .key = key, .not_before_unix_s = 1, .not_after_unix_s = 2 };
	X509 *x = forge_x509(&f);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, highest);
	SSL_CTX_set_alpn_select_cb(ctx, choose, without_alpn ? ctx : NULL);
	if (SSL_CTX_use_certificate(ctx, x) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		abort();
	X509_free(x);
	return ctx;
}

static bool
no_answer(struct peer *p)
{
	(void)p;
	return false;
}

static struct result
shake_tls(SSL_CTX *ctx, unsigned *ret_octets)
{
	struct server s;
	struct result r;

	if (!server_start(&s, "127.0.0.1", ctx, no_answer))
		abort();
	r = shake(&here, 1, s.port, 3000);
	server_stop(&s);
	*ret_octets = s.requests;
	SSL_CTX_free(ctx);
	return r;
}

static void
test_good(void)
{
	static const struct {
		int highest;
		const char *what;
	} rows[] = { { TLS1_2_VERSION, "TLS 1.2" }, { TLS1_3_VERSION, "TLS 1.3" } };
	struct result r;
	unsigned octets;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		r = shake_tls(server_ctx(rows[i].highest, false), &octets);
		ok(r.reply.result == TLSC_OK && r.calls == 1 && !r.was_early, "%s: done, called back once and not at once", rows[i].what);
		is_str(r.reply.alpn, "acme-tls/1", "the peer's protocol is told");
		ok(r.leaf != NULL, "with its certificate");
		is_str(seen_name, "device.test", "it was asked for by name");
		is_int(octets, 0, "and got no data");
		ok(addr_eq(&r.reply.connected, &here), "at the address");
	}
	r = shake_tls(server_ctx(TLS1_3_VERSION, true), &octets);
	ok(r.reply.result == TLSC_OK && r.reply.alpn[0] == '\0', "a peer that knows no ALPN chooses none");
	r = shake_tls(server_ctx(TLS1_1_VERSION, false), &octets);
	ok(r.reply.result == TLSC_TLS, "TLS 1.1 is refused: %s", r.reply.fault);
}

static void
test_hostile(void)
{
	static const struct {
		enum manner manner;
		enum tlsc_result want;
		const char *fault, *what;
	} rows[] = {
		{ CLOSES, TLSC_TLS, "ended", "a peer that closes" },
		{ RESETS, TLSC_TLS, "ended", "a peer that resets" },
		{ SILENT, TLSC_TIMEOUT, "", "a silent peer" },
		{ GARBAGE, TLSC_TLS, "wrong version number", "a peer that speaks HTTP" },
		{ ALERT, TLSC_TLS, "no application protocol", "a peer that sends an alert" },
		{ ENDLESS, TLSC_TLS, "", "a message of 16 MB" },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct raw peer;
		struct result r;

		raw_start(&peer, rows[i].manner);
		r = shake(&here, 1, peer.port, 700);
		ok(r.reply.result == rows[i].want && r.calls == 1 && strstr(r.reply.fault, rows[i].fault), "%s: %s", rows[i].what, r.reply.fault);
		raw_stop(&peer);
	}
}

static void
test_addresses(void)
{
	const struct addr two[] = { { .family = AF_INET, .octet = { 127, 0, 0, 2 } }, here }, outside = { .family = AF_INET, .octet = { 10, 1, 2, 3 } },
		six = { .family = AF_INET6, .octet = { [15] = 1 } }, mixed[] = { outside, six, here };
	struct server s;
	struct result r;
	SSL_CTX *ctx = server_ctx(TLS1_3_VERSION, false);

	if (!server_start(&s, "127.0.0.1", ctx, no_answer))
		abort();
	r = shake(two, 2, s.port, 3000);
	ok(r.reply.result == TLSC_OK && addr_eq(&r.reply.connected, &here), "the next address is tried where nobody listens");
	r = shake(&two[0], 1, s.port, 3000);
	is_int(r.reply.result, TLSC_CONNECT, "nobody listens anywhere");
	r = shake(&outside, 1, s.port, 3000);
	ok(r.reply.result == TLSC_DENIED && r.reply.connected.family == 0 && !r.was_early, "where we may not connect nobody does");
	r = shake(mixed, 3, s.port, 3000);
	ok(r.reply.result == TLSC_OK && addr_eq(&r.reply.connected, &here), "such addresses are passed over");
	r = shake(NULL, 0, s.port, 3000);
	is_int(r.reply.result, TLSC_DENIED, "no address at all");
	server_stop(&s);
	SSL_CTX_free(ctx);
}

static void
test_many(void)
{
	struct raw peer;
	struct result waiting[2], r;

	raw_start(&peer, SILENT);
	for (size_t i = 0; i < COUNT_OF(waiting); i++) {
		waiting[i] = (struct result){ .rq = { .addrs = &here, .addr_count = 1, .port = peer.port, .reach = &loopback,
			.server_name = "x", .alpn = "y", .connect_ms = 500, .total_ms = 700 } };
		loop_post(loop, begin, &waiting[i]);
	}
	r = shake(&here, 1, peer.port, 700);
	ok(r.reply.result == TLSC_BUSY && r.reply.connected.family == 0 && !r.was_early, "one more than may be is told at once");
	pthread_mutex_lock(&lock);
	while (waiting[0].calls + waiting[1].calls < 2)
		pthread_cond_wait(&cond, &lock);
	pthread_mutex_unlock(&lock);
	ok(waiting[0].reply.result == TLSC_TIMEOUT && waiting[1].reply.result == TLSC_TIMEOUT, "the others go on");
	r = shake(&here, 1, peer.port, 300);
	is_int(r.reply.result, TLSC_TIMEOUT, "when they have ended there is room again");
	raw_stop(&peer);
}

static void
test_free(void)
{
	struct raw peer;
	struct result r = { .rq = { .addrs = &here, .addr_count = 1, .reach = &loopback, .server_name = "x", .alpn = "y",
		.connect_ms = 5000, .total_ms = 60000 } };

	raw_start(&peer, SILENT);
	r.rq.port = peer.port;
	loop_post(loop, begin, &r);
	loop_stop(loop);
	loop_join(loop);
	is_int(r.calls, 0, "it waits");
	tlsc_free(tlsc);
	ok(r.calls == 1 && r.reply.result == TLSC_TIMEOUT, "free calls back who still waits");
	raw_stop(&peer);
}

int
main(void)
{
	key = EVP_EC_gen("P-256");
	loop = loop_new("test");
	tlsc = tlsc_new(loop, 2);
	loop_start(loop);
	test_good();
	test_hostile();
	test_addresses();
	test_many();
	test_free();
	loop_free(loop);
	EVP_PKEY_free(key);
	return done_testing();
}
