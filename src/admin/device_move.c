/* device_move.c - POST /devices/NAME/block, allow, remove.
 *
 * A blocked device's orders are not finalized any more, and those that a CA works at end; its certificates live on unless `revoke` is
 * said: then each is revoked and its CA told. */
#include "admin/call.h"
#include "base/log.h"
#include "flow/inventory.h"
#include "flow/revoke.h"
#include "store/device_name.h"

#define REVOKED_AT_ONCE 50

struct move {
	struct call *c;
	enum device_state to;
	char reason[DEVICE_NOTE_TEXT];
	struct device d;
	int64_t revoked; /* -1 = not asked for */
};

static void
log_move(const struct move *m, const char *what)
{
	char value[DEVICE_VALUE_TEXT];

	log_notice("device_moved", LS("device", m->d.ref), LS("identifier", device_key_value(&m->d.key, value)), LS("to", what),
		LI("uid", m->c->http->peer_uid));
}

/* A device may be blocked before it was ever seen. */
static bool
make_blocked(struct move *m, struct sql *db, const struct device_key *key, struct problem *pr)
{
	if (m->to != DEVICE_BLOCKED || !key->scope[0])
		return call_not_found(pr, "device", m->c->ref);
	m->d = (struct device){ .key = *key, .state = DEVICE_SEEN };
	if (!device_key_has_oid(key))
		span_copy(span_str(key->scope + 1), m->d.about.kind, sizeof(m->d.about.kind));
	return device_insert(db, &m->d, pr);
}

static bool
set_state(struct move *m, struct sql *db, struct problem *pr)
{
	if (m->to == DEVICE_BLOCKED)
		return inventory_block(db, m->d.id, m->reason, jobs_node(m->c->admin->jobs), pr);
	return device_set_state(db, m->d.id, m->to, "", pr);
}

static bool
move_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct move *m = arg;
	struct device_key key;
	bool found;

	if (!device_find(m->c, db, &m->d, &found, &key, pr) || (!found && !make_blocked(m, db, &key, pr)) ||
		!set_state(m, db, pr) || !device_by_ref(db, span_str(m->d.ref), &m->d, &found, pr))
		return false;
	return device_write(m->c, db, &m->d, -1, pr);
}

/* ---- certificates of a blocked device ---- */

struct revoking {
	struct move *m;
	int reason;
	int64_t certs[REVOKED_AT_ONCE], jobs[REVOKED_AT_ONCE];
	size_t count;
};

static void
on_cert(int64_t id, const char *ref, int64_t not_after, void *arg)
{
	struct revoking *r = arg;

	(void)ref;
	(void)not_after;
	r->certs[r->count++] = id;
}

static bool
revoke_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct revoking *r = arg;
	struct jobs *jobs = r->m->c->admin->jobs;
	char asker[64];
	const struct audit_entry who = call_operator(r->m->c);
	const struct revocation_rq rq = { .reason = r->reason, .deny_key = true, .who = &who, .asker = asker };

	snprintf(asker, sizeof(asker), "an operator, uid %lu, device blocked", (unsigned long)r->m->c->http->peer_uid);
	r->count = 0;
	if (!device_each_cert(db, r->m->d.id, clock_unix_s(), REVOKED_AT_ONCE, on_cert, r, pr))
		return false;
	for (size_t i = 0; i < r->count; i++) {
		struct cert_row cert = { 0 };
		bool found, good;

		if (!cert_by_id(db, r->certs[i], &cert, &found, pr))
			return false;
		good = !found || revoke_cert(db, jobs, &cert, &rq, &r->jobs[i], pr);
		cert_row_done(&cert);
		if (!good)
			return false;
	}
	return true;
}

static bool
revoke_all(struct move *m, int reason)
{
	struct call *c = m->c;
	struct revoking r = { .m = m, .reason = reason };

	m->revoked = 0;
	do {
		if (!call_write(c, revoke_tx, &r))
			return false;
		for (size_t i = 0; i < r.count; i++)
			jobs_run(c->admin->jobs, r.jobs[i], JOB_REVOKE, r.certs[i]);
		m->revoked += (int64_t)r.count;
	} while (r.count == REVOKED_AT_ONCE);
	return true;
}

static bool
tell_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct move *m = arg;

	return device_write(m->c, db, &m->d, m->revoked, pr);
}

bool
call_device_block(struct call *c)
{
	struct move m = { .c = c, .to = DEVICE_BLOCKED, .revoked = -1 };
	struct span reason = json_opt_str(&c->body, "reason", sizeof(m.reason) - 1);
	bool revoke = json_opt_bool(&c->body, "revoke", false);
	int crl_reason = (int)json_opt_int(&c->body, "crl_reason", 0, 10, -1);

	if (!json_ok(&c->body) || (crl_reason >= 0 && !revoke_reason_check(crl_reason, &c->pr)))
		return false;
	span_copy(reason, m.reason, sizeof(m.reason));
	if (!call_write(c, move_tx, &m))
		return false;
	log_move(&m, "blocked");
	if (!revoke)
		return true;
	return revoke_all(&m, crl_reason) && store_read(c->admin->store, tell_tx, &m, &c->pr);
}

bool
call_device_allow(struct call *c)
{
	struct move m = { .c = c, .to = DEVICE_INVENTORIED, .revoked = -1 };

	if (!call_write(c, move_tx, &m))
		return false;
	log_move(&m, "inventoried");
	return true;
}

/* A block must not vanish with its record. */
static bool
remove_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct move *m = arg;
	struct device_key key;
	bool found;

	if (!device_find(m->c, db, &m->d, &found, &key, pr))
		return false;
	if (!found)
		return call_not_found(pr, "device", m->c->ref);
	if (m->d.state == DEVICE_BLOCKED)
		return problem_set(pr, PROBLEM_CONFLICT, "the device is blocked: allow it first");
	return device_write(m->c, db, &m->d, -1, pr) && device_name_release(db, &m->d.key, pr) && device_delete(db, m->d.id, pr);
}

bool
call_device_remove(struct call *c)
{
	struct move m = { .c = c, .revoked = -1 };

	if (!call_write(c, remove_tx, &m))
		return false;
	log_move(&m, "removed");
	return true;
}
