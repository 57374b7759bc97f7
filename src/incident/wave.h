/* wave.h - in which wave of an incident a certificate is renewed. Pure, any thread; times are unix seconds.
 *
 * The n-th certificate, the most urgent first, has the n-th place: so many open together each ten minutes, as many as the network carries,
 * and no more than a quarter of that if it is in time all the same. Where the CA counts its order, its wave is one that the CA lets through
 * (quota/gcra.h), and the others do not wait for it. */
#ifndef INCIDENT_WAVE_H
#define INCIDENT_WAVE_H

#include <stddef.h>

#include "quota/gcra.h"
#include "renewal/window.h"

#define WAVE_S 600
/* Who keeps to Retry-After (window_retry_s) has asked again by then, and heard of his wave. */
#define WAVE_ASKED_S (6 * 3600 + 36 * 60)

struct wave_plan {
	int64_t begin;    /* the first wave is open then */
	int64_t per_wave; /* certificates, at least 1 */
};
/* For `count` certificates, all to be done by finish_by; the network carries so many renewals an hour. A third of the time is for devices to
 * ask, and to renew. */
struct wave_plan wave_plan_make(int64_t count, int64_t begin, int64_t finish_by, int64_t per_hour);
/* Does the network, or rather its rate, hold it up? */
bool wave_plan_is_full(const struct wave_plan *p, int64_t per_hour);
/* When the wave of the n-th opens, counted from 0. */
int64_t wave_at(const struct wave_plan *p, int64_t n);
/* What its devices are told: from then on they are late, and whoever asks renews at once; those that ask before spread over the ten
 * minutes before it (RFC 9773 4.2). So the first wave is over when it is told. */
struct window wave_window(int64_t at);
/* By when all will have renewed whose last wave opens at `last`. */
int64_t wave_finish(const struct wave_plan *p, int64_t last);

/* A limit of the CA, as it will be when all that were given a wave before have ordered. */
struct wave_bucket {
	bool limited, spends;    /* as ledger/ledger.h has it */
	struct gcra gcra;
	int64_t tat_ns, frozen_ns, held, kept;
};
/* The first time from `at` on when all of them let one more through; it is spent then. *ret_strictest: the one that decided, `count` if none
 * did. */
int64_t wave_take(struct wave_bucket *buckets, size_t count, int64_t at, size_t *ret_strictest);

/* Has the CA put the window into the past, of a certificate that was not to be renewed yet (Boulder and Pebble do it in an incident)? One
 * that is late has an old window, too, but one of late in its life. */
bool wave_is_called_back(const struct window *ca, int64_t not_before, int64_t not_after, int64_t now);
#endif
