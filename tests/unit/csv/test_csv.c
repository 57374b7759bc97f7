/* test_csv.c - the reader of comma-separated values: what RFC 4180 shows, places, and each refusal. */
#include "csv/csv.h"

#include "tap.h"

/* "LINE:COLUMN=text|..." of each field, records on lines of their own; then the problem, if there is one. */
static const char *
all_of(struct span text, struct buf *out)
{
	struct csv csv;
	struct problem pr = { 0 };

	buf_clear(out);
	csv_init(&csv, text);
	while (csv_next(&csv, &pr)) {
		for (size_t i = 0; i < csv.count; i++)
			buf_addf(out, "%s%u:%u=%.*s", i ? "|" : "", csv.fields[i].line, csv.fields[i].column, SPAN_FMT(csv.fields[i].text));
		buf_addc(out, '\n');
	}
	if (pr.kind)
		buf_addf(out, "%s", pr.detail);
	ok(!csv_next(&csv, &pr), "  and that was all");
	csv_done(&csv);
	return buf_cstr(out);
}

static const struct {
	const char *name;
	struct span in;
	const char *want;
} cases[] = {
	{ "nothing", SPAN(""), "" },
	{ "a record", SPAN("a,b\n"), "1:1=a|1:3=b\n" },
	{ "CR LF, and no line end behind the last", SPAN("a,b\r\nc,d"), "1:1=a|1:3=b\n2:1=c|2:3=d\n" },
	{ "empty fields", SPAN(",\na,,b\n"), "1:1=|1:2=\n2:1=a|2:3=|2:4=b\n" },
	{ "lines without anything are no records", SPAN("\na\r\n\r\nb\n\n"), "2:1=a\n4:1=b\n" },
	{ "quotes", SPAN("\"a\",\"b,c\"\n"), "1:1=a|1:5=b,c\n" },
	{ "doubled quotes", SPAN("\"a\"\"b\",\"\"\"\"\n"), "1:1=a\"b|1:8=\"\n" },
	{ "an empty field in quotes", SPAN("\"\"\n"), "1:1=\n" },
	{ "a line end in quotes", SPAN("\"a\r\nb\",c\nd\n"), "1:1=a\r\nb|2:4=c\n3:1=d\n" },
	{ "blanks are the field's", SPAN(" a , b\n"), "1:1= a |1:5= b\n" },
	{ "columns are characters", SPAN("\xc3\xa4\xe6\xb0\xb4,b\n"), "1:1=\xc3\xa4\xe6\xb0\xb4|1:4=b\n" },
	{ "a byte order mark", SPAN("\xef\xbb\xbf" "a\n"), "1:1=a\n" },
	{ "a quote within a field", SPAN("x\na b\"c\n"), "1:1=x\nline 2, column 4: a quote within a field that does not begin with one" },
	{ "text behind a closing quote", SPAN("\"a\"b\n"), "line 1, column 4: expected a comma or the end of the line behind the closing quote" },
	{ "a quote that is never closed", SPAN("a,\"b\nc\n"), "line 1, column 3: the quote is never closed" },
	{ "a lone CR", SPAN("a\rb\n"), "line 1, column 2: a carriage return that no line feed follows" },
	{ "a lone CR behind a closing quote", SPAN("\"a\"\r"), "line 1, column 4: expected a comma or the end of the line behind the closing quote" },
	{ "NUL", SPAN("a\0b\n"), "line 1, column 2: not a character of UTF-8" },
	{ "Latin-1", SPAN("M\xfcller\n"), "line 1, column 2: not a character of UTF-8" },
	{ "an overlong form", SPAN("\"\xc0\xaf\"\n"), "line 1, column 2: not a character of UTF-8" },
};

static void
test_limits(void)
{
	AUTO_BUF text = BUF_MAX(1 << 20), out = BUF_MAX(1 << 20);

	for (int i = 0; i < CSV_FIELDS_MAX - 1; i++)
		buf_addc(&text, ',');
	ok(strstr(all_of(buf_span(&text), &out), "1:256=\n") != NULL, "as many fields as there may be");
	buf_addc(&text, ',');
	is_str(all_of(buf_span(&text), &out), "line 1, column 257: too many fields", "one more");
	buf_clear(&text);
	for (int i = 0; i < CSV_RECORD_MAX; i++)
		buf_addc(&text, 'x');
	ok(strlen(all_of(buf_span(&text), &out)) == CSV_RECORD_MAX + 5, "as long a record as there may be");
	buf_addc(&text, 'x');
	is_str(all_of(buf_span(&text), &out), "line 1, column 65537: the record is too long", "one octet more");
}

int
main(void)
{
	AUTO_BUF out = BUF_MAX(1 << 20);

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		is_str(all_of(cases[i].in, &out), cases[i].want, "%s", cases[i].name);
	test_limits();
	return done_testing();
}
