/* The chunked reader: no crash, never more body than allowed, and the same outcome wherever the
 * stream is cut. The first octet of the input says where. */
#include <stdlib.h>

#include "base/buf.h"
#include "httpd/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX 4096

static void
must(bool good)
{
	if (!good)
		abort();
}

static enum http_chunk_result
feed(struct http_chunk *chunk, struct span in, struct buf *body, size_t *ret_left)
{
	enum http_chunk_result result;
	struct span data;

	while ((result = http_chunk_next(chunk, &in, &data)) == HTTP_CHUNK_DATA)
		must(data.n > 0 && buf_addspan(body, data));
	*ret_left = in.n;
	return result;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_BUF whole = BUF_MAX(BODY_MAX);
	AUTO_BUF parts = BUF_MAX(BODY_MAX);
	struct http_chunk chunk;
	struct span stream;
	size_t cut, left, left_parts;
	enum http_chunk_result result, result_parts;

	if (size < 1)
		return 0;
	stream = span_of(data + 1, size - 1);
	cut = stream.n * data[0] / 255;
	http_chunk_init(&chunk, BODY_MAX);
	result = feed(&chunk, stream, &whole, &left);
	http_chunk_init(&chunk, BODY_MAX);
	result_parts = feed(&chunk, span_of(stream.p, cut), &parts, &left_parts);
	left_parts += stream.n - cut;
	if (result_parts == HTTP_CHUNK_MORE)
		result_parts = feed(&chunk, span_from(stream, cut), &parts, &left_parts);
	must(result == result_parts && left == left_parts);
	must(span_eq(buf_span(&whole), buf_span(&parts)));
	return 0;
}
