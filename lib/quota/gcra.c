/* gcra.c - see gcra.h. */
#include "quota/gcra.h"

int64_t
gcra_add(int64_t a, int64_t b)
{
	int64_t sum;

	if (!__builtin_add_overflow(a, b, &sum))
		return sum;
	return b > 0 ? INT64_MAX : INT64_MIN;
}

static int64_t
times(int64_t a, int64_t b)
{
	int64_t product;

	if (!__builtin_mul_overflow(a, b, &product))
		return product;
	return (a > 0) == (b > 0) ? INT64_MAX : INT64_MIN;
}

/* a - b, likewise; b is never INT64_MIN here. */
static int64_t
minus(int64_t a, int64_t b)
{
	return gcra_add(a, -b);
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

bool
gcra_make(int64_t count, int64_t burst, int64_t period_s, struct gcra *ret)
{
	struct gcra g = { .burst = burst };
	int64_t period_ns;

	if (count < 1 || burst < 1 || period_s < 1 || __builtin_mul_overflow(period_s, NS_PER_S, &period_ns))
		return false;
	g.emission_ns = period_ns / count;
	if (g.emission_ns < 1 || __builtin_mul_overflow(g.emission_ns, burst, &g.burst_ns) || g.burst_ns > INT64_MAX / 4)
		return false;
	*ret = g;
	return true;
}

/* Whole tokens in a time; a bucket in debt has none. */
static int64_t
tokens(const struct gcra *g, int64_t ns)
{
	return ns < 0 ? 0 : ns / g->emission_ns;
}

struct gcra_verdict
gcra_spend(const struct gcra *g, int64_t tat_ns, int64_t now_ns, int64_t cost, int64_t held, int64_t kept)
{
	struct gcra_verdict v = { .answer = GCRA_MISUSED, .tat_ns = tat_ns };
	int64_t t = later(now_ns, tat_ns), room_ns, full_ns, spent_ns;

	if (cost < 0 || cost > g->burst || held < 0 || kept < 0)
		return v;
	if (kept > g->burst - cost)
		kept = g->burst - cost;
	room_ns = g->burst_ns - kept * g->emission_ns;
	t = gcra_add(t, times(held, g->emission_ns));
	spent_ns = gcra_add(t, cost * g->emission_ns);
	full_ns = minus(spent_ns, room_ns); /* from then on it may be spent */
	if (now_ns >= full_ns) {
		v.answer = GCRA_ALLOWED;
		v.remaining = tokens(g, minus(now_ns, full_ns));
		v.tat_ns = gcra_add(later(now_ns, tat_ns), cost * g->emission_ns);
		return v;
	}
	v.answer = GCRA_DENIED;
	v.remaining = tokens(g, minus(now_ns, minus(t, room_ns)));
	v.retry_ns = minus(full_ns, now_ns);
	return v;
}

int64_t
gcra_refund(const struct gcra *g, int64_t tat_ns, int64_t now_ns, int64_t cost)
{
	if (tat_ns <= now_ns || cost <= 0)
		return tat_ns;
	return later(minus(tat_ns, times(cost, g->emission_ns)), now_ns);
}

int64_t
gcra_refused(const struct gcra *g, int64_t now_ns, int64_t retry_ns)
{
	return minus(gcra_add(gcra_add(now_ns, retry_ns), g->burst_ns), g->emission_ns);
}

int64_t
gcra_clamp(const struct gcra *g, int64_t tat_ns, int64_t now_ns)
{
	int64_t most_ns = gcra_add(now_ns, g->burst_ns);

	return tat_ns > most_ns ? most_ns : tat_ns;
}
