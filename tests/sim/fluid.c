/* fluid.c - see fluid.h. */
#include "fluid.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NEARLY 1e-3 /* of a token: what sums of a million fractions are off */

void
fluid_add(struct fluid *f, const struct fluid_grant *grant)
{
	if (f->count == f->room) {
		f->room = f->room ? f->room * 2 : 1024;
		f->list = xrealloc(f->list, f->room * sizeof(f->list[0]));
	}
	f->list[f->count++] = *grant;
}

void
fluid_done(struct fluid *f)
{
	free(f->list);
	*f = (struct fluid){ 0 };
}

/* One unit at one bucket. */
struct share {
	int64_t *asked, *got, *fair; /* each sorted by itself */
	size_t count;
	double weight, served;
	size_t arrived, done; /* of asked, of fair */
};

static int
by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

#define ANY UINT32_MAX

static bool
is_of(const struct fluid_grant *g, uint32_t bucket)
{
	return bucket == ANY || g->bucket == bucket;
}

static void
collect(const struct fluid *f, uint32_t bucket, struct share *shares, size_t units)
{
	for (size_t i = 0; i < f->count; i++)
		shares[f->list[i].unit].count += is_of(&f->list[i], bucket);
	for (size_t u = 0; u < units; u++) {
		shares[u].asked = xcalloc(shares[u].count + 1, sizeof(int64_t));
		shares[u].got = xcalloc(shares[u].count + 1, sizeof(int64_t));
		shares[u].fair = xcalloc(shares[u].count + 1, sizeof(int64_t));
		shares[u].count = 0;
	}
	for (size_t i = 0; i < f->count; i++) {
		struct share *s = &shares[f->list[i].unit];

		if (!is_of(&f->list[i], bucket))
			continue;
		s->asked[s->count] = f->list[i].asked_ns;
		s->got[s->count++] = f->list[i].got_ns;
	}
	for (size_t u = 0; u < units; u++) {
		qsort(shares[u].asked, shares[u].count, sizeof(int64_t), by_time);
		qsort(shares[u].got, shares[u].count, sizeof(int64_t), by_time);
	}
}

static double
waiting(const struct share *s)
{
	double n = (double)s->arrived - s->served;

	return n > NEARLY ? n : 0;
}

static void
arrive(struct share *shares, size_t units, int64_t now_ns)
{
	for (size_t u = 0; u < units; u++) {
		while (shares[u].arrived < shares[u].count && shares[u].asked[shares[u].arrived] <= now_ns)
			shares[u].arrived++;
	}
}

/* One token to all that wait, by weight; who needs less than that leaves the rest to the others. */
static void
serve(struct share *shares, size_t units, int64_t now_ns)
{
	double left = 1;

	while (left > NEARLY) {
		double sum = 0, part = left;

		for (size_t u = 0; u < units; u++)
			sum += waiting(&shares[u]) > 0 ? shares[u].weight : 0;
		if (sum <= 0)
			return;
		for (size_t u = 0; u < units; u++) {
			struct share *s = &shares[u];
			double most = waiting(s), given = part * s->weight / sum;

			if (most <= 0)
				continue;
			given = given < most ? given : most;
			s->served += given;
			left -= given;
			while (s->done < s->count && s->served >= (double)(s->done + 1) - NEARLY)
				s->fair[s->done++] = now_ns;
		}
	}
}

/* Its tokens come when they did. */
static void
flow(struct share *shares, size_t units)
{
	size_t at[FLUID_UNITS_MAX] = { 0 };

	for (;;) {
		int64_t now_ns = INT64_MAX;
		size_t next = 0;

		for (size_t u = 0; u < units; u++) {
			if (at[u] < shares[u].count && shares[u].got[at[u]] < now_ns) {
				now_ns = shares[u].got[at[u]];
				next = u;
			}
		}
		if (now_ns == INT64_MAX)
			return;
		at[next]++;
		arrive(shares, units, now_ns);
		serve(shares, units, now_ns);
	}
}

/* Infinite if something was never fair to get, which would be a mistake of ours. */
static double
worst_of(const struct share *s, int64_t forgiven_ns)
{
	double worst = s->done == s->count ? 0 : HUGE_VAL;

	for (size_t k = 0; k < s->count; k++) {
		double ratio = (double)(s->got[k] - s->asked[k]) / (double)(s->fair[k] - s->asked[k] + forgiven_ns);

		worst = ratio > worst ? ratio : worst;
	}
	return worst;
}

static void
release(struct share *shares, size_t units)
{
	for (size_t u = 0; u < units; u++) {
		free(shares[u].asked);
		free(shares[u].got);
		free(shares[u].fair);
	}
}

/* What was fair at one bucket goes to what was at all. */
static void
add_bucket(const struct fluid *f, uint32_t bucket, const uint32_t *weights, struct share *all, size_t units)
{
	struct share shares[FLUID_UNITS_MAX] = { 0 };

	collect(f, bucket, shares, units);
	for (size_t u = 0; u < units; u++)
		shares[u].weight = weights[u];
	flow(shares, units);
	for (size_t u = 0; u < units; u++) {
		memcpy(all[u].fair + all[u].done, shares[u].fair, shares[u].done * sizeof(int64_t));
		all[u].done += shares[u].done;
	}
	release(shares, units);
}

double
fluid_worst(const struct fluid *f, const uint32_t *weights, size_t units, size_t buckets, int64_t each_ns)
{
	struct share all[FLUID_UNITS_MAX] = { 0 };
	double worst = 0, sum = 0;

	collect(f, ANY, all, units);
	for (uint32_t b = 0; b < buckets; b++)
		add_bucket(f, b, weights, all, units);
	for (size_t u = 0; u < units; u++)
		sum += weights[u];
	for (size_t u = 0; u < units; u++) {
		double ratio;

		qsort(all[u].fair, all[u].done, sizeof(int64_t), by_time);
		ratio = worst_of(&all[u], (int64_t)((double)each_ns * sum / weights[u]));
		worst = ratio > worst ? ratio : worst;
	}
	release(all, units);
	return worst;
}
