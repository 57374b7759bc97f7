/* postgres.c - PostgreSQL: a pool of connections, one taken per call, conflicts run again.
 *
 * Writes are SERIALIZABLE: a function that reads and then decides (quotas, "no other order has this
 * name") is as safe as under SQLite's single writer, which REPEATABLE READ does not give: two of
 * them may each miss what the other inserts. The price is more reruns. Reads are REPEATABLE READ,
 * READ ONLY: one snapshot, never a conflict.
 *
 * A connection found broken before COMMIT was sent has committed nothing, so it is replaced and the
 * function runs again. Broken during COMMIT nobody knows, and the caller hears false. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/rand.h"
#include "sql/postgres.h"

/* Each conflict means that somebody else got through; with the pauses about two seconds in all. */
#define RERUNS_MAX 30
#define RECONNECTS_MAX 2

enum transaction { TX_READ, TX_WRITE, TX_MIGRATE, TX__COUNT };

static const struct {
	const char *begin, *lock;
} begins[TX__COUNT] = {
	[TX_READ] = {"begin isolation level repeatable read read only", NULL},
	[TX_WRITE] = {"begin isolation level serializable read write", NULL},
	/* each statement sees what was committed before it, so what the lock was waited for */
	[TX_MIGRATE] =
		{"begin isolation level read committed read write; set local statement_timeout = 0",
			"select pg_advisory_xact_lock(hashtext('schema_version'))"},
};

struct pg_store {
	struct store store; /* first */
	char *where;
	struct sql_pool pool;
};

static struct pg_store *
self(struct store *store)
{
	return (struct pg_store *)store;
}

static bool
is_for(const char *where)
{
	return strncmp(where, "postgresql://", 13) == 0 || strncmp(where, "postgres://", 11) == 0 ||
	       strchr(where, '=');
}

static enum sql_fault
fault_of(struct pg_conn *c, const char *state)
{
	if (!state || PQstatus(c->h) != CONNECTION_OK)
		return FAULT_CONNECTION;
	if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0)
		return FAULT_RERUN;
	/* the prepared statement is gone, or a migration changed its columns: a fresh connection
	 * has neither trouble */
	if (strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0)
		return FAULT_CONNECTION;
	return FAULT_ERROR;
}

/* PQerrorMessage is several lines. */
static const char *
first_line(const char *text, char *dst, size_t size)
{
	snprintf(dst, size, "%.*s", (int)strcspn(text, "\n"), text);
	return dst;
}

enum sql_fault
pg_problem(struct pg_conn *c, const PGresult *res, const char *what, struct problem *pr)
{
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *text = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	char line[160];

	/* the primary message only: the detail quotes values */
	first_line(text ? text : PQerrorMessage(c->h), line, sizeof(line));
	if (state && strcmp(state, "23505") == 0)
		sql_set_conflict(pr, line);
	else
		problem_internal(
			pr, "postgresql %s: %s: %.60s", state ? state : "connection", line, what);
	return fault_of(c, state);
}

void
pg_fail(struct pg_conn *c, const PGresult *res, const char *what)
{
	struct problem pr = {0}, *into;
	enum sql_fault fault = pg_problem(c, res, what, &pr);

	into = sql_failure(&c->sql, fault);
	if (into)
		*into = pr;
}

static void
disconnect(struct pg_conn *c)
{
	sql_forget(&c->sql);
	PQfinish(c->h);
	c->h = NULL;
}

static void
on_notice(void *arg, const char *text)
{
	/* "relation exists, skipping": nothing that anybody must read on our stderr */
	(void)arg;
	(void)text;
}

static bool
run(struct pg_conn *c, const char *text, struct problem *pr)
{
	PGresult *res = PQexec(c->h, text);
	bool good =
		PQresultStatus(res) == PGRES_COMMAND_OK || PQresultStatus(res) == PGRES_TUPLES_OK;

	if (!good)
		pg_problem(c, res, text, pr);
	PQclear(res);
	return good;
}

static bool
set_up(struct pg_conn *c, struct problem *pr)
{
	/* true means durable, whatever the server's default; and nobody waits for ever on either
	 * side */
	static const char SESSION[] =
		"select set_config('synchronous_commit', 'on', false) where "
		"current_setting('synchronous_commit') = 'off';"
		"set statement_timeout = '30s'; set idle_in_transaction_session_timeout = '60s'";
	const char *encoding;

	PQsetNoticeProcessor(c->h, on_notice, NULL);
	encoding = PQparameterStatus(c->h, "server_encoding");
	if (!encoding || strcmp(encoding, "UTF8") != 0)
		return problem_internal(pr, "the database must have the encoding UTF8, not %s",
			encoding ? encoding : "none");
	return run(c, SESSION, pr);
}

static bool
connected(struct pg_conn *c, const char *where, struct problem *pr)
{
	/* before "dbname" (which may be a whole connection string): defaults; after it: ours to say
	 */
	static const char *const names[] = {"connect_timeout", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
		"client_encoding", NULL};
	const char *const values[] = {"5", "30", "10", "3", "30000", where, "UTF8", NULL};

	if (c->h && PQstatus(c->h) == CONNECTION_OK)
		return true;
	disconnect(c);
	c->h = PQconnectdbParams(names, values, 1);
	if (PQstatus(c->h) != CONNECTION_OK)
		pg_problem(c, NULL, "connect", pr);
	else if (set_up(c, pr))
		return true;
	disconnect(c);
	return false;
}

/* Answers by c->sql.fault what is to be done if it is false. */
static bool
commit(struct pg_conn *c, struct problem *pr)
{
	PGresult *res = PQexec(c->h, "commit");
	bool good =
		PQresultStatus(res) == PGRES_COMMAND_OK && strcmp(PQcmdStatus(res), "COMMIT") == 0;
	enum sql_fault fault;
	char line[160];

	if (!good) {
		fault = pg_problem(c, res, "commit", pr);
		if (fault == FAULT_CONNECTION)
			problem_cause(pr,
				"the connection broke during COMMIT, it may or may not have "
				"happened: %s",
				first_line(PQerrorMessage(c->h), line, sizeof(line)));
		/* never run again what may have been committed */
		c->sql.fault = fault == FAULT_RERUN ? FAULT_RERUN : FAULT_ERROR;
	}
	PQclear(res);
	return good;
}

static bool
attempt(struct pg_store *s, struct pg_conn *c, enum transaction tx, sql_fn fn, void *arg,
	struct problem *pr)
{
	bool good;

	c->sql.fault = FAULT_ERROR;
	if (!connected(c, s->where, pr))
		return false;
	if (!run(c, begins[tx].begin, pr) || (begins[tx].lock && !run(c, begins[tx].lock, pr))) {
		c->sql.fault = PQstatus(c->h) == CONNECTION_OK ? FAULT_ERROR : FAULT_CONNECTION;
		good = false;
	} else {
		good = sql_run(&c->sql, fn, arg, pr);
		if (good && tx != TX_READ) {
			good = commit(c, pr);
			if (good)
				atomic_fetch_add_explicit(
					&s->store.commits, 1, memory_order_relaxed);
		}
	}
	if (c->sql.fault != FAULT_CONNECTION && PQtransactionStatus(c->h) != PQTRANS_IDLE &&
		!run(c, "rollback", NULL))
		disconnect(c);
	if (c->sql.fault == FAULT_CONNECTION)
		disconnect(c);
	return good;
}

/* Full jitter, up to 2, 4, 8 ... 64 ms: those who clashed do not meet again. */
static void
pause_before(int rerun)
{
	uint32_t us = rand_below(1000U << (rerun < 6 ? rerun : 6));

	nanosleep(&(struct timespec){.tv_nsec = us * 1000L}, NULL);
}

static bool
transact(struct store *store, enum transaction tx, sql_fn fn, void *arg, struct problem *pr)
{
	struct pg_store *s = self(store);
	struct pg_conn *c = (struct pg_conn *)sql_pool_take(&s->pool);
	int reruns = 0, reconnects = 0;
	struct problem mine = {0};
	bool good;

	while (!(good = attempt(s, c, tx, fn, arg, &mine))) {
		if (c->sql.fault == FAULT_RERUN && reruns < RERUNS_MAX)
			pause_before(++reruns);
		else if (c->sql.fault != FAULT_CONNECTION || ++reconnects > RECONNECTS_MAX)
			break;
		atomic_fetch_add_explicit(&s->store.reruns, 1, memory_order_relaxed);
	}
	if (!good && c->sql.fault == FAULT_RERUN)
		sql_set_busy(&mine, "every run met a conflicting transaction");
	sql_pool_give(&s->pool, &c->sql);
	if (!good && pr)
		*pr = mine;
	return good;
}

static bool
read_store(struct store *store, sql_fn fn, void *arg, struct problem *pr)
{
	return transact(store, TX_READ, fn, arg, pr);
}

static bool
write_store(struct store *store, sql_fn fn, void *arg, struct problem *pr)
{
	return transact(store, TX_WRITE, fn, arg, pr);
}

static bool
migrate(struct store *store, sql_fn fn, void *arg, struct problem *pr)
{
	return transact(store, TX_MIGRATE, fn, arg, pr);
}

static void
close_store(struct store *store)
{
	struct pg_store *s = self(store);
	struct sql *db;

	while ((db = s->pool.first)) {
		s->pool.first = db->next;
		disconnect((struct pg_conn *)db);
		free(db);
	}
	sql_pool_done(&s->pool);
	free(s->where);
	free(s);
}

/* One is connected at once, so that a fault shows at start; the others when they are needed. */
static bool
open_store(const char *where, unsigned connections, struct store **ret, struct problem *pr)
{
	struct pg_store *s = xcalloc(1, sizeof(*s));

	s->store.backend = &postgres_backend;
	s->where = xstrdup(where);
	sql_pool_init(&s->pool);
	for (unsigned i = 0; i < connections; i++) {
		struct pg_conn *c = xcalloc(1, sizeof(*c));

		c->sql.backend = &postgres_backend;
		sql_pool_give(&s->pool, &c->sql);
	}
	if (!connected((struct pg_conn *)s->pool.first, where, pr)) {
		close_store(&s->store);
		return false;
	}
	*ret = &s->store;
	return true;
}

static bool
backup(struct store *store, const char *path, struct problem *pr)
{
	(void)store;
	(void)path;
	return problem_set(pr, PROBLEM_MALFORMED, "the store is PostgreSQL: use pg_dump");
}

static const char *
migration_text(const struct sql_migration *m)
{
	return m->postgres;
}

const struct sql_backend postgres_backend = {
	.shared = true,
	.skip_locked = "for update skip locked",
	.is_for = is_for,
	.open = open_store,
	.close = close_store,
	.read = read_store,
	.write = write_store,
	.migrate = migrate,
	.backup = backup,
	.stmt_new = pg_stmt_new,
	.stmt_free = pg_stmt_free,
	.bind = pg_bind,
	.step = pg_step,
	.column = pg_column,
	.reset = pg_reset,
	.script = pg_script,
	.migration_text = migration_text,
};
