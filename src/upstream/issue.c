/* issue.c - carry one order to its CA (RFC 8555 7.4, 7.5.1; HACKING.md). Each step acts on the answer at hand and asks the next thing:
 *
 *   LOAD -> NEW_ORDER -> (authorizations: AUTHZ; proofs: LOCATE, PLACE, CHALLENGE; poll) -> FINALIZE -> ORDER (poll) -> CERT -> ALTERNATE -> finish
 *   LOAD with the order URL on record -> ORDER -> whatever its status says
 *   ... and without the device's CSR (U1): parked when the CA's order is ready; LOAD -> ORDER -> FINALIZE with it
 *   LOAD with an intent whose answer is unknown -> FIND -> FIND_LIST -> FIND_LOOK -> adopt, or NEW_ORDER once more
 *
 * Nothing is decided from memory that a crash could lose: the intent is on record before newOrder goes out, the order's URL
 * before anything is done with it, a proof before the CA is told of it, the certificate with the order's end. */
#include "upstream/issue.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/b64url.h"
#include "base/log.h"

#define HOLD_MS (15 * 60 * 1000)   /* an operator is needed (T6) */
#define REGISTERING_MS 500         /* our account is being made */
#define REGISTERING_MAX_MS 30000   /* each look costs a read of the store, and a fleet may be looking */
#define REGISTERING_LONG 5         /* times that is not the usual */

static const char *const phase_names[] = {
	[ISSUE_LOAD] = "load",
	[ISSUE_NEW_ORDER] = "newOrder",
	[ISSUE_FIND] = "find-account",
	[ISSUE_FIND_LIST] = "find-list",
	[ISSUE_FIND_LOOK] = "find-order",
	[ISSUE_ORDER] = "order",
	[ISSUE_AUTHZ] = "authz",
	[ISSUE_LOCATE] = "locate-proofs",
	[ISSUE_PLACE] = "place-proofs",
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

static enum job_next
got(struct issue *is)
{
	is->pause_ms = 0;
	issue_trouble_over(is);
	switch (is->phase) {
	case ISSUE_NEW_ORDER:
		return issue_got_new_order(is);
	case ISSUE_FIND:
		return issue_got_account(is);
	case ISSUE_FIND_LIST:
		return issue_got_list(is);
	case ISSUE_FIND_LOOK:
		return issue_got_listed(is);
	case ISSUE_AUTHZ:
		return issue_got_authz(is);
	case ISSUE_CHALLENGE:
		return issue_next_challenge(is);
	case ISSUE_CERT:
		return issue_got_cert(is);
	case ISSUE_ALTERNATE:
		return issue_got_alternate(is);
	default:
		return issue_got_order(is);
	}
}

static void
write_new_order(struct issue *is)
{
	struct jw w;
	const struct upstream_conf *u = conf_upstream(is->conf, is->u->name);
	struct ca_directory *dir = ca_directory_ref(is->u->ca);
	struct ca_facts facts = { 0 };
	char time[TIME_TEXT];

	if (u)
		conf_ca_facts(u, conf_profile(is->conf, span_str(is->order.profile)), &facts);
	buf_clear(&is->payload);
	w = jw_to(&is->payload);
	jw_object(&w, NULL);
	jw_array(&w, "identifiers");
	for (size_t i = 0; i < is->names.count; i++) {
		jw_object(&w, NULL);
		jw_str(&w, "type", ident_type_name(is->names.list[i].type));
		jw_str(&w, "value", is->names.list[i].value);
		jw_end(&w);
	}
	jw_end(&w);
	/* only what the CA advertises (draft-ietf-acme-profiles section 4) */
	if (facts.profile && dir && acme_directory_has_profile(&dir->d, facts.profile))
		jw_str(&w, "profile", facts.profile);
	if (is->order.not_after)
		jw_str(&w, "notAfter", time_rfc3339(is->order.not_after, time));
	if (is->replaces[0])
		jw_str(&w, "replaces", is->replaces);
	jw_end(&w);
	if (dir)
		ca_directory_unref(dir);
}

static enum job_next
new_order(struct issue *is)
{
	struct problem pr = { 0 };
	enum job_next next;

	/* what is refused here costs nothing there */
	if (!issue_may_order(is, &pr))
		return issue_guarded(is, &pr);
	if (!issue_admitted(is, &next))
		return next;
	write_new_order(is);
	is->go = false;
	return issue_ask(is, ISSUE_NEW_ORDER, CA_NEW_ORDER, NULL, buf_span(&is->payload), NULL);
}

static enum job_next proceed(struct issue *is);

/* Its entry of upstreams was taken out of the configuration. */
static enum job_next
homeless(struct issue *is)
{
	enum job_next next;

	if (issue_moves(is, FAILOVER_ACCOUNT, false, "it is no longer configured", &next))
		return next;
	log_error("upstream_not_configured", LS("order", is->order.ref), LS("upstream", is->row.upstream));
	return issue_again(is, HOLD_MS, ISSUE_LOAD);
}

/* The account's own job says why in the log. */
static enum job_next
unregistered(struct issue *is)
{
	int64_t wait_ms = (int64_t)REGISTERING_MS << (is->unregistered < 6 ? is->unregistered : 6);
	char text[UPSTREAM_TEXT + 80];
	struct problem pr = { 0 };
	struct ca_health h;
	enum job_next next;

	snprintf(text, sizeof(text), "there is no account at %s yet: the log says why", is->u->name);
	if (++is->unregistered == REGISTERING_LONG && !issue_note(is, text, &pr))
		return issue_store_trouble(is, &pr);
	wait_ms = wait_ms < REGISTERING_MAX_MS ? wait_ms : REGISTERING_MAX_MS;
	ca_health(is->u->ca, &h);
	if (issue_moves_in_time(is, h.failures ? FAILOVER_OUTAGE : FAILOVER_ACCOUNT, "it has not registered our account", &wait_ms, &next))
		return next;
	return issue_again(is, wait_ms, ISSUE_LOAD);
}

/* A job may be older than a reload. */
static void
take_conf(struct issue *is)
{
	issue_forget_proofs(is);
	gate_conf_unref(is->conf);
	is->conf = conf_holder_take(upstreams_env(is->ups)->conf);
}

static enum job_next
load(struct issue *is)
{
	enum account_state state;
	struct problem pr = { 0 };
	enum job_next next;

	take_conf(is);
	if (!issue_load(is, &pr)) {
		log_error("issue_not_loaded", LI("subject", is->job->row.subject), LPR(&pr));
		return issue_again(is, 5000, ISSUE_LOAD);
	}
	if (!is->has_order || !is->has_row || (is->late && is->row.state != UPSTREAM_ORDERED))
		return issue_left(is);
	is->u = upstreams_get(is->ups, is->row.upstream);
	if (!is->u)
		return homeless(is);
	ca_account_unref(is->account);
	is->account = NULL;
	if (is->u->driver == DRIVER_LOCAL)
		return issue_has_csr(is, &next) ? issue_locally(is) : next;
	is->account = upstream_account_registered(is->u, &state);
	if (!is->account && state != ACCOUNT_VALID)
		return issue_no_account(is, state);
	if (!is->account)
		return unregistered(is);
	if (is->row.state == UPSTREAM_ORDERED) {
		is->phase = ISSUE_ORDER;
		is->has_names = is->has_records = true;
		is->taken_over = !issue_csr_unsent(is);
		is->proven = is->row.parked;
	} else {
		is->phase = is->row.intent_at && !is->go ? ISSUE_FIND : ISSUE_NEW_ORDER;
		is->finalized = is->proven = false;
		is->finalizes = is->undone_reads = 0;
		is->taken_over = false;
		is->poll_ms = 0;
	}
	return proceed(is);
}

/* Ask what the phase asks. */
static enum job_next
proceed(struct issue *is)
{
	enum job_next next;

	if ((is->phase == ISSUE_NEW_ORDER || is->phase == ISSUE_FIND) && issue_flees(is, &next))
		return next;
	switch (is->phase) {
	case ISSUE_NEW_ORDER:
		return new_order(is);
	case ISSUE_FIND:
		return issue_read_url(is, ISSUE_FIND, is->account->kid);
	case ISSUE_FIND_LIST:
		return issue_read_url(is, ISSUE_FIND_LIST, is->list_url);
	case ISSUE_ORDER:
		return issue_read_url(is, ISSUE_ORDER, is->row.url);
	case ISSUE_CERT:
	case ISSUE_ALTERNATE:
		/* begin the download anew */
		issue_forget_chains(is);
		return issue_read_url(is, ISSUE_ORDER, is->row.url);
	default:
		return load(is);
	}
}

struct issue *
issue_new(struct job *job, struct upstreams *ups)
{
	struct issue *is = xcalloc(1, sizeof(*is));

	is->job = job;
	is->ups = ups;
	is->conf = conf_holder_take(upstreams_env(ups)->conf);
	is->csr = BUF_MAX(CSR_MAX_BYTES);
	is->payload = BUF_MAX(64 * 1024);
	return is;
}

static void
issue_free(void *state)
{
	struct issue *is = state;

	issue_forget_chains(is);
	issue_forget_proofs(is);
	ca_call_done(&is->call);
	acme_order_done(&is->ca_order);
	acme_strings_done(&is->listed);
	idents_done(&is->failed);
	order_done(&is->order);
	idents_done(&is->names);
	idents_done(&is->ordered);
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
		return is->call.result == CA_OK ? got(is) : issue_failed(is);
	}
	if (is->proved) {
		is->proved = false;
		return issue_proved(is);
	}
	return proceed(is);
}

void
issue_job_register(struct upstreams *ups)
{
	jobs_register(upstreams_env(ups)->jobs, JOB_ISSUE, &(struct job_ops){ step, issue_free, ups });
}
