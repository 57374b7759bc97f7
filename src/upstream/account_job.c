/* account_job.c - our account at a CA (RFC 8555 7.3), from newAccount to its end. Keys are stored before the first request that
 * names them: so a repeated newAccount finds the account again (7.3.1), and after a keyChange whose answer nobody heard the CA is asked
 * which key it takes. */
#include "upstream/account_job.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS (5 * 60 * 1000)
#define PROOFS_LOOK_MS 1000

static const char *const phase_names[] = {
	[ACCOUNT_LOAD] = "load", [ACCOUNT_NEW] = "newAccount", [ACCOUNT_PROBE] = "look for the new key", [ACCOUNT_ROLL] = "keyChange",
	[ACCOUNT_TELL] = "update", [ACCOUNT_READ] = "read", [ACCOUNT_DEACTIVATE] = "deactivate", [ACCOUNT_DONE] = "done",
};

const char *
account_phase_name(enum account_phase phase)
{
	return phase_names[phase];
}

enum account_phase
account_next(const struct upstream_row *row, const struct upstream_conf *conf, int64_t now, int64_t stale_s)
{
	const struct upstream_life *life = &row->life;
	const char *contact = conf->contact ? conf->contact : "";

	if (life->state != ACCOUNT_VALID)
		return ACCOUNT_DONE;
	if (!row->account_url[0])
		return ACCOUNT_NEW;
	if (life->wanted & WANT_DEACTIVATE)
		return ACCOUNT_DEACTIVATE;
	if (life->next_key.n)
		return life->next_sent ? ACCOUNT_PROBE : ACCOUNT_ROLL;
	if (((life->wanted & WANT_TERMS) && conf->accept_terms) || (life->has_contact && strcmp(life->contact, contact) != 0))
		return ACCOUNT_TELL;
	return life->checked_at <= now && now - life->checked_at < stale_s ? ACCOUNT_DONE : ACCOUNT_READ;
}

static void
forget(struct account_work *w)
{
	ca_account_unref(w->account);
	ca_account_unref(w->next);
	gate_conf_unref(w->conf);
	w->account = w->next = NULL;
	w->conf = NULL;
}

static void
work_free(void *state)
{
	struct account_work *w = state;

	forget(w);
	ca_call_done(&w->call);
	upstream_row_done(&w->row);
	buf_done(&w->payload);
	free(w);
}

static enum job_next
again(struct account_work *w, int64_t wait_ms)
{
	w->phase = ACCOUNT_LOAD;
	w->job->wait_ms = wait_ms;
	return JOB_AGAIN;
}

static enum job_next
later(struct account_work *w, int64_t at_least_ms)
{
	w->pause_ms = w->pause_ms ? w->pause_ms * 2 : RETRY_MIN_MS;
	if (w->pause_ms > RETRY_MAX_MS)
		w->pause_ms = RETRY_MAX_MS;
	return again(w, at_least_ms > w->pause_ms ? at_least_ms : w->pause_ms);
}

/* The end of each step that wrote: the row says what is next. */
static enum job_next
stored(struct account_work *w, bool good, const struct problem *pr)
{
	bool changed, rolling;
	struct problem stale = { 0 };

	if (!good) {
		log_error("upstream_account_not_stored", LS("upstream", w->u->name), LS("phase", account_phase_name(w->phase)), LPR(pr));
		return later(w, 0);
	}
	/* orders that wait for it need not wait for their next look at the store */
	if (!upstream_account_look(w->u, w->account, &changed, &rolling, &stale))
		log_error("upstream_account_not_read", LS("upstream", w->u->name), LPR(&stale));
	w->pause_ms = 0;
	return again(w, 0);
}

/* ---- what the CA says ---- */

static void
words_of(const struct account_work *w, char ret[TROUBLE_TEXT])
{
	const struct acme_problem *p = &w->call.problem;

	snprintf(ret, TROUBLE_TEXT, "%s: %.300s (%.100s)", account_phase_name(w->phase), p->problem.detail, p->type[0] ? p->type : "no type");
}

/* No such thing at the CA, and nothing that time or another nonce would change. */
static bool
is_final(const struct account_work *w)
{
	return w->call.result == CA_PROBLEM && !ca_call_is_temporary(&w->call);
}

static void
log_refused(const struct account_work *w)
{
	const struct ca_call *call = &w->call;

	log_error("upstream_account_refused", LS("upstream", w->u->name), LS("phase", account_phase_name(w->phase)),
		LS("result", ca_result_name(call->result)), LI("http_status", call->http_status), LS("type", call->problem.type),
		LPR(&call->problem.problem));
}

/* Not now: the same again, later. */
static enum job_next
wait_for_ca(struct account_work *w)
{
	const struct ca_call *call = &w->call;
	char words[TROUBLE_TEXT];
	struct problem pr = { 0 };

	log_refused(w);
	words_of(w, words);
	if (is_final(w) && strcmp(words, w->row.life.trouble) != 0 && !account_job_trouble(w, words, &pr))
		log_error("upstream_account_not_stored", LS("upstream", w->u->name), LPR(&pr));
	return later(w, call->has_retry_after ? call->retry_after_s * 1000 : 0);
}

/* Of an account that the CA has had for long, it may say that it is over. */
static enum account_state
state_told(struct account_work *w)
{
	struct acme_account a = { 0 };
	struct problem pr = { 0 };
	enum account_state state = ACCOUNT_VALID;

	if (acme_account_read(ca_call_body(&w->call), &a, &pr))
		state = a.state;
	acme_account_done(&a);
	return state;
}

static enum job_next
got_new(struct account_work *w)
{
	enum account_state state;
	struct problem pr = { 0 };
	bool good;

	if (w->call.result != CA_OK || !w->call.location[0])
		return wait_for_ca(w);
	state = state_told(w);
	good = account_job_registered(w, w->call.location, &pr) && (state == ACCOUNT_VALID || account_job_checked(w, state, NULL, &pr));
	if (good && state != ACCOUNT_VALID)
		log_error("upstream_account_ended", LS("upstream", w->u->name), LS("url", w->call.location), LS("state", account_state_name(state)));
	else if (good)
		log_notice("upstream_account", LS("upstream", w->u->name), LS("url", w->call.location), LI("http_status", w->call.http_status));
	return stored(w, good, &pr);
}

static enum job_next
unknown_account(struct account_work *w)
{
	struct problem pr = { 0 };
	bool good = account_job_forgotten(w, &pr);

	w->refusal[0] = '\0';
	if (good)
		log_error("upstream_account_forgotten", LS("upstream", w->u->name), LS("url", w->row.account_url));
	return stored(w, good, &pr);
}

static enum job_next
rolled(struct account_work *w)
{
	struct problem pr = { 0 };
	bool good = account_job_rolled(w, &pr);

	w->refusal[0] = '\0';
	if (good)
		log_notice("upstream_key_changed", LS("upstream", w->u->name), LS("url", w->row.account_url), LS("thumbprint", w->next->thumbprint));
	return stored(w, good, &pr);
}

static enum job_next
not_rolled(struct account_work *w, const char *why)
{
	struct problem pr = { 0 };
	bool good = account_job_not_rolled(w, why, &pr);

	if (good)
		log_error("upstream_key_not_changed", LS("upstream", w->u->name), LS("url", w->row.account_url), LS("why", why));
	w->refusal[0] = '\0';
	return stored(w, good, &pr);
}

static enum job_next ask(struct account_work *w, enum account_phase phase);
static enum job_next roll(struct account_work *w);

/* Which key has the account? The CA may have heard of the new one in a request that nobody knows the end of. */
static enum job_next
got_probe(struct account_work *w)
{
	if (w->call.result == CA_OK) {
		if (strcmp(w->call.location, w->row.account_url) == 0)
			return rolled(w);
		return not_rolled(w, "keyChange: the CA has another account with the new key");
	}
	if (w->call.problem.problem.kind != PROBLEM_ACCOUNT_DOES_NOT_EXIST || w->call.result != CA_PROBLEM)
		return wait_for_ca(w);
	if (!w->refusal[0])
		return roll(w);
	return w->refused_unknown ? unknown_account(w) : not_rolled(w, w->refusal);
}

static enum job_next
got_roll(struct account_work *w)
{
	if (w->call.result == CA_OK)
		return rolled(w);
	if (!is_final(w))
		return wait_for_ca(w);
	log_refused(w);
	/* refused because it has happened already? Were the account forgotten then, the old key would make another one */
	words_of(w, w->refusal);
	w->refused_unknown = w->call.problem.problem.kind == PROBLEM_ACCOUNT_DOES_NOT_EXIST;
	return ask(w, ACCOUNT_PROBE);
}

static enum job_next
got_tell(struct account_work *w)
{
	char words[TROUBLE_TEXT] = "";
	struct problem pr = { 0 };
	bool good;

	if (w->call.result != CA_OK) {
		if (!is_final(w))
			return wait_for_ca(w);
		if (w->call.problem.problem.kind == PROBLEM_ACCOUNT_DOES_NOT_EXIST)
			return unknown_account(w);
		log_refused(w);
		words_of(w, words);
	}
	good = account_job_told(w, words, &pr);
	if (good && !words[0])
		log_notice("upstream_account_updated", LS("upstream", w->u->name), LS("contact", w->entry->contact ? w->entry->contact : ""),
			LI("terms_agreed", (w->row.life.wanted & WANT_TERMS) != 0));
	return stored(w, good, &pr);
}

/* Orders will hear the same, and say so; it is read again when it is stale. */
static enum job_next
not_read(struct account_work *w)
{
	char words[TROUBLE_TEXT];
	struct problem pr = { 0 };

	log_refused(w);
	words_of(w, words);
	return stored(w, account_job_not_read(w, words, &pr), &pr);
}

static enum job_next
got_read(struct account_work *w)
{
	struct acme_account a = { 0 };
	struct problem pr = { 0 };
	bool good;

	if (w->call.result != CA_OK && !is_final(w))
		return wait_for_ca(w);
	if (w->call.result != CA_OK)
		return w->call.problem.problem.kind == PROBLEM_ACCOUNT_DOES_NOT_EXIST ? unknown_account(w) : not_read(w);
	if (!acme_account_read(ca_call_body(&w->call), &a, &pr)) {
		log_error("upstream_answer_unreadable", LS("upstream", w->u->name), LPR(&pr));
		return later(w, 0);
	}
	good = account_job_checked(w, a.state, a.contacts.count ? a.contacts.list[0] : "", &pr);
	if (good && a.state != ACCOUNT_VALID)
		log_error("upstream_account_ended", LS("upstream", w->u->name), LS("url", w->row.account_url), LS("state", account_state_name(a.state)));
	acme_account_done(&a);
	return stored(w, good, &pr);
}

static enum job_next
got_deactivate(struct account_work *w)
{
	enum problem_kind kind = w->call.problem.problem.kind;
	/* a CA answers so once it is (7.3.6): the reply to an earlier request was lost */
	bool gone = w->call.result == CA_PROBLEM && w->call.http_status && (kind == PROBLEM_UNAUTHORIZED || kind == PROBLEM_ACCOUNT_NOT_VALID ||
		kind == PROBLEM_ACCOUNT_DOES_NOT_EXIST);
	char words[TROUBLE_TEXT] = "";
	struct problem pr = { 0 };
	bool good;

	if (w->call.result != CA_OK && !gone) {
		if (!is_final(w))
			return wait_for_ca(w);
		log_refused(w);
		words_of(w, words);
	}
	good = account_job_deactivated(w, words, &pr);
	if (good && !words[0])
		log_notice("upstream_account_deactivated", LS("upstream", w->u->name), LS("url", w->row.account_url), LI("http_status", w->call.http_status));
	return stored(w, good, &pr);
}

static enum job_next
conclude(struct account_work *w)
{
	w->called = false;
	switch (w->phase) {
	case ACCOUNT_NEW:
		return got_new(w);
	case ACCOUNT_PROBE:
		return got_probe(w);
	case ACCOUNT_ROLL:
		return got_roll(w);
	case ACCOUNT_TELL:
		return got_tell(w);
	case ACCOUNT_READ:
		return got_read(w);
	default:
		return got_deactivate(w);
	}
}

/* ---- what is asked ---- */

static void
on_reply(struct ca_call *call, void *arg)
{
	struct account_work *w = arg;

	(void)call;
	w->called = true;
	jobs_resume(w->job);
}

static enum job_next
ask(struct account_work *w, enum account_phase phase)
{
	bool is_new = phase == ACCOUNT_NEW || phase == ACCOUNT_PROBE;

	w->phase = phase;
	ca_call_done(&w->call);
	w->call = (struct ca_call){ .target = is_new ? CA_NEW_ACCOUNT : phase == ACCOUNT_ROLL ? CA_KEY_CHANGE : CA_URL,
		.url = w->row.account_url, .signer = ca_account_signer(phase == ACCOUNT_PROBE ? w->next : w->account), .done = on_reply, .arg = w };
	if (is_new)
		w->call.signer.kid = NULL;
	if (phase == ACCOUNT_NEW)
		w->call.make_payload = account_tell_new;
	else if (phase == ACCOUNT_ROLL)
		w->call.make_payload = account_tell_change;
	else if (phase != ACCOUNT_READ)
		account_tell_update(w);
	w->call.payload = phase == ACCOUNT_READ ? SPAN("") : buf_span(&w->payload);
	ca_post(w->u->ca, &w->call);
	return JOB_IO;
}

/* It need not be asked to know that it registers nobody without; an operator may give one any time, which is looked for then. */
static bool
lacks_eab(const struct account_work *w)
{
	const struct ca_preset *preset = ca_preset_find(w->entry->preset);

	return preset && preset->needs_eab && !w->row.life.eab_kid[0] && !(w->entry->eab_kid && w->entry->eab_kid[0]);
}

static enum job_next
wait_for_eab(struct account_work *w)
{
	char words[TROUBLE_TEXT];
	struct problem pr = { 0 };

	snprintf(words, sizeof(words), "%s registers no account without external account binding, and there is none: eab_kid and eab_key, "
		"or acmegatectl upstream set-eab, are what it gave you", w->entry->preset);
	if (strcmp(words, w->row.life.trouble) != 0) {
		log_error("upstream_eab_missing", LS("upstream", w->u->name), LS("preset", w->entry->preset));
		if (!account_job_trouble(w, words, &pr))
			return stored(w, false, &pr);
	}
	return again(w, RETRY_MAX_MS);
}

/* Proofs that are laid out hold the present key's thumbprint, and no more are while a key waits to take its place. */
static enum job_next
roll(struct account_work *w)
{
	struct problem pr = { 0 };
	bool may;

	w->phase = ACCOUNT_ROLL;
	if (!account_job_may_roll(w, &may, &pr))
		return stored(w, false, &pr);
	return may ? ask(w, ACCOUNT_ROLL) : again(w, PROOFS_LOOK_MS);
}

static enum job_next
finished(struct account_work *w)
{
	struct problem pr = { 0 };
	bool done;

	if (!account_job_done(w, &done, &pr))
		return stored(w, false, &pr);
	return done ? JOB_DONE : again(w, 0);
}

/* The entry as it is configured now, and the row; false: there is nothing to do any more, or not now (*ret_next). */
static bool
load(struct account_work *w, enum job_next *ret_next)
{
	struct problem pr = { 0 };
	bool found;

	forget(w);
	w->conf = conf_holder_take(upstreams_env(w->ups)->conf);
	w->entry = conf_upstream(w->conf, w->u->name);
	*ret_next = JOB_AGAIN;
	if (!account_job_load(w, &found, &pr) ||
		(found && w->row.sealed_key.n && !ca_account_make(buf_span(&w->row.sealed_key), w->row.public_key, w->row.account_url, &w->account, &pr)) ||
		(found && w->row.life.next_key.n &&
			!ca_account_make(buf_span(&w->row.life.next_key), w->row.life.next_public, "", &w->next, &pr))) {
		log_error("upstream_account_not_read", LS("upstream", w->u->name), LPR(&pr));
		*ret_next = later(w, 0);
		return false;
	}
	if (!found || !w->account || !w->entry) {
		*ret_next = jobs_drop(w->job);
		return false;
	}
	return true;
}

static enum job_next
step(struct job *job, void *arg)
{
	struct account_work *w = job->state;
	enum account_phase next;
	enum job_next end;

	if (!w) {
		w = job->state = xcalloc(1, sizeof(*w));
		*w = (struct account_work){ .job = job, .ups = arg, .u = upstreams_by_id(arg, job->row.subject), .payload = BUF_MAX(16 * 1024) };
	}
	if (!w->u || w->u->driver != DRIVER_ACME)
		return jobs_drop(job);
	if (w->called)
		return conclude(w);
	if (!load(w, &end))
		return end;
	next = account_next(&w->row, w->entry, clock_unix_s(), ACCOUNT_STALE_S);
	if (next == ACCOUNT_DONE)
		return finished(w);
	if (next == ACCOUNT_NEW && lacks_eab(w))
		return wait_for_eab(w);
	return next == ACCOUNT_ROLL ? roll(w) : ask(w, next);
}

void
account_job_register(struct upstreams *ups)
{
	jobs_register(upstreams_env(ups)->jobs, JOB_ACCOUNT, &(struct job_ops){ step, work_free, ups });
}

void
account_job_run(struct upstream *u, int64_t id)
{
	struct jobs *jobs = upstreams_env(u->all)->jobs;

	if (id)
		jobs_run(jobs, id, JOB_ACCOUNT, u->id);
	else
		jobs_hurry(jobs, JOB_ACCOUNT, u->id);
}
