/* account_job.c - our account at a CA (RFC 8555 7.3): the key is stored before the first request, so a repeated newAccount finds
 * the account again (7.3.1), also after a crash and after the CA's lost reply. */
#include <stdlib.h>

#include "base/log.h"
#include "upstream/eab.h"
#include "upstream/upstreams.h"

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS (5 * 60 * 1000)

struct registration {
	struct job *job;
	struct upstreams *ups;
	struct upstream *u;
	struct gate_conf *conf;
	struct ca_account *account;
	struct ca_call call;
	bool called;
	int64_t pause_ms;
};

static void
registration_free(void *state)
{
	struct registration *r = state;

	ca_call_done(&r->call);
	ca_account_unref(r->account);
	gate_conf_unref(r->conf);
	free(r);
}

/* The MAC key is named by its place in the configuration; the keeper read it at its start. */
static bool
write_eab(struct registration *r, const struct upstream_conf *conf, const char *url, struct jw *w, struct problem *pr)
{
	static const enum jwa algs[] = { JWA_HS256, JWA_HS384, JWA_HS512 };
	AUTO_BUF input = BUF_MAX(16 * 1024), mac = BUF_MAX(64), json = BUF_MAX(32 * 1024), sealed = BUF_MAX(4096);
	AUTO_FREE char *name = xasprintf("upstreams.%s.eab_key", conf->name);
	struct keeper *keeper = upstreams_env(r->ups)->keeper;
	enum jwa alg = algs[conf->eab_alg];

	if (!keeper_sealed_secret(keeper, name, PURPOSE_EAB_UPSTREAM, span_str(ca_origin(r->u->ca)), &sealed, pr) ||
		!eab_input(&input, alg, conf->eab_kid, url, span_str(r->account->jwk), pr) ||
		!keeper_mac(keeper, buf_span(&sealed), alg, buf_span(&input), &mac, pr))
		return false;
	if (!eab_assemble(&json, buf_span(&input), buf_span(&mac)))
		return problem_internal(pr, "external account binding is too large");
	jw_raw(w, "externalAccountBinding", buf_span(&json));
	return true;
}

static bool
write_payload(struct ca_call *call, const char *url, struct buf *out, struct problem *pr)
{
	struct registration *r = call->arg;
	const struct upstream_conf *conf = conf_upstream(r->conf, r->u->name);
	struct jw w = jw_to(out);

	if (!conf)
		return problem_internal(pr, "upstream %s is no longer configured", r->u->name);
	jw_object(&w, NULL);
	/* only what the operator agreed to (7.3) */
	if (conf->accept_terms)
		jw_bool(&w, "termsOfServiceAgreed", true);
	if (conf->contact && conf->contact[0]) {
		jw_array(&w, "contact");
		jw_str(&w, NULL, conf->contact);
		jw_end(&w);
	}
	if (conf->eab_kid && conf->eab_kid[0] && !write_eab(r, conf, url, &w, pr))
		return false;
	jw_end(&w);
	return jw_ok(&w) ? true : problem_internal(pr, "newAccount payload is too large");
}

static void
on_reply(struct ca_call *call, void *arg)
{
	struct registration *r = arg;

	(void)call;
	r->called = true;
	jobs_resume(r->job);
}

static bool
registered_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct registration *r = arg;

	return jobs_fence(r->job, db, pr) && upstream_set_account(db, r->u->id, r->call.location, pr) &&
		job_delete(db, r->job->row.id, pr);
}

static enum job_next
later(struct registration *r, int64_t at_least_ms)
{
	r->pause_ms = r->pause_ms ? r->pause_ms * 2 : RETRY_MIN_MS;
	if (r->pause_ms > RETRY_MAX_MS)
		r->pause_ms = RETRY_MAX_MS;
	r->job->wait_ms = at_least_ms > r->pause_ms ? at_least_ms : r->pause_ms;
	return JOB_AGAIN;
}

static enum job_next
conclude(struct registration *r)
{
	struct ca_call *call = &r->call;
	struct problem pr = { 0 };
	enum job_next next;

	r->called = false;
	if (call->result == CA_OK && call->location[0]) {
		if (store_write(upstreams_env(r->ups)->store, registered_tx, r, &pr)) {
			upstream_account_set(r->u, call->location);
			log_notice("upstream_account", LS("upstream", r->u->name), LS("url", call->location), LI("http_status", call->http_status));
			next = JOB_DONE;
		} else {
			log_error("upstream_account_not_stored", LS("upstream", r->u->name), LPR(&pr));
			next = later(r, 0);
		}
	} else {
		log_error("upstream_account_refused", LS("upstream", r->u->name), LS("result", ca_result_name(call->result)),
			LI("http_status", call->http_status), LS("type", call->problem.type), LPR(&call->problem.problem));
		next = later(r, call->has_retry_after ? call->retry_after_s * 1000 : 0);
	}
	ca_call_done(call);
	return next;
}

static struct registration *
registration_new(struct job *job, struct upstreams *ups, struct upstream *u)
{
	struct registration *r = xcalloc(1, sizeof(*r));

	r->job = job;
	r->ups = ups;
	r->u = u;
	r->conf = conf_holder_take(upstreams_env(ups)->conf);
	r->account = upstream_account(u);
	return r;
}

static enum job_next
step(struct job *job, void *arg)
{
	struct upstreams *ups = arg;
	struct upstream *u = upstreams_by_id(ups, job->row.subject);
	struct registration *r = job->state;

	if (!u || u->driver != DRIVER_ACME)
		return jobs_drop(job);
	if (!r)
		r = job->state = registration_new(job, ups, u);
	if (r->called)
		return conclude(r);
	r->call = (struct ca_call){ .target = CA_NEW_ACCOUNT, .make_payload = write_payload,
		.signer = ca_account_signer(r->account), .done = on_reply, .arg = r };
	r->call.signer.kid = NULL;
	ca_post(u->ca, &r->call);
	return JOB_IO;
}

void
account_job_register(struct upstreams *ups)
{
	jobs_register(upstreams_env(ups)->jobs, JOB_ACCOUNT, &(struct job_ops){ step, registration_free, ups });
}
