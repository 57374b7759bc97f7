/* choose.c - which solver proves a name: see solve_int.h. */
#include "solve/solve_int.h"

/* Without any in the configuration. */
static const struct solver_conf builtin = { .name = (char *)"http-01", .kind = SOLVER_HTTP01 };

static bool
is_below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	if (d && domain[d - 1] == '.')
		d--;
	return n >= d && strncasecmp(name + n - d, domain, d) == 0 && (n == d || name[n - d - 1] == '.');
}

/* Octets of the longest domain of the solver that has the name; 0 if it is for all; -1 if it is not for this one. */
static int
fit(const struct solver_conf *s, const char *name)
{
	int best = s->domains.count ? -1 : 0;

	for (size_t i = 0; i < s->domains.count; i++) {
		int n = (int)strlen(s->domains.list[i]);

		if (n > best && is_below(name, s->domains.list[i]))
			best = n;
	}
	return best;
}

static bool
is_for(const struct solver_conf *s, const struct proof *p)
{
	const struct solver *solver = solver_of(s);

	return conf_solver_serves(s, p->upstream) && (solver->is_none || p->offered[solver->challenge]) && (!p->wildcard || solver->proves_wildcards);
}

bool
solver_needs_owner(const struct proof *p)
{
	const struct solver_conf *list = p->conf->solvers.list;

	for (size_t i = 0; i < p->conf->solvers.count; i++) {
		if (solver_of(&list[i])->is_recorded && is_for(&list[i], p))
			return true;
	}
	return false;
}

const struct solver_conf *
solver_choose(const struct proof *p, const char *owner)
{
	const struct solver_conf *list = p->conf->solvers.list, *best = NULL;
	int longest = -1;

	if (p->conf->solvers.count == 0)
		return is_for(&builtin, p) ? &builtin : NULL;
	for (size_t i = 0; i < p->conf->solvers.count; i++) {
		bool is_recorded = solver_of(&list[i])->is_recorded;
		int n = is_recorded && !owner ? -1 : fit(&list[i], is_recorded ? owner : p->ident.value);

		if (n > longest && is_for(&list[i], p)) {
			best = &list[i];
			longest = n;
		}
	}
	return best;
}
