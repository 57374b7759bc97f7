/* fuzz_http_reply.c - the head of a CA's reply, line by line as libcurl hands it on, an empty line, its body: what we keep of the head,
 * find in it, and make of a refusal. The first octets are the status. */
#include <stdlib.h>

#include "httpc/head.h"
#include "upstream/ca_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD_MAX 4096
#define RETRY_MAX_S 86400

/* Whole lines "name: value\n", without control octets. */
static void
check_head(struct span head)
{
	struct span line, name;

	if (head.n && head.p[head.n - 1] != '\n')
		abort();
	while (span_cut(&head, '\n', &line)) {
		if (!line.n && !head.n)
			break;
		for (size_t i = 0; i < line.n; i++) {
			unsigned char c = (unsigned char)line.p[i];

			if ((c < 0x20 && c != '\t') || c == 0x7f)
				abort();
		}
		if (!span_cut(&line, ':', &name) || !name.n || !line.n || line.p[0] != ' ')
			abort();
	}
}

static void
check_fields(const struct httpc_reply *rp)
{
	static const char *const names[] = { "Location", "Replay-Nonce", "Retry-After", "Content-Type", "Link" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct span value;

		for (unsigned nth = 0; (value = httpc_field(rp, names[i], nth)).p; nth++) {
			if (value.p < rp->head.p || value.p + value.n > rp->head.p + rp->head.n)
				abort();
		}
	}
}

static void
check_problem(const struct httpc_reply *rp)
{
	struct acme_problem p;
	int64_t wait_s = 0;

	ca_read_problem(rp, &p);
	if (p.problem.kind == PROBLEM_NONE)
		abort();
	if (ca_retry_after(rp, &p.problem, RETRY_MAX_S, &wait_s) && (wait_s < 1 || wait_s > RETRY_MAX_S))
		abort();
	acme_problem_done(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct httpc_reply rp = { .result = HTTPC_OK, .head = BUF_MAX(HEAD_MAX), .body = BUF_MAX(1 << 20) };
	struct span rest = span_of(data, size), line;
	bool kept = false;

	rp.status = 400 + (size ? data[0] : 0) % 200;
	while (span_cut(&rest, '\n', &line)) {
		if (line.n == 0)
			break;
		if (!head_add(&rp.head, line, &kept))
			break;
	}
	if (!rp.head.failed)
		check_head(buf_span(&rp.head));
	check_fields(&rp);
	buf_addspan(&rp.body, rest);
	check_problem(&rp);
	httpc_reply_done(&rp);
	return 0;
}
