/* flow/order.c - see order.h. */
#include "flow/order.h"

#include "acme/problem_json.h"
#include "base/clock.h"
#include "store/audit.h"
#include "store/cert.h"
#include "store/event.h"
#include "store/job.h"
#include "store/renewal.h"
#include "store/upstream.h"
#include "store/usage.h"

static const struct {
	enum order_state from;
	enum order_event event;
	enum order_state to;
} rules[] = {
	/* RFC 8555 7.1.6; O5, O7: after finalize only processing, valid or invalid */
	{ ORDER_PENDING, ORDER_EV_ALL_VALID, ORDER_READY },
	{ ORDER_PENDING, ORDER_EV_AUTHZ_DEAD, ORDER_INVALID },
	{ ORDER_PENDING, ORDER_EV_EXPIRED, ORDER_INVALID },
	{ ORDER_PENDING, ORDER_EV_ACCOUNT_GONE, ORDER_INVALID },
	{ ORDER_READY, ORDER_EV_FINALIZE, ORDER_PROCESSING },
	{ ORDER_READY, ORDER_EV_AUTHZ_DEAD, ORDER_INVALID },
	{ ORDER_READY, ORDER_EV_REFUSED, ORDER_INVALID }, /* work at the CA had begun (U1) */
	{ ORDER_READY, ORDER_EV_EXPIRED, ORDER_INVALID },
	{ ORDER_READY, ORDER_EV_ACCOUNT_GONE, ORDER_INVALID },
	{ ORDER_PROCESSING, ORDER_EV_ISSUED, ORDER_VALID },
	{ ORDER_PROCESSING, ORDER_EV_REFUSED, ORDER_INVALID },
	{ ORDER_PROCESSING, ORDER_EV_EXPIRED, ORDER_INVALID },
	{ ORDER_PROCESSING, ORDER_EV_ACCOUNT_GONE, ORDER_INVALID },
};

static const char *const event_names[] = {
	[ORDER_EV_ALL_VALID] = "all-authorizations-valid",
	[ORDER_EV_AUTHZ_DEAD] = "authorization-dead",
	[ORDER_EV_FINALIZE] = "finalize",
	[ORDER_EV_ISSUED] = "issued",
	[ORDER_EV_REFUSED] = "refused",
	[ORDER_EV_EXPIRED] = "expired",
	[ORDER_EV_ACCOUNT_GONE] = "account-deactivated",
};

const char *
order_event_name(enum order_event ev)
{
	return event_names[ev];
}

bool
order_rule(enum order_state from, enum order_event ev, enum order_state *ret_to)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		if (rules[i].from == from && rules[i].event == ev) {
			*ret_to = rules[i].to;
			return true;
		}
	}
	return false;
}

/* For the audit trail: what is issued, failed proofs and ended accounts are noted by who brings them about. */
static bool
note_end(struct sql *db, int64_t id, enum order_event ev, const char *error, const char *node, struct problem *pr)
{
	struct audit_entry e = { .node = node, .detail = error };
	struct audit_order o;

	if (ev == ORDER_EV_EXPIRED)
		e.event = AUDIT_ORDER_EXPIRE;
	else if (ev == ORDER_EV_REFUSED)
		e.event = AUDIT_CERT_FAIL;
	else
		return true;
	e.outcome = ev == ORDER_EV_REFUSED ? AUDIT_FAILED : AUDIT_OK;
	if (!audit_order_of(db, id, &o, pr))
		return false;
	e.order = o.order;
	e.account = o.account;
	return audit_note(db, &e, pr);
}

bool
order_step(struct sql *db, int64_t id, enum order_state from, enum order_event ev, const char *error, const char *node, bool *ret_moved, struct problem *pr)
{
	enum order_state to;

	*ret_moved = false;
	if (!order_rule(from, ev, &to))
		return true;
	if (!order_move(db, id, from, to, error, ret_moved, pr) || (*ret_moved && to == ORDER_INVALID && !usage_give_back(db, id, pr)))
		return false;
	if (!*ret_moved)
		return true;
	/* what may have been begun at the CA is nobody's until somebody hurries it (U1) */
	if (from == ORDER_READY && to == ORDER_INVALID && !job_hurry(db, JOB_ISSUE, id, clock_unix_ms(), pr))
		return false;
	return event_note(db, id, node, "order", pr, "%s->%s by %s", order_state_name(from), order_state_name(to), order_event_name(ev)) &&
		note_end(db, id, ev, error, node, pr);
}

static bool
error_json(struct buf *out, enum problem_kind kind, const char *detail)
{
	struct problem pr = { 0 };

	problem_set(&pr, kind, "%s", detail);
	return problem_json(out, &pr, NULL);
}

bool
order_review(struct sql *db, int64_t id, int64_t now, const char *node, struct problem *pr)
{
	AUTO_BUF error = BUF_MAX(4096);
	struct authz_summary s;
	bool moved;

	if (!authz_summary_of_order(db, id, now, &s, pr))
		return false;
	if (s.dead > 0) {
		error_json(&error, PROBLEM_UNAUTHORIZED,
			"an authorization of this order is no longer valid");
		return order_step(db, id, ORDER_PENDING, ORDER_EV_AUTHZ_DEAD, buf_cstr(&error), node, &moved, pr) &&
			(moved || order_step(db, id, ORDER_READY, ORDER_EV_AUTHZ_DEAD, buf_cstr(&error), node, &moved, pr));
	}
	if (s.not_valid > 0 || s.count == 0)
		return true;
	return order_step(db, id, ORDER_PENDING, ORDER_EV_ALL_VALID, NULL, node, &moved, pr);
}

struct ending {
	const char *error, *node;
	int64_t cert_id;
	struct cert_row cert; /* owned */
};

static bool
refuse_one(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	struct ending *e = arg;
	bool moved;

	return order_step(db, id, ORDER_PROCESSING, ORDER_EV_REFUSED, e->error, e->node, &moved, pr) &&
		(moved || order_step(db, id, ORDER_READY, ORDER_EV_REFUSED, e->error, e->node, &moved, pr));
}

bool
order_refuse(struct sql *db, int64_t id, const char *error, const char *node, struct problem *pr)
{
	struct ending e = { .error = error, .node = node };

	return refuse_one(db, id, &e, pr) && order_each_joined(db, id, refuse_one, &e, pr) &&
		upstream_order_delete(db, id, pr);
}

static bool
note_issued(struct sql *db, int64_t id, const struct ending *e, struct problem *pr)
{
	const struct cert_row *c = &e->cert;
	char from[TIME_TEXT], until[TIME_TEXT];
	AUTO_BUF names = BUF_MAX(AUDIT_PERSONAL_MAX);
	struct audit_order o;

	if (!audit_order_of(db, id, &o, pr))
		return false;
	idents_write(&c->idents, &names);
	return audit_note(db, &(struct audit_entry){ .event = AUDIT_CERT_ISSUE, .node = e->node, .order = o.order, .account = o.account,
		.profile = c->profile, .names = buf_cstr(&names), .cert = c->ref, .serial = c->serial, .issuer = c->issuer, .sha256 = c->sha256,
		.key_sha256 = c->key_hash, .not_before = time_rfc3339(c->not_before, from), .not_after = time_rfc3339(c->not_after, until),
		.upstream = c->upstream, .reason = c->order_id == id ? "" : "the certificate of another order" }, pr);
}

/* What an order was to replace has been replaced once there is a certificate in its place (RFC 9773 4.3). */
static bool
mark_replaced(struct sql *db, int64_t id, const char *node, struct problem *pr)
{
	struct problem unreadable = { 0 };
	struct certid certid;
	struct order o = { 0 };
	bool found, named, good;

	if (!order_by_id(db, id, &o, &found, pr))
		return false;
	named = o.replaces && certid_parse(span_str(o.replaces), &certid, &unreadable);
	good = !named || (renewal_replaced(db, certid.text, clock_unix_s(), pr) && usage_end_certid(db, certid.text, pr) &&
		audit_note(db, &(struct audit_entry){ .event = AUDIT_CERT_REPLACE, .node = node, .order = o.ref, .before = certid.text }, pr));
	order_done(&o);
	return good;
}

static bool
issue_one(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	struct ending *e = arg;
	bool moved;

	if (!order_step(db, id, ORDER_PROCESSING, ORDER_EV_ISSUED, NULL, e->node, &moved, pr))
		return false;
	/* an order that ended meanwhile does not get it; the certificate is kept for the next try (O3, O4) */
	return !moved || (order_set_cert(db, id, e->cert_id, pr) && usage_settle(db, id, e->cert_id, pr) && note_issued(db, id, e, pr) &&
				mark_replaced(db, id, e->node, pr));
}

bool
order_give(struct sql *db, int64_t id, int64_t cert_id, const char *node, struct problem *pr)
{
	struct ending e = { .cert_id = cert_id, .node = node };

	return issue_one(db, id, &e, pr);
}

bool
order_issued(struct sql *db, int64_t id, int64_t cert_id, const char *node, struct problem *pr)
{
	struct ending e = { .cert_id = cert_id, .node = node };
	bool found, good = cert_by_id(db, cert_id, &e.cert, &found, pr) && issue_one(db, id, &e, pr) && order_each_joined(db, id, issue_one, &e, pr) &&
		upstream_order_delete(db, id, pr);

	cert_row_done(&e.cert);
	return good;
}

struct expiry {
	const char *node;
	int64_t count;
};

static bool
expire_one(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	static const enum order_state states[] = { ORDER_PENDING, ORDER_READY, ORDER_PROCESSING };
	AUTO_BUF waiting = BUF_MAX(4096), working = BUF_MAX(4096);
	struct expiry *e = arg;
	bool moved = false;

	error_json(&waiting, PROBLEM_MALFORMED, "the order was not finalized before it expired");
	error_json(&working, PROBLEM_SERVER_INTERNAL, "the certificate authority did not issue before the order expired");
	for (size_t i = 0; !moved && i < COUNT_OF(states); i++) {
		struct buf *error = states[i] == ORDER_PROCESSING ? &working : &waiting;

		if (!order_step(db, id, states[i], ORDER_EV_EXPIRED, buf_cstr(error), e->node, &moved, pr))
			return false;
	}
	e->count += moved;
	return true;
}

bool
orders_expire(struct sql *db, int64_t now, int64_t limit, const char *node, int64_t *ret_count, struct problem *pr)
{
	struct expiry e = { node, 0 };

	if (!order_each_expired(db, now, limit, expire_one, &e, pr))
		return false;
	*ret_count = e.count;
	return true;
}
