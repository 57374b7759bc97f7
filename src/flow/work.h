/* flow/work.h - an order goes to its CA: who it is in the queue there (sched/sched.h), and the rows by which it is carried. In a
 * transaction. */
#ifndef FLOW_WORK_H
#define FLOW_WORK_H

#include "gate/conf.h"
#include "jobs/jobs.h"
#include "sched/sched.h"
#include "store/order.h"
#include "store/queue.h"

/* How urgent the order is, by what it replaces: the certificate that it names, or else the newest of its principal for its names. Sets
 * class, since, deadline and urgent_at. */
bool work_rank(struct sql *db, const struct gate_conf *conf, const struct order *o, int64_t now, struct queue_row *ret, struct problem *pr) MUST_CHECK;
/* It is in the queue of this entry of upstreams, with a job that is nobody's until it is let through. After the commit: work_hurry. */
bool work_begin(struct sql *db, const struct gate_conf *conf, const struct order *o, const char *upstream, struct problem *pr) MUST_CHECK;
/* With upstream_start "ready" an order goes to its CA as soon as it is ready (U1): each that this authorization has made so, or this one.
 * What is begun already stays as it is. *ret_began: after the commit work_hurry. */
bool work_begin_ready(struct sql *db, const struct gate_conf *conf, int64_t authz_id, bool *ret_began, struct problem *pr) MUST_CHECK;
bool work_begin_early(struct sql *db, const struct gate_conf *conf, int64_t order_id, bool *ret_began, struct problem *pr) MUST_CHECK;
/* It has its CSR now: what was begun before goes on, or else it begins. After the commit: work_hurry, work_wake. */
bool work_finalized(struct sql *db, const struct gate_conf *conf, const struct order *o, const char *upstream, struct problem *pr) MUST_CHECK;
/* It is finalized, and needs nothing of its CA: what was begun is given up. After the commit: work_wake. */
bool work_unwanted(struct sql *db, int64_t order_id, struct problem *pr) MUST_CHECK;
/* When it would be let through to its CA, behind all that wait for the same, as it looks from the store: by the limits alone, and only if
 * they are what holds it up. */
struct work_forecast {
	bool waits;      /* false: no limit is in its way, as far as is known */
	int64_t at;      /* unix s */
	int64_t bucket;  /* for which; 0 = it has no row yet */
	char what[512];  /* "certs_domain of corp.example" */
};
/* Of an order, or one that is to be made (id 0), at this entry of upstreams, which need not be its own; `since` as in struct queue_row. In
 * a transaction. */
typedef bool (*work_foresee_fn)(void *arg, struct sql *db, const struct gate_conf *conf, const struct order *o, const struct upstream_conf *u, int64_t since, struct work_forecast *ret, struct problem *pr);
/* Whoever leads the queue looks now. Any thread. */
void work_hurry(struct jobs *jobs);
/* Jobs that have become due are looked for now. Any thread. */
void work_wake(struct jobs *jobs);
#endif
