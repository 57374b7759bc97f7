/* vault.c - see vault.h. */
#include "keeper/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/b64url.h"
#include "base/log.h"
#include "base/rand.h"
#include "keeper/proto.h"

#define FILE_MAX 4096 /* octets of a file with a secret */

/* Written beside and linked, so that a key file made meanwhile by somebody else is never replaced:
 * what it sealed would be lost for good. */
static bool
master_create(const char *path, struct problem *pr)
{
	AUTO_FREE char *tmp = xasprintf("%s.new", path);
	AUTO_SECRET text = BUF_MAX(64);
	unsigned char raw[SEAL_MASTER];
	bool good;

	rand_bytes(raw, sizeof(raw));
	b64url_add(&text, raw, sizeof(raw));
	buf_addc(&text, '\n');
	OPENSSL_cleanse(raw, sizeof(raw));
	if (!file_save(tmp, buf_span(&text), 0600, pr))
		return false;
	good = link(tmp, path) == 0 || errno == EEXIST;
	if (!good)
		problem_internal(pr, "cannot create the master key %s: %s", path, strerror(errno));
	unlink(tmp);
	if (good)
		log_notice("keeper_master_created", LS("path", path));
	return good;
}

static bool
master_load(struct vault *v, const struct keeper_conf *conf, struct problem *pr)
{
	AUTO_SECRET text = BUF_MAX(FILE_MAX);
	const char *path = strncmp(conf->master, "file:", 5) == 0 ? conf->master + 5 : NULL;

	buf_reserve(&text, FILE_MAX);
	if (conf->create_master && path && access(path, F_OK) != 0 && errno == ENOENT &&
		!master_create(path, pr))
		return false;
	if (!secret_load_raw(conf->master, &text, pr))
		return false;
	if (text.n == SEAL_MASTER) {
		memcpy(v->master, text.p, SEAL_MASTER);
		return true;
	}
	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (b64url_read_exact(buf_span(&text), v->master, SEAL_MASTER))
		return true;
	return problem_internal(pr,
		"the master key %s is neither 43 characters of base64url nor 32 octets",
		conf->master);
}

static bool
is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 || c >= 0x7f) && c != '\n' && c != '\r' && c != '\t')
			return false;
	}
	return true;
}

/* An editor ends a text with a newline that is no part of it; random octets may well end in 0x0a.
 */
static struct span
without_line_end(struct span s)
{
	while (is_text(s) && s.n && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\r'))
		s.n--;
	return s;
}

bool
secret_decode(struct span text, const char *encoding, struct buf *ret)
{
	AUTO_SECRET once = BUF_MAX(FILE_MAX);

	buf_reserve(&once, FILE_MAX);
	buf_reserve(ret, text.n);
	text = without_line_end(text);
	if (strcmp(encoding, "raw") == 0)
		return buf_addspan(ret, text);
	if (strcmp(encoding, "base64url") == 0)
		return b64url_read(text, ret);
	if (strcmp(encoding, "base64") == 0)
		return b64_read_lenient(text, ret);
	/* Google's tool encodes the base64url text once more */
	return strcmp(encoding, "double") == 0 && b64_read_lenient(text, &once) &&
		b64_read_lenient(without_line_end(buf_span(&once)), ret);
}

static bool
named_load(const struct keeper_secret *from, struct named_secret *ret, struct problem *pr)
{
	AUTO_SECRET text = BUF_MAX(FILE_MAX);

	ret->name = xstrdup(from->name);
	ret->octets = BUF_MAX(FILE_MAX);
	buf_reserve(&text, FILE_MAX);
	if (!secret_load_raw(from->where, &text, pr)) {
		AUTO_FREE char *why = xstrdup(pr ? pr->cause : "");

		return problem_internal(pr, "%s: %s", from->name, why);
	}
	if (!secret_decode(buf_span(&text), from->encoding, &ret->octets) || ret->octets.n == 0 ||
		ret->octets.n > PROTO_SECRET_MAX)
		return problem_internal(pr, "%s: %s does not hold a secret in the encoding %s",
			from->name, from->where, from->encoding);
	return true;
}

bool
vault_load(const struct keeper_conf *conf, struct vault **ret, struct problem *pr)
{
	struct vault *v = xcalloc(1, sizeof(*v));

	v->secrets = xcalloc(conf->secret_count, sizeof(*v->secrets));
	if (!master_load(v, conf, pr))
		goto fail;
	for (size_t i = 0; i < conf->secret_count; i++) {
		v->secret_count = i + 1;
		if (!named_load(&conf->secrets[i], &v->secrets[i], pr))
			goto fail;
	}
	*ret = v;
	return true;
fail:
	vault_free(v);
	return false;
}

static void
opened_done(struct opened *o)
{
	if (!o->used)
		return;
	unsealed_done(&o->u);
	key_auto_free(&o->key);
	*o = (struct opened){ 0 };
}

void
vault_free(struct vault *v)
{
	if (!v)
		return;
	for (size_t i = 0; i < VAULT_CACHE; i++)
		opened_done(&v->cache[i]);
	for (size_t i = 0; i < v->secret_count; i++) {
		free(v->secrets[i].name);
		buf_wipe(&v->secrets[i].octets);
	}
	free(v->secrets);
	OPENSSL_cleanse(v, sizeof(*v));
	free(v);
}

static bool
has_key_pair(enum key_purpose purpose)
{
	return purpose == PURPOSE_ACME_ACCOUNT || purpose == PURPOSE_LOCAL_CA || purpose == PURPOSE_AUDIT;
}

/* The one with this hash, or else the free or longest unused place for it. */
static struct opened *
cache_find(struct vault *v, const unsigned char hash[32])
{
	struct opened *oldest = &v->cache[0];

	for (size_t i = 0; i < VAULT_CACHE; i++) {
		struct opened *o = &v->cache[i];

		if (o->used && memcmp(o->hash, hash, sizeof(o->hash)) == 0)
			return o;
		if (o->used < oldest->used)
			oldest = o;
	}
	return oldest;
}

const struct opened *
vault_open(struct vault *v, struct span sealed, struct problem *pr)
{
	unsigned char hash[32];
	struct opened *o, fresh = { 0 };

	if (EVP_Q_digest(NULL, "SHA256", NULL, sealed.p, sealed.n, hash, NULL) != 1) {
		problem_internal(pr, "cannot hash");
		return NULL;
	}
	o = cache_find(v, hash);
	if (!o->used || memcmp(o->hash, hash, sizeof(hash)) != 0) {
		if (!seal_open(v->master, sealed, &fresh.u, pr))
			return NULL;
		if (has_key_pair(fresh.u.purpose) &&
			!key_private_parse(buf_span(&fresh.u.secret), &fresh.key, pr)) {
			unsealed_done(&fresh.u);
			return NULL;
		}
		if (fresh.key)
			buf_wipe(&fresh.u.secret);
		memcpy(fresh.hash, hash, sizeof(hash));
		opened_done(o);
		*o = fresh;
	}
	o->used = ++v->uses;
	return o;
}

const struct buf *
vault_secret(const struct vault *v, struct span name)
{
	for (size_t i = 0; i < v->secret_count; i++) {
		if (span_is(name, v->secrets[i].name))
			return &v->secrets[i].octets;
	}
	return NULL;
}
