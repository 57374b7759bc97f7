/* fuzz_ops.c - what the keeper does at the word of a gateway that was taken over. Octets: operation, kind, purpose, which sealed blob
 * (0: none of ours), whether the text is raw; then the text, of a JWS as protected header, line end, payload.
 *
 * What must hold: an account's key and a binding's key sign nothing but ACME at their own CA, and a key that verifies makes no MAC. */
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/b64url.h"
#include "dnsup/update.h"
#include "jose/jws.h"
#include "json/json.h"
#include "keeper/ops.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ORIGIN "https://ca.example"

static struct vault vault;
static struct buf blobs[PURPOSE__COUNT + 1], ca_cert; /* by purpose, from 1 */
static const char named[] = "kkkkkkkkkkkkkkkk";

/* The first field that the keeper answers with; the second onto *ret_second. */
static void
make(enum keeper_op op, enum key_purpose purpose, struct span first, struct span second, struct buf *ret, struct buf *ret_second)
{
	const struct proto_request rq = { 1, op, op != OP_MAKE ? 0 : purpose == PURPOSE_AUDIT ? KEY_ED25519 : KEY_P256, purpose, { first, second } };
	AUTO_BUF out = BUF_MAX(PROTO_FRAME_MAX + PROTO_HEAD);
	struct proto_reply reply;

	ops_answer(&vault, &rq, &out);
	if (!proto_reply_read(span_from(buf_span(&out), PROTO_HEAD), &reply) || !reply.good)
		abort();
	*ret = BUF_MAX(PROTO_FRAME_MAX);
	buf_addspan(ret, reply.field[0]);
	buf_addspan(ret_second, reply.field[1]);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static struct named_secret secret = { (char *)"upstreams.ca.eab_key", BUF_MAX(64) };
	AUTO_BUF public = BUF_MAX(8192), none = BUF_MAX(8192);

	(void)argc;
	(void)argv;
	buf_adds(&secret.octets, named);
	vault.secrets = &secret;
	vault.secret_count = 1;
	ca_cert = BUF_MAX(8192);
	make(OP_MAKE, PURPOSE_ACME_ACCOUNT, SPAN(ORIGIN "/dir"), SPAN_NONE, &blobs[1 + PURPOSE_ACME_ACCOUNT], &public);
	make(OP_MAKE, PURPOSE_LOCAL_CA, SPAN("Lab CA"), SPAN_NONE, &blobs[1 + PURPOSE_LOCAL_CA], &ca_cert);
	make(OP_SEAL, PURPOSE_EAB_UPSTREAM, SPAN(ORIGIN "/dir"), SPAN(named), &blobs[1 + PURPOSE_EAB_UPSTREAM], &none);
	make(OP_SEAL, PURPOSE_EAB_DEVICE, SPAN("mdm"), SPAN(named), &blobs[1 + PURPOSE_EAB_DEVICE], &none);
	make(OP_SEAL, PURPOSE_TSIG, SPAN("zone"), SPAN(named), &blobs[1 + PURPOSE_TSIG], &none);
	make(OP_MAKE, PURPOSE_AUDIT, SPAN("acmegate.example/audit"), SPAN_NONE, &blobs[1 + PURPOSE_AUDIT], &public);
	return 0;
}

/* https://ca.example, in any case, perhaps with the port 443, and then the end of it. */
static bool
is_at_origin(struct span url)
{
	size_t n = strlen(ORIGIN);

	if (url.n < n || strncasecmp(url.p, ORIGIN, n) != 0)
		return false;
	url = span_from(url, n);
	if (url.n && url.p[0] == ':') {
		for (url = span_from(url, 1); url.n > 3 && url.p[0] == '0'; url = span_from(url, 1))
			;
		if (!span_starts(url, "443"))
			return false;
		url = span_from(url, 3);
	}
	return url.n == 0 || strchr("/?#", url.p[0]);
}

/* An account's key signs one thing without a nonce. */
static void
check_change(struct span payload, bool has_kid)
{
	AUTO_BUF text = BUF_MAX(1 << 20);
	struct json *doc = NULL;
	struct problem pr = { 0 };

	if (has_kid || !b64url_read(payload, &text) || !json_parse(buf_span(&text), "payload", NULL, &doc, &pr) || json_count(json_root(doc)) != 2 ||
		json_type(json_get(json_root(doc), "oldKey")) != JSON_OBJECT || !is_at_origin(json_text(json_get(json_root(doc), "account"))))
		abort();
	json_free(doc);
}

/* Something was signed: may it have been? */
static void
check_signed(const struct proto_request *rq, unsigned blob)
{
	AUTO_BUF header = BUF_MAX(1 << 20);
	struct span rest = rq->field[1], first = SPAN_NONE;
	const struct json_node *root;
	struct json *doc = NULL;
	struct problem pr = { 0 };
	bool account = blob == 1 + PURPOSE_ACME_ACCOUNT;

	if (rq->op == OP_MAC && blob == 1 + PURPOSE_TSIG) {
		if (update_txt_octets(rq->field[1]) == 0)
			abort();
		return;
	}
	if (blob != 1 + (rq->op == OP_SIGN_JWS ? PURPOSE_ACME_ACCOUNT : PURPOSE_EAB_UPSTREAM))
		abort();
	span_cut(&rest, '.', &first);
	if (!b64url_read(first, &header) || !json_parse(buf_span(&header), "header", NULL, &doc, &pr))
		abort();
	root = json_root(doc);
	if (!is_at_origin(json_text(json_get(root, "url"))) || json_get(root, "crit") || json_get(root, "b64"))
		abort();
	if (account ? !json_get(root, "kid") == !json_get(root, "jwk") : json_get(root, "nonce") || json_get(root, "jwk") || !json_get(root, "kid"))
		abort();
	if (account && json_text(json_get(root, "nonce")).n == 0)
		check_change(rest, !json_get(root, "jwk"));
	if (!span_is(json_text(json_get(root, "alg")), account ? "ES256" : jwa_name((enum jwa)rq->kind)))
		abort();
	json_free(doc);
}

/* The fields by what the operation wants; false: this is too slow to be asked. */
static bool
fill(struct proto_request *rq, unsigned blob, bool raw, struct span text, struct buf *input)
{
	struct span rest = text, line = SPAN_NONE;

	switch (rq->op) {
	case OP_MAKE:
		rq->field[0] = text;
		return rq->kind == KEY_P256 || rq->kind == KEY_P384 || rq->kind == KEY_P521 || rq->kind == KEY_ED25519;
	case OP_SEAL:
	case OP_SEALED_SECRET:
		span_cut(&rest, '\n', &rq->field[0]);
		rq->field[1] = rest;
		return true;
	case OP_SIGN_CERT:
	case OP_SIGN_CRL:
		rq->field[1] = buf_span(&ca_cert);
		rq->field[2] = text;
		break;
	case OP_SIGN_CHECKPOINT:
		rq->field[1] = text;
		break;
	default:
		span_cut(&rest, '\n', &line);
		jws_input_write(input, line, rest);
		rq->field[1] = raw ? text : buf_span(input);
		rq->field[2] = rq->op == OP_MAC_VERIFY ? SPAN("01234567890123456789012345678901") : SPAN_NONE;
	}
	rq->field[0] = blob ? buf_span(&blobs[blob]) : text;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF input = BUF_MAX(1 << 20), frame = BUF_MAX(PROTO_FRAME_MAX + PROTO_HEAD), out = BUF_MAX(PROTO_FRAME_MAX + PROTO_HEAD);
	struct proto_request made = { .id = 7 }, rq;
	struct proto_reply reply;
	struct problem pr = { 0 };
	unsigned blob;

	if (size < 5)
		return -1;
	made.op = (enum keeper_op)(data[0] % OP__COUNT);
	made.kind = data[1];
	/* a sealed blob has its own */
	if (made.op == OP_MAKE || made.op == OP_SEAL || made.op == OP_SEALED_SECRET)
		made.purpose = (enum key_purpose)(data[2] % PURPOSE__COUNT);
	blob = data[3] % COUNT_OF(blobs);
	/* as a frame, since what that lets through is what the operations may be given */
	if (!fill(&made, blob, data[4] & 1, span_of(data + 5, size - 5), &input) || !proto_request_write(&frame, &made, &pr) ||
		!proto_request_read(span_from(buf_span(&frame), PROTO_HEAD), &rq, &pr))
		return 0;
	ops_answer(&vault, &rq, &out);
	if (!buf_ok(&out) || !proto_reply_read(span_from(buf_span(&out), PROTO_HEAD), &reply) || reply.id != 7)
		abort();
	if (reply.good && (rq.op == OP_SIGN_JWS || rq.op == OP_MAC))
		check_signed(&rq, blob);
	if (reply.good && rq.op == OP_MAC_VERIFY && (reply.field[0].n != 1 || reply.field[0].p[0]))
		abort();
	return 0;
}
