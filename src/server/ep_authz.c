/* ep_authz.c - authorizations and challenges (RFC 8555 7.5, 8). */
#include <stdio.h>

#include "flow/authz.h"
#include "flow/work.h"
#include "server/api.h"
#include "server/attest.h"

#define RETRY_AGAIN_S 5 /* a repeated response hurries a waiting attempt at most this often (O9) */
#define ATTEMPTS_MAX 16

struct authz_rq {
	struct api *api;
	struct authz authz;
	size_t index;          /* of the challenge asked for */
	bool by_challenge;
	bool deactivate, respond;
	bool look;             /* a response that changes nothing yet */
	bool statement_due;    /* what was looked at wants one, and has none */
	struct attest_answer answer;
	int64_t job_id;
	bool hurry;
};

/* What the device's record must say (draft-ietf-acme-dns-persist-01): there is nothing of this order in it, so no token. */
static void
write_persist(const struct api *api, struct jw *w)
{
	const struct conf_strings *issuers = &api->conf->caa_identities;
	char url[API_URL_TEXT];
	struct ident name;
	struct problem pr;

	jw_str(w, "accounturi", api_url(api, "acct", api->kid_ref, url));
	jw_array(w, "issuer-domain-names");
	for (size_t i = 0; i < issuers->count && i < PERSIST_ISSUERS_MAX; i++) {
		pr = (struct problem){ 0 };
		if (ident_parse(SPAN("dns"), span_str(issuers->list[i]), &name, &pr)) /* lower case */
			jw_str(w, NULL, name.value);
	}
	jw_end(w);
}

static void
write_challenge(const struct api *api, struct jw *w, const struct challenge *c)
{
	char url[API_URL_TEXT];

	/* O10: type, url, status, token first and flat; some clients read them by pattern */
	jw_object(w, NULL);
	jw_str(w, "type", challenge_kind_name(c->kind));
	jw_str(w, "url", api_url(api, "chall", c->ref, url));
	jw_str(w, "status", chall_state_name(c->state));
	if (c->kind == CHALLENGE_DNS_PERSIST_01)
		write_persist(api, w);
	else
		jw_str(w, "token", c->token);
	if (c->state == CHALL_VALID && c->validated_at)
		jw_time(w, "validated", c->validated_at);
	if (c->error && (c->state == CHALL_PROCESSING || c->state == CHALL_INVALID))
		jw_raw(w, "error", span_str(c->error));
	jw_end(w);
}

/* An authorization past its time is over, whether or not housekeeping has been there. */
static enum authz_state
shown_state(const struct authz *a)
{
	bool lives = a->state == AUTHZ_PENDING || a->state == AUTHZ_VALID;

	return lives && a->expires < clock_unix_s() ? AUTHZ_EXPIRED : a->state;
}

/* 7.1.4: pending: what is offered; valid: the one that proved it; invalid: the one that failed. */
static bool
is_shown(const struct authz *a, const struct challenge *c)
{
	if (a->state == AUTHZ_VALID)
		return c->state == CHALL_VALID;
	return a->state != AUTHZ_INVALID || c->state == CHALL_INVALID;
}

/* Whole seconds until after the next attempt (T1). */
static int64_t
challenge_wait_s(const struct challenge *c)
{
	int64_t left = c->next_at - clock_unix_s();

	return left > 0 ? left + 1 : 1;
}

/* RFC 9444 4.1: then it is said, too. */
static bool
covers_wildcards(const struct api *api, const struct authz *a)
{
	const struct profile_conf *p = conf_profile(api->conf, span_str(a->profile));

	return a->subdomains && p && p->wildcard;
}

void
api_reply_authz(struct api *api, int status, const struct authz *a)
{
	struct buf body = BUF_MAX(64 * 1024);
	struct jw w = jw_to(&body);
	int64_t wait = 0;

	jw_object(&w, NULL);
	jw_object(&w, "identifier");
	jw_str(&w, "type", ident_type_name(a->ident.type));
	jw_str(&w, "value", a->ident.value);
	jw_end(&w);
	jw_str(&w, "status", authz_state_name(shown_state(a)));
	jw_time(&w, "expires", a->expires);
	jw_array(&w, "challenges");
	for (size_t i = 0; i < a->challenge_count; i++) {
		if (is_shown(a, &a->challenges[i]))
			write_challenge(api, &w, &a->challenges[i]);
		if (a->challenges[i].state == CHALL_PROCESSING)
			wait = challenge_wait_s(&a->challenges[i]);
	}
	jw_end(&w);
	if (a->wildcard || covers_wildcards(api, a))
		jw_bool(&w, "wildcard", true);
	if (a->subdomains)
		jw_bool(&w, "subdomainAuthAllowed", true);
	jw_end(&w);
	api_reply_json(api, status, &body);
	if (wait)
		api_retry_after(api, wait);
}

static bool
load(struct sql *db, struct authz_rq *r, const struct account *account, struct problem *pr)
{
	bool found;

	authz_done(&r->authz);
	if (!(r->by_challenge ?
			    authz_by_challenge_ref(db, r->api->arg, account->id, &r->authz, &r->index, &found, pr) :
			    authz_by_ref(db, r->api->arg, account->id, &r->authz, &found, pr)))
		return false;
	return found ? true : api_not_found(pr);
}

/* A request to try again now (8.2): there is an attempt to wait for, and the last one was a while ago (O9). */
static bool
may_hurry(const struct authz_rq *r, const struct challenge *c)
{
	const struct profile_conf *p = conf_profile(r->api->conf, span_str(r->authz.profile));
	int64_t delays[ATTEMPTS_MAX], now = clock_unix_s(), tried_at = c->next_at;
	size_t n = p ? conf_validation_attempts(p, delays, ATTEMPTS_MAX) : 0, next = (size_t)c->attempts;

	if (c->attempts > 0 && next < n)
		tried_at = c->next_at - (delays[next] - delays[next - 1]);
	return c->next_at > now && now - tried_at >= RETRY_AGAIN_S;
}

/* device-attest-01: verified before the transaction, which would wait for it and might run twice. */
static bool
respond_by_statement(struct sql *db, struct authz_rq *r, const struct account *account, struct problem *pr)
{
	r->statement_due = r->authz.challenges[r->index].state == CHALL_PENDING;
	if (r->look || !r->statement_due)
		return true;
	if (!r->answer.is_read)
		return problem_set(pr, PROBLEM_MALFORMED, "attObj is missing: it is the device's attestation object in base64url");
	return attest_answer_store(db, r->api, &r->authz, r->index, &r->answer, pr) && load(db, r, account, pr);
}

static bool
respond(struct sql *db, struct authz_rq *r, const struct account *account, struct problem *pr)
{
	struct challenge *c = &r->authz.challenges[r->index];
	struct jobs *jobs = r->api->srv->jobs;
	char key_auth[KEY_AUTH_TEXT];
	bool moved;

	if (c->state == CHALL_VALID)
		return true;
	if (shown_state(&r->authz) != AUTHZ_PENDING || c->state == CHALL_INVALID)
		return problem_set(pr, PROBLEM_MALFORMED, "the authorization is %s: a new order is needed",
			authz_state_name(shown_state(&r->authz)));
	if (c->kind == CHALLENGE_DEVICE_ATTEST_01)
		return respond_by_statement(db, r, account, pr);
	if (r->look)
		return true;
	if (c->state == CHALL_PROCESSING) {
		r->hurry = may_hurry(r, c);
		return true;
	}
	/* the key the account has now is the one that counts (8.3) */
	snprintf(key_auth, sizeof(key_auth), "%s.%s", c->token, account->thumbprint);
	if (!challenge_respond(db, c->id, key_auth, &moved, pr))
		return false;
	c->state = CHALL_PROCESSING;
	return !moved || jobs_insert(jobs, db, JOB_VALIDATE, c->id, &r->job_id, pr);
}

static bool
authz_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct authz_rq *r = arg;
	struct account account;

	r->job_id = 0;
	r->hurry = r->statement_due = false;
	if (!api_account(r->api, db, &account, pr) || (r->respond && !api_terms_agreed(r->api, db, &account, pr)) ||
		!load(db, r, &account, pr))
		return false;
	if (r->respond)
		return respond(db, r, &account, pr);
	if (!r->deactivate)
		return true;
	return authz_deactivate(db, &r->authz, clock_unix_s(), jobs_node(r->api->srv->jobs), pr) &&
		load(db, r, &account, pr);
}

static bool
run(struct authz_rq *r)
{
	struct store *store = r->api->srv->store;

	return r->respond || r->deactivate ? store_write(store, authz_tx, r, &r->api->pr) :
					     store_read(store, authz_tx, r, &r->api->pr);
}

bool
api_authz(struct api *api)
{
	struct authz_rq r = { .api = api };
	struct problem wrong;
	bool good;

	if (api->payload) {
		struct json_obj o = json_obj(api->payload, "payload", &api->pr);
		struct span status = json_req_str(&o, "status", 32);

		if (json_ok(&o) && !span_is(status, "deactivated"))
			problem_set(&api->pr, PROBLEM_MALFORMED, "the only change of an authorization is status \"deactivated\"");
		r.deactivate = api->pr.kind == PROBLEM_NONE;
	}
	/* is it there at all? That is told first (W4) */
	wrong = api->pr;
	good = run(&r);
	if (good && wrong.kind) {
		api->pr = wrong;
		good = false;
	}
	if (good && r.deactivate)
		work_wake(api->srv->jobs);
	if (good)
		api_reply_authz(api, 200, &r.authz);
	authz_done(&r.authz);
	return good;
}

/* A response with a statement: look whether it is due, verify it, then act on it. */
static bool
run_response(struct authz_rq *r)
{
	struct api *api = r->api;

	if (attest_is_given(api)) {
		r->look = true;
		if (!store_read(api->srv->store, authz_tx, r, &api->pr) ||
			(r->statement_due && !attest_answer_read(api, &r->authz, r->index, &r->answer)))
			return false;
		r->look = false;
	}
	return run(r);
}

bool
api_challenge(struct api *api)
{
	struct authz_rq r = { .api = api, .by_challenge = true, .respond = api->payload != NULL };
	struct buf body = BUF_MAX(64 * 1024);
	struct jw w = jw_to(&body);
	const struct challenge *c;
	bool good = (!r.respond || limit_take(&api->srv->limits, api->conf, LIMIT_CHALLENGE, span_str(api->kid_ref), &api->pr)) && (r.respond ? run_response(&r) : run(&r));

	if (good) {
		attest_answer_count(api, &r.authz, &r.answer);
		c = &r.authz.challenges[r.index];
		jobs_run(api->srv->jobs, r.job_id ? r.job_id : r.answer.job_id, JOB_VALIDATE, c->id);
		if (r.answer.began)
			work_hurry(api->srv->jobs);
		if (r.hurry)
			jobs_hurry(api->srv->jobs, JOB_VALIDATE, c->id);
		write_challenge(api, &w, c);
		api_reply_json(api, 200, &body);
		api_link(api, "up", "authz", r.authz.ref);
		if (c->state == CHALL_PROCESSING)
			api_retry_after(api, challenge_wait_s(c));
	}
	attest_answer_done(&r.answer);
	authz_done(&r.authz);
	return good;
}
