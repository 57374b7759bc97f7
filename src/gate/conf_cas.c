/* conf_cas.c - the CAs of a profile, in its order: what must be true of the list, and which of them can do what an order asks for; see
 * conf.h. */
#include <stdio.h>
#include <string.h>

#include "gate/conf.h"

#define WHERE(...)                                                                                 \
	char where[160];                                                                           \
	snprintf(where, sizeof(where), __VA_ARGS__)

static const char *const failover_names[] = {
	[FAILOVER_OUTAGE] = "outage",
	[FAILOVER_LIMIT] = "limit",
	[FAILOVER_ACCOUNT] = "account",
	[FAILOVER_REJECTED] = "rejected",
	[FAILOVER_CAA] = "caa",
};
_Static_assert(COUNT_OF(failover_names) == FAILOVER__COUNT, "each has a name");

const char *
failover_name(enum failover why)
{
	return failover_names[why];
}

static bool
has(const struct conf_strings *list, const char *s)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->list[i], s) == 0)
			return true;
	}
	return false;
}

bool
conf_fails_over(const struct profile_conf *p, enum failover why)
{
	return conf_profile_ca_count(p) > 1 && has(&p->failover, failover_names[why]);
}

/* ---- the list ---- */

size_t
conf_profile_ca_count(const struct profile_conf *p)
{
	return p->upstreams.count ? p->upstreams.count : p->upstream != NULL;
}

const struct upstream_conf *
conf_profile_ca(const struct gate_conf *conf, const struct profile_conf *p, size_t i)
{
	return conf_upstream(conf, p->upstreams.count ? p->upstreams.list[i] : p->upstream);
}

bool
conf_ca_may_serve(const struct gate_conf *conf, const struct profile_conf *p, const struct upstream_conf *u)
{
	const struct upstream_conf *first = conf_profile_ca(conf, p, 0);

	return p->failover_kind == FAILOVER_KIND_ANY || (first && first->kind == u->kind);
}

/* ---- what an order asks for ---- */

/* "a.x.example" with "*.x.example". */
static bool
is_covered(const struct idents *names, const struct ident *id)
{
	const char *above = id->type == IDENT_DNS && !ident_is_wildcard(id) ? strchr(id->value, '.') : NULL;

	for (size_t i = 0; above && i < names->count; i++) {
		if (ident_is_wildcard(&names->list[i]) && strcmp(ident_base(&names->list[i]), above + 1) == 0)
			return true;
	}
	return false;
}

static bool
takes_name(const struct upstream_conf *u, const struct ca_facts *f, const struct idents *names, const struct ident *id, struct problem *pr)
{
	if (id->type == IDENT_IP && f->addresses == KNOWN_NO)
		return problem_set(pr, PROBLEM_UNSUPPORTED_IDENTIFIER, "the CA (%s) issues no certificates for addresses, such as \"%s\"", u->name, id->value);
	if (ident_is_wildcard(id) && f->wildcards == KNOWN_NO)
		return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER, "the CA (%s) issues no certificates for wildcards, such as \"%s\"", u->name, id->value);
	if (f->covered_names == KNOWN_NO && is_covered(names, id))
		return problem_set(pr, PROBLEM_MALFORMED, "the CA (%s) refuses \"%s\" beside the wildcard that covers it: leave it out", u->name, id->value);
	return true;
}

bool
conf_ca_is_among(const char *upstreams, const char *name)
{
	struct span rest = span_str(upstreams), word;

	if (!upstreams || !*upstreams)
		return true;
	while (rest.n && span_cut(&rest, ' ', &word)) {
		if (span_is(word, name))
			return true;
	}
	return false;
}

/* A device is nobody's business outside: of an order that has nothing else nothing can be asked there. */
bool
conf_ca_takes(const struct upstream_conf *u, const struct profile_conf *p, const struct ca_wish *wish, struct problem *pr)
{
	struct ca_facts f;

	if (!conf_ca_is_among(wish->upstreams, u->name))
		return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER, "the policy of this gateway does not have these identifiers issued by this CA (%s)", u->name);
	if (u->driver == DRIVER_LOCAL)
		return true;
	conf_ca_facts(u, p, &f);
	if (wish->not_before || (wish->not_after && f.not_after != KNOWN_YES))
		return problem_set(pr, PROBLEM_MALFORMED, "notBefore and notAfter are not supported by profile \"%s\"", p->name);
	if (wish->names->count == 0)
		return problem_set(pr, PROBLEM_REJECTED_IDENTIFIER,
			"identifiers has only devices, which the CA of profile \"%s\" must not learn of: a name is wanted besides", p->name);
	if (f.max_names && (int64_t)wish->names->count > f.max_names)
		return problem_set(pr, PROBLEM_MALFORMED, "the CA (%s) takes at most %lld names in a certificate, not %zu", u->name,
			(long long)f.max_names, wish->names->count);
	for (size_t i = 0; i < wish->names->count; i++) {
		if (!takes_name(u, &f, wish->names, &wish->names->list[i], pr))
			return false;
	}
	return true;
}

const struct upstream_conf *
conf_ca_choose(const struct gate_conf *conf, const struct profile_conf *p, const struct ca_wish *wish, struct problem *ret_why)
{
	for (size_t i = 0; i < conf_profile_ca_count(p); i++) {
		const struct upstream_conf *u = conf_profile_ca(conf, p, i);
		struct problem why = { 0 };

		if (!u || !conf_ca_may_serve(conf, p, u))
			continue;
		if (conf_ca_takes(u, p, wish, &why))
			return u;
		/* the first one's reason: it is the one that the operator wants to have */
		if (!ret_why->kind)
			*ret_why = why;
	}
	return NULL;
}

/* ---- checks ---- */

static void
check_one(const struct gate_conf *conf, const char *where, const char *name, struct conf_errors *errors)
{
	const struct upstream_conf *u = conf_upstream(conf, name);

	if (!u)
		conf_error(errors, where, "no entry of upstreams is named \"%s\"", QUOTE(span_str(name)));
}

static void
check_list(const struct gate_conf *conf, const char *at, const struct profile_conf *p, struct conf_errors *errors)
{
	const struct conf_strings *list = &p->upstreams;

	for (size_t i = 0; i < list->count; i++) {
		const struct upstream_conf *u = conf_upstream(conf, list->list[i]);
		WHERE("%s.upstreams[%zu]", at, i);

		check_one(conf, where, list->list[i], errors);
		if (has(&(struct conf_strings){ list->list, i }, list->list[i]))
			conf_error(errors, where, "\"%s\" is there twice", list->list[i]);
		else if (u && u->driver == DRIVER_LOCAL && i + 1 < list->count)
			conf_error(errors, where, "the local CA does all that it is asked for: none after it is ever asked");
		else if (u && !conf_ca_may_serve(conf, p, u))
			conf_error(errors, where, "\"%s\" is %s and the first one is not: it is asked only with failover_kind = \"any\"", u->name,
				u->kind == CA_KIND_PRIVATE ? "private" : "public");
	}
}

void
conf_profile_cas_check(const struct gate_conf *conf, const char *at, const struct profile_conf *p, struct conf_errors *errors)
{
	const struct upstream_conf *first;
	WHERE("%s.upstream", at);

	if (p->upstream && p->upstreams.count)
		conf_error(errors, where, "cannot go with upstreams, which is a list of them");
	else if (p->upstream)
		check_one(conf, where, p->upstream, errors);
	else if (!p->upstreams.count)
		conf_error(errors, where, "it or upstreams is required: who issues?");
	first = conf_profile_ca_count(p) == 1 ? conf_profile_ca(conf, p, 0) : NULL;
	snprintf(where, sizeof(where), "%s.upstream_profile", at);
	if (first && first->driver == DRIVER_LOCAL && p->upstream_profile)
		conf_error(errors, where, "the local CA has no profiles");
	check_list(conf, at, p, errors);
	for (size_t i = 0; i < p->failover.count; i++) {
		bool found = false;

		for (int why = 0; why < FAILOVER__COUNT; why++)
			found = found || strcmp(p->failover.list[i], failover_names[why]) == 0;
		snprintf(where, sizeof(where), "%s.failover[%zu]", at, i);
		if (!found)
			conf_error(errors, where, "\"%s\" is none of outage, limit, account, rejected and caa", QUOTE(span_str(p->failover.list[i])));
	}
}

static void
check_needs(const char *at, const struct upstream_conf *u, const struct ca_preset *preset, struct conf_errors *errors)
{
	WHERE("%s.directory", at);

	if (!u->directory)
		conf_error(errors, where, "%s gives each customer a directory of his own: it is required", preset->name);
	snprintf(where, sizeof(where), "%s.contact", at);
	if (preset->needs_contact && !u->contact)
		conf_error(errors, where, "%s issues nothing to an account without a contact: it is required", preset->name);
}

/* Those that a solver answers (solve/solve.h). */
static const char *const challenges[] = { "http-01", "tls-alpn-01", "dns-01", "dns-persist-01" };

void
conf_preset_check(const char *at, const struct upstream_conf *u, struct conf_errors *errors)
{
	const struct ca_preset *preset = ca_preset_find(u->preset);
	WHERE("%s.preset", at);

	if (u->preset && !preset)
		conf_error(errors, where, "\"%s\" is no CA that is known by name; `acmegatectl config keys` lists them", QUOTE(span_str(u->preset)));
	else if (preset)
		check_needs(at, u, preset, errors);
	for (size_t i = 0; i < u->challenges.count; i++) {
		bool found = false;

		for (size_t j = 0; j < COUNT_OF(challenges); j++)
			found = found || strcmp(u->challenges.list[i], challenges[j]) == 0;
		snprintf(where, sizeof(where), "%s.challenges[%zu]", at, i);
		if (!found)
			conf_error(errors, where, "\"%s\" is none of http-01, tls-alpn-01, dns-01 and dns-persist-01", QUOTE(span_str(u->challenges.list[i])));
	}
}
