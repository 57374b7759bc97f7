/* The admin API as a client on its socket sees it: who may ask, each resource, each refusal. */
#include <sys/wait.h>
#include <unistd.h>

#include "../httpd/rig.h"
#include "../store/world.h"
#include "admin/call.h"
#include "ask.h"
#include "base/log.h"
#include "store/cert.h"
#include "tap.h"

/* ---- resources ---- */

static void
test_status(void)
{
	get("/status", 200, "how the gateway is",
		WANT({ "version", "9.8.7" }, { "node", "node-1" }, { "uptime_s", "90061" }, { "configuration.generation", "3" },
			{ "configuration.file", scene.file }, { "external_url", "https://acme.test" }, { "store.kind", "sqlite" },
			{ "orders.pending", "1" }, { "orders.processing", "1" }, { "orders.ready", "0" }, { "jobs.issue", "1" },
			{ "workers.threads", "2" }, { "connections.open", "1" }, { "upstreams[0].name", "local" },
			{ "upstreams[0].driver", "local" }, { "upstreams[0].orders", "0" }, { "upstreams[1].name", "ca" },
			{ "upstreams[1].driver", "acme" }, { "upstreams[1].account", "null" }, { "upstreams[1].circuit", "closed" },
			{ "upstreams[1].orders", "1" }, { "upstreams[1].calls", "0" }));
}

static void
test_order_lists(void)
{
	char path[256];

	get("/orders", 200, "all orders, newest first",
		WANT({ "items[0].id", scene.pending }, { "items[0].status", "pending" }, { "items[0].account", scene.other },
			{ "items[0].identifiers[1].value", "*.new.test" }, { "items[3].id", scene.valid },
			{ "items[3].certificate", scene.cert }, { "next", "null" }, { "total", "4" }, { "total_is_exact", "true" }));
	get("/orders?limit=2", 200, "a page says how to go on", WANT({ "items[1].id", scene.processing }, { "items[2]", "" }, { "next", scene.processing }, { "total", "4" }));
	snprintf(path, sizeof(path), "/orders?before=%s&limit=2", scene.processing);
	get(path, 200, "the next page is the last", WANT({ "items[0].id", scene.invalid }, { "items[1].id", scene.valid }, { "next", "null" }));
	get("/orders?state=invalid", 200, "of a state", WANT({ "items[0].id", scene.invalid }, { "items[0].error.detail", "not proven" }, { "total", "1" }));
	snprintf(path, sizeof(path), "/orders?account=%s&state=valid", scene.account);
	get(path, 200, "of an account and a state", WANT({ "items[0].id", scene.valid }, { "total", "1" }));
	get("/orders?state=&limit=", 200, "an empty parameter is none", WANT({ "total", "4" }));
	get("/orders?state=ripe", 400, "an unknown state is named", WANT({ "detail", "state is \"ripe\", expected pending, ready, processing, valid or invalid" }));
	get("/orders?limit=0", 400, "no empty page", NULL);
	get("/orders?limit=501", 400, "no page without end", NULL);
	get("/orders?account=nobody", 404, "an unknown account is said to be so", WANT({ "detail", "there is no account \"nobody\"" }));
	get("/orders?before=1", 404, "a row id is no cursor", NULL);
	get("/orders?colour=red", 400, "an unknown parameter is refused", WANT({ "detail", "unknown parameter \"colour\"" }));
}

static void
test_order(void)
{
	char path[128];

	snprintf(path, sizeof(path), "/orders/%s?trace=1", scene.invalid);
	get(path, 200, "an order with its story",
		WANT({ "id", scene.invalid }, { "account", scene.account }, { "authorizations[0].identifier.value", "bad.test" },
			{ "authorizations[0].status", "invalid" }, { "authorizations[0].challenges[0].type", "http-01" },
			{ "authorizations[0].challenges[0].error.type", "urn:ietf:params:acme:error:connection" },
			{ "authorizations[0].challenges[0].attempts", "1" }, { "trace[0].event", "new order" },
			{ "trace[1].detail", "pending->invalid" }, { "trace[1].node", "n1" }, { "upstream_order", "" }, { "job", "" }));
	snprintf(path, sizeof(path), "/orders/%s", scene.processing);
	get(path, 200, "an order on its way",
		WANT({ "upstream_order.state", "intent" }, { "upstream_order.attempt", "2" }, { "upstream_order.failures", "1" },
			{ "upstream_order.error", "the CA could not connect" }, { "job.kind", "issue" }, { "job.error", "circuit open" },
			{ "job.due", "1970-01-01T00:00:04Z" }, { "trace", "" }));
	get("/orders/AAAAAAAAAAAAAAAAAAAAAA", 404, "an unknown order", WANT({ "type", "urn:ietf:params:acme:error:malformed" }));
	get("/orders/", 404, "no ref, no order", NULL);
}

static void
test_accounts(void)
{
	char path[128];

	get("/accounts?limit=1", 200, "accounts, newest first", WANT({ "items[0].id", scene.other }, { "next", scene.other }, { "total", "2" }));
	snprintf(path, sizeof(path), "/accounts?before=%s", scene.other);
	get(path, 200, "the rest", WANT({ "items[0].id", scene.account }, { "next", "null" }));
	snprintf(path, sizeof(path), "/accounts/%s", scene.account);
	get(path, 200, "an account", WANT({ "id", scene.account }, { "status", "valid" }, { "orders", "3" }, { "certificates", "1" }, { "thumbprint", "one" }, { "eab", "" }));
	get("/accounts/x", 404, "an unknown account", NULL);
}

static void
test_certs(void)
{
	char path[128];

	get("/certs", 200, "certificates, newest first", WANT({ "items[0].id", scene.cert2 }, { "items[1].id", scene.cert }, { "items[1].account", scene.account }, { "total", "2" }));
	snprintf(path, sizeof(path), "/certs?account=%s&before=%s", scene.account, scene.cert2);
	get(path, 200, "of an account, going on", WANT({ "items[0].id", scene.cert }, { "total", "1" }));
	snprintf(path, sizeof(path), "/certs/%s", scene.cert);
	get(path, 200, "a certificate", WANT({ "status", "valid" }, { "order", scene.valid }, { "serial", "0c1" }, { "chain", "PEM" }, { "revoked", "" }));
	get("/certs/x", 404, "an unknown certificate", NULL);
}

/* Three that an authority of today might have made; two of them share a serial number. */
static bool
named_tx(struct sql *db, void *arg, struct problem *pr)
{
	static const struct {
		const char *mark, *keyid, *serial, *hex;
	} made[] = { { "n1", "\x01", "\x00\x87\x65\x43\x21", "0087654321" }, { "n2", "\x01", "\x55", "55" }, { "n3", "\x02", "\x55", "55" } };

	for (size_t i = 0; i < COUNT_OF(made); i++) {
		struct cert_row c = cert_like(1, 1, made[i].mark, "a.test", NOW + 1000);
		bool good;

		certid_write(span_of(made[i].keyid, 1), span_of(made[i].serial, i == 0 ? 5 : 1), c.certid);
		strcpy(c.serial, made[i].hex);
		good = cert_insert(db, &c, SPAN("PEM"), pr);
		memcpy((char *)arg + i * REF_TEXT, c.ref, REF_TEXT);
		cert_row_done(&c);
		if (!good)
			return false;
	}
	return true;
}

static void
test_cert_names(void)
{
	char refs[3][REF_TEXT];
	struct problem pr = { 0 };
	struct json *doc;

	must(store_write(scene.admin.store, named_tx, refs, &pr));
	get("/certs/AQ.AIdlQyE", 200, "a certificate by its certID", WANT({ "id", refs[0] }, { "certid", "AQ.AIdlQyE" }));
	get("/certs/AQ.h2VDIQ", 200, "also without the 00 (R3)", WANT({ "id", refs[0] }));
	get("/certs/AQ.VQ", 200, "of its issuer", WANT({ "id", refs[1] }));
	get("/certs/Ag.VQ", 200, "and of another", WANT({ "id", refs[2] }));
	get("/certs/Ag.AIdlQyE", 404, "that has none of this number", NULL);
	get("/certs/AQ.AVU=", 400, "a certID that is none is told to be so", WANT({ "type", "urn:ietf:params:acme:error:malformed" }));
	get("/certs/AQ.AFU", 400, "nor is one with a 00 too many", NULL);
	get("/certs/87:65:43:21", 200, "by its serial number", WANT({ "id", refs[0] }));
	get("/certs/0087654321", 200, "in each way to write it", WANT({ "id", refs[0] }, { "serial", "0087654321" }));
	get("/certs/87654322", 404, "an unknown serial number", NULL);
	get("/certs/55", 400, "a serial number that two have names none",
		WANT({ "detail", "several certificates have the serial number 55: name yours by its id or certID" }));
	is_int(ask("POST", "/certs/55/revoke", "", &doc), 400, "and revokes none");
	json_free(doc);
	is_int(ask("POST", "/certs/Ag.VQ/revoke", "", &doc), 200, "a certID revokes");
	has(doc, "id", refs[2]);
	has(doc, "status", "revoked");
	json_free(doc);
	get("/certs/AQ.VQ", 200, "that one and no other", WANT({ "status", "valid" }));
}

static bool
look_tx(struct sql *db, void *arg, struct problem *pr)
{
	bool *denied = arg;

	return denied_key_has(db, "key-c1", denied, pr);
}

static void
test_revoke(void)
{
	struct problem pr = { 0 };
	bool denied = false;
	struct json *doc;
	char path[128], show[128];
	int tries = 0;

	snprintf(path, sizeof(path), "/certs/%s/revoke", scene.cert);
	snprintf(show, sizeof(show), "/certs/%s", scene.cert);
	is_int(ask("POST", path, "{\"reason\":6}", &doc), 400, "a reason that nobody may give is refused");
	has(doc, "type", "urn:ietf:params:acme:error:badRevocationReason");
	json_free(doc);
	is_int(ask("POST", path, "{\"reason\":\"1\"}", &doc), 400, "a reason is a number");
	json_free(doc);
	is_int(ask("POST", path, "{\"reason\":1}", &doc), 200, "a certificate is revoked");
	has(doc, "status", "revoked");
	has(doc, "revocation_reason", "1");
	json_free(doc);
	ok(store_read(scene.admin.store, look_tx, &denied, &pr) && denied, "its key was lost, so it is never certified again");
	is_int(ask("POST", path, "", &doc), 400, "twice is too often");
	has(doc, "type", "urn:ietf:params:acme:error:alreadyRevoked");
	json_free(doc);
	is_int(ask("POST", "/certs/x/revoke", "", &doc), 404, "an unknown one cannot be revoked");
	json_free(doc);
	snprintf(path, sizeof(path), "/orders/%s?trace=1", scene.valid);
	get(path, 200, "the order's story tells it", WANT({ "trace[0].event", "revoked" }));
	for (bool done = false; !done && tries < 500; tries++) {
		AUTO_FREE char *text = NULL;

		ask("GET", show, NULL, &doc);
		text = at(doc, "revoked_upstream");
		done = *text != '\0';
		json_free(doc);
		if (!done)
			usleep(10000);
	}
	ok(tries < 500, "the job has run to its end");
}

static void
test_control(void)
{
	struct json *doc;

	is_int(ask("POST", "/reload", "", &doc), 200, "reload");
	has(doc, "generation", "3");
	has(doc, "file", scene.file);
	json_free(doc);
	scene.reload_good = false;
	is_int(ask("POST", "/reload", "{}", &doc), 400, "a reload that is refused");
	has(doc, "detail", "the configuration was refused, generation 3 stays in force");
	has(doc, "errors[0]", "a.conf:1: x: unknown key");
	has(doc, "errors[1]", "a.conf:2: y: too large");
	has(doc, "errors[2]", "");
	json_free(doc);
	is_int(scene.reloads, 2, "each asked the gate once");
	is_int(ask("POST", "/log", "{\"level\":\"warning\"}", &doc), 200, "the log level is set");
	has(doc, "level", "warning");
	json_free(doc);
	get("/log", 200, "and told", WANT({ "level", "warning" }));
	ok(log_wants(LOG_WARNING) && !log_wants(LOG_NOTICE), "and in force");
	is_int(ask("POST", "/log", "{\"level\":\"loud\"}", &doc), 400, "an unknown level");
	json_free(doc);
	is_int(ask("POST", "/log", "{}", &doc), 400, "no level");
	json_free(doc);
	log_set_level(LOG_ERROR);
	get("/config", 200, "the configuration in force", WANT({ "external_url", "https://acme.test" }, { "upstreams[1].name", "ca" }));
	is_int(ask("POST", "/drain", "", &doc), 200, "drain");
	has(doc, "draining", "true");
	json_free(doc);
	for (int i = 0; i < 500 && atomic_load(&scene.drains) == 0; i++)
		usleep(10000);
	is_int(atomic_load(&scene.drains), 1, "the gate is told to stop");
}

static void
test_refusals(void)
{
	struct json *doc;
	struct link l;
	AUTO_BUF reply = BUF_MAX(1 << 16);

	get("/nothing", 404, "an unknown path", NULL);
	get("/reload", 405, "a GET changes nothing", NULL);
	is_int(ask("POST", "/status", "", &doc), 405, "status is not posted to");
	json_free(doc);
	is_int(ask("DELETE", "/orders", "", &doc), 405, "nothing is deleted");
	json_free(doc);
	is_int(ask("POST", "/log", "{", &doc), 400, "half a document");
	json_free(doc);
	is_int(ask("POST", "/log", "[]", &doc), 400, "no object");
	json_free(doc);
	l = rig_connect_unix(scene.socket);
	rig_say(&l, "POST /reload HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}");
	ok(rig_reply(&l, false, &reply) && rig_status(&reply) == 415, "what is no JSON by its type is not read");
	rig_close(&l);
	l = rig_connect_unix(scene.socket);
	rig_say(&l, "GET /status HTTP/1.1\nHost: x\n\n");
	ok(rig_reply(&l, false, &reply) && rig_status(&reply) == 400 && rig_has(&reply, "application/problem+json"), "bad framing is answered in the face's own form");
	rig_close(&l);
}

#define STATUS "GET /status HTTP/1.1\r\nHost: x\r\n\r\n"
#define SET(path, body, length) "POST " path " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: " length "\r\n\r\n" body
#define LOG SET("/log", "{\"level\":\"error\"}", "17")
#define KEY SET("/eab", "{}", "2")

/* The status that a process of another user hears. */
static int
ask_as(uid_t uid, const char *request)
{
	size_t length = strlen(request);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		char text[16] = "";
		struct link l;

		/* only system calls here: other threads may have held locks at the fork */
		if (setuid(uid) != 0)
			_exit(1);
		l = rig_connect_unix(scene.socket);
		if (l.fd < 0 || write(l.fd, request, length) < 0 || read(l.fd, text, sizeof(text) - 1) < 12)
			_exit(2);
		_exit(memcmp(text + 9, "200", 3) == 0 ? 20 : memcmp(text + 9, "403", 3) == 0 ? 43 : 3);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static bool
strangers_tx(struct sql *db, void *arg, struct problem *pr)
{
	static const char SQL[] = "select count(*) from audit_pending where event='operator.login_failed'";
	struct sql_stmt *st = sql_begin(db, SQL);
	int64_t *count = arg;

	*count = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

/* Whether anybody else is named or not. */
static void
test_flood(const char *what)
{
	int64_t before = 0, after = 0, begin = clock_ms();
	struct problem pr = { 0 };

	must(store_read(scene.admin.store, strangers_tx, &before, &pr));
	for (int i = 0; i < 20; i++)
		is_int(ask_as(65534, STATUS), 43, "a stranger asks again and again, %s", what);
	must(store_read(scene.admin.store, strangers_tx, &after, &pr));
	ok(after > 0 && after - before <= 1 + (clock_ms() - begin) / 1000, "and fills no audit trail: %lld entries", (long long)(after - before));
}

static void
test_users(void)
{
	if (geteuid() != 0) {
		ok(true, "users # SKIP only root can be another user");
		return;
	}
	is_int(ask_as(65534, STATUS), 43, "a stranger is refused");
	test_flood("nobody is named");
	scene_users(&scene, "\"daemon\", \"no-such-user-here\"");
	is_int(ask_as(65534, STATUS), 43, "also when others are named");
	test_flood("others are named");
	scene_users(&scene, "\"daemon\", \"nobody\"");
	is_int(ask_as(65534, STATUS), 20, "a user whom the configuration names is served");
	scene_users(&scene, "");
	is_int(ask_as(65534, STATUS), 43, "until it names him no longer");
}

static void
test_roles(void)
{
	static const struct {
		const char *roles;
		int status, log, key; /* what reading, an operator's and an administrator's request hear: 20, 43 */
	} cases[] = {
		{ "viewers = [ \"nobody\" ];", 20, 43, 43 },
		{ "auditors = [ \"nobody\" ];", 20, 43, 43 },
		{ "operators = [ \"nobody\" ];", 20, 20, 43 },
		{ "admin_users = [ \"nobody\" ];", 20, 20, 20 },
		{ "viewers = [ \"@nogroup\" ];", 20, 43, 43 },
		{ "operators = [ \"@nogroup\" ]; viewers = [ \"nobody\" ];", 20, 20, 43 },
		{ "operators = [ \"@daemon\", \"@no-such-group\" ];", 43, 43, 43 },
		{ "viewers = [ \"nogroup\" ];", 43, 43, 43 },
	};

	for (size_t i = 0; geteuid() == 0 && i < COUNT_OF(cases); i++) {
		scene_roles(&scene, cases[i].roles);
		is_int(ask_as(65534, STATUS), cases[i].status, "%s who may read", cases[i].roles);
		is_int(ask_as(65534, LOG), cases[i].log, "  who may do what keeps it running");
		is_int(ask_as(65534, KEY), cases[i].key, "  who may hand out keys");
	}
	ok(roles_allow(1u << ROLE_AUDITOR, ROLE_AUDITOR) && !roles_allow(1u << ROLE_OPERATOR, ROLE_AUDITOR) && !roles_allow(1u << ROLE_VIEWER, ROLE_AUDITOR) &&
		roles_allow(1u << ROLE_ADMINISTRATOR, ROLE_AUDITOR), "the audit trail is for auditors and administrators");
	scene_users(&scene, "");
}

int
main(void)
{
	log_init(LOG_ERROR, LOG_LOGFMT);
	scene_up(&scene);
	test_status();
	test_order_lists();
	test_order();
	test_accounts();
	test_certs();
	test_users();
	test_roles();
	test_refusals();
	test_revoke();
	test_cert_names();
	test_control();
	scene_down(&scene);
	return done_testing();
}
