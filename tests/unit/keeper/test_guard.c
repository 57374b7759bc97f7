/* test_guard.c - what the keeper agrees to sign. */
#include "base/b64url.h"
#include "base/mem.h"
#include "keeper/guard.h"
#include "tap.h"

static const struct {
	const char *url, *want; /* NULL = none */
} origins[] = {
	{ "https://ca.example/dir", "https://ca.example" },
	{ "https://ca.example", "https://ca.example" },
	{ "HTTPS://CA.Example:443/x", "https://ca.example" },
	{ "https://ca.example:8443?x=1", "https://ca.example:8443" },
	{ "http://ca.example:80#a", "http://ca.example" },
	{ "http://ca.example:443/", "http://ca.example:443" },
	{ "https://[::1]:14000/dir", "https://[::1]:14000" },
	{ "https://[::1]", "https://[::1]" },
	{ "https://127.0.0.1:14000/dir", "https://127.0.0.1:14000" },
	{ "https://", NULL },
	{ "https:///x", NULL },
	{ "https://:443/", NULL },
	{ "https://ca.example:/", NULL },
	{ "https://ca.example:0/", NULL },
	{ "https://ca.example:65536/", NULL },
	{ "https://ca.example:4a/", NULL },
	{ "https://ca.example@evil.example/", NULL },
	{ "https://ca.example\\@evil.example/", NULL },
	{ "https://ca.example%2f.evil.example/", NULL },
	{ "https://ca.example .evil.example/", NULL },
	{ "https://[::1/", NULL },
	{ "https://[]/", NULL },
	{ "ftp://ca.example/", NULL },
	{ "//ca.example/", NULL },
	{ "ca.example", NULL },
	{ "", NULL },
};

static void
test_origins(void)
{
	char text[ORIGIN_TEXT];
	char *long_one = xmalloc(1000);

	for (size_t i = 0; i < COUNT_OF(origins); i++) {
		bool good = origin_of(span_str(origins[i].url), text);

		if (origins[i].want)
			is_str(good ? text : NULL, origins[i].want, "%s has an origin",
				origins[i].url);
		else
			ok(!good, "\"%s\" has no origin", origins[i].url);
	}
	memset(long_one, 'a', 1000);
	memcpy(long_one, "https://", 8);
	ok(!origin_of(span_of(long_one, 1000), text), "a host of 992 octets has no origin");
	ok(!origin_of(span_of("https://a\0b/", 12), text), "a host with NUL has no origin");
	mem_auto_free(&long_one);
}

#define U "\"url\":\"https://ca.example/acme/new-order\""
#define K "\"kid\":\"https://ca.example/acct/1\""

static const struct {
	const char *name, *header;
	bool account, eab; /* may an account key with ES256, an EAB key with HS256 sign it? */
} headers[] = {
	{ "a request with kid", "{\"alg\":\"ES256\"," K ",\"nonce\":\"x\"," U "}", true, false },
	{ "a request with jwk", "{\"alg\":\"ES256\",\"jwk\":{},\"nonce\":\"x\"," U "}", true,
		false },
	{ "jwk, without a nonce", "{\"alg\":\"ES256\",\"jwk\":{}," U "}", false, false },
	{ "kid, without a nonce", "{\"alg\":\"ES256\"," K "," U "}", false, false },
	{ "a nonce that is empty", "{\"alg\":\"ES256\"," K ",\"nonce\":\"\"," U "}", false, false },
	{ "a nonce that is a number", "{\"alg\":\"ES256\",\"jwk\":{},\"nonce\":1," U "}", false, false },
	{ "an EAB", "{\"alg\":\"HS256\",\"kid\":\"key-1\"," U "}", false, true },
	{ "a url in other letters",
		"{\"alg\":\"ES256\"," K ",\"nonce\":\"x\",\"url\":\"HTTPS://CA.example:443/x\"}", true, false },
	{ "an EAB with nonce", "{\"alg\":\"HS256\",\"kid\":\"key-1\",\"nonce\":\"x\"," U "}", false,
		false },
	{ "an EAB with jwk", "{\"alg\":\"HS256\",\"kid\":\"key-1\",\"jwk\":{}," U "}", false,
		false },
	{ "an EAB without kid", "{\"alg\":\"HS256\"," U "}", false, false },
	{ "an EAB with another alg", "{\"alg\":\"HS384\",\"kid\":\"key-1\"," U "}", false, false },
	{ "an EAB for a foreign url",
		"{\"alg\":\"HS256\",\"kid\":\"k\",\"url\":\"https://x.example/\"}", false, false },
	{ "kid and jwk", "{\"alg\":\"ES256\",\"jwk\":{}," K "," U "}", false, false },
	{ "neither kid nor jwk", "{\"alg\":\"ES256\"," U "}", false, false },
	{ "a kid that is a number", "{\"alg\":\"ES256\",\"kid\":1," U "}", false, false },
	{ "a jwk that is a string", "{\"alg\":\"ES256\",\"jwk\":\"x\"," U "}", false, false },
	{ "a foreign url", "{\"alg\":\"ES256\"," K ",\"url\":\"https://evil.example/\"}", false,
		false },
	{ "a url on another port", "{\"alg\":\"ES256\"," K ",\"url\":\"https://ca.example:444/\"}",
		false, false },
	{ "a url of another scheme", "{\"alg\":\"ES256\"," K ",\"url\":\"http://ca.example/\"}",
		false, false },
	{ "a longer host", "{\"alg\":\"ES256\"," K ",\"url\":\"https://ca.example.evil.example/\"}",
		false, false },
	{ "user information",
		"{\"alg\":\"ES256\"," K ",\"url\":\"https://ca.example@evil.example/\"}", false,
		false },
	{ "no url", "{\"alg\":\"ES256\"," K "}", false, false },
	{ "a url that is an array", "{\"alg\":\"ES256\"," K ",\"url\":[]}", false, false },
	{ "two urls", "{\"alg\":\"ES256\"," K "," U ",\"url\":\"https://evil.example/\"}", false,
		false },
	{ "another alg", "{\"alg\":\"ES384\"," K "," U "}", false, false },
	{ "no alg", "{" K "," U "}", false, false },
	{ "crit", "{\"alg\":\"ES256\"," K ",\"crit\":[\"b64\"],\"b64\":false," U "}", false,
		false },
	{ "an array", "[]", false, false },
	{ "no JSON", "hello", false, false },
	{ "nothing", "", false, false },
};

static void
test_headers(void)
{
	for (size_t i = 0; i < COUNT_OF(headers); i++) {
		AUTO_BUF in = BUF_MAX(4096);
		struct problem pr = { 0 }, pr2 = { 0 };
		bool a, e;

		b64url_add(&in, headers[i].header, strlen(headers[i].header));
		buf_adds(&in, ".e30");
		a = guard_account(
			buf_span(&in), SPAN("https://ca.example/directory"), JWA_ES256, &pr);
		e = guard_eab(buf_span(&in), SPAN("https://ca.example"), JWA_HS256, &pr2);
		ok(a == headers[i].account && (a || pr.kind == PROBLEM_SERVER_INTERNAL),
			"header with %s: the account key %s", headers[i].name,
			a ? "signs" : "refuses");
		ok(e == headers[i].eab && (e || pr2.kind == PROBLEM_SERVER_INTERNAL),
			"header with %s: the EAB key %s", headers[i].name, e ? "signs" : "refuses");
	}
}

#define A "\"account\":\"https://ca.example/acct/1\""

static const struct {
	const char *name, *payload;
	bool may; /* the new key sign it, with jwk and without a nonce? */
} inners[] = {
	{ "a change of an account's key", "{" A ",\"oldKey\":{\"kty\":\"EC\"}}", true },
	{ "one whose account is at another origin", "{\"account\":\"https://evil.example/acct/1\",\"oldKey\":{}}", false },
	{ "one whose account is no URL", "{\"account\":\"1\",\"oldKey\":{}}", false },
	{ "one without an account", "{\"oldKey\":{}}", false },
	{ "one whose account is an object", "{\"account\":{},\"oldKey\":{}}", false },
	{ "one without the old key", "{" A "}", false },
	{ "one whose old key is a string", "{" A ",\"oldKey\":\"x\"}", false },
	{ "one with more in it", "{" A ",\"oldKey\":{},\"status\":\"deactivated\"}", false },
	{ "an end of the account", "{\"status\":\"deactivated\"}", false },
	{ "an array", "[" "1,2" "]", false },
	{ "no JSON", "hello", false },
	{ "nothing", "", false },
};

static void
test_inner(void)
{
	static const char with_jwk[] = "{\"alg\":\"ES256\",\"jwk\":{}," U "}", with_kid[] = "{\"alg\":\"ES256\"," K "," U "}";

	for (size_t i = 0; i < COUNT_OF(inners); i++) {
		AUTO_BUF in = BUF_MAX(4096), by_kid = BUF_MAX(4096);
		struct problem pr = { 0 };
		bool may;

		b64url_add(&in, with_jwk, strlen(with_jwk));
		buf_addc(&in, '.');
		b64url_add(&in, inners[i].payload, strlen(inners[i].payload));
		b64url_add(&by_kid, with_kid, strlen(with_kid));
		buf_addspan(&by_kid, span_from(buf_span(&in), strcspn(buf_cstr(&in), ".")));
		may = guard_account(buf_span(&in), SPAN("https://ca.example"), JWA_ES256, &pr);
		ok(may == inners[i].may && (may || pr.kind == PROBLEM_SERVER_INTERNAL), "without a nonce, %s: the account key %s", inners[i].name,
			may ? "signs" : "refuses");
		ok(!guard_account(buf_span(&by_kid), SPAN("https://ca.example"), JWA_ES256, &pr), "the same with kid: it refuses");
		ok(!guard_account(buf_span(&in), SPAN("https://other.example"), JWA_ES256, &pr), "a key for another origin refuses it, too");
	}
}

#define GOOD_HEADER "{\"alg\":\"ES256\",\"nonce\":\"x\"," K "," U "}"

static bool
may(const char *before, const char *after, const char *scope, enum jwa alg)
{
	AUTO_BUF in = BUF_MAX(4096);
	struct problem pr = { 0 };

	buf_adds(&in, before);
	b64url_add(&in, GOOD_HEADER, strlen(GOOD_HEADER));
	buf_adds(&in, after);
	return guard_account(buf_span(&in), span_str(scope), alg, &pr);
}

static void
test_inputs(void)
{
	AUTO_BUF large = BUF_MAX(64 * 1024);
	struct problem pr = { 0 };

	ok(may("", ".", "https://ca.example", JWA_ES256),
		"an empty payload is signed (POST-as-GET)");
	ok(!may("", "", "https://ca.example", JWA_ES256), "a header alone is not");
	ok(!may("", ".e30.e30", "https://ca.example", JWA_ES256), "three parts are not");
	ok(!may("", ".e3 0", "https://ca.example", JWA_ES256), "a payload with a blank is not");
	ok(!may("", "=.e30", "https://ca.example", JWA_ES256), "a padded header is not");
	ok(!may(" ", ".e30", "https://ca.example", JWA_ES256), "a blank in front is not");
	ok(!may("", ".e30", "", JWA_ES256), "nothing is signed with a key without a scope");
	ok(!may("", ".e30", "https://ca.example", JWA_NONE), "nor with one that has no algorithm");
	ok(!guard_account(SPAN_NONE, SPAN("https://ca.example"), JWA_ES256, &pr),
		"nothing is not an input");
	ok(!guard_eab(SPAN("e30.e30"), SPAN("https://ca.example"), JWA_ES256, &pr),
		"an EAB key does no ES256");
	while (large.n < 60000)
		buf_adds(&large, "AAAAAAAA");
	ok(!guard_account(buf_span(&large), SPAN("https://ca.example"), JWA_ES256, &pr),
		"a huge header is refused");
}

int
main(void)
{
	test_origins();
	test_headers();
	test_inner();
	test_inputs();
	return done_testing();
}
