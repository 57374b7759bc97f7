/* envelope.c - the signed request (RFC 8555 6.2-6.5): one order of checks, always the same (W4).
 *
 * shape and header -> the nonce is spent -> alg -> jwk or kid -> the key -> the signature -> told: nonce, then url -> payload.
 * The account's status is asked in the endpoint's own transaction (api_account). */
#include <openssl/evp.h>

#include "server/api.h"

/* Spend what the header says, whatever else is wrong with the request (6.5); the verdict is told after the signature's. */
static bool
spend_nonce(struct api *api, struct problem *pr)
{
	const struct jws *jws = &api->jws;

	/* the exact text is what some clients look for (W2) */
	if (!jws->has_nonce || (b64url_is_alphabet(jws->nonce) && jws->nonce.n % 4 != 1 &&
				!nonce_spend(api->srv->nonces, jws->nonce)))
		return problem_set(pr, PROBLEM_BAD_NONCE, "JWS has an invalid anti-replay nonce");
	if (!b64url_is_alphabet(jws->nonce) || jws->nonce.n % 4 == 1)
		return problem_set(pr, PROBLEM_MALFORMED, "the nonce is not base64url");
	return true;
}

static bool
check_signer(struct api *api)
{
	const struct jws *jws = &api->jws;
	bool jwk = jws->jwk != NULL;

	if (jwk == jws->has_kid)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "the protected header needs %s",
			jwk ? "either jwk or kid, not both" : "jwk or kid");
	if (api->route->signer == SIGNER_KID && jwk)
		return problem_set(&api->pr, PROBLEM_MALFORMED,
			"this request must be signed by an account: kid, not jwk");
	if (api->route->signer == SIGNER_JWK && !jwk)
		return problem_set(&api->pr, PROBLEM_MALFORMED,
			"this request must carry the key itself: jwk, not kid");
	return true;
}

/* "external_url/acct/REF" octet for octet (W9). */
static bool
kid_parse(struct api *api)
{
	char prefix[API_URL_TEXT];
	struct span kid = api->jws.kid, ref;

	api_url(api, "acct", "", prefix);
	if (!span_starts(kid, prefix))
		return problem_set(&api->pr, PROBLEM_MALFORMED, "kid \"%s\" is not an account URL of this server", QUOTE(kid));
	ref = span_from(kid, strlen(prefix));
	if (ref.n != REF_TEXT - 1 || !b64url_is_alphabet(ref) || !span_copy(ref, api->kid_ref, sizeof(api->kid_ref))) {
		api->kid_ref[0] = '\0';
		return problem_set(&api->pr, PROBLEM_ACCOUNT_DOES_NOT_EXIST, "there is no such account");
	}
	return true;
}

struct lookup {
	const char *ref;
	struct account account;
	bool found;
};

static bool
lookup_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct lookup *l = arg;

	account_done(&l->account);
	return account_by_ref(db, span_str(l->ref), &l->account, &l->found, pr);
}

static bool
load_key(struct api *api)
{
	struct lookup l = { .ref = api->kid_ref };
	struct jwk *jwk = NULL;
	bool good;

	good = store_read(api->srv->store, lookup_tx, &l, &api->pr);
	if (good && !l.found)
		good = problem_set(&api->pr, PROBLEM_ACCOUNT_DOES_NOT_EXIST, "there is no such account");
	good = good && jwk_parse_text(span_str(l.account.jwk), &jwk, &api->pr);
	if (good) {
		api->key = jwk->key;
		EVP_PKEY_up_ref(api->key);
		memcpy(api->thumbprint, jwk->thumbprint, sizeof(api->thumbprint));
		keycache_put(api->srv->keys, api->kid_ref, api->thumbprint, api->key);
	}
	jwk_free(jwk);
	account_done(&l.account);
	return good;
}

/* The key of the account named by kid: from the cache, or the store. */
static bool
key_of_kid(struct api *api)
{
	api->key = keycache_get(api->srv->keys, api->kid_ref, api->thumbprint);
	api->from_cache = api->key != NULL;
	return api->from_cache || load_key(api);
}

static bool
key_of_jwk(struct api *api)
{
	if (!jwk_parse(api->jws.jwk, api->jws.alg_name, &api->jwk, &api->pr))
		return false;
	api->key = api->jwk->key;
	EVP_PKEY_up_ref(api->key);
	memcpy(api->thumbprint, api->jwk->thumbprint, sizeof(api->thumbprint));
	return true;
}

static bool
verify(struct api *api)
{
	if (jws_verify(&api->jws, api->key, &api->pr))
		return true;
	/* W6: a key that came with the request is what is wrong, not the algorithm */
	if (api->jwk && api->pr.kind == PROBLEM_BAD_SIGNATURE_ALGORITHM)
		api->pr.kind = PROBLEM_BAD_PUBLIC_KEY;
	return false;
}

/* A cached key that does not verify may be an old one: another gateway, or a request at the same time, has changed it (7.3.5). */
static bool
verify_anew(struct api *api)
{
	char cached[THUMBPRINT_TEXT];
	struct problem pr = api->pr;

	if (!api->from_cache)
		return false;
	memcpy(cached, api->thumbprint, sizeof(cached));
	keycache_drop(api->srv->keys, api->kid_ref);
	EVP_PKEY_free(api->key);
	api->key = NULL;
	if (!load_key(api))
		return false;
	if (strcmp(cached, api->thumbprint) != 0)
		return verify(api);
	api->pr = pr;
	return false;
}

/* The URL we handed out, octet for octet; never rebuilt from Host (6.4, W1, W30). */
static bool
check_url(struct api *api)
{
	const char *base = api->conf->base_path;
	struct span below = span_from(api->http->target, strlen(base));
	size_t n = strlen(api->conf->external_url);
	struct span url = api->jws.url;

	if (!api->jws.has_url)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "the protected header has no url");
	if (url.n == n + below.n && memcmp(url.p, api->conf->external_url, n) == 0 &&
		span_eq(span_from(url, n), below))
		return true;
	return problem_set(&api->pr, PROBLEM_UNAUTHORIZED, "url \"%s\" is not the URL of this request", QUOTE(url));
}

static bool
read_payload(struct api *api)
{
	struct span text = buf_span(&api->jws.payload);
	enum api_payload want = api->route->payload;

	if (text.n == 0)
		return want != PAYLOAD_OBJECT ? true : problem_set(&api->pr, PROBLEM_MALFORMED,
								"this resource cannot be read by POST-as-GET: the payload must be an object");
	if (want == PAYLOAD_EMPTY)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "this resource is read by POST-as-GET: the payload must be empty");
	if (!json_parse(text, "payload", NULL, &api->payload_doc, &api->pr))
		return false;
	api->payload = json_root(api->payload_doc);
	if (json_type(api->payload) != JSON_OBJECT)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "the payload must be a JSON object");
	return true;
}

bool
envelope_open(struct api *api)
{
	struct problem nonce = { 0 };
	bool shaped = jws_parse(api->http->body, false, &api->jws, &api->pr);
	bool fresh = spend_nonce(api, &nonce);

	api->reply = http_reply_new(400);
	if (!shaped || !check_signer(api))
		return false;
	if (!(api->jws.jwk ? key_of_jwk(api) : kid_parse(api) && key_of_kid(api)) || (!verify(api) && !verify_anew(api)))
		return false;
	if (!fresh) {
		api->pr = nonce;
		return false;
	}
	api->authentic = check_url(api);
	return api->authentic && read_payload(api);
}

bool
api_account(struct api *api, struct sql *db, struct account *ret, struct problem *pr)
{
	bool found;

	if (!account_check(db, span_str(api->kid_ref), ret, &found, pr))
		return false;
	if (!found)
		return problem_set(pr, PROBLEM_ACCOUNT_DOES_NOT_EXIST, "there is no such account");
	if (strcmp(ret->thumbprint, api->thumbprint) != 0) {
		/* the key was changed since it was cached, perhaps by another gateway */
		keycache_drop(api->srv->keys, api->kid_ref);
		return problem_set(pr, PROBLEM_MALFORMED, "the signature is not by the account's key");
	}
	if (ret->state != ACCOUNT_VALID)
		return problem_set(pr, PROBLEM_ACCOUNT_NOT_VALID, "the account is %s", account_state_name(ret->state));
	return true;
}

bool
api_eab_alive(struct api *api, const struct account *account, struct problem *pr)
{
	if (!account->eab_stopped)
		return true;
	api->eab_refused = account->eab_id;
	return problem_set(pr, PROBLEM_UNAUTHORIZED, "the external account key of this account is suspended or revoked: ask who handed it out");
}

bool
api_tenant(struct api *api, const char *name, const struct tenant_conf **ret, struct problem *pr)
{
	const struct tenant_conf *tenant = conf_tenant(api->conf, name);

	if (!tenant)
		return problem_set(pr, PROBLEM_UNAUTHORIZED, "the tenant of this account, \"%s\", is not served any more", name);
	*ret = tenant;
	return true;
}

bool
api_terms_agreed(struct api *api, struct sql *db, const struct account *account, struct problem *pr)
{
	bool agreed;

	if (!api->conf->require_current_terms)
		return true;
	if (!account_has_terms(db, account->id, api->conf->terms_of_service, &agreed, pr))
		return false;
	return agreed ? true : problem_set(pr, PROBLEM_USER_ACTION_REQUIRED,
				"the terms of service have changed since this account agreed: read them and update the account with termsOfServiceAgreed true");
}
