/* utf8.h - UTF-8 as RFC 3629 defines it: no overlong forms, no surrogates, nothing above U+10FFFF. Any thread. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/span.h"

/* Octets of the well-formed character at the start of s; 0 if there is none. */
size_t utf8_step(struct span s);
/* Octets of the longest well-formed prefix; s.n if all is well. */
size_t utf8_prefix(struct span s);
/* UTF-8 throughout, without control characters (U+0000 to U+001F, U+007F to U+009F). */
bool utf8_is_text(struct span s);
#endif
