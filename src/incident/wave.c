/* wave.c - see wave.h. */
#include "incident/wave.h"

#define DAY_S 86400

static int64_t
per_wave_at_most(int64_t per_hour)
{
	int64_t n = per_hour * WAVE_S / 3600;

	return n > 0 ? n : 1;
}

struct wave_plan
wave_plan_make(int64_t count, int64_t begin, int64_t finish_by, int64_t per_hour)
{
	int64_t most = per_wave_at_most(per_hour), waves = (finish_by - begin) / 3 * 2 / WAVE_S, wanted;

	if (waves < 1)
		waves = 1;
	wanted = count / waves + (count % waves != 0);
	if (wanted < most / 4)
		wanted = most / 4;
	return (struct wave_plan){ begin, wanted > most ? most : wanted < 1 ? 1 : wanted };
}

bool
wave_plan_is_full(const struct wave_plan *p, int64_t per_hour)
{
	return p->per_wave >= per_wave_at_most(per_hour);
}

int64_t
wave_at(const struct wave_plan *p, int64_t n)
{
	return p->begin + n / p->per_wave * WAVE_S;
}

struct window
wave_window(int64_t at)
{
	return (struct window){ at - WAVE_S, at };
}

int64_t
wave_finish(const struct wave_plan *p, int64_t last)
{
	int64_t asked = p->begin + WAVE_ASKED_S;

	return last + WAVE_S > asked ? last + WAVE_S : asked;
}

/* When this one alone lets one through, from `ns` on. */
static int64_t
open_at(const struct wave_bucket *b, int64_t ns)
{
	if (b->frozen_ns > ns)
		ns = b->frozen_ns;
	if (!b->limited)
		return ns;
	return gcra_add(ns, gcra_spend(&b->gcra, b->tat_ns, ns, 1, b->held, b->kept).retry_ns);
}

int64_t
wave_take(struct wave_bucket *buckets, size_t count, int64_t at, size_t *ret_strictest)
{
	int64_t ns = at * NS_PER_S;

	*ret_strictest = count;
	/* what lets one through does so later, too: one round is enough */
	for (size_t i = 0; i < count; i++) {
		int64_t open = open_at(&buckets[i], ns);

		if (open <= ns)
			continue;
		ns = open;
		*ret_strictest = i;
	}
	at = gcra_add(ns, NS_PER_S - 1) / NS_PER_S;
	for (size_t i = 0; i < count; i++) {
		struct wave_bucket *b = &buckets[i];

		if (b->limited && b->spends)
			b->tat_ns = gcra_spend(&b->gcra, b->tat_ns, at * NS_PER_S, 1, b->held, b->kept).tat_ns;
	}
	return at;
}

bool
wave_is_called_back(const struct window *ca, int64_t not_before, int64_t not_after, int64_t now)
{
	int64_t life = not_after - not_before;

	/* ordinary ones lie around two thirds, and around half below ten days (Boulder, Pebble) */
	return window_is_usable(ca, not_after) && ca->end <= now && now < not_after &&
		ca->end < not_before + (life < 10 * DAY_S ? life / 5 * 2 : life / 5 * 3);
}
