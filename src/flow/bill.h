/* flow/bill.h - what is issued and revoked goes on the bill (store/bill.h), in the same transaction. */
#ifndef FLOW_BILL_H
#define FLOW_BILL_H

#include "gate/conf.h"
#include "store/bill.h"

/* The certificate is about to be stored: its row, with tenant, cost centre and price as of now, and the row of a term that begins with
 * it. */
bool bill_issue(struct sql *db, const struct gate_conf *conf, const struct order *o, const struct cert_row *cert, int64_t now, struct problem *pr) MUST_CHECK;
/* It is revoked: a row that pays back what the rate says, or nothing. Of one that is on no bill there is none. */
bool bill_revoke(struct sql *db, const struct cert_row *cert, int64_t now, struct problem *pr) MUST_CHECK;
#endif
