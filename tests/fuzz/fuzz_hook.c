/* fuzz_hook.c - an answer that is taken has words that can be shown to anybody. */
#include <stdlib.h>

#include "base/utf8.h"
#include "validate/hook_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hook_answer a = { .allow = false };
	struct problem pr = { 0 };
	struct span say;

	if (!hook_answer_parse(span_of(data, size), &a, &pr)) {
		if (pr.kind != PROBLEM_MALFORMED || a.allow || a.say[0])
			abort();
		return 0;
	}
	say = span_str(a.say);
	if (utf8_prefix(say) != say.n || (a.allow && !memmem(data, size, "allow", 5) && !memmem(data, size, "\\u", 2)))
		abort();
	for (size_t i = 0; i < say.n; i++) {
		if ((unsigned char)say.p[i] < 0x20 || say.p[i] == 0x7f)
			abort();
	}
	return 0;
}
