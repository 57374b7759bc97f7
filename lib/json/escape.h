/* escape.h - inside lib/json only: one string value, quotes included, as the reader's and the writer's output share it. */
#ifndef JSON_ESCAPE_H
#define JSON_ESCAPE_H

#include "base/buf.h"
#include "base/span.h"

/* Control characters, '"' and '\' escaped; octets that are not UTF-8 become U+FFFD. */
void json_escape(struct buf *out, struct span s);
#endif
