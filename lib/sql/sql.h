/* sql.h - one small SQL interface over SQLite (WAL, group commit) and PostgreSQL.
 *
 * One text serves both: parameters $1..$n, RETURNING, ON CONFLICT; the token {skip_locked} becomes
 * "for update skip locked" on PostgreSQL and nothing on SQLite. Types: bigint, text, blob/bytea.
 *
 * SQLite: one connection writes. Whoever has it runs all queued transaction functions, with one
 * commit (fsync) for all of them; the others' callers sleep until it is durable. PostgreSQL: a
 * connection per caller, serialization failures and deadlocks are run again. So a transaction
 * function does no I/O, asks no keeper, keeps no state of a failed run and may run more than once.
 * Both stores give the same isolation, serializable, and the same strictness: a failed statement
 * dooms its transaction, a value of another type than asked for is an error, text is UTF-8 without
 * NUL, all of $1..$n (at most 63) must be bound, and nothing is left deferred to the commit. */
#ifndef SQL_SQL_H
#define SQL_SQL_H

#include "base/buf.h"
#include "base/problem.h"

struct store; /* the database; any thread */
struct sql;   /* a connection within one transaction; the thread that runs the function */

/* "sqlite:PATH" (made with mode 0600 if absent) or a libpq connection string "postgresql://..." /
 * "host=... dbname=...", for a session of its own (no transaction-pooling proxy in between).
 * `connections`: how many calls may be in the database at once, for SQLite reads alone; one more
 * waits for its turn. */
bool store_open(const char *where, unsigned connections, struct store **ret, struct problem *pr)
	__attribute__((warn_unused_result));
/* When no call is under way. NULL is fine. */
void store_close(struct store *store);
bool store_is_shared(const struct store *store); /* PostgreSQL: several gateways */

/* False = roll back, with the problem set (`pr` is never NULL). Must not call store_read or
 * store_write: it has `db`. On SQLite a write may run on another caller's thread, so no thread-locals
 * either. */
typedef bool (*sql_fn)(struct sql *db, void *arg, struct problem *pr);
/* One snapshot, read only. */
bool store_read(struct store *store, sql_fn fn, void *arg, struct problem *pr)
	__attribute__((warn_unused_result));
/* One transaction; true = durable. False = the function's own problem, or serverInternal, or 503
 * when the database stayed busy. If the connection broke during COMMIT the answer is false although
 * the server may have committed. */
bool store_write(struct store *store, sql_fn fn, void *arg, struct problem *pr)
	__attribute__((warn_unused_result));
/* Counters since start, for metrics and bench: calls, commits (fsyncs on SQLite), runs again after
 * a conflict. */
struct store_stats {
	uint64_t reads, writes, commits, reruns;
};
void store_stats(struct store *store, struct store_stats *ret);

/* A statement: bind, step, read, end. Errors stick and come out of sql_end, also of every later
 * statement of this transaction, which then cannot commit (PostgreSQL's rule). What is expected to
 * clash says "on conflict do nothing" and looks at sql_changes, or gives up and begins a new
 * transaction.
 *
 *   struct sql_stmt *st = sql_begin(db, SQL_ACCOUNT_BY_REF);
 *   sql_bind_text(st, 1, ref);
 *   if (sql_step(st)) { a->id = sql_int(st, 0); sql_copy(st, 1, a->thumbprint,
 * sizeof(a->thumbprint)); } return sql_end(st, pr);
 *
 * Prepared once per connection by the address of the text: pass a static const string. Values are
 * copied by bind. The statement runs at the first step; the whole result is fetched then on
 * PostgreSQL, so give long lists a limit. sql_end runs a statement that was never stepped. On
 * PostgreSQL sum() of bigint is numeric: write cast(sum(x) as bigint). */
struct sql_stmt;
struct sql_stmt *sql_begin(struct sql *db, const char *text);
void sql_bind_int(struct sql_stmt *st, int n, int64_t v);
void sql_bind_text(struct sql_stmt *st, int n, struct span v); /* v.p == NULL: null */
void sql_bind_str(struct sql_stmt *st, int n, const char *v);  /* NULL: null */
void sql_bind_blob(struct sql_stmt *st, int n, struct span v); /* likewise */
void sql_bind_null(struct sql_stmt *st, int n);
bool sql_step(struct sql_stmt *st);                 /* true = a row */
int64_t sql_int(struct sql_stmt *st, int col);      /* null = 0 */
struct span sql_text(struct sql_stmt *st, int col); /* until the next step; null = SPAN_NONE */
struct span sql_blob(struct sql_stmt *st, int col);
bool sql_is_null(struct sql_stmt *st, int col);
/* Copy a text column with NUL; too long for dst is an error of the statement. Null = "". */
void sql_copy(struct sql_stmt *st, int col, char *dst, size_t size);
/* Rows changed by insert/update/delete, valid before sql_end; runs the statement to its end,
 * skipping rows not yet read. */
int64_t sql_changes(struct sql_stmt *st);
/* False with a problem if anything failed. A unique violation is serverInternal for those who pass
 * it up unread, and sql_is_conflict for those who look. */
bool sql_end(struct sql_stmt *st, struct problem *pr) __attribute__((warn_unused_result));
bool sql_is_conflict(const struct problem *pr);
/* begin, no parameters, step, end */
bool sql_exec(struct sql *db, const char *text, struct problem *pr)
	__attribute__((warn_unused_result));

/* Migrations: numbered upwards from 1, never edited after release. Table "schema_version(version)"
 * is made by this. All that are missing are applied in one transaction, under a lock; a database
 * newer than the list is refused. */
struct sql_migration {
	int version;
	const char *sqlite; /* several statements separated by ';' */
	const char *postgres;
};
bool store_migrate(struct store *store, const struct sql_migration *list, size_t count,
	struct problem *pr) __attribute__((warn_unused_result));

/* A consistent copy of a SQLite database in a new file (0600), synced, while the store is in use;
 * takes as long as writing it. PostgreSQL: refused, malformed, pg_dump does it. */
bool store_backup(struct store *store, const char *path, struct problem *pr)
	__attribute__((warn_unused_result));
#endif
