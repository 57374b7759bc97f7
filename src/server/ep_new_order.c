/* ep_new_order.c - newOrder (RFC 8555 7.4): what may be ordered, and the authorizations it takes. */
#include <stdlib.h>

#include "base/log.h"
#include "flow/inventory.h"
#include "flow/mapped.h"
#include "flow/names.h"
#include "flow/usage.h"
#include "flow/work.h"
#include "server/api.h"
#include "server/offer.h"
#include "store/device_name.h"
#include "store/event.h"
#include "store/queue.h"

#define ORDER_IDENTS_MAX 100

struct new_order {
	struct api *api;
	const struct profile_conf *profile;
	struct order_view v;
	struct idents idents;      /* owned */
	struct offer_ask *asks;    /* one for each of them, in their order; owned */
	struct idents mapped;      /* names that its devices have besides (V10); owned */
	struct decision decision;  /* on idents, then on mapped; owned */
	char *upstreams;           /* that may issue by it; owned */
	unsigned char map_key[MAPPING_KEY_BYTES];
	bool has_map_key;
	int64_t not_before, not_after;
	const struct upstream_conf *ca; /* that is to issue */
	struct problem why_not;    /* the first of the profile cannot */
	struct replaced replaced;  /* owned */
	bool reused;               /* an order of before (O1) */
	bool began;                /* work at its CA, since all is proven already (U1) */
	bool sent_away;            /* it would wait for too long */
	bool place_kept;
	unsigned again_s;
	_Atomic(uint64_t) *refused_by; /* the counter of the abuse limit, or of quotas, that refused it */
	struct usage_warned warned;
};

/* What could not be read, as it was sent, for its sub-problem to name it (6.7.1); without a value if it is of no type of ours. */
static void
ident_as_sent(const struct json_node *node, struct ident *ret)
{
	struct span type = json_text(json_get(node, "type")), value = json_text(json_get(node, "value"));

	*ret = (struct ident){ 0 };
	for (int t = 0; t < IDENT__COUNT; t++) {
		if (span_is(type, ident_type_name((enum ident_type)t)) && span_copy(value, ret->value, sizeof(ret->value)))
			ret->type = (enum ident_type)t;
	}
}

/* All identifiers that can be read; a sub-problem for each that cannot. */
static void
idents_collect(struct api *api, const struct json_node *list, struct new_order *n)
{
	n->asks = xcalloc(json_count(list), sizeof(*n->asks));
	for (size_t i = 0; i < json_count(list); i++) {
		struct ident id = { 0 };
		struct problem pr = { 0 };
		struct offer_ask ask;

		if (offer_ask_read(json_at(list, i), &ask, &pr)) {
			/* of a name that is there twice the first counts (W17) */
			if (!idents_has(&n->idents, &ask.ident))
				n->asks[n->idents.count] = ask;
			idents_add(&n->idents, &ask.ident);
			continue;
		}
		ident_as_sent(json_at(list, i), &id);
		api_subproblem(api, &pr, &id);
	}
}

/* One fault: that problem. Several of one kind: that kind with sub-problems; of different kinds: compound. */
static void
sum_up(struct api *api)
{
	enum problem_kind kind = api->subs[0].problem.kind;
	size_t n = api->sub_count;

	for (size_t i = 1; i < n; i++) {
		if (api->subs[i].problem.kind != kind)
			kind = PROBLEM_COMPOUND;
	}
	if (n == 1 && strstr(api->subs[0].problem.detail, api->subs[0].ident.value))
		problem_set(&api->pr, kind, "%s", api->subs[0].problem.detail);
	else if (n == 1)
		problem_set(&api->pr, kind, "\"%s\": %s", api->subs[0].ident.value, api->subs[0].problem.detail);
	else
		problem_set(&api->pr, kind, "%zu of the identifiers cannot be ordered, see the sub-problems", n);
}

static bool
map_key_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct new_order *n = arg;

	return device_name_key(db, n->map_key, pr);
}

static bool
map_key_find_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct new_order *n = arg;

	return device_name_key_find(db, n->map_key, &n->has_map_key, pr);
}

/* Written once for ever: orders that no limit has looked at yet must not queue for the one writer. */
static bool
load_map_key(struct api *api, struct new_order *n)
{
	return store_read(api->srv->store, map_key_find_tx, n, &api->pr) &&
		(n->has_map_key || store_write(api->srv->store, map_key_tx, n, &api->pr));
}

/* A CA hears of names alone, and takes as many of them in an order as anybody may name here. */
static bool
check_count(struct api *api, const struct new_order *n)
{
	size_t count = n->mapped.count;

	for (size_t i = 0; i < n->idents.count; i++)
		count += !ident_is_device(&n->idents.list[i]);
	if (count <= ORDER_IDENTS_MAX)
		return true;
	return problem_set(&api->pr, PROBLEM_MALFORMED, "with the names of its devices the order has %zu names, at most %d are possible", count,
		ORDER_IDENTS_MAX);
}

/* The names that are to be in the certificate though the order does not list them: the rules are asked about them, too. */
static bool
map(struct api *api, struct new_order *n)
{
	struct problem pr = { 0 };
	struct idents names;

	if (!mapped_is_wanted(n->profile, &n->idents))
		return true;
	if (!load_map_key(api, n))
		return false;
	if (n->profile->csr_names != CSR_NAMES_MAPPED)
		return true;
	mapped_names(n->profile, &n->idents, n->map_key, &names);
	for (size_t i = 0; i < names.count; i++) {
		if (idents_has(&n->idents, &names.list[i]))
			continue;
		idents_add(&n->mapped, &names.list[i]);
		if (!decision_ask(&n->decision, &names.list[i], 1)) {
			decision_refuse(&n->decision.verdicts[n->decision.count - 1], &pr);
			api_subproblem(api, &pr, &names.list[i]);
		}
	}
	idents_done(&names);
	return check_count(api, n);
}

/* The dates that our own CA signs; what of them another one honours is asked when it is chosen. */
static bool
check_dates(struct api *api, const struct new_order *n)
{
	const struct profile_conf *p = n->profile;
	int64_t now = clock_unix_s();

	if (!n->not_before && !n->not_after)
		return true;
	if (n->not_after && n->not_after <= (n->not_before ? n->not_before : now))
		return problem_set(&api->pr, PROBLEM_MALFORMED, "notAfter is out of the range this profile allows");
	if (n->ca->driver != DRIVER_LOCAL)
		return true;
	if (n->not_before && (n->not_before < now - 3600 || n->not_before > now + p->validity_s))
		return problem_set(&api->pr, PROBLEM_MALFORMED, "notBefore is out of the range this profile allows");
	if (n->not_after && n->not_after > now + p->validity_s)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "notAfter is out of the range this profile allows");
	return true;
}

/* The first CA of the profile that can do it, before anything is proven: what none can do must cost no token of theirs. */
static bool
choose_ca(struct api *api, struct new_order *n)
{
	struct ca_wish wish = { .not_before = n->not_before, .not_after = n->not_after, .upstreams = n->upstreams };
	struct order like = { .idents = n->idents, .mapped = n->mapped };
	struct idents names;

	order_ca_names(&like, &names);
	wish.names = &names;
	n->ca = conf_ca_choose(api->conf, n->profile, &wish, &n->why_not);
	idents_done(&names);
	if (n->ca)
		return check_dates(api, n);
	api->pr = n->why_not;
	return false;
}

static bool
learn_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct new_order *n = arg;
	struct account account;

	return api_account(n->api, db, &account, pr) && decision_learn(db, &n->decision, &account, &n->idents, pr);
}

/* What the rules say of the identifiers. Only if one asks for what the store knows it is asked before anything else. */
static bool
decide(struct api *api, struct new_order *n)
{
	decision_begin(&n->decision, api->conf, n->profile, api->kid_ref, &api->http->peer);
	decision_order(&n->decision, n->profile, n->idents.count, n->not_before, n->not_after);
	if (decision_asks_store(&n->decision) && !store_read(api->srv->store, learn_tx, n, &api->pr))
		return false;
	decision_ask(&n->decision, n->idents.list, n->idents.count);
	for (size_t i = 0; i < n->idents.count; i++)
		n->asks[i].rule = decision_rule(api->conf, &n->decision.verdicts[i]);
	return true;
}

static bool
check_all(struct api *api, struct new_order *n)
{
	for (size_t i = 0; i < n->idents.count; i++) {
		const struct policy_verdict *v = &n->decision.verdicts[i];
		struct problem pr = { 0 };

		/* of several the one that refused, if there is one */
		if (!api->noted.rule || (!v->allow && api->sub_count == 0))
			api->noted.rule = v->rule;
		if (!offer_check(n->profile, &n->idents.list[i], v, n->asks[i].rule, &pr))
			api_subproblem(api, &pr, &n->idents.list[i]);
	}
	if (api->sub_count > 0)
		sum_up(api);
	n->upstreams = decision_upstreams(&n->decision);
	return api->sub_count == 0 && choose_ca(api, n);
}

/* W19: absent or "" is the default; a path that names a profile allows only that one. */
static bool
choose_profile(struct api *api, struct json_obj *o, const struct profile_conf **ret)
{
	struct span name = json_opt_str(o, "profile", 64);
	const struct profile_conf *p;

	if (!json_ok(o))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return problem_set(&api->pr, PROBLEM_MALFORMED, "profile has a control octet");
	}
	if (name.n == 0)
		p = api->profile ? api->profile : conf_profile(api->conf, span_str(api->conf->default_profile));
	else
		p = conf_profile(api->conf, name);
	if (!p || (api->profile && p != api->profile))
		return problem_set(&api->pr, PROBLEM_INVALID_PROFILE, "profile \"%s\" is not offered", QUOTE(name));
	*ret = p;
	return true;
}

static bool
time_read(struct json_obj *o, const char *name, int64_t *ret)
{
	struct span text = json_opt_str(o, name, 64);

	*ret = 0;
	/* 0 stands for "not asked for": the beginning of time itself cannot be asked for */
	if (!text.p || (time_rfc3339_parse(text, ret) && *ret > 0))
		return true;
	return problem_set(o->pr, PROBLEM_MALFORMED, "%s is not an RFC 3339 time, or before 1970", name);
}

static bool
read_request(struct api *api, struct new_order *n)
{
	struct json_obj o = json_obj(api->payload, "payload", &api->pr);
	const struct json_node *list = json_req_arr(&o, "identifiers", ORDER_IDENTS_MAX);

	if (!json_ok(&o) || !choose_profile(api, &o, &n->profile))
		return false;
	if (json_count(list) == 0)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "identifiers is empty");
	if (!time_read(&o, "notBefore", &n->not_before) || !time_read(&o, "notAfter", &n->not_after) || !json_ok(&o) ||
		!replaces_read(&o, &n->replaced))
		return false;
	idents_collect(api, list, n);
	api->noted.profile = n->profile->name;
	idents_write(&n->idents, &api->noted.names);
	if ((int64_t)n->idents.count <= n->profile->max_identifiers)
		return decide(api, n) && map(api, n) && check_all(api, n);
	api->sub_count = 0;
	return problem_set(&api->pr, PROBLEM_MALFORMED, "profile \"%s\" allows at most %lld identifiers, not %zu",
		n->profile->name, (long long)n->profile->max_identifiers, n->idents.count);
}

/* One authorization per identifier. The order lives no longer than the earliest (O3). */
static bool
add_authz(struct sql *db, struct new_order *n, const struct offer_ask *ask, bool *ret_valid, struct problem *pr)
{
	struct order *o = &n->v.order;
	struct authz a;

	if (!offer_authz(db, n->profile, o->account_id, ask, &a, pr))
		return false;
	*ret_valid = a.state == AUTHZ_VALID;
	if (a.expires < o->expires)
		o->expires = a.expires;
	return authz_link(db, o->id, a.id, pr);
}

static bool
note_order(struct sql *db, const struct new_order *n, struct problem *pr)
{
	struct audit_entry e = api_entry(n->api, AUDIT_ORDER_CREATE);

	e.order = n->v.order.ref;
	e.tenant = n->v.order.tenant;
	e.upstream = n->ca->name;
	return audit_note(db, &e, pr);
}

static bool
insert_order(struct sql *db, struct new_order *n, struct problem *pr)
{
	const char *node = jobs_node(n->api->srv->jobs);
	struct order *o = &n->v.order;
	/* as with new authorizations, which most are: then the row needs no second look */
	int64_t latest = o->expires, pending = clock_unix_s() + n->profile->pending_authz_s, inserted;
	bool all = true;

	o->expires = inserted = pending < latest ? pending : latest;
	if (!order_insert(db, o, pr) || !note_order(db, n, pr) || !decision_note(db, &n->decision, o->id, pr) || !event_note(db, o->id, node, "order", pr, "created for profile %s, %zu identifiers", o->profile, o->idents.count))
		return false;
	if (n->why_not.kind && !event_note(db, o->id, node, "order", pr, "%s is to issue: %s", n->ca->name, n->why_not.detail))
		return false;
	if (n->replaced.named && !o->replaces && !event_note(db, o->id, node, "order", pr, "replaces %s, which is not ours: ignored", n->replaced.text))
		return false;
	o->expires = latest;
	for (size_t i = 0; i < o->idents.count; i++) {
		bool valid;

		if (!add_authz(db, n, &n->asks[i], &valid, pr))
			return false;
		all = all && valid;
	}
	if (o->expires != inserted && !order_set_expiry(db, o->id, o->expires, pr))
		return false;
	if (!all)
		return true;
	o->state = ORDER_READY;
	return order_review(db, o->id, clock_unix_s(), node, pr) && work_begin_early(db, n->api->conf, o->id, &n->began, pr);
}

static void
order_prepare(struct new_order *n, const struct account *account)
{
	struct order *o = &n->v.order;

	order_done(o);
	*o = (struct order){ .account_id = account->id, .principal = account_principal(account), .state = ORDER_PENDING,
		.expires = clock_unix_s() + n->profile->order_life_s,
		.not_before = n->not_before, .not_after = n->not_after };
	memcpy(o->tenant, account->tenant, sizeof(o->tenant));
	span_copy(span_str(n->profile->name), o->profile, sizeof(o->profile));
	span_copy(span_str(n->ca->name), o->upstream, sizeof(o->upstream));
	for (size_t i = 0; i < n->idents.count; i++)
		idents_add(&o->idents, &n->idents.list[i]);
	for (size_t i = 0; i < n->mapped.count; i++)
		idents_add(&o->mapped, &n->mapped.list[i]);
}

/* Who names the domain that he can prove (RFC 9444 4.3) wants other authorizations than an order of before may have. */
static bool
asks_for_domain(const struct new_order *n)
{
	for (size_t i = 0; i < n->idents.count; i++) {
		if (n->asks[i].ancestor[0] || n->asks[i].subdomains)
			return true;
	}
	return false;
}

/* As early as it can be told: before anything is proven. */
static bool
devices_may(struct sql *db, const struct new_order *n, struct problem *pr)
{
	for (size_t i = 0; i < n->idents.count; i++) {
		if (!inventory_may_order(db, n->profile, &n->idents.list[i], pr))
			return false;
	}
	return true;
}

#define PLACE_KEPT_S (24 * 3600)
#define AGAIN_MAX_S (7 * 86400) /* T2 */
#define PLACES_MAX 100          /* of a principal: nothing has been proven for them, and all that come later wait behind them */

/* `has`: one is kept already. */
static bool
keep_place(struct sql *db, struct new_order *n, const struct work_forecast *f, bool has, int64_t now, int64_t longest_s, struct problem *pr)
{
	struct order *o = &n->v.order;
	struct queue_place place = { .principal = o->principal, .since = now, .until = now + PLACE_KEPT_S, .bucket = f->bucket };
	struct idents names;
	int64_t again_s = f->at - longest_s - now, count = 0;

	order_names(o, &names);
	idents_key(&names, place.idents_key);
	idents_done(&names);
	span_copy(span_str(o->upstream), place.upstream, sizeof(place.upstream));
	n->sent_away = true;
	n->again_s = (unsigned)(again_s < 1 ? 1 : again_s < AGAIN_MAX_S ? again_s : AGAIN_MAX_S);
	if (!has && !places_of(db, o->principal, now, PLACES_MAX, &count, pr))
		return false;
	n->place_kept = count < PLACES_MAX;
	return !n->place_kept || place_keep(db, &place, pr);
}

/* Would it wait too long for its CA's limits (T3)? */
static bool
look_ahead(struct sql *db, struct new_order *n, struct problem *pr)
{
	const struct server *srv = n->api->srv;
	const struct profile_conf *p = n->profile;
	int64_t now = clock_unix_s(), since, longest_s = p->order_life_s, by_rule_s = decision_longest_wait(&n->decision);
	struct problem unreadable = { 0 };
	struct work_forecast f;
	struct idents names;
	char key[IDENTS_KEY_TEXT];

	n->sent_away = false;
	if (!srv->foresee || n->ca->driver != DRIVER_ACME)
		return true;
	order_names(&n->v.order, &names);
	idents_key(&names, key);
	idents_done(&names);
	if (!place_find(db, n->v.order.principal, n->ca->name, key, now, &since, pr))
		return false;
	/* a ledger that cannot be read holds orders up, not devices (T6, U14) */
	if (!srv->foresee(srv->foresee_arg, db, n->api->conf, &n->v.order, n->ca, since ? since : now, &f, &unreadable))
		return true;
	if (p->long_wait == LONG_WAIT_REFUSE && p->longest_wait_s < longest_s)
		longest_s = p->longest_wait_s;
	if (by_rule_s && by_rule_s < longest_s)
		longest_s = by_rule_s;
	return !f.waits || f.at <= now + longest_s || keep_place(db, n, &f, since != 0, now, longest_s, pr);
}

/* Within its quotas. */
static bool
make_order(struct sql *db, struct new_order *n, struct problem *pr)
{
	const struct gate_conf *conf = n->api->conf;
	int64_t now = clock_unix_s();

	if (usage_check(db, conf, &n->v.order, n->api->kid_ref, now, pr))
		return insert_order(db, n, pr) && usage_claim(db, conf, &n->v.order, n->api->kid_ref, now, &n->warned, pr);
	if (problem_status(pr->kind) < 500)
		n->refused_by = &n->api->srv->quota_refused;
	return false;
}

static bool
new_order_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct new_order *n = arg;
	struct account account;
	struct order same;
	bool is_same = true;

	n->refused_by = NULL;
	n->sent_away = n->began = false;
	n->warned.count = 0;
	if (!api_account(n->api, db, &account, pr) || !api_eab_alive(n->api, &account, pr) ||
		!api_terms_agreed(n->api, db, &account, pr) || !offer_account(n->api, db, n->profile, &account, n->idents.list, n->idents.count, pr) ||
		!devices_may(db, n, pr) || !account_touch(db, &account, clock_unix_s(), pr) ||
		!decision_learn(db, &n->decision, &account, &n->idents, pr))
		return false;
	order_prepare(n, &account);
	if (!replaces_find(db, n->profile, &n->replaced, &n->v.order, pr))
		return false;
	/* O1: the same order again, with half its life left, is that order; its life is that of its authorizations, which may be old */
	n->reused = false;
	if (!asks_for_domain(n) && !order_find_same(db, &n->v.order, clock_unix_s(), &same, &n->reused, pr))
		return false;
	if (n->reused && !decision_is_same(db, &n->decision, same.id, &is_same, pr)) {
		order_done(&same);
		return false;
	}
	/* one that other rules have let through may not be finalized any more, or was made for other proofs */
	if (n->reused && !is_same)
		order_done(&same);
	n->reused = n->reused && is_same;
	if (n->reused) {
		order_done(&n->v.order);
		n->v.order = same;
	} else if (!mapped_may_order(db, n->profile, &n->v.order, n->map_key, pr) || !replaces_check(n->api, db, &n->replaced, &n->v.order, pr) || !offer_allows(n->api, db, n->profile, n->asks, n->idents.count, account.id, &n->refused_by, pr) ||
		   !look_ahead(db, n, pr) || (!n->sent_away && !make_order(db, n, pr))) {
		return false;
	}
	if (n->sent_away)
		return true;
	return order_view_load(db, &n->v, pr);
}

/* Soft limits. */
static void
tell_usage(const struct new_order *n)
{
	for (size_t i = 0; i < n->warned.count; i++) {
		log_warning("quota_soft", LS("quota", n->warned.list[i].quota), LS("subject", n->warned.list[i].subject), LI("used", n->warned.list[i].used),
			LS("order", n->v.order.ref));
		atomic_fetch_add(&n->api->srv->quota_warned, 1);
	}
}

/* What the rules refused, if that is why. */
static void
note_refusal(struct api *api, const struct new_order *n)
{
	for (size_t i = 0; i < n->decision.count; i++) {
		if (!n->decision.verdicts[i].allow) {
			api->rule = n->decision.verdicts[i].rule;
			return;
		}
	}
}

bool
api_new_order(struct api *api)
{
	struct new_order n = { .api = api };
	bool good = read_request(api, &n) && limit_take(&api->srv->limits, api->conf, LIMIT_NEW_ORDER, span_str(api->kid_ref), &api->pr) &&
		store_write(api->srv->store, new_order_tx, &n, &api->pr);

	if (good)
		tell_usage(&n);
	if (good && n.began)
		work_hurry(api->srv->jobs);
	if (good && n.sent_away) {
		api->pr.retry_after_s = n.again_s;
		good = problem_set(&api->pr, PROBLEM_RATE_LIMITED,
			"the limits of the certificate authority would make this order wait too long; %stry again in %u s",
			n.place_kept ? "its place is kept for a day, " : "", n.again_s);
	} else if (good)
		good = api_reply_order(api, 201, &n.v);
	else if (n.refused_by)
		atomic_fetch_add(n.refused_by, 1);
	else
		note_refusal(api, &n);
	idents_done(&n.idents);
	idents_done(&n.mapped);
	free(n.asks);
	free(n.upstreams);
	decision_done(&n.decision);
	replaced_done(&n.replaced);
	order_view_done(&n.v);
	return good;
}

struct order_get {
	struct api *api;
	struct order_view v;
};

static bool
order_get_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct order_get *g = arg;
	struct account account;
	bool found;

	order_done(&g->v.order);
	if (!api_account(g->api, db, &account, pr) ||
		!order_by_ref(db, g->api->arg, account.id, &g->v.order, &found, pr))
		return false;
	return found ? order_view_load(db, &g->v, pr) : api_not_found(pr);
}

bool
api_order_get(struct api *api)
{
	struct order_get g = { .api = api };
	bool good = store_read(api->srv->store, order_get_tx, &g, &api->pr) && api_reply_order(api, 200, &g.v);

	order_view_done(&g.v);
	return good;
}
