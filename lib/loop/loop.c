/* loop.c - see loop.h.
 *
 * The mailbox is a locked list and an eventfd: a post takes the lock for two assignments and writes the
 * eventfd only when the list was empty. The reader takes the whole list at once. */
#include "loop/loop.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/thread.h>

#include "base/mem.h"

struct letter {
	struct letter *next;
	loop_fn fn;
	void *arg;
};

struct letters {
	struct letter *first;
	struct letter **end;
};

struct loop {
	struct event_base *base;
	char name[16];
	pthread_t thread;
	bool threaded;
	_Atomic(bool) running;
	_Atomic(uintptr_t) owner; /* pthread_self() of the running thread */
	int wake_fd;
	struct event *wake;
	pthread_mutex_t lock;
	struct letters inbox; /* under lock */
	struct letters deferred; /* loop thread only */
	struct event *turn_end;
	_Atomic(unsigned long) turns;
};

struct timer {
	struct event *event;
	loop_fn fn;
	void *arg;
};

static void
letters_init(struct letters *l)
{
	l->first = NULL;
	l->end = &l->first;
}

static void
letters_add(struct letters *l, loop_fn fn, void *arg)
{
	struct letter *letter = xmalloc(sizeof(*letter));

	*letter = (struct letter){ NULL, fn, arg };
	*l->end = letter;
	l->end = &letter->next;
}

static struct letter *
letters_take(struct letters *l)
{
	struct letter *first = l->first;

	letters_init(l);
	return first;
}

static void
letters_deliver(struct letter *letter)
{
	while (letter) {
		struct letter *next = letter->next;

		letter->fn(letter->arg);
		free(letter);
		letter = next;
	}
}

static struct letter *
inbox_take(struct loop *loop)
{
	struct letter *first;

	pthread_mutex_lock(&loop->lock);
	first = letters_take(&loop->inbox);
	pthread_mutex_unlock(&loop->lock);
	return first;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		count = 0;
	atomic_fetch_add_explicit(&loop->turns, 1, memory_order_relaxed);
	letters_deliver(inbox_take(loop));
}

static void
on_turn_end(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)fd;
	(void)what;
	letters_deliver(letters_take(&loop->deferred));
}

struct loop *
loop_new(const char *name)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));
	struct event_config *config = event_config_new();

	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	if (!loop->base || event_base_priority_init(loop->base, 2) != 0)
		abort();
	strncpy(loop->name, name, sizeof(loop->name) - 1);
	pthread_mutex_init(&loop->lock, NULL);
	letters_init(&loop->inbox);
	letters_init(&loop->deferred);
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		abort();
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	event_priority_set(loop->wake, 0);
	event_add(loop->wake, NULL);
	loop->turn_end = event_new(loop->base, -1, 0, on_turn_end, loop);
	event_priority_set(loop->turn_end, 1);
	return loop;
}

void
loop_run(struct loop *loop)
{
	atomic_store(&loop->owner, (uintptr_t)pthread_self());
	atomic_store(&loop->running, true);
	while (atomic_load(&loop->running))
		event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
	letters_deliver(inbox_take(loop));
	letters_deliver(letters_take(&loop->deferred));
}

static void *
thread_main(void *arg)
{
	struct loop *loop = arg;

	prctl(PR_SET_NAME, loop->name);
	loop_run(loop);
	return NULL;
}

void
loop_start(struct loop *loop)
{
	loop->threaded = true;
	if (pthread_create(&loop->thread, NULL, thread_main, loop) != 0)
		abort();
}

static void
stop_here(void *arg)
{
	struct loop *loop = arg;

	atomic_store(&loop->running, false);
	event_base_loopbreak(loop->base);
}

void
loop_stop(struct loop *loop)
{
	loop_post(loop, stop_here, loop);
}

void
loop_join(struct loop *loop)
{
	if (loop->threaded)
		pthread_join(loop->thread, NULL);
	loop->threaded = false;
}

static void
letters_drop(struct letter *letter)
{
	while (letter) {
		struct letter *next = letter->next;

		free(letter);
		letter = next;
	}
}

void
loop_free(struct loop *loop)
{
	if (!loop)
		return;
	letters_drop(inbox_take(loop));
	letters_drop(letters_take(&loop->deferred));
	event_free(loop->wake);
	event_free(loop->turn_end);
	close(loop->wake_fd);
	event_base_free(loop->base);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

void
loop_post(struct loop *loop, loop_fn fn, void *arg)
{
	const uint64_t one = 1;
	bool was_empty;

	pthread_mutex_lock(&loop->lock);
	was_empty = !loop->inbox.first;
	letters_add(&loop->inbox, fn, arg);
	pthread_mutex_unlock(&loop->lock);
	/* the eventfd only fails when its counter is full, and then the reader is awake anyway */
	if (was_empty && write(loop->wake_fd, &one, sizeof(one)) < 0)
		return;
}

void
loop_defer(struct loop *loop, loop_fn fn, void *arg)
{
	if (!loop->deferred.first)
		event_active(loop->turn_end, EV_TIMEOUT, 0);
	letters_add(&loop->deferred, fn, arg);
}

msec_t
loop_now(struct loop *loop)
{
	(void)loop;
	return clock_ms();
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

bool
loop_is_mine(const struct loop *loop)
{
	return atomic_load(&loop->owner) == (uintptr_t)pthread_self();
}

unsigned long
loop_turns(const struct loop *loop)
{
	return atomic_load_explicit(&loop->turns, memory_order_relaxed);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct timer *t = arg;

	(void)fd;
	(void)what;
	t->fn(t->arg);
}

struct timer *
timer_new(struct loop *loop, loop_fn fn, void *arg)
{
	struct timer *t = xmalloc(sizeof(*t));

	*t = (struct timer){ NULL, fn, arg };
	t->event = evtimer_new(loop->base, on_timeout, t);
	event_priority_set(t->event, 0);
	return t;
}

void
timer_set(struct timer *t, msec_t in_ms)
{
	struct timeval tv = { .tv_sec = in_ms / 1000, .tv_usec = in_ms % 1000 * 1000 };

	event_add(t->event, &tv);
}

void
timer_stop(struct timer *t)
{
	event_del(t->event);
}

void
timer_free(struct timer *t)
{
	if (!t)
		return;
	event_free(t->event);
	free(t);
}
