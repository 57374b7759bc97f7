/* test_cbor.c - the strict CBOR reader: RFC 8949's examples that are of our kinds, and each
 * refusal. */
#include "cbor/cbor.h"

#include <stdlib.h>

#include "base/buf.h"
#include "tap.h"

static const struct {
	const char *name;
	struct span in;
	enum cbor_type type;
	int64_t value;
} good[] = {
	{"0", SPAN("\x00"), CBOR_UINT, 0},
	{"23", SPAN("\x17"), CBOR_UINT, 23},
	{"24", SPAN("\x18\x18"), CBOR_UINT, 24},
	{"1000", SPAN("\x19\x03\xe8"), CBOR_UINT, 1000},
	{"1000000", SPAN("\x1a\x00\x0f\x42\x40"), CBOR_UINT, 1000000},
	{"1000000000000", SPAN("\x1b\x00\x00\x00\xe8\xd4\xa5\x10\x00"), CBOR_UINT, 1000000000000},
	{"-1", SPAN("\x20"), CBOR_NINT, -1},
	{"-257", SPAN("\x39\x01\x00"), CBOR_NINT, -257},
	{"-65535", SPAN("\x39\xff\xfe"), CBOR_NINT, -65535},
	{"least int64", SPAN("\x3b\x7f\xff\xff\xff\xff\xff\xff\xff"), CBOR_NINT, INT64_MIN},
	{"no bytes", SPAN("\x40"), CBOR_BYTES, 0},
	{"bytes", SPAN("\x44\x01\x02\x03\x04"), CBOR_BYTES, 4},
	{"text", SPAN("\x64IETF"), CBOR_TEXT, 4},
	{"text of UTF-8", SPAN("\x63\xe6\xb0\xb4"), CBOR_TEXT, 3},
	{"no items", SPAN("\x80"), CBOR_ARRAY, 0},
	{"nested arrays", SPAN("\x83\x01\x82\x02\x03\x82\x04\x05"), CBOR_ARRAY, 3},
	{"no members", SPAN("\xa0"), CBOR_MAP, 0},
	{"keys in any order",
		SPAN("\xa2\x61"
		     "b\x01\x61"
		     "a\x02"),
		CBOR_MAP, 2},
	{"seven arrays and a number", SPAN("\x81\x81\x81\x81\x81\x81\x81\x00"), CBOR_ARRAY, 1},
};

static const struct {
	const char *name;
	struct span in;
	const char *detail; /* a part of it */
} refused[] = {
	{"nothing", SPAN(""), "ends early"},
	{"an argument cut off", SPAN("\x19\x03"), "ends early"},
	{"0 in two octets", SPAN("\x18\x00"), "shortest"},
	{"23 in two octets", SPAN("\x18\x17"), "shortest"},
	{"255 in three", SPAN("\x19\x00\xff"), "shortest"},
	{"65535 in five", SPAN("\x1a\x00\x00\xff\xff"), "shortest"},
	{"2^32-1 in nine", SPAN("\x1b\x00\x00\x00\x00\xff\xff\xff\xff"), "shortest"},
	{"a length not in its shortest form", SPAN("\x58\x01\x00"), "shortest"},
	{"reserved 28", SPAN("\x1c"), "reserved"},
	{"reserved 30", SPAN("\x5e"), "reserved"},
	{"bytes of indefinite length", SPAN("\x5f\x41\x00\xff"), "indefinite"},
	{"text of indefinite length",
		SPAN("\x7f\x61"
		     "a\xff"),
		"indefinite"},
	{"an array of indefinite length", SPAN("\x9f\x01\xff"), "indefinite"},
	{"a map of indefinite length",
		SPAN("\xbf\x61"
		     "a\x01\xff"),
		"indefinite"},
	{"a tag", SPAN("\xc1\x00"), "tag"},
	{"false", SPAN("\xf4"), "simple"},
	{"null", SPAN("\xf6"), "simple"},
	{"a float", SPAN("\xf9\x3c\x00"), "float"},
	{"break alone", SPAN("\xff"), "simple"},
	{"bytes cut off", SPAN("\x44\x01\x02\x03"), "longer than the input"},
	{"bytes of 2^64-1", SPAN("\x5b\xff\xff\xff\xff\xff\xff\xff\xff"), "longer than the input"},
	{"text cut off",
		SPAN("\x62"
		     "a"),
		"longer than the input"},
	{"text that is not UTF-8", SPAN("\x61\xff"), "UTF-8"},
	{"a surrogate", SPAN("\x63\xed\xa0\x80"), "UTF-8"},
	{"an array of 2^28", SPAN("\x9a\x10\x00\x00\x00\x00"), "too many"},
	{"a map of 2^64-1", SPAN("\xbb\xff\xff\xff\xff\xff\xff\xff\xff"), "too many"},
	{"an array cut off", SPAN("\x82\x01"), "ends early"},
	{"a map cut off behind a key",
		SPAN("\xa1\x61"
		     "a"),
		"ends early"},
	{"a key twice",
		SPAN("\xa2\x61"
		     "a\x01\x61"
		     "a\x02"),
		"key \"a\" twice"},
	{"an inner key twice",
		SPAN("\x81\xa2\x61"
		     "a\x01\x61"
		     "a\x01"),
		"key \"a\" twice"},
	{"an integer as key", SPAN("\xa1\x01\x02"), "not text"},
	{"bytes as key",
		SPAN("\xa1\x41"
		     "a\x02"),
		"not text"},
	{"nine levels", SPAN("\x81\x81\x81\x81\x81\x81\x81\x81\x00"), "too deep"},
	{"nine levels of maps",
		SPAN("\xa1\x60\xa1\x60\xa1\x60\xa1\x60\xa1\x60\xa1\x60\xa1\x60\xa1\x60\x00"),
		"too deep"},
	{"an octet behind", SPAN("\x00\x00"), "1 octets behind"},
	{"JSON", SPAN("{}"), "ends early"},
};

static void
test_members(void)
{
	/* {"fmt": "x", "n": -7, "in": {"a": [1, h'0203', {"b": []}]}, "z": 5} */
	struct span in = SPAN("\xa4\x63"
			      "fmt\x61x\x61n\x26\x62in\xa1\x61"
			      "a\x83\x01\x42\x02\x03\xa1\x61"
			      "b\x80\x61z\x05");
	struct problem pr = {0};
	struct cbor map, item, inner, at;
	int64_t n = 0;

	ok(cbor_parse(in, PROBLEM_MALFORMED, &map, &pr), "a map with all kinds in it: %s",
		pr.detail);
	ok(cbor_get(&map, "fmt", &item) && item.type == CBOR_TEXT && span_is(item.data, "x"),
		"text member");
	ok(cbor_get(&map, "n", &item) && cbor_int(&item, &n) && n == -7, "integer member");
	ok(cbor_get(&map, "z", &item) && cbor_int(&item, &n) && n == 5,
		"a member behind a nested one");
	ok(!cbor_get(&map, "a", &item), "a member of an inner map is none of the outer");
	ok(cbor_get(&map, "in", &inner) && cbor_get(&inner, "a", &item) && item.type == CBOR_ARRAY,
		"an inner array");
	ok(cbor_at(&item, 1, &at) && at.type == CBOR_BYTES && span_is(at.data, "\x02\x03"),
		"its second item");
	ok(cbor_at(&item, 2, &at) && at.type == CBOR_MAP && at.data.n == 3,
		"its third, a map, with its octets");
	ok(!cbor_at(&item, 3, &at) && !cbor_at(&inner, 0, &at),
		"no item behind the end, none of a map");
	ok(!cbor_int(&inner, &n) && !cbor_get(&item, "b", &at),
		"other types are neither integers nor maps");
}

static void
test_limits(void)
{
	AUTO_BUF b = BUF_MAX(2 * CBOR_MAX_BYTES);
	struct problem pr = {0};
	struct cbor item;
	int64_t n;

	buf_addc(&b, (char)0x98);
	buf_addc(&b, CBOR_MAX_MEMBERS);
	for (int i = 0; i < CBOR_MAX_MEMBERS; i++)
		buf_addc(&b, 0);
	ok(cbor_parse(buf_span(&b), PROBLEM_MALFORMED, &item, &pr), "as many items as are allowed");
	b.p[1] = CBOR_MAX_MEMBERS + 1;
	buf_addc(&b, 0);
	ok(!cbor_parse(buf_span(&b), PROBLEM_MALFORMED, &item, &pr), "one more");
	buf_clear(&b);
	buf_add(&b, "\x59\xff\xfc", 3);
	while (b.n < 3 + 0xfffc)
		buf_addc(&b, 'x');
	ok(cbor_parse(buf_span(&b), PROBLEM_MALFORMED, &item, &pr) && item.data.n == 0xfffc,
		"bytes up to the limit");
	buf_clear(&b);
	buf_add(&b, "\x5a\x00\x01\x00\x00", 5);
	while (b.n < 5 + 0x10000)
		buf_addc(&b, 'x');
	ok(!cbor_parse(buf_span(&b), PROBLEM_BAD_ATTESTATION, &item, &pr) &&
			strstr(pr.detail, "at most"),
		"too large");
	ok(cbor_parse(
		   SPAN("\x1b\xff\xff\xff\xff\xff\xff\xff\xff"), PROBLEM_MALFORMED, &item, &pr) &&
			!cbor_int(&item, &n),
		"2^64-1 is an integer, but not an int64_t");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct problem pr = {0};
		struct cbor item = {0};
		int64_t n = 0;
		bool parsed = cbor_parse(good[i].in, PROBLEM_MALFORMED, &item, &pr) &&
			      item.type == good[i].type;

		if (good[i].type <= CBOR_NINT)
			ok(parsed && cbor_int(&item, &n) && n == good[i].value, "%s", good[i].name);
		else
			ok(parsed && item.value == (uint64_t)good[i].value, "%s", good[i].name);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct problem pr = {0};
		struct cbor item;

		ok(!cbor_parse(refused[i].in, PROBLEM_BAD_ATTESTATION, &item, &pr) &&
				pr.kind == PROBLEM_BAD_ATTESTATION &&
				strstr(pr.detail, refused[i].detail),
			"%s is refused: %s", refused[i].name, pr.detail);
	}
	test_members();
	test_limits();
	return done_testing();
}
