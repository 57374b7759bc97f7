/* memstore.h - what the ledger and the plans of renewals call of store/quota.h, store/queue.h and store/renewal_plan.h, on hash tables: what decides is the daemon's own code, without
 * the cost of a database. Single threaded; a transaction never fails. */
#ifndef SIM_MEMSTORE_H
#define SIM_MEMSTORE_H

#include "store/quota.h"

/* A struct sql of our own, for the functions of store/quota.h alone. */
struct sql *memstore_new(void);
void memstore_free(struct sql *db);
/* A certificate for these identifiers is on record. */
void memstore_issued(struct sql *db, const struct idents *idents, int64_t now_s);
size_t memstore_bytes(const struct sql *db);
#endif
