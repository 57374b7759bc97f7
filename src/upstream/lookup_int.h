/* lookup_int.h - what the files of look-ups share: lookup.c (the job), lookup_ask.c (a request each), lookup_list.c (one for many),
 * lookup_end.c (what came of it, into the store). A worker at a time. */
#ifndef UPSTREAM_LOOKUP_INT_H
#define UPSTREAM_LOOKUP_INT_H

#include "upstream/lookup.h"
#include "upstream/lookup_plan.h"

#define LOOKUP_LIST_MAX 1000

struct lookup_work;

/* One certificate of the page. */
struct lookup_item {
	struct lookup_work *work;
	struct lookup_row row;       /* owned */
	struct ca_get get;           /* lookup_ask.c */
	bool has_ended;              /* the certificate: nobody asks about it any more (4.3) */
	bool is_asked;               /* by itself; its outcome is in `get` */
	bool is_known;               /* what came of it is in `row` and `change` */
	struct lookup_change change;
};

struct lookup_work {
	struct job *job;
	struct upstreams *ups;
	struct upstream *u;
	bool begun;
	bool was_kept;               /* from asking, for a while */
	struct lookup_state state;   /* as the store has it */
	struct lookup_pace pace;
	int64_t spread_before;       /* what has been due since before then is to be spread; 0 = nothing is */
	msec_t surveyed_ms;          /* when the queue was counted last, 0 = never */
	bool urged;                  /* since the last alarm windows were moved into the past */

	/* the page under way */
	enum lookup_way { LOOKUP_IDLE, LOOKUP_ASKING, LOOKUP_LISTING } way;
	struct lookup_item *items;   /* owned */
	size_t count;
	struct lookup_tally tally;
	atomic_size_t left;          /* requests without an answer, and one while they are being started */

	/* lookup_list.c */
	msec_t no_list_until;        /* the CA has refused a list: one by one until then */
	msec_t listed_ms;            /* when the last list went out, 0 = none did */
	struct ca_call call;
	char *url;                   /* of it, owned */
	struct ca_account *account;
	struct buf payload;
};

/* The answer is taken into the item's row. */
void lookup_learn(struct lookup_item *item, const struct lookup_answer *a);

/* lookup_ask.c: ask about each item; the job goes on when all have been answered, and lookup_ask_read makes of the replies what is known. */
void lookup_ask(struct lookup_work *w, const char *base);
void lookup_ask_read(struct lookup_work *w);

/* lookup_list.c: ask about all items at once; likewise. False: there is no account to sign with, nothing was asked. */
bool lookup_list(struct lookup_work *w, const char *url) MUST_CHECK;
void lookup_list_read(struct lookup_work *w);

/* lookup_end.c: a transaction each, fenced. What is known of the page, and of the CA. */
bool lookup_store(struct lookup_work *w, struct problem *pr) MUST_CHECK;
/* The next hundreds of those due since before spread_before get times within the next hour. */
bool lookup_spread_some(struct lookup_work *w, struct problem *pr) MUST_CHECK;
/* Count the queue, and tell if windows were moved into the past. */
bool lookup_survey(struct lookup_work *w, struct problem *pr) MUST_CHECK;
#endif
