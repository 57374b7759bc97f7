/* proof_record.h - the journal of records laid out in the DNS for CAs: on record before a server hears of them, and until they are gone
 * there again. In a transaction. */
#ifndef STORE_PROOF_RECORD_H
#define STORE_PROOF_RECORD_H

#include "sql/sql.h"

#define DNS_TEXT 256 /* a name in the DNS, or a value */

struct proof_record {
	int64_t id, order_id;
	char solver[65];       /* of the configuration */
	char zone[DNS_TEXT];   /* "" = the solver needs none */
	char server[DNS_TEXT]; /* the zone's primary as it was found, "" = the configuration has it */
	char owner[DNS_TEXT], value[DNS_TEXT];
	bool wanted;           /* else it is to be removed */
};

/* Insert (wanted), and the job that will remove it (JOB_CLEAN), which looks after it every hour even if nobody says that it is not
 * wanted any more. The same once more is the same record. */
bool proof_record_put(struct sql *db, const struct proof_record *record, int64_t *ret_id, struct problem *pr) MUST_CHECK;
bool proof_record_get(struct sql *db, int64_t id, struct proof_record *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* The order's, and their jobs are due: the proofs are over. */
bool proof_records_unwant(struct sql *db, int64_t order_id, struct problem *pr) MUST_CHECK;
/* Is it wanted, and is the very same wanted by another order? */
bool proof_record_look(struct sql *db, int64_t id, bool *ret_wanted, bool *ret_shared, struct problem *pr) MUST_CHECK;
/* How many at the same name are wanted that were there before. */
bool proof_record_ahead(struct sql *db, int64_t id, int64_t *ret, struct problem *pr) MUST_CHECK;
/* It is gone in the DNS. One that is wanted again meanwhile stays on record: *ret_wanted. */
bool proof_record_delete(struct sql *db, int64_t id, bool *ret_wanted, struct problem *pr) MUST_CHECK;

/* How many are laid out, and how many are to be removed, by solver; for status. */
typedef void (*proof_record_count_fn)(const char *solver, int64_t wanted, int64_t unwanted, void *arg);
bool proof_record_counts(struct sql *db, proof_record_count_fn fn, void *arg, struct problem *pr) MUST_CHECK;
#endif
