/* test_ident.c - identifiers and their sets (RFC 8555 7.1.4, RFC 8738). */
#include "pki/ident.h"

#include "tap.h"

#define L60 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"
#define L63 L60 "ggg"

static const struct {
	const char *name, *type, *value;
	enum problem_kind want;
	const char *canonical;
} cases[] = {
	{ "a plain name is taken", "dns", "example.com", 0, "example.com" },
	{ "a name is lower-cased", "dns", "WWW.Example.COM", 0, "www.example.com" },
	{ "a wildcard is taken", "dns", "*.example.com", 0, "*.example.com" },
	{ "a single label is taken", "dns", "router", 0, "router" },
	{ "a label that begins with a digit is taken", "dns", "3com.example", 0, "3com.example" },
	{ "a label of 63 octets is taken", "dns", L63 ".example", 0, L63 ".example" },
	{ "a name of 253 octets is taken", "dns", L63 "." L63 "." L63 "." L60 "h", 0,
		L63 "." L63 "." L63 "." L60 "h" },
	{ "an A-label is taken", "dns", "xn--bcher-kva.example", 0, "xn--bcher-kva.example" },
	{ "an A-label in capitals is lower-cased first", "dns", "XN--BCHER-KVA.example", 0,
		"xn--bcher-kva.example" },
	{ "a deviation character's A-label is taken", "dns", "xn--fa-hia.example", 0,
		"xn--fa-hia.example" },
	{ "a wildcard over an A-label is taken", "dns", "*.xn--mgbh0fb", 0, "*.xn--mgbh0fb" },
	{ "two hyphens elsewhere are fine", "dns", "a--b.abc--d.example", 0,
		"a--b.abc--d.example" },
	{ "an empty name is refused", "dns", "", PROBLEM_MALFORMED, NULL },
	{ "a dot is refused", "dns", ".", PROBLEM_MALFORMED, NULL },
	{ "a trailing dot is refused", "dns", "example.com.", PROBLEM_MALFORMED, NULL },
	{ "a leading dot is refused", "dns", ".example.com", PROBLEM_MALFORMED, NULL },
	{ "an empty label is refused", "dns", "a..example", PROBLEM_MALFORMED, NULL },
	{ "an underscore is refused", "dns", "a_b.example", PROBLEM_MALFORMED, NULL },
	{ "a space is refused", "dns", "a b.example", PROBLEM_MALFORMED, NULL },
	{ "a leading space is refused", "dns", " a.example", PROBLEM_MALFORMED, NULL },
	{ "a final newline is refused", "dns", "a.example\n", PROBLEM_MALFORMED, NULL },
	{ "a slash is refused", "dns", "a.example/x", PROBLEM_MALFORMED, NULL },
	{ "a port is refused", "dns", "a.example:443", PROBLEM_MALFORMED, NULL },
	{ "a comma is refused", "dns", "a.example,b.example", PROBLEM_MALFORMED, NULL },
	{ "a label that begins with '-' is refused", "dns", "-a.example", PROBLEM_MALFORMED, NULL },
	{ "a label that ends with '-' is refused", "dns", "a-.example", PROBLEM_MALFORMED, NULL },
	{ "a label of 64 octets is refused", "dns", L63 "g.example", PROBLEM_MALFORMED, NULL },
	{ "a name of 254 octets is refused", "dns", L63 "." L63 "." L63 "." L60 "hh",
		PROBLEM_MALFORMED, NULL },
	{ "a U-label is refused", "dns",
		"b\xc3\xbc"
		"cher.example",
		PROBLEM_MALFORMED, NULL },
	{ "two wildcards are refused", "dns", "*.*.example", PROBLEM_MALFORMED, NULL },
	{ "a wildcard inside is refused", "dns", "a.*.example", PROBLEM_MALFORMED, NULL },
	{ "a partial wildcard is refused", "dns", "*x.example", PROBLEM_MALFORMED, NULL },
	{ "a lone '*' is refused", "dns", "*", PROBLEM_MALFORMED, NULL },
	{ "\"*.\" is refused", "dns", "*.", PROBLEM_MALFORMED, NULL },
	{ "an IPv4 address as dns is refused", "dns", "10.0.0.1", PROBLEM_MALFORMED, NULL },
	{ "an IPv4 address in hexadecimal is refused", "dns", "0x7f000001", PROBLEM_MALFORMED,
		NULL },
	{ "a numeric last label is refused", "dns", "a.example.7", PROBLEM_MALFORMED, NULL },
	{ "\"0x\" as last label is refused", "dns", "a.0x", PROBLEM_MALFORMED, NULL },
	{ "a wildcard over an address is refused", "dns", "*.10.0.0.1", PROBLEM_MALFORMED, NULL },
	{ "an IPv6 address as dns is refused", "dns", "2001:db8::1", PROBLEM_MALFORMED, NULL },
	{ "a bare \"xn--\" is refused", "dns", "xn--.example", PROBLEM_MALFORMED, NULL },
	{ "an A-label that does not decode is refused", "dns", "xn--zzzzzzzzzzzzzzz99999.example",
		PROBLEM_MALFORMED, NULL },
	{ "an A-label that overflows is refused", "dns", "xn--9999999999999999.example",
		PROBLEM_MALFORMED, NULL },
	{ "an A-label of ASCII alone is refused", "dns", "xn--abc-.example", PROBLEM_MALFORMED,
		NULL },
	{ "an emoji's A-label is disallowed", "dns", "xn--ls8h.example",
		PROBLEM_REJECTED_IDENTIFIER, NULL },
	{ "an A-label that is not NFC is disallowed", "dns", "xn--u-ccb.example",
		PROBLEM_REJECTED_IDENTIFIER, NULL },
	{ "an A-label against the bidi rule is disallowed", "dns", "xn--a-0hc.example",
		PROBLEM_REJECTED_IDENTIFIER, NULL },
	{ "an A-label of an A-label is disallowed", "dns", "xn--xn---epa.example",
		PROBLEM_REJECTED_IDENTIFIER, NULL },
	{ "a reserved LDH label is disallowed", "dns", "ab--c.example", PROBLEM_REJECTED_IDENTIFIER,
		NULL },
	{ "an IPv4 address is taken", "ip", "10.0.0.1", 0, "10.0.0.1" },
	{ "an IPv6 address is taken", "ip", "2001:db8::1", 0, "2001:db8::1" },
	{ "an IPv6 address in capitals is refused", "ip", "2001:DB8::1", PROBLEM_MALFORMED, NULL },
	{ "an uncompressed IPv6 address is refused", "ip", "2001:db8:0:0:0:0:0:1",
		PROBLEM_MALFORMED, NULL },
	{ "the shorter run compressed is refused", "ip", "2001:db8::1:0:0:0:1", PROBLEM_MALFORMED,
		NULL },
	{ "a leading zero is refused", "ip", "010.0.0.1", PROBLEM_MALFORMED, NULL },
	{ "a short form is refused", "ip", "10.1", PROBLEM_MALFORMED, NULL },
	{ "a v4-mapped address is refused", "ip", "::ffff:10.0.0.1", PROBLEM_MALFORMED, NULL },
	{ "a port on an address is refused", "ip", "10.0.0.1:80", PROBLEM_MALFORMED, NULL },
	{ "a zone is refused", "ip", "fe80::1%eth0", PROBLEM_MALFORMED, NULL },
	{ "brackets are refused", "ip", "[2001:db8::1]", PROBLEM_MALFORMED, NULL },
	{ "a prefix is refused", "ip", "10.0.0.0/8", PROBLEM_MALFORMED, NULL },
	{ "an empty address is refused", "ip", "", PROBLEM_MALFORMED, NULL },
	{ "a name as ip is refused", "ip", "example.com", PROBLEM_MALFORMED, NULL },
	{ "a serial is taken", "permanent-identifier", "ABCDEF123456", 0, "ABCDEF123456" },
	{ "one with an assigner is taken", "permanent-identifier", "ABCDEF123456/1.2.3.4", 0, "ABCDEF123456/1.2.3.4" },
	{ "letter case stays", "permanent-identifier", "aBcD", 0, "aBcD" },
	{ "a device's value is not trimmed", "permanent-identifier", " a b ", 0, " a b " },
	{ "comma, percent and quotes are taken", "permanent-identifier", "a,b%2C\"'", 0, "a,b%2C\"'" },
	{ "a star is taken", "permanent-identifier", "*", 0, "*" },
	{ "UTF-8 is taken", "permanent-identifier", "\xc3\xa9", 0, "\xc3\xa9" },
	{ "what looks like a name is kept as it is", "permanent-identifier", "WWW.Example.COM", 0, "WWW.Example.COM" },
	{ "an assigner below 2 is taken", "permanent-identifier", "a/2.999.0", 0, "a/2.999.0" },
	{ "an arc without end is taken", "permanent-identifier", "a/1.3.340282366920938463463374607431768211456", 0, "a/1.3.340282366920938463463374607431768211456" },
	{ "a module with its type is taken", "hardware-module", "ABCD/1.2.3.4", 0, "ABCD/1.2.3.4" },
	{ "a module of type 0.0 is taken", "hardware-module", "ABCD/0.0", 0, "ABCD/0.0" },
	{ "a module of type 1.39 is taken", "hardware-module", "ABCD/1.39", 0, "ABCD/1.39" },
	{ "an empty serial is refused", "permanent-identifier", "", PROBLEM_MALFORMED, NULL },
	{ "a lone slash is refused", "permanent-identifier", "/", PROBLEM_MALFORMED, NULL },
	{ "an OID without a serial is refused", "permanent-identifier", "/1.2.3", PROBLEM_MALFORMED, NULL },
	{ "a slash without an OID is refused", "permanent-identifier", "a/", PROBLEM_MALFORMED, NULL },
	{ "two slashes are refused", "permanent-identifier", "a/b/1.2", PROBLEM_MALFORMED, NULL },
	{ "an OID with a slash behind it is refused", "permanent-identifier", "a/1.2/", PROBLEM_MALFORMED, NULL },
	{ "an OID of one arc is refused", "permanent-identifier", "a/1", PROBLEM_MALFORMED, NULL },
	{ "an OID with a dot at its end is refused", "permanent-identifier", "a/1.2.", PROBLEM_MALFORMED, NULL },
	{ "an OID that begins with a dot is refused", "permanent-identifier", "a/.1.2", PROBLEM_MALFORMED, NULL },
	{ "an OID with an empty arc is refused", "permanent-identifier", "a/1..2", PROBLEM_MALFORMED, NULL },
	{ "an OID below 3 is refused", "permanent-identifier", "a/3.1", PROBLEM_MALFORMED, NULL },
	{ "an OID below 10 is refused", "permanent-identifier", "a/10.1", PROBLEM_MALFORMED, NULL },
	{ "an OID 1.40 is refused", "permanent-identifier", "a/1.40", PROBLEM_MALFORMED, NULL },
	{ "an OID 0.40 is refused", "permanent-identifier", "a/0.40", PROBLEM_MALFORMED, NULL },
	{ "a leading zero is refused in an OID", "permanent-identifier", "a/1.2.03", PROBLEM_MALFORMED, NULL },
	{ "a leading zero is refused in its second arc", "permanent-identifier", "a/2.01", PROBLEM_MALFORMED, NULL },
	{ "a leading zero is refused in its first arc", "permanent-identifier", "a/01.2", PROBLEM_MALFORMED, NULL },
	{ "a sign is refused in an OID", "permanent-identifier", "a/1.2.+3", PROBLEM_MALFORMED, NULL },
	{ "a blank is refused in an OID", "permanent-identifier", "a/1.2 ", PROBLEM_MALFORMED, NULL },
	{ "an OID's name is refused", "permanent-identifier", "a/serialNumber", PROBLEM_MALFORMED, NULL },
	{ "a newline is refused in a serial", "permanent-identifier", "a\n", PROBLEM_MALFORMED, NULL },
	{ "a DEL is refused in a serial", "permanent-identifier", "a\x7f", PROBLEM_MALFORMED, NULL },
	{ "U+0085 is refused in a serial", "permanent-identifier", "a\xc2\x85", PROBLEM_MALFORMED, NULL },
	{ "what is not UTF-8 is refused", "permanent-identifier", "a\xff", PROBLEM_MALFORMED, NULL },
	{ "a module without its type is refused", "hardware-module", "ABCD", PROBLEM_MALFORMED, NULL },
	{ "a module with an empty type is refused", "hardware-module", "ABCD/", PROBLEM_MALFORMED, NULL },
	{ "a module without a serial is refused", "hardware-module", "/1.2", PROBLEM_MALFORMED, NULL },
	{ "a module with a bad type is refused", "hardware-module", "ABCD/1.40", PROBLEM_MALFORMED, NULL },
	{ "a device's type is case-sensitive", "Permanent-Identifier", "a",
		PROBLEM_UNSUPPORTED_IDENTIFIER, NULL },
	{ "an unknown type is refused as such", "email", "a@b.example",
		PROBLEM_UNSUPPORTED_IDENTIFIER, NULL },
	{ "an empty type is refused as such", "", "a.example", PROBLEM_UNSUPPORTED_IDENTIFIER,
		NULL },
	{ "types are case-sensitive", "DNS", "a.example", PROBLEM_UNSUPPORTED_IDENTIFIER, NULL },
};

static struct ident
dns(const char *name)
{
	struct ident id;

	if (!ident_parse(SPAN("dns"), span_str(name), &id, NULL))
		ok(false, "%s is a name", name);
	return id;
}

static void
add(struct idents *set, enum ident_type type, const char *value)
{
	struct ident id = { .type = type };

	snprintf(id.value, sizeof(id.value), "%s", value);
	idents_add(set, &id);
}

static void
test_device_limits(void)
{
	struct problem pr = { 0 };
	char value[IDENT_VALUE + 1];
	struct ident id;

	memset(value, 'x', sizeof(value));
	ok(ident_parse(SPAN("permanent-identifier"), span_of(value, IDENT_VALUE - 1), &id, &pr) &&
			strlen(id.value) == IDENT_VALUE - 1,
		"a serial of 253 octets is taken");
	ok(!ident_parse(SPAN("permanent-identifier"), span_of(value, IDENT_VALUE), &id, &pr) &&
			pr.kind == PROBLEM_MALFORMED,
		"one of 254 is refused");
	ok(!ident_parse(SPAN("permanent-identifier"), SPAN("a\0b"), &id, &pr) &&
			pr.kind == PROBLEM_MALFORMED,
		"a NUL inside a serial is refused");
	ok(ident_parse(SPAN("permanent-identifier"), SPAN("*.a"), &id, &pr) &&
			!ident_is_wildcard(&id) && ident_is_device(&id),
		"a device is no wildcard");
	is_str(ident_base(&id), "*.a", "and its base is itself");
	id = dns("a.example");
	ok(!ident_is_device(&id), "a name is no device");
}

static void
test_parse(void)
{
	struct ident id;
	struct problem pr;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool good;

		memset(&pr, 0, sizeof(pr));
		memset(&id, 0, sizeof(id));
		good = ident_parse(span_str(cases[i].type), span_str(cases[i].value), &id, &pr);
		if (!cases[i].canonical)
			ok(!good && pr.kind == cases[i].want && pr.detail[0] && !id.value[0],
				"%s: %s", cases[i].name, pr.detail);
		else
			ok(good && strcmp(id.value, cases[i].canonical) == 0, "%s", cases[i].name);
	}
	ok(!ident_parse(SPAN("dns"), SPAN("a.example\0b"), &id, &pr) &&
			pr.kind == PROBLEM_MALFORMED,
		"a NUL inside is refused");
	ok(!ident_parse(SPAN("dns"), SPAN_NONE, &id, NULL), "a refusal needs no struct problem");
	test_device_limits();
	id = dns("*.Example.com");
	ok(ident_is_wildcard(&id), "*.example.com is a wildcard");
	is_str(ident_base(&id), "example.com", "its base is the name below");
	id = dns("example.com");
	ok(!ident_is_wildcard(&id), "example.com is none");
	is_str(ident_base(&id), "example.com", "its base is itself");
}

static void
test_sets(void)
{
	struct idents a = { 0 }, b = { 0 };
	struct ident x = dns("x.example"), upper = dns("X.EXAMPLE"), y = dns("y.example");
	char ka[IDENTS_KEY_TEXT], kb[IDENTS_KEY_TEXT];

	ok(ident_eq(&x, &upper) && !ident_eq(&x, &y), "names are compared without regard to case");
	idents_add(&a, &x);
	idents_add(&a, &y);
	idents_add(&a, &upper);
	add(&a, IDENT_IP, "10.0.0.1");
	is_int(a.count, 3, "a repeat is dropped");
	ok(ident_eq(&a.list[0], &x) && ident_eq(&a.list[1], &y),
		"the order of first mention stays");
	add(&b, IDENT_IP, "10.0.0.1");
	idents_add(&b, &y);
	ok(!idents_same(&a, &b) && !idents_same(&b, &a), "a part is not the whole");
	idents_key(&a, ka);
	idents_key(&b, kb);
	ok(strcmp(ka, kb) != 0, "other sets have other keys");
	idents_add(&b, &x);
	ok(idents_same(&a, &b), "the same names in another order are the same set");
	idents_key(&b, kb);
	is_str(ka, kb, "and have the same key");
	/* printf 'dns:x.example\ndns:y.example\nip:10.0.0.1\n' | sha256sum */
	is_str(ka, "c7bMdJRUA7z1MGE8lKUdwPgyyjeFD-5NqiEYHzdoqqo",
		"which is the SHA-256 that the header promises");
	idents_done(&b);
	add(&b, IDENT_DNS, "10.0.0.1");
	idents_add(&b, &x);
	idents_add(&b, &y);
	ok(!idents_same(&a, &b), "the type counts");
	idents_done(&a);
	idents_done(&b);
	ok(idents_same(&a, &b), "two empty sets are the same");
	for (int i = 0; i < IDENTS_MAX; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%d.example", i);
		add(&a, IDENT_DNS, name);
	}
	is_int(a.count, IDENTS_MAX, "a large set grows");
	idents_done(&a);
}

static void
test_text(void)
{
	static const char *const bad[] = { "dns", "dns:", "dns:a.example,", ",dns:a.example",
		"uri:x", "dns:a.example,,dns:b.example", ":a", "permanent-identifier:a%",
		"permanent-identifier:a%2", "permanent-identifier:a%41", "permanent-identifier:a%2c" };
	struct idents a = { 0 }, b = { 0 };
	AUTO_BUF out = BUF_MAX(1024);
	AUTO_BUF small = BUF_MAX(10);

	ok(idents_write(&a, &out) && out.n == 0, "an empty set is written as nothing");
	ok(idents_read(SPAN(""), &a) && a.count == 0, "and read back");
	add(&a, IDENT_DNS, "a.example");
	add(&a, IDENT_IP, "2001:db8::1");
	add(&a, IDENT_DNS, "*.b.example");
	ok(idents_write(&a, &out), "a set is written");
	is_str(buf_cstr(&out), "dns:a.example,ip:2001:db8::1,dns:*.b.example", "in its order");
	ok(idents_read(buf_span(&out), &b) && idents_same(&a, &b) && b.count == 3, "and read back");
	ok(!idents_write(&a, &small), "a buffer too small is told");
	buf_clear(&out);
	idents_done(&a);
	idents_done(&b);
	add(&a, IDENT_PERMANENT, "SN 1,dns:x.example%2C%/1.2.3");
	add(&a, IDENT_HARDWARE, ",/1.2");
	add(&a, IDENT_DNS, "x.example");
	ok(idents_write(&a, &out), "devices are written");
	is_str(buf_cstr(&out),
		"permanent-identifier:SN 1%2Cdns:x.example%252C%25/1.2.3,hardware-module:%2C/1.2,dns:x.example",
		"with what separates them escaped");
	ok(idents_read(buf_span(&out), &b) && idents_same(&a, &b) && b.count == 3, "and read back");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!idents_read(span_str(bad[i]), &b), "\"%s\" is not read", bad[i]);
	is_int(b.count, 3, "a failed read leaves the set alone");
	idents_done(&a);
	idents_done(&b);
}

static void
test_server_name(void)
{
	static const struct {
		struct ident id;
		const char *name;
	} asked[] = {
		{ { IDENT_DNS, "x.example" }, "x.example" },
		{ { IDENT_IP, "192.0.2.1" }, "1.2.0.192.in-addr.arpa" },
		{ { IDENT_IP, "2001:db8::567:89ab" }, "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa" },
	};
	char name[IDENT_VALUE];

	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		ident_server_name(&asked[i].id, name);
		is_str(name, asked[i].name, "%s as TLS clients ask for it", asked[i].id.value);
	}
}

int
main(void)
{
	is_str(ident_type_name(IDENT_DNS), "dns", "the type's name is the wire's");
	is_str(ident_type_name(IDENT_IP), "ip", "for addresses too");
	ok(IDENT_DNS == 0 && IDENT_IP == 1 && IDENT_PERMANENT == 2 && IDENT_HARDWARE == 3,
		"the numbers that are stored stay");
	test_parse();
	test_sets();
	test_text();
	test_server_name();
	return done_testing();
}
