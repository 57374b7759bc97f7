/* batch.c - see batch.h. */
#include "quota/batch.h"

struct gcra_verdict
quota_ask(const struct quota_item *it, int64_t now_ns)
{
	struct gcra_verdict v = { .answer = GCRA_ALLOWED, .remaining = INT64_MAX, .tat_ns = it->tat_ns };
	int64_t frozen_ns = it->frozen_ns > now_ns ? gcra_add(it->frozen_ns, -now_ns) : 0;

	if (it->limited)
		v = gcra_spend(&it->gcra, gcra_clamp(&it->gcra, it->tat_ns, now_ns), now_ns, it->cost, it->held, it->kept);
	if (frozen_ns == 0 || v.answer == GCRA_MISUSED)
		return v;
	/* a server's word is never shortened by what we make of it */
	v.answer = GCRA_DENIED;
	v.remaining = 0;
	v.retry_ns = v.retry_ns > frozen_ns ? v.retry_ns : frozen_ns;
	v.tat_ns = it->tat_ns;
	return v;
}

static bool
is_stricter(const struct gcra_verdict *a, const struct gcra_verdict *b)
{
	if (a->answer != b->answer)
		return a->answer == GCRA_DENIED;
	if (a->retry_ns != b->retry_ns)
		return a->retry_ns > b->retry_ns;
	return a->remaining < b->remaining;
}

struct quota_decision
quota_batch(struct quota_item *items, size_t count, int64_t now_ns)
{
	struct quota_decision d = { .answer = GCRA_ALLOWED };
	const struct gcra_verdict *strictest = NULL;

	for (size_t i = 0; i < count; i++) {
		struct quota_item *it = &items[i];

		it->verdict = quota_ask(it, now_ns);
		it->write = false;
		if (it->verdict.answer == GCRA_MISUSED)
			return (struct quota_decision){ .answer = GCRA_MISUSED, .strictest = i };
		if (it->mode != QUOTA_SPEND && (!strictest || is_stricter(&it->verdict, strictest))) {
			strictest = &it->verdict;
			d.strictest = i;
		}
	}
	if (strictest) {
		d.answer = strictest->answer;
		d.retry_ns = strictest->retry_ns;
	}
	for (size_t i = 0; i < count && d.answer == GCRA_ALLOWED; i++)
		items[i].write = items[i].mode != QUOTA_CHECK && items[i].verdict.answer == GCRA_ALLOWED;
	return d;
}
