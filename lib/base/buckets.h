/* buckets.h - token buckets by key (GCRA), bounded in number. Any thread.
 *
 * A key that has used nothing for long costs nothing: it is forgotten. When the table is full of busy keys the one first
 * seen goes, so a flood of keys cannot grow it; it begins anew with a full bucket. */
#ifndef BASE_BUCKETS_H
#define BASE_BUCKETS_H

#include "base/clock.h"
#include "base/span.h"

struct buckets;

/* burst tokens, and one more each interval. burst 0 = no limit. */
struct rate {
	int64_t burst;
	msec_t interval_ms;
};

#define BUCKET_KEY_MAX 320 /* longer keys are cut: they share a bucket */

struct buckets *buckets_new(size_t keys_max);
void buckets_free(struct buckets *b);
/* Take a token at `now`; false when there is none: *ret_wait_ms says when there is one again. */
bool buckets_take(struct buckets *b, struct span key, struct rate rate, msec_t now, msec_t *ret_wait_ms);
/* Take `count` at once; false as above when there are not so many. More than the burst are there when it is whole: what is missing is
 * owed. */
bool buckets_take_many(struct buckets *b, struct span key, struct rate rate, int64_t count, msec_t now, msec_t *ret_wait_ms);
/* Is there one? Takes nothing, and counts nothing. */
bool buckets_has(struct buckets *b, struct span key, struct rate rate, msec_t now, msec_t *ret_wait_ms);
/* Keys held, tokens taken and refused since the start. */
struct buckets_stats { uint64_t keys, taken, refused; };
void buckets_stats(struct buckets *b, struct buckets_stats *ret);
#endif
