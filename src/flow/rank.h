/* flow/rank.h - how urgent an order is (sched/sched.h), by the certificate that it replaces. Pure; times are unix seconds. */
#ifndef FLOW_RANK_H
#define FLOW_RANK_H

#include "sched/sched.h"

struct rank_before {
	int64_t not_before, not_after;
	bool is_revoked; /* and not because its holder wanted that: a device could be urgent whenever it likes */
	bool is_in_incident; /* an open one (store/incident.h) */
};
/* `before` NULL: it replaces none; only then is_bulk counts, or when that one ran out long ago. *ret_urgent_at: from then on it is
 * SCHED_EXPIRING; 0 = it is that or more already, or never. */
enum sched_class rank_class(const struct rank_before *before, bool is_bulk, int64_t now, int64_t *ret_urgent_at);
#endif
