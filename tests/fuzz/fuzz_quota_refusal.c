/* fuzz_quota_refusal.c - what is read of a refusal is a rate that can be counted with, and a subject of a name's letters. */
#include <stdlib.h>

#include "base/mem.h"
#include "quota/quota.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct quota_refusal r;
	enum quota_kind kind;
	struct gcra g;
	int64_t s;

	if (quota_refusal_read(text, &r)) {
		if (r.kind >= QUOTA_KIND__COUNT || strlen(r.subject) >= sizeof(r.subject) || strpbrk(r.subject, "\" \n\\%"))
			abort();
		if (r.rate.count && (r.rate.count != r.rate.burst || !gcra_make(r.rate.count, 1, r.rate.period_s, &g)))
			abort();
	}
	if (quota_duration_read(text, &s) && (s < 0 || s > INT64_C(3650) * 86400))
		abort();
	if (quota_kind_parse(text, &kind) && !span_is(text, quota_kind_name(kind)))
		abort();
	return 0;
}
