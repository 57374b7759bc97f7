/* test_sql_load.c - many threads, two stores at once, kill -9: each case on both databases. */
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "both.h"

#define THREADS 8

/* Run fn on THREADS threads at once. */
static void
at_once(void *(*fn)(void *arg), void *args, size_t size)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, fn, (char *)args + (size_t)i * size) != 0)
			abort();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

struct actor {
	struct store *store;
	pthread_barrier_t *start;
	int64_t id;
	int64_t round;
	int won, failed;
	struct problem pr; /* of the last failure */
};

static void
actors_init(struct actor *actors, struct store *store, pthread_barrier_t *start)
{
	memset(actors, 0, THREADS * sizeof(*actors));
	for (int i = 0; i < THREADS; i++)
		actors[i] = (struct actor){.store = store, .start = start, .id = i + 1};
}

static int
sum_won(const struct actor *actors)
{
	int n = 0;

	for (int i = 0; i < THREADS; i++)
		n += actors[i].won;
	return n;
}

static int
sum_failed(const struct actor *actors)
{
	int n = 0;

	for (int i = 0; i < THREADS; i++) {
		n += actors[i].failed;
		if (actors[i].failed)
			printf("# %s (%s)\n", actors[i].pr.detail, actors[i].pr.cause);
	}
	return n;
}

/* --- compare and set: of those who race exactly one wins --- */

#define ROUNDS 20

static bool
set_state(struct sql *db, void *arg, struct problem *pr)
{
	static const char TEXT[] = "update r set winner = $2 where id = $1 and winner is null";
	struct actor *a = arg;
	struct sql_stmt *st = sql_begin(db, TEXT);

	sql_bind_int(st, 1, a->round);
	sql_bind_int(st, 2, a->id);
	a->won = (int)sql_changes(st);
	return sql_end(st, pr);
}

static void *
race(void *arg)
{
	struct actor *a = arg;
	int won = 0;

	for (a->round = 1; a->round <= ROUNDS; a->round++) {
		pthread_barrier_wait(a->start);
		a->won = 0;
		if (!store_write(a->store, set_state, a, &a->pr))
			a->failed++;
		won += a->won;
	}
	a->won = won;
	return NULL;
}

static bool
fill_rows(struct sql *db, void *arg, struct problem *pr)
{
	static const char TEXT[] = "insert into r (id) values ($1)";

	(void)arg;
	for (int i = 1; i <= ROUNDS; i++) {
		struct sql_stmt *st = sql_begin(db, TEXT);

		sql_bind_int(st, 1, i);
		if (!sql_end(st, pr))
			return false;
	}
	return true;
}

static void
test_race(const struct side *side, struct store *store)
{
	struct actor actors[THREADS];
	pthread_barrier_t start;
	struct problem pr = {0};

	must(once(store, "create table r (id bigint primary key, winner bigint)", &pr));
	must(store_write(store, fill_rows, NULL, &pr));
	pthread_barrier_init(&start, NULL, THREADS);
	actors_init(actors, store, &start);
	at_once(race, actors, sizeof(actors[0]));
	pthread_barrier_destroy(&start);
	is_int(sum_failed(actors), 0, "%s: to lose a race is no failure", side->name);
	is_int(sum_won(actors), ROUNDS, "%s: exactly one wins each race", side->name);
	is_int(number(store, "select count(*) from r where winner is null"), 0,
		"%s: and it is noted", side->name);
}

/* --- read, then decide: what one sees the other cannot change unseen --- */

#define QUOTA 10

static bool
take_place(struct sql *db, void *arg, struct problem *pr)
{
	struct actor *a = arg;
	struct sql_stmt *st = sql_begin(db, "select count(*) from q");
	int64_t taken = sql_step(st) ? sql_int(st, 0) : 0;

	a->won = 0;
	if (!sql_end(st, pr))
		return false;
	if (taken >= QUOTA)
		return problem_set(pr, PROBLEM_RATE_LIMITED, "full");
	st = sql_begin(db, "insert into q (who, round) values ($1, $2)");
	sql_bind_int(st, 1, a->id);
	sql_bind_int(st, 2, a->round);
	a->won = 1;
	return sql_end(st, pr);
}

static void *
rush(void *arg)
{
	struct actor *a = arg;
	int won = 0;

	pthread_barrier_wait(a->start);
	for (a->round = 0; a->round < 4; a->round++) {
		if (store_write(a->store, take_place, a, &a->pr))
			won += a->won;
		else if (a->pr.kind != PROBLEM_RATE_LIMITED)
			a->failed++;
	}
	a->won = won;
	return NULL;
}

static void
test_quota(const struct side *side, struct store *store)
{
	struct actor actors[THREADS];
	pthread_barrier_t start;
	struct problem pr = {0};
	struct store_stats stats;

	must(once(store, "create table q (who bigint, round bigint)", &pr));
	pthread_barrier_init(&start, NULL, THREADS);
	actors_init(actors, store, &start);
	at_once(rush, actors, sizeof(actors[0]));
	pthread_barrier_destroy(&start);
	is_int(sum_failed(actors), 0, "%s: conflicts do not reach the caller", side->name);
	is_int(sum_won(actors), QUOTA, "%s: a quota that is counted holds", side->name);
	is_int(number(store, "select count(*) from q"), QUOTA, "%s: to the row", side->name);
	store_stats(store, &stats);
	ok(side->is_pg ? stats.reruns > 0 : stats.reruns == 0, "%s: %llu runs again", side->name,
		(unsigned long long)stats.reruns);
}

/* --- group commit; a rollback among the others; readers beside it --- */

#define WRITES_EACH 50

static bool
insert_load(struct sql *db, void *arg, struct problem *pr)
{
	static const char TEXT[] = "insert into l (who, round) values ($1, $2)";
	struct actor *a = arg;
	struct sql_stmt *st = sql_begin(db, TEXT);

	sql_bind_int(st, 1, a->id);
	sql_bind_int(st, 2, a->round);
	if (!sql_end(st, pr))
		return false;
	return a->round % 5 != 0 || problem_set(pr, PROBLEM_REJECTED_IDENTIFIER, "every fifth");
}

static void *
load(void *arg)
{
	struct actor *a = arg;
	struct number mine = {"select count(*) from l", 0};
	int64_t before = 0;

	pthread_barrier_wait(a->start);
	for (a->round = 1; a->round <= WRITES_EACH; a->round++) {
		if (store_write(a->store, insert_load, a, &a->pr))
			a->won++;
		else if (a->pr.kind != PROBLEM_REJECTED_IDENTIFIER || a->round % 5)
			a->failed++;
		if (!store_read(a->store, read_number, &mine, &a->pr) || mine.value < before ||
			mine.value < a->won)
			a->failed++;
		before = mine.value;
	}
	return NULL;
}

static void
test_load(const struct side *side, struct store *store)
{
	struct actor actors[THREADS];
	pthread_barrier_t start;
	struct problem pr = {0};
	struct store_stats before, after;
	int want = THREADS * WRITES_EACH * 4 / 5;

	must(once(store, "create table l (who bigint, round bigint)", &pr));
	store_stats(store, &before);
	pthread_barrier_init(&start, NULL, THREADS);
	actors_init(actors, store, &start);
	at_once(load, actors, sizeof(actors[0]));
	pthread_barrier_destroy(&start);
	store_stats(store, &after);
	is_int(sum_failed(actors), 0,
		"%s: each sees its own writes, and no reader goes back in time", side->name);
	is_int(sum_won(actors), want, "%s: a refusal rolls back itself alone", side->name);
	is_int(number(store, "select count(*) from l"), want, "%s: and no row more is kept",
		side->name);
	is_int(after.writes - before.writes, THREADS * WRITES_EACH, "%s: writes are counted",
		side->name);
	if (!side->is_pg)
		ok(after.commits - before.commits < (uint64_t)want * 3 / 4,
			"%s: %llu commits carried %d writes", side->name,
			(unsigned long long)(after.commits - before.commits), want);
	else
		is_int(after.commits - before.commits, want, "%s: a commit each", side->name);
}

/* --- several gateways start at once --- */

static const struct sql_migration plan[] = {
	{1, "create table m (n bigint)", "create table m (n bigint)"},
	{2, "insert into m values (1)", "insert into m values (1)"},
	{3, "insert into m select n + 1 from m", "insert into m select n + 1 from m"},
};

struct starter {
	const char *where;
	bool good;
	struct problem pr;
};

static void *
start_up(void *arg)
{
	struct starter *s = arg;
	struct store *store = NULL;

	s->good = store_open(s->where, 1, &store, &s->pr) &&
		  store_migrate(store, plan, COUNT_OF(plan), &s->pr);
	store_close(store);
	return NULL;
}

static void
test_migrate_at_once(const struct side *side)
{
	AUTO_FREE char *where = fresh(side);
	struct starter starters[THREADS] = {0};
	struct store *store = NULL;
	struct problem pr = {0};
	int good = 0;

	for (int i = 0; i < THREADS; i++)
		starters[i].where = where;
	at_once(start_up, starters, sizeof(starters[0]));
	for (int i = 0; i < THREADS; i++) {
		good += starters[i].good;
		if (!starters[i].good)
			printf("# %s\n", starters[i].pr.cause);
	}
	is_int(good, THREADS, "%s: all that start at once on a fresh database come up", side->name);
	must(store_open(where, 1, &store, &pr));
	is_int(number(store, "select count(*) from m"), 2, "%s: and migrated it once", side->name);
	store_close(store);
}

/* --- two stores on one SQLite file: the other process waits its turn --- */

static void
test_two_writers(void)
{
	AUTO_FREE char *where = fresh(&both[0]);
	struct store *stores[2] = {NULL, NULL};
	struct actor actors[THREADS];
	pthread_barrier_t start;
	struct problem pr = {0};

	must(store_open(where, 2, &stores[0], &pr));
	must(store_open(where, 2, &stores[1], &pr));
	must(once(stores[0], "create table l (who bigint, round bigint)", &pr));
	pthread_barrier_init(&start, NULL, THREADS);
	actors_init(actors, stores[0], &start);
	for (int i = 0; i < THREADS; i += 2)
		actors[i].store = stores[1];
	at_once(load, actors, sizeof(actors[0]));
	pthread_barrier_destroy(&start);
	is_int(sum_failed(actors), 0, "two writers of one file wait for each other");
	is_int(sum_won(actors), number(stores[0], "select count(*) from l"), "and lose nothing");
	store_close(stores[0]);
	store_close(stores[1]);
}

/* --- kill -9: what was reported is there --- */

static bool
insert_id(struct sql *db, void *arg, struct problem *pr)
{
	static const char TEXT[] = "insert into d (id, filler) values ($1, $2)";
	static const char filler[500];
	struct sql_stmt *st = sql_begin(db, TEXT);

	sql_bind_int(st, 1, *(int64_t *)arg);
	sql_bind_blob(st, 2, span_of(filler, sizeof(filler)));
	return sql_end(st, pr);
}

/* In the child: ids from here on, each reported once it is committed. */
static void *
report(void *arg)
{
	struct actor *a = arg;

	for (int64_t id = a->id * 1000000;; id++) {
		if (!store_write(a->store, insert_id, &id, &a->pr) ||
			write(1, &id, sizeof(id)) != sizeof(id))
			_exit(1);
	}
}

/* The same where the disk is full soon; what was refused is reported as a negative id. */
static void *
report_refused(void *arg)
{
	struct actor *a = arg;

	for (int64_t id = a->id * 1000000, said; a->failed < 20; id++) {
		struct number n = {"select count(*) from d", 0};

		said = store_write(a->store, insert_id, &id, &a->pr) ? id : -id;
		a->failed += said < 0;
		if (said < 0 && a->pr.kind != PROBLEM_SERVER_INTERNAL)
			_exit(2);
		if (!store_read(a->store, read_number, &n, &a->pr))
			_exit(3);
		if (write(1, &said, sizeof(said)) != sizeof(said))
			_exit(1);
	}
	return NULL;
}

static int
child_main(const char *how, const char *where)
{
	struct actor actors[THREADS];
	struct store *store = NULL;
	struct problem pr = {0};
	bool full = strcmp(how, "--full") == 0;

	if (!store_open(where, THREADS, &store, &pr))
		return 1;
	actors_init(actors, store, NULL);
	if (full) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){300 * 1024, 300 * 1024});
	}
	at_once(full ? report_refused : report, actors, sizeof(actors[0]));
	store_close(store);
	return 0;
}

static pid_t
child_start(const char *how, const char *where, int *ret_fd)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) != 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		dup2(fds[1], 1);
		close(fds[0]);
		close(fds[1]);
		execl("/proc/self/exe", "test_sql_load", how, where, (char *)NULL);
		_exit(127);
	}
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

struct reported {
	int64_t *ids;
	size_t count;
};

/* How many of the ids are not as reported: there if positive, not if negative. */
static bool
count_wrong(struct sql *db, void *arg, struct problem *pr)
{
	struct reported *r = arg;
	size_t wrong = 0;

	for (size_t i = 0; i < r->count; i++) {
		struct sql_stmt *st = sql_begin(db, "select 1 from d where id = $1");

		sql_bind_int(st, 1, r->ids[i] < 0 ? -r->ids[i] : r->ids[i]);
		wrong += sql_step(st) != (r->ids[i] > 0);
		if (!sql_end(st, pr))
			return false;
	}
	r->count = wrong;
	return true;
}

static const struct sql_migration table_d = {
	1,
	"create table d (id bigint primary key, filler blob)",
	"create table d (id bigint primary key, filler bytea)",
};

static void
test_kill(const struct side *side)
{
	AUTO_FREE char *where = fresh(side);
	struct reported r = {xcalloc(1000000, sizeof(int64_t)), 0};
	struct store *store = NULL;
	struct problem pr = {0};
	size_t total = 0;
	int fd, status;
	pid_t pid;

	must(store_open(where, 1, &store, &pr));
	must(store_migrate(store, &table_d, 1, &pr));
	store_close(store);
	pid = child_start("--child", where, &fd);
	while (total < 1000000 && read(fd, &r.ids[total], sizeof(int64_t)) == sizeof(int64_t)) {
		if (++total == 500)
			kill(pid, SIGKILL); /* in the middle of the work of eight threads; read what
					       is in the pipe */
	}
	close(fd);
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && total >= 500,
		"%s: a process was killed after reporting %zu commits", side->name, total);
	r.count = total;
	must(store_open(where, 1, &store, &pr));
	must(store_read(store, count_wrong, &r, &pr));
	is_int(r.count, 0, "%s: all of them are there", side->name);
	ok(once(store, "insert into d (id) values (1)", &pr), "%s: and the database goes on",
		side->name);
	store_close(store);
	free(r.ids);
}

/* --- a full disk: a whole group fails and says so --- */

static void
test_full_disk(void)
{
	AUTO_FREE char *where = fresh(&both[0]);
	struct reported r = {xcalloc(1000000, sizeof(int64_t)), 0};
	struct store *store = NULL;
	struct problem pr = {0};
	size_t total = 0, refused = 0;
	int fd, status;
	pid_t pid;

	must(store_open(where, 1, &store, &pr));
	must(store_migrate(store, &table_d, 1, &pr));
	store_close(store);
	pid = child_start("--full", where, &fd);
	while (total < 1000000 && read(fd, &r.ids[total], sizeof(int64_t)) == sizeof(int64_t))
		refused += r.ids[total++] < 0;
	close(fd);
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		"on a full disk writes are refused and reads go on");
	ok(refused >= (size_t)THREADS && refused < total, "%zu commits, then %zu refusals",
		total - refused, refused);
	r.count = total;
	must(store_open(where, 1, &store, &pr));
	must(store_read(store, count_wrong, &r, &pr));
	is_int(r.count, 0, "what was committed is there, what was refused is not");
	store_close(store);
	free(r.ids);
}

int
main(int argc, char **argv)
{
	if (argc == 3)
		return child_main(argv[1], argv[2]);
	if (both_start()) {
		for (size_t i = 0; i < COUNT_OF(both); i++) {
			AUTO_FREE char *where = fresh(&both[i]);
			struct problem pr = {0};
			struct store *store = NULL;

			test_kill(&both[i]);
			must(store_open(where, THREADS, &store, &pr));
			test_race(&both[i], store);
			test_quota(&both[i], store);
			test_load(&both[i], store);
			store_close(store);
			test_migrate_at_once(&both[i]);
		}
		test_two_writers();
		test_full_disk();
	}
	both_stop();
	return done_testing();
}
