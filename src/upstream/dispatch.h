/* dispatch.h - who leads the queue of orders that wait for their CAs (sched/sched.h): one gateway of those that share a store, by a
 * leased job.
 *
 * finalize puts an order into the queue (flow/work.h), and so does whoever finds that it must go to its CA once more. The leader has the
 * queue in memory, a scheduler for each CA (its label: entries that share it share its limits), made anew from the store when it
 * begins. It asks the ledger about the best (ledger/ledger.h) in a transaction that says, too, that newOrder may go out, and takes the
 * order's job; after the commit the job runs, here. What is foretold to the others is on record for all gateways to show. Whatever ends an
 * order, or puts it back, is seen in the store: so nothing is lost with the leader, and another one goes on when its lease is over. */
#ifndef UPSTREAM_DISPATCH_H
#define UPSTREAM_DISPATCH_H

#include "flow/work.h"
#include "sched/sched.h"
#include "upstream/upstreams.h"

/* Registers the step of JOB_DISPATCH. */
void dispatch_register(struct upstreams *ups);
/* There is such a job. In a transaction. */
bool dispatch_begin(struct sql *db, struct problem *pr) MUST_CHECK;

/* A work_foresee_fn; arg is the struct upstreams. */
bool dispatch_foresee(void *arg, struct sql *db, const struct gate_conf *conf, const struct order *o, const struct upstream_conf *u, int64_t since, struct work_forecast *ret, struct problem *pr) MUST_CHECK;

/* The queue of a CA, as the leader had it last. */
struct dispatch_view {
	char ca[UPSTREAM_TEXT];
	struct sched_stats stats;
};
typedef void (*dispatch_view_fn)(const struct dispatch_view *v, void *arg);
/* Nothing if this gateway does not lead. Any thread. */
void dispatch_each(struct upstreams *ups, dispatch_view_fn fn, void *arg);

/* How long orders had waited when they were let through, since the start: how many up to each bound, and more. */
#define DISPATCH_BOUNDS 8
extern const unsigned dispatch_bounds_us[DISPATCH_BOUNDS];
struct dispatch_waits {
	uint64_t counts[DISPATCH_BOUNDS + 1];
	uint64_t sum_s;
};
/* Any thread. */
void dispatch_waits(struct upstreams *ups, struct dispatch_waits *ret);
#endif
