/* Renewal information of many certificates at once (doc/mass-ari.md): the cacheable GET list, the signed list and the account's feed. */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/b64url.h"
#include "json/json.h"
#include "store/account.h"
#include "store/cert.h"
#include "pki/certid.h"
#include "tap.h"

static struct lab lab;

#define PROFILES "default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; } );"
static const char conf[] = LAB_NO_RATES PROFILES;

#define REPLY AUTO_BUF reply = BUF_MAX(8 << 20)
#define BATCH "/renewal-info-batch"
#define DAY 86400
#define MINE 1100 /* certificates of A, numbered from 1; those of B from 5001 */

static const char *
id_of(unsigned n, char ret[CERTID_TEXT])
{
	const unsigned char serial[3] = { 0x11, (unsigned char)(n >> 8), (unsigned char)n };

	certid_write(SPAN("twenty octets of key"), span_of(serial, sizeof(serial)), ret);
	return ret;
}

struct put {
	const char *actor;
	unsigned from, count;
	int64_t not_after;
};

static bool
put_tx(struct sql *db, void *arg, struct problem *pr)
{
	const struct put *p = arg;
	struct account a = { 0 };
	char name[32];
	bool found, good = true;

	snprintf(name, sizeof(name), "KEY_%s", p->actor);
	if (!account_by_thumbprint(db, lab_var(name), &a, &found, pr) || !found)
		return false;
	for (unsigned i = p->from; good && i < p->from + p->count; i++) {
		struct cert_row c = { .order_id = i, .account_id = a.id, .principal = a.id, .profile = "p", .upstream = "u",
			.not_before = p->not_after - 90 * DAY, .not_after = p->not_after };
		struct ident ident = { IDENT_DNS, "a.test" };

		idents_add(&c.idents, &ident);
		snprintf(c.sha256, sizeof(c.sha256), "sha-%u", i);
		id_of(i, c.certid);
		good = cert_insert(db, &c, SPAN("PEM"), pr);
		cert_row_done(&c);
	}
	account_done(&a);
	return good;
}

static void
put(const char *actor, unsigned from, unsigned count, int64_t lives_s)
{
	struct put p = { actor, from, count, clock_unix_s() + lives_s };

	lab_write(&lab, put_tx, &p);
}

static int
get_with(const char *ids, const char *fields, struct buf *reply)
{
	AUTO_FREE char *path = xasprintf(BATCH "/%s", ids);

	return lab_get(&lab, path, fields, reply);
}

static int
get(const char *ids, struct buf *reply)
{
	return get_with(ids, NULL, reply);
}

static int
post(const char *by, const char *payload, struct buf *reply)
{
	lab_post(&lab, by, BATCH, payload, reply);
	return reply_status(reply);
}

/* "id,id,..." of `count` certificates, each between `quote`. */
static char *
ids_of(unsigned from, unsigned count, const char *quote)
{
	AUTO_BUF text = BUF_MAX(1 << 20);
	char id[CERTID_TEXT];

	for (unsigned i = from; i < from + count; i++)
		buf_addf(&text, "%s%s%s%s", i > from ? "," : "", quote, id_of(i, id), quote);
	return xstrdup(buf_cstr(&text));
}

static int
post_ids(const char *by, unsigned from, unsigned count, const char *more, struct buf *reply)
{
	AUTO_FREE char *ids = ids_of(from, count, "\""), *payload = xasprintf("{\"certIDs\":[%s]%s}", ids, more);

	return post(by, payload, reply);
}

/* Members of "entries", of "errors", items of "gone". */
static size_t
count_at(const struct buf *reply, const char *name)
{
	struct json *doc = NULL;
	struct problem pr = { 0 };
	static const struct json_limits limits = { 16, 100000 };
	size_t n;

	if (!json_parse(reply_body(reply), "reply", &limits, &doc, &pr))
		lab_die(pr.detail);
	n = json_count(json_get(json_root(doc), name));
	json_free(doc);
	return n;
}

/* The text of an entry, NULL if it is not there. `of`: "entries" or "errors". */
static char *
entry(const struct buf *reply, const char *of, const char *id)
{
	struct json *doc = NULL;
	struct problem pr = { 0 };
	static const struct json_limits limits = { 16, 100000 };
	AUTO_BUF text = BUF_MAX(65536);

	if (!json_parse(reply_body(reply), "reply", &limits, &doc, &pr))
		lab_die(pr.detail);
	json_write(json_get(json_get(json_root(doc), of), id), &text);
	json_free(doc);
	return text.n ? xstrdup(buf_cstr(&text)) : NULL;
}

static void
is_window_of(const struct buf *reply, unsigned n, const char *what)
{
	char id[CERTID_TEXT];
	AUTO_FREE char *path = xasprintf("/renewal-info/%s", id_of(n, id)), *have = entry(reply, "entries", id), *want = NULL;
	AUTO_BUF one = BUF_MAX(65536);

	lab_get(&lab, path, NULL, &one);
	want = xasprintf("{\"renewalInfo\":%.*s,", SPAN_FMT(reply_body(&one)));
	ok(have && strncmp(have, want, strlen(want)) == 0, "%s: octet for octet what RFC 9773's own GET says", what);
}

static void
test_get_list(void)
{
	AUTO_FREE char *most = ids_of(1, 64, ""), *more = ids_of(1, 65, ""), *etag = NULL, *fields = NULL;
	char a[CERTID_TEXT], b[CERTID_TEXT];
	AUTO_FREE char *there = xasprintf("%s,%s,AA.AQ,x,%s,%s", id_of(1, a), id_of(5001, b), a, a), *back = xasprintf("x,AA.AQ,%s,%s", b, a);
	REPLY;

	is_int(get(id_of(1, a), &reply), 200, "a list of one");
	ok(count_at(&reply, "entries") == 1 && count_at(&reply, "errors") == 0, "  has one entry");
	is_window_of(&reply, 1, "a list by GET");
	ok(get(most, &reply) == 200 && count_at(&reply, "entries") == 64, "a list of 64");
	get(more, &reply);
	ok(reply_is_problem(&reply, "malformed", 400, false) && strcmp(reply_get(&reply, "maxCertIDs"), "64") == 0, "one of 65 is refused, and says how many are possible");
	is_int(get("", &reply), 404, "none is no resource");
	ok(get(there, &reply) == 200 && count_at(&reply, "entries") == 2 && count_at(&reply, "errors") == 2, "mixed: each once, anybody's, those that fail beside those that do not");
	is_str(reply_get(&reply, "errors.x.status"), "400", "  what is no certID is malformed");
	ok(strstr(reply_field(&reply, "Cache-Control", 0), "public") && !reply_field(&reply, "Replay-Nonce", 0), "  caches may keep it");
	etag = xstrdup(reply_field(&reply, "ETag", 0));
	fields = xasprintf("If-None-Match: %s\r\n", etag);
	ok(get(back, &reply) == 200 && strcmp(reply_field(&reply, "ETag", 0), etag) == 0, "its ETag does not depend on the order, nor on what is there twice");
	ok(get_with(back, fields, &reply) == 304 && reply_field(&reply, "Retry-After", 0), "who has it hears just that");
	is_int(get(id_of(1, a), &reply), 200, "another list");
	ok(strcmp(reply_field(&reply, "ETag", 0), etag) != 0, "  has another");
}

static void
test_commas(void)
{
	static const struct {
		const char *ids, *what;
		size_t errors;
	} cases[] = {
		{ "AA.AQ,", "an empty one at the end", 2 },
		{ ",AA.AQ", "an empty one in front", 2 },
		{ ",", "two empty ones, each once", 1 },
		{ "AA.AQ,,AA.Ag", "an empty one between", 3 },
		{ "AA.AQ%2CAA.Ag", "an escaped comma is none, and no certID has it", 1 },
		{ "AA.AQ;AA.Ag", "a semicolon", 1 },
		{ "AA.AQ=,AA.Ag", "padding", 2 },
	};
	REPLY;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int status = get(cases[i].ids, &reply);

		ok(status == 200 && count_at(&reply, "entries") == 0 && count_at(&reply, "errors") == cases[i].errors, "comma tricks: %s", cases[i].what);
	}
}

static void
test_post_list(void)
{
	char id[CERTID_TEXT];
	AUTO_FREE char *foreign = NULL, *unknown = NULL, *mixed = NULL;
	REPLY;

	ok(post_ids("A", 1, 1, "", &reply) == 200 && count_at(&reply, "entries") == 1, "a signed list of one");
	is_window_of(&reply, 1, "a signed list");
	ok(reply_field(&reply, "Replay-Nonce", 0) && atoi(reply_field(&reply, "Retry-After", 0)) >= 60 && atoi(reply_field(&reply, "Retry-After", 0)) <= DAY,
		"  comes with a nonce and Retry-After");
	ok(post_ids("A", 1, 1000, "", &reply) == 200 && count_at(&reply, "entries") == 1000, "a signed list of a thousand");
	post_ids("A", 1, 1001, "", &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true) && strcmp(reply_get(&reply, "maxCertIDs"), "1000") == 0, "one of 1001 is refused, and says how many are possible");
	mixed = xasprintf("{\"certIDs\":[\"%s\",\"%s\",\"x=\",\"AA.AQ\"]}", id_of(5001, id), id);
	ok(post("A", mixed, &reply) == 200 && count_at(&reply, "entries") == 0 && count_at(&reply, "errors") == 3, "partial failure: each once, whatever it is");
	foreign = entry(&reply, "errors", id);
	unknown = entry(&reply, "errors", "AA.AQ");
	ok(foreign && unknown && strcmp(foreign, unknown) == 0, "another's certificate is as unknown as nobody's");
	ok(post("B", mixed, &reply) == 200 && count_at(&reply, "entries") == 1, "its owner is told");
}

static void
test_strict_and_tags(void)
{
	char id[CERTID_TEXT], tag[32];
	AUTO_FREE char *strict = xasprintf("{\"certIDs\":[\"%s\",\"AA.AQ\",\"x\"],\"strict\":true}", id_of(1, id)), *have = NULL, *again = NULL, *tagged = NULL;
	AUTO_FREE char *good = xasprintf("{\"certIDs\":[\"%s\"],\"strict\":true}", id);
	REPLY;

	post("A", strict, &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true) && strcmp(reply_get(&reply, "subproblems.1.status"), "400") == 0 && strstr(reply_get(&reply, "subproblems.0.detail"), "AA.AQ"),
		"strict: all or nothing, with what is the matter with each");
	is_int(post("A", good, &reply), 200, "strict: all is well");
	have = entry(&reply, "entries", id);
	again = strstr(have, "\"tag\":\"");
	snprintf(tag, sizeof(tag), "%.8s", again ? again + 7 : "");
	again = NULL;
	tagged = xasprintf("{\"certIDs\":[\"%s\",\"AA.AQ\"],\"tags\":[\"%s\",\"\"]}", id, tag);
	is_int(post("A", tagged, &reply), 200, "with the tag that it was told");
	again = entry(&reply, "entries", id);
	ok(again && strncmp(again, "{\"unchanged\":true,\"retryAfter\":", 31) == 0, "  what has not changed is not told again");
	lab_sql(&lab, "update renewal set revoked_at=not_before+100, changed_at=changed_at+1 where certid='" "dHdlbnR5IG9jdGV0cyBvZiBrZXk.EQAB" "'");
	lab_renewal_refresh(&lab);
	free(again);
	post("A", tagged, &reply);
	again = entry(&reply, "entries", id);
	ok(again && strncmp(again, "{\"renewalInfo\":", 15) == 0, "  what has is");
}

static void
test_malformed(void)
{
	static const char *const payloads[] = { "{}", "{\"certIDs\":[]}", "{\"certIDs\":\"x\"}", "{\"certIDs\":null}", "{\"certIDs\":{}}", "{\"certIDs\":[1]}", "{\"certIDs\":[\"AA.AQ\",null]}",
		"{\"certIDs\":[[\"AA.AQ\"]]}", "{\"certIDs\":[\"AA.AQ\"],\"strict\":1}", "{\"certIDs\":[\"AA.AQ\"],\"tags\":[]}", "{\"certIDs\":[\"AA.AQ\"],\"tags\":[1]}",
		"{\"certIDs\":[\"AA.AQ\"],\"tags\":{}}", "{\"certIDs\":[\"AA.AQ\"],\"scope\":\"account\"}", "{\"scope\":\"all\"}", "{\"scope\":1}", "{\"scope\":\"account\",\"limit\":0}",
		"{\"scope\":\"account\",\"limit\":501}", "{\"scope\":\"account\",\"limit\":\"1\"}", "{\"scope\":\"account\",\"state\":1}", "{\"scope\":\"account\",\"cursor\":\"x\"}",
		"{\"scope\":\"account\",\"cursor\":\"c-1\"}", "{\"scope\":\"account\",\"cursor\":\"c-1-1-1\"}", "{\"scope\":\"account\",\"cursor\":\"q-1-1-1-\"}",
		"{\"scope\":\"account\",\"cursor\":\"c-99999999999999999999-1-1-\"}", "{\"scope\":\"account\",\"filter\":[]}", "{\"scope\":\"account\",\"filter\":{\"dueBefore\":\"soon\"}}",
		"{\"scope\":\"account\",\"filter\":{\"explained\":\"yes\"}}", "[]", "{\"certIDs\":[\"AA.AQ\"]" };
	REPLY;

	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		post("A", payloads[i], &reply);
		ok(reply_is_problem(&reply, "malformed", 400, true), "a payload %s is refused", payloads[i]);
	}
	is_int(lab_get(&lab, BATCH, NULL, &reply), 405, "GET needs a list");
	lab_send(&lab, &(struct rq){ .path = BATCH, .by = "A", .jwk = true, .payload = "{\"certIDs\":[\"AA.AQ\"]}" }, &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true), "a bare key is refused");
	post("gone", "{\"certIDs\":[\"AA.AQ\"]}", &reply);
	ok(reply_is_problem(&reply, "unauthorized", 401, true), "a deactivated account hears of its own end");
	post("gone", NULL, &reply);
	ok(reply_is_problem(&reply, "unauthorized", 401, true), "  and of nothing else");
	post_ids("gone", 1, 1001, "", &reply);
	ok(reply_is_problem(&reply, "unauthorized", 401, true) && !reply_get(&reply, "maxCertIDs"), "  however long its list");
}

static void
test_sizes(void)
{
	AUTO_BUF payload = BUF_MAX(1 << 20);
	REPLY;

	buf_adds(&payload, "{\"certIDs\":[\"AA.AQ\"],\"x\":\"");
	for (int i = 0; i < 90 * 1024; i++)
		buf_addc(&payload, 'x');
	buf_adds(&payload, "\"}");
	is_int(post("A", buf_cstr(&payload), &reply), 200, "the body of a list may be longer than others (W29)");
	lab_post(&lab, "A", "/new-order", buf_cstr(&payload), &reply);
	is_int(reply_status(&reply), 413, "  and others may not");
}

/* All pages from here; how many there were. */
static unsigned
pages(const char *by, const char *first, size_t *ret_entries, size_t *ret_gone, struct buf *reply)
{
	AUTO_FREE char *payload = xstrdup(first);
	unsigned n = 0;

	*ret_entries = *ret_gone = 0;
	for (;;) {
		if (post(by, payload, reply) != 200)
			lab_die("a page of the feed");
		n++;
		*ret_entries += count_at(reply, "entries");
		*ret_gone += count_at(reply, "gone");
		if (strcmp(reply_get(reply, "more"), "true") != 0)
			return n;
		if (reply_get(reply, "state"))
			lab_die("a state before the last page");
		free(payload);
		payload = xasprintf("{\"scope\":\"account\",\"cursor\":\"%s\"}", reply_get(reply, "cursor"));
	}
}

static void
test_feed(void)
{
	size_t entries, gone;
	AUTO_FREE char *ask = NULL, *later = NULL;
	REPLY;

	is_int(pages("A", "{\"scope\":\"account\"}", &entries, &gone, &reply), 3, "from scratch all of the account's come, 500 a page");
	ok(entries == MINE && gone == 0, "  those that live, each once, and none that has ended or was replaced");
	ok(reply_get(&reply, "state") && !reply_get(&reply, "cursor") && !reply_get(&reply, "reset"), "  the last page has the state");
	is_window_of(&reply, MINE, "the feed");
	ok(post("A", NULL, &reply) == 200 && count_at(&reply, "entries") == 500, "POST-as-GET is the same");
	pages("B", "{\"scope\":\"account\"}", &entries, &gone, &reply);
	is_int((int64_t)entries, 3, "another account hears of its own");

	/* a state of an hour ago, when all that is there was there */
	lab_sql(&lab, "update renewal set changed_at=changed_at-7200");
	ask = xasprintf("{\"scope\":\"account\",\"state\":\"%lld\"}", (long long)clock_unix_s() - 3600);
	is_int(pages("A", ask, &entries, &gone, &reply), 1, "when nothing has changed there is one page");
	ok(entries == 0 && gone == 1, "  with nothing in it but what has ended since");
	lab_sql(&lab, "update renewal set revoked_at=changed_at, changed_at=changed_at+7200 where certid like '%.EQA_' and principal=(select id from account where thumbprint='$KEY_A')");
	lab_sql(&lab, "update renewal set replaced_at=changed_at, changed_at=changed_at+7200 where certid like '%.EQBA' and principal=(select id from account where thumbprint='$KEY_A')");
	pages("A", ask, &entries, &gone, &reply);
	ok(entries == (size_t)lab_number(&lab, "select count(*) from renewal where revoked_at is not null and certid like '%.EQA_'"), "what has changed is told");
	ok(gone > 1 && gone == 1 + (size_t)lab_number(&lab, "select count(*) from renewal where replaced_at is not null"), "  and what was replaced is gone, as is what has ended");
	later = xasprintf("{\"scope\":\"account\",\"state\":\"%lld\"}", (long long)clock_unix_s() + 1000);
	post("A", later, &reply);
	ok(reply_get(&reply, "reset") && strcmp(reply_get(&reply, "reset"), "true") == 0 && count_at(&reply, "entries") == 500, "a state from the future is answered from scratch");
	post("A", "{\"scope\":\"account\",\"state\":\"nonsense\"}", &reply);
	ok(reply_get(&reply, "reset") && count_at(&reply, "entries") == 500, "so is one that is not ours");
	post("A", "{\"scope\":\"account\",\"state\":\"5\"}", &reply);
	ok(reply_get(&reply, "reset") && count_at(&reply, "entries") == 500, "and one from before what is remembered");
}

static void
test_filter(void)
{
	size_t entries, gone;
	REPLY;

	lab_conf(&lab, LAB_NO_RATES PROFILES "renewal_explanation = \"https://corp.test/why\";");
	pages("A", "{\"scope\":\"account\",\"filter\":{\"explained\":true}}", &entries, &gone, &reply);
	ok(entries > 0 && entries == (size_t)lab_number(&lab, "select count(*) from renewal where revoked_at is not null"), "a filter gives those with an explanation");
	pages("A", "{\"scope\":\"account\",\"limit\":7,\"filter\":{\"dueBefore\":\"2020-01-01T00:00:00Z\"}}", &entries, &gone, &reply);
	is_int((int64_t)entries, 0, "or those due by a time: none by 2020");
	post("A", "{\"scope\":\"account\",\"limit\":7,\"filter\":{\"dueBefore\":\"2100-01-01T00:00:00Z\",\"explained\":false}}", &reply);
	ok(count_at(&reply, "entries") == 7 && strcmp(reply_get(&reply, "more"), "true") == 0, "both must be so; the page is as long as was wanted");
	lab_conf(&lab, conf);
}

/* While pages are read, windows change: nothing is missed. */
static void
test_moving(void)
{
	AUTO_FREE char *payload = NULL;
	char id[CERTID_TEXT];
	REPLY;

	post("A", "{\"scope\":\"account\",\"limit\":500}", &reply);
	payload = xasprintf("{\"scope\":\"account\",\"cursor\":\"%s\"}", reply_get(&reply, "cursor"));
	lab_sql(&lab, "update renewal set changed_at=changed_at+100000 where certid like '%.EQRM'");
	post("A", payload, &reply);
	free(payload);
	payload = xasprintf("{\"scope\":\"account\",\"cursor\":\"%s\"}", reply_get(&reply, "cursor"));
	post("A", payload, &reply);
	ok(strcmp(reply_get(&reply, "more"), "false") == 0 && !entry(&reply, "entries", id_of(0x44c, id)), "what changes while pages are read may be missing from them");
	lab_sql(&lab, "update renewal set changed_at=changed_at-100000+7200 where certid like '%.EQRM'");
	free(payload);
	payload = xasprintf("{\"scope\":\"account\",\"state\":\"%s\"}", reply_get(&reply, "state"));
	post("A", payload, &reply);
	free(payload);
	payload = entry(&reply, "entries", id);
	ok(payload != NULL, "and comes with the next state");
}

static void
test_limits(void)
{
	REPLY;

	lab_conf(&lab, "rates = { requests_burst = 0; renewal_address_burst = 5; renewal_address_every = \"1h\"; renewal_account_burst = 100; renewal_account_every = \"1h\"; };" PROFILES);
	ok(get("AA.AQ,AA.Ag,AA.Aw,AA.BA", &reply) == 200, "four of five look-ups by GET");
	get("AA.AQ,AA.Ag", &reply);
	ok(reply_is_problem(&reply, "rateLimited", 429, false) && reply_field(&reply, "Retry-After", 0), "two more are one too many: certificates count, not requests");
	is_int(get("AA.AQ", &reply), 200, "one more is not");
	is_int(post_ids("A", 1, 60, "", &reply), 200, "sixty of a hundred by POST");
	post_ids("A", 1, 60, "", &reply);
	ok(reply_is_problem(&reply, "rateLimited", 429, true) && atoi(reply_field(&reply, "Retry-After", 0)) > 60, "sixty more must wait");
	is_int(post_ids("B", 1, 60, "", &reply), 200, "another account need not");
	lab_conf(&lab, conf);
}

int
main(void)
{
	REPLY;

	lab_start(&lab, conf, NULL);
	lab_actor("A", KEY_P256, "ES256");
	lab_actor("B", KEY_P256, "ES256");
	lab_actor("gone", KEY_P256, "ES256");
	lab_register(&lab, "A");
	lab_register(&lab, "B");
	lab_register(&lab, "gone");
	lab_post(&lab, "gone", lab_path(lab_var("KID_gone")), "{\"status\":\"deactivated\"}", &reply);
	put("A", 1, MINE, 60 * DAY);
	put("A", 3001, 1, -100);
	put("B", 5001, 3, 60 * DAY);
	lab_get(&lab, "/directory", NULL, &reply);
	is_str(lab_path(reply_get(&reply, "acmegate-renewalInfoBatch")), BATCH, "the directory says where");
	test_get_list();
	test_post_list();
	lab_renewal_refresh(&lab);
	test_get_list();
	test_commas();
	test_post_list();
	test_malformed();
	test_sizes();
	test_limits();
	test_feed();
	test_filter();
	test_moving();
	test_strict_and_tags();
	lab_stop(&lab);
	return done_testing();
}
