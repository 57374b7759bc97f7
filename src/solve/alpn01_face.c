/* alpn01_face.c - see alpn01_face.h. */
#include "solve/alpn01_face.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "base/log.h"
#include "base/mem.h"
#include "pki/alpn_cert.h"
#include "solve/solve_int.h"
#include "store/upstream.h"

#define KEY_AUTH_MAX 1024

struct look {
	struct http_hello *hello;
	struct solve *solve;
	char *name; /* owned */
	struct buf ident, key_auth;
	bool found;
};

static void
look_free(struct look *l)
{
	buf_done(&l->ident);
	buf_done(&l->key_auth);
	free(l->name);
	free(l);
}

static bool
look_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct look *l = arg;

	return upstream_server_name_lookup(db, l->name, &l->ident, &l->key_auth, &l->found, pr);
}

static bool
make(const struct look *l, X509 **ret, EVP_PKEY **ret_key, struct problem *pr)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct idents one = { 0 };
	bool good;

	if (!EVP_Digest(l->key_auth.p, l->key_auth.n, digest, NULL, EVP_sha256(), NULL))
		abort();
	good = idents_read(buf_span(&l->ident), &one) && one.count == 1 ? alpn_cert_make(&one.list[0], digest, clock_unix_s(), ret, ret_key, pr) :
									  problem_internal(pr, "a stored identifier cannot be read");
	idents_done(&one);
	return good;
}

/* Worker */
static void
look_task(void *arg)
{
	struct look *l = arg;
	struct problem pr = { 0 };
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;

	if (!store_read(l->solve->env.store, look_tx, l, &pr) || (l->found && !make(l, &cert, &key, &pr)))
		log_error("look_up_failed", LS("name", l->name), LPR(&pr));
	log_debug("proof_asked", LI("found", l->found));
	http_hello_reply(l->hello, cert, key);
	look_free(l);
}

void
alpn01_face_hello(struct http_hello *hello, const char *name, void *arg)
{
	struct look *l = xcalloc(1, sizeof(*l));

	*l = (struct look){ hello, arg, xstrdup(name), BUF_MAX(2 * IDENT_VALUE), BUF_MAX(KEY_AUTH_MAX), false };
	if (pool_try(l->solve->env.pool, look_task, l))
		return;
	/* load is shed (T4) */
	http_hello_reply(hello, NULL, NULL);
	look_free(l);
}
