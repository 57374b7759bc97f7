/* steps.c - see steps.h: cryptography, certificates, JSON. What needs files, processes or the
 * network is in steps_io.c. */
#include "steps.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.h"
#include "base/rand.h"
#include "bench.h"
#include "jose/jws.h"
#include "json/json.h"
#include "json/jw.h"
#include "pki/cert.h"
#include "server/nonce.h"
#include "steps_int.h"

#define EACH_NS 200000000LL

static const char *const names[] = {
	[PIECE_VERIFY] = "ES256 verify, set up each time",
	[PIECE_SIGN] = "ES256 sign, set up each time",
	[PIECE_SIGN_RSA] = "RSA-2048 sign",
	[PIECE_JWK] = "JWK to EVP_PKEY",
	[PIECE_JSON] = "JSON: header and payload read, order written",
	[PIECE_NONCE] = "nonce made and spent",
	[PIECE_SHA256] = "SHA-256 of 1 KiB",
	[PIECE_HMAC] = "HMAC-SHA-256 of 512 octets",
	[PIECE_CSR] = "CSR: d2i, signature verified",
	[PIECE_CERT] = "certificate built, signed P-256, PEM",
	[PIECE_CERT_READ] = "certificate, PEM to X509",
	[PIECE_CHAIN] = "chain of two read and checked (lib/pki)",
	[PIECE_RECORD] = "TLS 1.3 record of 1 KiB, both ways",
	[PIECE_HANDSHAKE] = "TLS 1.3 handshake P-256, server's side",
	[PIECE_SYNC] = "512 octets appended + fdatasync",
	[PIECE_ROW_ALONE] = "SQLite WAL FULL: row updated alone",
	[PIECE_ROW_GROUPED] = "SQLite WAL FULL: row updated, 32 a commit",
	[PIECE_KEEPER] = "keeper: JWS signed, both processes",
	[PIECE_CURL_KEPT] = "libcurl, kept TLS connection, 700 octets",
	[PIECE_CURL_PLAIN] = "libcurl, new plain connection",
	[PIECE_CURL_TLS] = "libcurl, new TLS connection",
	[PIECE_DNS] = "DNS query over UDP, new socket",
	[PIECE_SERVED] = "HTTPS request served, kept connection, no logic",
};

const char *
piece_name(enum piece piece)
{
	return names[piece];
}

double
step_time(void (*fn)(void *arg), void *arg)
{
	int64_t begin, wall = wall_ns();
	uint64_t n = 0;

	for (int i = 0; i < 10; i++)
		fn(arg);
	begin = cpu_thread_ns();
	do {
		for (int i = 0; i < 10; i++, n++)
			fn(arg);
	} while (wall_ns() - wall < EACH_NS);
	return (double)(cpu_thread_ns() - begin) / 1e3 / (double)n;
}

/* ---- signatures ---- */

struct signature {
	EVP_PKEY *key;
	unsigned char text[1024], sig[512];
	size_t n;
};

static void
sign(void *arg)
{
	struct signature *s = arg;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	s->n = sizeof(s->sig);
	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, s->key) != 1 ||
		EVP_DigestSign(ctx, s->sig, &s->n, s->text, 700) != 1)
		die("sign");
	EVP_MD_CTX_free(ctx);
}

static void
verify(void *arg)
{
	struct signature *s = arg;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, s->key) != 1 ||
		EVP_DigestVerify(ctx, s->sig, s->n, s->text, 700) != 1)
		die("verify");
	EVP_MD_CTX_free(ctx);
}

static void
sha256(void *arg)
{
	struct signature *s = arg;

	EVP_Digest(s->text, 1024, s->sig, NULL, EVP_sha256(), NULL);
}

static void
hmac(void *arg)
{
	struct signature *s = arg;
	unsigned n;

	HMAC(EVP_sha256(), "0123456789abcdef", 16, s->text, 512, s->sig, &n);
}

static void
jwk(void *arg)
{
	struct buf *text = arg;
	struct problem pr = {0};
	struct jwk *k = NULL;

	if (!jwk_parse_text(buf_span(text), &k, &pr))
		die("jwk");
	jwk_free(k);
}

static void
measure_signatures(struct steps *s)
{
	struct signature ec = {.key = EVP_EC_gen("P-256")}, rsa = {.key = EVP_RSA_gen(2048)};
	AUTO_BUF text = BUF_MAX(4096);
	struct problem pr = {0};
	struct jwk *k = NULL;

	rand_bytes(ec.text, sizeof(ec.text));
	s->us[PIECE_SIGN] = step_time(sign, &ec);
	s->us[PIECE_VERIFY] = step_time(verify, &ec);
	s->us[PIECE_SIGN_RSA] = step_time(sign, &rsa);
	s->us[PIECE_SHA256] = step_time(sha256, &ec);
	s->us[PIECE_HMAC] = step_time(hmac, &ec);
	if (!jwk_from_key(ec.key, &k, &pr) || !jwk_write(k, &text))
		die("jwk");
	s->us[PIECE_JWK] = step_time(jwk, &text);
	jwk_free(k);
	EVP_PKEY_free(ec.key);
	EVP_PKEY_free(rsa.key);
}

/* ---- JSON and nonces ---- */

static const char HEADER[] =
	"{\"alg\":\"ES256\",\"kid\":\"https://acme.example/acct/0123456789abcdefghijkl\",\"nonce\":"
	"\"0123456789abcdefghijklmnopqrstuv\",\"url\":\"https://acme.example/new-order\"}";
static const char PAYLOAD[] =
	"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"device-1.devices.example\"}]}";

static void
json(void *arg)
{
	struct buf *out = arg;
	struct problem pr = {0};
	struct json *a = NULL, *b = NULL;
	struct jw w = jw_to(out);

	buf_clear(out);
	if (!json_parse(SPAN(HEADER), "header", NULL, &a, &pr) ||
		!json_parse(SPAN(PAYLOAD), "payload", NULL, &b, &pr))
		die("json");
	jw_object(&w, NULL);
	jw_str(&w, "status", "ready");
	jw_time(&w, "expires", 1800000000);
	jw_array(&w, "identifiers");
	jw_object(&w, NULL);
	jw_str(&w, "type", "dns");
	jw_str(&w, "value", "device-1.devices.example");
	jw_end(&w);
	jw_end(&w);
	jw_array(&w, "authorizations");
	jw_str(&w, NULL, "https://acme.example/authz/0123456789abcdefghijkl");
	jw_end(&w);
	jw_str(&w, "finalize", "https://acme.example/order/0123456789abcdefghijkl/finalize");
	jw_end(&w);
	json_free(a);
	json_free(b);
}

static void
nonce(void *arg)
{
	char text[REPLAY_NONCE_TEXT];

	nonce_make(arg, text);
	if (!nonce_spend(arg, span_str(text)))
		die("nonce");
}

static void
measure_texts(struct steps *s)
{
	AUTO_BUF out = BUF_MAX(4096);
	struct nonce_window *window = nonce_window_new();

	s->us[PIECE_JSON] = step_time(json, &out);
	s->us[PIECE_NONCE] = step_time(nonce, window);
	nonce_window_free(window);
}

/* ---- certificates ---- */

struct certs {
	EVP_PKEY *ca_key, *key;
	X509 *ca, *leaf;
	X509_REQ *req;
	unsigned char *csr;
	int csr_n;
	char *leaf_pem, *chain_pem; /* PEM */
	char key_hash[KEY_HASH_TEXT];
	struct idents names;
};

static void
extension(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
}

static X509 *
make_cert(EVP_PKEY *key, const char *cn, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	unsigned char serial[16];
	BIGNUM *bn;

	rand_bytes(serial, sizeof(serial));
	serial[0] &= 0x7f;
	bn = BN_bin2bn(serial, sizeof(serial), NULL);
	BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x));
	BN_free(bn);
	X509_set_version(x, 2);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(x, issuer ? X509_get_subject_name(issuer) : name);
	X509_set_pubkey(x, key);
	extension(x, issuer ? issuer : x, NID_basic_constraints,
		issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	extension(x, issuer ? issuer : x, NID_subject_key_identifier, "hash");
	extension(x, issuer ? issuer : x, NID_authority_key_identifier, "keyid");
	extension(x, issuer ? issuer : x, NID_key_usage,
		issuer ? "critical,digitalSignature" : "critical,keyCertSign");
	if (issuer) {
		extension(x, issuer, NID_ext_key_usage, "serverAuth");
		extension(x, issuer, NID_subject_alt_name, "DNS:device-1.devices.example");
	}
	if (!X509_sign(x, issuer_key, EVP_sha256()))
		die("X509_sign");
	return x;
}

static char *
pem_of(X509 *a, X509 *b)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *copy;
	long n;

	PEM_write_bio_X509(bio, a);
	if (b)
		PEM_write_bio_X509(bio, b);
	n = BIO_get_mem_data(bio, &text);
	copy = span_dup(span_of(text, (size_t)n));
	BIO_free(bio);
	return copy;
}

static void
build(void *arg)
{
	struct certs *c = arg;
	X509 *x = make_cert(c->key, "device-1.devices.example", c->ca, c->ca_key);

	free(pem_of(x, NULL));
	X509_free(x);
}

static void
cert_read(void *arg)
{
	struct certs *c = arg;
	BIO *bio = BIO_new_mem_buf(c->leaf_pem, -1);
	X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	/* OpenSSL 3.0 decodes the key when it is asked for */
	if (!X509_get0_pubkey(x))
		die("certificate");
	X509_free(x);
	BIO_free(bio);
}

static void
chain_read(void *arg)
{
	struct certs *c = arg;
	struct chain chain = {0};
	struct problem pr = {0};

	if (!chain_parse(span_str(c->chain_pem), &chain, &pr) ||
		!chain_check(&chain, c->key_hash, &c->names, clock_unix_s(), &pr))
		die("chain: %s", pr.detail);
	chain_done(&chain);
}

static void
csr(void *arg)
{
	struct certs *c = arg;
	const unsigned char *p = c->csr;
	X509_REQ *req = d2i_X509_REQ(NULL, &p, c->csr_n);

	if (X509_REQ_verify(req, X509_REQ_get0_pubkey(req)) != 1)
		die("CSR");
	X509_REQ_free(req);
}

static void
make_csr(struct certs *c)
{
	STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();

	c->req = X509_REQ_new();
	sk_X509_EXTENSION_push(exts, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
					     "DNS:device-1.devices.example"));
	X509_REQ_set_pubkey(c->req, c->key);
	X509_REQ_add_extensions(c->req, exts);
	X509_REQ_sign(c->req, c->key, EVP_sha256());
	c->csr_n = i2d_X509_REQ(c->req, &c->csr);
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
}

static void
measure_certs(struct steps *s)
{
	struct certs c = {.ca_key = EVP_EC_gen("P-256"), .key = EVP_EC_gen("P-256")};
	struct problem pr = {0};
	struct ident id;

	c.ca = make_cert(c.ca_key, "bench CA", NULL, c.ca_key);
	c.leaf = make_cert(c.key, "device-1.devices.example", c.ca, c.ca_key);
	c.leaf_pem = pem_of(c.leaf, NULL);
	c.chain_pem = pem_of(c.leaf, c.ca);
	make_csr(&c);
	if (!key_hash(c.key, c.key_hash) ||
		!ident_parse(SPAN("dns"), SPAN("device-1.devices.example"), &id, &pr))
		die("names");
	idents_add(&c.names, &id);
	s->us[PIECE_CSR] = step_time(csr, &c);
	s->us[PIECE_CERT] = step_time(build, &c);
	s->us[PIECE_CERT_READ] = step_time(cert_read, &c);
	s->us[PIECE_CHAIN] = step_time(chain_read, &c);
	idents_done(&c.names);
	free(c.leaf_pem);
	free(c.chain_pem);
	OPENSSL_free(c.csr);
	X509_REQ_free(c.req);
	X509_free(c.ca);
	X509_free(c.leaf);
	EVP_PKEY_free(c.ca_key);
	EVP_PKEY_free(c.key);
}

/* ---- TLS ---- */

struct pair {
	SSL_CTX *server_ctx, *client_ctx;
	SSL *server, *client;
	int64_t server_ns; /* CPU of the server's side */
};

static void
shake(struct pair *p)
{
	BIO *a, *b;
	int64_t begin;
	int done_s = 0, done_c = 0;

	p->server = SSL_new(p->server_ctx);
	p->client = SSL_new(p->client_ctx);
	BIO_new_bio_pair(&a, 0, &b, 0);
	SSL_set_bio(p->server, a, a);
	SSL_set_bio(p->client, b, b);
	SSL_set_accept_state(p->server);
	SSL_set_connect_state(p->client);
	while (done_s != 1 || done_c != 1) {
		done_c = SSL_do_handshake(p->client);
		begin = cpu_thread_ns();
		done_s = SSL_do_handshake(p->server);
		p->server_ns += cpu_thread_ns() - begin;
	}
}

static void
record(void *arg)
{
	struct pair *p = arg;
	char text[1024] = {0};

	if (SSL_write(p->server, text, sizeof(text)) != sizeof(text) ||
		SSL_read(p->client, text, sizeof(text)) != sizeof(text))
		die("TLS record");
}

static void
measure_tls(struct steps *s)
{
	struct pair p = {.server_ctx = SSL_CTX_new(TLS_server_method()),
		.client_ctx = SSL_CTX_new(TLS_client_method())};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_cert(key, "bench", NULL, key);
	int n = 0;

	SSL_CTX_use_certificate(p.server_ctx, cert);
	SSL_CTX_use_PrivateKey(p.server_ctx, key);
	for (int64_t end = wall_ns() + EACH_NS; wall_ns() < end; n++) {
		shake(&p);
		SSL_free(p.server);
		SSL_free(p.client);
	}
	s->us[PIECE_HANDSHAKE] = (double)p.server_ns / 1e3 / n;
	shake(&p);
	s->us[PIECE_RECORD] = step_time(record, &p);
	SSL_free(p.server);
	SSL_free(p.client);
	SSL_CTX_free(p.server_ctx);
	SSL_CTX_free(p.client_ctx);
	X509_free(cert);
	EVP_PKEY_free(key);
}

void
steps_measure(struct steps *ret, const char *folder)
{
	steps_io(ret, folder); /* forks: before anything else */
	measure_signatures(ret);
	measure_texts(ret);
	measure_certs(ret);
	measure_tls(ret);
}

struct least
steps_least(const struct steps *s)
{
	const double *us = s->us;
	struct least l = {
		.request = us[PIECE_VERIFY] + us[PIECE_SERVED] + us[PIECE_JSON] + us[PIECE_NONCE],
		.upstream = us[PIECE_SIGN] + us[PIECE_CURL_KEPT],
		.http01 = us[PIECE_CURL_PLAIN] + us[PIECE_DNS]};
	double rows = 5 * us[PIECE_ROW_GROUPED];

	l.total = 7 * l.request + us[PIECE_CSR] + l.http01 + 4 * l.upstream + us[PIECE_CERT_READ] +
		  rows;
	l.local = 6 * l.request + us[PIECE_CSR] + l.http01 + us[PIECE_CERT] + rows;
	l.challenge = 3 * l.upstream;
	return l;
}

void
steps_print(const struct steps *s)
{
	struct least l = steps_least(s);

	printf("\nSteps, each by itself                                CPU us\n");
	for (int i = 0; i < PIECE__COUNT; i++)
		printf("  %-50s %7.1f\n", names[i], s->us[i]);
	printf("\nThe least that one issuance can cost, from these       CPU us\n");
	printf("  %-50s %7.0f\n", "7 requests of the device: verified, served, JSON",
		7 * l.request);
	printf("  %-50s %7.0f\n", "CSR", s->us[PIECE_CSR]);
	printf("  %-50s %7.0f\n", "http-01: look-up, new connection, request", l.http01);
	printf("  %-50s %7.0f\n", "4 requests to the CA: signed, sent", 4 * l.upstream);
	printf("  %-50s %7.0f\n", "certificate read", s->us[PIECE_CERT_READ]);
	printf("  %-50s %7.0f\n", "5 rows changed in grouped transactions",
		5 * s->us[PIECE_ROW_GROUPED]);
	printf("  %-50s %7.0f\n", "sum", l.total);
	printf("  %-50s %7.0f\n", "more if the CA wants a proof: 3 requests", l.challenge);
	printf("  %-50s %7.0f\n", "sum with the local CA: 6 requests, a certificate", l.local);
}
