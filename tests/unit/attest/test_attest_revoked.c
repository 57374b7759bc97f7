/* test_attest_revoked.c - status lists: Google's form, serials as hex, and what cannot be
 * understood. */
#include "attest/revoked.h"

#include <stdlib.h>

#include "tap.h"

static bool
has(const char *json, const char *serial)
{
	struct cert cert = {0};
	struct revoked *list = NULL;
	struct problem pr = {0};
	bool found;

	if (!revoked_parse(span_str(json), 0, &list, &pr)) {
		printf("Bail out! %s\n", pr.detail);
		exit(1);
	}
	snprintf(cert.serial, sizeof(cert.serial), "%s", serial);
	found = revoked_has(list, &cert);
	revoked_free(list);
	return found;
}

static bool
refused(const char *json)
{
	struct revoked *list = NULL;
	struct problem pr = {0};

	return !revoked_parse(span_str(json), 0, &list, &pr) && pr.kind == PROBLEM_MALFORMED &&
	       pr.detail[0];
}

#define LIST                                                                                       \
	"{\"entries\":{\"2c8cdddfd5e03bfc\":{\"status\":\"REVOKED\",\"expires\":\"2029-11-13\","   \
	"\"reason\":\"KEY_COMPROMISE\"},"                                                          \
	"\"16580768335559031605\":{\"status\":\"SUSPENDED\",\"reason\":\"SOFTWARE_FLAW\"},"        \
	"\"ABCDEF\":{\"status\":\"NEW WORD\"}},"                                                   \
	"\"more\":[1]}"

int
main(void)
{
	AUTO_BUF many = BUF_MAX(4 << 20);

	ok(has(LIST, "2c8cdddfd5e03bfc"), "a revoked serial");
	ok(has(LIST, "16580768335559031605"),
		"a suspended one (V14), all of its digits decimal, compared as hex");
	ok(!has(LIST, "e61ab8f3d80a7b35"),
		"the same digits read as a decimal number are another serial");
	ok(!has(LIST, "2c8cdddfd5e03bfd") && !has(LIST, "2c8cdddfd5e03bf") &&
			!has(LIST, "02c8cdddfd5e03bfc0"),
		"others");
	ok(has(LIST, "00abcdef") && has(LIST, "abcdef"),
		"a leading zero octet and letter case do not matter; unknown states refuse");
	ok(!has("{\"entries\":{}}", "01"), "an empty list");
	ok(has("{\"entries\":{\"0\":{\"status\":\"REVOKED\"}}}", "00"), "serial 0");
	ok(has("{\"entries\":{\"0010\":{\"status\":\"REVOKED\"}}}", "10"),
		"zeros in front in the list");
	ok(refused("") && refused("[]") && refused("{}") && refused("{\"entries\":[]}") &&
			refused("{\"entries\":{}"),
		"no list of entries");
	ok(refused("{\"entries\":{\"xyz\":{\"status\":\"REVOKED\"}}}"), "a serial that is not hex");
	ok(refused("{\"entries\":{\"\":{\"status\":\"REVOKED\"}}}"), "an empty serial");
	ok(refused("{\"entries\":{\"12\":{}}}") && refused("{\"entries\":{\"12\":1}}") &&
			refused("{\"entries\":{\"12\":{\"status\":1}}}"),
		"an entry without status");
	ok(refused("{\"entries\":{\"12\":{\"status\":\"REVOKED\"},\"12\":{\"status\":\"REVOKED\"}}"
		   "}"),
		"an entry twice");
	ok(refused("{\"entries\":{\"1234567890123456789012345678901234567890123\":{\"status\":"
		   "\"REVOKED\"}}}"),
		"a serial that no certificate has");
	buf_adds(&many, "{\"entries\":{");
	for (int i = 1; i <= 20000; i++)
		buf_addf(&many, "%s\"%x\":{\"status\":\"REVOKED\"}", i > 1 ? "," : "", i * 7);
	buf_adds(&many, "}}");
	ok(has(buf_cstr(&many), "7") && has(buf_cstr(&many), "0222e0") &&
			!has(buf_cstr(&many), "8"),
		"twenty thousand of them");
	return done_testing();
}
