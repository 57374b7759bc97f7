/* The request head: what is read, and everything that is refused (RFC 9112). */
#include <stdlib.h>

#include "base/mem.h"
#include "httpd/head.h"
#include "tap.h"

static const struct http_limits limits = { .target_max_bytes = 64, .fields_max = 8 };

#define FIELDS 8
#define X16 "0123456789abcdef"
#define H "Host: a\r\n"
#define END "\r\n"
#define GET "GET / HTTP/1.1\r\n"
#define POST "POST / HTTP/1.1\r\n"

/* Scan and parse a copy of exact size. */
static bool
read_head(struct span text, struct http_field fields[FIELDS], struct http_head *ret, char **ret_copy,
	struct problem *pr)
{
	struct http_scan scan = { 0 };
	char *copy = malloc(text.n ? text.n : 1);
	struct span whole = span_of(copy, text.n);
	bool done = false;

	memcpy(copy, text.p, text.n);
	*ret_copy = copy;
	if (!http_head_scan(&scan, whole, &done, pr))
		return false;
	if (!done)
		return problem_set(pr, PROBLEM_REQUEST_TIMEOUT, "not done");
	return http_head_parse(span_of(copy, scan.at), &limits, fields, ret, pr);
}

static const struct {
	const char *name;
	struct span text;
	enum problem_kind want; /* NONE: accepted; REQUEST_TIMEOUT: the end of the head has not come */
} cases[] = {
#define YES(name, text) { name, SPAN(text), PROBLEM_NONE }
#define NO(name, text) { name, SPAN(text), PROBLEM_MALFORMED }
	YES("a plain GET", GET H END),
	YES("HTTP/1.0 without Host", "GET / HTTP/1.0\r\n" END),
	YES("HTTP/1.0 with Host", "GET / HTTP/1.0\r\n" H END),
	YES("a query", "GET /a?b=c&d HTTP/1.1\r\n" H END),
	YES("percent-encoding", "GET /a%20b%C3%A9 HTTP/1.1\r\n" H END),
	YES("an unknown method", "BREW / HTTP/1.1\r\n" H END),
	YES("a field without value", GET H "X:\r\n" END),
	YES("blanks and tabs around a value", GET "Host:\t a \t\r\n" END),
	YES("no blank behind the colon", GET "Host:a\r\n" END),
	YES("octets above 127 in a value", GET H "User-Agent: \xc3\xa9\r\n" END),
	YES("a tab inside a value", GET H "X: a\tb\r\n" END),
	YES("Content-Length 0", POST H "Content-Length: 0\r\n" END),
	YES("Content-Length with leading zeros", POST H "Content-Length: 007\r\n" END),
	YES("a Content-Length that does not fit in 64 bits", POST H
		"Content-Length: 99999999999999999999999999\r\n" END),
	YES("chunked", POST H "Transfer-Encoding: chunked\r\n" END),
	YES("chunked in capitals", POST H "transfer-encoding: CHUNKED\r\n" END),
	YES("Host with port", GET "Host: a.example:8080\r\n" END),
	YES("Host with an empty port", GET "Host: a.example:\r\n" END),
	YES("Host IPv4", GET "Host: 192.0.2.1:443\r\n" END),
	YES("Host IPv6", GET "Host: [2001:db8::1]:443\r\n" END),
	YES("Host IPv6 without port", GET "Host: [::1]\r\n" END),
	YES("HOST in capitals", "GET / HTTP/1.1\r\nHOST: a\r\n" END),
	YES("absolute form", "GET http://a/x HTTP/1.1\r\n" H END),
	YES("absolute form https, other case", "GET HTTPS://A/x HTTP/1.1\r\n" H END),
	YES("absolute form with port", "GET http://a:80/x HTTP/1.1\r\nHost: a:80\r\n" END),
	YES("absolute form without path", "GET http://a HTTP/1.1\r\n" H END),
	YES("absolute form with query only", "GET http://a?q HTTP/1.1\r\n" H END),
	YES("OPTIONS *", "OPTIONS * HTTP/1.1\r\n" H END),
	YES("OPTIONS of a path", "OPTIONS /x HTTP/1.1\r\n" H END),
	YES("the largest target", "GET /" X16 X16 X16 "123456789012345 HTTP/1.1\r\n" H END),
	YES("as many fields as are allowed", GET H "a:1\r\na:2\r\na:3\r\na:4\r\na:5\r\na:6\r\na:7\r\n" END),
	YES("Expect: 100-continue", POST H "Content-Length: 1\r\nExpect: 100-Continue\r\n" END),
	YES("HTTP/1.0 ignores an unknown Expect", "GET / HTTP/1.0\r\nExpect: x\r\n" END),
	YES("an odd Connection", GET H "Connection: ,, x , \t,\r\n" END),
	YES("what looks like a request behind the head", GET H END "GET"),

	NO("HTTP/0.9", "GET /\r\n" END),
	NO("HTTP/0.9 without path", "GET\r\n" END),
	NO("HTTP/1.2", "GET / HTTP/1.2\r\n" H END),
	NO("HTTP/2.0", "GET / HTTP/2.0\r\n" H END),
	NO("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	NO("HTTP/1.10", "GET / HTTP/1.10\r\n" H END),
	NO("HTTP/01.1", "GET / HTTP/01.1\r\n" H END),
	NO("HTTP/1,1", "GET / HTTP/1,1\r\n" H END),
	NO("http in small letters", "GET / http/1.1\r\n" H END),
	NO("a blank behind the version", "GET / HTTP/1.1 \r\n" H END),
	NO("no blank before the version", "GET /HTTP/1.1\r\n" H END),
	NO("a blank before the method", " GET / HTTP/1.1\r\n" H END),
	NO("two blanks behind the method", "GET  / HTTP/1.1\r\n" H END),
	NO("two blanks before the version", "GET /  HTTP/1.1\r\n" H END),
	NO("tabs for blanks", "GET\t/\tHTTP/1.1\r\n" H END),
	NO("a blank in the target", "GET /a b HTTP/1.1\r\n" H END),
	NO("no target", "GET HTTP/1.1\r\n" H END),
	NO("an empty target", "GET  HTTP/1.1\r\n" H END),
	NO("only a version", "HTTP/1.1\r\n" H END),
	NO("an empty request line", END GET H END),
	NO("a method of no token", "GE(T / HTTP/1.1\r\n" H END),
	NO("a method that is too long", "GETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\n" H END),
	NO("a ClientHello", "\x16\x03\x01\x02"),
	NO("a target that is too long",
		"GET /" X16 X16 X16 X16 " HTTP/1.1\r\n" H END),
	NO("a fragment", "GET /#x HTTP/1.1\r\n" H END),
	NO("a quote in the target", "GET /\" HTTP/1.1\r\n" H END),
	NO("a backslash in the target", "GET /\\x HTTP/1.1\r\n" H END),
	NO("UTF-8 in the target", "GET /\xc3\xa9 HTTP/1.1\r\n" H END),
	NO("a percent without digits", "GET /% HTTP/1.1\r\n" H END),
	NO("a percent with one digit", "GET /%2 HTTP/1.1\r\n" H END),
	NO("a percent with a wrong digit", "GET /%2g HTTP/1.1\r\n" H END),
	NO("NUL in the target", "GET /\0 HTTP/1.1\r\n" H END),
	NO("DEL in the target", "GET /\x7f HTTP/1.1\r\n" H END),
	NO("a target without slash", "GET x HTTP/1.1\r\n" H END),
	NO("the authority form", "CONNECT a:443 HTTP/1.1\r\n" H END),
	NO("GET *", "GET * HTTP/1.1\r\n" H END),
	NO("another scheme", "GET ftp://a/x HTTP/1.1\r\n" H END),
	NO("absolute form of another host", "GET http://b/x HTTP/1.1\r\n" H END),
	NO("absolute form with another port", "GET http://a:81/x HTTP/1.1\r\n" H END),
	NO("absolute form with a port that Host lacks", "GET http://a:80/x HTTP/1.1\r\n" H END),
	NO("absolute form without host", "GET http:///x HTTP/1.1\r\n" H END),
	NO("absolute form with user", "GET http://u@a/x HTTP/1.1\r\n" H END),
	NO("absolute form is no excuse for a missing Host", "GET http://a/x HTTP/1.1\r\n" END),

	NO("bare LF behind the request line", "GET / HTTP/1.1\n" H END),
	NO("bare LF behind a field", GET "Host: a\n" END),
	NO("bare LF as the empty line", GET H "\n"),
	NO("only LFs", "GET / HTTP/1.1\nHost: a\n\n"),
	NO("bare CR in the request line", "GET /\rx HTTP/1.1\r\n" H END),
	NO("bare CR in a value", GET H "X: a\rb\r\n" END),
	NO("CR CR LF", GET "Host: a\r\r\n" END),
	NO("NUL in a value", GET H "X: a\0b\r\n" END),
	NO("NUL in a name", GET H "X\0: a\r\n" END),
	NO("a control octet in a value", GET H "X: a\x01\r\n" END),
	NO("ESC in a value", GET H "X: \x1b[2J\r\n" END),
	NO("DEL in a value", GET H "X: a\x7f\r\n" END),
	NO("VT in a value", GET H "X: \va\r\n" END),
	NO("a folded field", GET H "X: a\r\n b\r\n" END),
	NO("a field folded with a tab", GET H "X: a\r\n\tb\r\n" END),
	NO("a first field that begins with a blank", GET " Host: a\r\n" END),
	NO("a line of one blank", GET H " \r\n" END),
	NO("a field without colon", GET H "X\r\n" END),
	NO("a field without name", GET H ": a\r\n" END),
	NO("a blank before the colon", GET H "X : a\r\n" END),
	NO("a tab before the colon", GET H "X\t: a\r\n" END),
	NO("a blank in a name", GET H "X Y: a\r\n" END),
	NO("a name of no token", GET H "X(: a\r\n" END),
	NO("UTF-8 in a name", GET H "\xc3\xa9: a\r\n" END),

	NO("no Host", GET END),
	NO("two Hosts", GET H "Host: b\r\n" END),
	NO("the same Host twice", GET H H END),
	NO("two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\n" H H END),
	NO("an empty Host", GET "Host:\r\n" END),
	NO("Host with a blank", GET "Host: a b\r\n" END),
	NO("Host with a comma", GET "Host: a,b\r\n" END),
	NO("Host with a path", GET "Host: a/b\r\n" END),
	NO("Host with a user", GET "Host: u@a\r\n" END),
	NO("Host with only a port", GET "Host: :80\r\n" END),
	NO("Host with a port that is too large", GET "Host: a:65536\r\n" END),
	NO("Host with a port of letters", GET "Host: a:b\r\n" END),
	NO("Host with a signed port", GET "Host: a:+80\r\n" END),
	NO("Host with two ports", GET "Host: a:1:2\r\n" END),
	NO("Host IPv6 without brackets", GET "Host: ::1\r\n" END),
	NO("Host IPv6 with an open bracket", GET "Host: [::1\r\n" END),
	NO("Host IPv6 that is none", GET "Host: [1:2]\r\n" END),
	NO("Host IPv6 with a zone", GET "Host: [fe80::1%eth0]\r\n" END),
	NO("Host of empty brackets", GET "Host: []\r\n" END),
	NO("Host with octets behind the bracket", GET "Host: [::1]x\r\n" END),
	NO("Host with UTF-8", GET "Host: \xc3\xa9\r\n" END),
	NO("a malformed Host in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a b\r\n" END),

	NO("Content-Length and Transfer-Encoding", POST H
		"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END),
	NO("Transfer-Encoding and Content-Length", POST H
		"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END),
	NO("Transfer-Encoding and Content-Length 0", POST H
		"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n" END),
	NO("two Content-Lengths", POST H "Content-Length: 5\r\nContent-Length: 6\r\n" END),
	NO("the same Content-Length twice", POST H "Content-Length: 5\r\nContent-Length: 5\r\n" END),
	NO("a Content-Length twice in other letters", POST H
		"content-length: 5\r\nCONTENT-LENGTH: 5\r\n" END),
	NO("a list of Content-Lengths", POST H "Content-Length: 5, 5\r\n" END),
	NO("Content-Length +3", POST H "Content-Length: +3\r\n" END),
	NO("Content-Length -1", POST H "Content-Length: -1\r\n" END),
	NO("Content-Length 0x5", POST H "Content-Length: 0x5\r\n" END),
	NO("Content-Length 5.0", POST H "Content-Length: 5.0\r\n" END),
	NO("Content-Length 1e1", POST H "Content-Length: 1e1\r\n" END),
	NO("Content-Length with a blank inside", POST H "Content-Length: 1 0\r\n" END),
	NO("an empty Content-Length", POST H "Content-Length: \r\n" END),
	NO("a blank before the colon of Content-Length", POST H "Content-Length : 5\r\n" END),
	NO("full-width digits", POST H "Content-Length: \xef\xbc\x95\r\n" END),
	NO("Transfer-Encoding identity", POST H "Transfer-Encoding: identity\r\n" END),
	NO("Transfer-Encoding gzip, chunked", POST H "Transfer-Encoding: gzip, chunked\r\n" END),
	NO("Transfer-Encoding chunked, chunked", POST H "Transfer-Encoding: chunked, chunked\r\n" END),
	NO("Transfer-Encoding twice", POST H
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" END),
	NO("Transfer-Encoding chunked and identity", POST H
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" END),
	NO("Transfer-Encoding xchunked", POST H "Transfer-Encoding: xchunked\r\n" END),
	NO("Transfer-Encoding chunked with a parameter", POST H
		"Transfer-Encoding: chunked;q=1\r\n" END),
	NO("Transfer-Encoding in quotes", POST H "Transfer-Encoding: \"chunked\"\r\n" END),
	NO("Transfer-Encoding chunked with VT", POST H "Transfer-Encoding: \vchunked\r\n" END),
	NO("an empty Transfer-Encoding", POST H "Transfer-Encoding:\r\n" END),
	NO("a blank before the colon of Transfer-Encoding", POST H "Transfer-Encoding : chunked\r\n" END),
	NO("chunked in HTTP/1.0", "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n" END),

	{ "an unknown expectation", SPAN(GET H "Expect: the-moon\r\n" END), PROBLEM_EXPECTATION },
	{ "one field too many",
		SPAN(GET H "a:1\r\na:2\r\na:3\r\na:4\r\na:5\r\na:6\r\na:7\r\na:8\r\n" END),
		PROBLEM_HEADERS_TOO_LARGE },
	{ "nothing", SPAN(""), PROBLEM_REQUEST_TIMEOUT },
	{ "half a request line", SPAN("GET / HT"), PROBLEM_REQUEST_TIMEOUT },
	{ "no empty line", SPAN(GET H), PROBLEM_REQUEST_TIMEOUT },
	{ "half an empty line", SPAN(GET H "\r"), PROBLEM_REQUEST_TIMEOUT },
};

static void
the_table_holds(void)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_field fields[FIELDS];
		struct http_head head;
		struct problem pr = { 0 };
		char *copy;
		bool good = read_head(cases[i].text, fields, &head, &copy, &pr);

		ok(good == (cases[i].want == PROBLEM_NONE) && pr.kind == cases[i].want, "%s: %s",
			cases[i].name, good ? "accepted" : "refused");
		free(copy);
	}
}

/* The scan alone never lets more through than the parser, whatever the pieces. */
static void
pieces_change_nothing(void)
{
	bool good = true;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_scan whole = { 0 }, bit = { 0 };
		struct problem pr = { 0 };
		struct span text = cases[i].text;
		bool done = false, done_bit = false, sound, sound_bit = true;

		sound = http_head_scan(&whole, text, &done, &pr);
		for (size_t n = 1; n <= text.n && sound_bit && !done_bit; n++)
			sound_bit = http_head_scan(&bit, span_of(text.p, n), &done_bit, &pr);
		good = good && sound == sound_bit && done == done_bit &&
			(!sound || (whole.at == bit.at && whole.lines == bit.lines));
	}
	ok(good, "the end of a head is found alike octet by octet and at once");
}

static void
the_parser_needs_no_scan(void)
{
	static const struct span texts[] = { SPAN(""), SPAN("\r\n"), SPAN("\n"), SPAN(GET), SPAN(GET H),
		SPAN(GET H END "x"), SPAN("\n" GET H END), SPAN(GET H "\n") };
	struct http_field fields[FIELDS];
	struct http_head head;
	bool good = true;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct problem pr = { 0 };

		good = good && !http_head_parse(texts[i], &limits, fields, &head, &pr) &&
			pr.kind == PROBLEM_MALFORMED;
	}
	ok(good, "the parser refuses what is not exactly one head");
}

/* Parse into statics and say whether it was accepted. */
static struct http_head head;
static struct http_field fields_of_head[FIELDS];

static bool
parse(const char *text)
{
	struct problem pr = { 0 };

	return http_head_parse(span_str(text), &limits, fields_of_head, &head, &pr);
}

static void
fields_are_read(void)
{
	ok(parse("POST /a/b?c=d?e HTTP/1.1\r\nHost: h:1\r\nX-Y:  z \t\r\nContent-Length: 12\r\n\r\n"),
		"a POST is accepted");
	is_int(head.method, HTTP_POST, "its method");
	is_int(head.minor, 1, "its version");
	ok(span_is(head.target, "/a/b?c=d?e"), "its target");
	ok(span_is(head.path, "/a/b"), "its path");
	ok(span_is(head.query, "c=d?e"), "its query");
	ok(span_is(head.host, "h:1"), "its host");
	is_int(head.field_count, 3, "its fields are counted");
	ok(span_is(head.fields[1].name, "X-Y") && span_is(head.fields[1].value, "z"),
		"a value is trimmed");
	is_int(head.length, 12, "its length");
	ok(!head.close && !head.chunked && !head.expect_continue, "and nothing else");
}

static void
targets_are_read(void)
{
	ok(parse(GET H END) && !head.query.p, "no query is no query");
	ok(parse("GET /? HTTP/1.1\r\n" H END) && head.query.p && head.query.n == 0,
		"an empty query is a query");
	ok(parse("GET http://a/x?y HTTP/1.1\r\n" H END) && span_is(head.target, "/x?y") &&
			span_is(head.path, "/x") && span_is(head.query, "y"),
		"the absolute form is cut down to its path");
	ok(parse("GET http://a HTTP/1.1\r\n" H END) && span_is(head.target, "/") &&
			span_is(head.path, "/"),
		"an absolute form without path is /");
	ok(parse("GET http://a?q HTTP/1.1\r\n" H END) && span_is(head.path, "/") &&
			span_is(head.query, "q"),
		"an absolute form without path may have a query");
	ok(parse("OPTIONS * HTTP/1.1\r\n" H END) && span_is(head.path, "*"), "the asterisk is a path");
}

static void
framing_is_read(void)
{
	ok(parse("GET / HTTP/1.0\r\n" END) && head.close && head.minor == 0, "HTTP/1.0 closes");
	ok(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n" END) && head.close,
		"HTTP/1.0 closes also when asked not to");
	ok(parse(GET H "Connection: x, Close\r\n" END) && head.close, "Connection: close is found in a list");
	ok(parse(GET H "Connection: x\r\nConnection: close\r\n" END) && head.close,
		"and in a second field");
	ok(parse(GET H "Connection: closed\r\n" END) && !head.close, "but only as a whole word");
	ok(parse(POST H "Transfer-Encoding: chunked\r\n" END) && head.chunked && head.length == 0,
		"chunked is known");
	ok(parse(POST H "Expect: 100-continue\r\n" END) && head.expect_continue, "Expect is known");
	ok(parse(POST H "Content-Length: 18446744073709551616\r\n" END) && head.length == UINT64_MAX,
		"a length of 2^64 is too large, not 0");
	ok(parse("PATCH / HTTP/1.1\r\n" H END) && head.method == HTTP_PATCH, "PATCH is known");
	ok(parse("get / HTTP/1.1\r\n" H END) && head.method == HTTP_OTHER,
		"methods are told apart by case");
}

int
main(void)
{
	the_table_holds();
	pieces_change_nothing();
	the_parser_needs_no_scan();
	fields_are_read();
	targets_are_read();
	framing_is_read();
	return done_testing();
}
