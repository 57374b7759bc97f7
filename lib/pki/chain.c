/* chain.c - certificate chains as a CA hands them out: read, checked, written. See cert.h. */
#include "pki/cert.h"

#include <stdlib.h>

#include <openssl/err.h>

#include "base/b64url.h"
#include "pki/ext.h"
#include "pki/issuers.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"
#define PEM_COLUMNS 64
#define SKEW_S 300 /* the CA's clock may be ahead of ours */

static bool
bad_chain(struct problem *pr, const char *what)
{
	return problem_set(pr, PROBLEM_SERVER_INTERNAL, "the CA's certificate chain %s", what);
}

/* Next line without its LF or CRLF. */
static bool
next_line(struct span *rest, struct span *ret)
{
	if (!rest->n || !span_cut(rest, '\n', ret))
		return false;
	if (ret->n && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return true;
}

/* Standard base64 with its padding and nothing else: turned into base64url, for which there is a
 * strict reader. */
static bool
base64_read(struct buf *text, struct buf *der)
{
	size_t pad = 0;

	if (text->n == 0 || text->n % 4 != 0)
		return false;
	while (pad < 2 && text->p[text->n - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < text->n; i++) {
		if (text->p[i] == '-' || text->p[i] == '_')
			return false;
		if (text->p[i] == '+')
			text->p[i] = '-';
		else if (text->p[i] == '/')
			text->p[i] = '_';
	}
	return b64url_read(span_of(text->p, text->n - pad), der);
}

/* The lines behind a BEGIN up to its END (RFC 7468 figure 3, "stricttextualmsg"). */
static bool
read_block(struct span *rest, struct buf *der, struct problem *pr)
{
	AUTO_BUF text = BUF_MAX(CHAIN_MAX_BYTES);
	struct span line;
	bool was_last = false;

	while (next_line(rest, &line)) {
		if (span_is(line, PEM_END)) {
			if (!base64_read(&text, der))
				return bad_chain(pr, "has a certificate that is not base64");
			return true;
		}
		if (was_last || line.n == 0 || line.n > PEM_COLUMNS)
			return bad_chain(pr, "has a certificate with lines that are not 64 long");
		was_last = line.n < PEM_COLUMNS;
		buf_addspan(&text, line);
	}
	return bad_chain(pr, "ends inside a certificate");
}

static bool
read_certs(struct span pem, struct chain *chain, struct problem *pr)
{
	struct span rest = pem, line;
	struct problem why = { 0 };

	while (next_line(&rest, &line)) {
		AUTO_BUF der = BUF_MAX(CHAIN_MAX_BYTES);

		if (line.n == 0)
			continue;
		if (!span_is(line, PEM_BEGIN))
			return bad_chain(pr,
				span_starts(line, "-----BEGIN ")
					? "has a PEM block that is not a certificate"
					: "has text outside of its certificates");
		if (chain->count == CHAIN_MAX_CERTS)
			return bad_chain(pr, "has too many certificates");
		if (!read_block(&rest, &der, pr))
			return false;
		if (!(chain->count == 0 ? leaf_parse : issuer_parse)(
			    buf_span(&der), &chain->certs[chain->count], &why)) {
			problem_cause(pr, "%s", why.cause);
			return problem_set(pr, PROBLEM_SERVER_INTERNAL,
				"certificate %zu of the CA's chain: %.400s", chain->count + 1,
				why.detail);
		}
		chain->count++;
	}
	return chain->count > 0 || bad_chain(pr, "is empty");
}

bool
chain_parse(struct span pem, struct chain *ret, struct problem *pr)
{
	struct chain chain = { 0 };

	if (pem.n > CHAIN_MAX_BYTES)
		return bad_chain(pr, "is too large");
	if (!read_certs(pem, &chain, pr)) {
		chain_done(&chain);
		return false;
	}
	*ret = chain;
	return true;
}

void
chain_done(struct chain *chain)
{
	for (size_t i = 0; i < chain->count; i++)
		cert_free(chain->certs[i]);
	*chain = (struct chain){ 0 };
}

static void
write_cert(const struct cert *cert, struct buf *out)
{
	AUTO_BUF der = BUF_MAX(CHAIN_MAX_BYTES);
	const size_t step = PEM_COLUMNS / 4 * 3;

	if (!cert_der(cert, &der)) {
		out->failed = true;
		return;
	}
	buf_adds(out, PEM_BEGIN "\n");
	for (size_t at = 0; at < der.n; at += step) {
		unsigned char line[PEM_COLUMNS + 1];
		size_t n = der.n - at < step ? der.n - at : step;

		n = (size_t)EVP_EncodeBlock(line, (unsigned char *)der.p + at, (int)n);
		buf_add(out, line, n);
		buf_addc(out, '\n');
	}
	buf_adds(out, PEM_END "\n");
}

bool
chain_write_pem(const struct chain *chain, struct buf *out)
{
	for (size_t i = 0; i < chain->count; i++)
		write_cert(chain->certs[i], out);
	return buf_ok(out);
}

static bool
bad_leaf(struct problem *pr, const char *what)
{
	return problem_set(pr, PROBLEM_SERVER_INTERNAL, "the certificate from the CA %s", what);
}

static bool
check_names(const struct cert *leaf, const struct idents *names, struct problem *pr)
{
	if (leaf->has_other_names)
		return bad_leaf(pr, "has a subjectAltName that nobody asked for");
	for (size_t i = 0; i < names->count; i++) {
		if (!idents_has(&leaf->names, &names->list[i]))
			return problem_set(pr, PROBLEM_SERVER_INTERNAL,
				"the certificate from the CA lacks the name \"%s\"",
				names->list[i].value);
	}
	for (size_t i = 0; i < leaf->names.count; i++) {
		if (!idents_has(names, &leaf->names.list[i]))
			return problem_set(pr, PROBLEM_SERVER_INTERNAL,
				"the certificate from the CA has the name \"%s\", which "
				"nobody asked for",
				leaf->names.list[i].value);
	}
	return true;
}

static bool
check_leaf(const struct cert *leaf, const char *csr_key_hash, const struct idents *names,
	int64_t now_unix_s, struct problem *pr)
{
	if (strcmp(leaf->key_hash, csr_key_hash) != 0)
		return bad_leaf(pr, "is not for the key of the CSR");
	if (!check_names(leaf, names, pr))
		return false;
	if (leaf->not_before_unix_s > now_unix_s + SKEW_S)
		return bad_leaf(pr, "is not yet valid");
	if (leaf->not_after_unix_s <= now_unix_s)
		return bad_leaf(pr, "has expired");
	if (X509_get_ext_by_NID(leaf->x509, NID_ct_precert_poison, -1) >= 0)
		return bad_leaf(pr, "is a precertificate");
	if (!leaf->certid[0])
		return bad_leaf(pr, "has no authorityKeyIdentifier");
	if (leaf->is_ca)
		return bad_leaf(pr, "is a CA certificate");
	return true;
}

static bool
is_self_signed(const struct cert *cert)
{
	return X509_get_extension_flags(cert->x509) & EXFLAG_SS;
}

/* RFC 5280 6.1.3 (a)(4) and 4.2.1.1: does it name this one as its issuer? */
static bool
names_issuer(const struct cert *subject, const struct cert *issuer)
{
	AUTHORITY_KEYID *aki =
		X509_get_ext_d2i(subject->x509, NID_authority_key_identifier, NULL, NULL);
	bool good = X509_NAME_cmp(X509_get_issuer_name(subject->x509),
			    X509_get_subject_name(issuer->x509)) == 0 &&
		    (!aki || X509_check_akid(issuer->x509, aki) == X509_V_OK);

	AUTHORITY_KEYID_free(aki);
	return good;
}

/* Does certs[at] certify certs[at - 1]? */
static bool
check_issuer(const struct chain *chain, size_t at, int64_t now_unix_s, struct problem *pr)
{
	const struct cert *issuer = chain->certs[at], *subject = chain->certs[at - 1];
	const char *fault = NULL;

	if (X509_check_ca(issuer->x509) != 1)
		fault = "is not a CA certificate";
	else if (!names_issuer(subject, issuer))
		fault = "is not the issuer of the one before it";
	else if (!cert_is_signed_by(subject, issuer->key))
		fault = "did not sign the one before it";
	else if (at + 1 == chain->count && is_self_signed(issuer))
		/* a trust anchor's dates are the verifier's business (RFC 5280 6.1.1) */
		fault = NULL;
	else if (issuer->not_before_unix_s > now_unix_s + SKEW_S)
		fault = "is not yet valid";
	else if (issuer->not_after_unix_s <= now_unix_s)
		fault = "has expired";
	ERR_clear_error();
	if (fault)
		return problem_set(pr, PROBLEM_SERVER_INTERNAL,
			"certificate %zu of the CA's chain %s", at + 1, fault);
	return true;
}

bool
chain_check(const struct chain *chain, const char *csr_key_hash, const struct idents *names,
	int64_t now_unix_s, struct problem *pr)
{
	if (chain->count == 0)
		return bad_chain(pr, "is empty");
	if (!check_leaf(chain->certs[0], csr_key_hash, names, now_unix_s, pr))
		return false;
	for (size_t i = 1; i < chain->count; i++) {
		if (!check_issuer(chain, i, now_unix_s, pr))
			return false;
	}
	return true;
}

static bool
has_common_name(const X509_NAME *name, const char *cn)
{
	for (int at = -1; (at = X509_NAME_get_index_by_NID(name, NID_commonName, at)) >= 0;) {
		char text[256];

		if (asn1_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)),
			    sizeof(text) - 1, text) &&
			strcasecmp(text, cn) == 0)
			return true;
	}
	return false;
}

static bool
has_spki_hash(const X509 *x509, const char *sha256)
{
	unsigned char *der = NULL, md[32];
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
	bool good = n > 0 && EVP_Digest(der, (size_t)n, md, NULL, EVP_sha256(), NULL);
	char hex[65] = "";

	for (size_t i = 0; good && i < sizeof(md); i++)
		snprintf(hex + 2 * i, 3, "%02x", md[i]);
	OPENSSL_free(der);
	return good && strcasecmp(hex, sha256) == 0;
}

bool
chain_is_preferred(const struct chain *chain, const char *cn_or_sha256)
{
	const X509 *top;

	if (chain->count == 0)
		return false;
	top = chain->certs[chain->count - 1]->x509;
	return has_common_name(X509_get_subject_name(top), cn_or_sha256) ||
		has_common_name(X509_get_issuer_name(top), cn_or_sha256) ||
		has_spki_hash(top, cn_or_sha256);
}
