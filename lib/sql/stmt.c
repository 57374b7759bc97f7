/* stmt.c - statements: the cache by text address, the rules for values, and errors that stick.
 *
 * Every function is harmless once the transaction has failed, so callers run straight through and
 * ask sql_end. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "sql/backend.h"

#define TEXT_MAX_BYTES (64 * 1024)

/* The highest n of $n. Our own texts hold no '$' in literals. */
static int
count_params(const char *text)
{
	long most = 0;

	for (const char *p = text; (p = strchr(p, '$'));) {
		long n = strtol(++p, NULL, 10);

		if (n > most)
			most = n;
	}
	assert(most <= SQL_PARAMS_MAX);
	return (int)most;
}

static void
expand(const char *text, const char *skip_locked, struct buf *ret)
{
	static const char TOKEN[] = "{skip_locked}";
	const char *at;

	for (; (at = strstr(text, TOKEN)); text = at + sizeof(TOKEN) - 1) {
		buf_add(ret, text, (size_t)(at - text));
		buf_adds(ret, skip_locked);
	}
	buf_adds(ret, text);
	assert(buf_ok(ret));
}

static struct sql_stmt *
prepare(struct sql *db, const char *text, bool one_off)
{
	AUTO_BUF sql = BUF_MAX(TEXT_MAX_BYTES);
	struct sql_stmt *st;

	expand(text, db->backend->skip_locked, &sql);
	st = db->backend->stmt_new(db, buf_cstr(&sql), count_params(text));
	st->db = db;
	st->text = text;
	st->one_off = one_off || db->fault; /* a faulty one is not kept */
	if (!st->one_off)
		HASH_ADD_PTR(db->stmts, text, st);
	return st;
}

struct sql_stmt *
sql_begin(struct sql *db, const char *text)
{
	struct sql_stmt *st;

	HASH_FIND_PTR(db->stmts, &text, st);
	if (!st || st->busy)
		st = prepare(db, text, st != NULL);
	st->busy = true;
	st->bound = 0;
	st->stepped = st->done = false;
	st->changes = 0;
	db->open++;
	return st;
}

void
sql_forget(struct sql *db)
{
	struct sql_stmt *st, *next;

	HASH_ITER(hh, db->stmts, st, next)
	{
		HASH_DEL(db->stmts, st);
		db->backend->stmt_free(st);
	}
}

static void
bind(struct sql_stmt *st, int n, const struct sql_value *value)
{
	if (st->db->fault)
		return;
	if (n < 1 || n > st->params) {
		problem_internal(
			sql_failure(st->db, FAULT_ERROR), "no parameter $%d: %.150s", n, st->text);
		return;
	}
	st->bound |= (uint64_t)1 << (n - 1);
	st->db->backend->bind(st, n, value);
}

void
sql_bind_null(struct sql_stmt *st, int n)
{
	bind(st, n, &(struct sql_value){.kind = VALUE_NULL});
}

void
sql_bind_int(struct sql_stmt *st, int n, int64_t v)
{
	bind(st, n, &(struct sql_value){.kind = VALUE_INT, .number = v});
}

void
sql_bind_blob(struct sql_stmt *st, int n, struct span v)
{
	bind(st, n, &(struct sql_value){.kind = v.p ? VALUE_BLOB : VALUE_NULL, .bytes = v});
}

/* What PostgreSQL takes as text; SQLite would take anything and the fault would show late. */
static bool
is_text(struct span v)
{
	return !memchr(v.p, '\0', v.n) && utf8_prefix(v) == v.n;
}

void
sql_bind_text(struct sql_stmt *st, int n, struct span v)
{
	if (v.p && !is_text(v)) {
		problem_internal(sql_failure(st->db, FAULT_ERROR),
			"$%d is not text in UTF-8: %.150s", n, st->text);
		return;
	}
	bind(st, n, &(struct sql_value){.kind = v.p ? VALUE_TEXT : VALUE_NULL, .bytes = v});
}

void
sql_bind_str(struct sql_stmt *st, int n, const char *v)
{
	sql_bind_text(st, n, span_str(v));
}

static bool
all_bound(struct sql_stmt *st)
{
	int n = 1;

	if (st->bound == ((uint64_t)1 << st->params) - 1)
		return true;
	while (st->bound >> (n - 1) & 1)
		n++;
	return problem_internal(
		sql_failure(st->db, FAULT_ERROR), "$%d is not bound: %.150s", n, st->text);
}

bool
sql_step(struct sql_stmt *st)
{
	if (st->db->fault || st->done)
		return false;
	if (!st->stepped && !all_bound(st))
		return false;
	st->stepped = true;
	st->done = !st->db->backend->step(st);
	return !st->done;
}

/* The column's value if it is null or of this kind, else null and an error. */
static struct sql_value
column(struct sql_stmt *st, int col, enum value_kind kind)
{
	static const char *const names[] = {
		"null", "integer", "text", "blob", "of an unknown type"};
	struct sql_value v = {.kind = VALUE_NULL};

	if (st->db->fault)
		return v;
	assert(st->stepped && !st->done); /* there is a row */
	st->db->backend->column(st, col, &v);
	if (v.kind == VALUE_NULL || v.kind == kind)
		return v;
	problem_internal(sql_failure(st->db, FAULT_ERROR), "column %d is %s, not %s: %.150s", col,
		names[v.kind], names[kind], st->text);
	return (struct sql_value){.kind = VALUE_NULL};
}

int64_t
sql_int(struct sql_stmt *st, int col)
{
	return column(st, col, VALUE_INT).number;
}

struct span
sql_text(struct sql_stmt *st, int col)
{
	return column(st, col, VALUE_TEXT).bytes;
}

struct span
sql_blob(struct sql_stmt *st, int col)
{
	return column(st, col, VALUE_BLOB).bytes;
}

bool
sql_is_null(struct sql_stmt *st, int col)
{
	struct sql_value v = {.kind = VALUE_NULL};

	if (!st->db->fault)
		st->db->backend->column(st, col, &v);
	return v.kind == VALUE_NULL;
}

void
sql_copy(struct sql_stmt *st, int col, char *dst, size_t size)
{
	struct span v = sql_text(st, col);

	if (span_copy(v, dst, size))
		return;
	dst[0] = '\0';
	problem_internal(sql_failure(st->db, FAULT_ERROR),
		"column %d has %zu octets, room for %zu: %.150s", col, v.n, size - 1, st->text);
}

int64_t
sql_changes(struct sql_stmt *st)
{
	while (sql_step(st))
		;
	return st->db->fault ? 0 : st->changes;
}

bool
sql_end(struct sql_stmt *st, struct problem *pr)
{
	struct sql *db = st->db;

	if (!st->stepped)
		sql_step(st);
	db->backend->reset(st);
	st->busy = false;
	db->open--;
	if (st->one_off)
		db->backend->stmt_free(st);
	if (db->fault && pr)
		*pr = db->failure;
	return !db->fault;
}

bool
sql_exec(struct sql *db, const char *text, struct problem *pr)
{
	return sql_end(sql_begin(db, text), pr);
}
