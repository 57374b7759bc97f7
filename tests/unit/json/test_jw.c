#include "json/jw.h"

#include "base/mem.h"
#include "tap.h"

static void
test_document(void)
{
	AUTO_BUF b = BUF_MAX(4096);
	struct jw w = jw_to(&b);

	jw_object(&w, NULL);
	jw_str(&w, "status", "ready");
	jw_str(&w, "nothing", NULL);
	jw_span(&w, "span", SPAN("ab"));
	jw_array(&w, "list");
	jw_int(&w, NULL, INT64_MIN);
	jw_int(&w, NULL, INT64_MAX);
	jw_object(&w, NULL);
	jw_end(&w);
	jw_array(&w, NULL);
	jw_end(&w);
	jw_bool(&w, NULL, true);
	jw_null(&w, NULL);
	jw_end(&w);
	jw_bool(&w, "no", false);
	jw_time(&w, "expires", 1893456000);
	jw_raw(&w, "raw", SPAN("{\"x\":[1]}"));
	jw_raw(&w, "no raw", SPAN_NONE);
	ok(!jw_ok(&w), "not complete before the last end");
	jw_end(&w);
	ok(jw_ok(&w), "complete after it");
	is_str(buf_cstr(&b),
		"{\"status\":\"ready\",\"nothing\":null,\"span\":\"ab\",\"list\":[-"
		"9223372036854775808,9223372036854775807,"
		"{},[],true,null],\"no\":false,\"expires\":\"2030-01-01T00:00:00Z\",\"raw\":{\"x\":"
		"[1]},\"no raw\":null}",
		"every kind of value, compact");
}

static void
test_strings(void)
{
	static const struct {
		const char *name;
		struct span text;
		const char *want;
	} cases[] = {
		{ "empty", { "", 0 }, "\"\"" },
		{ "no pointer", { NULL, 0 }, "\"\"" },
		{ "quote, backslash and slash", SPAN("\"\\/"), "\"\\\"\\\\/\"" },
		{ "short escapes", SPAN("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
		{ "other controls, NUL too", { "\0\x01\x1f", 3 }, "\"\\u0000\\u0001\\u001f\"" },
		{ "UTF-8 passes", SPAN("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
			"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "Latin-1 does not", SPAN("M\xfcller"), "\"M\xef\xbf\xbdller\"" },
		{ "surrogate", SPAN("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "cut short", SPAN("a\xe2\x82"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO_BUF b = BUF_MAX(256);
		struct jw w = jw_to(&b);

		jw_span(&w, NULL, cases[i].text);
		ok(jw_ok(&w), "%s: written", cases[i].name);
		is_str(buf_cstr(&b), cases[i].want, "%s", cases[i].name);
	}
	{
		AUTO_BUF b = BUF_MAX(256);
		struct jw w = jw_to(&b);

		jw_object(&w, NULL);
		jw_int(&w, "a\"b", 1);
		jw_end(&w);
		is_str(buf_cstr(&b), "{\"a\\\"b\":1}", "names are escaped too");
	}
}

static void
test_misuse(void)
{
	AUTO_BUF b = BUF_MAX(4096);
	struct jw w = jw_to(&b);

	ok(!jw_ok(&w), "nothing is not a document");
	jw_int(&w, NULL, 1);
	ok(jw_ok(&w), "a number alone is");
	jw_int(&w, NULL, 2);
	ok(!jw_ok(&w), "a second root is refused");

	buf_clear(&b);
	w = jw_to(&b);
	jw_int(&w, "name", 1);
	ok(!jw_ok(&w), "a name at the root is refused");

	buf_clear(&b);
	w = jw_to(&b);
	jw_array(&w, NULL);
	jw_int(&w, "name", 1);
	jw_end(&w);
	ok(!jw_ok(&w), "a name in an array is refused");

	buf_clear(&b);
	w = jw_to(&b);
	jw_object(&w, NULL);
	jw_int(&w, NULL, 1);
	jw_end(&w);
	ok(!jw_ok(&w), "a member without name is refused");

	buf_clear(&b);
	w = jw_to(&b);
	jw_array(&w, NULL);
	jw_end(&w);
	jw_end(&w);
	ok(!jw_ok(&w), "an end too many is refused");

	buf_clear(&b);
	w = jw_to(&b);
	for (int i = 0; i < JW_DEPTH; i++)
		jw_array(&w, NULL);
	for (int i = 0; i < JW_DEPTH; i++)
		jw_end(&w);
	ok(jw_ok(&w), "JW_DEPTH levels are written");

	buf_clear(&b);
	w = jw_to(&b);
	for (int i = 0; i <= JW_DEPTH; i++)
		jw_array(&w, NULL);
	for (int i = 0; i <= JW_DEPTH; i++)
		jw_end(&w);
	ok(!jw_ok(&w), "one more is refused");
}

static void
test_full(void)
{
	/* whatever the ceiling, the answer is right: all or a refusal */
	for (size_t max = 0; max <= 13; max++) {
		AUTO_BUF b = BUF_MAX(max);
		struct jw w = jw_to(&b);

		jw_object(&w, NULL);
		jw_str(&w, "abc", "def");
		jw_end(&w);
		ok(jw_ok(&w) == (max == 13), "ceiling of %zu octets", max);
	}
	{
		AUTO_BUF b = BUF_MAX(64);
		struct jw w;

		buf_adds(&b, "before ");
		w = jw_to(&b);
		jw_null(&w, NULL);
		ok(jw_ok(&w), "written behind what is there");
		is_str(buf_cstr(&b), "before null", "and that stays");
	}
}

int
main(void)
{
	test_document();
	test_strings();
	test_misuse();
	test_full();
	return done_testing();
}
