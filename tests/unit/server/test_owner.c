/* Whose is it? Each resource asked by its owner, by another account, by a deactivated one, by a bare key, and under ids that are
 * nobody's: what is another's and what is not there must not be told apart, octet for octet (W10). */
#include "lab.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/b64url.h"
#include "tap.h"

#define NEW_ACCOUNT "/new-account"

static struct lab lab;

static const char conf[] = LAB_NO_RATES
	"default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; } );";

struct resource {
	const char *name, *kind; /* of its URL */
	const char *id;          /* variable with the path of one of A's */
	const char *below;       /* behind the id */
	const char *payload;     /* NULL = POST-as-GET */
	int owner;               /* status for its owner */
	const char *type;        /* of the refusal */
	int status;
};

/* In this order, for some of it ends a thing. */
static const struct resource resources[] = {
	{ "an account", "/acct/", "ACCOUNT", "", NULL, 200, "unauthorized", 403 },
	{ "an account's update", "/acct/", "ACCOUNT", "", "{\"contact\":[]}", 200, "unauthorized", 403 },
	{ "an orders list", "/acct/", "ACCOUNT", "/orders", NULL, 200, "unauthorized", 403 },
	{ "a page of it", "/acct/", "ACCOUNT", "/orders?before=x", NULL, 404, "unauthorized", 403 },
	{ "an order", "/order/", "ORDER", "", NULL, 200, "malformed", 404 },
	{ "an authorization", "/authz/", "ORDER_AUTHZ0", "", NULL, 200, "malformed", 404 },
	{ "an authorization's update", "/authz/", "ORDER_AUTHZ0", "", "{\"status\":\"x\"}", 400, "malformed", 404 },
	{ "a challenge", "/chall/", "ORDER_CHALL0", "", NULL, 200, "malformed", 404 },
	{ "a challenge's response", "/chall/", "ORDER_CHALL0", "", "{}", 200, "malformed", 404 },
	{ "finalize", "/order/", "READY", "/finalize", "{\"csr\":\"$CSR\"}", 200, "malformed", 404 },
	{ "finalize with nonsense", "/order/", "READY", "/finalize", "{\"csr\":\"AAAA\"}", 403, "malformed", 404 },
	{ "finalize of an order that is not ready", "/order/", "ORDER", "/finalize", "{\"csr\":\"$CSR\"}", 403, "malformed", 404 },
	{ "a certificate", "/cert/", "CERT", "", NULL, 200, "malformed", 404 },
	{ "a chain that is not there", "/cert/", "CERT", "/1", NULL, 404, "malformed", 404 },
	{ "the end of an authorization", "/authz/", "ORDER_AUTHZ0", "", "{\"status\":\"deactivated\"}", 200, "malformed", 404 },
};

/* A reply without what differs each time. */
static char *
normal(const struct buf *reply)
{
	struct span rest = buf_span(reply), line;
	AUTO_BUF out = BUF_MAX(1 << 20);

	while (span_cut(&rest, '\n', &line)) {
		if (!span_starts(line, "Date:") && !span_starts(line, "Replay-Nonce:"))
			buf_addspan(&out, line);
		buf_addc(&out, '\n');
	}
	return xstrdup(buf_cstr(&out));
}

/* Ask for one resource under this path. */
static void
ask(const struct resource *r, const char *by, bool jwk, const char *path, struct buf *reply)
{
	AUTO_FREE char *whole = xasprintf("%s%s", path, r->below);

	lab_send(&lab, &(struct rq){ .path = whole, .by = by, .jwk = jwk, .payload = r->payload }, reply);
}

static void
test_resource(const struct resource *r)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);
	AUTO_FREE char *foreign = NULL, *path = xstrdup(lab_var(r->id)), *near = xstrdup(path);
	char random_ref[REF_TEXT];
	const struct {
		const char *what, *id;
	} nobodys[] = { { "a random id", random_ref }, { "an id that differs in one character", near + strlen(r->kind) },
		{ "the id of something else", lab_var("ELSE") }, { "a short id", "a" }, { "an id of other letters", "%E4%00" } };

	rand_ref(random_ref);
	near[strlen(near) - 2] = near[strlen(near) - 2] == 'A' ? 'B' : 'A';
	ask(r, "B", false, path, &reply);
	ok(reply_is_problem(&reply, r->type, r->status, true), "%s: another's is refused", r->name);
	foreign = normal(&reply);
	for (size_t i = 0; i < COUNT_OF(nobodys); i++) {
		AUTO_FREE char *there = xasprintf("%s%s", r->kind, nobodys[i].id), *unknown = NULL;

		ask(r, "B", false, there, &reply);
		unknown = normal(&reply);
		is_str(unknown, foreign, "%s: %s answers alike", r->name, nobodys[i].what);
	}
	ask(r, "gone", false, path, &reply);
	ok(reply_is_problem(&reply, "unauthorized", 401, true), "%s: a deactivated account hears of its own end alone", r->name);
	ask(r, "B", true, path, &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true), "%s: a bare key is refused", r->name);
	ask(r, "A", true, path, &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true), "%s: even the owner's", r->name);
	ask(r, "A", false, path, &reply);
	is_int(reply_status(&reply), r->owner, "%s: its owner is answered", r->name);
}

static void
test_revoke(void)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);
	AUTO_FREE char *foreign = NULL, *unknown = NULL, *revoked = NULL;

	lab_post(&lab, "B", "/revoke-cert", "{\"certificate\":\"$LEAF\",\"reason\":1}", &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true), "revokeCert: another's certificate");
	foreign = normal(&reply);
	lab_post(&lab, "B", "/revoke-cert", "{\"certificate\":\"$NOBODYS\",\"reason\":1}", &reply);
	unknown = normal(&reply);
	is_str(unknown, foreign, "revokeCert: an unknown one answers alike");
	lab_post(&lab, "A", "/revoke-cert", "{\"certificate\":\"$LEAF\"}", &reply);
	is_int(reply_status(&reply), 200, "revokeCert: its owner revokes it");
	lab_post(&lab, "B", "/revoke-cert", "{\"certificate\":\"$LEAF\",\"reason\":1}", &reply);
	revoked = normal(&reply);
	is_str(revoked, foreign, "revokeCert: that another's is revoked is not told");
}

static void
set_leaf(const char *name, struct span pem)
{
	struct chain chain = { 0 };
	struct problem pr = { 0 };
	AUTO_BUF der = BUF_MAX(65536), text = BUF_MAX(1 << 20);

	if (!chain_parse(pem, &chain, &pr) || !cert_der(chain.certs[0], &der))
		lab_die("certificate");
	b64url_add(&text, der.p, der.n);
	lab_set(name, buf_cstr(&text));
	chain_done(&chain);
}

/* newAccount by a key that has no account, with this binding. */
static char *
bind_reply(const struct eab_jws *e)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_eab(e);
	lab_send(&lab, &(struct rq){ .path = NEW_ACCOUNT, .by = "new", .jwk = true, .payload = "{\"externalAccountBinding\":$BINDING}" }, &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true), "a binding to \"%.20s\" with a wrong MAC is refused", e->kid);
	return normal(&reply);
}

/* W14: whether there is a key is told to who holds it. */
static void
test_kids(void)
{
	static const char *const unknown[] = { "nobody", "a kid that cannot be one", "gooe",
		"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk" };
	AUTO_FREE char *known = NULL, *suspended = NULL;

	lab_actor("new", KEY_P256, "ES256");
	lab_eab_key(&lab, "good");
	lab_eab_key(&lab, "suspended");
	lab_sql(&lab, "update eab_key set state=1 where kid='suspended'");
	known = bind_reply(&(struct eab_jws){ "BINDING", "good", "new", NEW_ACCOUNT, .wrong_mac = true });
	suspended = bind_reply(&(struct eab_jws){ "BINDING", "suspended", "new", NEW_ACCOUNT, .wrong_mac = true });
	is_str(suspended, known, "one that is suspended answers alike");
	for (size_t i = 0; i < COUNT_OF(unknown); i++) {
		AUTO_FREE char *wrong = bind_reply(&(struct eab_jws){ "BINDING", unknown[i], "new", NEW_ACCOUNT, .wrong_mac = true });
		AUTO_FREE char *right = bind_reply(&(struct eab_jws){ "BINDING", unknown[i], "new", NEW_ACCOUNT, .wrong_mac = false });

		is_str(wrong, known, "an unknown one, too");
		is_str(right, known, "whatever its MAC is");
	}
}

/* And each asks the keeper: without it none can be answered, so none is answered sooner. The last test, for nothing works then. */
static void
test_same_work(void)
{
	static const char *const kids[] = { "good", "nobody", "a kid that cannot be one" };
	AUTO_BUF reply = BUF_MAX(1 << 20);

	kill(keeper_pid(lab.keeper), SIGKILL);
	for (size_t i = 0; i < COUNT_OF(kids); i++) {
		lab_eab(&(struct eab_jws){ "BINDING", kids[i], "new", NEW_ACCOUNT, .wrong_mac = true });
		lab_send(&lab, &(struct rq){ .path = NEW_ACCOUNT, .by = "new", .jwk = true, .payload = "{\"externalAccountBinding\":$BINDING}" }, &reply);
		ok(reply_is_problem(&reply, "serverInternal", 500, true), "the keeper is asked about \"%s\"", kids[i]);
	}
}

int
main(void)
{
	static const char *const actors[] = { "A", "B", "gone", "cert" };
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_start(&lab, conf, NULL);
	for (size_t i = 0; i < COUNT_OF(actors); i++) {
		lab_actor(actors[i], KEY_P256, "ES256");
		if (i < 3)
			lab_register(&lab, actors[i]);
	}
	lab_set("ACCOUNT", lab_path(lab_var("KID_A")));
	lab_post(&lab, "gone", lab_path(lab_var("KID_gone")), "{\"status\":\"deactivated\"}", &reply);
	lab_order(&lab, "A", "ORDER", "slow.test", NULL);
	lab_order(&lab, "A", "READY", "a.test", NULL);
	lab_prove(&lab, "A", "READY", "ready");
	lab_order(&lab, "A", "ISSUED", "b.test", NULL);
	lab_prove(&lab, "A", "ISSUED", "ready");
	lab_finalize(&lab, "A", "ISSUED", "b.test");
	lab_set("CERT", lab_var("ISSUED_CERT"));
	lab_csr("CSR", lab_key("cert"), "a.test");
	lab_order(&lab, "B", "BS", "b.test", NULL);
	lab_set("ELSE", lab_var("ISSUED_AUTHZ0") + strlen("/authz/"));
	lab_post(&lab, "A", "$CERT", NULL, &reply);
	set_leaf("LEAF", reply_body(&reply));
	/* the local CA's own certificate is in no table of certificates */
	set_leaf("NOBODYS", span_of(strstr(reply.p, "-----END") + 26, strlen(strstr(reply.p, "-----END")) - 26));
	for (size_t i = 0; i < COUNT_OF(resources); i++)
		test_resource(&resources[i]);
	test_revoke();
	test_kids();
	test_same_work();
	lab_stop(&lab);
	return done_testing();
}
