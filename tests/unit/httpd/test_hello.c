/* A face that shakes hands and does nothing else: what a ClientHello says, who gets a certificate, and who an alert. */
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "httpd/hello.h"
#include "httpd/httpd.h"
#include "tap.h"

#define ACME "acme-tls/1"

static void
test_names(void)
{
	static const struct {
		struct span ext;
		const char *name; /* NULL = refused */
		const char *what;
	} cases[] = {
		{ SPAN("\0\x0e\0\0\x0b" "device.test"), "device.test", "a name" },
		{ SPAN("\0\x0e\0\0\x0b" "DEVICE.Test"), "device.test", "a name in other letters" },
		{ SPAN("\0\x05\0\0\x02" "_1"), "_1", "an underscore" },
		{ SPAN(""), NULL, "nothing" },
		{ SPAN("\0"), NULL, "half a length" },
		{ SPAN("\0\0"), NULL, "an empty list" },
		{ SPAN("\0\x03\0\0\0"), NULL, "an empty name" },
		{ SPAN("\0\x01\0"), NULL, "a type alone" },
		{ SPAN("\0\x05\x01\0\x02" "ab"), NULL, "a name of another type" },
		{ SPAN("\0\x0a\0\0\x02" "ab" "\0\0\x02" "cd"), NULL, "two names" },
		{ SPAN("\0\x05\0\0\x02" "ab" "c"), NULL, "an octet behind the list" },
		{ SPAN("\0\x06\0\0\x02" "ab" "c"), NULL, "an octet behind the name" },
		{ SPAN("\0\x06\0\0\x02" "ab"), NULL, "a list that is too short" },
		{ SPAN("\0\x05\0\0\x03" "ab"), NULL, "a name that is too short" },
		{ SPAN("\0\x06\0\0\x03" "a\0b"), NULL, "a NUL" },
		{ SPAN("\0\x06\0\0\x03" "a/b"), NULL, "a slash" },
		{ SPAN("\0\x06\0\0\x03" "a\xc3\xa4"), NULL, "letters of another alphabet" },
	};
	char name[HELLO_NAME_TEXT], longest[258] = { 1, 0, 0, 0, (char)253 };

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		strcpy(name, "untouched");
		ok(hello_name_parse(cases[i].ext, name) == (cases[i].name != NULL) && strcmp(name, cases[i].name ? cases[i].name : "untouched") == 0,
			"server_name: %s is %s", cases[i].what, cases[i].name ? "read" : "refused");
	}
	memset(longest + 5, 'a', 253);
	ok(hello_name_parse(span_of(longest, 258), name) && strlen(name) == 253, "server_name: 253 octets are read");
	{
		char more[259] = { 1, 1, 0, 0, (char)254 };

		memset(more + 5, 'a', 254);
		ok(!hello_name_parse(span_of(more, 259), name), "server_name: 254 are refused");
	}
}

static void
test_protocols(void)
{
	static const struct {
		struct span ext;
		bool good;
		const char *what;
	} cases[] = {
		{ SPAN("\0\x0b\x0a" ACME), true, "the one" },
		{ SPAN("\0\x0b\x0a" "acme-tls/2"), false, "another one" },
		{ SPAN("\0\x0e\x02h2\x0a" ACME), false, "it and another one" },
		{ SPAN("\0\x0e\x0a" ACME "\x02h2"), false, "it and another one behind" },
		{ SPAN("\0\x0a\x09" "acme-tls/"), false, "a part of it" },
		{ SPAN("\0\x0b\x0a" ACME "x"), false, "an octet behind the list" },
		{ SPAN("\0\x0c\x0a" ACME), false, "a list that is too short" },
		{ SPAN("\0\0"), false, "an empty list" },
		{ SPAN(""), false, "nothing" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ok(hello_protocol_is(cases[i].ext, ACME) == cases[i].good, "protocols: %s is %s", cases[i].what, cases[i].good ? "taken" : "refused");
}

/* ---- the face ---- */

static EVP_PKEY *key;
static X509 *cert;
static atomic_int asked;
static struct http_hello *kept; /* not answered yet */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
answer(struct http_hello *hello)
{
	X509_up_ref(cert);
	EVP_PKEY_up_ref(key);
	http_hello_reply(hello, cert, key);
}

static void *
answer_later(void *arg)
{
	usleep(20000);
	answer(arg);
	return NULL;
}

static void
on_hello(struct http_hello *hello, const char *name, void *arg)
{
	pthread_t thread;

	(void)arg;
	atomic_fetch_add(&asked, 1);
	if (strcmp(name, "now.test") == 0) {
		answer(hello);
	} else if (strcmp(name, "later.test") == 0) {
		if (pthread_create(&thread, NULL, answer_later, hello) != 0)
			abort();
		pthread_detach(thread);
	} else if (strcmp(name, "kept.test") == 0) {
		pthread_mutex_lock(&lock);
		kept = hello;
		pthread_mutex_unlock(&lock);
	} else {
		http_hello_reply(hello, NULL, NULL);
	}
}

static int
connect_to(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval patience = { .tv_sec = 60 };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		abort();
	return fd;
}

static SSL *
client_new(int fd, const char *name, const char *protocols, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_max_proto_version(ctx, version);
	/* a hello that has to be sent again (TLS 1.3) */
	if (version == TLS1_3_VERSION)
		SSL_CTX_set1_groups_list(ctx, "X448:P-256");
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(ssl, fd);
	if (name)
		SSL_set_tlsext_host_name(ssl, name);
	if (protocols)
		SSL_set_alpn_protos(ssl, (const unsigned char *)protocols, (unsigned)strlen(protocols));
	return ssl;
}

/* The face has room for two: those before are told that it is over a moment before they are counted out. */
static void
wait_for_room(struct httpd *h)
{
	struct httpd_stats stats;

	for (httpd_stats(h, &stats); stats.open > 0; httpd_stats(h, &stats))
		usleep(1000);
}

/* What the client sees: "" = the certificate, the protocol and then the end; else OpenSSL's words. */
static const char *
shake(struct httpd *h, uint16_t port, const char *name, const char *protocols, int version)
{
	static char said[256];
	const unsigned char *chosen;
	unsigned n;
	int fd;
	SSL *ssl;
	X509 *seen;
	char octet;

	wait_for_room(h);
	fd = connect_to(port);
	ssl = client_new(fd, name, protocols, version);
	ERR_clear_error();
	said[0] = '\0';
	if (SSL_connect(ssl) != 1) {
		snprintf(said, sizeof(said), "%s", ERR_reason_error_string(ERR_peek_error()) ? ERR_reason_error_string(ERR_peek_error()) : "closed");
	} else {
		SSL_get0_alpn_selected(ssl, &chosen, &n);
		seen = SSL_get0_peer_certificate(ssl);
		if (!seen || X509_cmp(seen, cert) != 0)
			strcpy(said, "another certificate");
		else if (!span_is(span_of(chosen, n), ACME))
			strcpy(said, "another protocol");
		else if (SSL_read(ssl, &octet, 1) > 0)
			strcpy(said, "data");
	}
	SSL_free(ssl);
	close(fd);
	return said;
}

static void
test_face(struct httpd *h, uint16_t port)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct httpd_stats stats;
	int before;

	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		const char *v = i == 0 ? "TLS 1.2" : "TLS 1.3";

		is_str(shake(h, port, "now.test", "\x0a" ACME, versions[i]), "", "%s: the certificate, and the end", v);
		is_str(shake(h, port, "LATER.test", "\x0a" ACME, versions[i]), "", "%s: the same later, from another thread", v);
		is_str(shake(h, port, "none.test", "\x0a" ACME, versions[i]), "tlsv1 unrecognized name", "%s: a name that nobody knows", v);
		before = atomic_load(&asked);
		is_str(shake(h, port, NULL, "\x0a" ACME, versions[i]), "tlsv1 unrecognized name", "%s: no name", v);
		is_str(shake(h, port, "now.test", "\x08http/1.1", versions[i]), "tlsv1 alert no application protocol", "%s: another protocol", v);
		is_str(shake(h, port, "now.test", "\x0a" ACME "\x02h2", versions[i]), "tlsv1 alert no application protocol", "%s: one too many", v);
		is_str(shake(h, port, "now.test", NULL, versions[i]), "tlsv1 alert no application protocol", "%s: none", v);
		is_int(atomic_load(&asked), before, "%s: for these nobody is asked", v);
	}
	is_str(shake(h, port, "now.test", "\x0a" ACME, TLS1_1_VERSION)[0] ? "refused" : "served", "refused", "TLS 1.1 is refused");
	/* an alert is at its reader before it is counted */
	do {
		usleep(1000);
		httpd_stats(h, &stats);
	} while (stats.handshake_failed < 11);
	is_int((long long)stats.handshakes, 4, "handshakes are counted");
	is_int((long long)stats.handshake_failed, 11, "those that failed, too");
}

/* The handler has a handshake whose time is over. A slow machine may need more than one try to bring it so far in time. */
static struct http_hello *
keep_one(struct httpd *h, uint16_t port)
{
	struct http_hello *had = NULL;
	bool failed = true;

	while (!had) {
		int fd;
		SSL *ssl;

		wait_for_room(h);
		fd = connect_to(port);
		ssl = client_new(fd, "kept.test", "\x0a" ACME, TLS1_3_VERSION);
		failed = failed && SSL_connect(ssl) != 1;
		SSL_free(ssl);
		close(fd);
		/* once it is counted out nothing of it comes any more */
		wait_for_room(h);
		pthread_mutex_lock(&lock);
		had = kept;
		kept = NULL;
		pthread_mutex_unlock(&lock);
	}
	ok(failed, "a handshake that takes too long ends");
	return had;
}

static void
test_gone(struct httpd *h, uint16_t port)
{
	struct http_limits limits = http_default_limits;
	struct httpd_stats stats;
	struct http_hello *late;

	limits.handshake_ms = 200;
	httpd_set_limits(h, &limits);
	late = keep_one(h, port);
	httpd_set_limits(h, &http_default_limits);
	answer(late);
	is_str(shake(h, port, "none.test", "\x0a" ACME, TLS1_3_VERSION), "tlsv1 unrecognized name", "its late answer goes nowhere, and others are served");
	httpd_stats(h, &stats);
	ok(stats.timeouts >= 1, "it is counted");
}

static void
test_bound(struct httpd *h, uint16_t port)
{
	struct httpd_stats stats;
	int fds[4];

	wait_for_room(h);
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		fds[i] = connect_to(port);
	do {
		usleep(1000);
		httpd_stats(h, &stats);
	} while (stats.refused_all < 2);
	is_int(stats.open, 2, "two connections at a time, as the face wants it");
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		close(fds[i]);
}

int
main(void)
{
	struct addr listen = { .family = AF_INET, .octet = { 127, 0, 0, 1 } };
	struct httpd_face_conf fc = { .name = "shaking", .listen = &listen, .listen_count = 1, .hello = on_hello, .protocol = ACME, .conns_max = 2 };
	struct httpd *h = httpd_new(2, &http_default_limits);
	struct httpd_face *face;
	struct problem pr = { 0 };

	key = EVP_EC_gen("P-256");
	cert = X509_new();
	X509_set_pubkey(cert, key);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_sign(cert, key, EVP_sha256());
	test_names();
	test_protocols();
	if (!httpd_face_add(h, &fc, &face, &pr))
		abort();
	httpd_start(h);
	test_face(h, httpd_face_port(face));
	test_gone(h, httpd_face_port(face));
	test_bound(h, httpd_face_port(face));
	httpd_free(h);
	X509_free(cert);
	EVP_PKEY_free(key);
	return done_testing();
}
