/* both.h - every case of lib/sql on SQLite and on PostgreSQL, each with a database of its own. */
#ifndef TESTS_SQL_BOTH_H
#define TESTS_SQL_BOTH_H

#include <libpq-fe.h>

#include "base/mem.h"
#include "pg.h"
#include "sql/sql.h"
#include "tap.h"

struct side {
	const char *name;
	bool is_pg;
};

static const struct side both[] = {{"sqlite", false}, {"postgresql", true}};
static char both_dir[64];

static inline void
both_stop(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", both_dir);
	if (system(command) != 0)
		fprintf(stderr, "cannot remove %s\n", both_dir);
	pg_stop();
}

/* False: a test has failed. */
static inline bool
both_start(void)
{
	strcpy(both_dir, "/tmp/test_sql.XXXXXX");
	if (!ok(mkdtemp(both_dir) != NULL, "a temporary folder can be made"))
		return false;
	if (!ok(pg_start() != NULL, "PostgreSQL can be started"))
		return false;
	return true;
}

/* Where a new, empty database is; heap. */
static inline char *
fresh(const struct side *side)
{
	static int count;
	char text[64];
	PGconn *h;

	count++;
	if (!side->is_pg)
		return xasprintf("sqlite:%s/%d.db", both_dir, count);
	h = PQconnectdb(pg_where);
	snprintf(text, sizeof(text), "create database t%d", count);
	PQclear(PQexec(h, text));
	PQfinish(h);
	return xasprintf("%.*s dbname=t%d user=gate", (int)strcspn(pg_where, " "), pg_where, count);
}

/* For scaffolding that must work: says why not and ends. */
#define must(call) must_(call, &(pr), #call, __LINE__)

static inline void
must_(bool good, const struct problem *pr, const char *what, int line)
{
	if (good)
		return;
	printf("Bail out! line %d: %s: %s (%s)\n", line, what, pr->detail, pr->cause);
	both_stop();
	exit(1);
}

static inline bool
run_text(struct sql *db, void *arg, struct problem *pr)
{
	return sql_exec(db, arg, pr);
}

/* One statement as a transaction. */
static inline bool
once(struct store *store, const char *text, struct problem *pr)
{
	return store_write(store, run_text, (void *)(uintptr_t)text, pr);
}

struct number {
	const char *text;
	int64_t value;
};

static inline bool
read_number(struct sql *db, void *arg, struct problem *pr)
{
	struct number *n = arg;
	struct sql_stmt *st = sql_begin(db, n->text);

	n->value = sql_step(st) ? sql_int(st, 0) : -1;
	return sql_end(st, pr);
}

/* The one integer that a query answers. */
static inline int64_t
number(struct store *store, const char *text)
{
	struct number n = {text, -1};
	struct problem pr = {0};

	must(store_read(store, read_number, &n, &pr));
	return n.value;
}
#endif
