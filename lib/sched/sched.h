/* sched.h - who is next at one CA: pure, in memory, single threaded, and without a clock: whoever calls says what time it is.
 *
 * An item is an order that waits for its CA. One scheduler per CA holds them, and says which may go out next; whether it really may is
 * the ledger's word, which the caller fetches. The whole way of an item:
 *
 *   sched_add     it waits; before not_before_ns it is not looked at
 *   sched_next    the best one is put to `admit`: admitted -> in flight, and its id is the answer;
 *                 blocked by a bucket -> it waits in that bucket's queue, and the next best is asked for, until the width is used up
 *   sched_done    it is over, good or bad; or sched_back: it waits again, its place by `since` kept
 *
 * Who is best: the classes strictly one before the other; inside a class the fairness unit that has had the least for its weight; inside
 * a unit the soonest deadline, then who waits longest, then the lower id.
 *   - Shares are counted in cost / weight, per bucket queue and for the CA as a whole. What a unit does not use is lent to others, never
 *     banked: a unit that comes back begins where the others are. Units in the first two classes are not held to their share, but what
 *     they take is counted against it.
 *   - An item rises to the next class when its own has got no turn in its queue for ten times the target of the class
 *     (sched_target_ns), while others above have: so nobody starves, and a long queue does not go before who comes late and has had
 *     nothing. It rises up to SCHED_RENEWAL: what is urgent stays before what is merely old.
 *   - An item names the buckets that it shares with others (`keys`: registered domain, orders of the account). All of one class, unit and
 *     set of keys stand in one line; a bucket that lets nothing through takes the lines that need it out of the way, whole, and nobody
 *     else (no head-of-line blocking). When its time has come one of them is asked, not all. A renewal that is exempt of a bucket does not
 *     name it. A bucket that keeps a reserve for urgent work is another key for urgent items.
 *   - Width: so many are in flight at most. 32 at first, one more for each 20 successes while it is used, halved by an overload (503,
 *     429, time-out), but only once for all that were under way then; never below 1, never above width_max.
 *
 * Each call costs O(log n), sched_next that for each item asked and for each line moved once per closing of a bucket; forecasts
 * O(n log n). A million items take some 200 MB. Times are nanoseconds since any epoch, as long as it is one; they may jump forward, and
 * a jump back only delays. */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stored by number. Aging ends at SCHED_RENEWAL. */
enum sched_class {
	SCHED_INCIDENT, /* P0: it replaces what is revoked, or in an incident */
	SCHED_EXPIRING, /* P1: a quarter of its life or two days are left */
	SCHED_RENEWAL,  /* P2 */
	SCHED_NEW,      /* P3 */
	SCHED_BULK,     /* P4 */
	SCHED_CLASS__COUNT
};
/* "incident", "expiring", "renewal", "new", "bulk" */
const char *sched_class_name(enum sched_class c);
/* How long an item of this class should wait at most: 1 min, 10 min, 1 h, 4 h, 24 h. */
int64_t sched_target_ns(enum sched_class c);

#define SCHED_NEVER INT64_MAX
#define SCHED_KEYS_MAX 8
#define SCHED_WIDTH_FIRST 32
#define SCHED_WIDTH_MAX 256

struct sched_item {
	int64_t id;            /* the caller's, of one kind for all */
	enum sched_class class;
	uint64_t unit;         /* whom its cost is counted against; any number that is its own */
	uint32_t weight;       /* of that unit, 0 = 1; of different ones the last told counts */
	uint32_t cost;         /* tokens of its scarcest bucket, 0 = 1 */
	int64_t deadline_ns;   /* SCHED_NEVER = none */
	int64_t since_ns;      /* waiting since */
	int64_t not_before_ns; /* 0 = at once */
	/* Buckets that it shares with others: any numbers but 0, each bucket its own; order and repetition do not matter. What is left out for
	 * want of room costs nothing but questions: see SCHED_BLOCKED. */
	uint64_t keys[SCHED_KEYS_MAX];
	size_t key_count;
};

struct sched;
struct sched *sched_new(int64_t width_max); /* 0 = SCHED_WIDTH_MAX */
void sched_free(struct sched *s);

/* False if it is there already, waiting or in flight: nothing is changed. */
bool sched_add(struct sched *s, const struct sched_item *item, int64_t now_ns);
/* The same for one that is known to be in flight (after a restart); it may exceed the width. */
bool sched_add_flying(struct sched *s, const struct sched_item *item, int64_t now_ns);
bool sched_has(const struct sched *s, int64_t id);
/* It is gone, wherever it was, and says nothing about the CA. False if it was not there. */
bool sched_remove(struct sched *s, int64_t id);
/* Of one that waits: what it is, else false. `class` is the one given; keys come sorted, each once. */
bool sched_get(const struct sched *s, int64_t id, struct sched_item *ret);

/* ---- who is next ---- */

enum sched_verdict {
	SCHED_ADMITTED,
	SCHED_BLOCKED, /* bucket `key` lets nothing through before until_ns. A key that the item did not name is its own affair: it alone waits */
	SCHED_GONE,    /* nobody wants it any more */
	SCHED_STOP     /* nothing can be asked now (the ledger is not well): it stays where it was; again at until_ns */
};
struct sched_answer {
	enum sched_verdict verdict;
	uint64_t key;
	int64_t until_ns;
	int64_t each_ns; /* of the bucket, after until_ns: one more each so long; 0 = not known. For forecasts */
};
/* May it go out? Must not call the scheduler. */
typedef struct sched_answer (*sched_admit_fn)(int64_t id, void *arg);

/* The id of one that has been admitted, and is in flight now; 0 if none can be: then *ret_look_ns says when to look again (SCHED_NEVER:
 * when something was added, or is over). Call it again until it is 0. */
int64_t sched_next(struct sched *s, int64_t now_ns, sched_admit_fn admit, void *arg, int64_t *ret_look_ns);

/* The same in two halves, for who asks of many at once. At most `max` that would be asked next, the best first; they count as in flight
 * until each is answered, in this order. Fewer than `max`: *ret_look_ns as above. */
size_t sched_offer(struct sched *s, int64_t now_ns, int64_t *ret_ids, size_t max, int64_t *ret_look_ns);
/* What became of an offer. */
void sched_answer(struct sched *s, int64_t id, const struct sched_answer *answer, int64_t now_ns);

/* ---- how it ended ---- */

enum sched_outcome {
	SCHED_SUCCESS,
	SCHED_OVERLOAD, /* 503, 429, time-out */
	SCHED_FAILURE   /* anything else: says nothing about the width */
};
/* One in flight is over. An id that is not in flight is ignored, here and in the next. */
void sched_done(struct sched *s, int64_t id, enum sched_outcome outcome, int64_t now_ns);
/* It is to wait again. */
void sched_back(struct sched *s, int64_t id, enum sched_outcome outcome, int64_t not_before_ns, int64_t now_ns);
/* The CA is too busy, whoever heard it: as SCHED_OVERLOAD, but for which order is not known. Counts once in ten seconds. */
void sched_overload(struct sched *s, int64_t now_ns);
/* How many may be in flight, other than SCHED_WIDTH_FIRST; from here on it grows and shrinks. */
void sched_set_width(struct sched *s, int64_t width);
/* A bucket was found closed by other means (a refusal of the CA). */
void sched_close(struct sched *s, uint64_t key, int64_t until_ns, int64_t each_ns, int64_t now_ns);

/* ---- what is to be seen ---- */

struct sched_stats {
	size_t waiting[SCHED_CLASS__COUNT]; /* by the class given; those before their time among them */
	size_t later;                       /* of these: before their time */
	size_t in_flight;
	int64_t width;
	size_t closed;                      /* buckets that let nothing through */
};
/* As it is now. */
void sched_stats(const struct sched *s, int64_t now_ns, struct sched_stats *ret);

/* When would it be admitted, if nothing is added before it? */
struct sched_forecast {
	int64_t id;
	enum sched_class class; /* as risen */
	uint64_t key;     /* the bucket that it waits for, 0 = none */
	size_t place;     /* how many go before it, in the queue of that bucket or of those that wait for none */
	bool known;       /* false: the bucket's pace is not known (beyond its first), or nothing but the CA's speed holds it up */
	int64_t at_ns;    /* known: admitted then; else not before then */
};
typedef void (*sched_forecast_fn)(const struct sched_forecast *f, void *arg);
/* All that wait, each queue in the order of its places. `fn` must not call the scheduler. */
void sched_forecast(const struct sched *s, int64_t now_ns, sched_forecast_fn fn, void *arg);
#endif
