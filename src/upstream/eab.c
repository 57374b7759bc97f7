/* eab.c - see eab.h. */
#include "upstream/eab.h"

bool
eab_input(struct buf *out, enum jwa alg, const char *kid, const char *url, struct span account_jwk,
	struct problem *pr)
{
	AUTO_BUF header = BUF_MAX(8 * 1024);

	if (!jwa_is_mac(alg))
		return problem_internal(
			pr, "an external account binding is a MAC, not %s", jwa_name(alg));
	if (!jws_header_write(&header, jwa_name(alg), SPAN_NONE, kid, NULL, url) ||
		!jws_input_write(out, buf_span(&header), account_jwk))
		return problem_internal(pr, "the external account binding is too long");
	return true;
}

bool
eab_assemble(struct buf *out, struct span input, struct span mac)
{
	return jws_assemble(out, input, mac);
}
