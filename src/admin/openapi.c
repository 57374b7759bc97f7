/* openapi.c - see openapi.h. A reply's members are not repeated here: they are what `acmegatectl --json` shows. */
#include "admin/openapi.h"

#include <string.h>

#include "admin/call.h"

#define ABOUT \
	"HTTP/1.1 on the UNIX socket admin_socket. Who asks is known by the user of the process; x-role is the role that it takes: " \
	"administrators have each, and each has that of viewers. " \
	"Lists answer {items, next, total, total_is_exact}; `before` (or `after`) takes what `next` said. A parameter that is not named here is refused. " \
	"Of a body those members are named that the audit trail may have: others, such as secrets, are not."

static void
end(struct jw *w, int count)
{
	while (count-- > 0)
		jw_end(w);
}

static bool
has_ref(const struct resource *res)
{
	return strstr(res->path, "{}") != NULL;
}

/* "/eab/{}/rotate" is "/eab/{ref}/rotate". */
static void
open_path(struct jw *w, const struct resource *res)
{
	AUTO_BUF path = BUF_MAX(256);

	for (const char *p = res->path; *p; p++) {
		buf_addc(&path, *p);
		if (*p == '{')
			buf_adds(&path, "ref");
	}
	jw_object(w, buf_cstr(&path));
}

/* "get-eab", "get-eab-ref", "post-eab-ref-rotate" */
static void
write_id(struct jw *w, const struct resource *res)
{
	AUTO_BUF id = BUF_MAX(256);

	buf_adds(&id, res->method == HTTP_POST ? "post" : "get");
	for (const char *p = res->path; *p; p++) {
		if (*p == '{')
			buf_adds(&id, "ref");
		else if (*p != '}')
			buf_addc(&id, *p == '/' ? '-' : *p);
	}
	jw_span(w, "operationId", buf_span(&id));
}

static void
write_parameter(struct jw *w, struct span name, bool in_path)
{
	bool is_limit = span_is(name, "limit");

	jw_object(w, NULL);
	jw_span(w, "name", name);
	jw_str(w, "in", in_path ? "path" : "query");
	if (in_path)
		jw_bool(w, "required", true);
	jw_object(w, "schema");
	jw_str(w, "type", is_limit ? "integer" : "string");
	if (is_limit) {
		jw_int(w, "minimum", 1);
		jw_int(w, "maximum", LIST_LIMIT_MAX);
		jw_int(w, "default", LIST_LIMIT);
	}
	end(w, 2);
}

static void
write_parameters(struct jw *w, const struct resource *res)
{
	struct span rest = span_str(res->query), name;

	if (!res->query && !has_ref(res))
		return;
	jw_array(w, "parameters");
	if (has_ref(res))
		write_parameter(w, SPAN("ref"), true);
	while (res->query && span_cut(&rest, ' ', &name))
		write_parameter(w, name, false);
	jw_end(w);
}

static void
write_body(struct jw *w, const struct resource *res)
{
	struct span rest = span_str(res->told), member;

	jw_object(w, "requestBody");
	jw_object(w, "content");
	jw_object(w, "application/json");
	jw_object(w, "schema");
	jw_str(w, "type", "object");
	if (res->told)
		jw_object(w, "properties");
	while (res->told && span_cut(&rest, ' ', &member)) {
		AUTO_FREE char *name = span_dup(member);

		jw_object(w, name);
		jw_end(w);
	}
	end(w, res->told ? 5 : 4);
}

static void
write_responses(struct jw *w, const struct resource *res)
{
	jw_object(w, "responses");
	jw_object(w, "200");
	jw_str(w, "description", "Done");
	jw_object(w, "content");
	jw_object(w, res->text ? "*/*" : "application/json");
	end(w, 3);
	jw_object(w, "default");
	jw_str(w, "$ref", "#/components/responses/refusal");
	end(w, 2);
}

static void
write_operation(struct jw *w, const struct resource *res)
{
	jw_object(w, res->method == HTTP_POST ? "post" : "get");
	write_id(w, res);
	jw_str(w, "x-role", role_name(res->role));
	write_parameters(w, res);
	if (res->method == HTTP_POST)
		write_body(w, res);
	write_responses(w, res);
	jw_end(w);
}

static bool
is_first_of_path(size_t at)
{
	size_t i = 0;

	while (strcmp(resource_at(i)->path, resource_at(at)->path) != 0)
		i++;
	return i == at;
}

/* Rows of one path stand together in the document, wherever they are in the table. */
static void
write_paths(struct jw *w)
{
	jw_object(w, "paths");
	for (size_t at = 0; at < resource_count(); at++) {
		if (!is_first_of_path(at))
			continue;
		open_path(w, resource_at(at));
		for (size_t i = at; i < resource_count(); i++) {
			if (strcmp(resource_at(i)->path, resource_at(at)->path) == 0)
				write_operation(w, resource_at(i));
		}
		jw_end(w);
	}
	jw_end(w);
}

static void
write_components(struct jw *w)
{
	jw_object(w, "components");
	jw_object(w, "responses");
	jw_object(w, "refusal");
	jw_str(w, "description", "Refused, or failed: a problem document (RFC 9457)");
	jw_object(w, "content");
	jw_object(w, "application/problem+json");
	end(w, 5);
}

#define LINES_DEPTH 5 /* what lies deeper stays on its line */

static void
new_line(struct buf *out, int depth)
{
	buf_addc(out, '\n');
	while (depth-- > 0)
		buf_addc(out, '\t');
}

/* For people and for diff; of JSON as jw writes it. */
static void
write_lines(struct span json, struct buf *out)
{
	bool in_text = false;
	int depth = 0;

	for (size_t i = 0; i < json.n; i++) {
		char at = json.p[i];

		if (in_text && at == '\\') {
			buf_addc(out, at);
			at = json.p[++i];
		} else if (at == '"') {
			in_text = !in_text;
		} else if (!in_text && (at == '}' || at == ']') && depth-- <= LINES_DEPTH) {
			new_line(out, depth);
		}
		buf_addc(out, at);
		if (!in_text && (at == '{' || at == '['))
			depth++;
		if (!in_text && depth <= LINES_DEPTH && (at == '{' || at == '[' || at == ','))
			new_line(out, depth);
		else if (!in_text && (at == ':' || at == ','))
			buf_addc(out, ' ');
	}
	buf_addc(out, '\n');
}

bool
openapi_write(struct buf *out)
{
	AUTO_BUF json = BUF_MAX(1 << 20);
	struct jw w = jw_to(&json);

	jw_object(&w, NULL);
	jw_str(&w, "openapi", "3.1.0");
	jw_object(&w, "info");
	jw_str(&w, "title", "Admin API of acmegate");
	jw_str(&w, "version", "1");
	jw_str(&w, "description", ABOUT);
	jw_end(&w);
	write_paths(&w);
	write_components(&w);
	jw_end(&w);
	if (!jw_ok(&w))
		return false;
	write_lines(buf_span(&json), out);
	return buf_ok(out);
}
