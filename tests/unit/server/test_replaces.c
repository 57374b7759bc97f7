/* newOrder with `replaces` (RFC 9773 5, R1-R3; rows 84-86 of the must-reject table): what is taken, what is refused and how, and until
 * when a certificate counts as replaced. */
#include "lab.h"

#include <stdlib.h>

#include "base/b64url.h"
#include "tap.h"

static struct lab lab;

static const char conf[] = LAB_NO_RATES "default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; }, { name = \"far\"; upstream = \"far\"; },"
	" { name = \"strict\"; upstream = \"own\"; replaces_unknown = \"refuse\"; } );";

#define REPLY AUTO_BUF reply = BUF_MAX(1 << 20)
#define DNS(name) "{\"type\":\"dns\",\"value\":\"" name "\"}"
#define ORDER(idents, certid) "{\"identifiers\":[" idents "],\"replaces\":\"" certid "\"}"

/* A certificate for these names; $NAME_ID is its certID, $NAME_BARE the same without the 00. */
static void
issue(const char *by, const char *name, const char *idents)
{
	AUTO_FREE char *cert = xasprintf("%s_CERT", name), *id_name = xasprintf("%s_ID", name), *bare_name = xasprintf("%s_BARE", name);
	struct chain chain = { 0 };
	struct certid id;
	struct problem pr = { 0 };
	REPLY;

	lab_order(&lab, by, name, idents, NULL);
	lab_prove(&lab, by, name, "ready");
	lab_finalize(&lab, by, name, idents);
	lab_post(&lab, by, lab_var(cert), NULL, &reply);
	if (!chain_parse(reply_body(&reply), &chain, &pr) || !certid_parse(span_str(chain.certs[0]->certid), &id, &pr))
		lab_die("no certID");
	lab_set(id_name, id.text);
	lab_set(bare_name, id.bare);
	chain_done(&chain);
}

static int
order(const char *by, const char *payload, struct buf *reply)
{
	lab_post(&lab, by, "/new-order", payload, reply);
	return reply_status(reply);
}

static void
test_malformed(void)
{
	static const struct {
		const char *payload, *what;
	} cases[] = {
		{ ORDER(DNS("a.test"), ""), "empty" },
		{ ORDER(DNS("a.test"), "x"), "without a dot" },
		{ ORDER(DNS("a.test"), "$one_ID."), "with a dot too many" },
		{ ORDER(DNS("a.test"), "$one_ID="), "with padding" },
		{ ORDER(DNS("a.test"), "AA.AAE"), "whose serial number has a 00 too many" },
		{ "{\"identifiers\":[" DNS("a.test") "],\"replaces\":1}", "that is a number" },
		{ "{\"identifiers\":[" DNS("a.test") "],\"replaces\":null}", "that is null" },
	};
	REPLY;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		order("A", cases[i].payload, &reply);
		ok(reply_is_problem(&reply, "malformed", 400, true), "row 85: a certID %s", cases[i].what);
	}
	order("A", ORDER(DNS("other.test"), "$one_ID"), &reply);
	ok(reply_is_problem(&reply, "malformed", 400, true) && strstr(reply_get(&reply, "detail"), "identifiers"), "row 85: no identifier in common");
	order("B", ORDER(DNS("a.test"), "$one_ID"), &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true), "row 86: another account's certificate");
	ok(!strstr(reply_get(&reply, "detail"), "order"), "  and nothing is told of it");
	is_int(lab_number(&lab, "select count(*) from orders where replaces is not null"), 0, "no order was made of these");
}

static void
test_unknown(void)
{
	REPLY;

	is_int(order("A", ORDER(DNS("a.test"), "AA.AQ"), &reply), 201, "a certificate of nobody is no reason to refuse (R1)");
	ok(!reply_get(&reply, "replaces"), "the order does not claim to replace it");
	is_int(lab_number(&lab, "select count(*) from event where detail like 'replaces AA.AQ%ignored'"), 1, "its story tells");
	is_int(order("A", ORDER(DNS("a.test"), "AA.AQ"), &reply), 201, "the same request again");
	is_int(lab_number(&lab, "select count(*) from orders where state<2 and idents like '%a.test%' and idents not like '%b.test%'"), 1, "is the same order (O1)");
	is_int(order("A", "{\"identifiers\":[" DNS("a.test") "],\"replaces\":\"AA.AQ\",\"profile\":\"strict\"}", &reply), 404, "a profile may want it refused");
	is_str(reply_get(&reply, "type"), "urn:ietf:params:acme:error:malformed", "as malformed");
}

static void
test_replaced(void)
{
	AUTO_FREE char *first = NULL;
	REPLY;

	is_int(order("A", ORDER(DNS("a.test") "," DNS("new.test"), "$one_ID"), &reply), 201, "one identifier in common is enough");
	ok(reply_get(&reply, "replaces") && strcmp(reply_get(&reply, "replaces"), lab_var("one_ID")) == 0, "the order says what it replaces");
	first = xstrdup(reply_field(&reply, "Location", 0));
	lab_post(&lab, "A", lab_path(first), NULL, &reply);
	ok(reply_get(&reply, "replaces") && strcmp(reply_get(&reply, "replaces"), lab_var("one_ID")) == 0, "and still does later");
	order("A", ORDER(DNS("a.test") "," DNS("new.test"), "$one_ID"), &reply);
	ok(reply_status(&reply) == 201 && strcmp(reply_field(&reply, "Location", 0), first) == 0, "the same request again is that order (O1)");
	order("A", ORDER(DNS("a.test"), "$one_ID"), &reply);
	ok(reply_is_problem(&reply, "alreadyReplaced", 409, true), "row 84: another order for the same certificate");
	ok(strstr(reply_get(&reply, "detail"), first), "  its owner is told by which (R2)");
	order("A", ORDER(DNS("a.test"), "$one_BARE"), &reply);
	ok(reply_is_problem(&reply, "alreadyReplaced", 409, true), "row 84: also if the certID is written otherwise (R3)");
	lab_sql(&lab, "update orders set state=4 where replaces is not null");
	is_int(order("A", ORDER(DNS("a.test"), "$one_BARE"), &reply), 201, "when that order is invalid the certificate can be replaced (R2)");
	ok(strcmp(reply_get(&reply, "replaces"), lab_var("one_BARE")) == 0, "the text is the one that was sent (R3)");
	order("A", ORDER(DNS("b.test"), "$one_ID"), &reply);
	ok(reply_is_problem(&reply, "alreadyReplaced", 409, true), "row 84: either way");
	lab_sql(&lab, "update orders set expires=1 where replaces is not null and state<2");
	is_int(order("A", ORDER(DNS("b.test"), "$one_ID"), &reply), 201, "so it can when that order's time is over, and nobody has been there yet");
	lab_sql(&lab, "update orders set state=3 where replaces is not null and state<2 and expires>1");
	lab_sql(&lab, "update orders set expires=1 where replaces is not null");
	order("A", ORDER(DNS("a.test"), "$one_ID"), &reply);
	ok(reply_is_problem(&reply, "alreadyReplaced", 409, true), "row 84: a valid order's time is never over");
}

/* O4: what is to be replaced is not handed out again instead. */
static void
test_not_again(void)
{
	struct idents names = { 0 };
	struct ident id = { IDENT_DNS, "g.test" };
	char key[IDENTS_KEY_TEXT], hash[KEY_HASH_TEXT];
	REPLY;

	idents_add(&names, &id);
	idents_key(&names, key);
	idents_done(&names);
	key_hash(lab_key("device"), hash);
	lab_set("NAMES_KEY", key);
	lab_set("KEY_HASH", hash);
	lab_csr("CSR", lab_key("device"), "g.test");
	/* never fetched, so it could be handed out again */
	lab_sql(&lab, "insert into cert (ref, order_id, account_id, principal, profile, upstream, serial, certid, sha256, key_hash, idents, idents_key, not_before, not_after, issuer, chain, created_at)"
		" select 'aaaaaaaaaaaaaaaaaaaaag', 0, id, id, 'far', 'far', '05', 'BQ.BQ', 'sha-g', '$KEY_HASH', 'dns:g.test', '$NAMES_KEY', 1700000000, 4000000000, 'CN=x', 'PEM', 1000 from account where thumbprint='$KEY_A'");
	lab_order(&lab, "A", "RENEW", "g.test", "\"profile\":\"far\",\"replaces\":\"BQ.BQ\"");
	lab_prove(&lab, "A", "RENEW", "ready");
	lab_post(&lab, "A", "$RENEW/finalize", "{\"csr\":\"$CSR\"}", &reply);
	ok(reply_status(&reply) == 200 && strcmp(reply_get(&reply, "status"), "processing") == 0, "the renewal of a certificate is not that certificate again (O4)");
	lab_order(&lab, "A", "PLAIN", "g.test", "\"profile\":\"far\"");
	lab_post(&lab, "A", "$PLAIN/finalize", "{\"csr\":\"$CSR\"}", &reply);
	ok(reply_status(&reply) == 200 && strcmp(reply_get(&reply, "status"), "valid") == 0, "which an order that replaces nothing gets");
}

/* E5: what one account of a key has, another account of it may replace. */
static void
test_principal(void)
{
	REPLY;

	lab_sql(&lab, "update cert set principal=777");
	order("A", ORDER(DNS("c.test"), "$two_ID"), &reply);
	ok(reply_is_problem(&reply, "unauthorized", 403, true), "whose a certificate is, its principal says (E5)");
}

int
main(void)
{
	lab_start(&lab, conf, NULL);
	lab_actor("A", KEY_P256, "ES256");
	lab_actor("B", KEY_P256, "ES256");
	lab_register(&lab, "A");
	lab_register(&lab, "B");
	do
		issue("A", "one", "a.test,b.test");
	while (strcmp(lab_var("one_ID"), lab_var("one_BARE")) == 0);
	issue("A", "two", "c.test");
	lab_actor("device", KEY_P256, "ES256");
	test_malformed();
	test_unknown();
	test_replaced();
	test_not_again();
	test_principal();
	lab_stop(&lab);
	return done_testing();
}
