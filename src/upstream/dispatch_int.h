/* dispatch_int.h - what the files of the dispatcher share; see dispatch.h. All of it is the leading job's, but the board. */
#ifndef UPSTREAM_DISPATCH_INT_H
#define UPSTREAM_DISPATCH_INT_H

#include "store/queue.h"
#include "upstream/dispatch.h"
#include "upstream/issue.h"

#define DISPATCH_BATCH 16 /* orders asked about in one transaction */

/* The queue of one CA. */
struct seat {
	char ca[UPSTREAM_TEXT];
	struct sched *s;
	uint64_t overloads; /* of its entries, as counted so far */
	void *buckets;      /* tsearch: struct seat_bucket by key */
	struct seat *next;
};
struct seat_bucket {
	uint64_t key;
	int64_t id;
};

/* An order that waits, or is in flight. */
struct ticket {
	int64_t id;
	struct seat *seat;
	struct upstream *u;
	int64_t not_before;    /* as on record when it came in */
	char ref[REF_TEXT];
	int64_t bucket, until; /* as told last */
	bool told;
	bool flies, counted;   /* counted: it takes a place of the width */
	int64_t flies_since_ms;
	int64_t failover_limit_s; /* it may go to another CA rather than wait for longer; 0 = it may not */
	int64_t elsewhere_ms;  /* when it last looked for another CA, monotonic; 0 = never */
	int64_t since_ms;      /* here, monotonic */
	bool told_no_account;  /* that ours is not made yet */
	struct ticket *next, **prev; /* of those that fly */
};

struct dispatch {
	struct job *job;
	struct upstreams *ups;
	struct gate_conf *conf;
	struct seat *seats;
	void *tickets;        /* tsearch: struct ticket by id */
	struct ticket *flying;
	bool loaded;
	size_t untold;
	int64_t tell_ms, tell_cost_ms;   /* when it was told last, monotonic, and how long that took */
	int64_t review_ms, review_after; /* when the store was looked through last; where that is, -1 = done */
	bool more;            /* something is left to do at once */
	int64_t homeless[DISPATCH_BATCH]; /* their entry of upstreams is not in the configuration, or they are no orders any more */
	size_t homeless_count;
};

/* The gateway's. */
struct store *dispatch_store(const struct dispatch *d);
/* An order in memory; NULL = it is not there. */
struct ticket *dispatch_find(const struct dispatch *d, int64_t id);
/* A bucket of its own for the orders of an entry whose account is being made. */
uint64_t dispatch_account_key(const struct upstream *u);
/* Gone from memory, wherever it was. */
void dispatch_forget(struct dispatch *d, struct ticket *e);
void dispatch_set_flying(struct dispatch *d, struct ticket *e, bool flies);
/* Which row a number of the ledger's is; 0 = not known. */
int64_t seat_bucket_id(const struct seat *seat, uint64_t key);
void seat_bucket_set(struct seat *seat, uint64_t key, int64_t id);

/* ---- dispatch_admit.c ---- */

/* An order and its names as the ledger asks for them. */
struct waiter {
	struct order order;
	struct idents names, ordered;
};
bool waiter_load(struct sql *db, int64_t id, struct waiter *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
void waiter_done(struct waiter *c);
struct ledger_ask waiter_ask(const struct dispatch *d, const struct waiter *c, const struct queue_row *q, const char *account_url);
/* Let through what may go, as much as one step should; *ret_look_ns says when to look again. */
void dispatch_pump(struct dispatch *d, int64_t *ret_look_ns);
/* Their jobs see to these, and put them back or not: nobody waits for them any more, or their entry of upstreams is gone, or (`until`, unix
 * s, and `bucket`: of each; NULL) they wait for long and might go to another CA. */
bool dispatch_hand_over(struct dispatch *d, const int64_t *ids, size_t count, const struct bucket *buckets, const int64_t *until, struct problem *pr) MUST_CHECK;

/* ---- dispatch_tell.c ---- */

/* Put on record what is foretold, where it has changed, if it is time. */
void dispatch_tell(struct dispatch *d);

/* ---- dispatch_board.c ---- */

struct board;
struct board *board_new(void);
void board_free(struct board *b);
void board_publish(struct board *b, const struct dispatch *d, int64_t now_ns); /* d NULL: we do not lead */
void board_count(struct board *b, int64_t waited_s);
#endif
