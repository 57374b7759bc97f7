/* test_sql.c - transactions, values, statements, migrations, backup: each case on both databases.
 */
#include <sys/stat.h>

#include "both.h"

static struct store *
open_fresh(const struct side *side, unsigned connections)
{
	AUTO_FREE char *where = fresh(side);
	struct problem pr = {0};
	struct store *store = NULL;

	must(store_open(where, connections, &store, &pr));
	return store;
}

/* --- transactions --- */

static bool
insert_then_refuse(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	if (!sql_exec(db, "insert into t (id, name) values (2, 'two')", pr))
		return false;
	return problem_set(pr, PROBLEM_ORDER_NOT_READY, "the order is %s", "pending");
}

static bool
refuse_silently(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	if (sql_exec(db, "insert into t (id, name) values (3, 'three')", pr))
		*pr = (struct problem){0};
	return false;
}

static bool
ignore_failure(struct sql *db, void *arg, struct problem *pr)
{
	struct problem ignored = {0};
	bool later;

	(void)arg;
	if (!sql_exec(db, "insert into t (id, name) values (4, 'four')", pr))
		return false;
	if (sql_exec(db, "insert into t (id, name) values (5, 'one')", &ignored))
		return false;
	later = sql_exec(db, "insert into t (id, name) values (6, 'six')", &ignored);
	ok(!later && sql_is_conflict(&ignored),
		"a statement after a failed one fails for the same reason");
	return true;
}

static void
test_transactions(const struct side *side)
{
	struct store *store = open_fresh(side, 2);
	struct problem pr = {0};
	struct store_stats stats;

	is_int(store_is_shared(store), side->is_pg, "%s: shared or not", side->name);
	must(once(store, "create table t (id bigint primary key, name text unique not null)", &pr));
	ok(once(store, "insert into t (id, name) values (1, 'one')", &pr),
		"%s: a write is committed", side->name);
	is_int(number(store, "select count(*) from t"), 1, "%s: and seen by the next read",
		side->name);

	ok(!store_write(store, insert_then_refuse, NULL, &pr), "%s: false makes the write fail",
		side->name);
	is_int(pr.kind, PROBLEM_ORDER_NOT_READY, "%s: with the function's own problem", side->name);
	is_str(pr.detail, "the order is pending", "%s: and its detail", side->name);
	pr = (struct problem){0};
	ok(!store_write(store, refuse_silently, NULL, &pr) && pr.kind == PROBLEM_NONE,
		"%s: rolling back needs no problem", side->name);
	is_int(number(store, "select count(*) from t"), 1, "%s: nothing of both is kept",
		side->name);

	ok(!once(store, "insert into t (id, name) values (7, 'one')", &pr),
		"%s: unique violation fails", side->name);
	ok(sql_is_conflict(&pr), "%s: and is recognized", side->name);
	ok(!once(store, "insert into t (id, name) values (1, 'uno')", &pr) && sql_is_conflict(&pr),
		"%s: so is that of a primary key", side->name);
	is_int(pr.kind, PROBLEM_SERVER_INTERNAL, "%s: and it is internal to who passes it up",
		side->name);
	ok(!once(store, "insert into t (id, name) values (8, null)", &pr) && !sql_is_conflict(&pr),
		"%s: a null where none may be is no conflict", side->name);
	ok(!store_write(store, ignore_failure, NULL, &pr) && sql_is_conflict(&pr),
		"%s: a function that ignores a failed statement does not commit", side->name);
	is_int(number(store, "select count(*) from t"), 1, "%s: nothing of it is kept", side->name);

	ok(!store_read(store, run_text, "insert into t (id, name) values (9, 'nine')", &pr),
		"%s: a read cannot write", side->name);
	ok(!store_read(store, run_text, "select nonsense from t", &pr) &&
			pr.kind == PROBLEM_SERVER_INTERNAL,
		"%s: a wrong statement is an error of ours", side->name);
	ok(strstr(pr.cause, "nonsense") != NULL, "%s: the cause names it", side->name);
	ok(!store_write(store, run_text, "select nonsense from t", NULL),
		"%s: the problem may be NULL", side->name);
	ok(!once(store, "select 1; select 2", &pr), "%s: a statement is one statement", side->name);
	ok(once(store, "select 1; \n", &pr), "%s: a semicolon does no harm", side->name);

	store_stats(store, &stats);
	is_int(stats.commits, 3, "%s: commits are counted", side->name);
	is_int(stats.reads, 5, "%s: reads are counted", side->name);
	store_close(store);
}

/* --- values --- */

struct values {
	int64_t id;
	int64_t big;
	struct span text, blob;
};

static const struct sql_migration table_v = {
	1,
	"create table v (id bigint primary key, big bigint, txt text, raw blob)",
	"create table v (id bigint primary key, big bigint, txt text, raw bytea)",
};
static const char INSERT_V[] = "insert into v (raw, big, id, txt) values ($4, $2, $1, $3)";
static const char SELECT_V[] = "select big, txt, raw from v where id = $1";

static bool
put_values(struct sql *db, void *arg, struct problem *pr)
{
	const struct values *v = arg;
	struct sql_stmt *st = sql_begin(db, INSERT_V);

	sql_bind_int(st, 1, v->id);
	sql_bind_int(st, 2, v->big);
	sql_bind_text(st, 3, v->text);
	sql_bind_blob(st, 4, v->blob);
	return sql_end(st, pr);
}

/* Hands back whether all is as it was put. */
static bool
check_values(struct sql *db, void *arg, struct problem *pr)
{
	const struct values *v = arg;
	struct sql_stmt *st = sql_begin(db, SELECT_V);
	bool same = false;

	sql_bind_int(st, 1, v->id);
	if (sql_step(st))
		same = sql_int(st, 0) == v->big && span_eq(sql_text(st, 1), v->text) &&
		       span_eq(sql_blob(st, 2), v->blob) && sql_is_null(st, 1) == !v->text.p &&
		       sql_is_null(st, 2) == !v->blob.p;
	return sql_end(st, pr) && same;
}

static void
test_values(const struct side *side)
{
	static char million[1024 * 1024], octets[256];
	const struct {
		const char *name;
		struct values v;
	} cases[] = {
		{"nulls", {1, 0, SPAN_NONE, SPAN_NONE}},
		{"empty text and blob are not null", {2, 1, SPAN(""), SPAN("")}},
		{"the least int64", {3, INT64_MIN, SPAN("a"), SPAN("b")}},
		{"the greatest int64", {4, INT64_MAX, SPAN("a"), SPAN("b")}},
		{"more than 32 bits", {5, 1700000000000, SPAN("a"), SPAN("b")}},
		{"-1", {6, -1, SPAN("a"), SPAN("b")}},
		{"a blob of all octets", {7, 0, SPAN("a"), span_of(octets, sizeof(octets))}},
		{"a blob of NULs", {8, 0, SPAN("a"), SPAN("\0\0\0")}},
		{"text of quotes", {9, 0, SPAN("'\"\\$1;--%s\n"), SPAN("b")}},
		{"text in UTF-8", {10, 0,
					  SPAN("Gr\xc3\xbc\xc3\x9f"
					       "e \xf0\x9f\x94\x91"),
					  SPAN("b")}},
		{"a million octets of text", {11, 0, span_of(million, sizeof(million)), SPAN("b")}},
		{"a million octets of blob", {12, 0, SPAN("a"), span_of(million, sizeof(million))}},
		{"nulls again, on a prepared statement", {13, 5, SPAN_NONE, SPAN_NONE}},
	};
	struct store *store = open_fresh(side, 1);
	struct problem pr = {0};

	memset(million, 'x', sizeof(million));
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (char)i;
	must(store_migrate(store, &table_v, 1, &pr));
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct values v = cases[i].v;

		must(store_write(store, put_values, &v, &pr));
		ok(store_read(store, check_values, &v, &pr), "%s: %s", side->name, cases[i].name);
	}
	store_close(store);
}

/* What must fail alike on both. */
static bool
put_bad_text(struct sql *db, void *arg, struct problem *pr)
{
	struct values v = {100, 0, *(const struct span *)arg, SPAN("b")};

	return put_values(db, &v, pr);
}

static bool
copy_short(struct sql *db, void *arg, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, "select 'four'");
	char dst[5] = "zzz", small[4] = "zzz";

	(void)arg;
	if (sql_step(st)) {
		sql_copy(st, 0, dst, sizeof(dst));
		is_str(dst, "four", "what just fits is copied");
		sql_copy(st, 0, small, sizeof(small));
		is_str(small, "", "what does not fit leaves an empty string");
	}
	return sql_end(st, pr);
}

static bool
copy_null(struct sql *db, void *arg, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, "select cast(null as text)");
	char dst[5] = "zzz";

	(void)arg;
	if (sql_step(st))
		sql_copy(st, 0, dst, sizeof(dst));
	is_str(dst, "", "null is copied as an empty string");
	return sql_end(st, pr);
}

static bool
int_of_text(struct sql *db, void *arg, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, "select '12'");

	(void)arg;
	if (sql_step(st))
		is_int(sql_int(st, 0), 0, "text is no integer");
	return sql_end(st, pr);
}

static bool
text_of_int(struct sql *db, void *arg, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, "select 12");

	(void)arg;
	if (sql_step(st))
		ok(sql_text(st, 0).p == NULL, "an integer is no text");
	return sql_end(st, pr);
}

static bool
column_beyond(struct sql *db, void *arg, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, "select 12");

	(void)arg;
	if (sql_step(st))
		sql_int(st, 1);
	return sql_end(st, pr);
}

static bool
unbound(struct sql *db, void *arg, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, INSERT_V);

	(void)arg;
	sql_bind_int(st, 1, 1);
	sql_bind_int(st, 2, 1);
	sql_bind_null(st, 4);
	return sql_end(st, pr);
}

static bool
bound_beyond(struct sql *db, void *arg, struct problem *pr)
{
	struct sql_stmt *st = sql_begin(db, SELECT_V);

	(void)arg;
	sql_bind_int(st, 1, 1);
	sql_bind_int(st, 2, 1);
	return sql_end(st, pr);
}

static void
test_refusals(const struct side *side)
{
	static const struct {
		const char *name;
		struct span text;
	} texts[] = {
		{"text with a NUL", SPAN("a\0b")},
		{"an octet that is not UTF-8", SPAN("a\xff")},
		{"UTF-8 cut short", SPAN("a\xc3")},
		{"an overlong form", SPAN("\xc0\xaf")},
		{"a surrogate", SPAN("\xed\xa0\x80")},
		{"beyond U+10FFFF", SPAN("\xf4\x90\x80\x80")},
		{"a lone continuation", SPAN("\x80")},
	};
	static const struct {
		const char *name;
		sql_fn fn;
		const char *cause;
	} cases[] = {
		{"a copy that does not fit", copy_short, "room for 3"},
		{"an integer column read as text", text_of_int, "is integer, not text"},
		{"a text column read as an integer", int_of_text, "is text, not integer"},
		{"a column that is not there", column_beyond, "column 1"},
		{"a parameter not bound", unbound, "$3 is not bound"},
		{"a parameter that is not there", bound_beyond, "no parameter $2"},
	};
	struct store *store = open_fresh(side, 1);
	struct problem pr = {0};

	must(store_migrate(store, &table_v, 1, &pr));
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct span text = texts[i].text;

		ok(!store_write(store, put_bad_text, &text, &pr) && strstr(pr.cause, "UTF-8"),
			"%s: %s is refused", side->name, texts[i].name);
	}
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ok(!store_write(store, cases[i].fn, NULL, &pr), "%s: %s is an error", side->name,
			cases[i].name);
		ok(strstr(pr.cause, cases[i].cause) != NULL, "%s: its cause says \"%s\": %s",
			side->name, cases[i].cause, pr.cause);
	}
	ok(store_read(store, copy_null, NULL, &pr), "%s: copying null is no error", side->name);
	is_int(number(store, "select count(*) from v"), 0, "%s: nothing was written", side->name);
	store_close(store);
}

/* --- statements --- */

static const char INSERT_N[] =
	"insert into n (id, due) values ($1, $2) on conflict (id) do nothing";
static const char SELECT_N[] = "select id from n where id > $1 order by id";
static const char LATER_N[] = "select count(*) from n where due < $1 + 1";

static bool
fill_n(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	for (int i = 1; i <= 10; i++) {
		struct sql_stmt *st = sql_begin(db, INSERT_N);

		sql_bind_int(st, 1, i);
		sql_bind_int(st, 2, 1700000000000 + i);
		if (sql_changes(st) != 1)
			i = 100;
		if (!sql_end(st, pr))
			return false;
	}
	return true;
}

static bool
statements(struct sql *db, void *arg, struct problem *pr)
{
	const char *name = arg;
	struct sql_stmt *outer, *inner, *st;
	int64_t pairs = 0, n;

	st = sql_begin(db, INSERT_N);
	sql_bind_int(st, 1, 1);
	sql_bind_int(st, 2, 1);
	is_int(sql_changes(st), 0, "%s: on conflict do nothing changes no row", name);
	if (!sql_end(st, pr))
		return false;
	/* the same text, nested in itself */
	outer = sql_begin(db, SELECT_N);
	sql_bind_int(outer, 1, 5);
	while (sql_step(outer)) {
		inner = sql_begin(db, SELECT_N);
		sql_bind_int(inner, 1, sql_int(outer, 0));
		while (sql_step(inner))
			pairs++;
		ok(!sql_step(inner), "%s: a step after the last row stays false", name);
		if (!sql_end(inner, pr))
			break;
	}
	is_int(sql_changes(outer), 0, "%s: a select changes nothing", name);
	if (!sql_end(outer, pr))
		return false;
	is_int(pairs, 10, "%s: a statement may be used inside itself", name);

	st = sql_begin(db, "update n set due = due + 1 where id > $1 returning id, due");
	sql_bind_int(st, 1, 7);
	ok(sql_step(st) && sql_int(st, 0) > 7 && sql_int(st, 1) > 1700000000000,
		"%s: update returning has rows", name);
	is_int(sql_changes(st), 3, "%s: and counts its changes", name);
	if (!sql_end(st, pr))
		return false;

	st = sql_begin(db, "update n set due = 0 where id > $1 returning id");
	sql_bind_int(st, 1, 8);
	ok(sql_step(st), "%s: only the first of two rows is read", name);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, "select count(*) from n where due = 0");
	n = sql_step(st) ? sql_int(st, 0) : -1;
	is_int(n, 2, "%s: both were changed", name);
	if (!sql_end(st, pr))
		return false;

	/* the server's own guess for "$1 + 1" would be 32 bits */
	st = sql_begin(db, LATER_N);
	sql_bind_int(st, 1, 1700000000100);
	n = sql_step(st) ? sql_int(st, 0) : -1;
	is_int(n, 10, "%s: a parameter in a sum has 64 bits", name);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, LATER_N);
	sql_bind_null(st, 1);
	n = sql_step(st) ? sql_int(st, 0) : -1;
	is_int(n, 0, "%s: null is less than nothing", name);
	if (!sql_end(st, pr))
		return false;

	st = sql_begin(db, "select exists (select 1 from n where id = $1)");
	sql_bind_int(st, 1, 3);
	is_int(sql_step(st) ? sql_int(st, 0) : -1, 1, "%s: exists() is an integer", name);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, "select cast(sum(id) as bigint) from n");
	is_int(sql_step(st) ? sql_int(st, 0) : -1, 55, "%s: a sum, cast", name);
	if (!sql_end(st, pr))
		return false;

	st = sql_begin(db, "select id from n where id = $1 {skip_locked}");
	sql_bind_int(st, 1, 3);
	ok(sql_step(st) && sql_int(st, 0) == 3, "%s: {skip_locked} is understood", name);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, "delete from n where id <= $1");
	sql_bind_int(st, 1, 4);
	is_int(sql_changes(st), 4, "%s: delete counts", name);
	if (!sql_end(st, pr))
		return false;
	return sql_exec(db, "insert into n (id, due) values (999, 1)",
		pr); /* ended without a step: it runs */
}

/* null first, so that the type is not known when it is prepared */
static bool
null_first(struct sql *db, void *arg, struct problem *pr)
{
	static const char TEXT[] = "insert into n (id, due) values ($1, $2 + 1)";

	(void)arg;
	for (int i = 0; i < 2; i++) {
		struct sql_stmt *st = sql_begin(db, TEXT);

		sql_bind_int(st, 1, 2000 + i);
		if (i == 0)
			sql_bind_null(st, 2);
		else
			sql_bind_int(st, 2, 1700000000000);
		if (!sql_end(st, pr))
			return false;
	}
	return true;
}

static void
test_statements(const struct side *side)
{
	struct store *store = open_fresh(side, 1);
	struct problem pr = {0};

	must(once(store, "create table n (id bigint primary key, due bigint)", &pr));
	must(store_write(store, fill_n, NULL, &pr));
	ok(store_write(store, statements, (void *)(uintptr_t)side->name, &pr),
		"%s: all are good: %s", side->name, pr.cause);
	is_int(number(store, "select count(*) from n where id = 999"), 1,
		"%s: a statement never stepped has run", side->name);
	ok(store_write(store, null_first, NULL, &pr), "%s: null first, then an integer: %s",
		side->name, pr.cause);
	store_close(store);
}

/* --- migrations --- */

static const struct sql_migration plan[] = {
	{1,
		"create table a (id bigint primary key); create table log (n bigint); insert into "
		"log values (1);",
		"create table a (id bigint primary key); create table log (n bigint); insert into "
		"log values (1);"},
	{2, "alter table a add column raw blob; insert into log select max(n) + 1 from log",
		"alter table a add column raw bytea; insert into log select max(n) + 1 from log"},
	{5, "insert into log select max(n) * 10 from log",
		"insert into log select max(n) * 10 from log"},
	{6, "insert into log select nonsense", "insert into log select nonsense"},
};

static void
test_migrations(const struct side *side)
{
	struct store *store = open_fresh(side, 1);
	struct problem pr = {0};

	ok(store_migrate(store, plan, 1, &pr), "%s: a fresh database is migrated: %s", side->name,
		pr.cause);
	ok(store_migrate(store, plan, 3, &pr), "%s: then further", side->name);
	ok(store_migrate(store, plan, 3, &pr), "%s: doing it again does nothing", side->name);
	is_int(number(store, "select count(*) from log"), 3, "%s: each ran once", side->name);
	is_int(number(store, "select max(n) from log"), 20, "%s: in order", side->name);
	is_int(number(store, "select count(*) from schema_version"), 3, "%s: and is noted",
		side->name);
	ok(!store_migrate(store, plan, 4, &pr), "%s: a faulty one fails", side->name);
	is_int(number(store, "select max(version) from schema_version"), 5,
		"%s: and leaves all as it was", side->name);
	ok(!store_migrate(store, plan, 2, &pr) && strstr(pr.cause, "schema version 5"),
		"%s: a database newer than the program is refused", side->name);
	store_close(store);
}

/* --- opening, files, backup --- */

static void
test_open(void)
{
	static const char *const bad[] = {
		"", "sqlite:", "sqlite::memory:", "mysql://h/d", "/var/lib/x.db"};
	struct store *store = NULL;
	struct problem pr = {0};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ok(!store_open(bad[i], 1, &store, &pr) && pr.kind == PROBLEM_MALFORMED,
			"\"%s\" is no store", bad[i]);
	ok(!store_open("sqlite:/nowhere/at/all.db", 1, &store, &pr) &&
			strstr(pr.cause, "/nowhere/at/all.db"),
		"a file that cannot be made is an error: %s", pr.cause);
	ok(!store_open("host=/nowhere dbname=x password=hidden", 1, &store, &pr),
		"no server is an error: %s", pr.cause);
	ok(!strstr(pr.cause, "hidden") && !strstr(pr.detail, "hidden"), "the password is not told");
	ok(store == NULL, "the result is untouched");
	store_close(NULL);
}

static int
mode_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int)(st.st_mode & 07777) : -1;
}

static void
test_sqlite_files(void)
{
	AUTO_FREE char *where = fresh(&both[0]), *wal = xasprintf("%s-wal", where + 7);
	AUTO_FREE char *copy = xasprintf("%s/copy.db", both_dir),
		       *copy_where = xasprintf("sqlite:%s", copy);
	struct store *store = NULL, *other = NULL;
	struct problem pr = {0};

	must(store_open(where, 1, &store, &pr));
	must(once(store, "create table t (id bigint primary key)", &pr));
	must(once(store, "create table u (id bigint references t (id))", &pr));
	is_int(mode_of(where + 7), 0600, "a fresh database has mode 0600");
	is_int(mode_of(wal), 0600, "its WAL too");
	ok(!once(store, "insert into u values (1)", &pr), "foreign keys are on");
	ok(!once(store, "insert into t values (\"id\")", &pr), "\"x\" is no string");
	must(once(store, "insert into t values (1)", &pr));

	ok(store_backup(store, copy, &pr), "a backup is made: %s", pr.cause);
	is_int(mode_of(copy), 0600, "a backup has mode 0600");
	must(once(store, "insert into t values (2)", &pr));
	must(store_open(copy_where, 1, &other, &pr));
	is_int(number(other, "select count(*) from t"), 1, "it holds what was there then");
	store_close(other);
	ok(!store_backup(store, copy, &pr) && pr.kind == PROBLEM_MALFORMED,
		"a backup overwrites nothing");
	ok(!store_backup(store, "/nowhere/copy.db", &pr), "where none can be made is an error");
	store_close(store);
	is_int(mode_of(wal), -1, "closing leaves no WAL behind");
	must(store_open(where, 1, &store, &pr));
	is_int(number(store, "select count(*) from t"), 2, "all is there when opened again");
	store_close(store);
}

/* --- PostgreSQL's own troubles --- */

static void
kill_sessions(const char *where)
{
	PGconn *h = PQconnectdb(pg_where);
	char text[256];

	snprintf(text, sizeof(text),
		"select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = "
		"'%.*s'",
		(int)strcspn(strstr(where, "dbname=") + 7, " "), strstr(where, "dbname=") + 7);
	PQclear(PQexec(h, text));
	PQfinish(h);
}

struct broken {
	const char *where;
	int runs;
};

static bool
break_first_run(struct sql *db, void *arg, struct problem *pr)
{
	struct broken *b = arg;

	if (b->runs++ == 0)
		kill_sessions(b->where);
	return sql_exec(db, "insert into t values (2)", pr);
}

static bool
break_before_commit(struct sql *db, void *arg, struct problem *pr)
{
	struct broken *b = arg;
	bool good = sql_exec(db, "insert into t values (3)", pr);

	b->runs++;
	kill_sessions(b->where);
	return good;
}

static bool
dump(struct store *store, struct problem *pr)
{
	return store_backup(store, "/nowhere", pr);
}

static void
test_pg_connections(void)
{
	AUTO_FREE char *where = fresh(&both[1]);
	struct store *store = NULL;
	struct problem pr = {0};
	struct broken b = {where, 0};
	struct store_stats stats;

	must(store_open(where, 2, &store, &pr));
	must(once(store, "create table t (id bigint primary key)", &pr));
	kill_sessions(where);
	ok(once(store, "insert into t values (1)", &pr),
		"a connection lost while idle is replaced: %s", pr.cause);
	kill_sessions(where);
	is_int(number(store, "select count(*) from t"), 1, "for a read too");
	ok(store_write(store, break_first_run, &b, &pr),
		"one lost before the commit means to run again: %s", pr.cause);
	is_int(b.runs, 2, "it ran twice");
	is_int(number(store, "select count(*) from t"), 2, "and counts once");
	b.runs = 0;
	ok(!store_write(store, break_before_commit, &b, &pr),
		"one lost during COMMIT is reported as failure");
	is_int(b.runs, 1, "and not run again");
	ok(strstr(pr.cause, "during COMMIT") != NULL, "and the cause says so: %s", pr.cause);
	ok(once(store, "insert into t values (4)", &pr), "the store goes on: %s", pr.cause);
	ok(!dump(store, &pr) && pr.kind == PROBLEM_MALFORMED && strstr(pr.detail, "pg_dump"),
		"a backup is pg_dump's");
	store_stats(store, &stats);
	ok(stats.reruns >= 3, "runs again are counted");
	store_close(store);
}

int
main(void)
{
	if (both_start()) {
		for (size_t i = 0; i < COUNT_OF(both); i++) {
			test_transactions(&both[i]);
			test_values(&both[i]);
			test_refusals(&both[i]);
			test_statements(&both[i]);
			test_migrations(&both[i]);
		}
		test_open();
		test_sqlite_files();
		test_pg_connections();
	}
	both_stop();
	return done_testing();
}
