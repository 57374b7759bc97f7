/* ep_new_authz.c - newAuthz (RFC 8555 7.4.1): a name is proven before it is ordered, where the profile has pre_authorization. */
#include "server/api.h"
#include "server/offer.h"

struct new_authz {
	struct api *api;
	const struct profile_conf *profile;
	struct offer_ask ask;
	struct authz authz;            /* owned */
	struct decision decision;      /* owned */
	_Atomic(uint64_t) *refused_by; /* the counter of the abuse limit that refused it */
};

static bool
read_request(struct api *api, struct new_authz *n)
{
	struct json_obj o = json_obj(api->payload, "payload", &api->pr);
	const struct json_node *identifier = json_opt_obj(&o, "identifier");

	if (!json_ok(&o))
		return false;
	if (!identifier)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "identifier is missing");
	if (!offer_ask_read(identifier, &n->ask, &api->pr))
		return false;
	if (ident_is_wildcard(&n->ask.ident))
		return problem_set(&api->pr, PROBLEM_MALFORMED, "a wildcard cannot be authorized by newAuthz, only by an order (RFC 8555 7.4.1)");
	if (ident_is_device(&n->ask.ident))
		return problem_set(&api->pr, PROBLEM_REJECTED_IDENTIFIER_403, "a device is attested for an order, not before it");
	return true;
}

static bool
learn_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct new_authz *n = arg;
	struct account account;

	return api_account(n->api, db, &account, pr) && decision_learn(db, &n->decision, &account, NULL, pr);
}

/* 7.4.1: whoever is not willing says so with 403, and why. That a rule vouches for a name is for an order alone: it asks again. */
static bool
check(struct api *api, struct new_authz *n)
{
	const struct rule_conf *rule;

	decision_begin(&n->decision, api->conf, n->profile, api->kid_ref, &api->http->peer);
	if (decision_asks_store(&n->decision) && !store_read(api->srv->store, learn_tx, n, &api->pr))
		return false;
	decision_ask(&n->decision, &n->ask.ident, 1);
	rule = decision_rule(api->conf, &n->decision.verdicts[0]);
	n->ask.rule = rule && !rule->already_proven ? rule : NULL;
	if (offer_check(n->profile, &n->ask.ident, &n->decision.verdicts[0], n->ask.rule, &api->pr))
		return true;
	if (api->pr.kind == PROBLEM_REJECTED_IDENTIFIER)
		api->pr.kind = PROBLEM_REJECTED_IDENTIFIER_403;
	return false;
}

static bool
new_authz_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct new_authz *n = arg;
	struct account account;
	bool found;

	n->refused_by = NULL;
	authz_done(&n->authz);
	return api_account(n->api, db, &account, pr) && api_eab_alive(n->api, &account, pr) && api_terms_agreed(n->api, db, &account, pr) &&
		offer_account(n->api, db, n->profile, &account, &n->ask.ident, 1, pr) && account_touch(db, &account, clock_unix_s(), pr) &&
		offer_allows(n->api, db, n->profile, &n->ask, 1, account.id, &n->refused_by, pr) &&
		offer_authz(db, n->profile, account.id, &n->ask, &n->authz, pr) &&
		authz_by_id(db, n->authz.id, &n->authz, &found, pr);
}

bool
api_new_authz(struct api *api)
{
	struct new_authz n = { .api = api };
	bool good;

	n.profile = api->profile ? api->profile : conf_profile(api->conf, span_str(api->conf->default_profile));
	if (!n.profile || !n.profile->pre_authorization)
		return problem_set(&api->pr, PROBLEM_NOT_FOUND, "newAuthz is not offered: a name is proven for an order");
	good = read_request(api, &n) && check(api, &n) &&
		limit_take(&api->srv->limits, api->conf, LIMIT_NEW_ORDER, span_str(api->kid_ref), &api->pr) &&
		store_write(api->srv->store, new_authz_tx, &n, &api->pr);
	if (!good && api->pr.kind == PROBLEM_REJECTED_IDENTIFIER)
		api->pr.kind = PROBLEM_REJECTED_IDENTIFIER_403;
	if (good) {
		api_reply_authz(api, 201, &n.authz);
		api_location(api, "authz", n.authz.ref);
	} else if (n.refused_by) {
		atomic_fetch_add(n.refused_by, 1);
	}
	authz_done(&n.authz);
	decision_done(&n.decision);
	return good;
}
