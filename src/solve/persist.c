/* persist.c - dns-persist-01 (draft-ietf-acme-dns-persist-01): an operator has laid out a record that names our account once, and nothing
 * is laid out for an order. It is looked for before the CA is, as we look for those of devices (validate/persist01.c). */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "solve/solve_int.h"
#include "validate/validate.h"

#define LOOK_UP_MS 20000

struct look {
	struct pending pending; /* first */
	struct proof *p;
	struct validate_env env;
	struct validation v;
};

static void
look_free(struct pending *pending)
{
	free(pending);
}

static void
on_done(struct validation *v)
{
	struct look *l = v->arg;
	struct proof *p = l->p;
	struct problem problem = v->problem;
	bool proven = v->proven;

	TAILQ_REMOVE(&p->solve->pending, &l->pending, entry);
	free(l);
	if (proven) {
		snprintf(p->told, sizeof(p->told), "a record of dns-persist-01 for %.200s names our account", p->ident.value);
		proof_done(p, PROOF_GOOD);
	} else if (problem.kind == PROBLEM_DNS) {
		proof_failed(p, PROOF_LATER, "%s", problem.detail);
	} else {
		proof_failed(p, PROOF_SETUP, "%.200s; wanted: _validation-persist.%s TXT \"%s; accounturi=%s%s\"", problem.detail, p->ident.value,
			QUOTE(span_str(p->issuers.list[0])), p->account_url, p->wildcard ? "; policy=wildcard" : "");
	}
}

void
persist_place(struct proof *p, const struct solver_conf *conf)
{
	struct look *l = xcalloc(1, sizeof(*l));

	(void)conf;
	l->pending.free = look_free;
	TAILQ_INSERT_TAIL(&p->solve->pending, &l->pending, entry);
	l->p = p;
	l->env = (struct validate_env){ .loop = p->solve->env.loop, .dns = p->solve->env.dns };
	l->v = (struct validation){ .ident = p->ident, .account_url = p->account_url, .issuers = &p->issuers, .wide = p->wildcard,
		.resolvers = p->conf->public_resolvers.list, .resolver_count = p->conf->public_resolvers.count, .timeout_ms = LOOK_UP_MS,
		.done = on_done, .arg = l, .env = &l->env };
	dnspersist01_start(&l->v);
}
