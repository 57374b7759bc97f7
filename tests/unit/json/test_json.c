#include "json/json.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "tap.h"

#define T(lit)                                                                                     \
	{                                                                                          \
		(lit), sizeof(lit) - 1                                                             \
	}

static const struct {
	const char *name;
	struct span text;
	const char *detail; /* a part of the problem's */
} refused[] = {
	{ "nothing", T(""), "premature EOF" },
	{ "not even a pointer", { NULL, 0 }, "premature EOF" },
	{ "white space alone", T(" \n\t\r "), "premature EOF" },
	{ "an object cut short", T("{\"a\":1"), "premature EOF" },
	{ "an array cut short", T("[1,2"), "premature EOF" },
	{ "a string cut short", T("\"abc"), "premature EOF" },
	{ "a literal cut short", T("tru"), "not valid JSON" },
	{ "a literal misspelt", T("nul1"), "not valid JSON" },
	{ "capital letters", T("True"), "not valid JSON" },
	{ "two values", T("{}{}"), "trailing garbage" },
	{ "a word behind the value", T("{} x"), "trailing garbage" },
	{ "a comma behind the value", T("[],"), "trailing garbage" },
	{ "NUL behind the value", T("{}\0"), "trailing garbage" },
	{ "two numbers", T("1 2"), "trailing garbage" },
	{ "trailing comma in an array", T("[1,]"), "not valid JSON" },
	{ "trailing comma in an object", T("{\"a\":1,}"), "not valid JSON" },
	{ "leading comma", T("[,1]"), "not valid JSON" },
	{ "missing comma", T("[1 2]"), "not valid JSON" },
	{ "missing colon", T("{\"a\" 1}"), "not valid JSON" },
	{ "name without value", T("{\"a\"}"), "not valid JSON" },
	{ "a number as name", T("{1:2}"), "not valid JSON" },
	{ "a bare word as name", T("{a:2}"), "not valid JSON" },
	{ "wrong closer", T("[1}"), "not valid JSON" },
	{ "single quotes", T("{'a':1}"), "not valid JSON" },
	{ "comment", T("/* c */ {}"), "not valid JSON" },
	{ "line comment", T("{} // c"), "not valid JSON" },
	{ "byte order mark", T("\xef\xbb\xbf{}"), "not valid JSON" },
	{ "UTF-16 with mark", T("\xfe\xff\0{\0}"), "not valid UTF-8 at octet 0" },
	{ "UTF-16 without mark", T("{\0}\0"), "not valid JSON" },
	{ "leading zero", T("01"), "not valid JSON" },
	{ "plus sign", T("+1"), "not valid JSON" },
	{ "minus alone", T("-"), "not valid JSON" },
	{ "no digit before the point", T(".5"), "not valid JSON" },
	{ "no digit after the point", T("1."), "not valid JSON" },
	{ "no digit in the exponent", T("1e"), "not valid JSON" },
	{ "hexadecimal", T("0x10"), "not valid JSON" },
	{ "NaN", T("NaN"), "not valid JSON" },
	{ "Infinity", T("-Infinity"), "not valid JSON" },
	{ "vertical tab as white space", T("\v{}"), "control character" },
	{ "form feed as white space", T("[1,\f2]"), "control character" },
	{ "raw line feed in a string", T("\"a\nb\""), "not valid JSON" },
	{ "raw NUL in a string", T("\"a\0b\""), "not valid JSON" },
	{ "unknown escape", T("\"\\x41\""), "not valid JSON" },
	{ "bad hexadecimal digit", T("\"\\u12g4\""), "not valid JSON" },
	{ "\\u cut short", T("\"\\u12\""), "not valid JSON" },
	{ "backslash at the end", T("\"\\"), "not valid JSON" },
	{ "escaped NUL", T("{\"a\":\"x\\u0000y\"}"), "NUL character" },
	{ "escaped NUL in a name", T("{\"a\\u0000\":1}"), "NUL character" },
	{ "high surrogate alone", T("\"\\ud800\""), "surrogate" },
	{ "high surrogate before a letter", T("\"\\ud800\\u0041\""), "surrogate" },
	{ "high surrogate twice", T("\"\\ud800\\ud800\""), "surrogate" },
	{ "high surrogate, cut short", T("\"\\ud83d\\u"), "surrogate" },
	{ "low surrogate alone", T("\"\\uDC00\""), "surrogate" },
	{ "overlong NUL", T("\"\xc0\x80\""), "not valid UTF-8 at octet 1" },
	{ "overlong slash", T("\"\xe0\x80\xaf\""), "not valid UTF-8" },
	{ "encoded surrogate", T("\"\xed\xa0\x80\""), "not valid UTF-8" },
	{ "beyond U+10FFFF", T("\"\xf4\x90\x80\x80\""), "not valid UTF-8" },
	{ "character cut by the quote", T("\"\xc3\""), "not valid UTF-8" },
	{ "Latin-1", T("{\"name\":\"M\xfcller\"}"), "not valid UTF-8 at octet 10" },
	{ "the same name twice", T("{\"a\":1,\"b\":2,\"a\":3}"), "\"a\" twice" },
	{ "the empty name twice", T("{\"\":1,\"\":2}"), "\"\" twice" },
	{ "a name twice, once escaped", T("{\"a\":1,\"\\u0061\":2}"), "\"a\" twice" },
	{ "a name twice further down", T("[{\"x\":{\"k\":1,\"k\":1}}]"), "\"k\" twice" },
	{ "a name twice among many",
		T("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":"
		  "1,\"k\":1,\"l\":1,"
		  "\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"c\":1,\"r\":1}"),
		"\"c\" twice" },
};

static struct json *
parse(const char *text)
{
	struct problem pr = { 0 };
	struct json *doc = NULL;

	if (!json_parse(span_str(text), "text", NULL, &doc, &pr))
		printf("# %s\n", pr.detail);
	return doc;
}

static void
test_refusals(void)
{
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		struct problem pr = { 0 };
		struct json *untouched = NULL;
		bool good = json_parse(refused[i].text, "text", NULL, &untouched, &pr);

		if (!ok(!good && !untouched && pr.kind == PROBLEM_MALFORMED &&
				    strstr(pr.detail, refused[i].detail) &&
				    strstr(pr.detail, "text") == pr.detail,
			    "refused: %s", refused[i].name))
			printf("# %d %s\n", good, pr.detail);
	}
}

/* "[[[…]]]" of that depth */
static struct span
nested(struct buf *b, unsigned depth)
{
	buf_clear(b);
	for (unsigned i = 0; i < depth; i++)
		buf_addc(b, '[');
	for (unsigned i = 0; i < depth; i++)
		buf_addc(b, ']');
	return buf_span(b);
}

static struct span
ones(struct buf *b, unsigned count)
{
	buf_clear(b);
	for (unsigned i = 0; i < count; i++)
		buf_adds(b, i ? ",1" : "[1");
	buf_addc(b, ']');
	return buf_span(b);
}

/* Is it taken? Where not, the detail must have said why. */
static bool
takes(struct span text, const struct json_limits *limits, const char *detail)
{
	struct problem pr = { 0 };
	struct json *doc = NULL;
	bool good = json_parse(text, "text", limits, &doc, &pr);

	json_free(doc);
	return good || !strstr(pr.detail, detail);
}

static void
test_limits(void)
{
	AUTO_BUF b = BUF_MAX(1 << 20);
	const struct json_limits small = { .depth_max = 2, .nodes_max = 5 };
	const struct json_limits huge = { .depth_max = 100000, .nodes_max = 1 << 20 };

	ok(takes(nested(&b, 16), NULL, ""), "16 levels are taken");
	ok(!takes(nested(&b, 17), NULL, "nested deeper than 16"), "17 levels are refused");
	ok(!takes(nested(&b, 100000), NULL, "nested deeper"), "100 000 levels are refused");
	ok(!takes(nested(&b, 65), &huge, "nested deeper than 64"),
		"no limit lets more than 64 levels pass");
	ok(takes(nested(&b, 2), &small, ""), "a given depth is taken");
	ok(!takes(nested(&b, 3), &small, "nested deeper than 2"), "a given depth is kept");
	ok(takes(ones(&b, 4095), NULL, ""), "4096 values are taken");
	ok(!takes(ones(&b, 4096), NULL, "more than 4096"), "4097 values are refused");
	ok(takes(ones(&b, 4), &small, ""), "a given number of values is taken");
	ok(!takes(ones(&b, 5), &small, "more than 5"), "a given number of values is kept");
	ok(takes(ones(&b, 100000), &huge, ""), "100 000 values where the caller allows it");
}

static void
test_access(void)
{
	struct json *doc = parse(" {\"s\":\"text\",\"e\":\"\",\"u\":\"a\\/"
				 "\\\"\\\\\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00z\","
				 "\"n\":null,\"t\":true,\"f\":false,\"i\":-42,\"o\":{\"x\":[1,{"
				 "\"y\":2},[3]],\"z\":\"\"},\"a\":[\"p\",\"q\"]} ");
	const struct json_node *root = json_root(doc), *o = json_get(root, "o"),
			       *x = json_get(o, "x");
	struct span name = SPAN_NONE, again = SPAN_NONE;
	int64_t v = 7;
	size_t i = 0;

	ok(json_type(root) == JSON_OBJECT && json_count(root) == 9,
		"an object with its members counted");
	ok(span_is(json_text(json_get(root, "s")), "text"), "a string");
	ok(json_text(json_get(root, "e")).p && json_text(json_get(root, "e")).n == 0,
		"an empty string is no absent one");
	ok(span_is(json_text(json_get(root, "u")), "a/\"\\\b\f\n\r\t\xc3\xa9\xf0\x9f\x98\x80z"),
		"all escapes");
	ok(json_type(json_get(root, "n")) == JSON_NULL && json_get(root, "n"), "null is there");
	ok(json_bool(json_get(root, "t"), false) && !json_bool(json_get(root, "f"), true),
		"true and false");
	ok(json_bool(json_get(root, "s"), true) && !json_bool(NULL, false),
		"the fallback of what is no bool");
	ok(json_int(json_get(root, "i"), &v) && v == -42, "an integer");
	ok(json_count(x) == 3 && json_int(json_at(x, 0), &v) && v == 1, "first item");
	ok(json_int(json_get(json_at(x, 1), "y"), &v) && v == 2, "an object in an array");
	ok(json_int(json_at(json_at(x, 2), 0), &v) && v == 3, "an array in an array");
	ok(!json_at(x, 3) && !json_at(x, SIZE_MAX), "no item beyond the last");
	ok(span_is(json_text(json_at(json_get(root, "a"), 1)), "q"), "an item of a plain list");
	ok(json_member(root, 8, &name) == json_get(root, "a") && span_is(name, "a"),
		"members by number");
	ok(!json_member(root, 9, &name) && span_is(name, "a"), "no member beyond the last");
	ok(json_member(o, 1, &name) == json_get(o, "z") && span_is(name, "z"),
		"a member behind a nested one");
	for (const struct json_node *at = NULL; (at = json_next_member(root, at, &name)); i++)
		ok(at == json_member(root, i, &again) && span_eq(name, again), "member %zu by walking", i);
	ok(i == json_count(root) && !json_next_member(x, NULL, &name) && !json_next_member(NULL, NULL, &name),
		"as many as there are, none in arrays");
	ok(!json_get(root, "x") && !json_get(root, "S"),
		"names are exact and not of deeper objects");
	ok(!json_get(x, "y") && !json_at(root, 0) && !json_member(x, 0, &name),
		"no names in arrays, no numbers in objects");
	v = 7;
	ok(!json_int(json_get(root, "s"), &v) && v == 7 && !json_text(json_get(root, "i")).p,
		"wrong types give nothing");
	ok(json_type(NULL) == JSON_NULL && !json_get(NULL, "a") && json_count(NULL) == 0 &&
			!json_at(NULL, 0) && !json_member(NULL, 0, &name) && !json_text(NULL).p &&
			!json_int(NULL, &v) && !json_root(NULL),
		"NULL everywhere");
	json_free(doc);
	json_free(NULL);
}

static void
test_numbers(void)
{
	static const struct {
		const char *text;
		bool is_int;
		int64_t want;
	} cases[] = {
		{ "0", true, 0 },
		{ "-0", true, 0 },
		{ "12", true, 12 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "-9223372036854775808", true, INT64_MIN },
		{ "9223372036854775808", false, 0 },
		{ "-9223372036854775809", false, 0 },
		{ "18446744073709551616", false, 0 },
		{ "123456789012345678901234567890123456789012345678901234567890", false, 0 },
		{ "1.0", false, 0 },
		{ "1e2", false, 0 },
		{ "1E+2", false, 0 },
		{ "1e999999999", false, 0 },
		{ "-1.5e-3", false, 0 },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct json *doc = parse(cases[i].text);
		AUTO_BUF out = BUF_MAX(256);
		int64_t v = 7;

		ok(json_int(json_root(doc), &v) == cases[i].is_int &&
				v == (cases[i].is_int ? cases[i].want : 7),
			"%s %s an integer", cases[i].text, cases[i].is_int ? "is" : "is not");
		json_write(json_root(doc), &out);
		is_str(buf_cstr(&out), strcmp(cases[i].text, "-0") ? cases[i].text : "0",
			"%s is written as read", cases[i].text);
		json_free(doc);
	}
}

static void
test_large_objects(void)
{
	AUTO_BUF b = BUF_MAX(1 << 20);
	struct json *doc = NULL;
	struct problem pr = { 0 };

	buf_addc(&b, '{');
	for (int i = 0; i < 4000; i++)
		buf_addf(&b, "%s\"k%d\":%d", i ? "," : "", i * 7919 % 4001, i);
	buf_addc(&b, '}');
	ok(json_parse(buf_span(&b), "text", NULL, &doc, &pr) && json_count(json_root(doc)) == 4000,
		"4000 members with different names are taken");
	json_free(doc);
	b.n--;
	buf_adds(&b, ",\"k1\":0}");
	ok(!json_parse(buf_span(&b), "text", NULL, &doc, &pr) && strstr(pr.detail, "\"k1\" twice"),
		"and the one doubled name among 4001 is found");
}

static void
test_write(void)
{
	static const char *const same[] = {
		"null",
		"true",
		"false",
		"-1",
		"1.50",
		"\"\"",
		"[]",
		"{}",
		"{\"a\":[1,2,{\"b\":null}],\"c\":{\"\\n\":{}}}",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\\u001f\x7f\"",
		"[[[[\"\xc3\xa9\xf0\x9f\x98\x80\"]]],[]]",
	};

	for (size_t i = 0; i < COUNT_OF(same); i++) {
		struct json *doc = parse(same[i]);
		AUTO_BUF out = BUF_MAX(4096);

		json_write(json_root(doc), &out);
		is_str(buf_cstr(&out), same[i], "read and written again: %s", same[i]);
		json_free(doc);
	}
	{
		struct json *doc = parse("{ \"a\" : [ \"\\u0041\\/\" , 1 ] }");
		AUTO_BUF out = BUF_MAX(4096);
		AUTO_BUF tiny = BUF_MAX(4);

		json_write(json_get(json_root(doc), "a"), &out);
		is_str(buf_cstr(&out), "[\"A/\",1]", "compact, one text for one value");
		json_write(json_root(doc), &tiny);
		ok(!buf_ok(&tiny), "a full buffer says so");
		json_write(NULL, &out);
		is_int(out.n, 8, "nothing is written for nothing");
		json_free(doc);
	}
}

static void
test_owns_its_text(void)
{
	char text[] = "{\"k\":\"value\"}";
	struct problem pr = { 0 };
	struct json *doc = NULL;

	ok(json_parse(span_str(text), "text", NULL, &doc, &pr), "parsed");
	memset(text, 'x', sizeof(text) - 1);
	ok(span_is(json_text(json_get(json_root(doc), "k")), "value"),
		"a document does not borrow from the text");
	json_free(doc);
}

/* One typed read of `text`; the detail of the problem, or "" if all was well. */
#define TYPED(text, ...)                                                                           \
	do {                                                                                       \
		struct json *doc_ = parse(text);                                                   \
		struct problem pr = { 0 };                                                         \
		struct json_obj o = json_obj(json_root(doc_), "payload", &pr);                     \
		__VA_ARGS__                                                                        \
		json_free(doc_);                                                                   \
	} while (0)

static void
test_typed_refusals(void)
{
	TYPED("[1]", {
		ok(!json_ok(&o) && strcmp(pr.detail, "payload is not a JSON object") == 0 &&
				pr.kind == PROBLEM_MALFORMED,
			"not an object");
	});
	TYPED("[1]", {
		json_req_str(&o, "a", 9);
		is_str(pr.detail, "payload is not a JSON object",
			"the first fault is the one that is told");
	});
	TYPED("{}", {
		ok(!json_req_str(&o, "a", 9).p && !json_ok(&o), "required string missing");
		is_str(pr.detail, "\"a\" of the payload is missing", "and said so");
	});
	TYPED("{\"a\":1}", {
		json_req_str(&o, "a", 9);
		is_str(pr.detail, "\"a\" of the payload is not a string", "number for a string");
	});
	TYPED("{\"a\":[\"x\"]}", {
		json_opt_str(&o, "a", 9);
		is_str(pr.detail, "\"a\" of the payload is not a string", "array for a string");
	});
	TYPED("{\"a\":null}", {
		json_opt_str(&o, "a", 9);
		is_str(pr.detail, "\"a\" of the payload is not a string", "null for a string");
	});
	TYPED("{\"a\":\"1234567890\"}", {
		ok(!json_opt_str(&o, "a", 9).p, "a string too long is not handed out");
		is_str(pr.detail, "\"a\" of the payload is too long", "string too long");
	});
	TYPED("{\"a\":\"true\"}", {
		json_opt_bool(&o, "a", true);
		is_str(pr.detail, "\"a\" of the payload is not true or false", "string for a bool");
	});
	TYPED("{\"a\":1.0}", {
		is_int(json_opt_int(&o, "a", 0, 9, 5), 5, "a real is no integer");
		is_str(pr.detail, "\"a\" of the payload is not an integer", "real for an integer");
	});
	TYPED("{\"a\":\"1\"}", {
		json_opt_int(&o, "a", 0, 9, 5);
		is_str(pr.detail, "\"a\" of the payload is not an integer",
			"string for an integer");
	});
	TYPED("{\"a\":10}", {
		is_int(json_opt_int(&o, "a", 0, 9, 5), 5,
			"too large an integer gives the fallback");
		is_str(pr.detail, "\"a\" of the payload is out of range", "integer out of range");
	});
	TYPED("{\"a\":-1}", {
		json_opt_int(&o, "a", 0, 9, 5);
		ok(!json_ok(&o), "integer below the range");
	});
	TYPED("{}", { ok(!json_req_arr(&o, "a", 9) && !json_ok(&o), "required array missing"); });
	TYPED("{\"a\":{}}", {
		json_opt_arr(&o, "a", 9);
		is_str(pr.detail, "\"a\" of the payload is not an array", "object for an array");
	});
	TYPED("{\"a\":[1,2,3]}", {
		ok(!json_req_arr(&o, "a", 2), "an array too long is not handed out");
		is_str(pr.detail, "\"a\" of the payload has too many items", "array too long");
	});
	TYPED("{\"a\":[]}", {
		json_opt_obj(&o, "a");
		is_str(pr.detail, "\"a\" of the payload is not an object", "array for an object");
	});
	TYPED("{\"b\":1,\"a\":2}", {
		json_opt_str(&o, "b", 9);
		json_req_str(&o, "missing", 9);
		is_str(pr.detail, "\"b\" of the payload is not a string",
			"later faults do not replace the first");
	});
}

static void
test_typed(void)
{
	TYPED("{\"s\":\"123456789\",\"e\":\"\",\"b\":false,\"i\":9,\"a\":[1,2],\"o\":{}}", {
		ok(span_is(json_req_str(&o, "s", 9), "123456789"),
			"a string of just the largest size");
		ok(json_req_str(&o, "e", 0).p != NULL, "an empty string where one is required");
		ok(!json_opt_str(&o, "x", 9).p, "an absent string");
		ok(!json_opt_bool(&o, "b", true) && json_opt_bool(&o, "x", true), "bools");
		is_int(json_opt_int(&o, "i", 0, 9, 5), 9, "an integer at the end of the range");
		is_int(json_opt_int(&o, "x", 0, 9, 5), 5, "an absent integer");
		is_int(json_count(json_req_arr(&o, "a", 2)), 2,
			"an array of just the largest size");
		ok(!json_opt_arr(&o, "x", 2) && json_opt_obj(&o, "o") && !json_opt_obj(&o, "x"),
			"optional ones");
		ok(json_ok(&o) && pr.kind == PROBLEM_NONE, "and no fault");
	});
}

int
main(void)
{
	test_refusals();
	test_limits();
	test_access();
	test_numbers();
	test_large_objects();
	test_write();
	test_owns_its_text();
	test_typed();
	test_typed_refusals();
	return done_testing();
}
