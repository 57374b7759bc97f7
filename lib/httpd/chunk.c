/* chunk.c - see chunk.h.
 *
 * A machine of one octet at a time for everything but the data. */
#include "httpd/chunk.h"

enum {
	IN_SIZE,
	IN_SIZE_LF,
	IN_DATA,
	IN_DATA_CR,
	IN_DATA_LF,
	IN_END_CR, /* behind the last chunk: an empty line, no trailer */
	IN_END_LF,
	IN_DONE,
	IN_BAD,
	IN_TOO_LARGE,
};

#define DIGITS_MAX 16

void
http_chunk_init(struct http_chunk *chunk, uint64_t body_max_bytes)
{
	*chunk = (struct http_chunk){ .state = IN_SIZE, .room = body_max_bytes };
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int
size_octet(struct http_chunk *chunk, char c)
{
	int digit = hex(c);

	if (digit >= 0 && chunk->digits < DIGITS_MAX) {
		chunk->digits++;
		chunk->left = chunk->left << 4 | (unsigned)digit;
		return IN_SIZE;
	}
	return c == '\r' && chunk->digits ? IN_SIZE_LF : IN_BAD;
}

static int
size_end(struct http_chunk *chunk, char c)
{
	if (c != '\n')
		return IN_BAD;
	chunk->digits = 0;
	if (chunk->left == 0)
		return IN_END_CR;
	if (chunk->left > chunk->room)
		return IN_TOO_LARGE;
	chunk->room -= chunk->left;
	return IN_DATA;
}

static int
octet(struct http_chunk *chunk, char c)
{
	switch (chunk->state) {
	case IN_SIZE:
		return size_octet(chunk, c);
	case IN_SIZE_LF:
		return size_end(chunk, c);
	case IN_DATA_CR:
		return c == '\r' ? IN_DATA_LF : IN_BAD;
	case IN_DATA_LF:
		return c == '\n' ? IN_SIZE : IN_BAD;
	case IN_END_CR:
		return c == '\r' ? IN_END_LF : IN_BAD;
	case IN_END_LF:
		return c == '\n' ? IN_DONE : IN_BAD;
	default:
		return IN_BAD;
	}
}

enum http_chunk_result
http_chunk_next(struct http_chunk *chunk, struct span *in, struct span *ret_data)
{
	for (;;) {
		if (chunk->state == IN_DONE)
			return HTTP_CHUNK_DONE;
		if (chunk->state == IN_BAD)
			return HTTP_CHUNK_BAD;
		if (chunk->state == IN_TOO_LARGE)
			return HTTP_CHUNK_TOO_LARGE;
		if (in->n == 0)
			return HTTP_CHUNK_MORE;
		if (chunk->state == IN_DATA)
			break;
		chunk->state = octet(chunk, in->p[0]);
		*in = span_from(*in, 1);
	}
	*ret_data = span_of(in->p, in->n < chunk->left ? in->n : (size_t)chunk->left);
	*in = span_from(*in, ret_data->n);
	chunk->left -= ret_data->n;
	if (chunk->left == 0)
		chunk->state = IN_DATA_CR;
	return HTTP_CHUNK_DATA;
}
