/* issue_replaces.c - `replaces` of a newOrder for the CA (RFC 9773 5, R8): what the device named, or the one certificate that this one
 * follows. It keeps the CA's exemption from rate limits, and is a bonus: where the CA does not like it, it is ordered without. See
 * issue.h. */
#include "upstream/issue.h"

#include "base/log.h"
#include "flow/work.h"
#include "store/cert.h"
#include "store/event.h"
#include "store/renewal.h"

#define FAULTS_MAX 2 /* HTTP 500: Pebble says so if it does not know the certificate, others when they are ill */

/* By its entry of upstreams, or else its directory. */
static bool
ca_takes_replaces(const struct upstream *u, const struct upstream_conf *conf)
{
	struct ca_directory *dir = ca_directory_ref(u->ca);
	bool lists = dir && dir->d.url[ACME_RENEWAL_INFO];
	struct ca_facts facts = { 0 };

	if (dir)
		ca_directory_unref(dir);
	if (conf)
		conf_ca_facts(conf, NULL, &facts);
	return facts.replaces == KNOWN_AUTO ? lists : facts.replaces == KNOWN_YES;
}

/* The device's, if this CA gave us that certificate. */
static bool
find_named(struct sql *db, const char *named, const char *upstream, char ret[CERTID_TEXT], struct problem *pr)
{
	struct problem unreadable = { 0 };
	struct cert_row cert = { 0 };
	struct certid id;
	bool found = false;

	if (!certid_parse(span_str(named), &id, &unreadable))
		return true;
	if (!cert_by_certid(db, id.text, &cert, &found, pr))
		return false;
	if (found && strcmp(cert.upstream, upstream) == 0)
		memcpy(ret, id.text, CERTID_TEXT);
	cert_row_done(&cert);
	return true;
}

static void
take_window(const struct renewal_row *row, void *arg)
{
	struct ledger_ask *ask = arg;

	ask->window_start = row->ca_start;
	ask->window_end = row->ca_end;
}

bool
issue_choose_replaces(struct sql *db, const struct upstream *u, const struct order *o, const char *refused, struct ledger_ask *ask, char ret[CERTID_TEXT], struct problem *pr)
{
	char key[IDENTS_KEY_TEXT];
	bool found;

	ret[0] = '\0';
	if (strcmp(refused, u->name) == 0 || !ca_takes_replaces(u, ask->upstream))
		return true;
	idents_key(ask->ordered, key);
	if (o->replaces ? !find_named(db, o->replaces, u->name, ret, pr) :
		!cert_find_predecessor(db, o->principal, key, u->name, ask->now_ns / NS_PER_S, ret, pr))
		return false;
	ask->replaces = ret[0] != '\0';
	return !ask->replaces || renewal_by_certid(db, ret, take_window, ask, &found, pr);
}

bool
issue_find_replaces(struct issue *is, struct sql *db, struct ledger_ask *ask, struct problem *pr)
{
	return issue_choose_replaces(db, is->u, &is->order, is->row.replaces_refused, ask, is->replaces, pr);
}

/* Problems that may be about `replaces`; the others are about the names, the account or our pace. */
static bool
may_be_meant(enum problem_kind kind)
{
	switch (kind) {
	case PROBLEM_ALREADY_REPLACED:
	case PROBLEM_MALFORMED:
	case PROBLEM_NOT_FOUND:
	case PROBLEM_CONFLICT:
	case PROBLEM_UNAUTHORIZED:
	case PROBLEM_SERVER_INTERNAL:
		return true;
	default:
		return false;
	}
}

bool
issue_replaces_blamed(struct issue *is)
{
	const struct ca_call *call = &is->call;

	if (!is->replaces[0] || call->result != CA_PROBLEM || !may_be_meant(call->problem.problem.kind))
		return false;
	return call->http_status < 500 || (call->http_status == 500 && ++is->replaces_faults >= FAULTS_MAX);
}

static bool
refused_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct issue *is = arg;
	struct ledger_ask ask = issue_ledger_ask(is);

	/* after a 409 or a fault there may be an order of ours: what it holds is kept until it has been looked for */
	return (issue_replaces_looks(is) ? jobs_fence(is->job, db, pr) :
		jobs_yield(is->job, db, pr) && ledger_released(db, &ask, pr) && queue_back(db, ask.order_id, 0, 0, pr)) &&
		upstream_order_refuse_replaces(db, ask.order_id, is->row.upstream, pr) &&
		event_note(db, is->order.id, jobs_node(is->job->jobs), "upstream", pr, "%s does not take it as the successor of %s, ordered without: %s",
			is->u->name, is->replaces, is->call.problem.problem.detail);
}

bool
issue_replaces_looks(const struct issue *is)
{
	return is->call.problem.problem.kind == PROBLEM_ALREADY_REPLACED || is->call.http_status >= 500;
}

enum job_next
issue_without_replaces(struct issue *is)
{
	struct problem pr = { 0 };

	if (!store_write(upstreams_env(is->ups)->store, refused_tx, is, &pr))
		return issue_store_trouble(is, &pr);
	/* the next one is another newOrder, and this one was answered */
	is->blind_orders = 0;
	atomic_fetch_add(&is->u->replaces_refused, 1);
	log_notice("replaces_refused", LS("order", is->order.ref), LS("upstream", is->u->name), LS("certid", is->replaces),
		LPR(&is->call.problem.problem));
	memcpy(is->row.replaces_refused, is->row.upstream, sizeof(is->row.replaces_refused));
	if (issue_replaces_looks(is))
		return issue_again(is, 0, ISSUE_FIND);
	work_hurry(is->job->jobs);
	return JOB_DONE;
}
