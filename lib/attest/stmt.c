/* stmt.c - what the formats share: members, x5c, signatures, facts. See format.h. */
#include <stdarg.h>
#include <stdio.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "attest/format.h"
#include "base/utf8.h"

bool
attest_refuse(struct problem *pr, const char *field, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return problem_set(pr, PROBLEM_BAD_ATTESTATION, "%s: %s", field, text);
}

static bool
member(const struct statement *st, const char *name, struct cbor *ret, struct problem *pr)
{
	return cbor_get(&st->members, name, ret) ||
	       problem_set(pr, PROBLEM_BAD_ATTESTATION, "attStmt.%s: missing", name);
}

static bool
wrong_type(const char *name, const struct cbor *item, const char *wanted, struct problem *pr)
{
	return problem_set(pr, PROBLEM_BAD_ATTESTATION, "attStmt.%s: %s, not %s", name,
		cbor_type_name(item->type), wanted);
}

static bool
string(const struct statement *st, const char *name, enum cbor_type type, struct span *ret,
	struct problem *pr)
{
	struct cbor item;

	if (!member(st, name, &item, pr))
		return false;
	if (item.type != type)
		return wrong_type(name, &item, cbor_type_name(type), pr);
	if (!item.data.n)
		return problem_set(pr, PROBLEM_BAD_ATTESTATION, "attStmt.%s: empty", name);
	*ret = item.data;
	return true;
}

bool
stmt_bytes(const struct statement *st, const char *name, struct span *ret, struct problem *pr)
{
	return string(st, name, CBOR_BYTES, ret, pr);
}

bool
stmt_text(const struct statement *st, const char *name, struct span *ret, struct problem *pr)
{
	return string(st, name, CBOR_TEXT, ret, pr);
}

bool
stmt_certs(struct statement *st, struct problem *pr)
{
	struct span ders[PATH_MAX_CERTS];
	struct cbor x5c, item;
	size_t n = 0;

	if (!member(st, "x5c", &x5c, pr))
		return false;
	if (x5c.type != CBOR_ARRAY)
		return wrong_type("x5c", &x5c, "an array", pr);
	if (x5c.value > PATH_MAX_CERTS)
		return attest_refuse(pr, "x5c", "more than %d certificates", PATH_MAX_CERTS);
	for (; cbor_at(&x5c, n, &item); n++) {
		if (item.type != CBOR_BYTES)
			return problem_set(pr, PROBLEM_BAD_ATTESTATION,
				"x5c[%zu]: %s, not a byte string", n, cbor_type_name(item.type));
		ders[n] = item.data;
	}
	return path_parse(ders, n, &st->path, pr);
}

static bool
check_revoked(const struct statement *st, struct problem *pr)
{
	const struct revoked *list = st->trust->revoked;

	/* the root that came and the one that is pinned may be two certificates of one key */
	for (size_t i = 0; list && i < st->path.held; i++) {
		if (revoked_has(list, st->path.certs[i]))
			return problem_set(pr, PROBLEM_BAD_ATTESTATION,
				"x5c[%zu]: serial %s is revoked", i, st->path.certs[i]->serial);
	}
	if (list && revoked_has(list, st->path.root))
		return attest_refuse(pr, "x5c", "the root is revoked");
	return true;
}

/* On any list of its issuer that is in force; without one nobody can say. */
static bool
check_crls_of(const struct statement *st, size_t at, const struct cert *issuer, struct problem *pr)
{
	const struct crls *crls = &st->trust->crls;
	int64_t now = st->in->now_unix_s;
	bool asked = false;

	for (size_t i = 0; i < crls->count; i++) {
		const struct crl *crl = crls->list[i];

		if (crl->this_update_unix_s > now || crl->next_update_unix_s < now ||
			!crl_is_of(crl, issuer))
			continue;
		asked = true;
		if (crl_has(crl, st->path.certs[at]))
			return problem_set(pr, PROBLEM_BAD_ATTESTATION,
				"x5c[%zu]: serial %s is revoked", at, st->path.certs[at]->serial);
	}
	return asked || problem_internal(pr, "no revocation list in force of \"%s\"", issuer->subject);
}

static bool
check_crls(const struct statement *st, struct problem *pr)
{
	const struct path *path = &st->path;

	for (size_t i = 0; st->trust->crls.count && i < path->count; i++) {
		if (!check_crls_of(st, i, i + 1 < path->count ? path->certs[i + 1] : path->root, pr))
			return false;
	}
	return true;
}

bool
stmt_path(struct statement *st, struct path_rules rules, struct problem *pr)
{
	rules.now_unix_s = st->in->now_unix_s;
	return path_check(&st->path, &st->trust->anchors, &rules, pr) && check_revoked(st, pr) &&
	       check_crls(st, pr);
}

struct cert *
stmt_leaf(const struct statement *st)
{
	return st->path.certs[0];
}

#define COSE_RS1 (-65535)

static const struct cose_alg algs[] = {
	{-7, EVP_PKEY_EC, "SHA256", 32},
	{-35, EVP_PKEY_EC, "SHA384", 48},
	{-36, EVP_PKEY_EC, "SHA512", 64},
	{-257, EVP_PKEY_RSA, "SHA256", 32},
	{-258, EVP_PKEY_RSA, "SHA384", 48},
	{-259, EVP_PKEY_RSA, "SHA512", 64},
	{-8, EVP_PKEY_ED25519, NULL, 0},
	{COSE_RS1, EVP_PKEY_RSA, "SHA1", 20},
};

bool
stmt_alg(const struct statement *st, const struct cose_alg **ret, struct problem *pr)
{
	struct cbor item;
	int64_t alg;

	if (!member(st, "alg", &item, pr))
		return false;
	if (!cbor_int(&item, &alg))
		return wrong_type("alg", &item, "an integer that fits", pr);
	for (size_t i = 0; i < COUNT_OF(algs); i++) {
		if (algs[i].alg == alg && (alg != COSE_RS1 || attest_is_webauthn(st))) {
			*ret = &algs[i];
			return true;
		}
	}
	return attest_refuse(
		pr, "attStmt.alg", "COSE algorithm %lld is not accepted", (long long)alg);
}

bool
signature_verifies(const char *md, EVP_PKEY *key, struct span sig, struct span data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestVerifyInit_ex(ctx, NULL, md, NULL, NULL, key, NULL) == 1 &&
		    EVP_DigestVerify(ctx, (const unsigned char *)sig.p, sig.n,
			    (const unsigned char *)data.p, data.n) == 1;

	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

bool
stmt_signature(const struct cose_alg *alg, EVP_PKEY *key, struct span sig, struct span data,
	struct problem *pr)
{
	if (EVP_PKEY_get_base_id(key) != alg->key)
		return attest_refuse(pr, "attStmt.alg",
			"COSE algorithm %lld is not for the key of x5c[0]", (long long)alg->alg);
	if (!signature_verifies(alg->md, key, sig, data))
		return attest_refuse(pr, "attStmt.sig",
			"does not sign the key authorization by the key of x5c[0]");
	return true;
}

bool
facts_set_key(struct statement *st, EVP_PKEY *key, struct span spki, const char *field,
	struct problem *pr)
{
	struct problem why = {0};

	st->facts.key = key;
	if (!key_spki_check(spki, key, PROBLEM_BAD_ATTESTATION, &why))
		return attest_refuse(pr, field, "%s", why.detail);
	return key_spki_hash(spki, key, st->facts.key_hash, pr);
}

bool
facts_key_of_leaf(struct statement *st, struct problem *pr)
{
	struct cert *leaf = stmt_leaf(st);

	struct problem why = {0};

	EVP_PKEY_up_ref(leaf->key);
	st->facts.key = leaf->key;
	if (!leaf->has_good_key && !key_check(leaf->key, PROBLEM_BAD_ATTESTATION, &why))
		return attest_refuse(pr, "x5c[0]", "%s", why.detail);
	memcpy(st->facts.key_hash, leaf->key_hash, sizeof(leaf->key_hash));
	return true;
}

bool
fact_text(struct span text, char dst[ATTEST_TEXT])
{
	return text.n > 0 && utf8_is_text(text) && span_copy(text, dst, ATTEST_TEXT);
}

bool
facts_add_id(struct statement *st, enum attest_id_type type, struct span id, const char *oid,
	const char *field, struct problem *pr)
{
	struct attest_facts *facts = &st->facts;
	char text[ATTEST_TEXT];

	if (!fact_text(id, text) || strchr(text, '/'))
		return attest_refuse(pr, field, "\"%s\" cannot be an identifier", QUOTE(id));
	for (int with_oid = !!oid; with_oid <= (oid || st->trust->assigner[0]); with_oid++) {
		struct attest_id *to = &facts->ids[facts->id_count];

		if (facts->id_count == ATTEST_MAX_IDS)
			return attest_refuse(pr, field, "more than %d identifiers", ATTEST_MAX_IDS);
		to->type = type;
		snprintf(to->value, sizeof(to->value), "%s%s%s", text, with_oid ? "/" : "",
			with_oid ? oid ? oid : st->trust->assigner : "");
		facts->id_count++;
	}
	return true;
}
