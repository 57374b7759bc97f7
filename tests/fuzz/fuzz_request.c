/* fuzz_request.c - requests of devices that know how to sign: from the HTTP request to the reply, through envelope, endpoint and policy,
 * on a store with accounts, orders and a certificate.
 *
 * First line: who signs, and the path below the base. "k" is alice by her account URL, "j" alice by her key, "n" somebody new by his key,
 * "o" somebody else by his account URL, "g" nobody: a GET. Second line: the protected header, empty for a good one. Then the payload.
 * "e" makes a newAccount with an external account binding, "c" a keyChange: the third line is the inner header, empty for a good one, the
 * rest the inner payload, empty for the right one; it has the right MAC or signature.
 *
 * Whatever is asked, nobody hears of a rule's name, and of somebody else only who has named him.
 *
 * $NAME anywhere is a variable of the lab (tests/unit/server/lab.h). */
#include "inside.h"

#include "../unit/server/lab.h"
#include "base/b64url.h"
#include "base/log.h"
#include "jose/jws.h"

#define EAB_SECRET "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
#define TEXT_MAX (1 << 20)

static struct lab lab;

static void
end(void)
{
	inside.inside = false;
	lab_stop(&lab);
}

/* The certificate itself, for revokeCert, and its certID, for newOrder. */
static void
set_der(void)
{
	AUTO_BUF reply = BUF_MAX(TEXT_MAX), der = BUF_MAX(TEXT_MAX), text = BUF_MAX(TEXT_MAX);
	struct chain chain = { 0 };
	struct problem pr = { 0 };

	lab_post(&lab, "alice", lab_var("valid_CERT"), NULL, &reply);
	if (!chain_parse(reply_body(&reply), &chain, &pr) || !cert_der(chain.certs[0], &der) || !b64url_add(&text, der.p, der.n))
		inside_die("no certificate");
	lab_set("DER", buf_cstr(&text));
	lab_set("CERTID", chain.certs[0]->certid);
	chain_done(&chain);
}

static void
set_scene(void)
{
	lab_actor("alice", KEY_ED25519, "EdDSA");
	lab_actor("bob", KEY_ED25519, "EdDSA");
	lab_actor("new", KEY_ED25519, "EdDSA");
	lab_register(&lab, "alice");
	lab_register(&lab, "bob");
	lab_order(&lab, "alice", "pending", "p.test,q.test", NULL);
	lab_order(&lab, "alice", "ready", "r.test", NULL);
	lab_prove(&lab, "alice", "ready", "ready");
	lab_order(&lab, "alice", "invalid", "bad.test", NULL);
	lab_prove(&lab, "alice", "invalid", "invalid");
	lab_order(&lab, "alice", "valid", "v.test", NULL);
	lab_prove(&lab, "alice", "valid", "ready");
	lab_finalize(&lab, "alice", "valid", "v.test");
	lab_order(&lab, "bob", "foreign", "f.test", NULL);
	lab_order(&lab, "alice", "device", "device:SN-1", "\"profile\":\"dev\"");
	lab_actor("device", KEY_P256, "ES256");
	lab_csr("CSR", lab_key("device"), "r.test");
	lab_eab_key(&lab, "mdm");
	lab_set("ACCT", lab_path(lab_var("KID_alice")));
	set_der();
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	log_init(LOG_ERROR, LOG_LOGFMT);
	lab_start(&lab,
		LAB_NO_RATES "profiles = ( { name = \"p\"; upstream = \"own\"; pre_authorization = true; }, { name = \"far\"; upstream = \"far\"; eab = \"required\"; },"
			     " { name = \"dev\"; upstream = \"own\"; identifier_types = [ \"permanent-identifier\", \"dns\" ];"
			     " challenges = [ \"http-01\", \"device-attest-01\" ]; attestation = [ \"t\" ]; keep_evidence = true; } );"
			     "attestation_trust = ( { name = \"t\"; format = \"apple\"; roots = [ \"" TESTDATA "/attestation/apple/standin-root.pem\" ]; } );"
			     "default_profile = \"p\";",
		NULL);
	atexit(end);
	set_scene();
	inside_snapshot(lab.store);
	inside.inside = true;
	return 0;
}

/* A flattened JWS; its parts are as they come. */
static void
assemble(struct span header, struct span payload, EVP_PKEY *key, struct buf *out)
{
	AUTO_BUF input = BUF_MAX(TEXT_MAX);
	AUTO_BUF signature = BUF_MAX(4096);
	struct problem pr = { 0 };

	jws_input_write(&input, header, payload);
	if (key && !jws_sign_raw(jwa_for_key(key), key, buf_span(&input), &signature, &pr))
		inside_die(pr.cause);
	if (!key && !jws_mac_raw(JWA_HS256, SPAN(EAB_SECRET), buf_span(&input), &signature, &pr))
		inside_die(pr.cause);
	jws_assemble(out, buf_span(&input), buf_span(&signature));
}

static void
expanded(struct span text, const char *otherwise, struct buf *out)
{
	AUTO_FREE char *copy = span_dup(text.n ? text : span_str(otherwise));

	lab_try_expand(copy, out);
}

/* The JWS within the payload that `rest` describes: a binding to a new account, or a change to a new key. */
static void
add_inner(bool binds, struct span rest, struct buf *payload)
{
	AUTO_BUF header = BUF_MAX(TEXT_MAX), text = BUF_MAX(TEXT_MAX);
	struct span line = SPAN_NONE;

	span_cut(&rest, '\n', &line);
	if (binds) {
		expanded(line, "{\"alg\":\"HS256\",\"kid\":\"mdm\",\"url\":\"$URL\"}", &header);
		expanded(rest, "$JWK_new", &text);
		buf_adds(payload, "{\"externalAccountBinding\":");
		assemble(buf_span(&header), buf_span(&text), NULL, payload);
		buf_addc(payload, '}');
	} else {
		expanded(line, "{\"alg\":\"EdDSA\",\"jwk\":$JWK_new,\"url\":\"$URL\"}", &header);
		expanded(rest, "{\"account\":\"$KID_alice\",\"oldKey\":$JWK_alice}", &text);
		assemble(buf_span(&header), buf_span(&text), lab_key("new"), payload);
	}
}

static const struct {
	char who;
	const char *actor, *signer;
} signers[] = { { 'k', "alice", "\"kid\":\"$KID_alice\"" }, { 'j', "alice", "\"jwk\":$JWK_alice" }, { 'n', "new", "\"jwk\":$JWK_new" },
	{ 'o', "bob", "\"kid\":\"$KID_bob\"" }, { 'e', "new", "\"jwk\":$JWK_new" }, { 'c', "alice", "\"kid\":\"$KID_alice\"" } };

/* The body; false if nobody signs. */
static bool
sign(char who, struct span rest, struct buf *body)
{
	AUTO_BUF header = BUF_MAX(TEXT_MAX), payload = BUF_MAX(TEXT_MAX);
	AUTO_FREE char *good = NULL;
	struct span line = SPAN_NONE;
	size_t i = 0;

	while (i < COUNT_OF(signers) && signers[i].who != who)
		i++;
	if (i == COUNT_OF(signers))
		return false;
	span_cut(&rest, '\n', &line);
	good = xasprintf("{\"alg\":\"EdDSA\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",%s}", signers[i].signer);
	expanded(line, good, &header);
	if (who == 'e' || who == 'c')
		add_inner(who == 'e', rest, &payload);
	else
		expanded(rest, "", &payload);
	assemble(buf_span(&header), buf_span(&payload), lab_key(signers[i].actor), body);
	return true;
}

/* The fuzzer learns what is compared, and may say it itself, in capitals too: then it is no secret. */
static const char *
unless_said(struct span input, const char *secret)
{
	size_t n = strlen(secret);

	for (size_t i = 0; i + n <= input.n; i++) {
		if (strncasecmp(input.p + i, secret, n) == 0)
			return NULL;
	}
	return secret;
}

static void
set_secrets(struct span input)
{
	bool names_bob = input.p[0] == 'o' || memmem(input.p, input.n, "bob", 3) || memmem(input.p, input.n, "foreign", 7);

	inside.secrets[0] = unless_said(input, "secret-rule-name");
	inside.secrets[1] = names_bob ? NULL : unless_said(input, strrchr(lab_var("KID_bob"), '/') + 1);
	inside.secrets[2] = names_bob ? NULL : unless_said(input, strrchr(lab_var("foreign"), '/') + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_field type = { SPAN("Content-Type"), SPAN("application/jose+json") };
	struct http_req rq = { .fields = &type, .field_count = 1, .peer = { .family = AF_INET, .octet = { 10, 1, 1, 1 } }, .peer_uid = (uid_t)-1 };
	AUTO_BUF path = BUF_MAX(1 << 16), target = BUF_MAX(1 << 16), url = BUF_MAX(1 << 16), body = BUF_MAX(4 * TEXT_MAX);
	struct span rest = span_of(data, size), line;
	int status;

	if (!span_cut(&rest, '\n', &line) || line.n < 2)
		return -1;
	expanded(span_from(line, 1), "/", &path);
	buf_addf(&target, "/acme%s", buf_cstr(&path));
	buf_addf(&url, "%s%s", lab.base, buf_cstr(&path));
	rq.target = buf_span(&target);
	if (!inside_may_be_target(rq.target))
		return -1;
	lab_set("URL", buf_cstr(&url));
	rq.method = sign(line.p[0], rest, &body) ? HTTP_POST : HTTP_GET;
	rq.body = buf_span(&body);
	if (rq.body.n > http_default_limits.body_max_bytes)
		return -1;
	set_secrets(span_of(data, size));
	status = inside_ask(server_handle, &lab.server, &rq);
	if (status < 400 && rq.method == HTTP_POST)
		inside_restore(lab.store);
	return 0;
}
