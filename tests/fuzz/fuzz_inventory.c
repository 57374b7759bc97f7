/* fuzz_inventory.c - every record that is read is JSON as the daemon takes it, of a size that it takes; a fault has a place. */
#include <stdlib.h>

#include "ctl/inventory.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_record(const struct inventory_record *r)
{
	struct problem pr = { 0 };
	struct json *doc;
	struct span name;
	int64_t line;

	if (!json_parse(buf_span(&r->json), "record", NULL, &doc, &pr) || !json_int(json_get(json_root(doc), "line"), &line) || line != r->line || line < 1)
		abort();
	for (const struct json_node *n = NULL; (n = json_next_member(json_root(doc), n, &name));) {
		if (span_is(name, "status") || span_is(name, "id"))
			abort();
	}
	json_free(doc);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* the first octet chooses the options */
	const char *columns = size && (data[0] & 1) ? "identifier=Serial,owner=User" : NULL, *kind = size && (data[0] & 2) ? "apple" : NULL;
	struct inventory_record r = { 0 };
	struct inventory *in = NULL;
	struct problem pr = { 0 };

	if (inventory_open(span_of(data + (size > 0), size - (size > 0)), columns, kind, &in, &pr)) {
		while (inventory_next(in, &r, &pr))
			check_record(&r);
	}
	if (pr.kind && (pr.kind != PROBLEM_MALFORMED || !pr.detail[0]))
		abort();
	inventory_record_done(&r);
	inventory_free(in);
	return 0;
}
