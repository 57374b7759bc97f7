/* fuzz_chain.c - what a CA calls a chain: what is read is written, and read again as the same. A
 * certificate in DER is taken too, since mutations of base64 rarely reach the certificate. */
#include "pki/cert.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
again(const struct chain *chain)
{
	AUTO_BUF pem = BUF_MAX(1024 * 1024);
	struct chain back = { 0 };

	if (!chain_write_pem(chain, &pem) || !chain_parse(buf_span(&pem), &back, NULL) ||
		back.count != chain->count)
		abort();
	for (size_t i = 0; i < back.count; i++) {
		if (strcmp(back.certs[i]->sha256, chain->certs[i]->sha256) != 0)
			abort();
	}
	chain_done(&back);
}

/* The short way reads what the long way does, and keys that are none: chain_check compares their hash with that of a good one. */
static void
leaf(struct span der)
{
	struct cert *a = NULL, *b = NULL;
	struct problem pr = { 0 }, why = { 0 };
	bool good = cert_parse(der, &a, &pr);

	if (leaf_parse(der, &b, &why) != good && (good || !strstr(pr.detail, "key that cannot be read")))
		abort();
	if (good && (strcmp(a->sha256, b->sha256) != 0 || strcmp(a->key_hash, b->key_hash) != 0 || strcmp(a->certid, b->certid) != 0 ||
			    strcmp(a->serial, b->serial) != 0 || strcmp(a->issuer, b->issuer) != 0 || !idents_same(&a->names, &b->names) ||
			    a->has_other_names != b->has_other_names || a->not_after_unix_s != b->not_after_unix_s))
		abort();
	cert_free(a);
	cert_free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct chain chain = { 0 };
	struct problem pr = { 0 };

	if (size && data[0] == 0x30) {
		leaf(span_of(data, size));
		chain.count = cert_parse(span_of(data, size), &chain.certs[0], &pr);
	} else if (!chain_parse(span_of(data, size), &chain, &pr)) {
		if (chain.count || pr.kind != PROBLEM_SERVER_INTERNAL)
			abort();
	}
	if (chain.count) {
		again(&chain);
		/* for the key and names it has, so that all checks are reached */
		if (chain_check(&chain, chain.certs[0]->key_hash, &chain.certs[0]->names,
			    chain.certs[0]->not_before_unix_s, &pr))
			chain_is_preferred(&chain, "x");
	}
	chain_done(&chain);
	return 0;
}
