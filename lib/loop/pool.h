/* pool.h - a bounded pool of worker threads with one queue.
 *
 * A task runs straight-line code on a worker; it may wait for the store or the keeper, never for the network. */
#ifndef LOOP_POOL_H
#define LOOP_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool;

struct pool *pool_new(unsigned threads, size_t queue_max);
/* New work from outside: false when the queue is full (shed load: 503). Any thread. */
bool pool_try(struct pool *pool, void (*fn)(void *arg), void *arg);
/* The next step of work already taken in: never refused. Any thread. */
void pool_post(struct pool *pool, void (*fn)(void *arg), void *arg);
size_t pool_queued(struct pool *pool);
unsigned pool_threads(const struct pool *pool);
/* Index of the calling worker in [0, threads), or -1 on any other thread. */
int pool_self(void);
/* Run what is queued, then end the threads. */
void pool_free(struct pool *pool);
#endif
