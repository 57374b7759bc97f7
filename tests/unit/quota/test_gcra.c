/* The algorithm against its two vectors, and against a bucket counted in another way. */
#include <stdlib.h>

#include "base/mem.h"
#include "quota/batch.h"
#include "tap.h"

#define S(n) ((n) * NS_PER_S)
#define WEEK 604800

static void
vector_of_five(void)
{
	/* limit 5/5/7 d; seconds */
	static const struct {
		const char *step;
		int64_t now;
		bool refund, allowed;
		int64_t remaining, retry, tat;
	} steps[] = {
		{ "1", 0, false, true, 4, 0, 120960 },
		{ "2", 0, false, true, 3, 0, 241920 },
		{ "3", 10, false, true, 2, 0, 362880 },
		{ "4", 10, false, true, 1, 0, 483840 },
		{ "5", 10, false, true, 0, 0, 604800 },
		{ "6", 10, false, false, 0, 120950, 604800 },
		{ "7", 120960, false, true, 0, 0, 725760 },
		{ "8", 120960, false, false, 0, 120960, 725760 },
		{ "9", 120970, true, true, 1, 0, 604800 },
		{ "10", 120970, false, true, 0, 0, 725760 },
		{ "11", 1814400, false, true, 4, 0, 1935360 },
	};
	struct gcra g;
	int64_t tat = 0;

	ok(gcra_make(5, 5, WEEK, &g) && g.emission_ns == S(120960) && g.burst_ns == S(604800), "five a week: a token each 120,960 s");
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		struct gcra_verdict v = gcra_spend(&g, tat, S(steps[i].now), steps[i].refund ? 0 : 1, 0, 0);

		if (steps[i].refund) {
			tat = gcra_refund(&g, tat, S(steps[i].now), 1);
			v = gcra_spend(&g, tat, S(steps[i].now), 0, 0, 0);
		} else if (v.answer == GCRA_ALLOWED) {
			tat = v.tat_ns;
		}
		ok((v.answer == GCRA_ALLOWED) == steps[i].allowed && v.remaining == steps[i].remaining && v.retry_ns == S(steps[i].retry) &&
				tat == S(steps[i].tat), "five a week, step %s: remaining %lld, retry in %lld, TAT %lld", steps[i].step,
			(long long)v.remaining, (long long)(v.retry_ns / NS_PER_S), (long long)(tat / NS_PER_S));
	}
}

static void
vector_of_300(void)
{
	static const struct {
		int64_t now, cost;
		bool allowed;
		int64_t retry;
	} steps[] = { { 0, 300, true, 0 }, { 0, 1, false, 36 }, { 36, 1, true, 0 }, { 36, 1, false, 36 }, { 10836, 300, true, 0 } };
	struct gcra g;
	int64_t tat = 0;

	ok(gcra_make(300, 300, 10800, &g), "300 in three hours");
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		struct gcra_verdict v = gcra_spend(&g, tat, S(steps[i].now), steps[i].cost, 0, 0);

		tat = v.answer == GCRA_ALLOWED ? v.tat_ns : tat;
		ok((v.answer == GCRA_ALLOWED) == steps[i].allowed && v.retry_ns == S(steps[i].retry), "300 in three hours: %lld at %lld",
			(long long)steps[i].cost, (long long)steps[i].now);
	}
}

static void
edges(void)
{
	struct gcra g;

	ok(!gcra_make(0, 5, 60, &g) && !gcra_make(5, 0, 60, &g) && !gcra_make(5, 5, 0, &g) && !gcra_make(-1, 5, 60, &g),
		"a limit of nothing is none");
	ok(!gcra_make(INT64_MAX, 1, 1, &g), "nor one whose tokens come back in no time");
	ok(!gcra_make(1, INT64_MAX, 86400, &g) && !gcra_make(1, 1, INT64_MAX, &g), "nor one that is not full again before int64 ends");
	ok(gcra_make(5, 5, WEEK, &g), "a limit");
	is_int(gcra_spend(&g, 0, S(1), 6, 0, 0).answer, GCRA_MISUSED, "a cost above the burst is a mistake");
	is_int(gcra_spend(&g, 0, S(1), -1, 0, 0).answer, GCRA_MISUSED, "a negative one, too");
	is_int(gcra_spend(&g, 0, S(1), 1, -1, 0).answer, GCRA_MISUSED, "and a negative promise");
	is_int(gcra_spend(&g, INT64_MAX, S(1), 1, 0, 0).answer, GCRA_DENIED, "a TAT at the end of time is denied");
	ok(gcra_spend(&g, INT64_MAX, S(1), 1, INT64_MAX, 0).retry_ns > 0, "and nothing overflows");
	is_int(gcra_spend(&g, 0, INT64_MAX, 5, 0, 0).answer, GCRA_ALLOWED, "nor at the last moment there is");
	is_int(gcra_spend(&g, INT64_MIN, S(1), 1, 0, 0).tat_ns, S(1) + g.emission_ns, "a TAT in the past is overwritten, not counted on");
	is_int(gcra_refund(&g, S(5), S(9), 3), S(5), "a full bucket gets nothing back");
	is_int(gcra_refund(&g, S(10) + 1, S(10), 5), S(10), "and no bucket more than makes it full");
	is_int(gcra_clamp(&g, S(10) + g.burst_ns + 7, S(10)), S(10) + g.burst_ns, "a TAT of a clock that was ahead is that of an empty bucket");
	is_int(gcra_clamp(&g, S(11), S(10)), S(11), "any other stays");
	is_int(gcra_spend(&g, gcra_refused(&g, S(100), S(77)), S(100), 1, 0, 0).retry_ns, S(77), "after a refusal: as long as the server says");
	is_int(gcra_spend(&g, gcra_refused(&g, S(100), S(77)), S(177), 1, 0, 0).answer, GCRA_ALLOWED, "and then it may be spent");
}

static void
held_and_kept(void)
{
	struct gcra g;

	if (!ok(gcra_make(50, 50, WEEK, &g), "fifty a week"))
		return;
	is_int(gcra_spend(&g, 0, S(1), 1, 34, 15).answer, GCRA_ALLOWED, "34 under way and 15 kept back: the last one of 50 that is free");
	is_int(gcra_spend(&g, 0, S(1), 1, 35, 15).answer, GCRA_DENIED, "35 under way: it waits");
	is_int(gcra_spend(&g, 0, S(1), 1, 35, 15).retry_ns, g.emission_ns, "for one token");
	is_int(gcra_spend(&g, 0, S(1), 1, 100, 15).retry_ns, 66 * g.emission_ns, "a hundred before it: for 66");
	is_int(gcra_spend(&g, 0, S(1), 1, 35, 5).answer, GCRA_ALLOWED, "what is urgent may have what is kept for it");
	is_int(gcra_spend(&g, 0, S(1), 1, 0, 15).tat_ns, S(1) + g.emission_ns, "neither changes what spending one means");
	is_int(gcra_spend(&g, 0, S(1), 2, 0, 50).answer, GCRA_ALLOWED, "what is kept leaves a full bucket's order its tokens");
}

/* Another way to count: a level in ns of refill time that grows with the clock up to a full bucket, in 128 bits. */
struct naive {
	__int128 level, full, each;
	int64_t at;
};

static void
naive_pass(struct naive *n, int64_t now)
{
	if (now > n->at) {
		n->level += now - n->at;
		n->at = now;
	}
	if (n->level > n->full)
		n->level = n->full;
}

static bool
naive_spend(struct naive *n, int64_t cost, int64_t held, int64_t kept)
{
	__int128 need = (cost + held + kept) * n->each;

	if (n->level < need)
		return false;
	n->level -= cost * n->each;
	return true;
}

static void
naive_refund(struct naive *n, int64_t cost)
{
	n->level += cost * n->each;
	if (n->level > n->full)
		n->level = n->full;
}

/* One life of a bucket: answers, tokens left and waits must agree at every step. */
static bool
one_life(unsigned seed)
{
	int64_t count, burst, period, tat = 0, now;
	struct naive n;
	struct gcra g;

	srandom(seed);
	count = 1 + random() % 400;
	burst = 1 + random() % 60;
	period = 1 + random() % 1000000;
	now = S(1700000000) + random();
	if (!gcra_make(count, burst, period, &g))
		return false;
	n = (struct naive){ (__int128)g.emission_ns * burst, (__int128)g.emission_ns * burst, g.emission_ns, now };
	for (int i = 0; i < 300; i++) {
		int64_t cost = random() % (burst + 1), held = random() % 4, kept = random() % 4;
		struct gcra_verdict v;
		bool could;

		now += (random() % 3) * (int64_t)(random() % (long)(2 * g.emission_ns));
		naive_pass(&n, now);
		kept = kept > burst - cost ? burst - cost : kept;
		if (random() % 5 == 0) {
			tat = gcra_refund(&g, tat, now, cost);
			naive_refund(&n, cost);
			continue;
		}
		v = gcra_spend(&g, tat, now, cost, held, kept);
		if (v.answer == GCRA_DENIED) {
			struct naive later = n;

			/* not a nanosecond earlier, and just then */
			naive_pass(&later, now + v.retry_ns - 1);
			could = naive_spend(&later, cost, held, kept);
			later = n;
			later.full = (__int128)g.emission_ns * (burst + held);
			naive_pass(&later, now + v.retry_ns);
			if (could || !naive_spend(&later, cost, held, kept))
				return false;
		}
		if ((v.answer == GCRA_ALLOWED) != naive_spend(&n, cost, held, kept))
			return false;
		if (v.answer == GCRA_ALLOWED) {
			tat = v.tat_ns;
			/* all tokens but those of others */
			if (v.remaining != (int64_t)(n.level / g.emission_ns) - held - kept)
				return false;
		}
		/* what is used and what is left make a full bucket */
		if ((tat > now ? tat - now : 0) + n.level != n.full)
			return false;
	}
	return true;
}

static void
properties(void)
{
	int wrong = 0;

	for (unsigned seed = 1; seed <= 3000; seed++) {
		if (!one_life(seed) && wrong++ < 3)
			printf("# seed %u\n", seed);
	}
	is_int(wrong, 0, "3000 random lives of a bucket, counted in another way");
}

static struct quota_item
item(enum quota_mode mode, int64_t count, int64_t period_s, int64_t tat_ns)
{
	struct quota_item it = { .mode = mode, .limited = true, .tat_ns = tat_ns, .cost = 1 };

	if (!gcra_make(count, count, period_s, &it.gcra))
		it.limited = false;
	return it;
}

static void
batches(void)
{
	int64_t now = S(1000000), empty5, empty300;
	struct quota_item five = item(QUOTA_CHECK_AND_SPEND, 5, WEEK, 0), many = item(QUOTA_CHECK_AND_SPEND, 300, 10800, 0);
	struct quota_decision d;

	empty5 = now + five.gcra.burst_ns;
	empty300 = now + many.gcra.burst_ns;
	struct quota_item good[] = { five, many };
	d = quota_batch(good, 2, now);
	ok(d.answer == GCRA_ALLOWED && good[0].write && good[1].write, "a batch that fits is written");
	ok(d.strictest == 0, "the strictest is where the fewest remain");

	struct quota_item one_bad[] = { many, item(QUOTA_CHECK_AND_SPEND, 5, WEEK, empty5), item(QUOTA_SPEND, 5, WEEK, 0) };
	d = quota_batch(one_bad, 3, now);
	ok(d.answer == GCRA_DENIED && !one_bad[0].write && !one_bad[1].write && !one_bad[2].write, "one denial: nothing is written");
	ok(d.strictest == 1 && d.retry_ns == S(120960), "it says which, and how long");

	struct quota_item two_bad[] = { item(QUOTA_CHECK, 5, WEEK, empty5), item(QUOTA_CHECK_AND_SPEND, 300, 10800, empty300) };
	d = quota_batch(two_bad, 2, now);
	ok(d.strictest == 0 && d.retry_ns == S(120960), "of two denials the one that lasts longer is told");

	struct quota_item check[] = { item(QUOTA_CHECK, 5, WEEK, 0) };
	d = quota_batch(check, 1, now);
	ok(d.answer == GCRA_ALLOWED && !check[0].write, "what is only checked is never written");

	struct quota_item spend[] = { item(QUOTA_SPEND, 5, WEEK, empty5), item(QUOTA_SPEND, 300, 10800, 0) };
	d = quota_batch(spend, 2, now);
	ok(d.answer == GCRA_ALLOWED && !spend[0].write && spend[1].write, "what is only spent decides nothing, and is skipped when it does not fit");

	struct quota_item misuse[] = { many, five };
	misuse[1].cost = 6;
	d = quota_batch(misuse, 2, now);
	ok(d.answer == GCRA_MISUSED && !misuse[0].write, "a mistake in one is no denial, and nothing is written");

	struct quota_item frozen[] = { many, { .mode = QUOTA_CHECK_AND_SPEND, .frozen_ns = now + S(90), .cost = 1 } };
	d = quota_batch(frozen, 2, now);
	ok(d.answer == GCRA_DENIED && d.retry_ns == S(90) && d.strictest == 1, "a limit of which no rate is known holds while it is frozen");
	d = quota_batch(frozen, 2, now + S(90));
	ok(d.answer == GCRA_ALLOWED && frozen[1].write, "and no longer");
	frozen[0].frozen_ns = now + S(30);
	frozen[0].tat_ns = empty300;
	is_int(quota_ask(&frozen[0], now).retry_ns, S(36), "of a server's wait and ours the longer holds");
	is_int(quota_ask(&frozen[0], now - S(10)).retry_ns, S(40), "by a clock that went back, too");
	is_int(quota_batch(NULL, 0, now).answer, GCRA_ALLOWED, "nothing asked is nothing denied");
}

int
main(void)
{
	vector_of_five();
	vector_of_300();
	edges();
	held_and_kept();
	properties();
	batches();
	return done_testing();
}
