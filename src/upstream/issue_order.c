/* issue_order.c - what the CA's order says is what happens next: authorizations, challenge, CSR; see issue.h. */
#include "upstream/issue.h"

#include <stdio.h>

#include "base/b64url.h"
#include "base/log.h"

#define POLL_MIN_MS 1000
#define POLL_MAX_MS 30000
#define SAME_ORDER_MIN_MS 5000
#define SAME_ORDER_MAX_MS 60000    /* each newOrder counts at the CA */
#define UNDONE_READ_MS 10000       /* U7 */

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
	enum job_next next;

	if (error)
		why = error->problem;
	else
		problem_set(&why, PROBLEM_SERVER_INTERNAL, "the certificate authority could not validate the names");
	if (!issue_is_for_device(why.kind) && why.kind != PROBLEM_UNAUTHORIZED)
		why.kind = PROBLEM_SERVER_INTERNAL;
	if (issue_moves_refused(is, why.kind, true, why.detail, &next))
		return next;
	if (why.kind == PROBLEM_CAA || why.kind == PROBLEM_REJECTED_IDENTIFIER || why.kind == PROBLEM_BAD_CSR || is->row.failures >= 3)
		return issue_refused(is, &why, error);
	return issue_begin_anew(is, true, why.detail);
}

/* Nobody waits: the CA's order is left to expire, unless it may have the CSR and not show it yet (U7). */
static enum job_next
leave(struct issue *is)
{
	if ((is->finalized || is->taken_over) && is->undone_reads++ < 2)
		return issue_again(is, UNDONE_READ_MS, ISSUE_ORDER);
	return issue_left(is);
}

static enum job_next
finalize(struct issue *is)
{
	AUTO_BUF csr = BUF_MAX(B64URL_LEN(CSR_MAX_BYTES) + 4);
	struct problem pr = { 0 };
	struct jw w;

	/* with the CSR a certificate is in the making: the last moment to stop (O14) */
	if (!issue_unpark(is, &pr))
		return issue_store_trouble(is, &pr);
	if (is->late)
		return leave(is);
	if (!issue_may_finalize(is, &pr))
		return issue_guarded(is, &pr);
	b64url_add(&csr, is->csr.p, is->csr.n);
	buf_clear(&is->payload);
	w = jw_to(&is->payload);
	jw_object(&w, NULL);
	jw_span(&w, "csr", buf_span(&csr));
	jw_end(&w);
	is->finalized = true;
	is->finalizes++;
	is->undone_reads = 0;
	is->poll_ms = 0;
	return issue_ask(is, ISSUE_FINALIZE, CA_URL, is->row.finalize_url, buf_span(&is->payload), NULL);
}

/* `ready`: send the CSR, once there is one; after a finalize whose answer is unknown only when two reads 10 s apart still say so (U7). */
static enum job_next
act_ready(struct issue *is)
{
	enum job_next next;

	if (is->late)
		return leave(is);
	if (!issue_has_csr(is, &next))
		return next;
	if (!is->row.finalize_url[0])
		return issue_begin_anew(is, false, "the CA's order has no finalize URL");
	if (!is->finalized || is->undone_reads >= 2)
		return finalize(is);
	is->undone_reads++;
	return issue_again(is, UNDONE_READ_MS, ISSUE_ORDER);
}

static enum job_next
act_pending(struct issue *is)
{
	if (is->late)
		return leave(is);
	/* some CAs lag behind their own answers */
	if (is->finalized || is->proven || is->ca_order.authzs.count == 0) {
		is->proven = false;
		return issue_again(is, poll_wait_ms(is), ISSUE_ORDER);
	}
	is->at = is->open = 0;
	issue_forget_proofs(is);
	return issue_read_url(is, ISSUE_AUTHZ, is->ca_order.authzs.list[0]);
}

/* What the CA's order says is what happens next. */
enum job_next
issue_act(struct issue *is)
{
	struct acme_order *o = &is->ca_order;
	struct problem pr = { 0 };

	if (o->state != ORDER_PENDING && is->has_names && !issue_let_go(is, &pr))
		return issue_store_trouble(is, &pr);
	/* it was ours to finalize */
	if (issue_csr_unsent(is) && !is->finalized && (o->state == ORDER_PROCESSING || o->state == ORDER_VALID))
		return issue_begin_anew(is, false, "somebody else has finalized the CA's order");
	switch (o->state) {
	case ORDER_PENDING:
		return act_pending(is);
	case ORDER_READY:
		return act_ready(is);
	case ORDER_PROCESSING:
		is->finalized = true;
		return issue_again(is, poll_wait_ms(is), ISSUE_ORDER);
	case ORDER_VALID:
		if (!o->certificate || !span_copy(span_str(o->certificate), is->cert_url, sizeof(is->cert_url)))
			return issue_bad_answer(is, "the order is valid, and has no certificate (URL)", ISSUE_ORDER);
		return issue_ask(is, ISSUE_CERT, CA_URL, is->cert_url, SPAN(""), "application/pem-certificate-chain");
	default:
		/* all was proven; while it waited for the CSR its time was over */
		if (is->row.parked && !o->has_error)
			return issue_begin_anew(is, false, "the CA's order is over");
		issue_blame_order(is);
		return validation_failed(is, o->has_error ? &o->error : NULL);
	}
}

/* The reply's order, checked against ours. */
bool
issue_read_order(struct issue *is, struct problem *pr)
{
	struct acme_order o = { 0 };

	if (!acme_order_read(ca_call_body(&is->call), &o, pr))
		return false;
	if (!idents_same(&o.idents, &is->names)) {
		acme_order_done(&o);
		return problem_internal(pr, "the CA's order is for other identifiers");
	}
	acme_order_done(&is->ca_order);
	is->ca_order = o;
	return true;
}

enum job_next
issue_unreadable(struct issue *is, const struct problem *pr)
{
	return issue_bad_answer(is, pr->cause[0] ? pr->cause : pr->detail, is->row.state == UPSTREAM_ORDERED ? ISSUE_ORDER : ISSUE_FIND);
}

enum job_next
issue_got_new_order(struct issue *is)
{
	struct problem pr = { 0 };
	bool taken;

	if (!is->call.location[0])
		problem_internal(&pr, "it says nowhere at the CA where the order is (Location)");
	if (!is->call.location[0] || !issue_read_order(is, &pr))
		return issue_unreadable(is, &pr);
	if (!issue_url_taken(is, is->call.location, &taken, &pr))
		return issue_store_trouble(is, &pr);
	/* the CA hands out its open order for these names again: one after the other (U9) */
	if (taken) {
		is->same_ms = is->same_ms == 0 ? SAME_ORDER_MIN_MS : is->same_ms * 2 < SAME_ORDER_MAX_MS ? is->same_ms * 2 : SAME_ORDER_MAX_MS;
		return issue_again(is, is->same_ms, ISSUE_NEW_ORDER);
	}
	is->same_ms = 0;
	is->blind_orders = 0;
	if (!issue_ordered(is, is->call.location, &pr))
		return issue_store_trouble(is, &pr);
	return issue_act(is);
}

enum job_next
issue_got_order(struct issue *is)
{
	struct problem pr = { 0 };

	if (!issue_read_order(is, &pr))
		return issue_unreadable(is, &pr);
	return issue_act(is);
}

enum job_next
issue_next_authz(struct issue *is)
{
	if (++is->at < is->ca_order.authzs.count)
		return issue_read_url(is, ISSUE_AUTHZ, is->ca_order.authzs.list[is->at]);
	if (is->proof_count > 0)
		return issue_prove(is);
	return issue_round_over(is);
}

/* All valid, then the order is ready; else look again. */
enum job_next
issue_round_over(struct issue *is)
{
	if (is->open == 0) {
		is->proven = true;
		return issue_read_url(is, ISSUE_ORDER, is->row.url);
	}
	return issue_again(is, poll_wait_ms(is), ISSUE_ORDER);
}

/* No name is proven that we have not ordered, whatever the CA says. */
static bool
is_ours(const struct issue *is, const struct acme_authz *authz, struct problem *pr)
{
	for (size_t i = 0; i < is->names.count; i++) {
		const struct ident *id = &is->names.list[i];

		if (id->type == authz->ident.type && strcmp(ident_base(id), authz->ident.value) == 0)
			return true;
	}
	return problem_internal(pr, "an authorization of the CA's order is for \"%s\", which is not in the order", authz->ident.value);
}

enum job_next
issue_got_authz(struct issue *is)
{
	struct acme_authz authz = { 0 };
	struct problem pr = { 0 };
	enum job_next next;

	if (!acme_authz_read(ca_call_body(&is->call), &authz, &pr))
		return issue_unreadable(is, &pr);
	if (!is_ours(is, &authz, &pr)) {
		acme_authz_done(&authz);
		return issue_unreadable(is, &pr);
	}
	switch (authz.state) {
	case AUTHZ_VALID:
		next = issue_next_authz(is);
		break;
	case AUTHZ_PENDING:
		next = issue_take_authz(is, &authz);
		break;
	case AUTHZ_INVALID:
		issue_blame(is, &authz);
		next = validation_failed(is, acme_authz_error(&authz));
		break;
	default:
		next = issue_begin_anew(is, false, "an authorization at the CA has ended");
	}
	acme_authz_done(&authz);
	return next;
}
