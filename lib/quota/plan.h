/* plan.h - what a CA's limits mean for a fleet: how long its first certificates take, and what renewing them asks. Pure, any thread.
 *
 * Nothing is taken off for margin or reserve, and nobody else is thought to order: the best that can be. */
#ifndef QUOTA_PLAN_H
#define QUOTA_PLAN_H

#include "quota/quota.h"

struct plan_rq {
	int64_t devices, domains; /* registered domains that the devices' names spread over evenly */
	int64_t names_per_cert;
	int64_t lifetime_s;
	int64_t within_s;         /* to be done in; 0 = it may take as long as it does */
	struct quota_rate by_domain, by_orders; /* count 0 = no such limit */
};

struct plan {
	int64_t certs, certs_per_domain;
	int64_t by_domain_s, by_orders_s; /* until the last one may be ordered; 0 = at once */
	/* renewal: each at two thirds of its life, at half of it if that is shorter than ten days */
	int64_t renew_at_s, window_s;     /* the window of ARI is a fiftieth of the lifetime */
	double renewals_per_day, renewals_per_hour;
	/* what would have to be agreed with the CA to be done in within_s; count 0 = what there is suffices */
	struct quota_rate need_domain, need_orders;
};
/* False: a number is below 1 or too large to count with. */
bool plan_make(const struct plan_rq *rq, struct plan *ret) __attribute__((warn_unused_result));
#endif
