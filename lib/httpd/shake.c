/* shake.c - connections of a face that shakes hands and does nothing else; see httpd.h.
 *
 * ClientHello -> who offers the right protocol for a name waits, the handler is asked -> its certificate, or an alert -> the rest of
 * the handshake -> closed. All of it within the deadline of a handshake. Bufferevents cannot wait in the middle of one, so one event
 * waits for the socket here. */
#include "httpd/server.h"

#include <stdlib.h>
#include <unistd.h>

#include <event2/event.h>
#include <openssl/err.h>

#include "base/log.h"
#include "base/mem.h"
#include "httpd/hello.h"

struct http_hello {
	struct conn *conn;
	struct event *event;
	char name[HELLO_NAME_TEXT];
	bool is_answered;
	/* the answer, on its way; NULL = none */
	X509 *cert;
	EVP_PKEY *key;
};

static bool
read_extension(SSL *ssl, unsigned type, struct span *ret)
{
	const unsigned char *p;
	size_t n;

	if (SSL_client_hello_get0_ext(ssl, type, &p, &n) != 1)
		return false;
	*ret = span_of(p, n);
	return true;
}

/* Twice for each: when the hello has come, and when the handler has answered; and once more if TLS 1.3 asks for another one. */
static int
on_hello(SSL *ssl, int *alert, void *arg)
{
	struct http_hello *h = SSL_get_app_data(ssl);
	struct span ext;

	(void)arg;
	if (h->is_answered && h->cert)
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	if (!read_extension(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &ext) || !hello_protocol_is(ext, h->conn->face->protocol))
		return SSL_CLIENT_HELLO_ERROR;
	*alert = SSL_AD_UNRECOGNIZED_NAME;
	if (h->is_answered || !read_extension(ssl, TLSEXT_TYPE_server_name, &ext) || !hello_name_parse(ext, h->name))
		return SSL_CLIENT_HELLO_ERROR;
	return SSL_CLIENT_HELLO_RETRY;
}

/* It offered this one alone, at least in its first hello. */
static int
on_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *offer, unsigned n, void *arg)
{
	const struct http_hello *h = SSL_get_app_data(ssl);

	(void)arg;
	if (n < 1 || !span_is(span_of(offer + 1, n - 1), h->conn->face->protocol))
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = offer + 1;
	*ret_n = offer[0];
	return SSL_TLSEXT_ERR_OK;
}

bool
face_shakes(struct httpd_face *face, const char *protocol)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
		SSL_CTX_set_num_tickets(ctx, 0) != 1) {
		SSL_CTX_free(ctx);
		return false;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
	SSL_CTX_set_alpn_select_cb(ctx, on_protocol, NULL);
	face->hello_ctx = ctx;
	face->protocol = xstrdup(protocol);
	return true;
}

static void on_event(evutil_socket_t fd, short what, void *arg);

/* Wait for this on the socket, once. */
static void
watch(struct http_hello *h, short what)
{
	if (h->event)
		event_free(h->event);
	h->event = event_new(loop_base(h->conn->front->loop), h->conn->fd, what, on_event, h);
	if (!h->event || event_add(h->event, NULL) != 0)
		abort();
}

static void
failed(struct conn *c)
{
	char text[160];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	log_debug("httpd_tls", LS("face", c->face->name), LS("error", text));
	ERR_clear_error();
	atomic_fetch_add(&c->front->httpd->handshake_failed, 1);
	conn_close(c);
}

/* Data is not for this protocol (RFC 8737 4). */
static void
done(struct conn *c)
{
	atomic_fetch_add(&c->front->httpd->handshakes, 1);
	SSL_shutdown(c->ssl);
	ERR_clear_error();
	conn_close(c);
}

static void
handshake(struct http_hello *h)
{
	struct conn *c = h->conn;
	int n;

	ERR_clear_error();
	n = SSL_do_handshake(c->ssl);
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_NONE:
		done(c);
		break;
	case SSL_ERROR_WANT_READ:
		watch(h, EV_READ);
		break;
	case SSL_ERROR_WANT_WRITE:
		watch(h, EV_WRITE);
		break;
	case SSL_ERROR_WANT_CLIENT_HELLO_CB:
		/* the memory stays until the answer, though the peer may go */
		c->held = true;
		c->face->hello(h, h->name, c->face->arg);
		break;
	default:
		failed(c);
	}
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	handshake(arg);
}

static void
on_answer(void *arg)
{
	struct http_hello *h = arg;
	struct conn *c = h->conn;

	c->held = false;
	h->is_answered = true;
	if (c->phase == CONN_CLOSED) {
		conn_let_go(c);
		return;
	}
	if (h->cert && (SSL_use_certificate(c->ssl, h->cert) != 1 || SSL_use_PrivateKey(c->ssl, h->key) != 1)) {
		failed(c);
		return;
	}
	handshake(h);
}

void
http_hello_reply(struct http_hello *h, X509 *cert, EVP_PKEY *key)
{
	struct loop *loop = h->conn->front->loop;

	h->cert = cert;
	h->key = key;
	if (loop_is_mine(loop))
		on_answer(h);
	else
		loop_post(loop, on_answer, h);
}

void
shake_start(struct conn *c)
{
	struct http_hello *h = c->hello = xcalloc(1, sizeof(*h));

	h->conn = c;
	conn_phase_set(c, CONN_HANDSHAKE);
	c->ssl = SSL_new(c->face->hello_ctx);
	if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1) {
		failed(c);
		return;
	}
	SSL_set_app_data(c->ssl, h);
	SSL_set_accept_state(c->ssl);
	watch(h, EV_READ);
}

void
shake_close(struct conn *c)
{
	struct http_hello *h = c->hello;

	if (!h)
		return;
	if (h->event)
		event_free(h->event);
	h->event = NULL;
	SSL_free(c->ssl);
	close(c->fd);
}

void
shake_free(struct conn *c)
{
	if (!c->hello)
		return;
	X509_free(c->hello->cert);
	EVP_PKEY_free(c->hello->key);
	free(c->hello);
	c->hello = NULL;
}
