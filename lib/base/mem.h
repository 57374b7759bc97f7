/* mem.h - small allocations that abort when memory is out, and cleanup attributes.
 *
 * Sizes that come from outside never go through here: they go through a capped struct buf. Any thread. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* As malloc and its kin, but never NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
/* Formatted, heap, owned by the caller. */
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *fmt, ...);

/* AUTO_FREE char *s = ...: freed at the end of the scope; `return TAKE(s)` hands it on. */
#define AUTO_FREE __attribute__((cleanup(mem_auto_free)))
#define TAKE(p)                                                                                    \
	__extension__({                                                                            \
		__typeof__(p) take_ = (p);                                                         \
		(p) = NULL;                                                                        \
		take_;                                                                             \
	})
#define MUST_CHECK __attribute__((warn_unused_result))
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

void mem_auto_free(void *pp);
#endif
