/* ca.c - bench_ca: a stand-in for a CA, so cheap that it does not stand in the way of measuring the
 * gateway. NOT an ACME server: it believes every request (no signature, nonce or account is
 * checked) and keeps only the last orders in memory.
 *
 *   bench_ca CA_PEM sync|async HTTP01_PORT
 *
 * Writes the certificate to trust to CA_PEM, prints its port, serves until it is ended. HTTP01_PORT
 * 0: every name counts as proven, newOrder answers `ready`; else each name is asked for at that
 * port of 127.0.0.1 first. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "base/b64url.h"
#include "base/rand.h"
#include "base/secret.h"
#include "bench.h"
#include "httpd/httpd.h"
#include "jose/jws.h"
#include "json/json.h"
#include "json/jw.h"
#include "loop/pool.h"
#include "pki/mint.h"

#define ORDERS 16384 /* the last ones are known */
#define VALIDATORS 4

enum state { PENDING, READY, PROCESSING, VALID };

struct order {
	enum state state;
	bool asked; /* a proof is being looked at */
	char name[IDENT_VALUE];
	char *pem; /* owned */
};

static struct {
	pthread_mutex_t lock;
	struct order orders[ORDERS]; /* under lock, as is the next */
	unsigned count;
	_Atomic(unsigned) nonces;
	EVP_PKEY *key;
	struct cert *cert;
	char base[64];
	char *ca_pem;
	bool async;
	uint16_t http01_port;
	struct pool *pool;
} ca = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the CA's key, and certificates ---- */

static void
add_pem(struct buf *out, struct span der)
{
	struct chain chain = {.count = 1};
	struct problem pr = {0};

	if (!cert_parse(der, &chain.certs[0], &pr) || !chain_write_pem(&chain, out))
		die("bad certificate: %s", pr.detail);
	chain_done(&chain);
}

/* One leaf for these names and key, with the CA's certificate behind it. */
static void
issue(const struct idents *names, EVP_PKEY *key, struct buf *out)
{
	AUTO_BUF template = BUF_MAX(MINT_LEAF_MAX_BYTES), der = BUF_MAX(MINT_LEAF_MAX_BYTES);
	int64_t now = clock_unix_s();
	struct mint_leaf leaf = {.names = names,
		.key = key,
		.not_before_unix_s = now - 3600,
		.not_after_unix_s = now + 90 * 86400};
	struct problem pr = {0};

	rand_bytes(leaf.serial, sizeof(leaf.serial));
	if (!mint_leaf_template(&leaf, &template, &pr) ||
		!mint_sign_leaf(buf_span(&template), ca.cert->x509, ca.key, &der, &pr))
		die("cannot issue: %s", pr.cause);
	add_pem(out, buf_span(&der));
	buf_adds(out, ca.ca_pem);
}

static void
make_ca(const char *file)
{
	AUTO_BUF der = BUF_MAX(MINT_LEAF_MAX_BYTES), pem = BUF_MAX(MINT_LEAF_MAX_BYTES);
	struct problem pr = {0};

	if (!key_make(KEY_P256, &ca.key, &pr) ||
		!mint_ca(ca.key, "bench stand-in CA", clock_unix_s(), &der, &pr) ||
		!cert_parse(buf_span(&der), &ca.cert, &pr))
		die("cannot make a CA: %s", pr.cause);
	add_pem(&pem, buf_span(&der));
	ca.ca_pem = xstrdup(buf_cstr(&pem));
	if (!file_save(file, buf_span(&pem), 0644, &pr))
		die("cannot write %s: %s", file, pr.cause);
}

static void
key_pem(EVP_PKEY *key, struct buf *out)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	n = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)n);
	BIO_free(bio);
}

static struct httpd_tls *
make_tls(void)
{
	AUTO_BUF pem = BUF_MAX(64 * 1024), private = BUF_MAX(8192);
	AUTO_PKEY *key = NULL;
	struct idents names = {0};
	struct ident id;
	struct httpd_tls *tls = NULL;
	struct problem pr = {0};

	if (!key_make(KEY_P256, &key, &pr) || !ident_parse(SPAN("ip"), SPAN("127.0.0.1"), &id, &pr))
		die("cannot make a TLS key");
	idents_add(&names, &id);
	issue(&names, key, &pem);
	key_pem(key, &private);
	if (!httpd_tls_from_pem(buf_span(&pem), buf_span(&private), &tls, &pr))
		die("no TLS: %s", pr.detail);
	idents_done(&names);
	return tls;
}

/* ---- http-01 at the gateway ---- */

static bool
asked_well(const char *name, unsigned id)
{
	AUTO_FREE char *rq = xasprintf("GET /.well-known/acme-challenge/token-%u HTTP/1.1\r\nHost: "
				       "%s\r\nConnection: close\r\n\r\n",
		id, name);
	char text[1024];
	ssize_t n = -1;
	int fd = tcp_connect(ca.http01_port, NULL);

	if (fd < 0)
		return false;
	if (send(fd, rq, strlen(rq), MSG_NOSIGNAL) > 0)
		n = recv(fd, text, sizeof(text) - 1, 0);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strncmp(text, "HTTP/1.1 200", 12) == 0;
}

static void
validate(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg;
	struct order *o = &ca.orders[id % ORDERS];
	char name[IDENT_VALUE];

	pthread_mutex_lock(&ca.lock);
	memcpy(name, o->name, sizeof(name));
	pthread_mutex_unlock(&ca.lock);
	if (!asked_well(name, id))
		die("the gateway has no proof for %s", name);
	pthread_mutex_lock(&ca.lock);
	if (o->state == PENDING)
		o->state = READY;
	pthread_mutex_unlock(&ca.lock);
}

/* ---- replies ---- */

static void
url_of(struct jw *w, const char *member, const char *kind, unsigned id)
{
	AUTO_FREE char *url = xasprintf("%s/%s/%u", ca.base, kind, id);

	jw_str(w, member, url);
}

static void
write_ident(struct jw *w, const char *member, const char *name)
{
	jw_object(w, member);
	jw_str(w, "type", "dns");
	jw_str(w, "value", name);
	jw_end(w);
}

static void
write_order(struct jw *w, const struct order *o, unsigned id)
{
	static const char *const names[] = {"pending", "ready", "processing", "valid"};

	jw_object(w, NULL);
	jw_str(w, "status", names[o->state]);
	jw_time(w, "expires", clock_unix_s() + 3600);
	jw_array(w, "identifiers");
	write_ident(w, NULL, o->name);
	jw_end(w);
	jw_array(w, "authorizations");
	url_of(w, NULL, "authz", id);
	jw_end(w);
	url_of(w, "finalize", "finalize", id);
	if (o->state == VALID)
		url_of(w, "certificate", "cert", id);
	jw_end(w);
}

static void
write_challenge(struct jw *w, const struct order *o, unsigned id)
{
	AUTO_FREE char *token = xasprintf("token-%u", id);

	jw_object(w, NULL);
	jw_str(w, "type", "http-01");
	url_of(w, "url", "chall", id);
	jw_str(w, "status", o->state != PENDING ? "valid" : o->asked ? "processing" : "pending");
	jw_str(w, "token", token);
	jw_end(w);
}

static void
write_authz(struct jw *w, const struct order *o, unsigned id)
{
	jw_object(w, NULL);
	jw_str(w, "status", o->state == PENDING ? "pending" : "valid");
	write_ident(w, "identifier", o->name);
	jw_array(w, "challenges");
	write_challenge(w, o, id);
	jw_end(w);
	jw_end(w);
}

static void
write_directory(struct jw *w)
{
	static const char *const entries[][2] = {{"newNonce", "new-nonce"},
		{"newAccount", "new-account"}, {"newOrder", "new-order"},
		{"revokeCert", "revoke-cert"}, {"keyChange", "key-change"}};

	jw_object(w, NULL);
	for (size_t i = 0; i < COUNT_OF(entries); i++) {
		AUTO_FREE char *url = xasprintf("%s/%s", ca.base, entries[i][1]);

		jw_str(w, entries[i][0], url);
	}
	jw_end(w);
}

/* ---- requests ---- */

static void
begin_order(const struct json_node *payload, unsigned *ret_id)
{
	struct span name =
		json_text(json_get(json_at(json_get(payload, "identifiers"), 0), "value"));
	struct order *o;

	*ret_id = ca.count++;
	o = &ca.orders[*ret_id % ORDERS];
	free(o->pem);
	*o = (struct order){.state = ca.http01_port ? PENDING : READY};
	if (!span_copy(name, o->name, sizeof(o->name)))
		die("newOrder without a name");
}

static void
finalize(const struct json_node *payload, struct order *o)
{
	AUTO_BUF der = BUF_MAX(CSR_MAX_BYTES), pem = BUF_MAX(64 * 1024);
	struct csr *csr = NULL;
	struct problem pr = {0};

	if (!b64url_read(json_text(json_get(payload, "csr")), &der) ||
		!csr_parse(buf_span(&der), &csr, &pr))
		die("bad CSR: %s", pr.detail);
	issue(&csr->names, csr->key, &pem);
	csr_free(csr);
	free(o->pem);
	o->pem = xstrdup(buf_cstr(&pem));
	o->state = ca.async ? PROCESSING : VALID;
}

static bool
path_is(struct span path, const char *kind, unsigned *ret_id)
{
	uint64_t id;

	if (!span_starts(path, kind) || !span_uint(span_from(path, strlen(kind)), UINT32_MAX, &id))
		return false;
	*ret_id = (unsigned)id;
	return true;
}

static void
answer_post(const struct http_req *rq, const struct json_node *payload, struct http_reply *rp)
{
	struct jw w = jw_to(&rp->body);
	unsigned id = 0;
	struct order *o;

	if (span_is(rq->path, "/new-account")) {
		rp->status = 201;
		http_reply_field(rp, "Location", "%s/account/1", ca.base);
		buf_adds(&rp->body, "{\"status\":\"valid\"}");
	} else if (span_is(rq->path, "/new-order")) {
		begin_order(payload, &id);
		rp->status = 201;
		http_reply_field(rp, "Location", "%s/order/%u", ca.base, id);
		write_order(&w, &ca.orders[id % ORDERS], id);
	} else if (path_is(rq->path, "/order/", &id)) {
		o = &ca.orders[id % ORDERS];
		if (o->state == PROCESSING)
			o->state = VALID;
		write_order(&w, o, id);
	} else if (path_is(rq->path, "/authz/", &id)) {
		write_authz(&w, &ca.orders[id % ORDERS], id);
	} else if (path_is(rq->path, "/chall/", &id)) {
		o = &ca.orders[id % ORDERS];
		if (!o->asked)
			pool_post(ca.pool, validate, (void *)(uintptr_t)id);
		o->asked = true;
		write_challenge(&w, o, id);
	} else if (path_is(rq->path, "/finalize/", &id)) {
		finalize(payload, &ca.orders[id % ORDERS]);
		write_order(&w, &ca.orders[id % ORDERS], id);
		http_reply_field(rp, "Location", "%s/order/%u", ca.base, id);
	} else if (path_is(rq->path, "/cert/", &id) && ca.orders[id % ORDERS].pem) {
		rp->content_type = "application/pem-certificate-chain";
		buf_adds(&rp->body, ca.orders[id % ORDERS].pem);
	} else {
		rp->status = 404;
	}
}

static void
on_request(struct http_req *rq, void *arg)
{
	struct http_reply rp = http_reply_new(200);
	struct jw w = jw_to(&rp.body);
	struct problem pr = {0};
	struct json *doc = NULL;
	struct jws jws = {0};

	(void)arg;
	rp.content_type = "application/json";
	http_reply_field(&rp, "Replay-Nonce", "bench-nonce-%u", ++ca.nonces);
	if (rq->method == HTTP_POST) {
		if (!jws_parse(rq->body, false, &jws, &pr) ||
			(jws.payload.n &&
				!json_parse(buf_span(&jws.payload), "payload", NULL, &doc, &pr)))
			die("bad request: %s", pr.detail);
		pthread_mutex_lock(&ca.lock);
		answer_post(rq, json_root(doc), &rp);
		pthread_mutex_unlock(&ca.lock);
		json_free(doc);
		jws_done(&jws);
	} else if (span_is(rq->path, "/directory")) {
		write_directory(&w);
	}
	http_reply(rq, &rp);
}

int
main(int argc, char **argv)
{
	const struct addr loopback = {.family = AF_INET, .octet = {127, 0, 0, 1}};
	struct http_limits limits = http_default_limits;
	struct httpd_face_conf conf = {
		.name = "ca", .listen = &loopback, .listen_count = 1, .handler = on_request};
	struct httpd_face *face = NULL;
	struct problem pr = {0};
	struct httpd *h;

	if (argc != 4)
		die("usage: bench_ca CA_PEM sync|async HTTP01_PORT");
	signal(SIGPIPE, SIG_IGN);
	ca.async = strcmp(argv[2], "async") == 0;
	ca.http01_port = (uint16_t)atoi(argv[3]);
	ca.pool = pool_new(VALIDATORS, 1000000);
	make_ca(argv[1]);
	conf.tls = make_tls();
	limits.conns_per_addr = 0;
	h = httpd_new(1, &limits);
	if (!httpd_face_add(h, &conf, &face, &pr))
		die("cannot listen: %s", pr.cause);
	snprintf(ca.base, sizeof(ca.base), "https://127.0.0.1:%u", httpd_face_port(face));
	httpd_start(h);
	printf("%u\n", httpd_face_port(face));
	fflush(stdout);
	for (;;)
		pause();
}
