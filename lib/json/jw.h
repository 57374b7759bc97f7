/* jw.h - JSON writer straight into a struct buf; compact; escapes everything foreign; no state to free.
 *
 *   struct jw w = jw_to(&buf);
 *   jw_object(&w, NULL); jw_str(&w, "status", "ready"); jw_array(&w, "orders"); ... jw_end(&w); jw_end(&w);
 *
 * `name` is NULL inside an array and at the root. Names are our own C strings. Invalid UTF-8 is written as U+FFFD.
 * Misuse fails the buffer, so half a document never leaves the house: ask jw_ok() before it is sent. */
#ifndef JSON_JW_H
#define JSON_JW_H

#include "base/buf.h"
#include "base/span.h"

#define JW_DEPTH 24
struct jw {
	struct buf *out;
	unsigned depth;
	char closers[JW_DEPTH];
	bool comma; /* the next value needs one */
};

/* Begin a document at the end of `out`; objects and arrays are closed by jw_end. */
struct jw jw_to(struct buf *out);
void jw_object(struct jw *w, const char *name);
void jw_array(struct jw *w, const char *name);
void jw_end(struct jw *w);
void jw_str(struct jw *w, const char *name, const char *s); /* NULL: null */
void jw_span(struct jw *w, const char *name, struct span s);
void jw_int(struct jw *w, const char *name, int64_t v);
void jw_bool(struct jw *w, const char *name, bool v);
void jw_null(struct jw *w, const char *name);
void jw_time(struct jw *w, const char *name, int64_t unix_s); /* RFC 3339 UTC */
/* Text that is JSON already (stored by us, or json_write); null if empty. */
void jw_raw(struct jw *w, const char *name, struct span json);
/* Does the root lie complete in `out` and did everything fit? */
bool jw_ok(const struct jw *w);
#endif
