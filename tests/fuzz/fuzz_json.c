/* fuzz_json - the JSON reader: nothing crashes, and what is taken survives being written and read
 * again. */
#include <stdlib.h>

#include "base/buf.h"
#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
visit(const struct json_node *n)
{
	struct span name;

	for (size_t i = 0; i < json_count(n); i++) {
		const struct json_node *child = json_at(n, i);

		if (!child)
			child = json_member(n, i, &name);
		if (!child)
			abort();
		visit(child);
	}
}

static void
typed(const struct json_node *root, struct problem *pr)
{
	struct json_obj o = json_obj(root, "payload", pr);

	json_req_str(&o, "a", 16);
	json_opt_str(&o, "b", 16);
	json_opt_bool(&o, "c", false);
	json_opt_int(&o, "d", -5, 5, 0);
	json_req_arr(&o, "e", 3);
	json_opt_obj(&o, "f");
	if (!json_ok(&o) && pr->kind != PROBLEM_MALFORMED)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem pr = { 0 };
	struct json *doc = NULL, *again = NULL;
	AUTO_BUF once = BUF_MAX(16 * size + 64);
	AUTO_BUF twice = BUF_MAX(16 * size + 64);

	if (!json_parse(span_of(data, size), "text", NULL, &doc, &pr)) {
		if (pr.kind != PROBLEM_MALFORMED || !pr.detail[0])
			abort();
		return 0;
	}
	visit(json_root(doc));
	json_write(json_root(doc), &once);
	if (!buf_ok(&once) || !json_parse(buf_span(&once), "text", NULL, &again, &pr))
		abort();
	json_write(json_root(again), &twice);
	if (!span_eq(buf_span(&once), buf_span(&twice)))
		abort();
	typed(json_root(doc), &pr);
	json_free(doc);
	json_free(again);
	return 0;
}
