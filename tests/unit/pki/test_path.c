/* test_path.c - paths to pinned roots: anchors by name and key, configured intermediates, lengths, loops. */
#include "pki/path.h"

#include "forge.h"
#include "tap.h"

#define NOW 1796000000
#define DAY 86400LL
#define CA_EXTS "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"

static EVP_PKEY *keys[8];

/* Certificate `cn` for keys[subject], by keys[signer] in the name of `issuer` (NULL = itself). */
static X509 *
cert(const char *cn, int subject, X509 *issuer, int signer, const char *constraints)
{
	struct forge_cert f = { .cn = cn,
		.key = keys[subject],
		.issuer = issuer,
		.issuer_key = keys[signer],
		.not_before_unix_s = NOW - DAY,
		.not_after_unix_s = NOW + DAY };

	if (constraints) {
		f.exts[0] = constraints;
		f.exts[1] = "keyUsage=critical,keyCertSign";
	}
	return forge_x509(&f);
}

static void
add(struct anchors *anchors, bool are_roots, X509 *x509)
{
	AUTO_BUF pem = BUF_MAX(1 << 16);
	struct problem pr = { 0 };

	forge_pem(&pem, x509);
	if (!anchors_add(anchors, are_roots, buf_span(&pem), &pr))
		abort();
}

/* Detail of the refusal, "" = good. `ret_count`: certificates below the root. */
static const char *
check(X509 *const *list, size_t n, const struct anchors *anchors, size_t *ret_count)
{
	static struct problem pr;
	struct path_rules rules = { .now_unix_s = NOW };
	struct span ders[PATH_MAX_CERTS] = { { 0 } };
	struct path path = { 0 };

	pr = (struct problem){ 0 };
	for (size_t i = 0; i < n; i++)
		ders[i] = forge_x509_der(list[i]);
	if (path_parse(ders, n, &path, &pr) && path_check(&path, anchors, &rules, &pr) && ret_count)
		*ret_count = path.count;
	path_done(&path);
	for (size_t i = 0; i < n; i++)
		forge_free(ders[i]);
	return pr.detail;
}

static bool
begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

enum { ROOT, A, B, C, D, E, LEAF, OTHER };

int
main(void)
{
	struct anchors anchors = { 0 }, none = { 0 };
	X509 *root, *root_again, *a, *b, *c, *d, *e, *leaf, *leaf_of_root, *loop_a, *loop_b, *leaf_of_loop, *short_b;
	struct problem pr = { 0 };
	size_t count = 0;

	for (size_t i = 0; i < COUNT_OF(keys); i++)
		keys[i] = EVP_EC_gen("P-256");
	root = cert("Root", ROOT, NULL, ROOT, "basicConstraints=critical,CA:TRUE");
	root_again = cert("Root", ROOT, root, OTHER, NULL); /* another certificate for the name and key of the root */
	a = cert("A", A, root, ROOT, "basicConstraints=critical,CA:TRUE");
	b = cert("B", B, a, A, "basicConstraints=critical,CA:TRUE");
	c = cert("C", C, b, B, "basicConstraints=critical,CA:TRUE");
	d = cert("D", D, c, C, "basicConstraints=critical,CA:TRUE");
	e = cert("E", E, d, D, "basicConstraints=critical,CA:TRUE");
	leaf = cert("Leaf", LEAF, e, E, NULL);
	leaf_of_root = cert("Leaf", LEAF, root, ROOT, NULL);
	short_b = cert("B", B, a, A, "basicConstraints=critical,CA:TRUE,pathlen:0");
	loop_a = cert("LoopA", A, NULL, A, "basicConstraints=critical,CA:TRUE");
	loop_b = cert("LoopB", B, loop_a, A, "basicConstraints=critical,CA:TRUE");
	leaf_of_loop = cert("Leaf", LEAF, loop_b, B, NULL);
	add(&anchors, true, root);

	is_str(check((X509 *[]){ leaf_of_root }, 1, &anchors, &count), "", "a leaf that the root issued");
	is_int(count, 1, "one certificate below the root");
	is_str(check((X509 *[]){ leaf, e, d, c, b, a }, 6, &anchors, &count), "", "five intermediates");
	is_int(count, 6, "six below the root");
	is_str(check((X509 *[]){ leaf, e, d, c, b, a, root }, 7, &anchors, &count), "", "and the root sent along");
	is_int(count, 6, "six below the root");
	is_str(check((X509 *[]){ leaf, e, d, c, b, a, root_again }, 7, &anchors, NULL), "",
		"another certificate of the root's name and key stands for it");
	ok(begins(check((X509 *[]){ root }, 1, &anchors, NULL), "x5c[0]: is the leaf, but a root"), "the root alone");
	ok(begins(check((X509 *[]){ leaf_of_root, root, root }, 3, &anchors, NULL), "x5c[1]: is a root, but"),
		"something behind the root");
	ok(begins(check((X509 *[]){ leaf }, 1, &anchors, NULL), "x5c: no root"), "a leaf without its issuers");
	ok(begins(check((X509 *[]){ leaf, e, d, c, b, a }, 6, &none, NULL), "x5c: no root"), "no roots");
	ok(begins(check((X509 *[]){ leaf }, 0, &anchors, NULL), "x5c: 1 to 16"), "no certificates");

	add(&anchors, false, b);
	add(&anchors, false, a);
	is_str(check((X509 *[]){ leaf, e, d, c }, 4, &anchors, &count), "", "two intermediates from the configuration");
	is_int(count, 6, "six below the root again");
	ok(begins(check((X509 *[]){ leaf, e, d }, 3, &anchors, NULL), "x5c: no root"), "one is in neither");
	add(&anchors, false, c);
	add(&anchors, false, d);
	add(&anchors, false, e);
	ok(begins(check((X509 *[]){ leaf }, 1, &anchors, NULL), "x5c: no root"), "five from the configuration are too many");
	add(&anchors, false, loop_a);
	add(&anchors, false, loop_b);
	ok(begins(check((X509 *[]){ leaf_of_loop }, 1, &anchors, NULL), "x5c: no root"), "configured ones that lead nowhere");
	ok(begins(check((X509 *[]){ leaf, e, d, c, short_b, a }, 6, &anchors, NULL), "x5c[4]: has a path length"),
		"a path length exceeded");

	ok(!anchors_add(&none, true, SPAN(""), &pr) && strstr(pr.detail, "no certificate"), "no text is no roots");
	ok(!anchors_add(&none, true, SPAN("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"), &pr) &&
			strstr(pr.detail, "not a certificate"),
		"a key is no root");
	ok(!anchors_add(&none, true, SPAN("-----BEGIN CERTIFICATE-----\nAAAA\n"), &pr) && strstr(pr.detail, "cannot be read"),
		"a block cut off");
	ok(!anchors_add(&none, true, SPAN("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"), &pr) &&
			begins(pr.detail, "certificate 1: "),
		"a block that is no certificate");
	is_int(none.root_count, 0, "none of that was added");

	X509 *all[] = { root, root_again, a, b, c, d, e, leaf, leaf_of_root, short_b, loop_a, loop_b, leaf_of_loop };
	for (size_t i = 0; i < COUNT_OF(all); i++)
		X509_free(all[i]);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		EVP_PKEY_free(keys[i]);
	anchors_done(&anchors);
	anchors_done(&none);
	return done_testing();
}
