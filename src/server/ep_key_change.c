/* ep_key_change.c - keyChange (RFC 8555 7.3.5): the outer JWS by the old key, the inner one by the new. Checks in the RFC's order. */
#include <openssl/evp.h>

#include "server/api.h"

struct change {
	struct api *api;
	struct jws inner;
	struct jwk *new_key, *old_key;
	struct buf jwk;
	struct account other; /* that has the new key already */
	bool clash;
	char key_hash[KEY_HASH_TEXT]; /* of the new key */
};

static bool
open_inner(struct change *c)
{
	struct api *api = c->api;

	if (!jws_parse_node(api->payload, false, &c->inner, &api->pr))
		return false;
	if (!c->inner.jwk || c->inner.has_kid)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "the inner JWS needs jwk, the new key, and no kid");
	if (c->inner.has_nonce)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "the inner JWS must not have a nonce");
	if (!jwk_parse(c->inner.jwk, c->inner.alg_name, &c->new_key, &api->pr))
		return false;
	if (!jws_verify(&c->inner, c->new_key->key, &api->pr)) {
		if (api->pr.kind == PROBLEM_BAD_SIGNATURE_ALGORITHM)
			api->pr.kind = PROBLEM_BAD_PUBLIC_KEY;
		return false;
	}
	return true;
}

static bool
read_inner(struct change *c)
{
	struct api *api = c->api;
	struct json *doc = NULL;
	struct json_obj o;
	struct span account;
	const struct json_node *old;
	bool good;

	if (!json_parse(buf_span(&c->inner.payload), "inner payload", NULL, &doc, &api->pr))
		return false;
	o = json_obj(json_root(doc), "inner payload", &api->pr);
	account = json_req_str(&o, "account", 2048);
	old = json_opt_obj(&o, "oldKey");
	good = json_ok(&o);
	if (good && !old)
		good = problem_set(&api->pr, PROBLEM_MALFORMED, "the inner payload has no oldKey");
	if (good && (!c->inner.has_url || !span_eq(c->inner.url, api->jws.url)))
		good = problem_set(&api->pr, PROBLEM_MALFORMED, "the inner url is not the outer one");
	if (good && !span_eq(account, api->jws.kid))
		good = problem_set(&api->pr, PROBLEM_MALFORMED, "account of the inner payload is not the signing account");
	good = good && jwk_parse(old, SPAN_NONE, &c->old_key, &api->pr);
	if (good && strcmp(c->old_key->thumbprint, api->thumbprint) != 0)
		good = problem_set(&api->pr, PROBLEM_MALFORMED, "oldKey is not the account's present key");
	if (good && strcmp(c->new_key->thumbprint, api->thumbprint) == 0)
		good = problem_set(&api->pr, PROBLEM_MALFORMED, "the new key is the account's present key");
	json_free(doc);
	return good;
}

static bool
change_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct change *c = arg;
	struct account account;
	struct audit_entry entry;
	bool moved, denied;

	account_done(&c->other);
	if (!api_account(c->api, db, &account, pr) ||
		!account_by_thumbprint(db, c->new_key->thumbprint, &c->other, &c->clash, pr))
		return false;
	if (c->clash)
		return problem_set(pr, PROBLEM_CONFLICT, "the new key belongs to another account");
	if (!denied_key_has(db, c->key_hash, &denied, pr))
		return false;
	if (denied)
		return problem_set(pr, PROBLEM_BAD_PUBLIC_KEY, "the new key is known to be compromised");
	if (!account_set_key(db, account.id, account.thumbprint, c->new_key->thumbprint, buf_cstr(&c->jwk), &moved, pr))
		return false;
	if (!moved)
		return problem_set(pr, PROBLEM_MALFORMED, "the account's key was changed meanwhile");
	entry = api_entry(c->api, AUDIT_ACCOUNT_KEYCHANGE);
	entry.before = account.thumbprint;
	entry.after = c->new_key->thumbprint;
	return audit_note(db, &entry, pr);
}

static bool
reply_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct change *c = arg;
	bool found;

	account_done(&c->other);
	return account_by_ref(db, span_str(c->api->kid_ref), &c->other, &found, pr);
}

static bool
change(struct change *c)
{
	struct api *api = c->api;

	if (!jwk_write(c->new_key, &c->jwk) || !key_hash(c->new_key->key, c->key_hash))
		return problem_internal(&api->pr, "cannot write the new key");
	if (store_write(api->srv->store, change_tx, c, &api->pr))
		return true;
	/* two accounts that change to one key at once: now it is seen whose it is */
	return sql_is_conflict(&api->pr) && store_write(api->srv->store, change_tx, c, &api->pr);
}

bool
api_key_change(struct api *api)
{
	struct change c = { .api = api, .jwk = BUF_MAX(8 * 1024) };
	bool good = open_inner(&c) && read_inner(&c) && change(&c);

	if (good) {
		keycache_drop(api->srv->keys, api->kid_ref);
		good = store_read(api->srv->store, reply_tx, &c, &api->pr);
		if (good)
			api_reply_account(api, 200, &c.other);
	} else if (c.clash) {
		api_location(api, "acct", c.other.ref);
	}
	jws_done(&c.inner);
	jwk_free(c.new_key);
	jwk_free(c.old_key);
	buf_done(&c.jwk);
	account_done(&c.other);
	return good;
}
