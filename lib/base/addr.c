/* addr.c - see addr.h. */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"

/* Ranges that a wide rule must not open by accident; the metadata services' own addresses among them. */
static const char *const special_nets[] = { "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16",
	"224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "fe80::/10", "ff00::/8",
	/* metadata and the like, of clouds that do not have them in 169.254.0.0/16 */
	"100.100.100.200/32", "168.63.129.16/32", "192.0.0.0/24", "fd00:ec2::/32", "fd20:ce::254/128",
	/* an IPv4 address within: compatible; NAT64; Teredo; 6to4 */
	"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16" };

static size_t
octets_of(const struct addr *a)
{
	return a->family == AF_INET ? 4 : a->family == AF_INET6 ? 16 : 0;
}

const char *
addr_text(const struct addr *a, char dst[ADDR_TEXT])
{
	if (a->family == AF_UNIX)
		snprintf(dst, ADDR_TEXT, "unix");
	else if (!inet_ntop(a->family, a->octet, dst, ADDR_TEXT))
		snprintf(dst, ADDR_TEXT, "-");
	return dst;
}

bool
addr_parse(struct span s, struct addr *ret)
{
	struct addr a = { 0 };
	char text[ADDR_TEXT], back[ADDR_TEXT];

	if (!span_copy(s, text, sizeof(text)))
		return false;
	a.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a.family, text, a.octet) != 1)
		return false;
	if (a.family == AF_INET6 && IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)a.octet))
		return false;
	if (strcmp(addr_text(&a, back), text) != 0)
		return false;
	*ret = a;
	return true;
}

bool
addr_parse_port(struct span s, struct addr *ret, struct problem *pr)
{
	struct addr a = { 0 };
	size_t colon = s.n;
	struct span host;
	uint64_t port;

	while (colon > 0 && s.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || !span_uint(span_from(s, colon), 65535, &port))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is not ADDRESS:PORT", QUOTE(s));
	host = span_of(s.p, colon - 1);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = span_of(host.p + 1, host.n - 2);
	if (host.n == 0 || span_is(host, "*"))
		a.family = AF_INET6;
	else if (!addr_parse(host, &a))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is not an IP address", QUOTE(host));
	a.port = (uint16_t)port;
	*ret = a;
	return true;
}

void
addr_from_sockaddr(const struct sockaddr *sa, struct addr *ret)
{
	struct addr a = { .family = sa->sa_family };

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;

		memcpy(a.octet, &in->sin_addr, 4);
		a.port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;

		a.port = ntohs(in6->sin6_port);
		if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
			a.family = AF_INET;
			memcpy(a.octet, in6->sin6_addr.s6_addr + 12, 4);
		} else {
			memcpy(a.octet, &in6->sin6_addr, 16);
		}
	}
	*ret = a;
}

socklen_t
addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (a->family == AF_INET) {
		struct sockaddr_in *in = (void *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->octet, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)ret;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(a->port);
	memcpy(&in6->sin6_addr, a->octet, 16);
	return sizeof(*in6);
}

bool
addr_eq(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->octet, b->octet, octets_of(a)) == 0;
}

/* Do the first `bits` bits agree? */
static bool
same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	unsigned rest = bits % 8;

	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0;
}

bool
net_parse(struct span s, struct net *ret, struct problem *pr)
{
	struct span rest = s, host;
	struct net net;
	uint64_t bits;

	if (!span_cut(&rest, '/', &host) || !addr_parse(host, &net.base))
		return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is not a network", QUOTE(s));
	net.bits = (unsigned)octets_of(&net.base) * 8;
	if (rest.p) {
		if (!span_uint(rest, net.bits, &bits))
			return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" has a bad prefix length", QUOTE(s));
		net.bits = (unsigned)bits;
	}
	for (unsigned i = net.bits; i < octets_of(&net.base) * 8; i++) {
		if (net.base.octet[i / 8] & (0x80 >> i % 8))
			return problem_set(pr, PROBLEM_MALFORMED,
				"\"%s\" has bits set behind its prefix", QUOTE(s));
	}
	*ret = net;
	return true;
}

bool
net_has(const struct net *net, const struct addr *a)
{
	return net->base.family == a->family && same_bits(net->base.octet, a->octet, net->bits);
}

bool
nets_allow(const struct net *nets, size_t count, const struct addr *a)
{
	unsigned least = 0;

	for (size_t i = 0; i < COUNT_OF(special_nets); i++) {
		struct net special;

		if (net_parse(span_str(special_nets[i]), &special, NULL) &&
			net_has(&special, a) && special.bits > least)
			least = special.bits;
	}
	for (size_t i = 0; i < count; i++) {
		if (net_has(&nets[i], a) && nets[i].bits >= least)
			return true;
	}
	return false;
}

/* Would a connection go to this machine itself? If that cannot be told, it would. */
static bool
is_local(const struct addr *a)
{
	static const struct net loopback = { { .family = AF_INET, .octet = { 127 } }, 8 };
	struct sockaddr_storage ss;
	socklen_t n = addr_to_sockaddr(a, &ss);
	struct addr source;
	bool local;
	int fd;

	if (net_has(&loopback, a))
		return true;
	/* nothing is sent: the kernel only chooses where it would be sent from */
	fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	if (connect(fd, (void *)&ss, n) != 0) {
		local = errno != ENETUNREACH && errno != EHOSTUNREACH;
	} else {
		n = sizeof(ss);
		local = getsockname(fd, (void *)&ss, &n) != 0;
		addr_from_sockaddr((void *)&ss, &source);
		local = local || addr_eq(&source, a);
	}
	close(fd);
	return local;
}

static bool
is_listener(const struct addr *own, const struct addr *a)
{
	static const struct addr any6 = { .family = AF_INET6 };
	bool is_any = addr_eq(own, &any6) || (own->family == AF_INET && memcmp(own->octet, any6.octet, 4) == 0);

	return own->port == a->port && (is_any ? is_local(a) : addr_eq(own, a));
}

static bool
is_listed(const struct reach *reach, const struct addr *a)
{
	for (size_t i = 0; i < reach->net_count; i++) {
		if (reach->nets[i].bits == octets_of(a) * 8 && net_has(&reach->nets[i], a))
			return true;
	}
	return false;
}

bool
reach_allows(const struct reach *reach, const struct addr *a)
{
	bool is_own = false;

	if (!nets_allow(reach->nets, reach->net_count, a))
		return false;
	for (size_t i = 0; i < reach->own_count && !is_own; i++)
		is_own = is_listener(&reach->own[i], a);
	return !is_own || is_listed(reach, a);
}
