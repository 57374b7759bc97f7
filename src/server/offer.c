/* offer.c - see offer.h. */
#include "server/offer.h"

#include "flow/authz.h"
#include "store/eab.h"

#define REUSE_LEFT_S 3600 /* a valid authorization is reused with an hour left (O2) */

bool
offer_ident_read(const struct json_node *node, struct ident *ret, struct problem *pr)
{
	struct json_obj o = json_obj(node, "identifier", pr);
	struct span type = json_req_str(&o, "type", 64);
	struct span value = json_req_str(&o, "value", 1024);

	return json_ok(&o) && ident_parse(type, value, ret, pr);
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

/* A wildcard is proven by a record in the DNS alone (V6), an address never (RFC 8738 7). */
static bool
may_prove(enum challenge_kind kind, const struct ident *id)
{
	bool is_record = kind == CHALLENGE_DNS_01 || kind == CHALLENGE_DNS_ACCOUNT_01;

	return is_record ? id->type == IDENT_DNS : !ident_is_wildcard(id);
}

/* What the profile offers to prove this identifier: kinds in the profile's order. */
static size_t
kinds_for(const struct profile_conf *p, const struct ident *id, enum challenge_kind *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < p->challenges.count && n < AUTHZ_CHALLENGES_MAX; i++) {
		if (challenge_kind_parse(span_str(p->challenges.list[i]), &ret[n]) && may_prove(ret[n], id))
			n++;
	}
	return n;
}

bool
offer_check(const struct profile_conf *p, const struct ident *id, const struct policy_verdict *verdict, struct problem *pr)
{
	enum challenge_kind kinds[AUTHZ_CHALLENGES_MAX];

	if (!strings_have(&p->identifier_types, ident_type_name(id->type)))
		return problem_set(pr, PROBLEM_INVALID_PROFILE, "profile \"%s\" has no identifiers of type %s",
			p->name, ident_type_name(id->type));
	if (ident_is_wildcard(id) && !p->wildcard)
		return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER, "profile \"%s\" has no wildcards", p->name);
	if (!verdict->allow)
		return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER, "%s", verdict->say);
	if (kinds_for(p, id, kinds) == 0)
		return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER,
			"profile \"%s\" offers no challenge that can prove this name", p->name);
	return true;
}

/* An unbound account must not come in by another profile's open door; a key may be for some profiles only. */
bool
offer_account(struct sql *db, const struct profile_conf *p, const struct account *account, struct problem *pr)
{
	bool may = true;

	if (!account->eab_id)
		return p->eab != EAB_REQUIRED ? true : problem_set(pr, PROBLEM_EXTERNAL_ACCOUNT_REQUIRED,
			"profile \"%s\" needs an account with an external account binding", p->name);
	if (!eab_may_use(db, account->eab_id, p->name, &may, pr))
		return false;
	return may ? true : problem_set(pr, PROBLEM_INVALID_PROFILE, "profile \"%s\" is not offered", p->name);
}

bool
offer_allows(struct api *api, struct sql *db, const struct idents *idents, int64_t account_id, _Atomic(uint64_t) **ret_refused_by,
	struct problem *pr)
{
	struct limits *limits = &api->srv->limits;
	int64_t most = api->conf->rates.pending_authz_max, pending = 0;
	char key[FAILURE_KEY_TEXT];

	for (size_t i = 0; i < idents->count; i++) {
		authz_failure_key(account_id, ident_base(&idents->list[i]), key);
		if (!limit_allows(limits, api->conf, LIMIT_FAILED, span_str(key), pr)) {
			*ret_refused_by = &limits->failed_refused;
			return false;
		}
	}
	if (most == 0)
		return true;
	if (!authz_count_pending(db, account_id, most, &pending, pr))
		return false;
	if (pending + (int64_t)idents->count <= most)
		return true;
	*ret_refused_by = &limits->pending_refused;
	pr->retry_after_s = 60;
	return problem_set(pr, PROBLEM_RATE_LIMITED,
		"%lld authorizations of this account wait for their proof, at most %lld may: respond to them, or deactivate them",
		(long long)pending, (long long)most);
}

bool
offer_authz(struct sql *db, const struct profile_conf *p, int64_t account_id, const struct ident *id, struct authz *ret, struct problem *pr)
{
	enum challenge_kind kinds[AUTHZ_CHALLENGES_MAX];
	int64_t now = clock_unix_s();

	*ret = (struct authz){ .account_id = account_id, .wildcard = ident_is_wildcard(id), .state = AUTHZ_VALID };
	ret->ident.type = id->type;
	span_copy(span_str(ident_base(id)), ret->ident.value, sizeof(ret->ident.value));
	if (!authz_find_valid(db, account_id, &ret->ident, ret->wildcard, p->name, now + REUSE_LEFT_S, &ret->id, &ret->expires, pr))
		return false;
	if (ret->id)
		return true;
	ret->state = AUTHZ_PENDING;
	ret->expires = now + p->pending_authz_s;
	span_copy(span_str(p->name), ret->profile, sizeof(ret->profile));
	ret->challenge_count = kinds_for(p, id, kinds);
	for (size_t i = 0; i < ret->challenge_count; i++)
		ret->challenges[i].kind = kinds[i];
	return authz_insert(db, ret, pr);
}
