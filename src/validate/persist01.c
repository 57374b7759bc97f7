/* persist01.c - the challenge dns-persist-01 (draft-ietf-acme-dns-persist-01; V30).
 *
 * TXT records at "_validation-persist." and the name; where none names us, at the domain above, for which the record must have
 * policy=wildcard, and so on until two labels are left. The nearest that names us decides. A look-up that fails ends it: what is not
 * known may be a record that says no. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "validate/persist.h"
#include "validate/validate.h"

#define PREFIX "_validation-persist."
#define LOOKUPS_MAX 12

struct state {
	const char *domain; /* within the identifier's value: looked at now */
	char name[sizeof(PREFIX) + IDENT_VALUE];
	unsigned lookups;
	msec_t deadline;
};

static void
finish(struct validation *v)
{
	free(v->state);
	v->state = NULL;
	v->done(v);
}

static void ask_next(struct validation *v);

/* Nothing here; is there a domain above to ask for? A top level is nobody's. */
static void
climb(struct validation *v)
{
	struct state *s = v->state;
	const char *above = strchr(s->domain, '.');

	if (above && strchr(above + 1, '.') && s->lookups < LOOKUPS_MAX) {
		s->domain = above + 1;
		ask_next(v);
		return;
	}
	problem_set(&v->problem, PROBLEM_UNAUTHORIZED, PREFIX "%s: no TXT record names this gateway, there or at the domains above",
		v->ident.value);
	finish(v);
}

static void
on_records(const struct dns_records *records, const struct problem *pr, void *arg)
{
	struct validation *v = arg;
	struct state *s = v->state;
	const struct persist_ask ask = { .issuers = v->issuers, .account_url = v->account_url,
		.wide = v->wide || s->domain != v->ident.value, .now_unix_s = clock_unix_s() };
	enum persist_verdict verdict = PERSIST_NONE;

	if (records->outcome == DNS_FAILED) {
		problem_set(&v->problem, PROBLEM_DNS, "%s", pr->detail);
		finish(v);
		return;
	}
	if (records->outcome == DNS_FOUND)
		verdict = persist_judge(records->list, records->count, s->name, &ask, &v->until_unix_s, &v->problem);
	if (verdict == PERSIST_NONE) {
		climb(v);
		return;
	}
	v->proven = verdict == PERSIST_PROVEN;
	finish(v);
}

static void
ask_next(struct validation *v)
{
	struct state *s = v->state;
	msec_t left = s->deadline - clock_ms();

	s->lookups++;
	snprintf(s->name, sizeof(s->name), PREFIX "%s", s->domain);
	dns_records(v->env->dns, &(struct dns_ask){ s->name, v->resolvers, v->resolver_count, left > 1 ? left : 1, v->authority }, DNS_TXT, on_records, v);
}

void
dnspersist01_start(struct validation *v)
{
	struct state *s = xcalloc(1, sizeof(*s));

	s->domain = v->ident.value;
	s->deadline = clock_ms() + v->timeout_ms;
	v->state = s;
	ask_next(v);
}
