/* test_object.c - what a CA sends, good and hostile. */
#include "acme/object.h"

#include <stdlib.h>

#include "tap.h"

static const char DIRECTORY[] =
	"{\"newNonce\":\"https://ca.test/nonce\",\"newAccount\":\"https://ca.test/acct?a=1&b=\","
	"\"newOrder\":\"https://ca.test/order/\",\"keyChange\":5,\"revokeCert\":\"ftp://ca.test/"
	"x\","
	"\"renewalInfo\":\"https://ca.test/ari\",\"kD3mVd\":\"https://community.test/\",\"meta\":{"
	"\"termsOfService\":\"https://ca.test/tos\",\"website\":7,\"externalAccountRequired\":true,"
	"\"caaIdentities\":[\"ca.test\",9,\"ca2.test\"],\"profiles\":{\"classic\":\"usual\","
	"\"short\":{},\"\":\"x\"}}}";

static void
test_directory(void)
{
	struct acme_directory d;
	struct problem pr = { 0 };

	ok(acme_directory_read(span_str(DIRECTORY), &d, &pr),
		"a directory with a random member is read");
	is_str(d.url[ACME_NEW_ACCOUNT],
		"https://ca.test/acct?a=1&b=", "URLs keep their exact octets");
	is_str(d.url[ACME_NEW_ORDER], "https://ca.test/order/", "a trailing slash stays");
	ok(!d.url[ACME_KEY_CHANGE], "an optional URL that is a number is as if absent");
	ok(!d.url[ACME_REVOKE_CERT], "an optional URL of another scheme is as if absent");
	ok(!d.url[ACME_NEW_AUTHZ], "newAuthz may be absent");
	is_str(d.url[ACME_RENEWAL_INFO], "https://ca.test/ari", "renewalInfo is read");
	is_str(d.terms_of_service, "https://ca.test/tos", "meta.termsOfService is read");
	ok(!d.website, "a website that is a number is as if absent");
	ok(d.external_account_required, "meta.externalAccountRequired is read");
	is_int(d.caa_identities.count, 2, "CAA identities of a wrong type are left out");
	is_int(d.profile_count, 2, "a profile without a name is left out");
	ok(acme_directory_has_profile(&d, "classic") && acme_directory_has_profile(&d, "short"),
		"a profile is known whatever its description");
	ok(!acme_directory_has_profile(&d, "Classic"), "profile names compare octet for octet");
	acme_directory_done(&d);
	ok(acme_directory_read(SPAN("{\"newNonce\":\"https://a/n\",\"newAccount\":\"https://a/"
				    "a\",\"newOrder\":\"https://a/o\","
				    "\"meta\":{\"termsOfService\":\"data:text/"
				    "plain,be%20good\",\"website\":\"a b\"}}"),
		   &d, &pr) &&
			d.terms_of_service && !d.website,
		"terms may be a URI of any scheme, but a URI");
	acme_directory_done(&d);
	ok(acme_directory_read(
		   SPAN("{\"newNonce\":\"https://a/n\",\"newAccount\":\"https://a/a\",\"newOrder\":"
			"\"https://a/o\",\"meta\":[1]}"),
		   &d, &pr) &&
			d.profile_count == 0,
		"a meta that is no object is as if absent");
	acme_directory_done(&d);
}

static void
test_directory_refusals(void)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
		{ "no JSON", "<html>" },
		{ "an array", "[]" },
		{ "empty", "" },
		{ "no newOrder", "{\"newNonce\":\"https://a/n\",\"newAccount\":\"https://a/a\"}" },
		{ "newOrder null", "{\"newNonce\":\"https://a/n\",\"newAccount\":\"https://a/"
				   "a\",\"newOrder\":null}" },
		{ "newNonce with a blank",
			"{\"newNonce\":\"https://a/n "
			"n\",\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\"}" },
		{ "newNonce with a line break",
			"{\"newNonce\":\"https://a/n\\r\\nX: "
			"y\",\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\"}" },
		{ "a member twice",
			"{\"newNonce\":\"https://a/n\",\"newNonce\":\"https://b/"
			"n\",\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\"}" },
	};
	struct acme_directory d;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct problem pr = { 0 };

		ok(!acme_directory_read(span_str(cases[i].text), &d, &pr) &&
				pr.kind == PROBLEM_SERVER_INTERNAL && pr.cause[0],
			"directory refused: %s", cases[i].name);
	}
}

static void
test_urls(void)
{
	char longest[ACME_URL_MAX + 2];

	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "https://", 8);
	ok(acme_url_ok(span_of(longest, ACME_URL_MAX)), "a URL of 2048 octets is taken");
	ok(!acme_url_ok(span_of(longest, ACME_URL_MAX + 1)), "a URL of 2049 octets is not");
	ok(!acme_url_ok(SPAN("https://")), "a URL needs an authority");
	ok(!acme_url_ok(SPAN("https:///x")), "an authority is not empty");
	ok(!acme_url_ok(SPAN("https://a/\xc3\xa9")), "a URL is ASCII");
	ok(!acme_url_ok(SPAN("/relative")), "a relative reference is no URL");
	ok(!acme_url_ok(SPAN_NONE), "nothing is no URL");
}

static void
test_account(void)
{
	struct acme_account a;
	struct problem pr = { 0 };

	ok(acme_account_read(
		   SPAN("{\"status\":\"deactivated\",\"contact\":[\"mailto:a@b.test\"],\"orders\":"
			"\"https://ca.test/o\",\"x\":[{}]}"),
		   &a, &pr),
		"an account is read");
	is_int(a.state, ACCOUNT_DEACTIVATED, "its state too");
	is_str(a.contacts.list[0], "mailto:a@b.test", "and its contact");
	is_str(a.orders, "https://ca.test/o", "and its orders list");
	acme_account_done(&a);
	ok(acme_account_read(SPAN("{\"contact\":null}"), &a, &pr) && a.state == ACCOUNT_VALID &&
			!a.orders,
		"an account without status and orders is a valid one without a list");
	acme_account_done(&a);
	ok(!acme_account_read(SPAN("{\"status\":\"gone\"}"), &a, &pr),
		"an unknown account status is refused");
	ok(!acme_account_read(SPAN("{\"status\":5}"), &a, &pr),
		"a status that is a number is refused");
}

static const char ORDER[] =
	"{\"status\":\"pending\",\"expires\":\"2026-11-30T10:00:00.25+02:00\",\"notAfter\":17,"
	"\"identifiers\":[{\"type\":\"dns\",\"value\":\"B.Example.org\"},{\"type\":\"dns\","
	"\"value\":\"*.example.org\"},"
	"{\"type\":\"dns\",\"value\":\"b.example.org\"},{\"type\":\"ip\",\"value\":\"192.0.2.1\"}],"
	"\"authorizations\":[\"https://ca.test/z/1\",\"https://ca.test/z/"
	"2\"],\"finalize\":\"https://ca.test/f\","
	"\"profile\":\"classic\",\"error\":\"no object\"}";

static void
test_order(void)
{
	struct acme_order o;
	struct problem pr = { 0 };

	ok(acme_order_read(span_str(ORDER), &o, &pr), "an order is read");
	is_int(o.state, ORDER_PENDING, "its state");
	is_int(o.expires_unix_s, 1796025600, "its expiry with fraction and offset");
	is_int(o.not_after_unix_s, 0, "a time that is a number is as if absent");
	is_int(o.idents.count, 3, "identifiers form a set in lower case");
	is_str(o.idents.list[0].value, "b.example.org", "a name comes out in lower case");
	is_int(o.authzs.count, 2, "authorizations need not match the identifiers in number");
	is_str(o.finalize, "https://ca.test/f", "finalize");
	ok(!o.certificate && !o.has_error, "no certificate, no error");
	is_str(o.profile, "classic", "profile");
	acme_order_done(&o);
	ok(acme_order_read(SPAN("{\"status\":\"ready\",\"identifiers\":[{\"type\":\"dns\","
				"\"value\":\"a.test\"}]}"),
		   &o, &pr) &&
			o.authzs.count == 0 && !o.finalize,
		"an order that starts ready may list no authorizations");
	acme_order_done(&o);
	ok(acme_order_read(SPAN("{\"status\":\"invalid\",\"identifiers\":[{\"type\":\"dns\","
				"\"value\":\"a.test\"}],"
				"\"error\":{\"type\":\"urn:ietf:params:acme:error:caa\",\"detail\":"
				"\"no\",\"status\":403}}"),
		   &o, &pr) &&
			o.has_error && o.error.problem.kind == PROBLEM_CAA && o.error.status == 403,
		"the error of an order is read");
	acme_order_done(&o);
}

static struct span
many(struct buf *out, const char *head, size_t count, const char *format, const char *tail)
{
	buf_clear(out);
	buf_adds(out, head);
	for (size_t i = 0; i < count; i++) {
		buf_adds(out, i ? "," : "");
		buf_addf(out, format, (int)i);
	}
	buf_adds(out, tail);
	return buf_span(out);
}

#define IDENT_N "{\"type\":\"dns\",\"value\":\"n%d.test\"}"
#define ONE_IDENT "\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.test\"}]"

static void
test_order_refusals(void)
{
	static const struct {
		const char *name, *text;
	} cases[] = {
		{ "status of the future", "{\"status\":\"canceled\"," ONE_IDENT "}" },
		{ "no status", "{" ONE_IDENT "}" },
		{ "no identifiers", "{\"status\":\"ready\"}" },
		{ "identifiers empty", "{\"status\":\"ready\",\"identifiers\":[]}" },
		{ "identifier no object", "{\"status\":\"ready\",\"identifiers\":[5]}" },
		{ "identifier of a foreign type",
			"{\"status\":\"ready\",\"identifiers\":[{\"type\":"
			"\"email\",\"value\":\"a@b.test\"}]}" },
		{ "identifier with a NUL", "{\"status\":\"ready\",\"identifiers\":[{\"type\":"
					   "\"dns\",\"value\":\"a\\u0000.test\"}]}" },
		{ "authorization no URL", "{\"status\":\"ready\"," ONE_IDENT
					  ",\"authorizations\":[\"https://a/z\",\"../z\"]}" },
		{ "authorization no string",
			"{\"status\":\"ready\"," ONE_IDENT ",\"authorizations\":[{}]}" },
	};
	struct acme_order o;
	struct problem pr = { 0 };
	AUTO_BUF text = BUF_MAX(512 * 1024);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		pr = (struct problem){ 0 };
		ok(!acme_order_read(span_str(cases[i].text), &o, &pr) &&
				pr.kind == PROBLEM_SERVER_INTERNAL,
			"order refused: %s", cases[i].name);
	}
	ok(acme_order_read(
		   many(&text, "{\"status\":\"ready\",\"identifiers\":[", 100, IDENT_N, "]}"), &o,
		   &pr) &&
			o.idents.count == 100,
		"an order has up to 100 identifiers");
	acme_order_done(&o);
	ok(!acme_order_read(
		   many(&text, "{\"status\":\"ready\",\"identifiers\":[", 101, IDENT_N, "]}"), &o,
		   &pr),
		"an order with 101 identifiers is refused");
	ok(!acme_order_read(many(&text, "{\"status\":\"ready\"," ONE_IDENT ",\"authorizations\":[",
				    101, "\"https://a/%d\"", "]}"),
		   &o, &pr),
		"an order with 101 authorizations is refused");
	ok(!acme_order_read(many(&text, "{\"status\":\"ready\"," ONE_IDENT ",\"x\":[", 30000,
				    "\"filler %d\"", "]}"),
		   &o, &pr),
		"an order longer than 256 KiB is refused");
}

static const char AUTHZ[] =
	"{\"identifier\":{\"type\":\"dns\",\"value\":\"*.example.org\"},\"status\":\"invalid\","
	"\"expires\":\"soon\","
	"\"challenges\":["
	"{\"type\":\"dns-persist-01\",\"url\":\"https://ca.test/c/"
	"0\",\"status\":\"pending\",\"issuer-domain-names\":[\"x\"]},"
	"{\"type\":\"http-01\",\"url\":\"https://ca.test/c/"
	"1\",\"status\":\"pending\",\"token\":\"../../etc/passwd\"},"
	"{\"type\":\"dns-01\",\"url\":\"https://ca.test/c/"
	"2\",\"status\":\"invalid\",\"token\":\"abc_-9\",\"validated\":\"x\","
	"\"error\":{\"type\":\"urn:ietf:params:acme:error:dns\",\"detail\":\"NXDOMAIN\",\"status\":"
	"\"400\"}},"
	"{\"type\":\"future-01\",\"url\":\"https://ca.test/c/3\",\"status\":\"sleeping\"},"
	"{\"type\":\"no-url\",\"status\":\"pending\"},7,null]}";

static void
test_authz(void)
{
	struct acme_authz a;
	struct problem pr = { 0 };

	ok(acme_authz_read(span_str(AUTHZ), &a, &pr), "an authorization is read");
	is_str(a.ident.value, "example.org", "its identifier is the base name");
	ok(a.wildcard, "a name with *. is a wildcard even without the member");
	is_int(a.state, AUTHZ_INVALID, "its state");
	is_int(a.expires_unix_s, 0, "an expiry that is no time is as if absent");
	is_int(a.chall_count, 3, "challenges that nothing can be done with are left out");
	is_str(acme_authz_chall(&a, "dns-01")->token, "abc_-9", "a challenge is found by its type");
	is_str(acme_authz_chall(&a, "http-01")->token, "",
		"a token outside base64url is never used");
	is_str(acme_authz_chall(&a, "dns-persist-01")->token, "", "a challenge may have no token");
	ok(!acme_authz_chall(&a, "tls-alpn-01"), "a challenge not offered is NULL");
	ok(acme_authz_error(&a) && acme_authz_error(&a)->problem.kind == PROBLEM_DNS,
		"the failed challenge tells why");
	is_int(acme_authz_error(&a)->status, 0, "a status that is a string is ignored");
	acme_authz_done(&a);
	ok(acme_authz_read(SPAN("{\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"},"
				"\"status\":\"valid\"}"),
		   &a, &pr) &&
			a.chall_count == 0 && !a.wildcard,
		"a valid authorization may have no challenges");
	acme_authz_done(&a);
}

static void
test_authz_refusals(void)
{
	struct acme_authz a;
	struct acme_chall c;
	struct problem pr = { 0 };
	AUTO_BUF text = BUF_MAX(64 * 1024);

	ok(!acme_authz_read(SPAN("{\"status\":\"valid\"}"), &a, &pr),
		"an authorization needs an identifier");
	ok(!acme_authz_read(
		   SPAN("{\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"}}"), &a, &pr),
		"an authorization needs a status");
	ok(acme_authz_read(
		   many(&text,
			   "{\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"},\"status\":"
			   "\"pending\",\"challenges\":[",
			   30, "{\"type\":\"t%d\",\"url\":\"https://a/c\",\"status\":\"pending\"}",
			   "]}"),
		   &a, &pr),
		"an authorization with 30 challenges is read");
	is_int(a.chall_count, ACME_CHALLS_MAX, "20 of them are looked at");
	acme_authz_done(&a);
	ok(acme_chall_read(SPAN("{\"type\":\"dns-01\",\"url\":\"https://a/"
				"c\",\"status\":\"processing\",\"token\":\"t\"}"),
		   &c, &pr) &&
			c.state == CHALL_PROCESSING,
		"a challenge by itself is read");
	acme_chall_done(&c);
	ok(!acme_chall_read(SPAN("{\"type\":\"dns-01\",\"status\":\"processing\"}"), &c, &pr),
		"a challenge without URL is refused");
}

static void
test_orders(void)
{
	struct acme_strings s;
	struct problem pr = { 0 };
	AUTO_BUF text = BUF_MAX(512 * 1024);

	ok(acme_orders_read(
		   SPAN("{\"orders\":[\"https://a/1\",5,\"x\",\"https://a/2\"]}"), &s, &pr),
		"a list is read");
	is_int(s.count, 2, "what is no URL is left out");
	is_str(s.list[1], "https://a/2", "the others keep their order");
	acme_strings_done(&s);
	ok(acme_orders_read(
		   many(&text, "{\"orders\":[", 1200, "\"https://a/%d\"", "]}"), &s, &pr) &&
			s.count == ACME_ORDERS_MAX,
		"of a long page 1000 are looked at");
	acme_strings_done(&s);
	ok(!acme_orders_read(SPAN("{\"orders\":{}}"), &s, &pr),
		"orders that are no array are refused");
}

static void
test_states(void)
{
	enum order_state o = ORDER_READY;
	enum authz_state z;
	enum chall_state c;
	enum account_state a;
	bool good = true;

	for (int i = 0; i < ORDER__COUNT; i++)
		good = good &&
		       order_state_parse(span_str(order_state_name((enum order_state)i)), &o) &&
		       (int)o == i;
	for (int i = 0; i < AUTHZ__COUNT; i++)
		good = good &&
		       authz_state_parse(span_str(authz_state_name((enum authz_state)i)), &z) &&
		       (int)z == i;
	for (int i = 0; i < CHALL__COUNT; i++)
		good = good &&
		       chall_state_parse(span_str(chall_state_name((enum chall_state)i)), &c) &&
		       (int)c == i;
	for (int i = 0; i < ACCOUNT__COUNT; i++)
		good = good &&
		       account_state_parse(
			       span_str(account_state_name((enum account_state)i)), &a) &&
		       (int)a == i;
	ok(good, "every state reads back from its name");
	o = ORDER_READY;
	ok(!order_state_parse(SPAN("Ready"), &o) && !order_state_parse(SPAN(""), &o) &&
			!order_state_parse(SPAN_NONE, &o) && o == ORDER_READY,
		"other names are refused and change nothing");
	ok(order_state_is_final(ORDER_VALID) && !order_state_is_final(ORDER_PROCESSING),
		"final states are known");
}

int
main(void)
{
	test_directory();
	test_directory_refusals();
	test_urls();
	test_account();
	test_order();
	test_order_refusals();
	test_authz();
	test_authz_refusals();
	test_orders();
	test_states();
	return done_testing();
}
