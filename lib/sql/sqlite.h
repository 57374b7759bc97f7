/* sqlite.h - what sqlite.c (connections, writer, readers) and sqlite_stmt.c (statements) share. */
#ifndef SQL_SQLITE_H
#define SQL_SQLITE_H

#include <sqlite3.h>

#include "sql/backend.h"

/* Statements of the transaction itself, prepared when first used. */
enum control {
	CONTROL_BEGIN_READ,
	CONTROL_BEGIN_WRITE,
	CONTROL_COMMIT,
	CONTROL_ROLLBACK,
	CONTROL_SAVEPOINT,
	CONTROL_RELEASE,
	CONTROL_ROLLBACK_TO,
	CONTROL__COUNT
};

struct sqlite_conn {
	struct sql sql; /* first */
	sqlite3 *h;
	sqlite3_stmt *control[CONTROL__COUNT];
};

/* Always false. */
bool sqlite_problem(struct sqlite_conn *c, const char *what, struct problem *pr);
bool sqlite_control(struct sqlite_conn *c, enum control what, struct problem *pr);

struct sql_stmt *sqlite_stmt_new(struct sql *db, const char *text, int params);
void sqlite_stmt_free(struct sql_stmt *st);
/* The statement functions of backend.h. */
void sqlite_bind(struct sql_stmt *st, int n, const struct sql_value *value);
bool sqlite_step(struct sql_stmt *st);
void sqlite_column(struct sql_stmt *st, int col, struct sql_value *ret);
void sqlite_reset(struct sql_stmt *st);
void sqlite_script(struct sql *db, const char *text);
#endif
