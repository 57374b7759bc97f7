/* test_loop.c - letters, timers, deferred calls, and the pool of workers. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/mem.h"
#include "loop/loop.h"
#include "loop/pool.h"
#include "tap.h"

#define LETTERS 10000
#define SENDERS 4

static struct loop *loop;
static _Atomic(int) delivered, out_of_order, off_thread;

struct sender {
	pthread_t thread;
	int next; /* loop thread: the number expected */
};
struct numbered {
	struct sender *from;
	int number;
};
static struct sender senders[SENDERS];
static struct numbered letters[SENDERS][LETTERS];

static void
on_letter(void *arg)
{
	struct numbered *n = arg;

	if (n->number != n->from->next++)
		atomic_fetch_add(&out_of_order, 1);
	if (!loop_is_mine(loop))
		atomic_fetch_add(&off_thread, 1);
	atomic_fetch_add(&delivered, 1);
}

static void *
send_all(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < LETTERS; i++) {
		struct numbered *n = &letters[s - senders][i];

		*n = (struct numbered){ s, i };
		loop_post(loop, on_letter, n);
	}
	return NULL;
}

static void
test_letters(void)
{
	loop = loop_new("test");
	loop_start(loop);
	for (int i = 0; i < SENDERS; i++)
		pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
	for (int i = 0; i < SENDERS; i++)
		pthread_join(senders[i].thread, NULL);
	loop_stop(loop);
	loop_join(loop);
	is_int(delivered, SENDERS * LETTERS, "every letter posted before the stop arrives");
	is_int(out_of_order, 0, "each sender's in its order");
	is_int(off_thread, 0, "on the loop's thread");
	loop_free(loop);
}

static int fired[3], turn;
static struct timer *timers[3];
static msec_t fired_at;

static void
on_deferred(void *arg)
{
	*(int *)arg = ++turn;
}

static int deferred_turn, after_turn;

static void
on_last(void *arg)
{
	(void)arg;
	fired[2] = ++turn;
	fired_at = clock_ms();
	loop_defer(loop, on_deferred, &deferred_turn);
	after_turn = ++turn;
	loop_stop(loop);
}

static void
on_fired(void *arg)
{
	*(int *)arg = ++turn;
}

static void
test_timers(void)
{
	msec_t start = clock_ms();

	loop = loop_new("timers");
	timers[0] = timer_new(loop, on_fired, &fired[0]);
	timers[1] = timer_new(loop, on_fired, &fired[1]);
	timers[2] = timer_new(loop, on_last, NULL);
	timer_set(timers[2], 60);
	timer_set(timers[0], 10);
	timer_set(timers[1], 20);
	timer_stop(timers[1]);
	loop_run(loop);
	ok(fired[0] == 1 && fired[2] > fired[0], "timers fire in the order of their times");
	is_int(fired[1], 0, "a stopped one does not");
	ok(fired_at - start >= 55, "nor one much before its time (the clock is coarse)");
	ok(deferred_turn > after_turn, "what is deferred comes when the callback is over");
	for (int i = 0; i < 3; i++)
		timer_free(timers[i]);
	loop_free(loop);
}

static _Atomic(int) worked, bad_self;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void
work(void *arg)
{
	(void)arg;
	if (pool_self() < 0 || pool_self() >= 4)
		atomic_fetch_add(&bad_self, 1);
	atomic_fetch_add(&worked, 1);
}

static void
wait_for_gate(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
}

static void
test_pool(void)
{
	struct pool *pool = pool_new(4, 10);
	int taken = 0;

	is_int(pool_self(), -1, "this thread is no worker");
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 4; i++)
		pool_post(pool, wait_for_gate, NULL);
	while (pool_queued(pool) > 0)
		usleep(1000);
	for (int i = 0; i < 15; i++)
		taken += pool_try(pool, work, NULL);
	is_int(taken, 10, "a full queue refuses new work");
	pool_post(pool, work, NULL);
	is_int(pool_queued(pool), 11, "but not the next step of work taken in");
	pthread_mutex_unlock(&gate);
	pool_free(pool);
	is_int(worked, 11, "all that was taken is done before the pool ends");
	is_int(bad_self, 0, "each worker knows its index");
}

int
main(void)
{
	test_letters();
	test_timers();
	test_pool();
	return done_testing();
}
