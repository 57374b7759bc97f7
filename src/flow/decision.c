/* decision.c - see decision.h. */
#include "flow/decision.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "pki/device_id.h"
#include "store/device.h"
#include "store/eab.h"
#include "store/evidence.h"

#define FACTS_MAX 8192
#define RULES_MAX (256 * 1024)
#define OF_DEVICE (POLICY_BIT(POLICY_DEVICE_KIND) | POLICY_BIT(POLICY_DEVICE_TAG) | POLICY_BIT(POLICY_DEVICE_OWNER) | POLICY_BIT(POLICY_FORMAT) | \
	POLICY_BIT(POLICY_MODEL) | POLICY_BIT(POLICY_FIRMWARE) | POLICY_BIT(POLICY_PROTECTION))
#define OF_ACCOUNT (POLICY_BIT(POLICY_TENANT) | POLICY_BIT(POLICY_EAB_KEY) | POLICY_BIT(POLICY_OUTSTANDING))

void
decision_begin(struct decision *d, const struct gate_conf *conf, const struct profile_conf *p, const char *account_ref, const struct addr *peer)
{
	*d = (struct decision){ .conf = conf, .facts = conf_facts_new() };
	conf_facts_set(&d->facts, POLICY_PROFILE, p->name);
	conf_facts_set(&d->facts, POLICY_ACCOUNT, account_ref);
	conf_facts_set_address(&d->facts, peer);
	d->facts.f.now_unix_s = clock_unix_s();
	d->facts.f.unknown |= POLICY_BIT(POLICY_NAME_COUNT) | POLICY_BIT(POLICY_LIFETIME);
}

void
decision_done(struct decision *d)
{
	conf_facts_done(&d->facts);
	free(d->verdicts);
	*d = (struct decision){ 0 };
}

void
decision_order(struct decision *d, const struct profile_conf *p, size_t count, int64_t not_before, int64_t not_after)
{
	const struct upstream_conf *first = conf_profile_ca(d->conf, p, 0);
	int64_t now = d->facts.f.now_unix_s, life = CONF_LIFETIME_ANY;

	if (not_after)
		life = not_after - (not_before ? not_before : now);
	else if (first && first->driver == DRIVER_LOCAL)
		life = p->validity_s;
	conf_facts_set_number(&d->facts, POLICY_NAME_COUNT, (int64_t)count);
	conf_facts_set_number(&d->facts, POLICY_LIFETIME, life);
}

/* ---- who asks ---- */

bool
decision_asks_store(const struct decision *d)
{
	return (policy_asks(d->conf->policy) & (OF_ACCOUNT | OF_DEVICE)) != 0;
}

static bool
learn_key(struct sql *db, struct conf_facts *f, const struct account *account, struct problem *pr)
{
	struct eab_key key;
	bool found = false;

	if (!account->eab_id)
		return true;
	if (!eab_by_id(db, account->eab_id, &key, &found, pr))
		return false;
	if (found) {
		conf_facts_set(f, POLICY_EAB_KEY, key.kid);
		eab_key_done(&key);
	}
	return true;
}

struct known_device {
	struct device device;
	size_t count;
};

static bool
on_device(const struct device *d, void *arg)
{
	struct known_device *k = arg;

	k->device = *d;
	return ++k->count < 2;
}

static void
set_device(struct conf_facts *f, const struct device *d)
{
	conf_facts_set(f, POLICY_DEVICE_KIND, d->about.kind);
	conf_facts_set(f, POLICY_DEVICE_TAG, d->about.tags);
	conf_facts_set(f, POLICY_DEVICE_OWNER, d->about.owner);
}

/* Before anything is proven: of the one device of an order that has one record. What is not sure is not known. */
static bool
learn_device(struct sql *db, struct conf_facts *f, const struct idents *idents, struct problem *pr)
{
	struct known_device k = { .count = 0 };
	struct span id, oid;
	char name[IDENT_VALUE];
	const struct ident *device = NULL;

	for (size_t i = 0; idents && i < idents->count; i++) {
		if (!ident_is_device(&idents->list[i]))
			continue;
		if (device)
			return true;
		device = &idents->list[i];
	}
	for (int cond = POLICY_DEVICE_KIND; !device && cond <= POLICY_PROTECTION; cond++)
		conf_facts_set(f, (enum policy_cond)cond, NULL);
	if (!device)
		return true;
	device_id_split(span_str(device->value), &id, &oid);
	if (!span_copy(id, name, sizeof(name)) || !device_each_named(db, device->type, name, on_device, &k, pr))
		return false;
	if (k.count == 1)
		set_device(f, &k.device);
	return true;
}

bool
decision_learn(struct sql *db, struct decision *d, const struct account *account, const struct idents *idents, struct problem *pr)
{
	int64_t n = 0, most = policy_most(d->conf->policy, POLICY_OUTSTANDING);

	if (d->knows_asker)
		return true;
	conf_facts_set(&d->facts, POLICY_TENANT, account->tenant);
	if (!learn_key(db, &d->facts, account, pr) || !learn_device(db, &d->facts, idents, pr))
		return false;
	if (most > 0) {
		if (!order_policy_outstanding(db, account_principal(account), d->facts.f.now_unix_s, most + 1, &n, pr))
			return false;
		conf_facts_set_number(&d->facts, POLICY_OUTSTANDING, n);
	}
	d->knows_asker = true;
	return true;
}

/* ---- verdicts ---- */

const struct rule_conf *
decision_rule(const struct gate_conf *conf, const struct policy_verdict *v)
{
	return v->number == POLICY_NO_RULE ? NULL : (const struct rule_conf *)conf->rules.list + v->number;
}

void
decision_count(const struct gate_conf *conf, const struct policy_verdict *v)
{
	struct rule_count *of = &conf->rule_counts[v->number == POLICY_NO_RULE ? conf->rules.count : v->number];

	atomic_fetch_add_explicit(v->allow ? &of->allowed : &of->refused, 1, memory_order_relaxed);
	if (v->warned != POLICY_NO_RULE)
		atomic_fetch_add_explicit(&conf->rule_counts[v->warned].warned, 1, memory_order_relaxed);
}

static void
tell(const struct decision *d, const struct policy_verdict *v, const struct ident *id)
{
	const struct rule_conf *rules = d->conf->rules.list;
	char address[CONF_FACT_TEXT], account[CONF_FACT_TEXT];

	conf_facts_text(&d->facts, POLICY_ADDRESS, address);
	conf_facts_text(&d->facts, POLICY_ACCOUNT, account);
	if (!v->allow)
		log_info("policy_refused", LS("rule", v->rule ? v->rule : ""), LS("name", id->value), LS("account", account), LS("address", address));
	if (v->warned != POLICY_NO_RULE)
		log_info("policy_warned", LS("rule", rules[v->warned].name), LS("would", rules[v->warned].action == 0 ? "allow" : "refuse"),
			LS("is", v->allow ? "allowed" : "refused"), LS("name", id->value), LS("account", account), LS("address", address));
}

bool
decision_ask(struct decision *d, const struct ident *ids, size_t count)
{
	struct policy_verdict *v;
	bool all;

	d->verdicts = xrealloc(d->verdicts, (d->count + count + 1) * sizeof(*d->verdicts));
	v = d->verdicts + d->count;
	d->count += count;
	all = policy_decide(d->conf->policy, conf_facts_of(&d->facts), ids, count, v);
	for (size_t i = 0; i < count; i++) {
		decision_count(d->conf, &v[i]);
		tell(d, &v[i], &ids[i]);
	}
	return all;
}

bool
decision_refuse(const struct policy_verdict *v, struct problem *pr)
{
	return problem_set(pr, v->is_of_asker ? PROBLEM_UNAUTHORIZED : PROBLEM_REJECTED_IDENTIFIER, "%s", v->say);
}

/* ---- what the rules say of the order ---- */

static bool
strings_have(const struct conf_strings *list, const char *s)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->list[i], s) == 0)
			return true;
	}
	return false;
}

char *
decision_upstreams(const struct decision *d)
{
	const struct upstream_conf *list = d->conf->upstreams.list;
	AUTO_BUF names = BUF_MAX(RULES_MAX);
	bool said = false;

	for (size_t i = 0; i < d->conf->upstreams.count; i++) {
		bool all = true;

		for (size_t j = 0; j < d->count; j++) {
			const struct rule_conf *r = decision_rule(d->conf, &d->verdicts[j]);

			said = said || (r && r->upstreams.count);
			all = all && (!r || !r->upstreams.count || strings_have(&r->upstreams, list[i].name));
		}
		if (all)
			buf_addf(&names, "%s%s", names.n ? " " : "", list[i].name);
	}
	return xstrdup(!said ? "" : names.n ? buf_cstr(&names) : "-");
}

int64_t
decision_longest_wait(const struct decision *d)
{
	int64_t s = 0;

	for (size_t i = 0; i < d->count; i++) {
		const struct rule_conf *r = decision_rule(d->conf, &d->verdicts[i]);

		if (r && r->longest_wait_s && (s == 0 || r->longest_wait_s < s))
			s = r->longest_wait_s;
	}
	return s;
}

bool
decision_takes_proof(const struct rule_conf *rule, enum challenge_kind kind)
{
	return !rule || !rule->challenges.count || strings_have(&rule->challenges, challenge_kind_name(kind));
}

/* ---- on record ---- */

static void
write_record(const struct decision *d, int64_t order_id, struct order_policy *ret)
{
	AUTO_BUF facts = BUF_MAX(FACTS_MAX), rules = BUF_MAX(RULES_MAX);
	struct jw w = jw_to(&facts);

	jw_object(&w, NULL);
	conf_facts_write(&d->facts, &w);
	jw_end(&w);
	w = jw_to(&rules);
	jw_array(&w, NULL);
	for (size_t i = 0; i < d->count; i++)
		jw_str(&w, NULL, d->verdicts[i].rule);
	jw_end(&w);
	*ret = (struct order_policy){ order_id, xstrdup(buf_cstr(&facts)), xstrdup(buf_cstr(&rules)), decision_upstreams(d) };
}

bool
decision_note(struct sql *db, const struct decision *d, int64_t order_id, struct problem *pr)
{
	struct order_policy p;
	bool good;

	write_record(d, order_id, &p);
	good = order_policy_insert(db, &p, pr);
	order_policy_done(&p);
	return good;
}

bool
decision_update(struct sql *db, const struct decision *d, int64_t order_id, struct problem *pr)
{
	struct order_policy p;
	bool good;

	write_record(d, order_id, &p);
	good = order_policy_update(db, &p, pr);
	order_policy_done(&p);
	return good;
}

bool
decision_is_same(struct sql *db, const struct decision *d, int64_t order_id, bool *ret, struct problem *pr)
{
	struct order_policy mine, its = { 0 };
	bool found = false;

	if (!order_policy_get(db, order_id, &its, &found, pr))
		return false;
	write_record(d, order_id, &mine);
	/* an order of before rules were on record is as good as it was */
	*ret = !found || (strcmp(mine.rules, its.rules) == 0 && strcmp(mine.upstreams, its.upstreams) == 0);
	order_policy_done(&mine);
	order_policy_done(&its);
	return true;
}
