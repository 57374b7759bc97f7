/* evidence.h - what a device's attestation statement proved (V16), one for an authorization. Within a transaction.
 *
 * The statement itself is kept only where the profile wants it; its SHA-256 is among the facts. All of it goes with the
 * authorization (sweep.h). */
#ifndef STORE_EVIDENCE_H
#define STORE_EVIDENCE_H

#include "base/addr.h"
#include "pki/key.h"
#include "sql/sql.h"

struct evidence {
	int64_t authz_id, at;
	char key_hash[KEY_HASH_TEXT]; /* of the attested key */
	char *facts;                  /* JSON object (attest_facts_write); owned */
	bool has_statement;
	char address[ADDR_TEXT];      /* where the statement came from; "" = not known */
};
void evidence_done(struct evidence *e);

/* statement with p NULL: it is not kept. */
bool evidence_insert(struct sql *db, const struct evidence *e, struct span statement, struct problem *pr) MUST_CHECK;
/* *ret_found false: there is none. */
bool evidence_of_authz(struct sql *db, int64_t authz_id, struct evidence *ret, bool *ret_found, struct problem *pr) MUST_CHECK;
/* Of each authorization of the order that has some; fn may use the store, and answers false, with `pr` set, to end it. */
typedef bool (*evidence_fn)(struct sql *db, const struct evidence *e, void *arg, struct problem *pr);
bool evidence_each_of_order(struct sql *db, int64_t order_id, evidence_fn fn, void *arg, struct problem *pr) MUST_CHECK;
/* The statement; *ret stays empty if it was not kept. */
bool evidence_statement(struct sql *db, int64_t authz_id, struct buf *ret, struct problem *pr) MUST_CHECK;
/* Was this key attested in each authorization of the order that is proven by attestation? True as well if there is none such. */
bool evidence_has_key(struct sql *db, int64_t order_id, const char *key_hash, bool *ret, struct problem *pr) MUST_CHECK;
#endif
