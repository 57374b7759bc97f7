/* HTTPS: whom we trust, what a failed handshake means, kept connections that the server has closed. */
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "client.h"
#include "server.h"

static struct server server, older, http2;
static char ca_path[] = "/tmp/test_httpc_XXXXXX", other_path[] = "/tmp/test_httpc_XXXXXX";

static void
extension_add(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	if (!ext || !X509_add_ext(cert, ext, -1))
		abort();
	X509_EXTENSION_free(ext);
}

/* Signed by itself if issuer is NULL. */
static X509 *
cert_make(const char *cn, const char *san, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
	static long serial;
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
	X509_set_subject_name(cert, name);
	X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name);
	X509_set_pubkey(cert, key);
	extension_add(cert, issuer ? issuer : cert, NID_basic_constraints,
		issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (san)
		extension_add(cert, issuer, NID_subject_alt_name, san);
	X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256());
	X509_NAME_free(name);
	return cert;
}

static void
pem_save(char *path, X509 *cert)
{
	int fd = mkstemp(path);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (!f || !PEM_write_X509(f, cert) || fclose(f) != 0)
		abort();
}

static int
choose_h2(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in,
	unsigned in_n, void *arg)
{
	(void)ssl;
	(void)arg;
	return SSL_select_next_proto((unsigned char **)out, n, (const unsigned char *)"\2h2", 3, in,
		       in_n) == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

static SSL_CTX *
tls_make(X509 *cert, EVP_PKEY *key)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	SSL_CTX_use_certificate(tls, cert);
	SSL_CTX_use_PrivateKey(tls, key);
	return tls;
}

static bool
answer(struct peer *p)
{
	peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
	return !peer_path_is(p, "/close");
}

/* Says whether HTTP/2 was agreed on; speaks HTTP/1.1 all the same, which the client takes for broken. */
static bool
answer_alpn(struct peer *p)
{
	const unsigned char *name;
	unsigned n;

	SSL_get0_alpn_selected(p->ssl, &name, &n);
	peer_say(p, n > 0 ? "HTTP/1.1 200 h2\r\nContent-Length: 0\r\n\r\n" :
			    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	return true;
}

static struct httpc_request
request(const char *method, const struct server *s, const char *path)
{
	static char url[128];

	snprintf(url, sizeof(url), "https://127.0.0.1:%u%s", s->port, path);
	return (struct httpc_request){ .method = method, .url = url, .ca_file = ca_path,
		.body_max_bytes = 100 };
}

static void
test_trust(void)
{
	struct httpc_request rq = request("GET", &server, "/");
	struct addr here = { .family = AF_INET, .octet = { 127, 0, 0, 1 } };
	struct httpc_reply *rp = fetch(&rq);
	char url[128], text[ADDR_TEXT];
	unsigned requests;

	is_result(rp, HTTPC_OK, "a certificate under the given anchor is trusted, by its IP address");
	requests = server.requests;
	rq.ca_file = NULL;
	rp = fetch(&rq);
	is_result(rp, HTTPC_TLS, "a certificate under an unknown anchor is not");
	is_str(addr_text(&rp->connected, text), "127.0.0.1", "who was connected is told");
	is_int(rp->connected.port, server.port, "with the port");
	rq.ca_file = other_path;
	is_result(fetch(&rq), HTTPC_TLS, "nor under another anchor");
	rq.ca_file = "/nonexistent/ca.pem";
	is_result(fetch(&rq), HTTPC_TLS, "a missing file of anchors trusts nobody");
	is_int(server.requests, requests, "and nothing was sent");
	rq.ca_file = other_path;
	rq.tls_no_verify = true;
	is_result(fetch(&rq), HTTPC_OK, "tls_no_verify trusts everybody");
	rq.tls_no_verify = false;
	is_result(fetch(&rq), HTTPC_TLS, "its connection serves no other request");

	rq = request("GET", &server, "/");
	rq.url = url;
	rq.pin = &here;
	rq.pin_count = 1;
	snprintf(url, sizeof(url), "https://ca.example:%u/", server.port);
	is_result(fetch(&rq), HTTPC_OK, "a pinned host is verified by its name");
	snprintf(url, sizeof(url), "https://wrong.example:%u/", server.port);
	is_result(fetch(&rq), HTTPC_TLS, "a name that is not in the certificate is refused");
	rq.url = "https://127.0.0.1:1/";
	is_result(fetch(&rq), HTTPC_CONNECT, "a closed port is no TLS fault");
	rq = request("GET", &older, "/");
	is_result(fetch(&rq), HTTPC_TLS, "TLS 1.1 is refused");
}

static bool
answer_nothing(struct peer *p)
{
	(void)p;
	return false;
}

static void
test_handshake(void)
{
	struct httpc_request rq;
	struct server plain;
	struct httpc_reply *rp;

	/* a plain server that waits for a request's head while the client waits for ServerHello */
	server_start(&plain, "127.0.0.1", NULL, answer_nothing);
	rq = request("POST", &plain, "/");
	rq.connect_ms = 150;
	is_result(fetch(&rq), HTTPC_TLS, "a silent handshake is a TLS fault after connect_ms");
	rq.connect_ms = 10000;
	rq.total_ms = 150;
	rp = fetch(&rq);
	is_result(rp, HTTPC_TLS, "and at the total deadline");
	is_int(rp->connected.port, plain.port, "TCP was connected");
	server_stop(&plain);
}

static void
test_reuse(void)
{
	struct httpc_request rq = request("POST", &server, "/keep");
	unsigned accepted;

	rq.body = span_str("{}");
	fetch(&rq);
	accepted = server.accepted;
	for (int i = 0; i < 3; i++)
		fetch(&rq);
	is_int(server.accepted, accepted, "a TLS connection is kept");

	rq = request("POST", &server, "/close");
	rq.body = span_str("{}");
	is_result(fetch(&rq), HTTPC_OK, "the server closes a kept connection");
	for (int i = 0; i < 3; i++) {
		while (atomic_load(&server.serving) > 0)
			usleep(1000);
		is_result(fetch(&rq), HTTPC_OK, "which the next POST notices before it is sent");
	}
	is_int(server.accepted, accepted + 3, "each made a connection of its own");
}

static void
test_http2(void)
{
	struct httpc_request rq = request("GET", &http2, "/");
	struct httpc_reply *rp = fetch(&rq);

	is_result(rp, HTTPC_OK, "HTTP/2 is not offered unless asked for");
	rq.http2 = rq.fresh = true;
	rq.total_ms = 3000;
	is_result(fetch(&rq), HTTPC_BROKEN, "it is offered when asked for");
	rq = request("GET", &server, "/");
	rq.http2 = true;
	is_result(fetch(&rq), HTTPC_OK, "and HTTP/1.1 is taken as well");
}

int
main(void)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca = cert_make("Test CA", NULL, ca_key, NULL, NULL);
	X509 *other = cert_make("Other CA", NULL, key, NULL, NULL);
	X509 *leaf = cert_make("leaf", "DNS:ca.example,IP:127.0.0.1", key, ca, ca_key);
	SSL_CTX *tls = tls_make(leaf, key), *tls_older = tls_make(leaf, key), *tls_h2 = tls_make(leaf, key);

	SSL_CTX_set_security_level(tls_older, 0);
	SSL_CTX_set_min_proto_version(tls_older, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(tls_older, TLS1_1_VERSION);
	SSL_CTX_set_alpn_select_cb(tls_h2, choose_h2, NULL);
	pem_save(ca_path, ca);
	pem_save(other_path, other);
	server_start(&server, "127.0.0.1", tls, answer);
	server_start(&older, "127.0.0.1", tls_older, answer);
	server_start(&http2, "127.0.0.1", tls_h2, answer_alpn);
	client_start(NULL);
	test_trust();
	test_handshake();
	test_reuse();
	test_http2();
	fetch(NULL);
	client_stop();
	server_stop(&server);
	server_stop(&older);
	server_stop(&http2);
	unlink(ca_path);
	unlink(other_path);
	SSL_CTX_free(tls);
	SSL_CTX_free(tls_older);
	SSL_CTX_free(tls_h2);
	X509_free(ca);
	X509_free(other);
	X509_free(leaf);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	return done_testing();
}
