/* The admin API on external account keys, abuse limits, limits of CAs and the gateway's own certificate. */
#include <stdio.h>
#include <unistd.h>

#include "ask.h"
#include "base/b64url.h"
#include "base/log.h"
#include "base/secret.h"
#include "keeper/keeper.h"
#include "store/eab.h"
#include "store/quota.h"

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

struct look {
	const char *kid;
	struct eab_key key;
	bool found;
};

static bool
look_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct look *l = arg;

	return eab_by_kid(db, span_str(l->kid), &l->key, &l->found, pr);
}

/* Does the key that was handed out under this kid make MACs that the keeper takes, by what lies in the store? */
static bool
verifies(const char *kid, struct span secret_text, enum jwa alg)
{
	struct look l = { .kid = kid };
	AUTO_SECRET secret = BUF_MAX(1024);
	AUTO_BUF mac = BUF_MAX(128);
	struct problem pr = { 0 };
	bool right = false, good;

	good = store_read(scene.admin.store, look_tx, &l, &pr) && l.found && b64url_read(secret_text, &secret) &&
		jws_mac_raw(alg, buf_span(&secret), SPAN("a.b"), &mac, &pr) &&
		keeper_mac_verify(scene.keeper, buf_span(&l.key.sealed), alg, SPAN("a.b"), buf_span(&mac), &right, &pr);
	eab_key_done(&l.key);
	return good && right;
}

/* Is the text anywhere in the database's files? */
static bool
lies_in_files(const char *text)
{
	AUTO_FREE char *command = xasprintf("grep -qr -- '%s' %s", text, scene.folder);

	return system(command) == 0;
}

/* ---- cases ---- */

static void
test_create(void)
{
	struct json *doc;
	AUTO_FREE char *kid = NULL, *key = NULL, *path = NULL;

	is_int(ask("POST", "/eab", "", &doc), 200, "a key is made");
	kid = at(doc, "id");
	key = at(doc, "key");
	has(doc, "status", "active");
	has(doc, "profiles", "[]");
	has(doc, "uses_max", "0");
	has(doc, "keep_accounts", "false");
	has(doc, "expires", "");
	json_free(doc);
	ok(strlen(kid) == 22 && kid[0] != '-', "its kid is made up, and no option to a command line");
	ok(strlen(key) == 43 && b64url_is_alphabet(span_str(key)), "it is 43 characters of base64url");
	ok(verifies(kid, span_str(key), JWA_HS256) && verifies(kid, span_str(key), JWA_HS384) && verifies(kid, span_str(key), JWA_HS512),
		"the keeper takes its MACs, of all three lengths");
	ok(!lies_in_files(key), "in the state folder it is nowhere as such");
	path = xasprintf("/eab/%s", kid);
	get(path, 200, "shown again it is without the key", WANT({ "id", kid }, { "key", "" }, { "sealed", "" }, { "accounts", "0" }));
}

static void
test_create_all(void)
{
	post("/eab", "{\"kid\":\"mdm_1\",\"note\":\"hall 3 \\u00fc\",\"profiles\":[\"p\"],\"uses\":5,\"accounts\":2,\"expires\":\"2099-01-02T00:00:00Z\",\"keep_accounts\":true}",
		200, "with all there is to say", WANT({ "id", "mdm_1" }, { "note", "hall 3 \xc3\xbc" }, { "profiles[0]", "p" }, { "uses_max", "5" },
			{ "accounts_max", "2" }, { "expires", "2099-01-02T00:00:00Z" }, { "keep_accounts", "true" }));
	post("/eab", "{\"kid\":\"mdm_1\"}", 409, "a kid is taken once", WANT({ "detail", "there is an external account key \"mdm_1\" already" }));
	get("/eab?limit=1", 200, "the list, newest first", WANT({ "items[0].id", "mdm_1" }, { "items[0].key", "" }, { "next", "mdm_1" }, { "total", "2" }));
	get("/eab?before=mdm_1", 200, "goes on", WANT({ "items[0].status", "active" }, { "items[1]", "" }, { "next", "null" }));
	get("/eab?before=nobody", 404, "from what is there", WANT({ "detail", "there is no external account key \"nobody\"" }));
	get("/eab/nobody", 404, "an unknown one", NULL);
}

static void
test_create_refused(void)
{
	static const char *const kids[] = { "", "a b", "a:b", "-a", "a/b", "a.b", "0123456789012345678901234567890123456789012345678901234567890123x" };
	AUTO_BUF body = BUF_MAX(8192);

	for (size_t i = 0; i < COUNT_OF(kids); i++) {
		buf_clear(&body);
		buf_addf(&body, "{\"kid\":\"%s\"}", kids[i]);
		post("/eab", buf_cstr(&body), 400, "no such kid", NULL);
	}
	post("/eab", "{\"kid\":\"012345678901234567890123456789012345678901234567890123456789012x\"}", 200, "64 characters are one", NULL);
	post("/eab", "{\"profiles\":[\"q\"]}", 400, "no profile that is not there", WANT({ "detail", "there is no profile \"q\"" }));
	post("/eab", "{\"profiles\":[1]}", 400, "a profile is a name", NULL);
	post("/eab", "{\"profiles\":\"p\"}", 400, "profiles are a list", NULL);
	post("/eab", "{\"expires\":\"2001-01-01T00:00:00Z\"}", 400, "no key that has expired", NULL);
	post("/eab", "{\"expires\":\"soon\"}", 400, "nor one that does at no time", NULL);
	post("/eab", "{\"uses\":-1}", 400, "no uses below none", NULL);
	post("/eab", "{\"uses\":\"1\"}", 400, "a number is a number", NULL);
	post("/eab", "{\"accounts\":1.5}", 400, "and whole", NULL);
	buf_clear(&body);
	buf_addf(&body, "{\"note\":\"%0*d\"}", 257, 0);
	post("/eab", buf_cstr(&body), 400, "no note without end", NULL);
}

static void
test_import(void)
{
	post("/eab", "{\"kid\":\"imp16\",\"key\":\"AAECAwQFBgcICQoLDA0ODw\"}", 200, "an existing key of 16 octets", WANT({ "id", "imp16" }, { "key", "" }));
	ok(verifies("imp16", SPAN("AAECAwQFBgcICQoLDA0ODw"), JWA_HS256), "is that key");
	post("/eab", "{\"kid\":\"imp16\",\"key\":\"AAECAwQFBgcICQoLDA0ODw\",\"again\":true}", 200, "that is there already is as good if it is the same",
		WANT({ "id", "imp16" }, { "key", "" }));
	post("/eab", "{\"kid\":\"imp16\",\"key\":\"AAECAwQFBgcICQoLDA0OEA\",\"again\":true}", 409, "and another one is not", NULL);
	post("/eab", "{\"kid\":\"imp16p\",\"key\":\"AAECAwQFBgcICQoLDA0ODw==\"}", 200, "padding is forgiven", NULL);
	post("/eab", "{\"kid\":\"esc\",\"key\":\"AAECAwQFBgcICQoLDA0OD\\u0077\"}", 200, "also written with escapes", NULL);
	ok(verifies("esc", SPAN("AAECAwQFBgcICQoLDA0ODw"), JWA_HS256), "is that key too");
	post("/eab", "{\"kid\":\"imp15\",\"key\":\"AAECAwQFBgcICQoLDA0O\"}", 400, "15 octets are too few", WANT({ "detail", "key has 15 octets, expected 16 to 1024" }));
	post("/eab", "{\"kid\":\"impx\",\"key\":\"AAECAwQFBgcICQoLDA0+/w\"}", 400, "the other alphabet is none of ours", WANT({ "detail", "key is not base64url (A-Z a-z 0-9 - _)" }));
	post("/eab", "{\"kid\":\"impe\",\"key\":\"\"}", 400, "nothing is no key", NULL);
	get("/eab/impx", 404, "what was refused is not there", NULL);
}

static void
test_states(void)
{
	post("/eab/mdm_1/disable", "", 200, "a key is suspended", WANT({ "status", "suspended" }));
	post("/eab/mdm_1/disable", "", 200, "twice is the same", WANT({ "status", "suspended" }));
	post("/eab/mdm_1/enable", "", 200, "and in force again", WANT({ "status", "active" }));
	post("/eab/mdm_1/disable", "", 200, "suspended once more", NULL);
	post("/eab/mdm_1/revoke", "", 200, "and revoked", WANT({ "status", "revoked" }));
	post("/eab/mdm_1/revoke", "", 200, "twice is the same", WANT({ "status", "revoked" }));
	post("/eab/mdm_1/enable", "", 409, "which is final", WANT({ "detail", "the external account key \"mdm_1\" is revoked, which is final" }));
	post("/eab/mdm_1/disable", "", 409, "in every way", NULL);
	post("/eab/nobody/revoke", "", 404, "an unknown one", NULL);
	get("/eab/mdm_1/revoke", 405, "a GET changes nothing", NULL);
}

static bool
age_tx(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	return sql_exec(db, "update eab_key set created_at=created_at-100 where kid='old'", pr);
}

static void
test_rotate(void)
{
	struct json *doc;
	AUTO_FREE char *key = NULL, *expires = NULL, *old = NULL;
	struct problem pr = { 0 };
	int64_t at_s, now = clock_unix_s();
	char text[TIME_TEXT];
	AUTO_BUF body = BUF_MAX(1024);

	time_rfc3339(now + 1000, text);
	buf_addf(&body, "{\"kid\":\"old\",\"note\":\"n\",\"profiles\":[\"p\"],\"uses\":3,\"accounts\":4,\"keep_accounts\":true,\"expires\":\"%s\"}", text);
	post("/eab", buf_cstr(&body), 200, "a key", NULL);
	ok(store_write(scene.admin.store, age_tx, NULL, &pr), "100 s old, so 1100 s long");
	is_int(ask("POST", "/eab/old/rotate", "{\"kid\":\"new\",\"overlap_s\":60}", &doc), 200, "has a successor");
	key = at(doc, "key");
	expires = at(doc, "expires");
	has(doc, "id", "new");
	has(doc, "note", "n");
	has(doc, "profiles[0]", "p");
	has(doc, "uses_max", "3");
	has(doc, "uses", "0");
	has(doc, "accounts_max", "4");
	has(doc, "keep_accounts", "true");
	json_free(doc);
	ok(strlen(key) == 43 && verifies("new", span_str(key), JWA_HS256), "with a key of its own");
	ok(time_rfc3339_parse(span_str(expires), &at_s) && at_s >= now + 1100 && at_s <= now + 1160, "that lives as long as the old one did");
	ask("GET", "/eab/old", NULL, &doc);
	old = at(doc, "expires");
	has(doc, "status", "active");
	json_free(doc);
	ok(time_rfc3339_parse(span_str(old), &at_s) && at_s >= now + 60 && at_s <= now + 120, "the old one ends with the overlap");
	post("/eab/old/rotate", "{\"overlap_s\":3600}", 200, "a longer overlap", NULL);
	get("/eab/old", 200, "gives it no longer life", WANT({ "expires", old }));
	post("/eab/old/rotate", "{\"overlap_s\":0}", 200, "none", NULL);
	get("/eab/old", 200, "ends it at once", WANT({ "status", "expired" }));
	post("/eab/imp16/rotate", "{\"expires\":\"2098-01-01T00:00:00Z\"}", 200, "with another end", WANT({ "expires", "2098-01-01T00:00:00Z" }));
	post("/eab/new/rotate", "{\"kid\":\"old\"}", 409, "the new kid must be free", NULL);
	post("/eab/mdm_1/rotate", "", 409, "no successor to a revoked one", WANT({ "detail", "the external account key \"mdm_1\" is revoked: create a new one" }));
	post("/eab/nobody/rotate", "", 404, "nor to an unknown one", NULL);
	post("/eab/new/rotate", "{\"overlap_s\":-1}", 400, "no overlap before now", NULL);
}

static void
test_limits(void)
{
	struct problem pr = { 0 };
	struct gate_conf *conf = conf_holder_take(scene.admin.conf);

	get("/limits", 200, "all limits",
		WANT({ "limits[0].name", "requests" }, { "limits[0].per", "address" }, { "limits[0].burst", "400" }, { "limits[0].interval_ms", "5" },
			{ "limits[1].name", "new-account" }, { "limits[1].burst", "100" }, { "limits[2].name", "new-order" }, { "limits[2].per", "account" },
			{ "limits[3].name", "challenge" }, { "limits[4].name", "failed-validation" }, { "limits[4].per", "account and name" },
			{ "limits[4].interval_ms", "180000" }, { "limits[4].keys", "0" }, { "limits[5].name", "renewal-address" },
			{ "limits[6].name", "renewal-account" }, { "limits[7]", "" }, { "pending_authz_max", "300" }, { "pending_authz_refused", "0" }));
	for (int i = 0; i < 22; i++) {
		bool taken = limit_take(&scene.server.limits, conf, LIMIT_FAILED, SPAN("1/a.test"), &pr);

		if (taken != (i < 20))
			ok(false, "the 21st is refused, not the %d.", i + 1);
	}
	gate_conf_unref(conf);
	get("/limits", 200, "and what they did", WANT({ "limits[4].keys", "1" }, { "limits[4].taken", "20" }, { "limits[4].refused", "2" }, { "limits[0].taken", "0" }));
}

/* Three learned buckets: one half used, one frozen, and one of a CA that is not in the configuration any more. */
static bool
buckets_tx(struct sql *db, void *arg, struct problem *pr)
{
	int64_t now = clock_unix_s() * NS_PER_S;
	struct bucket half = { .scope = "127.0.0.1:1", .kind = QUOTA_DOMAIN, .name = "corp.example", .tat_ns = now + 200 * NS_PER_S,
		.learned = { 4, 4, 400 } };
	struct bucket frozen = { .scope = "127.0.0.1:1", .kind = QUOTA_DOMAIN, .name = "other.example", .frozen_ns = now + 500 * NS_PER_S };
	struct bucket gone = { .scope = "gone", .kind = QUOTA_DOMAIN, .name = "corp.example", .learned = { 4, 4, 400 } };

	(void)arg;
	return bucket_save(db, &half, pr) && bucket_save(db, &frozen, pr) && bucket_save(db, &gone, pr) && hold_add(db, 77, half.id, pr);
}

static void
test_quotas(void)
{
	struct problem pr = { 0 };

	get("/limits/ca", 200, "no bucket is one that is not full", WANT({ "items[0]", "" }, { "total", "0" }));
	ok(store_write(scene.admin.store, buckets_tx, NULL, &pr), "buckets");
	get("/limits/ca", 200, "the newest first, and none of a CA that is gone",
		WANT({ "items[0].name", "other.example" }, { "items[0].source", "none" }, { "items[0].count", "0" }, { "items[0].left", "0" },
			{ "items[1].name", "corp.example" }, { "items[1].limit", "certs_domain" }, { "items[1].ca", "127.0.0.1:1" },
			{ "items[1].upstreams[0]", "ca" }, { "items[1].source", "learned" }, { "items[1].count", "4" }, { "items[1].period_s", "400" },
			{ "items[1].used", "2" }, { "items[1].reserved", "1" }, { "items[1].kept", "1" }, { "items[1].left", "0" },
			{ "items[1].waiting", "0" }, { "items[2]", "" }, { "next", "null" }, { "total", "3" }));
	get("/limits/ca?blocked=1&name=other.example", 200, "what lets nothing through", WANT({ "items[0].name", "other.example" }, { "items[1]", "" }));
	get("/limits/ca?kind=certs_set", 200, "of another limit", WANT({ "items[0]", "" }));
	get("/limits/ca?upstream=local", 200, "of a CA without limits", WANT({ "items[0]", "" }));
	get("/limits/ca?limit=1", 200, "a page", WANT({ "items[0].name", "other.example" }, { "items[1]", "" }, { "next", "2" }));
	get("/limits/ca?limit=1&before=2", 200, "and the next", WANT({ "items[0].name", "corp.example" }, { "next", "null" }));
	get("/limits/ca?name=%63orp.example", 200, "a name may be escaped", WANT({ "items[0].name", "corp.example" }));
	get("/limits/ca?kind=http_acme", 400, "requests have no buckets on record", NULL);
	get("/limits/ca?kind=x", 400, "no limit", NULL);
	get("/limits/ca?before=x", 400, "no cursor", NULL);
	get("/limits/ca?name=%6", 400, "half an escape", NULL);
	get("/limits/ca?upstream=x", 404, "an unknown entry", NULL);
}

static void
test_tls(void)
{
	get("/tls", 200, "no certificate, but what becomes of it",
		WANT({ "source", "upstream" }, { "upstream", "ca" }, { "certificate", "" }, { "file_differs", "false" }, { "renewal.state", "failed" },
			{ "renewal.due", "2001-09-09T01:46:40Z" }, { "renewal.order", scene.processing }, { "renewal.error.detail", "not ours" }));
}

int
main(void)
{
	log_init(LOG_ERROR, LOG_LOGFMT);
	scene_up(&scene);
	test_create();
	test_create_all();
	test_create_refused();
	test_import();
	test_states();
	test_rotate();
	test_limits();
	test_quotas();
	test_tls();
	scene_down(&scene);
	return done_testing();
}
