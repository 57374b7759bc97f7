/* pace.h - how fast requests may go to a CA: a bucket for each thing that they ask, in memory. What a CA's load balancer would answer
 * with 503 is sent a little later instead. Entries that reach the same CA by the same way out share one. Any thread. */
#ifndef UPSTREAM_PACE_H
#define UPSTREAM_PACE_H

#include "base/clock.h"
#include "gate/conf.h"

struct pace;
/* The rates of an entry (limits, overrides), as they are now. */
struct pace *pace_new(const struct upstream_conf *u);
void pace_free(struct pace *p);
/* The next request of this kind may go in so many ms, and counts as sent then. More than most_ms: it does not count, and is not to be
 * sent. pace NULL, or no rate known: 0. */
msec_t pace_take(struct pace *p, enum quota_kind kind, msec_t now_ms, msec_t most_ms);
#endif
