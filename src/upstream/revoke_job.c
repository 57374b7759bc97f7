/* revoke_job.c - tell the CA of a revocation (RFC 8555 7.6) that is durable here already; again until the CA has it. */
#include <stdlib.h>

#include "base/b64url.h"
#include "base/log.h"
#include "store/cert.h"
#include "upstream/upstreams.h"

#define RETRY_MIN_MS 2000
#define RETRY_MAX_MS (30 * 60 * 1000)

struct revocation {
	struct job *job;
	struct upstreams *ups;
	struct upstream *u;
	struct ca_account *account;
	struct cert_row row;
	bool found;
	struct buf pem, payload;
	struct ca_call call;
	bool called;
	int64_t pause_ms;
};

static void
revocation_free(void *state)
{
	struct revocation *r = state;

	ca_call_done(&r->call);
	ca_account_unref(r->account);
	cert_row_done(&r->row);
	buf_done(&r->pem);
	buf_done(&r->payload);
	free(r);
}

static bool
load_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct revocation *r = arg;
	bool chain;

	cert_row_done(&r->row);
	return cert_by_id(db, r->job->row.subject, &r->row, &r->found, pr) &&
		cert_chain(db, r->job->row.subject, 0, &r->pem, &chain, pr);
}

static bool
done_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct revocation *r = arg;

	return jobs_fence(r->job, db, pr) && cert_set_revoked_upstream(db, r->row.id, clock_unix_s(), pr) &&
		job_delete(db, r->job->row.id, pr);
}

static enum job_next
later(struct revocation *r, int64_t at_least_ms)
{
	r->pause_ms = r->pause_ms ? r->pause_ms * 2 : RETRY_MIN_MS;
	if (r->pause_ms > RETRY_MAX_MS)
		r->pause_ms = RETRY_MAX_MS;
	r->job->wait_ms = at_least_ms > r->pause_ms ? at_least_ms : r->pause_ms;
	return JOB_AGAIN;
}

static enum job_next
done(struct revocation *r)
{
	struct problem pr = { 0 };

	if (store_write(upstreams_env(r->ups)->store, done_tx, r, &pr)) {
		log_notice("revoked", LS("cert", r->row.ref), LS("serial", r->row.serial), LS("upstream", r->row.upstream));
		return JOB_DONE;
	}
	log_error("revocation_not_stored", LS("cert", r->row.ref), LPR(&pr));
	return later(r, 0);
}

static bool
write_payload(struct revocation *r, struct problem *pr)
{
	struct chain chain = { 0 };
	AUTO_BUF der = BUF_MAX(CHAIN_MAX_BYTES), text = BUF_MAX(CHAIN_MAX_BYTES * 2);
	struct jw w;
	bool good = chain_parse(buf_span(&r->pem), &chain, pr) && cert_der(chain.certs[0], &der);

	chain_done(&chain);
	if (!good)
		return false;
	b64url_add(&text, der.p, der.n);
	buf_clear(&r->payload);
	w = jw_to(&r->payload);
	jw_object(&w, NULL);
	jw_span(&w, "certificate", buf_span(&text));
	if (r->row.revoked_reason > 0)
		jw_int(&w, "reason", r->row.revoked_reason);
	jw_end(&w);
	return jw_ok(&w);
}

static void
on_reply(struct ca_call *call, void *arg)
{
	struct revocation *r = arg;

	(void)call;
	r->called = true;
	jobs_resume(r->job);
}

static enum job_next
ask(struct revocation *r)
{
	enum account_state state;
	struct problem pr = { 0 };

	ca_account_unref(r->account);
	r->account = upstream_account_registered(r->u, &state);
	if (!r->account) {
		if (state != ACCOUNT_VALID)
			log_error("revocation_without_account", LS("cert", r->row.ref), LS("upstream", r->u->name), LS("state", account_state_name(state)));
		return later(r, state != ACCOUNT_VALID ? RETRY_MAX_MS : 0);
	}
	if (!write_payload(r, &pr)) {
		log_error("revocation_unwritable", LS("cert", r->row.ref), LPR(&pr));
		return later(r, RETRY_MAX_MS);
	}
	ca_call_done(&r->call);
	r->call = (struct ca_call){ .target = CA_REVOKE, .payload = buf_span(&r->payload),
		.signer = ca_account_signer(r->account), .done = on_reply, .arg = r };
	ca_post(r->u->ca, &r->call);
	return JOB_IO;
}

static enum job_next
conclude(struct revocation *r)
{
	const struct ca_call *call = &r->call;
	struct problem pr = { 0 };
	bool changed, rolling;

	r->called = false;
	if (call->result == CA_OK || call->problem.problem.kind == PROBLEM_ALREADY_REVOKED)
		return done(r);
	/* signed by a key that is another one by now */
	if (call->result == CA_PROBLEM && upstream_account_look(r->u, r->account, &changed, &rolling, &pr) && changed)
		return ask(r);
	log_error("revocation_refused", LS("cert", r->row.ref), LS("upstream", r->row.upstream), LS("result", ca_result_name(call->result)),
		LI("http_status", call->http_status), LS("type", call->problem.type), LPR(&call->problem.problem));
	return later(r, call->has_retry_after ? call->retry_after_s * 1000 : 0);
}

static struct revocation *
revocation_new(struct job *job, struct upstreams *ups)
{
	struct revocation *r = xcalloc(1, sizeof(*r));

	r->job = job;
	r->ups = ups;
	r->pem = BUF_MAX(CHAIN_MAX_BYTES * 2);
	r->payload = BUF_MAX(CHAIN_MAX_BYTES * 2);
	return r;
}

static enum job_next
step(struct job *job, void *arg)
{
	struct revocation *r = job->state;
	struct problem pr = { 0 };

	if (!r)
		r = job->state = revocation_new(job, arg);
	if (r->called)
		return conclude(r);
	if (!store_read(upstreams_env(r->ups)->store, load_tx, r, &pr)) {
		log_error("revocation_not_loaded", LPR(&pr));
		return later(r, 0);
	}
	if (!r->found || !r->row.revoked_at || r->row.revoked_upstream_at)
		return jobs_drop(job);
	r->u = upstreams_get(r->ups, r->row.upstream);
	/* our own CA: the next list has it, nobody else to tell */
	if (!r->u || r->u->driver == DRIVER_LOCAL)
		return done(r);
	return ask(r);
}

void
revoke_job_register(struct upstreams *ups)
{
	jobs_register(upstreams_env(ups)->jobs, JOB_REVOKE, &(struct job_ops){ step, revocation_free, ups });
}
