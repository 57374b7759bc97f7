/* issue_cert.c - the download: the chain and its alternates, checked, the preferred one first; see issue.h. */
#include "upstream/issue.h"

#include "base/log.h"
#include "upstream/local.h"

static bool
keep_chain(struct issue *is, struct problem *pr)
{
	struct chain *chain = &is->chains[is->chain_count];
	struct buf *pem = &is->pems[is->chain_count];

	if (!chain_parse(ca_call_body(&is->call), chain, pr))
		return false;
	*pem = BUF_MAX(CHAIN_MAX_BYTES * 2);
	if (!chain_check(chain, is->order.key_hash, &is->names, clock_unix_s(), pr) || !chain_write_pem(chain, pem)) {
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
		return issue_store_trouble(is, &pr);
	atomic_fetch_add(&is->u->issued, 1);
	log_info("issued", LS("order", is->order.ref), LS("upstream", is->u->name), LS("serial", is->chains[0].certs[0]->serial),
		LI("chains", is->chain_count));
	return JOB_DONE;
}

/* Driver local: the certificate is there as soon as the keeper has signed. What dies before the transaction has never left. */
static bool
sign(struct issue *is, struct problem *pr)
{
	struct issue_now rq = { .conf = is->conf, .profile = conf_profile(is->conf, span_str(is->order.profile)),
		.upstream = conf_upstream(is->conf, is->row.upstream), .order = &is->order };
	struct chain *chain = &is->chains[0];
	struct buf *pem = &is->pems[0];
	struct csr *csr = NULL;
	bool good;

	if (!rq.profile || !rq.upstream)
		return problem_internal(pr, "profile \"%s\" or its CA is no longer configured", is->order.profile);
	if (!csr_parse(buf_span(&is->csr), &csr, pr))
		return false;
	rq.csr = csr;
	*pem = BUF_MAX(CHAIN_MAX_BYTES);
	good = local_issue_now(is->ups, &rq, pem, pr) && chain_parse(buf_span(pem), chain, pr);
	csr_free(csr);
	is->chain_count = good;
	if (!good)
		buf_done(pem);
	return good;
}

enum job_next
issue_locally(struct issue *is)
{
	struct problem pr = { 0 };

	issue_forget_chains(is);
	if (!sign(is, &pr)) {
		log_error("certificate_not_made", LS("order", is->order.ref), LS("upstream", is->u->name), LPR(&pr));
		return issue_pause_then(is, 0, ISSUE_LOAD);
	}
	return finish(is);
}

enum job_next
issue_next_alternate(struct issue *is)
{
	if (is->alternate_at >= is->alternate_count)
		return finish(is);
	return issue_ask(is, ISSUE_ALTERNATE, CA_URL, is->alternate_urls[is->alternate_at++], SPAN(""), "application/pem-certificate-chain");
}

enum job_next
issue_got_cert(struct issue *is)
{
	struct problem pr = { 0 }, why = { 0 };

	if (!keep_chain(is, &pr)) {
		log_error("certificate_not_as_ordered", LS("order", is->order.ref), LS("upstream", is->u->name), LPR(&pr));
		atomic_fetch_add(&is->u->bad_answers, 1);
		problem_set(&why, PROBLEM_SERVER_INTERNAL, "the certificate authority's certificate is not what was ordered: %s", pr.detail);
		return issue_refused(is, &why, NULL);
	}
	while (is->alternate_count < ISSUE_ALTERNATES_MAX &&
		ca_call_link(&is->call, "alternate", (unsigned)is->alternate_count, is->alternate_urls[is->alternate_count]))
		is->alternate_count++;
	return issue_next_alternate(is);
}

enum job_next
issue_got_alternate(struct issue *is)
{
	struct problem pr = { 0 };

	/* another leaf, or something broken: it is left out */
	if (!keep_chain(is, &pr))
		log_warning("alternate_chain_ignored", LS("order", is->order.ref), LS("upstream", is->u->name), LPR(&pr));
	else if (strcmp(is->chains[0].certs[0]->sha256, is->chains[is->chain_count - 1].certs[0]->sha256) != 0)
		chain_done(&is->chains[--is->chain_count]);
	return issue_next_alternate(is);
}

void
issue_forget_chains(struct issue *is)
{
	for (size_t i = 0; i < is->chain_count; i++) {
		chain_done(&is->chains[i]);
		buf_done(&is->pems[i]);
	}
	is->chain_count = is->alternate_count = is->alternate_at = 0;
}
