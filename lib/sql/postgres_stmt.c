/* postgres_stmt.c - statements on PostgreSQL.
 *
 * A statement is prepared at its first step, when the kinds of its values are known, and says them:
 * left to itself the server takes $1 in "$1 + 1" for an int4 and a time in milliseconds no longer
 * fits. A null has no kind; if a later run brings one, or another, the statement is prepared again.
 * Values and results travel in binary, so nothing is escaped. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sql/postgres.h"

#define VALUES_MAX_BYTES (64 * 1024 * 1024)
#define VALUES_KEEP_BYTES 4096 /* memory a statement at rest may hold on to */

/* pg_type.dat; these numbers are part of the protocol and never change */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_BPCHAR = 1042,
	OID_VARCHAR = 1043
};

struct param {
	bool is_null;
	size_t at, n; /* in pg_stmt.bytes */
};

struct pg_stmt {
	struct sql_stmt st; /* first */
	char *sql;
	char name[16];    /* "" = not prepared */
	bool stale;       /* a type changed since */
	struct buf bytes; /* the values */
	PGresult *res;
	int row, rows;
	Oid types[SQL_PARAMS_MAX];
	struct param params[SQL_PARAMS_MAX];
};

static struct pg_conn *
conn(struct sql *db)
{
	return (struct pg_conn *)db;
}

static struct pg_stmt *
stmt(struct sql_stmt *st)
{
	return (struct pg_stmt *)st;
}

struct sql_stmt *
pg_stmt_new(struct sql *db, const char *text, int params)
{
	struct pg_stmt *s = xcalloc(1, sizeof(*s));

	(void)db;
	s->st.params = params;
	s->sql = xstrdup(text);
	s->bytes = BUF_MAX(VALUES_MAX_BYTES);
	return &s->st;
}

static void
unprepare(struct pg_stmt *s)
{
	char text[32];
	PGconn *h = conn(s->st.db)->h;

	if (!s->name[0])
		return;
	snprintf(text, sizeof(text), "deallocate %s", s->name);
	s->name[0] = '\0';
	/* in a failed transaction the server refuses; the name is never used again and costs it a
	 * few KB */
	if (h)
		PQclear(PQexec(h, text));
}

void
pg_stmt_free(struct sql_stmt *st)
{
	struct pg_stmt *s = stmt(st);

	if (st->one_off && !st->db->fault)
		unprepare(s);
	PQclear(s->res);
	buf_done(&s->bytes);
	free(s->sql);
	free(s);
}

void
pg_bind(struct sql_stmt *st, int n, const struct sql_value *value)
{
	static const Oid types[] = {
		[VALUE_INT] = OID_INT8, [VALUE_TEXT] = OID_TEXT, [VALUE_BLOB] = OID_BYTEA};
	struct pg_stmt *s = stmt(st);
	uint64_t be = htobe64((uint64_t)value->number);
	struct span v = value->kind == VALUE_INT ? span_of(&be, sizeof(be)) : value->bytes;

	s->params[n - 1] = (struct param){value->kind == VALUE_NULL, s->bytes.n, v.n};
	if (value->kind == VALUE_NULL)
		return;
	if (s->types[n - 1] != types[value->kind]) {
		s->types[n - 1] = types[value->kind];
		s->stale = true;
	}
	if (!buf_addspan(&s->bytes, v))
		problem_internal(sql_failure(st->db, FAULT_ERROR),
			"more than %d octets of values: %.100s", VALUES_MAX_BYTES, st->text);
}

static bool
prepare(struct pg_stmt *s)
{
	struct pg_conn *c = conn(s->st.db);
	PGresult *res;
	bool good;

	if (s->name[0] && !s->stale)
		return true;
	unprepare(s);
	snprintf(s->name, sizeof(s->name), "s%u", ++c->names);
	res = PQprepare(c->h, s->name, s->sql, s->st.params, s->types);
	good = PQresultStatus(res) == PGRES_COMMAND_OK;
	if (!good) {
		pg_fail(c, res, s->sql);
		s->name[0] = '\0';
	}
	s->stale = !good;
	PQclear(res);
	return good;
}

static void
execute(struct pg_stmt *s)
{
	struct pg_conn *c = conn(s->st.db);
	const char *values[SQL_PARAMS_MAX];
	int lengths[SQL_PARAMS_MAX], formats[SQL_PARAMS_MAX];
	ExecStatusType status;

	if (!prepare(s))
		return;
	for (int i = 0; i < s->st.params; i++) {
		const struct param *p = &s->params[i];

		values[i] = p->is_null ? NULL : p->n ? s->bytes.p + p->at : "";
		lengths[i] = (int)p->n;
		formats[i] = 1;
	}
	s->res = PQexecPrepared(c->h, s->name, s->st.params, values, lengths, formats, 1);
	status = PQresultStatus(s->res);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
		pg_fail(c, s->res, s->sql);
		return;
	}
	s->row = -1;
	s->rows = PQntuples(s->res);
	/* "SELECT n" tells the rows read, which is not what is asked */
	if (strncmp(PQcmdStatus(s->res), "SELECT", 6) != 0)
		s->st.changes = strtoll(PQcmdTuples(s->res), NULL, 10);
}

bool
pg_step(struct sql_stmt *st)
{
	struct pg_stmt *s = stmt(st);

	if (!s->res)
		execute(s);
	return !st->db->fault && ++s->row < s->rows;
}

static int64_t
be_int(const char *p, int n)
{
	uint64_t v = p[0] & 0x80 ? UINT64_MAX : 0;

	for (int i = 0; i < n; i++)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

void
pg_column(struct sql_stmt *st, int col, struct sql_value *ret)
{
	const struct pg_stmt *s = stmt(st);
	const char *p;
	int n;

	ret->kind = VALUE_OTHER;
	if (col < 0 || col >= PQnfields(s->res))
		return;
	if (PQgetisnull(s->res, s->row, col)) {
		ret->kind = VALUE_NULL;
		return;
	}
	p = PQgetvalue(s->res, s->row, col);
	n = PQgetlength(s->res, s->row, col);
	switch (PQftype(s->res, col)) {
	case OID_BOOL: /* an integer to SQLite */
		*ret = (struct sql_value){.kind = VALUE_INT, .number = *p};
		return;
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
		*ret = (struct sql_value){.kind = VALUE_INT, .number = be_int(p, n)};
		return;
	case OID_TEXT:
	case OID_VARCHAR:
	case OID_BPCHAR:
	case OID_NAME:
		ret->kind = VALUE_TEXT;
		break;
	case OID_BYTEA:
		ret->kind = VALUE_BLOB;
		break;
	default:
		return;
	}
	ret->bytes = span_of(p, (size_t)n);
}

void
pg_reset(struct sql_stmt *st)
{
	struct pg_stmt *s = stmt(st);

	PQclear(s->res);
	s->res = NULL;
	buf_clear(&s->bytes);
	if (s->bytes.cap > VALUES_KEEP_BYTES)
		buf_done(&s->bytes);
}

void
pg_script(struct sql *db, const char *text)
{
	PGresult *res;
	ExecStatusType status;

	if (db->fault)
		return;
	res = PQexec(conn(db)->h, text);
	status = PQresultStatus(res);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
		pg_fail(conn(db), res, text);
	PQclear(res);
}
