/* hop.h - where an http-01 look-up goes next: a URL that a device's web server named. Pure; any thread. */
#ifndef VALIDATE_HOP_H
#define VALIDATE_HOP_H

#include "base/addr.h"

#define HOP_URL_TEXT 2048

struct hop {
	char url[HOP_URL_TEXT];
	bool https;
	char host[256]; /* without brackets */
	uint16_t port;
	struct addr addr; /* set when the host is an address */
	bool is_addr;
};

/* Scheme, host and port of an absolute URL; only http and https, on 80, 443 and the profile's port (V4). If not, *ret_fault says
 * why, to stand behind the URL, and *hop may be half filled. */
bool hop_parse(const char *url, uint16_t http01_port, struct hop *hop, const char **ret_fault) __attribute__((warn_unused_result));
#endif
