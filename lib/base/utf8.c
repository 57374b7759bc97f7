/* utf8.c - see utf8.h. */
#include "base/utf8.h"

static bool
is_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

size_t
utf8_step(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (s.n == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xe0)
		return p[0] >= 0xc2 && s.n >= 2 && is_tail(p[1]) ? 2 : 0;
	if (s.n < 3 || !is_tail(p[1]) || !is_tail(p[2]))
		return 0;
	if (p[0] < 0xf0) {
		/* E0 80..9F would be overlong, ED A0..BF a surrogate */
		bool bad = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0);

		return bad ? 0 : 3;
	}
	if (s.n < 4 || !is_tail(p[3]) || p[0] > 0xf4)
		return 0;
	return (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90) ? 0 : 4;
}

size_t
utf8_prefix(struct span s)
{
	size_t i = 0;

	while (i < s.n) {
		uint64_t word;
		size_t step;

		/* most text is ASCII: eight octets at a time */
		if (s.n - i >= sizeof(word)) {
			memcpy(&word, s.p + i, sizeof(word));
			if (!(word & UINT64_C(0x8080808080808080))) {
				i += sizeof(word);
				continue;
			}
		}
		step = utf8_step(span_from(s, i));
		if (step == 0)
			break;
		i += step;
	}
	return i;
}

bool
utf8_is_text(struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	if (utf8_prefix(s) != s.n)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		/* C2 80..9F are U+0080..U+009F */
		if (p[i] < 0x20 || p[i] == 0x7f || (p[i] == 0xc2 && p[i + 1] < 0xa0))
			return false;
	}
	return true;
}
