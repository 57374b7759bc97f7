/* test_addr.c - addresses in their one text, networks, and where the gateway may connect. */
#include "base/addr.h"
#include "base/mem.h"
#include "tap.h"

static void
test_text(void)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = {
		{ "10.0.0.1", true }, { "0.0.0.0", true }, { "255.255.255.255", true }, { "010.0.0.1", false },
		{ "10.1", false }, { "10.0.0.256", false }, { "10.0.0.1 ", false }, { "", false },
		{ "2001:db8::1", true }, { "::1", true }, { "::", true }, { "2001:DB8::1", false },
		{ "2001:db8:0:0:0:0:0:1", false }, { "::ffff:10.0.0.1", false }, { "fe80::1%eth0", false },
		{ "[::1]", false }, { "1:2:3:4:5:6:7:8", true }, { "2001:db8::0:1", false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct addr a;
		char back[ADDR_TEXT];
		bool got = addr_parse(span_str(cases[i].text), &a);

		ok(got == cases[i].good, "\"%s\" is %s", cases[i].text, cases[i].good ? "an address" : "refused");
		if (got)
			is_str(addr_text(&a, back), cases[i].text, "and has that text again");
	}
}

static void
test_listen(void)
{
	struct problem pr = { 0 };
	struct addr a;

	ok(addr_parse_port(SPAN("127.0.0.1:443"), &a, &pr) && a.family == AF_INET && a.port == 443, "v4 with a port");
	ok(addr_parse_port(SPAN("[::1]:80"), &a, &pr) && a.family == AF_INET6 && a.port == 80, "v6 in brackets");
	ok(addr_parse_port(SPAN("*:443"), &a, &pr) && a.family == AF_INET6, "* is any address of both families");
	ok(addr_parse_port(SPAN(":443"), &a, &pr) && a.port == 443, "so is nothing");
	ok(!addr_parse_port(SPAN("127.0.0.1"), &a, &pr), "a port is needed");
	ok(!addr_parse_port(SPAN("127.0.0.1:65536"), &a, &pr), "65536 is no port");
	ok(!addr_parse_port(SPAN("localhost:80"), &a, &pr), "a name is no address");
}

static void
test_nets(void)
{
	struct problem pr = { 0 };
	struct net net;
	struct addr a;

	ok(net_parse(SPAN("10.0.0.0/8"), &net, &pr) && net.bits == 8, "10.0.0.0/8");
	ok(addr_parse(SPAN("10.255.0.1"), &a) && net_has(&net, &a), "has 10.255.0.1");
	ok(addr_parse(SPAN("11.0.0.1"), &a) && !net_has(&net, &a), "has not 11.0.0.1");
	ok(net_parse(SPAN("10.1.2.3"), &net, &pr) && net.bits == 32, "an address is a network of one");
	ok(net_parse(SPAN("fc00::/7"), &net, &pr) && addr_parse(SPAN("fd12::1"), &a) && net_has(&net, &a), "fc00::/7 has fd12::1");
	ok(!net_parse(SPAN("10.0.0.1/8"), &net, &pr), "bits behind the prefix are refused");
	ok(!net_parse(SPAN("10.0.0.0/33"), &net, &pr), "33 bits are too many");
	ok(!net_parse(SPAN("10.0.0.0/"), &net, &pr), "an empty length is refused");
	ok(net_parse(SPAN("0.0.0.0/0"), &net, &pr), "everything");
}

static void
test_allow(void)
{
	static const struct {
		const char *nets[3], *to;
		bool may;
	} cases[] = {
		{ { "10.0.0.0/8" }, "10.1.2.3", true },
		{ { "10.0.0.0/8" }, "192.0.2.1", false },
		{ { NULL }, "10.1.2.3", false },
		{ { "0.0.0.0/0", "::/0" }, "192.0.2.1", true },
		{ { "0.0.0.0/0", "::/0" }, "127.0.0.1", false },
		{ { "0.0.0.0/0", "::/0" }, "169.254.169.254", false },
		{ { "0.0.0.0/0", "::/0" }, "224.0.0.1", false },
		{ { "0.0.0.0/0", "::/0" }, "0.0.0.0", false },
		{ { "0.0.0.0/0", "::/0" }, "255.255.255.255", false },
		{ { "0.0.0.0/0", "::/0" }, "::1", false },
		{ { "0.0.0.0/0", "::/0" }, "fe80::1", false },
		{ { "0.0.0.0/0", "::/0" }, "ff02::1", false },
		{ { "0.0.0.0/0", "::/0" }, "fd00:ec2::254", false },
		{ { "0.0.0.0/0", "::/0" }, "100.100.100.200", false },
		{ { "0.0.0.0/0", "::/0" }, "168.63.129.16", false },
		{ { "100.64.0.0/10" }, "100.100.100.200", false },
		{ { "100.64.0.0/10" }, "100.100.100.201", true },
		{ { "0.0.0.0/0", "::/0" }, "::", false },
		{ { "0.0.0.0/0", "::/0" }, "::127.0.0.1", false },
		{ { "0.0.0.0/0", "::/0" }, "64:ff9b::7f00:1", false },
		{ { "0.0.0.0/0", "::/0" }, "64:ff9b:1::7f00:1", false },
		{ { "0.0.0.0/0", "2000::/3" }, "2002:7f00:1::", false },
		{ { "0.0.0.0/0", "2000::/3" }, "2001::7f00:1", false },
		{ { "0.0.0.0/0", "2000::/3" }, "2001:db8::1", true },
		{ { "2002:a00::/24" }, "2002:a00:1::", true },
		{ { "127.0.0.0/8" }, "127.0.0.1", true },
		{ { "127.0.0.1" }, "127.0.0.1", true },
		{ { "127.0.0.1" }, "127.0.0.2", false },
		{ { "::1" }, "::1", true },
		{ { "0.0.0.0/0", "169.254.0.0/16" }, "169.254.169.254", true },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct net nets[3];
		size_t n = 0;
		struct addr to;

		for (; n < 3 && cases[i].nets[n]; n++)
			ok(net_parse(span_str(cases[i].nets[n]), &nets[n], NULL), "%s", cases[i].nets[n]);
		ok(addr_parse(span_str(cases[i].to), &to) && nets_allow(nets, n, &to) == cases[i].may, "lets%s connect to %s",
			cases[i].may ? "" : " nobody", cases[i].to);
	}
}

/* With networks 127.0.0.0/8, 192.0.2.0/24 and, if `listed`, that very address. */
static void
test_reach(void)
{
	static const struct {
		const char *own, *to;
		bool listed, may;
		const char *what;
	} cases[] = {
		{ "127.0.0.1:443", "127.0.0.1:443", false, false, "a listener of our own" },
		{ "127.0.0.1:443", "127.0.0.1:443", true, true, "one whose very address is listed" },
		{ "127.0.0.1:443", "127.0.0.1:444", false, true, "another port" },
		{ "127.0.0.1:443", "127.0.0.2:443", false, true, "another address" },
		{ "*:443", "127.0.0.1:443", false, false, "a listener on all addresses: loopback" },
		{ "*:443", "127.5.5.5:443", false, false, "all of it" },
		{ "*:443", "127.0.0.1:444", false, true, "another port of it" },
		{ "*:443", "192.0.2.7:443", false, true, "another machine" },
		{ "0.0.0.0:443", "127.0.0.1:443", false, false, "on all of IPv4" },
		{ "0.0.0.0:443", "127.0.0.1:443", true, true, "and listed" },
		{ "10.0.0.1:443", "10.0.0.2:443", false, false, "outside of the networks as ever" },
	};
	struct net nets[3];
	struct problem pr = { 0 };

	ok(net_parse(SPAN("127.0.0.0/8"), &nets[0], &pr) && net_parse(SPAN("192.0.2.0/24"), &nets[1], &pr),
		"networks");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct addr own, to;
		struct reach reach = { nets, 2, &own, 1 };

		if (!addr_parse_port(span_str(cases[i].own), &own, &pr) || !addr_parse_port(span_str(cases[i].to), &to, &pr))
			ok(false, "cannot read the addresses");
		if (cases[i].listed)
			nets[reach.net_count++] = (struct net){ to, 32 };
		ok(reach_allows(&reach, &to) == cases[i].may, "reach: %s", cases[i].what);
	}
}

static void
test_sockaddr(void)
{
	struct sockaddr_storage ss;
	struct addr a, back;
	char text[ADDR_TEXT];
	static const unsigned char mapped[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1 };

	ok(addr_parse(SPAN("2001:db8::1"), &a), "an address");
	a.port = 8443;
	addr_to_sockaddr(&a, &ss);
	addr_from_sockaddr((struct sockaddr *)&ss, &back);
	ok(addr_eq(&a, &back) && back.port == 8443, "goes to a sockaddr and back");
	a.family = AF_INET6;
	memcpy(a.octet, mapped, 16);
	addr_to_sockaddr(&a, &ss);
	addr_from_sockaddr((struct sockaddr *)&ss, &back);
	is_str(addr_text(&back, text), "10.0.0.1", "a v4 peer of a dual-stack socket is a v4 address");
}

int
main(void)
{
	test_text();
	test_listen();
	test_nets();
	test_allow();
	test_reach();
	test_sockaddr();
	return done_testing();
}
