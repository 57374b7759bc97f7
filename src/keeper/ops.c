/* ops.c - see ops.h.
 *
 * Two tables rule: which operations a purpose allows, and which function an operation is. A blob
 * names its own purpose under the seal, so no request can use a key for anything but what it was
 * made for. */
#include "keeper/ops.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/clock.h"
#include "keeper/guard.h"
#include "pki/mint.h"

#define CN_MAX 64        /* ub-common-name, RFC 5280 appendix A.1 */
#define SCOPE_CA 32      /* SHA-256 of the CA certificate */
#define SECRET_MIN 16    /* octets of a MAC key (E2) */
#define PRIVATE_MAX 4096 /* octets of a PKCS#8 key */

#define MAY(op) (1u << (op))

static const unsigned purpose_may[PURPOSE__COUNT] = {
	[PURPOSE_ACME_ACCOUNT] = MAY(OP_MAKE) | MAY(OP_SIGN_JWS),
	[PURPOSE_LOCAL_CA] = MAY(OP_MAKE) | MAY(OP_SIGN_CERT) | MAY(OP_SIGN_CRL),
	[PURPOSE_EAB_UPSTREAM] = MAY(OP_SEAL) | MAY(OP_SEALED_SECRET) | MAY(OP_MAC),
	/* verifying alone: a MAC must not come out, or a gateway taken over could bind accounts of
	   its own */
	[PURPOSE_EAB_DEVICE] = MAY(OP_SEAL) | MAY(OP_SEALED_SECRET) | MAY(OP_MAC_VERIFY),
	[PURPOSE_AUDIT] = MAY(OP_MAKE) | MAY(OP_SIGN_CHECKPOINT),
	[PURPOSE_TSIG] = MAY(OP_SEAL) | MAY(OP_SEALED_SECRET) | MAY(OP_MAC) | MAY(OP_MAC_VERIFY),
};

/* What an operation hands back. */
struct answer {
	struct buf first, second;
};

typedef bool op_fn(
	struct vault *v, const struct proto_request *rq, struct answer *a, struct problem *pr);

static void
x509_auto_free(X509 **x509)
{
	X509_free(*x509);
}
#define AUTO_X509 __attribute__((cleanup(x509_auto_free))) X509

static bool
purpose_check(enum key_purpose purpose, enum keeper_op op, struct problem *pr)
{
	if (purpose_may[purpose] & MAY(op))
		return true;
	return problem_internal(
		pr, "a secret of purpose %d does not allow %s", (int)purpose, proto_op_name(op));
}

/* Field 0, opened, if its purpose allows this operation. */
static const struct opened *
open_for(struct vault *v, const struct proto_request *rq, struct problem *pr)
{
	const struct opened *o = vault_open(v, rq->field[0], pr);

	return o && purpose_check(o->u.purpose, rq->op, pr) ? o : NULL;
}

static bool
der_hash(struct span der, unsigned char ret[SCOPE_CA], struct problem *pr)
{
	if (EVP_Q_digest(NULL, "SHA256", NULL, der.p, der.n, ret, NULL) != 1)
		return problem_internal(pr, "cannot hash a certificate");
	return true;
}

/* What the blob is bound to, and the public side. */
static bool
make_public(EVP_PKEY *key, const struct proto_request *rq, struct buf *scope,
	struct buf *ret_public, struct problem *pr)
{
	unsigned char hash[SCOPE_CA];
	char text[ORIGIN_TEXT];

	if (rq->purpose == PURPOSE_ACME_ACCOUNT) {
		if (!origin_of(rq->field[0], text))
			return problem_internal(pr,
				"no origin in the scope \"%s\" of an account key",
				QUOTE(rq->field[0]));
		return (buf_adds(scope, text) && key_spki_write(key, ret_public)) ||
			problem_internal(pr, "cannot write a public key");
	}
	if (rq->purpose == PURPOSE_AUDIT) {
		if (!tlog_origin_is_good(rq->field[0]))
			return problem_internal(pr, "\"%s\" is no origin of an audit trail", QUOTE(rq->field[0]));
		return (buf_addspan(scope, rq->field[0]) && key_spki_write(key, ret_public)) ||
			problem_internal(pr, "cannot write a public key");
	}
	if (rq->field[0].n == 0 || !span_copy(rq->field[0], text, CN_MAX + 1))
		return problem_internal(pr, "a CA's common name has 1 to %d octets", CN_MAX);
	return mint_ca(key, text, clock_unix_s(), ret_public, pr) &&
		der_hash(buf_span(ret_public), hash, pr) && buf_add(scope, hash, sizeof(hash));
}

static bool
op_make(struct vault *v, const struct proto_request *rq, struct answer *a, struct problem *pr)
{
	enum key_type type = (enum key_type)rq->kind;
	AUTO_BUF scope = BUF_MAX(PROTO_SCOPE_MAX);
	AUTO_SECRET der = BUF_MAX(PRIVATE_MAX);
	AUTO_PKEY *key = NULL;

	if (!purpose_check(rq->purpose, rq->op, pr))
		return false;
	/* what every CA takes and lib/pki can sign with: no ES512, no EdDSA; and for checkpoints that alone */
	if (type == KEY_P521 || (type == KEY_ED25519) != (rq->purpose == PURPOSE_AUDIT))
		return problem_internal(pr, "the keeper makes no %s keys", key_type_name(type));
	if (!key_make(type, &key, pr) || !make_public(key, rq, &scope, &a->second, pr))
		return false;
	buf_reserve(&der, PRIVATE_MAX);
	if (!key_private_write(key, &der))
		return problem_internal(pr, "cannot write a private key");
	return seal_write(v->master, rq->purpose, buf_span(&scope), buf_span(&der), &a->first, pr);
}

static bool
seal_mac_key(struct vault *v, const struct proto_request *rq, struct span secret, struct answer *a,
	struct problem *pr)
{
	struct span scope = rq->field[0];
	char origin[ORIGIN_TEXT];

	if (!purpose_check(rq->purpose, rq->op, pr))
		return false;
	if (secret.n < SECRET_MIN)
		return problem_internal(
			pr, "a MAC key has at least %d octets, not %zu", SECRET_MIN, secret.n);
	if (rq->purpose == PURPOSE_EAB_UPSTREAM) {
		if (!origin_of(scope, origin))
			return problem_internal(
				pr, "no origin in the scope \"%s\" of an EAB key", QUOTE(scope));
		scope = span_str(origin);
	}
	return seal_write(v->master, rq->purpose, scope, secret, &a->first, pr);
}

static bool
op_seal(struct vault *v, const struct proto_request *rq, struct answer *a, struct problem *pr)
{
	return seal_mac_key(v, rq, rq->field[1], a, pr);
}

static bool
op_sealed_secret(
	struct vault *v, const struct proto_request *rq, struct answer *a, struct problem *pr)
{
	const struct buf *secret = vault_secret(v, rq->field[1]);

	if (!secret)
		return problem_internal(
			pr, "the keeper was given no secret \"%s\"", QUOTE(rq->field[1]));
	return seal_mac_key(v, rq, buf_span(secret), a, pr);
}

static bool
op_sign_jws(struct vault *v, const struct proto_request *rq, struct answer *a, struct problem *pr)
{
	const struct opened *o = open_for(v, rq, pr);
	enum jwa alg;

	if (!o)
		return false;
	alg = jwa_for_key(o->key);
	return guard_account(rq->field[1], buf_span(&o->u.scope), alg, pr) &&
		jws_sign_raw(alg, o->key, rq->field[1], &a->first, pr);
}

static bool
mac_make(
	const struct opened *o, const struct proto_request *rq, struct buf *ret, struct problem *pr)
{
	enum jwa alg = (enum jwa)rq->kind;

	if (!jwa_is_mac(alg))
		return problem_internal(pr, "kind %u is no MAC", rq->kind);
	return jws_mac_raw(alg, buf_span(&o->u.secret), rq->field[1], ret, pr);
}

static bool
op_mac(struct vault *v, const struct proto_request *rq, struct answer *a, struct problem *pr)
{
	const struct opened *o = open_for(v, rq, pr);

	if (!o)
		return false;
	if (o->u.purpose == PURPOSE_EAB_UPSTREAM &&
		!guard_eab(rq->field[1], buf_span(&o->u.scope), (enum jwa)rq->kind, pr))
		return false;
	if (o->u.purpose == PURPOSE_TSIG && !guard_tsig(rq->field[1], pr))
		return false;
	return mac_make(o, rq, &a->first, pr);
}

static bool
op_mac_verify(struct vault *v, const struct proto_request *rq, struct answer *a, struct problem *pr)
{
	const struct opened *o = open_for(v, rq, pr);
	AUTO_SECRET mac = BUF_MAX(64);

	if (!o || !mac_make(o, rq, &mac, pr))
		return false;
	return buf_addc(&a->first, secret_eq(buf_span(&mac), rq->field[2]));
}

/* The CA certificate of field 1, if it is the one the blob is bound to. */
static bool
ca_read(const struct opened *o, struct span der, X509 **ret, struct problem *pr)
{
	const unsigned char *p = (const unsigned char *)der.p;
	unsigned char hash[SCOPE_CA];
	AUTO_X509 *ca = NULL;

	if (!der_hash(der, hash, pr))
		return false;
	if (!span_eq(buf_span(&o->u.scope), span_of(hash, sizeof(hash))))
		return problem_internal(pr, "the key is not that of this CA certificate");
	ca = d2i_X509(NULL, &p, (long)der.n);
	if (!ca || p != (const unsigned char *)der.p + der.n ||
		X509_check_private_key(ca, o->key) != 1) {
		ERR_clear_error();
		return problem_internal(pr, "the CA certificate does not have the sealed key");
	}
	*ret = TAKE(ca);
	return true;
}

static bool
op_sign_cert(struct vault *v, const struct proto_request *rq, struct answer *a, struct problem *pr)
{
	const struct opened *o = open_for(v, rq, pr);
	AUTO_X509 *ca = NULL;

	return o && ca_read(o, rq->field[1], &ca, pr) &&
		mint_sign_leaf(rq->field[2], ca, o->key, &a->first, pr);
}

static bool
op_sign_crl(struct vault *v, const struct proto_request *rq, struct answer *a, struct problem *pr)
{
	const struct opened *o = open_for(v, rq, pr);
	AUTO_X509 *ca = NULL;

	return o && ca_read(o, rq->field[1], &ca, pr) &&
		mint_sign_crl(rq->field[2], ca, o->key, &a->first, pr);
}

static bool
op_sign_checkpoint(struct vault *v, const struct proto_request *rq, struct answer *a, struct problem *pr)
{
	const struct opened *o = open_for(v, rq, pr);
	struct tlog_checkpoint c, *last = &v->signed_last;

	if (!o)
		return false;
	if (!tlog_checkpoint_parse(rq->field[1], &c, pr))
		return problem_internal(pr, "no checkpoint of an audit trail");
	if (!span_is(buf_span(&o->u.scope), c.origin))
		return problem_internal(pr, "the key is not for the trail \"%s\"", c.origin);
	if (strcmp(last->origin, c.origin) == 0 && last->size == c.size && !tlog_hash_eq(&last->root, &c.root))
		return problem_internal(pr, "another root of %llu entries was signed before", (unsigned long long)c.size);
	*last = c;
	return jws_sign_raw(JWA_EDDSA, o->key, rq->field[1], &a->first, pr);
}

static op_fn *const functions[OP__COUNT] = {
	[OP_MAKE] = op_make,
	[OP_SEAL] = op_seal,
	[OP_SEALED_SECRET] = op_sealed_secret,
	[OP_SIGN_JWS] = op_sign_jws,
	[OP_MAC] = op_mac,
	[OP_MAC_VERIFY] = op_mac_verify,
	[OP_SIGN_CERT] = op_sign_cert,
	[OP_SIGN_CRL] = op_sign_crl,
	[OP_SIGN_CHECKPOINT] = op_sign_checkpoint,
};

void
ops_answer(struct vault *v, const struct proto_request *rq, struct buf *out)
{
	struct answer a = { BUF_MAX(PROTO_FRAME_MAX), BUF_MAX(PROTO_FRAME_MAX) };
	struct proto_reply reply = { .id = rq->id };

	reply.good = functions[rq->op](v, rq, &a, &reply.problem);
	if (reply.good &&
		(!buf_ok(&a.first) || !buf_ok(&a.second) ||
			a.first.n + a.second.n > PROTO_FRAME_MAX - 64))
		reply.good = problem_internal(&reply.problem, "the keeper's answer is too large");
	else if (!reply.good && reply.problem.kind == PROBLEM_NONE)
		problem_internal(
			&reply.problem, "%s failed without a reason", proto_op_name(rq->op));
	reply.field[0] = buf_span(&a.first);
	reply.field[1] = buf_span(&a.second);
	proto_reply_write(out, &reply);
	buf_done(&a.first);
	buf_done(&a.second);
}
