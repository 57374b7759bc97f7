/* own_cert.c - see own_cert.h.
 *
 * tick: the certificate in place is from the upstream and has life left: nothing. Else: one issued for the next key: put in place.
 * Else an order at work: wait. Else, not more than once an hour: a new order, with the next key's CSR, straight to `processing`.
 * Where certificates live for hours, a third of their life takes the place of the hour. */
#include "gate/own_cert.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/sha.h>

#include "base/b64url.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "flow/work.h"
#include "gate/url.h"
#include "pki/csr.h"
#include "store/account.h"
#include "store/cert.h"
#include "store/event.h"

#define PEM_MAX (256 * 1024)
#define ORDER_LIFE_S (7 * 86400)
#define NODE_CUT 34 /* of a node, within a thumbprint */
#define AGAIN_S 3600 /* between two orders */
#define LOOK_BACK 32 /* orders, for the last one of tls_upstream */

struct tick {
	struct jobs *jobs;
	const struct gate_conf *conf;
	struct idents names;
	struct buf csr;
	char key_hash[KEY_HASH_TEXT];
	int64_t again_s;
	/* found: */
	struct buf chain;
	bool has_cert, seen, working, recent;
	bool began;
};

bool
own_cert_ident(const struct gate_conf *conf, struct ident *ret, struct problem *pr)
{
	struct url url;

	if (!url_parse(span_str(conf->external_url), &url, pr))
		return false;
	/* an address, or else a name */
	return ident_parse(SPAN("ip"), url.host, ret, &(struct problem){ 0 }) || ident_parse(SPAN("dns"), url.host, ret, pr);
}

static char *
place(const struct gate_conf *conf, const char *name)
{
	return xasprintf("%s/tls/%s", conf->state_dir, name);
}

static bool
load_present(const struct gate_conf *conf, struct chain *ret)
{
	AUTO_FREE char *path = place(conf, "cert.pem");
	AUTO_BUF pem = BUF_MAX(PEM_MAX);
	struct problem pr = { 0 };

	return file_load(path, &pem, &pr) && chain_parse(buf_span(&pem), ret, &pr);
}

/* How long to wait between two orders that went well. */
static int64_t
again_s(const struct gate_conf *conf)
{
	struct chain chain = { 0 };
	int64_t third = AGAIN_S;

	if (own_cert_is_from_upstream(conf) && load_present(conf, &chain))
		third = (chain.certs[0]->not_after_unix_s - chain.certs[0]->not_before_unix_s) / 3;
	chain_done(&chain);
	return third < AGAIN_S ? third : AGAIN_S;
}

bool
own_cert_is_due(const struct gate_conf *conf, int parts)
{
	struct chain chain = { 0 };
	struct problem pr = { 0 };
	struct ident id;
	const struct cert *leaf;
	int64_t left;
	bool due;

	if (!own_cert_ident(conf, &id, &pr) || !load_present(conf, &chain))
		return true;
	leaf = chain.certs[0];
	left = leaf->not_after_unix_s - clock_unix_s();
	due = !idents_has(&leaf->names, &id) || left <= 0 ||
		left * parts < (parts ? leaf->not_after_unix_s - leaf->not_before_unix_s : 0);
	chain_done(&chain);
	return due;
}

bool
own_cert_is_from_upstream(const struct gate_conf *conf)
{
	AUTO_FREE char *mark = place(conf, "upstream");
	AUTO_BUF from = BUF_MAX(256);

	return conf->tls_upstream && conf->tls_upstream[0] && access(mark, F_OK) == 0 &&
		file_load(mark, &from, &(struct problem){ 0 }) && span_is(buf_span(&from), conf->tls_upstream);
}

void
own_cert_forget_upstream(const struct gate_conf *conf)
{
	AUTO_FREE char *mark = place(conf, "upstream");

	unlink(mark);
}

/* ---- the next key ---- */

static bool
key_save(EVP_PKEY *key, const char *path, struct problem *pr)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	bool good = bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
	long n = good ? BIO_get_mem_data(bio, &text) : 0;

	good = good ? file_save(path, span_of(text, (size_t)n), 0600, pr) : problem_internal(pr, "cannot write the TLS key");
	BIO_free(bio);
	return good;
}

static bool
next_key(const struct gate_conf *conf, EVP_PKEY **ret, struct problem *pr)
{
	AUTO_FREE char *path = place(conf, "next-key.pem");
	AUTO_SECRET pem = BUF_MAX(PEM_MAX);

	if (access(path, F_OK) == 0)
		return file_load(path, &pem, pr) && key_private_parse(buf_span(&pem), ret, pr);
	return key_make(KEY_P256, ret, pr) && key_save(*ret, path, pr);
}

/* ---- what the store knows ---- */

/* No key has such a thumbprint: nobody can sign for this account. One for each node: of a long name its hash. */
static void
account_name(const char *node, char ret[THUMBPRINT_TEXT])
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char text[B64URL_LEN(sizeof(hash)) + 1];

	if (strlen(node) > NODE_CUT) {
		SHA256((const unsigned char *)node, strlen(node), hash);
		b64url_write(text, hash, sizeof(hash));
		node = text;
	}
	snprintf(ret, THUMBPRINT_TEXT, "gateway/%.*s", NODE_CUT, node);
}

static bool
own_account(struct sql *db, const struct tick *t, struct account *ret, struct problem *pr)
{
	char name[THUMBPRINT_TEXT];
	bool found;

	account_name(jobs_node(t->jobs), name);
	if (!account_by_thumbprint(db, name, ret, &found, pr))
		return false;
	if (found)
		return true;
	*ret = (struct account){ .state = ACCOUNT_VALID, .jwk = xstrdup("{}"), .contact = xstrdup("[]") };
	memcpy(ret->thumbprint, name, sizeof(name));
	return account_insert(db, ret, pr);
}

/* Of one order after another, the newest first. */
static void
newest(const struct order *o, const char *account_ref, void *arg)
{
	struct tick *t = arg;

	(void)account_ref;
	/* another CA was asked, for tls_upstream has changed: that is no reason to wait */
	if (t->seen || strcmp(o->upstream, t->conf->tls_upstream) != 0)
		return;
	t->seen = true;
	t->working = o->state == ORDER_PROCESSING && strcmp(o->key_hash, t->key_hash) == 0;
	t->recent = o->created_at > clock_unix_s() - (o->state == ORDER_INVALID ? AGAIN_S : t->again_s);
}

static bool
look(struct sql *db, struct tick *t, int64_t account_id, struct problem *pr)
{
	char key[IDENTS_KEY_TEXT];
	int64_t cert, now = clock_unix_s();

	idents_key(&t->names, key);
	t->has_cert = t->seen = t->working = t->recent = false;
	if (!cert_find_again(db, account_id, t->key_hash, key, "_gateway", t->conf->tls_upstream, now, 0, 0, &cert, pr))
		return false;
	if (cert)
		return cert_chain(db, cert, 0, &t->chain, &t->has_cert, pr) && cert_set_fetched(db, cert, now, pr);
	return order_list(db, &(struct order_query){ .state = -1, .account_id = account_id, .limit = LOOK_BACK }, newest, t, pr);
}

static bool
order_it(struct sql *db, struct tick *t, int64_t account_id, struct problem *pr)
{
	int64_t now = clock_unix_s();
	struct order o = { .account_id = account_id, .principal = account_id, .state = ORDER_READY, .expires = now + ORDER_LIFE_S, .profile = "_gateway",
		.idents = t->names };
	bool moved;

	span_copy(span_str(t->conf->tls_upstream), o.upstream, sizeof(o.upstream));
	if (!order_insert(db, &o, pr) ||
		!order_set_csr(db, o.id, buf_span(&t->csr), t->key_hash, 0, now, o.expires, &moved, pr) ||
		!event_note(db, o.id, jobs_node(t->jobs), "order", pr, "made by the gateway for its own TLS certificate"))
		return false;
	t->began = work_begin(db, t->conf, &o, o.upstream, pr);
	return t->began;
}

static bool
tick_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct tick *t = arg;
	struct account account = { 0 };
	bool good;

	t->began = false;
	good = own_account(db, t, &account, pr) && look(db, t, account.id, pr);
	if (good && !t->has_cert && !t->working && !t->recent)
		good = order_it(db, t, account.id, pr);
	account_done(&account);
	return good;
}

/* Key first: a crash between the two leaves a pair that does not match, which is seen and mended at the next load. */
static bool
install(const struct tick *t, struct problem *pr)
{
	AUTO_FREE char *next = place(t->conf, "next-key.pem"), *key = place(t->conf, "key.pem"), *cert = place(t->conf, "cert.pem");
	AUTO_FREE char *mark = place(t->conf, "upstream");
	AUTO_SECRET pem = BUF_MAX(PEM_MAX);

	if (!file_load(next, &pem, pr) || !file_save(key, buf_span(&pem), 0600, pr) || !file_save(cert, buf_span(&t->chain), 0644, pr) ||
		!file_save(mark, span_str(t->conf->tls_upstream), 0644, pr))
		return false;
	unlink(next);
	return true;
}

static bool
prepare(struct tick *t, struct problem *pr)
{
	AUTO_FREE char *folder = place(t->conf, "");
	AUTO_PKEY *key = NULL;
	struct ident id;

	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return problem_internal(pr, "cannot make %s: %s", folder, strerror(errno));
	if (!own_cert_ident(t->conf, &id, pr) || !next_key(t->conf, &key, pr))
		return false;
	idents_add(&t->names, &id);
	return key_hash(key, t->key_hash) && csr_make(key, &t->names, &t->csr, pr);
}

bool
own_cert_tick(struct store *store, struct jobs *jobs, const struct gate_conf *conf, enum own_cert *ret, struct problem *pr)
{
	struct tick t = { .jobs = jobs, .conf = conf, .again_s = again_s(conf), .csr = BUF_MAX(CSR_MAX_BYTES), .chain = BUF_MAX(PEM_MAX) };
	bool good;

	*ret = OWN_CERT_NOTHING;
	if (!conf->tls_upstream || !conf->tls_upstream[0] || (own_cert_is_from_upstream(conf) && !own_cert_is_due(conf, 3)))
		return true;
	*ret = OWN_CERT_WAITING;
	good = prepare(&t, pr) && store_write(store, tick_tx, &t, pr);
	if (good && t.has_cert) {
		good = install(&t, pr);
		*ret = good ? OWN_CERT_CHANGED : OWN_CERT_WAITING;
	} else if (good) {
		work_hurry(jobs);
	}
	idents_done(&t.names);
	buf_done(&t.csr);
	buf_done(&t.chain);
	return good;
}

/* ---- for operators ---- */

struct last {
	const char *node;
	struct own_cert_order *ret;
};

static void
keep_last(const struct order *o, const char *account_ref, void *arg)
{
	struct own_cert_order *ret = arg;

	(void)account_ref;
	memcpy(ret->ref, o->ref, sizeof(ret->ref));
	memcpy(ret->upstream, o->upstream, sizeof(ret->upstream));
	ret->state = o->state;
	ret->again_at = o->created_at + AGAIN_S;
	if (o->error)
		buf_adds(&ret->error, o->error);
}

static bool
last_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct last *l = arg;
	struct account account = { 0 };
	char name[THUMBPRINT_TEXT];
	bool found;
	int64_t id;

	buf_clear(&l->ret->error);
	account_name(l->node, name);
	if (!account_by_thumbprint(db, name, &account, &found, pr))
		return false;
	id = account.id;
	account_done(&account);
	return !found || order_list(db, &(struct order_query){ .state = -1, .account_id = id, .limit = 1 }, keep_last, l->ret, pr);
}

bool
own_cert_last_order(struct store *store, const char *node, struct own_cert_order *ret, struct problem *pr)
{
	struct last l = { node, ret };

	return store_read(store, last_tx, &l, pr);
}
