/* head.c - see head.h. */
#include "httpc/head.h"

/* RFC 9110 section 5.6.2 */
static bool
is_token_octet(unsigned char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		return true;
	return c != 0 && strchr("!#$%&'*+-.^_`|~", c);
}

static bool
is_token(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is_token_octet((unsigned char)s.p[i]))
			return false;
	}
	return s.n > 0;
}

static bool
has_control(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}

static struct span
without_line_end(struct span s)
{
	if (s.n > 0 && s.p[s.n - 1] == '\n')
		s.n--;
	if (s.n > 0 && s.p[s.n - 1] == '\r')
		s.n--;
	return s;
}

/* A user agent replaces a fold with one blank (RFC 9112 section 5.2). */
static bool
head_unfold(struct buf *head, struct span line, bool *kept)
{
	struct span more = span_trim(line);

	if (!*kept || more.n == 0 || has_control(more))
		return true;
	head->n--; /* the line end of the field before */
	return buf_addc(head, ' ') && buf_addspan(head, more) && buf_addc(head, '\n');
}

bool
head_add(struct buf *head, struct span line, bool *kept)
{
	struct span value = without_line_end(line), name;

	if (value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t'))
		return head_unfold(head, value, kept);
	*kept = false;
	if (!span_cut(&value, ':', &name) || !value.p || !is_token(name))
		return true;
	value = span_trim(value);
	if (has_control(value))
		return true;
	*kept = true;
	return buf_addspan(head, name) && buf_adds(head, ": ") && buf_addspan(head, value) &&
		buf_addc(head, '\n');
}
