/* map.c - see map.h. Linear probing, at most two thirds full; what is dropped closes its gap. */
#include "map.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SLOTS_FIRST 64

void
map_init(struct map *m, size_t value_size)
{
	*m = (struct map){ .value_size = value_size, .slots = SLOTS_FIRST };
	m->keys = xcalloc(m->slots, sizeof(m->keys[0]));
	m->values = xcalloc(m->slots, value_size);
}

void
map_done(struct map *m)
{
	free(m->keys);
	free(m->values);
	*m = (struct map){ 0 };
}

static size_t
home_of(const struct map *m, uint64_t key)
{
	return (size_t)key & (m->slots - 1);
}

static void *
value_at(const struct map *m, size_t slot)
{
	return m->values + slot * m->value_size;
}

/* Where the key is, or would be. */
static size_t
slot_of(const struct map *m, uint64_t key)
{
	size_t slot = home_of(m, key);

	while (m->keys[slot] && m->keys[slot] != key)
		slot = (slot + 1) & (m->slots - 1);
	return slot;
}

void *
map_get(const struct map *m, uint64_t key)
{
	size_t slot = slot_of(m, key);

	return m->keys[slot] ? value_at(m, slot) : NULL;
}

static void
grow(struct map *m)
{
	struct map larger = { .value_size = m->value_size, .slots = m->slots * 2, .used = m->used };

	larger.keys = xcalloc(larger.slots, sizeof(larger.keys[0]));
	larger.values = xcalloc(larger.slots, larger.value_size);
	for (size_t i = 0; i < m->slots; i++) {
		size_t slot;

		if (!m->keys[i])
			continue;
		slot = slot_of(&larger, m->keys[i]);
		larger.keys[slot] = m->keys[i];
		memcpy(value_at(&larger, slot), value_at(m, i), m->value_size);
	}
	map_done(m);
	*m = larger;
}

void *
map_put(struct map *m, uint64_t key)
{
	size_t slot = slot_of(m, key);

	if (m->keys[slot])
		return value_at(m, slot);
	if ((m->used + 1) * 3 > m->slots * 2) {
		grow(m);
		slot = slot_of(m, key);
	}
	m->used++;
	m->keys[slot] = key;
	memset(value_at(m, slot), 0, m->value_size);
	return value_at(m, slot);
}

static void
drop_at(struct map *m, size_t gap)
{
	size_t at = gap, mask = m->slots - 1;

	m->used--;
	for (;;) {
		m->keys[gap] = 0;
		do {
			at = (at + 1) & mask;
			if (!m->keys[at])
				return;
			/* may it move back to the gap? Not if its home lies between */
		} while (((at - home_of(m, m->keys[at])) & mask) < ((at - gap) & mask));
		m->keys[gap] = m->keys[at];
		memcpy(value_at(m, gap), value_at(m, at), m->value_size);
		gap = at;
	}
}

void
map_drop(struct map *m, uint64_t key)
{
	size_t slot = slot_of(m, key);

	if (m->keys[slot])
		drop_at(m, slot);
}

void
map_sweep(struct map *m, int (*fn)(uint64_t key, void *value, void *arg), void *arg)
{
	/* from the end: what moves into a gap was looked at before, or is now; what wraps around may be left to the next time */
	for (size_t i = m->slots; i-- > 0;) {
		while (m->keys[i] && fn(m->keys[i], value_at(m, i), arg))
			drop_at(m, i);
	}
}

size_t
map_bytes(const struct map *m)
{
	return m->slots * (sizeof(m->keys[0]) + m->value_size);
}

static uint64_t
mix(uint64_t h)
{
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64_C(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h ? h : 1;
}

uint64_t
hash_text(uint64_t seed, const char *text)
{
	uint64_t h = seed ^ UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return mix(h);
}

uint64_t
hash_number(uint64_t seed, uint64_t number)
{
	return mix(seed * UINT64_C(0x9e3779b97f4a7c15) + number);
}
