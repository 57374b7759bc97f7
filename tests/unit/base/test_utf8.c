#include "base/mem.h"
#include "base/utf8.h"
#include "tap.h"

static const struct {
	const char *name;
	struct span text;
	size_t prefix;
} cases[] = {
	{ "nothing is well-formed", { "", 0 }, 0 },
	{ "ASCII, DEL and NUL", { "a\x7f\0b", 4 }, 4 },
	{ "long ASCII", { "0123456789abcdefghij", 20 }, 20 },
	{ "U+0080, U+07FF", { "\xc2\x80\xdf\xbf", 4 }, 4 },
	{ "U+0800, U+D7FF, U+E000, U+FFFF",
		{ "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", 12 }, 12 },
	{ "U+10000, U+10FFFF", { "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8 }, 8 },
	{ "a character across a word's end",
		{ "1234567\xe2\x82\xac"
		  "90123456",
			18 },
		18 },
	{ "a lone tail ends it", { "ab\x80", 3 }, 2 },
	{ "overlong of two octets", { "a\xc0\x80", 3 }, 1 },
	{ "overlong of two octets, C1", { "a\xc1\xbf", 3 }, 1 },
	{ "overlong of three octets", { "a\xe0\x9f\xbf", 4 }, 1 },
	{ "overlong of four octets", { "a\xf0\x8f\xbf\xbf", 5 }, 1 },
	{ "surrogate", { "a\xed\xa0\x80", 4 }, 1 },
	{ "above U+10FFFF", { "a\xf4\x90\x80\x80", 5 }, 1 },
	{ "F5", { "a\xf5\x80\x80\x80", 5 }, 1 },
	{ "FF", { "a\xff", 2 }, 1 },
	{ "cut after one of two", { "a\xc3", 2 }, 1 },
	{ "cut after two of three", { "a\xe2\x82", 3 }, 1 },
	{ "cut after three of four", { "a\xf0\x9f\x98", 4 }, 1 },
	{ "ASCII where a tail belongs", { "a\xe2\x41\xac", 4 }, 1 },
};

static const struct {
	const char *name;
	struct span text;
	bool want;
} texts[] = {
	{ "nothing is text", { "", 0 }, true },
	{ "spaces and signs are text", { " ~,%/", 5 }, true },
	{ "U+00A0 and beyond are text", { "\xc2\xa0\xe2\x82\xac", 5 }, true },
	{ "a NUL is none", { "a\0", 2 }, false },
	{ "a tab is none", { "a\tb", 3 }, false },
	{ "U+001F is none", { "\x1f", 1 }, false },
	{ "DEL is none", { "a\x7f", 2 }, false },
	{ "U+0080 is none", { "\xc2\x80", 2 }, false },
	{ "U+009F is none", { "a\xc2\x9f", 3 }, false },
	{ "a lone tail is none", { "ab\x80", 3 }, false },
	{ "a cut character is none", { "ab\xc2", 3 }, false },
};

int
main(void)
{
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		ok(utf8_is_text(texts[i].text) == texts[i].want, "%s", texts[i].name);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		is_int(utf8_prefix(cases[i].text), cases[i].prefix, "%s", cases[i].name);
	return done_testing();
}
