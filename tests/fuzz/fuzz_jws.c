/* fuzz_jws - the envelope of a request, with either policy, verified by the key it brings along or
 * by a fixed one. A second form, so that mutations reach the header: input that does not begin with
 * '{' is taken as protected header, line feed, payload, line feed, signature, and put into an
 * envelope. */
#include <stdlib.h>

#include "base/buf.h"
#include "jose/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char fixed_key[] =
	"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";

static void
one(struct span text, bool allow_mac)
{
	static struct jwk *fixed;
	struct problem pr = { 0 };
	struct jws jws;
	struct jwk *own = NULL;

	if (!fixed && !jwk_parse_text(span_str(fixed_key), &fixed, &pr))
		abort();
	if (!jws_parse(text, allow_mac, &jws, &pr)) {
		if (pr.kind != PROBLEM_MALFORMED &&
			(allow_mac || pr.kind != PROBLEM_BAD_SIGNATURE_ALGORITHM))
			abort();
		jws_done(&jws);
		return;
	}
	if (jwa_is_mac(jws.alg) != allow_mac)
		abort();
	if (jws.jwk && jwk_parse(jws.jwk, jws.alg_name, &own, &pr) &&
		jws_verify(&jws, own->key, &pr) && allow_mac)
		abort();
	if (!jws_verify(&jws, fixed->key, &pr) && pr.kind == PROBLEM_SERVER_INTERNAL)
		abort();
	jwk_free(own);
	jws_done(&jws);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size), header = SPAN_NONE, payload = SPAN_NONE;
	AUTO_BUF input = BUF_MAX(2 * size + 16), whole = BUF_MAX(4 * size + 128);

	if (size > 0 && data[0] != '{') {
		span_cut(&text, '\n', &header);
		span_cut(&text, '\n', &payload);
		jws_input_write(&input, header, payload);
		jws_assemble(&whole, buf_span(&input), text);
		text = buf_span(&whole);
	}
	one(text, false);
	one(text, true);
	return 0;
}
