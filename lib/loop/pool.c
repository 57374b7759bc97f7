/* pool.c - see pool.h: one lock, one condition, a list of tasks. */
#include "loop/pool.h"

#include <pthread.h>
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
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct task *first, **end; /* under lock, as are the next three */
	size_t queued;
	unsigned idle;
	bool ending;
	size_t queue_max;
	unsigned threads;
	struct worker *workers;
};

static _Thread_local int self_index = -1;

static struct task *
next_task(struct pool *pool)
{
	struct task *task;

	pthread_mutex_lock(&pool->lock);
	pool->idle++;
	while (!pool->first && !pool->ending)
		pthread_cond_wait(&pool->wake, &pool->lock);
	pool->idle--;
	task = pool->first;
	if (task) {
		pool->first = task->next;
		if (!pool->first)
			pool->end = &pool->first;
		pool->queued--;
	}
	pthread_mutex_unlock(&pool->lock);
	return task;
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
	while ((task = next_task(worker->pool))) {
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
	pthread_cond_init(&pool->wake, NULL);
	pool->end = &pool->first;
	pool->queue_max = queue_max;
	pool->threads = threads;
	pool->workers = xcalloc(threads, sizeof(*pool->workers));
	for (unsigned i = 0; i < threads; i++) {
		struct worker *w = &pool->workers[i];

		w->pool = pool;
		w->index = (int)i;
		if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
			abort();
	}
	return pool;
}

static bool
enqueue(struct pool *pool, void (*fn)(void *arg), void *arg, size_t queue_max)
{
	struct task *task;
	bool wake, room;

	task = xmalloc(sizeof(*task));
	*task = (struct task){ NULL, fn, arg };
	pthread_mutex_lock(&pool->lock);
	room = pool->queued < queue_max;
	wake = room && pool->idle > 0;
	if (room) {
		*pool->end = task;
		pool->end = &task->next;
		pool->queued++;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!room)
		free(task);
	if (wake)
		pthread_cond_signal(&pool->wake);
	return room;
}

bool
pool_try(struct pool *pool, void (*fn)(void *arg), void *arg)
{
	return enqueue(pool, fn, arg, pool->queue_max);
}

void
pool_post(struct pool *pool, void (*fn)(void *arg), void *arg)
{
	enqueue(pool, fn, arg, (size_t)-1);
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
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_mutex_unlock(&pool->lock);
	pthread_cond_broadcast(&pool->wake);
	for (unsigned i = 0; i < pool->threads; i++)
		pthread_join(pool->workers[i].thread, NULL);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->wake);
	free(pool->workers);
	free(pool);
}
