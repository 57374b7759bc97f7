/* url.c - see url.h. */
#include "gate/url.h"

#include <ctype.h>

#include "base/addr.h"
#include "base/mem.h"

static bool
is_url_octet(char c)
{
	return (unsigned char)c > 0x20 && (unsigned char)c < 0x7f && !strchr("\"<>\\^`{|}", c);
}

/* Letters, digits and hyphens between dots, or an address in its one form. */
static bool
is_host(struct span host)
{
	struct addr addr;
	struct span label;

	if (addr_parse(host, &addr))
		return true;
	if (host.n == 0 || host.n > 253)
		return false;
	while (span_cut(&host, '.', &label)) {
		if (label.n == 0 || label.n > 63 || label.p[0] == '-' ||
			label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++) {
			if (!isalnum((unsigned char)label.p[i]) && label.p[i] != '-')
				return false;
		}
	}
	/* a last label of digits would be read as an address by others */
	return !isdigit((unsigned char)label.p[0]);
}

/* host[:port] or [v6][:port] */
static bool
parse_authority(struct span text, struct url *ret, struct problem *pr)
{
	const char *end = text.n && text.p[0] == '[' ? memchr(text.p, ']', text.n) : NULL;
	struct span rest = text, host;
	uint64_t port;
	struct addr addr;

	if (end) {
		host = span_of(text.p + 1, (size_t)(end - text.p) - 1);
		rest = span_from(text, host.n + 2);
		if (!addr_parse(host, &addr) || addr.family != AF_INET6 ||
			(rest.n && rest.p[0] != ':'))
			return problem_set(pr, PROBLEM_MALFORMED,
				"\"%s\" is no IPv6 address and port", QUOTE(text));
		rest = rest.n ? span_from(rest, 1) : SPAN_NONE;
	} else {
		span_cut(&rest, ':', &host);
		if (!is_host(host))
			return problem_set(pr, PROBLEM_MALFORMED,
				"\"%s\" is no host name or address", QUOTE(host));
	}
	if (rest.p && (!span_uint(rest, 65535, &port) || port == 0))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is no port", QUOTE(rest));
	if (rest.p)
		ret->port = (uint16_t)port;
	ret->host = host;
	return true;
}

bool
url_parse(struct span text, struct url *ret, struct problem *pr)
{
	struct url url = { 0 };
	struct span rest = text;
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (!is_url_octet(text.p[i]))
			return problem_set(pr, PROBLEM_MALFORMED,
				"\"%s\" has an octet no URL may have", QUOTE(text));
	}
	url.https = span_starts(text, "https://");
	if (!url.https && !span_starts(text, "http://"))
		return problem_set(
			pr, PROBLEM_MALFORMED, "\"%s\" does not begin with https://", QUOTE(text));
	url.port = url.https ? 443 : 80;
	rest = span_from(text, url.https ? 8 : 7);
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	if (memchr(rest.p, '@', n))
		return problem_set(
			pr, PROBLEM_MALFORMED, "a URL with a user name in it is not taken");
	if (memchr(text.p, '#', text.n))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" has a fragment (#)", QUOTE(text));
	if (!parse_authority(span_of(rest.p, n), &url, pr))
		return false;
	rest = span_from(rest, n);
	span_cut(&rest, '?', &url.path);
	url.query = rest;
	*ret = url;
	return true;
}

bool
url_is_loopback(const struct url *url)
{
	struct addr addr;

	if (span_is_nocase(url->host, "localhost"))
		return true;
	if (!addr_parse(url->host, &addr))
		return false;
	if (addr.family == AF_INET)
		return addr.octet[0] == 127;
	for (size_t i = 0; i < 15; i++) {
		if (addr.octet[i] != 0)
			return false;
	}
	return addr.octet[15] == 1;
}
