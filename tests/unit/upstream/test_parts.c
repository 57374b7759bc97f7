/* test_parts.c - the parts of a CA's link that need no network: nonces, circuit, external account
 * binding. */
#include "upstream/account_job.h"
#include "upstream/ca_int.h"
#include "upstream/circuit.h"
#include "upstream/eab.h"
#include "upstream/issue.h"
#include "upstream/nonce.h"

#include <stdio.h>

#include "base/b64url.h"

#include "tap.h"

static void
test_nonces(void)
{
	struct nonces n = { 0 };
	char got[NONCE_TEXT], text[16], longest[NONCE_TEXT];

	ok(!nonces_take(&n, 0, got), "an empty pool has no nonce");
	nonces_put(&n, SPAN("first"), 1000);
	nonces_put(&n, SPAN("second"), 2000);
	ok(nonces_take(&n, 3000, got) && strcmp(got, "second") == 0, "the newest comes first");
	ok(nonces_take(&n, 3000, got) && strcmp(got, "first") == 0 && !nonces_take(&n, 3000, got),
		"each comes once");
	nonces_put(&n, SPAN("a b"), 0);
	nonces_put(&n, SPAN("a+b/"), 0);
	nonces_put(&n, SPAN("a="), 0);
	nonces_put(&n, SPAN(""), 0);
	nonces_put(&n, SPAN_NONE, 0);
	ok(!nonces_take(&n, 0, got), "what is not base64url is no nonce (RFC 8555 6.5.1)");
	memset(longest, 'A', sizeof(longest));
	ok(nonce_ok(span_of(longest, 512)) && !nonce_ok(span_of(longest, 513)),
		"a nonce has at most 512 octets");
	for (int i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), "n%d", i);
		nonces_put(&n, span_str(text), i);
	}
	is_int(n.count, NONCES_MAX, "the pool keeps 32");
	ok(nonces_take(&n, 40, got) && strcmp(got, "n39") == 0, "of them the newest");
	while (n.count > 1)
		nonces_take(&n, 40, got);
	ok(nonces_take(&n, 40, got) && strcmp(got, "n8") == 0, "the oldest went first");
	nonces_put(&n, SPAN("old"), 0);
	nonces_put(&n, SPAN("young"), 200000);
	ok(nonces_take(&n, NONCE_LIFE_MS + 1, got) && strcmp(got, "young") == 0,
		"a nonce lives 5 minutes");
	ok(!nonces_take(&n, NONCE_LIFE_MS + 1, got) && n.count == 0, "and is forgotten then");
}

/* A token of a CA's page is for nobody's log. */
static void
test_jwt(void)
{
	static const char paused[] =
		"{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"Your account is temporarily prevented from requesting"
		" certificates for a.test. Please visit: https://ca.test/unpause?jwt=eyJh.bGci.OiJI and then again jwt=x\"}";
	struct httpc_reply rp = { .result = HTTPC_OK, .status = 429, .body = BUF_MAX(4096) };
	struct acme_problem p = { 0 };

	buf_adds(&rp.body, paused);
	ca_read_problem(&rp, &p);
	is_str(p.problem.detail, "Your account is temporarily prevented from requesting certificates for a.test. Please visit: "
		"https://ca.test/unpause?jwt= and then again jwt=", "a pause is told without its token");
	acme_problem_done(&p);
	buf_clear(&rp.body);
	buf_adds(&rp.body, "<a href='https://ca.test/?jwt=eyJh'>go</a>");
	ca_read_problem(&rp, &p);
	ok(!strstr(p.problem.cause, "eyJh") && !strstr(p.problem.detail, "eyJh"), "in HTML, too");
	acme_problem_done(&p);
	buf_done(&rp.body);
}

static void
test_circuit(void)
{
	struct circuit c = { 0 };
	msec_t now = 1000000, wait = 0, longest = 0;
	bool probe, in_bounds = true;

	circuit_failed(&c, now);
	circuit_failed(&c, now);
	ok(circuit_enter(&c, now, &probe, &wait) && !probe, "two failures keep it closed");
	circuit_succeeded(&c);
	circuit_failed(&c, now);
	circuit_failed(&c, now);
	ok(!circuit_is_open(&c), "a success between starts the count anew");
	circuit_failed(&c, now);
	ok(!circuit_enter(&c, now, &probe, &wait), "the third in a row opens it");
	ok(wait >= 800 && wait <= 1000, "for a second at most, with jitter");
	for (int i = 0; i < 50; i++)
		circuit_failed(&c, now);
	circuit_enter(&c, now, &probe, &wait);
	ok(wait <= 1000, "failures of requests under way do not lengthen the pause");
	now += 1000;
	ok(circuit_enter(&c, now, &probe, &wait) && probe, "after the pause one probe may go");
	ok(!circuit_enter(&c, now, &probe, &wait) && wait > 0, "and only one");
	circuit_give_up(&c);
	ok(circuit_enter(&c, now, &probe, &wait) && probe,
		"a probe that told nothing makes room for the next");
	circuit_failed(&c, now);
	ok(!circuit_enter(&c, now, &probe, &wait) && wait > 1500 && wait <= 2000,
		"a failed probe doubles the pause");
	for (int i = 0; i < 20; i++) {
		now += wait;
		in_bounds = in_bounds && circuit_enter(&c, now, &probe, &wait) && probe;
		circuit_failed(&c, now);
		circuit_enter(&c, now, &probe, &wait);
		in_bounds = in_bounds && wait <= CIRCUIT_PAUSE_MAX_MS;
		longest = wait > longest ? wait : longest;
	}
	ok(in_bounds && longest > CIRCUIT_PAUSE_MAX_MS * 3 / 4, "up to five minutes");
	now += wait;
	circuit_enter(&c, now, &probe, &wait);
	circuit_succeeded(&c);
	ok(circuit_enter(&c, now, &probe, &wait) && !probe, "a probe that worked closes it");
}

/* The account key of RFC 8037 A.1 and the MAC key of RFC 7515 A.1; the MAC was made by another
 * implementation. */
static void
test_eab(void)
{
	AUTO_BUF input = BUF_MAX(4096);
	AUTO_BUF key = BUF_MAX(256);
	AUTO_BUF mac = BUF_MAX(256);
	AUTO_BUF out = BUF_MAX(4096);
	struct problem pr = { 0 };

	ok(eab_input(&input, JWA_HS256, "kid-1", "https://acme.test/acme/new-account",
		   SPAN("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"
			"7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}"),
		   &pr),
		"the input of a binding is made");
	is_str(buf_cstr(&input),
		"eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC0xIiwidXJsIjoiaHR0cHM6Ly9hY21lLnRlc3QvYWNtZS9uZX"
		"ctYWNjb3VudCJ9."
		"eyJrdHkiOiJPS1AiLCJjcnYiOiJFZDI1NTE5IiwieCI6IjExcVlBWUt4Q3JmVlNfN1R5V1FIT2c3aGN2UG"
		"FwaU1scndJYWFQY0hVUm8ifQ",
		"alg, kid, url and no nonce; then the account key");
	b64url_read(SPAN("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
			 "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"),
		&key);
	ok(jws_mac_raw(JWA_HS256, buf_span(&key), buf_span(&input), &mac, &pr) &&
			eab_assemble(&out, buf_span(&input), buf_span(&mac)),
		"and assembled with its MAC");
	ok(strstr(buf_cstr(&out),
		   "\"signature\":\"24mmEukjIVu6TFQ-Z4YDX_EKYZf53rubyh0_TzVog6Y\"") != NULL,
		"which is the vector's");
	buf_clear(&input);
	ok(!eab_input(&input, JWA_ES256, "kid-1", "https://acme.test/", SPAN("{}"), &pr),
		"a signature is no MAC");
}

static struct acme_problem
ca_says(const char *text)
{
	struct acme_problem p;

	acme_problem_read(span_str(text), 0, &p);
	return p;
}

#define URN "urn:ietf:params:acme:error:"

/* U3 */
static void
test_tell(void)
{
	struct acme_problem p = ca_says("{\"type\":\"" URN "caa\",\"status\":403,\"detail\":\"CAA of a.test: see https://ca.test/docs?a=1 and"
		" HTTPS://ca.test/x\",\"subproblems\":["
		"{\"type\":\"" URN "dns\",\"detail\":\"no a.test (https://ca.test/d)\",\"identifier\":{\"type\":\"dns\",\"value\":\"a.test\"}},"
		"{\"type\":\"" URN "rateLimited\",\"detail\":\"account 17 of ca.test\"},"
		"{\"type\":\"" URN "unauthorized\",\"detail\":\"wrong answer at b.test\"}]}");
	struct issue_told told;
	struct problem ours = { 0 };

	issue_tell(&p.problem, &p, &told);
	ok(told.problem.kind == PROBLEM_CAA, "a type that a device can act on is passed on");
	is_str(told.problem.detail, "CAA of a.test: see ... and ...", "in the CA's words, without its pages");
	ok(told.sub_count == 2 && told.subs[0].problem.kind == PROBLEM_DNS && told.subs[1].problem.kind == PROBLEM_UNAUTHORIZED,
		"so are sub-problems of such types, and no others");
	is_str(told.subs[0].problem.detail, "no a.test (...", "without pages, too");
	is_str(told.subs[0].ident.value, "a.test", "with what they are about");
	ok(strstr(p.problem.detail, "https://ca.test/docs?a=1") != NULL, "the CA's own words stay as they are, for the story");
	issue_told_done(&told);
	acme_problem_done(&p);
	p = ca_says("{\"type\":\"" URN "externalAccountRequired\",\"status\":403,\"detail\":\"account https://ca.test/acct/17 is not bound\"}");
	issue_tell(&p.problem, &p, &told);
	ok(told.problem.kind == PROBLEM_SERVER_INTERNAL && !strstr(told.problem.detail, "account"), "what is between the CA and us is not told");
	issue_told_done(&told);
	acme_problem_done(&p);
	problem_set(&ours, PROBLEM_SERVER_INTERNAL, "in our words");
	issue_tell(&ours, NULL, &told);
	is_str(told.problem.detail, "in our words", "what is ours is told as it is");
	issue_told_done(&told);
}

/* ---- what is to be done about our account ---- */

#define NOW 1000000

struct account_case {
	const char *name;
	enum account_phase want;
	enum account_state state;
	unsigned wanted;
	bool no_account, no_contact_known, terms_refused, has_next, next_sent;
	const char *told, *configured;
	int64_t checked_at;
};

static const struct account_case account_cases[] = {
	{ "an account that was read just now", ACCOUNT_DONE, .checked_at = NOW },
	{ "one that was read long ago", ACCOUNT_READ, .checked_at = NOW - 3600 },
	{ "one that was read when the clock was wrong", ACCOUNT_READ, .checked_at = NOW + 5 },
	{ "none", ACCOUNT_NEW, .no_account = true },
	{ "none, and a key that was to take the place of ours", ACCOUNT_NEW, .no_account = true, .has_next = true, .next_sent = true },
	{ "none that should end", ACCOUNT_NEW, .no_account = true, .wanted = WANT_DEACTIVATE },
	{ "one that has ended", ACCOUNT_DONE, .state = ACCOUNT_DEACTIVATED, .wanted = WANT_DEACTIVATE | WANT_TERMS, .has_next = true },
	{ "one that was revoked, and is gone", ACCOUNT_DONE, .state = ACCOUNT_REVOKED, .no_account = true },
	{ "one that should end, before anything else", ACCOUNT_DEACTIVATE, .wanted = WANT_DEACTIVATE | WANT_TERMS, .has_next = true, .told = "a", .configured = "b" },
	{ "a new key that the CA has not heard of", ACCOUNT_ROLL, .has_next = true, .checked_at = NOW },
	{ "one that it may have heard of", ACCOUNT_PROBE, .has_next = true, .next_sent = true, .checked_at = NOW },
	{ "terms to be agreed to", ACCOUNT_TELL, .wanted = WANT_TERMS, .checked_at = NOW },
	{ "terms that the operator has not agreed to", ACCOUNT_DONE, .wanted = WANT_TERMS, .terms_refused = true, .checked_at = NOW },
	{ "another contact", ACCOUNT_TELL, .told = "mailto:a@b", .configured = "mailto:c@d", .checked_at = NOW },
	{ "no contact any more", ACCOUNT_TELL, .told = "mailto:a@b", .checked_at = NOW },
	{ "the same contact", ACCOUNT_DONE, .told = "mailto:a@b", .configured = "mailto:a@b", .checked_at = NOW },
	{ "a contact, and what the CA was told is not known", ACCOUNT_READ, .no_contact_known = true, .configured = "mailto:a@b" },
};

static void
test_account_next(void)
{
	for (size_t i = 0; i < COUNT_OF(account_cases); i++) {
		const struct account_case *c = &account_cases[i];
		struct upstream_conf conf = { .accept_terms = !c->terms_refused, .contact = (char *)(uintptr_t)c->configured };
		struct upstream_row row = { .life = { .state = c->state, .wanted = c->wanted, .has_contact = !c->no_contact_known,
			.checked_at = c->checked_at, .next_sent = c->next_sent, .next_key = BUF_MAX(16) } };
		enum account_phase got;

		if (!c->no_account)
			span_copy(SPAN("https://ca.test/a/1"), row.account_url, sizeof(row.account_url));
		if (c->told)
			span_copy(span_str(c->told), row.life.contact, sizeof(row.life.contact));
		if (c->has_next)
			buf_adds(&row.life.next_key, "key");
		got = account_next(&row, &conf, NOW, 3600);
		is_str(account_phase_name(got), account_phase_name(c->want), "account: %s", c->name);
		upstream_row_done(&row);
	}
}

int
main(void)
{
	test_account_next();
	test_tell();
	test_nonces();
	test_jwt();
	test_circuit();
	test_eab();
	return done_testing();
}
