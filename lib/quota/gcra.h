/* gcra.h - the generic cell rate algorithm as Boulder runs it: one time stamp a bucket. Pure, any thread.
 *
 * The state is the theoretical arrival time (TAT): the bucket is full at that time and after. All times are nanoseconds since 1970,
 * by the wall clock, since they are stored; a bucket that nothing is known of has TAT 0. Sums that would leave int64 stay at its end. */
#ifndef QUOTA_GCRA_H
#define QUOTA_GCRA_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_S INT64_C(1000000000)

struct gcra {
	int64_t emission_ns; /* a token comes back each */
	int64_t burst;       /* tokens of a full bucket */
	int64_t burst_ns;    /* emission_ns * burst */
};

/* `count` tokens in period_s seconds, `burst` at once. False: a number is below 1, a token comes back in no time at all, or the bucket
 * would not be full again within the years that int64 holds. */
bool gcra_make(int64_t count, int64_t burst, int64_t period_s, struct gcra *ret) __attribute__((warn_unused_result));

enum gcra_answer { GCRA_ALLOWED, GCRA_DENIED, GCRA_MISUSED };
struct gcra_verdict {
	enum gcra_answer answer;
	int64_t remaining; /* tokens, after it was allowed or as it was denied */
	int64_t retry_ns;  /* denied: from now on; else 0 */
	int64_t tat_ns;    /* after it: to be stored if it was allowed */
};
/* May `cost` tokens be spent now? Of a bucket from which `held` are promised to others already, and the last `kept` of which are not
 * to be touched: neither is an argument of Boulder's. cost < 0 or > burst is a mistake of the caller, not a denial; what is kept never
 * leaves less than `cost`. tat_ns of the verdict is that of spending `cost` alone. */
struct gcra_verdict gcra_spend(const struct gcra *g, int64_t tat_ns, int64_t now_ns, int64_t cost, int64_t held, int64_t kept);
/* Give tokens back; never more than a full bucket. The TAT after it. */
int64_t gcra_refund(const struct gcra *g, int64_t tat_ns, int64_t now_ns, int64_t cost);
/* The TAT of a bucket that a server refused one token of, for retry_ns to come. */
int64_t gcra_refused(const struct gcra *g, int64_t now_ns, int64_t retry_ns);
/* A stored TAT, were the clock ahead when it was stored: a bucket is never emptier than empty. */
int64_t gcra_clamp(const struct gcra *g, int64_t tat_ns, int64_t now_ns);
/* a + b, at the end of int64 if it does not fit. */
int64_t gcra_add(int64_t a, int64_t b);
#endif
