/* issue.c - carry one order to its CA (rfc8555-client.md 5, 8-10). Each step acts on the answer at hand and asks the next thing:
 *
 *   LOAD -> NEW_ORDER -> (authorizations: AUTHZ, CHALLENGE, poll) -> FINALIZE -> ORDER (poll) -> CERT -> ALTERNATE -> finish
 *   LOAD with the order URL on record -> ORDER -> whatever its status says
 *   LOAD with an intent whose answer is unknown -> FIND -> FIND_LIST -> FIND_LOOK -> adopt, or NEW_ORDER once more
 *
 * Nothing is decided from memory that a crash could lose: the intent is on record before newOrder goes out, the order's URL
 * before anything is done with it, a proof before the CA is told of it, the certificate with the order's end. */
#include "upstream/issue.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/b64url.h"
#include "base/log.h"

#define POLL_MIN_MS 1000
#define POLL_MAX_MS 30000
#define PAUSE_MIN_MS 1000
#define PAUSE_MAX_MS (5 * 60 * 1000)
#define HOLD_MS (15 * 60 * 1000)   /* an operator is needed (T6) */
#define REGISTERING_MS 500         /* our account is being made */
#define FIND_PAGES_MAX 5
#define FIND_ORDERS_MAX 50
#define FINALIZES_MAX 3            /* refused that often: an operator should look */
#define UNDONE_READ_MS 10000       /* U7 */

static const char *const phase_names[] = {
	[ISSUE_LOAD] = "load",
	[ISSUE_NEW_ORDER] = "newOrder",
	[ISSUE_FIND] = "find-account",
	[ISSUE_FIND_LIST] = "find-list",
	[ISSUE_FIND_LOOK] = "find-order",
	[ISSUE_ORDER] = "order",
	[ISSUE_AUTHZ] = "authz",
	[ISSUE_CHALLENGE] = "challenge",
	[ISSUE_FINALIZE] = "finalize",
	[ISSUE_CERT] = "certificate",
	[ISSUE_ALTERNATE] = "alternate",
};

const char *
issue_phase_name(enum issue_phase phase)
{
	return phase_names[phase];
}

static enum job_next proceed(struct issue *is);
static enum job_next next_alternate(struct issue *is);

static enum job_next
again(struct issue *is, int64_t wait_ms, enum issue_phase then)
{
	is->phase = then;
	is->job->wait_ms = wait_ms;
	return JOB_AGAIN;
}

/* Growing pauses with jitter after a fault (U5). */
static enum job_next
pause_then(struct issue *is, int64_t at_least_ms, enum issue_phase then)
{
	int64_t ms;

	is->pause_ms = is->pause_ms ? is->pause_ms * 2 : PAUSE_MIN_MS;
	if (is->pause_ms > PAUSE_MAX_MS)
		is->pause_ms = PAUSE_MAX_MS;
	ms = is->pause_ms - is->pause_ms / 5 + rand_below((uint32_t)(is->pause_ms * 2 / 5));
	return again(is, at_least_ms > ms ? at_least_ms : ms, then);
}

static enum job_next
store_trouble(struct issue *is, const struct problem *pr)
{
	log_error("issue_not_stored", LS("order", is->order.ref), LS("phase", phase_names[is->phase]), LPR(pr));
	return pause_then(is, 0, ISSUE_LOAD);
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
static enum job_next
ask(struct issue *is, enum issue_phase phase, enum ca_target target, const char *url, struct span payload, const char *accept)
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

static enum job_next
read_url(struct issue *is, enum issue_phase phase, const char *url)
{
	return ask(is, phase, CA_URL, url, SPAN(""), NULL);
}

/* ---- what to do with a "no" ---- */

static enum job_next
restart(struct issue *is, bool validation_failed, const char *why)
{
	static const int64_t pauses_ms[] = { 60 * 1000, 10 * 60 * 1000, 100 * 60 * 1000 }; /* U4 */
	struct problem pr = { 0 };
	int64_t wait_ms = 0;

	if (validation_failed)
		wait_ms = pauses_ms[is->row.failures < 3 ? is->row.failures : 2];
	if (!issue_restart(is, validation_failed, why, &pr))
		return store_trouble(is, &pr);
	log_warning("upstream_restart", LS("order", is->order.ref), LS("upstream", is->u->name), LS("why", why));
	if (!validation_failed)
		return pause_then(is, 0, ISSUE_LOAD);
	return again(is, wait_ms, ISSUE_LOAD);
}

static enum job_next
refuse(struct issue *is, const struct problem *why, const struct acme_problem *ca)
{
	struct problem pr = { 0 };

	if (!issue_refuse(is, why, ca, &pr))
		return store_trouble(is, &pr);
	log_warning("order_refused", LS("order", is->order.ref), LS("upstream", is->u->name), LPR(why));
	return JOB_DONE;
}

/* Types a device's owner can act on; all else is between us and the CA (U3). */
static bool
is_for_device(enum problem_kind kind)
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
	char text[400];

	snprintf(text, sizeof(text), "%s at %s: %.200s (%.100s)", phase_names[is->phase], is->u->name,
		call->problem.problem.detail, call->problem.type);
	log_error("upstream_needs_operator", LS("order", is->order.ref), LS("upstream", is->u->name),
		LS("phase", phase_names[is->phase]), LI("http_status", call->http_status), LS("type", call->problem.type),
		LPR(&call->problem.problem));
	if (!issue_note(is, text, &pr))
		return store_trouble(is, &pr);
	return again(is, HOLD_MS, then);
}

static enum job_next
account_gone(struct issue *is)
{
	struct problem pr = { 0 };

	if (!issue_account_gone(is, &pr))
		return store_trouble(is, &pr);
	ca_account_unref(is->account);
	is->account = NULL;
	return again(is, REGISTERING_MS, ISSUE_LOAD);
}

static enum job_next
pause_for_ca(struct issue *is, enum issue_phase then)
{
	const struct ca_call *call = &is->call;

	snprintf(is->job->error, sizeof(is->job->error), "%s: %.150s", phase_names[is->phase], call->problem.problem.detail);
	log_warning("upstream_waits", LS("order", is->order.ref), LS("upstream", is->u->name), LS("phase", phase_names[is->phase]),
		LS("result", ca_result_name(call->result)), LI("http_status", call->http_status), LPR(&call->problem.problem));
	return pause_then(is, call->has_retry_after ? call->retry_after_s * 1000 : 0, then);
}

/* newOrder's outcome is unknown and there is no list to look in (Boulder): once more (U8), and if that is lost too, seldom. */
static enum job_next
order_blindly(struct issue *is)
{
	return again(is, ++is->blind_orders > 1 ? HOLD_MS : 0, ISSUE_NEW_ORDER);
}

/* A request of this phase failed. */
static enum job_next
failed(struct issue *is)
{
	const struct ca_call *call = &is->call;
	enum problem_kind kind = call->problem.problem.kind;
	enum issue_phase phase = is->phase;
	/* newOrder that may have had an effect is looked for, finalize likewise by reading the order (10) */
	bool effect = call->result == CA_LOST || (call->result == CA_PROBLEM && call->http_status >= 500 && kind != PROBLEM_OVERLOADED);
	enum issue_phase retry = phase == ISSUE_NEW_ORDER ? (effect ? ISSUE_FIND : ISSUE_NEW_ORDER) :
		phase == ISSUE_FINALIZE || phase == ISSUE_CHALLENGE || phase == ISSUE_AUTHZ ? ISSUE_ORDER : phase;

	if (call->result != CA_PROBLEM || kind == PROBLEM_RATE_LIMITED || kind == PROBLEM_OVERLOADED ||
		kind == PROBLEM_BAD_NONCE || call->http_status >= 500 || ca_call_is_temporary(call))
		return pause_for_ca(is, retry);
	if (kind == PROBLEM_ACCOUNT_DOES_NOT_EXIST)
		return account_gone(is);
	if (phase == ISSUE_NEW_ORDER || phase == ISSUE_FINALIZE) {
		if (is_for_device(kind))
			return refuse(is, &call->problem.problem, &call->problem);
		if (phase == ISSUE_NEW_ORDER)
			return hold(is, ISSUE_LOAD);
		/* orderNotReady, unauthorized, malformed: the order itself says what is the matter (5) */
		return is->finalizes < FINALIZES_MAX ? pause_for_ca(is, ISSUE_ORDER) : hold(is, ISSUE_ORDER);
	}
	if (phase == ISSUE_FIND || phase == ISSUE_FIND_LIST || phase == ISSUE_FIND_LOOK)
		return order_blindly(is);
	/* "not pending any more": the authorization says what is the matter (10) */
	if (phase == ISSUE_CHALLENGE)
		return again(is, POLL_MIN_MS, ISSUE_ORDER);
	if (phase == ISSUE_ALTERNATE) {
		log_warning("alternate_chain_refused", LS("order", is->order.ref), LS("upstream", is->u->name), LPR(&call->problem.problem));
		return next_alternate(is);
	}
	/* 404, 403 on an object of ours: it is gone (8) */
	return restart(is, false, call->problem.problem.detail);
}

/* ---- the answers ---- */

static int64_t
poll_wait_ms(struct issue *is)
{
	if (is->call.has_retry_after)
		return is->call.retry_after_s * 1000;
	is->poll_ms = is->poll_ms ? is->poll_ms * 3 / 2 : POLL_MIN_MS;
	if (is->poll_ms > POLL_MAX_MS)
		is->poll_ms = POLL_MAX_MS;
	return is->poll_ms;
}

/* What failed at the CA, in its words (U3, U4). */
static enum job_next
validation_failed(struct issue *is, const struct acme_problem *error)
{
	struct problem why = { 0 };

	if (error)
		why = error->problem;
	else
		problem_set(&why, PROBLEM_SERVER_INTERNAL, "the certificate authority could not validate the names");
	if (!is_for_device(why.kind) && why.kind != PROBLEM_UNAUTHORIZED)
		why.kind = PROBLEM_SERVER_INTERNAL;
	if (why.kind == PROBLEM_CAA || why.kind == PROBLEM_REJECTED_IDENTIFIER || why.kind == PROBLEM_BAD_CSR || is->row.failures >= 3)
		return refuse(is, &why, error);
	return restart(is, true, why.detail);
}

static enum job_next
finalize(struct issue *is)
{
	struct jw w = jw_to(&is->payload);
	AUTO_BUF csr = BUF_MAX(B64URL_LEN(CSR_MAX_BYTES) + 4);

	b64url_add(&csr, is->csr.p, is->csr.n);
	buf_clear(&is->payload);
	w = jw_to(&is->payload);
	jw_object(&w, NULL);
	jw_span(&w, "csr", buf_span(&csr));
	jw_end(&w);
	is->finalized = true;
	is->finalizes++;
	is->ready_reads = 0;
	return ask(is, ISSUE_FINALIZE, CA_URL, is->row.finalize_url, buf_span(&is->payload), NULL);
}

/* `ready`: send the CSR; after a finalize whose answer is unknown only when two reads 10 s apart still say so (U7). */
static enum job_next
act_ready(struct issue *is)
{
	if (is->late)
		return jobs_drop(is->job);
	if (!is->row.finalize_url[0])
		return restart(is, false, "the CA's order has no finalize URL");
	if (!is->finalized || is->ready_reads >= 2)
		return finalize(is);
	is->ready_reads++;
	return again(is, UNDONE_READ_MS, ISSUE_ORDER);
}

static enum job_next
act_pending(struct issue *is)
{
	if (is->late)
		return jobs_drop(is->job);
	if (is->finalized || is->ca_order.authzs.count == 0)
		return again(is, poll_wait_ms(is), ISSUE_ORDER); /* some CAs lag behind their own answers */
	is->at = is->open = 0;
	return read_url(is, ISSUE_AUTHZ, is->ca_order.authzs.list[0]);
}

/* What the CA's order says is what happens next. */
static enum job_next
act(struct issue *is)
{
	struct acme_order *o = &is->ca_order;

	switch (o->state) {
	case ORDER_PENDING:
		return act_pending(is);
	case ORDER_READY:
		return act_ready(is);
	case ORDER_PROCESSING:
		is->finalized = true;
		return again(is, poll_wait_ms(is), ISSUE_ORDER);
	case ORDER_VALID:
		if (!o->certificate || !span_copy(span_str(o->certificate), is->cert_url, sizeof(is->cert_url)))
			return again(is, poll_wait_ms(is), ISSUE_ORDER);
		return ask(is, ISSUE_CERT, CA_URL, is->cert_url, SPAN(""), "application/pem-certificate-chain");
	default:
		return validation_failed(is, o->has_error ? &o->error : NULL);
	}
}

/* The reply's order, checked against ours. */
static bool
read_order(struct issue *is, struct problem *pr)
{
	struct acme_order o = { 0 };

	if (!acme_order_read(ca_call_body(&is->call), &o, pr))
		return false;
	if (!idents_same(&o.idents, &is->order.idents)) {
		acme_order_done(&o);
		return problem_internal(pr, "the CA's order is for other identifiers");
	}
	acme_order_done(&is->ca_order);
	is->ca_order = o;
	return true;
}

static enum job_next
unreadable(struct issue *is, const struct problem *pr)
{
	log_error("upstream_answer_unreadable", LS("order", is->order.ref), LS("upstream", is->u->name),
		LS("phase", phase_names[is->phase]), LPR(pr));
	return pause_then(is, 0, is->row.state == UPSTREAM_ORDERED ? ISSUE_ORDER : ISSUE_FIND);
}

static enum job_next
got_new_order(struct issue *is)
{
	struct problem pr = { 0 };

	if (!is->call.location[0] || !read_order(is, &pr))
		return unreadable(is, &pr);
	if (!issue_ordered(is, is->call.location, &pr))
		return store_trouble(is, &pr);
	return act(is);
}

static enum job_next
got_order(struct issue *is)
{
	struct problem pr = { 0 };

	if (!read_order(is, &pr))
		return unreadable(is, &pr);
	return act(is);
}

static enum job_next
next_authz(struct issue *is)
{
	if (++is->at < is->ca_order.authzs.count)
		return read_url(is, ISSUE_AUTHZ, is->ca_order.authzs.list[is->at]);
	/* a round is over: all valid, then the order is ready; else look again */
	if (is->open == 0)
		return read_url(is, ISSUE_ORDER, is->row.url);
	return again(is, poll_wait_ms(is), ISSUE_ORDER);
}

static enum job_next
respond(struct issue *is, const struct acme_authz *authz)
{
	const struct acme_chall *c = acme_authz_chall(authz, "http-01");
	struct problem pr = { 0 };

	if (!c || !c->token[0] || !span_copy(span_str(c->url), is->challenge_url, sizeof(is->challenge_url))) {
		struct problem why = { 0 };

		problem_set(&why, PROBLEM_SERVER_INTERNAL, "the certificate authority offers no challenge for \"%s\" that this gateway can solve",
			authz->ident.value);
		return refuse(is, &why, NULL);
	}
	is->open++;
	if (c->state != CHALL_PENDING)
		return next_authz(is);
	memcpy(is->token, c->token, sizeof(is->token));
	snprintf(is->key_auth, sizeof(is->key_auth), "%s.%s", c->token, is->account->thumbprint);
	if (!issue_present(is, is->ca_order.authzs.list[is->at], &pr))
		return store_trouble(is, &pr);
	return ask(is, ISSUE_CHALLENGE, CA_URL, is->challenge_url, SPAN("{}"), NULL);
}

static enum job_next
got_authz(struct issue *is)
{
	struct acme_authz authz = { 0 };
	struct problem pr = { 0 };
	enum job_next next;

	if (!acme_authz_read(ca_call_body(&is->call), &authz, &pr))
		return unreadable(is, &pr);
	switch (authz.state) {
	case AUTHZ_VALID:
		next = next_authz(is);
		break;
	case AUTHZ_PENDING:
		next = respond(is, &authz);
		break;
	case AUTHZ_INVALID:
		next = validation_failed(is, acme_authz_error(&authz));
		break;
	default:
		next = restart(is, false, "an authorization at the CA has ended");
	}
	acme_authz_done(&authz);
	return next;
}

/* ---- newOrder's answer was lost: look for its order (10) ---- */

static enum job_next
next_listed(struct issue *is)
{
	struct problem pr = { 0 };
	bool taken = true;

	while (is->listed_at < is->listed.count && is->listed_at < FIND_ORDERS_MAX) {
		const char *url = is->listed.list[is->listed_at++];

		if (!issue_url_taken(is, url, &taken, &pr))
			return store_trouble(is, &pr);
		if (!taken)
			return read_url(is, ISSUE_FIND_LOOK, url);
	}
	if (is->list_url[0] && ++is->pages < FIND_PAGES_MAX)
		return read_url(is, ISSUE_FIND_LIST, is->list_url);
	return order_blindly(is);
}

static enum job_next
got_account(struct issue *is)
{
	struct acme_account account = { 0 };
	struct problem pr = { 0 };
	bool listed;

	if (!acme_account_read(ca_call_body(&is->call), &account, &pr))
		return order_blindly(is);
	listed = account.orders && span_copy(span_str(account.orders), is->list_url, sizeof(is->list_url));
	acme_account_done(&account);
	is->pages = 0;
	if (!listed)
		return order_blindly(is);
	return read_url(is, ISSUE_FIND_LIST, is->list_url);
}

static enum job_next
got_list(struct issue *is)
{
	struct problem pr = { 0 };

	acme_strings_done(&is->listed);
	is->listed_at = 0;
	if (!acme_orders_read(ca_call_body(&is->call), &is->listed, &pr))
		return order_blindly(is);
	if (!ca_call_link(&is->call, "next", 0, is->list_url))
		is->list_url[0] = '\0';
	return next_listed(is);
}

/* Ours if it has our names and still waits: then nobody else's order is known by this URL. */
static enum job_next
got_listed(struct issue *is)
{
	struct problem pr = { 0 };
	char url[URL_TEXT];

	span_copy(span_str(is->call.sent_url), url, sizeof(url));
	if (!read_order(is, &pr) || (is->ca_order.state != ORDER_PENDING && is->ca_order.state != ORDER_READY))
		return next_listed(is);
	if (!issue_ordered(is, url, &pr))
		return store_trouble(is, &pr);
	log_notice("upstream_order_found", LS("order", is->order.ref), LS("upstream", is->u->name), LS("url", url));
	return act(is);
}

/* ---- the certificate ---- */

static bool
keep_chain(struct issue *is, struct problem *pr)
{
	struct chain *chain = &is->chains[is->chain_count];
	struct buf *pem = &is->pems[is->chain_count];

	if (!chain_parse(ca_call_body(&is->call), chain, pr))
		return false;
	*pem = BUF_MAX(CHAIN_MAX_BYTES * 2);
	if (!chain_check(chain, is->order.key_hash, &is->order.idents, clock_unix_s(), pr) || !chain_write_pem(chain, pem)) {
		chain_done(chain);
		buf_done(pem);
		return false;
	}
	is->chain_count++;
	return true;
}

/* The preferred chain first, the others as alternates. */
static void
choose_chain(struct issue *is)
{
	const struct upstream_conf *conf = conf_upstream(is->conf, is->u->name);

	if (!conf || !conf->preferred_chain || !conf->preferred_chain[0])
		return;
	for (size_t i = 0; i < is->chain_count; i++) {
		if (chain_is_preferred(&is->chains[i], conf->preferred_chain)) {
			struct chain chain = is->chains[0];
			struct buf pem = is->pems[0];

			is->chains[0] = is->chains[i];
			is->pems[0] = is->pems[i];
			is->chains[i] = chain;
			is->pems[i] = pem;
			return;
		}
	}
	log_warning("preferred_chain_not_offered", LS("upstream", is->u->name), LS("wanted", conf->preferred_chain));
}

static enum job_next
finish(struct issue *is)
{
	struct problem pr = { 0 };

	choose_chain(is);
	if (!issue_finish(is, &pr))
		return store_trouble(is, &pr);
	log_info("issued", LS("order", is->order.ref), LS("upstream", is->u->name), LS("serial", is->chains[0].certs[0]->serial),
		LI("chains", is->chain_count));
	return JOB_DONE;
}

static enum job_next
next_alternate(struct issue *is)
{
	if (is->alternate_at >= is->alternate_count)
		return finish(is);
	return ask(is, ISSUE_ALTERNATE, CA_URL, is->alternate_urls[is->alternate_at++], SPAN(""), "application/pem-certificate-chain");
}

static enum job_next
got_cert(struct issue *is)
{
	struct problem pr = { 0 }, why = { 0 };

	if (!keep_chain(is, &pr)) {
		log_error("certificate_not_as_ordered", LS("order", is->order.ref), LS("upstream", is->u->name), LPR(&pr));
		problem_set(&why, PROBLEM_SERVER_INTERNAL, "the certificate authority's certificate is not what was ordered");
		return refuse(is, &why, NULL);
	}
	while (is->alternate_count < ISSUE_ALTERNATES_MAX &&
		ca_call_link(&is->call, "alternate", (unsigned)is->alternate_count, is->alternate_urls[is->alternate_count]))
		is->alternate_count++;
	return next_alternate(is);
}

static enum job_next
got_alternate(struct issue *is)
{
	struct problem pr = { 0 };

	/* another leaf, or something broken: it is left out */
	if (!keep_chain(is, &pr))
		log_warning("alternate_chain_ignored", LS("order", is->order.ref), LS("upstream", is->u->name), LPR(&pr));
	else if (strcmp(is->chains[0].certs[0]->sha256, is->chains[is->chain_count - 1].certs[0]->sha256) != 0)
		chain_done(&is->chains[--is->chain_count]);
	return next_alternate(is);
}

/* ---- the steps ---- */

static enum job_next
got(struct issue *is)
{
	is->pause_ms = 0;
	switch (is->phase) {
	case ISSUE_NEW_ORDER:
		return got_new_order(is);
	case ISSUE_FIND:
		return got_account(is);
	case ISSUE_FIND_LIST:
		return got_list(is);
	case ISSUE_FIND_LOOK:
		return got_listed(is);
	case ISSUE_AUTHZ:
		return got_authz(is);
	case ISSUE_CHALLENGE:
		return next_authz(is);
	case ISSUE_CERT:
		return got_cert(is);
	case ISSUE_ALTERNATE:
		return got_alternate(is);
	default:
		return got_order(is);
	}
}

static void
write_new_order(struct issue *is)
{
	struct jw w;
	const struct profile_conf *p = conf_profile(is->conf, span_str(is->order.profile));
	struct ca_directory *dir = ca_directory_ref(is->u->ca);

	buf_clear(&is->payload);
	w = jw_to(&is->payload);
	jw_object(&w, NULL);
	jw_array(&w, "identifiers");
	for (size_t i = 0; i < is->order.idents.count; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "type", ident_type_name(is->order.idents.list[i].type));
		jw_str(&w, "value", is->order.idents.list[i].value);
		jw_end(&w);
	}
	jw_end(&w);
	/* only what the CA advertises (profiles.md 5) */
	if (p && p->upstream_profile && p->upstream_profile[0] && dir && acme_directory_has_profile(&dir->d, p->upstream_profile))
		jw_str(&w, "profile", p->upstream_profile);
	jw_end(&w);
	if (dir)
		ca_directory_unref(dir);
}

static enum job_next
load(struct issue *is)
{
	struct problem pr = { 0 };

	if (!issue_load(is, &pr)) {
		log_error("issue_not_loaded", LI("subject", is->job->row.subject), LPR(&pr));
		return again(is, 5000, ISSUE_LOAD);
	}
	if (!is->has_order || !is->has_row)
		return jobs_drop(is->job);
	is->late = is->order.state != ORDER_PROCESSING;
	if (is->late && is->row.state != UPSTREAM_ORDERED)
		return jobs_drop(is->job);
	is->u = upstreams_get(is->ups, is->row.upstream);
	if (!is->u || !is->u->ca) {
		log_error("upstream_not_configured", LS("order", is->order.ref), LS("upstream", is->row.upstream));
		return again(is, HOLD_MS, ISSUE_LOAD);
	}
	ca_account_unref(is->account);
	is->account = upstream_account(is->u);
	if (!is->account->kid[0])
		return again(is, REGISTERING_MS, ISSUE_LOAD);
	if (is->row.state == UPSTREAM_ORDERED)
		is->phase = ISSUE_ORDER;
	else
		is->phase = is->fresh ? ISSUE_NEW_ORDER : ISSUE_FIND;
	return proceed(is);
}

static void
forget_chains(struct issue *is)
{
	for (size_t i = 0; i < is->chain_count; i++) {
		chain_done(&is->chains[i]);
		buf_done(&is->pems[i]);
	}
	is->chain_count = is->alternate_count = is->alternate_at = 0;
}

/* Ask what the phase asks. */
static enum job_next
proceed(struct issue *is)
{
	switch (is->phase) {
	case ISSUE_NEW_ORDER:
		is->fresh = false;
		write_new_order(is);
		return ask(is, ISSUE_NEW_ORDER, CA_NEW_ORDER, NULL, buf_span(&is->payload), NULL);
	case ISSUE_FIND:
		return read_url(is, ISSUE_FIND, is->account->kid);
	case ISSUE_FIND_LIST:
		return read_url(is, ISSUE_FIND_LIST, is->list_url);
	case ISSUE_ORDER:
		return read_url(is, ISSUE_ORDER, is->row.url);
	case ISSUE_CERT:
	case ISSUE_ALTERNATE:
		/* begin the download anew */
		forget_chains(is);
		return read_url(is, ISSUE_ORDER, is->row.url);
	default:
		return load(is);
	}
}

static struct issue *
issue_new(struct job *job, struct upstreams *ups)
{
	struct issue *is = xcalloc(1, sizeof(*is));

	is->job = job;
	is->ups = ups;
	is->conf = conf_holder_take(upstreams_env(ups)->conf);
	is->csr = BUF_MAX(CSR_MAX_BYTES);
	is->payload = BUF_MAX(64 * 1024);
	/* handed in by the transaction that wrote the intent, not claimed from the table: nothing was sent yet */
	is->fresh = job->row.due_ms == 0;
	return is;
}

static void
issue_free(void *state)
{
	struct issue *is = state;

	forget_chains(is);
	ca_call_done(&is->call);
	acme_order_done(&is->ca_order);
	acme_strings_done(&is->listed);
	order_done(&is->order);
	buf_done(&is->csr);
	buf_done(&is->payload);
	ca_account_unref(is->account);
	gate_conf_unref(is->conf);
	free(is);
}

static enum job_next
step(struct job *job, void *arg)
{
	struct issue *is = job->state;

	if (!is)
		is = job->state = issue_new(job, arg);
	if (is->called) {
		is->called = false;
		return is->call.result == CA_OK ? got(is) : failed(is);
	}
	return proceed(is);
}

void
issue_job_register(struct upstreams *ups)
{
	jobs_register(upstreams_env(ups)->jobs, JOB_ISSUE, &(struct job_ops){ step, issue_free, ups });
}
