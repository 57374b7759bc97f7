/* conf_check.c - what a table of keys cannot say: names, references, URLs, and what goes with what;
 * see conf.h.
 *
 * The walk may have left faults of its own behind, so any pointer may be NULL here: what is not
 * there was told already. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "gate/conf.h"
#include "gate/url.h"

#define HOUR_S 3600

/* "profiles[3].key_types[1]" for conf_error; on the caller's stack. */
#define WHERE(...)                                                                                 \
	char where[160];                                                                           \
	snprintf(where, sizeof(where), __VA_ARGS__)

/* ---- names ---- */

/* [A-Za-z0-9][A-Za-z0-9._-]{0,63}: they become parts of URLs, log fields and file names. */
static bool
is_name(const char *s)
{
	size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return isalnum((unsigned char)s[0]) && s[n] == '\0' && n <= 64;
}

struct name_at {
	const char *name;
	size_t index;
};

static int
by_name(const void *a, const void *b)
{
	const struct name_at *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Names of one list: well-formed, each once. The name is the first field of each of the
 * structs. */
static void
check_names(const struct conf_list *list, size_t size, const char *what, struct conf_errors *errors)
{
	struct name_at *names = xcalloc(list->count ? list->count : 1, sizeof(*names));
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		const char *name = *(char *const *)((const char *)list->list + i * size);
		WHERE("%s[%zu].name", what, i);

		if (!name)
			continue;
		if (!is_name(name))
			conf_error(errors, where,
				"\"%s\" is no name: 1 to 64 letters, digits, '.', '_' or '-', a "
				"letter or digit first",
				QUOTE(span_str(name)));
		names[count++] = (struct name_at){ name, i };
	}
	qsort(names, count, sizeof(*names), by_name);
	for (size_t i = 1; i < count; i++) {
		WHERE("%s[%zu].name", what, names[i].index);

		if (strcmp(names[i].name, names[i - 1].name) == 0)
			conf_error(errors, where, "\"%s\" is the name of %s[%zu] already",
				QUOTE(span_str(names[i].name)), what, names[i - 1].index);
	}
	free(names);
}

/* ---- URLs and paths ---- */

bool
conf_check_url(const char *where, const char *text, struct url *ret, struct conf_errors *errors)
{
	struct problem pr = { 0 };

	if (!url_parse(span_str(text), ret, &pr)) {
		conf_error(errors, where, "%s", pr.detail);
		return false;
	}
	if (!ret->https && !url_is_loopback(ret)) {
		conf_error(errors, where, "\"%s\" must be https: http is for this machine only",
			QUOTE(span_str(text)));
		return false;
	}
	return true;
}

static void
check_external_url(const struct gate_conf *conf, struct conf_errors *errors)
{
	struct url url;
	size_t n;

	if (!conf->external_url || !conf_check_url("external_url", conf->external_url, &url, errors))
		return;
	n = url.path.n;
	if (url.query.p)
		conf_error(errors, "external_url", "must not have a query (?)");
	if (n && url.path.p[n - 1] == '/')
		conf_error(errors, "external_url", "must not end with a slash");
	else if (memmem(url.path.p, n, "//", 2) || memmem(url.path.p, n, "/.", 2) ||
		 memchr(url.path.p, '%', n))
		conf_error(errors, "external_url",
			"its path must be plain: no empty or dot segments, no '%%'");
}

/* For people to read in a browser: http is their own affair. */
static void
check_page(const char *where, const char *text, struct conf_errors *errors)
{
	struct problem pr = { 0 };
	struct url url;

	if (text && !url_parse(span_str(text), &url, &pr))
		conf_error(errors, where, "%s", pr.detail);
}

static void
check_path(const char *where, const char *path, struct conf_errors *errors)
{
	if (path && *path && *path != '/')
		conf_error(errors, where, "\"%s\" must be a path from the root (/...)",
			QUOTE(span_str(path)));
}

/* ---- profiles ---- */

static bool
is_one_of(const char *s, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(s, list[i]) == 0)
			return true;
	}
	return false;
}

static void
check_strings(const char *at, const char *key, const struct conf_strings *strings,
	const char *const *known, size_t known_count, const char *expected,
	struct conf_errors *errors)
{
	for (size_t i = 0; i < strings->count; i++) {
		WHERE("%s.%s[%zu]", at, key, i);

		if (!is_one_of(strings->list[i], known, known_count))
			conf_error(errors, where, "\"%s\" is unknown: expected %s",
				QUOTE(span_str(strings->list[i])), expected);
		else if (is_one_of(strings->list[i], (const char *const *)strings->list, i))
			conf_error(errors, where, "\"%s\" is there twice", strings->list[i]);
	}
}

#define CHALLENGES_KNOWN "http-01, dns-01, dns-account-01, dns-persist-01, tls-alpn-01 and device-attest-01"

bool
conf_challenge_is_known(const char *type)
{
	static const char *const known[] = { "http-01", "dns-01", "tls-alpn-01", "dns-account-01", "dns-persist-01",
		"device-attest-01" };

	return is_one_of(type, known, COUNT_OF(known));
}

static void
check_challenges(const char *at, const struct conf_strings *challenges, struct conf_errors *errors)
{
	for (size_t i = 0; i < challenges->count; i++) {
		const char *type = challenges->list[i];
		WHERE("%s.challenges[%zu]", at, i);

		if (!conf_challenge_is_known(type))
			conf_error(errors, where, "\"%s\" is unknown: expected " CHALLENGES_KNOWN,
				QUOTE(span_str(type)));
		else if (is_one_of(type, (const char *const *)challenges->list, i))
			conf_error(errors, where, "\"%s\" is there twice", type);
	}
}

static void
check_attempts(const char *at, const struct conf_strings *attempts, struct conf_errors *errors)
{
	int64_t before = -1, s;

	for (size_t i = 0; i < attempts->count; i++) {
		WHERE("%s.validation_attempts[%zu]", at, i);

		if (!conf_time_parse(span_str(attempts->list[i]), &s))
			conf_error(errors, where, "\"%s\" is not a time such as \"5s\"",
				QUOTE(span_str(attempts->list[i])));
		else if (s > HOUR_S)
			conf_error(errors, where, "is more than 1h");
		else if (s <= before)
			conf_error(errors, where, "must be later than the attempt before it");
		else
			before = s;
	}
}

static void
check_hook(const char *at, const struct profile_conf *p, struct conf_errors *errors)
{
	struct url url;
	WHERE("%s.device_hook", at);

	check_path(where, p->device_hook, errors);
	if (p->device_hook && p->device_webhook)
		conf_error(errors, where, "cannot go with device_webhook: one is asked");
	snprintf(where, sizeof(where), "%s.device_webhook", at);
	if (p->device_webhook)
		conf_check_url(where, p->device_webhook, &url, errors);
	snprintf(where, sizeof(where), "%s.device_webhook_ca", at);
	check_path(where, p->device_webhook_ca, errors);
	if (p->device_webhook_ca && !p->device_webhook)
		conf_error(errors, where, "needs device_webhook");
	snprintf(where, sizeof(where), "%s.device_webhook_token", at);
	check_path(where, p->device_webhook_token, errors);
	if (p->device_webhook_token && !p->device_webhook)
		conf_error(errors, where, "needs device_webhook");
}

/* Issuer names of CAA records. */
static void
check_caa(const char *key, const struct conf_strings *names, struct conf_errors *errors)
{
	struct problem pr;

	for (size_t i = 0; i < names->count; i++) {
		WHERE("%s[%zu]", key, i);

		pr = (struct problem){ 0 };
		if (strpbrk(names->list[i], "*/:") || !policy_pattern_check(names->list[i], &pr))
			conf_error(errors, where, "\"%s\" is not a domain name",
				QUOTE(span_str(names->list[i])));
	}
}

/* What CAA records said is as old as the proof: 8 hours at most (Baseline Requirements 3.2.2.8). */
static void
check_profile_caa(const char *at, const struct profile_conf *p, struct conf_errors *errors)
{
	WHERE("%s.caa", at);

	check_caa(where, &p->caa, errors);
	snprintf(where, sizeof(where), "%s.valid_authz_lifetime", at);
	if (p->caa.count && p->valid_authz_s > 8 * HOUR_S)
		conf_error(errors, where, "is more than 8h, and CAA records must be looked at again by then");
}

static bool
has_challenge(const struct profile_conf *p, const char *type)
{
	return is_one_of(type, (const char *const *)p->challenges.list, p->challenges.count);
}

/* Can it prove by a record in the DNS? */
static bool
has_records(const struct profile_conf *p)
{
	return has_challenge(p, "dns-01") || has_challenge(p, "dns-account-01") || has_challenge(p, "dns-persist-01");
}

#define RECORDS_MISSING "dns-01, dns-account-01 or dns-persist-01, none of which is among challenges"

/* Devices' records name us. */
static void
check_persist(const struct gate_conf *conf, const char *at, const struct profile_conf *p, struct conf_errors *errors)
{
	WHERE("%s.challenges", at);

	if (!has_challenge(p, "dns-persist-01"))
		return;
	if (conf->caa_identities.count == 0)
		conf_error(errors, where, "dns-persist-01 needs caa_identities: the names that devices' records have for this gateway");
	if (conf->caa_identities.count > PERSIST_ISSUERS_MAX)
		conf_error(errors, where, "dns-persist-01 has no room for more than 10 caa_identities");
}

static void
check_subdomains(const char *at, const struct profile_conf *p, struct conf_errors *errors)
{
	WHERE("%s.subdomains", at);

	if (p->subdomains && !has_records(p))
		conf_error(errors, where, "a domain is proven by " RECORDS_MISSING);
	/* what the zones say is asked when a name is proven, and these names are not */
	if (p->subdomains && p->caa.count)
		conf_error(errors, where, "cannot go with caa, which is looked at for each name");
}

/* A CA of ours needs nothing but the CSR. */
static void
check_upstream_start(const struct gate_conf *conf, const char *at, const struct profile_conf *p, struct conf_errors *errors)
{
	WHERE("%s.upstream_start", at);
	bool has_acme = false;

	for (size_t i = 0; i < conf_profile_ca_count(p); i++) {
		const struct upstream_conf *u = conf_profile_ca(conf, p, i);

		/* of one that there is not the list itself is told */
		has_acme = has_acme || !u || u->driver == DRIVER_ACME;
	}
	if (p->upstream_start == UPSTREAM_START_READY && !has_acme)
		conf_error(errors, where, "a CA of driver local signs at finalize, and has nothing to begin before");
}

static void
check_profiles(const struct gate_conf *conf, struct conf_errors *errors)
{
	static const char *const types[] = { "dns", "ip", "permanent-identifier", "hardware-module" };
	static const char *const keys[] = { "p256", "p384", "p521", "ed25519", "rsa2048", "rsa3072",
		"rsa4096" };
	const struct profile_conf *list = conf->profiles.list;

	for (size_t i = 0; i < conf->profiles.count; i++) {
		const struct profile_conf *p = &list[i];
		char at[64];
		WHERE("profiles[%zu].wildcard", i);

		snprintf(at, sizeof(at), "profiles[%zu]", i);
		check_strings(at, "identifier_types", &p->identifier_types, types, COUNT_OF(types),
			"dns, ip, permanent-identifier or hardware-module", errors);
		check_strings(at, "key_types", &p->key_types, keys, COUNT_OF(keys),
			"p256, p384, p521, ed25519, rsa2048, rsa3072 or rsa4096", errors);
		check_challenges(at, &p->challenges, errors);
		check_attempts(at, &p->validation_attempts_text, errors);
		conf_profile_cas_check(conf, at, p, errors);
		check_upstream_start(conf, at, p, errors);
		check_profile_caa(at, p, errors);
		check_hook(at, p, errors);
		if (p->wildcard && !has_records(p))
			conf_error(errors, where, "a wildcard is proven by " RECORDS_MISSING);
		check_subdomains(at, p, errors);
		check_persist(conf, at, p, errors);
	}
	if (conf->profiles.count && conf->default_profile &&
		!conf_profile(conf, span_str(conf->default_profile)))
		conf_error(errors, "default_profile", "no entry of profiles is named \"%s\"",
			QUOTE(span_str(conf->default_profile)));
}

/* ---- upstreams ---- */

static void
check_local(const char *at, const struct upstream_conf *u, struct conf_errors *errors)
{
	const struct {
		const char *key;
		const void *value;
	} acme_only[] = { { "directory", u->directory }, { "ca_file", u->ca_file },
		{ "proxy", u->proxy }, { "contact", u->contact }, { "eab_kid", u->eab_kid },
		{ "eab_key", u->eab_key }, { "preferred_chain", u->preferred_chain }, { "ca", u->ca },
		{ "overrides", u->overrides.list }, { "preset", u->preset },
		{ "upstream_profile", u->upstream_profile }, { "challenges", u->challenges.list } };

	for (size_t i = 0; i < COUNT_OF(acme_only); i++) {
		WHERE("%s.%s", at, acme_only[i].key);

		if (acme_only[i].value)
			conf_error(errors, where,
				"is for driver \"acme\", this entry's driver is \"local\"");
	}
	if (u->kind == CA_KIND_PUBLIC) {
		WHERE("%s.kind", at);
		conf_error(errors, where, "nobody but you trusts a local CA: it is private");
	}
}

/* Whoever reaches it may read it, and what is counted is nobody's business outside. */
static void
check_metrics_listen(const struct conf_addrs *addrs, struct conf_errors *errors)
{
	static const struct net v4 = { { .family = AF_INET, .octet = { 127 } }, 8 };
	static const struct net v6 = { { .family = AF_INET6, .octet = { [15] = 1 } }, 128 };
	char text[ADDR_TEXT];

	for (size_t i = 0; i < addrs->count; i++) {
		if (!net_has(&v4, &addrs->list[i]) && !net_has(&v6, &addrs->list[i]))
			conf_error(errors, "metrics_listen", "%s is not an address of loopback (127.0.0.0/8, ::1)",
				addr_text(&addrs->list[i], text));
	}
}

static void
check_proxy(const char *where, const char *text, struct conf_errors *errors)
{
	struct problem pr = { 0 };
	struct url url;

	if (!url_parse(span_str(text), &url, &pr))
		conf_error(errors, where, "%s", pr.detail);
	else if (url.path.n > 1 || url.query.p)
		conf_error(errors, where, "expected http://HOST:PORT");
}

static void
check_contact(const char *where, const char *text, struct conf_errors *errors)
{
	const char *mailbox = text + strlen("mailto:"), *at;

	/* RFC 8555 7.3: one address, no hfields */
	if (strncmp(text, "mailto:", strlen("mailto:")) == 0 && !strpbrk(mailbox, " ,?;<>\"")) {
		at = strchr(mailbox, '@');
		if (at && at != mailbox && at[1] && !strchr(at + 1, '@'))
			return;
	}
	conf_error(errors, where, "\"%s\" is not mailto: and one address", QUOTE(span_str(text)));
}

static void
check_eab(const char *at, const struct upstream_conf *u, struct conf_errors *errors)
{
	static const char *const encodings[] = { "base64url", "base64", "double", "raw" };
	WHERE("%s.%s", at, u->eab_kid ? "eab_kid" : "eab_key");

	if (!u->eab_kid != !u->eab_key)
		conf_error(errors, where, "eab_kid and eab_key need each other");
	if (u->eab_key_encoding &&
		!is_one_of(u->eab_key_encoding, encodings, COUNT_OF(encodings))) {
		snprintf(where, sizeof(where), "%s.eab_key_encoding", at);
		conf_error(errors, where, "\"%s\" is none of base64url, base64, double and raw",
			QUOTE(span_str(u->eab_key_encoding)));
	}
}

static void
check_acme(const char *at, const struct upstream_conf *u, struct conf_errors *errors)
{
	struct url url;
	WHERE("%s.directory", at);

	if (u->directory)
		conf_check_url(where, u->directory, &url, errors);
	else if (!u->preset)
		conf_error(errors, where, "it or preset is required with driver \"acme\"");
	snprintf(where, sizeof(where), "%s.ca_name", at);
	if (u->ca_name)
		conf_error(
			errors, where, "is for driver \"local\", this entry's driver is \"acme\"");
	snprintf(where, sizeof(where), "%s.ca_file", at);
	check_path(where, u->ca_file, errors);
	snprintf(where, sizeof(where), "%s.proxy", at);
	if (u->proxy)
		check_proxy(where, u->proxy, errors);
	snprintf(where, sizeof(where), "%s.contact", at);
	if (u->contact)
		check_contact(where, u->contact, errors);
	check_eab(at, u, errors);
	conf_preset_check(at, u, errors);
	gate_conf_check_limits(at, u, errors);
}

static void
check_upstreams(const struct gate_conf *conf, struct conf_errors *errors)
{
	const struct upstream_conf *list = conf->upstreams.list;

	for (size_t i = 0; i < conf->upstreams.count; i++) {
		char at[64];

		snprintf(at, sizeof(at), "upstreams[%zu]", i);
		/* without its name the entry had faults enough, the driver may be one of them */
		if (!list[i].name)
			continue;
		if (list[i].driver == DRIVER_LOCAL)
			check_local(at, &list[i], errors);
		else
			check_acme(at, &list[i], errors);
	}
}

/* ---- the rest ---- */

static void
check_store(const struct gate_conf *conf, struct conf_errors *errors)
{
	const char *s = conf->store;

	if (!s || !*s || strncmp(s, "sqlite:/", 8) == 0 || strncmp(s, "postgresql://", 13) == 0 ||
		strncmp(s, "postgres://", 11) == 0 ||
		(strncmp(s, "sqlite:", 7) != 0 && strchr(s, '=')))
		return;
	/* not quoted: a connection string may have a password in it */
	conf_error(errors, "store",
		"expected sqlite:/PATH, postgresql://... or a connection string of PostgreSQL");
}

static void
check_files(const struct gate_conf *conf, struct conf_errors *errors)
{
	check_path("state_dir", conf->state_dir, errors);
	check_path("tls_cert", conf->tls_cert, errors);
	check_path("tls_key", conf->tls_key, errors);
	check_path("public_suffix_list", conf->public_suffix_list, errors);
	check_path("admin_socket", conf->admin_socket, errors);
	check_path("rate_card", conf->rate_card, errors);
	check_metrics_listen(&conf->metrics_listen, errors);
	if (conf->tls_upstream && *conf->tls_upstream) {
		const struct upstream_conf *u = conf_upstream(conf, conf->tls_upstream);

		if (conf->tls_cert && *conf->tls_cert)
			conf_error(errors, "tls_upstream", "cannot go with tls_cert");
		if (!u || u->driver != DRIVER_ACME)
			conf_error(errors, "tls_upstream", "\"%s\" is no upstream with driver acme",
				QUOTE(span_str(conf->tls_upstream)));
	}
	if (conf->tls_cert && conf->tls_key && !*conf->tls_cert != !*conf->tls_key)
		conf_error(errors, *conf->tls_cert ? "tls_cert" : "tls_key",
			"tls_cert and tls_key need each other");
}

void
gate_conf_check(const struct gate_conf *conf, struct conf_errors *errors)
{
	enum log_level level;

	check_external_url(conf, errors);
	check_files(conf, errors);
	check_store(conf, errors);
	if (conf->node && *conf->node && !is_name(conf->node))
		conf_error(errors, "node", "\"%s\" is no name", QUOTE(span_str(conf->node)));
	check_page("terms_of_service", conf->terms_of_service, errors);
	if (conf->require_current_terms && !conf->terms_of_service)
		conf_error(errors, "require_current_terms", "needs terms_of_service");
	check_page("website", conf->website, errors);
	if (conf->renewal_explanation && conf->renewal_explanation[0])
		check_page("renewal_explanation", conf->renewal_explanation, errors);
	check_caa("caa_identities", &conf->caa_identities, errors);
	if (conf->log_level && !log_level_parse(span_str(conf->log_level), &level))
		conf_error(errors, "log_level",
			"\"%s\" is none of error, warning, notice, info and debug",
			QUOTE(span_str(conf->log_level)));
	check_names(&conf->profiles, sizeof(struct profile_conf), "profiles", errors);
	check_names(&conf->upstreams, sizeof(struct upstream_conf), "upstreams", errors);
	check_names(&conf->solvers, sizeof(struct solver_conf), "solvers", errors);
	check_names(&conf->rules, sizeof(struct rule_conf), "rules", errors);
	check_names(&conf->tenants, sizeof(struct tenant_conf), "tenants", errors);
	check_names(&conf->quotas, sizeof(struct quota_conf), "quotas", errors);
	conf_tenants_check(conf, errors);
	check_profiles(conf, errors);
	check_upstreams(conf, errors);
	conf_policy_check(conf, errors);
	check_names(&conf->attestation_trust, sizeof(struct trust_conf), "attestation_trust", errors);
	check_names(&conf->maintenance, sizeof(struct maintenance_conf), "maintenance", errors);
	conf_solvers_check(conf, errors);
	conf_trust_check(conf, errors);
	conf_device_check(conf, errors);
	conf_audit_check(conf, errors);
}
