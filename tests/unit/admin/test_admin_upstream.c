/* The admin API on the CAs behind: shown, tried, and what is to be done about our account there. Nobody answers at their URLs. */
#include <stdio.h>
#include <unistd.h>

#include "ask.h"
#include "base/b64url.h"
#include "base/log.h"
#include "keeper/keeper.h"
#include "store/upstream_life.h"
#include "upstream/eab.h"

#define URL "http://127.0.0.1:1/a/1"
#define MAC_KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"

static void
post(const char *path, const char *body, int status, const char *name, const struct want *wants)
{
	struct json *doc;

	is_int(ask("POST", path, body, &doc), status, "%s: %s", path, name);
	for (; wants && wants->path; wants++)
		has(doc, wants->path, wants->value);
	json_free(doc);
}

/* ---- what lies in the store ---- */

static struct upstream *
ca(void)
{
	return upstreams_get(scene.admin.ups, "ca");
}

static bool
row_tx(struct sql *db, void *arg, struct problem *pr)
{
	bool found;

	upstream_row_done(arg);
	return upstream_row_by_id(db, ca()->id, arg, &found, pr) && found;
}

static struct upstream_row
row(void)
{
	struct upstream_row r = { 0 };
	struct problem pr = { 0 };

	ok(store_read(scene.admin.store, row_tx, &r, &pr), "  (the row is read)");
	return r;
}

static bool
registered_tx(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	return upstream_life_registered(db, ca()->id, URL, "mailto:a@b.test", "https://ca.test/terms", pr);
}

static bool
state_tx(struct sql *db, void *arg, struct problem *pr)
{
	return upstream_life_state(db, ca()->id, *(const enum account_state *)arg, pr);
}

static void
write_store(sql_fn fn, void *arg)
{
	struct problem pr = { 0 };

	ok(store_write(scene.admin.store, fn, arg, &pr), "  (the row is written)");
}

static void
directory(const char *more)
{
	AUTO_FREE char *text = xasprintf("{\"newNonce\":\"http://127.0.0.1:1/n\",\"newAccount\":\"http://127.0.0.1:1/na\",\"newOrder\":\"http://127.0.0.1:1/no\"%s}",
		more);
	struct problem pr = { 0 };

	ok(ca_directory_restore(ca()->ca, span_str(text), clock_unix_s(), &pr), "  (a directory)");
}

/* ---- */

static void
test_shown(void)
{
	get("/upstreams", 200, "both", WANT({ "items[0].id", "local" }, { "items[0].driver", "local" }, { "items[0].profiles[0]", "p" }, { "items[0].account", "" },
		{ "items[1].id", "ca" }, { "items[1].account.state", "none" }, { "items[1].account.key_type", "p256" }, { "items[1].circuit", "closed" },
		{ "items[1].orders", "1" }, { "items[1].eab.source", "none" }, { "total", "2" }));
	get("/upstreams/ca", 200, "one", WANT({ "id", "ca" }, { "driver", "acme" }, { "ca", "127.0.0.1:1" }, { "kind", "public" },
		{ "directory.url", "http://127.0.0.1:1/dir" }, { "directory.key_change", "" }, { "terms.wanted", "false" }));
	get("/upstreams/nobody", 404, "none of that name", WANT({ "detail", "there is no upstream \"nobody\"" }));
	get("/upstreams/ca?x=1", 400, "no parameters", NULL);
	get("/upstreams/local/stake", 409, "our own CA has no account", NULL);
	get("/upstreams/ca/persist-records", 200, "no solver needs any", WANT({ "solvers", "0" }, { "records", "[]" }));
	get("/upstreams/local/persist-records", 409, "our own CA needs none", NULL);
	post("/upstreams", "{}", 405, "nothing is made there", NULL);
}

static void
test_too_early(void)
{
	post("/upstreams/ca/rotate-key", "{}", 409, "without an account there is no key to change", WANT({ "detail", "we have no account at \"ca\" yet" }));
	post("/upstreams/ca/deactivate", "{}", 409, "nor one to end", NULL);
	post("/upstreams/ca/register", "{}", 409, "and it is made by itself", NULL);
	post("/upstreams/local/rotate-key", "{}", 409, "our own CA has no account", NULL);
	post("/upstreams/nobody/deactivate", "{}", 404, "none of that name", NULL);
}

static void
test_tried(void)
{
	post("/upstreams/local/test", "{}", 200, "our own CA", WANT({ "good", "true" }, { "steps[0].good", "true" }));
	post("/upstreams/ca/test", "{}", 200, "nobody is there", WANT({ "good", "false" }, { "steps[0].step", "directory" }, { "steps[0].good", "false" },
		{ "steps[1].step", "solver http-01" }, { "steps[1].good", "false" }));
	post("/upstreams/ca/test", "{\"name\":\"-bad-\"}", 400, "what is no name", NULL);
	post("/upstreams/ca/test", "{\"name\":1}", 400, "nor a text", NULL);
	post("/upstreams/nobody/test", "{}", 404, "none of that name", NULL);
}

static const struct {
	const char *body, *name;
} no_eabs[] = {
	{ "{}", "nothing" },
	{ "{\"kid\":\"k\"}", "a kid alone" },
	{ "{\"key\":\"" MAC_KEY "\"}", "a key alone" },
	{ "{\"kid\":\"k\",\"key\":\"AAAA\"}", "a key of three octets" },
	{ "{\"kid\":\"k\",\"key\":\"!!!!\"}", "a key in no alphabet" },
	{ "{\"kid\":\"k\",\"key\":\"" MAC_KEY "\",\"alg\":\"ES256\"}", "a signature's algorithm" },
	{ "{\"kid\":\"k\",\"key\":\"" MAC_KEY "\",\"encoding\":\"hex\"}", "an encoding that is not known" },
	{ "{\"kid\":\"k\",\"key\":\"" MAC_KEY "\",\"expires\":\"tomorrow\"}", "a time that is none" },
	{ "{\"expires\":\"2001-01-01T00:00:00Z\"}", "an end that is over" },
	{ "{\"kid\":1,\"key\":\"" MAC_KEY "\"}", "a kid that is no text" },
};

/* What lies in the store makes the MAC of a binding at this CA, and of nothing else. */
static void
test_sealed(const struct upstream_row *r)
{
	AUTO_BUF input = BUF_MAX(4096), mac = BUF_MAX(64), want = BUF_MAX(64), secret = BUF_MAX(64), foreign = BUF_MAX(4096), none = BUF_MAX(64);
	struct span sealed = buf_span(&r->life.eab_key);
	struct problem pr = { 0 };

	ok(b64url_read(SPAN(MAC_KEY), &secret) && eab_input(&input, JWA_HS256, r->life.eab_kid, "http://127.0.0.1:1/na", SPAN("{}"), &pr) &&
		keeper_mac(scene.keeper, sealed, JWA_HS256, buf_span(&input), &mac, &pr) && jws_mac_raw(JWA_HS256, buf_span(&secret), buf_span(&input), &want, &pr) &&
		span_eq(buf_span(&mac), buf_span(&want)), "it is the key that was handed in");
	ok(eab_input(&foreign, JWA_HS256, "k", "https://evil.test/na", SPAN("{}"), &pr) &&
		!keeper_mac(scene.keeper, sealed, JWA_HS256, buf_span(&foreign), &none, &pr), "and binds nothing elsewhere");
	ok(!memmem(sealed.p, sealed.n, secret.p, secret.n), "it lies sealed");
}

static void
test_eab(void)
{
	struct upstream_row r;

	for (size_t i = 0; i < COUNT_OF(no_eabs); i++)
		post("/upstreams/ca/eab", no_eabs[i].body, 400, no_eabs[i].name, NULL);
	post("/upstreams/local/eab", "{\"kid\":\"k\",\"key\":\"" MAC_KEY "\"}", 409, "our own CA has no account", NULL);
	post("/upstreams/ca/eab", "{\"expires\":\"2091-01-01T00:00:00Z\"}", 409, "the end of a binding that is not there", NULL);
	post("/upstreams/ca/eab", "{\"kid\":\"kid-1\",\"key\":\"" MAC_KEY "==\",\"encoding\":\"base64\",\"expires\":\"2090-01-01T00:00:00Z\"}", 200, "a binding",
		WANT({ "eab.kid", "kid-1" }, { "eab.source", "operator" }, { "eab.expires", "2090-01-01T00:00:00Z" }, { "eab.expired", "false" }, { "eab.key", "" }));
	r = row();
	test_sealed(&r);
	upstream_row_done(&r);
	post("/upstreams/ca/eab", "{\"expires\":\"2091-01-01T00:00:00Z\"}", 200, "its end alone",
		WANT({ "eab.kid", "kid-1" }, { "eab.expires", "2091-01-01T00:00:00Z" }));
	is_int(atomic_load(&ca()->eab_expires), 3818448000, "which metrics have at once");
}

static void
test_account(void)
{
	enum account_state ended = ACCOUNT_DEACTIVATED;
	struct upstream_row r;

	write_store(registered_tx, NULL);
	directory("");
	get("/upstreams/ca", 200, "an account", WANT({ "account.state", "valid" }, { "account.url", URL }, { "account.contact", "mailto:a@b.test" },
		{ "terms.agreed", "https://ca.test/terms" }, { "directory.key_change", "false" }));
	post("/upstreams/ca/rotate-key", "{}", 409, "a CA without keyChange",
		WANT({ "detail", "this CA offers no keyChange: another key means another account, and upstream move tells what that costs" }));
	directory(",\"keyChange\":\"http://127.0.0.1:1/kc\",\"meta\":{\"caaIdentities\":[\"ca.test\"],\"externalAccountRequired\":true}");
	get("/upstreams/ca/stake", 200, "what hangs on it", WANT({ "account", URL }, { "lost[0].what", "orders" }, { "lost[0].count", "1" }, { "lost[1].what", "eab" }));
	post("/upstreams/ca/rotate-key", "{}", 200, "a key that is to be", WANT({ "account.state", "changing-key" }));
	r = row();
	ok(r.life.next_key.n && r.sealed_key.n && !span_eq(buf_span(&r.life.next_key), buf_span(&r.sealed_key)), "is kept beside the old one");
	upstream_row_done(&r);
	post("/upstreams/ca/rotate-key", "{}", 409, "one at a time", NULL);
	post("/upstreams/ca/register", "{}", 409, "an account that has not ended is kept", NULL);
	post("/upstreams/ca/deactivate", "{}", 200, "its end", WANT({ "account.state", "deactivating" }));
	post("/upstreams/ca/deactivate", "{}", 409, "is asked for once", NULL);
	post("/upstreams/ca/rotate-key", "{}", 409, "and nothing else then", NULL);
	write_store(state_tx, &ended);
	get("/upstreams/ca", 200, "it has ended", WANT({ "account.state", "deactivated" }));
	post("/upstreams/ca/rotate-key", "{}", 409, "and has no key to change", WANT({ "detail", "our account at \"ca\" is deactivated" }));
	r = row();
	post("/upstreams/ca/register", "{}", 200, "another one", WANT({ "account.state", "none" }, { "account.url", "" }));
	upstream_row_done(&r);
}

int
main(void)
{
	log_init(LOG_ERROR, LOG_LOGFMT);
	log_set_level(LOG_ERROR);
	scene_up(&scene);
	test_shown();
	test_too_early();
	test_tried();
	test_eab();
	test_account();
	scene_down(&scene);
	return done_testing();
}
