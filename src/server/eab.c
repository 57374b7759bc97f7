/* eab.c - external account binding (RFC 8555 7.3.4): the inner JWS of newAccount against the keys we handed out.
 *
 * W14: form, algorithm, url and payload are the client's faults and told; an unknown key and a wrong MAC answer alike, and cost the
 * same; what is the matter with a key is told only to who has proven to hold it. */
#include <stdlib.h>

#include "base/secret.h"
#include "server/api.h"
#include "store/eab.h"

enum eab_wanted
eab_wanted(const struct api *api)
{
	const struct profile_conf *p = api->profile;

	if (!p)
		p = conf_profile(api->conf, span_str(api->conf->default_profile));
	return p ? (enum eab_wanted)p->eab : EAB_NONE;
}

static bool
check_header(struct api *api, const struct jws *inner)
{
	if (inner->jwk || !inner->has_kid || inner->kid.n == 0)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "the external account binding needs kid, and no jwk");
	if (inner->has_nonce)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "the external account binding must not have a nonce");
	if (!inner->has_url || !span_eq(inner->url, api->jws.url))
		return problem_set(&api->pr, PROBLEM_MALFORMED, "the external account binding's url is not that of this request");
	return true;
}

/* Its payload is the key that signed the outer JWS: compared as keys, not as text. */
static bool
check_payload(struct api *api, const struct jws *inner)
{
	struct jwk *jwk = NULL;
	struct problem pr = { 0 };
	bool same = jwk_parse_text(buf_span(&inner->payload), &jwk, &pr) && strcmp(jwk->thumbprint, api->thumbprint) == 0;

	jwk_free(jwk);
	return same ? true : problem_set(&api->pr, PROBLEM_MALFORMED, "the external account binding is for another account key");
}

struct find {
	struct span kid;
	struct eab_key key;
	bool found;
};

bool
eab_decoy_make(struct keeper *keeper, struct buf *ret_sealed, struct problem *pr)
{
	AUTO_SECRET secret = BUF_MAX(EAB_KEY_OCTETS);
	char kid[REF_TEXT];

	buf_reserve(&secret, EAB_KEY_OCTETS);
	rand_bytes(secret.p, EAB_KEY_OCTETS);
	secret.n = EAB_KEY_OCTETS;
	rand_ref(kid);
	*ret_sealed = BUF_MAX(EAB_SEALED_MAX);
	return keeper_seal(keeper, PURPOSE_EAB_DEVICE, span_str(kid), buf_span(&secret), ret_sealed, pr);
}

static bool
find_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct find *f = arg;

	eab_key_done(&f->key);
	return eab_by_kid(db, f->kid, &f->key, &f->found, pr);
}

static bool
refuse(struct problem *pr)
{
	return problem_set(pr, PROBLEM_UNAUTHORIZED, "the external account key is not known, or its MAC is wrong");
}

static bool
check_mac(struct api *api, const struct jws *inner, int64_t *ret_id)
{
	AUTO_BUF input = BUF_MAX(64 * 1024);
	struct find f = { .kid = inner->kid };
	/* never a key's: such a text need not go to the store */
	bool possible = inner->kid.n < KID_TEXT && b64url_is_alphabet(inner->kid), right = false;
	bool good = !possible || store_read(api->srv->store, find_tx, &f, &api->pr);
	const struct buf *sealed = f.found ? &f.key.sealed : &api->srv->decoy;

	good = good && jws_signing_input(inner, &input) &&
		keeper_mac_verify(api->srv->keeper, buf_span(sealed), inner->alg, buf_span(&input), buf_span(&inner->signature), &right, &api->pr);
	if (good && !(f.found && right))
		good = refuse(&api->pr);
	*ret_id = f.key.id;
	eab_key_done(&f.key);
	return good;
}

bool
eab_verify(struct api *api, const struct json_node *binding, struct eab_claim *ret)
{
	struct jws inner = { 0 };
	AUTO_BUF json = BUF_MAX(64 * 1024);
	int64_t id = 0;
	bool good = jws_parse_node(binding, true, &inner, &api->pr) && check_header(api, &inner) && check_payload(api, &inner) &&
		check_mac(api, &inner, &id);

	span_copy(inner.kid, api->noted.kid, sizeof(api->noted.kid));
	jws_done(&inner);
	if (!good)
		return false;
	json_write(binding, &json);
	ret->key_id = id;
	ret->json = span_dup(buf_span(&json));
	return true;
}

/* A use was spent, or could not be: judge by the row. */
static bool
judge(struct api *api, struct sql *db, const struct eab_key *k, bool used, struct problem *pr)
{
	const struct tenant_conf *tenant;
	int64_t accounts = 0;

	/* its holder may know what is the matter */
	if (!used)
		return problem_set(pr, PROBLEM_UNAUTHORIZED, "the external account key \"%s\" is %s: ask for a new one", k->kid,
			eab_key_status(k, clock_unix_s()));
	if (!api_tenant(api, k->tenant, &tenant, pr) || !eab_allows_peer(k, &api->http->peer, pr))
		return false;
	if (k->accounts_max && !eab_count_accounts(db, k->id, k->accounts_max, &accounts, pr))
		return false;
	if (!k->accounts_max || accounts < k->accounts_max)
		return true;
	return problem_set(pr, PROBLEM_UNAUTHORIZED, "the external account key \"%s\" has its %lld accounts already: deactivate one", k->kid,
		(long long)k->accounts_max);
}

bool
eab_spend(struct api *api, struct sql *db, const struct eab_claim *claim, struct account *ret_account, struct problem *pr)
{
	struct eab_key key = { 0 };
	bool used, found, good;

	if (!claim->key_id)
		return true;
	if (!eab_use(db, claim->key_id, clock_unix_s(), &used, pr) || !eab_by_id(db, claim->key_id, &key, &found, pr))
		return false;
	good = found ? judge(api, db, &key, used, pr) : refuse(pr);
	if (good) {
		ret_account->eab_id = key.id;
		memcpy(ret_account->tenant, key.tenant, sizeof(ret_account->tenant));
	} else {
		api->eab_refused = claim->key_id;
	}
	eab_key_done(&key);
	return good;
}
