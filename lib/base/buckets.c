/* buckets.c - see buckets.h. GCRA: one time per key, the theoretical arrival of the next token's use. Sixteen shards, so that
 * threads seldom meet; uthash keeps the order of insertion, so what goes first is what came first. */
#include "base/buckets.h"

#include <pthread.h>
#include <stdlib.h>

#include <uthash.h>

#include "base/mem.h"

#define SHARDS 16
#define SWEEP 4 /* old entries looked at when one is added */

struct bucket {
	UT_hash_handle hh;
	msec_t arrival; /* the bucket is full at this time and after */
	unsigned key_n;
	char key[]; /* key_n octets */
};

struct shard {
	pthread_mutex_t lock;
	struct bucket *table; /* under lock, as are the counters */
	uint64_t taken, refused;
};

struct buckets {
	size_t shard_max;
	struct shard shards[SHARDS];
};

struct buckets *
buckets_new(size_t keys_max)
{
	struct buckets *b = xcalloc(1, sizeof(*b));

	b->shard_max = keys_max / SHARDS + 1;
	for (size_t i = 0; i < SHARDS; i++)
		pthread_mutex_init(&b->shards[i].lock, NULL);
	return b;
}

static void
drop(struct shard *s, struct bucket *e)
{
	HASH_DEL(s->table, e);
	free(e);
}

void
buckets_free(struct buckets *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		while (b->shards[i].table)
			drop(&b->shards[i], b->shards[i].table);
		pthread_mutex_destroy(&b->shards[i].lock);
	}
	free(b);
}

static struct shard *
shard_of(struct buckets *b, struct span key)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < key.n; i++)
		h = (h ^ (unsigned char)key.p[i]) * 16777619u;
	return &b->shards[h % SHARDS];
}

/* Full buckets say nothing: forget those at the old end; then make room if need be. */
static void
sweep(struct buckets *b, struct shard *s, msec_t now)
{
	for (int i = 0; i < SWEEP && s->table && s->table->arrival <= now; i++)
		drop(s, s->table);
	if (HASH_COUNT(s->table) >= b->shard_max)
		drop(s, s->table);
}

static struct bucket *
add(struct buckets *b, struct shard *s, struct span key, msec_t now)
{
	struct bucket *e;

	sweep(b, s, now);
	e = xcalloc(1, sizeof(*e) + key.n);
	e->key_n = (unsigned)key.n;
	memcpy(e->key, key.p, key.n);
	e->arrival = now;
	HASH_ADD_KEYPTR(hh, s->table, e->key, e->key_n, e);
	return e;
}

/* Milliseconds until `count` tokens are there; 0 = now. */
static msec_t
wait_for(const struct bucket *e, struct rate rate, int64_t count, msec_t now)
{
	msec_t arrival = e && e->arrival > now ? e->arrival : now;
	msec_t earliest = arrival - (rate.burst - (count < rate.burst ? count : rate.burst)) * rate.interval_ms;

	return earliest > now ? earliest - now : 0;
}

static bool
ask(struct buckets *b, struct span key, struct rate rate, int64_t count, msec_t now, bool take, msec_t *ret_wait_ms)
{
	struct shard *s;
	struct bucket *e;
	msec_t wait;

	*ret_wait_ms = 0;
	if (rate.burst <= 0)
		return true;
	if (key.n > BUCKET_KEY_MAX)
		key.n = BUCKET_KEY_MAX;
	s = shard_of(b, key);
	pthread_mutex_lock(&s->lock);
	HASH_FIND(hh, s->table, key.p, key.n, e);
	wait = wait_for(e, rate, count, now);
	if (wait > 0) {
		s->refused += take;
	} else if (take) {
		if (!e)
			e = add(b, s, key, now);
		e->arrival = (e->arrival > now ? e->arrival : now) + count * rate.interval_ms;
		s->taken += (uint64_t)count;
	}
	pthread_mutex_unlock(&s->lock);
	*ret_wait_ms = wait;
	return wait == 0;
}

bool
buckets_take(struct buckets *b, struct span key, struct rate rate, msec_t now, msec_t *ret_wait_ms)
{
	return ask(b, key, rate, 1, now, true, ret_wait_ms);
}

bool
buckets_take_many(struct buckets *b, struct span key, struct rate rate, int64_t count, msec_t now, msec_t *ret_wait_ms)
{
	return ask(b, key, rate, count, now, true, ret_wait_ms);
}

bool
buckets_has(struct buckets *b, struct span key, struct rate rate, msec_t now, msec_t *ret_wait_ms)
{
	return ask(b, key, rate, 1, now, false, ret_wait_ms);
}

void
buckets_stats(struct buckets *b, struct buckets_stats *ret)
{
	*ret = (struct buckets_stats){ 0 };
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &b->shards[i];

		pthread_mutex_lock(&s->lock);
		ret->keys += HASH_COUNT(s->table);
		ret->taken += s->taken;
		ret->refused += s->refused;
		pthread_mutex_unlock(&s->lock);
	}
}
