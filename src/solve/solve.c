/* solve.c - the table of solvers, and what all of them go through; see solve.h. */
#include "solve/solve_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define PREFIX "_acme-challenge."
#define ALIASES_MAX 8
#define LOOK_UP_MS 10000
#define SEALED_MAX_BYTES 4096

/* Nothing to do: http-01 and tls-alpn-01 are all in the store, where the faces find them. */
static void
at_once(struct proof *p, const struct solver_conf *conf)
{
	(void)conf;
	proof_done(p, PROOF_GOOD);
}

/* The CA should have known the domain. */
static void
none_find(struct proof *p, const struct solver_conf *conf)
{
	proof_failed(p, PROOF_SETUP, "the certificate authority wants \"%s%s\" proven, but solver \"%s\" says that it has validated the domain "
		"beforehand: has that run out there?", p->wildcard ? "*." : "", p->ident.value, conf->name);
}

static const struct solver solvers[] = {
	[SOLVER_HTTP01] = { "http-01", CHALLENGE_HTTP_01, false, false, false, at_once, at_once, at_once },
	[SOLVER_RFC2136] = { "rfc2136", CHALLENGE_DNS_01, true, true, true, rfc2136_find, rfc2136_place, rfc2136_remove },
	[SOLVER_EXEC] = { "exec", CHALLENGE_DNS_01, true, true, true, exec_find, exec_place, exec_remove },
	[SOLVER_ACME_DNS] = { "acme-dns", CHALLENGE_DNS_01, true, true, true, acmedns_find, acmedns_place, acmedns_remove,
		.ask = acmedns_ask },
	[SOLVER_DNS_PERSIST01] = { "dns-persist-01", CHALLENGE_DNS_PERSIST_01, false, true, true, at_once, persist_place, at_once },
	[SOLVER_TLS_ALPN01] = { "tls-alpn-01", CHALLENGE_TLS_ALPN_01, false, false, false, at_once, at_once, at_once },
	[SOLVER_NONE] = { "none", 0, false, false, true, none_find, at_once, at_once, .is_none = true },
};

const struct solver *
solver_of(const struct solver_conf *conf)
{
	return &solvers[conf->kind];
}

const char *
solver_kind_name(enum solver_kind kind)
{
	return solvers[kind].name;
}

void
proof_done(struct proof *p, enum proof_result result)
{
	p->result = result;
	p->done(p);
}

void
proof_failed(struct proof *p, enum proof_result result, const char *fmt, ...)
{
	char text[sizeof(p->problem.detail)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	problem_set(&p->problem, PROBLEM_DNS, "%s", text);
	proof_done(p, result);
}

/* ---- locate ---- */

/* Where the record lies: the name itself, or what it is an alias of. */
struct locating {
	struct proof *p;
	char owner[DNS_TEXT];
	unsigned aliases;
};

static void
found_owner(struct proof *p, const char *owner)
{
	const struct solver_conf *conf = solver_choose(p, owner);
	const struct solver *solver;

	if (!conf) {
		proof_failed(p, PROOF_NONE, "no solver of this gateway is for \"%s%s\" at this certificate authority", p->wildcard ? "*." : "",
			p->ident.value);
		return;
	}
	solver = solver_of(conf);
	p->kind = solver->challenge;
	p->is_recorded = solver->is_recorded;
	p->has_work = solver->has_work;
	snprintf(p->record.solver, sizeof(p->record.solver), "%s", conf->name);
	snprintf(p->record.owner, sizeof(p->record.owner), "%s", owner ? owner : "");
	solver->find(p, conf);
}

static void ask_alias(struct locating *l);

static void
on_alias(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct locating *l = arg;
	struct proof *p = l->p;

	if (records->alias) {
		if (strlen(records->alias) < sizeof(l->owner) && ++l->aliases <= ALIASES_MAX) {
			memcpy(l->owner, records->alias, strlen(records->alias) + 1);
			ask_alias(l);
			return;
		}
		proof_failed(p, PROOF_LATER, "\"%s%s\" is the first of too many aliases (CNAME), or an alias of what is no name", PREFIX,
			p->ident.value);
	} else if (records->outcome == DNS_FAILED) {
		proof_failed(p, PROOF_LATER, "%s", pr->detail);
	} else {
		found_owner(p, l->owner);
	}
	free(l);
}

static void
ask_alias(struct locating *l)
{
	const struct gate_conf *conf = l->p->conf;

	dns_records(l->p->solve->env.dns,
		&(struct dns_ask){ .name = l->owner, .servers = conf->public_resolvers.list, .server_count = conf->public_resolvers.count,
			.timeout_ms = LOOK_UP_MS, .how = DNS_HERE },
		DNS_CNAME, on_alias, l);
}

/* Loop's thread */
static void
locate(void *arg)
{
	struct proof *p = arg;
	AUTO_FREE char *owner = xasprintf("%s%s", PREFIX, p->ident.value);
	struct locating *l;

	if (!solver_needs_owner(p)) {
		found_owner(p, NULL);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->p = p;
	if (span_copy(span_str(owner), l->owner, sizeof(l->owner))) {
		ask_alias(l);
	} else {
		free(l);
		proof_failed(p, PROOF_NONE, "\"%s\" is too long for a record below it", p->ident.value);
	}
}

void
proof_locate(struct solve *solve, struct proof *p)
{
	p->solve = solve;
	loop_post(solve->env.loop, locate, p);
}

/* ---- place and remove ---- */

static const struct solver_conf http01_builtin = { .kind = SOLVER_HTTP01 };

static const struct solver_conf *
conf_of(const struct proof *p)
{
	const struct solver_conf *conf = conf_solver(p->conf, p->record.solver);

	return conf || p->conf->solvers.count ? conf : &http01_builtin;
}

static void
place(void *arg)
{
	struct proof *p = arg;
	const struct solver_conf *conf = conf_of(p);

	if (conf)
		solver_of(conf)->place(p, conf);
	else
		proof_failed(p, PROOF_LATER, "solver \"%s\" is not configured any more", p->record.solver);
}

static void
removing(void *arg)
{
	struct proof *p = arg;
	const struct solver_conf *conf = conf_solver(p->conf, p->record.solver);

	if (conf)
		solver_of(conf)->remove(p, conf);
	else
		proof_failed(p, PROOF_SETUP, "solver \"%s\", which laid it out, is not configured any more", p->record.solver);
}

void
proof_place(struct solve *solve, struct proof *p)
{
	p->solve = solve;
	loop_post(solve->env.loop, place, p);
}

void
proof_remove(struct solve *solve, struct proof *p)
{
	p->solve = solve;
	loop_post(solve->env.loop, removing, p);
}

static void
asking(void *arg)
{
	struct proof *p = arg;
	const struct solver_conf *conf = conf_of(p);
	const struct solver *solver = conf ? solver_of(conf) : NULL;

	if (solver && solver->ask)
		solver->ask(p, conf);
	else
		proof_done(p, PROOF_NONE);
}

void
proof_ask(struct solve *solve, struct proof *p)
{
	p->solve = solve;
	loop_post(solve->env.loop, asking, p);
}

/* ---- open and free ---- */

struct solver_state *
solver_state(struct solve *solve, const char *name)
{
	for (size_t i = 0; i < solve->solver_count; i++) {
		if (strcmp(solve->solvers[i].name, name) == 0)
			return &solve->solvers[i];
	}
	return NULL;
}

struct solver_stats *
solve_stats(struct solve *solve, const char *solver)
{
	struct solver_state *state = solver_state(solve, solver);

	return state ? &state->stats : NULL;
}

static bool
open_one(struct solve *solve, const struct solver_conf *conf, struct solver_state *state, struct problem *pr)
{
	AUTO_FREE char *secret = xasprintf("solvers.%s.secret", conf->name);

	state->name = xstrdup(conf->name);
	state->sealed = BUF_MAX(SEALED_MAX_BYTES);
	return !conf->secret || keeper_sealed_secret(solve->env.keeper, secret, PURPOSE_TSIG, span_str(conf->key), &state->sealed, pr);
}

bool
solve_open(const struct solve_env *env, struct solve **ret, struct problem *pr)
{
	struct solve *solve = xcalloc(1, sizeof(*solve));
	struct gate_conf *conf = conf_holder_take(env->conf);
	const struct solver_conf *list = conf->solvers.list;
	bool good = true;

	solve->env = *env;
	TAILQ_INIT(&solve->pending);
	TAILQ_INIT(&solve->batchers);
	TAILQ_INIT(&solve->due);
	solve->solvers = xcalloc(conf->solvers.count ? conf->solvers.count : 1, sizeof(*solve->solvers));
	for (size_t i = 0; good && i < conf->solvers.count; i++) {
		solve->solver_count++;
		good = open_one(solve, &list[i], &solve->solvers[i], pr);
	}
	gate_conf_unref(conf);
	if (!good) {
		solve_free(solve);
		return false;
	}
	clean_job_register(solve);
	*ret = solve;
	return true;
}

void
solve_free(struct solve *solve)
{
	struct pending *pending;

	if (!solve)
		return;
	while ((pending = TAILQ_FIRST(&solve->pending))) {
		TAILQ_REMOVE(&solve->pending, pending, entry);
		pending->free(pending);
	}
	batchers_free(solve);
	for (size_t i = 0; i < solve->solver_count; i++) {
		free(solve->solvers[i].name);
		buf_done(&solve->solvers[i].sealed);
	}
	free(solve->solvers);
	free(solve);
}
