/* Who is next at a CA: each rule of sched.h, and random fleets against a model of buckets. */
#include "sched/sched.h"

#include <stdlib.h>

#include "tap.h"

#define S INT64_C(1000000000)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- buckets: one token each `each` seconds, `left` at once ---- */

#define BUCKETS 64
struct bucket {
	int64_t each_ns, next_ns; /* the next token is there at next_ns */
	int64_t burst, left, asked, denied;
};

struct world {
	struct sched *s;
	struct bucket buckets[BUCKETS]; /* key - 1; each_ns 0 = no limit */
	struct sched_item *items;       /* by id - 1 */
	int64_t now;
	int64_t asked;
	bool stop, gone;
};

static void
flow(struct bucket *b, int64_t now)
{
	while (b->left < b->burst && b->next_ns <= now) {
		b->left++;
		b->next_ns += b->each_ns;
	}
	if (b->left == b->burst)
		b->next_ns = now + b->each_ns;
}

static struct sched_answer
admit(int64_t id, void *arg)
{
	struct world *w = arg;
	const struct sched_item *item = &w->items[id - 1];
	struct sched_answer a = { .verdict = SCHED_ADMITTED };

	w->asked++;
	if (w->stop)
		return (struct sched_answer){ .verdict = SCHED_STOP, .until_ns = w->now + 5 * S };
	if (w->gone)
		return (struct sched_answer){ .verdict = SCHED_GONE };
	for (size_t i = 0; i < item->key_count; i++) {
		struct bucket *b = item->keys[i] ? &w->buckets[item->keys[i] - 1] : NULL;

		if (!b || !b->each_ns)
			continue;
		b->asked++;
		flow(b, w->now);
		if (b->left == 0 && (a.verdict == SCHED_ADMITTED || b->next_ns > a.until_ns))
			a = (struct sched_answer){ SCHED_BLOCKED, item->keys[i], b->next_ns, b->each_ns };
	}
	if (a.verdict == SCHED_BLOCKED) {
		w->buckets[a.key - 1].denied++;
		return a;
	}
	for (size_t i = 0; i < item->key_count; i++)
		w->buckets[item->keys[i] - 1].left--;
	return a;
}

static void
world_init(struct world *w, size_t items, int64_t width)
{
	memset(w, 0, sizeof(*w));
	w->s = sched_new(width);
	w->items = calloc(items, sizeof(*w->items));
	w->now = 1000 * S;
}

static void
world_done(struct world *w)
{
	sched_free(w->s);
	free(w->items);
}

static void
add(struct world *w, struct sched_item item)
{
	if (item.since_ns == 0)
		item.since_ns = w->now;
	w->items[item.id - 1] = item;
	sched_add(w->s, &item, w->now);
}

static int64_t
next(struct world *w, int64_t *ret_look)
{
	int64_t look, id = sched_next(w->s, w->now, admit, w, &look);

	if (ret_look)
		*ret_look = id ? 0 : look;
	return id;
}

/* Ids in the order in which they are let through, as text; each is over at once. */
static const char *
drain(struct world *w, char *text, size_t room)
{
	size_t n = 0;
	int64_t id;

	text[0] = '\0';
	while ((id = next(w, NULL)) && n + 24 < room) {
		n += (size_t)snprintf(text + n, room - n, "%s%lld", n ? " " : "", (long long)id);
		sched_done(w->s, id, SCHED_SUCCESS, w->now);
	}
	return text;
}

/* ---- the rules, one by one ---- */

static void
order_of_service(void)
{
	static const struct {
		const char *name, *want;
		struct sched_item items[6];
	} cases[] = {
		{ "classes go strictly one before the other", "5 4 3 2 1",
			{ { .id = 1, .class = SCHED_BULK }, { .id = 2, .class = SCHED_NEW }, { .id = 3, .class = SCHED_RENEWAL },
				{ .id = 4, .class = SCHED_EXPIRING }, { .id = 5, .class = SCHED_INCIDENT } } },
		{ "inside a unit the soonest deadline goes first", "3 1 2",
			{ { .id = 1, .class = SCHED_NEW, .deadline_ns = 20 }, { .id = 2, .class = SCHED_NEW, .deadline_ns = 30 },
				{ .id = 3, .class = SCHED_NEW, .deadline_ns = 10 } } },
		{ "of equal deadlines who waits longest, then the lower id", "3 1 2",
			{ { .id = 1, .class = SCHED_NEW, .since_ns = 7 }, { .id = 2, .class = SCHED_NEW, .since_ns = 7 },
				{ .id = 3, .class = SCHED_NEW, .since_ns = 5 } } },
		{ "units take turns, whoever came first", "1 4 2 5 3",
			{ { .id = 1, .class = SCHED_NEW, .unit = 1 }, { .id = 2, .class = SCHED_NEW, .unit = 1 },
				{ .id = 3, .class = SCHED_NEW, .unit = 1 }, { .id = 4, .class = SCHED_NEW, .unit = 2 },
				{ .id = 5, .class = SCHED_NEW, .unit = 2 } } },
		{ "but not where it is urgent: the soonest deadline, whosever it is", "1 2 4 5 3",
			{ { .id = 1, .class = SCHED_EXPIRING, .unit = 1, .deadline_ns = 1 },
				{ .id = 2, .class = SCHED_EXPIRING, .unit = 1, .deadline_ns = 2 },
				{ .id = 3, .class = SCHED_EXPIRING, .unit = 1, .deadline_ns = 9 },
				{ .id = 4, .class = SCHED_EXPIRING, .unit = 2, .deadline_ns = 3 },
				{ .id = 5, .class = SCHED_EXPIRING, .unit = 2, .deadline_ns = 4 } } },
		{ "an order of cost 3 counts as three", "1 3 4 5 2",
			{ { .id = 1, .class = SCHED_NEW, .unit = 1, .cost = 3 }, { .id = 2, .class = SCHED_NEW, .unit = 1 },
				{ .id = 3, .class = SCHED_NEW, .unit = 2 }, { .id = 4, .class = SCHED_NEW, .unit = 2 },
				{ .id = 5, .class = SCHED_NEW, .unit = 2 } } },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct world w;
		char text[200];

		world_init(&w, COUNT(cases[i].items), 0);
		for (size_t k = 0; k < COUNT(cases[i].items) && cases[i].items[k].id; k++)
			add(&w, cases[i].items[k]);
		is_str(drain(&w, text, sizeof(text)), cases[i].want, "%s", cases[i].name);
		world_done(&w);
	}
}

/* How many of the first `count` let through were of unit 1. */
static int64_t
share_of_one(struct world *w, size_t count)
{
	int64_t n = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t id = next(w, NULL);

		n += id && w->items[id - 1].unit == 1;
		sched_done(w->s, id, SCHED_SUCCESS, w->now);
	}
	return n;
}

static void
weights(void)
{
	struct world w;
	int64_t n;

	world_init(&w, 2000, 0);
	for (int64_t id = 1; id <= 2000; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .unit = 1 + id % 2, .weight = id % 2 ? 1 : 3 });
	n = share_of_one(&w, 400);
	ok(n >= 299 && n <= 301, "of 400 a unit of weight 3 beside one of weight 1 gets 300 (%lld)", (long long)n);
	world_done(&w);

	/* one unit for itself, then another comes: no claim is left from before */
	world_init(&w, 1000, 0);
	for (int64_t id = 1; id <= 600; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .unit = 1 });
	is_int(share_of_one(&w, 200), 200, "what nobody else wants a unit gets whole");
	for (int64_t id = 601; id <= 1000; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .unit = 2 });
	n = share_of_one(&w, 200);
	ok(n >= 99 && n <= 101, "who comes later gets its share from then on, and nothing for the time before (%lld of 200)", (long long)n);
	world_done(&w);

	/* urgent work is counted */
	world_init(&w, 1000, 0);
	for (int64_t id = 1; id <= 100; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_INCIDENT, .unit = 1 });
	for (int64_t id = 101; id <= 1000; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_RENEWAL, .unit = 1 + id % 2 });
	is_int(share_of_one(&w, 100), 100, "urgent orders of a unit go first, all of them");
	is_int(share_of_one(&w, 100), 0, "and are counted against it afterwards");
	n = share_of_one(&w, 100);
	ok(n >= 49 && n <= 51, "until the others have had as much (%lld of 100)", (long long)n);
	world_done(&w);
}

static void
aging(void)
{
	struct world w;
	struct sched_item got;
	int64_t at, id = 0;

	world_init(&w, 200000, 1);
	add(&w, (struct sched_item){ .id = 1, .class = SCHED_BULK, .unit = 1 });
	for (at = 2; w.now < 1000 * S + 12 * 86400 * S; at++) {
		/* new devices come faster than they can be served, with earlier deadlines */
		add(&w, (struct sched_item){ .id = at, .class = SCHED_NEW, .unit = 1, .deadline_ns = 1 });
		add(&w, (struct sched_item){ .id = ++at, .class = SCHED_NEW, .unit = 2, .deadline_ns = 1 });
		id = next(&w, NULL);
		sched_done(w.s, id, SCHED_SUCCESS, w.now);
		if (id == 1)
			break;
		w.now += 600 * S;
	}
	ok(w.now - 1000 * S >= 10 * sched_target_ns(SCHED_BULK), "bulk work stays behind new devices until it has waited ten times its target");
	is_int(id, 1, "and goes before their endless number when it has risen to renewals");
	world_done(&w);

	world_init(&w, 10, 1);
	add(&w, (struct sched_item){ .id = 1, .class = SCHED_BULK, .since_ns = 1 });
	w.now = 365 * 86400 * S;
	add(&w, (struct sched_item){ .id = 2, .class = SCHED_EXPIRING });
	ok(sched_get(w.s, 1, &got) && got.class == SCHED_BULK, "it is still known by the class it was given");
	is_int(next(&w, NULL), 2, "what is urgent stays before what is merely old");
	world_done(&w);
}

static void
long_queues(void)
{
	struct world w;
	int64_t id = 0, look;

	/* a thousand of a unit wait for a week, and have their turns between renewals */
	world_init(&w, 20000, 1);
	for (id = 1; id <= 1000; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .unit = 1, .deadline_ns = 1, .since_ns = w.now });
	for (int64_t turn = 0; turn < 300; turn++) {
		w.now += 1800 * S;
		if (turn % 2)
			add(&w, (struct sched_item){ .id = 2000 + turn, .class = SCHED_RENEWAL, .unit = 1, .since_ns = w.now });
		sched_done(w.s, next(&w, NULL), SCHED_SUCCESS, w.now);
	}
	add(&w, (struct sched_item){ .id = 3000, .class = SCHED_NEW, .unit = 2, .since_ns = w.now });
	id = next(&w, NULL);
	sched_done(w.s, id, SCHED_SUCCESS, w.now);
	ok(id == 3000 || next(&w, NULL) == 3000, "a queue that has its turns does not go before who comes later and has had nothing");
	world_done(&w);

	/* a bucket that lets nobody through for a month */
	world_init(&w, 10, 1);
	w.buckets[0] = (struct bucket){ .each_ns = 30 * 86400 * S, .next_ns = w.now + 30 * 86400 * S, .burst = 1 };
	add(&w, (struct sched_item){ .id = 1, .class = SCHED_BULK, .since_ns = w.now, .keys = { 1 }, .key_count = 1 });
	is_int(next(&w, &look), 0, "a bucket is closed");
	w.now += 20 * 86400 * S;
	is_int(next(&w, &look), 0, "for long");
	w.now = look;
	add(&w, (struct sched_item){ .id = 2, .class = SCHED_NEW, .since_ns = w.now, .keys = { 1 }, .key_count = 1 });
	is_int(next(&w, NULL), 2, "where nobody has a turn nobody rises");
	world_done(&w);
}

static void
head_of_line(void)
{
	struct world w;
	int64_t id, look, others = 0;

	world_init(&w, 20000, 1000000);
	/* domain 1 is huge and closed; the others have no limit */
	w.buckets[0] = (struct bucket){ .each_ns = 3600 * S, .next_ns = w.now + 3600 * S, .burst = 1 };
	for (id = 1; id <= 10000; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .unit = 1, .deadline_ns = 1, .keys = { 1, 60 }, .key_count = 2 });
	for (id = 10001; id <= 10100; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .unit = 1, .deadline_ns = 2, .keys = { 2 + (uint64_t)id % 20, 60 }, .key_count = 2 });
	while ((id = next(&w, &look))) {
		others += id > 10000;
		sched_done(w.s, id, SCHED_SUCCESS, w.now);
	}
	is_int(others, 100, "a big domain that is closed keeps nobody else waiting");
	is_int(w.buckets[0].asked, 1, "and was asked once, not for each of its ten thousand orders");
	is_int(look, w.now + 3600 * S, "the time to look again is when it opens");
	w.now = look;
	is_int(next(&w, NULL) <= 10000, 1, "then one goes");
	is_int(next(&w, &look), 0, "and the next is refused");
	is_int(w.buckets[0].asked, 3, "by the second question");
	world_done(&w);
}

/* Two buckets: who waits for both is in nobody's way, wherever it waits. */
static void
two_buckets(void)
{
	struct world w;
	struct sched_stats st;
	int64_t id, look, single = 0;

	world_init(&w, 400, 1000);
	w.buckets[0] = (struct bucket){ .each_ns = 10 * S, .next_ns = w.now + 10 * S, .burst = 1, .left = 1 };
	w.buckets[1] = (struct bucket){ .each_ns = 1000000 * S, .next_ns = w.now + 1000000 * S, .burst = 1 };
	for (id = 1; id <= 100; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .deadline_ns = 1, .keys = { 2, 1, 2, 0 }, .key_count = 4 });
	for (id = 101; id <= 200; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .deadline_ns = 2, .keys = { 1 }, .key_count = 1 });
	for (int i = 0; i < 100; i++) {
		while ((id = next(&w, &look))) {
			single += id > 100;
			sched_done(w.s, id, SCHED_SUCCESS, w.now);
		}
		w.now = look;
	}
	is_int(single, 100, "orders of one domain pass those that another domain holds up, too");
	ok(w.asked < 320, "with few questions (%lld)", (long long)w.asked);
	sched_stats(w.s, w.now, &st);
	is_int(st.waiting[SCHED_NEW], 100, "which wait still");
	world_done(&w);
}

static void
times(void)
{
	struct world w;
	struct sched_stats st;
	int64_t look;

	world_init(&w, 10, 0);
	add(&w, (struct sched_item){ .id = 1, .class = SCHED_NEW, .not_before_ns = w.now + 60 * S });
	is_int(next(&w, &look), 0, "nothing goes before its time");
	is_int(look, w.now + 60 * S, "and look at that time");
	sched_stats(w.s, w.now, &st);
	ok(st.waiting[SCHED_NEW] == 1 && st.later == 1, "it is counted among those that wait");
	w.now = look;
	is_int(next(&w, NULL), 1, "then it goes");
	sched_back(w.s, 1, SCHED_FAILURE, w.now + 30 * S, w.now);
	is_int(next(&w, &look), 0, "put back for a while it waits again");
	w.now = look;
	is_int(next(&w, NULL), 1, "and goes again");
	ok(!sched_add(w.s, &w.items[0], w.now), "one that is there is not added twice");
	ok(sched_remove(w.s, 1) && !sched_has(w.s, 1) && !sched_remove(w.s, 1), "one that is taken out is gone");
	sched_done(w.s, 1, SCHED_SUCCESS, w.now);
	sched_stats(w.s, w.now, &st);
	is_int(st.in_flight, 0, "the end of one that is gone is nobody's");

	w.gone = true;
	add(&w, (struct sched_item){ .id = 2, .class = SCHED_NEW });
	is_int(next(&w, &look), 0, "what nobody wants any more does not go");
	ok(!sched_has(w.s, 2) && look == SCHED_NEVER, "and is gone");
	w.gone = false;
	w.stop = true;
	add(&w, (struct sched_item){ .id = 3, .class = SCHED_NEW });
	add(&w, (struct sched_item){ .id = 4, .class = SCHED_NEW });
	w.asked = 0;
	is_int(next(&w, &look), 0, "where nothing can be asked nothing goes");
	is_int(w.asked, 1, "after one question");
	is_int(look, w.now + 5 * S, "until the time that was told");
	w.stop = false;
	is_int(next(&w, &look), 0, "not before, either");
	w.now = look;
	is_int(next(&w, NULL), 3, "then who was first is first");
	world_done(&w);

	world_init(&w, 10, 0);
	w.buckets[0] = (struct bucket){ .each_ns = 60 * S, .next_ns = w.now + 60 * S, .burst = 1 };
	add(&w, (struct sched_item){ .id = 1, .class = SCHED_NEW, .keys = { 1 }, .key_count = 1 });
	w.items[1] = (struct sched_item){ .keys = { 1 }, .key_count = 1 };
	add(&w, (struct sched_item){ .id = 3, .class = SCHED_NEW });
	sched_add(w.s, &(struct sched_item){ .id = 2, .class = SCHED_NEW, .since_ns = 1 }, w.now);
	is_int(next(&w, &look), 3, "a bucket that only its own order knows of holds up that one alone");
	is_int(next(&w, &look), 0, "the others were asked");
	is_int(look, w.now + 60 * S, "and wait as long as they were told");
	sched_close(w.s, 9, w.now + 7 * S, 0, w.now);
	add(&w, (struct sched_item){ .id = 4, .class = SCHED_NEW, .keys = { 9 }, .key_count = 1 });
	w.asked = 0;
	is_int(next(&w, &look), 0, "one that was found closed is not asked");
	ok(w.asked == 0 && look == w.now + 7 * S, "before its time");
	world_done(&w);
}

static void
width(void)
{
	struct world w;
	struct sched_stats st;
	int64_t flying[300], look;
	size_t n = 0;

	world_init(&w, 1000, 40);
	for (int64_t id = 1; id <= 1000; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW });
	while ((flying[n] = next(&w, &look)))
		n++;
	is_int(n, 32, "thirty-two are in flight at first");
	is_int(look, SCHED_NEVER, "and until one is over there is nothing to look for");
	for (int i = 0; i < 20; i++) {
		sched_done(w.s, flying[i], SCHED_SUCCESS, w.now);
		flying[i] = next(&w, NULL);
	}
	sched_stats(w.s, w.now, &st);
	is_int(st.width, 33, "twenty that went well make it one more");
	w.now += S;
	for (size_t i = 0; i < n; i++)
		sched_done(w.s, flying[i], SCHED_OVERLOAD, w.now);
	sched_stats(w.s, w.now, &st);
	is_int(st.width, 16, "a CA that is overloaded halves it, once for all that were under way");
	for (int i = 0; i < 4; i++) {
		w.now += S;
		flying[0] = next(&w, NULL);
		w.now += S;
		sched_done(w.s, flying[0], SCHED_OVERLOAD, w.now);
	}
	sched_stats(w.s, w.now, &st);
	is_int(st.width, 1, "again and again down to one");
	w.now += S;
	flying[0] = next(&w, NULL);
	sched_done(w.s, flying[0], SCHED_OVERLOAD, w.now);
	sched_stats(w.s, w.now, &st);
	is_int(st.width, 1, "but no further");
	for (int i = 0; i < 800; i++)
		sched_done(w.s, next(&w, NULL), SCHED_SUCCESS, w.now);
	sched_stats(w.s, w.now, &st);
	ok(st.width > 1 && st.width < 40, "one at a time does not make it wide (%lld)", (long long)st.width);
	world_done(&w);

	world_init(&w, 10, 100);
	sched_set_width(w.s, 64);
	for (int i = 0; i < 5; i++)
		sched_overload(w.s, w.now + i * S);
	sched_stats(w.s, w.now, &st);
	is_int(st.width, 32, "an overload that nobody's order heard halves it, too, once in ten seconds");
	sched_overload(w.s, w.now + 10 * S);
	sched_set_width(w.s, 1000);
	sched_stats(w.s, w.now, &st);
	is_int(st.width, 100, "it is never more than its maximum");
	world_done(&w);

	world_init(&w, 100, 2);
	for (int64_t id = 1; id <= 5; id++)
		sched_add_flying(w.s, &(struct sched_item){ .id = id, .class = SCHED_NEW }, w.now);
	add(&w, (struct sched_item){ .id = 6, .class = SCHED_NEW });
	is_int(next(&w, NULL), 0, "those in flight from before count");
	for (int64_t id = 1; id <= 4; id++)
		sched_done(w.s, id, SCHED_FAILURE, w.now);
	is_int(next(&w, NULL), 6, "until they are over");
	world_done(&w);
}

/* Many offers at once from one bucket: one at first, then as many more as it lets through. */
static void
offers(void)
{
	struct world w;
	struct sched_answer yes = { .verdict = SCHED_ADMITTED }, no = { SCHED_BLOCKED, 1, 0, 0 };
	int64_t ids[100], look;
	size_t n;

	world_init(&w, 200, 100);
	for (int64_t id = 1; id <= 150; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .keys = { 1 }, .key_count = 1 });
	is_int(sched_offer(w.s, w.now, ids, 16, &look), 16, "sixteen are offered of a bucket that nobody has asked");
	no.until_ns = w.now + 10 * S;
	for (int i = 0; i < 16; i++)
		sched_answer(w.s, ids[i], i < 3 ? &yes : &no, w.now);
	is_int(sched_offer(w.s, w.now, ids, 16, &look), 0, "closed, it offers none");
	is_int(look, no.until_ns, "until it opens");
	w.now = look;
	for (size_t want = 1; want <= 4; want *= 2) {
		n = sched_offer(w.s, w.now, ids, 16, &look);
		is_int(n, want, "then %zu", want);
		for (size_t i = 0; i < n; i++)
			sched_answer(w.s, ids[i], &yes, w.now);
	}
	is_int(sched_offer(w.s, w.now, ids, 1, &look), 1, "and more");
	ok(sched_remove(w.s, ids[0]), "an offer may be taken out");
	sched_answer(w.s, ids[0], &yes, w.now);
	ok(!sched_has(w.s, ids[0]), "and its answer is nobody's then");
	world_done(&w);
}

/* ---- forecasts come true ---- */

struct foretold {
	int64_t at[500];
	bool known[500];
	int count;
};

static void
on_forecast(const struct sched_forecast *f, void *arg)
{
	struct foretold *t = arg;

	t->at[f->id] = f->at_ns;
	t->known[f->id] = f->known;
	t->count++;
}

static void
forecasts(void)
{
	struct world w;
	static struct foretold t;
	int64_t id, look, wrong = 0;

	world_init(&w, 500, 1000);
	memset(&t, 0, sizeof(t));
	for (int b = 0; b < 3; b++)
		w.buckets[b] = (struct bucket){ .each_ns = (b + 1) * 100 * S, .next_ns = w.now + (b + 1) * 100 * S, .burst = 3, .left = 3 };
	for (id = 1; id <= 300; id++)
		add(&w, (struct sched_item){ .id = id, .class = id % 7 ? SCHED_NEW : SCHED_RENEWAL, .unit = (uint64_t)(id % 5), .weight = 1 + (uint32_t)(id % 5),
			.deadline_ns = id * 7919 % 1000, .keys = { 1 + (uint64_t)(id % 3) }, .key_count = 1 });
	while ((id = next(&w, &look)))
		sched_done(w.s, id, SCHED_SUCCESS, w.now);
	sched_forecast(w.s, w.now, on_forecast, &t);
	is_int(t.count, 300 - 9, "there is a forecast for each order that waits");
	while (look != SCHED_NEVER) {
		w.now = look;
		while ((id = next(&w, &look))) {
			wrong += !t.known[id] || t.at[id] != w.now;
			sched_done(w.s, id, SCHED_SUCCESS, w.now);
		}
	}
	is_int(wrong, 0, "and each comes true to the nanosecond: by class, share, deadline and the bucket's pace");
	world_done(&w);

	world_init(&w, 10, 1);
	memset(&t, 0, sizeof(t));
	add(&w, (struct sched_item){ .id = 1, .class = SCHED_NEW });
	sched_close(w.s, 1, w.now + 50 * S, 0, w.now);
	for (id = 2; id <= 3; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .keys = { 1 }, .key_count = 1 });
	sched_forecast(w.s, w.now, on_forecast, &t);
	ok(!t.known[1] && t.at[1] == w.now, "nobody knows when an order goes that nothing but others hold up");
	ok(t.known[2] && t.at[2] == w.now + 50 * S, "of a bucket that is closed for a time the first is known");
	ok(!t.known[3] && t.at[3] == w.now + 50 * S, "who comes after it is not, if its pace is not");
	world_done(&w);
}

/* ---- random fleets ---- */

static uint32_t seed;
static uint32_t
rnd(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static struct sched_item
any_item(int64_t id, int64_t now)
{
	struct sched_item item = { .id = id, .class = (enum sched_class)rnd(SCHED_CLASS__COUNT), .unit = rnd(6), .weight = 1 + rnd(4), .cost = rnd(3),
		.deadline_ns = rnd(1000) * S, .since_ns = now, .not_before_ns = rnd(4) ? 0 : now + rnd(300) * S };

	item.key_count = rnd(4);
	for (size_t i = 0; i < item.key_count; i++)
		item.keys[i] = 1 + rnd(20);
	/* the model spends each once */
	for (size_t i = 1; i < item.key_count; i++) {
		for (size_t k = 0; k < i; k++) {
			if (item.keys[i] == item.keys[k])
				item.key_count = i;
		}
	}
	return item;
}

struct fleet {
	struct world w;
	int64_t flying[400];
	size_t flying_count;
	unsigned char *went; /* by id */
	int64_t lost, twice, too_wide, early;
};

static int64_t
waiting(const struct sched *s, int64_t now)
{
	struct sched_stats st;
	int64_t n = 0;

	sched_stats(s, now, &st);
	for (int c = 0; c < SCHED_CLASS__COUNT; c++)
		n += (int64_t)st.waiting[c];
	return n;
}

static void
fly(struct fleet *f, int64_t id)
{
	struct sched_stats st;

	f->twice += f->went[id];
	f->early += f->w.items[id - 1].not_before_ns > f->w.now;
	f->went[id] = 1;
	f->flying[f->flying_count++] = id;
	sched_stats(f->w.s, f->w.now, &st);
	/* one was admitted just now: there was room for it */
	f->too_wide += (int64_t)st.in_flight > st.width || st.in_flight != f->flying_count;
}

static void
land_some(struct fleet *f)
{
	while (f->flying_count && rnd(3)) {
		size_t i = rnd((uint32_t)f->flying_count);
		int64_t id = f->flying[i];
		uint32_t how = rnd(20);

		f->flying[i] = f->flying[--f->flying_count];
		if (how == 0) {
			f->went[id] = 0;
			f->w.items[id - 1].not_before_ns = f->w.now + rnd(100) * S;
			sched_back(f->w.s, id, SCHED_OVERLOAD, f->w.items[id - 1].not_before_ns, f->w.now);
		} else {
			sched_done(f->w.s, id, how == 1 ? SCHED_FAILURE : SCHED_SUCCESS, f->w.now);
		}
	}
}

static void
fleets(void)
{
	enum { ITEMS = 3000 };
	int64_t lost = 0, twice = 0, wide = 0, early = 0, stuck = 0, removed = 0;

	for (seed = 1; seed < 4000000; seed += 100003) {
		struct fleet f = { .went = calloc(ITEMS + 1, 1) };
		int64_t id = 0, got, look;

		world_init(&f.w, ITEMS, 0);
		for (int b = 0; b < 20; b++)
			f.w.buckets[b] = (struct bucket){ .each_ns = (1 + rnd(50)) * S, .next_ns = f.w.now, .burst = 1 + rnd(5) };
		for (int rounds = 0; rounds < 200000; rounds++) {
			for (uint32_t n = rnd(20); n > 0 && id < ITEMS; n--) {
				id++;
				add(&f.w, any_item(id, f.w.now));
			}
			if (id && !rnd(10) && sched_get(f.w.s, 1 + rnd((uint32_t)id), &(struct sched_item){ 0 })) {
				int64_t victim = 1 + rnd((uint32_t)id);

				if (!f.went[victim] && sched_remove(f.w.s, victim)) {
					f.went[victim] = 1;
					removed++;
				}
			}
			while ((got = next(&f.w, &look)))
				fly(&f, got);
			land_some(&f);
			if (id == ITEMS && f.flying_count == 0 && waiting(f.w.s, f.w.now) == 0)
				break;
			f.w.now += look != SCHED_NEVER && look > f.w.now && f.flying_count == 0 ? look - f.w.now : rnd(5) * S;
		}
		stuck += waiting(f.w.s, f.w.now);
		for (int64_t i = 1; i <= ITEMS; i++)
			lost += !f.went[i];
		twice += f.twice;
		wide += f.too_wide;
		early += f.early;
		free(f.went);
		world_done(&f.w);
	}
	is_int(lost, 0, "forty random fleets of three thousand: nobody is lost or starves");
	is_int(twice, 0, "nobody goes twice");
	is_int(early, 0, "nor before its time");
	is_int(wide, 0, "nor are more in flight than may be");
	is_int(stuck, 0, "and in the end nobody waits");
	ok(removed > 0, "those that were taken out did not go (%lld)", (long long)removed);
}

/* Many, on many domains: each question and each closing costs little, however many wait. */
static void
many(void)
{
	enum { ITEMS = 200000, DOMAINS = 50 };
	struct world w;
	struct sched_stats st;
	int64_t id, look, went = 0;

	world_init(&w, ITEMS, 0);
	for (int b = 0; b < DOMAINS; b++)
		w.buckets[b] = (struct bucket){ .each_ns = 3600 * S, .next_ns = w.now + (60 + b) * S, .burst = 50, .left = 50 };
	w.buckets[DOMAINS] = (struct bucket){ .each_ns = 36 * S, .next_ns = w.now + 36 * S, .burst = 300, .left = 300 };
	for (id = 1; id <= ITEMS; id++)
		add(&w, (struct sched_item){ .id = id, .class = SCHED_NEW, .unit = (uint64_t)(id % 100), .deadline_ns = id * 7919 % ITEMS,
			.keys = { 1 + (uint64_t)(id % DOMAINS), DOMAINS + 1 }, .key_count = 2 });
	for (int rounds = 0; rounds < 2000; rounds++) {
		while ((id = next(&w, &look))) {
			went++;
			sched_done(w.s, id, SCHED_SUCCESS, w.now);
		}
		w.now = look;
	}
	ok(went > 2000, "of two hundred thousand on fifty domains %lld went", (long long)went);
	ok(w.asked < 3 * went + 2 * 2000 + 10000, "with few questions for it (%lld)", (long long)w.asked);
	sched_stats(w.s, w.now, &st);
	is_int(st.waiting[SCHED_NEW], ITEMS - went, "the others wait");
	world_done(&w);
}

int
main(void)
{
	order_of_service();
	weights();
	aging();
	long_queues();
	head_of_line();
	two_buckets();
	times();
	width();
	offers();
	forecasts();
	fleets();
	many();
	return done_testing();
}
