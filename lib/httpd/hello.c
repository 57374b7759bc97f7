/* hello.c - see hello.h. */
#include "httpd/hello.h"

#include <ctype.h>

#define HOST_NAME 0 /* NameType (RFC 6066 3) */

/* A number of `width` octets, and then so many octets: the first of `rest` into ret, which goes on behind them. */
static bool
take(struct span *rest, size_t width, struct span *ret)
{
	size_t n = 0;

	if (rest->n < width)
		return false;
	for (size_t i = 0; i < width; i++)
		n = n << 8 | (unsigned char)rest->p[i];
	if (rest->n - width < n)
		return false;
	*ret = span_of(rest->p + width, n);
	*rest = span_from(*rest, width + n);
	return true;
}

static bool
is_host(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (c >= 0x80 || !(isalnum(c) || c == '-' || c == '_' || c == '.'))
			return false;
	}
	return name.n > 0 && name.n < HELLO_NAME_TEXT;
}

bool
hello_name_parse(struct span ext, char ret[HELLO_NAME_TEXT])
{
	struct span list, name;

	if (!take(&ext, 2, &list) || ext.n > 0 || list.n == 0 || list.p[0] != HOST_NAME)
		return false;
	list = span_from(list, 1);
	if (!take(&list, 2, &name) || list.n > 0 || !is_host(name))
		return false;
	for (size_t i = 0; i < name.n; i++)
		ret[i] = (char)tolower((unsigned char)name.p[i]);
	ret[name.n] = '\0';
	return true;
}

bool
hello_protocol_is(struct span ext, const char *protocol)
{
	struct span list, first;

	return take(&ext, 2, &list) && ext.n == 0 && take(&list, 1, &first) && list.n == 0 && span_is(first, protocol);
}
