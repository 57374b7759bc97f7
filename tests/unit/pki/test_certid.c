/* test_certid.c - certIDs (RFC 9773 4.1, R3) and serial numbers as people write them. */
#include "pki/certid.h"

#include "base/buf.h"
#include "tap.h"

#define KEYID "aYhba4dGQEHhs3uEe6CuLN4ByNQ"
#define OCTETS_63 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct {
	const char *text, *canonical, *serial;
} good[] = {
	{ KEYID ".AIdlQyE", NULL, "0087654321" }, /* the RFC's own */
	{ KEYID ".fw", NULL, "7f" },
	{ KEYID ".AIA", NULL, "0080" },
	{ KEYID ".AP8", NULL, "00ff" },
	{ KEYID ".AQA", NULL, "0100" },
	{ KEYID ".AA", NULL, "00" },
	{ KEYID ".PJofDl17KEagweLzBBUmN0hZ", NULL, "3c9a1f0e5d7b2846a0c1e2f3041526374859" },
	{ KEYID ".AP__________________________", NULL, "00ffffffffffffffffffffffffffffffffffffffff" },
	{ "AA.AQ", NULL, "01" },
	{ OCTETS_63 "AA.AQ", NULL, "01" },
	/* R3: simple clients leave out the 00 */
	{ KEYID ".h2VDIQ", KEYID ".AIdlQyE", "0087654321" },
	{ KEYID ".gA", KEYID ".AIA", "0080" },
	{ KEYID "._w", KEYID ".AP8", "00ff" },
	{ KEYID ".__8", KEYID ".AP__", "00ffff" },
	{ KEYID ".__________________________8", KEYID ".AP__________________________", "00ffffffffffffffffffffffffffffffffffffffff" },
};

static const struct {
	const char *what;
	struct span text;
} bad[] = {
	{ "nothing", { "", 0 } },
	{ "no dot", SPAN(KEYID) },
	{ "a dot alone", SPAN(".") },
	{ "two dots", SPAN(KEYID ".AIdlQyE.") },
	{ "three parts", SPAN(KEYID ".AIdlQyE.AQ") },
	{ "no key identifier", SPAN(".AIdlQyE") },
	{ "no serial number", SPAN(KEYID ".") },
	{ "padding", SPAN("AA==.AQ") },
	{ "padding at the end", SPAN(KEYID ".AQ==") },
	{ "unused bits set in the key identifier", SPAN("AB.AQ") },
	{ "unused bits set in the serial number", SPAN(KEYID ".AR") },
	{ "a length of 1 mod 4", SPAN(KEYID ".AIdlQ") },
	{ "the other alphabet of base64", SPAN(KEYID ".A/8") },
	{ "a blank before", SPAN(" " KEYID ".AQ") },
	{ "a line end behind", SPAN(KEYID ".AQ\n") },
	{ "a NUL inside", SPAN(KEYID ".A\0Q") },
	{ "a NUL behind", SPAN(KEYID ".AQ\0") },
	{ "a comma", SPAN(KEYID ".AQ," KEYID ".AQ") },
	{ "an octet beyond ASCII", SPAN(KEYID ".A\xc3\xa9Q") },
	{ "percent-encoding", SPAN(KEYID "%2EAQ") },
	{ "a superfluous 00", SPAN(KEYID ".AAE") },
	{ "two 00 before a high bit", SPAN(KEYID ".AACA") },
	{ "zero in two octets", SPAN(KEYID ".AAA") },
	{ "a key identifier of 65 octets", SPAN(OCTETS_63 "AAA.AQ") },
	{ "a serial number of 22 octets", SPAN(KEYID ".AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ") },
	{ "21 octets that would need a 22nd", SPAN(KEYID ".____________________________") },
};

static void
test_good(void)
{
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		const char *want = good[i].canonical ? good[i].canonical : good[i].text;
		struct certid id = { "", "", "" }, again = { "", "", "" };
		struct problem pr = { 0 };

		ok(certid_parse(span_str(good[i].text), &id, &pr), "%s is a certID %s", good[i].text, pr.detail);
		is_str(id.text, want, "  its canonical form");
		is_str(id.serial, good[i].serial, "  its serial number");
		ok(certid_parse(span_str(id.bare), &again, &pr) && strcmp(again.text, want) == 0 && strlen(id.bare) <= strlen(want), "  the form without 00 is its too");
		ok(certid_parse(span_str(id.text), &again, &pr) && strcmp(again.text, id.text) == 0 && strcmp(again.bare, id.bare) == 0, "  the canonical form stays as it is");
	}
}

static void
test_bad(void)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct certid id = { "untouched", "", "" };
		struct problem pr = { 0 };

		ok(!certid_parse(bad[i].text, &id, &pr) && pr.kind == PROBLEM_MALFORMED, "refused: %s", bad[i].what);
		is_str(id.text, "untouched", "  and nothing is returned: %s", pr.detail);
	}
}

static void
test_write(void)
{
	char octets[KEYID_MAX + 1] = "", text[CERTID_TEXT] = "untouched";

	ok(!certid_write(SPAN_NONE, SPAN("\1"), text) && !certid_write(SPAN("\1"), SPAN_NONE, text), "an empty part makes no certID");
	ok(!certid_write(span_of(octets, KEYID_MAX + 1), SPAN("\1"), text), "nor a key identifier of 65 octets");
	ok(!certid_write(SPAN("\1"), span_of(octets, SERIAL_MAX + 1), text), "nor a serial number of 22");
	is_str(text, "untouched", "and nothing is written");
	ok(certid_write(span_of(octets, KEYID_MAX), span_of(octets, SERIAL_MAX), text) && strlen(text) < CERTID_TEXT,
		"the longest one has room");
}

static void
test_serial(void)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "7f", "7f" }, { "7F", "7f" }, { "80", "0080" }, { "0080", "0080" }, { "00:80", "0080" }, { "fff", "0fff" },
		{ "000000fff", "0fff" }, { "0", "00" }, { "00", "00" }, { "1", "01" },
		{ "03:A1:b2", "03a1b2" }, { "87654321", "0087654321" },
		{ "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "00ffffffffffffffffffffffffffffffffffffffff" },
		{ "00:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff:ff", "00ffffffffffffffffffffffffffffffffffffffff" },
		{ "", NULL }, { ":", NULL }, { "7f:", NULL }, { ":7f", NULL }, { "7:f", NULL }, { "7f::80", NULL }, { "0x7f", NULL },
		{ "7g", NULL }, { " 7f", NULL }, { "-1", NULL },
		{ "7fffffffffffffffffffffffffffffffffffffffffff", NULL }, /* 22 octets */
		{ "ffffffffffffffffffffffffffffffffffffffffff", NULL },   /* 21, which need a 22nd */
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char serial[SERIAL_TEXT] = "";

		is_int(serial_parse(span_str(cases[i].text), serial), cases[i].want != NULL, "\"%s\" is %s serial number", cases[i].text,
			cases[i].want ? "a" : "no");
		if (cases[i].want)
			is_str(serial, cases[i].want, "  this one");
	}
	ok(!serial_parse(SPAN("7\0f"), (char[SERIAL_TEXT]){ 0 }), "a NUL is no digit");
}

int
main(void)
{
	test_good();
	test_bad();
	test_write();
	test_serial();
	return done_testing();
}
