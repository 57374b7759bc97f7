/* lab_server.c - see lab_server.h. */
#include "lab_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

static struct event_base *base;
static SSL_CTX *ctx;
static char reply[1024];

/* Whole requests only: a head, and a body if it says so. */
static void
on_readable(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	size_t n = evbuffer_get_length(in);
	const char *text = (const char *)evbuffer_pullup(in, -1);
	const char *end = n ? memmem(text, n, "\r\n\r\n", 4) : NULL, *length;

	(void)arg;
	if (!end)
		return;
	length = memmem(text, (size_t)(end - text), "Content-Length: ", 16);
	if (n < (size_t)(end - text) + 4 + (length ? (size_t)atoi(length + 16) : 0))
		return;
	evbuffer_drain(in, n);
	bufferevent_write(bev, reply, strlen(reply));
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(bev);
}

static void
on_connection(
	struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int n, void *arg)
{
	const int on = 1;
	struct bufferevent *bev;

	(void)listener;
	(void)sa;
	(void)n;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (arg)
		bev = bufferevent_openssl_socket_new(
			base, fd, SSL_new(ctx), BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
	else
		bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (arg)
		bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	bufferevent_setcb(bev, on_readable, NULL, on_event, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void
on_datagram(evutil_socket_t fd, short what, void *arg)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	char text[512];
	ssize_t n = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len);

	(void)what;
	(void)arg;
	if (n > 0 && sendto(fd, text, (size_t)n, 0, (struct sockaddr *)&from, len) < 0)
		return;
}

static void
use_certificate(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	ctx = SSL_CTX_new(TLS_server_method());
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	X509_sign(cert, key, EVP_sha256());
	if (SSL_CTX_use_certificate(ctx, cert) != 1 || SSL_CTX_use_PrivateKey(ctx, key) != 1)
		die("no TLS for the step server");
	X509_free(cert);
	EVP_PKEY_free(key);
}

static int
bound(int type, uint16_t *ret_port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(sa);
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, n) != 0 ||
		getsockname(fd, (struct sockaddr *)&sa, &n) != 0)
		die("no port for the step server");
	*ret_port = ntohs(sa.sin_port);
	return fd;
}

static void
serve(int tls, int plain, int dns)
{
	struct event *datagram;

	memset(reply, 'x', 800);
	memcpy(reply, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nX-Pad: ", 45);
	memcpy(reply + 296, "\r\n\r\n", 4);
	reply[800] = '\0';
	base = event_base_new();
	use_certificate();
	evconnlistener_new(base, on_connection, base, LEV_OPT_CLOSE_ON_FREE, 64, tls);
	evconnlistener_new(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE, 64, plain);
	datagram = event_new(base, dns, EV_READ | EV_PERSIST, on_datagram, NULL);
	event_add(datagram, NULL);
	event_base_dispatch(base);
	_exit(0);
}

void
lab_server_start(struct lab_server *server)
{
	int tls = bound(SOCK_STREAM, &server->tls_port),
	    plain = bound(SOCK_STREAM, &server->plain_port);
	int dns = bound(SOCK_DGRAM, &server->dns_port);

	if (listen(tls, 64) != 0 || listen(plain, 64) != 0 || (server->pid = fork()) < 0)
		die("cannot start the step server");
	if (server->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(tls, plain, dns);
	}
	close(tls);
	close(plain);
	close(dns);
}

void
lab_server_stop(struct lab_server *server)
{
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
}
