/* Which solver proves a name: the CA's offer, wildcards, entries for one CA, the longest domain, the order of the configuration. */
#include <stdlib.h>

#include "solve/solve_int.h"
#include "tap.h"

static struct solver_conf list[4];
static struct gate_conf conf;

static const char *
chosen(const char *name, bool wildcard, const char *upstream, unsigned offered, const char *owner)
{
	static struct proof p;
	const struct solver_conf *s;

	p = (struct proof){ .wildcard = wildcard, .upstream = upstream, .conf = &conf };
	span_copy(span_str(name), p.ident.value, sizeof(p.ident.value));
	for (int kind = 0; kind < CHALLENGE_KIND__COUNT; kind++)
		p.offered[kind] = offered >> kind & 1;
	s = solver_choose(&p, owner);
	return s ? s->name : "none";
}

#define HTTP (1u << CHALLENGE_HTTP_01)
#define DNS (1u << CHALLENGE_DNS_01)
#define PERSIST (1u << CHALLENGE_DNS_PERSIST_01)
#define ALPN (1u << CHALLENGE_TLS_ALPN_01)

int
main(void)
{
	static char *corp[] = { (char *)"corp.test" }, *deep[] = { (char *)"gw.corp.test.", (char *)"Keys.test" }, *ca2[] = { (char *)"ca2" };

	is_str(chosen("a.test", false, "ca", HTTP | DNS, NULL), "http-01", "without a table a name is proven by http-01");
	is_str(chosen("a.test", true, "ca", HTTP | DNS, NULL), "none", "and a wildcard not at all, whatever the CA offers");
	is_str(chosen("a.test", false, "ca", DNS, NULL), "none", "nor a name for which the CA offers dns-01 alone");
	list[0] = (struct solver_conf){ .name = (char *)"corp", .kind = SOLVER_RFC2136, .domains = { corp, 1 } };
	list[1] = (struct solver_conf){ .name = (char *)"web", .kind = SOLVER_HTTP01 };
	list[2] = (struct solver_conf){ .name = (char *)"deep", .kind = SOLVER_RFC2136, .domains = { deep, 2 } };
	list[3] = (struct solver_conf){ .name = (char *)"second", .kind = SOLVER_RFC2136, .upstreams = { ca2, 1 } };
	conf.solvers = (struct conf_list){ list, 4 };
	is_str(chosen("a.corp.test", false, "ca", HTTP | DNS, "_acme-challenge.a.corp.test"), "corp", "a domain is longer than none");
	is_str(chosen("a.corp.test", false, "ca", HTTP, "_acme-challenge.a.corp.test"), "web", "what the CA does not offer is not taken");
	is_str(chosen("corp.test", false, "ca", DNS, "corp.test"), "corp", "a domain has itself");
	is_str(chosen("xcorp.test", false, "ca", DNS, "_acme-challenge.xcorp.test"), "none", "but no name that only ends like it");
	is_str(chosen("a.gw.corp.test", false, "ca", DNS, "_ACME-challenge.a.GW.corp.test"), "deep", "the longest wins, in any case");
	is_str(chosen("a.corp.test", true, "ca", HTTP | DNS, "a.keys.test"), "deep", "an alias counts, not what leads to it");
	is_str(chosen("a.other.test", false, "ca", HTTP | DNS, "_acme-challenge.a.other.test"), "web", "what no domain has is for one without");
	is_str(chosen("a.other.test", true, "ca", HTTP | DNS, "_acme-challenge.a.other.test"), "none", "if it can: a wildcard is not for http-01");
	is_str(chosen("a.other.test", true, "ca2", HTTP | DNS, "_acme-challenge.a.other.test"), "second", "an entry for one CA is for that");
	is_str(chosen("a.other.test", false, "ca2", HTTP | DNS, "_acme-challenge.a.other.test"), "web", "of equals the first is taken");
	is_str(chosen("a.corp.test", false, "ca", ALPN, "_acme-challenge.a.corp.test"), "none", "nobody for what nobody can");
	is_str(chosen("a.corp.test", false, "ca", HTTP | DNS, NULL), "web", "no records where their place is not known");
	list[1] = (struct solver_conf){ .name = (char *)"tls", .kind = SOLVER_TLS_ALPN01 };
	is_str(chosen("a.corp.test", false, "ca", HTTP | ALPN, "_acme-challenge.a.corp.test"), "tls", "tls-alpn-01 where the CA offers it");
	is_str(chosen("a.corp.test", true, "ca", HTTP | ALPN, "_acme-challenge.a.corp.test"), "none", "and for no wildcard");
	list[1] = (struct solver_conf){ .name = (char *)"known", .kind = SOLVER_NONE, .domains = { corp, 1 } };
	is_str(chosen("a.corp.test", true, "ca", HTTP, NULL), "known", "a domain that the CA knows, whatever it offers");
	is_str(chosen("a.other.test", false, "ca", HTTP, NULL), "none", "no other");
	list[1] = (struct solver_conf){ .name = (char *)"stays", .kind = SOLVER_DNS_PERSIST01, .domains = { corp, 1 } };
	is_str(chosen("a.corp.test", true, "ca", DNS | PERSIST, "a.alias.test"), "stays", "dns-persist-01 goes by the name, not by its alias");
	is_str(chosen("a.corp.test", true, "ca", DNS | PERSIST, NULL), "stays", "and proves wildcards");
	return done_testing();
}
