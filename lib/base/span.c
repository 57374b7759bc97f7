/* span.c - see span.h. */
#include "base/span.h"

#include "base/mem.h"

struct span
span_trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s.p++, s.n--;
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool
span_cut(struct span *rest, char sep, struct span *ret_part)
{
	const char *at;

	if (!rest->p)
		return false;
	at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
	if (!at) {
		*ret_part = *rest;
		*rest = SPAN_NONE;
		return true;
	}
	*ret_part = span_of(rest->p, (size_t)(at - rest->p));
	*rest = span_from(*rest, ret_part->n + 1);
	return true;
}

bool
span_uint(struct span s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned char)s.p[i] - '0';

		if (digit > 9 || v > (max - digit) / 10 || v * 10 + digit > max)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return true;
}

uint64_t
span_hash(struct span s)
{
	uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a, and the finisher of MurmurHash3 */

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * UINT64_C(1099511628211);
	h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
	return h ^ (h >> 33);
}

char *
span_dup(struct span s)
{
	char *copy = xmalloc(s.n + 1);

	if (s.n)
		memcpy(copy, s.p, s.n);
	copy[s.n] = '\0';
	return copy;
}

bool
span_copy(struct span s, char *dst, size_t size)
{
	if (s.n >= size || (s.n && memchr(s.p, '\0', s.n)))
		return false;
	if (s.n)
		memcpy(dst, s.p, s.n);
	dst[s.n] = '\0';
	return true;
}
