/* sqlite_stmt.c - statements on SQLite.
 *
 * SQLite takes "$1" for a name, numbered by first appearance, so the place of each is looked up
 * once when the statement is prepared. Values are copied by SQLite (SQLITE_TRANSIENT): tens of
 * nanoseconds for what we bind. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "sql/sqlite.h"

struct sqlite_stmt {
	struct sql_stmt st; /* first */
	sqlite3_stmt *h;
	int total_before; /* sqlite3_total_changes before the first step */
	unsigned char place[SQL_PARAMS_MAX + 1];
};

static const char *const controls[] = {
	[CONTROL_BEGIN_READ] = "begin",
	[CONTROL_BEGIN_WRITE] = "begin immediate",
	[CONTROL_COMMIT] = "commit",
	[CONTROL_ROLLBACK] = "rollback",
	[CONTROL_SAVEPOINT] = "savepoint fn",
	[CONTROL_RELEASE] = "release fn",
	[CONTROL_ROLLBACK_TO] = "rollback to fn",
};

static struct sqlite_conn *
conn(struct sql *db)
{
	return (struct sqlite_conn *)db;
}

static struct sqlite_stmt *
stmt(struct sql_stmt *st)
{
	return (struct sqlite_stmt *)st;
}

bool
sqlite_problem(struct sqlite_conn *c, const char *what, struct problem *pr)
{
	int code = sqlite3_extended_errcode(c->h);
	char text[sizeof(pr->cause)];

	snprintf(text, sizeof(text), "sqlite %d: %s: %.120s", code, sqlite3_errmsg(c->h), what);
	if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
		code == SQLITE_CONSTRAINT_ROWID) {
		sql_set_conflict(pr, sqlite3_errmsg(c->h));
		return false;
	}
	if ((code & 0xff) == SQLITE_BUSY)
		return sql_set_busy(pr, text);
	return problem_internal(pr, "%s", text);
}

bool
sqlite_control(struct sqlite_conn *c, enum control what, struct problem *pr)
{
	sqlite3_stmt **h = &c->control[what];
	int rc;

	if (!*h && sqlite3_prepare_v3(c->h, controls[what], -1, SQLITE_PREPARE_PERSISTENT, h,
			   NULL) != SQLITE_OK)
		return sqlite_problem(c, controls[what], pr);
	rc = sqlite3_step(*h);
	if (rc != SQLITE_DONE)
		sqlite_problem(c, controls[what], pr);
	sqlite3_reset(*h);
	return rc == SQLITE_DONE;
}

static bool
find_places(struct sqlite_stmt *s, int params)
{
	char name[16];

	for (int n = 1; n <= params; n++) {
		snprintf(name, sizeof(name), "$%d", n);
		s->place[n] = (unsigned char)sqlite3_bind_parameter_index(s->h, name);
	}
	return sqlite3_bind_parameter_count(s->h) <= params;
}

struct sql_stmt *
sqlite_stmt_new(struct sql *db, const char *text, int params)
{
	struct sqlite_stmt *s = xcalloc(1, sizeof(*s));
	const char *rest = "";

	s->st.params = params;
	if (db->fault)
		return &s->st;
	if (sqlite3_prepare_v3(conn(db)->h, text, -1, SQLITE_PREPARE_PERSISTENT, &s->h, &rest) !=
		SQLITE_OK)
		sqlite_problem(conn(db), text, sql_failure(db, FAULT_ERROR));
	else if (!s->h || rest[strspn(rest, " \t\n")])
		problem_internal(sql_failure(db, FAULT_ERROR), "not one statement: %.150s", text);
	else if (!find_places(s, params))
		problem_internal(sql_failure(db, FAULT_ERROR),
			"parameters must be $1, $2 ...: %.150s", text);
	return &s->st;
}

void
sqlite_stmt_free(struct sql_stmt *st)
{
	sqlite3_finalize(stmt(st)->h);
	free(st);
}

void
sqlite_bind(struct sql_stmt *st, int n, const struct sql_value *value)
{
	struct sqlite_stmt *s = stmt(st);
	const char *p = value->bytes.p;
	int i = s->place[n], rc = SQLITE_OK;

	switch (value->kind) {
	case VALUE_INT:
		rc = sqlite3_bind_int64(s->h, i, value->number);
		break;
	case VALUE_TEXT:
		rc = sqlite3_bind_text64(s->h, i, p, value->bytes.n, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case VALUE_BLOB:
		rc = sqlite3_bind_blob64(s->h, i, p, value->bytes.n, SQLITE_TRANSIENT);
		break;
	default:
		rc = sqlite3_bind_null(s->h, i);
	}
	if (rc != SQLITE_OK)
		sqlite_problem(conn(st->db), st->text, sql_failure(st->db, FAULT_ERROR));
}

bool
sqlite_step(struct sql_stmt *st)
{
	struct sqlite_stmt *s = stmt(st);
	sqlite3 *h = conn(st->db)->h;
	int rc;

	if (!sqlite3_stmt_busy(s->h))
		s->total_before = sqlite3_total_changes(h);
	rc = sqlite3_step(s->h);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		sqlite_problem(conn(st->db), st->text, sql_failure(st->db, FAULT_ERROR));
	else if (sqlite3_total_changes(h) != s->total_before)
		/* what it says after a statement that changes nothing is the number of the one
		 * before */
		st->changes = sqlite3_stmt_readonly(s->h) ? 0 : sqlite3_changes(h);
	return false;
}

void
sqlite_column(struct sql_stmt *st, int col, struct sql_value *ret)
{
	sqlite3_stmt *h = stmt(st)->h;
	const void *p;

	switch (col < sqlite3_data_count(h) ? sqlite3_column_type(h, col) : -1) {
	case SQLITE_INTEGER:
		*ret = (struct sql_value){
			.kind = VALUE_INT, .number = sqlite3_column_int64(h, col)};
		return;
	case SQLITE_TEXT:
		p = sqlite3_column_text(h, col);
		ret->kind = VALUE_TEXT;
		break;
	case SQLITE_BLOB:
		p = sqlite3_column_blob(h, col); /* NULL when it has no octets */
		ret->kind = VALUE_BLOB;
		break;
	case SQLITE_NULL:
		ret->kind = VALUE_NULL;
		return;
	default:
		ret->kind = VALUE_OTHER;
		return;
	}
	ret->bytes = span_of(p ? p : "", (size_t)sqlite3_column_bytes(h, col));
}

void
sqlite_reset(struct sql_stmt *st)
{
	struct sqlite_stmt *s = stmt(st);

	sqlite3_reset(s->h);
	if (st->bound)
		sqlite3_clear_bindings(s->h);
}

void
sqlite_script(struct sql *db, const char *text)
{
	if (!db->fault && sqlite3_exec(conn(db)->h, text, NULL, NULL, NULL) != SQLITE_OK)
		sqlite_problem(conn(db), text, sql_failure(db, FAULT_ERROR));
}
