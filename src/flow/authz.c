/* flow/authz.c - see authz.h. */
#include "flow/authz.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/b64url.h"
#include "store/account.h"
#include "store/audit.h"
#include "store/event.h"

#define EVIDENCE_DIGEST_TEXT (B64URL_LEN(32) + 1)

static const struct {
	enum authz_state from;
	enum authz_event event;
	enum authz_state to;
} rules[] = {
	{ AUTHZ_PENDING, AUTHZ_EV_PROVEN, AUTHZ_VALID },
	{ AUTHZ_PENDING, AUTHZ_EV_FAILED, AUTHZ_INVALID },
	{ AUTHZ_PENDING, AUTHZ_EV_DEACTIVATE, AUTHZ_DEACTIVATED },
	{ AUTHZ_PENDING, AUTHZ_EV_EXPIRED, AUTHZ_EXPIRED },
	{ AUTHZ_VALID, AUTHZ_EV_DEACTIVATE, AUTHZ_DEACTIVATED },
	{ AUTHZ_VALID, AUTHZ_EV_EXPIRED, AUTHZ_EXPIRED },
	{ AUTHZ_VALID, AUTHZ_EV_REVOKE, AUTHZ_REVOKED },
};

bool
authz_rule(enum authz_state from, enum authz_event ev, enum authz_state *ret_to)
{
	for (size_t i = 0; i < COUNT_OF(rules); i++) {
		if (rules[i].from == from && rules[i].event == ev) {
			*ret_to = rules[i].to;
			return true;
		}
	}
	return false;
}

const char *
authz_failure_key(int64_t account_id, const char *ident, char dst[FAILURE_KEY_TEXT])
{
	snprintf(dst, FAILURE_KEY_TEXT, "%lld/%s", (long long)account_id, ident);
	return dst;
}

static bool
step(struct sql *db, const struct authz *a, enum authz_event ev, int64_t expires, bool *ret_moved, struct problem *pr)
{
	enum authz_state to;

	*ret_moved = false;
	return !authz_rule(a->state, ev, &to) || authz_move(db, a->id, a->state, to, expires, ret_moved, pr);
}

struct review {
	int64_t now;
	const char *node;
	const char *what, *detail; /* noted in each order's story before the review */
	const struct audit_entry *entry; /* and in the audit trail; NULL: nothing */
};

/* What was proven, or was not, of which name, by which challenge. */
static bool
note_proof(struct sql *db, int64_t order_id, const struct review *r, struct problem *pr)
{
	struct audit_entry e;
	struct audit_order o;

	if (!r->entry)
		return true;
	if (!audit_order_of(db, order_id, &o, pr))
		return false;
	e = *r->entry;
	e.node = r->node;
	e.order = o.order;
	e.account = o.account;
	return audit_note(db, &e, pr);
}

static bool
review_one(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	struct review *r = arg;

	return event_note(db, id, r->node, r->what, pr, "%s", r->detail) && note_proof(db, id, r, pr) &&
		order_review(db, id, r->now, r->node, pr);
}

/* Tell the orders that wait for it. */
static bool
review_orders(struct sql *db, const struct authz *a, const char *what, const char *detail, int64_t now, const char *node,
	const struct audit_entry *entry, struct problem *pr)
{
	struct review r = { now, node, what, detail, entry };

	return order_each_with_authz(db, a->id, review_one, &r, pr);
}

/* SHA-256 of what was looked for, and found: the key authorization. Its own text would be the token's. */
static const char *
evidence_digest(const struct challenge *c, char dst[EVIDENCE_DIGEST_TEXT])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	dst[0] = '\0';
	if (c->key_auth[0] && EVP_Digest(c->key_auth, strlen(c->key_auth), md, &n, EVP_sha256(), NULL) == 1)
		b64url_write(dst, md, n);
	return dst;
}

bool
authz_prove(struct sql *db, const struct authz *a, size_t index, int64_t now, int64_t valid_until, const char *node, struct problem *pr)
{
	char digest[EVIDENCE_DIGEST_TEXT];
	bool moved;

	if (!challenge_validated(db, a->challenges[index].id, now, &moved, pr))
		return false;
	if (!moved)
		return true;
	if (!step(db, a, AUTHZ_EV_PROVEN, valid_until, &moved, pr))
		return false;
	return !moved || review_orders(db, a, "proven", a->ident.value, now, node, &(struct audit_entry){ .event = AUDIT_AUTHZ_VALID,
		.names = a->ident.value, .profile = a->profile, .challenge = challenge_kind_name(a->challenges[index].kind),
		.evidence = evidence_digest(&a->challenges[index], digest) }, pr);
}

bool
authz_fail(struct sql *db, const struct authz *a, size_t index, const char *error, int64_t now, const char *node, struct problem *pr)
{
	bool moved;

	if (!challenge_attempted(db, a->challenges[index].id, error, 0, pr) ||
		!challenge_move(db, a->challenges[index].id, CHALL_PROCESSING, CHALL_INVALID, &moved, pr))
		return false;
	if (!moved)
		return true;
	if (!step(db, a, AUTHZ_EV_FAILED, 0, &moved, pr))
		return false;
	return !moved || review_orders(db, a, "not proven", a->ident.value, now, node, &(struct audit_entry){ .event = AUDIT_AUTHZ_INVALID,
		.outcome = AUDIT_FAILED, .names = a->ident.value, .profile = a->profile, .detail = error,
		.challenge = challenge_kind_name(a->challenges[index].kind) }, pr);
}

bool
authz_deactivate(struct sql *db, const struct authz *a, int64_t now, const char *node, struct problem *pr)
{
	bool moved;

	if (a->state == AUTHZ_DEACTIVATED)
		return true;
	if (!step(db, a, AUTHZ_EV_DEACTIVATE, 0, &moved, pr))
		return false;
	if (!moved)
		return problem_set(pr, PROBLEM_MALFORMED,
			"the authorization is %s and cannot be deactivated", authz_state_name(a->state));
	return review_orders(db, a, "deactivated", a->ident.value, now, node, NULL, pr);
}

static bool
end_order(struct sql *db, int64_t id, void *arg, struct problem *pr)
{
	static const char error[] = "{\"type\":\"" PROBLEM_URN "unauthorized\",\"detail\":\"the account was deactivated\",\"status\":401}";
	static const enum order_state states[] = { ORDER_PENDING, ORDER_READY, ORDER_PROCESSING };
	const char *node = arg;
	bool moved = false;

	for (size_t i = 0; !moved && i < COUNT_OF(states); i++) {
		if (!order_step(db, id, states[i], ORDER_EV_ACCOUNT_GONE, error, node, &moved, pr))
			return false;
	}
	return true;
}

bool
account_deactivate(struct sql *db, int64_t account_id, const char *node, bool *ret_moved, struct problem *pr)
{
	if (!account_move(db, account_id, ACCOUNT_VALID, ACCOUNT_DEACTIVATED, ret_moved, pr))
		return false;
	return !*ret_moved || (authz_deactivate_pending_of(db, account_id, pr) &&
				order_each_open_of(db, account_id, end_order, (void *)(uintptr_t)node, pr));
}
