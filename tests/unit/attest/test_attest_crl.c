/* test_attest_crl.c - statements under revocation lists of the CAs that vouch for the device: leaf and
 * issuer on them, lists too old, absent, by somebody else; trust that several sets share. */
#include "json/jw.h"
#include "lab.h"

#define APPLE "1.2.840.113635.100.8."
#define ID "C02ACMEGATE1"

static char serial_ext[160], fresh_ext[160];

static void
finish(const struct form *form, struct model *m, struct span keep[4])
{
	(void)form, (void)m, (void)keep;
}

static void
raw(char *to, const char *oid, const void *value, size_t n)
{
	to += sprintf(to, APPLE "%s=DER:", oid);
	for (size_t i = 0; i < n; i++)
		to += sprintf(to, "%02x", ((const unsigned char *)value)[i]);
}

static struct form
good_form(struct attest_trust *trust)
{
	struct form f = {.fmt = "apple", .leaf = lab_leaf(), .inter = lab_inter(), .in = lab.in};
	unsigned char md[32];

	EVP_Digest(TOKEN, strlen(TOKEN), md, NULL, EVP_sha256(), NULL);
	raw(serial_ext, "9.1", ID, strlen(ID));
	raw(fresh_ext, "11.1", md, sizeof(md));
	f.leaf.exts[0] = serial_ext;
	f.leaf.exts[1] = fresh_ext;
	f.in.trust = trust;
	return f;
}

/* The lab's root and, as one that was configured, its intermediate. */
static struct attest_trust *
new_trust(bool with_inter)
{
	struct attest_trust *trust = attest_trust_new();
	AUTO_BUF pem = BUF_MAX(1 << 16);
	struct problem pr = {0};

	lab_trust(trust, lab.root);
	forge_pem(&pem, lab.inter);
	if (with_inter && !attest_trust_add_intermediates(trust, ATTEST_APPLE, buf_span(&pem), &pr))
		abort();
	return trust;
}

static struct forge_crl
root_crl(void)
{
	return (struct forge_crl){.issuer = lab.root,
		.key = lab.root_key,
		.this_unix_s = NOW - DAY,
		.next_unix_s = NOW + 10 * DAY};
}

static struct forge_crl
inter_crl(void)
{
	return (struct forge_crl){.issuer = lab.inter,
		.key = lab.inter_key,
		.this_unix_s = NOW - DAY,
		.next_unix_s = NOW + DAY};
}

static bool
add(struct attest_trust *trust, const struct forge_crl *f, struct problem *pr)
{
	struct span der = forge_crl_der(f);
	bool good = attest_trust_add_crls(trust, ATTEST_APPLE, der, pr);

	forge_free(der);
	return good;
}

/* Both lists, one of them perhaps another. */
static struct attest_trust *
listed(const struct forge_crl *root, const struct forge_crl *inter)
{
	struct attest_trust *trust = new_trust(true);
	struct problem pr = {0};

	if (!add(trust, root, &pr) || !add(trust, inter, &pr)) {
		printf("Bail out! %s\n", pr.detail);
		exit(1);
	}
	return trust;
}

static void
test_verdicts(void)
{
	struct forge_crl root = root_crl(), inter = inter_crl();
	struct attest_trust *trust = listed(&root, &inter);
	struct form f = good_form(trust);

	form_accepted(&f, finish, "on no list");
	attest_trust_free(trust);
	inter.serials[0] = "0x10";
	f.in.trust = trust = listed(&root, &inter);
	form_refused(&f, finish, "the leaf on its issuer's list", "x5c[0]: serial 10 is revoked");
	attest_trust_free(trust);
	inter = inter_crl();
	root.serials[0] = "0x1234";
	f.in.trust = trust = listed(&root, &inter);
	form_refused(&f, finish, "the intermediate on the root's list", "x5c[1]: serial 1234 is revoked");
	attest_trust_free(trust);
	root.serials[0] = "0x10";
	inter.serials[0] = "0x1234";
	f.in.trust = trust = listed(&root, &inter);
	form_accepted(&f, finish, "their serials on each other's list");
	attest_trust_free(trust);
}

/* Nothing can be said: our fault, not the device's. */
static void
undecided(struct attest_trust *trust, int64_t now, const char *what)
{
	struct form f = good_form(trust);
	struct attest_facts facts;
	struct problem pr;

	f.in.now_unix_s = now;
	ok(!form_verify(&f, finish, &facts, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL &&
			strstr(pr.cause, "no revocation list in force"),
		"%s: undecided, %s", what, pr.cause);
}

static void
test_age(void)
{
	struct forge_crl root = root_crl(), inter = inter_crl();
	struct attest_trust *trust;
	struct problem pr = {0};
	int64_t until = 0;
	struct form f;

	root.next_unix_s = NOW - 1;
	trust = listed(&root, &inter);
	undecided(trust, NOW, "the root's list is too old");
	ok(attest_trust_check_crls(trust, ATTEST_APPLE, &until, &pr) && until == NOW - 1, "and that is told");
	root = root_crl();
	ok(add(trust, &root, &pr), "a newer one beside it is taken");
	f = good_form(trust);
	form_accepted(&f, finish, "and counts");
	ok(attest_trust_check_crls(trust, ATTEST_APPLE, &until, &pr) && until == NOW + DAY, "until the first of them is too old");
	attest_trust_free(trust);
	inter.this_unix_s = NOW + 1;
	trust = listed(&root, &inter);
	undecided(trust, NOW, "the issuer's list is of tomorrow");
	attest_trust_free(trust);
}

static void
test_whose(void)
{
	struct forge_crl root = root_crl(), inter = inter_crl();
	struct attest_trust *trust = new_trust(true);
	struct problem pr = {0};
	int64_t until = 0;

	ok(attest_trust_check_crls(trust, ATTEST_APPLE, &until, &pr) && until == INT64_MAX, "without lists none is asked for");
	ok(add(trust, &root, &pr) && !attest_trust_check_crls(trust, ATTEST_APPLE, &until, &pr) && strstr(pr.detail, "CN=Inter"),
		"with one each issuer must have one: %s", pr.detail);
	undecided(trust, NOW, "the issuer has none");
	inter.key = lab.other_key;
	ok(!add(trust, &inter, &pr) && strstr(pr.detail, "no root or intermediate signed"), "a list by another key: %s", pr.detail);
	attest_trust_free(trust);
	/* a device's own intermediate, genuine as it is, is none whose list is known */
	trust = new_trust(false);
	ok(add(trust, &root, &pr) && attest_trust_check_crls(trust, ATTEST_APPLE, &until, &pr), "the root alone has one");
	undecided(trust, NOW, "an intermediate that only the device has");
	attest_trust_free(trust);
}

static void
test_sharing(void)
{
	struct attest_trust *one = new_trust(true), *both = attest_trust_new();
	struct form f;

	f = good_form(both);
	form_refused(&f, finish, "no trust", "fmt: ");
	attest_trust_share(both, one);
	attest_trust_share(both, one);
	attest_trust_free(one);
	form_accepted(&f, finish, "trust that is shared outlives who had it first");
	attest_trust_free(both);
}

static void
test_facts(void)
{
	struct attest_trust *trust = new_trust(true);
	struct form f = good_form(trust);
	AUTO_BUF object = BUF_MAX(1 << 17), text = BUF_MAX(1 << 16);
	struct attest_facts facts;
	struct problem pr;
	enum attest_format format;
	struct jw w = jw_to(&text);

	form_object(&f, finish, &object);
	ok(attest_object_format(buf_span(&object), &format) && format == ATTEST_APPLE, "what a statement says it is");
	ok(!attest_object_format(SPAN("\xa0"), &format) && !attest_object_format(SPAN_NONE, &format), "and what is none");
	if (!ok(form_verify(&f, finish, &facts, &pr), "it is good"))
		return;
	jw_object(&w, NULL);
	attest_facts_write(&facts, &w);
	jw_end(&w);
	ok(jw_ok(&w) && strstr(buf_cstr(&text), "{\"format\":\"apple\",\"protection\":\"secure-enclave\",\"identifiers\":[{"
						"\"type\":\"permanent-identifier\",\"value\":\"" ID "\"}]") &&
			strstr(buf_cstr(&text), "\"serial\":\"10\"") && strstr(buf_cstr(&text), facts.sha256),
		"what it proves is written: %s", buf_cstr(&text));
	ok(!strstr(buf_cstr(&text), "patch") && !strstr(buf_cstr(&text), "locked") && !strstr(buf_cstr(&text), "policy"),
		"and nothing that it does not say");
	attest_facts_done(&facts);
	attest_trust_free(trust);
}

int
main(void)
{
	lab_init(ATTEST_APPLE, ID);
	test_verdicts();
	test_age();
	test_whose();
	test_sharing();
	test_facts();
	lab_done();
	return done_testing();
}
