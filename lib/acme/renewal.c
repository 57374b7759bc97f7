/* renewal.c - see renewal.h. */
#include "acme/renewal.h"

#include <stdlib.h>

#include "acme/object.h"
#include "base/clock.h"
#include "json/json.h"

#define ENTRY_NODES 16 /* the values of an entry, and room for members of the future */

/* An object, or a problem of ours that names what it was. */
static bool
open_object(struct span text, size_t most, const struct json_limits *limits, struct json **ret, struct problem *pr)
{
	struct problem why = { 0 };

	if (text.n > most)
		return problem_internal(pr, "the CA's renewal information has %zu octets", text.n);
	if (!json_parse(text, "renewal information", limits, ret, &why))
		return problem_internal(pr, "the CA's renewal information cannot be read: %.180s", why.detail);
	if (json_type(json_root(*ret)) == JSON_OBJECT)
		return true;
	json_free(*ret);
	return problem_internal(pr, "the CA's renewal information is no JSON object");
}

static bool
read_info(const struct json_node *info, struct acme_renewal *ret, struct problem *pr)
{
	const struct json_node *window = json_get(info, "suggestedWindow");
	struct span start = json_text(json_get(window, "start")), end = json_text(json_get(window, "end"));
	struct span page = json_text(json_get(info, "explanationURL"));
	struct acme_renewal r = { 0 };

	if (json_type(window) != JSON_OBJECT || !time_rfc3339_parse(start, &r.start) || !time_rfc3339_parse(end, &r.end))
		return problem_internal(pr, "the CA's renewal information has no window: start \"%.40s\", end \"%.40s\"", QUOTE(start), QUOTE(end));
	if (r.end <= r.start)
		return problem_internal(pr, "the CA's window ends at %.40s and begins at %.40s", QUOTE(end), QUOTE(start));
	r.explanation = acme_url_ok(page) ? span_dup(page) : NULL;
	*ret = r;
	return true;
}

bool
acme_renewal_read(struct span text, struct acme_renewal *ret, struct problem *pr)
{
	struct json *doc;
	bool good;

	if (!open_object(text, ACME_RENEWAL_MAX_BYTES, NULL, &doc, pr))
		return false;
	good = read_info(json_root(doc), ret, pr);
	json_free(doc);
	return good;
}

void
acme_renewal_done(struct acme_renewal *r)
{
	free(r->explanation);
	*r = (struct acme_renewal){ 0 };
}

/* ---- lists ---- */

static void
read_entry(const struct json_node *node, struct acme_renewal_entry *e)
{
	const struct json_node *info = json_get(node, "renewalInfo");
	struct problem unreadable = { 0 };
	int64_t s;

	e->tag = json_text(json_get(node, "tag"));
	if (e->tag.n > ACME_RENEWAL_TAG_MAX)
		e->tag = SPAN_NONE;
	if (json_int(json_get(node, "retryAfter"), &s) && s > 0)
		e->retry_after_s = s;
	if (info)
		e->kind = read_info(info, &e->info, &unreadable) ? ACME_RENEWAL_WINDOW : ACME_RENEWAL_UNREADABLE;
	else
		e->kind = json_bool(json_get(node, "unchanged"), false) ? ACME_RENEWAL_UNCHANGED : ACME_RENEWAL_UNREADABLE;
}

static void
read_error(const struct json_node *node, struct acme_renewal_entry *e)
{
	int64_t status;

	e->kind = ACME_RENEWAL_PROBLEM;
	if (json_int(json_get(node, "status"), &status) && status >= 100 && status <= 599)
		e->status = (int)status;
}

static void
read_each(const struct json_node *object, void (*read)(const struct json_node *node, struct acme_renewal_entry *e), acme_renewal_fn fn, void *arg)
{
	const struct json_node *node = NULL;
	struct span name;

	for (size_t i = 0; i < ACME_RENEWAL_LIST_MAX && (node = json_next_member(object, node, &name)); i++) {
		struct acme_renewal_entry e = { .certid = name };

		read(node, &e);
		fn(&e, arg);
		acme_renewal_done(&e.info);
	}
}

bool
acme_renewal_list_read(struct span text, acme_renewal_fn fn, void *arg, struct problem *pr)
{
	static const struct json_limits limits = { .depth_max = 16, .nodes_max = ENTRY_NODES * ACME_RENEWAL_LIST_MAX };
	const struct json_node *entries, *errors;
	struct json *doc;
	bool good;

	if (!open_object(text, ACME_RENEWAL_LIST_MAX_BYTES, &limits, &doc, pr))
		return false;
	entries = json_get(json_root(doc), "entries");
	errors = json_get(json_root(doc), "errors");
	good = json_type(entries) == JSON_OBJECT && (!errors || json_type(errors) == JSON_OBJECT);
	if (good) {
		read_each(entries, read_entry, fn, arg);
		read_each(errors, read_error, fn, arg);
	} else {
		problem_internal(pr, "the CA's list of renewal information has no entries, or errors that are no object");
	}
	json_free(doc);
	return good;
}
