/* tls.c - see tls.h and httpd.h: contexts from PEM, ALPN, stateless tickets.
 *
 * The ticket keys belong to the process, not to a context: a session begun with one certificate is
 * resumed after the certificate was renewed. A key seals for an hour and opens for another one. */
#include "httpd/tls.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/secret.h"

struct httpd_tls {
	SSL_CTX *ctx;
	_Atomic(unsigned) refs;
};

#define TICKET_KEY_MS (60 * 60 * 1000)
#define TICKET_NAME 16

struct ticket_key {
	unsigned char name[TICKET_NAME], aes[32], mac[32];
	msec_t made_ms;
	bool made;
};

static struct {
	pthread_mutex_t lock;
	struct ticket_key now, before; /* under lock */
} tickets = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Caller holds the lock. */
static void
ticket_keys_turn(void)
{
	msec_t now_ms = clock_ms();
	struct ticket_key fresh = { .made_ms = now_ms, .made = true };

	if (tickets.now.made && now_ms - tickets.now.made_ms < TICKET_KEY_MS)
		return;
	rand_bytes(fresh.name, sizeof(fresh.name));
	rand_bytes(fresh.aes, sizeof(fresh.aes));
	rand_bytes(fresh.mac, sizeof(fresh.mac));
	/* after a long silence the last key is too old to open anything */
	tickets.before = tickets.now;
	if (now_ms - tickets.before.made_ms >= 2 * TICKET_KEY_MS)
		OPENSSL_cleanse(&tickets.before, sizeof(tickets.before));
	tickets.now = fresh;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
}

/* The key to seal with, or the one that sealed `name`; false if there is none any more. */
static bool
ticket_key_get(const unsigned char *name, struct ticket_key *ret, bool *ret_old)
{
	bool found = true;

	pthread_mutex_lock(&tickets.lock);
	ticket_keys_turn();
	*ret_old = false;
	if (!name || memcmp(name, tickets.now.name, TICKET_NAME) == 0) {
		*ret = tickets.now;
	} else if (tickets.before.made && memcmp(name, tickets.before.name, TICKET_NAME) == 0) {
		*ret = tickets.before;
		*ret_old = true;
	} else {
		found = false;
	}
	pthread_mutex_unlock(&tickets.lock);
	return found;
}

static bool
ticket_init(struct ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
	bool seal)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof(key->mac)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){ "SHA256" }, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->aes, iv, seal) == 1 &&
		EVP_MAC_CTX_set_params(mac, params) == 1;
}

/* Answers of SSL_CTX_set_tlsext_ticket_key_evp_cb: -1 error, 0 no such key, 1 good, 2 good but
 * issue a new one. */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int seal)
{
	struct ticket_key key;
	bool old, good;

	if (!ticket_key_get(seal ? NULL : name, &key, &old))
		return 0;
	if (seal) {
		memcpy(name, key.name, TICKET_NAME);
		rand_bytes(iv, (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
	}
	good = ticket_init(&key, iv, cipher, mac, seal);
	OPENSSL_cleanse(&key, sizeof(key));
	/* TLS 1.3: a fresh one each time, so that nobody can link a client's connections (RFC 8446
	 * C.4) */
	return !good ? -1 : old || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}

/* RFC 7301: a client that offers protocols and not ours gets the alert no_application_protocol. */
static int
on_alpn(SSL *ssl, const unsigned char **ret, unsigned char *ret_n, const unsigned char *offer,
	unsigned int n, void *arg)
{
	static const char ours[] = "http/1.1";
	const size_t ours_n = sizeof(ours) - 1;

	(void)ssl;
	(void)arg;
	for (unsigned int i = 0; i < n; i += 1u + offer[i]) {
		if (offer[i] == ours_n && n - i > ours_n &&
			memcmp(offer + i + 1, ours, ours_n) == 0) {
			*ret = offer + i + 1;
			*ret_n = (unsigned char)ours_n;
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The daemon has no terminal to ask on. */
static int
no_passphrase(char *dst, int size, int rw, void *arg)
{
	(void)dst;
	(void)size;
	(void)rw;
	(void)arg;
	return -1;
}

static bool
use_chain(SSL_CTX *ctx, struct span pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
	bool good = cert && SSL_CTX_use_certificate(ctx, cert) == 1;

	X509_free(cert);
	while (good && (cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL))) {
		if (SSL_CTX_add0_chain_cert(ctx, cert) != 1) {
			X509_free(cert);
			good = false;
		}
	}
	/* the end of the text shows as "no start line"; anything else is a broken certificate */
	if (good && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		good = false;
	if (good)
		ERR_clear_error();
	BIO_free(bio);
	return good;
}

static bool
use_key(SSL_CTX *ctx, struct span pem)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	bool good = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(bio);
	return good;
}

static SSL_CTX *
context_new(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx)
		return NULL;
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
		SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
	/* an idle connection gives back its 2 x 16 KiB; the others are what bufferevents write
	 * like */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_timeout(ctx, TICKET_KEY_MS / 1000);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
		SSL_CTX_set1_groups_list(ctx, "X25519:P-256:P-384") != 1 ||
		SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"acmegate", 8) != 1 ||
		SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket) != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

bool
httpd_tls_from_pem(struct span cert_pem, struct span key_pem, struct httpd_tls **ret,
	struct problem *pr)
{
	SSL_CTX *ctx;
	struct httpd_tls *tls;

	ERR_clear_error();
	if (!(ctx = context_new())) {
		problem_internal(pr, "SSL_CTX_new");
		problem_cause_openssl(pr, "SSL_CTX_new");
		return false;
	}
	if (cert_pem.n > INT32_MAX || !use_chain(ctx, cert_pem)) {
		problem_set(pr, PROBLEM_MALFORMED, "the certificate chain cannot be used");
		problem_cause_openssl(pr, "certificate chain");
		goto fail;
	}
	if (key_pem.n > INT32_MAX || !use_key(ctx, key_pem)) {
		problem_set(pr, PROBLEM_MALFORMED,
			"the private key cannot be used with the certificate");
		problem_cause_openssl(pr, "private key");
		goto fail;
	}
	tls = xmalloc(sizeof(*tls));
	tls->ctx = ctx;
	atomic_init(&tls->refs, 1);
	*ret = tls;
	return true;
fail:
	SSL_CTX_free(ctx);
	return false;
}

bool
httpd_tls_load(
	const char *cert_file, const char *key_file, struct httpd_tls **ret, struct problem *pr)
{
	AUTO_BUF cert = BUF_MAX(256 * 1024);
	AUTO_SECRET key = BUF_MAX(64 * 1024);

	return file_load(cert_file, &cert, pr) && file_load(key_file, &key, pr) &&
		httpd_tls_from_pem(buf_span(&cert), buf_span(&key), ret, pr);
}

void
httpd_tls_ref(struct httpd_tls *tls)
{
	atomic_fetch_add(&tls->refs, 1);
}

void
httpd_tls_unref(struct httpd_tls *tls)
{
	if (!tls || atomic_fetch_sub(&tls->refs, 1) != 1)
		return;
	SSL_CTX_free(tls->ctx);
	free(tls);
}

SSL *
tls_session_new(struct httpd_tls *tls)
{
	SSL *ssl = SSL_new(tls->ctx);

	ERR_clear_error();
	return ssl;
}

bool
tls_cert_der(struct httpd_tls *tls, struct buf *ret_der)
{
	X509 *leaf = SSL_CTX_get0_certificate(tls->ctx);
	int n = leaf ? i2d_X509(leaf, NULL) : -1;
	unsigned char *at;

	if (n <= 0 || !buf_reserve(ret_der, (size_t)n))
		return false;
	at = (unsigned char *)ret_der->p + ret_der->n;
	n = i2d_X509(leaf, &at);
	ret_der->n += n > 0 ? (size_t)n : 0;
	return n > 0;
}

void
tls_goodbye(SSL *ssl)
{
	ERR_clear_error();
	SSL_shutdown(ssl);
	ERR_clear_error();
}
