/* attest.c - bench_attest: statements of each format verified, as often as one core can, beside the
 * signatures in them alone, by keys and certificates that were read before: what OpenSSL makes of
 * the machine. Nothing here passes or fails by time.
 *
 *   bench_attest [SECONDS]      for each line, 1 by default */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "attest/format.h"
#include "bench.h"
#include "model.h"
#include "vector.h"

static const char *const files[] = {"tpm-swtpm/ok-ecc-ak-p256.json",
	"tpm-swtpm/ok-rsa-ak-p256.json", "tpm/tpm-intel-icl.json", "apple/standin-apple-good.json",
	"android-key/standin-android-key-good.json", "android-key/android-key-rkp-2025.json",
	"step/standin-step-good.json", "packed/packed-yubikey5-a.json"};

struct bare {
	const struct statement *st;
	struct span sig, data; /* the statement's own; n = 0: none */
	const char *md;
	unsigned signatures;
};

static void
fresh(const struct vector *v)
{
	struct attest_facts facts;
	struct problem pr = {0};

	if (!attest_verify(&v->in, &facts, &pr))
		die("%s: %s", v->file, pr.detail);
	attest_facts_done(&facts);
}

static void
signatures(struct bare *bare)
{
	const struct path *path = &bare->st->path;

	bare->signatures = 0;
	for (size_t i = 0; i < path->count; i++) {
		EVP_PKEY *issuer = i + 1 < path->count ? path->certs[i + 1]->key : path->root->key;

		if (X509_verify(path->certs[i]->x509, issuer) != 1)
			die("a signature of a chain");
		bare->signatures++;
	}
	if (bare->sig.n) {
		if (!signature_verifies(bare->md, path->certs[0]->key, bare->sig, bare->data))
			die("a signature of a statement");
		bare->signatures++;
	}
}

/* The signature as EVP takes it, and what it signs. */
static void
find_signature(struct bare *bare, const struct vector *v, struct model *m)
{
	const struct cose_alg *alg;
	struct problem pr = {0};
	struct cbor inner;

	if (v->format == ATTEST_APPLE)
		return;
	if (!stmt_alg(bare->st, &alg, &pr))
		die("%s", pr.detail);
	bare->md = alg->md;
	bare->sig = model_get(m, "sig")->data;
	bare->data = bare->st->data;
	if (v->format == ATTEST_STEP && cbor_parse(bare->sig, PROBLEM_MALFORMED, &inner, &pr))
		bare->sig = inner.data;
	if (v->format == ATTEST_TPM)
		bare->data = model_get(m, "certInfo")->data;
}

/* TPMT_SIGNATURE's inside as a bare signature, in `der`. */
static void
unwrap_tpm(struct bare *bare, unsigned char der[128])
{
	const unsigned char *p = (const unsigned char *)bare->sig.p;
	unsigned char *to = der;
	ECDSA_SIG *pair;
	size_t n;

	if (p[0] != 0 || p[1] == 0x14) {
		if (p[0] == 0)
			bare->sig = span_from(bare->sig, 6);
		return;
	}
	n = (size_t)(p[4] << 8 | p[5]);
	pair = ECDSA_SIG_new();
	ECDSA_SIG_set0(pair, BN_bin2bn(p + 6, (int)n, NULL),
		BN_bin2bn(p + 8 + n, (int)(bare->sig.n - 8 - n), NULL));
	bare->sig = span_of(der, (size_t)i2d_ECDSA_SIG(pair, &to));
	ECDSA_SIG_free(pair);
}

/* Calls per second of CPU, in as many rounds as fill the time; both alternate, so that whatever
 * else the machine does befalls both. */
static void
measure(const struct vector *v, struct bare *bare, double seconds, double *ret_whole,
	double *ret_bare)
{
	int64_t whole_ns = 0, bare_ns = 0, until = wall_ns() + (int64_t)(seconds * 1e9);
	unsigned rounds = 0;

	do {
		int64_t at = cpu_thread_ns(), between;

		for (unsigned i = 0; i < 20; i++)
			fresh(v);
		between = cpu_thread_ns();
		for (unsigned i = 0; i < 20; i++)
			signatures(bare);
		whole_ns += between - at;
		bare_ns += cpu_thread_ns() - between;
		rounds += 20;
	} while (wall_ns() < until);
	*ret_whole = rounds * 1e9 / (double)whole_ns;
	*ret_bare = rounds * 1e9 / (double)bare_ns;
}

static void
line(const char *file, double seconds)
{
	struct bare bare = {0};
	struct statement st = {0};
	struct problem pr = {0};
	unsigned char der[128];
	struct vector v;
	struct model m;
	double whole, alone;

	if (!vector_load(file, &v) || !model_read(v.in.object, &m))
		die("%s", file);
	st.in = &v.in;
	bare.st = &st;
	if (!stmt_verify(&st, &pr))
		die("%s: %s", file, pr.detail);
	find_signature(&bare, &v, &m);
	if (v.format == ATTEST_TPM)
		unwrap_tpm(&bare, der);
	measure(&v, &bare, seconds, &whole, &alone);
	printf("  %-40s %10u | %9.0f %9.1f | %9.0f %9.1f | %5.2fx\n", file, bare.signatures, whole,
		1e6 / whole, alone, 1e6 / alone, alone / whole);
	fflush(stdout);
	attest_facts_done(&st.facts);
	path_done(&st.path);
	vector_done(&v);
}

int
main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1;

	printf("Attestation statements, one core\n");
	printf("  %-40s %10s | %9s %9s | %9s %9s | %6s\n", "statement", "signatures", "verified/s",
		"CPU us", "bare/s", "CPU us", "ratio");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		line(files[i], seconds);
	return 0;
}
