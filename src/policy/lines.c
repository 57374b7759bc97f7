/* lines.c - see lines.h. */
#include "policy/lines.h"

struct lines
lines_of(struct span text)
{
	return (struct lines){ text, 0 };
}

static struct span
without_comment(struct span line)
{
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '#' && (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
			return span_of(line.p, i);
	}
	return line;
}

bool
lines_next(struct lines *lines, struct span *ret)
{
	while (lines->rest.n) {
		struct span line;

		if (!span_cut(&lines->rest, '\n', &line))
			return false;
		lines->number++;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		*ret = span_trim(without_comment(line));
		if (ret->n)
			return true;
	}
	return false;
}
