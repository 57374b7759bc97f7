/* lookup_ask.c - a look-up for each certificate of a page: GET renewalInfo/certID (RFC 9773 4.1), all of them on their way at once. */
#include <stdlib.h>

#include "acme/renewal.h"
#include "base/rand.h"
#include "upstream/lookup_int.h"

void
lookup_learn(struct lookup_item *item, const struct lookup_answer *a)
{
	lookup_tally_add(&item->work->tally, a);
	lookup_take(&item->row, a, clock_unix_s(), rand_below(UINT32_MAX), &item->change);
	item->is_known = true;
}

/* ---- the answers ---- */

/* application/json, whatever its parameters */
static bool
is_json(const struct httpc_reply *rp)
{
	struct span type = httpc_field(rp, "Content-Type", 0), name;

	return span_cut(&type, ';', &name) && span_is_nocase(span_trim(name), "application/json");
}

static enum lookup_result
of_status(int status)
{
	if (status == 404)
		return LOOKUP_UNKNOWN;
	if (status == 429 || status == 503)
		return LOOKUP_BUSY;
	return status >= 500 || status == 408 ? LOOKUP_BROKEN : LOOKUP_REFUSED;
}

static enum lookup_result
of_failure(enum httpc_result result)
{
	switch (result) {
	case HTTPC_TOO_LARGE:
		return LOOKUP_UNUSABLE;
	case HTTPC_TIMEOUT:
	case HTTPC_BROKEN:
		return LOOKUP_BROKEN;
	default:
		return LOOKUP_UNREACHED;
	}
}

static void
read_window(struct lookup_item *item, struct lookup_answer *a, const char *etag)
{
	struct acme_renewal info = { 0 };
	struct problem pr = { 0 };

	if (!is_json(&item->get.reply) || !acme_renewal_read(ca_get_body(&item->get), &info, &pr)) {
		lookup_learn(item, a);
		return;
	}
	*a = (struct lookup_answer){ LOOKUP_WINDOW, info.start, info.end, info.explanation, etag, a->retry_s };
	lookup_learn(item, a);
	acme_renewal_done(&info);
}

static bool
has_etag(const struct lookup_row *row)
{
	size_t n = strlen(row->etag);

	return n > 1 && row->etag[n - 1] == '"';
}

static void
read_reply(struct lookup_item *item)
{
	const struct httpc_reply *rp = &item->get.reply;
	struct lookup_answer a = { .result = LOOKUP_UNUSABLE, .retry_s = ca_get_retry_s(&item->get) };
	char etag[LOOKUP_ETAG_TEXT];
	struct span field = span_trim(httpc_field(rp, "ETag", 0));
	bool tagged = field.n > 1 && field.p[field.n - 1] == '"' && span_copy(field, etag, sizeof(etag));

	/* no connection of ours was free: nobody was asked */
	if (rp->result == HTTPC_BUSY)
		return;
	if (rp->result == HTTPC_OK && rp->status == 200) {
		read_window(item, &a, tagged ? etag : NULL);
		return;
	}
	if (rp->result != HTTPC_OK)
		a = (struct lookup_answer){ .result = of_failure(rp->result) };
	else if (rp->status != 304)
		a.result = of_status(rp->status);
	else if (has_etag(&item->row))
		a.result = LOOKUP_SAME;
	lookup_learn(item, &a);
}

void
lookup_ask_read(struct lookup_work *w)
{
	for (size_t i = 0; i < w->count; i++) {
		if (w->items[i].is_asked)
			read_reply(&w->items[i]);
	}
}

/* ---- the questions ---- */

/* Another worker may have the job from then on. */
static void
one_less(struct lookup_work *w)
{
	struct job *job = w->job;

	if (atomic_fetch_sub(&w->left, 1) == 1)
		jobs_resume(job);
}

/* The loop's thread. */
static void
on_reply(struct ca_get *get, void *arg)
{
	(void)get;
	one_less(arg);
}

void
lookup_ask(struct lookup_work *w, const char *base)
{
	size_t n = strlen(base);

	w->way = LOOKUP_ASKING;
	atomic_store(&w->left, 1);
	for (size_t i = 0; i < w->count; i++) {
		struct lookup_item *item = &w->items[i];
		AUTO_FREE char *url = xasprintf("%s%s%s", base, n && base[n - 1] == '/' ? "" : "/", item->row.certid);

		if (item->has_ended)
			continue;
		item->get = (struct ca_get){ .url = url, .if_none_match = has_etag(&item->row) ? item->row.etag : NULL,
			.body_max_bytes = ACME_RENEWAL_MAX_BYTES, .done = on_reply, .arg = w };
		atomic_fetch_add(&w->left, 1);
		item->is_asked = true;
		if (ca_get(w->u->ca, &item->get)) {
			atomic_fetch_add(&w->u->lookups.requests, 1);
			continue;
		}
		item->is_asked = false;
		atomic_fetch_sub(&w->left, 1);
	}
	one_less(w);
}
