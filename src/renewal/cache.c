/* cache.c - see cache.h. Open addressing in shards, each under a lock of its own that is held for a probe: a front thread waits for no
 * rebuild of the whole. Ended certificates are left where they lie until their shard is full and built anew. */
#include "renewal/cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/renewal.h"

#define SHARDS 256
#define SLOTS_MIN 16
#define ISSUERS_MAX 4096
#define TEXTS_MAX 1024
#define ISSUER_TEXT 88 /* base64url of KEYID_MAX octets, and NUL */

/* A serial number's octets and the number of who gave it. 24 octets without a hole: it is hashed and compared as it lies there. */
struct key {
	uint16_t issuer; /* from 1; 0 = the slot is empty */
	uint8_t n;
	uint8_t octets[SERIAL_MAX];
};
_Static_assert(sizeof(struct key) == 24, "no hole");

struct slot {
	struct key key;
	uint32_t retry_s, retry_open_s;
	int64_t start, end, not_after, principal;
	const char *explanation;
	bool revoked, has_page;
	uint8_t from, why;
};
_Static_assert(sizeof(struct slot) == 80, "what cache.h says of memory");

struct counts {
	uint32_t windows[WINDOW_FROM__COUNT][POLICY__COUNT], moved, over;
};

struct shard {
	pthread_rwlock_t lock;
	struct slot *slots;
	size_t count, size; /* size: a power of two, or 0 */
	struct counts counts; /* of what lies in the slots */
};

struct renewal_cache {
	struct shard shards[SHARDS];
	pthread_rwlock_t names_lock; /* of what follows; nothing of it is ever taken away */
	char issuers[ISSUERS_MAX][ISSUER_TEXT];
	size_t issuer_count;
	char *texts[TEXTS_MAX];
	size_t text_count;
};

struct renewal_cache *
renewal_cache_new(void)
{
	struct renewal_cache *c = xcalloc(1, sizeof(*c));

	pthread_rwlock_init(&c->names_lock, NULL);
	for (size_t i = 0; i < SHARDS; i++)
		pthread_rwlock_init(&c->shards[i].lock, NULL);
	return c;
}

void
renewal_cache_free(struct renewal_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		free(c->shards[i].slots);
		pthread_rwlock_destroy(&c->shards[i].lock);
	}
	for (size_t i = 0; i < c->text_count; i++)
		free(c->texts[i]);
	pthread_rwlock_destroy(&c->names_lock);
	free(c);
}

/* ---- issuers and texts: few, and each once ---- */

static size_t
find_issuer(struct renewal_cache *c, struct span keyid)
{
	for (size_t i = 0; i < c->issuer_count; i++) {
		if (span_is(keyid, c->issuers[i]))
			return i + 1;
	}
	return 0;
}

/* 0 = there is none, or no room for it. */
static size_t
issuer_of(struct renewal_cache *c, struct span keyid, bool add)
{
	size_t n;

	pthread_rwlock_rdlock(&c->names_lock);
	n = find_issuer(c, keyid);
	pthread_rwlock_unlock(&c->names_lock);
	if (n || !add)
		return n;
	pthread_rwlock_wrlock(&c->names_lock);
	n = find_issuer(c, keyid);
	if (!n && c->issuer_count < ISSUERS_MAX && span_copy(keyid, c->issuers[c->issuer_count], ISSUER_TEXT))
		n = ++c->issuer_count;
	pthread_rwlock_unlock(&c->names_lock);
	return n;
}

static const char *
find_text(struct renewal_cache *c, struct span text)
{
	for (size_t i = 0; i < c->text_count; i++) {
		if (span_is(text, c->texts[i]))
			return c->texts[i];
	}
	return NULL;
}

const char *
renewal_cache_text(struct renewal_cache *c, struct span text)
{
	const char *found;

	if (text.n == 0)
		return NULL;
	pthread_rwlock_rdlock(&c->names_lock);
	found = find_text(c, text);
	pthread_rwlock_unlock(&c->names_lock);
	if (found)
		return found;
	pthread_rwlock_wrlock(&c->names_lock);
	found = find_text(c, text);
	if (!found && c->text_count < TEXTS_MAX)
		found = c->texts[c->text_count++] = span_dup(text);
	pthread_rwlock_unlock(&c->names_lock);
	return found;
}

/* ---- certificates ---- */

static bool
make_key(struct renewal_cache *c, const struct certid *id, bool add, struct key *ret)
{
	size_t issuer = issuer_of(c, span_of(id->text, id->keyid_chars), add);

	*ret = (struct key){ .issuer = (uint16_t)issuer, .n = id->octet_count };
	memcpy(ret->octets, id->octets, id->octet_count);
	return issuer != 0;
}

static uint64_t
hash_of(const struct key *k)
{
	return span_hash(span_of(k, sizeof(*k)));
}

/* The key's slot, or the empty one where it would lie. There is always one. */
static struct slot *
probe(const struct shard *s, const struct key *k, uint64_t hash)
{
	size_t i = (size_t)(hash / SHARDS) & (s->size - 1);

	while (s->slots[i].key.issuer && memcmp(&s->slots[i].key, k, sizeof(*k)) != 0)
		i = (i + 1) & (s->size - 1);
	return &s->slots[i];
}

static void
tally(struct counts *c, const struct slot *s, uint32_t n)
{
	enum renewal_policy policy = s->why & PLAN_UNHEARD ? POLICY_UNHEARD : s->why & PLAN_NARROWED ? POLICY_NARROWED : POLICY_FREE;
	bool planned = s->from == WINDOW_CA || s->from == WINDOW_BACKSTOP;

	c->windows[s->from][planned ? policy : POLICY_FREE] += n;
	if (planned && (s->why & PLAN_OVER))
		c->over += n;
	else if (planned && (s->why & PLAN_MOVED))
		c->moved += n;
}

/* Room for one more, without those that have ended. */
static void
rebuild(struct shard *s, int64_t now)
{
	struct shard old = *s;
	size_t live = 0;

	for (size_t i = 0; i < old.size; i++)
		live += old.slots[i].key.issuer && old.slots[i].not_after > now;
	s->size = SLOTS_MIN;
	while (s->size * 5 / 8 < live + 1)
		s->size *= 2;
	s->slots = xcalloc(s->size, sizeof(*s->slots));
	s->count = live;
	s->counts = (struct counts){ 0 };
	for (size_t i = 0; i < old.size; i++) {
		if (!old.slots[i].key.issuer || old.slots[i].not_after <= now)
			continue;
		*probe(s, &old.slots[i].key, hash_of(&old.slots[i].key)) = old.slots[i];
		tally(&s->counts, &old.slots[i], 1);
	}
	free(old.slots);
}

void
renewal_cache_put(struct renewal_cache *c, const struct certid *id, const struct renewal_info *info, int64_t now)
{
	struct slot *slot;
	struct shard *s;
	struct key key;
	uint64_t hash;

	if (!make_key(c, id, true, &key))
		return;
	hash = hash_of(&key);
	s = &c->shards[hash % SHARDS];
	pthread_rwlock_wrlock(&s->lock);
	if (s->count >= s->size * 3 / 4)
		rebuild(s, now);
	slot = probe(s, &key, hash);
	if (slot->key.issuer)
		tally(&s->counts, slot, (uint32_t)-1);
	else
		s->count++;
	*slot = (struct slot){ key, info->retry_s, info->retry_open_s, info->window.start, info->window.end, info->not_after, info->principal,
		info->explanation, info->revoked, info->has_page, info->from, info->why };
	tally(&s->counts, slot, 1);
	pthread_rwlock_unlock(&s->lock);
}

bool
renewal_cache_get(struct renewal_cache *c, const struct certid *id, struct renewal_info *ret)
{
	const struct slot *slot = NULL;
	struct shard *s;
	struct key key;
	uint64_t hash;
	bool found;

	if (!make_key(c, id, false, &key))
		return false;
	hash = hash_of(&key);
	s = &c->shards[hash % SHARDS];
	pthread_rwlock_rdlock(&s->lock);
	if (s->size)
		slot = probe(s, &key, hash);
	found = slot && slot->key.issuer;
	if (found)
		*ret = (struct renewal_info){ { slot->start, slot->end }, slot->not_after, slot->principal, slot->explanation, slot->retry_s,
			slot->retry_open_s, slot->revoked, slot->has_page, slot->from, slot->why };
	pthread_rwlock_unlock(&s->lock);
	return found;
}

void
renewal_cache_stats(struct renewal_cache *c, struct renewal_cache_stats *ret)
{
	*ret = (struct renewal_cache_stats){ .bytes = sizeof(*c) };
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *s = &c->shards[i];

		pthread_rwlock_rdlock(&s->lock);
		ret->entries += s->count;
		ret->bytes += s->size * sizeof(*s->slots);
		ret->moved += s->counts.moved;
		ret->over += s->counts.over;
		for (size_t k = 0; k < (size_t)WINDOW_FROM__COUNT * POLICY__COUNT; k++)
			ret->windows[k / POLICY__COUNT][k % POLICY__COUNT] += s->counts.windows[k / POLICY__COUNT][k % POLICY__COUNT];
		pthread_rwlock_unlock(&s->lock);
	}
}
