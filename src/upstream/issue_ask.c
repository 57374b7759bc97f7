/* issue_ask.c - the issue job's requests to the CA, its pauses, and what to do with a "no"; see issue.h. */
#include "upstream/issue.h"

#include <stdio.h>

#include "base/log.h"
#include "base/rand.h"
#include "flow/work.h"

#define POLL_MIN_MS 1000
#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS (5 * 60 * 1000)
#define HOLD_MS (15 * 60 * 1000)   /* an operator is needed (T6) */
#define REGISTERING_MS 500         /* our account is being made */
#define FINALIZES_MAX 3            /* refused that often: an operator should look */

enum job_next
issue_again(struct issue *is, int64_t wait_ms, enum issue_phase then)
{
	is->phase = then;
	is->job->wait_ms = wait_ms;
	return JOB_AGAIN;
}

/* Growing pauses with jitter after a fault (U5). */
enum job_next
issue_pause_then(struct issue *is, int64_t at_least_ms, enum issue_phase then)
{
	int64_t ms;

	is->pause_ms = is->pause_ms ? is->pause_ms * 2 : PAUSE_MIN_MS;
	if (is->pause_ms > PAUSE_MAX_MS)
		is->pause_ms = PAUSE_MAX_MS;
	ms = is->pause_ms - is->pause_ms / 5 + rand_below((uint32_t)(is->pause_ms * 2 / 5));
	return issue_again(is, at_least_ms > ms ? at_least_ms : ms, then);
}

enum job_next
issue_store_trouble(struct issue *is, const struct problem *pr)
{
	log_error("issue_not_stored", LS("order", is->order.ref), LS("phase", issue_phase_name(is->phase)), LPR(pr));
	return issue_pause_then(is, 0, ISSUE_LOAD);
}

static void
on_reply(struct ca_call *call, void *arg)
{
	struct issue *is = arg;

	(void)call;
	is->called = true;
	jobs_resume(is->job);
}

/* Send the request of a phase; the answer comes to the same phase. */
enum job_next
issue_ask(struct issue *is, enum issue_phase phase, enum ca_target target, const char *url, struct span payload, const char *accept)
{
	is->phase = phase;
	ca_call_done(&is->call);
	is->call = (struct ca_call){ .target = target, .url = url, .payload = payload, .accept = accept,
		.signer = ca_account_signer(is->account), .done = on_reply, .arg = is };
	if (phase == ISSUE_CERT || phase == ISSUE_ALTERNATE)
		is->call.body_max_bytes = CHAIN_MAX_BYTES;
	ca_post(is->u->ca, &is->call);
	return JOB_IO;
}

enum job_next
issue_read_url(struct issue *is, enum issue_phase phase, const char *url)
{
	return issue_ask(is, phase, CA_URL, url, SPAN(""), NULL);
}

enum job_next
issue_bad_answer(struct issue *is, const char *why, enum issue_phase then)
{
	int64_t wait_ms = PAUSE_MIN_MS << (is->bad_answers < 16 ? is->bad_answers : 16);
	char key[sizeof(is->told_answer)], text[400];
	enum job_next paused, moved;
	struct problem pr = { 0 };

	atomic_fetch_add(&is->u->bad_answers, 1);
	log_error("upstream_answer_unreadable", LS("order", is->order.ref), LS("upstream", is->u->name), LS("phase", issue_phase_name(is->phase)),
		LI("http_status", is->call.http_status), LS("why", why));
	snprintf(is->job->error, sizeof(is->job->error), "%s: %.150s", issue_phase_name(is->phase), why);
	snprintf(key, sizeof(key), "%s %d", issue_phase_name(is->phase), is->call.http_status);
	snprintf(text, sizeof(text), "what %s answers cannot be used (%s, status %d): %.250s", is->u->name, issue_phase_name(is->phase),
		is->call.http_status, why);
	if (strcmp(key, is->told_answer) != 0 && !issue_note(is, text, &pr))
		return issue_store_trouble(is, &pr);
	memcpy(is->told_answer, key, sizeof(key));
	is->bad_answers++;
	/* nothing came of newOrder */
	if (is->phase == ISSUE_NEW_ORDER && then == ISSUE_NEW_ORDER) {
		wait_ms = issue_queue_pause_ms(is, 0);
		return issue_moves_in_time(is, FAILOVER_OUTAGE, why, &wait_ms, &moved) ? moved : issue_withdraw(is, wait_ms);
	}
	paused = issue_pause_then(is, wait_ms < PAUSE_MAX_MS ? wait_ms : PAUSE_MAX_MS, then);
	return issue_moves_in_time(is, FAILOVER_OUTAGE, why, &is->job->wait_ms, &moved) ? moved : paused;
}

/* How long until another order, after so many that went away: each costs a token there. */
static int64_t
anew_ms(int64_t attempt)
{
	static const int64_t pauses_ms[] = { 0, 10 * 1000, 60 * 1000 };

	return attempt < 1 ? 0 : attempt <= 3 ? pauses_ms[attempt - 1] : HOLD_MS;
}

enum job_next
issue_begin_anew(struct issue *is, bool validation_failed, const char *why)
{
	static const int64_t pauses_ms[] = { 60 * 1000, 10 * 60 * 1000, 100 * 60 * 1000 }; /* U4 */
	struct problem pr = { 0 };
	int64_t wait_ms = issue_queue_pause_ms(is, anew_ms(is->row.attempt));

	/* the CA's order is dead, and nobody wants another */
	if (is->late)
		return issue_left(is);
	if (validation_failed)
		wait_ms = pauses_ms[is->row.failures < 3 ? is->row.failures : 2];
	if (!issue_restart(is, validation_failed, why, wait_ms, &pr))
		return issue_store_trouble(is, &pr);
	log_warning("upstream_restart", LS("order", is->order.ref), LS("upstream", is->u->name), LS("why", why));
	work_hurry(is->job->jobs);
	return JOB_DONE;
}

enum job_next
issue_refused(struct issue *is, const struct problem *why, const struct acme_problem *ca)
{
	struct problem pr = { 0 };

	if (!issue_refuse(is, why, ca, &pr))
		return issue_store_trouble(is, &pr);
	atomic_fetch_add(&is->u->refused, 1);
	log_warning("order_refused", LS("order", is->order.ref), LS("upstream", is->u->name), LPR(why));
	return JOB_DONE;
}

enum job_next
issue_left(struct issue *is)
{
	struct problem pr = { 0 };

	if (!issue_leave(is, &pr))
		return issue_store_trouble(is, &pr);
	log_info("order_left", LS("order", is->order.ref), LS("upstream", is->row.upstream), LS("url", is->row.url));
	return JOB_DONE;
}

/* Types a device's owner can act on; all else is between us and the CA (U3). */
bool
issue_is_for_device(enum problem_kind kind)
{
	switch (kind) {
	case PROBLEM_REJECTED_IDENTIFIER:
	case PROBLEM_REJECTED_IDENTIFIER_403:
	case PROBLEM_UNSUPPORTED_IDENTIFIER:
	case PROBLEM_CAA:
	case PROBLEM_BAD_CSR:
	case PROBLEM_DNS:
	case PROBLEM_CONNECTION:
	case PROBLEM_TLS:
	case PROBLEM_INCORRECT_RESPONSE:
		return true;
	default:
		return false;
	}
}

/* Wait for an operator: the order stays `processing`, its story says why. */
static enum job_next
hold(struct issue *is, enum issue_phase then)
{
	const struct ca_call *call = &is->call;
	struct problem pr = { 0 };
	int64_t wait_ms = HOLD_MS;
	enum job_next next;
	char text[400];

	snprintf(text, sizeof(text), "%s at %s: %.200s (%.100s)", issue_phase_name(is->phase), is->u->name,
		call->problem.problem.detail, call->problem.type);
	log_error("upstream_needs_operator", LS("order", is->order.ref), LS("upstream", is->u->name),
		LS("phase", issue_phase_name(is->phase)), LI("http_status", call->http_status), LS("type", call->problem.type),
		LPR(&call->problem.problem));
	if (!issue_note(is, text, &pr))
		return issue_store_trouble(is, &pr);
	if (then == ISSUE_LOAD && issue_moves_in_time(is, FAILOVER_ACCOUNT, text, &wait_ms, &next))
		return next;
	snprintf(is->job->error, sizeof(is->job->error), "%.190s", text);
	return is->phase == ISSUE_NEW_ORDER ? issue_withdraw(is, wait_ms) : issue_again(is, wait_ms, then);
}

enum job_next
issue_no_account(struct issue *is, enum account_state state)
{
	struct problem pr = { 0 };
	int64_t wait_ms = HOLD_MS;
	enum job_next next;
	char text[400];

	/* what the CA may have made of it, nobody can fetch any more */
	if (is->late)
		return issue_left(is);
	snprintf(text, sizeof(text), "our account at %s is %s: it serves no orders", is->u->name, account_state_name(state));
	log_error("upstream_needs_operator", LS("order", is->order.ref), LS("upstream", is->u->name), LS("why", text));
	if (strcmp(is->told_trouble, text) != 0) {
		if (!issue_note(is, text, &pr))
			return issue_store_trouble(is, &pr);
		span_copy(span_str(text), is->told_trouble, sizeof(is->told_trouble));
	}
	if (issue_moves_in_time(is, FAILOVER_ACCOUNT, text, &wait_ms, &next))
		return next;
	snprintf(is->job->error, sizeof(is->job->error), "%.190s", text);
	return is->row.state == UPSTREAM_INTENT && (is->go || !is->row.intent_at) ? issue_withdraw(is, wait_ms) : issue_again(is, wait_ms, ISSUE_LOAD);
}

/* A request was refused: by a key that is not the account's any more, or will not be in a moment? Then it says nothing of the order. */
static bool
is_for_old_key(struct issue *is, enum job_next *ret_next)
{
	enum problem_kind kind = is->call.problem.problem.kind;
	struct problem pr = { 0 };
	bool changed, rolling;

	if (is->call.result != CA_PROBLEM || is->call.http_status == 0 || issue_is_for_device(kind) || kind == PROBLEM_RATE_LIMITED)
		return false;
	if (!upstream_account_look(is->u, is->account, &changed, &rolling, &pr))
		*ret_next = issue_store_trouble(is, &pr);
	else if (changed)
		*ret_next = is->phase == ISSUE_NEW_ORDER ? issue_withdraw(is, 0) : issue_again(is, 0, ISSUE_LOAD);
	else if (rolling && (kind == PROBLEM_UNAUTHORIZED || kind == PROBLEM_ACCOUNT_NOT_VALID || kind == PROBLEM_MALFORMED ||
				    kind == PROBLEM_ACCOUNT_DOES_NOT_EXIST))
		/* were the account forgotten now, the old key would make another one, and the one with the new key were lost */
		*ret_next = is->phase == ISSUE_NEW_ORDER ? issue_withdraw(is, issue_queue_pause_ms(is, 0)) : issue_pause_then(is, 0, ISSUE_LOAD);
	else
		return false;
	return true;
}

/* Terms that have changed (RFC 8555 7.3.3): the job of the account agrees to them if the operator has; all wait meanwhile (T6). */
static enum job_next
wait_for_terms(struct issue *is)
{
	const struct upstream_conf *entry = conf_upstream(is->conf, is->u->name);
	struct problem pr = { 0 };
	enum job_next moved;
	int64_t wait_ms;

	log_error("upstream_terms_wanted", LS("upstream", is->u->name), LS("url", is->call.problem.instance ? is->call.problem.instance : ""),
		LPR(&is->call.problem.problem));
	if (!issue_terms_wanted(is, &pr))
		return issue_store_trouble(is, &pr);
	if (!entry || !entry->accept_terms)
		return hold(is, ISSUE_LOAD);
	wait_ms = is->phase == ISSUE_NEW_ORDER ? issue_queue_pause_ms(is, 0) : 0;
	if (issue_moves_in_time(is, FAILOVER_ACCOUNT, is->call.problem.problem.detail, &wait_ms, &moved))
		return moved;
	return is->phase == ISSUE_NEW_ORDER ? issue_withdraw(is, wait_ms) : issue_pause_then(is, 0, ISSUE_LOAD);
}

static enum job_next
account_gone(struct issue *is)
{
	struct problem pr = { 0 };

	if (!issue_account_gone(is, &pr))
		return issue_store_trouble(is, &pr);
	ca_account_unref(is->account);
	is->account = NULL;
	return issue_again(is, REGISTERING_MS, ISSUE_LOAD);
}

/* No refusal, no outage: a redirect, or more than anybody has to say. */
static const char *
bad_answer(const struct ca_call *call)
{
	if (call->reply.result == HTTPC_TOO_LARGE)
		return "it is too large";
	if (call->result == CA_PROBLEM && call->http_status > 0 && call->http_status < 400)
		return "it is neither an answer nor a refusal (redirects are not followed)";
	return NULL;
}

static enum job_next
pause_for_ca(struct issue *is, enum issue_phase then)
{
	const struct ca_call *call = &is->call;
	enum job_next paused, moved;
	int64_t at_least_ms = call->has_retry_after ? call->retry_after_s * 1000 : 0;
	const char *bad = bad_answer(call);

	if (bad)
		return issue_bad_answer(is, bad, then);
	snprintf(is->job->error, sizeof(is->job->error), "%s: %.150s", issue_phase_name(is->phase), call->problem.problem.detail);
	log_warning("upstream_waits", LS("order", is->order.ref), LS("upstream", is->u->name), LS("phase", issue_phase_name(is->phase)),
		LS("result", ca_result_name(call->result)), LI("http_status", call->http_status), LPR(&call->problem.problem));
	atomic_fetch_add(&is->u->overloads, 1);
	if (is->phase == ISSUE_NEW_ORDER && then == ISSUE_NEW_ORDER) {
		at_least_ms = issue_queue_pause_ms(is, at_least_ms);
		return issue_moves_in_time(is, FAILOVER_OUTAGE, call->problem.problem.detail, &at_least_ms, &moved) ? moved : issue_withdraw(is, at_least_ms);
	}
	paused = issue_pause_then(is, at_least_ms, then);
	return issue_moves_in_time(is, FAILOVER_OUTAGE, call->problem.problem.detail, &is->job->wait_ms, &moved) ? moved : paused;
}

/* newOrder's outcome is unknown and there is no list to look in (Boulder): once more (U8), and if that is lost too, seldom. */
enum job_next
issue_order_blindly(struct issue *is)
{
	int64_t wait_ms = HOLD_MS;
	enum job_next moved;

	if (++is->blind_orders == 1)
		return issue_again(is, 0, ISSUE_NEW_ORDER);
	if (issue_moves_in_time(is, FAILOVER_OUTAGE, "what became of newOrder cannot be found out", &wait_ms, &moved))
		return moved;
	return issue_again(is, wait_ms, ISSUE_NEW_ORDER);
}

/* A request of this phase failed. */
enum job_next
issue_failed(struct issue *is)
{
	const struct ca_call *call = &is->call;
	enum problem_kind kind = call->problem.problem.kind;
	enum issue_phase phase = is->phase;
	/* newOrder that may have had an effect is looked for, finalize likewise by reading the order (10) */
	bool effect = call->result == CA_LOST || (call->result == CA_PROBLEM && call->http_status >= 500 && kind != PROBLEM_OVERLOADED);
	enum issue_phase retry = phase == ISSUE_NEW_ORDER ? (effect ? ISSUE_FIND : ISSUE_NEW_ORDER) :
		phase == ISSUE_FINALIZE || phase == ISSUE_CHALLENGE || phase == ISSUE_AUTHZ ? ISSUE_ORDER : phase;
	enum job_next next;

	if (phase == ISSUE_NEW_ORDER && issue_replaces_blamed(is))
		return issue_without_replaces(is);
	/* a URL that is not the CA's: nothing was sent; a list of orders there is as good as none */
	if (call->result == CA_PROBLEM && call->http_status == 0 && phase != ISSUE_NEW_ORDER && phase != ISSUE_ALTERNATE &&
		phase != ISSUE_FIND_LIST && phase != ISSUE_FIND_LOOK)
		return issue_bad_answer(is, call->problem.problem.detail, ISSUE_LOAD);
	if (phase == ISSUE_NEW_ORDER && call->result == CA_PROBLEM && kind == PROBLEM_RATE_LIMITED)
		return issue_rate_limited(is);
	if (call->result != CA_PROBLEM || kind == PROBLEM_RATE_LIMITED || kind == PROBLEM_OVERLOADED ||
		kind == PROBLEM_BAD_NONCE || call->http_status >= 500 || ca_call_is_temporary(call))
		return pause_for_ca(is, retry);
	if (is_for_old_key(is, &next))
		return next;
	if (kind == PROBLEM_ACCOUNT_DOES_NOT_EXIST)
		return account_gone(is);
	if (kind == PROBLEM_USER_ACTION_REQUIRED)
		return wait_for_terms(is);
	if (phase == ISSUE_NEW_ORDER || phase == ISSUE_FINALIZE) {
		/* with the CSR sent the order stays, whatever is said */
		if (phase == ISSUE_NEW_ORDER && issue_moves_refused(is, kind, false, call->problem.problem.detail, &next))
			return next;
		if (issue_is_for_device(kind))
			return issue_refused(is, &call->problem.problem, &call->problem);
		if (phase == ISSUE_NEW_ORDER)
			return hold(is, ISSUE_LOAD);
		/* orderNotReady, unauthorized, malformed: the order itself says what is the matter (5) */
		return is->finalizes < FINALIZES_MAX ? pause_for_ca(is, ISSUE_ORDER) : hold(is, ISSUE_ORDER);
	}
	if (phase == ISSUE_FIND || phase == ISSUE_FIND_LIST || phase == ISSUE_FIND_LOOK)
		return issue_order_blindly(is);
	/* "not pending any more": the authorization says what is the matter (10) */
	if (phase == ISSUE_CHALLENGE)
		return issue_again(is, POLL_MIN_MS, ISSUE_ORDER);
	if (phase == ISSUE_ALTERNATE) {
		log_warning("alternate_chain_refused", LS("order", is->order.ref), LS("upstream", is->u->name), LPR(&call->problem.problem));
		return issue_next_alternate(is);
	}
	/* 405, 415 ...: our fault, or a proxy's */
	if (call->http_status != 401 && call->http_status != 403 && call->http_status != 404 && call->http_status != 410)
		return hold(is, ISSUE_ORDER);
	/* an object of ours is gone (8) */
	return issue_begin_anew(is, false, call->problem.problem.detail);
}
