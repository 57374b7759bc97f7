/* ep_renewal_batch.c - renewal information of many certificates in one signed request (doc/mass-ari.md): of a list of certIDs, or, as a feed,
 * of all of the account's principal (E5) that changed since it last asked. Whatever is another's is as unknown as what is not there. */
#include <stdio.h>

#include "server/renewal_list.h"

#define BODY_MAX (4 * 1024 * 1024) /* a thousand entries, each with the longest explanationURL */
#define ENTRY_USUAL 256 /* octets of an entry without a page, so that the answer does not grow piece by piece */
#define ITEMS_MAX 4096
#define RETRY_MAX_S (6 * 3600)
#define FEED_RETRY_S 3600
#define FEED_LIMIT 500
#define FEED_SCAN_MAX 5000    /* rows that a request looks at: what the filter drops costs time as well */
#define FEED_PAGE 500
#define FEED_OVERLAP_S 60     /* a change commits later than it says; told twice is no harm */
#define FEED_FUTURE_S 300
#define PLACE_TEXT (CERTID_TEXT + 96)

/* ---- a list ---- */

struct batch {
	struct api *api;
	struct renewal_list list; /* owned */
	bool strict;
	int64_t principal;
};

static bool
read_ids(struct api *api, struct batch *b)
{
	struct json_obj o = json_obj(api->payload, "payload", &api->pr);
	const struct json_node *ids = json_req_arr(&o, "certIDs", ITEMS_MAX), *tags = json_opt_arr(&o, "tags", ITEMS_MAX);
	size_t count = json_count(ids);

	b->strict = json_opt_bool(&o, "strict", false);
	if (!json_ok(&o))
		return false;
	if (count == 0)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "certIDs is empty");
	if (count > RENEWAL_POST_MAX) {
		api->cert_ids_max = RENEWAL_POST_MAX;
		return problem_set(&api->pr, PROBLEM_MALFORMED, "%zu certIDs in one request, at most %d are possible", count, RENEWAL_POST_MAX);
	}
	if (tags && json_count(tags) != count)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "tags has %zu items, not one for each of the %zu certIDs", json_count(tags), count);
	for (size_t i = 0; i < count; i++) {
		if (json_type(json_at(ids, i)) != JSON_STRING || (tags && json_type(json_at(tags, i)) != JSON_STRING))
			return problem_set(&api->pr, PROBLEM_MALFORMED, "item %zu of certIDs, or its tag, is no string", i);
	}
	if (!limit_take_many(&api->srv->limits, api->conf, LIMIT_RENEWAL_ACCOUNT, span_str(api->kid_ref), count, &api->pr))
		return false;
	for (size_t i = 0; i < count; i++)
		renewal_list_add(&b->list, api->srv->renewal, json_text(json_at(ids, i)), tags ? json_text(json_at(tags, i)) : SPAN_NONE);
	return true;
}

static bool
list_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct batch *b = arg;
	struct account account;

	if (!api_account(b->api, db, &account, pr))
		return false;
	b->principal = account_principal(&account);
	return b->list.looking == 0 || renewal_list_find(&b->list, b->api->srv->renewal, db, pr);
}

/* All or nothing: what is the matter with each. */
static bool
check_strict(struct api *api, const struct batch *b)
{
	size_t bad = 0;

	for (size_t i = 0; b->strict && i < b->list.count; i++) {
		const struct renewal_item *item = &b->list.items[i];
		struct problem one, named = { 0 };

		if (item->state == RENEWAL_FOUND)
			continue;
		renewal_item_problem(item, &one);
		problem_set(&named, one.kind, "\"%s\": %s", QUOTE(item->text), one.detail);
		if (bad++ < ACME_SUBPROBLEMS_MAX)
			api_subproblem(api, &named, &(struct ident){ .value = "" });
	}
	return bad == 0 || problem_set(&api->pr, PROBLEM_MALFORMED, "%zu of the certIDs have no renewal information, see the sub-problems", bad);
}

static bool
reply_list(struct api *api, const struct batch *b)
{
	struct buf body = BUF_MAX(BODY_MAX);
	struct jw w = jw_to(&body);
	int64_t retry_s = RETRY_MAX_S;

	buf_reserve(&body, b->list.count * ENTRY_USUAL);
	jw_object(&w, NULL);
	jw_time(&w, "now", b->list.now);
	renewal_list_write(&w, api->conf, &b->list, &retry_s);
	jw_end(&w);
	if (!jw_ok(&w)) {
		buf_done(&body);
		return problem_internal(&api->pr, "an answer of renewal information is too large");
	}
	api_reply_json(api, 200, &body);
	api_retry_after(api, retry_s);
	return true;
}

static bool
answer_list(struct api *api)
{
	struct batch b = { .api = api };
	bool good;

	renewal_list_init(&b.list, RENEWAL_POST_MAX);
	good = read_ids(api, &b) && store_read(api->srv->store, list_tx, &b, &api->pr);
	if (good) {
		renewal_list_judge(&b.list, b.principal);
		good = check_strict(api, &b) && reply_list(api, &b);
	}
	renewal_list_done(&b.list);
	return good;
}

/* ---- the feed ---- */

/* Where a page begins: after this certificate, in the list of what changed or of what has ended. */
struct place {
	bool ended;
	int64_t since; /* unix s, -1 = from scratch */
	int64_t until; /* when the first page was asked for: what is later is the next state's */
	int64_t at;
	char certid[CERTID_TEXT];
};

struct feed {
	struct api *api;
	struct place begin, place; /* as it was asked for; as far as this page has come */
	bool first, reset;
	int64_t now, limit;
	int64_t due_before; /* 0 = whenever */
	int explained;      /* -1 = either */
	int64_t told, scanned, retry_s;
	bool full;
	struct buf body, gone; /* owned */
	struct jw w, gone_w;
};

static bool
cut_int(struct span *rest, int64_t *ret)
{
	struct span part;
	uint64_t v;

	if (!span_cut(rest, '-', &part) || !span_uint(part, INT64_MAX / 2, &v))
		return false;
	*ret = (int64_t)v - 1;
	return true;
}

/* Numbers are one more than they are: from scratch is -1. */
static void
write_place(const struct place *p, char dst[PLACE_TEXT])
{
	snprintf(dst, PLACE_TEXT, "%c-%lld-%lld-%lld-%s", p->ended ? 'e' : 'c', (long long)p->since + 1, (long long)p->until + 1, (long long)p->at + 1,
		p->certid);
}

static bool
read_place(struct span text, struct place *ret)
{
	struct place p = { 0 };
	struct span kind;

	if (!span_cut(&text, '-', &kind) || !(span_is(kind, "c") || span_is(kind, "e")) || !cut_int(&text, &p.since) || !cut_int(&text, &p.until) ||
		!cut_int(&text, &p.at) || !text.p || !span_copy(text, p.certid, sizeof(p.certid)))
		return false;
	p.ended = span_is(kind, "e");
	*ret = p;
	return true;
}

/* A state that we cannot have given, or that is so old that what ended since is forgotten: all is told anew. */
static void
begin_at(struct feed *f, struct span state)
{
	int64_t oldest = f->now - f->api->conf->order_keep_s;
	uint64_t since = 0;

	f->first = true;
	f->begin = (struct place){ .since = -1, .until = f->now };
	if (!state.p)
		return;
	f->reset = !span_uint(state, INT64_MAX / 2, &since) || (int64_t)since > f->now + FEED_FUTURE_S || (int64_t)since < oldest;
	if (!f->reset)
		f->begin.since = (int64_t)since;
}

static bool
read_filter(struct api *api, const struct json_node *node, struct feed *f)
{
	struct json_obj o;
	struct span due;

	if (!node)
		return true;
	o = json_obj(node, "filter", &api->pr);
	due = json_opt_str(&o, "dueBefore", 64);
	if (json_get(node, "explained"))
		f->explained = json_opt_bool(&o, "explained", false);
	if (!json_ok(&o))
		return false;
	return !due.p || time_rfc3339_parse(due, &f->due_before) || problem_set(&api->pr, PROBLEM_MALFORMED, "dueBefore is not an RFC 3339 time");
}

static bool
read_feed(struct api *api, struct feed *f)
{
	struct json_obj o;
	struct span scope, state, cursor;

	begin_at(f, SPAN_NONE);
	if (!api->payload)
		return true;
	o = json_obj(api->payload, "payload", &api->pr);
	scope = json_req_str(&o, "scope", 64);
	state = json_opt_str(&o, "state", 64);
	cursor = json_opt_str(&o, "cursor", PLACE_TEXT - 1);
	f->limit = json_opt_int(&o, "limit", 1, FEED_LIMIT, FEED_LIMIT);
	if (!json_ok(&o) || !read_filter(api, json_opt_obj(&o, "filter"), f) || !json_ok(&o))
		return false;
	if (!span_is(scope, "account"))
		return problem_set(&api->pr, PROBLEM_MALFORMED, "scope is not \"account\"");
	begin_at(f, state);
	if (!cursor.p)
		return true;
	f->first = f->reset = false;
	return read_place(cursor, &f->begin) || problem_set(&api->pr, PROBLEM_MALFORMED, "cursor is not one of ours");
}

static bool
is_wanted(const struct feed *f, const struct renewal_info *info)
{
	bool explained = renewal_explanation(f->api->conf, info) != NULL;

	return (f->due_before == 0 || info->window.start < f->due_before) && (f->explained < 0 || f->explained == (int)explained);
}

static void
take_row(const struct renewal_row *row, void *arg)
{
	struct feed *f = arg;
	bool over = f->place.ended || row->replaced_at != 0;
	struct renewal_info info;

	if (f->full)
		return;
	f->scanned++;
	f->place.at = f->place.ended ? row->not_after : row->changed_at;
	memcpy(f->place.certid, row->certid, sizeof(f->place.certid));
	/* what has ended comes in a list of its own; who knows nothing yet need not hear of it */
	if (!row->certid[0] || (!f->place.ended && row->not_after <= f->place.until) || (over && f->place.since < 0))
		return;
	if (over) {
		jw_str(&f->gone_w, NULL, row->certid);
	} else {
		info = renewal_of_row(f->api->srv->renewal, row);
		if (!is_wanted(f, &info))
			return;
		renewal_entry_write(&f->w, f->api->conf, row->certid, &info, SPAN_NONE, f->now);
		if (renewal_retry_s(&info, f->now) < f->retry_s)
			f->retry_s = renewal_retry_s(&info, f->now);
	}
	f->full = ++f->told >= f->limit;
}

static void
take_id(const struct renewal_row *row, void *arg)
{
	*(int64_t *)arg = row->cert_id;
}

/* Rows of the list at hand until there is enough, or no more: *ret_over. */
static bool
walk(struct sql *db, struct feed *f, int64_t principal, bool *ret_over, struct problem *pr)
{
	for (;;) {
		struct renewal_mark after = { f->place.at, 0 };
		int64_t before = f->scanned;
		bool found = false;

		/* of a certificate that was deleted meanwhile: those of its second once more */
		if (f->place.certid[0] && !renewal_by_certid(db, f->place.certid, take_id, &after.id, &found, pr))
			return false;
		if (!(f->place.ended ? renewal_each_ended_of(db, principal, after, f->place.until, FEED_PAGE, take_row, f, pr) :
				       renewal_each_changed_of(db, principal, after, f->place.until, FEED_PAGE, take_row, f, pr)))
			return false;
		*ret_over = !f->full && f->scanned - before < FEED_PAGE;
		f->full = f->full || f->scanned >= FEED_SCAN_MAX;
		if (*ret_over || f->full)
			return true;
	}
}

static void
begin_list(struct feed *f, bool ended)
{
	f->place.ended = ended;
	f->place.at = f->place.since < 0 ? -1 : f->place.since - FEED_OVERLAP_S;
	f->place.certid[0] = '\0';
}

static bool
feed_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct feed *f = arg;
	struct account account;
	bool over = false, good;

	f->place = f->begin;
	buf_clear(&f->body);
	buf_clear(&f->gone);
	f->told = f->scanned = 0;
	f->full = false;
	f->retry_s = FEED_RETRY_S;
	f->w = jw_to(&f->body);
	f->gone_w = jw_to(&f->gone);
	jw_object(&f->w, NULL);
	jw_time(&f->w, "now", f->now);
	jw_object(&f->w, "entries");
	jw_array(&f->gone_w, NULL);
	if (!api_account(f->api, db, &account, pr))
		return false;
	if (f->first)
		begin_list(f, false);
	good = walk(db, f, account_principal(&account), &over, pr);
	if (good && over && !f->place.ended && f->place.since >= 0) {
		begin_list(f, true);
		good = walk(db, f, account_principal(&account), &over, pr);
	}
	f->full = !over;
	return good;
}

static bool
reply_feed(struct api *api, struct feed *f)
{
	char text[PLACE_TEXT];

	jw_end(&f->w);
	jw_end(&f->gone_w);
	jw_raw(&f->w, "gone", buf_span(&f->gone));
	if (f->reset)
		jw_bool(&f->w, "reset", true);
	if (f->full) {
		write_place(&f->place, text);
		jw_str(&f->w, "cursor", text);
	} else {
		snprintf(text, sizeof(text), "%lld", (long long)f->place.until);
		jw_str(&f->w, "state", text);
	}
	jw_bool(&f->w, "more", f->full);
	jw_end(&f->w);
	if (!jw_ok(&f->w) || !jw_ok(&f->gone_w))
		return problem_internal(&api->pr, "a page of renewal information is too large");
	api_reply_json(api, 200, &f->body);
	api_retry_after(api, f->retry_s);
	return true;
}

static bool
answer_feed(struct api *api)
{
	struct feed f = { .api = api, .now = clock_unix_s(), .limit = FEED_LIMIT, .explained = -1, .body = BUF_MAX(BODY_MAX), .gone = BUF_MAX(BODY_MAX) };
	bool good = read_feed(api, &f) &&
		limit_take_many(&api->srv->limits, api->conf, LIMIT_RENEWAL_ACCOUNT, span_str(api->kid_ref), (size_t)f.limit, &api->pr) &&
		store_read(api->srv->store, feed_tx, &f, &api->pr) && reply_feed(api, &f);

	buf_done(&f.body);
	buf_done(&f.gone);
	return good;
}

bool
api_renewal_batch(struct api *api)
{
	bool list = api->payload && json_get(api->payload, "certIDs"), feed = !api->payload || json_get(api->payload, "scope");

	if (list == feed)
		return problem_set(&api->pr, PROBLEM_MALFORMED, "one of certIDs and scope is wanted, %s", list ? "not both" : "and neither is there");
	return list ? answer_list(api) : answer_feed(api);
}
