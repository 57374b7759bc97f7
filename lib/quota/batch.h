/* batch.h - several buckets asked at once, all or nothing, as Boulder's limiter does. Pure, any thread. */
#ifndef QUOTA_BATCH_H
#define QUOTA_BATCH_H

#include <stddef.h>

#include "quota/gcra.h"

enum quota_mode {
	QUOTA_CHECK_AND_SPEND, /* it must fit, and is written */
	QUOTA_CHECK,           /* it must fit, and is not written */
	QUOTA_SPEND            /* it is written when it fits, and never decides */
};

struct quota_item {
	enum quota_mode mode;
	bool limited;             /* false: no rate is known, only frozen_ns counts */
	struct gcra gcra;
	int64_t tat_ns, frozen_ns; /* frozen until; 0 = not */
	int64_t cost, held, kept; /* see gcra_spend */
	/* answers: */
	struct gcra_verdict verdict;
	bool write;               /* is to be written, with verdict.tat_ns */
};

struct quota_decision {
	enum gcra_answer answer;
	int64_t retry_ns;
	size_t strictest; /* the item that decides, of those denied or else of those allowed */
};
/* Denied beats allowed, then the longer wait, then the fewer tokens remaining. One denial, or misuse: nothing is written. */
struct quota_decision quota_batch(struct quota_item *items, size_t count, int64_t now_ns);
/* Of one item alone: what its bucket says, with what froze it. */
struct gcra_verdict quota_ask(const struct quota_item *item, int64_t now_ns);
#endif
