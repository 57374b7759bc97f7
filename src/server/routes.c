/* routes.c - the resources below external_url (N1): the only list of its kind. */
#include "server/api.h"

static const struct route routes[] = {
	/* path, function, signer, payload */
	{ "/directory", NULL, SIGNER_EITHER, PAYLOAD_EMPTY, .in_profile = true, .get = true },
	{ "/new-nonce", NULL, SIGNER_EITHER, PAYLOAD_EMPTY, .get = true },
	{ "/new-account", api_new_account, SIGNER_JWK, PAYLOAD_OBJECT, .in_profile = true, .refusal = AUDIT_ACCOUNT_CREATE },
	{ "/new-order", api_new_order, SIGNER_KID, PAYLOAD_OBJECT, .in_profile = true, .refusal = AUDIT_ORDER_REFUSE },
	{ "/new-authz", api_new_authz, SIGNER_KID, PAYLOAD_OBJECT, .in_profile = true, .refusal = AUDIT_AUTHZ_INVALID },
	{ "/revoke-cert", api_revoke, SIGNER_EITHER, PAYLOAD_OBJECT, .refusal = AUDIT_CERT_REVOKE_REFUSED },
	{ "/key-change", api_key_change, SIGNER_KID, PAYLOAD_OBJECT, .refusal = AUDIT_ACCOUNT_KEYCHANGE },
	{ "/acct/{}", api_account_post, SIGNER_KID, PAYLOAD_ANY },
	{ "/acct/{}/orders", api_orders, SIGNER_KID, PAYLOAD_EMPTY, .query = true },
	{ "/order/{}", api_order_get, SIGNER_KID, PAYLOAD_EMPTY },
	{ "/order/{}/finalize", api_finalize, SIGNER_KID, PAYLOAD_OBJECT, .refusal = AUDIT_CERT_FAIL },
	{ "/authz/{}", api_authz, SIGNER_KID, PAYLOAD_ANY },
	{ "/chall/{}", api_challenge, SIGNER_KID, PAYLOAD_ANY },
	{ "/cert/{}", api_cert, SIGNER_KID, PAYLOAD_EMPTY },
	{ "/cert/{}/{}", api_cert, SIGNER_KID, PAYLOAD_EMPTY },
	{ "/renewal-info/{}", NULL, SIGNER_EITHER, PAYLOAD_EMPTY, .get = true, .renewal = true },
	{ RENEWAL_BATCH_PATH, api_renewal_batch, SIGNER_KID, PAYLOAD_ANY },
	{ RENEWAL_BATCH_PATH "/{}", NULL, SIGNER_EITHER, PAYLOAD_EMPTY, .get = true, .renewal = true, .list = true },
	{ "/crl/{}", NULL, SIGNER_EITHER, PAYLOAD_EMPTY, .get = true, .crl = true },
};

size_t
route_count(void)
{
	return COUNT_OF(routes);
}

const struct route *
route_at(size_t i)
{
	return &routes[i];
}

/* Does the path match, segment by segment? Ids go to ids[0], ids[1]. */
static bool
matches(const char *pattern, struct span path, struct span ids[2])
{
	struct span want = span_str(pattern), w, p;
	unsigned n = 0;

	while (span_cut(&want, '/', &w)) {
		if (!span_cut(&path, '/', &p))
			return false;
		if (!span_is(w, "{}")) {
			if (!span_eq(w, p))
				return false;
			continue;
		}
		if (p.n == 0 || n >= 2)
			return false;
		ids[n++] = p;
	}
	return path.p == NULL;
}

/* "/p/NAME/rest" -> the profile and "/rest". */
static bool
cut_profile(struct api *api, struct span *path)
{
	struct span rest, name;

	if (!span_starts(*path, "/p/"))
		return true;
	rest = span_from(*path, 3);
	if (!span_cut(&rest, '/', &name) || !rest.p)
		return false;
	api->profile = conf_profile(api->conf, name);
	*path = span_of(rest.p - 1, rest.n + 1);
	return api->profile != NULL;
}

const struct route *
route_find(struct api *api, struct span path)
{
	const char *base = api->conf->base_path;

	if (!span_starts(path, base))
		return NULL;
	path = span_from(path, strlen(base));
	if (!cut_profile(api, &path))
		return NULL;
	for (size_t i = 0; i < COUNT_OF(routes); i++) {
		struct span ids[2] = { SPAN_NONE, SPAN_NONE };

		if (!matches(routes[i].path, path, ids))
			continue;
		if (api->profile && !routes[i].in_profile)
			return NULL;
		api->arg = ids[0];
		api->arg2 = ids[1];
		return &routes[i];
	}
	return NULL;
}
