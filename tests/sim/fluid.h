/* fluid.h - what each unit's fair share of a bucket would have been: general processor sharing, one token at a time, and how much longer
 * than that a unit really waited. Knows nothing of how the scheduler does it. */
#ifndef SIM_FLUID_H
#define SIM_FLUID_H

#include <stddef.h>
#include <stdint.h>

struct fluid_grant {
	uint32_t bucket, unit;
	int64_t asked_ns, got_ns;
};
/* First certificates, as they were admitted. */
struct fluid {
	struct fluid_grant *list;
	size_t count, room;
};
void fluid_add(struct fluid *f, const struct fluid_grant *grant);
void fluid_done(struct fluid *f);
#define FLUID_UNITS_MAX 8
/* The n-th certificate of each unit: its wait, over when its n-th would have been there had each token of each bucket gone to all that
 * waited for it then by their weights. Tokens are whole, so one is forgiven: the time in which the unit's share comes to one, a token
 * of a bucket coming back each `each_ns`. The worst of all. That tokens come as fast as they can is not its affair. */
double fluid_worst(const struct fluid *f, const uint32_t *weights, size_t units, size_t buckets, int64_t each_ns);
#endif
