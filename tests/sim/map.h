/* map.h - from a 64-bit key to values of one size, open addressing. Keys are hashes of text: that two of ten million are alike by
 * accident is not to be expected (one in a hundred thousand), and the same on each run. */
#ifndef SIM_MAP_H
#define SIM_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map {
	size_t value_size, slots, used;
	uint64_t *keys;        /* 0 = free */
	unsigned char *values;
};
void map_init(struct map *m, size_t value_size);
void map_done(struct map *m);
/* NULL: it is not there. Valid until something is put or dropped. */
void *map_get(const struct map *m, uint64_t key);
/* As above, but made of zeros if it was not there. */
void *map_put(struct map *m, uint64_t key);
void map_drop(struct map *m, uint64_t key);
/* Drop all of which `fn` says so. */
void map_sweep(struct map *m, int (*fn)(uint64_t key, void *value, void *arg), void *arg);
size_t map_bytes(const struct map *m);

/* Of a text, going on from another hash; never 0. */
uint64_t hash_text(uint64_t seed, const char *text);
uint64_t hash_number(uint64_t seed, uint64_t number);
#endif
