/* issue_guard.c - what identifies a device is for inside: were it in a public certificate, it would be known for ever. newOrder and
 * finalize keep it from getting as far as this; here it is looked at again, whatever they did. See issue.h. */
#include "upstream/issue.h"

#include "base/log.h"
#include "flow/names.h"

bool
issue_may_order(const struct issue *is, struct problem *pr)
{
	for (size_t i = 0; i < is->names.count; i++) {
		if (ident_is_device(&is->names.list[i]))
			return problem_internal(pr, "an identifier of a device among those for the CA");
	}
	return is->names.count > 0 || problem_internal(pr, "no name that the CA may hear of");
}

bool
issue_may_finalize(const struct issue *is, struct problem *pr)
{
	struct csr *csr = NULL;
	struct problem why = { 0 };
	bool good = csr_parse(buf_span(&is->csr), &csr, &why) && order_csr_fits(&is->order, csr, true, &why);

	csr_free(csr);
	return good || problem_internal(pr, "the CSR is not fit for a CA outside: %s", why.detail);
}

enum job_next
issue_guarded(struct issue *is, const struct problem *pr)
{
	log_error("not_for_outside", LS("order", is->order.ref), LS("upstream", is->u->name), LPR(pr));
	return issue_refused(is, pr, NULL);
}
