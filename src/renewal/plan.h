/* plan.h - where in its window each certificate's place is, decided with all others in mind: no hour of a CA is given more renewals than its
 * budget has (conf_renewals_per_hour), as long as a certificate has another one.
 *
 * It is decided once, in the transaction that stores the certificate or the CA's window, and put on record: so a restart, a reload, or another
 * gateway on the store moves nothing. Decided again is what does not fit any more: the CA has said another window, or the configuration
 * permits other hours. Whoever cannot plan in his own transaction leaves it to the job (plan_job.h), which looks every few seconds. */
#ifndef RENEWAL_PLAN_H
#define RENEWAL_PLAN_H

#include "gate/conf.h"
#include "renewal/window.h"
#include "store/renewal_plan.h"

/* What a window is made from, as it is on record. */
struct window_facts plan_facts(const struct renewal_row *r);
/* In words, for operators: "the CA's window, in the hours of \"nights\"". m: plan_maintenance. */
#define PLAN_WORDS_MAX 400
void plan_words(const struct renewal_row *r, enum window_from from, const struct maintenance_conf *m, struct buf *ret);

/* In a transaction: the certificate has been stored, or its window of the CA has changed. Keeps what still fits. */
bool plan_cert(struct sql *db, const struct gate_conf *conf, int64_t cert_id, struct problem *pr) MUST_CHECK;
/* Of a row that was read already; its plan is the new one afterwards. */
bool plan_of_row(struct sql *db, const struct gate_conf *conf, struct plan_row *row, struct problem *pr) MUST_CHECK;

/* The entry of maintenance that counts for it, NULL = none. */
bool plan_maintenance(struct sql *db, const struct gate_conf *conf, const struct plan_row *row, const struct maintenance_conf **ret, struct problem *pr) MUST_CHECK;

#endif
