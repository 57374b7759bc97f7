/* The CA that the simulation holds the gateway against: the vectors of its algorithm, and its order of checks. */
#include <stdlib.h>

#include "boulder.h"
#include "tap.h"

#define ONE(text) (&(struct names){ (const char *const[]){ text }, 1 })
#define LIFE (90 * DAY_NS)

static const struct rate of_set = { 5, 5, 7 * DAY_NS };

/* Seconds; -1 = denied. */
static int64_t
spend_at(struct rate r, int64_t *tat_ns, int64_t now_s, int64_t cost, int64_t *ret_retry_s)
{
	struct spent s = gcra_try(r, *tat_ns, now_s * NS, cost);

	*tat_ns = s.tat_ns;
	*ret_retry_s = s.retry_ns / NS;
	return s.allowed ? s.remaining : -1;
}

static void
vector_of_sets(void)
{
	static const struct { int64_t now, remaining, retry, tat; } steps[] = {
		{ 0, 4, 0, 120960 }, { 0, 3, 0, 241920 }, { 10, 2, 0, 362880 }, { 10, 1, 0, 483840 }, { 10, 0, 0, 604800 },
		{ 10, -1, 120950, 604800 }, { 120960, 0, 0, 725760 }, { 120960, -1, 120960, 725760 },
	};
	int64_t tat = 0, retry, got;
	struct spent s;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		got = spend_at(of_set, &tat, steps[i].now, 1, &retry);
		ok(got == steps[i].remaining && retry == steps[i].retry && tat == steps[i].tat * NS, "five sets in a week: step %zu", i + 1);
	}
	tat = gcra_give_back(of_set, tat, 120970 * NS, 1);
	is_int(tat, 604800 * NS, "one is given back");
	is_int(spend_at(of_set, &tat, 120970, 1, &retry), 0, "and spent again");
	is_int(gcra_give_back(of_set, 5 * NS, 10 * NS, 1), 5 * NS, "a full bucket takes none back");
	is_int(spend_at(of_set, &tat, 1814400, 1, &retry), 4, "three weeks later it was full");
	is_int(tat, 1935360 * NS, "and no fuller");
	s = gcra_try(of_set, 604800 * NS, 10 * NS, 1);
	is_int(s.remaining, 0, "a denial says what remains");
}

static void
vector_of_orders(void)
{
	static const struct rate r = { 300, 300, 3 * HOUR_NS };
	int64_t tat = 0, retry;

	is_int(spend_at(r, &tat, 0, 300, &retry), 0, "300 orders at once");
	ok(spend_at(r, &tat, 0, 1, &retry) == -1 && retry == 36, "the next in 36 seconds");
	is_int(spend_at(r, &tat, 36, 1, &retry), 0, "which is true");
	ok(spend_at(r, &tat, 36, 1, &retry) == -1 && retry == 36, "and again");
	is_int(spend_at(r, &tat, 10836, 300, &retry), 0, "300 more three hours later");
}

static void
certificates_are_checked_first_and_spent_later(void)
{
	struct boulder b;
	struct refusal no = { 0 };
	char text[32];
	const struct names names = { (const char *const[]){ text }, 1 };
	int allowed = 0;

	boulder_init(&b);
	for (int i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "h%d.corp.example", i);
		allowed += boulder_new_order(&b, 1, &names, false, DAY_NS, &no);
	}
	is_int(allowed, 60, "orders under way do not count for their domain");
	for (int i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "h%d.corp.example", i);
		boulder_issue(&b, &names, LIFE, DAY_NS);
	}
	ok(!boulder_new_order(&b, 1, ONE("new.corp.example"), false, DAY_NS, &no) && no.limit == LIMIT_DOMAIN, "certificates do");
	ok(no.retry_s >= 12096 && no.retry_s <= 12096 * 103 / 100 + 1, "overshooting costs nothing: one comes back in 12,096 s");
	ok(strstr(no.detail, "(50) already issued for \"corp.example\" in the last 168h0m0s, retry after 1970-01-02 03:"), "it says which");
	ok(boulder_new_order(&b, 1, ONE("new.other.example"), false, DAY_NS, &no), "another domain has its own");
	ok(boulder_new_order(&b, 1, ONE("h3.corp.example"), false, 2 * DAY_NS, &no), "a renewal of the same set is exempt");
	ok(!boulder_new_order(&b, 1, &(struct names){ (const char *const[]){ "h3.corp.example", "h4.corp.example" }, 2 }, false,
		DAY_NS + HOUR_NS, &no), "of another set it is not");
	ok(boulder_new_order(&b, 1, ONE("h3.corp.example"), false, 121 * DAY_NS, &no), "120 days later it is new, and there is room");
	boulder_done(&b);
}

static void
orders_are_spent_at_once(void)
{
	struct boulder b;
	struct refusal no = { 0 };
	int64_t now = DAY_NS;

	boulder_init(&b);
	for (int i = 0; i < 300; i++)
		boulder_new_order(&b, 1, ONE("a.example"), false, now, &no);
	ok(!boulder_new_order(&b, 1, ONE("a.example"), false, now, &no) && no.limit == LIMIT_ORDERS, "order 301 of an account");
	ok(strstr(no.detail, "too many new orders (300) from this account in the last 3h0m0s"), "it says so");
	ok(boulder_new_order(&b, 2, ONE("a.example"), false, now, &no), "another account has its own");
	boulder_order_lost(&b, 1, now);
	ok(boulder_new_order(&b, 1, ONE("a.example"), false, now, &no), "what the CA lost is given back");
	boulder_issue(&b, ONE("a.example"), LIFE, now);
	ok(boulder_new_order(&b, 1, ONE("a.example"), false, now, &no), "a renewal needs none");
	boulder_done(&b);
}

static void
windows(void)
{
	struct boulder b;
	struct refusal no = { 0 };
	int64_t start = 0, end = 0;

	boulder_init(&b);
	ok(!boulder_window(&b, ONE("a.example"), 0, &start, &end), "no window without a certificate");
	for (int i = 0; i < 5; i++)
		boulder_issue(&b, ONE("a.example"), LIFE, DAY_NS);
	ok(boulder_window(&b, ONE("a.example"), 0, &start, &end) && end - start == LIFE / 50 && start == DAY_NS + LIFE / 3 * 2 - LIFE / 100,
		"at two thirds, a fiftieth wide");
	ok(!boulder_new_order(&b, 1, ONE("a.example"), false, DAY_NS, &no) && no.limit == LIMIT_SET, "the sixth of a set in a week");
	ok(strstr(no.detail, "for this exact set of identifiers"), "it says so");
	ok(!boulder_new_order(&b, 1, ONE("a.example"), true, DAY_NS, &no), "to replace it outside of its window is no different");
	for (int i = 0; i < 5; i++)
		boulder_issue(&b, ONE("a.example"), 6 * DAY_NS, DAY_NS);
	ok(boulder_window(&b, ONE("a.example"), 0, &start, &end) && start == 4 * DAY_NS - 6 * DAY_NS / 100, "short-lived: at half");
	boulder_issue(&b, ONE("a.example"), 6 * DAY_NS, DAY_NS + HOUR_NS);
	for (int i = 0; i < 5; i++)
		boulder_issue(&b, ONE("a.example"), DAY_NS, DAY_NS + 2 * HOUR_NS);
	ok(boulder_new_order(&b, 1, ONE("a.example"), true, DAY_NS + 14 * HOUR_NS, &no), "inside nothing is checked");
	boulder_revoke_all(&b);
	ok(!boulder_new_order(&b, 1, ONE("a.example"), true, DAY_NS + 14 * HOUR_NS, &no), "revoked: its window is over");
	boulder_done(&b);
}

static void
failures(void)
{
	struct boulder b;
	struct refusal no = { 0 };

	boulder_init(&b);
	for (int i = 0; i < 5; i++)
		boulder_authz_failed(&b, 1, "a.example", DAY_NS);
	ok(!boulder_new_order(&b, 1, ONE("a.example"), false, DAY_NS, &no) && no.limit == LIMIT_FAIL && no.retry_s / 10 <= 74, "five failures an hour");
	ok(strstr(no.detail, "failed authorizations (5) for \"a.example\" in the last 1h0m0s"), "it says so");
	ok(boulder_new_order(&b, 1, ONE("*.a.example"), false, DAY_NS, &no), "the wildcard is another name");
	ok(boulder_new_order(&b, 1, ONE("a.example"), false, DAY_NS + HOUR_NS, &no), "an hour later they are forgotten");
	for (int i = 0; i < 1200; i++)
		boulder_authz_failed(&b, 1, "b.example", DAY_NS + i * HOUR_NS / 5);
	ok(!boulder_new_order(&b, 1, ONE("b.example"), false, 11 * DAY_NS - NS, &no) && no.limit == LIMIT_PAUSE, "many in a row pause the name");
	ok(strstr(no.detail, "temporarily prevented from requesting certificates"), "it says so");
	boulder_authz_valid(&b, 1, "b.example");
	ok(boulder_new_order(&b, 1, ONE("b.example"), false, 12 * DAY_NS, &no), "one success ends that");
	boulder_done(&b);
}

static void
strangers(void)
{
	struct boulder b, ours;
	struct refusal no = { 0 };

	boulder_init(&b);
	boulder_init(&ours);
	for (int i = 0; i < 50; i++)
		boulder_stranger(&b, "corp.example", DAY_NS);
	ok(!boulder_new_order(&b, 1, ONE("a.corp.example"), false, DAY_NS, &no), "strangers spend of a domain, too");
	ok(boulder_new_order(&ours, 1, ONE("a.corp.example"), false, DAY_NS, &no), "which who is not told does not know");
	boulder_new_order(&b, 1, ONE("a.corp.example"), false, DAY_NS, &no);
	boulder_told(&ours, &no, DAY_NS);
	ok(!boulder_new_order(&ours, 1, ONE("a.corp.example"), false, DAY_NS + 12000 * NS, &no), "and then does");
	ok(boulder_new_order(&ours, 1, ONE("a.corp.example"), false, DAY_NS + 13000 * NS, &no), "for as long");
	boulder_sweep(&ours, 400 * DAY_NS);
	is_int(ours.buckets.used, 0, "full buckets are forgotten");
	boulder_done(&b);
	boulder_done(&ours);
}

static int
is_odd(uint64_t key, void *value, void *arg)
{
	(void)value;
	(void)arg;
	return key & 1;
}

static void
maps(void)
{
	struct map m;
	int wrong = 0;

	map_init(&m, sizeof(uint64_t));
	for (uint64_t k = 1; k <= 10000; k++)
		*(uint64_t *)map_put(&m, k * 64) = k;
	for (uint64_t k = 1; k <= 10000; k += 3)
		map_drop(&m, k * 64);
	for (uint64_t k = 1; k <= 10000; k++) {
		const uint64_t *v = map_get(&m, k * 64);

		wrong += k % 3 == 1 ? v != NULL : !v || *v != k;
	}
	is_int(wrong, 0, "what is dropped takes no other with it");
	map_done(&m);
	map_init(&m, sizeof(uint64_t));
	for (uint64_t k = 1; k <= 5000; k++)
		*(uint64_t *)map_put(&m, k) = k;
	map_sweep(&m, is_odd, NULL);
	is_int(m.used, 2500, "a sweep drops what it is told to");
	map_done(&m);
}

int
main(void)
{
	vector_of_sets();
	vector_of_orders();
	certificates_are_checked_first_and_spent_later();
	orders_are_spent_at_once();
	windows();
	failures();
	strangers();
	maps();
	return done_testing();
}
