/* b64url.c - see b64url.h. */
#include "base/b64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Value plus one; 0 = not of the alphabet. */
static const unsigned char values[256] = {
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7,
	['H'] = 8, ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
	['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
	['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
	['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
	['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
	['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63,
	['_'] = 64,
};

/* Three octets at a time, as decode: a list of certificates has each one's name written. */
size_t
b64url_write(char *dst, const void *p, size_t n)
{
	const unsigned char *in = p;
	size_t out = 0, i = 0;
	uint32_t bits = 0;
	int have = 0;

	for (; n - i >= 3; i += 3, out += 4) {
		bits = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
		dst[out] = alphabet[bits >> 18];
		dst[out + 1] = alphabet[(bits >> 12) & 63];
		dst[out + 2] = alphabet[(bits >> 6) & 63];
		dst[out + 3] = alphabet[bits & 63];
	}
	for (; i < n; i++) {
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

/* n octets from B64URL_LEN(n) characters, four at a time: the body of every request passes here. */
static bool
decode(struct span s, unsigned char *dst)
{
	const unsigned char *p = (const unsigned char *)s.p;
	const unsigned char *end = s.n ? p + s.n : p;
	uint32_t bits = 0;
	int have = 0;

	for (; end - p >= 4; p += 4, dst += 3) {
		unsigned a = values[p[0]], b = values[p[1]], c = values[p[2]], d = values[p[3]];

		if (!a || !b || !c || !d)
			return false;
		bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
		dst[0] = (unsigned char)(bits >> 16);
		dst[1] = (unsigned char)(bits >> 8);
		dst[2] = (unsigned char)bits;
	}
	for (; p < end; p++) {
		if (!values[*p])
			return false;
		bits = bits << 6 | (values[*p] - 1u);
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
		if (!values[(unsigned char)s.p[i]])
			return false;
	}
	return true;
}
