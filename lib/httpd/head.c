/* head.c - see head.h.
 *
 * The text is cut into lines, the request line and the fields are checked one by one, and at the end
 * the fields that frame the message (Host, Content-Length, Transfer-Encoding, Connection, Expect)
 * are weighed together. */
#include "httpd/head.h"

#include <arpa/inet.h>

enum {
	TOKEN = 1, /* tchar, RFC 9110 5.6.2 */
	URI = 2,   /* pchar without pct-encoded, "/" and "?", RFC 3986 3.3 */
	NAME = 4,  /* what we take in a host name */
	HEX = 8,
};

static const unsigned char classes[256] = {
	['0' ... '9'] = TOKEN | URI | NAME | HEX,
	['A' ... 'F'] = TOKEN | URI | NAME | HEX,
	['G' ... 'Z'] = TOKEN | URI | NAME,
	['a' ... 'f'] = TOKEN | URI | NAME | HEX,
	['g' ... 'z'] = TOKEN | URI | NAME,
	['-'] = TOKEN | URI | NAME, ['.'] = TOKEN | URI | NAME,
	['_'] = TOKEN | URI | NAME, ['~'] = TOKEN | URI | NAME,
	['!'] = TOKEN | URI, ['$'] = TOKEN | URI, ['&'] = TOKEN | URI,
	['\''] = TOKEN | URI, ['*'] = TOKEN | URI, ['+'] = TOKEN | URI,
	['#'] = TOKEN, ['%'] = TOKEN, ['^'] = TOKEN, ['`'] = TOKEN, ['|'] = TOKEN,
	['('] = URI, [')'] = URI, [','] = URI, [';'] = URI, ['='] = URI,
	[':'] = URI, ['@'] = URI, ['/'] = URI, ['?'] = URI,
};

static const struct {
	const char *name;
	enum http_method method;
} methods[] = {
	{ "GET", HTTP_GET },
	{ "HEAD", HTTP_HEAD },
	{ "POST", HTTP_POST },
	{ "OPTIONS", HTTP_OPTIONS },
	{ "PUT", HTTP_PUT },
	{ "DELETE", HTTP_DELETE },
	{ "PATCH", HTTP_PATCH },
};

#define METHOD_MAX 32
#define HOST_MAX 255

#define bad(pr, ...) problem_set((pr), PROBLEM_MALFORMED, __VA_ARGS__)

static bool
is(char c, unsigned class)
{
	return classes[(unsigned char)c] & class;
}

static bool
all_are(struct span s, unsigned class)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!is(s.p[i], class))
			return false;
	}
	return true;
}

static bool
is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static bool
ends_in_version(struct span line, unsigned *ret_minor)
{
	struct span version = span_from(line, line.n < 8 ? 0 : line.n - 8);

	if (span_is(version, "HTTP/1.1"))
		*ret_minor = 1;
	else if (span_is(version, "HTTP/1.0"))
		*ret_minor = 0;
	else
		return false;
	return true;
}

/* A line has ended at scan->at; is it one that may stand there? */
static bool
scan_line(struct http_scan *scan, struct span text, bool *ret_done, struct problem *pr)
{
	struct span line = span_of(text.p + scan->line, scan->at - scan->line);
	unsigned minor;

	if (line.n == 0 || line.p[line.n - 1] != '\r')
		return bad(pr, "a line of the head ends in LF without CR");
	line.n--;
	scan->line = scan->at + 1;
	/* HTTP/0.9 has no head to wait for, and HTTP/2 would wait for us */
	if (scan->lines == 0 && !ends_in_version(line, &minor))
		return bad(pr, "the request line does not end in HTTP/1.1 or HTTP/1.0");
	if (line.n == 0)
		*ret_done = true;
	else
		scan->lines++;
	return true;
}

bool
http_head_scan(struct http_scan *scan, struct span text, bool *ret_done, struct problem *pr)
{
	bool done = false;

	for (; scan->at < text.n && !done; scan->at++) {
		char c = text.p[scan->at];

		if (c == '\n') {
			if (!scan_line(scan, text, &done, pr))
				return false;
		} else if (scan->at > scan->line && text.p[scan->at - 1] == '\r') {
			return bad(pr, "the head has a CR without LF");
		} else if (c != '\r' && is_control(c)) {
			return bad(pr, "the head has a control octet");
		}
	}
	*ret_done = done;
	return true;
}

/* Cut off one line, without its CRLF; what is not clean to the last octet is no line. */
static bool
line_cut(struct span *rest, struct span *ret, struct problem *pr)
{
	const char *lf = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;
	struct span line;

	if (!lf || lf == rest->p || lf[-1] != '\r')
		return bad(pr, "a line of the head does not end in CRLF");
	line = span_of(rest->p, (size_t)(lf - rest->p) - 1);
	for (size_t i = 0; i < line.n; i++) {
		if (is_control(line.p[i]))
			return bad(pr, "the head has a control octet");
	}
	*rest = span_from(*rest, line.n + 2);
	*ret = line;
	return true;
}

static bool
uri_is_sound(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%') {
			if (s.n - i < 3 || !is(s.p[i + 1], HEX) || !is(s.p[i + 2], HEX))
				return false;
			i += 2;
		} else if (!is(s.p[i], URI)) {
			return false;
		}
	}
	return true;
}

static bool
request_line(
	struct span line, const struct http_limits *limits, struct http_head *h, struct problem *pr)
{
	struct span method, target = line;

	if (!ends_in_version(line, &h->minor))
		return bad(pr, "the request line does not end in HTTP/1.1 or HTTP/1.0");
	target.n -= 8;
	if (!span_cut(&target, ' ', &method) || method.n == 0 || method.n > METHOD_MAX ||
		!all_are(method, TOKEN))
		return bad(pr, "the request line does not begin with a method");
	if (target.n < 2 || target.p[target.n - 1] != ' ')
		return bad(pr, "the request line is not METHOD TARGET VERSION");
	target.n--;
	if (target.n > limits->target_max_bytes)
		return bad(pr, "the request target is longer than %zu octets",
			limits->target_max_bytes);
	if (!uri_is_sound(target))
		return bad(pr, "the request target \"%s\" is not a URI", QUOTE(target));
	h->method = HTTP_OTHER;
	for (size_t i = 0; i < COUNT_OF(methods); i++) {
		if (span_is(method, methods[i].name))
			h->method = methods[i].method;
	}
	h->target = target;
	return true;
}

static bool
field_line(struct span line, struct http_field *ret, struct problem *pr)
{
	struct span name;

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return bad(pr, "a field line is folded or begins with a blank");
	name = line;
	name.n = 0;
	while (name.n < line.n && is(line.p[name.n], TOKEN))
		name.n++;
	if (name.n == 0 || name.n == line.n || line.p[name.n] != ':')
		return bad(pr, "the field line \"%s\" is not NAME: VALUE", QUOTE(line));
	*ret = (struct http_field){ name, span_trim(span_from(line, name.n + 1)) };
	return true;
}

/* uri-host [ ":" port ], RFC 9110 7.2 */
static bool
host_is_sound(struct span s)
{
	unsigned char v6[16];
	char text[INET6_ADDRSTRLEN];
	struct span port;
	uint64_t number;
	size_t n = 0;

	if (s.n && s.p[0] == '[') {
		const char *end = memchr(s.p, ']', s.n);

		if (!end ||
			!span_copy(span_of(s.p + 1, (size_t)(end - s.p) - 1), text, sizeof(text)) ||
			inet_pton(AF_INET6, text, v6) != 1)
			return false;
		n = (size_t)(end - s.p) + 1;
	} else {
		while (n < s.n && is(s.p[n], NAME))
			n++;
	}
	if (n == 0 || n > HOST_MAX)
		return false;
	if (n == s.n)
		return true;
	port = span_from(s, n + 1);
	return s.p[n] == ':' && (port.n == 0 || (port.n <= 5 && span_uint(port, 65535, &number)));
}

static bool
span_eq_nocase(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

/* `http://authority` cut off an absolute form; false when it is none. */
static bool
absolute_cut(struct span *target, struct span *ret_authority)
{
	struct span rest = *target;
	size_t n = 0;

	if (rest.n >= 7 && strncasecmp(rest.p, "http://", 7) == 0)
		rest = span_from(rest, 7);
	else if (rest.n >= 8 && strncasecmp(rest.p, "https://", 8) == 0)
		rest = span_from(rest, 8);
	else
		return false;
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	*ret_authority = span_of(rest.p, n);
	*target = span_from(rest, n);
	return true;
}

/* The four forms of RFC 9112 3.2; the authority form belongs to CONNECT, which we do not have. */
static bool
target_form(struct http_head *h, struct problem *pr)
{
	struct span authority, rest;
	const char *mark;

	if (span_is(h->target, "*")) {
		if (h->method != HTTP_OPTIONS)
			return bad(pr, "the request target \"*\" is only for OPTIONS");
		h->path = h->target;
		return true;
	}
	if (absolute_cut(&h->target, &authority)) {
		if (!host_is_sound(authority))
			return bad(pr, "the request target names no host");
		if (h->host.p && !span_eq_nocase(authority, h->host))
			return bad(pr, "the request target and Host name different hosts");
	} else if (h->target.p[0] != '/') {
		return bad(pr, "the request target \"%s\" is not a path", QUOTE(h->target));
	}
	rest = h->target;
	mark = rest.n ? memchr(rest.p, '?', rest.n) : NULL;
	h->path = mark ? span_of(rest.p, (size_t)(mark - rest.p)) : rest;
	if (mark)
		h->query = span_from(rest, h->path.n + 1);
	if (h->path.n == 0)
		h->path = SPAN("/"); /* an absolute form may go without */
	if (h->target.n == 0)
		h->target = h->path;
	return true;
}

static bool
has_token(struct span list, const char *token)
{
	struct span part;

	while (span_cut(&list, ',', &part)) {
		if (span_is_nocase(span_trim(part), token))
			return true;
	}
	return false;
}

/* Content-Length: digits and nothing else; a number that cannot be is too large, not malformed. */
static bool
length_field(struct span value, uint64_t *ret, struct problem *pr)
{
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return bad(pr, "the Content-Length \"%s\" is not a number", QUOTE(value));
	}
	if (value.n == 0)
		return bad(pr, "the Content-Length is empty");
	if (!span_uint(value, UINT64_MAX, ret))
		*ret = UINT64_MAX;
	return true;
}

struct framing {
	unsigned hosts, lengths, codings;
};

static bool
framing_field(
	const struct http_field *f, struct framing *seen, struct http_head *h, struct problem *pr)
{
	if (span_is_nocase(f->name, "Host")) {
		if (seen->hosts++)
			return bad(pr, "there is more than one Host");
		if (!host_is_sound(f->value))
			return bad(pr, "the Host \"%s\" is not HOST or HOST:PORT", QUOTE(f->value));
		h->host = f->value;
	} else if (span_is_nocase(f->name, "Content-Length")) {
		if (seen->lengths++)
			return bad(pr, "there is more than one Content-Length");
		return length_field(f->value, &h->length, pr);
	} else if (span_is_nocase(f->name, "Transfer-Encoding")) {
		if (seen->codings++ || !span_is_nocase(f->value, "chunked"))
			return bad(pr, "the Transfer-Encoding is not a single \"chunked\"");
		h->chunked = true;
	} else if (span_is_nocase(f->name, "Connection")) {
		h->close = h->close || has_token(f->value, "close");
	} else if (span_is_nocase(f->name, "Expect") && h->minor == 1) {
		if (!span_is_nocase(f->value, "100-continue"))
			return problem_set(pr, PROBLEM_EXPECTATION,
				"the expectation \"%s\" is unknown", QUOTE(f->value));
		h->expect_continue = true;
	}
	return true;
}

/* RFC 9112 3.2 and 6.3 */
static bool
framing(struct http_head *h, struct problem *pr)
{
	struct framing seen = { 0 };

	h->close = h->minor == 0;
	for (size_t i = 0; i < h->field_count; i++) {
		if (!framing_field(&h->fields[i], &seen, h, pr))
			return false;
	}
	if (h->minor == 1 && !seen.hosts)
		return bad(pr, "the Host is missing");
	if (h->chunked && seen.lengths)
		return bad(pr, "there are both Content-Length and Transfer-Encoding");
	if (h->chunked && h->minor == 0)
		return bad(pr, "HTTP/1.0 has no Transfer-Encoding");
	return true;
}

bool
http_head_parse(struct span text, const struct http_limits *limits, struct http_field *fields,
	struct http_head *ret, struct problem *pr)
{
	struct http_head h = { .fields = fields };
	struct span rest = text, line;

	if (!line_cut(&rest, &line, pr) || !request_line(line, limits, &h, pr))
		return false;
	for (;;) {
		if (!line_cut(&rest, &line, pr))
			return false;
		if (line.n == 0)
			break;
		if (h.field_count == limits->fields_max)
			return problem_set(pr, PROBLEM_HEADERS_TOO_LARGE,
				"there are more than %u fields", limits->fields_max);
		if (!field_line(line, &fields[h.field_count++], pr))
			return false;
	}
	if (rest.n)
		return bad(pr, "there are octets behind the head");
	if (!framing(&h, pr) || !target_form(&h, pr))
		return false;
	*ret = h;
	return true;
}
