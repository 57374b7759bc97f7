/* heap.c - see heap.h. */
#include "sched/heap.h"

#include <stdlib.h>

#include "base/mem.h"

void
heap_done(struct heap *h)
{
	free(h->nodes);
	h->nodes = NULL;
	h->count = h->room = 0;
}

static void
put(struct heap *h, uint32_t at, struct heap_node *n)
{
	h->nodes[at] = n;
	n->at = at + 1;
}

static void
up(struct heap *h, uint32_t at, struct heap_node *n)
{
	while (at > 0 && h->less(n, h->nodes[(at - 1) / 2])) {
		put(h, at, h->nodes[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(h, at, n);
}

static void
down(struct heap *h, uint32_t at, struct heap_node *n)
{
	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child + 1 < h->count && h->less(h->nodes[child + 1], h->nodes[child]))
			child++;
		if (child >= h->count || !h->less(h->nodes[child], n))
			break;
		put(h, at, h->nodes[child]);
		at = child;
	}
	put(h, at, n);
}

void
heap_moved(struct heap *h, struct heap_node *n)
{
	uint32_t at = n->at - 1;

	if (at > 0 && h->less(n, h->nodes[(at - 1) / 2]))
		up(h, at, n);
	else
		down(h, at, n);
}

void
heap_add(struct heap *h, struct heap_node *n)
{
	if (h->count == h->room) {
		h->room = h->room ? h->room * 2 : 4;
		h->nodes = xrealloc(h->nodes, h->room * sizeof(struct heap_node *));
	}
	h->count++;
	up(h, h->count - 1, n);
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
	uint32_t at = n->at - 1;
	struct heap_node *last = h->nodes[--h->count];

	n->at = 0;
	if (last == n)
		return;
	put(h, at, last);
	heap_moved(h, last);
}
