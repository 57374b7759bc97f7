/* table.h - inside lib/sched only: pointers by a number. */
#ifndef SCHED_TABLE_H
#define SCHED_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_slot {
	uint64_t key;
	void *value; /* NULL = free */
};
struct table {
	struct table_slot *slots;
	size_t room, count; /* room is a power of two, and never more than three quarters full */
};

void table_done(struct table *t);
void *table_get(const struct table *t, uint64_t key); /* NULL if none */
/* The key must not be there, the value not be NULL. */
void table_put(struct table *t, uint64_t key, void *value);
void table_remove(struct table *t, uint64_t key);
/* A number spread over all its bits. */
uint64_t table_mix(uint64_t n);
#endif
