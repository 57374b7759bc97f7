/* backend.h - what a database must provide; for the files of lib/sql alone.
 *
 * A backend is one struct of functions and one row of the table in store.c. The front (store.c,
 * stmt.c) owns the rules that hold on both: failures stick to the transaction, parameters are
 * complete, values have the type asked for. */
#ifndef SQL_BACKEND_H
#define SQL_BACKEND_H

#include <pthread.h>
#include <stdatomic.h>

#include <uthash.h>

#include "sql/sql.h"

/* A bit per parameter in sql_stmt.bound */
#define SQL_PARAMS_MAX 63

enum value_kind { VALUE_NULL, VALUE_INT, VALUE_TEXT, VALUE_BLOB, VALUE_OTHER };

struct sql_value {
	enum value_kind kind;
	int64_t number;
	struct span bytes; /* text and blob; p is not NULL */
};

enum sql_fault {
	FAULT_NONE,
	FAULT_ERROR,
	FAULT_RERUN,     /* serialization failure, deadlock: run again it may succeed */
	FAULT_CONNECTION /* the connection is of no more use, nothing was committed */
};

struct store {
	const struct sql_backend *backend;
	_Atomic(uint64_t) reads, writes, commits, reruns;
};

/* A connection; a backend's own struct begins with it. One thread at a time. */
struct sql {
	const struct sql_backend *backend;
	struct sql_stmt *stmts; /* prepared, by the address of the text */
	unsigned open;          /* statements between begin and end */
	enum sql_fault fault;   /* of this transaction, the first one */
	struct problem failure; /* set when fault is */
	struct sql *next;       /* in a sql_pool */
};

struct sql_stmt {
	struct sql *db;
	const char *text; /* key: its address */
	UT_hash_handle hh;
	int params;     /* $1 .. $params */
	uint64_t bound; /* bit n-1: $n has a value */
	bool busy;      /* between begin and end */
	bool one_off;   /* made because the cached one was busy, or not to be kept */
	bool stepped, done;
	int64_t changes; /* set by the backend when done */
};

struct sql_backend {
	bool shared;
	const char *skip_locked; /* what {skip_locked} becomes */
	bool (*is_for)(const char *where);
	bool (*open)(
		const char *where, unsigned connections, struct store **ret, struct problem *pr);
	void (*close)(struct store *store);
	bool (*read)(struct store *store, sql_fn fn, void *arg, struct problem *pr);
	bool (*write)(struct store *store, sql_fn fn, void *arg, struct problem *pr);
	/* A write that no other gateway's migration can overlap; `script` below is for it. */
	bool (*migrate)(struct store *store, sql_fn fn, void *arg, struct problem *pr);
	bool (*backup)(struct store *store, const char *path, struct problem *pr);

	/* All of these report through sql_failure(). text: expanded; the first fields are filled in
	 * by the caller. */
	struct sql_stmt *(*stmt_new)(struct sql *db, const char *text, int params);
	void (*stmt_free)(struct sql_stmt *st);
	void (*bind)(struct sql_stmt *st, int n, const struct sql_value *value);
	bool (*step)(struct sql_stmt *st);
	void (*column)(struct sql_stmt *st, int col, struct sql_value *ret);
	void (*reset)(struct sql_stmt *st);               /* forget result and values */
	void (*script)(struct sql *db, const char *text); /* several statements */
	const char *(*migration_text)(const struct sql_migration *m);
};

extern const struct sql_backend sqlite_backend, postgres_backend;

/* The transaction has failed: where to put the problem, or NULL (which problem_* accept) if one is
 * there already. */
struct problem *sql_failure(struct sql *db, enum sql_fault fault);
/* Set pr to what sql_is_conflict recognizes. */
void sql_set_conflict(struct problem *pr, const char *what);
/* Busy for too long: 503. Always false. */
bool sql_set_busy(struct problem *pr, const char *cause);
/* Run a transaction function: true if it answered true and no statement failed, pr untouched. */
bool sql_run(struct sql *db, sql_fn fn, void *arg, struct problem *pr);
/* Free all prepared statements. */
void sql_forget(struct sql *db);

/* Connections at rest, the last used first (its cache is warm). */
struct sql_pool {
	pthread_mutex_t lock;
	pthread_cond_t given;
	struct sql *first;
};
void sql_pool_init(struct sql_pool *pool);
void sql_pool_done(struct sql_pool *pool);
struct sql *sql_pool_take(struct sql_pool *pool); /* waits */
void sql_pool_give(struct sql_pool *pool, struct sql *db);
#endif
