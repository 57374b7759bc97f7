/* renewal.h - renewal information for devices (RFC 9773): of every live certificate, from memory, or from the store if it is not there yet.
 *
 * All live certificates are read into the cache after the start, 2000 at a time; from then on what has changed is, every few seconds, so
 * that what another gateway on the same store did is told here as well. Whoever asks for a certificate that the cache does not have is
 * answered from the store: it may be a second old. The CA is never asked in anybody's request. */
#ifndef RENEWAL_RENEWAL_H
#define RENEWAL_RENEWAL_H

#include "loop/loop.h"
#include "loop/pool.h"
#include "renewal/cache.h"
#include "sql/sql.h"
#include "store/renewal.h"

struct renewal;

struct renewal *renewal_new(struct store *store);
/* After renewal_stop, and when no worker uses it any more. */
void renewal_free(struct renewal *r);
/* Keep the cache up to date: timers on `loop`, reading on workers. Until renewal_stop, which is called while the loop runs or after its end,
 * and before the pool goes. */
void renewal_start(struct renewal *r, struct loop *loop, struct pool *pool);
void renewal_stop(struct renewal *r);

/* From memory alone: any thread, does not block. False: not there, which says nothing of the store. */
bool renewal_peek(struct renewal *r, const struct certid *id, struct renewal_info *ret);
/* From the store, into memory. */
bool renewal_find(struct renewal *r, struct sql *db, const struct certid *id, struct renewal_info *ret, bool *ret_found, struct problem *pr)
	__attribute__((warn_unused_result));
/* Of a row that was read already. */
struct renewal_info renewal_of_row(struct renewal *r, const struct renewal_row *row);
/* Seconds until a device should ask again (4.3). */
int64_t renewal_retry_s(const struct renewal_info *info, int64_t now);

/* Read on: all that lives, then what has changed. *ret_more: there is more at once. On a worker; renewal_start does it by itself. */
bool renewal_refresh(struct renewal *r, bool *ret_more, struct problem *pr) __attribute__((warn_unused_result));

struct renewal_stats {
	struct renewal_cache_stats cache;
	bool warm;                     /* all that lived at the start has been read */
	uint64_t hits, misses;         /* answers from memory; questions to the store */
};
/* Any thread. */
void renewal_stats(struct renewal *r, struct renewal_stats *ret);
#endif
