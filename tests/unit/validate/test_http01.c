/* http-01 (RFC 8555 8.3) against a scripted web server and a scripted DNS server: what proves, what does not and in which words,
 * and where the gateway never connects. */
#include "net.h"
#include "tap.h"
#include "validate/validate.h"

#define KEY_AUTH "token.thumbprint-of-the-account-key-which-has-43-octs"
#define WELL_KNOWN "/.well-known/acme-challenge/"

static struct server web, web6, tls, trap, lonely;
static struct names names;
static struct loop *loop;
static struct httpc *httpc;
static struct dns *dns;

static const struct name_row rows[] = {
	{ "a.test", "127.0.0.1" },
	{ "tls.test", "127.0.0.2" },
	{ "six.test", NULL, "::1" },
	{ "both.test", "127.0.0.1", "::1" },
	{ "half.test", "127.0.0.3", "::1" }, /* at the lonely server's port nobody answers on ::1 */
	{ "trap.test", "127.0.0.9" },
	{ "inside.test", "10.1.2.3" },
	{ "turns.test", "127.0.0.1", .then_v4 = "127.0.0.9" },
	{ "nat64.test", NULL, "64:ff9b::7f00:9" },
	{ "six-to-four.test", NULL, "2002:7f00:9::1" },
	{ "mapped.test", NULL, "::ffff:127.0.0.9" },
	{ "none.test" },
	{ "nx.test", NULL, NULL, 3 },
	{ "fail.test", NULL, NULL, 2 },
	{ "silent.test", NULL, NULL, -1 },
	{ "2130706441", "127.0.0.1" }, /* 127.0.0.9 as a number */
	{ "0x7f000009", "127.0.0.1" },
	{ "127.9", "127.0.0.1" },
};

/* ---- the web server: the token says what happens ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char last_request[16384]; /* under lock */

static void
say(struct peer *p, const char *status, const char *fields, const char *body)
{
	AUTO_FREE char *text = xasprintf("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status, fields, strlen(body), body);

	peer_say(p, text);
}

static void
redirect(struct peer *p, const char *status, const char *where)
{
	char *text = xstrdup(where), *at;

	/* $P is the port */
	while ((at = strstr(text, "$P"))) {
		char *next = xasprintf("%.*s%u%s", (int)(at - text), text, web.port, at + 2);

		free(text);
		text = next;
	}
	at = xasprintf("Location: %s\r\n", text);
	say(p, status, at, "");
	free(at);
	free(text);
}

static const struct {
	const char *token, *status, *where;
} redirects[] = {
	{ "to-301", "301 Moved", "http://a.test:$P" WELL_KNOWN "ok" },
	{ "to-302", "302 Found", "http://a.test:$P" WELL_KNOWN "ok" },
	{ "to-307", "307 Temporary", "http://a.test:$P" WELL_KNOWN "ok" },
	{ "to-308", "308 Permanent", "http://a.test:$P" WELL_KNOWN "ok" },
	{ "to-303", "303 See Other", "http://a.test:$P" WELL_KNOWN "ok" },
	{ "to-300", "300 Choices", "http://a.test:$P" WELL_KNOWN "ok" },
	{ "to-304", "304 Not Modified", "http://a.test:$P" WELL_KNOWN "ok" },
	{ "to-relative", "302 Found", "ok" },
	{ "to-path", "302 Found", WELL_KNOWN "ok" },
	{ "to-other-path", "302 Found", "/anywhere?x=ok" },
	{ "to-other-host", "302 Found", "http://six.test:$P/elsewhere/ok" },
	{ "to-tls", "302 Found", "https://tls.test:$P" WELL_KNOWN "ok" },
	{ "to-tls-plain", "302 Found", "https://a.test:$P" WELL_KNOWN "ok" },
	{ "to-itself", "302 Found", WELL_KNOWN "to-itself" },
	{ "to-ping", "302 Found", WELL_KNOWN "to-pong" },
	{ "to-pong", "302 Found", WELL_KNOWN "to-ping" },
	{ "to-8080", "302 Found", "http://a.test:8080" WELL_KNOWN "ok" },
	{ "to-0", "302 Found", "http://a.test:0" WELL_KNOWN "ok" },
	{ "to-99999", "302 Found", "http://a.test:99999" WELL_KNOWN "ok" },
	{ "to-nothing", "302 Found", "" },
	{ "to-ftp", "302 Found", "ftp://a.test/x" },
	{ "to-file", "302 Found", "file:///etc/passwd" },
	{ "to-gopher", "302 Found", "gopher://127.0.0.9:$P/x" },
	{ "to-user", "302 Found", "http://user:pass@a.test:$P" WELL_KNOWN "ok" },
	{ "to-no-slash", "302 Found", "http://a.test.well-known/acme-challenge/ok" },
	{ "to-trap", "302 Found", "http://127.0.0.9:$P" WELL_KNOWN "ok" },
	{ "to-trap-name", "302 Found", "http://trap.test:$P" WELL_KNOWN "ok" },
	{ "to-trap-scheme", "302 Found", "//127.0.0.9:$P" WELL_KNOWN "ok" },
	{ "to-trap-number", "302 Found", "http://2130706441:$P" WELL_KNOWN "ok" },
	{ "to-trap-hex", "302 Found", "http://0x7f000009:$P" WELL_KNOWN "ok" },
	{ "to-trap-short", "302 Found", "http://127.9:$P" WELL_KNOWN "ok" },
	{ "to-trap-mapped", "302 Found", "http://[::ffff:127.0.0.9]:$P" WELL_KNOWN "ok" },
	{ "to-trap-at", "302 Found", "http://a.test:$P@127.0.0.9:$P" WELL_KNOWN "ok" },
	{ "to-trap-backslash", "302 Found", "http://127.0.0.9:$P\\@a.test:$P" WELL_KNOWN "ok" },
	{ "to-trap-nat64", "302 Found", "http://[64:ff9b::7f00:9]:$P" WELL_KNOWN "ok" },
	{ "to-trap-compatible", "302 Found", "http://[::127.0.0.9]:$P" WELL_KNOWN "ok" },
	{ "to-trap-6to4", "302 Found", "http://[2002:7f00:9::]:$P" WELL_KNOWN "ok" },
	{ "to-trap-teredo", "302 Found", "http://[2001:0:7f00:9::]:$P" WELL_KNOWN "ok" },
	{ "to-any", "302 Found", "http://0.0.0.0:$P" WELL_KNOWN "ok" },
	{ "to-any6", "302 Found", "http://[::]:$P" WELL_KNOWN "ok" },
	{ "to-10", "302 Found", "http://10.1.2.3:$P" WELL_KNOWN "ok" },
	{ "to-inside", "302 Found", "http://inside.test:$P" WELL_KNOWN "ok" },
	{ "to-metadata", "302 Found", "http://169.254.169.254/latest/meta-data/" },
	{ "to-link-local", "302 Found", "http://[fe80::1]:$P/" },
	{ "to-multicast", "302 Found", "http://224.0.0.1:$P/" },
	{ "to-broadcast", "302 Found", "http://255.255.255.255:$P/" },
	{ "to-localhost", "302 Found", "http://localhost:$P" WELL_KNOWN "ok" },
	{ "to-nx", "302 Found", "http://nx.test:$P" WELL_KNOWN "ok" },
};

static bool
answer_drip(struct peer *p)
{
	peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n");
	for (int i = 0; i < 40; i++) {
		peer_say(p, "t");
		usleep(100000);
		if (send(p->fd, "", 0, MSG_NOSIGNAL) < 0)
			break;
	}
	return false;
}

static bool
answer_hops(struct peer *p, int left)
{
	AUTO_FREE char *where = left > 1 ? xasprintf(WELL_KNOWN "hops-%d", left - 1) : xstrdup(WELL_KNOWN "ok");

	redirect(p, "302 Found", where);
	return true;
}

static bool
answer_long_url(struct peer *p)
{
	char path[2200];

	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	redirect(p, "302 Found", path);
	return true;
}

static bool
answer(struct peer *p)
{
	char *at = strchr(p->request, ' '), *end = at ? strchr(at + 1, ' ') : NULL, *slash = NULL;
	char padded[129];

	if (!end)
		return false;
	pthread_mutex_lock(&lock);
	snprintf(last_request, sizeof(last_request), "%s", p->request);
	pthread_mutex_unlock(&lock);
	*end = '\0';
	slash = strrchr(at, '/');
	for (size_t i = 0; i < sizeof(redirects) / sizeof(redirects[0]); i++) {
		if (strcmp(slash + 1, redirects[i].token) == 0) {
			redirect(p, redirects[i].status, redirects[i].where);
			return true;
		}
	}
	memset(padded, ' ', 128);
	memcpy(padded, KEY_AUTH, strlen(KEY_AUTH));
	padded[128] = '\0';
	if (strcmp(slash, "/ok") == 0 || strcmp(slash, "/anywhere?x=ok") == 0)
		say(p, "200 OK", "Content-Type: text/html\r\n", KEY_AUTH);
	else if (strcmp(slash, "/html") == 0)
		say(p, "200 OK", "", "<html>SECRET</html>");
	else if (strcmp(slash, "/wrong") == 0)
		say(p, "200 OK", "", "token.SECRET-of-another-account");
	else if (strcmp(slash, "/empty") == 0)
		say(p, "200 OK", "", "");
	else if (strcmp(slash, "/trailing") == 0)
		say(p, "200 OK", "", KEY_AUTH " \t\r\n\n");
	else if (strcmp(slash, "/leading") == 0)
		say(p, "200 OK", "", " " KEY_AUTH);
	else if (strcmp(slash, "/longer") == 0)
		say(p, "200 OK", "", KEY_AUTH "x");
	else if (strcmp(slash, "/shorter") == 0)
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntoken");
	else if (strcmp(slash, "/capitals") == 0)
		say(p, "200 OK", "", "TOKEN" KEY_AUTH);
	else if (strcmp(slash, "/128") == 0)
		say(p, "200 OK", "", padded);
	else if (strcmp(slash, "/129") == 0)
		peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 129\r\n\r\n" KEY_AUTH
			"                                                                                                              ");
	else if (strcmp(slash, "/huge") == 0)
		for (int i = 0; i < 40; i++)
			peer_say(p, i ? "SECRET SECRET SECRET" : "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
	else if (strcmp(slash, "/404") == 0)
		say(p, "404 Not Found", "", "SECRET");
	else if (strcmp(slash, "/204") == 0)
		peer_say(p, "HTTP/1.1 204 No Content\r\n\r\n");
	else if (strcmp(slash, "/206") == 0)
		say(p, "206 Partial", "", KEY_AUTH);
	else if (strcmp(slash, "/500") == 0)
		say(p, "500 Oops", "", KEY_AUTH);
	else if (strcmp(slash, "/401") == 0)
		say(p, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", KEY_AUTH);
	else if (strcmp(slash, "/gzip") == 0)
		say(p, "200 OK", "Content-Encoding: gzip\r\n", "\x1f\x8b\x08\x01");
	else if (strcmp(slash, "/chunked") == 0)
		peer_say(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\ntoken.\r\n2f\r\nthumbprint-of-the-account-key-which-has-43-octs\r\n0\r\n\r\n");
	else if (strcmp(slash, "/truncated") == 0)
		return peer_say(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" KEY_AUTH), false;
	else if (strcmp(slash, "/http09") == 0)
		return peer_say(p, KEY_AUTH), false;
	else if (strcmp(slash, "/drip") == 0)
		return answer_drip(p);
	else if (strcmp(slash, "/hang") == 0)
		return usleep(1500000), false;
	else if (strcmp(slash, "/close") == 0)
		return false;
	else if (strcmp(slash, "/long-url") == 0)
		return answer_long_url(p);
	else if (strncmp(slash, "/hops-", 6) == 0)
		return answer_hops(p, atoi(slash + 6));
	else
		say(p, "404 Not Found", "", "SECRET");
	return true;
}

/* ---- one validation ---- */

static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static int calls; /* under lock */

static void
on_done(struct validation *v)
{
	(void)v;
	pthread_mutex_lock(&lock);
	calls++;
	pthread_cond_signal(&wake);
	pthread_mutex_unlock(&lock);
}

struct place {
	const char *networks[4];
	uint16_t port; /* 0 = the web server's */
	msec_t timeout_ms;
	bool own; /* where https is served is a listener of ours */
};

static void
validate(const char *name, const char *token, const struct place *place, struct validation *v)
{
	static const char *const usual[] = { "127.0.0.1", "127.0.0.2", "127.0.0.3", "::1" };
	struct validate_env env = { loop, httpc, dns };
	struct net nets[4];
	struct addr face = { .family = AF_INET, .octet = { 127, 0, 0, 2 }, .port = web.port };
	struct reach reach = { nets, 0, &face, place && place->own };
	struct problem pr = { 0 };
	struct ident id = { .type = strchr(name, ':') || (name[0] >= '0' && name[0] <= '9') ? IDENT_IP : IDENT_DNS };

	snprintf(id.value, sizeof(id.value), "%s", name);
	for (size_t i = 0; i < 4; i++) {
		const char *net = place && place->networks[0] ? place->networks[i] : usual[i];

		if (net && !net_parse(span_str(net), &nets[reach.net_count++], &pr))
			abort();
	}
	*v = (struct validation){ .ident = id, .token = token, .key_auth = KEY_AUTH,
		.http01_port = place && place->port ? place->port : web.port, .reach = &reach,
		.timeout_ms = place && place->timeout_ms ? place->timeout_ms : 5000, .done = on_done, .env = &env };
	pthread_mutex_lock(&lock);
	calls = 0;
	pthread_mutex_unlock(&lock);
	validator_of(CHALLENGE_HTTP_01)->start(v);
	pthread_mutex_lock(&lock);
	while (calls == 0)
		pthread_cond_wait(&wake, &lock);
	pthread_mutex_unlock(&lock);
}

/* ---- what proves, and what does not ---- */

static const struct {
	const char *what, *name, *token;
	enum problem_kind kind; /* NONE: proven */
	bool final;             /* trying again is of no use (T7) */
	const char *says;
	struct place place;
} cases[] = {
	{ "the key authorization", "a.test", "ok", PROBLEM_NONE },
	{ "with blanks and line ends behind it", "a.test", "trailing", PROBLEM_NONE },
	{ "in a body of 128 octets", "a.test", "128", PROBLEM_NONE },
	{ "in chunks", "a.test", "chunked", PROBLEM_NONE },
	{ "a body of 129 octets", "a.test", "129", PROBLEM_UNAUTHORIZED, true, "longer than a key authorization" },
	{ "a body without end", "a.test", "huge", PROBLEM_UNAUTHORIZED, true, "longer than a key authorization" },
	{ "404", "a.test", "404", PROBLEM_UNAUTHORIZED, false, "404" },
	{ "401", "a.test", "401", PROBLEM_UNAUTHORIZED, false, "401" },
	{ "500 with the right body", "a.test", "500", PROBLEM_UNAUTHORIZED, false, "500" },
	{ "204", "a.test", "204", PROBLEM_UNAUTHORIZED, false, "204" },
	{ "206 with the right body", "a.test", "206", PROBLEM_UNAUTHORIZED, false, "206" },
	{ "200 with a page", "a.test", "html", PROBLEM_UNAUTHORIZED, true, "not the key authorization" },
	{ "another account's thumbprint", "a.test", "wrong", PROBLEM_UNAUTHORIZED, true, "not the key authorization" },
	{ "an empty body", "a.test", "empty", PROBLEM_UNAUTHORIZED, false, "not the key authorization" },
	{ "a blank before it", "a.test", "leading", PROBLEM_UNAUTHORIZED, true, NULL },
	{ "a letter behind it", "a.test", "longer", PROBLEM_UNAUTHORIZED, true, NULL },
	{ "the token alone", "a.test", "shorter", PROBLEM_UNAUTHORIZED, true, NULL },
	{ "something before it", "a.test", "capitals", PROBLEM_UNAUTHORIZED, true, NULL },
	{ "a body in gzip", "a.test", "gzip", PROBLEM_UNAUTHORIZED, true, NULL },
	{ "a body that is cut off", "a.test", "truncated", PROBLEM_CONNECTION, false, "broken" },
	{ "no HTTP at all", "a.test", "http09", PROBLEM_CONNECTION, false, NULL },
	{ "a connection that is closed", "a.test", "close", PROBLEM_CONNECTION, false, NULL },
	{ "a body that drips", "a.test", "drip", PROBLEM_CONNECTION, false, "time-out", { .timeout_ms = 700 } },
	{ "no answer", "a.test", "hang", PROBLEM_CONNECTION, false, "time-out", { .timeout_ms = 500 } },
	{ "nobody listens", "a.test", "ok", PROBLEM_CONNECTION, false, "cannot connect", { .port = 9 } },

	{ "an address", "127.0.0.1", "ok", PROBLEM_NONE },
	{ "an IPv6 address", "::1", "ok", PROBLEM_NONE },
	{ "a name with IPv6 alone", "six.test", "ok", PROBLEM_NONE },
	{ "a name with both", "both.test", "ok", PROBLEM_NONE },
	{ "IPv6 dead, IPv4 alive", "half.test", "ok", PROBLEM_NONE, .place = { .port = 1 } },
	{ "no such name", "nx.test", "ok", PROBLEM_DNS, false, "nx.test" },
	{ "SERVFAIL", "fail.test", "ok", PROBLEM_DNS, false, "fail.test" },
	{ "a name without addresses", "none.test", "ok", PROBLEM_DNS, false, NULL },
	{ "a DNS server that is silent", "silent.test", "ok", PROBLEM_DNS, false, NULL, { .timeout_ms = 500 } },

	{ "301", "a.test", "to-301", PROBLEM_NONE },
	{ "302", "a.test", "to-302", PROBLEM_NONE },
	{ "307", "a.test", "to-307", PROBLEM_NONE },
	{ "308", "a.test", "to-308", PROBLEM_NONE },
	{ "a relative redirect", "a.test", "to-relative", PROBLEM_NONE },
	{ "one to a path", "a.test", "to-path", PROBLEM_NONE },
	{ "one to another path with a query", "a.test", "to-other-path", PROBLEM_NONE },
	{ "one to another host", "a.test", "to-other-host", PROBLEM_NONE },
	{ "one to https with a certificate nobody trusts", "a.test", "to-tls", PROBLEM_NONE },
	{ "ten redirects", "a.test", "hops-10", PROBLEM_NONE },
	{ "eleven", "a.test", "hops-11", PROBLEM_CONNECTION, false, "more than 10 redirects" },
	{ "303", "a.test", "to-303", PROBLEM_UNAUTHORIZED, false, "303" },
	{ "300", "a.test", "to-300", PROBLEM_UNAUTHORIZED, false, "300" },
	{ "304", "a.test", "to-304", PROBLEM_UNAUTHORIZED, false, "304" },
	{ "a redirect to itself", "a.test", "to-itself", PROBLEM_CONNECTION, false, "loop" },
	{ "a loop of two", "a.test", "to-ping", PROBLEM_CONNECTION, false, "loop" },
	{ "a redirect to port 8080", "a.test", "to-8080", PROBLEM_CONNECTION, false, "port that is not allowed" },
	{ "one to port 0", "a.test", "to-0", PROBLEM_CONNECTION, false, NULL },
	{ "one to port 99999", "a.test", "to-99999", PROBLEM_CONNECTION, false, NULL },
	{ "one to nowhere", "a.test", "to-nothing", PROBLEM_CONNECTION, false, "Location" },
	{ "one to ftp", "a.test", "to-ftp", PROBLEM_CONNECTION, false, NULL },
	{ "one to a file", "a.test", "to-file", PROBLEM_CONNECTION, false, NULL },
	{ "one to gopher", "a.test", "to-gopher", PROBLEM_CONNECTION, false, NULL },
	{ "one with a user", "a.test", "to-user", PROBLEM_CONNECTION, false, NULL },
	{ "one without the slash behind the host", "a.test", "to-no-slash", PROBLEM_DNS, false, "slash missing" },
	{ "one to a URL of 2200 octets", "a.test", "long-url", PROBLEM_CONNECTION, false, NULL },
	{ "one to https where there is none", "a.test", "to-tls-plain", PROBLEM_TLS, false, NULL },
	{ "one to a name that is not there", "a.test", "to-nx", PROBLEM_DNS, false, NULL },
	{ "one to localhost", "a.test", "to-localhost", PROBLEM_DNS, false, NULL },

	/* where we may not go (V1), and in neutral words */
#define DENIED PROBLEM_CONNECTION, false, "not one this gateway validates"
	{ "a name outside of the networks", "trap.test", "ok", DENIED },
	{ "an inside name outside of the networks", "inside.test", "ok", DENIED },
	{ "an address outside of the networks", "127.0.0.9", "ok", DENIED },
	{ "loopback where all addresses are allowed", "a.test", "ok", DENIED, { .networks = { "0.0.0.0/0", "::/0" } } },
	{ "IPv6 loopback where all addresses are allowed", "six.test", "ok", DENIED, { .networks = { "0.0.0.0/0", "::/0" } } },
	{ "a name that leads elsewhere when it is asked for again", "turns.test", "to-path", DENIED },
	{ "a name of an IPv4 address by NAT64", "nat64.test", "ok", DENIED, { .networks = { "0.0.0.0/0", "::/0", "127.0.0.1" } } },
	{ "a name of one by 6to4", "six-to-four.test", "ok", DENIED, { .networks = { "0.0.0.0/0", "2000::/3", "127.0.0.1" } } },
	{ "a redirect to one by NAT64", "a.test", "to-trap-nat64", DENIED, { .networks = { "0.0.0.0/0", "::/0", "127.0.0.1" } } },
	{ "to one in the form of compatible addresses", "a.test", "to-trap-compatible", DENIED, { .networks = { "0.0.0.0/0", "::/0", "127.0.0.1" } } },
	{ "to one by 6to4", "a.test", "to-trap-6to4", DENIED, { .networks = { "0.0.0.0/0", "::/0", "127.0.0.1" } } },
	{ "to one by Teredo", "a.test", "to-trap-teredo", DENIED, { .networks = { "0.0.0.0/0", "::/0", "127.0.0.1" } } },
	{ "a redirect to a listener of our own", "a.test", "to-tls", DENIED, { .networks = { "127.0.0.0/8" }, .own = true } },
	{ "which is one by its port", "tls.test", "ok", DENIED, { .networks = { "127.0.0.0/8" }, .own = true } },
	{ "and may be listed", "a.test", "to-tls", PROBLEM_NONE, .place = { .networks = { "127.0.0.0/8", "127.0.0.2" }, .own = true } },
	{ "a redirect to an address outside", "a.test", "to-trap", DENIED },
	{ "a redirect to a name outside", "a.test", "to-trap-name", DENIED },
	{ "a redirect without scheme", "a.test", "to-trap-scheme", DENIED },
	{ "a redirect to 0.0.0.0", "a.test", "to-any", DENIED },
	{ "a redirect to [::]", "a.test", "to-any6", DENIED },
	{ "a redirect to 10.1.2.3", "a.test", "to-10", DENIED },
	{ "a redirect to a name with such an address", "a.test", "to-inside", DENIED },
	{ "a redirect to the metadata service", "a.test", "to-metadata", DENIED },
	{ "a redirect to a link-local address", "a.test", "to-link-local", DENIED },
	{ "a redirect to multicast", "a.test", "to-multicast", DENIED },
	{ "a redirect to broadcast", "a.test", "to-broadcast", DENIED },
};

static void
test_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct place place = cases[i].place;
		struct validation v;
		bool proven = cases[i].kind == PROBLEM_NONE;

		if (place.port == 1)
			place.port = lonely.port;
		validate(cases[i].name, cases[i].token, &place, &v);
		if (!ok(v.proven == proven && (proven || v.problem.kind == cases[i].kind), "%s: %s", cases[i].what, proven ? "proven" : problem_type(cases[i].kind)))
			printf("# %s: %s\n", v.proven ? "proven" : problem_type(v.problem.kind), v.problem.detail);
		if (proven)
			continue;
		ok(v.final == cases[i].final, "%s: %s be tried again", cases[i].what, cases[i].final ? "it need not" : "it may");
		if (!ok(!cases[i].says || strstr(v.problem.detail, cases[i].says), "%s: says why", cases[i].what))
			printf("# %s\n", v.problem.detail);
		ok(!strstr(v.problem.detail, "SECRET") && v.problem.detail[0], "%s: tells nothing of what lies there", cases[i].what);
	}
}

/* Whatever is written so that two readers may read it in two ways: the trap must not hear of it. */
static void
test_tricks(void)
{
	static const char *const tokens[] = { "to-trap-number", "to-trap-hex", "to-trap-short", "to-trap-mapped", "to-trap-at", "to-trap-backslash" };

	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		struct validation v;

		validate("a.test", tokens[i], NULL, &v);
		printf("# %s: %s %s\n", tokens[i], v.proven ? "proven" : problem_type(v.problem.kind), v.problem.detail);
		ok(strcmp(v.where, "127.0.0.9") != 0, "%s: does not lead to the trap", tokens[i]);
	}
	is_int(atomic_load(&trap.accepted), 0, "nobody ever connected where nobody may");
}

static bool
was_said(const char *text)
{
	bool found;

	pthread_mutex_lock(&lock);
	found = strcasestr(last_request, text) != NULL;
	pthread_mutex_unlock(&lock);
	return found;
}

static void
test_request(void)
{
	AUTO_FREE char *host = xasprintf("\r\nHost: a.test:%u\r\n", web.port), *host6 = xasprintf("\r\nHost: [::1]:%u\r\n", web6.port);
	unsigned before;
	struct validation v;

	validate("a.test", "ok", NULL, &v);
	ok(was_said("GET " WELL_KNOWN "ok HTTP/1.1\r\n"), "it is a GET of the token's path");
	ok(was_said(host), "with the name as Host");
	ok(!was_said("\r\nAccept-Encoding:") && !was_said("\r\nCookie:") && !was_said("\r\nAuthorization:") && !was_said("\r\nReferer:"),
		"no Accept-Encoding, no cookies, no credentials, no Referer");
	ok(was_said("\r\nUser-Agent: acmegate/"), "saying who asks");
	is_str(v.where, "127.0.0.1", "the address is known for the story");
	validate("::1", "ok", NULL, &v);
	ok(was_said(host6), "an IPv6 address stands in brackets (RFC 8738 5)");
	is_str(v.where, "::1", "and is where it went");
	before = atomic_load(&web.accepted);
	validate("a.test", "ok", NULL, &v);
	validate("a.test", "ok", NULL, &v);
	is_int(atomic_load(&web.accepted) - before, 2, "each validation has a connection of its own");
}

static bool
answer_trap(struct peer *p)
{
	say(p, "200 OK", "", KEY_AUTH);
	return true;
}

int
main(void)
{
	SSL_CTX *ctx = self_signed();
	struct addr where;

	where = names_start(&names, rows, sizeof(rows) / sizeof(rows[0]));
	if (!server_start(&web, "127.0.0.1", NULL, answer) || !server_start_at(&web6, "::1", web.port, NULL, answer) ||
		!server_start_at(&tls, "127.0.0.2", web.port, ctx, answer) || !server_start_at(&trap, "127.0.0.9", web.port, NULL, answer_trap) ||
		!server_start(&lonely, "127.0.0.3", NULL, answer)) {
		printf("Bail out! no servers\n");
		return 1;
	}
	loop = loop_new("outbound");
	httpc = httpc_new(loop, NULL);
	dns = dns_new(loop, &where, 1);
	loop_start(loop);
	test_cases();
	test_tricks();
	test_request();
	loop_stop(loop);
	loop_join(loop);
	dns_free(dns);
	httpc_free(httpc);
	loop_free(loop);
	server_stop(&web);
	server_stop(&web6);
	server_stop(&tls);
	server_stop(&trap);
	server_stop(&lonely);
	names_stop(&names);
	SSL_CTX_free(ctx);
	return done_testing();
}
