/* heap.h - inside lib/sched only: a binary heap whose members know their place, so that any of them can be moved or taken out. */
#ifndef SCHED_HEAP_H
#define SCHED_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The struct in which a node lies. */
#define HEAP_OF(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))

struct heap_node {
	uint32_t at; /* place + 1; 0 = in no heap */
};

typedef bool (*heap_less_fn)(const struct heap_node *a, const struct heap_node *b);
struct heap {
	heap_less_fn less;
	struct heap_node **nodes;
	uint32_t count, room;
};

void heap_done(struct heap *h);
/* The least; NULL = it is empty. */
static inline struct heap_node *
heap_top(const struct heap *h)
{
	return h->count ? h->nodes[0] : NULL;
}
void heap_add(struct heap *h, struct heap_node *n);
void heap_remove(struct heap *h, struct heap_node *n);
/* What it is ordered by has changed. */
void heap_moved(struct heap *h, struct heap_node *n);
#endif
