/* jsonl.h - walk a file of test vectors, one JSON object a line. */
#ifndef TESTS_JSONL_H
#define TESTS_JSONL_H

#include <stdlib.h>

#include "base/buf.h"
#include "base/secret.h"
#include "json/json.h"

/* Parsed lines of tests/data/NAME, in the order of the file. */
struct jsonl {
	struct json *line[64];
	size_t count;
};

static inline struct jsonl
jsonl_load(const char *name)
{
	AUTO_BUF path = BUF_MAX(4096), text = BUF_MAX(1 << 20);
	struct jsonl all = { .count = 0 };
	struct problem pr = { 0 };
	struct span rest, line = SPAN_NONE;

	buf_addf(&path, "%s/%s", TESTDATA, name);
	if (!file_load(buf_cstr(&path), &text, &pr)) {
		printf("Bail out! %s: %s\n", buf_cstr(&path), pr.cause);
		exit(1);
	}
	rest = buf_span(&text);
	while (span_cut(&rest, '\n', &line)) {
		if (line.n == 0)
			continue;
		if (all.count == 64 || !json_parse(line, name, NULL, &all.line[all.count++], &pr)) {
			printf("Bail out! %s: %s\n", name, pr.detail);
			exit(1);
		}
	}
	return all;
}

static inline const struct json_node *
jsonl_get(const struct jsonl *all, size_t i, const char *member)
{
	return json_get(json_root(all->line[i]), member);
}

static inline void
jsonl_done(struct jsonl *all)
{
	for (size_t i = 0; i < all->count; i++)
		json_free(all->line[i]);
}
#endif
