/* b64url.c - see b64url.h. */
#include "base/b64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* 64 = not of the alphabet */
static unsigned
value_of(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26u;
	if (c >= '0' && c <= '9')
		return c - '0' + 52u;
	return c == '-' ? 62 : c == '_' ? 63 : 64;
}

size_t
b64url_write(char *dst, const void *p, size_t n)
{
	const unsigned char *in = p;
	size_t out = 0;
	uint32_t bits = 0;
	int have = 0;

	for (size_t i = 0; i < n; i++) {
		bits = (bits << 8) | in[i];
		for (have += 8; have >= 6; have -= 6)
			dst[out++] = alphabet[(bits >> (have - 6)) & 63];
	}
	if (have)
		dst[out++] = alphabet[(bits << (6 - have)) & 63];
	dst[out] = '\0';
	return out;
}

bool
b64url_add(struct buf *b, const void *p, size_t n)
{
	if (n > b->max || !buf_reserve(b, B64URL_LEN(n)))
		return buf_reserve(b, b->max + 1);
	b->n += b64url_write(b->p + b->n, p, n);
	return true;
}

/* n octets from B64URL_LEN(n) characters */
static bool
decode(struct span s, unsigned char *dst)
{
	uint32_t bits = 0;
	int have = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned v = value_of((unsigned char)s.p[i]);

		if (v > 63)
			return false;
		bits = (bits << 6) | v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*dst++ = (unsigned char)(bits >> have);
		}
	}
	return (bits & ((1u << have) - 1)) == 0;
}

bool
b64url_read(struct span s, struct buf *b)
{
	size_t n = s.n / 4 * 3 + (s.n % 4 ? s.n % 4 - 1 : 0);

	if (s.n % 4 == 1 || !buf_reserve(b, n) || !decode(s, (unsigned char *)b->p + b->n))
		return false;
	b->n += n;
	return true;
}

bool
b64url_read_exact(struct span s, void *dst, size_t n)
{
	unsigned char tmp[512];

	if (n > sizeof(tmp) || s.n != B64URL_LEN(n) || !decode(s, tmp))
		return false;
	memcpy(dst, tmp, n);
	return true;
}

bool
b64_read_lenient(struct span s, struct buf *b)
{
	AUTO_BUF url = BUF_MAX(s.n + 1);

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '=' || c == '\n' || c == '\r' || c == ' ' || c == '\t')
			continue;
		buf_addc(&url, c == '+' ? '-' : c == '/' ? '_' : c);
	}
	return b64url_read(buf_span(&url), b);
}

bool
b64url_is_alphabet(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (value_of((unsigned char)s.p[i]) > 63)
			return false;
	}
	return true;
}
