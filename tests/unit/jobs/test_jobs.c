/* The job engine on both stores: claimed, parked, given back, resumed, stopped; and two gateways on one PostgreSQL. */
#include "jobs/jobs.h"

#include <pthread.h>
#include <stdatomic.h>

#include "../store/world.h"

#define SUBJECTS 512

/* One gateway. */
struct engine {
	const char *node;
	struct store *store;
	struct loop *loop;
	struct pool *pool;
	struct jobs *jobs;
	_Atomic(int) runs[SUBJECTS]; /* steps by subject */
	_Atomic(int) freed;          /* states */
	_Atomic(bool) bad;           /* a step saw what it must not see */
	_Atomic(struct job *) held;  /* a job in I/O */
	_Atomic(bool) fence_held, fence_broke;
	int64_t wait_ms;             /* of a step that says again */
};

static _Atomic(int) at_work[SUBJECTS]; /* by all engines at once */

static const struct jobs_times quick = { .lease_ms = 400, .heartbeat_ms = 60, .park_max_ms = 300, .idle_poll_ms = 5000,
	.shared_poll_ms = 50 };

/* Wait for `cond` for at most 10 s: a condition of other threads. */
#define eventually(cond)                                                                           \
	__extension__({                                                                            \
		int left_ = 10000;                                                                 \
		while (!(cond) && left_-- > 0)                                                     \
			usleep(1000);                                                              \
		(cond);                                                                            \
	})

static void
free_state(void *state)
{
	struct engine *const *e = state;

	atomic_fetch_add(&(*e)->freed, 1);
	free(state);
}

static void
state_make(struct job *job, struct engine *e)
{
	struct engine **state = xmalloc(sizeof(struct engine *));

	*state = e;
	job->state = state;
}

/* JOB_VALIDATE: one step, and nobody else at the same subject. */
static enum job_next
step_once(struct job *job, void *arg)
{
	struct engine *e = arg;
	int64_t subject = job->row.subject;

	if (atomic_fetch_add(&at_work[subject], 1) != 0)
		atomic_store(&e->bad, true);
	usleep(500);
	atomic_fetch_add(&e->runs[subject], 1);
	atomic_fetch_sub(&at_work[subject], 1);
	return jobs_drop(job);
}

/* JOB_REVOKE: again once, then done. In memory the state is kept; from the table it comes anew. */
static enum job_next
step_again(struct job *job, void *arg)
{
	struct engine *e = arg;
	int run = atomic_fetch_add(&e->runs[job->row.subject], 1);
	bool parked = e->wait_ms <= quick.park_max_ms;

	if (run == 0) {
		if (job->resumed || job->state)
			atomic_store(&e->bad, true);
		state_make(job, e);
		job->wait_ms = e->wait_ms;
		snprintf(job->error, sizeof(job->error), "not yet");
		return JOB_AGAIN;
	}
	if (job->resumed != parked || (job->state != NULL) != parked || job->row.attempts != !parked || job->error[0])
		atomic_store(&e->bad, true);
	return jobs_drop(job);
}

static bool
fence_tx(struct sql *db, void *arg, struct problem *pr)
{
	return jobs_fence(arg, db, pr);
}

/* JOB_ISSUE: an I/O that the test ends; then it asks whether the job is still its own, and says again. */
static enum job_next
step_io(struct job *job, void *arg)
{
	struct engine *e = arg;
	struct problem pr = { 0 };

	atomic_fetch_add(&e->runs[job->row.subject], 1);
	if (!job->resumed) {
		state_make(job, e);
		atomic_store(&e->held, job);
		return JOB_IO;
	}
	if (!store_write(e->store, fence_tx, job, &pr)) {
		atomic_store(&e->fence_held, true);
		job->wait_ms = 60000; /* back to the table, which is not ours to do */
		return JOB_AGAIN;
	}
	atomic_store(&e->fence_broke, true);
	return jobs_drop(job);
}

static struct engine *
engine_new(struct store *store, const char *node, const struct jobs_times *times)
{
	struct engine *e = xcalloc(1, sizeof(*e));

	e->node = node;
	e->store = store;
	e->loop = loop_new("jobs");
	e->pool = pool_new(4, 1000);
	e->jobs = jobs_new(e->loop, e->pool, store, node);
	jobs_set_times(e->jobs, times);
	jobs_register(e->jobs, JOB_VALIDATE, &(struct job_ops){ step_once, NULL, e });
	jobs_register(e->jobs, JOB_REVOKE, &(struct job_ops){ step_again, free_state, e });
	jobs_register(e->jobs, JOB_ISSUE, &(struct job_ops){ step_io, free_state, e });
	loop_start(e->loop);
	return e;
}

static void
engine_start(struct engine *e)
{
	struct problem pr = { 0 };

	must(jobs_start(e->jobs, &pr));
}

/* As the gateway ends: no more claims, the loop, the workers, then the leases. */
static void
engine_end(struct engine *e)
{
	jobs_stop(e->jobs);
	loop_stop(e->loop);
	loop_join(e->loop);
	pool_free(e->pool);
	jobs_free(e->jobs);
	loop_free(e->loop);
	free(e);
}

struct put {
	struct engine *e; /* leased to it; NULL = free */
	enum job_kind kind;
	int64_t subject, due_in_ms, id;
};

static bool
put_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct put *p = arg;

	if (p->e)
		return jobs_insert(p->e->jobs, db, p->kind, p->subject, &p->id, pr);
	return job_insert(db, p->kind, p->subject, clock_unix_ms() + p->due_in_ms, NULL, 0, &p->id, pr);
}

static int64_t
put_job(struct store *store, struct engine *e, enum job_kind kind, int64_t subject, int64_t due_in_ms)
{
	struct put p = { e, kind, subject, due_in_ms, 0 };
	struct problem pr = { 0 };

	must(store_write(store, put_tx, &p, &pr));
	return p.id;
}

static int64_t
rows(struct store *store)
{
	return number(store, "select count(*) from job");
}

static int64_t
leased(struct store *store)
{
	return number(store, "select count(*) from job where lease_until>0");
}

static void
test_run(struct store *store)
{
	struct engine *e = engine_new(store, "n1", &quick);
	int64_t id;
	msec_t before;

	put_job(store, NULL, JOB_VALIDATE, 1, 0);
	put_job(store, NULL, JOB_VALIDATE, 2, 250);
	before = clock_ms();
	engine_start(e);
	ok(eventually(atomic_load(&e->runs[1]) == 1), "a job that was due before the start is claimed");
	ok(eventually(atomic_load(&e->runs[2]) == 1) && clock_ms() - before >= 200, "one that is due later is run then");
	id = put_job(store, e, JOB_VALIDATE, 3, 0);
	ok(id > 0 && put_job(store, e, JOB_VALIDATE, 3, 0) == 0, "a second job of a kind and subject is not inserted");
	jobs_run(e->jobs, 0, JOB_VALIDATE, 4);
	jobs_run(e->jobs, id, JOB_VALIDATE, 3);
	ok(eventually(rows(store) == 0 && jobs_active(e->jobs) == 0), "one that is handed in is run without a claim");
	ok(atomic_load(&e->runs[3]) == 1 && atomic_load(&e->runs[4]) == 0 && !atomic_load(&e->bad), "once; and id 0 is nothing");
	engine_end(e);
}

static void
test_again(struct store *store, int64_t wait_ms, const char *what)
{
	struct engine *e = engine_new(store, "n1", &quick);
	msec_t before = clock_ms();

	e->wait_ms = wait_ms;
	engine_start(e);
	jobs_run(e->jobs, put_job(store, e, JOB_REVOKE, 1, 0), JOB_REVOKE, 1);
	if (wait_ms > quick.park_max_ms) {
		ok(eventually(leased(store) == 0 && atomic_load(&e->freed) == 1), "%s: the job is given back and its memory freed", what);
		is_int(number(store, "select count(*) from job where error='not yet' and attempts=1"), 1, "%s: the row says why, and how often", what);
	}
	ok(eventually(rows(store) == 0 && jobs_active(e->jobs) == 0), "%s: the job is done", what);
	ok(clock_ms() - before >= wait_ms - 1, "%s: not before its time", what);
	ok(atomic_load(&e->runs[1]) == 2 && !atomic_load(&e->bad) && atomic_load(&e->freed) == 1, "%s: in two steps, with what each may see", what);
	engine_end(e);
}

static void
test_hurry(struct store *store)
{
	struct jobs_times times = quick;
	struct engine *e;

	times.park_max_ms = 60000;
	e = engine_new(store, "n1", &times);
	e->wait_ms = 50000;
	engine_start(e);
	put_job(store, NULL, JOB_VALIDATE, 9, 3600000);
	jobs_hurry(e->jobs, JOB_VALIDATE, 9);
	ok(eventually(atomic_load(&e->runs[9]) == 1), "a free job that is due in an hour runs when hurried");
	jobs_run(e->jobs, put_job(store, e, JOB_REVOKE, 1, 0), JOB_REVOKE, 1);
	ok(eventually(atomic_load(&e->runs[1]) == 1), "a job parks");
	usleep(20000);
	jobs_hurry(e->jobs, JOB_REVOKE, 1);
	jobs_hurry(e->jobs, JOB_REVOKE, 2);
	ok(eventually(atomic_load(&e->runs[1]) == 2 && rows(store) == 0), "it runs at once when hurried");
	engine_end(e);
}

static void
test_io(struct store *store)
{
	struct engine *e = engine_new(store, "n1", &quick);

	engine_start(e);
	jobs_run(e->jobs, put_job(store, e, JOB_ISSUE, 1, 0), JOB_ISSUE, 1);
	ok(eventually(atomic_load(&e->held) != NULL), "a step starts I/O");
	usleep(20000);
	is_int(atomic_load(&e->runs[1]), 1, "and is not run again meanwhile");
	jobs_resume(atomic_load(&e->held));
	ok(eventually(rows(store) == 0 && jobs_active(e->jobs) == 0) && atomic_load(&e->runs[1]) == 2, "its end runs the next step");
	ok(atomic_load(&e->fence_broke) && !atomic_load(&e->fence_held) && atomic_load(&e->freed) == 1, "the job is still ours then");
	engine_end(e);
}

static void
test_stop(struct store *store)
{
	struct jobs_times times = quick;
	struct engine *e;

	times.park_max_ms = 60000;
	e = engine_new(store, "n1", &times);
	e->wait_ms = 50000;
	engine_start(e);
	jobs_run(e->jobs, put_job(store, e, JOB_REVOKE, 1, 0), JOB_REVOKE, 1);
	jobs_run(e->jobs, put_job(store, e, JOB_ISSUE, 2, 0), JOB_ISSUE, 2);
	ok(eventually(atomic_load(&e->runs[1]) == 1 && atomic_load(&e->held)), "one job is parked and one in I/O");
	usleep(20000);
	put_job(store, NULL, JOB_VALIDATE, 3, 3600000);
	jobs_stop(e->jobs);
	jobs_stop(e->jobs);
	ok(eventually(jobs_active(e->jobs) == 1), "stopping forgets the parked one");
	jobs_run(e->jobs, put_job(store, e, JOB_VALIDATE, 4, 0), JOB_VALIDATE, 4);
	jobs_hurry(e->jobs, JOB_VALIDATE, 3);
	jobs_resume(atomic_load(&e->held));
	ok(eventually(jobs_active(e->jobs) == 0), "and the other one when its I/O has ended");
	ok(atomic_load(&e->runs[1]) == 1 && atomic_load(&e->runs[2]) == 1 && atomic_load(&e->runs[3]) == 0 && atomic_load(&e->runs[4]) == 0,
		"no step is begun any more");
	engine_end(e);
	ok(rows(store) == 4 && leased(store) == 0, "all rows are there and free");
	e = engine_new(store, "n1", &quick);
	engine_start(e);
	ok(eventually(atomic_load(&e->runs[4]) == 1 && atomic_load(&e->held)), "the next run goes on with them");
	engine_end(e);
	ok(rows(store) > 0 && leased(store) == 0, "an end with a job in I/O gives its row back as well");
	must_(once(store, "delete from job", &(struct problem){ 0 }), &(struct problem){ 0 }, "clean", __LINE__);
}

static void
test_restart(struct store *store)
{
	struct engine *e = engine_new(store, "n2", &quick);
	struct problem pr = { 0 };
	bool shared = store_is_shared(store);

	must(once(store, "insert into job (kind, subject, due, attempts, lease_node, lease_until, created_at)"
		" values (0, 1, 1, 0, 'n2', 9000000000000, 1), (0, 2, 1, 0, 'old-name', 9000000000000, 1), (77, 3, 1, 0, null, 0, 1)", &pr));
	engine_start(e);
	ok(eventually(atomic_load(&e->runs[1]) == 1), "what an earlier run of this node had leased is taken back");
	if (shared)
		is_int(number(store, "select count(*) from job where subject=2 and lease_node='old-name'"), 1, "another node's is left to it");
	else
		ok(eventually(atomic_load(&e->runs[2]) == 1), "alone on its store, whatever the node was called then");
	ok(eventually(number(store, "select count(*) from job where kind=77 and lease_until>0") == 1), "a job of a kind we do not know is left alone");
	put_job(store, NULL, JOB_VALIDATE, 5, 0);
	jobs_hurry(e->jobs, JOB_VALIDATE, 5);
	ok(eventually(atomic_load(&e->runs[5]) == 1), "and stops nobody");
	engine_end(e);
	must(once(store, "delete from job", &pr));
}

/* ---- two gateways on one PostgreSQL ---- */

static void
test_two(struct store *store)
{
	struct engine *a = engine_new(store, "n1", &quick), *b = engine_new(store, "n2", &quick);
	int by_a = 0, by_b = 0, wrong = 0;

	for (int i = 0; i < 300; i++)
		put_job(store, NULL, JOB_VALIDATE, i, 0);
	engine_start(a);
	engine_start(b);
	ok(eventually(rows(store) == 0), "300 jobs are done by two gateways");
	for (int i = 0; i < 300; i++) {
		int on_a = atomic_load(&a->runs[i]), on_b = atomic_load(&b->runs[i]);

		by_a += on_a;
		by_b += on_b;
		wrong += on_a + on_b != 1;
	}
	ok(wrong == 0 && !atomic_load(&a->bad) && !atomic_load(&b->bad), "each job once, by one of them");
	printf("# %d and %d\n", by_a, by_b);
	engine_end(a);
	engine_end(b);
}

static void
test_dead(struct store *store)
{
	struct jobs_times mute = quick;
	struct engine *a, *b;
	int64_t until;

	mute.heartbeat_ms = mute.shared_poll_ms = 3600000;
	a = engine_new(store, "dead", &mute);
	b = engine_new(store, "live", &quick);
	engine_start(a);
	jobs_run(a->jobs, put_job(store, a, JOB_ISSUE, 1, 0), JOB_ISSUE, 1);
	ok(eventually(atomic_load(&a->held) != NULL), "a gateway has a job in I/O and falls silent");
	engine_start(b);
	ok(eventually(atomic_load(&b->held) != NULL), "another takes it over when the lease has ended");
	usleep(2 * 1000 * (unsigned)quick.lease_ms);
	is_int(number(store, "select count(*) from job where lease_node='live' and lease_until>0"), 1, "and keeps it by its heartbeat, longer than a lease");
	is_int(atomic_load(&a->runs[1]), 1, "the first one has not been asked again");
	jobs_resume(atomic_load(&a->held));
	ok(eventually(atomic_load(&a->fence_held)), "when it comes back it learns that the job is another's");
	ok(eventually(jobs_active(a->jobs) == 0), "and forgets it");
	is_int(number(store, "select count(*) from job where lease_node='live' and lease_until>0 and attempts=0"), 1, "the other's lease is untouched");
	jobs_resume(atomic_load(&b->held));
	ok(eventually(rows(store) == 0) && atomic_load(&b->fence_broke), "the other one ends the job");

	/* leased to a living node that does not know of it: its commit was heard of by nobody */
	put_job(store, b, JOB_VALIDATE, 7, 0);
	until = clock_unix_ms() + 3 * quick.lease_ms;
	ok(eventually(atomic_load(&b->runs[7]) == 1), "a row leased to a gateway that has it not in memory is run in time");
	ok(clock_unix_ms() < until, "when one lease has passed");
	engine_end(a);
	engine_end(b);
}

/* The same gateway has a job again that another one had in between: what it remembers of it is old. */
static void
test_stale(struct store *store)
{
	struct jobs_times mute = quick;
	struct problem pr = { 0 };
	struct engine *e;
	struct job *stale;

	mute.heartbeat_ms = 3600000;
	e = engine_new(store, "again", &mute);
	engine_start(e);
	jobs_run(e->jobs, put_job(store, e, JOB_ISSUE, 1, 0), JOB_ISSUE, 1);
	ok(eventually(atomic_load(&e->held) != NULL), "a job is in I/O");
	stale = atomic_exchange(&e->held, NULL);
	must(once(store, "update job set epoch=epoch+1, lease_until=0, lease_node=null", &pr)); /* another gateway had it, and gave it back */
	ok(eventually(atomic_load(&e->held) != NULL) && atomic_load(&e->runs[1]) == 2, "claimed again it begins anew");
	jobs_resume(stale);
	ok(eventually(atomic_load(&e->freed) == 1) && atomic_load(&e->runs[1]) == 2, "the old run does nothing any more");
	ok(!atomic_load(&e->fence_broke) && rows(store) == 1, "and its row is left");
	jobs_resume(atomic_load(&e->held));
	ok(eventually(rows(store) == 0) && atomic_load(&e->runs[1]) == 3, "to the new one, which ends it");
	engine_end(e);
}

/* A heartbeat that finds the lease gone says so to the job before its next step. */
static void
test_heartbeat_tells(struct store *store)
{
	struct jobs_times blind = quick;
	struct problem pr = { 0 };
	struct engine *e;

	blind.shared_poll_ms = 3600000;
	e = engine_new(store, "told", &blind);
	engine_start(e);
	jobs_run(e->jobs, put_job(store, e, JOB_ISSUE, 1, 0), JOB_ISSUE, 1);
	ok(eventually(atomic_load(&e->held) != NULL), "a job is in I/O");
	must(once(store, "update job set epoch=epoch+1, lease_node='other'", &pr));
	ok(eventually(atomic_load(&((struct job *)atomic_load(&e->held))->lost)), "a heartbeat finds its lease gone");
	jobs_resume(atomic_load(&e->held));
	ok(eventually(jobs_active(e->jobs) == 0) && atomic_load(&e->runs[1]) == 1, "no step of it is run any more");
	is_int(number(store, "select count(*) from job where lease_node='other'"), 1, "the other's lease is untouched");
	must(once(store, "delete from job", &pr));
	engine_end(e);
}

/* A gateway so busy that its heartbeat came late. */
static void
test_late(struct store *store)
{
	struct jobs_times mute = quick, blind = quick;
	struct engine *late, *other;

	mute.heartbeat_ms = 3600000;
	blind.shared_poll_ms = 3600000;
	late = engine_new(store, "late", &mute);
	other = engine_new(store, "other", &blind);
	engine_start(other);
	engine_start(late);
	jobs_run(late->jobs, put_job(store, late, JOB_ISSUE, 1, 0), JOB_ISSUE, 1);
	ok(eventually(atomic_load(&late->held) != NULL), "a job is in I/O");
	usleep(2 * 1000 * (unsigned)quick.lease_ms);
	is_int(atomic_load(&late->runs[1]), 1, "when its lease was ended and claimed again, it is not begun a second time");
	jobs_resume(atomic_load(&late->held));
	ok(eventually(rows(store) == 0) && atomic_load(&late->fence_broke) && atomic_load(&late->runs[1]) == 2, "it goes on and ends");
	engine_end(other);
	engine_end(late);
}

int
main(void)
{
	if (!both_start())
		return done_testing();
	for (size_t s = 0; s < COUNT_OF(both); s++) {
		struct store *store = world_open(&both[s]);

		printf("# %s\n", both[s].name);
		test_run(store);
		test_again(store, 40, "a short wait");
		test_again(store, quick.park_max_ms + 50, "a long wait");
		test_hurry(store);
		test_io(store);
		test_stop(store);
		test_restart(store);
		if (both[s].is_pg) {
			test_two(store);
			test_dead(store);
			test_stale(store);
			test_heartbeat_tells(store);
			test_late(store);
		}
		store_close(store);
	}
	both_stop();
	return done_testing();
}
