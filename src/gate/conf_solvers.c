/* conf_solvers.c - solvers: what must be true of them; see conf.h. */
#include <stdio.h>
#include <string.h>

#include "dnsup/wire.h"
#include "gate/conf.h"

#define WHERE(...)                                                                                 \
	char where[160];                                                                           \
	snprintf(where, sizeof(where), __VA_ARGS__)

static void
check_domain(const char *where, const char *name, struct conf_errors *errors)
{
	struct wire_name wire;

	if (name && !wire_name_parse(span_str(name), &wire))
		conf_error(errors, where, "\"%s\" is not a domain name", QUOTE(span_str(name)));
}

static void
check_upstreams(const struct gate_conf *conf, size_t at, const struct solver_conf *s, struct conf_errors *errors)
{
	for (size_t i = 0; i < s->upstreams.count; i++) {
		const struct upstream_conf *u = conf_upstream(conf, s->upstreams.list[i]);
		WHERE("solvers[%zu].upstreams[%zu]", at, i);

		if (!u || u->driver != DRIVER_ACME)
			conf_error(errors, where, "\"%s\" is no upstream with driver acme", QUOTE(span_str(s->upstreams.list[i])));
	}
}

/* HOST, HOST:PORT, ADDRESS or ADDRESS:PORT. */
static bool
is_server(const char *text)
{
	struct span host = span_str(text), rest = span_str(text);
	struct problem pr = { 0 };
	struct wire_name wire;
	struct addr addr;
	uint64_t port;

	if (addr_parse(host, &addr))
		return true;
	if (addr_parse_port(host, &addr, &pr))
		return addr.octet[0] != 0 || addr.family == AF_INET6;
	if (span_cut(&rest, ':', &host) && rest.n && (!span_uint(rest, 65535, &port) || port == 0))
		return false;
	return wire_name_parse(host, &wire);
}

static void
check_rfc2136(size_t at, const struct solver_conf *s, struct conf_errors *errors)
{
	WHERE("solvers[%zu].server", at);

	if (s->server && !is_server(s->server))
		conf_error(errors, where, "\"%s\" is neither HOST, HOST:PORT nor an address", QUOTE(span_str(s->server)));
	snprintf(where, sizeof(where), "solvers[%zu].zone", at);
	check_domain(where, s->zone, errors);
	snprintf(where, sizeof(where), "solvers[%zu].key", at);
	check_domain(where, s->key, errors);
	if (!s->key || !s->secret)
		conf_error(errors, where, "rfc2136 needs key and secret: updates without a signature are not sent");
}

static void
check_http01(const struct gate_conf *conf, size_t at, const struct solver_conf *s, struct conf_errors *errors)
{
	const struct {
		const char *key;
		bool given;
	} others[] = { { "server", s->server }, { "zone", s->zone }, { "key", s->key }, { "secret", s->secret },
		{ "check_via", s->check_via.count } };

	for (size_t i = 0; i < COUNT_OF(others); i++) {
		WHERE("solvers[%zu].%s", at, others[i].key);

		if (others[i].given)
			conf_error(errors, where, "is not for kind \"http-01\"");
	}
	if (conf->http01_listen.count == 0) {
		WHERE("solvers[%zu].kind", at);

		conf_error(errors, where, "http-01 needs http01_listen, where CAs ask");
	}
}

void
conf_solvers_check(const struct gate_conf *conf, struct conf_errors *errors)
{
	const struct solver_conf *list = conf->solvers.list;

	for (size_t i = 0; i < conf->solvers.count; i++) {
		const struct solver_conf *s = &list[i];

		check_upstreams(conf, i, s, errors);
		for (size_t j = 0; j < s->domains.count; j++) {
			WHERE("solvers[%zu].domains[%zu]", i, j);

			check_domain(where, s->domains.list[j], errors);
		}
		/* without its name the entry had faults enough, the kind may be one of them */
		if (!s->name)
			continue;
		if (s->kind == SOLVER_RFC2136)
			check_rfc2136(i, s, errors);
		else
			check_http01(conf, i, s, errors);
	}
}
