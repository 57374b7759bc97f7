/* tls-alpn-01 (RFC 8737, RFC 8738) against TLS servers and a scripted DNS server: what proves, what does not, with which problem
 * and in which words, and where the gateway never connects. */
#include "net.h"
#include "flag.h"
#include "tap.h"
#include "validate/validate.h"

#define KEY_AUTH "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
#define PROOF "1.3.6.1.5.5.7.1.31=critical,DER:0420653471d42925d7eb4cd39a39cda8b34d3034c94cb90067ab78c8123560ba2e5f"
#define OTHER "1.3.6.1.5.5.7.1.31=critical,DER:0420000071d42925d7eb4cd39a39cda8b34d3034c94cb90067ab78c8123560ba2e5f"

static struct loop *loop;
static struct dns *dns, *nobody;
static struct tlsc *tlsc;
static struct addr dns_at;
static EVP_PKEY *key;

static const struct name_row rows[] = {
	{ "good.test", "127.0.0.1" },
	{ "six.test", NULL, "::1" },
	{ "both.test", "127.0.0.1", "::1" }, /* nobody listens on ::1 */
	{ "trap.test", "127.0.0.9" },
	{ "inside.test", "10.1.2.3" },
	{ "mixed.test", "127.0.0.1", "fe80::1" },
	{ "none.test" },
	{ "fail.test", NULL, NULL, 2 },
};

/* A server whose certificate has these extensions. */
struct device {
	struct server server;
	SSL_CTX *ctx;
	_Atomic(bool) knows_alpn;
};

static char last_name[256]; /* under name_lock */
static pthread_mutex_t name_lock = PTHREAD_MUTEX_INITIALIZER;

/* The server name that was asked for last. */
static const char *
seen_name(void)
{
	static char copy[sizeof(last_name)];

	pthread_mutex_lock(&name_lock);
	memcpy(copy, last_name, sizeof(copy));
	pthread_mutex_unlock(&name_lock);
	return copy;
}

static int
choose(SSL *ssl, const unsigned char **out, unsigned char *n, const unsigned char *in, unsigned in_n, void *arg)
{
	const struct device *d = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	pthread_mutex_lock(&name_lock);
	snprintf(last_name, sizeof(last_name), "%s", name ? name : "");
	pthread_mutex_unlock(&name_lock);
	if (!d->knows_alpn || in_n != 11)
		return SSL_TLSEXT_ERR_NOACK;
	*out = in + 1;
	*n = in[0];
	return SSL_TLSEXT_ERR_OK;
}

static bool
no_answer(struct peer *p)
{
	(void)p;
	return false;
}

static void
device_start(struct device *d, const char *addr, uint16_t port, const char *san, const char *proof)
{
	struct forge_cert f = { .cn = "x", .key = key, .not_before_unix_s = 1, .not_after_unix_s = 2, .exts = { san, proof } };
	X509 *x = forge_x509(&f);

	d->ctx = SSL_CTX_new(TLS_server_method());
	d->knows_alpn = true;
	SSL_CTX_set_alpn_select_cb(d->ctx, choose, d);
	if (SSL_CTX_use_certificate(d->ctx, x) != 1 || SSL_CTX_use_PrivateKey(d->ctx, key) != 1 ||
		!server_start_at(&d->server, addr, port, d->ctx, no_answer))
		abort();
	X509_free(x);
}

static void
device_stop(struct device *d)
{
	server_stop(&d->server);
	SSL_CTX_free(d->ctx);
}

static struct flag done = FLAG;

static void
on_done(struct validation *v)
{
	(void)v;
	flag_raise(&done);
}

static const struct net inside[] = { { { .family = AF_INET, .octet = { 127, 0, 0, 1 } }, 32 },
	{ { .family = AF_INET6, .octet = { [15] = 1 } }, 128 } };
static const struct reach reach = { inside, COUNT_OF(inside), NULL, 0 };

static void
validate(const char *name, struct dns *by, const struct addr *resolver, uint16_t port, struct validation *v)
{
	struct validate_env env = { .loop = loop, .dns = by, .tlsc = tlsc };
	struct addr addr;

	*v = (struct validation){ .key_auth = KEY_AUTH, .tls_alpn01_port = port, .reach = &reach,
		.resolvers = resolver, .resolver_count = resolver ? 1 : 0, .timeout_ms = 3000, .done = on_done, .env = &env };
	v->ident.type = addr_parse(span_str(name), &addr) ? IDENT_IP : IDENT_DNS;
	snprintf(v->ident.value, sizeof(v->ident.value), "%s", name);
	pthread_mutex_lock(&name_lock);
	last_name[0] = '\0';
	pthread_mutex_unlock(&name_lock);
	tlsalpn01_start(v);
	flag_wait(&done, 1);
}

static const struct {
	const char *name, *san, *proof;
	enum problem_kind want; /* PROBLEM_NONE = proven */
	const char *detail, *sni, *what;
	bool final;
} cases[] = {
	{ "good.test", "subjectAltName=DNS:good.test", PROOF, PROBLEM_NONE, "", "good.test", "a name" },
	{ "both.test", "subjectAltName=DNS:both.test", PROOF, PROBLEM_NONE, "", "both.test", "IPv4 where IPv6 takes no connection" },
	{ "mixed.test", "subjectAltName=DNS:mixed.test", PROOF, PROBLEM_NONE, "", "mixed.test", "an address that is not allowed is passed over" },
	{ "127.0.0.1", "subjectAltName=IP:127.0.0.1", PROOF, PROBLEM_NONE, "", "1.0.0.127.in-addr.arpa", "an IPv4 address" },
	{ "good.test", "subjectAltName=DNS:good.test", OTHER, PROBLEM_UNAUTHORIZED, "good.test port ", "good.test", "the proof of another key", true },
	{ "good.test", "subjectAltName=DNS:other.test", PROOF, PROBLEM_UNAUTHORIZED, "subjectAltName", "good.test", "the proof of another name" },
	{ "good.test", "subjectAltName=DNS:good.test", NULL, PROBLEM_UNAUTHORIZED, "no acmeIdentifier", "good.test", "its everyday certificate" },
	{ "inside.test", "subjectAltName=DNS:inside.test", PROOF, PROBLEM_CONNECTION, "not one this gateway validates", "", "an address of no network" },
	{ "trap.test", "subjectAltName=DNS:trap.test", PROOF, PROBLEM_CONNECTION, "not one this gateway validates", "", "another of loopback" },
	{ "10.1.2.3", "subjectAltName=IP:10.1.2.3", PROOF, PROBLEM_CONNECTION, "not one this gateway validates", "", "such an address itself" },
	{ "none.test", NULL, NULL, PROBLEM_DNS, "neither an A nor an AAAA record", "", "a name without an address" },
	{ "nx.test", NULL, NULL, PROBLEM_DNS, "(NXDOMAIN)", "", "a name that is not there" },
	{ "fail.test", NULL, NULL, PROBLEM_DNS, "(SERVFAIL)", "", "a broken zone" },
};

static void
test_cases(void)
{
	struct validation v;
	struct device d;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		device_start(&d, "127.0.0.1", 0, cases[i].san, cases[i].proof);
		validate(cases[i].name, dns, NULL, d.server.port, &v);
		ok(v.proven == (cases[i].want == PROBLEM_NONE) && v.problem.kind == cases[i].want && v.final == cases[i].final, "%s", cases[i].what);
		ok(strstr(v.problem.detail, cases[i].detail), "\"%s\"", v.problem.detail);
		is_str(seen_name(), cases[i].sni, "SNI");
		is_str(v.where, cases[i].sni[0] ? "127.0.0.1" : "", "where it connected, for the story");
		device_stop(&d);
	}
}

static void
test_others(void)
{
	struct device d, trap;
	struct validation v;
	uint16_t port;

	device_start(&d, "::1", 0, "subjectAltName=IP:::1", PROOF);
	validate("::1", dns, NULL, d.server.port, &v);
	ok(v.proven, "an IPv6 address");
	is_str(seen_name(), "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", "SNI is its reverse name");
	device_stop(&d);

	device_start(&d, "127.0.0.1", 0, "subjectAltName=DNS:good.test", PROOF);
	d.knows_alpn = false;
	validate("good.test", dns, NULL, d.server.port, &v);
	ok(!v.proven && v.problem.kind == PROBLEM_UNAUTHORIZED && strstr(v.problem.detail, "did not choose the protocol acme-tls/1"),
		"the right certificate without the protocol: %s", v.problem.detail);
	d.knows_alpn = true;
	validate("good.test", nobody, NULL, d.server.port, &v);
	ok(!v.proven && v.problem.kind == PROBLEM_DNS, "nobody to ask");
	validate("good.test", nobody, &dns_at, d.server.port, &v);
	ok(v.proven, "the profile's resolvers are asked instead of the gateway's");
	port = d.server.port;
	device_start(&trap, "127.0.0.9", port, "subjectAltName=DNS:trap.test", PROOF);
	validate("trap.test", dns, NULL, port, &v);
	ok(!v.proven && trap.server.accepted == 0, "nobody ever connects where nobody may");
	device_stop(&trap);
	device_stop(&d);
	validate("good.test", dns, NULL, port, &v);
	ok(!v.proven && v.problem.kind == PROBLEM_CONNECTION && strstr(v.problem.detail, "cannot connect"), "nobody listens: %s", v.problem.detail);
	if (!server_start(&d.server, "127.0.0.1", NULL, no_answer))
		abort();
	validate("good.test", dns, NULL, d.server.port, &v);
	ok(!v.proven && v.problem.kind == PROBLEM_CONNECTION && strstr(v.problem.detail, "time-out"), "a peer that never answers: %s", v.problem.detail);
	server_stop(&d.server);
}

int
main(void)
{
	struct names names;
	struct addr closed = { .family = AF_INET, .octet = { 127, 0, 0, 1 }, .port = 1 };

	key = EVP_EC_gen("P-256");
	dns_at = names_start(&names, rows, COUNT_OF(rows));
	loop = loop_new("outbound");
	dns = dns_new(loop, &dns_at, 1);
	nobody = dns_new(loop, &closed, 1);
	tlsc = tlsc_new(loop, 100);
	loop_start(loop);
	test_cases();
	test_others();
	loop_stop(loop);
	loop_join(loop);
	dns_free(dns);
	dns_free(nobody);
	tlsc_free(tlsc);
	loop_free(loop);
	names_stop(&names);
	EVP_PKEY_free(key);
	return done_testing();
}
