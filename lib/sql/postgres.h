/* postgres.h - what postgres.c (connections, transactions) and postgres_stmt.c (statements) share.
 */
#ifndef SQL_POSTGRES_H
#define SQL_POSTGRES_H

#include <libpq-fe.h>

#include "sql/backend.h"

struct pg_conn {
	struct sql sql; /* first */
	PGconn *h;      /* NULL: to be connected when next used */
	unsigned names; /* prepared statements so far, for their names */
};

/* The problem behind a result (NULL: the connection's), classed by SQLSTATE. */
enum sql_fault pg_problem(
	struct pg_conn *c, const PGresult *res, const char *what, struct problem *pr);
/* The same as the transaction's failure. */
void pg_fail(struct pg_conn *c, const PGresult *res, const char *what);

struct sql_stmt *pg_stmt_new(struct sql *db, const char *text, int params);
void pg_stmt_free(struct sql_stmt *st);
/* The statement functions of backend.h. */
void pg_bind(struct sql_stmt *st, int n, const struct sql_value *value);
bool pg_step(struct sql_stmt *st);
void pg_column(struct sql_stmt *st, int col, struct sql_value *ret);
void pg_reset(struct sql_stmt *st);
void pg_script(struct sql *db, const char *text);
#endif
