/* problem_json.c - see problem_json.h.
 *
 * CAs send problem documents, other JSON, a JSON string, HTML or nothing; so the HTTP status is
 * believed first, and the document only adds to it. */
#include "acme/problem_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "acme/object.h"

void
problem_json_write(
	struct jw *w, const char *name, const struct problem *pr, const struct problem_more *more)
{
	static const struct problem_more none;
	char type[64];

	if (!more)
		more = &none;
	snprintf(type, sizeof(type), PROBLEM_URN "%s", problem_type(pr->kind));
	jw_object(w, name);
	jw_str(w, "type", type);
	jw_str(w, "detail", pr->detail);
	jw_int(w, "status", problem_status(pr->kind));
	if (more->instance)
		jw_str(w, "instance", more->instance);
	if (more->cert_ids_max)
		jw_int(w, "maxCertIDs", more->cert_ids_max);
	if (more->algorithms_json)
		jw_raw(w, "algorithms", span_str(more->algorithms_json));
	if (more->sub_count)
		jw_array(w, "subproblems");
	for (size_t i = 0; i < more->sub_count && i < ACME_SUBPROBLEMS_MAX; i++) {
		const struct acme_subproblem *sub = &more->subs[i];

		snprintf(type, sizeof(type), PROBLEM_URN "%s", problem_type(sub->problem.kind));
		jw_object(w, NULL);
		jw_str(w, "type", type);
		jw_str(w, "detail", sub->problem.detail);
		jw_int(w, "status", problem_status(sub->problem.kind));
		if (sub->ident.value[0]) {
			jw_object(w, "identifier");
			jw_str(w, "type", ident_type_name(sub->ident.type));
			jw_str(w, "value", sub->ident.value);
			jw_end(w);
		}
		jw_end(w);
	}
	if (more->sub_count)
		jw_end(w);
	jw_end(w);
}

bool
problem_json(struct buf *out, const struct problem *pr, const struct problem_more *more)
{
	struct jw w = jw_to(out);

	problem_json_write(&w, NULL, pr, more);
	return jw_ok(&w);
}

/* Foreign UTF-8 without control characters, cut between two characters. */
static void
text_clean(struct span s, char *dst, size_t size)
{
	size_t n = s.n < size - 1 ? s.n : size - 1;

	while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		dst[i] = c < 0x20 || c == 0x7f ? ' ' : (char)c;
	}
	dst[n] = '\0';
}

enum problem_kind
problem_kind_of_status(int http_status)
{
	switch (http_status) {
	case 401:
		return PROBLEM_ACCOUNT_NOT_VALID;
	case 403:
		return PROBLEM_UNAUTHORIZED;
	case 404:
	case 410:
		return PROBLEM_NOT_FOUND;
	case 405:
		return PROBLEM_METHOD_NOT_ALLOWED;
	case 408:
		return PROBLEM_REQUEST_TIMEOUT;
	case 409:
		return PROBLEM_CONFLICT;
	case 413:
		return PROBLEM_TOO_LARGE;
	case 415:
		return PROBLEM_MEDIA_TYPE;
	case 429:
		return PROBLEM_RATE_LIMITED;
	case 431:
		return PROBLEM_HEADERS_TOO_LARGE;
	case 503:
		return PROBLEM_OVERLOADED;
	default:
		return http_status >= 400 && http_status < 500 ? PROBLEM_MALFORMED
							       : PROBLEM_SERVER_INTERNAL;
	}
}

/* The row of problem.h for this type and status: "malformed" with 404 is PROBLEM_NOT_FOUND. */
static enum problem_kind
kind_of(struct span type, int status)
{
	static const char *const prefixes[] = { PROBLEM_URN, "urn:acme:error:" /* the drafts' */ };
	enum problem_kind kind = PROBLEM_NONE;

	for (size_t i = 0; i < COUNT_OF(prefixes) && kind == PROBLEM_NONE; i++) {
		if (span_starts(type, prefixes[i]))
			kind = problem_kind_of(span_from(type, strlen(prefixes[i])));
	}
	if (kind == PROBLEM_NONE)
		return problem_kind_of_status(status);
	for (int k = 1; k < PROBLEM__COUNT; k++) {
		const char *name = problem_type((enum problem_kind)k);

		if (problem_status((enum problem_kind)k) == status &&
			strcmp(name, problem_type(kind)) == 0)
			return (enum problem_kind)k;
	}
	return kind;
}

/* `status` is the reply's, which outranks the member (RFC 9457 3.1.2), or 0. */
static int
read_basics(const struct json_node *node, int status, struct problem *ret, char *ret_type,
	size_t type_size)
{
	struct span type = json_text(json_get(node, "type"));
	struct span detail = json_text(json_get(node, "detail"));
	int64_t told;

	if (status == 0 && json_int(json_get(node, "status"), &told) && told >= 400 && told < 600)
		status = (int)told;
	ret->kind = kind_of(type, status);
	if (detail.n == 0)
		detail = json_text(json_get(node, "title"));
	text_clean(detail, ret->detail, sizeof(ret->detail));
	if (detail.n == 0)
		snprintf(ret->detail, sizeof(ret->detail), "no detail was given");
	problem_quote(type, ret_type, type_size);
	if (ret_type[0])
		problem_cause(ret, "type %s", ret_type);
	return status;
}

static void
read_subproblems(const struct json_node *list, struct acme_problem *ret)
{
	size_t count = json_type(list) == JSON_ARRAY ? json_count(list) : 0;
	char type[128];

	if (count > ACME_SUBPROBLEMS_MAX)
		count = ACME_SUBPROBLEMS_MAX;
	if (count == 0)
		return;
	ret->subs = xcalloc(count, sizeof(*ret->subs));
	for (size_t i = 0; i < count; i++) {
		const struct json_node *node = json_at(list, i), *id;
		struct acme_subproblem *sub = &ret->subs[ret->sub_count];

		if (json_type(node) != JSON_OBJECT)
			continue;
		read_basics(node, 0, &sub->problem, type, sizeof(type));
		id = json_get(node, "identifier");
		if (!ident_parse(json_text(json_get(id, "type")), json_text(json_get(id, "value")),
			    &sub->ident, NULL))
			sub->ident = (struct ident){ 0 };
		ret->sub_count++;
	}
}

static char *
read_algorithms(const struct json_node *list)
{
	AUTO_BUF names = BUF_MAX(512);

	if (json_type(list) != JSON_ARRAY)
		return NULL;
	for (size_t i = 0; i < json_count(list) && i < 64; i++) {
		struct span name = json_text(json_at(list, i));

		if (name.n && name.n < 32)
			buf_addf(&names, "%s%s", names.n ? " " : "", QUOTE(name));
	}
	return names.n ? span_dup(buf_span(&names)) : NULL;
}

static void
read_object(const struct json_node *node, int status, struct acme_problem *ret)
{
	struct span instance = json_text(json_get(node, "instance"));

	*ret = (struct acme_problem){ 0 };
	ret->status = read_basics(node, status, &ret->problem, ret->type, sizeof(ret->type));
	if (acme_url_ok(instance))
		ret->instance = span_dup(instance);
	read_subproblems(json_get(node, "subproblems"), ret);
	ret->algorithms = read_algorithms(json_get(node, "algorithms"));
}

bool
acme_problem_read_node(const struct json_node *node, struct acme_problem *ret)
{
	if (json_type(node) != JSON_OBJECT)
		return false;
	read_object(node, 0, ret);
	return true;
}

/* Not a problem document: the status is all that is sure, the words are for the log. */
static void
read_other(struct span words, int status, struct acme_problem *ret)
{
	char excerpt[200];

	*ret = (struct acme_problem){ .status = status };
	problem_quote(words, excerpt, sizeof(excerpt));
	problem_set(&ret->problem, problem_kind_of_status(status), "the CA answered with status %d",
		status);
	problem_cause(&ret->problem, "%s%s", excerpt[0] ? "body: " : "empty body", excerpt);
}

void
acme_problem_read(struct span body, int http_status, struct acme_problem *ret)
{
	struct json *doc = NULL;
	const struct json_node *root = NULL;

	if (body.n && body.n <= ACME_PROBLEM_MAX_BYTES &&
		json_parse(body, "problem", NULL, &doc, NULL))
		root = json_root(doc);
	if (root && json_type(root) == JSON_OBJECT) {
		read_object(root, http_status, ret);
	} else if (root && json_type(root) == JSON_STRING) {
		read_other(json_text(root), http_status, ret);
		if (json_text(root).n)
			text_clean(
				json_text(root), ret->problem.detail, sizeof(ret->problem.detail));
	} else {
		read_other(body, http_status, ret);
	}
	json_free(doc);
}

void
acme_problem_done(struct acme_problem *p)
{
	free(p->instance);
	free(p->subs);
	free(p->algorithms);
	*p = (struct acme_problem){ 0 };
}
