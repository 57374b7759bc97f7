/* local.c - see local.h. A template is made here, completed and signed in the keeper, which checks it again. */
#include "upstream/local.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#include "base/clock.h"
#include "pki/mint.h"
#include "store/cert.h"

#define CRL_LIFE_S (7 * 86400)
#define CRL_KEPT_S 30          /* anybody may ask for it: made at most so often */
#define NOT_BEFORE_SLACK_S 3600 /* O12 */
#define TLS_LIFE_S (90 * 86400)
#define TLS_CA_ROW "_gateway"  /* no upstream may be called so: names begin with a letter or digit */

static bool
der_to_pem(struct span der, struct buf *ret_pem, struct problem *pr)
{
	struct chain one = { 0 };
	bool good = leaf_parse(der, &one.certs[0], pr);

	one.count = good;
	if (good && !chain_write_pem(&one, ret_pem))
		good = problem_internal(pr, "certificate is too large for its buffer");
	chain_done(&one);
	return good;
}

static bool
mint(struct keeper *keeper, struct span sealed, struct span ca_cert, struct mint_leaf *leaf, struct buf *ret_pem, struct problem *pr)
{
	AUTO_BUF template = BUF_MAX(MINT_LEAF_MAX_BYTES), der = BUF_MAX(MINT_LEAF_MAX_BYTES);

	rand_bytes(leaf->serial, sizeof(leaf->serial));
	return mint_leaf_template(leaf, &template, pr) &&
		keeper_sign_cert(keeper, sealed, ca_cert, buf_span(&template), &der, pr) && der_to_pem(buf_span(&der), ret_pem, pr);
}

bool
local_issue_now(void *arg, const struct issue_now *rq, struct buf *ret_chain_pem, struct problem *pr)
{
	struct upstreams *ups = arg;
	struct upstream *u = upstreams_get(ups, rq->upstream->name);
	int64_t now = clock_unix_s();
	struct idents names;
	struct mint_leaf leaf = { .names = &names, .key = rq->csr->key, .client_auth = rq->profile->client_auth };
	AUTO_FREE char *crl = xasprintf("%s/crl/%s", rq->conf->external_url, rq->upstream->name);
	bool good;

	if (!u || u->driver != DRIVER_LOCAL)
		return problem_internal(pr, "upstream %s has no key of its own", rq->upstream->name);
	leaf.crl_url = crl;
	leaf.not_before_unix_s = rq->order->not_before ? rq->order->not_before : now - NOT_BEFORE_SLACK_S;
	leaf.not_after_unix_s = rq->order->not_after ? rq->order->not_after : now + rq->profile->validity_s;
	/* what was proven, whatever of it the CSR says */
	order_names(rq->order, &names);
	good = mint(upstreams_env(ups)->keeper, buf_span(&u->sealed_ca), buf_span(&u->ca_cert), &leaf, ret_chain_pem, pr) &&
		(buf_adds(ret_chain_pem, u->ca_pem) || problem_internal(pr, "chain is too large"));
	idents_done(&names);
	return good;
}

void
local_count_issued(void *arg, const char *name)
{
	struct upstream *u = upstreams_get(arg, name);

	if (u)
		atomic_fetch_add(&u->issued, 1);
}

/* ---- revocation list ---- */

struct crl_list {
	const char *name;
	struct mint_revoked *list;
	size_t count;
};

static void
add_revoked(const struct cert_row *c, void *arg)
{
	struct crl_list *l = arg;

	if ((l->count & (l->count - 1)) == 0)
		l->list = xrealloc(l->list, (l->count ? l->count * 2 : 1) * sizeof(*l->list));
	l->list[l->count++] = (struct mint_revoked){ xstrdup(c->serial), c->revoked_at, (int)c->revoked_reason };
}

static void
crl_list_done(struct crl_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free((void *)(uintptr_t)l->list[i].serial);
	free(l->list);
	*l = (struct crl_list){ .name = l->name };
}

static bool
revoked_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct crl_list *l = arg;

	crl_list_done(l);
	return cert_each_revoked(db, l->name, clock_unix_s(), add_revoked, l, pr);
}

static bool
make_crl(struct upstreams *ups, struct upstream *u, int64_t now, struct buf *ret_der, struct problem *pr)
{
	const struct upstream_env *env = upstreams_env(ups);
	AUTO_BUF template = BUF_MAX(MINT_CRL_MAX_BYTES);
	struct crl_list l = { .name = u->name };
	/* the time is a number that grows, on every gateway of a cluster (RFC 5280 5.2.3) */
	bool good = store_read(env->store, revoked_tx, &l, pr) &&
		mint_crl_template(l.list, l.count, now, now - 60, now + CRL_LIFE_S, &template, pr) &&
		keeper_sign_crl(env->keeper, buf_span(&u->sealed_ca), buf_span(&u->ca_cert), buf_span(&template), ret_der, pr);

	crl_list_done(&l);
	return good;
}

bool
local_crl(struct upstreams *ups, const char *name, struct buf *ret_der, bool *ret_found, struct problem *pr)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the lists kept; and one is made at a time */
	struct upstream *u = upstreams_get(ups, name);
	int64_t now = clock_unix_s();
	bool good = true;

	*ret_found = u && u->driver == DRIVER_LOCAL;
	if (!*ret_found)
		return true;
	pthread_mutex_lock(&lock);
	if (u->crl.n == 0 || now - u->crl_at >= CRL_KEPT_S) {
		buf_done(&u->crl);
		u->crl = BUF_MAX(MINT_CRL_MAX_BYTES);
		u->crl_at = now;
		good = make_crl(ups, u, now, &u->crl, pr);
		if (!good)
			buf_clear(&u->crl);
	}
	good = good && buf_addspan(ret_der, buf_span(&u->crl));
	pthread_mutex_unlock(&lock);
	return good;
}

/* ---- the gateway's own certificate ---- */

struct tls_ca {
	struct upstream_row row;
	struct span sealed, cert;
};

static bool
tls_ca_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tls_ca *ca = arg;
	bool moved;

	if (ca->sealed.n && !upstream_set_key(db, ca->row.id, ca->sealed, NULL, ca->cert, &moved, pr))
		return false;
	upstream_row_done(&ca->row);
	return upstream_row_get(db, TLS_CA_ROW, &ca->row, pr);
}

static bool
tls_ca_get(const struct upstream_env *env, const char *host, struct tls_ca *ca, struct problem *pr)
{
	AUTO_BUF sealed = BUF_MAX(64 * 1024), cert = BUF_MAX(64 * 1024);
	char name[65];

	if (!store_write(env->store, tls_ca_tx, ca, pr))
		return false;
	if (ca->row.sealed_key.n > 0)
		return true;
	snprintf(name, sizeof(name), "acmegate at %.48s", host);
	if (!keeper_make(env->keeper, KEY_P256, PURPOSE_LOCAL_CA, span_str(name), &sealed, &cert, pr))
		return false;
	ca->sealed = buf_span(&sealed);
	ca->cert = buf_span(&cert);
	return store_write(env->store, tls_ca_tx, ca, pr);
}

static bool
key_pem(EVP_PKEY *key, struct buf *out, struct problem *pr)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long n;
	bool good = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;

	n = good ? BIO_get_mem_data(bio, &text) : 0;
	good = good && buf_add(out, text, (size_t)n);
	BIO_free(bio);
	return good ? true : problem_internal(pr, "cannot write the TLS key");
}

static bool
tls_leaf(const struct upstream_env *env, const char *host, const struct tls_ca *ca, struct buf *ret_cert_pem, struct buf *ret_key_pem, struct problem *pr)
{
	AUTO_PKEY *key = NULL;
	struct idents names = { 0 };
	struct ident id;
	int64_t now = clock_unix_s();
	struct mint_leaf leaf = { .names = &names, .not_before_unix_s = now - NOT_BEFORE_SLACK_S, .not_after_unix_s = now + TLS_LIFE_S };
	struct span text = span_str(host);
	bool good;

	if (text.n > 2 && text.p[0] == '[')
		text = span_of(text.p + 1, text.n - 2);
	if (!ident_parse(SPAN("ip"), text, &id, pr) && !ident_parse(SPAN("dns"), text, &id, pr))
		return false;
	*pr = (struct problem){ 0 };
	idents_add(&names, &id);
	good = key_make(KEY_P256, &key, pr);
	leaf.key = key;
	good = good && mint(env->keeper, buf_span(&ca->row.sealed_key), buf_span(&ca->row.ca_cert), &leaf, ret_cert_pem, pr) &&
		key_pem(key, ret_key_pem, pr);
	idents_done(&names);
	return good;
}

bool
local_tls_make(const struct upstream_env *env, const char *host, struct buf *ret_cert_pem, struct buf *ret_key_pem,
	struct buf *ret_root_pem, struct problem *pr)
{
	struct tls_ca ca = { 0 };
	bool good = tls_ca_get(env, host, &ca, pr) && der_to_pem(buf_span(&ca.row.ca_cert), ret_root_pem, pr) &&
		tls_leaf(env, host, &ca, ret_cert_pem, ret_key_pem, pr) &&
		buf_addspan(ret_cert_pem, buf_span(ret_root_pem));

	upstream_row_done(&ca.row);
	return good;
}
