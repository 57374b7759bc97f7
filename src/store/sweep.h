/* sweep.h - what is over and old goes, a little at a time. Within a transaction; each function deletes at most `limit` things and
 * says how many. */
#ifndef STORE_SWEEP_H
#define STORE_SWEEP_H

#include "sql/sql.h"

/* Orders that ended before `before`, with their story; not while their certificate lives. */
bool sweep_orders(struct sql *db, int64_t now, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;
/* Authorizations that ended before `before`, with their challenges and evidence; those no order refers to. */
bool sweep_authzs(struct sql *db, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;
/* Certificates that ended before `before`, with their alternates. */
bool sweep_certs(struct sql *db, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;
/* Accounts not used since `before`, without an order, a live certificate and an external account key (E4). */
bool sweep_accounts(struct sql *db, int64_t now, int64_t before, int64_t limit, int64_t *ret_count, struct problem *pr) MUST_CHECK;
/* Devices that were only seen, not since `before`, that no authorization refers to and that own no name. Those that do stay for
 * good and may be many, so that it looks at `limit` of them only and goes on behind *cursor; {0} = from the first, and when all
 * have been looked at. */
struct sweep_cursor {
	int64_t last_seen, id;
};
bool sweep_devices(struct sql *db, int64_t before, int64_t limit, struct sweep_cursor *cursor, int64_t *ret_count, struct problem *pr) MUST_CHECK;
#endif
