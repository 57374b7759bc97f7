/* decision_final.c - the decision at finalize; see decision.h. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "flow/decision.h"
#include "store/device.h"
#include "store/evidence.h"

#define OF_DEVICE (POLICY_BIT(POLICY_DEVICE_KIND) | POLICY_BIT(POLICY_DEVICE_TAG) | POLICY_BIT(POLICY_DEVICE_OWNER) | POLICY_BIT(POLICY_FORMAT) | \
	POLICY_BIT(POLICY_MODEL) | POLICY_BIT(POLICY_FIRMWARE) | POLICY_BIT(POLICY_PROTECTION))

struct final {
	const struct final_ask *ask;
	struct decision *d;
	struct idents names;  /* owned */
	bool has_verdicts;
	bool differ;          /* devices of one order fall under different rules */
};

/* ---- devices that have proven themselves ---- */

static bool
on_device(const struct device *d, void *arg)
{
	struct conf_facts *f = arg;

	/* records of one device under several names: what one of them says */
	if (d->about.kind[0] && !f->texts[POLICY_DEVICE_KIND])
		conf_facts_set(f, POLICY_DEVICE_KIND, d->about.kind);
	if (d->about.owner[0] && !f->texts[POLICY_DEVICE_OWNER])
		conf_facts_set(f, POLICY_DEVICE_OWNER, d->about.owner);
	if (d->about.tags[0]) {
		const char *before = f->texts[POLICY_DEVICE_TAG];
		AUTO_FREE char *both = xasprintf("%s%s%s", before ? before : "", before ? " " : "", d->about.tags);

		conf_facts_set(f, POLICY_DEVICE_TAG, both);
	}
	return true;
}

static bool
set_statement(struct conf_facts *f, const char *json, struct problem *pr)
{
	static const struct { enum policy_cond cond; const char *member; } members[] = {
		{ POLICY_FORMAT, "format" }, { POLICY_MODEL, "model" }, { POLICY_FIRMWARE, "firmware" }, { POLICY_PROTECTION, "protection" },
	};
	struct json *doc;

	if (!json_parse(span_str(json), "evidence", NULL, &doc, pr))
		return problem_internal(pr, "evidence that is no JSON");
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		AUTO_FREE char *text = span_dup(json_text(json_get(json_root(doc), members[i].member)));

		conf_facts_set(f, members[i].cond, text);
	}
	json_free(doc);
	return true;
}

/* ---- verdicts ---- */

/* With the facts as they are; of several devices all must be allowed, and by the same rules, so that it is clear which holds. */
static void
decide(struct final *f)
{
	const struct gate_conf *conf = f->ask->conf;
	struct policy_verdict *v = xcalloc(f->names.count + 1, sizeof(*v));

	policy_decide(conf->policy, conf_facts_of(&f->d->facts), f->names.list, f->names.count, v);
	for (size_t i = 0; i < f->names.count; i++) {
		if (f->has_verdicts && v[i].allow && f->d->verdicts[i].allow && v[i].number != f->d->verdicts[i].number)
			f->differ = true;
		if (!f->has_verdicts || !v[i].allow)
			f->d->verdicts[i] = v[i];
	}
	f->has_verdicts = true;
	free(v);
}

static bool
on_evidence(struct sql *db, const struct evidence *e, void *arg, struct problem *pr)
{
	struct final *f = arg;
	struct conf_facts *facts = &f->d->facts;

	for (int cond = POLICY_DEVICE_KIND; cond <= POLICY_PROTECTION; cond++)
		conf_facts_set(facts, (enum policy_cond)cond, NULL);
	if (!set_statement(facts, e->facts, pr) || !device_each_of_authz(db, e->authz_id, on_device, facts, pr))
		return false;
	decide(f);
	return true;
}

/* Would it be allowed with another key? */
static bool
is_for_key(struct final *f)
{
	struct policy_facts facts = *conf_facts_of(&f->d->facts);
	struct policy_verdict *v = xcalloc(f->names.count + 1, sizeof(*v));
	bool all;

	facts.unknown |= POLICY_BIT(POLICY_KEY_TYPE);
	all = policy_decide(f->ask->conf->policy, &facts, f->names.list, f->names.count, v);
	free(v);
	return all;
}

static bool
refuse(struct final *f, const struct policy_verdict *v, const struct ident *id, struct problem *pr)
{
	f->d->is_refused = true;
	f->d->refused = *v;
	log_info("policy_refused", LS("rule", v->rule ? v->rule : ""), LS("name", id->value), LS("account", f->ask->account_ref), LS("order", f->ask->order->ref));
	if (!is_for_key(f))
		return problem_set(pr, PROBLEM_UNAUTHORIZED, "\"%s\": %s", id->value, v->say);
	/* of a rule the words are its own; without one they would speak of the name alone */
	if (v->number != POLICY_NO_RULE)
		return problem_set(pr, PROBLEM_BAD_CSR, "the CSR's key is of type %s: %s", f->ask->key_type, v->say);
	return problem_set(pr, PROBLEM_BAD_CSR, "the policy of this gateway does not allow a key of type %s for \"%s\"", f->ask->key_type, id->value);
}

/* ---- what was done meanwhile, by what the rules say now ---- */

/* Does the authorization stand for the identifier? */
static bool
stands_for(const struct authz_proof *p, const struct ident *id)
{
	size_t n = strlen(id->value), above = strlen(p->ident.value);

	if (p->ident.type != id->type)
		return false;
	if (strcmp(p->ident.value, ident_base(id)) == 0)
		return p->wildcard == ident_is_wildcard(id) || p->subdomains;
	return p->subdomains && n > above && id->value[n - above - 1] == '.' && strcmp(id->value + n - above, p->ident.value) == 0;
}

static bool
on_proof(const struct authz_proof *p, void *arg, struct problem *pr)
{
	struct final *f = arg;

	for (size_t i = 0; i < f->names.count; i++) {
		const struct rule_conf *rule = decision_rule(f->ask->conf, &f->d->verdicts[i]);

		if (!stands_for(p, &f->names.list[i]) || (p->by_rule ? rule && rule->already_proven : decision_takes_proof(rule, p->kind)))
			continue;
		return problem_set(pr, PROBLEM_UNAUTHORIZED, "\"%s\" was proven in a way that the policy of this gateway no longer takes: order again",
			f->names.list[i].value);
	}
	return true;
}

static bool
ca_is_allowed(struct final *f, struct problem *pr)
{
	AUTO_FREE char *upstreams = decision_upstreams(f->d);

	return conf_ca_is_among(upstreams, f->ask->order->upstream) || problem_set(pr, PROBLEM_UNAUTHORIZED,
		"the policy of this gateway no longer has it issued by the CA that the order was made for: order again");
}

static bool
judge(struct sql *db, struct final *f, struct problem *pr)
{
	const struct order *o = f->ask->order;

	if ((policy_asks(f->ask->conf->policy) & OF_DEVICE) && !evidence_each_of_order(db, o->id, on_evidence, f, pr))
		return false;
	if (!f->has_verdicts)
		decide(f);
	for (size_t i = 0; i < f->names.count; i++) {
		if (!f->d->verdicts[i].allow)
			return refuse(f, &f->d->verdicts[i], &f->names.list[i], pr);
	}
	if (f->differ)
		return problem_set(pr, PROBLEM_UNAUTHORIZED, "the devices of this order fall under different rules: order for each of them");
	return ca_is_allowed(f, pr) && authz_each_proof(db, o->id, on_proof, f, pr);
}

bool
decision_at_finalize(struct sql *db, const struct final_ask *ask, struct decision *d, struct problem *pr)
{
	const struct order *o = ask->order;
	struct final f = { .ask = ask, .d = d };
	bool good;

	decision_begin(d, ask->conf, ask->profile, ask->account_ref, ask->peer);
	decision_order(d, ask->profile, o->idents.count, o->not_before, o->not_after);
	conf_facts_set(&d->facts, POLICY_KEY_TYPE, ask->key_type);
	order_names(o, &f.names);
	d->verdicts = xcalloc(f.names.count + 1, sizeof(*d->verdicts));
	d->count = f.names.count;
	good = decision_learn(db, d, ask->account, NULL, pr) && judge(db, &f, pr);
	idents_done(&f.names);
	return good;
}
