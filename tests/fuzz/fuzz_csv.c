/* fuzz_csv.c - what is read, written again with every field in quotes, reads the same. */
#include <stdlib.h>

#include "csv/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_record(const struct csv *csv, struct buf *out)
{
	for (size_t i = 0; i < csv->count; i++) {
		const struct span text = csv->fields[i].text;

		buf_adds(out, i ? ",\"" : "\"");
		for (size_t k = 0; k < text.n; k++)
			buf_adds(out, text.p[k] == '"' ? "\"\"" : (char[]){ text.p[k], '\0' });
		buf_addc(out, '"');
	}
	buf_addc(out, '\n');
}

static bool
write_all(struct span text, struct buf *out)
{
	struct csv csv;
	struct problem pr = { 0 };

	csv_init(&csv, text);
	while (csv_next(&csv, &pr)) {
		if (csv.count == 0 || csv.fields[0].line != csv.line)
			abort();
		write_record(&csv, out);
	}
	csv_done(&csv);
	if (pr.kind && (pr.kind != PROBLEM_MALFORMED || strncmp(pr.detail, "line ", 5) != 0))
		abort();
	return pr.kind == PROBLEM_NONE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF once = BUF_MAX(8 << 20), twice = BUF_MAX(8 << 20);
	bool good = write_all(span_of(data, size), &once);

	/* what was read before a fault stands as well */
	if (!write_all(buf_span(&once), &twice) || !span_eq(buf_span(&once), buf_span(&twice)))
		abort();
	(void)good;
	return 0;
}
