/* ep_renewal.c - renewal information for anybody, by GET: of one certificate (RFC 9773 4.1), or of a list of them in one URL, which a cache
 * can keep (doc/mass-ari.md). Answered on the front from memory; a worker looks for what is not there in the store. */
#include <stdlib.h>

#include "server/renewal_list.h"

#define RETRY_S (6 * 3600)       /* of an answer that has no window in it */
#define CACHE_MAX_AGE_S 3600

/* A URL's part may be longer than a certID can be: then it is none. */
static void
list_read(struct api *api, size_t count)
{
	struct span rest = api->arg, text;

	api->renewals = xcalloc(1, sizeof(*api->renewals));
	renewal_list_init(api->renewals, count);
	if (!api->route->list) {
		renewal_list_add(api->renewals, api->srv->renewal, rest, SPAN_NONE);
		return;
	}
	while (span_cut(&rest, ',', &text))
		renewal_list_add(api->renewals, api->srv->renewal, text, SPAN_NONE);
}

void
renewal_get_done(struct api *api)
{
	if (!api->renewals)
		return;
	renewal_list_done(api->renewals);
	free(api->renewals);
}

static size_t
count_of(const struct api *api)
{
	size_t n = 1;

	for (size_t i = 0; api->route->list && i < api->arg.n; i++)
		n += api->arg.p[i] == ',';
	return n;
}

/* Whether the operator wants it told to this address (D6 of the proposal). */
static bool
may_ask(struct api *api)
{
	const struct conf_nets *nets = &api->conf->renewal_networks;

	for (size_t i = 0; i < nets->count; i++) {
		if (net_has(&nets->list[i], &api->http->peer))
			return true;
	}
	return nets->count == 0 || problem_set(&api->pr, PROBLEM_UNAUTHORIZED, "renewal information is not for this network");
}

bool
renewal_get_begin(struct api *api, bool *ret_in_memory)
{
	size_t count = count_of(api);

	if (!may_ask(api))
		return false;
	if (count > RENEWAL_GET_MAX) {
		api->cert_ids_max = RENEWAL_GET_MAX;
		return problem_set(&api->pr, PROBLEM_MALFORMED, "%zu certIDs in one URL, at most %d are possible", count, RENEWAL_GET_MAX);
	}
	if (!limit_take_ids(&api->srv->limits, api->conf, &api->http->peer, count, &api->pr))
		return false;
	list_read(api, count);
	*ret_in_memory = api->renewals->looking == 0;
	return true;
}

static bool
find_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct api *api = arg;

	return renewal_list_find(api->renewals, api->srv->renewal, db, pr);
}

bool
renewal_get_find(struct api *api)
{
	return store_read(api->srv->store, find_tx, api, &api->pr);
}

/* RFC 9110 13.1.2: one of a list, or any; weak comparison. */
static bool
is_known(const struct http_req *rq, const char *etag)
{
	struct span rest = http_req_field(rq, "If-None-Match"), one;

	while (span_cut(&rest, ',', &one)) {
		one = span_trim(one);
		if (span_starts(one, "W/"))
			one = span_from(one, 2);
		if (span_is(one, "*") || (one.n > 2 && one.p[0] == '"' && span_is(span_of(one.p + 1, one.n - 2), etag)))
			return true;
	}
	return false;
}

static void
add_fields(struct api *api, const char *etag, int64_t retry_s)
{
	/* the answer to a list has the time in it, so two that say the same differ */
	http_reply_field(&api->reply, "ETag", "%s\"%s\"", api->route->list ? "W/" : "", etag);
	/* a cache between would tell those whom may_ask refuses */
	http_reply_field(&api->reply, "Cache-Control", "%s, max-age=%lld", api->conf->renewal_networks.count ? "private" : "public",
		(long long)(retry_s < CACHE_MAX_AGE_S ? retry_s : CACHE_MAX_AGE_S));
	http_reply_field(&api->reply, "Link", "<%s/directory>;rel=\"index\"", api->conf->external_url);
	api_retry_after(api, retry_s);
}

static bool
write_list(struct api *api, struct buf *body, int64_t *ret_retry_s)
{
	struct jw w = jw_to(body);

	jw_object(&w, NULL);
	jw_time(&w, "now", api->renewals->now);
	renewal_list_write(&w, api->conf, api->renewals, ret_retry_s);
	jw_end(&w);
	return jw_ok(&w) || problem_internal(&api->pr, "an answer of renewal information is too large");
}

static bool
write_one(struct api *api, struct buf *body, int64_t *ret_retry_s)
{
	const struct renewal_item *item = &api->renewals->items[0];
	struct jw w = jw_to(body);

	if (item->state != RENEWAL_FOUND) {
		renewal_item_problem(item, &api->pr);
		return false;
	}
	renewal_write(&w, NULL, api->conf, &item->info);
	*ret_retry_s = renewal_retry_s(&item->info, api->renewals->now);
	return true;
}

bool
renewal_get_reply(struct api *api)
{
	struct buf body = BUF_MAX(256 * 1024);
	char etag[RENEWAL_ETAG_TEXT];
	int64_t retry_s = RETRY_S;

	renewal_list_judge(api->renewals, 0);
	if (!(api->route->list ? write_list(api, &body, &retry_s) : write_one(api, &body, &retry_s))) {
		buf_done(&body);
		return false;
	}
	renewal_etag(api->conf, api->renewals, etag);
	if (is_known(api->http, etag)) {
		buf_done(&body);
		api->reply = http_reply_new(304);
	} else {
		api_reply_json(api, 200, &body);
	}
	add_fields(api, etag, retry_s);
	return true;
}
