/* fuzz_http01.c - what a device's web server may answer an http-01 look-up with: the Location of a redirect. First line: the URL that
 * was asked, then Locations, each followed from where the one before led. */
#include <stdlib.h>

#include "httpc/httpc.h"
#include "validate/hop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* V4: no hop leads to another port, or to a host that is nothing. */
static void
check(const struct hop *hop)
{
	if (hop->port != 80 && hop->port != 443 && hop->port != 5002)
		abort();
	if (!hop->host[0] || strpbrk(hop->host, "/?#@") || strncmp(hop->url, "http", 4) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size), line;
	char base[HOP_URL_TEXT] = "http://device.test/.well-known/acme-challenge/token", url[HOP_URL_TEXT];
	struct hop hop = { 0 };

	if (span_cut(&rest, '\n', &line) && line.n > 0)
		span_copy(line, base, sizeof(base));
	while (span_cut(&rest, '\n', &line)) {
		const char *fault = NULL;

		if (!httpc_url_resolve(base, line, url, sizeof(url)))
			continue;
		if (hop_parse(url, 5002, &hop, &fault)) {
			check(&hop);
			memcpy(base, url, sizeof(base));
		} else if (!fault) {
			abort();
		}
	}
	return 0;
}
