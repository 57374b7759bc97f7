/* test_base.c - buffers with ceilings, spans, times, problems, secrets in files. */
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "base/secret.h"
#include "tap.h"

static void
test_buf(void)
{
	AUTO_BUF b = BUF_MAX(10);
	AUTO_BUF exact = BUF_MAX(4);

	ok(buf_add(&b, "12345", 5) && buf_adds(&b, "6789") && b.n == 9, "a buffer takes what fits");
	ok(!buf_adds(&b, "ab") && b.n == 9 && b.failed, "what does not fit changes nothing, and is remembered");
	ok(!buf_addc(&b, 'x') && !buf_ok(&b), "the fault stays until it is asked for");
	buf_clear(&b);
	ok(buf_ok(&b) && buf_addf(&b, "%d", 42), "a cleared buffer works again");
	is_str(buf_cstr(&b), "42", "with the new text");
	ok(buf_adds(&exact, "abcd") && strcmp(buf_cstr(&exact), "abcd") == 0, "the ceiling can be reached, the NUL beside it");
	ok(!buf_addf(&exact, "%s", "e"), "but not passed");
	ok(!buf_reserve(&exact, SIZE_MAX), "nor by a size that would wrap");
}

/* Each length, whatever room there is. */
static void
test_buf_format(void)
{
	AUTO_BUF b = BUF_MAX(4096);
	AUTO_BUF want = BUF_MAX(4096);
	AUTO_BUF full = BUF_MAX(10);
	char text[128];

	for (int n = 0; n < 80; n++) {
		snprintf(text, sizeof(text), "%*d,", n, n);
		buf_adds(&want, text);
		buf_addf(&b, "%*d,", n, n);
	}
	ok(buf_ok(&b) && buf_ok(&want) && strcmp(buf_cstr(&b), buf_cstr(&want)) == 0, "formatted text is whole, whether the buffer grows for it or not");
	buf_adds(&full, "123456");
	ok(!buf_addf(&full, "%s", "78901") && full.n == 6 && strcmp(buf_cstr(&full), "123456") == 0, "of what does not fit nothing is there");
	buf_clear(&full);
	ok(buf_addf(&full, "%s", "1234567890") && strcmp(buf_cstr(&full), "1234567890") == 0, "up to the ceiling it does");
}

static void
test_span(void)
{
	struct span rest = SPAN("a,b,,c"), part;
	uint64_t v;
	char small[4];
	int n = 0;

	while (span_cut(&rest, ',', &part))
		n++;
	is_int(n, 4, "cutting gives all parts, empty ones too");
	ok(span_uint(SPAN("65535"), 65535, &v) && v == 65535, "the highest number");
	ok(!span_uint(SPAN("65536"), 65535, &v), "not one more");
	ok(!span_uint(SPAN("+3"), 9, &v) && !span_uint(SPAN(" 3"), 9, &v) && !span_uint(SPAN(""), 9, &v) && !span_uint(SPAN("0x3"), 9, &v),
		"no sign, blank, nothing or hex");
	ok(!span_uint(SPAN("18446744073709551616"), UINT64_MAX, &v) && span_uint(SPAN("18446744073709551615"), UINT64_MAX, &v), "64 bits");
	ok(span_copy(SPAN("abc"), small, sizeof(small)) && !span_copy(SPAN("abcd"), small, sizeof(small)), "a copy needs room for its NUL");
	ok(!span_copy(SPAN("a\0b"), small, sizeof(small)), "and has no NUL inside");
	ok(span_eq(span_trim(SPAN(" \ta b\t ")), SPAN("a b")), "trimmed at both ends");
}

static void
test_rfc3339(void)
{
	static const struct {
		const char *text;
		int64_t want; /* -1 = refused */
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 }, { "2026-11-24T16:20:00Z", 1795537200 }, { "2026-11-24T17:20:00+01:00", 1795537200 },
		{ "2026-11-24T16:20:00.999Z", 1795537200 }, { "2026-11-24t16:20:00z", 1795537200 }, { "2026-02-29T00:00:00Z", -1 },
		{ "2028-02-29T00:00:00Z", 1835395200 }, { "2026-13-01T00:00:00Z", -1 }, { "2026-11-24 16:20:00Z", -1 },
		{ "2026-11-24T16:20:00", -1 }, { "2026-11-24T24:00:00Z", -1 }, { "2026-11-24T16:20:00+0100", -1 },
		{ "2016-12-31T23:59:60Z", 1483228800 }, { "2016-12-31t23:59:60.123456789z", 1483228800 }, { "2017-01-01T00:59:60.5+01:00", 1483228800 },
		{ "2016-12-31T23:59:61Z", -1 }, { "2026-11-24T16:20:00.Z", -1 }, { "2026-11-24T16:20:00ZZ", -1 }, { "1969-12-31T23:59:59Z", -1 }, { "", -1 },
	};
	char text[TIME_TEXT];
	bool good = true;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t got = -1;

		if (!time_rfc3339_parse(span_str(cases[i].text), &got))
			got = -1;
		is_int(got, cases[i].want, "\"%s\"", cases[i].text);
	}
	is_str(time_rfc3339(1795537200, text), "2026-11-24T16:20:00Z", "written in UTC, whole seconds");
	for (int64_t t = 0; good && t <= 253402300799; t += 86399 * 5) {
		char other[TIME_TEXT];
		time_t as_c = (time_t)t;
		struct tm tm;

		gmtime_r(&as_c, &tm);
		strftime(other, sizeof(other), "%Y-%m-%dT%H:%M:%SZ", &tm);
		good = strcmp(time_rfc3339(t, text), other) == 0;
	}
	ok(good, "as the C library has it, to the end of the year 9999");
}

static void
test_http_dates(void)
{
	static const char *const forms[] = { "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994" };
	int64_t t;

	for (size_t i = 0; i < 3; i++)
		ok(time_http_parse(span_str(forms[i]), &t) && t == 784111777, "%s", forms[i]);
	ok(!time_http_parse(SPAN("soon"), &t) && !time_http_parse(SPAN("Sun, 06 Nov 1994 08:49:37 GMT+1"), &t), "nothing else is a date");
	ok(time_retry_after(SPAN("120"), 0, &t) && t == 120, "seconds to wait");
	ok(time_retry_after(SPAN(" 0 "), 0, &t) && t == 0, "none is an answer");
	ok(time_retry_after(SPAN("99999999999999999999999"), 0, &t) && t > 1000000, "a number too long is a long time");
	ok(time_retry_after(SPAN("Sun, 06 Nov 1994 08:49:37 GMT"), 784111717, &t) && t == 60, "until a date");
	ok(time_retry_after(SPAN("Sun, 06 Nov 1994 08:49:37 GMT"), 784111800, &t) && t == 0, "a past date is now");
	ok(!time_retry_after(SPAN("-5"), 0, &t) && !time_retry_after(SPAN(""), 0, &t) && !time_retry_after(SPAN("120abc"), 0, &t),
		"everything else is none");
}

static void
test_clock(void)
{
	int64_t unix_s = clock_unix_s();
	msec_t ms = clock_ms();

	clock_turn(3600);
	ok(clock_unix_s() - unix_s >= 3600 && clock_ms() - ms >= 3600000, "the clock can be turned, both of them");
	clock_turn(-3600);
}

static void
test_problem(void)
{
	struct problem pr = { 0 };
	char long_text[700];

	memset(long_text, 'a', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	ok(!problem_set(&pr, PROBLEM_BAD_CSR, "%s", long_text) && strlen(pr.detail) == 512, "a detail is at most 512 octets");
	ok(!problem_set(NULL, PROBLEM_BAD_CSR, "x"), "nobody need listen");
	is_int(problem_status(PROBLEM_ORDER_NOT_READY), 403, "orderNotReady is 403");
	is_int(problem_kind_of(SPAN("urn:ietf:params:acme:error:badNonce")), PROBLEM_BAD_NONCE, "found by its URN");
	is_int(problem_kind_of(SPAN("badNonce")), PROBLEM_BAD_NONCE, "or by its token");
	is_int(problem_kind_of(SPAN("nonsense")), PROBLEM_NONE, "an unknown one is none");
	is_str(QUOTE(span_of("a\"b\n\x80", 5)), "a?b??", "foreign text is harmless when quoted");
	problem_internal(&pr, "disk is full");
	ok(strstr(pr.detail, "disk") == NULL && strcmp(pr.cause, "disk is full") == 0, "what is our fault is told to the log alone");
}

static void
test_secret(void)
{
	char folder[] = "/tmp/acmegate-test.XXXXXX", path[64], where[80];
	struct problem pr = { 0 };
	AUTO_SECRET got = BUF_MAX(64);
	AUTO_BUF small = BUF_MAX(4);
	struct stat st;

	if (!ok(mkdtemp(folder) != NULL, "a folder"))
		return;
	snprintf(path, sizeof(path), "%s/key", folder);
	snprintf(where, sizeof(where), "file:%s", path);
	ok(file_save(path, SPAN("s3cret\n"), 0600, &pr) && stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "saved for its owner alone");
	ok(secret_load(where, &got, &pr) && span_eq(buf_span(&got), SPAN("s3cret")), "loaded without its line end");
	ok(!secret_load(path, &got, &pr), "a bare path is no place for a secret");
	ok(!secret_load("credential:../key", &got, &pr), "a credential is a name");
	ok(!file_load(path, &small, &pr), "a file larger than expected is refused");
	ok(secret_eq(SPAN("abc"), SPAN("abc")) && !secret_eq(SPAN("abc"), SPAN("abd")) && !secret_eq(SPAN("abc"), SPAN("ab")), "compared");
	unlink(path);
	rmdir(folder);
}

static void
test_rand(void)
{
	char a[REF_TEXT], b[REF_TEXT], token[TOKEN_TEXT];
	bool below = true, words = true;

	for (int i = 0; i < 2000; i++) {
		rand_ref(a);
		words = words && a[0] != '-';
	}
	ok(words, "no id looks like an option");
	rand_ref(a);
	rand_ref(b);
	rand_token(token);
	ok(strlen(a) == 22 && strcmp(a, b) != 0, "ids are 22 characters and differ");
	is_int(strlen(token), 43, "tokens are 43");
	for (int i = 0; i < 1000; i++)
		below = below && rand_below(7) < 7;
	ok(below, "a number below seven");
}

int
main(void)
{
	test_buf();
	test_buf_format();
	test_span();
	test_rfc3339();
	test_http_dates();
	test_clock();
	test_problem();
	test_secret();
	test_rand();
	return done_testing();
}
