/* fuzz_jwk - a client's key: nothing crashes, and a key that is taken has one canonical text and
 * one thumbprint. */
#include <stdlib.h>

#include "base/buf.h"
#include "jose/jwk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem pr = { 0 };
	struct jwk *jwk = NULL, *again = NULL;
	AUTO_BUF text = BUF_MAX(4096);

	if (!jwk_parse_text(span_of(data, size), &jwk, &pr)) {
		if (pr.kind != PROBLEM_MALFORMED && pr.kind != PROBLEM_BAD_PUBLIC_KEY)
			abort();
		return 0;
	}
	if (!jwk_write(jwk, &text) || !jwk_parse_text(buf_span(&text), &again, &pr) ||
		strcmp(jwk->thumbprint, again->thumbprint) != 0)
		abort();
	jwk_free(jwk);
	jwk_free(again);
	return 0;
}
