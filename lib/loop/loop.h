/* loop.h - an event loop with its timers and its mailbox; the only room that includes libevent's core.
 *
 * One thread runs a loop and owns all objects on it. The mailbox (loop_post) is the one way in from other threads. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <stdbool.h>

#include "base/clock.h"

struct loop;
struct timer;
struct event_base;

typedef void (*loop_fn)(void *arg);

struct loop *loop_new(const char *name); /* name: at most 15 characters, shown as the thread's name */
/* Run on a thread of its own until loop_stop; loop_join waits for its end. */
void loop_start(struct loop *loop);
/* Run on the calling thread until loop_stop. */
void loop_run(struct loop *loop);
/* Any thread. Letters already posted are still delivered. */
void loop_stop(struct loop *loop);
void loop_join(struct loop *loop);
/* After join. Letters posted since are dropped. */
void loop_free(struct loop *loop);

/* Call fn(arg) on the loop's thread, in the order posted. Any thread, never blocks, never calls back at once. */
void loop_post(struct loop *loop, loop_fn fn, void *arg);
/* Call fn(arg) at the end of this turn of the loop; the loop's thread only: this is how memory goes (style: lifetime). */
void loop_defer(struct loop *loop, loop_fn fn, void *arg);
/* clock_ms() as of this turn. */
msec_t loop_now(struct loop *loop);
struct event_base *loop_base(struct loop *loop);
/* Is the calling thread the loop's? */
bool loop_is_mine(const struct loop *loop);
/* Turns since the start, for the watchdog; any thread. */
unsigned long loop_turns(const struct loop *loop);

/* One-shot timers; the loop's thread only. Free cancels; no callback after it. */
struct timer *timer_new(struct loop *loop, loop_fn fn, void *arg);
void timer_set(struct timer *t, msec_t in_ms);
void timer_stop(struct timer *t);
void timer_free(struct timer *t);
#endif
