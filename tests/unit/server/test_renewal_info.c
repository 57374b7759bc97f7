/* Renewal information by GET (RFC 9773 4): for anybody, by certID, until the certificate ends; from memory and from the store alike. */
#include "lab.h"

#include <stdlib.h>

#include "tap.h"

static struct lab lab;

#define PROFILES "default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; } );"
static const char conf[] = LAB_NO_RATES PROFILES;

#define REPLY AUTO_BUF reply = BUF_MAX(1 << 20)
/* RFC 9773 4.1 and Appendix A: the example's certID, and the same without the 00 (R3) */
#define RFC_ID "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"
#define RFC_BARE "aYhba4dGQEHhs3uEe6CuLN4ByNQ.h2VDIQ"

static int
get_with(const char *path, const char *fields, struct buf *reply)
{
	AUTO_FREE char *whole = xasprintf("/renewal-info/%s", path);

	return lab_get(&lab, whole, fields, reply);
}

static int
get(const char *path, struct buf *reply)
{
	return get_with(path, NULL, reply);
}

/* A certificate of this certID; lives from `from` to `to` seconds from now. */
static void
put(const char *certid, int from, int to)
{
	char text[32];

	lab_set("CERTID", certid);
	snprintf(text, sizeof(text), "%lld", (long long)clock_unix_s() + from);
	lab_set("FROM", text);
	snprintf(text, sizeof(text), "%lld", (long long)clock_unix_s() + to);
	lab_set("TO", text);
	lab_sql(&lab, "insert into cert (ref, order_id, account_id, principal, profile, upstream, serial, certid, sha256, key_hash, idents, idents_key, not_before, not_after, issuer, chain, created_at)"
		" values ('$CERTID', 0, 1, 1, 'p', 'u', '05', '$CERTID', '$CERTID', 'k', 'dns:r.test', 'n', $FROM, $TO, 'CN=x', 'PEM', $FROM)");
	lab_sql(&lab, "insert into renewal (cert_id, certid, principal, not_before, not_after, changed_at)"
		" select id, certid, principal, not_before, not_after, created_at from cert where certid='$CERTID'");
}

static int64_t
time_at(const struct buf *reply, const char *where)
{
	const char *text = reply_get(reply, where);
	int64_t t;

	return text && strlen(text) == 20 && time_rfc3339_parse(span_str(text), &t) ? t : -1;
}

#define DAY 86400

static void
test_answer(const char *how)
{
	int64_t now = clock_unix_s(), start, end;
	AUTO_FREE char *body = NULL, *etag = NULL, *fields = NULL;
	REPLY;

	ok(get(RFC_ID, &reply) == 200 && reply_has_field(&reply, "Content-Type", "application/json"), "%s: RFC 9773's own example is answered", how);
	start = time_at(&reply, "suggestedWindow.start");
	end = time_at(&reply, "suggestedWindow.end");
	ok(start > now + 25 * DAY && start < end && end < now + 35 * DAY, "  with a window at two thirds of its life, in whole seconds");
	ok(!reply_get(&reply, "explanationURL"), "  which needs no explanation");
	ok(atoi(reply_field(&reply, "Retry-After", 0)) >= 60 && atoi(reply_field(&reply, "Retry-After", 0)) <= DAY, "  Retry-After is 60 to 86400 (T2)");
	ok(strstr(reply_field(&reply, "Cache-Control", 0), "public, max-age=") && !reply_field(&reply, "Replay-Nonce", 0), "  caches may keep it, and it has no nonce");
	body = span_dup(reply_body(&reply));
	etag = xstrdup(reply_field(&reply, "ETag", 0));
	ok(get(RFC_BARE, &reply) == 200 && span_is(reply_body(&reply), body), "%s: so it is without the 00 (R3)", how);
	fields = xasprintf("If-None-Match: \"x\", %s\r\n", etag);
	ok(get_with(RFC_ID, fields, &reply) == 304 && reply_body(&reply).n == 0 && !reply_field(&reply, "Content-Length", 0), "%s: who has it hears just that", how);
	ok(reply_field(&reply, "Retry-After", 0) && strcmp(reply_field(&reply, "ETag", 0), etag) == 0, "  and when to come again");
	is_int(get_with(RFC_ID, "If-None-Match: \"x\"\r\n", &reply), 200, "  who has another hears all");
	is_int(get_with(RFC_ID, "If-None-Match: *\r\n", &reply), 304, "  who has any does not");
	lab_send(&lab, &(struct rq){ .method = "HEAD", .path = "/renewal-info/" RFC_ID, .type = "", .body = "" }, &reply);
	ok(reply_status(&reply) == 200 && strcmp(reply_field(&reply, "ETag", 0), etag) == 0, "%s: HEAD is answered as well", how);
}

static void
test_refusals(void)
{
	static const struct {
		const char *id, *what;
		int status;
	} cases[] = {
		{ "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyI", "of another serial number", 404 },
		{ "AYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", "of another issuer", 404 },
		{ "AA.AQ", "of nobody", 404 },
		{ "AA.Aw", "of a certificate that has ended (R4)", 404 },
		{ "x", "without a dot", 400 },
		{ ".", "of a dot", 400 },
		{ "AA.", "without a serial number", 400 },
		{ ".AQ", "without an issuer", 400 },
		{ "AA.AQ.AQ", "of three parts", 400 },
		{ RFC_ID "=", "with padding", 400 },
		{ "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AACHZUMh", "with a 00 too many", 400 },
		{ "AA.AAE", "with a 00 that is not needed", 400 },
		{ "AA%2EAQ", "with an escaped dot", 400 },
		{ RFC_ID ",AA.AQ", "of two", 400 },
		{ "AA.B", "whose serial number is no base64url", 400 },
		{ "AA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "of too long a serial number", 400 },
	};
	REPLY;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		get(cases[i].id, &reply);
		ok(reply_is_problem(&reply, "malformed", cases[i].status, false), "a certID %s is answered %d", cases[i].what, cases[i].status);
	}
	is_int(get(RFC_ID "?x=1", &reply), 404, "with a query it is no resource of ours, and no key of a cache");
	is_int(get(RFC_ID "/x", &reply), 404, "nor with more behind it");
	is_int(lab_get(&lab, "/renewal-info", NULL, &reply), 404, "nor without a certID");
	lab_post(&lab, "A", "/renewal-info/" RFC_ID, NULL, &reply);
	ok(reply_is_problem(&reply, "malformed", 405, true) && reply_has_field(&reply, "Allow", "GET, HEAD"), "it is asked without a signature (RFC 9773 4.1)");
}

static void
test_revoked(void)
{
	int64_t now = clock_unix_s();
	REPLY;

	lab_conf(&lab, LAB_NO_RATES PROFILES "renewal_explanation = \"https://corp.test/why\";");
	lab_sql(&lab, "update renewal set revoked_at=not_before+100, changed_at=not_before+100 where certid='AQ.AQ'");
	lab_sql(&lab, "update renewal set replaced_at=5 where certid='AQ.Ag'");
	ok(get("AQ.AQ", &reply) == 200 && time_at(&reply, "suggestedWindow.end") < now && time_at(&reply, "suggestedWindow.start") < time_at(&reply, "suggestedWindow.end"),
		"the window of a revoked certificate is over");
	is_str(reply_get(&reply, "explanationURL"), "https://corp.test/why", "with the operator's page");
	ok(atoi(reply_field(&reply, "Retry-After", 0)) <= 3960, "and a short Retry-After");
	ok(get("AQ.Ag", &reply) == 200 && !reply_get(&reply, "explanationURL"), "one that was replaced is told of until it ends (R4)");
	lab_sql(&lab, "update renewal set ca_start=not_before+86400, ca_end=not_before+90000, explanation='https://ca.test/?a=\"', changed_at=not_before where certid='AQ.Aw'");
	ok(get("AQ.Aw", &reply) == 200 && strcmp(reply_get(&reply, "explanationURL"), "https://corp.test/why") == 0, "it stands in for the CA's page");
	lab_conf(&lab, conf);
	ok(get("AQ.Aw", &reply) == 200 && strcmp(reply_get(&reply, "explanationURL"), "https://ca.test/?a=\"") == 0, "without one the CA's is passed on");
	ok(time_at(&reply, "suggestedWindow.start") >= now + DAY && time_at(&reply, "suggestedWindow.end") <= now + 90000, "and the window lies in the CA's");
}

static void
test_access(void)
{
	REPLY;

	lab_conf(&lab, LAB_NO_RATES PROFILES "renewal_networks = [ \"192.0.2.0/24\", \"127.0.0.77/32\" ];");
	get(RFC_ID, &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, false), "an operator may keep it to his networks");
	lab_from(&lab, "127.0.0.77");
	is_int(get(RFC_ID, &reply), 200, "which are answered");
	ok(strstr(reply_field(&reply, "Cache-Control", 0), "private"), "  and no cache tells others");
	lab_from(&lab, NULL);
	lab_conf(&lab, "rates = { renewal_address_burst = 3; renewal_address_every = \"1h\"; };" PROFILES);
	for (int i = 0; i < 3; i++)
		is_int(get(RFC_ID, &reply), 200, "so many look-ups are free");
	get("AA.AQ", &reply);
	ok(reply_is_problem(&reply, "rateLimited", 429, false) && atoi(reply_field(&reply, "Retry-After", 0)) > 3000, "one more must wait, and hears for how long");
	lab_from(&lab, "127.0.0.78");
	is_int(get(RFC_ID, &reply), 200, "another address does not");
	lab_from(&lab, NULL);
	lab_conf(&lab, conf);
}

/* From the order to the window, with the gateway's own CA. */
static void
test_issued(void)
{
	struct chain chain = { 0 };
	struct problem pr = { 0 };
	REPLY;

	lab_order(&lab, "A", "O", "a.test", NULL);
	lab_prove(&lab, "A", "O", "ready");
	lab_finalize(&lab, "A", "O", "a.test");
	lab_post(&lab, "A", lab_var("O_CERT"), NULL, &reply);
	if (!chain_parse(reply_body(&reply), &chain, &pr))
		lab_die("chain");
	lab_set("O_ID", chain.certs[0]->certid);
	chain_done(&chain);
	is_int(get("$O_ID", &reply), 200, "what was just issued has renewal information at once");
	lab_get(&lab, "/directory", NULL, &reply);
	ok(reply_get(&reply, "renewalInfo") && strcmp(lab_path(reply_get(&reply, "renewalInfo")), "/renewal-info") == 0, "the directory says where (3)");
	lab_order(&lab, "A", "R", "a.test", "\"replaces\":\"$O_ID\"");
	lab_prove(&lab, "A", "R", "ready");
	is_int(lab_number(&lab, "select count(*) from renewal where replaced_at is not null"), 0, "an order under way has replaced nothing yet");
	lab_finalize(&lab, "A", "R", "a.test");
	is_int(lab_number(&lab, "select count(*) from renewal where replaced_at is not null"), 1, "with its certificate it has");
}

int
main(void)
{
	lab_start(&lab, conf, NULL);
	lab_actor("A", KEY_P256, "ES256");
	lab_register(&lab, "A");
	put(RFC_ID, -30 * DAY, 60 * DAY);
	put("AA.Aw", -30 * DAY, -1);
	put("AQ.AQ", -200, 90 * DAY);
	put("AQ.Ag", 0, 90 * DAY);
	put("AQ.Aw", 0, 90 * DAY);
	test_answer("from the store");
	lab_renewal_refresh(&lab);
	test_answer("from memory");
	test_refusals();
	test_access();
	test_issued();
	lab_stop(&lab);

	lab_start(&lab, conf, NULL);
	put("AQ.AQ", -200, 90 * DAY);
	put("AQ.Ag", 0, 90 * DAY);
	put("AQ.Aw", 0, 90 * DAY);
	test_revoked();
	lab_stop(&lab);
	return done_testing();
}
