/* test_der.c - walking through DER: what is not DER is not read. */
#include "pki/der.h"

#include "tap.h"

static const struct {
	const char *name;
	struct span in;
	bool good;
	uint32_t number;
	size_t body;
} cases[] = {
	{ "a NULL", SPAN("\x05\x00"), true, 5, 0 },
	{ "an OCTET STRING", SPAN("\x04\x02" "ab"), true, 4, 2 },
	{ "tag 31", SPAN("\xbf\x1f\x01x"), true, 31, 1 },
	{ "tag 713", SPAN("\xbf\x85\x49\x01x"), true, 713, 1 },
	{ "nothing", SPAN(""), false, 0, 0 },
	{ "no length", SPAN("\x05"), false, 0, 0 },
	{ "a body cut off", SPAN("\x04\x02" "a"), false, 0, 0 },
	{ "an indefinite length", SPAN("\x30\x80\x00\x00"), false, 0, 0 },
	{ "a short length in two octets", SPAN("\x04\x81\x01" "a"), false, 0, 0 },
	{ "a length with a leading zero", SPAN("\x04\x82\x00\x80"), false, 0, 0 },
	{ "a length of 2^32-1", SPAN("\x04\x84\xff\xff\xff\xff" "a"), false, 0, 0 },
	{ "a length in five octets", SPAN("\x04\x85\x01\x00\x00\x00\x00"), false, 0, 0 },
	{ "a length cut off", SPAN("\x04\x82\x01"), false, 0, 0 },
	{ "a high tag with a leading zero", SPAN("\xbf\x80\x49\x01x"), false, 0, 0 },
	{ "a low tag in the long form", SPAN("\xbf\x1e\x01x"), false, 0, 0 },
	{ "a high tag cut off", SPAN("\xbf\x85"), false, 0, 0 },
	{ "a tag over 31 bits", SPAN("\xbf\x9f\xff\xff\xff\x7f\x00"), false, 0, 0 },
};

static const struct {
	const char *name;
	struct span body;
	bool good;
	uint64_t value;
} numbers[] = {
	{ "0", SPAN("\x00"), true, 0 },
	{ "127", SPAN("\x7f"), true, 127 },
	{ "128", SPAN("\x00\x80"), true, 128 },
	{ "2^64-1", SPAN("\x00\xff\xff\xff\xff\xff\xff\xff\xff"), true, UINT64_MAX },
	{ "no octets", SPAN(""), false, 0 },
	{ "-1", SPAN("\xff"), false, 0 },
	{ "1 in two octets", SPAN("\x00\x01"), false, 0 },
	{ "2^64", SPAN("\x01\x00\x00\x00\x00\x00\x00\x00\x00"), false, 0 },
	{ "ten octets", SPAN("\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00"), false, 0 },
};

static void
test_oid(void)
{
	char text[32];

	ok(der_oid_text(SPAN("\x2a\x03\x04"), text, sizeof(text)), "an object identifier");
	is_str(text, "1.2.3.4", "in dotted decimal");
	ok(der_oid_text(SPAN("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"), text, sizeof(text)), "one that has a name");
	is_str(text, "1.2.840.113549.1.1.1", "in dotted decimal, too");
	ok(!der_oid_text(SPAN(""), text, sizeof(text)), "an empty one");
	ok(!der_oid_text(SPAN("\x2a\x80\x04"), text, sizeof(text)), "an arc with a leading zero");
	ok(!der_oid_text(SPAN("\x2a\x83"), text, sizeof(text)), "an arc cut off");
	ok(!der_oid_text(SPAN("\x2a\x03\x04"), text, 7), "no room");
}

/* Each form of length is written as it is read. */
static void
test_write(void)
{
	static const size_t sizes[] = { 0, 127, 128, 255, 256, 65535 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		AUTO_BUF b = BUF_MAX(1 << 17);
		struct span body;

		ok(der_write_head(&b, DER_OCTETS, sizes[i]) && buf_reserve(&b, sizes[i]), "a head");
		memset(b.p + b.n, 'x', sizes[i]);
		b.n += sizes[i];
		ok(der_only(buf_span(&b), DER_OCTETS, &body) && body.n == sizes[i], "%zu octets", sizes[i]);
	}
}

int
main(void)
{
	struct span rest, body;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct der der;

		rest = cases[i].in;
		ok(der_next(&rest, &der) == cases[i].good &&
				(!cases[i].good ||
					(der.number == cases[i].number && der.body.n == cases[i].body &&
						span_eq(der.whole, cases[i].in) && !rest.n)),
			"%s is %s", cases[i].name, cases[i].good ? "read" : "refused");
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t v = 0;

		ok(der_uint(numbers[i].body, UINT64_MAX, &v) == numbers[i].good && v == numbers[i].value, "%s",
			numbers[i].name);
	}
	ok(!der_uint(SPAN("\x05"), 4, &(uint64_t){ 0 }), "over the limit");
	rest = SPAN("\x04\x01" "a\x04\x01" "b");
	ok(der_take(&rest, DER_OCTETS, &body) && span_is(body, "a") && !der_take(&rest, DER_UTF8, &body) &&
			der_take(&rest, DER_OCTETS, &body) && span_is(body, "b") && !der_take(&rest, DER_OCTETS, &body),
		"one after the other, by kind");
	ok(der_only(SPAN("\x04\x01" "a"), DER_OCTETS, &body) && !der_only(SPAN("\x04\x01" "a\x05\x00"), DER_OCTETS, &body),
		"exactly one");
	test_oid();
	test_write();
	return done_testing();
}
