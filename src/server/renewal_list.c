/* renewal_list.c - see renewal_list.h. */
#include "server/renewal_list.h"

#include <openssl/sha.h>
#include <stdlib.h>

#include "base/b64url.h"
#include "base/utf8.h"

#define LINE_TEXT 4096

void
renewal_list_init(struct renewal_list *l, size_t max)
{
	*l = (struct renewal_list){ .items = xcalloc(max, sizeof(*l->items)), .room = max, .seen_size = 2, .now = clock_unix_s() };
	while (l->seen_size < 2 * max)
		l->seen_size *= 2;
	l->seen = xcalloc(l->seen_size, sizeof(*l->seen));
}

void
renewal_list_done(struct renewal_list *l)
{
	free(l->items);
	free(l->seen);
	*l = (struct renewal_list){ 0 };
}

/* Where the text's number is, or would be. Whoever sends a list that is slow to look through has sent at most a thousand. */
static uint16_t *
place_of(const struct renewal_list *l, struct span text)
{
	size_t i = (size_t)span_hash(text) & (l->seen_size - 1);

	while (l->seen[i] && !span_eq(l->items[l->seen[i] - 1].text, text))
		i = (i + 1) & (l->seen_size - 1);
	return &l->seen[i];
}

void
renewal_list_add(struct renewal_list *l, struct renewal *r, struct span text, struct span tag)
{
	struct renewal_item *item = &l->items[l->count];
	struct problem pr = { 0 };
	struct certid id;
	uint16_t *place;

	/* what cannot be a certID may be anything: in our answer it is a name, once, and no longer than this */
	if (text.n > CERTID_TEXT)
		text.n = utf8_prefix(span_of(text.p, CERTID_TEXT));
	place = place_of(l, text);
	if (l->count == l->room || *place)
		return;
	*item = (struct renewal_item){ .text = text, .tag = tag };
	*place = (uint16_t)++l->count;
	if (!certid_parse(text, &id, &pr))
		item->state = RENEWAL_BAD;
	else if (renewal_peek(r, &id, &item->info))
		item->state = RENEWAL_FOUND;
	else
		l->looking++;
}

bool
renewal_list_find(struct renewal_list *l, struct renewal *r, struct sql *db, struct problem *pr)
{
	for (size_t i = 0; i < l->count; i++) {
		struct renewal_item *item = &l->items[i];
		struct certid id;
		bool found;

		if (item->state != RENEWAL_LOOK)
			continue;
		if (!certid_parse(item->text, &id, pr) || !renewal_find(r, db, &id, &item->info, &found, pr))
			return false;
		item->state = found ? RENEWAL_FOUND : RENEWAL_UNKNOWN;
	}
	return true;
}

void
renewal_list_judge(struct renewal_list *l, int64_t principal)
{
	for (size_t i = 0; i < l->count; i++) {
		struct renewal_item *item = &l->items[i];

		if (item->state == RENEWAL_FOUND && (item->info.not_after < l->now || (principal && item->info.principal != principal)))
			item->state = RENEWAL_UNKNOWN;
	}
}

void
renewal_item_problem(const struct renewal_item *item, struct problem *ret)
{
	struct certid id;

	*ret = (struct problem){ 0 };
	if (item->state != RENEWAL_BAD)
		problem_set(ret, PROBLEM_NOT_FOUND, "unknown certificate");
	else if (certid_parse(item->text, &id, ret))
		problem_internal(ret, "a certID was unreadable once");
}

/* ---- what is said ---- */

const char *
renewal_explanation(const struct gate_conf *conf, const struct renewal_info *info)
{
	if (conf->renewal_explanation && conf->renewal_explanation[0] && !info->has_page)
		return info->revoked || info->explanation ? conf->renewal_explanation : NULL;
	return info->explanation;
}

void
renewal_write(struct jw *w, const char *name, const struct gate_conf *conf, const struct renewal_info *info)
{
	const char *page = renewal_explanation(conf, info);

	jw_object(w, name);
	jw_object(w, "suggestedWindow");
	jw_time(w, "start", info->window.start);
	jw_time(w, "end", info->window.end);
	jw_end(w);
	if (page)
		jw_str(w, "explanationURL", page);
	jw_end(w);
}

void
renewal_tag(const struct gate_conf *conf, const struct renewal_info *info, char ret[RENEWAL_TAG_TEXT])
{
	const char *page = renewal_explanation(conf, info);
	const uint64_t said[] = { (uint64_t)info->window.start, (uint64_t)info->window.end, page ? span_hash(span_str(page)) : 0 };
	uint64_t sum;

	/* whoever has a wrong one is told once more, or once less until the next change: no more is at stake */
	sum = span_hash(span_of(said, sizeof(said)));
	b64url_write(ret, &sum, 6);
}

static int
by_text(const void *a, const void *b)
{
	const struct renewal_item *const *x = a, *const *y = b;
	size_t n = (*x)->text.n < (*y)->text.n ? (*x)->text.n : (*y)->text.n;
	int order = memcmp((*x)->text.p, (*y)->text.p, n);

	return order ? order : ((*x)->text.n > (*y)->text.n) - ((*x)->text.n < (*y)->text.n);
}

void
renewal_etag(const struct gate_conf *conf, const struct renewal_list *l, char ret[RENEWAL_ETAG_TEXT])
{
	AUTO_BUF lines = BUF_MAX(RENEWAL_GET_MAX * 2 * LINE_TEXT);
	const struct renewal_item *sorted[RENEWAL_GET_MAX];
	unsigned char sum[SHA256_DIGEST_LENGTH];

	for (size_t i = 0; i < l->count; i++)
		sorted[i] = &l->items[i];
	qsort(sorted, l->count, sizeof(sorted[0]), by_text);
	for (size_t i = 0; i < l->count; i++) {
		const struct renewal_item *item = sorted[i];
		bool found = item->state == RENEWAL_FOUND;
		const char *page = found ? renewal_explanation(conf, &item->info) : NULL;

		buf_addf(&lines, "%.*s|%lld|%lld|%s|%d\n", SPAN_FMT(item->text), found ? (long long)item->info.window.start : 0,
			found ? (long long)item->info.window.end : 0, page ? page : "", found ? 200 : item->state == RENEWAL_BAD ? 400 : 404);
	}
	SHA256((const unsigned char *)lines.p, lines.n, sum);
	b64url_write(ret, sum, sizeof(sum));
}

void
renewal_entry_write(struct jw *w, const struct gate_conf *conf, const char *name, const struct renewal_info *info, struct span known_tag, int64_t now)
{
	char tag[RENEWAL_TAG_TEXT];

	renewal_tag(conf, info, tag);
	jw_object(w, name);
	if (span_is(known_tag, tag)) {
		jw_bool(w, "unchanged", true);
	} else {
		renewal_write(w, "renewalInfo", conf, info);
		jw_str(w, "tag", tag);
	}
	jw_int(w, "retryAfter", renewal_retry_s(info, now));
	jw_end(w);
}

static const char *
name_of(const struct renewal_item *item, char dst[CERTID_TEXT + 1])
{
	if (item->text.n > 0)
		memcpy(dst, item->text.p, item->text.n);
	dst[item->text.n] = '\0';
	return dst;
}

static void
write_error(struct jw *w, const struct renewal_item *item)
{
	char name[CERTID_TEXT + 1];
	struct problem pr;

	renewal_item_problem(item, &pr);
	problem_json_write(w, name_of(item, name), &pr, NULL);
}

void
renewal_list_write(struct jw *w, const struct gate_conf *conf, const struct renewal_list *l, int64_t *ret_retry_s)
{
	char name[CERTID_TEXT + 1];

	jw_object(w, "entries");
	for (size_t i = 0; i < l->count; i++) {
		const struct renewal_item *item = &l->items[i];
		int64_t retry_s;

		if (item->state != RENEWAL_FOUND)
			continue;
		renewal_entry_write(w, conf, name_of(item, name), &item->info, item->tag, l->now);
		retry_s = renewal_retry_s(&item->info, l->now);
		if (retry_s < *ret_retry_s)
			*ret_retry_s = retry_s;
	}
	jw_end(w);
	jw_object(w, "errors");
	for (size_t i = 0; i < l->count; i++) {
		if (l->items[i].state != RENEWAL_FOUND)
			write_error(w, &l->items[i]);
	}
	jw_end(w);
}
