/* span.h - borrowed bytes, passed by value. Input from the wire is a span until it has been checked. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *p;
	size_t n;
};

#define SPAN(lit) ((struct span){ (lit), sizeof(lit) - 1 })
#define SPAN_NONE ((struct span){ NULL, 0 })
/* For printf: "%.*s", SPAN_FMT(s) */
#define SPAN_FMT(s) (int)(s).n, (s).p ? (s).p : ""

/* A span over n octets at p. */
static inline struct span
span_of(const void *p, size_t n)
{
	return (struct span){ p, n };
}

static inline struct span
span_str(const char *s)
{
	return (struct span){ s, s ? strlen(s) : 0 };
}

static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool
span_is(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

/* ASCII case-insensitive */
static inline bool
span_is_nocase(struct span a, const char *s)
{
	return a.n == strlen(s) && (a.n == 0 || strncasecmp(a.p, s, a.n) == 0);
}

static inline bool
span_starts(struct span a, const char *s)
{
	size_t n = strlen(s);

	return a.n >= n && memcmp(a.p, s, n) == 0;
}

static inline struct span
span_from(struct span a, size_t at)
{
	return at >= a.n ? (struct span){ a.p + a.n, 0 } : (struct span){ a.p + at, a.n - at };
}

/* Without blanks and tabs at both ends. */
struct span span_trim(struct span s);
/* Cut off the part before the next `sep` (or all of it); false when nothing is left. */
bool span_cut(struct span *rest, char sep, struct span *ret_part);
/* 1*DIGIT, no sign, no blank, at most `max`. */
bool span_uint(struct span s, uint64_t max, uint64_t *ret);
/* 64 bits that are the same everywhere and for ever, spread evenly even where texts differ in one digit. Not keyed: not for what an enemy may
 * choose. */
uint64_t span_hash(struct span s);
/* A NUL-terminated copy on the heap, owned by the caller. */
char *span_dup(struct span s);
/* Copy into a fixed array with NUL; false when too long or with a NUL inside. */
bool span_copy(struct span s, char *dst, size_t size);
#endif
