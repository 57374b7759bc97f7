/* Tables, what an order asks of each limit, keys, and what a refusal says. */
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "quota/quota.h"
#include "tap.h"

#define DAY 86400

static void
tables(void)
{
	struct quota_rate r = quota_table_rate(QUOTA_TABLE_LETSENCRYPT, QUOTA_DOMAIN);
	enum quota_kind kind;
	bool named = true;
	struct gcra g;

	ok(gcra_make(r.count, r.burst, r.period_s, &g) && g.emission_ns == 12096 * NS_PER_S, "certificates of a domain: one each 12,096 s");
	r = quota_table_rate(QUOTA_TABLE_LETSENCRYPT, QUOTA_SET);
	ok(gcra_make(r.count, r.burst, r.period_s, &g) && g.emission_ns == 120960 * NS_PER_S, "of a set: one each 120,960 s");
	r = quota_table_rate(QUOTA_TABLE_LETSENCRYPT, QUOTA_ORDERS);
	ok(gcra_make(r.count, r.burst, r.period_s, &g) && g.emission_ns == 36 * NS_PER_S, "orders: one each 36 s");
	r = quota_table_rate(QUOTA_TABLE_LETSENCRYPT, QUOTA_FAIL);
	ok(gcra_make(r.count, r.burst, r.period_s, &g) && g.emission_ns == 720 * NS_PER_S && g.burst == 5, "failed proofs: one each 720 s");
	r = quota_table_rate(QUOTA_TABLE_LETSENCRYPT, QUOTA_FAIL_PAUSE);
	ok(r.count == 1 && r.burst == 1152 && r.period_s == DAY, "in a row: 1,152, one a day");
	is_int(quota_table_rate(QUOTA_TABLE_NONE, QUOTA_ORDERS).count, 0, "of an unknown CA nothing is known");
	is_int(quota_table_rate(QUOTA_TABLE_LETSENCRYPT, QUOTA_DOMAIN_ACCT).count, 0, "an account has no limit of its own until it is agreed");
	is_int(quota_table_of("https://acme-v02.api.letsencrypt.org/directory"), QUOTA_TABLE_LETSENCRYPT, "Let's Encrypt is known by its URL");
	is_int(quota_table_of("https://acme-staging-v02.api.letsencrypt.org/directory"), QUOTA_TABLE_LETSENCRYPT_STAGING, "its staging, too");
	is_int(quota_table_of("https://acme-v02.api.letsencrypt.org.evil.example/directory"), QUOTA_TABLE_NONE, "another host is another CA");
	is_int(quota_table_of(NULL), QUOTA_TABLE_NONE, "without a URL there is no table");
	for (int i = 0; i < QUOTA_KIND__COUNT; i++)
		named = named && quota_kind_parse(span_str(quota_kind_name((enum quota_kind)i)), &kind) && kind == (enum quota_kind)i;
	ok(named, "each kind is found by its name");
	ok(!quota_kind_parse(SPAN("certs"), &kind), "and nothing else");
}

static void
kept(void)
{
	is_int(quota_kept(QUOTA_DOMAIN, 50, 10, 20, false), 15, "of 50 certificates of a domain 15 are kept from what can wait");
	is_int(quota_kept(QUOTA_DOMAIN, 50, 10, 20, true), 5, "and 5 from what cannot");
	is_int(quota_kept(QUOTA_ORDERS, 300, 10, 20, false), 30, "of 300 orders 30");
	is_int(quota_kept(QUOTA_SET, 5, 10, 20, false), 0, "of 5 certificates of a set none: half a token is no token");
	is_int(quota_kept(QUOTA_FAIL, 5, 10, 20, true), 2, "of 5 failures two are left to a person");
	is_int(quota_kept(QUOTA_DOMAIN, INT64_MAX / 200, 10, 20, false) > 0, 1, "no overflow");
}

static void
classes(void)
{
	const int64_t now = 1800000000;

	is_int(quota_classify(false, 0, 0, 0, now), QUOTA_NEW, "a set that was never issued is new");
	is_int(quota_classify(false, 0, 0, now - 119 * DAY, now), QUOTA_EXACT, "issued 119 days ago: the exact set");
	is_int(quota_classify(false, 0, 0, now - 120 * DAY, now), QUOTA_NEW, "120 days ago: no more");
	is_int(quota_classify(true, now - 10, now + 10, 0, now), QUOTA_ARI, "replaces within the window");
	is_int(quota_classify(true, now - 10, now + 10, now - DAY, now), QUOTA_ARI_EXACT, "the same, and an exact set");
	is_int(quota_classify(true, now, now + 10, 0, now), QUOTA_ARI, "which its start belongs to");
	is_int(quota_classify(true, now - 10, now, 0, now), QUOTA_NEW, "and its end does not");
	is_int(quota_classify(true, now + 1, now + 10, now - DAY, now), QUOTA_EXACT, "too early: only as an exact set");
	is_int(quota_classify(true, now - 3600, now - 1800, now - DAY, now), QUOTA_EXACT, "revoked or in an incident: the window is past, an exact set it may be");
	is_int(quota_classify(false, now - 10, now + 10, now - DAY, now), QUOTA_EXACT, "within the window but without replaces: by no means ARI");
}

/* Boulder's transactions: mode at newOrder, '-' = not asked, 'B' check and spend, 'C' check, 'S' spend. */
static void
transactions(void)
{
	static const struct {
		const char *name;
		enum quota_class class;
		bool acct;
		const char *modes; /* orders, domain, domain of the account, set, fail, pause */
	} rows[] = {
		{ "a new set: all is checked", QUOTA_NEW, false, "BB-BCC" },
		{ "an exact set: neither order nor domain", QUOTA_EXACT, false, "---BCC" },
		{ "ARI: nothing is checked, what is issued is spent", QUOTA_ARI, false, "-S-S--" },
		{ "ARI of an exact set: nor is its domain spent", QUOTA_ARI_EXACT, false, "---S--" },
		{ "a new set, the account has its own limit: it decides", QUOTA_NEW, true, "BSBBCC" },
		{ "an exact set of such an account", QUOTA_EXACT, true, "---BCC" },
		{ "ARI of such an account", QUOTA_ARI, true, "-SSS--" },
		{ "ARI of an exact set of such an account", QUOTA_ARI_EXACT, true, "---S--" },
	};
	static const char letters[] = { [QUOTA_CHECK_AND_SPEND] = 'B', [QUOTA_CHECK] = 'C', [QUOTA_SPEND] = 'S' };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char got[8] = "";
		enum quota_mode mode;

		for (int k = QUOTA_ORDERS; k <= QUOTA_FAIL_PAUSE; k++)
			got[k] = quota_at_new_order(rows[i].class, (enum quota_kind)k, rows[i].acct, &mode) ? letters[mode] : '-';
		is_str(got, rows[i].modes, "%s", rows[i].name);
	}
}

static void
domains(void)
{
	static const struct { enum ident_type type; const char *name, *domain; } rows[] = {
		{ IDENT_DNS, "a.b.example.com", "example.com" },
		{ IDENT_DNS, "example.com", "example.com" },
		{ IDENT_DNS, "*.example.co.uk", "example.co.uk" },
		{ IDENT_DNS, "a.b.example.co.uk", "example.co.uk" },
		/* the private section: each user of a hoster has a bucket */
		{ IDENT_DNS, "x.joe.github.io", "joe.github.io" },
		{ IDENT_DNS, "github.io", "github.io" },
		{ IDENT_DNS, "com", "com" },
		{ IDENT_DNS, "gate.corp.unlisted", "corp.unlisted" },
		{ IDENT_DNS, "a.b.city.kawasaki.jp", "city.kawasaki.jp" },
		{ IDENT_DNS, "a.b.c.kobe.jp", "b.c.kobe.jp" },
		{ IDENT_DNS, "www.xn--55qx5d.cn", "www.xn--55qx5d.cn" },
		{ IDENT_DNS, "a.www.xn--55qx5d.cn", "www.xn--55qx5d.cn" },
		{ IDENT_IP, "192.0.2.7", "192.0.2.7" },
		{ IDENT_IP, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
		{ IDENT_IP, "2001:db8:1:2::1", "2001:db8:1:2::/64" },
	};
	struct problem pr = { 0 };
	struct psl *psl = NULL;
	char key[QUOTA_KEY_TEXT], path[] = "/tmp/test_quota.XXXXXX";
	struct ident id;
	int fd;

	if (!ok(psl_open("", &psl, &pr), "the system's list opens"))
		return;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		id = (struct ident){ .type = rows[i].type };
		strcpy(id.value, rows[i].name);
		is_str(psl_domain(psl, &id, key) ? key : "none", rows[i].domain, "%s is of %s", rows[i].name, rows[i].domain);
	}
	id = (struct ident){ .type = IDENT_PERMANENT, .value = "SN-1" };
	ok(!psl_domain(psl, &id, key), "a device is of no domain");
	psl_close(psl);

	ok(!psl_open("/nonexistent/list", &psl, &pr), "a file that is not there is a fault, not an empty list");
	fd = mkstemp(path);
	ok(fd >= 0 && !psl_open(path, &psl, &pr), "an empty file, too");
	if (fd >= 0 && write(fd, "com\ncorp.example\n", 17) == 17 && ok(psl_open(path, &psl, &pr), "a list of one's own opens")) {
		id = (struct ident){ .type = IDENT_DNS, .value = "a.b.corp.example" };
		is_str(psl_domain(psl, &id, key) ? key : "none", "b.corp.example", "and says what it says");
		psl_close(psl);
	}
	if (fd >= 0)
		close(fd);
	unlink(path);
	ok(quota_domain_has("corp.example", "a.corp.example") && quota_domain_has("corp.example", "corp.example"), "a domain has itself and what is below");
	ok(!quota_domain_has("corp.example", "evilcorp.example") && !quota_domain_has("", "a") && !quota_domain_has("a.b", "b"), "and nothing else");
}

#define SEE " in the last 168h0m0s, retry after 2026-11-24 16:20:00 UTC: see https://letsencrypt.org/docs/rate-limits/"

static void
refusals(void)
{
	static const struct {
		const char *text;
		enum quota_kind kind;
		int64_t n, period_s;
		const char *subject;
		bool registration;
	} rows[] = {
		{ "too many new orders (300) from this account in the last 3h0m0s, retry after 2026-11-24 16:20:00 UTC: see "
		  "https://letsencrypt.org/docs/rate-limits/#new-orders-per-account", QUOTA_ORDERS, 300, 10800, "", false },
		{ "too many certificates (50) already issued for \"corp.example\"" SEE "#new-certificates-per-registered-domain",
			QUOTA_DOMAIN, 50, 7 * DAY, "corp.example", false },
		{ "too many certificates (50) already issued for \"2001:db8::/64\"" SEE "#new-certificates-per-registered-domain",
			QUOTA_DOMAIN, 50, 7 * DAY, "2001:db8::/64", false },
		{ "too many certificates (5) already issued for this exact set of identifiers" SEE "#new-certificates-per-exact-set-of-identifiers",
			QUOTA_SET, 5, 7 * DAY, "", false },
		{ "too many failed authorizations (5) for \"*.corp.example\" in the last 1h0m0s, retry after 2026-11-24 16:20:00 UTC: see "
		  "https://letsencrypt.org/docs/rate-limits/#authorization-failures-per-identifier-per-account", QUOTA_FAIL, 5, 3600,
			"*.corp.example", false },
		{ "too many new registrations (10) from this IP address in the last 3h0m0s, retry after x: see "
		  "https://letsencrypt.org/docs/rate-limits/#new-registrations-per-ip-address", QUOTA_ORDERS, 10, 10800, "", true },
		/* the words alone */
		{ "too many certificates (12) already issued for \"corp.example\" in the last 2h, later", QUOTA_DOMAIN, 12, 7200, "corp.example", false },
		{ "too many certificates (5) already issued for this exact set of identifiers in the last 90s", QUOTA_SET, 5, 90, "", false },
		/* half a rate is none, and a subject that is none */
		{ "too many new orders (many) from this account in the last 3h0m0s", QUOTA_ORDERS, 0, 0, "", false },
		{ "too many new orders (5) from this account", QUOTA_ORDERS, 0, 0, "", false },
		{ "too many new orders (0) from this account in the last 3h", QUOTA_ORDERS, 0, 0, "", false },
		{ "too many certificates (5) already issued for \"a b\" in the last 1h", QUOTA_DOMAIN, 5, 3600, "", false },
		/* the anchor is believed, not the words */
		{ "too many new orders (5), in the last 1h0m0s, see https://ca.example/docs/rate-limits/#new-certificates-per-exact-set-of-identifiers",
			QUOTA_SET, 5, 3600, "", false },
	};
	static const char *const none[] = { "", "Service busy; retry later.", "over quota (30 requests in 60 seconds)", "rate limited",
		"too many new orders (3) in the last 1h: see https://letsencrypt.org/docs/rate-limits/#something-new" };
	struct quota_refusal r;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		bool good = quota_refusal_read(span_str(rows[i].text), &r);

		ok(good && r.kind == rows[i].kind && r.rate.count == rows[i].n && r.rate.burst == rows[i].n && r.rate.period_s == rows[i].period_s &&
				strcmp(r.subject, rows[i].subject) == 0 && r.is_registration == rows[i].registration && !r.is_paused,
			"refusal: %.80s", rows[i].text);
	}
	for (size_t i = 0; i < COUNT_OF(none); i++)
		ok(!quota_refusal_read(span_str(none[i]), &r), "says nothing: \"%s\"", none[i]);
	ok(quota_refusal_read(SPAN("Your account is temporarily prevented from requesting certificates for a.example. Please visit: x?jwt=y"), &r) &&
			r.is_paused && r.kind == QUOTA_FAIL_PAUSE && r.rate.count == 0, "a pause is known");
}

static void
durations(void)
{
	static const struct { const char *text; int64_t s; } rows[] = {
		{ "168h0m0s", 604800 }, { "3h0m0s", 10800 }, { "1h", 3600 }, { "1m30s", 90 }, { "45s", 45 }, { "0s", 0 }, { "", -1 }, { "h", -1 },
		{ "5", -1 }, { "1s1h", -1 }, { "1h1h", -1 }, { "-1h", -1 }, { "1.5h", -1 }, { "87600h", 315360000 }, { "87601h", -1 },
		{ "99999999999999999999h", -1 }, { "87600h1s", -1 },
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t s = -1;

		is_int(quota_duration_read(span_str(rows[i].text), &s) ? s : -1, rows[i].s, "duration \"%s\"", rows[i].text);
	}
}

int
main(void)
{
	tables();
	kept();
	classes();
	transactions();
	domains();
	refusals();
	durations();
	return done_testing();
}
