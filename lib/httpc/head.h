/* head.h - the lines of a reply's head, made into httpc_reply.head (RFC 9112 section 5). */
#ifndef HTTPC_HEAD_H
#define HTTPC_HEAD_H

#include "base/buf.h"

/* Add one field line, with or without its line end. Lines that are no field are left out:
 * without a name, with blanks in the name, with control octets in the value. `kept` carries
 * whether a folded line that follows belongs to a kept field; it starts as false. Returns false
 * when the buffer's ceiling is reached. */
bool head_add(struct buf *head, struct span line, bool *kept);
#endif
