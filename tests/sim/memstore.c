/* memstore.c - see memstore.h. */
#include "memstore.h"

#include <stdlib.h>

#include "map.h"
#include "store/queue.h"
#include "store/renewal_plan.h"

#define HELD_MAX 8 /* buckets that an order of the simulation holds tokens in, at most */

struct row {
	char *scope, *name; /* owned */
	enum quota_kind kind;
	bool adopted;
	int64_t tat_ns, frozen_ns, learned_instead, holds;
	struct quota_rate learned;
};

struct held {
	int64_t ids[HELD_MAX];
	size_t count;
};

struct sql {
	struct map by_name;  /* of bucket: int64_t id */
	struct map by_id;    /* of bucket: struct row */
	struct map held;     /* of order: struct held */
	struct map issued;   /* of set: int64_t, unix s */
	struct map planned;  /* of hour: int64_t */
	int64_t last_id;
	size_t adopted;
};

struct sql *
memstore_new(void)
{
	struct sql *db = xcalloc(1, sizeof(*db));

	map_init(&db->by_name, sizeof(int64_t));
	map_init(&db->by_id, sizeof(struct row));
	map_init(&db->held, sizeof(struct held));
	map_init(&db->issued, sizeof(int64_t));
	map_init(&db->planned, sizeof(int64_t));
	return db;
}

static int
free_row(uint64_t id, void *value, void *arg)
{
	struct row *row = value;

	(void)id;
	(void)arg;
	free(row->scope);
	free(row->name);
	return 0;
}

void
memstore_free(struct sql *db)
{
	map_sweep(&db->by_id, free_row, NULL);
	map_done(&db->by_name);
	map_done(&db->by_id);
	map_done(&db->held);
	map_done(&db->issued);
	map_done(&db->planned);
	free(db);
}

size_t
memstore_bytes(const struct sql *db)
{
	return map_bytes(&db->by_name) + map_bytes(&db->by_id) + map_bytes(&db->held) + map_bytes(&db->issued) +
		db->by_id.used * 2 * 48; /* texts */
}

/* ---- buckets ---- */

static uint64_t
name_of(const char *scope, enum quota_kind kind, const char *name)
{
	return hash_text(hash_text((uint64_t)kind, scope), name);
}

static struct row *
row_of(struct sql *db, int64_t id)
{
	return map_get(&db->by_id, (uint64_t)id);
}

static void
read_row(const struct row *row, int64_t id, struct bucket *ret)
{
	ret->id = id;
	ret->kind = row->kind;
	ret->tat_ns = row->tat_ns;
	ret->frozen_ns = row->frozen_ns;
	ret->learned = row->learned;
	ret->learned_instead = row->learned_instead;
	ret->adopted = row->adopted;
	span_copy(span_str(row->scope), ret->scope, sizeof(ret->scope));
	span_copy(span_str(row->name), ret->name, sizeof(ret->name));
}

bool
bucket_find(struct sql *db, const char *scope, enum quota_kind kind, const char *name, struct bucket *ret, struct problem *pr)
{
	const int64_t *id = map_get(&db->by_name, name_of(scope, kind, name));

	*ret = (struct bucket){ .kind = kind };
	if (id) {
		read_row(row_of(db, *id), *id, ret);
		return true;
	}
	if (span_copy(span_str(scope), ret->scope, sizeof(ret->scope)) && span_copy(span_str(name), ret->name, sizeof(ret->name)))
		return true;
	return problem_internal(pr, "the name of a bucket is too long");
}

bool
bucket_by_id(struct sql *db, int64_t id, struct bucket *ret, bool *ret_found, struct problem *pr)
{
	const struct row *row = row_of(db, id);

	(void)pr;
	*ret_found = row != NULL;
	if (row)
		read_row(row, id, ret);
	return true;
}

bool
bucket_save(struct sql *db, struct bucket *b, struct problem *pr)
{
	int64_t *id = map_put(&db->by_name, name_of(b->scope, b->kind, b->name));
	struct row *row;

	(void)pr;
	if (*id == 0)
		*id = ++db->last_id;
	b->id = *id;
	row = map_put(&db->by_id, (uint64_t)b->id);
	if (!row->name) {
		row->scope = xstrdup(b->scope);
		row->name = xstrdup(b->name);
		row->kind = b->kind;
	}
	db->adopted += b->adopted && !row->adopted;
	row->adopted = b->adopted;
	row->tat_ns = b->tat_ns;
	row->frozen_ns = b->frozen_ns;
	row->learned = b->learned;
	row->learned_instead = b->learned_instead;
	return true;
}

bool
bucket_adopted(struct sql *db, const char *scope, const char *name, char ret[QUOTA_KEY_TEXT], struct problem *pr)
{
	(void)scope;
	(void)name;
	ret[0] = '\0';
	/* the CA of the simulation counts by the same domains */
	return db->adopted == 0 || problem_internal(pr, "a domain was adopted");
}

struct sweep {
	struct sql *db;
	int64_t now_ns, count;
};

static int
sweep_row(uint64_t id, void *value, void *arg)
{
	struct row *row = value;
	struct sweep *s = arg;

	if (row->tat_ns > s->now_ns || row->frozen_ns > s->now_ns || row->learned.count || row->adopted || row->holds)
		return 0;
	map_drop(&s->db->by_name, name_of(row->scope, row->kind, row->name));
	s->count++;
	free_row(id, value, NULL);
	return 1;
}

bool
bucket_sweep(struct sql *db, int64_t now_ns, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	struct sweep s = { db, now_ns, 0 };

	(void)limit;
	(void)pr;
	map_sweep(&db->by_id, sweep_row, &s);
	*ret_count = s.count;
	return true;
}

/* ---- reservations ---- */

bool
hold_add(struct sql *db, int64_t order_id, int64_t bucket_id, struct problem *pr)
{
	struct held *h = map_put(&db->held, (uint64_t)order_id);

	for (size_t i = 0; i < h->count; i++) {
		if (h->ids[i] == bucket_id)
			return true;
	}
	if (h->count == HELD_MAX)
		return problem_internal(pr, "an order holds too much");
	h->ids[h->count++] = bucket_id;
	row_of(db, bucket_id)->holds++;
	return true;
}

bool
hold_delete(struct sql *db, int64_t order_id, int64_t bucket_id, struct problem *pr)
{
	struct held *h = map_get(&db->held, (uint64_t)order_id);

	(void)pr;
	for (size_t i = 0; h && i < h->count; i++) {
		if (h->ids[i] != bucket_id)
			continue;
		row_of(db, bucket_id)->holds--;
		h->ids[i] = h->ids[--h->count];
		if (h->count == 0)
			map_drop(&db->held, (uint64_t)order_id);
		return true;
	}
	return true;
}

bool
hold_delete_all(struct sql *db, int64_t order_id, struct problem *pr)
{
	const struct held *h = map_get(&db->held, (uint64_t)order_id);

	(void)pr;
	for (size_t i = 0; h && i < h->count; i++)
		row_of(db, h->ids[i])->holds--;
	map_drop(&db->held, (uint64_t)order_id);
	return true;
}

bool
hold_count(struct sql *db, int64_t bucket_id, int64_t order_id, int64_t *ret, struct problem *pr)
{
	const struct held *h = map_get(&db->held, (uint64_t)order_id);
	const struct row *row = row_of(db, bucket_id);

	(void)pr;
	*ret = row ? row->holds : 0;
	for (size_t i = 0; h && i < h->count; i++)
		*ret -= h->ids[i] == bucket_id;
	return true;
}

bool
hold_buckets(struct sql *db, int64_t order_id, int64_t ret_ids[HOLDS_MAX], size_t *ret_count, struct problem *pr)
{
	const struct held *h = map_get(&db->held, (uint64_t)order_id);

	(void)pr;
	*ret_count = h ? h->count : 0;
	if (h)
		memcpy(ret_ids, h->ids, h->count * sizeof(h->ids[0]));
	return true;
}

/* Only forecasts ask who else waits, and none are made here. */
bool
waiters_ahead(struct sql *db, int64_t bucket_id, int64_t order_id, bool urgent, int64_t *ret, struct problem *pr)
{
	(void)db;
	(void)bucket_id;
	(void)order_id;
	(void)urgent;
	(void)ret;
	return problem_internal(pr, "a forecast was made");
}

bool
places_ahead(struct sql *db, int64_t bucket, int64_t since, int64_t now, int64_t *ret, struct problem *pr)
{
	(void)db;
	(void)bucket;
	(void)since;
	(void)now;
	(void)ret;
	return problem_internal(pr, "a forecast was made");
}

/* ---- what was issued ---- */

static uint64_t
set_of(const char *idents_key_text)
{
	return hash_text(1, idents_key_text);
}

void
memstore_issued(struct sql *db, const struct idents *idents, int64_t now_s)
{
	char key[IDENTS_KEY_TEXT];

	idents_key(idents, key);
	*(int64_t *)map_put(&db->issued, set_of(key)) = now_s;
}

bool
cert_set_issued_at(struct sql *db, const char *key, const char *const *upstreams, size_t count, int64_t since, int64_t *ret, struct problem *pr)
{
	const int64_t *at = map_get(&db->issued, set_of(key));

	(void)upstreams;
	(void)count;
	(void)pr;
	*ret = at && *at > since ? *at : 0;
	return true;
}

/* ---- plans: of one CA ---- */

/* The row is the caller's, who keeps it. */
bool
plan_set(struct sql *db, const struct plan_row *row, int64_t changed_at, struct problem *pr)
{
	(void)db;
	(void)row;
	(void)changed_at;
	(void)pr;
	return true;
}

bool
plan_by_cert(struct sql *db, int64_t cert_id, struct plan_row *ret, bool *ret_found, struct problem *pr)
{
	(void)db;
	(void)cert_id;
	(void)ret;
	*ret_found = false;
	return problem_internal(pr, "rows are not kept here");
}

bool
plan_count(struct sql *db, const char *upstream, int64_t hour, int64_t *ret, struct problem *pr)
{
	const int64_t *n = map_get(&db->planned, (uint64_t)hour);

	(void)upstream;
	(void)pr;
	*ret = n ? *n : 0;
	return true;
}

bool
plan_count_add(struct sql *db, const char *upstream, int64_t hour, int64_t n, struct problem *pr)
{
	int64_t *is = map_put(&db->planned, (uint64_t)hour);

	(void)upstream;
	(void)pr;
	*is += n;
	return true;
}

bool
plan_counts(struct sql *db, const char *upstream, int64_t first, size_t count, uint32_t *ret, struct problem *pr)
{
	for (size_t i = 0; i < count; i++) {
		int64_t n;

		if (!plan_count(db, upstream, first + (int64_t)i, &n, pr))
			return false;
		ret[i] = (uint32_t)n;
	}
	return true;
}
