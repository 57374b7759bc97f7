/* test_ca_pebble.c - a CA's link against a real CA: pebble, told to refuse every fifth good nonce.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/b64url.h"
#include "base/log.h"
#include "json/jw.h"
#include "rig.h"
#include "tap.h"
#include "upstream/eab.h"

#define EAB_KID "kid-1"
#define EAB_KEY "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W"

static struct rig rig;
static struct ca *ca, *eab_ca;
static struct rig_key key, key2, rsa_key;
static struct buf kept = BUF_MAX(64 * 1024);

static void
on_directory(const char *name, struct span text, void *arg)
{
	(void)name;
	(void)arg;
	buf_clear(&kept);
	buf_addspan(&kept, text);
}

/* One time in 15000 pebble refuses six nonces in a row: the caller repeats then, as a job would. */
static void
call_until_good(struct ca *to, struct ca_call *call)
{
	struct ca_call fresh = *call;

	rig_call(to, call);
	while (call->result == CA_PROBLEM && call->problem.problem.kind == PROBLEM_BAD_NONCE) {
		ca_call_done(call);
		*call = fresh;
		rig_call(to, call);
	}
	if (call->result != CA_OK)
		printf("#   %s %d: %s (%s)\n", ca_result_name(call->result), call->http_status,
			call->problem.problem.detail, call->problem.problem.cause);
}

static void
new_account(struct ca *to, const struct rig_key *with, const char *payload, struct ca_call *call)
{
	*call = (struct ca_call){ .target = CA_NEW_ACCOUNT,
		.payload = span_str(payload),
		.signer = rig_signer(with, NULL) };
	call_until_good(to, call);
}

static void
test_account(char kid[ACME_URL_TEXT])
{
	struct ca_call call;
	struct acme_account account;
	struct problem pr = { 0 };

	new_account(ca, &key, "{\"onlyReturnExisting\":true}", &call);
	ok(call.result == CA_PROBLEM && call.problem.problem.kind == PROBLEM_ACCOUNT_DOES_NOT_EXIST,
		"pebble: there is no account for a new key");
	ca_call_done(&call);
	new_account(ca, &key,
		"{\"termsOfServiceAgreed\":true,\"contact\":[\"mailto:ops@example.org\"]}", &call);
	ok(call.result == CA_OK && call.http_status == 201, "pebble: newAccount makes an account");
	ok(acme_account_read(ca_call_body(&call), &account, &pr) &&
			account.state == ACCOUNT_VALID && account.contacts.count == 1,
		"pebble: its object is read");
	acme_account_done(&account);
	span_copy(span_str(call.location), kid, ACME_URL_TEXT);
	ok(strncmp(kid, ca_origin(ca), strlen(ca_origin(ca))) == 0, "pebble: its URL is told");
	ca_call_done(&call);
	new_account(ca, &key, "{\"termsOfServiceAgreed\":true}", &call);
	ok(call.result == CA_OK && call.http_status == 200, "pebble: newAccount again finds it");
	is_str(call.location, kid, "pebble: at the same URL");
	ca_call_done(&call);
	call = (struct ca_call){ .url = kid, .payload = SPAN(""), .signer = rig_signer(&key, kid) };
	call_until_good(ca, &call);
	ok(call.result == CA_OK && acme_account_read(ca_call_body(&call), &account, &pr),
		"pebble: POST-as-GET reads it");
	acme_account_done(&account);
	ca_call_done(&call);
}

static void
test_directory(void)
{
	struct ca_directory *dir = ca_directory_ref(ca);
	struct problem pr = { 0 };

	ok(dir && dir->d.url[ACME_KEY_CHANGE] && dir->d.url[ACME_REVOKE_CERT] &&
			dir->d.terms_of_service,
		"pebble: its directory is known");
	ca_directory_unref(dir);
	ok(ca_directory_restore(ca, buf_span(&kept), clock_unix_s(), &pr),
		"pebble: the text handed out can be handed in again");
}

static void
test_many(const char *kid)
{
	struct ca_call calls[60];
	struct ca_stats stats;
	size_t good = 0;

	for (size_t i = 0; i < COUNT_OF(calls); i++)
		calls[i] = (struct ca_call){
			.url = kid, .payload = SPAN(""), .signer = rig_signer(&key, kid)
		};
	rig_calls(ca, calls, COUNT_OF(calls));
	for (size_t i = 0; i < COUNT_OF(calls); i++) {
		good += calls[i].result == CA_OK ||
			calls[i].problem.problem.kind == PROBLEM_BAD_NONCE;
		ca_call_done(&calls[i]);
	}
	is_int(good, COUNT_OF(calls), "pebble: sixty requests at once are answered");
	ca_stats(ca, &stats);
	ok(stats.bad_nonces > 0, "pebble: it refused nonces, and nobody noticed");
	is_int(stats.sent, stats.calls + stats.bad_nonces - stats.unreachable,
		"pebble: each refusal was one more POST");
	printf("# %llu calls, %llu POSTs, %llu bad nonces, %llu nonces fetched\n",
		(unsigned long long)stats.calls, (unsigned long long)stats.sent,
		(unsigned long long)stats.bad_nonces, (unsigned long long)stats.nonces_fetched);
}

static void
test_order(const char *kid)
{
	struct ca_call call = { .target = CA_NEW_ORDER,
		.signer = rig_signer(&key, kid),
		.payload = SPAN(
			"{\"identifiers\":[{\"type\":\"dns\",\"value\":\"a.example.org\"}]}") };
	struct acme_order order;
	struct acme_authz authz;
	struct problem pr = { 0 };

	call_until_good(ca, &call);
	ok(call.result == CA_OK && call.http_status == 201 && call.location[0],
		"pebble: newOrder makes an order");
	ok(acme_order_read(ca_call_body(&call), &order, &pr) && order.authzs.count == 1 &&
			order.finalize,
		"pebble: its object is read");
	ca_call_done(&call);
	call = (struct ca_call){
		.url = order.authzs.list[0], .payload = SPAN(""), .signer = rig_signer(&key, kid)
	};
	call_until_good(ca, &call);
	ok(call.result == CA_OK && acme_authz_read(ca_call_body(&call), &authz, &pr) &&
			acme_authz_chall(&authz, "http-01") &&
			acme_authz_chall(&authz, "http-01")->token[0],
		"pebble: so is its authorization");
	acme_authz_done(&authz);
	acme_order_done(&order);
	ca_call_done(&call);
	call = (struct ca_call){ .target = CA_NEW_ORDER,
		.signer = rig_signer(&key, kid),
		.payload =
			SPAN("{\"identifiers\":[{\"type\":\"dns\",\"value\":\"not_a_name\"}]}") };
	rig_call(ca, &call);
	ok(call.result == CA_PROBLEM && !ca_call_is_temporary(&call) &&
			call.problem.problem.detail[0],
		"pebble: its refusal of a name is a permanent problem");
	ca_call_done(&call);
}

struct change {
	const char *kid;
	const struct rig_key *old, *new;
};
static struct change change;

static bool
make_change(struct ca_call *call, const char *url, struct buf *out, struct problem *pr)
{
	struct ca_signer signer = rig_signer(change.new, NULL);
	AUTO_BUF inner = BUF_MAX(16 * 1024);
	struct jw w = jw_to(&inner);

	(void)call;
	jw_object(&w, NULL);
	jw_str(&w, "account", change.kid);
	jw_raw(&w, "oldKey", buf_span(&change.old->jwk));
	jw_end(&w);
	return ca_sign_inner(ca, &signer, url, buf_span(&inner), out, pr);
}

static void
test_key_change(const char *kid)
{
	struct ca_call call = { .target = CA_KEY_CHANGE,
		.make_payload = make_change,
		.signer = rig_signer(&key, kid) };

	change = (struct change){ kid, &key, &key2 };
	call_until_good(ca, &call);
	is_int(call.result, CA_OK, "pebble: keyChange takes the inner signature of the new key");
	ca_call_done(&call);
	call = (struct ca_call){
		.url = kid, .payload = SPAN(""), .signer = rig_signer(&key2, kid)
	};
	call_until_good(ca, &call);
	is_int(call.result, CA_OK, "pebble: which signs from then on");
	ca_call_done(&call);
	call = (struct ca_call){ .url = kid, .payload = SPAN(""), .signer = rig_signer(&key, kid) };
	rig_call(ca, &call);
	is_int(call.result, CA_PROBLEM, "pebble: and the old one no more");
	ca_call_done(&call);
}

static bool
make_bound(struct ca_call *call, const char *url, struct buf *out, struct problem *pr)
{
	AUTO_BUF sealed = BUF_MAX(4096);
	AUTO_BUF secret = BUF_MAX(256);
	AUTO_BUF input = BUF_MAX(16 * 1024);
	AUTO_BUF mac = BUF_MAX(256);
	AUTO_BUF binding = BUF_MAX(16 * 1024);
	struct jw w = jw_to(out);

	b64url_read(SPAN(EAB_KEY), &secret);
	if (!keeper_seal(rig.keeper, PURPOSE_EAB_UPSTREAM, span_str(ca_origin(eab_ca)),
		    buf_span(&secret), &sealed, pr) ||
		!eab_input(&input, JWA_HS256, EAB_KID, url, call->signer.jwk, pr) ||
		!keeper_mac(rig.keeper, buf_span(&sealed), JWA_HS256, buf_span(&input), &mac, pr) ||
		!eab_assemble(&binding, buf_span(&input), buf_span(&mac)))
		return false;
	jw_object(&w, NULL);
	jw_bool(&w, "termsOfServiceAgreed", true);
	jw_raw(&w, "externalAccountBinding", buf_span(&binding));
	jw_end(&w);
	return jw_ok(&w);
}

static void
test_eab(void)
{
	struct ca_call call;
	struct ca_directory *dir;

	new_account(eab_ca, &rsa_key, "{\"termsOfServiceAgreed\":true}", &call);
	ok(call.result == CA_PROBLEM &&
			call.problem.problem.kind == PROBLEM_EXTERNAL_ACCOUNT_REQUIRED,
		"pebble: without a binding there is no account where one is demanded");
	ca_call_done(&call);
	dir = ca_directory_ref(eab_ca);
	ok(dir && dir->d.external_account_required, "pebble: as its directory says");
	ca_directory_unref(dir);
	call = (struct ca_call){ .target = CA_NEW_ACCOUNT,
		.make_payload = make_bound,
		.signer = rig_signer(&rsa_key, NULL) };
	call_until_good(eab_ca, &call);
	ok(call.result == CA_OK && call.http_status == 201,
		"pebble: with our binding there is, for an RSA key too");
	ca_call_done(&call);
}

/* The certificate of another server is not trusted. */
static void
test_untrusted(struct ca *untrusted)
{
	struct ca_call call = {
		.target = CA_NEW_ACCOUNT, .payload = SPAN("{}"), .signer = rig_signer(&key, NULL)
	};

	rig_call(untrusted, &call);
	is_int(call.result, CA_UNREACHABLE,
		"pebble: a server that the trust anchors do not vouch for is unreachable");
	ca_call_done(&call);
}

int
main(void)
{
	struct pebble plain, bound;
	struct ca *cas[3];
	char kid[ACME_URL_TEXT] = "";

	if (access("/usr/bin/pebble", X_OK) != 0) {
		printf("1..0 # SKIP no pebble here\n");
		return 0;
	}
	rig_start(&rig);
	log_init(LOG_ERROR, LOG_LOGFMT);
	pebble_start(&rig, NULL, NULL, &plain);
	pebble_start(&rig, EAB_KID, EAB_KEY, &bound);
	cas[0] = ca = rig_ca(&rig, plain.directory, plain.ca_file, on_directory, NULL);
	cas[1] = eab_ca = rig_ca(&rig, bound.directory, bound.ca_file, NULL, NULL);
	cas[2] = rig_ca(&rig, plain.directory, bound.ca_file, NULL, NULL);
	rig_key_make(&rig, ca, KEY_P256, &key);
	rig_key_make(&rig, ca, KEY_P384, &key2);
	rig_key_make(&rig, eab_ca, KEY_RSA2048, &rsa_key);
	test_account(kid);
	test_directory();
	test_many(kid);
	test_order(kid);
	test_key_change(kid);
	test_eab();
	test_untrusted(cas[2]);
	ok(rig_calls_were_good(), "pebble: every call was done once, on a worker");
	rig_stop(&rig, cas, 3);
	pebble_stop(&plain);
	pebble_stop(&bound);
	rig_key_done(&key);
	rig_key_done(&key2);
	rig_key_done(&rsa_key);
	buf_done(&kept);
	return done_testing();
}
