/* Link fields, references and head lines from hostile octets: a base URL's line, then the lines of a head. */
#include <stdint.h>
#include <stdlib.h>

#include "httpc/head.h"
#include "httpc/httpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever resolves is an http(s) URL and resolves to itself. */
static void
check_url(const char *url)
{
	char again[9000];

	if (strncasecmp(url, "http", 4) != 0)
		abort();
	if (!httpc_url_resolve(url, SPAN_NONE, again, sizeof(again)) || strcmp(url, again) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const rels[] = { "alternate", "next", "index", "" };
	struct httpc_reply rp = { .head = BUF_MAX(4096) };
	struct span rest = span_of(data, size), line;
	char base[512] = "https://ca.example/acme/cert/1", url[1024];
	bool kept = false;

	if (span_cut(&rest, '\n', &line) && line.n > 0)
		span_copy(line, base, sizeof(base));
	while (span_cut(&rest, '\n', &line)) {
		head_add(&rp.head, line, &kept);
		if (httpc_url_resolve(base, line, url, sizeof(url)))
			check_url(url);
	}
	for (size_t i = 0; i < COUNT_OF(rels); i++) {
		for (unsigned nth = 0; nth < 3; nth++) {
			if (httpc_link(&rp, rels[i], nth, base, url, sizeof(url)))
				check_url(url);
		}
	}
	httpc_reply_done(&rp);
	return 0;
}
