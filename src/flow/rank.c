/* flow/rank.c - see rank.h. */
#include "flow/rank.h"

#define URGENT_S (48 * 3600)
#define LONG_GONE_S (30 * 86400) /* whose certificate ran out so long ago does without one */

static int64_t
urgent_from(const struct rank_before *b)
{
	int64_t quarter = (b->not_after - b->not_before) / 4;

	return b->not_after - (quarter > URGENT_S ? quarter : URGENT_S);
}

enum sched_class
rank_class(const struct rank_before *b, bool is_bulk, int64_t now, int64_t *ret_urgent_at)
{
	*ret_urgent_at = 0;
	if (!b || b->not_after < now - LONG_GONE_S)
		return is_bulk ? SCHED_BULK : SCHED_NEW;
	if (b->is_revoked || b->is_in_incident)
		return SCHED_INCIDENT;
	if (urgent_from(b) <= now)
		return SCHED_EXPIRING;
	*ret_urgent_at = urgent_from(b);
	return SCHED_RENEWAL;
}
