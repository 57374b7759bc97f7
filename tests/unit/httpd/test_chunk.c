/* The chunked reader gives the same answer wherever the stream is cut, and refuses what is not strict. */
#include <stdlib.h>

#include "base/buf.h"
#include "httpd/chunk.h"
#include "tap.h"

#define BODY_MAX 64

struct outcome {
	enum http_chunk_result result;
	struct buf body;
	size_t left; /* of the input */
};

/* Feed `in` until it says something final; the data goes to the body. */
static enum http_chunk_result
feed(struct http_chunk *chunk, struct span *in, struct buf *body)
{
	enum http_chunk_result result;
	struct span data;

	while ((result = http_chunk_next(chunk, in, &data)) == HTTP_CHUNK_DATA)
		buf_addspan(body, data);
	return result;
}

/* As two pieces, each a copy of exact size so that a sanitizer sees every overrun. */
static struct outcome
read_cut(struct span stream, size_t cut)
{
	struct outcome o = { .body = BUF_MAX(1024) };
	struct http_chunk chunk;
	struct span parts[2] = { { stream.p, cut }, span_from(stream, cut) };

	http_chunk_init(&chunk, BODY_MAX);
	for (int i = 0; i < 2; i++) {
		char *copy = malloc(parts[i].n ? parts[i].n : 1);
		struct span in = span_of(copy, parts[i].n);

		memcpy(copy, parts[i].p, parts[i].n);
		o.result = feed(&chunk, &in, &o.body);
		o.left = in.n + (i == 0 ? parts[1].n : 0);
		free(copy);
		if (o.result != HTTP_CHUNK_MORE)
			break;
	}
	return o;
}

static const struct {
	const char *name, *stream;
	enum http_chunk_result want;
	const char *body;
	size_t left;
} cases[] = {
	{ "an empty body", "0\r\n\r\n", HTTP_CHUNK_DONE, "", 0 },
	{ "one chunk", "5\r\nhello\r\n0\r\n\r\n", HTTP_CHUNK_DONE, "hello", 0 },
	{ "two chunks", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", HTTP_CHUNK_DONE, "hello!", 0 },
	{ "data that looks like framing", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", HTTP_CHUNK_DONE,
		"\r\n0\r\n\r\n", 0 },
	{ "hex in both cases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", HTTP_CHUNK_DONE,
		"01234567890123456789", 0 },
	{ "leading zeros within the bound", "0000000000000001\r\nx\r\n000\r\n\r\n", HTTP_CHUNK_DONE,
		"x", 0 },
	{ "what follows is left alone", "1\r\nx\r\n0\r\n\r\nGET /", HTTP_CHUNK_DONE, "x", 5 },
	{ "exactly the largest body",
		"40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n0\r\n\r\n",
		HTTP_CHUNK_DONE, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		0 },
	{ "unfinished", "5\r\nhel", HTTP_CHUNK_MORE, "hel", 0 },
	{ "unfinished before the last empty line", "0\r\n", HTTP_CHUNK_MORE, "", 0 },
	{ "one octet too many", "41\r\n", HTTP_CHUNK_TOO_LARGE, "", 0 },
	{ "too many in two chunks", "3f\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde\r\n2\r\n",
		HTTP_CHUNK_TOO_LARGE, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", 0 },
	{ "2^64-1", "ffffffffffffffff\r\n", HTTP_CHUNK_TOO_LARGE, "", 0 },
	{ "a size of 17 digits", "00000000000000001\r\nx\r\n", HTTP_CHUNK_BAD, "", 5 },
	{ "no size", "\r\nx\r\n", HTTP_CHUNK_BAD, "", 4 },
	{ "a size in 0x notation", "0x5\r\nhello\r\n", HTTP_CHUNK_BAD, "", 10 },
	{ "a sign", "+5\r\nhello\r\n", HTTP_CHUNK_BAD, "", 10 },
	{ "a minus", "-1\r\nhello\r\n", HTTP_CHUNK_BAD, "", 10 },
	{ "not a digit", "g\r\n", HTTP_CHUNK_BAD, "", 2 },
	{ "a blank before the size", " 5\r\nhello\r\n", HTTP_CHUNK_BAD, "", 10 },
	{ "a blank behind the size", "5 \r\nhello\r\n", HTTP_CHUNK_BAD, "", 9 },
	{ "an extension", "5;a=b\r\nhello\r\n", HTTP_CHUNK_BAD, "", 12 },
	{ "an empty extension", "5;\r\nhello\r\n", HTTP_CHUNK_BAD, "", 9 },
	{ "a bare LF behind the size", "5\nhello\r\n", HTTP_CHUNK_BAD, "", 7 },
	{ "a bare CR behind the size", "5\rhello\r\n", HTTP_CHUNK_BAD, "", 6 },
	{ "CR CR LF behind the size", "5\r\r\nhello\r\n", HTTP_CHUNK_BAD, "", 8 },
	{ "a bare LF behind the data", "1\r\nx\n0\r\n\r\n", HTTP_CHUNK_BAD, "x", 5 },
	{ "more data than announced", "1\r\nxy\r\n0\r\n\r\n", HTTP_CHUNK_BAD, "x", 7 },
	{ "less data than announced", "3\r\nx\r\n0\r\n\r\n", HTTP_CHUNK_BAD, "x\r\n", 4 },
	{ "a trailer", "0\r\nX: y\r\n\r\n", HTTP_CHUNK_BAD, "", 7 },
	{ "a bare LF at the end", "0\r\n\n", HTTP_CHUNK_BAD, "", 0 },
	{ "a bare CR at the end", "0\r\n\rx", HTTP_CHUNK_BAD, "", 0 },
};

static void
a_cut_changes_nothing(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span stream = span_str(cases[i].stream);
		bool good = true;

		for (size_t cut = 0; cut <= stream.n; cut++) {
			struct outcome o = read_cut(stream, cut);

			good = good && o.result == cases[i].want && o.left == cases[i].left &&
				span_is(buf_span(&o.body), cases[i].body);
			buf_done(&o.body);
		}
		ok(good, "%s: the same for every cut", cases[i].name);
	}
}

static void
a_fault_stays(void)
{
	struct http_chunk chunk;
	struct span in = SPAN("x0\r\n\r\n"), data;
	bool good;

	http_chunk_init(&chunk, BODY_MAX);
	good = http_chunk_next(&chunk, &in, &data) == HTTP_CHUNK_BAD;
	ok(good && http_chunk_next(&chunk, &in, &data) == HTTP_CHUNK_BAD && in.n == 5,
		"nothing good comes after a fault");
}

int
main(void)
{
	a_cut_changes_nothing();
	a_fault_stays();
	return done_testing();
}
