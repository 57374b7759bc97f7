/* issue_early.c - an order that its CA was asked for before the device has finalized (upstream_start, U1); see issue.h.
 *
 * It goes its way like any other, without a CSR, until the CA's order is ready. Then it is parked: its row says so, its job is nobody's, and
 * whatever becomes of the device's order makes that job due (flow/work.h, flow/order.c). What was begun is not worth more than it has cost:
 * another order for the same names that has its CSR need not wait for it. */
#include "upstream/issue.h"

#include "base/log.h"
#include "store/event.h"
#include "store/queue.h"

bool
issue_csr_unsent(const struct issue *is)
{
	return is->csr.n == 0 || is->row.parked;
}

static const char *
node_of(const struct issue *is)
{
	return jobs_node(is->job->jobs);
}

struct park_rq {
	struct issue *is;
	bool parked;
};

/* Who finalizes meanwhile either finds it parked, or is found here. */
static bool
park_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct park_rq *r = arg;
	struct issue *is = r->is;
	int64_t id = is->job->row.subject;

	r->parked = false;
	if (!issue_load_tx(db, is, pr))
		return false;
	if (is->late || is->csr.n)
		return true;
	r->parked = true;
	if (is->u->driver == DRIVER_LOCAL)
		return event_note(db, id, node_of(is), "upstream", pr, "%s signs when the device finalizes", is->u->name) &&
			upstream_order_delete(db, id, pr) && job_delete(db, is->job->row.id, pr);
	return jobs_yield(is->job, db, pr) && queue_park(db, id, pr) &&
		event_note(db, id, node_of(is), "upstream", pr, "the order at %s is ready: it waits for the device's CSR", is->u->name);
}

bool
issue_has_csr(struct issue *is, enum job_next *ret_next)
{
	struct park_rq r = { .is = is };
	struct problem pr = { 0 };

	if (is->csr.n)
		return true;
	if (!store_write(upstreams_env(is->ups)->store, park_tx, &r, &pr))
		*ret_next = issue_store_trouble(is, &pr);
	else if (r.parked)
		*ret_next = JOB_DONE;
	else if (is->late)
		*ret_next = issue_left(is);
	else
		return true;
	if (r.parked)
		log_info("order_parked", LS("order", is->order.ref), LS("upstream", is->u->name), LS("url", is->row.url));
	return false;
}

static bool
unpark_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct issue *is = arg;

	return issue_look_tx(db, is, pr) && (is->late || queue_leave(db, is->job->row.subject, pr));
}

bool
issue_unpark(struct issue *is, struct problem *pr)
{
	if (!is->row.parked)
		return issue_look(is, pr);
	if (!store_write(upstreams_env(is->ups)->store, unpark_tx, is, pr))
		return false;
	is->row.parked = is->late;
	return true;
}

/* The CA's order is left: its next one for these names is the same, or another. */
static bool
make_room(struct sql *db, int64_t id, const struct order *o, const char *node, struct problem *pr)
{
	return event_note(db, id, node, "upstream", pr, "given up before the CA had the CSR: order %s is for the same names, and has its CSR", o->ref) &&
		upstream_order_delete(db, id, pr) && job_delete_of(db, JOB_ISSUE, id, pr);
}

bool
issue_in_the_way(struct sql *db, const struct order *o, const char *upstream, const char *node, bool *ret, struct problem *pr)
{
	char key[IDENTS_KEY_TEXT];
	struct idents names;
	int64_t parked = 0;

	order_names(o, &names);
	idents_key(&names, key);
	idents_done(&names);
	do {
		if (o->state == ORDER_PROCESSING && !queue_parked_of(db, upstream, key, &parked, pr))
			return false;
		if (parked && !make_room(db, parked, o, node, pr))
			return false;
	} while (parked);
	return upstream_order_same_set(db, o->id, upstream, key, ret, pr);
}
