/* account.c - our account at a CA, as it is in memory; see upstreams.h. */
#include <stdlib.h>

#include "base/log.h"
#include "store/upstream_life.h"
#include "upstream/upstreams.h"

#define KEY_MAX_BYTES (64 * 1024)

void
ca_account_unref(struct ca_account *a)
{
	if (!a || atomic_fetch_sub(&a->refs, 1) != 1)
		return;
	buf_done(&a->sealed);
	free(a->jwk);
	free(a);
}

struct ca_signer
ca_account_signer(const struct ca_account *a)
{
	return (struct ca_signer){ .sealed = buf_span(&a->sealed), .alg = a->alg, .jwk = span_str(a->jwk),
		.kid = a->kid[0] ? a->kid : NULL };
}

bool
ca_account_make(struct span sealed, const char *public_key, const char *url, struct ca_account **ret, struct problem *pr)
{
	struct ca_account *a;
	struct jwk *jwk = NULL;

	if (!jwk_parse_text(span_str(public_key), &jwk, pr))
		return false;
	a = xcalloc(1, sizeof(*a));
	atomic_init(&a->refs, 1);
	a->sealed = BUF_MAX(KEY_MAX_BYTES);
	buf_addspan(&a->sealed, sealed);
	a->jwk = xstrdup(public_key);
	span_copy(span_str(jwk->thumbprint), a->thumbprint, sizeof(a->thumbprint));
	a->alg = jwa_for_key(jwk->key);
	span_copy(span_str(url), a->kid, sizeof(a->kid));
	jwk_free(jwk);
	*ret = a;
	return true;
}

struct ca_account *
upstream_account(struct upstream *u)
{
	struct ca_account *a;

	pthread_mutex_lock(&u->account_lock);
	a = u->account;
	if (a)
		atomic_fetch_add(&a->refs, 1);
	pthread_mutex_unlock(&u->account_lock);
	return a;
}

bool
upstream_account_take(struct upstream *u, const struct upstream_row *row, struct problem *pr)
{
	struct ca_account *a, *old;

	if (!ca_account_make(buf_span(&row->sealed_key), row->public_key, row->account_url, &a, pr))
		return false;
	a->epoch = row->life.epoch;
	a->state = row->life.state;
	/* another worker may have read a newer one meanwhile */
	pthread_mutex_lock(&u->account_lock);
	old = u->account;
	if (!old || old->epoch <= a->epoch) {
		u->account = a;
		a = old;
	}
	pthread_mutex_unlock(&u->account_lock);
	ca_account_unref(a);
	return true;
}

struct look {
	struct upstream *u;
	int64_t epoch; /* of what is in memory */
	int64_t rolling_since;
	struct upstream_row row;
	bool found; /* and newer */
};

static bool
look_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct look *l = arg;
	int64_t epoch;

	l->found = false;
	upstream_row_done(&l->row);
	if (!upstream_life_glance(db, l->u->id, &epoch, &l->rolling_since, pr))
		return false;
	return epoch == l->epoch || upstream_row_by_id(db, l->u->id, &l->row, &l->found, pr);
}

bool
upstream_account_look(struct upstream *u, const struct ca_account *seen, bool *ret_changed, bool *ret_rolling, struct problem *pr)
{
	struct ca_account *now = upstream_account(u);
	struct look l = { .u = u, .epoch = now->epoch };
	bool good = store_read(upstreams_env(u->all)->store, look_tx, &l, pr) &&
		(!l.found || l.row.sealed_key.n == 0 || upstream_account_take(u, &l.row, pr));

	upstream_row_done(&l.row);
	ca_account_unref(now);
	if (!good)
		return false;
	now = upstream_account(u);
	*ret_changed = now->epoch != seen->epoch;
	*ret_rolling = l.rolling_since != 0;
	ca_account_unref(now);
	return true;
}

struct ca_account *
upstream_account_registered(struct upstream *u, enum account_state *ret_state)
{
	struct ca_account *a = upstream_account(u);
	struct problem pr = { 0 };
	bool changed, rolling;

	if (!upstream_account_look(u, a, &changed, &rolling, &pr))
		log_error("upstream_account_not_read", LS("upstream", u->name), LPR(&pr));
	ca_account_unref(a);
	a = upstream_account(u);
	*ret_state = a->state;
	if (a->kid[0] && a->state == ACCOUNT_VALID)
		return a;
	ca_account_unref(a);
	return NULL;
}

enum key_type
upstream_key_type(const struct upstream_conf *conf)
{
	static const enum key_type types[] = { KEY_P256, KEY_P384, KEY_RSA2048, KEY_RSA3072, KEY_RSA4096 };

	return types[conf->key_type];
}

bool
upstream_make_key(struct upstream *u, const struct upstream_conf *conf, struct buf *ret_sealed, struct buf *ret_jwk, struct problem *pr)
{
	AUTO_BUF spki = BUF_MAX(KEY_MAX_BYTES);
	enum jwa alg;

	return keeper_make(upstreams_env(u->all)->keeper, upstream_key_type(conf), PURPOSE_ACME_ACCOUNT, span_str(ca_origin(u->ca)), ret_sealed,
		       &spki, pr) && ca_signer_public(buf_span(&spki), ret_jwk, &alg, pr);
}
