/* conf_solvers.c - solvers: what must be true of them; see conf.h. */
#include <stdio.h>
#include <string.h>

#include "dnsup/wire.h"
#include "gate/conf.h"
#include "gate/url.h"

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
check_exec(size_t at, const struct solver_conf *s, struct conf_errors *errors)
{
	WHERE("solvers[%zu].zone", at);

	check_domain(where, s->zone, errors);
	snprintf(where, sizeof(where), "solvers[%zu].program", at);
	if (!s->program || s->program[0] != '/')
		conf_error(errors, where, "exec needs program, a path from the root (/...)");
}

static void
check_acmedns(size_t at, const struct solver_conf *s, struct conf_errors *errors)
{
	struct url url;
	WHERE("solvers[%zu].url", at);

	if (!s->url || !s->accounts)
		conf_error(errors, where, "acme-dns needs url and accounts");
	else if (conf_check_url(where, s->url, &url, errors) && (url.query.p || (url.path.n && url.path.p[url.path.n - 1] == '/')))
		conf_error(errors, where, "must have neither a slash at its end nor a query");
	snprintf(where, sizeof(where), "solvers[%zu].ca_file", at);
	if (s->ca_file && s->ca_file[0] != '/')
		conf_error(errors, where, "\"%s\" must be a path from the root (/...)", QUOTE(span_str(s->ca_file)));
}

/* Keys that the kind has no use for. */
static void
check_others(size_t at, const struct solver_conf *s, struct conf_errors *errors)
{
	static const char *const kinds[] = { "http-01", "rfc2136", "exec", "acme-dns", "dns-persist-01", "tls-alpn-01", "none" };
	bool has_records = s->kind == SOLVER_RFC2136 || s->kind == SOLVER_EXEC || s->kind == SOLVER_ACME_DNS;
	const struct {
		const char *key;
		bool given, fits;
	} keys[] = { { "server", s->server, s->kind == SOLVER_RFC2136 }, { "key", s->key, s->kind == SOLVER_RFC2136 },
		{ "secret", s->secret, s->kind == SOLVER_RFC2136 }, { "program", s->program, s->kind == SOLVER_EXEC }, { "url", s->url, s->kind == SOLVER_ACME_DNS },
		{ "accounts", s->accounts, s->kind == SOLVER_ACME_DNS }, { "ca_file", s->ca_file, s->kind == SOLVER_ACME_DNS },
		{ "zone", s->zone, has_records }, { "check_via", s->check_via.count, has_records } };

	for (size_t i = 0; i < COUNT_OF(keys); i++) {
		WHERE("solvers[%zu].%s", at, keys[i].key);

		if (keys[i].given && !keys[i].fits)
			conf_error(errors, where, "is not for kind \"%s\"", kinds[s->kind]);
	}
}

static void
check_kind(const struct gate_conf *conf, size_t at, const struct solver_conf *s, struct conf_errors *errors)
{
	WHERE("solvers[%zu].kind", at);

	check_others(at, s, errors);
	switch ((enum solver_kind)s->kind) {
	case SOLVER_RFC2136:
		check_rfc2136(at, s, errors);
		break;
	case SOLVER_EXEC:
		check_exec(at, s, errors);
		break;
	case SOLVER_ACME_DNS:
		check_acmedns(at, s, errors);
		break;
	case SOLVER_DNS_PERSIST01:
	case SOLVER_NONE:
		break;
	case SOLVER_TLS_ALPN01:
		if (conf->tls_alpn01_listen.count == 0)
			conf_error(errors, where, "tls-alpn-01 needs tls_alpn01_listen, where CAs ask");
		break;
	case SOLVER_HTTP01:
		if (conf->http01_listen.count == 0)
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
		if (s->name)
			check_kind(conf, i, s, errors);
	}
}
