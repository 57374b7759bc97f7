/* dispatch_foresee.c - when an order would be let through, asked of the ledger by whichever gateway wants to know; see flow/work.h. */
#include "base/clock.h"
#include "flow/names.h"
#include "upstream/dispatch.h"

static bool
foresee(struct upstreams *ups, struct sql *db, const struct ledger_ask *ask, int64_t since, struct work_forecast *ret, struct problem *pr)
{
	struct ledger_answer a;
	char label[BUCKET_LABEL_TEXT];

	if (!ledger_forecast(upstreams_ledger(ups), db, ask, since, &a, pr))
		return false;
	*ret = (struct work_forecast){ .waits = !a.admitted };
	if (a.admitted)
		return true;
	ret->at = a.until;
	ret->bucket = a.blocked.id;
	snprintf(ret->what, sizeof(ret->what), "%s", ledger_label(&a.blocked, label));
	return true;
}

bool
dispatch_foresee(void *arg, struct sql *db, const struct gate_conf *conf, const struct order *o, const struct upstream_conf *u, int64_t since, struct work_forecast *ret, struct problem *pr)
{
	struct upstreams *ups = arg;
	struct upstream *up = upstreams_get(ups, u->name);
	struct ca_account *account;
	struct idents names, ordered;
	struct ledger_ask ask = { .conf = conf, .upstream = u, .order_id = o->id, .idents = &names, .ordered = &ordered };
	struct queue_row q;
	bool good;

	*ret = (struct work_forecast){ 0 };
	if (u->driver != DRIVER_ACME || !up)
		return true;
	ask.now_ns = clock_unix_ms() * 1000000;
	if (!work_rank(db, conf, o, ask.now_ns / NS_PER_S, &q, pr))
		return false;
	ask.urgent = q.class <= SCHED_EXPIRING;
	account = upstream_account(up);
	ask.account_url = account->kid;
	order_ca_names(o, &names);
	order_names(o, &ordered);
	good = foresee(ups, db, &ask, since, ret, pr);
	idents_done(&names);
	idents_done(&ordered);
	ca_account_unref(account);
	return good;
}
