/* validate/job.c - see job.h.
 *
 * step (no memory): load the challenge; not processing any more: done. Wait for the attempt's time, start the validator, and if it
 * is proven, and the profile wants it, ask the zones' CAA records -> I/O
 * step (resumed with a result): one transaction: proven, or failed for good, or the attempt noted and the next one planned. */
#include "validate/job.h"

#include <stdio.h>
#include <stdlib.h>

#include "acme/problem_json.h"
#include "base/log.h"
#include "flow/authz.h"
#include "flow/device.h"
#include "flow/work.h"
#include "store/account.h"
#include "validate/caa.h"
#include "validate/device_question.h"

#define ATTEMPTS_MAX 16
#define ATTEMPT_MS 10000
#define ACCOUNT_URL_TEXT 2200

static const struct validator validators[] = {
	{ CHALLENGE_HTTP_01, http01_start },
	{ CHALLENGE_DNS_01, dns01_start },
	{ CHALLENGE_DNS_ACCOUNT_01, dnsaccount01_start },
	{ CHALLENGE_DNS_PERSIST_01, dnspersist01_start },
	{ CHALLENGE_TLS_ALPN_01, tlsalpn01_start },
	{ CHALLENGE_DEVICE_ATTEST_01, device_hook_start },
};

const struct validator *
validator_of(enum challenge_kind kind)
{
	for (size_t i = 0; i < COUNT_OF(validators); i++) {
		if (validators[i].kind == kind)
			return &validators[i];
	}
	return NULL;
}

/* A job's memory from step to step. */
struct attempt {
	struct job *job;
	struct validate_job_env *env;
	struct authz authz;
	size_t index;
	bool loaded, has_result;
	struct gate_conf *conf;
	const struct profile_conf *profile; /* of conf; NULL if it is no longer there */
	int64_t delays[ATTEMPTS_MAX];
	size_t delay_count;
	struct validation v;
	char account_url[ACCOUNT_URL_TEXT];
	struct dns_authority authority;
	struct caa_check caa;
	struct buf question;   /* device-attest-01 */
	bool began;            /* work at a CA, since this was the last proof of an order (U1) */
	struct problem refusal; /* of a device, whatever the hook said; PROBLEM_NONE = none */
};

static void
attempt_free(void *state)
{
	struct attempt *a = state;

	authz_done(&a->authz);
	buf_done(&a->question);
	gate_conf_unref(a->conf);
	free(a);
}

static const struct challenge *
challenge_of(const struct attempt *a)
{
	return &a->authz.challenges[a->index];
}

/* It has proven itself already; a hook is asked. */
static bool
is_attested(const struct attempt *a)
{
	return challenge_of(a)->kind == CHALLENGE_DEVICE_ATTEST_01;
}

static bool
wants_caa(const struct attempt *a)
{
	return a->profile->caa.count > 0 && a->authz.ident.type == IDENT_DNS;
}

static bool
wants_account(const struct attempt *a)
{
	enum challenge_kind kind = a->loaded ? challenge_of(a)->kind : CHALLENGE_KIND__COUNT;

	return a->loaded && (wants_caa(a) || kind == CHALLENGE_DNS_ACCOUNT_01 || kind == CHALLENGE_DNS_PERSIST_01);
}

static bool
load_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct attempt *a = arg;

	struct account account = { 0 };
	bool found;

	authz_done(&a->authz);
	if (!authz_by_challenge_id(db, a->job->row.subject, &a->authz, &a->index, &a->loaded, pr))
		return false;
	a->profile = a->loaded ? conf_profile(a->conf, span_str(a->authz.profile)) : NULL;
	if (a->profile && is_attested(a))
		return device_question_write(db, &a->authz, &a->question, pr);
	if (!a->profile || !wants_account(a))
		return true;
	if (!account_by_id(db, a->authz.account_id, &account, &found, pr))
		return false;
	snprintf(a->account_url, sizeof(a->account_url), "%s/acct/%s", a->conf->external_url, account.ref);
	account_done(&account);
	return true;
}

static void
resume(struct attempt *a)
{
	a->has_result = true;
	jobs_resume(a->job);
}

/* What a zone forbids is final, what could not be asked is not. */
static void
on_caa(struct caa_check *c)
{
	struct attempt *a = c->arg;

	a->v.proven = c->allowed;
	a->v.final = c->problem.kind == PROBLEM_CAA;
	a->v.problem = c->problem;
	resume(a);
}

static void
on_done(struct validation *v)
{
	struct attempt *a = v->arg;

	if (!v->proven || !wants_caa(a)) {
		resume(a);
		return;
	}
	a->caa = (struct caa_check){
		.ask = { .name = a->authz.ident.value, .wildcard = a->authz.wildcard, .issuers = &a->profile->caa,
			.account_url = a->account_url, .method = challenge_kind_name(challenge_of(a)->kind) },
		.dns = a->env->net.dns,
		.resolvers = v->resolvers,
		.resolver_count = v->resolver_count,
		.timeout_ms = ATTEMPT_MS,
		.done = on_caa,
		.arg = a,
	};
	caa_start(&a->caa);
}

static enum job_next
start(struct attempt *a)
{
	const struct validator *validator = validator_of(challenge_of(a)->kind);

	a->authority = (struct dns_authority){ (uint16_t)a->profile->authoritative_port, &a->conf->reach };
	a->v = (struct validation){
		.ident = a->authz.ident,
		.token = challenge_of(a)->token,
		.key_auth = challenge_of(a)->key_auth,
		.account_url = a->account_url,
		.issuers = &a->conf->caa_identities,
		.wide = a->authz.wildcard || a->authz.subdomains,
		.http01_port = (uint16_t)a->profile->http01_port,
		.tls_alpn01_port = (uint16_t)a->profile->tls_alpn01_port,
		.reach = &a->conf->reach,
		.resolvers = a->profile->resolvers.list,
		.resolver_count = a->profile->resolvers.count,
		.authority = a->profile->authoritative_dns ? &a->authority : NULL,
		.hook = { a->profile->device_hook, a->profile->device_webhook, a->profile->device_webhook_ca, a->profile->device_webhook_token,
			buf_span(&a->question) },
		.timeout_ms = is_attested(a) ? a->profile->device_hook_ms : ATTEMPT_MS,
		.done = on_done,
		.arg = a,
		.env = &a->env->net,
	};
	validator->start(&a->v);
	return JOB_IO;
}

/* The latest problem, with an entry for each attempt so far (RFC 8555 8.2). */
static void
error_write(const struct attempt *a, struct buf *out)
{
	const char *before = challenge_of(a)->error;
	struct acme_problem earlier = { 0 };
	struct acme_subproblem subs[ATTEMPTS_MAX] = { 0 };
	size_t count = 0;

	if (before)
		acme_problem_read(span_str(before), 0, &earlier);
	while (count < earlier.sub_count && count < ATTEMPTS_MAX - 1) {
		subs[count] = earlier.subs[count];
		count++;
	}
	subs[count].problem = a->v.problem;
	subs[count++].ident = a->authz.ident;
	problem_json(out, &a->v.problem, &(struct problem_more){ .subs = subs, .sub_count = count });
	acme_problem_done(&earlier);
}

static bool
is_last(const struct attempt *a)
{
	return a->v.final || (size_t)challenge_of(a)->attempts + 1 >= a->delay_count;
}

static int64_t
next_delay_s(const struct attempt *a)
{
	size_t next = (size_t)challenge_of(a)->attempts + 1;

	return next < a->delay_count ? a->delays[next] - a->delays[next - 1] : 0;
}

/* As long as the profile says, but no longer than the proof itself. */
static int64_t
valid_until(const struct attempt *a, int64_t now)
{
	int64_t until = now + a->profile->valid_authz_s;

	return a->v.until_unix_s && a->v.until_unix_s < until ? a->v.until_unix_s : until;
}

/* As its statement alone would have done, had nobody been asked: it may have been blocked meanwhile. */
static bool
conclude_device(struct sql *db, struct attempt *a, int64_t now, struct problem *pr)
{
	const struct device_chall dc = { .profile = a->profile, .authz = &a->authz, .index = a->index, .key_auth = challenge_of(a)->key_auth,
		.now = now, .node = jobs_node(a->job->jobs) };
	struct evidence e = { 0 };
	bool found, good;

	if (!evidence_of_authz(db, a->authz.id, &e, &found, pr))
		return false;
	good = found ? device_conclude(db, &dc, &e, &a->refusal, pr) && work_begin_ready(db, a->conf, a->authz.id, &a->began, pr) : problem_internal(pr, "a device that has proven itself by nothing");
	evidence_done(&e);
	return good;
}

static bool
result_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct attempt *a = arg;
	AUTO_BUF error = BUF_MAX(16 * 1024);
	const char *node = jobs_node(a->job->jobs);
	int64_t now = clock_unix_s();

	a->began = false;
	if (!jobs_fence(a->job, db, pr))
		return false;
	if (a->v.proven && is_attested(a))
		return conclude_device(db, a, now, pr) && job_delete(db, a->job->row.id, pr);
	if (a->v.proven)
		return authz_prove(db, &a->authz, a->index, now, valid_until(a, now), node, pr) &&
			work_begin_ready(db, a->conf, a->authz.id, &a->began, pr) && job_delete(db, a->job->row.id, pr);
	error_write(a, &error);
	if (is_last(a))
		return authz_fail(db, &a->authz, a->index, buf_cstr(&error), now, node, pr) &&
			job_delete(db, a->job->row.id, pr);
	return challenge_attempted(db, challenge_of(a)->id, buf_cstr(&error), now + next_delay_s(a), pr);
}

static void
count_failure(const struct attempt *a)
{
	const struct rates_conf *rates = &a->conf->rates;
	char key[FAILURE_KEY_TEXT];
	msec_t wait;

	if (a->env->failures)
		buckets_take(a->env->failures, span_str(authz_failure_key(a->authz.account_id, a->authz.ident.value, key)),
			(struct rate){ rates->failed_burst, rates->failed_ms }, clock_ms(), &wait);
}

static void
count_attempt(struct attempt *a, bool last)
{
	struct validate_stats *s = &a->env->stats[challenge_of(a)->kind];

	atomic_fetch_add(a->v.proven ? &s->proven : last ? &s->failed : &s->again, 1);
}

static enum job_next
conclude(struct job *job, struct attempt *a, struct store *store)
{
	struct problem pr = { 0 };
	bool last = a->v.proven || is_last(a);

	a->has_result = false;
	if (!store_write(store, result_tx, a, &pr)) {
		log_error("validation_not_stored", LPR(&pr));
		job->wait_ms = 5000;
		return JOB_AGAIN;
	}
	if (a->began)
		work_hurry(job->jobs);
	if (a->refusal.kind) {
		a->v.proven = false;
		a->v.problem = a->refusal;
	}
	if (last && !a->v.proven)
		count_failure(a);
	count_attempt(a, last);
	log_info("validation", LS("ident", a->authz.ident.value), LS("authz", a->authz.ref),
		LS("kind", challenge_kind_name(challenge_of(a)->kind)), LI("proven", a->v.proven),
		LS("address", a->v.where), LS("detail", a->v.proven ? "" : a->v.problem.detail));
	if (last)
		return JOB_DONE;
	job->wait_ms = next_delay_s(a) * 1000;
	a->loaded = false;
	return JOB_AGAIN;
}

/* Gone by a reload: what it wants of a proof (CAA, resolvers, ports) is not known any more, or nobody vouches for devices. */
static enum job_next
no_profile(struct attempt *a)
{
	problem_set(&a->v.problem, PROBLEM_INVALID_PROFILE, "profile \"%s\" %s: a new order is needed", a->authz.profile,
		a->profile ? "no longer takes attestation statements" : "is no longer offered");
	a->v.final = true;
	return conclude(a->job, a, a->env->store);
}

static struct attempt *
attempt_new(struct job *job, struct validate_job_env *env)
{
	struct attempt *a = xcalloc(1, sizeof(*a));

	a->job = job;
	a->env = env;
	a->conf = conf_holder_take(env->conf);
	a->question = BUF_MAX(DEVICE_QUESTION_MAX);
	return a;
}

static enum job_next
step(struct job *job, void *arg)
{
	struct validate_job_env *env = arg;
	struct attempt *a = job->state;
	struct problem pr = { 0 };

	if (!a)
		a = job->state = attempt_new(job, env);
	if (a->has_result)
		return conclude(job, a, env->store);
	if (!store_read(env->store, load_tx, a, &pr)) {
		log_error("validation_not_loaded", LPR(&pr));
		job->wait_ms = 5000;
		return JOB_AGAIN;
	}
	if (!a->loaded || challenge_of(a)->state != CHALL_PROCESSING || a->authz.state != AUTHZ_PENDING)
		return jobs_drop(job);
	if (!a->profile || (is_attested(a) && !a->profile->trust))
		return no_profile(a);
	a->delay_count = conf_validation_attempts(a->profile, a->delays, ATTEMPTS_MAX);
	return start(a);
}

void
validate_job_register(struct jobs *jobs, struct validate_job_env *env)
{
	jobs_register(jobs, JOB_VALIDATE, &(struct job_ops){ step, attempt_free, env });
}
