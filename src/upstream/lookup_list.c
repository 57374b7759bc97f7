/* lookup_list.c - one signed request for a thousand certificates, of a CA that is a gateway like ours (doc/mass-ari.md): a branch office asks
 * its headquarters. Whatever such a CA does not answer well is asked about one by one again. */
#include <stdlib.h>

#include "acme/renewal.h"
#include "base/log.h"
#include "json/jw.h"
#include "upstream/lookup_int.h"

#define PAYLOAD_MAX (256 * 1024)
#define NO_LIST_MS (6 * 3600 * 1000)

/* What was kept of an answer to a single request is no tag. */
static const char *
tag_of(const struct lookup_row *row)
{
	return strchr(row->etag, '"') ? "" : row->etag;
}

/* ---- the answer ---- */

static int
by_certid(const void *a, const void *b)
{
	return strcmp((*(struct lookup_item *const *)a)->row.certid, (*(struct lookup_item *const *)b)->row.certid);
}

struct reading {
	struct lookup_item **sorted;
	size_t count;
};

static struct lookup_item *
find(const struct reading *r, struct span certid)
{
	size_t lo = 0, hi = r->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		struct span at = span_str(r->sorted[mid]->row.certid);
		size_t n = at.n < certid.n ? at.n : certid.n;
		int order = memcmp(at.p, certid.p, n);

		if (order == 0 && at.n == certid.n)
			return r->sorted[mid];
		if (order < 0 || (order == 0 && at.n < certid.n))
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static enum lookup_result
of_problem(int status)
{
	return status == 404 ? LOOKUP_UNKNOWN : status >= 500 ? LOOKUP_BROKEN : LOOKUP_REFUSED;
}

static void
on_entry(const struct acme_renewal_entry *e, void *arg)
{
	struct lookup_item *item = find(arg, e->certid);
	struct lookup_answer a = { .result = LOOKUP_UNUSABLE, .retry_s = e->retry_after_s };
	AUTO_FREE char *tag = e->tag.n && !memchr(e->tag.p, '"', e->tag.n) ? span_dup(e->tag) : NULL;

	/* not asked about; or in both lists: the first counts */
	if (!item || item->is_known)
		return;
	if (e->kind == ACME_RENEWAL_WINDOW)
		a = (struct lookup_answer){ LOOKUP_WINDOW, e->info.start, e->info.end, e->info.explanation, tag, e->retry_after_s };
	else if (e->kind == ACME_RENEWAL_UNCHANGED && tag_of(&item->row)[0])
		a.result = LOOKUP_SAME;
	else if (e->kind == ACME_RENEWAL_PROBLEM)
		a.result = of_problem(e->status);
	lookup_learn(item, &a);
}

static bool
read_list(struct lookup_work *w, struct problem *pr)
{
	struct reading r = { xcalloc(w->count + 1, sizeof(*r.sorted)), w->count };
	bool good;

	for (size_t i = 0; i < w->count; i++)
		r.sorted[i] = &w->items[i];
	qsort(r.sorted, r.count, sizeof(*r.sorted), by_certid);
	good = acme_renewal_list_read(ca_call_body(&w->call), on_entry, &r, pr);
	free(r.sorted);
	/* what the list does not have, it should */
	for (size_t i = 0; good && i < w->count; i++) {
		if (!w->items[i].is_known)
			lookup_learn(&w->items[i], &(struct lookup_answer){ .result = LOOKUP_UNUSABLE });
	}
	return good;
}

/* No list from this CA, for now. */
static void
give_up(struct lookup_work *w, const struct problem *why)
{
	w->no_list_until = clock_ms() + NO_LIST_MS;
	log_warning("renewal_list_refused", LS("upstream", w->u->name), LI("http_status", w->call.http_status), LPR(why));
}

void
lookup_list_read(struct lookup_work *w)
{
	const struct ca_call *call = &w->call;
	struct problem pr = { 0 };

	if (call->result == CA_OK) {
		if (!read_list(w, &pr))
			give_up(w, &pr);
	} else if (ca_call_is_temporary(call)) {
		bool busy = call->result == CA_PROBLEM && (call->http_status == 429 || call->http_status == 503);

		lookup_tally_add(&w->tally, &(struct lookup_answer){ .result = busy ? LOOKUP_BUSY : LOOKUP_BROKEN,
			.retry_s = call->has_retry_after ? call->retry_after_s : 0 });
	} else {
		give_up(w, &call->problem.problem);
	}
	ca_call_done(&w->call);
	ca_account_unref(w->account);
	w->account = NULL;
	buf_done(&w->payload);
}

/* ---- the question ---- */

static void
on_list(struct ca_call *call, void *arg)
{
	struct lookup_work *w = arg;

	(void)call;
	jobs_resume(w->job);
}

static void
write_payload(struct lookup_work *w)
{
	struct jw jw;
	bool tagged = false;

	w->payload = BUF_MAX(PAYLOAD_MAX);
	jw = jw_to(&w->payload);
	jw_object(&jw, NULL);
	jw_array(&jw, "certIDs");
	for (size_t i = 0; i < w->count; i++) {
		if (w->items[i].has_ended)
			continue;
		jw_str(&jw, NULL, w->items[i].row.certid);
		tagged = tagged || tag_of(&w->items[i].row)[0];
	}
	jw_end(&jw);
	if (tagged) {
		jw_array(&jw, "tags");
		for (size_t i = 0; i < w->count; i++) {
			if (!w->items[i].has_ended)
				jw_str(&jw, NULL, tag_of(&w->items[i].row));
		}
		jw_end(&jw);
	}
	jw_end(&jw);
}

bool
lookup_list(struct lookup_work *w, const char *url)
{
	enum account_state state;

	w->account = upstream_account_registered(w->u, &state);
	if (!w->account)
		return false;
	w->way = LOOKUP_LISTING;
	free(w->url);
	w->url = xstrdup(url);
	write_payload(w);
	w->call = (struct ca_call){ .target = CA_URL, .url = w->url, .payload = buf_span(&w->payload), .signer = ca_account_signer(w->account),
		.body_max_bytes = ACME_RENEWAL_LIST_MAX_BYTES, .retry_after_max_s = 86400, .done = on_list, .arg = w };
	atomic_fetch_add(&w->u->lookups.requests, 1);
	ca_post(w->u->ca, &w->call);
	return true;
}
