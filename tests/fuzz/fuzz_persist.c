/* fuzz_persist.c - records of dns-persist-01: an octet of flags (wide), then RDATA after RDATA with its length in an octet before it. */
#include <stdlib.h>

#include "validate/issue_value.h"
#include "validate/persist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *names[] = { "pki.corp.test" };
	static const struct conf_strings issuers = { .list = names, .count = 1 };
	struct persist_ask ask = { &issuers, "https://gate.test/acct/me", size && data[0] & 1, 1800000000 };
	struct span rest = size ? span_of(data + 1, size - 1) : SPAN_NONE, rdata[16];
	enum persist_verdict verdict;
	struct problem pr = { 0 };
	struct issue_value v;
	int64_t until = 0;
	size_t count = 0;

	while (rest.n && count < 16) {
		size_t n = (unsigned char)rest.p[0];

		rest = span_from(rest, 1);
		rdata[count++] = span_of(rest.p, n < rest.n ? n : rest.n);
		rest = span_from(rest, n);
	}
	verdict = persist_judge(rdata, count, "device.test", &ask, &until, &pr);
	if (verdict == PERSIST_REFUSED ? pr.kind != PROBLEM_MALFORMED && pr.kind != PROBLEM_UNAUTHORIZED : pr.kind != PROBLEM_NONE)
		abort();
	if (verdict == PERSIST_PROVEN && until < ask.now_unix_s)
		abort();
	/* the reader gets to an end, by less and less */
	if (count && issue_value_parse(rdata[0], &v)) {
		struct span tag, value;
		size_t before = v.rest.n;

		while (issue_value_next(&v, &tag, &value) == ISSUE_PARAMETER) {
			if (tag.n == 0 || v.rest.n >= before)
				abort();
			before = v.rest.n;
		}
	}
	return 0;
}
