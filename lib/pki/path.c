/* path.c - see path.h. Cheap checks come first, signatures last. */
#include "pki/path.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki/ext.h"
#include "pki/issuers.h"

static bool
bad(struct problem *pr, size_t at, const char *fault)
{
	return problem_set(pr, PROBLEM_BAD_ATTESTATION, "x5c[%zu]: %s", at, fault);
}

static bool
add_one(struct cert ***list, size_t *count, struct span der, struct problem *pr)
{
	struct problem why = {0};
	struct cert *cert = NULL;

	if (*count >= ANCHORS_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "more than %d certificates", ANCHORS_MAX);
	if (!cert_parse(der, &cert, &why) ||
		(!cert->has_good_key && !key_check(cert->key, PROBLEM_MALFORMED, &why))) {
		cert_free(cert);
		problem_cause(pr, "%s", why.cause);
		return problem_set(
			pr, PROBLEM_MALFORMED, "certificate %zu: %.400s", *count + 1, why.detail);
	}
	*list = xrealloc(*list, (*count + 1) * sizeof(**list));
	(*list)[(*count)++] = cert;
	return true;
}

bool
anchors_add(struct anchors *anchors, bool are_roots, struct span pem, struct problem *pr)
{
	struct cert ***list = are_roots ? &anchors->roots : &anchors->links;
	size_t *count = are_roots ? &anchors->root_count : &anchors->link_count, before = *count;
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	char *name, *header;
	unsigned char *der;
	bool good = bio != NULL;
	long n;

	while (good && PEM_read_bio(bio, &name, &header, &der, &n)) {
		good = strcmp(name, PEM_STRING_X509) == 0
			       ? add_one(list, count, span_of(der, (size_t)n), pr)
			       : problem_set(pr, PROBLEM_MALFORMED,
					 "a PEM block that is not a certificate");
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(der);
	}
	if (good && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		good = problem_set(pr, PROBLEM_MALFORMED, "a PEM block that cannot be read");
	if (good && *count == before)
		good = problem_set(pr, PROBLEM_MALFORMED, "no certificate in PEM");
	BIO_free(bio);
	ERR_clear_error();
	while (!good && *count > before)
		cert_free((*list)[--*count]);
	return good;
}

void
anchors_done(struct anchors *anchors)
{
	while (anchors->root_count)
		cert_free(anchors->roots[--anchors->root_count]);
	while (anchors->link_count)
		cert_free(anchors->links[--anchors->link_count]);
	free(anchors->roots);
	free(anchors->links);
	*anchors = (struct anchors){0};
}

bool
path_parse(const struct span *ders, size_t count, struct path *ret, struct problem *pr)
{
	struct path path = {0};
	struct problem why = {0};

	if (count == 0 || count > PATH_MAX_CERTS)
		return problem_set(pr, PROBLEM_BAD_ATTESTATION,
			"x5c: 1 to %d certificates are accepted, not %zu", PATH_MAX_CERTS, count);
	for (; path.held < count; path.held++) {
		if (!(path.held ? link_parse : signer_parse)(
			    ders[path.held], &path.certs[path.held], &why)) {
			problem_cause(pr, "%s", why.cause);
			bad(pr, path.held, why.detail);
			path_done(&path);
			return false;
		}
	}
	path.given = path.held;
	*ret = path;
	return true;
}

void
path_done(struct path *path)
{
	while (path->held)
		cert_free(path->certs[--path->held]);
	*path = (struct path){0};
}

static const X509_NAME *
subject_of(const struct cert *cert)
{
	return X509_get_subject_name(cert->x509);
}

static bool
names_chain(const struct cert *cert, const struct cert *issuer)
{
	return X509_NAME_cmp(X509_get_issuer_name(cert->x509), subject_of(issuer)) == 0;
}

static const struct cert *
find_root(const struct anchors *anchors, const struct cert *cert)
{
	for (size_t i = 0; i < anchors->root_count; i++) {
		const struct cert *root = anchors->roots[i];

		if (strcmp(cert->key_hash, root->key_hash) == 0 &&
			X509_NAME_cmp(subject_of(cert), subject_of(root)) == 0)
			return root;
	}
	return NULL;
}

/* Known to us, or to the format that asked for the path (subjectAltName, policies without a wish
 * for any). Name and policy constraints are not, so where they are critical they refuse. */
static bool
knows_critical(const X509 *x509)
{
	static const int known[] = {NID_basic_constraints, NID_key_usage, NID_ext_key_usage,
		NID_subject_alt_name, NID_certificate_policies, NID_authority_key_identifier,
		NID_subject_key_identifier};

	for (int i = 0; i < X509_get_ext_count(x509); i++) {
		X509_EXTENSION *ext = X509_get_ext(x509, i);
		int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
		bool is_known = !X509_EXTENSION_get_critical(ext);

		for (size_t j = 0; j < COUNT_OF(known) && !is_known; j++)
			is_known = nid == known[j];
		if (!is_known)
			return false;
	}
	return true;
}

static const char *
dates_fault(const struct cert *cert, bool is_leaf, const struct path_rules *rules)
{
	if (is_leaf && rules->leaf_any_time)
		return NULL;
	if (cert->not_before_unix_s > rules->now_unix_s)
		return "is not yet valid";
	if (cert->not_after_unix_s < rules->now_unix_s && (is_leaf || !rules->expired_issuers))
		return "has expired";
	return NULL;
}

static const char *
issuer_fault(const struct cert *cert, size_t at, const struct path_rules *rules)
{
	if (!rules->plain_issuers && !cert->may_issue)
		return "is an issuer, but no CA certificate";
	if (cert->path_length >= 0 && (size_t)cert->path_length < at - 1)
		return "has a path length that is exceeded";
	if (!cert->has_good_key)
		return "has a key that is too weak";
	return NULL;
}

static const char *
cert_fault(const struct cert *cert, size_t at, const struct path_rules *rules)
{
	const char *fault = NULL;

	if (X509_get_version(cert->x509) != X509_VERSION_3)
		return "is not version 3";
	if (!knows_critical(cert->x509))
		return "has a critical extension that is not known";
	/* what the signed part names is compared by cert_is_signed_by */
	if (!signature_is_good(X509_get_signature_nid(cert->x509)))
		return "is not signed with SHA-256, SHA-384, SHA-512 or Ed25519";
	fault = dates_fault(cert, at == 0, rules);
	if (fault)
		return fault;
	if (at == 0)
		return cert->is_ca ? "is the leaf, but a CA certificate" : NULL;
	return issuer_fault(cert, at, rules);
}

static bool
is_issued_by(const struct cert *cert, const struct cert *issuer)
{
	return names_chain(cert, issuer) && cert_is_signed_by(cert, issuer->key);
}

/* From the last certificate to a root; adds the configured intermediates it takes. */
static bool
reach_root(struct path *path, const struct anchors *anchors, const struct path_rules *rules)
{
	for (size_t links = 0;; links++) {
		const struct cert *top = path->certs[path->count - 1];
		struct cert *link = NULL;

		for (size_t i = 0; i < anchors->root_count && !path->root; i++) {
			if (is_issued_by(top, anchors->roots[i]))
				path->root = anchors->roots[i];
		}
		if (path->root || links == PATH_MAX_LINKS)
			return path->root;
		for (size_t i = 0; i < anchors->link_count && !link; i++) {
			if (!cert_fault(anchors->links[i], path->count, rules) &&
				is_issued_by(top, anchors->links[i]))
				link = anchors->links[i];
		}
		if (!link)
			return false;
		path->certs[path->count++] = cert_ref(link);
		path->held++;
	}
}

static bool
check_given(struct path *path, const struct anchors *anchors, const struct path_rules *rules,
	struct problem *pr)
{
	const char *fault;

	for (size_t i = 0; i < path->count; i++) {
		if (find_root(anchors, path->certs[i]))
			return bad(pr, i,
				i ? "is a root, but others follow it" : "is the leaf, but a root");
		fault = cert_fault(path->certs[i], i, rules);
		if (fault)
			return bad(pr, i, fault);
	}
	for (size_t i = 1; i < path->count; i++) {
		if (!names_chain(path->certs[i - 1], path->certs[i]))
			return bad(pr, i, "is not the issuer of the one before it");
		if (!cert_is_signed_by(path->certs[i - 1], path->certs[i]->key))
			return bad(pr, i, "did not sign the one before it");
	}
	return true;
}

static bool
check_root(struct path *path, const struct anchors *anchors, const struct path_rules *rules,
	struct problem *pr)
{
	int pathlen;

	if (path->root && !is_issued_by(path->certs[path->count - 1], path->root))
		return bad(pr, path->count, "did not sign the one before it");
	if (!path->root && !reach_root(path, anchors, rules))
		return problem_set(pr, PROBLEM_BAD_ATTESTATION,
			"x5c: no root that is accepted for this format issued x5c[%zu]",
			path->given - 1);
	pathlen = path->root->path_length;
	if (pathlen >= 0 && (size_t)pathlen < path->count - 1)
		return problem_set(pr, PROBLEM_BAD_ATTESTATION, "x5c: longer than its root allows");
	return true;
}

bool
path_check(struct path *path, const struct anchors *anchors, const struct path_rules *rules,
	struct problem *pr)
{
	bool good;

	path->count = path->given;
	path->root = path->given > 1 ? find_root(anchors, path->certs[path->given - 1]) : NULL;
	if (path->root)
		path->count--;
	good = check_given(path, anchors, rules, pr) && check_root(path, anchors, rules, pr);
	ERR_clear_error();
	return good;
}
