/* The CAs of a profile: presets and what goes before them, which of several CAs takes what is ordered, and what must be refused. */
#include <stdlib.h>

#include "gate/conf.h"

#include "tap.h"

#define EAB " eab_kid = \"k\"; eab_key = \"file:/k\";"

static struct gate_conf *
load(const char *profile, const char *entries, struct conf_errors *errors)
{
	AUTO_FREE char *text = xasprintf("external_url = \"https://acme.corp.example\";\n"
		"profiles = ( { name = \"default\"; %s } );\n"
		"upstreams = ( { name = \"local\"; driver = \"local\"; },\n%s );\n"
		"rules = ( { name = \"all\"; names = [ \"*\" ]; } );\n", profile, entries);

	return gate_conf_load_text("t", span_str(text), errors);
}

/* ---- presets ---- */

static void
test_table(void)
{
	for (size_t i = 0; ca_preset_at(i); i++) {
		const struct ca_preset *p = ca_preset_at(i);
		struct conf_errors errors = CONF_ERRORS;
		AUTO_FREE char *entry = xasprintf("{ name = \"ca\"; driver = \"acme\"; preset = \"%s\";%s contact = \"mailto:a@b.c\";%s }", p->name,
			p->directory ? "" : " directory = \"https://ca.example/u/directory\";", p->needs_eab ? EAB : "");
		struct gate_conf *conf = load("upstream = \"ca\";", entry, &errors);
		const struct upstream_conf *u = conf ? conf_upstream(conf, "ca") : NULL;

		ok(ca_preset_find(p->name) == p, "%s is found by its name", p->name);
		if (ok(u, "  with what it demands it makes an entry"))
			ok(u->directory && u->kind == CA_KIND_PUBLIC && u->request_ms >= CA_REQUEST_MS, "  that is complete");
		is_str(buf_cstr(&errors.text), "", "  without errors");
		gate_conf_unref(conf);
		conf_errors_done(&errors);
	}
	ok(!ca_preset_find("buypass") && !ca_preset_find(NULL), "others are not known");
}

static void
test_written(void)
{
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = load("upstream = \"le\";",
		"{ name = \"le\"; driver = \"acme\"; preset = \"letsencrypt\"; },\n"
		"{ name = \"mine\"; driver = \"acme\"; preset = \"letsencrypt\"; directory = \"https://ca.example/dir\"; max_names = 7;\n"
		"  addresses = \"yes\"; covered_names = \"yes\"; not_after = \"yes\"; limits = \"none\"; kind = \"private\"; request = \"7s\"; },\n"
		"{ name = \"short\"; driver = \"acme\"; preset = \"letsencrypt\"; upstream_profile = \"shortlived\"; },\n"
		"{ name = \"har\"; driver = \"acme\"; preset = \"harica\"; directory = \"https://h.example/d\"; contact = \"mailto:a@b.c\";" EAB " },\n"
		"{ name = \"plain\"; driver = \"acme\"; directory = \"https://p.example/d\"; challenges = [ \"dns-01\" ]; }", &errors);
	const struct upstream_conf *le, *mine;
	struct profile_conf tls = { .upstream_profile = (char *)"tlsserver" };
	struct ca_facts f;

	is_str(buf_cstr(&errors.text), "", "a list of entries is good");
	if (!ok(conf, "and read"))
		return;
	le = conf_upstream(conf, "le");
	mine = conf_upstream(conf, "mine");
	is_str(le->directory, "https://acme-v02.api.letsencrypt.org/directory", "the preset knows the directory");
	is_str(le->ca, "acme-v02.api.letsencrypt.org", "from which the label comes");
	is_int(conf_limit_rate(le, QUOTA_DOMAIN, NULL).count, 50, "and the limits");
	conf_ca_facts(le, NULL, &f);
	ok(f.max_names == 100 && f.addresses == KNOWN_NO && f.covered_names == KNOWN_NO && f.client_auth == KNOWN_NO && !f.profile, "and what the CA does");
	conf_ca_facts(le, &tls, &f);
	ok(f.max_names == 25 && f.addresses == KNOWN_NO, "by the profile that is asked for");
	is_str(f.profile, "tlsserver", "which is named");
	conf_ca_facts(conf_upstream(conf, "short"), NULL, &f);
	ok(f.max_names == 25 && f.addresses == KNOWN_YES, "or by that of the entry");
	conf_ca_facts(conf_upstream(conf, "short"), &tls, &f);
	is_str(f.profile, "tlsserver", "where ours says none");
	conf_ca_facts(mine, NULL, &f);
	ok(f.max_names == 7 && f.addresses == KNOWN_YES && f.covered_names == KNOWN_YES && f.not_after == KNOWN_YES && mine->kind == CA_KIND_PRIVATE &&
			mine->request_ms == 7000 && strcmp(mine->directory, "https://ca.example/dir") == 0,
		"what is written goes before all of it");
	is_int(conf_limit_rate(mine, QUOTA_DOMAIN, NULL).count, 0, "the limits, too");
	conf_ca_facts(conf_upstream(conf, "har"), NULL, &f);
	ok(f.replaces == KNOWN_NO && f.max_names == 0 && f.addresses == KNOWN_AUTO && f.client_auth == KNOWN_AUTO, "what a preset does not know stays unknown");
	ok(conf_upstream(conf, "local")->kind == CA_KIND_PRIVATE, "the local CA is private");
	ok(conf_ca_has_challenge(conf_upstream(conf, "har"), "dns-01") && !conf_ca_has_challenge(conf_upstream(conf, "har"), "dns-persist-01"),
		"a preset may know the challenges");
	ok(conf_ca_has_challenge(conf_upstream(conf, "plain"), "dns-01") && !conf_ca_has_challenge(conf_upstream(conf, "plain"), "http-01") &&
			conf_ca_has_challenge(le, "http-01"),
		"or the entry says them, or all are tried");
	gate_conf_unref(conf);
	conf_errors_done(&errors);
}

/* ---- which of several ---- */

#define TWO "upstreams = [ \"le\", \"zero\" ];"
#define ENTRIES                                                                                        \
	"{ name = \"le\"; driver = \"acme\"; preset = \"letsencrypt\"; },"                                 \
	"{ name = \"zero\"; driver = \"acme\"; preset = \"zerossl\";" EAB " },"                            \
	"{ name = \"goog\"; driver = \"acme\"; preset = \"google\";" EAB " },"                             \
	"{ name = \"corp\"; driver = \"acme\"; directory = \"https://c.example/d\"; kind = \"private\"; }"

static const struct {
	const char *profile, *names; /* as idents_read has them */
	int64_t not_before, not_after;
	const char *want;            /* the CA, or why there is none */
	enum problem_kind kind;
} choices[] = {
	{ TWO, "dns:a.example", 0, 0, "le", 0 },
	{ TWO, "dns:*.a.example,dns:a.example", 0, 0, "le", 0 },
	{ TWO, "dns:*.a.example,dns:b.a.example", 0, 0, "zero", 0 },
	{ TWO, "dns:*.a.example,dns:c.b.a.example", 0, 0, "le", 0 },
	{ "upstream = \"le\";", "dns:*.a.example,dns:b.a.example", 0, 0, "the CA (le) refuses \"b.a.example\" beside the wildcard that covers it: leave it out", PROBLEM_MALFORMED },
	{ TWO, "ip:10.0.0.1", 0, 0, "the CA (le) issues no certificates for addresses, such as \"10.0.0.1\"", PROBLEM_UNSUPPORTED_IDENTIFIER },
	{ "upstreams = [ \"zero\", \"goog\" ];", "ip:10.0.0.1", 0, 0, "goog", 0 },
	{ TWO, "dns:a.example", 0, 2000000000, "notBefore and notAfter are not supported by profile \"default\"", PROBLEM_MALFORMED },
	{ "upstreams = [ \"le\", \"goog\" ];", "dns:a.example", 0, 2000000000, "goog", 0 },
	{ "upstreams = [ \"le\", \"goog\" ];", "dns:a.example", 1900000000, 2000000000, "notBefore and notAfter are not supported by profile \"default\"", PROBLEM_MALFORMED },
	{ "upstreams = [ \"le\", \"goog\" ];", "", 0, 0, "identifiers has only devices, which the CA of profile \"default\" must not learn of: a name is wanted besides", PROBLEM_REJECTED_IDENTIFIER },
	{ "upstreams = [ \"le\", \"local\" ]; failover_kind = \"any\";", "ip:10.0.0.1", 0, 0, "local", 0 },
	{ "upstreams = [ \"le\", \"local\" ]; failover_kind = \"any\";", "dns:a.example", 1900000000, 0, "local", 0 },
	{ "upstream = \"local\";", "", 1, 1, "local", 0 },
};

static void
test_choices(void)
{
	for (size_t i = 0; i < COUNT_OF(choices); i++) {
		struct conf_errors errors = CONF_ERRORS;
		struct gate_conf *conf = load(choices[i].profile, ENTRIES, &errors);
		struct idents names = { 0 };
		struct ca_wish wish = { &names, choices[i].not_before, choices[i].not_after };
		const struct upstream_conf *u;
		struct problem why = { 0 };

		is_str(buf_cstr(&errors.text), "", "a profile with %s", choices[i].profile);
		if (conf && idents_read(span_str(choices[i].names), &names)) {
			u = conf_ca_choose(conf, conf_profile(conf, SPAN("default")), &wish, &why);
			is_str(u ? u->name : why.detail, choices[i].want, "  %s: who takes it", choices[i].names);
			ok(u || why.kind == choices[i].kind, "  or a refusal of the right type");
		}
		idents_done(&names);
		gate_conf_unref(conf);
		conf_errors_done(&errors);
	}
}

static void
test_counts(void)
{
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *conf = load(TWO " upstream_profile = \"tlsserver\";", ENTRIES, &errors);
	const struct profile_conf *p = conf_profile(conf, SPAN("default"));
	struct idents names = { 0 };
	struct ca_wish wish = { .names = &names };
	struct problem why = { 0 };

	for (int i = 0; i < 25; i++) {
		struct ident id = { IDENT_DNS, "" };

		snprintf(id.value, sizeof(id.value), "h%d.example", i);
		idents_add(&names, &id);
	}
	is_str(conf_ca_choose(conf, p, &wish, &why)->name, "le", "25 names are not too many");
	idents_add(&names, &(struct ident){ IDENT_DNS, "one.more.example" });
	is_str(conf_ca_choose(conf, p, &wish, &why)->name, "zero", "26 are, and another takes them");
	is_str(why.detail, "the CA (le) takes at most 25 names in a certificate, not 26", "the reason is told");
	idents_done(&names);
	is_int(conf_profile_ca_count(p), 2, "two CAs");
	is_str(conf_profile_ca(conf, p, 1)->name, "zero", "in their order");
	ok(conf_fails_over(p, FAILOVER_OUTAGE) && conf_fails_over(p, FAILOVER_LIMIT) && conf_fails_over(p, FAILOVER_ACCOUNT) &&
			!conf_fails_over(p, FAILOVER_REJECTED) && !conf_fails_over(p, FAILOVER_CAA),
		"what a CA refuses is told to the device, what it cannot goes to the next, if nothing else is said");
	ok(p->failover_outage_s == 30 && p->failover_limit_s == 3600, "after a while");
	gate_conf_unref(conf);
	conf_errors_done(&errors);
}

/* ---- refusals ---- */

static const struct {
	const char *profile, *entry, *want;
} refusals[] = {
	{ "upstream = \"le\"; upstreams = [ \"le\" ];", NULL, "t:2: profiles[0].upstream: cannot go with upstreams, which is a list of them\n" },
	{ "upstreams = [ ];", NULL, "t:2: profiles[0].upstream: it or upstreams is required: who issues?\n" },
	{ "upstreams = [ \"le\", \"x\" ];", NULL, "t:2: profiles[0].upstreams[1]: no entry of upstreams is named \"x\"\n" },
	{ "upstreams = [ \"le\", \"zero\", \"le\" ];", NULL, "t:2: profiles[0].upstreams[2]: \"le\" is there twice\n" },
	{ "upstreams = [ \"local\", \"corp\" ];", NULL, "t:2: profiles[0].upstreams[0]: the local CA does all that it is asked for: none after it is ever asked\n" },
	{ "upstreams = [ \"le\", \"local\" ];", NULL, "t:2: profiles[0].upstreams[1]: \"local\" is private and the first one is not: it is asked only with failover_kind = \"any\"\n" },
	{ "upstreams = [ \"le\", \"corp\" ];", NULL, "t:2: profiles[0].upstreams[1]: \"corp\" is private and the first one is not: it is asked only with failover_kind = \"any\"\n" },
	{ "upstreams = [ \"corp\", \"le\" ];", NULL, "t:2: profiles[0].upstreams[1]: \"le\" is public and the first one is not: it is asked only with failover_kind = \"any\"\n" },
	{ "upstream = \"local\"; upstream_start = \"ready\";", NULL, "t:2: profiles[0].upstream_start: a CA of driver local signs at finalize, and has nothing to begin before\n" },
	{ TWO " failover = [ \"outage\", \"weather\" ];", NULL, "t:2: profiles[0].failover[1]: \"weather\" is none of outage, limit, account, rejected and caa\n" },
	{ "upstreams = [ \"local\" ]; upstream_profile = \"x\";", NULL, "t:2: profiles[0].upstream_profile: the local CA has no profiles\n" },
	{ TWO, "{ name = \"x\"; driver = \"acme\"; preset = \"letsencript\"; }", "t:4: upstreams[5].preset: \"letsencript\" is no CA that is known by name; `acmegatectl config keys` lists them\n" },
	{ TWO, "{ name = \"x\"; driver = \"acme\"; preset = \"google\"; eab_kid = \"k\"; }", "t:4: upstreams[5].eab_kid: eab_kid and eab_key need each other\n" },
	{ TWO, "{ name = \"x\"; driver = \"acme\"; preset = \"sslcom\";" EAB " }", "t:4: upstreams[5].contact: sslcom issues nothing to an account without a contact: it is required\n" },
	{ TWO, "{ name = \"x\"; driver = \"acme\"; preset = \"harica\"; contact = \"mailto:a@b.c\";" EAB " }",
		"t:4: upstreams[5].directory: harica gives each customer a directory of his own: it is required\n" },
	{ TWO, "{ name = \"x\"; driver = \"acme\"; directory = \"https://x.example/d\"; challenges = [ \"device-attest-01\" ]; }",
		"t:4: upstreams[5].challenges[0]: \"device-attest-01\" is none of http-01, tls-alpn-01, dns-01 and dns-persist-01\n" },
	{ TWO, "{ name = \"x\"; driver = \"local\"; kind = \"public\"; }", "t:4: upstreams[5].kind: nobody but you trusts a local CA: it is private\n" },
	{ TWO, "{ name = \"x\"; driver = \"local\"; preset = \"google\"; }", "t:4: upstreams[5].preset: is for driver \"acme\", this entry's driver is \"local\"\n" },
};

static void
test_refusals(void)
{
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct conf_errors errors = CONF_ERRORS;
		AUTO_FREE char *entries = xasprintf("%s%s%s", ENTRIES, refusals[i].entry ? "," : "", refusals[i].entry ? refusals[i].entry : "");
		struct gate_conf *conf = load(refusals[i].profile, entries, &errors);

		ok(!conf, "refused: %s %s", refusals[i].profile, refusals[i].entry ? refusals[i].entry : "");
		is_str(buf_cstr(&errors.text), refusals[i].want, "  with its place");
		gate_conf_unref(conf);
		conf_errors_done(&errors);
	}
}

/* A profile's list may change while running, in all ways; the entries that it names are made at the start. */
static void
test_reload(void)
{
	static const struct {
		const char *profile, *entry, *want;
	} cases[] = {
		{ "upstreams = [ \"zero\", \"le\", \"goog\" ]; failover = [ \"caa\" ];", "", "" },
		{ "upstream = \"goog\";", "", "" },
		{ TWO, ", { name = \"more\"; driver = \"acme\"; preset = \"letsencrypt\"; }",
			"t:3: upstreams: cannot change while running: running with 5 entries, the file has 6\n" },
	};
	struct conf_errors errors = CONF_ERRORS;
	struct gate_conf *running = load(TWO, ENTRIES, &errors);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf_errors found = CONF_ERRORS;
		AUTO_FREE char *entries = xasprintf("%s%s", ENTRIES, cases[i].entry);
		struct gate_conf *next = load(cases[i].profile, entries, &found);

		ok(next && gate_conf_may_reload(running, next, &found) == !*cases[i].want, "%s reload: %s %s",
			*cases[i].want ? "needs more than a" : "is fine with a", cases[i].profile, cases[i].entry);
		is_str(buf_cstr(&found.text), cases[i].want, "  as is told");
		gate_conf_unref(next);
		conf_errors_done(&found);
	}
	gate_conf_unref(running);
	conf_errors_done(&errors);
}

int
main(void)
{
	test_table();
	test_written();
	test_choices();
	test_counts();
	test_refusals();
	test_reload();
	return done_testing();
}
