#include "base/b64url.h"

#include "tap.h"

static const struct {
	struct span octets;
	const char *text;
} pairs[] = {
	{ { "", 0 }, "" },
	{ { "f", 1 }, "Zg" },
	{ { "fo", 2 }, "Zm8" },
	{ { "foo", 3 }, "Zm9v" },
	{ { "foob", 4 }, "Zm9vYg" },
	{ { "fooba", 5 }, "Zm9vYmE" },
	{ { "foobar", 6 }, "Zm9vYmFy" },
	{ { "\0\0\0", 3 }, "AAAA" },
	{ { "\xff\xff\xff\xff", 4 }, "_____w" },
	{ { "\xfb\xef\xbe\xfb", 4 }, "----"
				     "-w" },
};

static const struct {
	const char *name;
	struct span text;
} refused[] = {
	{ "one character", SPAN("A") },
	{ "five characters", SPAN("AAAAA") },
	{ "padding", SPAN("Zg==") },
	{ "padding alone", SPAN("====") },
	{ "unused bits of two characters", SPAN("Zh") },
	{ "unused bits of three characters", SPAN("Zm9") },
	{ "unused bits behind a group of four", SPAN("Zm9vYh") },
	{ "plus", SPAN("+AAA") },
	{ "slash", SPAN("A/AA") },
	{ "line feed in the middle", SPAN("AA\nA") },
	{ "line feed at the end", SPAN("AAAA\n") },
	{ "blank", SPAN("AAA ") },
	{ "NUL", { "AA\0A", 4 } },
	{ "octet above 127", SPAN("AA\xc1"
				  "A") },
	{ "octet 255 behind a group of four", SPAN("AAAAA\xff") },
};

static void
test_every_octet(void)
{
	unsigned good = 0;

	for (int c = 0; c < 256; c++) {
		char text[4] = { 'A', 'A', 'A', (char)c };
		unsigned char got[3], back[5];

		if (!b64url_read_exact(span_of(text, 4), got, 3))
			continue;
		b64url_write((char *)back, got, 3);
		good += back[3] == c && b64url_is_alphabet(span_of(text, 4));
	}
	is_int(good, 64, "64 characters are taken, each for a value of its own");
}

int
main(void)
{
	AUTO_BUF tiny = BUF_MAX(2);
	unsigned char two[2];

	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		AUTO_BUF text = BUF_MAX(64), octets = BUF_MAX(64);

		b64url_add(&text, pairs[i].octets.p, pairs[i].octets.n);
		is_str(buf_cstr(&text), pairs[i].text, "%s is written", pairs[i].text);
		buf_adds(&octets, "before");
		ok(b64url_read(span_str(pairs[i].text), &octets) &&
				span_eq(span_from(buf_span(&octets), 6), pairs[i].octets),
			"and read, behind what is there");
	}
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		AUTO_BUF octets = BUF_MAX(64);

		ok(!b64url_read(refused[i].text, &octets) && octets.n == 0 && buf_ok(&octets),
			"refused: %s", refused[i].name);
	}
	test_every_octet();
	ok(!b64url_read(SPAN("AAAA"), &tiny) && !buf_ok(&tiny), "a full buffer says so");
	ok(b64url_read_exact(SPAN("Zm8"), two, 2) && two[1] == 'o', "exactly two octets");
	ok(!b64url_read_exact(SPAN("Zg"), two, 2) && !b64url_read_exact(SPAN("Zm9v"), two, 2),
		"not one, not three");
	buf_clear(&tiny);
	ok(b64url_read(SPAN_NONE, &tiny) && tiny.n == 0, "nothing is nothing");
	return done_testing();
}
