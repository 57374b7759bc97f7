/* ledger.h - what a CA still allows, as far as can be known: asked and written down before newOrder goes out, put right by refusals.
 *
 * A mirror of the CA's own buckets (quota/gcra.h) in the store. An order that is admitted holds a token in each bucket that it will
 * spend: Boulder checks certificates at newOrder but counts them when they are issued, and without holds a hundred orders under way
 * would all be promised the last one. The way of a token:
 *
 *   ledger_admit    held, in the transaction that says that newOrder may go out
 *   ledger_ordered  that of the order is spent
 *   ledger_issued   the others are
 *   ledger_released given back: the CA has refused, or the order has ended
 *
 * Who is asked about first is not decided here, but by the queue of the CA (sched/sched.h, upstream/dispatch.h): an order that is asked
 * about has the next token. Wherever the mirror can be wrong it errs towards waiting: what the CA spends is spent here later, never earlier.
 *
 * All functions run in a transaction on a worker. With two gateways on one store they are serialized by it. */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H

#include <stdatomic.h>

#include "gate/conf.h"
#include "store/quota.h"

struct ledger;
/* Reads the public suffix list. */
bool ledger_open(const struct gate_conf *conf, struct ledger **ret, struct problem *pr) MUST_CHECK;
void ledger_close(struct ledger *l);
/* Could it be read and written when last tried? While not, nothing is ordered (U14). Any thread. */
bool ledger_is_well(const struct ledger *l);
void ledger_set_well(struct ledger *l, bool well);

/* Counters since the start, an entry of upstreams each; by limit. */
struct ledger_stats {
	_Atomic(uint64_t) admitted;
	_Atomic(uint64_t) waited[QUOTA_KIND__COUNT];  /* orders told to wait */
	_Atomic(uint64_t) refused[QUOTA_KIND__COUNT]; /* refusals of the CA */
	_Atomic(uint64_t) foreign[QUOTA_KIND__COUNT]; /* those that we had not expected */
};

/* Who asks. All borrowed. */
struct ledger_ask {
	const struct gate_conf *conf;
	const struct upstream_conf *upstream;
	const char *account_url;
	int64_t order_id;
	const struct idents *idents;  /* as the CA hears of them */
	const struct idents *ordered; /* all that the order is for, devices too: so certificates are on record */
	/* It replaces what is revoked or about to expire: it may have what is kept for that. */
	bool urgent;
	/* `replaces` goes along, and this is the CA's window (unix s; 0 0 = unknown). */
	bool replaces;
	int64_t window_start, window_end;
	int64_t now_ns;
};

struct ledger_answer {
	bool admitted;
	enum quota_class class;
	/* not admitted: */
	struct bucket blocked; /* the bucket that decides */
	int64_t wait_ns;       /* from now on */
	int64_t until;         /* unix s, rounded up */
	int64_t each_ns;       /* one more of that bucket each, after that; 0 = not known */
	int64_t ahead;         /* ledger_forecast: orders that wait for the same, before this one */
};

/* May newOrder go out? What it will spend is held from then on; asked again before each newOrder of the same order. */
bool ledger_admit(struct ledger *l, struct sql *db, const struct ledger_ask *ask, struct ledger_answer *ret, struct problem *pr) MUST_CHECK;
/* When could it go out, behind all that wait for the same buckets and are as urgent, or more? Nothing is changed; `order_id` 0: of one
 * that is not there yet, which has come at `since` (unix s). Admitted: at once. The same way for whoever wants to know whether to go to
 * another CA. */
bool ledger_forecast(struct ledger *l, struct sql *db, const struct ledger_ask *ask, int64_t since, struct ledger_answer *ret, struct problem *pr) MUST_CHECK;
/* What newOrder will be to the CA. */
bool ledger_class(struct sql *db, const struct ledger_ask *ask, enum quota_class *ret, struct problem *pr) MUST_CHECK;
/* The buckets that an order of this class shares with others, as numbers for the queue: each bucket its own, and another one for urgent
 * work, which may have more of it. How many; at most `max`. No store is asked. */
size_t ledger_keys(const struct ledger *l, const struct ledger_ask *ask, enum quota_class class, uint64_t *ret, size_t max);
uint64_t ledger_key(const struct ledger *l, const struct bucket *b, bool urgent);
/* What an order of this class would be checked against, as it is now, what is promised to others among it: for who plans ahead. At most
 * `max` are told. */
struct ledger_due {
	enum quota_kind kind;
	char name[QUOTA_KEY_TEXT];
	bool spends;             /* an order takes a token of it; else it only must have one */
	bool limited;            /* false: no rate is known, and it is frozen */
	struct gcra gcra;
	int64_t tat_ns, frozen_ns, held, kept; /* as in quota/batch.h */
};
bool ledger_dues(struct ledger *l, struct sql *db, const struct ledger_ask *ask, enum quota_class class, struct ledger_due *ret, size_t max, size_t *ret_count, struct problem *pr) MUST_CHECK;
/* The CA has taken the order, or may have. */
bool ledger_ordered(struct sql *db, const struct ledger_ask *ask, struct problem *pr) MUST_CHECK;
/* The certificate is there. Its names have proven themselves: their failures in a row are forgotten. */
bool ledger_issued(struct sql *db, const struct ledger_ask *ask, struct problem *pr) MUST_CHECK;
/* No certificate comes of it. */
bool ledger_released(struct sql *db, const struct ledger_ask *ask, struct problem *pr) MUST_CHECK;
/* The CA could not validate these of the order's identifiers. */
bool ledger_failed(struct sql *db, const struct ledger_ask *ask, const struct idents *failed, struct problem *pr) MUST_CHECK;

struct ledger_refusal {
	enum quota_kind kind;
	bool foreign;   /* by our count it should have been allowed: somebody else spends of it */
	bool is_paused; /* a person must go to the CA's page */
	bool learned;   /* the CA's number is not ours */
	int64_t burst;  /* that it told, 0 = none */
	struct bucket bucket; /* that was frozen, the first of them */
};
/* The CA refused newOrder for a rate limit, in these words, for retry_s: the bucket is frozen so long, or the whole account if the words
 * do not say which. Everything held is given back. */
bool ledger_refused(struct ledger *l, struct sql *db, const struct ledger_ask *ask, struct span detail, int64_t retry_s, struct ledger_refusal *ret, struct problem *pr) MUST_CHECK;

/* ---- for operators ---- */

/* After the store came out of a backup: every bucket of the configured CAs counts as just used up, for what was spent since is not known.
 * How many were not. */
bool ledger_distrust(struct sql *db, const struct gate_conf *conf, int64_t now_ns, int64_t *ret_count, struct problem *pr) MUST_CHECK;

/* What a bucket allows now. */
struct ledger_view {
	struct quota_rate rate; /* count 0 = only frozen */
	const char *source;     /* "table", "override", "learned", "none" */
	int64_t used, held, waiting, kept;
	int64_t left;           /* for an order that is not urgent */
	int64_t frozen_until;   /* unix s, 0 = not */
	int64_t full_at;        /* unix s, 0 = it is full */
	int64_t next_at;        /* when one more could be admitted, behind those that wait: unix s, 0 = at once */
};
bool ledger_view(struct sql *db, const struct upstream_conf *u, const struct bucket *b, int64_t now_ns, struct ledger_view *ret, struct problem *pr) MUST_CHECK;
/* The rate that counts for a bucket: learned, or as the configuration has it. */
struct quota_rate ledger_rate(const struct upstream_conf *u, const struct bucket *b);
/* "certs_domain of corp.example" */
#define BUCKET_LABEL_TEXT (QUOTA_KEY_TEXT + 64)
const char *ledger_label(const struct bucket *b, char dst[BUCKET_LABEL_TEXT]);
#endif
