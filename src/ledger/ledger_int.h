/* ledger_int.h - what the files of the ledger share. */
#ifndef LEDGER_LEDGER_INT_H
#define LEDGER_LEDGER_INT_H

#include <pthread.h>

#include "ledger/ledger.h"

#define LEDGER_FROZEN_MAX_NS (7 * 86400 * NS_PER_S) /* what a CA may say, and no clock that was wrong may exceed */
#define LEDGER_ANY "*"  /* the name under which a CA's limit is learned for all names */

/* How many wait for a bucket takes long to count where they are many, and newOrder asks each time: told again for a moment. */
#define LEDGER_CROWD 1000      /* so many are */
#define LEDGER_CROWD_MS 2000
#define LEDGER_CROWDS 64
struct crowd {
	int64_t bucket, count, at_ms;
	bool urgent;
};

struct ledger {
	struct psl *psl;
	pthread_mutex_t crowds_lock;
	struct crowd crowds[LEDGER_CROWDS]; /* by bucket */
	unsigned char salt[16]; /* of keys: nobody outside can know which names would meet */
	_Atomic(bool) well;
};

/* Where buckets of a kind lie: our account, or the CA. */
const char *ledger_scope(const struct ledger_ask *ask, enum quota_kind kind);
/* A bucket as it is asked: with its rate (learned for all names, if nothing else is known of it), clamped. */
bool ledger_find(struct sql *db, const struct ledger_ask *ask, enum quota_kind kind, const char *name, struct bucket *ret_bucket, struct quota_item *ret_item, struct problem *pr) MUST_CHECK;
/* The key by which the CA counts a name; false: it has none. */
bool ledger_domain(const struct ledger *l, struct sql *db, const struct ledger_ask *ask, const struct ident *id, char ret[QUOTA_KEY_TEXT], bool *ret_has, struct problem *pr) MUST_CHECK;
/* How an identifier is written in a bucket's name. */
const char *ledger_ident(const struct ident *id);
#endif
