/* housekeep.c - see housekeep.h. Small transactions, so that nobody waits for the writer; more at once while there is more. */
#include "gate/housekeep.h"

#include "base/clock.h"
#include "base/log.h"
#include "flow/order.h"
#include "flow/work.h"
#include "store/lookup.h"
#include "store/queue.h"
#include "store/quota.h"
#include "store/sweep.h"
#include "store/usage.h"

#define BATCH 200
#define PERIOD_MS (60 * 1000)
#define MORE_MS 200

struct round {
	struct job *job;
	struct gate_conf *conf;
	const struct housekeep *h;
	struct sweep_cursor devices;
	int64_t orders, authzs, swept_orders, swept_authzs, swept_certs, swept_accounts, swept_devices, swept_buckets, swept_places, ended_certs, lapsed;
};

static bool
expire_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct round *r = arg;
	int64_t now = clock_unix_s();

	return jobs_fence(r->job, db, pr) && orders_expire(db, now, BATCH, jobs_node(r->job->jobs), &r->orders, pr) &&
		authz_expire(db, now, BATCH, &r->authzs, pr);
}

static bool
sweep_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct round *r = arg;
	int64_t now = clock_unix_s(), before = now - r->conf->order_keep_s;
	int64_t idle = r->conf->account_idle_s;

	r->devices = r->h->devices;
	return jobs_fence(r->job, db, pr) && sweep_orders(db, now, before, BATCH, &r->swept_orders, pr) &&
		sweep_authzs(db, before, BATCH, &r->swept_authzs, pr) &&
		sweep_certs(db, before, BATCH, &r->swept_certs, pr) &&
		bucket_sweep(db, clock_unix_ms() * 1000000, BATCH, &r->swept_buckets, pr) && place_sweep(db, now, BATCH, &r->swept_places, pr) &&
		usage_sweep(db, now, before, BATCH, &r->ended_certs, pr) &&
		lookup_lapse(db, now, now - LOOKUP_STALE_S, BATCH, &r->lapsed, pr) &&
		(idle == 0 || (sweep_accounts(db, now, now - idle, BATCH, &r->swept_accounts, pr) &&
			sweep_devices(db, now - idle, BATCH, &r->devices, &r->swept_devices, pr)));
}

static bool
is_more(const struct round *r)
{
	return r->orders >= BATCH || r->authzs >= BATCH || r->swept_orders >= BATCH ||
		r->swept_authzs >= BATCH || r->swept_certs >= BATCH || r->swept_accounts >= BATCH || r->swept_devices >= BATCH ||
		r->swept_buckets >= BATCH || r->swept_places >= BATCH || r->ended_certs >= BATCH || r->lapsed >= BATCH;
}

static void
tell(const struct round *r)
{
	if (r->orders || r->authzs || r->swept_orders || r->swept_authzs || r->swept_certs || r->swept_accounts || r->swept_devices || r->lapsed)
		log_info("housekeeping", LI("orders_expired", r->orders), LI("authzs_expired", r->authzs),
			LI("orders_deleted", r->swept_orders), LI("authzs_deleted", r->swept_authzs),
			LI("certs_deleted", r->swept_certs), LI("accounts_deleted", r->swept_accounts),
			LI("devices_deleted", r->swept_devices), LI("windows_lapsed", r->lapsed));
}

static enum job_next
step(struct job *job, void *arg)
{
	struct housekeep *h = arg;
	struct round r = { .job = job, .conf = conf_holder_take(h->conf), .h = h };
	struct problem pr = { 0 };

	if (store_write(h->store, expire_tx, &r, &pr) && store_write(h->store, sweep_tx, &r, &pr)) {
		h->devices = r.devices;
		tell(&r);
		if (r.orders)
			work_wake(job->jobs);
	} else {
		log_error("housekeeping_failed", LPR(&pr));
	}
	gate_conf_unref(r.conf);
	job->wait_ms = is_more(&r) ? MORE_MS : PERIOD_MS;
	return JOB_AGAIN;
}

void
housekeep_register(struct jobs *jobs, struct housekeep *h)
{
	jobs_register(jobs, JOB_HOUSEKEEP, &(struct job_ops){ .step = step, .arg = h });
}

static bool
begin_tx(struct sql *db, void *arg, struct problem *pr)
{
	int64_t id;

	(void)arg;
	return job_insert(db, JOB_HOUSEKEEP, 0, clock_unix_ms(), NULL, 0, &id, pr);
}

bool
housekeep_begin(struct housekeep *h, struct problem *pr)
{
	return store_write(h->store, begin_tx, NULL, pr);
}
