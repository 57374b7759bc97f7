/* offer.c - see offer.h. */
#include "server/offer.h"

#include "flow/authz.h"
#include "store/eab.h"

#define REUSE_LEFT_S 3600 /* a valid authorization is reused with an hour left (O2) */

/* Whole labels; a name is not its own ancestor (RFC 9444 2). */
static bool
is_below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return n > d && name[n - d - 1] == '.' && strcmp(name + n - d, domain) == 0;
}

static bool
ancestor_read(struct span text, struct offer_ask *ret, struct problem *pr)
{
	struct ident domain;

	if (!ident_parse(SPAN("dns"), text, &domain, pr))
		return false;
	/* a top level is nobody's */
	if (ret->ident.type != IDENT_DNS || ident_is_wildcard(&domain) || !strchr(domain.value, '.') || !is_below(ret->ident.value, domain.value))
		return problem_set(pr, PROBLEM_MALFORMED, "ancestorDomain \"%s\" is not a domain above \"%s\"", QUOTE(text), ret->ident.value);
	return span_copy(span_str(domain.value), ret->ancestor, sizeof(ret->ancestor));
}

bool
offer_ask_read(const struct json_node *node, struct offer_ask *ret, struct problem *pr)
{
	struct json_obj o = json_obj(node, "identifier", pr);
	struct span type = json_req_str(&o, "type", 64);
	struct span value = json_req_str(&o, "value", 1024);
	struct span ancestor = json_opt_str(&o, "ancestorDomain", 1024);

	*ret = (struct offer_ask){ .subdomains = json_opt_bool(&o, "subdomainAuthAllowed", false) };
	return json_ok(&o) && ident_parse(type, value, &ret->ident, pr) && (!ancestor.p || ancestor_read(ancestor, ret, pr));
}

static bool
strings_have(const struct conf_strings *list, const char *s)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->list[i], s) == 0)
			return true;
	}
	return false;
}

/* A wildcard, or all names below one, are proven by a record in the DNS alone (V6): a web server is one host. An address never is
 * (RFC 8738 7). */
static bool
may_prove(enum challenge_kind kind, const struct ident *id, bool subdomains)
{
	bool is_record = kind == CHALLENGE_DNS_01 || kind == CHALLENGE_DNS_ACCOUNT_01 || kind == CHALLENGE_DNS_PERSIST_01;

	/* nobody can ask a device over the network (V6) */
	if (ident_is_device(id) || kind == CHALLENGE_DEVICE_ATTEST_01)
		return ident_is_device(id) && kind == CHALLENGE_DEVICE_ATTEST_01;
	return is_record ? id->type == IDENT_DNS : !ident_is_wildcard(id) && !subdomains;
}

/* What the profile offers to prove this identifier, and the rule takes: kinds in the profile's order. */
static size_t
kinds_for(const struct profile_conf *p, const struct ident *id, bool subdomains, const struct rule_conf *rule, enum challenge_kind *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < p->challenges.count && n < AUTHZ_CHALLENGES_MAX; i++) {
		if (challenge_kind_parse(span_str(p->challenges.list[i]), &ret[n]) && may_prove(ret[n], id, subdomains) && decision_takes_proof(rule, ret[n]))
			n++;
	}
	return n;
}

/* Does the rule vouch for it? Never for a device, which only its hardware can. */
static bool
is_proven(const struct rule_conf *rule, const struct ident *id)
{
	return rule && rule->already_proven && !ident_is_device(id);
}

bool
offer_check(const struct profile_conf *p, const struct ident *id, const struct policy_verdict *verdict, const struct rule_conf *rule, struct problem *pr)
{
	enum challenge_kind kinds[AUTHZ_CHALLENGES_MAX];

	if (!strings_have(&p->identifier_types, ident_type_name(id->type)))
		return problem_set(pr, PROBLEM_INVALID_PROFILE, "profile \"%s\" has no identifiers of type %s",
			p->name, ident_type_name(id->type));
	if (ident_is_wildcard(id) && !p->wildcard)
		return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER, "profile \"%s\" has no wildcards", p->name);
	if (!verdict->allow)
		return decision_refuse(verdict, pr);
	if (!is_proven(rule, id) && kinds_for(p, id, false, rule, kinds) == 0)
		return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER,
			"profile \"%s\" offers no challenge that can prove this name", p->name);
	return true;
}

/* An unbound account must not come in by another profile's open door; a key may be for some profiles, names and places only. */
bool
offer_account(struct api *api, struct sql *db, const struct profile_conf *p, const struct account *account, const struct ident *idents, size_t count,
	struct problem *pr)
{
	const struct tenant_conf *tenant;
	struct eab_key key = { 0 };
	bool found, good;

	if (!api_tenant(api, account->tenant, &tenant, pr))
		return false;
	if (!account->eab_id)
		return p->eab != EAB_REQUIRED ? true : problem_set(pr, PROBLEM_EXTERNAL_ACCOUNT_REQUIRED,
			"profile \"%s\" needs an account with an external account binding", p->name);
	if (!eab_by_id(db, account->eab_id, &key, &found, pr))
		return false;
	if (!found)
		return problem_internal(pr, "account bound to a key that is not there");
	good = (!key.profiles[0] || eab_list_has(key.profiles, p->name)) ||
		problem_set(pr, PROBLEM_INVALID_PROFILE, "profile \"%s\" is not offered", p->name);
	good = good && eab_allows_peer(&key, &api->http->peer, pr) && eab_allows_names(&key, p->name, idents, count, pr);
	eab_key_done(&key);
	if (!good)
		api->eab_refused = account->eab_id;
	return good;
}

bool
offer_allows(struct api *api, struct sql *db, const struct profile_conf *p, const struct offer_ask *asks, size_t count, int64_t account_id, _Atomic(uint64_t) **ret_refused_by,
	struct problem *pr)
{
	struct limits *limits = &api->srv->limits;
	int64_t most = api->conf->rates.pending_authz_max, pending = 0;
	char key[FAILURE_KEY_TEXT];

	for (size_t i = 0; i < count; i++) {
		/* what failed is the domain that was to be proven */
		authz_failure_key(account_id, p->subdomains && asks[i].ancestor[0] ? asks[i].ancestor : ident_base(&asks[i].ident), key);
		if (!limit_allows(limits, api->conf, LIMIT_FAILED, span_str(key), pr)) {
			*ret_refused_by = &limits->failed_refused;
			return false;
		}
	}
	if (most == 0)
		return true;
	if (!authz_count_pending(db, account_id, most, &pending, pr))
		return false;
	if (pending + (int64_t)count <= most)
		return true;
	*ret_refused_by = &limits->pending_refused;
	pr->retry_after_s = 60;
	return problem_set(pr, PROBLEM_RATE_LIMITED,
		"%lld authorizations of this account wait for their proof, at most %lld may: respond to them, or deactivate them",
		(long long)pending, (long long)most);
}

/* The nearest domain that is authorized with all names below it. */
static bool
find_above(struct sql *db, const struct profile_conf *p, const struct ident *id, int64_t expires_min, int64_t expires_max, struct authz *ret, struct problem *pr)
{
	const char *domain = ident_base(id);

	if (!p->subdomains || id->type != IDENT_DNS)
		return true;
	/* "*.a.example" stands for names below a.example */
	if (!ident_is_wildcard(id))
		domain = strchr(domain, '.') ? strchr(domain, '.') + 1 : "";
	for (; !ret->id && strchr(domain, '.'); domain = strchr(domain, '.') + 1) {
		if (!authz_find_subdomains(db, ret->account_id, domain, p->name, AUTHZ_VALID, expires_min, expires_max, &ret->id, &ret->expires, pr))
			return false;
	}
	return true;
}

/* For the identifier, or for the domain that its owner rather proves. */
static bool
make_authz(struct sql *db, const struct profile_conf *p, const struct offer_ask *ask, int64_t now, struct authz *ret, struct problem *pr)
{
	enum challenge_kind kinds[AUTHZ_CHALLENGES_MAX];
	struct ident id = ask->ident;

	ret->state = AUTHZ_PENDING;
	ret->expires = now + p->pending_authz_s;
	ret->subdomains = p->subdomains && id.type == IDENT_DNS && (ask->ancestor[0] || ask->subdomains);
	if (ret->subdomains && ask->ancestor[0]) {
		span_copy(span_str(ask->ancestor), id.value, sizeof(id.value));
		ret->ident = id;
		ret->wildcard = false;
	}
	/* the names of one order have one, and so has the next order */
	if (ret->subdomains && !(ask->rule && ask->rule->challenges.count) &&
		!authz_find_subdomains(db, ret->account_id, id.value, p->name, AUTHZ_PENDING, now + p->pending_authz_s / 2,
				       INT64_MAX, &ret->id, &ret->expires, pr))
		return false;
	if (ret->id)
		return true;
	span_copy(span_str(p->name), ret->profile, sizeof(ret->profile));
	ret->challenge_count = kinds_for(p, &id, ret->subdomains, ask->rule, kinds);
	for (size_t i = 0; i < ret->challenge_count; i++)
		ret->challenges[i].kind = kinds[i];
	return authz_insert(db, ret, pr);
}

/* Born valid, without a challenge. */
static bool
give_authz(struct sql *db, const struct profile_conf *p, int64_t now, struct authz *ret, struct problem *pr)
{
	ret->expires = now + p->valid_authz_s;
	ret->by_rule = true;
	span_copy(span_str(p->name), ret->profile, sizeof(ret->profile));
	return authz_insert(db, ret, pr);
}

static bool
on_proof(const struct authz_proof *proof, void *arg, struct problem *pr)
{
	struct authz *found = arg;

	(void)pr;
	found->challenges[0].kind = proof->kind;
	return true;
}

/* An authorization of before counts if it was proven as the rule wants it. */
static bool
drop_unfit(struct sql *db, const struct rule_conf *rule, struct authz *found, struct problem *pr)
{
	if (!found->id || !rule || !rule->challenges.count)
		return true;
	if (!authz_proof_of(db, found->id, on_proof, found, pr))
		return false;
	if (!decision_takes_proof(rule, found->challenges[0].kind))
		found->id = 0;
	return true;
}

bool
offer_authz(struct sql *db, const struct profile_conf *p, int64_t account_id, const struct offer_ask *ask, struct authz *ret, struct problem *pr)
{
	const struct ident *id = &ask->ident;
	/* and none that lives longer than a new one would: the profile may have become stricter */
	int64_t now = clock_unix_s(), most = now + p->valid_authz_s;

	*ret = (struct authz){ .account_id = account_id, .wildcard = ident_is_wildcard(id), .state = AUTHZ_VALID };
	ret->ident.type = id->type;
	span_copy(span_str(ident_base(id)), ret->ident.value, sizeof(ret->ident.value));
	/* a statement is good for one challenge alone (O2) */
	if (ident_is_device(id))
		return make_authz(db, p, ask, now, ret, pr);
	if (is_proven(ask->rule, id))
		return give_authz(db, p, now, ret, pr);
	/* who asks for all names below wants no authorization of the name alone */
	if (p->subdomains && ask->subdomains) {
		if (!authz_find_subdomains(db, account_id, id->value, p->name, AUTHZ_VALID, now + REUSE_LEFT_S, most, &ret->id, &ret->expires, pr))
			return false;
	} else if (!authz_find_valid(db, account_id, &ret->ident, ret->wildcard, p->name, now + REUSE_LEFT_S, most, &ret->id, &ret->expires, pr) ||
		   (!ret->id && !find_above(db, p, id, now + REUSE_LEFT_S, most, ret, pr))) {
		return false;
	}
	return drop_unfit(db, ask->rule, ret, pr) && (ret->id || make_authz(db, p, ask, now, ret, pr));
}
