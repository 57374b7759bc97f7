/* What the ACME server answers when all is well: status, fields and members of each resource, what is reused, and what happens
 * when two ask at once. */
#include "lab.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/b64url.h"
#include "pg.h"
#include "tap.h"

static struct lab lab;

static const char conf[] = LAB_NO_RATES
	"default_profile = \"default\"; website = \"https://pki.test/\"; caa_identities = [ \"pki.test\" ];"
	"profiles = ( { name = \"default\"; upstream = \"own\"; identifier_types = [ \"dns\", \"ip\" ]; description = \"for all\"; },"
	" { name = \"second\"; upstream = \"own\"; },"
	" { name = \"hidden\"; upstream = \"own\"; advertise = false; },"
	" { name = \"far\"; upstream = \"far\"; } );";

#define REPLY AUTO_BUF reply = BUF_MAX(4 << 20)

/* Status, and what each good reply of ours has (W25, W26). */
static bool
is_good(const struct buf *reply, int status, const char *type, bool post)
{
	AUTO_FREE char *length = xasprintf("%zu", reply_body(reply).n), *index = xasprintf("<%s/directory>;rel=\"index\"", lab.base);
	const char *got = reply_field(reply, "Content-Type", 0);
	bool good = reply_status(reply) == status && (type ? got && strcmp(got, type) == 0 : !got);

	good = good && (status == 204 ? !reply_field(reply, "Content-Length", 0) : reply_has_field(reply, "Content-Length", length));
	good = good && (reply_field(reply, "Replay-Nonce", 0) != NULL) == post && !reply_field(reply, "Replay-Nonce", 1);
	good = good && (!post || reply_has_field(reply, "Link", index)) && reply_has_field(reply, "Cache-Control", "no-store") &&
		!reply_field(reply, "Transfer-Encoding", 0);
	if (!good)
		printf("# %.1500s\n", reply->n ? reply->p : "");
	return good;
}

#define JSON "application/json"

/* Do the members stand in the body in this order ("a,b,c")? */
static bool
in_order(struct span body, const char *members)
{
	AUTO_FREE char *text = span_dup(body);
	struct span rest = span_str(members), one;
	const char *at = text;

	while (span_cut(&rest, ',', &one)) {
		AUTO_FREE char *name = xasprintf("\"%.*s\":", SPAN_FMT(one));

		at = strstr(at, name);
		if (!at) {
			printf("# %s: %s\n", name, text);
			return false;
		}
	}
	return true;
}

/* ---- directory and nonces ---- */

static void
test_directory(void)
{
	REPLY;
	AUTO_BUF head = BUF_MAX(1 << 20);

	lab_send(&lab, &(struct rq){ "GET", "/directory" }, &reply);
	ok(is_good(&reply, 200, JSON, false), "GET the directory");
	ok(!reply_field(&reply, "Link", 0), "it has no index link: it is the index");
	is_str(lab_path(reply_get(&reply, "newNonce")), "/new-nonce", "newNonce");
	is_str(lab_path(reply_get(&reply, "newAccount")), "/new-account", "newAccount");
	is_str(lab_path(reply_get(&reply, "newOrder")), "/new-order", "newOrder");
	is_str(lab_path(reply_get(&reply, "revokeCert")), "/revoke-cert", "revokeCert");
	is_str(lab_path(reply_get(&reply, "keyChange")), "/key-change", "keyChange");
	ok(!reply_get(&reply, "newAuthz"), "no newAuthz (O13)");
	is_str(reply_get(&reply, "meta.website"), "https://pki.test/", "website");
	is_str(reply_get(&reply, "meta.caaIdentities.0"), "pki.test", "caaIdentities");
	is_str(reply_get(&reply, "meta.profiles.default"), "for all", "a profile with its description");
	ok(reply_get(&reply, "meta.profiles.second") && reply_get(&reply, "meta.profiles.second")[0], "one without a description has some text all the same");
	ok(!reply_get(&reply, "meta.profiles.hidden"), "one that is not advertised is not shown");
	ok(!reply_get(&reply, "meta.termsOfService") && !reply_get(&reply, "meta.externalAccountRequired"), "no terms, no external accounts");
	lab_send(&lab, &(struct rq){ "HEAD", "/directory" }, &head);
	ok(reply_status(&head) == 200 && atoi(reply_field(&head, "Content-Length", 0)) == (int)reply_body(&reply).n, "HEAD tells its length");
	lab_send(&lab, &(struct rq){ "GET", "/p/second/directory" }, &reply);
	ok(is_good(&reply, 200, JSON, false), "GET a profile's directory");
	is_str(lab_path(reply_get(&reply, "newOrder")), "/p/second/new-order", "with its own newOrder (E1)");
	is_str(lab_path(reply_get(&reply, "newNonce")), "/new-nonce", "and the common newNonce");
	ok(reply_get(&reply, "meta.profiles.second") && !reply_get(&reply, "meta.profiles.default"), "and no other profile");
	lab_send(&lab, &(struct rq){ "GET", "/p/hidden/directory" }, &reply);
	ok(is_good(&reply, 200, JSON, false), "a profile that is not advertised has one too");
	lab_send(&lab, &(struct rq){ .path = "/directory", .by = "A" }, &reply);
	ok(is_good(&reply, 200, JSON, true), "POST-as-GET the directory (RFC 8555 6.3)");
}

static void
test_new_nonce(void)
{
	REPLY;

	lab_send(&lab, &(struct rq){ "HEAD", "/new-nonce" }, &reply);
	ok(reply_status(&reply) == 200 && reply_field(&reply, "Replay-Nonce", 0) && reply_has_field(&reply, "Cache-Control", "no-store"), "HEAD newNonce -> 200");
	lab_send(&lab, &(struct rq){ "GET", "/new-nonce" }, &reply);
	ok(is_good(&reply, 204, NULL, true), "GET newNonce -> 204");
	lab_send(&lab, &(struct rq){ .path = "/new-nonce", .by = "A" }, &reply);
	ok(is_good(&reply, 204, NULL, true), "POST-as-GET newNonce -> 204");
}

/* ---- accounts ---- */

static void
test_accounts(void)
{
	REPLY;
	AUTO_FREE char *kid = NULL;

	lab_actor("fresh", KEY_P256, "ES256");
	lab_send(&lab, &(struct rq){ .path = "/new-account", .by = "fresh", .jwk = true, .type = "Application/JOSE+JSON; charset=utf-8",
		.payload = "{\"contact\":[\"mailto:a@x.test\",\"MAILTO:b@x.test\"],\"onlyReturnExisting\":false,\"orders\":\"x\",\"whatever\":{\"a\":[]},\"externalAccountBinding\":null}" }, &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true), "a known member of a wrong type is refused");
	lab_send(&lab, &(struct rq){ .path = "/new-account", .by = "fresh", .jwk = true, .type = "Application/JOSE+JSON; charset=utf-8",
		.payload = "{\"contact\":[\"mailto:a@x.test\",\"MAILTO:b@x.test\"],\"onlyReturnExisting\":false,\"orders\":\"x\",\"whatever\":{\"a\":[]}}" }, &reply);
	ok(is_good(&reply, 201, JSON, true), "newAccount -> 201, whatever the letter case of its media type");
	ok(in_order(reply_body(&reply), "status,contact,orders") && !reply_get(&reply, "whatever") && !reply_get(&reply, "onlyReturnExisting"), "the object has what it must, and nothing that was only said");
	is_str(reply_get(&reply, "status"), "valid", "valid");
	is_str(reply_get(&reply, "contact.1"), "MAILTO:b@x.test", "contacts as they were given");
	kid = xstrdup(reply_field(&reply, "Location", 0));
	lab_set("KID_fresh", kid);
	lab_set("FRESH", lab_path(kid));
	is_int(strlen(lab_path(kid)), strlen("/acct/") + 22, "its URL has 128 random bits");
	lab_send(&lab, &(struct rq){ .path = "/new-account", .by = "fresh", .jwk = true, .payload = "{\"contact\":[\"mailto:other@x.test\"]}" }, &reply);
	ok(is_good(&reply, 200, JSON, true) && reply_has_field(&reply, "Location", kid), "again -> 200 and the same URL");
	is_str(reply_get(&reply, "contact.0"), "mailto:a@x.test", "as it was before (7.3.1)");
	lab_send(&lab, &(struct rq){ .path = "/new-account", .by = "fresh", .jwk = true, .payload = "{\"contact\":[\"tel:1\"],\"externalAccountBinding\":{}}" }, &reply);
	ok(is_good(&reply, 200, JSON, true), "what a known key says besides is not even looked at (7.3.1, W13)");
	lab_send(&lab, &(struct rq){ .path = "/new-account", .by = "fresh", .jwk = true, .payload = "{\"onlyReturnExisting\":true}" }, &reply);
	ok(is_good(&reply, 200, JSON, true) && reply_has_field(&reply, "Location", kid), "onlyReturnExisting -> 200");
	lab_send(&lab, &(struct rq){ .path = "/p/second/new-account", .by = "fresh", .jwk = true, .payload = "{}" }, &reply);
	ok(is_good(&reply, 200, JSON, true) && reply_has_field(&reply, "Location", kid), "at a profile's directory it is the same account (E1)");
	lab_post(&lab, "fresh", "$FRESH", NULL, &reply);
	ok(is_good(&reply, 200, JSON, true) && reply_has_field(&reply, "Location", kid), "POST-as-GET the account");
	lab_post(&lab, "fresh", "$FRESH", "{\"contact\":[],\"status\":\"valid\",\"termsOfServiceAgreed\":false,\"orders\":1,\"x\":2}", &reply);
	ok(is_good(&reply, 200, JSON, true), "update the account; what cannot be changed is ignored (7.3.2)");
	is_str(reply_get(&reply, "contact"), "[]", "the contact is");
	lab_post(&lab, "fresh", "$FRESH", "{\"status\":\"revoked\"}", &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "valid") == 0, "row 72: nobody revokes his account so");
	lab_post(&lab, "fresh", "$FRESH/orders", NULL, &reply);
	ok(is_good(&reply, 200, JSON, true), "an account's orders");
	is_str(reply_get(&reply, "orders"), "[]", "are none at first");
}

/* W7: every algorithm, at newAccount and with kid. */
static void
test_algorithms(void)
{
	static const struct {
		enum key_type type;
		const char *alg;
	} rows[] = { { KEY_P256, "ES256" }, { KEY_P384, "ES384" }, { KEY_P521, "ES512" }, { KEY_RSA2048, "RS256" }, { KEY_RSA2048, "RS384" },
		{ KEY_RSA2048, "RS512" }, { KEY_RSA2048, "PS256" }, { KEY_RSA2048, "PS384" }, { KEY_RSA2048, "PS512" },
		{ KEY_ED25519, "EdDSA" }, { KEY_ED25519, "Ed25519" } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO_FREE char *path = NULL;
		AUTO_FREE char *name = xasprintf("alg_%s", rows[i].alg), *var = xasprintf("KID_alg_%s", rows[i].alg);
		REPLY;

		lab_actor(name, rows[i].type, rows[i].alg);
		lab_register(&lab, name);
		path = xstrdup(lab_path(lab_var(var)));
		lab_post(&lab, name, path, NULL, &reply);
		ok(is_good(&reply, 200, JSON, true), "an account by %s", rows[i].alg);
	}
}

/* ---- orders ---- */

static void
test_new_order(void)
{
	REPLY;
	char until[TIME_TEXT];

	lab_post(&lab, "A", "/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"B.new.TEST\",\"x\":1},{\"type\":\"dns\",\"value\":\"a.new.test\"},{\"type\":\"dns\",\"value\":\"b.NEW.test\"},{\"type\":\"ip\",\"value\":\"2001:db8::1\"}],\"x\":1}", &reply);
	ok(is_good(&reply, 201, JSON, true), "newOrder -> 201");
	ok(in_order(reply_body(&reply), "status,expires,identifiers,profile,authorizations,finalize"), "the object has what it must");
	is_str(reply_get(&reply, "status"), "pending", "it is pending");
	is_str(reply_get(&reply, "identifiers"), "[{\"type\":\"dns\",\"value\":\"b.new.test\"},{\"type\":\"dns\",\"value\":\"a.new.test\"},{\"type\":\"ip\",\"value\":\"2001:db8::1\"}]",
		"identifiers in lower case, without repeats, in the order of first mention (W17)");
	ok(reply_get(&reply, "authorizations.2") && !reply_get(&reply, "authorizations.3"), "an authorization for each");
	is_str(reply_get(&reply, "profile"), "default", "the default profile is shown");
	ok(!reply_get(&reply, "certificate") && !reply_get(&reply, "error") && !reply_get(&reply, "notBefore") && !reply_get(&reply, "x"), "nothing else");
	ok(!reply_field(&reply, "Retry-After", 0), "and no Retry-After while it waits for its device (T1)");
	lab_set("O", lab_path(reply_field(&reply, "Location", 0)));
	is_int(strlen(lab_var("O")), strlen("/order/") + 22, "its URL has 128 random bits");
	{
		AUTO_FREE char *finalize = xasprintf("%s/finalize", lab_var("O"));

		is_str(lab_path(reply_get(&reply, "finalize")), finalize, "finalize lies below it");
	}
	time_rfc3339(clock_unix_s() + 7 * 86400 + 5, until);
	ok(strcmp(reply_get(&reply, "expires"), until) < 0, "it expires within a week");
	lab_post(&lab, "A", "$O", NULL, &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "profile"), "default") == 0, "POST-as-GET the order");
	lab_post(&lab, "A", "/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"p.test\"}],\"profile\":\"\"}", &reply);
	ok(is_good(&reply, 201, JSON, true) && strcmp(reply_get(&reply, "profile"), "default") == 0, "an empty profile is the default one (W19)");
	lab_post(&lab, "A", "/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"p.test\"}],\"profile\":\"second\"}", &reply);
	ok(is_good(&reply, 201, JSON, true) && strcmp(reply_get(&reply, "profile"), "second") == 0, "a profile by name");
	lab_post(&lab, "A", "/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"p.test\"}],\"profile\":\"hidden\"}", &reply);
	ok(is_good(&reply, 201, JSON, true), "one that is not advertised");
	lab_post(&lab, "A", "/p/second/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"q.test\"}]}", &reply);
	ok(is_good(&reply, 201, JSON, true) && strcmp(reply_get(&reply, "profile"), "second") == 0, "one by its directory");
	lab_post(&lab, "A", "/p/second/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"q.test\"}],\"profile\":\"second\"}", &reply);
	ok(is_good(&reply, 201, JSON, true), "one by both");
	lab_set("SOON", time_rfc3339(clock_unix_s() + 3600, until));
	lab_post(&lab, "A", "/new-order", "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"d.test\"}],\"notAfter\":\"$SOON\"}", &reply);
	ok(is_good(&reply, 201, JSON, true), "dates for our own CA");
	is_str(reply_get(&reply, "notAfter"), until, "are shown again");
}

/* Where the whole body of many problems must fit. */
static void
test_many_problems(void)
{
	AUTO_BUF list = BUF_MAX(1 << 20);
	char quotes[241];
	REPLY;

	/* the value that grows most when it is written: 120 quotation marks */
	for (size_t i = 0; i < 120; i++)
		memcpy(quotes + 2 * i, "\\\"", 2);
	quotes[240] = '\0';
	for (int i = 0; i < 100; i++)
		buf_addf(&list, "%s{\"type\":\"dns\",\"value\":\"%d_%s\"}", i ? "," : "", i, quotes);
	lab_set("HUNDRED", buf_cstr(&list));
	lab_post(&lab, "A", "/new-order", "{\"identifiers\":[$HUNDRED]}", &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true), "a hundred bad names are one whole problem document");
	ok(reply_get(&reply, "subproblems.99") != NULL, "with a hundred sub-problems");
}

static void
test_authz(void)
{
	REPLY;
	const char *url;

	lab_order(&lab, "A", "Z", "slow-z.test", NULL);
	lab_post(&lab, "A", "$Z_AUTHZ0", NULL, &reply);
	ok(is_good(&reply, 200, JSON, true), "POST-as-GET an authorization");
	ok(in_order(reply_body(&reply), "identifier,type,value,status,expires,challenges"), "the object has what it must");
	is_str(reply_get(&reply, "status"), "pending", "it is pending");
	is_str(reply_get(&reply, "identifier.value"), "slow-z.test", "for its name");
	ok(!reply_get(&reply, "wildcard"), "not a wildcard");
	{
		AUTO_FREE char *text = xasprintf("\"challenges\":[{\"type\":\"http-01\",\"url\":\"%s%s\",\"status\":\"pending\",\"token\":\"", lab.base, lab_var("Z_CHALL0"));

		ok(strstr(reply.p, text), "its challenge begins type, url, status, token (O10)");
	}
	is_int(strlen(reply_get(&reply, "challenges.0.token")), 43, "a token has 256 bits");
	ok(!reply_get(&reply, "challenges.1") && !reply_get(&reply, "challenges.0.error") && !reply_get(&reply, "challenges.0.validated"), "and nothing else");
	ok(!reply_field(&reply, "Retry-After", 0), "no Retry-After while nobody has responded (T1)");
	lab_post(&lab, "A", "$Z_CHALL0", NULL, &reply);
	ok(is_good(&reply, 200, JSON, true) && in_order(reply_body(&reply), "type,url,status,token"), "POST-as-GET a challenge");
	url = reply_field(&reply, "Link", 0);
	{
		AUTO_FREE char *up = xasprintf("<%s%s>;rel=\"up\"", lab.base, lab_var("Z_AUTHZ0"));

		ok(url && reply_has_field(&reply, "Link", up), "with a link up to its authorization (7.5.1)");
	}
	lab_post(&lab, "A", "$Z_CHALL0", "{\"keyAuthorization\":\"x\",\"attObj\":1}", &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "processing") == 0, "the response makes it processing; unknown members are ignored");
	ok(reply_field(&reply, "Retry-After", 0) && atoi(reply_field(&reply, "Retry-After", 0)) >= 1, "with a Retry-After (T1)");
	for (int i = 0; i < 500; i++) {
		lab_post(&lab, "A", "$Z_AUTHZ0", NULL, &reply);
		if (reply_get(&reply, "challenges.0.error"))
			break;
		usleep(2000);
	}
	is_str(reply_get(&reply, "status"), "pending", "the authorization stays pending while an attempt has failed (O10)");
	is_str(reply_get(&reply, "challenges.0.status"), "processing", "its challenge processing");
	ok(reply_get(&reply, "challenges.0.error.type") && in_order(reply_body(&reply), "type,url,status,token,error"), "with the error of the attempt last (8.2)");
	ok(reply_field(&reply, "Retry-After", 0) && atoi(reply_field(&reply, "Retry-After", 0)) > 40, "Retry-After lies behind the next attempt");
	lab_post(&lab, "A", "$Z_CHALL0", "{}", &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "processing") == 0, "the response again -> 200, no effect (O9)");
	lab_post(&lab, "A", "$Z_AUTHZ0", "{\"status\":\"deactivated\",\"x\":1}", &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "deactivated") == 0, "its owner gives it up (7.5.2)");
	lab_post(&lab, "A", "$Z_AUTHZ0", "{\"status\":\"deactivated\"}", &reply);
	ok(is_good(&reply, 200, JSON, true), "twice without harm");
	lab_post(&lab, "A", "$Z", NULL, &reply);
	ok(strcmp(reply_get(&reply, "status"), "invalid") == 0 && reply_get(&reply, "error.type"), "its order is invalid, and says why");

	lab_order(&lab, "A", "BAD", "bad-z.test,slow-y.test", NULL);
	lab_prove(&lab, "A", "BAD", "invalid");
	lab_post(&lab, "A", "$BAD_AUTHZ0", NULL, &reply);
	ok(strcmp(reply_get(&reply, "status"), "invalid") == 0, "a failed authorization is invalid");
	is_str(reply_get(&reply, "challenges.0.error.type"), "urn:ietf:params:acme:error:dns", "and its challenge says why");

	lab_order(&lab, "A", "GOOD", "z.test", NULL);
	lab_prove(&lab, "A", "GOOD", "ready");
	lab_post(&lab, "A", "$GOOD_AUTHZ0", NULL, &reply);
	ok(strcmp(reply_get(&reply, "status"), "valid") == 0 && reply_get(&reply, "challenges.0.validated") && !reply_field(&reply, "Retry-After", 0), "a proven one is valid, since when");
	lab_post(&lab, "A", "$GOOD_CHALL0", "{}", &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "valid") == 0 && !reply_field(&reply, "Retry-After", 0), "row 91: a response to a valid challenge -> 200, nothing happens");
}

/* ---- issuance ---- */

static bool
chain_of(const struct buf *reply, struct chain *ret)
{
	struct problem pr = { 0 };

	return chain_parse(reply_body(reply), ret, &pr);
}

static void
set_leaf(const char *name, const struct buf *reply)
{
	AUTO_BUF der = BUF_MAX(65536), text = BUF_MAX(1 << 20);
	struct chain chain = { 0 };

	if (!chain_of(reply, &chain) || !cert_der(chain.certs[0], &der))
		lab_die("no certificate");
	b64url_add(&text, der.p, der.n);
	lab_set(name, buf_cstr(&text));
	chain_done(&chain);
}

static bool
alternate_tx(struct sql *db, void *arg, struct problem *pr)
{
	return cert_add_alternate(db, *(const int64_t *)arg, 1, SPAN("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), pr);
}

static void
test_issue(void)
{
	REPLY;
	struct chain chain = { 0 };
	struct idents names = { 0 };
	struct problem pr = { 0 };
	char hash[KEY_HASH_TEXT];
	int64_t id;

	lab_actor("device", KEY_P256, "ES256");
	lab_order(&lab, "A", "I", "i1.test,i2.test", NULL);
	lab_prove(&lab, "A", "I", "ready");
	lab_csr("CSR", lab_key("device"), "i2.test,i1.test");
	lab_post(&lab, "A", "$I/finalize", "{\"csr\":\"$CSR\",\"x\":1}", &reply);
	ok(is_good(&reply, 200, JSON, true), "finalize -> 200");
	ok(strcmp(reply_get(&reply, "status"), "valid") == 0 && !reply_field(&reply, "Retry-After", 0), "our own CA issues at once (O8)");
	ok(reply_field(&reply, "Location", 0) && strcmp(lab_path(reply_field(&reply, "Location", 0)), lab_var("I")) == 0, "with the order's URL");
	ok(in_order(reply_body(&reply), "status,expires,identifiers,profile,authorizations,finalize,certificate"), "and the certificate's");
	lab_set("CERT", lab_path(reply_get(&reply, "certificate")));
	lab_post(&lab, "A", "$I", NULL, &reply);
	is_str(lab_path(reply_get(&reply, "certificate")), lab_var("CERT"), "the order shows it later as well");
	lab_post(&lab, "A", "$CERT", NULL, &reply);
	ok(is_good(&reply, 200, "application/pem-certificate-chain", true), "POST-as-GET the certificate");
	if (!ok(chain_of(&reply, &chain) && chain.count == 2, "a chain of two certificates in strict PEM (9.1)"))
		return;
	names.list = chain.certs[0]->names.list;
	names.count = chain.certs[0]->names.count;
	key_hash(lab_key("device"), hash);
	ok(chain_check(&chain, hash, &names, clock_unix_s(), &pr) && names.count == 2, "the leaf first, for the CSR's key and names");
	chain_done(&chain);
	set_leaf("LEAF", &reply);
	ok(!reply_field(&reply, "Link", 1), "no alternate chains");
	id = lab_number(&lab, "select max(id) from cert");
	lab_write(&lab, alternate_tx, &id);
	lab_post(&lab, "A", "$CERT", NULL, &reply);
	{
		AUTO_FREE char *first = xasprintf("<%s%s>;rel=\"alternate\"", lab.base, lab_var("CERT")), *second = xasprintf("<%s%s/1>;rel=\"alternate\"", lab.base, lab_var("CERT"));

		ok(reply_has_field(&reply, "Link", second) && !reply_has_field(&reply, "Link", first), "an alternate chain is linked (7.4.2)");
		lab_post(&lab, "A", "$CERT/1", NULL, &reply);
		ok(is_good(&reply, 200, "application/pem-certificate-chain", true) && strstr(reply.p, "\nAAAA\n"), "and can be had");
		ok(reply_has_field(&reply, "Link", first) && !reply_has_field(&reply, "Link", second), "with a link to the other");
	}
	ok(lab_number(&lab, "select count(*) from cert where fetched_at is not null") >= 1, "that it was fetched is noted");

	lab_order(&lab, "A", "F", "f.test", "\"profile\":\"far\"");
	lab_prove(&lab, "A", "F", "ready");
	lab_csr("CSR", lab_key("device"), "f.test");
	lab_post(&lab, "A", "$F/finalize", "{\"csr\":\"$CSR\"}", &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "processing") == 0 && !reply_get(&reply, "certificate"), "a CA far away: processing");
	is_str(reply_field(&reply, "Retry-After", 0), "5", "with a Retry-After of 5 s (T1)");
	lab_post(&lab, "A", "$F", NULL, &reply);
	ok(reply_field(&reply, "Retry-After", 0) != NULL, "when polled too");
	is_int(lab_number(&lab, "select count(*) from job where kind=1"), 1, "a job carries it there");
}

/* O4: the same device comes again. */
static void
test_again(void)
{
	REPLY;
	struct idents names = { 0 };
	struct ident id = { 0 };
	struct problem pr = { 0 };
	char key[IDENTS_KEY_TEXT], hash[KEY_HASH_TEXT];

	lab_order(&lab, "A", "J", "f.test", "\"profile\":\"far\"");
	lab_csr("CSR", lab_key("device"), "f.test");
	lab_post(&lab, "A", "$J/finalize", "{\"csr\":\"$CSR\"}", &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "processing") == 0, "the same key and names while the first order is at work: processing (O4)");
	is_int(lab_number(&lab, "select count(*) from job where kind=1"), 1, "it has joined that work, there is no second job");
	is_int(lab_number(&lab, "select count(*) from upstream_order"), 1, "nor a second order at the CA");
	lab_csr("CSR2", lab_key("B"), "f.test");
	lab_actor("device2", KEY_P256, "ES256");
	lab_csr("CSR2", lab_key("device2"), "f.test");
	lab_order(&lab, "A", "K", "f.test", "\"profile\":\"far\"");
	lab_post(&lab, "A", "$K/finalize", "{\"csr\":\"$CSR2\"}", &reply);
	ok(is_good(&reply, 200, JSON, true), "another key for these names");
	is_int(lab_number(&lab, "select count(*) from job where kind=1"), 2, "is work of its own (U9)");

	/* a certificate that the first order got, never fetched */
	if (!ident_parse(SPAN("dns"), SPAN("g.test"), &id, &pr))
		lab_die("name");
	idents_add(&names, &id);
	idents_key(&names, key);
	idents_done(&names);
	key_hash(lab_key("device"), hash);
	lab_set("NAMES_KEY", key);
	lab_set("KEY_HASH", hash);
	lab_sql(&lab, "insert into cert (ref, order_id, account_id, principal, profile, upstream, serial, certid, sha256, key_hash, idents, idents_key, not_before, not_after, issuer, chain, created_at)"
		" select 'aaaaaaaaaaaaaaaaaaaaag', 0, id, id, 'far', 'far', '01', 'x.01', 'sha-g', '$KEY_HASH', 'dns:g.test', '$NAMES_KEY', 1600000000, 4000000000, 'CN=x', 'PEM', 1000 from account where thumbprint='$KEY_A'");
	lab_order(&lab, "A", "G", "g.test", "\"profile\":\"far\"");
	lab_prove(&lab, "A", "G", "ready");
	lab_csr("CSR", lab_key("device"), "g.test");
	lab_post(&lab, "A", "$G/finalize", "{\"csr\":\"$CSR\"}", &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "valid") == 0, "a certificate it never fetched is handed out again, valid at once (O4)");
	is_str(lab_path(reply_get(&reply, "certificate")), "/cert/aaaaaaaaaaaaaaaaaaaaag", "that one");
	is_int(lab_number(&lab, "select count(*) from job where kind=1"), 2, "without any work at the CA");

	lab_sql(&lab, "update cert set not_before=1 where sha256='sha-g'");
	lab_order(&lab, "A", "G", "g.test", "\"profile\":\"far\"");
	lab_post(&lab, "A", "$G/finalize", "{\"csr\":\"$CSR\"}", &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "processing") == 0, "when more than a third of its life is over there is a new one");
}

/* ---- what is reused ---- */

static void
order_again(const char *more, bool same, const char *what)
{
	AUTO_FREE char *first = NULL;

	lab_order(&lab, "A", "ONE", "reuse1.test,reuse2.test", NULL);
	first = xstrdup(lab_var("ONE"));
	lab_order(&lab, "A", "TWO", "reuse2.test,reuse1.test", more);
	ok((strcmp(first, lab_var("TWO")) == 0) == same, "%s", what);
}

static void
test_reuse(void)
{
	AUTO_FREE char *first = NULL;
	REPLY;
	char soon[TIME_TEXT];

	lab_set("SOON", time_rfc3339(clock_unix_s() + 3600, soon));
	order_again(NULL, true, "the same order again, in another order of names, is that order (O1)");
	order_again("\"profile\":\"default\"", true, "also with the default profile named");
	order_again("\"profile\":\"second\"", false, "not in another profile");
	{
		AUTO_FREE char *dates = xasprintf("\"notAfter\":\"%s\"", soon);

		order_again(dates, false, "not with dates");
	}
	lab_order(&lab, "B", "THEIRS", "reuse1.test,reuse2.test", NULL);
	ok(strcmp(lab_var("THEIRS"), lab_var("ONE")) != 0, "not by another account");
	lab_prove(&lab, "A", "ONE", "ready");
	lab_order(&lab, "A", "TWO", "reuse1.test,reuse2.test", NULL);
	is_str(lab_var("TWO"), lab_var("ONE"), "a ready order again is that order");

	lab_order(&lab, "A", "MORE", "reuse1.test,reuse3.test", NULL);
	is_str(lab_var("MORE_AUTHZ0"), lab_var("ONE_AUTHZ0"), "another order takes the proven authorization (O2)");
	lab_order(&lab, "A", "READY", "reuse1.test", NULL);
	lab_post(&lab, "A", "$READY", NULL, &reply);
	is_str(reply_get(&reply, "status"), "ready", "and is ready at once if that is all it needs (7.1.3)");
	ok(strcmp(reply_get(&reply, "expires"), time_rfc3339(clock_unix_s() + 8 * 3600 + 5, soon)) < 0, "it lives no longer than that authorization (O3)");
	first = xstrdup(lab_var("READY"));
	lab_order(&lab, "A", "READY", "reuse1.test", NULL);
	is_str(lab_var("READY"), first, "and the same order again is that order (O1)");
	lab_sql(&lab, "update orders set created_at=created_at-9*3600 where '$READY' like '%' || ref");
	lab_order(&lab, "A", "READY", "reuse1.test", NULL);
	ok(strcmp(lab_var("READY"), first) != 0, "not with less than half its life left");
	lab_order(&lab, "A", "OTHER", "reuse1.test", "\"profile\":\"second\"");
	ok(strcmp(lab_var("OTHER_AUTHZ0"), lab_var("ONE_AUTHZ0")) != 0, "another profile asks for a proof of its own (O2)");
	ok(strcmp(lab_var("THEIRS_AUTHZ0"), lab_var("ONE_AUTHZ0")) != 0, "and so does another account");
	{
		AUTO_FREE char *sql = xasprintf("update authz set expires=%lld where ident='reuse1.test' and state=1", (long long)clock_unix_s() + 3500);

		lab_sql(&lab, sql);
	}
	lab_order(&lab, "A", "LATE", "reuse1.test,reuse4.test", NULL);
	ok(strcmp(lab_var("LATE_AUTHZ0"), lab_var("ONE_AUTHZ0")) != 0, "one with less than an hour left is not taken");
	lab_order(&lab, "A", "P1", "pend.test", NULL);
	lab_order(&lab, "A", "P2", "pend.test,pend2.test", NULL);
	ok(strcmp(lab_var("P1_AUTHZ0"), lab_var("P2_AUTHZ0")) != 0, "a pending one is never shared (O2)");
}

static void
test_list(void)
{
	REPLY;
	const char *next;

	lab_actor("many", KEY_P256, "ES256");
	lab_register(&lab, "many");
	lab_set("MANY", lab_path(lab_var("KID_many")));
	for (int i = 0; i < 103; i++) {
		AUTO_FREE char *name = xasprintf("m%d.test", i);

		lab_order(&lab, "many", i == 0 ? "FIRST" : i == 102 ? "LAST" : "M", name, NULL);
	}
	lab_post(&lab, "many", "$MANY/orders", NULL, &reply);
	ok(is_good(&reply, 200, JSON, true) && reply_get(&reply, "orders.99") && !reply_get(&reply, "orders.100"), "a page of the orders list has a hundred");
	is_str(lab_path(reply_get(&reply, "orders.0")), lab_var("LAST"), "the newest first");
	next = reply_field(&reply, "Link", 0);
	ok(next && strstr(next, ";rel=\"next\""), "and a link to the next page");
	if (next) {
		AUTO_FREE char *url = span_dup(span_of(next + 1, strcspn(next, ">") - 1)), *path = xstrdup(lab_path(url));

		lab_post(&lab, "many", path, NULL, &reply);
		ok(is_good(&reply, 200, JSON, true) && reply_get(&reply, "orders.2") && !reply_get(&reply, "orders.3"), "which has the rest");
		is_str(lab_path(reply_get(&reply, "orders.2")), lab_var("FIRST"), "down to the oldest");
		ok(!strstr(reply.p, "rel=\"next\""), "and no further link");
	}
	lab_post(&lab, "many", "$LAST_AUTHZ0", "{\"status\":\"deactivated\"}", &reply);
	lab_post(&lab, "many", "$MANY/orders", NULL, &reply);
	ok(strcmp(lab_path(reply_get(&reply, "orders.0")), lab_var("LAST")) != 0, "an invalid order is not listed (O11)");
}

/* ---- revocation, keys, ends ---- */

static void
issue(const char *by, const char *name, const char *ident, const char *key)
{
	AUTO_FREE char *path = NULL, *leaf = xasprintf("%s_LEAF", name);
	REPLY;

	lab_order(&lab, by, name, ident, NULL);
	lab_prove(&lab, by, name, "ready");
	lab_csr("CSR", lab_key(key), ident);
	path = xasprintf("%s/finalize", lab_var(name));
	lab_post(&lab, by, path, "{\"csr\":\"$CSR\"}", &reply);
	if (reply_status(&reply) != 200) {
		printf("# %s\n", reply.p);
		lab_die("finalize");
	}
	free(path);
	path = xstrdup(lab_path(reply_get(&reply, "certificate")));
	lab_post(&lab, by, path, NULL, &reply);
	set_leaf(leaf, &reply);
}

static void
test_revoke(void)
{
	static const char *const reasons[] = { "", ",\"reason\":0", ",\"reason\":1", ",\"reason\":4", ",\"reason\":5" };
	REPLY;

	for (size_t i = 0; i < COUNT_OF(reasons); i++) {
		AUTO_FREE char *name = xasprintf("R%zu", i), *ident = xasprintf("r%zu.test", i), *payload = xasprintf("{\"certificate\":\"$R%zu_LEAF\"%s}", i, reasons[i]);

		issue("A", name, ident, "device");
		lab_post(&lab, "A", "/revoke-cert", payload, &reply);
		ok(is_good(&reply, 200, NULL, true) && reply_body(&reply).n == 0, "its account revokes a certificate%s", reasons[i]);
	}
	issue("A", "SHARED", "shared.test", "device");
	lab_post(&lab, "B", "/revoke-cert", "{\"certificate\":\"$SHARED_LEAF\"}", &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true), "another account may not");
	lab_order(&lab, "B", "PROOF", "shared.test", NULL);
	lab_prove(&lab, "B", "PROOF", "ready");
	lab_post(&lab, "B", "/revoke-cert", "{\"certificate\":\"$SHARED_LEAF\",\"reason\":1}", &reply);
	ok(is_good(&reply, 200, NULL, true), "one that holds proofs for all its names may (7.6)");
	issue("A", "STILL", "still.test", "device");
	ok(true, "its word does not put the key on the deny-list");
	lab_actor("stolen", KEY_P256, "ES256");
	issue("A", "STOLEN", "stolen.test", "stolen");
	lab_send(&lab, &(struct rq){ .path = "/revoke-cert", .by = "stolen", .jwk = true, .payload = "{\"certificate\":\"$STOLEN_LEAF\",\"reason\":1}" }, &reply);
	ok(is_good(&reply, 200, NULL, true), "the certificate's own key revokes it");
	lab_order(&lab, "A", "STOLEN2", "stolen2.test", NULL);
	lab_prove(&lab, "A", "STOLEN2", "ready");
	lab_csr("CSR", lab_key("stolen"), "stolen2.test");
	lab_post(&lab, "A", "$STOLEN2/finalize", "{\"csr\":\"$CSR\"}", &reply);
	ok(reply_is_problem(&reply, "badCSR", 400, true), "and is on the deny-list when it says keyCompromise (W24)");
}

static void
key_change(const char *actor, const char *from, const char *to, struct buf *reply)
{
	AUTO_BUF input = BUF_MAX(65536), sig = BUF_MAX(1000), out = BUF_MAX(65536), header = BUF_MAX(8192), payload = BUF_MAX(8192);
	AUTO_FREE char *h = xasprintf("{\"alg\":\"ES256\",\"jwk\":$JWK_%s,\"url\":\"$BASE/key-change\"}", to);
	AUTO_FREE char *p = xasprintf("{\"account\":\"$KID_%s\",\"oldKey\":$JWK_%s}", actor, from);
	struct problem pr = { 0 };

	lab_expand(h, &header);
	lab_expand(p, &payload);
	jws_input_write(&input, buf_span(&header), buf_span(&payload));
	if (!jws_sign_raw(JWA_ES256, lab_key(to), buf_span(&input), &sig, &pr))
		lab_die("sign");
	jws_assemble(&out, buf_span(&input), buf_span(&sig));
	lab_set("INNER", buf_cstr(&out));
	lab_post(&lab, from, "/key-change", "$INNER", reply);
}

static void
test_key_change(void)
{
	REPLY;

	lab_actor("old", KEY_P256, "ES256");
	lab_actor("young", KEY_P256, "ES256");
	lab_register(&lab, "old");
	lab_set("KID_young", lab_var("KID_old"));
	lab_set("OLD", lab_path(lab_var("KID_old")));
	lab_order(&lab, "old", "KC", "kc.test", NULL);
	key_change("old", "old", "young", &reply);
	ok(is_good(&reply, 200, JSON, true) && reply_has_field(&reply, "Location", lab_var("KID_old")), "keyChange -> 200 and the account");
	lab_post(&lab, "old", "$OLD", NULL, &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true), "the old key signs no more");
	lab_post(&lab, "young", "$OLD", NULL, &reply);
	ok(is_good(&reply, 200, JSON, true), "the new one does");
	lab_post(&lab, "young", "$KC", NULL, &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "pending") == 0, "orders go on (7.3.5)");
	lab_prove(&lab, "young", "KC", "ready");
	ok(lab_number(&lab, "select count(*) from challenge where key_auth is not null and state=2") > 0, "and are proven");
	{
		AUTO_FREE char *sql = xasprintf("select count(*) from challenge c where key_auth = token || '.%s'", lab_var("KEY_young"));

		is_int(lab_number(&lab, sql), 1, "with the key that the account has at the response (8.1)");
	}
	lab_send(&lab, &(struct rq){ .path = "/new-account", .by = "old", .jwk = true, .payload = "{\"onlyReturnExisting\":true}" }, &reply);
	ok(reply_is_problem(&reply, "accountDoesNotExist", 400, true), "the old key has no account");
	lab_send(&lab, &(struct rq){ .path = "/new-account", .by = "young", .jwk = true, .payload = "{\"onlyReturnExisting\":true}" }, &reply);
	ok(is_good(&reply, 200, JSON, true) && reply_has_field(&reply, "Location", lab_var("KID_old")), "the new one has it");
	key_change("old", "young", "old", &reply);
	ok(is_good(&reply, 200, JSON, true), "and back");
	/* another gateway of the cluster changes the key: this one has the old one in its cache */
	lab_post(&lab, "old", "$OLD", NULL, &reply);
	lab_sql(&lab, "update account set thumbprint='$KEY_young', jwk='$JWK_young' where thumbprint='$KEY_old'");
	lab_post(&lab, "young", "$OLD", NULL, &reply);
	ok(is_good(&reply, 200, JSON, true), "a key changed at another gateway is good here as well");
	lab_sql(&lab, "update account set thumbprint='$KEY_old', jwk='$JWK_old' where thumbprint='$KEY_young'");
	lab_post(&lab, "young", "$OLD", NULL, &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true), "and one that was replaced there is not");
	lab_post(&lab, "old", "$OLD", NULL, &reply);
	ok(is_good(&reply, 200, JSON, true), "but the one that replaced it is");
}

static void
test_goodbye(void)
{
	REPLY;

	lab_actor("leaving", KEY_P256, "ES256");
	lab_register(&lab, "leaving");
	lab_set("LEAVING", lab_path(lab_var("KID_leaving")));
	lab_order(&lab, "leaving", "BYE", "bye.test", NULL);
	issue("leaving", "KEPT", "kept.test", "device");
	lab_post(&lab, "leaving", "$LEAVING", "{\"status\":\"deactivated\",\"contact\":[\"mailto:x@y.test\"]}", &reply);
	ok(is_good(&reply, 200, JSON, true) && strcmp(reply_get(&reply, "status"), "deactivated") == 0, "an account is deactivated (7.3.6)");
	lab_post(&lab, "leaving", "$LEAVING", NULL, &reply);
	ok(reply_is_problem(&reply, "unauthorized", 401, true), "and nothing more is done for it");
	is_int(lab_number(&lab, "select count(*) from orders o join account a on a.id=o.account_id where a.state=1 and o.state<3"), 0, "its open orders have ended");
	is_int(lab_number(&lab, "select count(*) from cert c join account a on a.id=c.account_id where a.state=1 and c.revoked_at is null"), 1, "its certificates have not");
	lab_send(&lab, &(struct rq){ .path = "/new-account", .by = "leaving", .jwk = true, .payload = "{}" }, &reply);
	ok(reply_is_problem(&reply, "unauthorized", 401, true), "its key makes no new one (W12)");
}

/* ---- two at once ---- */

struct racer {
	struct buf request, reply;
	pthread_t thread;
};

static void *
race(void *arg)
{
	struct racer *r = arg;

	lab_raw(&lab, r->request.p, r->request.n, &r->reply);
	return NULL;
}

/* Send all at once; how many got this status? */
static int
run_race(struct racer *racers, size_t count, int status)
{
	int n = 0;

	for (size_t i = 0; i < count; i++) {
		if (pthread_create(&racers[i].thread, NULL, race, &racers[i]) != 0)
			abort();
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(racers[i].thread, NULL);
	for (size_t i = 0; i < count; i++)
		n += reply_status(&racers[i].reply) == status;
	return n;
}

static void
race_done(struct racer *racers, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buf_done(&racers[i].request);
		buf_done(&racers[i].reply);
	}
}

#define RACERS 6

static void
race_begin(struct racer racers[RACERS], const struct rq *rq)
{
	for (size_t i = 0; i < RACERS; i++) {
		racers[i] = (struct racer){ .request = BUF_MAX(1 << 20), .reply = BUF_MAX(1 << 20) };
		lab_render(&lab, rq, &racers[i].request);
	}
}

static void
test_races(void)
{
	struct racer r[RACERS];
	bool same = true;

	lab_order(&lab, "A", "RACE", "race.test", NULL);
	lab_prove(&lab, "A", "RACE", "ready");
	lab_csr("CSR", lab_key("device"), "race.test");
	race_begin(r, &(struct rq){ .path = "$RACE/finalize", .by = "A", .payload = "{\"csr\":\"$CSR\"}" });
	is_int(run_race(r, RACERS, 200), 1, "of %d who finalize at once one is heard", RACERS);
	for (size_t i = 0; i < RACERS; i++)
		same = same && (reply_status(&r[i].reply) == 200 || reply_is_problem(&r[i].reply, "orderNotReady", 403, true));
	ok(same, "the others hear orderNotReady");
	is_int(lab_number(&lab, "select count(*) from cert where idents='dns:race.test'"), 1, "there is one certificate");
	race_done(r, RACERS);

	lab_actor("twin", KEY_P256, "ES256");
	race_begin(r, &(struct rq){ .path = "/new-account", .by = "twin", .jwk = true, .payload = "{}" });
	is_int(run_race(r, RACERS, 201), 1, "of %d first requests of one key one makes the account", RACERS);
	same = true;
	for (size_t i = 0; i < RACERS; i++)
		same = same && reply_status(&r[i].reply) / 100 == 2 && reply_has_field(&r[i].reply, "Location", reply_field(&r[0].reply, "Location", 0));
	ok(same, "the others get it (7.3.1)");
	race_done(r, RACERS);

	race_begin(r, &(struct rq){ .path = "/new-order", .by = "A", .payload = "{\"identifiers\":[{\"type\":\"dns\",\"value\":\"once.test\"}]}" });
	is_int(run_race(r, RACERS, 201), RACERS, "%d newOrders for one name", RACERS);
	is_int(lab_number(&lab, "select count(*) from orders where idents='dns:once.test'"), 1, "are one order (O1)");
	race_done(r, RACERS);

	lab_order(&lab, "A", "CRACE", "slow-race.test", NULL);
	race_begin(r, &(struct rq){ .path = "$CRACE_CHALL0", .by = "A", .payload = "{}" });
	is_int(run_race(r, RACERS, 200), RACERS, "%d responses to one challenge", RACERS);
	is_int(lab_number(&lab, "select count(*) from challenge where state=1 and authz_id=(select max(id) from authz)"), 1, "are one");
	race_done(r, RACERS);

	race_begin(r, &(struct rq){ .path = "/revoke-cert", .by = "A", .payload = "{\"certificate\":\"$STILL_LEAF\"}" });
	is_int(run_race(r, RACERS, 200), 1, "of %d who revoke at once one is heard", RACERS);
	race_done(r, RACERS);

	/* one nonce for all */
	race_begin(r, &(struct rq){ .path = "$RACE", .by = "A" });
	for (size_t i = 1; i < RACERS; i++) {
		buf_clear(&r[i].request);
		buf_add(&r[i].request, r[0].request.p, r[0].request.n);
	}
	is_int(run_race(r, RACERS, 200), 1, "of %d copies of one request one is good", RACERS);
	race_done(r, RACERS);
}

static void
test_all(const char *store)
{
	printf("# %s\n", store ? "postgresql" : "sqlite");
	lab_start(&lab, conf, store);
	lab_actor("A", KEY_P256, "ES256");
	lab_actor("B", KEY_P256, "ES256");
	lab_register(&lab, "A");
	lab_register(&lab, "B");
	test_directory();
	test_new_nonce();
	test_accounts();
	test_algorithms();
	test_new_order();
	test_many_problems();
	test_authz();
	test_issue();
	test_again();
	test_reuse();
	test_list();
	test_revoke();
	test_key_change();
	test_goodbye();
	test_races();
	is_int(atomic_load(&upstreams_get(lab.ups, "own")->issued), lab_number(&lab, "select count(*) from cert where upstream='own'"),
		"the certificates of our own CA are counted");
	lab_stop(&lab);
}

int
main(void)
{
	if (ok(pg_start() != NULL, "PostgreSQL can be started"))
		test_all(pg_where);
	pg_stop();
	test_all(NULL);
	return done_testing();
}
