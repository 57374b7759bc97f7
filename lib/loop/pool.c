/* pool.c - see pool.h: one lock, a list of tasks, a stack of idle workers.
 *
 * A task goes straight to the worker that fell idle last, whose caches are warm; the list is for tasks that find no idle worker.
 * So a busy pool wakes nobody, and a quiet one keeps to one or two threads. What a worker posts itself, mostly as the last thing
 * it does, it runs itself next, without a change of threads. */
#include "loop/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/mem.h"

struct task {
	struct task *next;
	void (*fn)(void *arg);
	void *arg;
};

struct worker {
	struct pool *pool;
	pthread_t thread;
	int index;
	sem_t wake;
	struct task *given; /* set before `wake`; NULL = the end */
	struct worker *next_idle;
};

struct pool {
	pthread_mutex_t lock;
	struct task *first, **end; /* under lock, as are the next three */
	size_t queued;
	struct worker *idle;
	bool ending;
	size_t queue_max;
	unsigned threads;
	struct worker *workers;
};

static _Thread_local int self_index = -1;
static _Thread_local const struct pool *self_pool;
static _Thread_local struct task *own_next; /* posted by the running task of this worker */

static struct task *
queue_take(struct pool *pool)
{
	struct task *task = pool->first;

	pool->first = task->next;
	if (!pool->first)
		pool->end = &pool->first;
	pool->queued--;
	return task;
}

static struct task *
next_task(struct worker *self)
{
	struct pool *pool = self->pool;
	struct task *task = NULL;
	bool wait;

	pthread_mutex_lock(&pool->lock);
	if (pool->first)
		task = queue_take(pool);
	wait = !task && !pool->ending;
	if (wait) {
		self->next_idle = pool->idle;
		pool->idle = self;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!wait)
		return task;
	while (sem_wait(&self->wake) != 0)
		; /* a signal handler ran */
	return self->given;
}

static void *
worker_main(void *arg)
{
	struct worker *worker = arg;
	struct task *task;
	char name[16];

	snprintf(name, sizeof(name), "worker-%d", worker->index);
	prctl(PR_SET_NAME, name);
	self_index = worker->index;
	self_pool = worker->pool;
	while ((task = own_next ? TAKE(own_next) : next_task(worker))) {
		task->fn(task->arg);
		free(task);
	}
	return NULL;
}

struct pool *
pool_new(unsigned threads, size_t queue_max)
{
	struct pool *pool = xcalloc(1, sizeof(*pool));

	pthread_mutex_init(&pool->lock, NULL);
	pool->end = &pool->first;
	pool->queue_max = queue_max;
	pool->threads = threads;
	pool->workers = xcalloc(threads, sizeof(*pool->workers));
	for (unsigned i = 0; i < threads; i++) {
		struct worker *w = &pool->workers[i];

		w->pool = pool;
		w->index = (int)i;
		sem_init(&w->wake, 0, 0);
		if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
			abort();
	}
	return pool;
}

/* Under lock. */
static struct worker *
idle_take(struct pool *pool)
{
	struct worker *w = pool->idle;

	if (w)
		pool->idle = w->next_idle;
	return w;
}

static void
give(struct worker *w, struct task *task)
{
	w->given = task;
	sem_post(&w->wake);
}

/* Takes the task unless it answers false. */
static bool
enqueue(struct pool *pool, struct task *task, size_t queue_max)
{
	struct worker *w;
	bool room;

	pthread_mutex_lock(&pool->lock);
	w = idle_take(pool);
	room = w || pool->queued < queue_max;
	if (!w && room) {
		*pool->end = task;
		pool->end = &task->next;
		pool->queued++;
	}
	pthread_mutex_unlock(&pool->lock);
	if (w)
		give(w, task);
	return room;
}

static struct task *
task_new(void (*fn)(void *arg), void *arg)
{
	struct task *task = xmalloc(sizeof(*task));

	*task = (struct task){ NULL, fn, arg };
	return task;
}

bool
pool_try(struct pool *pool, void (*fn)(void *arg), void *arg)
{
	struct task *task = task_new(fn, arg);

	if (enqueue(pool, task, pool->queue_max))
		return true;
	free(task);
	return false;
}

void
pool_post(struct pool *pool, void (*fn)(void *arg), void *arg)
{
	struct task *task = task_new(fn, arg), *other = task;

	/* of several the last is likely to be the end of what runs; the others need not wait for it */
	if (self_pool == pool) {
		other = own_next;
		own_next = task;
	}
	if (other)
		enqueue(pool, other, (size_t)-1);
}

size_t
pool_queued(struct pool *pool)
{
	size_t n;

	pthread_mutex_lock(&pool->lock);
	n = pool->queued;
	pthread_mutex_unlock(&pool->lock);
	return n;
}

unsigned
pool_threads(const struct pool *pool)
{
	return pool->threads;
}

int
pool_self(void)
{
	return self_index;
}

void
pool_free(struct pool *pool)
{
	struct worker *w;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	while ((w = idle_take(pool)))
		give(w, NULL);
	pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->threads; i++) {
		pthread_join(pool->workers[i].thread, NULL);
		sem_destroy(&pool->workers[i].wake);
	}
	pthread_mutex_destroy(&pool->lock);
	free(pool->workers);
	free(pool);
}
