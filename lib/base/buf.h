/* buf.h - owned bytes that grow up to a ceiling given at the start.
 *
 * A write past the ceiling sets `failed` and changes nothing; write on and ask once at the end (buf_ok).
 * One owner, no locking. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/mem.h"
#include "base/span.h"

struct buf {
	char *p;    /* n octets, not NUL-terminated: see buf_cstr */
	size_t n;
	size_t cap;
	size_t max; /* ceiling in octets */
	bool failed;
};

#define BUF_MAX(max_bytes) ((struct buf){ .max = (max_bytes) })
/* AUTO_BUF b = BUF_MAX(64 * 1024): freed at the end of the scope. */
#define AUTO_BUF __attribute__((cleanup(buf_done))) struct buf

/* Append; false, and the buffer as it was, if it does not fit. */
bool buf_add(struct buf *b, const void *p, size_t n);
bool buf_addc(struct buf *b, char c);
bool buf_adds(struct buf *b, const char *s);
__attribute__((format(printf, 2, 3))) bool buf_addf(struct buf *b, const char *fmt, ...);
/* Room for n more octets at b->p + b->n; the caller adds to b->n what it wrote. */
bool buf_reserve(struct buf *b, size_t n);
/* Terminated with a NUL that does not count; "" when empty. */
const char *buf_cstr(struct buf *b);
/* Forget the contents, keep the memory. */
void buf_clear(struct buf *b);
/* Free; the ceiling stays, so it may be used again. Also wipes nothing: see secret.h. */
void buf_done(struct buf *b);
/* Wipe and free, for secrets. */
void buf_wipe(struct buf *b);

/* Append a span. */
static inline bool
buf_addspan(struct buf *b, struct span s)
{
	return buf_add(b, s.p, s.n);
}

static inline bool
buf_ok(const struct buf *b)
{
	return !b->failed;
}

static inline struct span
buf_span(const struct buf *b)
{
	return (struct span){ b->p, b->n };
}
#endif
