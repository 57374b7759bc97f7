/* fuzz_caa.c - CAA records: an octet of flags (wildcard, method), then RDATA after RDATA with its length in an octet before it. */
#include <stdlib.h>

#include "validate/caa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *names[] = { "ca.test" };
	static const struct conf_strings issuers = { .list = names, .count = 1 };
	struct caa_ask ask = { "device.test", size && data[0] & 1, &issuers, "https://gate.test/acct/me", size && data[0] & 2 ? "dns-01" : "http-01" };
	struct span rest = size ? span_of(data + 1, size - 1) : SPAN_NONE, rdata[16];
	struct problem pr = { 0 };
	size_t count = 0;
	bool good;

	while (rest.n && count < 16) {
		size_t n = (unsigned char)rest.p[0];

		rest = span_from(rest, 1);
		rdata[count++] = span_of(rest.p, n < rest.n ? n : rest.n);
		rest = span_from(rest, n);
	}
	good = caa_judge(rdata, count, "test", &ask, &pr);
	if (good ? pr.kind != PROBLEM_NONE : pr.kind != PROBLEM_CAA || !pr.detail[0])
		abort();
	return 0;
}
