/* expo.h - metrics as text: the Prometheus text format 0.0.4, and OpenMetrics 1.0.0, which differs in names of counters and in its end.
 * Pure.
 *
 *   expo_family(&x, EXPO_COUNTER, "acmegate_orders", "Orders, by how they ended.");
 *   expo_int(&x, 3, "outcome", "valid", NULL);
 *   expo_end(&x); */
#ifndef ADMIN_EXPO_H
#define ADMIN_EXPO_H

#include "base/buf.h"

enum expo_type { EXPO_COUNTER, EXPO_GAUGE, EXPO_HISTOGRAM };

struct expo {
	struct buf *out;
	bool open_metrics;
	enum expo_type type;
	const char *family;
};

/* Does this Accept field prefer OpenMetrics? */
bool expo_wants_open_metrics(struct span accept);
const char *expo_content_type(bool open_metrics);

/* Begin a family: its name without "_total", what it counts in one sentence. All its samples follow. */
void expo_family(struct expo *x, enum expo_type type, const char *name, const char *help);
/* A sample; then names and values of its labels, and NULL. */
__attribute__((sentinel)) void expo_int(struct expo *x, int64_t value, ...);
__attribute__((sentinel)) void expo_real(struct expo *x, double value, ...);
/* A histogram's samples: `counts` of the `n` buckets, each without those of smaller ones, and of what is longer than all; bounds and sum
 * in microseconds, told in seconds. */
__attribute__((sentinel)) void expo_histogram(
	struct expo *x, const unsigned *bounds_us, const uint64_t *counts, size_t n, uint64_t sum_us, ...);
void expo_end(struct expo *x);
#endif
