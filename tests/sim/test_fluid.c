/* What the simulation calls a fair share. */
#include "fluid.h"
#include "tap.h"

#define S INT64_C(1000000000)

static const uint32_t weights[] = { 1, 3 };

/* Everybody asks at once, and a token comes each second, for the unit that `turns` names. */
static double
worst(const char *turns)
{
	struct fluid f = { 0 };
	double ret;

	for (int64_t i = 0; turns[i]; i++)
		fluid_add(&f, &(struct fluid_grant){ 0, (uint32_t)(turns[i] - 'a'), 0, (i + 1) * S });
	ret = fluid_worst(&f, weights, 2, 1, S);
	fluid_done(&f);
	return ret;
}

static double
apart(void)
{
	struct fluid f = { 0 };
	double ret;

	/* unit a at one bucket, unit b at another, each alone */
	for (int64_t i = 1; i <= 40; i++) {
		fluid_add(&f, &(struct fluid_grant){ 0, 0, 0, i * S });
		fluid_add(&f, &(struct fluid_grant){ 1, 1, 0, i * S });
	}
	ret = fluid_worst(&f, weights, 2, 2, S);
	fluid_done(&f);
	return ret;
}

static double
late(int64_t got_s)
{
	struct fluid f = { 0 };
	double ret;

	/* b comes after 50 s and would have its one at the next token */
	for (int64_t i = 1; i <= 100; i++) {
		if (i != got_s)
			fluid_add(&f, &(struct fluid_grant){ 0, 0, 0, i * S });
	}
	fluid_add(&f, &(struct fluid_grant){ 0, 1, 50 * S, got_s * S });
	ret = fluid_worst(&f, weights, 2, 1, S);
	fluid_done(&f);
	return ret;
}

int
main(void)
{
	ok(worst("abbbabbbabbbabbbabbbabbb") <= 1.0, "by weight: nobody waits longer than is fair");
	ok(worst("bbbabbbabbbabbbabbbabbba") <= 1.0, "whoever is first");
	ok(worst("bbbbbbbbbbbbbbbbbbaaaaaa") > 2.0, "all of one first: the other waits too long");
	ok(worst("aaaaaabbbbbbbbbbbbbbbbbb") > 2.0, "the other way round, too");
	ok(worst("aaaaaaaa") <= 1.0, "what nobody else wants is lent");
	ok(apart() <= 1.0, "who waits for another bucket is in nobody's way");
	ok(late(51) <= 1.0, "who comes late begins where the others are");
	ok(late(90) > 2.0, "and not behind all of them");
	return done_testing();
}
