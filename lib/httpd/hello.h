/* hello.h - two extensions of a TLS ClientHello, as they came. Pure; any thread. */
#ifndef HTTPD_HELLO_H
#define HTTPD_HELLO_H

#include "base/span.h"

#define HELLO_NAME_TEXT 254

/* server_name (RFC 6066 3): one host name and nothing else, of letters, digits, hyphens, underscores and dots; in lower case into
 * `ret`, which is untouched on failure. */
bool hello_name_parse(struct span ext, char ret[HELLO_NAME_TEXT]) __attribute__((warn_unused_result));
/* application_layer_protocol_negotiation (RFC 7301 3.1): this protocol and no other? */
bool hello_protocol_is(struct span ext, const char *protocol);
#endif
