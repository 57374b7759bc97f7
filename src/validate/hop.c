/* hop.c - see hop.h. */
#include "validate/hop.h"

bool
hop_parse(const char *url, uint16_t http01_port, struct hop *hop, const char **ret_fault)
{
	struct span rest = span_str(url), authority = SPAN_NONE, port = SPAN_NONE;
	uint64_t n;

	*ret_fault = "is not an http or https URL";
	hop->https = span_starts(rest, "https://");
	if (!hop->https && !span_starts(rest, "http://"))
		return false;
	rest = span_from(rest, hop->https ? 8 : 7);
	authority = span_of(rest.p, strcspn(rest.p, "/?#"));
	if (memchr(authority.p, '@', authority.n))
		return false;
	hop->port = hop->https ? 443 : 80;
	if (authority.n && authority.p[0] == '[') {
		const char *end = memchr(authority.p, ']', authority.n);

		if (!end)
			return false;
		port = span_from(authority, (size_t)(end - authority.p) + 1);
		authority = span_of(authority.p + 1, (size_t)(end - authority.p) - 1);
		if (port.n && port.p[0] != ':')
			return false;
		port = span_from(port, 1);
	} else {
		struct span all = authority;

		span_cut(&all, ':', &authority);
		port = all.p ? all : SPAN_NONE;
	}
	if (port.n) {
		if (!span_uint(port, 65535, &n))
			return false;
		hop->port = (uint16_t)n;
	}
	*ret_fault = "has a host that is no name or address";
	if (authority.n == 0 || !span_copy(authority, hop->host, sizeof(hop->host)))
		return false;
	hop->is_addr = addr_parse(authority, &hop->addr);
	*ret_fault = "uses a port that is not allowed";
	if (hop->port != 80 && hop->port != 443 && hop->port != http01_port)
		return false;
	*ret_fault = "is too long";
	return span_copy(span_str(url), hop->url, sizeof(hop->url));
}
