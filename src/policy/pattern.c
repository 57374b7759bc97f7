/* pattern.c - see pattern.h. */
#include "policy/pattern.h"

#include <ctype.h>
#include <stdio.h>

#include "base/utf8.h"
#include "pki/device_id.h"
#include "policy/policy.h"

const char pattern_device_types[IDENT__COUNT] = {
	[IDENT_PERMANENT] = 'p',
	[IDENT_HARDWARE] = 'h',
};

static bool
parse_name(struct span text, struct pattern *ret, const char *pattern, struct problem *pr)
{
	struct span rest, label;

	if (!ident_name_ascii(text, ret->lower, pr))
		return false;
	rest = span_str(ret->lower);
	while (span_cut(&rest, '.', &label)) {
		bool good = label.n > 0 && label.n <= 63 && label.p[0] != '-' &&
			    label.p[label.n - 1] != '-';

		for (size_t i = 0; good && i < label.n; i++)
			good = isalnum((unsigned char)label.p[i]) || label.p[i] == '-';
		if (!good)
			return problem_set(pr, PROBLEM_MALFORMED,
				"\"%s\" is neither a name, *.NAME, a network, a device nor *",
				QUOTE(span_str(pattern)));
	}
	ret->text = span_str(ret->lower);
	return true;
}

struct span
pattern_device_text(char *dst, size_t size, enum ident_type type, struct span oid, struct span value)
{
	int n = snprintf(dst, size, "%c%.*s%s%.*s", pattern_device_types[type], SPAN_FMT(oid), oid.n ? "/" : "", SPAN_FMT(value));

	return span_of(dst, n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1);
}

/* VALUE, PREFIX*, or the latter and /OID behind it */
static bool
parse_device(struct span text, enum ident_type type, struct pattern *ret, const char *pattern, struct problem *pr)
{
	const char *star = text.n ? memchr(text.p, '*', text.n) : NULL;
	struct span prefix = span_of(text.p, star ? (size_t)(star - text.p) : text.n);
	struct span oid = star ? span_from(text, prefix.n + 1) : SPAN_NONE;

	if (text.n >= IDENT_VALUE)
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is longer than an identifier can be", QUOTE(span_str(pattern)));
	ret->kind = !star ? ENTRY_DEVICE : oid.n ? ENTRY_DEVICE_OF : ENTRY_DEVICE_PREFIX;
	ret->prefix_bytes = prefix.n;
	if (!star && !device_id_check(text, type == IDENT_HARDWARE, pr))
		return false;
	if (oid.n) {
		bool good = oid.p[0] == '/' && device_oid_ok(span_from(oid, 1)) && !memchr(prefix.p, '/', prefix.n);

		oid = span_from(oid, 1);
		if (!good)
			return problem_set(pr, PROBLEM_MALFORMED,
				"\"%s\": after '*' there may be nothing but '/' and an object identifier", QUOTE(span_str(pattern)));
	}
	if (!utf8_is_text(prefix))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is not UTF-8 without control characters", QUOTE(span_str(pattern)));
	ret->text = pattern_device_text(ret->device, sizeof(ret->device), type, oid, prefix);
	return true;
}

/* Does it begin with the type of a device? */
static bool
cut_device_type(struct span *text, enum ident_type *ret)
{
	for (int t = 0; t < IDENT__COUNT; t++) {
		const char *name = ident_type_name((enum ident_type)t);
		size_t n = strlen(name);

		if (pattern_device_types[t] && text->n > n && span_starts(*text, name) && text->p[n] == ':') {
			*text = span_from(*text, n + 1);
			*ret = (enum ident_type)t;
			return true;
		}
	}
	return false;
}

bool
pattern_parse(const char *pattern, struct pattern *ret, struct problem *pr)
{
	struct span text = span_str(pattern);
	enum ident_type type;
	struct addr addr;

	*ret = (struct pattern){ .kind = ENTRY_NAME };
	if (span_is(text, "*")) {
		ret->kind = ENTRY_ALL;
		return true;
	}
	if (cut_device_type(&text, &type))
		return parse_device(text, type, ret, pattern, pr);
	if (memchr(text.p, '/', text.n) || addr_parse(text, &addr)) {
		ret->kind = ENTRY_NET;
		return net_parse(text, &ret->net, pr);
	}
	if (span_starts(text, "*.")) {
		ret->kind = ENTRY_BELOW;
		text = span_from(text, 2);
	}
	return parse_name(text, ret, pattern, pr);
}

struct span
pattern_net_key(const struct addr *a, unsigned bits, char dst[17])
{
	size_t octets = a->family == AF_INET ? 4 : 16;

	memset(dst, 0, 17);
	dst[0] = (char)bits;
	memcpy(dst + 1, a->octet, (bits + 7) / 8);
	if (bits % 8)
		dst[1 + bits / 8] = (char)(dst[1 + bits / 8] & (0xff << (8 - bits % 8)));
	return span_of(dst, 1 + octets);
}

bool
policy_pattern_check(const char *pattern, struct problem *pr)
{
	struct pattern parsed;

	return pattern_parse(pattern, &parsed, pr);
}
