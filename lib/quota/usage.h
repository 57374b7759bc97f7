/* usage.h - quotas: how much one may have, of what, in which time. Pure: no I/O, no clock. Any thread. */
#ifndef QUOTA_USAGE_H
#define QUOTA_USAGE_H

#include <stdbool.h>
#include <stdint.h>

/* What a quota counts. Numbers are stored; order as in the choices of `counts`. */
enum usage_counts {
	USAGE_DAY = 0,     /* orders of a day (UTC) that have or may yet have a certificate */
	USAGE_MONTH = 1,   /* of a month */
	USAGE_LIVE = 2,    /* certificates that are not over, revoked or replaced, and orders that may yet have one */
	USAGE_PENDING = 3, /* orders that have not come to an end */
	USAGE__COUNT
};
const char *usage_counts_name(enum usage_counts counts);

/* The period that a time lies in, from *ret_begin up to *ret_end, without it; 0, 0 of what has no period. `now` from 1970 on. */
void usage_period(enum usage_counts counts, int64_t now_unix_s, int64_t *ret_begin, int64_t *ret_end);

enum usage_verdict {
	USAGE_FREE,
	USAGE_WARN,   /* the soft limit is passed by this one: told once */
	USAGE_REFUSE, /* the hard limit would be passed */
};
/* One more makes `used` of them. 0 = no such limit. What is exempt, since it renews, is counted and never refused. */
enum usage_verdict usage_judge(int64_t used, int64_t soft, int64_t hard, bool exempt);
/* How much is left below the hard limit; -1 = there is none. */
int64_t usage_left(int64_t used, int64_t hard);
#endif
