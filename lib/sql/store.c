/* store.c - the common front of both databases: open, transactions, migrations; statements are in
 * stmt.c.
 *
 * A transaction function always runs through sql_run, on whatever thread the backend chooses: it
 * gets a clean fault state and a problem of its own, and its verdict counts only if no statement
 * failed. */
#include <assert.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/mem.h"
#include "base/rand.h"
#include "sql/backend.h"

static const struct sql_backend *const backends[] = {&sqlite_backend, &postgres_backend};

static const char CONFLICT[] = "unique violation: ";

/* This thread is inside a transaction function. */
static _Thread_local bool inside;

bool
store_open(const char *where, unsigned connections, struct store **ret, struct problem *pr)
{
	for (size_t i = 0; i < COUNT_OF(backends); i++) {
		if (backends[i]->is_for(where))
			return backends[i]->open(where, connections ? connections : 1, ret, pr);
	}
	/* not quoted: it may hold a password */
	return problem_set(pr, PROBLEM_MALFORMED,
		"the store must be \"sqlite:PATH\" or a PostgreSQL connection string");
}

void
store_close(struct store *store)
{
	if (store)
		store->backend->close(store);
}

bool
store_is_shared(const struct store *store)
{
	return store->backend->shared;
}

bool
store_read(struct store *store, sql_fn fn, void *arg, struct problem *pr)
{
	assert(!inside);
	atomic_fetch_add_explicit(&store->reads, 1, memory_order_relaxed);
	return store->backend->read(store, fn, arg, pr);
}

bool
store_write(struct store *store, sql_fn fn, void *arg, struct problem *pr)
{
	bool good;

	assert(!inside); /* on SQLite it would wait for itself */
	atomic_fetch_add_explicit(&store->writes, 1, memory_order_relaxed);
	good = store->backend->write(store, fn, arg, pr);
	if (good)
		crash_point("committed");
	return good;
}

void
store_stats(struct store *store, struct store_stats *ret)
{
	*ret = (struct store_stats){
		.reads = atomic_load_explicit(&store->reads, memory_order_relaxed),
		.writes = atomic_load_explicit(&store->writes, memory_order_relaxed),
		.commits = atomic_load_explicit(&store->commits, memory_order_relaxed),
		.reruns = atomic_load_explicit(&store->reruns, memory_order_relaxed),
	};
}

bool
store_backup(struct store *store, const char *path, struct problem *pr)
{
	assert(!inside);
	return store->backend->backup(store, path, pr);
}

bool
sql_run(struct sql *db, sql_fn fn, void *arg, struct problem *pr)
{
	struct problem mine = {0};
	bool good;

	db->fault = FAULT_NONE;
	db->failure = mine;
	inside = true;
	good = fn(db, arg, &mine);
	inside = false;
	assert(db->open == 0); /* every sql_begin has its sql_end */
	if (good && db->fault) {
		mine = db->failure;
		good = false;
	}
	if (!good && pr)
		*pr = mine;
	return good;
}

struct problem *
sql_failure(struct sql *db, enum sql_fault fault)
{
	if (db->fault)
		return NULL;
	db->fault = fault;
	return &db->failure;
}

void
sql_set_conflict(struct problem *pr, const char *what)
{
	problem_internal(pr, "%s%s", CONFLICT, what);
}

bool
sql_is_conflict(const struct problem *pr)
{
	return pr->kind == PROBLEM_SERVER_INTERNAL &&
	       strncmp(pr->cause, CONFLICT, sizeof(CONFLICT) - 1) == 0;
}

bool
sql_set_busy(struct problem *pr, const char *cause)
{
	problem_cause(pr, "%s", cause);
	if (pr)
		pr->retry_after_s = 5 + rand_below(6);
	return problem_set(pr, PROBLEM_OVERLOADED, "the database is busy, try again later");
}

struct migration {
	const struct sql_migration *list;
	size_t count;
};

static bool
schema_version(struct sql *db, int64_t *ret, struct problem *pr)
{
	static const char CREATE[] =
		"create table if not exists schema_version (version bigint primary key)";
	static const char NEWEST[] = "select max(version) from schema_version";
	struct sql_stmt *st;

	if (!sql_exec(db, CREATE, pr))
		return false;
	st = sql_begin(db, NEWEST);
	if (sql_step(st))
		*ret = sql_int(st, 0);
	return sql_end(st, pr);
}

static bool
apply(struct sql *db, const struct sql_migration *m, struct problem *pr)
{
	static const char APPLIED[] = "insert into schema_version (version) values ($1)";
	struct sql_stmt *st;

	db->backend->script(db, db->backend->migration_text(m));
	st = sql_begin(db, APPLIED);
	sql_bind_int(st, 1, m->version);
	return sql_end(st, pr);
}

static bool
migrate(struct sql *db, void *arg, struct problem *pr)
{
	const struct migration *m = arg;
	int64_t have = 0, newest = m->count ? m->list[m->count - 1].version : 0;

	if (!schema_version(db, &have, pr))
		return false;
	if (have > newest)
		return problem_internal(pr,
			"the database has schema version %lld, this program knows %lld",
			(long long)have, (long long)newest);
	for (size_t i = 0; i < m->count; i++) {
		if (m->list[i].version > have && !apply(db, &m->list[i], pr))
			return false;
	}
	return true;
}

bool
store_migrate(
	struct store *store, const struct sql_migration *list, size_t count, struct problem *pr)
{
	struct migration m = {list, count};

	assert(!inside);
	for (size_t i = 0; i < count; i++)
		assert(list[i].version > (i ? list[i - 1].version : 0));
	return store->backend->migrate(store, migrate, &m, pr);
}

void
sql_pool_init(struct sql_pool *pool)
{
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->given, NULL);
	pool->first = NULL;
}

void
sql_pool_done(struct sql_pool *pool)
{
	pthread_cond_destroy(&pool->given);
	pthread_mutex_destroy(&pool->lock);
}

struct sql *
sql_pool_take(struct sql_pool *pool)
{
	struct sql *db;

	pthread_mutex_lock(&pool->lock);
	while (!pool->first)
		pthread_cond_wait(&pool->given, &pool->lock);
	db = pool->first;
	pool->first = db->next;
	pthread_mutex_unlock(&pool->lock);
	return db;
}

void
sql_pool_give(struct sql_pool *pool, struct sql *db)
{
	pthread_mutex_lock(&pool->lock);
	db->next = pool->first;
	pool->first = db;
	pthread_mutex_unlock(&pool->lock);
	pthread_cond_signal(&pool->given);
}
