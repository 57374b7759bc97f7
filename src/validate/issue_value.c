/* issue_value.c - see issue_value.h.
 *
 * issue-value = *WSP [issuer-domain-name *WSP] [";" *WSP [parameters *WSP]]; parameters have semicolons between, none behind the
 * last. */
#include "validate/issue_value.h"

#include <ctype.h>

static struct span
skip_wsp(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_from(s, 1);
	return s;
}

/* Octets of `s` up to one that is none of these. */
static struct span
take(struct span *s, bool (*is)(char c))
{
	struct span all = *s;
	size_t n = 0;

	while (n < all.n && is(all.p[n]))
		n++;
	*s = span_from(all, n);
	return span_of(all.p, n);
}

static bool
is_label(char c)
{
	return isalnum((unsigned char)c) || c == '-';
}

static bool
is_name(char c)
{
	return is_label(c) || c == '.';
}

/* %x21-3A / %x3C-7E: all that is printed but the semicolon */
static bool
is_value(char c)
{
	return c > 0x20 && c < 0x7f && c != ';';
}

/* Starts and ends with a letter or digit, hyphens only within. */
static bool
is_tag(struct span s)
{
	return s.n > 0 && isalnum((unsigned char)s.p[0]) && isalnum((unsigned char)s.p[s.n - 1]);
}

bool
issue_value_parse(struct span text, struct issue_value *ret)
{
	struct span s = skip_wsp(text), name = take(&s, is_name);

	s = skip_wsp(s);
	if (s.n > 0 && s.p[0] != ';')
		return false;
	*ret = (struct issue_value){ name, skip_wsp(span_from(s, 1)) };
	return true;
}

enum issue_next
issue_value_next(struct issue_value *v, struct span *ret_tag, struct span *ret_value)
{
	struct span s = v->rest, tag, value;

	if (s.n == 0)
		return ISSUE_END;
	tag = take(&s, is_label);
	s = skip_wsp(s);
	if (!is_tag(tag) || s.n == 0 || s.p[0] != '=')
		return ISSUE_MALFORMED;
	s = skip_wsp(span_from(s, 1));
	value = take(&s, is_value);
	s = skip_wsp(s);
	if (s.n > 0) {
		if (s.p[0] != ';')
			return ISSUE_MALFORMED;
		s = skip_wsp(span_from(s, 1));
		if (s.n == 0)
			return ISSUE_MALFORMED;
	}
	v->rest = s;
	*ret_tag = tag;
	*ret_value = value;
	return ISSUE_PARAMETER;
}
