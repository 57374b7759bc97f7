/* test_hook_answer.c - what a hook may answer, and what is no answer. */
#include "validate/hook_answer.h"

#include "base/buf.h"
#include "tap.h"

static const struct {
	const char *name, *in;
	bool allow;
	const char *say;
} good[] = {
	{ "yes", "{\"allow\":true}", true, "" },
	{ "no", "{\"allow\": false}\n", false, "" },
	{ "no, and why", "{\"allow\":false,\"say\":\"ask Ann\"}", false, "ask Ann" },
	{ "words of other alphabets", "{\"say\":\"\xc3\xa9\xe6\xb0\xb4\",\"allow\":false}", false, "\xc3\xa9\xe6\xb0\xb4" },
	{ "other members", "{\"allow\":true,\"x\":{\"allow\":false},\"y\":[1]}", true, "" },
};

static const struct {
	const char *name, *in;
	const char *detail; /* a part of it */
} bad[] = {
	{ "nothing", "", "is not valid JSON" },
	{ "no JSON", "yes", "is not valid JSON" },
	{ "two answers", "{\"allow\":true}{\"allow\":true}", "is not valid JSON" },
	{ "no object", "true", "is not a JSON object" },
	{ "an array", "[{\"allow\":true}]", "is not a JSON object" },
	{ "no word", "{}", "neither true nor false" },
	{ "text", "{\"allow\":\"true\"}", "neither true nor false" },
	{ "a number", "{\"allow\":1}", "neither true nor false" },
	{ "null", "{\"allow\":null}", "neither true nor false" },
	{ "both", "{\"allow\":true,\"allow\":false}", "" },
	{ "words that are none", "{\"allow\":true,\"say\":7}", "is not a string" },
	{ "a line end", "{\"allow\":false,\"say\":\"a\\nb\"}", "control character" },
	{ "an escape", "{\"allow\":false,\"say\":\"a\\u001b[31m\"}", "control character" },
	{ "DEL", "{\"allow\":false,\"say\":\"\\u007f\"}", "control character" },
	{ "a C1 control character", "{\"allow\":false,\"say\":\"\\u009b31m\"}", "control character" },
	{ "NUL", "{\"allow\":false,\"say\":\"\\u0000\"}", "NUL" },
	{ "Latin-1", "{\"allow\":false,\"say\":\"\xe9\"}", "UTF-8" },
};

static void
test_sizes(void)
{
	AUTO_BUF text = BUF_MAX(64 * 1024);
	struct hook_answer a;
	struct problem pr = { 0 };

	for (int n = 400; n <= 401; n++) {
		buf_clear(&text);
		buf_addf(&text, "{\"allow\":false,\"say\":\"%0*d\"}", n, 0);
		ok(hook_answer_parse(buf_span(&text), &a, &pr) == (n == 400), "%d octets of words", n);
	}
	for (int n = HOOK_ANSWER_MAX; n <= HOOK_ANSWER_MAX + 1; n++) {
		buf_clear(&text);
		buf_addf(&text, "{\"allow\":true%*s}", n - 14, "");
		is_int(text.n, n, "%d octets", n);
		ok(hook_answer_parse(buf_span(&text), &a, &pr) == (n == HOOK_ANSWER_MAX), "  as an answer");
	}
}

int
main(void)
{
	struct hook_answer a;

	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct problem pr = { 0 };

		ok(hook_answer_parse(span_str(good[i].in), &a, &pr) && a.allow == good[i].allow, "%s", good[i].name);
		is_str(a.say, good[i].say, "  and its words");
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct problem pr = { 0 };

		a = (struct hook_answer){ .say = "untouched" };
		ok(!hook_answer_parse(span_str(bad[i].in), &a, &pr) && pr.kind == PROBLEM_MALFORMED, "%s is no answer", bad[i].name);
		if (!ok(strstr(pr.detail, bad[i].detail) && !a.allow && strcmp(a.say, "untouched") == 0, "  which is said, and nothing else"))
			printf("# %s\n", pr.detail);
	}
	test_sizes();
	return done_testing();
}
