/* sqlite.c - the embedded database: WAL, one connection that writes, with group commit, and a pool
 * of readers.
 *
 * A write is a task on the caller's stack. Whoever finds the writing connection free leads: it runs
 * its own task and all that are queued in one transaction, commits (one fsync), wakes their
 * callers, each on its own semaphore, and hands the lead to the first that queued meanwhile. So a
 * lone write costs no change of threads, and the queue gets longer while the disk is slow and the
 * number of fsyncs does not. When the last groups had company the leader waits a moment for more: a commit writes whole
 * pages, and those of a group are to a good part the same. If the commit fails, all of the group fail: also those whose function answered
 * false, for it may have seen what is now gone.
 *
 * FULL, not NORMAL: in WAL mode NORMAL does not sync at commit, and what we told the device must
 * survive. */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "sql/sqlite.h"

/* A leader in company waits so long for more, unless so many are there already. */
#define GATHER_US 1500
#define GATHER_ENOUGH 32
/* Company: groups of two and more on average, in eighths, over about the last eight. */
#define CROWD (8 * 2)
#define BUSY_MS 5000 /* other processes: acmegatectl, a backup */

struct task {
	struct task *next;
	sql_fn fn;
	void *arg;
	struct problem *pr;
	bool good, done;
	sem_t wake; /* done, or the lead is yours */
};

struct sqlite_store {
	struct store store; /* first */
	char *path;
	struct sql_pool readers;
	unsigned reader_count;
	struct sqlite_conn *writer; /* the leader's */
	pthread_mutex_t lock;
	struct task *first, **end; /* under lock, as are the next three */
	unsigned queued;
	unsigned crowd; /* tasks a group, on average, in eighths */
	bool led;       /* somebody has the writing connection */
};

static struct sqlite_store *
self(struct store *store)
{
	return (struct sqlite_store *)store;
}

static bool
is_for(const char *where)
{
	return strncmp(where, "sqlite:", 7) == 0;
}

/* Once per process: no memory statistics, their lock is taken at every allocation of every thread.
 */
static void
configure(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static void
conn_free(struct sqlite_conn *c)
{
	if (!c)
		return;
	sql_forget(&c->sql);
	for (int i = 0; i < CONTROL__COUNT; i++)
		sqlite3_finalize(c->control[i]);
	sqlite3_close(c->h);
	free(c);
}

/* The switch to WAL answers "busy" without asking the busy handler when two open a fresh database
 * at once. */
static bool
exec_patiently(struct sqlite_conn *c, const char *text, struct problem *pr)
{
	msec_t until = clock_ms() + BUSY_MS;
	int rc;

	while ((rc = sqlite3_exec(c->h, text, NULL, NULL, NULL)) == SQLITE_BUSY &&
		clock_ms() < until)
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	return rc == SQLITE_OK || sqlite_problem(c, text, pr);
}

/* Also refuses what only SQLite would take ("text" for 'text'), and schemas that call functions on
 * their own. */
static const char PRAGMAS[] =
	"pragma foreign_keys=on; pragma synchronous=full; pragma temp_store=memory;"
	"pragma trusted_schema=off;";
static const char PRAGMAS_WRITER[] = "pragma cache_size=-32768; pragma wal_autocheckpoint=2000;"
				     "pragma journal_size_limit=67108864;";
/* A commit of another connection empties a reader's cache: a large one would only be memory. */
static const char PRAGMAS_READER[] = "pragma cache_size=-2048; pragma query_only=on;";

static struct sqlite_conn *
conn_new(const char *path, const char *pragmas, struct problem *pr)
{
	struct sqlite_conn *c = xcalloc(1, sizeof(*c));

	c->sql.backend = &sqlite_backend;
	if (sqlite3_open_v2(path, &c->h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
		SQLITE_OK) {
		sqlite_problem(c, path, pr);
		goto fail;
	}
	sqlite3_extended_result_codes(c->h, 1);
	sqlite3_busy_timeout(c->h, BUSY_MS);
	sqlite3_db_config(c->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(c->h, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(c->h, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	if (!exec_patiently(c, "pragma journal_mode=wal", pr) || !exec_patiently(c, PRAGMAS, pr) ||
		!exec_patiently(c, pragmas, pr))
		goto fail;
	return c;
fail:
	conn_free(c);
	return NULL;
}

/* A new file gets mode 0600, and SQLite gives its -wal and -shm the same. An existing one is not
 * even opened here: closing it would drop the POSIX locks that SQLite may hold on it in this
 * process. */
static bool
make_file(const char *path, struct problem *pr)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		close(fd);
	else if (errno != EEXIST)
		return problem_internal(pr, "cannot make the database %.150s: %m", path);
	return true;
}

/* The task's own part of the group. A task that answers false after it changed something has to be
 * undone without the others: with a savepoint that is done here, without one *ret_spoilt says that
 * the group must be. False when the group's transaction is broken. */
static bool
run_task(struct sqlite_conn *w, struct task *t, bool savepoint, bool *ret_spoilt, struct problem *pr)
{
	int changes = sqlite3_total_changes(w->h);

	if (savepoint && !sqlite_control(w, CONTROL_SAVEPOINT, pr))
		return false;
	t->good = sql_run(&w->sql, t->fn, t->arg, t->pr);
	/* on a full disk and the like SQLite itself rolls everything back */
	if (sqlite3_get_autocommit(w->h))
		return problem_internal(
			pr, "sqlite gave the transaction up: %.200s", w->sql.failure.cause);
	if (savepoint)
		return (t->good || sqlite_control(w, CONTROL_ROLLBACK_TO, pr)) &&
		       sqlite_control(w, CONTROL_RELEASE, pr);
	*ret_spoilt |= !t->good && sqlite3_total_changes(w->h) != changes;
	return true;
}

/* Savepoints make SQLite keep a copy of each page it changes, and most groups need none: those that
 * do are run again. (What changes the schema is not counted as a change: migrations run alone.) */
static bool
run_tasks(struct sqlite_conn *w, struct task *first, bool savepoints, bool *ret_spoilt,
	struct problem *pr)
{
	for (struct task *t = first; t; t = t->next) {
		if (!run_task(w, t, savepoints, ret_spoilt, pr))
			return false;
	}
	return true;
}

static bool
any_good(const struct task *first)
{
	const struct task *t = first;

	while (t && !t->good)
		t = t->next;
	return t != NULL;
}

static bool
run_group(struct sqlite_store *s, struct task *first, struct problem *pr)
{
	struct sqlite_conn *w = s->writer;
	bool spoilt = false;

	if (!sqlite_control(w, CONTROL_BEGIN_WRITE, pr) || !run_tasks(w, first, false, &spoilt, pr))
		return false;
	if (spoilt && any_good(first)) {
		if (!sqlite_control(w, CONTROL_ROLLBACK, pr) ||
			!sqlite_control(w, CONTROL_BEGIN_WRITE, pr) ||
			!run_tasks(w, first, true, &spoilt, pr))
			return false;
	}
	if (!any_good(first))
		return sqlite_control(w, CONTROL_ROLLBACK, pr);
	if (!sqlite_control(w, CONTROL_COMMIT, pr))
		return false;
	atomic_fetch_add_explicit(&s->store.commits, 1, memory_order_relaxed);
	return true;
}

static void
serve_group(struct sqlite_store *s, struct task *first)
{
	struct problem pr = {0};
	bool good = run_group(s, first, &pr);

	if (!good && !sqlite3_get_autocommit(s->writer->h))
		sqlite_control(s->writer, CONTROL_ROLLBACK, NULL);
	for (struct task *t = first; t; t = t->next) {
		if (good)
			continue;
		t->good = false;
		if (t->pr)
			*t->pr = pr;
	}
}

static void
wake_group(struct task *first, const struct task *mine)
{
	for (struct task *t = first, *next; t; t = next) {
		next = t->next; /* t is gone once its caller wakes */
		if (t == mine)
			continue;
		t->done = true;
		sem_post(&t->wake);
	}
}

/* Under lock. */
static struct task *
take_all(struct sqlite_store *s)
{
	struct task *first = s->first;

	s->first = NULL;
	s->end = &s->first;
	s->crowd += s->queued - s->crowd / 8;
	s->queued = 0;
	return first;
}

static struct task *
gather(struct sqlite_store *s)
{
	struct task *first;
	bool wait;

	pthread_mutex_lock(&s->lock);
	wait = s->crowd >= CROWD && s->queued < GATHER_ENOUGH;
	if (wait) {
		pthread_mutex_unlock(&s->lock);
		nanosleep(&(struct timespec){.tv_nsec = GATHER_US * 1000}, NULL);
		pthread_mutex_lock(&s->lock);
	}
	first = take_all(s);
	pthread_mutex_unlock(&s->lock);
	return first;
}

/* Whoever waits longest leads on; it takes what has queued until then. */
static void
lead_on(struct sqlite_store *s)
{
	struct task *next;

	pthread_mutex_lock(&s->lock);
	next = s->first;
	s->led = next != NULL;
	pthread_mutex_unlock(&s->lock);
	if (next)
		sem_post(&next->wake);
}

/* Queue; true when the caller is to lead. */
static bool
enqueue(struct sqlite_store *s, struct task *t)
{
	bool leads;

	pthread_mutex_lock(&s->lock);
	*s->end = t;
	s->end = &t->next;
	s->queued++;
	leads = !s->led;
	s->led = true;
	pthread_mutex_unlock(&s->lock);
	return leads;
}

static bool
write_store(struct store *store, sql_fn fn, void *arg, struct problem *pr)
{
	struct sqlite_store *s = self(store);
	struct task t = {.fn = fn, .arg = arg, .pr = pr}, *first;

	sem_init(&t.wake, 0, 0);
	if (!enqueue(s, &t)) {
		while (sem_wait(&t.wake) != 0)
			; /* a signal handler ran */
	}
	if (!t.done) {
		first = gather(s);
		serve_group(s, first);
		wake_group(first, &t);
		lead_on(s);
	}
	sem_destroy(&t.wake);
	return t.good;
}

static bool
read_store(struct store *store, sql_fn fn, void *arg, struct problem *pr)
{
	struct sqlite_store *s = self(store);
	struct sql *db = sql_pool_take(&s->readers);
	struct sqlite_conn *c = (struct sqlite_conn *)db;
	bool good = sqlite_control(c, CONTROL_BEGIN_READ, pr) && sql_run(db, fn, arg, pr);

	if (!sqlite3_get_autocommit(c->h))
		sqlite_control(c, CONTROL_ROLLBACK,
			NULL); /* nothing to keep; cannot fail once BEGIN has run */
	sql_pool_give(&s->readers, db);
	return good;
}

static void
close_store(struct store *store)
{
	struct sqlite_store *s = self(store);
	struct sql *db;

	while ((db = s->readers.first)) {
		s->readers.first = db->next;
		conn_free((struct sqlite_conn *)db);
	}
	conn_free(s->writer); /* last: it may still write to checkpoint and remove the WAL */
	sql_pool_done(&s->readers);
	pthread_mutex_destroy(&s->lock);
	free(s->path);
	free(s);
}

static bool
open_store(const char *where, unsigned connections, struct store **ret, struct problem *pr)
{
	static pthread_once_t configured = PTHREAD_ONCE_INIT;
	const char *path = where + 7;
	struct sqlite_store *s;

	/* names that mean no file to SQLite; each connection would have a database of its own */
	if (!*path || *path == ':')
		return problem_set(pr, PROBLEM_MALFORMED,
			"\"sqlite:\" must be followed by the path of a file");
	pthread_once(&configured, configure);
	s = xcalloc(1, sizeof(*s));
	s->store.backend = &sqlite_backend;
	s->path = xstrdup(path);
	s->end = &s->first;
	pthread_mutex_init(&s->lock, NULL);
	sql_pool_init(&s->readers);
	if (!make_file(path, pr) || !(s->writer = conn_new(path, PRAGMAS_WRITER, pr)))
		goto fail;
	for (unsigned i = 0; i < connections; i++) {
		struct sqlite_conn *c = conn_new(path, PRAGMAS_READER, pr);

		if (!c)
			goto fail;
		sql_pool_give(&s->readers, &c->sql);
	}
	*ret = &s->store;
	return true;
fail:
	close_store(&s->store);
	return false;
}

/* VACUUM INTO takes an existing empty file: ours, with mode 0600. */
static bool
copy_into(struct sqlite_store *s, const char *part, struct problem *pr)
{
	struct sqlite_conn *c = conn_new(s->path, "pragma cache_size=-8192", pr);
	sqlite3_stmt *h = NULL;
	bool good;

	if (!c)
		return false;
	good = sqlite3_prepare_v2(c->h, "vacuum into ?1", -1, &h, NULL) == SQLITE_OK &&
	       sqlite3_bind_text(h, 1, part, -1, SQLITE_STATIC) == SQLITE_OK &&
	       sqlite3_step(h) == SQLITE_DONE;
	if (!good)
		sqlite_problem(c, "vacuum into", pr);
	sqlite3_finalize(h);
	conn_free(c);
	return good;
}

/* Sync the file and the folder that names it. */
static bool
sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

static bool
publish(const char *part, const char *path, struct problem *pr)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *folder = !slash          ? xstrdup(".")
				 : slash == path ? xstrdup("/")
						 : span_dup(span_of(path, (size_t)(slash - path)));

	if (sync_path(part, O_RDWR) &&
		renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0 &&
		sync_path(folder, O_RDONLY | O_DIRECTORY))
		return true;
	if (errno == EEXIST)
		return problem_set(pr, PROBLEM_MALFORMED, "%.200s exists already", path);
	return problem_internal(pr, "cannot keep the backup %.150s: %m", path);
}

static bool
backup(struct store *store, const char *path, struct problem *pr)
{
	AUTO_FREE char *part = xasprintf("%s.part", path);
	int fd;
	bool good;

	if (access(path, F_OK) == 0)
		return problem_set(pr, PROBLEM_MALFORMED, "%.200s exists already", path);
	if (unlink(part) != 0 && errno != ENOENT) /* of a backup that was interrupted */
		return problem_internal(pr, "cannot remove %.150s: %m", part);
	fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return problem_internal(pr, "cannot make %.150s: %m", part);
	close(fd);
	good = copy_into(self(store), part, pr) && publish(part, path, pr);
	if (!good)
		unlink(part);
	return good;
}

static const char *
migration_text(const struct sql_migration *m)
{
	return m->sqlite;
}

const struct sql_backend sqlite_backend = {
	.shared = false,
	.skip_locked = "",
	.is_for = is_for,
	.open = open_store,
	.close = close_store,
	.read = read_store,
	.write = write_store,
	.migrate = write_store, /* BEGIN IMMEDIATE keeps others out, in other processes too */
	.backup = backup,
	.stmt_new = sqlite_stmt_new,
	.stmt_free = sqlite_stmt_free,
	.bind = sqlite_bind,
	.step = sqlite_step,
	.column = sqlite_column,
	.reset = sqlite_reset,
	.script = sqlite_script,
	.migration_text = migration_text,
};
