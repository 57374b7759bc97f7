/* ep_finalize.c - finalize (RFC 8555 7.4): the CSR against the order, then the order to its CA.
 *
 * Driver acme: one transaction: checks, order processing, the issue job, the upstream intent, unless these are there since the order was
 * ready (U1); the engine goes on with it.
 * Driver local: the checks are read first, the certificate is made by the keeper, and one transaction stores all (O8). */
#include <openssl/evp.h>

#include "base/log.h"
#include "flow/decision.h"
#include "flow/inventory.h"
#include "flow/issue.h"
#include "flow/mapped.h"
#include "flow/names.h"
#include "flow/work.h"
#include "server/api.h"
#include "store/event.h"
#include "store/evidence.h"

#define HANDED_OUT_AGAIN_S (24 * 3600) /* O4 */
#define HANDED_OUT_AGAIN_PERCENT 67    /* of its life ahead: with less, a device that keeps its key may be renewing */

struct finalize {
	struct api *api;
	struct buf csr_der;
	struct csr *csr;
	char csr_thumbprint[THUMBPRINT_TEXT]; /* of its key, as an account would have it; "" if no account could */
	struct order_view v;
	const struct profile_conf *profile;
	const struct upstream_conf *upstream;
	struct decision decision;             /* owned */
	bool not_ready;                       /* refused for the order's state: Location goes along (W15) */
	bool began;                           /* work at the CA */
	bool ready_made;                      /* driver local: chain is filled */
	struct buf chain_pem;
	struct chain chain;
};

static bool
read_csr(struct finalize *f)
{
	struct api *api = f->api;
	struct json_obj o = json_obj(api->payload, "payload", &api->pr);
	struct span text = json_req_str(&o, "csr", B64URL_LEN(CSR_MAX_BYTES) + 1);

	if (!json_ok(&o))
		return false;
	f->csr_der = BUF_MAX(CSR_MAX_BYTES);
	if (!b64url_read(text, &f->csr_der))
		return problem_set(&api->pr, PROBLEM_MALFORMED, "csr is not base64url without padding, or too long");
	if (!csr_parse(buf_span(&f->csr_der), &f->csr, &api->pr))
		return false;
	/* a key that cannot be an account key need not be looked for among them */
	if (!jwk_thumbprint_of(f->csr->key, f->csr_thumbprint))
		f->csr_thumbprint[0] = '\0';
	return true;
}

static bool
order_ready(struct sql *db, struct finalize *f, struct problem *pr)
{
	const struct order *o = &f->v.order;
	struct authz_summary s;
	int64_t now = clock_unix_s();

	f->not_ready = true;
	if (o->state != ORDER_READY)
		return problem_set(pr, PROBLEM_ORDER_NOT_READY, "the order is %s, not ready", order_state_name(o->state));
	if (o->expires < now)
		return problem_set(pr, PROBLEM_ORDER_NOT_READY, "the order has expired");
	if (!authz_summary_of_order(db, o->id, now, &s, pr))
		return false;
	if (s.not_valid > 0 || s.dead > 0)
		return problem_set(pr, PROBLEM_ORDER_NOT_READY, "an authorization of the order is no longer valid");
	f->not_ready = false;
	return true;
}

/* Of a device that was attested: the key in its hardware (draft-ietf-acme-device-attest-09 section 9). */
static bool
key_attested(struct sql *db, struct finalize *f, struct problem *pr)
{
	bool same = true;

	if (f->profile->certificate_key == CERTIFICATE_KEY_ATTESTED &&
		!evidence_has_key(db, f->v.order.id, f->csr->key_hash, &same, pr))
		return false;
	return same || problem_set(pr, PROBLEM_BAD_CSR, "the CSR's key is not the key that was attested");
}

/* Before a token of the CA is spent on it (U10). */
static bool
usage_fits(const struct finalize *f, struct problem *pr)
{
	struct ca_facts facts;

	if (f->upstream->driver == DRIVER_LOCAL || !csr_wants_eku(f->csr, NID_client_auth))
		return true;
	conf_ca_facts(f->upstream, f->profile, &facts);
	return facts.client_auth != KNOWN_NO || problem_set(pr, PROBLEM_BAD_CSR,
		"the CSR asks for the extended key usage clientAuth, for which this CA (%s) issues no certificates: leave it out", f->upstream->name);
}

static bool
csr_fits(struct sql *db, struct finalize *f, const struct account *account, struct problem *pr)
{
	const struct csr *csr = f->csr;
	const char *type = key_type_name(csr->key_type);
	bool known = false, allowed = false;

	if (!order_csr_fits(&f->v.order, csr, f->upstream->driver != DRIVER_LOCAL, pr) || !usage_fits(f, pr))
		return false;
	for (size_t i = 0; i < f->profile->key_types.count; i++)
		allowed = allowed || strcmp(f->profile->key_types.list[i], type) == 0;
	if (!allowed)
		return problem_set(pr, PROBLEM_BAD_CSR, "profile \"%s\" does not allow a %s key of %d bits",
			f->profile->name, type, key_bits(csr->key));
	if (strcmp(f->csr_thumbprint, account->thumbprint) != 0 && f->csr_thumbprint[0] &&
		!account_has_key(db, f->csr_thumbprint, &known, pr))
		return false;
	if (known || strcmp(f->csr_thumbprint, account->thumbprint) == 0)
		return problem_set(pr, PROBLEM_BAD_CSR, "the CSR's key is an account key");
	if (!denied_key_has(db, csr->key_hash, &known, pr))
		return false;
	if (known)
		return problem_set(pr, PROBLEM_BAD_CSR, "the CSR's key is known to be compromised");
	return key_attested(db, f, pr) && mapped_may_finalize(db, &f->v.order, pr);
}

/* The account's own order, ready to be finalized. */
static bool
find_ready(struct sql *db, struct finalize *f, struct account *ret_account, struct problem *pr)
{
	struct api *api = f->api;
	bool found;

	order_done(&f->v.order);
	f->not_ready = false;
	if (!api_account(api, db, ret_account, pr) || !api_eab_alive(api, ret_account, pr) || !api_terms_agreed(api, db, ret_account, pr) ||
		!order_by_ref(db, api->arg, ret_account->id, &f->v.order, &found, pr))
		return false;
	return found ? order_ready(db, f, pr) : api_not_found(pr);
}

static bool
find_ready_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct account account;

	return find_ready(db, arg, &account, pr);
}

/* Once more, with the key, and by the rules of today. */
static bool
rules_allow(struct sql *db, struct finalize *f, const struct account *account, struct problem *pr)
{
	const struct api *api = f->api;
	struct final_ask ask = { api->conf, f->profile, &f->v.order, account, api->kid_ref, &api->http->peer, key_type_name(f->csr->key_type) };

	decision_done(&f->decision);
	return decision_at_finalize(db, &ask, &f->decision, pr);
}

/* Everything that must hold before it may be finalized. */
static bool
check(struct sql *db, struct finalize *f, struct problem *pr)
{
	struct api *api = f->api;
	struct account account;

	if (!find_ready(db, f, &account, pr))
		return false;
	f->profile = conf_profile(api->conf, span_str(f->v.order.profile));
	f->upstream = conf_upstream(api->conf, f->v.order.upstream);
	if (!f->profile || !f->upstream)
		return problem_set(pr, PROBLEM_INVALID_PROFILE, "profile \"%s\" is no longer offered", f->v.order.profile);
	return inventory_may_finalize(db, f->profile, &f->v.order, pr) && csr_fits(db, f, &account, pr) && rules_allow(db, f, &account, pr);
}

static bool
check_tx(struct sql *db, void *arg, struct problem *pr)
{
	return check(db, arg, pr);
}

static bool
find_issued(struct sql *db, const struct finalize *f, const char *upstream, const char *key, int64_t *ret_cert, int64_t *ret_join, struct problem *pr)
{
	const struct order *o = &f->v.order;
	int64_t now = clock_unix_s();

	*ret_join = 0;
	return cert_find_again(db, o->principal, f->csr->key_hash, key, o->profile, upstream, now, now - HANDED_OUT_AGAIN_S, HANDED_OUT_AGAIN_PERCENT, ret_cert, pr) &&
		replaces_keep(db, o, ret_cert, pr) && (*ret_cert || order_find_working(db, o->principal, f->csr->key_hash, key, o->profile, upstream, ret_join, pr));
}

/* A certificate this principal has ready, or work under way for the same thing (O4). */
static bool
find_earlier(struct sql *db, const struct finalize *f, int64_t *ret_cert, int64_t *ret_join, struct problem *pr)
{
	const struct order *o = &f->v.order;
	AUTO_FREE char *allowed = decision_upstreams(&f->decision);
	struct idents names;
	char key[IDENTS_KEY_TEXT];

	order_names(o, &names);
	idents_key(&names, key);
	idents_done(&names);
	if (!find_issued(db, f, f->upstream->name, key, ret_cert, ret_join, pr))
		return false;
	/* it may have gone to another CA of the profile than it was meant for */
	for (size_t i = 0; !*ret_cert && !*ret_join && i < conf_profile_ca_count(f->profile); i++) {
		const struct upstream_conf *u = conf_profile_ca(f->api->conf, f->profile, i);

		if (u && u != f->upstream && conf_ca_is_among(allowed, u->name) && !find_issued(db, f, u->name, key, ret_cert, ret_join, pr))
			return false;
	}
	return true;
}

static bool
move(struct sql *db, struct finalize *f, int64_t join, struct problem *pr)
{
	struct order *o = &f->v.order;
	int64_t now = clock_unix_s();
	bool moved;

	if (!order_set_csr(db, o->id, buf_span(&f->csr_der), f->csr->key_hash, join, now,
		    now + f->profile->order_life_s, &moved, pr))
		return false;
	if (!moved)
		return problem_set(pr, PROBLEM_ORDER_NOT_READY, "the order is being finalized already");
	return event_note(db, o->id, jobs_node(f->api->srv->jobs), "order", pr, "ready->processing by finalize%s",
		join ? " (joined to an order at work for the same key and names)" : "");
}

static bool
finalize_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct finalize *f = arg;
	const char *node = jobs_node(f->api->srv->jobs);
	int64_t cert = 0, join = 0;
	struct issued issued = { &f->chain, buf_span(&f->chain_pem), NULL, 0 };
	bool found, good;

	f->began = false;
	if (!check(db, f, pr))
		return false;
	if (f->upstream->driver == DRIVER_ACME && !find_earlier(db, f, &cert, &join, pr))
		return false;
	if (!move(db, f, join, pr) || !decision_update(db, &f->decision, f->v.order.id, pr))
		return false;
	if (f->ready_made)
		good = issue_store(db, f->api->conf, &f->v.order, &issued, node, pr);
	else if (cert)
		good = order_give(db, f->v.order.id, cert, node, pr);
	else
		good = join != 0 || (f->began = work_finalized(db, f->api->conf, &f->v.order, f->upstream->name, pr));
	if (!good || (!f->began && !work_unwanted(db, f->v.order.id, pr)))
		return false;
	found = false;
	int64_t id = f->v.order.id;

	order_done(&f->v.order);
	return order_by_id(db, id, &f->v.order, &found, pr) && order_view_load(db, &f->v, pr);
}

/* Driver local: the keeper is asked before the transaction. */
static bool
make_now(struct finalize *f)
{
	struct api *api = f->api;
	struct issue_now rq;

	if (!store_read(api->srv->store, check_tx, f, &api->pr))
		return false;
	if (f->upstream->driver != DRIVER_LOCAL)
		return true;
	rq = (struct issue_now){ api->conf, f->profile, f->upstream, &f->v.order, f->csr };
	f->chain_pem = BUF_MAX(CHAIN_MAX_BYTES);
	f->ready_made = api->srv->issue_now(api->srv->issue_now_arg, &rq, &f->chain_pem, &api->pr) &&
		chain_parse(buf_span(&f->chain_pem), &f->chain, &api->pr);
	return f->ready_made;
}

static void
finalize_done(struct finalize *f)
{
	csr_free(f->csr);
	buf_done(&f->csr_der);
	buf_done(&f->chain_pem);
	chain_done(&f->chain);
	decision_done(&f->decision);
	order_view_done(&f->v);
}

static bool
any_local(const struct gate_conf *conf)
{
	const struct upstream_conf *list = conf->upstreams.list;

	for (size_t i = 0; i < conf->upstreams.count; i++) {
		if (list[i].driver == DRIVER_LOCAL)
			return true;
	}
	return false;
}

/* What is the matter with the order is told before what is the matter with the CSR (W4, W15). */
static void
tell_order_first(struct finalize *f)
{
	struct api *api = f->api;
	struct problem pr = { 0 };

	if (!store_read(api->srv->store, find_ready_tx, f, &pr) && problem_status(pr.kind) < 500)
		api->pr = pr;
}

bool
api_finalize(struct api *api)
{
	struct finalize f = { .api = api };
	bool readable = read_csr(&f);
	bool good = readable && (!any_local(api->conf) || make_now(&f)) && store_write(api->srv->store, finalize_tx, &f, &api->pr);

	if (!readable)
		tell_order_first(&f);
	if (good) {
		if (f.began)
			work_hurry(api->srv->jobs);
		if (f.profile->upstream_start == UPSTREAM_START_READY)
			work_wake(api->srv->jobs);
		if (f.ready_made && api->srv->count_issued)
			api->srv->count_issued(api->srv->issue_now_arg, f.upstream->name);
		good = api_reply_order(api, 200, &f.v);
	} else if (f.not_ready) {
		api_location(api, "order", f.v.order.ref);
	} else if (f.decision.is_refused) {
		decision_count(api->conf, &f.decision.refused);
		api->rule = f.decision.refused.rule;
	}
	finalize_done(&f);
	return good;
}
