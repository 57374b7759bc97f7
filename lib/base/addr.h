/* addr.h - IP addresses, networks, and where the gateway may connect (RFC 5952, V1). Any thread. */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <sys/socket.h>

#include "base/problem.h"
#include "base/span.h"

struct addr {
	int family;             /* AF_INET, AF_INET6, AF_UNIX or 0 = none */
	unsigned char octet[16]; /* 4 or 16 used; v4-mapped v6 is stored as v4 */
	uint16_t port;
};

struct net {
	struct addr base;
	unsigned bits;
};

#define ADDR_TEXT 64
/* Canonical text without port: dotted decimal or RFC 5952. Returns dst. */
const char *addr_text(const struct addr *a, char dst[ADDR_TEXT]);
/* Only the canonical text is accepted (RFC 8738 section 3): no leading zeros, zone, brackets, mapped forms. */
bool addr_parse(struct span s, struct addr *ret);
/* "10.0.0.1:443", "[::1]:443", ":443" or "*:443" (any, v6 dual stack): for configuration. */
bool addr_parse_port(struct span s, struct addr *ret, struct problem *pr);
void addr_from_sockaddr(const struct sockaddr *sa, struct addr *ret);
socklen_t addr_to_sockaddr(const struct addr *a, struct sockaddr_storage *ret);
bool addr_eq(const struct addr *a, const struct addr *b); /* without port */

/* "10.0.0.0/8" or an address; host bits must be zero. */
bool net_parse(struct span s, struct net *ret, struct problem *pr);
bool net_has(const struct net *net, const struct addr *a);
/* May we connect there? Some listed net has it, and if the address lies in a special range (loopback, link-local,
 * multicast, unspecified, metadata, an IPv4 address within an IPv6 one), a listed net lies inside that range: 0.0.0.0/0 opens none
 * of them. */
bool nets_allow(const struct net *nets, size_t count, const struct addr *a);

/* Where connections may go. */
struct reach {
	const struct net *nets; /* nets_allow */
	size_t net_count;
	const struct addr *own; /* where we listen ourselves, with ports; an unspecified address is each of this machine's */
	size_t own_count;
};
/* To this address and port? A listener of our own only if its very address is listed: /32, or /128. */
bool reach_allows(const struct reach *reach, const struct addr *a);
#endif
