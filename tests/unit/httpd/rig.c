/* rig.c - see rig.h. */
#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

static void
bio_to_buf(BIO *bio, struct buf *ret)
{
	char *p;
	long n = BIO_get_mem_data(bio, &p);

	buf_add(ret, p, (size_t)n);
	BIO_free(bio);
}

void
rig_cert(const char *name, struct buf *ret_cert, struct buf *ret_key)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	BIO *cert_pem = BIO_new(BIO_s_mem()), *key_pem = BIO_new(BIO_s_mem());

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
		(const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_sign(cert, key, EVP_sha256());
	PEM_write_bio_X509(cert_pem, cert);
	PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL);
	bio_to_buf(cert_pem, ret_cert);
	bio_to_buf(key_pem, ret_key);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void
wait_at_most(int fd)
{
	struct timeval tv = { .tv_sec = RIG_WAIT_MS / 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
}

struct link
rig_connect(uint16_t port, const char *from)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct link l = { .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };

	wait_at_most(l.fd);
	if (from) {
		inet_pton(AF_INET, from, &sin.sin_addr);
		if (bind(l.fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
			abort();
	}
	sin.sin_port = htons(port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(l.fd, (struct sockaddr *)&sin, sizeof(sin)) != 0) {
		close(l.fd);
		l.fd = -1;
	}
	return l;
}

struct link
rig_connect_unix(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct link l = { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) };

	wait_at_most(l.fd);
	span_copy(span_str(path), sun.sun_path, sizeof(sun.sun_path));
	if (connect(l.fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		close(l.fd);
		l.fd = -1;
	}
	return l;
}

bool
rig_tls(struct link *l, SSL_CTX *ctx, SSL_SESSION *resume)
{
	l->ssl = SSL_new(ctx);
	SSL_set_fd(l->ssl, l->fd);
	if (resume)
		SSL_set_session(l->ssl, resume);
	ERR_clear_error();
	return SSL_connect(l->ssl) == 1;
}

void
rig_send(struct link *l, const void *p, size_t n)
{
	const char *at = p;

	if (l->ssl) {
		ERR_clear_error();
		SSL_write(l->ssl, p, (int)n);
		return;
	}
	while (n) {
		ssize_t sent = send(l->fd, at, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		at += sent;
		n -= (size_t)sent;
	}
}

void
rig_say(struct link *l, const char *text)
{
	rig_send(l, text, strlen(text));
}

static ssize_t
read_some(struct link *l, char *dst, size_t n)
{
	if (!l->ssl)
		return recv(l->fd, dst, n, 0);
	ERR_clear_error();
	return SSL_read(l->ssl, dst, (int)n);
}

static size_t
head_length(const struct buf *reply)
{
	char *end = reply->n ? memmem(reply->p, reply->n, "\r\n\r\n", 4) : NULL;

	return end ? (size_t)(end - reply->p) + 4 : 0;
}

static size_t
content_length(const struct buf *reply)
{
	static const char name[] = "Content-Length: ";
	char *at = memmem(reply->p, head_length(reply), name, sizeof(name) - 1);

	return at ? strtoul(at + sizeof(name) - 1, NULL, 10) : 0;
}

bool
rig_reply(struct link *l, bool head_only, struct buf *ret)
{
	char c;

	buf_clear(ret);
	/* octet by octet, so that nothing of the next reply is taken */
	while (head_length(ret) == 0) {
		if (read_some(l, &c, 1) != 1)
			return false;
		buf_addc(ret, c);
	}
	if (head_only || rig_status(ret) < 200)
		return true;
	for (size_t left = content_length(ret); left;) {
		ssize_t n;

		if (!buf_reserve(ret, left) || (n = read_some(l, ret->p + ret->n, left)) <= 0)
			return false;
		ret->n += (size_t)n;
		left -= (size_t)n;
	}
	buf_cstr(ret);
	return true;
}

bool
rig_rest(struct link *l, struct buf *ret)
{
	char piece[4096];
	ssize_t n;

	while ((n = read_some(l, piece, sizeof(piece))) > 0)
		buf_add(ret, piece, (size_t)n);
	if (l->ssl)
		return SSL_get_error(l->ssl, (int)n) == SSL_ERROR_ZERO_RETURN;
	return n == 0;
}

bool
rig_is_closed(struct link *l)
{
	char c;
	ssize_t n = read_some(l, &c, 1);

	if (l->ssl && n <= 0) {
		int error = SSL_get_error(l->ssl, (int)n);

		return error == SSL_ERROR_ZERO_RETURN || error == SSL_ERROR_SSL;
	}
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

void
rig_close(struct link *l)
{
	SSL_free(l->ssl);
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct link){ .fd = -1 };
}

int
rig_status(const struct buf *reply)
{
	uint64_t status;

	return reply->n > 12 && span_uint(span_of(reply->p + 9, 3), 999, &status) ? (int)status : 0;
}

bool
rig_has(const struct buf *reply, const char *text)
{
	return reply->n && memmem(reply->p, reply->n, text, strlen(text));
}

struct span
rig_body(const struct buf *reply)
{
	return span_from(buf_span(reply), head_length(reply));
}
